//! Saving what has changed, between orders: a step takes changed orders and vouchers in small slices,
//! asks changed participants for their states, and submits all of it as one batch with the position
//! up to which the snapshots then have everything.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::actors::order::OrderActor;
use crate::actors::order::cache::ToSave;
use crate::actors::participant::Saved;
use crate::actors::stored::{order_puts, sequence_put};
use crate::actors::voucher::SaveVouchers;
use crate::snapshot::{Batch, Put, Removal, SnapshotError};
use crate::types::{Lsn, PartitionNo};

/// Ticks between looks for idle participants, and between writes of a watermark alone.
const IDLE_LOOKS: u64 = 16;
/// Slices after the first in one step: a batch is flushed as a whole, so it should not be small.
const SLICES_MAX: u32 = 31;

/// The step under way, if any.
#[derive(Default)]
pub(super) struct Checkpoint {
    step: Option<StepState>,
    /// Whoever waits until nothing is left to save.
    draining: Vec<oneshot::Sender<()>>,
    /// Ticks so far, to look for idle participants only now and then.
    ticks: u64,
    /// The watermark submitted last.
    submitted: Lsn,
    /// Set by the first failure of the snapshots: the journal goes on, the snapshots do not.
    failed: bool,
}

struct StepState {
    puts: Vec<Put>,
    removals: BTreeSet<Removal>,
    /// Slices that may still follow the present one.
    slices_left: u32,
    /// Whether the present slice is the last: participants are asked then.
    is_last: bool,
    /// Participants that have not told their state yet.
    missing: usize,
    vouchers_missing: bool,
    /// Everything up to here is in the snapshots once the batch is. Known with the last slice.
    covered: Lsn,
    submitted: bool,
}

/// The voucher actor's part of a step.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct VouchersSaved {
    pub(crate) puts: Vec<Put>,
    /// First record that the snapshots lack of some voucher after this.
    pub(crate) first_dirty: Option<Lsn>,
}

/// A batch has become durable, or not.
#[derive(Message)]
#[rtype(result = "()")]
struct CheckpointDone(Result<(), SnapshotError>);

/// Saves everything; answered when nothing is left to save.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Drain(pub(crate) oneshot::Sender<()>);

impl OrderActor {
    /// What there is to do from time to time.
    pub(super) fn tick(&mut self, ctx: &mut Context<Self>) {
        self.checkpoint.ticks += 1;
        if self.rebuilding {
            self.rebuild_if_quiet(ctx);
            return;
        }
        self.expire_due(ctx);
        self.begin_step();
        if self.checkpoint.ticks.is_multiple_of(IDLE_LOOKS) {
            let idle = i64::try_from(self.context.config.idle_ms).unwrap_or(i64::MAX);
            let before = self.context.clock.now().plus_millis(-idle);
            self.directory.passivate(before);
            let supplier = &self.context.supplier_id;
            let held = self.expiries.len();
            let active = self.directory.active();
            self.context.metrics.supplier(supplier, active, self.orders.len(), held);
        }
    }

    fn begin_step(&mut self) {
        if self.checkpoint.step.is_some() || self.checkpoint.failed || self.rebuilding {
            return;
        }
        self.checkpoint.step = Some(StepState {
            puts: Vec::new(),
            removals: BTreeSet::new(),
            slices_left: SLICES_MAX,
            is_last: false,
            missing: 0,
            vouchers_missing: false,
            covered: Lsn::ZERO,
            submitted: false,
        });
        self.take_slice();
    }

    /// Adds changed orders to the step, and asks for vouchers and, with the last slice, participants.
    fn take_slice(&mut self) {
        let Some(mut step) = self.checkpoint.step.take() else { return };
        let count = self.context.config.checkpoint_step;
        for ToSave { order, lsn, noted } in self.orders.save(count) {
            order_puts(&order, lsn, noted, &mut step.puts, &mut step.removals);
        }
        step.vouchers_missing = true;
        step.is_last = step.slices_left == 0 || self.orders.first_dirty().is_none();
        step.slices_left = step.slices_left.saturating_sub(1);
        if step.is_last {
            // Read before looking at what is under way: whatever became durable up to here was
            // applied, if nothing of ours is on its way now.
            let durable = self.context.journal.stats().durable_lsn.load(Ordering::Acquire);
            let known = if self.appended == 0 { Lsn::new(durable) } else { self.applied };
            step.missing = self.directory.save(count);
            let firsts = [self.orders.first_dirty(), self.directory.first_dirty()];
            let firsts = firsts.into_iter().flatten();
            step.covered = firsts.fold(known, |lsn, first| lsn.min(before(first)));
            let code = self.context.lane.1.load(Ordering::Acquire);
            let supplier = self.context.supplier;
            step.puts.push(sequence_put(supplier, self.numbers.position(), code, known));
        }
        self.checkpoint.step = Some(step);
        self.vouchers.do_send(SaveVouchers { count: count * 2 });
    }

