//! What nobody should do to a server: contradicting commands at once, money and stock counted to the
//! last fen and place afterwards.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use piaoku::clock::ManualClock;
use piaoku::domain::account::{AccountKey, Balance, Holder};
use piaoku::http::DEMO_TOKEN;
use piaoku::types::Fen;
use serde_json::{Value, json};

use crate::support::Target;
use crate::support::books;
use crate::support::http::{Answer, Request};
use crate::support::message::{Json, with};
use crate::support::partner::{
    self, ADD_SCENIC, ADD_THEATRE, Agent, DEMO, GATE_TOKEN, PAY, POOR, REFUND, SCENIC,
    SCENIC_PREPAID, THEATRE, VERIFY, gate_request,
};
use crate::support::server::{NOW, Server, Setup};
use crate::support::shop::SMALL;

/// Products whose fees and rebates are worth a fight.
const DEAR: &str = r#"
[[product]]
id = "H-FEES"
supplier = "01"
name = "费率票"
price = "0.99"
rebate = "0.50"
capacity = 1000
first_day = 0
days = 60
order_min = 1
order_max = 100
timespans = ["10:00-12:00"]
refund = [
    { hours_before = 48, fee_percent = "50" },
    { hours_before = 24, fee_percent = "33.33" },
    { hours_before = 2, fee = "5.00" },
]

[[product]]
id = "H-REBATE"
supplier = "01"
name = "返利票"
price = "60.00"
rebate = "50.00"
capacity = 1000
first_day = 0
days = 60
order_min = 1
order_max = 100
refund = [{ hours_before = 0, fee = "20.00" }]

[[product]]
id = "H-CARD"
supplier = "01"
name = "三次卡"
price = "240.00"
rebate = "9.00"
rebate_at = "redemption"
uses = 3
capacity = 1000
first_day = 0
days = 60
order_min = 1
order_max = 100

[[product]]
id = "H-SPEND"
supplier = "01"
name = "花光票"
price = "1.00"
capacity = "unlimited"
first_day = 0
days = 60
order_min = 1
order_max = 4294967295
"#;

struct World {
    server: Server,
    clock: Arc<ManualClock>,
}

fn world(dir: &Path) -> World {
    let clock = ManualClock::at(NOW);
    let mut setup = Setup::new(dir).selling(SMALL).selling(DEAR);
    setup.clock = clock.clone();
    World { server: Server::start_with(setup), clock }
}

impl World {
    fn balance(&self, agent: &Agent, balance: Balance) -> i64 {
        let catalogue = self.server.engine.catalogue();
        let supplier = catalogue.supplier_by_id("01").unwrap().no;
        let no = self.server.agent_no(agent.id);
        let account = AccountKey { supplier, holder: Holder::Agent(no) };
        let view = self.server.wait(self.server.engine.account(no, account)).unwrap();
        view.standing(balance).amount().get()
    }

    fn prepaid(&self, agent: &Agent) -> i64 {
        self.balance(agent, Balance::Prepaid)
    }

    fn rebate(&self, agent: &Agent) -> i64 {
        self.balance(agent, Balance::Rebate { year: 2026 })
    }

    fn pay(&self, agent: &Agent, path: &str, info: &Value) -> Value {
        agent.json(&self.server, path, &agent.and_pay(info))
    }

    fn buy(&self, product: &str, amount: i64) -> String {
        let info = partner::plain_info(&self.server, &partner::sender_id(), product, amount);
        let sold = self.pay(&DEMO, SCENIC_PREPAID, &info);
        assert_eq!(sold["resultcode"], 0, "{sold}");
        sold["orderid"].as_str().unwrap().to_owned()
    }

    fn place(&self, product: &str, amount: i64) -> String {
        let info = partner::plain_info(&self.server, &partner::sender_id(), product, amount);
        let placed = DEMO.json(&self.server, ADD_SCENIC, &info);
        assert_eq!(placed["resultcode"], 0, "{placed}");
        placed["orderid"].as_str().unwrap().to_owned()
    }

    fn tickets(&self, order: &str) -> Vec<String> {
        self.server.order(DEMO.id, order).tickets.iter().map(|it| it.id.to_string()).collect()
    }

    fn refund(&self, agent: &Agent, order: &str, tickets: Option<&[String]>) -> Value {
        let message = match tickets {
            None => json!({ "orderid": order, "refundallticket": "1" }),
            Some(ids) => json!({ "orderid": order, "refundallticket": "0", "ticketids": ids }),
        };
        agent.json(&self.server, REFUND, &message)
    }

    fn gate(&self, code: &str, action: &str, body: Value) -> Answer {
        gate_request(GATE_TOKEN, code, action, &body).send(&self.server)
    }

    fn admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        let mut request = Request::new(method, &format!("/admin/v1/{path}"))
            .header("Authorization", &format!("Bearer {DEMO_TOKEN}"));
        if !body.is_null() {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        request.send(&self.server)
    }

    /// Waits until an order is closed because its time was up.
    fn expired(&self, order: &str) {
        let gone = (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            let order = self.server.order(DEMO.id, order);
            matches!(order.state, piaoku::domain::order::OrderState::Closed { .. })
        });
        assert!(gone, "its time is up");
    }

    fn is_sold_out_after(&self, product: &str, left: i64) {
        let info = |n| partner::plain_info(&self.server, &partner::sender_id(), product, n);
        let more = self.pay(&DEMO, SCENIC, &info(left + 1));
        assert_eq!(more["resultcode"], 1, "{more}");
        if left > 0 {
            let rest = self.pay(&DEMO, SCENIC, &info(left));
            assert_eq!(rest["resultcode"], 0, "{rest}");
        }
    }
}

