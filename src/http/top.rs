//! The TOP gateway: voucher preview here, redemption and reversal in [`redemption`].
//! Source: docs/protocols/top.md.

mod redemption;

use std::sync::atomic::Ordering;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse};

use crate::actors::{EngineError, FoundVoucher};
use crate::domain::identity::{PersonalText, is_ciphertext, mask_mobile};
use crate::domain::order::{Order, OrderLine, Ticket};
use crate::http::{Answer, AppState, Outcome, webapi, within};
use crate::types::{Quantity, VoucherCode};
use crate::vault::{IdentityKind, PrivateDetails};
use crate::wire::top::consult::{
    ConsultFailure, ConsultOutcome, ConsultRequest, ConsultValue, TicketInfo,
};
use crate::wire::top::encode;
use crate::wire::top::error::{TopCode, TopError};
use crate::wire::top::gateway::{Api, Call, Format};
use crate::wire::top::request::HttpCall;

/// Said of a code that cannot be used, whatever the reason.
const CODE_INVALID: &str = "券码不存在";

/// Authenticates a call and runs it. The HTTP status is always 200.
pub(super) async fn router(request: &HttpRequest, body: &[u8], state: &AppState) -> Answer {
    let call = HttpCall {
        http_method: request.method().as_str(),
        query: request.query_string(),
        content_type: webapi::header(request, CONTENT_TYPE),
        body,
    };
    let catalogue = state.engine.catalogue();
    let secret_of = |app_key: &str| {
        let secret = state.credentials.app(catalogue.top_app(app_key)?)?;
        Some(Vec::clone(&secret))
    };
    let call = match state.gateway.admit(&call, state.engine.now(), secret_of) {
        Ok(call) => call,
        Err(refusal) => {
            return error(state, refusal.format, &refusal.error, Outcome::Unauthenticated);
        }
    };
    match call.api {
        Api::TicketConsult => consult(&call, state).await,
        Api::TicketCodeUse => redemption::ticket_use(&call, state).await,
        Api::TicketReserve => redemption::reserve(&call, state).await,
        Api::OrderUse => redemption::order_use(&call, state).await,
    }
}

/// The body is larger than allowed; nothing of it was read, so nothing says which format to use.
pub(super) fn body_too_large(state: &AppState) -> Answer {
    let refused = TopError::caller(TopCode::ParameterError, "请求内容过大");
    error(state, Format::default(), &refused, Outcome::Invalid)
}

async fn consult(call: &Call<'_>, state: &AppState) -> Answer {
    let asked = match ConsultRequest::parse(&call.params) {
        Ok(asked) => asked,
        Err(wrong) => return error(state, call.format, &wrong, Outcome::Invalid),
    };
    if let Some(wrong) = shop_error(call, &asked.shop_id, state) {
        return error(state, call.format, &wrong, Outcome::Rejected);
    }
    let Ok(code) = VoucherCode::parse(&asked.ticket_code) else {
        return outcome(state, call.format, &invalid());
    };
    match within(state, state.engine.preview(code)).await {
        Ok(Some(view)) => {
            let value = value(&view, state);
            outcome(state, call.format, &value.ok_or_else(code_invalid))
        }
        Ok(None) => outcome(state, call.format, &invalid()),
        Err(failed) => error(state, call.format, &engine_error(&failed), Outcome::of(&failed)),
    }
}

/// What is wrong with a shop: it is not one of the application's, which has any if it lists none.
fn shop_error(call: &Call<'_>, shop_id: &str, state: &AppState) -> Option<TopError> {
    let catalogue = state.engine.catalogue();
    let app = call.params.get("app_key").and_then(|app_key| catalogue.top_app(app_key));
    let knows = |shops: &[Box<str>]| shops.is_empty() || shops.iter().any(|s| **s == *shop_id);
    let wrong = || TopError::invalid_argument("shop_id", "不是该应用的门店");
    (!app.is_some_and(|app| knows(&app.shops))).then(wrong)
}

/// The gateway's error when the engine gives no answer.
const fn engine_error(failed: &EngineError) -> TopError {
    match failed {
        EngineError::Overloaded => TopError::busy(),
        EngineError::Unavailable => TopError::unavailable(),
        EngineError::OutcomeUnknown => TopError::timed_out(),
        EngineError::Rejected(_) => TopError::internal(),
    }
}

