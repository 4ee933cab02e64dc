//! The orders in memory, and fetching those that are not.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::prelude::*;
use hashbrown::HashMap;
use tokio::sync::oneshot;

use crate::actors::EngineError;
use crate::actors::cold::LoadError;
use crate::actors::handle::FoundVoucher;
use crate::actors::order::commit::SharedOrder;
use crate::actors::order::{OrderActor, Submit};
use crate::actors::stored::{Known, Open, ticket_key};
use crate::domain::order::{CloseReason, Order, OrderState};
use crate::domain::voucher::Voucher;
use crate::engine::Rejection;
use crate::schema;
use crate::snapshot::{EntityKind, Entry};
use crate::types::{Lsn, OrderId, TicketId};

struct Cached {
    order: SharedOrder,
    lsn: Lsn,
    /// Whether the snapshots lack its present state.
    dirty: bool,
    /// States of it that are on their way to the snapshots, or whose arrival nobody has noted here yet.
    saving: u32,
    /// What the snapshots may have of it. Orders sold at once whose agent is told nothing never get a note.
    known: Known,
}

/// An order to be saved.
pub(super) struct ToSave {
    pub(super) order: SharedOrder,
    pub(super) lsn: Lsn,
    /// What the snapshots may have of it already.
    pub(super) known: Known,
}

/// Orders by number. Orders that the snapshots have may be dropped, oldest first.
pub(super) struct OrderCache {
    orders: HashMap<OrderId, Cached>,
    /// First record that the snapshots lack, by order, in log order.
    dirty: VecDeque<(Lsn, OrderId)>,
    /// The same for orders on their way to the snapshots.
    saving: Vec<(Lsn, OrderId)>,
    /// Those that have arrived, to be noted little by little.
    arrived: VecDeque<OrderId>,
    /// Orders the snapshots have, oldest first; some may have been dropped or changed since.
    saved: VecDeque<OrderId>,
    /// Requests that wait for an order to be fetched.
    fetching: HashMap<OrderId, Vec<Waiting>>,
    /// Orders of used tickets, for the orders in memory.
    used: HashMap<TicketId, OrderId>,
    /// Times everything was dropped: what was read before is not what it should be now.
    forgotten: u64,
    cached_max: usize,
}

/// What to do with an order once it has been fetched.
pub(super) enum Waiting {
    Submit(Submit),
    Describe(Describe),
    Expire,
}

/// Asks for a voucher's order; the answer goes to whoever asks for the code.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Describe {
    pub(crate) voucher: Voucher,
    pub(crate) reply: oneshot::Sender<Result<Option<FoundVoucher>, EngineError>>,
}

/// Asks which order a used ticket belongs to.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct WhoseTicket {
    pub(crate) ticket: TicketId,
    pub(crate) reply: oneshot::Sender<Result<Option<OrderId>, EngineError>>,
}

/// Tickets of an order that were ever used.
fn used_tickets(order: &Order) -> impl Iterator<Item = TicketId> {
    let uses = order.redemptions.iter().flat_map(|redemption| &redemption.uses);
    uses.filter_map(|used| order.tickets.get(usize::from(used.ticket))).map(|ticket| ticket.id)
}

impl Describe {
    fn answer(self, order: &SharedOrder) {
        let Self { voucher, reply } = self;
        let _ = reply.send(Ok(Some(FoundVoucher { order: Arc::clone(order), voucher })));
    }
}

/// An order has been fetched from the snapshots, or not.
#[derive(Message)]
#[rtype(result = "()")]
struct Fetched {
    id: OrderId,
    /// [`OrderCache::forgotten`] when the order was asked for.
    forgotten: u64,
    entry: Result<Option<Entry>, LoadError>,
}

impl OrderCache {
    pub(super) fn new(cached_max: usize) -> Self {
        Self {
            orders: HashMap::new(),
            dirty: VecDeque::new(),
            saving: Vec::new(),
            arrived: VecDeque::new(),
            saved: VecDeque::new(),
            fetching: HashMap::new(),
            used: HashMap::new(),
            forgotten: 0,
            cached_max,
        }
    }

