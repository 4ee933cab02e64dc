//! The whole program but its command line: a server on a free port of this process, its default settings,
//! and requests over keep-alive connections, signed and with personal data as partners send them.
//!
//! What can be compared: `live` is a handler that reads no body, `bare` an actix-web server with as many
//! workers that decodes the same order by the same decoder and gives a constant answer: what is missing
//! from its rate is authentication, sealing, rules, engine and journal. The client shares the machine and
//! waits for the slowest of its 64 connections before it asks again, so that rates are lower than those
//! of a load generator; read ratios. The books are audited afterwards by `piaoku audit`.

use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use piaoku::http::HttpConfig;
use piaoku::wire::codec::{Body, Limits, to_json};
use piaoku::wire::ota::{OrderAndPayWithPasswordParm, OrderOperatorResult};

mod support;

use support::site::{Connections, Format, Partner, Site};
use support::store::{self, Audited};

const CONNECTIONS: usize = 64;
const LIVE: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// How many requests a second does each kind come to, beside a handler that does nothing?
fn end_to_end(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Site::start(dir.path());
    let bare = Bare::start();
    let mut partner = Partner::of(server.addr);
    let mut connections = Connections::open(server.addr, CONNECTIONS);
    let mut group = c.benchmark_group("http");
    group.throughput(Throughput::Elements(CONNECTIONS as u64));

    let live = vec![LIVE.to_vec(); CONNECTIONS];
    group.bench_function("live", |b| b.iter(|| connections.exchange(&live, |_| {})));

    let mut to_bare = Connections::open(bare.addr, CONNECTIONS);
    group.bench_function("bare", |b| {
        b.iter_batched(
            || requests(|| partner.order("B-RULES", Format::Json)),
            |requests| to_bare.exchange(&requests, |body| assert!(body.contains("BENCH"))),
            BatchSize::LargeInput,
        );
    });
    let mut sold = 0_u64;
    for (name, format) in [("json", Format::Json), ("xml", Format::Xml)] {
        group.bench_function(format!("verify/{name}"), |b| {
            b.iter_batched(
                || requests(|| partner.verify("B-RULES", format)),
                |requests| connections.exchange(&requests, |body| assert!(is_good(body), "{body}")),
                BatchSize::LargeInput,
            );
        });
        group.bench_function(format!("order/{name}"), |b| {
            b.iter_batched(
                || requests(|| partner.order("B-RULES", format)),
                |requests| {
                    connections.exchange(&requests, |body| {
                        assert!(is_good(body), "{body}");
                        sold += 1;
                    });
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.bench_function("sold_out", |b| {
        b.iter_batched(
            || requests(|| partner.order("B-NONE", Format::Json)),
            |requests| connections.exchange(&requests, |body| assert!(!is_good(body), "{body}")),
            BatchSize::LargeInput,
        );
    });
    group.finish();
    drop((connections, to_bare));
    drop((server, bare));
    assert_eq!(store::audit(dir.path()), Audited { orders: sold, paid: sold, vouchers: sold });
}

fn requests(mut one: impl FnMut() -> Vec<u8>) -> Vec<Vec<u8>> {
    (0..CONNECTIONS).map(|_| one()).collect()
}

/// Whether an answer of either format says that it was done.
fn is_good(body: &str) -> bool {
    ["\"resultcode\":0,", "\"errcode\":0,", "<resultcode>0<", "<errcode>0<"]
        .iter()
        .any(|good| body.contains(good))
}

/// actix-web that decodes an order and answers the same every time.
struct Bare {
    addr: SocketAddr,
    server: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Bare {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("its address");
        let app = || App::new().default_service(web::post().to(decode_and_answer));
        let (started, begun) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let server = HttpServer::new(app).workers(HttpConfig::default().workers);
                let server = server.disable_signals().listen(listener).expect("it listens").run();
                started.send(server.handle()).expect("somebody waits");
                server.await.expect("it serves");
            });
        });
        Self { addr, server: begun.recv().expect("it starts"), thread: Some(thread) }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // Telling is enough: the thread that serves carries it out.
        drop(self.server.stop(true));
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it stops");
        }
    }
}

async fn decode_and_answer(bytes: web::Bytes) -> HttpResponse {
    let Ok(body) = Body::new(Some("application/json"), &bytes) else {
        return HttpResponse::UnsupportedMediaType().finish();
    };
    let read = body.read::<OrderAndPayWithPasswordParm<'_>>("parm", &Limits::default());
    let order = read.model.and_then(|parm| parm.orderinfo);
    let answer = OrderOperatorResult {
        orderid: Some("2026112100000000001".into()),
        sendid: order.and_then(|order| order.senderid),
        orderstatus: Some("3".into()),
        resultcode: 0,
        returnmessgage: Some("成功".into()),
    };
    HttpResponse::Ok().content_type("application/json; charset=utf-8").body(to_json(&answer))
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4));
    targets = end_to_end
}
criterion_main!(benches);
