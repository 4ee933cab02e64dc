//! An operator keeps an unpaid order's places for longer: they go back at the new time, also after a
//! restart. No partner can.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use piaoku::actors::recovery::snapshot_dir;
use piaoku::actors::{EngineError, OrderCommand, Owner};
use piaoku::clock::ManualClock;
use piaoku::domain::order::{CloseReason, Order, OrderState};
use piaoku::types::{OrderId, UnixMillis};
use serde_json::json;

use crate::support::books::{audit, replayed};
use crate::support::partner::{self, ADD_SCENIC, ADD_THEATRE, DEMO, PAY, THEATRE};
use crate::support::server::{NOW, Server, Setup};

const MINUTE: i64 = 60_000;

fn start(dir: &Path, clock: &Arc<ManualClock>) -> Server {
    Server::start_with(Setup { clock: clock.clone(), ..Setup::new(dir) })
}

fn place(server: &Server) -> String {
    let info = partner::plain_info(server, &partner::sender_id(), "P-BULK", 1);
    let placed = DEMO.json(server, ADD_SCENIC, &info);
    placed["orderid"].as_str().unwrap().to_owned()
}

/// One named seat at the theatre, with its order message.
fn seat(server: &Server) -> serde_json::Value {
    let mut info = partner::theatre_info(server, &partner::sender_id(), 1, 1);
    info["orderdetails"][0]["seatitems"] = json!([{ "seatid": "A-4-15" }]);
    info["autoselseats"] = json!("0");
    info
}

fn extend(server: &Server, order: &str, until: UnixMillis) -> Result<Arc<Order>, EngineError> {
    let order = OrderId::new(order.parse().unwrap());
    let command = OrderCommand::Extend { until };
    server.wait(server.engine.with_order_of(Owner::Anyone, order, command))
}

fn state(server: &Server, order: &str) -> OrderState {
    server.order(DEMO.id, order).state.clone()
}

fn until_closed(server: &Server, order: &str) {
    let is_closed = |_| {
        std::thread::sleep(Duration::from_millis(10));
        matches!(state(server, order), OrderState::Closed { reason: CloseReason::Expired, .. })
    };
    assert!((0..1000).any(is_closed), "{:?}", state(server, order));
}

#[test]
fn extended_holds_expire_at_the_new_time_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(NOW);
    let server = start(dir.path(), &clock);
    let (kept, paid, witness) = (place(&server), place(&server), place(&server));
    let seated = DEMO.json(&server, ADD_THEATRE, &seat(&server));
    let seated = seated["orderid"].as_str().unwrap();
    let hour = NOW.plus_millis(60 * MINUTE);
    let held = |expires_at| OrderState::Held { expires_at };
    for order in [&*kept, &*paid, seated] {
        assert_eq!(state(&server, order), held(NOW.plus_millis(30 * MINUTE)));
        assert_eq!(extend(&server, order, hour).unwrap().state, held(hour));
        assert_eq!(extend(&server, order, hour).unwrap().state, held(hour), "once more");
    }

    clock.set(NOW.plus_millis(30 * MINUTE));
    until_closed(&server, &witness);
    assert_eq!((state(&server, &kept), state(&server, seated)), (held(hour), held(hour)));
    assert!(extend(&server, &witness, hour).is_err(), "its places are gone");
    server.stop();

    let server = start(dir.path(), &clock);
    clock.set(hour.plus_millis(-1));
    let witness = place(&server);
    assert_eq!((state(&server, &kept), state(&server, seated)), (held(hour), held(hour)));
    let wanted = DEMO.and_pay(&seat(&server));
    assert_eq!(DEMO.json(&server, THEATRE, &wanted)["resultcode"], 1, "the seat is kept");
    assert_eq!(DEMO.json(&server, PAY, &DEMO.pay_info(&paid))["orderstatus"], "D");
    assert!(extend(&server, &paid, hour.plus_millis(MINUTE)).is_err(), "there is nothing to keep");
    // From the journal alone, and when its time is up while nobody is there.
    server.stop();
    std::fs::remove_dir_all(snapshot_dir(dir.path())).unwrap();
    clock.set(hour);
    let server = start(dir.path(), &clock);
    until_closed(&server, &kept);
    until_closed(&server, seated);
    assert!(matches!(state(&server, &witness), OrderState::Held { .. }));
    assert!(matches!(state(&server, &paid), OrderState::Paid { .. }));
    assert_eq!(DEMO.json(&server, THEATRE, &wanted)["resultcode"], 0, "the seat is free");
    server.stop();
    audit(dir.path());
    let closed =
        replayed(dir.path()).orders[&OrderId::new(kept.parse().unwrap())].value.state.clone();
    assert!(matches!(closed, OrderState::Closed { at, .. } if at >= hour), "{closed:?}");
}

#[test]
fn time_is_only_ever_added() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(NOW);
    let server = start(dir.path(), &clock);
    let order = place(&server);
    let half_an_hour = NOW.plus_millis(30 * MINUTE);
    let _ = extend(&server, &order, NOW.plus_millis(MINUTE));
    assert_eq!(state(&server, &order), OrderState::Held { expires_at: half_an_hour });
    clock.set(half_an_hour);
    until_closed(&server, &order);
}
