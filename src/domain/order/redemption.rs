//! Using tickets at the gate, and taking that back.
//!
//! A ticket's uses are kept with its order, not with its voucher: whatever may become of a ticket
//! (use, reversal, refund) is then decided in one place, under the order's lock.

use smallvec::SmallVec;

use crate::domain::order::{Order, OrderState};
use crate::types::{RequestKey, TicketId, UnixMillis};

/// Uses taken of one ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketUses {
    /// Index of the ticket in the order.
    pub ticket: u16,
    /// How many, at least 1.
    pub uses: u16,
}

/// A redemption (核销) that was taken back (冲正).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// Who took it back, as [`Redemption::by`].
    pub by: Box<str>,
    /// That caller's number of the request.
    pub request: RequestKey,
    /// When.
    pub at: UnixMillis,
}

/// A redemption (核销).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// Our number of it: 19 decimal digits.
    pub no: u64,
    /// Who redeemed: `top/` and an application's key, or `gate/` and a gate's name.
    pub by: Box<str>,
    /// That caller's number of the request: repeating it gives this redemption again.
    pub request: RequestKey,
    /// What was used.
    pub uses: SmallVec<[TicketUses; 1]>,
    /// When.
    pub at: UnixMillis,
    /// Whether and how it was taken back.
    pub reversed: Option<Reversal>,
}

/// What is to be redeemed of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UseSelection {
    /// So many uses of each of these tickets.
    Tickets(SmallVec<[(TicketId, u16); 1]>),
    /// Everything that is left of one line.
    Line(crate::types::LineId),
}

/// Why nothing is redeemed, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError {
    /// The request number was used for something else in this order.
    #[error("the request number was used for another redemption")]
    RequestReused,
    /// The order is not paid, or has no such ticket or line.
    #[error("the order has no such ticket")]
    UnknownTicket,
    /// Nothing is asked for.
    #[error("no use is asked for")]
    NoUses,
    /// The ticket was given back.
    #[error("ticket {0} was refunded")]
    Refunded(TicketId),
    /// Fewer uses are left than asked for.
    #[error("ticket {ticket} has {left} uses left")]
    UsedUp {
        /// The ticket.
        ticket: TicketId,
        /// Uses left.
        left: u16,
    },
    /// Its time has not come.
    #[error("ticket {ticket} is valid from {from:?} on")]
    TooEarly {
        /// The ticket.
        ticket: TicketId,
        /// First instant of its validity.
        from: UnixMillis,
    },
    /// Its time is over.
    #[error("ticket {0} has expired")]
    Expired(TicketId),
}

/// What is to be done about a request to redeem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedeemDecision {
    /// Take these uses.
    Use(SmallVec<[TicketUses; 1]>),
    /// Nothing: it was done by the redemption with this number.
    Done(u64),
}

/// Why nothing is taken back, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReverseError {
    /// There is no such redemption.
    #[error("there is no such redemption")]
    UnknownRedemption,
    /// Another request took it back.
    #[error("the redemption was taken back by another request")]
    AlreadyReversed,
}

/// Which redemption is to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReverseSelection {
    /// The one with this number.
    Redemption(u64),
    /// The last one of this ticket that still stands.
    LastOf(TicketId),
}

/// What is to be done about a request to take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReverseDecision {
    /// Take the redemption with this number back.
    Reverse(u64),
    /// Nothing: this request has taken the redemption with this number back already.
    Done(u64),
}

