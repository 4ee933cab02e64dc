//! `alibaba.alsc.merchant.ext.ticketcode.use` (核销): which tickets are to be redeemed, and the answer.
//!
//! Values only; `encode` writes the answers, and whether a code may be used is not asked here.
//! Source: docs/protocols/top.md, "Ticketcode use".

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::argument;
use super::error::TopError;
use super::request::Params;
use crate::types::{Fen, UnixMillis};

/// The parameter that carries the request as JSON text.
pub const USE_REQUEST: &str = "use_request";
/// Most tickets that one request redeems.
pub const TICKETS_MAX: usize = 100;

const TICKET_INFOS: &str = "ticket_infos";

/// What to redeem, and where.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct UseRequest {
    /// The caller's id of the request, letters and digits; a repeat gets the first answer.
    pub ticket_request_id: String,
    /// The code as typed. With `ticket_infos` it may be left out where one of those has a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_code: Option<String>,
    /// The ticket that the code is expected to be of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_id: Option<String>,
    /// Uses of the code, at least 1; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u16>,
    /// The platform's id of the shop that redeems.
    pub shop_id: String,
    /// Several tickets of one order; where there are any, they alone are redeemed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ticket_infos: Vec<TicketUse>,
}

/// One of several tickets. It has an id or a code, or both.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct TicketUse {
    /// Its number, as a preview shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_id: Option<String>,
    /// Its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_code: Option<String>,
    /// Uses of it, at least 1; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u16>,
}

impl UseRequest {
    /// Reads the JSON text in `use_request`. Members that are not known are ignored; the kind of shop
    /// and the business time are checked and then not needed.
    ///
    /// # Errors
    /// Code 40 for a required member that is absent, null or empty, 41 for one of another type, too
    /// long or not among its values; 41 for the whole when it is no JSON object.
    pub fn parse(params: &Params<'_>) -> Result<Self, TopError> {
        let members: Members = argument::object(params, USE_REQUEST)?;
        let request = Self {
            ticket_request_id: argument::request_id(
                "ticket_request_id",
                members.ticket_request_id,
            )?,
            ticket_code: code(members.ticket_code)?,
            ticket_id: ticket_id(members.ticket_id)?,
            quantity: argument::count("quantity", members.quantity)?,
            shop_id: argument::required("shop_id", members.shop_id, argument::SHOP_ID_CHARS_MAX)?,
            ticket_infos: tickets(params, members.ticket_infos.as_ref())?,
        };
        shop_type(members.shop_type)?;
        argument::time("gmt_biz", members.gmt_biz)?;
        let first =
            request.first_code().ok_or_else(|| TopError::missing_argument("ticket_code"))?;
        let named = request.ticket_infos.is_empty()
            || request.ticket_infos.iter().all(|ticket| ticket.ticket_code.is_none())
            || request.ticket_infos.iter().any(|it| it.ticket_code.as_deref() == Some(first));
        if !named {
            return Err(TopError::invalid_argument("ticket_code", "须为ticket_infos中的券码"));
        }
        Ok(request)
    }

    /// The code by which the order is found: the request's own, or the first of its tickets'.
    #[must_use]
    pub fn first_code(&self) -> Option<&str> {
        let of_tickets = || self.ticket_infos.iter().find_map(|it| it.ticket_code.as_deref());
        self.ticket_code.as_deref().or_else(of_tickets)
    }
}

/// The members by whatever type they were sent, so that a wrong one can be named.
#[derive(Deserialize)]
struct Members {
    ticket_request_id: Option<Value>,
    ticket_code: Option<Value>,
    ticket_id: Option<Value>,
    quantity: Option<Value>,
    shop_id: Option<Value>,
    shop_type: Option<Value>,
    gmt_biz: Option<Value>,
    ticket_infos: Option<Value>,
}

/// The list alone, read once more so that a member named twice is found in there, too.
#[derive(Deserialize)]
struct Lists {
    ticket_infos: Vec<TicketMembers>,
}

#[derive(Deserialize)]
struct TicketMembers {
    ticket_id: Option<Value>,
    ticket_code: Option<Value>,
    quantity: Option<Value>,
}

fn tickets(params: &Params<'_>, listed: Option<&Value>) -> Result<Vec<TicketUse>, TopError> {
    let wrong = |why: &str| TopError::invalid_argument(TICKET_INFOS, why);
    match listed {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) if items.is_empty() => return Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() > TICKETS_MAX => {
            return Err(wrong(&format!("超过{TICKETS_MAX}张")));
        }
        Some(Value::Array(items)) if items.iter().all(Value::is_object) => {}
        Some(_) => return Err(wrong("须为对象的数组")),
    }
    let lists: Lists =
        argument::object(params, USE_REQUEST).map_err(|_| wrong("须为对象的数组"))?;
    let ticket = |members: TicketMembers| {
        let ticket = TicketUse {
            ticket_id: ticket_id(members.ticket_id)?,
            ticket_code: code(members.ticket_code)?,
            quantity: argument::count("quantity", members.quantity)?,
        };
        if ticket.ticket_id.is_none() && ticket.ticket_code.is_none() {
            return Err(TopError::missing_argument("ticket_id"));
        }
        Ok(ticket)
    };
    lists.ticket_infos.into_iter().map(ticket).collect()
}

