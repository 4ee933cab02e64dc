//! Counters of the journal thread, for metrics. It alone writes them; anybody may read.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the journal has done since it was spawned. All counters only grow, except where noted.
#[derive(Debug)]
pub struct JournalStats {
    /// Groups that became durable.
    pub groups: AtomicU64,
    /// Records that became durable.
    pub records: AtomicU64,
    /// Bytes of encoded records that became durable, with 4 bytes of length each.
    pub bytes: AtomicU64,
    /// Groups handed to the log, the failed one included.
    pub syncs: AtomicU64,
    /// Records handed back because they were too large.
    pub records_refused: AtomicU64,
    /// Position of the last durable record; at first, of the last one found in the log.
    pub durable_lsn: AtomicU64,
    /// Position up to which every durable record has been handed to its sink.
    pub delivered_lsn: AtomicU64,
    /// Records per durable group.
    pub group_records: Histogram<7>,
    /// Nanoseconds that appending one group took, write and sync together.
    pub sync_nanos: Histogram<12>,
}

/// Counts of values by size.
#[derive(Debug)]
pub struct Histogram<const N: usize> {
    bounds: [u64; N],
    buckets: [AtomicU64; N],
    above: AtomicU64,
    sum: AtomicU64,
}

impl JournalStats {
    /// Upper bounds of [`Self::group_records`].
    pub const GROUP_RECORDS_BOUNDS: [u64; 7] = [1, 4, 16, 64, 256, 1024, 4096];
    /// Upper bounds of [`Self::sync_nanos`]: 20 µs to 1 s.
    pub const SYNC_NANOS_BOUNDS: [u64; 12] = [
        20_000,
        50_000,
        100_000,
        200_000,
        500_000,
        1_000_000,
        2_000_000,
        5_000_000,
        10_000_000,
        50_000_000,
        200_000_000,
        1_000_000_000,
    ];

    pub(super) fn new(durable_lsn: u64) -> Self {
        Self {
            groups: AtomicU64::new(0),
            records: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            records_refused: AtomicU64::new(0),
            durable_lsn: AtomicU64::new(durable_lsn),
            delivered_lsn: AtomicU64::new(durable_lsn),
            group_records: Histogram::new(Self::GROUP_RECORDS_BOUNDS),
            sync_nanos: Histogram::new(Self::SYNC_NANOS_BOUNDS),
        }
    }
}

impl<const N: usize> Histogram<N> {
    fn new(bounds: [u64; N]) -> Self {
        Self {
            bounds,
            buckets: [const { AtomicU64::new(0) }; N],
            above: AtomicU64::new(0),
            sum: AtomicU64::new(0),
        }
    }

    pub(super) fn observe(&self, value: u64) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound);
        let counter = bucket.map_or(&self.above, |bucket| &self.buckets[bucket]);
        counter.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Each upper bound with the number of values at most that large and larger than the bound before.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let counts = self.buckets.iter().map(|count| count.load(Ordering::Relaxed));
        self.bounds.iter().copied().zip(counts)
    }

    /// Number of values above the last bound.
    #[must_use]
    pub fn above(&self) -> u64 {
        self.above.load(Ordering::Relaxed)
    }

    /// Sum of all values.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_in_the_first_bucket_it_fits() {
        let histogram = Histogram::new([1, 4]);
        for value in [0, 1, 2, 4, 5, 100] {
            histogram.observe(value);
        }
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(1, 2), (4, 2)]);
        assert_eq!((histogram.above(), histogram.sum()), (2, 112));
    }
}
