//! What happens to an order after it was paid: refunds, redemptions, notices.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Invalid, List, Mirrored};
use crate::domain::order::{
    Notice, NoticeKind, NoticeOutcome, Redemption, Refund, RefundedTicket, Reversal, TicketUses,
};
use crate::types::{Fen, RequestKey, UnixMillis};

/// Twin of [`RefundedTicket`]; money in fen.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct RefundedTicketV2 {
    ticket: u16,
    fee: i64,
}

impl Mirrored for RefundedTicket {
    type Mirror<'a> = RefundedTicketV2;

    fn mirror(&self) -> RefundedTicketV2 {
        let Self { ticket, fee } = *self;
        RefundedTicketV2 { ticket, fee: fee.get() }
    }

    fn restore(mirror: RefundedTicketV2) -> Result<Self, Invalid> {
        let RefundedTicketV2 { ticket, fee } = mirror;
        Ok(Self { ticket, fee: Fen::new(fee) })
    }
}

/// Twin of [`Refund`]; money in fen.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct RefundV2<'a> {
    batch: u64,
    request: Option<&'a str>,
    at: i64,
    #[serde(borrow)]
    tickets: List<'a, RefundedTicket, SmallVec<[RefundedTicket; 2]>>,
    amount: i64,
    fee: i64,
    rebate: i64,
    withheld: i64,
}

impl Mirrored for Refund {
    type Mirror<'a> = RefundV2<'a>;

    fn mirror(&self) -> RefundV2<'_> {
        let Self { batch, request, at, tickets, amount, fee, rebate, withheld } = self;
        RefundV2 {
            batch: *batch,
            request: request.as_ref().map(RequestKey::as_str),
            at: at.get(),
            tickets: List::Borrowed(tickets),
            amount: amount.get(),
            fee: fee.get(),
            rebate: rebate.get(),
            withheld: withheld.get(),
        }
    }

    fn restore(mirror: RefundV2<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            batch: mirror.batch,
            request: request_key(mirror.request)?,
            at: UnixMillis::new(mirror.at),
            tickets: mirror.tickets.into_owned(),
            amount: Fen::new(mirror.amount),
            fee: Fen::new(mirror.fee),
            rebate: Fen::new(mirror.rebate),
            withheld: Fen::new(mirror.withheld),
        })
    }
}

/// Twin of [`TicketUses`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct TicketUsesV2 {
    ticket: u16,
    uses: u16,
}

impl Mirrored for TicketUses {
    type Mirror<'a> = TicketUsesV2;

    fn mirror(&self) -> TicketUsesV2 {
        let Self { ticket, uses } = *self;
        TicketUsesV2 { ticket, uses }
    }

    fn restore(mirror: TicketUsesV2) -> Result<Self, Invalid> {
        let TicketUsesV2 { ticket, uses } = mirror;
        Ok(Self { ticket, uses })
    }
}

/// Twin of [`Reversal`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct ReversalV2<'a> {
    by: &'a str,
    request: &'a str,
    at: i64,
}

impl Mirrored for Reversal {
    type Mirror<'a> = ReversalV2<'a>;

    fn mirror(&self) -> ReversalV2<'_> {
        let Self { by, request, at } = self;
        ReversalV2 { by, request: request.as_str(), at: at.get() }
    }

    fn restore(mirror: ReversalV2<'_>) -> Result<Self, Invalid> {
        let ReversalV2 { by, request, at } = mirror;
        let request = RequestKey::new(request).map_err(|_| Invalid)?;
        Ok(Self { by: by.into(), request, at: UnixMillis::new(at) })
    }
}

/// Twin of [`Redemption`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct RedemptionV2<'a> {
    #[serde(with = "postcard::fixint::le")]
    no: u64,
    by: &'a str,
    request: &'a str,
    #[serde(borrow)]
    uses: List<'a, TicketUses, SmallVec<[TicketUses; 1]>>,
    at: i64,
    #[serde(borrow)]
    reversed: Option<ReversalV2<'a>>,
}

impl Mirrored for Redemption {
    type Mirror<'a> = RedemptionV2<'a>;

    fn mirror(&self) -> RedemptionV2<'_> {
        let Self { no, by, request, uses, at, reversed } = self;
        RedemptionV2 {
            no: *no,
            by,
            request: request.as_str(),
            uses: List::Borrowed(uses),
            at: at.get(),
            reversed: reversed.as_ref().map(Mirrored::mirror),
        }
    }

    fn restore(mirror: RedemptionV2<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            no: mirror.no,
            by: mirror.by.into(),
            request: RequestKey::new(mirror.request).map_err(|_| Invalid)?,
            uses: mirror.uses.into_owned(),
            at: UnixMillis::new(mirror.at),
            reversed: mirror.reversed.map(Reversal::restore).transpose()?,
        })
    }
}

/// Twin of [`NoticeKind`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum NoticeKindV2 {
    /// 0
    Booked,
    /// 1
    Paid,
    /// 2
    PickedUp,
    /// 3
    Consumed,
    /// 4
    Refunded,
}

/// Twin of [`Notice`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct NoticeV2 {
    no: u16,
    kind: NoticeKindV2,
    at: i64,
    about: u64,
}

impl Mirrored for Notice {
    type Mirror<'a> = NoticeV2;

    fn mirror(&self) -> NoticeV2 {
        let Self { no, kind, at, about } = *self;
        let kind = match kind {
            NoticeKind::Booked => NoticeKindV2::Booked,
            NoticeKind::Paid => NoticeKindV2::Paid,
            NoticeKind::PickedUp => NoticeKindV2::PickedUp,
            NoticeKind::Consumed => NoticeKindV2::Consumed,
            NoticeKind::Refunded => NoticeKindV2::Refunded,
        };
        NoticeV2 { no, kind, at: at.get(), about }
    }

    fn restore(mirror: NoticeV2) -> Result<Self, Invalid> {
        let NoticeV2 { no, kind, at, about } = mirror;
        let kind = match kind {
            NoticeKindV2::Booked => NoticeKind::Booked,
            NoticeKindV2::Paid => NoticeKind::Paid,
            NoticeKindV2::PickedUp => NoticeKind::PickedUp,
            NoticeKindV2::Consumed => NoticeKind::Consumed,
            NoticeKindV2::Refunded => NoticeKind::Refunded,
        };
        Ok(Self { no, kind, at: UnixMillis::new(at), about })
    }
}

/// Twin of [`NoticeOutcome`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum NoticeOutcomeV2 {
    /// 0
    Delivered,
    /// 1
    GaveUp,
    /// 2
    Skipped,
}

impl Mirrored for NoticeOutcome {
    type Mirror<'a> = NoticeOutcomeV2;

    fn mirror(&self) -> NoticeOutcomeV2 {
        match self {
            Self::Delivered => NoticeOutcomeV2::Delivered,
            Self::GaveUp => NoticeOutcomeV2::GaveUp,
            Self::Skipped => NoticeOutcomeV2::Skipped,
        }
    }

    fn restore(mirror: NoticeOutcomeV2) -> Result<Self, Invalid> {
        Ok(match mirror {
            NoticeOutcomeV2::Delivered => Self::Delivered,
            NoticeOutcomeV2::GaveUp => Self::GaveUp,
            NoticeOutcomeV2::Skipped => Self::Skipped,
        })
    }
}

/// A request key that may be absent.
pub(super) fn request_key(text: Option<&str>) -> Result<Option<RequestKey>, Invalid> {
    text.map(|text| RequestKey::new(text).map_err(|_| Invalid)).transpose()
}
