//! Whether a change of the catalogue would offer less than before. Only slots and pools know what they
//! have sold, so the catalogue cannot say whether less would still be enough.

use crate::domain::catalogue::{
    AreaDef, Calendar, CalendarException, Catalogue, CatalogueEvent, Pool, Product,
};
use crate::domain::inventory::Capacity;
use crate::types::{Quantity, ServiceDate, Timespan};

impl Catalogue {
    /// What `event` would make less than it is, if anything; a new entry makes nothing less.
    #[must_use]
    pub fn narrowed_by(&self, event: &CatalogueEvent) -> Option<&'static str> {
        match event {
            CatalogueEvent::PoolSet(pool) => {
                self.pool_by_id(&pool.id).and_then(|known| narrowed_pool(known, pool))
            }
            CatalogueEvent::ProductSet(product) => {
                self.product_by_id(&product.id).and_then(|known| narrowed_product(known, product))
            }
            _ => None,
        }
    }
}

fn narrowed_pool(known: &Pool, pool: &Pool) -> Option<&'static str> {
    if is_less(pool.capacity, known.capacity) {
        return Some("a pool's places");
    }
    (pool.allowance < known.allowance).then_some("places that may be sold beyond capacity")
}

fn narrowed_product(known: &Product, product: &Product) -> Option<&'static str> {
    let (was, is) = (&known.calendar, &product.calendar);
    if is.allowance < was.allowance {
        return Some("places that may be sold beyond capacity");
    }
    let dates = match (was.dates, is.dates) {
        (Some((was_first, was_last)), Some((first, last))) => {
            first <= was_first && was_last <= last
        }
        (None, None) => true,
        _ => false,
    };
    if !dates {
        return Some("days on offer");
    }
    if !known.timespans.iter().all(|timespan| product.has_timespan(timespan.no))
        || known.timespans.is_empty() != product.timespans.is_empty()
    {
        return Some("timespans on offer");
    }
    if known.areas.is_empty() != product.areas.is_empty() {
        return Some("areas");
    }
    if known.areas.is_empty() && is_less(is.capacity, was.capacity) {
        return Some("places");
    }
    let places = |area| product.area(area).map_or(Quantity::ZERO, |area| area.capacity);
    let shrunk = known.areas.iter().any(|area| places(area.no) < area.capacity);
    if shrunk {
        return Some("places of an area");
    }
    has_narrower_days(known, product).then_some("places of some days")
}

/// Whether exceptions of either calendar leave a day fewer places, or fewer to be sold beyond them.
/// Days that are closed keep their places, so closing one makes nothing less.
fn has_narrower_days(known: &Product, product: &Product) -> bool {
    let Some((first, last)) = known.calendar.dates else { return false };
    let (was, is) = (sets_places(&known.calendar), sets_places(&product.calendar));
    if was == is {
        return false;
    }
    let mut begins = vec![first];
    for exception in was.iter().chain(&is) {
        begins.extend([exception.first, exception.last.plus_days(1)]);
    }
    begins.retain(|begin| first <= *begin && *begin <= last);
    begins.sort_unstable();
    begins.dedup();
    begins.iter().enumerate().any(|(at, &begin)| {
        let next = begins.get(at + 1);
        // Between two begins nothing but the weekday tells one day from another.
        let days = (0..7).map(|days| begin.plus_days(days));
        let mut days = days.take_while(|day| *day <= last && next.is_none_or(|next| *day < *next));
        let (was, is) = (only(known, &was, begin), only(product, &is, begin));
        days.any(|day| is_narrower_day(known, &was, product, &is, day))
    })
}

fn is_narrower_day(
    known: &Product,
    was: &Calendar,
    product: &Product,
    is: &Calendar,
    day: ServiceDate,
) -> bool {
    let untimed = [Timespan::NONE];
    let timed: Vec<Timespan> = known.timespans.iter().map(|timespan| timespan.no).collect();
    let timespans = if timed.is_empty() { &untimed[..] } else { &timed };
    timespans.iter().any(|&timespan| {
        let is_less_in = |old: Option<&AreaDef>, new: Option<&AreaDef>| {
            let (old_capacity, old_allowance) = was.places(Some(day), timespan, old);
            let (capacity, allowance) = is.places(Some(day), timespan, new);
            is_less(capacity, old_capacity) || allowance < old_allowance
        };
        if known.areas.is_empty() {
            return is_less_in(None, None);
        }
        known.areas.iter().any(|area| is_less_in(Some(area), product.area(area.no)))
    })
}

/// The exceptions that say how many places there are.
fn sets_places(calendar: &Calendar) -> Vec<&CalendarException> {
    let sets = |it: &&CalendarException| it.capacity.is_some() || it.allowance.is_some();
    calendar.exceptions.iter().filter(sets).collect()
}

/// The calendar with no more of these exceptions than are for the days from `begin` on.
fn only(product: &Product, exceptions: &[&CalendarException], begin: ServiceDate) -> Calendar {
    let applies = |it: &&&CalendarException| it.first <= begin && begin <= it.last;
    let exceptions = exceptions.iter().filter(applies).map(|it| CalendarException::clone(it));
    let Calendar { dates, capacity, allowance, .. } = product.calendar;
    Calendar { dates, capacity, allowance, exceptions: exceptions.collect() }
}

