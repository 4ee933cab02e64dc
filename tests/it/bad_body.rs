//! Bodies that cannot be understood get the protocol's own error from every endpoint, and nothing is
//! held for any of them. docs/protocols/ota.md, "Validation" and "Errors of the framework".

use serde_json::{Value, json};

use crate::support::books::audit;
use crate::support::http::{Answer, Request};
use crate::support::message::{FORMATS, Format, Json, Xml, encode, with};
use crate::support::partner::{
    self, ADD_SCENIC, ADD_THEATRE, CODES, COUPON_SKU, DEMO, PAY, SCENIC, Signed, THEATRE,
    THEATRE_ALIAS, VERIFY,
};
use crate::support::server::{Server, Setup};
use crate::support::shop;

/// Every endpoint that takes a body in the framework's style.
const ENDPOINTS: [&str; 8] =
    [THEATRE, THEATRE_ALIAS, SCENIC, ADD_THEATRE, ADD_SCENIC, PAY, VERIFY, CODES];

/// A server that sells little, so that a place held by mistake is missed.
fn server(dir: &std::path::Path) -> Server {
    Server::start_with(Setup::new(dir).selling(shop::SMALL))
}

/// Sells the whole stock of the small product at once and audits: nothing else was ever ordered.
fn nothing_was_held(server: Server, dir: &std::path::Path) {
    let whole = DEMO.and_pay(&partner::plain_info(&server, "whole", "P-TINY", 3));
    let sold = DEMO.json(&server, SCENIC, &whole);
    assert_eq!(sold["resultcode"], 0, "{sold}");
    server.stop();
    let audit = audit(dir);
    assert_eq!((audit.orders, audit.paid, audit.vouchers), (1, 1, 3));
}

/// A request with the right signature, whatever its body.
fn signed(server: &Server, path: &str, content_type: &str, body: Vec<u8>) -> Request {
    if path == CODES {
        return partner::ticket_body(server, content_type, body, Signed::Header);
    }
    DEMO.request(server, path, content_type, body)
}

/// A right message for an endpoint, for the small product where it can be.
fn message(server: &Server, path: &str) -> Value {
    let theatre = || partner::theatre_info(server, "T", 1, 1);
    let scenic = || partner::plain_info(server, "T", "P-TINY", 1);
    match path {
        THEATRE | THEATRE_ALIAS => DEMO.and_pay(&theatre()),
        SCENIC => DEMO.and_pay(&scenic()),
        ADD_THEATRE => theatre(),
        ADD_SCENIC | VERIFY => scenic(),
        PAY => DEMO.pay_info("1"),
        CODES => partner::ticket_ask(server, "T", COUPON_SKU, 1),
        _ => panic!("no message for {path}"),
    }
}

/// The protocol's own error: 400 with what was wrong, or for Douyin a number that makes it ask again.
fn check_invalid(name: &str, path: &str, answer: &Answer) {
    let context = format!("{name}, {path}: {} {}", answer.status, answer.text());
    if path == CODES {
        assert_eq!(answer.status, 200, "{context}");
        assert_eq!([answer.code("error_code"), answer.code("result")], [999_999, 0], "{context}");
    } else {
        assert_eq!(answer.status, 400, "{context}");
        assert_eq!(
            answer.field("Message").as_deref(),
            Some("The request is invalid."),
            "{context}"
        );
        assert!(answer.text().contains("ModelState"), "{context}");
    }
}

