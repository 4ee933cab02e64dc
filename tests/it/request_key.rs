//! What a `senderid` that comes again gets: docs/protocols/ota.md, "Request key", row by row, as
//! golden transcripts in JSON and XML. Each scenario has a store of its own, audited at the end.

use piaoku::clock::ManualClock;
use piaoku::domain::identity::sample;
use serde_json::{Value, json};

use crate::support::Target;
use crate::support::books::audit;
use crate::support::http::{Answer, Request};
use crate::support::message::{FORMATS, Format, Json, encode, with};
use crate::support::partner::{
    self, ADD_SCENIC, ADD_THEATRE, Agent, CANCEL, DEMO, PAY, POOR, SCENIC, THEATRE, THEATRE_ALIAS,
    VERIFY,
};
use crate::support::server::{NOW, Server, Setup};
use crate::support::transcript::Transcript;

/// A conversation with a server in one format.
struct Talk<'s> {
    server: &'s Server,
    format: Format,
    transcript: Transcript,
}

impl Talk<'_> {
    fn post(&mut self, title: &str, agent: &Agent, path: &str, message: &Value) -> Answer {
        let body = encode(path, message, self.format);
        let request = agent.request(self.server, path, self.format.content_type(), body);
        self.send(title, &request)
    }

    fn cancel(&mut self, title: &str, order: &str) -> Answer {
        let request = Request::new("POST", &format!("{CANCEL}?orderid={order}"));
        let request = request.header("Accept", self.format.content_type());
        let request = DEMO.sign(self.server, request);
        self.send(title, &request)
    }

    fn send(&mut self, title: &str, request: &Request) -> Answer {
        let answer = request.send(self.server);
        self.transcript.step(title, request, &answer);
        answer
    }
}

