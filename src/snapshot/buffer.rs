//! Entities that have been written but are not with sled yet, in blocks as sled will get them.
//!
//! What is sold in one second lies together: a block is written by some batches after each other. Kept
//! here until somebody asks for durability, it goes to sled once and whole, in the order of its keys.
//! Encoded, an order takes a third of what it takes as a value in memory, so this is also where changes
//! wait that come faster than the disk takes them.
//!
//! This module knows neither sled nor checksums; [the store](super::store) moves blocks on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::block::{BlockKey, Malformed, Member, Members, Place};
use super::entity::{EntityKind, Entry, Put};
use crate::types::Lsn;

/// Room for a new block's first members.
const ROOM: usize = 512;
/// What a block takes besides its members: its place in the map.
const OVERHEAD: usize = 96;

/// The blocks of all kinds. Readers find here what sled does not have yet.
#[derive(Debug, Default)]
pub(super) struct Buffer(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    /// What is being added to.
    fresh: Fresh,
    /// What is on its way to sled. It no longer changes.
    leaving: Option<Arc<Leaving>>,
}

/// Blocks by kind and key.
#[derive(Debug, Default)]
struct Fresh {
    blocks: HashMap<(EntityKind, BlockKey), Block>,
    /// The same, oldest first: that a block still grows is likely only of the youngest.
    by_age: VecDeque<(EntityKind, BlockKey)>,
    bytes: usize,
}

/// Some blocks on their way, in the order of their keys, those of one kind together.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    pub(super) blocks: BTreeMap<(EntityKind, BlockKey), Block>,
    bytes: usize,
}

/// The members of a block that were written, newest versions only.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// The last record any of them includes.
    pub(super) lsn: Lsn,
    pub(super) payload: Vec<u8>,
    /// Offset of the last member.
    last: Option<u16>,
}

impl Buffer {
    /// Adds entities that lie in blocks, and says how many bytes there are now; the later state of one
    /// that comes twice counts. Others are left to the caller.
    pub(super) fn add(&self, puts: &[Put]) -> Result<usize, Malformed> {
        let mut generations = self.0.lock();
        for put in puts {
            if let Some(place) = Place::of(put.kind, &put.key) {
                generations.fresh.add(place, put)?;
            }
        }
        Ok(generations.bytes())
    }

    /// The state of the entity at a place, unless sled has the newest.
    pub(super) fn find(&self, kind: EntityKind, place: Place) -> Result<Option<Entry>, Malformed> {
        let generations = self.0.lock();
        let row = (kind, place.block);
        let fresh = generations.fresh.blocks.get(&row);
        let leaving = generations.leaving.as_ref().and_then(|leaving| leaving.blocks.get(&row));
        for block in fresh.into_iter().chain(leaving) {
            if let Some(member) = Members(&block.payload).find(place.offset)? {
                return Ok(Some(member.to_entry()));
            }
        }
        Ok(None)
    }

    /// Blocks that are there now, and bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        let generations = self.0.lock();
        (generations.fresh.by_age.len(), generations.bytes())
    }

    /// What is to go to sled next: the oldest blocks, of about so many bytes. It can be read here until it
    /// [has left](Self::left), and nothing else leaves before.
    pub(super) fn leave(&self, bytes: usize) -> Option<Arc<Leaving>> {
        let Generations { fresh, leaving } = &mut *self.0.lock();
        if leaving.is_none() && bytes > 0 && !fresh.by_age.is_empty() {
            *leaving = Some(Arc::new(fresh.oldest(bytes)));
        }
        leaving.clone()
    }

    /// Sled has all of what was leaving.
    pub(super) fn left(&self) {
        // Freeing it takes a while, which nobody who reads should wait for.
        let left = self.0.lock().leaving.take();
        drop(left);
    }
}

impl Generations {
    fn bytes(&self) -> usize {
        self.fresh.bytes + self.leaving.as_ref().map_or(0, |leaving| leaving.bytes)
    }
}

impl Fresh {
    fn oldest(&mut self, bytes: usize) -> Leaving {
        let mut blocks = Vec::new();
        let mut taken = 0;
        while taken < bytes
            && let Some(row) = self.by_age.pop_front()
        {
            let Some(block) = self.blocks.remove(&row) else { continue };
            taken += OVERHEAD + block.payload.capacity();
            blocks.push((row, block));
        }
        self.bytes = self.bytes.saturating_sub(taken);
        Leaving { blocks: blocks.into_iter().collect(), bytes: taken }
    }

