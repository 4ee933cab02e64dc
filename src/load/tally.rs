//! What came of a run's requests: counts, latencies and their course over time. Every thread has a tally
//! of its own; they are added up at the end.
//!
//! A request belongs to the measurement when it was due in it, whenever its answer came. Rates count the
//! answers that came within it.

use std::collections::{BTreeMap, HashMap};

use hdrhistogram::Histogram;

use super::classify::{Class, ErrorKind, Kind};

/// Longest latency told apart, in nanoseconds.
const LATENCY_MAX_NS: u64 = 600_000_000_000;
/// Longest latency told apart in the course over time, in microseconds.
const COURSE_MAX_US: u64 = 600_000_000;

/// How many requests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sent, copies included.
    pub sent: u64,
    /// Done.
    pub success: u64,
    /// Refused by the rules.
    pub refusal: u64,
    /// Without an answer that counts.
    pub error: u64,
    /// Due and never sent: too late, or out of time.
    pub dropped: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.success += other.success;
        self.refusal += other.refusal;
        self.error += other.error;
        self.dropped += other.dropped;
    }

    fn count(&mut self, class: Class) {
        match class {
            Class::Success => self.success += 1,
            Class::Refusal(_) => self.refusal += 1,
            Class::Error(_) => self.error += 1,
        }
    }
}

/// What is measured, in nanoseconds from the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    /// Length of one step of the course over time.
    pub(super) step_ns: u64,
}

impl Window {
    fn contains(&self, at_ns: u64) -> bool {
        (self.start_ns..self.end_ns).contains(&at_ns)
    }
}

/// One kind of request.
#[derive(Clone, Debug)]
pub(super) struct KindTally {
    pub(super) counts: Counts,
    /// Latencies of answers that count, in nanoseconds.
    pub(super) latency: Histogram<u64>,
}

/// One step of the course over time. Answers count where they came.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) counts: Counts,
    /// Microseconds.
    pub(super) latency: Histogram<u32>,
}

/// What copies of one request were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StormCounts {
    /// Requests that have an answer.
    pub keys: u64,
    /// Answers, copies included.
    pub answers: u64,
    /// Requests whose copies were answered differently. Must be 0.
    pub keys_with_several_answers: u64,
}

/// First answer of a key, and whether another one differed.
#[derive(Clone, Copy, Debug)]
struct Told {
    answer: u64,
    differed: bool,
    sold: bool,
}

/// What came of requests.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) window: Window,
    /// Of the whole run, warm-up included.
    pub(super) whole: Counts,
    /// Different orders acknowledged in the whole run, voucher codes included.
    pub(super) orders_acknowledged: u64,
    /// Requests for orders and codes in the whole run that were sent and may or may not have sold.
    pub(super) orders_unknown: u64,
    pub(super) kinds: BTreeMap<Kind, KindTally>,
    /// Answers that came within the window.
    pub(super) answered_in_time: u64,
    /// Successes among them.
    pub(super) success_in_time: u64,
    pub(super) refusals: BTreeMap<(Kind, i32), u64>,
    pub(super) errors: BTreeMap<ErrorKind, u64>,
    /// How late requests were sent although a connection was free, in nanoseconds.
    pub(super) lag: Histogram<u64>,
    pub(super) course: Vec<Step>,
    /// CPU time of this thread in the window.
    pub(super) cpu_ns: u64,
    /// CPU time of the busiest thread in the window.
    pub(super) cpu_max_ns: u64,
    /// Last answer, in nanoseconds from the start.
    pub(super) last_ns: u64,
    told: Option<HashMap<u64, Told>>,
    /// Answers told of, copies included.
    storm_answers: u64,
}

/// An answer's instants, in nanoseconds from the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) due_ns: u64,
    pub(super) done_ns: u64,
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3).expect("the bounds are in order")
}

impl Tally {
    pub(super) fn new(window: Window, compares_copies: bool) -> Self {
        Self {
            window,
            whole: Counts::default(),
            orders_acknowledged: 0,
            orders_unknown: 0,
            kinds: BTreeMap::new(),
            answered_in_time: 0,
            success_in_time: 0,
            refusals: BTreeMap::new(),
            errors: BTreeMap::new(),
            lag: histogram(),
            course: Vec::new(),
            cpu_ns: 0,
            cpu_max_ns: 0,
            last_ns: 0,
            told: compares_copies.then(HashMap::new),
            storm_answers: 0,
        }
    }

    /// A request was sent. `lag_ns` is how long it was due with a connection free.
    pub(super) fn sent(&mut self, kind: Kind, due_ns: u64, now_ns: u64, lag_ns: Option<u64>) {
        self.whole.sent += 1;
        if let Some(step) = self.step(now_ns) {
            step.counts.sent += 1;
        }
        if !self.window.contains(due_ns) {
            return;
        }
        self.kind(kind).counts.sent += 1;
        if let Some(lag_ns) = lag_ns {
            self.lag.saturating_record(lag_ns.max(1));
        }
    }

