//! How long until it sells again? Orders of two vouchers are sold to a process that is then killed; after
//! that the store is opened three ways, each time by a process of its own:
//!
//! | start | reads |
//! | --- | --- |
//! | after `kill -9` | the snapshots, and whatever the journal has beyond them |
//! | after an orderly stop | the snapshots |
//! | without snapshots | the whole journal: one record an order |
//!
//! "To ready" is from the start of the process to the engine taking orders; the program then only opens
//! its port. Compared with what a rebuild cannot be faster than on one thread: reading the journal's
//! records, decoding them as well, and applying them as well, to machines in hash maps that are not saved
//! anywhere. The files were written a moment before and are in the system's cache.
//!
//! Not a Criterion group: one start takes seconds, and what it reads is part of its answer.
//! `cargo bench --bench recovery`, with `PIAOKU_BENCH_ORDERS=1000000` for a million orders (100,000
//! otherwise) and `PIAOKU_BENCH_ROUNDS` for more than three starts of each repeatable kind.
//! `cargo test --bench recovery` runs it once, small. The books are audited afterwards by `piaoku audit`.

use std::path::Path;

use piaoku::actors::recovery::{RecoveryError, decode_record, journal_dir, snapshot_dir};
use piaoku::actors::{EngineConfig, PayFrom};
use piaoku::clock::monotonic_nanos;
use piaoku::engine::state::{Nowhere, State};
use piaoku::journal::{Entry, SegmentReader};
use piaoku::types::Lsn;

mod support;

use support::process::{self, Memory, Part, mib, seconds, size, tell};
use support::{shop, store};

/// Days that orders are for, in turn.
const DAYS: i32 = 365;
/// Records besides the orders: the catalogue and the agent's money.
const OTHER_RECORDS: u64 = 2;

fn main() {
    match process::part() {
        None => run(),
        Some((part, arguments)) => {
            let dir = Path::new(&arguments[0]);
            let system = actix_rt::System::new();
            match &*part {
                "fill" => system.block_on(fill(dir, arguments[1].parse().expect("a number"))),
                "start" => system.block_on(start(dir)),
                part => panic!("there is no part {part:?}"),
            }
        }
    }
}

fn run() {
    let orders = size("ORDERS", 100_000, 300) as u64;
    let rounds = size("ROUNDS", 3, 1);
    let dir = tempfile::tempdir().expect("a directory");
    let text = dir.path().to_str().expect("a path in UTF-8");

    let mut filling = Part::start("fill", &[text, &orders.to_string()]);
    let nanos: u64 = filling.hear("filled");
    filling.kill();
    let rate = orders as f64 / seconds(nanos);
    println!("{orders} orders sold in {:.1} s ({rate:.0}/s), then kill -9", seconds(nanos));
    let Files { all, archived, bytes } = Files::of(&journal_dir(dir.path()));
    println!("journal: {} in {all} files, {archived} of them archived", mib(bytes));

    let begin = |label: &str| {
        let mut part = Part::start("start", &[text]);
        part.hear::<u64>("started");
        let ready = part.age();
        let (records, peak): (u64, u64) = (part.hear("records"), part.hear("peak"));
        part.finish();
        let rate = records as f64 / seconds(ready);
        println!(
            "{label}: {:.3} s to ready, {records} records read ({rate:.0}/s), at most {} resident",
            seconds(ready),
            mib(peak),
        );
        records
    };
    begin("after kill -9");
    for _ in 0..rounds {
        begin("after an orderly stop");
    }
    for _ in 0..rounds {
        std::fs::remove_dir_all(snapshot_dir(dir.path())).expect("the snapshots can be deleted");
        let records = begin("without snapshots");
        assert_eq!(records, orders + OTHER_RECORDS, "every order is one durable record");
    }
    for _ in 0..rounds {
        floor(dir.path(), orders + OTHER_RECORDS);
    }
    let expected = store::Audited { orders, paid: orders, vouchers: 2 * orders };
    assert_eq!(store::audit(dir.path()), expected);
}

/// Sells, and waits to be killed.
async fn fill(dir: &Path, orders: u64) {
    let engine = store::start(dir, EngineConfig::default());
    let handle = engine.handle();
    shop::open(&handle, DAYS).await;
    let wanted: Vec<_> = (0..DAYS).map(|days| shop::admitted_of(&handle, 2, days)).collect();
    let started = monotonic_nanos();
    store::fill(&handle, 0..orders, &wanted, Some(PayFrom::Prepaid)).await;
    tell("filled", monotonic_nanos() - started);
    std::future::pending::<()>().await;
}

/// Starts on what is there, and stops in order.
async fn start(dir: &Path) {
    let engine = store::start(dir, EngineConfig::default());
    tell("started", 1);
    tell("records", engine.report.records);
    tell("peak", Memory::now().peak);
    engine.stop().await;
}

/// What is done with each record.
type Work<'a> = &'a mut dyn FnMut(Entry<'_>) -> Result<(), RecoveryError>;

/// What one thread needs for the parts of a rebuild that nothing can leave out.
fn floor(dir: &Path, records: u64) {
    let measure = |label: &str, work: Work<'_>| {
        let reader = SegmentReader::open(&journal_dir(dir)).expect("a journal");
        let started = monotonic_nanos();
        let mut read = 0;
        let end = reader.read_from::<RecoveryError>(Lsn::ZERO, |entry| {
            read += 1;
            work(entry)
        });
        let nanos = monotonic_nanos() - started;
        end.expect("a journal that can be read");
        assert_eq!(read, records);
        let rate = read as f64 / seconds(nanos);
        println!("floor, {label}: {:.3} s ({rate:.0} records/s)", seconds(nanos));
    };
    let mut bytes = 0;
    measure("reading", &mut |entry| {
        bytes += entry.bytes.len();
        Ok(())
    });
    let mut events = 0;
    measure("reading and decoding", &mut |entry| {
        events += decode_record(entry)?.events.len();
        Ok(())
    });
    assert!(bytes > 0 && events as u64 >= records, "something was read");
    let mut state = State::default();
    measure("reading, decoding and applying", &mut |entry| {
        let (lsn, transaction) = (entry.lsn, decode_record(entry)?);
        let Ok(()) = state.apply(lsn, transaction, &mut Nowhere);
        Ok(())
    });
    assert_eq!(state.orders.len() as u64, records - OTHER_RECORDS);
}

/// Files of the journal.
#[derive(Default)]
struct Files {
    all: usize,
    /// Compressed ones.
    archived: usize,
    bytes: u64,
}

impl Files {
    fn of(dir: &Path) -> Self {
        let mut files = Self::default();
        files.add(dir);
        files
    }

    fn add(&mut self, dir: &Path) {
        for entry in
            std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("a file"))
        {
            let metadata = entry.metadata().expect("it is there");
            if metadata.is_dir() {
                self.add(&entry.path());
                continue;
            }
            self.all += 1;
            self.archived += usize::from(entry.path().extension().is_some_and(|it| it == "zst"));
            self.bytes += metadata.len();
        }
    }
}
