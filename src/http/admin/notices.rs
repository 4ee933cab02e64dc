//! What agents are told about their orders: the last attempts, and telling them again.

use serde_json::{Value, json};

use crate::actors::{Delivery, DeliveryResult, EngineError, OrderCommand, Owner};
use crate::domain::order::Notice;
use crate::engine::Rejection;
use crate::http::admin::Reply;
use crate::http::admin::accounts::agent;
use crate::http::admin::call::{Call, instant_text};
use crate::http::admin::failure::Failure;
use crate::http::admin::orders::{NoBody, number, shown};
use crate::http::callback::event;
use crate::http::{AppState, within};

/// The last attempts to tell an agent something, newest first.
pub(super) fn deliveries(id: &str, state: &AppState) -> Reply {
    let attempts = state.engine.deliveries(agent(id, state)?);
    let attempts: Vec<Value> = attempts.iter().map(delivery_json).collect();
    Ok(json!({ "agent": id, "deliveries": attempts }))
}

/// Tells an agent again. A notice that waits is tried now, which changes nothing and leaves no record.
pub(super) async fn replay(id: &str, no: &str, call: &Call, state: &AppState) -> Reply {
    let NoBody {} = call.read()?;
    let (order, engine) = (number(id)?, call.acting(&state.engine)?);
    let known = no.parse().map_err(|_| Failure::not_found("notice", no))?;
    // Without the order the answer below would blame the notice.
    let query = engine.with_order_of(Owner::Anyone, order, OrderCommand::Query);
    within(state, query).await?;
    match within(state, engine.replay_notice(order, known)).await {
        Ok(order) => Ok(shown(&order, state)),
        Err(EngineError::Rejected(Rejection::UnknownOrder)) => {
            Err(Failure::not_found("notice", no))
        }
        Err(error) => Err(error.into()),
    }
}

fn delivery_json(delivery: &Delivery) -> Value {
    let Delivery { order, notice, at, attempt, result } = delivery;
    let mut shown = json!({
        "order": order.to_string(),
        "tried_at": instant_text(*at),
        "attempt": attempt,
        "result": result.name(),
        "why": match result {
            DeliveryResult::Failed(failure) => json!(failure.to_string()),
            _ => Value::Null,
        },
    });
    if let (Some(members), Value::Object(notice)) = (shown.as_object_mut(), notice_json(notice)) {
        members.extend(notice);
    }
    shown
}

/// One thing to tell.
pub(super) fn notice_json(notice: &Notice) -> Value {
    json!({
        "notice": notice.no,
        "event": event(notice.kind),
        "happened_at": instant_text(notice.at),
    })
}
