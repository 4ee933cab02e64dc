//! Naive twin of the best-seat search, for the property tests.
//!
//! The twin walks over single seats: it tries every block of every row and every way of leaving a seat
//! alone, with no bit in sight. It says what a good answer must satisfy; which of two equally good ones
//! is given it leaves open.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Focal, Numbering, SeatError, SeatMap, SeatMove, SeatRow, SeatState, Seating};
use crate::types::SeatNo;

/// A house seat by seat.
struct Naive<'a> {
    map: &'a SeatMap,
    free: BTreeSet<SeatNo>,
}

impl<'a> Naive<'a> {
    fn new(seating: &'a Seating) -> Self {
        let map = seating.map().unwrap();
        let free = map.seats().filter(|seat| seating.state(*seat) == Some(SeatState::Free));
        Self { map, free: free.collect() }
    }

    /// The seat to the right, if there is one and no aisle between.
    fn right(&self, seat: SeatNo) -> Option<SeatNo> {
        let row = &self.map.rows()[usize::from(seat.row())];
        let aisle = row.aisles >> seat.position() & 1 == 1;
        let next = SeatNo::at(seat.row(), seat.position() + 1)?;
        (!aisle && self.map.has(next)).then_some(next)
    }

    fn left(&self, seat: SeatNo) -> Option<SeatNo> {
        let before = SeatNo::at(seat.row(), seat.position().checked_sub(1)?)?;
        (self.right(before) == Some(seat)).then_some(before)
    }

    /// Every block of `n` free seats side by side.
    fn blocks(&self, n: usize) -> Vec<Vec<SeatNo>> {
        let block = |first: &SeatNo| {
            let seats = std::iter::successors(Some(*first), |seat| self.right(*seat));
            let seats: Vec<SeatNo> =
                seats.take(n).take_while(|seat| self.free.contains(seat)).collect();
            (seats.len() == n).then_some(seats)
        };
        self.free.iter().filter_map(block).collect()
    }

    /// Free seats with no free neighbour once `taken` are gone, which had one before.
    fn orphans(&self, taken: &[SeatNo]) -> usize {
        let alone = |seat: SeatNo, free: &dyn Fn(SeatNo) -> bool| {
            ![self.left(seat), self.right(seat)].into_iter().flatten().any(free)
        };
        let before = |seat| self.free.contains(&seat);
        let after = |seat| self.free.contains(&seat) && !taken.contains(&seat);
        let left_alone =
            |seat: &&SeatNo| after(**seat) && alone(**seat, &after) && !alone(**seat, &before);
        self.free.iter().filter(left_alone).count()
    }

    /// Lengths of the longest runs of free seats, longest first.
    fn runs(&self) -> Vec<usize> {
        let mut lengths = Vec::new();
        for seat in &self.free {
            if self.left(*seat).is_some_and(|left| self.free.contains(&left)) {
                continue;
            }
            let seats = std::iter::successors(Some(*seat), |seat| self.right(*seat));
            lengths.push(seats.take_while(|seat| self.free.contains(seat)).count());
        }
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths
    }

    fn distance(&self, block: &[SeatNo]) -> u64 {
        let focal = self.map.focal();
        let half = 2 * u16::from(block[0].position()) + block.len() as u16;
        let depth = u64::from(block[0].row().abs_diff(focal.row)) * 16;
        let width = u64::from(half.abs_diff(focal.half)) * 5;
        depth * depth + width * width
    }

    /// How many blocks `seats`, in order, fall into.
    fn block_count(&self, seats: &[SeatNo]) -> usize {
        let joined = seats.windows(2).filter(|pair| self.right(pair[0]) == Some(pair[1])).count();
        seats.len() - joined
    }

    fn check(&self, n: usize, answer: &Result<Vec<SeatNo>, SeatError>) {
        let Ok(seats) = answer else {
            let too_few = SeatError::TooFew { asked: n as u32, free: self.free.len() as u32 };
            assert!(self.free.len() < n, "{n} of {} seats", self.free.len());
            assert_eq!(answer, &Err(too_few));
            return;
        };
        let different: BTreeSet<&SeatNo> = seats.iter().collect();
        assert_eq!((seats.len(), different.len()), (n, n), "{n} different seats: {seats:?}");
        assert!(seats.iter().all(|seat| self.free.contains(seat)), "all free: {seats:?}");
        assert!(seats.is_sorted(), "in order: {seats:?}");
        let blocks = self.blocks(n);
        if blocks.is_empty() {
            let mut seated = 0;
            let enough = self.runs().iter().position(|run| {
                seated += run;
                seated >= n
            });
            let fewest = enough.map(|index| index + 1);
            assert_eq!(Some(self.block_count(seats)), fewest, "fewest blocks: {seats:?}");
            return;
        }
        assert!(blocks.contains(seats), "together: {seats:?}");
        let orphans = self.orphans(seats);
        let tidy = blocks.iter().any(|block| self.orphans(block) == 0);
        assert!(orphans == 0 || !tidy, "{orphans} alone beside {seats:?}");
        let equal = blocks.iter().filter(|block| !tidy || self.orphans(block) == 0);
        let nearest = equal.map(|block| self.distance(block)).min();
        assert_eq!(Some(self.distance(seats)), nearest, "nearest: {seats:?}");
    }
}

