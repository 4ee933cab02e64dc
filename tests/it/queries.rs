//! Agents' questions: docs/protocols/ota.md, "Queries", as golden transcripts in JSON and XML. Each
//! scenario has a store of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use piaoku::actors::{Owner, RedeemRequest, RefundRequest};
use piaoku::domain::identity::sample;
use piaoku::domain::order::{RefundSelection, UseSelection};
use piaoku::http::HttpConfig;
use piaoku::types::RequestKey;
use serde_json::{Value, json};

use crate::support::Target as _;
use crate::support::http::{Answer, Request};
use crate::support::message::{FORMATS, Format, Json, with};
use crate::support::partner::{self, ADD_SCENIC, Agent, DEMO, PAY, POOR, SCENIC, THEATRE};
use crate::support::server::{Server, Setup};
use crate::support::shop::SMALL;
use crate::support::transcript::Transcript;

const TICKETS: &str = "/api/WebInterface/Order/Query/Tickets";
const TICKET: &str = "/api/WebInterface/Order/Query/Ticket";
const INVENTORY: &str = "/api/Products/Inventory";
const SEGMENTS: &str = "/api/TimeSegment";
const PERFORMANCES: &str = "/api/SenceList";
const SEAT_AREAS: &str = "/api/Setting/JQ_YQ_ZWQY/Sp/Query/SimpleRet";
const PERFORMANCE: &str = "/api/Setting/JQ_YQ_PC/Sp/Query/SimpleRet/ById";

/// A line of its own with signs that XML must escape and little of each product: a day ticket, one
/// without a day, and one that is off sale.
const LINE: &str = r#"
[[supplier]]
id = "03"
name = "<云> & '海'"
utc_offset = "+08:00"

[[product]]
id = "P-ODD"
supplier = "03"
name = "<儿童> & 'more' \"票\""
price = "0.05"
capacity = 2
first_day = 0
days = 60
order_min = 1
order_max = 4294967295

[[product]]
id = "P-ANY-DAY"
supplier = "03"
name = "通票"
price = "9.90"
capacity = 7
order_min = 1
order_max = 5

[[product]]
id = "P-GONE"
supplier = "03"
name = "停售票"
on_sale = false
price = "1.00"
capacity = 1
first_day = 0
days = 60
order_min = 1
order_max = 5
"#;

/// Asks with a signature.
fn ask(server: &Server, agent: &Agent, path: &str, format: Format) -> Answer {
    request(server, agent, path, format).send(server)
}

fn request(server: &Server, agent: &Agent, path: &str, format: Format) -> Request {
    let request = Request::new("GET", path).header("Accept", format.content_type());
    agent.sign(server, request)
}

/// Asks in JSON and expects an answer.
fn json_of(server: &Server, path: &str) -> Value {
    let answer = ask(server, &DEMO, path, Json);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// A conversation in one format.
struct Talk<'s> {
    server: &'s Server,
    format: Format,
    transcript: Transcript,
}

impl Talk<'_> {
    fn ask(&mut self, title: &str, agent: &Agent, path: &str) -> Answer {
        let request = request(self.server, agent, path, self.format);
        let answer = request.send(self.server);
        self.transcript.step(title, &request, &answer);
        answer
    }

    /// Sells without writing it down.
    fn sell(&self, path: &str, message: &Value) -> String {
        let answer = DEMO.json(self.server, path, message);
        assert_eq!(answer["resultcode"], 0, "{answer}");
        answer["orderid"].as_str().unwrap().to_owned()
    }
}

