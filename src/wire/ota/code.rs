//! Result codes of the OTA family.

/// A `resultcode` or `errcode`: 0 is success. The partner publishes no list; these are Douyin's
/// numbers, so that an adapter can pass them through, and -2 for "repeat the same request".
/// Source: docs/protocols/ota.md, "Result codes".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResultCode(i32);

impl ResultCode {
    /// Done, or would be done.
    pub const SUCCESS: Self = Self(0);
    /// Transient: the caller repeats the identical request, up to nine times with growing pauses.
    pub const RETRY: Self = Self(-2);
    /// Stock short (库存不足).
    pub const STOCK_SHORT: Self = Self(1);
    /// The product is off sale or unknown.
    pub const OFF_SALE: Self = Self(2);
    /// This traveller already has a ticket.
    pub const ALREADY_HAS_TICKET: Self = Self(3);
    /// The date cannot be booked.
    pub const DATE_NOT_BOOKABLE: Self = Self(4);
    /// The traveller's age is not allowed.
    pub const AGE_NOT_ALLOWED: Self = Self(5);
    /// The traveller's sex is not allowed.
    pub const SEX_NOT_ALLOWED: Self = Self(6);
    /// The purchase limit of a document is reached.
    pub const DOCUMENT_LIMIT: Self = Self(7);
    /// The purchase limit of a mobile is reached.
    pub const MOBILE_LIMIT: Self = Self(8);
    /// The quantity of an order is outside its bounds.
    pub const QUANTITY_LIMIT: Self = Self(9);
    /// The traveller's region is not allowed.
    pub const REGION_NOT_ALLOWED: Self = Self(10);
    /// Limited for another reason, which the message gives.
    pub const OTHER_LIMIT: Self = Self(11);
    /// The mobile is missing.
    pub const MOBILE_MISSING: Self = Self(12);
    /// The document is missing.
    pub const DOCUMENT_MISSING: Self = Self(13);
    /// The traveller's name is missing.
    pub const NAME_MISSING: Self = Self(14);
    /// The number of travellers differs from the number of copies.
    pub const TRAVELLER_COUNT: Self = Self(15);
    /// The mobile is malformed.
    pub const MOBILE_FORMAT: Self = Self(19);
    /// The document number is malformed.
    pub const DOCUMENT_FORMAT: Self = Self(20);
    /// The traveller's name is malformed.
    pub const NAME_FORMAT: Self = Self(21);
    /// The agent's balance is short.
    pub const BALANCE_SHORT: Self = Self(22);
    /// The price differs.
    pub const PRICE_DIFFERS: Self = Self(23);
    /// Fault of the system; may be tried again.
    pub const SYSTEM_FAULT: Self = Self(100);
    /// Another reason; not to be tried again.
    pub const OTHER: Self = Self(999_999);

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// The number for Douyin, which allows 0 to 999999 only: -2 becomes 100.
    #[must_use]
    pub const fn for_douyin(self) -> i32 {
        if self.0 < 0 { Self::SYSTEM_FAULT.0 } else { self.0 }
    }
}
