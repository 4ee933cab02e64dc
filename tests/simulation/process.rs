//! One run of the server, from start to crash: what the order actor will be. It keeps the
//! request-key rule, drives checkouts, appends records and answers once they are durable. It holds
//! no business rule; those are the engine's.

use std::collections::{BTreeMap, BTreeSet};

use piaoku::domain::account::BookingError;
use piaoku::domain::catalogue::Catalogue;
use piaoku::domain::order::{
    CloseReason, Notice, Order, OrderEvent, OrderState, RedeemDecision, Redemption, RefundDecision,
    Reversal, ReverseDecision,
};
use piaoku::domain::voucher::{Voucher, VoucherEvent};
use piaoku::engine::Rejection;
use piaoku::engine::admission::{Draft, admit};
use piaoku::engine::checkout::{Checkout, NewOrder, Purpose, Step};
use piaoku::engine::digest::{self, Digest};
use piaoku::engine::ids::{IdSource, supplier_of};
use piaoku::engine::plan::ParticipantKey;
use piaoku::engine::refund::quote;
use piaoku::engine::state::{State, Tracked};
use piaoku::engine::transaction::{Event, Payment, Transaction, calendar_year};
use piaoku::types::{
    AgentNo, HoldId, Lsn, OrderId, RequestKey, Sealed, SupplierNo, UnixMillis, VoucherCode,
};

use crate::clock::Clock;
use crate::ids::Ids;
use crate::log::Log;
use crate::message::{Call, Reply, Request, done, refunded, same_question, undone, used};
use crate::participants::{Answer, Body, Mail, Mode, Participants};
use crate::random::Random;
use crate::shelf::Shelf;
use crate::world;

/// Most requests at work at once; more are told to come again.
const IN_FLIGHT_MAX: usize = 24;

/// A fault built into the process on purpose, to see the auditor find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    None,
    /// Answers when the record is queued.
    AnswerBeforeDisk,
    /// Never releases what a refused checkout was granted.
    KeepHolds,
    /// Lets two requests with one key run at once.
    IgnoreKeysInFlight,
    /// Lets two changes of one order run at once.
    IgnoreOrdersInFlight,
    /// Forgets after a restart which numbers were given out.
    ForgetNumbers,
    /// Tells no agent what becomes of its orders.
    TellNobody,
    /// Takes every request number of a gate for a new one.
    ForgetGateRequests,
}

/// What one request at a time may change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lock {
    Key(AgentNo, RequestKey),
    Order(OrderId),
}

/// A checkout between request and record.
#[derive(Debug)]
struct Running {
    call: Call,
    lock: Option<Lock>,
    checkout: Checkout,
}

/// A record on its way to the disk.
#[derive(Debug)]
struct Commit {
    call: Call,
    lock: Option<Lock>,
    hold: Option<HoldId>,
}

#[derive(Debug)]
pub struct Process {
    pub catalogue: Catalogue,
    pub participants: Participants,
    pub applied: Lsn,
    orders: BTreeMap<OrderId, Tracked<Order>>,
    vouchers: BTreeMap<VoucherCode, Tracked<Voucher>>,
    keys: BTreeMap<(AgentNo, RequestKey), OrderId>,
    /// What is being changed, and who waits for it.
    locks: BTreeMap<Lock, Vec<Call>>,
    checkouts: BTreeMap<HoldId, Running>,
    commits: BTreeMap<Lsn, Commit>,
    /// Orders whose agents are to be told something.
    outbox: BTreeSet<OrderId>,
    ids: Ids,
    next_hold: u64,
    sabotage: Sabotage,
    /// Answers given and not yet handed to the network.
    pub replies: Vec<(Call, Reply)>,
    /// Timers to be set: time was not up after all.
    pub timers: Vec<(UnixMillis, OrderId)>,
}

