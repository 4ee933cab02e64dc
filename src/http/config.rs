//! How the HTTP side is run.

mod gate;

use serde::Deserialize;

use crate::domain::identity::{DocumentCheck, IdentityRules, MobileCheck, PersonalText};
use crate::wire::codec::Limits;
use crate::wire::top::gateway::GatewayConfig;

pub use gate::{DEMO_GATE_TOKEN, GateConfig, GateToken};

/// Addresses, bounds, time limits, and what each partner's protocol leaves open.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Address and port to listen on.
    pub listen: String,
    /// Worker threads.
    pub workers: usize,
    /// Connections a worker holds at most; one more waits in the system's queue.
    pub connections_per_worker_max: usize,
    /// Connections the system queues before they are accepted.
    pub backlog: u32,
    /// Bytes of a body; a larger one is refused.
    pub body_bytes_max: usize,
    /// Elements of one list in a body.
    pub list_len_max: usize,
    /// Bytes of one text in a body.
    pub text_bytes_max: usize,
    /// Lines of one order.
    pub order_lines_max: usize,
    /// Slots that one question about stock may look at.
    pub query_slots_max: usize,
    /// Milliseconds a client may take to send its request's head.
    pub request_head_timeout_ms: u64,
    /// Milliseconds a client may take to send its request's body.
    pub request_body_timeout_ms: u64,
    /// Milliseconds an idle connection is kept.
    pub keep_alive_ms: u64,
    /// Milliseconds the engine may take, and an eighth more at most, before the answer is "outcome
    /// unknown".
    pub engine_timeout_ms: u64,
    /// Seconds that requests in flight may take to end when the server stops.
    pub shutdown_timeout_seconds: u64,
    /// Gates that may ask about codes and redeem them.
    pub gates: Vec<GateConfig>,
    /// What agents' own interface leaves open.
    pub ota: OtaConfig,
    /// What Douyin's interface leaves open.
    pub douyin: DouyinConfig,
    /// The TOP gateway.
    pub top: GatewayConfig,
}

/// What agents' own interface leaves open. Source: docs/protocols/ota.md, "Decisions".
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OtaConfig {
    /// Seconds a request's timestamp may lie before or after now.
    pub hawk_window_seconds: u64,
    /// Port in the MAC when the `Host` header names none: 443 behind a proxy that ends TLS.
    pub hawk_default_port: u16,
    /// How a body that breaks a declared rule is answered.
    pub invalid_body: InvalidBody,
    /// Whether framework errors carry their details.
    pub error_detail: bool,
    /// Whether names, mobiles and document numbers are clear text or ciphertext.
    pub sent_as: SentAs,
    /// How document numbers are checked.
    pub document_check: DocumentCheckName,
    /// How mobiles are checked.
    pub mobile_check: MobileCheckName,
    /// Longest name in characters.
    pub name_chars_max: usize,
}

/// What Douyin's interface leaves open. Source: docs/protocols/douyin.md, "Decisions".
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DouyinConfig {
    /// `error_code` for a wrong signature or an unknown client; a number without another meaning.
    pub signature_error_code: i32,
    /// Seconds a request's timestamp may lie before or after now; 0 for no bound, else at least 900.
    pub timestamp_window_seconds: u64,
    /// Whether names, mobiles and document numbers are clear text or ciphertext.
    pub sent_as: SentAs,
    /// How document numbers are checked.
    pub document_check: DocumentCheckName,
    /// How mobiles are checked.
    pub mobile_check: MobileCheckName,
    /// Longest name in characters.
    pub name_chars_max: usize,
}

/// How a body that breaks a declared rule is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvalidBody {
    /// 400 with the model state.
    ModelState,
    /// 200 with a result code that is not 0.
    Result,
}

/// [`PersonalText`] as the configuration writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentAs {
    /// In clear, except values that begin with `Enc.`.
    Clear,
    /// Always as ciphertext, whatever it looks like.
    Ciphertext,
}

/// [`DocumentCheck`] as the configuration writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentCheckName {
    /// Not at all.
    Off,
    /// The shape of each kind.
    Format,
    /// Every part of resident numbers.
    Full,
    /// As `full`, and numbers of the first generation pass.
    FullWithFirstGeneration,
}

/// [`MobileCheck`] as the configuration writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MobileCheckName {
    /// Not at all.
    Off,
    /// Mainland numbers only.
    Mainland,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("http.{key} must be {must}")]
pub struct HttpConfigError {
    /// The setting.
    pub key: &'static str,
    /// What it must be.
    pub must: &'static str,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            workers: 2,
            connections_per_worker_max: 10_000,
            backlog: 1024,
            body_bytes_max: 262_144,
            list_len_max: 200,
            text_bytes_max: 65_536,
            order_lines_max: 100,
            query_slots_max: 5000,
            request_head_timeout_ms: 5000,
            request_body_timeout_ms: 10_000,
            keep_alive_ms: 75_000,
            engine_timeout_ms: 5000,
            shutdown_timeout_seconds: 10,
            gates: vec![GateConfig::demo()],
            ota: OtaConfig::default(),
            douyin: DouyinConfig::default(),
            top: GatewayConfig::default(),
        }
    }
}

