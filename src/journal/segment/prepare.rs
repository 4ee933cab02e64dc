//! Allocates the next segment before it is needed, on a thread of its own and no faster than need be.
//!
//! The file is not only allocated but written full of zeros: into written blocks a sync has nothing to
//! do but move the data, where into merely allocated ones it also has to update the file system's maps.
//! On ext4 that makes groups a third faster (`docs/adr/0002-journal.md`, "Preallocation").
//!
//! Zeros written as fast as the disk takes them would make every group's sync wait several times as long
//! meanwhile, so they keep pace with the present segment instead: the next one is written while groups
//! fill this one, a little at a time, and is complete before this one is full.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::journal::LogError;
use crate::journal::segment::directory::{Directory, Ownership};

/// Zeros written and synced at once: a group's sync may have to wait for so many.
const CHUNK_BYTES: u64 = 1 << 20;

/// How much of the next segment is wanted while the present one is filled up to `offset`, both of
/// `bytes`: nothing before a quarter, so that opening and closing a log costs nothing, and everything
/// from eleven twelfths on.
pub(super) fn wanted(offset: u64, bytes: u64) -> u64 {
    let filled = offset.saturating_sub(bytes / 4);
    (filled + filled / 2).min(bytes)
}

/// The next segment, perhaps in the making. Dropping it gives the file up and waits for the thread.
#[derive(Debug, Default)]
pub(super) struct Preparation {
    work: Option<Work>,
}

#[derive(Debug)]
struct Work {
    pace: Arc<Pace>,
    thread: JoinHandle<Result<(), LogError>>,
    /// What was wanted when the thread was last woken.
    told: u64,
}

/// How many bytes of the file are wanted by now. [`GIVEN_UP`] if nobody wants the file any more.
#[derive(Debug, Default)]
struct Pace(AtomicU64);

const GIVEN_UP: u64 = u64::MAX;

impl Pace {
    /// Waits until more than `done` bytes are wanted; false if the file is given up.
    fn wait(&self, done: u64) -> bool {
        loop {
            match self.0.load(Ordering::Acquire) {
                GIVEN_UP => return false,
                wanted if wanted > done => return true,
                _ => thread::park(),
            }
        }
    }
}

impl Preparation {
    /// Has a file of `bytes` written as far as `wanted`, beginning it if need be.
    pub(super) fn advance(
        &mut self,
        wanted: u64,
        directory: &Directory,
        ownership: &Arc<Ownership>,
        bytes: u64,
    ) {
        if wanted == 0 {
            return;
        }
        if let Some(work) = &mut self.work {
            work.advance(wanted, bytes);
            return;
        }
        let path = directory.next();
        let ownership = Arc::clone(ownership);
        let pace = Arc::new(Pace(AtomicU64::new(wanted)));
        let paced = Arc::clone(&pace);
        let work = move || {
            let _keeps_others_out = ownership;
            prepare(&path, bytes, |done| paced.wait(done))
        };
        // Without a thread the file is made when it is needed.
        let thread = thread::Builder::new().name("journal-next".into()).spawn(work).ok();
        self.work = thread.map(|thread| Work { pace, thread, told: wanted });
    }

    /// Returns when the file is there, making it now if need be.
    pub(super) fn finish(&mut self, directory: &Directory, bytes: u64) -> Result<(), LogError> {
        let done = self.work.take().map(|mut work| {
            work.advance(bytes, bytes);
            work.thread.join()
        });
        match done {
            Some(Ok(Ok(()))) => Ok(()),
            // What went wrong there, e.g. a full disk, may have passed; if not, it is reported now.
            _ => prepare(&directory.next(), bytes, |_| true),
        }
    }
}

impl Work {
    /// Wakes the thread once it has a chunk to write, or the rest of a file of `bytes`.
    fn advance(&mut self, wanted: u64, bytes: u64) {
        let is_rest = wanted >= bytes && self.told < bytes;
        if wanted >= self.told + CHUNK_BYTES || is_rest {
            self.told = wanted;
            self.set(wanted);
        }
    }

    fn set(&self, wanted: u64) {
        self.pace.0.store(wanted, Ordering::Release);
        self.thread.thread().unpark();
    }
}

impl Drop for Preparation {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            work.set(GIVEN_UP);
            // Neither the file nor the outcome is of any more use; opening the log removes it.
            drop(work.thread.join());
        }
    }
}