fn code(value: Option<Value>) -> Result<Option<String>, TopError> {
    argument::optional("ticket_code", value, argument::TICKET_CODE_CHARS_MAX)
}

fn ticket_id(value: Option<Value>) -> Result<Option<String>, TopError> {
    argument::optional("ticket_id", value, argument::NUMBER_CHARS_MAX)
}

/// The application's shops are known by one kind of id, so either kind is looked up in the same way.
fn shop_type(value: Option<Value>) -> Result<(), TopError> {
    match argument::optional("shop_type", value, argument::SHOP_ID_CHARS_MAX)?.as_deref() {
        None | Some("INTERNAL_SHOP" | "EXTERNAL_SHOP") => Ok(()),
        Some(_) => Err(TopError::invalid_argument("shop_type", "须为INTERNAL_SHOP或EXTERNAL_SHOP")),
    }
}

/// Whether an answer is the first to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BizCode {
    /// The request has just redeemed.
    Success,
    /// It had redeemed before; the rest of the answer is the first one's.
    TicketAlreadyUsed,
}

impl BizCode {
    /// The code as it is sent.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::TicketAlreadyUsed => "TICKET_ALREADY_USED",
        }
    }
}

/// A redemption as it is answered, members in the order they are written.
#[derive(Clone, PartialEq, Eq)]
pub struct UseAnswer {
    /// Whether it is a repeat.
    pub biz_code: BizCode,
    /// The caller's id of the request.
    pub ticket_request_id: String,
    /// When it was redeemed.
    pub use_date: UnixMillis,
    /// Our number of the redemption, 19 digits.
    pub ticket_trans_id: String,
    /// The code of the first ticket in `details`.
    pub ticket_code: String,
    /// Order number, 19 digits.
    pub order_no: String,
    /// The platform's item id.
    pub item_id: String,
    /// Item name at the time of order.
    pub item_name: String,
    /// Paid for what was redeemed, in all.
    pub buyer_pay_amount: Fen,
    /// Received by the merchant for it, before commission.
    pub receipt_amount: Fen,
    /// What was redeemed, ticket by ticket.
    pub details: Vec<UseDetail>,
}

/// One redeemed ticket.
#[derive(Clone, PartialEq, Eq)]
pub struct UseDetail {
    /// Number of the redemption it is part of.
    pub ticket_trans_id: String,
    /// Its code.
    pub ticket_code: String,
    /// Its number.
    pub ticket_id: String,
    /// Uses redeemed.
    pub quantity: u16,
    /// Paid for them.
    pub buyer_pay_amount: Fen,
    /// Received for them.
    pub receipt_amount: Fen,
}

/// Whoever holds a code can enter, so `Debug` leaves codes out.
impl fmt::Debug for UseRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UseRequest")
            .field("ticket_request_id", &self.ticket_request_id)
            .field("quantity", &self.quantity)
            .field("shop_id", &self.shop_id)
            .field("ticket_infos", &self.ticket_infos)
            .finish_non_exhaustive()
    }
}

/// Whoever holds a code can enter, so `Debug` leaves codes out.
impl fmt::Debug for TicketUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketUse")
            .field("ticket_id", &self.ticket_id)
            .field("quantity", &self.quantity)
            .finish_non_exhaustive()
    }
}

