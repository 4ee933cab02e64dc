//! The journal: the durable truth. Records are appended in groups, each group costs one sync, and
//! what was committed is handed back in log order.
//!
//! Two halves meet in the [`Log`] trait. Below it lie the storages: [`SegmentLog`] (files) and
//! [`MemoryLog`] (tests and benches). Above it the [`Journal`] thread forms groups, waits for the
//! disk and delivers. On-disk layout and its reasons: `docs/adr/0002-journal.md`.
//!
//! The journal does not know what a record means, keeps no state but the log's end, never retries a
//! failed append, and never reads a clock.

mod commit;
mod config;
mod error;
mod group;
mod log;
mod memory;
mod segment;
mod stats;

#[cfg(test)]
mod conformance;

pub use commit::{
    CommitSink, Journal, JournalHandle, JournalStopped, Permit, RecordTooLarge, Refused, SpawnError,
};
pub use config::{JournalConfig, JournalConfigError, SyncMode};
pub use error::LogError;
pub use group::{Group, GroupLimits, PushError};
pub use log::{Entry, Log, Record, Truncator};
pub use memory::{Fault, MemoryDisk, MemoryLog};
pub use segment::{
    ReadEnd, Recovery, SegmentLog, SegmentReader, SegmentTruncator, StoreId, Tail, TornTail,
};
pub use stats::{Histogram, JournalStats};
