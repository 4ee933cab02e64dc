//! What callers ask of the engine about orders, and what they get.

use std::sync::Arc;

use crate::actors::handle::HOUSE;
use crate::actors::order::Asker;
use crate::domain::order::{
    Order, Redemption, Refund, RefundSelection, ReverseSelection, UseSelection,
};
use crate::domain::voucher::Voucher;
use crate::engine::Rejection;
use crate::engine::admission::Admitted;
use crate::engine::transaction::Payment;
use crate::types::{AgentNo, OrderId, RequestKey, Sealed, UnixMillis};

/// What is to become of an order.
#[derive(Clone, Copy, Debug)]
pub enum OrderCommand {
    /// Pay it.
    Pay(Payment),
    /// Give it up while it is unpaid.
    Cancel,
    /// Only look.
    Query,
    /// Keep its places until then while it is unpaid. Time is only ever added.
    Extend {
        /// When its places go back unless it is paid before.
        until: UnixMillis,
    },
}

/// Tickets to be given back.
#[derive(Clone, Debug)]
pub struct RefundRequest {
    /// The order.
    pub order: OrderId,
    /// Which tickets.
    pub tickets: RefundSelection,
    /// The caller's own number of the refund, if it has one: repeating it gives the first refund again.
    pub request: Option<RequestKey>,
}

/// A refund that was made, now or before.
#[derive(Clone, Debug)]
pub struct Refunded {
    /// The order.
    pub order: Arc<Order>,
    /// The refund.
    pub refund: Refund,
    /// Whether it was made before, and this is the first answer again.
    pub repeated: bool,
}

/// Tickets to be used.
#[derive(Clone, Debug)]
pub struct RedeemRequest {
    /// Who asks: `top/` and an application's key, or `gate/` and a gate's name.
    pub by: Box<str>,
    /// The caller's own number of the request: repeating it gives the first answer again.
    pub request: RequestKey,
    /// The order.
    pub order: OrderId,
    /// Which of its tickets.
    pub uses: UseSelection,
}

/// A use to be taken back.
#[derive(Clone, Debug)]
pub struct ReverseRequest {
    /// Who asks, as in [`RedeemRequest::by`].
    pub by: Box<str>,
    /// The caller's own number of the request: repeating it gives the first answer again.
    pub request: RequestKey,
    /// The order.
    pub order: OrderId,
    /// Which redemption.
    pub redemption: ReverseSelection,
}

/// A redemption that was made or taken back, now or before.
#[derive(Clone, Debug)]
pub struct Redeemed {
    /// The order.
    pub order: Arc<Order>,
    /// The redemption.
    pub redemption: Redemption,
    /// Whether it was done before, and this is the first answer again.
    pub repeated: bool,
}

/// Whose orders a command may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Those of this agent; any other is unknown.
    Agent(AgentNo),
    /// Everybody's: for operators.
    Anyone,
}

/// A request to order, as the wire side hands it over.
#[derive(Debug)]
pub struct OrderRequest<S = Sealed> {
    /// Who orders.
    pub agent: AgentNo,
    /// The caller's own number. Without one a repeat is another order.
    pub key: Option<RequestKey>,
    /// What the catalogue says of it. A known key answers even when this is a refusal: only the key
    /// is compared, never the content.
    pub admitted: Result<Admitted, Rejection>,
    /// Everything personal.
    pub private: S,
    /// How to pay, or `None` to leave it unpaid. For an admitted order the year is the venue's.
    pub pay_from: Option<PayFrom>,
}

/// What becomes sealed once it is known to be worth it: a request whose key has its order already, that
/// the catalogue refuses, or that is too late anyway, is never sealed.
pub trait Seal {
    /// The sealed bytes; `None` when they cannot be made.
    fn seal(self) -> Option<Sealed>;
}

impl Seal for Sealed {
    fn seal(self) -> Option<Sealed> {
        Some(self)
    }
}

impl<F: FnOnce() -> Option<Sealed>> Seal for F {
    fn seal(self) -> Option<Sealed> {
        self()
    }
}

/// Which balance pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayFrom {
    /// Rebate of the current calendar year.
    Rebate,
    /// Prepaid deposit.
    Prepaid,
    /// Settled later.
    OnAccount,
}

/// A voucher and the order it belongs to, whether it can be used or not.
#[derive(Clone, Debug)]
pub struct FoundVoucher {
    /// The order as it stands.
    pub order: Arc<Order>,
    /// The voucher as it was issued.
    pub voucher: Voucher,
}

impl FoundVoucher {
    /// Index of the voucher's ticket in the order.
    #[must_use]
    pub fn ticket(&self) -> Option<usize> {
        self.order.tickets.iter().position(|ticket| ticket.id == self.voucher.ticket)
    }

    /// Index of its line in the order.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.order.tickets.get(self.ticket()?).map(|ticket| usize::from(ticket.line))
    }

    /// Whether it can be used at `now` or later.
    #[must_use]
    pub fn is_usable(&self, now: UnixMillis) -> bool {
        self.ticket().is_some_and(|at| self.order.is_usable(at, now))
    }

    /// Indices of the tickets of the same product in the order that can be used at `now` or later, as in
    /// the order.
    #[must_use]
    pub fn usable_tickets(&self, now: UnixMillis) -> Vec<usize> {
        let product = |at: usize| {
            let line = self.order.tickets.get(at).map(|ticket| usize::from(ticket.line));
            line.and_then(|line| self.order.lines.get(line)).map(|line| line.product)
        };
        let same = |at: &usize| product(*at) == Some(self.voucher.product);
        let tickets = 0..self.order.tickets.len();
        tickets.filter(same).filter(|at| self.order.is_usable(*at, now)).collect()
    }
}

impl Owner {
    /// Whose requests in flight it counts among.
    pub(super) const fn counted_as(self) -> AgentNo {
        match self {
            Self::Agent(agent) => agent,
            Self::Anyone => HOUSE,
        }
    }
}

impl From<Owner> for Asker {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::Agent(agent) => Self::Agent(agent),
            Owner::Anyone => Self::House,
        }
    }
}