    pub(super) fn get(&self, id: OrderId) -> Option<SharedOrder> {
        self.orders.get(&id).map(|cached| Arc::clone(&cached.order))
    }

    pub(super) fn len(&self) -> usize {
        self.orders.len()
    }

    /// Adds an order that a record has made.
    pub(super) fn insert(&mut self, lsn: Lsn, order: SharedOrder) {
        let id = order.id;
        let known = Known { noted: false, keyed: false };
        let cached = Cached { order, lsn, dirty: true, saving: 0, known };
        self.orders.insert(id, cached);
        self.dirty.push_back((lsn, id));
    }

    /// Changes an order as a record says. Whoever shares the old state keeps it.
    pub(super) fn update(&mut self, id: OrderId, lsn: Lsn, change: impl FnOnce(&mut Order)) {
        let Some(cached) = self.orders.get_mut(&id) else {
            tracing::error!(order = %id, "a record changes an order that is not in memory");
            return;
        };
        change(Arc::make_mut(&mut cached.order));
        self.used.extend(used_tickets(&cached.order).map(|ticket| (ticket, id)));
        cached.lsn = lsn;
        if !cached.dirty {
            cached.dirty = true;
            self.dirty.push_back((lsn, id));
        }
    }

    /// First record that the snapshots lack of some order, those on their way left out.
    pub(super) fn first_dirty(&self) -> Option<Lsn> {
        self.dirty.front().map(|(lsn, _)| *lsn)
    }

    /// How many orders have changed; some may count twice.
    pub(super) fn dirty_len(&self) -> usize {
        self.dirty.len()
    }

    /// Changed orders of which the snapshots lack the present state, those on their way included.
    pub(super) fn unsaved_len(&self) -> usize {
        self.dirty.len() + self.saving.len()
    }

    /// Takes up to `count` changed orders to be saved, oldest change first.
    pub(super) fn save(&mut self, count: usize) -> Vec<ToSave> {
        let mut orders = Vec::with_capacity(count.min(self.dirty.len()));
        while orders.len() < count
            && let Some((first, id)) = self.dirty.pop_front()
        {
            // An order that was not saved and has changed again stands here twice.
            if let Some(cached) = self.orders.get_mut(&id).filter(|cached| cached.dirty) {
                cached.dirty = false;
                cached.saving += 1;
                self.saving.push((first, id));
                let now = Known { noted: Open::of(&cached.order).is_some(), keyed: true };
                let known = std::mem::replace(&mut cached.known, now);
                orders.push(ToSave { order: Arc::clone(&cached.order), lsn: cached.lsn, known });
            }
        }
        orders
    }

    /// What [`Self::save`] took has reached the snapshots, which [`Self::settle`] then notes. Says how many
    /// orders that were.
    pub(super) fn saved(&mut self) -> usize {
        let saved = self.saving.len();
        self.arrived.extend(self.saving.drain(..).map(|(_, id)| id));
        saved
    }

    /// Notes of up to `count` orders that they have arrived, and drops about as many that the snapshots have,
    /// beyond what is to be kept: freeing an order takes longer than selling one, so a whole step of them at
    /// once would be a stall. Says whether there is more to do.
    pub(super) fn settle(&mut self, count: usize, is_locked: impl Fn(OrderId) -> bool) -> bool {
        for _ in 0..count {
            let Some(id) = self.arrived.pop_front() else { break };
            if let Some(cached) = self.orders.get_mut(&id) {
                cached.saving -= 1;
                self.saved.push_back(id);
            }
        }
        let mut locked = Vec::new();
        let mut looked_at = 0;
        // More than arrive, so that there is an end to it.
        while looked_at < 2 * count
            && self.orders.len() > self.cached_max
            && let Some(id) = self.saved.pop_front()
        {
            looked_at += 1;
            if is_locked(id) {
                // What it is locked for may change nothing, and then nothing else would bring it back.
                locked.push(id);
                continue;
            }
            let gone = |cached: &Cached| !cached.dirty && cached.saving == 0;
            if self.orders.get(&id).is_some_and(gone)
                && let Some(cached) = self.orders.remove(&id)
            {
                used_tickets(&cached.order).for_each(|ticket| {
                    self.used.remove(&ticket);
                });
            }
        }
        let stays = locked.len() == looked_at;
        self.saved.extend(locked);
        let is_full = self.orders.len() > self.cached_max && !self.saved.is_empty();
        !self.arrived.is_empty() || (is_full && !stays)
    }

