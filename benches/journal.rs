//! How fast records become durable. Records have 300 bytes, about one order; the numbers that matter
//! are elements (records) per second and, at group size 1, the time of one sync.
//!
//! Compared with memory in place of the disk, and with `copy`: the same records copied into a buffer that is
//! there already, which any journal has to do at least once.
//!
//! The files lie in the system's directory for temporary files: set `TMPDIR` to measure another disk.

use std::hint::black_box;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use crossbeam_channel::{Receiver, Sender, unbounded};
use piaoku::journal::{
    CommitSink, Group, Journal, JournalConfig, JournalStopped, Log, MemoryDisk, Record,
    RecordTooLarge, SegmentLog, SyncMode,
};
use piaoku::types::{Lsn, PartitionNo};
use tempfile::TempDir;

const GROUP_SIZES: [usize; 4] = [1, 16, 128, 1024];
const RECORD_BYTES: usize = 300;

/// A record as long as an order.
#[derive(Clone, Copy)]
struct Order([u8; RECORD_BYTES]);

impl Record for Order {
    const SCHEMA: u16 = 1;

    fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Order {
    /// Bytes that do not repeat, so that nothing on the way can shorten them.
    fn numbered(number: usize) -> Self {
        let mut state = number as u64 | 1 << 40;
        Self(std::array::from_fn(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        }))
    }
}

/// Tells how many records of each batch became durable.
struct Counted(Sender<usize>);

impl CommitSink<Order> for Counted {
    fn committed(&mut self, batch: Vec<(Lsn, Order)>) {
        // It fails at the very end only, when the measuring side has gone.
        let _ = self.0.send(batch.len());
    }

    fn refused(&mut self, _: Order, reason: RecordTooLarge) {
        panic!("{reason}");
    }

    fn stopped(&mut self, _: Vec<Order>, error: &JournalStopped) {
        panic!("{error}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench is where a clock belongs")]
fn now() -> Instant {
    Instant::now()
}

fn nanos() -> u64 {
    static BEGIN: LazyLock<Instant> = LazyLock::new(now);
    BEGIN.elapsed().as_nanos() as u64
}

fn segments(sync: SyncMode) -> (TempDir, SegmentLog) {
    let dir = tempfile::tempdir().expect("a directory for temporary files");
    let config = JournalConfig {
        sync,
        // Truncating removes segments at once, so that the disk does not fill up.
        archive_segments_max: Some(0),
        ..JournalConfig::default()
    };
    let (log, _) = SegmentLog::open(dir.path(), &config).expect("a fresh log opens");
    (dir, log)
}

/// Measures `Log::append` and checks that as many records were stored as were appended.
fn append(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, size: usize, mut log: impl Log) {
    let mut buffer = Group::new(Order::SCHEMA, JournalConfig::default().group_limits());
    let orders: Vec<_> = (0..size).map(Order::numbered).collect();
    let mut truncator = log.truncator();
    let mut expected = log.next_lsn().get();
    group.throughput(Throughput::Elements(size as u64));
    group.bench_function(BenchmarkId::new(name, size), |bencher| {
        bencher.iter_custom(|iterations| {
            let mut elapsed = Duration::ZERO;
            for _ in 0..iterations {
                let begin = now();
                buffer.begin(log.next_lsn());
                for order in &orders {
                    buffer.push(order).expect("the largest group fits the limits");
                }
                log.append(black_box(&buffer)).expect("the disk works");
                elapsed += begin.elapsed();
                expected += size as u64;
            }
            truncator.truncate_before(log.next_lsn()).expect("the disk works");
            elapsed
        });
    });
    assert_eq!(log.next_lsn(), Lsn::new(expected), "every record was stored");
}

/// Question: what does one group cost, and how much does sharing the sync save? And is `O_DSYNC`, one system
/// call, better than a write and `fdatasync`, or a write past the cache better than both? Memory shows what is
/// left without the disk, `copy` what nobody can leave out.
fn log_append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal/log_append");
    for size in GROUP_SIZES {
        let (dir, log) = segments(SyncMode::Fdatasync);
        append(&mut group, "fdatasync", size, log);
        drop(dir);
        let (dir, log) = segments(SyncMode::ODsync);
        append(&mut group, "o_dsync", size, log);
        drop(dir);
        let (dir, log) = segments(SyncMode::Direct);
        append(&mut group, "direct", size, log);
        drop(dir);
        append(&mut group, "memory", size, MemoryDisk::new().open());
        copy(&mut group, size);
    }
    group.finish();
}

