//! The record: everything one request changed. It reaches the disk whole or not at all, and replay
//! applies it with the code that applied it live.

use smallvec::SmallVec;

use crate::domain::account::{AccountKey, Balance, Holder, Posting, Postings};
use crate::domain::catalogue::CatalogueEvent;
use crate::domain::inventory::{AreaEvent, PoolKey, SlotEvent, StockEvent};
use crate::domain::limits::{Count, CounterEvent, LimitKey};
use crate::domain::order::{
    CloseReason, CounterHome, Order, OrderEvent, OrderLine, OrderPlaced, TakenCount, Ticket,
};
use crate::domain::voucher::{Voucher, VoucherEvent};
use crate::engine::Rejection;
use crate::engine::admission::Admitted;
use crate::engine::ids::IdSource;
use crate::engine::operator::Operator;
use crate::engine::plan::{Ask, ParticipantKey, Plan, counter_home, slot_key};
use crate::types::{
    Fen, LineId, OrderId, Quantity, RequestKey, Sealed, SlotKey, SupplierNo, TicketId, Timespan,
    UnixMillis,
};

/// One change to one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The catalogue.
    Catalogue(CatalogueEvent),
    /// A slot.
    Slot(SlotKey, SlotEvent),
    /// A pool.
    Pool(PoolKey, StockEvent),
    /// A shard of limit counters.
    Limit(LimitKey, CounterEvent),
    /// An account.
    Account(AccountKey, Postings),
    /// An order.
    Order(OrderEvent),
    /// A voucher.
    Voucher(VoucherEvent),
    /// Who had the rest of the record done, and why. It changes nothing by itself.
    Operator(Operator),
}

/// What one request changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// When.
    pub at: UnixMillis,
    /// With which supplier; `None` for the catalogue.
    pub supplier: Option<SupplierNo>,
    /// What.
    pub events: Vec<Event>,
}

/// A request that was granted, with what its record needs besides the grant.
#[derive(Clone, Copy, Debug)]
pub struct Granted<'a> {
    /// What was admitted.
    pub admitted: &'a Admitted,
    /// What was held.
    pub plan: &'a Plan,
    /// The timespan that had room.
    pub timespan: Timespan,
    /// The caller's number.
    pub request_key: Option<&'a RequestKey>,
    /// Everything personal.
    pub private: &'a Sealed,
}

/// How an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// From which balance.
    pub from: Balance,
    /// The calendar year at the venue: rebate is kept, spent and credited by year.
    pub year: i16,
}

impl Transaction {
    /// A change of the catalogue.
    #[must_use]
    pub fn catalogue(at: UnixMillis, events: Vec<CatalogueEvent>) -> Self {
        let events = events.into_iter().map(Event::Catalogue).collect();
        Self { at, supplier: None, events }
    }

    /// Money an agent brought in.
    #[must_use]
    pub fn top_up(at: UnixMillis, account: AccountKey, balance: Balance, amount: Fen) -> Self {
        let mut events = Vec::with_capacity(2);
        move_money(&mut events, account, balance, amount, Balance::Funding);
        Self { at, supplier: Some(account.supplier), events }
    }

    /// An order placed and paid at once.
    ///
    /// # Errors
    /// [`Rejection::CodesExhausted`] when there is no code for a ticket.
    pub fn sell(
        granted: Granted<'_>,
        payment: Payment,
        now: UnixMillis,
        ids: &mut dyn IdSource,
    ) -> Result<Self, Rejection> {
        let mut events = Vec::with_capacity(8);
        let placed = granted.placed(now, ids);
        let order = Order::placed(placed.clone());
        events.push(Event::Order(OrderEvent::Placed(Box::new(placed))));
        granted.take(&mut events, StockEvent::Sold);
        pay(&mut events, &order, payment, now, ids)?;
        Ok(Self { at: now, supplier: Some(order.supplier), events })
    }