impl Process {
    /// Starts with what recovery found, and sets the timers of orders that wait to be paid.
    pub fn start(state: &State, applied: Lsn, clock: &mut Clock, sabotage: Sabotage) -> Self {
        let orders: BTreeMap<_, _> = state.orders.iter().map(|(id, o)| (*id, o.clone())).collect();
        let mut keys = BTreeMap::new();
        let mut outbox = BTreeSet::new();
        for order in orders.values().map(|order| &order.value) {
            if !order.notices.is_empty() {
                outbox.insert(order.id);
            }
            if let Some(key) = &order.request_key {
                keys.insert((order.agent, key.clone()), order.id);
            }
            if let OrderState::Held { expires_at } = order.state {
                clock.set_timer(expires_at, order.id);
            }
        }
        let forgets = sabotage == Sabotage::ForgetNumbers;
        let seen = if forgets { &State::default() } else { state };
        Self {
            catalogue: state.catalogue.clone(),
            participants: Participants::recovered(state),
            applied,
            orders,
            vouchers: state.vouchers.iter().map(|(code, v)| (*code, v.clone())).collect(),
            keys,
            locks: BTreeMap::new(),
            checkouts: BTreeMap::new(),
            commits: BTreeMap::new(),
            outbox,
            ids: Ids::resumed(seen),
            next_hold: 1,
            sabotage,
            replies: Vec::new(),
            timers: Vec::new(),
        }
    }

    /// Takes a request.
    pub fn submit(&mut self, call: Call, now: UnixMillis, log: &mut Log) {
        let in_flight = self.checkouts.len() + self.commits.len();
        if !call.request.is_internal() && (log.is_failed() || in_flight >= IN_FLIGHT_MAX) {
            return self.reply(call, Reply::Overloaded);
        }
        match call.request.clone() {
            Request::Verify { draft } => self.verify(call, &draft, now),
            Request::Sell { key, draft, payment } => {
                self.order(call, key, &draft, Some(payment), now, log);
            }
            Request::Place { key, draft } => self.order(call, key, &draft, None, now, log),
            Request::Change { account, change } => {
                self.begin(call, None, Purpose::ChangeAccount { account, change });
            }
            about => {
                let Some(order) = about.order() else { return };
                let known = self.orders.get(&order).map(|order| order.value.agent);
                if known.is_none() || (known != Some(call.agent) && call.agent != world::HOUSE) {
                    return self.reply(call, Reply::Refused(Rejection::UnknownOrder));
                }
                self.change(call, order, now, log);
            }
        }
    }

    /// Takes a participant's answer.
    pub fn answered(
        &mut self,
        answer: Answer,
        random: &mut Random,
        now: UnixMillis,
        log: &mut Log,
    ) {
        let Answer { hold, index, result } = answer;
        let Some(running) = self.checkouts.get_mut(&hold) else { return };
        match running.checkout.answered(index, result, &self.catalogue) {
            Step::Wait => {}
            Step::AskAgain { release } => {
                self.release(hold, release.into_iter().collect());
                self.ask(hold);
            }
            Step::Refuse { release, rejection } => {
                self.release(hold, release.into_iter().collect());
                self.finish(hold, refusal(rejection), now, log);
            }
            Step::Commit => self.commit(hold, random, now, log),
        }
    }

    /// Applies the next durable record and answers whoever waits for it. Says which it was.
    pub fn apply(&mut self, clock: &mut Clock, log: &mut Log, shelf: &Shelf) -> Option<Lsn> {
        let lsn = self.applied.next();
        let record = log.read(lsn)?.clone();
        let commit = self.commits.remove(&lsn);
        let hold = commit.as_ref().and_then(|commit| commit.hold);
        for event in &record.events {
            self.participants.apply(lsn, hold, event, &self.catalogue, shelf);
            match event {
                Event::Order(event) => self.apply_order(lsn, event),
                Event::Voucher(VoucherEvent::Issued(voucher)) => {
                    self.vouchers.insert(voucher.code, Tracked { value: *voucher, lsn });
                }
                _ => {}
            }
        }
        self.applied = lsn;
        let order = record.order().and_then(|id| self.orders.get(&id)).map(|order| &order.value);
        if let Some(order) = order {
            if let OrderState::Held { expires_at } = order.state {
                clock.set_timer(expires_at, order.id);
            }
            if order.notices.is_empty() {
                self.outbox.remove(&order.id);
            } else {
                self.outbox.insert(order.id);
            }
        }
        if let Some(Commit { call, lock, .. }) = commit {
            let reply = order.map_or(Reply::Changed, |order| {
                done(order, &call.request).unwrap_or_else(|| standing(order))
            });
            match lock {
                Some(lock) => self.unlock(lock, call, reply, clock.now(), log),
                None => self.reply(call, reply),
            }
        }
        Some(lsn)
    }

