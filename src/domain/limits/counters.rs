//! Counters keyed by rule and identity.

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::types::{IdentityHash, Quantity, RuleNo};

/// Asks for `amount` more under a rule that allows `max` in its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The rule.
    pub rule: RuleNo,
    /// Whose count.
    pub identity: IdentityHash,
    /// How many more.
    pub amount: Quantity,
    /// How many the rule allows in all.
    pub max: Quantity,
}

impl Claim {
    /// The claim that takes a count again that was given back, where `max` are allowed in all.
    #[must_use]
    pub const fn of(count: Count, max: Quantity) -> Self {
        Self { rule: count.rule, identity: count.identity, amount: count.amount, max }
    }

    /// The count this claim becomes when it is granted.
    #[must_use]
    pub const fn count(&self) -> Count {
        Count { rule: self.rule, identity: self.identity, amount: self.amount }
    }
}

/// A count that was granted, or is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The rule.
    pub rule: RuleNo,
    /// Whose count.
    pub identity: IdentityHash,
    /// How many.
    pub amount: Quantity,
}

/// A limit is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit {rule}: {used} of {max} used, {asked} more asked for")]
pub struct LimitExceeded {
    /// The rule.
    pub rule: RuleNo,
    /// Counted already, checkouts in flight included.
    pub used: Quantity,
    /// How many more were asked for.
    pub asked: Quantity,
    /// How many the rule allows.
    pub max: Quantity,
}

/// What has happened to counters, as the journal tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CounterEvent {
    /// Granted: the counts went up.
    Counted(SmallVec<[Count; 2]>),
    /// Given back: the counts went down.
    Returned(SmallVec<[Count; 2]>),
}

impl Default for CounterEvent {
    fn default() -> Self {
        Self::Counted(SmallVec::new())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counter {
    used: Quantity,
    /// Checkouts in flight; volatile.
    pending: Quantity,
}

/// Counters of one window. An absent counter is zero, and a zero is never kept: a count of nothing
/// leaves no trace.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    counters: HashMap<(RuleNo, IdentityHash), Counter>,
}

impl Counters {
    /// Counters as a snapshot tells them, with no checkout in flight.
    pub fn restored(counts: impl IntoIterator<Item = Count>) -> Self {
        let mut counters = Self::default();
        for count in counts {
            if count.amount > Quantity::ZERO {
                counters.entry(count.rule, count.identity).used = count.amount;
            }
        }
        counters
    }

    /// What is counted, sorted by rule and identity; zeros left out.
    #[must_use]
    pub fn counts(&self) -> Vec<Count> {
        let mut counts: Vec<Count> = self
            .counters
            .iter()
            .filter(|(_, counter)| counter.used > Quantity::ZERO)
            .map(|(&(rule, identity), counter)| Count { rule, identity, amount: counter.used })
            .collect();
        counts.sort_unstable_by_key(|count| (count.rule, count.identity));
        counts
    }

    /// Whether nothing is counted and nothing is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }

    /// What a rule has counted for a person, checkouts in flight included.
    #[must_use]
    pub fn used(&self, rule: RuleNo, identity: IdentityHash) -> Quantity {
        let counter = self.counters.get(&(rule, identity));
        counter.map_or(Quantity::ZERO, |counter| plus(counter.used, counter.pending))
    }

    /// Decides whether all `claims` can be granted together. At most one claim a rule and identity:
    /// a request that names one person twice must sum it up first.
    ///
    /// # Errors
    /// [`LimitExceeded`] for the first claim that does not fit.
    pub fn decide(&self, claims: &[Claim]) -> Result<(), LimitExceeded> {
        for claim in claims {
            let used = self.used(claim.rule, claim.identity);
            let fits = used.checked_add(claim.amount).is_some_and(|sum| sum <= claim.max);
            if !fits {
                let Claim { rule, amount: asked, max, .. } = *claim;
                return Err(LimitExceeded { rule, used, asked, max });
            }
        }
        Ok(())
    }

    /// Keeps decided claims for a checkout in flight.
    pub fn pend(&mut self, claims: &[Claim]) {
        for claim in claims.iter().filter(|claim| claim.amount > Quantity::ZERO) {
            let counter = self.entry(claim.rule, claim.identity);
            counter.pending = plus(counter.pending, claim.amount);
        }
    }

    /// Ends what [`Self::pend`] began.
    pub fn unpend(&mut self, claims: &[Claim]) {
        for claim in claims {
            let counter = self.entry(claim.rule, claim.identity);
            counter.pending = minus(counter.pending, claim.amount);
            self.forget_zero(claim.rule, claim.identity);
        }
    }

    /// Makes a journalled change true.
    pub fn apply(&mut self, event: &CounterEvent) {
        match event {
            CounterEvent::Counted(counts) => {
                for count in counts.iter().filter(|count| count.amount > Quantity::ZERO) {
                    let counter = self.entry(count.rule, count.identity);
                    counter.used = plus(counter.used, count.amount);
                }
            }
            CounterEvent::Returned(counts) => {
                for count in counts {
                    let counter = self.entry(count.rule, count.identity);
                    counter.used = minus(counter.used, count.amount);
                    self.forget_zero(count.rule, count.identity);
                }
            }
        }
    }

    fn entry(&mut self, rule: RuleNo, identity: IdentityHash) -> &mut Counter {
        self.counters.entry((rule, identity)).or_default()
    }

    fn forget_zero(&mut self, rule: RuleNo, identity: IdentityHash) {
        if self.counters.get(&(rule, identity)) == Some(&Counter::default()) {
            self.counters.remove(&(rule, identity));
        }
    }
}

fn plus(sum: Quantity, amount: Quantity) -> Quantity {
    sum.checked_add(amount).expect("INV-2: a count never passes its rule's maximum")
}

fn minus(sum: Quantity, amount: Quantity) -> Quantity {
    sum.checked_sub(amount).expect("INV-5: only what was counted comes back, and once")
}
