//! The segment log beyond what the conformance suite asks of every log.

mod archive;
mod crash;
mod damage;

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::journal::conformance::{self, Harness, check_entry, group, read};

/// Seven pages for blocks of at most two.
fn small() -> JournalConfig {
    JournalConfig {
        segment_bytes: 8 * PAGE_BYTES,
        group_bytes_max: 8000,
        record_bytes_max: 7000,
        ..JournalConfig::default()
    }
}

/// A store with groups of the given lengths, closed again.
fn store(groups: &[impl AsRef<[usize]>]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, recovery) = SegmentLog::open(dir.path(), &small()).unwrap();
    assert!(recovery.created);
    append(&mut log, groups);
    dir
}

fn append(log: &mut SegmentLog, groups: &[impl AsRef<[usize]>]) {
    for lengths in groups {
        let group = group(log, lengths.as_ref());
        log.append(&group).unwrap();
    }
}

fn open(dir: &TempDir) -> Result<(SegmentLog, Recovery), LogError> {
    SegmentLog::open(dir.path(), &small())
}

fn names(dir: &TempDir, below: &str) -> Vec<String> {
    let entries = fs::read_dir(dir.path().join(below)).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn segment_path(dir: &TempDir, first: u64) -> PathBuf {
    Directory::new(dir.path()).live(Lsn::new(first))
}

struct InDirectory {
    dir: TempDir,
    config: JournalConfig,
}

impl Harness for InDirectory {
    type Log = SegmentLog;

    fn open(&mut self) -> SegmentLog {
        SegmentLog::open(self.dir.path(), &self.config).unwrap().0
    }

    fn break_next_append(&mut self, log: &mut SegmentLog) {
        // The operating system refuses to write to a file that was opened for reading.
        log.file = File::open(&log.path).unwrap();
    }

    fn fence(&mut self, _: &mut SegmentLog) {
        fs::remove_file(self.dir.path().join("lock")).unwrap();
    }
}

#[test]
fn it_keeps_the_promises_of_a_log() {
    for (sync, archive_segments_max) in [
        (SyncMode::Fdatasync, None),
        (SyncMode::Fdatasync, Some(2)),
        (SyncMode::ODsync, Some(0)),
        (SyncMode::Direct, None),
        (SyncMode::Direct, Some(2)),
    ] {
        conformance::run(|| InDirectory {
            dir: tempfile::tempdir().unwrap(),
            config: JournalConfig { sync, archive_segments_max, ..small() },
        });
    }
}

/// The way direct writes end up in on the file system of `dir`: not all take them.
fn direct_in(dir: &TempDir) -> SyncMode {
    let mut options = OpenOptions::new();
    options.write(true).create(true).custom_flags(OFlags::DIRECT.bits().cast_signed());
    let path = dir.path().join("direct");
    let opened = options.open(&path);
    // Refused, it may have been made all the same.
    let _ = fs::remove_file(&path);
    if opened.is_ok() { SyncMode::Direct } else { SyncMode::Fdatasync }
}

/// How groups are made durable is a matter of each run: nothing on the disk depends on it.
#[test]
fn each_run_may_make_groups_durable_in_another_way() {
    let dir = store(&[&[1, 2][..], &[4000, 3], &[6]]);
    let path = segment_path(&dir, 1);
    let direct = direct_in(&dir);
    let opened = |sync| SegmentLog::open(dir.path(), &JournalConfig { sync, ..small() }).unwrap();
    let modes = [SyncMode::Direct, SyncMode::Fdatasync, SyncMode::Direct, SyncMode::ODsync];
    for (next, sync) in (6..).zip(modes) {
        let image = fs::read(&path).unwrap();
        let (mut log, recovery) = opened(sync);
        let used = if sync == SyncMode::Direct { direct } else { sync };
        assert_eq!((log.sync, recovery.tail), (used, Tail::Clean));
        assert_eq!(flags(&log), expected_flags(used));
        assert_eq!(fs::read(&path).unwrap(), image, "trying changes nothing");
        append(&mut log, &[[10]]);
        assert_eq!(read(&log, 1), ((1..=next).collect(), next + 1));
    }
    // The segment is full now: there is no page to try it with before the next one.
    let (mut log, _) = opened(SyncMode::Direct);
    assert_eq!(log.at.offset, small().segment_bytes);
    assert_eq!(fs::metadata(&path).unwrap().len(), small().segment_bytes);
    append(&mut log, &[[5]]);
    assert_ne!(log.path, path);
    assert_eq!((log.sync, flags(&log)), (direct, expected_flags(direct)));
    assert_eq!(read(&log, 1), ((1..=10).collect(), 11));
}

/// Of the flags a segment is open with, those that make its writes durable.
fn flags(log: &SegmentLog) -> OFlags {
    rustix::fs::fcntl_getfl(&log.file).unwrap() & (OFlags::DSYNC | OFlags::DIRECT)
}

fn expected_flags(sync: SyncMode) -> OFlags {
    match sync {
        SyncMode::Fdatasync => OFlags::empty(),
        SyncMode::ODsync => OFlags::DSYNC,
        SyncMode::Direct => OFlags::DSYNC | OFlags::DIRECT,
    }
}

#[test]
fn a_file_system_without_direct_writes_is_told_from_a_fault() {
    let dir = store(&[&[1]]);
    let image = fs::read(segment_path(&dir, 1)).unwrap();
    let tries = |path: &Path, unused| {
        let opened = open_for_appending(path, SyncMode::Direct, unused, &mut Pages::default());
        opened.map(|(_, sync)| sync)
    };
    // Devices of characters refuse to be opened like that.
    assert_eq!(tries(Path::new("/dev/null"), Some(0)).unwrap(), SyncMode::Fdatasync);
    // A file that may be opened and then refuses: no page begins there. Some file systems in memory take it.
    let path = segment_path(&dir, 1);
    let odd = tries(&path, Some(3 * PAGE_BYTES + 1)).unwrap();
    let is_in_memory = rustix::fs::statfs(dir.path()).unwrap().f_type == TMPFS;
    assert_eq!(odd, if is_in_memory { direct_in(&dir) } else { SyncMode::Fdatasync });
    assert_eq!(fs::read(&path).unwrap(), image);
    let missing = tries(&dir.path().join("missing"), None);
    assert!(matches!(missing, Err(LogError::Io { action: "open", .. })), "{missing:?}");
}

/// `statfs` of a file system in memory.
const TMPFS: i64 = 0x0102_1994;

#[test]
fn a_full_segment_is_followed_by_the_next() {
    // A page each: seven to a segment.
    let dir = store(&[&[1, 1]; 16]);
    let segments: Vec<_> =
        names(&dir, "").into_iter().filter(|name| name.ends_with(".seg")).collect();
    assert_eq!(
        segments,
        [
            "journal-00000000000000000001.seg",
            "journal-00000000000000000015.seg",
            "journal-00000000000000000029.seg",
        ]
    );
    for name in &segments {
        assert_eq!(fs::metadata(dir.path().join(name)).unwrap().len(), small().segment_bytes);
    }
    let (log, recovery) = open(&dir).unwrap();
    let expected = Recovery {
        store: log.store_id(),
        created: false,
        first_lsn: Lsn::new(1),
        next_lsn: Lsn::new(33),
        live_segments: 3,
        tail: Tail::Clean,
    };
    assert_eq!(recovery, expected);
    assert_eq!(read(&log, 1), ((1..=32).collect(), 33));
}

#[test]
fn one_process_owns_the_log() {
    let dir = store(&[&[1]]);
    let (log, _) = open(&dir).unwrap();
    assert!(matches!(open(&dir), Err(LogError::Locked { .. })));
    let truncator = log.truncator();
    drop(log);
    assert!(matches!(open(&dir), Err(LogError::Locked { .. })));
    drop(truncator);
    open(&dir).unwrap();
}

#[test]
fn limits_may_change_between_openings() {
    let dir = store(&[&[1]]);
    let larger = JournalConfig {
        segment_bytes: 16 * PAGE_BYTES,
        group_bytes_max: 40_000,
        record_bytes_max: 30_000,
        ..small()
    };
    let (mut log, _) = SegmentLog::open(dir.path(), &larger).unwrap();
    let mut big = Group::new(9, larger.group_limits());
    for number in 2..6 {
        big.begin(Lsn::new(number));
        big.push(&conformance::Note { number, more: 20_000 }).unwrap();
        log.append(&big).unwrap();
    }
    drop(log);
    let (mut log, _) = open(&dir).unwrap();
    assert_eq!(read(&log, 1), ((1..=5).collect(), 6));
    big.begin(Lsn::new(6));
    big.push(&conformance::Note { number: 6, more: 20_000 }).unwrap();
    assert!(matches!(log.append(&big), Err(LogError::GroupTooLarge { .. })));
    // Nothing was written, so the log goes on.
    append(&mut log, &[&[1]; 20]);
    assert_eq!(read(&log, 1), ((1..=25).collect(), 26));
}

#[test]
fn a_config_that_cannot_work_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = JournalConfig { queue_len_max: 0, ..small() };
    assert!(matches!(SegmentLog::open(dir.path(), &config), Err(LogError::Config(_))));
}

