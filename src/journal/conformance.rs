//! What every [`Log`] promises, as tests that run against each implementation.
//!
//! An implementation supplies a [`Harness`] and calls [`run`]. Nothing here knows how it stores.

use std::ops::ControlFlow;

use crate::journal::{Entry, Group, GroupLimits, Log, LogError, Record};
use crate::types::Lsn;

/// How the suite handles one implementation. Each check gets a fresh, empty store.
pub(super) trait Harness {
    type Log: Log;

    /// Opens the store.
    fn open(&mut self) -> Self::Log;

    /// Stops without a farewell and opens the store again.
    fn reopen(&mut self, log: Self::Log) -> Self::Log {
        drop(log);
        self.open()
    }

    /// Makes the next append of `log` fail.
    fn break_next_append(&mut self, log: &mut Self::Log);

    /// Lets somebody else take the log away from `log`.
    fn fence(&mut self, log: &mut Self::Log);
}

/// A record whose bytes follow from its number, so that a reader can check them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) number: u64,
    /// Bytes after the 8 of the number.
    pub(super) more: usize,
}

impl Record for Note {
    const SCHEMA: u16 = 9;

    fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.number.to_le_bytes());
        // Never zero, so that a lost page shows.
        let byte = |at: usize| (self.number as usize + at) as u8 | 1;
        out.extend((0..self.more).map(byte));
    }
}

impl Note {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode_into(&mut bytes);
        bytes
    }
}

/// A group that continues `log`: one note per length, numbered by position.
pub(super) fn group(log: &impl Log, lengths: &[usize]) -> Group {
    let limits = GroupLimits { records_max: 64, bytes_max: 8000, record_bytes_max: 7000 };
    let mut group = Group::new(Note::SCHEMA, limits);
    group.begin(log.next_lsn());
    for more in lengths {
        group.push(&Note { number: group.next_lsn().get(), more: *more }).unwrap();
    }
    group
}

/// Every record from `from` on, and the log's end; checks position, schema and content of each.
pub(super) fn read(log: &impl Log, from: u64) -> (Vec<u64>, u64) {
    let mut seen = Vec::new();
    let next = log
        .read_from::<LogError>(Lsn::new(from), |entry| {
            check_entry(&entry);
            seen.push(entry.lsn.get());
            Ok(())
        })
        .unwrap();
    (seen, next.get())
}

pub(super) fn check_entry(entry: &Entry<'_>) {
    assert_eq!(entry.schema, Note::SCHEMA);
    let note = Note { number: entry.lsn.get(), more: entry.bytes.len() - 8 };
    assert_eq!(entry.bytes, note.bytes(), "record {}", entry.lsn);
}

/// Runs the whole suite.
pub(super) fn run<H: Harness>(fresh: impl Fn() -> H) {
    an_empty_log_has_an_end_and_nothing_else(fresh());
    records_come_back_in_order_from_anywhere(fresh());
    what_was_appended_survives_reopening(fresh());
    a_group_that_does_not_continue_the_log_is_refused(fresh());
    a_visitor_can_stop_the_reading(fresh());
    a_failed_append_stops_the_log(fresh());
    a_fenced_log_appends_nothing(fresh());
    truncating_keeps_what_comes_after(fresh());
    a_truncator_works_beside_the_log(fresh());
}

fn an_empty_log_has_an_end_and_nothing_else(mut harness: impl Harness) {
    let mut log = harness.open();
    for _ in 0..2 {
        assert_eq!((log.next_lsn(), log.first_lsn().unwrap()), (Lsn::new(1), Lsn::new(1)));
        for from in [0, 1, 2, u64::MAX] {
            assert_eq!(read(&log, from), (vec![], 1));
        }
        let empty = group(&log, &[]);
        log.append(&empty).unwrap();
        log = harness.reopen(log);
    }
}

fn records_come_back_in_order_from_anywhere(mut harness: impl Harness) {
    let mut log = harness.open();
    for lengths in [&[0][..], &[10, 5000, 0], &[1; 40], &[6000]] {
        let group = group(&log, lengths);
        log.append(&group).unwrap();
        assert_eq!(log.next_lsn(), group.next_lsn());
    }
    assert_eq!(read(&log, 0), ((1..=45).collect(), 46));
    for from in 1..=47 {
        assert_eq!(read(&log, from), ((from..=45).collect(), 46), "from {from}");
    }
}

fn what_was_appended_survives_reopening(mut harness: impl Harness) {
    let mut log = harness.open();
    for round in 1..=30 {
        let group = group(&log, &[700, 0, 800]);
        log.append(&group).unwrap();
        log = harness.reopen(log);
        assert_eq!(log.next_lsn(), Lsn::new(round * 3 + 1));
        assert_eq!(read(&log, 1).0, (1..=round * 3).collect::<Vec<_>>());
    }
}

