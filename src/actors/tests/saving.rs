//! What is told of what waits to be saved, by which saving gives way to sales.

use std::sync::atomic::Ordering;

use super::*;

/// Steps that find nothing to save must not be taken for batches that are not durable yet: what is sold after a
/// quiet hour would count as waiting for another hour, and saving would no longer give way to sales.
#[test]
fn nothing_waits_once_it_is_durable_however_long_nothing_was_sold() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        for n in 0..3 {
            sleep(200).await;
            buy(&handle, &child(today().plus_days(24)), &format!("sold-{n}")).await.unwrap();
            let sold = handle.journal_stats().durable_lsn.load(Ordering::Acquire);
            wait_until(|| handle.0.cold.saved_up_to().get() >= sold).await;
            wait_until(|| handle.snapshot_backlog() == 0).await;
        }
        engine.stop().await;
    });
}

/// What can be read from the snapshots still waits as long as it is not durable there: a start after a crash
/// reads it from the journal.
#[test]
fn what_is_written_waits_until_it_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let mut parts = parts(dir.path(), often(), ManualClock::at(morning()), Metrics::default());
        parts.snapshot.flush_interval_ms = 60_000;
        let engine = sell(parts).await;
        let handle = engine.handle();
        for n in 1..=3 {
            buy(&handle, &child(today().plus_days(25)), &format!("sold-{n}")).await.unwrap();
            wait_until(|| handle.snapshot_backlog() == n).await;
            // Written long ago by now, and more than once asked about.
            sleep(100).await;
            assert_eq!(handle.snapshot_backlog(), n);
        }
        engine.stop().await;
    });
}