    /// Something that an agent is to be told at present: the first notice of some order that nobody
    /// is changing.
    pub fn next_notice(&self, random: &mut Random) -> Option<(AgentNo, OrderId, Notice)> {
        let free = self.outbox.iter().filter(|id| !self.locks.contains_key(&Lock::Order(**id)));
        let free: Vec<OrderId> = free.copied().collect();
        let order = &self.orders[random.pick(&free)?].value;
        Some((order.agent, order.id, *order.next_notice()?))
    }

    /// Whether some agent is to be told something.
    pub fn has_notices(&self) -> bool {
        self.outbox.iter().any(|id| !self.locks.contains_key(&Lock::Order(*id)))
    }

    /// The disk failed: everybody who waits for it hears that nobody knows.
    pub fn fail(&mut self) {
        let mut waiting: Vec<Call> = Vec::new();
        waiting.extend(std::mem::take(&mut self.commits).into_values().map(|commit| commit.call));
        waiting.extend(std::mem::take(&mut self.checkouts).into_values().map(|run| run.call));
        waiting.extend(std::mem::take(&mut self.locks).into_values().flatten());
        for call in waiting {
            self.reply(call, Reply::OutcomeUnknown);
        }
    }

    /// Writes each entity to the shelf with a probability of `percent`; all of them make a full
    /// snapshot, after which the log before it is not needed.
    pub fn store(&self, shelf: &mut Shelf, random: &mut Random, percent: u64) {
        self.participants.store(shelf, random, percent);
        for (id, order) in &self.orders {
            if random.chance(percent) {
                shelf.orders.insert(*id, order.clone());
            }
        }
        for (code, voucher) in &self.vouchers {
            if random.chance(percent) {
                shelf.vouchers.insert(*code, voucher.clone());
            }
        }
        if percent >= 100 {
            shelf.catalogue = self.catalogue.clone();
            shelf.covered = self.applied;
        }
    }

    pub fn digest(&self, shelf: &Shelf) -> Digest {
        let mut sum = self.participants.digest(shelf);
        self.orders.values().for_each(|order| sum.add(digest::order(&order.value)));
        self.vouchers.values().for_each(|voucher| sum.add(digest::voucher(&voucher.value)));
        sum
    }

    /// Whoever still waits for something, or keeps something.
    pub fn busy(&self) -> Vec<String> {
        let mut busy = self.participants.busy(&self.catalogue);
        busy.extend(self.checkouts.values().map(|running| format!("{:?}", running.call)));
        busy.extend(self.commits.values().map(|commit| format!("{:?}", commit.call)));
        busy.extend(self.locks.keys().map(|lock| format!("{lock:?}")));
        busy
    }

    /// Whether a checkout or a record is on its way.
    pub fn is_working(&self) -> bool {
        !self.checkouts.is_empty() || !self.commits.is_empty()
    }

    pub fn agent_of(&self, order: OrderId) -> Option<AgentNo> {
        self.orders.get(&order).map(|order| order.value.agent)
    }

    fn verify(&mut self, call: Call, draft: &Draft, now: UnixMillis) {
        let hasher = &world::PlainHasher;
        match admit(draft, &self.catalogue, &world::policy(), hasher, now) {
            Err(rejection) => self.reply(call, Reply::Refused(rejection)),
            Ok(admitted) => {
                let year = calendar_year(now, world::OFFSET);
                let purpose = Purpose::Verify { admitted: Box::new(admitted), year };
                self.begin(call, None, purpose);
            }
        }
    }

    /// A request with a key: one key of an agent is one order.
    fn order(
        &mut self,
        call: Call,
        key: RequestKey,
        draft: &Draft,
        payment: Option<Payment>,
        now: UnixMillis,
        log: &mut Log,
    ) {
        if let Some(&order) = self.keys.get(&(call.agent, key.clone())) {
            return self.change(call, order, now, log);
        }
        let lock = Lock::Key(call.agent, key.clone());
        let Some(call) = self.waits(&lock, call) else { return };
        let hasher = &world::PlainHasher;
        let admitted = match admit(draft, &self.catalogue, &world::policy(), hasher, now) {
            Ok(admitted) => admitted,
            Err(rejection) => return self.reply(call, Reply::Refused(rejection)),
        };
        let private = Sealed { key_id: 1, bytes: draft.mobile.as_bytes().into() };
        let order = Box::new(NewOrder { admitted, request_key: Some(key), private });
        let purpose = match payment {
            Some(payment) => Purpose::Sell { order, payment },
            None => Purpose::Place { order },
        };
        self.begin(call, Some(lock), purpose);
    }

