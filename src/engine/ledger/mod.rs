//! The ledger: what the records say of money, line by line, and what is made of it: an agent's
//! statement and a day's reconciliation.
//!
//! Both are folds over `(Lsn, &Transaction)` in log order from the journal's first record on; they read
//! the catalogue's records too, so that days are the venue's and names are the catalogue's. A fold keeps
//! no state of the machines: whether the ledger agrees with them is the caller's to compare.

mod reconciliation;
mod statement;

pub use reconciliation::{Movement, Reconciliation, Total};
pub use statement::{Section, Statement, StatementLine, StatementQuery};

use crate::domain::account::{AccountKey, AccountNote, Balance, Posting, PostingKind};
use crate::domain::order::OrderEvent;
use crate::engine::transaction::{Event, Transaction};
use crate::types::{Lsn, OrderId, RequestKey, UnixMillis};

/// One posting with what a reader wants to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'t> {
    /// Its record.
    pub lsn: Lsn,
    /// When.
    pub at: UnixMillis,
    /// Whose account.
    pub account: AccountKey,
    /// What moved.
    pub posting: Posting,
    /// The order it was for.
    pub order: Option<OrderId>,
    /// The operator's number of it, where it was a booking that had one.
    pub reference: Option<&'t RequestKey>,
}

/// The postings of one record, in its order.
pub fn lines(lsn: Lsn, transaction: &Transaction) -> impl Iterator<Item = Line<'_>> {
    let (at, order) = (transaction.at, transaction.order());
    let accounts = transaction.events.iter().filter_map(|event| match event {
        Event::Account(account, postings) => Some((*account, postings)),
        _ => None,
    });
    accounts.flat_map(move |(account, postings)| {
        let reference = reference(transaction, account);
        let line =
            move |posting: &Posting| Line { lsn, at, account, posting: *posting, order, reference };
        postings.iter().map(line)
    })
}

/// The reference under which a record books to an account.
fn reference(transaction: &Transaction, account: AccountKey) -> Option<&RequestKey> {
    transaction.events.iter().find_map(|event| match event {
        Event::AccountNote(key, AccountNote::Booked(booked)) if *key == account => {
            Some(&booked.reference)
        }
        _ => None,
    })
}

/// Tickets that a record sold and that it took back.
fn tickets(transaction: &Transaction) -> (usize, usize) {
    let mut moved = (0, 0);
    for event in &transaction.events {
        match event {
            Event::Order(OrderEvent::Paid { tickets, .. }) => moved.0 += tickets.len(),
            Event::Order(OrderEvent::Refunded { refund, .. }) => moved.1 += refund.tickets.len(),
            _ => {}
        }
    }
    moved
}

/// A balance's name in statements and files: `rebate-2026` for the rebate of a year.
#[must_use]
pub fn balance_name(balance: Balance) -> String {
    match balance {
        Balance::Prepaid => "prepaid".to_owned(),
        Balance::Rebate { year } => format!("rebate-{year}"),
        Balance::Receivable => "receivable".to_owned(),
        Balance::Sales => "sales".to_owned(),
        Balance::RebateGranted => "rebate-granted".to_owned(),
        Balance::Funding => "funding".to_owned(),
        Balance::Fees => "fees".to_owned(),
    }
}

/// A kind's name in statements and files.
#[must_use]
pub const fn kind_name(kind: PostingKind) -> &'static str {
    match kind {
        PostingKind::TopUp => "top-up",
        PostingKind::Sale => "sale",
        PostingKind::Refund => "refund",
        PostingKind::Fee => "fee",
        PostingKind::Rebate => "rebate",
        PostingKind::RebateTakenBack => "rebate-taken-back",
        PostingKind::Adjustment => "adjustment",
    }
}

#[cfg(test)]
mod tests;
