//! PostgreSQL: a cluster of its own, measured raw by pgbench, audited by one query.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Signal, geteuid};
use tokio_postgres::NoTls;

use super::process::{self, Server, Start, free_addr};
use super::shop::{HOT, PLACES, day, days};
use super::{Audit, Measure};
use crate::sale::AGENT;

/// What to tell where it is missing.
pub(crate) const INSTALL: &str = "apt-get install postgresql-15";

/// PostgreSQL refuses to be root; then it is one of these.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// The agent's balance in fen at the beginning.
const REBATE_FEN: i64 = 1_000_000_000_000;

/// What differs from the defaults: more connections, the memory such a machine would give it, and no
/// checkpoint amid a run. It syncs every commit, as by default.
const SETTINGS: [&str; 11] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=400",
    "shared_buffers=512MB",
    "max_wal_size=8GB",
    "checkpoint_timeout=30min",
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "wal_level=minimal",
    "max_wal_senders=0",
];

/// The programs, and whom the server runs as.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    initdb: PathBuf,
    postgres: PathBuf,
    pgbench: PathBuf,
    user: Option<&'static str>,
}

impl Programs {
    pub(crate) fn find() -> Option<Self> {
        let user = if geteuid().is_root() {
            process::find("setpriv")?;
            let users = std::fs::read_to_string("/etc/passwd").ok()?;
            let is_known =
                |user: &&&str| users.lines().any(|it| it.split(':').next() == Some(**user));
            Some(*USERS.iter().find(is_known)?)
        } else {
            None
        };
        let [initdb, postgres, pgbench] = ["initdb", "postgres", "pgbench"].map(process::find);
        Some(Self { initdb: initdb?, postgres: postgres?, pgbench: pgbench?, user })
    }

    /// What the server calls itself.
    pub(crate) async fn version(&self) -> anyhow::Result<String> {
        let mut command = std::process::Command::new(&self.postgres);
        command.arg("--version");
        Ok(process::run(command, Duration::from_secs(5)).await?.trim().to_owned())
    }
}

/// A PostgreSQL that runs, with the shop in it.
pub(crate) struct Postgres {
    pub(crate) server: Server,
    programs: Programs,
    port: u16,
    client: tokio_postgres::Client,
    script: PathBuf,
}

impl Postgres {
    /// Makes a cluster in an empty directory and starts it.
    pub(crate) async fn start(programs: &Programs, dir: &Path) -> anyhow::Result<Self> {
        let data = dir.join("data");
        std::fs::create_dir(&data)?;
        if let Some(user) = programs.user {
            // Whoever it runs as has to get there and owns only its own.
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o711))?;
            let mut command = std::process::Command::new("chown");
            command.arg(user).arg(&data);
            process::run(command, Duration::from_secs(5)).await?;
        }
        let (stop, user) = (Signal::INT, programs.user);
        let mut command = Start { program: &programs.initdb, stop, user }.command();
        command.arg("--pgdata").arg(&data).current_dir("/");
        command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"]);
        process::run(command, Duration::from_secs(120)).await.context("initdb")?;

        let port = free_addr()?.port();
        let mut command = Start { program: &programs.postgres, stop, user }.command();
        command.arg("-D").arg(&data).args(["-p", &port.to_string()]).current_dir("/");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let mut server = Server::spawn("postgres", command, stop, dir)?;
        let mut connected = None;
        let connect = async || {
            connected = tokio_postgres::connect(&address(port), NoTls).await.ok();
            connected.is_some()
        };
        server.wait_ready(connect).await?;
        let (client, connection) = connected.context("a server that is ready can be reached")?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("PostgreSQL: {error}");
            }
        });
        client.batch_execute(include_str!("../../sale/schema.sql")).await?;
        let slots: Vec<String> = days().map(|day| format!("{HOT}:{day}")).collect();
        let insert =
            "INSERT INTO slots (slot, capacity) SELECT slot, $2 FROM unnest($1::text[]) slot";
        client.execute(insert, &[&slots, &PLACES]).await?;
        client.execute("INSERT INTO accounts VALUES ($1, $2)", &[&AGENT, &REBATE_FEN]).await?;
        // Each by itself: neither runs inside a transaction.
        client.batch_execute("VACUUM ANALYZE").await?;
        client.batch_execute("CHECKPOINT").await?;
        let script = dir.join("sell.pgbench");
        std::fs::write(&script, include_str!("../../sale/sell.pgbench"))?;
        Ok(Self { server, programs: programs.clone(), port, client, script })
    }

    /// How to reach it.
    pub(crate) fn address(&self) -> String {
        address(self.port)
    }

    /// The function by pgbench, prepared, on one hot row.
    pub(crate) async fn raw(
        &mut self,
        connections: u32,
        duration: Duration,
    ) -> anyhow::Result<Measure> {
        let start = Start { program: &self.programs.pgbench, stop: Signal::TERM, user: None };
        let mut command = start.command();
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres"]);
        command.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]);
        command.args(["--client", &connections.to_string()]);
        command.args(["--time", &duration.as_secs().max(1).to_string()]);
        command.arg(format!("--define=slot={HOT}:{}", day(1))).arg("--file").arg(&self.script);
        command.arg("postgres");
        let said = process::run(command, duration + Duration::from_secs(60)).await?;
        self.server.settle().await;
        parse(&said).with_context(|| format!("pgbench said {said}"))
    }

    /// Compares what was sold with the orders, every other table and the money.
    pub(crate) async fn audit(&mut self) -> anyhow::Result<Audit> {
        let row = self.client.query_one(include_str!("../../sale/audit.sql"), &[]).await?;
        let number = |name: &str| row.try_get::<_, i64>(name);
        let (orders, sold, ordered) = (number("orders")?, number("sold")?, number("ordered")?);
        let (taken, vouchers) = (number("taken")?, number("vouchers")?);
        let (charged, left) = (number("charged_fen")?, number("left_fen")?);
        let oversold = number("oversold")?;
        let holds = sold == ordered
            && taken == ordered
            && vouchers == ordered
            && charged + left == REBATE_FEN
            && oversold == 0;
        let line = format!(
            "orders {orders}, tickets {ordered}, stock sold {sold}, persons' tickets {taken}, vouchers \
             {vouchers}, charged {charged} of {REBATE_FEN} fen, slots oversold {oversold}"
        );
        Ok(Audit { orders: u64::try_from(orders)?, holds, line })
    }
}

fn address(port: u16) -> String {
    format!("host=127.0.0.1 port={port} user=postgres dbname=postgres")
}

fn parse(said: &str) -> anyhow::Result<Measure> {
    let after = |label: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(label));
        let line = line.with_context(|| format!("no {label}"))?;
        let word = line.split_whitespace().next().context("no value")?;
        word.parse::<f64>().with_context(|| format!("{label} {word}"))
    };
    let success = after("number of transactions actually processed: ")? as u64;
    Ok(Measure {
        rate: after("tps = ")?,
        success,
        acknowledged: success,
        error: after("number of failed transactions: ")? as u64,
        ..Measure::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pgbench_says_is_read() {
        let said = "number of transactions actually processed: 6050\n\
                    number of failed transactions: 2 (0.033%)\n\
                    latency average = 52.9 ms\n\
                    tps = 1209.87 (without initial connection time)\n";
        let measured = parse(said).unwrap();
        assert_eq!((measured.rate, measured.success, measured.error), (1209.87, 6050, 2));
        assert!(parse("tps = fast").is_err());
    }
}
