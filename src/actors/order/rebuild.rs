//! After a bug: the supplier's state in memory is dropped and read anew from snapshots and journal.
//!
//! A broken machine cannot be resumed, since nobody knows how far it got. Commands without a record
//! are given up, records on their way are waited for (they are on the disk or they are not), then
//! everything the snapshots lack is brought up to the journal's end, and the supplier sells again.
//! Other suppliers notice nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use actix::prelude::*;

use crate::actors::EngineError;
use crate::actors::order::{OrderActor, OrderContext};
use crate::actors::stored::Open;
use crate::types::{HoldId, OrderId};

/// The supplier's state has been brought up to the journal's end in the snapshots, or could not be.
#[derive(Message)]
#[rtype(result = "()")]
struct Rebuilt(pub(crate) Result<Vec<(OrderId, Open)>, String>);

impl OrderActor {
    /// Runs `act`; a panic in it is a bug of ours, and after it only the disk can be trusted.
    pub(in crate::actors) fn guarded(
        &mut self,
        ctx: &mut Context<Self>,
        act: impl FnOnce(&mut Self, &mut Context<Self>),
    ) {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            act(self, ctx);
            self.take_answers(ctx);
        }));
        if outcome.is_err() {
            tracing::error!(supplier = %self.context.supplier, "an order actor panicked");
            self.begin_rebuild(ctx);
        }
    }

    pub(super) fn begin_rebuild(&mut self, ctx: &mut Context<Self>) {
        if self.rebuilding {
            return;
        }
        tracing::warn!(supplier = %self.context.supplier, "rebuilding a supplier after a fault");
        self.context.metrics.rebuild(&self.context.supplier_id);
        self.rebuilding = true;
        let undecided: Vec<HoldId> = self
            .running
            .iter()
            .filter(|(_, running)| running.is_undecided())
            .map(|(hold, _)| *hold)
            .collect();
        for hold in undecided {
            self.give_up(hold, ctx);
        }
        self.rebuild_if_quiet(ctx);
    }

    /// Answers whoever a fault has cut off from the command they waited for.
    fn answer_the_lost(&mut self) {
        let lost = self.keys.drain().flat_map(|(_, waiting)| waiting);
        let lost: Vec<_> =
            lost.chain(self.locks.drain().flat_map(|(_, waiting)| waiting)).collect();
        for submit in lost {
            submit.answer(Err(EngineError::OutcomeUnknown));
        }
        for (_, running) in self.running.drain() {
            running.caller.answer(Err(EngineError::OutcomeUnknown));
        }
    }

    /// Goes on with a rebuild once no record and no batch is on its way.
    pub(super) fn rebuild_if_quiet(&mut self, ctx: &mut Context<Self>) {
        // A batch still on its way would overwrite what is read anew.
        if !self.rebuilding || self.reading_anew || self.appended > 0 || self.is_saving() {
            return;
        }
        self.reading_anew = true;
        self.directory.forget();
        for waiting in self.orders.forget() {
            self.with_fetched(waiting, &Err(EngineError::Overloaded));
        }
        self.abandon_step();
        self.vouchers.do_send(crate::actors::voucher::Forget);
        let this = ctx.address();
        let OrderContext { rebuilder, supplier, .. } = &self.context;
        rebuilder.rebuild(*supplier, move |result| this.do_send(Rebuilt(result)));
    }
}

impl Handler<Rebuilt> for OrderActor {
    type Result = ();

    fn handle(&mut self, Rebuilt(result): Rebuilt, _: &mut Self::Context) {
        match result {
            Ok(open) => {
                self.answer_the_lost();
                self.expiries = super::expiry::Expiries::new(super::unpaid(&open));
                self.expiring = super::expiry::Expiring::default();
                self.reading_anew = false;
                self.rebuilding = false;
                self.vouchers.do_send(crate::actors::voucher::Resume);
                for (order, open) in open {
                    // Most are known already; those of records that met the fault are not.
                    if let Some(agent) = open.notices {
                        self.context.callbacks.queued(agent, order);
                    }
                }
                tracing::info!(supplier = %self.context.supplier, "the supplier sells again");
            }
            Err(error) => {
                // It stays out of service; a restart tries again with everything read anew. Until
                // then nobody waits for it.
                self.answer_the_lost();
                self.give_up_draining();
                tracing::error!(supplier = %self.context.supplier, %error, "a rebuild has failed");
                self.context.cold.report_damage(&error.to_string());
            }
        }
    }
}
