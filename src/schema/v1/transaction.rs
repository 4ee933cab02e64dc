//! The record.

use serde::{Deserialize, Serialize};

use super::account::{AccountKeyV1, PostingsV1};
use super::catalogue::CatalogueEventV1;
use super::inventory::{PoolKeyV1, SlotEventV1, SlotKeyV1, StockEventV1};
use super::limits::{CounterEventV1, LimitKeyV1};
use super::order::OrderEventV1;
use super::voucher::VoucherEventV1;
use super::{Invalid, List, Mirrored};
use crate::engine::transaction::{Event, Transaction};
use crate::types::{SupplierNo, UnixMillis};

/// Twin of [`Transaction`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct TransactionV1<'a> {
    /// Milliseconds since 1970-01-01 UTC.
    at: i64,
    supplier: Option<u16>,
    #[serde(borrow)]
    events: List<'a, Event>,
}

impl Mirrored for Transaction {
    type Mirror<'a> = TransactionV1<'a>;

    fn mirror(&self) -> TransactionV1<'_> {
        let Self { at, supplier, events } = self;
        TransactionV1 {
            at: at.get(),
            supplier: supplier.map(SupplierNo::get),
            events: List::Borrowed(events),
        }
    }

    fn restore(mirror: TransactionV1<'_>) -> Result<Self, Invalid> {
        let TransactionV1 { at, supplier, events } = mirror;
        Ok(Self {
            at: UnixMillis::new(at),
            supplier: supplier.map(SupplierNo::new),
            events: events.into_owned(),
        })
    }
}

/// Twin of [`Event`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum EventV1<'a> {
    /// 0
    #[serde(borrow)]
    Catalogue(CatalogueEventV1<'a>),
    /// 1
    Slot(SlotKeyV1, #[serde(borrow)] SlotEventV1<'a>),
    /// 2
    Pool(PoolKeyV1, StockEventV1),
    /// 3
    Limit(LimitKeyV1, #[serde(borrow)] CounterEventV1<'a>),
    /// 4
    Account(AccountKeyV1, #[serde(borrow)] PostingsV1<'a>),
    /// 5
    #[serde(borrow)]
    Order(OrderEventV1<'a>),
    /// 6
    Voucher(VoucherEventV1),
}

impl Mirrored for Event {
    type Mirror<'a> = EventV1<'a>;

    fn mirror(&self) -> EventV1<'_> {
        match self {
            Self::Catalogue(event) => EventV1::Catalogue(event.mirror()),
            Self::Slot(key, event) => EventV1::Slot(key.mirror(), event.mirror()),
            Self::Pool(key, event) => EventV1::Pool(key.mirror(), event.mirror()),
            Self::Limit(key, event) => EventV1::Limit(key.mirror(), event.mirror()),
            Self::Account(key, postings) => {
                EventV1::Account(key.mirror(), List::Borrowed(postings))
            }
            Self::Order(event) => EventV1::Order(event.mirror()),
            Self::Voucher(event) => EventV1::Voucher(event.mirror()),
        }
    }

    fn restore(mirror: EventV1<'_>) -> Result<Self, Invalid> {
        Ok(match mirror {
            EventV1::Catalogue(event) => Self::Catalogue(Mirrored::restore(event)?),
            EventV1::Slot(key, event) => {
                Self::Slot(Mirrored::restore(key)?, Mirrored::restore(event)?)
            }
            EventV1::Pool(key, event) => {
                Self::Pool(Mirrored::restore(key)?, Mirrored::restore(event)?)
            }
            EventV1::Limit(key, event) => {
                Self::Limit(Mirrored::restore(key)?, Mirrored::restore(event)?)
            }
            EventV1::Account(key, postings) => {
                Self::Account(Mirrored::restore(key)?, postings.into_owned())
            }
            EventV1::Order(event) => Self::Order(Mirrored::restore(event)?),
            EventV1::Voucher(event) => Self::Voucher(Mirrored::restore(event)?),
        })
    }
}