    /// An order placed and left to be paid.
    #[must_use]
    pub fn place(granted: Granted<'_>, now: UnixMillis, ids: &mut dyn IdSource) -> Self {
        let mut events = Vec::with_capacity(6);
        let placed = granted.placed(now, ids);
        let supplier = placed.supplier;
        events.push(Event::Order(OrderEvent::Placed(Box::new(placed))));
        granted.take(&mut events, StockEvent::Held);
        Self { at: now, supplier: Some(supplier), events }
    }

    /// A held order paid.
    ///
    /// # Errors
    /// [`Rejection::CodesExhausted`] when there is no code for a ticket.
    pub fn pay(
        order: &Order,
        payment: Payment,
        now: UnixMillis,
        ids: &mut dyn IdSource,
    ) -> Result<Self, Rejection> {
        let mut events = Vec::with_capacity(6);
        move_places(&mut events, order, StockEvent::Confirmed);
        pay(&mut events, order, payment, now, ids)?;
        Ok(Self { at: now, supplier: Some(order.supplier), events })
    }

    /// A held order closed: its places and counts go back.
    #[must_use]
    pub fn close(order: &Order, reason: CloseReason, now: UnixMillis) -> Self {
        let mut events = Vec::with_capacity(4);
        events.push(Event::Order(OrderEvent::Closed { order: order.id, at: now, reason }));
        move_places(&mut events, order, StockEvent::Released);
        for taken in &order.counts {
            give_back(&mut events, taken);
        }
        Self { at: now, supplier: Some(order.supplier), events }
    }

    /// The same record, done for an operator if one is given.
    #[must_use]
    pub fn done_for(mut self, operator: Option<Operator>) -> Self {
        self.events.extend(operator.map(Event::Operator));
        self
    }

    /// The order this record is about, if it is about one.
    #[must_use]
    pub fn order(&self) -> Option<OrderId> {
        self.events.iter().find_map(|event| match event {
            Event::Order(event) => Some(event.order()),
            _ => None,
        })
    }

    /// INV-4: whether the postings sum to zero.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let postings = self.events.iter().filter_map(|event| match event {
            Event::Account(_, postings) => Some(postings),
            _ => None,
        });
        let sum: i128 = postings.flatten().map(|posting| i128::from(posting.amount.get())).sum();
        sum == 0
    }
}

