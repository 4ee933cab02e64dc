//! Answers as text: results and errors, in XML, JSON and simplified JSON.
//!
//! Members come in the order of the platform's own samples, and one without a value is left out.
//! Whatever the answer, its HTTP status is 200. Source: docs/protocols/top.md, "Envelopes".

mod redemption;

use std::borrow::Cow;
use std::fmt::Write as _;

use quick_xml::escape::partial_escape;
use serde::Serialize;

use super::consult::{ConsultFailure, ConsultOutcome, ConsultValue, TicketInfo};
use super::error::TopError;
use super::gateway::{Api, Format};

pub use redemption::{order_use_response, reserve_response, ticket_use_response};

const XML_DECLARATION: &str = r#"<?xml version="1.0" encoding="utf-8" ?>"#;

/// The answer to a consult. `request_id` is the gateway's own id of the call; XML has no place for
/// it. `success` decides which members appear: a value, or an error code and message.
#[must_use]
pub fn consult_response(format: Format, outcome: &ConsultOutcome, request_id: &str) -> String {
    match format {
        Format::Xml => consult_xml(outcome),
        Format::Json => {
            let content = json(&consult_json(outcome, request_id, false));
            let mut text = String::with_capacity(content.len() + 64);
            text.push_str("{\"");
            push_response_name(&mut text, Api::TicketConsult.name());
            text.push_str("\":");
            text.push_str(&content);
            text.push('}');
            text
        }
        Format::SimplifiedJson => json(&consult_json(outcome, request_id, true)),
    }
}

/// The answer to a call that failed. Simplified JSON keeps the wrapper, for callers look for it.
#[must_use]
pub fn error_response(format: Format, error: &TopError, request_id: &str) -> String {
    let (code, msg) = (error.code.number(), error.message());
    let (sub_code, sub_msg) = (error.sub_code, error.sub_msg.as_deref());
    match format {
        Format::Xml => {
            let mut xml = Xml::new();
            xml.open("error_response");
            xml.number("code", code.into());
            xml.text("msg", &msg);
            xml.optional("sub_code", sub_code);
            xml.optional("sub_msg", sub_msg);
            xml.close("error_response");
            xml.text
        }
        Format::Json | Format::SimplifiedJson => {
            let content = JsonError { code, msg: &msg, sub_code, sub_msg, request_id };
            json(&JsonErrorResponse { error_response: content })
        }
    }
}

/// Writes a method's response name: `_` for `.`, without a leading `taobao.`, and `_response`.
fn push_response_name(text: &mut String, method: &str) {
    let method = method.strip_prefix("taobao.").unwrap_or(method);
    text.extend(method.chars().map(|character| if character == '.' { '_' } else { character }));
    text.push_str("_response");
}

#[derive(Serialize)]
struct JsonErrorResponse<'a> {
    error_response: JsonError<'a>,
}

#[derive(Serialize)]
struct JsonError<'a> {
    code: u16,
    msg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_msg: Option<&'a str>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct JsonResponse<'a> {
    result: JsonResult<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct JsonResult<'a> {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<JsonValue<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_msg: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonValue<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_phone: Option<&'a str>,
    available_quantity: u32,
    ticket_info_list: JsonTickets<'a>,
    buyer_id: &'a str,
    alsc_order_no: &'a str,
    alsc_sub_order_no: &'a str,
    item_id: &'a str,
    out_item_id: &'a str,
}

/// A list keeps the name its items have in XML, unless the caller asked for simple ones.
#[derive(Serialize)]
#[serde(untagged)]
enum JsonTickets<'a> {
    Named { ticket_info: &'a [TicketInfo] },
    Plain(&'a [TicketInfo]),
}

fn consult_json<'a>(
    outcome: &'a ConsultOutcome,
    request_id: &'a str,
    simplified: bool,
) -> JsonResponse<'a> {
    let result = match outcome {
        Ok(value) => JsonResult {
            success: true,
            error_code: None,
            value: Some(json_value(value, simplified)),
            error_msg: None,
        },
        Err(ConsultFailure { error_code, error_msg }) => JsonResult {
            success: false,
            error_code: Some(error_code),
            value: None,
            error_msg: Some(error_msg),
        },
    };
    JsonResponse { result, request_id }
}

fn json_value(value: &ConsultValue, simplified: bool) -> JsonValue<'_> {
    let tickets = &value.ticket_info_list;
    JsonValue {
        user_phone: value.user_phone.as_deref(),
        available_quantity: value.available_quantity.get(),
        ticket_info_list: if simplified {
            JsonTickets::Plain(tickets)
        } else {
            JsonTickets::Named { ticket_info: tickets }
        },
        buyer_id: &value.buyer_id,
        alsc_order_no: &value.alsc_order_no,
        alsc_sub_order_no: &value.alsc_sub_order_no,
        item_id: &value.item_id,
        out_item_id: &value.out_item_id,
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("structs with text keys are always JSON")
}

