//! Looking at stock without holding any of it: what is there and what is taken, at one moment for each
//! slot, not at one moment for all.
//!
//! Whoever is active is asked, the others are read from the snapshots beside the actors, and what is in
//! neither is untouched and follows from the catalogue. So a look at a whole week wakes nobody up.

use actix::prelude::*;
use hashbrown::HashMap;
use smallvec::{SmallVec, smallvec};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::actors::EngineError;
use crate::actors::handle::{EngineHandle, not_sent};
use crate::actors::machine::Machine;
use crate::domain::catalogue::Catalogue;
use crate::domain::inventory::{Available, Capacity, Pool, PoolKey, Slot, Stock};
use crate::domain::seats::Seating;
use crate::schema::SchemaError;
use crate::snapshot::{EntityKind, Entry, Key};
use crate::types::{AgentNo, AreaNo, Quantity, SlotKey, SupplierNo};

/// How much a look wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Stock.
    Stock,
    /// Stock and every seat.
    Seats,
}

/// What a shelf shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Stock by area; a pool has the single area [`AreaNo::NONE`].
    pub(crate) stocks: SmallVec<[(AreaNo, Stock); 1]>,
    /// Seats by area, where they were asked for and have numbers.
    pub(crate) seats: Vec<(AreaNo, Seating)>,
}

/// Entities read from the snapshots in one go: few enough that an order waiting behind them for its own
/// does not notice.
const READ_STEP: usize = 256;

/// What is there and what is taken of one slot; places of checkouts in flight count as taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotStock {
    /// The slot.
    pub slot: SlotKey,
    /// Stock by area; empty when the product does not exist or its calendar does not offer the slot.
    pub areas: SmallVec<[(AreaNo, Stock); 1]>,
    /// The pool behind the slot, if the product draws on one.
    pub pool: Option<(PoolKey, Stock)>,
    /// Seats by area, where they were asked for and have numbers.
    pub seats: Vec<(AreaNo, Seating)>,
}

impl SlotStock {
    /// Places that can be had in all areas together, no more than the pool has.
    #[must_use]
    pub fn available(&self) -> Available {
        let areas = self.areas.iter().map(|(_, stock)| stock.available());
        let all = areas.fold(Available::Left(Quantity::ZERO), more);
        match &self.pool {
            Some((_, pool)) => less(all, pool.available()),
            None => all,
        }
    }
}

/// What can be had of two stocks together.
#[must_use]
pub fn more(one: Available, other: Available) -> Available {
    match (one, other) {
        (Available::Left(one), Available::Left(other)) => {
            Available::Left(Quantity::new(one.get().saturating_add(other.get())))
        }
        _ => Available::Unlimited,
    }
}

/// The smaller of two bounds.
fn less(one: Available, other: Available) -> Available {
    match (one, other) {
        (Available::Unlimited, bound) | (bound, Available::Unlimited) => bound,
        (Available::Left(one), Available::Left(other)) => Available::Left(one.min(other)),
    }
}

/// A participant with stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shelf {
    Slot(SlotKey),
    Pool(PoolKey),
}

/// A machine with stock.
pub(crate) trait Stocked: Machine {
    /// Its stock, checkouts in flight included.
    fn view(&self, detail: Detail) -> View;
}

impl Stocked for Slot {
    fn view(&self, detail: Detail) -> View {
        let seats = match detail {
            Detail::Stock => Vec::new(),
            Detail::Seats => self.seatings().to_vec(),
        };
        let shown = |&(area, mut stock): &(AreaNo, Stock)| {
            if !self.is_open() {
                // Whoever asks what can be had hears that nothing can.
                stock.set_capacity(Capacity::Limited(Quantity::ZERO), Quantity::ZERO);
            }
            (area, stock)
        };
        View { stocks: self.areas().iter().map(shown).collect(), seats }
    }
}

impl Stocked for Pool {
    fn view(&self, _: Detail) -> View {
        View { stocks: smallvec![(AreaNo::NONE, *self.stock())], seats: Vec::new() }
    }
}

