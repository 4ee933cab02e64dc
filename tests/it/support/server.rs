//! A whole server on a free port with a data directory of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use piaoku::actors::{
    CallbackConfig, Callbacks, Engine, EngineConfig, EngineHandle, EngineParts, OrderCommand,
};
use piaoku::clock::{ManualClock, SharedClock};
use piaoku::config::catalogue_file::{self, CatalogueDocuments, CatalogueEntry};
use piaoku::domain::account::{AccountKey, Balance, Holder};
use piaoku::domain::order::Order;
use piaoku::http::{AdminConfig, HttpConfig, HttpCourier, HttpParts};
use piaoku::journal::JournalConfig;
use piaoku::metrics::Metrics;
use piaoku::snapshot::SnapshotConfig;
use piaoku::types::{AgentNo, Fen, OrderId, ServiceDate, UnixMillis};
use piaoku::vault::{KeyRing, MissingKeyFile, PrivateDetails, Purpose};

use super::Target;

/// The demo catalogue, as a newcomer gets it.
const DEMO: &str = include_str!("../../../data/demo/catalogue.toml");
/// The time that servers believe it is unless told otherwise: 2026-11-22 01:05:12 in Shanghai, the
/// instant of the gateway's sample requests.
pub(crate) const NOW: UnixMillis = UnixMillis::from_secs(1_795_280_712);

/// How a server is started.
pub(crate) struct Setup {
    pub(crate) dir: PathBuf,
    pub(crate) clock: SharedClock,
    pub(crate) engine: EngineConfig,
    pub(crate) http: HttpConfig,
    pub(crate) admin: AdminConfig,
    pub(crate) journal: JournalConfig,
    pub(crate) callback: CallbackConfig,
    pub(crate) catalogue: String,
}

impl Setup {
    pub(crate) fn new(dir: &Path) -> Self {
        let engine =
            EngineConfig { tick_ms: 10, checkpoint_interval_ms: 10, ..EngineConfig::default() };
        Self {
            dir: dir.to_owned(),
            clock: ManualClock::at(NOW),
            engine,
            http: HttpConfig::default(),
            admin: AdminConfig::default(),
            journal: JournalConfig { segment_bytes: 8 * 1024 * 1024, ..JournalConfig::default() },
            callback: CallbackConfig { threads: 4, ..CallbackConfig::default() },
            catalogue: DEMO.to_owned(),
        }
    }

    /// Sells more than the demo does.
    pub(crate) fn selling(mut self, products: &str) -> Self {
        self.catalogue.push_str(products);
        self
    }
}

/// A running server. Dropping it stops it in order.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) engine: EngineHandle,
    clock: SharedClock,
    keys: KeyRing,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_with(Setup::new(dir))
    }

    pub(crate) fn start_with(setup: Setup) -> Self {
        let (started, begun) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let clock = Arc::clone(&setup.clock);
        let thread = std::thread::spawn(move || {
            let system = actix_rt::System::new();
            system.block_on(run(setup, started, stopped));
        });
        let (addr, engine, keys) = begun.recv().expect("the server starts");
        Self { addr, engine, clock, keys, stop: Some(stop), thread: Some(thread) }
    }

    /// Stops it in order; everything is on disk then.
    pub(crate) fn stop(self) {
        drop(self);
    }

    /// Waits for an answer of the engine itself.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime to wait in").block_on(work)
    }

    /// An agent's number by its id.
    pub(crate) fn agent_no(&self, id: &str) -> AgentNo {
        self.engine.catalogue().agent_by_id(id).expect("a known agent").no
    }

    /// An order as the engine has it.
    pub(crate) fn order(&self, agent: &str, number: &str) -> Arc<Order> {
        let number = OrderId::new(number.parse().expect("an order number"));
        let query = self.engine.with_order(self.agent_no(agent), number, OrderCommand::Query);
        self.wait(query).expect("a known order")
    }

    /// The codes of an order.
    pub(crate) fn codes(&self, agent: &str, number: &str) -> Vec<String> {
        self.order(agent, number).tickets.iter().map(|ticket| ticket.code.to_string()).collect()
    }
}

impl Server {
    /// What an order says about people, opened with the store's keys.
    pub(crate) fn private(&self, order: &Order) -> PrivateDetails {
        self.keys.open_details(&order.private).expect("details sealed with these keys")
    }
}

impl Target for Server {
    fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn now(&self) -> UnixMillis {
        self.clock.now()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run(
    mut setup: Setup,
    started: mpsc::Sender<(SocketAddr, EngineHandle, KeyRing)>,
    stopped: tokio::sync::oneshot::Receiver<()>,
) {
    let (keys, _) = KeyRing::load(None, &setup.dir, MissingKeyFile::Create).expect("keys");
    let metrics = Metrics::default();
    let loopback = std::net::Ipv4Addr::LOCALHOST.into();
    let courier = HttpCourier::start(&setup.callback, keys.clone(), loopback).expect("threads");
    super::process::until_locks_are_free();
    let engine = Engine::start(EngineParts {
        data_dir: setup.dir.clone(),
        config: setup.engine.clone(),
        journal: setup.journal.clone(),
        snapshot: SnapshotConfig { cache_bytes: 16 * 1024 * 1024, ..SnapshotConfig::default() },
        keys: keys.clone(),
        clock: Arc::clone(&setup.clock),
        metrics: metrics.clone(),
        callbacks: Some(Callbacks {
            config: std::mem::take(&mut setup.callback),
            courier: Arc::new(courier),
        }),
    })
    .expect("the engine starts");
    let handle = engine.handle();
    if engine.report.is_new {
        import(&handle, &keys, &setup).await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("its address");
    let parts = HttpParts {
        engine: handle.clone(),
        keys: keys.clone(),
        config: setup.http,
        metrics,
        admin: setup.admin,
        documents: Arc::new(CatalogueDocuments),
    };
    let server = piaoku::http::start(parts, listener).expect("the server listens");
    let http = server.handle();
    let serving = actix_rt::spawn(server);
    started.send((addr, handle, keys)).expect("somebody waits");
    let _ = stopped.await;
    http.stop(true).await;
    let _ = serving.await;
    engine.stop().await;
}

async fn import(engine: &EngineHandle, keys: &KeyRing, setup: &Setup) {
    let today = ServiceDate::at(setup.clock.now(), 8 * 3600);
    let seal = |purpose: &'static str, bytes: &[u8]| {
        keys.seal(Purpose::new(purpose), bytes).map_err(Into::into)
    };
    let file = catalogue_file::parse(&setup.catalogue, today, &seal).expect("the catalogue");
    let mut commands = Vec::new();
    let mut fundings = Vec::new();
    for entry in file.entries {
        match entry {
            CatalogueEntry::Command(command) => commands.push(command),
            CatalogueEntry::Funding(funding) => fundings.push(funding),
        }
    }
    engine.change_catalogue(commands).await.expect("the catalogue is imported");
    let catalogue = engine.catalogue();
    let year = today.to_civil().expect("a year").year();
    for funding in fundings {
        let agent = catalogue.agent_by_id(&funding.agent).expect("the agent").no;
        let supplier = catalogue.supplier_by_id(&funding.supplier).expect("the supplier").no;
        let account = AccountKey { supplier, holder: Holder::Agent(agent) };
        for (balance, amount) in
            [(Balance::Prepaid, funding.prepaid), (Balance::Rebate { year }, funding.rebate)]
        {
            if amount > Fen::ZERO {
                engine.top_up(account, balance, amount).await.expect("money is credited");
            }
        }
    }
}