impl Order {
    /// Decides what a request uses at `now`.
    ///
    /// # Errors
    /// The first that fits, in the order [`RedeemError`] lists them, tickets in the order named.
    pub fn decide_redeem(
        &self,
        by: &str,
        request: &RequestKey,
        selection: &UseSelection,
        now: UnixMillis,
    ) -> Result<RedeemDecision, RedeemError> {
        if let Some(known) = self.redemption_by(by, request) {
            return if self.is_same(known, selection) {
                Ok(RedeemDecision::Done(known.no))
            } else {
                Err(RedeemError::RequestReused)
            };
        }
        if !matches!(self.state, OrderState::Paid { .. } | OrderState::Closed { .. })
            || self.tickets.is_empty()
        {
            return Err(RedeemError::UnknownTicket);
        }
        let mut uses: SmallVec<[TicketUses; 1]> = SmallVec::new();
        match selection {
            UseSelection::Tickets(tickets) => {
                for (id, count) in tickets {
                    let at = self.tickets.iter().position(|ticket| ticket.id == *id);
                    let ticket = at.and_then(|at| u16::try_from(at).ok());
                    let ticket = ticket.ok_or(RedeemError::UnknownTicket)?;
                    match uses.iter_mut().find(|known| known.ticket == ticket) {
                        Some(known) => known.uses = known.uses.saturating_add(*count),
                        None => uses.push(TicketUses { ticket, uses: *count }),
                    }
                }
            }
            UseSelection::Line(line) => {
                let line = self.lines.iter().position(|known| known.id == *line);
                let line = line.ok_or(RedeemError::UnknownTicket)?;
                for (at, ticket) in self.tickets.iter().enumerate() {
                    let left = self.uses_left(at);
                    if usize::from(ticket.line) == line && left > 0 {
                        let ticket = u16::try_from(at).map_err(|_| RedeemError::UnknownTicket)?;
                        uses.push(TicketUses { ticket, uses: left });
                    }
                }
                if uses.is_empty() {
                    return Err(self.nothing_left(line));
                }
            }
        }
        if uses.is_empty() || uses.iter().any(|used| used.uses == 0) {
            return Err(RedeemError::NoUses);
        }
        for used in &uses {
            self.check_use(*used, now)?;
        }
        Ok(RedeemDecision::Use(uses))
    }

    /// Decides what a request takes back. Gates take back what any gate has redeemed; everybody else
    /// knows only redemptions of their own.
    ///
    /// # Errors
    /// The first that fits, in the order [`ReverseError`] lists them.
    pub fn decide_reverse(
        &self,
        by: &str,
        request: &RequestKey,
        selection: ReverseSelection,
    ) -> Result<ReverseDecision, ReverseError> {
        let mine = |redemption: &&Redemption| {
            redemption.reversed.as_ref().is_some_and(|r| &*r.by == by && r.request == *request)
        };
        if let Some(done) = self.redemptions.iter().find(mine) {
            return Ok(ReverseDecision::Done(done.no));
        }
        let found = match selection {
            ReverseSelection::Redemption(no) => {
                self.redemption(no).filter(|redemption| may_reverse(by, &redemption.by))
            }
            ReverseSelection::LastOf(ticket) => {
                let uses = |redemption: &&Redemption| {
                    let named = |u: &TicketUses| self.ticket_id(u.ticket) == Some(ticket);
                    may_reverse(by, &redemption.by) && redemption.uses.iter().any(named)
                };
                let last = || self.redemptions.iter().rev().filter(uses);
                last().find(|redemption| redemption.reversed.is_none()).or_else(|| last().next())
            }
        };
        match found {
            None => Err(ReverseError::UnknownRedemption),
            Some(redemption) if redemption.reversed.is_some() => Err(ReverseError::AlreadyReversed),
            Some(redemption) => Ok(ReverseDecision::Reverse(redemption.no)),
        }
    }

    /// The redemption with this number.
    #[must_use]
    pub fn redemption(&self, no: u64) -> Option<&Redemption> {
        self.redemptions.iter().find(|redemption| redemption.no == no)
    }

    /// The redemption that `by` asked for under `request`.
    #[must_use]
    pub fn redemption_by(&self, by: &str, request: &RequestKey) -> Option<&Redemption> {
        let same = |known: &&Redemption| &*known.by == by && known.request == *request;
        self.redemptions.iter().find(same)
    }

