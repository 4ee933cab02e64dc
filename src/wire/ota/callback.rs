//! What an agent is called back with: the payload, its signature, the request, and whether the answer
//! counts as success. It sends nothing and knows no order. Source: docs/protocols/ota.md, "Callbacks".

use crate::domain::catalogue::{CallbackFormat, CallbackMethod, CallbackSettings};
use crate::wire::codec::{Text, to_json, to_xml, wire_record};
use crate::wire::ota::HawkCredential;

/// XML namespace of the payload.
pub const CALLBACK_NAMESPACE: &str =
    "http://schemas.datacontract.org/2004/07/Piaoku.DataTransfer.Callback";

/// The version of the payload, in its member `version`.
pub const CALLBACK_VERSION: &str = "V1";

/// Longest address that is called with GET, in bytes: servers commonly refuse more than 8 KiB.
const ADDRESS_LEN_MAX: usize = 8000;

wire_record! {
    /// One ticket that the event is about.
    pub struct CallbackTicket<'a> in CALLBACK_NAMESPACE {
        /// Our ticket number, as in the family's other types.
        ticketcode: Text<'a>,
        /// The code that opens the gate.
        vouchercode: Text<'a>,
        /// Its product (票种).
        productid: Text<'a>,
        /// At the time of the call: `1` normal, `2` refunded, `3` picked up, `4` used.
        status: Text<'a>,
        /// Uses that the event took; 0 where it took none.
        uses: i32,
    }
}

wire_record! {
    /// What has happened to an order.
    pub struct CallbackParm<'a> in CALLBACK_NAMESPACE {
        /// [`CALLBACK_VERSION`].
        version: Text<'a>,
        /// `booked`, `paid`, `pickedup`, `consumed` or `refunded`.
        event: Text<'a>,
        /// Number of the event within the order, from 1.
        eventno: i32,
        /// When it happened, `yyyyMMddHHmmss` at the venue.
        eventtime: Text<'a>,
        /// Our order number.
        orderid: Text<'a>,
        /// The caller's order number (spelled so).
        sendid: Text<'a>,
        /// State of the order at the time of the call, one character.
        orderstatus: Text<'a>,
        /// Yuan with two decimals: the order's total, or what a refund gave back.
        amount: Text<'a>,
        /// Yuan that a refund kept.
        fee: Text<'a>,
        /// Number of the refund or of the redemption.
        batchno: Text<'a>,
        /// How many tickets the event is about.
        ticketcount: i32,
        /// These tickets; null for an order without tickets, and where they would not fit an address.
        tickets: Option<Vec<CallbackTicket<'a>>>,
    }
}

/// A callback ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackRequest {
    /// The address, with everything in its query for GET.
    pub url: String,
    /// The form to post; `None` for GET.
    pub form: Option<String>,
}

impl std::fmt::Debug for CallbackRequest {
    /// Shows nothing: the address holds voucher codes and may hold the agent's own secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallbackRequest(…)")
    }
}

impl CallbackRequest {
    /// Writes and signs the payload as the agent wants it.
    #[must_use]
    pub fn new(
        settings: &CallbackSettings,
        credential: &HawkCredential,
        mut parm: CallbackParm<'_>,
    ) -> Self {
        let fields = form(settings.format, credential, &parm);
        match settings.method {
            CallbackMethod::Post => Self { url: settings.url.to_string(), form: Some(fields) },
            CallbackMethod::Get => {
                let mut url = with_query(&settings.url, &fields);
                if url.len() > ADDRESS_LEN_MAX {
                    parm.tickets = None;
                    url = with_query(&settings.url, &form(settings.format, credential, &parm));
                }
                Self { url, form: None }
            }
        }
    }
}

/// `parm=…&sign=…`.
fn form(format: CallbackFormat, credential: &HawkCredential, parm: &CallbackParm<'_>) -> String {
    let text = match format {
        CallbackFormat::Json => to_json(parm),
        CallbackFormat::Xml => to_xml(parm),
    };
    let sign = callback_sign(credential, &text);
    let mut fields = form_urlencoded::Serializer::new(String::with_capacity(text.len() * 2));
    fields.append_pair("parm", &text).append_pair("sign", &sign).finish()
}

fn with_query(url: &str, query: &str) -> String {
    let joint = if !url.contains('?') {
        "?"
    } else if url.ends_with(['?', '&']) {
        ""
    } else {
        "&"
    };
    format!("{url}{joint}{query}")
}

/// `sign`: the upper-case hexadecimal HMAC-SHA256 of the text of `parm` before any encoding, under the
/// agent's HAWK key.
#[must_use]
pub fn callback_sign(credential: &HawkCredential, parm: &str) -> String {
    hex::encode_upper(credential.mac(parm.as_bytes()))
}