/// Holds a conversation in both formats, compares it with its golden files, and audits what is left:
/// that many orders, so many of them paid.
fn scenario(name: &str, orders: usize, paid: usize, talk: impl Fn(&mut Talk<'_>)) {
    timed_scenario(name, orders, paid, |talking, _| talk(talking));
}

/// The same with the server's clock in hand.
fn timed_scenario(
    name: &str,
    orders: usize,
    paid: usize,
    talk: impl Fn(&mut Talk<'_>, &ManualClock),
) {
    for format in FORMATS {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(NOW);
        let mut setup = Setup::new(dir.path());
        setup.clock = clock.clone();
        let server = Server::start_with(setup);
        let mut talking = Talk { server: &server, format, transcript: Transcript::default() };
        talk(&mut talking, &clock);
        talking.transcript.check(&format!("request_key/{name}.{}.txt", format.name()));
        server.stop();
        let audit = audit(dir.path());
        assert_eq!((audit.orders, audit.paid), (orders, paid), "{name}, {format:?}");
    }
}

/// Two places at the theatre tomorrow, the same in every run.
fn theatre(target: &impl Target, sender_id: &str) -> Value {
    let person = [
        ("/orderdetails/0/identificationnumber", json!(sample::resident_id(1))),
        ("/orderdetails/0/mobile", json!(sample::mobile(1))),
        ("/mobile", json!(sample::mobile(2))),
    ];
    with(&partner::theatre_info(target, sender_id, 1, 2), &person)
}

/// A day ticket for tomorrow, the same in every run.
fn scenic(target: &impl Target, sender_id: &str) -> Value {
    let person = [
        ("/orderdetails/0/identificationnumber", json!(sample::resident_id(1))),
        ("/orderdetails/0/mobile", json!(sample::mobile(1))),
        ("/mobile", json!(sample::mobile(2))),
    ];
    with(&partner::adult_info(target, sender_id, 1, -1), &person)
}

#[test]
fn a_new_key_orders_and_a_known_one_gets_the_same_answer() {
    scenario("new_and_done", 2, 2, |talk| {
        let order = DEMO.and_pay(&theatre(talk.server, "S1"));
        talk.post("new: sold and paid", &DEMO, THEATRE, &order);
        talk.post("done already: the same order", &DEMO, THEATRE, &order);
        talk.post("the older address of the same call", &DEMO, THEATRE_ALIAS, &order);
        let other = with(&order, &[("/orderinfo/orderdetails/0/amount", json!(5))]);
        talk.post("another content is not compared", &DEMO, THEATRE, &other);
        talk.post("asked about without paying", &DEMO, ADD_THEATRE, &order["orderinfo"]);
        let order = DEMO.and_pay(&scenic(talk.server, "S2"));
        talk.post("new, at the scenic spot", &DEMO, SCENIC, &order);
        talk.post("done already", &DEMO, SCENIC, &order);
    });
}

#[test]
fn an_unpaid_order_is_paid_whatever_the_new_body_says() {
    scenario("unpaid", 3, 3, |talk| {
        let info = theatre(talk.server, "S1");
        talk.post("ordered, not paid", &DEMO, ADD_THEATRE, &info);
        talk.post("ordered again: the same state", &DEMO, ADD_THEATRE, &info);
        let other =
            with(&info, &[("/orderdetails/0/amount", json!(5)), ("/seatareaid", json!("B"))]);
        talk.post("paid, with another body", &DEMO, THEATRE, &DEMO.and_pay(&other));
        talk.post("done already", &DEMO, THEATRE, &DEMO.and_pay(&info));

        let info = scenic(talk.server, "S2");
        talk.post("ordered at the scenic spot", &DEMO, ADD_SCENIC, &info);
        talk.post("paid", &DEMO, SCENIC, &DEMO.and_pay(&info));

        let info = with(&theatre(talk.server, "S3"), &[]);
        let order = talk.post("ordered", &DEMO, ADD_THEATRE, &info).field("orderid").unwrap();
        let pay = DEMO.pay_info(&order);
        talk.post("paid by its number", &DEMO, PAY, &pay);
        talk.post("paid by its number again", &DEMO, PAY, &pay);
        talk.post("then by its key", &DEMO, THEATRE, &DEMO.and_pay(&info));
        talk.cancel("a paid order cannot be cancelled", &order);
    });
}

#[test]
fn a_closed_order_is_an_error_with_its_number_and_state() {
    scenario("closed", 1, 0, |talk| {
        let info = theatre(talk.server, "S1");
        let order = talk.post("ordered", &DEMO, ADD_THEATRE, &info).field("orderid").unwrap();
        talk.cancel("cancelled", &order);
        talk.cancel("cancelled again", &order);
        talk.post("to be paid by its key", &DEMO, THEATRE, &DEMO.and_pay(&info));
        talk.post("to be paid by its number", &DEMO, PAY, &DEMO.pay_info(&order));
        talk.post("asked about", &DEMO, ADD_THEATRE, &info);
    });
}

#[test]
fn late_money_takes_the_places_again_or_hears_what_is_missing() {
    timed_scenario("late", 4, 2, |talk, clock| {
        let named = |info: &Value| {
            let seats = json!([{ "seatid": "A-10-1" }, { "seatid": "A-10-2" }]);
            with(info, &[("/autoselseats", json!("0")), ("/orderdetails/0/seatitems", seats)])
        };
        let [free, over, next] = ["S1", "S3", "S4"].map(|key| theatre(talk.server, key));
        let (taken, next) = (named(&theatre(talk.server, "S2")), named(&next));
        let order = talk.post("ordered", &DEMO, ADD_THEATRE, &free).field("orderid").unwrap();
        talk.post("ordered with seats by name", &DEMO, ADD_THEATRE, &taken);
        talk.post("ordered as well", &DEMO, ADD_THEATRE, &over);
        clock.set(NOW.plus_millis(30 * 60_000));
        for info in [&free, &taken, &over] {
            let closed = (0..500).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                DEMO.json(talk.server, ADD_THEATRE, info)["orderstatus"] == "4"
            });
            assert!(closed, "its time is up");
        }
        talk.post("somebody else buys the named seats", &DEMO, THEATRE, &DEMO.and_pay(&next));
        talk.post("late, the places are there", &DEMO, THEATRE, &DEMO.and_pay(&free));
        talk.post("again, by its number", &DEMO, PAY, &DEMO.pay_info(&order));
        talk.post("late, its seats are gone", &DEMO, THEATRE, &DEMO.and_pay(&taken));
        clock.set(NOW.plus_millis(3 * 24 * 3_600_000));
        talk.post("late, the visit is over", &DEMO, THEATRE, &DEMO.and_pay(&over));
    });
}

