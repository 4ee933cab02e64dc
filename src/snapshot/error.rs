//! Why the snapshot store failed, and which failures mean that its directory is worthless.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the snapshot store failed. Cloned to everybody whose work it concerns.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Another process, or another store in this one, has the directory open.
    #[error("snapshot directory {} is in use", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The file system failed; the data may be fine.
    #[error("snapshot store {}: {error}", path.display())]
    Io {
        /// File or directory concerned.
        path: PathBuf,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// What is stored cannot be right. The next start sets the store aside and rebuilds it.
    #[error("snapshot store {} is damaged: {what}", dir.display())]
    Damaged {
        /// The directory.
        dir: PathBuf,
        /// What was found.
        what: String,
    },
    /// An earlier write failed, after which none is taken until the next start.
    #[error("snapshots stopped after an earlier failure: {cause}")]
    WriterStopped {
        /// The earlier failure.
        cause: String,
    },
}

impl SnapshotError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error: Arc::new(error) }
    }

    pub(super) fn damaged(dir: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { dir: dir.to_owned(), what: what.into() }
    }

    /// Sorts sled's errors: missing or cut-off files are damage, a full or failing disk is not.
    pub(super) fn sled(dir: &Path, error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) if is_lock_conflict(&error) => {
                Self::InUse { dir: dir.to_owned() }
            }
            sled::Error::Io(error) => match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::InvalidData
                | io::ErrorKind::InvalidInput => Self::damaged(dir, error.to_string()),
                _ => Self::io(dir, error),
            },
            error => Self::damaged(dir, error.to_string()),
        }
    }
}

/// sled 0.34 reports a lock that is held as an error of kind `Other` with this text.
fn is_lock_conflict(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other && error.to_string().contains("could not acquire lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_not_damage_and_a_cut_off_file_is() {
        let dir = Path::new("d");
        let sort = |kind: io::ErrorKind| SnapshotError::sled(dir, sled::Error::Io(kind.into()));
        assert!(matches!(sort(io::ErrorKind::StorageFull), SnapshotError::Io { .. }));
        assert!(matches!(sort(io::ErrorKind::PermissionDenied), SnapshotError::Io { .. }));
        assert!(matches!(sort(io::ErrorKind::UnexpectedEof), SnapshotError::Damaged { .. }));
        let corruption = sled::Error::Corruption { at: None, bt: () };
        assert!(matches!(SnapshotError::sled(dir, corruption), SnapshotError::Damaged { .. }));
    }
}
