//! Media types and charsets of header values, parsed as .NET parses them.

use smallvec::{SmallVec, smallvec};

/// A format a body can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formatter {
    /// `application/json`, `text/json`.
    Json,
    /// `application/xml`, `text/xml`.
    Xml,
    /// `application/x-www-form-urlencoded`; read only.
    Form,
}

impl Formatter {
    /// The media types of the format, the preferred one first.
    #[must_use]
    pub const fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/json", "text/json"],
            Self::Xml => &["application/xml", "text/xml"],
            Self::Form => &["application/x-www-form-urlencoded"],
        }
    }

    /// The formatter that reads a media type.
    #[must_use]
    pub fn for_media_type(media_type: &str) -> Option<Self> {
        [Self::Json, Self::Xml, Self::Form]
            .into_iter()
            .find(|formatter| formatter.media_type(media_type).is_some())
    }

    /// Our spelling of `media_type`, if it is one of the format's.
    pub(super) fn media_type(self, media_type: &str) -> Option<&'static str> {
        self.media_types().iter().copied().find(|known| known.eq_ignore_ascii_case(media_type))
    }
}

/// A character encoding the formatters support.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// `utf-8`, written without a byte order mark.
    #[default]
    Utf8,
    /// `utf-16`, little endian, written with a byte order mark.
    Utf16,
}

impl Charset {
    /// The charset of a name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("utf-8") {
            Some(Self::Utf8)
        } else if name.eq_ignore_ascii_case("utf-16") {
            Some(Self::Utf16)
        } else {
            None
        }
    }
}

/// One element of a header value: a token or media range with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Element<'h> {
    /// `application/json`, `text/*`, `utf-8`.
    pub(super) value: &'h str,
    /// Quality; 1 when none is given.
    pub(super) quality: f32,
    /// The `charset` parameter, without quotes.
    pub(super) charset: Option<&'h str>,
}

/// Elements of one header value. Callers name one, browsers some.
pub(super) type Elements<'h> = SmallVec<[Element<'h>; 4]>;

/// Reads a `Content-Type`. `None` when it is not a media type.
pub(super) fn content_type(header: &str) -> Option<Element<'_>> {
    if let Some(element) = usual(header) {
        return Some(element);
    }
    let element = element(header)?;
    let (main, sub) = element.value.split_once('/')?;
    (is_token(main) && is_token(sub)).then_some(element)
}

/// Reads a list of media ranges. A list with one malformed element counts as empty, since .NET
/// then keeps none of its elements.
pub(super) fn accept(header: &str) -> Elements<'_> {
    if let Some(element) = usual(header) {
        return smallvec![element];
    }
    let ranges = list(header, |value| {
        value.split_once('/').is_some_and(|(main, sub)| is_token(main) && is_token(sub))
    });
    ranges.unwrap_or_default()
}

/// Reads a list of charsets, with the same rule.
pub(super) fn accept_charset(header: &str) -> Elements<'_> {
    list(header, is_token).unwrap_or_default()
}

/// Reads what nearly every caller sends, at a glance: a format's own name or `*/*`, alone or with the
/// usual charset.
fn usual(header: &str) -> Option<Element<'_>> {
    let length = header.bytes().position(|byte| byte == b';').unwrap_or(header.len());
    let (value, parameter) = header.split_at(length);
    let charset = match parameter {
        "" => None,
        "; charset=utf-8" | ";charset=utf-8" | "; charset=UTF-8" | ";charset=UTF-8" => {
            Some(&parameter[parameter.len() - 5..])
        }
        _ => return None,
    };
    let known =
        matches!(value, "application/json" | "text/json" | "application/xml" | "text/xml" | "*/*");
    known.then_some(Element { value, quality: 1.0, charset })
}

fn list(header: &str, valid: impl Fn(&str) -> bool) -> Option<Elements<'_>> {
    let mut elements = SmallVec::new();
    for part in split_outside_quotes(header, b',') {
        if !part.trim().is_empty() {
            elements.push(element(part).filter(|element| valid(element.value))?);
        }
    }
    Some(elements)
}

fn element(text: &str) -> Option<Element<'_>> {
    let mut parts = split_outside_quotes(text, b';');
    let value = parts.next()?.trim();
    let mut element = Element { value, quality: 1.0, charset: None };
    for parameter in parts {
        let parameter = parameter.trim();
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let (name, value) = (name.trim(), value.trim());
        if !is_token(name) {
            return None;
        }
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let bare = bare.unwrap_or(value);
        if name.eq_ignore_ascii_case("q") {
            // An unreadable quality counts as none at all.
            let digits = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            element.quality = value.parse().ok().filter(|_| digits).unwrap_or(1.0);
        } else if name.eq_ignore_ascii_case("charset") {
            element.charset = Some(bare);
        }
    }
    Some(element)
}

fn split_outside_quotes(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |sign: char| {
        quoted ^= sign == '"';
        !quoted && sign == char::from(separator)
    })
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_has_a_type_a_subtype_and_perhaps_a_charset() {
        let check = |header: &str, expected: Option<(&str, Option<&str>)>| {
            let found = content_type(header).map(|element| (element.value, element.charset));
            assert_eq!(found, expected, "{header}");
        };
        check("application/json", Some(("application/json", None)));
        check("text/xml; charset=UTF-8", Some(("text/xml", Some("UTF-8"))));
        check("text/xml;x=\"a;b\";Charset=\"utf-16\"", Some(("text/xml", Some("utf-16"))));
        check("json", None);
        check("", None);
        check("a/b c", None);
        check("a/b; =x", None);
    }

    #[test]
    fn the_usual_is_read_as_anything_else_is() {
        let types = ["application/json", "text/json", "application/xml", "text/xml", "*/*"];
        for media_type in types {
            let spellings = ["", "; charset=utf-8", ";charset=utf-8", "; charset=UTF-8"];
            for spelling in spellings.into_iter().chain([";charset=UTF-8"]) {
                let header = format!("{media_type}{spelling}");
                assert_eq!(usual(&header), element(&header), "{header}");
                assert!(usual(&header).is_some(), "{header}");
            }
        }
        for header in ["", "text/html", "application/json;q=0.5", "*/*, text/xml", "TEXT/XML"] {
            assert_eq!(usual(header), None, "{header}");
        }
    }

    #[test]
    fn one_malformed_range_empties_the_list() {
        let check = |header: &str, expected: &[(&str, f32)]| {
            let found: Vec<_> =
                accept(header).iter().map(|element| (element.value, element.quality)).collect();
            assert_eq!(found, expected, "{header}");
        };
        check("text/html, */*;q=0.8", &[("text/html", 1.0), ("*/*", 0.8)]);
        check("text/html,,", &[("text/html", 1.0)]);
        check("text/html, nonsense", &[]);
        check("a/b;q=x", &[("a/b", 1.0)]);
    }
}
