//! The journal in segment files: the log that a single process embeds.
//!
//! A directory holds `lock`, the live segments `journal-<first LSN>.seg`, and `archive/` with closed
//! ones, compressed. One group is one block and costs one sync. Layout, recovery and the reasons for
//! both: `docs/adr/0002-journal.md`.

mod archive;
mod directory;
mod frame;
mod pages;
mod prepare;
mod read;
mod scan;
mod tail;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

pub use archive::SegmentTruncator;
pub use frame::StoreId;
pub use read::{ReadEnd, SegmentReader, Tail, TornTail};

use crate::journal::{Entry, Group, JournalConfig, Log, LogError, SyncMode, Truncator};
use crate::types::Lsn;
use directory::{Directory, Ownership, Place, publish};
use frame::{BlockHeader, PAGE_BYTES, Position, SegmentHeader};
use pages::Pages;
use prepare::{Preparation, prepare};
use read::Walked;

/// A log in segment files, owned by this process until it and every [`Truncator`] of it are dropped.
#[derive(Debug)]
pub struct SegmentLog {
    directory: Directory,
    ownership: Arc<Ownership>,
    config: JournalConfig,
    /// The segment that groups are appended to.
    file: File,
    path: PathBuf,
    header: SegmentHeader,
    at: Position,
    preparation: Preparation,
    block: Pages,
    /// How groups become durable in it: as configured, if the file system can do that.
    sync: SyncMode,
    failed: bool,
}

/// What opening a log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The store's identity.
    pub store: StoreId,
    /// Whether there was nothing, and a store was created.
    pub created: bool,
    /// The oldest position that can be read.
    pub first_lsn: Lsn,
    /// The position of the next record.
    pub next_lsn: Lsn,
    /// Number of live segments.
    pub live_segments: usize,
    /// What lay beyond the last group. A torn tail has been cut: overwritten with zeros.
    pub tail: Tail,
}

impl SegmentLog {
    /// Opens the log in `dir`, creating it where there is none, checks every live segment, cuts a
    /// torn tail and makes sure that the last group is durable.
    ///
    /// # Errors
    /// [`LogError::Locked`], [`LogError::Damaged`] (nothing was changed), [`LogError::Config`] or
    /// [`LogError::Io`].
    pub fn open(dir: &Path, config: &JournalConfig) -> Result<(Self, Recovery), LogError> {
        config.validate()?;
        let directory = Directory::new(dir);
        directory.create()?;
        let ownership = Arc::new(directory.own()?);
        directory.remove_unfinished()?;
        let created = directory.segments()?.is_empty();
        if created {
            create_first_segment(&directory, config)?;
        }
        let segments = directory.segments()?;
        read::check_links(&directory, &segments)?;
        let is_live = |segment: &directory::SegmentFile| segment.place == Place::Live;
        let live_from = segments.iter().position(is_live).unwrap_or(segments.len() - 1);
        let live = &segments[live_from..];
        let mut last_block = 0;
        let walked = read::walk::<LogError>(&directory, live, |offset, _| {
            last_block = offset;
            Ok(())
        })?;
        let path = directory.live(walked.header.first);
        make_good(&path, &walked, last_block)?;
        // A crash may have come between the renaming of the last segment and this.
        directory.sync()?;
        let mut block = Pages::default();
        let (file, sync) = open_for_appending(&path, config.sync, walked.page_left(), &mut block)?;
        let recovery = Recovery {
            store: walked.header.store,
            created,
            first_lsn: segments[0].first,
            next_lsn: walked.end.next,
            live_segments: live.len(),
            tail: walked.tail,
        };
        let log = Self {
            file,
            directory,
            ownership,
            config: config.clone(),
            path,
            header: walked.header,
            at: walked.end,
            preparation: Preparation::default(),
            block,
            sync,
            failed: false,
        };
        Ok((log, recovery))
    }

    /// The store's identity.
    #[must_use]
    pub fn store_id(&self) -> StoreId {
        self.header.store
    }

    /// Encodes, writes and syncs one block. After an error nothing is known about the disk.
    fn write(&mut self, group: &Group, bytes: u64) -> Result<(), LogError> {
        self.ownership.check()?;
        if bytes > self.header.block_bytes_max || self.at.offset + bytes > self.header.segment_bytes
        {
            self.begin_next_segment()?;
        }
        let header = self.block.fill(bytes as usize, |out| {
            BlockHeader::encode(self.header.store, group, self.at.chain, out)
        });
        let written = self.file.write_all_at(self.block.as_slice(), self.at.offset);
        written.map_err(LogError::io("write", &self.path))?;
        if self.sync == SyncMode::Fdatasync {
            self.file.sync_data().map_err(LogError::io("sync", &self.path))?;
        }
        self.at =
            Position { offset: self.at.offset + bytes, next: group.next_lsn(), chain: header.crc };
        let bytes = self.config.segment_bytes;
        let wanted = prepare::wanted(self.at.offset, bytes);
        self.preparation.advance(wanted, &self.directory, &self.ownership, bytes);
        Ok(())
    }

    fn begin_next_segment(&mut self) -> Result<(), LogError> {
        self.preparation.finish(&self.directory, self.config.segment_bytes)?;
        let header = SegmentHeader {
            store: self.header.store,
            first: self.at.next,
            previous_first: self.header.first,
            segment_bytes: self.config.segment_bytes,
            block_bytes_max: self.config.block_bytes_max(),
            chain: self.at.chain,
        };
        self.path = create_segment(&self.directory, &header)?;
        self.at = header.start();
        (self.file, self.sync) =
            open_for_appending(&self.path, self.sync, Some(self.at.offset), &mut self.block)?;
        self.header = header;
        Ok(())
    }
}

