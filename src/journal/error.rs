//! Why a log could not do what was asked.

use std::io;
use std::path::{Path, PathBuf};

use crate::journal::JournalConfigError;
use crate::types::Lsn;

/// Why a log could not do what was asked. After an error from `append` its outcome is unknown and
/// the log takes nothing more, with the exception of the two variants that say "nothing written".
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] JournalConfigError),
    /// Another process, or this one, has the log open.
    #[error("the journal in {} is in use by another process", dir.display())]
    Locked {
        /// The journal's directory.
        dir: PathBuf,
    },
    /// There is no log to read.
    #[error("there is no journal in {}", dir.display())]
    Missing {
        /// The journal's directory.
        dir: PathBuf,
    },
    /// Somebody else owns the log now; what it holds beyond our last group is theirs.
    #[error("this process no longer owns the journal")]
    Fenced,
    /// The log holds something that no crash can explain. Nothing was changed.
    #[error("the journal is damaged at {}, offset {offset}, LSN {lsn}: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// The position expected there.
        lsn: Lsn,
        /// What is wrong, in words.
        reason: String,
    },
    /// The records asked for have been removed.
    #[error("the journal begins at LSN {first}, LSN {from} has been removed")]
    Removed {
        /// The position asked for.
        from: Lsn,
        /// The oldest position still readable.
        first: Lsn,
    },
    /// A group does not continue the log; nothing written.
    #[error("a group begins at LSN {found}, the journal continues at {expected}")]
    OutOfOrder {
        /// The log's next position.
        expected: Lsn,
        /// The group's first position.
        found: Lsn,
    },
    /// A group exceeds the configured maximum; nothing written.
    #[error("a group of {bytes} bytes exceeds the maximum of {bytes_max}")]
    GroupTooLarge {
        /// Its size on disk in bytes.
        bytes: u64,
        /// The largest size in bytes.
        bytes_max: u64,
    },
    /// An earlier append failed: what it left is found out by opening the log again.
    #[error("an earlier append failed, the journal takes nothing more until it is opened again")]
    Failed,
    /// The operating system said no.
    #[error("cannot {action} {}: {source}", file.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        file: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
}

impl LogError {
    /// Turns an I/O error into a [`LogError`] that says what was tried on which file.
    pub(super) fn io(action: &'static str, file: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, file: file.to_owned(), source }
    }

    pub(super) fn damaged(file: &Path, offset: u64, lsn: Lsn, reason: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), offset, lsn, reason: reason.into() }
    }
}
