//! Decimal numeral strings for FF1 in 64-bit arithmetic.
//!
//! The library's own numeral strings are vectors handled by a big-integer type, some dozens of
//! allocations a code. Numbers of up to 18 digits need none.

use fpe::ff1::{NumeralString, Operations};

/// `digits` decimal digits (at most 18), read as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    value: u64,
    digits: u32,
}

impl Decimal {
    /// The last `digits` digits of `value`.
    pub(super) const fn new(value: u64, digits: u32) -> Self {
        Self { value: value % POWERS[digits as usize], digits }
    }

    /// The digits read as a number.
    pub(super) const fn value(self) -> u64 {
        self.value
    }
}

/// 10⁰ to 10¹⁸.
const POWERS: [u64; 19] = {
    let mut powers = [1; 19];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

impl NumeralString for Decimal {
    type Ops = Self;

    fn is_valid(&self, radix: u32) -> bool {
        radix == 10
    }

    fn numeral_count(&self) -> usize {
        self.digits as usize
    }

    fn split(&self) -> (Self, Self) {
        let front = self.digits / 2;
        let back = self.digits - front;
        let power = POWERS[back as usize];
        (
            Self { value: self.value / power, digits: front },
            Self { value: self.value % power, digits: back },
        )
    }

    fn concat(a: Self, b: Self) -> Self {
        Self { value: a.value * POWERS[b.digits as usize] + b.value, digits: a.digits + b.digits }
    }
}

impl Operations for Decimal {
    type Bytes = BigEndian;

    fn numeral_count(&self) -> usize {
        self.digits as usize
    }

    fn to_be_bytes(&self, _: u32, length: usize) -> BigEndian {
        // At most 9 digits a half, which is 30 bits, so `length` is at most 4.
        BigEndian { bytes: self.value.to_be_bytes(), start: 8_usize.saturating_sub(length) }
    }

    fn add_mod_exp(self, other: impl Iterator<Item = u8>, _: u32, digits: usize) -> Self {
        let modulus = POWERS[digits];
        Self { value: (self.value + reduced(other, modulus)) % modulus, digits: digits as u32 }
    }

    fn sub_mod_exp(self, other: impl Iterator<Item = u8>, _: u32, digits: usize) -> Self {
        let modulus = POWERS[digits];
        let value = (self.value + modulus - reduced(other, modulus)) % modulus;
        Self { value, digits: digits as u32 }
    }
}

/// Bytes of a half, most significant first.
pub(super) struct BigEndian {
    bytes: [u8; 8],
    start: usize,
}

impl AsRef<[u8]> for BigEndian {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// The big-endian number in `bytes` modulo `modulus`. FF1 draws 8 bytes for halves of up to 9 digits.
fn reduced(bytes: impl Iterator<Item = u8>, modulus: u64) -> u64 {
    bytes.fold(0_u64, |number, byte| (number << 8) | u64::from(byte)) % modulus
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::Aes256;
    use fpe::ff1::{FF1, FlexibleNumeralString};
    use proptest::prelude::*;

    /// The AES-256 key of NIST's published FF1 samples 7 to 9.
    const NIST_KEY: &str = "2b7e151628aed2a6abf7158809cf4f3cef4359d8d580aa4f7f036d6f04fc6a94";

    fn nist() -> FF1<Aes256> {
        FF1::new(&hex::decode(NIST_KEY).unwrap(), 10).unwrap()
    }

    /// Samples 7 and 8 of "FF1 Examples", NIST Cryptographic Standards and Guidelines.
    #[test]
    fn the_official_aes_256_samples_hold() {
        for (tweak, expected) in [("", 6_657_667_009), ("39383736353433323130", 1_001_623_463)] {
            let tweak = hex::decode(tweak).unwrap();
            let ours = nist().encrypt(&tweak, &Decimal::new(123_456_789, 10)).unwrap();
            assert_eq!(ours, Decimal::new(expected, 10));
            let back = nist().decrypt(&tweak, &ours).unwrap();
            assert_eq!(back, Decimal::new(123_456_789, 10));

            let digits: FlexibleNumeralString = (0..10).collect::<Vec<u16>>().into();
            let library: Vec<u16> = nist().encrypt(&tweak, &digits).unwrap().into();
            let number = library.iter().fold(0, |number, digit| number * 10 + u64::from(*digit));
            assert_eq!(number, expected, "the library itself");
        }
    }

    proptest! {
        /// Our arithmetic gives what the library's big integers give, for every length.
        #[test]
        fn our_numerals_equal_the_librarys(value in 0..POWERS[18], digits in 6_u32..=18) {
            let ours = Decimal::new(value, digits);
            let text = format!("{:0width$}", ours.value(), width = digits as usize);
            let theirs: Vec<u16> = text.bytes().map(|b| u16::from(b - b'0')).collect();
            let ff1 = nist();
            let sealed = ff1.encrypt(&[], &ours).unwrap();
            let expected: Vec<u16> =
                ff1.encrypt(&[], &FlexibleNumeralString::from(theirs)).unwrap().into();
            let expected = expected.iter().fold(0, |n, digit| n * 10 + u64::from(*digit));
            prop_assert_eq!(sealed.value(), expected);
            prop_assert_eq!(ff1.decrypt(&[], &sealed).unwrap(), ours);
        }
    }
}
