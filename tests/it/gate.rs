//! Gates look at codes, redeem them and take redemptions back.

use std::sync::Mutex;
use std::time::Duration;

use piaoku::actors::{Owner, RefundRequest};
use piaoku::clock::ManualClock;
use piaoku::domain::order::RefundSelection;
use piaoku::http::HttpConfig;
use piaoku::types::VoucherCode;
use serde_json::{Value, json};

use crate::support::books;
use crate::support::http::{Answer, Request};
use crate::support::message::with;
use crate::support::partner::{self, COUPON_SKU, DEMO, GATE_TOKEN, THEATRE, gate_request};
use crate::support::process::{self, Process};
use crate::support::server::{NOW, Server, Setup};
use crate::support::shop::{CARD_SKU, CARDS};
use crate::support::transcript::Transcript;

/// The demo's gate, one at the scenic spot and one at the theatre.
const GATES: &str = r#"
[[gates]]
name = "demo-gate"
token = "demo-gate-token-2024"

[[gates]]
name = "spot"
token = "token-of-the-spots-gate"
suppliers = ["01"]

[[gates]]
name = "theatre"
token = "token-of-the-theatres-gate"
suppliers = ["02"]
"#;
const SPOT: &str = "token-of-the-spots-gate";
const THEATRES: &str = "token-of-the-theatres-gate";

fn setup(dir: &std::path::Path) -> Setup {
    let mut setup = Setup::new(dir).selling(CARDS);
    setup.http = toml::from_str::<HttpConfig>(GATES).unwrap();
    setup
}

fn sell(server: &Server, sku: &str, count: i64, from: i64) -> Vec<String> {
    let ask = partner::ticket_ask(server, &partner::sender_id(), sku, count);
    let (start, end) = (ask["start_time"].as_i64(), ask["expire_time"].as_i64());
    let changes = [
        ("/start_time", json!(start.unwrap() + from)),
        ("/expire_time", json!(end.unwrap() + from)),
    ];
    partner::codes_of(&partner::ticket_codes(server, &with(&ask, &changes)))
}

fn redeem(request_no: &str) -> Value {
    json!({ "request_no": request_no })
}

fn error_code(answer: &Answer) -> (u16, String) {
    let code = answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
    (answer.status, code)
}

