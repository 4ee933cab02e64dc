//! The parameters of a call, whichever of the accepted request forms carried them.
//!
//! Reads names and values; what they mean, and whether they are signed, is for `gateway`.
//! Source: docs/protocols/top.md, "Request forms".

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode;
use serde::Deserialize;

use super::multipart;

/// One HTTP request, its body read and bounded already.
#[derive(Clone, Copy)]
pub struct HttpCall<'a> {
    /// HTTP method in upper case.
    pub http_method: &'a str,
    /// Query string without the question mark, still encoded.
    pub query: &'a str,
    /// Content-Type as sent.
    pub content_type: Option<&'a str>,
    /// The whole body.
    pub body: &'a [u8],
}

/// Most that is accepted of each thing. Lengths are in bytes, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Parameters, or parts of a multipart body.
    pub params_max: usize,
    /// Length of a name.
    pub key_len_max: usize,
    /// Length of a value.
    pub value_len_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { params_max: 64, key_len_max: 128, value_len_max: 64 * 1024 }
    }
}

/// Why the parameters could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// The body is neither a form nor multipart.
    #[error("the content type is neither a form nor multipart/form-data")]
    UnsupportedContentType,
    /// A charset other than UTF-8 is declared.
    #[error("the declared charset is not utf-8")]
    UnsupportedCharset,
    /// A name or value is not UTF-8 once decoded.
    #[error("a parameter is not utf-8")]
    NotUtf8,
    /// The multipart body does not follow its boundary.
    #[error("the multipart body is malformed")]
    MalformedMultipart,
    /// More parameters than accepted.
    #[error("more than {max} parameters")]
    TooMany {
        /// How many are accepted.
        max: usize,
    },
    /// A name is longer than accepted.
    #[error("a parameter name is longer than {max} bytes")]
    KeyTooLong {
        /// How many bytes are accepted.
        max: usize,
    },
    /// A value is longer than accepted.
    #[error("a parameter value is longer than {max} bytes")]
    ValueTooLong {
        /// How many bytes are accepted.
        max: usize,
    },
    /// The same name was given twice with different values.
    #[error("a parameter was given twice with different values")]
    Conflict,
}

/// What could be read before something could not: enough to answer in the format asked for.
#[derive(Debug)]
pub struct Unreadable<'a> {
    /// What was wrong.
    pub fault: ParamsError,
    /// The parameters before the fault.
    pub seen: Params<'a>,
}

/// The text parameters of query and body together, decoded: each name once, in byte order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Params<'a> {
    /// Collects the parameters of query and body. A name given twice counts once when the values
    /// are equal; file parts of a multipart body are left out.
    ///
    /// # Errors
    /// [`Unreadable`], with what had been read until then.
    pub fn read(call: &HttpCall<'a>, limits: &Limits) -> Result<Self, Unreadable<'a>> {
        let mut collector = Collector { pairs: Vec::with_capacity(12), limits };
        let read = collector.form(call.query.as_bytes()).and_then(|()| collector.body(call));
        let (seen, unique) = Self::sorted(collector.pairs);
        match read.and(unique) {
            Ok(()) => Ok(seen),
            Err(fault) => Err(Unreadable { fault, seen }),
        }
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.pairs.binary_search_by(|(name, _)| name.as_ref().cmp(key)).ok()?;
        Some(self.pairs[found].1.as_ref())
    }

    /// The value of `key` unless it is empty: a system parameter without a value is an absent one.
    #[must_use]
    pub fn filled(&self, key: &str) -> Option<&str> {
        self.get(key).filter(|value| !value.is_empty())
    }

    /// Names and values in byte order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.pairs.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// Sorts pairs and drops repeated ones; says whether repeated names agreed on their value.
    fn sorted(mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>) -> (Self, Result<(), ParamsError>) {
        // Stable, so of values in conflict the one sent first is kept.
        pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut unique = Ok(());
        pairs.dedup_by(|later, earlier| {
            let repeated = later.0 == earlier.0;
            if repeated && later.1 != earlier.1 {
                unique = Err(ParamsError::Conflict);
            }
            repeated
        });
        (Self { pairs }, unique)
    }
}

/// Values may be voucher codes and signatures, so `Debug` shows the names only.
impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(key, _)| key)).finish()
    }
}

struct Collector<'a, 'l> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    limits: &'l Limits,
}

