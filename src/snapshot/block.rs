//! Neighbours in one value.
//!
//! What sled takes for a value hardly depends on its length up to some kilobytes, and orders come by the
//! hundred thousand. So entities of some kinds lie together: those whose keys are numbers that differ
//! in their last bits only are the members of one block, and a block is one value. Writing a member
//! writes its block anew, which is cheap where neighbours change together, as fresh orders do.
//!
//! This module knows how members lie in a block, not how blocks are stored.
//!
//! A block's payload, integers little-endian, members by offset:
//! `(offset (2) | schema (1) | LSN (8) | length (4) | payload)*`.

use super::entity::{EntityKind, Entry};
use crate::types::Lsn;

/// Bytes of a key that can be in a block.
const KEY_LEN: usize = 8;

/// Key of a block: the number of its first possible member, big-endian.
pub(super) type BlockKey = [u8; KEY_LEN];

/// Where an entity lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) block: BlockKey,
    pub(super) offset: u16,
}

impl Place {
    /// The block and the offset of `key`; `None` when it is stored by itself.
    pub(super) fn of(kind: EntityKind, key: &[u8]) -> Option<Self> {
        let bits = kind.block_bits();
        let number = u64::from_be_bytes(key.try_into().ok().filter(|_| bits > 0)?);
        let mask = (1 << bits) - 1;
        let offset = u16::try_from(number & mask).ok()?;
        Some(Self { block: (number & !mask).to_be_bytes(), offset })
    }

    /// The key that lies here.
    pub(super) fn key(self) -> BlockKey {
        (u64::from_be_bytes(self.block) | u64::from(self.offset)).to_be_bytes()
    }

    /// Whether a row of this key is a block.
    pub(super) fn is_block(kind: EntityKind, row: &[u8]) -> bool {
        kind.block_bits() > 0 && row.len() == KEY_LEN
    }
}

/// One entity in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member<'a> {
    pub(super) offset: u16,
    pub(super) schema: u8,
    pub(super) lsn: Lsn,
    pub(super) payload: &'a [u8],
}

impl Member<'_> {
    pub(super) fn to_entry(self) -> Entry {
        Entry { lsn: self.lsn, schema: self.schema, payload: self.payload.to_vec() }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        // An entity is far smaller: a record of the journal bounds it.
        let length = u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.push(self.schema);
        out.extend_from_slice(&self.lsn.get().to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(self.payload);
    }
}

/// A block that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a block is malformed")]
pub(super) struct Malformed;

/// The members of a block, by offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Members<'a>(pub(super) &'a [u8]);

impl<'a> Members<'a> {
    fn split(bytes: &'a [u8]) -> Option<(Member<'a>, &'a [u8])> {
        let (offset, rest) = bytes.split_first_chunk::<2>()?;
        let (&[schema], rest) = rest.split_first_chunk::<1>()?;
        let (lsn, rest) = rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (payload, rest) = rest.split_at_checked(length)?;
        let (offset, lsn) = (u16::from_le_bytes(*offset), Lsn::new(u64::from_le_bytes(*lsn)));
        Some((Member { offset, schema, lsn, payload }, rest))
    }

