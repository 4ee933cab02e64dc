//! The audit: every invariant over a whole state. What stock, counters, money and vouchers should be
//! is computed anew from the orders alone and compared with what they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::account::{AccountKey, Balance, Holder};
use crate::domain::invariants::{self, Invariant};
use crate::domain::inventory::{Capacity, PoolKey, Stock};
use crate::domain::limits::{Counters, LimitKey};
use crate::domain::order::{CloseReason, CounterHome, Order, OrderState};
use crate::engine::digest::Digest;
use crate::engine::state::State;
use crate::types::{AreaNo, Fen, IdentityHash, RuleNo, SeatNo, ServiceDate, SlotKey, Timespan};

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// Where and how.
    pub detail: String,
}

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Broken promises; empty when the books are right.
    pub violations: Vec<Violation>,
    /// Slots touched.
    pub slots: usize,
    /// Orders, whatever became of them.
    pub orders: usize,
    /// Orders paid.
    pub paid: usize,
    /// Vouchers issued.
    pub vouchers: usize,
    /// Digest of the state.
    pub digest: Digest,
}

/// Most violations reported; one fault tends to show in a thousand places.
const VIOLATIONS_MAX: usize = 100;

/// Audits a state whose capacities are those of its catalogue
/// (see [`State::refresh_capacities`]).
#[must_use]
pub fn audit(state: &State) -> Audit {
    let mut auditor = Auditor { state, violations: Vec::new() };
    let expected = Expected::from_orders(state);
    auditor.stock(&expected);
    auditor.seats();
    auditor.counters(&expected);
    auditor.money(&expected);
    auditor.keys_and_codes();
    let paid = |order: &Order| matches!(order.state, OrderState::Paid { .. });
    Audit {
        violations: auditor.violations,
        slots: state.slots.len(),
        orders: state.orders.len(),
        paid: state.orders.values().filter(|order| paid(&order.value)).count(),
        vouchers: state.vouchers.len(),
        digest: state.digest(),
    }
}

/// Held and sold places.
type Places = (u64, u64);
type CountKey = (RuleNo, IdentityHash, Option<ServiceDate>);

type CountsByPerson = BTreeMap<CountKey, u64>;

/// What the orders say that everything else should be.
#[derive(Default)]
struct Expected {
    areas: Taken<(SlotKey, AreaNo), Places>,
    pools: Taken<PoolKey, Places>,
    slot_counts: Taken<SlotKey, CountsByPerson>,
    shard_counts: Taken<LimitKey, CountsByPerson>,
    house: Taken<(AccountKey, Balance), i128>,
}

/// What orders took, by where they took it.
struct Taken<K, V> {
    /// What orders that are not closed have.
    now: BTreeMap<K, V>,
    /// Where closed orders had something once: a difference there is most likely theirs.
    returned: BTreeSet<K>,
}

impl<K, V> Default for Taken<K, V> {
    fn default() -> Self {
        Self { now: BTreeMap::new(), returned: BTreeSet::new() }
    }
}

impl<K: Ord, V: Default> Taken<K, V> {
    /// What is taken at `key`, or `None` after noting that a closed order gave it back.
    fn at(&mut self, key: K, closed: bool) -> Option<&mut V> {
        if closed {
            self.returned.insert(key);
            return None;
        }
        Some(self.now.entry(key).or_default())
    }
}

impl Expected {
    fn from_orders(state: &State) -> Self {
        let mut expected = Self::default();
        for order in state.orders.values().map(|order| &order.value) {
            expected.take(order);
            expected.count(order);
            expected.post(order);
        }
        // Accounts leave out balances of nothing.
        expected.house.now.retain(|_, amount| *amount != 0);
        expected
    }