impl Granted<'_> {
    fn placed(&self, now: UnixMillis, ids: &mut dyn IdSource) -> OrderPlaced {
        let admitted = self.admitted;
        let id = OrderId::new(ids.next_number(now));
        let mut counts = Vec::new();
        let mut lines = Vec::with_capacity(admitted.lines.len());
        let mut hold_seconds = u32::MAX;
        for line in &admitted.lines {
            let product = &line.product;
            let slot = slot_key(product, admitted.date, self.timespan);
            for claim in &line.claims {
                let home = counter_home(slot, product, claim, admitted.today);
                let count =
                    Count { rule: claim.rule, identity: claim.identity, amount: claim.amount };
                counts.push(TakenCount { home, count });
            }
            hold_seconds = hold_seconds.min(product.rules.hold_seconds);
            let (valid_from, valid_until) = self.validity(slot);
            lines.push(OrderLine {
                id: LineId::new(ids.next_number(now)),
                product: product.no,
                product_name: product.name.clone(),
                slot,
                area: line.area,
                pool: product.pool,
                quantity: line.quantity,
                unit_price: line.unit_price,
                list_price: line.list_price,
                unit_rebate: product.rebate,
                valid_from,
                valid_until,
            });
        }
        OrderPlaced {
            id,
            supplier: admitted.supplier_no(),
            agent: admitted.agent,
            channel: admitted.channel,
            request_key: self.request_key.cloned(),
            placed_at: now,
            expires_at: now.plus_millis(i64::from(hold_seconds) * 1000),
            lines,
            counts,
            private: self.private.clone(),
            total: admitted.total,
        }
    }

    /// A dated ticket is valid all day at the venue, an open one for the validity asked for.
    fn validity(&self, slot: SlotKey) -> (UnixMillis, UnixMillis) {
        let offset = self.admitted.supplier.utc_offset_seconds;
        match (slot.date, self.admitted.validity) {
            (Some(date), _) => (date.start(offset), date.plus_days(1).start(offset)),
            (None, Some(validity)) => validity,
            (None, None) => (UnixMillis::new(i64::MIN), UnixMillis::new(i64::MAX)),
        }
    }

    /// Turns what the plan held into what the record says was taken.
    fn take(&self, events: &mut Vec<Event>, taken: fn(Quantity) -> StockEvent) {
        for (key, ask) in self.plan.parts() {
            match (key, ask) {
                (ParticipantKey::Slot(slot), Ask::Slot(hold)) => {
                    let area = |take: &crate::domain::inventory::Take| AreaEvent {
                        area: take.area,
                        stock: taken(take.quantity),
                    };
                    let areas = hold.takes.iter().map(area).collect();
                    let counts = hold.claims.iter().map(|claim| claim.count()).collect();
                    let counters = CounterEvent::Counted(counts);
                    events.push(Event::Slot(*slot, SlotEvent { areas, counters, open: None }));
                }
                (ParticipantKey::Pool(pool), Ask::Pool(quantity)) => {
                    events.push(Event::Pool(*pool, taken(*quantity)));
                }
                (ParticipantKey::Limit(limit), Ask::Limit(claims)) => {
                    let counts = claims.iter().map(|claim| claim.count()).collect();
                    events.push(Event::Limit(*limit, CounterEvent::Counted(counts)));
                }
                // Money moves by postings, not by what was reserved. Keys and asks are built
                // together, so no other pair exists.
                _ => {}
            }
        }
    }
}

/// Payment: money, rebate, tickets and vouchers.
fn pay(
    events: &mut Vec<Event>,
    order: &Order,
    payment: Payment,
    now: UnixMillis,
    ids: &mut dyn IdSource,
) -> Result<(), Rejection> {
    let mut tickets = Vec::new();
    let mut rebate = Fen::ZERO;
    for (index, line) in order.lines.iter().enumerate() {
        let earned = line.unit_rebate.checked_mul(line.quantity);
        let sum = earned.and_then(|earned| rebate.checked_add(earned));
        rebate = sum.ok_or(Rejection::TotalOutOfRange)?;
        for _ in 0..line.quantity.get() {
            let code = ids.next_code().ok_or(Rejection::CodesExhausted)?;
            let id = TicketId::new(ids.next_number(now));
            let line_index = u16::try_from(index).map_err(|_| Rejection::TotalOutOfRange)?;
            tickets.push(Ticket { id, line: line_index, code });
            events.push(Event::Voucher(VoucherEvent::Issued(Voucher {
                code,
                ticket: id,
                order: order.id,
                product: line.product,
                uses_total: 1,
                uses_left: 1,
                valid_from: line.valid_from,
                valid_until: line.valid_until,
            })));
        }
    }
    let account = AccountKey { supplier: order.supplier, holder: Holder::Agent(order.agent) };
    let from = payment.from;
    move_money(events, account, from, order.total.negated(), Balance::Sales);
    // A channel that settles later pays the price agreed with it and earns no rebate.
    if from != Balance::Receivable && rebate != Fen::ZERO {
        let credited = Balance::Rebate { year: payment.year };
        move_money(events, account, credited, rebate, Balance::RebateGranted);
    }
    events.push(Event::Order(OrderEvent::Paid { order: order.id, at: now, from, tickets }));
    Ok(())
}

/// The calendar year at a venue `utc_offset_seconds` east of Greenwich.
#[must_use]
pub fn calendar_year(now: UnixMillis, utc_offset_seconds: i32) -> i16 {
    let date = crate::types::ServiceDate::at(now, utc_offset_seconds);
    date.to_civil().map_or(0, jiff::civil::Date::year)
}

