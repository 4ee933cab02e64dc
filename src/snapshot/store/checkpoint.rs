//! Checkpoints: watermarks that rise and entities that disappear, both at once or not at all.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use sled::Transactional as _;
use sled::transaction::{ConflictableTransactionError, TransactionError, TransactionalTree};

use super::{CHECKPOINT_KEY, Contents, SnapshotStore, internal_row};
use crate::snapshot::block::{Members, Place};
use crate::snapshot::contents::value_hash;
use crate::snapshot::entity::{EntityKind, Removal};
use crate::snapshot::error::SnapshotError;
use crate::snapshot::frame::Frame;
use crate::snapshot::pace::Pace;
use crate::types::{Lsn, PartitionNo};

impl SnapshotStore {
    /// Makes everything written so far durable, and then, durably as well, raises the watermarks of
    /// partitions and removes entities, both at once or not at all.
    ///
    /// A watermark says that the store has everything its partition did up to that record. It is
    /// written after the flush, so it is never ahead of the entities it covers. A removal leaves no
    /// LSN behind by which replay could tell "removed later" from "never there"; so it must become
    /// visible together with a watermark that covers it. Watermarks only rise: a lower one is ignored.
    ///
    /// # Errors
    /// [`SnapshotError`]; the watermarks may or may not have been raised.
    pub fn checkpoint(
        &self,
        watermarks: &[(PartitionNo, Lsn)],
        removals: &[Removal],
    ) -> Result<(), SnapshotError> {
        self.checkpoint_at(Pace::AtOnce, watermarks, removals)
    }

    /// The same at a pace.
    pub(in crate::snapshot) fn checkpoint_at(
        &self,
        pace: Pace<'_>,
        watermarks: &[(PartitionNo, Lsn)],
        removals: &[Removal],
    ) -> Result<(), SnapshotError> {
        self.settle(pace)?;
        let mut contents = self.0.contents.lock();
        if contents.unknown {
            let cause = "an earlier write failed halfway".to_owned();
            return Err(SnapshotError::WriterStopped { cause });
        }
        self.flush_sled()?;
        let raised = self.guarded(|| self.raise(&mut contents, watermarks, removals));
        contents.unknown |= raised.is_err();
        raised?;
        self.flush_sled()
    }

    fn raise(
        &self,
        contents: &mut Contents,
        watermarks: &[(PartitionNo, Lsn)],
        removals: &[Removal],
    ) -> Result<(), SnapshotError> {
        let mut next = contents.checkpoint.clone();
        next.epoch += 1;
        for (partition, lsn) in watermarks {
            let watermark = next.watermarks.entry(*partition).or_insert(*lsn);
            *watermark = (*watermark).max(*lsn);
        }

        let mut by_kind: BTreeMap<EntityKind, BTreeMap<Cow<'_, [u8]>, BTreeSet<u16>>> =
            BTreeMap::new();
        for Removal { kind, key } in removals {
            let rows = by_kind.entry(*kind).or_default();
            match Place::of(*kind, key) {
                Some(Place { block, offset }) => {
                    rows.entry(Cow::Owned(block.to_vec())).or_default().insert(offset);
                }
                None => drop(rows.entry(Cow::Borrowed(key)).or_default()),
            }
        }
        let mut trees = vec![&self.sled().internal];
        trees.extend(by_kind.keys().map(|kind| self.tree(*kind)));

        let committed = trees.as_slice().transaction(|views: &Vec<TransactionalTree>| {
            let mut checkpoint = next.clone();
            checkpoint.sum = contents.current;
            for ((kind, rows), view) in by_kind.iter().zip(&views[1..]) {
                for (row, gone) in rows {
                    let Some(old) = view.remove(&**row)? else { continue };
                    let hash = value_hash(kind.code(), row, &old);
                    checkpoint.sum = checkpoint.sum.wrapping_sub(hash);
                    let left = self.without(*kind, row, &old, gone, next.epoch);
                    if let Some(left) = left.map_err(ConflictableTransactionError::Abort)? {
                        let hash = value_hash(kind.code(), row, &left);
                        checkpoint.sum = checkpoint.sum.wrapping_add(hash);
                        view.insert(&**row, left)?;
                    }
                }
            }
            views[0].insert(CHECKPOINT_KEY, internal_row(CHECKPOINT_KEY, &checkpoint.encode()))?;
            Ok(checkpoint)
        });
        contents.checkpoint = committed.map_err(|error| match error {
            TransactionError::Storage(error) => self.sled_error(error),
            TransactionError::Abort(error) => error,
        })?;
        contents.current = contents.checkpoint.sum;
        Ok(())
    }

    /// What is left of a row without the members that are `gone`, as a value that checkpoint `epoch`
    /// covers.
    fn without(
        &self,
        kind: EntityKind,
        row: &[u8],
        old: &[u8],
        gone: &BTreeSet<u16>,
        epoch: u64,
    ) -> Result<Option<Vec<u8>>, SnapshotError> {
        if !Place::is_block(kind, row) {
            return Ok(None);
        }
        let frame = self.decode(kind.code(), row, old)?;
        let left = Members(frame.payload).changed(gone.iter().map(|offset| (*offset, None)));
        let left = left.map_err(|error| self.malformed(error, kind, row))?;
        let frame = Frame { epoch, covered: 0, payload: &left, ..frame };
        Ok((!left.is_empty()).then(|| frame.encode(kind.code(), row)))
    }
}
