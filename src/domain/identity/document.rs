//! Kinds of identity document, the shapes of their numbers, and the form in which numbers are
//! compared and counted.
//!
//! Shapes other than the resident number's are common practice rather than published rules, so a
//! partner whose documents they do not fit is configured to [`DocumentCheck::Off`].
//! Source: docs/protocols/identity.md, "Document numbers".

use std::borrow::Cow;

use super::{PersonalText, ResidentId, ResidentIdError, is_ciphertext};
use crate::types::ServiceDate;

/// A kind of identity document (证件类型), finer than any partner's own list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentType {
    /// Resident identity card (身份证), and the residence permit of Hong Kong, Macau and Taiwan
    /// residents (港澳台居民居住证), whose numbers follow the same standard.
    ResidentId,
    /// Exit permit for Hong Kong and Macau (往来港澳通行证).
    HkMacauPermit,
    /// Exit permit for Taiwan (往来台湾通行证).
    TaiwanPermit,
    /// Home-return permit (回乡证).
    HomeReturnPermit,
    /// Taiwan compatriot permit (台胞证).
    TaiwanCompatriotPermit,
    /// Chinese passport (护照).
    Passport,
    /// Foreign passport.
    ForeignPassport,
    /// Foreigner's permanent residence card (永居证).
    PermanentResidenceCard,
    /// A passport or one of the four permits: the sender's list does not tell them apart.
    TravelDocument,
    /// Active officer's or soldier's card (军官证, 士兵证).
    OfficerCard,
    /// Student card (学生证).
    StudentCard,
    /// Senior citizen's card (老年证).
    SeniorCard,
    /// Disability card (残疾证).
    DisabilityCard,
    /// Anything else.
    Other,
}

/// How strictly document numbers are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DocumentCheck {
    /// Not at all.
    Off,
    /// The number has the shape of its kind; dates and check characters may be anything.
    Format,
    /// Resident numbers must be right in every part, and of the second generation. Other kinds
    /// have no check character and are checked as in [`DocumentCheck::Format`].
    #[default]
    Full,
    /// As [`DocumentCheck::Full`], but fifteen-digit resident numbers pass as well.
    FullWithFirstGeneration,
}

/// Why a document number was refused, in order of precedence. None of them contains the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Does not have the shape of its kind.
    #[error("not the number of a document of kind {kind:?}")]
    Malformed {
        /// The kind it was given as.
        kind: DocumentType,
    },
    /// A fifteen-digit resident number where only eighteen characters are accepted.
    #[error("resident numbers of the first generation are not accepted")]
    FirstGeneration,
    /// Shaped like a resident number and still not one.
    #[error(transparent)]
    Resident(#[from] ResidentIdError),
    /// The holder would be born after today.
    #[error("the birth date lies in the future")]
    NotYetBorn,
}

/// Longest number of a kind without a shape of its own, in characters.
const FREE_CHARS_MAX: usize = 64;
/// Characters of a foreign passport's number.
const FOREIGN_PASSPORT_LEN: std::ops::RangeInclusive<usize> = 5..=17;

/// Kinds that may hide behind [`DocumentType::TravelDocument`].
const TRAVEL_DOCUMENTS: [DocumentType; 6] = [
    DocumentType::HkMacauPermit,
    DocumentType::TaiwanPermit,
    DocumentType::HomeReturnPermit,
    DocumentType::TaiwanCompatriotPermit,
    DocumentType::Passport,
    DocumentType::ForeignPassport,
];

/// The number as it is compared, counted and hashed: trimmed and upper-case. Ciphertext is kept
/// byte for byte, since equal ciphertext is all that is known of equal persons.
#[must_use]
pub fn normalise_document(number: &str, sent_as: PersonalText) -> Cow<'_, str> {
    if is_ciphertext(number, sent_as) {
        return Cow::Borrowed(number);
    }
    upper_trimmed(number)
}

/// Checks a document number in clear, as it was sent; `today` is the day at the venue.
///
/// # Errors
/// The first [`DocumentError`] that fits; none with [`DocumentCheck::Off`].
pub fn check_document(
    kind: DocumentType,
    number: &str,
    check: DocumentCheck,
    today: ServiceDate,
) -> Result<(), DocumentError> {
    if check == DocumentCheck::Off {
        return Ok(());
    }
    let number = upper_trimmed(number);
    if !has_shape(kind, &number) {
        return Err(DocumentError::Malformed { kind });
    }
    if kind != DocumentType::ResidentId || check == DocumentCheck::Format {
        return Ok(());
    }
    let first_generation = number.len() == 15;
    if first_generation && check == DocumentCheck::Full {
        return Err(DocumentError::FirstGeneration);
    }
    let resident = if first_generation {
        ResidentId::parse_first_generation(&number)?
    } else {
        ResidentId::parse(&number)?
    };
    if resident.birth_date() > today { Err(DocumentError::NotYetBorn) } else { Ok(()) }
}

