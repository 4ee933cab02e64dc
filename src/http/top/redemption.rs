//! Redemption and reversal through the TOP gateway.
//! Source: docs/protocols/top.md, "Ticketcode use", "Reserve" and "Order use".

use crate::actors::{EngineError, FoundVoucher, OrderCommand, Owner};
use crate::actors::{RedeemRequest, Redeemed, ReverseRequest};
use crate::domain::order::{
    Order, RedeemError, Redemption, ReverseSelection, TicketUses, UseSelection,
};
use crate::engine::Rejection;
use crate::http::top::{answer, buyer_id, error, request_id, shop_error};
use crate::http::{Answer, AppState, Outcome, within};
use crate::types::{Fen, LineId, OrderId, RequestKey, TicketId, VoucherCode};
use crate::wire::top::encode;
use crate::wire::top::error::{Refused, TopError};
use crate::wire::top::gateway::Call;
use crate::wire::top::order_use::OrderUseRequest;
use crate::wire::top::reserve::{Failure, ReserveRequest};
use crate::wire::top::ticket_use::{BizCode, TicketUse, UseAnswer, UseDetail, UseRequest};

/// Why there is no success, and how that is counted.
enum No {
    /// The arguments are wrong.
    Argument(TopError),
    /// The rules say so.
    Refused(Refused),
    /// There is no answer.
    Engine(EngineError),
}

impl No {
    const fn outcome(&self) -> Outcome {
        match self {
            Self::Argument(_) => Outcome::Invalid,
            Self::Refused(_) => Outcome::Rejected,
            Self::Engine(error) => Outcome::of(error),
        }
    }
}

impl From<TopError> for No {
    fn from(error: TopError) -> Self {
        Self::Argument(error)
    }
}

impl From<Refused> for No {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<EngineError> for No {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::Rejected(rejection) => match Refused::of(rejection) {
                Some(refused) => Self::Refused(refused),
                None => Self::Engine(error),
            },
            _ => Self::Engine(error),
        }
    }
}

/// `alibaba.alsc.merchant.ext.ticketcode.use`.
pub(super) async fn ticket_use(call: &Call<'_>, state: &AppState) -> Answer {
    let asked = match UseRequest::parse(&call.params) {
        Ok(asked) => asked,
        Err(wrong) => return error(state, call.format, &wrong, Outcome::Invalid),
    };
    if let Some(wrong) = shop_error(call, &asked.shop_id, state) {
        return error(state, call.format, &wrong, Outcome::Rejected);
    }
    match use_tickets(call, &asked, state).await {
        Ok(done) => {
            let used = use_answer(asked.ticket_request_id, &done);
            let text = encode::ticket_use_response(call.format, &used, &request_id(state));
            answer(state, call.format, text, Outcome::Ok)
        }
        Err(no) => {
            let outcome = no.outcome();
            let wrong = match no {
                No::Argument(wrong) => wrong,
                No::Refused(refused) => refused.into(),
                No::Engine(failed) => super::engine_error(&failed),
            };
            error(state, call.format, &wrong, outcome)
        }
    }
}

/// `alibaba.alsc.daodian.ticket.reserve`.
pub(super) async fn reserve(call: &Call<'_>, state: &AppState) -> Answer {
    let asked = match ReserveRequest::parse(&call.params) {
        Ok(asked) => asked,
        Err(wrong) => return error(state, call.format, &wrong, Outcome::Invalid),
    };
    let done = take_back(call, &asked, state).await;
    result(call, state, done.map(drop), encode::reserve_response)
}

/// `alibaba.alsc.daodian.order.use`.
pub(super) async fn order_use(call: &Call<'_>, state: &AppState) -> Answer {
    let asked = match OrderUseRequest::parse(&call.params) {
        Ok(asked) => asked,
        Err(wrong) => return error(state, call.format, &wrong, Outcome::Invalid),
    };
    let done = use_line(call, &asked, state).await;
    let number = done.map(|done| done.redemption.no.to_string());
    result(call, state, number, encode::order_use_response)
}

async fn use_tickets(
    call: &Call<'_>,
    asked: &UseRequest,
    state: &AppState,
) -> Result<Redeemed, No> {
    let (by, request) = (by(call), key(&asked.ticket_request_id, "ticket_request_id")?);
    let code = asked.first_code().and_then(|code| VoucherCode::parse(code).ok());
    let code = code.ok_or(Refused::UNKNOWN_CODE)?;
    let found = within(state, state.engine.find_voucher(code)).await?;
    let found = found.ok_or(Refused::UNKNOWN_CODE)?;
    let uses = if asked.ticket_infos.is_empty() {
        let of_code = |id: &str| ticket_id(id) == Some(found.voucher.ticket);
        if !asked.ticket_id.as_deref().is_none_or(of_code) {
            return Err(TopError::invalid_argument("ticket_id", "不是该券码的凭证").into());
        }
        let quantity = asked.quantity.unwrap_or(1);
        uses_of_code(&found, quantity, &by, &request, state)?
    } else {
        let uses = asked.ticket_infos.iter().map(|ticket| {
            let id = ticket_of(&found.order, ticket)?;
            Ok((id, ticket.quantity.unwrap_or(1)))
        });
        uses.collect::<Result<Vec<_>, No>>()?
    };
    let uses = UseSelection::Tickets(uses.into_iter().collect());
    let command = RedeemRequest { by, request, order: found.order.id, uses };
    Ok(within(state, state.engine.redeem(command)).await?)
}