/// Moves `amount` into an agent's balance, out of one of the house's.
fn move_money(
    events: &mut Vec<Event>,
    account: AccountKey,
    balance: Balance,
    amount: Fen,
    against: Balance,
) {
    let house = AccountKey { supplier: account.supplier, holder: Holder::House };
    post(events, account, Posting { balance, amount });
    post(events, house, Posting { balance: against, amount: amount.negated() });
}

/// Adds a posting; one record has at most one event an account.
fn post(events: &mut Vec<Event>, account: AccountKey, posting: Posting) {
    let known = events.iter_mut().find_map(|event| match event {
        Event::Account(key, postings) if *key == account => Some(postings),
        _ => None,
    });
    match known {
        Some(postings) => postings.push(posting),
        None => {
            let postings = SmallVec::from_slice(&[posting]);
            events.push(Event::Account(account, postings));
        }
    }
}

/// Moves the places of all lines of an order, one event a slot and a pool.
fn move_places(events: &mut Vec<Event>, order: &Order, moved: fn(Quantity) -> StockEvent) {
    let mut areas: Vec<(SlotKey, crate::types::AreaNo, Quantity)> = Vec::new();
    let mut pools: Vec<(PoolKey, Quantity)> = Vec::new();
    let plus = |sum: Quantity, more: Quantity| sum.checked_add(more).unwrap_or(sum);
    for line in &order.lines {
        let here =
            |(slot, area, _): &&mut (SlotKey, _, _)| *slot == line.slot && *area == line.area;
        match areas.iter_mut().find(here) {
            Some((_, _, quantity)) => *quantity = plus(*quantity, line.quantity),
            None => areas.push((line.slot, line.area, line.quantity)),
        }
        let Some(pool) = line.pool else { continue };
        let key = PoolKey { pool, date: line.slot.date, timespan: line.slot.timespan };
        match pools.iter_mut().find(|(known, _)| *known == key) {
            Some((_, quantity)) => *quantity = plus(*quantity, line.quantity),
            None => pools.push((key, line.quantity)),
        }
    }
    for (slot, area, quantity) in areas {
        slot_event(events, slot).areas.push(AreaEvent { area, stock: moved(quantity) });
    }
    events.extend(pools.into_iter().map(|(pool, quantity)| Event::Pool(pool, moved(quantity))));
}

fn give_back(events: &mut Vec<Event>, taken: &TakenCount) {
    match taken.home {
        CounterHome::Slot(slot) => returned(&mut slot_event(events, slot).counters, taken.count),
        CounterHome::Shard(limit) => {
            let known = events.iter_mut().find_map(|event| match event {
                Event::Limit(key, counters) if *key == limit => Some(counters),
                _ => None,
            });
            match known {
                Some(counters) => returned(counters, taken.count),
                None => {
                    let counts = SmallVec::from_slice(&[taken.count]);
                    events.push(Event::Limit(limit, CounterEvent::Returned(counts)));
                }
            }
        }
    }
}

fn returned(counters: &mut CounterEvent, count: Count) {
    match counters {
        CounterEvent::Returned(counts) => counts.push(count),
        // A fresh event counts nothing yet; it becomes one that gives back.
        CounterEvent::Counted(_) => {
            *counters = CounterEvent::Returned(SmallVec::from_slice(&[count]));
        }
    }
}

/// The event of `slot` in this record, made if there is none.
fn slot_event(events: &mut Vec<Event>, slot: SlotKey) -> &mut SlotEvent {
    let known = |event: &Event| matches!(event, Event::Slot(key, _) if *key == slot);
    let index = events.iter().position(known).unwrap_or_else(|| {
        events.push(Event::Slot(slot, SlotEvent::default()));
        events.len() - 1
    });
    match &mut events[index] {
        Event::Slot(_, event) => event,
        _ => unreachable!("the position was found by this very pattern"),
    }
}

#[cfg(test)]
mod tests;