/// Whoever holds a code can enter, so `Debug` leaves codes out.
impl fmt::Debug for UseAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UseAnswer")
            .field("biz_code", &self.biz_code)
            .field("ticket_request_id", &self.ticket_request_id)
            .field("ticket_trans_id", &self.ticket_trans_id)
            .field("tickets", &self.details.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::top::client::encode_form;
    use crate::wire::top::request::{HttpCall, Limits};

    fn parse(text: &str) -> Result<UseRequest, TopError> {
        let body = encode_form(&[(USE_REQUEST, text)]);
        let call =
            HttpCall { http_method: "POST", query: "", content_type: None, body: body.as_bytes() };
        UseRequest::parse(&Params::read(&call, &Limits::default()).unwrap())
    }

    /// A request with these members besides the required ones.
    fn with(members: &str) -> Result<UseRequest, TopError> {
        parse(&format!(r#"{{"ticket_request_id":"R1","shop_id":"S",{members}}}"#))
    }

    #[test]
    fn one_code() {
        let read = with(
            r#""ticket_code":"016569843362","quantity":"2","ticket_id":"7","extra":[1],
            "shop_type":"EXTERNAL_SHOP","gmt_biz":"2026-11-22 01:05:12","ticket_infos":null"#,
        );
        let expected = UseRequest {
            ticket_request_id: "R1".to_owned(),
            ticket_code: Some("016569843362".to_owned()),
            ticket_id: Some("7".to_owned()),
            quantity: Some(2),
            shop_id: "S".to_owned(),
            ticket_infos: Vec::new(),
        };
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn several_tickets_are_found_by_one_code() {
        let first = |members: &str| {
            let read = with(members).unwrap_or_else(|error| panic!("{members}: {error}"));
            (read.first_code().unwrap().to_owned(), read.ticket_infos.len())
        };
        let of_its_own =
            r#""ticket_code":"1","ticket_infos":[{"ticket_id":"7"},{"ticket_id":"8"}]"#;
        assert_eq!(first(of_its_own), ("1".to_owned(), 2));
        let of_a_ticket = r#""ticket_infos":[{"ticket_id":"7"},{"ticket_code":"2","quantity":1}]"#;
        assert_eq!(first(of_a_ticket), ("2".to_owned(), 2));
        let of_both =
            r#""ticket_code":"2","ticket_infos":[{"ticket_code":"1"},{"ticket_code":"2"}]"#;
        assert_eq!(first(of_both), ("2".to_owned(), 2));
        assert_eq!(first(r#""ticket_code":"1","ticket_infos":[]"#), ("1".to_owned(), 0));
    }

    #[test]
    fn faults_are_named() {
        let check = |members: &str, code: u16, argument: &str| {
            let error = with(members).unwrap_err();
            assert_eq!((error.code.number(), error.argument), (code, Some(argument)), "{members}");
        };
        check(r#""ticket_code":"""#, 40, "ticket_code");
        check(r#""ticket_code":523162942005"#, 41, "ticket_code");
        check(r#""ticket_code":"1","quantity":0"#, 41, "quantity");
        check(r#""ticket_code":"1","ticket_id":7"#, 41, "ticket_id");
        check(r#""ticket_code":"1","shop_type":"SHOP""#, 41, "shop_type");
        check(r#""ticket_code":"1","gmt_biz":"today""#, 41, "gmt_biz");
        check(r#""ticket_code":"1","ticket_infos":{}"#, 41, "ticket_infos");
        check(r#""ticket_code":"1","ticket_infos":["2"]"#, 41, "ticket_infos");
        let twice = r#""ticket_code":"1","ticket_infos":[{"ticket_id":"7","ticket_id":"8"}]"#;
        check(twice, 41, "ticket_infos");
        let many = vec![r#"{"ticket_id":"7"}"#; TICKETS_MAX + 1].join(",");
        check(&format!(r#""ticket_code":"1","ticket_infos":[{many}]"#), 41, "ticket_infos");
        check(r#""ticket_code":"1","ticket_infos":[{"quantity":1}]"#, 40, "ticket_id");
        check(r#""ticket_infos":[{"ticket_id":"7"}]"#, 40, "ticket_code");
        check(r#""ticket_code":"1","ticket_infos":[{"ticket_code":"2"}]"#, 41, "ticket_code");
        let check = |text: &str, code: u16, argument: &str| {
            let error = parse(text).unwrap_err();
            assert_eq!((error.code.number(), error.argument), (code, Some(argument)), "{text}");
        };
        check("", 40, USE_REQUEST);
        check("[]", 41, USE_REQUEST);
        check("{}", 40, "ticket_request_id");
        check(r#"{"ticket_request_id":"R-1"}"#, 41, "ticket_request_id");
        check(r#"{"ticket_request_id":"R1"}"#, 40, "shop_id");
        check(r#"{"ticket_request_id":"R1","ticket_request_id":"R2"}"#, 41, USE_REQUEST);
    }

    #[test]
    fn debug_leaves_codes_out() {
        let request =
            with(r#""ticket_code":"523162942005","ticket_infos":[{"ticket_code":"523162942005"}]"#);
        assert!(!format!("{request:?}").contains("523162942005"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn no_member_panics(text in "[\\[\\]{}\",:0-9a-z_ ]{0,60}") {
            let _ = with(&text);
            let _ = with(&format!(r#""ticket_code":"1","ticket_infos":[{text}]"#));
        }

        #[test]
        fn what_the_client_writes_is_read(
            id in "[0-9A-Za-z]{1,64}",
            code in ".{1,64}",
            quantity in proptest::option::of(1_u16..),
            ids in proptest::collection::vec(".{1,64}", 0..5),
        ) {
            let ticket = |id| TicketUse { ticket_id: Some(id), ticket_code: None, quantity };
            let request = UseRequest {
                ticket_request_id: id,
                ticket_code: Some(code),
                ticket_id: None,
                quantity,
                shop_id: "店".to_owned(),
                ticket_infos: ids.into_iter().map(ticket).collect(),
            };
            prop_assert_eq!(parse(&serde_json::to_string(&request).unwrap()), Ok(request));
        }
    }
}
