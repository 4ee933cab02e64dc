//! Reads one segment block by block and believes nothing that it has not checked.
//!
//! It says what it found; whether a bad block is a torn tail or damage is decided by `tail.rs`.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::journal::group::Records;
use crate::journal::segment::directory::{Directory, Place, SegmentFile};
use crate::journal::segment::frame::{BlockHeader, PAGE, Position, SegmentHeader, is_zero};
use crate::journal::{Entry, LogError, group};
use crate::types::Lsn;

/// Bytes read ahead.
const READ_BYTES: usize = 256 << 10;

/// Reads one segment from a position on.
pub(super) struct Scanner {
    source: Box<dyn Read>,
    /// The file of a live segment, for looks beyond the sequential one.
    file: Option<File>,
    path: PathBuf,
    header: SegmentHeader,
    at: Position,
    block: Vec<u8>,
}

/// What comes next in a segment.
pub(super) enum Step<'a> {
    /// A block that follows on the one before.
    Block(Block<'a>),
    /// A page of zeros, or the end of the file.
    End,
    /// Something else, in words.
    Bad(&'static str),
}

/// A checked block.
pub(super) struct Block<'a> {
    header: BlockHeader,
    bytes: &'a [u8],
}

impl Block<'_> {
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let header = &self.header;
        group::entries(header.first, header.schema, header.payload(self.bytes))
    }
}

impl Scanner {
    /// Opens a segment and checks its header. A segment that moved into the archive since it was
    /// listed is read from there.
    pub(super) fn open(directory: &Directory, segment: &SegmentFile) -> Result<Self, LogError> {
        if segment.place == Place::Live {
            let path = directory.live(segment.first);
            match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                file => {
                    let file = file.map_err(LogError::io("open", &path))?;
                    return Self::live(file, path, segment.first);
                }
            }
        }
        Self::archived(directory.archived(segment.first), segment.first)
    }

    fn live(file: File, path: PathBuf, first: Lsn) -> Result<Self, LogError> {
        let source = buffered(&file, &path)?;
        Self::new(source, Some(file), path, first)
    }

    /// Reads a compressed segment.
    pub(super) fn archived(path: PathBuf, first: Lsn) -> Result<Self, LogError> {
        let file = File::open(&path).map_err(LogError::io("open", &path))?;
        let source = zstd::stream::read::Decoder::new(file).map_err(LogError::io("read", &path))?;
        Self::new(Box::new(source), None, path, first)
    }

    fn new(
        mut source: Box<dyn Read>,
        file: Option<File>,
        path: PathBuf,
        first: Lsn,
    ) -> Result<Self, LogError> {
        let damaged = |reason: String| LogError::damaged(&path, 0, first, reason);
        let mut page = [0; PAGE];
        let read = fill(&mut source, &mut page).map_err(|error| {
            read_error(error, &path, Position::beginning(first), file.is_none())
        })?;
        if read < PAGE {
            return Err(damaged("the file ends within the segment header".into()));
        }
        let header = SegmentHeader::decode(&page).map_err(damaged)?;
        if header.first != first {
            let reason = format!("the segment begins at LSN {}, not at its name's", header.first);
            return Err(damaged(reason));
        }
        let at = header.start();
        Ok(Self { source, file, path, header, at, block: Vec::new() })
    }

    /// Reads on from the current position, as the live segment is now.
    pub(super) fn look_again(&mut self) -> Result<(), LogError> {
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(self.at.offset)).map_err(LogError::io("read", &self.path))?;
            self.source = buffered(file, &self.path)?;
        }
        Ok(())
    }

    pub(super) fn header(&self) -> &SegmentHeader {
        &self.header
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the next block is expected.
    pub(super) fn at(&self) -> Position {
        self.at
    }

    /// The file, unless the segment is compressed.
    pub(super) fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }

    /// Damage at the current position.
    pub(super) fn damaged(&self, reason: impl Into<String>) -> LogError {
        LogError::damaged(&self.path, self.at.offset, self.at.next, reason)
    }

    /// Reads the next block. After [`Step::End`] or [`Step::Bad`] the scanner is of no more use, except
    /// to say where that was.
    ///
    /// # Errors
    /// [`LogError::Damaged`] for a block that is intact but does not belong here: no crash does that.
    pub(super) fn step(&mut self) -> Result<Step<'_>, LogError> {
        let mut block = std::mem::take(&mut self.block);
        block.resize(PAGE, 0);
        let read = self.read(&mut block)?;
        if is_zero(&block[..read]) {
            return Ok(Step::End);
        }
        let Some(header) = BlockHeader::decode(&block[..read]) else {
            return Ok(Step::Bad("there is no block here"));
        };
        let bytes = header.block_bytes();
        if bytes > self.header.block_bytes_max || self.at.offset + bytes > self.header.segment_bytes
        {
            return Ok(Step::Bad("the block is longer than any that was written"));
        }
        // The bound above keeps a damaged length from asking for more memory than one group takes.
        block.resize(bytes as usize, 0);
        if read < PAGE || self.read(&mut block[PAGE..])? < block.len() - PAGE {
            return Ok(Step::Bad("the file ends within a block"));
        }
        if !header.verifies(self.header.store, &block) {
            return Ok(Step::Bad("the block does not match its checksum"));
        }
        self.check_place(&header, &block)?;
        self.at = Position {
            offset: self.at.offset + bytes,
            next: Lsn::new(header.first.get() + u64::from(header.records)),
            chain: header.crc,
        };
        self.block = block;
        Ok(Step::Block(Block { header, bytes: &self.block }))
    }

    /// Checks what an intact block says of itself against what must come here.
    fn check_place(&self, header: &BlockHeader, block: &[u8]) -> Result<(), LogError> {
        if header.first != self.at.next {
            return Err(self.damaged(format!("an intact block begins at LSN {}", header.first)));
        }
        if header.chain != self.at.chain {
            return Err(
                self.damaged("an intact block follows on another one than the one before it")
            );
        }
        let mut records = 0;
        for record in Records::new(header.payload(block)) {
            if record.is_none() {
                return Err(self.damaged("the lengths of an intact block do not add up"));
            }
            records += 1;
        }
        if records == 0 || records != header.records {
            return Err(self.damaged(format!(
                "an intact block holds {records} records and announces {}",
                header.records
            )));
        }
        Ok(())
    }

    /// Fills `buffer` as far as the file goes.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LogError> {
        fill(&mut self.source, buffer)
            .map_err(|error| read_error(error, &self.path, self.at, self.file.is_none()))
    }
}

/// What a failed read means: whatever the operating system did not refuse, the decompressor of a
/// `compressed` segment could not make sense of.
fn read_error(error: io::Error, path: &Path, at: Position, compressed: bool) -> LogError {
    if compressed && error.raw_os_error().is_none() {
        let reason = format!("it cannot be decompressed: {error}");
        return LogError::damaged(path, at.offset, at.next, reason);
    }
    LogError::io("read", path)(error)
}

/// A sequential look at `file` from its cursor on; the cursor is shared.
fn buffered(file: &File, path: &Path) -> Result<Box<dyn Read>, LogError> {
    let file = file.try_clone().map_err(LogError::io("read", path))?;
    Ok(Box::new(BufReader::with_capacity(READ_BYTES, file)))
}

fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
