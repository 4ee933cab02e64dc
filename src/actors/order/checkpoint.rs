//! Saving what has changed, between orders: a step takes changed orders and vouchers in small slices,
//! asks changed participants for their states, and submits all of it as one batch with the position
//! up to which the snapshots then have everything.
//!
//! A step costs sales as little as can be: orders and vouchers are only shared here and encoded by the
//! snapshots' own thread, and what changes again and again (slots, accounts) is saved once an interval.

use std::collections::VecDeque;
use std::mem::take;
use std::sync::atomic::Ordering;

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::actors::order::OrderActor;
use crate::actors::order::cache::ToSave;
use crate::actors::participant::{Saved, State};
use crate::actors::stored::{save_order, save_voucher, sequence_put};
use crate::actors::voucher::{EvictVouchers, SaveVouchers, VouchersKept};
use crate::domain::voucher::Voucher;
use crate::snapshot::{BacklogShare, Batch, Encode, Put, Sink, SnapshotError};
use crate::types::{Lsn, PartitionNo};

/// Ticks between looks for idle participants, and between writes of a watermark alone.
const IDLE_LOOKS: u64 = 16;
/// Slices of orders in one step: what it took can be read, and dropped here, once all of it is written, so
/// it should not be huge; and each step asks every participant that has changed, so it should not be small.
const SLICES_MAX: usize = 128;

/// Vouchers taken for each order of a slice, so that they do not fall behind orders of many tickets.
const VOUCHERS_PER_ORDER: usize = 8;

/// The step under way, if any.
#[derive(Default)]
pub(super) struct Checkpoint {
    step: Option<StepState>,
    /// Whoever waits until nothing is left to save.
    draining: Vec<oneshot::Sender<()>>,
    /// Ticks so far, to look for idle participants only now and then.
    ticks: u64,
    /// Tick of the last step.
    last_step: Option<u64>,
    /// The watermark submitted last.
    submitted: Lsn,
    /// Batches submitted that are not durable yet, and have not failed.
    under_way: usize,
    /// Orders of each batch that can be read from the snapshots but is not durable there yet.
    written: VecDeque<usize>,
    /// Whether what has been saved is being put away.
    settling: bool,
    /// How much waits here until it is durable in the snapshots, as their thread knows it.
    backlog: Option<BacklogShare>,
    /// Set by the first failure of the snapshots: the journal goes on, the snapshots do not.
    failed: bool,
}

struct StepState {
    /// By slice, like the vouchers: joined they would be copied again and again.
    orders: Vec<Vec<ToSave>>,
    vouchers: Vec<Vec<(Voucher, Lsn)>>,
    /// Participants' states, and the supplier's position.
    puts: Vec<Put>,
    /// What participants have become, to be encoded with the orders.
    changes: Vec<Encode>,
    /// Slices of orders that may still follow the present one.
    slices_left: usize,
    /// Slices of participants still to be asked, once orders are taken.
    participants_left: Option<usize>,
    /// Whether the present slice is the last.
    is_last: bool,
    /// Participants that have not told their state yet.
    missing: usize,
    vouchers_missing: bool,
    /// Everything up to here is in the snapshots once the batch is. Known with the last slice.
    covered: Lsn,
    submitted: bool,
}

impl StepState {
    const fn new() -> Self {
        Self {
            orders: Vec::new(),
            vouchers: Vec::new(),
            puts: Vec::new(),
            changes: Vec::new(),
            slices_left: SLICES_MAX - 1,
            participants_left: None,
            is_last: false,
            missing: 0,
            vouchers_missing: false,
            covered: Lsn::ZERO,
            submitted: false,
        }
    }

    /// Encodes the orders and vouchers taken so far.
    fn encode(&mut self) -> Encode {
        let (orders, vouchers) = (take(&mut self.orders), take(&mut self.vouchers));
        let changes = take(&mut self.changes);
        Box::new(move |sink: &mut Sink<'_>| {
            changes.into_iter().for_each(|encode| encode(sink));
            // Slice by slice: what is done with need not wait for the rest to be freed.
            for ToSave { order, lsn, known } in orders.into_iter().flatten() {
                save_order(&order, lsn, known, sink);
            }
            for (voucher, lsn) in vouchers.into_iter().flatten() {
                save_voucher(&voucher, lsn, sink);
            }
        })
    }
}

/// The voucher actor's part of a step.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct VouchersSaved {
    pub(crate) vouchers: Vec<(Voucher, Lsn)>,
    /// First record that the snapshots lack of some voucher after this.
    pub(crate) first_dirty: Option<Lsn>,
}

