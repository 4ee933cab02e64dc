//! An order's life: held, paid, closed. It does not know stock, money or vouchers; it remembers what
//! was taken for it, so that `engine` can give exactly that back.

mod event;
#[cfg(test)]
mod model;

pub use event::{CloseReason, CounterHome, OrderEvent, OrderPlaced, TakenCount};

use crate::domain::account::Balance;
use crate::types::{
    AgentNo, AreaNo, Channel, Fen, LineId, OrderId, PoolNo, ProductNo, Quantity, RequestKey,
    Sealed, ServiceDate, SlotKey, SupplierNo, TicketId, UnixMillis, VoucherCode,
};

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// Our number of the line.
    pub id: LineId,
    /// What was sold.
    pub product: ProductNo,
    /// The product's name when it was sold.
    pub product_name: Box<str>,
    /// For when.
    pub slot: SlotKey,
    /// Where in the performance.
    pub area: AreaNo,
    /// The pool that gave the places too.
    pub pool: Option<PoolNo>,
    /// How many.
    pub quantity: Quantity,
    /// Sale price of one.
    pub unit_price: Fen,
    /// List price of one.
    pub list_price: Fen,
    /// Rebate one earns for the agent.
    pub unit_rebate: Fen,
    /// First instant at which the tickets are valid.
    pub valid_from: UnixMillis,
    /// First instant at which they are no longer valid.
    pub valid_until: UnixMillis,
}

/// One ticket of a paid order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Our ticket number.
    pub id: TicketId,
    /// Index of its line in the order.
    pub line: u16,
    /// Its voucher code.
    pub code: VoucherCode,
}

/// Where an order stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// Places are held; nothing is paid.
    Held {
        /// When the places go back unless it is paid before.
        expires_at: UnixMillis,
    },
    /// Paid, tickets issued.
    Paid {
        /// What it was paid from.
        from: Balance,
        /// When.
        at: UnixMillis,
    },
    /// Over without a sale.
    Closed {
        /// Why.
        reason: CloseReason,
        /// When.
        at: UnixMillis,
    },
}

/// An order as its events tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
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
    /// When it was placed.
    pub placed_at: UnixMillis,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// What was counted against purchase limits.
    pub counts: Vec<TakenCount>,
    /// Everything personal.
    pub private: Sealed,
    /// Price of everything.
    pub total: Fen,
    /// Where it stands.
    pub state: OrderState,
    /// Tickets, once paid.
    pub tickets: Vec<Ticket>,
}

/// Why an order cannot be paid or cancelled, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// It is paid already.
    #[error("the order is paid already")]
    AlreadyPaid,
    /// It is over.
    #[error("the order is closed: {0}")]
    Closed(CloseReason),
    /// Its time to pay has run out.
    #[error("the order expired unpaid")]
    Expired,
}

impl Order {
    /// An order from its first event.
    #[must_use]
    pub fn placed(event: OrderPlaced) -> Self {
        Self {
            id: event.id,
            supplier: event.supplier,
            agent: event.agent,
            channel: event.channel,
            request_key: event.request_key,
            placed_at: event.placed_at,
            lines: event.lines,
            counts: event.counts,
            private: event.private,
            total: event.total,
            state: OrderState::Held { expires_at: event.expires_at },
            tickets: Vec::new(),
        }
    }

    /// Number of tickets the order is for.
    #[must_use]
    pub fn quantity(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.quantity.get())).sum()
    }

    /// The service date, `None` for an order of products not bound to one.
    #[must_use]
    pub fn date(&self) -> Option<ServiceDate> {
        self.lines.first().and_then(|line| line.slot.date)
    }

    /// Decides whether the order can be paid at `now`.
    ///
    /// # Errors
    /// [`OrderError`]: only a held order that has not expired can be paid.
    pub fn decide_pay(&self, now: UnixMillis) -> Result<(), OrderError> {
        match self.state {
            OrderState::Held { expires_at } if expires_at <= now => Err(OrderError::Expired),
            OrderState::Held { .. } => Ok(()),
            OrderState::Paid { .. } => Err(OrderError::AlreadyPaid),
            OrderState::Closed { reason, .. } => Err(OrderError::Closed(reason)),
        }
    }

    /// Decides whether the order can be closed without a sale.
    ///
    /// # Errors
    /// [`OrderError`]: only a held order can.
    pub fn decide_close(&self) -> Result<(), OrderError> {
        match self.state {
            OrderState::Held { .. } => Ok(()),
            OrderState::Paid { .. } => Err(OrderError::AlreadyPaid),
            OrderState::Closed { reason, .. } => Err(OrderError::Closed(reason)),
        }
    }

    /// Makes a later event of this order true.
    pub fn apply(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::Placed(_) => {}
            OrderEvent::Paid { at, from, tickets, .. } => {
                self.state = OrderState::Paid { from: *from, at: *at };
                self.tickets.clone_from(tickets);
            }
            OrderEvent::Closed { at, reason, .. } => {
                self.state = OrderState::Closed { reason: *reason, at: *at };
            }
        }
    }
}