    /// What [`Self::save`] took has not reached the snapshots: it counts as changed again, and from
    /// the first record on, even if it was changed or taken once more since.
    pub(super) fn not_saved(&mut self) {
        for (first, id) in self.saving.drain(..).rev() {
            if let Some(cached) = self.orders.get_mut(&id) {
                cached.saving -= 1;
                cached.dirty = true;
                // What the lost batch would have taken away may still be there, what it would have
                // brought is not.
                cached.known = Known { noted: true, keyed: false };
                self.dirty.push_front((first, id));
            }
        }
        self.dirty.make_contiguous().sort_unstable();
    }

    /// Drops everything: the state is to be read anew. Returns who waits for an order to be fetched.
    pub(super) fn forget(&mut self) -> Vec<Waiting> {
        self.orders.clear();
        self.dirty.clear();
        self.saving.clear();
        self.arrived.clear();
        self.saved.clear();
        self.used.clear();
        self.forgotten += 1;
        self.fetching.drain().flat_map(|(_, waiting)| waiting).collect()
    }

    fn put_fetched(&mut self, lsn: Lsn, order: Order) -> SharedOrder {
        let order = Arc::new(order);
        let id = order.id;
        let known = Known { noted: Open::of(&order).is_some(), keyed: true };
        let shared = Arc::clone(&order);
        let cached = Cached { order: shared, lsn, dirty: false, saving: 0, known };
        self.orders.insert(id, cached);
        self.saved.push_back(id);
        order
    }
}

impl OrderActor {
    /// Carries out a command about an order, fetching it if need be.
    pub(super) fn with_order(&mut self, id: OrderId, submit: Submit, ctx: &mut Context<Self>) {
        match self.orders.get(id) {
            Some(order) => self.on_order(&order, submit),
            None => self.fetch(id, Waiting::Submit(submit), ctx),
        }
    }

    pub(super) fn fetch(&mut self, id: OrderId, waiting: Waiting, ctx: &mut Context<Self>) {
        if let Some(others) = self.orders.fetching.get_mut(&id) {
            others.push(waiting);
            return;
        }
        self.orders.fetching.insert(id, vec![waiting]);
        let load = self.context.cold.load(EntityKind::Order, schema::order_key(id).into());
        let (this, forgotten) = (ctx.address(), self.orders.forgotten);
        // Spawned beside the actor: futures inside its context are polled with every message.
        actix_rt::spawn(async move {
            let entry = load.await;
            this.do_send(Fetched { id, forgotten, entry });
        });
    }

    fn fetched(&mut self, message: Fetched) {
        let Fetched { id, forgotten, entry } = message;
        if forgotten != self.orders.forgotten {
            // Read before the state was read anew; whoever waited for it has been answered.
            return;
        }
        let waiting = self.orders.fetching.remove(&id).unwrap_or_default();
        let order = match (self.orders.get(id), entry) {
            // Nothing may begin on a state that is about to be dropped.
            _ if self.rebuilding => Err(EngineError::Overloaded),
            (Some(order), _) => Ok(Some(order)),
            (None, Ok(None)) => Ok(None),
            (None, Ok(Some(entry))) => match schema::decode_order(&entry.payload) {
                Ok(order) => Ok(Some(self.orders.put_fetched(entry.lsn, order))),
                Err(error) => {
                    tracing::error!(order = %id, %error, "a stored order cannot be read");
                    self.context.cold.report_damage(&error.to_string());
                    Err(EngineError::Unavailable)
                }
            },
            (None, Err(error)) => {
                tracing::error!(order = %id, %error, "an order cannot be fetched");
                Err(EngineError::Unavailable)
            }
        };
        for waiting in waiting {
            self.with_fetched(waiting, &order);
        }
    }