#[test]
fn a_refund_and_a_scan_at_once_have_one_winner() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let mut used = 0;
    let before = world.prepaid(&DEMO);
    for round in 0..12 {
        let order = world.buy("P-TINY", 1);
        world.clock.set(NOW.plus_millis(86_400_000 - 3_600_000));
        let code = world.server.codes(DEMO.id, &order).remove(0);
        let (refunded, redeemed) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for thread in 0..16 {
                let (world, order, code) = (&world, &order, &code);
                let (refunded, redeemed) = (&refunded, &redeemed);
                scope.spawn(move || {
                    if thread % 2 == 0 {
                        let answer = world.refund(&DEMO, order, None);
                        if answer["errcode"] == 0 {
                            refunded.fetch_add(1, Ordering::Relaxed);
                        }
                    } else {
                        let body = json!({ "request_no": format!("R{round}-{thread}") });
                        if world.gate(code, "/redeem", body).status == 200 {
                            redeemed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let (refunded, redeemed) = (refunded.into_inner(), redeemed.into_inner());
        assert!(
            (refunded == 8 && redeemed == 0) || (refunded == 0 && redeemed == 1),
            "{refunded} {redeemed}"
        );
        used += i64::from(redeemed);
        world.clock.set(NOW);
        if used == 3 {
            break;
        }
    }
    assert_eq!(world.prepaid(&DEMO), before - used * 1_000);
    world.is_sold_out_after("P-TINY", 3 - used);
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn overlapping_refunds_at_once_pay_each_ticket_once() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let before = world.prepaid(&DEMO);
    for _ in 0..4 {
        let order = world.buy("H-REBATE", 6);
        let tickets = world.tickets(&order);
        std::thread::scope(|scope| {
            for thread in 0..12 {
                let (world, order, tickets) = (&world, &order, &tickets);
                scope.spawn(move || {
                    let first = thread % 5;
                    let answer = world.refund(&DEMO, order, Some(&tickets[first..first + 2]));
                    assert_eq!(answer["errcode"], 0, "{answer}");
                    assert_eq!(answer["tag"].as_str().unwrap().len(), 17, "{answer}");
                });
            }
        });
        let whole = world.refund(&DEMO, &order, None);
        assert_eq!(whole["errcode"], 0, "{whole}");
    }
    assert_eq!(world.prepaid(&DEMO), before - 24 * 2_000);
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn paying_and_cancelling_at_once_is_one_or_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let before = world.rebate(&DEMO);
    let mut paid = 0;
    for _ in 0..10 {
        let order = world.place("P-TINY", 1);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (world, order) = (&world, &order);
                scope.spawn(move || {
                    if thread % 2 == 0 {
                        DEMO.cancel(&world.server, order, Json);
                    } else {
                        DEMO.json(&world.server, PAY, &DEMO.pay_info(order));
                    }
                });
            }
        });
        let order = world.server.order(DEMO.id, &order);
        paid += i64::from(!order.tickets.is_empty());
        if paid == 3 {
            break;
        }
    }
    assert_eq!(world.rebate(&DEMO), before - paid * 1_000);
    world.is_sold_out_after("P-TINY", 3 - paid);
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn late_money_and_new_buyers_never_share_a_place() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let before = world.rebate(&DEMO);
    let late: Vec<String> = (0..3).map(|_| world.place("P-TINY", 1)).collect();
    world.clock.set(NOW.plus_millis(31 * 60_000));
    late.iter().for_each(|order| world.expired(order));
    let sold = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (world, late, sold) = (&world, &late, &sold);
            scope.spawn(move || {
                let answer = if thread < 3 {
                    DEMO.json(&world.server, PAY, &DEMO.pay_info(&late[thread]))
                } else {
                    let key = partner::sender_id();
                    world.pay(&DEMO, SCENIC, &partner::plain_info(&world.server, &key, "P-TINY", 1))
                };
                match answer["resultcode"].as_i64().unwrap() {
                    0 => drop(sold.fetch_add(1, Ordering::Relaxed)),
                    code => assert_eq!(code, 1, "{answer}"),
                }
            });
        }
    });
    assert_eq!(sold.into_inner(), 3);
    assert_eq!(world.rebate(&DEMO), before - 3_000);
    world.is_sold_out_after("P-TINY", 0);
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn late_money_for_a_visit_that_is_over_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let before = world.rebate(&DEMO);
    let order = world.place("P-TINY", 1);
    world.clock.set(NOW.plus_millis(3 * 86_400_000));
    world.expired(&order);
    let late = DEMO.json(&world.server, PAY, &DEMO.pay_info(&order));
    assert_eq!((&late["resultcode"], &late["orderstatus"]), (&json!(4), &json!("4")), "{late}");
    assert_eq!(world.rebate(&DEMO), before);
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn late_money_for_a_day_that_was_closed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let order = world.place("P-TINY", 1);
    world.clock.set(NOW.plus_millis(31 * 60_000));
    world.expired(&order);
    let day = world.server.day(1);
    let day = format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]);
    let closed = |closed: bool| {
        let exception = json!([{ "from": day, "to": day, "closed": closed }]);
        let changed = json!({ "exception": exception, "reason": "x" });
        assert_eq!(world.admin("PATCH", "products/P-TINY", &changed).status, 200);
    };
    closed(true);
    let late = DEMO.json(&world.server, PAY, &DEMO.pay_info(&order));
    assert_eq!((&late["resultcode"], &late["orderstatus"]), (&json!(4), &json!("4")), "{late}");
    closed(false);
    let late = DEMO.json(&world.server, PAY, &DEMO.pay_info(&order));
    assert_eq!(late["resultcode"], 0, "{late}");
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn a_person_may_buy_again_after_a_refund_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let info = partner::adult_info(&world.server, "", 2, 1);
    let buy = || world.pay(&DEMO, SCENIC_PREPAID, &info);
    for _ in 0..3 {
        let sold = buy();
        assert_eq!(sold["resultcode"], 0, "{sold}");
        let again = buy();
        assert_eq!(again["resultcode"], 7, "{again}");
        let verify = DEMO.json(&world.server, VERIFY, &info);
        assert_eq!(verify["errcode"], 7, "{verify}");
        assert_eq!(verify["errmsg"], again["returnmessgage"]);
        let other_span = with(&info, &[("/timespanindex", json!(2))]);
        assert_eq!(world.pay(&DEMO, SCENIC_PREPAID, &other_span)["resultcode"], 7);
        let order = sold["orderid"].as_str().unwrap();
        assert_eq!(world.refund(&POOR, order, None)["errcode"], 999_999);
        assert_eq!(world.refund(&DEMO, order, None)["errcode"], 0);
        assert_eq!(world.refund(&DEMO, order, None)["errcode"], 0);
    }
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn fees_change_at_the_very_instant_their_tier_ends() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    // The visit begins in four days at ten in the morning at the venue.
    let info = || {
        let info = partner::plain_info(&world.server, "", "H-FEES", 1);
        with(&info, &[("/timespanindex", json!(1)), ("/effectdate", json!("20261126"))])
    };
    let begins = NOW.plus_millis(4 * 86_400_000 + (8 * 3600 + 54 * 60 + 48) * 1000);
    let hour = 3_600_000;
    let year = Balance::Rebate { year: 2026 };
    for (ahead, kept) in [
        (48 * hour, Some(50)),
        (48 * hour - 1, Some(33)),
        (24 * hour, Some(33)),
        (24 * hour - 1, Some(99)),
        (2 * hour, Some(99)),
        (2 * hour - 1, None),
    ] {
        let (before, rebate) = (world.prepaid(&DEMO), world.balance(&DEMO, year));
        world.clock.set(NOW);
        let sold = world.pay(&DEMO, SCENIC_PREPAID, &info());
        assert_eq!(sold["resultcode"], 0, "{sold}");
        world.clock.set(begins.plus_millis(-ahead));
        let back = world.refund(&DEMO, sold["orderid"].as_str().unwrap(), None);
        let Some(kept) = kept else {
            assert_eq!(back["errcode"], 999_999, "{back}");
            assert_eq!(world.prepaid(&DEMO), before - 99);
            continue;
        };
        assert_eq!(back["errcode"], 0, "{back}");
        assert_eq!(world.prepaid(&DEMO), before - kept, "{ahead}");
        assert_eq!(world.balance(&DEMO, year), rebate);
    }
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn rebate_that_is_spent_is_kept_from_the_refund_as_far_as_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let info = partner::plain_info(&world.server, "", "H-REBATE", 1);
    let sold = world.pay(&POOR, SCENIC_PREPAID, &info);
    assert_eq!(sold["resultcode"], 0, "{sold}");
    assert_eq!((world.prepaid(&POOR), world.rebate(&POOR)), (4_000, 15_000));
    let spend = partner::plain_info(&world.server, "", "H-SPEND", 149);
    let spent = world.pay(&POOR, SCENIC, &spend);
    assert_eq!(spent["resultcode"], 0, "{spent}");
    assert_eq!(world.rebate(&POOR), 100);
    // 60 yuan less 20 of fee: 40 are there for 50 of rebate.
    let back = world.refund(&POOR, sold["orderid"].as_str().unwrap(), None);
    assert_eq!(back["errcode"], 0, "{back}");
    assert_eq!((world.prepaid(&POOR), world.rebate(&POOR)), (4_000, 100));
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn a_card_is_used_reversed_and_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let (before, rebate) = (world.prepaid(&DEMO), world.rebate(&DEMO));
    let mut info = partner::plain_info(&world.server, "", "H-CARD", 2);
    info["effectdate"] = json!(world.server.day(0));
    let sold = world.pay(&DEMO, SCENIC_PREPAID, &info);
    assert_eq!(sold["resultcode"], 0, "{sold}");
    let order = sold["orderid"].as_str().unwrap().to_owned();
    let codes = world.server.codes(DEMO.id, &order);
    let tickets = world.tickets(&order);
    for quantity in [json!(0), json!(-1), json!(99_999), json!(4), json!(1.0), json!("1")] {
        let answer =
            world.gate(&codes[0], "/redeem", json!({ "request_no": "Q", "quantity": quantity }));
        assert!([400, 409].contains(&answer.status), "{quantity}: {}", answer.text());
    }
    let one = |no: &str| json!({ "request_no": no });
    assert_eq!(world.gate(&codes[0], "/redeem", one("A")).status, 200);
    assert_eq!(world.rebate(&DEMO), rebate + 900);
    let partly = world.refund(&DEMO, &order, Some(&tickets[..1]));
    assert_eq!(partly["errcode"], 999_999, "{partly}");
    assert_eq!(world.refund(&DEMO, &order, None)["errcode"], 999_999);
    assert_eq!(world.gate(&codes[0], "/reverse", one("B")).status, 200);
    assert_eq!(world.gate(&codes[0], "/redeem", one("A")).status, 200, "a repeat");
    assert_eq!(world.gate(&codes[0], "/redeem", one("C")).status, 200);
    assert_eq!(world.rebate(&DEMO), rebate + 900, "a ticket earns once");
    assert_eq!(world.gate(&codes[0], "/reverse", one("D")).status, 200);
    let given = world.refund(&DEMO, &order, Some(&tickets[..1]));
    assert_eq!(given["errcode"], 0, "{given}");
    assert_eq!((world.prepaid(&DEMO), world.rebate(&DEMO)), (before - 24_000, rebate));
    let gone = world.gate(&codes[0], "/redeem", one("E"));
    assert_eq!((gone.status, gone.field("code").as_deref()), (409, Some("REFUNDED")));
    assert_eq!(world.gate(&codes[0], "/reverse", one("F")).status, 409);
    assert_eq!(world.gate(&codes[1], "/redeem", one("A")).status, 409, "a number of the order");
    assert_eq!(world.refund(&DEMO, &order, None)["errcode"], 0);
    assert_eq!((world.prepaid(&DEMO), world.rebate(&DEMO)), (before, rebate));
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn a_very_large_order_is_refused_or_lives_its_whole_life() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let before = world.prepaid(&DEMO);
    for amount in [1_000_i64, 3_000, 3_001, 65_536, 2_147_483_647] {
        let info = partner::plain_info(&world.server, "", "H-SPEND", amount);
        let sold = world.pay(&DEMO, SCENIC_PREPAID, &info);
        let held = DEMO.json(&world.server, ADD_SCENIC, &info);
        let code = sold["resultcode"].as_i64().unwrap();
        assert_eq!(code, if amount > 3_000 { 9 } else { 0 }, "{sold}");
        assert_eq!(held["resultcode"], code, "what can be held can be paid: {held} {sold}");
        if code == 0 {
            let order = sold["orderid"].as_str().unwrap();
            let back = world.refund(&DEMO, order, None);
            assert_eq!(back["errcode"], 0, "{back}");
            assert!(world.server.order(DEMO.id, order).tickets.iter().all(|it| it.refunded));
        }
        assert_eq!(world.prepaid(&DEMO), before);
    }
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn exceptions_of_a_calendar_cannot_take_sold_places_away() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    world.buy("P-TINY", 3);
    let day = |n: i32| {
        let day = world.server.day(n);
        format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..])
    };
    let only = |capacity: Value| json!({ "exception": [{ "from": day(1), "to": day(1), "capacity": capacity }], "reason": "x" });
    let less = world.admin("PATCH", "products/P-TINY", &only(json!(1)));
    assert_eq!(
        (less.status, less.field("code").as_deref()),
        (409, Some("narrowed")),
        "{}",
        less.text()
    );
    let more = world.admin("PATCH", "products/P-TINY", &only(json!(5)));
    assert_eq!(more.status, 200, "{}", more.text());
    world.buy("P-TINY", 2);
    let none = json!({ "exception": [], "reason": "x" });
    let less = world.admin("PUT", "products/P-TINY/calendar", &none);
    assert_eq!(
        (less.status, less.field("code").as_deref()),
        (409, Some("narrowed")),
        "{}",
        less.text()
    );
    // What an exception closes or makes dearer is not less.
    let closed = json!({ "reason": "x", "exception": [
        { "from": day(1), "to": day(1), "capacity": 5, "price": "1.00" },
        { "from": day(2), "to": day(9), "closed": true },
    ] });
    let closed = world.admin("PATCH", "products/P-TINY", &closed);
    assert_eq!(closed.status, 200, "{}", closed.text());
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn a_seat_map_keeps_its_shape_once_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let info = partner::theatre_info(&world.server, "seats", 1, 2);
    let info = with(
        &info,
        &[
            ("/autoselseats", json!("0")),
            ("/orderdetails/0/seatitems", json!([{ "seatid": "A-1-25" }, { "seatid": "A-1-26" }])),
        ],
    );
    let sold = world.pay(&DEMO, THEATRE, &info);
    assert_eq!(sold["resultcode"], 0, "{sold}");
    let product = world.admin("GET", "products/P-SHOW", &Value::Null).json();
    let mut areas = product["area"].clone();
    areas[0]["rows"] = json!(30);
    areas[0]["seats_per_row"] = json!(10);
    for key in ["aisles_after", "row_labels", "focal"] {
        areas[0].as_object_mut().unwrap().remove(key);
    }
    let turned = world.admin("PATCH", "products/P-SHOW", &json!({ "area": areas, "reason": "x" }));
    let again = with(&info, &[("/senderid", json!("seats2"))]);
    let again = world.pay(&DEMO, THEATRE, &again);
    assert_eq!(again["resultcode"], 1, "{again}");
    assert_ne!(turned.status, 200);
    let same = json!({ "area": product["area"], "reason": "x" });
    assert_eq!(world.admin("PATCH", "products/P-SHOW", &same).status, 200);
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn seats_that_cannot_be_had() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let named = |seats: &[&str], area: &str| {
        let info =
            partner::theatre_info(&world.server, &partner::sender_id(), 1, seats.len() as i64);
        let seats: Vec<Value> = seats.iter().map(|id| json!({ "seatid": id })).collect();
        with(
            &info,
            &[
                ("/autoselseats", json!("0")),
                ("/seatareaid", json!(area)),
                ("/orderdetails/0/seatitems", json!(seats)),
            ],
        )
    };
    let code = |info: &Value| {
        DEMO.json(&world.server, THEATRE, &DEMO.and_pay(info))["resultcode"].as_i64().unwrap()
    };
    for (seats, area, expected) in [
        (&["A-1-1", "A-1-1"][..], "A", 999_999),
        (&["B-1-1"], "A", 999_999),
        (&["A-99-1"], "A", 999_999),
        (&["A-1-0"], "A", 999_999),
        (&["A-1-99999999999999"], "A", 999_999),
        (&["---"], "", 999_999),
        (&[""], "", 999_999),
        (&["A-1-1\u{0}"], "", 999_999),
        (&["A-1-1", "B-1-1"], "", 999_999),
        (&["A-1-1"], "", 0),
        (&["a-1-2"], "a", 0),
        (&["A-1-1"], "", 1),
    ] {
        assert_eq!(code(&named(seats, area)), expected, "{seats:?} {area}");
    }
    // The same seat in two lines, and a line that names none beside one that does.
    let mut two = named(&["A-2-1"], "A");
    let line = two["orderdetails"][0].clone();
    two["orderdetails"].as_array_mut().unwrap().push(line);
    assert_eq!(code(&two), 999_999);
    two["orderdetails"][1]["seatitems"] = Value::Null;
    assert_eq!(code(&two), 999_999);
    // Two at once for the same seat, then given back and sold again.
    for _ in 0..3 {
        let winner = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let info = named(&["A-5-5", "A-5-6"], "A");
                    let answer = DEMO.json(&world.server, THEATRE, &DEMO.and_pay(&info));
                    match answer["resultcode"].as_i64().unwrap() {
                        0 => winner
                            .lock()
                            .unwrap()
                            .push(answer["orderid"].as_str().unwrap().to_owned()),
                        code => assert_eq!(code, 1, "{answer}"),
                    }
                });
            }
        });
        let winner = winner.into_inner().unwrap();
        assert_eq!(winner.len(), 1);
        let tickets = world.tickets(&winner[0]);
        assert_eq!(world.refund(&DEMO, &winner[0], Some(&tickets[1..]))["errcode"], 0);
        let other = named(&["A-5-6"], "A");
        let held = DEMO.json(&world.server, ADD_THEATRE, &other);
        assert_eq!(held["resultcode"], 0, "{held}");
        assert_eq!(code(&named(&["A-5-5"], "A")), 1);
        DEMO.cancel(&world.server, held["orderid"].as_str().unwrap(), Json);
        assert_eq!(world.refund(&DEMO, &winner[0], None)["errcode"], 0);
    }
    world.server.stop();
    books::audit(dir.path());
}

