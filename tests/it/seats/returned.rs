//! Seats that come back are sold again by name, and late money gets its own seats or none.

use piaoku::clock::ManualClock;

use super::{Seat, seats_of, wants};
use crate::support::books::audit;
use crate::support::partner::{ADD_THEATRE, DEMO, PAY, REFUND, THEATRE};
use crate::support::server::{NOW, Server, Setup};
use serde_json::{Value, json};

fn number(answer: &Value) -> String {
    assert_eq!(answer["resultcode"], 0, "{answer}");
    answer["orderid"].as_str().unwrap().to_owned()
}

/// Whether somebody gets these very seats.
fn buys(server: &Server, seats: &[Seat]) -> bool {
    let info = wants(server, seats[0].0, seats.len(), seats);
    let answer = DEMO.json(server, THEATRE, &DEMO.and_pay(&info));
    assert!([0, 1].contains(&answer["resultcode"].as_i64().unwrap()), "{answer}");
    if answer["resultcode"] == 0 {
        let order = server.order(DEMO.id, &number(&answer));
        assert_eq!(seats_of(server, &order), seats);
    }
    answer["resultcode"] == 0
}

#[test]
fn seats_of_refunded_tickets_are_sold_again_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let row: [Seat; 3] = [("A", 4, 15), ("A", 4, 16), ("A", 4, 17)];
    let info = wants(&server, "A", 3, &row);
    let order = number(&DEMO.json(&server, THEATRE, &DEMO.and_pay(&info)));
    assert!(!buys(&server, &row[1..2]));

    let middle = server.order(DEMO.id, &order).tickets[1].id.to_string();
    let part = json!({ "orderid": order, "refundallticket": "0", "ticketids": [middle] });
    assert_eq!(DEMO.json(&server, REFUND, &part)["errcode"], 0);
    assert!(!buys(&server, &row[..2]), "the seat beside it is still sold");
    assert!(!buys(&server, &row[2..]));
    assert!(buys(&server, &row[1..2]));
    assert!(!buys(&server, &row[1..2]), "once");
    server.stop();

    let server = Server::start(dir.path());
    let rest = json!({ "orderid": order, "refundallticket": "1" });
    assert_eq!(DEMO.json(&server, REFUND, &rest)["errcode"], 0);
    assert_eq!(DEMO.json(&server, REFUND, &part)["errcode"], 0, "the first answer again");
    assert!(!buys(&server, &row[1..2]), "which is another's by now");
    assert!(buys(&server, &row[..1]) && buys(&server, &row[2..]));
    server.stop();
    assert_eq!(audit(dir.path()).paid, 3);
}

#[test]
fn late_money_gets_the_same_seats_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(NOW);
    let server = Server::start_with(Setup { clock: clock.clone(), ..Setup::new(dir.path()) });
    let there: [Seat; 2] = [("A", 4, 15), ("A", 4, 16)];
    let gone: [Seat; 2] = [("B", 1, 1), ("B", 1, 2)];
    let place = |seats: &[Seat; 2]| {
        let info = wants(&server, seats[0].0, 2, seats);
        (number(&DEMO.json(&server, ADD_THEATRE, &info)), info)
    };
    let ((first, first_info), (second, second_info)) = (place(&there), place(&gone));
    clock.set(NOW.plus_millis(30 * 60_000));
    for info in [&first_info, &second_info] {
        let is_over = |_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            DEMO.json(&server, ADD_THEATRE, info)["orderstatus"] == "4"
        };
        assert!((0..1000).any(is_over), "its time is up");
    }
    assert!(buys(&server, &gone[1..]));

    let late = DEMO.json(&server, PAY, &DEMO.pay_info(&first));
    assert_eq!((&late["resultcode"], &late["orderstatus"]), (&json!(0), &json!("D")), "{late}");
    let order = server.order(DEMO.id, &first);
    assert_eq!(seats_of(&server, &order), there);
    let on_tickets: Vec<_> = (0..2).filter_map(|ticket| order.seat(ticket)).collect();
    assert_eq!(on_tickets, order.lines[0].seats);
    assert!(!buys(&server, &there[..1]));

    for late in [
        DEMO.json(&server, PAY, &DEMO.pay_info(&second)),
        DEMO.json(&server, THEATRE, &DEMO.and_pay(&second_info)),
    ] {
        assert_eq!((&late["resultcode"], &late["orderstatus"]), (&json!(1), &json!("4")), "{late}");
        assert_eq!(late["returnmessgage"], "座位B-1-2已被占用，请重新选座");
    }
    assert!(buys(&server, &gone[..1]), "nothing is taken of what was refused");
    server.stop();
    let audit = audit(dir.path());
    assert_eq!((audit.orders, audit.paid, audit.vouchers), (4, 3, 4));
}
