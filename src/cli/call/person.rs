//! Made-up people and numbers for one request.

use super::arguments::PersonArguments;
use crate::domain::identity::sample;

/// Random numbers for one request; the same draw makes the same request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    bits: u128,
}

/// A traveller, and whom to notify.
pub(super) struct Person {
    pub(super) document: String,
    pub(super) name: String,
    pub(super) mobile: String,
}

impl Draw {
    /// From the system's generator.
    pub(super) fn from_system() -> anyhow::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("random numbers: {error}"))?;
        Ok(Self { bits: u128::from_le_bytes(bytes) })
    }

    #[cfg(test)]
    pub(super) const fn fixed(bits: u128) -> Self {
        Self { bits }
    }

    /// A text used once, 32 characters.
    pub(super) fn nonce(&self) -> String {
        format!("{:032x}", self.bits)
    }

    /// An order number of the caller's, 21 characters.
    pub(super) fn number(&self, prefix: char) -> String {
        format!("{prefix}{:020}", (self.bits >> 64) as u64)
    }

    /// The traveller of the ticket at `index`. All of a request share its mobile.
    pub(super) fn person(&self, arguments: &PersonArguments, index: u16) -> Person {
        let seed = self.bits as u64;
        let document = || sample::resident_id(seed.wrapping_add(u64::from(index)));
        Person {
            document: arguments.document.clone().unwrap_or_else(document),
            name: arguments.name.clone().unwrap_or_else(|| "测试游客".to_owned()),
            mobile: arguments.mobile.clone().unwrap_or_else(|| sample::mobile(seed)),
        }
    }
}
