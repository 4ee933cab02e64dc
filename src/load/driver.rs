//! One thread of the generator: keeps the schedule over its connections, without ever waiting for one of
//! them.
//!
//! It runs on `epoll` itself: a runtime's timer counts in milliseconds, and its tasks cost as much as the
//! requests.

use std::collections::VecDeque;
use std::hash::Hasher as _;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use super::classify::{Class, ErrorKind, classify, order_number};
use super::connection::{Broken, Connection};
use super::request::Requests;
use super::source::{Job, Next, Source};
use super::tally::{Counts, Tally, Times};
use super::usage::thread_cpu_ns;
use crate::clock::monotonic_nanos;
use crate::types::UnixMillis;

/// How often timeouts, broken connections and counters are looked after.
const TICK_NS: u64 = 20_000_000;
/// Pause before a broken connection is made again.
const RECONNECT_NS: u64 = 100_000_000;
/// Nothing is sent yet.
const BEFORE_START: u64 = 0;
/// How often it is looked whether the run begins.
const LOOK_NS: u64 = 100_000;
/// Events taken at once.
const EVENTS: usize = 256;

/// The bounds of one thread, in nanoseconds from the start of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) target: SocketAddr,
    /// Nothing is sent from here on; what was due is dropped.
    pub(super) stop_ns: u64,
    /// Longest wait for an answer.
    pub(super) timeout_ns: u64,
    /// Longest wait for a connection; what waited longer is dropped.
    pub(super) late_ns: u64,
    /// Whether requests come by a schedule.
    pub(super) is_open: bool,
}

/// The instant that a run counts from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// On the clock of [`monotonic_nanos`].
    pub(super) monotonic_ns: u64,
    /// By the calendar.
    pub(super) at: UnixMillis,
}

/// Counts as of the last tick, for whoever watches, who may end the run.
#[derive(Debug, Default)]
pub(super) struct Watched {
    counts: [AtomicU64; 5],
    interrupted: AtomicBool,
}

impl Watched {
    fn show(&self, counts: Counts) {
        let Counts { sent, success, refusal, error, dropped } = counts;
        for (shown, count) in self.counts.iter().zip([sent, success, refusal, error, dropped]) {
            shown.store(count, Ordering::Relaxed);
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let [sent, success, refusal, error, dropped] =
            [0, 1, 2, 3, 4].map(|at: usize| self.counts[at].load(Ordering::Relaxed));
        Counts { sent, success, refusal, error, dropped }
    }

    /// Ends the run; answers that are missing then stay so.
    pub(super) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }
}

enum State {
    /// Until an instant, then it is made again.
    Down(u64),
    Connecting(Connection),
    /// Since an instant.
    Idle(Connection, u64),
    Busy(Connection, Sent),
}

#[derive(Clone, Copy)]
struct Sent {
    job: Job,
    at_ns: u64,
}

/// One thread at work.
pub(super) struct Driver<'a> {
    bounds: Bounds,
    start: Start,
    epoll: OwnedFd,
    connections: Vec<State>,
    /// Connections without a request, the longest idle first, so that all of them are used.
    idle: VecDeque<usize>,
    busy: usize,
    source: Source,
    requests: Requests,
    tally: Tally,
    watched: &'a Watched,
    /// When the next request is due; `None` when there is none any more.
    next_due_ns: Option<u64>,
    next_tick_ns: u64,
    cpu_at_start: Option<u64>,
    cpu_is_counted: bool,
}

/// What a thread is made of.
pub(super) struct Parts<'a> {
    pub(super) bounds: Bounds,
    pub(super) connections: usize,
    pub(super) source: Source,
    pub(super) requests: Requests,
    pub(super) tally: Tally,
    pub(super) watched: &'a Watched,
}

impl<'a> Driver<'a> {
    /// A thread that begins to connect.
    pub(super) fn new(parts: Parts<'a>, start: Start) -> std::io::Result<Self> {
        let Parts { bounds, connections, source, requests, tally, watched } = parts;
        Ok(Self {
            bounds,
            start,
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            connections: (0..connections).map(|_| State::Down(0)).collect(),
            idle: VecDeque::with_capacity(connections),
            busy: 0,
            source,
            requests,
            tally,
            watched,
            next_due_ns: Some(0),
            next_tick_ns: 0,
            cpu_at_start: None,
            cpu_is_counted: false,
        })
    }

