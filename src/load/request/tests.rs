//! Every request is one that the server's own code admits and reads.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::domain::identity::{ResidentId, sample};
use crate::wire::codec::{Body, Limits};
use crate::wire::douyin::GetTicketCodeDouyinParm;
use crate::wire::douyin::sign::{ClientSecret, SIGNATURE_HEADER, verify};
use crate::wire::ota::hawk::{HawkHeader, HawkRequest};
use crate::wire::ota::{
    HawkCredential, OrderAddParm, OrderAndPayWithPassword2Parm, PayPassword, UpperMd5,
};
use crate::wire::top::consult::ConsultRequest;
use crate::wire::top::gateway::{Format, Gateway, GatewayConfig};
use crate::wire::top::request::HttpCall;

const NOW: UnixMillis = UnixMillis::new(1_795_280_712_345);
const HOST: &str = "example.test:8080";
const LIMITS: Limits = Limits {
    depth_max: 16,
    list_len_max: 16,
    text_len_max: 1000,
    form_pairs_max: 1,
    errors_max: 10,
};

fn partner() -> Partner {
    Partner {
        agent: "agent".to_owned(),
        session_key: "00000000-1111-2222-3333-444444444444".to_owned(),
        login_password: "Login#2024".to_owned(),
        pay_password: "Pay#2024".to_owned(),
        client_key: "client".to_owned(),
        client_secret: "secret".to_owned(),
        app_key: "12345678".to_owned(),
        app_secret: "helloworld".to_owned(),
        shop: "S1".to_owned(),
    }
}

fn requests(format: BodyFormat, slots: u32, thread: u64) -> Requests {
    let goods = Goods {
        product: "P-LOAD".to_owned(),
        first_day: ServiceDate::parse_compact("20261130").unwrap(),
        slots,
        sku: "7".to_owned(),
    };
    Requests::new(&Ingredients {
        partner: &partner(),
        goods: &goods,
        format,
        host: HOST,
        port: 8080,
        codes: &["012345678901".to_owned(), "109876543210".to_owned()],
        seed: 7,
        thread,
    })
}

