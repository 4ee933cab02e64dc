//! What partners, gates, operators and timers ask, and what they hear.

use piaoku::domain::account::{AccountChange, AccountKey};
use piaoku::domain::order::{
    NoticeOutcome, Order, RefundDecision, RefundSelection, ReverseDecision, ReverseSelection,
    UseSelection,
};
use piaoku::engine::Rejection;
use piaoku::engine::admission::Draft;
use piaoku::engine::transaction::Payment;
use piaoku::types::{AgentNo, Fen, OrderId, RequestKey, TicketId, UnixMillis, VoucherCode};

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Request {
    Sell {
        key: RequestKey,
        draft: Draft,
        payment: Payment,
    },
    Place {
        key: RequestKey,
        draft: Draft,
    },
    Verify {
        draft: Draft,
    },
    Pay {
        order: OrderId,
        payment: Payment,
    },
    Cancel {
        order: OrderId,
    },
    Extend {
        order: OrderId,
        until: UnixMillis,
    },
    Refund {
        order: OrderId,
        /// Which ticket, or every one.
        ticket: Option<usize>,
        request: Option<RequestKey>,
    },
    /// A gate's.
    Redeem {
        order: OrderId,
        by: &'static str,
        request: RequestKey,
        what: Uses,
    },
    /// A gate's.
    Reverse {
        order: OrderId,
        by: &'static str,
        request: RequestKey,
        what: Undone,
    },
    /// An operator's.
    Change {
        account: AccountKey,
        change: AccountChange,
    },
    /// A timer's.
    Expire {
        order: OrderId,
    },
    /// The courier's.
    Settle {
        order: OrderId,
        no: u16,
        outcome: NoticeOutcome,
    },
}

/// What is used of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uses {
    /// So many uses of a ticket, by its index.
    Ticket(usize, u16),
    /// What is left of a line, by its index.
    Line(usize),
}

/// Which use is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// The last one of a ticket, by its index.
    LastOf(usize),
    /// The one with this number.
    Redemption(u64),
}

/// One sending of a request.
#[derive(Clone, Debug)]
pub struct Call {
    pub agent: AgentNo,
    pub request: Request,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Sold {
        order: OrderId,
        codes: Vec<VoucherCode>,
    },
    Placed {
        order: OrderId,
    },
    Closed {
        order: OrderId,
    },
    Extended {
        order: OrderId,
        until: UnixMillis,
    },
    Refunded {
        order: OrderId,
        batch: u64,
        tickets: Vec<u16>,
        paid_back: Fen,
    },
    Redeemed {
        order: OrderId,
        no: u64,
    },
    Reversed {
        order: OrderId,
        no: u64,
    },
    /// An account was changed.
    Changed,
    Settled,
    Allowed,
    Refused(Rejection),
    /// Never decided.
    Overloaded,
    /// May have happened.
    OutcomeUnknown,
}

impl Request {
    /// The order it is about, if it names one.
    pub fn order(&self) -> Option<OrderId> {
        match self {
            Self::Pay { order, .. }
            | Self::Cancel { order }
            | Self::Extend { order, .. }
            | Self::Refund { order, .. }
            | Self::Redeem { order, .. }
            | Self::Reverse { order, .. }
            | Self::Expire { order }
            | Self::Settle { order, .. } => Some(*order),
            Self::Sell { .. } | Self::Place { .. } | Self::Verify { .. } | Self::Change { .. } => {
                None
            }
        }
    }

    /// What a caller goes on asking until it is answered; `None` where a repeat would be another
    /// request.
    pub fn intent(&self) -> Option<String> {
        match self {
            Self::Sell { key, .. } | Self::Place { key, .. } => Some(format!("order {key:?}")),
            Self::Refund { order, request: Some(request), .. } => {
                Some(format!("refund {order} {request:?}"))
            }
            Self::Redeem { order, by, request, .. } => Some(format!("{by} {order} {request:?}")),
            Self::Reverse { order, by, request, .. } => {
                Some(format!("{by} not {order} {request:?}"))
            }
            Self::Change { account, change: AccountChange::Book(booking) } => {
                let reference = booking.reference.as_ref()?;
                Some(format!("book {account:?} {reference:?}"))
            }
            _ => None,
        }
    }

    /// Whether the machinery asks it, not somebody outside.
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::Expire { .. } | Self::Settle { .. })
    }
}

/// Requests that wait for the same outcome. Keys and orders are equal already, since the lock is.
pub fn same_question(a: &Request, b: &Request) -> bool {
    matches!(
        (a, b),
        (Request::Sell { .. }, Request::Sell { .. })
            | (Request::Place { .. }, Request::Place { .. })
            | (Request::Pay { .. }, Request::Pay { .. })
            | (Request::Cancel { .. }, Request::Cancel { .. })
    )
}

/// The tickets of `order` that a refund means.
pub fn refunded(order: &Order, ticket: Option<usize>) -> RefundSelection {
    match ticket {
        None => RefundSelection::All,
        Some(index) => RefundSelection::Tickets(vec![ticket_of(order, index)]),
    }
}

/// The uses of `order` that a gate means.
pub fn used(order: &Order, what: Uses) -> UseSelection {
    match what {
        Uses::Ticket(index, uses) => {
            UseSelection::Tickets([(ticket_of(order, index), uses)].into_iter().collect())
        }
        Uses::Line(index) => UseSelection::Line(order.lines[index % order.lines.len()].id),
    }
}

/// The use of `order` that a gate means to take back.
pub fn undone(order: &Order, what: Undone) -> ReverseSelection {
    match what {
        Undone::LastOf(index) => ReverseSelection::LastOf(ticket_of(order, index)),
        Undone::Redemption(no) => ReverseSelection::Redemption(no),
    }
}

/// What somebody hears whose request about an order is done, now or before: the same for ever.
pub fn done(order: &Order, request: &Request) -> Option<Reply> {
    let id = order.id;
    match request {
        Request::Extend { until, .. } => Some(Reply::Extended { order: id, until: *until }),
        Request::Refund { ticket, request, .. } => {
            match order.decide_refund(&refunded(order, *ticket), request.as_ref()) {
                Ok(RefundDecision::Done(batch)) => {
                    let refund = order.refund(batch)?;
                    let tickets = refund.tickets.iter().map(|back| back.ticket).collect();
                    let paid_back = refund.paid_back();
                    Some(Reply::Refunded { order: id, batch, tickets, paid_back })
                }
                _ => None,
            }
        }
        Request::Redeem { by, request, .. } => {
            let no = order.redemption_by(by, request)?.no;
            Some(Reply::Redeemed { order: id, no })
        }
        Request::Reverse { by, request, what, .. } => {
            match order.decide_reverse(by, request, undone(order, *what)) {
                Ok(ReverseDecision::Done(no)) => Some(Reply::Reversed { order: id, no }),
                _ => None,
            }
        }
        Request::Settle { .. } => Some(Reply::Settled),
        _ => None,
    }
}

/// The ticket at `index`, counted round; a number that nobody has before there are tickets.
fn ticket_of(order: &Order, index: usize) -> TicketId {
    match order.tickets.len() {
        0 => TicketId::new(0),
        count => order.tickets[index % count].id,
    }
}
