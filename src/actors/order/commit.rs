//! What happens when records have become durable, or not.

use std::sync::Arc;

use actix::prelude::*;

use crate::actors::EngineError;
use crate::actors::order::{OrderActor, Reply};
use crate::actors::record::{Origin, Record};
use crate::actors::request_keys::KeyFingerprint;
use crate::actors::voucher::Issue;
use crate::domain::order::{Order, OrderEvent, OrderPlaced, OrderState};
use crate::domain::voucher::{Voucher, VoucherEvent};
use crate::engine::transaction::Event;
use crate::types::{HoldId, Lsn, OrderId, UnixMillis};

/// Durable records of this supplier, in log order.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Committed(pub(crate) Vec<(Lsn, Record)>);

/// What a batch of records has come to.
struct Batch {
    now: UnixMillis,
    /// Vouchers with the record that issued them.
    issued: Vec<(Lsn, Voucher)>,
    /// What the callers are to hear.
    done: Vec<(HoldId, Result<Reply, EngineError>)>,
}

/// The journal has stopped; the outcome of these commands is unknown.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct JournalFailed(pub(crate) Vec<HoldId>);

/// The record of this command was too large and was not written.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct TooLarge(pub(crate) HoldId);

impl OrderActor {
    /// Makes a record true. What its caller is to hear waits in `done`, and what it issued in `issued`,
    /// until the batch is through.
    fn committed(&mut self, lsn: Lsn, record: Record, batch: &mut Batch) {
        let hold = match record.origin {
            Origin::Orders(hold) => hold,
            Origin::Catalogue(_) => return,
        };
        let mut about: Option<OrderId> = None;
        let mut placed: Option<Placed> = None;
        for event in record.transaction.events {
            match event {
                Event::Order(event) => {
                    about = Some(event.order());
                    match (event, &mut placed) {
                        (OrderEvent::Placed(event), None) => placed = Some(Placed::new(*event)),
                        (event, Some(placed)) => placed.apply(&event),
                        (event, None) => self.apply_order(lsn, event),
                    }
                }
                Event::Voucher(VoucherEvent::Issued(voucher)) => batch.issued.push((lsn, voucher)),
                other => self.directory.apply(Some(hold), lsn, other, batch.now),
            }
        }
        let reply = match (placed, about) {
            (Some(placed), _) => Ok(Reply::Order(self.take_in(lsn, hold, placed))),
            (None, Some(id)) => match self.orders.get(id) {
                Some(order) => Ok(Reply::Order(order)),
                // Its order is gone from memory although it was locked there.
                None => Err(EngineError::OutcomeUnknown),
            },
            // Money was credited.
            (None, None) => Ok(Reply::Done),
        };
        batch.done.push((hold, reply));
    }

    /// Takes an order in that a record has made, as the record leaves it.
    fn take_in(&mut self, lsn: Lsn, hold: HoldId, placed: Placed) -> SharedOrder {
        let Placed { order, notices } = placed;
        let (id, agent) = (order.id, order.agent);
        if let OrderState::Held { expires_at } = order.state {
            self.expiries.add(expires_at, id);
        }
        if let Some(key) = &order.request_key {
            let claimed = self.running.get(&hold).and_then(|running| running.key);
            let key = claimed.unwrap_or_else(|| KeyFingerprint::new(agent, key));
            self.context.request_keys.set_order(key, id);
        }
        let order = Arc::new(order);
        self.orders.insert(lsn, Arc::clone(&order));
        for _ in 0..notices {
            self.context.callbacks.queued(agent, id);
        }
        order
    }

    /// Changes an order that was there before.
    fn apply_order(&mut self, lsn: Lsn, event: OrderEvent) {
        let id = event.order();
        if let OrderEvent::Extended { expires_at, .. } = &event {
            self.expiries.add(*expires_at, id);
        }
        self.orders.update(id, lsn, |order| order.apply(&event));
        let order = self.orders.get(id);
        if matches!(event, OrderEvent::NoticeQueued { .. })
            && let Some(order) = &order
        {
            self.context.callbacks.queued(order.agent, id);
        }
        if !order.is_some_and(|order| matches!(order.state, OrderState::Held { .. })) {
            self.expiries.remove(id);
        }
    }
}

/// An order that a record makes, before anybody knows of it: it costs no look-up to change.
struct Placed {
    order: Order,
    /// How many notices the record queues.
    notices: usize,
}

impl Placed {
    fn new(event: OrderPlaced) -> Self {
        Self { order: Order::placed(event), notices: 0 }
    }

    /// A record is about one order.
    fn apply(&mut self, event: &OrderEvent) {
        self.notices += usize::from(matches!(event, OrderEvent::NoticeQueued { .. }));
        self.order.apply(event);
    }
}

impl Handler<Committed> for OrderActor {
    type Result = ();

    fn handle(&mut self, Committed(records): Committed, ctx: &mut Self::Context) {
        let now = self.context.clock.now();
        let mut batch = Batch { now, issued: Vec::new(), done: Vec::with_capacity(records.len()) };
        for (lsn, record) in records {
            self.appended = self.appended.saturating_sub(1);
            self.applied = lsn;
            self.guarded(ctx, |actor, _| actor.committed(lsn, record, &mut batch));
        }
        // Before anybody hears of a code it must be known.
        if !batch.issued.is_empty() {
            self.vouchers.do_send(Issue(batch.issued));
        }
        for (hold, reply) in batch.done {
            self.guarded(ctx, |actor, ctx| actor.finish(hold, reply, ctx));
        }
        self.rebuild_if_quiet(ctx);
    }
}

impl Handler<JournalFailed> for OrderActor {
    type Result = ();

    fn handle(&mut self, JournalFailed(holds): JournalFailed, ctx: &mut Self::Context) {
        for hold in holds {
            // Nothing is released: whether it was taken only the disk knows, and nothing is sold
            // from here on until a restart has read it.
            self.appended = self.appended.saturating_sub(1);
            self.guarded(ctx, |actor, ctx| {
                actor.finish(hold, Err(EngineError::OutcomeUnknown), ctx);
            });
        }
    }
}

impl Handler<TooLarge> for OrderActor {
    type Result = ();

    fn handle(&mut self, TooLarge(hold): TooLarge, ctx: &mut Self::Context) {
        self.appended = self.appended.saturating_sub(1);
        self.guarded(ctx, |actor, ctx| {
            actor.give_up_holds(hold);
            actor.finish(hold, Err(crate::engine::Rejection::TooLarge.into()), ctx);
        });
    }
}

/// An order as callers share it.
pub(super) type SharedOrder = Arc<Order>;
