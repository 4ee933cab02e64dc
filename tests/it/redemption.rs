//! Alibaba redeems by code and by order, and takes redemptions back.

use std::sync::Arc;

use piaoku::actors::{Owner, RefundRequest};
use piaoku::clock::ManualClock;
use piaoku::domain::order::{Order, RefundSelection};
use piaoku::types::{OrderId, UnixMillis, VoucherCode};
use piaoku::wire::top::gateway::{Api, Format};
use serde_json::{Value, json};

use crate::support::books;
use crate::support::http::{Answer, Request};
use crate::support::message::with;
use crate::support::partner::{self, COUPON_SKU, ROUTER, SHOP, post_form};
use crate::support::server::{NOW, Server, Setup};
use crate::support::shop::{CARD_SKU, CARDS};
use crate::support::transcript::Transcript;

const USE: (Api, &str) = (Api::TicketCodeUse, "use_request");
const RESERVE: (Api, &str) = (Api::TicketReserve, "ticket_reverse_top_request");
const ORDER_USE: (Api, &str) = (Api::OrderUse, "use_ticket_by_order_top_request");

fn call(server: &Server, (api, name): (Api, &'static str), ask: &Value, format: Format) -> Answer {
    let pairs = partner::top_pairs(server, api, (name, ask), format);
    let answer = post_form(&pairs).send(server);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

/// Calls in simplified JSON.
fn ask(server: &Server, api: (Api, &'static str), ask: &Value) -> Value {
    call(server, api, ask, Format::SimplifiedJson).json()
}

/// Sells `count` codes of a SKU, valid from `from` seconds from now for thirty days.
fn sell(server: &Server, sku: &str, count: i64, from: i64) -> Vec<String> {
    let ask = partner::ticket_ask(server, &partner::sender_id(), sku, count);
    let (start, end) = (ask["start_time"].as_i64(), ask["expire_time"].as_i64());
    let changes = [
        ("/start_time", json!(start.unwrap() + from)),
        ("/expire_time", json!(end.unwrap() + from)),
    ];
    partner::codes_of(&partner::ticket_codes(server, &with(&ask, &changes)))
}

/// The order of a code as the engine has it.
fn order(server: &Server, code: &str) -> Arc<Order> {
    let found = server.wait(server.engine.find_voucher(VoucherCode::parse(code).unwrap()));
    found.unwrap().expect("a code of ours").order
}

/// The ticket number of a code.
fn ticket_id(server: &Server, code: &str) -> String {
    let order = order(server, code);
    let ticket = order.tickets.iter().find(|ticket| ticket.code.to_string() == code);
    ticket.expect("a ticket").id.to_string()
}

fn refund(server: &Server, order: OrderId, tickets: RefundSelection) {
    let request = RefundRequest { order, tickets, request: None };
    server.wait(server.engine.refund(Owner::Anyone, request)).expect("a refund");
}

/// Redemptions left of a code, as a preview shows them; `None` when it shows nothing.
fn available(server: &Server, code: &str) -> Option<u64> {
    partner::consult(server, code)["result"]["value"]["available_quantity"].as_u64()
}

fn use_ask(request: &str, code: &str) -> Value {
    json!({ "ticket_request_id": request, "ticket_code": code, "shop_id": SHOP })
}

/// A conversation being written down.
struct Talk<'s> {
    server: &'s Server,
    format: Format,
    transcript: Transcript,
}

impl Talk<'_> {
    fn step(&mut self, title: &str, (api, name): (Api, &'static str), ask: &Value) -> Answer {
        let answer = call(self.server, (api, name), ask, self.format);
        // The argument alone: the rest of the form is the same for every call, or a signature of it.
        let shown = Request::new("POST", ROUTER).body(format!("{name}={ask}"));
        self.transcript.step(&format!("{title}: {}", api.name()), &shown, &answer);
        answer
    }
}

fn every_row(format: Format, file: &str) {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(NOW);
    let mut setup = Setup::new(dir.path()).selling(CARDS);
    setup.clock = clock.clone();
    let server = Server::start_with(setup);
    let mut talk = Talk { server: &server, format, transcript: Transcript::default() };

    let one = sell(&server, COUPON_SKU, 1, 0).remove(0);
    talk.step("one ticket", USE, &use_ask("A1", &one));
    clock.set(NOW.plus_millis(60_000));
    talk.step("the same request again, a minute later", USE, &use_ask("A1", &one));
    talk.step("another request for a used ticket", USE, &use_ask("A2", &one));

    let card = sell(&server, CARD_SKU, 1, 0).remove(0);
    let two_uses = with(&use_ask("B1", &card), &[("/quantity", json!("2"))]);
    talk.step("two of a card's three uses", USE, &two_uses);
    talk.step(
        "more than the card has left",
        USE,
        &with(&two_uses, &[("/ticket_request_id", json!("B2"))]),
    );
    talk.step("the request number of another redemption", USE, &use_ask("B1", &card));
    talk.step("the card's last use", USE, &use_ask("B3", &card));

    let three = sell(&server, COUPON_SKU, 3, 0);
    let tickets: Vec<_> =
        three[1..].iter().map(|code| json!({ "ticket_id": ticket_id(&server, code) })).collect();
    let several = with(&use_ask("C1", &three[0]), &[("/ticket_infos", json!(tickets))]);
    let used = talk.step("several tickets of the code's order", USE, &several);
    let transaction = used.field("ticket_trans_id").expect("a transaction");
    let stranger = with(
        &several,
        &[
            ("/ticket_request_id", json!("C2")),
            ("/ticket_infos/0/ticket_id", json!(ticket_id(&server, &one))),
        ],
    );
    talk.step("a ticket of another order among them", USE, &stranger);
    let by_quantity = with(&use_ask("C3", &three[0]), &[("/quantity", json!(2))]);
    talk.step("more tickets than the order has left", USE, &by_quantity);

    talk.step("an unknown code", USE, &use_ask("D1", "523162942005"));
    let pair = sell(&server, COUPON_SKU, 2, 0);
    refund(&server, order(&server, &pair[0]).id, RefundSelection::All);
    talk.step("a refunded ticket", USE, &use_ask("D2", &pair[0]));
    let later = sell(&server, COUPON_SKU, 1, 86_400).remove(0);
    talk.step("a ticket whose time has not come", USE, &use_ask("D3", &later));
    let other_shop = with(&use_ask("D4", &three[0]), &[("/shop_id", json!("S2"))]);
    talk.step("another shop", USE, &other_shop);
    talk.step("no request id", USE, &with(&use_ask("", &three[0]), &[]));

    let reserve = json!({ "request_id": "E1", "ticket_id": ticket_id(&server, &three[2]),
        "ticket_use_trans_id": transaction, "biz_date": "2026-11-22 01:06:12" });
    talk.step("a redemption of two tickets", RESERVE, &reserve);
    talk.step("the same request again", RESERVE, &reserve);
    let again = with(&reserve, &[("/request_id", json!("E2"))]);
    talk.step("another request for the same redemption", RESERVE, &again);
    let unknown = with(&again, &[("/ticket_use_trans_id", json!("2190000000000000001"))]);
    talk.step("an unknown redemption", RESERVE, &unknown);
    let unused = json!({ "request_id": "E3", "ticket_id": ticket_id(&server, &three[0]) });
    talk.step("a ticket that was never used", RESERVE, &unused);
    let last = json!({ "request_id": "E4", "ticket_id": ticket_id(&server, &card) });
    talk.step("the last redemption of a card", RESERVE, &last);

    let value = partner::consult(&server, &three[0])["result"]["value"].take();
    let by_order = json!({ "request_id": "F1", "alsc_order_no": value["alsc_order_no"],
        "alsc_sub_order_no": value["alsc_sub_order_no"], "buyer_id": value["buyer_id"] });
    talk.transcript.name(value["buyer_id"].as_str().unwrap(), "buyer");
    let other_buyer = with(&by_order, &[("/buyer_id", json!("AAH05d-EAAeGwJWdwSLqJ3qJ"))]);
    talk.step("another buyer", ORDER_USE, &other_buyer);
    let other_order = with(&by_order, &[("/alsc_order_no", json!("2208281071920082803"))]);
    talk.step("an unknown order", ORDER_USE, &other_order);
    let other_line = with(&by_order, &[("/alsc_sub_order_no", value["alsc_order_no"].clone())]);
    talk.step("a line of another order", ORDER_USE, &other_line);
    talk.step("a whole order line", ORDER_USE, &by_order);
    talk.step("the same request again", ORDER_USE, &by_order);
    talk.step("nothing is left", ORDER_USE, &with(&by_order, &[("/request_id", json!("F2"))]));
    talk.step("no buyer", ORDER_USE, &with(&by_order, &[("/buyer_id", Value::Null)]));

    let late = sell(&server, COUPON_SKU, 1, 0).remove(0);
    clock.set(NOW.plus_millis(31 * 86_400_000));
    talk.step("a ticket whose time is over", USE, &use_ask("G1", &late));
    let Talk { transcript, .. } = talk;
    transcript.check(file);
    server.stop();
    books::audit(dir.path());
}

#[test]
fn every_row_in_xml() {
    every_row(Format::Xml, "redemption.xml.txt");
}

#[test]
fn every_row_in_json() {
    every_row(Format::Json, "redemption.json.txt");
}

#[test]
fn previews_show_what_redemptions_leave() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(Setup::new(dir.path()).selling(CARDS));
    let codes = sell(&server, COUPON_SKU, 3, 0);
    assert_eq!(available(&server, &codes[2]), Some(3));
    ask(&server, USE, &use_ask("A1", &codes[0]));
    assert_eq!(available(&server, &codes[2]), Some(2));
    assert_eq!(available(&server, &codes[0]), None, "a used code is worth nothing");
    // Two of the code's kind: itself and the other that is left.
    let two = with(&use_ask("A2", &codes[1]), &[("/quantity", json!(2))]);
    let used = ask(&server, USE, &two);
    let of: Vec<_> = used["ticket_use_details"].as_array().unwrap().iter().collect();
    assert_eq!(of.len(), 2, "{used}");
    assert_eq!(used["buyer_pay_amount"], "176.00");
    assert_eq!(available(&server, &codes[2]), None);
    let repeated = ask(&server, USE, &two);
    assert_eq!(repeated["biz_code"], "TICKET_ALREADY_USED");
    assert_eq!(repeated["ticket_use_details"], used["ticket_use_details"]);
    let back = json!({ "request_id": "A3", "ticket_id": ticket_id(&server, &codes[2]) });
    assert_eq!(ask(&server, RESERVE, &back)["result"]["success"], true);
    assert_eq!(available(&server, &codes[2]), Some(2));

    let card = sell(&server, CARD_SKU, 1, 0).remove(0);
    assert_eq!(available(&server, &card), Some(3));
    let used = ask(&server, USE, &with(&use_ask("B1", &card), &[("/quantity", json!(2))]));
    assert_eq!(used["buyer_pay_amount"], "160.00", "two thirds of the card");
    assert_eq!(available(&server, &card), Some(1));
}

#[test]
fn an_answer_given_before_a_restart_is_given_again_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(Setup::new(dir.path()).selling(CARDS));
    let card = sell(&server, CARD_SKU, 1, 0).remove(0);
    let (asked, ticket) = (use_ask("A1", &card), ticket_id(&server, &card));
    let first = ask(&server, USE, &asked);
    server.stop();

    let server = Server::start_with(Setup::new(dir.path()));
    let again = ask(&server, USE, &asked);
    assert_eq!(again["biz_code"], "TICKET_ALREADY_USED", "{again}");
    assert_eq!(again["ticket_trans_id"], first["ticket_trans_id"]);
    assert_eq!(available(&server, &card), Some(2));
    // The ticket is found by its number alone, without the redemption's.
    let back = json!({ "request_id": "A2", "ticket_id": ticket });
    let taken_back = ask(&server, RESERVE, &back);
    assert_eq!(taken_back["result"]["success"], true, "{taken_back}");
    assert_eq!(available(&server, &card), Some(3));
    // A reversal does not change what the redemption was answered.
    assert_eq!(ask(&server, USE, &asked)["ticket_trans_id"], first["ticket_trans_id"]);
    assert_eq!(available(&server, &card), Some(3));
    server.stop();

    let server = Server::start_with(Setup::new(dir.path()));
    assert_eq!(ask(&server, RESERVE, &back)["result"]["success"], true);
    let other = json!({ "request_id": "A3", "ticket_id": ticket });
    let refused = ask(&server, RESERVE, &other)["result"].take();
    assert_eq!(refused["error_code"], "TRANS_ALREADY_REVERSED", "{refused}");
    server.stop();
    books::audit(dir.path());
}