/// What came of asking for a shelf, by its place in the list of shelves.
#[derive(Debug)]
pub(crate) enum Seen {
    /// What it shows.
    Live(usize, View),
    /// It is not active.
    Asleep(usize),
}

/// Asks a supplier's order actor to let the active among the shelves say how they stand.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Look {
    pub(crate) shelves: Vec<(usize, Shelf)>,
    pub(crate) detail: Detail,
    pub(crate) reply: UnboundedSender<Seen>,
}

/// Asks a participant how it stands. Without an answer it is broken.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Peek {
    pub(crate) index: usize,
    pub(crate) detail: Detail,
    pub(crate) reply: UnboundedSender<Seen>,
}

/// The shelves of a look, each once.
#[derive(Default)]
struct Shelves {
    list: Vec<Shelf>,
    places: HashMap<Shelf, usize>,
    suppliers: Vec<(SupplierNo, Vec<(usize, Shelf)>)>,
}

impl Shelves {
    /// The place of a shelf in the list, added if need be.
    fn place(&mut self, supplier: SupplierNo, shelf: Shelf) -> usize {
        if let Some(place) = self.places.get(&shelf) {
            return *place;
        }
        let place = self.list.len();
        self.list.push(shelf);
        self.places.insert(shelf, place);
        match self.suppliers.iter_mut().find(|(no, _)| *no == supplier) {
            Some((_, shelves)) => shelves.push((place, shelf)),
            None => self.suppliers.push((supplier, vec![(place, shelf)])),
        }
        place
    }
}

impl EngineHandle {
    /// How `slots` stand, in the order asked. Nothing is held and nobody is woken up, so by the time the
    /// caller reads it, it may be out of date. Its cost grows with the number of slots: callers bound it.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn look(
        &self,
        agent: AgentNo,
        slots: &[SlotKey],
    ) -> Result<Vec<SlotStock>, EngineError> {
        self.look_at(agent, slots, Detail::Stock).await
    }

    /// How a slot stands, seat by seat where seats have numbers. Nothing is held.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn look_at_seats(
        &self,
        agent: AgentNo,
        slot: SlotKey,
    ) -> Result<SlotStock, EngineError> {
        let mut seen = self.look_at(agent, &[slot], Detail::Seats).await?;
        seen.pop().ok_or(EngineError::Unavailable)
    }

    async fn look_at(
        &self,
        agent: AgentNo,
        slots: &[SlotKey],
        detail: Detail,
    ) -> Result<Vec<SlotStock>, EngineError> {
        let _in_flight = self.enter(agent)?;
        let catalogue = self.catalogue();
        let mut shelves = Shelves::default();
        let mut wanted = Vec::with_capacity(slots.len());
        for &slot in slots {
            let Some(product) = catalogue.product(slot.product) else {
                wanted.push((slot, None, None));
                continue;
            };
            let place = shelves.place(product.supplier, Shelf::Slot(slot));
            let pool = product.pool.map(|pool| {
                let key = PoolKey { pool, date: slot.date, timespan: slot.timespan };
                (key, shelves.place(product.supplier, Shelf::Pool(key)))
            });
            wanted.push((slot, Some(place), pool));
        }
        let seen = self.seen(&mut shelves, &catalogue, detail).await?;
        let view = |place: usize| seen.get(place).cloned().unwrap_or_default();
        let stock = wanted.into_iter().map(|(slot, place, pool)| {
            let View { stocks, seats } = place.map(view).unwrap_or_default();
            let pool = pool.and_then(|(key, place)| Some((key, view(place).stocks.first()?.1)));
            SlotStock { slot, areas: stocks, pool, seats }
        });
        Ok(stock.collect())
    }

    /// What is seen, by place in the list of shelves.
    async fn seen(
        &self,
        shelves: &mut Shelves,
        catalogue: &Catalogue,
        detail: Detail,
    ) -> Result<Vec<View>, EngineError> {
        let (reply, mut answers) = unbounded_channel();
        for (supplier, shelves) in shelves.suppliers.drain(..) {
            let look = Look { shelves, detail, reply: reply.clone() };
            self.route(supplier)?.try_send(look).map_err(|error| not_sent(&error))?;
        }
        drop(reply);
        let mut views: Vec<Option<View>> = vec![None; shelves.list.len()];
        let mut asleep = Vec::new();
        // Every shelf answers once, so the channel holds no more than the look asked for.
        while let Some(seen) = answers.recv().await {
            match seen {
                Seen::Live(place, seen) => views[place] = Some(seen),
                Seen::Asleep(place) => asleep.push(place),
            }
        }
        for step in asleep.chunks(READ_STEP) {
            let keys = step.iter().map(|place| shelves.list[*place].stored());
            let entries = self.0.cold.load_many(keys.collect()).await;
            let entries = entries.map_err(|_| EngineError::Unavailable)?;
            for (place, entry) in step.iter().zip(entries) {
                let decoded = shelves.list[*place].view(entry.as_ref(), catalogue, detail);
                views[*place] = Some(decoded.map_err(|error| {
                    tracing::error!(%error, "a stored participant cannot be read");
                    self.0.cold.report_damage(&error.to_string());
                    EngineError::Unavailable
                })?);
            }
        }
        // One that is missing broke down, and its supplier is being rebuilt.
        views.into_iter().collect::<Option<_>>().ok_or(EngineError::Overloaded)
    }
}

