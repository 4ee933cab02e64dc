//! Requests and answers as the partners print them, in both formats.

use piaoku::wire::codec::{Record, to_json, to_xml};
use piaoku::wire::douyin::{GetTicketCodeDouyinParm, GetTicketCodeResult};
use piaoku::wire::ota::{
    CommonOperationResult, OrderAddParm, OrderAndPayWithPassword2Parm, OrderOperatorResult,
};

use crate::{JSON, XML, compact_json, compact_xml, golden, model};

/// A partner's request sample: both formats give one model, which gives the sample back.
fn check_request<T: Record<'static> + PartialEq + std::fmt::Debug>(case: &str) {
    let json = golden(&format!("{case}/sample/request.json"));
    let xml = golden(&format!("{case}/sample/request.xml"));
    let from_json: T = model(JSON, &json);
    let from_xml: T = model(XML, &xml);
    assert!(from_json == from_xml, "{case}: {from_json:?} from JSON, {from_xml:?} from XML");
    assert_eq!(to_json(&from_json), compact_json(&json), "{case}");
    assert_eq!(to_xml(&from_json), compact_xml(&xml), "{case}");
}

/// A partner's answer sample: our answer with its values has its bytes.
fn check_response<T: Record<'static>>(case: &str, result: &T) {
    let json = golden(&format!("{case}/sample/response.json"));
    let xml = golden(&format!("{case}/sample/response.xml"));
    assert_eq!(to_json(result), compact_json(&json), "{case}");
    assert_eq!(to_xml(result), compact_xml(&xml), "{case}");
}

#[test]
fn request_samples_are_read_and_written_back() {
    check_request::<OrderAddParm<'_>>("ota/verify");
    check_request::<OrderAndPayWithPassword2Parm<'_>>("ota/order_and_pay2_with_rebate");
    check_request::<GetTicketCodeDouyinParm<'_>>("douyin/ticket_code_get");
}

#[test]
fn answer_samples_are_reproduced_byte_for_byte() {
    let sample = |n: u32| Some(format!("sample string {n}").into());
    check_response(
        "ota/verify",
        &CommonOperationResult { errcode: 1, errmsg: sample(2), tag: sample(3) },
    );
    check_response(
        "ota/order_and_pay2_with_rebate",
        &OrderOperatorResult {
            orderid: sample(1),
            sendid: sample(2),
            orderstatus: sample(3),
            resultcode: 4,
            returnmessgage: sample(5),
        },
    );
    let mut codes = GetTicketCodeResult::retry(1, "sample string 2");
    let data = codes.data.as_mut().unwrap();
    data.result = 3;
    data.codes = Some(vec!["sample string 1".into(), "sample string 2".into()]);
    check_response("douyin/ticket_code_get", &codes);
}

#[test]
fn members_of_a_sample_arrive_where_they_belong() {
    let order: OrderAndPayWithPassword2Parm<'_> =
        model(JSON, golden("ota/order_and_pay2_with_rebate/sample/request.json"));
    let info = order.orderinfo.unwrap();
    assert_eq!(info.sceneid.as_deref(), Some("sample string 5"));
    assert_eq!(info.otheruserid, 2);
    let lines = info.orderdetails.unwrap();
    assert_eq!((lines.len(), lines[1].amount), (2, 2));
    assert_eq!(lines[1].gateinmode.as_deref(), Some("sample string 7"));
    assert_eq!(lines[1].seatitems.as_ref().unwrap().len(), 2);
    assert_eq!(order.payinfo.unwrap().paypassword.as_deref(), Some("sample string 2"));
    let verify: OrderAddParm<'_> = model(XML, golden("ota/verify/sample/request.xml"));
    assert_eq!(verify.timespanindex, 10);
    assert_eq!(verify.reserve2.as_deref(), Some("sample string 15"));
}

#[test]
fn nulls_are_written_in_both_formats() {
    let result = OrderOperatorResult { resultcode: -2, ..OrderOperatorResult::default() };
    let json = concat!(
        r#"{"orderid":null,"sendid":null,"orderstatus":null,"resultcode":-2,"#,
        r#""returnmessgage":null}"#
    );
    assert_eq!(to_json(&result), json);
    let xml = to_xml(&result);
    let content = concat!(
        r#"<orderid i:nil="true"/><orderstatus i:nil="true"/><resultcode>-2</resultcode>"#,
        r#"<returnmessgage i:nil="true"/><sendid i:nil="true"/></OrderOperatorResult>"#
    );
    assert!(xml.ends_with(content), "{xml}");
    let none = GetTicketCodeResult::refused("库存不足 <&>");
    assert_eq!(
        to_json(&none),
        r#"{"data":{"error_code":0,"description":"库存不足 <&>","result":2,"codes":[]}}"#
    );
    let list = concat!(
        r#"<codes xmlns:d3p1="http://schemas.microsoft.com/2003/10/Serialization/Arrays"/>"#,
        "<description>库存不足 &lt;&amp;&gt;</description>"
    );
    assert!(to_xml(&none).contains(list), "{}", to_xml(&none));
}
