//! What an agent is told of an event. Nothing personal is in it but what the agent itself called the
//! order. Source: docs/protocols/ota.md, "Callbacks".

use std::borrow::Cow;

use crate::actors::Parcel;
use crate::domain::order::{NoticeKind, Order};
use crate::http::ota::status;
use crate::types::{Fen, RequestKey, ServiceDate, UnixMillis};
use crate::wire::ota::{CALLBACK_VERSION, CallbackParm, CallbackTicket};

/// What the event is about, beside the order itself.
struct About {
    /// Tickets by index, each with the uses the event took.
    tickets: Vec<(usize, u16)>,
    /// What was given back, and what was kept.
    money: Option<(Fen, Fen)>,
    batch: Option<u64>,
}

/// The payload of a notice.
pub(super) fn of(parcel: &Parcel) -> CallbackParm<'_> {
    let (order, notice) = (&*parcel.order, &parcel.notice);
    let About { tickets, money, batch } = about(order, notice.kind, notice.about);
    let tickets: Vec<_> =
        tickets.into_iter().filter_map(|(index, uses)| ticket(parcel, index, uses)).collect();
    let amount = match notice.kind {
        NoticeKind::Booked | NoticeKind::Paid => Some(order.total),
        NoticeKind::Refunded => money.map(|(paid_back, _)| paid_back),
        NoticeKind::PickedUp | NoticeKind::Consumed => None,
    };
    let supplier = parcel.catalogue.supplier(order.supplier);
    let offset = supplier.map_or(0, |supplier| supplier.utc_offset_seconds);
    CallbackParm {
        version: Some(CALLBACK_VERSION.into()),
        event: Some(event(notice.kind).into()),
        eventno: i32::from(notice.no),
        eventtime: Some(local_time(notice.at, offset).into()),
        orderid: Some(order.id.to_string().into()),
        sendid: order.request_key.as_ref().map(RequestKey::as_str).map(Cow::from),
        orderstatus: Some(status(order).into()),
        amount: amount.map(|amount| amount.to_yuan().into()),
        fee: money.map(|(_, fee)| fee.to_yuan().into()),
        batchno: batch.map(|batch| batch.to_string().into()),
        ticketcount: i32::try_from(tickets.len()).unwrap_or(i32::MAX),
        tickets: (!tickets.is_empty()).then_some(tickets),
    }
}

/// An event's name, as agents hear it.
pub(in crate::http) const fn event(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Booked => "booked",
        NoticeKind::Paid => "paid",
        NoticeKind::PickedUp => "pickedup",
        NoticeKind::Consumed => "consumed",
        NoticeKind::Refunded => "refunded",
    }
}

fn about(order: &Order, kind: NoticeKind, number: u64) -> About {
    let all = || (0..order.tickets.len()).map(|index| (index, 0)).collect();
    match kind {
        NoticeKind::Booked => About { tickets: Vec::new(), money: None, batch: None },
        NoticeKind::Paid | NoticeKind::PickedUp => {
            About { tickets: all(), money: None, batch: None }
        }
        NoticeKind::Consumed => {
            let found = order.redemptions.iter().find(|redemption| redemption.no == number);
            let uses = found.into_iter().flat_map(|redemption| &redemption.uses);
            let tickets = uses.map(|used| (usize::from(used.ticket), used.uses)).collect();
            About { tickets, money: None, batch: Some(number) }
        }
        NoticeKind::Refunded => {
            let found = order.refunds.iter().find(|refund| refund.batch == number);
            let tickets = found.into_iter().flat_map(|refund| &refund.tickets);
            let tickets = tickets.map(|refunded| (usize::from(refunded.ticket), 0)).collect();
            let money = found.map(|refund| (refund.paid_back(), refund.fee));
            About { tickets, money, batch: Some(number) }
        }
    }
}

fn ticket(parcel: &Parcel, index: usize, uses: u16) -> Option<CallbackTicket<'static>> {
    let ticket = parcel.order.tickets.get(index)?;
    let line = parcel.order.lines.get(usize::from(ticket.line))?;
    let product = parcel.catalogue.product(line.product);
    let status = match ticket {
        ticket if ticket.refunded => "2",
        ticket if ticket.used > 0 => "4",
        _ => "1",
    };
    Some(CallbackTicket {
        ticketcode: Some(ticket.id.to_string().into()),
        vouchercode: Some(ticket.code.to_string().into()),
        productid: product.map(|product| product.id.to_string().into()),
        status: Some(status.into()),
        uses: i32::from(uses),
    })
}

/// `yyyyMMddHHmmss` at a venue `offset` seconds east of Greenwich.
fn local_time(at: UnixMillis, offset: i32) -> String {
    let second = at.as_secs().saturating_add(i64::from(offset)).rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{}{hour:02}{minute:02}{second:02}", ServiceDate::at(at, offset).to_compact())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_time_at_the_venue() {
        let check = |at: i64, offset: i32, expected: &str| {
            assert_eq!(local_time(UnixMillis::from_secs(at), offset), expected);
        };
        check(1_795_280_712, 8 * 3600, "20261122010512");
        check(1_795_280_712, 0, "20261121170512");
        check(0, -3600, "19691231230000");
        check(-1, 0, "19691231235959");
    }
}
