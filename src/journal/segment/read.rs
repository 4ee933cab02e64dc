//! Reads across segments, live and archived, as one sequence of records.

use std::path::{Path, PathBuf};

use crate::journal::segment::directory::{Directory, Place, SegmentFile};
use crate::journal::segment::frame::{Position, SegmentHeader, StoreId};
use crate::journal::segment::scan::{Block, Scanner, Step};
use crate::journal::segment::tail::{Beyond, look_beyond};
use crate::journal::{Entry, LogError};
use crate::types::Lsn;

/// Reads a journal without owning it, e.g. for an audit: changes nothing, takes no lock, and may run
/// while another thread or process appends. It then sees some state between the begin and the end of
/// the reading, always whole groups.
#[derive(Clone, Debug)]
pub struct SegmentReader {
    directory: Directory,
}

/// Where reading ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadEnd {
    /// The position after the last record.
    pub next: Lsn,
    /// What lies beyond it.
    pub tail: Tail,
}

/// What lies beyond the last group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing.
    Clean,
    /// Pieces of a group that was never acknowledged: a crash came before its sync had returned. A
    /// [`SegmentReader`] beside a running writer may see the group that is being written right now.
    Torn(TornTail),
}

/// Pieces of a group that was never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The last segment.
    pub file: PathBuf,
    /// Where the pieces begin, in bytes.
    pub offset: u64,
    /// Position that the group's first record would have had.
    pub lsn: Lsn,
    /// How far the pieces reach, in bytes.
    pub bytes: u64,
}

impl SegmentReader {
    /// A reader of the journal in `dir`.
    ///
    /// # Errors
    /// [`LogError::Missing`] or [`LogError::Io`].
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        let reader = Self { directory: Directory::new(dir) };
        reader.segments()?;
        Ok(reader)
    }

    /// The store's identity.
    ///
    /// # Errors
    /// [`LogError::Io`] or [`LogError::Damaged`].
    pub fn store_id(&self) -> Result<StoreId, LogError> {
        let segments = self.segments()?;
        Ok(Scanner::open(&self.directory, &segments[segments.len() - 1])?.header().store)
    }

    /// The oldest position that can be read.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn first_lsn(&self) -> Result<Lsn, LogError> {
        Ok(self.segments()?[0].first)
    }

    /// Visits every record from position `from` on, in order, checking everything on the way. A torn
    /// tail ends the reading and is reported, but left as it is.
    ///
    /// # Errors
    /// [`LogError::Removed`], [`LogError::Damaged`], [`LogError::Io`], or the first error of `visit`.
    pub fn read_from<E: From<LogError>>(
        &self,
        from: Lsn,
        visit: impl FnMut(Entry<'_>) -> Result<(), E>,
    ) -> Result<ReadEnd, E> {
        read_from(&self.directory, from, visit)
    }

    fn segments(&self) -> Result<Vec<SegmentFile>, LogError> {
        let segments = self.directory.segments()?;
        if segments.is_empty() {
            return Err(LogError::Missing { dir: self.directory.path().to_owned() });
        }
        Ok(segments)
    }
}

