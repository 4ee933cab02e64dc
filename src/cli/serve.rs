//! `piaoku serve`: everything together, from the configuration to an orderly end.
//!
//! The port is taken first, so that a second server fails at once, and answered last: connections made
//! during recovery wait in the system's queue and are served after it. Until then nothing is ready.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use actix_web::dev::Server;
use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};

use super::arguments::ServeArguments;
use super::call;
use super::demo::{self, PublicSecrets};
use super::import::{self, NamedText};
use crate::actors::{Callbacks, Engine, EngineHandle, StartReport};
use crate::clock::{Clock as _, SystemClock};
use crate::config::catalogue_file::CatalogueDocuments;
use crate::config::{self, BUILT_IN_DEMO, Config, LogFormat, LoggingConfig};
use crate::http::{self, HttpConfig, HttpCourier, HttpParts};
use crate::metrics::Metrics;
use crate::scheduling;
use crate::vault::KeyRing;

/// File that stands in the data directory while the first import is under way. A start that finds it
/// imports again, which changes nothing that is there already.
const IMPORT_PENDING: &str = "import.pending";

pub(super) fn run(arguments: &ServeArguments) -> anyhow::Result<ExitCode> {
    let config = config::load(&arguments.sources())?.config;
    start_logging(&config.logging)?;
    if config.engine.batch_scheduling
        && let Err(error) = scheduling::as_batch()
    {
        // Slower under load, and no less right.
        tracing::warn!(?error, "the system does not schedule this process as a batch process");
    }
    actix_rt::System::new().block_on(serve(config))
}

/// Sends log lines to standard error as configured.
pub(super) fn start_logging(config: &LoggingConfig) -> anyhow::Result<()> {
    let logs = tracing_subscriber::fmt()
        .with_env_filter(config.filter()?)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Human => logs.try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging: {error}"))
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let listen = &config.http.listen;
    let listener = TcpListener::bind(listen).with_context(|| format!("http.listen {listen}"))?;
    // The standard library has set a queue of its own length; listening again only changes that.
    let backlog = i32::try_from(config.http.backlog).unwrap_or(i32::MAX);
    rustix::net::listen(&listener, backlog).context("http.backlog")?;
    let metrics = Metrics::default();
    let listens_on = listener.local_addr()?.ip();
    let callbacks = |keys: &KeyRing| {
        if !config.callback.enabled {
            return Ok(None);
        }
        let courier = HttpCourier::start(&config.callback, keys.clone(), listens_on);
        let courier = Arc::new(courier.context("the threads that call agents back")?);
        Ok(Some(Callbacks { config: config.callback.clone(), courier }))
    };
    let (engine, keys) = import::start_calling_engine(&config, &metrics, callbacks)?;
    report(&engine.report);
    let result = run_server(&config, listener, &engine, keys, metrics).await;
    engine.stop().await;
    tracing::info!("stopped");
    result.map(|()| ExitCode::SUCCESS)
}

async fn run_server(
    config: &Config,
    listener: TcpListener,
    engine: &Engine,
    keys: KeyRing,
    metrics: Metrics,
) -> anyhow::Result<()> {
    let handle = engine.handle();
    let imported = prepare(config, &listener, &handle, &keys).await?;
    let address = listener.local_addr()?;
    let url = format!("http://{address}");
    let public = PublicSecrets::load(&config.data.dir)?;
    let serves_demo = !public.holders(&handle.catalogue(), &keys).is_empty();
    let gates = demo::served_gates(&config.http.gates, serves_demo);
    if gates.len() < config.http.gates.len() {
        tracing::warn!("the demo's gate (http.gates) is not served beside another catalogue");
    }
    let http_config = HttpConfig { gates, ..config.http.clone() };
    let parts = HttpParts {
        engine: handle,
        keys,
        config: http_config,
        metrics,
        admin: config.admin.clone(),
        documents: Arc::new(CatalogueDocuments),
    };
    let server = http::start(parts, listener)?;
    tracing::info!(%address, "ready");
    if imported && config.data.import == BUILT_IN_DEMO {
        println!("{}", welcome(&url)?);
    }
    until_told(server).await
}

/// Imports what an empty store begins with, and refuses to offer public secrets to others. Whether
/// anything was imported.
pub(super) async fn prepare(
    config: &Config,
    listener: &TcpListener,
    engine: &EngineHandle,
    keys: &KeyRing,
) -> anyhow::Result<bool> {
    let off_loopback = !listener.local_addr()?.ip().is_loopback();
    let offered = Offered { config, keys, off_loopback };
    let imported = first_import(engine, &offered).await?;
    offered.refuse_public_secrets(engine)?;
    Ok(imported)
}

/// What is about to be offered, and to whom.
struct Offered<'a> {
    config: &'a Config,
    keys: &'a KeyRing,
    off_loopback: bool,
}

