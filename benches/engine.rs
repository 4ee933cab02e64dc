//! The whole engine in process, without HTTP: admitted orders in, durable orders out.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use piaoku::actors::{Engine, EngineConfig, EngineHandle, EngineParts, OrderRequest, PayFrom};
use piaoku::clock::SystemClock;
use piaoku::engine::admission::Admitted;
use piaoku::journal::JournalConfig;
use piaoku::metrics::Metrics;
use piaoku::snapshot::SnapshotConfig;
use piaoku::types::Sealed;
use piaoku::vault::{KeyRing, MissingKeyFile};

#[path = "support/shop.rs"]
mod shop;

use shop::admitted;

/// Orders under way at once: what a few hundred busy connections keep in flight.
const IN_FLIGHT: usize = 512;
/// Slots of the wide case.
const SLOTS: i32 = 1000;

/// An engine with one supplier that has plenty to sell on a thousand days.
async fn start(dir: &std::path::Path) -> Engine {
    let (keys, _) = KeyRing::load(None, dir, MissingKeyFile::Create).expect("keys");
    let engine = Engine::start(EngineParts {
        data_dir: dir.to_owned(),
        config: EngineConfig::default(),
        journal: JournalConfig::default(),
        snapshot: SnapshotConfig::default(),
        keys,
        clock: Arc::new(SystemClock),
        metrics: Metrics::default(),
        callbacks: None,
    })
    .expect("the engine starts");
    shop::open(&engine.handle(), SLOTS).await;
    engine
}

async fn order(engine: &EngineHandle, admitted: &Admitted) {
    let request = OrderRequest {
        agent: shop::AGENT,
        key: None,
        admitted: Ok(admitted.clone()),
        private: Sealed { key_id: 1, bytes: vec![7; 120].into() },
        pay_from: Some(PayFrom::Prepaid),
    };
    black_box(engine.order(request).await.expect("it is sold"));
}

/// How many orders a second become durable when one slot is hot, and when a thousand are?
fn durable_orders(c: &mut Criterion) {
    let system = actix_rt::System::new();
    let mut group = c.benchmark_group("engine/durable_order");
    group.throughput(Throughput::Elements(IN_FLIGHT as u64));
    group.sample_size(20);
    for (name, slots) in [("hot_slot", 1), ("thousand_slots", SLOTS)] {
        let dir = tempfile::tempdir().expect("a directory");
        let engine = system.block_on(start(dir.path()));
        let handle = engine.handle();
        let orders: Vec<Admitted> = (0..slots).map(|days| admitted(&handle, days)).collect();
        let mut next = 0;
        let mut sold = 0;
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| {
                let batch = (0..IN_FLIGHT).map(|_| {
                    next = (next + 1) % orders.len();
                    order(&handle, &orders[next])
                });
                system.block_on(join_all(batch));
                sold += IN_FLIGHT as u64;
            });
        });
        // Two records besides: the catalogue and the money.
        let stats = handle.journal_stats();
        let records = stats.records.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(records, sold + 2, "every order is one durable record");
        system.block_on(engine.stop());
    }
    group.finish();
}

/// How many "may I sell this?" a second does the engine answer?
fn verify(c: &mut Criterion) {
    let system = actix_rt::System::new();
    let dir = tempfile::tempdir().expect("a directory");
    let engine = system.block_on(start(dir.path()));
    let handle = engine.handle();
    let asked = admitted(&handle, 1);
    let mut group = c.benchmark_group("engine/verify");
    group.throughput(Throughput::Elements(IN_FLIGHT as u64));
    group.bench_function("hot_slot", |b| {
        b.iter(|| {
            let batch = (0..IN_FLIGHT).map(|_| handle.verify(asked.clone()));
            let answers = system.block_on(join_all(batch));
            assert!(answers.iter().all(Result::is_ok));
        });
    });
    group.finish();
    system.block_on(engine.stop());
}

criterion_group!(benches, durable_orders, verify);
criterion_main!(benches);
