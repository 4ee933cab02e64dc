//! Killed between refund and callback: the money is back once, and the agent hears of it.

use std::time::Duration;

use piaoku::domain::order::OrderEvent;
use serde_json::{Value, json};

use super::{asked, from_four_threads, kill_under};
use crate::support::books;
use crate::support::http::Request;
use crate::support::message::{Json, encode};
use crate::support::partner::{self, DEMO, PROVIDER, REFUND, SCENIC_PREPAID};
use crate::support::process::{self, Process};
use crate::support::receiver::{Call, Receiver, Reply};

const ORDERS: usize = 48;
/// One yuan each.
const TICKETS: i64 = 3;

/// A paid order; every second one is given back whole, the others lose one ticket.
struct Sold {
    number: String,
    /// What is given back.
    refund: Value,
    tickets: usize,
    answer: Option<String>,
}

impl Sold {
    fn new(server: &Process, n: usize) -> Self {
        let info = partner::plain_info(server, &partner::sender_id(), "P-BULK", TICKETS);
        let sold = DEMO.json(server, SCENIC_PREPAID, &DEMO.and_pay(&info));
        assert_eq!(sold["resultcode"], 0, "{sold}");
        let number = sold["orderid"].as_str().unwrap().to_owned();
        if n.is_multiple_of(2) {
            let refund = json!({ "orderid": number, "refundallticket": "1" });
            return Self { number, refund, tickets: 3, answer: None };
        }
        let path = format!(
            "/api/WebInterface/Order/Query/Tickets?username=demo-agent&orderid={number}&senderid="
        );
        let ticket = asked(server, &path)[1]["ticketcode"].clone();
        let refund = json!({ "orderid": number, "refundallticket": "0", "ticketids": [ticket] });
        Self { number, refund, tickets: 1, answer: None }
    }

    fn request(&self, server: &Process) -> Request {
        let body = encode(REFUND, &self.refund, Json);
        DEMO.request(server, REFUND, "application/json", body)
    }

    /// Gives tickets back if the server lives; says whether there was an answer.
    fn give_back(&mut self, server: &Process) -> bool {
        let Ok(answer) = self.request(server).try_send(server) else { return false };
        assert_eq!(answer.code("errcode"), 0, "{}", answer.text());
        let first = self.answer.get_or_insert_with(|| answer.text().to_owned());
        assert_eq!(answer.text(), first, "the same batch, however often");
        true
    }

    /// Our number of the refund.
    fn batch(&self) -> String {
        let answer: Value = serde_json::from_str(self.answer.as_ref().unwrap()).unwrap();
        answer["tag"].as_str().unwrap().to_owned()
    }

    fn told<'c>(&self, calls: &'c [Call]) -> Vec<&'c Call> {
        calls.iter().filter(|call| call.field("orderid") == self.number).collect()
    }

    fn is_told(&self, calls: &[Call], event: &str) -> bool {
        self.told(calls).iter().any(|call| call.field("event") == event)
    }
}

fn until_told(receiver: &Receiver, from: usize, orders: &[Sold], event: &str) {
    let is_told = |_| {
        std::thread::sleep(Duration::from_millis(10));
        let calls = receiver.calls().split_off(from);
        orders.iter().all(|order| order.is_told(&calls, event))
    };
    assert!((0..3000).any(is_told), "not everybody was told: {event}");
}

fn spent(server: &Process) -> f64 {
    asked(server, "/api/Agent/Prepayment")["totalconsumption"].as_f64().unwrap()
}

#[test]
fn between_refund_and_callback() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(&DEMO);
    // No agent hears of a refund before the kill.
    receiver.answer(|call, _| match call.field("event").as_str() {
        "refunded" => Reply::BROKEN,
        _ => Reply::SUCCESS,
    });
    let quickly = [("PIAOKU__CALLBACK__PAUSES_SECONDS", "[1]")];
    let server = Process::start_with(dir.path(), &quickly);
    let settings = json!({ "replayurl": receiver.url() });
    assert_eq!(DEMO.json(&server, PROVIDER, &settings)["errcode"], 0);
    let mut orders: Vec<Sold> = (0..ORDERS).map(|n| Sold::new(&server, n)).collect();
    until_told(&receiver, 0, &orders, "paid");
    assert_eq!(spent(&server), (ORDERS as i64 * TICKETS) as f64);
    kill_under(&server, &mut orders, ORDERS / 3, |order| order.give_back(&server));
    drop(server);
    assert!(orders.iter().any(|order| order.answer.is_none()), "killed too late to be a test");
    process::audit(dir.path());

    let before = receiver.calls().len();
    receiver.answer(|_, _| Reply::SUCCESS);
    let server = Process::start_with(dir.path(), &quickly);
    // What was answered is told without anybody asking again.
    let (mut answered, mut rest): (Vec<_>, Vec<_>) =
        orders.into_iter().partition(|order| order.answer.is_some());
    until_told(&receiver, before, &answered, "refunded");
    for orders in [&mut answered, &mut rest] {
        for _ in 0..2 {
            from_four_threads(orders, |order| order.give_back(&server));
        }
    }
    until_told(&receiver, before, &rest, "refunded");
    let orders: Vec<Sold> = answered.into_iter().chain(rest).collect();
    let returned: usize = orders.iter().map(|order| order.tickets).sum();
    assert_eq!(spent(&server), (ORDERS as i64 * TICKETS) as f64 - returned as f64);
    drop(server);

    let calls = receiver.calls();
    assert!(calls.iter().all(|call| call.is_signed));
    for order in &orders {
        let told = order.told(&calls);
        let mut events: Vec<_> = told.iter().map(|call| call.field("event")).collect();
        events.dedup();
        assert_eq!(events, ["booked", "paid", "refunded"], "each at least once, in order");
        for call in told.iter().filter(|call| call.field("event") == "refunded") {
            let said = (call.field("batchno"), call.field("ticketcount"));
            assert_eq!(said, (order.batch(), order.tickets.to_string()));
        }
    }
    process::audit(dir.path());
    assert_eq!(books::audit(dir.path()).orders, ORDERS);
    let happened = books::order_events(dir.path());
    let refunds = happened.iter().filter(|event| matches!(event, OrderEvent::Refunded { .. }));
    assert_eq!(refunds.count(), ORDERS, "one each, however often it was asked for");
}
