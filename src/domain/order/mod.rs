//! An order's life: held, paid, used, refunded, closed. It does not know stock or money; it remembers
//! what was taken for it, so that `engine` can give exactly that back.

mod event;
#[cfg(test)]
mod model;
mod notice;
mod redemption;
mod refund;

pub use event::{CloseReason, CounterHome, OrderEvent, OrderPlaced, TakenCount};
pub use notice::{Notice, NoticeKind, NoticeOutcome};
pub use redemption::{
    RedeemDecision, RedeemError, Redemption, Reversal, ReverseDecision, ReverseError,
    ReverseSelection, TicketUses, UseSelection,
};
pub use refund::{Refund, RefundDecision, RefundError, RefundSelection, RefundedTicket};

use crate::domain::account::Balance;
use crate::domain::catalogue::RebateAt;
use crate::types::{
    AgentNo, AreaNo, Channel, Fen, LineId, OrderId, PoolNo, ProductNo, Quantity, RequestKey,
    Sealed, SeatNo, ServiceDate, SlotKey, SupplierNo, TicketId, UnixMillis, VoucherCode,
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
    /// When the rebate is credited.
    pub rebate_at: RebateAt,
    /// How often each ticket may be used.
    pub uses: u16,
    /// Seats, one a ticket in the tickets' order; empty where places have no numbers.
    pub seats: Vec<SeatNo>,
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
    /// How often it was used.
    pub used: u16,
    /// Whether it was given back.
    pub refunded: bool,
    /// The year whose rebate balance was credited with what it earned, once that has happened.
    pub rebate_year: Option<i16>,
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
    /// Over without a sale, or with every ticket given back.
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
    /// What was used, oldest first.
    pub redemptions: Vec<Redemption>,
    /// What was given back, oldest first.
    pub refunds: Vec<Refund>,
    /// What the agent is still to be told, oldest first.
    pub notices: Vec<Notice>,
    /// Number of notices there ever were.
    pub notices_queued: u16,
}

/// What paying an order takes besides money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayDecision {
    /// Nothing: its places are held.
    Confirm,
    /// Its places went back when its time was up: they must be taken again, if they are there.
    Retake,
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
            redemptions: Vec::new(),
            refunds: Vec::new(),
            notices: Vec::new(),
            notices_queued: 0,
        }
    }

    /// Number of tickets the order is for.
    #[must_use]
    pub fn quantity(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.quantity.get())).sum()
    }

    /// The seat of the ticket at this index; `None` where places have no numbers.
    #[must_use]
    pub fn seat(&self, ticket: usize) -> Option<SeatNo> {
        let line = self.tickets.get(ticket)?.line;
        let before = self.tickets[..ticket].iter().filter(|other| other.line == line).count();
        self.lines.get(usize::from(line))?.seats.get(before).copied()
    }

    /// The service date, `None` for an order of products not bound to one.
    #[must_use]
    pub fn date(&self) -> Option<ServiceDate> {
        self.lines.first().and_then(|line| line.slot.date)
    }

    /// Decides whether the order can be paid, and what that takes. An order whose time is up still has
    /// its places until it is closed for that.
    ///
    /// # Errors
    /// [`OrderError`]: a paid or cancelled order cannot be.
    pub fn decide_pay(&self) -> Result<PayDecision, OrderError> {
        match self.state {
            OrderState::Held { .. } => Ok(PayDecision::Confirm),
            OrderState::Paid { .. } => Err(OrderError::AlreadyPaid),
            OrderState::Closed { reason: CloseReason::Expired, .. } => Ok(PayDecision::Retake),
            OrderState::Closed { reason, .. } => Err(OrderError::Closed(reason)),
        }
    }

    /// Decides whether the order may keep its places until `until`. Time is only ever added: an earlier
    /// instant leaves it as it is.
    ///
    /// # Errors
    /// [`OrderError`]: only a held order has places to keep.
    pub fn decide_extend(&self, until: UnixMillis) -> Result<UnixMillis, OrderError> {
        match self.state {
            OrderState::Held { expires_at } => Ok(expires_at.max(until)),
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
            OrderEvent::Extended { expires_at, .. } => {
                self.state = OrderState::Held { expires_at: *expires_at };
            }
            OrderEvent::Refunded { refund, .. } => self.apply_refund(refund),
            OrderEvent::Redeemed { redemption, rebate_year, .. } => {
                self.apply_redemption(redemption, *rebate_year);
            }
            OrderEvent::Reversed { redemption, reversal, .. } => {
                self.apply_reversal(*redemption, reversal);
            }
            OrderEvent::NoticeQueued { notice, .. } => {
                self.notices_queued = self.notices_queued.max(notice.no);
                self.notices.push(*notice);
            }
            OrderEvent::NoticeSettled { no, .. } => self.notices.retain(|notice| notice.no != *no),
        }
    }

    /// The same as [`Self::apply`] for whoever has no more use for the event.
    pub fn apply_owned(&mut self, event: OrderEvent) {
        match event {
            OrderEvent::Paid { at, from, tickets, .. } => {
                self.state = OrderState::Paid { from, at };
                self.tickets = tickets;
            }
            event => self.apply(&event),
        }
    }

    fn apply_refund(&mut self, refund: &Refund) {
        for refunded in &refund.tickets {
            if let Some(ticket) = self.tickets.get_mut(usize::from(refunded.ticket)) {
                ticket.refunded = true;
            }
        }
        if self.tickets.iter().all(|ticket| ticket.refunded) {
            self.state = OrderState::Closed { reason: CloseReason::Refunded, at: refund.at };
        }
        self.refunds.push(refund.clone());
    }

    fn apply_redemption(&mut self, redemption: &Redemption, rebate_year: Option<i16>) {
        for used in &redemption.uses {
            let Some(ticket) = self.tickets.get_mut(usize::from(used.ticket)) else { continue };
            ticket.used = ticket.used.saturating_add(used.uses);
            let line = self.lines.get(usize::from(ticket.line));
            if line.is_some_and(|line| line.rebate_at == RebateAt::Redemption) {
                ticket.rebate_year = ticket.rebate_year.or(rebate_year);
            }
        }
        self.redemptions.push(redemption.clone());
    }

    fn apply_reversal(&mut self, no: u64, reversal: &Reversal) {
        let found = self.redemptions.iter_mut().find(|redemption| redemption.no == no);
        let Some(redemption) = found else { return };
        for used in &redemption.uses {
            if let Some(ticket) = self.tickets.get_mut(usize::from(used.ticket)) {
                ticket.used = ticket.used.saturating_sub(used.uses);
            }
        }
        redemption.reversed = Some(reversal.clone());
    }
}
