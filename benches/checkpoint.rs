//! Does saving delay those who buy? A million entities (orders of two vouchers: an order, its request key
//! and two vouchers each) change while the engine is kept from saving, then it saves them all; meanwhile
//! orders arrive at a fixed rate, whatever becomes of earlier ones, and an order's latency counts from
//! when it was due. Compared with the same arrivals in the same process just before.
//!
//! Not a Criterion group: its answer is the ratio of two tail latencies. `cargo bench --bench checkpoint`
//! runs three rounds, each in a process and on a store of its own; `cargo test --bench checkpoint` one
//! small one. Sizes: `PIAOKU_BENCH_ENTITIES`, `PIAOKU_BENCH_RATE` (orders a second), `PIAOKU_BENCH_ROUNDS`,
//! and `PIAOKU_BENCH_PAUSE_MS`, the time from the start to the first save, in which all the entities have
//! to change; where they do not, the round begins anew with twice the time. The books are audited after each round, or the figures are void.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use piaoku::actors::{EngineConfig, EngineError, EngineHandle, PayFrom};
use piaoku::clock::monotonic_nanos;
use piaoku::engine::admission::Admitted;

mod support;

use support::process::{self, Part, seconds, size, tell};
use support::{shop, store};

/// Entities of one order.
const ENTITIES_OF_ORDER: usize = 4;
/// Records before the first order: the catalogue and the agent's money.
const OTHER_RECORDS: u64 = 2;
/// Nanoseconds between two bursts of arrivals: as fine as timers go.
const BURST: u64 = 1_000_000;
/// Nanoseconds before and after the first save that count for neither phase.
const MARGIN: u64 = 100_000_000;
/// Bursts before the first that counts.
const WARM_UP: u64 = 50;

fn main() {
    if let Some((_, arguments)) = process::part() {
        let pause_ms: u64 = arguments[1].parse().expect("a number");
        let size = Size::of_run();
        let work = round(Path::new(&arguments[0]), &size, pause_ms * 1_000_000);
        actix_rt::System::new().block_on(work);
        return;
    }
    let mut pause_ms = size("PAUSE_MS", 30_000, 2000);
    let mut ratios = Vec::new();
    for round in 1..=size("ROUNDS", 3, 1) {
        let ratio = loop {
            match measure(round, pause_ms) {
                Some(ratio) => break ratio,
                None => pause_ms *= 2,
            }
        };
        ratios.push(ratio);
    }
    println!("order p99 during / before: {ratios:.2?}");
}

/// One round on a store of its own: the ratio, or `None` when the first save came too early.
fn measure(round: usize, pause_ms: usize) -> Option<f64> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().to_str().expect("a path in UTF-8");
    let mut part = Part::start("round", &[path, &pause_ms.to_string()]);
    let said: String = part.hear("filled");
    println!("round {round}, filled: {said}");
    if !part.hear::<bool>("in_time") {
        part.finish();
        println!("round {round}, again: they were to change within {pause_ms} ms");
        return None;
    }
    for phase in ["before", "during"] {
        let said: String = part.hear(phase);
        println!("round {round}, {phase}: {said}");
    }
    let (ratio, orders) = (part.hear("ratio"), part.hear("orders"));
    part.finish();
    let expected = store::Audited { orders, paid: orders, vouchers: 2 * orders };
    assert_eq!(store::audit(dir.path()), expected);
    Some(ratio)
}

/// How large the run is.
struct Size {
    entities: usize,
    /// Orders a second.
    rate: u64,
}

impl Size {
    fn of_run() -> Self {
        Self { entities: size("ENTITIES", 1_000_000, 1000), rate: size("RATE", 10_000, 200) as u64 }
    }
}

/// What became of the arrivals of a phase.
struct Phase {
    latencies: Histogram<u64>,
    placed: u64,
    refused: u64,
    nanos: u64,
}

