//! No document, name or mobile lies in clear in journal, snapshots, key files or logs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use piaoku::wire::douyin::crypto::{FieldKey, KeyTrim};
use piaoku::wire::douyin::sign::ClientSecret;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::books::audit;
use crate::support::http::Request;
use crate::support::message::{FORMATS, Json, with};
use crate::support::partner::{
    self, ADD_SCENIC, ADULT_SKU, CLIENT_SECRET, COUPON_SKU, DEMO, SCENIC, THEATRE, VERIFY,
};
use crate::support::server::Server;

/// Everybody's data in this test begins like this, so that one search finds all of them.
const DOCUMENTS: &str = "11000019770707";
const PASSPORTS: &str = "E765432";
const MOBILES: &str = "13876540";
const NAMES: &str = "慕容测试";
/// A request key, which is stored in clear: what the search must be able to find.
const PLANTED: &str = "PLANTED-KEY-";

/// Collects log lines.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Person number `n`.
struct Person {
    document: String,
    mobile: String,
    name: String,
}

fn person(n: usize) -> Person {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = format!("{DOCUMENTS}{n:03}");
    let sum: u32 = digits.bytes().zip(WEIGHTS).map(|(digit, w)| u32::from(digit - b'0') * w).sum();
    let check = b"10X98765432"[(sum % 11) as usize];
    let document = format!("{digits}{}", char::from(check));
    Person { document, mobile: format!("{MOBILES}{n:03}"), name: format!("{NAMES}{n}") }
}

