//! What handles, permits and the journal thread share: the queue and the count of permits.
//!
//! The queue has room for every permit, so that sending never waits; whether there is room is decided
//! by the count alone. The thread waits for its token, not in the channel: that would first yield to
//! others a few times, each time for as long as the system lets them work.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use crossbeam_utils::sync::{Parker, Unparker};

use crate::journal::JournalStats;
use crate::journal::commit::{JournalStopped, Refused};
use crate::types::PartitionNo;

pub(super) struct Shared<R> {
    pub(super) stats: JournalStats,
    sender: Sender<(PartitionNo, R)>,
    /// Wakes the thread: there is a record, or it may be time to end.
    unparker: Unparker,
    partitions: usize,
    permits_max: usize,
    permits: AtomicUsize,
    closing: AtomicBool,
    stopped: OnceLock<JournalStopped>,
}

impl<R> Shared<R> {
    pub(super) fn new(
        permits_max: usize,
        partitions: usize,
        stats: JournalStats,
    ) -> (Self, Queue<R>) {
        let (sender, receiver) = bounded(permits_max);
        let parker = Parker::new();
        let shared = Self {
            stats,
            sender,
            unparker: parker.unparker().clone(),
            partitions,
            permits_max,
            permits: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            stopped: OnceLock::new(),
        };
        (shared, Queue { receiver, parker })
    }

    pub(super) fn partitions(&self) -> usize {
        self.partitions
    }

    pub(super) fn in_flight(&self) -> usize {
        self.permits.load(Ordering::Relaxed)
    }

    pub(super) fn stopped(&self) -> Option<&JournalStopped> {
        self.stopped.get()
    }

    pub(super) fn stop(&self, error: JournalStopped) {
        // The first reason stays.
        let _ = self.stopped.set(error);
    }

    /// Counts one permit more.
    ///
    /// The count goes up before `closing` is read, and the thread reads `closing` before the count:
    /// either we see that it is closing, or it sees our permit. All of it is `SeqCst` for that.
    pub(super) fn take(&self) -> Result<(), Refused> {
        let more = |permits| (permits < self.permits_max).then_some(permits + 1);
        let taken = self.permits.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        let refused = if self.stopped.get().is_some() {
            Refused::Stopped
        } else if self.closing.load(Ordering::SeqCst) {
            Refused::ShuttingDown
        } else if taken.is_err() {
            Refused::Full
        } else {
            return Ok(());
        };
        if taken.is_ok() {
            self.give_back(1);
        }
        Err(refused)
    }

    /// Gives permits back: unused, or delivered.
    pub(super) fn give_back(&self, count: usize) {
        let before = self.permits.fetch_sub(count, Ordering::SeqCst);
        if before == count && self.closing.load(Ordering::SeqCst) {
            self.unparker.unpark();
        }
    }

    /// Sends a record under a permit, for which the queue has room. The queue is gone only after the
    /// thread panicked twice.
    pub(super) fn send(&self, partition: PartitionNo, record: R) {
        match self.sender.send((partition, record)) {
            Ok(()) => self.unparker.unpark(),
            Err(_) => self.give_back(1),
        }
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.unparker.unpark();
    }

    /// Whether the thread's work is done. To be asked whenever the queue is empty.
    pub(super) fn is_drained(&self) -> bool {
        self.closing.load(Ordering::SeqCst) && self.permits.load(Ordering::SeqCst) == 0
    }
}

/// The thread's end of the queue.
pub(super) struct Queue<R> {
    receiver: Receiver<(PartitionNo, R)>,
    parker: Parker,
}

impl<R> Queue<R> {
    /// A record that is there already.
    pub(super) fn next(&self) -> Option<(PartitionNo, R)> {
        self.receiver.try_recv().ok()
    }

    /// Waits until something may have changed since this was called last.
    pub(super) fn wait(&self) {
        self.parker.park();
    }
}

impl<R> fmt::Debug for Shared<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("in_flight", &self.in_flight())
            .field("stopped", &self.stopped())
            .finish_non_exhaustive()
    }
}