impl Log for SegmentLog {
    fn next_lsn(&self) -> Lsn {
        self.at.next
    }

    fn first_lsn(&self) -> Result<Lsn, LogError> {
        let segments = self.directory.segments()?;
        Ok(segments.first().map_or(self.at.next, |segment| segment.first))
    }

    fn append(&mut self, group: &Group) -> Result<(), LogError> {
        if self.failed {
            return Err(LogError::Failed);
        }
        if group.is_empty() {
            return Ok(());
        }
        if group.first_lsn() != self.at.next {
            return Err(LogError::OutOfOrder { expected: self.at.next, found: group.first_lsn() });
        }
        let bytes = frame::block_bytes(group.payload().len());
        let bytes_max = self.config.block_bytes_max();
        if bytes > bytes_max {
            return Err(LogError::GroupTooLarge { bytes, bytes_max });
        }
        let written = self.write(group, bytes);
        self.failed = written.is_err();
        written
    }

    fn read_from<E: From<LogError>>(
        &self,
        from: Lsn,
        mut visit: impl FnMut(Entry<'_>) -> Result<(), E>,
    ) -> Result<Lsn, E> {
        // What a failed append may have left is not this log's to show.
        let next = self.at.next;
        read::read_from(&self.directory, from, |entry| {
            if entry.lsn < next { visit(entry) } else { Ok(()) }
        })?;
        Ok(next)
    }

    fn truncator(&self) -> Box<dyn Truncator> {
        Box::new(SegmentTruncator::new(
            self.directory.clone(),
            Arc::clone(&self.ownership),
            self.config.archive_segments_max,
        ))
    }
}

fn create_first_segment(directory: &Directory, config: &JournalConfig) -> Result<(), LogError> {
    let mut store = [0; 16];
    getrandom::fill(&mut store)
        .map_err(|error| io::Error::other(error.to_string()))
        .map_err(LogError::io("draw random bytes for", directory.path()))?;
    prepare(&directory.next(), config.segment_bytes, |_| true)?;
    let header = SegmentHeader {
        store: StoreId::new(store),
        first: Lsn::ZERO.next(),
        previous_first: Lsn::ZERO,
        segment_bytes: config.segment_bytes,
        block_bytes_max: config.block_bytes_max(),
        chain: 0,
    };
    create_segment(directory, &header).map(drop)
}

/// Turns the prepared file into a segment. It gets its name last, so a named segment has a good header.
fn create_segment(directory: &Directory, header: &SegmentHeader) -> Result<PathBuf, LogError> {
    let prepared = directory.next();
    let file = OpenOptions::new().write(true).open(&prepared);
    let file = file.map_err(LogError::io("open", &prepared))?;
    file.write_all_at(&header.encode(), 0).map_err(LogError::io("write", &prepared))?;
    // Size and allocation have been durable since it was prepared.
    file.sync_data().map_err(LogError::io("sync", &prepared))?;
    let path = directory.live(header.first);
    publish(&prepared, &path)?;
    Ok(path)
}

/// Opens a segment for groups that become durable in the way `wanted`, and says in which they do: direct
/// writes are not for every file system. Some refuse to open such a file, others to write to it, which is
/// tried on a page of zeros at `unused`, if there is one; it stays what it is.
fn open_for_appending(
    path: &Path,
    wanted: SyncMode,
    unused: Option<u64>,
    page: &mut Pages,
) -> Result<(File, SyncMode), LogError> {
    let flags = match wanted {
        SyncMode::Fdatasync => OFlags::empty(),
        SyncMode::ODsync => OFlags::DSYNC,
        SyncMode::Direct => OFlags::DSYNC | OFlags::DIRECT,
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(flags.bits().cast_signed());
    let mut opened = options.open(path).map_err(|error| ("open", error));
    if let (SyncMode::Direct, Ok(file), Some(offset)) = (wanted, &opened, unused) {
        page.fill(frame::PAGE, |out| out.resize(out.len() + frame::PAGE, 0));
        if let Err(error) = file.write_all_at(page.as_slice(), offset) {
            opened = Err(("write", error));
        }
    }
    let is_refusal = |error: &io::Error| {
        matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported)
    };
    match opened {
        Ok(file) => Ok((file, wanted)),
        Err((_, error)) if wanted == SyncMode::Direct && is_refusal(&error) => {
            tracing::warn!(
                path = %path.display(),
                %error,
                "the file system takes no direct writes: groups are written and then synced"
            );
            open_for_appending(path, SyncMode::Fdatasync, unused, page)
        }
        Err((action, error)) => Err(LogError::io(action, path)(error)),
    }
}

/// Brings the last segment into the state that appending expects: the last group durable, zeros beyond.
fn make_good(path: &Path, walked: &Walked, last_block: u64) -> Result<(), LogError> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.map_err(LogError::io("open", path))?;
    let rewrite = |offset, bytes: &[u8]| {
        file.write_all_at(bytes, offset).map_err(LogError::io("write", path))
    };
    if walked.end.offset > PAGE_BYTES {
        // The last block may be in the page cache only, because its sync never came or failed; and
        // after a failed sync the pages count as clean, so that another sync alone would do nothing.
        let mut block = vec![0; (walked.end.offset - last_block) as usize];
        file.read_exact_at(&mut block, last_block).map_err(LogError::io("read", path))?;
        rewrite(last_block, &block)?;
    }
    if let Tail::Torn(torn) = &walked.tail {
        rewrite(torn.offset, &vec![0; torn.bytes as usize])?;
    }
    let bytes = file.metadata().map_err(LogError::io("examine", path))?.len();
    if bytes < walked.header.segment_bytes {
        prepare::allocate(&file, path, bytes, walked.header.segment_bytes, |_| true)?;
    }
    file.sync_all().map_err(LogError::io("sync", path))
}
