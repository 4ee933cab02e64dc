//! Instants and service dates.

use std::fmt;

use jiff::civil::Date;

/// An instant: milliseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(i64);

impl UnixMillis {
    /// An instant given in milliseconds.
    #[must_use]
    pub const fn new(millis: i64) -> Self {
        Self(millis)
    }

    /// An instant given in whole seconds; saturates far outside any calendar.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The instant `millis` later, saturating.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// A calendar day at the venue, counted in days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceDate(i32);

/// Why a text is not a service date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date that exists")]
pub struct DateError;

const EPOCH: Date = Date::constant(1970, 1, 1);

impl ServiceDate {
    /// The day `days` after 1970-01-01.
    #[must_use]
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn days(self) -> i32 {
        self.0
    }

    /// The day `days` later (earlier when negative), saturating.
    #[must_use]
    pub const fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The venue's day at an instant, for a venue `utc_offset_seconds` east of Greenwich.
    #[must_use]
    pub fn at(instant: UnixMillis, utc_offset_seconds: i32) -> Self {
        let local = instant.as_secs().saturating_add(i64::from(utc_offset_seconds));
        Self(i32::try_from(local.div_euclid(86_400)).unwrap_or(i32::MAX))
    }

    /// The instant at which this day begins at the venue.
    #[must_use]
    pub const fn start(self, utc_offset_seconds: i32) -> UnixMillis {
        UnixMillis::from_secs(self.0 as i64 * 86_400 - utc_offset_seconds as i64)
    }

    /// Day of the week, Monday 0 to Sunday 6.
    #[must_use]
    pub const fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday. Widened first: the last days there are must not wrap.
        (self.0 as i64 + 3).rem_euclid(7) as u8
    }

    /// Monday of this day's ISO week.
    #[must_use]
    pub const fn week(self) -> Self {
        self.plus_days(-(self.weekday() as i32))
    }

    /// First day of this day's month; the day itself outside the years -9999 to 9999.
    #[must_use]
    pub fn month(self) -> Self {
        let days = self.to_civil().map_or(0, |date| i32::from(date.day()) - 1);
        self.plus_days(-days)
    }

    /// Month and day as one number, 229 for 29 February; 0 outside the years -9999 to 9999.
    #[must_use]
    pub fn month_day(self) -> u16 {
        self.to_civil().map_or(0, |date| {
            u16::from(date.month().unsigned_abs()) * 100 + u16::from(date.day().unsigned_abs())
        })
    }

    /// Reads `yyyyMMdd`.
    ///
    /// # Errors
    /// [`DateError`] unless the text is eight digits naming a day that exists.
    pub fn parse_compact(text: &str) -> Result<Self, DateError> {
        if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DateError);
        }
        let part =
            |range: std::ops::Range<usize>| text[range].parse::<i16>().map_err(|_| DateError);
        let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
        let small = |n: i16| i8::try_from(n).map_err(|_| DateError);
        let date = Date::new(year, small(month)?, small(day)?).map_err(|_| DateError)?;
        Self::from_civil(date).ok_or(DateError)
    }

    /// Converts a civil date.
    #[must_use]
    pub fn from_civil(date: Date) -> Option<Self> {
        EPOCH.until(date).ok().map(|span| Self(span.get_days()))
    }

    /// Converts to a civil date; `None` outside the years -9999 to 9999.
    #[must_use]
    pub fn to_civil(self) -> Option<Date> {
        let span = jiff::Span::new().try_days(self.0).ok()?;
        EPOCH.checked_add(span).ok()
    }

    /// Writes `yyyyMMdd`.
    #[must_use]
    pub fn to_compact(self) -> String {
        self.to_civil()
            .map_or_else(|| "00000000".to_owned(), |date| date.strftime("%Y%m%d").to_string())
    }
}

impl fmt::Display for ServiceDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_civil() {
            Some(date) => write!(f, "{date}"),
            None => write!(f, "day {}", self.0),
        }
    }
}

impl fmt::Debug for ServiceDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_dates_must_exist() {
        let check = |text: &str, exists: bool| {
            let parsed = ServiceDate::parse_compact(text);
            assert_eq!(parsed.is_ok(), exists, "{text}");
            if let Ok(date) = parsed {
                assert_eq!(date.to_compact(), text);
            }
        };
        check("20240229", true);
        check("20230229", false);
        check("20261332", false);
        check("2026-1-1", false);
        check("+2026011", false);
        check("", false);
        check("19700101", true);
        assert_eq!(ServiceDate::parse_compact("19700102").map(ServiceDate::days), Ok(1));
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_their_first() {
        let check = |text: &str, weekday: u8, week: &str, month: &str, month_day: u16| {
            let day = ServiceDate::parse_compact(text).unwrap();
            let told = (day.weekday(), day.week().to_compact(), day.month().to_compact());
            assert_eq!(told, (weekday, week.to_owned(), month.to_owned()), "{text}");
            assert_eq!(day.month_day(), month_day, "{text}");
        };
        check("19700101", 3, "19691229", "19700101", 101);
        check("19691228", 6, "19691222", "19691201", 1228);
        check("20261121", 5, "20261116", "20261101", 1121);
        check("20261123", 0, "20261123", "20261101", 1123);
        check("20240229", 3, "20240226", "20240201", 229);
        for edge in [i32::MIN, i32::MAX].map(ServiceDate::from_days) {
            assert!(edge.weekday() < 7 && edge.week() <= edge);
            assert_eq!((edge.month(), edge.month_day()), (edge, 0));
        }
    }

    #[test]
    fn a_venue_day_begins_at_its_own_midnight() {
        let shanghai = 8 * 3600;
        let day = ServiceDate::parse_compact("20261121").unwrap();
        let start = day.start(shanghai);
        assert_eq!(ServiceDate::at(start, shanghai), day);
        assert_eq!(ServiceDate::at(start.plus_millis(-1), shanghai), day.plus_days(-1));
    }
}
