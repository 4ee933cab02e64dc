//! Model-state entries, and the framework's own answers in both formats.

use piaoku::wire::codec::{Body, Decoded, HttpError, Limits};
use piaoku::wire::ota::{
    OrderAddItemParm, OrderAddParm, OrderAndPayWithPassword2Parm, PayOrderUsePayPasswordParm,
};

use crate::{JSON, OCCURRED, read, told};

#[test]
fn validation_entries_have_the_frameworks_keys_and_words() {
    let check = |body: &str, expected: &[(&str, &str)]| {
        let decoded: Decoded<OrderAndPayWithPassword2Parm<'_>> = read(JSON, body);
        let expected: Vec<_> = expected.iter().map(|(key, text)| (*key, vec![*text])).collect();
        assert_eq!(told(&decoded.state), expected, "{body}");
    };
    check(
        "{}",
        &[
            ("parm.orderinfo", "The orderinfo field is required."),
            ("parm.payinfo", "The payinfo field is required."),
        ],
    );
    check(
        r#"{"orderinfo":{},"payinfo":{"orderid":" ","paypassword":""}}"#,
        &[
            ("parm.orderinfo.orderdetails", "The orderdetails field is required."),
            ("parm.orderinfo.mobile", "The mobile field is required."),
            ("parm.orderinfo.effectdate", "The effectdate field is required."),
            ("parm.payinfo.orderid", "The orderid field is required."),
            ("parm.payinfo.paypassword", "The paypassword field is required."),
        ],
    );
    let long = "a".repeat(21);
    let order = format!(
        r#"{{"orderinfo":{{"orderdetails":[{{}}],"mobile":"138001380001","effectdate":"20261121",
            "senderid":"{0}{0}{0}"}},"payinfo":{{"orderid":"{0}","paypassword":"p"}}}}"#,
        long
    );
    let too_long = "must be a string or array type with a maximum length of";
    check(
        &order,
        &[
            ("parm.orderinfo.orderdetails[0].productid", "The productid field is required."),
            ("parm.orderinfo.mobile", &format!("The field mobile {too_long} '11'.")),
            ("parm.orderinfo.senderid", &format!("The field senderid {too_long} '50'.")),
            // No entry for `payinfo.orderid`: callers put numbers of their own there.
        ],
    );
    // A member that could not be read is null to the validation that follows.
    let decoded: Decoded<PayOrderUsePayPasswordParm<'_>> =
        read(JSON, r#"{"OrderId":[],"paypassword":"p"}"#);
    assert_eq!(
        told(&decoded.state),
        [("parm.OrderId", vec![OCCURRED, "The orderid field is required."])]
    );
}

#[test]
fn the_prefix_is_the_name_of_the_parameter() {
    let body = Body::new(Some(JSON), br#"{"mobile":"1","effectdate":"2","x":1}"#).unwrap();
    let decoded = body.read::<OrderAddParm<'_>>("orderparm", &Limits::default());
    let entry = ("orderparm.orderdetails", vec!["The orderdetails field is required."]);
    assert_eq!(told(&decoded.state), [entry]);
}

#[test]
fn framework_errors_in_both_formats() {
    let check = |error: HttpError, status: u16, json: &str, xml: &str| {
        assert_eq!(error.status(), status);
        assert_eq!(error.to_json(), json);
        assert_eq!(error.to_xml(), xml);
    };
    check(
        HttpError::unauthorized(),
        401,
        r#"{"Message":"Authorization has been denied for this request."}"#,
        "<Error><Message>Authorization has been denied for this request.</Message></Error>",
    );
    check(
        HttpError::not_found("http://h/api/x?a=1&b=2").with_detail("MessageDetail", "No action."),
        404,
        concat!(
            r#"{"Message":"No HTTP resource was found that matches the request URI "#,
            r#"'http://h/api/x?a=1&b=2'.","MessageDetail":"No action."}"#
        ),
        "<Error><Message>No HTTP resource was found that matches the request URI \
         'http://h/api/x?a=1&amp;b=2'.</Message><MessageDetail>No action.</MessageDetail></Error>",
    );
    check(
        HttpError::method_not_allowed("GET"),
        405,
        r#"{"Message":"The requested resource does not support http method 'GET'."}"#,
        "<Error><Message>The requested resource does not support http method 'GET'.</Message></Error>",
    );
    check(
        HttpError::internal(),
        500,
        r#"{"Message":"An error has occurred."}"#,
        "<Error><Message>An error has occurred.</Message></Error>",
    );
    assert_eq!(HttpError::too_large().status(), 413);
    let decoded: Decoded<OrderAddItemParm<'_>> = read(JSON, r#"{"amount":"x"}"#);
    check(
        HttpError::invalid(&decoded.state, false),
        400,
        concat!(
            r#"{"Message":"The request is invalid.","ModelState":{"parm.amount":["An error has "#,
            r#"occurred."],"parm.productid":["The productid field is required."]}}"#
        ),
        "<Error><Message>The request is invalid.</Message><ModelState>\
         <parm.amount>An error has occurred.</parm.amount>\
         <parm.productid>The productid field is required.</parm.productid></ModelState></Error>",
    );
    let detailed = HttpError::invalid(&decoded.state, true).to_json();
    assert!(
        detailed
            .contains("Could not convert string to integer. Path 'amount', line 1, position 13."),
        "{detailed}"
    );
}