/// Texts that XML 1.0 cannot hold are no names, or are written so that XML can be read.
#[test]
fn control_characters_do_not_break_answers() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    for name in ["a\u{1}b", "a\u{0}b", "a\nb", "a\u{fffe}b", "", "   "] {
        let body = json!({ "name": name, "reason": "x" });
        let named = world.admin("PATCH", "products/P-TINY", &body);
        assert!([200, 400].contains(&named.status), "{}", named.text());
    }
    for key in ["s\u{1}", "s\u{0}", "s\n", "s\u{fffe}", "]]>"] {
        let info = partner::plain_info(&world.server, key, "P-BULK", 1);
        let answer = DEMO
            .request(&world.server, ADD_SCENIC, "application/json", info.to_string())
            .header("Accept", "application/xml")
            .send(&world.server);
        let text = answer.text();
        assert_eq!(answer.code("resultcode"), 0, "{text}");
        assert!(!text.contains(['\u{0}', '\u{1}', '\u{fffe}']), "{text:?}");
    }
    let request = Request::new(
        "GET",
        &format!("/api/Products?startdate={}&enddate=&servicecode=", world.server.day(0)),
    )
    .header("Accept", "application/xml");
    let answer = DEMO.sign(&world.server, request).send(&world.server);
    let has_raw = answer.text().chars().any(|c| c.is_control() && !"\r\n\t".contains(c));
    assert!(!has_raw && !answer.text().contains('\u{fffe}'));
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn money_without_bounds_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let credit = |amount: &str| {
        let body = json!({ "supplier": "01", "amount": amount, "reason": "x" });
        world.admin("PUT", "agents/demo-agent/credit", &body)
    };
    for amount in [
        "-1",
        "92233720368547758.07",
        "92233720368547758.08",
        "1e5",
        "NaN",
        "",
        "１",
        "100000000000.01",
    ] {
        let answer = credit(amount);
        assert!([400, 409].contains(&answer.status), "{amount}: {}", answer.text());
    }
    for amount in ["-1", "0", "0.001", "92233720368547758.07", "100000000000.00"] {
        for _ in 0..3 {
            let body =
                json!({ "supplier": "01", "balance": "prepaid", "amount": amount, "reason": "x" });
            let answer = world.admin("POST", "agents/demo-agent/top-up", &body);
            let is_money = amount == "100000000000.00";
            assert_eq!(answer.status == 200, is_money, "{amount}: {}", answer.text());
        }
    }
    let year = json!({ "supplier": "01", "balance": "rebate", "year": -32768, "amount": "1", "reason": "x" });
    let answer = world.admin("POST", "agents/demo-agent/top-up", &year);
    assert_eq!(answer.status, 400, "{}", answer.text());
    world.buy("P-BULK", 1);
    assert!(world.prepaid(&DEMO) > Fen::ZERO.get());
    let shown =
        DEMO.sign(&world.server, Request::new("GET", "/api/Agent/Prepayment")).send(&world.server);
    assert_eq!(shown.status, 200, "{}", shown.text());
    let shown = DEMO
        .sign(&world.server, Request::new("GET", "/api/Agent/Rebate?year="))
        .send(&world.server);
    assert_eq!(shown.status, 200, "{}", shown.text());
    world.server.stop();
    books::audit(dir.path());
}

