//! When a product may be booked and for which days: the sale's beginning and end, how long before
//! the visit, season, weekdays, blackout dates, channels. Pure dates; the clock is an argument.

use crate::types::{Channel, ServiceDate, UnixMillis};

/// A set of weekdays.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Weekdays(u8);

/// A set of channels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Channels(u8);

/// A part of every year, by month and day (`1231` is 31 December), both ends included. Begins after
/// it ends when it spans the turn of the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Season {
    /// First day.
    pub first: u16,
    /// Last day.
    pub last: u16,
    /// Whether everything else of the year is meant instead.
    pub inverted: bool,
}

/// Why a day or an instant is outside of what a product's booking rules allow, in the order in which
/// it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookingProblem {
    /// Outside the product's season.
    OutOfSeason,
    /// On a weekday on which it is not offered.
    Weekday,
    /// On a blackout date.
    Blackout,
    /// Not sold on the day of the visit.
    SameDay,
    /// The last instant for booking this visit is over.
    BookingEnded,
}

/// When a product may be booked and for which days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// First instant at which it is sold.
    pub sale_start: Option<UnixMillis>,
    /// First instant at which it is no longer sold.
    pub sale_end: Option<UnixMillis>,
    /// The last day for booking is this many days before the visit, or an earlier one.
    pub lead_days: u16,
    /// Booking ends this many hours before the timespan begins, or before the day does where there
    /// are no timespans; 0 for no such bound.
    pub lead_hours: u16,
    /// Minute of the last day for booking from which on it is over.
    pub cut_off_minute: Option<u16>,
    /// Whether a visit can be booked on its very day.
    pub same_day: bool,
    /// The part of the year it is offered in.
    pub season: Option<Season>,
    /// The weekdays it is offered on.
    pub weekdays: Weekdays,
    /// First and last days of spans in which it is not offered.
    pub blackouts: Vec<(ServiceDate, ServiceDate)>,
}

/// Nothing is restricted.
impl Default for Booking {
    fn default() -> Self {
        Self {
            sale_start: None,
            sale_end: None,
            lead_days: 0,
            lead_hours: 0,
            cut_off_minute: None,
            same_day: true,
            season: None,
            weekdays: Weekdays::ALL,
            blackouts: Vec::new(),
        }
    }
}

const HOUR_MS: i64 = 60 * 60 * 1000;

impl Booking {
    /// Why a visit on `date` is never offered, if that is so.
    #[must_use]
    pub fn day_problem(&self, date: ServiceDate) -> Option<BookingProblem> {
        if self.season.is_some_and(|season| !season.contains(date)) {
            return Some(BookingProblem::OutOfSeason);
        }
        if !self.weekdays.contains(date) {
            return Some(BookingProblem::Weekday);
        }
        let black = |&(first, last): &(ServiceDate, ServiceDate)| first <= date && date <= last;
        self.blackouts.iter().any(black).then_some(BookingProblem::Blackout)
    }

    /// Why a visit on `date` can no longer be booked at `now`, which lies on `today` at a venue
    /// `utc_offset_seconds` east of Greenwich.
    #[must_use]
    pub fn lead_problem(
        &self,
        date: ServiceDate,
        today: ServiceDate,
        now: UnixMillis,
        utc_offset_seconds: i32,
    ) -> Option<BookingProblem> {
        if !self.same_day && today == date {
            return Some(BookingProblem::SameDay);
        }
        let lead_days = self.lead_days.max(u16::from(!self.same_day));
        let last_day = date.plus_days(-i32::from(lead_days));
        if today > last_day {
            return Some(BookingProblem::BookingEnded);
        }
        let minute = self.cut_off_minute.filter(|_| today == last_day)?;
        let cut_off = last_day.start(utc_offset_seconds).plus_millis(i64::from(minute) * 60_000);
        (cut_off <= now).then_some(BookingProblem::BookingEnded)
    }

    /// Whether it is too late at `now` to book what begins at `begins`.
    #[must_use]
    pub const fn is_too_late(&self, begins: UnixMillis, now: UnixMillis) -> bool {
        if self.lead_hours == 0 {
            return false;
        }
        begins.plus_millis(-(self.lead_hours as i64) * HOUR_MS).get() <= now.get()
    }
}