    /// A request about an order there is.
    fn change(&mut self, call: Call, id: OrderId, now: UnixMillis, log: &mut Log) {
        let lock = Lock::Order(id);
        let Some(call) = self.waits(&lock, call) else { return };
        let order = &self.orders[&id].value;
        match &call.request {
            Request::Sell { payment, .. } | Request::Pay { payment, .. } => {
                match order.decide_pay() {
                    Ok(places) => {
                        let (order, payment) = (Box::new(order.clone()), *payment);
                        self.begin(call, Some(lock), Purpose::Pay { order, payment, places });
                    }
                    Err(error) => {
                        let reply = match order.state {
                            OrderState::Paid { .. } => standing(order),
                            _ => Reply::Refused(error.into()),
                        };
                        self.reply(call, reply);
                    }
                }
            }
            Request::Place { .. } => {
                let reply = match order.state {
                    OrderState::Closed { reason, .. } => {
                        Reply::Refused(Rejection::OrderClosed(reason))
                    }
                    _ => standing(order),
                };
                self.reply(call, reply);
            }
            Request::Cancel { .. } => self.close(call, lock, id, CloseReason::Cancelled, now, log),
            Request::Expire { .. } => {
                // Only a timer of an order that is still unpaid and still due closes it.
                match order.state {
                    OrderState::Held { expires_at } if expires_at <= now => {
                        self.close(call, lock, id, CloseReason::Expired, now, log);
                    }
                    // The clock went back, or time was added.
                    OrderState::Held { expires_at } => self.timers.push((expires_at, id)),
                    _ => {}
                }
            }
            Request::Extend { until, .. } => match order.decide_extend(*until) {
                Ok(at) if order.state == (OrderState::Held { expires_at: at }) => {
                    self.answer_done(call, id);
                }
                Ok(at) => {
                    let record = Transaction::extend(order, at, now);
                    self.record(call, lock, record, log);
                }
                Err(error) => self.reply(call, Reply::Refused(error.into())),
            },
            Request::Refund { .. } => self.refund(call, lock, id, now),
            Request::Redeem { .. } => self.redeem(call, lock, id, now, log),
            Request::Reverse { by, request, what, .. } => {
                match order.decide_reverse(by, request, undone(order, *what)) {
                    Ok(ReverseDecision::Reverse(no)) => {
                        let (by, request) = ((*by).into(), request.clone());
                        let reversal = Reversal { by, request, at: now };
                        let record = Transaction::reverse(order, no, reversal);
                        self.record(call, lock, record, log);
                    }
                    Ok(ReverseDecision::Done(_)) => self.answer_done(call, id),
                    Err(error) => self.reply(call, Reply::Refused(error.into())),
                }
            }
            Request::Settle { no, outcome, .. } => {
                if order.notices.iter().any(|notice| notice.no == *no) {
                    let record = Transaction::settle(order, *no, *outcome, now);
                    self.record(call, lock, record, log);
                } else {
                    self.reply(call, Reply::Settled);
                }
            }
            Request::Verify { .. } | Request::Change { .. } => {
                unreachable!("these are about no order")
            }
        }
    }

    fn close(
        &mut self,
        call: Call,
        lock: Lock,
        id: OrderId,
        reason: CloseReason,
        now: UnixMillis,
        log: &mut Log,
    ) {
        let order = &self.orders[&id].value;
        if let Err(error) = order.decide_close() {
            let cancelled =
                matches!(order.state, OrderState::Closed { reason: CloseReason::Cancelled, .. });
            let reply = if cancelled { standing(order) } else { Reply::Refused(error.into()) };
            return self.reply(call, reply);
        }
        let record = Transaction::close(order, reason, now);
        self.record(call, lock, record, log);
    }

    fn refund(&mut self, call: Call, lock: Lock, id: OrderId, now: UnixMillis) {
        let Request::Refund { ticket, request, .. } = &call.request else { return };
        let order = &self.orders[&id].value;
        match order.decide_refund(&refunded(order, *ticket), request.as_ref()) {
            Ok(RefundDecision::Tickets(tickets)) => {
                match quote(order, &tickets, request.clone(), &self.catalogue, now) {
                    Ok(refund) => {
                        let (order, refund) = (Box::new(order.clone()), Box::new(refund));
                        self.begin(call, Some(lock), Purpose::Refund { order, refund });
                    }
                    Err(rejection) => self.reply(call, Reply::Refused(rejection)),
                }
            }
            Ok(RefundDecision::Done(_)) => self.answer_done(call, id),
            Err(error) => self.reply(call, Reply::Refused(error.into())),
        }
    }

