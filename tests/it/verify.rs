//! Verify applies every rule an order applies, says the same, and holds nothing.
//! docs/protocols/ota.md, "Result codes".

use serde_json::{Value, json};

use crate::support::Target;
use crate::support::books::audit;
use crate::support::message::{Json, Xml, with};
use crate::support::partner::{self, ADD_SCENIC, Agent, DEMO, POOR, SCENIC, VERIFY};
use crate::support::server::{Server, Setup};
use crate::support::shop;

const LINE: &str = "/orderdetails/0";
const DOCUMENT: &str = "/orderdetails/0/identificationnumber";
const MOBILE: &str = "/orderdetails/0/mobile";

/// Asks with Verify in both formats, then orders the same: all three say `code`, in the same words.
fn check(server: &Server, agent: &Agent, name: &str, info: &Value, code: i64) {
    let [json, xml] = [Json, Xml].map(|format| agent.call(server, VERIFY, info, format));
    for answer in [&json, &xml] {
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(answer.code("errcode"), code, "{name}: {}", answer.text());
    }
    let said = json.field("errmsg").unwrap();
    assert!(said.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{name}: {said}");
    assert_eq!(xml.field("errmsg").as_ref(), Some(&said), "{name}");
    let ordered = agent.call(server, SCENIC, &agent.and_pay(info), Json);
    assert_eq!(ordered.code("resultcode"), code, "{name}: {}", ordered.text());
    assert_eq!(ordered.field("returnmessgage"), Some(said), "{name}");
}

fn sell(server: &Server, info: &Value) {
    let sold = DEMO.json(server, SCENIC, &DEMO.and_pay(info));
    assert_eq!(sold["resultcode"], 0, "{sold}");
}

fn plain(server: &Server, product: &str, amount: i64) -> Value {
    partner::plain_info(server, "", product, amount)
}

#[test]
fn requests_that_can_never_be_granted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(Setup::new(dir.path()).selling(shop::SMALL));
    let adult = || partner::adult_info(&server, "", 1, 1);
    let refused = |name: &str, changes: &[(&str, Value)], code: i64| {
        check(&server, &DEMO, name, &with(&adult(), changes), code);
    };
    let product = |id: &str| (format!("{LINE}/productid"), json!(id));
    let of = |id: &str, code: i64| {
        let (pointer, id) = product(id);
        refused(&format!("product {id}"), &[(&pointer, id)], code);
    };
    of("P-NONE", 2);
    of("P-OFF", 2);
    of("P-SHOW", 4);
    of("P-COUPON", 4);

    for date in ["20261121", "20200101", "20270122", "99991231", "20261301", "20260230", "2026113"]
    {
        refused(date, &[("/effectdate", json!(date))], 4);
    }
    for date in ["20270120", "today"] {
        let date = if date == "today" { server.day(0) } else { date.to_owned() };
        check(&server, &DEMO, &date, &with(&adult(), &[("/effectdate", json!(date))]), 0);
    }
    for timespan in [0, -2, 4, 255, 256, 257, i64::from(i32::MAX), i64::from(i32::MIN)] {
        refused(&format!("timespan {timespan}"), &[("/timespanindex", json!(timespan))], 4);
    }

    for amount in [0, -1, 2_147_483_647, -2_147_483_648, 6] {
        refused(&format!("amount {amount}"), &[("/orderdetails/0/amount", json!(amount))], 9);
        check(&server, &DEMO, "children", &with(&plain(&server, "P-CHILD", amount), &[]), 9);
    }
    check(&server, &DEMO, "one too few", &plain(&server, "P-NARROW", 1), 9);
    check(&server, &DEMO, "one too many", &plain(&server, "P-BULK", 101), 9);
    let lines = [
        (LINE, json!({ "productid": "P-BULK", "amount": 60 })),
        ("/orderdetails/1", json!({ "productid": "p-bulk", "amount": 41 })),
    ];
    refused("one too many in two lines", &lines, 9);
    refused("no line", &[("/orderdetails", json!([]))], 9);
    let many: Vec<_> = (0..101).map(|_| json!({ "productid": "P-BULK", "amount": 1 })).collect();
    refused("too many lines", &[("/orderdetails", json!(many))], 9);
    check(&server, &DEMO, "two suppliers", &two_suppliers(&server), 999_999);
    check(&server, &DEMO, "beyond any amount of money", &beyond_money(&server), 9);
    check(&server, &DEMO, "21 quadrillion yuan", &plain(&server, "P-DEAR", 2_147_483_647), 9);
    check(&server, &DEMO, "more than anybody has", &plain(&server, "P-DEAR", 101), 22);

    refused(
        "no mobile at a barcode gate",
        &[(MOBILE, json!("")), ("/orderdetails/0/gateinmode", json!("B"))],
        12,
    );
    refused("no document", &[(DOCUMENT, json!(""))], 13);
    refused("no name", &[("/orderdetails/0/fullname", json!(""))], 14);
    refused("two tickets, one visitor", &[("/orderdetails/0/amount", json!(2))], 15);
    for mobile in ["12345678901", "1380000000", "abcdefghijk"] {
        refused(mobile, &[("/mobile", json!(mobile))], 19);
        refused(mobile, &[(MOBILE, json!(mobile))], 19);
    }
    for document in ["110105194912310021", "11010519491331002X", "1101051949123100", "x"] {
        refused(document, &[(DOCUMENT, json!(document))], 20);
    }
    refused("first generation", &[(DOCUMENT, json!("110105491231002"))], 20);
    refused("unknown kind", &[("/orderdetails/0/identificationtype", json!("8"))], 20);
    refused("no passport", &[("/orderdetails/0/identificationtype", json!("2"))], 20);
    for name in ["   ", "张\u{7f}三", &"长".repeat(33)] {
        refused(&format!("name {name:?}"), &[("/orderdetails/0/fullname", json!(name))], 21);
    }
    server.stop();
    assert_eq!(audit(dir.path()).orders, 2, "the two dates that can be booked");
}