impl Season {
    /// Whether the product is offered on `date`.
    #[must_use]
    pub fn contains(&self, date: ServiceDate) -> bool {
        let day = date.month_day();
        let inside = if self.first <= self.last {
            self.first <= day && day <= self.last
        } else {
            self.first <= day || day <= self.last
        };
        inside != self.inverted
    }

    /// Whether both ends are days of a leap year.
    #[must_use]
    pub fn is_real(&self) -> bool {
        let real = |day: u16| ServiceDate::parse_compact(&format!("2024{day:04}")).is_ok();
        real(self.first) && real(self.last)
    }
}

impl Weekdays {
    /// All seven.
    pub const ALL: Self = Self(0x7f);

    /// The set whose bit `n` stands for weekday `n`, Monday being 0; `None` beyond Sunday.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits <= Self::ALL.0 { Some(Self(bits)) } else { None }
    }

    /// The bits of [`Self::from_bits`].
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether the day's weekday belongs to it.
    #[must_use]
    pub const fn contains(self, date: ServiceDate) -> bool {
        self.0 == Self::ALL.0 || self.0 >> date.weekday() & 1 == 1
    }
}

impl Default for Weekdays {
    fn default() -> Self {
        Self::ALL
    }
}

impl std::fmt::Debug for Weekdays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let names = NAMES.iter().enumerate().filter(|(day, _)| self.0 >> day & 1 == 1);
        f.debug_set().entries(names.map(|(_, name)| name)).finish()
    }
}

impl Channels {
    /// Every channel there is or will be.
    pub const ALL: Self = Self(u8::MAX);

    /// The set of these channels.
    #[must_use]
    pub fn of(channels: impl IntoIterator<Item = Channel>) -> Self {
        Self(channels.into_iter().fold(0, |bits, channel| bits | Self::bit(channel)))
    }

    /// The set written as bits by [`Self::bits`].
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The bits: OTA 1, Douyin 2, local life 4, console 8.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether the channel belongs to it.
    #[must_use]
    pub const fn contains(self, channel: Channel) -> bool {
        self.0 & Self::bit(channel) != 0
    }

    const fn bit(channel: Channel) -> u8 {
        match channel {
            Channel::Ota => 1,
            Channel::Douyin => 2,
            Channel::LocalLife => 4,
            Channel::Console => 8,
        }
    }
}

impl Default for Channels {
    fn default() -> Self {
        Self::ALL
    }
}

