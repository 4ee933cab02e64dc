//! Data keys: their text form, their ids and what is derived from them.
//!
//! No text of a key ever reaches an error, a log or a `Debug` output.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Length of every key in bytes.
pub(super) const KEY_LEN: usize = 32;
/// Most data keys in one ring: one seals, the others only open.
pub(super) const SEALING_KEYS_MAX: usize = 32;

/// Why there are no usable keys. Never shows any of their text.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Neither 64 hexadecimal digits nor the Base64 of 32 bytes.
    #[error("{place}: not a key (32 bytes as hexadecimal or Base64)")]
    Malformed {
        /// Which entry or line, counting from 1.
        place: String,
    },
    /// All bytes are zero, which is a placeholder and not a key.
    #[error("{place}: an all-zero key protects nothing")]
    AllZero {
        /// Which entry or line, counting from 1.
        place: String,
    },
    /// No key that could seal was given.
    #[error("no data key given")]
    NoSealingKey,
    /// The root was given more than once, or not at all where it must be.
    #[error("exactly one root key is needed, found {found}")]
    RootCount {
        /// How many there were.
        found: usize,
    },
    /// Two data keys have the same id: the same key twice.
    #[error("the data key with id {key_id:08x} is given twice")]
    Duplicate {
        /// The id they share.
        key_id: u32,
    },
    /// More than 32 data keys.
    #[error("more than {SEALING_KEYS_MAX} data keys")]
    TooMany,
    /// The key file is not one of ours, or of a later version.
    #[error("key file {}: {reason}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Others than its owner may read or write the key file.
    #[error(
        "key file {} may be used by others than its owner (mode {mode:04o}); run: chmod 600 {}",
        path.display(),
        path.display()
    )]
    FileOpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is no key file, and the caller forbade creating one: a store without its keys.
    #[error("key file {} is missing, and without it the existing store cannot be read", path.display())]
    FileMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The key file cannot be read, created or synced.
    #[error("key file {}: {error}", path.display())]
    Io {
        /// The file or its directory.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The system gave no random bytes.
    #[error("no random bytes from the system")]
    NoRandomness,
}

/// 256 secret bits, wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct DataKey([u8; KEY_LEN]);

impl DataKey {
    /// A new key from the system's generator.
    pub(super) fn generate() -> Result<Self, KeyError> {
        let mut key = Self([0; KEY_LEN]);
        getrandom::fill(&mut key.0).map_err(|_| KeyError::NoRandomness)?;
        Ok(key)
    }

    /// Reads 64 hexadecimal digits or Base64 (standard alphabet, padding optional) of 32 bytes.
    /// `place` names the entry in errors.
    pub(super) fn parse(text: &str, place: impl Fn() -> String) -> Result<Self, KeyError> {
        // Base64 of 32 bytes has 43 or 44 characters, so the two forms cannot be confused.
        let mut key = Self([0; KEY_LEN]);
        let read = if text.len() == 2 * KEY_LEN {
            hex::decode_to_slice(text, &mut key.0).is_ok()
        } else if (43..=44).contains(&text.len()) {
            // The decoder asks for room in whole groups of three bytes.
            let mut buffer = Zeroizing::new([0; 48]);
            match BASE64.decode_slice(text, buffer.as_mut_slice()) {
                Ok(KEY_LEN) => {
                    key.0.copy_from_slice(&buffer[..KEY_LEN]);
                    true
                }
                _ => false,
            }
        } else {
            false
        };
        if !read {
            return Err(KeyError::Malformed { place: place() });
        }
        if key.0 == [0; KEY_LEN] {
            return Err(KeyError::AllZero { place: place() });
        }
        Ok(key)
    }

