//! Seats: where they are, who has them, and which ones are best.
//!
//! [`SeatMap`] is the geometry of one area, as the catalogue tells it. [`Seating`] is that area at one
//! performance: free, pending, held and sold seats as one 128-bit word a row. Asked for so many seats
//! it chooses the best together; asked for named ones it checks them. It neither knows prices nor
//! counts places, which is the stock's business.

mod best;
mod error;
mod map;
#[cfg(test)]
mod model;
mod seating;

use smallvec::SmallVec;

use crate::types::SeatNo;

pub use error::{SeatError, SeatMapError};
pub use map::{Focal, Numbering, SeatMap, SeatRow};
pub use seating::{SeatMove, SeatState, Seating};

/// Seats of one request in one area.
pub type Seats = SmallVec<[SeatNo; 6]>;