/// The voucher actor has dropped some of what it need not keep.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct VouchersEvicted {
    /// Whether there is more to drop.
    pub(crate) more: bool,
}

/// The step's batch can be read from the snapshots.
#[derive(Message)]
#[rtype(result = "()")]
struct CheckpointWritten;

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
        self.tell_backlog();
        if self.is_step_due() {
            self.begin_step();
        }
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

    /// Whether an interval has passed since the last step, or enough has changed meanwhile.
    fn is_step_due(&self) -> bool {
        let config = &self.context.config;
        let ticks = (config.checkpoint_interval_ms / config.tick_ms).max(1);
        let passed = |last: u64| self.checkpoint.ticks.saturating_sub(last) >= ticks;
        self.checkpoint.last_step.is_none_or(passed) || self.is_behind()
    }

    /// Whether more has changed than a step takes.
    fn is_behind(&self) -> bool {
        self.orders.dirty_len() >= self.context.config.checkpoint_step * SLICES_MAX
    }

    /// Tells the snapshots' thread how much waits here: what is not written costs memory, and what is not
    /// durable a start after a crash reads from the journal.
    fn tell_backlog(&mut self) {
        let snapshots = self.context.cold.snapshots();
        let share = self.checkpoint.backlog.get_or_insert_with(|| snapshots.backlog_share());
        share.set(self.orders.unsaved_len() + self.checkpoint.written.iter().sum::<usize>());
    }

    fn begin_step(&mut self) {
        if self.checkpoint.step.is_some() || self.checkpoint.failed || self.rebuilding {
            return;
        }
        self.checkpoint.last_step = Some(self.checkpoint.ticks);
        self.checkpoint.step = Some(StepState::new());
        self.take_slice();
    }

    /// Adds changed orders to the step and asks for vouchers; once all are taken, asks participants.
    fn take_slice(&mut self) {
        let Some(mut step) = self.checkpoint.step.take() else { return };
        let count = self.context.config.checkpoint_step;
        if step.participants_left.is_none() {
            let orders = self.orders.save(count);
            if !orders.is_empty() {
                step.orders.push(orders);
            }
            if step.slices_left == 0 || self.orders.first_dirty().is_none() {
                let slices = self.directory.dirty_len().div_ceil(count).max(1);
                step.participants_left = Some(slices);
            }
            step.slices_left = step.slices_left.saturating_sub(1);
        }
        if let Some(left) = &mut step.participants_left {
            *left -= 1;
            step.is_last = *left == 0;
            // Read before looking at what is under way: whatever became durable up to here was
            // applied, if nothing of ours is on its way now.
            let durable = self.context.journal.stats().durable_lsn.load(Ordering::Acquire);
            let known = if self.appended == 0 { Lsn::new(durable) } else { self.applied };
            step.missing = self.directory.save(count);
            let firsts = [self.orders.first_dirty(), self.directory.first_dirty()];
            let firsts = firsts.into_iter().flatten();
            step.covered = firsts.fold(known, |lsn, first| lsn.min(before(first)));
            if step.is_last {
                let code = self.context.lane.1.load(Ordering::Acquire);
                let supplier = self.context.supplier;
                step.puts.push(sequence_put(supplier, self.numbers.position(), code, known));
            }
        }
        step.vouchers_missing = true;
        self.checkpoint.step = Some(step);
        self.vouchers.do_send(SaveVouchers { count: count * VOUCHERS_PER_ORDER });
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
        let nothing = step.puts.len() == 1
            && step.changes.is_empty()
            && step.orders.is_empty()
            && step.vouchers.is_empty();
        let due = self.checkpoint.ticks.is_multiple_of(IDLE_LOOKS)
            || !self.checkpoint.draining.is_empty();
        if nothing && (step.covered <= self.checkpoint.submitted || !due) {
            self.end_step();
            return;
        }
        step.submitted = true;
        self.checkpoint.submitted = step.covered;
        let (this, written_to) = (ctx.address(), ctx.address());
        let batch = Batch {
            // Watermarks are kept by supplier: each has a position of its own.
            partition: PartitionNo::new(self.context.supplier.get()),
            encode: Some(step.encode()),
            puts: take(&mut step.puts),
            removals: Vec::new(),
            watermark: step.covered,
            written: Some(Box::new(move || written_to.do_send(CheckpointWritten))),
            done: Box::new(move |result| this.do_send(CheckpointDone(result))),
        };
        if self.context.cold.snapshots().submit(batch).is_ok() {
            self.checkpoint.under_way += 1;
        } else {
            // Full or closed: what was taken counts as changed again and is taken at a later tick.
            self.not_saved();
        }
    }

    /// Forgets the step under way; its parts are gone or will be read anew.
    pub(super) fn abandon_step(&mut self) {
        self.checkpoint.step = None;
        self.checkpoint.submitted = Lsn::ZERO;
        // The fault may have struck between two slices.
        self.checkpoint.settling = false;
        self.checkpoint.written.clear();
        self.tell_backlog();
    }

    /// Tells whoever waits for everything to be saved that no more will be: the journal has it.
    pub(super) fn give_up_draining(&mut self) {
        for waiter in self.checkpoint.draining.drain(..) {
            let _ = waiter.send(());
        }
    }

    /// Whether a batch is on its way to the disk.
    pub(super) fn is_saving(&self) -> bool {
        self.checkpoint.under_way > 0
    }

    fn not_saved(&mut self) {
        self.orders.not_saved();
        self.directory.not_saved();
        self.vouchers.do_send(VouchersKept { saved: false });
        self.checkpoint.submitted = Lsn::ZERO;
        self.checkpoint.step = None;
    }

    /// Everything the step took can be read from the snapshots. It is not durable yet, but the journal has
    /// it, and nobody reads the journal to answer a question.
    fn end_step(&mut self) {
        let written = self.orders.saved();
        // A step with nothing to write had no batch, so nothing will say that it has become durable.
        if self.checkpoint.step.take().is_some_and(|step| step.submitted) {
            self.checkpoint.written.push_back(written);
        }
        self.directory.saved();
        self.vouchers.do_send(VouchersKept { saved: true });
        self.tell_backlog();
        if !self.checkpoint.settling {
            self.checkpoint.settling = true;
            self.settle();
        }
        self.go_on();
    }

    /// Puts away a little of what has been saved, here and then with the vouchers: two actors that answer each
    /// other let everybody else have a turn.
    fn settle(&mut self) {
        let count = self.context.config.checkpoint_step;
        self.vouchers.do_send(EvictVouchers { count: 2 * count });
    }

    /// What is in memory is right and the journal is the truth; but nothing may be read back.
    fn fail(&mut self, error: &SnapshotError) {
        if self.checkpoint.step.as_ref().is_some_and(|step| step.submitted) {
            self.not_saved();
        }
        self.checkpoint.failed = true;
        self.context.cold.report_damage(&error.to_string());
        self.go_on();
    }

    /// Begins the next step if one is due, and tells whoever waits when there is nothing left to save.
    fn go_on(&mut self) {
        let clean = self.directory.first_dirty().is_none() && self.orders.first_dirty().is_none();
        let more = self.is_behind() || !self.checkpoint.draining.is_empty();
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

    fn handle(&mut self, Saved(state): Saved, ctx: &mut Self::Context) {
        let Some(state) = state else {
            // A participant is broken, and with it the step it may have been part of.
            self.begin_rebuild(ctx);
            return;
        };
        if let Some(step) = &mut self.checkpoint.step {
            step.missing = step.missing.saturating_sub(1);
            match state {
                State::Whole(put) => step.puts.push(put),
                State::Changes(encode) => step.changes.push(encode),
            }
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
            if !message.vouchers.is_empty() {
                step.vouchers.push(message.vouchers);
            }
            self.guarded(ctx, Self::submit_if_complete);
        }
    }
}

