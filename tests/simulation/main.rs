//! The engine's machines under random interleavings, duplicated, reordered, lost and late requests,
//! a virtual clock, a faulty log and crashes, watched by an auditor. See `docs/simulation.md`.
//!
//! `SIM_SEED=n cargo test --test simulation` repeats the history of a seed, `SIM_TRACE=1` with
//! `-- --nocapture` prints it.
#![allow(missing_docs, unreachable_pub, reason = "the harness has no users but itself")]

mod after_sale;
mod auditor;
mod clients;
mod clock;
mod ids;
mod log;
mod message;
mod participants;
mod process;
mod random;
mod scheduler;
mod shelf;
mod world;

use process::Sabotage;
use scheduler::{Failure, History, Simulation};

/// Prints the seed when a machine's own assertion ends a history.
struct Banner(u64);

impl Drop for Banner {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat with SIM_SEED={} cargo test --test simulation", self.0);
        }
    }
}

fn live(seed: u64, sabotage: Sabotage) -> Result<History, Failure> {
    let _banner = Banner(seed);
    Simulation::new(seed, sabotage).run()
}

#[cfg(not(feature = "unguarded-stock"))]
mod guarded {
    use std::collections::BTreeMap;

    use super::*;

    /// Seeds that run every time.
    const FIXED: std::ops::Range<u64> = 1..17;
    /// Seeds that nobody has run before, each time; `SIM_RUNS` asks for more.
    const FRESH: u32 = 8;

    #[track_caller]
    fn check(seed: u64) -> History {
        live(seed, Sabotage::None).unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// The seed of the environment, if one was given: then only that one runs.
    fn only_seed() -> Option<u64> {
        let seed = std::env::var("SIM_SEED").ok()?;
        Some(seed.parse().expect("SIM_SEED is a number"))
    }

    #[test]
    fn fixed_seeds_keep_every_promise_and_see_every_edge() {
        if let Some(seed) = only_seed() {
            println!("{:#?}", check(seed));
            return;
        }
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for seed in FIXED {
            for (what, count) in check(seed).counts {
                *counts.entry(what).or_default() += count;
            }
        }
        // A simulation that never gets into trouble proves nothing.
        for edge in [
            "Sold",
            "Placed",
            "Closed",
            "Allowed",
            "Overloaded",
            "OutcomeUnknown",
            "SoldOut",
            "NoTimespanLeft",
            "LimitExceeded",
            "BalanceShort",
            "OrderClosed",
            "OrderPaid",
            "UnknownOrder",
            "CodesExhausted",
            "UnknownProduct",
            "NoLines",
            "Extended",
            "Refunded",
            "Redeemed",
            "Reversed",
            "Changed",
            "RefundNotPaid",
            "RefundTicketUsed",
            "RefundClosed",
            "RedeemUsedUp",
            "RedeemRefunded",
            "RedeemTooEarly",
            "RedeemExpired",
            "RedeemRequestReused",
            "ReverseAlreadyReversed",
            "BookingReferenceTaken",
            "NoticeGoes",
            "retaken",
            "BadQuantity",
            "Date",
            "Mobile",
            "TimerFires",
            "LogFails",
            "Crash",
            "SnapshotAll",
            "snapshots lost",
        ] {
            assert!(counts.get(edge).is_some_and(|count| *count > 5), "{edge}: {counts:#?}");
        }
        // Two things have to come together for these.
        for seldom in ["BookingShort", "SeatTaken", "rebate withheld"] {
            assert!(counts.contains_key(seldom), "{seldom}: {counts:#?}");
        }
    }

    #[test]
    fn fresh_seeds_keep_every_promise() {
        if only_seed().is_some() {
            return;
        }
        let runs = std::env::var("SIM_RUNS").ok().map(|runs| runs.parse().expect("a number"));
        for _ in 0..runs.unwrap_or(FRESH) {
            let seed = getrandom::u64().expect("the system has randomness");
            println!("SIM_SEED={seed}");
            check(seed);
        }
    }

    #[test]
    fn one_seed_is_one_history() {
        assert_eq!(check(42), check(42));
        assert_ne!(check(42).fingerprint, check(43).fingerprint);
    }

    /// Each fault, and the promise that must be seen broken by it in some history: by the auditor,
    /// or by an assertion of a machine.
    #[test]
    fn faults_built_in_on_purpose_are_found() {
        for (sabotage, expected) in [
            (Sabotage::AnswerBeforeDisk, "INV-3"),
            (Sabotage::KeepHolds, "INV-5"),
            (Sabotage::IgnoreKeysInFlight, "INV-3"),
            (Sabotage::IgnoreOrdersInFlight, "INV-10"),
            (Sabotage::ForgetNumbers, "INV-7"),
            (Sabotage::TellNobody, "INV-2"),
            (Sabotage::ForgetGateRequests, "INV-3"),
        ] {
            let mut found = (1..9).filter_map(|seed| complaint(seed, sabotage)).peekable();
            assert!(found.peek().is_some(), "{sabotage:?} was never found");
            let right = found.any(|complaint| complaint.contains(expected));
            assert!(right, "{sabotage:?} should break {expected}");
        }
    }

    /// What a history with a fault in it ends with, if it does not end well.
    fn complaint(seed: u64, sabotage: Sabotage) -> Option<String> {
        match std::panic::catch_unwind(|| live(seed, sabotage)) {
            Ok(Ok(_)) => None,
            Ok(Err(failure)) => Some(failure.to_string()),
            Err(panic) => Some(*panic.downcast::<String>().unwrap_or_else(|panic| {
                let text = panic.downcast::<&str>().expect("assertions speak in texts");
                Box::new((*text).to_owned())
            })),
        }
    }
}

/// Without the stock guard the same histories must be seen to oversell: a check that can fail.
#[cfg(feature = "unguarded-stock")]
#[test]
fn without_its_guard_stock_is_oversold_and_the_auditor_says_so() {
    for seed in 1..5 {
        let Err(failure) = live(seed, Sabotage::None) else {
            panic!("SIM_SEED={seed}: nothing was oversold without the guard")
        };
        let oversold = failure.violations.iter().any(|v| v.invariant.id == "INV-1");
        assert!(oversold, "{failure}");
    }
}