    fn take(&mut self, order: &Order) {
        let (held, sold) = match order.state {
            OrderState::Held { .. } => (1, 0),
            OrderState::Paid { .. } => (0, 1),
            OrderState::Closed { .. } => (0, 0),
        };
        for (index, line) in order.lines.iter().enumerate() {
            let back = u64::from(order.refunded_in(index));
            let quantity = u64::from(line.quantity.get()).saturating_sub(back);
            // A line may be given back as a whole while the order goes on.
            let closed = is_closed(order) || quantity == 0;
            let add = |places: &mut Places| {
                places.0 += held * quantity;
                places.1 += sold * quantity;
            };
            self.areas.at((line.slot, line.area), closed).map(add);
            if let Some(pool) = line.pool {
                let key = PoolKey { pool, date: line.slot.date, timespan: line.slot.timespan };
                self.pools.at(key, closed).map(add);
            }
        }
    }

    fn count(&mut self, order: &Order) {
        for taken in &order.counts {
            let back = u64::from(order.refunded_in(usize::from(taken.line)));
            let left = u64::from(taken.count.amount.get()).saturating_sub(back);
            let closed = is_closed(order) || left == 0;
            let counts = match taken.home {
                CounterHome::Slot(slot) => self.slot_counts.at(slot, closed),
                CounterHome::Shard(limit) => self.shard_counts.at(limit, closed),
            };
            let Some(counts) = counts else { continue };
            let key = (taken.count.rule, taken.count.identity, taken.count.day);
            *counts.entry(key).or_default() += left;
        }
    }

    fn post(&mut self, order: &Order) {
        if order.tickets.is_empty() && !matches!(order.state, OrderState::Paid { .. }) {
            return;
        }
        let house = AccountKey { supplier: order.supplier, holder: Holder::House };
        let sum = |amounts: &mut dyn Iterator<Item = Fen>| -> i128 {
            amounts.map(|amount| i128::from(amount.get())).sum()
        };
        let refunds = || order.refunds.iter();
        let back = sum(&mut refunds().map(|refund| refund.amount));
        let fees = sum(&mut refunds().map(|refund| refund.fee));
        let taken_back = sum(&mut refunds().map(|refund| refund.rebate));
        let credited = order.tickets.iter().filter(|ticket| ticket.rebate_year.is_some());
        let credited = credited.filter_map(|t| order.lines.get(usize::from(t.line)));
        let credited = sum(&mut credited.map(|line| line.unit_rebate));
        let mut post = |balance, amount: i128| {
            *self.house.now.entry((house, balance)).or_default() += amount;
        };
        post(Balance::Sales, i128::from(order.total.get()) - back);
        post(Balance::Fees, fees);
        post(Balance::RebateGranted, taken_back - credited);
    }
}

/// Seats that an order has: those of its lines, but for tickets that were given back.
fn seats_of(order: &Order) -> Vec<(SlotKey, AreaNo, SeatNo)> {
    if is_closed(order) {
        return Vec::new();
    }
    let mut back = BTreeSet::new();
    for (at, ticket) in order.tickets.iter().enumerate().filter(|(_, ticket)| ticket.refunded) {
        back.extend(order.seat(at).map(|seat| (usize::from(ticket.line), seat)));
    }
    let lines = order.lines.iter().enumerate();
    let seats = lines.flat_map(|(index, line)| {
        let kept = line.seats.iter().filter(|seat| !back.contains(&(index, **seat)));
        kept.map(|seat| (line.slot, line.area, *seat)).collect::<Vec<_>>()
    });
    seats.collect()
}

fn is_closed(order: &Order) -> bool {
    matches!(order.state, OrderState::Closed { .. })
}

