//! How the credentials of agents and applications are laid out before they are sealed.
//!
//! The layout lives as long as the journal, so it is a type of its own and not the domain's. This
//! module neither seals nor opens, and it checks no password.

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::domain::catalogue::AgentSecrets;

/// Purpose under which an agent's encoded [`AgentSecrets`] are sealed.
pub const AGENT_SECRETS_PURPOSE: &str = "agent-secrets";
/// Purpose under which a Douyin client's `client_secret` is sealed, as its UTF-8 bytes.
pub const DOUYIN_SECRET_PURPOSE: &str = "douyin-client-secret";
/// Purpose under which a TOP application's secret is sealed, as its UTF-8 bytes.
pub const TOP_SECRET_PURPOSE: &str = "top-app-secret";

/// Opened bytes are not credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed agent secrets are not in a form this version reads")]
pub struct AgentSecretsError;

/// The layout: a flat JSON object. Members may be added, never renamed.
#[derive(Serialize, Deserialize)]
struct Layout {
    session_key: String,
    login_password_md5: String,
    pay_password_md5: String,
}

/// What is stored of a password: the upper-case hexadecimal MD5 of its UTF-8 bytes, which is what
/// the protocol computes with. Source: docs/protocols/ota.md, "Pay password".
#[must_use]
pub fn password_md5(password: &str) -> String {
    hex::encode_upper(Md5::digest(password.as_bytes()))
}

/// Lays credentials out for sealing. The result is wiped when dropped.
#[must_use]
pub fn encode_agent_secrets(secrets: &AgentSecrets) -> Zeroizing<Vec<u8>> {
    let mut layout = Layout {
        session_key: secrets.session_key.clone(),
        login_password_md5: secrets.login_password_md5.clone(),
        pay_password_md5: secrets.pay_password_md5.clone(),
    };
    let bytes = serde_json::to_vec(&layout).expect("three strings always encode");
    layout.session_key.zeroize();
    layout.login_password_md5.zeroize();
    layout.pay_password_md5.zeroize();
    Zeroizing::new(bytes)
}

/// Reads what [`encode_agent_secrets`] wrote.
///
/// # Errors
/// [`AgentSecretsError`] when the bytes are anything else; it never shows them.
pub fn decode_agent_secrets(bytes: &[u8]) -> Result<AgentSecrets, AgentSecretsError> {
    let layout: Layout = serde_json::from_slice(bytes).map_err(|_| AgentSecretsError)?;
    let Layout { session_key, login_password_md5, pay_password_md5 } = layout;
    Ok(AgentSecrets { session_key, login_password_md5, pay_password_md5 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_digested_as_the_protocol_does() {
        // docs/protocols/ota.md, "Pay password", test vectors.
        assert_eq!(password_md5("Login#2024"), "0357B4F8867BABD001D45275BBA96FC6");
        assert_eq!(password_md5("Pay#2024"), "73E50497020C2F5C5EEE3C197588FA88");
    }

    #[test]
    fn secrets_survive_the_layout_and_nothing_else_is_read() {
        let secrets = AgentSecrets {
            session_key: "00000000-1111-2222-3333-444444444444".to_owned(),
            login_password_md5: password_md5("登录 \"1\""),
            pay_password_md5: password_md5(""),
        };
        let bytes = encode_agent_secrets(&secrets);
        assert_eq!(decode_agent_secrets(&bytes), Ok(secrets));
        for bad in [&b""[..], b"{}", b"null", &bytes[1..], b"{\"session_key\":1}"] {
            assert_eq!(decode_agent_secrets(bad), Err(AgentSecretsError));
        }
    }

    #[test]
    fn the_layout_stays_as_the_journal_has_it() {
        let secrets = AgentSecrets {
            session_key: "k".to_owned(),
            login_password_md5: "L".to_owned(),
            pay_password_md5: "P".to_owned(),
        };
        let text = r#"{"session_key":"k","login_password_md5":"L","pay_password_md5":"P"}"#;
        assert_eq!(&encode_agent_secrets(&secrets)[..], text.as_bytes());
    }
}
