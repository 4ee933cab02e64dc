//! Allocates the next segment before it is needed, on a thread of its own.
//!
//! The file is not only allocated but written full of zeros: into written blocks a sync has nothing to
//! do but move the data, where into merely allocated ones it also has to update the file system's maps.
//! On ext4 that makes groups a third faster (`docs/adr/0002-journal.md`, "Preallocation").

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::journal::LogError;
use crate::journal::segment::directory::{Directory, Ownership};

/// Zeros written at once.
const CHUNK_BYTES: u64 = 1 << 20;
/// Zeros written between syncs, so that the groups' own syncs never wait behind a whole segment.
const SYNC_BYTES: u64 = 8 << 20;

/// The next segment, perhaps in the making. Dropping it waits for the thread.
#[derive(Debug, Default)]
pub(super) struct Preparation {
    thread: Option<JoinHandle<Result<(), LogError>>>,
}

impl Preparation {
    /// Begins to prepare a file of `bytes`, unless one is prepared already.
    pub(super) fn begin(&mut self, directory: &Directory, ownership: &Arc<Ownership>, bytes: u64) {
        if self.thread.is_some() {
            return;
        }
        let path = directory.next();
        let ownership = Arc::clone(ownership);
        let work = move || {
            let _keeps_others_out = ownership;
            prepare(&path, bytes)
        };
        // Without a thread the file is made when it is needed.
        self.thread = thread::Builder::new().name("journal-next".into()).spawn(work).ok();
    }

    /// Returns when the file is there, making it now if need be.
    pub(super) fn finish(&mut self, directory: &Directory, bytes: u64) -> Result<(), LogError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Ok(()))) => Ok(()),
            // What went wrong there, e.g. a full disk, may have passed; if not, it is reported now.
            _ => prepare(&directory.next(), bytes),
        }
    }
}

impl Drop for Preparation {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // The file is of no more use, so neither is the outcome.
            drop(thread.join());
        }
    }
}

/// Makes a file of `bytes` zeros at `path`, durably.
pub(super) fn prepare(path: &Path, bytes: u64) -> Result<(), LogError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let file = options.open(path).map_err(LogError::io("create", path))?;
    allocate(&file, path, 0, bytes)?;
    file.sync_all().map_err(LogError::io("sync", path))
}

/// Allocates the bytes from `from` to `to` and writes zeros to them.
pub(super) fn allocate(file: &File, path: &Path, from: u64, to: u64) -> Result<(), LogError> {
    match fallocate(file, FallocateFlags::empty(), from, to - from) {
        // Where the file system cannot reserve, writing the zeros takes the space as well.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
        Err(errno) => return Err(LogError::io("allocate", path)(errno.into())),
    }
    let zeros = vec![0; CHUNK_BYTES.min(to - from) as usize];
    let mut offset = from;
    let mut unsynced = 0;
    while offset < to {
        let len = (zeros.len() as u64).min(to - offset);
        file.write_all_at(&zeros[..len as usize], offset).map_err(LogError::io("write", path))?;
        offset += len;
        unsynced += len;
        if unsynced >= SYNC_BYTES {
            file.sync_data().map_err(LogError::io("sync", path))?;
            unsynced = 0;
        }
    }
    Ok(())
}
