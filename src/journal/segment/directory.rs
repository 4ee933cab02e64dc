//! The journal's directory: names, the lock, durable creation and removal of files.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::journal::LogError;
use crate::types::Lsn;

/// Subdirectory of compressed segments.
const ARCHIVE: &str = "archive";
const LOCK: &str = "lock";
/// Files under construction end so; opening the log removes them.
const UNFINISHED: &str = ".tmp";

/// One segment, wherever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentFile {
    /// Position of its first record.
    pub(super) first: Lsn,
    pub(super) place: Place,
}

/// Where a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// As written.
    Live,
    /// Compressed.
    Archive,
}

/// The journal's directory.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    path: PathBuf,
}

/// Proof that this process owns the directory. Given back when the last clone of its `Arc` goes, so
/// that a thread still working on files keeps others out.
#[derive(Debug)]
pub(super) struct Ownership {
    path: PathBuf,
    /// The lock is held as long as this is open.
    _file: File,
    /// Device and inode of the file; no other file gets them while it is open.
    id: (u64, u64),
    /// Held while segments move into the archive.
    pub(super) archiving: Mutex<()>,
}

impl Directory {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Creates the directory where it is missing, readable by its owner only.
    pub(super) fn create(&self) -> Result<(), LogError> {
        create_dir(&self.path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock that keeps a second writer out.
    pub(super) fn own(&self) -> Result<Ownership, LogError> {
        let path = self.path.join(LOCK);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(LogError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LogError::Locked { dir: self.path.clone() });
            }
            Err(TryLockError::Error(source)) => return Err(LogError::io("lock", &path)(source)),
        }
        let metadata = file.metadata().map_err(LogError::io("examine", &path))?;
        let id = (metadata.dev(), metadata.ino());
        Ok(Ownership { path, _file: file, id, archiving: Mutex::new(()) })
    }

    /// Removes what an interrupted creation or archiving left behind.
    pub(super) fn remove_unfinished(&self) -> Result<(), LogError> {
        for dir in [self.path.clone(), self.path.join(ARCHIVE)] {
            for name in names(&dir)?.iter().filter(|name| name.ends_with(UNFINISHED)) {
                remove(&dir.join(name))?;
            }
        }
        Ok(())
    }

    /// Every segment in order of position. Where one is both live and archived, live is the answer.
    pub(super) fn segments(&self) -> Result<Vec<SegmentFile>, LogError> {
        let parse = |name: &String, place, suffix: &str| {
            let digits = name.strip_prefix("journal-")?.strip_suffix(suffix)?;
            let first = digits.parse().ok().filter(|_| digits.len() == 20)?;
            Some(SegmentFile { first: Lsn::new(first), place })
        };
        // The archive is listed last: a segment on its way there is in one of the two lists, or both.
        let live = names(&self.path)?;
        let archived = names(&self.path.join(ARCHIVE))?;
        let mut segments: Vec<_> = live
            .iter()
            .filter_map(|name| parse(name, Place::Live, ".seg"))
            .chain(archived.iter().filter_map(|name| parse(name, Place::Archive, ".seg.zst")))
            .collect();
        segments.sort_by_key(|segment| (segment.first, segment.place == Place::Archive));
        segments.dedup_by_key(|segment| segment.first);
        Ok(segments)
    }

    pub(super) fn live(&self, first: Lsn) -> PathBuf {
        self.path.join(format!("journal-{first:0>20}.seg", first = first.get()))
    }

    pub(super) fn archived(&self, first: Lsn) -> PathBuf {
        self.path.join(ARCHIVE).join(format!("journal-{first:0>20}.seg.zst", first = first.get()))
    }

    /// The archive's directory, created where it is missing.
    pub(super) fn archive(&self) -> Result<PathBuf, LogError> {
        let path = self.path.join(ARCHIVE);
        create_dir(&path)?;
        Ok(path)
    }

    /// Where the next segment is prepared.
    pub(super) fn next(&self) -> PathBuf {
        self.path.join(format!("next{UNFINISHED}"))
    }

    pub(super) fn sync(&self) -> Result<(), LogError> {
        sync_dir(&self.path)
    }
}

impl Ownership {
    /// Whether the lock file is still the one that we locked: whoever removes or replaces it, or moves
    /// the directory away, takes the log from us.
    ///
    /// # Errors
    /// [`LogError::Fenced`].
    pub(super) fn check(&self) -> Result<(), LogError> {
        match fs::metadata(&self.path) {
            Ok(now) if (now.dev(), now.ino()) == self.id => Ok(()),
            Ok(_) => Err(LogError::Fenced),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(LogError::Fenced),
            Err(error) => Err(LogError::io("examine", &self.path)(error)),
        }
    }
}

/// The name a finished file is built under.
pub(super) fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    name.into()
}

/// Gives a finished, synced file its name, durably.
pub(super) fn publish(from: &Path, to: &Path) -> Result<(), LogError> {
    fs::rename(from, to).map_err(LogError::io("rename", from))?;
    to.parent().map_or(Ok(()), sync_dir)
}

/// Removes a file; it may be gone already.
pub(super) fn remove(path: &Path) -> Result<(), LogError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LogError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Makes creation, renaming and removal of files in `path` durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), LogError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(LogError::io("sync", path))
}

/// Creates a directory and whatever lies above it, durably.
fn create_dir(path: &Path) -> Result<(), LogError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_dir(parent)?;
    DirBuilder::new().mode(0o700).create(path).map_err(LogError::io("create", path))?;
    sync_dir(parent)
}

/// Names in a directory; none where it is missing.
fn names(path: &Path) -> Result<Vec<String>, LogError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(LogError::io("list", path))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        // A name that is not UTF-8 is none of ours.
        names.extend(entry.map_err(LogError::io("list", path))?.file_name().into_string().ok());
    }
    Ok(names)
}