    fn redeem(&mut self, call: Call, lock: Lock, id: OrderId, now: UnixMillis, log: &mut Log) {
        let Request::Redeem { by, request, what, .. } = &call.request else { return };
        let order = &self.orders[&id].value;
        // With that fault every request is another one to the order, and is kept as what it was.
        let fresh = RequestKey::new(&format!("{}", self.next_hold)).expect("it is short");
        let forgets = self.sabotage == Sabotage::ForgetGateRequests;
        let asked = if forgets { &fresh } else { request };
        match order.decide_redeem(by, asked, &used(order, *what), now) {
            Ok(RedeemDecision::Use(uses)) => {
                let no = self.ids.of(supplier_of(id.get()), usize::MAX).next_number(now);
                let (by, request) = ((*by).into(), request.clone());
                let redemption = Redemption { no, by, request, uses, at: now, reversed: None };
                let (year, told) = (calendar_year(now, world::OFFSET), self.is_told(order));
                let record = Transaction::redeem(order, redemption, year, told);
                self.record(call, lock, record, log);
            }
            Ok(RedeemDecision::Done(_)) => self.answer_done(call, id),
            Err(error) => self.reply(call, Reply::Refused(error.into())),
        }
    }

    /// The first answer again.
    fn answer_done(&mut self, call: Call, id: OrderId) {
        let reply = done(&self.orders[&id].value, &call.request);
        self.reply(call, reply.expect("it was just decided that it is done"));
    }

    /// Whether an order's agent is to be told about it.
    fn is_told(&self, order: &Order) -> bool {
        self.sabotage != Sabotage::TellNobody
            && order.request_key.is_some()
            && self.catalogue.wants_notices(order.agent)
    }

    fn wants_notices(&self, purpose: &Purpose) -> bool {
        match purpose {
            Purpose::Sell { order, .. } | Purpose::Place { order } => {
                self.sabotage != Sabotage::TellNobody
                    && self.catalogue.wants_notices(order.admitted.agent)
            }
            Purpose::Pay { order, .. } | Purpose::Refund { order, .. } => self.is_told(order),
            Purpose::Verify { .. } | Purpose::ChangeAccount { .. } => false,
        }
    }

    /// A record about an order that needs nothing granted.
    fn record(&mut self, call: Call, lock: Lock, record: Transaction, log: &mut Log) {
        self.locks.entry(lock.clone()).or_default();
        self.append(call, Some(lock), None, record, log);
    }

    /// The call, unless it has to wait for another that has the lock.
    fn waits(&mut self, lock: &Lock, call: Call) -> Option<Call> {
        let ignored = match lock {
            Lock::Key(..) => self.sabotage == Sabotage::IgnoreKeysInFlight,
            Lock::Order(_) => self.sabotage == Sabotage::IgnoreOrdersInFlight,
        };
        match self.locks.get_mut(lock) {
            Some(waiting) if !ignored => {
                waiting.push(call);
                None
            }
            _ => Some(call),
        }
    }

    fn begin(&mut self, call: Call, lock: Option<Lock>, purpose: Purpose) {
        let hold = HoldId::new(self.next_hold);
        self.next_hold += 1;
        if let Some(lock) = &lock {
            self.locks.entry(lock.clone()).or_default();
        }
        let checkout = Checkout::begin(purpose, &self.catalogue);
        self.checkouts.insert(hold, Running { call, lock, checkout });
        self.ask(hold);
    }

    fn ask(&mut self, hold: HoldId) {
        let checkout = &self.checkouts[&hold].checkout;
        let verify = matches!(checkout.purpose(), Purpose::Verify { .. });
        let mode = if verify { Mode::Check } else { Mode::Hold };
        for (index, (to, ask)) in checkout.plan().parts().iter().enumerate() {
            let body = Body::Ask(index, mode, ask.clone());
            self.participants.send(Mail { hold, to: *to, body });
        }
    }

    fn release(&mut self, hold: HoldId, keys: Vec<ParticipantKey>) {
        if self.sabotage == Sabotage::KeepHolds {
            return;
        }
        for to in keys {
            self.participants.send(Mail { hold, to, body: Body::Release });
        }
    }

