//! The record: everything one request changed. It reaches the disk whole or not at all, and replay
//! applies it with the code that applied it live.

mod granted;
mod money;
mod places;

use crate::domain::account::{
    AccountChange, AccountKey, AccountNote, Balance, BookMoney, Booked, BookingKind, Holder,
    PostingKind, Postings, SetCredit,
};
use crate::domain::catalogue::CatalogueEvent;
use crate::domain::inventory::{PoolKey, SlotEvent, StockEvent};
use crate::domain::limits::{CounterEvent, LimitKey};
use crate::domain::order::{
    CloseReason, Notice, NoticeKind, NoticeOutcome, Order, OrderEvent, OrderState, PayDecision,
    Redemption, Refund, Reversal,
};
use crate::domain::voucher::VoucherEvent;
use crate::engine::Rejection;
use crate::engine::admission::Admitted;
use crate::engine::ids::IdSource;
use crate::engine::operator::Operator;
use crate::engine::plan::{Grant, Plan};
use crate::types::{
    Fen, OrderId, Quantity, RequestKey, Sealed, SlotKey, SupplierNo, Timespan, UnixMillis,
};

use money::{Bill, agent_account, earned_by_use, move_money, pay, refund_money};
use places::{Places, count, move_places, whole};

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
    /// What an account is told besides money.
    AccountNote(AccountKey, AccountNote),
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
    /// What each participant of the plan granted, in its order.
    pub grants: &'a [Grant],
    /// The timespan that had room.
    pub timespan: Timespan,
    /// The caller's number.
    pub request_key: Option<&'a RequestKey>,
    /// Everything personal.
    pub private: &'a Sealed,
    /// Whether the agent is to be told.
    pub notify: bool,
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

    /// Money an agent brought in, without a reference.
    #[must_use]
    pub fn top_up(at: UnixMillis, account: AccountKey, balance: Balance, amount: Fen) -> Self {
        let kind = BookingKind::TopUp;
        Self::book(at, account, &BookMoney { kind, balance, amount, reference: None })
    }

    /// What an operator does to an agent's account.
    #[must_use]
    pub fn change_account(at: UnixMillis, account: AccountKey, change: &AccountChange) -> Self {
        match change {
            AccountChange::Book(booking) => Self::book(at, account, booking),
            AccountChange::Credit(SetCredit { credit }) => {
                let events = vec![Event::AccountNote(account, AccountNote::CreditSet(*credit))];
                Self { at, supplier: Some(account.supplier), events }
            }
        }
    }

    fn book(at: UnixMillis, account: AccountKey, booking: &BookMoney) -> Self {
        let mut events = Vec::with_capacity(3);
        let BookMoney { kind, balance, amount, ref reference } = *booking;
        move_money(&mut events, account, (balance, kind.posting()), amount, Balance::Funding);
        if let Some(reference) = reference.clone() {
            let booked = Booked { reference, kind, balance, amount };
            events.push(Event::AccountNote(account, AccountNote::Booked(booked)));
        }
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
        let placed = granted.placed(now, ids);
        let (order, supplier) = (placed.id, placed.supplier);
        let bill = Bill {
            order,
            account: AccountKey { supplier, holder: Holder::Agent(placed.agent) },
            lines: &placed.lines,
            total: placed.total,
        };
        let paid = pay(&bill, payment, now, ids)?;
        let mut events = Vec::with_capacity(paid.len() + granted.plan.parts().len() + 3);
        events.push(Event::Order(OrderEvent::Placed(Box::new(placed))));
        granted.take(&mut events, StockEvent::Sold);
        if granted.notify {
            let notice = Notice { no: 1, kind: NoticeKind::Booked, at: now, about: 0 };
            events.push(Event::Order(OrderEvent::NoticeQueued { order, notice }));
        }
        events.extend(paid);
        if granted.notify {
            let notice = Notice { no: 2, kind: NoticeKind::Paid, at: now, about: 0 };
            events.push(Event::Order(OrderEvent::NoticeQueued { order, notice }));
        }
        Ok(Self { at: now, supplier: Some(supplier), events })
    }

    /// An order placed and left to be paid.
    #[must_use]
    pub fn place(granted: Granted<'_>, now: UnixMillis, ids: &mut dyn IdSource) -> Self {
        let mut events = Vec::with_capacity(6);
        let placed = granted.placed(now, ids);
        let supplier = placed.supplier;
        let told = granted.notify.then(|| Order::placed(placed.clone()));
        events.push(Event::Order(OrderEvent::Placed(Box::new(placed))));
        granted.take(&mut events, StockEvent::Held);
        if let Some(order) = told {
            queue_notice(&mut events, &order, NoticeKind::Booked, now, 0);
        }
        Self { at: now, supplier: Some(supplier), events }
    }

    /// A placed order paid; its places are held, or taken again in this very record.
    ///
    /// # Errors
    /// [`Rejection::CodesExhausted`] when there is no code for a ticket.
    pub fn pay(
        order: &Order,
        payment: Payment,
        places: PayDecision,
        notify: bool,
        now: UnixMillis,
        ids: &mut dyn IdSource,
    ) -> Result<Self, Rejection> {
        let mut events = Vec::with_capacity(6);
        match places {
            PayDecision::Confirm => {
                move_places(&mut events, &whole(order), StockEvent::Confirmed);
            }
            PayDecision::Retake => {
                move_places(&mut events, &whole(order), StockEvent::Sold);
                for taken in &order.counts {
                    count(&mut events, taken, CounterEvent::Counted);
                }
            }
        }
        let bill = Bill {
            order: order.id,
            account: agent_account(order),
            lines: &order.lines,
            total: order.total,
        };
        events.extend(pay(&bill, payment, now, ids)?);
        if notify {
            queue_notice(&mut events, order, NoticeKind::Paid, now, 0);
        }
        Ok(Self { at: now, supplier: Some(order.supplier), events })
    }

    /// A held order closed: its places and counts go back.
    #[must_use]
    pub fn close(order: &Order, reason: CloseReason, now: UnixMillis) -> Self {
        let mut events = Vec::with_capacity(4);
        events.push(Event::Order(OrderEvent::Closed { order: order.id, at: now, reason }));
        move_places(&mut events, &whole(order), StockEvent::Released);
        for taken in &order.counts {
            count(&mut events, taken, CounterEvent::Returned);
        }
        Self { at: now, supplier: Some(order.supplier), events }
    }

    /// The same record, done for an operator if one is given.
    #[must_use]
    pub fn done_for(mut self, operator: Option<&Operator>) -> Self {
        self.events.extend(operator.cloned().map(Event::Operator));
        self
    }

    /// A held order that keeps its places until `expires_at`.
    #[must_use]
    pub fn extend(order: &Order, expires_at: UnixMillis, now: UnixMillis) -> Self {
        let event = OrderEvent::Extended { order: order.id, at: now, expires_at };
        Self::about(order, now, vec![Event::Order(event)])
    }

    /// Tickets given back: places and counts go back, and the money less what is kept of it. The part of
    /// the rebate that is not withheld leaves the rebate balance of `rebate_year`.
    #[must_use]
    pub fn refund(order: &Order, refund: Refund, rebate_year: i16, notify: bool) -> Self {
        let now = refund.at;
        let mut events = Vec::with_capacity(6);
        let mut places: Vec<Places<'_>> = Vec::with_capacity(order.lines.len());
        for (index, line) in order.lines.iter().enumerate() {
            let of_line = |at: &usize| {
                order.tickets.get(*at).is_some_and(|ticket| usize::from(ticket.line) == index)
            };
            let tickets = refund.tickets.iter().map(|t| usize::from(t.ticket)).filter(of_line);
            let seats = tickets.clone().filter_map(|at| order.seat(at)).collect();
            let back = u32::try_from(tickets.count()).unwrap_or(u32::MAX);
            if back > 0 {
                places.push(Places { line, quantity: Quantity::new(back), seats });
            }
        }
        move_places(&mut events, &places, StockEvent::Returned);
        for taken in order.counts_of(&refund.tickets) {
            count(&mut events, &taken, CounterEvent::Returned);
        }
        if let OrderState::Paid { from, .. } = order.state {
            refund_money(&mut events, order, from, &refund, rebate_year);
        }
        let batch = refund.batch;
        let event = OrderEvent::Refunded { order: order.id, refund: Box::new(refund) };
        events.push(Event::Order(event));
        if notify {
            queue_notice(&mut events, order, NoticeKind::Refunded, now, batch);
        }
        Self::about(order, now, events)
    }

    /// Tickets used. Those whose rebate is earned by that earn it in `year`, once.
    #[must_use]
    pub fn redeem(order: &Order, redemption: Redemption, year: i16, notify: bool) -> Self {
        let now = redemption.at;
        let mut events = Vec::with_capacity(4);
        let rebate = earned_by_use(order, &redemption);
        let rebate_year = (rebate != Fen::ZERO).then_some(year);
        if rebate != Fen::ZERO {
            let account = agent_account(order);
            let credited = (Balance::Rebate { year }, PostingKind::Rebate);
            move_money(&mut events, account, credited, rebate, Balance::RebateGranted);
        }
        let no = redemption.no;
        let redemption = Box::new(redemption);
        let event = OrderEvent::Redeemed { order: order.id, redemption, rebate_year };
        events.push(Event::Order(event));
        if notify {
            queue_notice(&mut events, order, NoticeKind::Consumed, now, no);
        }
        Self::about(order, now, events)
    }

    /// A use taken back. What was earned by it stays earned: a ticket earns once.
    #[must_use]
    pub fn reverse(order: &Order, redemption: u64, reversal: Reversal) -> Self {
        let now = reversal.at;
        let reversal = Box::new(reversal);
        let event = OrderEvent::Reversed { order: order.id, redemption, reversal };
        Self::about(order, now, vec![Event::Order(event)])
    }

    /// A notice that ended.
    #[must_use]
    pub fn settle(order: &Order, no: u16, outcome: NoticeOutcome, now: UnixMillis) -> Self {
        let event = OrderEvent::NoticeSettled { order: order.id, no, at: now, outcome };
        Self::about(order, now, vec![Event::Order(event)])
    }

    /// The same thing told again.
    #[must_use]
    pub fn tell_again(order: &Order, kind: NoticeKind, about: u64, now: UnixMillis) -> Self {
        let mut events = Vec::with_capacity(1);
        queue_notice(&mut events, order, kind, now, about);
        Self::about(order, now, events)
    }

    fn about(order: &Order, at: UnixMillis, events: Vec<Event>) -> Self {
        Self { at, supplier: Some(order.supplier), events }
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

/// Adds something to tell the agent; says its number.
fn queue_notice(
    events: &mut Vec<Event>,
    order: &Order,
    kind: NoticeKind,
    at: UnixMillis,
    about: u64,
) -> u16 {
    let no = order.notices_queued.saturating_add(1);
    let notice = Notice { no, kind, at, about };
    events.push(Event::Order(OrderEvent::NoticeQueued { order: order.id, notice }));
    no
}

/// The calendar year at a venue `utc_offset_seconds` east of Greenwich.
#[must_use]
pub fn calendar_year(now: UnixMillis, utc_offset_seconds: i32) -> i16 {
    let date = crate::types::ServiceDate::at(now, utc_offset_seconds);
    date.to_civil().map_or(0, jiff::civil::Date::year)
}

#[cfg(test)]
mod tests;
