//! Changes on their way into the store while they are being made: whoever encodes writes them into one
//! piece of memory, which the store takes over from time to time.
//!
//! A step of a checkpoint has a hundred thousand changes. A list of them would be large, and who reads
//! meanwhile would wait until all of it has been taken. What is encoded here is not atomic and not durable.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::replace;

use super::block::{Member, Place};
use super::entity::{EntityKind, Key, Put, Removal};
use super::error::SnapshotError;
use super::pace::Pace;
use super::store::SnapshotStore;
use crate::types::Lsn;

/// Bytes after which the store takes what there is: some hundred entities, a tenth of a millisecond's work.
const PIECE_BYTES: usize = 32 * 1024;
/// The same in entities that stand alone: each of these is written to sled at once.
const PIECE_ALONE: usize = 16;

/// Entities that are to disappear with the next checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removals(BTreeMap<EntityKind, BTreeSet<Key>>);

impl Removals {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeSet::is_empty)
    }

    /// Adds one.
    pub fn add(&mut self, kind: EntityKind, key: Key) {
        self.0.entry(kind).or_default().insert(key);
    }

    /// The entity exists again.
    pub(super) fn cancel(&mut self, kind: EntityKind, key: &[u8]) {
        if let Some(keys) = self.0.get_mut(&kind) {
            keys.remove(key);
        }
    }

    /// All of them.
    #[must_use]
    pub fn into_list(self) -> Vec<Removal> {
        let kinds = self.0.into_iter();
        kinds
            .flat_map(|(kind, keys)| keys.into_iter().map(move |key| Removal { kind, key }))
            .collect()
    }
}

impl Extend<Removal> for Removals {
    fn extend<I: IntoIterator<Item = Removal>>(&mut self, removals: I) {
        removals.into_iter().for_each(|Removal { kind, key }| self.add(kind, key));
    }
}

/// Takes changes one after the other; what was said last of an entity counts.
#[derive(Debug)]
pub struct Sink<'a> {
    store: &'a SnapshotStore,
    removals: &'a mut Removals,
    pace: Pace<'a>,
    /// Members of blocks, their payloads one after the other, and where each ends.
    payloads: Vec<u8>,
    members: Vec<(EntityKind, Place, u8, Lsn, usize)>,
    /// Those that stand alone.
    alone: Vec<Put>,
    /// Changes so far.
    changes: usize,
    /// The first failure; from then on nothing is taken.
    failed: Option<SnapshotError>,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        store: &'a SnapshotStore,
        removals: &'a mut Removals,
        pace: Pace<'a>,
    ) -> Self {
        Self {
            store,
            removals,
            pace,
            payloads: Vec::with_capacity(PIECE_BYTES + 4096),
            members: Vec::new(),
            alone: Vec::new(),
            changes: 0,
            failed: None,
        }
    }

    /// The state of an entity, as `encode` writes it: its kind, key, the version of its encoding and the
    /// last record it includes.
    pub fn put(
        &mut self,
        kind: EntityKind,
        key: &[u8],
        (schema, lsn): (u8, Lsn),
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        if self.failed.is_some() {
            return;
        }
        self.changes += 1;
        self.removals.cancel(kind, key);
        if let Some(place) = Place::of(kind, key) {
            encode(&mut self.payloads);
            self.members.push((kind, place, schema, lsn, self.payloads.len()));
        } else {
            let mut payload = Vec::new();
            encode(&mut payload);
            self.alone.push(Put { kind, key: key.into(), schema, lsn, payload });
        }
        if self.payloads.len() >= PIECE_BYTES || self.alone.len() >= PIECE_ALONE {
            self.pass_on();
        }
    }

    /// The same of one that is encoded already.
    pub fn put_encoded(&mut self, Put { kind, key, schema, lsn, payload }: &Put) {
        self.put(*kind, key, (*schema, *lsn), |out| out.extend_from_slice(payload));
    }

    /// An entity is gone: it disappears with the next checkpoint, unless it is put again before.
    pub fn remove(&mut self, Removal { kind, key }: Removal) {
        self.changes += 1;
        self.removals.add(kind, key);
    }

    /// Hands over the rest and says how many changes there were.
    pub(super) fn finish(mut self) -> Result<usize, SnapshotError> {
        self.pass_on();
        self.failed.map_or(Ok(self.changes), Err)
    }

    fn pass_on(&mut self) {
        if self.failed.is_none() {
            let mut begin = 0;
            let members = self.members.iter().map(|(kind, place, schema, lsn, end)| {
                let payload = &self.payloads[replace(&mut begin, *end)..*end];
                (
                    *kind,
                    place.block,
                    Member { offset: place.offset, schema: *schema, lsn: *lsn, payload },
                )
            });
            self.failed = self.store.take(members, &self.alone, self.pace).err();
        }
        self.payloads.clear();
        self.members.clear();
        self.alone.clear();
        self.pace.breathe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::pace::{Backlog, Turns};
    use crate::snapshot::{Opened, SnapshotConfig, Stamp};

    #[test]
    fn what_was_said_last_of_an_entity_counts_across_pieces() {
        let root = tempfile::tempdir().unwrap();
        let stamp = Stamp::new().with("store", 1);
        let Opened { store, .. } =
            SnapshotStore::open(root.path(), &stamp, &SnapshotConfig::default()).unwrap();
        let key = |number: u64| number.to_be_bytes();
        let mut removals = Removals::default();
        removals.add(EntityKind::Order, key(1).into());
        let turns = Turns::new(Backlog::default(), 10);
        let mut sink = Sink::new(&store, &mut removals, Pace::Turns(&turns));
        let many = 3 * PIECE_BYTES as u64 / 100;
        for version in 1..=2 {
            for number in 0..many {
                let kind = if number % 7 == 0 { EntityKind::Slot } else { EntityKind::Order };
                let encode = |out: &mut Vec<u8>| out.extend([number as u8; 100]);
                sink.put(kind, &key(number), (1, Lsn::new(version)), encode);
            }
        }
        sink.remove(Removal { kind: EntityKind::Order, key: key(2).into() });
        sink.remove(Removal { kind: EntityKind::Order, key: key(3).into() });
        sink.put(EntityKind::Order, &key(3), (1, Lsn::new(9)), |out| out.push(9));
        assert_eq!(sink.finish().unwrap(), 2 * many as usize + 3);
        let gone = [Removal { kind: EntityKind::Order, key: key(2).into() }];
        assert_eq!(removals.into_list(), gone, "1 and 3 exist again");
        for number in (0..many).filter(|number| *number != 3) {
            let kind = if number % 7 == 0 { EntityKind::Slot } else { EntityKind::Order };
            let entry = store.get(kind, &key(number)).unwrap().unwrap();
            assert_eq!((entry.lsn, entry.payload), (Lsn::new(2), vec![number as u8; 100]));
        }
        let last = store.get(EntityKind::Order, &key(3)).unwrap().unwrap();
        assert_eq!((last.lsn, last.payload), (Lsn::new(9), vec![9]));
    }
}
