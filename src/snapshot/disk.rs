//! What sled's flush leaves out: putting its files on the disk.
//!
//! On Linux, sled 0.34 ends a flush with `sync_file_range`, which neither flushes a drive's cache nor
//! writes a grown file's metadata, and it never syncs the files it keeps large pages in
//! (spacejam/sled issues 1452, 1351 and 1229). So after its flush we sync these ourselves.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::aside::sync_dir;

/// The files of one sled directory.
#[derive(Debug)]
pub(super) struct SledFiles {
    /// sled's log. Reading permission is enough to sync it, and our handle does not touch sled's lock.
    log: File,
    blobs_dir: PathBuf,
    /// Blob files synced already. sled writes each once and never changes it.
    blobs_synced: Mutex<HashSet<OsString>>,
}

impl SledFiles {
    /// The files of the sled database just opened in `dir`, whose names are made durable here.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let log = File::open(dir.join("db"))?;
        let conf = File::open(dir.join("conf"))?;
        conf.sync_all()?;
        sync_dir(dir)?;
        let blobs_dir = dir.join("blobs");
        Ok(Self { log, blobs_dir, blobs_synced: Mutex::default() })
    }

    /// Puts on disk what sled has written so far.
    pub(super) fn sync(&self) -> io::Result<()> {
        let mut synced = self.blobs_synced.lock();
        let mut present = HashSet::new();
        for entry in fs::read_dir(&self.blobs_dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if !synced.contains(&name) {
                match File::open(entry.path()) {
                    Ok(blob) => blob.sync_all()?,
                    // sled removes a blob once nothing refers to it.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
            }
            present.insert(name);
        }
        if present.iter().any(|name| !synced.contains(name)) {
            sync_dir(&self.blobs_dir)?;
        }
        *synced = present;
        // Last, because the log refers to the blobs.
        self.log.sync_data()
    }
}
