//! FF1 (NIST SP 800-38G) for eleven decimal digits without a tweak, which is all that voucher codes need.
//!
//! The mode is ten rounds of two AES blocks each. Fixed to one length, the first block of every round is
//! the same and is encrypted once for the key, and several numbers go through the rounds side by side, so
//! that the processor works on the block of one while it waits for that of another. The cipher itself is
//! the library's, and so is what the mode is tested against: a general FF1 with big integers.

use super::block_cipher::Aes256Encrypt;
use super::key::KEY_LEN;

/// Digits of the front half, *u* of the standard.
const FRONT: u64 = 100_000;
/// Digits of the back half, *v* of the standard.
const BACK: u64 = 1_000_000;
/// Numbers that can be written.
pub(super) const SPACE: u64 = FRONT * BACK;
/// Rounds of the standard.
const ROUNDS: u8 = 10;

/// *P* of the standard: version, method, three times rounds and radix, *u*, length, length of the tweak.
const FIRST: [u8; 16] = [1, 2, 1, 0, 0, 10, ROUNDS, 5, 0, 0, 0, 11, 0, 0, 0, 0];

/// A keyed permutation of the numbers below [`SPACE`]. Immutable, so threads may share one.
pub(super) struct ElevenDigits {
    cipher: Aes256Encrypt,
    /// [`FIRST`] encrypted, as a number.
    first: u128,
}

impl ElevenDigits {
    pub(super) fn new(key: &[u8; KEY_LEN]) -> Self {
        let cipher = Aes256Encrypt::of(key);
        let mut first = [FIRST];
        cipher.encrypt_each(&mut first);
        let [first] = first;
        Self { cipher, first: u128::from_be_bytes(first) }
    }

    /// Encrypts each of `numbers`, which are below [`SPACE`].
    pub(super) fn encrypt<const N: usize>(&self, numbers: [u64; N]) -> [u64; N] {
        let mut front = numbers.map(|number| number / BACK);
        let mut back = numbers.map(|number| number % BACK);
        for round in 0..ROUNDS {
            let modulus = modulus(round);
            let drawn = self.draw(round, back);
            let mut next = [0; N];
            for (next, (front, drawn)) in next.iter_mut().zip(front.iter().zip(drawn)) {
                *next = (front + drawn % modulus) % modulus;
            }
            (front, back) = (back, next);
        }
        std::array::from_fn(|at| front[at] * BACK + back[at])
    }

    /// What [`Self::encrypt`] made `number` of.
    pub(super) fn decrypt(&self, number: u64) -> u64 {
        let (mut front, mut back) = (number / BACK, number % BACK);
        for round in (0..ROUNDS).rev() {
            let modulus = modulus(round);
            let [drawn] = self.draw(round, [front]);
            (front, back) = ((back + modulus - drawn % modulus) % modulus, front);
        }
        front * BACK + back
    }

    /// *y* of the standard: what a round adds to one half, drawn from the other.
    fn draw<const N: usize>(&self, round: u8, halves: [u64; N]) -> [u64; N] {
        // *Q* is zeros, the round, and the half in three bytes; the two blocks are chained as in CBC.
        let round = u128::from(round) << 24;
        let mut blocks = halves.map(|half| (self.first ^ round ^ u128::from(half)).to_be_bytes());
        self.cipher.encrypt_each(&mut blocks);
        blocks.map(|block| (u128::from_be_bytes(block) >> 64) as u64)
    }
}

/// How many values the half has that a round changes.
const fn modulus(round: u8) -> u64 {
    if round.is_multiple_of(2) { FRONT } else { BACK }
}

#[cfg(test)]
mod tests {
    use aes::Aes256;
    use fpe::ff1::{FF1, FlexibleNumeralString};
    use proptest::prelude::*;

    use super::*;

    fn number(digits: &[u16]) -> u64 {
        digits.iter().fold(0, |number, digit| number * 10 + u64::from(*digit))
    }

    /// Sample 7 of "FF1 Examples", NIST Cryptographic Standards and Guidelines.
    #[test]
    fn what_ours_is_compared_with_is_the_standards() {
        let key = "2b7e151628aed2a6abf7158809cf4f3cef4359d8d580aa4f7f036d6f04fc6a94";
        let theirs = FF1::<Aes256>::new(&hex::decode(key).unwrap(), 10).unwrap();
        let digits = FlexibleNumeralString::from((0..10).collect::<Vec<u16>>());
        let sealed: Vec<u16> = theirs.encrypt(&[], &digits).unwrap().into();
        assert_eq!(number(&sealed), 6_657_667_009);
    }

    proptest! {
        #[test]
        fn it_is_ff1_with_any_key_and_number(key in any::<[u8; 32]>(), value in 0..SPACE) {
            let ours = ElevenDigits::new(&key);
            let theirs = FF1::<Aes256>::new(&key, 10).unwrap();
            let mut numbers = [0, 1, SPACE - 1, value, value, SPACE - 1 - value, 9, value / 2];
            for (sealed, value) in ours.encrypt(numbers).into_iter().zip(numbers) {
                let text = format!("{value:011}");
                let digits: Vec<u16> = text.bytes().map(|byte| u16::from(byte - b'0')).collect();
                let expected: Vec<u16> =
                    theirs.encrypt(&[], &FlexibleNumeralString::from(digits)).unwrap().into();
                prop_assert_eq!(sealed, number(&expected));
                prop_assert_eq!(ours.decrypt(sealed), value);
            }
            numbers.rotate_left(3);
            prop_assert_eq!(ours.encrypt([numbers[0]]), [ours.encrypt(numbers)[0]]);
        }
    }
}
