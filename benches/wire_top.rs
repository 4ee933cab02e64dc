//! How long does a call of the TOP gateway take before the engine hears of it, and how long is its answer
//! in the writing? A consult in every form and signature, and each other call in the form partners send.
//!
//! Compared with `form_urlencoded` alone, which takes the same body apart and checks nothing.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use piaoku::types::{Fen, Quantity, UnixMillis};
use piaoku::wire::top::client::{Caller, encode_form};
use piaoku::wire::top::consult::{CONSULT_REQUEST, ConsultRequest, ConsultValue, TicketInfo};
use piaoku::wire::top::encode::{
    consult_response, error_response, order_use_response, reserve_response, ticket_use_response,
};
use piaoku::wire::top::error::{TopCode, TopError};
use piaoku::wire::top::gateway::{Api, Call, Format, Gateway, GatewayConfig};
use piaoku::wire::top::order_use::OrderUseRequest;
use piaoku::wire::top::request::HttpCall;
use piaoku::wire::top::reserve::{Failure, ReserveRequest};
use piaoku::wire::top::sign::SignMethod;
use piaoku::wire::top::ticket_use::{BizCode, UseAnswer, UseDetail, UseRequest};

const NOW: UnixMillis = UnixMillis::new(1_795_280_712_000);
const CODE: &str = "523162942005";

fn pairs(sign_method: SignMethod) -> Vec<(&'static str, String)> {
    let request = ConsultRequest {
        request_id: "f82d968ccc884077b180cff21d7fef17".to_owned(),
        shop_id: "2017112100077000000046517463".to_owned(),
        ticket_code: CODE.to_owned(),
    };
    let text = serde_json::to_string(&request).expect("text members are JSON");
    let caller = Caller {
        app_key: "12345678",
        secret: "helloworld",
        sign_method,
        format: Format::Json,
        now: NOW,
    };
    caller.signed_pairs(Api::TicketConsult, &[(CONSULT_REQUEST, &text)]).expect("a civil time")
}

fn admit<'a>(gateway: &Gateway, call: &HttpCall<'a>) -> Call<'a> {
    let secret_of = |app_key: &str| (app_key == "12345678").then_some("helloworld");
    gateway.admit(call, NOW, secret_of).expect("the call is signed")
}

fn decode(gateway: &Gateway, call: &HttpCall<'_>) -> ConsultRequest {
    ConsultRequest::parse(&admit(gateway, call).params).expect("the request is complete")
}

/// Body of a call that is kept as a file, signed.
fn golden(case: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/top");
    let text = std::fs::read_to_string(root.join(case).join("request.http")).expect("it is kept");
    text.split_once("\r\n\r\n").expect("a head and a body").1.to_owned()
}

fn post(body: &[u8]) -> HttpCall<'_> {
    let content_type = Some("application/x-www-form-urlencoded");
    HttpCall { http_method: "POST", query: "", content_type, body }
}

/// What does each signature method cost, and each request form?
fn bench_decode(criterion: &mut Criterion) {
    let gateway = Gateway::new(GatewayConfig::default()).expect("the default order is complete");
    let mut group = criterion.benchmark_group("top/decode");
    group.throughput(Throughput::Elements(1));
    for sign_method in SignMethod::ALL {
        let body = encode_form(&pairs(sign_method));
        let call = post(body.as_bytes());
        assert_eq!(decode(&gateway, &call).ticket_code, CODE);
        group.bench_function(format!("post_form/{}", sign_method.name()), |bencher| {
            bencher.iter(|| decode(&gateway, black_box(&call)));
        });
    }
    let md5 = pairs(SignMethod::Md5);
    let query = encode_form(&md5);
    let call = HttpCall { http_method: "GET", query: &query, content_type: None, body: b"" };
    assert_eq!(decode(&gateway, &call).ticket_code, CODE);
    group.bench_function("get_query/md5", |bencher| {
        bencher.iter(|| decode(&gateway, black_box(&call)));
    });
    let mut parts = String::new();
    for (key, value) in &md5 {
        parts += "--b\r\nContent-Disposition: form-data; name=\"";
        parts += &format!("{key}\"\r\n\r\n{value}\r\n");
    }
    parts += "--b--\r\n";
    let call = HttpCall {
        content_type: Some("multipart/form-data; boundary=b"),
        ..post(parts.as_bytes())
    };
    assert_eq!(decode(&gateway, &call).ticket_code, CODE);
    group.bench_function("multipart/md5", |bencher| {
        bencher.iter(|| decode(&gateway, black_box(&call)));
    });
    group.finish();
}

