//! Every way the rules say no. Nothing has changed when one of these is the answer.

use crate::domain::account::{BalanceShort, BookingError};
use crate::domain::catalogue::{BookingProblem, ConditionError, LimitScope, LimitWindow};
use crate::domain::identity::{DocumentError, MobileError, NameError};
use crate::domain::inventory::{AdjustError, Available};
use crate::domain::order::{CloseReason, OrderError, RedeemError, RefundError, ReverseError};
use crate::types::{Channel, ProductNo, Quantity, ServiceDate, Timespan, UnixMillis};

/// What is wrong with a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateProblem {
    /// Not a day that exists, or not in the form the protocol asks for.
    Malformed,
    /// The product is sold by date and none was given.
    Missing,
    /// Before today at the venue.
    Past,
    /// Beyond the booking horizon.
    TooFarAhead,
    /// The calendar does not offer the day.
    NotOffered,
    /// The product's booking rules do not offer the day, or no longer.
    Booking(BookingProblem),
    /// The timespan or performance is over, or has begun.
    Over,
    /// Closed by an exception of the calendar.
    Closed,
}

/// Why the rules refuse, with the facts. Listed in the order in which they are found; what is wrong
/// with a line is found line by line, and [`DateProblem::Over`] after the timespan is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// More lines than one order may have.
    #[error("{lines} lines, {max} allowed")]
    TooManyLines {
        /// Lines sent.
        lines: usize,
        /// Lines allowed.
        max: usize,
    },
    /// No line at all.
    #[error("the order has no line")]
    NoLines,
    /// The product does not exist.
    #[error("unknown product {id:?}")]
    UnknownProduct {
        /// The id that was sent, shortened.
        id: String,
    },
    /// The product is not on sale.
    #[error("product {id:?} is off sale")]
    OffSale {
        /// Its public id.
        id: Box<str>,
    },
    /// The product is not sold through this channel.
    #[error("product {id:?} is not sold through {channel:?}")]
    ChannelClosed {
        /// Its public id.
        id: Box<str>,
        /// The channel.
        channel: Channel,
    },
    /// The product's sale has not begun.
    #[error("product {id:?} is on sale from {from:?} on")]
    NotYetOnSale {
        /// Its public id.
        id: Box<str>,
        /// When it begins.
        from: UnixMillis,
    },
    /// The product's sale is over.
    #[error("product {id:?} was on sale until {until:?}")]
    SaleEnded {
        /// Its public id.
        id: Box<str>,
        /// When it ended.
        until: UnixMillis,
    },
    /// The lines belong to different suppliers.
    #[error("one order cannot span two suppliers")]
    MixedSuppliers,
    /// A quantity is not a positive number.
    #[error("an amount of {amount} is not a number of tickets")]
    BadQuantity {
        /// What was sent.
        amount: i64,
    },
    /// Fewer or more tickets of a product than one order may have.
    #[error("{asked} tickets, {min} to {max} allowed")]
    OrderQuantity {
        /// Tickets of this product in the order.
        asked: u64,
        /// Fewest.
        min: Quantity,
        /// Most.
        max: Quantity,
    },
    /// A validity that is empty or over.
    #[error("the validity asked for is empty or over")]
    BadValidity,
    /// The request names no performance, or none that exists for the product.
    #[error("no such performance")]
    UnknownPerformance,
    /// The performance is on another day than the request says.
    #[error("the performance is on another day")]
    PerformanceOnAnotherDay,
    /// The date cannot be booked.
    #[error("date {date:?} cannot be booked: {problem:?}")]
    Date {
        /// The date, if one was understood.
        date: Option<ServiceDate>,
        /// What is wrong with it.
        problem: DateProblem,
    },
    /// The product is sold by timespan and the request names none that exists.
    #[error("no such timespan")]
    UnknownTimespan,
    /// The performance has no such area.
    #[error("no such seat area")]
    UnknownArea,
    /// A seat that the performance does not have.
    #[error("no such seat: {id:?}")]
    UnknownSeat {
        /// What was sent, shortened.
        id: String,
    },
    /// Seats of one line lie in several areas, or in another than the request names.
    #[error("the seats of a line lie in one area, the one that is named")]
    SeatsElsewhere,
    /// A line names more or fewer seats than it is for tickets; none where seats must be chosen.
    #[error("{named} seats named for {tickets} tickets")]
    SeatCount {
        /// Seats named.
        named: u64,
        /// Tickets asked for.
        tickets: u64,
    },
    /// A seat is named twice.
    #[error("seat {id} is named twice")]
    SeatRepeated {
        /// Its public id.
        id: String,
    },
    /// The house does not sell the seat.
    #[error("seat {id} is not for sale")]
    SeatNotForSale {
        /// Its public id.
        id: String,
    },
    /// Somebody else has the seat.
    #[error("seat {id} is taken")]
    SeatTaken {
        /// Its public id.
        id: String,
    },
    /// Seats were named one by one where the product sells areas.
    #[error("seats cannot be chosen one by one for this product")]
    SeatChoiceUnsupported,
    /// The kind of document is not one of the protocol's.
    #[error("unknown kind of document")]
    UnknownDocumentType,
    /// A document is needed and missing.
    #[error("a document number is missing")]
    DocumentMissing,
    /// A document number is wrong.
    #[error(transparent)]
    Document(DocumentError),
    /// The product is not sold on this document.
    #[error(transparent)]
    Condition(ConditionError),
    /// A name is needed and missing.
    #[error("a name is missing")]
    NameMissing,
    /// Each ticket needs a person of its own.
    #[error("{travellers} travellers for {tickets} tickets")]
    TravellersMismatch {
        /// Persons given.
        travellers: u64,
        /// Tickets asked for.
        tickets: u64,
    },
    /// A name is wrong.
    #[error(transparent)]
    Name(NameError),
    /// A mobile is wrong.
    #[error(transparent)]
    Mobile(MobileError),
    /// A mobile is needed and missing.
    #[error("a mobile is missing")]
    MobileMissing,
    /// Purchases are counted by the user who buys, and none was named.
    #[error("purchases are counted by {scope:?}, and none was named")]
    BuyerMissing {
        /// By whom.
        scope: LimitScope,
    },
    /// One document in two lines of a product that allows that only once.
    #[error("the same document twice in one order")]
    DocumentTwice,
    /// The price of the whole cannot be expressed.
    #[error("the total is out of range")]
    TotalOutOfRange,
    /// An operator has closed the slot.
    #[error("{date:?}, timespan {timespan}: closed")]
    SlotClosed {
        /// The product.
        product: Option<ProductNo>,
        /// The date.
        date: Option<ServiceDate>,
        /// The timespan.
        timespan: Timespan,
    },
    /// A slot or pool has too few places.
    #[error("{date:?}, timespan {timespan}: asked for {asked}, {available} left")]
    SoldOut {
        /// The product, or `None` when the pool behind it was short.
        product: Option<ProductNo>,
        /// The date.
        date: Option<ServiceDate>,
        /// The timespan.
        timespan: Timespan,
        /// Places asked for.
        asked: Quantity,
        /// Places left.
        available: Available,
    },
    /// No timespan of the day has room for the whole order.
    #[error("no timespan of the day has {asked} places left")]
    NoTimespanLeft {
        /// Places asked for.
        asked: Quantity,
    },
    /// A purchase limit is used up.
    #[error("{used} of {max} used under {about:?}, {asked} more asked for")]
    LimitExceeded {
        /// Whose purchases the rule counts, over which span; `None` if it was removed meanwhile.
        about: Option<(LimitScope, LimitWindow)>,
        /// Counted already.
        used: Quantity,
        /// How many more were asked for.
        asked: Quantity,
        /// How many the rule allows.
        max: Quantity,
    },
    /// The agent has too little money.
    #[error(transparent)]
    BalanceShort(BalanceShort),
    /// An operator's booking, or a change of a credit line, cannot be.
    #[error(transparent)]
    Booking(BookingError),
    /// There is no such order, or it is another agent's.
    #[error("no such order")]
    UnknownOrder,
    /// The order is over.
    #[error("the order is closed: {0}")]
    OrderClosed(CloseReason),
    /// The order is paid already.
    #[error("the order is paid already")]
    OrderPaid,
    /// Tickets cannot be given back.
    #[error(transparent)]
    Refund(RefundError),
    /// The product's rule takes no ticket back any more.
    #[error("it is too late to give the ticket back")]
    RefundClosed,
    /// Tickets cannot be used.
    #[error(transparent)]
    Redeem(RedeemError),
    /// A use cannot be taken back.
    #[error(transparent)]
    Reverse(ReverseError),
    /// The order's record would be larger than the journal takes.
    #[error("the order is too large to be recorded")]
    TooLarge,
    /// An operator's adjustment of stock cannot be made. No partner ever asks for one.
    #[error(transparent)]
    NotAdjusted(AdjustError),
    /// No voucher codes are left to give out.
    #[error("the supply of voucher codes is used up")]
    CodesExhausted,
}

impl Rejection {
    /// Whether another timespan might have answered differently.
    #[must_use]
    pub fn depends_on_timespan(&self) -> bool {
        match self {
            // What an untimed product lacks, it lacks all day.
            Self::SoldOut { timespan, .. } | Self::SlotClosed { timespan, .. } => {
                *timespan != Timespan::NONE
            }
            Self::LimitExceeded { about, .. } => {
                matches!(about, Some((_, LimitWindow::Timespan)))
            }
            _ => false,
        }
    }
}

impl From<OrderError> for Rejection {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::AlreadyPaid => Self::OrderPaid,
            OrderError::Closed(reason) => Self::OrderClosed(reason),
        }
    }
}

impl From<RefundError> for Rejection {
    fn from(error: RefundError) -> Self {
        Self::Refund(error)
    }
}

impl From<RedeemError> for Rejection {
    fn from(error: RedeemError) -> Self {
        Self::Redeem(error)
    }
}

impl From<ReverseError> for Rejection {
    fn from(error: ReverseError) -> Self {
        Self::Reverse(error)
    }
}
