//! What survives a restart, a deleted or damaged snapshot directory, and the passing of time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use piaoku::actors::recovery::snapshot_dir;
use piaoku::clock::ManualClock;
use serde_json::{Value, json};

use crate::support::books;
use crate::support::message::{FORMATS, Json};
use crate::support::partner::{
    self, ADD_SCENIC, ADD_THEATRE, COUPON_SKU, DEMO, PAY, SCENIC, THEATRE,
};
use crate::support::process;
use crate::support::server::{NOW, Server, Setup};
use crate::support::shop;

fn setup(dir: &Path) -> Setup {
    Setup::new(dir).selling(shop::SMALL)
}

/// Requests whose answers must never change, with those answers.
type Answered = Vec<(&'static str, Value, Value)>;

/// One of everything: sold, held, cancelled, issued.
fn trade(server: &Server) -> Answered {
    let mut answered = Answered::new();
    let key = partner::sender_id;
    for n in 0..6 {
        let theatre = DEMO.and_pay(&partner::theatre_info(server, &key(), 1 + n % 3, 2));
        let adult = DEMO.and_pay(&partner::adult_info(server, &key(), 1, -1));
        let unpaid = partner::plain_info(server, &key(), "P-BULK", 3);
        let cancelled = partner::theatre_info(server, &key(), 2, 1);
        for (path, message) in [(THEATRE, theatre), (SCENIC, adult), (ADD_SCENIC, unpaid)] {
            let answer = DEMO.json(server, path, &message);
            assert_eq!(answer["resultcode"], 0, "{answer}");
            answered.push((path, message, answer));
        }
        let held = DEMO.json(server, ADD_THEATRE, &cancelled);
        let closed = DEMO.cancel(server, held["orderid"].as_str().expect("a number"), Json);
        answered.push((ADD_THEATRE, cancelled, closed.json()));
        let ask = partner::ticket_ask(server, &key(), COUPON_SKU, 2);
        answered.push((partner::CODES, ask.clone(), partner::ticket_codes(server, &ask)));
    }
    answered
}

fn check_answers(server: &Server, answered: &Answered) {
    for (path, message, answer) in answered {
        let again = match *path {
            partner::CODES => partner::ticket_codes(server, message),
            path => DEMO.json(server, path, message),
        };
        assert_eq!(again, *answer, "{path} {message}");
    }
}

/// The digest of a stopped store: by this library from the journal, and by the binary from the journal
/// and from the snapshots; all three agree.
fn digest(dir: &Path) -> String {
    let digest = books::audit(dir).digest.to_string();
    let report = process::audit(dir);
    assert_eq!(report["digest"], digest);
    assert_eq!(report["snapshot_digest"], digest);
    digest
}

/// Starts what is stored, asks everything again, and stops; the digest must be the same.
fn check_restart(dir: &Path, answered: &Answered, expected: &str) {
    let server = Server::start_with(setup(dir));
    check_answers(&server, answered);
    server.stop();
    assert_eq!(digest(dir), expected);
}

#[test]
fn answers_and_digest_survive_restarts_with_and_without_snapshots() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(setup(dir.path()));
    let answered = trade(&server);
    check_answers(&server, &answered);
    server.stop();
    let expected = digest(dir.path());
    check_restart(dir.path(), &answered, &expected);
    std::fs::remove_dir_all(snapshot_dir(dir.path())).unwrap();
    check_restart(dir.path(), &answered, &expected);
}

#[test]
fn damaged_snapshots_lose_nothing() {
    let whole = tempfile::tempdir().unwrap();
    let server = Server::start_with(setup(whole.path()));
    let answered = trade(&server);
    server.stop();
    let expected = digest(whole.path());
    let files = files(&snapshot_dir(whole.path()));
    assert!(!files.is_empty());
    for file in &files {
        let length = std::fs::metadata(file).unwrap().len();
        // At the head, inside, and at the end; and the file cut to half or emptied.
        for at in [0, length / 3, length / 2, length.saturating_sub(1)] {
            damaged(whole.path(), file, &answered, &expected, |bytes| {
                if let Some(byte) = bytes.get_mut(usize::try_from(at).unwrap()) {
                    *byte ^= 0x40;
                }
            });
        }
        damaged(whole.path(), file, &answered, &expected, |bytes| bytes.truncate(bytes.len() / 2));
        damaged(whole.path(), file, &answered, &expected, Vec::clear);
    }
}

