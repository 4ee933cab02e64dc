//! Operators see how calling an agent back went, and have it told again.

use piaoku::domain::catalogue::{CallbackFormat, CallbackMethod, CallbackSettings};
use serde_json::{Value, json};

use crate::admin::{call, ok, refused, said, server};
use crate::support::partner::{self, ADD_SCENIC, DEMO};
use crate::support::receiver::{Receiver, Reply};

#[test]
fn an_operator_sees_deliveries_and_has_the_agent_told_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let receiver = Receiver::start(&DEMO);
    let (url, format) = (receiver.url().into(), CallbackFormat::Json);
    let settings =
        CallbackSettings { url, official_sms: true, format, method: CallbackMethod::Post };
    let set = server.engine.set_callback(server.agent_no(DEMO.id), Some(settings));
    server.wait(set).unwrap();
    let deliveries = || ok(&call(&server, "GET", "agents/demo-agent/deliveries", Value::Null));
    assert_eq!(deliveries(), json!({ "agent": "demo-agent", "deliveries": [] }));

    // The first attempt fails; the clock stands still, so nothing but a replay tries again.
    receiver.answer(|_, before| if before == 0 { Reply::BROKEN } else { Reply::SUCCESS });
    let info = partner::plain_info(&server, &partner::sender_id(), "P-BULK", 1);
    let booked = DEMO.json(&server, ADD_SCENIC, &info);
    let order = booked["orderid"].as_str().unwrap();
    let seen = |count: usize| {
        for _ in 0..3000 {
            let list = deliveries()["deliveries"].as_array().unwrap().clone();
            if list.len() >= count {
                return list;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{count} deliveries: {:#}", deliveries());
    };
    let failed = &seen(1)[0];
    assert_eq!((&failed["order"], &failed["notice"]), (&json!(order), &json!(1)), "{failed}");
    assert_eq!((&failed["event"], &failed["attempt"]), (&json!("booked"), &json!(1)), "{failed}");
    assert_eq!(failed["result"], "failed");
    assert!(!failed["why"].as_str().unwrap().is_empty());
    let waiting = ok(&call(&server, "GET", &format!("orders/{order}"), Value::Null));
    assert_eq!(waiting["notices"][0]["notice"], 1, "{waiting:#}");

    let replay = |order: &str, no: &str, body: Value| {
        call(&server, "POST", &format!("orders/{order}/notices/{no}/replay"), body)
    };
    let why = json!({ "reason": "the agent asked" });
    refused(&replay(order, "1", json!({})), 400, "reason_missing");
    refused(&replay(order, "9", why.clone()), 404, "not_found");
    refused(&replay(order, "x", why.clone()), 404, "not_found");
    refused(&replay("123", "1", why.clone()), 404, "unknown_order");
    assert_eq!(receiver.calls().len(), 1);

    // It waits: tried at once. It has been delivered: queued anew, which the journal has.
    ok(&replay(order, "1", why.clone()));
    assert_eq!(seen(2)[0]["result"], "delivered");
    let left = || ok(&call(&server, "GET", &format!("orders/{order}"), Value::Null));
    for _ in 0..3000 {
        if left()["notices"] == json!([]) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    ok(&replay(order, "1", why));
    let again = &seen(3)[0];
    assert_eq!((&again["notice"], &again["event"]), (&json!(2), &json!("booked")), "{again}");
    assert_eq!(receiver.calls().len(), 3);
    server.stop();
    assert_eq!(said(dir.path()), ["demo: the agent asked"]);
}
