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
use super::entity::{EntityKind, Entry};
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
    /// Members that came in order.
    members: u32,
}

impl Buffer {
    /// Adds members of blocks, and says how many bytes there are now; the later state of one that comes
    /// twice counts.
    pub(super) fn add<'m>(
        &self,
        members: impl Iterator<Item = (EntityKind, BlockKey, Member<'m>)>,
    ) -> Result<usize, Malformed> {
        let mut generations = self.0.lock();
        for (kind, block, member) in members {
            generations.fresh.add((kind, block), member)?;
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

    fn add(&mut self, row: (EntityKind, BlockKey), member: Member<'_>) -> Result<(), Malformed> {
        let block = self.blocks.entry(row).or_insert_with(|| {
            self.bytes += OVERHEAD;
            self.by_age.push_back(row);
            Block::default()
        });
        let before = block.payload.capacity();
        block.make_room(row.0, &member);
        block.add(member)?;
        self.bytes = (self.bytes + block.payload.capacity()).saturating_sub(before);
        Ok(())
    }
}

impl Block {
    /// Makes room for a member, and with the second of them for as many as will come if they go on like
    /// that, which most do: growing by and by would copy each byte once more and leave half of the room
    /// empty.
    fn make_room(&mut self, kind: EntityKind, member: &Member<'_>) {
        let first = self.payload.len();
        if first == 0 {
            self.payload.reserve(ROOM);
        } else if self.members == 1
            && let Some(distance) = self.last.and_then(|last| member.offset.checked_sub(last))
            && distance > 0
        {
            let offsets = 1_usize << kind.block_bits();
            let to_come = (offsets - usize::from(member.offset)).div_ceil(usize::from(distance));
            self.payload.reserve_exact(to_come * first + first / 8);
        }
    }

    fn add(&mut self, member: Member<'_>) -> Result<(), Malformed> {
        self.lsn = self.lsn.max(member.lsn);
        if self.last < Some(member.offset) {
            // Numbers are given out upwards, so this is how nearly all come.
            self.last = Some(member.offset);
            self.members += 1;
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

    fn add(buffer: &Buffer, states: impl IntoIterator<Item = (u64, u64, &'static str)>) -> usize {
        let members = states.into_iter().map(|(number, lsn, text)| {
            let Place { block, offset } =
                Place::of(EntityKind::Order, &number.to_be_bytes()).unwrap();
            let (lsn, payload) = (Lsn::new(lsn), text.as_bytes());
            (EntityKind::Order, block, Member { offset, schema: 1, lsn, payload })
        });
        buffer.add(members).unwrap()
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
        add(&buffer, [(3, 1, "three"), (1, 2, "one"), (1, 3, "one again")]);
        let leaving = buffer.leave(1).unwrap();
        add(&buffer, [(1 << 40, 5, "far"), (3, 4, "three again")]);
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
    fn members_that_come_at_a_distance_find_room_for_all_of_them() {
        for (distance, repeated) in [(1, 10), (4, 10), (7, 10), (4, 40)] {
            let text = "an order of so many letters".repeat(repeated);
            let text: &str = Box::leak(text.into_boxed_str());
            let buffer = Buffer::default();
            let numbers: Vec<u64> = (32..64).step_by(distance).collect();
            add(&buffer, numbers[..2].iter().map(|number| (*number, 1, text)));
            let room = buffer.size().1;
            let all = add(&buffer, numbers[2..].iter().map(|number| (*number, 1, text)));
            assert_eq!(all, room, "nothing grew at a distance of {distance}");
            let needed = numbers.len() * (text.len() + 15) + OVERHEAD;
            assert!(room < needed * 5 / 4, "{room} bytes for {needed}");
        }
    }

    #[test]
    fn bytes_are_counted_and_given_back() {
        let buffer = Buffer::default();
        let bytes = add(&buffer, (0..1000).map(|n| (n, n, "some state of an order")));
        assert!((40_000..160_000).contains(&bytes), "{bytes}");
        let leaving = buffer.leave(bytes / 2);
        assert_eq!(add(&buffer, []), bytes, "until it has left");
        drop(leaving);
        buffer.left();
        let half = add(&buffer, []);
        assert!((bytes / 3..bytes / 3 * 2).contains(&half), "{half}");
        drop(buffer.leave(usize::MAX));
        buffer.left();
        assert_eq!(buffer.size(), (0, 0));
    }
}
