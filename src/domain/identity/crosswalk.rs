//! Partners' numbers for kinds of document ⇄ [`DocumentType`].
//!
//! The OTA family's list is coarser than ours and Douyin's lacks four kinds, so neither direction
//! is lossless and a partner's own value is kept beside ours wherever it has to be sent back.
//! `None` is "no document collected". Source: docs/protocols/identity.md, "Kinds of document".

use super::DocumentType;

/// A value that is not in the partner's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrosswalkError {
    /// Not an OTA `identificationtype`.
    #[error("not an OTA document type (1 to 6, or 9)")]
    Ota,
    /// Not a Douyin `license_type` or `credential_type`.
    #[error("{number} is not a Douyin document type (0 to 8)")]
    Douyin {
        /// What was sent.
        number: i64,
    },
}

/// Reads an OTA `identificationtype` (V5, one character); an empty text is no document.
///
/// # Errors
/// [`CrosswalkError::Ota`] for a value outside the list.
pub fn from_ota_v5(value: &str) -> Result<Option<DocumentType>, CrosswalkError> {
    match value.trim() {
        "" => Ok(None),
        "1" => Ok(Some(DocumentType::ResidentId)),
        "2" => Ok(Some(DocumentType::TravelDocument)),
        "3" => Ok(Some(DocumentType::OfficerCard)),
        "4" => Ok(Some(DocumentType::StudentCard)),
        "5" => Ok(Some(DocumentType::SeniorCard)),
        "6" => Ok(Some(DocumentType::DisabilityCard)),
        "9" => Ok(Some(DocumentType::Other)),
        _ => Err(CrosswalkError::Ota),
    }
}

/// The OTA `identificationtype` (V5) that comes nearest.
#[must_use]
pub const fn to_ota_v5(kind: DocumentType) -> char {
    match kind {
        DocumentType::ResidentId => '1',
        DocumentType::HkMacauPermit
        | DocumentType::TaiwanPermit
        | DocumentType::HomeReturnPermit
        | DocumentType::TaiwanCompatriotPermit
        | DocumentType::Passport
        | DocumentType::ForeignPassport
        | DocumentType::TravelDocument => '2',
        DocumentType::OfficerCard => '3',
        DocumentType::StudentCard => '4',
        DocumentType::SeniorCard => '5',
        DocumentType::DisabilityCard => '6',
        DocumentType::PermanentResidenceCard | DocumentType::Other => '9',
    }
}

/// Reads a Douyin `license_type` or `credential_type`; 0 is no document.
///
/// # Errors
/// [`CrosswalkError::Douyin`] for a value outside the list.
pub const fn from_douyin(number: i64) -> Result<Option<DocumentType>, CrosswalkError> {
    match number {
        0 => Ok(None),
        1 => Ok(Some(DocumentType::ResidentId)),
        2 => Ok(Some(DocumentType::HkMacauPermit)),
        3 => Ok(Some(DocumentType::TaiwanPermit)),
        4 => Ok(Some(DocumentType::HomeReturnPermit)),
        5 => Ok(Some(DocumentType::TaiwanCompatriotPermit)),
        6 => Ok(Some(DocumentType::Passport)),
        7 => Ok(Some(DocumentType::ForeignPassport)),
        8 => Ok(Some(DocumentType::PermanentResidenceCard)),
        _ => Err(CrosswalkError::Douyin { number }),
    }
}

/// The Douyin number of a kind, `None` for the kinds its list lacks.
#[must_use]
pub const fn to_douyin(kind: DocumentType) -> Option<i64> {
    match kind {
        DocumentType::ResidentId => Some(1),
        DocumentType::HkMacauPermit => Some(2),
        DocumentType::TaiwanPermit => Some(3),
        DocumentType::HomeReturnPermit => Some(4),
        DocumentType::TaiwanCompatriotPermit => Some(5),
        DocumentType::Passport => Some(6),
        DocumentType::ForeignPassport => Some(7),
        DocumentType::PermanentResidenceCard => Some(8),
        DocumentType::TravelDocument
        | DocumentType::OfficerCard
        | DocumentType::StudentCard
        | DocumentType::SeniorCard
        | DocumentType::DisabilityCard
        | DocumentType::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ota_value_survives_the_round_trip() {
        for value in ["1", "2", "3", "4", "5", "6", "9"] {
            let kind = from_ota_v5(value).unwrap().unwrap();
            assert_eq!(to_ota_v5(kind).to_string(), value);
        }
        assert_eq!(from_ota_v5(""), Ok(None));
        assert_eq!(from_ota_v5(" 1 "), Ok(Some(DocumentType::ResidentId)));
        for value in ["0", "7", "8", "10", "A", "１"] {
            assert_eq!(from_ota_v5(value), Err(CrosswalkError::Ota), "{value}");
        }
    }

    #[test]
    fn every_douyin_number_survives_the_round_trip() {
        for number in 1..=8 {
            let kind = from_douyin(number).unwrap().unwrap();
            assert_eq!(to_douyin(kind), Some(number));
        }
        assert_eq!(from_douyin(0), Ok(None));
        for number in [-1, 9, i64::MAX, i64::MIN] {
            assert_eq!(from_douyin(number), Err(CrosswalkError::Douyin { number }));
        }
    }

    #[test]
    fn douyin_to_ota() {
        let seen: String =
            (1..=8).map(|number| to_ota_v5(from_douyin(number).unwrap().unwrap())).collect();
        assert_eq!(seen, "12222229");
        assert_eq!(to_douyin(DocumentType::TravelDocument), None, "OTA 2 is five Douyin kinds");
    }
}
