//! `alibaba.alsc.daodian.ticket.consult`: what is asked about a voucher code, and what is answered.
//!
//! Values only; `encode` writes the answers. Source: docs/protocols/top.md, "Consult".

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::argument;
use super::error::TopError;
use super::request::Params;
use crate::types::{Fen, Quantity};

pub use super::argument::{REQUEST_ID_CHARS_MAX, SHOP_ID_CHARS_MAX, TICKET_CODE_CHARS_MAX};

/// The parameter that carries the request as JSON text.
pub const CONSULT_REQUEST: &str = "consult_request";

/// Which code to preview, and where.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ConsultRequest {
    /// The caller's id of the request.
    pub request_id: String,
    /// The platform's id of the shop that asks.
    pub shop_id: String,
    /// The code as typed; whether it is one of ours is not asked here.
    pub ticket_code: String,
}

impl ConsultRequest {
    /// Reads the JSON text in `consult_request`. Members that are not known are ignored.
    ///
    /// # Errors
    /// Code 40 for an absent, null or empty member, 41 for one of another type or too long, in the
    /// order of the members; 41 for the whole when it is no JSON object.
    pub fn parse(params: &Params<'_>) -> Result<Self, TopError> {
        let members: Members = argument::object(params, CONSULT_REQUEST)?;
        Ok(Self {
            request_id: argument::required("request_id", members.request_id, REQUEST_ID_CHARS_MAX)?,
            shop_id: argument::required("shop_id", members.shop_id, SHOP_ID_CHARS_MAX)?,
            ticket_code: argument::required(
                "ticket_code",
                members.ticket_code,
                TICKET_CODE_CHARS_MAX,
            )?,
        })
    }
}

/// The members by whatever type they were sent, so that a wrong one can be named.
#[derive(Deserialize)]
struct Members {
    request_id: Option<Value>,
    shop_id: Option<Value>,
    ticket_code: Option<Value>,
}

/// What a consult ends in.
pub type ConsultOutcome = Result<ConsultValue, ConsultFailure>;

/// A usable code's order, `result.value` of the answer. Ids are text because they do not fit the
/// numbers of some callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsultValue {
    /// The buyer's mobile, masked as `175****4139`; `None` where the product collects none.
    pub user_phone: Option<String>,
    /// Redemptions left.
    pub available_quantity: Quantity,
    /// Usable tickets of the order for the same item.
    pub ticket_info_list: Vec<TicketInfo>,
    /// The buyer, obfuscated.
    pub buyer_id: String,
    /// Order number, 19 digits.
    pub alsc_order_no: String,
    /// Order line number, 19 digits.
    pub alsc_sub_order_no: String,
    /// The platform's item id.
    pub item_id: String,
    /// Our item id.
    pub out_item_id: String,
}

/// One usable ticket, members in the order they are written.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct TicketInfo {
    /// Ticket number.
    pub ticket_id: String,
    /// Item name at the time of order.
    pub ticket_name: String,
    /// Sale price of one ticket, or of a whole card of `quantity` uses.
    #[serde(serialize_with = "fen")]
    pub total_amount: Fen,
    /// What the merchant receives of it, before commission.
    #[serde(serialize_with = "fen")]
    pub real_amount: Fen,
    /// 1, or a card's number of uses.
    #[serde(serialize_with = "quantity")]
    pub quantity: Quantity,
    /// The code, only on the ticket whose code was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_code: Option<String>,
    /// List price, of all uses for a card.
    #[serde(serialize_with = "fen")]
    pub original_price: Fen,
}

/// Why a code cannot be used: a regular answer with `success=false`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsultFailure {
    /// For programs.
    pub error_code: String,
    /// For people, in Chinese.
    pub error_msg: String,
}

impl ConsultFailure {
    /// The one documented error code, for every code that cannot be used; `error_msg` may be more
    /// precise than the platform's 券码不存在.
    #[must_use]
    pub fn ticket_code_invalid(error_msg: &str) -> Self {
        Self { error_code: "TICKET_CODE_INVALID".to_owned(), error_msg: error_msg.to_owned() }
    }
}

