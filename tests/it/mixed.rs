//! One order for the spot and the theatre: docs/protocols/ota.md, "Spot and theatre in one order", as
//! golden transcripts in JSON and XML. Each scenario has a store of its own, audited at the end.

use piaoku::domain::account::{AccountKey, Balance, Holder};
use piaoku::domain::identity::sample;
use piaoku::engine::books::Audit;
use serde_json::{Value, json};

use crate::support::Target;
use crate::support::books::audit;
use crate::support::http::{Answer, Request};
use crate::support::message::{FORMATS, Format, encode, with};
use crate::support::partner::{ADD_SCENIC, DEMO, MIXED, SCENIC_PREPAID, VERIFY};
use crate::support::server::{Server, Setup};
use crate::support::transcript::Transcript;

/// A spot of timespans and a theatre of the same supplier: two rows of two seats in front, one place
/// behind. A play once a day, and one twice.
const YOUYANG: &str = r#"
[[product]]
id = "M-SPOT"
supplier = "01"
name = "古城门票"
price = "20.00"
capacity = 3
first_day = 0
days = 30
order_min = 1
order_max = 9
timespans = ["08:00-12:00", "12:00-18:00"]

[[product]]
id = "M-SHOW"
supplier = "01"
name = "古城夜戏"
scene_prefix = "MS"
first_day = 0
days = 30
order_min = 1
order_max = 9
timespans = ["20:00-21:00"]

[[product.area]]
id = "F"
rows = 2
seats_per_row = 2
price = "50.00"
list_price = "60.00"

[[product.area]]
id = "B"
capacity = 1
price = "30.00"
list_price = "40.00"

[[product]]
id = "M-TWICE"
supplier = "01"
name = "皮影戏"
scene_prefix = "MT"
first_day = 0
days = 30
order_min = 1
order_max = 9
timespans = ["10:00-11:00", "15:00-16:00"]

[[product.area]]
id = "H"
capacity = 9
price = "10.00"
list_price = "10.00"
"#;

/// A conversation with a server in one format.
struct Talk<'s> {
    server: &'s Server,
    format: Format,
    transcript: Transcript,
}

impl Talk<'_> {
    fn post(&mut self, title: &str, path: &str, message: &Value) -> Answer {
        let body = encode(path, message, self.format);
        let request = DEMO.request(self.server, path, self.format.content_type(), body);
        self.send(title, &request)
    }

    fn ask(&mut self, title: &str, path: &str) {
        let request = Request::new("GET", path).header("Accept", self.format.content_type());
        let request = DEMO.sign(self.server, request);
        self.send(title, &request);
    }

    fn send(&mut self, title: &str, request: &Request) -> Answer {
        let answer = request.send(self.server);
        self.transcript.step(title, request, &answer);
        answer
    }

    /// Prepaid money of the demo agent with the supplier, in fen.
    fn prepaid(&self) -> i64 {
        let supplier = self.server.engine.catalogue().supplier_by_id("01").unwrap().no;
        let agent = self.server.agent_no(DEMO.id);
        let account = AccountKey { supplier, holder: Holder::Agent(agent) };
        let view = self.server.wait(self.server.engine.account(agent, account)).unwrap();
        view.standing(Balance::Prepaid).amount().get()
    }
}