fn is_in(bytes: &[u8], needle: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == needle[0]) {
        rest = &rest[at..];
        if rest.starts_with(needle) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// A text as bytes in the encodings in which it could have been written.
fn encodings(text: &str) -> [Vec<u8>; 3] {
    let units = || text.encode_utf16();
    let (little, big) = (
        units().flat_map(u16::to_le_bytes).collect(),
        units().flat_map(u16::to_be_bytes).collect(),
    );
    [text.as_bytes().to_vec(), little, big]
}

fn contains(bytes: &[u8], text: &str) -> bool {
    encodings(text).iter().any(|needle| is_in(bytes, needle))
}

/// Every file below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Sells through every interface, and is refused by every one, in the names of these people.
fn trade(server: &Server) -> usize {
    let key = FieldKey::new(&ClientSecret::new(CLIENT_SECRET), KeyTrim::default());
    let mut sold = 0;
    for n in 0..60 {
        let who = person(n);
        let format = FORMATS[n % 2];
        let line = |info: &Value, passport: bool| {
            let kind = if passport { "2" } else { "1" };
            let number =
                if passport { format!("{PASSPORTS}{:02}", n % 100) } else { who.document.clone() };
            with(
                info,
                &[
                    ("/orderdetails/0/identificationtype", json!(kind)),
                    ("/orderdetails/0/identificationnumber", json!(number)),
                    ("/orderdetails/0/fullname", json!(who.name)),
                    ("/orderdetails/0/mobile", json!(who.mobile)),
                    ("/mobile", json!(who.mobile)),
                    ("/identificationnumber", json!(who.document)),
                    ("/invoicetitle", json!(format!("{}公司", who.name))),
                    ("/guidernumber", json!(who.document)),
                    ("/senderid", json!(format!("{PLANTED}{}", partner::fresh()))),
                ],
            )
        };
        let adult = line(&partner::adult_info(server, "", 1, -1), n % 3 == 0);
        let theatre = line(&partner::theatre_info(server, "", 1, 1), false);
        let unpaid = line(&partner::plain_info(server, "", "P-CHILD", 2), false);
        assert_eq!(DEMO.call(server, VERIFY, &adult, format).code("errcode"), 0);
        for (path, message) in [
            (SCENIC, DEMO.and_pay(&adult)),
            (THEATRE, DEMO.and_pay(&theatre)),
            (ADD_SCENIC, with(&unpaid, &[("/timespanindex", json!(1))])),
        ] {
            let answer = DEMO.call(server, path, &message, format);
            assert_eq!(answer.code("resultcode"), 0, "{}", answer.text());
            sold += 1;
            if path == ADD_SCENIC && n % 2 == 0 {
                DEMO.cancel(server, &answer.field("orderid").expect("a number"), Json);
            }
        }
        // The limit of the document, and a document, a name and a mobile that are wrong.
        let wrong = [
            ("/orderdetails/0/identificationnumber", json!(format!("{DOCUMENTS}9999"))),
            ("/orderdetails/0/fullname", json!(NAMES.repeat(20))),
            ("/orderdetails/0/mobile", json!(format!("{MOBILES}x"))),
            ("/mobile", json!(format!("{MOBILES}99999"))),
            ("/orderdetails/0/amount", json!(NAMES)),
        ];
        for change in wrong {
            let message = DEMO.and_pay(&line(&with(&adult, std::slice::from_ref(&change)), false));
            let message = with(&message, &[(&format!("/orderinfo{}", change.0), change.1)]);
            let answer = DEMO.call(server, SCENIC, &message, Json);
            assert!(answer.status == 400 || answer.code("resultcode") != 0, "{}", answer.text());
        }
        let hidden =
            |text: &str| if n % 2 == 0 { text.to_owned() } else { key.encrypt(text).expect("AES") };
        let tourist = json!({ "name": hidden(&who.name), "phone": hidden(&who.mobile), "id_card": hidden(&who.document) });
        for sku in [COUPON_SKU, ADULT_SKU] {
            let ask =
                partner::ticket_ask(server, &format!("{PLANTED}{}", partner::fresh()), sku, 1);
            let ask = with(
                &ask,
                &[
                    ("/tourists", json!([tourist])),
                    ("/open_id", json!(who.name)),
                    (
                        "/start_time",
                        json!(ask["start_time"].as_i64().expect("seconds") + 2 * 86_400),
                    ),
                ],
            );
            let answer = partner::ticket_codes(server, &ask);
            sold += 1;
            let code = partner::codes_of(&answer).remove(0);
            assert_eq!(partner::consult(server, &code)["result"]["success"], true);
        }
    }
    sold
}

#[test]
fn nobody_is_found_in_clear_on_disk_or_in_logs() {
    let captured = Captured::default();
    let logs = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(captured.clone())
        .finish();
    tracing::subscriber::set_global_default(logs).expect("only this test takes the logs");
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let sold = trade(&server);
    let metrics = Request::new("GET", "/metrics").send(&server).body;
    // Restarted once, so that what recovery writes and says is searched as well.
    server.stop();
    Server::start(dir.path()).stop();
    assert_eq!(audit(dir.path()).orders, sold);

    let personal = [DOCUMENTS, PASSPORTS, MOBILES, NAMES];
    let mut planted = Vec::new();
    for path in files(dir.path()) {
        let bytes = std::fs::read(&path).unwrap();
        for text in personal {
            assert!(!contains(&bytes, text), "{text} is in {}", path.display());
        }
        if contains(&bytes, PLANTED) {
            planted.push(path.strip_prefix(dir.path()).unwrap().to_owned());
        }
    }
    // The same search finds what is there: in the journal and in the snapshots.
    for place in ["journal", "snapshots"] {
        assert!(planted.iter().any(|path| path.starts_with(place)), "{place}: {planted:?}");
    }

    tracing::info!("{PLANTED}{NAMES}");
    let logs = captured.0.lock().unwrap();
    let marker = format!("{PLANTED}{NAMES}");
    let text = String::from_utf8_lossy(&logs);
    let (before, _) = text.split_once(&marker).expect("logs are captured");
    assert!(before.lines().count() > 10, "{before}");
    for text in personal {
        assert!(!contains(before.as_bytes(), text), "{text} was logged");
        assert!(!contains(&metrics, text), "{text} is in the metrics");
    }
}

#[test]
fn the_search_finds_every_encoding() {
    for text in [DOCUMENTS, NAMES] {
        for bytes in encodings(text) {
            let around = [b"xx1".as_slice(), &bytes, b"y"].concat();
            assert!(contains(&around, text));
            assert!(!contains(&around[..around.len() - 2], text));
        }
    }
}