impl Offered<'_> {
    /// Secrets that everybody knows are for this machine only, unless configured otherwise.
    fn refuse_public_secrets(&self, engine: &EngineHandle) -> anyhow::Result<()> {
        let public = PublicSecrets::load(&self.config.data.dir)?;
        let mut holders = public.holders(&engine.catalogue(), self.keys);
        if !holders.is_empty() {
            holders.extend(demo::public_gates(&self.config.http.gates));
        }
        let admin = self.config.admin.public_tokens();
        holders.extend(admin.map(|name| format!("admin.token {name}")));
        self.refuse(&holders)
    }

    fn refuse(&self, holders: &[String]) -> anyhow::Result<()> {
        if holders.is_empty() || !self.off_loopback {
            return Ok(());
        }
        let (listen, who) = (&self.config.http.listen, holders.join(", "));
        if self.config.security.allow_demo_secrets_off_loopback {
            tracing::warn!(%listen, %who, "secrets that everybody knows are offered to others");
            return Ok(());
        }
        bail!(
            "http.listen {listen} can be reached by others, and these have secrets that everybody \
             knows: {who}. Listen on 127.0.0.1, begin another data directory without the demo \
             (data.import = \"\" or a catalogue of your own), give them secrets of their own (for \
             operators: admin.token, or admin.enabled = false), or set \
             security.allow_demo_secrets_off_loopback = true \
             (PIAOKU__SECURITY__ALLOW_DEMO_SECRETS_OFF_LOOPBACK=true)"
        );
    }
}

/// Imports what an empty store begins with. Whether anything was imported.
async fn first_import(engine: &EngineHandle, offered: &Offered<'_>) -> anyhow::Result<bool> {
    let data = &offered.config.data;
    let pending = data.dir.join(IMPORT_PENDING);
    if !engine.catalogue().is_empty() && !pending.exists() {
        return Ok(false);
    }
    let texts: Vec<NamedText> = import::configured(&data.import)?;
    if texts.is_empty() {
        return Ok(false);
    }
    if data.import == BUILT_IN_DEMO {
        // Refused before it is stored, so that the same directory can begin with something else.
        offered.refuse(&["the demo catalogue".to_owned()])?;
    }
    mark(&pending)?;
    let done = import::import_all(engine, offered.keys, &data.dir, &texts).await;
    for what in done? {
        tracing::info!("{what}");
    }
    std::fs::remove_file(&pending).with_context(|| pending.display().to_string())?;
    Ok(true)
}

/// Creates an empty file that a crash does not lose.
fn mark(path: &Path) -> anyhow::Result<()> {
    let create = || {
        std::fs::File::create(path)?.sync_all()?;
        path.parent().map_or(Ok(()), |dir| std::fs::File::open(dir)?.sync_all())
    };
    create().with_context(|| path.display().to_string())
}

fn report(report: &StartReport) {
    let next_lsn = report.next_lsn.get();
    tracing::info!(replayed = report.records, next_lsn, "recovered");
    if report.tail_cut {
        tracing::warn!("the journal ended in a group that was never acknowledged; it was cut off");
    }
    if let Some(why) = &report.snapshots_rebuilt {
        tracing::warn!(%why, "the snapshots were set aside and rebuilt from the journal");
    }
}

/// Serves until SIGINT or SIGTERM, then answers what has come in. A second signal ends it at once,
/// which loses nothing that was acknowledged.
async fn until_told(server: Server) -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let handle = server.handle();
    let mut serving = actix_rt::spawn(server);
    tokio::select! {
        ended = &mut serving => return Ok(ended??),
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
    }
    tokio::select! {
        () = handle.stop(true) => {}
        _ = interrupt.recv() => handle.stop(false).await,
        _ = terminate.recv() => handle.stop(false).await,
    }
    Ok(serving.await??)
}

/// What a newcomer needs: the demo's credentials and something to paste.
fn welcome(url: &str) -> anyhow::Result<String> {
    let program = program();
    let at = if url == call::DEFAULT_URL { String::new() } else { format!(" --url {url}") };
    let verify = call::demo_verify_curl(url, SystemClock.now())?;
    let mut text = String::new();
    let _ = write!(
        text,
        "\nPiaoku serves on {url} with the demo catalogue (data/demo/catalogue.toml).\n\
         Its secrets are public, so it is offered on this machine only:\n\n\
         {credentials}\n\
         Sell a ticket from another terminal:\n\n\
         \x20 {program} call order{at}\n\
         \x20 {program} call order{at} --product P-ADULT --timespan -1\n\
         \x20 {program} call codes{at} --sku 7000000000000000001 --count 2 --date today\n\
         \x20 {program} call consult{at} --code CODE\n\
         \x20 {program} call redeem{at} --code CODE\n\n\
         Or ask whether one could be sold (signed, good for the next 60 seconds; any of the calls\n\
         above prints such a line with --print-only):\n\n{verify}\n",
        credentials = call::demo_credentials(),
    );
    Ok(text)
}

/// How this program was called, as far as a shell will find it again.
fn program() -> String {
    std::env::args().next().filter(|name| !name.contains(' ')).unwrap_or_else(|| "piaoku".into())
}
