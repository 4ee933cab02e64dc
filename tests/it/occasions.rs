//! Performances, areas and timespans: what may be booked for when, and what the clock closes.

use std::sync::Arc;

use piaoku::clock::ManualClock;
use serde_json::{Value, json};

use crate::support::Target;
use crate::support::books::audit;
use crate::support::message::{FORMATS, with};
use crate::support::partner::{self, ADD_THEATRE, DEMO, SCENIC, THEATRE, VERIFY};
use crate::support::server::{NOW, Server, Setup};

fn at_clock(dir: &std::path::Path) -> (Server, Arc<ManualClock>) {
    let clock = ManualClock::at(NOW);
    let mut setup = Setup::new(dir);
    setup.clock = clock.clone();
    (Server::start_with(setup), clock)
}

/// Minutes of the venue's day on the clock.
fn set(clock: &ManualClock, hour: i64, minute: i64) {
    let midnight = NOW.plus_millis(-(65 * 60 + 12) * 1000);
    clock.set(midnight.plus_millis((hour * 60 + minute) * 60_000));
}

fn theatre_code(server: &Server, info: &Value) -> i64 {
    let codes = FORMATS.map(|format| {
        // Without a key each is an order of its own; unpaid, so that money plays no part.
        DEMO.call(server, ADD_THEATRE, info, format).code("resultcode")
    });
    assert_eq!(codes[0], codes[1], "{info}");
    codes[0]
}

#[test]
fn a_theatre_order_names_a_performance_and_an_area_that_exist() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let right = partner::theatre_info(&server, "", 1, 1);
    let check = |name: &str, changes: &[(&str, Value)], code: i64| {
        assert_eq!(theatre_code(&server, &with(&right, changes)), code, "{name}");
    };
    let scene = |text: &str| [("/sceneid", json!(text))];
    check("right", &[], 0);
    check("no performance", &[("/sceneid", Value::Null)], 4);
    for text in
        ["SC-20261123-1931", "SC-20261131-1930", "20261123-1930", "SC-20261123", "SC--", "x"]
    {
        check(text, &scene(text), 4);
    }
    check("a performance of another day", &scene(&format!("SC-{}-1930", server.day(2))), 4);
    check(
        "beyond the horizon",
        &[("/effectdate", json!("20270122")), ("/sceneid", json!("SC-20270122-1930"))],
        4,
    );
    check(
        "yesterday",
        &[("/effectdate", json!("20261121")), ("/sceneid", json!("SC-20261121-1930"))],
        4,
    );
    check("a date that does not exist", &[("/effectdate", json!("20261131"))], 4);
    check("no area", &[("/seatareaid", Value::Null)], 999_999);
    check("an unknown area", &[("/seatareaid", json!("C"))], 999_999);
    check("the other area", &[("/seatareaid", json!("B"))], 0);
    check("an unknown product", &[("/orderdetails/0/productid", json!("P-NONE"))], 2);
    check(
        "of the other supplier, in passing",
        &[("/orderdetails/1", json!({ "productid": "P-BULK", "amount": 1 }))],
        999_999,
    );
    let named = |picks: &str, seats: &[&str]| {
        let seats: Vec<Value> = seats.iter().map(|id| json!({ "seatid": id })).collect();
        [("/orderdetails/0/seatitems", json!(seats)), ("/autoselseats", json!(picks))]
    };
    check("seats named, and left to the system", &named("1", &["A-1-1"]), 0);
    for (name, seats) in [
        ("no seat", &[][..]),
        ("more seats than tickets", &["A-1-2", "A-1-3"]),
        ("a seat of another area", &["B-1-2"]),
        ("no such seat", &["A-1-31"]),
        ("no such row", &["A-11-1"]),
        ("no such area", &["C-1-1"]),
        ("no seat id", &["A-1-02"]),
    ] {
        check(name, &named("", seats), 999_999);
    }
    let twice =
        [named("0", &["A-1-2", "A-1-2"]).to_vec(), vec![("/orderdetails/0/amount", json!(2))]];
    check("a seat twice", &twice.concat(), 999_999);
    for amount in [0, -1, 7, i64::from(i32::MAX)] {
        check("amount", &[("/orderdetails/0/amount", json!(amount))], 9);
    }
    check("six", &[("/orderdetails/0/amount", json!(6))], 0);
    check(
        "no mobile at a barcode gate",
        &[("/orderdetails/0/gateinmode", json!("B")), ("/orderdetails/0/mobile", json!(""))],
        12,
    );
    check("a wrong document", &[("/orderdetails/0/identificationnumber", json!("x"))], 20);
    server.stop();
    audit(dir.path());
}

#[test]
fn an_area_is_sold_to_its_last_seat() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for _ in 0..50 {
        let six = DEMO.and_pay(&partner::theatre_info(&server, &partner::sender_id(), 1, 6));
        assert_eq!(DEMO.json(&server, THEATRE, &six)["resultcode"], 0);
    }
    let more = partner::theatre_info(&server, "", 1, 1);
    assert_eq!(theatre_code(&server, &more), 1);
    assert_eq!(theatre_code(&server, &with(&more, &[("/seatareaid", json!("B"))])), 0);
    assert_eq!(theatre_code(&server, &partner::theatre_info(&server, "", 2, 1)), 0);
    server.stop();
    assert_eq!(audit(dir.path()).vouchers, 300);
}

#[test]
fn a_performance_is_sold_until_it_begins_and_a_timespan_until_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let (server, clock) = at_clock(dir.path());
    let show = partner::theatre_info(&server, "", 0, 1);
    let adult = |timespan: i64| partner::adult_info(&server, "", 0, timespan);
    let verify = |timespan: i64| DEMO.json(&server, VERIFY, &adult(timespan))["errcode"].clone();
    let sold_in = |timespan: i64| {
        let sold = DEMO.json(&server, SCENIC, &DEMO.and_pay(&adult(timespan)));
        let number = sold["orderid"].as_str()?;
        Some(server.order(DEMO.id, number).lines[0].slot.timespan.get())
    };
    // Hour and minute; the code for timespans 1, 2, 3; the one that is chosen; the theatre's code.
    for (hour, minute, codes, chosen, theatre) in [
        (0, 0, [0, 0, 0], Some(1), 0),
        (10, 59, [0, 0, 0], Some(1), 0),
        (11, 0, [4, 0, 0], Some(2), 0),
        (13, 59, [4, 0, 0], Some(2), 0),
        (16, 59, [4, 4, 0], Some(3), 0),
        (17, 0, [4, 4, 4], None, 0),
        (19, 29, [4, 4, 4], None, 0),
        (19, 30, [4, 4, 4], None, 4),
        (23, 59, [4, 4, 4], None, 4),
    ] {
        set(&clock, hour, minute);
        let context = format!("{hour}:{minute:02}");
        assert_eq!([1, 2, 3].map(verify), codes.map(|code| json!(code)), "{context}");
        assert_eq!(sold_in(-1), chosen, "{context}");
        assert_eq!(theatre_code(&server, &show), theatre, "{context}");
    }
    // At midnight yesterday's day is over and the horizon has moved.
    set(&clock, 24, 0);
    assert_eq!(server.day(0), "20261123");
    let yesterday = with(&adult(1), &[("/effectdate", json!("20261122"))]);
    assert_eq!(DEMO.json(&server, VERIFY, &yesterday)["errcode"], 4);
    assert_eq!(sold_in(-1), Some(1));
    server.stop();
    audit(dir.path());
}
