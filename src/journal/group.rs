//! A group: encoded records that become durable together.

use crate::journal::{Entry, Record};
use crate::types::Lsn;

/// Bytes of the length before each record.
pub(super) const RECORD_PREFIX_BYTES: usize = 4;

/// Encoded records in one buffer, reused from group to group.
///
/// The payload is each record as a little-endian `u32` length and that many bytes.
#[derive(Clone, Debug)]
pub struct Group {
    limits: GroupLimits,
    schema: u16,
    first: Lsn,
    count: usize,
    payload: Vec<u8>,
}

/// How large a group may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupLimits {
    /// Most records.
    pub records_max: usize,
    /// Most bytes of payload, counting 4 bytes of length per record.
    pub bytes_max: usize,
    /// Longest encoded record in bytes.
    pub record_bytes_max: usize,
}

/// Why a record was not added. The group is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The record belongs into the next group.
    #[error("the group is full")]
    Full,
    /// No group can take the record.
    #[error("a record of {bytes} bytes exceeds the maximum of {bytes_max}")]
    RecordTooLarge {
        /// Its encoded length.
        bytes: usize,
        /// The longest allowed.
        bytes_max: usize,
    },
}

impl Group {
    /// An empty group of records of one schema version.
    #[must_use]
    pub fn new(schema: u16, limits: GroupLimits) -> Self {
        Self { limits, schema, first: Lsn::ZERO.next(), count: 0, payload: Vec::new() }
    }

    /// Empties the group; its next record will have position `first`.
    pub fn begin(&mut self, first: Lsn) {
        self.first = first;
        self.count = 0;
        self.payload.clear();
    }

    /// Encodes `record` at the end of the group.
    ///
    /// # Errors
    /// [`PushError`]; the group is as it was.
    pub fn push(&mut self, record: &impl Record) -> Result<(), PushError> {
        if self.count == self.limits.records_max {
            return Err(PushError::Full);
        }
        let before = self.payload.len();
        self.payload.extend_from_slice(&[0; RECORD_PREFIX_BYTES]);
        let begin = self.payload.len();
        record.encode_into(&mut self.payload);
        let bytes = self.payload.len() - begin;
        let bytes_max = self
            .limits
            .record_bytes_max
            .min(self.limits.bytes_max.saturating_sub(RECORD_PREFIX_BYTES));
        let error = if bytes > bytes_max {
            PushError::RecordTooLarge { bytes, bytes_max }
        } else if self.payload.len() > self.limits.bytes_max {
            PushError::Full
        } else {
            let prefix = u32::try_from(bytes).expect("a group is bounded far below 4 GiB");
            self.payload[before..begin].copy_from_slice(&prefix.to_le_bytes());
            self.count += 1;
            return Ok(());
        };
        self.payload.truncate(before);
        Err(error)
    }

    /// Version of the records' encoding.
    #[must_use]
    pub fn schema(&self) -> u16 {
        self.schema
    }

    /// Position of the first record.
    #[must_use]
    pub fn first_lsn(&self) -> Lsn {
        self.first
    }

    /// Position after the last record.
    #[must_use]
    pub fn next_lsn(&self) -> Lsn {
        Lsn::new(self.first.get() + self.count as u64)
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it holds no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The encoded records.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// The records of a payload; ends early, with `None` in place of a record, where a length does not fit.
pub(super) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let split = self
            .rest
            .split_first_chunk::<RECORD_PREFIX_BYTES>()
            .and_then(|(len, rest)| rest.split_at_checked(u32::from_le_bytes(*len) as usize));
        match split {
            Some((record, rest)) => {
                self.rest = rest;
                Some(Some(record))
            }
            None => {
                self.rest = &[];
                Some(None)
            }
        }
    }
}

/// The records of a payload known to be well-formed, with their positions.
pub(super) fn entries(first: Lsn, schema: u16, payload: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    Records::new(payload).flatten().zip(first.get()..).map(move |(bytes, lsn)| Entry {
        lsn: Lsn::new(lsn),
        schema,
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes(usize);

    impl Record for Bytes {
        const SCHEMA: u16 = 1;

        fn encode_into(&self, out: &mut Vec<u8>) {
            out.extend(std::iter::repeat_n(b'x', self.0));
        }
    }

    #[test]
    fn a_record_that_does_not_fit_leaves_the_group_as_it_was() {
        let limits = GroupLimits { records_max: 3, bytes_max: 40, record_bytes_max: 30 };
        let check = |given: &[usize], push, expected| {
            let mut group = Group::new(1, limits);
            for bytes in given {
                group.push(&Bytes(*bytes)).unwrap();
            }
            let before = group.payload().to_vec();
            assert_eq!(group.push(&Bytes(push)), expected);
            assert_eq!(group.payload() == before, expected.is_err());
            assert_eq!(group.len(), given.len() + usize::from(expected.is_ok()));
        };
        check(&[], 0, Ok(()));
        check(&[], 30, Ok(()));
        check(&[], 31, Err(PushError::RecordTooLarge { bytes: 31, bytes_max: 30 }));
        check(&[28], 4, Ok(()));
        check(&[28], 5, Err(PushError::Full));
        check(&[1, 1, 1], 1, Err(PushError::Full));
    }

    #[test]
    fn positions_count_from_the_first_and_the_buffer_is_reused() {
        let limits = GroupLimits { records_max: 8, bytes_max: 100, record_bytes_max: 50 };
        let mut group = Group::new(3, limits);
        group.begin(Lsn::new(7));
        group.push(&Bytes(2)).unwrap();
        group.push(&Bytes(0)).unwrap();
        let seen: Vec<_> = entries(group.first_lsn(), group.schema(), group.payload()).collect();
        assert_eq!(
            seen,
            [
                Entry { lsn: Lsn::new(7), schema: 3, bytes: b"xx" },
                Entry { lsn: Lsn::new(8), schema: 3, bytes: b"" },
            ]
        );
        assert_eq!(group.next_lsn(), Lsn::new(9));
        group.begin(Lsn::new(9));
        assert!(group.is_empty() && group.payload().is_empty());
    }

    #[test]
    fn a_payload_whose_lengths_do_not_add_up_is_noticed() {
        for payload in [&[1, 0, 0][..], &[1, 0, 0, 0], &[0xff, 0xff, 0xff, 0xff, 1]] {
            assert_eq!(Records::new(payload).last(), Some(None));
        }
    }
}
