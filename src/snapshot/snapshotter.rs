//! The threads around the store: one that writes, a few that read, bounded queues before both.
//!
//! Nobody who submits or loads ever waits here: a full queue refuses at once. Batches that arrive
//! within one interval share one flush.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, select};
use parking_lot::RwLock;

use super::config::SnapshotConfig;
use super::entity::{Put, Removal};
use super::error::SnapshotError;
use super::store::{SnapshotStore, panic_text};
use crate::types::{Lsn, PartitionNo};

/// Nice value of the thread that writes: sales go first, but what they change does not pile up in
/// memory for want of time.
const WRITER_NICE: i32 = 5;

/// Hears once what became of a batch, on the snapshot thread, so it must neither block nor panic.
pub type Done = Box<dyn FnOnce(Result<(), SnapshotError>) + Send>;
/// Makes more of a batch's changes, on the snapshot thread: encoding is not the submitter's work.
pub type Encode = Box<dyn FnOnce(&mut Vec<Put>, &mut Vec<Removal>) + Send>;
/// Reads whatever it likes, on a reader thread. It must not panic, and tells its own outcome.
pub type Read = Box<dyn FnOnce(&SnapshotStore) + Send>;

/// What changed in one partition up to a record. Removals come after puts.
pub struct Batch {
    /// The partition.
    pub partition: PartitionNo,
    /// New states of entities.
    pub puts: Vec<Put>,
    /// Entities that are gone. They disappear together with the rise of the watermark.
    pub removals: Vec<Removal>,
    /// Adds to both before anything is written. Should it panic, the snapshots stop.
    pub encode: Option<Encode>,
    /// With this batch the store has everything the partition did up to here.
    pub watermark: Lsn,
    /// Told `Ok` once all of it, the watermark included, is durable: only then may an entity be
    /// evicted from memory or the journal be truncated.
    pub done: Done,
}

/// Why nothing was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The queue is full; later it may not be.
    #[error("the snapshot queue is full")]
    Full,
    /// The snapshot threads have been told to stop.
    #[error("snapshots are shutting down")]
    Stopped,
}

/// Work that was not queued, given back.
pub struct Refused<T> {
    /// Why.
    pub why: Refusal,
    /// The work.
    pub item: T,
}

/// The running threads. Dropping it finishes what is queued and stops them.
#[derive(Debug)]
pub struct Snapshotter {
    handle: SnapshotHandle,
    threads: Vec<JoinHandle<()>>,
}

/// A way to the snapshot threads, cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct SnapshotHandle(Arc<RwLock<Option<Queues>>>);

/// Taken away at shutdown, under the lock: so whatever was queued is in front of the end.
struct Queues {
    batches: Sender<Batch>,
    reads: Sender<Read>,
}

impl Snapshotter {
    /// Starts the thread `snapshot` and the reader threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(store: &SnapshotStore, config: &SnapshotConfig) -> io::Result<Self> {
        let (batches, batch_queue) = bounded(config.queue_len_max);
        let (reads, read_queue) = bounded(config.load_queue_len_max);
        let handle = SnapshotHandle(Arc::new(RwLock::new(Some(Queues { batches, reads }))));
        let mut snapshotter = Self { handle, threads: Vec::new() };

        let writer = Writer {
            store: store.clone(),
            flush_interval: Duration::from_millis(config.flush_interval_ms),
            flush_changes_max: config.flush_changes_max,
            stopped: None,
        };
        snapshotter.spawn("snapshot".to_owned(), move || {
            // Linux keeps this by thread. Where it fails, nothing but precedence is lost.
            let _ = rustix::process::setpriority_process(None, WRITER_NICE);
            writer.run(&batch_queue);
        })?;
        for number in 1..=config.reader_threads {
            let (store, queue) = (store.clone(), read_queue.clone());
            snapshotter.spawn(format!("snapshot-read-{number}"), move || {
                queue.into_iter().for_each(|read| read(&store));
            })?;
        }
        Ok(snapshotter)
    }

    /// A handle to share.
    #[must_use]
    pub fn handle(&self) -> SnapshotHandle {
        self.handle.clone()
    }

    /// Refuses new work, finishes what is queued and waits for the threads to end.
    pub fn shutdown(self) {
        drop(self);
    }

    fn spawn(&mut self, name: String, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name).spawn(work)?);
        Ok(())
    }
}

impl Drop for Snapshotter {
    fn drop(&mut self) {
        // Without senders the threads see the end of their queues once they are empty.
        drop(self.handle.0.write().take());
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so; the others still have to end.
            let _ = thread.join();
        }
    }
}

