//! One area at one performance: who has which seat.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::domain::seats::{SeatError, SeatMap, Seats, best};
use crate::types::SeatNo;

/// A journalled move of seats. Together these are the only ways a seat changes hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatMove {
    /// Free seats became held by an unpaid order.
    Hold,
    /// Free seats were sold at once.
    Sell,
    /// Held seats were paid for.
    Confirm,
    /// Held seats became free again.
    Release,
    /// Sold seats became free again.
    Return,
}

/// Where a seat stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatState {
    /// Nobody has it.
    Free,
    /// The house does not sell it, and nobody has it.
    Blocked,
    /// An unpaid order has it, or a checkout in flight.
    Held,
    /// It is sold.
    Sold,
}

/// A row's seats by who has them, as bits by position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    pending: u128,
    held: u128,
    sold: u128,
}

impl Row {
    const fn taken(self) -> u128 {
        self.pending | self.held | self.sold
    }
}

/// Who has which seat of an area.
///
/// The map comes from the catalogue whenever the seating is loaded; held and sold seats are what the
/// journal says, also those the map no longer has; pending ones belong to checkouts in flight and are
/// volatile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seating {
    map: Option<Arc<SeatMap>>,
    /// By row; rows behind the last one taken from may be missing.
    rows: SmallVec<[Row; 1]>,
}

impl Seating {
    /// An empty house.
    #[must_use]
    pub fn new(map: Option<Arc<SeatMap>>) -> Self {
        Self { map, rows: SmallVec::new() }
    }

    /// A house with these seats held and sold, as a snapshot tells it, or `None` when a seat is both
    /// or is named twice.
    #[must_use]
    pub fn restored(held: &[SeatNo], sold: &[SeatNo]) -> Option<Self> {
        let mut seating = Self::default();
        for (seats, step) in [(held, SeatMove::Hold), (sold, SeatMove::Sell)] {
            for seat in seats {
                if seating.is_taken(*seat) {
                    return None;
                }
                seating.apply(step, &[*seat]);
            }
        }
        Some(seating)
    }

    /// Gives the house the map the catalogue has now; `None` where seats are not numbered.
    pub fn set_map(&mut self, map: Option<Arc<SeatMap>>) {
        self.map = map;
    }

    /// The geometry, where seats are numbered.
    #[must_use]
    pub const fn map(&self) -> Option<&Arc<SeatMap>> {
        self.map.as_ref()
    }

