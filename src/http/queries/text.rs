//! How days, times, quantities and names are written in answers.
//! Source: docs/protocols/ota.md, "Queries".

use crate::domain::inventory::Available;
use crate::types::{ServiceDate, UnixMillis};

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// A time of day as `HH:MM`; the end of the day is `24:00`.
pub(super) fn clock_time(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// A time of a day as `yyyyMMddHHmm`; the end of the day is the beginning of the next.
pub(super) fn day_time(date: ServiceDate, minute: u16) -> String {
    let date = date.plus_days(i32::from(minute / DAY_MINUTES));
    let minute = minute % DAY_MINUTES;
    format!("{}{:02}{:02}", date.to_compact(), minute / 60, minute % 60)
}

/// An instant at a venue as `yyyyMMddHHmmss`.
pub(super) fn instant(at: UnixMillis, utc_offset_seconds: i32) -> String {
    let date = ServiceDate::at(at, utc_offset_seconds);
    let second = at.as_secs().saturating_sub(date.start(utc_offset_seconds).as_secs());
    let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
    format!("{}{hours:02}{minutes:02}{seconds:02}", date.to_compact())
}

/// What is left: 0 is unlimited, -1 is nothing.
pub(super) fn quantity(available: Available) -> i32 {
    match available {
        Available::Unlimited => 0,
        Available::Left(left) if left.get() == 0 => -1,
        Available::Left(left) => count(u64::from(left.get())),
    }
}

/// A count as a 32-bit integer; what does not fit is the largest.
pub(super) fn count(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// The beginning of a text, at most `units_max` UTF-16 units, which is how the callers count.
pub(super) fn clipped(text: &str, units_max: usize) -> String {
    let mut units = 0;
    let fits = |sign: &char| {
        units += sign.len_utf16();
        units <= units_max
    };
    text.chars().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Quantity;

    #[test]
    fn nothing_left_and_no_bound_are_told_apart() {
        let left = |n| Available::Left(Quantity::new(n));
        assert_eq!(quantity(Available::Unlimited), 0);
        assert_eq!(quantity(left(0)), -1);
        assert_eq!(quantity(left(1)), 1);
        assert_eq!(quantity(left(u32::MAX)), i32::MAX);
    }

    #[test]
    fn times_are_written_in_the_venues_time() {
        let date = ServiceDate::parse_compact("20261231").unwrap();
        assert_eq!(clock_time(8 * 60 + 5), "08:05");
        assert_eq!(clock_time(DAY_MINUTES), "24:00");
        assert_eq!(day_time(date, 19 * 60 + 30), "202612311930");
        assert_eq!(day_time(date, DAY_MINUTES), "202701010000");
        let at = date.start(8 * 3600).plus_millis((23 * 3600 + 59 * 60 + 58) * 1000 + 999);
        assert_eq!(instant(at, 8 * 3600), "20261231235958");
        assert_eq!(instant(at, 0), "20261231155958");
    }

    #[test]
    fn a_text_is_clipped_between_characters() {
        let check =
            |text: &str, max: usize, expected: &str| assert_eq!(clipped(text, max), expected);
        check("云山景区", 32, "云山景区");
        check("云山景区", 2, "云山");
        check("a🎫b", 2, "a");
        check("a🎫b", 3, "a🎫");
        check("", 0, "");
    }
}