#[test]
fn no_interface_breaks_over_bad_input() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let order = world.buy("P-BULK", 1);
    let code = world.server.codes(DEMO.id, &order).remove(0);
    let paths = [
        ("POST", format!("/v1/vouchers/{code}/redeem")),
        ("POST", format!("/v1/vouchers/{code}/reverse")),
        ("GET", format!("/v1/vouchers/{code}")),
        ("POST", "/admin/v1/explain".to_owned()),
        ("POST", "/admin/v1/slots/adjust".to_owned()),
        ("POST", "/admin/v1/slots/close".to_owned()),
        ("PUT", "/admin/v1/products/P-X".to_owned()),
        ("PATCH", "/admin/v1/products/P-TINY".to_owned()),
        ("PUT", "/admin/v1/suppliers/01".to_owned()),
        ("PUT", "/admin/v1/agents/x".to_owned()),
        ("POST", format!("/admin/v1/orders/{order}/refund")),
        ("POST", format!("/admin/v1/orders/{order}/extend")),
        ("POST", "/api/ProviderConfig".to_owned()),
        ("POST", "/api/Order/RefundTicket".to_owned()),
        ("POST", "/api/Order/CancelOrder?orderid=".to_owned()),
        ("POST", "/api/PayOrder/UsePrepaymentAndPassword".to_owned()),
        ("GET", "/api/Order/Query/Main/%ff?personalid=0".to_owned()),
        ("GET", "/api/Order/Query/Detail/99999999999999999999999".to_owned()),
        ("GET", format!("/api/Ticket/Image/{order}/%00")),
        (
            "GET",
            "/api/Products/Inventory?startdate=00000000&enddate=99999999&productid=%00".to_owned(),
        ),
        ("GET", "/api/TimeSegment?startdate=-2147483648&enddate=20261399".to_owned()),
        ("GET", "/api/TimeSegment?startdate=00010101&enddate=99991231&servicecode=".to_owned()),
        ("GET", "/api/SenceList?theatreid=&startdate=99991231&enddate=&theatricalid=0".to_owned()),
        ("GET", "/api/Agent/Rebate?year=99999999999".to_owned()),
        ("GET", "/api/Agent/Rebate?year=-32768".to_owned()),
        ("GET", "/v1/performances/SC-99999999-9999/seats".to_owned()),
        (
            "GET",
            "/api/WebInterface/Order/Query/Ticket?ticketid=%F0%9F%98%80&orderid=&senderid="
                .to_owned(),
        ),
        ("POST", "/router/rest".to_owned()),
    ];
    let deep = format!("{{\"request_no\":{}", "[".repeat(100_000));
    let deep_ok = format!("{{\"lines\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let bodies: Vec<Vec<u8>> = vec![
        vec![],
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"{\"reason\":\"x\",\"a\":1e999}".to_vec(),
        b"{\"reason\":\"\\ud800\"}".to_vec(),
        deep.into_bytes(),
        deep_ok.into_bytes(),
        vec![b' '; 5_000_000],
        b"<a/>".to_vec(),
    ];
    let types =
        ["application/json", "application/xml", "text/plain", "multipart/form-data; boundary=", ""];
    for (method, path) in &paths {
        for verb in [method, "PUT", "DELETE", "HEAD", "TRACE"] {
            for body in &bodies {
                for media in types {
                    let (other_verb, large) = (verb != *method, body.len() > 90_000);
                    if (other_verb || large) && media != types[0] || other_verb && large {
                        continue;
                    }
                    let mut request = Request::new(verb, path).body(body.clone());
                    if !media.is_empty() {
                        request = request.header("Content-Type", media);
                    }
                    let request = if path.starts_with("/v1/vouchers") {
                        request.header("Authorization", &format!("Bearer {GATE_TOKEN}"))
                    } else if path.starts_with("/admin") {
                        request
                            .header("Authorization", &format!("Bearer {DEMO_TOKEN}"))
                            .header("X-Reason", "test")
                    } else {
                        DEMO.sign(&world.server, request)
                    };
                    let Ok(answer) = request.try_send(&world.server) else {
                        assert!(
                            verb == "HEAD" || body.len() > 1_000_000,
                            "{verb} {path} {}",
                            body.len()
                        );
                        continue;
                    };
                    let text = String::from_utf8_lossy(&answer.body).into_owned();
                    let fine = answer.status == 200 || (400..=431).contains(&answer.status);
                    let context = format!(
                        "{verb} {path} {media} {} bytes: {} {text}",
                        body.len(),
                        answer.status
                    );
                    assert!(fine, "{context}");
                    if answer.status >= 400 && verb != "HEAD" {
                        if path.starts_with("/v1/vouchers") || path.starts_with("/admin") {
                            assert!(text.starts_with("{\"error\":{\"code\":"), "{context}");
                        } else {
                            assert!(
                                text.starts_with("{\"Message\":")
                                    || text.starts_with("<Error>")
                                    || text.contains("error_response"),
                                "{context}"
                            );
                        }
                    }
                }
            }
        }
    }
    world.buy("P-BULK", 1);
    world.server.stop();
    books::audit(dir.path());
}