    /// Whether no event ever touched a seat.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.rows.iter().all(|row| row.held | row.sold == 0)
    }

    /// Seats held by unpaid orders, in order.
    pub fn held(&self) -> impl Iterator<Item = SeatNo> + '_ {
        self.seats(|row| row.held)
    }

    /// Seats sold, in order.
    pub fn sold(&self) -> impl Iterator<Item = SeatNo> + '_ {
        self.seats(|row| row.sold)
    }

    /// Seats kept for checkouts in flight, in order.
    pub fn pending(&self) -> impl Iterator<Item = SeatNo> + '_ {
        self.seats(|row| row.pending)
    }

    /// Where a seat stands; `None` for one the map does not have.
    #[must_use]
    pub fn state(&self, seat: SeatNo) -> Option<SeatState> {
        let map = self.map.as_ref().filter(|map| map.has(seat))?;
        let row = self.row(seat);
        let bit = bit(seat);
        let state = if row.sold & bit != 0 {
            SeatState::Sold
        } else if (row.held | row.pending) & bit != 0 {
            SeatState::Held
        } else if map.rows()[usize::from(seat.row())].blocked & bit != 0 {
            SeatState::Blocked
        } else {
            SeatState::Free
        };
        Some(state)
    }

    /// How many seats nobody has and the house sells.
    #[must_use]
    pub fn free_count(&self) -> u32 {
        self.free().iter().map(|row| row.count_ones()).sum()
    }

    /// Decides whether `asked` seats can be had, whichever they are. Where seats are not numbered
    /// nobody asks for any in particular, and the stock alone decides.
    ///
    /// # Errors
    /// [`SeatError::TooFew`].
    pub fn decide_best(&self, asked: u32) -> Result<(), SeatError> {
        let free = self.free_count();
        if self.map.is_none() || asked <= free {
            return Ok(());
        }
        Err(SeatError::TooFew { asked, free })
    }

    /// The best `count` seats, as decided by [`Self::decide_best`]; none where seats are not numbered.
    #[must_use]
    pub fn best(&self, count: u32) -> Seats {
        let Some(map) = &self.map else { return Seats::new() };
        let best = best::best(map, &self.free(), count);
        best.expect("INV-9: decide_best has counted that many free seats")
    }

    /// Decides whether these seats can be had.
    ///
    /// # Errors
    /// The first that fits, in the order [`SeatError`] lists them.
    pub fn decide_these(&self, seats: &[SeatNo]) -> Result<(), SeatError> {
        let known = |seat: &SeatNo| self.map.as_ref().is_some_and(|map| map.has(*seat));
        if let Some(seat) = seats.iter().find(|seat| !known(seat)) {
            return Err(SeatError::Unknown(*seat));
        }
        let mut named = seats.iter().enumerate();
        if let Some((_, seat)) = named.find(|(index, seat)| seats[..*index].contains(seat)) {
            return Err(SeatError::Repeated(*seat));
        }
        let stands = |states: &[SeatState]| {
            let state = |seat: &SeatNo| self.state(*seat);
            let found = |seat: &&SeatNo| state(seat).is_some_and(|at| states.contains(&at));
            seats.iter().find(found).copied()
        };
        if let Some(seat) = stands(&[SeatState::Blocked]) {
            return Err(SeatError::Blocked(seat));
        }
        match stands(&[SeatState::Held, SeatState::Sold]) {
            Some(seat) => Err(SeatError::Taken(seat)),
            None => Ok(()),
        }
    }

    /// Keeps seats for a checkout in flight, which [`Self::decide_best`] or [`Self::decide_these`] allowed.
    pub fn pend(&mut self, seats: &[SeatNo]) {
        for seat in seats {
            let bit = bit(*seat);
            let row = self.row_mut(*seat);
            assert!(row.taken() & bit == 0, "INV-9: only free seats are given");
            row.pending |= bit;
        }
    }

    /// Ends what [`Self::pend`] began.
    pub fn unpend(&mut self, seats: &[SeatNo]) {
        for seat in seats {
            let bit = bit(*seat);
            let row = self.row_mut(*seat);
            assert!(row.pending & bit != 0, "INV-5: only what was taken comes back, and once");
            row.pending &= !bit;
        }
    }

    /// Makes a journalled move true.
    pub fn apply(&mut self, step: SeatMove, seats: &[SeatNo]) {
        for seat in seats {
            let bit = bit(*seat);
            let row = self.row_mut(*seat);
            let (held, sold) = (row.held & bit != 0, row.sold & bit != 0);
            match step {
                SeatMove::Hold | SeatMove::Sell => {
                    assert!(!held && !sold, "INV-9: no seat is held or sold twice");
                }
                SeatMove::Confirm | SeatMove::Release => {
                    assert!(held, "INV-5: only what was taken comes back, and once");
                }
                SeatMove::Return => {
                    assert!(sold, "INV-5: only what was taken comes back, and once");
                }
            }
            row.held &= !bit;
            row.sold &= !bit;
            match step {
                SeatMove::Hold => row.held |= bit,
                SeatMove::Sell | SeatMove::Confirm => row.sold |= bit,
                SeatMove::Release | SeatMove::Return => {}
            }
        }
    }

    /// Free seats by row of the map, as bits; empty where seats are not numbered.
    fn free(&self) -> SmallVec<[u128; 32]> {
        let Some(map) = &self.map else { return SmallVec::new() };
        let taken = self.rows.iter().map(|row| row.taken()).chain(std::iter::repeat(0));
        map.rows().iter().zip(taken).map(|(row, taken)| row.sellable() & !taken).collect()
    }

    fn is_taken(&self, seat: SeatNo) -> bool {
        self.row(seat).taken() & bit(seat) != 0
    }

    fn row(&self, seat: SeatNo) -> Row {
        self.rows.get(usize::from(seat.row())).copied().unwrap_or_default()
    }

    /// The journal may know a seat the catalogue has dropped since; who has it still counts.
    fn row_mut(&mut self, seat: SeatNo) -> &mut Row {
        let index = usize::from(seat.row());
        if self.rows.len() <= index {
            self.rows.resize(index + 1, Row::default());
        }
        &mut self.rows[index]
    }

    fn seats(&self, of: fn(&Row) -> u128) -> impl Iterator<Item = SeatNo> + '_ {
        self.rows.iter().zip(0u16..).flat_map(move |(row, no)| {
            let bits = of(row);
            let positions = 0..SeatNo::POSITIONS_MAX;
            positions.filter(move |at| bits >> at & 1 == 1).filter_map(move |at| SeatNo::at(no, at))
        })
    }
}

