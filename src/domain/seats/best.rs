//! Which free seats are best: together, leaving nobody's neighbour alone, near the focal point.
//!
//! A row is one word, so all blocks of a row are found at once: a few shifts say where `n` seats stand
//! free side by side, a few more which of these would leave a single seat between two taken ones, and
//! counting zeros finds the one nearest to the middle. Only when nowhere `n` seats are free together
//! are the free runs listed, to split the request as little as possible.

use smallvec::SmallVec;

use crate::domain::seats::{Focal, SeatMap, SeatRow, Seats};
use crate::types::SeatNo;

/// Depth of a row and half the width of a seat in one unit of length, about 5.5 cm: a row is 90 cm
/// deep and a seat 55 cm wide.
const ROW_DEPTH: u64 = 16;
const HALF_WIDTH: u64 = 5;
/// Lengths a run can have, and 0.
const LENGTHS: usize = SeatNo::POSITIONS_MAX as usize + 1;

/// The best `n` of the free seats, front row first and from the left, or `None` when fewer are free.
/// `free` has a word for each row of `map`, and only seats of the map in it.
pub(super) fn best(map: &SeatMap, free: &[u128], n: u32) -> Option<Seats> {
    let count: u32 = free.iter().map(|row| row.count_ones()).sum();
    if n == 0 || count < n {
        return (n == 0).then(Seats::new);
    }
    let mut seats = Seats::new();
    match together(map, free, n) {
        Some(run) => seats.extend(run.seats()),
        None => {
            for run in split(map, free, n) {
                seats.extend(run.seats());
            }
            seats.sort_unstable();
        }
    }
    Some(seats)
}

/// Seats side by side in one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    row: u16,
    start: u8,
    len: u8,
}

impl Run {
    /// Its middle; see [`Focal::half`].
    fn middle(self) -> Focal {
        Focal { row: self.row, half: 2 * u16::from(self.start) + u16::from(self.len) }
    }

    fn seats(self) -> impl Iterator<Item = SeatNo> {
        let positions = self.start..self.start.saturating_add(self.len);
        positions.filter_map(move |position| SeatNo::at(self.row, position))
    }
}

/// Square of the distance between two points.
fn distance(a: Focal, b: Focal) -> u64 {
    let depth = u64::from(a.row.abs_diff(b.row)) * ROW_DEPTH;
    let width = u64::from(a.half.abs_diff(b.half)) * HALF_WIDTH;
    depth * depth + width * width
}

/// The best block of `n`: one that leaves no single seat before one that does, then the nearest to the
/// focal point, then the one farther front and farther left.
fn together(map: &SeatMap, free: &[u128], n: u32) -> Option<Run> {
    let len = u8::try_from(n).ok().filter(|len| *len <= SeatNo::POSITIONS_MAX)?;
    let mut best: Option<(bool, u64, Run)> = None;
    for ((row, free), no) in map.rows().iter().zip(free).zip(0u16..) {
        let starts = starts(row, *free, len);
        if starts == 0 {
            continue;
        }
        let tidy = starts & !orphaning(row, *free, len);
        let leaves_orphan = tidy == 0;
        let candidates = if leaves_orphan { starts } else { tidy };
        let start = nearest(candidates, len, map.focal().half);
        let run = Run { row: no, start, len };
        let rank = (leaves_orphan, distance(run.middle(), map.focal()));
        if best.is_none_or(|(orphan, far, _)| rank < (orphan, far)) {
            best = Some((rank.0, rank.1, run));
        }
    }
    best.map(|(_, _, run)| run)
}

/// Positions from which `len` seats are free side by side, as bits.
fn starts(row: &SeatRow, free: u128, len: u8) -> u128 {
    // A block of k seats starts where a seat is free, is linked to its neighbour, and a block of
    // k - 1 starts there.
    let linked = free & row.links();
    (1..len).fold(free, |starts, _| linked & (starts >> 1))
}

/// Positions from which a block of `len` would leave a single free seat beside it, as bits.
fn orphaning(row: &SeatRow, free: u128, len: u8) -> u128 {
    let links = row.links();
    let (first, last) = (firsts(row, free), lasts(row, free));
    // The seat to the left is free, linked to the block, and nothing free is linked to it from beyond.
    let left = (first & links) << 1;
    // The seat to the right likewise; it stands `len` positions after the start.
    let right = (last & (links << 1)).checked_shr(u32::from(len)).unwrap_or(0);
    left | right
}