/// `pause` is from the start to the first save, in nanoseconds.
async fn round(dir: &Path, size: &Size, pause: u64) {
    let config = EngineConfig { tick_ms: pause / 1_000_000, ..EngineConfig::default() };
    let started = monotonic_nanos();
    let engine = store::start(dir, config);
    let handle = engine.handle();
    shop::open(&handle, 10).await;
    let many = (size.entities / ENTITIES_OF_ORDER) as u64;
    let days: Vec<_> = (0..10).map(|days| shop::admitted_of(&handle, 2, days)).collect();
    store::fill(&handle, 0..many, &days, Some(PayFrom::Prepaid)).await;
    let took = monotonic_nanos() - started;
    tell("filled", format!("{} entities changed in {:.1} s", size.entities, seconds(took)));
    let wanted = shop::admitted_of(&handle, 2, 1);
    let last = handle.journal_stats().durable_lsn.load(Ordering::Acquire);

    let left = (started + pause).saturating_sub(monotonic_nanos());
    tell("in_time", left > 5 * MARGIN);
    if left <= 5 * MARGIN {
        return engine.stop().await;
    }
    let mut buyers = Buyers { handle: handle.clone(), wanted, rate: size.rate, next: many };
    let until = |instant: u64| move || monotonic_nanos() >= instant;
    let before = buyers.arrive(until(started + pause - MARGIN)).await;
    assert!(handle.saved_lsn().get() <= OTHER_RECORDS, "no order was saved so far");
    let between = buyers.arrive(until(started + pause + MARGIN)).await;
    let saved = until_saved(handle, last);
    let during = buyers.arrive(|| saved.load(Ordering::Acquire)).await;
    let entities = size.entities;
    let rate = entities as f64 / seconds(during.nanos + MARGIN);
    tell("before", before.to_text());
    tell("during", format!("{}; {rate:.0} entities/s saved", during.to_text()));
    let p99 = |phase: &Phase| phase.latencies.value_at_quantile(0.99) as f64;
    tell("ratio", p99(&during) / p99(&before));
    tell("orders", many + before.placed + between.placed + during.placed);
    engine.stop().await;
}

/// Becomes true once the snapshots include that record.
fn until_saved(handle: EngineHandle, lsn: u64) -> Arc<AtomicBool> {
    let done = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&done);
    // A thread of its own: asking waits for a checkpoint that is being written.
    std::thread::spawn(move || {
        while handle.saved_lsn().get() < lsn {
            std::thread::sleep(Duration::from_millis(20));
        }
        told.store(true, Ordering::Release);
    });
    done
}

/// Those who order at a fixed rate.
struct Buyers {
    handle: EngineHandle,
    wanted: Admitted,
    /// Orders a second.
    rate: u64,
    /// Number of the next order.
    next: u64,
}

impl Buyers {
    /// Orders until it is enough, and waits for the last answer.
    async fn arrive(&mut self, enough: impl Fn() -> bool) -> Phase {
        let latencies = Histogram::new(3).expect("three digits are a valid precision");
        let phase = Phase { latencies, placed: 0, refused: 0, nanos: 0 };
        let phase = Rc::new(RefCell::new(phase));
        let mut orders = Vec::new();
        let mut timer = actix_rt::time::interval(Duration::from_nanos(BURST));
        let started = monotonic_nanos();
        let mut burst = 0;
        while !enough() {
            // However late the timer is, nobody comes before being due, and latencies count from then.
            while started + burst * BURST <= monotonic_nanos() {
                // So many are due by the end of this burst.
                let many = (burst + 1) * self.rate / 1000 - burst * self.rate / 1000;
                for _ in 0..many {
                    let counts = burst >= WARM_UP;
                    let order = self.one(started + burst * BURST, counts, Rc::clone(&phase));
                    orders.push(actix_rt::spawn(order));
                }
                burst += 1;
            }
            timer.tick().await;
        }
        phase.borrow_mut().nanos = monotonic_nanos() - started;
        for order in orders {
            order.await.expect("an answer");
        }
        Rc::into_inner(phase).expect("all have answered").into_inner()
    }

    /// One order that was due then. Its latency is noted if it `counts`.
    fn one(
        &mut self,
        due: u64,
        counts: bool,
        phase: Rc<RefCell<Phase>>,
    ) -> impl Future<Output = ()> + use<> {
        let request = store::request(self.next, &self.wanted, Some(PayFrom::Prepaid));
        self.next += 1;
        let handle = self.handle.clone();
        async move {
            let answer = handle.order(request).await;
            let latency = monotonic_nanos() - due;
            let mut phase = phase.borrow_mut();
            match answer {
                Ok(_) => phase.placed += 1,
                Err(EngineError::Overloaded) => phase.refused += 1,
                Err(error) => panic!("{error}"),
            }
            if counts {
                phase.latencies.record(latency).expect("it fits 64 bits");
            }
        }
    }
}

impl Phase {
    fn to_text(&self) -> String {
        let at = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1e6;
        format!(
            "{} orders in {:.1} s ({} refused as busy), p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
            self.placed,
            seconds(self.nanos),
            self.refused,
            at(0.5),
            at(0.99),
            at(0.999),
            self.latencies.max() as f64 / 1e6,
        )
    }
}
