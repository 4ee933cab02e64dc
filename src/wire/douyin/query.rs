//! The query of a vendor endpoint: `client_key`, `timestamp` and the old signature.
//!
//! Source: docs/protocols/douyin.md, "Envelope".

use std::borrow::Cow;

use crate::types::UnixMillis;

/// The URI parameters, decoded. Names are compared ignoring case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpiQuery<'q> {
    /// Which of our clients at Douyin the call is for.
    pub client_key: Cow<'q, str>,
    /// When Douyin signed, as sent; see [`parse_timestamp`].
    pub timestamp: Cow<'q, str>,
    /// The old signature, if sent.
    pub sign: Option<Cow<'q, str>>,
}

impl<'q> SpiQuery<'q> {
    /// Reads a raw query, without its question mark. `None` when `client_key` or `timestamp` is
    /// not there at all: then no action matches, and the answer is the framework's 404.
    #[must_use]
    pub fn parse(raw: &'q str) -> Option<Self> {
        let (mut client_key, mut timestamp, mut sign) = (None, None, None);
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            let slot = if name.eq_ignore_ascii_case("client_key") {
                &mut client_key
            } else if name.eq_ignore_ascii_case("timestamp") {
                &mut timestamp
            } else if name.eq_ignore_ascii_case("sign") {
                &mut sign
            } else {
                continue;
            };
            // The framework binds the first of several.
            slot.get_or_insert(value);
        }
        Some(Self { client_key: client_key?, timestamp: timestamp?, sign })
    }
}

/// Reads a timestamp: ten digits are seconds, thirteen are milliseconds.
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<UnixMillis> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match text.len() {
        10 => text.parse().ok().map(UnixMillis::from_secs),
        13 => text.parse().ok().map(UnixMillis::new),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_needs_its_two_parameters() {
        let check = |raw: &str, expected: Option<(&str, &str, Option<&str>)>| {
            let found = SpiQuery::parse(raw);
            let found = found
                .as_ref()
                .map(|it| (it.client_key.as_ref(), it.timestamp.as_ref(), it.sign.as_deref()));
            assert_eq!(found, expected, "{raw}");
        };
        check("client_key=ck&timestamp=1", Some(("ck", "1", None)));
        check("Timestamp=1&CLIENT_KEY=c%20k&sign=ab", Some(("c k", "1", Some("ab"))));
        check("client_key=&timestamp=", Some(("", "", None)));
        check("client_key=a&client_key=b&timestamp=1", Some(("a", "1", None)));
        check("client_key=ck", None);
        check("timestamp=1", None);
        check("", None);
    }

    #[test]
    fn a_timestamp_has_ten_or_thirteen_digits() {
        let check = |text: &str, expected: Option<i64>| {
            assert_eq!(parse_timestamp(text).map(UnixMillis::get), expected, "{text}");
        };
        check("1700000000", Some(1_700_000_000_000));
        check("1750000000123", Some(1_750_000_000_123));
        check("17500000001", None);
        check("+700000000", None);
        check("", None);
        check("１７００００００００", None);
    }
}
