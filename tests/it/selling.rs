//! The first sale through each of the four interfaces.

use serde_json::json;

use crate::support::partner::{self, DEMO};
use crate::support::server::Server;

#[test]
fn a_theatre_order_is_sold_paid_and_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let sender_id = partner::sender_id();
    let order = partner::theatre_order(&DEMO, &sender_id, 1, 2);
    let first = DEMO.json(&server, "/api/OrderAndPay2/WithRebate", &order);
    assert_eq!(first["resultcode"], 0, "{first}");
    assert_eq!(first["orderstatus"], "D");
    assert_eq!(first["sendid"], sender_id);
    assert_eq!(first["orderid"].as_str().unwrap().len(), 19);
    let again = DEMO.json(&server, "/api/OrderAndPay2/WithRebate", &order);
    assert_eq!(first, again);
}

#[test]
fn a_day_ticket_is_sold_in_the_earliest_timespan() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let order = partner::adult_order(&DEMO, &partner::sender_id(), 1, -1);
    let sold = DEMO.json(&server, "/api/OrderAndPay/WithRebate", &order);
    assert_eq!(sold["resultcode"], 0, "{sold}");
}

#[test]
fn verify_answers_without_holding_anything() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let info = partner::adult_info("", 1, -1);
    let path = "/api/SpecialOta/DouYin/CalendarTicket/Order/Verify";
    for _ in 0..3 {
        let verified = DEMO.json(&server, path, &info);
        assert_eq!(verified["errcode"], 0, "{verified}");
    }
}

#[test]
fn douyin_gets_the_same_codes_for_the_same_order() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let now = 1_800_000_000;
    let body = json!({
        "order_id": partner::sender_id(),
        "count": 3,
        "start_time": now,
        "expire_time": now + 86_400 * 30,
        "sku_id": "7000000000000000001"
    });
    let first = partner::ticket_codes(&server, &body);
    assert_eq!(first["data"]["error_code"], 0, "{first}");
    assert_eq!(first["data"]["result"], 1);
    assert_eq!(first["data"]["codes"].as_array().unwrap().len(), 3);
    assert_eq!(first, partner::ticket_codes(&server, &body));
}
