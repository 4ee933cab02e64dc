//! Which documents a product is sold on: kinds, prefixes, regions, age, sex and patterns.
//!
//! Conditions inside a set all have to hold; of several sets one is enough. What a document does not
//! tell is not guessed: age, sex and region are known from resident numbers only, so a set that asks
//! for one of them is met by nothing else. A product open to passports as well gets a set of its own
//! for them. Ciphertext is never brought here.

use regex::{Regex, RegexBuilder};

use crate::domain::identity::{DocumentType, ResidentId, Sex};
use crate::types::ServiceDate;

/// A regular expression, compiled once when the catalogue is made.
#[derive(Clone)]
pub struct Pattern(Regex);

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Longer than [`Pattern::CHARS_MAX`] characters.
    #[error("a pattern has at most 200 characters")]
    TooLong,
    /// Not a regular expression of this dialect, or one that needs too much memory.
    #[error("not a regular expression: {0}")]
    Malformed(String),
}

/// A pattern that a number must not match, with what the caller is told when it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// The pattern.
    pub pattern: Pattern,
    /// One sentence that a buyer may read, at most 100 characters.
    pub text: Box<str>,
}

/// Conditions that all have to hold. An empty list sets no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConditionSet {
    /// Kinds of document.
    pub kinds: Vec<DocumentType>,
    /// What the number begins with, one of these.
    pub prefixes: Vec<Box<str>>,
    /// What the holder's area code begins with, one of these: `11` is Beijing.
    pub regions: Vec<Box<str>>,
    /// Fewest completed years on the day of the visit.
    pub age_from: Option<u16>,
    /// Most completed years on the day of the visit.
    pub age_to: Option<u16>,
    /// Sex.
    pub sex: Option<Sex>,
    /// What the number must match.
    pub must_match: Option<Pattern>,
    /// What it must not match.
    pub must_not_match: Option<Forbidden>,
}

/// The first condition of a set that does not hold, in the order in which they are looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// Another kind of document is needed.
    #[error("this kind of document is not accepted")]
    Kind,
    /// The number begins otherwise.
    #[error("the number does not begin as it must")]
    Prefix,
    /// The holder belongs elsewhere, or the document does not tell.
    #[error("the holder's region is not accepted or not known")]
    Region,
    /// Too young, too old, or the document does not tell.
    #[error("the holder is not between {from:?} and {to:?} years old, or it is not known")]
    Age {
        /// Fewest years.
        from: Option<u16>,
        /// Most years.
        to: Option<u16>,
    },
    /// The other sex, or the document does not tell.
    #[error("the holder's sex is not accepted or not known")]
    Sex,
    /// The number does not match what it must.
    #[error("the number does not match")]
    NoMatch,
    /// The number matches what it must not.
    #[error("the number matches what it must not")]
    Forbidden {
        /// What the caller is told.
        text: Box<str>,
    },
}

impl Pattern {
    /// Longest pattern, in characters.
    pub const CHARS_MAX: usize = 200;
    /// Most memory a compiled pattern may take, in bytes: counted repetitions multiply.
    const SIZE_MAX: usize = 256 * 1024;

    /// Compiles a pattern. It is looked for anywhere in the number unless it says `^` and `$`.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn new(text: &str) -> Result<Self, PatternError> {
        if text.chars().count() > Self::CHARS_MAX {
            return Err(PatternError::TooLong);
        }
        let mut builder = RegexBuilder::new(text);
        let built = builder.size_limit(Self::SIZE_MAX).dfa_size_limit(Self::SIZE_MAX).build();
        built.map(Self).map_err(|error| {
            // A syntax error draws the pattern over several lines; its last one says what is wrong.
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            PatternError::Malformed(last.trim_start_matches("error: ").to_owned())
        })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn is_match(&self, number: &str) -> bool {
        self.0.is_match(number)
    }
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pattern({:?})", self.as_str())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

/// Whether a document in clear meets one of `sets`, all of them empty or not; `number` is normalised
/// and `visit` the day of the visit, or the present one for a product not bound to a date.
///
/// # Errors
/// When none is met, what is wrong with it by the set it comes closest to: the one whose first
/// failing condition is looked at last, and of equals the first.
pub fn check_conditions(
    sets: &[ConditionSet],
    kind: DocumentType,
    number: &str,
    visit: ServiceDate,
) -> Result<(), ConditionError> {
    let mut closest: Option<ConditionError> = None;
    for set in sets {
        match set.check(kind, number, visit) {
            Ok(()) => return Ok(()),
            Err(error) if closest.as_ref().is_none_or(|best| rank(best) < rank(&error)) => {
                closest = Some(error);
            }
            Err(_) => {}
        }
    }
    closest.map_or(Ok(()), Err)
}

impl ConditionSet {
    fn check(
        &self,
        kind: DocumentType,
        number: &str,
        visit: ServiceDate,
    ) -> Result<(), ConditionError> {
        let begins = |starts: &[Box<str>], text: &str| {
            let begins = |start: &str| {
                text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
            };
            starts.is_empty() || starts.iter().any(|start| begins(start))
        };
        if !self.kinds.is_empty() && !self.kinds.contains(&kind) {
            return Err(ConditionError::Kind);
        }
        if !begins(&self.prefixes, number) {
            return Err(ConditionError::Prefix);
        }
        self.check_holder(kind, number, visit)?;
        if self.must_match.as_ref().is_some_and(|pattern| !pattern.is_match(number)) {
            return Err(ConditionError::NoMatch);
        }
        match &self.must_not_match {
            Some(Forbidden { pattern, text }) if pattern.is_match(number) => {
                Err(ConditionError::Forbidden { text: text.clone() })
            }
            _ => Ok(()),
        }
    }

