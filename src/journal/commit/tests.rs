use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::journal::conformance::Note;
use crate::journal::{Entry, Fault, Group, MemoryDisk, MemoryLog, Truncator};

const P0: PartitionNo = PartitionNo::new(0);
const P1: PartitionNo = PartitionNo::new(1);

/// What a sink was told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Committed(Vec<(u64, u64)>),
    Refused(u64),
    Stopped(Vec<u64>),
}

#[derive(Clone)]
struct Sink {
    told: Sender<(u16, Told)>,
    partition: u16,
    /// Panics when it is told of this record.
    panics_at: u64,
}

impl CommitSink<Note> for Sink {
    fn committed(&mut self, batch: Vec<(Lsn, Note)>) {
        assert!(batch.iter().all(|(_, note)| note.number != self.panics_at), "a sink gave up");
        let batch = batch.iter().map(|(lsn, note)| (lsn.get(), note.number)).collect();
        self.told.send((self.partition, Told::Committed(batch))).unwrap();
    }

    fn refused(&mut self, record: Note, reason: RecordTooLarge) {
        assert_eq!(reason.bytes, record.bytes().len());
        self.told.send((self.partition, Told::Refused(record.number))).unwrap();
    }

    fn stopped(&mut self, batch: Vec<Note>, _: &JournalStopped) {
        let batch = batch.iter().map(|note| note.number).collect();
        self.told.send((self.partition, Told::Stopped(batch))).unwrap();
    }
}

/// A log whose every append waits until the test lets it go on.
struct Gated {
    log: MemoryLog,
    /// Says how many records an append has, on its arrival.
    arrived: Sender<usize>,
    go: Receiver<()>,
}

impl Log for Gated {
    fn next_lsn(&self) -> Lsn {
        self.log.next_lsn()
    }

    fn first_lsn(&self) -> Result<Lsn, LogError> {
        self.log.first_lsn()
    }

    fn append(&mut self, group: &Group) -> Result<(), LogError> {
        self.arrived.send(group.len()).unwrap();
        self.go.recv().unwrap();
        self.log.append(group)
    }

    fn read_from<E: From<LogError>>(
        &self,
        from: Lsn,
        visit: impl FnMut(Entry<'_>) -> Result<(), E>,
    ) -> Result<Lsn, E> {
        self.log.read_from(from, visit)
    }

    fn truncator(&self) -> Box<dyn Truncator> {
        self.log.truncator()
    }
}

struct Bed {
    disk: MemoryDisk,
    journal: Journal<Note>,
    handle: JournalHandle<Note>,
    told: Receiver<(u16, Told)>,
    arrived: Receiver<usize>,
    go: Sender<()>,
}

/// A microsecond passes with every look.
fn nanos() -> u64 {
    static NOW: AtomicU64 = AtomicU64::new(0);
    NOW.fetch_add(1000, Ordering::Relaxed)
}

fn config() -> JournalConfig {
    JournalConfig {
        segment_bytes: 1 << 20,
        group_records_max: 4,
        group_bytes_max: 1000,
        record_bytes_max: 500,
        queue_len_max: 6,
        ..JournalConfig::default()
    }
}

/// A journal of two partitions behind a gate.
fn bed() -> Bed {
    bed_with(u64::MAX)
}

fn bed_with(panics_at: u64) -> Bed {
    let disk = MemoryDisk::new();
    let (arrived_send, arrived) = unbounded();
    let (go, go_receive) = unbounded();
    let (told_send, told) = unbounded();
    let log = Gated { log: disk.open(), arrived: arrived_send, go: go_receive };
    let journal = Journal::spawn(log, &config(), sinks(2, told_send, panics_at), nanos).unwrap();
    Bed { disk, handle: journal.handle(), journal, told, arrived, go }
}

fn sinks(
    partitions: u16,
    told: Sender<(u16, Told)>,
    panics_at: u64,
) -> Vec<Box<dyn CommitSink<Note>>> {
    let sink = |partition| Sink { told: told.clone(), partition, panics_at };
    (0..partitions).map(|partition| Box::new(sink(partition)) as Box<_>).collect()
}

impl Bed {
    fn append(&self, partition: PartitionNo, number: u64) {
        self.handle.permit().unwrap().append(partition, note(number));
    }

