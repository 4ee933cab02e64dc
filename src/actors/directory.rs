//! One supplier's participants: which are active, how to reach them, and which have changed since the
//! snapshots were last written. It lives inside the order actor, on the same thread.

use std::rc::Rc;
use std::sync::Arc;

use actix::prelude::*;
use hashbrown::HashMap;
use smallvec::SmallVec;
use tokio::sync::oneshot;

use crate::actors::account::ReadAccount;
use crate::actors::cold::ColdStore;
use crate::actors::look::{Look, Peek, Seen, Shelf};
use crate::actors::machine::{AccountEvent, Machine, MoneyAsk, PoolAsk, SlotAsk};
use crate::actors::order::OrderActor;
use crate::actors::participant::{
    AccountActor, Apply, Ask, AskOutcome, Faulted, Inspect, LimitActor, ParticipantActor,
    PoolActor, Refresh, Release, Save, Saved, SlotActor, Station,
};
use crate::domain::account::{Account, AccountKey};
use crate::domain::catalogue::Catalogue;
use crate::domain::inventory::{Pool, PoolKey, Slot};
use crate::domain::limits::{Claim, LimitKey, LimitShard};
use crate::engine::explain::Facts;
use crate::engine::plan::{self, ParticipantKey, Refusal};
use crate::engine::transaction::Event;
use crate::types::{HoldId, Lsn, SlotKey, UnixMillis};

/// Active participants of one kind.
struct Active<M: Machine> {
    entries: HashMap<M::Key, Entry<M>>,
}

struct Entry<M: Machine> {
    addr: Addr<ParticipantActor<M>>,
    station: Rc<Station<M>>,
    last_used: UnixMillis,
}

/// What activating a participant needs.
pub(crate) struct Surroundings {
    pub(crate) orders: Addr<OrderActor>,
    pub(crate) cold: ColdStore,
    pub(crate) catalogue: Arc<Catalogue>,
}

/// The participants.
pub(crate) struct Directory {
    surroundings: Surroundings,
    slots: Active<Slot>,
    pools: Active<Pool>,
    limits: Active<LimitShard>,
    accounts: Active<Account>,
    /// First record that the snapshots lack, by participant.
    dirty: HashMap<ParticipantKey, Lsn>,
    /// The same for those whose state is on its way to the snapshots. They must not sleep: waking
    /// would find the older state.
    saving: HashMap<ParticipantKey, Lsn>,
}

/// A part of a plan as its participant understands it.
enum Typed {
    Slot(SlotKey, SlotAsk),
    Pool(PoolKey, PoolAsk),
    Limit(LimitKey, SmallVec<[Claim; 2]>),
    Account(AccountKey, MoneyAsk),
}

/// A participant is asked for what is another kind's.
struct Mismatch;

impl Typed {
    fn new(key: ParticipantKey, ask: plan::Ask) -> Result<Self, Mismatch> {
        Ok(match (key, ask) {
            (ParticipantKey::Slot(key), plan::Ask::Slot(command)) => {
                Self::Slot(key, SlotAsk::Hold(command))
            }
            (ParticipantKey::Slot(key), plan::Ask::Adjust(area, adjustment)) => {
                Self::Slot(key, SlotAsk::Adjust(area, adjustment))
            }
            (ParticipantKey::Slot(key), plan::Ask::SetOpen) => Self::Slot(key, SlotAsk::SetOpen),
            (ParticipantKey::Pool(key), plan::Ask::Pool(quantity)) => {
                Self::Pool(key, PoolAsk::Hold(quantity))
            }
            (ParticipantKey::Pool(key), plan::Ask::Adjust(_, adjustment)) => {
                Self::Pool(key, PoolAsk::Adjust(adjustment))
            }
            (ParticipantKey::Limit(key), plan::Ask::Limit(claims)) => Self::Limit(key, claims),
            (ParticipantKey::Account(key), plan::Ask::Account(money)) => {
                Self::Account(key, MoneyAsk::Reserve(money))
            }
            (ParticipantKey::Account(key), plan::Ask::AnyFunds { year, amount }) => {
                Self::Account(key, MoneyAsk::Any { year, amount })
            }
            (ParticipantKey::Account(key), plan::Ask::Change(change)) => {
                Self::Account(key, MoneyAsk::Change(change))
            }
            _ => return Err(Mismatch),
        })
    }
}

impl<M: Machine> Active<M> {
    fn new() -> Self {
        Self { entries: HashMap::new() }
    }

