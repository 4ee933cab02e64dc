//! Looking at stock and quotas without holding any of it: what is there and what is taken, at one moment for each
//! slot, not at one moment for all.
//!
//! Whoever is active is asked, the others are read from the snapshots beside the actors, and what is in
//! neither is untouched and follows from the catalogue. So a look at a whole week wakes nobody up.

use std::sync::Arc;

use actix::prelude::*;
use hashbrown::HashMap;
use smallvec::{SmallVec, smallvec};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::actors::EngineError;
use crate::actors::handle::{EngineHandle, not_sent};
use crate::actors::machine::Machine;
use crate::actors::recovery::RecoveryError;
use crate::actors::runs::{self, Loaded};
use crate::domain::catalogue::{Catalogue, LimitWindow, Product};
use crate::domain::inventory::{Available, Capacity, Pool, PoolKey, Slot, Stock};
use crate::domain::limits::{Claim, Counters, LimitKey, LimitShard};
use crate::domain::order::CounterHome;
use crate::domain::seats::Seating;
use crate::engine::admission::quotas;
use crate::engine::plan::counter_home;
use crate::snapshot::SnapshotStore;
use crate::types::{
    AgentNo, AreaNo, Channel, Quantity, ServiceDate, SlotKey, SupplierNo, UnixMillis,
};

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
    /// What counts against each claim that was asked about.
    pub(crate) used: SmallVec<[Quantity; 1]>,
}

/// Claims whose counts are asked about; they ask for nothing.
type Claims = SmallVec<[Claim; 1]>;

/// Who looks: some limits are for an agent or a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Onlooker {
    /// The agent.
    pub agent: AgentNo,
    /// The channel it would order through.
    pub channel: Channel,
}

/// What is left of an allotment, a channel's quota or a limit for everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What it is for: the slot alone, its whole day, or a time of ordering.
    pub window: LimitWindow,
    /// How many can still be ordered.
    pub left: Quantity,
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
    /// What limits leave to whoever looks, whatever persons it orders for.
    pub quotas: SmallVec<[Quota; 1]>,
}

impl SlotStock {
    /// Places that can be had in all areas together, no more than the pool has.
    #[must_use]
    pub fn available(&self) -> Available {
        self.available_in(|_| true)
    }

    /// Places that can be had in the areas that `is_open` lets through, no more than the pool has.
    #[must_use]
    pub fn available_in(&self, is_open: impl Fn(AreaNo) -> bool) -> Available {
        let areas = self.areas.iter().filter(|(area, _)| is_open(*area));
        let areas = areas.map(|(_, stock)| stock.available());
        let all = areas.fold(Available::Left(Quantity::ZERO), more);
        match &self.pool {
            Some((_, pool)) => less(all, pool.available()),
            None => all,
        }
    }
}

impl Quota {
    /// As a bound of what can be had.
    #[must_use]
    pub const fn bound(&self) -> Available {
        Available::Left(self.left)
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
#[must_use]
pub fn less(one: Available, other: Available) -> Available {
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
    Limit(LimitKey),
}

/// A machine with something to look at.
pub(crate) trait Stocked: Machine {
    /// Its stock and what counts against `claims`, checkouts in flight included.
    fn view(&self, detail: Detail, claims: &[Claim]) -> View;
}

impl Stocked for Slot {
    fn view(&self, detail: Detail, claims: &[Claim]) -> View {
        let seats = match detail {
            Detail::Stock => Vec::new(),
            Detail::Seats => self.seatings().to_vec(),
        };
        let shown = |&(area, mut stock): &(AreaNo, Stock)| {
            if !self.is_open() {
                // Whoever asks what can be had hears that nothing can.
                stock.set_capacity(Capacity::Limited(Quantity::ZERO), Quantity::ZERO);
                stock = stock.adjusted(Quantity::ZERO, stock.withdrawn());
            }
            (area, stock)
        };
        let used = used(self.counters(), claims);
        View { stocks: self.areas().iter().map(shown).collect(), seats, used }
    }
}

impl Stocked for Pool {
    fn view(&self, _: Detail, _: &[Claim]) -> View {
        View { stocks: smallvec![(AreaNo::NONE, *self.stock())], ..View::default() }
    }
}

impl Stocked for LimitShard {
    fn view(&self, _: Detail, claims: &[Claim]) -> View {
        View { used: used(self.counters(), claims), ..View::default() }
    }
}

fn used(counters: &Counters, claims: &[Claim]) -> SmallVec<[Quantity; 1]> {
    claims.iter().map(|claim| counters.used(claim)).collect()
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
    pub(crate) shelves: Vec<(usize, Shelf, Claims)>,
    pub(crate) detail: Detail,
    pub(crate) reply: UnboundedSender<Seen>,
}

/// Asks a participant how it stands. Without an answer it is broken.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Peek {
    pub(crate) index: usize,
    pub(crate) detail: Detail,
    pub(crate) claims: Claims,
    pub(crate) reply: UnboundedSender<Seen>,
}

/// The shelves of a look, each once.
#[derive(Default)]
struct Shelves {
    list: Vec<(Shelf, Claims)>,
    places: HashMap<Shelf, usize>,
    suppliers: Vec<(SupplierNo, Vec<usize>)>,
}

impl Shelves {
    /// The place of a shelf in the list, added if need be.
    fn place(&mut self, supplier: SupplierNo, shelf: Shelf) -> usize {
        if let Some(place) = self.places.get(&shelf) {
            return *place;
        }
        let place = self.list.len();
        self.list.push((shelf, Claims::new()));
        self.places.insert(shelf, place);
        match self.suppliers.iter_mut().find(|(no, _)| *no == supplier) {
            Some((_, places)) => places.push(place),
            None => self.suppliers.push((supplier, vec![place])),
        }
        place
    }

