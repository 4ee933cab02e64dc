//! What has happened to an order, as the journal tells it.

use std::fmt;

use crate::domain::account::Balance;
use crate::domain::limits::{Count, LimitKey};
use crate::domain::order::{OrderLine, Ticket};
use crate::types::{
    AgentNo, Channel, Fen, OrderId, RequestKey, Sealed, SlotKey, SupplierNo, UnixMillis,
};

/// Where a purchase limit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CounterHome {
    /// In the slot, whose own window it is.
    Slot(SlotKey),
    /// In a shard of its own.
    Shard(LimitKey),
}

/// A count an order took, and where, so that it can be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenCount {
    /// Where.
    pub home: CounterHome,
    /// What.
    pub count: Count,
}

/// Why an order ended without a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The buyer cancelled it.
    Cancelled,
    /// It was not paid in time.
    Expired,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "cancelled",
            Self::Expired => "expired unpaid",
        })
    }
}

/// An order was accepted and its places are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPlaced {
    /// Our number.
    pub id: OrderId,
    /// The supplier that sells.
    pub supplier: SupplierNo,
    /// The agent that buys.
    pub agent: AgentNo,
    /// The way it came in.
    pub channel: Channel,
    /// The caller's number, if one was given.
    pub request_key: Option<RequestKey>,
    /// When.
    pub placed_at: UnixMillis,
    /// When unpaid places go back.
    pub expires_at: UnixMillis,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// What was counted against purchase limits.
    pub counts: Vec<TakenCount>,
    /// Everything personal.
    pub private: Sealed,
    /// Price of everything.
    pub total: Fen,
}

/// One step in an order's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// It began.
    Placed(Box<OrderPlaced>),
    /// It was paid and its tickets were issued.
    Paid {
        /// The order.
        order: OrderId,
        /// When.
        at: UnixMillis,
        /// From which balance.
        from: Balance,
        /// The tickets.
        tickets: Vec<Ticket>,
    },
    /// It ended without a sale.
    Closed {
        /// The order.
        order: OrderId,
        /// When.
        at: UnixMillis,
        /// Why.
        reason: CloseReason,
    },
}

impl OrderEvent {
    /// The order it happened to.
    #[must_use]
    pub fn order(&self) -> OrderId {
        match self {
            Self::Placed(placed) => placed.id,
            Self::Paid { order, .. } | Self::Closed { order, .. } => *order,
        }
    }
}
