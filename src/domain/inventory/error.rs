//! Why stock refuses.

use crate::domain::inventory::Available;
use crate::domain::limits::LimitExceeded;
use crate::domain::seats::SeatError;
use crate::types::{AreaNo, Quantity};

/// Not enough places left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("asked for {asked}, {available} left")]
pub struct SoldOut {
    /// How many were asked for.
    pub asked: Quantity,
    /// How many are left.
    pub available: Available,
}

/// Why a slot refuses, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    /// An operator has closed the slot: what is held and sold stays, nothing new is.
    #[error("the slot is closed")]
    Closed,
    /// The slot has no such area.
    #[error("no area {0} in this slot")]
    UnknownArea(AreaNo),
    /// An area has too few places.
    #[error("area {area}: {sold_out}")]
    SoldOut {
        /// The area short of places.
        area: AreaNo,
        /// By how much.
        sold_out: SoldOut,
    },
    /// An area does not have the seats.
    #[error("area {area}: {error}")]
    Seats {
        /// The area.
        area: AreaNo,
        /// Which seats and why.
        error: SeatError,
    },
    /// A limit counted in this slot is used up.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
}
