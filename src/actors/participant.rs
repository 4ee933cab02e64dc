//! Mailbox around one machine that can grant a part of an order; no business rule lives here.
//!
//! A participant is activated when something is asked of it, from the snapshots, and passivated when
//! it has been idle for a while and its state is in the snapshots. It answers the order actor by
//! message, so that asking never waits.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::actors::cold::ColdStore;
use crate::actors::look::{Peek, Seen, Stocked};
use crate::actors::machine::Machine;
use crate::actors::order::OrderActor;
use crate::actors::stored::put;
use crate::domain::account::Account;
use crate::domain::catalogue::Catalogue;
use crate::domain::inventory::{Pool, Slot};
use crate::domain::limits::LimitShard;
use crate::engine::explain::Facts;
use crate::engine::plan::{Grant, Refusal};
use crate::snapshot::{Entry, Put};
use crate::types::{HoldId, Lsn};

/// One slot: a product on a date in a timespan.
pub(crate) type SlotActor = ParticipantActor<Slot>;
/// One pool on a date in a timespan.
pub(crate) type PoolActor = ParticipantActor<Pool>;
/// One shard of limit counters.
pub(crate) type LimitActor = ParticipantActor<LimitShard>;
/// One account.
pub(crate) type AccountActor = ParticipantActor<Account>;

/// The shell.
pub(crate) struct ParticipantActor<M: Machine> {
    key: M::Key,
    /// `None` until it is loaded, and for ever when it could not be, or when a bug broke it.
    machine: Option<M>,
    /// The last record it includes.
    lsn: Lsn,
    orders: Addr<OrderActor>,
    cold: ColdStore,
    catalogue: Arc<Catalogue>,
    shared: Rc<Shared>,
}

/// What the directory sees of a participant without asking. Same thread, hence cells.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Messages sent and not handled.
    pub(crate) queued: Cell<u32>,
    /// Whether no checkout is in flight, as of the last message handled.
    pub(crate) idle: Cell<bool>,
    /// Set when a rebuild has dropped it: what it still finds in its mailbox concerns nobody, and its
    /// state must not be taken for its successor's.
    pub(crate) dropped: Cell<bool>,
}

/// Asks for a part of checkout `hold`; the answer goes to the order actor as its part `index`.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Ask<M: Machine> {
    pub(crate) hold: HoldId,
    pub(crate) index: usize,
    /// Whether to keep what is granted, or only to say whether it would be.
    pub(crate) keep: bool,
    pub(crate) ask: M::Ask,
}

/// Asks what would be said to `ask`, and by which facts; nothing is kept.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Inspect<M: Machine> {
    pub(crate) ask: Option<M::Ask>,
    pub(crate) reply: oneshot::Sender<(Result<(), Refusal>, Facts)>,
}

/// Lets go what was kept for a checkout.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Release(pub(crate) HoldId);

/// Makes a journalled event true.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Apply<M: Machine> {
    pub(crate) hold: Option<HoldId>,
    pub(crate) lsn: Lsn,
    pub(crate) event: M::Event,
}

/// Takes over a changed catalogue.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Refresh(pub(crate) Arc<Catalogue>);

/// Asks for the state as the snapshots keep it; it goes to the order actor.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Save;

/// A participant's answer to [`Ask`].
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Answer {
    pub(crate) hold: HoldId,
    pub(crate) index: usize,
    /// `Err` when the participant could not be loaded or a bug broke it.
    pub(crate) answer: Result<Result<Grant, Refusal>, Faulted>,
}

/// A participant that can no longer be relied on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faulted;

/// A participant's answer to [`Save`]; `None` from a broken one.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Saved(pub(crate) Option<Put>);

impl<M: Machine> ParticipantActor<M> {
    pub(crate) fn new(
        key: M::Key,
        orders: Addr<OrderActor>,
        cold: ColdStore,
        catalogue: Arc<Catalogue>,
        shared: Rc<Shared>,
    ) -> Self {
        Self { key, machine: None, lsn: Lsn::ZERO, orders, cold, catalogue, shared }
    }

    fn loaded(&mut self, entry: Option<Entry>) {
        let make = || match &entry {
            None => Ok((M::untouched(self.key, &self.catalogue), Lsn::ZERO)),
            Some(entry) => M::decode(&entry.payload).map(|mut machine| {
                machine.refresh(self.key, &self.catalogue);
                (machine, entry.lsn)
            }),
        };
        match catch_unwind(AssertUnwindSafe(make)) {
            Ok(Ok((machine, lsn))) => {
                self.machine = Some(machine);
                self.lsn = lsn;
            }
            Ok(Err(error)) => {
                tracing::error!(key = ?self.key, %error, "a stored participant cannot be read");
                self.cold.report_damage(&error.to_string());
            }
            Err(_) => tracing::error!(key = ?self.key, "a participant panicked while it was read"),
        }
    }