#[test]
fn bodies_that_are_no_message_are_refused_by_every_endpoint() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let deep = |count: usize| format!("{{\"a\":{}", "[".repeat(count));
    let entity = "<!DOCTYPE x [<!ENTITY a \"b\">]><OrderAddParm>&a;</OrderAddParm>";
    let bodies: [(&str, Format, Vec<u8>); 17] = [
        ("empty", Json, vec![]),
        ("empty", Xml, vec![]),
        ("null", Json, b"null".to_vec()),
        ("a list", Json, b"[]".to_vec()),
        ("a number", Json, b"42".to_vec()),
        ("a text", Json, b"\"text\"".to_vec()),
        ("no JSON", Json, b"not json".to_vec()),
        ("an open brace", Json, b"{".to_vec()),
        ("XML called JSON", Json, b"<a/>".to_vec()),
        ("JSON called XML", Xml, b"{}".to_vec()),
        ("not UTF-8", Json, b"{\"orderinfo\":\"\xff\xfe\"}".to_vec()),
        ("not UTF-8", Xml, b"<a>\xff</a>".to_vec()),
        ("too deep", Json, deep(300).into_bytes()),
        ("far too deep", Json, deep(100_000).into_bytes()),
        ("far too deep", Xml, "<a>".repeat(80_000).into_bytes()),
        ("another root", Xml, b"<Order xmlns=\"http://example.test/\"/>".to_vec()),
        ("a document type", Xml, entity.as_bytes().to_vec()),
    ];
    for path in ENDPOINTS {
        for (name, format, body) in &bodies {
            let answer = signed(&server, path, format.content_type(), body.clone()).send(&server);
            check_invalid(name, path, &answer);
        }
        // The root of another type, and the right one in no namespace.
        let right = encode(path, &message(&server, path), Xml);
        let bare = right.replacen(" xmlns=\"http://schemas", " xmlns:n=\"http://schemas", 1);
        let cut = right[..right.len() - 8].to_owned();
        for (name, body) in [("no namespace", bare), ("cut off", cut)] {
            let answer = signed(&server, path, "application/xml", body.into_bytes()).send(&server);
            check_invalid(name, path, &answer);
        }
    }
    nothing_was_held(server, dir.path());
}

#[test]
fn media_types_lengths_and_methods_are_checked_by_every_endpoint() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    for path in ENDPOINTS {
        let body = message(&server, path).to_string().into_bytes();
        let check = |request: &Request, status: u16, text: &str| {
            let answer = request.send(&server);
            let context = format!("{path}: {} {}", answer.status, answer.text());
            assert_eq!(answer.status, status, "{context}");
            assert_eq!(answer.field("Message").as_deref(), Some(text), "{context}");
            answer
        };
        for media_type in ["text/plain", "application/octet-stream", "image/png"] {
            let text = format!(
                "The request entity's media type '{media_type}' is not supported for this resource."
            );
            check(&signed(&server, path, media_type, body.clone()), 415, &text);
        }
        let untyped = "The request contains an entity body but no Content-Type header. The inferred \
                       media type 'application/octet-stream' is not supported for this resource.";
        let mut request = signed(&server, path, "application/json", body.clone());
        request.headers.retain(|(name, _)| name != "Content-Type");
        check(&request, 415, untyped);
        check(&signed(&server, path, "nonsense", body.clone()), 415, untyped);

        let mut long = body.clone();
        long.resize(262_144, b' ');
        let fits = signed(&server, path, "application/json", long.clone());
        assert_ne!(fits.send(&server).status, 413, "{path}");
        long.push(b' ');
        let longer = signed(&server, path, "application/json", long);
        check(&longer, 413, "Maximum request length exceeded.");

        for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            let text = format!("The requested resource does not support http method '{method}'.");
            let mut request = signed(&server, path, "application/json", Vec::new());
            request.method = method.to_owned();
            let answer = check(&request, 405, &text);
            assert_eq!(answer.header("allow"), "POST", "{method} {path}");
        }
    }
    server.stop();
    // Bodies of exactly the limit were orders: the agent's one key and Douyin's.
    assert_eq!(audit(dir.path()).orders, 2);
}

#[test]
fn unknown_paths_and_operators_methods() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    for path in
        ["/", "/api", "/api/OrderAndPay3/WithRebate", "/router", "/admin", "/%00", "/a/../b?c=d"]
    {
        for (accept, expected) in
            [("application/json", "{\"Message\":\""), ("text/xml", "<Error><Message>")]
        {
            let answer = Request::new("POST", path).header("Accept", accept).send(&server);
            assert_eq!(answer.status, 404, "{path}");
            let text = answer.text();
            assert!(text.starts_with(expected) && text.contains(path), "{path}: {text}");
        }
    }
    let long = format!("/{}", "x".repeat(8000));
    assert_eq!(Request::new("GET", &long).send(&server).status, 404);
    for path in ["/health/live", "/health/ready", "/metrics"] {
        for method in ["POST", "PUT", "DELETE"] {
            let answer = Request::new(method, path).send(&server);
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, "GET, HEAD"),
                "{method} {path}"
            );
        }
    }
    nothing_was_held(server, dir.path());
}

