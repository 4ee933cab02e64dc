//! The journal on a faulty disk: records become durable a group at a time, a crash loses what is not
//! durable, and a write may fail without saying whether it happened.

use std::collections::VecDeque;

use piaoku::engine::transaction::Transaction;
use piaoku::types::Lsn;

use crate::random::Random;

/// Most records in one group.
const GROUP_MAX: usize = 4;

#[derive(Debug, Default)]
pub struct Log {
    /// Synced. The record at index `n` has position `n + 1`.
    durable: Vec<Transaction>,
    /// Written and not synced: at most one group at a time.
    group: Vec<Transaction>,
    /// Not written yet.
    queue: VecDeque<Transaction>,
    /// A write failed: nothing more is accepted until a restart.
    failed: bool,
}

impl Log {
    /// Queues a record and says which position it will have, unless the process ends before.
    /// `None` after a failure.
    pub fn append(&mut self, record: Transaction) -> Option<Lsn> {
        if self.failed {
            return None;
        }
        self.queue.push_back(record);
        Some(Lsn::new((self.durable.len() + self.group.len() + self.queue.len()) as u64))
    }

    pub fn is_failed(&self) -> bool {
        self.failed
    }

    pub fn can_write(&self) -> bool {
        !self.failed && self.group.is_empty() && !self.queue.is_empty()
    }

    pub fn can_sync(&self) -> bool {
        !self.failed && !self.group.is_empty()
    }

    /// Writes some of what is queued as one group.
    pub fn write(&mut self, random: &mut Random) {
        let count = (random.below(GROUP_MAX) + 1).min(self.queue.len());
        self.group.extend(self.queue.drain(..count));
    }

    /// The group is on the disk.
    pub fn sync(&mut self) {
        self.durable.append(&mut self.group);
    }

    /// A write or sync failed. The group has a checksum, so it is on the disk whole or not at all,
    /// and nobody knows which before the restart.
    pub fn fail(&mut self) {
        self.failed = true;
    }

    /// The process ends. What was written and not synced may be there or not.
    pub fn crash(&mut self, random: &mut Random) {
        if random.chance(50) {
            self.durable.append(&mut self.group);
        }
        self.group.clear();
        self.queue.clear();
        self.failed = false;
    }

    pub fn durable(&self) -> &[Transaction] {
        &self.durable
    }

    /// The record at `lsn`, if it is durable.
    pub fn read(&self, lsn: Lsn) -> Option<&Transaction> {
        let index = usize::try_from(lsn.get()).ok()?.checked_sub(1)?;
        self.durable.get(index)
    }
}
