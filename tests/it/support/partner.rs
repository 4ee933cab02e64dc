//! Clients of the four interfaces, signing as the partners sign.

use std::sync::atomic::{AtomicU64, Ordering};

use piaoku::domain::identity::sample;
use piaoku::wire::douyin::sign::{self, ClientSecret};
use piaoku::wire::ota::hawk::{self, HawkRequest};
use piaoku::wire::ota::{HawkCredential, PayPassword, UpperMd5};
use piaoku::wire::top::client::{Caller, encode_form};
use piaoku::wire::top::gateway::{Api, Format as TopFormat};
use piaoku::wire::top::sign::SignMethod;
use serde_json::{Value, json};

use super::Target;
use super::http::{Answer, Request};
use super::message::{Format, Json, encode};

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
pub(crate) const APP_KEY: &str = "12345678";
pub(crate) const APP_SECRET: &str = "helloworld";
pub(crate) const SHOP: &str = "2017112100077000000046517463";
pub(crate) const COUPON_SKU: &str = "7000000000000000001";
pub(crate) const ADULT_SKU: &str = "7000000000000000002";

pub(crate) const THEATRE: &str = "/api/OrderAndPay2/WithRebate";
pub(crate) const THEATRE_ALIAS: &str = "/Source/OrderAndPayWithFK2.aspx";
pub(crate) const SCENIC: &str = "/api/OrderAndPay/WithRebate";
pub(crate) const ADD_THEATRE: &str = "/api/AddOrder2";
pub(crate) const ADD_SCENIC: &str = "/api/AddOrder";
pub(crate) const PAY: &str = "/api/PayOrder/MIN/UseRebateAndPassword";
pub(crate) const CANCEL: &str = "/api/Order/CancelOrder";
pub(crate) const REFUND: &str = "/api/Order/RefundTicket";
pub(crate) const REFUND_WITH_MEMORY: &str = "/api/Order/Refund";
pub(crate) const SCENIC_PREPAID: &str = "/api/OrderAndPay/WithPrepayment";
pub(crate) const MIXED: &str = "/api/OrderAndPay/WithPrepayment/SpecialForYouYang";
pub(crate) const VERIFY: &str = "/api/SpecialOta/DouYin/CalendarTicket/Order/Verify";
pub(crate) const CODES: &str = "/api/Order/FromDouyin/TicketCode/Get";
pub(crate) const PROVIDER: &str = "/api/ProviderConfig";
pub(crate) const ROUTER: &str = "/router/rest";

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

impl Agent {
    fn credential(&self) -> HawkCredential {
        HawkCredential::new(self.session_key, &UpperMd5::of(LOGIN_PASSWORD))
    }

    /// The pay password as it travels.
    pub(crate) fn pay_password(&self) -> String {
        self.encrypted(PAY_PASSWORD)
    }

    /// Any password as a pay password travels.
    pub(crate) fn encrypted(&self, password: &str) -> String {
        let (login, pay) = (UpperMd5::of(LOGIN_PASSWORD), UpperMd5::of(password));
        PayPassword::new(self.session_key, &login, &pay).field().to_owned()
    }

    /// The `Authorization` header for a request, signed at `ts`.
    pub(crate) fn authorization(
        &self,
        target: &impl Target,
        request: &Request,
        ts: i64,
        with_hash: bool,
    ) -> String {
        let host = target.addr().ip().to_string();
        let content_type =
            request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let signed = HawkRequest {
            method: &request.method,
            path_and_query: &request.path,
            host: &host,
            port: target.addr().port(),
            content_type: content_type.map_or("", |(_, value)| value),
            body: &request.body,
        };
        let nonce = format!("n{}", fresh());
        hawk::authorization(&self.credential(), self.id, ts, &nonce, &signed, with_hash)
    }

    /// The request with its signature.
    pub(crate) fn sign(&self, target: &impl Target, request: Request) -> Request {
        let ts = target.now().as_secs();
        let authorization = self.authorization(target, &request, ts, false);
        request.header("Authorization", &authorization)
    }

    /// A signed POST, to be sent or spoilt.
    pub(crate) fn request(
        &self,
        target: &impl Target,
        path: &str,
        content_type: &str,
        body: impl Into<Vec<u8>>,
    ) -> Request {
        let request = Request::new("POST", path).header("Content-Type", content_type).body(body);
        self.sign(target, request)
    }

    /// Posts a signed message.
    pub(crate) fn call(
        &self,
        target: &impl Target,
        path: &str,
        message: &Value,
        format: Format,
    ) -> Answer {
        let body = encode(path, message, format);
        self.request(target, path, format.content_type(), body).send(target)
    }

    /// Posts signed JSON and reads the JSON answer.
    pub(crate) fn json(&self, target: &impl Target, path: &str, message: &Value) -> Value {
        let answer = self.call(target, path, message, Json);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Cancels an order.
    pub(crate) fn cancel(&self, target: &impl Target, order: &str, format: Format) -> Answer {
        let path = format!("{CANCEL}?orderid={order}");
        let request = Request::new("POST", &path).header("Accept", format.content_type());
        self.sign(target, request).send(target)
    }

    /// The payment half of a message.
    pub(crate) fn pay_info(&self, order: &str) -> Value {
        json!({ "orderid": order, "paypassword": self.pay_password() })
    }

    /// An order message of either family with its payment.
    pub(crate) fn and_pay(&self, info: &Value) -> Value {
        let number = info["senderid"].as_str().filter(|id| !id.is_empty()).unwrap_or("none");
        json!({ "orderinfo": info, "payinfo": self.pay_info(number) })
    }
}

/// A theatre order of `amount` places in area A, for the performance in `days` days.
pub(crate) fn theatre_info(target: &impl Target, sender_id: &str, days: i32, amount: i64) -> Value {
    let date = target.day(days);
    json!({
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
    })
}

/// A scenic order: one adult in `days` days.
pub(crate) fn adult_info(target: &impl Target, sender_id: &str, days: i32, timespan: i64) -> Value {
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
        "effectdate": target.day(days),
        "servicecode": "01",
        "timespanindex": timespan,
        "senderid": sender_id
    })
}