fn upper_trimmed(number: &str) -> Cow<'_, str> {
    let trimmed = number.trim();
    if trimmed.bytes().any(|byte| byte.is_ascii_lowercase()) {
        Cow::Owned(trimmed.to_ascii_uppercase())
    } else {
        Cow::Borrowed(trimmed)
    }
}

/// Whether an upper-case number looks like one of its kind.
fn has_shape(kind: DocumentType, number: &str) -> bool {
    match kind {
        DocumentType::ForeignPassport => {
            FOREIGN_PASSPORT_LEN.contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }
        DocumentType::TravelDocument => {
            TRAVEL_DOCUMENTS.iter().any(|document| has_shape(*document, number))
        }
        DocumentType::OfficerCard
        | DocumentType::StudentCard
        | DocumentType::SeniorCard
        | DocumentType::DisabilityCard
        | DocumentType::Other => {
            let length = number.chars().count();
            (1..=FREE_CHARS_MAX).contains(&length) && !number.chars().any(char::is_control)
        }
        DocumentType::ResidentId
        | DocumentType::HkMacauPermit
        | DocumentType::TaiwanPermit
        | DocumentType::HomeReturnPermit
        | DocumentType::TaiwanCompatriotPermit
        | DocumentType::Passport
        | DocumentType::PermanentResidenceCard => {
            shapes(kind).iter().any(|shape| matches_shape(number, shape))
        }
    }
}

/// The shapes a kind's number may have: `#` a digit, `%` a digit or X, `?` a letter, `@` a letter
/// that cannot be taken for a digit (not I, not O); every other character stands for itself.
const fn shapes(kind: DocumentType) -> &'static [&'static str] {
    match kind {
        DocumentType::ResidentId => &["#################%", "###############"],
        DocumentType::HkMacauPermit => &["C########", "C@#######", "W########"],
        DocumentType::TaiwanPermit => &["L########", "T########"],
        DocumentType::HomeReturnPermit => &["H########", "M########", "H##########", "M##########"],
        DocumentType::TaiwanCompatriotPermit => {
            &["########", "##########", "##########?", "##########??", "##########(?)"]
        }
        DocumentType::Passport => &[
            "E########",
            "E?#######",
            "G########",
            "D########",
            "S########",
            "P########",
            "DE#######",
            "SE#######",
            "PE#######",
            "D#######",
            "S#######",
            "P#######",
        ],
        DocumentType::PermanentResidenceCard => &["???############", "9################%"],
        DocumentType::ForeignPassport
        | DocumentType::TravelDocument
        | DocumentType::OfficerCard
        | DocumentType::StudentCard
        | DocumentType::SeniorCard
        | DocumentType::DisabilityCard
        | DocumentType::Other => &[],
    }
}

