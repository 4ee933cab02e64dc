//! The engine's keyed hashes of persons, made with the vault's keys.

use crate::domain::identity::crosswalk;
use crate::engine::admission::{Identity, IdentityHasher};
use crate::types::IdentityHash;
use crate::vault::{IdentityKind, KeyRing};

/// Hashes with a key ring.
pub(super) struct Hasher<'a>(pub(super) &'a KeyRing);

impl IdentityHasher for Hasher<'_> {
    fn hash(&self, identity: Identity<'_>) -> IdentityHash {
        match identity {
            // The coarser of the partners' lists: one passport counts once, whoever sends it.
            Identity::Document(kind, number) => {
                self.0.identity(IdentityKind::Document(crosswalk::to_ota_v5(kind)), number)
            }
            Identity::DocumentCiphertext(text) => {
                self.0.identity(IdentityKind::DocumentCiphertext, text)
            }
            Identity::Mobile(number) => self.0.identity(IdentityKind::Mobile, number),
            Identity::MobileCiphertext(text) => {
                self.0.identity(IdentityKind::MobileCiphertext, text)
            }
            Identity::AgentUser(agent, user) => {
                self.0.identity(IdentityKind::AgentUser, &format!("{agent}/{user}"))
            }
            Identity::OpenId(id) => self.0.identity(IdentityKind::OpenId, id),
        }
    }
}
