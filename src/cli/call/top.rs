//! As Alibaba local life: previews a voucher code, or redeems it, through the TOP gateway.
//! Source: docs/protocols/top.md.

use anyhow::Context as _;

use super::BodyFormat;
use super::arguments::{ConsultArguments, RedeemArguments};
use super::exchange::{Address, Request};
use super::person::Draw;
use crate::types::UnixMillis;
use crate::wire::top::client::{Caller, encode_form};
use crate::wire::top::consult::{CONSULT_REQUEST, ConsultRequest};
use crate::wire::top::gateway::{Api, Format};
use crate::wire::top::sign::SignMethod;
use crate::wire::top::ticket_use::{USE_REQUEST, UseRequest};

const PATH: &str = "/router/rest";

/// A preview of a code.
pub(super) fn consult(
    arguments: &ConsultArguments,
    address: &Address,
    draw: &Draw,
    now: UnixMillis,
) -> anyhow::Result<Request> {
    let caller = Caller {
        app_key: &arguments.app_key,
        secret: &arguments.secret,
        sign_method: arguments.sign_method,
        format: match (arguments.connection.format, arguments.simplify) {
            (BodyFormat::Xml, _) => Format::Xml,
            (BodyFormat::Json, false) => Format::Json,
            (BodyFormat::Json, true) => Format::SimplifiedJson,
        },
        now,
    };
    let asked = ConsultRequest {
        request_id: draw.nonce(),
        shop_id: arguments.shop.clone(),
        ticket_code: arguments.code.clone(),
    };
    let asked = serde_json::to_string(&asked)?;
    let pairs = caller
        .signed_pairs(Api::TicketConsult, &[(CONSULT_REQUEST, &asked)])
        .context("the clock shows no time a calendar has")?;
    let form = encode_form(&pairs);
    if !arguments.get {
        return Ok(post(address, form));
    }
    Ok(Request {
        address: address.clone(),
        method: "GET",
        path_and_query: format!("{PATH}?{form}"),
        headers: Vec::new(),
        body: String::new(),
    })
}

/// A redemption of a code at `shop`.
pub(super) fn redeem(
    arguments: &RedeemArguments,
    shop: &str,
    address: &Address,
    draw: &Draw,
    now: UnixMillis,
) -> anyhow::Result<Request> {
    let caller = Caller {
        app_key: &arguments.app_key,
        secret: &arguments.secret,
        sign_method: SignMethod::Md5,
        format: match arguments.connection.format {
            BodyFormat::Xml => Format::Xml,
            BodyFormat::Json => Format::Json,
        },
        now,
    };
    let asked = UseRequest {
        ticket_request_id: arguments.request_no.clone().unwrap_or_else(|| draw.nonce()),
        ticket_code: Some(arguments.code.clone()),
        ticket_id: None,
        quantity: Some(arguments.quantity),
        shop_id: shop.to_owned(),
        ticket_infos: Vec::new(),
    };
    let asked = serde_json::to_string(&asked)?;
    let pairs = caller
        .signed_pairs(Api::TicketCodeUse, &[(USE_REQUEST, &asked)])
        .context("the clock shows no time a calendar has")?;
    Ok(post(address, encode_form(&pairs)))
}

fn post(address: &Address, form: String) -> Request {
    let form_type = "application/x-www-form-urlencoded;charset=utf-8";
    Request {
        address: address.clone(),
        method: "POST",
        path_and_query: PATH.to_owned(),
        headers: vec![("Content-Type", form_type.to_owned())],
        body: form,
    }
}
