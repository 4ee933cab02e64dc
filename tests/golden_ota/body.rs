//! Charsets, byte order marks and media types of request bodies.

use piaoku::wire::codec::{Body, Decoded, Formatter, HttpError};
use piaoku::wire::ota::OrderAddParm;

use crate::{FORM, JSON, OCCURRED, XML, parm_xml, read, told};

#[test]
fn byte_order_marks_and_charsets() {
    let text = "{\"mobile\":\"张三\"}";
    let utf16 = |mark: &[u8], unit: fn(u16) -> [u8; 2]| {
        let units = text.encode_utf16().flat_map(unit);
        mark.iter().copied().chain(units).collect::<Vec<u8>>()
    };
    let check = |media_type: &str, body: Vec<u8>, expected: Option<&str>| {
        let decoded: Decoded<OrderAddParm<'_>> = read(media_type, &body);
        let mobile = decoded.model.as_ref().and_then(|order| order.mobile.as_deref());
        assert_eq!(mobile, expected, "{media_type} {body:?}");
        assert_eq!(decoded.model.is_none(), expected.is_none());
        if expected.is_none() {
            assert_eq!(told(&decoded.state), [("parm", vec![OCCURRED])]);
        }
    };
    let good = Some("张三");
    check(JSON, text.into(), good);
    check(JSON, [b"\xef\xbb\xbf", text.as_bytes()].concat(), good);
    check("application/json; charset=utf-16", utf16(b"", u16::to_le_bytes), good);
    check("application/json", utf16(b"\xff\xfe", u16::to_le_bytes), good);
    check("application/json", utf16(b"\xfe\xff", u16::to_be_bytes), good);
    // A charset without a decoder counts as UTF-8.
    check("text/json; charset=gb2312", text.into(), good);
    check("text/json; charset=gb2312", b"{\"mobile\":\"\xd5\xc5\"}".to_vec(), None);
    check("application/json; charset=utf-16", b"\x7b\x00\x7d".to_vec(), None);
    check("application/json; charset=utf-16", b"\x00\xd8\x7b\x00".to_vec(), None);
    let declared =
        format!("<?xml version=\"1.0\" encoding=\"utf-16\"?>{}", parm_xml("<mobile>1</mobile>"));
    let bytes: Vec<u8> = declared.encode_utf16().flat_map(u16::to_le_bytes).collect();
    check("text/xml; charset=utf-16", bytes, Some("1"));
    check(XML, [b"\xef\xbb\xbf", parm_xml("<mobile>1</mobile>").as_bytes()].concat(), Some("1"));
}

#[test]
fn media_types_without_a_formatter_are_refused_with_the_frameworks_words() {
    let check = |content_type: Option<&str>, body: &[u8], expected: Result<Formatter, &str>| {
        let found = Body::new(content_type, body);
        let found = found.as_ref().map(Body::formatter).map_err(HttpError::to_json);
        assert_eq!(found, expected.map_err(str::to_owned), "{content_type:?}");
    };
    check(Some("TEXT/Json"), b"{}", Ok(Formatter::Json));
    check(Some("text/xml; charset=utf-8"), b"x", Ok(Formatter::Xml));
    check(Some(FORM), b"x", Ok(Formatter::Form));
    check(
        Some("x/y; z=1"),
        b"x",
        Err(
            r#"{"Message":"The request entity's media type 'x/y' is not supported for this resource."}"#,
        ),
    );
    let none = concat!(
        r#"{"Message":"The request contains an entity body but no Content-Type header. "#,
        r#"The inferred media type 'application/octet-stream' is not supported for this resource."}"#
    );
    check(None, b"{}", Err(none));
    check(Some("json"), b"{}", Err(none));
    check(None, b"", Ok(Formatter::Json));
    check(Some("x/y"), b"", Ok(Formatter::Json));
    assert_eq!(Body::new(None, b"{}").unwrap_err().status(), 415);
}