/// The least that storing records can mean.
fn copy(group: &mut BenchmarkGroup<'_, WallTime>, size: usize) {
    let orders: Vec<_> = (0..size).map(Order::numbered).collect();
    let mut buffer = Vec::with_capacity(size * RECORD_BYTES);
    group.throughput(Throughput::Elements(size as u64));
    group.bench_function(BenchmarkId::new("copy", size), |bencher| {
        bencher.iter(|| {
            buffer.clear();
            black_box(&orders).iter().for_each(|order| order.encode_into(&mut buffer));
            black_box(buffer.len())
        });
        assert_eq!(buffer.len(), size * RECORD_BYTES);
    });
}

/// Keeps `size` records in flight until `iterations` bursts of them have become durable.
fn through_journal(journal: &Journal<Order>, told: &Receiver<usize>, size: usize, iterations: u64) {
    let handle = journal.handle();
    let order = Order::numbered(size);
    let mut to_send = size as u64 * iterations;
    let mut to_hear = to_send;
    let mut may_send = size as u64;
    while to_hear > 0 {
        for _ in 0..may_send.min(to_send) {
            // The permit comes back just after the sink was told.
            let permit = loop {
                match handle.permit() {
                    Ok(permit) => break permit,
                    Err(_) => std::thread::yield_now(),
                }
            };
            permit.append(PartitionNo::new(0), order);
            to_send -= 1;
        }
        may_send = told.recv().expect("the journal runs") as u64;
        to_hear -= may_send;
    }
}

fn bench_journal(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, size: usize, log: impl Log) {
    let (send, told) = unbounded();
    let mut truncator = log.truncator();
    let sinks: Vec<Box<dyn CommitSink<Order>>> = vec![Box::new(Counted(send))];
    let config = JournalConfig::default();
    let journal = Journal::spawn(log, &config, sinks, nanos).expect("a thread is to be had");
    let mut expected = 0;
    group.throughput(Throughput::Elements(size as u64));
    group.bench_function(BenchmarkId::new(name, size), |bencher| {
        bencher.iter_custom(|iterations| {
            let begin = now();
            through_journal(&journal, &told, size, iterations);
            let elapsed = begin.elapsed();
            expected += size as u64 * iterations;
            truncator.truncate_before(Lsn::new(expected)).expect("the disk works");
            elapsed
        });
    });
    let handle = journal.handle();
    journal.shutdown().expect("the disk works");
    let durable = handle.stats().durable_lsn.load(Ordering::Acquire);
    assert_eq!(durable, expected, "every record was stored");
}

/// Question: what do the queue, the thread and the delivery add to the bare log, with so many records
/// in flight? The thread forms the groups itself, so they may be smaller than what is in flight.
fn journal_commit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal/commit");
    for size in GROUP_SIZES {
        let (dir, log) = segments(SyncMode::Fdatasync);
        bench_journal(&mut group, "fdatasync", size, log);
        drop(dir);
        let (dir, log) = segments(SyncMode::ODsync);
        bench_journal(&mut group, "o_dsync", size, log);
        drop(dir);
        let (dir, log) = segments(SyncMode::Direct);
        bench_journal(&mut group, "direct", size, log);
        drop(dir);
        bench_journal(&mut group, "memory", size, MemoryDisk::new().open());
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = log_append, journal_commit
}
criterion_main!(benches);
