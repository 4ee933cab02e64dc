//! Why an order would be refused, or that it would be granted: what each participant of its plan says,
//! with the facts it decides by. Nothing is held and nothing is recorded.

use crate::domain::account::{Account, Balance};
use crate::domain::inventory::{PlaceHold, Slot, Stock};
use crate::domain::limits::{Claim, Counters};
use crate::engine::Rejection;
use crate::engine::plan::{Ask, ParticipantKey, Refusal};
use crate::types::{AreaNo, Fen, Quantity, RuleNo, Timespan, UnixMillis};

/// One count that an order asks for, beside what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimFacts {
    /// The rule.
    pub rule: RuleNo,
    /// Counted already, checkouts in flight included.
    pub used: Quantity,
    /// How many more are asked for.
    pub asked: Quantity,
    /// How many the rule allows.
    pub max: Quantity,
}

/// A balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceFacts {
    /// Which.
    pub balance: Balance,
    /// What is in it.
    pub amount: Fen,
    /// What of it may still be spent: checkouts in flight have the rest.
    pub available: Fen,
}

/// What a participant decides by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facts {
    /// A slot.
    Slot {
        /// Whether it sells.
        is_open: bool,
        /// Its areas.
        areas: Vec<(AreaNo, Stock)>,
        /// Counts that are asked for.
        claims: Vec<ClaimFacts>,
    },
    /// A pool.
    Pool(Stock),
    /// Counts that are asked for in a shard.
    Limit(Vec<ClaimFacts>),
    /// Balances, those of nothing left out.
    Account(Vec<BalanceFacts>),
}

/// What one participant says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Who.
    pub key: ParticipantKey,
    /// What it was asked for; `None` when only its facts were.
    pub ask: Option<Ask>,
    /// Whether it grants that.
    pub decision: Result<(), Refusal>,
    /// What it decides by.
    pub facts: Facts,
    /// For a slot or a pool: when the next unpaid order gives places back, if one is known to.
    pub next_expiry: Option<UnixMillis>,
}

/// What the participants of one timespan's plan say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The timespan.
    pub timespan: Timespan,
    /// Each participant, in order of precedence.
    pub findings: Vec<Finding>,
}

/// Why an admitted order would be refused, or that it would be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The timespans that were tried, in order.
    pub attempts: Vec<Attempt>,
    /// The timespan it would get, or the answer it would get instead.
    pub outcome: Result<Timespan, Rejection>,
}

impl Facts {
    /// What a slot decides an order by.
    #[must_use]
    pub fn of_slot(slot: &Slot, ask: Option<&PlaceHold>) -> Self {
        Self::Slot {
            is_open: slot.is_open(),
            areas: slot.areas().to_vec(),
            claims: claims(slot.counters(), ask.map_or(&[], |ask| &ask.claims)),
        }
    }

    /// What a shard of counters decides an order by.
    #[must_use]
    pub fn of_counters(counters: &Counters, asked: &[Claim]) -> Self {
        Self::Limit(claims(counters, asked))
    }

    /// What an account decides by.
    #[must_use]
    pub fn of_account(account: &Account) -> Self {
        let balance = |(balance, amount): (Balance, Fen)| BalanceFacts {
            balance,
            amount,
            available: account.available(balance),
        };
        Self::Account(account.balances().map(balance).collect())
    }
}

fn claims(counters: &Counters, asked: &[Claim]) -> Vec<ClaimFacts> {
    let facts = |claim: &Claim| ClaimFacts {
        rule: claim.rule,
        used: counters.used(claim),
        asked: claim.amount,
        max: claim.max,
    };
    asked.iter().map(facts).collect()
}
