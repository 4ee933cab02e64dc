//! `piaoku audit`: every invariant over what is stored, read-only, beside a running server or without.
//!
//! The journal is replayed from its first record into a state of its own, which needs memory for all
//! of it. What a restart would serve from the snapshots is recovered on a copy of them and compared.
//! No key is needed: personal data stays sealed.

pub(super) mod replay;
mod report;
mod snapshots;

use std::path::Path;
use std::process::ExitCode;

use super::FAILED;
use super::arguments::AuditArguments;
use crate::config;
use crate::domain::invariants::{self, Invariant};
use crate::engine::books::{self, Audit, Violation};
use crate::engine::digest::Digest;
use crate::journal::Tail;
use crate::types::Lsn;
use replay::Replay;

/// What an audit found.
#[derive(Debug)]
struct Report {
    /// Records read.
    records: u64,
    /// The position after the last.
    next_lsn: Lsn,
    /// What lies beyond it.
    tail: Tail,
    /// What the books say of the replayed state.
    books: Audit,
    /// What the snapshots say.
    snapshots: Snapshots,
    /// Every broken promise.
    violations: Vec<Violation>,
}

/// What comparing with the snapshots came to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Snapshots {
    /// A restart would serve the state with this digest.
    Compared(Digest),
    /// Not compared, and why.
    Skipped(String),
}

pub(super) fn run(arguments: &AuditArguments) -> anyhow::Result<ExitCode> {
    let config = config::load(&arguments.store.sources())?.config;
    let scratch = arguments.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let report = audit(&config.data.dir, &scratch)?;
    if arguments.json {
        println!("{}", report.to_json(&config.data.dir));
    } else {
        print!("{}", report.to_text(&config.data.dir));
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

/// What an audit found, for commands that end with one.
pub(super) struct Found {
    /// Paid orders in the books.
    pub(super) paid: u64,
    /// Records of the journal.
    pub(super) records: u64,
    /// Digest of the replayed state.
    pub(super) digest: String,
    /// Every broken promise, in words.
    pub(super) violations: Vec<String>,
}

/// Audits the store of a stopped server. Copies are made and removed in `scratch`.
pub(super) fn of(data_dir: &Path, scratch: &Path) -> anyhow::Result<Found> {
    let report = audit(data_dir, scratch)?;
    let violation = |it: &Violation| format!("{} is broken: {}", it.invariant.id, it.detail);
    Ok(Found {
        paid: report.books.paid as u64,
        records: report.records,
        digest: report.books.digest.to_string(),
        violations: report.violations.iter().map(violation).collect(),
    })
}

fn audit(data_dir: &Path, scratch: &Path) -> anyhow::Result<Report> {
    // Whether somebody writes is settled first and held on to, so that journal and snapshots are of
    // the same moment.
    let copied = snapshots::copy(data_dir, scratch)?;
    let Replay { mut state, is_whole, records, next_lsn, tail, mut violations } =
        replay::replay(data_dir, |_, _| {})?;
    state.refresh_capacities();
    let mut books = books::audit(&state);
    violations.append(&mut books.violations);
    let snapshots = match copied {
        snapshots::Copied::No(why) => Snapshots::Skipped(why),
        // A start would fail at the same record.
        snapshots::Copied::Yes(_) if !is_whole => {
            Snapshots::Skipped("the journal cannot be replayed".to_owned())
        }
        snapshots::Copied::Yes(copy) => {
            snapshots::compare(&copy, data_dir, &state, &mut violations)?
        }
    };
    Ok(Report { records, next_lsn, tail, books, snapshots, violations })
}

/// The invariants an audit has looked at.
fn checked(snapshots: &Snapshots) -> impl Iterator<Item = Invariant> {
    let compared = matches!(snapshots, Snapshots::Compared(_));
    let all = invariants::ALL.into_iter();
    all.filter(move |it| compared || *it != invariants::REPLAY_EQUALS_LIVE)
}

#[cfg(test)]
pub(super) mod tests;
