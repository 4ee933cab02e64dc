//! What an answer means to the partner: a success or a refusal, in a line.

use std::collections::BTreeMap;
use std::fmt;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use super::arguments::Asked;
use super::exchange::Response;
use crate::wire::codec::{Body, Limits};
use crate::wire::douyin::GetTicketCodeResult;
use crate::wire::ota::{CommonOperationResult, OrderOperatorResult};

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Verdict {
    /// Done, with what was got.
    Success(String),
    /// Not done, and why.
    Refused(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success(what) => write!(f, "success: {what}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

/// Most of a list and longest text that an answer may have.
const LIMITS: Limits = Limits {
    depth_max: 64,
    list_len_max: 100_000,
    text_len_max: 1 << 20,
    form_pairs_max: 1,
    errors_max: 10,
};

/// Reads an answer as the partner would.
pub(super) fn judge(asked: &Asked, response: &Response) -> Verdict {
    let at_a_gate = match asked {
        Asked::Redeem(arguments) => arguments.shop.is_none(),
        Asked::Reverse(_) => true,
        _ => false,
    };
    if at_a_gate && let Some(verdict) = admitted(asked, response) {
        return verdict;
    }
    if response.status != 200 {
        return Verdict::Refused(format!("HTTP status {}", response.status));
    }
    let content_type = response.headers.iter().find(|(name, _)| name == "content-type");
    let content_type = content_type.map(|(_, value)| value.as_str());
    let judged = match asked {
        _ if at_a_gate => None,
        Asked::Consult(_) | Asked::Redeem(_) => consulted(&response.body),
        Asked::Ask(_) => Some(Verdict::Success("the question was answered".to_owned())),
        _ => Body::new(content_type, &response.body).ok().and_then(|body| match asked {
            Asked::Order(_) => body.read("answer", &LIMITS).model.map(ordered),
            Asked::Verify(_) => body.read("answer", &LIMITS).model.map(verified),
            Asked::Codes(_) => body.read("answer", &LIMITS).model.map(issued),
            Asked::Ask(_) | Asked::Consult(_) | Asked::Redeem(_) | Asked::Reverse(_) => None,
        }),
    };
    judged.unwrap_or_else(|| Verdict::Refused("the answer cannot be read".to_owned()))
}

/// The codes that were issued; `None` when there are none.
pub(super) fn codes_in(response: &Response) -> Option<Vec<String>> {
    let content_type = response.headers.iter().find(|(name, _)| name == "content-type");
    let content_type = content_type.map(|(_, value)| value.as_str());
    let body = Body::new(content_type, &response.body).ok()?;
    let answer: GetTicketCodeResult<'_> = body.read("answer", &LIMITS).model?;
    let codes = answer.data?.codes.filter(|codes| !codes.is_empty())?;
    Some(codes.into_iter().map(|code| code.into_owned()).collect())
}

fn ordered(answer: OrderOperatorResult<'_>) -> Verdict {
    if answer.resultcode != 0 {
        return refused(answer.resultcode, answer.returnmessgage.as_deref());
    }
    let text = |text: Option<_>| text.unwrap_or_default();
    let (order, state) = (text(answer.orderid), text(answer.orderstatus));
    Verdict::Success(format!("order {order} is in state {state}"))
}

fn verified(answer: CommonOperationResult<'_>) -> Verdict {
    match answer.errcode {
        0 => Verdict::Success("such an order would be accepted".to_owned()),
        code => refused(code, answer.errmsg.as_deref()),
    }
}

fn issued(answer: GetTicketCodeResult<'_>) -> Verdict {
    let data = answer.data.unwrap_or_default();
    match (data.error_code, data.result) {
        (0, GetTicketCodeResult::RESULT_SUCCESS) => {
            Verdict::Success(format!("codes {}", data.codes.unwrap_or_default().join(" ")))
        }
        (0, result) => {
            Verdict::Refused(format!("result {result}: {}", data.description.unwrap_or_default()))
        }
        (code, _) => refused(code, data.description.as_deref()),
    }
}

fn refused(code: i32, message: Option<&str>) -> Verdict {
    Verdict::Refused(format!("code {code}: {}", message.unwrap_or_default()))
}

/// The gate API's answer, whose status says little that its error does not say better.
fn admitted(asked: &Asked, response: &Response) -> Option<Verdict> {
    let answer: Value = serde_json::from_slice(&response.body).ok()?;
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    if response.status != 200 {
        let error = &answer["error"];
        return Some(Verdict::Refused(format!(
            "{} {}",
            text(&error["code"])?,
            text(&error["message"])?
        )));
    }
    let (number, uses) = (text(&answer["redemption_no"])?, answer["quantity"].as_u64()?);
    Some(Verdict::Success(match asked {
        Asked::Reverse(_) => format!("redemption {number} was taken back, {uses} of this code"),
        _ => format!("redemption {number} of {uses}, {}", text(&answer["product_name"])?),
    }))
}

/// The gateway's answer: a preview, a redemption, a failure, or the gateway's own error.
fn consulted(body: &[u8]) -> Option<Verdict> {
    let text = std::str::from_utf8(body).ok()?;
    let mut values = BTreeMap::new();
    if text.trim_start().starts_with('{') {
        json_values(&serde_json::from_str(text).ok()?, "", &mut values);
    } else {
        xml_values(text, &mut values)?;
    }
    let value = |name: &str| values.get(name).cloned().unwrap_or_default();
    if values.contains_key("biz_code") {
        let (number, name) = (value("ticket_trans_id"), value("item_name"));
        let said = format!("{} redemption {number}, {name}", value("biz_code"));
        return Some(Verdict::Success(said));
    }
    Some(if value("success") == "true" {
        Verdict::Success(format!(
            "{} usable of product {} in order {}",
            value("available_quantity"),
            value("out_item_id"),
            value("alsc_order_no")
        ))
    } else {
        let names = ["code", "msg", "sub_code", "sub_msg", "error_code", "error_msg"];
        let said = names.iter().filter_map(|name| values.get(*name)).cloned();
        Verdict::Refused(said.collect::<Vec<_>>().join(" "))
    })
}

/// The first value of every name, however deep.
fn json_values(value: &Value, name: &str, values: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| json_values(value, name, values));
        }
        Value::Array(items) => items.iter().for_each(|item| json_values(item, name, values)),
        Value::String(text) => {
            values.entry(name.to_owned()).or_insert_with(|| text.clone());
        }
        other => {
            values.entry(name.to_owned()).or_insert_with(|| other.to_string());
        }
    }
}