fn matches_shape(number: &str, shape: &str) -> bool {
    number.len() == shape.len()
        && number.bytes().zip(shape.bytes()).all(|(byte, expected)| match expected {
            b'#' => byte.is_ascii_digit(),
            b'%' => byte.is_ascii_digit() || byte == b'X',
            b'?' => byte.is_ascii_uppercase(),
            b'@' => byte.is_ascii_uppercase() && byte != b'I' && byte != b'O',
            literal => byte == literal,
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::identity::sample;

    fn today() -> ServiceDate {
        ServiceDate::parse_compact("20261121").unwrap()
    }

    #[test]
    fn shapes_by_kind() {
        use DocumentType::{
            DisabilityCard, ForeignPassport, HkMacauPermit, HomeReturnPermit, OfficerCard, Other,
            Passport, PermanentResidenceCard, ResidentId, TaiwanCompatriotPermit, TaiwanPermit,
            TravelDocument,
        };
        let check = |kind: DocumentType, accepted: &[&str], refused: &[&str]| {
            let run = |number| check_document(kind, number, DocumentCheck::Format, today());
            for number in accepted {
                assert_eq!(run(number), Ok(()), "{kind:?} {number:?}");
            }
            for number in refused {
                let expected = Err(DocumentError::Malformed { kind });
                assert_eq!(run(number), expected, "{kind:?} {number:?}");
            }
        };
        check(
            ResidentId,
            &["310115199807013370", "110101199001011234", "11010519491231002x", "110105491231002"],
            &[
                "",
                "11010519491231002",
                "1101051949123100X2",
                "1101054912310021",
                "１10105491231002",
            ],
        );
        check(
            HkMacauPermit,
            &["C12345678", "CA1234567", "W12345678", " c12345678 "],
            &["CI1234567", "CO1234567", "C1234567", "H12345678"],
        );
        check(TaiwanPermit, &["L12345678", "T12345678"], &["L1234567", "C12345678"]);
        check(HomeReturnPermit, &["H12345678", "M1234567801"], &["H123456789", "A12345678"]);
        check(
            TaiwanCompatriotPermit,
            &["12345678", "1234567890", "1234567890B", "1234567890AB", "1234567890(B)"],
            &["123456789", "1234567890ABC", "T2345678"],
        );
        check(
            Passport,
            &["E12345678", "EA1234567", "G12345678", "PE1234567"],
            &["A12345678", "E1"],
        );
        check(ForeignPassport, &["AB123", "X1234567890123456"], &["A123", "AB-12345", "护照12345"]);
        check(
            PermanentResidenceCard,
            &["USA110012345678", "911124198108030024", "91112419810803002X"],
            &["811124198108030024", "USA11001234567"],
        );
        check(TravelDocument, &["C12345678", "1234567890(B)", "AB123"], &["", "A-1"]);
        check(OfficerCard, &["军字第1234567号"], &["", "  ", "1\u{7}2"]);
        check(DisabilityCard, &["11010519491231002X43"], &[""]);
        check(Other, &["A-1/2"], &[&"1".repeat(65)]);
    }

    #[test]
    fn full_checks_resident_numbers_only() {
        use DocumentCheck::{Format, Full, FullWithFirstGeneration, Off};
        use DocumentError::{FirstGeneration, Malformed, NotYetBorn, Resident};
        let kind = DocumentType::ResidentId;
        let wrong = Err(Resident(ResidentIdError::WrongCheckCharacter));
        let check = |number: &str, check: DocumentCheck, expected: Result<(), DocumentError>| {
            assert_eq!(
                check_document(kind, number, check, today()),
                expected,
                "{number} {check:?}"
            );
        };
        check("310115199807013370", Off, Ok(()));
        check("310115199807013370", Format, Ok(()));
        check("310115199807013370", Full, wrong);
        check("310115199807013370", FullWithFirstGeneration, wrong);
        check("310115199807013376", Full, Ok(()));
        check("110105491231002", Format, Ok(()));
        check("110105491231002", Full, Err(FirstGeneration));
        check("110105491231002", FullWithFirstGeneration, Ok(()));
        check(
            "110105491331002",
            FullWithFirstGeneration,
            Err(Resident(ResidentIdError::NoSuchBirthDate)),
        );
        check("", Off, Ok(()));
        check("x", Full, Err(Malformed { kind }));
        // A shape that fails speaks before anything inside it.
        check("99010519490231002Y", Full, Err(Malformed { kind }));
        assert_eq!(check_document(DocumentType::Passport, "E12345678", Full, today()), Ok(()));

        // Born today is fine, tomorrow is not.
        let born = |day: &str| {
            let mut digits = [0; 17];
            for (digit, byte) in digits.iter_mut().zip(format!("110105{day}001").bytes()) {
                *digit = byte - b'0';
            }
            let last = char::from(super::super::check_character(&digits));
            format!("110105{day}001{last}")
        };
        check(&born("20261121"), Full, Ok(()));
        check(&born("20261122"), Full, Err(NotYetBorn));
        check(&born("20261122"), Format, Ok(()));
    }

    #[test]
    fn numbers_are_counted_trimmed_and_upper_case() {
        let check = |number: &str, sent_as: PersonalText, expected: &str| {
            assert_eq!(normalise_document(number, sent_as), expected);
        };
        check(" 11010519491231002x\t", PersonalText::Clear, "11010519491231002X");
        check("c12345678", PersonalText::Clear, "C12345678");
        check("Enc.aBc= ", PersonalText::Clear, "Enc.aBc= ");
        check(" aBc= ", PersonalText::Ciphertext, " aBc= ");
        check("", PersonalText::Clear, "");
    }

    #[test]
    fn errors_do_not_repeat_the_number() {
        let number = "310115199807013370";
        let error = check_document(DocumentType::ResidentId, number, DocumentCheck::Full, today());
        let shown = format!("{error:?} {}", error.unwrap_err());
        assert!(!shown.contains("310115") && !shown.contains("19980701"), "{shown}");
    }

    proptest! {
        #[test]
        fn sample_numbers_pass_the_full_check(seed: u64) {
            let number = sample::resident_id(seed);
            let kind = DocumentType::ResidentId;
            prop_assert_eq!(check_document(kind, &number, DocumentCheck::Full, today()), Ok(()));
        }

        #[test]
        fn normalising_twice_changes_nothing(text: String) {
            let once = normalise_document(&text, PersonalText::Clear).into_owned();
            // Trimming may uncover the ciphertext prefix only in upper case, which is none.
            prop_assume!(!once.starts_with("Enc."));
            prop_assert_eq!(&normalise_document(&once, PersonalText::Clear), &once);
        }
    }
}
