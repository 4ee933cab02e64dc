//! The key ring: seals and opens, hashes identities, hands out the code mint.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aes_gcm_siv::aead::inout::InOutBuf;
use aes_gcm_siv::{AeadInOut, AesGcmSiv, Key, KeyInit, Nonce, Tag};
use smallvec::SmallVec;
use zeroize::Zeroizing;

use super::block_cipher::Aes256Encrypt;
use super::code::CodeMint;
use super::key::{DataKey, KEY_LEN, KeyError, Secrets};
use super::key_file::{self, KeySource, MissingKeyFile};
use super::nonce::{NONCE_LEN, nonce};
use crate::types::{IdentityHash, Sealed};

const TAG_LEN: usize = 16;

/// What sealed bytes are for. Bytes sealed for one purpose do not open for another, so one field
/// cannot be passed off as a different one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose(&'static str);

impl Purpose {
    /// The personal part of an order: [`PrivateDetails`](super::PrivateDetails).
    pub const ORDER_DETAILS: Self = Self("order-details");

    /// Another purpose, named once and for ever: the name is part of what is authenticated.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }
}

/// What an identity hash is the hash of. Equal text of different kinds gives different hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityKind {
    /// A document number, with the type character of our crosswalk (`docs/protocols/identity.md`,
    /// "Crosswalk").
    Document(char),
    /// A mobile number.
    Mobile,
    /// A partner's id of its user.
    OpenId,
    /// A document number that arrived encrypted: the ciphertext itself identifies the person.
    DocumentCiphertext,
    /// A mobile number that arrived encrypted.
    MobileCiphertext,
    /// A user of an agent's own system, named with the agent's number.
    AgentUser,
}

/// Why bytes could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The system gave no random bytes for a nonce.
    #[error("no random bytes from the system")]
    NoRandomness,
    /// More than the cipher takes (64 GiB).
    #[error("too long to seal")]
    TooLong,
    /// Could not be encoded.
    #[error("not encodable")]
    Encoding,
}

/// Why sealed bytes could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Sealed under a key this ring does not have.
    #[error("sealed under the key {key_id:08x}, which is not in the key ring")]
    UnknownKey {
        /// The id of that key.
        key_id: u32,
    },
    /// Shorter than a nonce and a tag.
    #[error("sealed bytes are truncated")]
    Truncated,
    /// Changed, sealed for another purpose, or sealed under a different key with the same id.
    #[error("sealed bytes are not authentic")]
    NotAuthentic,
    /// Authentic, but not an encoding this version reads.
    #[error("opened bytes have the unreadable format {format}")]
    UnknownFormat {
        /// The leading format byte.
        format: u8,
    },
}

/// The keys of one installation, ready for use from any thread. Cloning shares them.
///
/// The root, from which identity hashes, voucher codes and the fingerprint come, stays the same for
/// the life of a store. Data keys may be rotated: the first seals, all open.
#[derive(Clone)]
pub struct KeyRing(Arc<Keys>);

/// Only what is derived is kept; the keys themselves are wiped once the ring stands.
struct Keys {
    /// The first seals. Never empty.
    sealing: Vec<SealingKey>,
    identity: blake3::Hasher,
    code: Zeroizing<[u8; KEY_LEN]>,
    fingerprint: [u8; 16],
}

/// AES-256-GCM-SIV.
type Sealer = AesGcmSiv<Aes256Encrypt>;

struct SealingKey {
    id: u32,
    cipher: Sealer,
}

impl KeyRing {
    /// Takes the keys from `environment` when it is given, and otherwise from the key file in `dir`,
    /// which is created with mode 0600 if it is missing and `missing` allows that.
    ///
    /// `environment` is a comma-separated list of 32-byte keys in hexadecimal or Base64, newest
    /// first: the first seals, all open. One entry may be marked `root:`; without a mark the last one
    /// doubles as the root, so it may not be dropped from the list, only marked.
    ///
    /// # Errors
    /// [`KeyError`], never showing key text, when a key is malformed, the file may be used by others
    /// than its owner, or it cannot be read or created.
    pub fn load(
        environment: Option<&str>,
        dir: &Path,
        missing: MissingKeyFile,
    ) -> Result<(Self, KeySource), KeyError> {
        match environment {
            Some(text) => Ok((Self::from_text(text)?, KeySource::Environment)),
            None => {
                let (secrets, source) = key_file::load(dir, missing)?;
                Ok((Self::new(&secrets), source))
            }
        }
    }

