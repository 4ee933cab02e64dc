//! XML as the DataContractSerializer reads it.

use piaoku::wire::codec::Decoded;
use piaoku::wire::ota::{OrderAddParm, PARM_NAMESPACE};

use crate::{OCCURRED, XML, model, parm_xml, read, told};

#[test]
fn xml_members_out_of_their_order_are_skipped_silently() {
    let check = |content: &str, expected: [Option<&str>; 3]| {
        let order: OrderAddParm<'_> = model(XML, parm_xml(content));
        let found = [&order.effectdate, &order.mobile, &order.senderid].map(Option::as_deref);
        assert_eq!(found, expected, "{content}");
    };
    let [date, mobile, sender] =
        ["<effectdate>d</effectdate>", "<mobile>m</mobile>", "<senderid>s</senderid>"];
    check(&format!("{date}{mobile}{sender}"), [Some("d"), Some("m"), Some("s")]);
    check(&format!("{mobile}{date}{sender}"), [None, Some("m"), Some("s")]);
    check(&format!("{sender}{mobile}{date}"), [None, None, Some("s")]);
    // Of two the first counts, for the second is behind its position.
    check(&format!("{mobile}<mobile>2</mobile>{sender}"), [None, Some("m"), Some("s")]);
    // An unknown element takes no position, and names are compared exactly.
    check(
        &format!("{date}<zzz><mobile>x</mobile></zzz><Mobile>x</Mobile>{mobile}"),
        [Some("d"), Some("m"), None],
    );
}

#[test]
fn xml_values() {
    let check = |content: &str, expected: Option<&str>| {
        let order: OrderAddParm<'_> = model(XML, parm_xml(content));
        assert_eq!(order.mobile.as_deref(), expected, "{content}");
    };
    check("<mobile>a&lt;&#x4E09;&#19977;<![CDATA[<b>&]]>&amp;</mobile>", Some("a<三三<b>&&"));
    check("<mobile> a <!-- c -->b<?pi?></mobile>", Some(" a b"));
    check("<mobile></mobile>", Some(""));
    check("<mobile/>", Some(""));
    check("<mobile i:nil=\"true\"/>", None);
    check("<mobile i:nil=\"1\"></mobile>", None);
    check("<mobile i:nil=\"false\">x</mobile>", Some("x"));
    check("<mobile nil=\"true\">x</mobile>", Some("x"));
    check("<mobile xmlns=\"urn:other\">x</mobile>", None);
    check(&format!("<p:mobile xmlns:p=\"{PARM_NAMESPACE}\">x</p:mobile>"), Some("x"));
    check("<mobile>1\r\n2</mobile>", Some("1\n2"));
    let order: OrderAddParm<'_> =
        model(XML, parm_xml("<otheruserid> 7 </otheruserid><timespanindex i:nil=\"true\"/>"));
    assert_eq!((order.otheruserid, order.timespanindex), (7, 0));
}

#[test]
fn what_the_serialiser_cannot_read_fails_the_whole_body() {
    let valid = parm_xml("<mobile>1</mobile>");
    assert!(read::<OrderAddParm<'_>>(XML, &valid).model.is_some());
    let declared = |name: &str| format!("<?xml version=\"1.0\" encoding=\"{name}\"?>{valid}");
    assert!(read::<OrderAddParm<'_>>(XML, declared("UTF-8")).model.is_some());
    assert!(read::<OrderAddParm<'_>>(XML, format!("{valid}<trailing")).model.is_some());
    for body in [
        valid.replace("OrderAddParm", "orderAddParm"),
        valid.replace("WebInterface", "Other"),
        "<OrderAddParm><mobile>1</mobile></OrderAddParm>".to_owned(),
        format!("<!DOCTYPE x [<!ENTITY e \"1\">]>{valid}"),
        parm_xml("<mobile>&e;</mobile>"),
        parm_xml("<mobile>&#0;</mobile>"),
        parm_xml("<mobile>1</MOBILE>"),
        parm_xml("<mobile>1"),
        parm_xml("<mobile><b>1</b></mobile>"),
        parm_xml("<p:mobile>1</p:mobile>"),
        parm_xml("text"),
        parm_xml("<timespanindex>one</timespanindex>"),
        parm_xml("<timespanindex></timespanindex>"),
        parm_xml("<timespanindex>1.0</timespanindex>"),
        declared("gb2312"),
        declared("utf-16"),
        "not xml".to_owned(),
        "{\"mobile\":\"1\"}".to_owned(),
        " ".to_owned(),
    ] {
        let decoded: Decoded<OrderAddParm<'_>> = read(XML, &body);
        assert_eq!(decoded.model, None, "{body}");
        assert_eq!(told(&decoded.state), [("parm", vec![OCCURRED])], "{body}");
    }
}