/// Whoever holds a code can enter, so `Debug` leaves it out.
impl fmt::Debug for ConsultRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsultRequest")
            .field("request_id", &self.request_id)
            .field("shop_id", &self.shop_id)
            .finish_non_exhaustive()
    }
}

/// Whoever holds a code can enter, so `Debug` leaves it out.
impl fmt::Debug for TicketInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketInfo")
            .field("ticket_id", &self.ticket_id)
            .field("total_amount", &self.total_amount)
            .field("quantity", &self.quantity)
            .finish_non_exhaustive()
    }
}

fn fen<S: Serializer>(amount: &Fen, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(amount.get())
}

fn quantity<S: Serializer>(quantity: &Quantity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(quantity.get())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::top::client::encode_form;
    use crate::wire::top::request::{HttpCall, Limits};

    fn parse(text: &str) -> Result<ConsultRequest, TopError> {
        let body = encode_form(&[(CONSULT_REQUEST, text)]);
        let call =
            HttpCall { http_method: "POST", query: "", content_type: None, body: body.as_bytes() };
        ConsultRequest::parse(&Params::read(&call, &Limits::default()).unwrap())
    }

    #[test]
    fn members_in_any_order_and_unknown_ones() {
        let text = r#" {"ticket_code":"016569843362","extra":{"a":[1,null]},"shop_id":"S",
            "request_id":"券"} "#;
        let expected = ConsultRequest {
            request_id: "券".to_owned(),
            shop_id: "S".to_owned(),
            ticket_code: "016569843362".to_owned(),
        };
        assert_eq!(parse(text), Ok(expected));
    }

    #[test]
    fn faults_are_named_in_the_order_of_the_members() {
        let check = |text: &str, code: u16, argument: &str| {
            let error = parse(text).unwrap_err();
            assert_eq!((error.code.number(), error.argument), (code, Some(argument)), "{text}");
        };
        check("", 40, "consult_request");
        check("[object Object]", 41, "consult_request");
        check("{", 41, "consult_request");
        check("null", 41, "consult_request");
        check(r#"["1","2","3"]"#, 41, "consult_request");
        check(r#"{"request_id":"1"} x"#, 41, "consult_request");
        check(r#"{"request_id":"1","request_id":"2"}"#, 41, "consult_request");
        check("{}", 40, "request_id");
        check(r#"{"request_id":null}"#, 40, "request_id");
        check(r#"{"request_id":"","shop_id":7}"#, 40, "request_id");
        check(r#"{"request_id":7}"#, 41, "request_id");
        check(r#"{"request_id":"1"}"#, 40, "shop_id");
        check(r#"{"request_id":"1","shop_id":["1"]}"#, 41, "shop_id");
        check(r#"{"request_id":"1","shop_id":"1"}"#, 40, "ticket_code");
        check(r#"{"request_id":"1","shop_id":"1","ticket_code":523162942005}"#, 41, "ticket_code");
        check(&"[".repeat(10_000), 41, "consult_request");
        check(&format!("{{\"a\":{}", "[".repeat(10_000)), 41, "consult_request");
    }

    #[test]
    fn lengths_are_bounded_in_characters() {
        let check = |request: usize, shop: usize, code: usize, expected: Option<&str>| {
            let text = format!(
                r#"{{"request_id":"{}","shop_id":"{}","ticket_code":"{}"}}"#,
                "r".repeat(request),
                "店".repeat(shop),
                "1".repeat(code)
            );
            assert_eq!(parse(&text).err().and_then(|error| error.argument), expected);
        };
        check(64, 32, 64, None);
        check(65, 33, 64, Some("request_id"));
        check(64, 33, 65, Some("shop_id"));
        check(64, 32, 65, Some("ticket_code"));
    }

    #[test]
    fn debug_leaves_codes_out() {
        let request = parse(r#"{"request_id":"r","shop_id":"s","ticket_code":"523162942005"}"#);
        assert!(!format!("{request:?}").contains("523162942005"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn what_the_client_writes_is_read(request_id in ".{1,64}", shop_id in ".{1,32}", code in ".{1,64}") {
            let request = ConsultRequest { request_id, shop_id, ticket_code: code };
            prop_assert_eq!(parse(&serde_json::to_string(&request).unwrap()), Ok(request));
        }
    }
}
