//! `--spawn`: a server of its own in a temporary store, and the audit of that store once it has stopped.
//!
//! The server is this program, so what is measured is what is installed; nothing of it runs in the
//! generator's process.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::audit;
use crate::cli::call::exchange::{Address, Request};
use crate::clock::monotonic_nanos;
use crate::load::report::AuditReport;
use crate::load::{Report, Scenario};

/// What the server sells.
const CATALOGUE: &str = include_str!("../../../data/load/catalogue.toml");
/// Longest wait for the server to be ready, or to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between looks.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of the server's log that are shown when it fails.
const LOG_TAIL: usize = 2000;

/// A server that runs, and its store. Dropped, both are removed.
pub(super) struct Spawned {
    dir: PathBuf,
    child: Child,
    url: String,
}

impl Spawned {
    /// Starts a server in a new folder of `parent`, with a configuration file or the defaults, and waits
    /// until it is ready. Settings in the environment (`PIAOKU__…`) are the server's, too.
    pub(super) fn start(parent: &Path, config: Option<&Path>) -> anyhow::Result<Self> {
        let config = config.map(std::path::absolute).transpose().context("--server-config")?;
        let dir = new_folder(parent)?;
        let started = spawn(&dir, config.as_deref());
        let (child, url) = match started {
            Ok(started) => started,
            Err(error) => {
                remove(&dir);
                return Err(error);
            }
        };
        let mut server = Self { dir, child, url };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Where it listens.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let ready = Request {
            address: Address::parse(&self.url)?,
            method: "GET",
            path_and_query: "/health/ready".to_owned(),
            headers: Vec::new(),
            body: String::new(),
        };
        let ready = || ready.send(1).is_ok_and(|answer| answer.status == 200);
        self.look_until(|child| Ok(ready() || child.try_wait()?.is_some()))?;
        match self.child.try_wait()? {
            Some(status) => bail!("the server ended with {status}:\n{}", self.log()),
            None => Ok(()),
        }
    }

    /// Stops the server as an operator does and audits what it has left.
    pub(super) fn stop_and_audit(mut self, report: &Report) -> anyhow::Result<AuditReport> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("the server's process")?, Signal::TERM)?;
        self.look_until(|child| Ok(child.try_wait()?.is_some()))?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the server ended with {status}:\n{}", self.log());
        }
        let found = audit::of(&self.store(), &self.dir)?;
        Ok(AuditReport {
            orders_in_books: found.paid,
            // Codes to preview are an order as well, which the run itself did not place.
            orders_before: u64::from(report.scenario.needs_codes()),
            orders_acknowledged: report.orders_acknowledged,
            orders_unknown: report.orders_unknown,
            stock: match report.scenario {
                Scenario::Flash { stock, .. } => Some(stock),
                _ => None,
            },
            records: found.records,
            digest: found.digest,
            violations: found.violations,
        })
    }

    fn look_until(
        &mut self,
        mut come: impl FnMut(&mut Child) -> std::io::Result<bool>,
    ) -> anyhow::Result<()> {
        let began = monotonic_nanos();
        while !come(&mut self.child)? {
            if Duration::from_nanos(monotonic_nanos() - began) > PATIENCE {
                bail!("the server took more than {PATIENCE:?}:\n{}", self.log());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// The end of what the server said.
    fn log(&self) -> String {
        let log = std::fs::read(self.dir.join("server.log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL)..]).into_owned()
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        // It has ended unless something failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        remove(&self.dir);
    }
}

fn spawn(dir: &Path, config: Option<&Path>) -> anyhow::Result<(Child, String)> {
    let catalogue = dir.join("catalogue.toml");
    std::fs::write(&catalogue, CATALOGUE).with_context(|| catalogue.display().to_string())?;
    // The port is free now, and taken again at once.
    let free = TcpListener::bind("127.0.0.1:0").context("a free port")?;
    let address = free.local_addr()?;
    drop(free);
    let log = std::fs::File::create(dir.join("server.log"))?;
    let mut server = Command::new(std::env::current_exe()?);
    server.arg("serve").arg("--data-dir").arg(dir.join("store"));
    server.arg("--listen").arg(address.to_string());
    if let Some(config) = config {
        server.arg("--config").arg(config);
    }
    server.env("PIAOKU__DATA__IMPORT", &catalogue);
    // Away from a configuration file that happens to be in this folder.
    server.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let child = server.spawn().context("the server")?;
    Ok((child, format!("http://{address}")))
}

/// A folder that nobody else has.
fn new_folder(parent: &Path) -> anyhow::Result<PathBuf> {
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(|error| anyhow::anyhow!("random numbers: {error}"))?;
    // The server finds its store wherever it runs.
    let dir = std::path::absolute(parent)?.join(format!("piaoku-load-{}", hex::encode(suffix)));
    std::fs::create_dir(&dir).with_context(|| dir.display().to_string())?;
    Ok(dir)
}

fn remove(dir: &Path) {
    if let Err(error) = std::fs::remove_dir_all(dir) {
        eprintln!("piaoku: the store in {} was left behind: {error}", dir.display());
    }
}
