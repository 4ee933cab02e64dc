//! Purchase limits (限购): how often a person, as a keyed hash, may buy within a window.
//!
//! [`Counters`] is the arithmetic; a [`LimitShard`] is one shard of the counters of one product in
//! one window that spans slots. Counters whose window is a slot live in that slot.

mod counters;
#[cfg(test)]
mod model;
mod shard;

pub use counters::{Claim, Count, CounterEvent, Counters, LimitExceeded, RollingDays};
pub use shard::{LimitKey, LimitShard, WindowInstance};
