//! The whole engine in process, without HTTP: admitted orders in, durable orders out.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use piaoku::actors::{Engine, EngineConfig, EngineHandle, EngineParts, OrderRequest, PayFrom};
use piaoku::clock::{Clock, SystemClock};
use piaoku::domain::account::{AccountKey, Balance, Holder};
use piaoku::domain::catalogue::{Calendar, CatalogueCommand, RebateAt, Rules, SetProduct};
use piaoku::domain::identity::{
    DocumentCheck, DocumentType, IdentityRules, MobileCheck, PersonalText,
};
use piaoku::domain::inventory::Capacity;
use piaoku::engine::admission::{
    AdmissionPolicy, Admitted, Draft, DraftDate, DraftLine, DraftScene, DraftTimespan,
    IdentityHasher, admit,
};
use piaoku::journal::JournalConfig;
use piaoku::metrics::Metrics;
use piaoku::snapshot::SnapshotConfig;
use piaoku::types::{
    AgentNo, Channel, Fen, IdentityHash, Quantity, Sealed, ServiceDate, SupplierNo,
};
use piaoku::vault::{KeyRing, MissingKeyFile};

/// Orders under way at once: what a few hundred busy connections keep in flight.
const IN_FLIGHT: usize = 512;
/// Slots of the wide case.
const SLOTS: i32 = 1000;

struct NoPersons;

impl IdentityHasher for NoPersons {
    fn document(&self, _: DocumentType, _: &str) -> IdentityHash {
        IdentityHash::new(0)
    }
    fn mobile(&self, _: &str) -> IdentityHash {
        IdentityHash::new(0)
    }
}

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
    })
    .expect("the engine starts");
    let today = today();
    let handle = engine.handle();
    handle.change_catalogue(catalogue(today)).await.expect("a catalogue");
    let supplier = SupplierNo::new(0);
    let account = AccountKey { supplier, holder: Holder::Agent(AgentNo::new(0)) };
    handle.top_up(account, Balance::Prepaid, Fen::new(10_000_000_000_000)).await.expect("money");
    engine
}

fn today() -> ServiceDate {
    ServiceDate::at(SystemClock.now(), 0)
}

fn catalogue(today: ServiceDate) -> Vec<CatalogueCommand> {
    let text = |text: &str| text.to_owned();
    vec![
        CatalogueCommand::SetSupplier { id: text("01"), name: text("spot"), utc_offset_seconds: 0 },
        CatalogueCommand::SetAgent {
            id: text("agent"),
            name: text("agent"),
            enabled: true,
            secrets: Sealed::default(),
        },
        CatalogueCommand::SetProduct(Box::new(SetProduct {
            id: text("P"),
            supplier: text("01"),
            name: text("ticket"),
            on_sale: true,
            price: Fen::new(100),
            list_price: Fen::new(100),
            rebate: Fen::ZERO,
            rebate_at: RebateAt::Payment,
            uses: 1,
            pool: None,
            calendar: Calendar {
                dates: Some((today, today.plus_days(SLOTS))),
                capacity: Capacity::Limited(Quantity::new(u32::MAX / 2)),
                allowance: Quantity::ZERO,
            },
            timespans: Vec::new(),
            areas: Vec::new(),
            scene_prefix: String::new(),
            rules: Rules {
                order_min: Quantity::ONE,
                order_max: Quantity::ONE,
                document_per_ticket: false,
                horizon_days: 2000,
                hold_seconds: 1800,
                limits: Vec::new(),
                ..Rules::default()
            },
        })),
    ]
}

/// An order of one ticket, `days` ahead.
fn admitted(engine: &EngineHandle, days: i32) -> Admitted {
    let line = DraftLine { product_id: "P".to_owned(), amount: 1, ..DraftLine::default() };
    let draft = Draft {
        channel: Channel::Ota,
        agent: AgentNo::new(0),
        lines: vec![line],
        date: DraftDate::Day(today().plus_days(days)),
        timespan: DraftTimespan::Unset,
        scene: DraftScene::default(),
        validity: None,
        mobile: String::new(),
        document: String::new(),
    };
    let identity = IdentityRules {
        sent_as: PersonalText::Clear,
        document: DocumentCheck::Off,
        mobile: MobileCheck::Off,
        name_chars_max: 32,
    };
    let policy = AdmissionPolicy { identity, lines_max: 1 };
    admit(&draft, &engine.catalogue(), &policy, &NoPersons, engine.now()).expect("it is on sale")
}

async fn order(engine: &EngineHandle, admitted: &Admitted) {
    let request = OrderRequest {
        agent: AgentNo::new(0),
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
