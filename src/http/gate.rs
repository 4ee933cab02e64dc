//! The gate API: authenticates a gate, submits what it asks, says what came of it.
//! Source: docs/protocols/gate.md.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse};
use jiff::tz::{Offset, TimeZone};
use serde::Serialize;

use crate::actors::{self, EngineError, FoundVoucher};
use crate::domain::order::{Order, OrderLine, Redemption, ReverseSelection, Ticket, UseSelection};
use crate::http::bearer::{self, KnownToken};
use crate::http::route::GateAction;
use crate::http::{Answer, AppState, GateConfig, Outcome, within};
use crate::types::{RequestKey, UnixMillis, VoucherCode};
use crate::wire::gate::{
    self, GateError, REPLAY_HEADER, RedeemRequest, RedemptionAnswer, ReversalAnswer,
    ReverseRequest, VoucherAnswer, VoucherRedemption, VoucherState,
};

/// The gates of the configuration.
pub(super) struct Gates(Vec<Gate>);

/// One gate.
struct Gate {
    /// What its redemptions carry: `gate/` and its name.
    by: Box<str>,
    token: KnownToken,
    /// Public ids of the suppliers it serves; empty for all.
    suppliers: Vec<String>,
}

impl Gates {
    pub(super) fn new(gates: &[GateConfig]) -> Self {
        let gate = |gate: &GateConfig| Gate {
            by: format!("gate/{}", gate.name).into(),
            token: KnownToken::new(gate.token.as_bytes()),
            suppliers: gate.suppliers.clone(),
        };
        Self(gates.iter().map(gate).collect())
    }

    /// Whose token a request shows. Every gate is compared with, whichever it is.
    fn authenticate(&self, request: &HttpRequest) -> Option<&Gate> {
        let shown = bearer::shown(request)?;
        self.0
            .iter()
            .fold(None, |found, gate| if gate.token.is(&shown) { Some(gate) } else { found })
    }
}

/// Why there is no answer but an error, and how it is counted.
struct Refusal(GateError, Outcome);

/// Runs an action on the code in the open part of its path.
pub(super) async fn run(
    action: GateAction,
    parts: &[String],
    request: &HttpRequest,
    body: &[u8],
    state: &AppState,
) -> Answer {
    let Some(gate) = state.gates.authenticate(request) else {
        return refusal(&GateError::Unauthenticated, Outcome::Unauthenticated);
    };
    let code = parts.first().map_or("", String::as_str);
    let answer = match action {
        GateAction::Look => look(gate, code, state).await,
        GateAction::Redeem => redeem(gate, code, body, state).await,
        GateAction::Reverse => reverse(gate, code, body, state).await,
    };
    answer.unwrap_or_else(|Refusal(error, outcome)| refusal(&error, outcome))
}

