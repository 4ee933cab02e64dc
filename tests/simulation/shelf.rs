//! The snapshot store: entities with the last record each includes, written a few at a time. It
//! survives a crash, and it may be lost without losing anything.

use std::collections::BTreeMap;

use piaoku::domain::account::{Account, AccountKey};
use piaoku::domain::catalogue::Catalogue;
use piaoku::domain::inventory::{Pool, PoolKey, Slot, Stock};
use piaoku::domain::limits::{Counters, LimitKey, LimitShard};
use piaoku::domain::order::Order;
use piaoku::domain::seats::Seating;
use piaoku::domain::voucher::Voucher;
use piaoku::engine::state::{EntitySource, State, Tracked};
use piaoku::types::{Lsn, OrderId, SlotKey, VoucherCode};

#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// Every record up to this one is included in what is on the shelf.
    pub covered: Lsn,
    pub catalogue: Catalogue,
    pub slots: BTreeMap<SlotKey, Tracked<Slot>>,
    pub pools: BTreeMap<PoolKey, Tracked<Pool>>,
    pub limits: BTreeMap<LimitKey, Tracked<LimitShard>>,
    pub accounts: BTreeMap<AccountKey, Tracked<Account>>,
    pub orders: BTreeMap<OrderId, Tracked<Order>>,
    pub vouchers: BTreeMap<VoucherCode, Tracked<Voucher>>,
}

impl Shelf {
    /// Puts whatever replay did not touch into `state`.
    pub fn complete(&self, state: &mut State) {
        fill(&mut state.slots, &self.slots);
        fill(&mut state.pools, &self.pools);
        fill(&mut state.limits, &self.limits);
        fill(&mut state.accounts, &self.accounts);
        fill(&mut state.orders, &self.orders);
        fill(&mut state.vouchers, &self.vouchers);
    }
}

fn fill<K, V, S>(
    machines: &mut hashbrown::HashMap<K, Tracked<V>, S>,
    stored: &BTreeMap<K, Tracked<V>>,
) where
    K: Copy + Eq + std::hash::Hash,
    V: Clone,
    S: std::hash::BuildHasher,
{
    for (key, machine) in stored {
        if !machines.contains_key(key) {
            machines.insert(*key, machine.clone());
        }
    }
}

impl EntitySource for Shelf {
    type Error = std::convert::Infallible;

    fn slot(&mut self, key: SlotKey) -> Result<Option<Tracked<Slot>>, Self::Error> {
        Ok(self.slots.get(&key).cloned())
    }
    fn pool(&mut self, key: PoolKey) -> Result<Option<Tracked<Pool>>, Self::Error> {
        Ok(self.pools.get(&key).cloned())
    }
    fn limit(&mut self, key: LimitKey) -> Result<Option<Tracked<LimitShard>>, Self::Error> {
        Ok(self.limits.get(&key).cloned())
    }
    fn account(&mut self, key: AccountKey) -> Result<Option<Tracked<Account>>, Self::Error> {
        Ok(self.accounts.get(&key).cloned())
    }
    fn order(&mut self, id: OrderId) -> Result<Option<Tracked<Order>>, Self::Error> {
        Ok(self.orders.get(&id).cloned())
    }
}

/// A slot without the checkouts in flight.
pub fn settled_slot(slot: &Slot) -> Slot {
    let areas = slot.areas().iter().map(|(area, stock)| (*area, settled(stock)));
    let taken = slot.seatings().iter().map(|(area, seating)| {
        let (held, sold): (Vec<_>, Vec<_>) = (seating.held().collect(), seating.sold().collect());
        (*area, Seating::restored(&held, &sold).expect("INV-9: a seat has one holder"))
    });
    let counters = Counters::restored(slot.counters().counts());
    Slot::new(areas.collect(), counters).with_seatings(taken.collect()).with_open(slot.is_open())
}

/// A pool without the checkouts in flight.
pub fn settled_pool(pool: &Pool) -> Pool {
    Pool::new(settled(pool.stock()))
}

/// Limit counters without the checkouts in flight.
pub fn settled_limit(limit: &LimitShard) -> LimitShard {
    LimitShard::new(Counters::restored(limit.counters().counts()))
}

/// An account without the checkouts in flight.
pub fn settled_account(account: &Account) -> Account {
    let standings = account.standings().iter().copied();
    Account::restored(standings, account.credit(), account.booked().iter().cloned())
}

/// Capacities are the catalogue's and are given anew when the stock is loaded.
fn settled(stock: &Stock) -> Stock {
    let none = piaoku::types::Quantity::ZERO;
    let capacity = piaoku::domain::inventory::Capacity::Limited(none);
    let settled = Stock::restored(capacity, none, stock.held(), stock.sold());
    settled.adjusted(stock.added(), stock.withdrawn())
}
