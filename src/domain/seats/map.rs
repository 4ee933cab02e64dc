//! The geometry of an area: rows, seats, aisles, blocked seats, and where the best place is.

use crate::domain::seats::SeatMapError;
use crate::types::{Quantity, SeatNo};

/// Longest label of a row, in characters.
const ROW_LABEL_LEN_MAX: usize = 8;

/// How the seats of a row are numbered. Every seat has a number from 1 that is its alone in its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbering {
    /// 1, 2, 3 … from the left.
    #[default]
    LeftToRight,
    /// 1, 2, 3 … from the right.
    RightToLeft,
    /// From the middle: 1, 3, 5 … to the left and 2, 4, 6 … to the right (单双号).
    OddEven,
}

impl Numbering {
    /// The number of the seat `index` places from the left of a row of `len` seats.
    const fn number(self, index: u16, len: u16) -> u16 {
        // With an odd number of seats the middle one is 1.
        let left = len.div_ceil(2);
        match self {
            Self::LeftToRight => index + 1,
            Self::RightToLeft => len - index,
            Self::OddEven if index < left => 2 * (left - index) - 1,
            Self::OddEven => 2 * (index - left) + 2,
        }
    }

    /// The place from the left of seat `number` in a row of `len` seats.
    fn index(self, number: u16, len: u16) -> Option<u16> {
        (0..len).find(|index| self.number(*index, len) == number)
    }
}

/// A row of seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatRow {
    /// What it is called, e.g. `3`.
    pub label: Box<str>,
    /// Position of its leftmost seat; positions line up from row to row.
    pub first: u8,
    /// How many seats it has.
    pub len: u8,
    /// Positions after which there is an aisle, as bits.
    pub aisles: u128,
    /// Positions whose seat is not for sale, as bits.
    pub blocked: u128,
}

impl SeatRow {
    /// Positions that have a seat, as bits.
    #[must_use]
    pub const fn seats(&self) -> u128 {
        // A row has 1 to 128 seats, so the shift stays below 128.
        (u128::MAX >> (128 - self.len as u32)) << self.first
    }

    /// Positions whose seat is for sale, as bits.
    #[must_use]
    pub const fn sellable(&self) -> u128 {
        self.seats() & !self.blocked
    }

    /// Positions whose right-hand neighbour is the next seat with no aisle between, as bits.
    #[must_use]
    pub const fn links(&self) -> u128 {
        self.seats() & (self.seats() >> 1) & !self.aisles
    }

    const fn has(&self, position: u8) -> bool {
        self.seats() >> position & 1 == 1
    }
}

/// Where the best place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Focal {
    /// Row, from 0 at the front.
    pub row: u16,
    /// Halves of a seat's width from the left edge of position 0: the middle of position `p` is
    /// `2 * p + 1`, the line between two seats an even number.
    pub half: u16,
}

/// The geometry of an area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatMap {
    rows: Box<[SeatRow]>,
    numbering: Numbering,
    focal: Focal,
}

impl SeatMap {
    /// An area of these rows, front row first. Without a focal point of its own the best place is the
    /// middle of the front row.
    ///
    /// # Errors
    /// [`SeatMapError`] for the first thing that is wrong.
    pub fn new(
        rows: Vec<SeatRow>,
        numbering: Numbering,
        focal: Option<Focal>,
    ) -> Result<Self, SeatMapError> {
        let front = rows.first().ok_or(SeatMapError::Rows)?;
        if rows.len() > usize::from(SeatNo::ROWS_MAX) {
            return Err(SeatMapError::Rows);
        }
        for (index, row) in rows.iter().enumerate() {
            let end = u16::from(row.first) + u16::from(row.len);
            if row.len == 0 || end > u16::from(SeatNo::POSITIONS_MAX) {
                return Err(SeatMapError::RowLength);
            }
            let length = row.label.chars().count();
            let unfit = |c: char| c.is_control() || c.is_whitespace() || c == '-';
            if length == 0 || length > ROW_LABEL_LEN_MAX || row.label.chars().any(unfit) {
                return Err(SeatMapError::RowLabel);
            }
            if rows[..index].iter().any(|other| other.label.eq_ignore_ascii_case(&row.label)) {
                return Err(SeatMapError::RowRepeated);
            }
            if row.blocked & !row.seats() != 0 {
                return Err(SeatMapError::BlockedNowhere);
            }
        }
        let middle = 2 * u16::from(front.first) + u16::from(front.len);
        let focal = focal.unwrap_or(Focal { row: 0, half: middle });
        let width = 2 * u16::from(SeatNo::POSITIONS_MAX);
        if usize::from(focal.row) >= rows.len() || focal.half > width {
            return Err(SeatMapError::Focal);
        }
        Ok(Self { rows: rows.into(), numbering, focal })
    }

