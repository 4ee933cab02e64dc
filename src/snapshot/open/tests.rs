use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use super::*;
use crate::snapshot::{EntityKind, Put, Removal, StampDifference};
use crate::types::{Lsn, PartitionNo};

fn stamp() -> Stamp {
    Stamp::new().with("store", "s-1").with("schema", 1)
}

fn config() -> SnapshotConfig {
    SnapshotConfig { cache_bytes: 4 * 1024 * 1024, ..SnapshotConfig::default() }
}

fn open(dir: &Path) -> Opened {
    SnapshotStore::open(dir, &stamp(), &config()).unwrap()
}

fn put(kind: EntityKind, key: &[u8], lsn: u64, payload: &[u8]) -> Put {
    let payload = payload.to_vec();
    Put { kind, key: key.into(), schema: 1, lsn: Lsn::new(lsn), payload }
}

fn state(store: &SnapshotStore, kind: EntityKind, key: &[u8]) -> Option<(u64, Vec<u8>)> {
    store.get(kind, key).unwrap().map(|entry| (entry.lsn.get(), entry.payload))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn what_is_written_is_there_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("deep/snapshot");
    let Opened { store, outcome } = open(&dir);
    assert_eq!(outcome, Outcome::Fresh);
    let large = vec![7; 300_000]; // Large enough for sled to keep it in a file of its own.
    store
        .write(&[
            put(EntityKind::Slot, b"a", 1, b"one"),
            put(EntityKind::Slot, b"b", 2, b"two"),
            put(EntityKind::Order, b"a", 3, b""),
            put(EntityKind::Voucher, b"shard", 4, &large),
            put(EntityKind::Slot, b"a", 5, b"three"),
        ])
        .unwrap();
    store.checkpoint(&[(PartitionNo::new(0), Lsn::new(5))], &[]).unwrap();
    drop(store);

    let Opened { store, outcome } = open(&dir);
    assert_eq!(outcome, Outcome::Existing);
    assert_eq!(state(&store, EntityKind::Slot, b"a"), Some((5, b"three".to_vec())));
    assert_eq!(state(&store, EntityKind::Slot, b"b"), Some((2, b"two".to_vec())));
    assert_eq!(state(&store, EntityKind::Order, b"a"), Some((3, Vec::new())));
    assert_eq!(state(&store, EntityKind::Voucher, b"shard"), Some((4, large)));
    assert_eq!(state(&store, EntityKind::Pool, b"a"), None);
    assert!(store.disk_bytes().unwrap() > 0);

    let mut seen = Vec::new();
    let mut visit = |key: &[u8], entry: crate::snapshot::Entry| {
        seen.push((key.to_vec(), entry.lsn.get()));
        ControlFlow::Continue(())
    };
    store.scan(EntityKind::Slot, b"", &mut visit).unwrap();
    store.scan(EntityKind::Slot, b"b", &mut visit).unwrap();
    store.scan(EntityKind::Slot, b"c", &mut visit).unwrap();
    assert_eq!(seen, [(b"a".to_vec(), 5), (b"b".to_vec(), 2), (b"b".to_vec(), 2)]);
}

#[test]
fn watermarks_rise_and_never_fall_and_removals_come_with_them() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path()).store;
    let (one, two) = (PartitionNo::new(1), PartitionNo::new(2));
    store
        .write(&[put(EntityKind::Slot, b"a", 1, b"x"), put(EntityKind::Pool, b"a", 1, b"x")])
        .unwrap();
    store.checkpoint(&[(one, Lsn::new(9)), (two, Lsn::new(4))], &[]).unwrap();
    let gone = Removal { kind: EntityKind::Slot, key: b"a"[..].into() };
    store.checkpoint(&[(one, Lsn::new(3)), (two, Lsn::new(6))], &[gone]).unwrap();
    drop(store);

    let store = open(root.path()).store;
    let watermarks: Vec<_> = store.watermarks().into_iter().collect();
    assert_eq!(watermarks, [(one, Lsn::new(9)), (two, Lsn::new(6))]);
    assert_eq!(state(&store, EntityKind::Slot, b"a"), None);
    assert!(state(&store, EntityKind::Pool, b"a").is_some());
}

