//! The whole logical state, built by applying records in log order. Recovery fills it from the
//! snapshots' tail, the audit from the journal alone, the models and the simulation from what they
//! did; all of them by [`State::apply`].

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::domain::account::{Account, AccountKey};
use crate::domain::catalogue::Catalogue;
use crate::domain::inventory::{Capacity, Pool, PoolKey, Slot, SlotEvent, Stock, StockEvent};
use crate::domain::limits::{Counters, LimitKey, LimitShard};
use crate::domain::order::{Order, OrderEvent};
use crate::domain::voucher::{Voucher, VoucherEvent};
use crate::engine::digest::{self, Digest};
use crate::engine::transaction::{Event, Transaction};
use crate::types::{Lsn, OrderId, Quantity, SlotKey, VoucherCode};

/// A machine and the last record it includes.
#[derive(Clone, Debug)]
pub struct Tracked<T> {
    /// The machine.
    pub value: T,
    /// The record.
    pub lsn: Lsn,
}

/// Where a machine comes from when a record first touches it: the snapshots, or nowhere.
pub trait EntitySource {
    /// Why a source cannot say.
    type Error;

    /// A slot as stored, with any capacity.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn slot(&mut self, key: SlotKey) -> Result<Option<Tracked<Slot>>, Self::Error>;
    /// A pool as stored, with any capacity.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn pool(&mut self, key: PoolKey) -> Result<Option<Tracked<Pool>>, Self::Error>;
    /// A shard of limit counters as stored.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn limit(&mut self, key: LimitKey) -> Result<Option<Tracked<LimitShard>>, Self::Error>;
    /// An account as stored.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn account(&mut self, key: AccountKey) -> Result<Option<Tracked<Account>>, Self::Error>;
    /// An order as stored; not asked for an order that a record places.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn order(&mut self, id: OrderId) -> Result<Option<Tracked<Order>>, Self::Error>;
}

/// No store: everything begins untouched.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl EntitySource for Nowhere {
    type Error = std::convert::Infallible;

    fn slot(&mut self, _: SlotKey) -> Result<Option<Tracked<Slot>>, Self::Error> {
        Ok(None)
    }
    fn pool(&mut self, _: PoolKey) -> Result<Option<Tracked<Pool>>, Self::Error> {
        Ok(None)
    }
    fn limit(&mut self, _: LimitKey) -> Result<Option<Tracked<LimitShard>>, Self::Error> {
        Ok(None)
    }
    fn account(&mut self, _: AccountKey) -> Result<Option<Tracked<Account>>, Self::Error> {
        Ok(None)
    }
    fn order(&mut self, _: OrderId) -> Result<Option<Tracked<Order>>, Self::Error> {
        Ok(None)
    }
}

/// Every machine that a record has touched.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Who sells what; the record it includes last is `catalogue_lsn`.
    pub catalogue: Catalogue,
    /// The last record the catalogue includes.
    pub catalogue_lsn: Lsn,
    /// Slots.
    pub slots: HashMap<SlotKey, Tracked<Slot>>,
    /// Pools.
    pub pools: HashMap<PoolKey, Tracked<Pool>>,
    /// Limit counters.
    pub limits: HashMap<LimitKey, Tracked<LimitShard>>,
    /// Accounts.
    pub accounts: HashMap<AccountKey, Tracked<Account>>,
    /// Orders.
    pub orders: HashMap<OrderId, Tracked<Order>>,
    /// Vouchers.
    pub vouchers: HashMap<VoucherCode, Tracked<Voucher>>,
}

