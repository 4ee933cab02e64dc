//! Whether a change of the catalogue would offer less than before. Only slots and pools know what they
//! have sold, so the catalogue cannot say whether less would still be enough.

use crate::domain::catalogue::{Catalogue, CatalogueEvent, Pool, Product};
use crate::domain::inventory::Capacity;
use crate::types::Quantity;

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
    if known.areas.is_empty() && is_less(is.capacity, was.capacity) {
        return Some("places");
    }
    let places = |area| product.area(area).map_or(Quantity::ZERO, |area| area.capacity);
    let shrunk = known.areas.iter().any(|area| places(area.no) < area.capacity);
    shrunk.then_some("places of an area")
}

fn is_less(is: Capacity, was: Capacity) -> bool {
    match (is, was) {
        (Capacity::Unlimited, _) => false,
        (Capacity::Limited(_), Capacity::Unlimited) => true,
        (Capacity::Limited(is), Capacity::Limited(was)) => is < was,
    }
}
