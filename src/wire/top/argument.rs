//! Members of the JSON text that carries a call's arguments, and what is wrong with them.
//!
//! Source: docs/protocols/top.md, "Consult" and "Redemption requests".

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::TopError;
use super::request::Params;
use super::timestamp;
use crate::types::UnixMillis;

/// Longest id of a request in characters; the platform states no length.
pub const REQUEST_ID_CHARS_MAX: usize = 64;
/// Longest `shop_id` in characters.
pub const SHOP_ID_CHARS_MAX: usize = 32;
/// Longest `ticket_code` in characters, twice that of any code the platform knows.
pub const TICKET_CODE_CHARS_MAX: usize = 64;
/// Longest number of a ticket, order, line or transaction in characters; ours have 19.
pub(super) const NUMBER_CHARS_MAX: usize = 64;

/// Reads the JSON object in the parameter `name`. Members that `T` does not know are ignored.
pub(super) fn object<T: DeserializeOwned>(
    params: &Params<'_>,
    name: &'static str,
) -> Result<T, TopError> {
    let text = params.filled(name).ok_or_else(|| TopError::missing_argument(name))?;
    let malformed = || TopError::invalid_argument(name, "须为JSON对象");
    // Checked here because a derived reader takes an array of members for an object.
    if !text.trim_start().starts_with('{') {
        return Err(malformed());
    }
    serde_json::from_str(text).map_err(|_| malformed())
}

/// The text of a required member. Numbers are refused, for they have lost their leading zeros.
pub(super) fn required(
    name: &'static str,
    value: Option<Value>,
    chars_max: usize,
) -> Result<String, TopError> {
    optional(name, value, chars_max)?.ok_or_else(|| TopError::missing_argument(name))
}

/// The text of a member; null and empty are absent.
pub(super) fn optional(
    name: &'static str,
    value: Option<Value>,
    chars_max: usize,
) -> Result<Option<String>, TopError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if text.chars().count() > chars_max => {
            Err(TopError::invalid_argument(name, &format!("超过{chars_max}个字符")))
        }
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TopError::invalid_argument(name, "须为字符串")),
    }
}

/// A count from 1 to 65535, as a number or, as the platform declares it, as text.
pub(super) fn count(name: &'static str, value: Option<Value>) -> Result<Option<u16>, TopError> {
    let number = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        // A sign would be taken for a part of the number.
        Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok()
        }
        Some(Value::Number(number)) => number.as_u64(),
        Some(_) => None,
    };
    let count = number.and_then(|number| u16::try_from(number).ok()).filter(|count| *count > 0);
    let wrong = || TopError::invalid_argument(name, "须为1到65535的整数");
    count.map(Some).ok_or_else(wrong)
}

/// A time at GMT+8, `yyyy-MM-dd HH:mm:ss`.
pub(super) fn time(
    name: &'static str,
    value: Option<Value>,
) -> Result<Option<UnixMillis>, TopError> {
    let Some(text) = optional(name, value, NUMBER_CHARS_MAX)? else { return Ok(None) };
    let wrong = || TopError::invalid_argument(name, "须为yyyy-MM-dd HH:mm:ss");
    timestamp::parse(&text).map(Some).ok_or_else(wrong)
}

/// The caller's id of a request that changes something: letters and digits, so that it is the same id
/// in every notation.
pub(super) fn request_id(name: &'static str, value: Option<Value>) -> Result<String, TopError> {
    let text = required(name, value, REQUEST_ID_CHARS_MAX)?;
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(text)
    } else {
        Err(TopError::invalid_argument(name, "须为英文字母和数字"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_numbers_or_digits() {
        let check = |value: Value, expected: Result<Option<u16>, ()>| {
            let read = count("quantity", Some(value.clone())).map_err(|error| {
                assert_eq!((error.code.number(), error.argument), (41, Some("quantity")));
            });
            assert_eq!(read, expected, "{value}");
        };
        check(Value::Null, Ok(None));
        check(json!(""), Ok(None));
        check(json!(1), Ok(Some(1)));
        check(json!("2"), Ok(Some(2)));
        check(json!("0003"), Ok(Some(3)));
        check(json!(65535), Ok(Some(65535)));
        check(json!(65536), Err(()));
        check(json!("99999999999999999999"), Err(()));
        check(json!(0), Err(()));
        check(json!("0"), Err(()));
        check(json!(-1), Err(()));
        check(json!("-1"), Err(()));
        check(json!("+1"), Err(()));
        check(json!(1.5), Err(()));
        check(json!(1.0), Err(()));
        check(json!([1]), Err(()));
        assert_eq!(count("quantity", None), Ok(None));
    }

    #[test]
    fn ids_of_changing_requests_are_letters_and_digits() {
        let check = |text: &str, expected: Option<u16>| {
            let read = request_id("request_id", Some(json!(text)));
            assert_eq!(read.err().map(|error| error.code.number()), expected, "{text}");
        };
        check("f82d968ccc884077B180", None);
        check("", Some(40));
        check("a-b", Some(41));
        check("a b", Some(41));
        check("券", Some(41));
        check(&"a".repeat(64), None);
        check(&"a".repeat(65), Some(41));
    }

    #[test]
    fn times_are_at_gmt_8() {
        let read = |value| time("gmt_biz", Some(value));
        assert_eq!(read(json!("1970-01-01 08:00:00")), Ok(Some(UnixMillis::new(0))));
        assert_eq!(read(json!("")), Ok(None));
        assert!(read(json!("yesterday")).is_err());
        assert!(read(json!(1_795_280_712_000_u64)).is_err());
    }
}
