//! How much memory does an open order keep, and how much a catalogue that nobody buys from? Every case
//! is measured in a process of its own, with the program's allocator and its default settings unless the
//! case says otherwise; what is in memory before the first order is told apart.
//!
//! | case | is |
//! | --- | --- |
//! | `sold` | orders of two tickets, paid, both vouchers unused; caches as configured |
//! | `sold, all cached` | the same with caches that keep every order and voucher |
//! | `unpaid` | orders of two tickets that hold their places for half an hour |
//! | `started again` | a process that starts on the store of `sold` |
//! | `plain machines` | compared with: the same orders as values in hash maps, nothing else |
//! | `catalogue` | a thousand products, two thousand days, five timespans: ten million slots, of which a thousand were sold from |
//! | `stock rows` | compared with: a hash map with capacity, held and sold of as many slots |
//!
//! Orders carry the agent's number and 120 sealed bytes each. The resident memory (`VmRSS`) is read when
//! the snapshots have everything and the process has rested for a second.
//!
//! Not a Criterion group: its answer is no time. `cargo bench --bench memory`, with
//! `PIAOKU_BENCH_ORDERS=1000000` for a million orders (100,000 otherwise), `PIAOKU_BENCH_SLOTS` for
//! another number of slots and `PIAOKU_BENCH_CASES=sold,catalogue` for only these.
//! `cargo test --bench memory` runs it once, small. The books are audited by `piaoku audit`.

use std::path::Path;
use std::time::Duration;

use hashbrown::HashMap;
use piaoku::actors::recovery::{RecoveryError, decode_record, journal_dir};
use piaoku::actors::{EngineConfig, PayFrom};
use piaoku::engine::admission::Admitted;
use piaoku::engine::state::{Nowhere, State};
use piaoku::journal::SegmentReader;
use piaoku::types::{Lsn, Quantity};

mod support;

use support::process::{self, Memory, Part, is_measuring, mib, size, tell};
use support::wide::WideShop;
use support::{shop, store};

/// Days that orders are for, in turn.
const DAYS: i32 = 365;
/// Slots that are sold from in the large catalogue.
const ACTIVE: usize = 1000;

fn main() {
    match process::part() {
        None => run(),
        Some((part, arguments)) => {
            let dir = Path::new(&arguments[0]);
            let number: usize = arguments[1].parse().expect("a number");
            let system = actix_rt::System::new();
            match &*part {
                "sold" | "sold, all cached" | "unpaid" => {
                    system.block_on(orders(dir, number, &part));
                }
                "started again" => system.block_on(started_again(dir)),
                "plain machines" => plain_machines(dir),
                "catalogue" => system.block_on(catalogue(dir, number)),
                "stock rows" => stock_rows(number),
                part => panic!("there is no part {part:?}"),
            }
        }
    }
}

fn run() {
    let orders = size("ORDERS", 100_000, 300);
    let slots = size("SLOTS", 10_000_000, 20_000);
    let cases = std::env::var("PIAOKU_BENCH_CASES").ok();
    let wanted = |case: &str| {
        let cases = cases.as_deref();
        cases.is_none_or(|cases| cases.split(',').any(|wanted| wanted.trim() == case))
    };
    println!("case, number, resident: before, after, of each, at most");
    for case in ["sold", "sold, all cached", "unpaid"].into_iter().filter(|case| wanted(case)) {
        let dir = tempfile::tempdir().expect("a directory");
        measure(case, dir.path(), orders, "order");
        if case == "sold" {
            measure("started again", dir.path(), orders, "order");
            measure("plain machines", dir.path(), orders, "order");
        }
        let orders = orders as u64;
        let paid = if case == "unpaid" { 0 } else { orders };
        let expected = store::Audited { orders, paid, vouchers: 2 * paid };
        assert_eq!(store::audit(dir.path()), expected);
    }
    if wanted("catalogue") {
        let dir = tempfile::tempdir().expect("a directory");
        measure("catalogue", dir.path(), slots, "slot");
        measure("stock rows", dir.path(), slots, "slot");
        let active = ACTIVE.min(slots) as u64;
        let expected = store::Audited { orders: active, paid: active, vouchers: 2 * active };
        assert_eq!(store::audit(dir.path()), expected);
    }
}