/// What the contents sum must get right: overwriting, removing and creating on either side of a crash.
/// Once for entities that stand alone, once for neighbours in a block.
#[test]
fn crashes_between_checkpoints_are_no_damage() {
    crashes_are_no_damage(b"");
    crashes_are_no_damage(b"entity-");
}

fn crashes_are_no_damage(prefix: &[u8]) {
    let key = |last: u8| [prefix, &[last]].concat();
    let root = tempfile::tempdir().unwrap();
    let live = root.path().join("live");
    let store = open(&live).store;
    let partition = PartitionNo::new(0);
    let mut step = 0;
    let mut crash = |expected: &[(u8, Option<u64>)]| {
        step += 1;
        let dir = root.path().join(format!("step-{step}"));
        copy(&live, &dir);
        // Twice: what was recovered after one crash may crash again, with a write in between.
        for write in [true, false] {
            let Opened { store, outcome } = open(&dir);
            assert_eq!(outcome, Outcome::Existing, "step {step}");
            for (last, lsn) in expected {
                let stored = state(&store, EntityKind::Order, &key(*last)).map(|(lsn, _)| lsn);
                assert_eq!(stored, *lsn, "step {step} {last}");
            }
            if write {
                store.write(&[put(EntityKind::Order, &key(b'n'), 99, b"")]).unwrap();
                store.flush().unwrap();
                let again = root.path().join(format!("step-{step}-again"));
                copy(&dir, &again);
                assert_eq!(open(&again).outcome, Outcome::Existing, "step {step}");
            }
        }
    };
    let write = |last, lsn| {
        store.write(&[put(EntityKind::Order, &key(last), lsn, &[7; 40])]).unwrap();
        store.flush().unwrap();
    };
    let checkpoint = |lsn, gone: &[u8]| {
        let removal = |last: &u8| Removal { kind: EntityKind::Order, key: key(*last).into() };
        let removals: Vec<_> = gone.iter().map(removal).collect();
        store.checkpoint(&[(partition, Lsn::new(lsn))], &removals).unwrap();
    };
    write(b'a', 1);
    write(b'b', 2);
    crash(&[(b'a', Some(1)), (b'b', Some(2))]);
    checkpoint(2, &[]);
    crash(&[(b'a', Some(1)), (b'b', Some(2))]);
    write(b'a', 3);
    write(b'a', 4);
    write(b'c', 5);
    crash(&[(b'a', Some(4)), (b'b', Some(2)), (b'c', Some(5))]);
    checkpoint(5, b"bcv");
    crash(&[(b'a', Some(4)), (b'b', None), (b'c', None)]);
    write(b'b', 6);
    crash(&[(b'a', Some(4)), (b'b', Some(6))]);
    checkpoint(6, b"a");
    crash(&[(b'a', None), (b'b', Some(6))]);
}

#[test]
fn a_directory_in_use_is_refused_and_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("s");
    let first = open(&dir).store;
    let other = Stamp::new().with("store", "s-2");
    for stamp in [stamp(), other] {
        let refused = SnapshotStore::open(&dir, &stamp, &config());
        assert!(matches!(refused, Err(SnapshotError::InUse { .. })));
    }
    drop(first);
    assert_eq!(open(&dir).outcome, Outcome::Existing);
}

#[test]
fn another_stamp_sets_the_store_aside_and_says_what_differs() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("s");
    let store = open(&dir).store;
    store.write(&[put(EntityKind::Slot, b"a", 1, b"x")]).unwrap();
    drop(store);

    let expected = Stamp::new().with("store", "s-2").with("schema", 1).with("shards", 8);
    let opened = SnapshotStore::open(&dir, &expected, &config()).unwrap();
    let text = |text: &str| Some(text.to_owned());
    let difference =
        |name: &str, stored, expected| StampDifference { name: name.to_owned(), stored, expected };
    let why = SetAsideReason::OtherStamp(vec![
        difference("shards", None, text("8")),
        difference("store", text("s-1"), text("s-2")),
    ]);
    let moved_to = root.path().join("s.damaged-1");
    assert_eq!(opened.outcome, Outcome::SetAside { why, moved_to: moved_to.clone() });
    assert_eq!(state(&opened.store, EntityKind::Slot, b"a"), None);
    assert!(moved_to.join("db").exists());
    drop(opened);
    let again = SnapshotStore::open(&dir, &expected, &config()).unwrap();
    assert_eq!(again.outcome, Outcome::Existing);
}

