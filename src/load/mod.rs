//! The load generator: requests as partners send them, at a rate that does not depend on the server,
//! or as fast as it answers, and what came of them.
//!
//! Latency counts from the instant a request was due, so that waiting for a stalled server counts.
//! Nothing is decided here about selling, and no server is started.

mod arrivals;
mod classify;
mod connection;
mod driver;
mod random;
pub mod report;
mod request;
mod response;
mod scenario;
mod source;
mod tally;
mod template;
mod usage;

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

pub use arrivals::Pattern;
pub use classify::{Class, ErrorKind, Kind, classify};
pub use report::Report;
pub use request::{BodyFormat, Goods, Partner};
pub use scenario::Scenario;
pub use source::Repeats;
pub use tally::{Counts, StormCounts};

use arrivals::Schedule;
use driver::{Bounds, Driver, Parts, Start, Watched};
use request::{Ingredients, Requests};
use source::{Mode, Source};
use tally::{Tally, Window};
use usage::MachineTicks;

use crate::clock::{Clock as _, SystemClock, monotonic_nanos};

/// Connections of a run at most.
pub const CONNECTIONS_MAX: usize = 65_536;
/// Threads of a run at most.
pub const THREADS_MAX: usize = 64;
/// Longest warm-up and measurement.
pub const DURATION_MAX: Duration = Duration::from_secs(24 * 3600);
/// Requests a second at most.
pub const RATE_MAX: f64 = 10_000_000.0;

/// Nobody waits longer for the connections to be made.
const LEAD_NS: u64 = 50_000_000;
/// After the last request was due, what waits for a connection may still be sent.
const GRACE_NS: u64 = 100_000_000;
/// Points of the course over time.
const STEPS: u64 = 100;
/// Shortest step.
const STEP_NS_MIN: u64 = 50_000_000;
/// Buyers of a flash sale arrive within this time.
const RUSH_NS: u64 = 1_000_000_000;

/// How fast requests come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// On each connection the next one as soon as the one before is answered.
    Closed,
    /// By a schedule.
    Open {
        /// Requests a second in all, above 0.
        rate: f64,
        /// How they follow each other.
        pattern: Pattern,
    },
}

/// A run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the server listens.
    pub target: SocketAddr,
    /// The `Host` header.
    pub host: String,
    /// Who calls.
    pub partner: Partner,
    /// What is bought.
    pub goods: Goods,
    /// Voucher codes that Consult asks for.
    pub codes: Vec<String>,
    /// Format of bodies.
    pub format: BodyFormat,
    /// What is asked.
    pub scenario: Scenario,
    /// How fast.
    pub pace: Pace,
    /// Connections in all, and so requests in flight at most. Above 0.
    pub connections: usize,
    /// Threads. Above 0, at most `connections`.
    pub threads: usize,
    /// Not measured before.
    pub warmup: Duration,
    /// Measured.
    pub duration: Duration,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// Longest wait for a connection; what waited longer is dropped.
    pub late: Duration,
    /// The same seed makes the same arrivals, buyers and order numbers.
    pub seed: u64,
}