impl Shelf {
    /// Its name in the snapshots.
    fn stored(self) -> (EntityKind, Key) {
        match self {
            Self::Slot(key) => (Slot::KIND, Slot::store_key(key)),
            Self::Pool(key) => (Pool::KIND, Pool::store_key(key)),
        }
    }

    /// What it shows as the snapshots have it; without an entry it is untouched.
    fn view(
        self,
        entry: Option<&Entry>,
        catalogue: &Catalogue,
        detail: Detail,
    ) -> Result<View, SchemaError> {
        match self {
            Self::Slot(key) => stored_view::<Slot>(key, entry, catalogue, detail),
            Self::Pool(key) => stored_view::<Pool>(key, entry, catalogue, detail),
        }
    }
}

fn stored_view<M: Stocked>(
    key: M::Key,
    entry: Option<&Entry>,
    catalogue: &Catalogue,
    detail: Detail,
) -> Result<View, SchemaError> {
    let Some(entry) = entry else { return Ok(M::untouched(key, catalogue).view(detail)) };
    let mut machine = M::decode(&entry.payload)?;
    machine.refresh(key, catalogue);
    Ok(machine.view(detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::inventory::Capacity;
    use crate::types::{PoolNo, ProductNo, Timespan};

    #[test]
    fn what_can_be_had_is_what_the_areas_and_the_pool_both_have() {
        let (product, timespan) = (ProductNo::new(0), Timespan::NONE);
        let slot = SlotKey { product, date: None, timespan };
        let key = PoolKey { pool: PoolNo::new(0), date: None, timespan };
        let stock = |left: Option<u32>| {
            let left = left.map_or(Capacity::Unlimited, |n| Capacity::Limited(Quantity::new(n)));
            Stock::new(left, Quantity::ZERO)
        };
        let check = |areas: &[Option<u32>], pool: Option<Option<u32>>, expected: Option<u32>| {
            let areas = areas.iter().map(|left| (AreaNo::NONE, stock(*left))).collect();
            let pool = pool.map(|left| (key, stock(left)));
            let expected =
                expected.map_or(Available::Unlimited, |n| Available::Left(Quantity::new(n)));
            assert_eq!(SlotStock { slot, areas, pool, seats: Vec::new() }.available(), expected);
        };
        check(&[Some(3)], None, Some(3));
        check(&[Some(3), Some(4)], None, Some(7));
        check(&[Some(u32::MAX), Some(4)], None, Some(u32::MAX));
        check(&[None], None, None);
        check(&[None], Some(Some(5)), Some(5));
        check(&[Some(3)], Some(Some(0)), Some(0));
        check(&[Some(3)], Some(None), Some(3));
        check(&[None], Some(None), None);
        check(&[], None, Some(0));
        check(&[], Some(None), Some(0));
    }
}