fn reason(opened: &Opened) -> String {
    match &opened.outcome {
        Outcome::SetAside { why: SetAsideReason::Damaged(what), .. } => what.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_value_sets_the_store_aside_at_start_or_after_it_was_met() {
    let root = tempfile::tempdir().unwrap();
    let corrupted = |name: &str| {
        let dir = root.path().join(name);
        let store = open(&dir).store;
        store
            .write(&[put(EntityKind::Slot, b"a", 1, b"x"), put(EntityKind::Slot, b"b", 1, b"x")])
            .unwrap();
        drop(store);
        // Below our checksum and above sled's, which would otherwise find it first.
        let db = patiently(|| sled::open(&dir)).unwrap();
        let tree = db.open_tree(EntityKind::Slot.name()).unwrap();
        let mut value = tree.get(b"b").unwrap().unwrap().to_vec();
        *value.last_mut().unwrap() ^= 1;
        tree.insert(b"b", value).unwrap();
        dir
    };

    let dir = corrupted("verified");
    let opened = open(&dir);
    assert!(reason(&opened).contains("wrong checksum (kind 1, key 62)"), "{opened:?}");
    assert!(opened.store.is_empty().unwrap());

    let dir = corrupted("met");
    let unverified = SnapshotConfig { verify_at_open: false, ..config() };
    let Opened { store, outcome } = SnapshotStore::open(&dir, &stamp(), &unverified).unwrap();
    assert_eq!(outcome, Outcome::Existing);
    assert!(store.get(EntityKind::Slot, b"a").is_ok());
    assert!(matches!(store.get(EntityKind::Slot, b"b"), Err(SnapshotError::Damaged { .. })));
    drop(store);
    let opened = SnapshotStore::open(&dir, &stamp(), &unverified).unwrap();
    assert!(reason(&opened).contains("wrong checksum"));
}

#[test]
fn garbage_in_sleds_files_sets_the_store_aside() {
    let root = tempfile::tempdir().unwrap();
    let template = root.path().join("template");
    let store = open(&template).store;
    let puts: Vec<_> =
        (0..200_u32).map(|n| put(EntityKind::Order, &n.to_be_bytes(), 1, &[9; 700])).collect();
    store.write(&puts).unwrap();
    store.write(&[put(EntityKind::Voucher, b"v", 1, &[7; 300_000])]).unwrap();
    store.checkpoint(&[(PartitionNo::new(0), Lsn::new(1))], &[]).unwrap();
    drop(store);

    let check = |name: &str, damage: &dyn Fn(&Path)| {
        let dir = root.path().join(name);
        copy(&template, &dir);
        damage(&dir);
        let opened = open(&dir);
        assert!(!reason(&opened).is_empty(), "{name}");
        assert!(opened.store.is_empty().unwrap(), "{name}");
        drop(opened);
        assert_eq!(open(&dir).outcome, Outcome::Existing, "{name}");
    };
    check("garbage", &|dir| {
        let length = fs::metadata(dir.join("db")).unwrap().len();
        let garbage: Vec<u8> = (0..length).map(|n| (n * 31 % 251) as u8).collect();
        fs::write(dir.join("db"), garbage).unwrap();
    });
    check("no-blobs", &|dir| {
        fs::remove_dir_all(dir.join("blobs")).unwrap();
        fs::create_dir(dir.join("blobs")).unwrap();
    });
    check("conf", &|dir| fs::write(dir.join("conf"), b"segment_size: 3\nno").unwrap());
}

#[test]
fn a_store_that_does_not_fit_the_journal_can_be_condemned() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("s");
    let store = open(&dir).store;
    store.write(&[put(EntityKind::Slot, b"a", 1, b"x")]).unwrap();
    store.condemn("the journal begins after it").unwrap();
    drop(store);
    let opened = open(&dir);
    assert_eq!(reason(&opened), "the journal begins after it");
    assert!(opened.store.is_empty().unwrap());
}

#[test]
fn a_crash_while_creating_is_no_damage() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("s");
    drop(patiently(|| sled::open(&dir)).unwrap());
    assert_eq!(open(&dir).outcome, Outcome::Fresh);
    assert_eq!(open(&dir).outcome, Outcome::Existing);
}