/// What `quantity` of a code means: uses of a card; of a ticket with one use, that ticket and others
/// of the same product in its order, as many as a preview says are available.
fn uses_of_code(
    found: &FoundVoucher,
    quantity: u16,
    by: &str,
    request: &RequestKey,
    state: &AppState,
) -> Result<Vec<(TicketId, u16)>, No> {
    let (order, ticket) = (&found.order, found.voucher.ticket);
    if quantity == 1 || found.voucher.uses > 1 {
        return Ok(vec![(ticket, quantity)]);
    }
    // A repeat means the tickets it was given at first.
    if let Some(known) = order.redemption_by(by, request) {
        let tickets: Vec<_> = uses_in(order, known).collect();
        let same = tickets.len() == usize::from(quantity)
            && tickets.iter().any(|(known, _)| *known == ticket);
        return if same { Ok(tickets) } else { Err(Refused::REQUEST_REUSED.into()) };
    }
    let usable = found.usable_tickets(state.engine.now());
    let others = usable.iter().filter_map(|at| order.tickets.get(*at)).map(|other| other.id);
    let others = others.filter(|other| *other != ticket);
    let tickets: Vec<_> =
        std::iter::once(ticket).chain(others).take(quantity.into()).map(|id| (id, 1)).collect();
    if tickets.len() < usize::from(quantity) && found.is_usable(state.engine.now()) {
        let left = u16::try_from(tickets.len()).unwrap_or(u16::MAX);
        let short = Rejection::Redeem(RedeemError::UsedUp { ticket, left });
        return Err(EngineError::Rejected(short).into());
    }
    // Why the ticket itself cannot be used is for the engine to say.
    Ok(tickets)
}

/// The ticket of an order that is named by number, code or both.
fn ticket_of(order: &Order, named: &TicketUse) -> Result<TicketId, No> {
    let by_id = named.ticket_id.as_deref().map(ticket_id);
    let by_code = named.ticket_code.as_deref().map(|code| VoucherCode::parse(code).ok());
    let is = |ticket: &&crate::domain::order::Ticket| {
        by_id.is_none_or(|id| id == Some(ticket.id))
            && by_code.is_none_or(|code| code == Some(ticket.code))
    };
    Ok(order.tickets.iter().find(is).ok_or(Refused::UNKNOWN_CODE)?.id)
}

async fn take_back(
    call: &Call<'_>,
    asked: &ReserveRequest,
    state: &AppState,
) -> Result<Redeemed, No> {
    let (by, request) = (by(call), key(&asked.request_id, "request_id")?);
    let ticket = ticket_id(&asked.ticket_id).ok_or(Refused::UNKNOWN_TRANSACTION)?;
    let order = within(state, state.engine.order_of_used_ticket(ticket)).await?;
    let id = order.ok_or(Refused::UNKNOWN_TRANSACTION)?;
    let mut redemption = ReverseSelection::LastOf(ticket);
    let mut named = None;
    if let Some(number) = &asked.ticket_use_trans_id {
        let query = state.engine.with_order_of(Owner::Anyone, id, OrderCommand::Query);
        let order = within(state, query).await?;
        let known = number.parse().ok().and_then(|no| order.redemption(no));
        let of_ticket = known.filter(|known| uses_in(&order, known).any(|(id, _)| id == ticket));
        let no = of_ticket.ok_or(Refused::UNKNOWN_TRANSACTION)?.no;
        redemption = ReverseSelection::Redemption(no);
        named = Some(no);
    }
    let command = ReverseRequest { by, request, order: id, redemption };
    let done = within(state, state.engine.reverse(command)).await?;
    // The number took back something else before.
    let other = named.is_some_and(|named| named != done.redemption.no)
        || !uses_in(&done.order, &done.redemption).any(|(id, _)| id == ticket);
    if other { Err(Refused::REQUEST_REUSED.into()) } else { Ok(done) }
}

