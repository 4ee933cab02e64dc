//! Driving checkouts: asking participants, taking their answers, appending the record.

use std::sync::atomic::{AtomicU64, Ordering};

use actix::prelude::*;

use crate::actors::EngineError;
use crate::actors::order::{OrderActor, Reply, Submit};
use crate::actors::participant::Answer;
use crate::actors::record::{Origin, Record};
use crate::actors::request_keys::KeyFingerprint;
use crate::domain::catalogue::Catalogue;
use crate::domain::order::{CloseReason, Order, OrderState};
use crate::engine::checkout::{Checkout, Purpose, Step};
use crate::engine::ids::{IdSource, Numbers};
use crate::engine::operator::Operator;
use crate::engine::plan::ParticipantKey;
use crate::engine::transaction::Transaction;
use crate::journal::{Permit, Refused};
use crate::types::{HoldId, OrderId, PartitionNo, UnixMillis, VoucherCode};
use crate::vault::CodeMint;

/// A command under way.
#[derive(Debug)]
pub(crate) struct Running {
    /// The machine; `None` for a command that needs no grant.
    pub(super) checkout: Option<Checkout>,
    /// Room in the journal, until the record is appended. Verify has none.
    pub(super) permit: Option<Permit<Record>>,
    /// Who hears of it.
    pub(super) caller: Caller,
    /// The request key it came under.
    pub(super) key: Option<KeyFingerprint>,
    /// The order nobody else may touch meanwhile.
    pub(super) lock: Option<OrderId>,
}

/// Who hears what a command came to.
#[derive(Debug)]
pub(super) enum Caller {
    /// Someone who submitted it.
    Submitter(Submit),
    /// Nobody: time was up.
    Nobody,
}

impl Caller {
    pub(super) fn answer(self, reply: Result<Reply, EngineError>) {
        match self {
            Self::Submitter(submit) => submit.answer(reply),
            Self::Nobody => {}
        }
    }

    /// The operator whom the command's record names.
    fn operator(&self) -> Option<&Operator> {
        match self {
            Self::Submitter(submit) => submit.operator.as_deref(),
            Self::Nobody => None,
        }
    }
}

impl Running {
    /// Whether no record of it was appended yet.
    pub(super) const fn is_undecided(&self) -> bool {
        match &self.checkout {
            Some(checkout) => self.permit.is_some() || checkout.is_verify(),
            None => false,
        }
    }
}

impl OrderActor {
    /// Begins a checkout. Room in the journal is taken before anything is held.
    pub(super) fn begin(&mut self, purpose: Purpose, submit: Submit, lock: Option<OrderId>) {
        let permit = match &purpose {
            Purpose::Verify { .. } => None,
            _ => match self.context.journal.permit() {
                Ok(permit) => Some(permit),
                Err(refused) => return submit.answer(Err(busy(refused))),
            },
        };
        let keep = permit.is_some();
        let key = submit.claim.as_ref().map(|claim| claim.fingerprint());
        if let Some(key) = key {
            self.keys.insert(key, Vec::new());
        }
        if let Some(lock) = lock {
            self.locks.insert(lock, Vec::new());
        }
        let hold = self.fresh_hold();
        let checkout = Checkout::begin(purpose, &self.context.catalogue.load());
        self.ask(hold, &checkout, keep);
        let (checkout, caller) = (Some(checkout), Caller::Submitter(submit));
        self.running.insert(hold, Box::new(Running { checkout, permit, caller, key, lock }));
    }

    /// Closes a held order; nothing has to be granted for that.
    pub(super) fn begin_close(
        &mut self,
        order: &Order,
        reason: CloseReason,
        submit: Option<Submit>,
    ) {
        let now = self.context.clock.now();
        let expires_at = match order.state {
            OrderState::Held { expires_at } if submit.is_none() => Some(expires_at),
            _ => None,
        };
        let transaction = Transaction::close(order, reason, now);
        let begun = self.begin_record(order.id, transaction, submit);
        if let Some(expires_at) = expires_at.filter(|_| !begun) {
            // An expiry is tried again at the next tick.
            self.expiries.add(expires_at, order.id);
            self.not_expired();
        }
    }

