//! Counters whose window spans slots.

use smallvec::SmallVec;

use crate::domain::holds::Holds;
use crate::domain::limits::{Claim, CounterEvent, Counters, LimitExceeded};
use crate::types::{HoldId, ProductNo, ServiceDate};

/// One concrete window of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WindowInstance {
    /// All purchases for one visit date.
    VisitDate(ServiceDate),
    /// All purchases made on one day.
    OrderDate(ServiceDate),
    /// All purchases ever.
    Lifetime,
    /// All purchases made in the week that begins on this Monday.
    Week(ServiceDate),
    /// All purchases made in the month that begins on this day.
    Month(ServiceDate),
    /// All purchases ever, kept by the day they were made on: rolling windows of any length.
    Rolling,
}

/// One shard of the counters of one product in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitKey {
    /// The product.
    pub product: ProductNo,
    /// The window.
    pub window: WindowInstance,
    /// The shard of the identity hash.
    pub shard: u8,
}

/// Counters, and the checkouts in flight that keep some of the room in them.
#[derive(Clone, Debug, Default)]
pub struct LimitShard {
    counters: Counters,
    holds: Holds<SmallVec<[Claim; 2]>>,
}

impl LimitShard {
    /// A shard with these counters and nothing in flight.
    #[must_use]
    pub fn new(counters: Counters) -> Self {
        Self { counters, holds: Holds::default() }
    }

    /// The counters.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The counters, to save them.
    pub const fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// Decides whether all `claims` fit together.
    ///
    /// # Errors
    /// [`LimitExceeded`] for the first that does not.
    pub fn decide(&self, claims: &[Claim]) -> Result<(), LimitExceeded> {
        self.counters.decide(claims)
    }

    /// Keeps decided claims for a checkout. Repeating it changes nothing.
    pub fn hold(&mut self, hold: HoldId, claims: SmallVec<[Claim; 2]>) {
        self.holds.keep(hold, || {
            self.counters.pend(&claims);
            claims
        });
    }

    /// Lets a checkout's claims go. Repeating it changes nothing.
    pub fn release(&mut self, hold: HoldId) {
        self.end(hold, &CounterEvent::default());
    }

    /// Ends a hold, if there is one, and makes what has happened true.
    fn end(&mut self, hold: HoldId, event: &CounterEvent) {
        let Self { counters, holds } = self;
        if holds.remove(hold, |claims| counters.settle(claims, event)).is_none() {
            counters.apply(event);
        }
    }

    /// Whether no checkout is in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.holds.is_empty()
    }

    /// Makes a journalled change true and ends the hold that led to it, if this process made it.
    pub fn apply(&mut self, hold: Option<HoldId>, event: &CounterEvent) {
        match hold {
            Some(hold) => self.end(hold, event),
            None => self.counters.apply(event),
        }
    }
}
