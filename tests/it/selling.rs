//! The first sale through each of the four interfaces.

use crate::support::partner::{self, COUPON_SKU, DEMO, SCENIC, THEATRE, VERIFY};
use crate::support::server::Server;

#[test]
fn a_theatre_order_is_sold_paid_and_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let sender_id = partner::sender_id();
    let order = DEMO.and_pay(&partner::theatre_info(&server, &sender_id, 1, 2));
    let first = DEMO.json(&server, THEATRE, &order);
    assert_eq!(first["resultcode"], 0, "{first}");
    assert_eq!(first["orderstatus"], "D");
    assert_eq!(first["sendid"], sender_id);
    assert_eq!(first["orderid"].as_str().unwrap().len(), 19);
    let again = DEMO.json(&server, THEATRE, &order);
    assert_eq!(first, again);
}

#[test]
fn a_day_ticket_is_sold_in_the_earliest_timespan() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let order = DEMO.and_pay(&partner::adult_info(&server, &partner::sender_id(), 1, -1));
    let sold = DEMO.json(&server, SCENIC, &order);
    assert_eq!(sold["resultcode"], 0, "{sold}");
    let number = sold["orderid"].as_str().unwrap();
    assert_eq!(server.order(DEMO.id, number).lines[0].slot.timespan.get(), 1);
}

#[test]
fn verify_answers_without_holding_anything() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let info = partner::adult_info(&server, "", 1, -1);
    for _ in 0..3 {
        let verified = DEMO.json(&server, VERIFY, &info);
        assert_eq!(verified["errcode"], 0, "{verified}");
    }
}

#[test]
fn a_code_is_issued_again_and_previewed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let ask = partner::ticket_ask(&server, &partner::sender_id(), COUPON_SKU, 3);
    let first = partner::ticket_codes(&server, &ask);
    assert_eq!(first["data"]["error_code"], 0, "{first}");
    assert_eq!(first["data"]["result"], 1);
    let codes = partner::codes_of(&first);
    assert_eq!(codes.len(), 3);
    assert_eq!(first, partner::ticket_codes(&server, &ask));
    let preview = partner::consult(&server, &codes[0]);
    assert_eq!(preview["result"]["success"], true, "{preview}");
}
