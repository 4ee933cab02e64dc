//! As Alibaba local life: previews a voucher code through the TOP gateway.
//! Source: docs/protocols/top.md.

use anyhow::Context as _;

use super::BodyFormat;
use super::arguments::ConsultArguments;
use super::exchange::{Address, Request};
use super::person::Draw;
use crate::types::UnixMillis;
use crate::wire::top::client::{Caller, encode_form};
use crate::wire::top::consult::{CONSULT_REQUEST, ConsultRequest};
use crate::wire::top::gateway::{Api, Format};

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
    let mut request = Request {
        address: address.clone(),
        method: "GET",
        path_and_query: format!("{PATH}?{form}"),
        headers: Vec::new(),
        body: String::new(),
    };
    if !arguments.get {
        request.method = "POST";
        request.path_and_query = PATH.to_owned();
        let form_type = "application/x-www-form-urlencoded;charset=utf-8";
        request.headers.push(("Content-Type", form_type.to_owned()));
        request.body = form;
    }
    Ok(request)
}
