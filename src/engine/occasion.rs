//! On which days and in which timespans a product can be booked: what ordering checks of one day,
//! listed for many. It knows no stock.

use crate::domain::catalogue::{Catalogue, Product, Supplier, TimespanDef};
use crate::engine::admission::is_over;
use crate::engine::plan::slot_key;
use crate::types::{ServiceDate, SlotKey, Timespan, UnixMillis};

/// A day, and a timespan of it where the product has any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// The day.
    pub date: ServiceDate,
    /// The timespan, `None` for an untimed product.
    pub timespan: Option<TimespanDef>,
    /// The slot it sells from.
    pub slot: SlotKey,
}

/// The occasions of `product` on the days of `range` (first and last) that can be booked at `now`, in the order of
/// time. None for a product that is off sale or not bound to a date.
pub fn bookable<'a>(
    product: &'a Product,
    supplier: &'a Supplier,
    range: (ServiceDate, ServiceDate),
    now: UnixMillis,
) -> impl Iterator<Item = Occasion> + 'a {
    days(product, supplier, range, now)
        .flat_map(|date| occasions(product, date))
        .filter(move |it| !is_over(product, it.date, it.slot.timespan, supplier, now))
}

/// The days of `range` for which `product` is on sale at `now`, today included, whether or not a
/// timespan of it is left.
pub fn days(
    product: &Product,
    supplier: &Supplier,
    (first, last): (ServiceDate, ServiceDate),
    now: UnixMillis,
) -> impl Iterator<Item = ServiceDate> + use<> {
    let today = ServiceDate::at(now, supplier.utc_offset_seconds);
    let dates = product.calendar.dates.filter(|_| product.on_sale);
    let horizon = Catalogue::horizon(product, today);
    let days = dates.map(|(begins, ends)| {
        first.max(begins).max(today).days()..=last.min(ends).min(horizon).days()
    });
    days.into_iter().flatten().map(ServiceDate::from_days)
}

/// The occasions of a product on a day its calendar offers.
fn occasions(product: &Product, date: ServiceDate) -> impl Iterator<Item = Occasion> + '_ {
    let untimed = product.timespans.is_empty().then_some(None);
    let timespans = product.timespans.iter().copied().map(Some).chain(untimed);
    timespans.map(move |timespan| {
        let no = timespan.map_or(Timespan::NONE, |timespan| timespan.no);
        Occasion { date, timespan, slot: slot_key(product, Some(date), no) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fixture::{catalogue, clock, today};

    #[test]
    fn only_what_can_be_ordered_is_listed() {
        let catalogue = catalogue();
        let check = |product: &str, days: (i32, i32), now: UnixMillis, expected: &[(i32, u8)]| {
            let product = catalogue.product_by_id(product).unwrap();
            let supplier = catalogue.supplier(product.supplier).unwrap();
            let range = (today().plus_days(days.0), today().plus_days(days.1));
            let found: Vec<(i32, u8)> = bookable(product, supplier, range, now)
                .map(|it| (it.date.days() - today().days(), it.slot.timespan.get()))
                .collect();
            assert_eq!(found, expected, "{} {days:?}", product.id);
        };
        let morning = clock(9, 0);
        check("P-DAY", (-3, 1), morning, &[(0, 0), (1, 0)]);
        check("P-DAY", (1, 0), morning, &[]);
        check("P-ADULT", (0, 0), morning, &[(0, 1), (0, 2), (0, 3)]);
        // A timespan is sold until it ends, a performance until it begins.
        check("P-ADULT", (0, 0), clock(11, 0), &[(0, 2), (0, 3)]);
        check("P-SHOW", (0, 0), clock(19, 29), &[(0, 1)]);
        check("P-SHOW", (0, 0), clock(19, 30), &[]);
        check("P-COUPON", (0, 9), morning, &[]);
    }

    #[test]
    fn any_range_ends_where_the_product_does() {
        let catalogue = catalogue();
        let product = catalogue.product_by_id("P-DAY").unwrap();
        let supplier = catalogue.supplier(product.supplier).unwrap();
        let all = (ServiceDate::from_days(i32::MIN), ServiceDate::from_days(i32::MAX));
        let last = bookable(product, supplier, all, clock(9, 0)).last().unwrap().date;
        let horizon = Catalogue::horizon(product, today());
        assert_eq!(last, product.calendar.dates.unwrap().1.min(horizon));

        let mut off_sale = Product::clone(product);
        off_sale.on_sale = false;
        assert_eq!(bookable(&off_sale, supplier, all, clock(9, 0)).count(), 0);
    }
}