/// Wrong members of the order half, by pointer from it: the value, and what is said of it, with `{p}`
/// for the prefix of the message.
fn wrong_members() -> Vec<(&'static str, Value, String)> {
    let required = |name: &str| format!("The {name} field is required.");
    let length = |name: &str, max: usize| {
        format!("The field {name} must be a string or array type with a maximum length of '{max}'.")
    };
    let unread = || "An error has occurred.".to_owned();
    let x = |count: usize| json!("x".repeat(count));
    vec![
        ("/orderdetails", Value::Null, required("orderdetails")),
        ("/mobile", Value::Null, required("mobile")),
        ("/mobile", json!(" "), required("mobile")),
        ("/effectdate", Value::Null, required("effectdate")),
        ("/effectdate", json!(""), required("effectdate")),
        ("/orderdetails/0/productid", Value::Null, required("productid")),
        ("/orderdetails/0/productid", json!("  "), required("productid")),
        ("/mobile", x(12), length("mobile", 11)),
        ("/effectdate", x(9), length("effectdate", 8)),
        ("/senderid", x(51), length("senderid", 50)),
        ("/identificationnumber", x(21), length("identificationnumber", 20)),
        ("/needinvoice", x(2), length("needinvoice", 1)),
        ("/invoicetitle", x(101), length("invoicetitle", 100)),
        ("/invoicecode", x(31), length("invoicecode", 30)),
        ("/orderdetails/0/amount", json!("many"), unread()),
        ("/orderdetails/0/amount", json!(1.5), unread()),
        ("/orderdetails/0/amount", json!(2_147_483_648_i64), unread()),
        ("/orderdetails/0/amount", json!({}), unread()),
        ("/orderdetails/0/amount", json!(true), unread()),
        ("/orderdetails/0/productid", json!([]), unread()),
        ("/orderdetails", json!("text"), unread()),
        ("/orderdetails", json!({}), unread()),
        ("/otheruserid", json!("x"), unread()),
        ("/mobile", json!({ "a": 1 }), unread()),
    ]
}

#[test]
fn wrong_members_are_named_by_every_ordering_endpoint() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let endpoints = [
        (THEATRE, "/orderinfo", "parm.orderinfo"),
        (SCENIC, "/orderinfo", "parm.orderinfo"),
        (ADD_THEATRE, "", "orderparm"),
        (ADD_SCENIC, "", "orderparm"),
        (VERIFY, "", "orderparm"),
    ];
    for (path, root, prefix) in endpoints {
        let right = message(&server, path);
        for (pointer, value, text) in wrong_members() {
            let wrong = with(&right, &[(&format!("{root}{pointer}"), value)]);
            let answer = DEMO.call(&server, path, &wrong, Json);
            let context = format!("{path} {pointer}: {}", answer.text());
            check_invalid(pointer, path, &answer);
            let state = &answer.json()["ModelState"];
            let key = format!("{prefix}{}", pointer.replace("/0/", "[0]/").replace('/', "."));
            let said = state.as_object().unwrap().iter().find(|(known, _)| known.starts_with(&key));
            let said = said.unwrap_or_else(|| panic!("{context}")).1;
            assert_eq!(said[0], text, "{context}");
        }
        let halves: &[&str] = if root.is_empty() { &[] } else { &["orderinfo", "payinfo"] };
        for half in halves {
            let answer = DEMO.call(
                &server,
                path,
                &with(&right, &[(&format!("/{half}"), Value::Null)]),
                Json,
            );
            check_invalid(half, path, &answer);
            assert!(answer.text().contains(&format!("The {half} field is required.")));
        }
    }
    for member in ["orderid", "paypassword"] {
        let right = message(&server, PAY);
        let wrong = with(&right, &[(&format!("/{member}"), json!(""))]);
        check_invalid(member, PAY, &DEMO.call(&server, PAY, &wrong, Json));
        let wrong =
            with(&message(&server, SCENIC), &[(&format!("/payinfo/{member}"), Value::Null)]);
        check_invalid(member, SCENIC, &DEMO.call(&server, SCENIC, &wrong, Json));
    }
    nothing_was_held(server, dir.path());
}

