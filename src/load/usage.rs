//! What the generator and the whole machine spend: without it, nobody knows whether the server was
//! measured or the generator.

use rustix::thread::ClockId;
use rustix::time::clock_gettime;

/// CPU time of the calling thread, in nanoseconds.
pub(super) fn thread_cpu_ns() -> u64 {
    nanos(ClockId::ThreadCPUTime)
}

fn nanos(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}

/// Ticks the machine's cores have been busy and have been there, since it started. `None` where the
/// system does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MachineTicks {
    busy: u64,
    all: u64,
}

impl MachineTicks {
    /// As of now.
    pub(super) fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// Source: proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are in user.
    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> =
            line.split_ascii_whitespace().take(8).map_while(|tick| tick.parse().ok()).collect();
        let all = ticks.iter().sum();
        let idle = ticks.get(3)? + ticks.get(4)?;
        Some(Self { busy: all - idle, all })
    }

    /// Share of all cores that was busy since `earlier`, 0 to 1.
    pub(super) fn busy_since(self, earlier: Self) -> Option<f64> {
        let all = self.all.checked_sub(earlier.all).filter(|all| *all > 0)?;
        Some(self.busy.saturating_sub(earlier.busy) as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_works_spends_time() {
        let before = thread_cpu_ns();
        let mut sum = 0_u64;
        while thread_cpu_ns() < before + 1_000_000 {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0);
    }

    #[test]
    fn the_systems_table_is_read() {
        let before = MachineTicks::parse("cpu  10 0 10 70 10 0 0 0 5 0\ncpu0 1").unwrap();
        assert_eq!(before, MachineTicks { busy: 20, all: 100 });
        let after = MachineTicks { busy: 50, all: 200 };
        assert_eq!(after.busy_since(before), Some(0.3));
        assert_eq!(before.busy_since(before), None);
        assert_eq!(MachineTicks::parse("intr 1"), None);
        assert_eq!(MachineTicks::parse("cpu  1 2"), None);
    }
}
