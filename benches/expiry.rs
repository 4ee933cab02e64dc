//! Does a wave of expiring holds delay those who buy? A hundred thousand unpaid orders come due within
//! one second while others order; orders' latency before and during the wave, taken in one run. The
//! books are audited afterwards, or the figures are void.
//!
//! Not a Criterion group: its answer is a tail latency under load, not a mean. `cargo bench --bench
//! expiry`; `cargo test --bench expiry` runs it once, small.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hdrhistogram::Histogram;
use piaoku::actors::recovery::{RecoveryError, decode_record, journal_dir};
use piaoku::actors::{Engine, EngineConfig, EngineHandle, EngineParts, OrderRequest, PayFrom};
use piaoku::clock::{Clock, SharedClock, SystemClock, monotonic_nanos};
use piaoku::engine::admission::Admitted;
use piaoku::engine::books;
use piaoku::engine::state::{Nowhere, State};
use piaoku::journal::{JournalConfig, SegmentReader};
use piaoku::metrics::Metrics;
use piaoku::snapshot::SnapshotConfig;
use piaoku::types::{Lsn, Sealed, UnixMillis};
use piaoku::vault::{KeyRing, MissingKeyFile};

#[path = "support/shop.rs"]
mod shop;

/// The machine's clock, some time ahead once it has been put forward.
#[derive(Default)]
struct ForwardClock(AtomicBool);

/// By how much the clock is put forward: past every hold.
const FORWARD_MS: i64 = 1_900_000;

impl Clock for ForwardClock {
    fn now(&self) -> UnixMillis {
        let ahead = if self.0.load(Ordering::Acquire) { FORWARD_MS } else { 0 };
        SystemClock.now().plus_millis(ahead)
    }
}

/// How large the run is.
struct Size {
    holds: usize,
    /// Buyers at once, each waiting for its answer before it orders again.
    buyers: usize,
    /// Milliseconds of ordering before the wave.
    before_ms: u64,
}

fn main() {
    // `cargo bench` says so itself; anything else only wants to see that it runs.
    let small = !std::env::args().any(|argument| argument == "--bench");
    let size = if small {
        Size { holds: 500, buyers: 4, before_ms: 50 }
    } else {
        Size { holds: 100_000, buyers: 32, before_ms: 3000 }
    };
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(ForwardClock::default());
    let system = actix_rt::System::new();
    let sold = system.block_on(run(&size, dir.path(), &clock));
    audit(dir.path(), sold, size.holds);
}

async fn run(size: &Size, dir: &std::path::Path, clock: &Arc<ForwardClock>) -> usize {
    let shared: SharedClock = Arc::clone(clock) as SharedClock;
    let (keys, _) = KeyRing::load(None, dir, MissingKeyFile::Create).expect("keys");
    let engine = Engine::start(EngineParts {
        data_dir: dir.to_owned(),
        config: EngineConfig::default(),
        journal: JournalConfig::default(),
        snapshot: SnapshotConfig::default(),
        keys,
        clock: shared,
        callbacks: None,
        metrics: Metrics::default(),
    })
    .expect("the engine starts");
    let handle = engine.handle();
    shop::open(&handle, 10).await;
    let (held, wanted) = (shop::admitted(&handle, 1), shop::admitted(&handle, 2));

    let started = monotonic_nanos();
    for wave in (0..size.holds).collect::<Vec<_>>().chunks(512) {
        let orders = wave.iter().map(|_| order(&handle, &held, None));
        futures_util::future::join_all(orders).await;
    }
    let placed = seconds(monotonic_nanos() - started);
    println!("{} holds placed in {placed:.2} s", size.holds);

    let (before, sold_before) =
        buy(&handle, &wanted, size.buyers, |_, since| since >= size.before_ms * 1_000_000).await;
    let records = || handle.journal_stats().records.load(Ordering::Relaxed) as usize;
    let already = records();
    let started = monotonic_nanos();
    clock.0.store(true, Ordering::Release);
    // Orders after the clock was put forward are for another day: what counts is who is served when.
    let mut ended = 0;
    let (during, sold_during) = buy(&handle, &wanted, size.buyers, |sold, since| {
        let closed = records().saturating_sub(already + sold);
        ended = since;
        closed >= size.holds || since > 300_000_000_000
    })
    .await;
    // Orders under way count as records before they count as sold, so that some holds may be left.
    let given_up = monotonic_nanos() + 60_000_000_000;
    while records() - already - sold_during < size.holds && monotonic_nanos() < given_up {
        actix_rt::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let took = seconds(monotonic_nanos() - started);
    let closed = records() - already - sold_during;
    assert_eq!(closed, size.holds, "every hold expires, and once");
    println!("{closed} holds expired in {took:.2} s, while {sold_during} orders were sold");
    report("before", &before, sold_before, seconds(size.before_ms * 1_000_000));
    report("during", &during, sold_during, seconds(ended));
    let p99 = |histogram: &Histogram<u64>| histogram.value_at_quantile(0.99) as f64;
    println!("order p99 during / before: {:.2}", p99(&during) / p99(&before));
    engine.stop().await;
    sold_before + sold_during
}

/// Buyers order one after another until `enough` (orders sold, nanoseconds) says so.
async fn buy(
    handle: &EngineHandle,
    wanted: &Admitted,
    buyers: usize,
    mut enough: impl FnMut(usize, u64) -> bool,
) -> (Histogram<u64>, usize) {
    let mut latencies = Histogram::new(3).expect("three digits are a valid precision");
    let (started, mut sold) = (monotonic_nanos(), 0);
    let mut orders = futures_util::stream::FuturesUnordered::new();
    let one = || async {
        let since = monotonic_nanos();
        order(handle, wanted, Some(PayFrom::Prepaid)).await;
        monotonic_nanos() - since
    };
    orders.extend((0..buyers).map(|_| one()));
    let mut closing = false;
    while let Some(latency) = futures_util::StreamExt::next(&mut orders).await {
        latencies.record(latency).expect("it fits 64 bits");
        sold += 1;
        closing = closing || enough(sold, monotonic_nanos() - started);
        if !closing {
            orders.push(one());
        }
    }
    (latencies, sold)
}

async fn order(handle: &EngineHandle, admitted: &Admitted, pay_from: Option<PayFrom>) {
    let request = OrderRequest {
        agent: shop::AGENT,
        key: None,
        admitted: Ok(admitted.clone()),
        private: Sealed { key_id: 1, bytes: vec![7; 120].into() },
        pay_from,
    };
    handle.order(request).await.expect("it is sold");
}

fn report(when: &str, latencies: &Histogram<u64>, orders: usize, seconds: f64) {
    let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e6;
    println!(
        "{when}: {:.0} orders/s, p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
        orders as f64 / seconds,
        at(0.5),
        at(0.99),
        at(0.999),
        latencies.max() as f64 / 1e6,
    );
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

fn audit(dir: &std::path::Path, sold: usize, expired: usize) {
    let reader = SegmentReader::open(&journal_dir(dir)).expect("a journal");
    let mut state = State::default();
    let read = reader.read_from::<RecoveryError>(Lsn::ZERO, |entry| {
        let transaction = decode_record(entry)?;
        let Ok(()) = state.apply(entry.lsn, &transaction, &mut Nowhere);
        Ok(())
    });
    read.expect("a journal that can be read");
    state.refresh_capacities();
    let audit = books::audit(&state);
    assert_eq!(audit.violations, vec![], "figures of a run with wrong books are void");
    assert_eq!((audit.orders, audit.paid), (sold + expired, sold));
    println!("audited: {} orders, {} paid, every invariant holds", audit.orders, audit.paid);
}
