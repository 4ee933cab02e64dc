//! How much whoever saves takes of the processor: small pieces of work, and between them others go first,
//! as long as not too much waits until it is durable.
//!
//! A thread that only has less weight keeps a core for some milliseconds once it has got it, whoever else
//! wants it; and one that works only where the system is idle may be stopped for long in the middle of a
//! piece, while readers wait for what it holds. Between two pieces it holds nothing.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Pieces of work in a row just before saving no longer gives way at all: with a tenth of a millisecond
/// each about what the system lets a thread have at a stretch anyway.
const PIECES_MAX: usize = 32;

/// What waits until it is durable, all submitters together, in changed orders.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlog(Arc<AtomicUsize>);

/// One submitter's part of what waits until it is durable. Dropped, it is taken back.
pub struct BacklogShare {
    all: Backlog,
    mine: usize,
}

impl Backlog {
    /// A share of nothing so far.
    pub(super) fn share(&self) -> BacklogShare {
        BacklogShare { all: self.clone(), mine: 0 }
    }

    /// All of it.
    pub(super) fn len(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl BacklogShare {
    /// So many of the submitter's changed orders wait now.
    pub fn set(&mut self, waiting: usize) {
        // Wraps as the sum does: a share that falls adds the rest of the way round.
        self.all.0.fetch_add(waiting.wrapping_sub(self.mine), Ordering::Relaxed);
        self.mine = waiting;
    }
}

impl Drop for BacklogShare {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl fmt::Debug for BacklogShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BacklogShare({} of {})", self.mine, self.all.len())
    }
}

/// Counts pieces of work, and has others go first between them.
#[derive(Debug)]
pub(super) struct Turns {
    backlog: Backlog,
    /// What may wait before saving goes on as if it were a sale.
    backlog_max: usize,
    /// Pieces since others went first.
    pieces: Cell<usize>,
}

impl Turns {
    pub(super) const fn new(backlog: Backlog, backlog_max: usize) -> Self {
        Self { backlog, backlog_max, pieces: Cell::new(0) }
    }

    /// A piece is done. Says whether others went first after it.
    fn piece(&self) -> bool {
        let pieces = self.pieces.get() + 1;
        let goes_on = self.in_a_row().is_none_or(|in_a_row| pieces < in_a_row);
        self.pieces.set(if goes_on { pieces } else { 0 });
        if !goes_on {
            thread::yield_now();
        }
        !goes_on
    }

    /// Pieces in a row: one as long as three quarters of what may wait do not, then more and more; `None`
    /// when there is too much.
    fn in_a_row(&self) -> Option<usize> {
        let (waiting, max) = (self.backlog.len(), self.backlog_max);
        let begin = max - max / 4;
        let above = waiting.saturating_sub(begin);
        (waiting <= max).then(|| 1 + above * (PIECES_MAX - 1) / (max - begin).max(1))
    }
}

/// How somebody writes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace<'a> {
    /// Others go first between pieces.
    Turns(&'a Turns),
    /// At a stretch: nothing is sold before it is done.
    AtOnce,
}

/// Bytes given to the disk at once where others sync to it as well: whatever they sync then waits for a few
/// milliseconds at most, where a long queue of writes would have it wait for all of them.
const WRITE_BYTES: usize = 512 * 1024;
/// The same where nobody else does.
const WRITE_BYTES_AT_ONCE: usize = 4 * 1024 * 1024;

impl Pace<'_> {
    /// Bytes to be written at once.
    pub(super) const fn write_bytes(self) -> usize {
        match self {
            Self::Turns(_) => WRITE_BYTES,
            Self::AtOnce => WRITE_BYTES_AT_ONCE,
        }
    }

    /// Whether what was written at once is to be on the disk before more is.
    pub(super) const fn waits_for_the_disk(self) -> bool {
        matches!(self, Self::Turns(_))
    }

    /// A piece is done, and nothing is held.
    pub(super) fn breathe(self) {
        if let Self::Turns(turns) = self {
            turns.piece();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_waits_the_less_saving_gives_way() {
        let backlog = Backlog::default();
        let mut share = backlog.share();
        let turns = Turns::new(backlog.clone(), 1000);
        let mut in_a_row = |waiting| {
            share.set(waiting);
            turns.in_a_row()
        };
        let found = [0, 750, 751, 875, 1000, 1001, usize::MAX].map(&mut in_a_row);
        assert_eq!(found, [Some(1), Some(1), Some(1), Some(16), Some(32), None, None]);
        for max in [0, 1, 2] {
            let turns = Turns::new(Backlog::default(), max);
            assert_eq!(turns.in_a_row(), Some(1), "nothing waits");
        }
    }

    #[test]
    fn others_go_first_after_as_many_pieces_as_it_says() {
        let backlog = Backlog::default();
        let mut share = backlog.share();
        let turns = Turns::new(backlog, 100);
        let yields = |many| (0..many).filter(|_| turns.piece()).count();
        assert_eq!(yields(7), 7);
        share.set(88);
        assert_eq!(yields(34), 2, "17 each");
        share.set(101);
        assert_eq!(yields(1000), 0);
        share.set(0);
        assert_eq!(yields(3), 3, "at once when less waits");
    }

    #[test]
    fn shares_add_up_and_end_with_their_owners() {
        let backlog = Backlog::default();
        let (mut one, mut other) = (backlog.share(), backlog.share());
        one.set(5);
        other.set(7);
        one.set(2);
        assert_eq!(backlog.len(), 9);
        drop(other);
        assert_eq!(backlog.len(), 2);
    }
}