    pub(super) fn with_fetched(
        &mut self,
        waiting: Waiting,
        order: &Result<Option<SharedOrder>, EngineError>,
    ) {
        match (waiting, order) {
            (Waiting::Submit(submit), Ok(Some(order))) => self.on_order(order, submit),
            (Waiting::Submit(submit), Ok(None)) => {
                submit.answer(Err(Rejection::UnknownOrder.into()));
            }
            (Waiting::Submit(submit), Err(error)) => submit.answer(Err(error.clone())),
            (Waiting::Describe(describe), Ok(Some(order))) => describe.answer(order),
            (Waiting::Describe(describe), Ok(None)) => {
                let _ = describe.reply.send(Ok(None));
            }
            (Waiting::Describe(describe), Err(error)) => {
                let _ = describe.reply.send(Err(error.clone()));
            }
            (Waiting::Expire, Ok(Some(order))) => self.expire(order),
            // A rebuild lists unpaid orders anew.
            (Waiting::Expire, _) => self.not_expired(),
        }
    }

    /// An unpaid order's time is up.
    pub(super) fn expire(&mut self, order: &SharedOrder) {
        if order.decide_close().is_err() || self.locks.contains_key(&order.id) {
            // Someone pays or cancels it at this moment; a payment that fails adds it again.
            if let OrderState::Held { expires_at } = order.state {
                self.expiries.add(expires_at, order.id);
            }
            self.not_expired();
            return;
        }
        self.begin_close(order, CloseReason::Expired, None);
    }
}

impl Handler<Describe> for OrderActor {
    type Result = ();

    fn handle(&mut self, describe: Describe, ctx: &mut Self::Context) {
        if self.rebuilding {
            let _ = describe.reply.send(Err(EngineError::Overloaded));
            return;
        }
        let id = describe.voucher.order;
        match self.orders.get(id) {
            Some(order) => describe.answer(&order),
            None => self.fetch(id, Waiting::Describe(describe), ctx),
        }
    }
}

impl Handler<WhoseTicket> for OrderActor {
    type Result = ();

    fn handle(&mut self, message: WhoseTicket, _: &mut Self::Context) {
        let WhoseTicket { ticket, reply } = message;
        if self.rebuilding {
            let _ = reply.send(Err(EngineError::Overloaded));
            return;
        }
        if let Some(order) = self.orders.used.get(&ticket) {
            let _ = reply.send(Ok(Some(*order)));
            return;
        }
        let load = self.context.cold.load(EntityKind::Ticket, ticket_key(ticket));
        actix_rt::spawn(async move {
            let answer = match load.await {
                Ok(entry) => Ok(entry.and_then(|entry| {
                    let id = <[u8; 8]>::try_from(&*entry.payload).ok()?;
                    Some(OrderId::new(u64::from_be_bytes(id)))
                })),
                Err(error) => {
                    tracing::error!(%ticket, %error, "a ticket cannot be looked up");
                    Err(EngineError::Unavailable)
                }
            };
            let _ = reply.send(answer);
        });
    }
}

impl Handler<Fetched> for OrderActor {
    type Result = ();

