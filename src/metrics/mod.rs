//! Every metric's name, unit and meaning, and the registry that prints them for Prometheus.
//!
//! Measuring costs an atomic addition; nothing here carries personal data.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Labels of one answered request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    /// The operation, e.g. `order_and_pay2`.
    operation: &'static str,
    /// `ok`, `rejected`, `busy`, `unavailable`, `unknown`, `unauthenticated` or `invalid`.
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SupplierLabels {
    /// The supplier's public id.
    supplier: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    /// The supplier's public id.
    supplier: String,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallbackLabels {
    /// The agent's user name.
    agent: String,
    /// `delivered`, `failed` (an attempt), `gave_up` or `skipped`.
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AgentLabels {
    /// The agent's user name.
    agent: String,
}

/// All metrics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Families>);

#[derive(Debug)]
struct Families {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    latency: Family<OperationLabels, Histogram>,
    participants: Family<KindLabels, Gauge>,
    orders_cached: Family<SupplierLabels, Gauge>,
    orders_held: Family<SupplierLabels, Gauge>,
    rebuilds: Family<SupplierLabels, Counter>,
    callbacks: Family<CallbackLabels, Counter>,
    callbacks_pending: Family<AgentLabels, Gauge>,
    journal_records: Counter,
    journal_groups: Counter,
    journal_bytes: Counter,
    durable_lsn: Gauge<u64, AtomicU64>,
    snapshot_backlog: Gauge,
    in_flight: Gauge,
    ready: Gauge,
}

/// Upper bounds of request latencies, in seconds: 50 µs to 5 s.
const LATENCY_BOUNDS: [f64; 14] =
    [5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.5, 1.0, 5.0];

/// What the journal and the gate say at the moment of printing.
#[derive(Clone, Copy, Debug, Default)]
pub struct EngineGauges {
    /// Records durable since the start.
    pub journal_records: u64,
    /// Groups (syncs) since the start.
    pub journal_groups: u64,
    /// Bytes of records since the start.
    pub journal_bytes: u64,
    /// Position of the last durable record.
    pub durable_lsn: u64,
    /// Changed orders that are not durable in the snapshots yet.
    pub snapshot_backlog: usize,
    /// Requests in flight.
    pub in_flight: u32,
    /// Whether requests are taken.
    pub ready: bool,
}

impl Default for Metrics {
    fn default() -> Self {
        let families = Families {
            registry: Mutex::new(Registry::with_prefix("piaoku")),
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BOUNDS)),
            participants: Family::default(),
            orders_cached: Family::default(),
            orders_held: Family::default(),
            rebuilds: Family::default(),
            callbacks: Family::default(),
            callbacks_pending: Family::default(),
            journal_records: Counter::default(),
            journal_groups: Counter::default(),
            journal_bytes: Counter::default(),
            durable_lsn: Gauge::default(),
            snapshot_backlog: Gauge::default(),
            in_flight: Gauge::default(),
            ready: Gauge::default(),
        };
        families.register();
        Self(Arc::new(families))
    }
}

impl Families {
    fn register(&self) {
        let mut registry = self.registry.lock();
        let r = &mut *registry;
        r.register("requests", "Answered requests by operation and outcome", self.requests.clone());
        r.register(
            "request_seconds",
            "Time from the request's last byte to its answer",
            self.latency.clone(),
        );
        r.register(
            "participants_active",
            "Slots, pools, limit shards and accounts in memory",
            self.participants.clone(),
        );
        r.register("orders_cached", "Orders in memory", self.orders_cached.clone());
        r.register("orders_held", "Unpaid orders that hold places", self.orders_held.clone());
        r.register("rebuilds", "Suppliers rebuilt after a fault", self.rebuilds.clone());
        r.register("callbacks", "Callbacks by agent and outcome", self.callbacks.clone());
        r.register(
            "callbacks_pending",
            "Orders of which the agent is still to be told something",
            self.callbacks_pending.clone(),
        );
        r.register(
            "journal_records",
            "Records durable since the start",
            self.journal_records.clone(),
        );
        r.register("journal_groups", "Groups synced since the start", self.journal_groups.clone());
        r.register("journal_bytes", "Bytes durable since the start", self.journal_bytes.clone());
        r.register("durable_lsn", "Position of the last durable record", self.durable_lsn.clone());
        r.register(
            "snapshot_backlog_orders",
            "Changed orders that are not durable in the snapshots yet",
            self.snapshot_backlog.clone(),
        );
        r.register("in_flight", "Requests in flight", self.in_flight.clone());
        r.register("ready", "1 when requests are taken", self.ready.clone());
    }
}

