//! Who may give operators' commands.

use serde::Deserialize;

/// The token that `config.toml` has: everybody knows it, so it is for this machine only.
pub const DEMO_TOKEN: &str = "demo-admin-token-known-to-everybody";

/// Shortest token, in bytes: too long to be guessed.
const TOKEN_LEN_MIN: usize = 16;
/// Longest token, in bytes.
const TOKEN_LEN_MAX: usize = 256;
/// Longest name of a token, in characters: with whoever uses it, it still fits the journal.
const NAME_CHARS_MAX: usize = 24;

/// The operators' interface.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Whether it is there at all.
    pub enabled: bool,
    /// Who may call it.
    pub token: Vec<AdminToken>,
}

/// One who may call the operators' interface.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminToken {
    /// Whose it is; the journal names it with every command.
    pub name: String,
    /// What is sent as `Authorization: Bearer`.
    pub token: String,
    /// What it may do.
    #[serde(default)]
    pub role: AdminRole,
}

/// What a token may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminRole {
    /// Look and change.
    #[default]
    Operator,
    /// Look only.
    Viewer,
}

/// A setting that cannot be used. Never shows a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("admin.token {what}")]
pub struct AdminConfigError {
    what: String,
}

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, role, token: _ } = self;
        f.debug_struct("AdminToken").field("name", name).field("role", role).finish_non_exhaustive()
    }
}

impl Default for AdminConfig {
    fn default() -> Self {
        let (name, token) = ("demo".to_owned(), DEMO_TOKEN.to_owned());
        Self { enabled: true, token: vec![AdminToken { name, token, role: AdminRole::Operator }] }
    }
}

impl AdminConfig {
    /// Checks the whole section.
    ///
    /// # Errors
    /// [`AdminConfigError`].
    pub fn validate(&self) -> Result<(), AdminConfigError> {
        let wrong = |what: String| Err(AdminConfigError { what });
        for (index, AdminToken { name, token, .. }) in self.token.iter().enumerate() {
            let length = name.chars().count();
            let printable = name.chars().all(|c| !c.is_control() && c != '/');
            if !(1..=NAME_CHARS_MAX).contains(&length) || !printable {
                return wrong(format!(
                    "names have 1 to {NAME_CHARS_MAX} printable characters other than '/', unlike \
                     that of entry {}",
                    index + 1
                ));
            }
            let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
            if !(TOKEN_LEN_MIN..=TOKEN_LEN_MAX).contains(&token.len()) || !visible {
                return wrong(format!(
                    "{name:?} must be {TOKEN_LEN_MIN} to {TOKEN_LEN_MAX} visible ASCII characters"
                ));
            }
            let before = &self.token[..index];
            if before.iter().any(|other| other.name == *name || other.token == *token) {
                return wrong(format!("{name:?} has the name or the token of another entry"));
            }
        }
        Ok(())
    }

    /// Names of the tokens that everybody knows; none while the interface is off.
    pub fn public_tokens(&self) -> impl Iterator<Item = &str> {
        let known = |token: &&AdminToken| token.token == DEMO_TOKEN;
        self.token.iter().filter(|_| self.enabled).filter(known).map(|token| token.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_named_and_told_apart() {
        let check = |tokens: &[(&str, &str)], expected: Option<&str>| {
            let token = tokens.iter().map(|(name, token)| AdminToken {
                name: (*name).to_owned(),
                token: (*token).to_owned(),
                role: AdminRole::Viewer,
            });
            let config = AdminConfig { enabled: true, token: token.collect() };
            let found = config.validate().map_err(|error| error.to_string()).err();
            match (expected, &found) {
                (None, None) => {}
                (Some(part), Some(text)) if text.contains(part) => {}
                _ => panic!("{tokens:?}: {found:?}"),
            }
            // Neither an error nor the settings in a log tell a token.
            let shown = format!("{config:?}{found:?}");
            assert!(tokens.iter().all(|(_, token)| token.is_empty() || !shown.contains(token)));
        };
        let (one, other) = ("a".repeat(16), "b".repeat(16));
        check(&[], None);
        check(&[("desk", &one), ("night", &other)], None);
        check(&[("", &one)], Some("printable characters"));
        check(&[("a/b", &one)], Some("printable characters"));
        check(&[("desk", "short")], Some("16 to 256"));
        check(&[("desk", &"票".repeat(6))], Some("16 to 256"));
        check(&[("desk", &one), ("desk", &other)], Some("another entry"));
        check(&[("desk", &one), ("night", &one)], Some("another entry"));
    }
}
