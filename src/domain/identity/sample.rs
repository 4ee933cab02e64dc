//! Made-up documents and mobiles that pass every check, for the demo client, load and tests.
//!
//! The resident numbers carry a province with no district (`110000…`), which no citizen has, so
//! that a test never orders in a living person's name.

use super::check_character;
use crate::types::ServiceDate;

/// Different numbers [`resident_id`] can make.
pub const RESIDENT_IDS: u64 = PROVINCES.len() as u64 * BIRTH_DAYS * SERIALS;
/// Different numbers [`mobile`] can make.
pub const MOBILES: u64 = 7 * SUBSCRIBERS;

/// Provinces of the mainland.
const PROVINCES: [u8; 31] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
    53, 54, 61, 62, 63, 64, 65,
];
/// First birth date, 1950-01-01, in days since 1970-01-01.
const FIRST_BIRTH_DAY: i32 = -7305;
/// Birth dates in use, up to October 2004: everybody is an adult.
const BIRTH_DAYS: u64 = 20_000;
/// Serials of one day and area.
const SERIALS: u64 = 1000;
/// Mobiles behind one prefix.
const SUBSCRIBERS: u64 = 1_000_000_000;
/// A prime that divides neither count, so multiplying by it visits every number once.
const STRIDE: u64 = 2_147_483_647;

/// A resident number that passes the full check. Seeds below [`RESIDENT_IDS`] give different
/// numbers, and neighbouring seeds give unlike ones; beyond, they repeat.
#[must_use]
pub fn resident_id(seed: u64) -> String {
    let (birth_day, rest) = parts(seed);
    let birth_date = ServiceDate::from_days(FIRST_BIRTH_DAY + birth_day as i32).to_compact();
    let mut number = [b'0'; 18];
    write(&mut number, birth_date.as_bytes(), rest);
    number.iter().map(|byte| char::from(*byte)).collect()
}

/// The numbers of [`resident_id`], made faster: every birth date is written once.
#[derive(Clone, Debug)]
pub struct ResidentIds {
    birth_dates: Vec<String>,
}

impl Default for ResidentIds {
    fn default() -> Self {
        let dates = (0..BIRTH_DAYS as i32).map(|day| ServiceDate::from_days(FIRST_BIRTH_DAY + day));
        Self { birth_dates: dates.map(ServiceDate::to_compact).collect() }
    }
}

impl ResidentIds {
    /// The 18 characters of [`resident_id`] for `seed`.
    #[must_use]
    pub fn number(&self, seed: u64) -> [u8; 18] {
        let (birth_day, rest) = parts(seed);
        let mut number = [b'0'; 18];
        write(&mut number, self.birth_dates[birth_day as usize].as_bytes(), rest);
        number
    }
}

/// What a seed stands for: birth day, and (province, serial).
fn parts(seed: u64) -> (u64, (u8, u64)) {
    let index = spread(seed, RESIDENT_IDS);
    let province = PROVINCES[(index / SERIALS / BIRTH_DAYS) as usize];
    (index / SERIALS % BIRTH_DAYS, (province, index % SERIALS))
}

/// Fills a number of zeros: province, no district, birth date, serial, check character.
fn write(number: &mut [u8; 18], birth_date: &[u8], (province, serial): (u8, u64)) {
    let digit = |number: u64| b'0' + (number % 10) as u8;
    number[0] = digit(u64::from(province) / 10);
    number[1] = digit(u64::from(province));
    number[6..14].copy_from_slice(birth_date);
    for (at, divisor) in [100, 10, 1].into_iter().enumerate() {
        number[14 + at] = digit(serial / divisor);
    }
    let mut digits = [0; 17];
    for (digit, byte) in digits.iter_mut().zip(&*number) {
        *digit = byte - b'0';
    }
    number[17] = check_character(&digits);
}

/// A mobile that passes the mainland check. Seeds below [`MOBILES`] give different numbers;
/// beyond, they repeat.
#[must_use]
pub fn mobile(seed: u64) -> String {
    format!("1{:010}", mobile_digits(seed))
}

/// The ten digits of [`mobile`] after the first, as a number.
#[must_use]
pub fn mobile_digits(seed: u64) -> u64 {
    spread(seed, MOBILES) + 3 * SUBSCRIBERS
}

/// A permutation of `0..count`, applied to the seed's remainder.
fn spread(seed: u64, count: u64) -> u64 {
    // Both factors are below 2^33, so their product may need more than 64 bits.
    (u128::from(seed % count) * u128::from(STRIDE) % u128::from(count)) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn different_seeds_give_different_numbers() {
        let seeds = (0..5000).chain(RESIDENT_IDS - 5000..RESIDENT_IDS);
        let made: BTreeSet<String> = seeds.map(resident_id).collect();
        assert_eq!(made.len(), 10_000);
        let made: BTreeSet<String> = (0..5000).chain(MOBILES - 5000..MOBILES).map(mobile).collect();
        assert_eq!(made.len(), 10_000);
        assert_eq!(resident_id(7), resident_id(7 + RESIDENT_IDS));
    }

    #[test]
    fn the_stride_permutes() {
        let gcd = |mut a: u64, mut b: u64| {
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a
        };
        assert_eq!(gcd(STRIDE, RESIDENT_IDS), 1);
        assert_eq!(gcd(STRIDE, MOBILES), 1);
    }

    #[test]
    fn birth_dates_lie_where_the_constants_say() {
        assert_eq!(ServiceDate::from_days(FIRST_BIRTH_DAY).to_compact(), "19500101");
        let last = ServiceDate::from_days(FIRST_BIRTH_DAY + BIRTH_DAYS as i32 - 1);
        assert_eq!(last.to_compact(), "20041003");
    }

    #[test]
    fn the_faster_numbers_are_the_same() {
        let ids = ResidentIds::default();
        for seed in (0..1000).chain(RESIDENT_IDS - 10..RESIDENT_IDS + 10) {
            let number = resident_id(seed);
            assert!(super::super::ResidentId::parse(&number).is_ok(), "{number}");
            assert_eq!(ids.number(seed), number.as_bytes(), "{seed}");
        }
    }

    #[test]
    fn nobody_has_these_numbers() {
        for seed in 0..100 {
            assert_eq!(&resident_id(seed)[2..6], "0000");
        }
    }
}
