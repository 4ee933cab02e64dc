//! The format and charset of answers.

use piaoku::wire::codec::{Charset, HttpError, Negotiation};
use piaoku::wire::ota::CommonOperationResult;

use crate::{FORM, JSON, XML};

/// `Accept`, `X-Requested-With` and `Content-Type` of a request, and the media type of its answer.
type Case = (Option<&'static str>, Option<&'static str>, Option<&'static str>, &'static str);

#[test]
fn the_answers_format_is_negotiated_as_by_the_framework() {
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let ajax = Some("XMLHttpRequest");
    let table: &[Case] = &[
        (None, None, None, "application/json"),
        (None, None, Some("application/xml"), "application/xml"),
        (None, None, Some("text/xml; charset=utf-8"), "text/xml"),
        (None, None, Some("text/json"), "text/json"),
        (None, None, Some(FORM), "application/json"),
        (None, None, Some("nonsense"), "application/json"),
        (Some("application/json"), None, Some(XML), "application/json"),
        (Some("application/xml"), None, Some(JSON), "application/xml"),
        (Some("text/json"), None, None, "text/json"),
        (Some("TEXT/XML"), None, None, "text/xml"),
        (Some("text/*"), None, None, "text/json"),
        (Some("application/*"), None, None, "application/json"),
        (Some("*/*"), None, None, "application/json"),
        // With any kind accepted the format of the request is not looked at.
        (Some("*/*"), None, Some(XML), "application/json"),
        (Some("application/xml, application/json"), None, None, "application/json"),
        (Some("application/json;q=0.5, application/xml"), None, None, "application/xml"),
        (Some("application/json;q=0.5, application/xml;q=0.6"), None, None, "application/xml"),
        (Some("application/json;q=0, application/xml;q=0.1"), None, None, "application/xml"),
        (Some("application/json;odata=verbose"), None, Some(XML), "application/json"),
        (Some(browser), None, None, "application/xml"),
        (Some(browser), ajax, None, "application/xml"),
        // A range yields to a literal match unless its quality is strictly higher.
        (Some("*/*;q=0.9, application/xml;q=0.9"), None, None, "application/xml"),
        (Some("*/*, application/xml;q=0.9"), None, None, "application/json"),
        (Some("text/xml, */*"), None, None, "text/xml"),
        (Some("text/html"), None, None, "application/json"),
        (Some("text/html"), None, Some(XML), "application/xml"),
        (Some("nonsense"), None, Some(XML), "application/xml"),
        (None, ajax, None, "application/json"),
        (None, ajax, Some(XML), "application/json"),
        (Some("*/*"), Some("xmlhttprequest"), Some(XML), "application/json"),
        (Some("application/xml"), ajax, None, "application/xml"),
        (Some("*/*, text/html"), ajax, Some(XML), "application/json"),
        (None, Some("other"), Some(XML), "application/xml"),
    ];
    for &(accept, x_requested_with, content_type, expected) in table {
        let headers = Negotiation { accept, accept_charset: None, x_requested_with, content_type };
        assert_eq!(headers.choose().media_type, expected, "{headers:?}");
    }
}

#[test]
fn the_answers_charset_is_negotiated_and_utf_16_has_a_mark() {
    let check = |accept_charset: Option<&str>, content_type: Option<&str>, expected: Charset| {
        let headers = Negotiation { accept_charset, content_type, ..Negotiation::default() };
        assert_eq!(headers.choose().charset, expected, "{headers:?}");
    };
    check(None, None, Charset::Utf8);
    check(Some("utf-16"), None, Charset::Utf16);
    check(Some("utf-16;q=0.5, utf-8"), None, Charset::Utf8);
    check(Some("iso-8859-1, UTF-16;q=0.2"), None, Charset::Utf16);
    check(Some("utf-16;q=0, *;q=0.1"), None, Charset::Utf8);
    check(None, Some("text/xml; charset=utf-16"), Charset::Utf16);
    check(Some("gbk"), Some("text/xml; charset=gbk"), Charset::Utf8);
    let headers = Negotiation { accept_charset: Some("utf-16"), ..Negotiation::default() };
    let format = headers.choose();
    assert_eq!(format.content_type(), "application/json; charset=utf-16");
    let bytes = format.write_error(&HttpError::internal());
    assert_eq!(&bytes[..4], b"\xff\xfe{\0");
    let result = CommonOperationResult { errmsg: Some("张".into()), ..Default::default() };
    assert_eq!(
        Negotiation::default().choose().write(&result),
        r#"{"errcode":0,"errmsg":"张","tag":null}"#.as_bytes()
    );
}
