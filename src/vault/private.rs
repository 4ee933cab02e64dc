//! The personal part of one order, and its sealed form.
//!
//! The encoding is a format byte followed by the postcard form of a mirror struct, so that names here
//! may change while every record ever written stays readable.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::ring::{KeyRing, OpenError, Purpose, SealError};
use crate::domain::identity::{mask_document, mask_mobile, mask_name};
use crate::types::Sealed;

/// What an order says about persons, as the partner sent it. An empty string means "not given".
/// Wiped when dropped; `Debug` is masked.
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct PrivateDetails {
    /// Mobile of whoever ordered.
    pub mobile: String,
    /// Document number of whoever ordered.
    pub document_number: String,
    /// Travellers in the order they were sent.
    pub travellers: Vec<PrivateTraveller>,
    /// Title on the invoice.
    pub invoice_title: String,
    /// Tax number on the invoice.
    pub invoice_code: String,
    /// The guide's licence number.
    pub guide_number: String,
    /// Number of the trip bill of a group.
    pub trip_bill_code: String,
    /// The partner's first free field.
    pub reserve1: String,
    /// The partner's second free field.
    pub reserve2: String,
    /// The partner's id of its user.
    pub open_id: String,
}

/// One traveller of an order. Wiped when dropped; `Debug` is masked.
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct PrivateTraveller {
    /// Name.
    pub name: String,
    /// The partner's own document type.
    pub document_type: String,
    /// Document number, letters as sent.
    pub document_number: String,
    /// Mobile.
    pub mobile: String,
}

impl KeyRing {
    /// Seals the personal part of an order; [`Sealed::default`] when it says nothing at all.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_details(&self, details: &PrivateDetails) -> Result<Sealed, SealError> {
        if *details == PrivateDetails::default() {
            return Ok(Sealed::default());
        }
        self.seal(Purpose::ORDER_DETAILS, &encode(details)?)
    }

    /// Opens what [`KeyRing::seal_details`] sealed.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_details(&self, sealed: &Sealed) -> Result<PrivateDetails, OpenError> {
        let plaintext = self.open(Purpose::ORDER_DETAILS, sealed)?;
        if plaintext.is_empty() {
            return Ok(PrivateDetails::default());
        }
        decode(&plaintext)
    }
}

const FORMAT_1: u8 = 1;

/// Format 1 on disk. Fields are never reordered; another set of fields is another format.
#[derive(Serialize, Deserialize)]
struct Details1<'a> {
    mobile: &'a str,
    document_number: &'a str,
    #[serde(borrow)]
    travellers: Vec<Traveller1<'a>>,
    invoice_title: &'a str,
    invoice_code: &'a str,
    guide_number: &'a str,
    trip_bill_code: &'a str,
    reserve1: &'a str,
    reserve2: &'a str,
    open_id: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Traveller1<'a> {
    name: &'a str,
    document_type: &'a str,
    document_number: &'a str,
    mobile: &'a str,
}

fn encode(details: &PrivateDetails) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let mirror = Details1 {
        mobile: &details.mobile,
        document_number: &details.document_number,
        travellers: details.travellers.iter().map(Traveller1::from).collect(),
        invoice_title: &details.invoice_title,
        invoice_code: &details.invoice_code,
        guide_number: &details.guide_number,
        trip_bill_code: &details.trip_bill_code,
        reserve1: &details.reserve1,
        reserve2: &details.reserve2,
        open_id: &details.open_id,
    };
    // Sized first: a vector that grows would leave unwiped copies behind.
    let size = postcard::serialize_with_flavor(&mirror, postcard::ser_flavors::Size::default())
        .map_err(|_| SealError::Encoding)?;
    let mut bytes = Zeroizing::new(vec![0; 1 + size]);
    bytes[0] = FORMAT_1;
    postcard::to_slice(&mirror, &mut bytes[1..]).map_err(|_| SealError::Encoding)?;
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<PrivateDetails, OpenError> {
    let (format, rest) = bytes.split_first().ok_or(OpenError::Truncated)?;
    let unknown = OpenError::UnknownFormat { format: *format };
    if *format != FORMAT_1 {
        return Err(unknown);
    }
    match postcard::take_from_bytes::<Details1<'_>>(rest) {
        Ok((mirror, [])) => Ok(mirror.into()),
        _ => Err(unknown),
    }
}

impl<'a> From<&'a PrivateTraveller> for Traveller1<'a> {
    fn from(traveller: &'a PrivateTraveller) -> Self {
        Self {
            name: &traveller.name,
            document_type: &traveller.document_type,
            document_number: &traveller.document_number,
            mobile: &traveller.mobile,
        }
    }
}

