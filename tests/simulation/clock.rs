//! Virtual time and the timers that hang on it. It jumps, stands still and now and then goes back,
//! as system clocks do.

use std::collections::BTreeSet;

use piaoku::types::{OrderId, UnixMillis};

#[derive(Debug)]
pub struct Clock {
    now: UnixMillis,
    timers: BTreeSet<(UnixMillis, OrderId)>,
}

impl Clock {
    pub fn new(now: UnixMillis) -> Self {
        Self { now, timers: BTreeSet::new() }
    }

    pub fn now(&self) -> UnixMillis {
        self.now
    }

    /// Moves by `millis`, which may be negative.
    pub fn advance(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    pub fn set_timer(&mut self, at: UnixMillis, order: OrderId) {
        self.timers.insert((at, order));
    }

    /// The next timer that is due, once.
    pub fn due(&mut self) -> Option<OrderId> {
        let first = *self.timers.first().filter(|(at, _)| *at <= self.now)?;
        self.timers.remove(&first);
        Some(first.1)
    }

    /// When the next timer will be due.
    pub fn next_timer(&self) -> Option<UnixMillis> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// A crash: timers are volatile.
    pub fn forget_timers(&mut self) {
        self.timers.clear();
    }
}
