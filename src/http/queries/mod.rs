//! Agents' questions: how an order stands, what its tickets are shown by, what is on sale and what is
//! left of it. They change nothing, and whoever asks sees orders of its own only.
//!
//! An answer is a picture of a moment: nothing is held for whoever asks.
//! Source: docs/protocols/ota.md, "Queries".

mod account;
mod barcode;
mod order;
mod parameters;
mod performance;
mod product;
mod seat;
mod text;

use std::sync::Arc;

use actix_web::HttpRequest;

use crate::actors::{EngineError, Onlooker, Quota, SlotStock, less};
use crate::domain::catalogue::{Catalogue, Product, Supplier};
use crate::domain::inventory::Available;
use crate::engine::Rejection;
use crate::engine::occasion::{self, Occasion, is_closed};
use crate::http::ota::{Caller, authenticate};
use crate::http::route::QueryAction;
use crate::http::{Answer, AppState, Outcome, webapi, within};
use crate::types::{Channel, Quantity, ServiceDate, SlotKey, UnixMillis};
use crate::wire::codec::{HttpError, ModelState};
use crate::wire::message;

use parameters::Parameters;

/// One question being answered.
struct Question<'q> {
    request: &'q HttpRequest,
    state: &'q AppState,
    caller: &'q Caller,
    parameters: Parameters<'q>,
    catalogue: Arc<Catalogue>,
    now: UnixMillis,
}

/// Why a question has no answer.
#[derive(Debug)]
enum Problem {
    /// A parameter is missing, so that no action fits.
    Missing,
    /// A parameter's value cannot be used: its name and what is wrong.
    Invalid(&'static str, String),
    /// There is no such thing, or it is not the caller's.
    Unknown(&'static str),
    /// The answer would cost too much.
    TooMuch,
    /// The engine has none.
    Engine(EngineError),
    /// What the store has of it cannot be opened.
    Sealed,
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// The channel agents order through, which is what they ask for.
const CHANNEL: Channel = Channel::Ota;

const TOO_MUCH: &str = "查询范围过大，请缩短日期范围或指定产品";

/// Answers an authenticated agent's question. `parts` are the open parts of the path.
pub(super) async fn run(
    action: QueryAction,
    parts: &[String],
    request: &HttpRequest,
    bytes: &[u8],
    state: &AppState,
) -> Answer {
    let Some(caller) = authenticate(request, bytes, state) else {
        return webapi::error(request, &HttpError::unauthorized());
    };
    let question = Question {
        request,
        state,
        caller: &caller,
        parameters: Parameters::read(request.query_string()),
        catalogue: state.engine.catalogue(),
        now: state.engine.now(),
    };
    let part = |at: usize| parts.get(at).map_or("", String::as_str);
    let answered = match action {
        QueryAction::OrderMain => question.order_main(part(0)).await,
        QueryAction::OrderDetail => question.order_detail(part(0)).await,
        QueryAction::Tickets => question.tickets().await,
        QueryAction::Ticket => question.ticket().await,
        QueryAction::Barcode => Ok(question.barcode(part(0), part(1)).await),
        QueryAction::TicketImage => Ok(question.ticket_image(part(0), part(1)).await),
        QueryAction::TimeSegments => question.time_segments().await,
        QueryAction::Inventory => question.inventory().await,
        QueryAction::Products => question.products(),
        QueryAction::Performances => question.performances().await,
        QueryAction::Performance => question.performance(part(0)).await,
        QueryAction::SeatAreas => question.seat_areas().await,
        QueryAction::SeatPlan => question.seat_plan(part(0)).await,
        QueryAction::Prepayment => question.prepayment().await,
        QueryAction::Rebate => question.rebate().await,
    };
    answered.unwrap_or_else(|problem| question.refuse(&problem))
}

impl Question<'_> {
    /// How slots stand; refused when there are more than one question may cost.
    async fn look(&self, slots: &[SlotKey]) -> Result<Vec<SlotStock>, Problem> {
        Ok(within(self.state, self.state.engine.look(self.onlooker(), slots)).await?)
    }

    /// Whose allotments and quotas count.
    fn onlooker(&self) -> Onlooker {
        Onlooker { agent: self.caller.agent().no, channel: CHANNEL }
    }

    /// The occasions of a product in `range` that the caller can book.
    fn bookable<'a>(
        &self,
        product: &'a Product,
        supplier: &'a Supplier,
        range: (ServiceDate, ServiceDate),
    ) -> impl Iterator<Item = Occasion> + use<'a> {
        occasion::bookable(product, supplier, CHANNEL, range, self.now)
    }

    /// What the caller can order of a product's slot: of its areas only those that are open, and no
    /// more than any quota leaves.
    fn left(&self, stock: &SlotStock) -> Available {
        let Some(product) = self.catalogue.product(stock.slot.product) else {
            return Available::Left(Quantity::ZERO);
        };
        let open = stock.available_in(|area| !is_closed(product, stock.slot, product.area(area)));
        stock.quotas.iter().map(Quota::bound).fold(open, less)
    }

    /// Adds a slot to those to be looked at.
    fn add_slot(&self, slots: &mut Vec<SlotKey>, slot: SlotKey) -> Result<(), Problem> {
        if slots.len() >= self.state.config.query_slots_max {
            return Err(Problem::TooMuch);
        }
        slots.push(slot);
        Ok(())
    }

    /// The framework's own form of a problem: the results of most questions have no place for one.
    fn refuse(&self, problem: &Problem) -> Answer {
        let (error, outcome) = match problem {
            Problem::Missing => return webapi::unknown_path(self.request, self.state),
            Problem::Invalid(name, text) => {
                let mut state = ModelState::new(name, 1);
                state.add_error("", text.as_str());
                (HttpError::invalid(&state, false), Outcome::Invalid)
            }
            Problem::Unknown(text) => (HttpError::new(404, *text), Outcome::Rejected),
            Problem::TooMuch => (HttpError::new(400, TOO_MUCH), Outcome::Rejected),
            Problem::Engine(EngineError::Rejected(rejection)) => {
                let status = if *rejection == Rejection::UnknownOrder { 404 } else { 400 };
                (HttpError::new(status, message::sentence(rejection)), Outcome::Rejected)
            }
            // Nothing changes by asking, so asking again is right whatever the reason.
            Problem::Engine(error) => (HttpError::new(503, message::BUSY), Outcome::of(error)),
            Problem::Sealed => (HttpError::internal(), Outcome::Unavailable),
        };
        Answer { outcome, ..webapi::error(self.request, &error) }
    }
}
