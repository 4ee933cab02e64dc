//! The threads around the store: one that writes, a few that read, bounded queues before both.
//!
//! Nobody who submits or loads ever waits here: a full queue refuses at once. Batches that arrive
//! within one interval share one flush.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::mem::take;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, select};
use parking_lot::RwLock;

use super::config::SnapshotConfig;
use super::entity::{Put, Removal};
use super::error::SnapshotError;
use super::pace::{Backlog, BacklogShare, Pace, Turns};
use super::sink::{Removals, Sink};
use super::store::{SnapshotStore, panic_text};
use crate::types::{Lsn, PartitionNo};

/// Hears once that a batch can be read, on the snapshot thread, so it must neither block nor panic.
pub type Written = Box<dyn FnOnce() + Send>;
/// Hears once what became of a batch, on the snapshot thread, so it must neither block nor panic.
pub type Done = Box<dyn FnOnce(Result<(), SnapshotError>) + Send>;
/// Makes more of a batch's changes, on the snapshot thread: encoding is not the submitter's work.
pub type Encode = Box<dyn FnOnce(&mut Sink<'_>) + Send>;
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
    /// Makes further changes, after `puts` and before `removals`. Should it panic, the snapshots stop.
    pub encode: Option<Encode>,
    /// With this batch the store has everything the partition did up to here.
    pub watermark: Lsn,
    /// Called once the store gives its entities to whoever loads them: from then on they need not be kept
    /// elsewhere as long as this process lives. Not called should writing fail.
    pub written: Option<Written>,
    /// Told `Ok` once all of it, the watermark included, is durable: only then is it there after a crash
    /// without the journal.
    pub done: Done,
}

/// What recovery has written and nobody has made durable yet. The first flush does.
#[derive(Clone, Debug, Default)]
pub struct Unsaved {
    /// Up to where the store has everything, by partition.
    pub watermarks: Vec<(PartitionNo, Lsn)>,
    /// Entities that are gone.
    pub removals: Vec<Removal>,
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
pub struct SnapshotHandle {
    queues: Arc<RwLock<Option<Queues>>>,
    backlog: Backlog,
}

/// Taken away at shutdown, under the lock: so whatever was queued is in front of the end.
struct Queues {
    batches: Sender<Batch>,
    reads: Sender<Read>,
}

impl Snapshotter {
    /// Starts the thread that writes and the reader threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(store: &SnapshotStore, config: &SnapshotConfig) -> io::Result<Self> {
        Self::resume(store, config, Unsaved::default())
    }

