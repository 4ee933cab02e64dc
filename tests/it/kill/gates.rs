//! Killed while two gates redeem the same codes: what a gate was told stands.

use std::path::Path;
use std::sync::Arc;

use piaoku::clock::SystemClock;
use serde_json::{Value, json};

use super::{from_four_threads, kill_under};
use crate::support::books;
use crate::support::http::{Answer, Request};
use crate::support::partner::{self, COUPON_SKU, GATE_TOKEN, gate_request};
use crate::support::process::{self, Process};
use crate::support::server::{Server, Setup};
use crate::support::shop::{CARD_SKU, CARDS};

const NORTH: &str = "token-of-the-north-gate";
const GATES: &str = r#"
[[http.gates]]
name = "demo-gate"
token = "demo-gate-token-2024"

[[http.gates]]
name = "north"
token = "token-of-the-north-gate"
"#;

/// What a gate asks for, and what it was told.
struct Ask {
    token: &'static str,
    code: String,
    quantity: u16,
    told: Option<(u16, String)>,
}

impl Ask {
    fn request(&self) -> Request {
        // Both gates count alike: a number is a gate's own.
        let body = json!({ "request_no": self.code, "quantity": self.quantity });
        gate_request(self.token, &self.code, "/redeem", &body)
    }

    /// Asks if the server lives; says whether there was an answer.
    fn ask(&mut self, server: &Process) -> bool {
        let Ok(answer) = self.request().try_send(server) else { return false };
        let answer = said(&answer);
        assert!([200, 409].contains(&answer.0), "{answer:?}");
        assert_eq!(self.told.get_or_insert_with(|| answer.clone()), &answer, "it was told before");
        true
    }

    fn has_won(&self) -> bool {
        self.told.as_ref().is_some_and(|told| told.0 == 200)
    }
}

fn said(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text().to_owned())
}

/// Two gates, and cards of three uses on sale.
fn prepare(dir: &Path) {
    std::fs::write(dir.join("config.toml"), GATES).unwrap();
    let mut setup = Setup::new(dir).selling(CARDS);
    setup.clock = Arc::new(SystemClock);
    Server::start_with(setup).stop();
}

#[test]
fn during_redemptions_at_two_gates() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let server = Process::start(dir.path());
    let codes = |sku: &str, orders: usize| -> Vec<String> {
        let sold = (0..orders).flat_map(|_| {
            let ask = partner::ticket_ask(&server, &partner::sender_id(), sku, 10);
            partner::codes_of(&partner::ticket_codes(&server, &ask))
        });
        sold.collect()
    };
    // Of a coupon and of two uses of a card one gate has some, of one use of a card both.
    let (coupons, cards) = (codes(COUPON_SKU, 6), codes(CARD_SKU, 6));
    let (twice, once) = cards.split_at(cards.len() / 2);
    let uses = [(&coupons[..], 1), (twice, 2), (once, 1)];
    let mut wanted: Vec<(&String, u16)> =
        uses.iter().flat_map(|(codes, uses)| codes.iter().map(|code| (code, *uses))).collect();
    // The kinds are mixed: a fixed order that is none of theirs.
    wanted.sort_by_key(|(code, _)| code.chars().rev().collect::<String>());
    // Two threads stand at each gate and go through the same codes.
    let mut asks: Vec<Ask> = [GATE_TOKEN, NORTH]
        .into_iter()
        .flat_map(|token| {
            let ask = |(code, quantity): &(&String, u16)| Ask {
                token,
                code: (*code).clone(),
                quantity: *quantity,
                told: None,
            };
            wanted.iter().map(ask).collect::<Vec<_>>()
        })
        .collect();
    let third = asks.len() / 3;
    kill_under(&server, &mut asks, third, |ask| ask.ask(&server));
    drop(server);
    assert!(asks.iter().any(|ask| ask.told.is_none()), "killed too late to be a test");
    assert!(asks.iter().any(|ask| ask.told.is_some() && !ask.has_won()), "nobody lost");
    process::audit(dir.path());

    let server = Process::start(dir.path());
    for ask in asks.iter().filter(|ask| ask.has_won()) {
        let again = ask.request().send(&server);
        assert_eq!(again.header("idempotent-replay"), "true", "{}", again.text());
    }
    for _ in 0..2 {
        from_four_threads(&mut asks, |ask| ask.ask(&server));
    }
    for (code, quantity) in wanted {
        let won: Vec<_> = asks.iter().filter(|ask| ask.code == *code && ask.has_won()).collect();
        assert_eq!(won.len(), if once.contains(code) { 2 } else { 1 });
        let seen = gate_request(GATE_TOKEN, code, "", &Value::Null).send(&server).json();
        let redemptions = seen["redemptions"].as_array().unwrap();
        assert_eq!(redemptions.len(), won.len(), "{seen}");
        assert_eq!(seen["uses_used"], won.len() * usize::from(quantity), "{seen}");
        for ask in won {
            let told: Value = serde_json::from_str(&ask.told.as_ref().unwrap().1).unwrap();
            let stands = |it: &Value| it["redemption_no"] == told["redemption_no"];
            assert!(redemptions.iter().any(stands), "{told} {seen}");
        }
    }
    drop(server);
    process::audit(dir.path());
    books::audit(dir.path());
}
