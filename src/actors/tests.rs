//! The engine as a whole, on a small catalogue of its own, with faults built in on purpose.

mod accounts;
mod adjust;
mod callback;
mod look;
mod rebuild;
mod restart;
mod saving;
mod too_late;

use std::path::Path;
use std::sync::Arc;

use crate::actors::{
    Callbacks, Engine, EngineConfig, EngineError, EngineHandle, EngineParts, OrderCommand,
    OrderRequest, PayFrom,
};
use crate::clock::ManualClock;
use crate::domain::account::Balance;
use crate::domain::order::OrderState;
use crate::engine::Rejection;
use crate::engine::admission::{Draft, DraftDate};
use crate::engine::fixture::{self, admitted, draft, morning, purse, slot, today};
use crate::journal::JournalConfig;
use crate::metrics::{EngineGauges, Metrics};
use crate::snapshot::SnapshotConfig;
use crate::types::{Fen, RequestKey, Sealed, ServiceDate};
use crate::vault::{KeyRing, MissingKeyFile};

/// Panics that strike a participant once.
pub(super) mod fault {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tokio::sync::Semaphore;

    /// Participants by key, with the number of calls until the panic.
    static ARMED: Mutex<Vec<(String, u32)>> = Mutex::new(Vec::new());

    /// Lets the participant with this key panic at its `nth` call from now on.
    pub(crate) fn arm(key: &impl std::fmt::Debug, nth: u32) {
        ARMED.lock().push((format!("{key:?}"), nth));
    }

    /// Panics if this call is the one.
    pub(crate) fn strike(key: &str) {
        let mut armed = ARMED.lock();
        let Some(index) = armed.iter().position(|(of, _)| of == key) else { return };
        armed[index].1 -= 1;
        if armed[index].1 == 0 {
            armed.remove(index);
            drop(armed);
            panic!("a fault built in on purpose");
        }
    }

    /// Stores whose rebuilds wait.
    static HELD_BACK: Mutex<Vec<String>> = Mutex::new(Vec::new());

    /// Lets rebuilds from the snapshots in this data directory wait until it is dropped.
    pub(crate) struct HoldBack(String);

    impl HoldBack {
        pub(crate) fn rebuilds_in(data_dir: &std::path::Path) -> Self {
            let store = format!("SnapshotStore({})", data_dir.join("snapshots").display());
            HELD_BACK.lock().push(store.clone());
            Self(store)
        }
    }

    impl Drop for HoldBack {
        fn drop(&mut self) {
            HELD_BACK.lock().retain(|held| *held != self.0);
        }
    }

    /// Participants by key whose states, once read, reach them one permit at a time.
    static SLOW: Mutex<Vec<(String, Arc<Semaphore>)>> = Mutex::new(Vec::new());

    /// Holds back what the participant with this key has read, however often it is activated.
    pub(crate) fn slow_down(key: &impl std::fmt::Debug) -> Arc<Semaphore> {
        let permits = Arc::new(Semaphore::new(0));
        SLOW.lock().push((format!("{key:?}"), Arc::clone(&permits)));
        permits
    }

    /// Waits for a permit if the participant with this key was slowed down, first come first served.
    pub(crate) async fn wait_if_slow(key: String) {
        let permits =
            SLOW.lock().iter().find(|(of, _)| *of == key).map(|(_, permits)| Arc::clone(permits));
        if let Some(permits) = permits {
            permits.acquire().await.unwrap().forget();
        }
    }

