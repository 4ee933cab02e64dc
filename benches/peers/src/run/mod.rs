//! `peers run`: starts each of them in turn, loads it, audits it, and compares.
//!
//! A round visits every server, each time with an empty store and in another order; ratios are taken inside
//! a round. A server's numbers are void unless its books are right afterwards and hold at least what the
//! load generator was told was sold.

mod chart;
mod load;
mod machine;
mod piaoku;
mod postgres;
mod process;
mod redis;
mod report;
mod shop;
mod visit;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};

use machine::Machine;
use report::Report;
use visit::{Peer, Visitor};

/// Flags of `run`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArguments {
    /// Rounds, each of which measures everything once
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u32,
    /// Seconds of each measurement
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
    /// Connections, one table for each; open loop uses the first
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_values_t = [64, 256])]
    connections: Vec<u32>,
    /// Threads of every HTTP server
    #[arg(long, value_name = "N", default_value_t = 2)]
    workers: usize,
    /// Only these; the bare server and Piaoku are needed for most ratios
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_enum)]
    only: Vec<Peer>,
    /// Where stores are made and removed again; on the disk to be measured [default: the system's
    /// temporary folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the numbers go as JSON
    #[arg(long, value_name = "FILE", default_value = "target/peers.json")]
    out: PathBuf,
    /// Where a chart of the sales goes as SVG
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    /// The program to measure and to load with [default: piaoku beside this one]
    #[arg(long, value_name = "FILE")]
    piaoku: Option<PathBuf>,
}

/// What one measurement gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Measure {
    /// Successes a second.
    pub(crate) rate: f64,
    /// Answers a second, refusals included.
    pub(crate) answered_rate: f64,
    pub(crate) success: u64,
    pub(crate) refusal: u64,
    /// Of these, for another reason than short stock.
    pub(crate) refused_otherwise: u64,
    pub(crate) error: u64,
    /// Requests that were due and not sent.
    pub(crate) dropped: u64,
    /// Microseconds; absent where the tool does not say.
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    /// Orders that were answered with success, also while nothing was counted yet.
    pub(crate) acknowledged: u64,
    /// Cores that the load generator used; absent as above.
    pub(crate) load_cores: Option<f64>,
    /// Whether the load generator could not have done more.
    pub(crate) is_load_saturated: bool,
}

/// What a server's books say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Audit {
    /// Orders that were sold.
    pub(crate) orders: u64,
    pub(crate) holds: bool,
    pub(crate) line: String,
}

/// Measures and prints; everything that was started is gone when this returns, whatever it returns.
pub(crate) fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // Dropping the measurement drops the guards of all servers.
        tokio::select! {
            result = measure(arguments) => result,
            _ = interrupt.recv() => bail!("interrupted"),
            _ = terminate.recv() => bail!("terminated"),
        }
    })
}

async fn measure(arguments: &RunArguments) -> anyhow::Result<()> {
    if arguments.rounds == 0 || arguments.seconds == 0 || arguments.connections.is_empty() {
        bail!("rounds, seconds and connections are above zero");
    }
    let own = std::env::current_exe()?;
    let piaoku = arguments.piaoku.clone().unwrap_or_else(|| own.with_file_name("piaoku"));
    let piaoku = piaoku.canonicalize().with_context(|| format!("{}", piaoku.display()))?;
    let dir = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    let dir = tempfile::Builder::new().prefix("piaoku-peers-").tempdir_in(&dir)?;
    let (peers, versions, skipped) = visit::peers(&arguments.only).await?;
    let machine = Machine::look(dir.path(), versions).await;
    if machine.is_in_memory() {
        eprintln!("{} is in memory, where a sync costs nothing: see --dir", dir.path().display());
    }
    let visitor = Visitor {
        own,
        piaoku,
        dir: dir.path().to_owned(),
        workers: arguments.workers,
        duration: Duration::from_secs(arguments.seconds),
    };
    let mut report = Report::new(machine, arguments, skipped);
    for round in 0..arguments.rounds {
        for &connections in &arguments.connections {
            for turn in 0..peers.len() {
                let peer = peers[(turn + round as usize) % peers.len()];
                visitor.visit(peer, round, connections, &mut report).await?;
            }
        }
        visitor.open_loop(round, arguments.connections[0], &peers, &mut report).await?;
    }
    print!("{}", report.to_markdown());
    let json = serde_json::to_string_pretty(&report.to_json())?;
    if let Some(parent) = arguments.out.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(&arguments.out, json + "\n")?;
    eprintln!("numbers in {}", arguments.out.display());
    if let Some(chart) = &arguments.chart {
        std::fs::write(chart, report.to_svg())?;
        eprintln!("chart in {}", chart.display());
    }
    if report.has_void() { bail!("some numbers are void, see the audits") } else { Ok(()) }
}
