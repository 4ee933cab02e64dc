//! `piaoku load`: measures a server with requests as partners send them.
//!
//! Flags, progress and output; the load itself is made in `crate::load`.

mod arguments;
mod spawn;

use std::io::IsTerminal as _;
use std::net::ToSocketAddrs as _;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

pub(super) use arguments::LoadArguments;
use spawn::Spawned;

use super::FAILED;
use super::call::{self, exchange::Address};
use crate::clock::{Clock as _, SystemClock};
use crate::load::{self, Counts, Goods, Pace, Report, Scenario, Settings, Watch};
use crate::types::ServiceDate;

/// Seconds east of Greenwich of the load catalogue's venue.
const VENUE_OFFSET_SECONDS: i32 = 8 * 3600;
/// Voucher codes that previews take turns with.
const CODES: u16 = 16;

/// Runs, prints and writes the report. SIGINT and SIGTERM end the run, and a server started for it is
/// stopped and removed like after any other failure.
pub(super) fn run(arguments: &LoadArguments) -> anyhow::Result<ExitCode> {
    let interrupted = interruption()?;
    let report = if arguments.spawn {
        let scratch = arguments.spawn_in.clone().unwrap_or_else(std::env::temp_dir);
        let server = Spawned::start(&scratch, arguments.server_config.as_deref())?;
        let mut report = measure(arguments, server.url(), &interrupted)?;
        report.audit = Some(server.stop_and_audit(&report)?);
        report
    } else {
        measure(arguments, &arguments.url, &interrupted)?
    };
    write(arguments, &report)?;
    let broken = !report.broken_promises().is_empty();
    Ok(if broken { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

/// Runs the load against the server at `url`.
fn measure(
    arguments: &LoadArguments,
    url: &str,
    interrupted: &Arc<AtomicBool>,
) -> anyhow::Result<Report> {
    let settings = settings(arguments, url)?;
    let mut progress = Progress::new(settings.scenario, Arc::clone(interrupted));
    let report = load::run(&settings, &mut progress)?;
    progress.bar.finish_and_clear();
    Ok(report)
}

/// Prints the report and writes the files asked for.
fn write(arguments: &LoadArguments, report: &Report) -> anyhow::Result<()> {
    let json_on_stdout = arguments.json.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if !json_on_stdout {
        print!("{}", report.to_table());
    }
    if let Some(path) = &arguments.json {
        let json = format!("{:#}\n", report.to_json());
        if json_on_stdout {
            print!("{json}");
        } else {
            std::fs::write(path, json).with_context(|| path.display().to_string())?;
        }
    }
    if let Some(path) = &arguments.html {
        std::fs::write(path, report.to_html()).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn settings(arguments: &LoadArguments, url: &str) -> anyhow::Result<Settings> {
    let address = Address::parse(url)?;
    let host_and_port = match address.host.rsplit_once(':') {
        Some((_, port)) if !port.contains(']') => address.host.clone(),
        _ => format!("{}:{}", address.host, address.port),
    };
    let mut targets = host_and_port.to_socket_addrs().with_context(|| url.to_owned())?;
    let target = targets.next().with_context(|| format!("{url}: no such host"))?;
    let scenario = arguments.scenario();
    let tomorrow = ServiceDate::at(SystemClock.now(), VENUE_OFFSET_SECONDS).plus_days(1);
    let codes = if scenario.needs_codes() {
        call::issued_codes(url, arguments.caller.client(), &arguments.sku, CODES)
            .context("codes to preview")?
    } else {
        Vec::new()
    };
    Ok(Settings {
        target,
        host: address.host,
        partner: arguments.caller.partner(),
        goods: Goods {
            product: arguments.product().to_owned(),
            first_day: arguments.date.unwrap_or(tomorrow),
            slots: arguments.slots,
            sku: arguments.sku.clone(),
        },
        codes,
        format: arguments.format.into(),
        scenario,
        pace: match arguments.rate {
            Some(rate) => Pace::Open { rate, pattern: arguments.arrivals.into() },
            None => Pace::Closed,
        },
        connections: arguments.connections,
        threads: arguments.threads.min(arguments.connections),
        warmup: arguments.warmup,
        duration: arguments.duration,
        timeout: arguments.timeout,
        late: arguments.late,
        seed: match arguments.seed {
            Some(seed) => seed,
            None => fresh_seed()?,
        },
    })
}

/// A seed nobody had: orders of another run must not be repeated by chance. It is short enough for every
/// reader of JSON.
fn fresh_seed() -> anyhow::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("random numbers: {error}"))?;
    Ok(u64::from_le_bytes(bytes) >> 12)
}

/// Becomes true with the first SIGINT or SIGTERM. A second one ends the process at once.
fn interruption() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&interrupted);
    let (ready, is_ready) = std::sync::mpsc::channel();
    let wait = async move {
        let signals = signal(SignalKind::interrupt())
            .and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
        let (mut interrupt, mut terminate) = match signals {
            Ok(signals) => signals,
            Err(error) => return drop(ready.send(Err(error))),
        };
        drop(ready.send(Ok(())));
        for _ in 0..2 {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if told.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(FAILED));
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    std::thread::Builder::new().name("signals".into()).spawn(move || runtime.block_on(wait))?;
    is_ready.recv().context("the thread of signals")??;
    Ok(interrupted)
}

/// A bar on standard error, if somebody sees it.
struct Progress {
    bar: ProgressBar,
    interrupted: Arc<AtomicBool>,
}

impl Progress {
    fn new(scenario: Scenario, interrupted: Arc<AtomicBool>) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(scenario.name());
        Self { bar, interrupted }
    }
}

impl Watch for Progress {
    fn at(&mut self, passed: Duration, all: Duration, counts: Counts) -> ControlFlow<()> {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.bar.set_length(millis(all));
        self.bar.set_position(millis(passed.min(all)));
        let Counts { success, refusal, error, dropped, .. } = counts;
        self.bar.set_message(format!(
            "{success} done, {refusal} refused, {error} failed, {dropped} dropped"
        ));
        if self.interrupted.load(Ordering::Relaxed) {
            self.bar.finish_and_clear();
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