    /// Submits the step's batch once every part of it is there.
    fn submit_if_complete(&mut self, ctx: &mut Context<Self>) {
        let Some(step) = &mut self.checkpoint.step else { return };
        if step.missing > 0 || step.vouchers_missing || step.submitted {
            return;
        }
        if !step.is_last {
            // A message of its own each, so that sales go on between slices.
            self.take_slice();
            return;
        }
        // A watermark alone is worth a write only now and then: other suppliers raise it all the time.
        let nothing = step.puts.len() == 1 && step.removals.is_empty();
        let due = self.checkpoint.ticks.is_multiple_of(IDLE_LOOKS)
            || !self.checkpoint.draining.is_empty();
        if nothing && (step.covered <= self.checkpoint.submitted || !due) {
            self.end_step(Ok(()));
            return;
        }
        step.submitted = true;
        self.checkpoint.submitted = step.covered;
        let this = ctx.address();
        let batch = Batch {
            // Watermarks are kept by supplier: each has a position of its own.
            partition: PartitionNo::new(self.context.supplier.get()),
            puts: std::mem::take(&mut step.puts),
            removals: std::mem::take(&mut step.removals).into_iter().collect(),
            watermark: step.covered,
            done: Box::new(move |result| this.do_send(CheckpointDone(result))),
        };
        if self.context.cold.snapshots().submit(batch).is_err() {
            // Full or closed: what was taken counts as changed again and is taken at a later tick.
            self.not_saved();
        }
    }

    /// Forgets the step under way; its parts are gone or will be read anew.
    pub(super) fn abandon_step(&mut self) {
        self.checkpoint.step = None;
        self.checkpoint.submitted = Lsn::ZERO;
    }

    /// Tells whoever waits for everything to be saved that no more will be: the journal has it.
    pub(super) fn give_up_draining(&mut self) {
        for waiter in self.checkpoint.draining.drain(..) {
            let _ = waiter.send(());
        }
    }

    /// Whether a batch is on its way to the snapshots.
    pub(super) fn is_saving(&self) -> bool {
        self.checkpoint.step.as_ref().is_some_and(|step| step.submitted)
    }

    fn not_saved(&mut self) {
        self.orders.not_saved();
        self.directory.not_saved();
        self.vouchers.do_send(crate::actors::voucher::VouchersKept { saved: false });
        self.checkpoint.submitted = Lsn::ZERO;
        self.checkpoint.step = None;
    }

    fn end_step(&mut self, result: Result<(), SnapshotError>) {
        match result {
            Ok(()) => {
                let locks = &self.locks;
                self.orders.saved(|order| locks.contains_key(&order));
                self.directory.saved();
                self.vouchers.do_send(crate::actors::voucher::VouchersKept { saved: true });
                self.checkpoint.step = None;
            }
            Err(error) => {
                // What is in memory is right and the journal is the truth; but nothing may be read back.
                tracing::error!(%error, "snapshots have stopped; the journal goes on without them");
                self.not_saved();
                self.checkpoint.failed = true;
                self.context.cold.report_damage(&error.to_string());
            }
        }
        let clean = self.directory.first_dirty().is_none() && self.orders.first_dirty().is_none();
        let more = !clean || !self.checkpoint.draining.is_empty();
        // A watermark that lags behind other suppliers' records would have a start read those again.
        let durable = self.context.journal.stats().durable_lsn.load(Ordering::Acquire);
        let all = clean && self.vouchers_are_clean && self.checkpoint.submitted.get() >= durable;
        if self.checkpoint.failed || (all && self.appended == 0) {
            self.give_up_draining();
        } else if more {
            self.begin_step();
        }
    }
}

impl Handler<Saved> for OrderActor {
    type Result = ();

    fn handle(&mut self, Saved(put): Saved, ctx: &mut Self::Context) {
        let Some(put) = put else {
            // A participant is broken, and with it the step it may have been part of.
            self.begin_rebuild(ctx);
            return;
        };
        if let Some(step) = &mut self.checkpoint.step {
            step.missing = step.missing.saturating_sub(1);
            step.puts.push(put);
            self.guarded(ctx, Self::submit_if_complete);
        }
    }
}

impl Handler<VouchersSaved> for OrderActor {
    type Result = ();

    fn handle(&mut self, message: VouchersSaved, ctx: &mut Self::Context) {
        self.vouchers_are_clean = message.first_dirty.is_none();
        if let Some(step) = &mut self.checkpoint.step {
            step.vouchers_missing = false;
            if step.is_last
                && let Some(first) = message.first_dirty
            {
                step.covered = step.covered.min(before(first));
            }
            step.puts.extend(message.puts);
            self.guarded(ctx, Self::submit_if_complete);
        }
    }
}

impl Handler<CheckpointDone> for OrderActor {
    type Result = ();

    fn handle(&mut self, CheckpointDone(result): CheckpointDone, ctx: &mut Self::Context) {
        if self.checkpoint.step.is_some() {
            self.guarded(ctx, |actor, _| actor.end_step(result));
        }
        self.rebuild_if_quiet(ctx);
    }
}

impl Handler<Drain> for OrderActor {
    type Result = ();

    fn handle(&mut self, Drain(waiter): Drain, _: &mut Self::Context) {
        if self.rebuilding || self.checkpoint.failed {
            // Nothing can be saved, and the journal has everything.
            let _ = waiter.send(());
            return;
        }
        self.checkpoint.draining.push(waiter);
        self.begin_step();
    }
}

fn before(lsn: Lsn) -> Lsn {
    Lsn::new(lsn.get().saturating_sub(1))
}