/// Damages one file in a copy of a store and restarts that.
fn damaged(
    whole: &Path,
    file: &Path,
    answered: &Answered,
    expected: &str,
    damage: impl FnOnce(&mut Vec<u8>),
) {
    let dir = tempfile::tempdir().unwrap();
    for from in self::files(whole) {
        let to = dir.path().join(from.strip_prefix(whole).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
    let file = dir.path().join(file.strip_prefix(whole).unwrap());
    let mut bytes = std::fs::read(&file).unwrap();
    damage(&mut bytes);
    std::fs::write(&file, bytes).unwrap();
    check_restart(dir.path(), answered, expected);
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn an_unpaid_order_is_paid_after_a_restart_or_expires_and_is_sold_again() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(NOW);
    let start = || {
        let mut setup = setup(dir.path());
        setup.clock = clock.clone();
        Server::start_with(setup)
    };
    let server = start();
    let paid = partner::plain_info(&server, "paid later", "P-TINY", 1);
    let expiring = partner::plain_info(&server, "never paid", "P-TINY", 2);
    let [paid_first, expiring_first] =
        [&paid, &expiring].map(|info| DEMO.json(&server, ADD_SCENIC, info));
    let next = DEMO.and_pay(&partner::plain_info(&server, "next", "P-TINY", 2));
    assert_eq!(DEMO.json(&server, SCENIC, &next)["resultcode"], 1, "two places are held");
    server.stop();

    let server = start();
    let now_paid = DEMO.json(&server, SCENIC, &DEMO.and_pay(&paid));
    assert_eq!(
        (&now_paid["orderid"], &now_paid["orderstatus"]),
        (&paid_first["orderid"], &json!("D"))
    );
    clock.set(NOW.plus_millis(30 * 60_000 - 1));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(DEMO.json(&server, SCENIC, &next)["resultcode"], 1, "still held");
    server.stop();

    clock.set(NOW.plus_millis(30 * 60_000));
    let server = start();
    let sold = (0..100).find_map(|_| {
        let answer = DEMO.json(&server, SCENIC, &next);
        std::thread::sleep(Duration::from_millis(20));
        (answer["resultcode"] == 0).then_some(answer)
    });
    assert_eq!(sold.expect("its time is up")["orderstatus"], "D");
    // The places have gone to somebody else, so late money is refused, with the reason.
    let number = expiring_first["orderid"].as_str().unwrap();
    for format in FORMATS {
        let (again, pay) = (DEMO.and_pay(&expiring), DEMO.pay_info(number));
        for (path, message) in [(SCENIC, again), (PAY, pay)] {
            let late = DEMO.call(&server, path, &message, format);
            assert_eq!(late.code("resultcode"), 1, "{}", late.text());
            assert_eq!(late.field("orderstatus").as_deref(), Some("4"));
            assert_eq!(late.field("orderid").as_deref(), Some(number));
            assert_eq!(late.field("sendid").as_deref(), Some("never paid"));
            assert_eq!(late.field("returnmessgage").as_deref(), Some("库存不足，已售罄"));
        }
    }
    server.stop();
    let audit = books::audit(dir.path());
    assert_eq!((audit.orders, audit.paid, audit.vouchers), (3, 2, 3));
}

/// Not after a restart, not from the journal alone, and not when the machine's clock was put back.
#[test]
fn numbers_and_codes_are_never_given_twice() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(NOW);
    let mut seen = BTreeSet::new();
    for round in 0..5 {
        let mut setup = setup(dir.path());
        setup.clock = clock.clone();
        let server = Server::start_with(setup);
        for _ in 0..3 {
            let theatre =
                DEMO.and_pay(&partner::theatre_info(&server, &partner::sender_id(), 1, 2));
            let adult = DEMO.and_pay(&partner::adult_info(&server, &partner::sender_id(), 1, -1));
            for (path, message) in [(THEATRE, theatre), (SCENIC, adult)] {
                let sold = DEMO.json(&server, path, &message);
                let order = server.order(DEMO.id, sold["orderid"].as_str().unwrap());
                let lines = order.lines.iter().map(|line| line.id.to_string());
                let tickets = order.tickets.iter();
                let numbers = lines
                    .chain(
                        tickets.flat_map(|ticket| [ticket.id.to_string(), ticket.code.to_string()]),
                    )
                    .chain([order.id.to_string()]);
                for number in numbers {
                    assert!(seen.insert(number.clone()), "{number} again, in round {round}");
                }
            }
        }
        server.stop();
        if round % 2 == 1 {
            std::fs::remove_dir_all(snapshot_dir(dir.path())).unwrap();
        }
        clock.set(NOW.plus_millis(-3_600_000 * round));
    }
    books::audit(dir.path());
}

/// A partner's idle connection does not hold up the stop, and what is in flight is answered.
#[test]
fn a_stop_does_not_wait_for_idle_connections() {
    use std::io::{Read as _, Write as _};
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let mut idle = std::net::TcpStream::connect(server.addr).unwrap();
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = [0; 15];
    idle.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let started = piaoku::clock::monotonic_nanos();
    server.stop();
    let seconds = (piaoku::clock::monotonic_nanos() - started) / 1_000_000_000;
    assert!(seconds < 5, "{seconds} s");
}
