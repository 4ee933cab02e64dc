//! Orders of any agent: how they stand, with personal data masked, and acting on them.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::actors::{OrderCommand, Owner, RefundRequest};
use crate::domain::identity::{PersonalText, is_ciphertext, mask_document, mask_mobile, mask_name};
use crate::domain::order::{CloseReason, Order, OrderState, RefundSelection};
use crate::http::admin::Reply;
use crate::http::admin::accounts::balance_name;
use crate::http::admin::call::{Call, instant_text};
use crate::http::admin::failure::Failure;
use crate::http::admin::stock::{day, timespan_json};
use crate::http::{AppState, within};
use crate::types::{Channel, OrderId, RequestKey, TicketId};

/// A command without anything to say but its reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoBody {}

/// Tickets to give back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundBody {
    /// Ticket numbers; all that are left when there are none.
    #[serde(default)]
    tickets: Vec<String>,
    /// The caller's own number: repeating it gives the first refund again.
    request: Option<String>,
}

/// How much longer an unpaid order keeps its places.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtendBody {
    /// Minutes from now.
    minutes: u32,
}

/// Longest time an order may be kept from now, in minutes: thirty days.
const EXTEND_MINUTES_MAX: u32 = 30 * 24 * 60;

/// How an order stands.
pub(super) async fn show(id: &str, state: &AppState) -> Reply {
    let id = number(id)?;
    let query = state.engine.with_order_of(Owner::Anyone, id, OrderCommand::Query);
    Ok(shown(&*within(state, query).await?, state))
}

/// Gives an unpaid order up.
pub(super) async fn cancel(id: &str, call: &Call, state: &AppState) -> Reply {
    let NoBody {} = call.read()?;
    let (id, engine) = (number(id)?, call.acting(&state.engine)?);
    let cancelled = engine.with_order_of(Owner::Anyone, id, OrderCommand::Cancel);
    Ok(shown(&*within(state, cancelled).await?, state))
}

/// Gives tickets back, by the product's own rule.
pub(super) async fn refund(id: &str, call: &Call, state: &AppState) -> Reply {
    let RefundBody { tickets, request } = call.read()?;
    let (order, engine) = (number(id)?, call.acting(&state.engine)?);
    let numbers: Result<Vec<_>, _> = tickets.iter().map(|ticket| ticket.parse()).collect();
    let numbers = numbers.map_err(|_| Failure::bad_request("tickets are numbers, as text"))?;
    let tickets = match numbers {
        numbers if numbers.is_empty() => RefundSelection::All,
        numbers => RefundSelection::Tickets(numbers.into_iter().map(TicketId::new).collect()),
    };
    let request = request.map(|text| RequestKey::new(&text)).transpose();
    let request = request.map_err(Failure::bad_request)?;
    let request = RefundRequest { order, tickets, request };
    let refunded = within(state, engine.refund(Owner::Anyone, request)).await?;
    let mut document = shown(&refunded.order, state);
    if let Some(members) = document.as_object_mut() {
        members.insert("batch".to_owned(), json!(refunded.refund.batch.to_string()));
        members.insert("repeated".to_owned(), json!(refunded.repeated));
    }
    Ok(document)
}

/// Lets an unpaid order keep its places for longer.
pub(super) async fn extend(id: &str, call: &Call, state: &AppState) -> Reply {
    let ExtendBody { minutes } = call.read()?;
    let (id, engine) = (number(id)?, call.acting(&state.engine)?);
    if !(1..=EXTEND_MINUTES_MAX).contains(&minutes) {
        return Err(Failure::bad_request(format!("minutes go from 1 to {EXTEND_MINUTES_MAX}")));
    }
    let until = engine.now().plus_millis(i64::from(minutes) * 60_000);
    let extended = engine.with_order_of(Owner::Anyone, id, OrderCommand::Extend { until });
    Ok(shown(&*within(state, extended).await?, state))
}

pub(super) fn number(text: &str) -> Result<OrderId, Failure> {
    let number = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.and_then(|text| text.parse().ok());
    number.map(OrderId::new).ok_or_else(|| Failure::not_found("order", text))
}

