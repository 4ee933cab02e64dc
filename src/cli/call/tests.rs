//! What `call` signs is what the server's own code verifies.

use std::time::Duration;

use clap::Parser;

use super::*;
use crate::cli::{Arguments, Command};
use crate::wire::codec::{Body, Limits, Record};
use crate::wire::douyin::sign::{ClientSecret, SIGNATURE_HEADER, verify};
use crate::wire::douyin::{GetTicketCodeDouyinParm, SpiQuery, parse_timestamp};
use crate::wire::gate::{RedeemRequest, ReverseRequest};
use crate::wire::ota::hawk::{HawkHeader, HawkRequest};
use crate::wire::ota::{
    HawkCredential, OrderAddParm, OrderAndPayWithPassword2Parm, OrderAndPayWithPasswordParm,
    PayPassword, UpperMd5,
};
use crate::wire::top::consult::ConsultRequest;
use crate::wire::top::gateway::{Api, Format, Gateway, GatewayConfig};
use crate::wire::top::request::HttpCall;
use crate::wire::top::ticket_use::UseRequest;

/// 2026-11-21 20:00 in China.
const NOW: UnixMillis = UnixMillis::new(1_795_262_400_000);
const WINDOW: Duration = Duration::from_secs(60);

fn asked(line: &str) -> Asked {
    match Arguments::parse_from(format!("piaoku call {line}").split(' ')).command {
        Some(Command::Call(call)) => call.asked,
        other => panic!("{other:?}"),
    }
}

fn request(line: &str) -> Request {
    let address = Address::parse("http://example.test:8080").unwrap();
    build(&asked(line), &address, &Draw::fixed(7), NOW).unwrap()
}

fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    let found = request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map_or("", |(_, value)| value.as_str())
}

/// The body's model, without a single complaint.
fn model<T: Record<'static>>(request: &Request) -> T {
    let body = request.body.clone().into_bytes().leak();
    let body = Body::new(Some(header(request, "content-type")), body).unwrap();
    let decoded = Box::leak(Box::new(body)).read("parm", &Limits::default());
    assert!(decoded.state.entries().is_empty(), "{:?}", decoded.state.entries().len());
    decoded.model.unwrap()
}

fn check_hawk(request: &Request) {
    let credential = HawkCredential::new(arguments::demo::SESSION_KEY, &UpperMd5::of("Login#2024"));
    let signed = HawkRequest {
        method: request.method,
        path_and_query: &request.path_and_query,
        host: "example.test",
        port: 8080,
        content_type: header(request, "content-type"),
        body: request.body.as_bytes(),
    };
    let authorization = HawkHeader::parse(header(request, "authorization")).unwrap();
    assert_eq!(authorization.id, "demo-agent");
    authorization.verify(&credential, &signed, NOW, WINDOW).unwrap();
}

fn check_pay_password(field: Option<&str>) {
    let (login, pay) = (UpperMd5::of("Login#2024"), UpperMd5::of("Pay#2024"));
    let password = PayPassword::new(arguments::demo::SESSION_KEY, &login, &pay);
    password.verify(field.unwrap_or_default()).unwrap();
}

#[test]
fn an_order_sells_tomorrows_show() {
    for line in ["order", "order --format xml", "order --payload-hash"] {
        let request = request(line);
        assert_eq!(request.path_and_query, "/api/OrderAndPay2/WithRebate");
        check_hawk(&request);
        let model: OrderAndPayWithPassword2Parm<'_> = model(&request);
        let order = model.orderinfo.unwrap();
        assert_eq!(order.sceneid.as_deref(), Some("SC-20261122-1930"));
        assert_eq!(order.seatareaid.as_deref(), Some("A"));
        assert_eq!(order.effectdate.as_deref(), Some("20261122"));
        assert_eq!(order.senderid.as_deref(), Some("C00000000000000000000"));
        let lines = order.orderdetails.unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].productid.as_deref(), lines[0].amount), (Some("P-SHOW"), 1));
        check_pay_password(model.payinfo.unwrap().paypassword.as_deref());
    }
}

