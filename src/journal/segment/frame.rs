//! Bytes on disk: the segment's header page and the blocks. Table and reasons: `docs/adr/0002-journal.md`.
//!
//! Everything begins on a page of 4096 bytes, so that writing a block never touches a page that
//! already holds durable records.

use std::fmt;

use crate::journal::Group;
pub(super) use crate::journal::config::{BLOCK_HEADER_BYTES, PAGE_BYTES};
use crate::types::Lsn;

/// [`PAGE_BYTES`] as a length in memory.
pub(super) const PAGE: usize = PAGE_BYTES as usize;

const SEGMENT_MAGIC: [u8; 8] = *b"PIAOKU\0J";
const BLOCK_MAGIC: [u8; 4] = *b"PkB\x01";
const FORMAT_VERSION: u16 = 1;
/// Bytes of the segment header that its checksum covers.
const SEGMENT_HEADER_COVERED: usize = 68;
/// Bytes of the block header that its checksum covers, in addition to the payload.
const BLOCK_HEADER_COVERED: usize = 28;

/// Which store a file belongs to: 16 random bytes, drawn when the store is created.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId([u8; 16]);

/// The first page of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) store: StoreId,
    /// Position of the segment's first record.
    pub(super) first: Lsn,
    /// First position of the segment before this one; zero in the very first.
    pub(super) previous_first: Lsn,
    /// Length of the file, which is allocated before it gets its name.
    pub(super) segment_bytes: u64,
    /// Longest block this segment takes: whoever wrote it never left more than this unsynced.
    pub(super) block_bytes_max: u64,
    /// Checksum of the last block before this segment; zero in the very first.
    pub(super) chain: u32,
}

/// The header of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    /// Version of the records' encoding.
    pub(super) schema: u16,
    pub(super) payload_bytes: u32,
    pub(super) records: u32,
    /// Position of the first record.
    pub(super) first: Lsn,
    /// Checksum of the block before, or of the segment header.
    pub(super) chain: u32,
    /// Checksum of this block.
    pub(super) crc: u32,
}

/// Where a segment continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Offset of the next block in the file.
    pub(super) offset: u64,
    /// Position of the next record.
    pub(super) next: Lsn,
    /// Checksum that the next block must name as its predecessor's.
    pub(super) chain: u32,
}

impl Position {
    /// The beginning of the file, before the segment header.
    pub(super) fn beginning(next: Lsn) -> Self {
        Self { offset: 0, next, chain: 0 }
    }
}

impl StoreId {
    /// Wraps 16 random bytes.
    #[must_use]
    pub const fn new(raw: [u8; 16]) -> Self {
        Self(raw)
    }

    /// The raw bytes.
    #[must_use]
    pub const fn get(self) -> [u8; 16] {
        self.0
    }

    /// Checksums of blocks start from here, so that a block of another store never verifies.
    fn seed(self) -> u32 {
        crc32c::crc32c(&self.0)
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreId({self})")
    }
}

impl SegmentHeader {
    /// The header page.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut page = vec![0; PAGE];
        page[0..8].copy_from_slice(&SEGMENT_MAGIC);
        page[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        page[12..16].copy_from_slice(&(PAGE as u32).to_le_bytes());
        page[16..32].copy_from_slice(&self.store.0);
        page[32..40].copy_from_slice(&self.first.get().to_le_bytes());
        page[40..48].copy_from_slice(&self.previous_first.get().to_le_bytes());
        page[48..56].copy_from_slice(&self.segment_bytes.to_le_bytes());
        page[56..64].copy_from_slice(&self.block_bytes_max.to_le_bytes());
        page[64..68].copy_from_slice(&self.chain.to_le_bytes());
        let crc = crc32c::crc32c(&page[..SEGMENT_HEADER_COVERED]);
        page[68..72].copy_from_slice(&crc.to_le_bytes());
        page
    }

