//! Redis: started with an append-only file, measured raw by its own tool, audited by reading all of it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, Client, Script};
use rustix::process::Signal;

use super::process::{self, Server, Start, free_addr};
use super::shop::{HOT, PLACES, day, days};
use super::{Audit, Measure};
use crate::redis_front::{SELL, stock_key};

/// What to tell where it is missing.
pub(crate) const INSTALL: &str = "apt-get install redis-server";

/// When a sale is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fsync {
    /// Before it is answered.
    Always,
    /// Within about a second; a crash forgets what was answered since.
    Everysec,
}

impl Fsync {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Everysec => "everysec",
        }
    }
}

/// The programs.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    server: PathBuf,
    benchmark: PathBuf,
}

impl Programs {
    pub(crate) fn find() -> Option<Self> {
        let (server, benchmark) = ("redis-server", "redis-benchmark");
        Some(Self { server: process::find(server)?, benchmark: process::find(benchmark)? })
    }

    /// What the server calls itself.
    pub(crate) async fn version(&self) -> anyhow::Result<String> {
        let mut command = std::process::Command::new(&self.server);
        command.arg("--version");
        let said = process::run(command, Duration::from_secs(5)).await?;
        Ok(said.split(" sha=").next().unwrap_or(&said).trim().to_owned())
    }
}

/// A Redis that runs, with the shop in it.
pub(crate) struct Redis {
    pub(crate) server: Server,
    programs: Programs,
    port: u16,
    connection: MultiplexedConnection,
}

impl Redis {
    /// Starts one in an empty directory.
    pub(crate) async fn start(
        programs: &Programs,
        fsync: Fsync,
        dir: &Path,
    ) -> anyhow::Result<Self> {
        let port = free_addr()?.port();
        let start = Start { program: &programs.server, stop: Signal::TERM, user: None };
        let mut command = start.command();
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--daemonize", "no"]);
        command.arg("--dir").arg(dir).args(["--save", "", "--appendonly", "yes"]);
        command.args(["--appendfsync", fsync.name()]);
        // Rewriting the file amid a run would cost Redis, not us.
        command.args(["--auto-aof-rewrite-percentage", "0"]);
        let mut server = Server::spawn("redis-server", command, start.stop, dir)?;
        let client = Client::open(format!("redis://127.0.0.1:{port}"))?;
        let mut connected = None;
        let connect = async || {
            connected = client.get_multiplexed_async_connection().await.ok();
            connected.is_some()
        };
        server.wait_ready(connect).await?;
        let mut connection = connected.context("a server that is ready can be reached")?;
        let mut pipe = redis::pipe();
        for day in days() {
            pipe.set(stock_key(&format!("{HOT}:{day}")), PLACES).ignore();
        }
        pipe.query_async::<()>(&mut connection).await?;
        Script::new(SELL).load_async(&mut connection).await?;
        Ok(Self { server, programs: programs.clone(), port, connection })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The script by the raw protocol, unpipelined, on one hot slot.
    pub(crate) async fn raw(
        &mut self,
        connections: u32,
        duration: Duration,
    ) -> anyhow::Result<Measure> {
        // The tool counts requests, not seconds: a short run tells how many fit.
        let trial = self.benchmark(connections, 2000).await?;
        let seconds = duration.as_secs_f64();
        let mut measured =
            self.benchmark(connections, ((trial.rate * seconds) as u64).max(2000)).await?;
        measured.acknowledged = trial.success + measured.success;
        self.server.settle().await;
        Ok(measured)
    }

    async fn benchmark(&mut self, connections: u32, requests: u64) -> anyhow::Result<Measure> {
        let hot = format!("{HOT}:{}", day(1));
        let stock: i64 = self.connection.get(stock_key(&hot)).await?;
        let start = Start { program: &self.programs.benchmark, stop: Signal::TERM, user: None };
        let mut command = start.command();
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "--csv"]);
        command.args(["-c", &connections.to_string(), "-n", &requests.to_string()]);
        command.args(["-r", "2000000000", "EVALSHA", Script::new(SELL).get_hash(), "3"]);
        command.args(["order:__rand_int__", &stock_key(&hot)]);
        command.arg(format!("taken:{hot}:110000__rand_int__"));
        command.args(["1", "1", "__rand_int__", "110000__rand_int__", "测试游客", "13800000000"]);
        let limit = Duration::from_secs(120);
        let said = process::run(command, limit).await?;
        let mut measured = parse(&said).with_context(|| format!("redis-benchmark said {said}"))?;
        let left: i64 = self.connection.get(stock_key(&hot)).await?;
        // A number that was drawn twice repeats an order or meets the limit: not a sale.
        measured.success = u64::try_from(stock - left)?;
        measured.refusal = requests.saturating_sub(measured.success);
        measured.rate *= measured.success as f64 / requests as f64;
        Ok(measured)
    }

    /// Reads every key and compares.
    pub(crate) async fn audit(&mut self) -> anyhow::Result<Audit> {
        let (mut orders, mut ordered, mut taken, mut sold, mut negative) = (0, 0, 0, 0, 0);
        let mut cursor: u64 = 0;
        // A scan may show a key twice while the server is making room.
        let mut seen = HashSet::new();
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("COUNT").arg(5000);
            let (next, mut keys): (u64, Vec<String>) =
                scan.query_async(&mut self.connection).await?;
            keys.retain(|key| seen.insert(key.clone()));
            let mut pipe = redis::pipe();
            for key in &keys {
                match key.split(':').next() {
                    Some("order") if key != "order:last" => pipe.hget(key, "tickets"),
                    _ => pipe.get(key),
                };
            }
            let values: Vec<i64> = if keys.is_empty() {
                Vec::new()
            } else {
                pipe.query_async(&mut self.connection).await?
            };
            for (key, value) in keys.iter().zip(values) {
                negative += u64::from(value < 0);
                match key.split(':').next() {
                    Some("stock") => sold += PLACES - value,
                    Some("taken") => taken += value,
                    Some("order") if key != "order:last" => {
                        orders += 1;
                        ordered += value;
                    }
                    _ => {}
                }
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        let holds = sold == ordered && taken == ordered && negative == 0;
        let line = format!(
            "orders {orders}, tickets {ordered}, stock sold {sold}, persons' tickets {taken}, below zero {negative}"
        );
        Ok(Audit { orders, holds, line })
    }
}

/// The one line of `--csv` after its head: test, rps, avg, min, p50, p95, p99, max in ms.
fn parse(csv: &str) -> anyhow::Result<Measure> {
    let line = csv.lines().find(|line| !line.starts_with("\"test\"") && line.contains("\",\""));
    let fields: Vec<&str> = line.context("no line")?.trim_matches('"').split("\",\"").collect();
    ensure!(fields.len() == 8, "{} fields", fields.len());
    let number = |index: usize| fields[index].parse::<f64>().context("no number");
    Ok(Measure {
        rate: number(1)?,
        p50_us: Some(number(4)? * 1e3),
        p99_us: Some(number(6)? * 1e3),
        ..Measure::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_line_is_read() {
        let head = r#""test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms""#;
        let line = r#""EVALSHA abc 3 order:__rand_int__","12345.67","1.250","0.100","1.200","2.000","3.500","9.000""#;
        let measured = parse(&format!("{head}\n{line}\n")).unwrap();
        assert_eq!((measured.rate, measured.p99_us), (12345.67, Some(3500.0)));
        assert!(parse(head).is_err());
        assert!(parse("ERR").is_err());
    }
}