fn scenario(name: &str, talk: impl Fn(&mut Talk<'_>)) -> [Audit; 2] {
    FORMATS.map(|format| {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start_with(Setup::new(dir.path()).selling(YOUYANG));
        let mut talking = Talk { server: &server, format, transcript: Transcript::default() };
        talk(&mut talking);
        talking.transcript.check(&format!("mixed/{name}.{}.txt", format.name()));
        server.stop();
        audit(dir.path())
    })
}

fn line(product: &str, amount: i64, seats: &[&str]) -> Value {
    let seats: Vec<_> = seats.iter().map(|seat| json!({ "seatid": seat })).collect();
    let seats = if seats.is_empty() { Value::Null } else { json!(seats) };
    json!({ "productid": product, "amount": amount, "gateinmode": "T", "seatitems": seats })
}

/// An order of these lines for tomorrow.
fn info(target: &impl Target, key: &str, timespan: i64, lines: &[Value]) -> Value {
    json!({
        "orderdetails": lines,
        "mobile": sample::mobile(1),
        "effectdate": target.day(1),
        "senderid": key,
        "servicecode": "",
        "timespanindex": timespan
    })
}

fn code(answer: &Answer) -> i64 {
    answer.code("resultcode")
}

#[test]
fn spot_and_theatre_are_sold_in_one_order_and_a_known_key_gets_it_again() {
    let audits = scenario("sold", |talk| {
        let lines = [line("M-SPOT", 2, &[]), line("M-SHOW", 2, &[])];
        let order = DEMO.and_pay(&info(talk.server, "S1", -1, &lines));
        let before = talk.prepaid();
        let first = talk.post("the earliest timespan, and tomorrow's play", MIXED, &order);
        assert_eq!(before - talk.prepaid(), 2 * 2000 + 2 * 5000);
        talk.post("the same again", MIXED, &order);
        let number = first.field("orderid").unwrap();
        talk.ask("its tickets", &format!("/api/Order/Query/Detail/{number}"));
        let lines = [line("M-SPOT", 2, &[]), line("M-SHOW", 1, &["F-2-1"])];
        let order = DEMO.and_pay(&info(talk.server, "S2", -1, &lines));
        talk.post("the next timespan with room, and a seat that was chosen", MIXED, &order);
        let lines = [line("M-TWICE", 1, &[])];
        let order = |key, index| DEMO.and_pay(&info(talk.server, key, index, &lines));
        let (second, none) = (order("S3", 2), order("S4", 0));
        talk.post("a play twice a day: the second", MIXED, &second);
        talk.post("which of the two is not said", MIXED, &none);
    });
    for audit in audits {
        assert_eq!((audit.orders, audit.paid, audit.vouchers), (3, 3, 8));
    }
}

#[test]
fn a_full_theatre_refuses_the_whole_order_and_nothing_is_held() {
    let audits = scenario("refused", |talk| {
        let before = talk.prepaid();
        let lines = [line("M-SPOT", 1, &[]), line("M-SHOW", 5, &[])];
        let order = DEMO.and_pay(&info(talk.server, "S1", -1, &lines));
        let full = talk.post("five seats where there are four", MIXED, &order);
        assert_eq!((code(&full), full.field("orderid")), (1, None));
        talk.ask("nothing is taken", "/api/Products/Inventory?startdate=20261123&enddate=20261123");
        let fitting = with(&order, &[("/orderinfo/orderdetails/1/amount", json!(4))]);
        let wrong = with(&fitting, &[("/payinfo/paypassword", json!(DEMO.encrypted("x")))]);
        talk.post("a wrong password", MIXED, &wrong);
        let spot = [("/orderinfo/orderdetails/0/amount", json!(4))];
        let short = talk.post(
            "four places at the spot where there are three",
            MIXED,
            &with(&fitting, &spot),
        );
        assert_eq!(code(&short), 1);
        let unknown = json!([{ "seatid": "F-9-9" }]);
        let unknown = [
            ("/orderinfo/orderdetails/1/amount", json!(1)),
            ("/orderinfo/orderdetails/1/seatitems", unknown),
        ];
        talk.post("a seat that does not exist", MIXED, &with(&fitting, &unknown));
        let foreign = [("/orderinfo/orderdetails/1/productid", json!("P-SHOW"))];
        talk.post("a play of another supplier", MIXED, &with(&fitting, &foreign));
        assert_eq!(talk.prepaid(), before);
        assert_eq!(code(&talk.post("all there is of it, under the same key", MIXED, &fitting)), 0);
    });
    for audit in audits {
        assert_eq!((audit.orders, audit.paid, audit.vouchers), (1, 1, 5));
    }
}

#[test]
fn the_calls_of_the_spot_alone_sell_no_performances() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(Setup::new(dir.path()).selling(YOUYANG));
    let mixed = info(&server, "", 1, &[line("M-SPOT", 1, &[]), line("M-SHOW", 1, &[])]);
    for format in FORMATS {
        let call = |path: &str, message: &Value| DEMO.call(&server, path, message, format);
        assert_eq!(call(ADD_SCENIC, &mixed).code("resultcode"), 4);
        assert_eq!(call(SCENIC_PREPAID, &DEMO.and_pay(&mixed)).code("resultcode"), 4);
        assert_eq!(call(VERIFY, &mixed).code("errcode"), 4);
    }
    server.stop();
    assert_eq!(audit(dir.path()).orders, 0);
}
