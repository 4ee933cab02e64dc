//! What operators do while orders go on: who and why goes into the record with what changed.

use smallvec::smallvec;

use crate::domain::inventory::{Adjustment, AreaEvent, PoolKey, SlotEvent};
use crate::domain::seats::Seats;
use crate::engine::transaction::{Event, Transaction};
use crate::types::{AreaNo, SlotKey, SupplierNo, UnixMillis};

/// Who gave a command and why, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    actor: Box<str>,
    reason: Box<str>,
}

/// Longest actor, in characters.
pub const ACTOR_CHARS_MAX: usize = 64;
/// Longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 200;

/// An actor or a reason that says nothing, or too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    /// The actor.
    #[error("the actor must have 1 to {ACTOR_CHARS_MAX} printable characters")]
    Actor,
    /// The reason.
    #[error("the reason must have 1 to {REASON_CHARS_MAX} printable characters")]
    Reason,
}

impl Operator {
    /// Checks the lengths; space around either does not count.
    ///
    /// # Errors
    /// [`OperatorError`] for the first that is empty, too long or has control characters.
    pub fn new(actor: &str, reason: &str) -> Result<Self, OperatorError> {
        let (actor, reason) = (actor.trim(), reason.trim());
        if !is_said(actor, ACTOR_CHARS_MAX) {
            return Err(OperatorError::Actor);
        }
        if !is_said(reason, REASON_CHARS_MAX) {
            return Err(OperatorError::Reason);
        }
        Ok(Self { actor: actor.into(), reason: reason.into() })
    }

    /// Who.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

fn is_said(text: &str, chars_max: usize) -> bool {
    !text.is_empty() && text.chars().count() <= chars_max && !text.chars().any(char::is_control)
}

/// What an operator wants of a slot or a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockCommand {
    /// Other places in an area of a slot.
    Slot {
        /// The slot.
        slot: SlotKey,
        /// The area, [`AreaNo::NONE`] where the product has none.
        area: AreaNo,
        /// The change.
        adjustment: Adjustment,
    },
    /// Other places in a pool.
    Pool {
        /// The pool.
        pool: PoolKey,
        /// The change.
        adjustment: Adjustment,
    },
    /// A slot begins or ceases to sell.
    SetOpen {
        /// The slot.
        slot: SlotKey,
        /// Whether it is to sell.
        open: bool,
    },
}

impl StockCommand {
    /// The record of the command, once it is granted.
    #[must_use]
    pub fn record(&self, supplier: SupplierNo, at: UnixMillis) -> Transaction {
        let event = match *self {
            Self::Slot { slot, area, adjustment } => {
                let (stock, seats) = (adjustment.event(), Seats::new());
                let areas = smallvec![AreaEvent { area, stock, seats }];
                Event::Slot(slot, SlotEvent { areas, ..SlotEvent::default() })
            }
            Self::Pool { pool, adjustment } => Event::Pool(pool, adjustment.event()),
            Self::SetOpen { slot, open } => {
                Event::Slot(slot, SlotEvent { open: Some(open), ..SlotEvent::default() })
            }
        };
        Transaction { at, supplier: Some(supplier), events: vec![event] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_says_who_and_why_and_not_at_length() {
        let check = |actor: &str, reason: &str, expected: Result<(&str, &str), OperatorError>| {
            let operator = Operator::new(actor, reason);
            let said = operator.as_ref().map(|it| (it.actor(), it.reason()));
            assert_eq!(said.map_err(|error| *error), expected);
        };
        let (long_actor, long_reason) = ("票".repeat(65), "x".repeat(201));
        check(" wang ", " 检修 ", Ok(("wang", "检修")));
        check(&long_actor[3..], &long_reason[1..], Ok((&long_actor[3..], &long_reason[1..])));
        check("", "", Err(OperatorError::Actor));
        check("  ", "why", Err(OperatorError::Actor));
        check(&long_actor, "why", Err(OperatorError::Actor));
        check("wang", "", Err(OperatorError::Reason));
        check("wang", "a\nb", Err(OperatorError::Reason));
        check("wang", &long_reason, Err(OperatorError::Reason));
    }
}
