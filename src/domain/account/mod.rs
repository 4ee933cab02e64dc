//! Money: what an agent has with a supplier, and the supplier's own side of the books.
//!
//! Every movement is a posting; an account's balances are the sums of its postings. A reservation
//! is volatile: it keeps money for a checkout in flight and ends when the order's record is applied
//! or when it is released. This module does not know what the money buys.

#[cfg(test)]
mod model;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::types::{AgentNo, Fen, HoldId, SupplierNo};

/// Whose account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// The supplier itself: the other side of every posting.
    House,
    /// An agent.
    Agent(AgentNo),
}

/// One holder's account with one supplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// The supplier.
    pub supplier: SupplierNo,
    /// The holder.
    pub holder: Holder,
}

/// A balance inside an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Balance {
    /// Prepaid deposit (预订金) of an agent.
    Prepaid,
    /// Rebate (返款) of an agent, kept per calendar year.
    Rebate {
        /// The calendar year.
        year: i16,
    },
    /// What a channel that settles later owes us, as a negative amount.
    Receivable,
    /// The house: sales.
    Sales,
    /// The house: rebate granted to agents.
    RebateGranted,
    /// The house: money that agents brought in.
    Funding,
    /// The house: fees kept of refunds.
    Fees,
}

impl Balance {
    /// Whether the balance may go below zero.
    #[must_use]
    pub const fn may_be_negative(self) -> bool {
        !matches!(self, Self::Prepaid | Self::Rebate { .. })
    }
}

/// One posting: `amount` more (or less) in `balance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The balance that moves.
    pub balance: Balance,
    /// By how much; negative takes away.
    pub amount: Fen,
}

/// Everything one record posts to one account.
pub type Postings = SmallVec<[Posting; 2]>;

/// Asks an account to keep money for a checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReserveMoney {
    /// The balance to draw from.
    pub balance: Balance,
    /// How much; never negative.
    pub amount: Fen,
}

/// Too little money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} yuan needed, {} available", needed.to_yuan(), available.to_yuan())]
pub struct BalanceShort {
    /// How much was asked for.
    pub needed: Fen,
    /// How much there is, reservations taken off.
    pub available: Fen,
}

/// Balances, and the checkouts in flight that keep some of the money.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Sorted by balance; zero balances are left out.
    balances: SmallVec<[(Balance, Fen); 3]>,
    holds: HashMap<HoldId, ReserveMoney>,
    /// Sum of the reservations by balance, so that deciding does not walk the holds.
    reserved: SmallVec<[(Balance, Fen); 3]>,
}

impl Account {
    /// An account as a snapshot tells it, with no checkout in flight.
    pub fn restored(balances: impl IntoIterator<Item = (Balance, Fen)>) -> Self {
        let mut account = Self::default();
        for (balance, amount) in balances {
            add(&mut account.balances, balance, amount);
        }
        account
    }

    /// Balances that are not zero, sorted.
    #[must_use]
    pub fn balances(&self) -> &[(Balance, Fen)] {
        &self.balances
    }

    /// The amount in `balance`.
    #[must_use]
    pub fn balance(&self, balance: Balance) -> Fen {
        amount(&self.balances, balance)
    }

    /// What may still be spent from `balance`.
    #[must_use]
    pub fn available(&self, balance: Balance) -> Fen {
        let reserved = amount(&self.reserved, balance);
        self.balance(balance).checked_sub(reserved).unwrap_or(Fen::ZERO)
    }

    /// Decides whether the money can be reserved.
    ///
    /// # Errors
    /// [`BalanceShort`] when the balance may not go below zero and would.
    pub fn decide(&self, command: &ReserveMoney) -> Result<(), BalanceShort> {
        let available = self.available(command.balance);
        if command.balance.may_be_negative() || available >= command.amount {
            return Ok(());
        }
        Err(BalanceShort { needed: command.amount, available })
    }

    /// Keeps decided money for a checkout. Repeating it changes nothing.
    pub fn hold(&mut self, hold: HoldId, command: ReserveMoney) {
        if self.holds.try_insert(hold, command).is_ok() {
            add(&mut self.reserved, command.balance, command.amount);
        }
    }

    /// Lets a checkout's money go. Repeating it changes nothing.
    pub fn release(&mut self, hold: HoldId) {
        if let Some(reserved) = self.holds.remove(&hold) {
            add(&mut self.reserved, reserved.balance, reserved.amount.negated());
        }
    }

    /// Whether no checkout is in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.holds.is_empty()
    }

    /// Makes journalled postings true and ends the reservation that led to them.
    pub fn apply(&mut self, hold: Option<HoldId>, postings: &[Posting]) {
        if let Some(hold) = hold {
            self.release(hold);
        }
        for posting in postings {
            add(&mut self.balances, posting.balance, posting.amount);
        }
    }
}

fn amount(balances: &[(Balance, Fen)], balance: Balance) -> Fen {
    let found = balances.binary_search_by_key(&balance, |(key, _)| *key);
    found.map_or(Fen::ZERO, |index| balances[index].1)
}

fn add(balances: &mut SmallVec<[(Balance, Fen); 3]>, balance: Balance, amount: Fen) {
    match balances.binary_search_by_key(&balance, |(key, _)| *key) {
        Ok(index) => {
            let sum = balances[index].1.checked_add(amount);
            let sum = sum.expect("INV-4: amounts are bounded far below 64 bits when they come in");
            if sum == Fen::ZERO {
                balances.remove(index);
            } else {
                balances[index].1 = sum;
            }
        }
        Err(index) if amount != Fen::ZERO => balances.insert(index, (balance, amount)),
        Err(_) => {}
    }
}