#[test]
fn of_many_who_want_the_last_use_one_gets_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(Setup::new(dir.path()).selling(CARDS));
    let codes = sell(&server, COUPON_SKU, 2, 0);
    let answers = |asks: Vec<Value>| -> Vec<Value> {
        std::thread::scope(|scope| {
            let server = &server;
            let ask = |asked| scope.spawn(move || ask(server, USE, &asked));
            let threads: Vec<_> = asks.into_iter().map(ask).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    };
    let asks = (0..16).map(|index| use_ask(&format!("R{index}"), &codes[0])).collect();
    let seen = answers(asks);
    let won = seen.iter().filter(|answer| answer["biz_code"] == "SUCCESS").count();
    let used_up = |answer: &&Value| answer["error_response"]["sub_code"] == "isv.ticket-used-up";
    assert_eq!((won, seen.iter().filter(used_up).count()), (1, 15), "{seen:?}");

    // One request sent by many at once is one redemption.
    let seen = answers(vec![use_ask("S1", &codes[1]); 16]);
    let first = &seen[0]["ticket_trans_id"];
    assert!(first.is_string() && seen.iter().all(|it| it["ticket_trans_id"] == *first), "{seen:?}");
    let won = seen.iter().filter(|answer| answer["biz_code"] == "SUCCESS").count();
    assert_eq!(won, 1, "{seen:?}");

    let card = sell(&server, CARD_SKU, 1, 0).remove(0);
    let asks = (0..12).map(|index| use_ask(&format!("T{index}"), &card)).collect();
    let won = answers(asks).iter().filter(|answer| answer["biz_code"] == "SUCCESS").count();
    assert_eq!(won, 3);
    server.stop();
    books::audit(dir.path());
}

/// What can be redeemed at the last moment cannot be a moment later.
#[test]
fn validity_ends_at_its_instant() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(NOW);
    let mut setup = Setup::new(dir.path()).selling(CARDS);
    setup.clock = clock.clone();
    let server = Server::start_with(setup);
    let card = sell(&server, CARD_SKU, 1, 0).remove(0);
    let line = order(&server, &card).lines[0].clone();
    let at = |instant: UnixMillis, request: &str| {
        clock.set(instant);
        let answer = ask(&server, USE, &use_ask(request, &card));
        answer["error_response"]["sub_code"].as_str().unwrap_or("done").to_owned()
    };
    let before = |instant: UnixMillis| UnixMillis::new(instant.get() - 1);
    assert_eq!(at(before(line.valid_from), "A1"), "isv.ticket-not-yet-valid");
    assert_eq!(at(line.valid_from, "A2"), "done");
    assert_eq!(at(before(line.valid_until), "A3"), "done");
    assert_eq!(at(line.valid_until, "A4"), "isv.ticket-expired");
}