fn consult_xml(outcome: &ConsultOutcome) -> String {
    let mut root = String::with_capacity(64);
    push_response_name(&mut root, Api::TicketConsult.name());
    let mut xml = Xml::new();
    xml.open(&root);
    xml.open("result");
    match outcome {
        Ok(value) => {
            xml.text("success", "true");
            xml.open("value");
            xml.optional("user_phone", value.user_phone.as_deref());
            xml.number("available_quantity", value.available_quantity.get().into());
            xml.open("ticket_info_list");
            for ticket in &value.ticket_info_list {
                ticket_xml(&mut xml, ticket);
            }
            xml.close("ticket_info_list");
            xml.text("buyer_id", &value.buyer_id);
            xml.text("alsc_order_no", &value.alsc_order_no);
            xml.text("alsc_sub_order_no", &value.alsc_sub_order_no);
            xml.text("item_id", &value.item_id);
            xml.text("out_item_id", &value.out_item_id);
            xml.close("value");
        }
        Err(ConsultFailure { error_code, error_msg }) => {
            xml.text("success", "false");
            xml.text("error_code", error_code);
            xml.text("error_msg", error_msg);
        }
    }
    xml.close("result");
    xml.close(&root);
    xml.text
}

fn ticket_xml(xml: &mut Xml, ticket: &TicketInfo) {
    xml.open("ticket_info");
    xml.text("ticket_id", &ticket.ticket_id);
    xml.text("ticket_name", &ticket.ticket_name);
    xml.number("total_amount", ticket.total_amount.get());
    xml.number("real_amount", ticket.real_amount.get());
    xml.number("quantity", ticket.quantity.get().into());
    xml.optional("ticket_code", ticket.ticket_code.as_deref());
    xml.number("original_price", ticket.original_price.get());
    xml.close("ticket_info");
}

/// XML without attributes or white space, written straight into the answer.
struct Xml {
    text: String,
}

impl Xml {
    fn new() -> Self {
        let mut text = String::with_capacity(1024);
        text.push_str(XML_DECLARATION);
        Self { text }
    }

    fn open(&mut self, name: &str) {
        self.tag("<", name);
    }

    fn close(&mut self, name: &str) {
        self.tag("</", name);
    }

    fn text(&mut self, name: &str, content: &str) {
        self.open(name);
        self.text.push_str(&partial_escape(xml_characters(content)));
        self.close(name);
    }

    fn optional(&mut self, name: &str, content: Option<&str>) {
        if let Some(content) = content {
            self.text(name, content);
        }
    }

    fn number(&mut self, name: &str, number: i64) {
        self.open(name);
        write!(self.text, "{number}").expect("writing to a string cannot fail");
        self.close(name);
    }

    fn tag(&mut self, opening: &str, name: &str) {
        self.text.push_str(opening);
        self.text.push_str(name);
        self.text.push('>');
    }
}

/// The text with U+FFFD for each character that XML 1.0 cannot carry, not even escaped.
fn xml_characters(text: &str) -> Cow<'_, str> {
    let forbidden = |character: char| match character {
        '\t' | '\n' | '\r' => false,
        '\u{FFFE}' | '\u{FFFF}' => true,
        other => other < ' ',
    };
    if text.contains(forbidden) {
        Cow::Owned(text.replace(forbidden, "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::*;

    #[test]
    fn response_names() {
        let check = |method: &str, expected: &str| {
            let mut name = String::new();
            push_response_name(&mut name, method);
            assert_eq!(name, expected);
        };
        check(
            "alibaba.alsc.daodian.ticket.consult",
            "alibaba_alsc_daodian_ticket_consult_response",
        );
        check("taobao.item.get", "item_get_response");
        check("taobao", "taobao_response");
    }

    /// The text of the answer's `error_msg`, or a panic when the answer is not well-formed.
    fn error_msg(xml: &str) -> String {
        let mut reader = Reader::from_str(xml);
        let (mut inside, mut found) = (false, String::new());
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => inside = start.name().as_ref() == "error_msg",
                Event::End(_) => inside = false,
                Event::Text(text) if inside => found += &text.xml10_content(),
                Event::GeneralRef(reference) if inside => {
                    let entity = format!("&{};", &*reference);
                    found += &quick_xml::escape::unescape(&entity).unwrap();
                }
                Event::Eof => return found,
                _ => {}
            }
        }
    }

    #[test]
    fn characters_that_xml_cannot_carry_are_replaced() {
        assert_eq!(
            xml_characters("a\u{0}b\u{1b}c\u{FFFF}\t\r\n"),
            "a\u{FFFD}b\u{FFFD}c\u{FFFD}\t\r\n"
        );
        assert!(matches!(xml_characters("票<&"), Cow::Borrowed("票<&")));
    }

    proptest! {
        #[test]
        fn any_text_survives_both_markups(message: String) {
            let outcome = Err(ConsultFailure::ticket_code_invalid(&message));
            let xml = consult_response(Format::Xml, &outcome, "r");
            prop_assert_eq!(error_msg(&xml), xml_characters(&message));
            for format in [Format::Json, Format::SimplifiedJson] {
                let json = consult_response(format, &outcome, &message);
                let json: serde_json::Value = serde_json::from_str(&json).unwrap();
                let body = match format {
                    Format::Json => &json["alibaba_alsc_daodian_ticket_consult_response"],
                    _ => &json,
                };
                prop_assert_eq!(&body["result"]["error_msg"], &message);
                prop_assert_eq!(&body["request_id"], &message);
            }
        }
    }
}
