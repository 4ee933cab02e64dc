//! Tells the clean end of the last segment from a torn tail, and a torn tail from damage.
//!
//! Beyond the last good block a crash can leave one thing only: pieces of the one group that was being
//! written, in a region that held zeros before. Everything else is damage. The reasoning in full:
//! `docs/adr/0002-journal.md`, "The torn tail".

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::journal::segment::frame::{
    BlockHeader, PAGE, PAGE_BYTES, Position, SegmentHeader, is_zero,
};

/// Bytes looked at in one read.
const READ_BYTES: usize = 1 << 20;

/// What lies beyond the last good block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// Nothing but zeros.
    Zeros,
    /// Pieces of one group, in the next so many bytes.
    Torn {
        /// Bytes from the end of the last good block to the last byte that is not zero.
        bytes: u64,
    },
    /// What no crash leaves, in words.
    Damage(String),
}

/// Looks at everything from `end`, where the last good block ends, to the end of the file.
pub(super) fn look_beyond(
    file: &File,
    header: &SegmentHeader,
    end: Position,
) -> io::Result<Beyond> {
    let file_bytes = file.metadata()?.len();
    let mut buffer = vec![0; READ_BYTES];
    let mut last_nonzero = end.offset;
    let mut offset = end.offset;
    while offset < file_bytes {
        let wanted = READ_BYTES.min(usize::try_from(file_bytes - offset).unwrap_or(READ_BYTES));
        file.read_exact_at(&mut buffer[..wanted], offset)?;
        for page in buffer[..wanted].chunks(PAGE) {
            if !is_zero(page) {
                let at = page.iter().rposition(|byte| *byte != 0).unwrap_or(0);
                last_nonzero = offset + at as u64 + 1;
                if offset > end.offset && is_block(file, header, page, offset)? {
                    return Ok(Beyond::Damage(format!(
                        "an intact block follows at offset {offset}"
                    )));
                }
            }
            offset += page.len() as u64;
        }
    }
    if file_bytes < header.segment_bytes && last_nonzero.next_multiple_of(PAGE_BYTES) >= file_bytes
    {
        return Ok(Beyond::Damage(format!(
            "the file has {file_bytes} of its {} bytes, what was in the others is lost",
            header.segment_bytes
        )));
    }
    let bytes = last_nonzero - end.offset;
    if bytes > header.block_bytes_max {
        return Ok(Beyond::Damage(format!(
            "{bytes} bytes are not intact, one group has at most {}",
            header.block_bytes_max
        )));
    }
    Ok(if bytes == 0 { Beyond::Zeros } else { Beyond::Torn { bytes } })
}

/// Whether an intact block of this store begins with `page`.
fn is_block(file: &File, header: &SegmentHeader, page: &[u8], offset: u64) -> io::Result<bool> {
    let Some(block_header) = BlockHeader::decode(page) else { return Ok(false) };
    if block_header.block_bytes() > header.block_bytes_max {
        return Ok(false);
    }
    let mut block = vec![0; block_header.block_bytes() as usize];
    match file.read_exact_at(&mut block, offset) {
        Ok(()) => Ok(block_header.verifies(header.store, &block)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