const WIDTH: u8 = 12;

/// A row of up to [`WIDTH`] seats somewhere in the area, with random aisles and blocked seats.
fn row() -> impl Strategy<Value = SeatRow> {
    let few = || prop_oneof![Just(0u128), any::<u128>().prop_map(|bits| bits & (bits >> 5))];
    (0..4u8, 1..=WIDTH, few(), few()).prop_map(|(first, len, aisles, blocked)| {
        let row = SeatRow { label: "".into(), first, len, aisles, blocked: 0 };
        SeatRow { blocked: blocked & row.seats(), ..row }
    })
}

fn map() -> impl Strategy<Value = SeatMap> {
    let focal = proptest::option::of((any::<u16>(), 0..32u16));
    (vec(row(), 1..5), focal).prop_map(|(mut rows, focal)| {
        for (row, no) in rows.iter_mut().zip(1..) {
            row.label = no.to_string().into();
        }
        let count = rows.len() as u16;
        let focal = focal.map(|(row, half)| Focal { row: row % count, half });
        SeatMap::new(rows, Numbering::OddEven, focal).unwrap()
    })
}

/// A house in which a random part is sold.
fn house() -> impl Strategy<Value = Seating> {
    (map(), any::<u64>(), 0..100u64).prop_map(|(map, seed, per_cent)| {
        let mut random = seed;
        let mut seating = Seating::new(Some(Arc::new(map.clone())));
        for seat in map.seats() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            if (random >> 33) % 100 < per_cent {
                seating.apply(SeatMove::Sell, &[seat]);
            }
        }
        seating
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn the_best_seats_are_what_the_twin_says(house in house(), n in 1..14usize) {
        let answer = house.decide_best(n as u32).map(|()| house.best(n as u32).to_vec());
        Naive::new(&house).check(n, &answer);
    }

    /// Every way seats change hands, in any order: a seat has one state, and nothing is given twice.
    #[test]
    fn seats_change_hands_one_at_a_time(
        map in map(),
        steps in vec((0..6u8, 1..6u32, any::<prop::sample::Index>()), 1..60),
    ) {
        let mut seating = Seating::new(Some(Arc::new(map)));
        let mut pending: Vec<Vec<SeatNo>> = vec![];
        let mut held: Vec<Vec<SeatNo>> = vec![];
        let mut sold: Vec<Vec<SeatNo>> = vec![];
        for (step, n, which) in steps {
            let pick = |list: &mut Vec<Vec<SeatNo>>| {
                (!list.is_empty()).then(|| list.swap_remove(which.index(list.len())))
            };
            match step {
                0 => if seating.decide_best(n).is_ok() {
                    let seats = seating.best(n);
                    seating.pend(&seats);
                    pending.push(seats.to_vec());
                },
                1 => if let Some(seats) = pick(&mut pending) {
                    seating.unpend(&seats);
                    seating.apply(SeatMove::Hold, &seats);
                    held.push(seats);
                },
                2 => if let Some(seats) = pick(&mut pending) {
                    seating.unpend(&seats);
                },
                3 => if let Some(seats) = pick(&mut held) {
                    seating.apply(SeatMove::Confirm, &seats);
                    sold.push(seats);
                },
                4 => if let Some(seats) = pick(&mut held) {
                    seating.apply(SeatMove::Release, &seats);
                },
                _ => if let Some(seats) = pick(&mut sold) {
                    seating.apply(SeatMove::Return, &seats);
                },
            }
            let sorted = |lists: &[Vec<SeatNo>]| {
                let mut seats = lists.concat();
                seats.sort_unstable();
                seats
            };
            prop_assert_eq!(seating.pending().collect::<Vec<_>>(), sorted(&pending));
            prop_assert_eq!(seating.held().collect::<Vec<_>>(), sorted(&held));
            prop_assert_eq!(seating.sold().collect::<Vec<_>>(), sorted(&sold));
            let all = sorted(&[sorted(&pending), sorted(&held), sorted(&sold)]);
            prop_assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "INV-9: {:?}", all);
            for seats in all.chunks(3) {
                prop_assert_eq!(seating.decide_these(seats), Err(SeatError::Taken(seats[0])));
            }
        }
    }
}

