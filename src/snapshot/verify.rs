//! Reading a whole store to see that it holds what its last checkpoint says, on a few threads: it is most
//! of what a start with much in the snapshots takes. What a sum proves is told in
//! [contents](super::contents).

use std::ops::{Bound, ControlFlow};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::contents::{Found, value_hash};
use super::entity::EntityKind;
use super::error::SnapshotError;
use super::store::{SnapshotStore, panic_text};

/// Threads that read, at most.
const READERS_MAX: usize = 4;
/// Ranges that the rows of one kind are read in: many, since numbers are not evenly spread.
const RANGES: u64 = 64;

/// From where to where rows are read.
type Rows = (Bound<Vec<u8>>, Bound<Vec<u8>>);

impl SnapshotStore {
    /// Reads and checks every value, on a few threads.
    pub(super) fn add_up(&self, epoch: u64) -> Result<Found, SnapshotError> {
        let mut ranges = Vec::new();
        for kind in EntityKind::ALL {
            ranges.extend(self.ranges(kind)?.into_iter().map(|range| (kind, range)));
        }
        let next = AtomicUsize::new(0);
        let work = || {
            let mut found = Found::default();
            while let Some((kind, range)) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
                let code = kind.code();
                let rows = self.guarded(|| Ok(self.tree(*kind).range(range.clone())))?;
                self.visit(rows, |row, value| {
                    let frame = self.decode(code, row, value)?;
                    let added = found.add(epoch, &frame, value_hash(code, row, value));
                    added.ok_or_else(|| self.damaged("the last checkpoint is lost"))?;
                    Ok(ControlFlow::Continue(()))
                })?;
            }
            Ok(found)
        };
        let threads = thread::available_parallelism().map_or(1, usize::from).min(READERS_MAX);
        let found: Vec<Result<Found, SnapshotError>> = thread::scope(|scope| {
            let readers: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
            let joined = readers.into_iter().map(|reader| {
                reader.join().unwrap_or_else(|panic| Err(self.damaged(&panic_text(&*panic))))
            });
            joined.collect()
        });
        found.into_iter().try_fold(Found::default(), |sum, found| Ok(sum.and(found?)))
    }

    /// All rows of a kind, as ranges to be read apart.
    fn ranges(&self, kind: EntityKind) -> Result<Vec<Rows>, SnapshotError> {
        let ends = self.guarded(|| {
            let tree = self.tree(kind);
            let ends = tree.first().and_then(|first| Ok((first, tree.last()?)));
            ends.map_err(|error| self.sled_error(error))
        })?;
        let (Some((first, _)), Some((last, _))) = ends else { return Ok(Vec::new()) };
        let number = |row: &[u8]| <[u8; 8]>::try_from(row).ok().map(u64::from_be_bytes);
        let mut bounds = vec![Vec::new()];
        if let (Some(first), Some(last)) = (number(&first), number(&last)) {
            let step = ((last - first) / RANGES).max(1);
            let inner = (1..RANGES).map(|n| first.saturating_add(n * step));
            bounds.extend(inner.map(|bound| bound.to_be_bytes().to_vec()));
        }
        let ends = bounds.iter().skip(1).cloned().map(Bound::Excluded).chain([Bound::Unbounded]);
        Ok(bounds.iter().cloned().map(Bound::Included).zip(ends).collect())
    }
}