/// The first text of every element, however deep; `None` when it is no XML.
fn xml_values(text: &str, values: &mut BTreeMap<String, String>) -> Option<()> {
    let mut reader = Reader::from_str(text);
    let mut element = String::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                element = start.local_name().as_ref().to_owned();
            }
            Event::End(_) => element.clear(),
            Event::Text(content) if !element.is_empty() => {
                let content = content.xml10_content().into_owned();
                values.entry(element.clone()).or_insert(content);
            }
            Event::Eof => return Some(()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Arguments, Command};

    fn check(asked: &str, content_type: &str, body: &str, expected: Result<&str, &str>) {
        let line = format!("piaoku call {asked}");
        let Some(Command::Call(call)) = Arguments::parse_from(line.split(' ')).command else {
            panic!("a call");
        };
        let response = Response {
            status: 200,
            reason: String::new(),
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.as_bytes().to_vec(),
        };
        let expected = match expected {
            Ok(what) => Verdict::Success(what.to_owned()),
            Err(why) => Verdict::Refused(why.to_owned()),
        };
        assert_eq!(judge(&call.asked, &response), expected, "{body}");
    }

    fn golden(file: &str) -> String {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/top/consult/");
        std::fs::read_to_string(format!("{root}{file}")).unwrap()
    }

    #[test]
    fn answers_of_every_kind_are_understood_in_both_formats() {
        let json = "application/json; charset=utf-8";
        let order = r#"{"orderid":"1","sendid":"C","orderstatus":"D","resultcode":0,"returnmessgage":null}"#;
        check("order", json, order, Ok("order 1 is in state D"));
        let namespace = crate::wire::ota::RESULT_NAMESPACE;
        let order = format!(
            "<OrderOperatorResult xmlns=\"{namespace}\"><resultcode>1</resultcode>\
             <returnmessgage>库存不足</returnmessgage></OrderOperatorResult>"
        );
        check("order", "application/xml", &order, Err("code 1: 库存不足"));
        check("verify", json, r#"{"errcode":0}"#, Ok("such an order would be accepted"));
        check("verify", json, r#"{"errcode":22,"errmsg":"余额"}"#, Err("code 22: 余额"));
        let codes = r#"{"data":{"error_code":0,"result":1,"codes":["012345678901","1"]}}"#;
        check("codes", json, codes, Ok("codes 012345678901 1"));
        let none = r#"{"data":{"error_code":0,"description":"无","result":2,"codes":[]}}"#;
        check("codes", json, none, Err("result 2: 无"));
        let again = r#"{"data":{"error_code":100,"description":"忙","result":0,"codes":[]}}"#;
        check("codes", json, again, Err("code 100: 忙"));
        check("codes", json, "no", Err("the answer cannot be read"));
        check("codes", "text/plain", "no", Err("the answer cannot be read"));
    }

    #[test]
    fn gates_answers_are_understood() {
        let json = "application/json; charset=utf-8";
        let done = r#"{"redemption_no":"21","quantity":2,"product_name":"次卡"}"#;
        check("redeem --code 1", json, done, Ok("redemption 21 of 2, 次卡"));
        check("reverse --code 1", json, done, Ok("redemption 21 was taken back, 2 of this code"));
        check("redeem --code 1", json, "{}", Err("the answer cannot be read"));
        let golden = |file: &str| {
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/top/use/");
            std::fs::read_to_string(format!("{root}{file}")).unwrap()
        };
        let through_top = "redeem --code 1 --shop S";
        let said = "TICKET_ALREADY_USED redemption 2208301071920082803, 成人票 <A&B> \"云山\"";
        for file in ["response.json", "response.simplified.json"] {
            check(through_top, "x", &golden(&format!("replay/{file}")), Ok(said));
        }
        let said = "50 Remote service error isv.ticket-used-up 门票已使用";
        for file in ["response.json", "response.simplified.json", "response.xml"] {
            check(through_top, "x", &golden(&format!("used-up/{file}")), Err(said));
        }
    }

    #[test]
    fn the_gateways_answers_are_understood_in_every_format() {
        let previewed = Ok("2 usable of product 56789 in order 2208281071920082803");
        for file in ["response.json", "response.simplified.json", "response.xml"] {
            check("consult --code 1", "x", &golden(&format!("success/{file}")), previewed);
            let failed = Err("TICKET_CODE_INVALID 券码不存在");
            check("consult --code 1", "x", &golden(&format!("failed/{file}")), failed);
        }
        let error = golden("error-25/response.xml");
        let wanted = golden("error-25/response.json");
        let wanted: Value = serde_json::from_str(&wanted).unwrap();
        let mut values = BTreeMap::new();
        json_values(&wanted, "", &mut values);
        let said = ["code", "msg", "sub_code", "sub_msg"].iter().filter_map(|it| values.get(*it));
        let said = said.cloned().collect::<Vec<_>>().join(" ");
        check("consult --code 1", "x", &error, Err(&said));
    }
}
