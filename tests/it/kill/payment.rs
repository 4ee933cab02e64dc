//! Killed between place and pay: an order is paid once, or as unpaid as it was.

use piaoku::actors::recovery::snapshot_dir;
use serde_json::Value;

use super::{asked, check_success, from_four_threads, kill_under, status};
use crate::support::Target as _;
use crate::support::books;
use crate::support::http::Request;
use crate::support::message::{Json, encode};
use crate::support::partner::{self, ADD_SCENIC, ADD_THEATRE, DEMO, PAY, SCENIC, THEATRE};
use crate::support::process::{self, Process};

const ROUNDS: usize = 3;
/// Half of them at the theatre with two seats each: all rounds together fit into area A.
const ORDERS_A_ROUND: usize = 72;
const SEATS_IN_AREA: i64 = 300;

/// What became of an order, as far as anybody was told.
#[derive(Debug, PartialEq)]
enum Fate {
    Unpaid,
    /// Nobody knows: the payment had no answer.
    Tried,
    Paid {
        answer: String,
    },
    Cancelled,
}

/// An order of two tickets.
struct Placed {
    info: Value,
    is_theatre: bool,
    number: String,
    /// Whether it is paid by its number, or by ordering and paying with the same sender id.
    by_number: bool,
    fate: Fate,
}

impl Placed {
    fn new(server: &Process, n: usize) -> Self {
        let (key, is_theatre) = (partner::sender_id(), n.is_multiple_of(2));
        let info = if is_theatre {
            partner::theatre_info(server, &key, 1, 2)
        } else {
            partner::plain_info(server, &key, "P-BULK", 2)
        };
        let by_number = n.is_multiple_of(3);
        Self { info, is_theatre, number: String::new(), by_number, fate: Fate::Unpaid }
    }

    fn place(&mut self, server: &Process) {
        let path = if self.is_theatre { ADD_THEATRE } else { ADD_SCENIC };
        let placed = DEMO.json(server, path, &self.info);
        assert_eq!((&placed["resultcode"], &placed["orderstatus"]), (&0.into(), &"0".into()));
        self.number = placed["orderid"].as_str().unwrap().to_owned();
    }

    fn payment(&self, server: &Process) -> Request {
        let (path, message) = match self.by_number {
            true => (PAY, DEMO.pay_info(&self.number)),
            false if self.is_theatre => (THEATRE, DEMO.and_pay(&self.info)),
            false => (SCENIC, DEMO.and_pay(&self.info)),
        };
        DEMO.request(server, path, "application/json", encode(path, &message, Json))
    }

    /// Yuan.
    fn price(&self) -> i64 {
        if self.is_theatre { 2 * 380 } else { 2 }
    }

    /// Pays it if the server lives; says whether there was an answer.
    fn pay(&mut self, server: &Process) -> bool {
        self.fate = Fate::Tried;
        let Ok(answer) = self.payment(server).try_send(server) else { return false };
        check_success(&answer);
        self.fate = Fate::Paid { answer: answer.text().to_owned() };
        true
    }

    /// After a restart: what was answered has the same answer, the rest can still be paid or given up.
    fn check(&mut self, server: &Process, n: usize) {
        let state = status(server, &self.number);
        match (&self.fate, &*state) {
            (Fate::Paid { answer }, "D") => {
                assert_eq!(self.payment(server).send(server).text(), answer);
            }
            (Fate::Tried, "D") => assert!(self.pay(server)),
            // The other way of paying than the one that had no answer.
            (Fate::Tried, "0") => {
                self.by_number = !self.by_number;
                assert!(self.pay(server));
            }
            (Fate::Unpaid, "0") => match n % 4 {
                0 => assert!(self.pay(server)),
                1 => {
                    assert_eq!(DEMO.cancel(server, &self.number, Json).code("resultcode"), 0);
                    self.fate = Fate::Cancelled;
                }
                _ => {}
            },
            (Fate::Cancelled, "4") => {
                let refused = self.payment(server).send(server);
                assert_ne!(refused.code("resultcode"), 0, "{}", refused.text());
            }
            (fate, state) => panic!("{fate:?}, but its state is {state}"),
        }
    }
}

#[test]
fn between_place_and_pay() {
    let dir = tempfile::tempdir().unwrap();
    let mut orders: Vec<Placed> = Vec::new();
    for round in 0..ROUNDS {
        let server = Process::start(dir.path());
        check_all(&server, &mut orders);
        let mut placed: Vec<_> = (0..ORDERS_A_ROUND).map(|n| Placed::new(&server, n)).collect();
        from_four_threads(&mut placed, |order| {
            order.place(&server);
            true
        });
        kill_under(&server, &mut placed, ORDERS_A_ROUND / 3, |order| order.pay(&server));
        orders.append(&mut placed);
        let count = |is: fn(&Fate) -> bool| orders.iter().filter(|it| is(&it.fate)).count();
        assert!(count(|fate| *fate == Fate::Unpaid) > 0, "killed too late to be a test");
        let report = process::audit(dir.path());
        assert_eq!(report["orders"], orders.len());
        if round == 1 {
            std::fs::remove_dir_all(snapshot_dir(dir.path())).unwrap();
        }
    }
    let server = Process::start(dir.path());
    check_all(&server, &mut orders);
    check_all(&server, &mut orders);

    let paid = |order: &&Placed| matches!(order.fate, Fate::Paid { .. });
    let spent: i64 = orders.iter().filter(paid).map(Placed::price).sum();
    let rebate = asked(&server, "/api/Agent/Rebate?year=");
    assert_eq!(rebate[0]["totalconsumption"].as_f64(), Some(spent as f64), "{rebate}");
    let taken = orders.iter().filter(|it| it.is_theatre && it.fate != Fate::Cancelled).count();
    let plan = asked(&server, &format!("/v1/performances/SC-{}-1930/seats", server.day(1)));
    assert_eq!(plan["areas"][0]["seats_free"], SEATS_IN_AREA - 2 * taken as i64);
    drop(server);
    process::audit(dir.path());
    let audit = books::audit(dir.path());
    let paid = orders.iter().filter(paid).count();
    assert_eq!((audit.orders, audit.paid, audit.vouchers), (orders.len(), paid, 2 * paid));
}

fn check_all(server: &Process, orders: &mut [Placed]) {
    let mut numbered: Vec<_> = orders.iter_mut().enumerate().collect();
    from_four_threads(&mut numbered, |(n, order)| {
        order.check(server, *n);
        true
    });
}
