//! When a product is offered, how much of it and for how much: a rule for every day, and exceptions
//! by range, weekday and timespan.

use crate::domain::catalogue::{AreaDef, Weekdays};
use crate::domain::inventory::Capacity;
use crate::types::{Fen, Quantity, ServiceDate, Timespan};

/// When a product is offered and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// First and last service date, or `None` for a product not bound to a date.
    pub dates: Option<(ServiceDate, ServiceDate)>,
    /// Places per date and timespan; in all for a product not bound to a date. Products with areas
    /// take their capacity from these instead.
    pub capacity: Capacity,
    /// How many more may be sold on purpose.
    pub allowance: Quantity,
    /// What is different on some days. Where several set the same thing, the last one counts.
    pub exceptions: Vec<CalendarException>,
}

/// Not bound to a date, without bound.
impl Default for Calendar {
    fn default() -> Self {
        Self {
            dates: None,
            capacity: Capacity::Unlimited,
            allowance: Quantity::ZERO,
            exceptions: Vec::new(),
        }
    }
}

/// What is different on some days. What it does not set stays as it would be without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarException {
    /// First service date.
    pub first: ServiceDate,
    /// Last service date.
    pub last: ServiceDate,
    /// The weekdays it is for.
    pub weekdays: Weekdays,
    /// The timespans it is for; empty for all.
    pub timespans: Vec<Timespan>,
    /// Public id of the only area it is for; `None` for all, or for a product without areas.
    pub area: Option<Box<str>>,
    /// Whether nothing is sold then. Places and what is sold of them stay as they are.
    pub closed: Option<bool>,
    /// Places.
    pub capacity: Option<Capacity>,
    /// How many more may be sold on purpose.
    pub allowance: Option<Quantity>,
    /// Sale price of one.
    pub price: Option<Fen>,
    /// List price of one.
    pub list_price: Option<Fen>,
}

impl CalendarException {
    /// An exception for all of these days, which changes nothing yet.
    #[must_use]
    pub const fn on(first: ServiceDate, last: ServiceDate) -> Self {
        Self {
            first,
            last,
            weekdays: Weekdays::ALL,
            timespans: Vec::new(),
            area: None,
            closed: None,
            capacity: None,
            allowance: None,
            price: None,
            list_price: None,
        }
    }

    /// Whether it is for this date, timespan and area (by public id).
    #[must_use]
    pub fn is_for(&self, date: ServiceDate, timespan: Timespan, area: Option<&str>) -> bool {
        let in_area = || match (&self.area, area) {
            (None, _) => true,
            (Some(only), Some(area)) => only.eq_ignore_ascii_case(area),
            (Some(_), None) => false,
        };
        self.first <= date
            && date <= self.last
            && self.weekdays.contains(date)
            && (self.timespans.is_empty() || self.timespans.contains(&timespan))
            && in_area()
    }
}

impl Calendar {
    /// Places and overbooking allowance on this date, in this timespan and area.
    #[must_use]
    pub fn places(
        &self,
        date: Option<ServiceDate>,
        timespan: Timespan,
        area: Option<&AreaDef>,
    ) -> (Capacity, Quantity) {
        let capacity = area.map_or(self.capacity, |area| Capacity::Limited(area.capacity));
        let id = area.map(|area| &*area.id);
        let own = self.exception(date, timespan, id, |exception| exception.capacity);
        let more = self.exception(date, timespan, id, |exception| exception.allowance);
        (own.unwrap_or(capacity), more.unwrap_or(self.allowance))
    }

    /// The last setting of the exceptions for this date, timespan and area, if any has one.
    pub fn exception<T>(
        &self,
        date: Option<ServiceDate>,
        timespan: Timespan,
        area: Option<&str>,
        setting: impl Fn(&CalendarException) -> Option<T>,
    ) -> Option<T> {
        let date = date?;
        let applicable = self.exceptions.iter().rev().filter(|exception| {
            // Most products have no area and many exceptions: the cheap tests come first.
            exception.is_for(date, timespan, area)
        });
        applicable.filter_map(setting).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> ServiceDate {
        ServiceDate::parse_compact(text).unwrap()
    }

    #[test]
    fn the_last_exception_that_sets_a_thing_counts() {
        let all = CalendarException::on(day("20261101"), day("20261130"));
        let price = |fen: i64| Some(Fen::new(fen));
        let saturday = Weekdays::from_bits(1 << 5).unwrap();
        let exceptions = vec![
            CalendarException { price: price(1), closed: Some(true), ..all.clone() },
            CalendarException { weekdays: saturday, price: price(2), ..all.clone() },
            CalendarException {
                timespans: vec![Timespan::new(2)],
                closed: Some(false),
                ..all.clone()
            },
            CalendarException { area: Some("A".into()), price: price(3), ..all },
        ];
        let calendar = Calendar { exceptions, ..Calendar::default() };
        let check = |date: &str, timespan: u8, area: Option<&str>, closed, fen: Option<i64>| {
            let (date, timespan) = (Some(day(date)), Timespan::new(timespan));
            let told = calendar.exception(date, timespan, area, |exception| exception.closed);
            assert_eq!(told, closed, "{date:?} {timespan} {area:?}");
            let told = calendar.exception(date, timespan, area, |exception| exception.price);
            assert_eq!(told, fen.map(Fen::new), "{date:?} {timespan} {area:?}");
        };
        check("20261031", 1, None, None, None);
        check("20261101", 1, None, Some(true), Some(1));
        check("20261130", 1, None, Some(true), Some(1));
        check("20261201", 1, None, None, None);
        check("20261121", 1, None, Some(true), Some(2));
        check("20261121", 2, None, Some(false), Some(2));
        check("20261120", 2, Some("a"), Some(false), Some(3));
        check("20261120", 1, Some("B"), Some(true), Some(1));
        assert_eq!(calendar.exception(None, Timespan::NONE, None, |e| e.closed), None);
    }
}