    /// Runs until everything that was sent has come to its end.
    pub(super) fn run(mut self) -> std::io::Result<Tally> {
        // Timers of this thread would otherwise be kept 50 microseconds late on purpose.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS);
        loop {
            let now_ns = self.now_ns();
            if now_ns >= self.next_tick_ns {
                self.tick(now_ns);
                if self.watched.interrupted.load(Ordering::Relaxed) {
                    break;
                }
            }
            self.dispatch();
            let is_over = self.next_due_ns.is_none() || now_ns >= self.bounds.stop_ns;
            if self.busy == 0 && is_over {
                break;
            }
            let timeout = self.timeout();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in events.drain(..) {
                self.handle(event.data.u64() as usize, event.flags);
            }
        }
        self.drop_the_rest();
        // A run that was over before its window was.
        self.count_cpu(u64::MAX);
        self.watched.show(self.tally.whole);
        Ok(self.tally)
    }

    /// Nanoseconds from the start of the run, [`BEFORE_START`] until then.
    fn now_ns(&self) -> u64 {
        monotonic_nanos().saturating_sub(self.start.monotonic_ns)
    }

    /// How long nothing has to be done unless something happens.
    fn timeout(&self) -> Option<Timespec> {
        let due_ns = if self.idle.is_empty() { None } else { self.next_due_ns };
        let until_ns = due_ns.unwrap_or(u64::MAX).min(self.next_tick_ns);
        let now_ns = self.now_ns();
        let wait_ns = match now_ns {
            BEFORE_START => LOOK_NS,
            now_ns => until_ns.saturating_sub(now_ns).min(TICK_NS),
        };
        Some(Timespec { tv_sec: 0, tv_nsec: wait_ns as i64 })
    }

    fn tick(&mut self, now_ns: u64) {
        self.next_tick_ns = now_ns + TICK_NS;
        self.watched.show(self.tally.whole);
        self.count_cpu(now_ns);
        for index in 0..self.connections.len() {
            match &self.connections[index] {
                State::Busy(_, sent)
                    if now_ns.saturating_sub(sent.at_ns) > self.bounds.timeout_ns =>
                {
                    self.fail(index, ErrorKind::Timeout);
                }
                State::Down(until_ns) if *until_ns <= now_ns => self.connect(index, now_ns),
                _ => {}
            }
        }
    }

    /// Counts this thread's CPU time from the first tick in the window to the first after it.
    fn count_cpu(&mut self, now_ns: u64) {
        let window = self.tally.window;
        if self.cpu_is_counted || now_ns < window.start_ns {
            return;
        }
        match self.cpu_at_start {
            None => self.cpu_at_start = Some(thread_cpu_ns()),
            Some(before) if now_ns >= window.end_ns => {
                self.tally.cpu_ns = thread_cpu_ns().saturating_sub(before);
                self.cpu_is_counted = true;
            }
            Some(_) => {}
        }
    }

    fn connect(&mut self, index: usize, now_ns: u64) {
        let made = Connection::begin(self.bounds.target).and_then(|connection| {
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(&self.epoll, &connection, EventData::new_u64(index as u64), flags)
                .map_err(|_| Broken)?;
            Ok(connection)
        });
        self.connections[index] = match made {
            Ok(connection) => State::Connecting(connection),
            Err(Broken) => State::Down(now_ns + RECONNECT_NS),
        };
    }

    /// Sends what is due as far as connections are free.
    fn dispatch(&mut self) {
        while let Some(&index) = self.idle.front() {
            let now_ns = self.now_ns();
            if now_ns == BEFORE_START || now_ns >= self.bounds.stop_ns {
                return;
            }
            match self.source.next(now_ns) {
                Next::Now(job) if now_ns - job.due_ns > self.bounds.late_ns => {
                    self.tally.dropped(job.kind, job.due_ns, now_ns);
                }
                Next::Now(job) => {
                    self.idle.pop_front();
                    self.send(index, job, now_ns);
                }
                Next::At(due_ns) => {
                    self.next_due_ns = Some(due_ns);
                    return;
                }
                Next::Never => {
                    self.next_due_ns = None;
                    return;
                }
            }
        }
    }

