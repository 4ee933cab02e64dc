//! Why seats are refused, and what is wrong with a seat map.

use crate::types::SeatNo;

/// Why an area does not give the seats asked for, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeatError {
    /// The area has no such seat.
    #[error("there is no seat at {0}")]
    Unknown(SeatNo),
    /// The request names a seat twice.
    #[error("the seat at {0} is named twice")]
    Repeated(SeatNo),
    /// The house does not sell the seat.
    #[error("the seat at {0} is not for sale")]
    Blocked(SeatNo),
    /// Somebody else has the seat.
    #[error("the seat at {0} is taken")]
    Taken(SeatNo),
    /// Fewer seats are free than asked for.
    #[error("asked for {asked} seats, {free} are free")]
    TooFew {
        /// How many were asked for.
        asked: u32,
        /// How many are free.
        free: u32,
    },
}

/// What is wrong with a seat map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeatMapError {
    /// There is no row, or there are too many.
    #[error("an area has 1 to {} rows", crate::types::SeatNo::ROWS_MAX)]
    Rows,
    /// A row has no seat, or reaches too far to the right.
    #[error("a row has 1 to {} seats", crate::types::SeatNo::POSITIONS_MAX)]
    RowLength,
    /// A row's label cannot be part of a seat's id.
    #[error("a row's label has 1 to 8 printable characters and no hyphen")]
    RowLabel,
    /// Two rows have the same label.
    #[error("two rows have the same label")]
    RowRepeated,
    /// Something is blocked where there is no seat.
    #[error("a seat is blocked that does not exist")]
    BlockedNowhere,
    /// The focal point lies behind the last row or beside every row.
    #[error("the focal point lies outside the area")]
    Focal,
}