/// Products with a limit of every window, an allotment and a channel's quota.
const WINDOWS: &str = r#"
[[product]]
id = "H-WINDOWS"
supplier = "01"
name = "限购窗口票"
price = "1.00"
capacity = 1000
first_day = 0
days = 90
horizon_days = 90
order_min = 1
order_max = 9
hold_minutes = 30
limits = [
    { scope = "document", window = "order_date", max = 2 },
    { scope = "document", window = "week", max = 3 },
    { scope = "document", window = "month", max = 4 },
    { scope = "document", window = "rolling", days = 3, max = 2 },
    { scope = "document", window = "lifetime", max = 6 },
    { scope = "agent", window = "visit_date", max = 7 },
    { scope = "channel", window = "order_date", channel = "ota", max = 5 },
]

[[product]]
id = "H-YEAR"
supplier = "01"
name = "跨年票"
price = "10.00"
rebate = "4.00"
capacity = 100
first_day = 0
days = 90
horizon_days = 90
order_min = 1
order_max = 9
"#;

struct Windows {
    world: World,
    dir: tempfile::TempDir,
}

impl Windows {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { world: Self::start(dir.path(), ManualClock::at(NOW)), dir }
    }

    fn start(dir: &Path, clock: Arc<ManualClock>) -> World {
        let mut setup = Setup::new(dir).selling(SMALL).selling(DEAR).selling(WINDOWS);
        setup.clock = clock.clone();
        World { server: Server::start_with(setup), clock }
    }

    /// Stops it, checks the books, and goes on.
    fn restarted(self) -> Self {
        let Self { world: World { server, clock }, dir } = self;
        server.stop();
        books::audit(dir.path());
        Self { world: Self::start(dir.path(), clock), dir }
    }

    /// The instant of a wall-clock time at the venue, as seconds after [`NOW`].
    fn at(&self, days: i64, hour: i64, minute: i64, second: i64) {
        // It is 01:05:12 at the venue.
        let seconds = days * 86_400 + (hour - 1) * 3600 + (minute - 5) * 60 + second - 12;
        self.world.clock.set(NOW.plus_millis(seconds * 1000));
    }

    fn info(&self, document: u64, visit: &str) -> Value {
        let info = partner::plain_info(&self.world.server, "", "H-WINDOWS", 1);
        with(
            &info,
            &[
                ("/effectdate", json!(visit)),
                (
                    "/orderdetails/0/identificationnumber",
                    json!(piaoku::domain::identity::sample::resident_id(document)),
                ),
                ("/orderdetails/0/identificationtype", json!("1")),
                ("/orderdetails/0/fullname", json!("张三")),
            ],
        )
    }

    /// Buys after asking: both must say the same.
    #[track_caller]
    fn buy(&self, document: u64, visit: &str, code: i64) -> String {
        let info = self.info(document, visit);
        let said = DEMO.json(&self.world.server, VERIFY, &info);
        let sold = self.world.pay(&DEMO, SCENIC_PREPAID, &info);
        assert_eq!(sold["resultcode"], code, "{sold}");
        assert_eq!(said["errcode"], code, "{said}");
        if code != 0 {
            assert_eq!(said["errmsg"], sold["returnmessgage"]);
        }
        sold["orderid"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn back(&self, order: &str) {
        let back = self.world.refund(&DEMO, order, None);
        assert_eq!(back["errcode"], 0, "{back}");
    }
}

#[test]
fn windows_of_limits_turn_at_midnight_and_new_year() {
    let mut w = Windows::open();
    let visit = "20270110";
    // Thursday, 31 December 2026, a second before midnight.
    w.at(39, 23, 59, 59);
    let first = w.buy(1, visit, 0);
    let second = w.buy(1, visit, 0);
    w.buy(1, visit, 7);
    w.back(&second);
    let second = w.buy(1, visit, 0);
    w.buy(1, visit, 7);
    // Friday, new day, month and year, the same week: two are still in the three days.
    w.at(40, 0, 0, 0);
    w.buy(1, visit, 7);
    w = w.restarted();
    w.buy(1, visit, 7);
    w.back(&first);
    let third = w.buy(1, visit, 0);
    w.buy(1, visit, 7);
    // Sunday: the three days have passed over the old year; the week has two of three.
    w.at(42, 23, 59, 59);
    let fourth = w.buy(1, visit, 0);
    w.buy(1, visit, 7);
    // Monday: a new week, and the rolling window has only Sunday's.
    w.at(43, 0, 0, 0);
    let fifth = w.buy(1, visit, 0);
    w.buy(1, visit, 7);
    // A month on: everything of the past comes back to where it was counted.
    w = w.restarted();
    for order in [&second, &third, &fourth, &fifth] {
        w.back(order);
    }
    w.buy(1, visit, 0);
    w.buy(1, visit, 0);
    w.buy(1, visit, 7);
    drop(w.restarted());
}

#[test]
fn an_allotment_and_a_quota_come_back_with_refunds_and_expiry() {
    let mut w = Windows::open();
    let (one, other) = (w.world.server.day(3), w.world.server.day(4));
    let sold: Vec<String> = (0..5).map(|n| w.buy(10 + n, &one, 0)).collect();
    w.buy(20, &other, 11);
    w.back(&sold[0]);
    // Held orders count, and time that is up gives back.
    let held = DEMO.json(&w.world.server, ADD_SCENIC, &w.info(21, &one));
    assert_eq!(held["resultcode"], 0, "{held}");
    let held = held["orderid"].as_str().unwrap().to_owned();
    w.buy(22, &one, 11);
    w = w.restarted();
    w.world.clock.set(NOW.plus_millis(30 * 60_000));
    w.world.expired(&held);
    w.buy(23, &one, 0);
    w.buy(24, &one, 11);
    let late = DEMO.json(&w.world.server, PAY, &DEMO.pay_info(&held));
    assert_eq!(late["resultcode"], 11, "{late}");
    // The next day has a quota of its own; the agent's allotment of the visit has two left.
    w.at(1, 0, 0, 0);
    w.buy(25, &one, 0);
    w.buy(26, &one, 0);
    w.buy(27, &one, 11);
    // Late money is counted on the day of its order, which is full.
    let late = DEMO.json(&w.world.server, PAY, &DEMO.pay_info(&held));
    assert_eq!(late["resultcode"], 11, "{late}");
    w.back(&sold[1]);
    let late = DEMO.json(&w.world.server, PAY, &DEMO.pay_info(&held));
    assert_eq!(late["resultcode"], 0, "{late}");
    w.buy(28, &one, 11);
    drop(w.restarted());
}

#[test]
fn rules_that_change_between_sale_and_refund_leave_counters_right() {
    let mut w = Windows::open();
    let visit = w.world.server.day(3);
    let product = w.world.admin("GET", "products/H-WINDOWS", &Value::Null).json();
    let order = w.buy(1, &visit, 0);
    let held = DEMO.json(&w.world.server, ADD_SCENIC, &w.info(1, &visit));
    let held = held["orderid"].as_str().unwrap().to_owned();
    let change = |w: &Windows, limits: Value| {
        let changed = w.world.admin(
            "PATCH",
            "products/H-WINDOWS",
            &json!({ "limits": limits, "reason": "x" }),
        );
        assert_eq!(changed.status, 200, "{}", changed.text());
    };
    change(&w, json!([]));
    let free = w.buy(1, &visit, 0);
    w.world.clock.set(NOW.plus_millis(31 * 60_000));
    w.world.expired(&held);
    let late = DEMO.json(&w.world.server, PAY, &DEMO.pay_info(&held));
    assert_eq!(late["resultcode"], 0, "{late}");
    w = w.restarted();
    w.back(&order);
    w.back(&free);
    change(&w, product["limits"].clone());
    w.buy(1, &visit, 0);
    w.buy(1, &visit, 7);
    w.back(&held);
    w.buy(1, &visit, 0);
    w.buy(1, &visit, 7);
    // A rule below what is counted refuses, and lets give back.
    change(&w, json!([{ "scope": "document", "window": "order_date", "max": 1 }]));
    w.buy(1, &visit, 7);
    drop(w.restarted());
}

#[test]
fn money_of_last_year_goes_back_to_last_year() {
    let mut w = Windows::open();
    let last = Balance::Rebate { year: 2026 };
    let (paid, next) = (w.world.balance(&DEMO, last), Balance::Rebate { year: 2027 });
    let info = partner::plain_info(&w.world.server, "", "H-YEAR", 2);
    let info = with(&info, &[("/effectdate", json!("20270110"))]);
    w.at(39, 23, 59, 59);
    let sold = w.world.pay(&DEMO, SCENIC, &info);
    assert_eq!(sold["resultcode"], 0, "{sold}");
    assert_eq!(w.world.balance(&DEMO, last), paid - 2_000 + 800);
    w.at(40, 0, 0, 0);
    let short = w.world.pay(&DEMO, SCENIC, &info);
    assert_eq!(short["resultcode"], 22, "a new year begins with nothing: {short}");
    w = w.restarted();
    let tickets = w.world.tickets(sold["orderid"].as_str().unwrap());
    let order = sold["orderid"].as_str().unwrap();
    assert_eq!(w.world.refund(&DEMO, order, Some(&tickets[..1]))["errcode"], 0);
    assert_eq!(w.world.balance(&DEMO, last), paid - 1_000 + 400);
    w.back(order);
    assert_eq!((w.world.balance(&DEMO, last), w.world.balance(&DEMO, next)), (paid, 0));
    drop(w.restarted());
}

#[test]
fn a_closed_slot_takes_no_late_money_and_gives_places_back() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let (sold, held, late) =
        (world.buy("P-TINY", 1), world.place("P-TINY", 1), world.place("P-TINY", 1));
    let day = world.server.day(1);
    let slot = json!({ "product": "P-TINY", "date": day, "reason": "x" });
    assert_eq!(world.admin("POST", "slots/close", &slot).status, 200);
    let paid = DEMO.json(&world.server, PAY, &DEMO.pay_info(&held));
    assert_eq!(paid["resultcode"], 0, "{paid}");
    world.clock.set(NOW.plus_millis(31 * 60_000));
    world.expired(&late);
    let refused = DEMO.json(&world.server, PAY, &DEMO.pay_info(&late));
    assert_eq!(
        (&refused["resultcode"], &refused["orderstatus"]),
        (&json!(2), &json!("4")),
        "{refused}"
    );
    assert_eq!(world.refund(&DEMO, &sold, None)["errcode"], 0);
    assert_eq!(world.admin("POST", "slots/open", &slot).status, 200);
    let paid = DEMO.json(&world.server, PAY, &DEMO.pay_info(&late));
    assert_eq!(paid["resultcode"], 0, "{paid}");
    world.is_sold_out_after("P-TINY", 1);
    world.server.stop();
    books::audit(dir.path());
    drop(crate::support::process::audit(dir.path()));
}