/// An order without what would let anybody use its tickets or recognise its people.
fn shown(order: &Order, state: &AppState) -> Value {
    let catalogue = state.engine.catalogue();
    let (name, since) = match &order.state {
        OrderState::Held { expires_at } => ("held", instant_text(*expires_at)),
        OrderState::Paid { at, .. } => ("paid", instant_text(*at)),
        OrderState::Closed { reason, at } => (closed(*reason), instant_text(*at)),
    };
    let lines = order.lines.iter().map(|line| {
        let product = catalogue.product(line.product);
        json!({
            "line": line.id.to_string(),
            "product": product.map(|product| &product.id),
            "name": line.product_name,
            "date": day(line.slot.date),
            "timespan": timespan_json(line.slot.timespan),
            "area": product.and_then(|product| product.area(line.area)).map(|area| &area.id),
            "quantity": line.quantity.get(),
            "unit_price": line.unit_price.to_yuan(),
        })
    });
    let tickets = order.tickets.iter().map(|ticket| {
        let line = order.lines.get(usize::from(ticket.line));
        let code = ticket.code.to_string();
        json!({
            "ticket": ticket.id.to_string(),
            "line": line.map(|line| line.id.to_string()),
            // Whoever has the whole code can use the ticket.
            "code_ends": code.get(code.len().saturating_sub(4)..).unwrap_or_default(),
            "uses": line.map(|line| line.uses),
            "used": ticket.used,
            "refunded": ticket.refunded,
        })
    });
    let refunds = order.refunds.iter().map(|refund| {
        json!({
            "batch": refund.batch.to_string(),
            "at": instant_text(refund.at),
            "tickets": refund.tickets.len(),
            "amount": refund.amount.to_yuan(),
            "fee": refund.fee.to_yuan(),
            "paid_back": refund.paid_back().to_yuan(),
        })
    });
    let redemptions = order.redemptions.iter().map(|redemption| {
        json!({
            "redemption": redemption.no.to_string(),
            "by": redemption.by,
            "at": instant_text(redemption.at),
            "uses": redemption.uses.iter().map(|it| u32::from(it.uses)).sum::<u32>(),
            "reversed": redemption.reversed.is_some(),
        })
    });
    let paid_from = match &order.state {
        OrderState::Paid { from, .. } => Some(balance_name(*from)),
        _ => None,
    };
    json!({
        "order": order.id.to_string(),
        "agent": catalogue.agent(order.agent).map(|agent| &agent.id),
        "channel": channel(order.channel),
        "request_key": order.request_key.as_ref().map(RequestKey::as_str),
        "state": name,
        if_held(&order.state): since,
        "placed_at": instant_text(order.placed_at),
        "paid_from": paid_from,
        "total": order.total.to_yuan(),
        "lines": lines.collect::<Vec<_>>(),
        "tickets": tickets.collect::<Vec<_>>(),
        "refunds": refunds.collect::<Vec<_>>(),
        "redemptions": redemptions.collect::<Vec<_>>(),
        "notices_waiting": order.notices.len(),
        "people": people(order, state),
    })
}

/// What the instant of a state is.
const fn if_held(state: &OrderState) -> &'static str {
    match state {
        OrderState::Held { .. } => "expires_at",
        OrderState::Paid { .. } => "paid_at",
        OrderState::Closed { .. } => "closed_at",
    }
}

const fn closed(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Cancelled => "cancelled",
        CloseReason::Expired => "expired",
        CloseReason::Refunded => "refunded",
    }
}

const fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Ota => "ota",
        Channel::Douyin => "douyin",
        Channel::LocalLife => "local_life",
        Channel::Console => "console",
    }
}

/// Whom an order is for, masked; null when it cannot be opened.
fn people(order: &Order, state: &AppState) -> Value {
    let details = match state.keys.open_details(&order.private) {
        Ok(details) => details,
        Err(error) => {
            tracing::error!(order = %order.id, %error, "an order's details cannot be opened");
            return Value::Null;
        }
    };
    let masked = |text: &str, mask: fn(&str) -> String| {
        if text.is_empty() {
            return Value::Null;
        }
        // The ends of a ciphertext are nobody's.
        let hidden = is_ciphertext(text, PersonalText::Clear);
        json!(if hidden { "****".to_owned() } else { mask(text) })
    };
    let travellers = details.travellers.iter().map(|traveller| {
        json!({
            "name": masked(&traveller.name, mask_name),
            "document": masked(&traveller.document_number, mask_document),
            "mobile": masked(&traveller.mobile, mask_mobile),
        })
    });
    json!({
        "mobile": masked(&details.mobile, mask_mobile),
        "travellers": travellers.collect::<Vec<_>>(),
    })
}
