//! The store itself: what it consists of, how it is read, and what keeps it whole. How it is written to is in
//! [`intake`], what becomes durable together in [`checkpoint`].

mod checkpoint;
mod intake;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::block::{Malformed, Member, Members, Place};
use super::buffer::Buffer;
use super::contents::Checkpoint;
use super::disk::SledFiles;
use super::entity::{EntityKind, Entry};
use super::error::SnapshotError;
use super::frame::Frame;
use super::pace::Pace;
use super::session::{Closed, Session};
use super::stamp::Stamp;
use crate::types::{Lsn, PartitionNo};

/// Kind code of the store's own rows, beside those of [`EntityKind`].
const INTERNAL: u8 = 0;
const INTERNAL_TREE: &str = "piaoku-internal";
const STAMP_KEY: &[u8] = b"stamp";
const CHECKPOINT_KEY: &[u8] = b"checkpoint";

/// Snapshots of entities on disk. Cloning shares the store; the last clone dropped closes it.
///
/// Every method may block on the disk, so arbiters go through
/// [`SnapshotHandle`](super::SnapshotHandle). What is written can be read at once but counts only
/// after [`flush`](Self::flush) or [`checkpoint`](Self::checkpoint).
///
/// A panic inside sled comes back as [`SnapshotError::Damaged`], and any damage found is noted so
/// that the next start sets the store aside.
#[derive(Clone)]
pub struct SnapshotStore(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    /// `None` only while closing.
    sled: Option<Sled>,
    files: SledFiles,
    session: Session,
    /// What sled does not have yet.
    buffer: Buffer,
    /// Bytes in it beyond which whoever writes has sled take them.
    buffer_bytes: usize,
    /// Held by whoever moves what is in the buffer on.
    moving: Mutex<()>,
    /// Held by whoever writes to sled. Taken after `moving`.
    contents: Mutex<Contents>,
}

/// What the store holds, kept up with every write.
#[derive(Debug)]
struct Contents {
    /// The last checkpoint.
    checkpoint: Checkpoint,
    /// Sum over everything stored now.
    current: u128,
    /// Nobody has checked yet what the store holds, or a write failed halfway.
    unknown: bool,
}

pub(super) struct Sled {
    db: sled::Db,
    kinds: Vec<sled::Tree>,
    internal: sled::Tree,
}

impl Sled {
    pub(super) fn new(db: sled::Db) -> sled::Result<Self> {
        let kinds: sled::Result<_> =
            EntityKind::ALL.iter().map(|kind| db.open_tree(kind.name())).collect();
        let internal = db.open_tree(INTERNAL_TREE)?;
        Ok(Self { kinds: kinds?, internal, db })
    }
}

impl SnapshotStore {
    pub(super) fn new(
        sled: Sled,
        files: SledFiles,
        session: Session,
        dir: PathBuf,
        buffer_bytes: usize,
    ) -> Self {
        let checkpoint = Checkpoint::default();
        Self(Arc::new(Inner {
            dir,
            sled: Some(sled),
            files,
            session,
            buffer: Buffer::default(),
            buffer_bytes,
            moving: Mutex::new(()),
            contents: Mutex::new(Contents { checkpoint, current: 0, unknown: true }),
        }))
    }

    /// The stored state of an entity.
    ///
    /// # Errors
    /// [`SnapshotError`], [`Damaged`](SnapshotError::Damaged) when the value's checksum is wrong.
    pub fn get(&self, kind: EntityKind, key: &[u8]) -> Result<Option<Entry>, SnapshotError> {
        self.guarded(|| {
            let place = Place::of(kind, key);
            if let Some(place) = place {
                // Looked at first: what leaves the buffer is with sled by then.
                let waiting = self.0.buffer.find(kind, place);
                let waiting = waiting.map_err(|error| self.malformed(error, kind, key))?;
                if waiting.is_some() {
                    return Ok(waiting);
                }
            }
            let row = place.as_ref().map_or(key, |place| &place.block);
            let value = self.tree(kind).get(row).map_err(|error| self.sled_error(error))?;
            let Some(value) = value else { return Ok(None) };
            let frame = self.decode(kind.code(), row, &value)?;
            let Some(Place { offset, .. }) = place else { return Ok(Some(frame.to_entry())) };
            let member = Members(frame.payload).find(offset);
            Ok(member.map_err(|error| self.malformed(error, kind, row))?.map(Member::to_entry))
        })
    }

