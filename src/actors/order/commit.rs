//! What happens when records have become durable, or not.

use std::sync::Arc;

use actix::prelude::*;

use crate::actors::EngineError;
use crate::actors::order::{OrderActor, Reply};
use crate::actors::record::{Origin, Record};
use crate::actors::request_keys::KeyFingerprint;
use crate::actors::voucher::Issue;
use crate::domain::order::{OrderEvent, OrderState};
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
        for event in record.transaction.events {
            match event {
                Event::Order(event) => {
                    about = Some(event.order());
                    self.apply_order(lsn, event);
                }
                Event::Voucher(VoucherEvent::Issued(voucher)) => batch.issued.push((lsn, voucher)),
                other => self.directory.apply(Some(hold), lsn, other, batch.now),
            }
        }
        let reply = match about.map(|id| self.orders.get(id)) {
            Some(Some(order)) => Ok(Reply::Order(order)),
            // Its order is gone from memory although it was locked there.
            Some(None) => Err(EngineError::OutcomeUnknown),
            // Money was credited.
            None => Ok(Reply::Done),
        };
        batch.done.push((hold, reply));
    }

    fn apply_order(&mut self, lsn: Lsn, event: OrderEvent) {
        let id = event.order();
        let is_notice = matches!(event, OrderEvent::NoticeQueued { .. });
        match event {
            OrderEvent::Placed(placed) => {
                self.expiries.add(placed.expires_at, id);
                let order = crate::domain::order::Order::placed(*placed);
                if let Some(key) = &order.request_key {
                    let key = KeyFingerprint::new(order.agent, key);
                    self.context.request_keys.set_order(key, id);
                }
                self.orders.insert(lsn, order);
            }
            event => {
                if let OrderEvent::Extended { expires_at, .. } = &event {
                    self.expiries.add(*expires_at, id);
                }
                self.orders.update(id, lsn, |order| order.apply(&event));
            }
        }
        if is_notice && let Some(order) = self.orders.get(id) {
            self.context.callbacks.queued(order.agent, id);
        }
        let held = self.orders.get(id).is_some_and(|o| matches!(o.state, OrderState::Held { .. }));
        if !held {
            self.expiries.remove(id);
        }
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
pub(super) type SharedOrder = Arc<crate::domain::order::Order>;
