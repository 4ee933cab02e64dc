//! A log in memory, with faults on demand: for tests, simulation and benches.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::journal::{Entry, Group, Log, LogError, Truncator, group};
use crate::types::Lsn;

/// What stands for the disk: it survives the logs opened on it. Clones share the same content.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk(Arc<Mutex<Disk>>);

/// A log on a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryLog {
    disk: MemoryDisk,
    /// Which opening this log is; an older one no longer owns the disk.
    opening: u64,
    next: Lsn,
    failed: bool,
}

/// How an append goes wrong. The caller learns the same in either case: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The group is lost.
    NothingKept,
    /// The group is durable nevertheless.
    AllKept,
}

#[derive(Debug, Default)]
struct Disk {
    groups: VecDeque<Arc<StoredGroup>>,
    /// Position after the last record, less one.
    last: u64,
    opening: u64,
    crashed: bool,
    /// Appends to go until the fault strikes.
    fault: Option<(u64, Fault)>,
}

#[derive(Debug)]
struct StoredGroup {
    first: Lsn,
    next: Lsn,
    schema: u16,
    payload: Box<[u8]>,
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the log on it. A log opened before is fenced.
    #[must_use]
    pub fn open(&self) -> MemoryLog {
        let mut disk = self.0.lock();
        disk.opening += 1;
        disk.crashed = false;
        MemoryLog {
            disk: self.clone(),
            opening: disk.opening,
            next: Lsn::new(disk.last).next(),
            failed: false,
        }
    }

    /// Stops the machine: whatever has not been appended by now never will be, and the log that is
    /// open fails until the disk is opened again.
    pub fn crash(&self) {
        self.0.lock().crashed = true;
    }

    /// Takes the log away from whoever has it open.
    pub fn fence(&self) {
        self.0.lock().opening += 1;
    }

    /// Lets the `nth` append from now fail, counting from 1; the ones before it succeed.
    pub fn fail_append(&self, nth: u64, fault: Fault) {
        self.0.lock().fault = Some((nth, fault));
    }
}

impl MemoryLog {
    fn write(&self, group: &Group) -> Result<(), LogError> {
        let mut disk = self.disk.0.lock();
        if disk.crashed {
            return Err(failure("the machine has stopped"));
        }
        if disk.opening != self.opening {
            return Err(LogError::Fenced);
        }
        let fault = disk.fault.take().and_then(|(appends, fault)| {
            if appends > 1 {
                disk.fault = Some((appends - 1, fault));
            }
            (appends <= 1).then_some(fault)
        });
        if fault != Some(Fault::NothingKept) {
            disk.last = group.next_lsn().get() - 1;
            disk.groups.push_back(Arc::new(StoredGroup {
                first: group.first_lsn(),
                next: group.next_lsn(),
                schema: group.schema(),
                payload: group.payload().into(),
            }));
        }
        fault.map_or(Ok(()), |_| Err(failure("an injected fault")))
    }
}

impl Log for MemoryLog {
    fn next_lsn(&self) -> Lsn {
        self.next
    }

    fn first_lsn(&self) -> Result<Lsn, LogError> {
        Ok(self.disk.0.lock().groups.front().map_or(self.next, |group| group.first))
    }

    fn append(&mut self, group: &Group) -> Result<(), LogError> {
        if self.failed {
            return Err(LogError::Failed);
        }
        if group.is_empty() {
            return Ok(());
        }
        if group.first_lsn() != self.next {
            return Err(LogError::OutOfOrder { expected: self.next, found: group.first_lsn() });
        }
        let written = self.write(group);
        match written {
            Ok(()) => self.next = group.next_lsn(),
            Err(_) => self.failed = true,
        }
        written
    }

    fn read_from<E: From<LogError>>(
        &self,
        from: Lsn,
        mut visit: impl FnMut(Entry<'_>) -> Result<(), E>,
    ) -> Result<Lsn, E> {
        let from = from.max(Lsn::ZERO.next());
        let first = self.first_lsn()?;
        if from < first {
            return Err(LogError::Removed { from, first }.into());
        }
        // Visited without the lock, so that `visit` may use the disk.
        let groups = self.disk.0.lock().groups.clone();
        for stored in groups {
            if from < stored.next && stored.first < self.next {
                group::entries(stored.first, stored.schema, &stored.payload)
                    .filter(|entry| entry.lsn >= from)
                    .try_for_each(&mut visit)?;
            }
        }
        Ok(self.next)
    }

    fn truncator(&self) -> Box<dyn Truncator> {
        Box::new(MemoryTruncator(self.disk.clone()))
    }
}

/// Removes whole groups, as segment files go whole.
struct MemoryTruncator(MemoryDisk);

impl Truncator for MemoryTruncator {
    fn truncate_before(&mut self, lsn: Lsn) -> Result<(), LogError> {
        let mut disk = self.0.0.lock();
        while disk.groups.front().is_some_and(|group| group.next <= lsn) {
            disk.groups.pop_front();
        }
        Ok(())
    }
}

fn failure(reason: &'static str) -> LogError {
    LogError::io("append to", Path::new("memory"))(io::Error::other(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::conformance::{self, Harness, group, read};

    struct OnDisk(MemoryDisk);

    impl Harness for OnDisk {
        type Log = MemoryLog;

        fn open(&mut self) -> MemoryLog {
            self.0.open()
        }

        fn break_next_append(&mut self, _: &mut MemoryLog) {
            self.0.fail_append(1, Fault::NothingKept);
        }

        fn fence(&mut self, _: &mut MemoryLog) {
            self.0.fence();
        }
    }

    #[test]
    fn it_keeps_the_promises_of_a_log() {
        conformance::run(|| OnDisk(MemoryDisk::new()));
    }

    #[test]
    fn the_nth_append_fails_and_what_it_kept_shows_after_reopening() {
        let check = |fault, expected: &[u64]| {
            let disk = MemoryDisk::new();
            let mut log = disk.open();
            disk.fail_append(3, fault);
            for fails in [false, false, true, true] {
                let notes = group(&log, &[1]);
                assert_eq!(log.append(&notes).is_err(), fails);
            }
            assert_eq!(read(&log, 1).0, [1, 2]);
            assert_eq!(read(&disk.open(), 1).0, expected);
        };
        check(Fault::NothingKept, &[1, 2]);
        check(Fault::AllKept, &[1, 2, 3]);
    }

    #[test]
    fn a_crash_loses_what_was_not_appended_and_a_second_opening_fences_the_first() {
        let disk = MemoryDisk::new();
        let mut log = disk.open();
        let first = group(&log, &[1]);
        log.append(&first).unwrap();
        disk.crash();
        let second = group(&log, &[1]);
        assert!(matches!(log.append(&second), Err(LogError::Io { .. })));
        let mut log = disk.open();
        let _other = disk.open();
        assert!(matches!(log.append(&second), Err(LogError::Fenced)));
        assert_eq!(read(&disk.open(), 1), (vec![1], 2));
    }
}