impl Default for OtaConfig {
    fn default() -> Self {
        Self {
            hawk_window_seconds: 60,
            hawk_default_port: 80,
            invalid_body: InvalidBody::ModelState,
            error_detail: false,
            sent_as: SentAs::Clear,
            document_check: DocumentCheckName::Full,
            mobile_check: MobileCheckName::Mainland,
            name_chars_max: 32,
        }
    }
}

impl Default for DouyinConfig {
    fn default() -> Self {
        Self {
            signature_error_code: 401,
            timestamp_window_seconds: 0,
            sent_as: SentAs::Clear,
            document_check: DocumentCheckName::Off,
            mobile_check: MobileCheckName::Off,
            name_chars_max: 64,
        }
    }
}

impl HttpConfig {
    /// Checks the whole section.
    ///
    /// # Errors
    /// The first [`HttpConfigError`].
    pub fn validate(&self) -> Result<(), HttpConfigError> {
        let window = self.douyin.timestamp_window_seconds;
        let checks = [
            (
                self.listen.parse::<std::net::SocketAddr>().is_ok(),
                "listen",
                "an address and a port",
            ),
            ((1..=256).contains(&self.workers), "workers", "1 to 256"),
            (self.connections_per_worker_max > 0, "connections_per_worker_max", "at least 1"),
            (self.backlog > 0, "backlog", "at least 1"),
            (
                (1024..=16_777_216).contains(&self.body_bytes_max),
                "body_bytes_max",
                "1024 to 16777216",
            ),
            ((1..=10_000).contains(&self.list_len_max), "list_len_max", "1 to 10000"),
            ((64..=1_048_576).contains(&self.text_bytes_max), "text_bytes_max", "64 to 1048576"),
            ((1..=10_000).contains(&self.order_lines_max), "order_lines_max", "1 to 10000"),
            ((1..=1_000_000).contains(&self.query_slots_max), "query_slots_max", "1 to 1000000"),
            // The server's clock for connections ticks every 500 ms: less would refuse everybody.
            (self.request_head_timeout_ms >= 1000, "request_head_timeout_ms", "at least 1000"),
            (self.request_body_timeout_ms > 0, "request_body_timeout_ms", "at least 1"),
            (self.engine_timeout_ms > 0, "engine_timeout_ms", "at least 1"),
            (self.ota.hawk_window_seconds > 0, "ota.hawk_window_seconds", "at least 1"),
            (self.ota.name_chars_max > 0, "ota.name_chars_max", "at least 1"),
            (self.douyin.name_chars_max > 0, "douyin.name_chars_max", "at least 1"),
            (
                window == 0 || window >= 900,
                "douyin.timestamp_window_seconds",
                "0 for none, or at least 900",
            ),
            (
                (1..=999_999).contains(&self.douyin.signature_error_code),
                "douyin.signature_error_code",
                "1 to 999999",
            ),
        ];
        if let Some((_, key, must)) = checks.into_iter().find(|(right, ..)| !right) {
            return Err(HttpConfigError { key, must });
        }
        GateConfig::check(&self.gates).map_err(|must| HttpConfigError { key: "gates", must })?;
        let gateway = crate::wire::top::gateway::Gateway::new(self.top.clone());
        let must = "every check exactly once";
        gateway.map(drop).map_err(|_| HttpConfigError { key: "top.check_order", must })
    }

    /// Bounds for reading bodies.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            list_len_max: self.list_len_max,
            text_len_max: self.text_bytes_max,
            ..Limits::default()
        }
    }
}

impl OtaConfig {
    pub(crate) fn identity(&self) -> IdentityRules {
        identity(self.sent_as, self.document_check, self.mobile_check, self.name_chars_max)
    }
}

impl DouyinConfig {
    pub(crate) fn identity(&self) -> IdentityRules {
        identity(self.sent_as, self.document_check, self.mobile_check, self.name_chars_max)
    }
}

fn identity(
    sent_as: SentAs,
    document: DocumentCheckName,
    mobile: MobileCheckName,
    name_chars_max: usize,
) -> IdentityRules {
    IdentityRules {
        sent_as: match sent_as {
            SentAs::Clear => PersonalText::Clear,
            SentAs::Ciphertext => PersonalText::Ciphertext,
        },
        document: match document {
            DocumentCheckName::Off => DocumentCheck::Off,
            DocumentCheckName::Format => DocumentCheck::Format,
            DocumentCheckName::Full => DocumentCheck::Full,
            DocumentCheckName::FullWithFirstGeneration => DocumentCheck::FullWithFirstGeneration,
        },
        mobile: match mobile {
            MobileCheckName::Off => MobileCheck::Off,
            MobileCheckName::Mainland => MobileCheck::Mainland,
        },
        name_chars_max,
    }
}