#[test]
fn a_reader_needs_a_journal_and_no_lock() {
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(SegmentReader::open(empty.path()), Err(LogError::Missing { .. })));
    let dir = store(&[&[1, 2][..], &[3]]);
    let (log, recovery) = open(&dir).unwrap();
    let reader = SegmentReader::open(dir.path()).unwrap();
    assert_eq!(reader.store_id().unwrap(), recovery.store);
    assert_eq!(reader.first_lsn().unwrap(), Lsn::new(1));
    let mut seen = 0;
    let end = reader
        .read_from::<LogError>(Lsn::new(2), |entry| {
            check_entry(&entry);
            seen += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!((seen, end), (2, ReadEnd { next: Lsn::new(4), tail: Tail::Clean }));
    drop(log);
}

/// A group whose sync failed may be on disk all the same. The log that failed does not show it; opening
/// the log again finds it, rewrites it and makes it durable.
#[test]
fn a_group_whose_sync_failed_shows_after_reopening() {
    let dir = store(&[&[1, 2]]);
    let (mut log, _) = open(&dir).unwrap();
    let unsynced = group(&log, &[3]);
    let mut block = Vec::new();
    BlockHeader::encode(log.header.store, &unsynced, log.at.chain, &mut block);
    let file = OpenOptions::new().write(true).open(&log.path).unwrap();
    file.write_all_at(&block, log.at.offset).unwrap();
    log.failed = true;
    assert_eq!(read(&log, 1), (vec![1, 2], 3));
    let image = fs::read(&log.path).unwrap();
    drop(log);
    let (log, recovery) = open(&dir).unwrap();
    assert_eq!((recovery.next_lsn, recovery.tail), (Lsn::new(4), Tail::Clean));
    assert_eq!(read(&log, 1), (vec![1, 2, 3], 4));
    assert_eq!(fs::read(&log.path).unwrap(), image, "rewritten as it was");
}

/// Readers beside a writer that rolls segments, and a truncator that archives them, see whole groups
/// without a gap, and never less than a reader before them.
#[test]
fn a_reader_beside_a_running_writer_sees_whole_groups() {
    let dir = store(&[&[0; 4]]);
    let (mut log, _) = open(&dir).unwrap();
    let mut truncator = log.truncator();
    let reader = SegmentReader::open(dir.path()).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for round in 0..300 {
                append(&mut log, &[&[round % 1900, 0, 1, 2]]);
            }
        });
        let mut before = 5;
        loop {
            let is_last = writer.is_finished();
            let mut next = 1;
            let end = reader
                .read_from::<LogError>(Lsn::ZERO, |entry| {
                    check_entry(&entry);
                    assert_eq!(entry.lsn.get(), next);
                    next += 1;
                    Ok(())
                })
                .unwrap();
            assert_eq!((end.next.get(), next % 4), (next, 1));
            assert!(next >= before);
            before = next;
            truncator.truncate_before(Lsn::new(next - 1)).unwrap();
            if is_last {
                break;
            }
        }
        assert_eq!(before, 301 * 4 + 1);
    });
}
