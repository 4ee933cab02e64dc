//! Gates: who may ask about codes and redeem them. Source: docs/protocols/gate.md.

use std::fmt;

use serde::Deserialize;

/// Token of the gate that the defaults name. It is printed in the README and known to everybody.
pub const DEMO_GATE_TOKEN: &str = "demo-gate-token-2024";

/// One gate, or a group of scanners that share a token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateConfig {
    /// Its name, which each of its redemptions carries: 1–32 letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What it proves itself with.
    pub token: GateToken,
    /// Public ids of the suppliers whose vouchers it serves; empty for all.
    #[serde(default)]
    pub suppliers: Vec<String>,
}

/// A gate's secret: 16 to 128 visible ASCII characters.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct GateToken(String);

/// Most gates.
const GATES_MAX: usize = 1000;
/// Longest name in bytes.
const NAME_LEN_MAX: usize = 32;

impl GateConfig {
    /// The gate of the defaults.
    #[must_use]
    pub fn demo() -> Self {
        let token = GateToken(DEMO_GATE_TOKEN.to_owned());
        Self { name: "demo-gate".to_owned(), token, suppliers: Vec::new() }
    }

    /// What the gates must be, unless they are.
    pub(super) fn check(gates: &[Self]) -> Result<(), &'static str> {
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        for (index, gate) in gates.iter().enumerate() {
            if !(1..=NAME_LEN_MAX).contains(&gate.name.len()) || !gate.name.bytes().all(in_name) {
                return Err("gates with names of 1 to 32 letters, digits, '-', '_' and '.'");
            }
            let token = gate.token.as_bytes();
            if !(16..=128).contains(&token.len()) || !token.iter().all(u8::is_ascii_graphic) {
                return Err("gates with tokens of 16 to 128 visible ASCII characters");
            }
            let before = &gates[..index];
            if before.iter().any(|it| it.name == gate.name || it.token == gate.token) {
                return Err("gates of which no two have the same name or token");
            }
        }
        if gates.len() > GATES_MAX { Err("at most 1000 gates") } else { Ok(()) }
    }
}

impl GateToken {
    /// The secret's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Whoever holds a token can redeem, so `Debug` does not show it.
impl fmt::Debug for GateToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tokens_are_checked() {
        let gate = |name: &str, token: &str| GateConfig {
            name: name.to_owned(),
            token: GateToken(token.to_owned()),
            suppliers: Vec::new(),
        };
        let check = |gates: &[GateConfig], expected: Result<(), &str>| {
            let found = GateConfig::check(gates);
            let expected = expected.map_err(|part| {
                let why = found.expect_err("a complaint");
                assert!(why.contains(part), "{why}");
                why
            });
            assert_eq!(found, expected);
        };
        let token = "0123456789abcdef";
        check(&[], Ok(()));
        check(&[GateConfig::demo(), gate("north-1.a_b", token)], Ok(()));
        check(&[gate("", token)], Err("names"));
        check(&[gate("north gate", token)], Err("names"));
        check(&[gate(&"n".repeat(33), token)], Err("names"));
        check(&[gate("n", "0123456789abcde")], Err("tokens"));
        check(&[gate("n", "0123456789 abcdef")], Err("tokens"));
        check(&[gate("n", &"t".repeat(129))], Err("tokens"));
        check(&[gate("n", token), gate("n", "fedcba9876543210")], Err("no two"));
        check(&[gate("n", token), gate("m", token)], Err("no two"));
    }

    #[test]
    fn tokens_are_not_shown() {
        assert!(!format!("{:?}", GateConfig::demo()).contains(DEMO_GATE_TOKEN));
    }
}
