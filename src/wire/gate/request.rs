//! What a gate asks for.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

use super::error::GateError;

/// Longest number of a request or redemption in characters.
const NUMBER_CHARS_MAX: usize = 64;

/// Body of `POST /v1/vouchers/{code}/redeem`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedeemRequest {
    /// The gate's number of the request: a repeat gets the first answer.
    #[serde(deserialize_with = "number")]
    pub request_no: String,
    /// Uses, at least 1; 1 when absent.
    #[serde(default = "one", deserialize_with = "quantity")]
    pub quantity: u16,
}

/// Body of `POST /v1/vouchers/{code}/reverse`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReverseRequest {
    /// The gate's number of the request: a repeat gets the first answer.
    #[serde(deserialize_with = "number")]
    pub request_no: String,
    /// The redemption; when absent, the code's last one that still counts.
    #[serde(
        default,
        deserialize_with = "optional_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub redemption_no: Option<String>,
}

impl RedeemRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// [`GateError::InvalidRequest`], saying what is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, GateError> {
        parse(body)
    }
}

impl ReverseRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// [`GateError::InvalidRequest`], saying what is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, GateError> {
        parse(body)
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, GateError> {
    // Checked here because a derived reader takes an array of members for an object.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(GateError::InvalidRequest("the body must be a JSON object".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| GateError::InvalidRequest(error.to_string()))
}

const fn one() -> u16 {
    1
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fits = (1..=NUMBER_CHARS_MAX).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text)
    } else {
        Err(D::Error::custom("a number must have 1 to 64 visible ASCII characters"))
    }
}

fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    /// A number behind an option, which may be null.
    #[derive(Deserialize)]
    struct Wrapped(#[serde(deserialize_with = "number")] String);

    Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|Wrapped(text)| text))
}

fn quantity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let wrong = || D::Error::custom("quantity must be 1 to 65535");
    let quantity = i64::deserialize(deserializer)?;
    u16::try_from(quantity).ok().filter(|quantity| *quantity > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn redemptions_are_of_one_use_unless_more_is_said() {
        let check = |body: &str, expected: Option<(&str, u16)>| {
            let read = RedeemRequest::parse(body.as_bytes()).ok();
            let read = read.as_ref().map(|it| (&*it.request_no, it.quantity));
            assert_eq!(read, expected, "{body}");
        };
        check(r#" {"request_no":"a-1"} "#, Some(("a-1", 1)));
        check(r#"{"request_no":"1","quantity":3}"#, Some(("1", 3)));
        check(r#"{"quantity":3}"#, None);
        check(r#"{"request_no":"1","quantity":0}"#, None);
        check(r#"{"request_no":"1","quantity":-1}"#, None);
        check(r#"{"request_no":"1","quantity":65536}"#, None);
        check(r#"{"request_no":"1","quantity":"3"}"#, None);
        check(r#"{"request_no":"1","quantity":1.5}"#, None);
        check(r#"{"request_no":1}"#, None);
        check(r#"{"request_no":""}"#, None);
        check(r#"{"request_no":"a b"}"#, None);
        check(r#"{"request_no":"1","request_no":"2"}"#, None);
        check(r#"{"request_no":"1","count":2}"#, None);
        check(r#"["1",1]"#, None);
        check("", None);
        let longest = "n".repeat(64);
        check(&format!(r#"{{"request_no":"{longest}"}}"#), Some((&longest, 1)));
        check(&format!(r#"{{"request_no":"{longest}n"}}"#), None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |body: &str, part: &str| {
            let Err(GateError::InvalidRequest(why)) = RedeemRequest::parse(body.as_bytes()) else {
                panic!("{body} is accepted");
            };
            assert!(why.contains(part), "{why}");
        };
        check("[]", "JSON object");
        check("{}", "missing field `request_no`");
        check(r#"{"request_no":"1","quantity":0}"#, "quantity must be 1 to 65535");
        check(r#"{"request_no":"1","amount":1}"#, "unknown field `amount`");
    }

    proptest! {
        #[test]
        fn no_body_panics(body: Vec<u8>) {
            let _ = RedeemRequest::parse(&body);
            let _ = ReverseRequest::parse(&body);
        }

        #[test]
        fn what_a_gate_writes_is_read(
            request_no in "[!-~]{1,64}",
            redemption_no in proptest::option::of("[!-~]{1,64}"),
            quantity in 1_u16..,
        ) {
            let redeem = RedeemRequest { request_no: request_no.clone(), quantity };
            let body = serde_json::to_vec(&redeem).unwrap();
            prop_assert_eq!(RedeemRequest::parse(&body).ok(), Some(redeem));
            let reverse = ReverseRequest { request_no, redemption_no };
            let body = serde_json::to_vec(&reverse).unwrap();
            prop_assert_eq!(ReverseRequest::parse(&body).ok(), Some(reverse));
        }
    }
}