impl Handler<VouchersEvicted> for OrderActor {
    type Result = ();

    fn handle(&mut self, VouchersEvicted { more }: VouchersEvicted, ctx: &mut Self::Context) {
        self.guarded(ctx, |actor, _| {
            let (locks, count) = (&actor.locks, actor.context.config.checkpoint_step);
            let more_here = actor.orders.settle(count, |order| locks.contains_key(&order));
            actor.checkpoint.settling = more || more_here;
            if actor.checkpoint.settling {
                actor.settle();
            }
        });
    }
}

impl Handler<CheckpointWritten> for OrderActor {
    type Result = ();

    fn handle(&mut self, _: CheckpointWritten, ctx: &mut Self::Context) {
        if self.checkpoint.step.as_ref().is_some_and(|step| step.submitted) {
            self.guarded(ctx, |actor, _| actor.end_step());
        }
    }
}

impl Handler<CheckpointDone> for OrderActor {
    type Result = ();

    fn handle(&mut self, CheckpointDone(result): CheckpointDone, ctx: &mut Self::Context) {
        self.checkpoint.under_way = self.checkpoint.under_way.saturating_sub(1);
        // Batches become durable in the order they were written.
        self.checkpoint.written.pop_front();
        if let Err(error) = result {
            self.guarded(ctx, |actor, _| actor.fail(&error));
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
