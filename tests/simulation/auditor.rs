//! Watches from outside: applies every record to a state of its own, keeps every answer that was
//! given, and compares. What becomes of an order after it was placed is in [`AfterSale`].

use std::collections::{BTreeMap, BTreeSet};

use piaoku::domain::account::{AccountChange, Booked};
use piaoku::domain::invariants::{self, Invariant};
use piaoku::domain::order::{CloseReason, Notice, Order, OrderState};
use piaoku::engine::Rejection;
use piaoku::engine::books::{Violation, audit};
use piaoku::engine::digest::Digest;
use piaoku::engine::ledger::Reconciliation;
use piaoku::engine::state::{Nowhere, State, Tracked};
use piaoku::engine::transaction::{Event, Transaction};
use piaoku::types::{AgentNo, Lsn, OrderId, RequestKey, ServiceDate, VoucherCode};

use crate::after_sale::AfterSale;
use crate::message::{Call, Reply, Request};
use crate::world;

/// What one step or check found.
pub type Findings = Result<(), Vec<Violation>>;

#[derive(Debug, Default)]
pub struct Auditor {
    /// What the records applied so far make.
    replayed: State,
    keys: BTreeMap<(AgentNo, RequestKey), OrderId>,
    /// Answers given.
    acknowledged_keys: BTreeMap<(AgentNo, RequestKey), OrderId>,
    sold: BTreeMap<OrderId, Vec<VoucherCode>>,
    placed: BTreeSet<OrderId>,
    closed: BTreeSet<OrderId>,
    after_sale: AfterSale,
}

impl Auditor {
    /// Takes over a state replayed from the whole log after a crash.
    pub fn restarted(&mut self, replayed: State, log: &[Transaction]) -> Findings {
        self.replayed = replayed;
        let mut ledger = Reconciliation::new(ServiceDate::at(world::start(), world::OFFSET));
        ledger.extend((1..).map(Lsn::new).zip(log));
        let accounts = self.replayed.accounts.iter().map(|(key, it)| (*key, &it.value));
        let differences = ledger.differences(accounts);
        if !differences.is_empty() {
            return broken(invariants::BOOKS_BALANCE, format!("ledger: {differences:?}"));
        }
        self.after_sale.restarted(log);
        self.keys.clear();
        for order in self.replayed.orders.values().map(|order| &order.value) {
            if let Some(key) = &order.request_key {
                self.keys.insert((order.agent, key.clone()), order.id);
            }
        }
        self.check(None)
    }

    /// A record was applied.
    pub fn applied(&mut self, lsn: Lsn, record: &Transaction) -> Findings {
        if !record.is_balanced() {
            return broken(invariants::BOOKS_BALANCE, format!("record {lsn}: {record:?}"));
        }
        let mut seen = BTreeSet::new();
        for event in &record.events {
            let participant = match event {
                Event::Slot(key, _) => format!("{key:?}"),
                Event::Pool(key, _) => format!("{key:?}"),
                Event::Limit(key, _) => format!("{key:?}"),
                Event::Account(key, _) => format!("{key:?}"),
                _ => continue,
            };
            if !seen.insert(participant) {
                let detail = format!("record {lsn} has two events of one participant: {record:?}");
                return broken(invariants::ALL_OR_NOTHING, detail);
            }
        }
        let before = record.order().and_then(|id| self.replayed.orders.get(&id));
        let before = before.map(|order| &order.value);
        self.after_sale.applied(lsn, record, before, &self.replayed.catalogue)?;
        self.replayed
            .apply(lsn, record.clone(), &mut Nowhere)
            .unwrap_or_else(|never| match never {});
        if let Some(order) = record.order().and_then(|id| self.order(id))
            && let Some(key) = order.request_key.clone()
        {
            let (agent, id) = (order.agent, order.id);
            self.keys.insert((agent, key), id);
        }
        Ok(())
    }