    /// Appends a record about an order that needs nothing granted. Says whether it could; the caller
    /// has been told otherwise.
    pub(super) fn begin_record(
        &mut self,
        order: OrderId,
        transaction: Transaction,
        submit: Option<Submit>,
    ) -> bool {
        let permit = match self.context.journal.permit() {
            Ok(permit) => permit,
            Err(refused) => {
                if let Some(submit) = submit {
                    submit.answer(Err(busy(refused)));
                }
                return false;
            }
        };
        let hold = self.fresh_hold();
        let lock = Some(order);
        self.locks.insert(order, Vec::new());
        let caller = submit.map_or(Caller::Nobody, Caller::Submitter);
        let running = Running { checkout: None, permit: None, caller, key: None, lock };
        self.running.insert(hold, Box::new(running));
        self.append(hold, permit, transaction);
        true
    }

    /// A fresh number of 19 digits.
    pub(super) fn fresh_number(&mut self) -> u64 {
        self.numbers.next(self.context.clock.now())
    }

    fn fresh_hold(&mut self) -> HoldId {
        self.next_hold += 1;
        HoldId::new(self.next_hold)
    }

    fn ask(&mut self, hold: HoldId, checkout: &Checkout, keep: bool) {
        let now = self.context.clock.now();
        for (index, (key, ask)) in checkout.plan().parts().iter().enumerate() {
            if let Some(answer) = self.directory.ask(*key, ask.clone(), (hold, index, keep), now) {
                self.answers.push_back(Answer { hold, index, answer });
            }
        }
    }

    fn release(&self, hold: HoldId, participants: &[ParticipantKey]) {
        for key in participants {
            self.directory.release(*key, hold);
        }
    }

    /// Takes the answers that were there at once. Not where they were given: what one of them sets off
    /// may ask again.
    pub(super) fn take_answers(&mut self, ctx: &mut Context<Self>) {
        while let Some(answer) = self.answers.pop_front() {
            self.answered(answer, ctx);
        }
    }

    fn answered(&mut self, message: Answer, ctx: &mut Context<Self>) {
        let Answer { hold, index, answer } = message;
        let Some(running) = self.running.get_mut(&hold) else { return };
        let Some(checkout) = &mut running.checkout else { return };
        let keep = running.permit.is_some();
        let answer = match answer {
            Ok(answer) => answer,
            Err(_) => {
                self.give_up(hold, ctx);
                self.begin_rebuild(ctx);
                return;
            }
        };
        match checkout.answered(index, answer, &self.context.catalogue.load()) {
            Step::Wait => {}
            Step::AskAgain { release } => {
                let checkout = checkout.clone();
                if keep {
                    self.release(hold, &release);
                }
                self.ask(hold, &checkout, keep);
            }
            Step::Refuse { release, rejection } => {
                if keep {
                    self.release(hold, &release);
                }
                self.finish(hold, Err(rejection.into()), ctx);
            }
            Step::Commit => self.commit(hold, ctx),
        }
    }

    /// Everything is granted: makes the record and appends it.
    fn commit(&mut self, hold: HoldId, ctx: &mut Context<Self>) {
        let now = self.context.clock.now();
        let Some(running) = self.running.get_mut(&hold) else { return };
        let Some(checkout) = &running.checkout else { return };
        let notify = wants_notices(&self.context.catalogue.load(), checkout.purpose());
        let mut ids = Ids {
            numbers: &mut self.numbers,
            mint: &self.context.mint,
            lane: self.context.lane.0,
            last_code: &self.context.lane.1,
        };
        match checkout.record(now, notify, &mut ids) {
            Ok(Some(transaction)) => {
                let Some(permit) = running.permit.take() else { return };
                self.append(hold, permit, transaction);
            }
            Ok(None) => self.finish(hold, Ok(Reply::Done), ctx),
            Err(rejection) => {
                self.give_up_holds(hold);
                self.finish(hold, Err(rejection.into()), ctx);
            }
        }
    }

