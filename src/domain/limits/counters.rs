//! Counters keyed by rule and identity and, where a rule's window rolls, by day.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use smallvec::SmallVec;

use crate::types::{IdentityHash, Quantity, RuleNo, ServiceDate};

/// The days a rolling window sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollingDays {
    /// The first of them. Later days all count, so that a clock put back gives nobody more.
    pub first: ServiceDate,
    /// The day on which the claim itself is counted.
    pub today: ServiceDate,
}

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
    /// The days it allows them in, where the rule's window rolls.
    pub days: Option<RollingDays>,
}

impl Claim {
    /// The claim that takes a count again that was given back, where `max` are allowed in all.
    #[must_use]
    pub const fn of(count: Count, max: Quantity) -> Self {
        Self { rule: count.rule, identity: count.identity, amount: count.amount, max, days: None }
    }

    /// The count this claim becomes when it is granted.
    #[must_use]
    pub fn count(&self) -> Count {
        let day = self.days.map(|days| days.today);
        Count { rule: self.rule, identity: self.identity, amount: self.amount, day }
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
    /// The day it is kept for, where the rule's window rolls.
    pub day: Option<ServiceDate>,
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

/// Counters of one identity under one rule by day, sorted.
type ByDay = SmallVec<[(ServiceDate, Counter); 1]>;

/// Counters of one window. An absent counter is zero, and a zero is never kept: a count of nothing
/// leaves no trace.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    counters: HashMap<(RuleNo, IdentityHash), Counter>,
    rolling: HashMap<(RuleNo, IdentityHash), ByDay>,
    /// What counters have come to since they were last saved, in order, where somebody saves them.
    changed: Option<Vec<Count>>,
}

impl Counters {
    /// Counters as a snapshot tells them, with no checkout in flight.
    pub fn restored(counts: impl IntoIterator<Item = Count>) -> Self {
        let mut counters = Self::default();
        counters.set(counts);
        counters
    }

    /// Sets counters to what a snapshot says they came to; nothing is in flight.
    pub fn set(&mut self, counts: impl IntoIterator<Item = Count>) {
        for count in counts {
            let amount = count.amount;
            // A change by nothing would be none.
            let count = Count { amount: Quantity::ONE, ..count };
            self.change(count, |counter, _| counter.used = amount);
        }
    }

    /// Notes what changes from here on, for [`Self::take_changed`].
    pub fn note_changes(&mut self) {
        self.changed.get_or_insert_default();
    }

    /// What counters have come to since this was last asked, zeros included; of one that changed more
    /// than once the last says what it is. Nothing unless [`Self::note_changes`] came before.
    pub fn take_changed(&mut self) -> Vec<Count> {
        self.changed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Puts back what [`Self::take_changed`] gave: it was not saved.
    pub fn keep_changed(&mut self, earlier: &[Count]) {
        if let Some(changed) = &mut self.changed {
            changed.splice(..0, earlier.iter().copied());
        }
    }

    /// How many identities are counted, those only in flight included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counters.len() + self.rolling.len()
    }

    /// What is counted, sorted by rule, identity and day; zeros left out.
    #[must_use]
    pub fn counts(&self) -> Vec<Count> {
        let plain = self.counters.iter().map(|(key, counter)| (key, None, counter));
        let by_day = self.rolling.iter().flat_map(|(key, days)| {
            days.iter().map(move |(day, counter)| (key, Some(*day), counter))
        });
        let mut counts: Vec<Count> = plain
            .chain(by_day)
            .filter(|(_, _, counter)| counter.used > Quantity::ZERO)
            .map(|(&(rule, identity), day, counter)| Count {
                rule,
                identity,
                amount: counter.used,
                day,
            })
            .collect();
        counts.sort_unstable_by_key(|count| (count.rule, count.identity, count.day));
        counts
    }

    /// Whether nothing is counted and nothing is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty() && self.rolling.is_empty()
    }

