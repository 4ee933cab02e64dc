//! Money: what an agent has with a supplier, and the supplier's own side of the books.
//!
//! Every movement is a posting; an account's balances are the sums of its postings. A reservation
//! is volatile: it keeps money for a checkout in flight and ends when the order's record is applied
//! or when it is released. What operators do to an account (bring money, adjust it, grant credit) is
//! in `booking`. This module does not know what the money buys.

mod booking;
#[cfg(test)]
mod model;

use smallvec::SmallVec;

use crate::domain::holds::Holds;
use crate::types::{AgentNo, Fen, HoldId, RequestKey, SupplierNo};

pub use booking::{
    AccountChange, AccountNote, BOOKINGS_KEPT, BookMoney, Booked, BookingError, BookingKind,
    SetCredit,
};

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
    /// Whether the balance may go below zero without bound.
    #[must_use]
    pub const fn may_be_negative(self) -> bool {
        !matches!(self, Self::Prepaid | Self::Rebate { .. })
    }
}

/// Why money moved. Statements show it, and it says on which side of a statement the money counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PostingKind {
    /// An agent brought money (充值).
    TopUp,
    /// Tickets were paid (消费).
    Sale,
    /// Tickets were given back (退款).
    Refund,
    /// A fee was kept from a refund (手续费).
    Fee,
    /// A sale earned rebate (返款).
    Rebate,
    /// A refund took earned rebate back (返款收回).
    RebateTakenBack,
    /// An operator put something right (调账).
    Adjustment,
}

impl PostingKind {
    /// All of them, in the order statements list them.
    pub const ALL: [Self; 7] = [
        Self::TopUp,
        Self::Sale,
        Self::Refund,
        Self::Fee,
        Self::Rebate,
        Self::RebateTakenBack,
        Self::Adjustment,
    ];

    /// Whether it is what tickets cost and gave back, as against what came in.
    #[must_use]
    pub const fn is_consumption(self) -> bool {
        matches!(self, Self::Sale | Self::Refund | Self::Fee)
    }
}

/// One posting: `amount` more (or less) in `balance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The balance that moves.
    pub balance: Balance,
    /// Why.
    pub kind: PostingKind,
    /// By how much; negative takes away.
    pub amount: Fen,
}

/// What one balance has come to since its account was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The balance.
    pub balance: Balance,
    /// Top-ups, rebate credited and adjustments, less rebate taken back.
    pub recharged: Fen,
    /// Sales and fees, less refunds.
    pub consumed: Fen,
}

impl Standing {
    /// A balance that nothing was posted to.
    #[must_use]
    pub const fn untouched(balance: Balance) -> Self {
        Self { balance, recharged: Fen::ZERO, consumed: Fen::ZERO }
    }

    /// The amount in the balance: recharged less consumed.
    #[must_use]
    pub fn amount(&self) -> Fen {
        let amount = self.recharged.checked_sub(self.consumed);
        amount.expect("INV-4: amounts are bounded far below 64 bits when they come in")
    }
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
    /// Sorted by balance; those that nothing came in or went out of are left out.
    standings: SmallVec<[Standing; 4]>,
    /// How far the prepaid balance may go below zero; never negative.
    credit: Fen,
    /// The last bookings that had a reference, oldest first.
    booked: Vec<Booked>,
    holds: Holds<ReserveMoney>,
    /// Sum of the reservations by balance, so that deciding does not walk the holds.
    reserved: SmallVec<[(Balance, Fen); 3]>,
    /// References of bookings in flight.
    booking: SmallVec<[(HoldId, RequestKey); 1]>,
    /// A change of the credit line in flight.
    setting_credit: Option<HoldId>,
}

impl Account {
    /// An account as a snapshot tells it, with no checkout in flight.
    pub fn restored(
        standings: impl IntoIterator<Item = Standing>,
        credit: Fen,
        booked: impl IntoIterator<Item = Booked>,
    ) -> Self {
        let mut account = Self { credit, ..Self::default() };
        account.booked.extend(booked);
        for standing in standings {
            account.count(standing);
        }
        account
    }

    /// What every balance has come to, sorted by balance.
    #[must_use]
    pub fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// What `balance` has come to.
    #[must_use]
    pub fn standing(&self, balance: Balance) -> Standing {
        let found = self.standings.binary_search_by_key(&balance, |known| known.balance);
        found.map_or(Standing::untouched(balance), |index| self.standings[index])
    }