impl<'a> Collector<'a, '_> {
    fn body(&mut self, call: &HttpCall<'a>) -> Result<(), ParamsError> {
        if call.body.is_empty() {
            return Ok(());
        }
        let content_type = call.content_type.unwrap_or(FORM);
        if !is_utf8(content_type) {
            return Err(ParamsError::UnsupportedCharset);
        }
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case(FORM) {
            self.form(call.body)
        } else if media_type.eq_ignore_ascii_case(MULTIPART) {
            multipart::read(content_type, call.body, self.limits, |key, value| {
                self.push(Cow::Owned(key), Cow::Owned(value))
            })
        } else {
            Err(ParamsError::UnsupportedContentType)
        }
    }

    fn form(&mut self, encoded: &'a [u8]) -> Result<(), ParamsError> {
        for pair in encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut sides = pair.splitn(2, |byte| *byte == b'=');
            let key = decode(sides.next().unwrap_or_default())?;
            let value = decode(sides.next().unwrap_or_default())?;
            self.push(key, value)?;
        }
        Ok(())
    }

    fn push(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) -> Result<(), ParamsError> {
        let Limits { params_max, key_len_max, value_len_max } = *self.limits;
        if self.pairs.len() >= params_max {
            return Err(ParamsError::TooMany { max: params_max });
        }
        if key.len() > key_len_max {
            return Err(ParamsError::KeyTooLong { max: key_len_max });
        }
        if value.len() > value_len_max {
            return Err(ParamsError::ValueTooLong { max: value_len_max });
        }
        self.pairs.push((key, value));
        Ok(())
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// Decodes one side of a pair: `+` and `%20` are spaces, and a `%` that begins no escape stands
/// for itself.
fn decode(encoded: &[u8]) -> Result<Cow<'_, str>, ParamsError> {
    if !encoded.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return std::str::from_utf8(encoded).map(Cow::Borrowed).map_err(|_| ParamsError::NotUtf8);
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    for (index, word) in encoded.split(|byte| *byte == b'+').enumerate() {
        if index > 0 {
            decoded.push(b' ');
        }
        decoded.extend(percent_decode(word));
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| ParamsError::NotUtf8)
}

/// Whether a content type leaves the charset at UTF-8.
pub(super) fn is_utf8(content_type: &str) -> bool {
    content_type.split(';').skip(1).all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.trim().eq_ignore_ascii_case("charset") || is_utf8_charset(value)
    })
}

