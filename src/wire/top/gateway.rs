//! The gateway's own checks, in their configured order: from an HTTP request to an authenticated
//! call, or to the error that answers it.
//!
//! Flow limits are not among them: they are counted per app by the caller of this module, after the
//! signature, so that nobody can use up another app's share. Arguments are read by each API's own module.
//! Source: docs/protocols/top.md, "Order of checks".

use serde::Deserialize;

use super::error::{TopCode, TopError};
use super::request::{HttpCall, Limits, Params};
use super::sign::{SIGN, SignMethod, verify};
use super::timestamp;
use crate::types::UnixMillis;

/// An API we serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Preview of a voucher code (券码预览).
    TicketConsult,
    /// Redemption by code (核销).
    TicketCodeUse,
    /// Reversal of a redemption (冲正), "reserve" by name.
    TicketReserve,
    /// Redemption of all that is left of an order line (订单维度核销).
    OrderUse,
}

impl Api {
    /// Every API.
    pub const ALL: [Self; 4] =
        [Self::TicketConsult, Self::TicketCodeUse, Self::TicketReserve, Self::OrderUse];

    /// The name in `method`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TicketConsult => "alibaba.alsc.daodian.ticket.consult",
            Self::TicketCodeUse => "alibaba.alsc.merchant.ext.ticketcode.use",
            Self::TicketReserve => "alibaba.alsc.daodian.ticket.reserve",
            Self::OrderUse => "alibaba.alsc.daodian.order.use",
        }
    }
}

/// Markup of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The default.
    #[default]
    Xml,
    /// `format=json`.
    Json,
    /// `format=json` with `simplify=true`: no wrapper around a result, plain arrays.
    SimplifiedJson,
}

impl Format {
    /// The format asked for. An unknown one is answered in XML, the default, after which the check
    /// of the format fails.
    #[must_use]
    pub fn asked_for(params: &Params<'_>) -> Self {
        match (params.filled("format"), params.get("simplify")) {
            (Some("json"), Some("true")) => Self::SimplifiedJson,
            (Some("json"), _) => Self::Json,
            _ => Self::Xml,
        }
    }
}

/// One of the gateway's checks. Whether the HTTP method is allowed and the parameters can be read
/// comes before all of them, since they have nothing to look at otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// `format` is absent, xml or json.
    Format,
    /// `sign_method` is absent or known.
    SignMethod,
    /// `app_key` is there.
    AppKey,
    /// `sign` is there.
    Sign,
    /// `method` is there.
    Method,
    /// `timestamp` is there, can be read and lies within the tolerance.
    Timestamp,
    /// `v` is there and 2.0.
    Version,
    /// The app is known.
    AppKnown,
    /// The method is served.
    MethodKnown,
    /// The signature fits.
    Signature,
}

impl Check {
    /// Every check, in the default order.
    pub const ALL: [Self; 10] = [
        Self::Format,
        Self::SignMethod,
        Self::AppKey,
        Self::Sign,
        Self::Method,
        Self::Timestamp,
        Self::Version,
        Self::AppKnown,
        Self::MethodKnown,
        Self::Signature,
    ];
}

/// What may be configured of the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Farthest that a timestamp may lie from now, before or after, in seconds.
    pub timestamp_tolerance_seconds: u32,
    /// How a call without `sign_method` is signed.
    pub sign_method_when_absent: SignMethod,
    /// Every check exactly once.
    pub check_order: Vec<Check>,
    /// Content-Type of JSON answers.
    pub json_content_type: String,
    /// Content-Type of XML answers.
    pub xml_content_type: String,
    /// Bounds of what is read.
    pub limits: Limits,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            timestamp_tolerance_seconds: 600,
            sign_method_when_absent: SignMethod::Md5,
            check_order: Check::ALL.to_vec(),
            json_content_type: "text/javascript;charset=UTF-8".to_owned(),
            xml_content_type: "text/xml;charset=UTF-8".to_owned(),
            limits: Limits::default(),
        }
    }
}

/// Why a configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayConfigError {
    /// A check is left out or given twice; leaving one out would open the gateway.
    #[error("check_order must list each of the {} checks exactly once", Check::ALL.len())]
    CheckOrder,
}

