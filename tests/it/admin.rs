//! The operators' interface over HTTP: who may call it, and what it changes, with who and why in the
//! journal.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use piaoku::actors::recovery::{RecoveryError, decode_record, journal_dir};
use piaoku::engine::transaction::Event;
use piaoku::http::{AdminRole, AdminToken, DEMO_TOKEN};
use piaoku::journal::SegmentReader;
use piaoku::types::Lsn;
use serde_json::{Value, json};

use crate::support::http::{Answer, Request};
use crate::support::partner::{self, ADD_SCENIC, DEMO, POOR, SCENIC};
use crate::support::server::{Server, Setup};
use crate::support::shop::SMALL;
use crate::support::{Target, books};

const VIEWER: &str = "a-viewer-token-for-the-tests";

fn server(dir: &Path) -> Server {
    let mut setup = Setup::new(dir).selling(SMALL);
    let (name, token) = ("looker".to_owned(), VIEWER.to_owned());
    setup.admin.token.push(AdminToken { name, token, role: AdminRole::Viewer });
    Server::start_with(setup)
}

fn call(server: &Server, method: &str, path: &str, body: Value) -> Answer {
    let mut request = Request::new(method, &format!("/admin/v1/{path}"))
        .header("Authorization", &format!("Bearer {DEMO_TOKEN}"));
    if !body.is_null() {
        request = request.header("Content-Type", "application/json").body(body.to_string());
    }
    request.send(server)
}

#[track_caller]
fn ok(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    let json = answer.json();
    assert_eq!(json["error"]["code"], code, "{json}");
    json["error"]["message"].as_str().unwrap().to_owned()
}

/// A date as the operators' interface has it.
fn day(server: &Server, days: i32) -> String {
    let compact = server.day(days);
    format!("{}-{}-{}", &compact[..4], &compact[4..6], &compact[6..])
}

/// Buys one ticket for tomorrow and says with which result.
fn buy(server: &Server, product: &str, key: &str) -> i64 {
    let order = DEMO.and_pay(&partner::plain_info(server, key, product, 1));
    DEMO.json(server, SCENIC, &order)["resultcode"].as_i64().unwrap()
}

/// Everything operators did, as the journal tells it.
fn said(dir: &Path) -> Vec<String> {
    let mut said = Vec::new();
    let reader = SegmentReader::open(&journal_dir(dir)).unwrap();
    let read = reader.read_from::<RecoveryError>(Lsn::ZERO, |entry| {
        for event in decode_record(entry)?.events {
            if let Event::Operator(operator) = event {
                said.push(format!("{}: {}", operator.actor(), operator.reason()));
            }
        }
        Ok(())
    });
    read.unwrap();
    said
}

#[test]
fn only_known_tokens_are_heard_and_viewers_only_look() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let send = |method: &str, path: &str, authorization: &str| {
        let request = Request::new(method, &format!("/admin/v1/{path}"));
        let request = request.header("X-Reason", "test").body("{}");
        let request = if authorization.is_empty() {
            request
        } else {
            request.header("Authorization", authorization)
        };
        request.send(&server)
    };
    for authorization in ["", "Bearer", "Bearer x", "Basic eDp5", &format!("Bearer {DEMO_TOKEN}x")]
    {
        let answer = send("GET", "products/P-TINY", authorization);
        refused(&answer, 401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let viewer = format!("Bearer {VIEWER}");
    assert_eq!(send("GET", "products/P-TINY", &viewer).status, 200);
    refused(&send("PATCH", "products/P-TINY", &viewer), 403, "forbidden");
    refused(&send("POST", "slots/close", &viewer), 403, "forbidden");
    let unknown = send("GET", "nothing", &viewer);
    refused(&unknown, 404, "unknown_path");
    refused(&send("GET", "products/P-NONE", &viewer), 404, "not_found");
    refused(&send("GET", "%ff", &viewer), 400, "bad_request");
    refused(&send("GET", &"x/".repeat(20), &viewer), 404, "unknown_path");
    server.stop();
    assert_eq!(said(dir.path()), [""; 0]);
}

#[test]
fn a_switched_off_interface_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path());
    setup.admin.enabled = false;
    let server = Server::start_with(setup);
    assert_eq!(call(&server, "GET", "products/P-ADULT", Value::Null).status, 404);
}

