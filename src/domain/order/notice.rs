//! What an agent is to be told about an order: the order's own outbox. Who is told, how and when it
//! is tried again is not decided here.

use crate::domain::order::Order;
use crate::types::UnixMillis;

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// The order was placed.
    Booked,
    /// The order was paid and its tickets are there.
    Paid,
    /// Tickets were picked up at the counter.
    PickedUp,
    /// Tickets passed the gate.
    Consumed,
    /// Tickets were given back.
    Refunded,
}

/// One thing to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number within the order, from 1.
    pub no: u16,
    /// What.
    pub kind: NoticeKind,
    /// When it happened.
    pub at: UnixMillis,
    /// The redemption's number or the refund's batch it is about; 0 when it is about the order.
    pub about: u64,
}

/// How a notice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeOutcome {
    /// The agent answered that it has it.
    Delivered,
    /// It was tried until its time was over.
    GaveUp,
    /// The agent wants no notices any more.
    Skipped,
}

impl Order {
    /// The next thing the agent is to be told, if there is one: notices go out one after another.
    #[must_use]
    pub fn next_notice(&self) -> Option<&Notice> {
        self.notices.first()
    }
}
