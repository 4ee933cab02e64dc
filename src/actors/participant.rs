//! Mailbox around one machine that can grant a part of an order; no business rule lives here.
//!
//! A participant is activated when something is asked of it, from the snapshots, and passivated when
//! it has been idle for a while and its state is in the snapshots. While it is being fetched it is asked
//! by message and answers the order actor by message, so that asking never waits. Once it is there and no
//! message is on its way to it, the order actor, which lives on the same thread, is answered at once:
//! see [`Station`].

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::actors::cold::ColdStore;
use crate::actors::look::{Peek, Seen, Stocked};
use crate::actors::machine::Machine;
use crate::actors::order::OrderActor;
use crate::actors::runs::{Changes, Loaded, WHOLE_COUNTERS_MAX};
use crate::actors::stored::put;
use crate::domain::account::Account;
use crate::domain::catalogue::Catalogue;
use crate::domain::inventory::{Pool, Slot};
use crate::domain::limits::{Count, LimitShard};
use crate::engine::explain::Facts;
use crate::engine::plan::{Grant, Refusal};
use crate::snapshot::{Encode, Put, SnapshotStore};
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
    station: Rc<Station<M>>,
    orders: Addr<OrderActor>,
    cold: ColdStore,
}

/// Where a machine is worked on: by its actor for every message, and by the directory without one. Only
/// one of them is ever at it, since both are on one thread and neither is called from the machine.
pub(crate) struct Station<M: Machine> {
    /// Messages sent and not handled. The directory works here only when there are none, lest it overtake
    /// what was sent before.
    queued: Cell<u32>,
    /// Set when a rebuild has dropped it: what it still finds in its mailbox concerns nobody, and its
    /// state must not be taken for its successor's.
    dropped: Cell<bool>,
    work: RefCell<Work<M>>,
}

/// The machine and what its shell knows about it.
struct Work<M: Machine> {
    key: M::Key,
    /// `None` until it is loaded, and for ever when it could not be, or when a bug broke it.
    machine: Option<M>,
    /// The last record it includes.
    lsn: Lsn,
    catalogue: Arc<Catalogue>,
    stored: Chain,
    /// What the snapshots had before they were given what they may not have yet, and what that added.
    saving: Option<(Chain, Arc<Vec<Count>>)>,
}

/// What the snapshots have of a machine.
#[derive(Clone, Copy)]
struct Chain {
    /// The last record that it includes.
    lsn: Lsn,
    /// Runs after the state that was written whole.
    runs: u32,
}

/// A machine's state on its way to the snapshots.
pub(crate) enum State {
    /// Whole and encoded.
    Whole(Put),
    /// What is new, to be encoded on the snapshots' thread.
    Changes(Encode),
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
    pub(crate) answer: AskOutcome,
}

/// What a participant says to an [`Ask`], unless it is broken.
pub(crate) type AskOutcome = Result<Result<Grant, Refusal>, Faulted>;

/// A participant that can no longer be relied on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faulted;

/// A participant's answer to [`Save`]; `None` from a broken one.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Saved(pub(crate) Option<State>);

impl<M: Machine> Station<M> {
    pub(crate) fn new(key: M::Key, catalogue: Arc<Catalogue>) -> Self {
        let stored = Chain { lsn: Lsn::ZERO, runs: 0 };
        let work = Work { key, machine: None, lsn: Lsn::ZERO, catalogue, stored, saving: None };
        Self { queued: Cell::new(0), dropped: Cell::new(false), work: RefCell::new(work) }
    }

    /// Counts a message that is about to be sent.
    pub(crate) fn expect_message(&self) {
        self.queued.set(self.queued.get() + 1);
    }

    /// Whether the machine is there and nothing was sent to it that it has not handled.
    pub(crate) fn is_free(&self) -> bool {
        self.queued.get() == 0 && self.work.borrow().machine.is_some()
    }