fn two_suppliers(server: &Server) -> Value {
    let show = json!({ "productid": "P-SHOW", "amount": 1 });
    with(&plain(server, "P-BULK", 1), &[("/orderdetails/1", show)])
}

/// Three lines whose price in fen does not fit 63 bits.
fn beyond_money(server: &Server) -> Value {
    let line = |product: &str| json!({ "productid": product, "amount": 2_147_483_647 });
    let lines = ["P-DEAR", "P-DEAR", "P-DEAR-2", "P-DEAR-2", "P-DEAR-3"].map(line);
    with(&plain(server, "P-DEAR", 1), &[("/orderdetails", json!(lines))])
}

#[test]
fn stock_and_pools_that_are_short() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(Setup::new(dir.path()).selling(shop::SMALL));
    check(&server, &DEMO, "more than there is", &plain(&server, "P-TINY", 4), 1);
    let line = json!({ "productid": "P-TINY", "amount": 2 });
    let split = with(&plain(&server, "P-TINY", 2), &[("/orderdetails/1", line)]);
    check(&server, &DEMO, "lines that fit one by one", &split, 1);
    check(&server, &DEMO, "more than the gate lets in", &plain(&server, "P-NARROW", 3), 1);
    sell(&server, &plain(&server, "P-TINY", 3));
    check(&server, &DEMO, "sold out", &plain(&server, "P-TINY", 1), 1);
    let other_day = with(&plain(&server, "P-TINY", 1), &[("/effectdate", json!(server.day(2)))]);
    check(&server, &DEMO, "another day", &other_day, 0);

    let span = |timespan: i64, amount: i64| {
        with(&plain(&server, "P-SPAN", amount), &[("/timespanindex", json!(timespan))])
    };
    check(&server, &DEMO, "no timespan has room for all", &span(-1, 3), 1);
    sell(&server, &span(1, 1));
    check(&server, &DEMO, "the timespan is short", &span(1, 2), 1);
    // The earliest with room for both is the second; what remains of the first goes to one.
    let sold = DEMO.json(&server, SCENIC, &DEMO.and_pay(&span(-1, 2)));
    let timespan = |sold: &Value| {
        let order = server.order(DEMO.id, sold["orderid"].as_str().unwrap());
        order.lines[0].slot.timespan.get()
    };
    assert_eq!(timespan(&sold), 2);
    assert_eq!(timespan(&DEMO.json(&server, SCENIC, &DEMO.and_pay(&span(-1, 1)))), 1);
    check(&server, &DEMO, "the third has room", &span(-1, 2), 0);
    check(&server, &DEMO, "the day is sold out", &span(-1, 1), 1);
    server.stop();
    audit(dir.path());
}