    /// Lets the next append go on and says how many records it has.
    fn pass(&self) -> usize {
        let records = self.arrived.recv().unwrap();
        self.go.send(()).unwrap();
        records
    }

    /// Waits for what has been told in order of arrival.
    fn expect(&self, expected: &[(u16, Told)]) {
        for expected in expected {
            assert_eq!(self.told.recv().unwrap(), *expected);
        }
    }

    /// Waits until so many permits are out; they are given back right after the sink was told.
    fn settle(&self, in_flight: usize) {
        while self.handle.in_flight() != in_flight {
            thread::yield_now();
        }
    }
}

fn note(number: u64) -> Note {
    Note { number, more: 0 }
}

fn committed(batch: &[(u64, u64)]) -> Told {
    Told::Committed(batch.to_vec())
}

#[test]
fn what_queues_up_during_a_sync_is_the_next_group() {
    let bed = bed();
    bed.append(P0, 10);
    assert_eq!(bed.arrived.recv().unwrap(), 1);
    for (partition, number) in [(P0, 11), (P1, 12), (P0, 13), (P1, 14), (P0, 15)] {
        bed.append(partition, number);
    }
    bed.go.send(()).unwrap();
    bed.expect(&[(0, committed(&[(1, 10)]))]);
    // Four records fill a group; each partition gets its own in log order.
    assert_eq!(bed.pass(), 4);
    bed.expect(&[(0, committed(&[(2, 11), (4, 13)])), (1, committed(&[(3, 12), (5, 14)]))]);
    assert_eq!(bed.pass(), 1);
    bed.expect(&[(0, committed(&[(6, 15)]))]);
    bed.journal.shutdown().unwrap();
    assert_eq!(bed.disk.open().next_lsn(), Lsn::new(7));

    let stats = bed.handle.stats();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    assert_eq!((count(&stats.groups), count(&stats.syncs)), (3, 3));
    assert_eq!((count(&stats.records), count(&stats.bytes)), (6, 6 * 12));
    assert_eq!(count(&stats.durable_lsn), 6);
    assert_eq!(
        stats.group_records.buckets().take(3).collect::<Vec<_>>(),
        [(1, 2), (4, 1), (16, 0)]
    );
    assert!(stats.sync_nanos.sum() >= 3000);
}

#[test]
fn a_group_is_bounded_in_bytes_too() {
    let bed = bed();
    bed.append(P0, 1);
    assert_eq!(bed.arrived.recv().unwrap(), 1);
    for number in 2..=4 {
        bed.handle.permit().unwrap().append(P0, Note { number, more: 480 });
    }
    bed.go.send(()).unwrap();
    assert_eq!(bed.pass(), 2);
    assert_eq!(bed.pass(), 1);
    bed.expect(&[
        (0, committed(&[(1, 1)])),
        (0, committed(&[(2, 2), (3, 3)])),
        (0, committed(&[(4, 4)])),
    ]);
}

#[test]
fn permits_are_counted_until_delivery() {
    let bed = bed();
    let mut permits: Vec<_> = (0..6).map(|_| bed.handle.permit().unwrap()).collect();
    assert_eq!(bed.handle.permit().unwrap_err(), Refused::Full);
    drop(permits.pop());
    permits.push(bed.handle.permit().unwrap());
    for (number, permit) in permits.into_iter().enumerate() {
        permit.append(P0, note(number as u64));
    }
    // Not yet durable, so still in flight.
    let first = bed.arrived.recv().unwrap();
    assert_eq!(bed.handle.permit().unwrap_err(), Refused::Full);
    bed.go.send(()).unwrap();
    bed.settle(6 - first);
    drop(bed.handle.permit().unwrap());
    for _ in 0..2 {
        bed.go.send(()).unwrap();
    }
    bed.settle(0);
}

#[test]
fn a_record_that_is_too_large_is_handed_back_alone() {
    let bed = bed();
    bed.handle.permit().unwrap().append(P1, Note { number: 1, more: 493 });
    bed.expect(&[(1, Told::Refused(1))]);
    bed.settle(0);
    bed.append(P0, 2);
    assert_eq!(bed.arrived.recv().unwrap(), 1);
    bed.handle.permit().unwrap().append(P0, note(3));
    bed.handle.permit().unwrap().append(P0, Note { number: 4, more: 493 });
    bed.handle.permit().unwrap().append(P0, Note { number: 5, more: 492 });
    bed.go.send(()).unwrap();
    assert_eq!(bed.pass(), 2);
    bed.expect(&[
        (0, committed(&[(1, 2)])),
        (0, Told::Refused(4)),
        (0, committed(&[(2, 3), (3, 5)])),
    ]);
    assert_eq!(bed.handle.stats().records_refused.load(Ordering::Relaxed), 2);
    bed.journal.shutdown().unwrap();
}

#[test]
fn a_failed_append_stops_everything_for_ever() {
    let bed = bed();
    bed.disk.fail_append(2, Fault::AllKept);
    bed.append(P0, 1);
    assert_eq!(bed.arrived.recv().unwrap(), 1);
    bed.append(P0, 2);
    bed.append(P1, 3);
    bed.go.send(()).unwrap();
    assert_eq!(bed.arrived.recv().unwrap(), 2);
    bed.append(P1, 4);
    let late = bed.handle.permit().unwrap();
    bed.go.send(()).unwrap();
    bed.expect(&[
        (0, committed(&[(1, 1)])),
        (0, Told::Stopped(vec![2])),
        (1, Told::Stopped(vec![3, 4])),
    ]);
    assert_eq!(bed.handle.permit().unwrap_err(), Refused::Stopped);
    late.append(P0, note(5));
    bed.expect(&[(0, Told::Stopped(vec![5]))]);
    bed.settle(0);
    assert_eq!(bed.handle.stats().durable_lsn.load(Ordering::Relaxed), 1);
    let stopped = bed.journal.shutdown().unwrap_err();
    assert!(matches!(stopped.log_error(), Some(LogError::Io { .. })));
    assert!(stopped.to_string().starts_with("the journal has stopped: cannot append to"));
    // Unknown was the right word: the group is there.
    assert_eq!(bed.disk.open().next_lsn(), Lsn::new(4));
}

#[test]
fn a_shutdown_waits_for_permits_given_out() {
    let bed = bed();
    let (used, unused) = (bed.handle.permit().unwrap(), bed.handle.permit().unwrap());
    let handle = bed.handle.clone();
    let journal = bed.journal;
    let closing = thread::spawn(move || journal.shutdown());
    while handle.permit().err() != Some(Refused::ShuttingDown) {
        thread::yield_now();
    }
    used.append(P0, note(1));
    assert_eq!(bed.arrived.recv().unwrap(), 1);
    bed.go.send(()).unwrap();
    assert_eq!(bed.told.recv().unwrap(), (0, committed(&[(1, 1)])));
    assert!(!closing.is_finished());
    drop(unused);
    closing.join().unwrap().unwrap();
    assert_eq!(handle.permit().unwrap_err(), Refused::ShuttingDown);
}

#[test]
fn a_dropped_journal_ends_its_thread() {
    let bed = bed();
    let permit = bed.handle.permit().unwrap();
    drop(bed.journal);
    permit.append(P1, note(1));
    bed.arrived.recv().unwrap();
    bed.go.send(()).unwrap();
    // The channels close when the thread drops its log and sinks.
    assert_eq!(bed.told.iter().collect::<Vec<_>>(), [(1, committed(&[(1, 1)]))]);
    assert!(bed.arrived.recv().is_err());
}

#[test]
fn a_panic_of_a_sink_stops_the_journal_and_everybody_hears() {
    let bed = bed_with(2);
    bed.append(P0, 1);
    assert_eq!(bed.arrived.recv().unwrap(), 1);
    for (partition, number) in [(P0, 2), (P1, 3), (P1, 4), (P0, 5), (P0, 6)] {
        bed.append(partition, number);
    }
    bed.go.send(()).unwrap();
    assert_eq!(bed.pass(), 4);
    // The batch with 2 went down with the panic; 3 and 4 are durable, but nobody applied them.
    bed.expect(&[
        (0, committed(&[(1, 1)])),
        (0, Told::Stopped(vec![6])),
        (1, Told::Stopped(vec![3, 4])),
    ]);
    bed.settle(0);
    assert_eq!(bed.handle.permit().unwrap_err(), Refused::Stopped);
    let stopped = bed.journal.shutdown().unwrap_err();
    assert_eq!(
        stopped.to_string(),
        "the journal has stopped: a panic on the journal thread: a sink gave up"
    );
}

#[test]
#[should_panic(expected = "partition 2 has a commit sink")]
fn a_partition_without_a_sink_is_a_bug() {
    bed().handle.permit().unwrap().append(PartitionNo::new(2), note(1));
}

#[test]
fn a_config_that_cannot_work_is_refused() {
    let config = JournalConfig { group_records_max: 0, ..config() };
    let spawned = Journal::<Note>::spawn(MemoryDisk::new().open(), &config, vec![], nanos);
    assert!(matches!(spawned, Err(SpawnError::Config(_))));
}

#[test]
fn handles_and_permits_go_to_any_thread() {
    fn check<T: Send + Sync + 'static>() {}
    check::<JournalHandle<Note>>();
    check::<Permit<Note>>();
    check::<JournalStopped>();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Several threads append while the disk fails at random: each record's fate is told once, and what
    /// was committed is in the log, at the position that was told.
    #[test]
    fn every_record_is_accounted_for(
        lengths in proptest::collection::vec(0..600_usize, 1..120),
        fails_at in 1..40_u64,
        kept in any::<bool>(),
    ) {
        let disk = MemoryDisk::new();
        disk.fail_append(fails_at, if kept { Fault::AllKept } else { Fault::NothingKept });
        let (told_send, told) = unbounded();
        let journal =
            Journal::spawn(disk.open(), &config(), sinks(3, told_send, u64::MAX), nanos).unwrap();
        let sent = Mutex::new(BTreeMap::new());
        thread::scope(|scope| {
            for producer in 0..3 {
                let (handle, lengths, sent) = (journal.handle(), &lengths, &sent);
                scope.spawn(move || {
                    for (at, more) in lengths.iter().enumerate() {
                        let number = producer * 1000 + at as u64;
                        let permit = loop {
                            match handle.permit() {
                                Ok(permit) => break permit,
                                Err(Refused::Full) => thread::yield_now(),
                                Err(_) => return,
                            }
                        };
                        let note = Note { number, more: *more };
                        sent.lock().insert(number, note);
                        permit.append(PartitionNo::new((number % 3) as u16), note);
                    }
                });
            }
        });
        let handle = journal.handle();
        let failed = journal.shutdown().is_err();
        prop_assert_eq!(handle.in_flight(), 0);

        let mut sent = sent.into_inner();
        let mut durable = BTreeMap::new();
        let mut last = [0; 3];
        for (partition, told) in told.try_iter() {
            match told {
                Told::Committed(batch) => {
                    for (lsn, number) in batch {
                        prop_assert_eq!(number % 3, u64::from(partition));
                        prop_assert!(lsn > std::mem::replace(&mut last[usize::from(partition)], lsn));
                        durable.insert(lsn, sent.remove(&number).unwrap());
                    }
                }
                Told::Refused(number) => {
                    prop_assert!(sent.remove(&number).unwrap().bytes().len() > 500);
                }
                Told::Stopped(batch) => {
                    prop_assert!(failed);
                    for number in batch {
                        prop_assert!(sent.remove(&number).is_some());
                    }
                }
            }
        }
        prop_assert!(sent.is_empty(), "nobody heard of {:?}", sent);
        prop_assert!(durable.keys().copied().eq(1..=durable.len() as u64));
        let reopened = disk.open();
        reopened.read_from::<LogError>(Lsn::ZERO, |entry| {
            if let Some(note) = durable.remove(&entry.lsn.get()) {
                assert_eq!(entry.bytes, note.bytes());
            }
            Ok(())
        }).unwrap();
        prop_assert!(durable.is_empty());
    }
}
