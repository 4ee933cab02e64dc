//! Identifiers. Numbers (`…No`) are assigned by the catalogue and are dense; partner-visible ids
//! are 19-digit decimal numbers.

use std::fmt;

use crate::types::ServiceDate;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// Wraps a raw number.
            #[must_use]
            pub const fn new(raw: $inner) -> Self {
                Self(raw)
            }

            /// The raw number.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A supplier (供应商): the spot or theatre, and the unit of partitioning.
    SupplierNo(u16)
}
number! {
    /// A product (票种).
    ProductNo(u32)
}
number! {
    /// A pool: capacity shared by the slots of several products.
    PoolNo(u32)
}
number! {
    /// An agent (代理商/分销商): whoever buys from us.
    AgentNo(u32)
}
number! {
    /// A partition: the suppliers that live on one arbiter. The number of partitions is stamped into the store.
    PartitionNo(u16)
}
number! {
    /// A timespan (时段) of a day. 0 means the product has no timespans; real ones count from 1.
    Timespan(u8)
}
number! {
    /// An area (座位区域) of a performance, or 0 where the product has none.
    AreaNo(u8)
}
number! {
    /// Our order number: 19 decimal digits, sortable by time. The caller's own number is [`RequestKey`].
    OrderId(u64)
}
number! {
    /// Our number of an order line (a partner's "sub-order"): 19 decimal digits.
    LineId(u64)
}
number! {
    /// Our ticket number: 19 decimal digits.
    TicketId(u64)
}
number! {
    /// An in-flight checkout. Volatile: a crash forgets every one of them.
    HoldId(u64)
}
number! {
    /// A purchase-limit rule of a product. The number stands for the rule's kind and is not its place
    /// in a list.
    RuleNo(u8)
}
number! {
    /// Position of a record in the journal, counting from 1. 0 means "before every record".
    Lsn(u64)
}

impl Timespan {
    /// The only timespan of an untimed product.
    pub const NONE: Self = Self(0);
}

impl AreaNo {
    /// The only area of a product that has none.
    pub const NONE: Self = Self(0);
}

impl Lsn {
    /// Before every record.
    pub const ZERO: Self = Self(0);

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A slot (日历库存): one product on one service date in one timespan.
/// A product that is not bound to a date has the single slot with `date: None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotKey {
    /// The product sold.
    pub product: ProductNo,
    /// The visit date, or `None` for a product not bound to one.
    pub date: Option<ServiceDate>,
    /// The timespan, [`Timespan::NONE`] for an untimed product.
    pub timespan: Timespan,
}

/// The way a sale came in (渠道).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Agents' own interface.
    Ota,
    /// Douyin local life.
    Douyin,
    /// Alibaba local life.
    LocalLife,
    /// An operator.
    Console,
}

/// The caller's own order number (`senderid`, Douyin's `order_id`), kept byte for byte: 1 to 150 bytes,
/// which is what the 50 characters that `senderid` may have take at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey(Box<str>);

/// Why a text cannot be a request key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a request key has 1 to 150 bytes")]
pub struct RequestKeyError;

impl RequestKey {
    /// Longest key in bytes.
    pub const LEN_MAX: usize = 150;

    /// Wraps a caller's order number.
    ///
    /// # Errors
    /// [`RequestKeyError`] when it is empty or too long.
    pub fn new(text: &str) -> Result<Self, RequestKeyError> {
        if text.is_empty() || text.len() > Self::LEN_MAX {
            return Err(RequestKeyError);
        }
        Ok(Self(text.into()))
    }

    /// The key as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
