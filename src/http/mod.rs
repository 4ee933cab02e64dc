//! The HTTP side: authenticates, decodes, submits to the engine, encodes. Nothing partner-specific
//! goes further, and no rule about selling lives here.
//!
//! One service takes every request and finds the action itself, since the partner's framework
//! ignores case in paths and answers unknown ones in its own way.

mod admin;
mod bearer;
mod callback;
mod config;
mod credentials;
mod deadline;
mod douyin;
mod gate;
mod identity;
mod meter;
mod operations;
mod ota;
mod queries;
mod route;
mod top;
mod webapi;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::http::{KeepAlive, StatusCode};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures_util::StreamExt as _;

use crate::actors::{EngineError, EngineHandle};
use crate::clock::monotonic_nanos;
use crate::metrics::Metrics;
use crate::vault::KeyRing;
use crate::wire::top::gateway::Gateway;

pub use admin::{
    AdminConfig, AdminConfigError, AdminRole, AdminToken, DEMO_TOKEN, Documents, EntryKind, Seal,
};
pub use callback::HttpCourier;
pub use config::{
    DEMO_GATE_TOKEN, DocumentCheckName, DouyinConfig, GateConfig, GateToken, HttpConfig,
    HttpConfigError, InvalidBody, MobileCheckName, OtaConfig, SentAs,
};

use credentials::Credentials;
use meter::Meters;
use route::{Action, Route};

/// Everything the HTTP side is started with.
pub struct HttpParts {
    /// The engine.
    pub engine: EngineHandle,
    /// Keys to seal personal data and to open partners' secrets with.
    pub keys: KeyRing,
    /// Settings.
    pub config: HttpConfig,
    /// Where measurements go.
    pub metrics: Metrics,
    /// The operators' interface.
    pub admin: AdminConfig,
    /// How operators' catalogue entries are read and written.
    pub documents: Arc<dyn Documents>,
}

/// What every worker shares.
struct AppState {
    engine: EngineHandle,
    keys: KeyRing,
    credentials: Credentials,
    config: HttpConfig,
    gateway: Gateway,
    gates: gate::Gates,
    metrics: Metrics,
    /// Whether there is an operators' interface.
    admin_enabled: bool,
    admin_tokens: admin::Tokens,
    documents: Arc<dyn Documents>,
    /// Operators' changes of the catalogue take turns.
    catalogue_changes: tokio::sync::Mutex<()>,
    /// Number of the last answer of the TOP gateway, for its request ids.
    answers: AtomicU64,
}

/// What one worker has.
struct Worker {
    shared: Arc<AppState>,
    meters: Meters,
}

/// How an answer is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Ok,
    Rejected,
    Busy,
    Unavailable,
    Unknown,
    Unauthenticated,
    Invalid,
}

/// An answer and how it is counted.
struct Answer {
    response: HttpResponse,
    outcome: Outcome,
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Rejected => "rejected",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown",
            Self::Unauthenticated => "unauthenticated",
            Self::Invalid => "invalid",
        }
    }

    const fn of(error: &EngineError) -> Self {
        match error {
            EngineError::Rejected(_) => Self::Rejected,
            EngineError::Overloaded => Self::Busy,
            EngineError::Unavailable => Self::Unavailable,
            EngineError::OutcomeUnknown => Self::Unknown,
        }
    }
}