#[test]
fn every_row() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(NOW);
    let mut setup = setup(dir.path());
    setup.clock = clock.clone();
    let server = Server::start_with(setup);
    let mut transcript = Transcript::default();
    let mut step = |title: &str, request: Request| {
        let answer = request.send(&server);
        let replayed = answer.header("idempotent-replay");
        let title =
            if replayed.is_empty() { title.to_owned() } else { format!("{title} (replay)") };
        transcript.step(&title, &request, &answer);
        answer
    };
    let look = |code: &str| gate_request(GATE_TOKEN, code, "", &Value::Null);
    let to = |code: &str, action: &str, body: Value| gate_request(GATE_TOKEN, code, action, &body);

    let card = sell(&server, CARD_SKU, 1, 0).remove(0);
    step("a fresh card", look(&card));
    let two = json!({ "request_no": "A1", "quantity": 2 });
    let used = step("two of its uses", to(&card, "/redeem", two.clone()));
    clock.set(NOW.plus_millis(1500));
    let again = step("the same request again", to(&card, "/redeem", two));
    assert_eq!(used.body, again.body, "the first answer, byte for byte");
    step("the same number for something else", to(&card, "/redeem", redeem("A1")));
    step("more than is left", to(&card, "/redeem", json!({ "request_no": "A2", "quantity": 2 })));
    step("the last use", to(&card, "/redeem", redeem("A3")));
    step("nothing is left", to(&card, "/redeem", redeem("A4")));
    step("a card that is used up", look(&card));
    let number = used.json()["redemption_no"].clone();
    let back = json!({ "request_no": "B1", "redemption_no": number });
    let reversed = step("take the first redemption back", to(&card, "/reverse", back.clone()));
    clock.set(NOW.plus_millis(3000));
    let again = step("the same request again", to(&card, "/reverse", back));
    assert_eq!(reversed.body, again.body);
    let other = json!({ "request_no": "B2", "redemption_no": number });
    step("another request for it", to(&card, "/reverse", other));
    let unknown = json!({ "request_no": "B3", "redemption_no": "2190000000000000001" });
    step("an unknown redemption", to(&card, "/reverse", unknown));
    step("take the last one back", to(&card, "/reverse", redeem("B4")));
    step("a card as good as new", look(&card));

    let coupon = sell(&server, COUPON_SKU, 1, 0).remove(0);
    step("nothing to take back", to(&coupon, "/reverse", redeem("C1")));
    let found = server.engine.find_voucher(VoucherCode::parse(&coupon).unwrap());
    let order = server.wait(found).unwrap().unwrap().order.id;
    let request = RefundRequest { order, tickets: RefundSelection::All, request: None };
    server.wait(server.engine.refund(Owner::Anyone, request)).expect("a refund");
    step("a refunded ticket", to(&coupon, "/redeem", redeem("C2")));
    step("how it stands", look(&coupon));
    let later = sell(&server, COUPON_SKU, 1, 86_400).remove(0);
    step("a ticket whose time has not come", to(&later, "/redeem", redeem("C3")));
    step("how it stands", look(&later));

    step("an unknown code", to("523162942005", "/redeem", redeem("D1")));
    step("what is no code", look("abc"));
    step("no token", Request::new("GET", &format!("/v1/vouchers/{card}")));
    step("a wrong token", gate_request("demo-gate-token-2025", &card, "", &Value::Null));
    step("a gate of another supplier", gate_request(THEATRES, &card, "/redeem", &redeem("D2")));
    step("no request number", to(&card, "/redeem", json!({ "quantity": 1 })));
    step("no uses", to(&card, "/redeem", json!({ "request_no": "D3", "quantity": 0 })));
    step("an unknown member", to(&card, "/redeem", json!({ "request_no": "D4", "amount": 1 })));
    step("a wrong method", Request::new("PUT", &format!("/v1/vouchers/{card}/redeem")));

    clock.set(NOW.plus_millis(31 * 86_400_000));
    step("a ticket whose time is over", to(&card, "/redeem", redeem("E1")));
    step("how it stands", look(&card));
    transcript.check("gate.txt");
    server.stop();
    books::audit(dir.path());
}

#[test]
fn gates_serve_their_suppliers_only() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(setup(dir.path()));
    let coupon = sell(&server, COUPON_SKU, 1, 0).remove(0);
    let info = partner::theatre_info(&server, "S1", 1, 1);
    let sold = DEMO.json(&server, THEATRE, &DEMO.and_pay(&info));
    let seat = server.codes(DEMO.id, sold["orderid"].as_str().unwrap()).remove(0);
    let look =
        |token: &str, code: &str| gate_request(token, code, "", &Value::Null).send(&server).status;
    assert_eq!((look(SPOT, &coupon), look(SPOT, &seat)), (200, 403));
    assert_eq!((look(THEATRES, &coupon), look(THEATRES, &seat)), (403, 200));
    assert_eq!((look(GATE_TOKEN, &coupon), look(GATE_TOKEN, &seat)), (200, 200));
    let answer = gate_request(SPOT, &seat, "/redeem", &redeem("A1")).send(&server);
    assert_eq!(error_code(&answer), (403, "OTHER_SUPPLIER".to_owned()));
    // Another gate of the supplier may take a redemption back.
    assert_eq!(gate_request(SPOT, &coupon, "/redeem", &redeem("A2")).send(&server).status, 200);
    let answer = gate_request(GATE_TOKEN, &coupon, "/reverse", &redeem("A2")).send(&server);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn of_two_gates_with_one_code_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(setup(dir.path()));
    let codes = sell(&server, COUPON_SKU, 20, 0);
    for code in &codes {
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let (server, tokens) = (&server, [GATE_TOKEN, SPOT, GATE_TOKEN, SPOT]);
            let threads: Vec<_> = tokens
                .into_iter()
                .enumerate()
                .map(|(index, token)| {
                    let body = redeem(&format!("{code}-{index}"));
                    scope.spawn(move || gate_request(token, code, "/redeem", &body).send(server))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(won, 1);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert_eq!(error_code(answer), (409, "ALREADY_USED".to_owned()));
        }
    }
    server.stop();
    books::audit(dir.path());
}

