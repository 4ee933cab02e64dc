//! Numbers of seats.

use std::fmt;

/// A seat within its area: the row, counted from 0 at the front, and the position in it, counted from
/// 0 at the left as one looks at the stage. What a person calls the seat is its label in the area's
/// seat map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeatNo(u16);

impl SeatNo {
    /// Most rows of an area.
    pub const ROWS_MAX: u16 = 512;
    /// Most positions of a row: a row is one 128-bit word.
    pub const POSITIONS_MAX: u8 = 128;

    /// The seat at `position` of `row`, or `None` where no area can have one.
    #[must_use]
    pub const fn at(row: u16, position: u8) -> Option<Self> {
        if row < Self::ROWS_MAX && position < Self::POSITIONS_MAX {
            // 7 bits of position below 9 bits of row.
            Some(Self(row << 7 | position as u16))
        } else {
            None
        }
    }

    /// Wraps a raw number. Every one is a seat that some area could have.
    #[must_use]
    pub const fn new(raw: u16) -> Self {
        Self(raw)
    }

    /// The raw number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Its row, from 0 at the front.
    #[must_use]
    pub const fn row(self) -> u16 {
        self.0 >> 7
    }

    /// Its position in the row, from 0 at the left.
    #[must_use]
    pub const fn position(self) -> u8 {
        (self.0 & 0x7f) as u8
    }
}

impl fmt::Display for SeatNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} position {}", self.row(), self.position())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_row_and_a_position() {
        for (row, position) in [(0, 0), (0, 127), (1, 0), (511, 127)] {
            let seat = SeatNo::at(row, position).unwrap();
            assert_eq!((seat.row(), seat.position()), (row, position));
            assert_eq!(SeatNo::new(seat.get()), seat);
        }
        assert_eq!(SeatNo::at(512, 0), None);
        assert_eq!(SeatNo::at(0, 128), None);
    }
}