/// Starts serving on `listener`. The server runs until it is stopped or its system is.
///
/// # Errors
/// When the configuration cannot be used or the listener cannot be.
pub fn start(parts: HttpParts, listener: TcpListener) -> io::Result<Server> {
    let HttpParts { engine, keys, config, metrics, admin, documents } = parts;
    let gateway = Gateway::new(config.top.clone()).map_err(io::Error::other)?;
    let state = Arc::new(AppState {
        engine,
        credentials: Credentials::new(keys.clone()),
        keys,
        gateway,
        gates: gate::Gates::new(&config.gates),
        metrics,
        answers: AtomicU64::new(0),
        admin_enabled: admin.enabled,
        admin_tokens: admin::Tokens::new(&admin),
        documents,
        catalogue_changes: tokio::sync::Mutex::new(()),
        config: config.clone(),
    });
    // Each worker has its own handle: a count of users that all of them change would wander between the
    // cores with every request.
    let make_app = move || {
        let worker = Worker { shared: Arc::clone(&state), meters: Meters::default() };
        App::new().app_data(web::Data::new(worker)).default_service(web::route().to(handle))
    };
    let server = HttpServer::new(make_app)
        .workers(config.workers)
        .backlog(config.backlog)
        .max_connections(config.connections_per_worker_max)
        .client_request_timeout(Duration::from_millis(config.request_head_timeout_ms))
        .keep_alive(KeepAlive::Timeout(Duration::from_millis(config.keep_alive_ms)))
        .shutdown_timeout(config.shutdown_timeout_seconds)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

/// Takes every request: finds its action, reads its body, runs it, counts it.
async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> HttpResponse {
    let state = &*worker.shared;
    if admin::is_meant(&request, state) {
        return Box::pin(admin::handle(&request, payload, state)).await;
    }
    let mut started = monotonic_nanos();
    let (operation, answer) = match route::find(request.path(), request.method().as_str()) {
        Route::Found(action, parts) => {
            let answer = match read(action, &request, payload, state).await {
                Ok(body) => {
                    // A slow client's time is not ours.
                    started = monotonic_nanos();
                    run(action, &parts, &request, &body, state).await
                }
                Err(answer) => *answer,
            };
            (action.name(), answer)
        }
        Route::WrongMethod(action, allowed) => {
            (action.name(), webapi::wrong_method(action, &request, allowed))
        }
        Route::Unknown => ("none", webapi::unknown_path(&request, state)),
    };
    let seconds = (monotonic_nanos() - started) as f64 / 1e9;
    worker.meters.count(&state.metrics, operation, answer.outcome, seconds);
    answer.response
}

/// Reads the request's body, where the action has one.
async fn read(
    action: Action,
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> Result<Bytes, Box<Answer>> {
    if matches!(action, Action::Live | Action::Ready | Action::Metrics) {
        return Ok(Bytes::new());
    }
    read_body(request, payload, state).await.map_err(|error| {
        Box::new(match error {
            BodyError::TooLarge => webapi::body_too_large(action, request, state),
            BodyError::Broken => operations::unreadable_body(StatusCode::BAD_REQUEST),
            BodyError::Late => operations::unreadable_body(StatusCode::REQUEST_TIMEOUT),
        })
    })
}

/// Why a body was not read. Nothing is decided.
enum BodyError {
    /// It is larger than allowed.
    TooLarge,
    /// The client broke off, or sent what is no body.
    Broken,
    /// It took too long.
    Late,
}

/// Reads a request's body, within the configured bounds.
async fn read_body(
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> Result<Bytes, BodyError> {
    let announced = webapi::header(request, CONTENT_LENGTH).and_then(|text| text.parse().ok());
    if announced.is_some_and(|bytes: u64| bytes > state.config.body_bytes_max as u64) {
        return Err(BodyError::TooLarge);
    }
    let time = Duration::from_millis(state.config.request_body_timeout_ms);
    let reading = collect(payload, state.config.body_bytes_max);
    deadline::if_not_at_once(time, reading).await.unwrap_or(Err(BodyError::Late))
}

/// Puts a body together. Nearly always it is one piece, which is then handed on as it is.
async fn collect(payload: web::Payload, max: usize) -> Result<Bytes, BodyError> {
    let mut payload = payload.into_inner();
    let piece = |piece: Result<Bytes, _>| piece.map_err(|_| BodyError::Broken);
    let Some(first) = payload.next().await else { return Ok(Bytes::new()) };
    let first = piece(first)?;
    if first.len() > max {
        return Err(BodyError::TooLarge);
    }
    let Some(mut next) = payload.next().await else { return Ok(first) };
    let mut body = BytesMut::from(first);
    loop {
        let more = piece(next)?;
        if body.len() + more.len() > max {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&more);
        match payload.next().await {
            Some(following) => next = following,
            None => return Ok(body.freeze()),
        }
    }
}

async fn run(
    action: Action,
    parts: &[String],
    request: &HttpRequest,
    body: &[u8],
    state: &AppState,
) -> Answer {
    // Boxed, so that an order does not carry the room that the longest of all actions needs.
    match action {
        Action::Ota(action) => ota::run(action, request, body, state).await,
        Action::Query(action) => Box::pin(queries::run(action, parts, request, body, state)).await,
        Action::TicketCode => Box::pin(douyin::ticket_code(request, body, state)).await,
        Action::Router => Box::pin(top::router(request, body, state)).await,
        Action::Gate(action) => Box::pin(gate::run(action, parts, request, body, state)).await,
        Action::Live => operations::live(),
        Action::Ready => operations::ready(state),
        Action::Metrics => operations::metrics(state),
    }
}

/// Waits for the engine, but not for ever: a late answer is an unknown outcome.
async fn within<T>(
    state: &AppState,
    work: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    let time = Duration::from_millis(state.config.engine_timeout_ms);
    deadline::within(time, work).await.unwrap_or(Err(EngineError::OutcomeUnknown))
}
