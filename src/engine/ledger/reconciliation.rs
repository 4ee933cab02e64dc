//! A day's movements of every balance, and how they lead from what was there to what is there now.

use std::collections::{BTreeMap, BTreeSet};

use super::{Line, lines, tickets};
use crate::domain::account::{Account, AccountKey, Balance, PostingKind};
use crate::domain::catalogue::Catalogue;
use crate::engine::transaction::{Event, Transaction};
use crate::types::{Fen, Lsn, OrderId, ServiceDate};

/// The fold. Feed it every record with [`Self::take`] or [`Extend::extend`].
#[derive(Clone, Debug)]
pub struct Reconciliation {
    date: ServiceDate,
    catalogue: Catalogue,
    movements: BTreeMap<(AccountKey, Balance, PostingKind), Movement>,
    totals: BTreeMap<(AccountKey, Balance), Total>,
}

/// What moved in one balance for one reason on the day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Movement {
    /// Postings.
    pub postings: u64,
    /// The orders they were for.
    pub orders: BTreeSet<OrderId>,
    /// Tickets sold, or taken back by refunds; none for other kinds.
    pub tickets: u64,
    /// Their sum in fen.
    pub amount: i128,
}

/// One balance over all time, in fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Before the day.
    pub opening: i128,
    /// Moved on the day.
    pub moved: i128,
    /// Moved after the day.
    pub later: i128,
}

impl Total {
    /// After the day.
    #[must_use]
    pub const fn closing(&self) -> i128 {
        self.opening + self.moved
    }

    /// After the last record.
    #[must_use]
    pub const fn present(&self) -> i128 {
        self.closing() + self.later
    }
}

impl Reconciliation {
    /// Of the day `date` at each venue.
    #[must_use]
    pub fn new(date: ServiceDate) -> Self {
        let (movements, totals) = (BTreeMap::new(), BTreeMap::new());
        Self { date, catalogue: Catalogue::default(), movements, totals }
    }

    /// Takes the record at `lsn`, the one after those taken before.
    pub fn take(&mut self, lsn: Lsn, transaction: &Transaction) {
        for event in &transaction.events {
            if let Event::Catalogue(event) = event {
                self.catalogue.apply(event);
            }
        }
        let tickets = tickets(transaction);
        for line in lines(lsn, transaction) {
            self.post(&line, tickets);
        }
    }

    /// The day.
    #[must_use]
    pub const fn date(&self) -> ServiceDate {
        self.date
    }

    /// The catalogue as the records have it.
    #[must_use]
    pub const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What moved on the day.
    #[must_use]
    pub const fn movements(&self) -> &BTreeMap<(AccountKey, Balance, PostingKind), Movement> {
        &self.movements
    }

    /// Every balance that anything was ever posted to.
    #[must_use]
    pub const fn totals(&self) -> &BTreeMap<(AccountKey, Balance), Total> {
        &self.totals
    }

    /// Balances of which the ledger and an account disagree, with what the account has, in fen.
    #[must_use]
    pub fn differences<'a>(
        &self,
        accounts: impl IntoIterator<Item = (AccountKey, &'a Account)>,
    ) -> Vec<(AccountKey, Balance, Fen)> {
        let mut unseen: BTreeMap<(AccountKey, Balance), i128> =
            self.totals.iter().map(|(key, total)| (*key, total.present())).collect();
        let mut differences = Vec::new();
        for (key, account) in accounts {
            for (balance, amount) in account.balances() {
                let present = unseen.remove(&(key, balance)).unwrap_or(0);
                if present != i128::from(amount.get()) {
                    differences.push((key, balance, amount));
                }
            }
        }
        let missing = unseen.into_iter().filter(|(_, present)| *present != 0);
        differences.extend(missing.map(|((key, balance), _)| (key, balance, Fen::ZERO)));
        differences.sort_unstable_by_key(|(key, balance, _)| (*key, *balance));
        differences
    }

    fn post(&mut self, line: &Line<'_>, (sold, back): (usize, usize)) {
        let posting = line.posting;
        let amount = i128::from(posting.amount.get());
        let total = self.totals.entry((line.account, posting.balance)).or_default();
        let supplier = self.catalogue.supplier(line.account.supplier);
        let offset = supplier.map_or(0, |supplier| supplier.utc_offset_seconds);
        let day = ServiceDate::at(line.at, offset);
        if day < self.date {
            total.opening += amount;
        } else if day > self.date {
            total.later += amount;
        } else {
            total.moved += amount;
            let key = (line.account, posting.balance, posting.kind);
            let movement = self.movements.entry(key).or_default();
            movement.postings += 1;
            movement.amount += amount;
            movement.orders.extend(line.order);
            movement.tickets += match posting.kind {
                PostingKind::Sale => sold as u64,
                PostingKind::Refund => back as u64,
                _ => 0,
            };
        }
    }
}

impl<'t> Extend<(Lsn, &'t Transaction)> for Reconciliation {
    fn extend<I: IntoIterator<Item = (Lsn, &'t Transaction)>>(&mut self, records: I) {
        records.into_iter().for_each(|(lsn, transaction)| self.take(lsn, transaction));
    }
}
