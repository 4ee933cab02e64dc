//! Accounts and postings.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Invalid, List, Mirrored, is_ascending};
use crate::domain::account::{Account, AccountKey, Balance, Holder, Posting};
use crate::types::{AgentNo, Fen, SupplierNo};

/// Twin of [`Holder`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum HolderV2 {
    /// 0
    House,
    /// 1
    Agent(u32),
}

/// Twin of [`AccountKey`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct AccountKeyV2 {
    supplier: u16,
    holder: HolderV2,
}

impl Mirrored for AccountKey {
    type Mirror<'a> = AccountKeyV2;

    fn mirror(&self) -> AccountKeyV2 {
        let Self { supplier, holder } = *self;
        let holder = match holder {
            Holder::House => HolderV2::House,
            Holder::Agent(agent) => HolderV2::Agent(agent.get()),
        };
        AccountKeyV2 { supplier: supplier.get(), holder }
    }

    fn restore(mirror: AccountKeyV2) -> Result<Self, Invalid> {
        let AccountKeyV2 { supplier, holder } = mirror;
        let holder = match holder {
            HolderV2::House => Holder::House,
            HolderV2::Agent(agent) => Holder::Agent(AgentNo::new(agent)),
        };
        Ok(Self { supplier: SupplierNo::new(supplier), holder })
    }
}

/// Twin of [`Balance`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum BalanceV2 {
    /// 0
    Prepaid,
    /// 1
    Rebate { year: i16 },
    /// 2
    Receivable,
    /// 3
    Sales,
    /// 4
    RebateGranted,
    /// 5
    Funding,
    /// 6
    Fees,
}

impl Mirrored for Balance {
    type Mirror<'a> = BalanceV2;

    fn mirror(&self) -> BalanceV2 {
        match *self {
            Self::Prepaid => BalanceV2::Prepaid,
            Self::Rebate { year } => BalanceV2::Rebate { year },
            Self::Receivable => BalanceV2::Receivable,
            Self::Sales => BalanceV2::Sales,
            Self::RebateGranted => BalanceV2::RebateGranted,
            Self::Funding => BalanceV2::Funding,
            Self::Fees => BalanceV2::Fees,
        }
    }

    fn restore(mirror: BalanceV2) -> Result<Self, Invalid> {
        Ok(match mirror {
            BalanceV2::Prepaid => Self::Prepaid,
            BalanceV2::Rebate { year } => Self::Rebate { year },
            BalanceV2::Receivable => Self::Receivable,
            BalanceV2::Sales => Self::Sales,
            BalanceV2::RebateGranted => Self::RebateGranted,
            BalanceV2::Funding => Self::Funding,
            BalanceV2::Fees => Self::Fees,
        })
    }
}

/// Twin of [`Posting`], and of one balance of an account. Amounts in fen.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct PostingV2 {
    balance: BalanceV2,
    amount: i64,
}

impl Mirrored for Posting {
    type Mirror<'a> = PostingV2;

    fn mirror(&self) -> PostingV2 {
        let Self { balance, amount } = self;
        PostingV2 { balance: balance.mirror(), amount: amount.get() }
    }

    fn restore(mirror: PostingV2) -> Result<Self, Invalid> {
        let PostingV2 { balance, amount } = mirror;
        Ok(Self { balance: Balance::restore(balance)?, amount: Fen::new(amount) })
    }
}

/// Twin of [`crate::domain::account::Postings`].
pub(in crate::schema) type PostingsV2<'a> = List<'a, Posting, SmallVec<[Posting; 2]>>;

impl Mirrored for (Balance, Fen) {
    type Mirror<'a> = PostingV2;

    fn mirror(&self) -> PostingV2 {
        PostingV2 { balance: self.0.mirror(), amount: self.1.get() }
    }

    fn restore(mirror: PostingV2) -> Result<Self, Invalid> {
        let PostingV2 { balance, amount } = mirror;
        Ok((Balance::restore(balance)?, Fen::new(amount)))
    }
}

/// What the journal says of an [`Account`]: balances, sorted, without zeros.
impl Mirrored for Account {
    type Mirror<'a> = List<'a, (Balance, Fen)>;

    fn mirror(&self) -> List<'_, (Balance, Fen)> {
        List::Borrowed(self.balances())
    }

    fn restore(mirror: List<'_, (Balance, Fen)>) -> Result<Self, Invalid> {
        let balances = mirror.into_owned();
        // Balances of one name would be added up, and a sum may not fit.
        let sorted = is_ascending(balances.iter().map(|(balance, _)| *balance));
        if !sorted || balances.iter().any(|(_, amount)| *amount == Fen::ZERO) {
            return Err(Invalid);
        }
        Ok(Self::restored(balances))
    }
}

#[cfg(test)]
mod tests {
    use crate::schema::{SchemaError, decode_account};

    #[test]
    fn balances_are_a_sorted_set_without_zeros() {
        let check = |bytes: &[u8], expected: Option<SchemaError>| {
            assert_eq!(decode_account(bytes).err(), expected, "{bytes:?}");
        };
        check(&[2, 2, 0, 2, 3, 2], None);
        check(&[2, 2, 3, 2, 0, 2], Some(SchemaError::Invalid));
        check(&[2, 2, 3, 2, 3, 2], Some(SchemaError::Invalid));
        check(&[2, 1, 0, 0], Some(SchemaError::Invalid));
        check(&[2, 1, 7, 2], Some(SchemaError::Invalid));
    }
}
