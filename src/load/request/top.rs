//! As Alibaba local life: previews of voucher codes through the TOP gateway.
//! Source: docs/protocols/top.md.
//!
//! The gateway's timestamp has seconds and a preview changes nothing, so a code's request is made once
//! a second and sent as often as it is needed.

use super::{BodyFormat, Ingredients};
use crate::types::UnixMillis;
use crate::wire::top::client::{Caller, encode_form};
use crate::wire::top::consult::{CONSULT_REQUEST, ConsultRequest};
use crate::wire::top::gateway::{Api, Format};
use crate::wire::top::sign::SignMethod;

const PATH: &str = "/router/rest";

/// Previews of some codes in turn.
pub(super) struct ConsultRequests {
    app_key: String,
    secret: String,
    shop: String,
    format: Format,
    host: String,
    codes: Vec<Coded>,
}

/// One code's request as of one second.
struct Coded {
    code: String,
    second: i64,
    request: Vec<u8>,
}

impl ConsultRequests {
    pub(super) fn new(ingredients: &Ingredients<'_>) -> Self {
        let Ingredients { partner, format, host, codes, .. } = ingredients;
        let coded =
            |code: &String| Coded { code: code.clone(), second: i64::MIN, request: Vec::new() };
        Self {
            app_key: partner.app_key.clone(),
            secret: partner.app_secret.clone(),
            shop: partner.shop.clone(),
            format: match format {
                BodyFormat::Json => Format::Json,
                BodyFormat::Xml => Format::Xml,
            },
            host: (*host).to_owned(),
            codes: codes.iter().map(coded).collect(),
        }
    }

    /// The `made`th request of this thread; nothing when there is no code to ask for.
    pub(super) fn write(&mut self, made: u64, now: UnixMillis, out: &mut Vec<u8>) {
        out.clear();
        if self.codes.is_empty() {
            return;
        }
        let index = (made % self.codes.len() as u64) as usize;
        if self.codes[index].second != now.as_secs() {
            let request = self.request(&self.codes[index].code, made, now);
            self.codes[index].second = now.as_secs();
            self.codes[index].request = request.into_bytes();
        }
        out.extend_from_slice(&self.codes[index].request);
    }

    fn request(&self, code: &str, made: u64, now: UnixMillis) -> String {
        let asked = ConsultRequest {
            request_id: format!("{}-{made}", now.get()),
            shop_id: self.shop.clone(),
            ticket_code: code.to_owned(),
        };
        let asked = serde_json::to_string(&asked).unwrap_or_default();
        let caller = Caller {
            app_key: &self.app_key,
            secret: &self.secret,
            sign_method: SignMethod::Md5,
            format: self.format,
            now,
        };
        let pairs = caller.signed_pairs(Api::TicketConsult, &[(CONSULT_REQUEST, &asked)]);
        let form = encode_form(&pairs.unwrap_or_default());
        format!(
            "POST {PATH} HTTP/1.1\r\nHost: {host}\r\n\
             Content-Type: application/x-www-form-urlencoded;charset=utf-8\r\n\
             Content-Length: {length}\r\n\r\n{form}",
            host = self.host,
            length = form.len(),
        )
    }
}