/// Slots and pools with more held and sold than they have room for (INV-1), in words for operators,
/// in the order of their numbers.
#[must_use]
pub fn oversold(state: &State) -> Vec<String> {
    let catalogue = &state.catalogue;
    let said = |stock: &Stock| {
        let capacity = match stock.capacity() {
            Capacity::Unlimited => "unlimited".to_owned(),
            Capacity::Limited(places) => places.to_string(),
        };
        format!("{} held, {} sold, {capacity} places", stock.held(), stock.sold())
    };
    let on = |date: Option<ServiceDate>, timespan: Timespan| {
        let date = date.map(|date| format!(" on {date}")).unwrap_or_default();
        if timespan == Timespan::NONE { date } else { format!("{date} in timespan {timespan}") }
    };
    let mut slots: Vec<_> = state.slots.iter().collect();
    slots.sort_unstable_by_key(|(key, _)| **key);
    let slots = slots.into_iter().flat_map(|(key, slot)| {
        slot.value.areas().iter().map(move |(area, stock)| (key, *area, stock))
    });
    let slots = slots.filter(|(.., stock)| !stock.is_within_capacity());
    let slots = slots.map(|(key, area, stock)| {
        let product = catalogue.product(key.product);
        let id = product.map_or("?", |product| &product.id);
        let area = product.and_then(|product| product.area(area));
        let area = area.map(|area| format!(" area {}", area.id)).unwrap_or_default();
        format!("{id}{}{area}: {}", on(key.date, key.timespan), said(stock))
    });
    let mut pools: Vec<_> = state.pools.iter().collect();
    pools.sort_unstable_by_key(|(key, _)| **key);
    let pools = pools.into_iter().filter(|(_, pool)| !pool.value.stock().is_within_capacity());
    let pools = pools.map(|(key, pool)| {
        let id = catalogue.pool(key.pool).map_or("?", |pool| &pool.id);
        format!("pool {id}{}: {}", on(key.date, key.timespan), said(pool.value.stock()))
    });
    slots.chain(pools).collect()
}

struct Auditor<'a> {
    state: &'a State,
    violations: Vec<Violation>,
}

