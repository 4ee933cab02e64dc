//! Group commit: one thread that turns appended records into durable groups and hands them back.
//!
//! A caller takes a [`Permit`] before it decides anything, so that it can be refused while nothing is
//! held, and appends with it afterwards, which cannot be refused. `docs/adr/0002-journal.md`, "Group
//! commit". The thread knows no timers and never waits for a group to fill: whatever queued up while
//! the last group was being synced is the next group.

mod permits;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::journal::{JournalConfig, JournalConfigError, JournalStats, Log, LogError, Record};
use crate::scheduling;
use crate::types::{Lsn, PartitionNo};
use permits::Shared;
use writer::Writer;

/// The journal thread. Dropping it begins a shutdown without waiting for the end.
#[derive(Debug)]
pub struct Journal<R: Record> {
    handle: JournalHandle<R>,
    thread: Option<JoinHandle<()>>,
}

/// Appends to a [`Journal`]; cheap to clone.
#[derive(Debug)]
pub struct JournalHandle<R> {
    shared: Arc<Shared<R>>,
}

/// The right to append one record. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "a permit that is dropped appends nothing"]
pub struct Permit<R> {
    shared: Arc<Shared<R>>,
    /// Whether it went with a record, and is given back when that has been delivered.
    used: bool,
}

/// Why there is no permit. Nothing was decided, so the request may safely be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// An append failed earlier: only a restart helps.
    #[error("the journal has stopped after a failure")]
    Stopped,
    /// The journal takes no new work.
    #[error("the journal is shutting down")]
    ShuttingDown,
    /// As many records as allowed are in flight.
    #[error("the journal is busy")]
    Full,
}

/// Receives what became of one partition's records. Called on the journal thread, so it passes on
/// and returns: while it runs, nobody's records become durable.
pub trait CommitSink<R>: Send + 'static {
    /// These records are durable. In log order, each exactly once.
    fn committed(&mut self, batch: Vec<(Lsn, R)>);

    /// This record is too large. It was not written and never will be, and the journal goes on:
    /// whatever it would have confirmed is to be released.
    fn refused(&mut self, record: R, reason: RecordTooLarge);

    /// The journal has stopped and the outcome of these records is unknown: some may be durable, which
    /// opening the log again will tell. Called with whatever was in flight, then with what is
    /// appended later under permits given out before.
    fn stopped(&mut self, batch: Vec<R>, error: &JournalStopped);
}

/// Why a record cannot be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of {bytes} bytes exceeds the journal's maximum of {bytes_max}")]
pub struct RecordTooLarge {
    /// Its encoded length.
    pub bytes: usize,
    /// The longest allowed: [`JournalConfig::record_bytes_max`].
    pub bytes_max: usize,
}

/// Why the journal stopped for ever.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the journal has stopped: {cause}")]
pub struct JournalStopped {
    cause: Arc<StopCause>,
}

#[derive(Debug)]
enum StopCause {
    Log(LogError),
    Panic(String),
}

/// Why a journal could not be spawned.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] JournalConfigError),
    /// The operating system gives no thread.
    #[error("cannot start the journal thread: {0}")]
    Thread(#[from] io::Error),
}

impl<R: Record> Journal<R> {
    /// Starts the thread. `sinks[n]` receives what is appended for partition `n`; `nanos` is a
    /// monotonic clock in nanoseconds, read for statistics only.
    ///
    /// # Errors
    /// [`SpawnError`].
    pub fn spawn<L: Log>(
        log: L,
        config: &JournalConfig,
        sinks: Vec<Box<dyn CommitSink<R>>>,
        nanos: fn() -> u64,
    ) -> Result<Self, SpawnError> {
        config.validate()?;
        let stats = JournalStats::new(log.next_lsn().get() - 1);
        let (shared, queue) = Shared::new(config.queue_len_max as usize, sinks.len(), stats);
        let shared = Arc::new(shared);
        let writer =
            Writer::new(log, config.group_limits(), queue, Arc::clone(&shared), sinks, nanos);
        let thread = thread::Builder::new().name("journal".into()).spawn(move || {
            // Everybody waits for this thread, so it waits for nobody.
            let _ = scheduling::at_once();
            writer.run();
        })?;
        Ok(Self { handle: JournalHandle { shared }, thread: Some(thread) })
    }

    /// A handle to append with.
    #[must_use]
    pub fn handle(&self) -> JournalHandle<R> {
        self.handle.clone()
    }

    /// Refuses new permits, waits until every permit given out has been used and delivered, or given
    /// back, and ends the thread. The log and with it its lock are released by then.
    ///
    /// # Errors
    /// [`JournalStopped`] when the journal had stopped, before or meanwhile.
    pub fn shutdown(mut self) -> Result<(), JournalStopped> {
        self.handle.shared.close();
        if let Some(thread) = self.thread.take() {
            // A panic has been turned into `stopped` before it gets here.
            drop(thread.join());
        }
        self.handle.stopped().map_or(Ok(()), Err)
    }
}

impl<R: Record> Drop for Journal<R> {
    fn drop(&mut self) {
        self.handle.shared.close();
    }
}

impl<R: Record> JournalHandle<R> {
    /// Takes the right to append one record. Never blocks.
    ///
    /// # Errors
    /// [`Refused`], in the order of its variants.
    pub fn permit(&self) -> Result<Permit<R>, Refused> {
        self.shared.take()?;
        Ok(Permit { shared: Arc::clone(&self.shared), used: false })
    }

    /// Counters for metrics.
    #[must_use]
    pub fn stats(&self) -> &JournalStats {
        &self.shared.stats
    }

    /// Records in flight: permits given out and not delivered or given back.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight()
    }

    /// Why the journal has stopped, if it has.
    #[must_use]
    pub fn stopped(&self) -> Option<JournalStopped> {
        self.shared.stopped().cloned()
    }
}

impl<R> Clone for JournalHandle<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<R> Permit<R> {
    /// Queues `record`. What becomes of it is told to the sink of `partition`, in every case but one:
    /// should a sink panic, and panic again when told that the journal has stopped, records still
    /// queued are dropped.
    ///
    /// # Panics
    /// If there is no sink for `partition`: the number of partitions is stamped into the store, so
    /// nothing outside the program leads to a wrong one.
    pub fn append(mut self, partition: PartitionNo, record: R) {
        assert!(
            usize::from(partition.get()) < self.shared.partitions(),
            "partition {partition} has a commit sink"
        );
        self.used = true;
        self.shared.send(partition, record);
    }
}

impl<R> Drop for Permit<R> {
    fn drop(&mut self) {
        if !self.used {
            self.shared.give_back(1);
        }
    }
}

impl JournalStopped {
    fn log(error: LogError) -> Self {
        Self { cause: Arc::new(StopCause::Log(error)) }
    }

    fn panic(message: String) -> Self {
        Self { cause: Arc::new(StopCause::Panic(message)) }
    }

    /// The log's error, unless it was a panic on the journal thread.
    #[must_use]
    pub fn log_error(&self) -> Option<&LogError> {
        match &*self.cause {
            StopCause::Log(error) => Some(error),
            StopCause::Panic(_) => None,
        }
    }
}

impl fmt::Display for StopCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(error) => error.fmt(f),
            Self::Panic(message) => write!(f, "a panic on the journal thread: {message}"),
        }
    }
}
