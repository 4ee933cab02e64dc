//! Sizes and limits of the journal. Where the files live is passed separately.

use serde::Deserialize;

use crate::journal::group::{GroupLimits, RECORD_PREFIX_BYTES};

/// Configuration of the journal; every key has a default and unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalConfig {
    /// Length of a new segment file in bytes, a multiple of 4096. The file is allocated in full.
    pub segment_bytes: u64,
    /// Most records that share one sync.
    pub group_records_max: u32,
    /// Most bytes of encoded records that share one sync, with 4 bytes of length before each record.
    pub group_bytes_max: u32,
    /// Longest encoded record in bytes. A longer one is handed back by
    /// [`CommitSink::refused`](crate::journal::CommitSink::refused) and nothing of it is written.
    pub record_bytes_max: u32,
    /// Most records in flight: permits given out and not yet delivered. More are refused.
    pub queue_len_max: u32,
    /// Archived segments to keep, the oldest go first; absent keeps all of them.
    pub archive_segments_max: Option<u32>,
    /// How a group is made durable.
    pub sync: SyncMode,
}

/// How a group is made durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// Write, then `fdatasync`.
    Fdatasync,
    /// Write to a file opened with `O_DSYNC`: one system call that returns when the data is durable.
    ODsync,
    /// The same past the system's cache (`O_DIRECT`): no group is copied there and written back from there.
    /// Where the file system cannot, like `Fdatasync`.
    #[default]
    Direct,
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalConfigError {
    /// A value lies outside its bounds.
    #[error("journal.{key} is {value}, it must be between {min} and {max}")]
    OutOfBounds {
        /// The key.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The smallest value allowed.
        min: u64,
        /// The largest value allowed.
        max: u64,
    },
    /// The segment length does not fit whole pages.
    #[error("journal.segment_bytes is {value}, it must be a multiple of 4096")]
    NotWholePages {
        /// Its value.
        value: u64,
    },
    /// One record could be too large for any group.
    #[error(
        "journal.record_bytes_max + 4 is {record_bytes}, it must not exceed group_bytes_max ({group_bytes_max})"
    )]
    RecordExceedsGroup {
        /// The longest record with its length prefix, in bytes.
        record_bytes: u64,
        /// The largest group in bytes.
        group_bytes_max: u32,
    },
    /// One group could be too large for any segment.
    #[error(
        "journal.segment_bytes is {segment_bytes}, the largest group needs a segment of {needed} bytes"
    )]
    GroupExceedsSegment {
        /// Length of a segment in bytes.
        segment_bytes: u64,
        /// The segment length that a header page and the largest block would need, in bytes.
        needed: u64,
    },
}

/// Bytes of the page that everything on disk is aligned to.
pub(super) const PAGE_BYTES: u64 = 4096;
/// Bytes of a block's header.
pub(super) const BLOCK_HEADER_BYTES: usize = 32;

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            // A segment takes some ten thousand groups, and a fraction of a second to compress.
            segment_bytes: 64 << 20,
            // 1024 records of 300 bytes are 0.3 MiB: the sync still costs more than the transfer.
            group_records_max: 1024,
            group_bytes_max: 1 << 20,
            // An order of 100 tickets is some 20 KiB; an imported catalogue entry may be larger.
            record_bytes_max: 256 << 10,
            // Four full groups: one being synced, one forming, two of headroom.
            queue_len_max: 4096,
            archive_segments_max: None,
            sync: SyncMode::Direct,
        }
    }
}

impl JournalConfig {
    /// Checks every value and how they fit together.
    ///
    /// # Errors
    /// The first problem found, naming the key.
    pub fn validate(&self) -> Result<(), JournalConfigError> {
        let bounds = |key, value: u64, min, max| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(JournalConfigError::OutOfBounds { key, value, min, max })
            }
        };
        bounds("segment_bytes", self.segment_bytes, 2 * PAGE_BYTES, 16 << 30)?;
        bounds("group_records_max", self.group_records_max.into(), 1, 1 << 16)?;
        bounds("group_bytes_max", self.group_bytes_max.into(), 64, 256 << 20)?;
        bounds("record_bytes_max", self.record_bytes_max.into(), 1, 256 << 20)?;
        bounds("queue_len_max", self.queue_len_max.into(), 1, 1 << 20)?;
        if !self.segment_bytes.is_multiple_of(PAGE_BYTES) {
            return Err(JournalConfigError::NotWholePages { value: self.segment_bytes });
        }
        let record_bytes = u64::from(self.record_bytes_max) + RECORD_PREFIX_BYTES as u64;
        if record_bytes > u64::from(self.group_bytes_max) {
            return Err(JournalConfigError::RecordExceedsGroup {
                record_bytes,
                group_bytes_max: self.group_bytes_max,
            });
        }
        let needed = PAGE_BYTES + self.block_bytes_max();
        if self.segment_bytes < needed {
            return Err(JournalConfigError::GroupExceedsSegment {
                segment_bytes: self.segment_bytes,
                needed,
            });
        }
        Ok(())
    }

    /// The limits a group is formed under.
    #[must_use]
    pub fn group_limits(&self) -> GroupLimits {
        GroupLimits {
            records_max: self.group_records_max as usize,
            bytes_max: self.group_bytes_max as usize,
            record_bytes_max: self.record_bytes_max as usize,
        }
    }

    /// Bytes on disk of the largest group.
    pub(super) fn block_bytes_max(&self) -> u64 {
        (u64::from(self.group_bytes_max) + BLOCK_HEADER_BYTES as u64).next_multiple_of(PAGE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_every_limit_is_checked() {
        JournalConfig::default().validate().unwrap();
        let check = |change: fn(&mut JournalConfig), expected: &str| {
            let mut config = JournalConfig::default();
            change(&mut config);
            assert_eq!(config.validate().unwrap_err().to_string(), expected);
        };
        check(
            |c| c.segment_bytes = 1,
            "journal.segment_bytes is 1, it must be between 8192 and 17179869184",
        );
        check(
            |c| c.segment_bytes += 1,
            "journal.segment_bytes is 67108865, it must be a multiple of 4096",
        );
        check(
            |c| c.group_records_max = 0,
            "journal.group_records_max is 0, it must be between 1 and 65536",
        );
        check(
            |c| c.group_bytes_max = 1,
            "journal.group_bytes_max is 1, it must be between 64 and 268435456",
        );
        check(
            |c| c.record_bytes_max = 0,
            "journal.record_bytes_max is 0, it must be between 1 and 268435456",
        );
        check(
            |c| c.queue_len_max = 0,
            "journal.queue_len_max is 0, it must be between 1 and 1048576",
        );
        check(
            |c| c.record_bytes_max = c.group_bytes_max - 3,
            "journal.record_bytes_max + 4 is 1048577, it must not exceed group_bytes_max (1048576)",
        );
        check(
            |c| c.segment_bytes = 1 << 20,
            "journal.segment_bytes is 1048576, the largest group needs a segment of 1056768 bytes",
        );
    }

    #[test]
    fn it_is_read_from_toml_and_unknown_keys_are_refused() {
        let config: JournalConfig =
            toml::from_str("sync = \"o_dsync\"\narchive_segments_max = 3").unwrap();
        assert_eq!(config.sync, SyncMode::ODsync);
        assert_eq!(config.archive_segments_max, Some(3));
        assert_eq!(config.segment_bytes, JournalConfig::default().segment_bytes);
        assert!(toml::from_str::<JournalConfig>("segment_byte = 1").is_err());
    }
}
