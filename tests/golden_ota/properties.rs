//! Round trips, and bytes that must not panic.

use piaoku::wire::codec::{Body, Negotiation, to_json, to_xml};
use piaoku::wire::douyin::GetTicketCodeDouyinParm;
use piaoku::wire::ota::{
    Order2AddParm, Order2SeatItem, OrderAddItemParm, OrderAddParm, OrderAndPayWithPassword2Parm,
    PayOrderUsePayPasswordParm,
};
use proptest::prelude::*;

use crate::{FORM, JSON, XML, model, parm_xml, read};

prop_compose! {
    /// A text without what the formats change on the way: XML turns every line break into one
    /// kind and cannot hold most control characters.
    fn text()(text in proptest::option::of("[ -~\t一-龥😀\u{85}\u{2028}]{0,12}"))
        -> Option<std::borrow::Cow<'static, str>> {
        text.map(Into::into)
    }
}

prop_compose! {
    fn line()(productid in text(), amount: i32, fullname in text(), seats in proptest::option::of(
        proptest::collection::vec(text(), 0..3))) -> OrderAddItemParm<'static> {
        let seatitems = seats.map(|seats| {
            seats.into_iter().map(|seatid| Order2SeatItem { seatid }).collect()
        });
        OrderAddItemParm { productid, amount, fullname, seatitems, ..Default::default() }
    }
}

prop_compose! {
    fn order()(
        lines in proptest::option::of(proptest::collection::vec(line(), 0..4)),
        mobile in text(), otheruserid: i64, sceneid in text(), marketareaid in text(),
        orderid in text(), paid: bool,
    ) -> OrderAndPayWithPassword2Parm<'static> {
        let info = Order2AddParm {
            orderdetails: lines, mobile, otheruserid, sceneid, marketareaid, ..Default::default()
        };
        let payinfo = paid.then_some(PayOrderUsePayPasswordParm { orderid, paypassword: None });
        OrderAndPayWithPassword2Parm { orderinfo: Some(info), payinfo }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(order in order()) {
        prop_assert_eq!(model::<OrderAndPayWithPassword2Parm<'_>>(JSON, to_json(&order)), order.clone());
        prop_assert_eq!(model::<OrderAndPayWithPassword2Parm<'_>>(XML, to_xml(&order)), order);
    }

    #[test]
    fn any_text_survives_json(text in ".{0,40}") {
        let pay = PayOrderUsePayPasswordParm { orderid: Some(text.into()), paypassword: None };
        prop_assert_eq!(model::<PayOrderUsePayPasswordParm<'_>>(JSON, to_json(&pay)), pay);
    }

    #[test]
    fn another_json_library_reads_and_writes_the_same(order in order()) {
        let value: serde_json::Value = serde_json::from_str(&to_json(&order)).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(model::<OrderAndPayWithPassword2Parm<'_>>(JSON, pretty), order);
    }

    #[test]
    fn no_bytes_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        charset in prop_oneof![Just(""), Just("; charset=utf-16")],
    ) {
        for media_type in [JSON, XML, FORM] {
            let media_type = format!("{media_type}{charset}");
            let _ = read::<OrderAndPayWithPassword2Parm<'_>>(&media_type, &bytes);
            let _ = read::<GetTicketCodeDouyinParm<'_>>(&media_type, &bytes);
        }
    }

    #[test]
    fn no_damaged_body_panics(
        order in order(), at: prop::sample::Index, cut: bool, byte: u8,
        structural in "[{}\\[\\],:\"'<>/&;a-z0-9.=\\\\-]{0,60}",
    ) {
        for (media_type, body) in [(JSON, to_json(&order)), (XML, to_xml(&order))] {
            let mut bytes = body.into_bytes();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            let _ = read::<OrderAndPayWithPassword2Parm<'_>>(media_type, &bytes);
        }
        for media_type in [JSON, XML, FORM] {
            let _ = read::<OrderAndPayWithPassword2Parm<'_>>(media_type, &structural);
        }
        let _ = read::<OrderAddParm<'_>>(XML, parm_xml(&structural));
    }

    #[test]
    fn no_header_panics(header in ".{0,80}", structured in "[a-z*/;=,q0-9. \"]{0,40}") {
        for text in [header.as_str(), structured.as_str()] {
            let _ = Negotiation {
                accept: Some(text), accept_charset: Some(text),
                x_requested_with: Some(text), content_type: Some(text),
            }.choose();
            let _ = Body::new(Some(text), b"{}").map(|body| body.formatter());
            let _ = piaoku::wire::ota::hawk::HawkHeader::parse(&format!("Hawk {text}"));
        }
    }
}