#[test]
fn bodies_that_make_no_sense_are_refused_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let date = day(&server, 3);
    let check = |method: &str, path: &str, body: &str, expected: &str| {
        let request = Request::new(method, &format!("/admin/v1/{path}"))
            .header("Authorization", &format!("Bearer {DEMO_TOKEN}"))
            .body(body);
        let status = if expected == "body_too_large" { 413 } else { 400 };
        refused(&request.send(&server), status, expected);
    };
    let slot = format!("\"product\":\"P-TINY\",\"date\":\"{date}\"");
    check("POST", "slots/close", "", "bad_request");
    check("POST", "slots/close", "[]", "bad_request");
    check("POST", "slots/close", "{\"x", "bad_request");
    check("POST", "slots/close", &format!("{{{slot}}}"), "reason_missing");
    check("POST", "slots/close", &format!("{{{slot},\"reason\":\" \"}}"), "reason_missing");
    check("POST", "slots/close", &format!("{{{slot},\"reason\":7}}"), "reason_missing");
    let long = "x".repeat(201);
    check("POST", "slots/close", &format!("{{{slot},\"reason\":\"{long}\"}}"), "reason_missing");
    check(
        "POST",
        "slots/close",
        &format!("{{{slot},\"why\":\"x\",\"reason\":\"x\"}}"),
        "bad_request",
    );
    check("POST", "slots/adjust", &format!("{{{slot},\"reason\":\"x\"}}"), "bad_request");
    let both = format!("{{{slot},\"add\":1,\"withdraw\":1,\"reason\":\"x\"}}");
    check("POST", "slots/adjust", &both, "bad_request");
    let huge = format!("{{{slot},\"add\":99999999999,\"reason\":\"x\"}}");
    check("POST", "slots/adjust", &huge, "bad_request");
    check("PATCH", "products/P-TINY", "{\"price\":\"1.234\",\"reason\":\"x\"}", "bad_request");
    check("PATCH", "products/P-TINY", "{\"prise\":\"1\",\"reason\":\"x\"}", "bad_request");
    check("PATCH", "products/P-TINY", "{\"id\":\"P-OTHER\",\"reason\":\"x\"}", "bad_request");
    check("PUT", "products/P-TINY/calendar", "{\"price\":\"1\",\"reason\":\"x\"}", "bad_request");
    let nested = "[".repeat(100_000);
    check("POST", "explain", &format!("{{\"lines\":{nested}"), "bad_request");
    check("POST", "explain", &" ".repeat(300_000), "body_too_large");
    server.stop();
    assert_eq!(said(dir.path()), [""; 0]);
}

#[test]
fn products_are_created_and_changed_and_the_journal_says_by_whom() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let document = json!({
        "supplier": "01", "name": "夜场票", "price": "88.00", "capacity": 20,
        "first_day": 0, "days": 30, "order_min": 1, "order_max": 4, "reason": "new season",
    });
    let made = ok(&call(&server, "PUT", "products/P-NIGHT", document));
    assert_eq!((made["price"].as_str(), made["capacity"].as_i64()), (Some("88.00"), Some(20)));
    assert_eq!(made["first_date"], day(&server, 0));
    assert_eq!(ok(&call(&server, "GET", "products/p-night", Value::Null)), made);
    let patch = |body: Value| {
        Request::new("PATCH", "/admin/v1/products/P-NIGHT")
            .header("Authorization", &format!("Bearer {DEMO_TOKEN}"))
            .header("X-Actor", "王")
            .header("X-Reason", "降价")
            .body(body.to_string())
            .send(&server)
    };
    let changed = ok(&patch(json!({ "price": "66.00", "on_sale": false })));
    assert_eq!((&changed["price"], &changed["on_sale"]), (&json!("66.00"), &json!(false)));
    assert_eq!(changed["capacity"], 20);
    // The catalogue cannot know what was sold.
    refused(&patch(json!({ "capacity": 19 })), 409, "narrowed");
    refused(&patch(json!({ "first_day": 1, "days": 29 })), 409, "narrowed");
    refused(&patch(json!({ "supplier": "02" })), 400, "bad_request");
    let longer = json!({ "first_day": 0, "days": 60, "reason": "longer" });
    let longer = ok(&call(&server, "PUT", "products/P-NIGHT/calendar", longer));
    assert_eq!(longer["last_date"], day(&server, 59));
    let pool = json!({ "supplier": "01", "capacity": 9, "reason": "gate 2" });
    ok(&call(&server, "PUT", "pools/POOL-NEW", pool));
    let smaller = json!({ "capacity": 8, "reason": "gate 2" });
    refused(&call(&server, "PATCH", "pools/POOL-NEW", smaller), 409, "narrowed");
    let agent = json!({
        "name": "新代理", "session_key": "s-e-c-r-e-t", "login_password": "l", "pay_password": "p",
        "reason": "signed",
    });
    let agent = call(&server, "PUT", "agents/new-agent", agent);
    ok(&agent);
    assert!(!agent.text().contains("s-e-c-r-e-t"));
    let money = json!({
        "supplier": "01", "balance": "prepaid", "amount": "100.50", "reason": "bank 4711",
    });
    let money = ok(&call(&server, "POST", "agents/new-agent/top-up", money));
    let accounts = money["accounts"].as_array().unwrap();
    let with_01 = accounts.iter().find(|it| it["supplier"] == "01").unwrap();
    assert_eq!(with_01["balances"][0]["amount"], "100.50");
    let twice = json!({
        "supplier": "01", "balance": "prepaid", "amount": "1.00", "reference": "B-1",
        "reason": "bank 4712",
    });
    for _ in 0..2 {
        let money = ok(&call(&server, "POST", "agents/new-agent/top-up", twice.clone()));
        assert!(money.to_string().contains("101.50"), "{money}");
    }
    let credit = json!({ "supplier": "01", "amount": "50.00", "reason": "trusted" });
    let credit = ok(&call(&server, "PUT", "agents/new-agent/credit", credit));
    assert!(credit.to_string().contains("151.50"), "{credit}");
    server.stop();
    assert_eq!(
        said(dir.path()),
        [
            "demo: new season",
            "demo/王: 降价",
            "demo: longer",
            "demo: gate 2",
            "demo: signed",
            "demo: bank 4711",
            "demo: bank 4712",
            "demo: trusted"
        ]
    );
    books::audit(dir.path());
}

