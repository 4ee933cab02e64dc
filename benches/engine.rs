//! The whole engine in process, without HTTP: admitted orders in, durable orders out. What the wire and
//! HTTP cost is the difference to `benches/http.rs`; what the actors, the hops and the journal cost is the
//! difference to the `plain` case here and to `benches/domain.rs`.
//!
//! The books of every store are audited by `piaoku audit` once it has been sold from.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use hashbrown::HashMap;
use parking_lot::Mutex;
use piaoku::actors::{Engine, EngineConfig, OrderRequest, PayFrom};
use piaoku::engine::admission::Admitted;
use tempfile::TempDir;

mod support;

use support::store::{self, Audited, IN_FLIGHT, request};
use support::{process, shop};

/// Slots of the wide case.
const SLOTS: i32 = 1000;
/// Records besides the orders: the catalogue and the money.
const OTHER_RECORDS: u64 = 2;

/// An engine with one supplier that has plenty to sell on a thousand days, in a directory of its own.
async fn start(places: u32) -> (TempDir, Engine) {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = store::start(dir.path(), EngineConfig::default());
    shop::open_with(&engine.handle(), SLOTS, places).await;
    (dir, engine)
}

/// The caller keeps no handle: a store is audited once nobody has it open.
async fn stop(dir: &Path, engine: Engine, sold: u64) {
    stop_with(dir, engine, sold, 1).await;
}

/// The same after orders of so many tickets.
async fn stop_with(dir: &Path, engine: Engine, sold: u64, tickets: u32) {
    let stats = engine.handle().journal_stats().records.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(stats, sold + OTHER_RECORDS, "every order is one durable record, a refusal none");
    engine.stop().await;
    assert_eq!(
        store::audit(dir),
        Audited { orders: sold, paid: sold, vouchers: sold * u64::from(tickets) }
    );
}

/// How many orders a second become durable when one slot is hot, and when a thousand are? Each batch of
/// 512 waits for its last order. `plain` is what it is compared with: the same batch as rows of a hash map
/// behind a lock, neither checked nor durable.
fn durable_orders(c: &mut Criterion) {
    let system = actix_rt::System::new();
    let mut group = c.benchmark_group("engine/durable_order");
    group.throughput(Throughput::Elements(IN_FLIGHT as u64));
    for (name, slots) in [("hot_slot", 1), ("thousand_slots", SLOTS)] {
        let (dir, engine) = system.block_on(start(shop::PLENTY));
        let handle = engine.handle();
        let wanted: Vec<Admitted> = (0..slots).map(|days| shop::admitted(&handle, days)).collect();
        let mut sold = 0_u64;
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| {
                let batch = (sold..sold + IN_FLIGHT as u64).map(|number| {
                    let wanted = &wanted[number as usize % wanted.len()];
                    handle.order(request(number, wanted, Some(PayFrom::Prepaid)))
                });
                let orders = system.block_on(join_all(batch));
                assert!(black_box(orders).iter().all(Result::is_ok));
                sold += IN_FLIGHT as u64;
            });
        });
        drop(handle);
        system.block_on(stop(dir.path(), engine, sold));
    }
    let (_dir, engine) = system.block_on(start(shop::PLENTY));
    let wanted = shop::admitted(&engine.handle(), 1);
    let (rows, mut number) = (Mutex::new(HashMap::new()), 0_u64);
    group.bench_function("plain", |b| {
        b.iter(|| {
            for _ in 0..IN_FLIGHT {
                rows.lock().insert(number, request(number, &wanted, Some(PayFrom::Prepaid)));
                number += 1;
            }
        });
    });
    assert_eq!(rows.into_inner().len() as u64, number);
    group.finish();
    system.block_on(engine.stop());
}

/// How many orders a second when they never wait for each other: 512 are always under way, as with that
/// many busy connections. Compared with `durable_order`, whose batches wait for their last. The requests
/// are made beforehand, since making them is the wire's work; an order of two tickets has two codes.
fn steady_orders(c: &mut Criterion) {
    let system = actix_rt::System::new();
    let many = process::size("ORDERS", 20_000, 1024) as u64;
    let mut group = c.benchmark_group("engine/steady_orders");
    group.throughput(Throughput::Elements(many));
    for (name, tickets) in [("hot_slot", 1_u32), ("hot_slot/2_tickets", 2)] {
        let (dir, engine) = system.block_on(start(shop::PLENTY));
        let handle = engine.handle();
        let wanted = shop::admitted_of(&handle, i64::from(tickets), 1);
        let mut sold = 0;
        group.bench_function(name, |b| {
            let requests = || -> Vec<OrderRequest> {
                let numbers = sold..sold + many;
                sold += many;
                numbers.map(|number| request(number, &wanted, Some(PayFrom::Prepaid))).collect()
            };
            let place = |requests| system.block_on(store::place(&handle, requests));
            b.iter_batched(requests, place, BatchSize::PerIteration);
        });
        drop(handle);
        system.block_on(stop_with(dir.path(), engine, sold, tickets));
    }
    group.finish();
}

/// How many "may I sell this?" a second, of one slot and of a thousand? And how many refusals once
/// everything is sold: of a question, and of an order, which is refused without a record?
fn questions(c: &mut Criterion) {
    let system = actix_rt::System::new();
    let mut group = c.benchmark_group("engine/questions");
    group.throughput(Throughput::Elements(IN_FLIGHT as u64));
    let (dir, engine) = system.block_on(start(shop::PLENTY));
    let handle = engine.handle();
    for (name, slots) in [("verify/hot_slot", 1), ("verify/thousand_slots", SLOTS)] {
        let wanted: Vec<Admitted> = (0..slots).map(|days| shop::admitted(&handle, days)).collect();
        group.bench_function(name, |b| {
            b.iter(|| {
                let batch = (0..IN_FLIGHT).map(|n| handle.verify(wanted[n % wanted.len()].clone()));
                assert!(system.block_on(join_all(batch)).iter().all(Result::is_ok));
            });
        });
    }
    drop(handle);
    system.block_on(stop(dir.path(), engine, 0));

    let (dir, engine) = system.block_on(start(1));
    let handle = engine.handle();
    let wanted = shop::admitted(&handle, 1);
    let last = handle.order(request(0, &wanted, Some(PayFrom::Prepaid)));
    system.block_on(last).expect("the last place");
    group.bench_function("verify/sold_out", |b| {
        b.iter(|| {
            let batch = (0..IN_FLIGHT).map(|_| handle.verify(wanted.clone()));
            assert!(system.block_on(join_all(batch)).iter().all(Result::is_err));
        });
    });
    let mut number = 0;
    group.bench_function("order/sold_out", |b| {
        b.iter(|| {
            let batch = (0..IN_FLIGHT).map(|_| {
                number += 1;
                handle.order(request(number, &wanted, Some(PayFrom::Prepaid)))
            });
            assert!(system.block_on(join_all(batch)).iter().all(Result::is_err));
        });
    });
    group.finish();
    drop(handle);
    system.block_on(stop(dir.path(), engine, 1));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4));
    targets = durable_orders, steady_orders, questions
}
criterion_main!(benches);
