//! The record.

use serde::{Deserialize, Serialize};

use super::account::{AccountKeyV2, AccountNoteV2, PostingsV2};
use super::catalogue::CatalogueEventV2;
use super::inventory::{PoolKeyV2, SlotEventV2, SlotKeyV2, StockEventV2};
use super::limits::{CounterEventV2, LimitKeyV2};
use super::order::OrderEventV2;
use super::voucher::VoucherEventV2;
use super::{Invalid, List, Mirrored};
use crate::engine::operator::Operator;
use crate::engine::transaction::{Event, Transaction};
use crate::types::{SupplierNo, UnixMillis};

/// Twin of [`Transaction`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct TransactionV2<'a> {
    /// Milliseconds since 1970-01-01 UTC.
    at: i64,
    supplier: Option<u16>,
    #[serde(borrow)]
    events: List<'a, Event>,
}

impl Mirrored for Transaction {
    type Mirror<'a> = TransactionV2<'a>;

    fn mirror(&self) -> TransactionV2<'_> {
        let Self { at, supplier, events } = self;
        TransactionV2 {
            at: at.get(),
            supplier: supplier.map(SupplierNo::get),
            events: List::Borrowed(events),
        }
    }

    fn restore(mirror: TransactionV2<'_>) -> Result<Self, Invalid> {
        let TransactionV2 { at, supplier, events } = mirror;
        Ok(Self {
            at: UnixMillis::new(at),
            supplier: supplier.map(SupplierNo::new),
            events: events.into_owned(),
        })
    }
}

/// Twin of [`Event`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum EventV2<'a> {
    /// 0
    #[serde(borrow)]
    Catalogue(CatalogueEventV2<'a>),
    /// 1
    Slot(SlotKeyV2, #[serde(borrow)] SlotEventV2<'a>),
    /// 2
    Pool(PoolKeyV2, StockEventV2),
    /// 3
    Limit(LimitKeyV2, #[serde(borrow)] CounterEventV2<'a>),
    /// 4
    Account(AccountKeyV2, #[serde(borrow)] PostingsV2<'a>),
    /// 5
    #[serde(borrow)]
    Order(OrderEventV2<'a>),
    /// 6
    Voucher(VoucherEventV2),
    /// 7
    AccountNote(AccountKeyV2, #[serde(borrow)] AccountNoteV2<'a>),
    /// 8
    Operator { actor: &'a str, reason: &'a str },
}

impl Mirrored for Event {
    type Mirror<'a> = EventV2<'a>;

    fn mirror(&self) -> EventV2<'_> {
        match self {
            Self::Catalogue(event) => EventV2::Catalogue(event.mirror()),
            Self::Slot(key, event) => EventV2::Slot(key.mirror(), event.mirror()),
            Self::Pool(key, event) => EventV2::Pool(key.mirror(), event.mirror()),
            Self::Limit(key, event) => EventV2::Limit(key.mirror(), event.mirror()),
            Self::Account(key, postings) => {
                EventV2::Account(key.mirror(), List::Borrowed(postings))
            }
            Self::Order(event) => EventV2::Order(event.mirror()),
            Self::Voucher(event) => EventV2::Voucher(event.mirror()),
            Self::AccountNote(key, note) => EventV2::AccountNote(key.mirror(), note.mirror()),
            Self::Operator(operator) => {
                EventV2::Operator { actor: operator.actor(), reason: operator.reason() }
            }
        }
    }

    fn restore(mirror: EventV2<'_>) -> Result<Self, Invalid> {
        Ok(match mirror {
            EventV2::Catalogue(event) => Self::Catalogue(Mirrored::restore(event)?),
            EventV2::Slot(key, event) => {
                Self::Slot(Mirrored::restore(key)?, Mirrored::restore(event)?)
            }
            EventV2::Pool(key, event) => {
                Self::Pool(Mirrored::restore(key)?, Mirrored::restore(event)?)
            }
            EventV2::Limit(key, event) => {
                Self::Limit(Mirrored::restore(key)?, Mirrored::restore(event)?)
            }
            EventV2::Account(key, postings) => {
                Self::Account(Mirrored::restore(key)?, postings.into_owned())
            }
            EventV2::Order(event) => Self::Order(Mirrored::restore(event)?),
            EventV2::Voucher(event) => Self::Voucher(Mirrored::restore(event)?),
            EventV2::AccountNote(key, note) => {
                Self::AccountNote(Mirrored::restore(key)?, Mirrored::restore(note)?)
            }
            EventV2::Operator { actor, reason } => {
                Self::Operator(Operator::new(actor, reason).map_err(|_| Invalid)?)
            }
        })
    }
}