impl State {
    /// Applies the record at `lsn`. A machine that includes it already is left alone, so records
    /// may be applied again.
    ///
    /// # Errors
    /// When `source` cannot say how a machine stands; the state is then of no use.
    pub fn apply<S: EntitySource>(
        &mut self,
        lsn: Lsn,
        transaction: &Transaction,
        source: &mut S,
    ) -> Result<(), S::Error> {
        for event in &transaction.events {
            match event {
                Event::Catalogue(event) => {
                    // Entries are set as a whole, so setting them again changes nothing.
                    self.catalogue.apply(event);
                    self.catalogue_lsn = self.catalogue_lsn.max(lsn);
                }
                Event::Slot(key, event) => self.slot(lsn, *key, event, source)?,
                Event::Pool(key, event) => self.pool(lsn, *key, *event, source)?,
                Event::Limit(key, event) => {
                    let empty = || LimitShard::new(Counters::default());
                    let limit = touch(&mut self.limits, *key, lsn, empty, |k| source.limit(k))?;
                    if let Some(limit) = limit {
                        limit.apply(None, event);
                    }
                }
                Event::Account(key, postings) => {
                    let account = touch(&mut self.accounts, *key, lsn, Account::default, |k| {
                        source.account(k)
                    })?;
                    if let Some(account) = account {
                        account.apply(None, postings);
                    }
                }
                Event::AccountNote(key, note) => {
                    let account = touch(&mut self.accounts, *key, lsn, Account::default, |k| {
                        source.account(k)
                    })?;
                    if let Some(account) = account {
                        account.note(None, note);
                    }
                }
                Event::Order(event) => self.order(lsn, event, source)?,
                Event::Voucher(VoucherEvent::Issued(voucher)) => {
                    // It never changes, so whatever the source has of it is the same.
                    let issued = Tracked { value: *voucher, lsn };
                    self.vouchers.entry(voucher.code).or_insert(issued);
                }
                // For people who read the journal; no machine has it.
                Event::Operator(_) => {}
            }
        }
        for event in &transaction.events {
            self.mark(lsn, event);
        }
        Ok(())
    }

    /// Gives every slot and pool the capacity the catalogue has now.
    pub fn refresh_capacities(&mut self) {
        let catalogue = &self.catalogue;
        let mut slots: Vec<_> = self.slots.iter_mut().collect();
        slots.sort_unstable_by_key(|(key, _)| **key);
        for (key, slot) in slots {
            set_capacity(&mut slot.value, *key, catalogue);
        }
        let mut pools: Vec<_> = self.pools.iter_mut().collect();
        pools.sort_unstable_by_key(|(key, _)| **key);
        for (key, pool) in pools {
            let (capacity, allowance) = pool_capacity(*key, catalogue);
            pool.value.set_capacity(capacity, allowance);
        }
    }