impl std::fmt::Debug for Channels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [Channel::Ota, Channel::Douyin, Channel::LocalLife, Channel::Console];
        f.debug_set().entries(all.into_iter().filter(|channel| self.contains(*channel))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFSET: i32 = 8 * 3600;

    fn day(text: &str) -> ServiceDate {
        ServiceDate::parse_compact(text).unwrap()
    }

    #[test]
    fn days_that_are_never_offered() {
        let check = |booking: &Booking, date: &str, expected: Option<BookingProblem>| {
            assert_eq!(booking.day_problem(day(date)), expected, "{date} {booking:?}");
        };
        let season = |first, last, inverted| {
            let season = Season { first, last, inverted };
            Booking { season: Some(season), ..Booking::default() }
        };
        let out = Some(BookingProblem::OutOfSeason);
        check(&Booking::default(), "20261121", None);
        let summer = season(401, 1031, false);
        check(&summer, "20260331", out);
        check(&summer, "20260401", None);
        check(&summer, "20261031", None);
        check(&summer, "20261101", out);
        check(&season(401, 1031, true), "20261031", out);
        check(&season(401, 1031, true), "20261101", None);
        let winter = season(1101, 331, false);
        for (date, expected) in
            [("20261101", None), ("20261231", None), ("20260331", None), ("20260401", out)]
        {
            check(&winter, date, expected);
        }
        check(&season(1101, 331, true), "20260401", None);
        check(&season(229, 229, false), "20240229", None);

        let weekend = Weekdays::from_bits(0b110_0000).unwrap();
        let weekend = Booking { weekdays: weekend, ..Booking::default() };
        check(&weekend, "20261120", Some(BookingProblem::Weekday));
        check(&weekend, "20261121", None);
        check(&weekend, "20261122", None);
        check(&weekend, "20261123", Some(BookingProblem::Weekday));

        let blackouts =
            vec![(day("20261001"), day("20261007")), (day("20261224"), day("20261224"))];
        let mut black = Booking { blackouts, ..Booking::default() };
        let on = Some(BookingProblem::Blackout);
        for (date, expected) in [
            ("20260930", None),
            ("20261001", on),
            ("20261007", on),
            ("20261008", None),
            ("20261224", on),
        ] {
            check(&black, date, expected);
        }
        // The season comes before the weekday, and that before a blackout.
        black.weekdays = Weekdays::from_bits(0).unwrap();
        check(&black, "20261001", Some(BookingProblem::Weekday));
        black.season = Some(Season { first: 101, last: 101, inverted: false });
        check(&black, "20261001", out);
    }

    #[test]
    fn the_last_instant_for_booking() {
        let visit = day("20261121");
        let check = |booking: &Booking, days_before: i32, minute: i64, expected| {
            let today = visit.plus_days(-days_before);
            let now = today.start(OFFSET).plus_millis(minute * 60_000);
            let found = booking.lead_problem(visit, today, now, OFFSET);
            assert_eq!(found, expected, "{days_before} {minute} {booking:?}");
        };
        let (same_day, ended) = (Some(BookingProblem::SameDay), Some(BookingProblem::BookingEnded));
        check(&Booking::default(), 0, 1439, None);
        let ahead = Booking { same_day: false, ..Booking::default() };
        check(&ahead, 0, 0, same_day);
        check(&ahead, 1, 1439, None);
        let cut_off = |lead_days, same_day| Booking {
            lead_days,
            same_day,
            cut_off_minute: Some(17 * 60),
            ..Booking::default()
        };
        check(&cut_off(0, true), 0, 17 * 60 - 1, None);
        check(&cut_off(0, true), 0, 17 * 60, ended);
        check(&cut_off(0, false), 1, 17 * 60, ended);
        check(&cut_off(0, false), 1, 17 * 60 - 1, None);
        check(&cut_off(0, false), 0, 0, same_day);
        check(&cut_off(2, true), 3, 1439, None);
        check(&cut_off(2, true), 2, 17 * 60 - 1, None);
        check(&cut_off(2, true), 2, 17 * 60, ended);
        check(&cut_off(2, true), 1, 0, ended);
        check(&cut_off(2, true), 0, 0, ended);
        check(&cut_off(2, false), 0, 0, same_day);
    }

    #[test]
    fn hours_before_a_timespan() {
        let booking = Booking { lead_hours: 2, ..Booking::default() };
        let begins = UnixMillis::new(100 * HOUR_MS);
        assert!(!booking.is_too_late(begins, begins.plus_millis(-2 * HOUR_MS - 1)));
        assert!(booking.is_too_late(begins, begins.plus_millis(-2 * HOUR_MS)));
        // No bound is not the bound of "until it begins".
        assert!(!Booking::default().is_too_late(begins, begins.plus_millis(HOUR_MS)));
    }

    #[test]
    fn a_season_names_days_that_exist() {
        let check = |first: u16, last: u16, real: bool| {
            assert_eq!(Season { first, last, inverted: false }.is_real(), real, "{first} {last}");
        };
        check(101, 1231, true);
        check(229, 301, true);
        check(230, 301, false);
        check(101, 1301, false);
        check(0, 101, false);
        check(101, u16::MAX, false);
    }

    #[test]
    fn a_set_of_channels_has_exactly_those() {
        let all = [Channel::Ota, Channel::Douyin, Channel::LocalLife, Channel::Console];
        for one in all {
            let set = Channels::of([one]);
            for other in all {
                assert_eq!(set.contains(other), one == other, "{one:?} {other:?}");
                assert!(Channels::ALL.contains(other));
            }
            assert_eq!(Channels::from_bits(set.bits()), set);
        }
        assert_eq!(format!("{:?}", Channels::of([Channel::Douyin])), "{Douyin}");
    }
}