    /// Runs `act` on the machine. A panic is a bug: the machine is given up, since nobody knows how
    /// far it got, and the order actor rebuilds it.
    fn guarded<T>(&mut self, act: impl FnOnce(&mut M) -> T) -> Result<T, Faulted> {
        #[cfg(test)]
        let key = format!("{:?}", self.key);
        let machine = self.machine.as_mut().ok_or(Faulted)?;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            crate::actors::tests::fault::strike(&key);
            act(machine)
        }));
        outcome.map_err(|_| {
            tracing::error!(key = ?self.key, "a participant panicked and is taken out of service");
            self.machine = None;
            Faulted
        })
    }

    /// Runs `look` on the machine, as a message of its own.
    pub(super) fn read<T>(&mut self, look: impl FnOnce(&M) -> T) -> Result<T, Faulted> {
        let seen = self.guarded(|machine| look(machine));
        if seen.is_err() {
            self.tell_state(None);
        }
        self.handled();
        seen
    }

    fn handled(&self) {
        self.shared.queued.set(self.shared.queued.get().saturating_sub(1));
        self.shared.idle.set(self.machine.as_ref().is_none_or(Machine::is_idle));
    }

    fn tell_state(&self, put: Option<Put>) {
        if !self.shared.dropped.get() {
            self.orders.do_send(Saved(put));
        }
    }
}

impl<M: Machine> Actor for ParticipantActor<M> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let load = self.cold.load(M::KIND, M::store_key(self.key));
        #[cfg(test)]
        let load = {
            let key = format!("{:?}", self.key);
            async move {
                let entry = load.await;
                crate::actors::tests::fault::wait_if_slow(key).await;
                entry
            }
        };
        let load = load.into_actor(self).map(|entry, actor, _| match entry {
            Ok(entry) => actor.loaded(entry),
            Err(error) => {
                tracing::error!(key = ?actor.key, %error, "a participant cannot be loaded")
            }
        });
        // Messages wait in the mailbox until the state is there.
        ctx.wait(load);
    }
}

impl<M: Machine> Handler<Ask<M>> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, message: Ask<M>, _: &mut Self::Context) {
        let Ask { hold, index, keep, ask } = message;
        let answer = self.guarded(|machine| {
            machine.decide(&ask)?;
            Ok(if keep { machine.hold(hold, ask) } else { Grant::default() })
        });
        self.handled();
        self.orders.do_send(Answer { hold, index, answer });
    }
}

impl<M: Machine> Handler<Release> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, Release(hold): Release, _: &mut Self::Context) {
        // A broken machine has nothing to let go.
        let _ = self.guarded(|machine| machine.release(hold));
        self.handled();
    }
}

impl<M: Machine> Handler<Apply<M>> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, message: Apply<M>, _: &mut Self::Context) {
        let Apply { hold, lsn, event } = message;
        let applied = self.guarded(|machine| machine.apply(hold, &event));
        if applied.is_ok() {
            self.lsn = lsn;
        } else {
            self.tell_state(None);
        }
        self.handled();
    }
}

impl<M: Machine> Handler<Refresh> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, Refresh(catalogue): Refresh, _: &mut Self::Context) {
        let key = self.key;
        let _ = self.guarded(|machine| machine.refresh(key, &catalogue));
        self.catalogue = catalogue;
        self.handled();
    }
}

impl<M: Machine> Handler<Inspect<M>> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, Inspect { ask, reply }: Inspect<M>, _: &mut Self::Context) {
        let found = self.guarded(|machine| {
            let decision = ask.as_ref().map_or(Ok(()), |ask| machine.decide(ask));
            (decision, machine.facts(ask.as_ref()))
        });
        match found {
            // Whoever asked may have gone.
            Ok(found) => drop(reply.send(found)),
            Err(Faulted) => self.tell_state(None),
        }
        self.handled();
    }
}

impl<M: Stocked> Handler<Peek> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, Peek { index, detail, claims, reply }: Peek, _: &mut Self::Context) {
        match self.guarded(|machine| machine.view(detail, &claims)) {
            // Whoever looked may have gone.
            Ok(view) => drop(reply.send(Seen::Live(index, view))),
            Err(Faulted) => self.tell_state(None),
        }
        self.handled();
    }
}

impl<M: Machine> Handler<Save> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, _: Save, _: &mut Self::Context) {
        let (key, lsn) = (M::store_key(self.key), self.lsn);
        let put = self.guarded(|machine| put(M::KIND, key, lsn, |out| machine.encode(out))).ok();
        self.handled();
        self.tell_state(put);
    }
}