/// Holds a conversation in both formats and compares it with its golden files.
fn scenario(name: &str, talk: impl Fn(&mut Talk<'_>)) {
    for format in FORMATS {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start_with(Setup::new(dir.path()).selling(SMALL).selling(LINE));
        let mut talking = Talk { server: &server, format, transcript: Transcript::default() };
        talking.transcript.name(&server.addr.to_string(), "host");
        talk(&mut talking);
        talking.transcript.check(&format!("queries/{name}.{}.txt", format.name()));
    }
}

/// Two places at the theatre tomorrow, the same in every run.
fn theatre(server: &Server, sender_id: &str) -> Value {
    let person = [
        ("/orderdetails/0/identificationnumber", json!(sample::resident_id(1))),
        ("/orderdetails/0/mobile", json!(sample::mobile(1))),
        ("/mobile", json!(sample::mobile(2))),
    ];
    with(&partner::theatre_info(server, sender_id, 1, 2), &person)
}

/// An adult in the second timespan tomorrow, the same in every run.
fn adult(server: &Server, sender_id: &str) -> Value {
    let person = [
        ("/orderdetails/0/identificationnumber", json!(sample::resident_id(1))),
        ("/orderdetails/0/mobile", json!(sample::mobile(1))),
        ("/mobile", json!(sample::mobile(2))),
    ];
    with(&partner::adult_info(server, sender_id, 1, 2), &person)
}

#[test]
fn an_order_is_told_by_its_head_and_its_detail() {
    scenario("order", |talk| {
        let unpaid = talk.sell(ADD_SCENIC, &adult(talk.server, "S1"));
        let main = format!("/api/Order/Query/Main/{unpaid}?personalid=0");
        let detail = format!("/api/Order/Query/Detail/{unpaid}");
        talk.ask("the head of an unpaid order", &DEMO, &main);
        talk.ask("its lines", &DEMO, &detail);
        talk.sell(PAY, &DEMO.pay_info(&unpaid));
        talk.ask("the head once it is paid", &DEMO, &main);
        talk.ask("its ticket", &DEMO, &detail);

        let paid = talk.sell(THEATRE, &DEMO.and_pay(&theatre(talk.server, "S2")));
        talk.ask("at the theatre", &DEMO, &format!("/API/order/QUERY/main/{paid}/"));
        talk.ask("two tickets", &DEMO, &format!("/api/Order/Query/Detail/{paid}"));

        let odd = partner::plain_info(talk.server, "<S&3>", "P-ODD", 1);
        let odd = with(&odd, &[("/mobile", json!(sample::mobile(2)))]);
        let odd = talk.sell(ADD_SCENIC, &odd);
        assert_eq!(DEMO.cancel(talk.server, &odd, Json).status, 200);
        talk.ask("closed", &DEMO, &format!("/api/Order/Query/Main/{odd}"));
        talk.ask("its lines", &DEMO, &format!("/api/Order/Query/Detail/{odd}"));

        talk.ask("another agent's order does not exist", &POOR, &main);
        talk.ask("nor does its detail", &POOR, &detail);
        talk.ask("no such order", &DEMO, "/api/Order/Query/Main/1");
        let foreign = "/api/Order/Query/Main/9999999999999999999";
        talk.ask("a number of nobody's", &DEMO, foreign);
        talk.ask("no number", &DEMO, "/api/Order/Query/Main/");
    });
}

#[test]
fn tickets_are_asked_for_by_either_number_of_the_order() {
    scenario("tickets", |talk| {
        let order = talk.sell(THEATRE, &DEMO.and_pay(&theatre(talk.server, "S1")));
        let unpaid = talk.sell(ADD_SCENIC, &adult(talk.server, "S2"));
        let sold = talk.sell(
            SCENIC,
            &DEMO.and_pay(&with(
                &adult(talk.server, "S3"),
                &[("/orderdetails/0/identificationnumber", json!(sample::resident_id(2)))],
            )),
        );
        let all = |orderid: &str, senderid: &str| {
            format!(
                "{TICKETS}?username=demo-agent&orderid={orderid}&senderid={senderid}&personalid=0&guidernum="
            )
        };
        talk.ask("by our number", &DEMO, &all(&order, ""));
        talk.ask("by the caller's own", &DEMO, &all("", "S3"));
        talk.ask("by both", &DEMO, &all(&sold, "S3"));
        talk.ask("both, but of two orders", &DEMO, &all(&sold, "S1"));
        talk.ask("none before it is paid", &DEMO, &all(&unpaid, ""));
        talk.ask("neither", &DEMO, &all("", ""));
        talk.ask("neither is even named", &DEMO, TICKETS);
        talk.ask("a number never used", &DEMO, &all("", "S9"));
        talk.ask("another agent's order", &POOR, &all(&order, ""));
        talk.ask("another agent's own number", &POOR, &all("", "S1"));

        let tickets = talk.server.order("demo-agent", &order).tickets.clone();
        let (number, code) = (tickets[1].id, tickets[1].code);
        let one = |ticket: &str, order: &str| format!("{TICKET}?TicketID={ticket}&orderid={order}");
        talk.ask("one ticket", &DEMO, &one(&number.to_string(), &order));
        let path = format!("{TICKET}?ticketid={code}&senderid=S1");
        talk.ask("by its code and the caller's number", &DEMO, &path);
        talk.ask("a ticket of another order", &DEMO, &one(&number.to_string(), &sold));
        talk.ask("no ticket named", &DEMO, &format!("{TICKET}?orderid={order}"));
        talk.ask("another agent's ticket", &POOR, &one(&number.to_string(), &order));
    });
}

#[test]
fn a_ticket_is_shown_by_its_code() {
    scenario("barcode", |talk| {
        let order = talk.sell(THEATRE, &DEMO.and_pay(&theatre(talk.server, "S1")));
        let unpaid = talk.sell(ADD_SCENIC, &adult(talk.server, "S2"));
        let ticket = talk.server.order("demo-agent", &order).tickets[0].id;
        talk.ask("as text", &DEMO, &format!("/api/Ticket/Barcode/String/{order}/{ticket}"));
        talk.ask("no such ticket", &DEMO, &format!("/api/Ticket/Barcode/String/{order}/1"));
        talk.ask("not paid", &DEMO, &format!("/api/Ticket/Image/{unpaid}/{ticket}"));
        let image = format!("/api/Ticket/Image/{order}/{ticket}");
        talk.ask("another agent's", &POOR, &image);
        talk.ask("no such order", &DEMO, &format!("/api/Ticket/Image/1/{ticket}"));
    });
}

#[test]
fn tickets_say_whether_they_were_used_or_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let today = partner::theatre_info(&server, "S1", 0, 2);
    let sold = DEMO.json(&server, THEATRE, &DEMO.and_pay(&today));
    let number = sold["orderid"].as_str().unwrap();
    let order = server.order("demo-agent", number);
    let [first, second] = [order.tickets[0].id, order.tickets[1].id];
    let shown = || {
        let tickets = json_of(&server, &format!("{TICKETS}?orderid={number}"));
        let detail = json_of(&server, &format!("/api/Order/Query/Detail/{number}"));
        let main = json_of(&server, &format!("/api/Order/Query/Main/{number}"));
        let status = |list: &Value, at: usize| list[at]["status"].as_str().unwrap().to_owned();
        for at in [0, 1] {
            assert_eq!(status(&tickets, at), status(&detail, at));
        }
        let why = [first, second].map(|ticket| {
            json_of(&server, &format!("/api/Ticket/Barcode/String/{number}/{ticket}"))["errmsg"]
                .clone()
        });
        let order = main["orderstatus"].as_str().unwrap().to_owned();
        (order, [status(&tickets, 0), status(&tickets, 1)], why)
    };
    let is = |order: &str, tickets: [&str; 2], why: [&str; 2]| {
        (order.to_owned(), tickets.map(str::to_owned), why.map(|text| json!(text)))
    };
    assert_eq!(shown(), is("D", ["1", "1"], ["成功", "成功"]));
    let redeem = RedeemRequest {
        by: "gate/test".into(),
        request: RequestKey::new("R1").unwrap(),
        order: order.id,
        uses: UseSelection::Tickets([(second, 1)].into_iter().collect()),
    };
    server.wait(server.engine.redeem(redeem)).unwrap();
    assert_eq!(shown(), is("D", ["1", "4"], ["成功", "票已使用"]));
    let refund = RefundRequest {
        order: order.id,
        tickets: RefundSelection::Tickets(vec![first]),
        request: None,
    };
    let agent = Owner::Agent(server.agent_no("demo-agent"));
    server.wait(server.engine.refund(agent, refund)).unwrap();
    assert_eq!(shown(), is("D", ["2", "4"], ["票已退", "票已使用"]));
    // What was given back can be had again.
    let day = server.day(0);
    let show = json_of(&server, &format!("{PERFORMANCE}/SC-{day}-1930"));
    assert_eq!((&show["freecount"], &show["totalseat"]), (&json!(899), &json!(900)));
}

