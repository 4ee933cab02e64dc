//! As a gate: redeems a voucher code, or takes a redemption back. Source: docs/protocols/gate.md.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::arguments::{RedeemArguments, ReverseArguments};
use super::exchange::{Address, Request};
use super::person::Draw;
use crate::wire::gate::{RedeemRequest, ReverseRequest};

/// A redemption.
pub(super) fn redeem(
    arguments: &RedeemArguments,
    address: &Address,
    draw: &Draw,
) -> anyhow::Result<Request> {
    let request_no = arguments.request_no.clone().unwrap_or_else(|| draw.number('G'));
    let asked = RedeemRequest { request_no, quantity: arguments.quantity };
    let body = serde_json::to_string(&asked)?;
    Ok(post(address, &arguments.code, "redeem", &arguments.token, body))
}

/// A reversal.
pub(super) fn reverse(
    arguments: &ReverseArguments,
    address: &Address,
    draw: &Draw,
) -> anyhow::Result<Request> {
    let request_no = arguments.request_no.clone().unwrap_or_else(|| draw.number('G'));
    let asked = ReverseRequest { request_no, redemption_no: arguments.redemption.clone() };
    let body = serde_json::to_string(&asked)?;
    Ok(post(address, &arguments.code, "reverse", &arguments.token, body))
}

fn post(address: &Address, code: &str, action: &str, token: &str, body: String) -> Request {
    let code = utf8_percent_encode(code, NON_ALPHANUMERIC);
    Request {
        address: address.clone(),
        method: "POST",
        path_and_query: format!("/v1/vouchers/{code}/{action}"),
        headers: vec![
            ("Authorization", format!("Bearer {token}")),
            ("Content-Type", "application/json".to_owned()),
        ],
        body,
    }
}