    /// Uses left of the ticket at index `at`; none of a refunded one.
    #[must_use]
    pub fn uses_left(&self, at: usize) -> u16 {
        let Some(ticket) = self.tickets.get(at).filter(|ticket| !ticket.refunded) else { return 0 };
        let uses = self.lines.get(usize::from(ticket.line)).map_or(0, |line| line.uses);
        uses.saturating_sub(ticket.used)
    }

    /// Whether the ticket at index `at` can still be used at `now` or later.
    #[must_use]
    pub fn is_usable(&self, at: usize, now: UnixMillis) -> bool {
        let line = self.tickets.get(at).and_then(|t| self.lines.get(usize::from(t.line)));
        self.uses_left(at) > 0 && line.is_some_and(|line| now < line.valid_until)
    }

    fn check_use(&self, used: TicketUses, now: UnixMillis) -> Result<(), RedeemError> {
        let at = usize::from(used.ticket);
        let ticket = self.tickets.get(at).ok_or(RedeemError::UnknownTicket)?;
        let line = self.lines.get(usize::from(ticket.line)).ok_or(RedeemError::UnknownTicket)?;
        if ticket.refunded {
            return Err(RedeemError::Refunded(ticket.id));
        }
        let left = self.uses_left(at);
        if left < used.uses {
            return Err(RedeemError::UsedUp { ticket: ticket.id, left });
        }
        if now < line.valid_from {
            return Err(RedeemError::TooEarly { ticket: ticket.id, from: line.valid_from });
        }
        if line.valid_until <= now {
            return Err(RedeemError::Expired(ticket.id));
        }
        Ok(())
    }

    /// Why a line has nothing to use: its first ticket says.
    fn nothing_left(&self, line: usize) -> RedeemError {
        let first = self.tickets.iter().find(|ticket| usize::from(ticket.line) == line);
        match first {
            None => RedeemError::UnknownTicket,
            Some(ticket) if ticket.refunded => RedeemError::Refunded(ticket.id),
            Some(ticket) => RedeemError::UsedUp { ticket: ticket.id, left: 0 },
        }
    }

    /// Whether `selection` asks for what `known` did. "All that is left" says nothing to compare.
    fn is_same(&self, known: &Redemption, selection: &UseSelection) -> bool {
        match selection {
            UseSelection::Line(line) => known.uses.iter().all(|used| {
                let ticket = self.tickets.get(usize::from(used.ticket));
                let of = ticket.and_then(|ticket| self.lines.get(usize::from(ticket.line)));
                of.is_some_and(|of| of.id == *line)
            }),
            UseSelection::Tickets(tickets) => {
                let uses = |id| {
                    let named = tickets.iter().filter(|(named, _)| *named == id);
                    named.map(|(_, uses)| u32::from(*uses)).sum::<u32>()
                };
                let all = |(id, _): &(TicketId, u16)| {
                    known.uses.iter().any(|used| self.ticket_id(used.ticket) == Some(*id))
                };
                tickets.iter().all(all)
                    && known.uses.iter().all(|used| {
                        self.ticket_id(used.ticket).map(uses) == Some(u32::from(used.uses))
                    })
            }
        }
    }

    fn ticket_id(&self, at: u16) -> Option<TicketId> {
        self.tickets.get(usize::from(at)).map(|ticket| ticket.id)
    }
}

/// Whether `by` may take back what `redeemer` has redeemed.
fn may_reverse(by: &str, redeemer: &str) -> bool {
    let is_gate = |name: &str| name.starts_with("gate/");
    by == redeemer || (is_gate(by) && is_gate(redeemer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_stand_in_for_each_other_and_applications_do_not() {
        let check = |by: &str, redeemer: &str, expected: bool| {
            assert_eq!(may_reverse(by, redeemer), expected, "{by} {redeemer}");
        };
        check("gate/north", "gate/south", true);
        check("top/1", "top/1", true);
        check("top/1", "top/2", false);
        check("top/1", "gate/north", false);
        check("gate/north", "top/1", false);
    }
}