impl Auditor<'_> {
    fn stock(&mut self, expected: &Expected) {
        let mut seen = BTreeMap::new();
        let mut slots: Vec<_> = self.state.slots.iter().collect();
        slots.sort_unstable_by_key(|(key, _)| **key);
        for (key, slot) in slots {
            for (area, stock) in slot.value.areas() {
                if !stock.is_within_capacity() {
                    self.broken(
                        invariants::NOT_OVERSOLD,
                        format!("{key:?} area {area}: {stock:?}"),
                    );
                } else if !stock.is_balanced() {
                    let detail = format!("{key:?} area {area}: {stock:?}");
                    self.broken(invariants::RETURNED_ONCE, detail);
                }
                let places = (u64::from(stock.held().get()), u64::from(stock.sold().get()));
                if places != (0, 0) {
                    seen.insert((*key, *area), places);
                }
            }
        }
        self.compare("held and sold places of", &expected.areas, &seen);

        let mut seen = BTreeMap::new();
        let mut pools: Vec<_> = self.state.pools.iter().collect();
        pools.sort_unstable_by_key(|(key, _)| **key);
        for (key, pool) in pools {
            let stock = pool.value.stock();
            if !stock.is_within_capacity() {
                self.broken(invariants::NOT_OVERSOLD, format!("{key:?}: {stock:?}"));
            } else if !stock.is_balanced() {
                self.broken(invariants::RETURNED_ONCE, format!("{key:?}: {stock:?}"));
            }
            let places = (u64::from(stock.held().get()), u64::from(stock.sold().get()));
            if places != (0, 0) {
                seen.insert(*key, places);
            }
        }
        self.compare("held and sold places of", &expected.pools, &seen);
    }

    /// INV-9: every seat has one holder, and slots and orders agree on who that is.
    fn seats(&mut self) {
        let mut ordered: BTreeMap<(SlotKey, AreaNo, SeatNo), bool> = BTreeMap::new();
        let mut orders: Vec<_> = self.state.orders.values().map(|order| &order.value).collect();
        orders.sort_unstable_by_key(|order| order.id);
        for order in orders {
            for (slot, area, seat) in seats_of(order) {
                let sold = matches!(order.state, OrderState::Paid { .. });
                if ordered.insert((slot, area, seat), sold).is_some() {
                    let detail = format!("{slot:?} area {area}: two orders have {seat}");
                    self.broken(invariants::SEATED_ONCE, detail);
                }
            }
            for line in order.lines.iter().filter(|line| !line.seats.is_empty()) {
                if line.seats.len() as u64 != u64::from(line.quantity.get()) {
                    let (seats, quantity) = (line.seats.len(), line.quantity);
                    let detail = format!("line {}: {seats} seats for {quantity} tickets", line.id);
                    self.broken(invariants::SEATED_ONCE, detail);
                }
            }
        }
        let mut taken: BTreeMap<(SlotKey, AreaNo, SeatNo), bool> = BTreeMap::new();
        let mut slots: Vec<_> = self.state.slots.iter().collect();
        slots.sort_unstable_by_key(|(key, _)| **key);
        for (key, slot) in slots {
            for (area, seating) in slot.value.seatings() {
                let held = seating.held().map(|seat| (seat, false));
                let sold = seating.sold().map(|seat| (seat, true));
                taken.extend(held.chain(sold).map(|(seat, sold)| ((*key, *area, seat), sold)));
            }
        }
        let seats: BTreeSet<_> = ordered.keys().chain(taken.keys()).copied().collect();
        for at in seats {
            let (want, have) = (ordered.get(&at), taken.get(&at));
            if want != have {
                let (slot, area, seat) = at;
                let say = |sold: Option<&bool>| match sold {
                    None => "free",
                    Some(false) => "held",
                    Some(true) => "sold",
                };
                let (want, have) = (say(want), say(have));
                let detail = format!(
                    "{slot:?} area {area}, {seat}: orders say {want}, the slot says {have}"
                );
                self.broken(invariants::SEATED_ONCE, detail);
            }
        }
    }

    fn counters(&mut self, expected: &Expected) {
        let slots = self.state.slots.iter().map(|(key, slot)| (*key, slot.value.counters()));
        let seen = counts(slots);
        self.compare("limit counts of", &expected.slot_counts, &seen);
        let shards = self.state.limits.iter().map(|(key, limit)| (*key, limit.value.counters()));
        let seen = counts(shards);
        self.compare("limit counts of", &expected.shard_counts, &seen);
    }

    fn money(&mut self, expected: &Expected) {
        let mut sum = 0_i128;
        let mut house = BTreeMap::new();
        let mut accounts: Vec<_> = self.state.accounts.iter().collect();
        accounts.sort_unstable_by_key(|(key, _)| **key);
        for (key, account) in accounts {
            for (balance, amount) in account.value.balances() {
                sum += i128::from(amount.get());
                if account.value.floor(balance).is_some_and(|floor| amount < floor) {
                    let detail = format!("{key:?} {balance:?}: {} yuan", amount.to_yuan());
                    self.broken(invariants::NOT_OVERDRAWN, detail);
                }
                if matches!(balance, Balance::Sales | Balance::RebateGranted | Balance::Fees) {
                    house.insert((*key, balance), i128::from(amount.get()));
                }
            }
        }
        if sum != 0 {
            self.broken(invariants::BOOKS_BALANCE, format!("all balances sum to {sum} fen"));
        }
        self.compare("balance in fen of", &expected.house, &house);
    }

    fn keys_and_codes(&mut self) {
        let mut keys = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        let mut codes = 0;
        let mut orders: Vec<_> = self.state.orders.values().map(|order| &order.value).collect();
        orders.sort_unstable_by_key(|order| order.id);
        for order in orders {
            if let Some(key) = &order.request_key
                && !keys.insert((order.agent, key))
            {
                let detail = format!("agent {} used {key:?} for two orders", order.agent);
                self.broken(invariants::ONE_ORDER_PER_KEY, detail);
            }
            let lines = order.lines.iter().map(|line| line.id.get());
            let tickets = order.tickets.iter().map(|ticket| ticket.id.get());
            for number in std::iter::once(order.id.get()).chain(lines).chain(tickets) {
                if !numbers.insert(number) {
                    self.broken(invariants::CODES_UNIQUE, format!("number {number} given twice"));
                }
            }
            let sold = match order.state {
                OrderState::Paid { .. } => true,
                OrderState::Closed { reason, .. } => reason == CloseReason::Refunded,
                OrderState::Held { .. } => false,
            };
            let wanted = if sold { order.quantity() } else { 0 };
            if order.tickets.len() as u64 != wanted {
                let detail =
                    format!("order {}: {} tickets of {wanted}", order.id, order.tickets.len());
                self.broken(invariants::ALL_OR_NOTHING, detail);
            }
            self.uses(order);
            for ticket in &order.tickets {
                codes += 1;
                let voucher = self.state.vouchers.get(&ticket.code);
                if !voucher
                    .is_some_and(|v| v.value.order == order.id && v.value.ticket == ticket.id)
                {
                    let detail = format!("ticket {} has no voucher of its own", ticket.id);
                    self.broken(invariants::CODES_UNIQUE, detail);
                }
            }
        }
        if codes != self.state.vouchers.len() {
            let detail = format!("{codes} tickets, {} vouchers", self.state.vouchers.len());
            self.broken(invariants::CODES_UNIQUE, detail);
        }
    }

    /// INV-10: a ticket's uses are those of the redemptions that stand, and refunds name it once.
    fn uses(&mut self, order: &Order) {
        for (at, ticket) in order.tickets.iter().enumerate() {
            let standing = order.redemptions.iter().filter(|r| r.reversed.is_none());
            let uses = standing.flat_map(|redemption| &redemption.uses);
            let uses = uses.filter(|used| usize::from(used.ticket) == at);
            let used: u64 = uses.map(|used| u64::from(used.uses)).sum();
            let refunds = order.refunds.iter().flat_map(|refund| &refund.tickets);
            let refunds = refunds.filter(|refunded| usize::from(refunded.ticket) == at).count();
            let allowed = order.lines.get(usize::from(ticket.line)).map_or(0, |line| line.uses);
            let right = used == u64::from(ticket.used)
                && ticket.used <= allowed
                && refunds == usize::from(ticket.refunded)
                && !(ticket.refunded && ticket.used > 0);
            if !right {
                let detail = format!(
                    "ticket {} of order {}: used {} of {allowed}, redemptions say {used}, refunded \
                     {refunds} times",
                    ticket.id, order.id, ticket.used
                );
                self.broken(invariants::USED_ONCE, detail);
            }
        }
    }

    fn compare<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        expected: &Taken<K, V>,
        seen: &BTreeMap<K, V>,
    ) {
        let keys: BTreeSet<&K> = expected.now.keys().chain(seen.keys()).collect();
        for key in keys {
            let (want, have) = (expected.now.get(key), seen.get(key));
            if want == have {
                continue;
            }
            let returned = expected.returned.contains(key);
            let invariant =
                if returned { invariants::RETURNED_ONCE } else { invariants::ALL_OR_NOTHING };
            let detail = format!("{what} {key:?}: orders say {want:?}, the books {have:?}");
            self.broken(invariant, detail);
        }
    }

    fn broken(&mut self, invariant: Invariant, detail: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { invariant, detail });
        }
    }
}

/// What is counted, by home; homes that count nothing are left out.
fn counts<'a, K: Ord>(
    homes: impl Iterator<Item = (K, &'a Counters)>,
) -> BTreeMap<K, BTreeMap<CountKey, u64>> {
    let mut seen = BTreeMap::new();
    for (home, counters) in homes {
        let counts = counters.counts();
        if counts.is_empty() {
            continue;
        }
        let entries = counts.into_iter();
        let entries = entries.map(|c| ((c.rule, c.identity, c.day), u64::from(c.amount.get())));
        seen.insert(home, entries.collect());
    }
    seen
}

#[cfg(test)]
mod tests;