#[test]
fn the_image_is_a_qr_code_of_the_voucher() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let sold = DEMO.json(&server, THEATRE, &DEMO.and_pay(&theatre(&server, "S1")));
    let order = sold["orderid"].as_str().unwrap();
    for ticket in &server.order("demo-agent", order).tickets {
        let code = ticket.code.to_string();
        for name in [ticket.id.to_string(), code.clone()] {
            for format in FORMATS {
                let path = format!("/api/Ticket/Image/{order}/{name}");
                let answer = ask(&server, &DEMO, &path, format);
                assert_eq!(answer.code("errcode"), 0, "{}", answer.text());
                assert_eq!(answer.field("lbsbh").as_ref(), Some(&code));
                let image = STANDARD.decode(answer.field("imagebase64").unwrap()).unwrap();
                assert_eq!(scan(&image), code);
            }
        }
    }
}

/// What a scanner reads from a PNG image of one bit a pixel.
fn scan(image: &[u8]) -> String {
    let mut reader = png::Decoder::new(std::io::Cursor::new(image)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let shade = |x: usize, y: usize| {
        let light = pixels[y * info.line_size + x / 8] & (0x80 >> (x % 8)) != 0;
        if light { 255 } else { 0 }
    };
    let (width, height) = (info.width as usize, info.height as usize);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, shade);
    image.detect_grids()[0].decode().unwrap().1
}

