//! Keeps personal data unreadable: seals it, hashes identities under a key, mints voucher codes.
//!
//! Everything below this module sees only [`Sealed`](crate::types::Sealed) bytes and
//! [`IdentityHash`](crate::types::IdentityHash)es. The vault does not decide who may read what, does
//! not normalise documents or mobiles, keeps no state besides its keys, and reads neither the
//! environment nor a clock. Why it is built this way: `docs/adr/0004-personal-data.md`.
//!
//! | what | how | under which key |
//! | --- | --- | --- |
//! | [`KeyRing::seal`] | AES-256-GCM-SIV (RFC 8452), random nonce | the first data key; older ones open |
//! | [`KeyRing::identity`] | BLAKE3 in keyed mode, 128 bits | the root, so that counters outlive a rotation |
//! | [`CodeMint`] | FF1 (NIST SP 800-38G) and a Damm digit | the root, so that a code is never minted twice |

pub mod agent_secrets;
mod block_cipher;
mod code;
mod damm;
mod ff1;
mod key;
mod key_file;
mod nonce;
mod private;
mod ring;

pub use code::{CodeMint, CodeSpaceExhausted, MintedAhead, PARTITIONS_MAX};
pub use key::KeyError;
pub use key_file::{KEY_FILE_NAME, KeySource, MissingKeyFile};
pub use private::{PrivateDetails, PrivateTraveller};
pub use ring::{IdentityKind, KeyRing, OpenError, Purpose, SealError};
