//! Rules about documents, mobiles and names: what is well formed, what counts as the same person's
//! number, and what may be shown of it.
//!
//! It keeps nothing, hashes nothing and encrypts nothing; it does not know which partner sent a
//! value, only the [`IdentityRules`] that partner was configured with. Errors never contain the
//! value they speak of.

pub mod crosswalk;
mod document;
mod mask;
mod mobile;
mod name;
mod resident_id;
pub mod sample;

pub use document::{
    DocumentCheck, DocumentError, DocumentType, check_document, normalise_document,
};
pub use mask::{mask_document, mask_mobile, mask_name};
pub use mobile::{MobileCheck, MobileError, check_mobile, normalise_mobile};
pub use name::{NameError, check_name};
pub use resident_id::{Region, ResidentId, ResidentIdError, Sex, check_character};

use crate::types::ServiceDate;

/// How a partner sends names, mobiles and document numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersonalText {
    /// In clear, except values that say they are ciphertext by their prefix.
    #[default]
    Clear,
    /// Always as ciphertext, whatever it looks like.
    Ciphertext,
}

/// What begins a value that only the partner's own service can decrypt.
/// Source: docs/protocols/identity.md, "Ciphertext".
const CIPHERTEXT_PREFIX: &str = "Enc.";

/// Whether `text` is ciphertext: by its `Enc.` prefix, or because the partner sends nothing else.
/// Format checks and normalisation leave ciphertext alone.
#[must_use]
pub fn is_ciphertext(text: &str, sent_as: PersonalText) -> bool {
    sent_as == PersonalText::Ciphertext || text.starts_with(CIPHERTEXT_PREFIX)
}

/// What one partner's personal fields are checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityRules {
    /// Clear text or ciphertext.
    pub sent_as: PersonalText,
    /// How strictly document numbers are read.
    pub document: DocumentCheck,
    /// How strictly mobiles are read.
    pub mobile: MobileCheck,
    /// Longest name in characters.
    pub name_chars_max: usize,
}

impl IdentityRules {
    /// Checks a document number as it was sent; ciphertext passes unread.
    ///
    /// # Errors
    /// See [`check_document`].
    pub fn check_document(
        &self,
        kind: DocumentType,
        number: &str,
        today: ServiceDate,
    ) -> Result<(), DocumentError> {
        if is_ciphertext(number, self.sent_as) {
            return Ok(());
        }
        check_document(kind, number, self.document, today)
    }

    /// Checks a mobile as it was sent; ciphertext passes unread.
    ///
    /// # Errors
    /// See [`check_mobile`].
    pub fn check_mobile(&self, mobile: &str) -> Result<(), MobileError> {
        if is_ciphertext(mobile, self.sent_as) {
            return Ok(());
        }
        check_mobile(mobile, self.mobile)
    }

    /// Checks a name as it was sent; ciphertext passes unread.
    ///
    /// # Errors
    /// See [`check_name`].
    pub fn check_name(&self, name: &str) -> Result<(), NameError> {
        if is_ciphertext(name, self.sent_as) {
            return Ok(());
        }
        check_name(name, self.name_chars_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: IdentityRules = IdentityRules {
        sent_as: PersonalText::Clear,
        document: DocumentCheck::Full,
        mobile: MobileCheck::Mainland,
        name_chars_max: 20,
    };

    fn today() -> ServiceDate {
        ServiceDate::parse_compact("20261121").unwrap()
    }

    #[test]
    fn ciphertext_is_told_by_prefix_or_by_configuration() {
        assert!(is_ciphertext("Enc.AbC/==", PersonalText::Clear));
        assert!(is_ciphertext("VGhpcyBpcyBi", PersonalText::Ciphertext));
        assert!(!is_ciphertext("VGhpcyBpcyBi", PersonalText::Clear));
        assert!(!is_ciphertext("enc.abc", PersonalText::Clear), "the prefix is exact");
        assert!(!is_ciphertext("", PersonalText::Clear));
    }

    #[test]
    fn ciphertext_is_never_checked() {
        let kind = DocumentType::ResidentId;
        assert_eq!(STRICT.check_document(kind, "Enc.not-a-number", today()), Ok(()));
        assert_eq!(STRICT.check_mobile("Enc.not-a-mobile"), Ok(()));
        assert_eq!(STRICT.check_name(&format!("Enc.{}", "x".repeat(200))), Ok(()));

        let opaque = IdentityRules { sent_as: PersonalText::Ciphertext, ..STRICT };
        assert_eq!(opaque.check_document(kind, "q2hpbmE=", today()), Ok(()));
        assert_eq!(opaque.check_mobile("q2hpbmE="), Ok(()));
        assert_eq!(opaque.check_name(""), Ok(()));
    }

    #[test]
    fn clear_text_is_checked_as_configured() {
        let kind = DocumentType::ResidentId;
        assert!(STRICT.check_document(kind, "310115199807013370", today()).is_err());
        assert!(STRICT.check_mobile("12800000000").is_err());
        assert!(STRICT.check_name(&"名".repeat(21)).is_err());
        assert_eq!(STRICT.check_document(kind, "11010519491231002x", today()), Ok(()));
        assert_eq!(STRICT.check_mobile("13800000000"), Ok(()));
        assert_eq!(STRICT.check_name(&"名".repeat(20)), Ok(()));
    }
}