    /// Balances that are not zero, sorted.
    pub fn balances(&self) -> impl Iterator<Item = (Balance, Fen)> + '_ {
        let amounts = self.standings.iter().map(|known| (known.balance, known.amount()));
        amounts.filter(|(_, amount)| *amount != Fen::ZERO)
    }

    /// The amount in `balance`.
    #[must_use]
    pub fn balance(&self, balance: Balance) -> Fen {
        self.standing(balance).amount()
    }

    /// How far the prepaid balance may go below zero.
    #[must_use]
    pub const fn credit(&self) -> Fen {
        self.credit
    }

    /// The last bookings that had a reference, oldest first.
    #[must_use]
    pub fn booked(&self) -> &[Booked] {
        &self.booked
    }

    /// Whether no journalled event has changed it.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.standings.is_empty() && self.credit == Fen::ZERO && self.booked.is_empty()
    }

    /// INV-8: the least that may be in `balance`; `None` where there is no bound.
    #[must_use]
    pub const fn floor(&self, balance: Balance) -> Option<Fen> {
        match balance {
            Balance::Prepaid => Some(self.credit.negated()),
            Balance::Rebate { .. } => Some(Fen::ZERO),
            _ => None,
        }
    }

    /// What may still be spent from `balance`: with its credit line, without what is reserved.
    #[must_use]
    pub fn available(&self, balance: Balance) -> Fen {
        let reserved = self.reserved.iter().find(|(known, _)| *known == balance);
        let reserved = reserved.map_or(Fen::ZERO, |(_, amount)| *amount);
        let floor = self.floor(balance).unwrap_or(Fen::ZERO);
        let above = self.balance(balance).checked_sub(floor);
        above.and_then(|above| above.checked_sub(reserved)).unwrap_or(Fen::ZERO)
    }

    /// Decides whether the money can be reserved.
    ///
    /// # Errors
    /// [`BalanceShort`] when the balance may not go as low and would.
    pub fn decide(&self, command: &ReserveMoney) -> Result<(), BalanceShort> {
        let available = self.available(command.balance);
        if command.balance.may_be_negative() || available >= command.amount {
            return Ok(());
        }
        Err(BalanceShort { needed: command.amount, available })
    }

    /// Keeps decided money for a checkout. Repeating it changes nothing.
    pub fn hold(&mut self, hold: HoldId, command: ReserveMoney) {
        self.holds.keep(hold, || {
            add(&mut self.reserved, command.balance, command.amount);
            command
        });
    }

    /// Lets a checkout's or a booking's money go. Repeating it changes nothing.
    pub fn release(&mut self, hold: HoldId) {
        if let Some(reserved) = self.holds.remove(hold, |money| *money) {
            add(&mut self.reserved, reserved.balance, reserved.amount.negated());
        }
        if !self.booking.is_empty() {
            self.booking.retain(|(known, _)| *known != hold);
        }
        if self.setting_credit == Some(hold) {
            self.setting_credit = None;
        }
    }

    /// Whether no checkout and no booking is in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.holds.is_empty() && self.booking.is_empty() && self.setting_credit.is_none()
    }

    /// Makes journalled postings true and ends the reservation that led to them.
    pub fn apply(&mut self, hold: Option<HoldId>, postings: &[Posting]) {
        if let Some(hold) = hold {
            self.release(hold);
        }
        for &Posting { balance, kind, amount } in postings {
            let mut moved = Standing::untouched(balance);
            if kind.is_consumption() {
                moved.consumed = amount.negated();
            } else {
                moved.recharged = amount;
            }
            self.count(moved);
        }
    }

    /// Adds `moved` to what its balance has come to.
    fn count(&mut self, moved: Standing) {
        let sum = |one: Fen, other: Fen| {
            let sum = one.checked_add(other);
            sum.expect("INV-4: amounts are bounded far below 64 bits when they come in")
        };
        let is_nothing = |it: &Standing| it.recharged == Fen::ZERO && it.consumed == Fen::ZERO;
        match self.standings.binary_search_by_key(&moved.balance, |known| known.balance) {
            Ok(index) => {
                let known = &mut self.standings[index];
                known.recharged = sum(known.recharged, moved.recharged);
                known.consumed = sum(known.consumed, moved.consumed);
                if is_nothing(known) {
                    self.standings.remove(index);
                }
            }
            Err(_) if is_nothing(&moved) => {}
            Err(index) => self.standings.insert(index, moved),
        }
    }
}

/// Adds to the reservations of `balance`.
fn add(reserved: &mut SmallVec<[(Balance, Fen); 3]>, balance: Balance, amount: Fen) {
    match reserved.binary_search_by_key(&balance, |(key, _)| *key) {
        Ok(index) => {
            let sum = reserved[index].1.checked_add(amount);
            let sum = sum.expect("INV-4: amounts are bounded far below 64 bits when they come in");
            if sum == Fen::ZERO {
                reserved.remove(index);
            } else {
                reserved[index].1 = sum;
            }
        }
        Err(index) if amount != Fen::ZERO => reserved.insert(index, (balance, amount)),
        Err(_) => {}
    }
}
