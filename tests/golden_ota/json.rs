//! JSON as Json.NET reads it.

use piaoku::wire::codec::{Decoded, Limits};
use piaoku::wire::ota::{
    OrderAddItemParm, OrderAddParm, OrderAndPayWithPassword2Parm, PayOrderUsePayPasswordParm,
};

use crate::{FORM, JSON, OCCURRED, XML, model, parm_xml, read, read_with, told};

#[test]
fn json_names_match_exactly_or_else_in_any_case_and_the_last_of_several_wins() {
    let check = |body: &str, mobile: Option<&str>| {
        let order: OrderAddParm<'_> = model(JSON, body);
        assert_eq!(order.mobile.as_deref(), mobile, "{body}");
    };
    check(r#"{"mobile":"1"}"#, Some("1"));
    check(r#"{"MOBILE":"1"}"#, Some("1"));
    check(r#"{"mobile":"1","Mobile":"2"}"#, Some("2"));
    check(r#"{"mobile":"1","mobile":null}"#, None);
    check(r#"{"mobiles":"1","":2,"unknown":{"mobile":["x",{"a":[]}]}}"#, None);
    check(r#"{}"#, None);
}

#[test]
fn json_scalars_are_converted_as_json_net_converts_them() {
    let text = |value: &str, expected: Option<&str>, errors: usize| {
        let decoded: Decoded<PayOrderUsePayPasswordParm<'_>> =
            read(JSON, format!("{{\"paypassword\":\"p\",\"orderid\":{value},\"x\":1}}"));
        let orderid = decoded.model.unwrap().orderid;
        assert_eq!(orderid.as_deref(), expected, "{value}");
        let exceptions = told(&decoded.state).into_iter().flat_map(|(_, texts)| texts);
        assert_eq!(exceptions.filter(|text| *text == OCCURRED).count(), errors, "{value}");
    };
    text(r#""a""#, Some("a"), 0);
    text("null", None, 0);
    text("undefined", None, 0);
    text("1.10", Some("1.10"), 0);
    text("-7e3", Some("-7e3"), 0);
    text("007", Some("007"), 0);
    text("true", Some("true"), 0);
    text("false", Some("false"), 0);
    text("NaN", Some("NaN"), 0);
    text("-Infinity", Some("-Infinity"), 0);
    text("1.2.3", None, 1);
    text("{}", None, 1);
    text(r#"["a",{"b":1}]"#, None, 1);
    let number = |value: &str, expected: i32, errors: usize| {
        let decoded: Decoded<OrderAddItemParm<'_>> =
            read(JSON, format!("{{\"productid\":\"P\",\"amount\":{value},\"fullname\":\"x\"}}"));
        let line = decoded.model.unwrap();
        assert_eq!((line.amount, line.fullname.as_deref()), (expected, Some("x")), "{value}");
        let expected: &[_] = if errors == 0 { &[] } else { &[("parm.amount", vec![OCCURRED])] };
        assert_eq!(told(&decoded.state), expected, "{value}");
    };
    number("2", 2, 0);
    number(r#""2""#, 2, 0);
    number(r#"" -2 ""#, -2, 0);
    number(r#""""#, 0, 0);
    number("null", 0, 0);
    number("1.0", 0, 1);
    number("2.5", 0, 1);
    number(r#""2.0""#, 0, 1);
    number(r#""two""#, 0, 1);
    number("true", 0, 1);
    number("99999999999", 0, 1);
    number("[1]", 0, 1);
    number("{}", 0, 1);
}

#[test]
fn json_objects_and_lists_of_the_wrong_kind_cost_only_themselves() {
    let check = |body: &str, keys: &[&str], mobile: Option<&str>| {
        let decoded: Decoded<OrderAndPayWithPassword2Parm<'_>> = read(JSON, body);
        let exceptions: Vec<_> = told(&decoded.state)
            .into_iter()
            .filter(|(_, texts)| texts.contains(&OCCURRED))
            .map(|(key, _)| key)
            .collect();
        assert_eq!(exceptions, keys, "{body}");
        let info = decoded.model.and_then(|model| model.orderinfo);
        assert_eq!(info.and_then(|info| info.mobile).as_deref(), mobile, "{body}");
    };
    check(
        r#"{"orderinfo":{"orderdetails":{},"mobile":"1"}}"#,
        &["parm.orderinfo.orderdetails"],
        Some("1"),
    );
    check(
        r#"{"orderinfo":{"orderdetails":"x","mobile":"1"}}"#,
        &["parm.orderinfo.orderdetails"],
        Some("1"),
    );
    check(r#"{"orderinfo":{"orderdetails":"","mobile":"1"}}"#, &[], Some("1"));
    check(
        r#"{"orderinfo":{"orderdetails":[{"amount":"x"},7,null,{"Amount":{}}],"mobile":"1"}}"#,
        &[
            "parm.orderinfo.orderdetails[0].amount",
            "parm.orderinfo.orderdetails[1]",
            "parm.orderinfo.orderdetails[2]",
            "parm.orderinfo.orderdetails[3].Amount",
        ],
        Some("1"),
    );
    check(r#"{"orderinfo":"text","payinfo":[]}"#, &["parm.orderinfo", "parm.payinfo"], None);
    check(r#"{"orderinfo":"","payinfo":null}"#, &[], None);
    check("[]", &["parm"], None);
    check("7", &["parm"], None);
}

#[test]
fn bad_json_is_an_entry_and_no_model() {
    let check = |body: &str, key: &str| {
        let decoded: Decoded<OrderAndPayWithPassword2Parm<'_>> = read(JSON, body);
        assert!(decoded.model.is_none(), "{body}");
        assert_eq!(told(&decoded.state), [(key, vec![OCCURRED])], "{body}");
    };
    check("{", "parm");
    check(r#"{"orderinfo":}"#, "parm.orderinfo");
    check(r#"{"orderinfo":{"mobile":"1" "x":2}}"#, "parm.orderinfo");
    check(r#"{"orderinfo":{"mobile":tru}}"#, "parm.orderinfo.mobile");
    check(r#"{"orderinfo":{"mobile":"\q"}}"#, "parm.orderinfo.mobile");
    check(r#"{"orderinfo":{"orderdetails":[{"amount":2}"#, "parm.orderinfo.orderdetails[0]");
    check(r#"{"a b":{"c":[}}"#, "parm['a b']");
    check(r#"{"orderinfo" {}}"#, "parm");
    check("nonsense", "parm");
    check("<OrderAddParm/>", "parm");
}

#[test]
fn the_dialect_of_json_net_is_read() {
    let body = "// order\n{ 'mobile' : '1\\'2', /* bare */ effectdate: \"20261121\",\n\
                orderdetails: [ { productid: 'P', amount: 0x2, }, ], timespanindex: -1, } rest";
    let order: OrderAddParm<'_> = model(JSON, body);
    assert_eq!(order.mobile.as_deref(), Some("1'2"));
    assert_eq!(order.effectdate.as_deref(), Some("20261121"));
    assert_eq!((order.orderdetails.unwrap()[0].amount, order.timespanindex), (2, -1));
}

#[test]
fn empty_and_null_bodies_are_no_model_and_no_error() {
    for (media_type, body) in [(JSON, ""), (JSON, " \n"), (JSON, "null"), (XML, ""), (FORM, "")] {
        let decoded: Decoded<OrderAddParm<'_>> = read(media_type, body);
        assert_eq!(decoded.model, None, "{media_type} {body}");
        assert!(decoded.state.is_valid(), "{media_type} {body}");
    }
}

#[test]
fn nesting_is_bounded_and_costs_no_stack() {
    let deep = |levels: usize| format!("{{\"x\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(read::<OrderAddParm<'_>>(JSON, deep(250)).model.is_some());
    assert!(read::<OrderAddParm<'_>>(JSON, deep(300)).model.is_none());
    assert!(read::<OrderAddParm<'_>>(JSON, "[".repeat(1_000_000)).model.is_none());
    assert!(read::<OrderAddParm<'_>>(JSON, "{\"a\":".repeat(200_000)).model.is_none());
    let xml = |levels: usize| parm_xml(&("<x>".repeat(levels) + &"</x>".repeat(levels)));
    assert!(read::<OrderAddParm<'_>>(XML, xml(250)).model.is_some());
    assert!(read::<OrderAddParm<'_>>(XML, xml(300)).model.is_none());
    assert!(read::<OrderAddParm<'_>>(XML, parm_xml(&"<x>".repeat(200_000))).model.is_none());
}

#[test]
fn lists_and_texts_are_bounded() {
    let limits = Limits { list_len_max: 2, text_len_max: 5, ..Limits::default() };
    let bodies = [
        (JSON, r#"{"mobile":"123456","orderdetails":[{"productid":"A"},{"productid":"B"},{"productid":"C"}]}"#.to_owned()),
        (
            XML,
            parm_xml(
                "<mobile>123456</mobile><orderdetails>\
                 <OrderAddItemParm><productid>A</productid></OrderAddItemParm>\
                 <OrderAddItemParm><productid>B</productid></OrderAddItemParm>\
                 <OrderAddItemParm><productid>C</productid></OrderAddItemParm></orderdetails>",
            ),
        ),
        (
            FORM,
            "mobile=123456&orderdetails[0].productid=A&orderdetails[1].productid=B\
             &orderdetails[2].productid=C"
                .to_owned(),
        ),
    ];
    for (media_type, body) in bodies {
        let decoded: Decoded<OrderAddParm<'_>> = read_with(media_type, body.as_bytes(), &limits);
        let mut told = told(&decoded.state);
        told.sort();
        assert_eq!(
            told,
            [
                ("parm.effectdate", vec!["The effectdate field is required."]),
                (
                    "parm.mobile",
                    vec!["The text is longer than 5.", "The mobile field is required."]
                ),
                ("parm.orderdetails[2]", vec!["The list is longer than 2."]),
            ],
            "{media_type}"
        );
        assert_eq!(decoded.model.unwrap().orderdetails.unwrap().len(), 2, "{media_type}");
    }
}
