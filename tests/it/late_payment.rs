//! Money that comes after an order's time was up: the places are taken again if they are there.

use piaoku::clock::ManualClock;
use piaoku::domain::inventory::Adjustment;
use piaoku::engine::operator::StockCommand;
use piaoku::types::{AreaNo, Quantity, ServiceDate, SlotKey, Timespan};
use serde_json::json;

use crate::support::Target;
use crate::support::books;
use crate::support::message::FORMATS;
use crate::support::partner::{self, ADD_SCENIC, DEMO, PAY, SCENIC};
use crate::support::server::{NOW, Server, Setup};

/// Places an order whose time is up before the server looks again.
fn expired(server: &Server, clock: &ManualClock, key: &str, tickets: i64) -> String {
    let info = partner::plain_info(server, key, "P-BULK", tickets);
    let placed = DEMO.json(server, ADD_SCENIC, &info);
    let number = placed["orderid"].as_str().expect("an order number").to_owned();
    let now = server.engine.now();
    clock.set(now.plus_millis(30 * 60_000));
    let closed = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        let again = DEMO.json(server, ADD_SCENIC, &info);
        again["orderstatus"] == "4"
    });
    assert!(closed, "its time is up");
    number
}

#[test]
fn late_money_takes_the_places_again_in_one_record() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(NOW);
    let start = || {
        let mut setup = Setup::new(dir.path());
        setup.clock = clock.clone();
        Server::start_with(setup)
    };
    let server = start();
    let paid = expired(&server, &clock, "late by number", 2);
    let resumed = expired(&server, &clock, "late by sender id", 3);
    for format in FORMATS {
        let late = DEMO.call(&server, PAY, &DEMO.pay_info(&paid), format);
        assert_eq!((late.code("resultcode"), late.field("orderstatus").as_deref()), (0, Some("D")));
    }
    let info = partner::plain_info(&server, "late by sender id", "P-BULK", 1);
    for format in FORMATS {
        let late = DEMO.call(&server, SCENIC, &DEMO.and_pay(&info), format);
        assert_eq!(late.field("orderid").as_deref(), Some(&*resumed), "{}", late.text());
        assert_eq!(late.field("orderstatus").as_deref(), Some("D"));
    }
    assert_eq!(server.codes("demo-agent", &resumed).len(), 3, "as it was placed");
    server.stop();
    let audit = books::audit(dir.path());
    assert_eq!((audit.orders, audit.paid, audit.vouchers), (2, 2, 5));

    let server = start();
    let again = DEMO.json(&server, PAY, &DEMO.pay_info(&paid));
    assert_eq!((&again["resultcode"], &again["orderid"]), (&json!(0), &json!(paid)));
}

/// Its places are somebody else's by now: the refusal names the order all the same.
#[test]
fn late_money_for_places_that_are_gone_is_told_of_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(NOW);
    let mut setup = Setup::new(dir.path());
    setup.clock = clock.clone();
    let server = Server::start_with(setup);
    let number = expired(&server, &clock, "too late", 2);
    let product = server.engine.catalogue().product_by_id("P-BULK").expect("the product").no;
    let date = Some(ServiceDate::parse_compact(&server.day(1)).expect("a day"));
    let slot = SlotKey { product, date, timespan: Timespan::NONE };
    let adjustment = Adjustment::Withdraw(Quantity::new(999_999_999));
    let fewer = StockCommand::Slot { slot, area: AreaNo::NONE, adjustment };
    let done = actix_rt::System::new().block_on(server.engine.adjust(fewer));
    assert_eq!(done, Ok(()), "one place is left");
    let info = partner::plain_info(&server, "too late", "P-BULK", 2);
    for format in FORMATS {
        let late = DEMO.call(&server, SCENIC, &DEMO.and_pay(&info), format);
        assert_eq!(late.code("resultcode"), 1, "{}", late.text());
        assert_eq!(late.field("orderid").as_deref(), Some(&*number), "{}", late.text());
        assert_eq!(late.field("orderstatus").as_deref(), Some("4"));
    }
}

#[test]
fn a_cancelled_order_cannot_be_paid_late() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let info = partner::plain_info(&server, "given up", "P-BULK", 1);
    let placed = DEMO.json(&server, ADD_SCENIC, &info);
    let number = placed["orderid"].as_str().unwrap();
    DEMO.cancel(&server, number, FORMATS[0]);
    for format in FORMATS {
        let late = DEMO.call(&server, PAY, &DEMO.pay_info(number), format);
        assert_eq!(
            (late.code("resultcode"), late.field("orderstatus").as_deref()),
            (999_999, Some("4"))
        );
        assert_eq!(late.field("returnmessgage").as_deref(), Some("订单已取消"));
    }
}