    /// Rows, front row first.
    #[must_use]
    pub fn rows(&self) -> &[SeatRow] {
        &self.rows
    }

    /// How seats are numbered.
    #[must_use]
    pub const fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// Where the best place is.
    #[must_use]
    pub const fn focal(&self) -> Focal {
        self.focal
    }

    /// How many seats are for sale.
    #[must_use]
    pub fn capacity(&self) -> Quantity {
        // At most 512 rows of 128 seats.
        Quantity::new(self.rows.iter().map(|row| row.sellable().count_ones()).sum())
    }

    /// Whether there is such a seat, for sale or not.
    #[must_use]
    pub fn has(&self, seat: SeatNo) -> bool {
        self.rows.get(usize::from(seat.row())).is_some_and(|row| row.has(seat.position()))
    }

    /// Label of a seat's row and the seat's number in it.
    #[must_use]
    pub fn label(&self, seat: SeatNo) -> Option<(&str, u16)> {
        let row = self.rows.get(usize::from(seat.row()))?;
        if !row.has(seat.position()) {
            return None;
        }
        let index = u16::from(seat.position() - row.first);
        Some((&row.label, self.numbering.number(index, u16::from(row.len))))
    }

    /// The seat that a row's label and a number name.
    #[must_use]
    pub fn find(&self, row: &str, number: u16) -> Option<SeatNo> {
        let same = |known: &SeatRow| known.label.eq_ignore_ascii_case(row);
        let at = self.rows.iter().position(same)?;
        let row = &self.rows[at];
        let index = self.numbering.index(number, u16::from(row.len))?;
        let position = u8::try_from(u16::from(row.first) + index).ok()?;
        SeatNo::at(u16::try_from(at).ok()?, position)
    }