    /// A request will never be sent.
    pub(super) fn dropped(&mut self, kind: Kind, due_ns: u64, now_ns: u64) {
        self.whole.dropped += 1;
        if let Some(step) = self.step(now_ns) {
            step.counts.dropped += 1;
        }
        if self.window.contains(due_ns) {
            self.kind(kind).counts.dropped += 1;
        }
    }

    /// A request that was sent came to its end.
    pub(super) fn done(&mut self, kind: Kind, class: Class, times: Times) {
        let Times { due_ns, done_ns } = times;
        let latency_ns = done_ns.saturating_sub(due_ns).max(1);
        let answered = !matches!(class, Class::Error(_));
        self.whole.count(class);
        self.last_ns = self.last_ns.max(done_ns);
        if matches!(kind, Kind::Order | Kind::Codes) {
            match class {
                // Copies of an order are compared, and counted there.
                Class::Success if self.told.is_none() => self.orders_acknowledged += 1,
                Class::Error(_) => self.orders_unknown += 1,
                Class::Success | Class::Refusal(_) => {}
            }
        }
        if let Some(step) = self.step(done_ns) {
            step.counts.count(class);
            if answered {
                step.latency.saturating_record((latency_ns / 1000).max(1));
            }
        }
        if answered && self.window.contains(done_ns) {
            self.answered_in_time += 1;
            self.success_in_time += u64::from(class == Class::Success);
        }
        if !self.window.contains(due_ns) {
            return;
        }
        let of_kind = self.kind(kind);
        of_kind.counts.count(class);
        if answered {
            of_kind.latency.saturating_record(latency_ns);
        }
        match class {
            Class::Success => {}
            Class::Refusal(code) => *self.refusals.entry((kind, code)).or_default() += 1,
            Class::Error(error) => *self.errors.entry(error).or_default() += 1,
        }
    }

    /// Whether answers to copies are compared.
    pub(super) fn compares_copies(&self) -> bool {
        self.told.is_some()
    }

    /// Remembers an answer to a copy of request `key`, and whether it says that it sold.
    pub(super) fn copy_answered(&mut self, key: u64, answer: u64, sold: bool) {
        let Some(told) = &mut self.told else { return };
        self.storm_answers += 1;
        let first = told.entry(key).or_insert(Told { answer, differed: false, sold: false });
        first.differed |= first.answer != answer;
        self.orders_acknowledged += u64::from(sold && !first.sold);
        first.sold |= sold;
    }

    /// What copies were answered; `None` where there are none.
    pub(super) fn storm(&self) -> Option<StormCounts> {
        let told = self.told.as_ref()?;
        Some(StormCounts {
            keys: told.len() as u64,
            answers: self.storm_answers,
            keys_with_several_answers: told.values().filter(|told| told.differed).count() as u64,
        })
    }

    /// Adds another thread's tally of the same window.
    pub(super) fn add(&mut self, other: &Self) {
        self.whole.add(other.whole);
        self.orders_acknowledged += other.orders_acknowledged;
        self.orders_unknown += other.orders_unknown;
        for (kind, theirs) in &other.kinds {
            let ours = self.kind(*kind);
            ours.counts.add(theirs.counts);
            // Both have the same bounds, so nothing is out of range.
            let _ = ours.latency.add(&theirs.latency);
        }
        self.answered_in_time += other.answered_in_time;
        self.success_in_time += other.success_in_time;
        for (refusal, count) in &other.refusals {
            *self.refusals.entry(*refusal).or_default() += count;
        }
        for (error, count) in &other.errors {
            *self.errors.entry(*error).or_default() += count;
        }
        let _ = self.lag.add(&other.lag);
        for (index, theirs) in other.course.iter().enumerate() {
            let ours = self.step_at(index);
            ours.counts.add(theirs.counts);
            let _ = ours.latency.add(&theirs.latency);
        }
        self.cpu_max_ns = self.cpu_max_ns.max(other.cpu_max_ns).max(other.cpu_ns);
        self.cpu_ns += other.cpu_ns;
        self.last_ns = self.last_ns.max(other.last_ns);
        if let (Some(ours), Some(theirs)) = (&mut self.told, &other.told) {
            // Every copy of a request is sent by one thread, so no key is in both.
            ours.extend(theirs.iter().map(|(key, told)| (*key, *told)));
        }
        self.storm_answers += other.storm_answers;
    }