    /// The key as 64 hexadecimal digits, wiped when dropped.
    pub(super) fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0))
    }

    /// A key for one use, which tells nothing about this key or those of other uses.
    pub(super) fn derive(&self, context: &'static str) -> Zeroizing<[u8; KEY_LEN]> {
        Zeroizing::new(blake3::derive_key(context, &self.0))
    }

    /// The id stored beside everything this key sealed: stable, and safe to show.
    pub(super) fn id(&self) -> u32 {
        let derived = self.derive("piaoku 2026-11-21 data key id v1");
        u32::from_le_bytes([derived[0], derived[1], derived[2], derived[3]])
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// What one installation keeps secret: a root that never changes and the data keys, newest first.
#[derive(Debug)]
pub(super) struct Secrets {
    /// Identity hashes, voucher codes and the fingerprint come from it.
    pub(super) root: DataKey,
    /// Data keys. The first seals, all open. Never empty, ids distinct.
    pub(super) sealing: Vec<DataKey>,
}

impl Secrets {
    /// A new root and one data key.
    pub(super) fn generate() -> Result<Self, KeyError> {
        Ok(Self { root: DataKey::generate()?, sealing: vec![DataKey::generate()?] })
    }

    /// Reads comma-separated keys, newest first; one may be marked `root:`. Without a mark the last,
    /// oldest key doubles as the root, so that putting a new key in front is all a rotation takes.
    pub(super) fn parse_list(text: &str) -> Result<Self, KeyError> {
        let mut roots = Vec::new();
        let mut sealing = Vec::new();
        for (index, entry) in text.split(',').map(str::trim).enumerate() {
            let place = || format!("key {} of the list", index + 1);
            match entry.strip_prefix("root:") {
                Some(root) => roots.push(DataKey::parse(root.trim(), place)?),
                None => sealing.push(DataKey::parse(entry, place)?),
            }
        }
        if roots.is_empty() {
            roots.extend(sealing.last().cloned());
        }
        Self::checked(roots, sealing)
    }

    /// Checks what every source must fulfil.
    pub(super) fn checked(
        mut roots: Vec<DataKey>,
        sealing: Vec<DataKey>,
    ) -> Result<Self, KeyError> {
        if sealing.is_empty() {
            return Err(KeyError::NoSealingKey);
        }
        if sealing.len() > SEALING_KEYS_MAX {
            return Err(KeyError::TooMany);
        }
        let ids: Vec<u32> = sealing.iter().map(DataKey::id).collect();
        for (index, key_id) in ids.iter().enumerate() {
            if ids[..index].contains(key_id) {
                return Err(KeyError::Duplicate { key_id: *key_id });
            }
        }
        match (roots.pop(), roots.len()) {
            (Some(root), 0) => Ok(Self { root, sealing }),
            (root, others) => {
                Err(KeyError::RootCount { found: others + usize::from(root.is_some()) })
            }
        }
    }
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    const HEX_A: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const BASE64_A: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const HEX_B: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn place() -> String {
        "here".to_owned()
    }

    #[test]
    fn a_key_is_read_from_hexadecimal_or_base64() {
        let expected = DataKey::parse(HEX_A, place).unwrap();
        for text in [BASE64_A, BASE64_A.trim_end_matches('='), &HEX_A.to_uppercase()] {
            assert_eq!(DataKey::parse(text, place).unwrap().0, expected.0, "{text}");
        }
        assert_eq!(expected.to_hex().as_str(), HEX_A);
    }

    #[test]
    fn anything_else_is_refused_without_being_shown() {
        for text in
            ["", "secret", &HEX_A[1..], &format!("{}g", &HEX_A[1..]), "AAEC", &"*".repeat(44)]
        {
            let error = DataKey::parse(text, place).unwrap_err();
            assert!(matches!(error, KeyError::Malformed { .. }), "{text:?}");
            assert!(text.is_empty() || !format!("{error} {error:?}").contains(text));
        }
        let zero = DataKey::parse(&"0".repeat(64), place);
        assert!(matches!(zero, Err(KeyError::AllZero { .. })));
        assert_eq!(format!("{:?}", DataKey::parse(HEX_A, place).unwrap()), "DataKey(…)");
    }

    #[test]
    fn the_root_is_marked_or_the_oldest() {
        let root = |text: &str| Secrets::parse_list(text).unwrap().root.to_hex().to_string();
        assert_eq!(root(HEX_A), HEX_A);
        assert_eq!(root(&format!("{HEX_B}, {HEX_A}")), HEX_A);
        assert_eq!(root(&format!("root:{HEX_A},{HEX_B}")), HEX_A);
        assert_eq!(root(&format!("{HEX_B}, root: {HEX_A}")), HEX_A);
    }

    #[test]
    fn lists_that_cannot_work_are_refused() {
        let check = |text: &str, expected: fn(&KeyError) -> bool| {
            let error = Secrets::parse_list(text).unwrap_err();
            assert!(expected(&error), "{error}");
        };
        check("", |e| matches!(e, KeyError::Malformed { .. }));
        check(&format!("{HEX_A},"), |e| matches!(e, KeyError::Malformed { .. }));
        check(&format!("root:{HEX_A}"), |e| matches!(e, KeyError::NoSealingKey));
        check(&format!("{HEX_A},{BASE64_A}"), |e| matches!(e, KeyError::Duplicate { .. }));
        check(&format!("root:{HEX_A},root:{HEX_B},{HEX_B}"), |e| {
            matches!(e, KeyError::RootCount { found: 2 })
        });
        let many: Vec<String> = (1..=33).map(|n| format!("{n:064x}")).collect();
        check(&many.join(","), |e| matches!(e, KeyError::TooMany));
    }
}
