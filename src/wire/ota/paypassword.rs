//! The encrypted pay password (支付密码).
//!
//! Source: docs/protocols/ota.md, "Pay password".

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use des::TdesEde3;
use des::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::credential::{UpperMd5, key_text};

const BLOCK: usize = 8;
/// 32 characters of digest and a full block of padding.
const CIPHERTEXT_LEN: usize = 40;

/// Why a `paypassword` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayPasswordError {
    /// Not Base64 of whole blocks that decrypt under the agent's key: wrong key or wrong method.
    #[error("pay password cannot be decrypted")]
    Undecipherable,
    /// Decrypts to another password.
    #[error("wrong pay password")]
    Wrong,
}

/// What verifying an agent's pay password takes: the key schedule, and the one field value that a
/// right password has, for without an initialisation vector it is always the same.
#[derive(Clone)]
pub struct PayPassword {
    cipher: TdesEde3,
    expected: UpperMd5,
    field: String,
}

impl PayPassword {
    /// Derives the key from session key and login password, and encrypts the pay password.
    #[must_use]
    pub fn new(session_key: &str, login_password: &UpperMd5, pay_password: &UpperMd5) -> Self {
        let mut text = key_text(session_key, login_password);
        let mut key = Sha256::digest(&text);
        text.zeroize();
        // Three-key triple DES takes 24 of the 32 bytes.
        let cipher = TdesEde3::new_from_slice(&key[..24]).expect("24 bytes are a key");
        key.zeroize();
        let field = STANDARD.encode(encrypt(&cipher, pay_password.as_bytes()));
        Self { cipher, expected: pay_password.clone(), field }
    }

    /// The value a caller puts into `paypassword`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Verifies a `paypassword`. Comparisons take constant time; the usual right value costs one
    /// comparison and no decryption.
    ///
    /// # Errors
    /// [`PayPasswordError`], which the partner hears as one and the same refusal.
    pub fn verify(&self, field: &str) -> Result<(), PayPasswordError> {
        if self.field.as_bytes().ct_eq(field.as_bytes()).into() {
            return Ok(());
        }
        // .NET's Base64 decoder skips white space, and a proxy may have wrapped the text.
        let packed: String = field.split_ascii_whitespace().collect();
        let ciphertext = STANDARD.decode(packed).map_err(|_| PayPasswordError::Undecipherable)?;
        let mut digest =
            decrypt(&self.cipher, &ciphertext).ok_or(PayPasswordError::Undecipherable)?;
        let right = digest.ct_eq(self.expected.as_bytes().as_slice());
        digest.zeroize();
        if right.into() { Ok(()) } else { Err(PayPasswordError::Wrong) }
    }
}

impl fmt::Debug for PayPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayPassword(****)")
    }
}

/// ECB with PKCS#7 padding.
fn encrypt(cipher: &TdesEde3, digest: &[u8; 32]) -> [u8; CIPHERTEXT_LEN] {
    // 32 bytes are whole blocks, so the padding is one block of eights.
    let mut blocks = [BLOCK as u8; CIPHERTEXT_LEN];
    blocks[..32].copy_from_slice(digest);
    for block in blocks.as_chunks_mut::<BLOCK>().0 {
        let mut array = Array::from(*block);
        cipher.encrypt_block(&mut array);
        *block = array.into();
    }
    blocks
}

/// The plain text; `None` unless the input is one to sixteen whole blocks with good padding.
fn decrypt(cipher: &TdesEde3, ciphertext: &[u8]) -> Option<Vec<u8>> {
    let (blocks, rest) = ciphertext.as_chunks::<BLOCK>();
    if blocks.is_empty() || blocks.len() > 16 || !rest.is_empty() {
        return None;
    }
    let mut plain = Vec::with_capacity(ciphertext.len());
    for block in blocks {
        let mut array = Array::from(*block);
        cipher.decrypt_block(&mut array);
        plain.extend_from_slice(&array);
    }
    let padding = usize::from(*plain.last()?);
    let end = plain.len().checked_sub(padding)?;
    let good = (1..=BLOCK).contains(&padding)
        && plain[end..].iter().all(|&byte| usize::from(byte) == padding);
    plain.truncate(end);
    good.then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: &str = "Orh9trFfBSbhCfg4b+s1hRGKlqNAzrWsUkcerJOWqPPYBIVL6lG2qw==";

    fn agent(pay_password: &str) -> PayPassword {
        PayPassword::new(
            "00000000-1111-2222-3333-444444444444",
            &UpperMd5::of("Login#2024"),
            &UpperMd5::of(pay_password),
        )
    }

    #[test]
    fn the_vector_of_the_protocol_page_is_reproduced() {
        let agent = agent("Pay#2024");
        assert_eq!(agent.field(), FIELD);
        let plain = decrypt(&agent.cipher, &STANDARD.decode(FIELD).unwrap()).unwrap();
        assert_eq!(plain, b"73E50497020C2F5C5EEE3C197588FA88");
        assert_eq!(format!("{agent:?}"), "PayPassword(****)");
    }

    #[test]
    fn the_key_is_the_head_of_the_hash() {
        let text = key_text("00000000-1111-2222-3333-444444444444", &UpperMd5::of("Login#2024"));
        let key = Sha256::digest(text);
        assert_eq!(hex::encode(&key[..24]), "32743a2b5a4a74968eed1926abc04fe9d0a21a5c6d9f825b");
    }

    #[test]
    fn only_the_right_password_passes() {
        use PayPasswordError::{Undecipherable, Wrong};
        let agent = agent("Pay#2024");
        let check = |field: &str, expected| assert_eq!(agent.verify(field), expected, "{field}");
        check(FIELD, Ok(()));
        check(&format!("{}\r\n{}", &FIELD[..20], &FIELD[20..]), Ok(()));
        check(self::agent("pay#2024").field(), Err(Wrong));
        check("", Err(Undecipherable));
        check("not base64!", Err(Undecipherable));
        check("AAAA", Err(Undecipherable));
        check(&FIELD[..FIELD.len() - 1], Err(Undecipherable));
        check("73E50497020C2F5C5EEE3C197588FA88", Err(Undecipherable));
        check(&STANDARD.encode([7; 40]), Err(Undecipherable));
        check(&STANDARD.encode([7; 400]), Err(Undecipherable));
    }

    #[test]
    fn a_password_under_another_key_does_not_pass() {
        let other = PayPassword::new(
            "00000000-1111-2222-3333-555555555555",
            &UpperMd5::of("Login#2024"),
            &UpperMd5::of("Pay#2024"),
        );
        assert!(agent("Pay#2024").verify(other.field()).is_err());
    }
}
