//! The seats of an area as a catalogue file draws them: rows and seats, aisles, blocked seats, labels.

use super::At;
use super::CatalogueFileError;
use super::shape::{AreaSection, PerRow};
use crate::domain::seats::{Focal, Numbering, SeatMap, SeatMapError, SeatRow};
use crate::types::{Quantity, SeatNo};

/// Places of an area, and its seat map where it has rows of seats.
pub(super) fn places(
    at: At<'_>,
    area: &AreaSection,
) -> Result<(Quantity, Option<SeatMap>), CatalogueFileError> {
    let error = |key: &str, problem: String| {
        at.error(&format!("area.{key}"), format!("area {:?} {problem}", area.id))
    };
    match (area.capacity, area.rows, &area.seats_per_row) {
        (Some(capacity), None, None) => {
            let about_seats = [
                ("aisles_after", area.aisles_after.is_empty()),
                ("blocked", area.blocked.is_empty()),
                ("row_labels", area.row_labels.is_empty()),
                ("numbering", area.numbering.is_none()),
                ("focal", area.focal.is_none()),
            ];
            match about_seats.iter().find(|(_, absent)| !absent) {
                Some((key, _)) => Err(error(key, "has a capacity and no rows of seats".into())),
                None => Ok((Quantity::new(capacity), None)),
            }
        }
        (None, Some(rows), Some(per_row)) => {
            let map = Drawing::new(area, rows, per_row, &error)?.map()?;
            Ok((map.capacity(), Some(map)))
        }
        _ => {
            let problem = "needs either rows and seats_per_row, or a capacity";
            Err(error("rows", problem.into()))
        }
    }
}

type Problem<'a> = dyn Fn(&str, String) -> CatalogueFileError + 'a;

/// An area on the way from the file to its map.
struct Drawing<'a> {
    area: &'a AreaSection,
    lengths: Vec<u8>,
    error: &'a Problem<'a>,
}

impl<'a> Drawing<'a> {
    fn new(
        area: &'a AreaSection,
        rows: u32,
        per_row: &PerRow,
        error: &'a Problem<'a>,
    ) -> Result<Self, CatalogueFileError> {
        let in_bounds = (1..=u32::from(SeatNo::ROWS_MAX)).contains(&rows);
        if !in_bounds {
            return Err(error("rows", SeatMapError::Rows.to_string()));
        }
        let lengths = match per_row {
            PerRow::All(len) => vec![*len; rows as usize],
            PerRow::Each(lengths) => lengths.clone(),
        };
        if lengths.len() != rows as usize {
            let problem = format!("has {rows} rows and {} lengths of rows", lengths.len());
            return Err(error("seats_per_row", problem));
        }
        if !area.row_labels.is_empty() && area.row_labels.len() != rows as usize {
            let problem = format!("has {rows} rows and {} labels", area.row_labels.len());
            return Err(error("row_labels", problem));
        }
        let len = |len: &u32| {
            let len =
                u8::try_from(*len).ok().filter(|len| (1..=SeatNo::POSITIONS_MAX).contains(len));
            len.ok_or_else(|| error("seats_per_row", SeatMapError::RowLength.to_string()))
        };
        let lengths = lengths.iter().map(len).collect::<Result<_, _>>()?;
        Ok(Self { area, lengths, error })
    }

    fn map(&self) -> Result<SeatMap, CatalogueFileError> {
        // Seats are found by their labels, so the map without blocked seats and focal point comes first.
        let open = self.build(self.rows()?, None)?;
        let mut rows = open.rows().to_vec();
        for name in &self.area.blocked {
            self.block(&open, &mut rows, name)?;
        }
        let focal = self.area.focal.as_deref().map(|name| {
            let seat = seat(&open, name);
            let seat = seat.ok_or_else(|| self.no_seat("focal", name))?;
            Ok(Focal { row: seat.row(), half: 2 * u16::from(seat.position()) + 1 })
        });
        self.build(rows, focal.transpose()?)
    }

    fn build(
        &self,
        rows: Vec<SeatRow>,
        focal: Option<Focal>,
    ) -> Result<SeatMap, CatalogueFileError> {
        let numbering = self.area.numbering.map_or(Numbering::default(), Into::into);
        let key = |error| match error {
            SeatMapError::RowLabel | SeatMapError::RowRepeated => "row_labels",
            _ => "rows",
        };
        SeatMap::new(rows, numbering, focal)
            .map_err(|error| (self.error)(key(error), format!("cannot be drawn: {error}")))
    }

    /// Rows with nothing blocked. Shorter rows stand in the middle of the longest.
    fn rows(&self) -> Result<Vec<SeatRow>, CatalogueFileError> {
        let widest = self.lengths.iter().copied().max().unwrap_or(0);
        let mut aisles = 0;
        for after in &self.area.aisles_after {
            if *after == 0 || *after >= widest {
                let problem = format!("has no seats on both sides of an aisle after {after}");
                return Err((self.error)("aisles_after", problem));
            }
            aisles |= 1 << (after - 1);
        }
        let labels = &self.area.row_labels;
        let row = |(index, len): (usize, &u8)| SeatRow {
            label: labels.get(index).map_or_else(|| (index + 1).to_string(), Clone::clone).into(),
            first: (widest - len) / 2,
            len: *len,
            aisles,
            blocked: 0,
        };
        Ok(self.lengths.iter().enumerate().map(row).collect())
    }

    /// Blocks `*` (every seat), a row by its label, or a seat by row and number.
    fn block(
        &self,
        open: &SeatMap,
        rows: &mut [SeatRow],
        name: &str,
    ) -> Result<(), CatalogueFileError> {
        let named = |row: &SeatRow| name == "*" || row.label.eq_ignore_ascii_case(name);
        let mut found = false;
        for row in rows.iter_mut().filter(|row| named(row)) {
            row.blocked = row.seats();
            found = true;
        }
        if found {
            return Ok(());
        }
        let seat = seat(open, name).ok_or_else(|| self.no_seat("blocked", name))?;
        rows[usize::from(seat.row())].blocked |= 1 << seat.position();
        Ok(())
    }

    fn no_seat(&self, key: &str, name: &str) -> CatalogueFileError {
        (self.error)(key, format!("has no seat {name:?}; a seat is named as in \"3-15\""))
    }
}

/// The seat named by its row's label and its number, e.g. `3-15`.
fn seat(map: &SeatMap, name: &str) -> Option<SeatNo> {
    let (row, number) = name.split_once('-')?;
    map.find(row, number.parse().ok()?)
}
