//! What is measured of each server, in which order, and what its audit has to agree with.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use rustix::process::Signal;

use super::load::{Load, Pace, Scenario};
use super::piaoku::Piaoku;
use super::postgres::{self, Postgres};
use super::process::{Server, Start, free_addr};
use super::redis::{self, Fsync, Redis};
use super::report::{Report, Row};
use super::shop::{HOT, SOLD_OUT};
use super::{Audit, Measure};

/// A server to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Peer {
    /// actix-web that decodes and answers a constant.
    Bare,
    /// Piaoku.
    Piaoku,
    /// Redis that syncs before it answers.
    RedisAlways,
    /// Redis that syncs every second.
    RedisEverysec,
    /// PostgreSQL.
    Postgres,
}

const ALL: [Peer; 5] =
    [Peer::Bare, Peer::Piaoku, Peer::RedisAlways, Peer::RedisEverysec, Peer::Postgres];

/// Offered load in overload, as a multiple of what closed loop reached.
const OVERLOAD: f64 = 5.0;
/// Connections of the overload: more than the server can keep busy, fewer than the usual limit of files.
const OVERLOAD_CONNECTIONS: u32 = 512;

/// What is at hand of `only` (all when empty), what it calls itself, and what is missing.
pub(crate) async fn peers(
    only: &[Peer],
) -> anyhow::Result<(Vec<Peer>, Vec<(&'static str, String)>, Vec<String>)> {
    let (mut versions, mut skipped) = (Vec::new(), Vec::new());
    let redis = redis::Programs::find();
    match &redis {
        Some(programs) => versions.push(("Redis", programs.version().await?)),
        None => skipped.push(format!("Redis is not installed: {}", redis::INSTALL)),
    }
    let postgres = postgres::Programs::find();
    match &postgres {
        Some(programs) => versions.push(("PostgreSQL", programs.version().await?)),
        None => skipped.push(format!("PostgreSQL is not installed: {}", postgres::INSTALL)),
    }
    let is_there = |peer: &Peer| match peer {
        Peer::Bare | Peer::Piaoku => true,
        Peer::RedisAlways | Peer::RedisEverysec => redis.is_some(),
        Peer::Postgres => postgres.is_some(),
    };
    let is_wanted = |peer: &Peer| only.is_empty() || only.contains(peer);
    let peers = ALL.into_iter().filter(|peer| is_wanted(peer) && is_there(peer)).collect();
    for line in &skipped {
        eprintln!("SKIPPED: {line}");
    }
    Ok((peers, versions, skipped))
}

/// What every visit needs.
pub(crate) struct Visitor {
    /// This program, which is the fronts too.
    pub(crate) own: PathBuf,
    /// Piaoku's program, which is the load generator too.
    pub(crate) piaoku: PathBuf,
    /// Where stores are made.
    pub(crate) dir: PathBuf,
    /// Workers of every HTTP server.
    pub(crate) workers: usize,
    /// How long each measurement takes.
    pub(crate) duration: Duration,
}

/// Measurements of one visit, which its audit accepts or not as a whole.
struct Visit<'v> {
    visitor: &'v Visitor,
    round: u32,
    connections: u32,
    measured: Vec<(Row, Measure)>,
    /// Orders that somebody was told were sold.
    acknowledged: u64,
}

impl Visitor {
    /// Starts a server with an empty store, measures it in closed loop, audits and stops it.
    pub(crate) async fn visit(
        &self,
        peer: Peer,
        round: u32,
        connections: u32,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        eprintln!("round {}, {connections} connections: {peer:?}", round + 1);
        let dir = tempfile::tempdir_in(&self.dir)?;
        let mut visit = Visit::new(self, round, connections);
        let audit = match peer {
            Peer::Bare => visit.bare(dir.path()).await.map(|()| None),
            Peer::Piaoku => visit.piaoku(dir.path()).await.map(Some),
            Peer::RedisAlways => visit.redis(Fsync::Always, dir.path()).await.map(Some),
            Peer::RedisEverysec => visit.redis(Fsync::Everysec, dir.path()).await.map(Some),
            Peer::Postgres => visit.postgres(dir.path()).await.map(Some),
        }?;
        visit.hand_in(&format!("{peer:?}"), audit, report);
        Ok(())
    }