/// Sixty-four buyers while an operator takes places away and gives others.
#[test]
fn nothing_is_oversold_while_an_operator_adjusts() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let date = day(&server, 1);
    let slot = |change: Value| {
        let mut body = json!({ "product": "P-TINY", "date": date, "reason": "while selling" });
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        call(&server, "POST", "slots/adjust", body)
    };
    let (bought, buyers) = (AtomicU32::new(0), 64);
    let (mut added, mut withdrawn) = (0_u32, 0_u32);
    std::thread::scope(|scope| {
        for buyer in 0..buyers {
            let (server, bought) = (&server, &bought);
            scope.spawn(move || {
                for again in 0..3 {
                    if buy(server, "P-TINY", &format!("adjust-{buyer}-{again}")) == 0 {
                        bought.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for _ in 0..10 {
            ok(&slot(json!({ "add": 2 })));
            added += 2;
            let cut = slot(json!({ "withdraw": 1 }));
            match cut.status {
                200 => withdrawn += 1,
                _ => drop(refused(&cut, 409, "not_adjusted")),
            }
        }
    });
    let state = call(&server, "GET", &format!("slots?product=P-TINY&date={date}"), Value::Null);
    let state = ok(&state);
    let places = &state["places"][0];
    let number = |key: &str| places[key].as_u64().unwrap() as u32;
    assert_eq!(number("sold"), bought.load(Ordering::Relaxed), "{state}");
    assert_eq!((number("capacity"), number("added"), number("withdrawn")), (3, added, withdrawn));
    assert_eq!(number("free") + number("sold") + withdrawn, 3 + added, "{state}");
    // Sold places stay sold.
    let sold = number("sold");
    assert!(sold > 0);
    let below = slot(json!({ "withdraw": 3 + added }));
    let message = refused(&below, 409, "not_adjusted");
    assert!(message.contains("free"), "{message}");
    server.stop();
    books::audit(dir.path());
    drop(crate::support::process::audit(dir.path()));
}

#[test]
fn a_slot_is_closed_and_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let slot = json!({ "product": "P-TINY", "date": day(&server, 1), "reason": "storm" });
    let buy = |key: &str| buy(&server, "P-TINY", key);
    assert_eq!(buy("before"), 0);
    assert_eq!(ok(&call(&server, "POST", "slots/close", slot.clone()))["open"], false);
    assert_eq!(buy("closed"), 2);
    assert_eq!(buy("before"), 0, "an answer once given is given again");
    assert_eq!(ok(&call(&server, "POST", "slots/open", slot))["open"], true);
    assert_eq!(buy("after"), 0);
    let nowhere = json!({ "product": "P-TINY", "date": "2020-01-01", "reason": "x" });
    refused(&call(&server, "POST", "slots/close", nowhere), 409, "not_offered");
    server.stop();
    assert_eq!(said(dir.path()), ["demo: storm", "demo: storm"]);
    books::audit(dir.path());
}

/// What `explain` says of an order for tomorrow, in the form that operators send.
fn explain(server: &Server, agent: &str, lines: Value, more: Value) -> Value {
    let mut body = json!({ "agent": agent, "date": day(server, 1), "lines": lines });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    ok(&call(server, "POST", "explain", body))
}

fn checks(explained: &Value) -> &Vec<Value> {
    explained["attempts"][0]["checks"].as_array().unwrap()
}

fn check_of<'e>(explained: &'e Value, kind: &str) -> &'e Value {
    let found = checks(explained).iter().find(|check| check["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind}: {explained:#}"))
}

#[test]
fn explain_names_what_refuses_with_the_facts() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let mobile = json!({ "mobile": "13800138000" });
    let lines =
        |product: &str, quantity: u32| json!([{ "product": product, "quantity": quantity }]);
    let of_demo = |product, quantity| {
        explain(&server, "demo-agent", lines(product, quantity), mobile.clone())
    };

    // Granted, and nothing is held by asking.
    for _ in 0..3 {
        let granted = of_demo("P-TINY", 3);
        assert_eq!(granted["granted"], true, "{granted:#}");
        assert!(checks(&granted).iter().all(|check| check["grants"] == true));
    }
    // Sold out: one sold, one held until half an hour from now.
    assert_eq!(buy(&server, "P-TINY", "one"), 0);
    let unpaid = partner::plain_info(&server, "two", "P-TINY", 1);
    let unpaid = DEMO.json(&server, ADD_SCENIC, &unpaid);
    assert_eq!(unpaid["resultcode"], 0, "{unpaid}");
    let short = of_demo("P-TINY", 2);
    assert_eq!((&short["granted"], &short["refused"]["code"]), (&json!(false), &json!("sold_out")));
    assert_eq!(short["refused"]["partner_code"], 1);
    let slot = check_of(&short, "slot");
    let places = &slot["places"][0];
    assert_eq!(
        (&places["sold"], &places["held"], &places["free"], &slot["grants"]),
        (&json!(1), &json!(1), &json!(1), &json!(false)),
        "{short:#}"
    );
    assert!(slot["next_expiry"].as_str().unwrap().ends_with('Z'), "{slot}");
    assert_eq!(check_of(&short, "account")["grants"], true);

    // The pool behind an unlimited product.
    let pool = of_demo("P-NARROW", 3);
    assert_eq!(pool["refused"]["code"], "sold_out");
    assert_eq!(check_of(&pool, "slot")["grants"], true);
    let narrow = check_of(&pool, "pool");
    assert_eq!((&narrow["grants"], &narrow["places"][0]["free"]), (&json!(false), &json!(2)));

    // A limit that somebody has used up, and one that nobody has.
    let bought = partner::adult_info(&server, "limited", 1, 1);
    assert_eq!(DEMO.json(&server, SCENIC, &DEMO.and_pay(&bought))["resultcode"], 0);
    let line = &bought["orderdetails"][0];
    let same = json!([{
        "product": "P-ADULT", "document_type": "1", "document": line["identificationnumber"],
        "name": line["fullname"], "mobile": "13800138000",
    }]);
    let same = explain(&server, "demo-agent", same, json!({ "timespan": 2 }));
    assert_eq!(same["refused"]["code"], "limit_exceeded", "{same:#}");
    let used_up = |limit: &&Value| limit["by"] == "document" && limit["used"] == 1;
    let limits = checks(&same).iter().filter_map(|check| check["limits"].as_array()).flatten();
    let used_up: Vec<&Value> = limits.filter(used_up).collect();
    assert_eq!((used_up.len(), &used_up[0]["max"]), (1, &json!(1)), "{same:#}");
    let person = json!([{
        "product": "P-ADULT", "document_type": "1", "document": "110101199003078515",
        "name": "张三", "mobile": "13800138000",
    }]);
    let timed = json!({ "mobile": "13800138000", "timespan": 1 });
    let adult = explain(&server, "demo-agent", person, timed.clone());
    let limits: Vec<&Value> =
        checks(&adult).iter().filter_map(|check| check["limits"].as_array()).flatten().collect();
    assert!(!limits.is_empty(), "{adult:#}");
    assert!(limits.iter().all(|limit| limit["used"] == 0 && limit["asked"] == 1), "{adult:#}");

    // Too little money.
    let poor = explain(&server, POOR.id, lines("P-DEAR", 1), mobile.clone());
    assert_eq!(poor["refused"]["code"], "balance_short", "{poor:#}");
    assert_eq!(check_of(&poor, "account")["asked"], "10000000.00");
    assert_eq!(check_of(&poor, "slot")["places"][0]["free"], "unlimited");

    // Refused before anybody is asked.
    let off = of_demo("P-OFF", 1);
    assert_eq!((&off["refused"]["code"], &off["attempts"]), (&json!("off_sale"), &json!([])));
    let none = call(&server, "POST", "explain", json!({ "agent": "nobody", "lines": [] }));
    refused(&none, 404, "not_found");

    // Closed.
    let close =
        json!({ "product": "P-SPAN", "date": day(&server, 1), "timespan": 1, "reason": "x" });
    ok(&call(&server, "POST", "slots/close", close));
    let closed = explain(&server, "demo-agent", lines("P-SPAN", 1), timed);
    assert_eq!(closed["refused"]["code"], "slot_closed", "{closed:#}");
    assert_eq!(check_of(&closed, "slot")["open"], false);
    let earliest = json!({ "mobile": "13800138000", "timespan": -1 });
    let earliest = explain(&server, "demo-agent", lines("P-SPAN", 1), earliest);
    assert_eq!((&earliest["granted"], &earliest["timespan"]), (&json!(true), &json!(2)));
    assert_eq!(earliest["attempts"].as_array().unwrap().len(), 2);
    server.stop();
    books::audit(dir.path());
}

