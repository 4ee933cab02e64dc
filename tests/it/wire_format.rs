//! How the partner's framework style travels: paths, formats, forms. docs/protocols/ota.md, "Wire
//! format".

use serde_json::json;

use crate::support::books::audit;
use crate::support::http::Request;
use crate::support::message::{Json, Xml, encode};
use crate::support::partner::{self, ADULT_SKU, CODES, COUPON_SKU, DEMO, SCENIC, THEATRE, VERIFY};
use crate::support::server::Server;
use crate::support::{Target, partner::Signed};

#[test]
fn paths_are_found_in_any_case_and_with_a_slash_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let info = partner::theatre_info(&server, "S1", 1, 1);
    for path in [
        THEATRE,
        "/API/ORDERANDPAY2/WITHREBATE",
        "/api/orderandpay2/withrebate/",
        "/source/orderandpaywithfk2.ASPX",
    ] {
        let sold = DEMO.json(&server, path, &DEMO.and_pay(&info));
        assert_eq!((&sold["resultcode"], &sold["orderstatus"]), (&json!(0), &json!("D")), "{path}");
    }
    let info = partner::adult_info(&server, "", 1, -1);
    let path = VERIFY.to_ascii_uppercase();
    assert_eq!(DEMO.json(&server, &path, &info)["errcode"], 0);
    let ask = partner::ticket_ask(&server, "O1", COUPON_SKU, 1);
    let mut request = partner::ticket_request(&server, &ask, Json, Signed::Header);
    request.path = request.path.replace(CODES, &CODES.to_ascii_lowercase());
    assert_eq!(request.send(&server).code("result"), 1);
    server.stop();
    assert_eq!(audit(dir.path()).orders, 2);
}

#[test]
fn the_answers_format_is_negotiated() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let info = partner::adult_info(&server, "", 1, -1);
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let check = |sent: &str, header: (&str, &str), expected: &str| {
        let format = if sent.contains("xml") { Xml } else { Json };
        let body = encode(VERIFY, &info, format);
        let request = DEMO.request(&server, VERIFY, sent, body).header(header.0, header.1);
        let answer = request.send(&server);
        let context = format!("{sent}, {header:?}");
        assert_eq!(answer.header("content-type"), expected, "{context}");
        let (from, xml) = match expected.split_once("charset=").map(|(_, charset)| charset) {
            Some("utf-16") => (2, utf16(&answer.body[2..])),
            _ => (0, answer.text().to_owned()),
        };
        assert!(from == 0 || answer.body[..2] == [0xff, 0xfe], "{context}: no byte order mark");
        assert_eq!(xml.starts_with('<'), expected.contains("xml"), "{context}: {xml}");
        assert!(xml.contains("成功"), "{context}: {xml}");
    };
    let json = "application/json; charset=utf-8";
    let xml = "application/xml; charset=utf-8";
    check("application/json", ("X-None", ""), json);
    check("application/xml", ("X-None", ""), xml);
    check("text/xml; charset=utf-8", ("X-None", ""), "text/xml; charset=utf-8");
    check("text/json", ("X-None", ""), "text/json; charset=utf-8");
    check("application/json", ("Accept", "application/xml"), xml);
    check("application/xml", ("Accept", "application/json"), json);
    check("application/json", ("Accept", "text/xml"), "text/xml; charset=utf-8");
    check("application/json", ("Accept", browser), xml);
    check("application/xml", ("Accept", "*/*"), json);
    check("application/xml", ("Accept", "image/png"), xml);
    check("application/json", ("Accept", "image/png"), json);
    check("application/xml", ("Accept", "application/json;q=0.5, application/xml;q=0.4"), json);
    check("application/xml", ("X-Requested-With", "XMLHttpRequest"), json);
    check("application/json", ("Accept-Charset", "utf-16"), "application/json; charset=utf-16");
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    String::from_utf16(&units.collect::<Vec<_>>()).expect("UTF-16")
}