/// Free seats with no free seat linked to their left, as bits.
fn firsts(row: &SeatRow, free: u128) -> u128 {
    free & !((free & row.links()) << 1)
}

/// Free seats with no free seat linked to their right, as bits.
fn lasts(row: &SeatRow, free: u128) -> u128 {
    free & !(row.links() & (free >> 1))
}

/// Of the positions in `starts`, at least one, that whose block of `len` has its middle nearest to
/// `half`; of two the left one.
fn nearest(starts: u128, len: u8, half: u16) -> u8 {
    let middle = |start: u32| 2 * start + u32::from(len);
    let half = u32::from(half);
    // Blocks that start up to here have their middle at or left of `half`.
    let below = match half.checked_sub(u32::from(len)) {
        Some(room) => u128::MAX >> (127 - (room / 2).min(127)),
        None => 0,
    };
    let left = (starts & below).checked_ilog2();
    let right = Some((starts & !below).trailing_zeros()).filter(|right| *right < 128);
    let start = match (left, right) {
        (Some(left), Some(right)) if half - middle(left) <= middle(right) - half => left,
        (_, Some(right)) => right,
        (left, None) => left.unwrap_or(0),
    };
    // Positions are below 128.
    start as u8
}

/// How many runs there are of each length.
struct Lengths {
    counts: [u32; LENGTHS],
    longest: usize,
}

impl Lengths {
    const fn none() -> Self {
        Self { counts: [0; LENGTHS], longest: 0 }
    }

    fn add(&mut self, run: Run) {
        self.counts[usize::from(run.len)] += 1;
        self.longest = self.longest.max(usize::from(run.len));
    }

    fn remove(&mut self, run: Run) {
        self.counts[usize::from(run.len)] -= 1;
    }

    /// Fewest runs that seat `n`, if all of them together do.
    fn fewest(&self, n: u32) -> Option<u32> {
        let (mut left, mut used) = (n, 0);
        for len in (1..=self.longest).rev() {
            let step = len as u32;
            let wanted = left.div_ceil(step);
            if wanted <= self.counts[len] {
                return Some(used + wanted);
            }
            used += self.counts[len];
            left -= self.counts[len] * step;
        }
        None
    }

    /// How many the `blocks` longest runs seat.
    fn longest_seat(&self, blocks: u32) -> u32 {
        let (mut left, mut seats) = (blocks, 0);
        for len in (1..=self.longest).rev() {
            let used = left.min(self.counts[len]);
            seats += used * len as u32;
            left -= used;
            if left == 0 {
                break;
            }
        }
        seats
    }
}

/// The best `n` seats when nowhere so many are free together: in as few blocks as can be, these in as
/// few neighbouring rows as can be, the rows nearest to the focal point's; in them first the block
/// nearest to the focal point, then those nearest to that one. At least `n` seats are free.
fn split(map: &SeatMap, free: &[u128], n: u32) -> SmallVec<[Run; 8]> {
    let runs = runs(map, free);
    let mut all = Lengths::none();
    runs.iter().for_each(|run| all.add(*run));
    let Some(blocks) = all.fewest(n) else { return SmallVec::new() };
    let near = &runs[rows_nearby(map, &runs, n, blocks)];
    let mut chosen = choose(near, map.focal(), n, blocks);
    trim(&mut chosen, n);
    chosen
}

/// Every longest run of free seats, front row first and from the left.
fn runs(map: &SeatMap, free: &[u128]) -> SmallVec<[Run; 64]> {
    let mut runs = SmallVec::new();
    for ((row, free), no) in map.rows().iter().zip(free).zip(0u16..) {
        let (mut firsts, lasts) = (firsts(row, *free), lasts(row, *free));
        while firsts != 0 {
            let start = firsts.trailing_zeros();
            let len = (lasts >> start).trailing_zeros() + 1;
            firsts &= firsts - 1;
            // Both are below 129 by the width of the word.
            runs.push(Run { row: no, start: start as u8, len: len as u8 });
        }
    }
    runs
}

