//! Archives closed segments of the journal once the snapshots have everything in them, so that a start
//! does not have to read them. On a thread of its own: compressing takes its time.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::journal::Truncator;
use crate::scheduling;
use crate::snapshot::SnapshotStore;

/// The running thread.
pub(super) struct Archivist {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Archivist {
    /// Starts the thread; it looks every `interval_ms` milliseconds.
    pub(super) fn start(
        truncator: Box<dyn Truncator>,
        store: SnapshotStore,
        interval_ms: u64,
    ) -> io::Result<Self> {
        let (stop, stopped) = bounded(1);
        let interval = Duration::from_millis(interval_ms);
        let thread = thread::Builder::new()
            .name("archive".into())
            .spawn(move || run(truncator, &store, interval, &stopped))?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread, when it is done with the segment at hand.
    pub(super) fn stop(self) {
        drop(self.stop);
        // A thread that panicked has said so; the journal is as readable as before.
        let _ = self.thread.join();
    }
}

fn run(
    mut truncator: Box<dyn Truncator>,
    store: &SnapshotStore,
    interval: Duration,
    stopped: &Receiver<()>,
) {
    // Compressing can wait, sales cannot.
    let _ = scheduling::when_idle();
    while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
        // The least of the watermarks: whoever is behind still needs what follows.
        let Some(saved) = store.watermarks().into_values().min() else { continue };
        if let Err(error) = truncator.truncate_before(saved.next()) {
            tracing::error!(%error, "journal segments cannot be archived");
        }
    }
}
