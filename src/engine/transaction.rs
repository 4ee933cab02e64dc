//! The record: everything one request changed. It reaches the disk whole or not at all, and replay
//! applies it with the code that applied it live.

use smallvec::SmallVec;

use crate::domain::account::{
    AccountChange, AccountKey, AccountNote, Balance, BookMoney, Booked, BookingKind, Holder,
    Posting, PostingKind, Postings, SetCredit,
};
use crate::domain::catalogue::{CatalogueEvent, RebateAt};
use crate::domain::inventory::{AreaEvent, PoolKey, SlotEvent, StockEvent, Take};
use crate::domain::limits::{Count, CounterEvent, LimitKey};
use crate::domain::order::{
    CloseReason, CounterHome, Notice, NoticeKind, NoticeOutcome, Order, OrderEvent, OrderLine,
    OrderPlaced, OrderState, PayDecision, Redemption, Refund, Reversal, TakenCount, Ticket,
};
use crate::domain::seats::Seats;
use crate::domain::voucher::{Voucher, VoucherEvent};
use crate::engine::Rejection;
use crate::engine::admission::Admitted;
use crate::engine::ids::IdSource;
use crate::engine::operator::Operator;
use crate::engine::plan::{Ask, Grant, ParticipantKey, Plan, counter_home};
use crate::types::{
    AreaNo, Fen, LineId, OrderId, Quantity, RequestKey, Sealed, SeatNo, SlotKey, SupplierNo,
    TicketId, Timespan, UnixMillis,
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

impl Granted<'_> {
    fn placed(&self, now: UnixMillis, ids: &mut dyn IdSource) -> OrderPlaced {
        let admitted = self.admitted;
        let id = OrderId::new(ids.next_number(now));
        let mut counts = Vec::new();
        let mut lines = Vec::with_capacity(admitted.lines.len());
        let mut hold_seconds = u32::MAX;
        let mut seats = self.seats();
        for (index, line) in admitted.lines.iter().enumerate() {
            let product = &line.product;
            let slot = line.slot(admitted.date, self.timespan);
            for claim in &line.claims {
                let home = counter_home(slot, product, claim, admitted.today);
                let count = claim.claim(admitted.today).count();
                // Orders have far fewer lines than that: the configuration bounds them.
                let line = u16::try_from(index).unwrap_or(u16::MAX);
                counts.push(TakenCount { line, home, count });
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
                rebate_at: product.rebate_at,
                uses: product.uses,
                seats: take_seats(&mut seats, slot, line.area, line.quantity),
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

    /// The seats granted, by slot and area.
    fn seats(&self) -> Vec<(SlotKey, AreaNo, SeatNo)> {
        let granted = self.plan.parts().iter().zip(self.grants);
        let slots = granted.filter_map(|((key, _), grant)| match key {
            ParticipantKey::Slot(slot) => Some((*slot, grant)),
            _ => None,
        });
        let seats = slots.flat_map(|(slot, grant)| {
            grant.seats.iter().map(move |(area, seat)| (slot, *area, *seat))
        });
        seats.collect()
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
        for (index, (key, ask)) in self.plan.parts().iter().enumerate() {
            match (key, ask) {
                (ParticipantKey::Slot(slot), Ask::Slot(hold)) => {
                    let area = |take: &Take| {
                        let granted = self.grants.get(index).map_or(&[][..], |it| &it.seats);
                        let here = granted.iter().filter(|(area, _)| *area == take.area);
                        let seats = here.map(|(_, seat)| *seat).collect();
                        AreaEvent { area: take.area, stock: taken(take.quantity), seats }
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

/// The first `quantity` seats of an area that no line has yet; none where places have no numbers.
fn take_seats(
    seats: &mut Vec<(SlotKey, AreaNo, SeatNo)>,
    slot: SlotKey,
    area: AreaNo,
    quantity: Quantity,
) -> Vec<SeatNo> {
    let mut taken = Vec::new();
    seats.retain(|(of, within, seat)| {
        let mine = (*of, *within) == (slot, area) && taken.len() < quantity.get() as usize;
        if mine {
            taken.push(*seat);
        }
        !mine
    });
    taken
}

/// What is paid for.
struct Bill<'a> {
    order: OrderId,
    /// Who pays.
    account: AccountKey,
    lines: &'a [OrderLine],
    total: Fen,
}

/// Payment: money, rebate, tickets and vouchers.
fn pay(
    bill: &Bill<'_>,
    payment: Payment,
    now: UnixMillis,
    ids: &mut dyn IdSource,
) -> Result<Vec<Event>, Rejection> {
    // One ticket is the usual order: its voucher, both accounts, and that it was paid.
    let mut events = Vec::with_capacity(4);
    let mut tickets = Vec::new();
    let mut rebate = Fen::ZERO;
    let from = payment.from;
    for (index, line) in bill.lines.iter().enumerate() {
        // A channel that settles later pays the price agreed with it and earns no rebate.
        let earns = from != Balance::Receivable && line.rebate_at == RebateAt::Payment;
        if earns {
            let earned = line.unit_rebate.checked_mul(line.quantity);
            let sum = earned.and_then(|earned| rebate.checked_add(earned));
            rebate = sum.ok_or(Rejection::TotalOutOfRange)?;
        }
        let rebate_year = (earns && line.unit_rebate != Fen::ZERO).then_some(payment.year);
        for _ in 0..line.quantity.get() {
            let (number, code) = ids.next_code().ok_or(Rejection::CodesExhausted)?;
            let id = TicketId::new(ids.next_number(now));
            let line_index = u16::try_from(index).map_err(|_| Rejection::TotalOutOfRange)?;
            let (used, refunded) = (0, false);
            tickets.push(Ticket { id, line: line_index, code, used, refunded, rebate_year });
            events.push(Event::Voucher(VoucherEvent::Issued(Voucher {
                code,
                number,
                ticket: id,
                order: bill.order,
                product: line.product,
                uses: line.uses,
                valid_from: line.valid_from,
                valid_until: line.valid_until,
            })));
        }
    }
    let account = bill.account;
    let sale = (from, PostingKind::Sale);
    move_money(&mut events, account, sale, bill.total.negated(), Balance::Sales);
    if rebate != Fen::ZERO {
        let credited = (Balance::Rebate { year: payment.year }, PostingKind::Rebate);
        move_money(&mut events, account, credited, rebate, Balance::RebateGranted);
    }
    events.push(Event::Order(OrderEvent::Paid { order: bill.order, at: now, from, tickets }));
    Ok(events)
}

/// Money of a refund: back to where it came from, less the fee and the rebate withheld.
fn refund_money(
    events: &mut Vec<Event>,
    order: &Order,
    from: Balance,
    refund: &Refund,
    rebate_year: i16,
) {
    let account = agent_account(order);
    let taken_back = PostingKind::RebateTakenBack;
    move_money(events, account, (from, PostingKind::Refund), refund.amount, Balance::Sales);
    if refund.fee != Fen::ZERO {
        let fee = (from, PostingKind::Fee);
        move_money(events, account, fee, refund.fee.negated(), Balance::Fees);
    }
    if refund.withheld != Fen::ZERO {
        let withheld = (from, taken_back);
        move_money(events, account, withheld, refund.withheld.negated(), Balance::RebateGranted);
    }
    let rest = refund.rebate.checked_sub(refund.withheld).unwrap_or(Fen::ZERO);
    if rest != Fen::ZERO {
        let rebate = (Balance::Rebate { year: rebate_year }, taken_back);
        move_money(events, account, rebate, rest.negated(), Balance::RebateGranted);
    }
}

/// Rebate that tickets earn by being used for the first time.
fn earned_by_use(order: &Order, redemption: &Redemption) -> Fen {
    let paid_by_agent = !matches!(order.state, OrderState::Paid { from: Balance::Receivable, .. });
    let first_uses = redemption.uses.iter().filter_map(|used| {
        let ticket = order.tickets.get(usize::from(used.ticket))?;
        let line = order.lines.get(usize::from(ticket.line))?;
        let earns = line.rebate_at == RebateAt::Redemption && ticket.rebate_year.is_none();
        (earns && paid_by_agent).then_some(line.unit_rebate)
    });
    // An order's rebate is bounded when it is admitted, so that the sum cannot wrap.
    first_uses.fold(Fen::ZERO, |sum, rebate| sum.checked_add(rebate).unwrap_or(sum))
}

fn agent_account(order: &Order) -> AccountKey {
    AccountKey { supplier: order.supplier, holder: Holder::Agent(order.agent) }
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

/// Moves `amount` into an agent's balance, out of one of the house's.
fn move_money(
    events: &mut Vec<Event>,
    account: AccountKey,
    (balance, kind): (Balance, PostingKind),
    amount: Fen,
    against: Balance,
) {
    let house = AccountKey { supplier: account.supplier, holder: Holder::House };
    post(events, account, Posting { balance, kind, amount });
    post(events, house, Posting { balance: against, kind, amount: amount.negated() });
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

/// Places of a line that move together.
struct Places<'a> {
    line: &'a OrderLine,
    quantity: Quantity,
    /// Their seats, where places have numbers.
    seats: Seats,
}

/// Every line of an order with all its places.
fn whole(order: &Order) -> Vec<Places<'_>> {
    let lines = order.lines.iter();
    let places = lines.map(|line| {
        let seats = line.seats.iter().copied().collect();
        Places { line, quantity: line.quantity, seats }
    });
    places.collect()
}

/// Moves places of lines, one event a slot and a pool.
fn move_places(events: &mut Vec<Event>, places: &[Places<'_>], moved: fn(Quantity) -> StockEvent) {
    let mut areas: Vec<(SlotKey, AreaNo, Quantity, Seats)> = Vec::new();
    let mut pools: Vec<(PoolKey, Quantity)> = Vec::new();
    let plus = |sum: Quantity, more: Quantity| sum.checked_add(more).unwrap_or(sum);
    for Places { line, quantity: more, seats: more_seats } in places {
        let here =
            |(slot, area, ..): &&mut (SlotKey, _, _, _)| *slot == line.slot && *area == line.area;
        match areas.iter_mut().find(here) {
            Some((_, _, quantity, seats)) => {
                *quantity = plus(*quantity, *more);
                seats.extend_from_slice(more_seats);
            }
            None => areas.push((line.slot, line.area, *more, more_seats.clone())),
        }
        let Some(pool) = line.pool else { continue };
        let key = PoolKey { pool, date: line.slot.date, timespan: line.slot.timespan };
        match pools.iter_mut().find(|(known, _)| *known == key) {
            Some((_, quantity)) => *quantity = plus(*quantity, *more),
            None => pools.push((key, *more)),
        }
    }
    for (slot, area, quantity, seats) in areas {
        slot_event(events, slot).areas.push(AreaEvent { area, stock: moved(quantity), seats });
    }
    events.extend(pools.into_iter().map(|(pool, quantity)| Event::Pool(pool, moved(quantity))));
}

/// How a count moves: up or down.
type Counting = fn(SmallVec<[Count; 2]>) -> CounterEvent;

/// Moves one count of an order. All counts of a record move the same way.
fn count(events: &mut Vec<Event>, taken: &TakenCount, how: Counting) {
    let counters = match taken.home {
        CounterHome::Slot(slot) => &mut slot_event(events, slot).counters,
        CounterHome::Shard(limit) => limit_event(events, limit),
    };
    let mut counts = match std::mem::take(counters) {
        CounterEvent::Counted(counts) | CounterEvent::Returned(counts) => counts,
    };
    let same = |known: &&mut Count| Count { amount: taken.count.amount, ..**known } == taken.count;
    match counts.iter_mut().find(same) {
        Some(known) => {
            known.amount = known.amount.checked_add(taken.count.amount).unwrap_or(known.amount);
        }
        None => counts.push(taken.count),
    }
    *counters = how(counts);
}

/// The event of a limit shard in this record, made if there is none.
fn limit_event(events: &mut Vec<Event>, limit: LimitKey) -> &mut CounterEvent {
    let known = |event: &Event| matches!(event, Event::Limit(key, _) if *key == limit);
    let index = events.iter().position(known).unwrap_or_else(|| {
        events.push(Event::Limit(limit, CounterEvent::default()));
        events.len() - 1
    });
    match &mut events[index] {
        Event::Limit(_, counters) => counters,
        _ => unreachable!("the position was found by this very pattern"),
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