    /// Decides whether all `claims` can be granted together. At most one claim a rule and identity:
    /// a request that names one person twice must sum it up first.
    ///
    /// # Errors
    /// [`LimitExceeded`] for the first claim that does not fit.
    pub fn decide(&self, claims: &[Claim]) -> Result<(), LimitExceeded> {
        for claim in claims {
            let used = self.used(claim);
            let fits = used.checked_add(claim.amount).is_some_and(|sum| sum <= claim.max);
            if !fits {
                let Claim { rule, amount: asked, max, .. } = *claim;
                return Err(LimitExceeded { rule, used, asked, max });
            }
        }
        Ok(())
    }

    /// What counts against a claim, checkouts in flight included.
    #[must_use]
    pub fn used(&self, claim: &Claim) -> Quantity {
        let key = (claim.rule, claim.identity);
        let taken = |counter: &Counter| plus(counter.used, counter.pending);
        match claim.days {
            None => self.counters.get(&key).map_or(Quantity::ZERO, taken),
            Some(RollingDays { first, .. }) => {
                let days = self.rolling.get(&key).map_or(&[][..], |days| days);
                let recent = days.iter().rev().take_while(|(day, _)| *day >= first);
                // Each day alone keeps to the maximum of its time; their sum may be beyond counting.
                recent.fold(Quantity::ZERO, |sum, (_, counter)| {
                    sum.checked_add(taken(counter)).unwrap_or(Quantity::new(u32::MAX))
                })
            }
        }
    }

    /// Keeps decided claims for a checkout in flight.
    pub fn pend(&mut self, claims: &[Claim]) {
        for claim in claims {
            self.change(claim.count(), |counter, amount| {
                counter.pending = plus(counter.pending, amount);
            });
        }
    }

    /// Ends what [`Self::pend`] began.
    pub fn unpend(&mut self, claims: &[Claim]) {
        for claim in claims {
            self.change(claim.count(), |counter, amount| {
                counter.pending = minus(counter.pending, amount);
            });
        }
    }

    /// Makes a journalled change true and ends what [`Self::pend`] began for it. In this order a counter
    /// does not drop to zero in between, only to be made again.
    pub(in crate::domain) fn settle(&mut self, claims: &[Claim], event: &CounterEvent) {
        self.apply(event);
        self.unpend(claims);
    }

    /// Makes a journalled change true.
    pub fn apply(&mut self, event: &CounterEvent) {
        let (counts, arithmetic) = match event {
            CounterEvent::Counted(counts) => (counts, plus as fn(Quantity, Quantity) -> Quantity),
            CounterEvent::Returned(counts) => (counts, minus as fn(Quantity, Quantity) -> Quantity),
        };
        for count in counts {
            let mut used = None;
            self.change(*count, |counter, amount| {
                counter.used = arithmetic(counter.used, amount);
                used = Some(counter.used);
            });
            if let (Some(changed), Some(amount)) = (&mut self.changed, used) {
                changed.push(Count { amount, ..*count });
            }
        }
    }

    /// Changes one counter by the amount of `count`, made if it is absent and dropped when it is zero.
    fn change(&mut self, count: Count, change: impl FnOnce(&mut Counter, Quantity)) {
        if count.amount == Quantity::ZERO {
            return;
        }
        let key = (count.rule, count.identity);
        let Some(day) = count.day else {
            match self.counters.entry(key) {
                Entry::Occupied(mut entry) => {
                    change(entry.get_mut(), count.amount);
                    if *entry.get() == Counter::default() {
                        entry.remove();
                    }
                }
                Entry::Vacant(entry) => {
                    let mut counter = Counter::default();
                    change(&mut counter, count.amount);
                    if counter != Counter::default() {
                        entry.insert(counter);
                    }
                }
            }
            return;
        };
        let days = self.rolling.entry(key).or_default();
        let index = match days.binary_search_by_key(&day, |(day, _)| *day) {
            Ok(index) => index,
            Err(index) => {
                days.insert(index, (day, Counter::default()));
                index
            }
        };
        change(&mut days[index].1, count.amount);
        if days[index].1 == Counter::default() {
            days.remove(index);
        }
        if days.is_empty() {
            self.rolling.remove(&key);
        }
    }
}

fn plus(sum: Quantity, amount: Quantity) -> Quantity {
    sum.checked_add(amount).expect("INV-2: a count never passes its rule's maximum")
}

fn minus(sum: Quantity, amount: Quantity) -> Quantity {
    sum.checked_sub(amount).expect("INV-5: only what was counted comes back, and once")
}