    /// Reads a header page.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn decode(page: &[u8; PAGE]) -> Result<Self, String> {
        if page[0..8] != SEGMENT_MAGIC {
            return Err("this is not a journal segment (wrong magic)".into());
        }
        // The version comes before the checksum: a later version may keep its checksum elsewhere.
        let version = u16::from_le_bytes(field(page, 8));
        if version != FORMAT_VERSION {
            return Err(format!(
                "format version {version} is unknown, this program reads {FORMAT_VERSION}"
            ));
        }
        if u32::from_le_bytes(field(page, 68)) != crc32c::crc32c(&page[..SEGMENT_HEADER_COVERED]) {
            return Err("the segment header does not match its checksum".into());
        }
        if u32::from_le_bytes(field(page, 12)) != PAGE as u32 {
            return Err("the page size is not 4096".into());
        }
        Ok(Self {
            store: StoreId(field(page, 16)),
            first: Lsn::new(u64::from_le_bytes(field(page, 32))),
            previous_first: Lsn::new(u64::from_le_bytes(field(page, 40))),
            segment_bytes: u64::from_le_bytes(field(page, 48)),
            block_bytes_max: u64::from_le_bytes(field(page, 56)),
            chain: u32::from_le_bytes(field(page, 64)),
        })
    }

    /// Where the segment's first block goes.
    pub(super) fn start(&self) -> Position {
        let chain = crc32c::crc32c(&self.encode()[..SEGMENT_HEADER_COVERED]);
        Position { offset: PAGE_BYTES, next: self.first, chain }
    }
}

impl BlockHeader {
    /// Appends `group` to `out` as a block of whole pages and returns its header.
    pub(super) fn encode(store: StoreId, group: &Group, chain: u32, out: &mut Vec<u8>) -> Self {
        let payload = group.payload();
        let mut header = Self {
            schema: group.schema(),
            payload_bytes: u32::try_from(payload.len())
                .expect("a group is bounded far below 4 GiB"),
            records: u32::try_from(group.len()).expect("a group is bounded far below 2^32 records"),
            first: group.first_lsn(),
            chain,
            crc: 0,
        };
        let mut bytes = [0; BLOCK_HEADER_BYTES];
        bytes[0..4].copy_from_slice(&BLOCK_MAGIC);
        bytes[4..6].copy_from_slice(&header.schema.to_le_bytes());
        bytes[8..12].copy_from_slice(&header.payload_bytes.to_le_bytes());
        bytes[12..16].copy_from_slice(&header.records.to_le_bytes());
        bytes[16..24].copy_from_slice(&header.first.get().to_le_bytes());
        bytes[24..28].copy_from_slice(&chain.to_le_bytes());
        header.crc = checksum(store, &bytes, payload);
        bytes[28..32].copy_from_slice(&header.crc.to_le_bytes());
        let begin = out.len();
        out.extend_from_slice(&bytes);
        out.extend_from_slice(payload);
        out.resize(begin + (out.len() - begin).next_multiple_of(PAGE), 0);
        header
    }

    /// Reads the header at the start of `page`; `None` when there is none. Nothing in it is to be
    /// trusted before [`Self::verifies`].
    pub(super) fn decode(page: &[u8]) -> Option<Self> {
        if page.len() < BLOCK_HEADER_BYTES || page[0..4] != BLOCK_MAGIC {
            return None;
        }
        Some(Self {
            schema: u16::from_le_bytes(field(page, 4)),
            payload_bytes: u32::from_le_bytes(field(page, 8)),
            records: u32::from_le_bytes(field(page, 12)),
            first: Lsn::new(u64::from_le_bytes(field(page, 16))),
            chain: u32::from_le_bytes(field(page, 24)),
            crc: u32::from_le_bytes(field(page, 28)),
        })
    }

    /// Bytes the block takes on disk.
    pub(super) fn block_bytes(&self) -> u64 {
        block_bytes(self.payload_bytes as usize)
    }