async fn use_line(
    call: &Call<'_>,
    asked: &OrderUseRequest,
    state: &AppState,
) -> Result<Redeemed, No> {
    let (by, request) = (by(call), key(&asked.request_id, "request_id")?);
    let id = number(&asked.alsc_order_no).map(OrderId::new).ok_or(Refused::UNKNOWN_ORDER)?;
    let query = state.engine.with_order_of(Owner::Anyone, id, OrderCommand::Query);
    let order = within(state, query).await?;
    let line = number(&asked.alsc_sub_order_no).map(LineId::new);
    let at = order.lines.iter().position(|known| Some(known.id) == line);
    let at = at.filter(|_| !order.tickets.is_empty()).ok_or(Refused::UNKNOWN_ORDER)?;
    if buyer_id(&order, at, state) != asked.buyer_id {
        return Err(Refused::OTHER_BUYER.into());
    }
    let uses = UseSelection::Line(order.lines[at].id);
    let command = RedeemRequest { by, request, order: id, uses };
    Ok(within(state, state.engine.redeem(command)).await?)
}

/// An answer with a `result`. What is not known or not possible now is a failure that may be repeated;
/// only a flow limit, which is the gateway's, is its error.
fn result<T>(
    call: &Call<'_>,
    state: &AppState,
    done: Result<T, No>,
    encode: impl Fn(crate::wire::top::gateway::Format, &Result<T, Failure>, &str) -> String,
) -> Answer {
    let (outcome, done) = match done {
        Ok(done) => (Outcome::Ok, Ok(done)),
        Err(no) => {
            let outcome = no.outcome();
            match no {
                No::Argument(wrong) => return error(state, call.format, &wrong, outcome),
                No::Engine(EngineError::Overloaded) => {
                    return error(state, call.format, &TopError::busy(), outcome);
                }
                No::Refused(refused) => (outcome, Err(refused.into())),
                No::Engine(_) => (outcome, Err(Failure::system_error())),
            }
        }
    };
    let text = encode(call.format, &done, &request_id(state));
    answer(state, call.format, text, outcome)
}

/// The redemption as it is answered: from what is stored with it alone, so that a repeat gets the same.
fn use_answer(ticket_request_id: String, done: &Redeemed) -> UseAnswer {
    let Redeemed { order, redemption, repeated } = done;
    let number = redemption.no.to_string();
    let details: Vec<_> =
        redemption.uses.iter().filter_map(|it| detail(order, *it, &number)).collect();
    let first =
        redemption.uses.first().and_then(|uses| order.tickets.get(usize::from(uses.ticket)));
    let line = first.and_then(|ticket| order.lines.get(usize::from(ticket.line)));
    let sum = |amount: fn(&UseDetail) -> Fen| {
        let add = |sum: Fen, detail| sum.checked_add(amount(detail)).unwrap_or(sum);
        details.iter().fold(Fen::ZERO, add)
    };
    UseAnswer {
        biz_code: if *repeated { BizCode::TicketAlreadyUsed } else { BizCode::Success },
        ticket_request_id,
        use_date: redemption.at,
        ticket_trans_id: number,
        ticket_code: first.map(|ticket| ticket.code.to_string()).unwrap_or_default(),
        order_no: order.id.to_string(),
        item_id: line.map(|line| line.product.to_string()).unwrap_or_default(),
        item_name: line.map(|line| line.product_name.to_string()).unwrap_or_default(),
        buyer_pay_amount: sum(|detail| detail.buyer_pay_amount),
        receipt_amount: sum(|detail| detail.receipt_amount),
        details,
    }
}

fn detail(order: &Order, uses: TicketUses, number: &str) -> Option<UseDetail> {
    let ticket = order.tickets.get(usize::from(uses.ticket))?;
    let line = order.lines.get(usize::from(ticket.line))?;
    // A card's uses share its price; what does not divide stays with the card.
    let paid = i128::from(line.unit_price.get()) * i128::from(uses.uses);
    let paid = paid / i128::from(line.uses.max(1));
    let paid = Fen::new(i64::try_from(paid).ok()?);
    Some(UseDetail {
        ticket_trans_id: number.to_owned(),
        ticket_code: ticket.code.to_string(),
        ticket_id: ticket.id.to_string(),
        quantity: uses.uses,
        buyer_pay_amount: paid,
        receipt_amount: paid,
    })
}

/// Tickets and their uses in a redemption.
fn uses_in<'a>(
    order: &'a Order,
    redemption: &'a Redemption,
) -> impl Iterator<Item = (TicketId, u16)> + 'a {
    redemption.uses.iter().filter_map(|uses| {
        let ticket = order.tickets.get(usize::from(uses.ticket))?;
        Some((ticket.id, uses.uses))
    })
}

/// What an application's redemptions carry.
fn by(call: &Call<'_>) -> Box<str> {
    format!("top/{}", call.params.get("app_key").unwrap_or_default()).into()
}

fn key(request_id: &str, name: &'static str) -> Result<RequestKey, TopError> {
    RequestKey::new(request_id).map_err(|_| TopError::invalid_argument(name, "过长"))
}

fn ticket_id(text: &str) -> Option<TicketId> {
    number(text).map(TicketId::new)
}

/// One of our numbers, as we write them.
fn number(text: &str) -> Option<u64> {
    let number = text.parse().ok()?;
    (u64::to_string(&number) == text).then_some(number)
}
