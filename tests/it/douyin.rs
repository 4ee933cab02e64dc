//! Douyin gets codes: docs/protocols/douyin.md, "TicketCode/Get".

use piaoku::wire::douyin::crypto::{FieldKey, KeyTrim};
use piaoku::wire::douyin::sign::{ClientSecret, SIGNATURE_HEADER};
use serde_json::{Value, json};

use crate::support::Target;
use crate::support::books::audit;
use crate::support::message::{FORMATS, Json, Xml, with};
use crate::support::partner::{
    self, ADULT_SKU, CLIENT_KEY, CLIENT_SECRET, CODES, COUPON_SKU, Signed,
};
use crate::support::server::{Server, Setup};
use crate::support::shop;
use crate::support::transcript::Transcript;

const AGENT: &str = "douyin";
/// SKUs for the small shop.
const SKUS: &str = r#"
[[douyin_sku]]
sku_id = "8000000000000000001"
product = "P-TINY"

[[douyin_sku]]
sku_id = "8000000000000000002"
product = "P-SPAN"
timespan = 2
"#;

/// What an answer says: `error_code`, `result`, and how many codes.
fn outcome(answer: &Value) -> (i64, i64, usize) {
    let data = &answer["data"];
    let number = |name: &str| data[name].as_i64().expect("a JSON number");
    (number("error_code"), number("result"), partner::codes_of(answer).len())
}

fn ask(server: &Server, sku: &str, count: i64) -> Value {
    partner::ticket_ask(server, &partner::sender_id(), sku, count)
}

fn tourist() -> Value {
    json!({ "name": "张三", "phone": partner::mobile(), "id_card": partner::document() })
}

fn tourists(count: usize) -> (&'static str, Value) {
    ("/tourists", (0..count).map(|_| tourist()).collect())
}

/// The one order behind a code.
fn order_of(server: &Server, answer: &Value) -> std::sync::Arc<piaoku::domain::order::Order> {
    let code = partner::codes_of(answer).remove(0);
    let preview = partner::consult(server, &code);
    let number = preview["result"]["value"]["alsc_order_no"].as_str().expect("an order number");
    server.order(AGENT, number)
}

#[test]
fn codes_are_issued_refused_or_promised() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path()).selling(shop::SMALL).selling(SKUS);
    let server = Server::start_with(setup);
    let issued = |count: usize| (0, 1, count);
    // Final: Douyin refunds the buyer.
    let refused = (0, 2, 0);
    // Not final: Douyin asks again, after an operator has mapped the SKU or the request was mended.
    let again = |code: i64| (code, 0, 0);
    let check = |name: &str, sku: &str, count: i64, changes: &[(&str, Value)], expected| {
        let ask = with(&ask(&server, sku, count), changes);
        let answer = partner::ticket_codes(&server, &ask);
        assert_eq!(outcome(&answer), expected, "{name}: {answer}");
    };
    let now = server.now().as_secs();
    let (tiny, span) = ("8000000000000000001", "8000000000000000002");
    check("undated", COUPON_SKU, 1, &[], issued(1));
    check("as many as one order may have", COUPON_SKU, 100, &[], issued(100));
    check("too many", COUPON_SKU, 101, &[], refused);
    for count in [0, -1, i64::from(i32::MAX), i64::from(i32::MIN)] {
        check("not a number of tickets", COUPON_SKU, count, &[], refused);
    }
    check("visitors nobody asked for", COUPON_SKU, 2, &[tourists(5)], issued(2));
    check("our own id", "", 1, &[("/third_sku_id", json!("P-COUPON"))], issued(1));
    let nested = json!({ "sku_id": COUPON_SKU, "sku_name": "x", "third_sku_id": "y" });
    check("the nested id goes first", "1", 1, &[("/sku", nested)], issued(1));
    check("an unmapped SKU", "7000000000000000009", 1, &[], again(2));
    check("no SKU", "", 1, &[], again(2));
    check("no order number", COUPON_SKU, 1, &[("/order_id", Value::Null)], again(999_999));
    check("an empty order number", COUPON_SKU, 1, &[("/order_id", json!(""))], again(999_999));
    check("a blank order number", COUPON_SKU, 1, &[("/order_id", json!(" \t"))], again(999_999));
    check(
        "a long order number",
        COUPON_SKU,
        1,
        &[("/order_id", json!("1".repeat(151)))],
        again(999_999),
    );
    check("over already", COUPON_SKU, 1, &[("/expire_time", json!(now - 1))], refused);
    check(
        "over before it begins",
        COUPON_SKU,
        1,
        &[("/start_time", json!(now + 31 * 86_400))],
        refused,
    );
    check(
        "no validity",
        COUPON_SKU,
        1,
        &[("/start_time", json!(0)), ("/expire_time", json!(0))],
        refused,
    );
    let extreme = [("/start_time", json!(i64::MIN)), ("/expire_time", json!(i64::MAX))];
    check("a validity without bounds", COUPON_SKU, 1, &extreme, issued(1));

    check("dated, each with a visitor", ADULT_SKU, 2, &[tourists(2)], issued(2));
    check("dated, too few visitors", ADULT_SKU, 2, &[tourists(1)], refused);
    check("dated, too many visitors", ADULT_SKU, 1, &[tourists(2)], issued(1));
    check("dated, no visitors", ADULT_SKU, 1, &[], refused);
    check(
        "dated, a day that is over",
        ADULT_SKU,
        1,
        &[tourists(1), ("/start_time", json!(now - 86_400))],
        refused,
    );
    check(
        "dated, too far ahead",
        ADULT_SKU,
        1,
        &[tourists(1), ("/start_time", json!(now + 90 * 86_400))],
        refused,
    );
    let twin = tourist();
    check("the same visitor twice", ADULT_SKU, 2, &[("/tourists", json!([twin, twin]))], refused);

    check("the last places", tiny, 3, &[], issued(3));
    check("sold out", tiny, 1, &[], refused);
    check("the SKU's timespan", span, 2, &[], issued(2));
    check("the SKU's timespan is sold out", span, 1, &[], refused);
    server.stop();
    audit(dir.path());
}

