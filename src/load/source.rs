//! Which request comes next, and when. Pure: it is told what time it is.

use std::collections::VecDeque;

use super::arrivals::{Arrivals, Schedule};
use super::classify::Kind;
use super::random::Random;

/// Orders of a storm: how often and how soon each is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// Copies sent at once, each on a connection of its own. Above 0.
    pub copies: u32,
    /// Nanoseconds after which one more copy is sent.
    pub pause_ns: u64,
}

/// What requests a run is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mix {
    /// All of one kind.
    Only(Kind),
    /// 80 verifications : 15 orders : 5 previews, drawn for each request.
    Mixed,
    /// Orders, each sent several times.
    Storm(Repeats),
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mode {
    /// The next one on a connection as soon as the one before is answered.
    Closed {
        /// Nothing is sent from here on, in nanoseconds from the start.
        end_ns: u64,
    },
    /// As scheduled, whatever the server does.
    Open(Schedule),
}

/// A request to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// Its instant, in nanoseconds from the start: latency counts from here.
    pub(super) due_ns: u64,
    /// What it asks for.
    pub(super) kind: Kind,
    /// Buyer and order number; only copies of one request share them.
    pub(super) key: u64,
}

/// What a source says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This one is due.
    Now(Job),
    /// Nothing before this instant.
    At(u64),
    /// Nothing any more.
    Never,
}

/// The requests of one thread.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pace: Pace,
    mix: Mix,
    random: Random,
    thread: u64,
    threads: u64,
    /// Requests begun by this thread, apart from copies.
    begun: u64,
    /// Copies of the last request that are still to be sent, and that request.
    copies: Option<(u32, Job)>,
    /// Copies to be sent later, by time.
    later: VecDeque<Job>,
}

#[derive(Clone, Debug)]
enum Pace {
    Closed { end_ns: u64 },
    Open(Arrivals),
}

impl Source {
    pub(super) fn new(mode: Mode, mix: Mix, thread: u64, threads: u64, seed: u64) -> Self {
        let pace = match mode {
            Mode::Closed { end_ns } => Pace::Closed { end_ns },
            Mode::Open(schedule) => Pace::Open(Arrivals::new(schedule, thread, threads, seed)),
        };
        Self {
            pace,
            mix,
            random: Random::new(seed, (1 << 34) + thread),
            thread,
            threads,
            begun: 0,
            copies: None,
            later: VecDeque::new(),
        }
    }

    /// The next request, if it is due at `now_ns`.
    pub(super) fn next(&mut self, now_ns: u64) -> Next {
        if let Some((left, job)) = self.copies {
            self.copies = (left > 1).then_some((left - 1, job));
            return Next::Now(job);
        }
        if let Some(job) = self.later.pop_front_if(|job| job.due_ns <= now_ns) {
            return Next::Now(job);
        }
        let fresh = match &mut self.pace {
            Pace::Closed { end_ns } => (now_ns < *end_ns).then_some(now_ns),
            Pace::Open(arrivals) => arrivals.peek(),
        };
        match (fresh, self.later.front().map(|job| job.due_ns)) {
            (Some(due_ns), _) if due_ns <= now_ns => {
                if let Pace::Open(arrivals) = &mut self.pace {
                    arrivals.advance();
                }
                Next::Now(self.begin(due_ns))
            }
            (Some(due_ns), Some(later_ns)) => Next::At(due_ns.min(later_ns)),
            (Some(at_ns), None) | (None, Some(at_ns)) => Next::At(at_ns),
            (None, None) => Next::Never,
        }
    }

    fn begin(&mut self, due_ns: u64) -> Job {
        let key = self.thread + self.begun * self.threads;
        self.begun += 1;
        let kind = match self.mix {
            Mix::Only(kind) => kind,
            Mix::Mixed => match self.random.next() % 100 {
                0..80 => Kind::Verify,
                80..95 => Kind::Order,
                _ => Kind::Consult,
            },
            Mix::Storm(_) => Kind::Order,
        };
        let job = Job { due_ns, kind, key };
        if let Mix::Storm(repeats) = self.mix {
            self.copies = (repeats.copies > 1).then_some((repeats.copies - 1, job));
            let due_ns = due_ns.saturating_add(repeats.pause_ns);
            self.later.push_back(Job { due_ns, ..job });
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use super::super::arrivals::Pattern;
    use super::*;

    fn open(rate: f64, count_max: u64) -> Mode {
        let pattern = Pattern::Constant;
        Mode::Open(Schedule { rate, pattern, end_ns: u64::MAX, count_max })
    }

    fn job(due_ns: u64, key: u64) -> Job {
        Job { due_ns, kind: Kind::Order, key }
    }

    #[test]
    fn late_requests_keep_their_instants() {
        let mix = Mix::Only(Kind::Order);
        let mut source = Source::new(open(1e9 / 100.0, 4), mix, 0, 1, 0);
        assert_eq!(source.next(0), Next::Now(job(0, 0)));
        assert_eq!(source.next(99), Next::At(100));
        // The server was busy meanwhile; nobody's instant moves.
        assert_eq!(source.next(5000), Next::Now(job(100, 1)));
        assert_eq!(source.next(5000), Next::Now(job(200, 2)));
        assert_eq!(source.next(5000), Next::Now(job(300, 3)));
        assert_eq!(source.next(5000), Next::Never);
    }

    #[test]
    fn closed_requests_are_due_when_they_are_asked_for() {
        let mode = Mode::Closed { end_ns: 10 };
        let mut source = Source::new(mode, Mix::Only(Kind::Order), 1, 3, 0);
        assert_eq!(source.next(3), Next::Now(job(3, 1)));
        assert_eq!(source.next(9), Next::Now(job(9, 4)));
        assert_eq!(source.next(10), Next::Never);
    }

    #[test]
    fn a_storm_sends_copies_at_once_and_one_later() {
        let repeats = Repeats { copies: 3, pause_ns: 150 };
        let mut source = Source::new(open(1e9 / 100.0, 2), Mix::Storm(repeats), 0, 1, 0);
        for _ in 0..3 {
            assert_eq!(source.next(0), Next::Now(job(0, 0)));
        }
        assert_eq!(source.next(50), Next::At(100));
        for _ in 0..3 {
            assert_eq!(source.next(100), Next::Now(job(100, 1)));
        }
        assert_eq!(source.next(120), Next::At(150));
        assert_eq!(source.next(150), Next::Now(job(150, 0)));
        assert_eq!(source.next(150), Next::At(250));
        assert_eq!(source.next(300), Next::Now(job(250, 1)));
        assert_eq!(source.next(300), Next::Never);
    }

    #[test]
    fn the_mix_is_eighty_fifteen_five() {
        let mode = Mode::Closed { end_ns: u64::MAX };
        let mut source = Source::new(mode, Mix::Mixed, 0, 1, 3);
        let mut counts = [0; 5];
        for _ in 0..20_000 {
            let Next::Now(job) = source.next(0) else { panic!("closed") };
            counts[job.kind as usize] += 1;
        }
        let shares = [Kind::Verify, Kind::Order, Kind::Consult].map(|it| counts[it as usize] / 200);
        assert!((79..=81).contains(&shares[0]), "{counts:?}");
        assert!((14..=16).contains(&shares[1]), "{counts:?}");
        assert!((4..=6).contains(&shares[2]), "{counts:?}");
    }
}