    fn add(&mut self, place: Place, put: &Put) -> Result<(), Malformed> {
        let row = (put.kind, place.block);
        let block = self.blocks.entry(row).or_insert_with(|| {
            self.bytes += OVERHEAD;
            self.by_age.push_back(row);
            Block::default()
        });
        let before = block.payload.capacity();
        let Put { schema, lsn, payload, .. } = put;
        block.add(Member { offset: place.offset, schema: *schema, lsn: *lsn, payload })?;
        self.bytes = (self.bytes + block.payload.capacity()).saturating_sub(before);
        Ok(())
    }
}

impl Block {
    fn add(&mut self, member: Member<'_>) -> Result<(), Malformed> {
        if self.payload.capacity() == 0 {
            self.payload.reserve(ROOM);
        }
        self.lsn = self.lsn.max(member.lsn);
        if self.last < Some(member.offset) {
            // Numbers are given out upwards, so this is how nearly all come.
            self.last = Some(member.offset);
            member.encode(&mut self.payload);
        } else {
            let change = std::iter::once((member.offset, Some(member)));
            self.payload = Members(&self.payload).changed(change)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(number: u64, lsn: u64, text: &str) -> Put {
        let (key, payload) = (number.to_be_bytes().into(), text.as_bytes().to_vec());
        Put { kind: EntityKind::Order, key, schema: 1, lsn: Lsn::new(lsn), payload }
    }

    fn text(buffer: &Buffer, number: u64) -> Option<String> {
        let place = Place::of(EntityKind::Order, &number.to_be_bytes()).unwrap();
        let entry = buffer.find(EntityKind::Order, place).unwrap();
        entry.map(|entry| String::from_utf8(entry.payload).unwrap())
    }

    #[test]
    fn the_newest_state_is_found_wherever_it_is() {
        let buffer = Buffer::default();
        assert!(buffer.leave(1).is_none());
        buffer.add(&[put(3, 1, "three"), put(1, 2, "one"), put(1, 3, "one again")]).unwrap();
        let leaving = buffer.leave(1).unwrap();
        buffer.add(&[put(1 << 40, 5, "far"), put(3, 4, "three again")]).unwrap();
        let found = [3, 1, 2, 1 << 40].map(|number| text(&buffer, number));
        let expected = [Some("three again"), Some("one again"), None, Some("far")];
        assert_eq!(found.each_ref().map(Option::as_deref), expected);

        let block = &leaving.blocks[&(EntityKind::Order, [0; 8])];
        assert_eq!((leaving.blocks.len(), block.lsn), (1, Lsn::new(3)));
        let offsets = Members(&block.payload).map(|member| member.unwrap().offset);
        assert_eq!(offsets.collect::<Vec<_>>(), [1, 3], "in order and once each");
        let again = buffer.leave(1).unwrap();
        assert!(Arc::ptr_eq(&leaving, &again), "what has not left is not overtaken");
        drop((leaving, again));
        buffer.left();
        assert_eq!(buffer.size().0, 2);
        let oldest = buffer.leave(1).unwrap();
        assert!(oldest.blocks.contains_key(&(EntityKind::Order, (1_u64 << 40).to_be_bytes())));
        drop(oldest);
        buffer.left();
        assert_eq!(buffer.leave(usize::MAX).unwrap().blocks.len(), 1);
    }

    #[test]
    fn bytes_are_counted_and_given_back() {
        let buffer = Buffer::default();
        let puts: Vec<_> = (0..1000).map(|n| put(n, n, "some state of an order")).collect();
        let bytes = buffer.add(&puts).unwrap();
        assert!((40_000..160_000).contains(&bytes), "{bytes}");
        let leaving = buffer.leave(bytes / 2);
        assert_eq!(buffer.add(&[]).unwrap(), bytes, "until it has left");
        drop(leaving);
        buffer.left();
        let half = buffer.add(&[]).unwrap();
        assert!((bytes / 3..bytes / 3 * 2).contains(&half), "{half}");
        drop(buffer.leave(usize::MAX));
        buffer.left();
        assert_eq!(buffer.size(), (0, 0));
    }
}