    fn commit(&mut self, hold: HoldId, random: &mut Random, now: UnixMillis, log: &mut Log) {
        let checkout = &self.checkouts[&hold].checkout;
        let codes_left = if random.chance(4) { 1 } else { usize::MAX };
        let notify = self.wants_notices(checkout.purpose());
        let mut ids = self.ids.of(supplier(checkout), codes_left);
        match checkout.record(now, notify, &mut ids) {
            Ok(None) => self.finish(hold, Reply::Allowed, now, log),
            Ok(Some(record)) => {
                let Running { call, lock, .. } =
                    self.checkouts.remove(&hold).expect("it was looked up above");
                self.append(call, lock, Some(hold), record, log);
            }
            Err(rejection) => {
                let keys = checkout.plan().parts().iter().map(|(key, _)| *key).collect();
                self.release(hold, keys);
                self.finish(hold, Reply::Refused(rejection), now, log);
            }
        }
    }

    fn append(
        &mut self,
        call: Call,
        lock: Option<Lock>,
        hold: Option<HoldId>,
        record: Transaction,
        log: &mut Log,
    ) {
        if self.sabotage == Sabotage::AnswerBeforeDisk
            && let Some(Event::Order(OrderEvent::Placed(placed))) = record.events.first()
        {
            let mut order = Order::placed((**placed).clone());
            for event in &record.events {
                if let Event::Order(event) = event {
                    order.apply(event);
                }
            }
            self.reply(call.clone(), standing(&order));
        }
        match log.append(record) {
            Some(lsn) => {
                self.commits.insert(lsn, Commit { call, lock, hold });
            }
            // It stopped between the request and its record; a restart forgets the hold.
            None => self.reply(call, Reply::OutcomeUnknown),
        }
    }

    /// A checkout ends without a record.
    fn finish(&mut self, hold: HoldId, reply: Reply, now: UnixMillis, log: &mut Log) {
        let Some(Running { call, lock, .. }) = self.checkouts.remove(&hold) else { return };
        match lock {
            Some(lock) => self.unlock(lock, call, reply, now, log),
            None => self.reply(call, reply),
        }
    }

    /// Gives the outcome to whoever asked the same, and takes everybody else's request again.
    fn unlock(&mut self, lock: Lock, call: Call, reply: Reply, now: UnixMillis, log: &mut Log) {
        let waiting = self.locks.remove(&lock).unwrap_or_default();
        for other in waiting {
            if same_question(&call.request, &other.request) {
                self.reply(other, reply.clone());
            } else {
                self.submit(other, now, log);
            }
        }
        self.reply(call, reply);
    }

    fn apply_order(&mut self, lsn: Lsn, event: &OrderEvent) {
        if let OrderEvent::Placed(placed) = event {
            if let Some(key) = &placed.request_key {
                self.keys.insert((placed.agent, key.clone()), placed.id);
            }
            let value = Order::placed((**placed).clone());
            self.orders.insert(placed.id, Tracked { value, lsn });
        } else if let Some(order) = self.orders.get_mut(&event.order()) {
            order.value.apply(event);
            order.lsn = lsn;
        }
    }

    fn reply(&mut self, call: Call, reply: Reply) {
        self.replies.push((call, reply));
    }
}

/// A booking that was made before is no news to whoever asks again, and one under way is not decided.
fn refusal(rejection: Rejection) -> Reply {
    match rejection {
        Rejection::Booking(BookingError::AlreadyBooked) => Reply::Changed,
        Rejection::Booking(BookingError::UnderWay) => Reply::Overloaded,
        other => Reply::Refused(other),
    }
}

/// What an order is answered with: always the same for the same order in the same state.
fn standing(order: &Order) -> Reply {
    match order.state {
        OrderState::Held { .. } => Reply::Placed { order: order.id },
        OrderState::Paid { .. } => {
            let codes = order.tickets.iter().map(|ticket| ticket.code).collect();
            Reply::Sold { order: order.id, codes }
        }
        OrderState::Closed { .. } => Reply::Closed { order: order.id },
    }
}

fn supplier(checkout: &Checkout) -> SupplierNo {
    match checkout.purpose() {
        Purpose::Sell { order, .. } | Purpose::Place { order } => order.admitted.supplier_no(),
        Purpose::Verify { admitted, .. } => admitted.supplier_no(),
        Purpose::Pay { order, .. } | Purpose::Refund { order, .. } => order.supplier,
        Purpose::Adjust { supplier, .. } => *supplier,
        Purpose::ChangeAccount { account, .. } => account.supplier,
    }
}
