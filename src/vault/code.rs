//! Mints voucher codes: unique for ever without a look-up, and not to be guessed from one another.
//!
//! A code is 11 digits that are a keyed permutation (FF1 with AES-256) of
//! `n × 64 + partition`, followed by a Damm check digit. A permutation never gives two counters the
//! same code, so each partition counts for itself and nobody has to look anything up. Whether a code
//! that locates was ever issued, the counter tells; the mint keeps none.

use std::fmt;

use super::damm;
use super::ff1::{self, ElevenDigits};
use super::key::KEY_LEN;
use crate::types::{PartitionNo, VoucherCode};

/// Partitions whose codes can be told apart. Part of every code, so it can never change.
pub const PARTITIONS_MAX: u16 = 64;

/// Numbers of the digits before the check digit.
const PAYLOAD_SPACE: u64 = VoucherCode::SPACE / 10;
const _: () = assert!(PAYLOAD_SPACE == ff1::SPACE);

/// Codes minted at once by [`MintedAhead`]: as many as cost little more than one.
const AHEAD: usize = 8;

/// There is no code for this partition and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no voucher code for number {n} of partition {partition}: numbers end before {} and partitions before {PARTITIONS_MAX}",
    CodeMint::NUMBERS_PER_PARTITION
)]
pub struct CodeSpaceExhausted {
    /// The partition asked for.
    pub partition: PartitionNo,
    /// The number asked for.
    pub n: u64,
}

/// Turns counters into voucher codes and back. Immutable, so threads may share one.
pub struct CodeMint {
    permutation: ElevenDigits,
}

impl CodeMint {
    /// How many codes each partition has: 10¹¹ ÷ 64, without a remainder.
    pub const NUMBERS_PER_PARTITION: u64 = PAYLOAD_SPACE / PARTITIONS_MAX as u64;

    pub(super) fn new(key: &[u8; KEY_LEN]) -> Self {
        Self { permutation: ElevenDigits::new(key) }
    }

    /// The code of the `n`th voucher of `partition`, `n` counting from 0.
    ///
    /// # Errors
    /// [`CodeSpaceExhausted`] when `n` or `partition` is beyond what 12 digits can carry.
    pub fn mint(&self, partition: PartitionNo, n: u64) -> Result<VoucherCode, CodeSpaceExhausted> {
        let [code] = self.mint_each(partition, [n])?;
        Ok(code)
    }

    /// The codes of several vouchers of `partition`, or of none when one of them has none.
    fn mint_each<const N: usize>(
        &self,
        partition: PartitionNo,
        numbers: [u64; N],
    ) -> Result<[VoucherCode; N], CodeSpaceExhausted> {
        let is_beyond = |n: &&u64| **n >= Self::NUMBERS_PER_PARTITION;
        let beyond = numbers.iter().find(is_beyond).copied();
        let beyond = beyond.or((partition.get() >= PARTITIONS_MAX).then_some(numbers[0]));
        if let Some(n) = beyond {
            return Err(CodeSpaceExhausted { partition, n });
        }
        let place = u64::from(partition.get());
        let counters = numbers.map(|n| n * u64::from(PARTITIONS_MAX) + place);
        Ok(self.permutation.encrypt(counters).map(|payload| {
            let number = payload * 10 + u64::from(damm::check_digit(payload));
            VoucherCode::from_number(number).expect("11 digits and one are 12")
        }))
    }

    /// The partition and number a code stands for, or `None` when its check digit is wrong. Every
    /// code with a right check digit locates, also one that was never issued.
    #[must_use]
    pub fn locate(&self, code: VoucherCode) -> Option<(PartitionNo, u64)> {
        let number = code.to_number();
        if !damm::is_valid(number) {
            return None;
        }
        let counter = self.permutation.decrypt(number / 10);
        let partitions = u64::from(PARTITIONS_MAX);
        // The remainder is below 64 and so fits.
        let partition = PartitionNo::new((counter % partitions) as u16);
        Some((partition, counter / partitions))
    }
}

/// The next few codes of one partition, minted together. None of them is given out by being here: which
/// number is next is the caller's business, and a number that somebody else took is passed over.
#[derive(Clone, Debug, Default)]
pub struct MintedAhead {
    /// The number of the first.
    first: u64,
    codes: Option<(PartitionNo, [VoucherCode; AHEAD])>,
}

impl MintedAhead {
    /// The code that [`CodeMint::mint`] would give.
    ///
    /// # Errors
    /// Those of [`CodeMint::mint`].
    pub fn code(
        &mut self,
        mint: &CodeMint,
        partition: PartitionNo,
        n: u64,
    ) -> Result<VoucherCode, CodeSpaceExhausted> {
        let at = n.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        if let Some((of, codes)) = &self.codes
            && let Some(code) = at.and_then(|at| codes.get(at))
            && *of == partition
        {
            return Ok(*code);
        }
        let numbers = std::array::from_fn(|at| n.saturating_add(at as u64));
        let Ok(codes) = mint.mint_each(partition, numbers) else {
            // The last few numbers there are, or none at all.
            return mint.mint(partition, n);
        };
        (self.first, self.codes) = (n, Some((partition, codes)));
        Ok(codes[0])
    }
}

