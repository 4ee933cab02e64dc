//! The contents sum: notices what sled lost without saying so.
//!
//! A damaged sled 0.34 file often opens without an error: whole pages come back in an older version,
//! each of them well-formed, so no checksum of a single value helps. An entity older than its
//! partition's watermark would make replay skip records it lacks.
//!
//! So the store keeps the sum (modulo 2¹²⁸) of a hash of every stored value's header, and writes it with each
//! checkpoint. Adding and subtracting keeps it current without reading the store. Checkpoints are
//! numbered by *epochs*. A value written after checkpoint `e` belongs to epoch `e + 1` and carries in
//! `covered` what its key had added to the sum of checkpoint `e`; so that sum can be recomputed however
//! many of the later writes survived a crash:
//!
//! ```text
//! sum of checkpoint e  =  Σ hash(value)        over values of epochs up to e
//!                       + Σ covered(value)     over values of epoch e + 1
//! ```

use std::collections::BTreeMap;

use super::frame::{Frame, HEADER_LEN};
use crate::types::{Lsn, PartitionNo};

/// What a value adds to the sum: a hash of its place and of its header, in which the checksum stands for the
/// payload. Whoever reads a value compares that first.
pub(super) fn value_hash(kind: u8, key: &[u8], value: &[u8]) -> u128 {
    let header = &value[..value.len().min(HEADER_LEN)];
    let lengths = [key.len() as u64, value.len() as u64].map(u64::to_le_bytes);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[kind]).update(lengths.as_flattened()).update(key).update(header);
    let mut bits = [0; 16];
    bits.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(bits)
}

/// The sums as found by reading every value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Over everything there is.
    pub(super) current: u128,
    /// Over what the last checkpoint covered.
    pub(super) at_checkpoint: u128,
}

impl Found {
    /// Adds one value. `None` when it is of an epoch that cannot exist after checkpoint `epoch`:
    /// then that checkpoint is itself an older version.
    pub(super) fn add(&mut self, epoch: u64, frame: &Frame<'_>, hash: u128) -> Option<()> {
        self.current = self.current.wrapping_add(hash);
        let covered = match frame.epoch.checked_sub(epoch) {
            None | Some(0) => hash,
            Some(1) => frame.covered,
            Some(_) => return None,
        };
        self.at_checkpoint = self.at_checkpoint.wrapping_add(covered);
        Some(())
    }

    /// Both sums over what either was found in.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            current: self.current.wrapping_add(other.current),
            at_checkpoint: self.at_checkpoint.wrapping_add(other.at_checkpoint),
        }
    }
}

/// What a checkpoint says, stored as one value so that it is true as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// Counts checkpoints; 0 is the empty store.
    pub(super) epoch: u64,
    /// Sum over everything stored.
    pub(super) sum: u128,
    /// Up to where each partition is stored.
    pub(super) watermarks: BTreeMap<PartitionNo, Lsn>,
}

impl Checkpoint {
    /// `epoch (8) | sum (16) | (partition (2) | LSN (8))*`, little-endian.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(24 + 10 * self.watermarks.len());
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.sum.to_le_bytes());
        for (partition, lsn) in &self.watermarks {
            bytes.extend_from_slice(&partition.get().to_le_bytes());
            bytes.extend_from_slice(&lsn.get().to_le_bytes());
        }
        bytes
    }

    /// Reads [`Checkpoint::encode`]'s bytes; `None` when they are something else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (epoch, rest) = bytes.split_first_chunk::<8>()?;
        let (sum, rest) = rest.split_first_chunk::<16>()?;
        let (rows, []) = rest.as_chunks::<10>() else { return None };
        let watermarks = rows.iter().map(|[p0, p1, lsn @ ..]| {
            let partition = PartitionNo::new(u16::from_le_bytes([*p0, *p1]));
            (partition, Lsn::new(u64::from_le_bytes(*lsn)))
        });
        Some(Self {
            epoch: u64::from_le_bytes(*epoch),
            sum: u128::from_le_bytes(*sum),
            watermarks: watermarks.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_comes_back_and_nonsense_does_not() {
        let watermarks = [(1, 7), (63, u64::MAX)].map(|(p, l)| (PartitionNo::new(p), Lsn::new(l)));
        let checkpoint = Checkpoint { epoch: 3, sum: 1 << 100, watermarks: watermarks.into() };
        let bytes = checkpoint.encode();
        assert_eq!(Checkpoint::decode(&bytes), Some(checkpoint));
        assert_eq!(Checkpoint::decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Checkpoint::decode(&bytes[..23]), None);
    }

    #[test]
    fn later_values_count_with_what_they_replaced() {
        let frame =
            |epoch, covered| Frame { schema: 1, lsn: Lsn::ZERO, epoch, covered, payload: &[] };
        let mut found = Found::default();
        assert_eq!(found.add(4, &frame(2, 0), 100), Some(()));
        assert_eq!(found.add(4, &frame(4, 9), 10), Some(()));
        assert_eq!(found.add(4, &frame(5, 3), 1), Some(()));
        assert_eq!(found, Found { current: 111, at_checkpoint: 113 });
        assert_eq!(found.add(4, &frame(6, 0), 1), None);
        assert_eq!(found.and(Found::default()), found);
    }

    #[test]
    fn the_hash_tells_places_apart() {
        let hash = value_hash(1, b"k", b"v");
        for (kind, key, value) in [(2, "k", "v"), (1, "kv", ""), (1, "", "kv"), (1, "k", "w")] {
            assert_ne!(value_hash(kind, key.as_bytes(), value.as_bytes()), hash);
        }
    }
}
