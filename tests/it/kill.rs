//! `kill -9` in the middle of a stream of orders: whatever was answered is there after the restart,
//! and what was not answered happened whole or not at all.

mod expiry;
mod gates;
mod payment;
mod refund;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use piaoku::actors::recovery::snapshot_dir;
use serde_json::Value;

use crate::support::books;
use crate::support::http::{Answer, Request};
use crate::support::message::{Json, encode};
use crate::support::partner::{self, COUPON_SKU, DEMO, SCENIC, Signed, THEATRE};
use crate::support::process::{self, Process};

/// Works on all items from four threads, each on its part until `work` says that it is no use.
fn from_four_threads<T: Send>(items: &mut [T], work: impl Fn(&mut T) -> bool + Sync) {
    let part_len = items.len().div_ceil(4).max(1);
    std::thread::scope(|scope| {
        for part in items.chunks_mut(part_len) {
            let work = &work;
            scope.spawn(move || part.iter_mut().all(work));
        }
    });
}

/// The same, and kills the server under them once `work` has been of use `after` times.
fn kill_under<T: Send>(
    server: &Process,
    items: &mut [T],
    after: usize,
    work: impl Fn(&mut T) -> bool + Sync,
) {
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let counted = |item: &mut T| {
            let was_of_use = work(item);
            done.fetch_add(usize::from(was_of_use), Ordering::Relaxed);
            was_of_use
        };
        let working = scope.spawn(move || from_four_threads(items, counted));
        while done.load(Ordering::Relaxed) < after && !working.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
        server.kill();
    });
}

/// What an agent asks, in JSON.
fn asked(server: &Process, path: &str) -> Value {
    let request = Request::new("GET", path).header("Accept", "application/json");
    DEMO.sign(server, request).send(server).json()
}

/// The state of an order as the agent sees it.
fn status(server: &Process, order: &str) -> String {
    let head = asked(server, &format!("/api/Order/Query/Main/{order}"));
    head["orderstatus"].as_str().unwrap_or_else(|| panic!("no state: {head}")).to_owned()
}

/// One request, and what was answered, if anything was.
struct Sent {
    path: &'static str,
    message: Value,
    answer: Option<String>,
}

impl Sent {
    /// The request, signed anew.
    fn request(&self, server: &Process) -> Request {
        if self.path == partner::CODES {
            return partner::ticket_request(server, &self.message, Json, Signed::Header);
        }
        DEMO.request(server, self.path, "application/json", encode(self.path, &self.message, Json))
    }
}

fn next(server: &Process, n: usize) -> Sent {
    let key = format!("{}-{}", std::process::id(), partner::sender_id());
    let (path, message) = match n % 3 {
        0 => (SCENIC, DEMO.and_pay(&partner::plain_info(server, &key, "P-BULK", 2))),
        1 => (THEATRE, DEMO.and_pay(&partner::theatre_info(server, &key, 1 + (n % 50) as i32, 1))),
        _ => (partner::CODES, partner::ticket_ask(server, &key, COUPON_SKU, 2)),
    };
    Sent { path, message, answer: None }
}

fn check_success(answer: &Answer) {
    let text = answer.text();
    let right = text.contains("\"resultcode\":0,") || text.contains("\"result\":1,");
    assert!(answer.status == 200 && right, "{text}");
}

/// Sends orders from several threads until the server is killed under them, after this time and not
/// before enough were answered.
fn stream(server: &Process, time: Duration) -> Vec<Sent> {
    let (sent, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let send = |thread: usize| {
            let (sent, stop) = (&sent, &stop);
            scope.spawn(move || {
                for n in (thread..).step_by(4) {
                    let mut order = next(server, n);
                    let answer = order.request(server).try_send(server).ok();
                    let broken = answer.is_none();
                    if let Some(answer) = &answer {
                        check_success(answer);
                    }
                    order.answer = answer.map(|answer| answer.text().to_owned());
                    sent.lock().expect("no thread panics").push(order);
                    if broken || stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            })
        };
        let threads: Vec<_> = (0..4).map(send).collect();
        std::thread::sleep(time);
        let so_far = || sent.lock().expect("no thread panics").len();
        while so_far() < 40 && !threads.iter().any(|thread| thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        server.kill();
        stop.store(true, Ordering::Relaxed);
    });
    sent.into_inner().expect("no thread panics")
}

#[test]
fn every_answer_given_before_a_kill_is_given_again_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut sent: Vec<Sent> = Vec::new();
    for round in 0..3 {
        let server = Process::start(dir.path());
        check_all(&server, &mut sent);
        sent.extend(stream(&server, Duration::from_millis(400 + 150 * round)));
        let unanswered = sent.iter().filter(|order| order.answer.is_none()).count();
        assert!(sent.len() - unanswered > 20, "too few to be a test: {}", sent.len());
        audit_after_kill(dir.path(), &sent);
        if round == 1 {
            std::fs::remove_dir_all(snapshot_dir(dir.path())).unwrap();
        }
    }
    let server = Process::start(dir.path());
    check_all(&server, &mut sent);
    drop(server);
    let audit = books::audit(dir.path());
    assert_eq!(audit.orders, sent.len(), "each request is one order, however often it was sent");
}

/// Sends everything again: what was answered has the same answer, the rest succeeds by now.
fn check_all(server: &Process, sent: &mut [Sent]) {
    for order in sent {
        let answer = order.request(server).send(server);
        check_success(&answer);
        let before = order.answer.get_or_insert_with(|| answer.text().to_owned());
        assert_eq!(answer.text(), before, "{}", order.message);
    }
}

/// The store as the kill left it: sound, with at least the orders that were answered.
fn audit_after_kill(dir: &Path, sent: &[Sent]) {
    let report = process::audit(dir);
    let orders = report["orders"].as_u64().expect("a number");
    let answered = sent.iter().filter(|order| order.answer.is_some()).count() as u64;
    assert!((answered..=sent.len() as u64).contains(&orders), "{answered} answered: {report}");
}
