//! Encrypted personal fields: telling them apart, and the local cipher.
//!
//! Values under Douyin's own key can only be decrypted by a call to Douyin, which is not made
//! here. Source: docs/protocols/douyin.md, "Encrypted fields".

use std::fmt;

use aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::sign::ClientSecret;

const KEY_LEN: usize = 32;
const BLOCK: usize = 16;
/// Longest plain text sealed or opened; names, mobiles and documents are far shorter.
const TEXT_LEN_MAX: usize = 1024;

/// Whether a value can only be decrypted by Douyin.
#[must_use]
pub fn is_remote(value: &str) -> bool {
    value.starts_with("Enc.")
}

/// Which end of a secret longer than the key is cut off. The partner does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyTrim {
    /// Both ends, the left one losing the odd character: the mirror image of the padding.
    #[default]
    BothEnds,
    /// The beginning.
    Start,
    /// The end.
    End,
}

/// Why a value cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field cannot be decrypted")]
pub struct FieldError;

/// The key of locally encrypted fields.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct FieldKey([u8; KEY_LEN]);

impl FieldKey {
    /// Makes the key of a secret: padded with `#` on both sides, the left getting the odd one, or
    /// trimmed when longer.
    #[must_use]
    pub fn new(secret: &ClientSecret, trim: KeyTrim) -> Self {
        let secret = secret.expose().as_bytes();
        let mut key = [b'#'; KEY_LEN];
        if let Some(missing) = KEY_LEN.checked_sub(secret.len()) {
            let left = missing.div_ceil(2);
            key[left..left + secret.len()].copy_from_slice(secret);
        } else {
            let extra = secret.len() - KEY_LEN;
            let left = match trim {
                KeyTrim::BothEnds => extra.div_ceil(2),
                KeyTrim::Start => extra,
                KeyTrim::End => 0,
            };
            key.copy_from_slice(&secret[left..left + KEY_LEN]);
        }
        Self(key)
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        // The initialisation vector is the second half of the key.
        (&self.0, &self.0[KEY_LEN - BLOCK..])
    }

    /// Decrypts a value.
    ///
    /// # Errors
    /// [`FieldError`] for a value that is not Base64, not whole blocks, not padded or not text.
    pub fn decrypt(&self, value: &str) -> Result<String, FieldError> {
        let mut buffer = [0; TEXT_LEN_MAX + BLOCK];
        let length = STANDARD.decode_slice(value.trim(), &mut buffer).map_err(|_| FieldError)?;
        let (key, iv) = self.parts();
        let cipher = cbc::Decryptor::<Aes256>::new_from_slices(key, iv).map_err(|_| FieldError)?;
        let plain = cipher.decrypt_padded::<Pkcs7>(&mut buffer[..length]);
        let text = plain.ok().and_then(|plain| std::str::from_utf8(plain).ok()).map(str::to_owned);
        buffer.zeroize();
        text.ok_or(FieldError)
    }

    /// Encrypts a text as Douyin's side does.
    ///
    /// # Errors
    /// [`FieldError`] for a text of more than 1024 bytes.
    pub fn encrypt(&self, text: &str) -> Result<String, FieldError> {
        let mut buffer = [0; TEXT_LEN_MAX + BLOCK];
        let plain = buffer.get_mut(..text.len()).filter(|_| text.len() <= TEXT_LEN_MAX);
        plain.ok_or(FieldError)?.copy_from_slice(text.as_bytes());
        let (key, iv) = self.parts();
        let cipher = cbc::Encryptor::<Aes256>::new_from_slices(key, iv).map_err(|_| FieldError)?;
        let sealed = cipher.encrypt_padded::<Pkcs7>(&mut buffer, text.len());
        sealed.map(|sealed| STANDARD.encode(sealed)).map_err(|_| FieldError)
    }
}

impl fmt::Debug for FieldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FieldKey(****)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> FieldKey {
        FieldKey::new(&ClientSecret::new(secret), KeyTrim::default())
    }

    #[test]
    fn the_vectors_of_the_protocol_page_are_reproduced() {
        let check = |secret: &str, as_key: &str, plain: &str, sealed: &str| {
            let key = key(secret);
            assert_eq!(key.0, as_key.as_bytes());
            assert_eq!(key.decrypt(sealed).as_deref(), Ok(plain));
            assert_eq!(key.encrypt(plain).as_deref(), Ok(sealed));
        };
        let secret = "0123456789abcdef0123456789abcdef";
        check(secret, secret, "13800138000", "RJRBlQT3IEhRh6PPOsIyEw==");
        check("abc", "###############abc##############", "张三", "XC0r3tonE+eRQjCfLEz40Q==");
    }

    #[test]
    fn a_long_secret_is_trimmed_as_configured() {
        let check = |trim, expected: &str| {
            let secret = ClientSecret::new("12_________body_of_32_characters___3");
            assert_eq!(FieldKey::new(&secret, trim).0, expected.as_bytes());
        };
        check(KeyTrim::BothEnds, "_________body_of_32_characters__");
        check(KeyTrim::Start, "_______body_of_32_characters___3");
        check(KeyTrim::End, "12_________body_of_32_characters");
    }

    #[test]
    fn what_is_not_ciphertext_is_an_error() {
        let key = key("abc");
        for value in ["", "张三", "13800138000", "AAAA", "RJRBlQT3IEhRh6PPOsIyEw=="] {
            assert_eq!(key.decrypt(value), Err(FieldError), "{value}");
        }
        assert_eq!(key.decrypt(&"A".repeat(4000)), Err(FieldError));
        assert_eq!(key.encrypt(&"x".repeat(1025)), Err(FieldError));
        let longest = "x".repeat(1024);
        let sealed = key.encrypt(&longest).unwrap();
        assert_eq!(key.decrypt(&sealed).as_deref(), Ok(longest.as_str()));
        assert!(is_remote("Enc.abc"));
        assert!(!is_remote("enc"));
        assert_eq!(format!("{key:?}"), "FieldKey(****)");
    }
}