#[test]
fn douyin_with_extreme_times_and_counts() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let now = world.server.now().as_secs();
    for (name, value) in [
        ("/start_time", json!(i64::MIN)),
        ("/start_time", json!(i64::MAX)),
        ("/expire_time", json!(i64::MAX)),
        ("/expire_time", json!(i64::MIN)),
        ("/expire_time", json!(now)),
        ("/count", json!(0)),
        ("/count", json!(-1)),
        ("/count", json!(99_999)),
        ("/count", json!(i32::MAX)),
        ("/order_id", json!(" ")),
        ("/order_id", json!("x".repeat(5_000))),
        ("/tourists", json!([null])),
        ("/tourists", json!([{ "name": "Enc.", "phone": "\u{0}", "id_card": "Enc.====" }])),
    ] {
        for sku in [partner::COUPON_SKU, partner::ADULT_SKU] {
            let ask = partner::ticket_ask(&world.server, &partner::sender_id(), sku, 1);
            let ask = with(&ask, &[(name, value.clone())]);
            let request =
                partner::ticket_request(&world.server, &ask, Json, partner::Signed::Header);
            let answer = request.send(&world.server);
            assert_eq!(answer.status, 200);
            for code in partner::codes_of(&answer.json()) {
                let look = world.gate(&code, "", Value::Null);
                assert_eq!(look.status, 200, "{}", look.text());
                let until = look.field("valid_until").unwrap();
                assert!(until.as_str() > "2026-11-22", "{until}");
                partner::consult(&world.server, &code);
            }
        }
    }
    // An order on account is given back by an operator, and its codes are asked for once more.
    let ask = partner::ticket_ask(&world.server, "D-BACK", partner::COUPON_SKU, 2);
    let codes = partner::codes_of(&partner::ticket_codes(&world.server, &ask));
    let look = world.gate(&codes[0], "", Value::Null);
    let order = look.field("order_no").unwrap();
    let back = json!({ "reason": "x", "request": "r1" });
    for _ in 0..2 {
        let back = world.admin("POST", &format!("orders/{order}/refund"), &back);
        assert_eq!(back.status, 200, "{}", back.text());
    }
    assert_eq!(world.balance(&DEMO, Balance::Receivable) % 8_800, 0);
    world.server.stop();
    books::audit(dir.path());
    drop(crate::support::process::audit(dir.path()));
}

