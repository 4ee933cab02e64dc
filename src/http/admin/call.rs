//! One authenticated call: who makes it, for what, with which body.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::actors::EngineHandle;
use crate::engine::operator::Operator;
use crate::http::admin::config::{AdminConfig, AdminRole};
use crate::http::admin::failure::Failure;
use crate::http::bearer::KnownToken;
use crate::types::ServiceDate;

/// Key of the body that says why.
const REASON: &str = "reason";

/// Who may call, by token.
pub(in crate::http) struct Tokens(Vec<(KnownToken, Box<str>, AdminRole)>);

/// An authenticated call.
pub(super) struct Call {
    /// Who calls: the token's name and, after a slash, whoever it says it acts for.
    pub(super) actor: String,
    /// The parts of the path after `/admin/v1/`.
    pub(super) path: Vec<String>,
    /// Parameters after the question mark.
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Map<String, Value>,
    /// Why, from the body or the header.
    pub(super) reason: String,
}

impl Tokens {
    pub(in crate::http) fn new(config: &AdminConfig) -> Self {
        let known = config.token.iter().map(|token| {
            (KnownToken::new(token.token.as_bytes()), token.name.as_str().into(), token.role)
        });
        Self(known.collect())
    }

    /// Whose token a request shows.
    pub(super) fn find(&self, shown: Option<&KnownToken>) -> Option<(&str, AdminRole)> {
        let shown = shown?;
        let mut found = None;
        for (known, name, role) in &self.0 {
            // All are compared, so that the time it takes tells nothing of them.
            if known.is(shown) {
                found = Some((&**name, *role));
            }
        }
        found
    }
}

impl Call {
    /// Takes the reason out of a body, which has the last word over the header.
    pub(super) fn reason(body: &mut Map<String, Value>, header: String) -> String {
        match body.remove(REASON) {
            Some(Value::String(reason)) => reason,
            Some(_) => String::new(),
            None => header,
        }
    }

    /// A handle whose records name the caller and the reason.
    pub(super) fn acting(&self, engine: &EngineHandle) -> Result<EngineHandle, Failure> {
        Ok(engine.acting(Operator::new(&self.actor, &self.reason)?))
    }

    /// The body as the action has it.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_value(Value::Object(self.body.clone())).map_err(Failure::bad_request)
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A date as `2026-12-31` or `20261231`.
pub(super) fn date(text: &str) -> Result<ServiceDate, Failure> {
    let compact: String = text.chars().filter(|c| *c != '-').collect();
    let wrong = || Failure::bad_request(format!("{text:?} is not a date that exists (yyyy-MM-dd)"));
    if text.len() > 10 {
        return Err(wrong());
    }
    ServiceDate::parse_compact(&compact).map_err(|_| wrong())
}

/// A date as `2026-12-31`.
pub(super) fn date_text(date: ServiceDate) -> String {
    date.to_civil().map_or_else(|| date.to_compact(), |date| date.to_string())
}

/// An instant as `2026-12-31T01:02:03.004Z`.
pub(super) fn instant_text(at: crate::types::UnixMillis) -> Value {
    let instant = jiff::Timestamp::from_millisecond(at.get()).ok();
    instant.map_or(Value::Null, |instant| Value::String(instant.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::admin::config::DEMO_TOKEN;

    #[test]
    fn a_token_is_found_by_its_whole_text() {
        let tokens = Tokens::new(&AdminConfig::default());
        let check = |token: &str, expected: Option<&str>| {
            let shown = KnownToken::new(token.as_bytes());
            assert_eq!(tokens.find(Some(&shown)).map(|(name, _)| name), expected, "{token:?}");
        };
        check(DEMO_TOKEN, Some("demo"));
        check(&DEMO_TOKEN[1..], None);
        check(&format!("{DEMO_TOKEN}x"), None);
        check("", None);
        assert_eq!(tokens.find(None), None);
    }

    #[test]
    fn dates_are_read_in_both_forms() {
        let check = |text: &str, expected: Option<&str>| {
            let found = date(text).ok().map(date_text);
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("2026-11-22", Some("2026-11-22"));
        check("20261122", Some("2026-11-22"));
        check("2026-02-30", None);
        check("tomorrow", None);
        check("", None);
        check(&"-".repeat(500), None);
    }
}