    /// Reads a list of keys as [`KeyRing::load`] takes it from the environment.
    ///
    /// # Errors
    /// [`KeyError`], never showing key text.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        Ok(Self::new(&Secrets::parse_list(text)?))
    }

    /// A ring of new random keys that are kept nowhere: for tests and benches.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self::new(&Secrets::generate()?))
    }

    fn new(secrets: &Secrets) -> Self {
        let root = &secrets.root;
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&root.derive("piaoku 2026-11-21 root fingerprint v1")[..16]);
        let identity = root.derive("piaoku 2026-11-21 identity hash v1");
        Self(Arc::new(Keys {
            sealing: secrets.sealing.iter().map(SealingKey::new).collect(),
            identity: blake3::Hasher::new_keyed(&identity),
            code: root.derive("piaoku 2026-11-21 voucher code permutation v1"),
            fingerprint,
        }))
    }

    /// 32 hexadecimal digits that tell one root from another and nothing else about it. A store that
    /// carries a different fingerprint belongs to other keys. The same before and after a rotation.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(self.0.fingerprint)
    }

    /// Ids of the data keys, the sealing one first.
    pub fn key_ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.sealing.iter().map(|key| key.id)
    }

    /// The mint of voucher codes. It expands its key here, so make one and keep it.
    #[must_use]
    pub fn code_mint(&self) -> CodeMint {
        CodeMint::new(&self.0.code)
    }

    /// Encrypts and authenticates `plaintext` for `purpose` under the newest key. Sealing the same
    /// text twice gives different bytes. An empty text gives [`Sealed::default`].
    ///
    /// # Errors
    /// [`SealError`]; nothing that fits a request body is too long.
    pub fn seal(&self, purpose: Purpose, plaintext: &[u8]) -> Result<Sealed, SealError> {
        if plaintext.is_empty() {
            return Ok(Sealed::default());
        }
        let key = &self.0.sealing[0];
        let nonce = nonce().map_err(|_| SealError::NoRandomness)?;
        let mut bytes = Vec::with_capacity(NONCE_LEN + plaintext.len() + TAG_LEN);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(plaintext);
        let tag = key
            .cipher
            .encrypt_inout_detached(
                &Nonce::from(nonce),
                &associated_data(purpose, key.id),
                InOutBuf::from(&mut bytes[NONCE_LEN..]),
            )
            .map_err(|_| SealError::TooLong)?;
        bytes.extend_from_slice(&tag);
        Ok(Sealed { key_id: key.id, bytes: bytes.into_boxed_slice() })
    }

    /// Checks and decrypts what [`KeyRing::seal`] made for the same purpose. The result is wiped
    /// when dropped.
    ///
    /// # Errors
    /// [`OpenError`], when the key is missing, the bytes were changed or are for another purpose.
    pub fn open(&self, purpose: Purpose, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        if sealed.bytes.is_empty() {
            return Ok(Zeroizing::default());
        }
        let key_id = sealed.key_id;
        let key = self.0.sealing.iter().find(|key| key.id == key_id);
        let key = key.ok_or(OpenError::UnknownKey { key_id })?;
        let (nonce, rest) =
            sealed.bytes.split_first_chunk::<NONCE_LEN>().ok_or(OpenError::Truncated)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(OpenError::Truncated)?;
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        key.cipher
            .decrypt_inout_detached(
                &Nonce::from(*nonce),
                &associated_data(purpose, key_id),
                InOutBuf::from(plaintext.as_mut_slice()),
                &Tag::from(*tag),
            )
            .map_err(|_| OpenError::NotAuthentic)?;
        Ok(plaintext)
    }

    /// The keyed hash under which limits count a person. `normalised` is what the caller compares
    /// by: a document in upper case without blanks, a mobile without separators, a ciphertext as sent.
    #[must_use]
    pub fn identity(&self, kind: IdentityKind, normalised: &str) -> IdentityHash {
        let (tag, document_type) = match kind {
            IdentityKind::Document(document_type) => (1_u8, document_type),
            IdentityKind::Mobile => (2, '\0'),
            IdentityKind::OpenId => (3, '\0'),
            IdentityKind::DocumentCiphertext => (4, '\0'),
            IdentityKind::MobileCiphertext => (5, '\0'),
            IdentityKind::AgentUser => (6, '\0'),
        };
        // 13 bytes of fixed length before the text: no two inputs share an encoding.
        let mut prefix = [0; 13];
        prefix[0] = tag;
        prefix[1..5].copy_from_slice(&u32::from(document_type).to_le_bytes());
        prefix[5..].copy_from_slice(&(normalised.len() as u64).to_le_bytes());
        let mut hasher = self.0.identity.clone();
        hasher.update(&prefix).update(normalised.as_bytes());
        let mut bits = [0; 16];
        bits.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        IdentityHash::new(u128::from_be_bytes(bits))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} data keys)", self.0.sealing.len())
    }
}

