//! Naive twin of [`Counters`] and [`LimitShard`], for the property tests.
//!
//! The twin lists checkouts and grants one by one and adds up what a person has under a rule each
//! time it is asked. It knows nothing of windows or shards: a twin is one window already.

use proptest::collection::vec;
use proptest::prelude::*;
use smallvec::SmallVec;

use super::{Claim, Count, CounterEvent, Counters, LimitExceeded, LimitShard, RollingDays};
use crate::domain::invariants::{ALL_OR_NOTHING, RETURNED_ONCE};
use crate::types::{HoldId, IdentityHash, Quantity, RuleNo, ServiceDate};

type Claims = SmallVec<[Claim; 2]>;

#[derive(Clone, Debug, Default)]
struct NaiveShard {
    checkouts: Vec<(HoldId, Claims)>,
    /// What orders were granted, and whether it was given back.
    orders: Vec<(Claims, bool)>,
}

impl NaiveShard {
    fn granted(&self) -> impl Iterator<Item = &Claim> {
        self.orders.iter().filter(|(_, returned)| !returned).flat_map(|(claims, _)| claims)
    }

    fn everything(&self) -> impl Iterator<Item = &Claim> {
        self.granted().chain(self.checkouts.iter().flat_map(|(_, claims)| claims))
    }

    fn decide(&self, claims: &[Claim]) -> Result<(), LimitExceeded> {
        let refused = claims.iter().find_map(|&Claim { rule, identity, amount, max, days }| {
            let same = |claim: &&Claim| {
                let recent = match (days, claim.days) {
                    (None, None) => true,
                    (Some(span), Some(on)) => span.first <= on.today,
                    _ => false,
                };
                claim.rule == rule && claim.identity == identity && recent
            };
            let amounts = self.everything().filter(same).map(|claim| claim.amount.get());
            let used = amounts.map(u128::from).sum::<u128>();
            let fits = used + u128::from(amount.get()) <= u128::from(max.get());
            let used = Quantity::new(u32::try_from(used).unwrap_or(u32::MAX));
            (!fits).then_some(LimitExceeded { rule, used, asked: amount, max })
        });
        refused.map_or(Ok(()), Err)
    }

    fn counts(&self) -> Vec<Count> {
        let mut counts: Vec<Count> = Vec::new();
        for claim in self.granted().filter(|claim| claim.amount > Quantity::ZERO) {
            let key = |count: &Count| (count.rule, count.identity, count.day);
            let same = |count: &&mut Count| key(count) == key(&claim.count());
            match counts.iter_mut().find(same) {
                Some(count) => {
                    count.amount = Quantity::new(count.amount.get() + claim.amount.get());
                }
                None => counts.push(claim.count()),
            }
        }
        counts.sort_by_key(|count| (count.rule, count.identity, count.day));
        counts
    }

    fn checkout(&self, hold: HoldId) -> Option<&Claims> {
        self.checkouts.iter().find(|(id, _)| *id == hold).map(|(_, claims)| claims)
    }