    fn send(&mut self, index: usize, job: Job, now_ns: u64) {
        let State::Idle(mut connection, idle_since_ns) = self.take(index) else {
            unreachable!("a connection in the queue is idle");
        };
        let millis = (now_ns / 1_000_000) as i64;
        self.requests.write(
            job.kind,
            job.key,
            self.start.at.plus_millis(millis),
            &mut connection.out,
        );
        let could_ns = idle_since_ns.max(job.due_ns);
        let lag_ns = self.bounds.is_open.then(|| now_ns.saturating_sub(could_ns));
        self.tally.sent(job.kind, job.due_ns, now_ns, lag_ns);
        self.busy += 1;
        let sent = connection.send();
        self.connections[index] = State::Busy(connection, Sent { job, at_ns: now_ns });
        if sent.is_err() {
            self.fail(index, ErrorKind::Transport);
        }
    }

    fn take(&mut self, index: usize) -> State {
        std::mem::replace(&mut self.connections[index], State::Down(u64::MAX))
    }

    fn handle(&mut self, index: usize, flags: EventFlags) {
        let hung_up = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        match self.take(index) {
            State::Down(until_ns) => self.connections[index] = State::Down(until_ns),
            State::Connecting(connection) => self.connected(index, connection, flags),
            State::Idle(connection, since_ns) => {
                if hung_up {
                    drop(connection);
                    self.idle.retain(|idle| *idle != index);
                    self.connect(index, self.now_ns());
                } else {
                    self.connections[index] = State::Idle(connection, since_ns);
                }
            }
            State::Busy(connection, sent) => self.progress(index, connection, sent, flags),
        }
    }

    fn connected(&mut self, index: usize, connection: Connection, flags: EventFlags) {
        let now_ns = self.now_ns();
        self.connections[index] = if connection.connected().is_err() {
            State::Down(now_ns + RECONNECT_NS)
        } else if flags.contains(EventFlags::OUT) {
            self.idle.push_back(index);
            State::Idle(connection, now_ns)
        } else {
            State::Connecting(connection)
        };
    }

    fn progress(
        &mut self,
        index: usize,
        mut connection: Connection,
        sent: Sent,
        flags: EventFlags,
    ) {
        let hung_up = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        let mut outcome = Ok(None);
        if flags.contains(EventFlags::OUT) {
            outcome = connection.write().map(|()| None);
        }
        if outcome.is_ok() && (hung_up || flags.contains(EventFlags::IN)) {
            outcome = connection.read();
        }
        match outcome {
            Ok(Some(answer)) => {
                let job = sent.job;
                let class = classify(job.kind, answer.status, connection.body(&answer));
                let done_ns = self.now_ns();
                self.tally.done(job.kind, class, Times { due_ns: job.due_ns, done_ns });
                if self.tally.compares_copies() && !matches!(class, Class::Error(_)) {
                    let answer = fingerprint(class, connection.body(&answer));
                    self.tally.copy_answered(job.key, answer, class == Class::Success);
                }
                self.busy -= 1;
                if answer.closes || hung_up {
                    drop(connection);
                    self.connect(index, done_ns);
                } else {
                    self.idle.push_back(index);
                    self.connections[index] = State::Idle(connection, done_ns);
                    self.dispatch();
                }
            }
            Ok(None) if !hung_up => self.connections[index] = State::Busy(connection, sent),
            Ok(None) | Err(Broken) => {
                self.connections[index] = State::Busy(connection, sent);
                self.fail(index, ErrorKind::Transport);
            }
        }
    }

    /// Gives up a request and its connection.
    fn fail(&mut self, index: usize, error: ErrorKind) {
        let State::Busy(_, Sent { job, .. }) = self.take(index) else { return };
        let done_ns = self.now_ns();
        self.busy -= 1;
        let times = Times { due_ns: job.due_ns, done_ns };
        self.tally.done(job.kind, Class::Error(error), times);
        self.connections[index] = State::Down(done_ns + RECONNECT_NS);
    }

    /// Counts what was due and has not been sent.
    fn drop_the_rest(&mut self) {
        let now_ns = self.now_ns();
        if !self.bounds.is_open {
            return;
        }
        while let Next::Now(job) = self.source.next(now_ns) {
            self.tally.dropped(job.kind, job.due_ns, now_ns);
        }
    }
}

/// What must be the same in every answer to one request key: the outcome, and our number of the order.
fn fingerprint(class: Class, body: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    if let Class::Refusal(code) = class {
        hasher.write_i32(code);
    }
    hasher.write(order_number(body).unwrap_or_default());
    hasher.finish()
}