    /// Waits for as long as rebuilds from `store` are held back.
    pub(crate) fn wait_while_held_back(store: &impl std::fmt::Debug) {
        let store = format!("{store:?}");
        while HELD_BACK.lock().contains(&store) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

/// Ticks every 5 ms, a step every tick.
fn often() -> EngineConfig {
    EngineConfig { tick_ms: 5, checkpoint_interval_ms: 5, ..EngineConfig::default() }
}

async fn start(dir: &Path) -> Engine {
    start_with(dir, often()).await
}

async fn start_with(dir: &Path, config: EngineConfig) -> Engine {
    start_at(dir, config, ManualClock::at(morning()), Metrics::default()).await
}

async fn start_at(
    dir: &Path,
    config: EngineConfig,
    clock: Arc<ManualClock>,
    metrics: Metrics,
) -> Engine {
    start_calling(dir, config, clock, metrics, None).await
}

async fn start_calling(
    dir: &Path,
    config: EngineConfig,
    clock: Arc<ManualClock>,
    metrics: Metrics,
    callbacks: Option<Callbacks>,
) -> Engine {
    sell(EngineParts { callbacks, ..parts(dir, config, clock, metrics) }).await
}

fn parts(
    dir: &Path,
    config: EngineConfig,
    clock: Arc<ManualClock>,
    metrics: Metrics,
) -> EngineParts {
    let (keys, _) = KeyRing::load(None, dir, MissingKeyFile::Create).unwrap();
    EngineParts {
        data_dir: dir.to_owned(),
        config,
        journal: JournalConfig { segment_bytes: 4 * 1024 * 1024, ..JournalConfig::default() },
        snapshot: SnapshotConfig {
            cache_bytes: 4 * 1024 * 1024,
            flush_interval_ms: 20,
            ..SnapshotConfig::default()
        },
        keys,
        clock,
        metrics,
        callbacks: None,
    }
}

/// Starts, with the catalogue and money if the store is new.
async fn sell(parts: EngineParts) -> Engine {
    let engine = Engine::start(parts).unwrap();
    let handle = engine.handle();
    if engine.report.is_new {
        handle.change_catalogue(fixture::commands()).await.unwrap();
        handle.top_up(purse(), Balance::Prepaid, Fen::new(100_000_000)).await.unwrap();
    }
    engine
}

/// An order of one child on a day that only one test uses.
fn child(date: ServiceDate) -> Draft {
    let mut draft = draft(vec![fixture::line("P-CHILD", 1)]);
    draft.date = DraftDate::Day(date);
    draft
}

async fn buy(engine: &EngineHandle, draft: &Draft, key: &str) -> Result<u64, EngineError> {
    let request = request(draft, key, Some(PayFrom::Prepaid));
    engine.order(request).await.map(|order| order.id.get())
}

fn request(draft: &Draft, key: &str, pay_from: Option<PayFrom>) -> OrderRequest {
    OrderRequest {
        agent: fixture::AGENT,
        key: Some(RequestKey::new(key).unwrap()),
        admitted: admitted(draft),
        private: Sealed::default(),
        pay_from,
    }
}

async fn sleep(ms: u64) {
    tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
}

/// Repeats a request that was not decided, as callers do.
async fn buy_patiently(
    engine: &EngineHandle,
    draft: &Draft,
    key: &str,
) -> Result<u64, EngineError> {
    for _ in 0..400 {
        match buy(engine, draft, key).await {
            Err(EngineError::Overloaded | EngineError::OutcomeUnknown) => {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            answer => return answer,
        }
    }
    panic!("the supplier never sells again");
}

/// A panic in a participant, before the record or after it, costs at most the request at hand: the
/// supplier is rebuilt, nothing is sold twice and nothing acknowledged is lost.
#[test]
fn a_broken_participant_is_rebuilt_from_disk() {
    // Calls of a slot: ask and apply for each order. The second and third order meet the fault.
    for nth in [3, 4_i32] {
        let dir = tempfile::tempdir().unwrap();
        actix_rt::System::new().block_on(async {
            let engine = start(dir.path()).await;
            let handle = engine.handle();
            let date = today().plus_days(nth);
            let first = buy(&handle, &child(date), "first").await.unwrap();
            fault::arm(&slot("P-CHILD", Some(date), 1), u32::try_from(nth).unwrap() - 2);
            let second = buy_patiently(&handle, &child(date), "second").await.unwrap();
            assert_ne!(first, second);
            assert_eq!(buy_patiently(&handle, &child(date), "first").await, Ok(first));
            assert_eq!(buy_patiently(&handle, &child(date), "second").await, Ok(second));
            // The pool has ten places; what the rebuild forgot would be sold again.
            for n in 2..10 {
                buy_patiently(&handle, &child(date), &format!("key-{n}")).await.unwrap();
            }
            let refused = buy_patiently(&handle, &child(date), "one too many").await;
            assert!(
                matches!(refused, Err(EngineError::Rejected(Rejection::SoldOut { .. }))),
                "{refused:?}"
            );
            engine.stop().await;
        });
    }
}

/// Idle participants leave memory, and what they know is there again when they are needed.
#[test]
fn idle_participants_sleep_and_wake_with_what_they_knew() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let (clock, metrics) = (ManualClock::at(morning()), Metrics::default());
        let config =
            EngineConfig { tick_ms: 5, checkpoint_interval_ms: 5, ..EngineConfig::default() };
        let engine = start_at(dir.path(), config, Arc::clone(&clock), metrics.clone()).await;
        let handle = engine.handle();
        let date = today().plus_days(9);
        for n in 0..4 {
            buy(&handle, &child(date), &format!("before-{n}")).await.unwrap();
        }
        let slots = "piaoku_participants_active{supplier=\"01\",kind=\"slot\"}";
        let active = || {
            let text = metrics.print(EngineGauges::default()).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix(slots)).map(str::to_owned);
            line.map(|count| count.trim().to_owned())
        };
        wait_until(|| active().as_deref() == Some("1")).await;
        clock.set(morning().plus_millis(3_600_000));
        wait_until(|| active().as_deref() == Some("0")).await;
        for n in 4..10 {
            buy(&handle, &child(date), &format!("after-{n}")).await.unwrap();
        }
        let refused = buy(&handle, &child(date), "one too many").await;
        assert!(
            matches!(refused, Err(EngineError::Rejected(Rejection::SoldOut { .. }))),
            "{refused:?}"
        );
        engine.stop().await;
    });
}

/// Money that comes when the day of the visit is over buys nothing: nobody could use the tickets.
#[test]
fn an_expired_order_cannot_be_paid_when_its_day_is_over() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let clock = ManualClock::at(morning());
        let config =
            EngineConfig { tick_ms: 5, checkpoint_interval_ms: 5, ..EngineConfig::default() };
        let engine = start_at(dir.path(), config, Arc::clone(&clock), Metrics::default()).await;
        let handle = engine.handle();
        let held = child(today().plus_days(1));
        for (key, days, is_paid) in [("in time", 1, true), ("too late", 3, false)] {
            let order = handle.order(request(&held, key, None)).await.unwrap();
            clock.set(morning().plus_millis(3_600_000));
            for _ in 0..2000 {
                let order = handle.with_order(order.agent, order.id, OrderCommand::Query).await;
                if matches!(order.unwrap().state, OrderState::Closed { .. }) {
                    break;
                }
                sleep(5).await;
            }
            clock.set(morning().plus_millis(days * 24 * 3_600_000));
            let payment = handle.payment_at(PayFrom::Prepaid, order.supplier, handle.now());
            let pay = handle.with_order(order.agent, order.id, OrderCommand::Pay(payment));
            let paid = pay.await.map(|order| order.state.clone());
            assert_eq!(matches!(paid, Ok(OrderState::Paid { .. })), is_paid, "{key}: {paid:?}");
            clock.set(morning());
        }
        engine.stop().await;
    });
}

async fn wait_until(condition: impl Fn() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it never comes");
}
