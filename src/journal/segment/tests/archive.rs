//! Archiving: nothing is lost on the way, retention takes the oldest, interruptions do no harm.

use super::*;

const ALL: &[[usize; 2]] = &[[1, 1]; 30];

fn archived(dir: &TempDir) -> Vec<String> {
    names(dir, "archive")
}

fn open_keeping(dir: &TempDir, archive_segments_max: Option<u32>) -> SegmentLog {
    let config = JournalConfig { archive_segments_max, ..small() };
    SegmentLog::open(dir.path(), &config).unwrap().0
}

#[test]
fn everything_stays_readable_from_the_first_record() {
    let dir = store(ALL);
    let (mut log, _) = open(&dir).unwrap();
    // Segments begin at 1, 15, 29, 43, 57; the third may go once 43 is the first record needed.
    log.truncate_before(Lsn::new(42)).unwrap();
    assert_eq!(
        archived(&dir),
        ["journal-00000000000000000001.seg.zst", "journal-00000000000000000015.seg.zst"]
    );
    log.truncate_before(Lsn::new(1000)).unwrap();
    assert_eq!(archived(&dir).len(), 4);
    assert!(segment_path(&dir, 57).exists(), "the last segment stays");
    for from in [1, 14, 15, 42, 60] {
        assert_eq!(read(&log, from), ((from..=60).collect(), 61));
    }
    drop(log);
    let (log, recovery) = open(&dir).unwrap();
    assert_eq!((recovery.first_lsn, recovery.live_segments), (Lsn::new(1), 1));
    assert_eq!(read(&log, 1), ((1..=60).collect(), 61));
}

#[test]
fn retention_removes_the_oldest() {
    let check = |kept, first| {
        let dir = store(ALL);
        let mut log = open_keeping(&dir, kept);
        log.truncate_before(Lsn::new(50)).unwrap();
        assert_eq!(log.first_lsn().unwrap(), Lsn::new(first));
        assert_eq!(read(&log, first), ((first..=60).collect(), 61));
        drop(log);
        assert_eq!(read(&open(&dir).unwrap().0, first), ((first..=60).collect(), 61));
    };
    check(None, 1);
    check(Some(5), 1);
    check(Some(2), 15);
    check(Some(0), 43);
}

#[test]
fn a_lowered_limit_applies_to_what_is_archived_already() {
    let dir = store(ALL);
    open(&dir).unwrap().0.truncate_before(Lsn::new(60)).unwrap();
    let mut log = open_keeping(&dir, Some(1));
    log.truncate_before(Lsn::new(1)).unwrap();
    assert_eq!(log.first_lsn().unwrap(), Lsn::new(43));
}

#[test]
fn an_interruption_at_any_step_does_no_harm() {
    let original = store(ALL);
    let live = fs::read(segment_path(&original, 1)).unwrap();
    open(&original).unwrap().0.truncate_before(Lsn::new(20)).unwrap();
    let finished = original.path().join("archive/journal-00000000000000000001.seg.zst");
    let unfinished = original.path().join("archive/journal-00000000000000000001.seg.zst.tmp");
    // Interrupted between renaming the copy and removing the original.
    fs::write(segment_path(&original, 1), &live).unwrap();
    let (mut log, recovery) = open(&original).unwrap();
    assert_eq!(recovery.live_segments, 5);
    log.truncate_before(Lsn::new(20)).unwrap();
    assert!(finished.exists() && !segment_path(&original, 1).exists());
    drop(log);
    // Interrupted while the copy was being written.
    fs::write(segment_path(&original, 1), &live).unwrap();
    fs::remove_file(&finished).unwrap();
    fs::write(&unfinished, b"half a copy").unwrap();
    let (mut log, _) = open(&original).unwrap();
    assert!(!unfinished.exists());
    log.truncate_before(Lsn::new(20)).unwrap();
    assert_eq!(read(&log, 1), ((1..=60).collect(), 61));
}

#[test]
fn a_damaged_segment_is_not_archived_and_not_removed() {
    let dir = store(ALL);
    let (mut log, _) = open(&dir).unwrap();
    let file = OpenOptions::new().write(true).open(segment_path(&dir, 15)).unwrap();
    file.write_all_at(b"?", 3 * PAGE_BYTES + 40).unwrap();
    let error = log.truncate_before(Lsn::new(60)).unwrap_err();
    let LogError::Damaged { file, offset, lsn, .. } = error else { panic!("{error}") };
    assert_eq!((file, offset, lsn), (segment_path(&dir, 15), 3 * PAGE_BYTES, Lsn::new(19)));
    assert_eq!(archived(&dir).len(), 1);
    assert!(segment_path(&dir, 15).exists() && segment_path(&dir, 29).exists());
}

#[test]
fn damage_in_the_archive_is_found() {
    let check = |change: &dyn Fn(&TempDir), opens: bool, expected: &str| {
        let dir = store(ALL);
        open(&dir).unwrap().0.truncate_before(Lsn::new(60)).unwrap();
        change(&dir);
        let error = match open(&dir) {
            Ok((log, _)) => {
                assert!(opens, "{expected}");
                log.read_from::<LogError>(Lsn::new(1), |_| Ok(())).unwrap_err()
            }
            Err(error) => {
                assert!(!opens, "{error}");
                error
            }
        };
        assert!(error.to_string().contains(expected), "{error}");
    };
    let remove = |dir: &TempDir, name| fs::remove_file(dir.path().join(name)).unwrap();
    check(
        &|dir| remove(dir, "archive/journal-00000000000000000015.seg.zst"),
        false,
        "the segment that begins at LSN 15 is missing",
    );
    check(&|dir| remove(dir, "journal-00000000000000000057.seg"), false, "the live one is missing");
    let replace = |dir: &TempDir, change: fn(Vec<u8>) -> Vec<u8>| {
        let path = dir.path().join("archive/journal-00000000000000000015.seg.zst");
        fs::write(&path, change(fs::read(&path).unwrap())).unwrap();
    };
    check(
        &|dir| replace(dir, |bytes| bytes[..bytes.len() / 2].to_vec()),
        false,
        "offset 0, LSN 15: it cannot be decompressed",
    );
    // Blocks of archived segments are looked at when they are read.
    check(
        &|dir| {
            replace(dir, |bytes| {
                let mut segment = zstd::decode_all(&bytes[..]).unwrap();
                segment[3 * 4096 + 40] ^= 1;
                zstd::encode_all(&segment[..], 0).unwrap()
            });
        },
        true,
        "offset 12288, LSN 19: the block does not match its checksum",
    );
}