#[test]
fn a_dated_order_is_for_the_day_of_its_start_in_the_earliest_timespan() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path()).selling(shop::SMALL).selling(SKUS);
    let server = Server::start_with(setup);
    let midnight = server.now().as_secs() - 3600 - 5 * 60 - 12;
    for (after, day) in [(86_400, 1), (2 * 86_400 - 1, 1), (2 * 86_400, 2)] {
        let start = [("/start_time", json!(midnight + after)), tourists(1)];
        let answer = partner::ticket_codes(&server, &with(&ask(&server, ADULT_SKU, 1), &start));
        let order = order_of(&server, &answer);
        let slot = order.lines[0].slot;
        assert_eq!(slot.date.map(|date| date.to_compact()), Some(server.day(day)));
        assert_eq!(slot.timespan.get(), 1);
    }
    let fixed = partner::ticket_codes(&server, &ask(&server, "8000000000000000002", 1));
    assert_eq!(order_of(&server, &fixed).lines[0].slot.timespan.get(), 2);
}

#[test]
fn the_same_order_gets_the_same_codes_also_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let first = ask(&server, COUPON_SKU, 3);
    let answers: Vec<Vec<String>> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..16)
            .map(|caller| {
                let (server, first) = (&server, &first);
                scope.spawn(move || {
                    let signed = if caller % 2 == 0 { Signed::Header } else { Signed::Query };
                    let answer = partner::ticket_request(server, first, Json, signed).send(server);
                    partner::codes_of(&answer.json())
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(answers[0].len(), 3);
    assert!(answers.iter().all(|codes| *codes == answers[0]), "{answers:?}");
    // Only the order number counts.
    let changes =
        [("/count", json!(50)), ("/sku_id", json!(ADULT_SKU)), ("/expire_time", json!(1))];
    let other = partner::ticket_codes(&server, &with(&first, &changes));
    assert_eq!(partner::codes_of(&other), answers[0]);
    let unmapped = partner::ticket_codes(&server, &with(&first, &[("/sku_id", json!("1"))]));
    assert_eq!(partner::codes_of(&unmapped), answers[0]);
    server.stop();
    let audit = audit(dir.path());
    assert_eq!((audit.orders, audit.vouchers), (1, 3));
}

#[test]
fn answers_have_the_partners_members_in_its_order() {
    for format in FORMATS {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path());
        let mut transcript = Transcript::default();
        let mut step = |title: &str, ask: &Value| {
            let request = partner::ticket_request(&server, ask, format, Signed::Header);
            transcript.step(title, &request, &request.send(&server));
        };
        let first = partner::ticket_ask(&server, "D1", COUPON_SKU, 2);
        step("codes for an order", &first);
        step("the same codes again", &first);
        step("too many: there will be none", &partner::ticket_ask(&server, "D2", COUPON_SKU, 101));
        step("an unmapped SKU: ask again", &partner::ticket_ask(&server, "D3", "1", 1));
        transcript.check(&format!("ticket_code_get.{}.txt", format.name()));
    }
}

#[test]
fn calls_that_are_not_signed_by_the_client_issue_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let ask = ask(&server, COUPON_SKU, 1);
    for format in FORMATS {
        let signed = |signed| partner::ticket_request(&server, &ask, format, signed);
        let check = |name: &str, request: &crate::support::http::Request| {
            let answer = request.send(&server);
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            let members = ["error_code", "result"].map(|name| answer.code(name));
            assert_eq!(members, [401, 0], "{name}: {}", answer.text());
            assert!(!answer.text().contains("string>"), "{name}: {}", answer.text());
        };
        let mut changed = signed(Signed::Header);
        changed.body.push(b' ');
        check("another body", &changed);
        let mut changed = signed(Signed::Query);
        changed.body.push(b' ');
        check("another body, signed in the query", &changed);
        let wrong = signed(Signed::Query).header(SIGNATURE_HEADER, &"0".repeat(64));
        check("a wrong header beside a right query", &wrong);
        let mut unsigned = signed(Signed::Query);
        unsigned.path.truncate(unsigned.path.find("&sign=").unwrap());
        check("no signature", &unsigned);
        let mut stranger = signed(Signed::Header);
        stranger.path = stranger.path.replace(CLIENT_KEY, "awdemo0000000002");
        check("an unknown client", &stranger);
        let mut empty = signed(Signed::Header);
        empty.path = empty.path.replace(CLIENT_KEY, "");
        check("an empty client_key", &empty);
        for missing in ["client_key", "timestamp"] {
            let mut request = signed(Signed::Header);
            request.path = request.path.replace(missing, "none");
            let answer = request.header("Accept", "application/json").send(&server);
            let uri = format!("http://{}{CODES}?", server.addr());
            assert_eq!(answer.status, 404, "{}", answer.text());
            let message = answer.field("Message").unwrap();
            let expected =
                format!("No HTTP resource was found that matches the request URI '{uri}");
            assert!(message.starts_with(&expected), "{message}");
        }
    }
    server.stop();
    assert_eq!(audit(dir.path()).orders, 0);
}

#[test]
fn a_window_for_timestamps_can_be_configured() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path());
    setup.http.douyin.timestamp_window_seconds = 900;
    let server = Server::start_with(setup);
    let body = ask(&server, COUPON_SKU, 1).to_string().into_bytes();
    let now = server.now().as_secs();
    for (timestamp, expected) in [
        (now.to_string(), 0),
        ((now * 1000 - 900_000).to_string(), 0),
        ((now - 901).to_string(), 401),
        ((now + 901).to_string(), 401),
        ("yesterday".to_owned(), 401),
    ] {
        let query = format!("client_key={CLIENT_KEY}&timestamp={timestamp}");
        let sign = piaoku::wire::douyin::sign::sha256_sign(
            &ClientSecret::new(CLIENT_SECRET),
            &query,
            &body,
        );
        let mut request =
            partner::ticket_body(&server, "application/json", body.clone(), Signed::Header);
        request.path = format!("{CODES}?{query}");
        let answer = request.header(SIGNATURE_HEADER, &sign).send(&server);
        assert_eq!(answer.code("error_code"), expected, "{timestamp}: {}", answer.text());
    }
}