    /// The member at `offset`.
    pub(super) fn find(mut self, offset: u16) -> Result<Option<Member<'a>>, Malformed> {
        self.find_map(|member| match member {
            Ok(member) if member.offset < offset => None,
            Ok(member) => Some(Ok((member.offset == offset).then_some(member))),
            Err(malformed) => Some(Err(malformed)),
        })
        .unwrap_or(Ok(None))
    }

    /// The members of both; where both have one, the newer block's.
    pub(super) fn merged(self, newer: Self) -> Result<Vec<u8>, Malformed> {
        let mut malformed = false;
        let changes = newer.map_while(|member| match member {
            Ok(member) => Some((member.offset, Some(member))),
            Err(Malformed) => {
                malformed = true;
                None
            }
        });
        let merged = self.changed(changes)?;
        if malformed { Err(Malformed) } else { Ok(merged) }
    }

    /// The members after `changes`, each an offset with its new member or without one; by offset, each
    /// offset once.
    pub(super) fn changed<'c>(
        self,
        changes: impl Iterator<Item = (u16, Option<Member<'c>>)>,
    ) -> Result<Vec<u8>, Malformed> {
        let mut out = Vec::with_capacity(self.0.len() + 512);
        let mut old = self.peekable();
        for (offset, new) in changes {
            while let Some(member) = old.next_if(|old| old.is_ok_and(|old| old.offset < offset)) {
                member?.encode(&mut out);
            }
            old.next_if(|old| old.is_ok_and(|old| old.offset == offset));
            if let Some(member) = new {
                member.encode(&mut out);
            }
        }
        for member in old {
            member?.encode(&mut out);
        }
        Ok(out)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let split = Self::split(self.0);
        self.0 = split.map_or(&[], |(_, rest)| rest);
        Some(split.map(|(member, _)| member).ok_or(Malformed))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    use super::*;

    /// Bytes before a member's payload.
    const HEADER_LEN: usize = 15;

    fn member(offset: u16, payload: &[u8]) -> Member<'_> {
        Member { offset, schema: 1, lsn: Lsn::new(9), payload }
    }

    fn block(members: &[Member<'_>]) -> Vec<u8> {
        let changes = members.iter().map(|member| (member.offset, Some(*member)));
        Members(&[]).changed(changes).unwrap()
    }

    #[test]
    fn neighbours_share_a_block_and_find_their_keys_again() {
        let bits = EntityKind::Order.block_bits();
        let place = |number: u64| Place::of(EntityKind::Order, &number.to_be_bytes()).unwrap();
        let first = 7 << bits;
        for number in [first, first + 1, first + (1 << bits) - 1] {
            assert_eq!(place(number).block, first.to_be_bytes());
            assert_eq!(place(number).key(), number.to_be_bytes());
        }
        assert_ne!(place(first - 1).block, place(first).block);
        assert_eq!(Place::of(EntityKind::Slot, &[0; 8]), None, "slots stand alone");
        assert_eq!(Place::of(EntityKind::Order, b"short"), None);
    }

    #[test]
    fn the_layout_is_frozen() {
        let bytes = block(&[member(3, b"p"), member(5, b"")]);
        assert_eq!(
            hex::encode(bytes),
            "03000109000000000000000100000070050001090000000000000000000000"
        );
    }

    #[test]
    fn cut_blocks_are_told() {
        let bytes = block(&[member(1, b"one"), member(2, b"two")]);
        for length in 1..bytes.len() {
            let cut = Members(&bytes[..length]);
            let whole = length == HEADER_LEN + 3;
            assert_eq!(cut.last().unwrap().is_ok(), whole, "{length}");
            assert_eq!(cut.find(9).is_ok(), whole, "{length}");
            assert_eq!(cut.changed(std::iter::empty()).is_ok(), whole, "{length}");
        }
    }

    proptest! {
        #[test]
        fn changes_do_what_they_do_to_a_map(
            steps in prop::collection::vec(
                prop::collection::btree_map(0_u16..8, prop::option::of("[a-z]{0,5}"), 0..5),
                0..6,
            ),
        ) {
            let mut expected = BTreeMap::new();
            let mut bytes = Vec::new();
            for step in &steps {
                let changes = step.iter().map(|(offset, text)| {
                    (*offset, text.as_ref().map(|text| member(*offset, text.as_bytes())))
                });
                bytes = Members(&bytes).changed(changes).unwrap();
                for (offset, text) in step {
                    match text {
                        Some(text) => expected.insert(*offset, text.clone()),
                        None => expected.remove(offset),
                    };
                }
            }
            let found: Result<Vec<_>, _> = Members(&bytes).collect();
            let all = expected.iter().map(|(offset, text)| member(*offset, text.as_bytes()));
            prop_assert_eq!(found.unwrap(), all.collect::<Vec<_>>());
            for offset in 0..8 {
                let text = expected.get(&offset).map(|text| member(offset, text.as_bytes()));
                prop_assert_eq!(Members(&bytes).find(offset), Ok(text));
            }
        }
    }
}
