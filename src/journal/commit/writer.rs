//! The journal thread: forms groups, appends them, delivers.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::journal::commit::permits::{Queue, Shared};
use crate::journal::commit::{CommitSink, JournalStopped, RecordTooLarge};
use crate::journal::{Group, GroupLimits, Log, PushError, Record};
use crate::types::{Lsn, PartitionNo};

pub(super) struct Writer<R: Record, L> {
    log: L,
    queue: Queue<R>,
    shared: Arc<Shared<R>>,
    sinks: Vec<Box<dyn CommitSink<R>>>,
    nanos: fn() -> u64,
    group: Group,
    /// The records of the group and where they go, in log order.
    taken: Vec<(PartitionNo, R)>,
    /// A record that did not fit into the last group.
    carried: Option<(PartitionNo, R)>,
    /// Durable records by partition, on their way to the sinks.
    committed: Vec<Vec<(Lsn, R)>>,
    /// Permits of durable records whose delivery has not been counted yet.
    undelivered: usize,
}

impl<R: Record, L: Log> Writer<R, L> {
    pub(super) fn new(
        log: L,
        limits: GroupLimits,
        queue: Queue<R>,
        shared: Arc<Shared<R>>,
        sinks: Vec<Box<dyn CommitSink<R>>>,
        nanos: fn() -> u64,
    ) -> Self {
        Self {
            log,
            queue,
            shared,
            nanos,
            group: Group::new(R::SCHEMA, limits),
            taken: Vec::new(),
            carried: None,
            committed: sinks.iter().map(|_| Vec::new()).collect(),
            undelivered: 0,
            sinks,
        }
    }

    /// Runs until the journal is closed and everything has been delivered.
    pub(super) fn run(mut self) {
        let served = panic::catch_unwind(AssertUnwindSafe(|| self.serve()));
        let stopped = match served {
            Ok(Ok(())) => return,
            Ok(Err(stopped)) => stopped,
            Err(panic) => JournalStopped::panic(message_of(&*panic)),
        };
        // Before anybody is told: whoever hears of the failure finds the door closed.
        self.shared.stop(stopped.clone());
        self.tell_stopped(&stopped);
    }

    fn serve(&mut self) -> Result<(), JournalStopped> {
        while let Some((partition, record)) = self.wait() {
            self.group.begin(self.log.next_lsn());
            self.form_group(partition, record);
            if !self.group.is_empty() {
                self.append()?;
                self.deliver();
            }
        }
        Ok(())
    }

    /// Waits for the first record of a group; `None` when there will be no more.
    fn wait(&mut self) -> Option<(PartitionNo, R)> {
        if let Some(carried) = self.carried.take() {
            return Some(carried);
        }
        loop {
            let next = self.queue.next();
            if next.is_some() || self.shared.is_drained() {
                return next;
            }
            self.queue.wait();
        }
    }

    /// Takes what has queued up by now, as far as it fits.
    fn form_group(&mut self, partition: PartitionNo, record: R) {
        let mut next = Some((partition, record));
        while let Some((partition, record)) = next.take() {
            // In `taken` before it is encoded, so that it is told of a panic in there.
            self.taken.push((partition, record));
            match self.group.push(&self.taken[self.taken.len() - 1].1) {
                Ok(()) => {}
                Err(PushError::Full) => {
                    self.carried = self.taken.pop();
                    return;
                }
                Err(PushError::RecordTooLarge { bytes, bytes_max }) => {
                    if let Some((partition, record)) = self.taken.pop() {
                        self.refuse(partition, record, RecordTooLarge { bytes, bytes_max });
                    }
                }
            }
            next = self.queue.next();
        }
    }

    fn refuse(&mut self, partition: PartitionNo, record: R, reason: RecordTooLarge) {
        self.shared.stats.records_refused.fetch_add(1, Ordering::Relaxed);
        self.undelivered = 1;
        self.sinks[usize::from(partition.get())].refused(record, reason);
        self.give_back_delivered();
    }

    fn append(&mut self) -> Result<(), JournalStopped> {
        let stats = &self.shared.stats;
        let begin = (self.nanos)();
        let appended = self.log.append(&self.group);
        stats.syncs.fetch_add(1, Ordering::Relaxed);
        stats.sync_nanos.observe((self.nanos)().saturating_sub(begin));
        appended.map_err(JournalStopped::log)?;
        let records = self.group.len() as u64;
        stats.groups.fetch_add(1, Ordering::Relaxed);
        stats.records.fetch_add(records, Ordering::Relaxed);
        stats.bytes.fetch_add(self.group.payload().len() as u64, Ordering::Relaxed);
        stats.group_records.observe(records);
        stats.durable_lsn.store(self.group.next_lsn().get() - 1, Ordering::Release);
        Ok(())
    }

    fn deliver(&mut self) {
        let mut lsn = self.group.first_lsn();
        self.undelivered = self.taken.len();
        for (partition, record) in self.taken.drain(..) {
            self.committed[usize::from(partition.get())].push((lsn, record));
            lsn = lsn.next();
        }
        for (sink, batch) in self.sinks.iter_mut().zip(&mut self.committed) {
            if !batch.is_empty() {
                sink.committed(std::mem::take(batch));
            }
        }
        self.shared.stats.delivered_lsn.store(lsn.get() - 1, Ordering::Release);
        self.give_back_delivered();
    }

    fn give_back_delivered(&mut self) {
        self.shared.give_back(std::mem::take(&mut self.undelivered));
    }

    /// Tells everybody in flight, and whoever still appends, that the journal has stopped.
    fn tell_stopped(&mut self, stopped: &JournalStopped) {
        // After a panic during delivery, batches that no sink has taken are durable, but nobody applied
        // them; a restart will. Until then "unknown" is the answer.
        let mut batches: Vec<Vec<R>> = self
            .committed
            .iter_mut()
            .map(|batch| batch.drain(..).map(|(_, record)| record).collect())
            .collect();
        let mut told = std::mem::take(&mut self.undelivered);
        let in_flight: Vec<_> = self.taken.drain(..).chain(self.carried.take()).collect();
        let mut next = in_flight.into_iter();
        loop {
            for (partition, record) in next.by_ref().chain(std::iter::from_fn(|| self.queue.next()))
            {
                batches[usize::from(partition.get())].push(record);
                told += 1;
            }
            for (sink, batch) in self.sinks.iter_mut().zip(&mut batches) {
                if !batch.is_empty() {
                    sink.stopped(std::mem::take(batch), stopped);
                }
            }
            self.shared.give_back(std::mem::take(&mut told));
            match self.wait() {
                Some(late) => next = vec![late].into_iter(),
                None => return,
            }
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
