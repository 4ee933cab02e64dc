use std::sync::mpsc;

use super::*;
use crate::snapshot::{EntityKind, Opened, Stamp};

fn config() -> SnapshotConfig {
    SnapshotConfig {
        cache_bytes: 4 * 1024 * 1024,
        flush_interval_ms: 5,
        ..SnapshotConfig::default()
    }
}

fn store(dir: &std::path::Path) -> SnapshotStore {
    let Opened { store, .. } =
        SnapshotStore::open(dir, &Stamp::new().with("store", 1), &config()).unwrap();
    store
}

fn put(key: &str, lsn: u64) -> Put {
    let (key, payload) = (key.as_bytes().into(), lsn.to_le_bytes().to_vec());
    Put { kind: EntityKind::Order, key, schema: 1, lsn: Lsn::new(lsn), payload }
}

fn removal(key: &str) -> Removal {
    Removal { kind: EntityKind::Order, key: key.as_bytes().into() }
}

fn batch(lsn: u64, puts: Vec<Put>, removals: Vec<Removal>, done: Done) -> Batch {
    let (partition, watermark) = (PartitionNo::new(1), Lsn::new(lsn));
    Batch { partition, puts, removals, encode: None, watermark, written: None, done }
}

fn ignored() -> Done {
    Box::new(|result| result.unwrap())
}

#[test]
fn a_batch_is_durable_when_it_says_so() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let snapshotter = Snapshotter::start(&store, &config()).unwrap();
    let (told, hear) = mpsc::channel();
    let done = Box::new(move |result| told.send(result).unwrap());
    let submitted = batch(7, vec![put("a", 5), put("b", 7)], vec![removal("b")], done);
    snapshotter.handle().submit(submitted).unwrap();
    hear.recv().unwrap().unwrap();
    let watermarks: Vec<_> = store.watermarks().into_iter().collect();
    assert_eq!(watermarks, [(PartitionNo::new(1), Lsn::new(7))]);
    assert_eq!(store.get(EntityKind::Order, b"a").unwrap().unwrap().lsn, Lsn::new(5));
    assert_eq!(store.get(EntityKind::Order, b"b").unwrap(), None, "removals come last");
}

#[test]
fn what_is_put_again_survives_a_removal_waiting_for_the_same_flush() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let slow = SnapshotConfig { flush_interval_ms: 60_000, ..config() };
    let snapshotter = Snapshotter::start(&store, &slow).unwrap();
    let handle = snapshotter.handle();
    handle.submit(batch(1, vec![put("a", 1), put("b", 1)], vec![], ignored())).unwrap();
    handle.submit(batch(2, vec![], vec![removal("a"), removal("b")], ignored())).unwrap();
    handle.submit(batch(3, vec![put("a", 3)], vec![], ignored())).unwrap();
    snapshotter.shutdown();
    assert_eq!(store.get(EntityKind::Order, b"a").unwrap().unwrap().lsn, Lsn::new(3));
    assert_eq!(store.get(EntityKind::Order, b"b").unwrap(), None);
}

#[test]
fn reader_threads_see_what_was_written() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    store.write(&[put("a1", 1), put("a2", 2)]).unwrap();
    let snapshotter = Snapshotter::start(&store, &config()).unwrap();
    let (told, hear) = mpsc::channel();
    for key in ["a2", "none"] {
        let told = told.clone();
        let read: Read = Box::new(move |store| {
            let entry = store.get(EntityKind::Order, key.as_bytes()).unwrap();
            told.send((key, entry.map(|entry| entry.lsn))).unwrap();
        });
        snapshotter.handle().read(read).unwrap();
    }
    let mut heard = [hear.recv().unwrap(), hear.recv().unwrap()];
    heard.sort_unstable();
    assert_eq!(heard, [("a2", Some(Lsn::new(2))), ("none", None)]);
}

#[test]
fn a_full_queue_gives_the_batch_back_and_shutdown_finishes_the_rest() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let tight = SnapshotConfig {
        queue_len_max: 2,
        load_queue_len_max: 1,
        reader_threads: 1,
        flush_changes_max: 1,
        ..config()
    };
    let snapshotter = Snapshotter::start(&store, &tight).unwrap();
    let handle = snapshotter.handle();

    // The first batch's answer holds the thread, so that the queue behind it fills.
    let (busy, is_busy) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let hold = Box::new(move |_| {
        busy.send(()).unwrap();
        released.recv().unwrap();
    });
    handle.submit(batch(1, vec![put("a", 1)], vec![], hold)).unwrap();
    is_busy.recv().unwrap();
    for lsn in 2..=3 {
        handle.submit(batch(lsn, vec![put("a", lsn)], vec![], ignored())).unwrap();
    }
    let refused = handle.submit(batch(4, vec![put("a", 4)], vec![], ignored())).unwrap_err();
    assert_eq!((refused.why, refused.item.watermark), (Refusal::Full, Lsn::new(4)));
    assert_eq!(handle.queue_lens(), (2, 0));

    let (busy, is_busy) = mpsc::channel();
    let (release_read, released) = mpsc::channel::<()>();
    let hold = Box::new(move |_: &SnapshotStore| {
        busy.send(()).unwrap();
        released.recv().unwrap();
    });
    let read =
        |handle: &SnapshotHandle| handle.read(Box::new(|_| ())).map_err(|refused| refused.why);
    handle.read(hold).unwrap();
    is_busy.recv().unwrap();
    read(&handle).unwrap();
    assert_eq!(read(&handle), Err(Refusal::Full));

    release.send(()).unwrap();
    release_read.send(()).unwrap();
    snapshotter.shutdown();
    assert_eq!(store.get(EntityKind::Order, b"a").unwrap().unwrap().lsn, Lsn::new(3));
    assert_eq!(store.watermarks()[&PartitionNo::new(1)], Lsn::new(3));
    let refused = handle.submit(batch(4, vec![], vec![], ignored())).unwrap_err();
    assert_eq!(refused.why, Refusal::Stopped);
    assert_eq!(read(&handle), Err(Refusal::Stopped));
}

