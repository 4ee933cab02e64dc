//! What giving a ticket back costs, by how long before the visit it is given back.
//!
//! Whether a ticket may be given back for other reasons (it was used, it was never paid) is the
//! order's business; this is the product's price list of refunds and nothing else.

use crate::types::Fen;

/// A fee for one ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fee {
    /// So much.
    Fixed(Fen),
    /// A share of the price, in hundredths of a per cent: 10000 is all of it.
    Percent(u16),
}

/// The fee from `hours_before` the visit on, until a later tier begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeTier {
    /// Hours before the visit begins at which the tier ends; negative for after that.
    pub hours_before: i32,
    /// The fee of one ticket.
    pub fee: Fee,
}

/// How tickets may be given back (退票规则).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRule {
    /// The tiers, no two for the same hour; none means that tickets are never taken back.
    pub tiers: Vec<FeeTier>,
}

/// Too late: no tier of the product's refund rule reaches this close to the visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refunds end {last_hours_before:?} hours before the visit")]
pub struct RefundClosed {
    /// Hours before the visit until which tickets were taken back; `None` when they never are.
    pub last_hours_before: Option<i32>,
}

/// Free until the visit begins.
impl Default for RefundRule {
    fn default() -> Self {
        Self { tiers: vec![FeeTier { hours_before: 0, fee: Fee::Fixed(Fen::ZERO) }] }
    }
}

impl RefundRule {
    /// The fee for one ticket of `price`, `until_visit_ms` before its visit begins (negative after
    /// that). The tier with the most hours that still lie ahead applies; at the very instant a tier
    /// ends it still does. Never more than the price.
    ///
    /// # Errors
    /// [`RefundClosed`] when no tier applies any more.
    pub fn fee(&self, price: Fen, until_visit_ms: i64) -> Result<Fen, RefundClosed> {
        let ahead = |tier: &&FeeTier| i64::from(tier.hours_before) * HOUR_MS <= until_visit_ms;
        let tier = self.tiers.iter().filter(ahead).max_by_key(|tier| tier.hours_before);
        let Some(tier) = tier else {
            let last_hours_before = self.tiers.iter().map(|tier| tier.hours_before).min();
            return Err(RefundClosed { last_hours_before });
        };
        let fee = match tier.fee {
            Fee::Fixed(fee) => fee,
            Fee::Percent(share) => percent(price, share),
        };
        Ok(fee.min(price).max(Fen::ZERO))
    }
}

const HOUR_MS: i64 = 60 * 60 * 1000;

/// `share` hundredths of a per cent of `price`, half a fen rounded up.
fn percent(price: Fen, share: u16) -> Fen {
    let fen = (i128::from(price.get()) * i128::from(share) + 5_000).div_euclid(10_000);
    // A share of up to 655 per cent of a price beyond 64 bits saturates; the price bounds it anyway.
    Fen::new(i64::try_from(fen).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(tiers: &[(i32, Fee)]) -> RefundRule {
        let tier = |&(hours_before, fee)| FeeTier { hours_before, fee };
        RefundRule { tiers: tiers.iter().map(tier).collect() }
    }

    fn fixed(fen: i64) -> Fee {
        Fee::Fixed(Fen::new(fen))
    }

    #[test]
    fn the_tier_with_the_most_hours_still_ahead_applies() {
        // In any order: free until a day before, 20 per cent until it begins, 50 for two hours more.
        let tiers = [(0, Fee::Percent(2_000)), (24, fixed(0)), (-2, Fee::Percent(5_000))];
        let check = |until_visit_ms: i64, expected: Result<i64, Option<i32>>| {
            let closed = |last_hours_before| RefundClosed { last_hours_before };
            let expected = expected.map(Fen::new).map_err(closed);
            assert_eq!(rule(&tiers).fee(Fen::new(12_000), until_visit_ms), expected);
        };
        check(100 * HOUR_MS, Ok(0));
        check(24 * HOUR_MS, Ok(0));
        check(24 * HOUR_MS - 1, Ok(2_400));
        check(0, Ok(2_400));
        check(-1, Ok(6_000));
        check(-2 * HOUR_MS, Ok(6_000));
        check(-2 * HOUR_MS - 1, Err(Some(-2)));
        check(i64::MIN, Err(Some(-2)));
        check(i64::MAX, Ok(0));
        assert_eq!(rule(&[]).fee(Fen::new(1), 1), Err(RefundClosed { last_hours_before: None }));
    }

    #[test]
    fn a_fee_rounds_half_up_and_never_passes_the_price() {
        let check = |fee: Fee, price: i64, expected: i64| {
            let fee = rule(&[(0, fee)]).fee(Fen::new(price), 0);
            assert_eq!(fee, Ok(Fen::new(expected)), "{price}");
        };
        check(Fee::Percent(5_000), 1, 1);
        check(Fee::Percent(4_999), 1, 0);
        check(Fee::Percent(333), 990, 33);
        check(Fee::Percent(10_000), 990, 990);
        check(Fee::Percent(u16::MAX), 990, 990);
        check(Fee::Percent(10_000), i64::MAX, i64::MAX);
        check(fixed(500), 990, 500);
        check(fixed(5_000), 990, 990);
        check(fixed(500), 0, 0);
        check(fixed(-5), 990, 0);
    }

    #[test]
    fn by_default_a_ticket_is_taken_back_free_until_the_visit_begins() {
        let rule = RefundRule::default();
        assert_eq!(rule.fee(Fen::new(100), 0), Ok(Fen::ZERO));
        assert_eq!(rule.fee(Fen::new(100), -1), Err(RefundClosed { last_hours_before: Some(0) }));
    }
}
