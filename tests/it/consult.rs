//! The TOP gateway previews codes, whichever interface has issued them.

use piaoku::wire::top::client::encode_form;
use piaoku::wire::top::gateway::Format as TopFormat;
use piaoku::wire::top::sign::SignMethod;
use serde_json::{Value, json};

use crate::support::http::{Answer, Request};
use crate::support::message::with;
use crate::support::partner::{
    self, ADULT_SKU, COUPON_SKU, DEMO, ROUTER, SCENIC, SHOP, THEATRE, post_form,
};
use crate::support::server::Server;
use crate::support::transcript::Transcript;

const NAME: &str = "alibaba_alsc_daodian_ticket_consult_response";
const FORM: &str = "application/x-www-form-urlencoded";

fn pairs(server: &Server, code: &str, format: TopFormat) -> Vec<(&'static str, String)> {
    partner::consult_pairs(server, SHOP, code, SignMethod::Md5, format)
}

#[test]
fn codes_of_a_theatre_order_show_what_was_sold() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let info = partner::theatre_info(&server, "S1", 1, 3);
    let info = with(&info, &[("/mobile", json!("17512344139"))]);
    let sold = DEMO.json(&server, THEATRE, &DEMO.and_pay(&info));
    let number = sold["orderid"].as_str().unwrap();
    let codes = server.codes(DEMO.id, number);
    let order = server.order(DEMO.id, number);
    for code in &codes {
        let result = partner::consult(&server, code)["result"].take();
        assert_eq!(result["success"], true, "{result}");
        let value = &result["value"];
        assert_eq!(value["user_phone"], "175****4139");
        assert_eq!(value["available_quantity"], 3);
        assert_eq!(value["alsc_order_no"], number);
        assert_eq!(value["alsc_sub_order_no"], order.lines[0].id.to_string());
        assert_eq!(value["out_item_id"], "P-SHOW");
        let tickets = value["ticket_info_list"].as_array().unwrap();
        assert_eq!(tickets.len(), 3);
        for (ticket, (sold, own)) in tickets.iter().zip(order.tickets.iter().zip(&codes)) {
            assert_eq!(ticket["ticket_id"], sold.id.to_string());
            assert_eq!(ticket["ticket_id"].as_str().unwrap().len(), 19);
            assert_eq!(ticket["ticket_name"], "云山夜秀");
            assert_eq!(
                (&ticket["total_amount"], &ticket["real_amount"]),
                (&json!(38000), &json!(38000))
            );
            assert_eq!(
                (&ticket["original_price"], &ticket["quantity"]),
                (&json!(48000), &json!(1))
            );
            let shown = ticket.get("ticket_code").and_then(Value::as_str);
            assert_eq!(shown, (own == code).then_some(&**own), "only the code asked about");
        }
        assert_eq!(value["alsc_sub_order_no"].as_str().unwrap().len(), 19);
        assert!(!value["buyer_id"].as_str().unwrap().is_empty());
    }
}

#[test]
fn quantities_prices_and_phones_come_from_the_codes_own_line() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let codes_of = |message: &Value, path: &str| {
        let sold = DEMO.json(&server, path, &DEMO.and_pay(message));
        server.codes(DEMO.id, sold["orderid"].as_str().expect("an order"))
    };
    // Two adults, one line each, and a line of three children: one item is not another.
    let mut info = partner::adult_info(&server, "S1", 2, 2);
    let second = json!({ "productid": "P-ADULT", "amount": 1, "fullname": "王五",
        "identificationnumber": partner::document() });
    let children = json!({ "productid": "P-CHILD", "amount": 3 });
    info = with(&info, &[("/orderdetails/1", second), ("/orderdetails/2", children)]);
    let codes = codes_of(&info, SCENIC);
    let seen: Vec<_> = codes.iter().map(|code| preview(&server, code)).collect();
    let adult = (2, 2, 12000, 15000, "成人票".to_owned());
    let child = (3, 3, 6000, 7500, "儿童票".to_owned());
    assert_eq!(seen, [adult.clone(), adult, child.clone(), child.clone(), child]);

    // Douyin's buyers have no mobile of the order: the traveller's is shown, or none.
    let ask = partner::ticket_ask(&server, "D1", COUPON_SKU, 5);
    let codes = partner::codes_of(&partner::ticket_codes(&server, &ask));
    assert_eq!(preview(&server, &codes[4]), (5, 5, 8800, 12800, "景区通用券".to_owned()));
    let value = partner::consult(&server, &codes[0])["result"]["value"].take();
    assert!(value.get("user_phone").is_none(), "{value}");
    let tourist =
        json!([{ "name": "赵六", "phone": "13900001234", "id_card": partner::document() }]);
    let ask = with(&partner::ticket_ask(&server, "D2", ADULT_SKU, 1), &[("/tourists", tourist)]);
    let codes = partner::codes_of(&partner::ticket_codes(&server, &ask));
    let value = partner::consult(&server, &codes[0])["result"]["value"].take();
    assert_eq!(value["user_phone"], "139****1234");
}

