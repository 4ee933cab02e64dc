//! The `timestamp` parameter: wall-clock time at GMT+8, or epoch milliseconds.
//!
//! Source: docs/protocols/top.md, "Timestamp".

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::types::UnixMillis;

/// Digits of an epoch in milliseconds, from 2001 to 2286.
const MILLIS_LEN: usize = 13;
/// What `yyyy-MM-dd HH:mm:ss` looks like; `#` is a digit.
const TEXT_SHAPE: &[u8] = b"####-##-## ##:##:##";
/// The platform's clock, whatever zone the caller lives in.
const PLATFORM_OFFSET: Offset = Offset::constant(8);

/// Reads a timestamp in either form; `None` when it is neither or names no time that exists.
#[must_use]
pub fn parse(text: &str) -> Option<UnixMillis> {
    let bytes = text.as_bytes();
    if bytes.len() == MILLIS_LEN && bytes.iter().all(u8::is_ascii_digit) {
        return text.parse().ok().map(UnixMillis::new);
    }
    let shaped = bytes.len() == TEXT_SHAPE.len()
        && bytes.iter().zip(TEXT_SHAPE).all(|(byte, expected)| match expected {
            b'#' => byte.is_ascii_digit(),
            literal => byte == literal,
        });
    if !shaped {
        return None;
    }
    let number = |range: std::ops::Range<usize>| text[range].parse::<i16>().ok();
    let small = |range| number(range).and_then(|number| i8::try_from(number).ok());
    let local = DateTime::new(
        number(0..4)?,
        small(5..7)?,
        small(8..10)?,
        small(11..13)?,
        small(14..16)?,
        small(17..19)?,
        0,
    )
    .ok()?;
    let instant = PLATFORM_OFFSET.to_timestamp(local).ok()?;
    Some(UnixMillis::new(instant.as_millisecond()))
}

/// Writes an instant in the text form; `None` outside the years a civil calendar has.
#[must_use]
pub fn format(instant: UnixMillis) -> Option<String> {
    let instant = jiff::Timestamp::from_millisecond(instant.get()).ok()?;
    let local = instant.to_zoned(TimeZone::fixed(PLATFORM_OFFSET));
    Some(local.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms() {
        let check = |text: &str, expected: Option<i64>| {
            assert_eq!(parse(text).map(UnixMillis::get), expected, "{text:?}");
        };
        check("2026-11-22 01:05:12", Some(1_795_280_712_000));
        check("1795280712345", Some(1_795_280_712_345));
        check("1970-01-01 08:00:00", Some(0));
        check("2024-02-29 23:59:59", Some(1_709_222_399_000));
        check("2023-02-29 00:00:00", None);
        check("2026-11-22 24:00:00", None);
        check("2026-11-22 01:05:60", None);
        check("2026-13-01 00:00:00", None);
        check("2026-11-22T01:05:12", None);
        check("2026-11-22 01:05:1", None);
        check("+026-11-22 01:05:12", None);
        check("1795280712", None);
        check("17952807123456", None);
        check("-795280712345", None);
        check("", None);
    }

    proptest! {
        #[test]
        fn text_is_read_back(seconds in -2_000_000_000_i64..200_000_000_000) {
            let instant = UnixMillis::from_secs(seconds);
            let text = format(instant).unwrap();
            prop_assert_eq!(parse(&text), Some(instant));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text);
        }
    }
}
