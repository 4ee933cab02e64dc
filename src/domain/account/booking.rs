//! What operators do to an agent's account: bring money, put something right, grant credit.
//!
//! Each is decided by the account and kept in flight like a checkout's money, so that a booking in
//! flight and a sale in flight cannot both count on the same fen. A booking with a reference happens
//! once: the account remembers the last [`BOOKINGS_KEPT`] of them.

use super::{Account, Balance, BalanceShort, PostingKind, ReserveMoney};
use crate::types::{Fen, HoldId, RequestKey};

/// Bookings whose references an account remembers. An agent tops up a few times a day at most, so a
/// reference stays known for years, and an account stays small enough to be written often.
pub const BOOKINGS_KEPT: usize = 1024;

/// What a booking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookingKind {
    /// The agent brought money.
    TopUp,
    /// An operator puts something right.
    Adjustment,
}

impl BookingKind {
    /// The kind of its postings.
    #[must_use]
    pub const fn posting(self) -> PostingKind {
        match self {
            Self::TopUp => PostingKind::TopUp,
            Self::Adjustment => PostingKind::Adjustment,
        }
    }
}

/// Asks an account to take money, or to give some up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookMoney {
    /// What it is.
    pub kind: BookingKind,
    /// The balance that moves: prepaid or rebate.
    pub balance: Balance,
    /// By how much; negative takes away, which only an adjustment may.
    pub amount: Fen,
    /// The operator's own number for it. Without one a repeat books again.
    pub reference: Option<RequestKey>,
}

/// Asks an account to let its prepaid balance go this far below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetCredit {
    /// The new line; never negative.
    pub credit: Fen,
}

/// What an operator asks of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// To take money, or to give some up.
    Book(BookMoney),
    /// To sell on credit.
    Credit(SetCredit),
}

/// What a record says of an account besides its postings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountNote {
    /// The credit line is this from now on.
    CreditSet(Fen),
    /// The postings beside it are the booking with this reference.
    Booked(Booked),
}

/// A booking that had a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// The operator's number.
    pub reference: RequestKey,
    /// What it was.
    pub kind: BookingKind,
    /// The balance that moved.
    pub balance: Balance,
    /// By how much.
    pub amount: Fen,
}

/// Why an operator's command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookingError {
    /// The very same booking was made already; nothing is to be done.
    #[error("the booking was made already")]
    AlreadyBooked,
    /// The reference stands for another booking.
    #[error("the reference stands for another booking")]
    ReferenceTaken,
    /// The same reference, or another change of the credit line, is in flight.
    #[error("the same is under way")]
    UnderWay,
    /// Only prepaid and rebate balances are booked, a top-up brings something, credit is not negative.
    #[error("no such booking")]
    OutOfRange,
    /// The balance does not have what is to be taken away, or the credit line is drawn below the new one.
    #[error(transparent)]
    Short(BalanceShort),
}

impl Account {
    /// Decides what an operator asks.
    ///
    /// # Errors
    /// As [`Self::decide_booking`] and [`Self::decide_credit`].
    pub fn decide_change(&self, change: &AccountChange) -> Result<(), BookingError> {
        match change {
            AccountChange::Book(command) => self.decide_booking(command),
            AccountChange::Credit(command) => self.decide_credit(*command),
        }
    }

    /// Keeps what was decided until its record is applied. Repeating it changes nothing.
    pub fn hold_change(&mut self, hold: HoldId, change: &AccountChange) {
        match change {
            AccountChange::Book(command) => self.hold_booking(hold, command),
            AccountChange::Credit(command) => self.hold_credit(hold, *command),
        }
    }

    /// Decides an operator's booking.
    ///
    /// # Errors
    /// The first that fits, in the order in which [`BookingError`] lists them.
    pub fn decide_booking(&self, command: &BookMoney) -> Result<(), BookingError> {
        if let Some(reference) = &command.reference {
            if let Some(known) = self.booked.iter().find(|known| known.reference == *reference) {
                let BookMoney { kind, balance, amount, .. } = *command;
                let same = (known.kind, known.balance, known.amount) == (kind, balance, amount);
                let (again, taken) = (BookingError::AlreadyBooked, BookingError::ReferenceTaken);
                return Err(if same { again } else { taken });
            }
            if self.booking.iter().any(|(_, known)| known == reference) {
                return Err(BookingError::UnderWay);
            }
        }
        let brings = match command.kind {
            BookingKind::TopUp => command.amount > Fen::ZERO,
            BookingKind::Adjustment => command.amount != Fen::ZERO,
        };
        if command.balance.may_be_negative() || !brings {
            return Err(BookingError::OutOfRange);
        }
        self.decide_taken(taken_by(command))
    }

    /// Keeps a decided booking until its record is applied. Repeating it changes nothing.
    pub fn hold_booking(&mut self, hold: HoldId, command: &BookMoney) {
        if let Some(reference) = &command.reference
            && !self.booking.iter().any(|(known, _)| *known == hold)
        {
            self.booking.push((hold, reference.clone()));
        }
        self.hold(hold, taken_by(command));
    }

    /// Decides a change of the credit line.
    ///
    /// # Errors
    /// [`BookingError::UnderWay`], [`BookingError::OutOfRange`], or [`BookingError::Short`] when sales
    /// have drawn, or are about to draw, more than the new line.
    pub fn decide_credit(&self, command: SetCredit) -> Result<(), BookingError> {
        if self.setting_credit.is_some() {
            return Err(BookingError::UnderWay);
        }
        if command.credit < Fen::ZERO {
            return Err(BookingError::OutOfRange);
        }
        self.decide_taken(self.lowered_by(command))
    }

    /// Keeps a decided change of the credit line until its record is applied: what it takes away is
    /// spent by nobody meanwhile. Repeating it changes nothing.
    pub fn hold_credit(&mut self, hold: HoldId, command: SetCredit) {
        if self.setting_credit != Some(hold) {
            self.setting_credit = Some(hold);
            self.hold(hold, self.lowered_by(command));
        }
    }

    /// Makes a journalled note true and ends what led to it.
    pub fn note(&mut self, hold: Option<HoldId>, note: &AccountNote) {
        if let Some(hold) = hold {
            self.release(hold);
        }
        match note {
            AccountNote::CreditSet(credit) => self.credit = *credit,
            AccountNote::Booked(booked) => {
                if self.booked.len() == BOOKINGS_KEPT {
                    self.booked.remove(0);
                }
                self.booked.push(booked.clone());
            }
        }
    }

    /// Whether what is taken away is there; where nothing is, nothing need be.
    fn decide_taken(&self, taken: ReserveMoney) -> Result<(), BookingError> {
        if taken.amount == Fen::ZERO {
            return Ok(());
        }
        self.decide(&taken).map_err(BookingError::Short)
    }

    /// What a change of the credit line takes from the prepaid balance's room.
    fn lowered_by(&self, command: SetCredit) -> ReserveMoney {
        let lowered = self.credit.checked_sub(command.credit).unwrap_or(Fen::ZERO);
        ReserveMoney { balance: Balance::Prepaid, amount: lowered.max(Fen::ZERO) }
    }
}

/// What a booking takes away.
fn taken_by(command: &BookMoney) -> ReserveMoney {
    let amount = command.amount.negated().max(Fen::ZERO);
    ReserveMoney { balance: command.balance, amount }
}
