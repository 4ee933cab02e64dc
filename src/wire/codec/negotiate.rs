//! The format of an answer, chosen as the framework's default negotiator chooses it.
//!
//! Never refuses: what nobody can offer falls through to the request's own format and then to
//! JSON. Source: docs/protocols/ota.md, "Content negotiation".

use super::http_error::HttpError;
use super::json::{to_json, to_json_list};
use super::media_type::{self, Charset, Element, Formatter};
use super::schema::{Item, Record};
use super::xml::{to_xml, to_xml_list};

/// The request headers that decide. Each is the header's text, `None` when it was not sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Negotiation<'h> {
    /// `Accept`; several lines joined by commas.
    pub accept: Option<&'h str>,
    /// `Accept-Charset`.
    pub accept_charset: Option<&'h str>,
    /// `X-Requested-With`.
    pub x_requested_with: Option<&'h str>,
    /// `Content-Type` of the request.
    pub content_type: Option<&'h str>,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFormat {
    /// JSON or XML.
    pub formatter: Formatter,
    /// Media type to answer with: the one of the formatter's that matched.
    pub media_type: &'static str,
    /// Character encoding.
    pub charset: Charset,
}

/// How well a formatter matched, the more specific first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    Mapping,
    Literal,
    Subtype,
    All,
    RequestMediaType,
    CanWrite,
}

#[derive(Clone, Copy)]
struct Match {
    formatter: Formatter,
    media_type: &'static str,
    quality: f32,
    rank: Rank,
}

impl Negotiation<'_> {
    /// Chooses the format of the answer.
    #[must_use]
    pub fn choose(&self) -> ResponseFormat {
        let mut ranges = self.accept.map(media_type::accept).unwrap_or_default();
        sort(&mut ranges);
        let request = self.content_type.and_then(media_type::content_type);
        let matches = [Formatter::Json, Formatter::Xml]
            .map(|formatter| self.match_formatter(formatter, &ranges, request));
        let of_rank = |rank| {
            let of_rank = matches.iter().copied().filter(|found| found.rank == rank);
            of_rank.reduce(better)
        };
        // A mapping yields only to a strictly higher quality, as a more specific kind of match
        // yields to a less specific one.
        let by_request = [Rank::Mapping, Rank::Literal, Rank::Subtype, Rank::All]
            .into_iter()
            .filter_map(of_rank);
        let best = by_request
            .reduce(better)
            .or_else(|| of_rank(Rank::RequestMediaType))
            .unwrap_or(matches[0]);
        ResponseFormat {
            formatter: best.formatter,
            media_type: best.media_type,
            charset: self.charset(request),
        }
    }

    fn match_formatter(
        &self,
        formatter: Formatter,
        ranges: &[Element<'_>],
        request: Option<Element<'_>>,
    ) -> Match {
        let found = |media_type, quality, rank| Match { formatter, media_type, quality, rank };
        if formatter == Formatter::Json && self.is_ajax(ranges) {
            return found(formatter.media_types()[0], 1.0, Rank::Mapping);
        }
        for range in ranges.iter().filter(|range| range.quality > 0.0) {
            for media_type in formatter.media_types() {
                if let Some(rank) = match_range(media_type, range.value) {
                    return found(media_type, range.quality, rank);
                }
            }
        }
        match request.and_then(|request| formatter.media_type(request.value)) {
            Some(media_type) => found(media_type, 1.0, Rank::RequestMediaType),
            None => found(formatter.media_types()[0], 1.0, Rank::CanWrite),
        }
    }

    /// A browser's script that asked for nothing in particular gets JSON.
    fn is_ajax(&self, ranges: &[Element<'_>]) -> bool {
        let undemanding = match ranges {
            [] => true,
            [only] => only.value == "*/*",
            _ => false,
        };
        undemanding
            && self
                .x_requested_with
                .is_some_and(|value| value.to_ascii_lowercase().contains("xmlhttprequest"))
    }

    fn charset(&self, request: Option<Element<'_>>) -> Charset {
        let mut accepted = self.accept_charset.map(media_type::accept_charset).unwrap_or_default();
        accepted.sort_by(|left, right| right.quality.total_cmp(&left.quality));
        let wanted = accepted.iter().filter(|element| element.quality > 0.0).find_map(|element| {
            if element.value == "*" {
                Some(Charset::Utf8)
            } else {
                Charset::from_name(element.value)
            }
        });
        let request = || request?.charset.and_then(Charset::from_name);
        wanted.or_else(request).unwrap_or_default()
    }
}

/// Highest quality first; at the same quality the more specific range.
fn sort(ranges: &mut [Element<'_>]) {
    let specificity = |range: &Element<'_>| match range.value.split_once('/') {
        Some(("*", _)) => 2,
        Some((_, "*")) => 1,
        _ => 0,
    };
    ranges.sort_by(|left, right| {
        let by_quality = right.quality.total_cmp(&left.quality);
        by_quality.then_with(|| specificity(left).cmp(&specificity(right)))
    });
}

fn match_range(media_type: &str, range: &str) -> Option<Rank> {
    if media_type.eq_ignore_ascii_case(range) {
        return Some(Rank::Literal);
    }
    let (main, sub) = range.split_once('/')?;
    if main == "*" {
        return Some(Rank::All);
    }
    let same_main = media_type.split('/').next()?.eq_ignore_ascii_case(main);
    (same_main && sub == "*").then_some(Rank::Subtype)
}

fn better(best: Match, later: Match) -> Match {
    if later.quality > best.quality { later } else { best }
}

impl ResponseFormat {
    /// Value of the answer's `Content-Type`.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match (self.media_type, self.charset) {
            ("text/json", Charset::Utf8) => "text/json; charset=utf-8",
            ("text/json", Charset::Utf16) => "text/json; charset=utf-16",
            ("application/xml", Charset::Utf8) => "application/xml; charset=utf-8",
            ("application/xml", Charset::Utf16) => "application/xml; charset=utf-16",
            ("text/xml", Charset::Utf8) => "text/xml; charset=utf-8",
            ("text/xml", Charset::Utf16) => "text/xml; charset=utf-16",
            (_, Charset::Utf8) => "application/json; charset=utf-8",
            (_, Charset::Utf16) => "application/json; charset=utf-16",
        }
    }

    /// Writes a result.
    #[must_use]
    pub fn write<'de, T: Record<'de>>(&self, record: &T) -> Vec<u8> {
        self.encode(match self.formatter {
            Formatter::Xml => to_xml(record),
            Formatter::Json | Formatter::Form => to_json(record),
        })
    }

    /// Writes a list of results.
    #[must_use]
    pub fn write_list<'de, T: Item<'de>>(&self, items: &[T]) -> Vec<u8> {
        self.encode(match self.formatter {
            Formatter::Xml => to_xml_list(items),
            Formatter::Json | Formatter::Form => to_json_list(items),
        })
    }

    /// Writes an error of the framework.
    #[must_use]
    pub fn write_error(&self, error: &HttpError) -> Vec<u8> {
        self.encode(match self.formatter {
            Formatter::Xml => error.to_xml(),
            Formatter::Json | Formatter::Form => error.to_json(),
        })
    }

    fn encode(self, text: String) -> Vec<u8> {
        match self.charset {
            Charset::Utf8 => text.into_bytes(),
            Charset::Utf16 => {
                let units = std::iter::once(0xfeff).chain(text.encode_utf16());
                units.flat_map(u16::to_le_bytes).collect()
            }
        }
    }
}
