//! Many callers who want the same few things, in every way at once; and more callers than are let in.

use serde_json::Value;

use crate::support::books;
use crate::support::http::Answer;
use crate::support::message::{FORMATS, Json};
use crate::support::partner::{
    self, ADD_SCENIC, COUPON_SKU, DEMO, PAY, POOR, SCENIC, Signed, VERIFY,
};
use crate::support::process;
use crate::support::server::{Server, Setup};
use crate::support::shop;

/// Numbers that look random and are the same in every run. Source: SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// Orders, pays, cancels and asks at random, under forty keys, for three products that run out.
fn wander(server: &Server, seed: u64) {
    let mut dice = Dice(seed);
    let mut numbers: Vec<String> = Vec::new();
    for _ in 0..60 {
        let agent = if dice.roll(4) == 0 { &POOR } else { &DEMO };
        let product = ["P-TINY", "P-NARROW", "P-BULK"][dice.roll(3) as usize];
        let key = format!("K{}", dice.roll(40));
        let info = partner::plain_info(server, &key, product, 1 + dice.roll(3) as i64);
        let format = FORMATS[dice.roll(2) as usize];
        let known = numbers.get(dice.roll(8) as usize).cloned();
        let answer = match (dice.roll(6), known) {
            (0 | 1, _) => agent.call(server, SCENIC, &agent.and_pay(&info), format),
            (2, _) | (_, None) => agent.call(server, ADD_SCENIC, &info, format),
            (3, Some(number)) => agent.call(server, PAY, &agent.pay_info(&number), format),
            (4, Some(number)) => agent.cancel(server, &number, format),
            (_, Some(_)) => agent.call(server, VERIFY, &info, format),
        };
        assert_eq!(answer.status, 200, "{}", answer.text());
        let code = answer.field("resultcode").or_else(|| answer.field("errcode"));
        let expected = ["0", "1", "9", "22", "999999"];
        assert!(expected.contains(&code.unwrap().as_str()), "{}", answer.text());
        numbers.extend(answer.field("orderid"));
    }
}

#[test]
fn a_crowd_leaves_the_books_balanced() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(Setup::new(dir.path()).selling(shop::SMALL));
    std::thread::scope(|scope| {
        for seed in 0..8 {
            let server = &server;
            scope.spawn(move || wander(server, seed));
        }
    });
    server.stop();
    let digest = books::audit(dir.path()).digest.to_string();
    assert_eq!(process::audit(dir.path())["snapshot_digest"], digest);
}

/// A call that was not let in says so, nothing of it has happened, and the same call later succeeds.
#[test]
fn callers_beyond_the_bound_are_told_to_come_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path());
    setup.engine.in_flight_per_partner_max = 1;
    let server = Server::start_with(setup);
    let messages: Vec<Value> = (0..40)
        .map(|_| DEMO.and_pay(&partner::plain_info(&server, &partner::sender_id(), "P-BULK", 1)))
        .collect();
    let at_once = |call: &(dyn Fn(usize) -> Answer + Sync)| -> Vec<Answer> {
        let barrier = std::sync::Barrier::new(40);
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..40)
                .map(|caller| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        call(caller)
                    })
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        })
    };
    let first = at_once(&|caller| DEMO.call(&server, SCENIC, &messages[caller], Json));
    let codes: Vec<i64> = first.iter().map(|answer| answer.code("resultcode")).collect();
    assert!(codes.iter().all(|code| [0, -2].contains(code)), "{codes:?}");
    assert!(codes.contains(&-2), "the bound was never met: {codes:?}");
    let busy = &first[codes.iter().position(|code| *code == -2).unwrap()];
    assert_eq!(busy.field("returnmessgage").as_deref(), Some("系统繁忙，请稍后重试"));
    for (message, first) in messages.iter().zip(&first) {
        let again = DEMO.json(&server, SCENIC, message);
        assert_eq!(again["resultcode"], 0, "{again}");
        if first.code("resultcode") == 0 {
            assert_eq!(again, first.json());
        }
    }
    let verified =
        at_once(&|caller| DEMO.call(&server, VERIFY, &messages[caller]["orderinfo"], Json));
    assert!(verified.iter().all(|answer| [0, -2].contains(&answer.code("errcode"))));

    let asks: Vec<Value> = (0..40)
        .map(|_| partner::ticket_ask(&server, &partner::sender_id(), COUPON_SKU, 1))
        .collect();
    let issued = at_once(&|caller| {
        partner::ticket_request(&server, &asks[caller], Json, Signed::Header).send(&server)
    });
    for (ask, first) in asks.iter().zip(&issued) {
        // 100 makes Douyin ask again; it never hears of a final refusal.
        let said = (first.code("error_code"), first.code("result"));
        assert!([(0, 1), (100, 0)].contains(&said), "{}", first.text());
        assert_eq!(partner::ticket_codes(&server, ask)["data"]["result"], 1);
    }
    server.stop();
    assert_eq!(books::audit(dir.path()).orders, 80);
}

/// An answer that comes too late for the caller is never called a failure.
#[test]
fn a_late_answer_is_an_unknown_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path());
    setup.http.engine_timeout_ms = 1;
    let server = Server::start_with(setup);
    // Whether one answer is late is the machine's affair, so it is tried until one was.
    let late = (1..=200).find(|_| late_answers(&server) > 0);
    let rounds = late.expect("every answer came within a millisecond");
    server.stop();
    let orders = books::audit(dir.path()).orders;
    assert_eq!(orders, rounds * CALLERS, "asked again, not ordered again");
}

/// Callers of one round.
const CALLERS: usize = 64;

/// Has everybody order at once; says how many answers came too late.
fn late_answers(server: &Server) -> usize {
    let barrier = std::sync::Barrier::new(CALLERS);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let info = partner::plain_info(server, &partner::sender_id(), "P-BULK", 1);
                    barrier.wait();
                    ask_until_known(server, &DEMO.and_pay(&info))
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    })
}

/// Sends an order until its outcome is known, and says how often it was not.
fn ask_until_known(server: &Server, order: &Value) -> usize {
    for unknown in 0..1000 {
        let answer = DEMO.json(server, SCENIC, order);
        if answer["resultcode"] == 0 {
            return unknown;
        }
        assert_eq!(answer["resultcode"], -2, "{answer}");
        let text = "处理结果未知，请使用同一单号重试或查询，请勿另行下单";
        assert_eq!(answer["returnmessgage"], text);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("it never came to anything");
}