impl SealingKey {
    fn new(key: &DataKey) -> Self {
        let derived = key.derive("piaoku 2026-11-21 sealing v1");
        let cipher = Sealer::new(<&Key<Sealer>>::from(&*derived));
        Self { id: key.id(), cipher }
    }
}

/// Key id, then the purpose's name: the id has a fixed length, so the two cannot run together.
fn associated_data(purpose: Purpose, key_id: u32) -> SmallVec<[u8; 48]> {
    let mut data = SmallVec::new();
    data.extend_from_slice(&key_id.to_le_bytes());
    data.extend_from_slice(purpose.0.as_bytes());
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const A: &str = "a00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const B: &str = "b00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const SECRET: &[u8] = b"11010519491231002X";

    fn ring(text: &str) -> KeyRing {
        KeyRing::from_text(text).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_and_shows_nothing() {
        let ring = ring(A);
        let sealed = ring.seal(Purpose::ORDER_DETAILS, SECRET).unwrap();
        assert_eq!(sealed.bytes.len(), NONCE_LEN + SECRET.len() + TAG_LEN);
        assert!(!sealed.bytes.windows(4).any(|part| SECRET.windows(4).any(|w| w == part)));
        assert_eq!(ring.open(Purpose::ORDER_DETAILS, &sealed).unwrap().as_slice(), SECRET);
        assert_ne!(ring.seal(Purpose::ORDER_DETAILS, SECRET).unwrap(), sealed, "fresh nonce");
        assert!(!format!("{ring:?}").contains("a001"));
    }

    #[test]
    fn nothing_seals_to_nothing() {
        let ring = ring(A);
        let sealed = ring.seal(Purpose::ORDER_DETAILS, b"").unwrap();
        assert_eq!(sealed, Sealed::default());
        assert!(ring.open(Purpose::ORDER_DETAILS, &sealed).unwrap().is_empty());
    }

    #[test]
    fn changed_bytes_purposes_and_key_ids_do_not_open() {
        let ring = ring(&format!("{B},{A}"));
        let good = ring.seal(Purpose::ORDER_DETAILS, SECRET).unwrap();
        for index in 0..good.bytes.len() {
            let mut bad = good.clone();
            bad.bytes[index] ^= 1;
            let opened = ring.open(Purpose::ORDER_DETAILS, &bad).map(|_| ());
            assert_eq!(opened, Err(OpenError::NotAuthentic), "byte {index}");
        }
        let open = |purpose, sealed: &Sealed| ring.open(purpose, sealed).map(|_| ());
        assert_eq!(open(Purpose::new("other"), &good), Err(OpenError::NotAuthentic));
        let other_id = ring.key_ids().nth(1).unwrap();
        let moved = Sealed { key_id: other_id, ..good.clone() };
        assert_eq!(open(Purpose::ORDER_DETAILS, &moved), Err(OpenError::NotAuthentic));
        let short = Sealed { bytes: good.bytes[..27].into(), ..good };
        assert_eq!(open(Purpose::ORDER_DETAILS, &short), Err(OpenError::Truncated));
    }

    #[test]
    fn a_rotation_keeps_everything_but_the_sealing_key() {
        let before = ring(A);
        let old = before.seal(Purpose::ORDER_DETAILS, SECRET).unwrap();
        let after = ring(&format!("{B},{A}"));
        assert_eq!(after.open(Purpose::ORDER_DETAILS, &old).unwrap().as_slice(), SECRET);
        let new = after.seal(Purpose::ORDER_DETAILS, SECRET).unwrap();
        assert_ne!(new.key_id, old.key_id);
        assert_eq!(
            before.open(Purpose::ORDER_DETAILS, &new).map(|_| ()),
            Err(OpenError::UnknownKey { key_id: new.key_id })
        );
        let partition = crate::types::PartitionNo::new(3);
        // Retiring the old data key entirely keeps its root.
        for later in [after, ring(&format!("root:{A},{B}"))] {
            assert_eq!(later.fingerprint(), before.fingerprint());
            assert_eq!(
                later.identity(IdentityKind::Mobile, "13800000000"),
                before.identity(IdentityKind::Mobile, "13800000000")
            );
            assert_eq!(
                later.code_mint().mint(partition, 7).unwrap(),
                before.code_mint().mint(partition, 7).unwrap()
            );
        }
        assert_ne!(ring(B).fingerprint(), before.fingerprint());
    }

    #[test]
    fn equal_text_of_different_kinds_never_collides() {
        let ring = ring(A);
        let kinds = [
            IdentityKind::Document('1'),
            IdentityKind::Document('2'),
            IdentityKind::Mobile,
            IdentityKind::OpenId,
            IdentityKind::DocumentCiphertext,
            IdentityKind::MobileCiphertext,
        ];
        let hashes: HashSet<_> = kinds.iter().map(|kind| ring.identity(*kind, "1")).collect();
        assert_eq!(hashes.len(), kinds.len());
        assert_eq!(ring.identity(kinds[0], "1"), ring.clone().identity(kinds[0], "1"));
        assert_ne!(ring.identity(kinds[0], "1"), ring.identity(kinds[0], "11"));
        let other = KeyRing::from_text(B).unwrap();
        assert_ne!(ring.identity(kinds[0], "1"), other.identity(kinds[0], "1"), "keyed");
    }

    /// Stored for ever in journals: a change of derivation or encoding must fail here.
    #[test]
    fn derivations_are_frozen() {
        let ring = ring(A);
        let identity = ring.identity(IdentityKind::Document('1'), "11010519491231002X").get();
        let code = ring.code_mint().mint(crate::types::PartitionNo::new(0), 0).unwrap();
        let ids: Vec<u32> = ring.key_ids().collect();
        assert_eq!((ring.fingerprint().as_str(), ids[0], identity, code.to_number()), FROZEN,);
        let sealed = hex::decode(FROZEN_SEALED).unwrap().into_boxed_slice();
        let sealed = Sealed { key_id: FROZEN.1, bytes: sealed };
        assert_eq!(ring.open(Purpose::ORDER_DETAILS, &sealed).unwrap().as_slice(), SECRET);
    }

    const FROZEN: (&str, u32, u128, u64) = (
        "52e6fda7fc03b9bfca34d6ddff691762",
        3_637_522_302,
        279_064_150_536_907_511_123_196_485_984_719_153_680,
        778_313_727_326,
    );
    const FROZEN_SEALED: &str = "66cc4c4fc700b927d316efd6fadf49ce09cf36b95c34b1de7df396b7d3d2a8889719c436d4ebd44d6498cda4a1c6";

    #[test]
    fn the_environment_goes_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let (ring, source) = KeyRing::load(Some(A), dir.path(), MissingKeyFile::Create).unwrap();
        assert_eq!(source, KeySource::Environment);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let (from_file, _) = KeyRing::load(None, dir.path(), MissingKeyFile::Create).unwrap();
        assert_ne!(from_file.fingerprint(), ring.fingerprint());
        // An empty variable is a mistake, not a wish for the file.
        assert!(KeyRing::load(Some(""), dir.path(), MissingKeyFile::Create).is_err());
    }
}