impl From<Traveller1<'_>> for PrivateTraveller {
    fn from(mirror: Traveller1<'_>) -> Self {
        Self {
            name: mirror.name.to_owned(),
            document_type: mirror.document_type.to_owned(),
            document_number: mirror.document_number.to_owned(),
            mobile: mirror.mobile.to_owned(),
        }
    }
}

impl From<Details1<'_>> for PrivateDetails {
    fn from(mirror: Details1<'_>) -> Self {
        Self {
            mobile: mirror.mobile.to_owned(),
            document_number: mirror.document_number.to_owned(),
            travellers: mirror.travellers.into_iter().map(PrivateTraveller::from).collect(),
            invoice_title: mirror.invoice_title.to_owned(),
            invoice_code: mirror.invoice_code.to_owned(),
            guide_number: mirror.guide_number.to_owned(),
            trip_bill_code: mirror.trip_bill_code.to_owned(),
            reserve1: mirror.reserve1.to_owned(),
            reserve2: mirror.reserve2.to_owned(),
            open_id: mirror.open_id.to_owned(),
        }
    }
}

/// Shows what helps to find an order and masks it; free text is left out.
impl fmt::Debug for PrivateDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateDetails")
            .field("mobile", &mask_mobile(&self.mobile))
            .field("document_number", &mask_document(&self.document_number))
            .field("travellers", &self.travellers)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PrivateTraveller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateTraveller")
            .field("name", &mask_name(&self.name))
            .field("document_type", &self.document_type)
            .field("document_number", &mask_document(&self.document_number))
            .field("mobile", &mask_mobile(&self.mobile))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring() -> KeyRing {
        KeyRing::generate().unwrap()
    }

    fn sample() -> PrivateDetails {
        let mut details = PrivateDetails::default();
        details.mobile = "17512344139".to_owned();
        details.document_number = "11010519491231002X".to_owned();
        details.reserve1 = "靠窗".to_owned();
        let mut traveller = PrivateTraveller::default();
        traveller.name = "张三丰".to_owned();
        traveller.document_type = "1".to_owned();
        traveller.document_number = "440524188001010014".to_owned();
        traveller.mobile = "13800001111".to_owned();
        details.travellers = vec![traveller];
        details
    }

    #[test]
    fn details_come_back_and_nothing_of_them_is_in_clear() {
        let (ring, details) = (ring(), sample());
        let sealed = ring.seal_details(&details).unwrap();
        for text in ["17512344139", "11010519491231002X", "张三丰", "440524188001010014"] {
            let bytes = text.as_bytes();
            assert!(!sealed.bytes.windows(bytes.len()).any(|part| part == bytes), "{text}");
        }
        assert!(ring.open_details(&sealed).unwrap() == details);
    }

    #[test]
    fn nothing_said_takes_no_room() {
        let ring = ring();
        let sealed = ring.seal_details(&PrivateDetails::default()).unwrap();
        assert_eq!(sealed, Sealed::default());
        assert!(ring.open_details(&sealed).unwrap() == PrivateDetails::default());
    }

    #[test]
    fn debug_masks_every_value() {
        let text = format!("{:?}", sample());
        for secret in ["17512344139", "11010519491231002X", "三丰", "440524188001010014", "靠窗"]
        {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("175****4139") && text.contains("张**"), "{text}");
    }

    #[test]
    fn other_formats_are_refused_by_number() {
        let ring = ring();
        let open = |bytes: &[u8]| {
            let sealed = ring.seal(Purpose::ORDER_DETAILS, bytes).unwrap();
            ring.open_details(&sealed).map(|_| ())
        };
        assert_eq!(open(&[9]), Err(OpenError::UnknownFormat { format: 9 }));
        assert_eq!(open(&[1, 200]), Err(OpenError::UnknownFormat { format: 1 }));
        let mut trailing = encode(&sample()).unwrap().to_vec();
        trailing.push(0);
        assert_eq!(open(&trailing), Err(OpenError::UnknownFormat { format: 1 }));
    }

    /// Journals keep these bytes for ever.
    #[test]
    fn format_1_is_frozen() {
        let mut bytes = vec![FORMAT_1, 1, b'm', 1, b'd', 1, 1, b'n', 1, b't', 1, b'i', 1, b'p'];
        for field in b"abcdefg" {
            bytes.extend([1, *field]);
        }
        let details = decode(&bytes).unwrap();
        assert_eq!(details.mobile, "m");
        assert_eq!(details.document_number, "d");
        assert_eq!(details.travellers[0].mobile, "p");
        assert_eq!(details.invoice_title, "a");
        assert_eq!(details.open_id, "g");
        assert_eq!(encode(&details).unwrap().as_slice(), bytes);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            let _ = decode(&[&[FORMAT_1], bytes.as_slice()].concat());
        }
    }
}