/// sled opens many damaged files without an error, with pages missing or in an older version. None of
/// that may pass for the state a watermark promises.
#[test]
fn damage_anywhere_is_either_noticed_or_an_older_whole_state() {
    let root = tempfile::tempdir().unwrap();
    let template = root.path().join("template");
    let mut random = 12_345_u64;
    let mut random = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    let store = open(&template).store;
    let (partition, mut lsn, mut history) = (PartitionNo::new(0), 0_u64, Vec::new());
    for _ in 0..16 {
        let mut puts = Vec::new();
        for _ in 0..200 {
            lsn += 1;
            let key = random(900) as u32;
            history.push(key);
            let payload = vec![lsn as u8; random(900)];
            puts.push(put(EntityKind::Order, &key.to_be_bytes(), lsn, &payload));
        }
        store.write(&puts).unwrap();
        store.checkpoint(&[(partition, Lsn::new(lsn))], &[]).unwrap();
    }
    let crashed = root.path().join("crashed");
    copy(&template, &crashed);
    drop(store);

    let (mut set_aside, mut older) = (0, 0);
    for round in 0..24 {
        let dir = root.path().join(format!("round-{round}"));
        copy(if round % 2 == 0 { &template } else { &crashed }, &dir);
        let mut bytes = fs::read(dir.join("db")).unwrap();
        let at = random(bytes.len());
        match round % 8 {
            0..=3 => bytes[at] ^= 1 << random(8),
            4..=6 => {
                let end = bytes.len().min(at + 4096);
                bytes[at..end].fill(0);
            }
            _ => bytes.truncate(at),
        }
        fs::write(dir.join("db"), bytes).unwrap();

        let Opened { store, outcome } = open(&dir);
        if outcome != Outcome::Existing {
            assert!(matches!(outcome, Outcome::SetAside { .. }), "{outcome:?}");
            set_aside += 1;
        }
        let watermark = store.watermarks().get(&partition).map_or(0, |lsn| lsn.get());
        older += u32::from(outcome == Outcome::Existing && watermark < lsn);
        for (index, key) in history.iter().take(watermark as usize).enumerate() {
            let entity = store.get(EntityKind::Order, &key.to_be_bytes()).unwrap();
            let stored = entity.expect("what a watermark covers is there").lsn.get();
            assert!(stored > index as u64, "round {round}: {stored} lacks {}", index + 1);
        }
        drop(store);
        fs::remove_dir_all(&dir).unwrap();
    }
    // sled lays its log out differently from run to run, so how often is not exact.
    assert!(
        set_aside > 0 && set_aside + older > 4,
        "the damage was real: {set_aside} set aside, {older} older"
    );
}