#[test]
fn stock_is_unlimited_a_number_or_nothing() {
    scenario("inventory", |talk| {
        let server = talk.server;
        let (today, tomorrow) = (server.day(0), server.day(1));
        let of = |product: &str, dates: &str| {
            format!("{INVENTORY}?{dates}&productid={product}&servicecode=")
        };
        let one = format!("startdate={tomorrow}&enddate={tomorrow}");
        talk.ask("a week of a product", &DEMO, &of("P-TINY", "startdate=&enddate="));
        talk.ask("without a bound", &DEMO, &of("P-DEAR", &one));
        talk.ask("all timespans together", &DEMO, &of("P-SPAN", &one));
        talk.sell(SCENIC, &DEMO.and_pay(&plain(server, "S1", "P-TINY", 2)));
        talk.ask("some are sold", &DEMO, &of("P-TINY", &one));
        talk.sell(ADD_SCENIC, &plain(server, "S2", "P-TINY", 1));
        talk.ask("the last one is held", &DEMO, &of("P-TINY", &one));
        talk.ask("behind a pool", &DEMO, &of("P-NARROW", &one));
        talk.sell(ADD_SCENIC, &plain(server, "S3", "P-NARROW", 2));
        talk.ask("the pool is empty", &DEMO, &of("p-narrow", &one));
        talk.ask("signs to be escaped", &DEMO, &of("P-ODD", &one));
        let line = format!("{INVENTORY}?{one}&productid=&servicecode=02");
        talk.ask("every product of a line", &DEMO, &line);
        talk.ask("off sale", &DEMO, &of("P-OFF", &one));
        talk.ask("no such product", &DEMO, &of("P-NONE", &one));
        talk.ask("no date", &DEMO, &of("P-TINY", "startdate=2026-11-22"));
        let backwards = format!("startdate={tomorrow}&enddate={today}");
        talk.ask("backwards", &DEMO, &of("P-TINY", &backwards));
        talk.ask("the past has nothing", &DEMO, &of("P-TINY", "startdate=20200101"));
    });
}