#[test]
fn a_batch_can_be_read_before_it_is_durable() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let slow = SnapshotConfig { flush_interval_ms: 60_000, ..config() };
    let snapshotter = Snapshotter::start(&store, &slow).unwrap();
    for (lsn, waiting) in [(1_u64, 0), (2, usize::MAX)] {
        let mut share = snapshotter.handle().backlog_share();
        share.set(waiting);
        let key: Box<[u8]> = lsn.to_be_bytes().into();
        let (told, hear) = mpsc::channel();
        let put = Put { key: key.clone(), ..put("", lsn) };
        let written: Option<Written> = Some(Box::new(move || told.send(()).unwrap()));
        let batch = batch(lsn, vec![put], vec![], ignored());
        snapshotter.handle().submit(Batch { written, ..batch }).unwrap();
        hear.recv().unwrap();
        assert_eq!(store.get(EntityKind::Order, &key).unwrap().unwrap().lsn, Lsn::new(lsn));
        assert!(store.watermarks().is_empty(), "nothing is durable yet");
    }
    snapshotter.shutdown();
    assert_eq!(store.watermarks()[&PartitionNo::new(1)], Lsn::new(2));
}

#[test]
fn what_a_start_left_unsaved_is_saved_although_nobody_submits_anything() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    store.write(&[put("a", 1), put("b", 1)]).unwrap();
    let watermarks = vec![(PartitionNo::new(1), Lsn::new(1))];
    let unsaved = Unsaved { watermarks: watermarks.clone(), removals: vec![removal("a")] };
    Snapshotter::resume(&store, &config(), unsaved).unwrap().shutdown();
    assert_eq!(store.watermarks().into_iter().collect::<Vec<_>>(), watermarks);
    assert_eq!(store.get(EntityKind::Order, b"a").unwrap(), None);
    assert!(store.get(EntityKind::Order, b"b").unwrap().is_some());
}

/// Batches behind a lost one must not raise the watermark over it.
#[test]
fn after_a_failure_nothing_more_is_taken() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let mut writer = Writer {
        store: store.clone(),
        group: Group::default(),
        turns: Turns::new(Backlog::default(), 1),
        stopped: Some(SnapshotError::damaged(root.path(), "a test")),
    };
    let (told, hear) = mpsc::channel();
    let done = Box::new(move |result| told.send(result).unwrap());
    writer.take(batch(9, vec![put("a", 9)], vec![], done));
    writer.finish();
    assert!(matches!(hear.recv().unwrap(), Err(SnapshotError::WriterStopped { .. })));
    assert!(store.watermarks().is_empty());
    assert_eq!(store.get(EntityKind::Order, b"a").unwrap(), None);
}

#[test]
fn what_a_batch_encodes_later_counts_and_a_panic_in_it_stops_the_writer() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let snapshotter = Snapshotter::start(&store, &config()).unwrap();
    let submit = |lsn, encode: Encode| {
        let (told, hear) = mpsc::channel();
        let done = Box::new(move |result| told.send(result).unwrap());
        let batch = batch(lsn, vec![put("a", lsn)], vec![], done);
        snapshotter.handle().submit(Batch { encode: Some(encode), ..batch }).unwrap();
        hear.recv().unwrap()
    };
    let encode = |sink: &mut Sink<'_>| {
        sink.put_encoded(&put("b", 1));
        sink.remove(removal("a"));
    };
    submit(1, Box::new(encode)).unwrap();
    assert_eq!(store.get(EntityKind::Order, b"a").unwrap(), None);
    assert!(store.get(EntityKind::Order, b"b").unwrap().is_some());
    let panics: Encode = Box::new(|_| panic!("a test"));
    assert!(matches!(submit(2, panics), Err(SnapshotError::WriterStopped { .. })));
    assert!(submit(3, Box::new(|_| {})).is_err(), "a later watermark would cover what was lost");
    assert_eq!(store.watermarks()[&PartitionNo::new(1)], Lsn::new(1));
}
