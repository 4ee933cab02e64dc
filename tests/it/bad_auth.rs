//! Callers who are not who they say, or sign wrongly, or say nothing: each protocol's own error, and
//! nothing held. docs/protocols/ota.md, "HAWK" and "Pay password"; docs/protocols/top.md, "Order of
//! checks".

use piaoku::wire::top::client::encode_form;
use piaoku::wire::top::gateway::Format as TopFormat;
use piaoku::wire::top::sign::{SignMethod, sign};
use serde_json::{Value, json};

use crate::support::Target;
use crate::support::books::audit;
use crate::support::http::{Answer, Request};
use crate::support::message::{Json, with};
use crate::support::partner::{
    self, ADD_SCENIC, ADD_THEATRE, APP_SECRET, Agent, CANCEL, DEMO, PAY, POOR, ROUTER, SCENIC,
    SHOP, THEATRE, VERIFY, post_form,
};
use crate::support::server::{Server, Setup};
use crate::support::shop;

/// An agent that is known and may not call.
const DISABLED: &str = r#"
[[agent]]
id = "former-agent"
name = "已停用代理商"
enabled = false
session_key = "00000000-1111-2222-3333-666666666666"
login_password = "Login#2024"
pay_password = "Pay#2024"
"#;

const SIGNED_ENDPOINTS: [&str; 7] = [THEATRE, SCENIC, ADD_THEATRE, ADD_SCENIC, PAY, CANCEL, VERIFY];

fn check_denied(name: &str, path: &str, answer: &Answer) {
    let context = format!("{name}, {path}: {} {}", answer.status, answer.text());
    assert_eq!(answer.status, 401, "{context}");
    assert_eq!(answer.header("www-authenticate"), "Hawk", "{context}");
    let text = "{\"Message\":\"Authorization has been denied for this request.\"}";
    assert_eq!(answer.text(), text, "{context}");
}

#[test]
fn wrong_stale_and_malformed_signatures_are_denied_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(Setup::new(dir.path()).selling(DISABLED));
    let now = server.now().as_secs();
    let stranger = Agent { id: "nobody", ..DEMO };
    let other_key = Agent { session_key: POOR.session_key, ..DEMO };
    let keyless = Agent { id: "douyin", session_key: "" };
    let former = Agent { id: "former-agent", session_key: "00000000-1111-2222-3333-666666666666" };
    for path in SIGNED_ENDPOINTS {
        let body = partner::plain_info(&server, "S", "P-BULK", 1).to_string();
        let bare = || {
            let path = if path == CANCEL { format!("{path}?orderid=1") } else { path.to_owned() };
            Request::new("POST", &path).header("Content-Type", "application/json").body(&*body)
        };
        let denied =
            |name: &str, request: Request| check_denied(name, path, &request.send(&server));
        let at = |agent: &Agent, ts: i64| {
            let authorization = agent.authorization(&server, &bare(), ts, false);
            bare().header("Authorization", &authorization)
        };
        denied("no signature", bare());
        for (name, agent) in [
            ("unknown", &stranger),
            ("another's key", &other_key),
            ("keyless", &keyless),
            ("disabled", &former),
        ] {
            denied(name, at(agent, now));
        }
        for ts in [now - 61, now + 61, 0, -1, i64::MAX] {
            denied("stale", at(&DEMO, ts));
        }
        for ts in [now - 60, now + 60] {
            assert_ne!(at(&DEMO, ts).send(&server).status, 401, "{path}");
        }
        let right = DEMO.authorization(&server, &bare(), now, false);
        for wrong in [
            "".to_owned(),
            "Hawk".to_owned(),
            "Basic ZGVtbzpkZW1v".to_owned(),
            right.replace("Hawk", "Bearer"),
            right.replace("nonce=", "once="),
            right.replace("mac=\"", "mac=\"A"),
            right.replace('"', "'"),
            format!("{right}, id=\"demo-agent\""),
            format!("{right}, app=\"x\""),
            format!("{right}, hash=\"AAAA\""),
            format!("{right}, ext=\"x\""),
            right.replace(&now.to_string(), "now"),
            right.replace(&now.to_string(), &(now + 1).to_string()),
            format!("Hawk {}", "x".repeat(5000)),
        ] {
            denied(&wrong, bare().header("Authorization", &wrong));
        }
        let mut moved = at(&DEMO, now);
        moved.path =
            if path == CANCEL { format!("{CANCEL}?orderid=2") } else { format!("{path}?a=b") };
        denied("another query", moved);
        // With the payload's hash the body cannot be exchanged either.
        let hashed = DEMO.authorization(&server, &bare(), now, true);
        let hashed = bare().header("Authorization", &hashed);
        assert_ne!(hashed.send(&server).status, 401, "{path}");
        denied("another body", hashed.body(body.replace("P-BULK", "P-TINY")));
    }
    server.stop();
    audit(dir.path());
}

