//! The resident identity number (公民身份号码, GB 11643): its check character and what it says
//! about its holder.
//!
//! Areas are known down to the province only: districts come and go, and an old number keeps its
//! district for life. Source: docs/protocols/identity.md, "Resident number".

use std::fmt;

use crate::types::ServiceDate;

/// What a resident number says about its holder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ResidentId {
    area: u32,
    birth_date: ServiceDate,
    serial: u16,
}

/// Sex as the number's serial encodes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// Odd serial.
    Male,
    /// Even serial.
    Female,
}

/// Whose number it is, by the first two digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// A mainland resident.
    Mainland,
    /// Holder of a residence permit (港澳台居民居住证) from Hong Kong.
    HongKong,
    /// The same from Macau.
    Macau,
    /// The same from Taiwan.
    Taiwan,
}

/// Why a text is not a resident number, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResidentIdError {
    /// Not the right number of digits.
    #[error("a resident number has {length} characters, digits but for a final X")]
    Malformed {
        /// Characters a number of this generation has.
        length: usize,
    },
    /// No province has this code.
    #[error("no area begins with {province:02}")]
    UnknownArea {
        /// The first two digits.
        province: u8,
    },
    /// The digits in the date's place name no day.
    #[error("the birth date does not exist")]
    NoSuchBirthDate,
    /// The last character does not fit the rest.
    #[error("the check character does not fit")]
    WrongCheckCharacter,
}

/// Digits before the check character.
const BODY_LEN: usize = 17;
/// Characters of a number of the second generation.
const LEN: usize = BODY_LEN + 1;
/// Digits of a number of the first generation, issued until 1999.
const FIRST_GENERATION_LEN: usize = 15;
/// `WEIGHTS[i] = 2^(17 - i) mod 11`, as ISO 7064 MOD 11-2 has it.
const WEIGHTS: [u16; BODY_LEN] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// Check character by weighted sum modulo 11.
const CHECK_CHARACTERS: [u8; 11] = *b"10X98765432";
/// Provinces of GB/T 2260, and 81 to 83 for residence permits.
const PROVINCES: [u8; 35] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
    53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83,
];

/// The check character (`0`–`9` or `X`) of seventeen digits, each given as a number 0 to 9.
#[must_use]
pub fn check_character(digits: &[u8; BODY_LEN]) -> u8 {
    let sum: u16 =
        digits.iter().zip(WEIGHTS).map(|(digit, weight)| u16::from(*digit) * weight).sum();
    CHECK_CHARACTERS[usize::from(sum % 11)]
}

impl ResidentId {
    /// Reads eighteen characters; a lower-case `x` is as good as `X`.
    ///
    /// # Errors
    /// The first [`ResidentIdError`] that fits.
    pub fn parse(text: &str) -> Result<Self, ResidentIdError> {
        let malformed = ResidentIdError::Malformed { length: LEN };
        let bytes: &[u8; LEN] = text.as_bytes().try_into().map_err(|_| malformed)?;
        let (body, last) = bytes.split_first_chunk::<BODY_LEN>().ok_or(malformed)?;
        let last = last[0].to_ascii_uppercase();
        let digits = digits_of(body).ok_or(malformed)?;
        if !CHECK_CHARACTERS.contains(&last) {
            return Err(malformed);
        }
        let area = known_area(&digits)?;
        // The slice is ASCII, so its bounds are character boundaries.
        let birth_date = ServiceDate::parse_compact(&text[6..14])
            .map_err(|_| ResidentIdError::NoSuchBirthDate)?;
        if check_character(&digits) != last {
            return Err(ResidentIdError::WrongCheckCharacter);
        }
        let serial = number(&digits[14..]) as u16;
        Ok(Self { area, birth_date, serial })
    }

    /// Reads the fifteen digits of a first-generation number. They carry no check character, and
    /// their two-digit year is one of the twentieth century.
    ///
    /// # Errors
    /// The first [`ResidentIdError`] that fits, never [`ResidentIdError::WrongCheckCharacter`].
    pub fn parse_first_generation(text: &str) -> Result<Self, ResidentIdError> {
        let malformed = ResidentIdError::Malformed { length: FIRST_GENERATION_LEN };
        let bytes: &[u8; FIRST_GENERATION_LEN] =
            text.as_bytes().try_into().map_err(|_| malformed)?;
        let digits = digits_of(bytes).ok_or(malformed)?;
        let area = known_area(&digits)?;
        let birth_date = ServiceDate::parse_compact(&format!("19{}", &text[6..12]))
            .map_err(|_| ResidentIdError::NoSuchBirthDate)?;
        let serial = number(&digits[12..]) as u16;
        Ok(Self { area, birth_date, serial })
    }

