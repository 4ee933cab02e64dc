//! Moves closed segments into the archive, compressed, and forgets the oldest ones beyond the limit.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::fs::{Advice, fadvise};

use crate::journal::segment::directory::{
    Directory, Ownership, Place, SegmentFile, publish, remove, sync_dir, unfinished,
};
use crate::journal::segment::frame::Position;
use crate::journal::segment::scan::{Scanner, Step};
use crate::journal::{LogError, Truncator};
use crate::types::Lsn;

/// Bytes of a segment that are read from the disk at once.
const PIECE_BYTES: usize = 128 * 1024;
/// Time between two pieces. A segment of 64 MiB takes half a second like that.
const PAUSE: Duration = Duration::from_millis(1);

/// The [`Truncator`] of a [`SegmentLog`](crate::journal::SegmentLog). Works on closed segments, which
/// never change, so it may run beside appends and readers. While it exists the process keeps owning
/// the log.
#[derive(Debug)]
pub struct SegmentTruncator {
    directory: Directory,
    ownership: Arc<Ownership>,
    archive_segments_max: Option<u32>,
}

impl SegmentTruncator {
    pub(super) fn new(
        directory: Directory,
        ownership: Arc<Ownership>,
        archive_segments_max: Option<u32>,
    ) -> Self {
        Self { directory, ownership, archive_segments_max }
    }

    /// Compresses a closed segment and removes the original once the copy has been read back in full.
    fn archive(&self, segment: &SegmentFile, next: Lsn) -> Result<(), LogError> {
        let source = self.directory.live(segment.first);
        fetch(&source)?;
        let (mut scanner, end) = scan(Scanner::open(&self.directory, segment)?)?;
        if end.next != next {
            return Err(scanner.damaged(format!("the next segment begins at LSN {next}")));
        }
        self.directory.archive()?;
        let target = self.directory.archived(segment.first);
        let copy = unfinished(&target);
        compress(&source, end.offset, &copy)?;
        (scanner, _) = scan(Scanner::archived(copy.clone(), segment.first)?)?;
        if scanner.at() != end {
            return Err(scanner.damaged("the copy differs from the segment"));
        }
        publish(&copy, &target)?;
        remove(&source)?;
        self.directory.sync()
    }

    /// Removes the oldest archived segments beyond the limit.
    fn forget(&self) -> Result<(), LogError> {
        let Some(kept) = self.archive_segments_max else { return Ok(()) };
        let segments = self.directory.segments()?;
        let archived: Vec<_> =
            segments.iter().filter(|segment| segment.place == Place::Archive).collect();
        let surplus = archived.len().saturating_sub(kept as usize);
        for segment in &archived[..surplus] {
            remove(&self.directory.archived(segment.first))?;
        }
        if surplus > 0 { sync_dir(&self.directory.archive()?) } else { Ok(()) }
    }
}

impl Truncator for SegmentTruncator {
    fn truncate_before(&mut self, lsn: Lsn) -> Result<(), LogError> {
        let _one_at_a_time = self.ownership.archiving.lock();
        self.ownership.check()?;
        // Oldest first, so that an interruption never leaves a live segment before an archived one.
        for pair in self.directory.segments()?.windows(2) {
            let [segment, next] = pair else { continue };
            if segment.place == Place::Live && next.first <= lsn {
                self.archive(segment, next.first)?;
            }
        }
        self.forget()
    }
}

/// Has the system's cache hold a segment before it is read, which after direct writes it does not. Left to
/// itself the system reads megabytes ahead, and each group meanwhile would wait until they are there.
fn fetch(segment: &Path) -> Result<(), LogError> {
    let mut file = File::open(segment).map_err(LogError::io("open", segment))?;
    // Where the system takes no advice, it reads ahead.
    let _ = fadvise(&file, 0, None, Advice::Random);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(_) => thread::sleep(PAUSE),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(LogError::io("read", segment)(error)),
        }
    }
}

/// Reads a closed segment to its end.
fn scan(mut scanner: Scanner) -> Result<(Scanner, Position), LogError> {
    loop {
        match scanner.step()? {
            Step::Block(_) => {}
            Step::End => {
                let end = scanner.at();
                return Ok((scanner, end));
            }
            Step::Bad(reason) => return Err(scanner.damaged(reason)),
        }
    }
}

/// Writes the first `bytes` of `source`, compressed, to `copy`, durably.
fn compress(source: &Path, bytes: u64, copy: &Path) -> Result<(), LogError> {
    let from = File::open(source).map_err(LogError::io("open", source))?;
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let to = options.open(copy).map_err(LogError::io("create", copy))?;
    let level = zstd::DEFAULT_COMPRESSION_LEVEL;
    let write = || -> io::Result<()> {
        let mut encoder = zstd::stream::write::Encoder::new(to, level)?;
        io::copy(&mut from.take(bytes), &mut encoder)?;
        encoder.finish()?.sync_all()
    };
    write().map_err(LogError::io("write", copy))
}