/// An authenticated call. `app_key`, if it is needed again, is among the parameters.
#[derive(Debug)]
pub struct Call<'a> {
    /// What is called.
    pub api: Api,
    /// How to answer.
    pub format: Format,
    /// All parameters, system and application.
    pub params: Params<'a>,
}

/// A call that was refused before it reached its API.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How to answer.
    pub format: Format,
    /// What to answer.
    pub error: TopError,
}

/// The gateway with its configuration.
#[derive(Clone, Debug)]
pub struct Gateway {
    config: GatewayConfig,
}

impl Gateway {
    /// A gateway that checks as configured.
    ///
    /// # Errors
    /// [`GatewayConfigError`] when a check is missing or repeated.
    pub fn new(config: GatewayConfig) -> Result<Self, GatewayConfigError> {
        let once = |check: &Check| config.check_order.iter().filter(|c| *c == check).count() == 1;
        if config.check_order.len() != Check::ALL.len() || !Check::ALL.iter().all(once) {
            return Err(GatewayConfigError::CheckOrder);
        }
        Ok(Self { config })
    }

    /// Reads and authenticates one HTTP request at `now`; `secret_of` knows the apps' secrets.
    ///
    /// # Errors
    /// [`Refusal`] with the first check that failed.
    pub fn admit<'a, S: AsRef<[u8]>>(
        &self,
        call: &HttpCall<'a>,
        now: UnixMillis,
        secret_of: impl Fn(&str) -> Option<S>,
    ) -> Result<Call<'a>, Refusal> {
        let allowed = matches!(call.http_method, "GET" | "POST");
        let (params, fault) = match Params::read(call, &self.config.limits) {
            Ok(params) => (params, None),
            Err(unreadable) => (unreadable.seen, Some(unreadable.fault)),
        };
        let format = Format::asked_for(&params);
        let refused = |error| Refusal { format, error };
        if !allowed {
            return Err(refused(TopError::check(TopCode::HttpActionNotAllowed)));
        }
        if let Some(fault) = fault {
            return Err(refused(fault.into()));
        }
        let mut inspection =
            Inspection { params: &params, now, config: &self.config, secret_of, secret: None };
        for check in &self.config.check_order {
            inspection.run(*check).map_err(refused)?;
        }
        let api = inspection.api().map_err(refused)?;
        Ok(Call { api, format, params })
    }

    /// Content-Type of an answer.
    #[must_use]
    pub fn content_type(&self, format: Format) -> &str {
        match format {
            Format::Xml => &self.config.xml_content_type,
            Format::Json | Format::SimplifiedJson => &self.config.json_content_type,
        }
    }
}

/// One call under inspection. Each check asks for what it needs itself, so they stand in any order.
struct Inspection<'p, S, F> {
    params: &'p Params<'p>,
    now: UnixMillis,
    config: &'p GatewayConfig,
    secret_of: F,
    secret: Option<S>,
}

impl<'p, S: AsRef<[u8]>, F: Fn(&str) -> Option<S>> Inspection<'p, S, F> {
    fn run(&mut self, check: Check) -> Result<(), TopError> {
        match check {
            Check::Format => self.format(),
            Check::SignMethod => self.sign_method().map(drop),
            Check::AppKey => self.required("app_key", TopCode::MissingAppKey).map(drop),
            Check::Sign => self.required(SIGN, TopCode::MissingSignature).map(drop),
            Check::Method => self.required("method", TopCode::MissingMethod).map(drop),
            Check::Timestamp => self.timestamp(),
            Check::Version => self.version(),
            Check::AppKnown => self.app_known(),
            Check::MethodKnown => self.api().map(drop),
            Check::Signature => self.signature(),
        }
    }

    fn format(&self) -> Result<(), TopError> {
        match self.params.filled("format") {
            None | Some("xml" | "json") => Ok(()),
            Some(_) => Err(TopError::check(TopCode::InvalidFormat)),
        }
    }

