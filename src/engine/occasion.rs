//! On which days, in which timespans and areas a product can be booked. [`admit`] asks it about one
//! request, questions list what it allows for many days: the same functions decide both, so nothing is
//! listed that ordering would refuse by the calendar and the booking rules. It knows no stock, no person
//! and no limit.
//!
//! [`admit`]: crate::engine::admission::admit

use crate::domain::catalogue::{
    AreaDef, BookingProblem, Catalogue, Product, Supplier, TimespanDef,
};
use crate::engine::plan::slot_key;
use crate::engine::{DateProblem, Rejection};
use crate::types::{Channel, ServiceDate, SlotKey, Timespan, UnixMillis};

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

/// The occasions of `product` on the days of `range` (first and last) that can be booked through
/// `channel` at `now`, in the order of time. None for a product that is not bound to a date.
pub fn bookable<'a>(
    product: &'a Product,
    supplier: &'a Supplier,
    channel: Channel,
    range: (ServiceDate, ServiceDate),
    now: UnixMillis,
) -> impl Iterator<Item = Occasion> + 'a {
    days(product, supplier, channel, range, now).flat_map(|date| occasions(product, date)).filter(
        move |it| timespan_problem(product, supplier, it.date, it.slot.timespan, now).is_none(),
    )
}

/// The days of `range` for which `product` can be booked through `channel` at `now`, whether or not a
/// timespan of it is left or open.
pub fn days<'a>(
    product: &'a Product,
    supplier: &'a Supplier,
    channel: Channel,
    (first, last): (ServiceDate, ServiceDate),
    now: UnixMillis,
) -> impl Iterator<Item = ServiceDate> + 'a {
    let today = ServiceDate::at(now, supplier.utc_offset_seconds);
    let dates = product.calendar.dates.filter(|_| is_on_sale(product, channel, now));
    // What lies outside of these would be refused as well; a range may be as long as it likes.
    let horizon = Catalogue::horizon(product, today);
    let days = dates.map(|(begins, ends)| {
        first.max(begins).max(today).days()..=last.min(ends).min(horizon).days()
    });
    let days = days.into_iter().flatten().map(ServiceDate::from_days);
    days.filter(move |date| day_problem(product, supplier, *date, today, now).is_none())
}

/// Whether `product` is sold through `channel` at `now`, for whatever day.
#[must_use]
pub fn is_on_sale(product: &Product, channel: Channel, now: UnixMillis) -> bool {
    check_sale(product, channel, now).is_ok()
}

/// Whether the calendar closes an area in a slot; without an area, everything there is. For an area its
/// own exceptions and those for all areas count, the last of them that says anything.
#[must_use]
pub fn is_closed(product: &Product, slot: SlotKey, area: Option<&AreaDef>) -> bool {
    if product.calendar.exceptions.is_empty() {
        return false;
    }
    let is_area_closed = |area: &AreaDef| product.is_area_closed(slot.date, slot.timespan, area);
    match area {
        Some(area) => is_area_closed(area),
        None if product.areas.is_empty() => product.is_closed(slot.date, slot.timespan),
        None => product.areas.iter().all(is_area_closed),
    }
}

/// Refuses what is not sold through `channel` at `now`, for whatever day.
pub(super) fn check_sale(
    product: &Product,
    channel: Channel,
    now: UnixMillis,
) -> Result<(), Rejection> {
    let id = || product.id.clone();
    let rules = &product.rules;
    if !product.on_sale {
        return Err(Rejection::OffSale { id: id() });
    }
    if !rules.channels.contains(channel) {
        return Err(Rejection::ChannelClosed { id: id(), channel });
    }
    if let Some(from) = rules.booking.sale_start.filter(|start| now < *start) {
        return Err(Rejection::NotYetOnSale { id: id(), from });
    }
    if let Some(until) = rules.booking.sale_end.filter(|end| *end <= now) {
        return Err(Rejection::SaleEnded { id: id(), until });
    }
    Ok(())
}

/// Why a dated product cannot be booked for `date` at `now`, which lies on `today` at the venue,
/// whatever the timespan.
pub(super) fn day_problem(
    product: &Product,
    supplier: &Supplier,
    date: ServiceDate,
    today: ServiceDate,
    now: UnixMillis,
) -> Option<DateProblem> {
    if date < today {
        return Some(DateProblem::Past);
    }
    if date > Catalogue::horizon(product, today) {
        return Some(DateProblem::TooFarAhead);
    }
    if !product.calendar.dates.is_some_and(|(first, last)| first <= date && date <= last) {
        return Some(DateProblem::NotOffered);
    }
    let booking = &product.rules.booking;
    let problem = booking.day_problem(date);
    let offset = supplier.utc_offset_seconds;
    let problem = problem.or_else(|| booking.lead_problem(date, today, now, offset));
    problem.map(DateProblem::Booking)
}

/// Why a timespan of a day that can be booked cannot be booked any more at `now`, or at all.
pub(super) fn timespan_problem(
    product: &Product,
    supplier: &Supplier,
    date: ServiceDate,
    timespan: Timespan,
    now: UnixMillis,
) -> Option<DateProblem> {
    if is_over(product, date, timespan, supplier, now) {
        return Some(DateProblem::Over);
    }
    let begins = product.timespan(timespan).map_or(0, |span| span.start_minute);
    let day = date.start(supplier.utc_offset_seconds);
    if product.rules.booking.is_too_late(day.plus_millis(i64::from(begins) * 60_000), now) {
        return Some(DateProblem::Booking(BookingProblem::BookingEnded));
    }
    let slot = slot_key(product, Some(date), timespan);
    is_closed(product, slot, None).then_some(DateProblem::Closed)
}

/// A timespan is sold until it ends, a performance until it begins, an untimed day until it ends.
pub(super) fn is_over(
    product: &Product,
    date: ServiceDate,
    timespan: Timespan,
    supplier: &Supplier,
    now: UnixMillis,
) -> bool {
    let Some(span) = product.timespan(timespan) else { return false };
    let minute = if product.is_performance() { span.start_minute } else { span.end_minute };
    let end = date.start(supplier.utc_offset_seconds).plus_millis(i64::from(minute) * 60_000);
    end <= now
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
mod tests;