/// Some of a product tomorrow, the same in every run.
fn plain(server: &Server, sender_id: &str, product: &str, amount: i64) -> Value {
    let info = partner::plain_info(server, sender_id, product, amount);
    with(&info, &[("/mobile", json!(sample::mobile(2)))])
}

#[test]
fn timespans_are_listed_by_line_and_day() {
    scenario("time_segments", |talk| {
        let day = |days| talk.server.day(days);
        let (today, tomorrow) = (day(0), day(1));
        talk.ask("today, where nothing is named", &DEMO, SEGMENTS);
        let path = format!("{SEGMENTS}?startdate={tomorrow}&enddate=&servicecode=01");
        talk.ask("one day of a line", &DEMO, &path);
        talk.ask("up to a day", &DEMO, &format!("{SEGMENTS}?ENDDATE={tomorrow}&ServiceCode=01"));
        talk.ask("no such line", &DEMO, &format!("{SEGMENTS}?servicecode=99"));
        talk.ask("the theatre has performances", &DEMO, &format!("{SEGMENTS}?servicecode=02"));
        talk.ask("no date", &DEMO, &format!("{SEGMENTS}?startdate={today}&enddate=soon"));
    });
}

#[test]
fn performances_are_listed_and_found() {
    scenario("performances", |talk| {
        let day = |days| talk.server.day(days);
        let tomorrow = day(1);
        talk.sell(THEATRE, &DEMO.and_pay(&theatre(talk.server, "S1")));
        let dates = format!("startdate={tomorrow}&enddate={}", day(2));
        let path = format!("{PERFORMANCES}?theatreid=02&{dates}&theatricalid=0");
        talk.ask("two days", &DEMO, &path);
        let path = format!("{PERFORMANCES}?startdate={tomorrow}&theatricalid=p-show");
        talk.ask("a show on a day", &DEMO, &path);
        talk.ask("a scenic spot has none", &DEMO, &format!("{PERFORMANCES}?theatreid=01"));
        talk.ask("one", &DEMO, &format!("{PERFORMANCE}/SC-{tomorrow}-1930"));
        talk.ask("no such performance", &DEMO, &format!("{PERFORMANCE}/SC-{tomorrow}-2000"));
    });
}

#[test]
fn seat_areas_are_listed() {
    scenario("seat_areas", |talk| {
        let tomorrow = talk.server.day(1);
        talk.sell(THEATRE, &DEMO.and_pay(&theatre(talk.server, "S1")));
        let path = |scene: &str| format!("{SEAT_AREAS}?dwlx=&dwid=&pcid={scene}&tripbillcode=");
        talk.ask("of a performance", &DEMO, &path(&format!("SC-{tomorrow}-1930")));
        talk.ask("no such performance", &DEMO, &path("SC-20261131-1930"));
        talk.ask("no performance named", &DEMO, SEAT_AREAS);
    });
}

#[test]
fn products_are_listed() {
    scenario("products", |talk| {
        talk.ask("the agents' address, of one line", &DEMO, "/api/Products?servicecode=03");
        let path = "/api/WebInterface/ScenicSpot/Products?dwlx=1&dwid=x&servicecode=02&queryarea=";
        talk.ask("the older address, of one line", &DEMO, path);
        talk.ask("not a number of days", &DEMO, "/api/Products?startdate=1");
    });
}

#[test]
fn questions_are_asked_by_get_and_with_a_signature() {
    scenario("form", |talk| {
        let unsigned =
            Request::new("GET", "/api/Products").header("Accept", talk.format.content_type());
        let answer = unsigned.send(talk.server);
        talk.transcript.step("no signature", &unsigned, &answer);
        let posted = Request::new("POST", "/api/Order/Query/Main/1")
            .header("Accept", talk.format.content_type());
        let posted = DEMO.sign(talk.server, posted);
        let answer = posted.send(talk.server);
        talk.transcript.step("a wrong method", &posted, &answer);
    });
}

