//! The gate API, our own: JSON requests of scanners and turnstiles ⇄ values.
//!
//! It knows no engine type beyond what an answer shows, compares no token and applies no rule.
//! Source: docs/protocols/gate.md.

mod answer;
mod error;
mod request;

pub use answer::{
    RedemptionAnswer, ReversalAnswer, VoucherAnswer, VoucherRedemption, VoucherState,
};
pub use error::GateError;
pub use request::{RedeemRequest, ReverseRequest};

/// Content-Type of every answer.
pub const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// Name of the header that says that an answer was given before.
pub const REPLAY_HEADER: &str = "idempotent-replay";