#[test]
fn a_request_number_is_a_gates_own_and_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(setup(dir.path()));
    let card = sell(&server, CARD_SKU, 1, 0).remove(0);
    let ask = |server: &Server, token: &str| {
        let answer = gate_request(token, &card, "/redeem", &redeem("1")).send(server);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let replayed = answer.header("idempotent-replay") == "true";
        (answer.json()["redemption_no"].as_str().unwrap().to_owned(), replayed)
    };
    let (first, replayed) = ask(&server, GATE_TOKEN);
    assert!(!replayed);
    let (of_the_other, replayed) = ask(&server, SPOT);
    assert!(!replayed && of_the_other != first);
    server.stop();
    let server = Server::start_with(setup(dir.path()));
    assert_eq!(ask(&server, GATE_TOKEN), (first, true));
    assert_eq!(ask(&server, SPOT), (of_the_other, true));
    let left = gate_request(GATE_TOKEN, &card, "", &Value::Null).send(&server).json();
    assert_eq!((&left["uses_used"], &left["uses_left"]), (&json!(2), &json!(1)));
    // A body that is too large is refused in the gate's own words.
    let large = gate_request(GATE_TOKEN, &card, "/redeem", &json!({ "x": "y".repeat(300_000) }));
    assert_eq!(error_code(&large.send(&server)), (413, "TOO_LARGE".to_owned()));
}

/// Redeems codes from several threads until the server is killed under them; what was answered.
fn redeem_until_killed(server: &Process, codes: &[String]) -> Vec<(String, String)> {
    let answered = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for part in codes.chunks(codes.len().div_ceil(4)) {
            let answered = &answered;
            scope.spawn(move || {
                for code in part {
                    let request = gate_request(GATE_TOKEN, code, "/redeem", &redeem(code));
                    let Ok(answer) = request.try_send(server) else { break };
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    let answer = (code.clone(), answer.text().to_owned());
                    answered.lock().unwrap().push(answer);
                }
            });
        }
        while answered.lock().unwrap().len() < codes.len() / 3 {
            std::thread::sleep(Duration::from_millis(1));
        }
        server.kill();
    });
    answered.into_inner().unwrap()
}

#[test]
fn a_kill_between_redemptions_loses_and_doubles_none() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path());
    let sold = (0..15).flat_map(|_| {
        let ask = partner::ticket_ask(&server, &partner::sender_id(), COUPON_SKU, 20);
        partner::codes_of(&partner::ticket_codes(&server, &ask))
    });
    let codes: Vec<String> = sold.collect();
    let answered = redeem_until_killed(&server, &codes);
    process::audit(dir.path());
    let server = Process::start(dir.path());
    for (code, answer) in &answered {
        let again = gate_request(GATE_TOKEN, code, "/redeem", &redeem(code)).send(&server);
        assert_eq!(again.text(), answer);
        assert_eq!(again.header("idempotent-replay"), "true");
    }
    // What was not answered happened once or not at all; by now it has.
    for code in &codes {
        let again = gate_request(GATE_TOKEN, code, "/redeem", &redeem(code)).send(&server);
        assert_eq!(again.status, 200, "{}", again.text());
        let seen = gate_request(GATE_TOKEN, code, "", &Value::Null).send(&server).json();
        assert_eq!(seen["redemptions"].as_array().map(Vec::len), Some(1), "{seen}");
    }
    drop(server);
    books::audit(dir.path());
}