    /// Whether no message is on its way and no checkout in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.queued.get() == 0 && self.work.borrow().machine.as_ref().is_none_or(Machine::is_idle)
    }

    /// Drops it: a rebuild reads its state anew.
    pub(crate) fn drop_state(&self) {
        self.dropped.set(true);
    }

    /// Decides a part of a checkout, and keeps what is granted if `keep` says so.
    pub(crate) fn ask(&self, hold: HoldId, keep: bool, ask: M::Ask) -> AskOutcome {
        self.guarded(|machine| {
            machine.decide(&ask)?;
            Ok(if keep { machine.hold(hold, ask) } else { Grant::default() })
        })
    }

    /// Lets go what was kept for a checkout. A broken machine has nothing to let go.
    pub(crate) fn release(&self, hold: HoldId) {
        let _ = self.guarded(|machine| machine.release(hold));
    }

    /// Makes a journalled event true.
    pub(crate) fn apply(
        &self,
        hold: Option<HoldId>,
        lsn: Lsn,
        event: &M::Event,
    ) -> Result<(), Faulted> {
        self.guarded(|machine| machine.apply(hold, event))?;
        self.work.borrow_mut().lsn = lsn;
        Ok(())
    }

    /// The state as the snapshots keep it, or what it has become since they were given it last.
    pub(super) fn save(&self, store: &SnapshotStore) -> Result<State, Faulted> {
        let (key, lsn, stored) = {
            let work = self.work.borrow();
            (M::store_key(work.key), work.lsn, work.stored)
        };
        let Some(codec) = M::RUNS else {
            return self.guarded(|machine| {
                State::Whole(put(M::KIND, key, lsn, |out| machine.encode(out)))
            });
        };
        let (state, counts, runs) = self.guarded(|machine| {
            let counters = (codec.counters)(machine);
            let counts = Arc::new(counters.take_changed());
            if stored.runs == 0 && counters.len() <= WHOLE_COUNTERS_MAX {
                let whole = put(M::KIND, key, lsn, |out| machine.encode(out));
                return (State::Whole(whole), counts, 0);
            }
            let Chain { lsn: after, runs } = stored;
            let rest = (codec.rest)(machine);
            let changes = Changes { key, lsn, after, rest, counts: Arc::clone(&counts), runs };
            let runs = if changes.ends_chain() { 0 } else { runs + 1 };
            let store = store.clone();
            let encode: Encode = Box::new(move |sink| changes.encode(&store, &codec, sink));
            (State::Changes(encode), counts, runs)
        })?;
        let mut work = self.work.borrow_mut();
        work.saving = Some((stored, counts));
        work.stored = Chain { lsn, runs };
        Ok(state)
    }

    /// What [`Self::save`] gave is in the snapshots.
    pub(crate) fn saved(&self) {
        self.work.borrow_mut().saving = None;
    }

    /// What [`Self::save`] gave is lost: it is given again with the next.
    pub(crate) fn not_saved(&self) {
        let Some((stored, counts)) = self.work.borrow_mut().saving.take() else { return };
        self.work.borrow_mut().stored = stored;
        // A broken one is read anew.
        let _ = self.guarded(|machine| {
            if let Some(codec) = M::RUNS {
                (codec.counters)(machine).keep_changed(&counts);
            }
        });
    }

    fn refresh(&self, catalogue: Arc<Catalogue>) {
        let key = self.work.borrow().key;
        let _ = self.guarded(|machine| machine.refresh(key, &catalogue));
        self.work.borrow_mut().catalogue = catalogue;
    }

    /// Takes what the snapshots have of it.
    pub(super) fn loaded(&self, loaded: Option<Loaded<M>>) {
        let mut work = self.work.borrow_mut();
        let make = || {
            let (mut machine, stored) = match loaded {
                None => {
                    let untouched = M::untouched(work.key, &work.catalogue);
                    (untouched, Chain { lsn: Lsn::ZERO, runs: 0 })
                }
                Some(Loaded { mut machine, lsn, runs }) => {
                    machine.refresh(work.key, &work.catalogue);
                    (machine, Chain { lsn, runs })
                }
            };
            if let Some(codec) = M::RUNS {
                (codec.counters)(&mut machine).note_changes();
            }
            (machine, stored)
        };
        match catch_unwind(AssertUnwindSafe(make)) {
            Ok((machine, stored)) => {
                work.machine = Some(machine);
                work.lsn = stored.lsn;
                work.stored = stored;
            }
            Err(_) => {
                tracing::error!(key = ?work.key, "a participant panicked while it was read");
            }
        }
    }

    /// Runs `act` on the machine. A panic is a bug: the machine is given up, since nobody knows how
    /// far it got, and the order actor rebuilds it.
    fn guarded<T>(&self, act: impl FnOnce(&mut M) -> T) -> Result<T, Faulted> {
        let mut work = self.work.borrow_mut();
        #[cfg(test)]
        let key = format!("{:?}", work.key);
        let machine = work.machine.as_mut().ok_or(Faulted)?;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            crate::actors::tests::fault::strike(&key);
            act(machine)
        }));
        outcome.map_err(|_| {
            tracing::error!(key = ?work.key, "a participant panicked and is taken out of service");
            work.machine = None;
            Faulted
        })
    }

    fn handled(&self) {
        self.queued.set(self.queued.get().saturating_sub(1));
    }
}

