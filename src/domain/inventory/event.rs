//! What has happened to stock, as the journal tells it.

use smallvec::SmallVec;

use crate::domain::limits::CounterEvent;
use crate::domain::seats::Seats;
use crate::types::{AreaNo, Quantity};

/// One move of places. Together these are the only ways a place changes hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockEvent {
    /// Free places became held by an unpaid order.
    Held(Quantity),
    /// Free places were sold at once.
    Sold(Quantity),
    /// Held places were paid for.
    Confirmed(Quantity),
    /// Held places became free again: cancelled or expired.
    Released(Quantity),
    /// Sold places became free again: refunded.
    Returned(Quantity),
    /// An operator gave more places than the catalogue has.
    Added(Quantity),
    /// An operator took free places off sale.
    Withdrawn(Quantity),
    /// An operator put withdrawn places on sale again.
    Restored(Quantity),
}

/// A move of places in one area of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaEvent {
    /// The area, [`AreaNo::NONE`] where the product has none.
    pub area: AreaNo,
    /// The move.
    pub stock: StockEvent,
    /// The seats that move with the places; none where places have no numbers.
    pub seats: Seats,
}

/// Everything one record changes in one slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotEvent {
    /// Moves of places, at most one an area.
    pub areas: SmallVec<[AreaEvent; 1]>,
    /// Moves of the limit counters whose window is this slot.
    pub counters: CounterEvent,
    /// Whether it sells from here on, where that changed.
    pub open: Option<bool>,
}
