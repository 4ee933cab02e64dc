//! Stock: how many places there are and who has them.
//!
//! [`Stock`] is the arithmetic of one capacity. [`Slot`] is one product on one date in one timespan
//! (an area each for a performance) together with the limit counters whose window it is. [`Pool`]
//! is a capacity that several slots share. A hold is volatile: it keeps places for a checkout in
//! flight and ends when the order's record is applied, or when it is released.
//! Operators adjust stock through the same machine, so that an adjustment and the sales around it are
//! decided one after the other.

mod adjust;
mod error;
mod event;
// Without its guard stock is meant to be oversold, and the naive twin has nothing to say about that.
#[cfg(all(test, not(feature = "unguarded-stock")))]
mod model;
mod pool;
mod slot;
mod stock;

pub use adjust::{AdjustError, Adjustment};
pub use error::{SlotError, SoldOut};
pub use event::{AreaEvent, SlotEvent, StockEvent};
pub use pool::{Pool, PoolKey};
pub use slot::{PlaceHold, Slot, Take};
pub use stock::{Available, Capacity, Stock};
