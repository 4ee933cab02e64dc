//! Damage that no crash explains: the log refuses to open, says where, and changes nothing.

use super::*;

/// 16 groups of two records, a page each, in segments that begin at 1, 15 and 29; the end is at LSN 33.
fn three_segments() -> TempDir {
    store(&[&[1, 1]; 16])
}

fn overwrite(dir: &TempDir, first: u64, offset: u64, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(segment_path(dir, first)).unwrap();
    file.write_all_at(bytes, offset).unwrap();
}

fn set_len(dir: &TempDir, first: u64, bytes: u64) {
    let file = OpenOptions::new().write(true).open(segment_path(dir, first)).unwrap();
    file.set_len(bytes).unwrap();
}

/// The content of every segment.
fn image(dir: &TempDir) -> Vec<(String, Vec<u8>)> {
    let segments = names(dir, "").into_iter().filter(|name| name.starts_with("journal-"));
    segments.map(|name| (name.clone(), fs::read(dir.path().join(&name)).unwrap())).collect()
}

/// Opens `dir`, expecting damage in the segment that begins at `first`, at `offset` and `lsn`.
#[track_caller]
fn expect_damage(dir: &TempDir, first: u64, offset: u64, lsn: u64, expected: &str) {
    let before = image(dir);
    for error in [
        open(dir).map(drop).unwrap_err(),
        SegmentReader::open(dir.path())
            .and_then(|reader| reader.read_from::<LogError>(Lsn::ZERO, |_| Ok(())))
            .unwrap_err(),
    ] {
        let text = error.to_string();
        let LogError::Damaged { file, offset: at, lsn: expects, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(
            (file, at, expects),
            (segment_path(dir, first), offset, Lsn::new(lsn)),
            "{text}"
        );
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(image(dir), before, "nothing was changed");
}

#[test]
fn a_bad_block_before_a_good_one() {
    let page = PAGE_BYTES;
    let check = |first, offset, bytes: &[u8], lsn, expected| {
        let dir = three_segments();
        overwrite(&dir, first, offset, bytes);
        expect_damage(&dir, first, offset / page * page, lsn, expected);
    };
    // In a segment that is not the last.
    check(1, page + 33, b"?", 1, "the block does not match its checksum");
    check(15, 7 * page, b"?", 27, "there is no block here");
    check(15, 2 * page + 8, &[0xff; 4], 17, "the block is longer than any that was written");
    // In the last one, which ends after two blocks.
    check(29, page + 33, b"?", 29, "checksum, and an intact block follows at offset 8192");
    check(29, page, &[0; 4096], 29, "zeros in place of a block, and an intact block follows");
    check(29, page, b"?", 29, "there is no block here, and an intact block follows");
}

#[test]
fn more_than_one_group_is_not_a_torn_tail() {
    let dir = three_segments();
    // Two pages may be torn, here are three.
    overwrite(&dir, 29, 3 * PAGE_BYTES, &[7; 3 * 4096]);
    expect_damage(
        &dir,
        29,
        3 * PAGE_BYTES,
        33,
        "12288 bytes are not intact, one group has at most",
    );
    let dir = three_segments();
    overwrite(&dir, 29, 8 * PAGE_BYTES - 1, &[7]);
    expect_damage(&dir, 29, 3 * PAGE_BYTES, 33, "one group has at most 8192");
}

#[test]
fn a_segment_header() {
    for first in [1, 15, 29] {
        let dir = three_segments();
        overwrite(&dir, first, 0, b"?");
        expect_damage(&dir, first, 0, first, "not a journal segment");
        let dir = three_segments();
        overwrite(&dir, first, 8, &[2]);
        expect_damage(&dir, first, 0, first, "format version 2 is unknown");
        let dir = three_segments();
        overwrite(&dir, first, 40, b"?");
        expect_damage(&dir, first, 0, first, "the segment header does not match its checksum");
        let dir = three_segments();
        set_len(&dir, first, 4095);
        expect_damage(&dir, first, 0, first, "the file ends within the segment header");
    }
}

#[test]
fn a_missing_segment() {
    let dir = three_segments();
    fs::remove_file(segment_path(&dir, 15)).unwrap();
    let text = open(&dir).map(drop).unwrap_err().to_string();
    assert!(text.contains("the segment that begins at LSN 15 is missing"), "{text}");
    let reader = SegmentReader::open(dir.path()).unwrap();
    let error = reader.read_from::<LogError>(Lsn::ZERO, |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("records are missing"), "{error}");
}

#[test]
fn a_segment_under_a_wrong_name() {
    let dir = three_segments();
    fs::rename(segment_path(&dir, 29), segment_path(&dir, 30)).unwrap();
    expect_damage(&dir, 30, 0, 30, "the segment begins at LSN 29, not at its name's");
}

#[test]
fn blocks_lost_from_the_end_of_a_closed_segment() {
    let dir = three_segments();
    overwrite(&dir, 15, 7 * PAGE_BYTES, &[0; 4096]);
    expect_damage(&dir, 29, 0, 27, "it begins at LSN 29, the segment before it ends before LSN 27");
}

/// A file that lost its end may have held groups there that were acknowledged.
#[test]
fn a_last_segment_cut_short_within_its_blocks() {
    let check = |bytes, offset, lsn| {
        let dir = three_segments();
        set_len(&dir, 29, bytes);
        expect_damage(&dir, 29, offset, lsn, "bytes, what was in the others is lost");
    };
    let page = PAGE_BYTES;
    check(page, page, 29);
    check(page + 40, page, 29);
    check(2 * page, 2 * page, 31);
    check(3 * page - 1, 2 * page, 31);
    check(3 * page, 3 * page, 33);
}

#[test]
fn a_last_segment_cut_short_beyond_its_blocks_is_made_whole() {
    let dir = three_segments();
    set_len(&dir, 29, 3 * PAGE_BYTES + 1);
    let (log, recovery) = open(&dir).unwrap();
    assert_eq!((recovery.tail, recovery.next_lsn), (Tail::Clean, Lsn::new(33)));
    assert_eq!(fs::metadata(segment_path(&dir, 29)).unwrap().len(), small().segment_bytes);
    assert_eq!(read(&log, 1), ((1..=32).collect(), 33));
}

#[test]
fn segments_and_blocks_of_another_store() {
    let (ours, theirs) = (three_segments(), three_segments());
    for first in [1, 15, 29] {
        let dir = three_segments();
        fs::copy(segment_path(&theirs, first), segment_path(&dir, first)).unwrap();
        let text = open(&dir).map(drop).unwrap_err().to_string();
        assert!(text.contains("another store"), "{text}");
    }
    // Their block after ours: it can only be noise to us.
    let block = &fs::read(segment_path(&theirs, 29)).unwrap()[4096..8192];
    overwrite(&ours, 29, 3 * PAGE_BYTES, block);
    let (log, recovery) = open(&ours).unwrap();
    assert_eq!((recovery.tail == Tail::Clean, recovery.next_lsn), (false, Lsn::new(33)));
    assert_eq!(read(&log, 29), ((29..=32).collect(), 33));
}

/// Two histories of one store, as after restoring a backup: the same positions, different records.
#[test]
fn a_segment_of_another_history_of_the_same_store() {
    let dir = store(&[&[1, 1]; 3]);
    let backup = tempfile::tempdir().unwrap();
    fs::copy(segment_path(&dir, 1), segment_path(&backup, 1)).unwrap();
    append(&mut open(&dir).unwrap().0, &[&[1, 1]; 10]);
    append(&mut open(&backup).unwrap().0, &[&[2, 2]; 10]);
    fs::copy(segment_path(&backup, 15), segment_path(&dir, 15)).unwrap();
    expect_damage(&dir, 15, 0, 15, "it continues another history than the segment before it");
}

/// Stale bytes: an intact block of a former history right after the end, at the right position.
#[test]
fn an_intact_block_that_follows_on_another_one() {
    let dir = store(&[&[1, 1]; 2]);
    let backup = tempfile::tempdir().unwrap();
    fs::copy(segment_path(&dir, 1), segment_path(&backup, 1)).unwrap();
    append(&mut open(&dir).unwrap().0, &[&[1, 1]; 1]);
    append(&mut open(&backup).unwrap().0, &[&[2, 2]; 2]);
    let stale = &fs::read(segment_path(&backup, 1)).unwrap()[4 * 4096..5 * 4096];
    overwrite(&dir, 1, 4 * PAGE_BYTES, stale);
    expect_damage(&dir, 1, 4 * PAGE_BYTES, 7, "follows on another one than the one before it");
}
