//! The HTTP server that every peer stands behind: actix-web as Piaoku sets it up, the two addresses, the
//! same decoder and the same writer of answers.
//!
//! No peer checks HAWK or the pay password, none encrypts anything.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::header::{
    ACCEPT, ACCEPT_CHARSET, AsHeaderName, CONTENT_TYPE, HeaderName, HeaderValue,
};
use actix_web::http::{KeepAlive, StatusCode};
use actix_web::web::Bytes;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Route, web};
use piaoku::http::HttpConfig;
use piaoku::wire::codec::{Body, Limits, Negotiation, Record};
use piaoku::wire::message;
use piaoku::wire::ota::{CommonOperationResult, OrderOperatorResult, ResultCode};

use crate::sale::{self, Sale};

static X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// Path of Verify.
pub(crate) const VERIFY: &str = "/api/SpecialOta/DouYin/CalendarTicket/Order/Verify";
/// Path of WithRebate.
pub(crate) const ORDER: &str = "/api/OrderAndPay2/WithRebate";
/// Path that tells whether requests are taken.
pub(crate) const READY: &str = "/health/ready";

/// Where and how wide to serve.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FrontArguments {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    pub(crate) listen: SocketAddr,
    /// Threads that read, decode and write, as Piaoku's http.workers
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) workers: usize,
}

/// What a peer decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Sold under this order number, or could be sold: then there is none.
    Yes { order: Option<String> },
    /// The result code of the OTA family that says why not.
    No { code: i32 },
}

/// A store that sells. Each worker has one of its own.
pub(crate) trait Store: 'static {
    /// Whether the sale could be made.
    async fn verify(&self, sale: &Sale) -> anyhow::Result<Verdict>;
    /// Makes it, durably before it returns as far as the store is set up so.
    async fn sell(&self, sale: &Sale) -> anyhow::Result<Verdict>;
}

/// Serves a store until SIGINT or SIGTERM. `connect` is called once in each worker.
pub(crate) fn serve_store<S, C, F>(arguments: &FrontArguments, connect: C) -> anyhow::Result<()>
where
    S: Store,
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = anyhow::Result<S>> + 'static,
{
    let make_state = move || {
        let connected = connect();
        async { Ok(State { store: connected.await?, limits: sale::limits() }) }
    };
    serve(arguments, make_state, || web::route().to(handle::<S>))
}

/// Serves until SIGINT or SIGTERM, with Piaoku's settings and a state for each worker.
pub(crate) fn serve<D, C, F>(
    arguments: &FrontArguments,
    make_state: C,
    route: fn() -> Route,
) -> anyhow::Result<()>
where
    D: 'static,
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = anyhow::Result<D>> + 'static,
{
    let make_app = move || {
        let make_state = make_state.clone();
        let state = move || {
            let making = make_state();
            async { making.await.map_err(|error| eprintln!("a worker cannot start: {error:#}")) }
        };
        App::new().data_factory(state).default_service(route())
    };
    let config = HttpConfig::default();
    actix_web::rt::System::new().block_on(async {
        HttpServer::new(make_app)
            .workers(arguments.workers)
            .backlog(config.backlog)
            .max_connections(config.connections_per_worker_max)
            .client_request_timeout(Duration::from_millis(config.request_head_timeout_ms))
            .keep_alive(KeepAlive::Timeout(Duration::from_millis(config.keep_alive_ms)))
            .shutdown_timeout(1)
            .bind(arguments.listen)?
            .run()
            .await
    })?;
    Ok(())
}

struct State<S> {
    store: S,
    limits: Limits,
}

async fn handle<S: Store>(
    request: HttpRequest,
    bytes: Bytes,
    state: web::Data<State<S>>,
) -> HttpResponse {
    if request.path() == READY {
        return HttpResponse::Ok().finish();
    }
    let Ok(body) = Body::new(header(&request, CONTENT_TYPE), &bytes) else {
        return HttpResponse::UnsupportedMediaType().finish();
    };
    match request.path() {
        ORDER => {
            let Some(sale) = sale::order(&body, &state.limits) else {
                return HttpResponse::BadRequest().finish();
            };
            let (order, code) = outcome(state.store.sell(&sale).await);
            let result = OrderOperatorResult {
                orderstatus: order.is_some().then(|| "D".into()),
                orderid: order.map(Into::into),
                sendid: Some(sale.sender_id.into()),
                resultcode: code,
                returnmessgage: Some(sentence(code).into()),
            };
            answer(&request, &result)
        }
        VERIFY => {
            let Some(sale) = sale::verify(&body, &state.limits) else {
                return HttpResponse::BadRequest().finish();
            };
            let (_, code) = outcome(state.store.verify(&sale).await);
            let errmsg = Some(sentence(code).into());
            answer(&request, &CommonOperationResult { errcode: code, errmsg, tag: None })
        }
        _ => HttpResponse::NotFound().finish(),
    }
}

/// A store that fails has perhaps sold: the caller repeats with the same key.
fn outcome(verdict: anyhow::Result<Verdict>) -> (Option<String>, i32) {
    match verdict {
        Ok(Verdict::Yes { order }) => (order, ResultCode::SUCCESS.get()),
        Ok(Verdict::No { code }) => (None, code),
        Err(error) => {
            eprintln!("the store: {error:#}");
            (None, ResultCode::RETRY.get())
        }
    }
}

fn sentence(code: i32) -> &'static str {
    match code {
        0 => message::SUCCESS,
        -2 => message::OUTCOME_UNKNOWN,
        1 => "库存不足",
        _ => "不可购买",
    }
}

fn answer<'r, T: Record<'r>>(request: &HttpRequest, result: &T) -> HttpResponse {
    let format = Negotiation {
        accept: header(request, ACCEPT),
        accept_charset: header(request, ACCEPT_CHARSET),
        x_requested_with: header(request, &X_REQUESTED_WITH),
        content_type: header(request, CONTENT_TYPE),
    }
    .choose();
    ok(format.content_type(), format.write(result))
}

/// An answer with a constant content type, made as Piaoku makes them.
pub(crate) fn ok(content_type: &'static str, body: impl MessageBody + 'static) -> HttpResponse {
    let mut response = HttpResponse::with_body(StatusCode::OK, BoxBody::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub(crate) fn header(request: &HttpRequest, name: impl AsHeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}
