//! What handles, permits and the journal thread share: the queue and the count of permits.
//!
//! The queue has room for every permit, so that sending never waits; whether there is room is decided
//! by the count alone.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::journal::JournalStats;
use crate::journal::commit::{JournalStopped, Refused};
use crate::types::PartitionNo;

/// What the journal thread is sent.
pub(super) enum Message<R> {
    /// A record, with its permit.
    Append(PartitionNo, R),
    /// Look whether it is time to end.
    Wake,
}

pub(super) struct Shared<R> {
    pub(super) stats: JournalStats,
    sender: Sender<Message<R>>,
    partitions: usize,
    permits_max: usize,
    permits: AtomicUsize,
    closing: AtomicBool,
    /// Whether a [`Message::Wake`] is queued: there is room for one beside the permits' records.
    waking: AtomicBool,
    stopped: OnceLock<JournalStopped>,
}

impl<R> Shared<R> {
    pub(super) fn new(
        permits_max: usize,
        partitions: usize,
        stats: JournalStats,
    ) -> (Self, Receiver<Message<R>>) {
        let (sender, receiver) = bounded(permits_max + 1);
        let shared = Self {
            stats,
            sender,
            partitions,
            permits_max,
            permits: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            waking: AtomicBool::new(false),
            stopped: OnceLock::new(),
        };
        (shared, receiver)
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
            self.wake();
        }
    }

    /// Sends a record under a permit, for which the queue has room. The queue is gone only after the
    /// thread panicked twice.
    pub(super) fn send(&self, partition: PartitionNo, record: R) {
        if self.sender.send(Message::Append(partition, record)).is_err() {
            self.give_back(1);
        }
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Whether the thread's work is done. To be asked after every message.
    pub(super) fn is_drained(&self) -> bool {
        self.closing.load(Ordering::SeqCst) && self.permits.load(Ordering::SeqCst) == 0
    }

    /// Called by the thread when it receives [`Message::Wake`].
    pub(super) fn woken(&self) {
        self.waking.store(false, Ordering::SeqCst);
    }

    fn wake(&self) {
        if !self.waking.swap(true, Ordering::SeqCst) {
            // It fails when the thread has ended, and then there is nobody to wake.
            let _ = self.sender.try_send(Message::Wake);
        }
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
