//! The operators' interface, `/admin/v1`: authenticates, decodes, submits, encodes. Whatever it changes
//! goes into the journal with who and why. Source: docs/operator.md.
//!
//! It acts for the house and therefore for any agent; what the rules forbid it cannot do either.

mod accounts;
mod call;
mod catalogue;
mod config;
mod explain;
mod failure;
mod orders;
mod stock;

use actix_web::http::StatusCode;
use actix_web::http::header::WWW_AUTHENTICATE;
use actix_web::{HttpRequest, HttpResponse, web};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

pub use catalogue::{Documents, EntryKind, Seal};
pub use config::{AdminConfig, AdminConfigError, AdminRole, AdminToken, DEMO_TOKEN};

pub(in crate::http) use call::Tokens;

use crate::clock::monotonic_nanos;
use crate::http::{Answer, AppState, BodyError, Outcome, bearer, read_body};
use call::Call;
use failure::Failure;

/// Where the interface is.
const PREFIX: &str = "/admin/v1/";
/// Most parts of a path.
const PARTS_MAX: usize = 6;
/// Longest path and longest query, in bytes.
const ADDRESS_LEN_MAX: usize = 2048;

/// What an action answers: a document, or why there is none.
type Reply = Result<Value, Failure>;

/// Whether a request is for the operators' interface.
pub(in crate::http) fn is_meant(request: &HttpRequest, state: &AppState) -> bool {
    state.admin_enabled && request.path().starts_with(PREFIX)
}

/// Answers a request and counts it.
pub(in crate::http) async fn handle(
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> HttpResponse {
    let mut started = monotonic_nanos();
    let answer = match admit(request, payload, state).await {
        Ok(call) => {
            // A slow client's time is not ours.
            started = monotonic_nanos();
            encode(run(&call, request.method().as_str(), state).await)
        }
        Err(failure) => encode(Err(failure)),
    };
    let seconds = (monotonic_nanos() - started) as f64 / 1e9;
    state.metrics.request("admin", answer.outcome.name(), seconds);
    answer.response
}

/// Authenticates before the body is read: strangers are not listened to.
async fn admit(
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> Result<Call, Failure> {
    let known = state.admin_tokens.find(bearer::shown(request).as_ref());
    let (name, role) = known.ok_or_else(Failure::unauthenticated)?;
    let actor = match utf8_header(request, "x-actor") {
        actor if actor.is_empty() => name.to_owned(),
        actor => format!("{name}/{actor}"),
    };
    let is_read = matches!(request.method().as_str(), "GET" | "HEAD");
    let rest = request.path().strip_prefix(PREFIX).unwrap_or_default();
    // Explaining changes nothing, whatever its method.
    if role == AdminRole::Viewer && !is_read && rest.trim_end_matches('/') != "explain" {
        let message = format!("{name} may only look");
        return Err(Failure::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    if rest.len() > ADDRESS_LEN_MAX || request.query_string().len() > ADDRESS_LEN_MAX {
        return Err(Failure::bad_request("the address is too long"));
    }
    let part = |part: &str| percent_decode_str(part).decode_utf8().map(Into::into);
    let path: Result<Vec<String>, _> = rest.trim_end_matches('/').split('/').map(part).collect();
    let path = path.map_err(|_| Failure::bad_request("the address is not UTF-8"))?;
    let query = form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let body = read_body(request, payload, state).await.map_err(|error| match error {
        BodyError::TooLarge => {
            let most = state.config.body_bytes_max;
            let message = format!("a body has at most {most} bytes");
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
        }
        BodyError::Broken => Failure::bad_request("the body broke off"),
        BodyError::Late => {
            Failure::new(StatusCode::REQUEST_TIMEOUT, "body_late", "the body took too long")
        }
    })?;
    let mut body: Map<String, Value> = if body.is_empty() {
        Map::new()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Failure::bad_request(format!("the body is no JSON object: {error}")))?
    };
    let reason = Call::reason(&mut body, utf8_header(request, "x-reason"));
    Ok(Call { actor, path, query, body, reason })
}

/// Finds the action of a path and method, and runs it.
async fn run(call: &Call, method: &str, state: &AppState) -> Reply {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    if path.len() > PARTS_MAX {
        return Err(unknown_path());
    }
    match (method, path.as_slice()) {
        ("GET", ["products", id]) => catalogue::get(EntryKind::Product, id, state),
        ("PUT", ["products", id]) => catalogue::put(EntryKind::Product, id, call, state).await,
        ("PATCH", ["products", id]) => catalogue::patch(EntryKind::Product, id, call, state).await,
        ("PUT", ["products", id, "calendar"]) => catalogue::calendar(id, call, state).await,
        ("GET", ["pools", id]) => catalogue::get(EntryKind::Pool, id, state),
        ("PUT", ["pools", id]) => catalogue::put(EntryKind::Pool, id, call, state).await,
        ("PATCH", ["pools", id]) => catalogue::patch(EntryKind::Pool, id, call, state).await,
        ("GET", ["pools", id, "stock"]) => stock::pool(id, call, state).await,
        ("POST", ["pools", "adjust"]) => stock::adjust_pool(call, state).await,
        ("GET", ["suppliers", id]) => catalogue::get(EntryKind::Supplier, id, state),
        ("PUT", ["suppliers", id]) => catalogue::put(EntryKind::Supplier, id, call, state).await,
        ("GET", ["agents", id]) => catalogue::get(EntryKind::Agent, id, state),
        ("PUT", ["agents", id]) => catalogue::put(EntryKind::Agent, id, call, state).await,
        ("PATCH", ["agents", id]) => catalogue::patch(EntryKind::Agent, id, call, state).await,
        ("GET", ["agents", id, "accounts"]) => accounts::show(id, state).await,
        ("POST", ["agents", id, "top-up"]) => accounts::top_up(id, call, state).await,
        ("PUT", ["agents", id, "credit"]) => accounts::set_credit(id, call, state).await,
        ("GET", ["slots"]) => stock::slot(call, state).await,
        ("POST", ["slots", "adjust"]) => stock::adjust_slot(call, state).await,
        ("POST", ["slots", "open"]) => stock::set_open(call, true, state).await,
        ("POST", ["slots", "close"]) => stock::set_open(call, false, state).await,
        ("GET", ["orders", id]) => orders::show(id, state).await,
        ("POST", ["orders", id, "cancel"]) => orders::cancel(id, call, state).await,
        ("POST", ["orders", id, "refund"]) => orders::refund(id, call, state).await,
        ("POST", ["orders", id, "extend"]) => orders::extend(id, call, state).await,
        ("POST", ["explain"]) => explain::explain(call, state).await,
        _ => Err(unknown_path()),
    }
}

fn unknown_path() -> Failure {
    let message = "no action has this method and path; see docs/operator.md";
    Failure::new(StatusCode::NOT_FOUND, "unknown_path", message)
}

fn encode(reply: Reply) -> Answer {
    match reply {
        Ok(document) => {
            Answer { response: HttpResponse::Ok().json(document), outcome: Outcome::Ok }
        }
        Err(failure) => {
            let mut builder = HttpResponse::build(failure.status);
            if failure.status == StatusCode::UNAUTHORIZED {
                builder.insert_header((WWW_AUTHENTICATE, "Bearer"));
            }
            Answer { response: builder.json(failure.to_json()), outcome: failure.outcome }
        }
    }
}

/// A header's text in UTF-8, empty when it is not there or is none.
fn utf8_header(request: &HttpRequest, name: &str) -> String {
    let value = request.headers().get(name).map(|value| value.as_bytes());
    value.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default().trim().to_owned()
}