#[test]
fn an_order_with_a_timespan_is_a_scenic_one() {
    let request = request(
        "order --product P-ADULT --timespan -1 --amount 2 --date 2026-12-01 --senderid S1 \
         --pay-from prepayment --mobile 13800000000",
    );
    assert_eq!(request.path_and_query, "/api/OrderAndPay/WithPrepayment");
    check_hawk(&request);
    let model: OrderAndPayWithPasswordParm<'_> = model(&request);
    let order = model.orderinfo.unwrap();
    assert_eq!(order.timespanindex, -1);
    assert_eq!(order.effectdate.as_deref(), Some("20261201"));
    assert_eq!(order.senderid.as_deref(), Some("S1"));
    assert_eq!(order.mobile.as_deref(), Some("13800000000"));
    let lines = order.orderdetails.unwrap();
    assert_eq!(lines.len(), 2);
    assert_ne!(lines[0].identificationnumber, lines[1].identificationnumber);
    check_pay_password(model.payinfo.unwrap().paypassword.as_deref());
}

#[test]
fn an_order_may_go_to_the_older_address_and_without_a_performance() {
    let old = request("order --old-address");
    assert_eq!(old.path_and_query, "/Source/OrderAndPayWithFK2.aspx");
    check_hawk(&old);
    let flash: OrderAndPayWithPassword2Parm<'_> = model(&request("order --product P-FLASH"));
    let order = flash.orderinfo.unwrap();
    assert_eq!((order.sceneid, order.seatareaid), (None, None));
}

#[test]
fn a_verification_asks_for_the_earliest_timespan() {
    for line in ["verify", "verify --format xml"] {
        let request = request(line);
        check_hawk(&request);
        let model: OrderAddParm<'_> = model(&request);
        assert_eq!((model.timespanindex, model.effectdate.as_deref()), (-1, Some("20261122")));
    }
}

#[test]
fn codes_are_asked_for_with_either_signature() {
    let secret = ClientSecret::new(arguments::demo::CLIENT_SECRET);
    for line in ["codes", "codes --format xml", "codes --old-sign", "codes --count 3"] {
        let request = request(line);
        let (path, query) = request.path_and_query.split_once('?').unwrap();
        assert_eq!(path, "/api/Order/FromDouyin/TicketCode/Get");
        let sign = request.headers.iter().find(|(name, _)| *name == SIGNATURE_HEADER);
        let sign = sign.map(|(_, sign)| sign.as_str());
        assert_eq!(sign.is_none(), line.contains("old-sign"));
        verify(&secret, query, request.body.as_bytes(), sign).unwrap();
        let query = SpiQuery::parse(query).unwrap();
        assert_eq!(query.client_key, "awdemo0000000001");
        assert_eq!(parse_timestamp(&query.timestamp), Some(NOW));
        let model: GetTicketCodeDouyinParm<'_> = model(&request);
        assert_eq!(model.effective_sku_id(), Some("7000000000000000001"));
        assert_eq!(model.tourists.unwrap().len() as i32, model.count);
        // Midnight of 22 November in China, and thirty days of it.
        assert_eq!(model.start_time, 1_795_276_800);
        assert_eq!(model.expire_time - model.start_time, 30 * 86_400 - 1);
    }
}

#[test]
fn a_consult_is_admitted_however_it_is_sent_and_signed() {
    let gateway = Gateway::new(GatewayConfig::default()).unwrap();
    let check = |line: &str, expected: Format| {
        let request = request(line);
        let query = request.path_and_query.split_once('?').map_or("", |(_, query)| query);
        let call = HttpCall {
            http_method: request.method,
            query,
            content_type: request.headers.first().map(|(_, value)| value.as_str()),
            body: request.body.as_bytes(),
        };
        let known = |key: &str| (key == "12345678").then_some("helloworld");
        let call = gateway.admit(&call, NOW, known).unwrap_or_else(|no| panic!("{line}: {no:?}"));
        assert_eq!(call.format, expected);
        let asked = ConsultRequest::parse(&call.params).unwrap();
        assert_eq!(asked.ticket_code, "012345678901");
        assert_eq!(asked.shop_id, arguments::demo::SHOP);
    };
    check("consult --code 012345678901", Format::Json);
    check("consult --code 012345678901 --format xml", Format::Xml);
    check("consult --code 012345678901 --simplify --get", Format::SimplifiedJson);
    check("consult --code 012345678901 --sign-method hmac", Format::Json);
    check("consult --code 012345678901 --sign-method hmac-sha256 --get", Format::Json);
}