#[test]
fn nothing_is_sold_or_paid_without_the_pay_password() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(Setup::new(dir.path()).selling(shop::SMALL));
    let held = DEMO.json(&server, ADD_SCENIC, &partner::plain_info(&server, "held", "P-BULK", 1));
    let held = held["orderid"].as_str().unwrap();
    let login = DEMO.encrypted(partner::LOGIN_PASSWORD);
    for wrong in [
        DEMO.encrypted("pay#2024"),
        DEMO.encrypted(""),
        login,
        POOR.pay_password(),
        partner::PAY_PASSWORD.to_owned(),
        "not base64!".to_owned(),
        "A".repeat(56),
        "A".repeat(60_000),
        DEMO.pay_password().replace('=', ""),
    ] {
        let key = partner::sender_id();
        let password = [("/payinfo/paypassword", json!(wrong))];
        let theatre = with(&DEMO.and_pay(&partner::theatre_info(&server, &key, 1, 1)), &password);
        let scenic =
            with(&DEMO.and_pay(&partner::plain_info(&server, &key, "P-TINY", 1)), &password);
        let pay = json!({ "orderid": held, "paypassword": wrong });
        for (path, message) in [(THEATRE, theatre), (SCENIC, scenic), (PAY, pay)] {
            let answer = DEMO.json(&server, path, &message);
            assert_eq!(answer["resultcode"], 999_999, "{wrong}: {answer}");
            assert_eq!(answer["returnmessgage"], "支付密码错误", "{wrong}");
            assert_eq!(answer["orderid"], Value::Null);
        }
    }
    for number in ["1", "2174439120000000000x", "0000000000000000000", "9999999999999999999"] {
        let answer = DEMO.json(&server, PAY, &DEMO.pay_info(number));
        assert_eq!(answer["returnmessgage"], "订单不存在", "{number}: {answer}");
        let answer = DEMO.cancel(&server, number, Json);
        assert_eq!(answer.field("returnmessgage").as_deref(), Some("订单不存在"), "{number}");
    }
    let unnamed = DEMO.sign(&server, Request::new("POST", CANCEL)).send(&server);
    assert_eq!(unnamed.status, 404, "{}", unnamed.text());
    let whole = DEMO.and_pay(&partner::plain_info(&server, "whole", "P-TINY", 3));
    assert_eq!(DEMO.json(&server, SCENIC, &whole)["resultcode"], 0);
    server.stop();
    let audit = audit(dir.path());
    assert_eq!((audit.orders, audit.paid), (2, 1));
}

/// A consult with pairs changed (an empty value in `drop` leaves the pair out) and signed anew.
fn changed(
    server: &Server,
    changes: &[(&'static str, &str)],
    drop: &[&str],
) -> Vec<(&'static str, String)> {
    let code = "523162942005";
    let mut pairs = partner::consult_pairs(server, SHOP, code, SignMethod::Md5, TopFormat::Json);
    pairs.retain(|(name, _)| *name != "sign" && !drop.contains(name));
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, (*value).to_owned()));
    }
    let method = pairs.iter().find(|(name, _)| *name == "sign_method");
    let method =
        method.and_then(|(_, value)| SignMethod::from_name(value)).unwrap_or(SignMethod::Md5);
    let borrowed: Vec<_> = pairs.iter().map(|(name, value)| (*name, &**value)).collect();
    let signature = sign(method, APP_SECRET.as_bytes(), &borrowed);
    pairs.push(("sign", signature));
    pairs
}

/// The code and sub code of an error, in whichever format it came; HTTP is always 200.
fn error_of(answer: &Answer) -> (i64, Option<String>) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("error_response"), "{}", answer.text());
    (answer.code("code"), answer.field("sub_code"))
}