/// The method is not the path's.
pub(super) fn wrong_method(allowed: &'static str) -> Answer {
    let mut answer = refusal(&GateError::MethodNotAllowed, Outcome::Invalid);
    answer.response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// The body is larger than allowed.
pub(super) fn body_too_large() -> Answer {
    refusal(&GateError::TooLarge, Outcome::Invalid)
}

async fn look(gate: &Gate, code: &str, state: &AppState) -> Result<Answer, Refusal> {
    let found = find(gate, code, state).await?;
    let voucher = Seen::new(&found, state)?;
    let (order, line, ticket) = (voucher.order, voucher.line, voucher.ticket);
    let uses = |redemption: &Redemption| voucher.uses_in(redemption);
    let redemptions = order.redemptions.iter().filter(|redemption| uses(redemption) > 0);
    Ok(success(
        &VoucherAnswer {
            code: ticket.code.to_string(),
            state: voucher.state(state.engine.now()),
            product_id: voucher.product_id(state),
            product_name: line.product_name.to_string(),
            order_no: order.id.to_string(),
            ticket_id: ticket.id.to_string(),
            uses_total: line.uses,
            uses_used: ticket.used,
            uses_left: order.uses_left(voucher.at),
            valid_from: voucher.time(line.valid_from),
            valid_until: voucher.time(line.valid_until),
            redemptions: redemptions
                .map(|redemption| VoucherRedemption {
                    redemption_no: redemption.no.to_string(),
                    quantity: uses(redemption),
                    redeemed_at: voucher.time(redemption.at),
                    reversed_at: redemption.reversed.as_ref().map(|it| voucher.time(it.at)),
                })
                .collect(),
        },
        false,
    ))
}

async fn redeem(gate: &Gate, code: &str, body: &[u8], state: &AppState) -> Result<Answer, Refusal> {
    let asked = RedeemRequest::parse(body).map_err(invalid)?;
    let request = key(&asked.request_no)?;
    let found = find(gate, code, state).await?;
    let command = actors::RedeemRequest {
        by: gate.by.clone(),
        request,
        order: found.order.id,
        uses: UseSelection::Tickets([(found.voucher.ticket, asked.quantity)].into_iter().collect()),
    };
    let done = within(state, state.engine.redeem(command)).await.map_err(failed)?;
    let now = FoundVoucher { order: done.order, voucher: found.voucher };
    let voucher = Seen::new(&now, state)?;
    Ok(success(
        &RedemptionAnswer {
            redemption_no: done.redemption.no.to_string(),
            request_no: asked.request_no,
            code: voucher.ticket.code.to_string(),
            quantity: voucher.uses_in(&done.redemption),
            redeemed_at: voucher.time(done.redemption.at),
            product_id: voucher.product_id(state),
            product_name: voucher.line.product_name.to_string(),
            order_no: voucher.order.id.to_string(),
            ticket_id: voucher.ticket.id.to_string(),
        },
        done.repeated,
    ))
}

async fn reverse(
    gate: &Gate,
    code: &str,
    body: &[u8],
    state: &AppState,
) -> Result<Answer, Refusal> {
    let asked = ReverseRequest::parse(body).map_err(invalid)?;
    let request = key(&asked.request_no)?;
    let found = find(gate, code, state).await?;
    let named = match &asked.redemption_no {
        None => None,
        Some(number) => {
            let voucher = Seen::new(&found, state)?;
            let redemption = number.parse().ok().and_then(|no| voucher.order.redemption(no));
            let of_code = redemption.filter(|redemption| voucher.uses_in(redemption) > 0);
            Some(of_code.ok_or_else(|| rejected(GateError::UnknownRedemption))?.no)
        }
    };
    let command = actors::ReverseRequest {
        by: gate.by.clone(),
        request,
        order: found.order.id,
        redemption: named
            .map_or(ReverseSelection::LastOf(found.voucher.ticket), ReverseSelection::Redemption),
    };
    let done = within(state, state.engine.reverse(command)).await.map_err(failed)?;
    let now = FoundVoucher { order: done.order, voucher: found.voucher };
    let voucher = Seen::new(&now, state)?;
    let quantity = voucher.uses_in(&done.redemption);
    // The number took back something else before.
    if quantity == 0 || named.is_some_and(|named| named != done.redemption.no) {
        return Err(rejected(GateError::RequestNoReused));
    }
    let reversal = done.redemption.reversed.as_ref();
    let reversal = reversal.ok_or(Refusal(GateError::OutcomeUnknown, Outcome::Unknown))?;
    Ok(success(
        &ReversalAnswer {
            redemption_no: done.redemption.no.to_string(),
            request_no: asked.request_no,
            code: voucher.ticket.code.to_string(),
            quantity,
            reversed_at: voucher.time(reversal.at),
        },
        done.repeated,
    ))
}

/// A voucher's ticket and line within its order.
struct Seen<'a> {
    order: &'a Order,
    line: &'a OrderLine,
    ticket: &'a Ticket,
    /// Index of the ticket in the order.
    at: usize,
    offset_seconds: i32,
}

impl<'a> Seen<'a> {
    fn new(found: &'a FoundVoucher, state: &AppState) -> Result<Self, Refusal> {
        let order = &*found.order;
        let unknown = || rejected(GateError::UnknownCode);
        let at = found.ticket().ok_or_else(unknown)?;
        let ticket = order.tickets.get(at).ok_or_else(unknown)?;
        let line = order.lines.get(usize::from(ticket.line)).ok_or_else(unknown)?;
        let catalogue = state.engine.catalogue();
        let supplier = catalogue.supplier(order.supplier);
        let offset_seconds = supplier.map_or(0, |supplier| supplier.utc_offset_seconds);
        Ok(Self { order, line, ticket, at, offset_seconds })
    }

