//! What a partner's message costs at the edge: reading bodies, and checking that the caller is who
//! it says.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use piaoku::types::UnixMillis;
use piaoku::wire::codec::{Body, Limits, Record, to_json, to_xml};
use piaoku::wire::douyin::sign::{ClientSecret, sha256_sign, verify};
use piaoku::wire::douyin::{GetTicketCodeDouyinParm, GetTicketCodeResult};
use piaoku::wire::ota::hawk::{DEFAULT_WINDOW, HawkHeader, HawkRequest, authorization};
use piaoku::wire::ota::{
    HawkCredential, OrderAddParm, OrderAndPayWithPassword2Parm, OrderOperatorResult, PayPassword,
    UpperMd5,
};

fn sample(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    let sample = std::fs::read_to_string(&path).expect("the partners' samples are in the package");
    // As it travels: without the help page's indentation.
    sample.lines().map(str::trim_start).collect()
}

/// Question: how many bytes a second can one core read and validate, from the body's bytes to a
/// model, and how much dearer is XML than JSON? `serde_json_value` is the yardstick: parsing the
/// same bytes into a tree, which is then still to be searched, converted and validated.
fn decode(c: &mut Criterion) {
    case::<OrderAddParm<'_>>(c, "ota/verify");
    case::<OrderAndPayWithPassword2Parm<'_>>(c, "ota/order_and_pay2_with_rebate");
    case::<GetTicketCodeDouyinParm<'_>>(c, "douyin/ticket_code_get");
}

fn case<T: Record<'static>>(c: &mut Criterion, case: &str) {
    let mut group = c.benchmark_group(format!("wire/decode/{case}"));
    let limits = Limits::default();
    for (format, media_type) in [("json", "application/json"), ("xml", "application/xml")] {
        let text: &'static str = sample(&format!("{case}/sample/request.{format}")).leak();
        group.throughput(Throughput::Bytes(text.len() as u64));
        // A model may borrow from its body, so the body outlives the bench.
        let body: &'static Body<'static> =
            Box::leak(Box::new(Body::new(Some(media_type), text.as_bytes()).expect("known type")));
        let expected = body.read::<T>("parm", &limits).model.expect("a sample is readable");
        let again = if format == "json" { to_json(&expected) } else { to_xml(&expected) };
        assert_eq!(again.replace(": ", ":"), text.replace(": ", ":"), "read in full");
        group.bench_function(format, |b| b.iter(|| body.read::<T>(black_box("parm"), &limits)));
        if format == "json" {
            group.bench_function("serde_json_value", |b| {
                b.iter(|| serde_json::from_str::<serde_json::Value>(black_box(text)));
            });
        }
    }
    group.finish();
}

/// Question: what does writing an answer cost, in both formats?
fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("wire/encode");
    let result = OrderOperatorResult {
        orderid: Some("2026112100000000001".into()),
        sendid: Some("AGENT-20261121-000001".into()),
        orderstatus: Some("D".into()),
        resultcode: 0,
        returnmessgage: Some("预订并支付成功".into()),
    };
    let codes = (0..5).map(|n| format!("{:012}", 16_569_843_362u64 + n).into()).collect();
    let codes = GetTicketCodeResult::issued(codes);
    group.throughput(Throughput::Bytes(to_json(&result).len() as u64));
    group.bench_function("order_result_json", |b| b.iter(|| to_json(black_box(&result))));
    group.throughput(Throughput::Bytes(to_xml(&result).len() as u64));
    group.bench_function("order_result_xml", |b| b.iter(|| to_xml(black_box(&result))));
    group.throughput(Throughput::Bytes(to_json(&codes).len() as u64));
    group.bench_function("codes_json", |b| b.iter(|| to_json(black_box(&codes))));
    group.finish();
}

/// Question: what does trusting one request cost, header parsing included?
fn authenticate(c: &mut Criterion) {
    let mut group = c.benchmark_group("wire/authenticate");
    let (session_key, login) = ("00000000-1111-2222-3333-444444444444", UpperMd5::of("Login#2024"));
    let credential = HawkCredential::new(session_key, &login);
    let text = sample("ota/order_and_pay2_with_rebate/sample/request.json");
    let request = HawkRequest {
        method: "POST",
        path_and_query: "/api/OrderAndPay2/WithRebate",
        host: "127.0.0.1:8080",
        port: 8080,
        content_type: "application/json",
        body: text.as_bytes(),
    };
    let now = UnixMillis::from_secs(1_700_000_000);
    for (name, hash) in [("hawk", false), ("hawk_with_payload_hash", true)] {
        let nonce = "abcdef0123456789abcdef0123456789";
        let header = authorization(&credential, "demo-agent", now.as_secs(), nonce, &request, hash);
        let check = |window: Duration| {
            let header = HawkHeader::parse(black_box(&header))?;
            header.verify(&credential, &request, now, window)
        };
        assert_eq!(check(DEFAULT_WINDOW), Ok(()));
        let covered = if hash { text.len() } else { header.len() };
        group.throughput(Throughput::Bytes(covered as u64));
        group.bench_function(name, |b| b.iter(|| check(black_box(DEFAULT_WINDOW))));
    }

    let pay = PayPassword::new(session_key, &login, &UpperMd5::of("Pay#2024"));
    let wrong = PayPassword::new(session_key, &login, &UpperMd5::of("Pay#2025"));
    group.throughput(Throughput::Bytes(pay.field().len() as u64));
    assert_eq!(pay.verify(pay.field()), Ok(()));
    group.bench_function("pay_password_right", |b| b.iter(|| pay.verify(black_box(pay.field()))));
    assert!(pay.verify(wrong.field()).is_err());
    group.bench_function("pay_password_wrong", |b| b.iter(|| pay.verify(black_box(wrong.field()))));

    let secret = ClientSecret::new("0123456789abcdef0123456789abcdef");
    let query = "client_key=awdemo0000000001&timestamp=1750000000123";
    let body = sample("douyin/ticket_code_get/sample/request.json");
    let sign = sha256_sign(&secret, query, body.as_bytes());
    let check = |body: &str| verify(&secret, query, body.as_bytes(), Some(&sign));
    assert_eq!(check(&body), Ok(()));
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("douyin_signature", |b| b.iter(|| check(black_box(&body))));
    group.finish();
}

criterion_group!(benches, decode, encode, authenticate);
criterion_main!(benches);