#[test]
fn arguments_of_the_gateway_that_make_no_sense() {
    use piaoku::wire::top::gateway::{Api, Format as TopFormat};
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let ask = partner::ticket_ask(&world.server, "T-1", partner::COUPON_SKU, 2);
    let codes = partner::codes_of(&partner::ticket_codes(&world.server, &ask));
    let ticket = |code: &str| world.gate(code, "", Value::Null).field("ticket_id").unwrap();
    let right = json!({
        "ticket_request_id": "R1", "ticket_code": codes[0], "shop_id": partner::SHOP,
    });
    let deep = |n: usize| (0..n).fold(json!(1), |inner, _| json!([inner]));
    let twice = json!([{ "ticket_id": ticket(&codes[0]) }, { "ticket_code": codes[0] }]);
    let many: Vec<Value> = (0..101).map(|_| json!({ "ticket_code": codes[0] })).collect();
    for (at, value) in [
        ("/quantity", json!(0)),
        ("/quantity", json!(-1)),
        ("/quantity", json!(99_999)),
        ("/quantity", json!(1e300)),
        ("/quantity", json!("1.5")),
        ("/quantity", json!([])),
        ("/ticket_code", json!("\u{0}")),
        ("/ticket_code", json!({})),
        ("/shop_id", json!("' or 1=1")),
        ("/ticket_infos", json!("x")),
        ("/ticket_infos", json!([null])),
        ("/ticket_infos", json!([{}])),
        ("/ticket_infos", json!([{ "ticket_id": "99999999999999999999999" }])),
        ("/ticket_infos", twice),
        ("/ticket_infos", json!(many)),
        ("/ticket_infos", deep(100)),
        ("/extra", deep(100)),
    ] {
        for format in [TopFormat::SimplifiedJson, TopFormat::Xml] {
            let ask = with(&right, &[(at, value.clone())]);
            let pairs = partner::top_pairs(
                &world.server,
                Api::TicketCodeUse,
                ("use_request", &ask),
                format,
            );
            let answer = partner::post_form(&pairs).send(&world.server);
            assert_eq!(answer.status, 200);
        }
    }
    let used: u64 =
        codes.iter().map(|code| world.gate(code, "", Value::Null).code("uses_used") as u64).sum();
    assert_eq!(used, 1, "by the request whose unknown member does not count");
    // Signed for another body, or by nobody.
    let pairs = partner::top_pairs(
        &world.server,
        Api::TicketCodeUse,
        ("use_request", &right),
        TopFormat::SimplifiedJson,
    );
    for spoilt in ["sign", "app_key", "timestamp", "method", "v", "session"] {
        let pairs: Vec<(&'static str, String)> = pairs
            .iter()
            .map(|(name, value)| {
                if *name == spoilt { (*name, format!("{value}x")) } else { (*name, value.clone()) }
            })
            .collect();
        let answer = partner::post_form(&pairs).send(&world.server);
        let is_refused = answer.text().contains("error_response");
        assert_eq!(is_refused, spoilt != "session", "{spoilt}: {}", answer.text());
    }
    world.server.stop();
    books::audit(dir.path());
}