/// Has a process of its own measure a case, and prints what it said.
fn measure(case: &str, dir: &Path, number: usize, unit: &str) {
    let dir = dir.to_str().expect("a path in UTF-8");
    let mut part = Part::start(case, &[dir, &number.to_string()]);
    let [before, after, peak]: [u64; 3] = ["before", "after", "peak"].map(|name| part.hear(name));
    part.finish();
    let each = after.saturating_sub(before) as f64 / number as f64;
    println!(
        "{case}: {number} {unit}s, {} -> {}, {each:.0} bytes a {unit}, at most {}",
        mib(before),
        mib(after),
        mib(peak),
    );
}

/// Tells how much memory there is after `work`, and how much there was before.
fn tell_memory(before: Memory) {
    // What the allocator gives back, it gives back late.
    std::thread::sleep(Duration::from_millis(if is_measuring() { 1000 } else { 50 }));
    let after = Memory::now();
    tell("before", before.resident);
    tell("after", after.resident);
    tell("peak", after.peak);
}

async fn orders(dir: &Path, number: usize, case: &str) {
    let config = match case {
        "sold, all cached" => EngineConfig {
            orders_cached_max: number,
            vouchers_cached_max: 2 * number,
            ..EngineConfig::default()
        },
        _ => EngineConfig::default(),
    };
    let pay_from = (case != "unpaid").then_some(PayFrom::Prepaid);
    let engine = store::start(dir, config);
    let handle = engine.handle();
    shop::open(&handle, DAYS).await;
    let wanted: Vec<_> = (0..DAYS).map(|days| shop::admitted_of(&handle, 2, days)).collect();
    store::until_saved(&handle).await;
    let before = Memory::now();
    store::fill(&handle, 0..number as u64, &wanted, pay_from).await;
    store::until_saved(&handle).await;
    tell_memory(before);
    engine.stop().await;
}

async fn started_again(dir: &Path) {
    let before = Memory::now();
    let engine = store::start(dir, EngineConfig::default());
    tell_memory(before);
    engine.stop().await;
}

/// The same orders with nothing around them: what they are in memory, and what finds them.
fn plain_machines(dir: &Path) {
    let before = Memory::now();
    let mut state = State::default();
    let reader = SegmentReader::open(&journal_dir(dir)).expect("a journal");
    let read = reader.read_from::<RecoveryError>(Lsn::ZERO, |entry| {
        let (lsn, transaction) = (entry.lsn, decode_record(entry)?);
        let Ok(()) = state.apply(lsn, transaction, &mut Nowhere);
        Ok(())
    });
    read.expect("a journal that can be read");
    drop(reader);
    tell_memory(before);
    assert!(!state.orders.is_empty(), "it was needed until here");
}

/// A catalogue of so many slots, and one order of two tickets for each of a thousand.
async fn catalogue(dir: &Path, slots: usize) {
    let wide = WideShop::with_slots(slots);
    let before = Memory::now();
    let engine = store::start(dir, EngineConfig::default());
    let handle = engine.handle();
    wide.open(&handle).await;
    let active = ACTIVE.min(slots);
    // One slot further with each step, so that products, days and timespans all differ.
    let spread = |n: usize| n * (slots / active + 1) % slots;
    let wanted: Vec<Admitted> = (0..active).map(|n| wide.admitted(&handle, spread(n), 2)).collect();
    store::fill(&handle, 0..active as u64, &wanted, Some(PayFrom::Prepaid)).await;
    store::until_saved(&handle).await;
    drop(wanted);
    tell_memory(before);
    engine.stop().await;
}

/// One row a slot, as a table keeps them.
fn stock_rows(slots: usize) {
    let before = Memory::now();
    let wide = WideShop::with_slots(slots);
    let row = [Quantity::new(1000), Quantity::ZERO, Quantity::ZERO];
    let rows: HashMap<_, _> = (0..slots).map(|n| (wide.slot(n), row)).collect();
    tell_memory(before);
    assert_eq!(rows.len(), slots, "every slot is another");
}