/// What does each other call cost, signed by MD5 and posted as a form?
fn bench_other_calls(criterion: &mut Criterion) {
    let gateway = Gateway::new(GatewayConfig::default()).expect("the default order is complete");
    let mut group = criterion.benchmark_group("top/decode_other");
    group.throughput(Throughput::Elements(1));
    let [one, several, order, reserve] =
        ["use/one-code", "use/several-tickets", "order-use/request", "reserve/request"].map(golden);
    for (name, body) in [("use/one_code", &one), ("use/several_tickets", &several)] {
        let read = |call: &HttpCall<'_>| UseRequest::parse(&admit(&gateway, call).params);
        assert!(read(&post(body.as_bytes())).is_ok());
        group.bench_function(name, |b| b.iter(|| read(black_box(&post(body.as_bytes())))));
    }
    let read = |call: &HttpCall<'_>| OrderUseRequest::parse(&admit(&gateway, call).params);
    assert!(read(&post(order.as_bytes())).is_ok());
    group.bench_function("order_use", |b| b.iter(|| read(black_box(&post(order.as_bytes())))));
    let read = |call: &HttpCall<'_>| ReserveRequest::parse(&admit(&gateway, call).params);
    assert!(read(&post(reserve.as_bytes())).is_ok());
    group.bench_function("reserve", |b| b.iter(|| read(black_box(&post(reserve.as_bytes())))));
    let pairs = || form_urlencoded::parse(black_box(one.as_bytes())).into_owned().count();
    assert_eq!(pairs(), 8);
    group.bench_function("form_urlencoded", |b| b.iter(pairs));
    group.finish();
}

/// Which markup is cheapest to write?
fn bench_encode(criterion: &mut Criterion) {
    let ticket = TicketInfo {
        ticket_id: "2208211121312608720".to_owned(),
        ticket_name: "云山景区成人票".to_owned(),
        total_amount: Fen::new(12000),
        real_amount: Fen::new(12000),
        quantity: Quantity::ONE,
        ticket_code: Some(CODE.to_owned()),
        original_price: Fen::new(12000),
    };
    let outcome = Ok(ConsultValue {
        user_phone: Some("175****4139".to_owned()),
        available_quantity: Quantity::new(1),
        ticket_info_list: vec![ticket],
        buyer_id: "AAH05d-EAAeGwJWdwSLqJ3qJ".to_owned(),
        alsc_order_no: "2208281071920082803".to_owned(),
        alsc_sub_order_no: "2208288968219782803".to_owned(),
        item_id: "687787036030".to_owned(),
        out_item_id: "P-ADULT".to_owned(),
    });
    let (used, order_used) = (used(), Ok("2208301071920082803".to_owned()));
    let reserved = Err(Failure::system_error());
    let error = TopError::check(TopCode::InvalidSignature);
    let mut group = criterion.benchmark_group("top/encode");
    group.throughput(Throughput::Elements(1));
    let formats =
        [("xml", Format::Xml), ("json", Format::Json), ("simplified", Format::SimplifiedJson)];
    for (name, format) in formats {
        assert!(consult_response(format, &outcome, "15r4nqhb4qjf7").contains(CODE));
        group.bench_function(format!("consult/{name}"), |bencher| {
            bencher.iter(|| consult_response(format, black_box(&outcome), "15r4nqhb4qjf7"));
        });
        group.bench_function(format!("use/{name}"), |b| {
            b.iter(|| ticket_use_response(format, black_box(&used), "15r4nqhb4qjf7"));
        });
        group.bench_function(format!("order_use/{name}"), |b| {
            b.iter(|| order_use_response(format, black_box(&order_used), "15r4nqhb4qjf7"));
        });
        group.bench_function(format!("reserve/{name}"), |b| {
            b.iter(|| reserve_response(format, black_box(&reserved), "15r4nqhb4qjf7"));
        });
        group.bench_function(format!("error/{name}"), |b| {
            b.iter(|| error_response(format, black_box(&error), "15r4nqhb4qjf7"));
        });
    }
    group.finish();
}

/// A ticket redeemed.
fn used() -> UseAnswer {
    let text = |text: &str| text.to_owned();
    let detail = UseDetail {
        ticket_trans_id: text("2208301071920082803"),
        ticket_code: text(CODE),
        ticket_id: text("2208211121312608720"),
        quantity: 1,
        buyer_pay_amount: Fen::new(12_000),
        receipt_amount: Fen::new(12_000),
    };
    UseAnswer {
        biz_code: BizCode::Success,
        ticket_request_id: text("f82d968ccc884077b180cff21d7fef17"),
        use_date: NOW,
        ticket_trans_id: text("2208301071920082803"),
        ticket_code: text(CODE),
        order_no: text("2208281071920082803"),
        item_id: text("687787036030"),
        item_name: text("云山景区成人票"),
        buyer_pay_amount: Fen::new(12_000),
        receipt_amount: Fen::new(12_000),
        details: vec![detail],
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = bench_decode, bench_other_calls, bench_encode
}
criterion_main!(benches);
