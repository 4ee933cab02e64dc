//! Notes beside sled's files that outlive a crash: whether the store was closed in order and with
//! what in it, and whether it was found damaged while in use.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::aside::sync_dir;
use super::error::SnapshotError;

const STATE_FILE: &str = "piaoku.state";
const CONDEMNED_FILE: &str = "piaoku.condemned";

/// Exclusive use of a snapshot directory, and the notes in it.
#[derive(Debug)]
pub(super) struct Session {
    dir: PathBuf,
    /// Held locked. It stays with the directory when that is renamed.
    _lock: File,
}

/// How the last user of a directory left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Never used, or not to the point where anything could have been written.
    New,
    /// Closed in order.
    Closed(Closed),
    /// Ended without closing.
    Open,
    /// Found unusable while in use.
    Condemned {
        /// What was found.
        what: String,
    },
}

/// What was in a store when it was closed in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    /// Of the last checkpoint.
    pub(super) epoch: u64,
    /// Over everything stored.
    pub(super) sum: u128,
}

impl Session {
    /// Creates `dir` if need be and takes it for this process.
    pub(super) fn lock(dir: &Path) -> Result<Self, SnapshotError> {
        let failed = |error| SnapshotError::io(dir, error);
        fs::create_dir_all(dir).map_err(failed)?;
        let lock = File::open(dir).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir: dir.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(SnapshotError::InUse { dir: dir.to_owned() }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// How the directory was left.
    pub(super) fn left(&self) -> Result<Left, SnapshotError> {
        if let Some(what) = self.read(CONDEMNED_FILE)? {
            return Ok(Left::Condemned { what });
        }
        Ok(match self.read(STATE_FILE)? {
            None => Left::New,
            // A note that cannot be read says no more than that there was a store.
            Some(text) => Closed::parse(&text).map_or(Left::Open, Left::Closed),
        })
    }

    /// Notes that the store may be written from now on.
    pub(super) fn mark_open(&self) -> Result<(), SnapshotError> {
        self.write(STATE_FILE, "open\n")
    }

    /// Notes that everything is on disk and the store is closed.
    pub(super) fn mark_closed(&self, closed: Closed) -> Result<(), SnapshotError> {
        self.write(STATE_FILE, &format!("closed {:x} {:x}\n", closed.epoch, closed.sum))
    }

    /// Notes that the next start must set the store aside.
    pub(super) fn condemn(&self, what: &str) -> Result<(), SnapshotError> {
        self.write(CONDEMNED_FILE, what)
    }

    fn read(&self, name: &str) -> Result<Option<String>, SnapshotError> {
        let path = self.dir.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SnapshotError::io(&path, error)),
        }
    }

    /// Replaces a note as a whole, durably.
    fn write(&self, name: &str, text: &str) -> Result<(), SnapshotError> {
        let path = self.dir.join(name);
        let written = || {
            let temporary = self.dir.join(format!("{name}.new"));
            let mut file = File::create(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            sync_dir(&self.dir)
        };
        written().map_err(|error| SnapshotError::io(&path, error))
    }
}

impl Closed {
    fn parse(text: &str) -> Option<Self> {
        let (epoch, sum) = text.strip_prefix("closed ")?.strip_suffix('\n')?.split_once(' ')?;
        Some(Self {
            epoch: u64::from_str_radix(epoch, 16).ok()?,
            sum: u128::from_str_radix(sum, 16).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_user_and_remembers_how_it_was_left() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("s");
        let session = Session::lock(&dir).unwrap();
        assert!(matches!(Session::lock(&dir), Err(SnapshotError::InUse { .. })));
        assert_eq!(session.left().unwrap(), Left::New);
        session.mark_open().unwrap();
        assert_eq!(session.left().unwrap(), Left::Open);
        let closed = Closed { epoch: 17, sum: u128::MAX };
        session.mark_closed(closed).unwrap();
        assert_eq!(session.left().unwrap(), Left::Closed(closed));
        fs::write(dir.join(STATE_FILE), "closed 17").unwrap();
        assert_eq!(session.left().unwrap(), Left::Open);
        session.condemn("a wrong byte").unwrap();
        assert_eq!(session.left().unwrap(), Left::Condemned { what: "a wrong byte".to_owned() });
        drop(session);
        assert!(Session::lock(&dir).is_ok());
    }
}