    fn end_checkout(&mut self, hold: HoldId) {
        self.checkouts.retain(|(id, _)| *id != hold);
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Decides only.
    Check(Claims),
    /// Decides and holds; under a known id it must change nothing.
    Hold(HoldId, Claims),
    /// Ends a checkout, known or not.
    Release(HoldId),
    /// A checkout's record arrives; without a checkout of that id it is a replayed record.
    Grant { hold: Option<HoldId>, replayed: Claims },
    /// The n-th grant, unless it was given back before, is given back.
    Return(usize),
    /// The process ends, and what the snapshot says is loaded again.
    Restart,
}

fn hold_id() -> impl Strategy<Value = HoldId> {
    (0..5_u64).prop_map(HoldId::new)
}

/// At most one claim a rule and identity, as [`Counters::decide`] demands.
fn claims() -> impl Strategy<Value = Claims> {
    let who = vec![(0_u8, 0_u128), (0, 1), (1, 0), (1, 1), (ROLLING, 0), (ROLLING, 1)];
    let amount = prop_oneof![12 => 0..3_u32, 1 => Just(u32::MAX)];
    // The maximum is the catalogue's of the moment: it may have been raised or lowered since.
    let max = prop_oneof![12 => 0..5_u32, 1 => Just(u32::MAX)];
    let who = proptest::sample::subsequence(who, 0..=3).prop_shuffle();
    // Days go back and forth: orders are decided on one day and recorded on the next.
    (who, vec((amount, max), 3), 0..9_i32, 1..5_i32).prop_map(|(who, numbers, today, span)| {
        let claim = |(&(rule, person), &(amount, max)): (&(u8, u128), &(u32, u32))| Claim {
            rule: RuleNo::new(rule),
            identity: IdentityHash::new(person),
            amount: Quantity::new(amount),
            max: Quantity::new(max),
            days: (rule == ROLLING).then(|| days(today, span)),
        };
        who.iter().zip(&numbers).map(claim).collect()
    })
}

/// The rule whose window rolls.
const ROLLING: u8 = 6;

/// The last `span` days up to `today`.
fn days(today: i32, span: i32) -> RollingDays {
    let today = ServiceDate::from_days(today);
    RollingDays { first: today.plus_days(1 - span), today }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => claims().prop_map(Step::Check),
        6 => (hold_id(), claims()).prop_map(|(hold, claims)| Step::Hold(hold, claims)),
        2 => hold_id().prop_map(Step::Release),
        4 => (proptest::option::weighted(0.8, hold_id()), claims())
            .prop_map(|(hold, replayed)| Step::Grant { hold, replayed }),
        3 => (0..8_usize).prop_map(Step::Return),
        1 => Just(Step::Restart),
    ]
}