#[test]
fn lists_and_texts_have_a_greatest_length() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let line = json!({ "productid": "P-TINY", "amount": 1 });
    let lines = json!(vec![line; 201]);
    for format in FORMATS {
        let long = with(&message(&server, ADD_SCENIC), &[("/orderdetails", lines.clone())]);
        // Our own encoder reads the JSON first and would cut it, so the XML is made of a shorter one.
        let body = match format {
            Json => long.to_string(),
            Xml => {
                let xml = encode(ADD_SCENIC, &message(&server, ADD_SCENIC), Xml);
                let (start, end) =
                    (xml.find("<OrderAddItemParm>").unwrap(), xml.find("</orderdetails>").unwrap());
                format!("{}{}{}", &xml[..start], xml[start..end].repeat(201), &xml[end..])
            }
        };
        let answer = DEMO.request(&server, ADD_SCENIC, format.content_type(), body).send(&server);
        check_invalid("201 lines", ADD_SCENIC, &answer);
        let text = json!("长".repeat(65_537));
        for pointer in ["/reserve1", "/orderdetails/0/fullname", "/orderdetails/0/productid"] {
            let wrong = with(&message(&server, ADD_SCENIC), &[(pointer, text.clone())]);
            let body = match format {
                Json => wrong.to_string(),
                Xml => {
                    let marked = with(&message(&server, ADD_SCENIC), &[(pointer, json!("MARK"))]);
                    encode(ADD_SCENIC, &marked, Xml).replace("MARK", text.as_str().unwrap())
                }
            };
            let answer =
                DEMO.request(&server, ADD_SCENIC, format.content_type(), body).send(&server);
            check_invalid(pointer, ADD_SCENIC, &answer);
        }
    }
    let tourists = json!(vec![json!({ "name": "x" }); 201]);
    let ask = with(&message(&server, CODES), &[("/tourists", tourists)]);
    let answer = partner::ticket_request(&server, &ask, Json, Signed::Header).send(&server);
    check_invalid("201 tourists", CODES, &answer);
    nothing_was_held(server, dir.path());
}

#[test]
fn an_order_larger_than_a_record_may_be_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path()).selling(shop::SMALL);
    setup.journal.record_bytes_max = 16 * 1024;
    let server = Server::start_with(setup);
    let large = with(&message(&server, ADD_SCENIC), &[("/reserve1", json!("长".repeat(10_000)))]);
    for _ in 0..3 {
        let answer = DEMO.call(&server, ADD_SCENIC, &large, Json);
        assert_eq!(answer.code("resultcode"), 999_999, "{}", answer.text());
        assert_eq!(answer.field("returnmessgage").as_deref(), Some("订单内容过大"));
    }
    nothing_was_held(server, dir.path());
}

/// A client that breaks off in its body, or waits for ever, holds up nobody.
#[test]
fn broken_and_slow_requests_are_given_up() {
    use std::io::{Read as _, Write as _};
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path()).selling(shop::SMALL);
    setup.http.request_body_timeout_ms = 1000;
    setup.http.request_head_timeout_ms = 1000;
    let server = Server::start_with(setup);
    let head = format!("POST {SCENIC} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n");
    for (sent, status) in [(format!("{head}\r\n{{"), "408"), (head.clone(), "408")] {
        let mut stream = std::net::TcpStream::connect(server.addr).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{sent}: {answer}");
    }
    for cut in [head.len() / 2, head.len()] {
        let mut stream = std::net::TcpStream::connect(server.addr).unwrap();
        stream.write_all(&head.as_bytes()[..cut]).unwrap();
    }
    nothing_was_held(server, dir.path());
}

#[test]
fn errors_of_the_framework_in_both_formats() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let mut transcript = crate::support::transcript::Transcript::default();
    transcript.name(&server.addr.to_string(), "host");
    for format in FORMATS {
        let mut step = |title: &str, request: Request| {
            let request = request.header("Accept", format.content_type());
            transcript.step(title, &request, &request.send(&server));
        };
        let wrong = json!({ "orderinfo": { "orderdetails": [{ "amount": "x" }], "mobile": "138000000000" } });
        let post = |content_type: &str, body: &str| {
            signed(&server, SCENIC, content_type, body.as_bytes().to_vec())
        };
        step("members that break their rules", post("application/json", &wrong.to_string()));
        step("no message at all", post("application/json", ""));
        step("an unknown media type", post("x/y", "a"));
        step("no signature", Request::new("POST", SCENIC));
        step("a wrong method", Request::new("GET", SCENIC));
        step("an unknown path", Request::new("POST", "/api/Nothing?a='b'&c=%3Cd%3E"));
    }
    transcript.check("errors.txt");
    nothing_was_held(server, dir.path());
}