fn a_group_that_does_not_continue_the_log_is_refused(mut harness: impl Harness) {
    let mut log = harness.open();
    let first = group(&log, &[1, 2]);
    log.append(&first).unwrap();
    let mut later = group(&log, &[]);
    later.begin(Lsn::new(4));
    later.push(&Note { number: 4, more: 0 }).unwrap();
    for group in [&first, &later] {
        let error = log.append(group).unwrap_err();
        assert!(matches!(error, LogError::OutOfOrder { .. }), "{error}");
    }
    // Nothing was written, so the log goes on.
    let second = group(&log, &[3]);
    log.append(&second).unwrap();
    assert_eq!(read(&log, 1), (vec![1, 2, 3], 4));
}

fn a_visitor_can_stop_the_reading(mut harness: impl Harness) {
    #[derive(Debug)]
    struct Stop(ControlFlow<u64>);
    impl From<LogError> for Stop {
        fn from(error: LogError) -> Self {
            panic!("{error}")
        }
    }
    let mut log = harness.open();
    let notes = group(&log, &[1; 10]);
    log.append(&notes).unwrap();
    let stop = |entry: Entry<'_>| match entry.lsn.get() {
        4 => Err(Stop(ControlFlow::Break(4))),
        _ => Ok(()),
    };
    assert_eq!(log.read_from(Lsn::new(2), stop).unwrap_err().0, ControlFlow::Break(4));
}

fn a_failed_append_stops_the_log(mut harness: impl Harness) {
    let mut log = harness.open();
    let kept = group(&log, &[5, 6]);
    log.append(&kept).unwrap();
    harness.break_next_append(&mut log);
    let lost = group(&log, &[7, 8]);
    assert!(log.append(&lost).is_err());
    assert!(matches!(log.append(&lost), Err(LogError::Failed)));
    assert_eq!((read(&log, 1), log.next_lsn()), ((vec![1, 2], 3), Lsn::new(3)));
    let mut log = harness.reopen(log);
    // The failed group is there whole or not at all.
    let next = log.next_lsn().get();
    assert!(next == 3 || next == 5, "{next}");
    let more = group(&log, &[1]);
    log.append(&more).unwrap();
    assert_eq!(read(&log, 1), ((1..=next).collect(), next + 1));
}

fn a_fenced_log_appends_nothing(mut harness: impl Harness) {
    let mut log = harness.open();
    let kept = group(&log, &[5, 6]);
    log.append(&kept).unwrap();
    harness.fence(&mut log);
    let lost = group(&log, &[7]);
    assert!(matches!(log.append(&lost), Err(LogError::Fenced)));
    assert!(matches!(log.append(&lost), Err(LogError::Failed)));
    assert_eq!(read(&harness.reopen(log), 1), (vec![1, 2], 3));
}

fn truncating_keeps_what_comes_after(mut harness: impl Harness) {
    let mut log = harness.open();
    for _ in 0..20 {
        let group = group(&log, &[900; 5]);
        log.append(&group).unwrap();
    }
    for before in [0, 1, 40, 39, 77, 101, 200] {
        log.truncate_before(Lsn::new(before)).unwrap();
        for _ in 0..2 {
            let first = log.first_lsn().unwrap().get();
            assert!(first <= before.clamp(1, 101), "{first} is after {before}");
            assert_eq!(log.next_lsn(), Lsn::new(101));
            for from in [first, before.max(first), 101] {
                assert_eq!(read(&log, from), ((from..=100).collect(), 101));
            }
            if first > 1 {
                let removed = log.read_from::<LogError>(Lsn::new(first - 1), |_| Ok(()));
                assert!(matches!(removed, Err(LogError::Removed { .. })));
            }
            log = harness.reopen(log);
        }
    }
    let more = group(&log, &[1]);
    log.append(&more).unwrap();
    assert_eq!(read(&log, 101), (vec![101], 102));
}

fn a_truncator_works_beside_the_log(mut harness: impl Harness) {
    let mut log = harness.open();
    let mut truncator = log.truncator();
    std::thread::scope(|scope| {
        let (send, receive) = crossbeam_channel::unbounded();
        scope.spawn(move || {
            for lsn in receive {
                truncator.truncate_before(lsn).unwrap();
            }
        });
        for _ in 0..60 {
            let group = group(&log, &[900; 5]);
            log.append(&group).unwrap();
            send.send(Lsn::new(log.next_lsn().get().saturating_sub(10))).unwrap();
        }
    });
    assert_eq!(read(&log, 291), ((291..=300).collect(), 301));
    assert_eq!(read(&harness.reopen(log), 291), ((291..=300).collect(), 301));
}