/// A scenic order without timespans and persons: `amount` of a product tomorrow.
pub(crate) fn plain_info(
    target: &impl Target,
    sender_id: &str,
    product: &str,
    amount: i64,
) -> Value {
    json!({
        "orderdetails": [{ "productid": product, "amount": amount }],
        "mobile": mobile(),
        "effectdate": target.day(1),
        "timespanindex": 0,
        "senderid": sender_id
    })
}

/// Where a Douyin call carries its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    Header,
    Query,
}

/// What Douyin asks for: `count` codes of a SKU, valid for thirty days from now.
pub(crate) fn ticket_ask(target: &impl Target, order_id: &str, sku: &str, count: i64) -> Value {
    let now = target.now().as_secs();
    json!({
        "order_id": order_id,
        "count": count,
        "start_time": now,
        "expire_time": now + 30 * 86_400,
        "sku_id": sku
    })
}

/// A signed request for codes, to be sent or spoilt.
pub(crate) fn ticket_request(
    target: &impl Target,
    ask: &Value,
    format: Format,
    signed: Signed,
) -> Request {
    let body = encode(CODES, ask, format);
    ticket_body(target, format.content_type(), body.into_bytes(), signed)
}

/// The same with any bytes.
pub(crate) fn ticket_body(
    target: &impl Target,
    content_type: &str,
    body: Vec<u8>,
    signed: Signed,
) -> Request {
    let secret = ClientSecret::new(CLIENT_SECRET);
    let query = format!("client_key={CLIENT_KEY}&timestamp={}", target.now().get());
    let post = |query: &str| {
        Request::new("POST", &format!("{CODES}?{query}")).header("Content-Type", content_type)
    };
    let request = match signed {
        Signed::Header => {
            post(&query).header(sign::SIGNATURE_HEADER, &sign::sha256_sign(&secret, &query, &body))
        }
        Signed::Query => post(&format!("{query}&sign={}", sign::md5_sign(&secret, &query, &body))),
    };
    request.body(body)
}

/// Asks for codes as Douyin does, in JSON, signed in the header.
pub(crate) fn ticket_codes(target: &impl Target, ask: &Value) -> Value {
    let answer = ticket_request(target, ask, Json, Signed::Header).send(target);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The codes in an answer to Douyin.
pub(crate) fn codes_of(answer: &Value) -> Vec<String> {
    let codes = answer["data"]["codes"].as_array().expect("a list of codes");
    codes.iter().map(|code| code.as_str().expect("a code as text").to_owned()).collect()
}

/// The pairs of a consult, signed.
pub(crate) fn consult_pairs(
    target: &impl Target,
    shop: &str,
    code: &str,
    sign_method: SignMethod,
    format: TopFormat,
) -> Vec<(&'static str, String)> {
    let request = json!({ "request_id": "R1", "shop_id": shop, "ticket_code": code });
    let (app_key, secret, now) = (APP_KEY, APP_SECRET, target.now());
    let caller = Caller { app_key, secret, sign_method, format, now };
    let application = [("consult_request", &*request.to_string())];
    caller.signed_pairs(Api::TicketConsult, &application).expect("a time of the calendar")
}

/// A form posted to the gateway.
pub(crate) fn post_form<V: AsRef<str>>(pairs: &[(&'static str, V)]) -> Request {
    Request::new("POST", ROUTER)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(encode_form(pairs))
}

/// Previews a code as the shop does, in simplified JSON.
pub(crate) fn consult(target: &impl Target, code: &str) -> Value {
    let pairs = consult_pairs(target, SHOP, code, SignMethod::Md5, TopFormat::SimplifiedJson);
    let answer = post_form(&pairs).send(target);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The pairs of any call of the gateway, signed.
pub(crate) fn top_pairs(
    target: &impl Target,
    api: Api,
    argument: (&'static str, &Value),
    format: TopFormat,
) -> Vec<(&'static str, String)> {
    let (app_key, secret, now) = (APP_KEY, APP_SECRET, target.now());
    let caller = Caller { app_key, secret, sign_method: SignMethod::Md5, format, now };
    let application = [(argument.0, &*argument.1.to_string())];
    caller.signed_pairs(api, &application).expect("a time of the calendar")
}

pub(crate) const GATE_TOKEN: &str = "demo-gate-token-2024";

/// What a gate asks about a code; `action` is empty, `/redeem` or `/reverse`, the last two with a body.
pub(crate) fn gate_request(token: &str, code: &str, action: &str, body: &Value) -> Request {
    let method = if action.is_empty() { "GET" } else { "POST" };
    let request = Request::new(method, &format!("/v1/vouchers/{code}{action}"))
        .header("Authorization", &format!("Bearer {token}"));
    if action.is_empty() {
        return request;
    }
    request.header("Content-Type", "application/json").body(body.to_string())
}
