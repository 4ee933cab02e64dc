use std::path::Path;

use smallvec::SmallVec;

use super::*;
use crate::actors::recovery::{KEY_STAMP, journal_dir, snapshot_dir, snapshot_stamp};
use crate::cli::tests::{Server, config};
use crate::domain::account::{AccountKey, Balance, Holder, Posting, PostingKind};
use crate::domain::invariants;
use crate::domain::inventory::{AreaEvent, SlotEvent, StockEvent};
use crate::engine::transaction::{Event, Transaction};
use crate::journal::{Group, Log, Record, SegmentLog, SegmentReader};
use crate::schema;
use crate::snapshot::{EntityKind, Put, SnapshotConfig, SnapshotStore};
use crate::types::{
    AreaNo, Fen, ProductNo, Quantity, ServiceDate, SlotKey, SupplierNo, Timespan, UnixMillis,
};

/// A stopped store with a few sales in it.
fn store() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for line in [
        "order",
        "order --product P-ADULT --timespan -1 --amount 2",
        "order --product P-FLASH",
        "codes --count 3",
    ] {
        assert!(matches!(server.call(line), crate::cli::call::Verdict::Success(_)), "{line}");
    }
    dir
}

fn audited(dir: &Path) -> Report {
    let scratch = tempfile::tempdir().unwrap();
    let report = audit(dir, scratch.path()).unwrap();
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "the copy is gone");
    report
}