    /// What has happened since the last call that shows in no answer's kind.
    pub fn take_edges(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.after_sale.edges)
    }

    /// An agent is about to be told something.
    pub fn told(&mut self, order: OrderId, notice: Notice) -> Findings {
        self.after_sale.told(order, notice)
    }

    /// An answer was given; from now on it has to stay true.
    pub fn heard(&mut self, call: &Call, reply: &Reply) -> Findings {
        let key = match &call.request {
            Request::Sell { key, .. } | Request::Place { key, .. } => {
                Some((call.agent, key.clone()))
            }
            _ => None,
        };
        match reply {
            Reply::Sold { order, codes } => {
                let before = self.sold.insert(*order, codes.clone());
                if before.is_some_and(|before| before != *codes) {
                    return broken(
                        invariants::ONE_ORDER_PER_KEY,
                        format!("order {order}: other codes than before"),
                    );
                }
                self.acknowledge(key, *order)?;
                self.still_sold(*order, codes)
            }
            Reply::Placed { order } => {
                self.placed.insert(*order);
                self.acknowledge(key, *order)?;
                self.still_placed(*order)
            }
            Reply::Closed { order } => {
                self.closed.insert(*order);
                self.still_closed(*order)
            }
            Reply::Refused(rejection) => {
                let known = key.and_then(|key| self.keys.get(&key)).copied();
                let order = known.or(call.request.order()).and_then(|id| self.order(id));
                order.map_or(Ok(()), |order| refused(order, call, rejection))
            }
            Reply::Changed => self.still_changed(call),
            Reply::Extended { order, .. }
            | Reply::Refunded { order, .. }
            | Reply::Redeemed { order, .. }
            | Reply::Reversed { order, .. } => {
                let known = self.replayed.orders.get(order);
                let Some(Tracked { value: order, .. }) = known else { return forgotten(*order) };
                self.after_sale.heard(call, reply, order)?;
                self.after_sale.still(order)
            }
            Reply::Settled | Reply::Allowed | Reply::Overloaded | Reply::OutcomeUnknown => Ok(()),
        }
    }

    /// All promises, over everything; `live` is the digest of the running process.
    pub fn check(&mut self, live: Option<Digest>) -> Findings {
        self.replayed.refresh_capacities();
        let audit = audit(&self.replayed);
        if !audit.violations.is_empty() {
            return Err(audit.violations);
        }
        self.check_limits()?;
        if live.is_some_and(|live| live != audit.digest) {
            let detail = format!("replay {}, live {live:?}", audit.digest);
            return broken(invariants::REPLAY_EQUALS_LIVE, detail);
        }
        for (order, codes) in &self.sold {
            self.still_sold(*order, codes)?;
        }
        self.placed.iter().try_for_each(|order| self.still_placed(*order))?;
        self.closed.iter().try_for_each(|order| self.still_closed(*order))?;
        for id in self.after_sale.orders() {
            let Some(order) = self.order(id) else { return forgotten(id) };
            self.after_sale.still(order)?;
        }
        for ((agent, key), order) in &self.acknowledged_keys {
            if self.keys.get(&(*agent, key.clone())) != Some(order) {
                let detail = format!("agent {agent}, {key:?}: order {order} is forgotten");
                return broken(invariants::ONE_ORDER_PER_KEY, detail);
            }
        }
        Ok(())
    }

    /// When all is quiet: nothing is held for an order any more, and there is nothing left to tell.
    pub fn check_nothing_left(&self) -> Findings {
        for order in self.replayed.orders.values().map(|order| &order.value) {
            if let Some(notice) = order.next_notice() {
                let detail = format!("order {} still has {notice:?}", order.id);
                return broken(invariants::ALL_OR_NOTHING, detail);
            }
        }
        let slots = self.replayed.slots.iter();
        let slots = slots.flat_map(|(key, slot)| {
            slot.value.areas().iter().map(move |(area, stock)| (format!("{key:?} {area}"), *stock))
        });
        let pools = self.replayed.pools.iter();
        let pools = pools.map(|(key, pool)| (format!("{key:?}"), *pool.value.stock()));
        for (name, stock) in slots.chain(pools) {
            if stock.held().get() != 0 {
                return broken(invariants::RETURNED_ONCE, format!("{name}: {stock:?}"));
            }
        }
        Ok(())
    }

    /// Rules never change here, so no count may ever be above its rule's maximum.
    fn check_limits(&self) -> Findings {
        let state = &self.replayed;
        let slots = state.slots.iter().map(|(key, slot)| (key.product, slot.value.counters()));
        let shards = state.limits.iter().map(|(key, limit)| (key.product, limit.value.counters()));
        for (product, counters) in slots.chain(shards) {
            let rules = state.catalogue.product(product).map(|product| &product.rules.limits);
            for count in counters.counts() {
                let rule = rules.and_then(|rules| rules.iter().find(|rule| rule.no == count.rule));
                if rule.is_none_or(|rule| count.amount > rule.max) {
                    let detail = format!("{product}: {count:?} is more than {rule:?} allows");
                    return broken(invariants::ALL_OR_NOTHING, detail);
                }
            }
        }
        Ok(())
    }

    fn acknowledge(&mut self, key: Option<(AgentNo, RequestKey)>, order: OrderId) -> Findings {
        let Some((agent, key)) = key else { return Ok(()) };
        let before = self.acknowledged_keys.insert((agent, key.clone()), order);
        if before.is_some_and(|before| before != order) {
            let detail = format!("agent {agent}, {key:?}: order {order} after {before:?}");
            return broken(invariants::ONE_ORDER_PER_KEY, detail);
        }
        Ok(())
    }

    /// What an operator was told is done is there, and under its reference once.
    fn still_changed(&self, call: &Call) -> Findings {
        let Request::Change { account, change } = &call.request else { return Ok(()) };
        let known = self.replayed.accounts.get(account).map(|account| &account.value);
        let right = match (known, change) {
            (None, _) => false,
            (Some(account), AccountChange::Credit(set)) => account.credit() == set.credit,
            (Some(account), AccountChange::Book(booking)) => {
                booking.reference.as_ref().is_none_or(|reference| {
                    let (kind, balance, amount) = (booking.kind, booking.balance, booking.amount);
                    let expected = Booked { reference: reference.clone(), kind, balance, amount };
                    let mine = account.booked().iter().filter(|b| b.reference == *reference);
                    mine.eq([&expected])
                })
            }
        };
        if right {
            return Ok(());
        }
        let detail = format!("{account:?} should have {change:?}: {known:?}");
        broken(invariants::ONE_ORDER_PER_KEY, detail)
    }

    fn still_sold(&self, id: OrderId, codes: &[VoucherCode]) -> Findings {
        let Some(order) = self.order(id) else { return forgotten(id) };
        let has: Vec<VoucherCode> = order.tickets.iter().map(|ticket| ticket.code).collect();
        let paid = match order.state {
            OrderState::Paid { .. } => true,
            OrderState::Closed { reason, .. } => reason == CloseReason::Refunded,
            OrderState::Held { .. } => false,
        };
        let issued = codes.iter().all(|code| self.replayed.vouchers.contains_key(code));
        if paid && issued && has == codes {
            return Ok(());
        }
        let detail = format!("order {id} was sold with {codes:?}, is {:?} {has:?}", order.state);
        broken(invariants::ONE_ORDER_PER_KEY, detail)
    }

    fn still_placed(&self, id: OrderId) -> Findings {
        if self.order(id).is_some() { Ok(()) } else { forgotten(id) }
    }

    fn still_closed(&self, id: OrderId) -> Findings {
        match self.order(id).map(|order| &order.state) {
            Some(OrderState::Closed { reason: CloseReason::Cancelled, .. }) => Ok(()),
            state => broken(
                invariants::ONE_ORDER_PER_KEY,
                format!("order {id} was cancelled, is {state:?}"),
            ),
        }
    }

    fn order(&self, id: OrderId) -> Option<&Order> {
        self.replayed.orders.get(&id).map(|order| &order.value)
    }
}

