//! Clients of the four interfaces, signing as the partners sign.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use piaoku::clock::{Clock, SystemClock};
use piaoku::domain::identity::sample;
use piaoku::types::ServiceDate;
use piaoku::wire::douyin::sign::{self, ClientSecret};
use piaoku::wire::ota::hawk::{self, HawkRequest};
use piaoku::wire::ota::{HawkCredential, PayPassword, UpperMd5};
use serde_json::{Value, json};

use super::server::Server;

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

/// An agent with its secrets.
pub(crate) struct Agent {
    pub(crate) id: &'static str,
    pub(crate) session_key: &'static str,
}

pub(crate) const DEMO: Agent =
    Agent { id: "demo-agent", session_key: "00000000-1111-2222-3333-444444444444" };
pub(crate) const POOR: Agent =
    Agent { id: "poor-agent", session_key: "00000000-1111-2222-3333-555555555555" };

pub(crate) const LOGIN_PASSWORD: &str = "Login#2024";
pub(crate) const PAY_PASSWORD: &str = "Pay#2024";
pub(crate) const CLIENT_KEY: &str = "awdemo0000000001";
pub(crate) const CLIENT_SECRET: &str = "0123456789abcdef0123456789abcdef";

static SERIAL: AtomicU64 = AtomicU64::new(1);

/// A number no other call of this process gets.
pub(crate) fn fresh() -> u64 {
    SERIAL.fetch_add(1, Ordering::Relaxed)
}

/// A request key nobody else uses.
pub(crate) fn sender_id() -> String {
    format!("T{:06}", fresh())
}

/// A valid document nobody else uses.
pub(crate) fn document() -> String {
    sample::resident_id(fresh())
}

/// A valid mobile nobody else uses.
pub(crate) fn mobile() -> String {
    sample::mobile(fresh())
}

/// The day at the venue `days` from now, `yyyyMMdd`.
pub(crate) fn day(days: i32) -> String {
    ServiceDate::at(SystemClock.now(), 8 * 3600).plus_days(days).to_compact()
}

impl Agent {
    fn credential(&self) -> HawkCredential {
        HawkCredential::new(self.session_key, &UpperMd5::of(LOGIN_PASSWORD))
    }

    /// The pay password as it travels.
    pub(crate) fn pay_password(&self) -> String {
        let (login, pay) = (UpperMd5::of(LOGIN_PASSWORD), UpperMd5::of(PAY_PASSWORD));
        PayPassword::new(self.session_key, &login, &pay).field().to_owned()
    }

    /// The `Authorization` header for a POST of `body` to `path`.
    pub(crate) fn authorization(
        &self,
        server: &Server,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> String {
        let host = server.addr.ip().to_string();
        let request = HawkRequest {
            method: "POST",
            path_and_query: path,
            host: &host,
            port: server.addr.port(),
            content_type,
            body,
        };
        let nonce = format!("n{}", fresh());
        let ts = SystemClock.now().as_secs();
        hawk::authorization(&self.credential(), self.id, ts, &nonce, &request, false)
    }

    /// Posts a signed body.
    pub(crate) fn post(
        &self,
        server: &Server,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> Answer {
        let authorization = self.authorization(server, path, content_type, body.as_bytes());
        post(
            server,
            path,
            &[("Authorization", &authorization), ("Content-Type", content_type)],
            body,
        )
    }

    /// Posts signed JSON and reads the JSON answer.
    pub(crate) fn json(&self, server: &Server, path: &str, body: &Value) -> Value {
        let answer = self.post(server, path, "application/json", &body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }
}

/// Posts a body with these headers.
pub(crate) fn post(server: &Server, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let agent = client();
    let mut request = agent.post(server.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    read(request.send(body).expect("the server answers"))
}

/// Gets a path.
pub(crate) fn get(server: &Server, path: &str) -> Answer {
    read(client().get(server.url(path)).call().expect("the server answers"))
}

fn client() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .new_agent()
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Answer {
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let content_type = header("content-type");
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().expect("a body of text");
    Answer { status, content_type, body }
}

/// A theatre order of `amount` places in area A in `days` days.
pub(crate) fn theatre_order(agent: &Agent, sender_id: &str, days: i32, amount: i64) -> Value {
    let date = day(days);
    json!({
        "orderinfo": {
            "orderdetails": [{
                "productid": "P-SHOW",
                "amount": amount,
                "identificationnumber": document(),
                "fullname": "张三",
                "identificationtype": "1",
                "mobile": mobile(),
                "gateinmode": "T",
                "seatitems": null
            }],
            "mobile": mobile(),
            "effectdate": date,
            "sceneid": format!("SC-{date}-1930"),
            "autoselseats": "1",
            "seatareaid": "A",
            "senderid": sender_id
        },
        "payinfo": { "orderid": sender_id, "paypassword": agent.pay_password() }
    })
}

/// A scenic order: one adult in `days` days.
pub(crate) fn adult_order(agent: &Agent, sender_id: &str, days: i32, timespan: i64) -> Value {
    json!({
        "orderinfo": adult_info(sender_id, days, timespan),
        "payinfo": { "orderid": sender_id, "paypassword": agent.pay_password() }
    })
}

/// The order part alone.
pub(crate) fn adult_info(sender_id: &str, days: i32, timespan: i64) -> Value {
    json!({
        "orderdetails": [{
            "productid": "P-ADULT",
            "amount": 1,
            "identificationnumber": document(),
            "fullname": "李四",
            "identificationtype": "1",
            "mobile": mobile(),
            "gateinmode": "I"
        }],
        "mobile": mobile(),
        "effectdate": day(days),
        "servicecode": "01",
        "timespanindex": timespan,
        "senderid": sender_id
    })
}

/// Asks for codes as Douyin does, signed in the header.
pub(crate) fn ticket_codes(server: &Server, body: &Value) -> Value {
    let millis = SystemClock.now().get();
    let query = format!("client_key={CLIENT_KEY}&timestamp={millis}");
    let body = body.to_string();
    let signature = sign::sha256_sign(&ClientSecret::new(CLIENT_SECRET), &query, body.as_bytes());
    let path = format!("/api/Order/FromDouyin/TicketCode/Get?{query}");
    let headers = [("Content-Type", "application/json"), (sign::SIGNATURE_HEADER, &*signature)];
    let answer = post(server, &path, &headers, &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}
