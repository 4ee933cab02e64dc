//! What an operator does to places while they are on sale, and why not.

use crate::domain::inventory::{Available, StockEvent};
use crate::types::{AreaNo, Quantity};

/// A change of how many places there are, beside what the catalogue says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adjustment {
    /// More places than the catalogue has.
    Add(Quantity),
    /// Free places are taken off sale.
    Withdraw(Quantity),
    /// Withdrawn places go on sale again.
    Restore(Quantity),
}

impl Adjustment {
    /// The move it becomes once it is decided.
    #[must_use]
    pub const fn event(self) -> StockEvent {
        match self {
            Self::Add(quantity) => StockEvent::Added(quantity),
            Self::Withdraw(quantity) => StockEvent::Withdrawn(quantity),
            Self::Restore(quantity) => StockEvent::Restored(quantity),
        }
    }

    /// How many places it moves.
    #[must_use]
    pub const fn quantity(self) -> Quantity {
        match self {
            Self::Add(quantity) | Self::Withdraw(quantity) | Self::Restore(quantity) => quantity,
        }
    }
}

/// Why an adjustment is refused, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdjustError {
    /// The slot has no such area.
    #[error("no area {0} in this slot")]
    UnknownArea(AreaNo),
    /// Another adjustment of the same stock waits for the disk.
    #[error("another adjustment of the same places is under way")]
    UnderWay,
    /// An adjustment of nothing.
    #[error("an adjustment moves at least one place")]
    Nothing,
    /// The stock has no bound, so there is nothing to add to or to take from.
    #[error("the places have no bound")]
    Unlimited,
    /// Fewer places are free: those held and sold stay where they are.
    #[error("asked to withdraw {asked}, {available} free")]
    NotFree {
        /// How many were to be withdrawn.
        asked: Quantity,
        /// How many are free.
        available: Available,
    },
    /// Fewer places are withdrawn.
    #[error("asked to restore {asked}, {withdrawn} withdrawn")]
    NotWithdrawn {
        /// How many were to be restored.
        asked: Quantity,
        /// How many are withdrawn.
        withdrawn: Quantity,
    },
    /// More places than can be counted.
    #[error("more places than can be counted")]
    TooMany,
}