/// See [`SegmentReader::read_from`].
pub(super) fn read_from<E: From<LogError>>(
    directory: &Directory,
    from: Lsn,
    mut visit: impl FnMut(Entry<'_>) -> Result<(), E>,
) -> Result<ReadEnd, E> {
    let from = from.max(Lsn::ZERO.next());
    let segments = directory.segments()?;
    // The last segment that begins at or before `from` holds it, if any does.
    let Some(holding) = segments.partition_point(|segment| segment.first <= from).checked_sub(1)
    else {
        return Err(match segments.first() {
            Some(segment) => LogError::Removed { from, first: segment.first },
            None => LogError::Missing { dir: directory.path().to_owned() },
        }
        .into());
    };
    let walked = walk(directory, &segments[holding..], |_, block| {
        block.entries().filter(|entry| entry.lsn >= from).try_for_each(&mut visit)
    })?;
    Ok(ReadEnd { next: walked.end.next, tail: walked.tail })
}

/// Where a walk over segments ended.
pub(super) struct Walked {
    /// Header of the last segment.
    pub(super) header: SegmentHeader,
    /// The end of the last good block in it.
    pub(super) end: Position,
    pub(super) tail: Tail,
}

impl Walked {
    /// Offset of the page after the last block, unless the segment is full.
    pub(super) fn page_left(&self) -> Option<u64> {
        (self.end.offset < self.header.segment_bytes).then_some(self.end.offset)
    }
}

/// Visits every block of `segments`, the last of which is the log's last, with the offset it has in its
/// segment. Checks that each segment continues the one before.
pub(super) fn walk<E: From<LogError>>(
    directory: &Directory,
    segments: &[SegmentFile],
    mut visit: impl FnMut(u64, &Block<'_>) -> Result<(), E>,
) -> Result<Walked, E> {
    let Some((last, closed)) = segments.split_last() else {
        return Err(LogError::Missing { dir: directory.path().to_owned() }.into());
    };
    let mut before: Option<(SegmentHeader, Position)> = None;
    let open = |segment, before: &Option<(SegmentHeader, Position)>| {
        let scanner = Scanner::open(directory, segment)?;
        if let Some((header, end)) = before {
            check_continues(&scanner, header, *end)?;
        }
        Ok::<_, LogError>(scanner)
    };
    for segment in closed {
        let mut scanner = open(segment, &before)?;
        if let Some(reason) = visit_blocks(&mut scanner, &mut visit)? {
            return Err(scanner.damaged(reason).into());
        }
        before = Some((scanner.header().clone(), scanner.at()));
    }
    let mut scanner = open(last, &before)?;
    if last.place == Place::Archive {
        let reason = "no segment comes after this archived one, the live one is missing";
        return Err(scanner.damaged(reason).into());
    }
    let bad = visit_blocks(&mut scanner, &mut visit)?;
    let tail = visit_tail(&mut scanner, bad, &mut visit)?;
    Ok(Walked { header: scanner.header().clone(), end: scanner.at(), tail })
}

/// Visits blocks as far as they are good, and returns what is wrong with the next one, if it is there.
fn visit_blocks<E: From<LogError>>(
    scanner: &mut Scanner,
    visit: &mut impl FnMut(u64, &Block<'_>) -> Result<(), E>,
) -> Result<Option<&'static str>, E> {
    loop {
        let offset = scanner.at().offset;
        match scanner.step()? {
            Step::Block(block) => visit(offset, &block)?,
            Step::End => return Ok(None),
            Step::Bad(reason) => return Ok(Some(reason)),
        }
    }
}

/// Finds out what lies beyond the blocks of the last segment, where the next step was `bad`.
fn visit_tail<E: From<LogError>>(
    scanner: &mut Scanner,
    mut bad: Option<&'static str>,
    visit: &mut impl FnMut(u64, &Block<'_>) -> Result<(), E>,
) -> Result<Tail, E> {
    loop {
        let end = scanner.at();
        let Some(file) = scanner.file() else {
            // A segment that has moved into the archive since it was listed is complete.
            return match bad {
                None => Ok(Tail::Clean),
                Some(reason) => Err(scanner.damaged(reason).into()),
            };
        };
        let beyond = look_beyond(file, scanner.header(), end)
            .map_err(LogError::io("read", scanner.path()))?;
        if beyond == Beyond::Zeros {
            return Ok(Tail::Clean);
        }
        // What looks like damage may be a block that a running writer has finished since we came by.
        // It finishes one before it begins another, so a second look finds it.
        scanner.look_again()?;
        bad = visit_blocks(scanner, visit)?;
        if scanner.at() != end {
            continue;
        }
        let torn = TornTail {
            file: scanner.path().to_owned(),
            offset: end.offset,
            lsn: end.next,
            bytes: match beyond {
                Beyond::Zeros => return Ok(Tail::Clean),
                Beyond::Torn { bytes } => bytes,
                Beyond::Damage(what) => {
                    let reason = bad.unwrap_or("there are zeros in place of a block");
                    return Err(scanner.damaged(format!("{reason}, and {what}")).into());
                }
            },
        };
        return Ok(Tail::Torn(torn));
    }
}

fn check_continues(
    scanner: &Scanner,
    before: &SegmentHeader,
    end: Position,
) -> Result<(), LogError> {
    let header = scanner.header();
    let damaged = |reason| Err(LogError::damaged(scanner.path(), 0, end.next, reason));
    if header.store != before.store {
        return damaged(format!(
            "it belongs to store {}, the segment before it to store {}",
            header.store, before.store
        ));
    }
    if header.first != end.next || header.previous_first != before.first {
        return damaged(format!(
            "it begins at LSN {}, the segment before it ends before LSN {}: records are missing",
            header.first, end.next
        ));
    }
    if header.chain != end.chain {
        return damaged("it continues another history than the segment before it".into());
    }
    Ok(())
}

/// Checks, by headers alone, that no segment between the oldest and the newest is missing or foreign.
pub(super) fn check_links(directory: &Directory, segments: &[SegmentFile]) -> Result<(), LogError> {
    let mut before: Option<SegmentHeader> = None;
    for segment in segments {
        let scanner = Scanner::open(directory, segment)?;
        let header = scanner.header();
        let damaged = |reason| LogError::damaged(scanner.path(), 0, header.first, reason);
        if let Some(before) = before {
            if header.store != before.store {
                return Err(damaged(format!("it belongs to another store, {}", header.store)));
            }
            if header.previous_first != before.first {
                let missing = header.previous_first;
                return Err(damaged(format!(
                    "the segment that begins at LSN {missing} is missing"
                )));
            }
        }
        before = Some(header.clone());
    }
    Ok(())
}
