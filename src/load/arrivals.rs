//! When requests are due. Pure: the schedule knows neither the clock nor whether anybody keeps it.
//!
//! Latency is counted from these instants, so a server that falls behind cannot hide it by slowing
//! the generator down.

use super::random::Random;

/// How arrivals follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pattern {
    /// Evenly.
    #[default]
    Constant,
    /// Independently of each other, as crowds come: exponential gaps.
    Poisson,
}

/// What a schedule is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Schedule {
    /// Arrivals a second in all, above 0.
    pub rate: f64,
    /// How they follow each other.
    pub pattern: Pattern,
    /// Nothing is due from here on, in nanoseconds from the start.
    pub end_ns: u64,
    /// Arrivals at most.
    pub count_max: u64,
}

/// One thread's part of a schedule.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    schedule: Schedule,
    /// Of this thread's next arrival, counted over all threads when they come evenly.
    index: u64,
    /// Arrivals this thread has left.
    left: u64,
    threads: u64,
    /// Of the next arrival when they are independent.
    next_ns: f64,
    random: Random,
}

impl Arrivals {
    /// The part of thread `thread` of `threads`. Evenly spaced arrivals are dealt out in turn;
    /// independent ones are as many independent, rarer streams.
    pub(super) fn new(schedule: Schedule, thread: u64, threads: u64, seed: u64) -> Self {
        let left = (schedule.count_max + threads - 1 - thread) / threads;
        let random = Random::new(seed, thread);
        let mut arrivals = Self { schedule, index: thread, left, threads, next_ns: 0.0, random };
        arrivals.next_ns = arrivals.gap_ns();
        arrivals
    }

    /// When the next request is due, in nanoseconds from the start; `None` after the last.
    pub(super) fn peek(&self) -> Option<u64> {
        let due = match self.schedule.pattern {
            Pattern::Constant => self.index as f64 * 1e9 / self.schedule.rate,
            Pattern::Poisson => self.next_ns,
        } as u64;
        (self.left > 0 && due < self.schedule.end_ns).then_some(due)
    }

    /// Goes on to the one after.
    pub(super) fn advance(&mut self) {
        self.index += self.threads;
        self.left = self.left.saturating_sub(1);
        self.next_ns += self.gap_ns();
    }

    /// An exponential gap of this thread's stream.
    fn gap_ns(&mut self) -> f64 {
        match self.schedule.pattern {
            Pattern::Constant => 0.0,
            Pattern::Poisson => {
                -self.random.unit().ln() * 1e9 * self.threads as f64 / self.schedule.rate
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(schedule: Schedule, threads: u64, seed: u64) -> Vec<u64> {
        let mut due = Vec::new();
        for thread in 0..threads {
            let mut arrivals = Arrivals::new(schedule, thread, threads, seed);
            while let Some(at) = arrivals.peek() {
                due.push(at);
                arrivals.advance();
            }
            assert_eq!(arrivals.peek(), None);
        }
        due.sort_unstable();
        due
    }

    fn schedule(rate: f64, pattern: Pattern, end_ns: u64, count_max: u64) -> Schedule {
        Schedule { rate, pattern, end_ns, count_max }
    }

    #[test]
    fn even_arrivals_are_the_same_however_many_threads_keep_them() {
        let check = |rate, end_ns, count_max, expected: &[u64]| {
            for threads in 1..4 {
                let schedule = schedule(rate, Pattern::Constant, end_ns, count_max);
                assert_eq!(all(schedule, threads, 1), expected, "{rate}/s by {threads}");
            }
        };
        check(4.0, 1_000_000_000, u64::MAX / 2, &[0, 250_000_000, 500_000_000, 750_000_000]);
        check(
            4.0,
            1_000_000_001,
            u64::MAX / 2,
            &[0, 250_000_000, 500_000_000, 750_000_000, 1_000_000_000],
        );
        check(1e9, 100, 3, &[0, 1, 2]);
        check(0.5, 1_000_000_000, u64::MAX / 2, &[0]);
        check(4.0, 0, 10, &[]);
        check(4.0, 1_000_000_000, 0, &[]);
    }

    #[test]
    fn long_schedules_do_not_drift() {
        let mut arrivals =
            Arrivals::new(schedule(3.0, Pattern::Constant, u64::MAX, u64::MAX / 2), 0, 1, 0);
        for _ in 0..3_000_000 {
            arrivals.advance();
        }
        assert_eq!(arrivals.peek(), Some(1_000_000_000_000_000));
    }

    #[test]
    fn independent_arrivals_have_the_rate_and_the_spread_of_chance() {
        for threads in 1..4 {
            let due =
                all(schedule(10_000.0, Pattern::Poisson, 2_000_000_000, u64::MAX / 2), threads, 5);
            // The count's standard deviation is its root, 141.
            assert!((19_300..=20_700).contains(&due.len()), "{}", due.len());
            let gaps: Vec<f64> =
                due.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 100_000.0).collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let square = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>();
            // An exponential's standard deviation is its mean.
            let deviation = (square / gaps.len() as f64).sqrt();
            assert!((deviation / mean - 1.0).abs() < 0.05, "{deviation} {mean}");
        }
        let poisson = schedule(1000.0, Pattern::Poisson, 1_000_000_000, u64::MAX / 2);
        assert_eq!(all(poisson, 2, 9), all(poisson, 2, 9));
        assert_ne!(all(poisson, 2, 9), all(poisson, 2, 10));
        assert_eq!(all(Schedule { count_max: 10, ..poisson }, 3, 9).len(), 10);
    }
}