    fn sign_method(&self) -> Result<SignMethod, TopError> {
        const UNKNOWN: TopError =
            TopError::caller(TopCode::InvalidSignature, "sign_method须为md5、hmac或hmac-sha256");
        match self.params.filled("sign_method") {
            None => Ok(self.config.sign_method_when_absent),
            Some(name) => SignMethod::from_name(name).ok_or(UNKNOWN),
        }
    }

    fn timestamp(&self) -> Result<(), TopError> {
        let text = self.required("timestamp", TopCode::MissingTimestamp)?;
        let sent = timestamp::parse(text).ok_or(TopError::check(TopCode::InvalidTimestamp))?;
        let tolerance_ms = u64::from(self.config.timestamp_tolerance_seconds) * 1000;
        if sent.get().abs_diff(self.now.get()) > tolerance_ms {
            return Err(TopError::check(TopCode::InvalidTimestamp));
        }
        Ok(())
    }

    fn version(&self) -> Result<(), TopError> {
        let version = self.required("v", TopCode::MissingVersion)?;
        if version == "2.0" {
            return Ok(());
        }
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let a_version =
            version.split_once('.').is_some_and(|(major, minor)| digits(major) && digits(minor));
        Err(TopError::check(if a_version {
            TopCode::UnsupportedVersion
        } else {
            TopCode::InvalidVersion
        }))
    }

    fn app_known(&mut self) -> Result<(), TopError> {
        if self.secret.is_none() {
            let app_key = self.required("app_key", TopCode::MissingAppKey)?;
            self.secret = (self.secret_of)(app_key);
        }
        if self.secret.is_some() { Ok(()) } else { Err(TopError::check(TopCode::InvalidAppKey)) }
    }

    fn api(&self) -> Result<Api, TopError> {
        let method = self.required("method", TopCode::MissingMethod)?;
        let known = Api::ALL.into_iter().find(|api| api.name() == method);
        known.ok_or(TopError::check(TopCode::InvalidMethod))
    }

    fn signature(&mut self) -> Result<(), TopError> {
        let sign = self.required(SIGN, TopCode::MissingSignature)?;
        let method = self.sign_method()?;
        self.app_known()?;
        let verified = self
            .secret
            .as_ref()
            .is_some_and(|secret| verify(method, secret.as_ref(), self.params.iter(), sign));
        if verified { Ok(()) } else { Err(TopError::check(TopCode::InvalidSignature)) }
    }

    fn required(&self, name: &str, missing: TopCode) -> Result<&'p str, TopError> {
        self.params.filled(name).ok_or(TopError::check(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::top::client::encode_form;
    use crate::wire::top::sign::sign;

    const SECRET: &str = "helloworld";
    /// 2026-11-22 01:05:12 at GMT+8.
    const NOW: UnixMillis = UnixMillis::new(1_795_280_712_000);
    const GOOD: [(&str, &str); 6] = [
        ("app_key", "12345678"),
        ("format", "json"),
        ("method", "alibaba.alsc.daodian.ticket.consult"),
        ("sign_method", "md5"),
        ("timestamp", "2026-11-22 01:05:12"),
        ("v", "2.0"),
    ];

    fn secret_of(app_key: &str) -> Option<&'static str> {
        (app_key == "12345678").then_some(SECRET)
    }

    /// `GOOD` with some values replaced, or left out where the new value is `None`.
    fn changed<'p>(changes: &[(&'p str, Option<&'p str>)]) -> Vec<(&'p str, &'p str)> {
        let change = |key: &str| changes.iter().find(|(name, _)| *name == key);
        let kept = GOOD.into_iter().filter(|(key, _)| change(key).is_none());
        let new = changes.iter().filter_map(|(key, value)| value.map(|value| (*key, value)));
        kept.chain(new).collect()
    }

    fn admit(
        config: GatewayConfig,
        http_method: &str,
        pairs: &[(&str, &str)],
    ) -> Result<(Api, Format), (u16, Format)> {
        let gateway = Gateway::new(config).unwrap();
        let query = encode_form(pairs);
        let call = HttpCall { http_method, query: &query, content_type: None, body: b"" };
        gateway
            .admit(&call, NOW, secret_of)
            .map(|call| (call.api, call.format))
            .map_err(|refusal| (refusal.error.code.number(), refusal.format))
    }

