//! The process of a bench: how large the run shall be, how much memory it has, and processes of its own
//! for what has to begin with nothing in memory.

use std::fmt::Display;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::str::FromStr;

use piaoku::clock::monotonic_nanos;

/// Names the part that a process started by [`Part::start`] plays.
const PART: &str = "PIAOKU_BENCH_PART";

/// Whether `cargo bench` runs this; anything else only wants to see that it does run.
pub(crate) fn is_measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// A size: `measured` when it counts, `small` otherwise, and whatever the environment's
/// `PIAOKU_BENCH_<name>` says in any case.
///
/// # Panics
/// When the environment says something else than a number.
pub(crate) fn size(name: &str, measured: usize, small: usize) -> usize {
    let variable = format!("PIAOKU_BENCH_{name}");
    match std::env::var(&variable) {
        Ok(text) => text.replace('_', "").parse().unwrap_or_else(|error| {
            panic!("{variable} is a number, not {text:?}: {error}");
        }),
        Err(_) if is_measuring() => measured,
        Err(_) => small,
    }
}

/// Seconds of as many nanoseconds.
pub(crate) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// Memory of this process, in bytes. Source: `/proc/self/status`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident now (`VmRSS`).
    pub(crate) resident: u64,
    /// The most that ever was resident (`VmHWM`).
    pub(crate) peak: u64,
}

impl Memory {
    /// As it is now. Where there is no `/proc`, nothing can be measured.
    pub(crate) fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            kib.expect("a number of KiB") * 1024
        };
        Self { resident: field("VmRSS:"), peak: field("VmHWM:") }
    }
}

/// As MiB, for people.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

/// The part this process plays and its arguments, if a bench has started it for one.
pub(crate) fn part() -> Option<(String, Vec<String>)> {
    let text = std::env::var(PART).ok()?;
    let mut words = text.split('\t').map(str::to_owned);
    Some((words.next()?, words.collect()))
}

/// Says something to the process that started this one.
pub(crate) fn tell(name: &str, value: impl Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{name}\t{value}").and_then(|()| out.flush()).expect("somebody listens");
}

/// This program once more, for one part of a bench.
pub(crate) struct Part {
    child: Child,
    said: BufReader<ChildStdout>,
    started: u64,
}

impl Part {
    /// Starts it. It finds itself in [`part`].
    pub(crate) fn start(part: &str, arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("this program");
        let words = [&[part], arguments].concat().join("\t");
        let mut command = Command::new(program);
        if is_measuring() {
            command.arg("--bench");
        }
        let started = monotonic_nanos();
        let mut child =
            command.env(PART, words).stdout(Stdio::piped()).spawn().expect("a second process");
        let said = BufReader::new(child.stdout.take().expect("it was asked for"));
        Self { child, said, started }
    }

    /// Waits for what it says about `name`.
    ///
    /// # Panics
    /// When it says something else or ends.
    pub(crate) fn hear<T: FromStr>(&mut self, name: &str) -> T {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("a line");
        let value = line.trim_end().strip_prefix(name).and_then(|rest| rest.strip_prefix('\t'));
        let value = value.and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("expected {name}, heard {line:?}"))
    }

    /// Nanoseconds since it was started.
    pub(crate) fn age(&self) -> u64 {
        monotonic_nanos() - self.started
    }

    /// Waits for its end, which must be a good one.
    pub(crate) fn finish(mut self) {
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "a part of the bench failed: {status}");
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}