#[test]
fn buyers_are_told_apart_without_being_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let buyer = |open_id: &str| {
        let ask = partner::ticket_ask(&server, &partner::sender_id(), COUPON_SKU, 1);
        let ask = with(&ask, &[("/open_id", json!(open_id))]);
        let code = partner::codes_of(&partner::ticket_codes(&server, &ask)).remove(0);
        let value = partner::consult(&server, &code)["result"]["value"].take();
        value["buyer_id"].as_str().expect("a buyer").to_owned()
    };
    let (one, other, one_again) = (buyer("open-1"), buyer("open-2"), buyer("open-1"));
    assert_eq!(one, one_again);
    assert_ne!(one, other);
    assert!(!one.contains("open"), "{one}");
    assert_ne!(buyer(""), buyer(""), "nothing says that these are the same");
}

/// Available quantity, tickets, price, list price and name that a preview shows.
fn preview(server: &Server, code: &str) -> (u64, usize, u64, u64, String) {
    let value = partner::consult(server, code)["result"]["value"].take();
    let tickets = value["ticket_info_list"].as_array().expect("tickets");
    let ticket = &tickets[0];
    (
        value["available_quantity"].as_u64().expect("a number"),
        tickets.len(),
        ticket["total_amount"].as_u64().expect("fen"),
        ticket["original_price"].as_u64().expect("fen"),
        ticket["ticket_name"].as_str().expect("a name").to_owned(),
    )
}

#[test]
fn codes_that_cannot_be_used_are_invalid_and_shops_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let ask = partner::ticket_ask(&server, "D1", COUPON_SKU, 1);
    let code = partner::codes_of(&partner::ticket_codes(&server, &ask)).remove(0);
    let unpaid = partner::theatre_info(&server, "S1", 1, 1);
    DEMO.json(&server, partner::ADD_THEATRE, &unpaid);
    let last = code.as_bytes()[11] - b'0';
    let wrong_digit = format!("{}{}", &code[..11], (last + 1) % 10);
    for invalid in
        ["523162942005", "000000000000", &wrong_digit, "1", "abc", "5231629420055", "券码"]
    {
        let result = partner::consult(&server, invalid)["result"].take();
        let expected = json!({ "success": false, "error_code": "TICKET_CODE_INVALID",
            "error_msg": "券码不存在" });
        assert_eq!(result, expected, "{invalid}");
    }
    let other_shop = partner::consult_pairs(
        &server,
        "2017112100077000000046517464",
        &code,
        SignMethod::Md5,
        TopFormat::SimplifiedJson,
    );
    let answer = post_form(&other_shop).send(&server).json();
    assert_eq!(answer["error_response"]["code"], 41, "{answer}");
    assert_eq!(answer["error_response"]["sub_code"], "isv.invalid-parameter");
}