/// Whether a charset's name means UTF-8 or its subset ASCII.
pub(super) fn is_utf8_charset(name: &str) -> bool {
    let name = name.trim().trim_matches('"');
    ["utf-8", "utf8", "us-ascii"].iter().any(|accepted| name.eq_ignore_ascii_case(accepted))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::top::client::encode_form;

    fn call<'a>(
        http_method: &'a str,
        query: &'a str,
        content_type: Option<&'a str>,
        body: &'a [u8],
    ) -> HttpCall<'a> {
        HttpCall { http_method, query, content_type, body }
    }

    fn pairs<'p>(params: &'p Params<'_>) -> Vec<(&'p str, &'p str)> {
        params.iter().collect()
    }

    #[test]
    fn query_and_body_are_one_set_in_byte_order() {
        let check = |query: &str, body: &[u8], expected: &[(&str, &str)]| {
            let call = call("POST", query, None, body);
            let params = Params::read(&call, &Limits::default()).unwrap();
            assert_eq!(pairs(&params), expected);
        };
        check("", b"", &[]);
        check("&&", b"&", &[]);
        check("b=2&a=1", b"", &[("a", "1"), ("b", "2")]);
        check("b=2", b"a=1&B=3", &[("B", "3"), ("a", "1"), ("b", "2")]);
        check("a=1+2%203%2B", b"", &[("a", "1 2 3+")]);
        check("a=1=2&b&c=", b"", &[("a", "1=2"), ("b", ""), ("c", "")]);
        check("a=%zz%4", b"", &[("a", "%zz%4")]);
        check("%61=%E7%A5%A8", b"", &[("a", "票")]);
        check("a=~", "b=票".as_bytes(), &[("a", "~"), ("b", "票")]);
        // The same pair twice is one parameter, wherever it comes from.
        check("a=1&a=1", b"a=%31", &[("a", "1")]);
    }

    #[test]
    fn content_types() {
        let read = |content_type: Option<&str>| {
            let call = call("POST", "", content_type, b"a=1");
            Params::read(&call, &Limits::default()).map(drop).map_err(|error| error.fault)
        };
        let ok = |content_type| assert_eq!(read(content_type), Ok(()), "{content_type:?}");
        ok(None);
        ok(Some("application/x-www-form-urlencoded"));
        ok(Some("application/x-www-form-urlencoded;charset=UTF-8"));
        ok(Some("Application/X-WWW-Form-Urlencoded ; Charset=\"utf8\""));
        ok(Some("application/x-www-form-urlencoded; charset=us-ascii"));
        let refused = |content_type, expected| {
            assert_eq!(read(Some(content_type)), Err(expected), "{content_type}");
        };
        refused("application/x-www-form-urlencoded; charset=GBK", ParamsError::UnsupportedCharset);
        refused("application/json", ParamsError::UnsupportedContentType);
        refused("", ParamsError::UnsupportedContentType);
        refused("multipart/form-data", ParamsError::MalformedMultipart);
        // Without a body nobody looks at its type.
        let empty = call("GET", "a=1", Some("application/json; charset=GBK"), b"");
        assert!(Params::read(&empty, &Limits::default()).is_ok());
    }

    #[test]
    fn faults_keep_what_was_read() {
        let limits = Limits { params_max: 3, key_len_max: 4, value_len_max: 5 };
        let check = |query: &str, body: &[u8], fault: ParamsError, seen: &[(&str, &str)]| {
            let call = call("POST", query, None, body);
            let unreadable = Params::read(&call, &limits).unwrap_err();
            assert_eq!(unreadable.fault, fault);
            assert_eq!(pairs(&unreadable.seen), seen);
        };
        check(
            "a=1&b=2",
            b"c=3&d=4",
            ParamsError::TooMany { max: 3 },
            &[("a", "1"), ("b", "2"), ("c", "3")],
        );
        check("a=1&abcde=1", b"b=2", ParamsError::KeyTooLong { max: 4 }, &[("a", "1")]);
        check("a=%E7%A5%A8%E7%A5%A8", b"", ParamsError::ValueTooLong { max: 5 }, &[]);
        check("a=1&b=%FF", b"", ParamsError::NotUtf8, &[("a", "1")]);
        check("%FF=1", b"", ParamsError::NotUtf8, &[]);
        check("", b"a=1&b=\xff", ParamsError::NotUtf8, &[("a", "1")]);
        check("a=1", b"a=2", ParamsError::Conflict, &[("a", "1")]);
        check("a=1&a=", b"", ParamsError::Conflict, &[("a", "1")]);
    }

    #[test]
    fn debug_shows_names_only() {
        let call = call("GET", "ticket_code=523162942005&sign=AB", None, b"");
        let params = Params::read(&call, &Limits::default()).unwrap();
        assert_eq!(format!("{params:?}"), r#"["sign", "ticket_code"]"#);
    }

    /// Parts as a plain client writes them, nothing but a name to each.
    fn multipart_body(boundary: &str, pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut body = String::new();
        for (key, value) in pairs {
            body += &format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{key}\"\r\n");
            body += &format!("\r\n{value}\r\n");
        }
        body += &format!("--{boundary}--\r\n");
        body.into_bytes()
    }

    /// Sends `value` in every accepted form and expects it back byte for byte.
    fn survives(value: &str) -> Result<(), TestCaseError> {
        const BOUNDARY: &str = "piaoku-0f1e2d3c4b5a";
        let form_type = Some("application/x-www-form-urlencoded;charset=UTF-8");
        let multipart_type = format!("multipart/form-data;boundary={BOUNDARY};charset=UTF-8");
        let all = encode_form(&[("v", "2.0"), ("value", value)]);
        let (system, application) =
            (encode_form(&[("v", "2.0")]), encode_form(&[("value", value)]));
        let plus = all.replace("%20", "+");
        let parts = multipart_body(BOUNDARY, &[("v", "2.0"), ("value", value)]);
        let part = multipart_body(BOUNDARY, &[("value", value)]);
        let calls = [
            call("POST", "", form_type, all.as_bytes()),
            call("POST", "", form_type, plus.as_bytes()),
            call("GET", &all, None, b""),
            call("GET", &plus, None, b""),
            call("GET", "", form_type, all.as_bytes()),
            call("GET", "", None, plus.as_bytes()),
            call("POST", "", Some(&multipart_type), &parts),
            call("POST", &system, Some(&multipart_type), &part),
            call("POST", &system, form_type, application.as_bytes()),
        ];
        for call in calls {
            let params = Params::read(&call, &Limits::default()).unwrap();
            prop_assert_eq!(pairs(&params), vec![("v", "2.0"), ("value", value)]);
        }
        Ok(())
    }

    #[test]
    fn the_documented_value_survives_every_form() {
        survives("张三 A+B&C=1%2B 票~*😀").unwrap();
        survives("").unwrap();
        survives("\r\n--").unwrap();
    }

    proptest! {
        #[test]
        fn any_value_survives_every_form(value: String) {
            survives(&value)?;
        }

        #[test]
        fn no_bytes_panic(
            query in ".*",
            content_type in prop::option::of(prop_oneof![
                ".*",
                Just("multipart/form-data; boundary=b".to_owned()),
                Just("application/x-www-form-urlencoded".to_owned()),
            ]),
            body: Vec<u8>,
        ) {
            let call = call("POST", &query, content_type.as_deref(), &body);
            let _ = Params::read(&call, &Limits::default());
        }

        #[test]
        fn no_multipart_panics(pieces in prop::collection::vec(
            prop::sample::select(vec![
                "--b", "--", "\r\n", "\r", "\n", "\"", "\\", "=", ";", " ", ":", "name", "filename",
                "Content-Disposition: form-data; name=\"a\"", "Content-Disposition:", "x", "\r\n\r\n",
                "Content-Type: text/plain", "é", "b",
            ]),
            0..40,
        )) {
            let body = pieces.concat();
            let call = call("POST", "", Some("multipart/form-data; boundary=b"), body.as_bytes());
            let _ = Params::read(&call, &Limits::default());
        }
    }
}