    /// What a number tells that partner's rules let pass unchecked: of either generation, whatever its
    /// check character and province. `None` when it does not have the shape of one or its birth date
    /// is no day.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let Ok(bytes) = <&[u8; LEN]>::try_from(bytes) else {
            return Self::parse_first_generation(text).ok();
        };
        let digits = digits_of(bytes.first_chunk::<BODY_LEN>()?)?;
        let birth_date = ServiceDate::parse_compact(text.get(6..14)?).ok()?;
        let serial = number(&digits[14..]) as u16;
        Some(Self { area: number(&digits[..6]), birth_date, serial })
    }

    /// Six-digit code of the area that issued the number first.
    #[must_use]
    pub const fn area(&self) -> u32 {
        self.area
    }

    /// Day of birth.
    #[must_use]
    pub const fn birth_date(&self) -> ServiceDate {
        self.birth_date
    }

    /// Sex, from the serial's last digit.
    #[must_use]
    pub const fn sex(&self) -> Sex {
        if self.serial % 2 == 1 { Sex::Male } else { Sex::Female }
    }

    /// Where the holder belongs, from the area.
    #[must_use]
    pub const fn region(&self) -> Region {
        match self.area / 10_000 {
            81 => Region::HongKong,
            82 => Region::Macau,
            71 | 83 => Region::Taiwan,
            _ => Region::Mainland,
        }
    }

    /// Completed years of life on `date` (周岁), `None` before birth. A birthday counts from its
    /// first moment; one on 29 February is kept on 1 March in other years.
    #[must_use]
    pub fn age_on(&self, date: ServiceDate) -> Option<u16> {
        let (born, then) = (self.birth_date.to_civil()?, date.to_civil()?);
        let had_birthday = (then.month(), then.day()) >= (born.month(), born.day());
        let years = then.year() - born.year() - i16::from(!had_birthday);
        u16::try_from(years).ok()
    }
}

/// A birth date and an area single a person out, so `Debug` shows neither.
impl fmt::Debug for ResidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResidentId(****)")
    }
}

/// The numbers behind ASCII digits, or `None` when one is not a digit.
fn digits_of<const N: usize>(bytes: &[u8; N]) -> Option<[u8; N]> {
    bytes.iter().all(u8::is_ascii_digit).then(|| bytes.map(|byte| byte - b'0'))
}

/// The area of a number whose province exists.
fn known_area(digits: &[u8]) -> Result<u32, ResidentIdError> {
    let province = digits[0] * 10 + digits[1];
    if !PROVINCES.contains(&province) {
        return Err(ResidentIdError::UnknownArea { province });
    }
    Ok(number(&digits[..6]))
}

