//! What a run asks.

use super::classify::Kind;
use super::source::{Mix, Repeats};

/// What a run asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Whether an order would be accepted.
    Verify,
    /// Order and pay.
    Order,
    /// The same of a product that has nothing left.
    SoldOut,
    /// Voucher codes, as Douyin.
    Codes,
    /// Previews of voucher codes, as Alibaba local life.
    Consult,
    /// 80 Verify : 15 Order : 5 Consult.
    Mixed,
    /// Everybody wants one of a fixed stock within the first second.
    Flash {
        /// How many come.
        buyers: u64,
        /// How many there are.
        stock: u64,
    },
    /// Orders, each sent several times.
    RetryStorm(Repeats),
    /// Whether the server lives: what HTTP alone costs.
    Live,
}

impl Scenario {
    /// Its name on the command line and in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Order => "order",
            Self::SoldOut => "soldout",
            Self::Codes => "codes",
            Self::Consult => "consult",
            Self::Mixed => "mixed",
            Self::Flash { .. } => "flash",
            Self::RetryStorm(_) => "retry-storm",
            Self::Live => "live",
        }
    }

    /// Whether voucher codes have to be there first.
    #[must_use]
    pub const fn needs_codes(&self) -> bool {
        matches!(self, Self::Consult | Self::Mixed)
    }

    pub(super) const fn mix(&self) -> Mix {
        match self {
            Self::Verify => Mix::Only(Kind::Verify),
            Self::Order | Self::SoldOut | Self::Flash { .. } => Mix::Only(Kind::Order),
            Self::Codes => Mix::Only(Kind::Codes),
            Self::Consult => Mix::Only(Kind::Consult),
            Self::Mixed => Mix::Mixed,
            Self::RetryStorm(repeats) => Mix::Storm(*repeats),
            Self::Live => Mix::Only(Kind::Live),
        }
    }
}
