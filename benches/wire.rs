//! What a partner's message costs at the edge: reading each request body, writing each answer, and
//! checking that the caller is who it says. JSON and XML of agents and Douyin, JSON of gates; the gateway
//! of TOP has `benches/wire_top.rs`.
//!
//! Compared with `serde_json`, which reads the same bytes into a tree that is then still to be searched,
//! converted and validated, and writes an answer from such a tree; and, for signatures, with hashing the
//! same bytes once.

use std::fmt::Debug;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use piaoku::types::UnixMillis;
use piaoku::wire::codec::{Body, Limits, Record, to_json, to_json_list, to_xml, to_xml_list};
use piaoku::wire::douyin::sign::{ClientSecret, md5_sign, sha256_sign, verify};
use piaoku::wire::douyin::{GetTicketCodeDouyinParm, GetTicketCodeResult};
use piaoku::wire::gate::{RedeemRequest, RedemptionAnswer, ReverseRequest};
use piaoku::wire::ota::hawk::{DEFAULT_WINDOW, HawkHeader, HawkRequest, authorization};
use piaoku::wire::ota::query::{
    AgentPrepayment, AgentRebate, OrderDetail, OrderMain, ProductInventory, Products, SeatArea,
    Sence, Ticket, TicketResourceResult, TimeSegment,
};
use piaoku::wire::ota::{
    CommonOperationResult, HawkCredential, Order2AddParm, OrderAddParm,
    OrderAndPayWithPassword2Parm, OrderAndPayWithPasswordParm, OrderOperatorResult,
    PayOrderUsePayPasswordParm, PayPassword, ProviderConfigParm, RefundParm, UpperMd5,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A file of the partners' samples or of our own answers.
fn golden(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    std::fs::read_to_string(&path).expect("it is in the package")
}

/// A partner's sample, without the help page's white space.
fn sample(file: &str) -> Value {
    serde_json::from_str(&golden(file)).expect("a sample is JSON")
}

/// Question: how long does it take to read and validate each request body, from its bytes to a model,
/// and how much dearer is XML than JSON?
fn decode(c: &mut Criterion) {
    let verify = sample("ota/verify/sample/request.json");
    let theatre = sample("ota/order_and_pay2_with_rebate/sample/request.json");
    let (info, pay) = (&theatre["orderinfo"], &theatre["payinfo"]);
    let scenic = json!({ "orderinfo": verify, "payinfo": pay });
    let provider = json!({
        "replayurl": "https://agent.example/notify?from=piaoku", "sendofficiallysnotify": "1",
        "replaydatatype": "JSON", "replaymethod": "POST",
    });
    let refund = json!({
        "orderid": "2026112100000001", "refundallticket": "0",
        "ticketids": ["2026112100000002", "2026112100000003"], "memory": "行程变更",
    });
    body::<OrderAddParm<'_>>(c, "ota/verify", &verify);
    body::<OrderAddParm<'_>>(c, "ota/add_order", &verify);
    body::<OrderAndPayWithPasswordParm<'_>>(c, "ota/order_and_pay", &scenic);
    body::<Order2AddParm<'_>>(c, "ota/add_order2", info);
    body::<OrderAndPayWithPassword2Parm<'_>>(c, "ota/order_and_pay2", &theatre);
    body::<PayOrderUsePayPasswordParm<'_>>(c, "ota/pay_order", pay);
    body::<RefundParm<'_>>(c, "ota/refund", &refund);
    body::<ProviderConfigParm<'_>>(c, "ota/provider_config", &provider);
    let codes = sample("douyin/ticket_code_get/sample/request.json");
    body::<GetTicketCodeDouyinParm<'_>>(c, "douyin/ticket_code_get", &codes);
}

fn body<T: Record<'static> + Debug + PartialEq>(c: &mut Criterion, name: &str, value: &Value) {
    let mut group = c.benchmark_group(format!("wire/decode/{name}"));
    let limits = Limits::default();
    let json: &'static str = value.to_string().leak();
    let model = read::<T>("application/json", json);
    assert_eq!(to_json(&model), json, "read in full");
    let xml: &'static str = to_xml(&model).leak();
    assert!(read::<T>("application/xml", xml) == model, "both say the same");
    for (format, media_type, text) in
        [("json", "application/json", json), ("xml", "application/xml", xml)]
    {
        let body = leaked(media_type, text);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format, |b| b.iter(|| body.read::<T>(black_box("parm"), &limits)));
    }
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.bench_function("serde_json_value", |b| {
        b.iter(|| serde_json::from_str::<Value>(black_box(json)));
    });
    group.finish();
}

/// A model may borrow from its body, so the body outlives the bench.
fn leaked(media_type: &str, text: &'static str) -> &'static Body<'static> {
    Box::leak(Box::new(Body::new(Some(media_type), text.as_bytes()).expect("a known type")))
}

fn read<T: Record<'static>>(media_type: &str, text: &'static str) -> T {
    let read = leaked(media_type, text).read::<T>("parm", &Limits::default());
    read.model.expect("it is readable")
}