impl SnapshotHandle {
    /// Queues a batch. Batches of a partition are written in the order they are submitted.
    ///
    /// # Errors
    /// The batch back, with [`Refusal::Full`] or [`Refusal::Stopped`]; its `done` was not called.
    pub fn submit(&self, batch: Batch) -> Result<(), Refused<Batch>> {
        match self.0.read().as_ref() {
            None => Err(Refused { why: Refusal::Stopped, item: batch }),
            Some(queues) => try_send(&queues.batches, batch),
        }
    }

    /// Has a reader thread read.
    ///
    /// # Errors
    /// What was to be done back, with [`Refusal`].
    pub fn read(&self, read: Read) -> Result<(), Refused<Read>> {
        match self.0.read().as_ref() {
            None => Err(Refused { why: Refusal::Stopped, item: read }),
            Some(queues) => try_send(&queues.reads, read),
        }
    }

    /// Batches and reads that wait, for metrics.
    #[must_use]
    pub fn queue_lens(&self) -> (usize, usize) {
        let queues = self.0.read();
        queues.as_ref().map_or((0, 0), |queues| (queues.batches.len(), queues.reads.len()))
    }
}

fn try_send<T>(queue: &Sender<T>, item: T) -> Result<(), Refused<T>> {
    queue.try_send(item).map_err(|error| match error {
        TrySendError::Full(item) => Refused { why: Refusal::Full, item },
        TrySendError::Disconnected(item) => Refused { why: Refusal::Stopped, item },
    })
}

/// The thread that writes.
struct Writer {
    store: SnapshotStore,
    flush_interval: Duration,
    flush_changes_max: usize,
    /// Set for good by the first failure: a later watermark would cover what the failure lost.
    stopped: Option<SnapshotError>,
}

/// Batches written but not yet flushed.
#[derive(Default)]
struct Group {
    changes: usize,
    watermarks: BTreeMap<PartitionNo, Lsn>,
    removals: BTreeSet<Removal>,
    waiting: Vec<Done>,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Batch>) {
        while let Ok(first) = queue.recv() {
            let mut group = Group::default();
            self.take(&mut group, first);
            let deadline = crossbeam_channel::after(self.flush_interval);
            while group.changes < self.flush_changes_max {
                select! {
                    recv(queue) -> batch => match batch {
                        Ok(batch) => self.take(&mut group, batch),
                        Err(_) => break,
                    },
                    recv(deadline) -> _ => break,
                }
            }
            self.finish(group);
        }
    }

    fn take(&mut self, group: &mut Group, mut batch: Batch) {
        group.waiting.push(batch.done);
        if self.stopped.is_some() {
            return;
        }
        if let Some(encode) = batch.encode.take() {
            let encode = || encode(&mut batch.puts, &mut batch.removals);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(encode)) {
                let cause = format!("encoding a batch: {}", panic_text(&*panic));
                self.stopped = Some(SnapshotError::WriterStopped { cause });
                return;
            }
        }
        group.changes += batch.puts.len() + batch.removals.len();
        if let Err(error) = self.store.write(&batch.puts) {
            self.stopped = Some(error);
            return;
        }
        if !group.removals.is_empty() {
            for put in batch.puts {
                // It exists again: the removal waiting from an earlier batch must not take it.
                group.removals.remove(&Removal { kind: put.kind, key: put.key });
            }
        }
        group.removals.extend(batch.removals);
        let watermark = group.watermarks.entry(batch.partition).or_insert(batch.watermark);
        *watermark = batch.watermark.max(*watermark);
    }

    fn finish(&mut self, group: Group) {
        let result = match &self.stopped {
            Some(cause) => Err(SnapshotError::WriterStopped { cause: cause.to_string() }),
            None => {
                let watermarks: Vec<_> = group.watermarks.into_iter().collect();
                let removals: Vec<_> = group.removals.into_iter().collect();
                self.store.checkpoint(&watermarks, &removals)
            }
        };
        if let Err(error) = &result
            && self.stopped.is_none()
        {
            self.stopped = Some(error.clone());
        }
        for done in group.waiting {
            done(result.clone());
        }
    }
}

impl fmt::Debug for SnapshotHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (batches, reads) = self.queue_lens();
        write!(f, "SnapshotHandle({batches} batches and {reads} reads waiting)")
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("partition", &self.partition)
            .field("puts", &self.puts.len())
            .field("removals", &self.removals.len())
            .field("watermark", &self.watermark)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refused({})", self.why)
    }
}

#[cfg(test)]
mod tests;