/// A request, taken apart.
struct Made {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Made {
    fn by(requests: &mut Requests, kind: Kind, key: u64) -> Self {
        let mut bytes = b"what was there".to_vec();
        requests.write(kind, key, NOW, &mut bytes);
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut head = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(&bytes).unwrap() else {
            panic!("an unfinished head");
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers = head.headers.iter().map(|it| (it.name.to_owned(), text(it.value)));
        let made = Self {
            method: head.method.unwrap().to_owned(),
            path: head.path.unwrap().to_owned(),
            headers: headers.collect(),
            body: bytes[length..].to_vec(),
        };
        assert_eq!(made.header("Host"), Some(HOST));
        let length = made.header("Content-Length").unwrap_or("0").to_owned();
        assert_eq!(length, made.body.len().to_string(), "{kind:?}");
        assert!(!made.body.windows(4).any(|it| it == b"----"), "a gap was left: {kind:?}");
        made
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn body(&self) -> Body<'_> {
        Body::new(self.header("Content-Type"), &self.body).unwrap()
    }

    /// Checks the signature and gives the nonce.
    fn hawk_nonce(&self) -> String {
        let header = HawkHeader::parse(self.header("Authorization").unwrap()).unwrap();
        assert_eq!(header.id, "agent");
        let request = HawkRequest {
            method: &self.method,
            path_and_query: &self.path,
            host: HOST,
            port: 8080,
            content_type: self.header("Content-Type").unwrap(),
            body: &self.body,
        };
        let credential =
            HawkCredential::new(&partner().session_key, &UpperMd5::of(&partner().login_password));
        header.verify(&credential, &request, NOW, Duration::ZERO).unwrap();
        header.nonce.to_owned()
    }
}

const FORMATS: [BodyFormat; 2] = [BodyFormat::Json, BodyFormat::Xml];

#[test]
fn an_order_is_signed_paid_and_for_a_traveller_of_its_own() {
    for format in FORMATS {
        let mut requests = requests(format, 1000, 0);
        let (mut senders, mut documents, mut nonces, mut days) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for key in 0..50 {
            let made = Made::by(&mut requests, Kind::Order, key);
            assert_eq!(made.path, "/api/OrderAndPay2/WithRebate");
            nonces.insert(made.hawk_nonce());
            let body = made.body();
            let read = body.read::<OrderAndPayWithPassword2Parm<'_>>("parm", &LIMITS);
            assert!(read.state.is_valid(), "{:?}", read.state);
            let model = read.model.unwrap();
            let (order, pay) = (model.orderinfo.unwrap(), model.payinfo.unwrap());
            let login = UpperMd5::of(&partner().login_password);
            let password =
                PayPassword::new(&partner().session_key, &login, &UpperMd5::of("Pay#2024"));
            password.verify(&pay.paypassword.unwrap()).unwrap();
            let sender = order.senderid.unwrap().into_owned();
            assert_eq!(pay.orderid.as_deref(), Some(&sender[..20]));
            let line = &order.orderdetails.as_ref().unwrap()[0];
            assert_eq!((line.productid.as_deref(), line.amount), (Some("P-LOAD"), 1));
            assert_eq!(line.mobile, order.mobile);
            let document = line.identificationnumber.as_deref().unwrap();
            assert!(ResidentId::parse(document).is_ok(), "{document}");
            documents.insert(document.to_owned());
            senders.insert(sender);
            days.insert(order.effectdate.unwrap().into_owned());
        }
        assert_eq!(
            (senders.len(), documents.len(), nonces.len(), days.len()),
            (50, 50, 50, 50),
            "{format:?}"
        );
        assert_eq!(days.first().map(String::as_str), Some("20261130"));
    }
}

#[test]
fn a_verification_is_signed() {
    for format in FORMATS {
        let made = Made::by(&mut requests(format, 1, 0), Kind::Verify, 3);
        made.hawk_nonce();
        let body = made.body();
        let read = body.read::<OrderAddParm<'_>>("parm", &LIMITS);
        assert!(read.state.is_valid());
        let model = read.model.unwrap();
        assert_eq!(model.effectdate.as_deref(), Some("20261130"));
        assert_eq!(model.orderdetails.unwrap().len(), 1);
    }
}

#[test]
fn copies_share_their_key_and_nothing_shares_a_nonce() {
    let mut first = requests(BodyFormat::Json, 1, 0);
    let mut second = requests(BodyFormat::Json, 1, 1);
    let orders = [
        Made::by(&mut first, Kind::Order, 9),
        Made::by(&mut first, Kind::Order, 9),
        Made::by(&mut second, Kind::Order, 9),
    ];
    let nonces: BTreeSet<String> = orders.iter().map(Made::hawk_nonce).collect();
    assert_eq!(nonces.len(), 3);
    assert!(orders.iter().all(|order| order.body == orders[0].body));
    assert_ne!(Made::by(&mut first, Kind::Order, 10).body, orders[0].body);
}

#[test]
fn codes_are_asked_for_with_the_signature() {
    for format in FORMATS {
        let made = Made::by(&mut requests(format, 1, 0), Kind::Codes, 3);
        let (path, query) = made.path.split_once('?').unwrap();
        assert_eq!(path, "/api/Order/FromDouyin/TicketCode/Get");
        let signature = made.header(SIGNATURE_HEADER);
        verify(&ClientSecret::new("secret"), query, &made.body, signature).unwrap();
        assert!(query.contains("timestamp=1795280712345"), "{query}");
        let body = made.body();
        let model = body.read::<GetTicketCodeDouyinParm<'_>>("parm", &LIMITS).model.unwrap();
        assert_eq!((model.effective_sku_id(), model.count), (Some("7"), 1));
        let tourist = &model.tourists.unwrap()[0];
        assert!(ResidentId::parse(tourist.id_card.as_deref().unwrap()).is_ok());
    }
}

#[test]
fn previews_take_turns_with_the_codes() {
    let gateway = Gateway::new(GatewayConfig::default()).unwrap();
    for (format, expected) in [(BodyFormat::Json, Format::Json), (BodyFormat::Xml, Format::Xml)] {
        let mut requests = requests(format, 1, 0);
        let mut asked = BTreeSet::new();
        for key in 0..4 {
            let made = Made::by(&mut requests, Kind::Consult, key);
            let call = HttpCall {
                http_method: &made.method,
                query: "",
                content_type: made.header("Content-Type"),
                body: &made.body,
            };
            let known = |key: &str| (key == "12345678").then_some("helloworld");
            let call = gateway.admit(&call, NOW, known).unwrap();
            assert_eq!(call.format, expected);
            asked.insert(ConsultRequest::parse(&call.params).unwrap().ticket_code);
        }
        assert_eq!(asked.into_iter().collect::<Vec<_>>(), ["012345678901", "109876543210"]);
    }
}

#[test]
fn the_other_request_asks_for_health() {
    let made = Made::by(&mut requests(BodyFormat::Json, 1, 0), Kind::Live, 0);
    assert_eq!((made.method.as_str(), made.path.as_str()), ("GET", "/health/live"));
}

#[test]
fn mobiles_are_those_of_the_samples() {
    for traveller in [0, 1, 999, sample::MOBILES - 1] {
        assert_eq!(ota::mobile(traveller), sample::mobile(traveller).as_bytes());
    }
}
