//! What an operator hears instead of an answer: a status, a code for programs and a sentence for people.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use crate::actors::{CatalogueChangeError, EngineError};
use crate::engine::Rejection;
use crate::engine::operator::OperatorError;
use crate::http::Outcome;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) outcome: Outcome,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl ToString) -> Self {
        Self { status, code, message: message.to_string(), outcome: Outcome::Invalid }
    }

    /// The request makes no sense as it is.
    pub(super) fn bad_request(message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// Nothing has this address.
    pub(super) fn not_found(what: &str, id: &str) -> Self {
        let shown: String = id.chars().take(64).collect();
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("{what} {shown:?} does not exist"))
    }

    /// The rules say no.
    pub(super) fn refused(code: &'static str, message: impl ToString) -> Self {
        let outcome = Outcome::Rejected;
        Self { outcome, ..Self::new(StatusCode::CONFLICT, code, message) }
    }

    /// The caller is nobody we know.
    pub(super) fn unauthenticated() -> Self {
        let message = "send Authorization: Bearer and a token of the configuration";
        let outcome = Outcome::Unauthenticated;
        Self { outcome, ..Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", message) }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "error": { "code": self.code, "message": self.message } })
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let (status, code) = match &error {
            EngineError::Rejected(Rejection::UnknownOrder) => {
                (StatusCode::NOT_FOUND, "unknown_order")
            }
            EngineError::Rejected(rejection) => (StatusCode::CONFLICT, name(rejection)),
            EngineError::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            EngineError::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            EngineError::OutcomeUnknown => (StatusCode::GATEWAY_TIMEOUT, "outcome_unknown"),
        };
        let message = match &error {
            EngineError::OutcomeUnknown => "outcome unknown: look before repeating it".to_owned(),
            other => other.to_string(),
        };
        Self { outcome: Outcome::of(&error), ..Self::new(status, code, message) }
    }
}

impl From<CatalogueChangeError> for Failure {
    fn from(error: CatalogueChangeError) -> Self {
        match error {
            CatalogueChangeError::Refused(refused) => Self::refused("invalid_entry", refused),
            CatalogueChangeError::Engine(error) => error.into(),
        }
    }
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::Actor => Self::bad_request(error),
            OperatorError::Reason => Self::new(StatusCode::BAD_REQUEST, "reason_missing", error),
        }
    }
}

/// The kind of a refusal, for programs. What it is about is in the message and, for `explain`, in facts.
pub(super) fn name(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::NotAdjusted(_) => "not_adjusted",
        Rejection::SoldOut { .. } | Rejection::NoTimespanLeft { .. } => "sold_out",
        Rejection::SlotClosed { .. } => "slot_closed",
        Rejection::LimitExceeded { .. } => "limit_exceeded",
        Rejection::BalanceShort(_) => "balance_short",
        Rejection::OffSale { .. } => "off_sale",
        Rejection::UnknownProduct { .. } => "unknown_product",
        Rejection::UnknownOrder => "unknown_order",
        Rejection::OrderClosed(_) => "order_closed",
        Rejection::OrderPaid => "order_paid",
        Rejection::Date { .. } => "date",
        // The rest is told apart by its message; partners' codes have the whole list.
        _ => "refused",
    }
}
