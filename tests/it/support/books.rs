//! What is on disk once a server has stopped: audits and digests.

use std::path::Path;

use piaoku::actors::recovery::{RecoveryError, decode_record, journal_dir};
use piaoku::domain::order::OrderEvent;
use piaoku::engine::books::{self, Audit};
use piaoku::engine::state::{Nowhere, State};
use piaoku::engine::transaction::Event;
use piaoku::journal::SegmentReader;
use piaoku::types::Lsn;

/// The state that the journal alone gives.
pub(crate) fn replayed(dir: &Path) -> State {
    let reader = SegmentReader::open(&journal_dir(dir)).expect("a journal");
    let mut state = State::default();
    let read = reader.read_from::<RecoveryError>(Lsn::ZERO, |entry| {
        let transaction = decode_record(entry)?;
        let Ok(()) = state.apply(entry.lsn, transaction, &mut Nowhere);
        Ok(())
    });
    read.expect("a journal that can be read");
    state.refresh_capacities();
    state
}

/// Replays the journal of a stopped server and checks every invariant.
pub(crate) fn audit(dir: &Path) -> Audit {
    let audit = books::audit(&replayed(dir));
    assert!(audit.violations.is_empty(), "{:#?}", audit.violations);
    audit
}

/// Everything that ever happened to an order, in the order of the journal.
pub(crate) fn order_events(dir: &Path) -> Vec<OrderEvent> {
    let reader = SegmentReader::open(&journal_dir(dir)).expect("a journal");
    let mut happened = Vec::new();
    let read = reader.read_from::<RecoveryError>(Lsn::ZERO, |entry| {
        let of_order = |event| match event {
            Event::Order(event) => Some(event),
            _ => None,
        };
        happened.extend(decode_record(entry)?.events.into_iter().filter_map(of_order));
        Ok(())
    });
    read.expect("a journal that can be read");
    happened
}
