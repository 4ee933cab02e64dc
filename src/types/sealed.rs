//! Personal data as the engine carries it: sealed bytes and keyed hashes, never the value.

use std::fmt;

/// Authenticated ciphertext of personal data, with the id of the key that sealed it.
/// The engine stores and returns it and cannot read it; `vault` makes and opens it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Sealed {
    /// Which data key sealed the bytes.
    pub key_id: u32,
    /// Nonce and ciphertext. Empty when there was nothing to seal.
    pub bytes: Box<[u8]>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.bytes.len())
    }
}

/// Keyed hash of a normalised document or mobile: equal for equal persons, useless without the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityHash {
    /// Halves, so that whatever carries one needs no alignment beyond that of other numbers.
    high: u64,
    low: u64,
}

impl IdentityHash {
    /// Wraps the first 128 bits of a keyed hash.
    #[must_use]
    pub const fn new(bits: u128) -> Self {
        Self { high: (bits >> 64) as u64, low: bits as u64 }
    }

    /// The bits.
    #[must_use]
    pub const fn get(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }
}

impl fmt::Debug for IdentityHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityHash({:08x}…)", (self.high >> 32) as u32)
    }
}