/// Shows how a run goes on, and may end it.
pub trait Watch {
    /// Called some ten times a second with how long the run has gone on, how long it will at most, and
    /// the counts so far, warm-up included. [`ControlFlow::Break`] ends the run with
    /// [`LoadError::Interrupted`].
    fn at(&mut self, passed: Duration, all: Duration, counts: Counts) -> ControlFlow<()>;
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nothing can be measured without a server.
    #[error("cannot connect to {target}")]
    Unreachable {
        /// Where nobody answers.
        target: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The system refused what a thread needs.
    #[error("a thread of the load generator failed")]
    Thread(#[from] std::io::Error),
    /// [`Watch`] wanted it so.
    #[error("interrupted: nothing was measured")]
    Interrupted,
}

/// Runs and measures.
///
/// # Errors
/// [`LoadError`].
pub fn run(settings: &Settings, watch: &mut dyn Watch) -> Result<Report, LoadError> {
    let target = settings.target;
    std::net::TcpStream::connect_timeout(&target, settings.timeout)
        .map_err(|source| LoadError::Unreachable { target, source })?;
    let plan = Plan::of(settings);
    let watched: Vec<Watched> = (0..settings.threads).map(|_| Watched::default()).collect();
    // Whatever takes time is done before the first request is due.
    let parts: Vec<Parts<'_>> = watched
        .iter()
        .enumerate()
        .map(|(thread, watched)| plan.parts(settings, thread, watched))
        .collect();
    let start = Start {
        monotonic_ns: monotonic_nanos() + LEAD_NS,
        at: SystemClock.now().plus_millis((LEAD_NS / 1_000_000) as i64),
    };
    let mut machine = MachineUse::default();
    let mut flow = ControlFlow::Continue(());
    let tally = std::thread::scope(|scope| {
        let spawn = |parts| scope.spawn(move || Driver::new(parts, start)?.run());
        let threads: Vec<_> = parts.into_iter().map(spawn).collect();
        while !threads.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::sleep(Duration::from_millis(50));
            let passed_ns = monotonic_nanos().saturating_sub(start.monotonic_ns);
            machine.look(plan.window, passed_ns);
            let mut counts = Counts::default();
            watched.iter().for_each(|watched| counts.add(watched.counts()));
            flow = watch.at(
                Duration::from_nanos(passed_ns),
                Duration::from_nanos(plan.window.end_ns),
                counts,
            );
            if flow.is_break() {
                watched.iter().for_each(Watched::interrupt);
                break;
            }
        }
        let mut all = Tally::new(plan.window, plan.compares_copies());
        for thread in threads {
            let tally = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            all.add(&tally);
        }
        Ok::<_, LoadError>(all)
    })?;
    if flow.is_break() {
        return Err(LoadError::Interrupted);
    }
    Ok(Report::new(settings, &tally, start.at, machine.busy))
}

/// How busy the machine was within a window.
#[derive(Debug, Default)]
struct MachineUse {
    first: Option<MachineTicks>,
    /// Share of all its cores.
    busy: Option<f64>,
}

impl MachineUse {
    fn look(&mut self, window: Window, passed_ns: u64) {
        match self.first {
            None if passed_ns >= window.start_ns => self.first = MachineTicks::now(),
            Some(first) if passed_ns < window.end_ns => {
                let now = MachineTicks::now();
                self.busy = now.and_then(|now| now.busy_since(first)).or(self.busy);
            }
            _ => {}
        }
    }
}

/// A run in nanoseconds from its start.
struct Plan {
    window: Window,
    mode: Mode,
    mix: source::Mix,
    stop_ns: u64,
    late_ns: u64,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Plan {
    fn of(settings: &Settings) -> Self {
        let (mut warmup_ns, duration_ns) = (nanos(settings.warmup), nanos(settings.duration));
        let mut late_ns = nanos(settings.late);
        let mut count_max = u64::MAX / 2;
        let mix = settings.scenario.mix();
        let mut mode_end_ns = None;
        let mut pace = settings.pace;
        if let Scenario::Flash { buyers, .. } = settings.scenario {
            // The rush is all there is to measure, and nobody in it gives up.
            warmup_ns = 0;
            late_ns = u64::MAX;
            count_max = buyers;
            mode_end_ns = Some(RUSH_NS.min(duration_ns));
            pace = Pace::Open { rate: buyers.max(1) as f64, pattern: Pattern::Constant };
        }
        let end_ns = warmup_ns + duration_ns;
        let sends_until_ns = mode_end_ns.unwrap_or(end_ns);
        let mode = match pace {
            Pace::Closed => Mode::Closed { end_ns: sends_until_ns },
            Pace::Open { rate, pattern } => {
                Mode::Open(Schedule { rate, pattern, end_ns: sends_until_ns, count_max })
            }
        };
        let pause_ns = match mix {
            source::Mix::Storm(repeats) => repeats.pause_ns,
            source::Mix::Only(_) | source::Mix::Mixed => 0,
        };
        // A rush is looked at more closely.
        let step_ns = (sends_until_ns.saturating_sub(warmup_ns) / STEPS).max(STEP_NS_MIN);
        Self {
            window: Window { start_ns: warmup_ns, end_ns, step_ns },
            mode,
            mix,
            stop_ns: end_ns.saturating_add(pause_ns).saturating_add(GRACE_NS),
            late_ns,
        }
    }

    fn compares_copies(&self) -> bool {
        matches!(self.mix, source::Mix::Storm(_))
    }

    fn parts<'a>(&self, settings: &Settings, thread: usize, watched: &'a Watched) -> Parts<'a> {
        let (index, threads) = (thread as u64, settings.threads as u64);
        let ingredients = Ingredients {
            partner: &settings.partner,
            goods: &settings.goods,
            format: settings.format,
            host: &settings.host,
            port: settings.target.port(),
            codes: &settings.codes,
            seed: settings.seed,
            thread: index,
        };
        let share = settings.connections / settings.threads;
        let more = usize::from(thread < settings.connections % settings.threads);
        Parts {
            bounds: Bounds {
                target: settings.target,
                stop_ns: self.stop_ns,
                timeout_ns: nanos(settings.timeout),
                late_ns: self.late_ns,
                is_open: matches!(self.mode, Mode::Open(_)),
            },
            connections: share + more,
            source: Source::new(self.mode, self.mix, index, threads, settings.seed),
            requests: Requests::new(&ingredients),
            tally: Tally::new(self.window, self.compares_copies()),
            watched,
        }
    }
}