#[test]
fn an_operator_sees_orders_without_their_people_and_acts_for_any_agent() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let info = partner::adult_info(&server, "seen", 1, 1);
    let sold = DEMO.json(&server, SCENIC, &DEMO.and_pay(&info));
    let number = sold["orderid"].as_str().unwrap();
    let shown = call(&server, "GET", &format!("orders/{number}"), Value::Null);
    let order = ok(&shown);
    assert_eq!((&order["state"], &order["agent"]), (&json!("paid"), &json!("demo-agent")));
    assert_eq!(order["request_key"], "seen");
    let line = &info["orderdetails"][0];
    for secret in ["identificationnumber", "fullname", "mobile"] {
        assert!(!shown.text().contains(line[secret].as_str().unwrap()), "{secret}: {order:#}");
    }
    for code in server.codes(DEMO.id, number) {
        assert!(!shown.text().contains(&code), "{order:#}");
    }
    let cancel = json!({ "reason": "asked by phone" });
    let paid = call(&server, "POST", &format!("orders/{number}/cancel"), cancel.clone());
    assert_eq!(paid.status, 409, "{}", paid.text());
    let unpaid = DEMO.json(&server, ADD_SCENIC, &partner::adult_info(&server, "held", 1, 1));
    assert_eq!(unpaid["resultcode"], 0, "{unpaid}");
    let held = unpaid["orderid"].as_str().unwrap();
    let before = ok(&call(&server, "GET", &format!("orders/{held}"), Value::Null));
    let longer = json!({ "minutes": 120, "reason": "waits for the bank" });
    let longer = ok(&call(&server, "POST", &format!("orders/{held}/extend"), longer));
    assert!(before["expires_at"].as_str() < longer["expires_at"].as_str(), "{longer:#}");
    let cancelled = ok(&call(&server, "POST", &format!("orders/{held}/cancel"), cancel));
    assert_eq!(cancelled["state"], "cancelled");
    let back = json!({ "reason": "rain", "request": "desk-1" });
    let refund = ok(&call(&server, "POST", &format!("orders/{number}/refund"), back.clone()));
    assert_eq!((&refund["state"], &refund["repeated"]), (&json!("refunded"), &json!(false)));
    let again = ok(&call(&server, "POST", &format!("orders/{number}/refund"), back));
    assert_eq!((&again["batch"], &again["repeated"]), (&refund["batch"], &json!(true)));
    for unknown in ["123", "abc", "99999999999999999999999"] {
        let answer = call(&server, "GET", &format!("orders/{unknown}"), Value::Null);
        assert_eq!(answer.status, 404, "{}", answer.text());
    }
    server.stop();
    assert_eq!(
        said(dir.path()),
        ["demo: waits for the bank", "demo: asked by phone", "demo: rain"]
    );
    books::audit(dir.path());
}
