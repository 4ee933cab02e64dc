//! Opening a store, or setting aside what cannot be used and starting afresh.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::aside::{self, SetAsideReason};
use super::config::{SnapshotConfig, SnapshotMode};
use super::disk::SledFiles;
use super::error::SnapshotError;
use super::session::{Left, Session};
use super::stamp::Stamp;
use super::store::{Sled, SnapshotStore, panic_text};

/// An open store and how it came about.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: SnapshotStore,
    /// Whether it has anything in it, and why not.
    pub outcome: Outcome,
}

/// How a store came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was none: rebuild from the journal's beginning.
    Fresh,
    /// It was there: continue from its watermarks.
    Existing,
    /// One was there but could not be used: rebuild from the journal's beginning.
    SetAside {
        /// Why.
        why: SetAsideReason,
        /// Where it lies now, until the next one is set aside.
        moved_to: PathBuf,
    },
}

impl SnapshotStore {
    /// Opens the store in `dir`, creating it when there is none. One that is damaged or carries
    /// another stamp is moved to `<dir>.damaged-<n>` (of which one is kept) and replaced by an empty
    /// one.
    ///
    /// # Errors
    /// [`InUse`](SnapshotError::InUse) when another process has it, [`Io`](SnapshotError::Io) when the
    /// file system fails. Neither touches the store.
    pub fn open(
        dir: &Path,
        stamp: &Stamp,
        config: &SnapshotConfig,
    ) -> Result<Opened, SnapshotError> {
        let why = match attempt(dir, stamp, config)? {
            Attempt::Ready(store, outcome) => return Ok(Opened { store, outcome }),
            Attempt::Unusable(why) => why,
        };
        let moved_to = aside::set_aside(dir).map_err(|error| SnapshotError::io(dir, error))?;
        match attempt(dir, stamp, config)? {
            Attempt::Ready(store, _) => {
                Ok(Opened { store, outcome: Outcome::SetAside { why, moved_to } })
            }
            // A store created this instant that is unusable again is not one more to set aside.
            Attempt::Unusable(why) => Err(SnapshotError::damaged(dir, why.to_string())),
        }
    }
}

enum Attempt {
    Ready(SnapshotStore, Outcome),
    Unusable(SetAsideReason),
}

fn attempt(dir: &Path, stamp: &Stamp, config: &SnapshotConfig) -> Result<Attempt, SnapshotError> {
    let session = Session::lock(dir)?;
    let left = session.left()?;
    if let Left::Condemned { what } = left {
        return Ok(Attempt::Unusable(SetAsideReason::Damaged(what)));
    }
    match open_and_check(dir, stamp, config, session, &left) {
        Err(SnapshotError::Damaged { what, .. }) => {
            Ok(Attempt::Unusable(SetAsideReason::Damaged(what)))
        }
        other => other,
    }
}

fn open_and_check(
    dir: &Path,
    stamp: &Stamp,
    config: &SnapshotConfig,
    session: Session,
    left: &Left,
) -> Result<Attempt, SnapshotError> {
    // sled writes as soon as it opens, so from here on the store is not closed in order. A new one
    // stays new until it is whole, so that a crash on the way is no damage.
    if *left != Left::New {
        session.mark_open()?;
    }
    let store = open_sled(dir, config, session)?;
    let Some(stored) = store.stamp()? else {
        // sled opens some damaged files as an empty database.
        if *left != Left::New || !store.is_empty()? {
            let what = "sled lost everything".to_owned();
            return Ok(Attempt::Unusable(SetAsideReason::Damaged(what)));
        }
        store.initialise(stamp)?;
        store.mark_open()?;
        return Ok(Attempt::Ready(store, Outcome::Fresh));
    };
    let differences = stamp.differences(&stored);
    if !differences.is_empty() {
        return Ok(Attempt::Unusable(SetAsideReason::OtherStamp(differences)));
    }
    let closed = match left {
        Left::Closed(closed) => Some(*closed),
        Left::New | Left::Open | Left::Condemned { .. } => None,
    };
    store.resume(closed, config.verify_at_open)?;
    store.mark_open()?;
    Ok(Attempt::Ready(store, Outcome::Existing))
}

fn open_sled(
    dir: &Path,
    config: &SnapshotConfig,
    session: Session,
) -> Result<SnapshotStore, SnapshotError> {
    let sled_config = sled::Config::new()
        .path(dir)
        .cache_capacity(config.cache_bytes)
        .mode(match config.mode {
            SnapshotMode::HighThroughput => sled::Mode::HighThroughput,
            SnapshotMode::LowSpace => sled::Mode::LowSpace,
        })
        // Flushing is ours alone, so that a watermark never overtakes its entities.
        .flush_every_ms(None);
    // sled 0.34 panics on some damaged files.
    let open = || patiently(|| sled_config.open()).and_then(Sled::new);
    let sled = match catch_unwind(AssertUnwindSafe(open)) {
        Ok(opened) => opened.map_err(|error| SnapshotError::sled(dir, error))?,
        Err(panic) => {
            return Err(SnapshotError::damaged(dir, format!("sled: {}", panic_text(&*panic))));
        }
    };
    let files = SledFiles::open(dir).map_err(|error| SnapshotError::io(dir, error))?;
    Ok(SnapshotStore::new(sled, files, session, dir.to_owned(), config.buffer_bytes))
}

/// Looks at sled's lock again for a while: it lets go of a store on threads of its own, some time
/// after the store was dropped, and our own lock says already that nobody else uses the directory.
fn patiently<T>(open: impl Fn() -> sled::Result<T>) -> sled::Result<T> {
    for _ in 0..LOCK_LOOKS {
        match open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                std::thread::sleep(LOCK_PAUSE);
            }
            other => return other,
        }
    }
    open()
}

/// Times that sled's lock is looked at before it counts as taken.
const LOCK_LOOKS: u32 = 100;
/// Between two looks.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests;