    /// Digest of everything but the catalogue.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut sum = Digest::default();
        self.slots.iter().for_each(|(key, slot)| sum.add(digest::slot(*key, &slot.value)));
        self.pools.iter().for_each(|(key, pool)| sum.add(digest::pool(*key, &pool.value)));
        self.limits.iter().for_each(|(key, limit)| sum.add(digest::limit(*key, &limit.value)));
        self.accounts.iter().for_each(|(k, account)| sum.add(digest::account(*k, &account.value)));
        self.orders.values().for_each(|order| sum.add(digest::order(&order.value)));
        self.vouchers.values().for_each(|voucher| sum.add(digest::voucher(&voucher.value)));
        sum
    }

    fn slot<S: EntitySource>(
        &mut self,
        lsn: Lsn,
        key: SlotKey,
        event: &SlotEvent,
        source: &mut S,
    ) -> Result<(), S::Error> {
        let empty = || Slot::new(SmallVec::new(), Counters::default());
        if let Some(slot) = touch(&mut self.slots, key, lsn, empty, |key| source.slot(key))? {
            slot.apply(None, event);
        }
        Ok(())
    }

    fn pool<S: EntitySource>(
        &mut self,
        lsn: Lsn,
        key: PoolKey,
        event: StockEvent,
        source: &mut S,
    ) -> Result<(), S::Error> {
        let empty = || Pool::new(Stock::new(Capacity::Unlimited, Quantity::ZERO));
        if let Some(pool) = touch(&mut self.pools, key, lsn, empty, |key| source.pool(key))? {
            pool.apply(None, event);
        }
        Ok(())
    }

    fn order<S: EntitySource>(
        &mut self,
        lsn: Lsn,
        event: &OrderEvent,
        source: &mut S,
    ) -> Result<(), S::Error> {
        let id = event.order();
        if let OrderEvent::Placed(placed) = event {
            // Its history begins here, and whoever applies this record applies all that follow. So the
            // source need not be asked, whatever it has. The record's own position is marked once all
            // its events are applied, so that a payment in the same record still counts as later.
            self.orders.entry(id).or_insert_with(|| {
                let value = Order::placed((**placed).clone());
                Tracked { value, lsn: Lsn::ZERO }
            });
            return Ok(());
        }
        if !self.orders.contains_key(&id)
            && let Some(stored) = source.order(id)?
        {
            self.orders.insert(id, stored);
        }
        if let Some(order) = self.orders.get_mut(&id).filter(|order| order.lsn < lsn) {
            order.value.apply(event);
        }
        Ok(())
    }

    /// Notes that the machine of `event` includes the record at `lsn`.
    fn mark(&mut self, lsn: Lsn, event: &Event) {
        let known = match event {
            Event::Catalogue(_) | Event::Operator(_) => None,
            Event::Slot(key, _) => self.slots.get_mut(key).map(|slot| &mut slot.lsn),
            Event::Pool(key, _) => self.pools.get_mut(key).map(|pool| &mut pool.lsn),
            Event::Limit(key, _) => self.limits.get_mut(key).map(|limit| &mut limit.lsn),
            Event::Account(key, _) | Event::AccountNote(key, _) => {
                self.accounts.get_mut(key).map(|account| &mut account.lsn)
            }
            Event::Order(event) => self.orders.get_mut(&event.order()).map(|order| &mut order.lsn),
            Event::Voucher(event) => self.vouchers.get_mut(&event.code()).map(|v| &mut v.lsn),
        };
        if let Some(known) = known {
            *known = lsn.max(*known);
        }
    }
}

/// The machine `key`, loaded or made if it is not there; `None` when it includes `lsn` already.
fn touch<K: Copy + Eq + std::hash::Hash, T, E>(
    machines: &mut HashMap<K, Tracked<T>>,
    key: K,
    lsn: Lsn,
    empty: impl FnOnce() -> T,
    load: impl FnOnce(K) -> Result<Option<Tracked<T>>, E>,
) -> Result<Option<&mut T>, E> {
    if !machines.contains_key(&key) {
        let stored = load(key)?;
        let machine = stored.unwrap_or_else(|| Tracked { value: empty(), lsn: Lsn::ZERO });
        machines.insert(key, machine);
    }
    let machine = machines.get_mut(&key).filter(|machine| machine.lsn < lsn);
    Ok(machine.map(|machine| &mut machine.value))
}

/// Gives a slot the areas and capacities the catalogue has now; areas it no longer has get none.
pub fn set_capacity(slot: &mut Slot, key: SlotKey, catalogue: &Catalogue) {
    for (_, stock) in slot.areas_mut() {
        stock.set_capacity(Capacity::Limited(Quantity::ZERO), Quantity::ZERO);
    }
    for (area, capacity, allowance) in catalogue.slot_capacity(key) {
        slot.set_capacity(area, capacity, allowance);
    }
    set_seat_maps(slot, key, catalogue);
}

/// Gives a slot the seat maps the catalogue has now.
pub fn set_seat_maps(slot: &mut Slot, key: SlotKey, catalogue: &Catalogue) {
    let areas = catalogue.product(key.product).map_or(&[][..], |product| &product.areas);
    for area in areas {
        slot.set_seat_map(area.no, area.seats.as_ref());
    }
}

/// The capacity and allowance the catalogue gives a pool now.
#[must_use]
pub fn pool_capacity(key: PoolKey, catalogue: &Catalogue) -> (Capacity, Quantity) {
    let gone = (Capacity::Limited(Quantity::ZERO), Quantity::ZERO);
    catalogue.pool(key.pool).map_or(gone, |pool| (pool.capacity, pool.allowance))
}

#[cfg(test)]
mod tests;