/// Makes a file of `bytes` zeros at `path`, durably, unless `goes_on`, asked before each chunk with the
/// bytes written so far, says no.
pub(super) fn prepare(
    path: &Path,
    bytes: u64,
    goes_on: impl Fn(u64) -> bool,
) -> Result<(), LogError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let file = options.open(path).map_err(LogError::io("create", path))?;
    allocate(&file, path, 0, bytes, goes_on)?;
    file.sync_all().map_err(LogError::io("sync", path))
}

/// Allocates the bytes from `from` to `to` and writes zeros to them, asking before each chunk whether it
/// goes on.
pub(super) fn allocate(
    file: &File,
    path: &Path,
    from: u64,
    to: u64,
    goes_on: impl Fn(u64) -> bool,
) -> Result<(), LogError> {
    match fallocate(file, FallocateFlags::empty(), from, to - from) {
        // Where the file system cannot reserve, writing the zeros takes the space as well.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
        Err(errno) => return Err(LogError::io("allocate", path)(errno.into())),
    }
    let zeros = vec![0; CHUNK_BYTES.min(to - from) as usize];
    let mut offset = from;
    while offset < to && goes_on(offset) {
        let len = (zeros.len() as u64).min(to - offset);
        file.write_all_at(&zeros[..len as usize], offset).map_err(LogError::io("write", path))?;
        file.sync_data().map_err(LogError::io("sync", path))?;
        offset += len;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs;

    use super::*;

    const BYTES: u64 = 4 * CHUNK_BYTES + 4096;

    fn directory() -> (tempfile::TempDir, Directory, Arc<Ownership>) {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(dir.path());
        let ownership = Arc::new(directory.own().unwrap());
        (dir, directory, ownership)
    }

    fn is_zeros(path: &Path, bytes: u64) -> bool {
        let content = fs::read(path).unwrap();
        content.len() as u64 == bytes && content.iter().all(|byte| *byte == 0)
    }

    #[test]
    fn all_is_wanted_before_the_present_segment_is_full_and_nothing_at_its_start() {
        let bytes = 64 << 20;
        assert_eq!(wanted(0, bytes), 0);
        assert_eq!(wanted(bytes / 4, bytes), 0);
        assert_eq!(wanted(bytes / 2, bytes), bytes / 8 * 3);
        assert_eq!(wanted(bytes / 12 * 11 + 12, bytes), bytes);
        assert_eq!(wanted(bytes, bytes), bytes);
    }

    #[test]
    fn writing_stops_where_it_is_told_to() {
        let (_dir, directory, _) = directory();
        let path = directory.next();
        let asked = RefCell::new(Vec::new());
        prepare(&path, BYTES, |done| {
            asked.borrow_mut().push(done);
            done < 2 * CHUNK_BYTES
        })
        .unwrap();
        assert_eq!(asked.into_inner(), [0, CHUNK_BYTES, 2 * CHUNK_BYTES]);
    }

    #[test]
    fn a_file_begun_slowly_is_whole_when_it_is_needed() {
        let (_dir, directory, ownership) = directory();
        let mut preparation = Preparation::default();
        for wanted in [0, 1, CHUNK_BYTES / 2, 2 * CHUNK_BYTES] {
            preparation.advance(wanted, &directory, &ownership, BYTES);
        }
        assert!(preparation.work.is_some());
        preparation.finish(&directory, BYTES).unwrap();
        assert!(is_zeros(&directory.next(), BYTES));
    }

    #[test]
    fn a_file_wanted_whole_needs_no_further_word() {
        let (_dir, directory, ownership) = directory();
        let mut preparation = Preparation::default();
        preparation.advance(1, &directory, &ownership, BYTES);
        preparation.advance(BYTES, &directory, &ownership, BYTES);
        let work = preparation.work.take().unwrap();
        work.thread.join().unwrap().unwrap();
        assert!(is_zeros(&directory.next(), BYTES));
    }

    #[test]
    fn whoever_waits_is_told_to_go_on_or_to_give_up() {
        let wait = |wanted, done| Pace(AtomicU64::new(wanted)).wait(done);
        assert!(wait(2, 1));
        assert!(!wait(GIVEN_UP, 0) && !wait(GIVEN_UP, BYTES), "nothing more is written");
    }

    #[test]
    fn a_file_that_nobody_wants_is_given_up() {
        let (_dir, directory, ownership) = directory();
        let mut preparation = Preparation::default();
        preparation.advance(1, &directory, &ownership, BYTES);
        drop(preparation);
        assert_eq!(Arc::strong_count(&ownership), 1, "its thread has ended");
    }
}