/// Question: what does writing each answer cost, in both formats?
fn encode(c: &mut Criterion) {
    let result = json!({
        "orderid": "2026112100000000001", "sendid": "AGENT-20261121-000001", "orderstatus": "D",
        "resultcode": 0, "returnmessgage": "预订并支付成功",
    });
    answer::<OrderOperatorResult<'_>>(c, "ota/order_result", &result);
    let common = json!({ "errcode": 0, "errmsg": "成功", "tag": null });
    answer::<CommonOperationResult<'_>>(c, "ota/common_result", &common);
    let query = |file: &str, nth: usize| answer_of(&format!("http/queries/{file}.json.txt"), nth);
    answer::<OrderMain<'_>>(c, "ota/order_head", &query("order", 0));
    answers::<OrderDetail<'_>>(c, "ota/order_lines", &query("order", 1));
    answers::<Ticket<'_>>(c, "ota/tickets", &query("tickets", 0));
    answers::<Products<'_>>(c, "ota/products", &query("products", 0));
    answers::<ProductInventory<'_>>(c, "ota/inventory", &query("inventory", 0));
    answers::<TimeSegment<'_>>(c, "ota/time_segments", &query("time_segments", 0));
    answers::<Sence<'_>>(c, "ota/performances", &query("performances", 0));
    answers::<SeatArea<'_>>(c, "ota/seat_areas", &query("seat_areas", 0));
    answer::<TicketResourceResult<'_>>(c, "ota/barcode", &query("barcode", 0));
    let balances = |nth: usize| answer_of("http/balances.json.txt", nth);
    answer::<AgentPrepayment<'_>>(c, "ota/prepayment", &balances(0));
    answers::<AgentRebate<'_>>(c, "ota/rebate", &balances(1));
    let codes = (0..5).map(|n| format!("{:012}", 16_569_843_362_u64 + n).into()).collect();
    let codes = to_json(&GetTicketCodeResult::issued(codes));
    let codes: Value = serde_json::from_str(&codes).expect("an answer is JSON");
    answer::<GetTicketCodeResult<'_>>(c, "douyin/ticket_code_get", &codes);
}

/// Body of the `nth` answer of a transcript.
fn answer_of(file: &str, nth: usize) -> Value {
    let text = golden(file);
    let mut bodies = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    bodies.nth(nth).expect("so many answers")
}

/// One object.
fn answer<T: Record<'static>>(c: &mut Criterion, name: &str, value: &Value) {
    let model = read::<T>("application/json", value.to_string().leak());
    written(c, name, value, || to_json(black_box(&model)), || to_xml(black_box(&model)));
}

/// A list of objects.
fn answers<T: Record<'static> + Debug>(c: &mut Criterion, name: &str, value: &Value) {
    let items = value.as_array().expect("a list").iter();
    let items = items.map(|item| read::<T>("application/json", item.to_string().leak()));
    let models: Vec<T> = items.collect();
    assert!(!models.is_empty());
    written(
        c,
        name,
        value,
        || to_json_list(black_box(&models)),
        || to_xml_list(black_box(&models)),
    );
}

fn written(
    c: &mut Criterion,
    name: &str,
    value: &Value,
    json: impl Fn() -> String,
    xml: impl Fn() -> String,
) {
    let mut group = c.benchmark_group(format!("wire/encode/{name}"));
    // Numbers like 120.0 and the order of members included.
    assert_eq!(json(), value.to_string(), "the answer as it is kept");
    group.throughput(Throughput::Bytes(json().len() as u64));
    group.bench_function("json", |b| b.iter(&json));
    group.bench_function("serde_json_value", |b| b.iter(|| black_box(value).to_string()));
    group.throughput(Throughput::Bytes(xml().len() as u64));
    group.bench_function("xml", |b| b.iter(&xml));
    group.finish();
}

/// Question: what do a gate's messages cost? They are few and small, so they are plain `serde_json`.
fn gate(c: &mut Criterion) {
    let mut group = c.benchmark_group("wire/gate");
    group.throughput(Throughput::Elements(1));
    let redeem = br#"{"request_no":"GATE-7-000001","quantity":2}"#;
    assert!(RedeemRequest::parse(redeem).is_ok());
    group.bench_function("decode/redeem", |b| b.iter(|| RedeemRequest::parse(black_box(redeem))));
    let reverse = br#"{"request_no":"GATE-7-000002","redemption_no":"2026112100000009"}"#;
    assert!(ReverseRequest::parse(reverse).is_ok());
    group.bench_function("decode/reverse", |b| {
        b.iter(|| ReverseRequest::parse(black_box(reverse)));
    });
    let text = |text: &str| text.to_owned();
    let answer = RedemptionAnswer {
        redemption_no: text("2026112100000009"),
        request_no: text("GATE-7-000001"),
        code: text("016569843362"),
        quantity: 2,
        redeemed_at: text("2026-11-22T01:05:12.000+08:00"),
        product_id: text("P-CARD"),
        product_name: text("三次卡"),
        order_no: text("2026112100000001"),
        ticket_id: text("2026112100000002"),
    };
    group.bench_function("encode/redemption", |b| {
        b.iter(|| serde_json::to_string(black_box(&answer)));
    });
    group.finish();
}

/// Question: what does trusting one request cost, header parsing included? Making the credential is
/// not in it: that is done once an agent.
fn authenticate(c: &mut Criterion) {
    let mut group = c.benchmark_group("wire/authenticate");
    let (session_key, login) = ("00000000-1111-2222-3333-444444444444", UpperMd5::of("Login#2024"));
    let credential = HawkCredential::new(session_key, &login);
    let text = sample("ota/order_and_pay2_with_rebate/sample/request.json").to_string();
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
    let body = sample("douyin/ticket_code_get/sample/request.json").to_string();
    let sign = sha256_sign(&secret, query, body.as_bytes());
    let check = |body: &str| verify(&secret, query, body.as_bytes(), Some(&sign));
    assert_eq!(check(&body), Ok(()));
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("douyin_signature", |b| b.iter(|| check(black_box(&body))));
    group.bench_function("douyin_md5_signature", |b| {
        b.iter(|| md5_sign(&secret, query, black_box(body.as_bytes())));
    });
    group.bench_function("sha256_once", |b| b.iter(|| Sha256::digest(black_box(body.as_bytes()))));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = decode, encode, gate, authenticate
}
criterion_main!(benches);