fn broken(report: &Report) -> Vec<&'static str> {
    let mut ids: Vec<_> = report.violations.iter().map(|it| it.invariant.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

struct Forged(Transaction);

impl Record for Forged {
    const SCHEMA: u16 = schema::VERSION;

    fn encode_into(&self, out: &mut Vec<u8>) {
        schema::encode_transaction(&self.0, out);
    }
}

/// Appends a record that no engine would write.
pub(in crate::cli) fn forge(dir: &Path, event: Event) {
    let config = config(dir).journal;
    let (mut log, _) = SegmentLog::open(&journal_dir(dir), &config).unwrap();
    let mut group = Group::new(schema::VERSION, config.group_limits());
    group.begin(log.next_lsn());
    let supplier = Some(SupplierNo::new(0));
    let at = UnixMillis::new(1_795_262_400_000);
    group.push(&Forged(Transaction { at, supplier, events: vec![event] })).unwrap();
    log.append(&group).unwrap();
}

/// Moves places of a P-FLASH day that nobody bought.
fn places(stock: StockEvent) -> Event {
    let slot = SlotKey {
        product: ProductNo::new(2),
        date: Some(ServiceDate::from_days(30_000)),
        timespan: Timespan::NONE,
    };
    let areas =
        smallvec::smallvec![AreaEvent { area: AreaNo::NONE, stock, seats: Default::default() }];
    Event::Slot(slot, SlotEvent { areas, ..SlotEvent::default() })
}

#[test]
fn a_sound_store_passes_running_and_stopped() {
    let dir = store();
    let report = audited(dir.path());
    assert_eq!(report.violations, []);
    assert_eq!(report.snapshots, Snapshots::Compared(report.books.digest));
    assert_eq!((report.books.orders, report.books.paid, report.books.vouchers), (4, 4, 7));
    let shown = report.to_json(dir.path());
    assert_eq!(shown["passed"], true);
    assert_eq!(shown["checked"].as_array().unwrap().len(), invariants::ALL.len());
    assert_eq!(shown["digest"], shown["snapshot_digest"]);
    assert!(report.to_text(dir.path()).contains("INV-6  holds "));

    let server = Server::start(dir.path());
    let beside = audited(dir.path());
    assert_eq!(beside.violations, []);
    assert_eq!(beside.books.digest, report.books.digest);
    assert!(matches!(beside.snapshots, Snapshots::Skipped(_)));
    assert!(beside.to_text(dir.path()).contains("INV-6 was not checked: a running server"));
    drop(server);

    std::fs::remove_dir_all(snapshot_dir(dir.path())).unwrap();
    let without = audited(dir.path());
    assert_eq!(without.violations, []);
    assert!(matches!(without.snapshots, Snapshots::Skipped(_)));
    drop(Server::start(dir.path()));
    let rebuilt = audited(dir.path());
    assert_eq!(rebuilt.snapshots, Snapshots::Compared(report.books.digest));
}

#[test]
fn a_tampered_journal_fails_with_the_invariant_named() {
    let check = |event: Event, expected: &[&str]| {
        let dir = store();
        forge(dir.path(), event);
        let report = audited(dir.path());
        assert_eq!(broken(&report), expected, "{:?}", report.violations);
        let text = report.to_text(dir.path());
        for id in expected {
            assert!(text.contains(&format!("{id}  BROKEN")), "{text}");
        }
        assert_eq!(report.to_json(dir.path())["passed"], false);
    };
    // A place that no order bought, more than there are of them, and one given back that nobody had.
    let sold = |count| places(StockEvent::Sold(Quantity::new(count)));
    check(sold(1), &["INV-1", "INV-2"]);
    check(places(StockEvent::Released(Quantity::ONE)), &["INV-5"]);
    // Money out of nowhere.
    let account = AccountKey { supplier: SupplierNo::new(0), holder: Holder::House };
    let posting =
        Posting { balance: Balance::Funding, kind: PostingKind::TopUp, amount: Fen::new(1) };
    check(Event::Account(account, SmallVec::from_slice(&[posting])), &["INV-4"]);
}

#[test]
fn tampered_snapshots_fail_as_another_state_than_the_journals() {
    let dir = store();
    {
        let reader = SegmentReader::open(&journal_dir(dir.path())).unwrap();
        let keys = std::fs::read_to_string(dir.path().join(KEY_STAMP)).unwrap();
        let stamp = snapshot_stamp(reader.store_id().unwrap(), keys.trim());
        let path = snapshot_dir(dir.path());
        let store = SnapshotStore::open(&path, &stamp, &SnapshotConfig::default()).unwrap().store;
        let mut found = None;
        store
            .scan(EntityKind::Account, &[], |key, entry| {
                found = Some((key.into(), entry));
                std::ops::ControlFlow::Break(())
            })
            .unwrap();
        let (key, entry) = found.unwrap();
        let mut account = schema::decode_account(&entry.payload).unwrap();
        let (balance, kind) = (Balance::Funding, PostingKind::TopUp);
        account.apply(None, &[Posting { balance, kind, amount: Fen::new(7) }]);
        let mut payload = Vec::new();
        schema::encode_account(&account, &mut payload);
        let (kind, schema, lsn) = (EntityKind::Account, entry.schema, entry.lsn);
        store.write(&[Put { kind, key, schema, lsn, payload }]).unwrap();
        store.checkpoint(&[], &[]).unwrap();
    }
    assert_eq!(broken(&audited(dir.path())), ["INV-6"]);
}

#[test]
fn damaged_snapshots_are_no_broken_promise() {
    let dir = store();
    let path = snapshot_dir(dir.path()).join("piaoku.state");
    assert!(path.exists());
    std::fs::write(snapshot_dir(dir.path()).join("piaoku.condemned"), "a test says so").unwrap();
    let report = audited(dir.path());
    assert_eq!(report.violations, []);
    let Snapshots::Skipped(why) = &report.snapshots else { panic!("{:?}", report.snapshots) };
    assert!(why.contains("a test says so"), "{why}");
    // The original is as it was.
    assert!(snapshot_dir(dir.path()).join("piaoku.condemned").exists());
}

#[test]
fn a_directory_without_a_journal_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = audit(dir.path(), dir.path()).unwrap_err().to_string();
    assert!(error.contains("there is no journal"), "{error}");
}