const fn bit(seat: SeatNo) -> u128 {
    1 << seat.position()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::seats::{Numbering, SeatRow};

    /// Two rows of four; the last seat of the second is blocked.
    fn house() -> Seating {
        let row = |label: &str, blocked| SeatRow {
            label: label.into(),
            first: 0,
            len: 4,
            aisles: 0,
            blocked,
        };
        let rows = vec![row("1", 0), row("2", 0b1000)];
        Seating::new(Some(Arc::new(SeatMap::new(rows, Numbering::LeftToRight, None).unwrap())))
    }

    fn seat(row: u16, position: u8) -> SeatNo {
        SeatNo::at(row, position).unwrap()
    }

    fn check(given: &Seating, named: &[SeatNo], expected: Result<(), SeatError>) {
        assert_eq!(given.decide_these(named), expected, "{named:?}");
    }

    #[test]
    fn named_seats_are_given_if_they_are_there_for_sale_and_free() {
        let mut house = house();
        house.apply(SeatMove::Sell, &[seat(0, 0)]);
        house.apply(SeatMove::Hold, &[seat(0, 1)]);
        house.pend(&[seat(0, 2)]);
        let (free, nowhere, blocked) = (seat(1, 0), seat(1, 4), seat(1, 3));

        check(&house, &[seat(1, 1), free], Ok(()));
        check(&house, &[free, free, nowhere], Err(SeatError::Unknown(nowhere)));
        check(&house, &[blocked, free, free], Err(SeatError::Repeated(free)));
        check(&house, &[seat(0, 0), blocked], Err(SeatError::Blocked(blocked)));
        for taken in [seat(0, 0), seat(0, 1), seat(0, 2)] {
            check(&house, &[free, taken], Err(SeatError::Taken(taken)));
        }
    }

    #[test]
    fn more_than_are_free_are_refused_with_the_number_that_is() {
        let mut house = house();
        house.apply(SeatMove::Sell, &[seat(0, 0), seat(0, 1)]);
        assert_eq!(house.decide_best(6), Err(SeatError::TooFew { asked: 6, free: 5 }));
        assert_eq!((house.decide_best(5), house.best(5).len()), (Ok(()), 5));
    }

    #[test]
    fn where_seats_are_not_numbered_nobody_gets_one() {
        let house = Seating::new(None);
        assert_eq!((house.decide_best(3), house.best(3).len()), (Ok(()), 0));
        check(&house, &[seat(0, 0)], Err(SeatError::Unknown(seat(0, 0))));
    }

    #[test]
    fn a_seat_goes_from_hand_to_hand_and_back() {
        let mut house = house();
        let one = [seat(0, 1)];
        let check = |house: &Seating, expected| assert_eq!(house.state(one[0]), Some(expected));
        check(&house, SeatState::Free);
        house.pend(&one);
        check(&house, SeatState::Held);
        assert!(house.is_untouched());
        house.unpend(&one);
        check(&house, SeatState::Free);
        house.apply(SeatMove::Hold, &one);
        check(&house, SeatState::Held);
        assert_eq!(house.held().collect::<Vec<_>>(), one);
        house.apply(SeatMove::Confirm, &one);
        check(&house, SeatState::Sold);
        assert_eq!((house.held().count(), house.sold().collect::<Vec<_>>()), (0, one.to_vec()));
        house.apply(SeatMove::Return, &one);
        check(&house, SeatState::Free);
        house.apply(SeatMove::Hold, &one);
        house.apply(SeatMove::Release, &one);
        assert!(house.is_untouched());
        assert_eq!((house.free_count(), house.state(seat(9, 0))), (7, None));
        assert_eq!(house.state(seat(1, 3)), Some(SeatState::Blocked));
    }

    #[test]
    fn a_snapshot_gives_back_what_the_journal_said() {
        let mut house = house();
        house.apply(SeatMove::Hold, &[seat(0, 3), seat(1, 0)]);
        house.apply(SeatMove::Sell, &[seat(1, 2)]);
        let (held, sold): (Vec<_>, Vec<_>) = (house.held().collect(), house.sold().collect());
        let mut restored = Seating::restored(&held, &sold).unwrap();
        restored.set_map(house.map().cloned());
        assert_eq!(restored, house);
        assert_eq!(Seating::restored(&held, &held), None);
        assert_eq!(Seating::restored(&[sold[0], sold[0]], &[]), None);
    }

    #[test]
    #[should_panic(expected = "INV-9")]
    fn a_seat_sold_twice_is_a_broken_promise() {
        let mut house = house();
        house.apply(SeatMove::Sell, &[seat(0, 0)]);
        house.apply(SeatMove::Hold, &[seat(0, 0)]);
    }
}