#[test]
fn purchase_limits_and_balances() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let adult = || partner::adult_info(&server, "", 1, -1);
    let first = adult();
    let document = first.pointer(DOCUMENT).unwrap().clone();
    sell(&server, &first);
    let again = with(&adult(), &[(DOCUMENT, document.clone())]);
    check(&server, &DEMO, "the document again", &again, 7);
    let padded = json!(format!(" {} ", document.as_str().unwrap().to_lowercase()));
    check(&server, &DEMO, "written differently", &with(&again, &[(DOCUMENT, padded)]), 7);
    let next_day = with(&again, &[("/effectdate", json!(server.day(2)))]);
    check(&server, &DEMO, "on another day", &next_day, 0);
    let twin = adult();
    let twice = with(&twin, &[("/orderdetails/1", twin["orderdetails"][0].clone())]);
    check(&server, &DEMO, "the same document twice in one order", &twice, 3);

    // Unpaid orders count as well, and give back what they counted.
    let held = adult();
    let ordered = DEMO.json(&server, ADD_SCENIC, &held);
    let same = with(&adult(), &[(DOCUMENT, held.pointer(DOCUMENT).unwrap().clone())]);
    check(&server, &DEMO, "a document with an unpaid order", &same, 7);
    DEMO.cancel(&server, ordered["orderid"].as_str().unwrap(), Json);
    check(&server, &DEMO, "its order was cancelled", &same, 0);

    let mobile = json!(partner::mobile());
    let of_mobile = || with(&adult(), &[("/mobile", mobile.clone())]);
    for _ in 0..4 {
        sell(&server, &of_mobile());
    }
    let two = with(&of_mobile(), &[("/orderdetails/1", adult()["orderdetails"][0].clone())]);
    check(&server, &DEMO, "two more where one is left", &two, 8);
    sell(&server, &of_mobile());
    check(&server, &DEMO, "the mobile's sixth", &of_mobile(), 8);
    let foreign = with(&of_mobile(), &[("/mobile", json!(partner::mobile()))]);
    check(&server, &DEMO, "another mobile", &foreign, 0);

    let flash = |document: &Value, day: i32| {
        let line = json!({ "productid": "P-FLASH", "amount": 1, "fullname": "某",
            "identificationnumber": document });
        let day = json!(server.day(day));
        with(&plain(&server, "P-FLASH", 1), &[(LINE, line), ("/effectdate", day)])
    };
    let document = json!(partner::document());
    sell(&server, &flash(&document, 1));
    check(&server, &DEMO, "once for ever", &flash(&document, 9), 7);
    check(&server, &DEMO, "once for each", &flash(&json!(partner::document()), 9), 0);

    check(&server, &POOR, "120 of 100 yuan", &adult(), 22);
    check(&server, &POOR, "exactly what is there", &plain(&server, "P-BULK", 100), 0);
    // Verify cannot know which balance will pay, so one that suffices is enough for it.
    let one = plain(&server, "P-BULK", 1);
    assert_eq!(POOR.json(&server, VERIFY, &one)["errcode"], 0);
    assert_eq!(POOR.json(&server, SCENIC, &POOR.and_pay(&one))["resultcode"], 22);
    let prepaid = POOR.and_pay(&plain(&server, "P-BULK", 100));
    let sold = POOR.json(&server, "/api/OrderAndPay/WithPrepayment", &prepaid);
    assert_eq!((&sold["resultcode"], &sold["orderstatus"]), (&json!(0), &json!("3")));
    check(&server, &POOR, "nothing is left", &one, 22);
    server.stop();
    audit(dir.path());
}

#[test]
fn a_thousand_questions_hold_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(Setup::new(dir.path()).selling(shop::SMALL));
    let info = plain(&server, "P-TINY", 3);
    std::thread::scope(|scope| {
        for format in [Json, Xml, Json, Xml] {
            let (server, info) = (&server, &info);
            scope.spawn(move || {
                for _ in 0..250 {
                    let answer = DEMO.call(server, VERIFY, info, format);
                    assert_eq!(answer.code("errcode"), 0, "{}", answer.text());
                }
            });
        }
    });
    sell(&server, &info);
    check(&server, &DEMO, "sold out", &plain(&server, "P-TINY", 1), 1);
    server.stop();
    assert_eq!(audit(dir.path()).orders, 1);
}
