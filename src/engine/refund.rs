//! What a refund comes to: fees by the products' rules as they are now, and the rebate that goes back.

use smallvec::SmallVec;

use crate::domain::catalogue::Catalogue;
use crate::domain::order::{Order, OrderLine, Refund, RefundedTicket};
use crate::engine::Rejection;
use crate::types::{Fen, RequestKey, UnixMillis};

/// Works out the refund of these tickets of `order` at `now`. `withheld` is still 0: whether the rebate
/// is there to be taken back, only its account can say (see [`withhold`]).
///
/// # Errors
/// [`Rejection::RefundClosed`] when the product's rule takes no ticket back any more.
pub fn quote(
    order: &Order,
    tickets: &[u16],
    request: Option<RequestKey>,
    catalogue: &Catalogue,
    now: UnixMillis,
) -> Result<Refund, Rejection> {
    let mut refunded: SmallVec<[RefundedTicket; 2]> = SmallVec::new();
    let (mut amount, mut fees, mut rebate) = (Fen::ZERO, Fen::ZERO, Fen::ZERO);
    let add = |sum: Fen, more: Fen| sum.checked_add(more).ok_or(Rejection::TotalOutOfRange);
    for &at in tickets {
        let found = order.tickets.get(usize::from(at));
        let found = found.and_then(|t| Some((t, order.lines.get(usize::from(t.line))?)));
        let (ticket, line) = found.ok_or(Rejection::UnknownOrder)?;
        let fee = match catalogue.product(line.product) {
            Some(product) => {
                let ahead = visit_begins(line, catalogue).get().saturating_sub(now.get());
                product.rules.refund.fee(line.unit_price, ahead)
            }
            None => Ok(Fen::ZERO),
        };
        let fee = fee.map_err(|_| Rejection::RefundClosed)?;
        amount = add(amount, line.unit_price)?;
        fees = add(fees, fee)?;
        if ticket.rebate_year.is_some() {
            rebate = add(rebate, line.unit_rebate)?;
        }
        refunded.push(RefundedTicket { ticket: at, fee });
    }
    let offset = catalogue.supplier(order.supplier).map_or(0, |s| s.utc_offset_seconds);
    Ok(Refund {
        batch: order.free_batch(wall_clock(now, offset)),
        request,
        at: now,
        tickets: refunded,
        amount,
        fee: fees,
        rebate,
        withheld: Fen::ZERO,
    })
}

/// The refund when the rebate has left its balance meanwhile: it is kept from the money instead, as far
/// as that goes. What goes beyond it is forgiven.
#[must_use]
pub fn withhold(mut refund: Refund) -> Refund {
    let rest = refund.amount.checked_sub(refund.fee).unwrap_or(Fen::ZERO);
    refund.withheld = refund.rebate.min(rest);
    refund.rebate = refund.withheld;
    refund
}

/// The year whose rebate balance the tickets of a refund were credited in, if any was. Tickets earn at
/// payment or at their first use, so those of one refund differ in it only around a new year; the
/// first one speaks for all.
#[must_use]
pub fn rebate_year(order: &Order, refund: &Refund) -> Option<i16> {
    let tickets = refund.tickets.iter();
    let mut tickets = tickets.filter_map(|t| order.tickets.get(usize::from(t.ticket)));
    tickets.find_map(|ticket| ticket.rebate_year)
}

/// When the visit begins that a line is for: with its timespan or performance, and where there is no
/// time of day at the end of its last day, since the visitor may come at any hour until then.
#[must_use]
pub fn visit_begins(line: &OrderLine, catalogue: &Catalogue) -> UnixMillis {
    let product = catalogue.product(line.product);
    let span = product.and_then(|product| product.timespan(line.slot.timespan));
    match (line.slot.date, span) {
        (Some(_), Some(span)) => line.valid_from.plus_millis(i64::from(span.start_minute) * 60_000),
        _ => line.valid_until,
    }
}

/// `yyyyMMddHHmmssfff` at a venue `utc_offset_seconds` east of Greenwich, as a number.
fn wall_clock(now: UnixMillis, utc_offset_seconds: i32) -> u64 {
    let local = now.plus_millis(i64::from(utc_offset_seconds) * 1000);
    let Ok(instant) = jiff::Timestamp::from_millisecond(local.get()) else { return 0 };
    let civil = jiff::tz::TimeZone::UTC.to_datetime(instant);
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    let date = part(i64::from(civil.year())) * 10_000
        + part(i64::from(civil.month())) * 100
        + part(i64::from(civil.day()));
    let time = part(i64::from(civil.hour())) * 10_000
        + part(i64::from(civil.minute())) * 100
        + part(i64::from(civil.second()));
    let millis = part(i64::from(civil.millisecond()));
    (date * 1_000_000 + time) * 1000 + millis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_number_is_the_wall_clock_of_the_venue() {
        // 2026-11-21 17:05:12.345 UTC is five past one at night in China.
        let now = UnixMillis::new(1_795_280_712_345);
        assert_eq!(wall_clock(now, 8 * 3600), 20_261_122_010_512_345);
        assert_eq!(wall_clock(now, 0), 20_261_121_170_512_345);
    }
}
