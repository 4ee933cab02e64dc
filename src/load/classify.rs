//! What an answer means: a success, a refusal with its business code, or an error.
//!
//! By the protocol's own result code, found with a scan and not with a parser: the answers are
//! small, flat and the server's own. Sources: docs/protocols/ota.md, "Result codes", and the answers of
//! docs/protocols/douyin.md and docs/protocols/top.md.

use crate::wire::message;
use crate::wire::ota::ResultCode;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Whether an order would be accepted.
    Verify,
    /// Order and pay at once.
    Order,
    /// Voucher codes, as Douyin.
    Codes,
    /// A preview of a code, as Alibaba local life.
    Consult,
    /// Whether the server lives.
    Live,
}

impl Kind {
    /// Every kind, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Verify, Self::Order, Self::Codes, Self::Consult, Self::Live];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Order => "order",
            Self::Codes => "codes",
            Self::Consult => "consult",
            Self::Live => "live",
        }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Done.
    Success,
    /// The rules said no, with this code (for Consult 0, whose codes are text).
    Refusal(i32),
    /// Neither.
    Error(ErrorKind),
}

/// Why a request has no answer that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// An HTTP status other than 200.
    Status(u16),
    /// The answer is not of the protocol.
    Undecodable,
    /// "Repeat the same request": busy, or the outcome is unknown.
    Repeat(i32),
    /// The outcome is unknown and there is no key to repeat it by.
    Unknown,
    /// The connection broke or could not be made.
    Transport,
    /// No answer in time.
    Timeout,
}

impl std::fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "HTTP {status}"),
            Self::Undecodable => f.write_str("undecodable"),
            Self::Repeat(code) => write!(f, "code {code}: busy or unknown, repeat"),
            Self::Unknown => f.write_str("outcome unknown"),
            Self::Transport => f.write_str("transport"),
            Self::Timeout => f.write_str("timeout"),
        }
    }
}

/// Classifies an answer by its status and its body, JSON or XML.
#[must_use]
pub fn classify(kind: Kind, status: u16, body: &[u8]) -> Class {
    if status != 200 {
        return Class::Error(ErrorKind::Status(status));
    }
    let class = match kind {
        Kind::Live => Some(Class::Success),
        Kind::Verify => number(body, "errcode").map(|code| by_code(code, body)),
        Kind::Order => number(body, "resultcode").map(|code| by_code(code, body)),
        Kind::Codes => codes(body),
        Kind::Consult => consulted(body),
    };
    let class = class.unwrap_or(Class::Error(ErrorKind::Undecodable));
    // Only an order with a number is an order that can be found in the books.
    if kind == Kind::Order && class == Class::Success && order_number(body).is_none() {
        return Class::Error(ErrorKind::Undecodable);
    }
    class
}

/// Our number of the order in an answer.
#[must_use]
pub(super) fn order_number(body: &[u8]) -> Option<&[u8]> {
    let value = value(body, "orderid")?;
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let len = value.iter().position(|byte| matches!(byte, b'"' | b'<' | b',' | b'}'))?;
    let number = &value[..len];
    (!number.is_empty() && number != b"null").then_some(number)
}

fn by_code(code: i32, body: &[u8]) -> Class {
    if code == ResultCode::SUCCESS.get() {
        Class::Success
    } else if code == ResultCode::RETRY.get() || code == ResultCode::SYSTEM_FAULT.get() {
        Class::Error(ErrorKind::Repeat(code))
    } else if code == ResultCode::OTHER.get() && contains(body, message::OUTCOME_UNKNOWN.as_bytes())
    {
        Class::Error(ErrorKind::Unknown)
    } else {
        Class::Refusal(code)
    }
}

/// Source: docs/protocols/douyin.md, result 1 is success and 0 asks again.
fn codes(body: &[u8]) -> Option<Class> {
    Some(match (number(body, "error_code")?, number(body, "result")?) {
        (0, 1) => Class::Success,
        (0, result) => Class::Refusal(result),
        (code, _) if code == ResultCode::SYSTEM_FAULT.get() => {
            Class::Error(ErrorKind::Repeat(code))
        }
        (code, _) => Class::Refusal(code),
    })
}

fn consulted(body: &[u8]) -> Option<Class> {
    let success = value(body, "success")?;
    Some(if success.starts_with(b"true") { Class::Success } else { Class::Refusal(0) })
}

fn number(body: &[u8], name: &str) -> Option<i32> {
    let value = value(body, name)?;
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let len = value.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
    std::str::from_utf8(&value[..len]).ok()?.parse().ok()
}