#[test]
fn ciphertext_is_decrypted_where_we_can_and_carried_where_we_cannot() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let key = FieldKey::new(&ClientSecret::new(CLIENT_SECRET), KeyTrim::default());
    let sealed = |text: &str| key.encrypt(text).unwrap();
    let (document, phone) = (partner::document(), "17512344139");
    let send = |person: Value| {
        let ask = with(&ask(&server, ADULT_SKU, 1), &[("/tourists", json!([person]))]);
        partner::ticket_codes(&server, &ask)
    };
    let ours =
        json!({ "name": sealed("张三"), "phone": sealed(phone), "id_card": sealed(&document) });
    let answer = send(ours);
    assert_eq!(outcome(&answer), (0, 1, 1), "{answer}");
    let traveller = &server.private(&order_of(&server, &answer)).travellers[0];
    assert_eq!(
        (&*traveller.name, &*traveller.mobile, &*traveller.document_number),
        ("张三", phone, &*document)
    );
    let preview = partner::consult(&server, &partner::codes_of(&answer)[0]);
    assert_eq!(preview["result"]["value"]["user_phone"], "175****4139");
    // The same person in clear has a ticket for that day already.
    let clear = json!({ "name": "张三", "phone": phone, "id_card": document });
    assert_eq!(outcome(&send(clear)), (0, 2, 0));

    let theirs = json!({ "name": "Enc.bmFtZQ==", "phone": "Enc.cGhvbmU=", "id_card": "Enc.aWQ=" });
    let answer = send(theirs.clone());
    assert_eq!(outcome(&answer), (0, 1, 1), "{answer}");
    let traveller = &server.private(&order_of(&server, &answer)).travellers[0];
    assert_eq!(traveller.document_number, "Enc.aWQ=");
    assert_eq!(traveller.mobile, "Enc.cGhvbmU=");
    let preview = partner::consult(&server, &partner::codes_of(&answer)[0]);
    let value = &preview["result"]["value"];
    assert!(value.get("user_phone").is_none(), "ciphertext is nobody's phone: {value}");
    // Equal ciphertext is the same person.
    assert_eq!(outcome(&send(theirs)), (0, 2, 0));
    server.stop();
    audit(dir.path());
}

#[test]
fn an_xml_request_without_accept_is_answered_in_xml() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let ask = ask(&server, COUPON_SKU, 2);
    let answer = partner::ticket_request(&server, &ask, Xml, Signed::Query).send(&server);
    assert_eq!(answer.header("content-type"), "application/xml; charset=utf-8");
    assert_eq!(answer.text().matches("<d3p1:string>").count(), 2, "{}", answer.text());
    let again = partner::ticket_codes(&server, &ask);
    for code in partner::codes_of(&again) {
        assert!(answer.text().contains(&format!("<d3p1:string>{code}</d3p1:string>")));
    }
}
