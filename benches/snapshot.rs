//! What keeping the state of entities costs: writing them, making them durable, reading them back, and
//! opening the store again. Entities have 300 bytes, about an order. Compared with a hash map, which is
//! what memory alone would cost, and with sled by itself, which is what the store is built on: the
//! difference is the checksum of every value, the sum over all of them, and our own `fdatasync`.
//!
//! The files lie in the system's directory for temporary files: set `TMPDIR` to measure another disk.
//! `PIAOKU_BENCH_ENTITIES` sets how many entities there are (100,000 otherwise). No order is sold here, so
//! there are no books; what was written is counted or read back instead.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hashbrown::HashMap;
use piaoku::snapshot::{EntityKind, Outcome, Put, SnapshotConfig, SnapshotStore, Stamp};
use piaoku::types::{Lsn, PartitionNo};

mod support;

use support::process::size;

const PAYLOAD_BYTES: usize = 300;
/// Entities of one batch of an order actor, about.
const BATCH: u64 = 512;

fn entities() -> u64 {
    size("ENTITIES", 100_000, 2000) as u64
}

fn open(dir: &Path) -> SnapshotStore {
    let stamp = Stamp::new().with("bench", 1);
    SnapshotStore::open(dir, &stamp, &SnapshotConfig::default()).expect("a store").store
}

/// A number that is another for each `n` and in no order: vouchers' codes are like that.
fn scattered(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
}

/// Bytes that do not repeat, so that nothing on the way can shorten them.
fn payload(n: u64) -> Vec<u8> {
    let mut state = n | 1 << 40;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..PAYLOAD_BYTES).map(|_| next()).collect()
}

fn put(key: u64, lsn: u64) -> Put {
    let payload = payload(key);
    let key = key.to_be_bytes().into();
    Put { kind: EntityKind::Order, key, schema: 1, lsn: Lsn::new(lsn), payload }
}

fn count(store: &SnapshotStore) -> u64 {
    let mut count = 0;
    let scanned = store.scan(EntityKind::Order, &[], |_, entry| {
        assert_eq!(entry.payload.len(), PAYLOAD_BYTES);
        count += 1;
        ControlFlow::Continue(())
    });
    scanned.expect("a sound store");
    count
}

fn filled(dir: &Path, many: u64) -> SnapshotStore {
    let store = open(dir);
    for first in (0..many).step_by(BATCH as usize) {
        let puts: Vec<Put> =
            (first..many.min(first + BATCH)).map(|n| put(scattered(n), 1)).collect();
        store.write(&puts).expect("it is written");
    }
    store.checkpoint(&[(PartitionNo::new(0), Lsn::new(1))], &[]).expect("it is durable");
    store
}

/// How many entities a second can be written, when their keys rise (orders) and when they are scattered
/// (vouchers), and what do the store's own promises add to sled's?
fn write(c: &mut Criterion) {
    let many = entities();
    let mut group = c.benchmark_group("snapshot/write");
    group.throughput(Throughput::Elements(BATCH));
    for (name, key) in [("rising", (|n| n) as fn(u64) -> u64), ("scattered", scattered)] {
        let batch = |round: u64| -> Vec<Put> {
            let first = round * BATCH;
            (first..first + BATCH).map(|n| put(key(n % many), round)).collect()
        };
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(dir.path());
        let mut round = 0;
        let next = |round: &mut u64| {
            *round += 1;
            batch(*round)
        };
        group.bench_function(BenchmarkId::new("store", name), |b| {
            b.iter_batched(
                || next(&mut round),
                |puts| store.write(&puts).expect("it is written"),
                BatchSize::LargeInput,
            );
        });
        assert_eq!(count(&store), many.min(round * BATCH), "every entity is there once");
        drop(store);

        let dir = tempfile::tempdir().expect("a directory");
        let sled = sled::Config::new().path(dir.path()).flush_every_ms(None).open().expect("sled");
        group.bench_function(BenchmarkId::new("sled", name), |b| {
            b.iter_batched(
                || next(&mut round),
                |puts| {
                    for put in puts {
                        sled.insert(&put.key, put.payload).expect("it is written");
                    }
                },
                BatchSize::LargeInput,
            );
        });
        let mut map = HashMap::new();
        group.bench_function(BenchmarkId::new("hash_map", name), |b| {
            b.iter_batched(
                || next(&mut round),
                |puts| map.extend(puts.into_iter().map(|put| (put.key, put.payload))),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// What does it cost to make so many entities durable and to raise a watermark over them: how much is
/// the flush alone, and from which size on is it shared well?
fn checkpoint(c: &mut Criterion) {
    let mut group = c.benchmark_group("snapshot/checkpoint");
    group.sample_size(10);
    let many = entities();
    for changed in [1, BATCH, 32 * BATCH] {
        let dir = tempfile::tempdir().expect("a directory");
        let store = filled(dir.path(), many);
        let mut lsn = 1;
        group.throughput(Throughput::Elements(changed));
        group.bench_function(BenchmarkId::from_parameter(changed), |b| {
            b.iter_batched(
                || {
                    lsn += 1;
                    let puts = (0..changed).map(|n| put(scattered(n % many), lsn));
                    (lsn, puts.collect::<Vec<_>>())
                },
                |(lsn, puts)| {
                    store.write(&puts).expect("it is written");
                    let watermark = (PartitionNo::new(0), Lsn::new(lsn));
                    store.checkpoint(&[watermark], &[]).expect("it is durable");
                },
                BatchSize::PerIteration,
            );
        });
        let marks = store.watermarks();
        assert_eq!(marks.get(&PartitionNo::new(0)), Some(&Lsn::new(lsn)));
        assert_eq!(count(&store), many, "nothing was added");
    }
    group.finish();
}

/// How long does an actor wait for an entity that is not in memory, the queue left out: one that is
/// there, and one that never was (every first sale of a slot asks)? And how long is opening the store,
/// which looks at every value?
fn load(c: &mut Criterion) {
    let many = entities();
    let dir = tempfile::tempdir().expect("a directory");
    let store = filled(dir.path(), many);
    let mut group = c.benchmark_group("snapshot/load");
    group.throughput(Throughput::Elements(1));
    let mut next = (0..many).cycle().map(|n| scattered(n * 7919 % many).to_be_bytes());
    group.bench_function("present", |b| {
        b.iter(|| {
            let key = next.next().expect("it cycles");
            assert!(store.get(EntityKind::Order, &key).expect("a sound store").is_some());
        });
    });
    group.bench_function("absent", |b| {
        b.iter(|| {
            let key = next.next().expect("it cycles");
            assert!(store.get(EntityKind::Slot, &key).expect("a sound store").is_none());
        });
    });
    let map: HashMap<[u8; 8], Vec<u8>> =
        (0..many).map(|n| (scattered(n).to_be_bytes(), payload(n))).collect();
    group.bench_function("hash_map", |b| {
        b.iter(|| black_box(map.get(&next.next().expect("it cycles"))).cloned());
    });
    group.finish();

    drop(store);
    let mut group = c.benchmark_group("snapshot/open");
    group.sample_size(10).throughput(Throughput::Elements(many));
    group.bench_function(BenchmarkId::from_parameter(many), |b| {
        b.iter(|| {
            let stamp = Stamp::new().with("bench", 1);
            let opened = SnapshotStore::open(dir.path(), &stamp, &SnapshotConfig::default());
            let opened = opened.expect("a store");
            assert_eq!(opened.outcome, Outcome::Existing);
        });
    });
    group.finish();
    assert_eq!(count(&open(dir.path())), many);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = write, checkpoint, load
}
criterion_main!(benches);