/// A few digits read as a number.
fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, digit| number * 10 + u32::from(*digit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::identity::sample;

    fn day(text: &str) -> ServiceDate {
        ServiceDate::parse_compact(text).unwrap()
    }

    #[test]
    fn valid_numbers_tell_birth_sex_and_region() {
        let check = |text: &str, area: u32, born: &str, sex: Sex, region: Region| {
            let id = ResidentId::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let told = (id.area(), id.birth_date(), id.sex(), id.region());
            assert_eq!(told, (area, day(born), sex, region), "{text}");
        };
        check("11010519491231002X", 110_105, "19491231", Sex::Female, Region::Mainland);
        check("11010519491231002x", 110_105, "19491231", Sex::Female, Region::Mainland);
        check("440524188001010014", 440_524, "18800101", Sex::Male, Region::Mainland);
        check("34052419800101001X", 340_524, "19800101", Sex::Male, Region::Mainland);
        check("370101190102039973", 370_101, "19010203", Sex::Male, Region::Mainland);
        check("810000199408230021", 810_000, "19940823", Sex::Female, Region::HongKong);
        check("830000199201300022", 830_000, "19920130", Sex::Female, Region::Taiwan);
    }

    #[test]
    fn each_refusal_has_its_reason() {
        use ResidentIdError::{Malformed, NoSuchBirthDate, UnknownArea, WrongCheckCharacter};
        let check = |text: &str, expected: ResidentIdError| {
            assert_eq!(ResidentId::parse(text), Err(expected), "{text:?}");
        };
        let malformed = Malformed { length: 18 };
        // Printed in partners' own samples; the right check characters are 6, 1 and 7.
        check("310115199807013370", WrongCheckCharacter);
        check("310115199912130020", WrongCheckCharacter);
        check("110101199001011234", WrongCheckCharacter);
        check("", malformed);
        check("11010519491231002", malformed);
        check("11010519491231002XX", malformed);
        check("1101051949123100X2", malformed);
        check("11010519491231002Y", malformed);
        check("110105１231002X1", malformed);
        check("+1010519491231002X", malformed);
        check("990105194912310025", UnknownArea { province: 99 });
        check("110105194902310025", NoSuchBirthDate);
        // The area speaks before the date, the date before the check character.
        check("990105194902310025", UnknownArea { province: 99 });
    }

    #[test]
    fn check_characters_of_the_partners_wrong_samples() {
        let check = |body: &[u8; 17], expected: u8| {
            assert_eq!(check_character(&digits_of(body).unwrap()), expected);
        };
        check(b"31011519980701337", b'6');
        check(b"31011519991213002", b'1');
        check(b"11010119900101123", b'7');
        check(b"11010519491231002", b'X');
    }

    #[test]
    fn first_generation_numbers_are_read_without_a_check_character() {
        let id = ResidentId::parse_first_generation("110105491231002").unwrap();
        assert_eq!((id.birth_date(), id.sex()), (day("19491231"), Sex::Female));
        let check = |text: &str, expected: ResidentIdError| {
            assert_eq!(ResidentId::parse_first_generation(text), Err(expected), "{text}");
        };
        check("11010549123100X", ResidentIdError::Malformed { length: 15 });
        check("11010519491231002X", ResidentIdError::Malformed { length: 15 });
        check("000105491231002", ResidentIdError::UnknownArea { province: 0 });
        check("110105491331002", ResidentIdError::NoSuchBirthDate);
    }

    #[test]
    fn age_changes_on_the_birthday() {
        let check = |born: &str, date: &str, expected: Option<u16>| {
            let id = ResidentId { area: 110_105, birth_date: day(born), serial: 1 };
            assert_eq!(id.age_on(day(date)), expected, "born {born}, on {date}");
        };
        check("20001121", "20261120", Some(25));
        check("20001121", "20261121", Some(26));
        check("20000229", "20250228", Some(24));
        check("20000229", "20250301", Some(25));
        check("20000229", "20240229", Some(24));
        check("20261121", "20261121", Some(0));
        check("20261122", "20261121", None);
        check("18800101", "20261121", Some(146));
    }

    #[test]
    fn debug_shows_nothing_of_the_holder() {
        let id = ResidentId::parse("11010519491231002X").unwrap();
        assert_eq!(format!("{id:?}"), "ResidentId(****)");
    }

    proptest! {
        // All weights and all differences of digits are non-zero modulo the prime 11, so no change
        // of one character leaves the weighted sum where it was.
        #[test]
        fn every_change_of_one_character_is_caught(
            seed: u64,
            position in 0..LEN,
            distance in 1..11_usize,
        ) {
            const CHARACTERS: &[u8; 11] = b"0123456789X";
            let valid = sample::resident_id(seed);
            let mut changed = valid.clone().into_bytes();
            let was = CHARACTERS.iter().position(|character| *character == changed[position]);
            let replacement = CHARACTERS[(was.unwrap() + distance) % 11];
            changed[position] = replacement;
            let changed = String::from_utf8(changed).unwrap();
            prop_assert!(ResidentId::parse(&valid).is_ok());
            prop_assert!(ResidentId::parse(&changed).is_err());
            if position < BODY_LEN && replacement != b'X' {
                let body: &[u8; BODY_LEN] = changed.as_bytes()[..BODY_LEN].try_into().unwrap();
                let check = check_character(&digits_of(body).unwrap());
                prop_assert_ne!(check, valid.as_bytes()[BODY_LEN]);
            }
        }

        // Neighbouring weights differ modulo 11 too, so neither does a swap of neighbours.
        #[test]
        fn every_swap_of_neighbours_is_caught(seed: u64, position in 0..LEN - 1) {
            let mut swapped = sample::resident_id(seed).into_bytes();
            if swapped[position] == swapped[position + 1] {
                return Ok(());
            }
            swapped.swap(position, position + 1);
            prop_assert!(ResidentId::parse(std::str::from_utf8(&swapped).unwrap()).is_err());
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = ResidentId::parse(&text);
            let _ = ResidentId::parse_first_generation(&text);
        }
    }
}
