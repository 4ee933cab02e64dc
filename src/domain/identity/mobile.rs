//! Mobile numbers: the mainland shape, and the form in which they are compared and counted.
//!
//! Foreign numbers are carried, not understood. Source: docs/protocols/identity.md, "Mobiles".

use std::borrow::Cow;

use super::{PersonalText, is_ciphertext};

/// How strictly mobiles are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MobileCheck {
    /// Not at all.
    Off,
    /// Eleven digits of the mainland plan: `1`, then `3` to `9`, then nine more.
    #[default]
    Mainland,
}

/// Why a mobile was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MobileError {
    /// Not a mainland mobile.
    #[error("not a mainland mobile number (1, then 3 to 9, then nine digits)")]
    NotMainland,
}

/// Ways in which senders write the mainland's country code.
const COUNTRY_CODES: [&str; 3] = ["+86", "0086", "86"];

/// The mobile as it is compared, counted and hashed: without white space and hyphens, and without
/// the mainland's country code in front of a mainland mobile. Anything else loses no digit.
/// Ciphertext is kept byte for byte.
#[must_use]
pub fn normalise_mobile(mobile: &str, sent_as: PersonalText) -> Cow<'_, str> {
    if is_ciphertext(mobile, sent_as) {
        return Cow::Borrowed(mobile);
    }
    let filler = |character: char| character.is_whitespace() || character == '-';
    let bare = if mobile.contains(filler) {
        Cow::Owned(mobile.replace(filler, ""))
    } else {
        Cow::Borrowed(mobile)
    };
    let national = COUNTRY_CODES
        .iter()
        .filter_map(|code| bare.strip_prefix(code))
        .find(|rest| is_mainland(rest))
        .map(str::len);
    match (national, bare) {
        (None, bare) => bare,
        (Some(len), Cow::Borrowed(bare)) => Cow::Borrowed(&bare[bare.len() - len..]),
        (Some(len), Cow::Owned(bare)) => Cow::Owned(bare[bare.len() - len..].to_owned()),
    }
}

/// Checks a mobile in clear, as it was sent; what [`normalise_mobile`] takes off is no fault.
///
/// # Errors
/// [`MobileError`]; none with [`MobileCheck::Off`].
pub fn check_mobile(mobile: &str, check: MobileCheck) -> Result<(), MobileError> {
    match check {
        MobileCheck::Off => Ok(()),
        MobileCheck::Mainland if is_mainland(&normalise_mobile(mobile, PersonalText::Clear)) => {
            Ok(())
        }
        MobileCheck::Mainland => Err(MobileError::NotMainland),
    }
}

fn is_mainland(mobile: &str) -> bool {
    matches!(mobile.as_bytes(), [b'1', b'3'..=b'9', rest @ ..]
        if rest.len() == 9 && rest.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::identity::sample;

    #[test]
    fn mainland_mobiles() {
        let check = |mobile: &str, expected: bool| {
            assert_eq!(check_mobile(mobile, MobileCheck::Mainland).is_ok(), expected, "{mobile:?}");
            assert_eq!(check_mobile(mobile, MobileCheck::Off), Ok(()), "{mobile:?}");
        };
        check("13000000000", true);
        check("19999999999", true);
        check("+86 138-0000-0000", true);
        check("12000000000", false);
        check("1380000000", false);
        check("138000000000", false);
        check("23800000000", false);
        check("1380000000x", false);
        check("１3800000000", false);
        check("175****4139", false);
        check("", false);
    }

    #[test]
    fn one_mobile_is_counted_once_however_it_is_written() {
        let check = |mobile: &str, expected: &str| {
            assert_eq!(normalise_mobile(mobile, PersonalText::Clear), expected, "{mobile:?}");
        };
        for mobile in [
            "13800000000",
            " 13800000000 ",
            "+8613800000000",
            "0086 138 0000 0000",
            "86-13800000000",
        ] {
            check(mobile, "13800000000");
        }
        // Not a mainland mobile behind the code, so the code stays.
        check("+85291234567", "+85291234567");
        check("+86 10 1234 5678", "+861012345678");
        check("8613800", "8613800");
        check("Enc.+86 1", "Enc.+86 1");
        assert_eq!(
            normalise_mobile("+8613800000000 ", PersonalText::Ciphertext),
            "+8613800000000 "
        );
    }

    proptest! {
        #[test]
        fn sample_mobiles_pass_and_are_normal(seed: u64) {
            let mobile = sample::mobile(seed);
            prop_assert_eq!(check_mobile(&mobile, MobileCheck::Mainland), Ok(()));
            prop_assert_eq!(normalise_mobile(&mobile, PersonalText::Clear), &*mobile);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = normalise_mobile(&text, PersonalText::Clear);
        }
    }
}
