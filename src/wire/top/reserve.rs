//! `alibaba.alsc.daodian.ticket.reserve`, despite its name a reversal (冲正): which redemption is to be
//! taken back, and the answer.
//!
//! Values only; `encode` writes the answers. Source: docs/protocols/top.md, "Reserve".

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::argument;
use super::error::TopError;
use super::request::Params;

/// The parameter that carries the request as JSON text.
pub const REVERSE_REQUEST: &str = "ticket_reverse_top_request";

/// Which redemption to take back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReserveRequest {
    /// The caller's id of the request; a repeat gets the first answer.
    pub request_id: String,
    /// A ticket of the redemption.
    pub ticket_id: String,
    /// Our number of the redemption; without it, the ticket's last one that still counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_use_trans_id: Option<String>,
}

impl ReserveRequest {
    /// Reads the JSON text in `ticket_reverse_top_request`. Members that are not known are ignored;
    /// the business time is checked and then not needed.
    ///
    /// # Errors
    /// Code 40 for a required member that is absent, null or empty, 41 for one of another type or too
    /// long; 41 for the whole when it is no JSON object.
    pub fn parse(params: &Params<'_>) -> Result<Self, TopError> {
        let members: Members = argument::object(params, REVERSE_REQUEST)?;
        let request = Self {
            request_id: argument::required(
                "request_id",
                members.request_id,
                argument::REQUEST_ID_CHARS_MAX,
            )?,
            ticket_id: argument::required(
                "ticket_id",
                members.ticket_id,
                argument::NUMBER_CHARS_MAX,
            )?,
            ticket_use_trans_id: argument::optional(
                "ticket_use_trans_id",
                members.ticket_use_trans_id,
                argument::NUMBER_CHARS_MAX,
            )?,
        };
        argument::time("biz_date", members.biz_date)?;
        Ok(request)
    }
}

/// The members by whatever type they were sent, so that a wrong one can be named.
#[derive(Deserialize)]
struct Members {
    request_id: Option<Value>,
    ticket_id: Option<Value>,
    ticket_use_trans_id: Option<Value>,
    biz_date: Option<Value>,
}

/// What a reversal ends in.
pub type ReserveOutcome = Result<(), Failure>;

/// Why a request with a `result` was not done: a regular answer with `success=false`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For programs.
    pub error_code: &'static str,
    /// For people, in Chinese.
    pub error_msg: Cow<'static, str>,
    /// Whether the same request may do better later.
    pub retry: bool,
}

impl Failure {
    /// We could not say now, or do not know: the same request may be sent again.
    #[must_use]
    pub const fn system_error() -> Self {
        let error_msg = Cow::Borrowed("系统异常，请以同一请求号重试");
        Self { error_code: "SYSTEM_ERROR", error_msg, retry: true }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::top::client::encode_form;
    use crate::wire::top::request::{HttpCall, Limits};

    fn parse(text: &str) -> Result<ReserveRequest, TopError> {
        let body = encode_form(&[(REVERSE_REQUEST, text)]);
        let call =
            HttpCall { http_method: "POST", query: "", content_type: None, body: body.as_bytes() };
        ReserveRequest::parse(&Params::read(&call, &Limits::default()).unwrap())
    }

    #[test]
    fn members_and_their_faults() {
        let text = r#"{"request_id":"r-1","ticket_id":"7","biz_date":"2026-11-22 01:05:12"}"#;
        let expected = ReserveRequest {
            request_id: "r-1".to_owned(),
            ticket_id: "7".to_owned(),
            ticket_use_trans_id: None,
        };
        assert_eq!(parse(text), Ok(expected));
        let check = |text: &str, code: u16, argument: &str| {
            let error = parse(text).unwrap_err();
            assert_eq!((error.code.number(), error.argument), (code, Some(argument)), "{text}");
        };
        check("", 40, REVERSE_REQUEST);
        check("7", 41, REVERSE_REQUEST);
        check("{}", 40, "request_id");
        check(r#"{"request_id":"r"}"#, 40, "ticket_id");
        check(r#"{"request_id":"r","ticket_id":7}"#, 41, "ticket_id");
        check(
            r#"{"request_id":"r","ticket_id":"7","ticket_use_trans_id":8}"#,
            41,
            "ticket_use_trans_id",
        );
        check(r#"{"request_id":"r","ticket_id":"7","biz_date":"2026"}"#, 41, "biz_date");
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn what_the_client_writes_is_read(
            request_id in ".{1,64}",
            ticket_id in ".{1,64}",
            ticket_use_trans_id in proptest::option::of(".{1,64}"),
        ) {
            let request = ReserveRequest { request_id, ticket_id, ticket_use_trans_id };
            prop_assert_eq!(parse(&serde_json::to_string(&request).unwrap()), Ok(request));
        }
    }
}