/// Each form that callers send, in each format, signed in each way, gets the same result.
#[test]
fn every_request_form_signature_and_format_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let ask = partner::ticket_ask(&server, "D1", COUPON_SKU, 2);
    let code = partner::codes_of(&partner::ticket_codes(&server, &ask)).remove(0);
    for sign_method in SignMethod::ALL {
        for format in [TopFormat::Xml, TopFormat::Json, TopFormat::SimplifiedJson] {
            let pairs = partner::consult_pairs(&server, SHOP, &code, sign_method, format);
            for (form, request) in forms(&pairs) {
                let answer = request.send(&server);
                let context = format!("{form}, {sign_method:?}, {format:?}: {}", answer.text());
                assert_eq!(answer.status, 200, "{context}");
                check_success(&answer, format, &context);
            }
        }
    }
}

fn forms(pairs: &[(&'static str, String)]) -> Vec<(&'static str, Request)> {
    let form = encode_form(pairs);
    let (application, system): (Vec<_>, Vec<_>) =
        pairs.iter().cloned().partition(|(name, _)| *name == "consult_request");
    let parts = pairs.iter().map(|(name, value)| {
        format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let multipart = parts.collect::<String>() + "--xyz--\r\n";
    let split = format!("{ROUTER}?{}", encode_form(&system));
    vec![
        ("POST form", post_form(pairs)),
        ("GET query", Request::new("GET", &format!("{ROUTER}?{form}"))),
        ("GET form", Request::new("GET", ROUTER).header("Content-Type", FORM).body(&*form)),
        (
            "multipart",
            Request::new("POST", ROUTER)
                .header("Content-Type", "multipart/form-data; boundary=xyz")
                .body(multipart),
        ),
        (
            "split",
            Request::new("POST", &split)
                .header("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
                .header("Accept-Encoding", "gzip")
                .body(encode_form(&application)),
        ),
        ("POST without a content type", Request::new("POST", ROUTER).body(form)),
    ]
}

fn check_success(answer: &Answer, format: TopFormat, context: &str) {
    let text = answer.text();
    match format {
        TopFormat::Xml => {
            assert_eq!(answer.header("content-type"), "text/xml;charset=UTF-8", "{context}");
            let start = format!("<?xml version=\"1.0\" encoding=\"utf-8\" ?><{NAME}><result>");
            assert!(text.starts_with(&start), "{context}");
            assert!(text.contains("<success>true</success>"), "{context}");
            assert_eq!(text.matches("<ticket_info>").count(), 2, "{context}");
        }
        TopFormat::Json => {
            assert_eq!(answer.header("content-type"), "text/javascript;charset=UTF-8", "{context}");
            let list = &answer.json()[NAME]["result"]["value"]["ticket_info_list"];
            assert_eq!(list["ticket_info"].as_array().map(Vec::len), Some(2), "{context}");
        }
        TopFormat::SimplifiedJson => {
            let list = &answer.json()["result"]["value"]["ticket_info_list"];
            assert_eq!(list.as_array().map(Vec::len), Some(2), "{context}");
        }
    }
}

#[test]
fn answers_have_the_platforms_members_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let info = partner::theatre_info(&server, "S1", 1, 2);
    let info = with(&info, &[("/mobile", json!("17512344139"))]);
    let sold = DEMO.json(&server, THEATRE, &DEMO.and_pay(&info));
    let codes = server.codes(DEMO.id, sold["orderid"].as_str().unwrap());
    let mut transcript = Transcript::default();
    for (format, name) in [
        (TopFormat::Xml, "XML"),
        (TopFormat::Json, "JSON"),
        (TopFormat::SimplifiedJson, "simplified JSON"),
    ] {
        let mut step = |title: &str, pairs: &[(&'static str, String)]| {
            // What is signed is not shown: every code differs, and so would every signature.
            let answer = post_form(pairs).send(&server);
            if let Some(buyer) = answer.field("buyer_id") {
                transcript.name(&buyer, "buyer");
            }
            transcript.step(&format!("{title}, {name}"), &Request::new("POST", ROUTER), &answer);
        };
        step("a code of ours", &pairs(&server, &codes[0], format));
        step("an unknown code", &pairs(&server, "523162942005", format));
        let mut spoilt = pairs(&server, &codes[0], format);
        spoilt.last_mut().unwrap().1 = "0".repeat(32);
        step("a wrong signature", &spoilt);
    }
    transcript.check("consult.txt");
}
