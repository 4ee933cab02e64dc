//! Two hundred callers at once for the last fifty places. With the guard switched off (cargo feature
//! `unguarded-stock`) the same run must be seen to oversell, and the audit to say so.

use piaoku::domain::invariants;
use piaoku::engine::books;
use serde_json::Value;

use crate::support::books::replayed;
use crate::support::message::{FORMATS, Json};
use crate::support::partner::{self, ADD_SCENIC, DEMO, SCENIC};
use crate::support::server::{Server, Setup};

const SIXTY: &str = r#"
[[product]]
id = "P-SIXTY"
supplier = "01"
name = "六十张票"
price = "10.00"
capacity = 60
first_day = 0
days = 60
order_min = 1
order_max = 10
"#;
const CALLERS: usize = 200;
const PLACES: usize = 50;

fn order(server: &Server, amount: i64) -> Value {
    partner::plain_info(server, &partner::sender_id(), "P-SIXTY", amount)
}

/// Result codes of everybody who wanted a place, and what the books say afterwards.
fn rush(dir: &std::path::Path) -> (Vec<i64>, books::Audit) {
    let server = Server::start_with(Setup::new(dir).selling(SIXTY));
    let first = DEMO.json(&server, SCENIC, &DEMO.and_pay(&order(&server, 10)));
    assert_eq!(first["resultcode"], 0, "{first}");
    let barrier = std::sync::Barrier::new(CALLERS);
    let codes = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (server, barrier) = (&server, &barrier);
                scope.spawn(move || {
                    let info = order(server, 1);
                    barrier.wait();
                    // Every fourth only holds a place: it counts like a sold one.
                    let answer = if caller % 4 == 0 {
                        DEMO.call(server, ADD_SCENIC, &info, Json)
                    } else {
                        DEMO.call(server, SCENIC, &DEMO.and_pay(&info), FORMATS[caller % 2])
                    };
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    answer.code("resultcode")
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().expect("an answer")).collect()
    });
    server.stop();
    (codes, books::audit(&replayed(dir)))
}

#[cfg(not(feature = "unguarded-stock"))]
#[test]
fn the_last_fifty_places_are_sold_to_exactly_fifty_of_two_hundred() {
    let dir = tempfile::tempdir().unwrap();
    let (codes, audit) = rush(dir.path());
    let count = |code: i64| codes.iter().filter(|answer| **answer == code).count();
    assert_eq!((count(0), count(1)), (PLACES, CALLERS - PLACES), "{codes:?}");
    assert_eq!(audit.violations, [], "{}", invariants::NOT_OVERSOLD.id);
    assert_eq!(audit.orders, PLACES + 1);
}

#[cfg(feature = "unguarded-stock")]
#[test]
fn without_the_guard_the_same_run_is_seen_to_oversell() {
    let dir = tempfile::tempdir().unwrap();
    let (codes, audit) = rush(dir.path());
    let sold = codes.iter().filter(|answer| **answer == 0).count();
    assert!(sold > PLACES, "{sold} sold");
    let oversold = |it: &books::Violation| it.invariant == invariants::NOT_OVERSOLD;
    assert!(audit.violations.iter().any(oversold), "{:?}", audit.violations);
}