    /// The participant, activated if need be.
    fn entry(&mut self, key: M::Key, s: &Surroundings, now: UnixMillis) -> &Entry<M> {
        let entry = self.entries.entry(key).or_insert_with(|| {
            let station = Rc::new(Station::new(key, Arc::clone(&s.catalogue)));
            let (orders, cold) = (s.orders.clone(), s.cold.clone());
            let actor = ParticipantActor::new(Rc::clone(&station), orders, cold);
            Entry { addr: actor.start(), station, last_used: now }
        });
        entry.last_used = now;
        entry
    }

    /// The participant, activated if need be, with one more message on its way.
    fn reach(
        &mut self,
        key: M::Key,
        s: &Surroundings,
        now: UnixMillis,
    ) -> &Addr<ParticipantActor<M>> {
        let entry = self.entry(key, s, now);
        entry.station.expect_message();
        &entry.addr
    }

    /// Asks for a part of a checkout. The answer is there at once, unless a message has to be waited for.
    fn ask(
        &mut self,
        key: M::Key,
        ask: M::Ask,
        (hold, index, keep): (HoldId, usize, bool),
        s: &Surroundings,
        now: UnixMillis,
    ) -> Option<AskOutcome> {
        let entry = self.entry(key, s, now);
        if entry.station.is_free() {
            return Some(entry.station.ask(hold, keep, ask));
        }
        entry.station.expect_message();
        entry.addr.do_send(Ask::<M> { hold, index, keep, ask });
        None
    }

    /// Makes a journalled event true, at once if no message is on its way.
    fn apply(
        &mut self,
        key: M::Key,
        (hold, lsn, event): (Option<HoldId>, Lsn, M::Event),
        s: &Surroundings,
        now: UnixMillis,
    ) {
        let entry = self.entry(key, s, now);
        if entry.station.is_free() {
            if entry.station.apply(hold, lsn, &event).is_err() {
                s.orders.do_send(Saved(None));
            }
            return;
        }
        entry.station.expect_message();
        entry.addr.do_send(Apply::<M> { hold, lsn, event });
    }

    /// Lets go what a participant kept for a checkout. One that keeps something is never passivated, so
    /// a sleeping one has nothing.
    fn release(&self, key: M::Key, hold: HoldId) {
        let Some(entry) = self.entries.get(&key) else { return };
        if entry.station.is_free() {
            return entry.station.release(hold);
        }
        entry.station.expect_message();
        entry.addr.do_send(Release(hold));
    }

    /// Sends to a participant, unless it sleeps.
    fn tell<T>(&self, key: M::Key, message: T)
    where
        T: Message<Result = ()> + Send + 'static,
        ParticipantActor<M>: Actor<Context = Context<ParticipantActor<M>>> + Handler<T>,
    {
        if let Some(entry) = self.entries.get(&key) {
            entry.station.expect_message();
            entry.addr.do_send(message);
        }
    }

    /// Has something done to a participant that is awake.
    fn with(&self, key: M::Key, act: impl FnOnce(&Station<M>)) {
        if let Some(entry) = self.entries.get(&key) {
            act(&entry.station);
        }
    }

    fn refresh(&self, catalogue: &Arc<Catalogue>) {
        for entry in self.entries.values() {
            entry.station.expect_message();
            entry.addr.do_send(Refresh(Arc::clone(catalogue)));
        }
    }

    /// Drops every participant; what is on its way to them is of no use to anybody.
    fn forget(&mut self) {
        for (_, entry) in self.entries.drain() {
            entry.station.drop_state();
        }
    }

    /// Stops participants that were not used since `before`, have no message on its way, no checkout
    /// in flight and nothing that the snapshots lack. Dropping the last address stops the actor.
    fn passivate(&mut self, before: UnixMillis, is_dirty: impl Fn(M::Key) -> bool) -> usize {
        let count = self.entries.len();
        self.entries.retain(|key, entry| {
            !(entry.last_used < before && entry.station.is_idle() && !is_dirty(*key))
        });
        count - self.entries.len()
    }
}