/// At any instant of a crash, what a watermark covers is there. Each record changes one entity, so the
/// state a watermark promises is known.
#[test]
fn a_watermark_is_never_ahead_of_its_entities() {
    let root = tempfile::tempdir().unwrap();
    let live = root.path().join("live");
    let store = open(&live).store;
    let (partition, keys) = (PartitionNo::new(0), 17);
    let mut reached = 0;
    for round in 0..12_u64 {
        let records = round * 40 + 1..=round * 40 + 40;
        let puts: Vec<_> = records
            .map(|lsn| put(EntityKind::Slot, &[(lsn % keys) as u8], lsn, &[lsn as u8; 90]))
            .collect();
        store.write(&puts[..20]).unwrap();
        copy(&live, &root.path().join(format!("{round}-written")));
        store.write(&puts[20..]).unwrap();
        if round % 3 != 0 {
            store.checkpoint(&[(partition, Lsn::new(round * 40 + 40))], &[]).unwrap();
            reached = round * 40 + 40;
        }
        let crashed = root.path().join(format!("{round}-after"));
        copy(&live, &crashed);
        for name in [format!("{round}-written"), format!("{round}-after")] {
            let Opened { store, outcome } = open(&root.path().join(name));
            assert_eq!(outcome, Outcome::Existing);
            let watermark = store.watermarks().get(&partition).map_or(0, |lsn| lsn.get());
            for lsn in watermark.saturating_sub(keys - 1).max(1)..=watermark {
                let (stored, _) = state(&store, EntityKind::Slot, &[(lsn % keys) as u8]).unwrap();
                assert!(stored >= lsn, "watermark {watermark}, entity at {stored} lacks {lsn}");
            }
        }
        let survived = open(&crashed).store.watermarks();
        assert_eq!(survived.get(&partition).map_or(0, |lsn| lsn.get()), reached, "and durable");
    }
}

#[test]
fn what_waits_in_memory_is_read_like_the_rest_and_joins_it() {
    let root = tempfile::tempdir().unwrap();
    let order = |number: u64, lsn: u64, payload: &[u8]| {
        put(EntityKind::Order, &number.to_be_bytes(), lsn, payload)
    };
    let read = |store: &SnapshotStore| {
        [64_u64, 65, 66, 1 << 50].map(|number| {
            let found = state(store, EntityKind::Order, &number.to_be_bytes());
            found.map(|(lsn, payload)| (lsn, String::from_utf8(payload).unwrap()))
        })
    };
    let expected = [(3, "a later state"), (1, "saved"), (4, "a neighbour"), (2, "elsewhere")];
    let expected = expected.map(|(lsn, text)| Some((lsn, text.to_owned())));

    let Opened { store, .. } = open(root.path());
    store.write(&[order(64, 1, b"saved"), order(65, 1, b"saved")]).unwrap();
    assert_eq!(read(&store)[1], expected[1], "before anything is durable");
    store.checkpoint(&[(PartitionNo::new(0), Lsn::new(1))], &[]).unwrap();
    store.write(&[order(1 << 50, 2, b"elsewhere"), order(66, 2, b"a neighbour")]).unwrap();
    store.write(&[order(66, 4, b"a neighbour"), order(64, 3, b"a later state")]).unwrap();
    assert_eq!(read(&store), expected);
    store.checkpoint(&[(PartitionNo::new(0), Lsn::new(4))], &[]).unwrap();
    assert_eq!(read(&store), expected);
    drop(store);
    let Opened { store, outcome } = open(root.path());
    assert_eq!((read(&store), outcome), (expected, Outcome::Existing));
}

#[test]
fn a_buffer_that_is_full_goes_to_the_disk_by_itself() {
    let root = tempfile::tempdir().unwrap();
    let small = SnapshotConfig { buffer_bytes: 1024 * 1024, ..config() };
    let Opened { store, .. } = SnapshotStore::open(root.path(), &stamp(), &small).unwrap();
    let order = |number: u64| put(EntityKind::Order, &number.to_be_bytes(), 1, &[7; 500]);
    for first in (0..6000).step_by(100) {
        store.write(&(first..first + 100).map(order).collect::<Vec<_>>()).unwrap();
    }
    let is_there = |store: &SnapshotStore, number: u64| {
        state(store, EntityKind::Order, &number.to_be_bytes()).is_some()
    };
    assert!((0..6000).all(|number| is_there(&store, number)));
    drop(store);
    let Opened { store, .. } = SnapshotStore::open(root.path(), &stamp(), &small).unwrap();
    let left = (0..6000).filter(|number| is_there(&store, *number)).count();
    assert!((3000..6000).contains(&left), "{left}: the last of it was never asked to be durable");
}
