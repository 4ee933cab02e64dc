//! Which result code a refusal gets. Source: docs/protocols/ota.md, "Result codes".

use crate::domain::account::BookingError;
use crate::domain::catalogue::{ConditionError, LimitScope};
use crate::engine::Rejection;
use crate::wire::ota::ResultCode;

/// The code of a refusal. No wildcard: a new refusal picks its code before it compiles.
#[must_use]
pub const fn result_code(rejection: &Rejection) -> ResultCode {
    match rejection {
        Rejection::SoldOut { .. }
        | Rejection::NoTimespanLeft { .. }
        | Rejection::SeatTaken { .. }
        | Rejection::SeatNotForSale { .. } => ResultCode::STOCK_SHORT,
        Rejection::UnknownProduct { .. }
        | Rejection::OffSale { .. }
        | Rejection::ChannelClosed { .. }
        | Rejection::NotYetOnSale { .. }
        | Rejection::SaleEnded { .. }
        | Rejection::SlotClosed { .. } => ResultCode::OFF_SALE,
        Rejection::Date { .. }
        | Rejection::UnknownTimespan
        | Rejection::UnknownPerformance
        | Rejection::PerformanceOnAnotherDay
        | Rejection::BadValidity => ResultCode::DATE_NOT_BOOKABLE,
        Rejection::LimitExceeded { about: Some((LimitScope::Document, _)), .. } => {
            ResultCode::DOCUMENT_LIMIT
        }
        Rejection::LimitExceeded { about: Some((LimitScope::Mobile, _)), .. } => {
            ResultCode::MOBILE_LIMIT
        }
        Rejection::LimitExceeded { .. } | Rejection::BuyerMissing { .. } => ResultCode::OTHER_LIMIT,
        Rejection::DocumentTwice => ResultCode::ALREADY_HAS_TICKET,
        Rejection::Condition(error) => match error {
            ConditionError::Age { .. } => ResultCode::AGE_NOT_ALLOWED,
            ConditionError::Sex => ResultCode::SEX_NOT_ALLOWED,
            ConditionError::Region => ResultCode::REGION_NOT_ALLOWED,
            ConditionError::Kind
            | ConditionError::Prefix
            | ConditionError::NoMatch
            | ConditionError::Forbidden { .. } => ResultCode::OTHER_LIMIT,
        },
        Rejection::NoLines
        | Rejection::TooManyLines { .. }
        | Rejection::BadQuantity { .. }
        | Rejection::OrderQuantity { .. }
        | Rejection::TotalOutOfRange => ResultCode::QUANTITY_LIMIT,
        Rejection::MobileMissing => ResultCode::MOBILE_MISSING,
        Rejection::DocumentMissing => ResultCode::DOCUMENT_MISSING,
        Rejection::NameMissing => ResultCode::NAME_MISSING,
        Rejection::TravellersMismatch { .. } => ResultCode::TRAVELLER_COUNT,
        Rejection::Mobile(_) => ResultCode::MOBILE_FORMAT,
        Rejection::Document(_) | Rejection::UnknownDocumentType => ResultCode::DOCUMENT_FORMAT,
        Rejection::Name(_) => ResultCode::NAME_FORMAT,
        Rejection::BalanceShort(_) | Rejection::Booking(BookingError::Short(_)) => {
            ResultCode::BALANCE_SHORT
        }
        Rejection::CodesExhausted => ResultCode::SYSTEM_FAULT,
        Rejection::MixedSuppliers
        | Rejection::UnknownArea
        | Rejection::SeatChoiceUnsupported
        | Rejection::UnknownSeat { .. }
        | Rejection::SeatsElsewhere
        | Rejection::SeatCount { .. }
        | Rejection::SeatRepeated { .. }
        | Rejection::OrderClosed(_)
        | Rejection::OrderPaid
        | Rejection::Refund(_)
        | Rejection::RefundClosed
        | Rejection::Redeem(_)
        | Rejection::Reverse(_)
        | Rejection::UnknownOrder
        | Rejection::NotAdjusted(_)
        | Rejection::Booking(_)
        | Rejection::TooLarge => ResultCode::OTHER,
    }
}
