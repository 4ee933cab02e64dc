//! The bytes of a stored value, integers little-endian:
//! `CRC-32C (4) | schema (1) | LSN (8) | epoch (8) | covered (16) | payload`.
//!
//! The checksum covers the kind's code, the key with its length, and everything after itself, so a
//! value found under another key is as wrong as a flipped bit. `epoch` and `covered` serve the
//! [contents sum](super::contents).

use super::entity::Entry;
use crate::types::Lsn;

/// Bytes before the payload.
pub(super) const HEADER_LEN: usize = 37;

/// A stored value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Version of the payload's encoding.
    pub(super) schema: u8,
    /// The last record the state includes.
    pub(super) lsn: Lsn,
    /// The checkpoint that covers it, or will.
    pub(super) epoch: u64,
    /// What the key added to the sum of the checkpoint before `epoch`.
    pub(super) covered: u128,
    /// The encoded state.
    pub(super) payload: &'a [u8],
}

/// Not a value that was written under this kind and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// Shorter than its header.
    #[error("a value is cut off")]
    Short,
    /// The checksum does not fit.
    #[error("a value has the wrong checksum")]
    Checksum,
}

impl<'a> Frame<'a> {
    pub(super) fn encode(&self, kind: u8, key: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + self.payload.len());
        bytes.extend_from_slice(&[0; 4]);
        bytes.push(self.schema);
        bytes.extend_from_slice(&self.lsn.get().to_le_bytes());
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.covered.to_le_bytes());
        bytes.extend_from_slice(self.payload);
        let checksum = checksum(kind, key, &bytes[4..]);
        bytes[..4].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(kind: u8, key: &[u8], bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (stored, rest) = bytes.split_first_chunk::<4>().ok_or(FrameError::Short)?;
        let (&[schema], after) = rest.split_first_chunk::<1>().ok_or(FrameError::Short)?;
        let (lsn, after) = after.split_first_chunk::<8>().ok_or(FrameError::Short)?;
        let (epoch, after) = after.split_first_chunk::<8>().ok_or(FrameError::Short)?;
        let (covered, payload) = after.split_first_chunk::<16>().ok_or(FrameError::Short)?;
        if u32::from_le_bytes(*stored) != checksum(kind, key, rest) {
            return Err(FrameError::Checksum);
        }
        Ok(Self {
            schema,
            lsn: Lsn::new(u64::from_le_bytes(*lsn)),
            epoch: u64::from_le_bytes(*epoch),
            covered: u128::from_le_bytes(*covered),
            payload,
        })
    }

    pub(super) fn to_entry(self) -> Entry {
        Entry { lsn: self.lsn, schema: self.schema, payload: self.payload.to_vec() }
    }
}

fn checksum(kind: u8, key: &[u8], rest: &[u8]) -> u32 {
    let checksum = crc32c::crc32c(&[kind]);
    let checksum = crc32c::crc32c_append(checksum, &(key.len() as u64).to_le_bytes());
    let checksum = crc32c::crc32c_append(checksum, key);
    crc32c::crc32c_append(checksum, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> Frame<'_> {
        Frame { schema: 3, lsn: Lsn::new(0x0102), epoch: 5, covered: 6 << 64, payload }
    }

    #[test]
    fn every_flipped_bit_and_every_other_place_shows() {
        let bytes = frame(b"state").encode(1, b"key");
        assert_eq!(Frame::decode(1, b"key", &bytes), Ok(frame(b"state")));
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::decode(1, b"key", &wrong), Err(FrameError::Checksum), "bit {bit}");
        }
        for (kind, key) in [(2, "key"), (1, "kex"), (1, "ke"), (1, "")] {
            assert_eq!(Frame::decode(kind, key.as_bytes(), &bytes), Err(FrameError::Checksum));
        }
        for length in 0..HEADER_LEN {
            assert_eq!(Frame::decode(1, b"key", &bytes[..length]), Err(FrameError::Short));
        }
    }

    /// Stores of a released version must stay readable or be told apart by the stamp.
    #[test]
    fn the_layout_is_frozen() {
        let bytes = frame(b"p").encode(1, b"k");
        assert_eq!(
            hex::encode(bytes),
            "c2dcff5c03020100000000000005000000000000000000000000000000060000000000000070"
        );
    }
}