    /// What only a resident number tells.
    fn check_holder(
        &self,
        kind: DocumentType,
        number: &str,
        visit: ServiceDate,
    ) -> Result<(), ConditionError> {
        let (from, to) = (self.age_from, self.age_to);
        let asks_age = from.is_some() || to.is_some();
        if self.regions.is_empty() && !asks_age && self.sex.is_none() {
            return Ok(());
        }
        let holder = (kind == DocumentType::ResidentId).then(|| ResidentId::read(number)).flatten();
        let in_region = || {
            // Six digits by the form of the number, which was read.
            let area = number.get(..6).unwrap_or_default();
            holder.is_some() && self.regions.iter().any(|region| area.starts_with(&**region))
        };
        if !self.regions.is_empty() && !in_region() {
            return Err(ConditionError::Region);
        }
        if asks_age {
            let age = holder.as_ref().and_then(|holder| holder.age_on(visit));
            let fits =
                |age: u16| from.is_none_or(|from| from <= age) && to.is_none_or(|to| age <= to);
            if !age.is_some_and(fits) {
                return Err(ConditionError::Age { from, to });
            }
        }
        if self.sex.is_some() && holder.map(|holder| holder.sex()) != self.sex {
            return Err(ConditionError::Sex);
        }
        Ok(())
    }
}

/// How many conditions were looked at before this one.
const fn rank(error: &ConditionError) -> u8 {
    match error {
        ConditionError::Kind => 0,
        ConditionError::Prefix => 1,
        ConditionError::Region => 2,
        ConditionError::Age { .. } => 3,
        ConditionError::Sex => 4,
        ConditionError::NoMatch => 5,
        ConditionError::Forbidden { .. } => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beijing, 31 December 1949, female.
    const BEIJING: &str = "11010519491231002X";
    /// Anhui, 1 January 1980, male.
    const ANHUI: &str = "34052419800101001X";
    const PASSPORT: &str = "E12345678";

    fn visit() -> ServiceDate {
        ServiceDate::parse_compact("20261121").unwrap()
    }

    fn check(sets: &[ConditionSet], number: &str, expected: Result<(), ConditionError>) {
        let kind = match number {
            PASSPORT => DocumentType::Passport,
            _ => DocumentType::ResidentId,
        };
        assert_eq!(check_conditions(sets, kind, number, visit()), expected, "{number} {sets:?}");
    }

    fn texts(list: &[&str]) -> Vec<Box<str>> {
        list.iter().map(|&text| text.into()).collect()
    }

    fn age(from: Option<u16>, to: Option<u16>) -> ConditionSet {
        ConditionSet { age_from: from, age_to: to, ..ConditionSet::default() }
    }

    #[test]
    fn each_condition_and_what_does_not_tell() {
        check(&[], BEIJING, Ok(()));
        check(&[ConditionSet::default()], PASSPORT, Ok(()));

        let kinds = vec![DocumentType::Passport, DocumentType::ForeignPassport];
        let kind = ConditionSet { kinds, ..ConditionSet::default() };
        check(std::slice::from_ref(&kind), PASSPORT, Ok(()));
        check(&[kind], BEIJING, Err(ConditionError::Kind));

        let prefix = ConditionSet { prefixes: texts(&["e1", "34"]), ..ConditionSet::default() };
        check(std::slice::from_ref(&prefix), PASSPORT, Ok(()));
        check(std::slice::from_ref(&prefix), ANHUI, Ok(()));
        check(&[prefix], BEIJING, Err(ConditionError::Prefix));

        let region = ConditionSet { regions: texts(&["3405", "12"]), ..ConditionSet::default() };
        check(std::slice::from_ref(&region), ANHUI, Ok(()));
        check(std::slice::from_ref(&region), BEIJING, Err(ConditionError::Region));
        check(&[region], PASSPORT, Err(ConditionError::Region));

        let sex = |sex| ConditionSet { sex: Some(sex), ..ConditionSet::default() };
        check(&[sex(Sex::Female)], BEIJING, Ok(()));
        check(&[sex(Sex::Male)], BEIJING, Err(ConditionError::Sex));
        check(&[sex(Sex::Male)], PASSPORT, Err(ConditionError::Sex));

        let must_match = Some(Pattern::new("X$").unwrap());
        let matching = ConditionSet { must_match, ..ConditionSet::default() };
        check(std::slice::from_ref(&matching), BEIJING, Ok(()));
        check(&[matching], PASSPORT, Err(ConditionError::NoMatch));
        let pattern = Pattern::new("^(11|E)").unwrap();
        let text: Box<str> = "本票不对北京居民和护照销售".into();
        let must_not_match = Some(Forbidden { pattern, text: text.clone() });
        let forbidden = ConditionSet { must_not_match, ..ConditionSet::default() };
        check(std::slice::from_ref(&forbidden), ANHUI, Ok(()));
        check(
            std::slice::from_ref(&forbidden),
            BEIJING,
            Err(ConditionError::Forbidden { text: text.clone() }),
        );
        check(&[forbidden], PASSPORT, Err(ConditionError::Forbidden { text }));
    }

    #[test]
    fn age_counts_completed_years_on_the_day_of_the_visit() {
        let refused = |from, to| Err(ConditionError::Age { from, to });
        // 76 until the last day of the year.
        check(&[age(Some(76), Some(76))], BEIJING, Ok(()));
        check(&[age(Some(77), None)], BEIJING, refused(Some(77), None));
        check(&[age(None, Some(75))], BEIJING, refused(None, Some(75)));
        check(&[age(None, Some(200))], PASSPORT, refused(None, Some(200)));
        let birthday = ServiceDate::parse_compact("20261231").unwrap();
        let set = [age(Some(77), Some(77))];
        let kind = DocumentType::ResidentId;
        assert_eq!(check_conditions(&set, kind, BEIJING, birthday), Ok(()));
        // A wrong check character, for partners whose numbers are not checked, still tells an age;
        // a number that is none does not, and who is not born yet has none.
        check(&[age(Some(76), None)], "110105194912310021", Ok(()));
        check(&[age(Some(76), None)], "110105491231002", Ok(()));
        check(&[age(Some(0), None)], "110105199913310021", refused(Some(0), None));
        check(&[age(Some(0), None)], "110105209912310021", refused(Some(0), None));
    }

    #[test]
    fn one_set_is_enough_and_the_closest_one_is_named() {
        let resident =
            |set: ConditionSet| ConditionSet { kinds: vec![DocumentType::ResidentId], ..set };
        let passport =
            ConditionSet { kinds: vec![DocumentType::Passport], ..ConditionSet::default() };
        let old = resident(age(Some(60), None));
        let sets = [passport.clone(), old.clone()];
        check(&sets, PASSPORT, Ok(()));
        check(&sets, BEIJING, Ok(()));
        let too_young = ConditionError::Age { from: Some(60), to: None };
        check(&sets, ANHUI, Err(too_young.clone()));
        check(&[old, passport], ANHUI, Err(too_young));
        let men = |from| ConditionSet { age_from: Some(from), ..resident(ConditionSet::default()) };
        check(&[men(90), men(95)], ANHUI, Err(ConditionError::Age { from: Some(90), to: None }));
    }

    #[test]
    fn a_pattern_is_compiled_within_bounds() {
        assert_eq!(Pattern::new(&"x".repeat(201)), Err(PatternError::TooLong));
        assert!(Pattern::new(&"x".repeat(200)).is_ok());
        for text in ["(", "[", r"\q", "(?=x)", r"(a)\1", "a{9999}{9999}"] {
            let error = Pattern::new(text).unwrap_err();
            assert!(matches!(error, PatternError::Malformed(_)), "{text}: {error}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        assert_eq!(Pattern::new(r"^\d{17}[\dX]$").unwrap().as_str(), r"^\d{17}[\dX]$");
    }
}