fn is_less(is: Capacity, was: Capacity) -> bool {
    match (is, was) {
        (Capacity::Unlimited, _) => false,
        (Capacity::Limited(_), Capacity::Unlimited) => true,
        (Capacity::Limited(is), Capacity::Limited(was)) => is < was,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::{
        CatalogueCommand, RebateAt, Rules, SetProduct, TimespanDef, Weekdays,
    };
    use crate::types::Fen;

    fn day(day: u8) -> ServiceDate {
        ServiceDate::parse_compact(&format!("202611{day:02}")).unwrap()
    }

    fn places(places: u32) -> Option<Capacity> {
        Some(Capacity::Limited(Quantity::new(places)))
    }

    /// Ten places in each of two timespans in November 2026, with these exceptions.
    fn product(exceptions: &[CalendarException]) -> SetProduct {
        let timespan = |no, start_minute| TimespanDef {
            no: Timespan::new(no),
            start_minute,
            end_minute: start_minute + 60,
        };
        SetProduct {
            id: "P".to_owned(),
            supplier: "01".to_owned(),
            name: "票".to_owned(),
            on_sale: true,
            price: Fen::new(100),
            list_price: Fen::new(100),
            rebate: Fen::ZERO,
            rebate_at: RebateAt::Payment,
            uses: 1,
            pool: None,
            calendar: Calendar {
                dates: Some((day(1), day(30))),
                capacity: Capacity::Limited(Quantity::new(10)),
                allowance: Quantity::ZERO,
                exceptions: exceptions.to_vec(),
            },
            timespans: vec![timespan(1, 480), timespan(2, 600)],
            areas: vec![],
            scene_prefix: String::new(),
            rules: Rules {
                order_min: Quantity::new(1),
                order_max: Quantity::new(5),
                horizon_days: 60,
                hold_seconds: 1800,
                ..Rules::default()
            },
        }
    }

    #[test]
    fn a_day_with_fewer_places_is_noticed_whatever_else_changes() {
        let supplier = CatalogueCommand::SetSupplier {
            id: "01".to_owned(),
            name: "景区".to_owned(),
            utc_offset_seconds: 8 * 3600,
        };
        let check = |was: &[CalendarException], is: &[CalendarException], expected: bool| {
            let mut catalogue = Catalogue::default();
            let known = CatalogueCommand::SetProduct(Box::new(product(was)));
            for command in [supplier.clone(), known] {
                let event = catalogue.decide(command).unwrap();
                assert_eq!(catalogue.narrowed_by(&event), None, "it is new");
                catalogue.apply(&event);
            }
            let changed = CatalogueCommand::SetProduct(Box::new(product(is)));
            let narrowed = catalogue.narrowed_by(&catalogue.decide(changed).unwrap());
            assert_eq!(narrowed.is_some(), expected, "{was:?} to {is:?}: {narrowed:?}");
        };
        let on = |first, last| CalendarException::on(day(first), day(last));
        let with = |exception: CalendarException, capacity| CalendarException {
            capacity: places(capacity),
            ..exception
        };
        let (closed, price) = (Some(true), Some(Fen::new(1)));
        let closed = CalendarException { closed, price, ..on(1, 30) };
        check(&[], std::slice::from_ref(&closed), false);
        check(&[closed], &[], false);
        // Fewer, as many, more; and taking the more away again.
        check(&[], &[with(on(7, 7), 9)], true);
        check(&[], &[with(on(7, 7), 10)], false);
        check(&[], &[with(on(7, 7), 11)], false);
        check(&[with(on(7, 7), 11)], &[], true);
        check(&[with(on(7, 7), 9)], &[], false);
        check(&[with(on(7, 9), 11)], &[with(on(7, 8), 11)], true);
        check(&[with(on(7, 8), 11)], &[with(on(6, 9), 12)], false);
        // Of two the last one counts.
        check(&[], &[with(on(7, 7), 9), with(on(1, 30), 10)], false);
        check(&[], &[with(on(1, 30), 11), with(on(7, 7), 9)], true);
        // The only Saturday in the range, and a range that has none; one timespan of the two.
        let weekdays = Weekdays::from_bits(1 << 5).unwrap();
        let saturdays = |exception| CalendarException { weekdays, ..exception };
        check(&[], &[saturdays(with(on(16, 21), 9))], true);
        check(&[], &[saturdays(with(on(16, 20), 9))], false);
        let second = vec![Timespan::new(2)];
        check(&[], &[CalendarException { timespans: second, ..with(on(30, 30), 9) }], true);
        // Beyond the days on offer nothing was sold.
        let december = |text| ServiceDate::parse_compact(text).unwrap();
        let december = CalendarException::on(december("20261201"), december("20261231"));
        check(&[], &[with(december, 1)], false);
        let more = Some(Quantity::new(2));
        let more = CalendarException { allowance: more, ..on(7, 7) };
        check(&[], std::slice::from_ref(&more), false);
        check(&[more], &[], true);
    }
}
