//! As an agent: Verify and OrderAndPay2, signed with HAWK. Source: docs/protocols/ota.md.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Drawn, Ingredients, NAME};
use crate::domain::identity::sample;
use crate::load::template::{Template, write_decimal, write_hex};
use crate::types::UnixMillis;
use crate::wire::codec::Text;
use crate::wire::ota::hawk::{HawkHeader, HawkRequest};
use crate::wire::ota::{
    HawkCredential, Order2AddParm, OrderAddItemParm, OrderAddParm, OrderAndPayWithPassword2Parm,
    PayOrderUsePayPasswordParm, PayPassword, UpperMd5,
};

const VERIFY: &str = "/api/SpecialOta/DouYin/CalendarTicket/Order/Verify";
const ORDER: &str = "/api/OrderAndPay2/WithRebate";

/// Characters of each gap, in the order of the constants below.
const LENGTHS: [(&str, usize); 8] = [
    ("SENDER", 21),
    ("PAYMENT", 20),
    ("DOCUMENT", 18),
    ("MOBILE", 11),
    ("DAY", 8),
    ("SECONDS", 10),
    ("NONCE", 32),
    ("MAC", 44),
];
const SENDER: usize = 0;
const PAYMENT: usize = 1;
const DOCUMENT: usize = 2;
const MOBILE: usize = 3;
const DAY: usize = 4;
const SECONDS: usize = 5;
const NONCE: usize = 6;
const MAC: usize = 7;

/// Requests of one endpoint.
pub(super) struct OtaRequests {
    template: Template,
    credential: HawkCredential,
    agent: String,
    path: &'static str,
    host: String,
    port: u16,
}

impl OtaRequests {
    /// Whether an order would be accepted.
    pub(super) fn verify(ingredients: &Ingredients<'_>) -> Self {
        let body = ingredients.format.encode(&OrderAddParm {
            orderdetails: Some(vec![line(ingredients)]),
            mobile: Some(gap(MOBILE).into()),
            effectdate: Some(gap(DAY).into()),
            ..OrderAddParm::default()
        });
        Self::new(ingredients, VERIFY, &body)
    }

    /// Order and pay from the rebate balance.
    pub(super) fn order(ingredients: &Ingredients<'_>) -> Self {
        let partner = ingredients.partner;
        let login = UpperMd5::of(&partner.login_password);
        let pay = UpperMd5::of(&partner.pay_password);
        let password = PayPassword::new(&partner.session_key, &login, &pay);
        let body = ingredients.format.encode(&OrderAndPayWithPassword2Parm {
            orderinfo: Some(Order2AddParm {
                orderdetails: Some(vec![line(ingredients)]),
                mobile: Some(gap(MOBILE).into()),
                effectdate: Some(gap(DAY).into()),
                autoselseats: filled("1"),
                senderid: Some(gap(SENDER).into()),
                ..Order2AddParm::default()
            }),
            payinfo: Some(PayOrderUsePayPasswordParm {
                orderid: Some(gap(PAYMENT).into()),
                paypassword: filled(password.field()),
            }),
        });
        Self::new(ingredients, ORDER, &body)
    }

    fn new(ingredients: &Ingredients<'_>, path: &'static str, body: &str) -> Self {
        let Ingredients { partner, host, port, .. } = ingredients;
        let media_type = ingredients.format.media_type();
        let text = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}; charset=utf-8\r\n\
             Accept: {media_type}\r\nContent-Length: {length}\r\nAuthorization: Hawk \
             id=\"{agent}\", ts=\"{seconds}\", nonce=\"{nonce}\", mac=\"{mac}\"\r\n\r\n{body}",
            length = body.len(),
            agent = partner.agent,
            seconds = gap(SECONDS),
            nonce = gap(NONCE),
            mac = gap(MAC),
        );
        let markers: Vec<String> = (0..LENGTHS.len()).map(gap).collect();
        let markers: Vec<&str> = markers.iter().map(String::as_str).collect();
        Self {
            template: Template::new(&text, &markers),
            credential: HawkCredential::new(
                &partner.session_key,
                &UpperMd5::of(&partner.login_password),
            ),
            agent: partner.agent.clone(),
            path,
            host: (*host).to_owned(),
            port: *port,
        }
    }

    /// The request of buyer `key`, the `made`th of this thread.
    pub(super) fn write(
        &self,
        drawn: &Drawn,
        key: u64,
        made: u64,
        now: UnixMillis,
        out: &mut Vec<u8>,
    ) {
        let template = &self.template;
        template.copy_into(out);

        let mut sender = [b'L'; 21];
        write_hex(u64::from(drawn.run_id), &mut sender[1..9]);
        write_decimal(key, &mut sender[9..]);
        template.fill(out, SENDER, &sender);
        template.fill(out, PAYMENT, &sender[..20]);
        let traveller = drawn.travellers.wrapping_add(key);
        template.fill(out, DOCUMENT, &drawn.resident_ids.number(traveller));
        template.fill(out, MOBILE, &mobile(traveller));
        let day = (key % drawn.days.len() as u64) as usize;
        template.fill(out, DAY, drawn.days[day].as_bytes());

        let (mut seconds, mut nonce) = ([0; 10], [0; 32]);
        write_decimal(now.as_secs().unsigned_abs(), &mut seconds);
        write_hex(drawn.nonce, &mut nonce[..16]);
        write_hex(made, &mut nonce[16..]);
        let mut mac = [0; 44];
        self.sign(&seconds, &nonce, &mut mac);
        template.fill(out, SECONDS, &seconds);
        template.fill(out, NONCE, &nonce);
        template.fill(out, MAC, &mac);
    }

    fn sign(&self, seconds: &[u8; 10], nonce: &[u8; 32], mac: &mut [u8; 44]) {
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        let header = HawkHeader {
            id: &self.agent,
            ts: text(seconds),
            nonce: text(nonce),
            mac: "",
            hash: None,
            ext: None,
        };
        let request = HawkRequest {
            method: "POST",
            path_and_query: self.path,
            host: &self.host,
            port: self.port,
            content_type: "",
            body: b"",
        };
        let digest = header.mac_for(&self.credential, &request);
        STANDARD.encode_slice(digest, mac).expect("32 bytes are 44 characters of Base64");
    }
}

/// The mobile that goes with a traveller.
pub(super) fn mobile(traveller: u64) -> [u8; 11] {
    let mut mobile = [b'1'; 11];
    write_decimal(sample::mobile_digits(traveller), &mut mobile[1..]);
    mobile
}

fn line(ingredients: &Ingredients<'_>) -> OrderAddItemParm<'static> {
    OrderAddItemParm {
        productid: filled(&ingredients.goods.product),
        amount: 1,
        identificationnumber: Some(gap(DOCUMENT).into()),
        fullname: filled(NAME),
        identificationtype: filled("1"),
        mobile: Some(gap(MOBILE).into()),
        gateinmode: filled("T"),
        seatitems: None,
    }
}

fn filled(text: &str) -> Text<'static> {
    Some(text.to_owned().into())
}

/// What stands for a gap until it is filled.
fn gap(index: usize) -> String {
    let (name, length) = LENGTHS[index];
    format!("{name:-<length$}")
}
