//! Keeps the state of entities in sled, so that a start need not replay the whole journal.
//!
//! The journal is the truth. Everything here can be deleted and is then rebuilt from it; a store that
//! is damaged or belongs to another installation is moved aside and started afresh. This module does not know what an entity looks like (its callers encode), does not
//! read the journal, and decides nothing about when to evict or truncate: it tells when that is safe.
//!
//! | promise | how it is kept |
//! | --- | --- |
//! | What [`SnapshotStore::flush`] returned for survives | sled's flush, then our own `fdatasync` of its files: sled 0.34 leaves that out |
//! | What was written is read, durable or not | changed blocks wait in a buffer that readers look into first |
//! | At or below its watermark a partition has everything | [`SnapshotStore::checkpoint`] writes watermarks only after a flush, and removals together with them |
//! | A wrong byte is never read as state | CRC-32C over kind, key and value, besides sled's own |
//! | What sled lost without a word is noticed at start | every checkpoint carries a sum over all values |
//!
//! Why sled, which version, and what it costs: `docs/adr/0003-sled.md`.

mod aside;
mod block;
mod buffer;
mod config;
mod contents;
mod disk;
mod entity;
mod error;
mod frame;
mod open;
mod pace;
mod session;
mod sink;
mod snapshotter;
mod stamp;
mod store;
mod verify;

pub use aside::SetAsideReason;
pub use config::{SnapshotConfig, SnapshotConfigError, SnapshotMode};
pub use entity::{EntityKind, Entry, Key, Put, Removal};
pub use error::SnapshotError;
pub use open::{Opened, Outcome};
pub use pace::BacklogShare;
pub use sink::{Removals, Sink};
pub use snapshotter::{
    Batch, Done, Encode, Read, Refusal, Refused, SnapshotHandle, Snapshotter, Unsaved, Written,
};
pub use stamp::{Stamp, StampDifference};
pub use store::SnapshotStore;
