//! Does a wave of expiring holds delay those who buy? A hundred thousand unpaid orders come due within
//! one second while others order; orders' latency before and during the wave, taken in one run. The
//! books are audited afterwards, or the figures are void.
//!
//! Not a Criterion group: its answer is a tail latency under load, not a mean. `cargo bench --bench
//! expiry`; `cargo test --bench expiry` runs it once, small.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hdrhistogram::Histogram;
use piaoku::actors::{EngineConfig, EngineHandle, OrderRequest, PayFrom};
use piaoku::clock::{Clock, SharedClock, SystemClock, monotonic_nanos};
use piaoku::engine::admission::Admitted;
use piaoku::types::{Sealed, UnixMillis};

mod support;

use support::process::{is_measuring, seconds};
use support::{shop, store};

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
    let size = if is_measuring() {
        Size { holds: 100_000, buyers: 32, before_ms: 3000 }
    } else {
        Size { holds: 500, buyers: 4, before_ms: 50 }
    };
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(ForwardClock::default());
    let system = actix_rt::System::new();
    let sold = system.block_on(run(&size, dir.path(), &clock));
    let (orders, sold) = ((sold + size.holds) as u64, sold as u64);
    let expected = store::Audited { orders, paid: sold, vouchers: sold };
    assert_eq!(store::audit(dir.path()), expected);
}

async fn run(size: &Size, dir: &std::path::Path, clock: &Arc<ForwardClock>) -> usize {
    let shared: SharedClock = Arc::clone(clock) as SharedClock;
    let engine = store::start_at(dir, EngineConfig::default(), shared);
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