    /// Asks what counts against a claim on a shelf too; says the claim's index there.
    fn claim(&mut self, place: usize, claim: Claim) -> usize {
        let claims = &mut self.list[place].1;
        claims.iter().position(|known| *known == claim).unwrap_or_else(|| {
            claims.push(claim);
            claims.len() - 1
        })
    }
}

/// A quota that is asked about: the shelf that counts it, the claim there, its window and maximum.
type AskedQuota = (usize, usize, LimitWindow, Quantity);

impl Shelves {
    /// The quotas of a slot, added to what is asked.
    fn quotas(
        &mut self,
        onlooker: Onlooker,
        product: &Product,
        slot: SlotKey,
        catalogue: &Catalogue,
        now: UnixMillis,
    ) -> SmallVec<[AskedQuota; 1]> {
        let agent = catalogue.agent(onlooker.agent).zip(catalogue.supplier(product.supplier));
        let Some((agent, supplier)) = agent else { return SmallVec::new() };
        let today = ServiceDate::at(now, supplier.utc_offset_seconds);
        let quotas = quotas(product, agent, onlooker.channel).map(|quota| {
            let shelf = match counter_home(slot, product, &quota, today) {
                CounterHome::Slot(slot) => Shelf::Slot(slot),
                CounterHome::Shard(limit) => Shelf::Limit(limit),
            };
            let place = self.place(product.supplier, shelf);
            (place, self.claim(place, quota.claim(today)), quota.window, quota.max)
        });
        quotas.collect()
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
        onlooker: Onlooker,
        slots: &[SlotKey],
    ) -> Result<Vec<SlotStock>, EngineError> {
        self.look_at(onlooker, slots, Detail::Stock).await
    }

    /// How a slot stands, seat by seat where seats have numbers. Nothing is held.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn look_at_seats(
        &self,
        onlooker: Onlooker,
        slot: SlotKey,
    ) -> Result<SlotStock, EngineError> {
        let mut seen = self.look_at(onlooker, &[slot], Detail::Seats).await?;
        seen.pop().ok_or(EngineError::Unavailable)
    }

