//! As Douyin: asks for voucher codes. Source: docs/protocols/douyin.md.

use super::arguments::CodesArguments;
use super::exchange::{Address, Request};
use super::person::Draw;
use super::{BodyFormat, VENUE_OFFSET_SECONDS, day};
use crate::types::UnixMillis;
use crate::wire::codec::{to_json, to_xml};
use crate::wire::douyin::sign::{ClientSecret, SIGNATURE_HEADER, md5_sign, sha256_sign};
use crate::wire::douyin::{GetTicketCodeDouyinParm, SkuParm, TouristsParm};
use crate::wire::top::client::encode_form;

const PATH: &str = "/api/Order/FromDouyin/TicketCode/Get";

/// A request for codes.
pub(super) fn codes(
    arguments: &CodesArguments,
    address: &Address,
    draw: &Draw,
    now: UnixMillis,
) -> Request {
    let start = day(arguments.date, now).start(VENUE_OFFSET_SECONDS).as_secs();
    let tourist = |index| {
        let person = draw.person(&arguments.person, index);
        TouristsParm {
            name: Some(person.name.into()),
            phone: Some(person.mobile.into()),
            id_card: Some(person.document.into()),
        }
    };
    let model = GetTicketCodeDouyinParm {
        order_id: Some(arguments.order_id.clone().unwrap_or_else(|| draw.number('8')).into()),
        count: i32::from(arguments.count),
        start_time: start,
        // To the last second of the last day.
        expire_time: start + i64::from(arguments.days.max(1)) * 86_400 - 1,
        sku_id: Some(arguments.sku.as_str().into()),
        sku: Some(SkuParm { sku_id: Some(arguments.sku.as_str().into()), ..SkuParm::default() }),
        open_id: Some(draw.nonce().into()),
        tourists: Some((0..arguments.count).map(tourist).collect()),
        ..GetTicketCodeDouyinParm::default()
    };
    let format = arguments.connection.format;
    let body = match format {
        BodyFormat::Json => to_json(&model),
        BodyFormat::Xml => to_xml(&model),
    };
    let timestamp = now.get().to_string();
    let mut query =
        encode_form(&[("client_key", arguments.client_key.as_str()), ("timestamp", &timestamp)]);
    let secret = ClientSecret::new(arguments.secret.as_str());
    let mut headers = vec![
        ("Content-Type", format!("{}; charset=utf-8", format.media_type())),
        ("Accept", format.media_type().to_owned()),
    ];
    if arguments.old_sign {
        let sign = md5_sign(&secret, &query, body.as_bytes());
        query.push_str("&sign=");
        query.push_str(&sign);
    } else {
        headers.push((SIGNATURE_HEADER, sha256_sign(&secret, &query, body.as_bytes())));
    }
    Request {
        address: address.clone(),
        method: "POST",
        path_and_query: format!("{PATH}?{query}"),
        headers,
        body,
    }
}