    /// The payload within a block.
    pub(super) fn payload<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        &block[BLOCK_HEADER_BYTES..BLOCK_HEADER_BYTES + self.payload_bytes as usize]
    }

    /// Whether `block`, which must have [`Self::block_bytes`], matches its checksum in this store.
    pub(super) fn verifies(&self, store: StoreId, block: &[u8]) -> bool {
        checksum(store, block, self.payload(block)) == self.crc
    }
}

/// Bytes on disk of a block with so much payload.
pub(super) fn block_bytes(payload_bytes: usize) -> u64 {
    (BLOCK_HEADER_BYTES as u64 + payload_bytes as u64).next_multiple_of(PAGE_BYTES)
}

/// Whether a page, or a part of one, holds nothing. A comparison of memory is fast in every build.
pub(super) fn is_zero(page: &[u8]) -> bool {
    static ZEROS: [u8; PAGE] = [0; PAGE];
    page.len() <= PAGE && page == &ZEROS[..page.len()]
}

fn checksum(store: StoreId, header: &[u8], payload: &[u8]) -> u32 {
    let covered = crc32c::crc32c_append(store.seed(), &header[..BLOCK_HEADER_COVERED]);
    crc32c::crc32c_append(covered, payload)
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the range has N bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{GroupLimits, Record};

    struct Text(&'static str);

    impl Record for Text {
        const SCHEMA: u16 = 5;

        fn encode_into(&self, out: &mut Vec<u8>) {
            out.extend_from_slice(self.0.as_bytes());
        }
    }

    fn header() -> SegmentHeader {
        SegmentHeader {
            store: StoreId::new(*b"0123456789abcdef"),
            first: Lsn::new(7),
            previous_first: Lsn::new(1),
            segment_bytes: 65536,
            block_bytes_max: 8192,
            chain: 0xdead_beef,
        }
    }

    fn block(store: StoreId) -> (BlockHeader, Vec<u8>) {
        let limits = GroupLimits { records_max: 8, bytes_max: 4096, record_bytes_max: 4000 };
        let mut group = Group::new(Text::SCHEMA, limits);
        group.begin(Lsn::new(7));
        group.push(&Text("云山")).unwrap();
        let mut out = Vec::new();
        let header = BlockHeader::encode(store, &group, 0x0102_0304, &mut out);
        (header, out)
    }

    /// Released formats stay readable for ever, so these bytes never change.
    #[test]
    fn the_layout_is_pinned_byte_by_byte() {
        let page = header().encode();
        assert_eq!(
            hex::encode(&page[..72]),
            concat!(
                "5049414f4b55004a010000000010000030313233343536373839616263646566",
                "0700000000000000010000000000000000000100000000000020000000000000",
                "efbeadded1c676b2",
            )
        );
        let (_, block) = block(header().store);
        assert_eq!(
            hex::encode(&block[..42]),
            concat!(
                "506b4201050000000a00000001000000070000000000000004030201d2576ec5",
                "06000000e4ba91e5b1b1",
            )
        );
        assert_eq!(block.len(), PAGE);
    }

    #[test]
    fn every_covered_bit_counts() {
        let page: [u8; PAGE] = header().encode().try_into().unwrap();
        assert_eq!(SegmentHeader::decode(&page), Ok(header()));
        for bit in 0..72 * 8 {
            let mut page = page;
            page[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&page).is_err(), "bit {bit}");
        }
        let store = header().store;
        let (expected, block) = block(store);
        assert_eq!(BlockHeader::decode(&block), Some(expected));
        assert!(expected.verifies(store, &block));
        assert!(!expected.verifies(StoreId::new([0; 16]), &block));
        for bit in 0..42 * 8 {
            let mut block = block.clone();
            block[bit / 8] ^= 1 << (bit % 8);
            let verifies = BlockHeader::decode(&block).is_some_and(|header| {
                header.block_bytes() == block.len() as u64 && header.verifies(store, &block)
            });
            assert!(!verifies, "bit {bit}");
        }
    }
}