/// Whether an answer says that the agent has taken the callback. `body` may be cut off.
#[must_use]
pub fn is_success(status: u16, body: &[u8]) -> bool {
    if !(200..300).contains(&status) {
        return false;
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.as_bytes().first() {
        Some(b'{') => is_json_success(text),
        Some(b'<') => is_xml_success(text),
        _ => is_success_word(text),
    }
}

/// Members and elements whose 0 is a success: those of the family's own results.
const CODES: [&str; 2] = ["errcode", "resultcode"];

fn is_success_word(text: &str) -> bool {
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    ["success", "ok"].iter().any(|word| bare.trim().eq_ignore_ascii_case(word))
}

fn is_json_success(text: &str) -> bool {
    let Ok(serde_json::Value::Object(members)) = serde_json::from_str(text) else { return false };
    members.iter().any(|(name, value)| {
        let is_code = CODES.iter().any(|code| name.eq_ignore_ascii_case(code));
        is_code && (value.as_i64() == Some(0) || value.as_str().is_some_and(|it| it.trim() == "0"))
    })
}

/// Reads no more of the XML than has to be known: a code's element, or a text around which are only tags.
fn is_xml_success(text: &str) -> bool {
    let code = |name: &&str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once("</").map(|(value, _)| value.trim() == "0")
    };
    if let Some(is_zero) = CODES.iter().find_map(code) {
        return is_zero;
    }
    let mut bare = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        bare.push_str(before);
        let Some((_, after)) = tag.split_once('>') else { return false };
        rest = after;
    }
    bare.push_str(rest);
    is_success_word(bare.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ota::UpperMd5;

    fn credential() -> HawkCredential {
        let login = UpperMd5::of("Login#2024");
        HawkCredential::new("00000000-1111-2222-3333-444444444444", &login)
    }

    fn settings(url: &str, format: CallbackFormat, method: CallbackMethod) -> CallbackSettings {
        CallbackSettings { url: url.into(), official_sms: true, format, method }
    }

    fn parm(tickets: usize) -> CallbackParm<'static> {
        let ticket = CallbackTicket {
            ticketcode: Some("0001234567890123457".into()),
            vouchercode: Some("012345678905".into()),
            productid: Some("P-ADULT".into()),
            status: Some("1".into()),
            uses: 0,
        };
        CallbackParm {
            version: Some(CALLBACK_VERSION.into()),
            event: Some("paid".into()),
            eventno: 2,
            eventtime: Some("20261122010512".into()),
            orderid: Some("0001234567890123456".into()),
            sendid: Some("T 000001&更多".into()),
            orderstatus: Some("D".into()),
            amount: Some("120.00".into()),
            fee: None,
            batchno: None,
            ticketcount: i32::try_from(tickets).unwrap(),
            tickets: Some(vec![ticket; tickets]),
        }
    }

    const JSON: &str = concat!(
        r#"{"version":"V1","event":"paid","eventno":2,"eventtime":"20261122010512","#,
        r#""orderid":"0001234567890123456","sendid":"T 000001&更多","orderstatus":"D","#,
        r#""amount":"120.00","fee":null,"batchno":null,"ticketcount":1,"tickets":[{"#,
        r#""ticketcode":"0001234567890123457","vouchercode":"012345678905","productid":"P-ADULT","#,
        r#""status":"1","uses":0}]}"#,
    );
    const XML: &str = concat!(
        r#"<CallbackParm xmlns:i="http://www.w3.org/2001/XMLSchema-instance" "#,
        r#"xmlns="http://schemas.datacontract.org/2004/07/Piaoku.DataTransfer.Callback">"#,
        "<amount>120.00</amount><batchno i:nil=\"true\"/><event>paid</event><eventno>2</eventno>",
        "<eventtime>20261122010512</eventtime><fee i:nil=\"true\"/><orderid>0001234567890123456</orderid>",
        "<orderstatus>D</orderstatus><sendid>T 000001&amp;更多</sendid>",
        "<ticketcount>1</ticketcount><tickets><CallbackTicket><productid>P-ADULT</productid>",
        "<status>1</status><ticketcode>0001234567890123457</ticketcode>",
        "<uses>0</uses><vouchercode>012345678905</vouchercode></CallbackTicket></tickets>",
        "<version>V1</version></CallbackParm>",
    );

    fn fields(encoded: &str) -> Vec<(String, String)> {
        form_urlencoded::parse(encoded.as_bytes()).into_owned().collect()
    }

    #[test]
    fn the_vectors_of_the_protocol_page_are_reproduced() {
        let check = |text: &str, expected: &str| {
            assert_eq!(callback_sign(&credential(), text), expected, "{text}");
        };
        check(JSON, "3CE033235256A81D6038AE461063FB7713291D8D9D70D4316E5D7CBEC04F9486");
        check(XML, "8EED59577D27E942F366D155B4AB687976FCEA292CB249C409906A819AA60AE2");
        check("", "F5606D17514C588189F8DC033B4D6B541EE8C1A3B923F4A2E40689A7EDE64DF9");
    }

    #[test]
    fn a_callback_is_written_signed_and_addressed_as_the_agent_wants_it() {
        use CallbackFormat::{Json, Xml};
        use CallbackMethod::{Get, Post};
        let url = "http://agent.example/callback";
        for (format, text) in [(Json, JSON), (Xml, XML)] {
            let sign = callback_sign(&credential(), text);
            let expected = [("parm".to_owned(), text.to_owned()), ("sign".to_owned(), sign)];
            let post = CallbackRequest::new(&settings(url, format, Post), &credential(), parm(1));
            assert_eq!(post.url, url);
            assert_eq!(fields(&post.form.unwrap()), expected);
            let get = CallbackRequest::new(&settings(url, format, Get), &credential(), parm(1));
            assert_eq!(get.form, None);
            let (address, query) = get.url.split_once('?').unwrap();
            assert_eq!((address, fields(query).as_slice()), (url, &expected[..]));
        }
        for (url, begins) in [
            ("http://a/?x=1", "http://a/?x=1&parm="),
            ("http://a/?", "http://a/?parm="),
            ("http://a/?x=1&", "http://a/?x=1&parm="),
        ] {
            let get = CallbackRequest::new(&settings(url, Json, Get), &credential(), parm(1));
            assert!(get.url.starts_with(begins), "{}", get.url);
        }
    }

    #[test]
    fn tickets_that_do_not_fit_an_address_are_left_out() {
        let send = |method, tickets| {
            let settings = settings("http://agent.example/", CallbackFormat::Json, method);
            let request = CallbackRequest::new(&settings, &credential(), parm(tickets));
            let encoded = request.form.unwrap_or_else(|| {
                assert!(request.url.len() <= ADDRESS_LEN_MAX);
                request.url.split_once('?').unwrap().1.to_owned()
            });
            let pairs = fields(&encoded);
            assert_eq!(pairs[1].1, callback_sign(&credential(), &pairs[0].1), "signed as sent");
            let sent: serde_json::Value = serde_json::from_str(&pairs[0].1).unwrap();
            assert_eq!(sent["ticketcount"], tickets);
            sent["tickets"].as_array().map(Vec::len)
        };
        assert_eq!(send(CallbackMethod::Get, 20), Some(20));
        assert_eq!(send(CallbackMethod::Get, 100), None);
        assert_eq!(send(CallbackMethod::Post, 100), Some(100));
    }

    #[test]
    fn an_answer_is_read_liberally_but_never_guessed() {
        let check = |status: u16, body: &str, expected: bool| {
            assert_eq!(is_success(status, body.as_bytes()), expected, "{status} {body}");
        };
        check(200, "success", true);
        check(200, "\u{feff} SUCCESS\r\n", true);
        check(200, "\"success\"", true);
        check(201, "ok", true);
        check(200, r#"{"errcode":0,"errmsg":null,"tag":null}"#, true);
        check(200, r#"{"ErrCode":"0"}"#, true);
        check(200, r#"{"orderid":"1","resultcode":0}"#, true);
        check(
            200,
            "<CommonOperationResult xmlns=\"x\"><errcode>0</errcode></CommonOperationResult>",
            true,
        );
        check(200, "<string xmlns=\"x\">success</string>", true);
        check(200, "<?xml version=\"1.0\"?>\n<result> OK </result>", true);

        check(200, "", false);
        check(200, "successful", false);
        check(200, "no success", false);
        check(200, "0", false);
        check(200, "{}", false);
        check(200, r#"{"errcode":1}"#, false);
        check(200, r#"{"errcode":null}"#, false);
        check(200, r#"{"errcode":0"#, false);
        check(200, r#"{"data":{"errcode":0}}"#, false);
        check(200, "<r><errcode>1</errcode>success</r>", false);
        check(200, "<r>failure</r>", false);
        check(200, "<success", false);
        check(204, "", false);
        check(302, "success", false);
        check(404, "success", false);
        check(500, r#"{"errcode":0}"#, false);
        assert!(!is_success(200, &[0xff, 0xfe]));
    }
}