    /// Measures what needs a rate: half of what closed loop reached in this round, and five times as much.
    pub(crate) async fn open_loop(
        &self,
        round: u32,
        connections: u32,
        peers: &[Peer],
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let reached = |row| report.rate(round, connections, row);
        let (Some(verify), Some(order)) = (reached(Row::PiaokuVerify), reached(Row::PiaokuOrder))
        else {
            return Ok(());
        };
        eprintln!("round {}, {connections} connections: open loop", round + 1);
        let dir = tempfile::tempdir_in(&self.dir)?;
        let mut visit = Visit::new(self, round, connections);
        if peers.contains(&Peer::Bare) {
            let bare = visit.front("bare", &[], dir.path()).await?;
            let (pace, addr) = (Pace::Open { per_second: verify / 2.0 }, bare.addr);
            visit.load(Row::OpenBareVerify, Scenario::Verify, addr, pace).await?;
        }
        let piaoku = Piaoku::start(&self.piaoku, self.workers, dir.path()).await?;
        let addr = piaoku.addr;
        let paced = [
            (Row::OpenVerify, Scenario::Verify, verify / 2.0),
            (Row::OpenOrder, Scenario::Order, order / 2.0),
            (Row::Overload, Scenario::Order, order * OVERLOAD),
        ];
        for (row, scenario, per_second) in paced {
            visit.load(row, scenario, addr, Pace::Open { per_second }).await?;
            piaoku.server.settle().await;
        }
        let audit = piaoku.stop_and_audit().await?;
        visit.hand_in("Piaoku, open loop", Some(audit), report);
        Ok(())
    }
}

/// An HTTP server of ours in front of nothing or of a store.
struct Front {
    addr: SocketAddr,
    /// Held to run.
    _server: Server,
}

impl<'v> Visit<'v> {
    fn new(visitor: &'v Visitor, round: u32, connections: u32) -> Self {
        Self { visitor, round, connections, measured: Vec::new(), acknowledged: 0 }
    }

    async fn bare(&mut self, dir: &Path) -> anyhow::Result<()> {
        let front = self.front("bare", &[], dir).await?;
        self.load(Row::BareVerify, Scenario::Verify, front.addr, Pace::Closed).await?;
        self.load(Row::BareOrder, Scenario::Order, front.addr, Pace::Closed).await?;
        // Nobody sold anything.
        self.acknowledged = 0;
        Ok(())
    }

    async fn piaoku(&mut self, dir: &Path) -> anyhow::Result<Audit> {
        let Visitor { piaoku: program, workers, .. } = self.visitor;
        let piaoku = Piaoku::start(program, *workers, dir).await?;
        let mut rows = [Row::PiaokuVerify, Row::PiaokuOrder, Row::PiaokuSpread, Row::PiaokuSoldOut];
        if self.round % 2 == 1 {
            // Whoever comes second finds a fuller store.
            rows.swap(1, 2);
        }
        for row in rows {
            let scenario =
                if row == Row::PiaokuVerify { Scenario::Verify } else { Scenario::Order };
            self.load(row, scenario, piaoku.addr, Pace::Closed).await?;
            piaoku.server.settle().await;
        }
        piaoku.stop_and_audit().await
    }

    async fn redis(&mut self, fsync: Fsync, dir: &Path) -> anyhow::Result<Audit> {
        let Some(programs) = redis::Programs::find() else { anyhow::bail!("Redis has gone") };
        let mut redis = Redis::start(&programs, fsync, dir).await?;
        let url = redis.url();
        let front = self.front("redis-front", &["--redis", &url], dir).await?;
        let (raw, order) = match fsync {
            Fsync::Always => (Row::RedisAlwaysRaw, Row::RedisAlwaysOrder),
            Fsync::Everysec => (Row::RedisEverysecRaw, Row::RedisEverysecOrder),
        };
        if fsync == Fsync::Always {
            // A question writes nothing, so once is enough.
            self.load(Row::RedisVerify, Scenario::Verify, front.addr, Pace::Closed).await?;
        }
        self.load(order, Scenario::Order, front.addr, Pace::Closed).await?;
        redis.server.settle().await;
        let measured = redis.raw(self.connections, self.visitor.duration).await?;
        self.acknowledged += measured.acknowledged;
        self.keep(raw, measured);
        drop(front);
        let audit = redis.audit().await?;
        redis.server.stop()?;
        Ok(audit)
    }