    pub(super) fn append(
        &mut self,
        hold: HoldId,
        permit: Permit<Record>,
        transaction: Transaction,
    ) {
        debug_assert!(transaction.is_balanced(), "INV-4: postings of a record sum to zero");
        self.appended += 1;
        let operator = self.running.get(&hold).and_then(|running| running.caller.operator());
        let transaction = transaction.done_for(operator);
        let record = Record { transaction, origin: Origin::Orders(hold) };
        permit.append(self.context.partition, record);
    }

    /// Lets everything go that a command under way may hold.
    pub(super) fn give_up_holds(&self, hold: HoldId) {
        let plan = self.running.get(&hold).and_then(|running| running.checkout.as_ref());
        let Some(plan) = plan.map(|checkout| checkout.plan().clone()) else { return };
        for (key, _) in plan.parts() {
            self.directory.release(*key, hold);
        }
    }

    /// Ends a command that met a fault before its record was appended.
    pub(super) fn give_up(&mut self, hold: HoldId, ctx: &mut Context<Self>) {
        self.give_up_holds(hold);
        self.finish(hold, Err(EngineError::Overloaded), ctx);
    }

    /// Answers the caller and lets those who waited for this command go on.
    pub(super) fn finish(
        &mut self,
        hold: HoldId,
        reply: Result<Reply, EngineError>,
        ctx: &mut Context<Self>,
    ) {
        let Some(running) = self.running.remove(&hold) else { return };
        let by_key = running.key.and_then(|key| self.keys.remove(&key)).unwrap_or_default();
        let by_lock = running.lock.and_then(|lock| self.locks.remove(&lock)).unwrap_or_default();
        // The same request sent twice at once has one outcome; what has become known by now is
        // looked up, and what was refused is refused to all who asked for the same. A look refuses nobody
        // but the one who looks, who orders next unless nothing is left.
        let only_looked = running.checkout.as_ref().is_some_and(Checkout::is_verify);
        match &reply {
            Err(error) if !only_looked || error.is_sold_out() => {
                for submit in by_key {
                    submit.answer(Err(error.clone()));
                }
            }
            _ => by_key.into_iter().for_each(|submit| self.dispatch(submit, ctx)),
        }
        if matches!(running.caller, Caller::Nobody) {
            self.expired(ctx);
        }
        running.caller.answer(reply);
        by_lock.into_iter().for_each(|submit| self.dispatch(submit, ctx));
    }
}

impl Handler<Answer> for OrderActor {
    type Result = ();

    fn handle(&mut self, message: Answer, ctx: &mut Self::Context) {
        self.guarded(ctx, |actor, ctx| actor.answered(message, ctx));
    }
}

/// Whether the agent of a checkout is to be told what becomes of it.
fn wants_notices(catalogue: &Catalogue, purpose: &Purpose) -> bool {
    match purpose {
        Purpose::Sell { order, .. } | Purpose::Place { order } => {
            catalogue.wants_notices(order.admitted.agent)
        }
        Purpose::Pay { order, .. } | Purpose::Refund { order, .. } => is_told(catalogue, order),
        Purpose::Verify { .. } | Purpose::Adjust { .. } | Purpose::ChangeAccount { .. } => false,
    }
}

/// Whether an order's agent is to be told about it: only of orders that carry the agent's own number.
pub(super) fn is_told(catalogue: &Catalogue, order: &Order) -> bool {
    order.request_key.is_some() && catalogue.wants_notices(order.agent)
}

/// Why a command cannot be begun at the moment.
fn busy(refused: Refused) -> EngineError {
    match refused {
        Refused::Full => EngineError::Overloaded,
        Refused::ShuttingDown | Refused::Stopped => EngineError::Unavailable,
    }
}

/// Fresh numbers and codes of one supplier.
struct Ids<'a> {
    numbers: &'a mut Numbers,
    mint: &'a CodeMint,
    lane: PartitionNo,
    last_code: &'a AtomicU64,
}

impl IdSource for Ids<'_> {
    fn next_number(&mut self, now: UnixMillis) -> u64 {
        self.numbers.next(now)
    }

    fn next_code(&mut self) -> Option<(u64, VoucherCode)> {
        let n = self.last_code.fetch_add(1, Ordering::AcqRel) + 1;
        self.mint.mint(self.lane, n).ok().map(|code| (n, code))
    }
}