impl fmt::Debug for CodeMint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeMint(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn mint() -> CodeMint {
        CodeMint::new(&[7; KEY_LEN])
    }

    #[test]
    fn codes_of_a_sample_are_distinct_and_lead_back() {
        let (mint, mut codes) = (mint(), HashSet::new());
        for partition in [0, 1, 63] {
            let partition = PartitionNo::new(partition);
            for n in (0..1500)
                .chain(CodeMint::NUMBERS_PER_PARTITION - 200..CodeMint::NUMBERS_PER_PARTITION)
            {
                let code = mint.mint(partition, n).unwrap();
                assert_eq!(mint.locate(code), Some((partition, n)));
                assert!(codes.insert(code), "{partition} {n}");
            }
        }
    }

    #[test]
    fn codes_minted_ahead_are_those_of_their_numbers() {
        let (mint, mut ahead) = (mint(), MintedAhead::default());
        let last = CodeMint::NUMBERS_PER_PARTITION - 1;
        let numbers =
            (0..40).chain([3, 0, 100, 104, 300]).chain(last - 20..last + 3).chain([u64::MAX, 5]);
        for n in numbers {
            for partition in [2, 7, 63, 64] {
                let partition = PartitionNo::new(partition);
                assert_eq!(ahead.code(&mint, partition, n), mint.mint(partition, n), "{n}");
            }
            let partition = PartitionNo::new(2);
            assert_eq!(ahead.code(&mint, partition, n), mint.mint(partition, n), "{n}");
            let next = n.saturating_add(1);
            assert_eq!(ahead.code(&mint, partition, next), mint.mint(partition, next), "{n}");
        }
    }

    #[test]
    fn leading_zeros_are_kept() {
        let mint = mint();
        let code = (0..1000)
            .map(|n| mint.mint(PartitionNo::new(0), n).unwrap())
            .find(|code| code.to_number() < VoucherCode::SPACE / 100)
            .expect("one code in a hundred begins with 00");
        let text = code.to_string();
        assert!(text.len() == 12 && text.starts_with("00"));
        assert!(mint.locate(VoucherCode::parse(&text).unwrap()).is_some());
    }

    #[test]
    fn every_wrong_digit_and_every_swap_is_refused() {
        let mint = mint();
        for n in 0..200 {
            let code = mint.mint(PartitionNo::new(5), n).unwrap();
            let digits: Vec<u8> = code.to_string().into_bytes();
            let located = |digits: &[u8]| {
                mint.locate(VoucherCode::parse(std::str::from_utf8(digits).unwrap()).unwrap())
            };
            for index in 0..digits.len() {
                for digit in (b'0'..=b'9').filter(|digit| *digit != digits[index]) {
                    let mut wrong = digits.clone();
                    wrong[index] = digit;
                    assert_eq!(located(&wrong), None);
                }
                if index > 0 && digits[index] != digits[index - 1] {
                    let mut swapped = digits.clone();
                    swapped.swap(index, index - 1);
                    assert_eq!(located(&swapped), None);
                }
            }
        }
    }

    #[test]
    fn neighbours_are_not_neighbours() {
        let mint = mint();
        let payload = |n| mint.mint(PartitionNo::new(0), n).unwrap().to_number() / 10;
        let mut steps = HashSet::new();
        for n in 0..500 {
            let step = payload(n + 1).abs_diff(payload(n));
            assert!(step > 64, "{n}");
            steps.insert(step);
        }
        assert!(steps.len() > 490, "no common step to count on");
    }

    #[test]
    fn the_space_has_an_end() {
        let mint = mint();
        assert_eq!(CodeMint::NUMBERS_PER_PARTITION * u64::from(PARTITIONS_MAX), PAYLOAD_SPACE);
        for (partition, n) in [(0, CodeMint::NUMBERS_PER_PARTITION), (64, 0), (0, u64::MAX)] {
            let partition = PartitionNo::new(partition);
            assert_eq!(mint.mint(partition, n), Err(CodeSpaceExhausted { partition, n }));
        }
    }

    #[test]
    fn another_key_gives_other_codes() {
        let first = |key| CodeMint::new(&[key; KEY_LEN]).mint(PartitionNo::new(0), 0).unwrap();
        assert_ne!(first(1), first(2));
    }

    proptest! {
        #[test]
        fn any_counter_leads_back(partition in 0..PARTITIONS_MAX, n in 0..CodeMint::NUMBERS_PER_PARTITION) {
            let (mint, partition) = (mint(), PartitionNo::new(partition));
            prop_assert_eq!(mint.locate(mint.mint(partition, n).unwrap()), Some((partition, n)));
        }

        #[test]
        fn any_code_is_minted_again_from_where_it_leads(number in 0..VoucherCode::SPACE) {
            let (mint, code) = (mint(), VoucherCode::from_number(number).unwrap());
            if let Some((partition, n)) = mint.locate(code) {
                prop_assert_eq!(mint.mint(partition, n), Ok(code));
            }
        }
    }
}