    /// The first state that fits, in the order the engine refuses in.
    fn state(&self, now: UnixMillis) -> VoucherState {
        if self.ticket.refunded {
            VoucherState::Refunded
        } else if self.order.uses_left(self.at) == 0 {
            VoucherState::UsedUp
        } else if now < self.line.valid_from {
            VoucherState::NotYetValid
        } else if self.line.valid_until <= now {
            VoucherState::Expired
        } else {
            VoucherState::Usable
        }
    }

    /// Uses of this ticket in a redemption.
    fn uses_in(&self, redemption: &Redemption) -> u16 {
        let mine = |uses: &&crate::domain::order::TicketUses| usize::from(uses.ticket) == self.at;
        redemption.uses.iter().find(mine).map_or(0, |uses| uses.uses)
    }

    /// Our public id of the product; products are never removed.
    fn product_id(&self, state: &AppState) -> String {
        let catalogue = state.engine.catalogue();
        catalogue.product(self.line.product).map_or_else(String::new, |it| it.id.to_string())
    }

    /// An instant on the venue's clock.
    fn time(&self, at: UnixMillis) -> String {
        let zone = Offset::from_seconds(self.offset_seconds).unwrap_or(Offset::UTC);
        let instant = jiff::Timestamp::from_millisecond(at.get()).unwrap_or_default();
        let local = instant.to_zoned(TimeZone::fixed(zone));
        local.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
    }
}

/// The voucher of a code, if the gate serves its supplier.
async fn find(gate: &Gate, code: &str, state: &AppState) -> Result<FoundVoucher, Refusal> {
    let unknown = || rejected(GateError::UnknownCode);
    let code = VoucherCode::parse(code).map_err(|_| unknown())?;
    let found = within(state, state.engine.find_voucher(code)).await.map_err(failed)?;
    let found = found.ok_or_else(unknown)?;
    let catalogue = state.engine.catalogue();
    let supplier = catalogue.supplier(found.order.supplier).map(|supplier| &*supplier.id);
    let serves = |id: &str| gate.suppliers.is_empty() || gate.suppliers.iter().any(|s| s == id);
    if supplier.is_some_and(serves) { Ok(found) } else { Err(rejected(GateError::OtherSupplier)) }
}

fn key(request_no: &str) -> Result<RequestKey, Refusal> {
    let wrong = |error: crate::types::RequestKeyError| {
        invalid(GateError::InvalidRequest(error.to_string()))
    };
    RequestKey::new(request_no).map_err(wrong)
}

fn invalid(error: GateError) -> Refusal {
    Refusal(error, Outcome::Invalid)
}

fn rejected(error: GateError) -> Refusal {
    Refusal(error, Outcome::Rejected)
}

fn failed(error: EngineError) -> Refusal {
    let outcome = Outcome::of(&error);
    let gate = match error {
        EngineError::Overloaded => GateError::Busy,
        EngineError::Unavailable => GateError::Unavailable,
        EngineError::OutcomeUnknown => GateError::OutcomeUnknown,
        EngineError::Rejected(rejection) => {
            GateError::of(&rejection).unwrap_or(GateError::Unavailable)
        }
    };
    Refusal(gate, outcome)
}

fn success(answer: &impl Serialize, repeated: bool) -> Answer {
    let body = serde_json::to_string(answer).expect("structs with text keys are always JSON");
    let mut builder = HttpResponse::Ok();
    builder.content_type(gate::CONTENT_TYPE);
    if repeated {
        builder.insert_header((REPLAY_HEADER, "true"));
    }
    Answer { response: builder.body(body), outcome: Outcome::Ok }
}

fn refusal(error: &GateError, outcome: Outcome) -> Answer {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    builder.content_type(gate::CONTENT_TYPE);
    if status == StatusCode::UNAUTHORIZED {
        builder.insert_header((WWW_AUTHENTICATE, "Bearer"));
    }
    Answer { response: builder.body(error.body()), outcome }
}