fn run(real: &mut LimitShard, model: &mut NaiveShard, step: Step) -> Result<(), TestCaseError> {
    let counts = |claims: &Claims| claims.iter().map(Claim::count).collect();
    match step {
        Step::Check(claims) => {
            prop_assert_eq!(real.decide(&claims), model.decide(&claims));
            prop_assert_eq!(real.counters().decide(&claims), model.decide(&claims));
        }
        Step::Hold(hold, claims) => {
            let decided = real.decide(&claims);
            prop_assert_eq!(decided, model.decide(&claims));
            let known = model.checkout(hold).is_some();
            if known || decided.is_ok() {
                real.hold(hold, claims.clone());
            }
            if !known && decided.is_ok() {
                model.checkouts.push((hold, claims));
            }
        }
        Step::Release(hold) => {
            real.release(hold);
            model.end_checkout(hold);
        }
        Step::Grant { hold, replayed } => {
            let granted = match hold.and_then(|hold| model.checkout(hold)) {
                Some(held) => held.clone(),
                None if model.decide(&replayed).is_ok() => replayed,
                // A record that the rules refuse was never written.
                None => return Ok(()),
            };
            real.apply(hold, &CounterEvent::Counted(counts(&granted)));
            if let Some(hold) = hold {
                model.end_checkout(hold);
            }
            model.orders.push((granted, false));
        }
        Step::Return(index) => {
            let Some((granted, returned)) = model.orders.get_mut(index) else { return Ok(()) };
            if !std::mem::replace(returned, true) {
                real.apply(None, &CounterEvent::Returned(counts(granted)));
            }
        }
        Step::Restart => {
            *real = LimitShard::new(Counters::restored(real.counters().counts()));
            model.checkouts.clear();
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_shard_does_what_its_naive_twin_does(steps in vec(step(), 1..60)) {
        let (mut real, mut model) = (LimitShard::default(), NaiveShard::default());
        for step in steps {
            run(&mut real, &mut model, step)?;
            prop_assert_eq!(real.counters().counts(), model.counts(), "{}", ALL_OR_NOTHING.says);
            prop_assert_eq!(real.is_idle(), model.checkouts.is_empty());
            let counted = model.everything().any(|claim| claim.amount > Quantity::ZERO);
            prop_assert_eq!(real.counters().is_empty(), !counted);
        }
        // INV-5: once every checkout has ended and every grant came back, nothing is left behind.
        for hold in 0..5 {
            run(&mut real, &mut model, Step::Release(HoldId::new(hold)))?;
        }
        for index in 0..model.orders.len() {
            run(&mut real, &mut model, Step::Return(index))?;
        }
        prop_assert!(real.counters().is_empty() && real.is_idle(), "{}", RETURNED_ONCE.says);
    }
}

/// Given counts, a checkout in flight and claims as (rule, person, amount[, max]).
fn check(
    given: &[(u8, u128, u32)],
    in_flight: &[(u8, u128, u32)],
    command: &[(u8, u128, u32, u32)],
    expected: Result<(), (u8, u32, u32, u32)>,
) {
    let n = Quantity::new;
    let claim = |&(rule, person, amount, max): &(u8, u128, u32, u32)| Claim {
        rule: RuleNo::new(rule),
        identity: IdentityHash::new(person),
        amount: n(amount),
        max: n(max),
        days: None,
    };
    let counts = given.iter().map(|&(rule, who, amount)| claim(&(rule, who, amount, 0)).count());
    let mut shard = LimitShard::new(Counters::restored(counts));
    let held = in_flight.iter().map(|&(rule, who, amount)| claim(&(rule, who, amount, 0)));
    shard.hold(HoldId::new(1), held.collect());
    let command: Claims = command.iter().map(claim).collect();
    let expected = expected.map_err(|(rule, used, asked, max)| LimitExceeded {
        rule: RuleNo::new(rule),
        used: n(used),
        asked: n(asked),
        max: n(max),
    });
    assert_eq!(shard.decide(&command), expected, "{command:?} given {given:?}, {in_flight:?}");
}

#[test]
fn a_limit_counts_a_person_under_a_rule_and_checkouts_in_flight_with_them() {
    check(&[], &[], &[(0, 1, 2, 2)], Ok(()));
    check(&[], &[], &[(0, 1, 3, 2)], Err((0, 0, 3, 2)));
    check(&[(0, 1, 1)], &[], &[(0, 1, 1, 2)], Ok(()));
    check(&[(0, 1, 1)], &[(0, 1, 1)], &[(0, 1, 1, 2)], Err((0, 2, 1, 2)));
    // Another person, another rule.
    check(&[(0, 1, 2)], &[], &[(0, 2, 1, 2), (1, 1, 1, 2)], Ok(()));
    // A rule whose maximum was lowered below what is counted refuses and does not wrap.
    check(&[(0, 1, 5)], &[], &[(0, 1, 1, 2)], Err((0, 5, 1, 2)));
    check(&[(0, 1, u32::MAX)], &[], &[(0, 1, 1, u32::MAX)], Err((0, u32::MAX, 1, u32::MAX)));
}

#[test]
fn the_first_claim_that_does_not_fit_is_the_answer() {
    check(&[], &[], &[(1, 1, 3, 2), (0, 1, 4, 2)], Err((1, 0, 3, 2)));
    check(&[], &[], &[(1, 1, 1, 2), (0, 1, 4, 2)], Err((0, 0, 4, 2)));
}

#[test]
fn a_rolling_window_sums_up_its_days_and_gives_back_to_the_very_day() {
    let claim = |amount: u32, today: i32| Claim {
        rule: RuleNo::new(ROLLING),
        identity: IdentityHash::new(1),
        amount: Quantity::new(amount),
        max: Quantity::new(3),
        days: Some(days(today, 3)),
    };
    let mut counters = Counters::default();
    let mut count = |amount, today: i32| {
        let counted = CounterEvent::Counted(SmallVec::from_slice(&[claim(amount, today).count()]));
        counters.apply(&counted);
        counters.clone()
    };
    count(1, 10);
    count(1, 11);
    let counters = count(1, 12);
    let used = |counters: &Counters, today: i32| {
        counters.decide(&[claim(3, today)]).err().map_or(0, |exceeded| exceeded.used.get())
    };
    // The days 10, 11 and 12 have one each; a window of three days moves over them.
    assert_eq!([12, 13, 14, 15].map(|today| used(&counters, today)), [3, 2, 1, 0]);
    // Decided on the day before, all that was bought since still counts.
    assert_eq!(used(&counters, 9), 3);
    let mut returned = counters.clone();
    returned.apply(&CounterEvent::Returned(SmallVec::from_slice(&[claim(1, 11).count()])));
    assert_eq!([12, 13, 14].map(|today| used(&returned, today)), [2, 1, 1]);
    assert_eq!(Counters::restored(returned.counts()).counts(), returned.counts());
}
