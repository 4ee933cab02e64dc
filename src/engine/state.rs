//! The whole logical state, built by applying records in log order. Recovery fills it from the
//! snapshots' tail, the audit from the journal alone, the models and the simulation from what they
//! did; all of them by [`State::apply`].

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use smallvec::SmallVec;

use crate::domain::account::{Account, AccountKey};
use crate::domain::catalogue::Catalogue;
use crate::domain::inventory::{Capacity, Pool, PoolKey, Slot, Stock};
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
        transaction: Transaction,
        source: &mut S,
    ) -> Result<(), S::Error> {
        let now = &mut Now { lsn, reached: SmallVec::new() };
        for event in transaction.events {
            match event {
                Event::Catalogue(event) => {
                    // Entries are set as a whole, so setting them again changes nothing.
                    self.catalogue.apply(&event);
                    self.catalogue_lsn = self.catalogue_lsn.max(lsn);
                }
                Event::Slot(key, event) => {
                    let empty = || Slot::new(SmallVec::new(), Counters::default());
                    if let Some(slot) = touch(&mut self.slots, key, now, empty, source, S::slot)? {
                        slot.apply(None, &event);
                    }
                }
                Event::Pool(key, event) => {
                    let empty = || Pool::new(Stock::new(Capacity::Unlimited, Quantity::ZERO));
                    if let Some(pool) = touch(&mut self.pools, key, now, empty, source, S::pool)? {
                        pool.apply(None, event);
                    }
                }
                Event::Limit(key, event) => {
                    let empty = || LimitShard::new(Counters::default());
                    if let Some(limit) = touch(&mut self.limits, key, now, empty, source, S::limit)?
                    {
                        limit.apply(None, &event);
                    }
                }
                Event::Account(key, postings) => {
                    if let Some(account) = self.account(key, now, source)? {
                        account.apply(None, &postings);
                    }
                }
                Event::AccountNote(key, note) => {
                    if let Some(account) = self.account(key, now, source)? {
                        account.note(None, &note);
                    }
                }
                Event::Order(event) => self.order(event, now, source)?,
                Event::Voucher(VoucherEvent::Issued(voucher)) => {
                    // It never changes, so whatever the source has of it is the same.
                    let issued = Tracked { value: voucher, lsn };
                    self.vouchers.entry(voucher.code).or_insert(issued);
                }
                // For people who read the journal; no machine has it.
                Event::Operator(_) => {}
            }
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

    fn account<S: EntitySource>(
        &mut self,
        key: AccountKey,
        now: &mut Now,
        source: &mut S,
    ) -> Result<Option<&mut Account>, S::Error> {
        touch(&mut self.accounts, key, now, Account::default, source, S::account)
    }

    fn order<S: EntitySource>(
        &mut self,
        event: OrderEvent,
        now: &mut Now,
        source: &mut S,
    ) -> Result<(), S::Error> {
        let id = event.order();
        let placed = match event {
            OrderEvent::Placed(placed) => placed,
            event => {
                let order = match self.orders.entry(id) {
                    Entry::Occupied(order) => order.into_mut(),
                    Entry::Vacant(vacant) => match source.order(id)? {
                        Some(stored) => vacant.insert(stored),
                        None => return Ok(()),
                    },
                };
                if now.reaches(id, &mut order.lsn) {
                    order.value.apply_owned(event);
                }
                return Ok(());
            }
        };
        // Its history begins here, and whoever applies this record applies all that follow. So the
        // source need not be asked, whatever it has.
        if let Entry::Vacant(vacant) = self.orders.entry(id) {
            let order = vacant.insert(Tracked { value: Order::placed(*placed), lsn: Lsn::ZERO });
            now.reaches(id, &mut order.lsn);
        }
        Ok(())
    }
}

/// The record being applied.
struct Now {
    lsn: Lsn,
    /// Machines that lacked it. Several of its events may be about one of them.
    reached: SmallVec<[Reached; 8]>,
}

/// A machine that a record has reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Slot(SlotKey),
    Pool(PoolKey),
    Limit(LimitKey),
    Account(AccountKey),
    Order(OrderId),
}

impl From<SlotKey> for Reached {
    fn from(key: SlotKey) -> Self {
        Self::Slot(key)
    }
}

impl From<PoolKey> for Reached {
    fn from(key: PoolKey) -> Self {
        Self::Pool(key)
    }
}

impl From<LimitKey> for Reached {
    fn from(key: LimitKey) -> Self {
        Self::Limit(key)
    }
}

impl From<AccountKey> for Reached {
    fn from(key: AccountKey) -> Self {
        Self::Account(key)
    }
}

impl From<OrderId> for Reached {
    fn from(key: OrderId) -> Self {
        Self::Order(key)
    }
}

impl Now {
    /// Whether the machine `key`, which includes everything up to `known`, is to be changed by the present
    /// record: it lacks it, or lacked it when the record's first event came. From here on it has it.
    fn reaches(&mut self, key: impl Into<Reached>, known: &mut Lsn) -> bool {
        if *known > self.lsn {
            return false;
        }
        let key = key.into();
        if *known == self.lsn {
            return self.reached.contains(&key);
        }
        *known = self.lsn;
        self.reached.push(key);
        true
    }
}

/// The machine `key`, loaded or made if it is not there; `None` when it includes the record already.
fn touch<'a, K, T, S: EntitySource>(
    machines: &'a mut HashMap<K, Tracked<T>>,
    key: K,
    now: &mut Now,
    empty: impl FnOnce() -> T,
    source: &mut S,
    load: impl FnOnce(&mut S, K) -> Result<Option<Tracked<T>>, S::Error>,
) -> Result<Option<&'a mut T>, S::Error>
where
    K: Copy + Eq + std::hash::Hash + Into<Reached>,
{
    let machine = match machines.entry(key) {
        Entry::Occupied(machine) => machine.into_mut(),
        Entry::Vacant(vacant) => {
            let stored = load(source, key)?;
            vacant.insert(stored.unwrap_or_else(|| Tracked { value: empty(), lsn: Lsn::ZERO }))
        }
    };
    Ok(now.reaches(key, &mut machine.lsn).then_some(&mut machine.value))
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
