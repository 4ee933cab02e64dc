//! The secrets shared with one agent. None of them is ever shown.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Upper-case hexadecimal MD5 of a password: 32 ASCII characters, as good as the password itself.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct UpperMd5([u8; 32]);

impl UpperMd5 {
    /// Hashes a password.
    #[must_use]
    pub fn of(password: &str) -> Self {
        Self::from_digest(&Md5::digest(password.as_bytes()).into())
    }

    /// Takes a stored digest: 32 hexadecimal digits in either case.
    #[must_use]
    pub fn from_hex(digest: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(digest, &mut bytes).ok()?;
        Some(Self::from_digest(&bytes))
    }

    fn from_digest(digest: &[u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(digest) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(text)
    }

    /// The 32 characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for UpperMd5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpperMd5(****)")
    }
}

/// The HAWK key of an agent, kept as a keyed hash state so that a request costs no key set-up.
/// Source: docs/protocols/ota.md, "HAWK".
#[derive(Clone)]
pub struct HawkCredential {
    keyed: Hmac<Sha256>,
}

impl HawkCredential {
    /// The key is the session key's text followed by the digest of the login password.
    #[must_use]
    pub fn new(session_key: &str, login_password: &UpperMd5) -> Self {
        let mut key = key_text(session_key, login_password);
        let keyed = Hmac::new_from_slice(&key).expect("HMAC takes keys of any length");
        key.zeroize();
        Self { keyed }
    }

    /// HMAC-SHA256 of `text`.
    pub(super) fn mac(&self, text: &[u8]) -> [u8; 32] {
        let mut keyed = self.keyed.clone();
        keyed.update(text);
        keyed.finalize().into_bytes().into()
    }
}

impl fmt::Debug for HawkCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HawkCredential(****)")
    }
}

/// Session key and digest, the text both the HAWK key and the pay-password key are made of.
pub(super) fn key_text(session_key: &str, login_password: &UpperMd5) -> Vec<u8> {
    let mut text = Vec::with_capacity(session_key.len() + 32);
    text.extend_from_slice(session_key.as_bytes());
    text.extend_from_slice(login_password.as_bytes());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_upper_case_however_it_was_stored() {
        let digest = UpperMd5::of("Login#2024");
        assert_eq!(digest.as_bytes(), b"0357B4F8867BABD001D45275BBA96FC6");
        assert_eq!(UpperMd5::from_hex("0357b4f8867babd001d45275bba96fc6"), Some(digest));
        assert_eq!(UpperMd5::from_hex("0357"), None);
        assert_eq!(UpperMd5::from_hex("zz57b4f8867babd001d45275bba96fc6"), None);
    }

    #[test]
    fn nothing_secret_is_shown() {
        let digest = UpperMd5::of("Login#2024");
        let shown = format!("{digest:?} {:?}", HawkCredential::new("session", &digest));
        assert_eq!(shown, "UpperMd5(****) HawkCredential(****)");
    }
}