impl Directory {
    pub(crate) fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            slots: Active::new(),
            pools: Active::new(),
            limits: Active::new(),
            accounts: Active::new(),
            dirty: HashMap::new(),
            saving: HashMap::new(),
        }
    }

    /// Asks for a part of a checkout. `None` when the answer comes by message.
    pub(crate) fn ask(
        &mut self,
        key: ParticipantKey,
        ask: plan::Ask,
        part: (HoldId, usize, bool),
        now: UnixMillis,
    ) -> Option<AskOutcome> {
        let s = &self.surroundings;
        match Typed::new(key, ask) {
            Ok(Typed::Slot(key, ask)) => self.slots.ask(key, ask, part, s, now),
            Ok(Typed::Pool(key, ask)) => self.pools.ask(key, ask, part, s, now),
            Ok(Typed::Limit(key, ask)) => self.limits.ask(key, ask, part, s, now),
            Ok(Typed::Account(key, ask)) => self.accounts.ask(key, ask, part, s, now),
            Err(Mismatch) => {
                // A plan pairs keys with asks of their kind; anything else is our bug, and the
                // checkout is told so instead of waiting for ever.
                tracing::error!(?key, "a plan asks a participant of another kind");
                Some(Err(Faulted))
            }
        }
    }

    /// Asks a participant what it would say and by which facts; without an ask, for its facts alone.
    /// Dropping `reply` says that there is no answer.
    pub(crate) fn inspect(
        &mut self,
        key: ParticipantKey,
        ask: Option<plan::Ask>,
        reply: oneshot::Sender<(Result<(), Refusal>, Facts)>,
        now: UnixMillis,
    ) {
        let s = &self.surroundings;
        let typed = ask.map(|ask| Typed::new(key, ask)).transpose();
        let Ok(typed) = typed else { return };
        match (key, typed) {
            (_, Some(Typed::Slot(key, ask))) => {
                let slot: &Addr<SlotActor> = self.slots.reach(key, s, now);
                slot.do_send(Inspect::<Slot> { ask: Some(ask), reply });
            }
            (_, Some(Typed::Pool(key, ask))) => {
                let pool: &Addr<PoolActor> = self.pools.reach(key, s, now);
                pool.do_send(Inspect::<Pool> { ask: Some(ask), reply });
            }
            (_, Some(Typed::Limit(key, ask))) => {
                let limit: &Addr<LimitActor> = self.limits.reach(key, s, now);
                limit.do_send(Inspect::<LimitShard> { ask: Some(ask), reply });
            }
            (_, Some(Typed::Account(key, ask))) => {
                let account: &Addr<AccountActor> = self.accounts.reach(key, s, now);
                account.do_send(Inspect::<Account> { ask: Some(ask), reply });
            }
            (ParticipantKey::Slot(key), None) => {
                self.slots.reach(key, s, now).do_send(Inspect::<Slot> { ask: None, reply });
            }
            (ParticipantKey::Pool(key), None) => {
                self.pools.reach(key, s, now).do_send(Inspect::<Pool> { ask: None, reply });
            }
            (ParticipantKey::Limit(key), None) => {
                self.limits.reach(key, s, now).do_send(Inspect::<LimitShard> { ask: None, reply });
            }
            (ParticipantKey::Account(key), None) => {
                self.accounts.reach(key, s, now).do_send(Inspect::<Account> { ask: None, reply });
            }
        }
    }

    /// Passes a question about an account to it.
    pub(crate) fn read_account(&mut self, question: ReadAccount, now: UnixMillis) {
        self.accounts.reach(question.account, &self.surroundings, now).do_send(question);
    }

    /// Lets go what a participant kept for a checkout.
    pub(crate) fn release(&self, key: ParticipantKey, hold: HoldId) {
        match key {
            ParticipantKey::Slot(key) => self.slots.release(key, hold),
            ParticipantKey::Pool(key) => self.pools.release(key, hold),
            ParticipantKey::Limit(key) => self.limits.release(key, hold),
            ParticipantKey::Account(key) => self.accounts.release(key, hold),
        }
    }

    /// Passes a journalled event to its participant, if it is a participant's.
    pub(crate) fn apply(&mut self, hold: Option<HoldId>, lsn: Lsn, event: Event, now: UnixMillis) {
        let s = &self.surroundings;
        let key = match event {
            Event::Slot(key, event) => {
                self.slots.apply(key, (hold, lsn, event), s, now);
                ParticipantKey::Slot(key)
            }
            Event::Pool(key, event) => {
                self.pools.apply(key, (hold, lsn, event), s, now);
                ParticipantKey::Pool(key)
            }
            Event::Limit(key, event) => {
                self.limits.apply(key, (hold, lsn, event), s, now);
                ParticipantKey::Limit(key)
            }
            Event::Account(key, postings) => {
                self.accounts.apply(key, (hold, lsn, AccountEvent::Moved(postings)), s, now);
                ParticipantKey::Account(key)
            }
            Event::AccountNote(key, note) => {
                self.accounts.apply(key, (hold, lsn, AccountEvent::Noted(note)), s, now);
                ParticipantKey::Account(key)
            }
            Event::Catalogue(_) | Event::Order(_) | Event::Voucher(_) | Event::Operator(_) => {
                return;
            }
        };
        self.dirty.entry(key).or_insert(lsn);
    }

    /// Lets the active among the shelves say how they stand. Looking is no use: it keeps nobody awake.
    pub(crate) fn look(&self, look: Look) {
        let Look { shelves, detail, reply } = look;
        for (index, shelf, claims) in shelves {
            let active = match shelf {
                Shelf::Slot(key) => self.slots.entries.contains_key(&key),
                Shelf::Pool(key) => self.pools.entries.contains_key(&key),
                Shelf::Limit(key) => self.limits.entries.contains_key(&key),
            };
            if !active {
                // Whoever looked may have gone.
                let _ = reply.send(Seen::Asleep(index));
                continue;
            }
            let peek = Peek { index, detail, claims, reply: reply.clone() };
            match shelf {
                Shelf::Slot(key) => self.slots.tell(key, peek),
                Shelf::Pool(key) => self.pools.tell(key, peek),
                Shelf::Limit(key) => self.limits.tell(key, peek),
            }
        }
    }

    /// Tells every active participant what the catalogue says now.
    pub(crate) fn refresh(&mut self, catalogue: Arc<Catalogue>) {
        self.slots.refresh(&catalogue);
        self.pools.refresh(&catalogue);
        self.surroundings.catalogue = catalogue;
    }

    /// Asks up to `count` changed participants for their state, oldest change first, and counts them
    /// as unchanged from here on. Says how many were asked.
    pub(crate) fn save(&mut self, count: usize) -> usize {
        let mut oldest: Vec<(Lsn, ParticipantKey)> =
            self.dirty.iter().map(|(key, lsn)| (*lsn, *key)).collect();
        if oldest.len() > count {
            oldest.select_nth_unstable(count);
            oldest.truncate(count);
        }
        for (_, key) in &oldest {
            if let Some(lsn) = self.dirty.remove(key) {
                // Asked twice in one step, it lacks what it lacked at first.
                self.saving.entry(*key).or_insert(lsn);
            }
            self.tell(*key, Save);
        }
        oldest.len()
    }

    /// How many participants have changed.
    pub(crate) fn dirty_len(&self) -> usize {
        self.dirty.len()
    }

    /// What [`Self::save`] asked for has reached the snapshots.
    pub(crate) fn saved(&mut self) {
        for (key, _) in self.saving.drain() {
            match key {
                ParticipantKey::Slot(key) => self.slots.with(key, Station::saved),
                ParticipantKey::Limit(key) => self.limits.with(key, Station::saved),
                ParticipantKey::Pool(_) | ParticipantKey::Account(_) => {}
            }
        }
    }

    /// What [`Self::save`] asked for has not reached the snapshots: it counts as changed again.
    pub(crate) fn not_saved(&mut self) {
        for (key, lsn) in self.saving.drain() {
            match key {
                ParticipantKey::Slot(key) => self.slots.with(key, Station::not_saved),
                ParticipantKey::Limit(key) => self.limits.with(key, Station::not_saved),
                ParticipantKey::Pool(_) | ParticipantKey::Account(_) => {}
            }
            self.dirty.insert(key, lsn);
        }
    }

    /// First record that the snapshots lack of some participant, those on their way left out.
    pub(crate) fn first_dirty(&self) -> Option<Lsn> {
        self.dirty.values().min().copied()
    }

    /// Stops participants that have been idle since `before`; says how many.
    pub(crate) fn passivate(&mut self, before: UnixMillis) -> usize {
        let (dirty, saving) = (&self.dirty, &self.saving);
        let unsaved = |key| dirty.contains_key(&key) || saving.contains_key(&key);
        self.slots.passivate(before, |key| unsaved(ParticipantKey::Slot(key)))
            + self.pools.passivate(before, |key| unsaved(ParticipantKey::Pool(key)))
            + self.limits.passivate(before, |key| unsaved(ParticipantKey::Limit(key)))
            + self.accounts.passivate(before, |key| unsaved(ParticipantKey::Account(key)))
    }

    /// Active participants by kind: slots, pools, limit shards, accounts.
    pub(crate) fn active(&self) -> [usize; 4] {
        [
            self.slots.entries.len(),
            self.pools.entries.len(),
            self.limits.entries.len(),
            self.accounts.entries.len(),
        ]
    }

    /// Drops every participant, whatever it holds: the state is to be read anew.
    pub(crate) fn forget(&mut self) {
        self.slots.forget();
        self.pools.forget();
        self.limits.forget();
        self.accounts.forget();
        self.dirty.clear();
        self.saving.clear();
    }

    /// Sends to an active participant of whichever kind.
    fn tell<T>(&mut self, key: ParticipantKey, message: T)
    where
        T: Message<Result = ()> + Send + 'static,
        SlotActor: Handler<T>,
        PoolActor: Handler<T>,
        LimitActor: Handler<T>,
        AccountActor: Handler<T>,
    {
        match key {
            ParticipantKey::Slot(key) => self.slots.tell(key, message),
            ParticipantKey::Pool(key) => self.pools.tell(key, message),
            ParticipantKey::Limit(key) => self.limits.tell(key, message),
            ParticipantKey::Account(key) => self.accounts.tell(key, message),
        }
    }
}
