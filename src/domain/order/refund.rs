//! Giving tickets back after payment.

use smallvec::SmallVec;

use crate::domain::order::{Order, OrderState, TakenCount};
use crate::types::{Fen, Quantity, RequestKey, TicketId, UnixMillis};

/// Which tickets are to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundSelection {
    /// Every ticket that is not refunded yet.
    All,
    /// These. Naming one twice names it once.
    Tickets(Vec<TicketId>),
}

/// One ticket of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundedTicket {
    /// Index of the ticket in the order.
    pub ticket: u16,
    /// What is kept of its price.
    pub fee: Fen,
}

/// A refund as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its batch number (批次号): seventeen digits, `yyyyMMddHHmmssfff` at the venue, unique within
    /// the order.
    pub batch: u64,
    /// The caller's own number of the refund, if one was given: repeating it gives this refund again.
    pub request: Option<RequestKey>,
    /// When.
    pub at: UnixMillis,
    /// The tickets.
    pub tickets: SmallVec<[RefundedTicket; 2]>,
    /// Price of the tickets.
    pub amount: Fen,
    /// What is kept of it, all tickets together.
    pub fee: Fen,
    /// Rebate the tickets had earned and that is taken back.
    pub rebate: Fen,
    /// The part of `rebate` that was no longer in its balance and is kept from the refund instead.
    pub withheld: Fen,
}

impl Refund {
    /// What goes back to the balance the order was paid from.
    #[must_use]
    pub fn paid_back(&self) -> Fen {
        let rest = self.amount.checked_sub(self.fee);
        rest.and_then(|rest| rest.checked_sub(self.withheld)).unwrap_or(Fen::ZERO)
    }
}

/// Why tickets cannot be given back, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefundError {
    /// The order was never paid.
    #[error("the order is not paid")]
    NotPaid,
    /// No ticket is named.
    #[error("no ticket is named")]
    NoTickets,
    /// The order has no such ticket.
    #[error("the order has no ticket {0}")]
    UnknownTicket(TicketId),
    /// A ticket has been used.
    #[error("ticket {0} has been used")]
    TicketUsed(TicketId),
}

/// What is to be done about a request to refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundDecision {
    /// Give these tickets back, by index.
    Tickets(SmallVec<[u16; 2]>),
    /// Nothing: it was done by the refund with this batch number.
    Done(u64),
}

impl Order {
    /// Decides which tickets a request gives back. Tickets that are refunded already are left out;
    /// when that leaves none, the refund that did it is the answer again.
    ///
    /// # Errors
    /// The first that fits, in the order [`RefundError`] lists them.
    pub fn decide_refund(
        &self,
        selection: &RefundSelection,
        request: Option<&RequestKey>,
    ) -> Result<RefundDecision, RefundError> {
        let same = |refund: &&Refund| request.is_some() && refund.request.as_ref() == request;
        if let Some(known) = self.refunds.iter().find(same) {
            return Ok(RefundDecision::Done(known.batch));
        }
        if self.tickets.is_empty() || matches!(self.state, OrderState::Held { .. }) {
            return Err(RefundError::NotPaid);
        }
        let mut named: SmallVec<[u16; 2]> = SmallVec::new();
        match selection {
            RefundSelection::All => named.extend((0..self.tickets.len()).map(index)),
            RefundSelection::Tickets(ids) if ids.is_empty() => return Err(RefundError::NoTickets),
            RefundSelection::Tickets(ids) => {
                for id in ids {
                    let at = self.tickets.iter().position(|ticket| ticket.id == *id);
                    let at = index(at.ok_or(RefundError::UnknownTicket(*id))?);
                    if !named.contains(&at) {
                        named.push(at);
                    }
                }
            }
        }
        let open = |at: &u16| !self.tickets[usize::from(*at)].refunded;
        let tickets: SmallVec<[u16; 2]> = named.iter().copied().filter(open).collect();
        if tickets.is_empty() {
            // Every ticket named is refunded, so some refund has the first of them.
            let has = |refund: &&Refund| refund.tickets.iter().any(|t| named.contains(&t.ticket));
            let done = self.refunds.iter().rev().find(has).map_or(0, |refund| refund.batch);
            return Ok(RefundDecision::Done(done));
        }
        let used = |at: &&u16| self.tickets[usize::from(**at)].used > 0;
        if let Some(at) = tickets.iter().find(used) {
            return Err(RefundError::TicketUsed(self.tickets[usize::from(*at)].id));
        }
        Ok(RefundDecision::Tickets(tickets))
    }

    /// The refund with this batch number.
    #[must_use]
    pub fn refund(&self, batch: u64) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.batch == batch)
    }

    /// A batch number for a refund at the venue's wall-clock number `wanted`
    /// (`yyyyMMddHHmmssfff`): that, or the first free one after it.
    #[must_use]
    pub fn free_batch(&self, wanted: u64) -> u64 {
        let last = self.refunds.iter().map(|refund| refund.batch).max().unwrap_or(0);
        wanted.max(last.saturating_add(1))
    }

    /// Counts that come back when `tickets` do: a ticket's share of what its line counted.
    #[must_use]
    pub fn counts_of(&self, tickets: &[RefundedTicket]) -> Vec<TakenCount> {
        let mut back = Vec::new();
        for taken in &self.counts {
            let of_line = |t: &&RefundedTicket| {
                self.tickets.get(usize::from(t.ticket)).is_some_and(|x| x.line == taken.line)
            };
            let tickets = tickets.iter().filter(of_line).count();
            let tickets = Quantity::new(u32::try_from(tickets).unwrap_or(u32::MAX));
            let amount = tickets.min(taken.count.amount);
            if amount > Quantity::ZERO {
                let mut returned = *taken;
                returned.count.amount = amount;
                back.push(returned);
            }
        }
        back
    }

    /// Tickets of line `line` that were given back.
    #[must_use]
    pub fn refunded_in(&self, line: usize) -> u32 {
        let of_line = |t: &&crate::domain::order::Ticket| usize::from(t.line) == line && t.refunded;
        u32::try_from(self.tickets.iter().filter(of_line).count()).unwrap_or(u32::MAX)
    }
}

/// Orders have far fewer tickets than that: the journal bounds a record.
fn index(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}
