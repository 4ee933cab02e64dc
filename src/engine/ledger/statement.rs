//! An agent's statement: what was in each balance, what happened to it, what is in it then.

use std::collections::BTreeMap;

use super::{Line, lines};
use crate::domain::account::{AccountKey, Balance, Holder, PostingKind};
use crate::domain::catalogue::Catalogue;
use crate::engine::transaction::{Event, Transaction};
use crate::types::{Fen, Lsn, OrderId, RequestKey, ServiceDate, SupplierNo, UnixMillis};

/// Whose statement of which days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementQuery {
    /// The agent's id.
    pub agent: Box<str>,
    /// One supplier's id, or all of them.
    pub supplier: Option<Box<str>>,
    /// The first day, at each venue.
    pub from: ServiceDate,
    /// The last day.
    pub to: ServiceDate,
    /// Lines kept in all; the balances count those beyond as well.
    pub lines_max: usize,
}

/// The fold. Feed it every record with [`Self::take`] or [`Extend::extend`].
#[derive(Clone, Debug)]
pub struct Statement {
    query: StatementQuery,
    catalogue: Catalogue,
    sections: BTreeMap<(SupplierNo, Balance), Section>,
    lines: usize,
    /// Lines beyond those that are kept.
    pub left_out: u64,
}

/// One balance with one supplier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// What was in it before the first day.
    pub opening: Fen,
    /// What happened, oldest first.
    pub lines: Vec<StatementLine>,
    /// What was in it after the last day.
    pub closing: Fen,
}

/// One posting of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// When.
    pub at: UnixMillis,
    /// The order it was for.
    pub order: Option<OrderId>,
    /// The operator's number of it.
    pub reference: Option<RequestKey>,
    /// Why.
    pub kind: PostingKind,
    /// How much more, or less.
    pub amount: Fen,
    /// What was in the balance afterwards.
    pub balance: Fen,
}

impl Statement {
    /// An empty statement.
    #[must_use]
    pub fn new(query: StatementQuery) -> Self {
        let (catalogue, sections) = (Catalogue::default(), BTreeMap::new());
        Self { query, catalogue, sections, lines: 0, left_out: 0 }
    }

    /// Takes the record at `lsn`, the one after those taken before.
    pub fn take(&mut self, lsn: Lsn, transaction: &Transaction) {
        for event in &transaction.events {
            if let Event::Catalogue(event) = event {
                self.catalogue.apply(event);
            }
        }
        for line in lines(lsn, transaction) {
            self.post(&line);
        }
    }

    /// The catalogue as the records have it.
    #[must_use]
    pub const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What was asked for.
    #[must_use]
    pub const fn query(&self) -> &StatementQuery {
        &self.query
    }

    /// Balances that anything was ever posted to up to the last day, by supplier.
    #[must_use]
    pub const fn sections(&self) -> &BTreeMap<(SupplierNo, Balance), Section> {
        &self.sections
    }

    fn post(&mut self, line: &Line<'_>) {
        let Some(day) = self.day_of(line) else { return };
        if day > self.query.to {
            return;
        }
        let key = (line.account.supplier, line.posting.balance);
        let section = self.sections.entry(key).or_default();
        let closing = section.closing.checked_add(line.posting.amount);
        section.closing = closing.expect("INV-4: amounts are bounded far below 64 bits");
        if day < self.query.from {
            section.opening = section.closing;
        } else if self.lines == self.query.lines_max {
            self.left_out += 1;
        } else {
            self.lines += 1;
            section.lines.push(StatementLine {
                at: line.at,
                order: line.order,
                reference: line.reference.cloned(),
                kind: line.posting.kind,
                amount: line.posting.amount,
                balance: section.closing,
            });
        }
    }

    /// The day of a line at its venue; `None` when the line is not the agent's.
    fn day_of(&self, line: &Line<'_>) -> Option<ServiceDate> {
        let AccountKey { supplier, holder: Holder::Agent(agent) } = line.account else {
            return None;
        };
        let agent = self.catalogue.agent(agent)?;
        let supplier = self.catalogue.supplier(supplier)?;
        let wanted = self.query.supplier.as_ref().is_none_or(|id| *id == supplier.id);
        (agent.id == self.query.agent && wanted)
            .then(|| ServiceDate::at(line.at, supplier.utc_offset_seconds))
    }
}

impl<'t> Extend<(Lsn, &'t Transaction)> for Statement {
    fn extend<I: IntoIterator<Item = (Lsn, &'t Transaction)>>(&mut self, records: I) {
        records.into_iter().for_each(|(lsn, transaction)| self.take(lsn, transaction));
    }
}
