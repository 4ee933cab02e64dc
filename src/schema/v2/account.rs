//! Accounts and postings.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Invalid, List, Mirrored, is_ascending};
use crate::domain::account::{
    Account, AccountKey, AccountNote, BOOKINGS_KEPT, Balance, Booked, BookingKind, Holder, Posting,
    PostingKind, Standing,
};
use crate::types::{AgentNo, Fen, RequestKey, SupplierNo};

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

/// Twin of [`PostingKind`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum PostingKindV2 {
    /// 0
    TopUp,
    /// 1
    Sale,
    /// 2
    Refund,
    /// 3
    Fee,
    /// 4
    Rebate,
    /// 5
    RebateTakenBack,
    /// 6
    Adjustment,
}

impl Mirrored for PostingKind {
    type Mirror<'a> = PostingKindV2;

    fn mirror(&self) -> PostingKindV2 {
        match self {
            Self::TopUp => PostingKindV2::TopUp,
            Self::Sale => PostingKindV2::Sale,
            Self::Refund => PostingKindV2::Refund,
            Self::Fee => PostingKindV2::Fee,
            Self::Rebate => PostingKindV2::Rebate,
            Self::RebateTakenBack => PostingKindV2::RebateTakenBack,
            Self::Adjustment => PostingKindV2::Adjustment,
        }
    }

    fn restore(mirror: PostingKindV2) -> Result<Self, Invalid> {
        Ok(match mirror {
            PostingKindV2::TopUp => Self::TopUp,
            PostingKindV2::Sale => Self::Sale,
            PostingKindV2::Refund => Self::Refund,
            PostingKindV2::Fee => Self::Fee,
            PostingKindV2::Rebate => Self::Rebate,
            PostingKindV2::RebateTakenBack => Self::RebateTakenBack,
            PostingKindV2::Adjustment => Self::Adjustment,
        })
    }
}

/// Twin of [`Posting`]. The amount is in fen.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct PostingV2 {
    balance: BalanceV2,
    kind: PostingKindV2,
    amount: i64,
}

impl Mirrored for Posting {
    type Mirror<'a> = PostingV2;

    fn mirror(&self) -> PostingV2 {
        let Self { balance, kind, amount } = self;
        PostingV2 { balance: balance.mirror(), kind: kind.mirror(), amount: amount.get() }
    }

    fn restore(mirror: PostingV2) -> Result<Self, Invalid> {
        let PostingV2 { balance, kind, amount } = mirror;
        let (balance, kind) = (Balance::restore(balance)?, PostingKind::restore(kind)?);
        Ok(Self { balance, kind, amount: Fen::new(amount) })
    }
}

/// Twin of [`crate::domain::account::Postings`].
pub(in crate::schema) type PostingsV2<'a> = List<'a, Posting, SmallVec<[Posting; 2]>>;

/// Twin of [`BookingKind`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum BookingKindV2 {
    /// 0
    TopUp,
    /// 1
    Adjustment,
}

impl Mirrored for BookingKind {
    type Mirror<'a> = BookingKindV2;

    fn mirror(&self) -> BookingKindV2 {
        match self {
            Self::TopUp => BookingKindV2::TopUp,
            Self::Adjustment => BookingKindV2::Adjustment,
        }
    }

    fn restore(mirror: BookingKindV2) -> Result<Self, Invalid> {
        Ok(match mirror {
            BookingKindV2::TopUp => Self::TopUp,
            BookingKindV2::Adjustment => Self::Adjustment,
        })
    }
}

/// Twin of [`Booked`]. The amount is in fen.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct BookedV2<'a> {
    reference: &'a str,
    kind: BookingKindV2,
    balance: BalanceV2,
    amount: i64,
}

impl Mirrored for Booked {
    type Mirror<'a> = BookedV2<'a>;

    fn mirror(&self) -> BookedV2<'_> {
        let Self { reference, kind, balance, amount } = self;
        BookedV2 {
            reference: reference.as_str(),
            kind: kind.mirror(),
            balance: balance.mirror(),
            amount: amount.get(),
        }
    }

    fn restore(mirror: BookedV2<'_>) -> Result<Self, Invalid> {
        let BookedV2 { reference, kind, balance, amount } = mirror;
        Ok(Self {
            reference: RequestKey::new(reference).map_err(|_| Invalid)?,
            kind: BookingKind::restore(kind)?,
            balance: Balance::restore(balance)?,
            amount: Fen::new(amount),
        })
    }
}

