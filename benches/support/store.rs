//! An engine on a directory: started as the program starts it, filled with orders, and audited by the
//! program itself when it has stopped.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use piaoku::actors::{Engine, EngineConfig, EngineHandle, EngineParts, OrderRequest, PayFrom};
use piaoku::clock::{SharedClock, SystemClock};
use piaoku::engine::admission::Admitted;
use piaoku::journal::JournalConfig;
use piaoku::metrics::Metrics;
use piaoku::snapshot::SnapshotConfig;
use piaoku::types::{RequestKey, Sealed};
use piaoku::vault::{KeyRing, MissingKeyFile};
use serde_json::Value;

use super::shop::AGENT;

/// Orders under way at once: what a few hundred busy connections keep in flight.
pub(crate) const IN_FLIGHT: usize = 512;

/// Starts the engine of `dir`, whatever is in it, with the settings of a default configuration but for
/// these.
pub(crate) fn start(dir: &Path, config: EngineConfig) -> Engine {
    start_at(dir, config, Arc::new(SystemClock))
}

/// The same with a clock of the bench's own.
pub(crate) fn start_at(dir: &Path, config: EngineConfig, clock: SharedClock) -> Engine {
    let (keys, _) = KeyRing::load(None, dir, MissingKeyFile::Create).expect("keys");
    Engine::start(EngineParts {
        data_dir: dir.to_owned(),
        config,
        journal: JournalConfig::default(),
        snapshot: SnapshotConfig::default(),
        keys,
        clock,
        metrics: Metrics::default(),
        callbacks: None,
    })
    .expect("the engine starts")
}

/// An order as the wire side hands it over: with a number of the agent's own and 120 sealed bytes, about
/// what a name, a document and a mobile take.
pub(crate) fn request(number: u64, admitted: &Admitted, pay_from: Option<PayFrom>) -> OrderRequest {
    OrderRequest {
        agent: AGENT,
        key: Some(RequestKey::new(&format!("AGENT-{number:015}")).expect("a key like a partner's")),
        admitted: Ok(admitted.clone()),
        private: Sealed { key_id: 1, bytes: vec![7; 120].into() },
        pay_from,
    }
}

/// Places orders with the numbers given, for each of `wanted` in turn, [`IN_FLIGHT`] at once.
pub(crate) async fn fill(
    handle: &EngineHandle,
    numbers: std::ops::Range<u64>,
    wanted: &[Admitted],
    pay_from: Option<PayFrom>,
) {
    let request = |number| request(number, &wanted[number as usize % wanted.len()], pay_from);
    place(handle, numbers.map(request)).await;
}

/// Places these orders, [`IN_FLIGHT`] at once.
pub(crate) async fn place(handle: &EngineHandle, requests: impl IntoIterator<Item = OrderRequest>) {
    let mut under_way = FuturesUnordered::new();
    for request in requests {
        under_way.push(handle.order(request));
        if under_way.len() == IN_FLIGHT {
            let placed = under_way.next().await.expect("some are under way");
            placed.expect("there is plenty of everything");
        }
    }
    while let Some(placed) = under_way.next().await {
        placed.expect("there is plenty of everything");
    }
}

/// Waits until the snapshots include every record there is.
pub(crate) async fn until_saved(handle: &EngineHandle) {
    let durable = handle.journal_stats().durable_lsn.load(Ordering::Acquire);
    while handle.saved_lsn().get() < durable {
        actix_rt::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the audit counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audited {
    /// Orders, whatever became of them.
    pub(crate) orders: u64,
    /// Paid orders.
    pub(crate) paid: u64,
    /// Vouchers issued.
    pub(crate) vouchers: u64,
}

/// Audits a stopped store as an operator would, by `piaoku audit`, in a process of its own so that its
/// memory is not the bench's. Figures of a run whose books are wrong are void.
///
/// # Panics
/// When a single invariant is broken or could not be checked.
pub(crate) fn audit(dir: &Path) -> Audited {
    let mut audit = Command::new(env!("CARGO_BIN_EXE_piaoku"));
    let output = audit.args(["audit", "--json", "--data-dir"]).arg(dir).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the books are wrong: {said}{complaint}");
    let report: Value = serde_json::from_str(&said).expect("one object");
    assert_eq!(report["passed"], true, "{report}");
    assert_eq!(report["snapshots_skipped"], Value::Null, "INV-6 is checked as well");
    let number = |name: &str| report[name].as_u64().expect("a number");
    let audited = Audited {
        orders: number("orders"),
        paid: number("orders_paid"),
        vouchers: number("vouchers"),
    };
    let invariants = report["checked"].as_array().map_or(0, Vec::len);
    println!(
        "audited: {} records, {} orders ({} paid), {} vouchers: {invariants} invariants hold",
        number("records"),
        audited.orders,
        audited.paid,
        audited.vouchers,
    );
    audited
}