    /// The same with something that is to be made durable in any case.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn resume(
        store: &SnapshotStore,
        config: &SnapshotConfig,
        unsaved: Unsaved,
    ) -> io::Result<Self> {
        let (batches, batch_queue) = bounded(config.queue_len_max);
        let (reads, read_queue) = bounded(config.load_queue_len_max);
        let queues = Arc::new(RwLock::new(Some(Queues { batches, reads })));
        let backlog = Backlog::default();
        let turns = Turns::new(backlog.clone(), config.backlog_max);
        let handle = SnapshotHandle { queues, backlog };
        let mut snapshotter = Self { handle, threads: Vec::new() };

        let writer =
            Writer { store: store.clone(), group: Group::of(unsaved), turns, stopped: None };
        let flush_interval = Duration::from_millis(config.flush_interval_ms);
        let flush_changes_max = config.flush_changes_max;
        snapshotter.spawn("snapshot".to_owned(), move || {
            writer.run(&batch_queue, flush_interval, flush_changes_max);
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
        drop(self.handle.queues.write().take());
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
        match self.queues.read().as_ref() {
            None => Err(Refused { why: Refusal::Stopped, item: batch }),
            Some(queues) => try_send(&queues.batches, batch),
        }
    }

    /// Has a reader thread read.
    ///
    /// # Errors
    /// What was to be done back, with [`Refusal`].
    pub fn read(&self, read: Read) -> Result<(), Refused<Read>> {
        match self.queues.read().as_ref() {
            None => Err(Refused { why: Refusal::Stopped, item: read }),
            Some(queues) => try_send(&queues.reads, read),
        }
    }

    /// A share of what waits in memory to be submitted, for the submitter to keep true: the more waits, the
    /// less saving gives way to others.
    #[must_use]
    pub fn backlog_share(&self) -> BacklogShare {
        self.backlog.share()
    }

    /// Changed orders that wait until they are durable, as all who have a share say.
    #[must_use]
    pub fn backlog_len(&self) -> usize {
        self.backlog.len()
    }

    /// Batches and reads that wait, for metrics.
    #[must_use]
    pub fn queue_lens(&self) -> (usize, usize) {
        let queues = self.queues.read();
        queues.as_ref().map_or((0, 0), |queues| (queues.batches.len(), queues.reads.len()))
    }
}

fn try_send<T>(queue: &Sender<T>, item: T) -> Result<(), Refused<T>> {
    queue.try_send(item).map_err(|error| match error {
        TrySendError::Full(item) => Refused { why: Refusal::Full, item },
        TrySendError::Disconnected(item) => Refused { why: Refusal::Stopped, item },
    })
}

/// What writes.
struct Writer {
    store: SnapshotStore,
    group: Group,
    turns: Turns,
    /// Set for good by the first failure: a later watermark would cover what the failure lost.
    stopped: Option<SnapshotError>,
}

/// Batches written but not yet flushed.
#[derive(Default)]
struct Group {
    changes: usize,
    watermarks: BTreeMap<PartitionNo, Lsn>,
    removals: Removals,
    waiting: Vec<Done>,
}

impl Group {
    fn of(Unsaved { watermarks, removals }: Unsaved) -> Self {
        let mut group = Self { watermarks: watermarks.into_iter().collect(), ..Self::default() };
        group.removals.extend(removals);
        group
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.watermarks.is_empty() && self.removals.is_empty()
    }
}

impl Writer {
    /// Writes what is submitted until nobody can submit any more. Batches of one interval share a flush.
    fn run(mut self, queue: &Receiver<Batch>, flush_interval: Duration, flush_changes_max: usize) {
        loop {
            if self.group.is_empty() {
                let Ok(first) = queue.recv() else { return };
                self.take(first);
            }
            let deadline = crossbeam_channel::after(flush_interval);
            while self.group.changes < flush_changes_max {
                select! {
                    recv(queue) -> batch => match batch {
                        Ok(batch) => self.take(batch),
                        Err(_) => break,
                    },
                    recv(deadline) -> _ => break,
                }
            }
            self.finish();
        }
    }

    fn take(&mut self, batch: Batch) {
        let Batch { partition, puts, removals, encode, watermark, written, done } = batch;
        let group = &mut self.group;
        group.waiting.push(done);
        if self.stopped.is_some() {
            return;
        }
        // What exists again is not taken by a removal that waits from an earlier batch.
        let mut sink = Sink::new(&self.store, &mut group.removals, Pace::Turns(&self.turns));
        let made = catch_unwind(AssertUnwindSafe(|| {
            puts.iter().for_each(|put| sink.put_encoded(put));
            if let Some(encode) = encode {
                encode(&mut sink);
            }
            removals.into_iter().for_each(|removal| sink.remove(removal));
        }));
        let taken = match made {
            Ok(()) => sink.finish(),
            Err(panic) => {
                let cause = format!("encoding a batch: {}", panic_text(&*panic));
                Err(SnapshotError::WriterStopped { cause })
            }
        };
        match taken {
            Ok(changes) => group.changes += changes,
            Err(error) => {
                self.stopped = Some(error);
                return;
            }
        }
        if let Some(written) = written {
            written();
        }
        let at = group.watermarks.entry(partition).or_insert(watermark);
        *at = watermark.max(*at);
    }

    fn finish(&mut self) {
        let group = take(&mut self.group);
        let result = match &self.stopped {
            Some(cause) => Err(SnapshotError::WriterStopped { cause: cause.to_string() }),
            None => {
                let watermarks: Vec<_> = group.watermarks.into_iter().collect();
                let removals = group.removals.into_list();
                self.store.checkpoint_at(Pace::Turns(&self.turns), &watermarks, &removals)
            }
        };
        if let Err(error) = &result
            && self.stopped.is_none()
        {
            tracing::error!(%error, "snapshots have stopped; the journal goes on without them");
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