    /// Admits `GOOD` with changes, signed after they were made.
    fn signed(changes: &[(&str, Option<&str>)]) -> Result<(Api, Format), (u16, Format)> {
        let mut pairs = changed(changes);
        let sign = sign(SignMethod::Md5, SECRET.as_bytes(), &pairs);
        if !changes.iter().any(|(key, _)| *key == SIGN) {
            pairs.push((SIGN, &sign));
        }
        admit(GatewayConfig::default(), "GET", &pairs)
    }

    #[test]
    fn a_signed_call_is_admitted() {
        let admitted = |format| Ok((Api::TicketConsult, format));
        assert_eq!(signed(&[]), admitted(Format::Json));
        assert_eq!(signed(&[("format", None)]), admitted(Format::Xml));
        assert_eq!(signed(&[("format", Some(""))]), admitted(Format::Xml));
        assert_eq!(signed(&[("format", Some("xml"))]), admitted(Format::Xml));
        assert_eq!(signed(&[("simplify", Some("true"))]), admitted(Format::SimplifiedJson));
        assert_eq!(signed(&[("simplify", Some("false"))]), admitted(Format::Json));
        let xml = [("format", Some("xml")), ("simplify", Some("true"))];
        assert_eq!(signed(&xml), admitted(Format::Xml));
        // Parameters nobody asked for are signed like the rest.
        let extra = [("partner_id", Some("tbk-sdk-python-20220112")), ("session", Some("s"))];
        assert_eq!(signed(&extra), admitted(Format::Json));
        // Without sign_method, MD5 over what was sent.
        assert_eq!(signed(&[("sign_method", None)]), admitted(Format::Json));
    }

    #[test]
    fn each_check_has_its_code() {
        let check = |changes: &[(&str, Option<&str>)], code: u16| {
            assert_eq!(signed(changes), Err((code, Format::Json)), "{changes:?}");
        };
        check(&[("method", None)], 21);
        check(&[("method", Some("alibaba.alsc.daodian.ticket.use"))], 22);
        check(&[(SIGN, None)], 24);
        check(&[(SIGN, Some(""))], 24);
        check(&[(SIGN, Some("66987CB115214E59E6EC978214934FB8"))], 25);
        check(&[("sign_method", Some("sha1"))], 25);
        check(&[("sign_method", Some("hmac"))], 25);
        check(&[("app_key", None)], 28);
        check(&[("app_key", Some(""))], 28);
        check(&[("app_key", Some("87654321"))], 29);
        check(&[("timestamp", None)], 30);
        check(&[("timestamp", Some("now"))], 31);
        check(&[("v", None)], 32);
        check(&[("v", Some("two"))], 33);
        check(&[("v", Some("2"))], 33);
        check(&[("v", Some("1.0"))], 34);
        assert_eq!(signed(&[("format", Some("yaml"))]), Err((23, Format::Xml)));
    }

    #[test]
    fn timestamps_may_be_ten_minutes_off() {
        let check = |text: &str, expected: Result<(), u16>| {
            let outcome = signed(&[("timestamp", Some(text))]).map(drop);
            assert_eq!(outcome.map_err(|(code, _)| code), expected, "{text}");
        };
        check("2026-11-22 00:55:12", Ok(()));
        check("2026-11-22 00:55:11", Err(31));
        check("2026-11-22 01:15:12", Ok(()));
        check("2026-11-22 01:15:13", Err(31));
        check("1795280112000", Ok(()));
        check("1795280111999", Err(31));
        check("1795281312000", Ok(()));
        check("1795281312001", Err(31));
        // The same instant by a clock at UTC.
        check("2026-11-21 17:05:12", Err(31));
    }