    fn handle(&mut self, message: Fetched, ctx: &mut Self::Context) {
        self.guarded(ctx, |actor, _| actor.fetched(message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fixture::{Ledger, draft, line};

    #[test]
    fn what_did_not_reach_the_snapshots_is_missing_from_its_first_record_on() {
        let mut ledger = Ledger::new();
        let id = ledger.place("key", &draft(vec![line("P-DAY", 1)]));
        let order = ledger.state.orders[&id].value.clone();
        let mut cache = OrderCache::new(10);
        cache.insert(Lsn::new(1), Arc::new(order));
        assert_eq!(cache.save(1).len(), 1);
        cache.update(id, Lsn::new(3), |_| {});
        cache.not_saved();
        assert_eq!(cache.first_dirty(), Some(Lsn::new(1)), "changed while it was being saved");

        assert_eq!(cache.save(1).len(), 1);
        cache.update(id, Lsn::new(5), |_| {});
        assert_eq!(cache.save(1).len(), 1);
        cache.not_saved();
        assert_eq!(cache.first_dirty(), Some(Lsn::new(1)), "taken twice in one step");

        while cache.first_dirty().is_some() {
            cache.save(1);
        }
        cache.saved();
        assert_eq!(cache.first_dirty(), None);
    }

    /// A cache that keeps nothing it need not, and an order in it that the snapshots have.
    fn one_saved() -> (OrderCache, OrderId) {
        let mut ledger = Ledger::new();
        let id = ledger.place("key", &draft(vec![line("P-DAY", 1)]));
        let mut cache = OrderCache::new(0);
        cache.insert(Lsn::new(1), Arc::new(ledger.state.orders[&id].value.clone()));
        cache.save(1);
        cache.saved();
        (cache, id)
    }

    /// What one step saved is noted while the next is under way; a state that is still on its way must not
    /// be dropped with the one before it.
    #[test]
    fn an_order_is_kept_until_its_last_state_has_arrived() {
        let (mut cache, id) = one_saved();
        cache.update(id, Lsn::new(2), |_| {});
        cache.save(1);
        assert!(!cache.settle(9, |_| false));
        assert_eq!(cache.len(), 1, "its second state is not there yet");
        cache.saved();
        assert!(!cache.settle(9, |_| false));
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn a_step_that_has_arrived_is_settled_little_by_little() {
        let mut ledger = Ledger::new();
        let draft = draft(vec![line("P-DAY", 1)]);
        let mut cache = OrderCache::new(3);
        for n in 1..=10 {
            let id = ledger.sell(&format!("key {n}"), &draft);
            cache.insert(Lsn::new(n), Arc::new(ledger.state.orders[&id].value.clone()));
        }
        cache.save(10);
        assert_eq!(cache.unsaved_len(), 10);
        assert_eq!(cache.saved(), 10);
        assert_eq!((cache.unsaved_len(), cache.len()), (0, 10));
        let mut lens = Vec::new();
        while cache.settle(2, |_| false) {
            lens.push(cache.len());
        }
        assert_eq!((lens, cache.len()), (vec![8, 6, 4, 3], 3));
    }

    #[test]
    fn an_order_that_was_locked_when_its_turn_came_is_dropped_later() {
        let (mut cache, _) = one_saved();
        assert!(!cache.settle(1, |_| true), "nothing can be done about it now");
        assert_eq!(cache.len(), 1);
        cache.settle(1, |_| false);
        assert_eq!(cache.len(), 0, "although nothing has changed it since");
    }

    #[test]
    fn only_an_order_that_may_be_noted_as_unpaid_has_its_note_taken_away() {
        let mut ledger = Ledger::new();
        let draft = draft(vec![line("P-DAY", 1)]);
        let (sold, held) = (ledger.sell("sold", &draft), ledger.place("held", &draft));
        let mut cache = OrderCache::new(10);
        for (lsn, id) in [(1, sold), (2, held)] {
            cache.insert(Lsn::new(lsn), Arc::new(ledger.state.orders[&id].value.clone()));
        }
        let noted = |cache: &mut OrderCache| -> Vec<bool> {
            cache.save(9).iter().map(|to_save| to_save.known.noted).collect()
        };
        assert_eq!(noted(&mut cache), [false, false], "nothing was ever written of either");
        cache.saved();
        let paid = ledger.state.orders[&sold].value.state.clone();
        cache.update(held, Lsn::new(3), |order| order.state = paid);
        assert_eq!(noted(&mut cache), [true], "it was noted and is paid now");
        cache.not_saved();
        assert_eq!(noted(&mut cache), [true], "and still is if that was lost");
    }
}
