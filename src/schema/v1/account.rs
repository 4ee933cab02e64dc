//! Accounts and postings.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Invalid, List, Mirrored, is_ascending};
use crate::domain::account::{Account, AccountKey, Balance, Holder, Posting};
use crate::types::{AgentNo, Fen, SupplierNo};

/// Twin of [`Holder`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum HolderV1 {
    /// 0
    House,
    /// 1
    Agent(u32),
}

/// Twin of [`AccountKey`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct AccountKeyV1 {
    supplier: u16,
    holder: HolderV1,
}

impl Mirrored for AccountKey {
    type Mirror<'a> = AccountKeyV1;

    fn mirror(&self) -> AccountKeyV1 {
        let Self { supplier, holder } = *self;
        let holder = match holder {
            Holder::House => HolderV1::House,
            Holder::Agent(agent) => HolderV1::Agent(agent.get()),
        };
        AccountKeyV1 { supplier: supplier.get(), holder }
    }

    fn restore(mirror: AccountKeyV1) -> Result<Self, Invalid> {
        let AccountKeyV1 { supplier, holder } = mirror;
        let holder = match holder {
            HolderV1::House => Holder::House,
            HolderV1::Agent(agent) => Holder::Agent(AgentNo::new(agent)),
        };
        Ok(Self { supplier: SupplierNo::new(supplier), holder })
    }
}

/// Twin of [`Balance`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum BalanceV1 {
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
}

impl Mirrored for Balance {
    type Mirror<'a> = BalanceV1;

    fn mirror(&self) -> BalanceV1 {
        match *self {
            Self::Prepaid => BalanceV1::Prepaid,
            Self::Rebate { year } => BalanceV1::Rebate { year },
            Self::Receivable => BalanceV1::Receivable,
            Self::Sales => BalanceV1::Sales,
            Self::RebateGranted => BalanceV1::RebateGranted,
            Self::Funding => BalanceV1::Funding,
        }
    }

    fn restore(mirror: BalanceV1) -> Result<Self, Invalid> {
        Ok(match mirror {
            BalanceV1::Prepaid => Self::Prepaid,
            BalanceV1::Rebate { year } => Self::Rebate { year },
            BalanceV1::Receivable => Self::Receivable,
            BalanceV1::Sales => Self::Sales,
            BalanceV1::RebateGranted => Self::RebateGranted,
            BalanceV1::Funding => Self::Funding,
        })
    }
}

/// Twin of [`Posting`], and of one balance of an account. Amounts in fen.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct PostingV1 {
    balance: BalanceV1,
    amount: i64,
}

impl Mirrored for Posting {
    type Mirror<'a> = PostingV1;

    fn mirror(&self) -> PostingV1 {
        let Self { balance, amount } = self;
        PostingV1 { balance: balance.mirror(), amount: amount.get() }
    }

    fn restore(mirror: PostingV1) -> Result<Self, Invalid> {
        let PostingV1 { balance, amount } = mirror;
        Ok(Self { balance: Balance::restore(balance)?, amount: Fen::new(amount) })
    }
}

/// Twin of [`crate::domain::account::Postings`].
pub(in crate::schema) type PostingsV1<'a> = List<'a, Posting, SmallVec<[Posting; 2]>>;

impl Mirrored for (Balance, Fen) {
    type Mirror<'a> = PostingV1;

    fn mirror(&self) -> PostingV1 {
        PostingV1 { balance: self.0.mirror(), amount: self.1.get() }
    }

    fn restore(mirror: PostingV1) -> Result<Self, Invalid> {
        let PostingV1 { balance, amount } = mirror;
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
        check(&[1, 2, 0, 2, 3, 2], None);
        check(&[1, 2, 3, 2, 0, 2], Some(SchemaError::Invalid));
        check(&[1, 2, 3, 2, 3, 2], Some(SchemaError::Invalid));
        check(&[1, 1, 0, 0], Some(SchemaError::Invalid));
        check(&[1, 1, 6, 2], Some(SchemaError::Invalid));
    }
}