    /// All seats, for sale or not, front row first and from the left.
    pub fn seats(&self) -> impl Iterator<Item = SeatNo> + '_ {
        let rows = self.rows.iter().zip(0u16..);
        rows.flat_map(|(row, no)| {
            (row.first..=row.first + (row.len - 1)).filter_map(move |at| SeatNo::at(no, at))
        })
    }

    /// Whether every seat of `old` is here under the same label, so that what was sold by number still
    /// names the same chair.
    #[must_use]
    pub fn keeps_seats_of(&self, old: &Self) -> bool {
        old.seats().all(|seat| self.label(seat) == old.label(seat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, first: u8, len: u8) -> SeatRow {
        SeatRow { label: label.into(), first, len, aisles: 0, blocked: 0 }
    }

    fn map(rows: Vec<SeatRow>) -> Result<SeatMap, SeatMapError> {
        SeatMap::new(rows, Numbering::LeftToRight, None)
    }

    #[test]
    fn numbers_and_places_are_each_others_inverse() {
        let check = |numbering: Numbering, len: u16, expected: &[u16]| {
            let numbers: Vec<u16> = (0..len).map(|index| numbering.number(index, len)).collect();
            assert_eq!(numbers, expected, "{numbering:?}");
            for (index, number) in numbers.iter().enumerate() {
                let found = numbering.index(*number, len).map(usize::from);
                assert_eq!(found, Some(index), "{numbering:?}");
            }
            assert_eq!(numbering.index(0, len), None);
            assert_eq!(numbering.index(len + 1, len), None);
        };
        check(Numbering::LeftToRight, 4, &[1, 2, 3, 4]);
        check(Numbering::RightToLeft, 4, &[4, 3, 2, 1]);
        check(Numbering::OddEven, 6, &[5, 3, 1, 2, 4, 6]);
        check(Numbering::OddEven, 5, &[5, 3, 1, 2, 4]);
    }

    #[test]
    fn a_seat_is_found_by_its_label_and_has_it() {
        let map = map(vec![row("1", 2, 4), row("二", 0, 128)]).unwrap();
        let seat = map.find("1", 4).unwrap();
        assert_eq!((seat.row(), seat.position()), (0, 5));
        assert_eq!(map.label(seat), Some(("1", 4)));
        assert_eq!(map.find("二", 128), SeatNo::at(1, 127));
        for (row, number) in [("1", 0), ("1", 5), ("2", 1), ("", 1)] {
            assert_eq!(map.find(row, number), None, "{row}-{number}");
        }
        assert_eq!(map.label(SeatNo::at(0, 1).unwrap()), None);
        assert_eq!(map.seats().count(), 132);
        assert!(map.seats().all(|seat| map.has(seat)));
    }

    #[test]
    fn the_best_place_is_the_middle_of_the_front_row_unless_said_otherwise() {
        let rows = vec![row("1", 2, 4), row("2", 0, 8)];
        assert_eq!(map(rows.clone()).unwrap().focal(), Focal { row: 0, half: 8 });
        let focal = Focal { row: 1, half: 3 };
        let map = SeatMap::new(rows, Numbering::LeftToRight, Some(focal)).unwrap();
        assert_eq!(map.focal(), focal);
    }

    #[test]
    fn blocked_seats_are_not_counted_and_aisles_break_links() {
        let broken = SeatRow { aisles: 0b0010, blocked: 0b1000, ..row("1", 0, 4) };
        assert_eq!((broken.sellable(), broken.links()), (0b0111, 0b0101));
        assert_eq!(map(vec![broken]).unwrap().capacity(), Quantity::new(3));
    }

    #[test]
    fn what_is_no_area_is_refused() {
        let check = |rows: Vec<SeatRow>, expected| assert_eq!(map(rows), Err(expected));
        check(vec![], SeatMapError::Rows);
        check((0..513).map(|no| row(&no.to_string(), 0, 1)).collect(), SeatMapError::Rows);
        check(vec![row("1", 0, 0)], SeatMapError::RowLength);
        check(vec![row("1", 1, 128)], SeatMapError::RowLength);
        for label in ["", "1-2", "123456789", "a b", "\u{7}"] {
            check(vec![row(label, 0, 1)], SeatMapError::RowLabel);
        }
        check(vec![row("a", 0, 1), row("A", 0, 1)], SeatMapError::RowRepeated);
        let blocked = SeatRow { blocked: 0b100, ..row("1", 0, 2) };
        check(vec![blocked], SeatMapError::BlockedNowhere);
        for focal in [Focal { row: 1, half: 0 }, Focal { row: 0, half: 257 }] {
            let map = SeatMap::new(vec![row("1", 0, 2)], Numbering::OddEven, Some(focal));
            assert_eq!(map, Err(SeatMapError::Focal));
        }
    }

    #[test]
    fn a_new_map_keeps_the_seats_of_the_old_if_no_number_means_another_chair() {
        let old = map(vec![row("1", 1, 3)]).unwrap();
        let check = |rows: Vec<SeatRow>, kept| {
            assert_eq!(map(rows.clone()).unwrap().keeps_seats_of(&old), kept, "{rows:?}");
        };
        check(vec![SeatRow { blocked: 0b1110, aisles: 0b10, ..row("1", 1, 3) }], true);
        check(vec![row("1", 1, 4), row("2", 0, 9)], true);
        check(vec![row("1", 0, 4)], false);
        check(vec![row("1", 1, 2)], false);
        check(vec![row("2", 1, 3)], false);
        let turned = SeatMap::new(vec![row("1", 1, 3)], Numbering::RightToLeft, None).unwrap();
        assert!(!turned.keeps_seats_of(&old));
    }
}
