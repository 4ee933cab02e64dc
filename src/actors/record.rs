//! What the journal carries, and how durable records find their way back to the actors.

use std::sync::Arc;

use arc_swap::ArcSwap;
use hashbrown::HashMap;
use tokio::sync::oneshot;

use actix::Addr;

use crate::actors::catalogue::CatalogueSlot;
use crate::actors::order::{Committed, JournalFailed, OrderActor, TooLarge};
use crate::engine::transaction::Transaction;
use crate::journal::{CommitSink, JournalStopped, Record as JournalRecord, RecordTooLarge};
use crate::schema;
use crate::types::{HoldId, Lsn, SupplierNo};

/// A transaction on its way to the disk and back.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) transaction: Transaction,
    pub(crate) origin: Origin,
}

/// Who is to hear what became of a record. Not stored.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A checkout or another command of the order actor.
    Orders(HoldId),
    /// Someone who waits for a change of the catalogue.
    Catalogue(oneshot::Sender<Result<Lsn, RecordTooLarge>>),
}

impl JournalRecord for Record {
    const SCHEMA: u16 = schema::VERSION;

    fn encode_into(&self, out: &mut Vec<u8>) {
        schema::encode_transaction(&self.transaction, out);
    }
}

/// Where each supplier's order actor is. Changes when a supplier is added.
pub(crate) type Routes = Arc<ArcSwap<HashMap<SupplierNo, Addr<OrderActor>>>>;

/// Hands one partition's durable records to the actors they came from.
pub(crate) struct Sink {
    pub(crate) routes: Routes,
    pub(crate) catalogue: CatalogueSlot,
}

impl Sink {
    /// Sends runs of records of one supplier as one message each.
    fn deliver<T>(
        &self,
        batch: impl Iterator<Item = (Option<SupplierNo>, T)>,
        send: impl Fn(&Addr<OrderActor>, Vec<T>),
        mut other: impl FnMut(T),
    ) {
        let routes = self.routes.load();
        let mut run: Vec<T> = Vec::new();
        let mut of: Option<SupplierNo> = None;
        let flush = |of: Option<SupplierNo>, run: Vec<T>| {
            let addr = of.and_then(|supplier| routes.get(&supplier));
            match addr {
                Some(addr) if !run.is_empty() => send(addr, run),
                Some(_) => {}
                None if run.is_empty() => {}
                None => tracing::error!(?of, "records of a supplier without an actor"),
            }
        };
        for (supplier, item) in batch {
            if supplier.is_none() {
                other(item);
                continue;
            }
            if supplier != of {
                flush(of, std::mem::take(&mut run));
                of = supplier;
            }
            run.push(item);
        }
        flush(of, run);
    }
}

impl CommitSink<Record> for Sink {
    fn committed(&mut self, batch: Vec<(Lsn, Record)>) {
        // An order actor handles its mailbox in order, so records are applied in log order; the
        // permits bound how many can be on their way.
        self.deliver(
            batch.into_iter().map(|(lsn, record)| (record.transaction.supplier, (lsn, record))),
            |orders, records| orders.do_send(Committed(records)),
            |(lsn, record)| {
                self.catalogue.apply(&record.transaction);
                if let Origin::Catalogue(waiter) = record.origin {
                    let _ = waiter.send(Ok(lsn));
                }
            },
        );
    }

    fn refused(&mut self, record: Record, reason: RecordTooLarge) {
        let supplier = record.transaction.supplier;
        match record.origin {
            Origin::Orders(hold) => self.deliver(
                std::iter::once((supplier, hold)),
                |orders, holds| holds.into_iter().for_each(|hold| orders.do_send(TooLarge(hold))),
                |_| {},
            ),
            Origin::Catalogue(waiter) => {
                let _ = waiter.send(Err(reason));
            }
        }
    }

    fn stopped(&mut self, batch: Vec<Record>, error: &JournalStopped) {
        tracing::error!(%error, records = batch.len(), "the journal has stopped; outcomes are unknown");
        self.deliver(
            batch.into_iter().map(|record| (record.transaction.supplier, record.origin)),
            |orders, origins| {
                let holds = origins.into_iter().filter_map(|origin| match origin {
                    Origin::Orders(hold) => Some(hold),
                    Origin::Catalogue(_) => None,
                });
                orders.do_send(JournalFailed(holds.collect()));
            },
            // Dropping the sender tells whoever waits for the catalogue.
            drop,
        );
    }
}
