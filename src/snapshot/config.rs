//! Settings of the snapshot store.

use serde::{Deserialize, Serialize};

/// Settings of the snapshot store and its threads. Unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotConfig {
    /// Memory sled may use for its page cache, in bytes. Its page table comes on top (about as much
    /// again for many small pages). Default 64 MiB, at least 1 MiB.
    pub cache_bytes: u64,
    /// Bytes of changed orders, vouchers and the like that may wait in memory for sled to take them; with
    /// more, whoever writes waits. A start may leave as much to be written while it sells. Default
    /// 256 MiB, at least 1 MiB.
    pub buffer_bytes: usize,
    /// What sled favours. Default `high_throughput`.
    pub mode: SnapshotMode,
    /// Batches that may wait to be written; one more is refused. Default 1024, 1 to 1,000,000.
    pub queue_len_max: usize,
    /// Loads that may wait to be read; one more is refused. Default 8192, 1 to 1,000,000.
    pub load_queue_len_max: usize,
    /// Threads that read for cold loads. Default 2, 1 to 16.
    pub reader_threads: usize,
    /// How long after its first batch a group of batches is flushed, in milliseconds: longer means
    /// fewer syncs beside the journal's and a longer tail to replay. Default 500, 1 to 60,000.
    pub flush_interval_ms: u64,
    /// Changes after which a group is flushed without waiting for the interval. Default 200,000, at
    /// least 1.
    pub flush_changes_max: usize,
    /// Changed orders that may wait until they are durable, those of all suppliers together, before saving no
    /// longer gives way to sales; from three quarters of it on it gives way less and less. Default 400,000,
    /// about 620 MiB of orders of two tickets that are not written yet; at least 1.
    pub backlog_max: usize,
    /// Whether every value is read and checked at start even if the store was closed in order; after
    /// a crash it always is. Costs several seconds per million small entities. Without it, damage done
    /// to a closed store shows only when sled or a checksum trips over it. Default true.
    pub verify_at_open: bool,
}

/// What sled favours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotMode {
    /// Write speed, at the price of disk space.
    #[default]
    HighThroughput,
    /// Disk space: live data is rewritten more often.
    LowSpace,
}

/// A setting out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("snapshot.{key} must be {range}")]
pub struct SnapshotConfigError {
    /// Which setting.
    pub key: &'static str,
    /// What it must be.
    pub range: &'static str,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self {
            cache_bytes: 64 * 1024 * 1024,
            buffer_bytes: 256 * 1024 * 1024,
            mode: SnapshotMode::default(),
            queue_len_max: 1024,
            load_queue_len_max: 8192,
            reader_threads: 2,
            flush_interval_ms: 500,
            flush_changes_max: 200_000,
            backlog_max: 400_000,
            verify_at_open: true,
        }
    }
}

impl SnapshotConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// The first setting out of its range.
    pub fn validate(&self) -> Result<(), SnapshotConfigError> {
        let checks = [
            (self.cache_bytes >= 1024 * 1024, "cache_bytes", "at least 1048576"),
            (self.buffer_bytes >= 1024 * 1024, "buffer_bytes", "at least 1048576"),
            ((1..=1_000_000).contains(&self.queue_len_max), "queue_len_max", "1 to 1000000"),
            (
                (1..=1_000_000).contains(&self.load_queue_len_max),
                "load_queue_len_max",
                "1 to 1000000",
            ),
            ((1..=16).contains(&self.reader_threads), "reader_threads", "1 to 16"),
            ((1..=60_000).contains(&self.flush_interval_ms), "flush_interval_ms", "1 to 60000"),
            (self.flush_changes_max >= 1, "flush_changes_max", "at least 1"),
            (self.backlog_max >= 1, "backlog_max", "at least 1"),
        ];
        match checks.into_iter().find(|(holds, ..)| !holds) {
            Some((_, key, range)) => Err(SnapshotConfigError { key, range }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_every_range_is_checked() {
        assert_eq!(SnapshotConfig::default().validate(), Ok(()));
        let check = |text: &str, key: &str| {
            let config: SnapshotConfig = toml::from_str(text).unwrap();
            assert_eq!(config.validate().unwrap_err().key, key);
        };
        check("cache_bytes = 1000", "cache_bytes");
        check("buffer_bytes = 1000", "buffer_bytes");
        check("queue_len_max = 0", "queue_len_max");
        check("load_queue_len_max = 1000001", "load_queue_len_max");
        check("reader_threads = 0", "reader_threads");
        check("flush_interval_ms = 60001", "flush_interval_ms");
        check("flush_changes_max = 0", "flush_changes_max");
        check("backlog_max = 0", "backlog_max");
    }

    #[test]
    fn names_are_those_of_the_documentation_and_others_are_refused() {
        let config: SnapshotConfig = toml::from_str("mode = \"low_space\"").unwrap();
        assert_eq!(config.mode, SnapshotMode::LowSpace);
        assert!(toml::from_str::<SnapshotConfig>("cache_size = 1").is_err());
    }
}