#[test]
fn redemptions_and_reversals_are_a_gates() {
    let redeem = request("redeem --code 016569843362 --quantity 2 --request-no R-1");
    assert_eq!(redeem.path_and_query, "/v1/vouchers/016569843362/redeem");
    assert_eq!(header(&redeem, "authorization"), "Bearer demo-gate-token-2024");
    let expected = RedeemRequest { request_no: "R-1".to_owned(), quantity: 2 };
    assert_eq!(RedeemRequest::parse(redeem.body.as_bytes()), Ok(expected));

    let reverse = request("reverse --code 0/1 --token another-gates-token");
    assert_eq!(reverse.path_and_query, "/v1/vouchers/0%2F1/reverse");
    assert_eq!(header(&reverse, "authorization"), "Bearer another-gates-token");
    let read = ReverseRequest::parse(reverse.body.as_bytes()).unwrap();
    assert_eq!((read.request_no.len(), read.redemption_no), (21, None));
}

#[test]
fn a_redemption_at_a_shop_goes_through_the_gateway() {
    let gateway = Gateway::new(GatewayConfig::default()).unwrap();
    for (format, expected) in [("json", Format::Json), ("xml", Format::Xml)] {
        let line = format!("redeem --code 016569843362 --shop S1 --format {format}");
        let request = request(&line);
        let call = HttpCall {
            http_method: request.method,
            query: "",
            content_type: request.headers.first().map(|(_, value)| value.as_str()),
            body: request.body.as_bytes(),
        };
        let known = |key: &str| (key == "12345678").then_some("helloworld");
        let call = gateway.admit(&call, NOW, known).unwrap_or_else(|no| panic!("{line}: {no:?}"));
        assert_eq!((call.api, call.format), (Api::TicketCodeUse, expected));
        let asked = UseRequest::parse(&call.params).unwrap();
        assert_eq!(asked.ticket_code.as_deref(), Some("016569843362"));
        assert_eq!((&*asked.shop_id, asked.quantity), ("S1", Some(1)));
    }
}

#[test]
fn a_curl_line_has_everything_that_is_sent() {
    let request = request("verify --name O'Hara");
    let line = request.curl();
    let start = "curl -sS -i -X POST 'http://example.test:8080/api/SpecialOta/DouYin/CalendarTicket/Order/Verify' -H 'Content-Type: application/json; charset=utf-8' ";
    assert!(line.starts_with(start), "{line}");
    assert!(line.contains(r#""fullname":"O'\''Hara""#), "{line}");
    // A shell takes the body apart to what was signed.
    let body = line.rsplit_once(" --data-binary ").unwrap().1;
    assert_eq!(body.trim_matches('\'').replace(r"'\''", "'"), request.body);
}

#[test]
fn the_defaults_are_those_of_the_demo() {
    let demo = include_str!("../../../data/demo/catalogue.toml");
    use arguments::demo::*;
    let named = [
        AGENT,
        SESSION_KEY,
        LOGIN_PASSWORD,
        PAY_PASSWORD,
        SHOW,
        AREA,
        TIMED,
        SKU,
        CLIENT_KEY,
        CLIENT_SECRET,
        APP_KEY,
        APP_SECRET,
        SHOP,
    ];
    assert_eq!(GATE_TOKEN, crate::http::DEMO_GATE_TOKEN);
    assert!(demo_credentials().contains(GATE_TOKEN));
    assert!(crate::config::DEFAULTS.contains(GATE_TOKEN));
    for name in named {
        assert!(demo.contains(&format!("{name:?}")), "{name}");
        let is_credential = ![SHOW, AREA, TIMED, SKU].contains(&name);
        assert!(!is_credential || demo_credentials().contains(name), "{name}");
    }
    let Asked::Verify(parsed) = asked("verify") else { panic!("verify") };
    assert_eq!(format!("{parsed:?}"), format!("{:?}", VerifyArguments::default()));
}

#[test]
fn a_question_is_signed_as_it_stands_and_has_no_body() {
    let question = "/api/Products/Inventory?startdate=&productid=P-FLASH";
    for flags in ["", " --format xml", " --payload-hash"] {
        let request = request(&format!("ask {question}{flags}"));
        assert_eq!((request.method, request.path_and_query.as_str()), ("GET", question));
        assert_eq!((request.body.as_str(), header(&request, "content-type")), ("", ""));
        check_hawk(&request);
    }
    for bad in ["api/Products", "/api/\u{4ea7}", "/a#b"] {
        let line = ["piaoku", "call", "ask", bad];
        assert!(Arguments::try_parse_from(line).is_err(), "{bad}");
    }
}
