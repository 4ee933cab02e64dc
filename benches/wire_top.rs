//! How long does a consult take before the engine hears of it, and how long is its answer in the
//! writing? One group per question; every request carries the same parameters.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use piaoku::types::{Fen, Quantity, UnixMillis};
use piaoku::wire::top::client::{Caller, encode_form};
use piaoku::wire::top::consult::{CONSULT_REQUEST, ConsultRequest, ConsultValue, TicketInfo};
use piaoku::wire::top::encode::consult_response;
use piaoku::wire::top::gateway::{Api, Format, Gateway, GatewayConfig};
use piaoku::wire::top::request::HttpCall;
use piaoku::wire::top::sign::SignMethod;

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

fn decode(gateway: &Gateway, call: &HttpCall<'_>) -> ConsultRequest {
    let secret_of = |app_key: &str| (app_key == "12345678").then_some("helloworld");
    let admitted = gateway.admit(call, NOW, secret_of).expect("the call is signed");
    ConsultRequest::parse(&admitted.params).expect("the request is complete")
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
    let mut group = criterion.benchmark_group("top/encode");
    group.throughput(Throughput::Elements(1));
    let formats =
        [("xml", Format::Xml), ("json", Format::Json), ("simplified", Format::SimplifiedJson)];
    for (name, format) in formats {
        assert!(consult_response(format, &outcome, "15r4nqhb4qjf7").contains(CODE));
        group.bench_function(name, |bencher| {
            bencher.iter(|| consult_response(format, black_box(&outcome), "15r4nqhb4qjf7"));
        });
    }
    group.finish();
}

criterion_group!(benches, bench_decode, bench_encode);
criterion_main!(benches);