#[test]
fn the_gateway_names_what_is_missing_or_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let check = |name: &str, request: &Request, code: i64, sub_code: Option<&str>| {
        let answer = request.send(&server);
        let found = error_of(&answer);
        assert_eq!(found, (code, sub_code.map(str::to_owned)), "{name}: {}", answer.text());
    };
    let posted =
        |name: &str, changes: &[(&'static str, &str)], code: i64, sub_code: Option<&str>| {
            check(name, &post_form(&changed(&server, changes, &[])), code, sub_code);
        };
    for (missing, code) in [("app_key", 28), ("method", 21), ("timestamp", 30), ("v", 32)] {
        check(missing, &post_form(&changed(&server, &[], &[missing])), code, None);
        posted(missing, &[(missing, "")], code, None);
    }
    let unsigned: Vec<_> =
        changed(&server, &[], &[]).into_iter().filter(|(n, _)| *n != "sign").collect();
    check("sign", &post_form(&unsigned), 24, None);
    check("nothing", &Request::new("GET", ROUTER), 28, None);
    check("an empty form", &post_form::<&str>(&[]), 28, None);

    let at = |seconds: i64| (server.now().as_secs() * 1000 + seconds * 1000).to_string();
    for seconds in [-601, 601, -86_400, 28_800] {
        posted("stale", &[("timestamp", &at(seconds))], 31, None);
    }
    for text in ["yesterday", "2026-11-22", "2026-11-31 01:05:12", "1795280712"] {
        posted(text, &[("timestamp", text)], 31, None);
    }
    for seconds in [-600, 600] {
        let answer =
            post_form(&changed(&server, &[("timestamp", &at(seconds))], &[])).send(&server);
        assert_eq!(answer.field("error_code").as_deref(), Some("TICKET_CODE_INVALID"));
    }
    posted("another format", &[("format", "yaml")], 23, None);
    posted("another signature", &[("sign_method", "rsa2")], 25, Some("isv.invalid-parameter"));
    posted("another app", &[("app_key", "87654321")], 29, None);
    posted("another method", &[("method", "taobao.item.get")], 22, None);
    posted("an older version", &[("v", "1.0")], 34, None);
    posted("no version", &[("v", "two")], 33, None);
    let mut spoilt = changed(&server, &[], &[]);
    spoilt.last_mut().unwrap().1 = "F".repeat(32);
    check("a wrong signature", &post_form(&spoilt), 25, None);
    let mut added = changed(&server, &[], &[]);
    added.push(("session", "x".to_owned()));
    check("a pair that was not signed", &post_form(&added), 25, None);

    let missing = Some("isv.missing-parameter");
    let invalid = Some("isv.invalid-parameter");
    check(
        "no consult_request",
        &post_form(&changed(&server, &[], &["consult_request"])),
        40,
        missing,
    );
    let ask = |text: &str, code: i64, sub_code| {
        posted(text, &[("consult_request", text)], code, sub_code)
    };
    ask("", 40, missing);
    ask("{}", 40, missing);
    ask(r#"{"request_id":"R","shop_id":"S"}"#, 40, missing);
    ask("[object Object]", 41, invalid);
    ask("not json", 41, invalid);
    ask(r#"{"request_id":"R","shop_id":"S","ticket_code":523162942005}"#, 41, invalid);
    ask(
        &format!(r#"{{"request_id":"R","shop_id":"{}","ticket_code":"1"}}"#, "1".repeat(33)),
        41,
        invalid,
    );
    ask(r#"{"request_id":"R","shop_id":"S","ticket_code":"523162942005"}"#, 41, invalid);
    ask(&format!(r#"{{"a":{}"#, "[".repeat(30_000)), 41, invalid);

    let form = encode_form(&changed(&server, &[], &[]));
    let post = |content_type: &str, body: &[u8]| {
        Request::new("POST", ROUTER).header("Content-Type", content_type).body(body)
    };
    let kind = "application/x-www-form-urlencoded";
    check("a text", &post("text/plain", form.as_bytes()), 43, invalid);
    check("JSON", &post("application/json", b"{}"), 43, invalid);
    check("a charset", &post(&format!("{kind};charset=GBK"), form.as_bytes()), 47, invalid);
    check("not UTF-8", &post(kind, format!("{form}&x=%FF").as_bytes()), 47, invalid);
    check("twice, unlike", &post(kind, format!("{form}&v=3.0").as_bytes()), 43, invalid);
    let many: String = (0..65).map(|n| format!("&a{n}=b")).collect();
    check("too many", &post(kind, format!("{form}{many}").as_bytes()), 43, invalid);
    check("no parts", &post("multipart/form-data", b"--x--"), 43, invalid);
    let broken = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
    check("broken parts", &post("multipart/form-data; boundary=x", broken), 43, invalid);
    check("too large", &post(kind, &vec![b'a'; 262_145]), 43, invalid);
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let mut request = post(kind, form.as_bytes());
        request.method = method.to_owned();
        check(method, &request, 9, None);
    }
    server.stop();
    assert_eq!(audit(dir.path()).orders, 0);
}
