//! Killed while holds fall due: each is closed once, and its places are sold again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use piaoku::actors::recovery::snapshot_dir;
use piaoku::clock::SystemClock;
use piaoku::config::catalogue_file::{self, CatalogueEntry};
use piaoku::domain::catalogue::CatalogueCommand;
use piaoku::domain::order::{CloseReason, OrderEvent, OrderState};
use piaoku::types::{OrderId, Sealed, ServiceDate};
use serde_json::{Value, json};

use super::status;
use crate::support::Target as _;
use crate::support::books;
use crate::support::message::{Json, encode};
use crate::support::partner::{self, ADD_SCENIC, ADD_THEATRE, DEMO, SCENIC, THEATRE};
use crate::support::process::{self, Process};
use crate::support::server::{Server, Setup};

/// Enough for all who hold some of it within a second or two.
const PLACES: &str = r#"
[[product]]
id = "P-PLACES"
supplier = "01"
name = "有限票"
price = "1.00"
capacity = 1500
first_day = 0
days = 60
order_min = 1
order_max = 100
"#;
const LARGE_ORDERS: usize = 15;
/// Seats in area B by the most an order may have.
const THEATRE_ORDERS: usize = 600 / 6;

/// Makes a store whose products are held for a second only, shorter than a catalogue file can say.
fn hold_for_a_second(dir: &Path) {
    let mut setup = Setup::new(dir).selling(PLACES);
    setup.clock = Arc::new(SystemClock);
    let catalogue = setup.catalogue.clone();
    let server = Server::start_with(setup);
    let today = ServiceDate::at(server.now(), 8 * 3600);
    let file = catalogue_file::parse(&catalogue, today, &|_, _| Ok(Sealed::default())).unwrap();
    let shorter = |entry| match entry {
        CatalogueEntry::Command(CatalogueCommand::SetProduct(mut product)) => {
            product.rules.hold_seconds = 1;
            Some(CatalogueCommand::SetProduct(product))
        }
        _ => None,
    };
    let products = file.entries.into_iter().filter_map(shorter).collect();
    server.wait(server.engine.change_catalogue(products)).unwrap();
    server.stop();
}

fn theatre_info(server: &Process, amount: i64) -> Value {
    let mut info = partner::theatre_info(server, &partner::sender_id(), 1, amount);
    info["seatareaid"] = json!("B");
    info
}

/// Places orders from four threads, and kills the server at an instant when some have expired and
/// others fall due with every moment. The orders that were answered.
fn place_until_killed(server: &Process) -> Vec<String> {
    let (placed, stop) = (Mutex::new(Vec::<String>::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let place = |thread: i64| {
            while !stop.load(Ordering::Relaxed) {
                let (path, info) = match thread {
                    0 => (ADD_THEATRE, theatre_info(server, 2)),
                    _ => {
                        let key = partner::sender_id();
                        (ADD_SCENIC, partner::plain_info(server, &key, "P-PLACES", 1 + thread % 2))
                    }
                };
                let body = encode(path, &info, Json);
                let request = DEMO.request(server, path, "application/json", body);
                let Ok(answer) = request.try_send(server) else { break };
                match answer.code("resultcode") {
                    0 => placed.lock().unwrap().push(answer.field("orderid").unwrap()),
                    // On a fast machine everything may be held for a moment.
                    code => assert_eq!(code, 1, "{}", answer.text()),
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(move || place(thread))).collect();
        let first_is_over = || {
            let first = placed.lock().unwrap().first().cloned();
            first.is_some_and(|first| status(server, &first) == "4")
        };
        while !first_is_over() && !threads.iter().any(|thread| thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        server.kill();
        stop.store(true, Ordering::Relaxed);
    });
    placed.into_inner().unwrap()
}

fn until_closed(server: &Process, order: &str) {
    let is_closed = |_| {
        let closed = status(server, order) == "4";
        if !closed {
            std::thread::sleep(Duration::from_millis(10));
        }
        closed
    };
    assert!((0..3000).any(is_closed), "order {order} never expires");
}

/// Buys, waiting for what an order without an answer may still hold.
fn buy(server: &Process, path: &str, info: &Value) {
    let is_sold = |_| {
        let answer = DEMO.json(server, path, &DEMO.and_pay(info));
        if answer["resultcode"] == 0 {
            return true;
        }
        assert_eq!(answer["resultcode"], 1, "{answer}");
        std::thread::sleep(Duration::from_millis(50));
        false
    };
    assert!((0..100).any(is_sold), "places were lost: {info}");
}

#[test]
fn while_holds_fall_due() {
    let dir = tempfile::tempdir().unwrap();
    hold_for_a_second(dir.path());
    let mut placed = Vec::new();
    for round in 0..2 {
        let server = Process::start(dir.path());
        placed.extend(place_until_killed(&server));
        let state = books::replayed(dir.path());
        let orders = || state.orders.values().map(|order| &order.value.state);
        let held = orders().filter(|state| matches!(state, OrderState::Held { .. })).count();
        let closed = orders().count() - held;
        assert!(held > 0 && closed > 0, "in the middle: {held} held, {closed} closed");
        process::audit(dir.path());
        if round == 1 {
            std::fs::remove_dir_all(snapshot_dir(dir.path())).unwrap();
        }
    }
    let server = Process::start(dir.path());
    placed.iter().for_each(|order| until_closed(&server, order));
    // Everything can be sold again, and not one place more.
    let bulk = |amount| partner::plain_info(&server, &partner::sender_id(), "P-PLACES", amount);
    (0..LARGE_ORDERS).for_each(|_| buy(&server, SCENIC, &bulk(100)));
    (0..THEATRE_ORDERS).for_each(|_| buy(&server, THEATRE, &theatre_info(&server, 6)));
    for (path, info) in [(SCENIC, bulk(1)), (THEATRE, theatre_info(&server, 1))] {
        let refused = DEMO.json(&server, path, &DEMO.and_pay(&info));
        assert_eq!(refused["resultcode"], 1, "{refused}");
    }
    drop(server);
    process::audit(dir.path());
    let audit = books::audit(dir.path());
    assert_eq!(audit.paid, LARGE_ORDERS + THEATRE_ORDERS);

    let mut ends: BTreeMap<OrderId, Vec<CloseReason>> = BTreeMap::new();
    for event in books::order_events(dir.path()) {
        if let OrderEvent::Closed { order, reason, .. } = event {
            ends.entry(order).or_default().push(reason);
        }
    }
    assert!(ends.values().all(|reasons| reasons == &[CloseReason::Expired]), "{ends:?}");
    let known = |order: &String| ends.contains_key(&OrderId::new(order.parse().unwrap()));
    assert!(placed.iter().all(known));
    assert_eq!(audit.orders, ends.len() + audit.paid);
}