    async fn look_at(
        &self,
        onlooker: Onlooker,
        slots: &[SlotKey],
        detail: Detail,
    ) -> Result<Vec<SlotStock>, EngineError> {
        let _in_flight = self.enter(onlooker.agent)?;
        let catalogue = self.catalogue();
        let now = self.now();
        let mut shelves = Shelves::default();
        let mut wanted = Vec::with_capacity(slots.len());
        for &slot in slots {
            let Some(product) = catalogue.product(slot.product) else {
                wanted.push((slot, None, None, SmallVec::new()));
                continue;
            };
            let place = shelves.place(product.supplier, Shelf::Slot(slot));
            let pool = product.pool.map(|pool| {
                let key = PoolKey { pool, date: slot.date, timespan: slot.timespan };
                (key, shelves.place(product.supplier, Shelf::Pool(key)))
            });
            let quotas = shelves.quotas(onlooker, product, slot, &catalogue, now);
            wanted.push((slot, Some(place), pool, quotas));
        }
        let seen = self.seen(&mut shelves, &catalogue, detail).await?;
        let view = |place: usize| seen.get(place).cloned().unwrap_or_default();
        let left = |(place, index, window, max): (usize, usize, LimitWindow, Quantity)| {
            let used = seen.get(place).and_then(|view| view.used.get(index)).copied();
            let left = used.and_then(|used| max.checked_sub(used)).unwrap_or(Quantity::ZERO);
            Quota { window, left }
        };
        let stock = wanted.into_iter().map(|(slot, place, pool, quotas)| {
            let View { stocks, seats, .. } = place.map(view).unwrap_or_default();
            let pool = pool.and_then(|(key, place)| Some((key, view(place).stocks.first()?.1)));
            let quotas = quotas.into_iter().map(left).collect();
            SlotStock { slot, areas: stocks, pool, seats, quotas }
        });
        Ok(stock.collect())
    }

    /// What is seen, by place in the list of shelves.
    async fn seen(
        &self,
        shelves: &mut Shelves,
        catalogue: &Arc<Catalogue>,
        detail: Detail,
    ) -> Result<Vec<View>, EngineError> {
        let (reply, mut answers) = unbounded_channel();
        for (supplier, places) in std::mem::take(&mut shelves.suppliers) {
            let named = places.into_iter().map(|place| {
                let (shelf, claims) = &shelves.list[place];
                (place, *shelf, claims.clone())
            });
            let shelves = named.collect();
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
            let wanted: Vec<_> = step.iter().map(|place| shelves.list[*place].clone()).collect();
            let catalogue = Arc::clone(catalogue);
            let read = self.0.cold.read(move |store| {
                let views = wanted.into_iter();
                views
                    .map(|(shelf, claims)| shelf.view(store, &catalogue, detail, &claims))
                    .collect()
            });
            let read: Vec<View> = read.await.map_err(|error| {
                tracing::error!(%error, "stored participants cannot be read");
                EngineError::Unavailable
            })?;
            for (place, view) in step.iter().zip(read) {
                views[*place] = Some(view);
            }
        }
        // One that is missing broke down, and its supplier is being rebuilt.
        views.into_iter().collect::<Option<_>>().ok_or(EngineError::Overloaded)
    }
}

impl Shelf {
    /// What it shows as the snapshots have it; one that is not there is untouched.
    fn view(
        self,
        store: &SnapshotStore,
        catalogue: &Catalogue,
        detail: Detail,
        claims: &[Claim],
    ) -> Result<View, RecoveryError> {
        match self {
            Self::Slot(key) => stored_view::<Slot>(key, store, catalogue, detail, claims),
            Self::Pool(key) => stored_view::<Pool>(key, store, catalogue, detail, claims),
            Self::Limit(key) => stored_view::<LimitShard>(key, store, catalogue, detail, claims),
        }
    }
}

fn stored_view<M: Stocked>(
    key: M::Key,
    store: &SnapshotStore,
    catalogue: &Catalogue,
    detail: Detail,
    claims: &[Claim],
) -> Result<View, RecoveryError> {
    let machine = match runs::load::<M>(store, &M::store_key(key))? {
        Some(Loaded { mut machine, .. }) => {
            machine.refresh(key, catalogue);
            machine
        }
        None => M::untouched(key, catalogue),
    };
    Ok(machine.view(detail, claims))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::inventory::Capacity;
    use crate::domain::limits::Counters;
    use crate::types::{PoolNo, ProductNo, Timespan};

    #[test]
    fn a_closed_slot_shows_no_place_that_an_operator_has_added_either() {
        let ten = Quantity::new(10);
        let stock = Stock::new(Capacity::Limited(ten), Quantity::ZERO);
        let stock = stock.adjusted(ten, Quantity::ONE);
        let slot = Slot::new(smallvec![(AreaNo::NONE, stock)], Counters::default());
        let left = |slot: &Slot| slot.view(Detail::Stock, &[]).stocks[0].1.available();
        assert_eq!(left(&slot), Available::Left(Quantity::new(19)));
        assert_eq!(left(&slot.with_open(false)), Available::Left(Quantity::ZERO));
    }

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
            assert_eq!(
                SlotStock { slot, areas, pool, seats: Vec::new(), quotas: SmallVec::new() }
                    .available(),
                expected
            );
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