    /// All kinds together, of the window.
    pub(super) fn measured(&self) -> KindTally {
        let mut all = KindTally { counts: Counts::default(), latency: histogram() };
        for kind in self.kinds.values() {
            all.counts.add(kind.counts);
            let _ = all.latency.add(&kind.latency);
        }
        all
    }

    fn kind(&mut self, kind: Kind) -> &mut KindTally {
        self.kinds
            .entry(kind)
            .or_insert_with(|| KindTally { counts: Counts::default(), latency: histogram() })
    }

    /// The step an instant of the window falls into.
    fn step(&mut self, at_ns: u64) -> Option<&mut Step> {
        if !self.window.contains(at_ns) {
            return None;
        }
        let index = (at_ns - self.window.start_ns) / self.window.step_ns;
        Some(self.step_at(index as usize))
    }

    fn step_at(&mut self, index: usize) -> &mut Step {
        while self.course.len() <= index {
            let latency = Histogram::new_with_bounds(1, COURSE_MAX_US, 2);
            let latency = latency.expect("the bounds are in order");
            self.course.push(Step { counts: Counts::default(), latency });
        }
        &mut self.course[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { start_ns: 1000, end_ns: 3000, step_ns: 1000 };

    fn times(due_ns: u64, done_ns: u64) -> Times {
        Times { due_ns, done_ns }
    }

    #[test]
    fn what_was_due_in_the_window_is_measured_and_rates_count_what_came_in_it() {
        let mut tally = Tally::new(WINDOW, false);
        // Warm-up, answered in the window; in the window; after it; due in it and answered after it.
        for (due_ns, done_ns) in
            [(500, 1500), (1000, 1100), (2999, 2999), (3000, 3100), (2500, 9000)]
        {
            tally.sent(Kind::Order, due_ns, due_ns, Some(10));
            tally.done(Kind::Order, Class::Success, times(due_ns, done_ns));
        }
        tally.dropped(Kind::Order, 2000, 2500);
        let measured = tally.measured();
        let expected = Counts { sent: 3, success: 3, dropped: 1, ..Counts::default() };
        assert_eq!(measured.counts, expected);
        assert_eq!(tally.whole.success, 5);
        assert_eq!(tally.orders_acknowledged, 5);
        assert_eq!((tally.answered_in_time, tally.success_in_time), (3, 3));
        assert_eq!(measured.latency.len(), 3);
        assert_eq!(measured.latency.max(), 6503, "6500 as near as three digits tell");
        assert_eq!(tally.lag.len(), 3);
        assert_eq!(tally.course.len(), 2);
        assert_eq!((tally.course[0].counts.success, tally.course[1].counts.success), (2, 1));
        assert_eq!(tally.last_ns, 9000);
    }

    #[test]
    fn ends_are_counted_apart_and_threads_add_up() {
        let mut tally = Tally::new(WINDOW, false);
        let ends = [
            (Kind::Verify, Class::Success),
            (Kind::Order, Class::Refusal(1)),
            (Kind::Order, Class::Refusal(1)),
            (Kind::Order, Class::Refusal(22)),
            (Kind::Order, Class::Error(ErrorKind::Timeout)),
        ];
        for (kind, class) in ends {
            tally.done(kind, class, times(1000, 1000));
        }
        let mut all = Tally::new(WINDOW, false);
        all.add(&tally);
        all.add(&tally);
        let expected = Counts { success: 2, refusal: 6, error: 2, ..Counts::default() };
        assert_eq!(all.measured().counts, expected);
        assert_eq!(all.whole, expected);
        assert_eq!(all.refusals[&(Kind::Order, 1)], 4);
        assert_eq!(all.errors[&ErrorKind::Timeout], 2);
        assert_eq!((all.orders_acknowledged, all.orders_unknown), (0, 2));
        // Errors have no latency: nobody was answered.
        assert_eq!(all.measured().latency.len(), 8);
        assert_eq!((all.answered_in_time, all.success_in_time), (8, 2));
        assert_eq!(all.course[0].counts, expected);
    }

    #[test]
    fn copies_that_were_answered_differently_are_found() {
        let mut tally = Tally::new(WINDOW, true);
        for (key, answer) in [(1, 10), (1, 10), (2, 20), (2, 21), (2, 20), (3, 30)] {
            tally.copy_answered(key, answer, true);
        }
        let expected = StormCounts { keys: 3, answers: 6, keys_with_several_answers: 1 };
        assert_eq!(tally.storm(), Some(expected));
        assert_eq!(tally.orders_acknowledged, 3, "copies are one order");
        let mut all = Tally::new(WINDOW, true);
        all.add(&tally);
        assert_eq!(all.storm(), Some(expected));
        assert_eq!(Tally::new(WINDOW, false).storm(), None);
    }
}
