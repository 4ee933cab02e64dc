//! `alibaba.alsc.daodian.order.use` (订单维度核销): redeems all that is left of an order line.
//!
//! Values only; `encode` writes the answers. Source: docs/protocols/top.md, "Order use".

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::argument;
use super::error::TopError;
use super::request::Params;
use super::reserve::Failure;

/// The parameter that carries the request as JSON text.
pub const ORDER_USE_REQUEST: &str = "use_ticket_by_order_top_request";

/// Longest `buyer_id` in characters; the platform states no length.
const BUYER_ID_CHARS_MAX: usize = 128;

/// Which order line to redeem, by the members of a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderUseRequest {
    /// The caller's id of the request; a repeat gets the first answer.
    pub request_id: String,
    /// Order number.
    pub alsc_order_no: String,
    /// Order line number.
    pub alsc_sub_order_no: String,
    /// The buyer, obfuscated.
    pub buyer_id: String,
}

impl OrderUseRequest {
    /// Reads the JSON text in `use_ticket_by_order_top_request`. Members that are not known are
    /// ignored.
    ///
    /// # Errors
    /// Code 40 for a member that is absent, null or empty, 41 for one of another type or too long, in
    /// the order of the members; 41 for the whole when it is no JSON object.
    pub fn parse(params: &Params<'_>) -> Result<Self, TopError> {
        let members: Members = argument::object(params, ORDER_USE_REQUEST)?;
        let number = |name, value| argument::required(name, value, argument::NUMBER_CHARS_MAX);
        Ok(Self {
            request_id: argument::required(
                "request_id",
                members.request_id,
                argument::REQUEST_ID_CHARS_MAX,
            )?,
            alsc_order_no: number("alsc_order_no", members.alsc_order_no)?,
            alsc_sub_order_no: number("alsc_sub_order_no", members.alsc_sub_order_no)?,
            buyer_id: argument::required("buyer_id", members.buyer_id, BUYER_ID_CHARS_MAX)?,
        })
    }
}

/// The members by whatever type they were sent, so that a wrong one can be named.
#[derive(Deserialize)]
struct Members {
    request_id: Option<Value>,
    alsc_order_no: Option<Value>,
    alsc_sub_order_no: Option<Value>,
    buyer_id: Option<Value>,
}

/// What a redemption by order ends in: its number, `use_biz_id`.
pub type OrderUseOutcome = Result<String, Failure>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::top::client::encode_form;
    use crate::wire::top::request::{HttpCall, Limits};

    fn parse(text: &str) -> Result<OrderUseRequest, TopError> {
        let body = encode_form(&[(ORDER_USE_REQUEST, text)]);
        let call =
            HttpCall { http_method: "POST", query: "", content_type: None, body: body.as_bytes() };
        OrderUseRequest::parse(&Params::read(&call, &Limits::default()).unwrap())
    }

    #[test]
    fn faults_are_named_in_the_order_of_the_members() {
        let check = |text: &str, code: u16, argument: &str| {
            let error = parse(text).unwrap_err();
            assert_eq!((error.code.number(), error.argument), (code, Some(argument)), "{text}");
        };
        check("", 40, ORDER_USE_REQUEST);
        check("null", 41, ORDER_USE_REQUEST);
        check("{}", 40, "request_id");
        check(r#"{"request_id":"r"}"#, 40, "alsc_order_no");
        check(r#"{"request_id":"r","alsc_order_no":2208281071920082803}"#, 41, "alsc_order_no");
        check(r#"{"request_id":"r","alsc_order_no":"1"}"#, 40, "alsc_sub_order_no");
        let text = r#"{"request_id":"r","alsc_order_no":"1","alsc_sub_order_no":"2"}"#;
        check(text, 40, "buyer_id");
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn what_the_client_writes_is_read(
            request_id in ".{1,64}",
            alsc_order_no in ".{1,64}",
            alsc_sub_order_no in ".{1,64}",
            buyer_id in ".{1,128}",
        ) {
            let request =
                OrderUseRequest { request_id, alsc_order_no, alsc_sub_order_no, buyer_id };
            prop_assert_eq!(parse(&serde_json::to_string(&request).unwrap()), Ok(request));
        }
    }
}