#[test]
fn a_week_of_everything_sees_what_sleeps() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Server::start_with(Setup::new(dir.path()).selling(SMALL));
    let server = start();
    let sold = DEMO.json(&server, SCENIC, &DEMO.and_pay(&plain(&server, "S1", "P-TINY", 2)));
    assert_eq!(sold["resultcode"], 0);
    let path = format!("{INVENTORY}?startdate={}", server.day(1));
    let awake = json_of(&server, &path);
    let left = |answer: &Value| {
        let days = answer.as_array().unwrap();
        let tiny = days.iter().find(|it| it["productId"] == "P-TINY").unwrap();
        tiny["quantity"].clone()
    };
    assert_eq!(left(&awake), 1);
    server.stop();
    // Nothing is active after a restart: what was sold is read from the snapshots.
    let server = start();
    assert_eq!(json_of(&server, &path), awake);
}

#[test]
fn a_question_that_costs_too_much_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let http = HttpConfig { query_slots_max: 21, ..HttpConfig::default() };
    let server = Server::start_with(Setup { http, ..Setup::new(dir.path()) });
    let tomorrow = server.day(1);
    let all = ask(&server, &DEMO, INVENTORY, Json);
    assert_eq!(all.status, 400, "{}", all.text());
    assert!(all.text().contains("查询范围过大"), "{}", all.text());
    // Three timespans for seven days are exactly what is allowed.
    let week = format!("{INVENTORY}?startdate={tomorrow}&productid=P-ADULT");
    assert_eq!(json_of(&server, &week).as_array().unwrap().len(), 7);
}

/// Limits that are for nobody in particular: five a day for an agent, one for a poor one, and four in a
/// timespan for everyone together.
const QUOTAS: &str = r#"
[[supplier]]
id = "04"
name = "配额景区"
utc_offset = "+08:00"

[[product]]
id = "P-QUOTA"
supplier = "04"
name = "配额票"
price = "1.00"
capacity = 10
first_day = 0
days = 60
order_min = 1
order_max = 9
timespans = ["08:00-12:00", "12:00-18:00"]
limits = [
    { scope = "agent", window = "visit_date", max = 5 },
    { scope = "agent", window = "visit_date", agent = "poor-agent", max = 1 },
    { scope = "everyone", window = "timespan", max = 4 },
    { scope = "channel", window = "rolling", days = 2, channel = "douyin", max = 1 },
]
"#;

#[test]
fn no_more_is_left_than_allotments_and_quotas_leave() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start_with(Setup::new(dir.path()).selling(QUOTAS));
    let check = |server: &Server, agent: &Agent, of_day: i64, of_timespans: [i64; 2]| {
        let date = server.day(1);
        let days = format!("startdate={date}&enddate={date}");
        let path = format!("{INVENTORY}?{days}&productid=P-QUOTA");
        let stock = ask(server, agent, &path, Json).json();
        assert_eq!(stock[0]["quantity"], of_day, "{stock}");
        let segments = ask(server, agent, &format!("{SEGMENTS}?{days}&servicecode=04"), Json);
        let segments = segments.json();
        let left = [0, 1].map(|at| segments[at]["quantity"].as_i64().unwrap());
        assert_eq!(left, of_timespans, "{segments}");
    };
    check(&server, &DEMO, 5, [4, 4]);
    check(&server, &POOR, 1, [1, 1]);
    let order = |server: &Server, timespan: i64, amount: i64| {
        let info = partner::plain_info(server, "", "P-QUOTA", amount);
        let info = with(&info, &[("/timespanindex", json!(timespan))]);
        DEMO.json(server, ADD_SCENIC, &info)["resultcode"].clone()
    };
    // Not paid, and counted all the same; the same is told by the disk as by who is awake.
    assert_eq!(order(&server, 1, 3), 0);
    for _ in 0..2 {
        check(&server, &DEMO, 2, [1, 2]);
        check(&server, &POOR, 1, [1, 1]);
        server.stop();
        server = Server::start(dir.path());
    }
    assert_eq!(order(&server, 2, 3), 11);
    assert_eq!(order(&server, 2, 2), 0);
    check(&server, &DEMO, -1, [-1, -1]);
    check(&server, &POOR, 1, [1, 1]);
}