/// Twin of [`AccountNote`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum AccountNoteV2<'a> {
    /// 0
    CreditSet(i64),
    /// 1
    #[serde(borrow)]
    Booked(BookedV2<'a>),
}

impl Mirrored for AccountNote {
    type Mirror<'a> = AccountNoteV2<'a>;

    fn mirror(&self) -> AccountNoteV2<'_> {
        match self {
            Self::CreditSet(credit) => AccountNoteV2::CreditSet(credit.get()),
            Self::Booked(booked) => AccountNoteV2::Booked(booked.mirror()),
        }
    }

    fn restore(mirror: AccountNoteV2<'_>) -> Result<Self, Invalid> {
        Ok(match mirror {
            AccountNoteV2::CreditSet(credit) => Self::CreditSet(credit_line(credit)?),
            AccountNoteV2::Booked(booked) => Self::Booked(Booked::restore(booked)?),
        })
    }
}

/// Twin of [`Standing`]. Amounts in fen.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct StandingV2 {
    balance: BalanceV2,
    recharged: i64,
    consumed: i64,
}

impl Mirrored for Standing {
    type Mirror<'a> = StandingV2;

    fn mirror(&self) -> StandingV2 {
        let Self { balance, recharged, consumed } = self;
        let (recharged, consumed) = (recharged.get(), consumed.get());
        StandingV2 { balance: balance.mirror(), recharged, consumed }
    }

    fn restore(mirror: StandingV2) -> Result<Self, Invalid> {
        let StandingV2 { balance, recharged, consumed } = mirror;
        let untouched = (recharged, consumed) == (0, 0);
        if untouched || recharged.checked_sub(consumed).is_none() {
            return Err(Invalid);
        }
        let (recharged, consumed) = (Fen::new(recharged), Fen::new(consumed));
        Ok(Self { balance: Balance::restore(balance)?, recharged, consumed })
    }
}

/// What the journal says of an [`Account`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct AccountV2<'a> {
    /// Sorted by balance, without those that nothing was posted to.
    standings: List<'a, Standing>,
    /// The credit line in fen.
    credit: i64,
    /// Oldest first.
    #[serde(borrow)]
    booked: List<'a, Booked>,
}

impl Mirrored for Account {
    type Mirror<'a> = AccountV2<'a>;

    fn mirror(&self) -> AccountV2<'_> {
        AccountV2 {
            standings: List::Borrowed(self.standings()),
            credit: self.credit().get(),
            booked: List::Borrowed(self.booked()),
        }
    }

    fn restore(mirror: AccountV2<'_>) -> Result<Self, Invalid> {
        let AccountV2 { standings, credit, booked } = mirror;
        let (standings, booked) = (standings.into_owned(), booked.into_owned());
        // Balances of one name would be added up, and a sum may not fit.
        if !is_ascending(standings.iter().map(|it| it.balance)) || booked.len() > BOOKINGS_KEPT {
            return Err(Invalid);
        }
        Ok(Self::restored(standings, credit_line(credit)?, booked))
    }
}

/// A credit line is never negative, and its opposite is an amount.
fn credit_line(fen: i64) -> Result<Fen, Invalid> {
    if fen < 0 { Err(Invalid) } else { Ok(Fen::new(fen)) }
}

#[cfg(test)]
mod tests {
    use crate::schema::{SchemaError, decode_account};

    #[test]
    fn standings_are_a_sorted_set_without_untouched_balances() {
        let check = |bytes: &[u8], expected: Option<SchemaError>| {
            assert_eq!(decode_account(bytes).err(), expected, "{bytes:?}");
        };
        let invalid = Some(SchemaError::Invalid);
        check(&[2, 2, 0, 2, 0, 3, 2, 4, 0, 0], None);
        check(&[2, 2, 3, 2, 0, 0, 2, 4, 0, 0], invalid);
        check(&[2, 2, 3, 2, 0, 3, 2, 4, 0, 0], invalid);
        check(&[2, 1, 0, 0, 0, 0, 0], invalid);
        check(&[2, 1, 7, 2, 0, 0, 0], invalid);
        // A credit line below zero, and a booking without a reference.
        check(&[2, 0, 2, 0], None);
        check(&[2, 0, 1, 0], invalid);
        check(&[2, 0, 0, 1, 1, b'r', 0, 0, 2], None);
        check(&[2, 0, 0, 1, 0, 0, 0, 2], invalid);
    }
}