/// What follows the first member or element of this name.
fn value<'b>(body: &'b [u8], name: &str) -> Option<&'b [u8]> {
    let (open, close) =
        if body.trim_ascii_start().starts_with(b"<") { (b'<', b'>') } else { (b'"', b'"') };
    let mut at = 0;
    loop {
        let found = at + body[at..].iter().position(|byte| *byte == open)?;
        at = found + 1;
        let after = body[at..].strip_prefix(name.as_bytes());
        let Some(after) = after.and_then(|after| after.strip_prefix(&[close])) else { continue };
        if close == b'>' {
            return Some(after);
        }
        // A text that reads like the name is followed by no colon.
        if let Some(after) = after.trim_ascii_start().strip_prefix(b":") {
            return Some(after.trim_ascii_start());
        }
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ota::RESULT_NAMESPACE;

    fn check(kind: Kind, status: u16, body: &str, expected: Class) {
        assert_eq!(classify(kind, status, body.as_bytes()), expected, "{body}");
    }

    #[test]
    fn orders_are_told_apart_by_their_result_code() {
        let json = |order: &str, code: i32, message: &str| {
            format!(
                r#"{{"orderid":{order},"sendid":"C","orderstatus":"D","resultcode":{code},"returnmessgage":"{message}"}}"#
            )
        };
        let sold = json("\"1234567890123456789\"", 0, "成功");
        check(Kind::Order, 200, &sold, Class::Success);
        assert_eq!(order_number(sold.as_bytes()), Some(b"1234567890123456789".as_slice()));
        check(Kind::Order, 200, &json("null", 1, "库存不足"), Class::Refusal(1));
        check(Kind::Order, 200, &json("null", 22, "\\\"resultcode\\\":0"), Class::Refusal(22));
        let refused = json("null", 999_999, "支付密码错误");
        check(Kind::Order, 200, &refused, Class::Refusal(999_999));
        let unknown = json("null", 999_999, message::OUTCOME_UNKNOWN);
        check(Kind::Order, 200, &unknown, Class::Error(ErrorKind::Unknown));
        let busy = Class::Error(ErrorKind::Repeat(-2));
        check(Kind::Order, 200, &json("null", -2, message::BUSY), busy);
        // A success without an order is none.
        check(Kind::Order, 200, &json("null", 0, ""), Class::Error(ErrorKind::Undecodable));
        check(Kind::Order, 200, &json("\"\"", 0, ""), Class::Error(ErrorKind::Undecodable));
        check(Kind::Order, 503, &sold, Class::Error(ErrorKind::Status(503)));
        for nonsense in ["", "{}", "[]", "no", "<a", r#"{"resultcode":}"#, r#"{"resultcode":"x"}"#]
        {
            check(Kind::Order, 200, nonsense, Class::Error(ErrorKind::Undecodable));
        }
        let spaced = "{ \"orderid\" : \"7\", \"resultcode\" : 0 }";
        check(Kind::Order, 200, spaced, Class::Success);
    }

    #[test]
    fn the_same_in_xml() {
        let xml = |order: &str, code: i32| {
            format!(
                "<OrderOperatorResult xmlns=\"{RESULT_NAMESPACE}\">{order}<orderstatus>D</orderstatus>\
                 <resultcode>{code}</resultcode><returnmessgage/></OrderOperatorResult>"
            )
        };
        let sold = xml("<orderid>77</orderid>", 0);
        check(Kind::Order, 200, &sold, Class::Success);
        assert_eq!(order_number(sold.as_bytes()), Some(b"77".as_slice()));
        check(Kind::Order, 200, &xml("<orderid i:nil=\"true\"/>", 1), Class::Refusal(1));
        let numberless = xml("<orderid i:nil=\"true\"/>", 0);
        check(Kind::Order, 200, &numberless, Class::Error(ErrorKind::Undecodable));
        check(Kind::Verify, 200, "<C><errcode>0</errcode></C>", Class::Success);
        check(Kind::Verify, 200, "<C><errcode>4</errcode></C>", Class::Refusal(4));
    }

    #[test]
    fn verifications_codes_and_previews_have_members_of_their_own() {
        check(Kind::Verify, 200, r#"{"errcode":0,"errmsg":"成功","tag":null}"#, Class::Success);
        check(Kind::Verify, 200, r#"{"errcode":7,"errmsg":"","tag":null}"#, Class::Refusal(7));
        check(Kind::Verify, 200, r#"{"resultcode":0}"#, Class::Error(ErrorKind::Undecodable));
        let codes = |code: i32, result: i32| {
            format!(r#"{{"data":{{"error_code":{code},"description":"","result":{result}}}}}"#)
        };
        check(Kind::Codes, 200, &codes(0, 1), Class::Success);
        check(Kind::Codes, 200, &codes(0, 2), Class::Refusal(2));
        check(Kind::Codes, 200, &codes(2, 0), Class::Refusal(2));
        check(Kind::Codes, 200, &codes(100, 0), Class::Error(ErrorKind::Repeat(100)));
        let issued = "<R><data><codes/><error_code>0</error_code><result>1</result></data></R>";
        check(Kind::Codes, 200, issued, Class::Success);
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/top/consult/");
        for file in ["response.json", "response.simplified.json", "response.xml"] {
            let golden = std::fs::read_to_string(format!("{root}success/{file}")).unwrap();
            check(Kind::Consult, 200, &golden, Class::Success);
        }
        let refused = r#"{"x":{"result":{"success":false,"error_code":"TICKET_CODE_INVALID"}}}"#;
        check(Kind::Consult, 200, refused, Class::Refusal(0));
        let unsigned = r#"{"error_response":{"code":25,"msg":"Invalid signature"}}"#;
        check(Kind::Consult, 200, unsigned, Class::Error(ErrorKind::Undecodable));
        check(Kind::Live, 200, "", Class::Success);
        check(Kind::Live, 503, "", Class::Error(ErrorKind::Status(503)));
    }
}
