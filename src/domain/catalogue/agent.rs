//! Who may call us, and how they prove who they are.

use crate::types::{AgentNo, ProductNo, Sealed, Timespan};

/// An agent (代理商).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Our number.
    pub no: AgentNo,
    /// User name; the HAWK id.
    pub id: Box<str>,
    /// Display name.
    pub name: Box<str>,
    /// Whether it may call at all.
    pub enabled: bool,
    /// Sealed [`AgentSecrets`]; empty for an agent that never logs in itself.
    pub secrets: Sealed,
}

/// What an agent proves itself with. Sealed in the journal, in clear only in memory.
/// Source: docs/protocols/ota.md, "HAWK" and "Pay password".
#[derive(Clone, PartialEq, Eq)]
pub struct AgentSecrets {
    /// Session key (会话密钥).
    pub session_key: String,
    /// Upper-case hex MD5 of the login password.
    pub login_password_md5: String,
    /// Upper-case hex MD5 of the pay password.
    pub pay_password_md5: String,
}

impl std::fmt::Debug for AgentSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AgentSecrets(…)")
    }
}

/// A Douyin application that asks us for codes. Source: docs/protocols/douyin.md, "Signature".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DouyinClient {
    /// Its `client_key`.
    pub client_key: Box<str>,
    /// Its sealed `client_secret`.
    pub secret: Sealed,
    /// The agent its sales are booked to; it settles later.
    pub agent: AgentNo,
}

/// Which product a Douyin SKU stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DouyinSku {
    /// Douyin's `sku_id`.
    pub sku_id: Box<str>,
    /// Our product.
    pub product: ProductNo,
    /// The timespan it always sells, or `None` to choose the earliest with room.
    pub timespan: Option<Timespan>,
}

/// An application that calls us through the TOP gateway. Source: docs/protocols/top.md, "Signature".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopApp {
    /// Its `app_key`.
    pub app_key: Box<str>,
    /// Its sealed secret.
    pub secret: Sealed,
    /// Shops it may ask for; empty means any.
    pub shops: Vec<Box<str>>,
}
