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
    /// Where it hears of its orders, and how; `None` when it wants to hear nothing.
    pub callback: Option<CallbackSettings>,
}

/// How an agent is called back about its orders. Source: docs/protocols/ota.md, "Callbacks".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackSettings {
    /// An `http` or `https` address of 1 to 256 characters.
    pub url: Box<str>,
    /// Whether we tell the buyer by SMS; otherwise the agent does.
    pub official_sms: bool,
    /// How the notice is written.
    pub format: CallbackFormat,
    /// How the notice is sent.
    pub method: CallbackMethod,
}

/// How a callback's notice is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackFormat {
    /// As XML.
    Xml,
    /// As JSON.
    Json,
}

/// How a callback's notice is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackMethod {
    /// As a form in the body.
    Post,
    /// In the query of the address.
    Get,
}

impl CallbackSettings {
    /// Longest address, in characters.
    pub const URL_LEN_MAX: usize = 256;

    /// What is wrong with them, if anything. Where the address leads is judged when it is called.
    #[must_use]
    pub fn flaw(&self) -> Option<&'static str> {
        if self.url.len() > Self::URL_LEN_MAX || !self.url.bytes().all(|b| b.is_ascii_graphic()) {
            return Some("the address has 1 to 256 visible ASCII characters");
        }
        let rest = ["http://", "https://"].iter().find_map(|scheme| {
            let (head, rest) = self.url.split_at_checked(scheme.len())?;
            head.eq_ignore_ascii_case(scheme).then_some(rest)
        });
        let Some(rest) = rest else { return Some("the address begins with http:// or https://") };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() || authority.starts_with(':') || authority.contains('@') {
            return Some("the address names a host and no user");
        }
        if rest.contains('#') {
            return Some("the address has no fragment");
        }
        None
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_address_is_one_that_can_be_called() {
        let check = |url: &str, right: bool| {
            let settings = CallbackSettings {
                url: url.into(),
                official_sms: true,
                format: CallbackFormat::Json,
                method: CallbackMethod::Post,
            };
            assert_eq!(settings.flaw().is_none(), right, "{url}: {:?}", settings.flaw());
        };
        check("http://agent.example/callback", true);
        check("HTTPS://agent.example:8443/callback?channel=1", true);
        check("http://[::1]:80", true);
        check("", false);
        check("http://", false);
        check("http:///path", false);
        check("http://:80/", false);
        check("http://user:secret@agent.example/", false);
        check("http://agent.example/#part", false);
        check("http://agent.example/a b", false);
        check("http://agent.example/回调", false);
        check("ftp://agent.example/", false);
        check("agent.example/callback", false);
        check(&format!("http://a/{}", "x".repeat(247)), true);
        check(&format!("http://a/{}", "x".repeat(248)), false);
    }
}
