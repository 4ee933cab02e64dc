//! How agents are called back.

use serde::Deserialize;

/// Bounds, time limits and pauses of callbacks. Source: docs/protocols/ota.md, "Callbacks".
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallbackConfig {
    /// Whether agents are called at all. Off, notices wait in the journal.
    pub enabled: bool,
    /// Threads that call; each waits for one answer at a time.
    pub threads: usize,
    /// Calls of one agent under way at most; one when as many in a row have failed.
    pub in_flight_per_agent_max: usize,
    /// Milliseconds one call may take, from the name's look-up to the answer's last byte.
    pub timeout_ms: u64,
    /// Bytes of an answer that are read.
    pub answer_bytes_max: u64,
    /// Whether addresses inside private networks may be called.
    pub allow_private_addresses: bool,
    /// Seconds to wait after the first failure, the second and so on; the last counts for all after.
    pub pauses_seconds: Vec<u32>,
    /// Hours after an event at which its notice is given up.
    pub give_up_after_hours: u32,
    /// Orders of one agent kept in memory with notices to deliver; more are looked up again later.
    pub queue_len_max: usize,
    /// Attempts remembered of one agent, for operators.
    pub log_len_max: usize,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("callback.{key} must be {must}")]
pub struct CallbackConfigError {
    /// The setting.
    pub key: &'static str,
    /// What it must be.
    pub must: &'static str,
}

impl Default for CallbackConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            threads: 32,
            in_flight_per_agent_max: 8,
            timeout_ms: 10_000,
            answer_bytes_max: 4096,
            allow_private_addresses: false,
            pauses_seconds: vec![5, 15, 60, 300, 900, 3600],
            give_up_after_hours: 24,
            queue_len_max: 100_000,
            log_len_max: 200,
        }
    }
}

impl CallbackConfig {
    /// Checks the whole section.
    ///
    /// # Errors
    /// The first [`CallbackConfigError`].
    pub fn validate(&self) -> Result<(), CallbackConfigError> {
        let pauses = &self.pauses_seconds;
        let are_pauses = (1..=32).contains(&pauses.len())
            && pauses.iter().all(|pause| (1..=86_400).contains(pause))
            && pauses.is_sorted();
        let checks = [
            ((1..=256).contains(&self.threads), "threads", "1 to 256"),
            (
                (1..=256).contains(&self.in_flight_per_agent_max),
                "in_flight_per_agent_max",
                "1 to 256",
            ),
            ((100..=60_000).contains(&self.timeout_ms), "timeout_ms", "100 to 60000"),
            (
                (64..=1_048_576).contains(&self.answer_bytes_max),
                "answer_bytes_max",
                "64 to 1048576",
            ),
            (are_pauses, "pauses_seconds", "1 to 32 pauses of 1 to 86400 that never shrink"),
            ((1..=720).contains(&self.give_up_after_hours), "give_up_after_hours", "1 to 720"),
            ((1..=10_000_000).contains(&self.queue_len_max), "queue_len_max", "1 to 10000000"),
            (self.log_len_max <= 100_000, "log_len_max", "at most 100000"),
        ];
        match checks.into_iter().find(|(right, ..)| !right) {
            Some((_, key, must)) => Err(CallbackConfigError { key, must }),
            None => Ok(()),
        }
    }

    /// Milliseconds to wait after the `failures`-th failure in a row, from 1.
    pub(crate) fn pause_ms(&self, failures: u32) -> i64 {
        let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
        let last = self.pauses_seconds.last();
        let pause = self.pauses_seconds.get(index).or(last).copied().unwrap_or(1);
        i64::from(pause) * 1000
    }

    /// Milliseconds after an event at which its notice is given up.
    pub(crate) fn give_up_after_ms(&self) -> i64 {
        i64::from(self.give_up_after_hours) * 3_600_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_the_last_one_stays() {
        let config = CallbackConfig::default();
        let pauses: Vec<_> = (1..=8).map(|failures| config.pause_ms(failures) / 1000).collect();
        assert_eq!(pauses, [5, 15, 60, 300, 900, 3600, 3600, 3600]);
        assert_eq!(config.pause_ms(0), 5000);
        assert_eq!(config.pause_ms(u32::MAX), 3_600_000);
        let check = |pauses: &[u32], right: bool| {
            let config = CallbackConfig { pauses_seconds: pauses.to_vec(), ..config.clone() };
            assert_eq!(config.validate().is_ok(), right, "{pauses:?}");
        };
        check(&[1], true);
        check(&[5, 5, 60], true);
        check(&[], false);
        check(&[0], false);
        check(&[60, 5], false);
        check(&[86_401], false);
        check(&[1; 33], false);
    }
}