    #[test]
    fn the_first_failing_check_is_the_answer() {
        // Everything wrong at once; then one fault after the other is mended.
        let mut faults = vec![
            ("format", Some("yaml"), 23),
            ("sign_method", Some("sha1"), 25),
            ("app_key", None, 28),
            (SIGN, None, 24),
            ("method", None, 21),
            ("timestamp", None, 30),
            ("v", None, 32),
        ];
        while !faults.is_empty() {
            let changes: Vec<_> = faults.iter().map(|(key, value, _)| (*key, *value)).collect();
            let outcome = signed(&changes);
            assert_eq!(outcome.unwrap_err().0, faults[0].2, "{changes:?}");
            faults.remove(0);
        }
        let mut faults = vec![
            ("timestamp", Some("now"), 31),
            ("v", Some("3.0"), 34),
            ("app_key", Some("1"), 29),
            ("method", Some("x"), 22),
            (SIGN, Some("00"), 25),
        ];
        while !faults.is_empty() {
            let changes: Vec<_> = faults.iter().map(|(key, value, _)| (*key, *value)).collect();
            assert_eq!(signed(&changes).unwrap_err().0, faults[0].2, "{changes:?}");
            faults.remove(0);
        }
    }

    #[test]
    fn the_order_is_configurable_and_complete() {
        let unknown_app_and_method =
            changed(&[("app_key", Some("1")), ("method", Some("x")), (SIGN, Some("00"))]);
        let check = |order: &[Check], code: u16| {
            let mut check_order = order.to_vec();
            check_order.extend(Check::ALL.iter().filter(|check| !order.contains(check)));
            let config = GatewayConfig { check_order, ..GatewayConfig::default() };
            let outcome = admit(config, "GET", &unknown_app_and_method);
            assert_eq!(outcome, Err((code, Format::Json)), "{order:?}");
        };
        check(&[], 29);
        check(&[Check::MethodKnown], 22);
        // A signature cannot be checked for an app that is not known.
        check(&[Check::Signature], 29);

        let refused = |check_order: Vec<Check>| {
            let config = GatewayConfig { check_order, ..GatewayConfig::default() };
            assert_eq!(Gateway::new(config).unwrap_err(), GatewayConfigError::CheckOrder);
        };
        refused(Vec::new());
        refused(Check::ALL[1..].to_vec());
        refused([&Check::ALL[1..], &[Check::Signature]].concat());
        refused([&Check::ALL[..], &[Check::Signature]].concat());
    }

    #[test]
    fn configuration_is_read_by_name() {
        let text = r#"
            timestamp_tolerance_seconds = 60
            sign_method_when_absent = "hmac-sha256"
            [limits]
            params_max = 10
        "#;
        let config: GatewayConfig = toml::from_str(text).unwrap();
        assert_eq!(config.sign_method_when_absent, SignMethod::HmacSha256);
        assert_eq!((config.timestamp_tolerance_seconds, config.limits.params_max), (60, 10));
        assert_eq!(config.check_order, Check::ALL);
        assert!(toml::from_str::<GatewayConfig>("tolerance = 1").is_err());
        let order: GatewayConfig = toml::from_str(r#"check_order = ["app_known"]"#).unwrap();
        assert!(Gateway::new(order).is_err());
    }

    #[test]
    fn unreadable_requests_are_answered_in_the_format_asked_for() {
        let gateway = Gateway::new(GatewayConfig::default()).unwrap();
        let check = |http_method: &str, query: &str, content_type: &str, code: u16, format| {
            let content_type = Some(content_type);
            let call = HttpCall { http_method, query, content_type, body: b"\xff" };
            let refusal = gateway.admit(&call, NOW, secret_of).unwrap_err();
            assert_eq!((refusal.error.code.number(), refusal.format), (code, format), "{query}");
        };
        let form = "application/x-www-form-urlencoded";
        check("POST", "format=json", form, 47, Format::Json);
        check("POST", "format=json&simplify=true", "text/plain", 43, Format::SimplifiedJson);
        check("POST", "a=1&a=2&format=json", "multipart/form-data; boundary=b", 43, Format::Json);
        check("POST", "", "application/x-www-form-urlencoded; charset=GBK", 47, Format::Xml);
        // The HTTP method speaks before the parameters.
        check("PUT", "format=json", "text/plain", 9, Format::Json);
        check("DELETE", "", form, 9, Format::Xml);
    }

    #[test]
    fn a_get_without_parameters_is_answered() {
        assert_eq!(admit(GatewayConfig::default(), "GET", &[]), Err((28, Format::Xml)));
    }
}