/// A refusal leaves no trace; an order that is done is never refused to its own key, and what was done
/// to it never to the number it was done under.
fn refused(order: &Order, call: &Call, rejection: &Rejection) -> Findings {
    if *rejection == Rejection::UnknownOrder && call.agent != order.agent {
        return Ok(());
    }
    let right = match &call.request {
        Request::Sell { .. } | Request::Place { .. } | Request::Pay { .. } => {
            match (&order.state, rejection) {
                (OrderState::Paid { .. }, _) => false,
                (OrderState::Closed { reason, .. }, Rejection::OrderClosed(said)) => reason == said,
                // Late money takes the places again, unless something has gone meanwhile.
                (OrderState::Closed { reason: CloseReason::Expired, .. }, rejection) => {
                    may_lack(rejection)
                }
                (OrderState::Closed { .. }, _) => false,
                // It can be tried again until it expires.
                (OrderState::Held { .. }, _) => true,
            }
        }
        Request::Cancel { .. } | Request::Extend { .. } => match (&order.state, rejection) {
            (OrderState::Paid { .. }, Rejection::OrderPaid) => true,
            (OrderState::Closed { reason, .. }, Rejection::OrderClosed(said)) => reason == said,
            _ => false,
        },
        request => AfterSale::may_refuse(order, request, rejection),
    };
    if right {
        return Ok(());
    }
    let detail = format!("order {} is {:?}: {call:?} -> {rejection:?}", order.id, order.state);
    broken(invariants::ONE_ORDER_PER_KEY, detail)
}

/// What an order may lack whose places went back when its time was up.
fn may_lack(rejection: &Rejection) -> bool {
    matches!(
        rejection,
        Rejection::SoldOut { .. }
            | Rejection::SeatTaken { .. }
            | Rejection::LimitExceeded { .. }
            | Rejection::BalanceShort(_)
            | Rejection::CodesExhausted
    )
}

pub fn broken(invariant: Invariant, detail: String) -> Findings {
    Err(vec![Violation { invariant, detail }])
}

pub fn forgotten(id: OrderId) -> Findings {
    broken(invariants::ONE_ORDER_PER_KEY, format!("order {id} was acknowledged and is not there"))
}