    /// Visits the entities of a kind whose keys begin with `prefix`, in key order, until `visit`
    /// breaks. Entities written meanwhile may or may not be seen. Of kinds that lie in blocks every
    /// block is read, whatever the prefix.
    ///
    /// # Errors
    /// [`SnapshotError`]; what was visited before it was sound.
    pub fn scan(
        &self,
        kind: EntityKind,
        prefix: &[u8],
        mut visit: impl FnMut(&[u8], Entry) -> ControlFlow<()>,
    ) -> Result<(), SnapshotError> {
        let rows = if kind.block_bits() > 0 { &[] } else { prefix };
        if kind.block_bits() > 0 {
            self.settle(Pace::AtOnce)?;
        }
        self.scan_values(kind, rows, |row, value| {
            let frame = self.guarded(|| self.decode(kind.code(), row, value))?;
            let Some(Place { block, .. }) = Place::of(kind, row) else {
                let wanted = row.starts_with(prefix);
                let visited = wanted.then(|| visit(row, frame.to_entry()));
                return Ok(visited.unwrap_or(ControlFlow::Continue(())));
            };
            for member in Members(frame.payload) {
                let member = member.map_err(|error| self.malformed(error, kind, row));
                let member = self.guarded(|| member)?;
                let key = Place { block, offset: member.offset }.key();
                if key.starts_with(prefix) && visit(&key, member.to_entry()).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// [`SnapshotError`], after which nothing since the last success may be counted on.
    pub fn flush(&self) -> Result<(), SnapshotError> {
        self.settle(Pace::AtOnce)?;
        self.flush_sled()
    }

    fn flush_sled(&self) -> Result<(), SnapshotError> {
        self.guarded(|| {
            self.sled().db.flush().map_err(|error| self.sled_error(error))?;
            self.0.files.sync().map_err(|error| SnapshotError::io(&self.0.dir, error))
        })
    }

    /// Up to where each partition's state is in the store. A partition without one starts at
    /// [`Lsn::ZERO`]. Waits while a checkpoint is being written.
    #[must_use]
    pub fn watermarks(&self) -> BTreeMap<PartitionNo, Lsn> {
        self.0.contents.lock().checkpoint.watermarks.clone()
    }

    /// Has the next open set the store aside, because it does not fit the journal: for example when
    /// that no longer reaches back to a watermark.
    ///
    /// # Errors
    /// When that cannot be noted.
    pub fn condemn(&self, why: &str) -> Result<(), SnapshotError> {
        self.0.session.condemn(why)
    }

    /// Bytes the store takes on disk, for metrics.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn disk_bytes(&self) -> Result<u64, SnapshotError> {
        self.guarded(|| self.sled().db.size_on_disk().map_err(|error| self.sled_error(error)))
    }

    /// The stamp, `None` in a store that was never finished creating.
    pub(super) fn stamp(&self) -> Result<Option<Stamp>, SnapshotError> {
        let Some(payload) = self.internal(STAMP_KEY)? else { return Ok(None) };
        Stamp::decode(&payload).map(Some).ok_or_else(|| self.damaged("the stamp is unreadable"))
    }

    /// Writes the stamp and the first checkpoint, durably.
    pub(super) fn initialise(&self, stamp: &Stamp) -> Result<(), SnapshotError> {
        self.guarded(|| {
            let rows =
                [(STAMP_KEY, stamp.encode()), (CHECKPOINT_KEY, Checkpoint::default().encode())];
            for (key, payload) in rows {
                let inserted = self.sled().internal.insert(key, internal_row(key, &payload));
                inserted.map_err(|error| self.sled_error(error))?;
            }
            Ok(())
        })?;
        self.0.contents.lock().unknown = false;
        self.flush()
    }

    /// Notes that the store may be written from now on.
    pub(super) fn mark_open(&self) -> Result<(), SnapshotError> {
        self.0.session.mark_open()
    }

    /// Whether not a single entity is stored.
    pub(super) fn is_empty(&self) -> Result<bool, SnapshotError> {
        self.guarded(|| Ok(self.sled().kinds.iter().all(sled::Tree::is_empty)))
    }

    /// Takes up where the last user stopped. Reads and checks every value, unless the store was
    /// `closed` in order and `verify` is off.
    pub(super) fn resume(&self, closed: Option<Closed>, verify: bool) -> Result<(), SnapshotError> {
        let payload = self.internal(CHECKPOINT_KEY)?;
        let checkpoint = payload.as_deref().and_then(Checkpoint::decode);
        let checkpoint = checkpoint.ok_or_else(|| self.damaged("the checkpoint is unreadable"))?;
        if closed.is_some_and(|closed| closed.epoch != checkpoint.epoch) {
            return Err(self.damaged("the last checkpoint is lost"));
        }
        let current = match closed {
            Some(closed) if !verify => closed.sum,
            _ => {
                let found = self.add_up(checkpoint.epoch)?;
                let lost = found.at_checkpoint != checkpoint.sum
                    || closed.is_some_and(|closed| found.current != closed.sum);
                if lost {
                    return Err(self.damaged("entities are lost or older than the last checkpoint"));
                }
                found.current
            }
        };
        *self.0.contents.lock() = Contents { checkpoint, current, unknown: false };
        Ok(())
    }

    /// Only sled runs guarded here: a panic of the visitor is no fault of the store.
    fn scan_values(
        &self,
        kind: EntityKind,
        prefix: &[u8],
        visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, SnapshotError>,
    ) -> Result<(), SnapshotError> {
        let rows = self.guarded(|| Ok(self.tree(kind).scan_prefix(prefix)))?;
        self.visit(rows, visit)
    }

    /// Visits rows until `visit` breaks.
    pub(super) fn visit(
        &self,
        mut rows: sled::Iter,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, SnapshotError>,
    ) -> Result<(), SnapshotError> {
        let mut next = || self.guarded(|| rows.next().transpose().map_err(|e| self.sled_error(e)));
        while let Some((key, value)) = next()? {
            if visit(&key, &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn internal(&self, key: &[u8]) -> Result<Option<Vec<u8>>, SnapshotError> {
        self.guarded(|| {
            let row = self.sled().internal.get(key).map_err(|error| self.sled_error(error))?;
            let Some(row) = row else { return Ok(None) };
            self.decode(INTERNAL, key, &row).map(|frame| Some(frame.payload.to_vec()))
        })
    }

    /// Runs `work`, turns a panic inside sled into an error, and notes damage for the next start.
    pub(super) fn guarded<T>(
        &self,
        work: impl FnOnce() -> Result<T, SnapshotError>,
    ) -> Result<T, SnapshotError> {
        let result = catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|panic| Err(self.damaged(&format!("sled: {}", panic_text(&*panic)))));
        if let Err(SnapshotError::Damaged { what, .. }) = &result {
            // Should the note fail as well, the damage will be found again, by its reader if not at
            // start.
            let _ = self.0.session.condemn(what);
        }
        result
    }

    fn sled(&self) -> &Sled {
        self.0.sled.as_ref().expect("sled is taken out only when the last clone is dropped")
    }

    pub(super) fn tree(&self, kind: EntityKind) -> &sled::Tree {
        &self.sled().kinds[kind.index()]
    }

    pub(super) fn sled_error(&self, error: sled::Error) -> SnapshotError {
        SnapshotError::sled(&self.0.dir, error)
    }

    pub(super) fn damaged(&self, what: &str) -> SnapshotError {
        SnapshotError::damaged(&self.0.dir, what)
    }

    fn malformed(&self, error: Malformed, kind: EntityKind, row: &[u8]) -> SnapshotError {
        self.damaged(&format!("{error} (kind {}, key {})", kind.code(), hex::encode(row)))
    }

    pub(super) fn decode<'a>(
        &self,
        kind: u8,
        key: &[u8],
        value: &'a [u8],
    ) -> Result<Frame<'a>, SnapshotError> {
        Frame::decode(kind, key, value).map_err(|error| {
            // Keys hold numbers and the partners' order numbers, nothing personal.
            self.damaged(&format!("{error} (kind {kind}, key {})", hex::encode(key)))
        })
    }
}

impl fmt::Debug for SnapshotStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotStore({})", self.0.dir.display())
    }
}

/// Closes sled, puts everything on disk and only then notes that the store was closed in order.
impl Drop for Inner {
    fn drop(&mut self) {
        let Some(sled) = self.sled.take() else { return };
        let flushed = catch_unwind(AssertUnwindSafe(|| {
            let flushed = sled.db.flush();
            drop(sled);
            flushed.is_ok()
        }));
        let contents = self.contents.get_mut();
        let closed = Closed { epoch: contents.checkpoint.epoch, sum: contents.current };
        // A failure needs no report: without the note the next start checks everything.
        if matches!(flushed, Ok(true)) && !contents.unknown && self.files.sync().is_ok() {
            let _ = self.session.mark_closed(closed);
        }
    }
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".into())
}

fn internal_row(key: &[u8], payload: &[u8]) -> Vec<u8> {
    Frame { schema: 1, lsn: Lsn::ZERO, epoch: 0, covered: 0, payload }.encode(INTERNAL, key)
}
