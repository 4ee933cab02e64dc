//! What is written to the store: into the buffer first, and from there to sled. Nothing of it is durable
//! before a flush or a [checkpoint](super::checkpoint).

use std::borrow::Cow;

use super::{Contents, SnapshotStore};
use crate::snapshot::block::{BlockKey, Member, Members};
use crate::snapshot::buffer::Block;
use crate::snapshot::contents::value_hash;
use crate::snapshot::entity::{EntityKind, Put};
use crate::snapshot::error::SnapshotError;
use crate::snapshot::frame::Frame;
use crate::snapshot::pace::Pace;
use crate::snapshot::sink::{Removals, Sink};
use crate::types::Lsn;

/// Blocks that are written to sled without letting anybody else at the contents.
const BLOCKS_AT_ONCE: usize = 4;
/// Version of the encoding of blocks.
const BLOCK_SCHEMA: u8 = 1;

impl SnapshotStore {
    /// Writes states of entities, replacing older ones. Not atomic and not durable yet: each carries
    /// its LSN, so replay continues from whatever part arrived. Those that lie in blocks wait in memory
    /// for what else comes into their blocks, until there is too much of them or they are to be durable.
    ///
    /// # Errors
    /// [`SnapshotError`]; some of the states may have been written, and no checkpoint will succeed
    /// until the store is opened again.
    pub fn write(&self, puts: &[Put]) -> Result<(), SnapshotError> {
        let mut removals = Removals::default();
        let write = |sink: &mut Sink<'_>| puts.iter().for_each(|put| sink.put_encoded(put));
        self.fill(&mut removals, write).map(drop)
    }

    /// The same with changes that `make` makes one after the other. Whatever of `removals` is put does not
    /// disappear, and what `make` removes is added there. Says how many changes there were.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub fn fill(
        &self,
        removals: &mut Removals,
        make: impl FnOnce(&mut Sink<'_>),
    ) -> Result<usize, SnapshotError> {
        let mut sink = Sink::new(self, removals, Pace::AtOnce);
        make(&mut sink);
        sink.finish()
    }

    /// Takes members of blocks, and entities that stand alone.
    pub(in crate::snapshot) fn take<'m>(
        &self,
        members: impl Iterator<Item = (EntityKind, BlockKey, Member<'m>)>,
        alone: &[Put],
        pace: Pace<'_>,
    ) -> Result<(), SnapshotError> {
        let bytes = self.guarded(|| {
            self.0.buffer.add(members).map_err(|_| self.damaged("a block in memory is malformed"))
        });
        if bytes.is_err() || !alone.is_empty() {
            let mut contents = self.0.contents.lock();
            let written = self.guarded(|| self.put_all(alone, &mut contents));
            contents.unknown |= bytes.is_err() || written.is_err();
            written?;
        }
        if bytes? > self.0.buffer_bytes {
            self.move_on(pace, |_, bytes| bytes > self.0.buffer_bytes)?;
        }
        Ok(())
    }

    /// Has sled take everything written so far.
    pub(super) fn settle(&self, pace: Pace<'_>) -> Result<(), SnapshotError> {
        let (blocks, _) = self.0.buffer.size();
        // Whatever comes meanwhile stands behind.
        self.move_on(pace, |moved, _| moved < blocks)
    }

    /// Has sled take the oldest blocks, as long as it says so of those that were moved and the bytes left;
    /// and in any case what an earlier attempt has left halfway. In small steps, so that nobody waits
    /// for the contents for long.
    fn move_on(
        &self,
        pace: Pace<'_>,
        is_wanted: impl Fn(usize, usize) -> bool,
    ) -> Result<(), SnapshotError> {
        let _one_at_a_time = self.0.moving.lock();
        let mut moved = 0;
        loop {
            let (_, bytes) = self.0.buffer.size();
            let wanted = if is_wanted(moved, bytes) { pace.write_bytes() } else { 0 };
            let Some(leaving) = self.0.buffer.leave(wanted) else { return Ok(()) };
            let mut blocks = leaving.blocks.iter().peekable();
            while blocks.peek().is_some() {
                let mut contents = self.0.contents.lock();
                let written = self.guarded(|| {
                    let some = blocks.by_ref().take(BLOCKS_AT_ONCE);
                    some.into_iter().try_for_each(|((kind, row), block)| {
                        self.put_block(*kind, row, block, &mut contents)
                    })
                });
                contents.unknown |= written.is_err();
                written?;
                drop(contents);
                pace.breathe();
            }
            moved += leaving.blocks.len();
            drop(leaving);
            self.0.buffer.left();
            if pace.waits_for_the_disk() {
                let flush = || self.sled().db.flush().map_err(|error| self.sled_error(error));
                self.guarded(flush)?;
            }
        }
    }

    /// Writes entities that stand alone.
    fn put_all(&self, puts: &[Put], contents: &mut Contents) -> Result<(), SnapshotError> {
        for put in puts {
            self.replace(put.kind, &put.key, contents, |_| {
                Ok((put.schema, put.lsn, Cow::Borrowed(&put.payload)))
            })?;
        }
        Ok(())
    }

    /// Writes a block over what sled has of it.
    fn put_block(
        &self,
        kind: EntityKind,
        row: &BlockKey,
        block: &Block,
        contents: &mut Contents,
    ) -> Result<(), SnapshotError> {
        self.replace(kind, row, contents, |old| {
            let Some(old) = old else {
                return Ok((BLOCK_SCHEMA, block.lsn, Cow::Borrowed(&block.payload)));
            };
            let payload = Members(old.payload).merged(Members(&block.payload));
            let payload = payload.map_err(|error| self.malformed(error, kind, row))?;
            Ok((BLOCK_SCHEMA, old.lsn.max(block.lsn), Cow::Owned(payload)))
        })
    }

    /// Writes one value in place of what its row holds.
    fn replace<'p>(
        &self,
        kind: EntityKind,
        row: &[u8],
        contents: &mut Contents,
        new: impl FnOnce(Option<&Frame<'_>>) -> Result<(u8, Lsn, Cow<'p, [u8]>), SnapshotError>,
    ) -> Result<(), SnapshotError> {
        let (code, tree) = (kind.code(), self.tree(kind));
        let epoch = contents.checkpoint.epoch + 1;
        let old = tree.get(row).map_err(|error| self.sled_error(error))?;
        let frame = old.as_ref().map(|old| self.decode(code, row, old)).transpose()?;
        let old_hash = old.as_ref().map_or(0, |old| value_hash(code, row, old));
        let covered = match &frame {
            Some(frame) if frame.epoch == epoch => frame.covered,
            _ => old_hash,
        };
        let (schema, lsn, payload) = new(frame.as_ref())?;
        let value = Frame { schema, lsn, epoch, covered, payload: &payload }.encode(code, row);
        let new_hash = value_hash(code, row, &value);
        tree.insert(row, value).map_err(|error| self.sled_error(error))?;
        contents.current = contents.current.wrapping_sub(old_hash).wrapping_add(new_hash);
        Ok(())
    }
}