/// The preview of a usable voucher.
fn value(view: &FoundVoucher, state: &AppState) -> Option<ConsultValue> {
    let (asked, line_at) = (view.ticket()?, view.line()?);
    let line = view.order.lines.get(line_at)?;
    let catalogue = state.engine.catalogue();
    let product = catalogue.product(line.product)?;
    let details = details(&view.order, state).unwrap_or_default();
    let mobile = mobile(line_at, &details);
    let usable = view.usable_tickets(state.engine.now());
    let left: u32 = usable.iter().map(|at| u32::from(view.order.uses_left(*at))).sum();
    let tickets = usable.iter().filter_map(|at| {
        let ticket = view.order.tickets.get(*at)?;
        let line = view.order.lines.get(usize::from(ticket.line))?;
        Some(ticket_info(ticket, line, *at == asked))
    });
    Some(ConsultValue {
        // The ends of a ciphertext are nobody's number.
        user_phone: mobile
            .filter(|mobile| !is_ciphertext(mobile, PersonalText::Clear))
            .map(mask_mobile),
        available_quantity: Quantity::new(left),
        ticket_info_list: tickets.collect(),
        buyer_id: buyer_of(&view.order, line_at, &details, state),
        alsc_order_no: view.order.id.to_string(),
        alsc_sub_order_no: line.id.to_string(),
        item_id: line.product.to_string(),
        out_item_id: product.id.to_string(),
    })
}

fn ticket_info(ticket: &Ticket, line: &OrderLine, is_asked: bool) -> TicketInfo {
    TicketInfo {
        ticket_id: ticket.id.to_string(),
        ticket_name: line.product_name.to_string(),
        total_amount: line.unit_price,
        real_amount: line.unit_price,
        quantity: Quantity::new(u32::from(line.uses)),
        ticket_code: is_asked.then(|| ticket.code.to_string()),
        original_price: line.list_price,
    }
}

/// Everything personal about the voucher's order, unless it cannot be opened.
fn details(order: &Order, state: &AppState) -> Option<PrivateDetails> {
    match state.keys.open_details(&order.private) {
        Ok(details) => Some(details),
        Err(error) => {
            tracing::error!(order = %order.id, %error, "an order's details cannot be opened");
            None
        }
    }
}

/// The buyer of the order line at index `line`, obfuscated, as a preview shows it.
fn buyer_id(order: &Order, line: usize, state: &AppState) -> String {
    let details = details(order, state).unwrap_or_default();
    buyer_of(order, line, &details, state)
}

fn buyer_of(order: &Order, line: usize, details: &PrivateDetails, state: &AppState) -> String {
    let open_id = Some(&*details.open_id).filter(|open_id| !open_id.is_empty());
    // Whoever tells nothing of themselves is a buyer of this one order.
    let number = order.id.to_string();
    let buyer = mobile(line, details).or(open_id).unwrap_or(&number);
    let buyer = format!("{}/{buyer}", order.agent);
    let buyer = state.keys.identity(IdentityKind::OpenId, &buyer).get().to_be_bytes();
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, buyer)
}

/// The buyer's mobile: the order's, or that of the traveller of the line at index `line`.
fn mobile(line: usize, details: &PrivateDetails) -> Option<&str> {
    let traveller = details.travellers.get(line).map(|traveller| &*traveller.mobile);
    let of_order = Some(&*details.mobile).filter(|mobile| !mobile.is_empty());
    of_order.or(traveller).filter(|mobile| !mobile.is_empty())
}

fn invalid() -> ConsultOutcome {
    Err(code_invalid())
}

fn code_invalid() -> ConsultFailure {
    ConsultFailure::ticket_code_invalid(CODE_INVALID)
}

fn outcome(state: &AppState, format: Format, result: &ConsultOutcome) -> Answer {
    let text = encode::consult_response(format, result, &request_id(state));
    let outcome = if result.is_ok() { Outcome::Ok } else { Outcome::Rejected };
    answer(state, format, text, outcome)
}

fn error(state: &AppState, format: Format, wrong: &TopError, outcome: Outcome) -> Answer {
    let text = encode::error_response(format, wrong, &request_id(state));
    answer(state, format, text, outcome)
}

fn answer(state: &AppState, format: Format, text: String, outcome: Outcome) -> Answer {
    let content_type = state.gateway.content_type(format).to_owned();
    Answer { response: HttpResponse::Ok().content_type(content_type).body(text), outcome }
}

/// An id by which an answer can be spoken of: the instant and a serial, in base 36.
fn request_id(state: &AppState) -> String {
    let serial = state.answers.fetch_add(1, Ordering::Relaxed) % 46_656;
    let millis = u64::try_from(state.engine.now().get()).unwrap_or(0);
    let mut number = millis.wrapping_mul(46_656).wrapping_add(serial);
    let mut digits = Vec::with_capacity(13);
    while number > 0 {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize]);
        number /= 36;
    }
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}