    async fn postgres(&mut self, dir: &Path) -> anyhow::Result<Audit> {
        let Some(programs) = postgres::Programs::find() else {
            anyhow::bail!("PostgreSQL has gone")
        };
        let mut postgres = Postgres::start(&programs, dir).await?;
        let address = postgres.address();
        let front = self.front("postgres-front", &["--postgres", &address], dir).await?;
        self.load(Row::PostgresVerify, Scenario::Verify, front.addr, Pace::Closed).await?;
        self.load(Row::PostgresOrder, Scenario::Order, front.addr, Pace::Closed).await?;
        postgres.server.settle().await;
        let measured = postgres.raw(self.connections, self.visitor.duration).await?;
        self.acknowledged += measured.acknowledged;
        self.keep(Row::PostgresRaw, measured);
        drop(front);
        let audit = postgres.audit().await?;
        postgres.server.stop()?;
        Ok(audit)
    }

    /// Starts one of our own HTTP servers.
    async fn front(&self, name: &'static str, flags: &[&str], dir: &Path) -> anyhow::Result<Front> {
        let addr = free_addr()?;
        let start = Start { program: &self.visitor.own, stop: Signal::TERM, user: None };
        let mut command = start.command();
        command.arg(name).args(flags).args(["--listen", &addr.to_string()]);
        command.args(["--workers", &self.visitor.workers.to_string()]);
        let mut server = Server::spawn(name, command, start.stop, dir)?;
        server.wait_http(addr).await?;
        Ok(Front { addr, _server: server })
    }

    /// Loads one row.
    async fn load(
        &mut self,
        row: Row,
        scenario: Scenario,
        addr: SocketAddr,
        pace: Pace,
    ) -> anyhow::Result<()> {
        let load = Load {
            program: &self.visitor.piaoku,
            addr,
            scenario,
            product: if row == Row::PiaokuSoldOut { SOLD_OUT } else { HOT },
            is_spread: row == Row::PiaokuSpread,
            pace,
            connections: match row {
                Row::Overload => OVERLOAD_CONNECTIONS,
                _ => self.connections,
            },
            duration: self.visitor.duration,
        };
        let mut measured = load.run().await?;
        self.acknowledged += measured.acknowledged;
        if row == Row::PiaokuSoldOut {
            let sold = measured.acknowledged;
            ensure!(sold == 0, "no place was sold {sold} times");
            let otherwise = measured.refused_otherwise;
            ensure!(otherwise == 0, "{otherwise} refusals for another reason than short stock");
            measured.rate = measured.answered_rate;
        }
        self.keep(row, measured);
        Ok(())
    }

    fn keep(&mut self, row: Row, measured: Measure) {
        let Measure { rate, refusal, error, dropped, .. } = measured;
        let name = row.name();
        eprintln!(
            "  {name:<46} {rate:>9.0}/s, refused {refusal}, errors {error}, dropped {dropped}"
        );
        self.measured.push((row, measured));
    }

    /// Gives the report what was measured, void unless the audit agrees.
    fn hand_in(self, name: &str, audit: Option<Audit>, report: &mut Report) {
        let is_void = audit.is_some_and(|audit| {
            let is_lost = audit.orders < self.acknowledged;
            let is_void = !audit.holds || is_lost;
            let verdict = if is_void { "VOID" } else { "holds" };
            let line = format!(
                "{name}, round {}, {} connections: {verdict}: {}; acknowledged {}",
                self.round + 1,
                self.connections,
                audit.line,
                self.acknowledged
            );
            eprintln!("  audit: {line}");
            report.add_audit(line);
            is_void
        });
        for (row, measured) in self.measured {
            report.add(self.round, self.connections, row, measured, is_void);
        }
    }
}
