//! How the engine is run.

use serde::Deserialize;

/// Bounds and intervals of the actor system.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Arbiters (threads) that suppliers are spread over. Changing it moves nothing on disk.
    pub partitions: u16,
    /// Whether the server asks the system to let whoever works go on when others are handed work.
    pub batch_scheduling: bool,
    /// Requests in flight in total; one more is refused as busy.
    pub in_flight_max: u32,
    /// Requests in flight of one partner; one more is refused as busy.
    pub in_flight_per_partner_max: u32,
    /// Messages an order actor's mailbox holds; one more is refused as busy.
    pub mailbox_len_max: usize,
    /// Milliseconds between looks at what has to be saved, expired or passivated.
    pub tick_ms: u64,
    /// Milliseconds between checkpoints while little changes; when much does they follow each other.
    pub checkpoint_interval_ms: u64,
    /// Orders taken in one slice of a checkpoint. Smaller slices delay orders less.
    pub checkpoint_step: usize,
    /// Milliseconds after which an unused participant is passivated.
    pub idle_ms: u64,
    /// Orders kept in memory after they are saved; older ones are read back when asked for.
    pub orders_cached_max: usize,
    /// Vouchers kept in memory after they are saved.
    pub vouchers_cached_max: usize,
    /// Milliseconds between looks for journal segments that can be archived.
    pub archive_interval_ms: u64,
    /// Unpaid orders being closed at once when their time is up.
    pub expiry_step: usize,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("engine.{key} must be {must}")]
pub struct EngineConfigError {
    /// The setting.
    pub key: &'static str,
    /// What it must be.
    pub must: &'static str,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            partitions: 2,
            batch_scheduling: true,
            in_flight_max: 4096,
            in_flight_per_partner_max: 2048,
            mailbox_len_max: 8192,
            tick_ms: 100,
            checkpoint_interval_ms: 1000,
            checkpoint_step: 128,
            idle_ms: 60_000,
            orders_cached_max: 100_000,
            vouchers_cached_max: 100_000,
            archive_interval_ms: 10_000,
            expiry_step: 256,
        }
    }
}

impl EngineConfig {
    /// Checks the whole section.
    ///
    /// # Errors
    /// The first [`EngineConfigError`].
    pub fn validate(&self) -> Result<(), EngineConfigError> {
        let checks = [
            ((1..=64).contains(&self.partitions), "partitions", "1 to 64"),
            (self.in_flight_max > 0, "in_flight_max", "at least 1"),
            (self.in_flight_per_partner_max > 0, "in_flight_per_partner_max", "at least 1"),
            (self.mailbox_len_max > 0, "mailbox_len_max", "at least 1"),
            ((1..=60_000).contains(&self.tick_ms), "tick_ms", "1 to 60000"),
            (
                (1..=600_000).contains(&self.checkpoint_interval_ms),
                "checkpoint_interval_ms",
                "1 to 600000",
            ),
            (self.checkpoint_step > 0, "checkpoint_step", "at least 1"),
            (self.archive_interval_ms > 0, "archive_interval_ms", "at least 1"),
            (self.expiry_step > 0, "expiry_step", "at least 1"),
        ];
        match checks.into_iter().find(|(right, ..)| !right) {
            Some((_, key, must)) => Err(EngineConfigError { key, must }),
            None => Ok(()),
        }
    }
}
