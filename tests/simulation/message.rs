//! What partners and timers ask, and what they hear.

use piaoku::engine::Rejection;
use piaoku::engine::admission::Draft;
use piaoku::engine::transaction::Payment;
use piaoku::types::{AgentNo, OrderId, RequestKey, VoucherCode};

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
    /// A timer's.
    Expire {
        order: OrderId,
    },
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
    Allowed,
    Refused(Rejection),
    /// Never decided.
    Overloaded,
    /// May have happened.
    OutcomeUnknown,
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