/// The fewest neighbouring rows in which `blocks` runs seat `n`, as a range of `runs`. More rows never
/// seat fewer, so their number is found by halving.
fn rows_nearby(map: &SeatMap, runs: &[Run], n: u32, blocks: u32) -> std::ops::Range<usize> {
    // That all rows together are enough is known: `blocks` was counted over them.
    let (mut too_few, mut enough) = (0, map.rows().len());
    let mut best = 0..runs.len();
    while enough - too_few > 1 {
        let height = too_few + (enough - too_few) / 2;
        match rows_of(map, runs, height, n, blocks) {
            Some(range) => (enough, best) = (height, range),
            None => too_few = height,
        }
    }
    best
}

/// Of all stretches of `height` rows in which `blocks` runs seat `n`, the one whose middle is nearest
/// to the focal point's row; of two the one farther front.
fn rows_of(
    map: &SeatMap,
    runs: &[Run],
    height: usize,
    n: u32,
    blocks: u32,
) -> Option<std::ops::Range<usize>> {
    let mut inside = Lengths::none();
    let (mut from, mut to) = (0, 0);
    let mut best: Option<(usize, std::ops::Range<usize>)> = None;
    for top in 0..=map.rows().len() - height {
        while runs.get(to).is_some_and(|run| usize::from(run.row) < top + height) {
            inside.add(runs[to]);
            to += 1;
        }
        while from < to && usize::from(runs[from].row) < top {
            inside.remove(runs[from]);
            from += 1;
        }
        // Twice the row in the middle, which may lie between two rows.
        let far = (2 * top + height - 1).abs_diff(2 * usize::from(map.focal().row));
        let nearer = best.as_ref().is_none_or(|(best, _)| far < *best);
        if nearer && inside.longest_seat(blocks) >= n {
            best = Some((far, from..to));
        }
    }
    best.map(|(_, range)| range)
}

/// `blocks` of `runs` that seat `n`: the nearest to the focal point, then those nearest to it, each
/// only if the rest can still be seated in the blocks that remain.
fn choose(runs: &[Run], focal: Focal, n: u32, blocks: u32) -> SmallVec<[Run; 8]> {
    let mut chosen: SmallVec<[Run; 8]> = SmallVec::new();
    let mut others = Lengths::none();
    runs.iter().for_each(|run| others.add(*run));
    let (mut near, mut left) = (focal, n);
    for remaining in (0..blocks).rev() {
        let mut best: Option<(u64, Run)> = None;
        for run in runs.iter().filter(|run| !chosen.contains(run)) {
            let far = distance(run.middle(), near);
            if best.is_some_and(|(best, _)| best <= far) {
                continue;
            }
            others.remove(*run);
            let rest = u32::from(run.len) + others.longest_seat(remaining);
            others.add(*run);
            if rest >= left {
                best = Some((far, *run));
            }
        }
        // The longest run that remains is always fit, so there is one.
        let Some((_, run)) = best else { break };
        others.remove(run);
        left = left.saturating_sub(u32::from(run.len));
        if chosen.is_empty() {
            near = run.middle();
        }
        chosen.push(run);
    }
    chosen
}

/// Takes what the blocks have more than `n` off the longest of them, so that nobody sits alone who
/// need not, at the end that is farther from the others: from the first block, or if it is this one
/// from the second.
fn trim(chosen: &mut [Run], n: u32) {
    let seats: u32 = chosen.iter().map(|run| u32::from(run.len)).sum();
    // With fewer blocks than there are, `n` could not be seated: so the excess is shorter than any.
    let excess = seats.saturating_sub(n) as u8;
    let longest = (0..chosen.len()).max_by_key(|index| (chosen[*index].len, *index));
    let Some(longest) = longest else { return };
    let run = chosen[longest];
    let other = chosen[if longest == 0 { chosen.len().min(2) - 1 } else { 0 }].middle();
    let left = Run { len: run.len.saturating_sub(excess), ..run };
    let right = Run { start: run.start + (run.len - left.len), ..left };
    let right_is_nearer = distance(right.middle(), other) < distance(left.middle(), other);
    chosen[longest] = if right_is_nearer { right } else { left };
}