impl<M: Machine> ParticipantActor<M> {
    pub(crate) const fn new(
        station: Rc<Station<M>>,
        orders: Addr<OrderActor>,
        cold: ColdStore,
    ) -> Self {
        Self { station, orders, cold }
    }

    /// Runs `look` on the machine, as a message of its own.
    pub(super) fn read<T>(&self, look: impl FnOnce(&M) -> T) -> Result<T, Faulted> {
        let seen = self.station.guarded(|machine| look(machine));
        if seen.is_err() {
            self.tell_state(None);
        }
        self.station.handled();
        seen
    }

    fn tell_state(&self, state: Option<State>) {
        if !self.station.dropped.get() {
            self.orders.do_send(Saved(state));
        }
    }
}

impl<M: Machine> Actor for ParticipantActor<M> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let key = self.station.work.borrow().key;
        let load = self.cold.load_machine::<M>(M::store_key(key));
        #[cfg(test)]
        let load = {
            let key = format!("{key:?}");
            async move {
                let entry = load.await;
                crate::actors::tests::fault::wait_if_slow(key).await;
                entry
            }
        };
        let load = load.into_actor(self).map(move |entry, actor, _| match entry {
            Ok(loaded) => actor.station.loaded(loaded),
            Err(error) => tracing::error!(?key, %error, "a participant cannot be loaded"),
        });
        // Messages wait in the mailbox until the state is there.
        ctx.wait(load);
    }
}

impl<M: Machine> Handler<Ask<M>> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, message: Ask<M>, _: &mut Self::Context) {
        let Ask { hold, index, keep, ask } = message;
        let answer = self.station.ask(hold, keep, ask);
        self.station.handled();
        self.orders.do_send(Answer { hold, index, answer });
    }
}

impl<M: Machine> Handler<Release> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, Release(hold): Release, _: &mut Self::Context) {
        self.station.release(hold);
        self.station.handled();
    }
}

impl<M: Machine> Handler<Apply<M>> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, message: Apply<M>, _: &mut Self::Context) {
        let Apply { hold, lsn, event } = message;
        if self.station.apply(hold, lsn, &event).is_err() {
            self.tell_state(None);
        }
        self.station.handled();
    }
}

impl<M: Machine> Handler<Refresh> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, Refresh(catalogue): Refresh, _: &mut Self::Context) {
        self.station.refresh(catalogue);
        self.station.handled();
    }
}

impl<M: Machine> Handler<Inspect<M>> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, Inspect { ask, reply }: Inspect<M>, _: &mut Self::Context) {
        let found = self.station.guarded(|machine| {
            let decision = ask.as_ref().map_or(Ok(()), |ask| machine.decide(ask));
            (decision, machine.facts(ask.as_ref()))
        });
        match found {
            // Whoever asked may have gone.
            Ok(found) => drop(reply.send(found)),
            Err(Faulted) => self.tell_state(None),
        }
        self.station.handled();
    }
}

impl<M: Stocked> Handler<Peek> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, Peek { index, detail, claims, reply }: Peek, _: &mut Self::Context) {
        match self.station.guarded(|machine| machine.view(detail, &claims)) {
            // Whoever looked may have gone.
            Ok(view) => drop(reply.send(Seen::Live(index, view))),
            Err(Faulted) => self.tell_state(None),
        }
        self.station.handled();
    }
}

impl<M: Machine> Handler<Save> for ParticipantActor<M> {
    type Result = ();

    fn handle(&mut self, _: Save, _: &mut Self::Context) {
        let state = self.station.save(self.cold.store()).ok();
        self.station.handled();
        self.tell_state(state);
    }
}
