//! The engine's keyed hashes of persons, made with the vault's keys.

use crate::domain::identity::{DocumentType, PersonalText, crosswalk, is_ciphertext};
use crate::engine::admission::IdentityHasher;
use crate::types::IdentityHash;
use crate::vault::{IdentityKind, KeyRing};

/// Hashes with a key ring.
pub(super) struct Hasher<'a>(pub(super) &'a KeyRing);

impl IdentityHasher for Hasher<'_> {
    fn document(&self, kind: DocumentType, normalised: &str) -> IdentityHash {
        if is_ciphertext(normalised, PersonalText::Clear) {
            return self.0.identity(IdentityKind::DocumentCiphertext, normalised);
        }
        // The coarser of the partners' lists: one passport counts once, whoever sends it.
        self.0.identity(IdentityKind::Document(crosswalk::to_ota_v5(kind)), normalised)
    }

    fn mobile(&self, normalised: &str) -> IdentityHash {
        if is_ciphertext(normalised, PersonalText::Clear) {
            return self.0.identity(IdentityKind::MobileCiphertext, normalised);
        }
        self.0.identity(IdentityKind::Mobile, normalised)
    }
}
