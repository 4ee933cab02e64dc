//! Answers to redemptions and reversals. Unlike a preview, which is asked far more often and is
//! written straight into its text, they are built as a small tree first that every format is written
//! from. Source: docs/protocols/top.md, "Envelopes".

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{Xml, json, push_response_name};
use crate::types::Fen;
use crate::wire::top::gateway::{Api, Format};
use crate::wire::top::order_use::OrderUseOutcome;
use crate::wire::top::reserve::{Failure, ReserveOutcome};
use crate::wire::top::ticket_use::{UseAnswer, UseDetail};
use crate::wire::top::timestamp;

/// The answer to a redemption by code, which has no `result` around it. `request_id` is the gateway's
/// own id of the call; XML has no place for it.
#[must_use]
pub fn ticket_use_response(format: Format, answer: &UseAnswer, request_id: &str) -> String {
    let mut members: Members<'_> = vec![
        ("biz_code", text(answer.biz_code.name())),
        ("ticket_request_id", text(&answer.ticket_request_id)),
    ];
    let at = timestamp::format(answer.use_date);
    members.extend(at.map(|at| ("use_date", Node::Text(Cow::Owned(at)))));
    members.extend([
        ("ticket_trans_id", text(&answer.ticket_trans_id)),
        ("ticket_code", text(&answer.ticket_code)),
        ("order_no", text(&answer.order_no)),
        ("item_id", text(&answer.item_id)),
        ("item_name", text(&answer.item_name)),
        ("buyer_pay_amount", yuan(answer.buyer_pay_amount)),
        ("receipt_amount", yuan(answer.receipt_amount)),
        (
            "ticket_use_details",
            Node::List("merchant_ticket_use_detail", answer.details.iter().map(detail).collect()),
        ),
    ]);
    response(format, Api::TicketCodeUse, members, request_id)
}

/// The answer to a reversal.
#[must_use]
pub fn reserve_response(format: Format, outcome: &ReserveOutcome, request_id: &str) -> String {
    let value = outcome.as_ref().map(|()| Vec::new());
    response(format, Api::TicketReserve, result(value), request_id)
}

/// The answer to a redemption by order.
#[must_use]
pub fn order_use_response(format: Format, outcome: &OrderUseOutcome, request_id: &str) -> String {
    let value = outcome
        .as_ref()
        .map(|use_biz_id| vec![("value", Node::Object(vec![("use_biz_id", text(use_biz_id))]))]);
    response(format, Api::OrderUse, result(value), request_id)
}

fn detail(detail: &UseDetail) -> Members<'_> {
    vec![
        ("ticket_trans_id", text(&detail.ticket_trans_id)),
        ("ticket_code", text(&detail.ticket_code)),
        ("ticket_id", text(&detail.ticket_id)),
        ("quantity", Node::Text(Cow::Owned(detail.quantity.to_string()))),
        ("buyer_pay_amount", yuan(detail.buyer_pay_amount)),
        ("receipt_amount", yuan(detail.receipt_amount)),
    ]
}

/// `result` with `success` first: then what is particular to a success, or why there is none.
fn result<'a>(outcome: Result<Members<'a>, &'a Failure>) -> Members<'a> {
    let members = match outcome {
        Ok(value) => [vec![("success", Node::Bool(true))], value].concat(),
        Err(failure) => vec![
            ("success", Node::Bool(false)),
            ("error_code", text(failure.error_code)),
            ("error_msg", text(&failure.error_msg)),
            ("retry", Node::Bool(failure.retry)),
        ],
    };
    vec![("result", Node::Object(members))]
}

/// Members in the order they are written.
type Members<'a> = Vec<(&'static str, Node<'a>)>;

/// A value in an answer.
#[derive(Clone)]
enum Node<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Object(Members<'a>),
    /// The name each item has in XML, and the items.
    List(&'static str, Vec<Members<'a>>),
}

fn text(text: &str) -> Node<'_> {
    Node::Text(Cow::Borrowed(text))
}

/// Money as these APIs write it: yuan with two decimals, as text.
fn yuan(amount: Fen) -> Node<'static> {
    Node::Text(Cow::Owned(amount.to_yuan()))
}

fn response<'a>(format: Format, api: Api, mut members: Members<'a>, request_id: &'a str) -> String {
    let mut name = String::with_capacity(64);
    push_response_name(&mut name, api.name());
    if format == Format::Xml {
        let mut xml = Xml::new();
        xml.open(&name);
        write_members(&mut xml, &members);
        xml.close(&name);
        return xml.text;
    }
    members.push(("request_id", text(request_id)));
    match format {
        Format::SimplifiedJson => json(&JsonMembers { members: &members, simplified: true }),
        _ => {
            let content = json(&JsonMembers { members: &members, simplified: false });
            format!("{{\"{name}\":{content}}}")
        }
    }
}

fn write_members(xml: &mut Xml, members: &Members<'_>) {
    for (name, node) in members {
        match node {
            Node::Text(text) => xml.text(name, text),
            Node::Bool(value) => xml.text(name, if *value { "true" } else { "false" }),
            Node::Object(members) => {
                xml.open(name);
                write_members(xml, members);
                xml.close(name);
            }
            Node::List(item, items) => {
                xml.open(name);
                for members in items {
                    xml.open(item);
                    write_members(xml, members);
                    xml.close(item);
                }
                xml.close(name);
            }
        }
    }
}

struct JsonMembers<'a> {
    members: &'a Members<'a>,
    simplified: bool,
}

struct JsonItems<'a> {
    items: &'a [Members<'a>],
    simplified: bool,
}

impl Serialize for JsonMembers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let simplified = self.simplified;
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, node) in self.members {
            match node {
                Node::Text(text) => map.serialize_entry(name, text)?,
                Node::Bool(value) => map.serialize_entry(name, value)?,
                Node::Object(members) => {
                    map.serialize_entry(name, &JsonMembers { members, simplified })?;
                }
                Node::List(item, items) => {
                    let items = JsonItems { items, simplified };
                    // A list keeps the name its items have in XML, unless simple ones were asked for.
                    if simplified {
                        map.serialize_entry(name, &items)?;
                    } else {
                        map.serialize_entry(name, &Named { item, items })?;
                    }
                }
            }
        }
        map.end()
    }
}

/// A list in an object whose only member is named after the items.
struct Named<'a> {
    item: &'static str,
    items: JsonItems<'a>,
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.item, &self.items)?;
        map.end()
    }
}

impl Serialize for JsonItems<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.items.len()))?;
        for members in self.items {
            list.serialize_element(&JsonMembers { members, simplified: self.simplified })?;
        }
        list.end()
    }
}
