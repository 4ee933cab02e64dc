//! What has happened to an order, as the journal tells it.

use std::fmt;

use crate::domain::account::Balance;
use crate::domain::limits::{Count, LimitKey};
use crate::domain::order::{
    Notice, NoticeOutcome, OrderLine, Redemption, Refund, Reversal, Ticket,
};
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
    /// Index of the line it was taken for.
    pub line: u16,
    /// Where.
    pub home: CounterHome,
    /// What.
    pub count: Count,
}

/// Why an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The buyer cancelled it.
    Cancelled,
    /// It was not paid in time.
    Expired,
    /// Every ticket was given back.
    Refunded,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "cancelled",
            Self::Expired => "expired unpaid",
            Self::Refunded => "refunded",
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
    /// Its places are kept for longer.
    Extended {
        /// The order.
        order: OrderId,
        /// When.
        at: UnixMillis,
        /// When unpaid places go back now.
        expires_at: UnixMillis,
    },
    /// Tickets were given back.
    Refunded {
        /// The order.
        order: OrderId,
        /// How.
        refund: Box<Refund>,
    },
    /// Tickets were used.
    Redeemed {
        /// The order.
        order: OrderId,
        /// How.
        redemption: Box<Redemption>,
        /// The year whose rebate balance is credited with what the tickets earn by it, if they earn
        /// anything.
        rebate_year: Option<i16>,
    },
    /// A use was taken back.
    Reversed {
        /// The order.
        order: OrderId,
        /// The redemption's number.
        redemption: u64,
        /// How.
        reversal: Box<Reversal>,
    },
    /// There is something to tell the agent.
    NoticeQueued {
        /// The order.
        order: OrderId,
        /// What.
        notice: Notice,
    },
    /// The agent was told, or will not be.
    NoticeSettled {
        /// The order.
        order: OrderId,
        /// The notice's number.
        no: u16,
        /// When.
        at: UnixMillis,
        /// How it ended.
        outcome: NoticeOutcome,
    },
}

impl OrderEvent {
    /// The order it happened to.
    #[must_use]
    pub fn order(&self) -> OrderId {
        match self {
            Self::Placed(placed) => placed.id,
            Self::Paid { order, .. }
            | Self::Closed { order, .. }
            | Self::Extended { order, .. }
            | Self::Refunded { order, .. }
            | Self::Redeemed { order, .. }
            | Self::Reversed { order, .. }
            | Self::NoticeQueued { order, .. }
            | Self::NoticeSettled { order, .. } => *order,
        }
    }
}
