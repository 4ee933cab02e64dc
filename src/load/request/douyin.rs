//! As Douyin: asks for a voucher code. Source: docs/protocols/douyin.md.

use super::{Drawn, Ingredients, NAME, ota};
use crate::load::template::{Template, write_decimal, write_hex};
use crate::types::UnixMillis;
use crate::wire::douyin::sign::{ClientSecret, SIGNATURE_HEADER, sha256_sign};
use crate::wire::douyin::{GetTicketCodeDouyinParm, SkuParm, TouristsParm};
use crate::wire::top::client::encode_form;

const PATH: &str = "/api/Order/FromDouyin/TicketCode/Get";
/// Where all venues of the load catalogue are, seconds east of Greenwich.
const VENUE_OFFSET_SECONDS: i32 = 8 * 3600;
/// Validity of a code.
const VALID_SECONDS: i64 = 30 * 86_400 - 1;

/// Gaps, in the order of the constants below.
const LENGTHS: [(&str, usize); 5] =
    [("ORDER", 21), ("DOCUMENT", 18), ("MOBILE", 11), ("MILLIS", 13), ("SIGNATURE", 64)];
const ORDER: usize = 0;
const DOCUMENT: usize = 1;
const MOBILE: usize = 2;
const MILLIS: usize = 3;
const SIGNATURE: usize = 4;

/// Requests for codes.
pub(super) struct CodesRequests {
    template: Template,
    secret: ClientSecret,
    client_key: String,
    body_at: usize,
}

impl CodesRequests {
    pub(super) fn new(ingredients: &Ingredients<'_>) -> Self {
        let Ingredients { partner, goods, format, host, .. } = ingredients;
        let start = goods.first_day.start(VENUE_OFFSET_SECONDS).as_secs();
        let sku = || Some(goods.sku.clone().into());
        let body = format.encode(&GetTicketCodeDouyinParm {
            order_id: Some(gap(ORDER).into()),
            count: 1,
            start_time: start,
            expire_time: start + VALID_SECONDS,
            sku_id: sku(),
            sku: Some(SkuParm { sku_id: sku(), ..SkuParm::default() }),
            tourists: Some(vec![TouristsParm {
                name: Some(NAME.into()),
                phone: Some(gap(MOBILE).into()),
                id_card: Some(gap(DOCUMENT).into()),
            }]),
            ..GetTicketCodeDouyinParm::default()
        });
        let media_type = format.media_type();
        let query = query(&partner.client_key, &gap(MILLIS));
        let text = format!(
            "POST {PATH}?{query} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}; \
             charset=utf-8\r\nAccept: {media_type}\r\nContent-Length: {length}\r\n\
             {SIGNATURE_HEADER}: {signature}\r\n\r\n{body}",
            length = body.len(),
            signature = gap(SIGNATURE),
        );
        let markers: Vec<String> = (0..LENGTHS.len()).map(gap).collect();
        let markers: Vec<&str> = markers.iter().map(String::as_str).collect();
        Self {
            template: Template::new(&text, &markers),
            secret: ClientSecret::new(partner.client_secret.as_str()),
            client_key: partner.client_key.clone(),
            body_at: text.len() - body.len(),
        }
    }

    /// The request of buyer `key`.
    pub(super) fn write(&self, drawn: &Drawn, key: u64, now: UnixMillis, out: &mut Vec<u8>) {
        let template = &self.template;
        template.copy_into(out);
        let mut order = [b'8'; 21];
        write_hex(u64::from(drawn.run_id), &mut order[1..9]);
        write_decimal(key, &mut order[9..]);
        template.fill(out, ORDER, &order);
        let traveller = drawn.travellers.wrapping_add(key);
        template.fill(out, DOCUMENT, &drawn.resident_ids.number(traveller));
        template.fill(out, MOBILE, &ota::mobile(traveller));
        let mut millis = [0; 13];
        write_decimal(now.get().unsigned_abs(), &mut millis);
        template.fill(out, MILLIS, &millis);
        let millis = std::str::from_utf8(&millis).unwrap_or_default();
        let query = query(&self.client_key, millis);
        let signature = sha256_sign(&self.secret, &query, &out[self.body_at..]);
        template.fill(out, SIGNATURE, signature.as_bytes());
    }
}

fn query(client_key: &str, millis: &str) -> String {
    encode_form(&[("client_key", client_key), ("timestamp", millis)])
}

fn gap(index: usize) -> String {
    let (name, length) = LENGTHS[index];
    format!("{name:-<length$}")
}
