//! Seat maps.

use serde::{Deserialize, Serialize};

use super::{Invalid, List, Mirrored};
use crate::domain::seats::{Focal, Numbering, SeatMap, SeatRow};

/// Twin of [`SeatRow`]; positions as bits.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SeatRowV2<'a> {
    label: &'a str,
    first: u8,
    len: u8,
    aisles: u128,
    blocked: u128,
}

impl Mirrored for SeatRow {
    type Mirror<'a> = SeatRowV2<'a>;

    fn mirror(&self) -> SeatRowV2<'_> {
        let Self { label, first, len, aisles, blocked } = self;
        SeatRowV2 { label, first: *first, len: *len, aisles: *aisles, blocked: *blocked }
    }

    fn restore(mirror: SeatRowV2<'_>) -> Result<Self, Invalid> {
        let SeatRowV2 { label, first, len, aisles, blocked } = mirror;
        Ok(Self { label: label.into(), first, len, aisles, blocked })
    }
}

/// Twin of [`Numbering`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum NumberingV2 {
    /// 0
    LeftToRight,
    /// 1
    RightToLeft,
    /// 2
    OddEven,
}

/// Twin of [`SeatMap`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SeatMapV2<'a> {
    #[serde(borrow)]
    rows: List<'a, SeatRow>,
    numbering: NumberingV2,
    focal_row: u16,
    focal_half: u16,
}

impl Mirrored for SeatMap {
    type Mirror<'a> = SeatMapV2<'a>;

    fn mirror(&self) -> SeatMapV2<'_> {
        let numbering = match self.numbering() {
            Numbering::LeftToRight => NumberingV2::LeftToRight,
            Numbering::RightToLeft => NumberingV2::RightToLeft,
            Numbering::OddEven => NumberingV2::OddEven,
        };
        let Focal { row, half } = self.focal();
        SeatMapV2 { rows: List::Borrowed(self.rows()), numbering, focal_row: row, focal_half: half }
    }

    fn restore(mirror: SeatMapV2<'_>) -> Result<Self, Invalid> {
        let SeatMapV2 { rows, numbering, focal_row, focal_half } = mirror;
        let numbering = match numbering {
            NumberingV2::LeftToRight => Numbering::LeftToRight,
            NumberingV2::RightToLeft => Numbering::RightToLeft,
            NumberingV2::OddEven => Numbering::OddEven,
        };
        let focal = Focal { row: focal_row, half: focal_half };
        Self::new(rows.into_owned(), numbering, Some(focal)).map_err(|_| Invalid)
    }
}