#[test]
fn only_the_key_counts_even_with_a_product_of_another_supplier_or_none_at_all() {
    scenario("other_product", 1, 1, |talk| {
        let order = DEMO.and_pay(&scenic(talk.server, "S1"));
        talk.post("new, at the scenic spot", &DEMO, SCENIC, &order);
        let other = DEMO.and_pay(&theatre(talk.server, "S1"));
        talk.post("the key again, at the theatre", &DEMO, THEATRE, &other);
        let unknown = with(&order, &[("/orderinfo/orderdetails/0/productid", json!("P-NONE"))]);
        talk.post("with an unknown product", &DEMO, SCENIC, &unknown);
        let past = with(&order, &[("/orderinfo/effectdate", json!("20200101"))]);
        talk.post("with a day that is over", &DEMO, SCENIC, &past);
        let empty = with(&order, &[("/orderinfo/orderdetails/0/amount", json!(0))]);
        talk.post("with nothing to sell", &DEMO, SCENIC, &empty);
        let wrong = with(&order, &[("/payinfo/paypassword", json!(DEMO.encrypted("wrong")))]);
        talk.post("with a wrong pay password", &DEMO, SCENIC, &wrong);
    });
}

#[test]
fn keys_of_two_agents_do_not_meet() {
    scenario("two_agents", 2, 1, |talk| {
        let order = DEMO.and_pay(&theatre(talk.server, "S1"));
        talk.post("the first agent", &DEMO, THEATRE, &order);
        let one = with(&theatre(talk.server, "S1"), &[("/orderdetails/0/amount", json!(1))]);
        talk.post("the other agent, unpaid", &POOR, ADD_THEATRE, &one);
        talk.post("the other agent has too little money", &POOR, THEATRE, &POOR.and_pay(&one));
        let answer = talk.post("the first agent again", &DEMO, THEATRE, &order);
        let stolen = POOR.pay_info(&answer.field("orderid").unwrap());
        talk.post("another agent's order does not exist", &POOR, PAY, &stolen);
    });
}

#[test]
fn without_a_key_every_request_is_a_new_order() {
    scenario("no_key", 3, 3, |talk| {
        let order = DEMO.and_pay(&theatre(talk.server, ""));
        talk.post("an empty key", &DEMO, THEATRE, &order);
        talk.post("an empty key again: another order", &DEMO, THEATRE, &order);
        let none = with(&order, &[("/orderinfo/senderid", Value::Null)]);
        talk.post("no key at all: another order", &DEMO, THEATRE, &none);
    });
}

#[test]
fn many_at_once_with_one_key_make_one_order() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let mut numbers = Vec::new();
    for round in 0..5 {
        // Half of them order and pay, the others only order: whichever comes first, one order.
        let info = theatre(&server, &format!("S{round}"));
        let both = DEMO.and_pay(&info);
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let callers = (0..16).map(|caller| {
                let (path, message) =
                    if caller % 4 == 0 { (ADD_THEATRE, &info) } else { (THEATRE, &both) };
                let (server, format) = (&server, FORMATS[caller % 2]);
                scope.spawn(move || DEMO.call(server, path, message, format))
            });
            let callers: Vec<_> = callers.collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        });
        let number = answers[0].field("orderid").unwrap();
        for answer in &answers {
            assert_eq!(answer.code("resultcode"), 0, "{}", answer.text());
            assert_eq!(answer.field("orderid").as_ref(), Some(&number));
        }
        let paid = DEMO.call(&server, THEATRE, &both, Json);
        assert_eq!(paid.field("orderstatus").as_deref(), Some("D"));
        numbers.push(number);
    }
    numbers.dedup();
    assert_eq!(numbers.len(), 5);
    server.stop();
    let audit = audit(dir.path());
    assert_eq!((audit.orders, audit.paid, audit.vouchers), (5, 5, 10));
}

#[test]
fn fifty_characters_of_any_script_are_a_request_key() {
    let dir = tempfile::tempdir().unwrap();
    let key = "单".repeat(50);
    let server = Server::start(dir.path());
    let info = partner::plain_info(&server, &key, "P-BULK", 1);
    assert_eq!(DEMO.json(&server, VERIFY, &info)["errcode"], 0);
    let sold = DEMO.json(&server, SCENIC, &DEMO.and_pay(&info));
    assert_eq!((&sold["resultcode"], &sold["sendid"]), (&json!(0), &json!(key)));
    server.stop();
    let server = Server::start(dir.path());
    assert_eq!(DEMO.json(&server, SCENIC, &DEMO.and_pay(&info)), sold);
}
