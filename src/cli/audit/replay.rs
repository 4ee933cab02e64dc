//! The state as the journal alone tells it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::bail;

use crate::actors::recovery::{RecoveryError, decode_record, journal_dir};
use crate::domain::invariants::{self, Invariant};
use crate::engine::books::Violation;
use crate::engine::state::{Nowhere, State};
use crate::engine::transaction::Transaction;
use crate::journal::{ReadEnd, SegmentReader, Tail};
use crate::types::Lsn;

/// Unbalanced records named; one fault tends to show in a thousand of them.
const UNBALANCED_MAX: usize = 100;

/// What replaying came to.
pub(in crate::cli) struct Replay {
    /// The state, up to the first record that could not be applied.
    pub(in crate::cli) state: State,
    /// Whether every record could be.
    pub(in crate::cli) is_whole: bool,
    pub(super) records: u64,
    pub(super) next_lsn: Lsn,
    pub(super) tail: Tail,
    pub(in crate::cli) violations: Vec<Violation>,
}

/// Shows every record there ever was to `visit`, in log order.
pub(in crate::cli) fn read_all(
    data_dir: &Path,
    mut visit: impl FnMut(Lsn, &Transaction),
) -> anyhow::Result<ReadEnd> {
    let reader = SegmentReader::open(&journal_dir(data_dir))?;
    let first = reader.first_lsn()?;
    if first > Lsn::ZERO.next() {
        bail!(
            "the journal begins at LSN {first}: older records were removed as \
             journal.archive_segments_max says, and this needs them all"
        );
    }
    let end = reader.read_from::<RecoveryError>(first, |entry| {
        let lsn = entry.lsn;
        visit(lsn, &decode_record(entry)?);
        Ok(())
    })?;
    Ok(end)
}

/// Replays the whole journal, and shows every record to `visit`.
pub(in crate::cli) fn replay(
    data_dir: &Path,
    mut visit: impl FnMut(Lsn, &Transaction),
) -> anyhow::Result<Replay> {
    let (mut state, mut records, mut violations) = (State::default(), 0, Vec::new());
    let mut is_whole = true;
    let end = read_all(data_dir, |lsn, transaction| {
        visit(lsn, transaction);
        records += 1;
        if !transaction.is_balanced() && violations.len() < UNBALANCED_MAX {
            let detail = format!("the postings of record {lsn} do not sum to zero");
            violations.push(Violation { invariant: invariants::BOOKS_BALANCE, detail });
        }
        // After a record that cannot be applied the state says nothing; the rest is still read.
        if is_whole && let Err(violation) = apply(&mut state, lsn, transaction) {
            violations.push(violation);
            is_whole = false;
        }
    })?;
    Ok(Replay { state, is_whole, records, next_lsn: end.next, tail: end.tail, violations })
}

/// Applies a record. The machines assert the invariants that applying could break.
fn apply(state: &mut State, lsn: Lsn, transaction: &Transaction) -> Result<(), Violation> {
    let applied = caught(|| {
        let Ok(()) = state.apply(lsn, transaction.clone(), &mut Nowhere);
    });
    applied.map_err(|said| {
        let detail = format!("record {lsn} cannot be applied: {said}");
        Violation { invariant: named(&said), detail }
    })
}

/// The invariant that a failed assertion names; the machines begin each with its number.
fn named(said: &str) -> Invariant {
    let known = |it: &Invariant| {
        said.starts_with(it.id) && !said[it.id.len()..].starts_with(|c: char| c.is_ascii_digit())
    };
    invariants::ALL.into_iter().find(known).unwrap_or(invariants::ALL_OR_NOTHING)
}

/// Runs `work`, and turns a panic into what it said.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panic_text(&*panic))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".into())
}