/// A house drawn with `.` free, `x` taken, `#` blocked and `|` an aisle, a string a row, and the seats
/// that `n` get, as `row-number`.
fn check(drawn: &[&str], n: u32, expected: &[&str]) {
    let mut rows = Vec::new();
    let mut taken = Vec::new();
    for (drawing, no) in drawn.iter().zip(0u16..) {
        let mut row =
            SeatRow { label: (no + 1).to_string().into(), first: 0, len: 0, aisles: 0, blocked: 0 };
        for symbol in drawing.chars() {
            match symbol {
                '|' => {
                    row.aisles |= 1 << (row.len - 1);
                    continue;
                }
                'x' => taken.push(SeatNo::at(no, row.len).unwrap()),
                '#' => row.blocked |= 1 << row.len,
                _ => {}
            }
            row.len += 1;
        }
        rows.push(row);
    }
    let map = Arc::new(SeatMap::new(rows, Numbering::LeftToRight, None).unwrap());
    let mut house = Seating::new(Some(Arc::clone(&map)));
    house.apply(SeatMove::Sell, &taken);
    let seats = house.best(n);
    let label = |seat: &SeatNo| {
        let (row, number) = map.label(*seat).unwrap();
        format!("{row}-{number}")
    };
    assert_eq!(seats.iter().map(label).collect::<Vec<_>>(), expected, "{n} of {drawn:?}");
}

#[test]
fn the_middle_of_the_front_row_goes_first() {
    check(&["........."], 1, &["1-5"]);
    check(&["........."], 3, &["1-4", "1-5", "1-6"]);
    // Of two equally near blocks the left one.
    check(&[".........."], 3, &["1-4", "1-5", "1-6"]);
    check(&["xxxxxx", "......"], 2, &["2-3", "2-4"]);
    // One seat to the side is nearer than one row back, two are not.
    check(&["x..xxx", "......"], 2, &["1-2", "1-3"]);
    check(&["..xxxx", "......"], 2, &["2-3", "2-4"]);
}

#[test]
fn nobody_is_left_alone_where_that_can_be_avoided() {
    // The middle would leave a seat on each side alone.
    check(&["...."], 2, &["1-1", "1-2"]);
    check(&[".x...", "....."], 2, &["2-1", "2-2"]);
    // A seat that is alone already is no reason, nor is a seat beyond an aisle.
    check(&[".x.."], 2, &["1-3", "1-4"]);
    check(&[".|..|."], 2, &["1-2", "1-3"]);
    check(&["..", "xx"], 1, &["1-1"]);
    check(&["x.x..x"], 1, &["1-2"]);
    // It cannot be avoided here.
    check(&["..."], 2, &["1-1", "1-2"]);
}

#[test]
fn an_aisle_and_a_blocked_seat_part_neighbours() {
    check(&["..|...."], 3, &["1-3", "1-4", "1-5"]);
}

#[test]
fn a_party_that_cannot_sit_together_is_split_as_little_as_can_be() {
    // Two blocks in one row rather than in two, the middle one first, then one beside it.
    check(&["..|..|..", "..xxxx.."], 3, &["1-2", "1-3", "1-4"]);
    // Neighbouring rows rather than far ones, though the far one lies no farther from the stage.
    check(&["..xxxxx", "xxxxxxx", "xxx..xx", "xxx..xx"], 4, &["3-4", "3-5", "4-4", "4-5"]);
    // Fewest blocks come first, even in rows far apart.
    check(&["...xxxx", "x.x.x.x", "xxxx..."], 5, &["1-1", "1-2", "1-3", "3-5", "3-6"]);
    // Nobody sits alone who need not: three and two rather than four and one.
    check(&["xx....xx", "xxx...xx"], 5, &["1-5", "1-6", "2-4", "2-5", "2-6"]);
    check(&[".x.x.x."], 4, &["1-1", "1-3", "1-5", "1-7"]);
}

#[test]
fn a_party_larger_than_any_row_fills_rows() {
    check(&["...", "..."], 5, &["1-1", "1-2", "1-3", "2-1", "2-2"]);
}