impl Metrics {
    /// Counts an answered request and its time in seconds.
    pub fn request(&self, operation: &'static str, outcome: &'static str, seconds: f64) {
        self.request_meter(operation, outcome).count(seconds);
    }

    /// What counts requests of one operation with one outcome, to be kept by whoever counts many.
    #[must_use]
    pub fn request_meter(&self, operation: &'static str, outcome: &'static str) -> RequestMeter {
        let answered = self.0.requests.get_or_create(&RequestLabels { operation, outcome }).clone();
        let latency = self.0.latency.get_or_create(&OperationLabels { operation }).clone();
        RequestMeter { answered, latency }
    }

    /// Notes what a supplier has in memory: slots, pools, limit shards, accounts; orders; unpaid ones.
    pub fn supplier(&self, id: &str, active: [usize; 4], cached: usize, held: usize) {
        for (kind, count) in ["slot", "pool", "limit", "account"].into_iter().zip(active) {
            let labels = KindLabels { supplier: id.to_owned(), kind };
            self.0.participants.get_or_create(&labels).set(gauge(count));
        }
        let labels = SupplierLabels { supplier: id.to_owned() };
        self.0.orders_cached.get_or_create(&labels).set(gauge(cached));
        self.0.orders_held.get_or_create(&labels).set(gauge(held));
    }

    /// Counts a supplier rebuilt after a fault.
    pub fn rebuild(&self, id: &str) {
        self.0.rebuilds.get_or_create(&SupplierLabels { supplier: id.to_owned() }).inc();
    }

    /// Counts a callback, or an attempt at one.
    pub fn callback(&self, agent: &str, outcome: &'static str) {
        let labels = CallbackLabels { agent: agent.to_owned(), outcome };
        self.0.callbacks.get_or_create(&labels).inc();
    }

    /// Notes how many orders of an agent have something to tell it.
    pub fn callbacks_pending(&self, agent: &str, orders: usize) {
        let labels = AgentLabels { agent: agent.to_owned() };
        self.0.callbacks_pending.get_or_create(&labels).set(gauge(orders));
    }

    /// Prints everything in the OpenMetrics text format.
    ///
    /// # Errors
    /// Never in practice: writing into a string cannot fail.
    pub fn print(&self, engine: EngineGauges) -> Result<String, std::fmt::Error> {
        self.0.journal_records.inner().store(engine.journal_records, Ordering::Relaxed);
        self.0.journal_groups.inner().store(engine.journal_groups, Ordering::Relaxed);
        self.0.journal_bytes.inner().store(engine.journal_bytes, Ordering::Relaxed);
        self.0.durable_lsn.set(engine.durable_lsn);
        self.0.snapshot_backlog.set(gauge(engine.snapshot_backlog));
        self.0.in_flight.set(i64::from(engine.in_flight));
        self.0.ready.set(i64::from(engine.ready));
        let mut text = String::new();
        encode(&mut text, &self.0.registry.lock())?;
        Ok(text)
    }
}

/// Counts requests of one operation with one outcome.
#[derive(Clone, Debug)]
pub struct RequestMeter {
    answered: Counter,
    latency: Histogram,
}

impl RequestMeter {
    /// Counts one and its time in seconds.
    pub fn count(&self, seconds: f64) {
        self.answered.inc();
        self.latency.observe(seconds);
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