#[test]
fn bodies_in_other_charsets_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    for format in [Json, Xml] {
        let message = DEMO.and_pay(&partner::theatre_info(&server, &partner::sender_id(), 1, 1));
        let body = encode(THEATRE, &message, format);
        let marked = [&[0xef, 0xbb, 0xbf], body.as_bytes()].concat();
        let utf16 = format!("{}; charset=utf-16", format.content_type());
        for (content_type, body) in [(&*utf16, wide(&body)), (format.content_type(), marked)] {
            let answer = DEMO
                .request(&server, THEATRE, content_type, body)
                .header("Accept-Charset", "utf-8")
                .send(&server);
            assert_eq!(answer.status, 200, "{content_type}: {}", answer.text());
            assert_eq!(answer.code("resultcode"), 0, "{content_type}");
        }
    }
}

#[test]
fn forms_are_read_and_answered_in_json() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (date, document, mobile) = (server.day(1), partner::document(), partner::mobile());
    let password = DEMO.pay_password().replace('+', "%2B").replace('=', "%3D");
    let theatre = format!(
        "orderinfo[orderdetails][0][productid]=P-SHOW&orderinfo[orderdetails][0][amount]=2\
         &orderinfo.mobile={mobile}&orderinfo.effectdate={date}&ORDERINFO.SceneId=SC-{date}-1930\
         &orderinfo[autoselseats]=1&orderinfo[seatareaid]=A&orderinfo[senderid]=F1\
         &payinfo[orderid]=F1&payinfo.paypassword={password}"
    );
    let scenic = format!(
        "orderinfo.orderdetails[0].productid=P-ADULT&orderinfo.orderdetails[0].amount=1\
         &orderinfo.orderdetails[0].fullname=%E6%9D%8E%E5%9B%9B\
         &orderinfo.orderdetails[0].identificationnumber={document}\
         &orderinfo.mobile={mobile}&orderinfo.effectdate={date}&orderinfo.timespanindex=-1\
         &orderinfo.senderid=F2&payinfo.orderid=F2&payinfo.paypassword={password}"
    );
    let verify = format!(
        "orderdetails[0][productid]=P-BULK&orderdetails[0][amount]=2&mobile={mobile}\
         &effectdate={date}"
    );
    let check = |path: &str, body: &str, code: &str| {
        let answer = DEMO.request(&server, path, FORM, body).send(&server);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(answer.code(code), 0, "{path}: {}", answer.text());
    };
    check(THEATRE, &theatre, "resultcode");
    check(SCENIC, &scenic, "resultcode");
    check(VERIFY, &verify, "errcode");
    let now = server.now().as_secs();
    let codes = format!(
        "order_id=F3&count=2&start_time={now}&expire_time={}&sku[sku_id]={ADULT_SKU}\
         &tourists[0].id_card={}&tourists[0].name=a&tourists[0].phone={mobile}\
         &tourists[1].id_card={}&tourists[1].name=b&tourists[1].phone={mobile}",
        now + 86_400,
        partner::document(),
        partner::document(),
    );
    let request = partner::ticket_body(&server, FORM, codes.into_bytes(), Signed::Query);
    let answer = request.send(&server);
    assert_eq!(partner::codes_of(&answer.json()).len(), 2, "{}", answer.text());
    server.stop();
    assert_eq!(audit(dir.path()).vouchers, 5);
}

#[test]
fn operators_endpoints_answer() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let get = |path: &str| Request::new("GET", path).send(&server);
    assert_eq!(get("/health/live").json(), json!({ "status": "live" }));
    let ready = get("/health/ready");
    assert_eq!((ready.status, ready.json()), (200, json!({ "status": "ready" })));
    DEMO.json(&server, VERIFY, &partner::adult_info(&server, "", 1, -1));
    let metrics = get("/metrics");
    assert_eq!(metrics.status, 200);
    let counted =
        metrics.text().lines().any(|line| line.contains("verify") && line.contains("\"ok\""));
    assert!(counted, "{}", metrics.text());
    assert!(metrics.text().ends_with("# EOF\n"));
}
