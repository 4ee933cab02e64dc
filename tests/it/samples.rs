//! The partners' own sample bodies, byte for byte but for real ids and values, are accepted.

use std::path::Path;

use piaoku::domain::identity::sample;

use crate::support::Target;
use crate::support::books::audit;
use crate::support::http::{Answer, Request};
use crate::support::message::{FORMATS, Format, Json, Xml};
use crate::support::partner::{self, COUPON_SKU, DEMO, ROUTER, Signed, THEATRE, VERIFY};
use crate::support::server::Server;

/// A sample as printed, with the values of some members put in, wherever they stand.
fn filled(case: &str, format: Format, values: &[(&str, &str)]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let path = root.join(format!("{case}/sample/request.{}", format.name()));
    let printed = std::fs::read_to_string(path).expect("a sample");
    let lines = printed.lines().map(|line| match format {
        Json => filled_json(line, values),
        Xml => filled_xml(line, values),
    });
    lines.collect::<Vec<_>>().join("\r\n")
}

fn filled_json(line: &str, values: &[(&str, &str)]) -> String {
    let Some((name, printed)) = line.split_once(": ") else { return line.to_owned() };
    let value = values.iter().find(|(known, _)| format!("\"{known}\"") == name.trim());
    let comma = if printed.ends_with(',') { "," } else { "" };
    match value {
        Some((_, value)) if printed.starts_with('"') => format!("{name}: \"{value}\"{comma}"),
        Some((_, value)) => format!("{name}: {value}{comma}"),
        None => line.to_owned(),
    }
}

fn filled_xml(line: &str, values: &[(&str, &str)]) -> String {
    for (name, value) in values {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        if line.trim().starts_with(&open) && line.ends_with(&close) {
            return format!("{open}{value}{close}");
        }
    }
    line.to_owned()
}

/// A sample as it is printed, and without the white space between its tokens.
fn printed_and_compact(body: String) -> [String; 2] {
    let compact = body.lines().map(str::trim).collect::<String>().replace("\": ", "\":");
    [body, compact]
}

fn check(answer: &Answer, members: &[(&str, &str)]) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    for (name, value) in members {
        assert_eq!(answer.field(name).as_deref(), Some(*value), "{name}: {}", answer.text());
    }
}

#[test]
fn the_agents_samples_are_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (date, password) = (server.day(1), DEMO.pay_password());
    let (scene, document, mobile) =
        (format!("SC-{date}-1930"), sample::resident_id(7), sample::mobile(7));
    let common = [
        ("identificationnumber", &*document),
        ("fullname", "张三"),
        ("identificationtype", "1"),
        ("mobile", &*mobile),
        ("effectdate", &*date),
        ("needinvoice", "1"),
    ];
    let theatre = [
        ("productid", "P-SHOW"),
        ("sceneid", &*scene),
        ("autoselseats", "1"),
        ("seatareaid", "B"),
        ("gateinmode", "B"),
        ("paypassword", &*password),
    ];
    let scenic = [
        ("productid", "P-CHILD"),
        ("servicecode", "01"),
        ("timespanindex", "-1"),
        ("gateinmode", "I"),
    ];
    for format in FORMATS {
        let all = |own: &[(&'static str, &str)]| {
            [&common, own].concat().iter().map(|(a, b)| (*a, (*b).to_owned())).collect::<Vec<_>>()
        };
        let fill = |case: &str, own: &[(&'static str, &str)]| {
            let values = all(own);
            let values: Vec<_> = values.iter().map(|(a, b)| (*a, &**b)).collect();
            printed_and_compact(filled(case, format, &values))
        };
        for body in fill("ota/verify", &scenic) {
            let answer = DEMO.request(&server, VERIFY, format.content_type(), body).send(&server);
            check(&answer, &[("errcode", "0")]);
        }
        for body in fill("ota/order_and_pay2_with_rebate", &theatre) {
            let key = partner::sender_id();
            let body = body.replace("sample string 12", &key);
            let answer = DEMO.request(&server, THEATRE, format.content_type(), body).send(&server);
            check(&answer, &[("resultcode", "0"), ("orderstatus", "D"), ("sendid", &key)]);
            let order = server.order(DEMO.id, &answer.field("orderid").unwrap());
            let sold: Vec<_> = order.lines.iter().map(|line| line.quantity.get()).collect();
            assert_eq!(sold, [2, 2]);
            let details = server.private(&order);
            assert_eq!(details.invoice_title, "sample string 7");
            assert_eq!(details.guide_number, "sample string 13");
            assert_eq!(details.trip_bill_code, "sample string 11");
            assert_eq!(details.travellers[1].document_number, document);
        }
    }
    server.stop();
    assert_eq!(audit(dir.path()).vouchers, 16);
}

#[test]
fn douyins_sample_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let now = server.now().as_secs();
    let (start, end) = (now.to_string(), (now + 86_400).to_string());
    for format in FORMATS {
        let values = [("sku_id", COUPON_SKU), ("start_time", &*start), ("expire_time", &*end)];
        for body in printed_and_compact(filled("douyin/ticket_code_get", format, &values)) {
            let key = partner::sender_id();
            let body = match format {
                Json => body.replacen("sample string 1\"", &format!("{key}\""), 1),
                Xml => body.replace("<order_id>sample string 1<", &format!("<order_id>{key}<")),
            };
            assert!(body.contains(&key));
            let body = body.into_bytes();
            let request =
                partner::ticket_body(&server, format.content_type(), body, Signed::Header);
            let answer = request.send(&server);
            check(&answer, &[("error_code", "0"), ("result", "1"), ("description", "success")]);
            let codes = match format {
                Json => partner::codes_of(&answer.json()).len(),
                Xml => answer.text().matches("<d3p1:string>").count(),
            };
            assert_eq!(codes, 3);
        }
    }
    server.stop();
    assert_eq!(audit(dir.path()).vouchers, 12);
}

/// The gateway's sample requests are signed for one minute, which is when this server lives.
#[test]
fn the_gateways_sample_requests_are_answered_as_they_were_signed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let form = include_str!("../golden/top/consult/f1-post-form/request.http");
    let (head, body) = form.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /router/rest "));
    let post = Request::new("POST", ROUTER)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json")
        .body(body);
    let query = include_str!("../golden/top/consult/f2-get-query/request.http");
    let get = Request::new("GET", query.split(' ').nth(1).unwrap());
    for request in [post, get] {
        let answer = request.send(&server);
        assert_eq!(answer.status, 200);
        let body = answer.json();
        let result = &body["alibaba_alsc_daodian_ticket_consult_response"]["result"];
        assert_eq!(result["error_code"], "TICKET_CODE_INVALID", "{body}");
    }
}
