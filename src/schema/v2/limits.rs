//! Purchase-limit counters.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Invalid, List, Mirrored, is_ascending};
use crate::domain::limits::{Count, CounterEvent, Counters, LimitKey, LimitShard, WindowInstance};
use crate::types::{IdentityHash, ProductNo, Quantity, RuleNo, ServiceDate};

/// Twin of [`WindowInstance`]; dates in days since 1970-01-01. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum WindowV2 {
    /// 0
    VisitDate(i32),
    /// 1
    OrderDate(i32),
    /// 2
    Lifetime,
    /// 3
    Week(i32),
    /// 4
    Month(i32),
    /// 5
    Rolling,
}

/// Twin of [`LimitKey`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct LimitKeyV2 {
    product: u32,
    window: WindowV2,
    shard: u8,
}

impl Mirrored for LimitKey {
    type Mirror<'a> = LimitKeyV2;

    fn mirror(&self) -> LimitKeyV2 {
        let Self { product, window, shard } = *self;
        let window = match window {
            WindowInstance::VisitDate(date) => WindowV2::VisitDate(date.days()),
            WindowInstance::OrderDate(date) => WindowV2::OrderDate(date.days()),
            WindowInstance::Lifetime => WindowV2::Lifetime,
            WindowInstance::Week(monday) => WindowV2::Week(monday.days()),
            WindowInstance::Month(first) => WindowV2::Month(first.days()),
            WindowInstance::Rolling => WindowV2::Rolling,
        };
        LimitKeyV2 { product: product.get(), window, shard }
    }

    fn restore(mirror: LimitKeyV2) -> Result<Self, Invalid> {
        let LimitKeyV2 { product, window, shard } = mirror;
        let window = match window {
            WindowV2::VisitDate(days) => WindowInstance::VisitDate(ServiceDate::from_days(days)),
            WindowV2::OrderDate(days) => WindowInstance::OrderDate(ServiceDate::from_days(days)),
            WindowV2::Lifetime => WindowInstance::Lifetime,
            WindowV2::Week(days) => WindowInstance::Week(ServiceDate::from_days(days)),
            WindowV2::Month(days) => WindowInstance::Month(ServiceDate::from_days(days)),
            WindowV2::Rolling => WindowInstance::Rolling,
        };
        Ok(Self { product: ProductNo::new(product), window, shard })
    }
}

/// Twin of [`Count`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct CountV2 {
    rule: u8,
    /// Big-endian and always whole: a hash has no small values that a varint would shorten.
    identity: [u8; 16],
    amount: u32,
    /// In days since 1970-01-01, for a window that rolls.
    day: Option<i32>,
}

impl Mirrored for Count {
    type Mirror<'a> = CountV2;

    fn mirror(&self) -> CountV2 {
        let Self { rule, identity, amount, day } = *self;
        CountV2 {
            rule: rule.get(),
            identity: identity.get().to_be_bytes(),
            amount: amount.get(),
            day: day.map(ServiceDate::days),
        }
    }

    fn restore(mirror: CountV2) -> Result<Self, Invalid> {
        let CountV2 { rule, identity, amount, day } = mirror;
        Ok(Self {
            rule: RuleNo::new(rule),
            identity: IdentityHash::new(u128::from_be_bytes(identity)),
            amount: Quantity::new(amount),
            day: day.map(ServiceDate::from_days),
        })
    }
}

/// Twin of [`CounterEvent`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum CounterEventV2<'a> {
    /// 0
    #[serde(borrow)]
    Counted(List<'a, Count, SmallVec<[Count; 2]>>),
    /// 1
    #[serde(borrow)]
    Returned(List<'a, Count, SmallVec<[Count; 2]>>),
}

impl Mirrored for CounterEvent {
    type Mirror<'a> = CounterEventV2<'a>;

    fn mirror(&self) -> CounterEventV2<'_> {
        match self {
            Self::Counted(counts) => CounterEventV2::Counted(List::Borrowed(counts)),
            Self::Returned(counts) => CounterEventV2::Returned(List::Borrowed(counts)),
        }
    }

    fn restore(mirror: CounterEventV2<'_>) -> Result<Self, Invalid> {
        Ok(match mirror {
            CounterEventV2::Counted(counts) => Self::Counted(counts.into_owned()),
            CounterEventV2::Returned(counts) => Self::Returned(counts.into_owned()),
        })
    }
}

/// Counters from their counts, which are sorted and hold neither zeros nor anything twice.
pub(super) fn counters(counts: List<'_, Count>) -> Result<Counters, Invalid> {
    let counts = counts.into_owned();
    let key = |count: &Count| (count.rule, count.identity, count.day);
    let sorted = is_ascending(counts.iter().map(key));
    if !sorted || counts.iter().any(|count| count.amount == Quantity::ZERO) {
        return Err(Invalid);
    }
    Ok(Counters::restored(counts))
}

impl Mirrored for LimitShard {
    type Mirror<'a> = List<'a, Count>;

    fn mirror(&self) -> List<'_, Count> {
        List::Owned(self.counters().counts())
    }

    fn restore(mirror: List<'_, Count>) -> Result<Self, Invalid> {
        counters(mirror).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use crate::schema::{SchemaError, decode_limit};

    #[test]
    fn counters_are_a_sorted_set_without_zeros() {
        let check = |counts: &[(u8, u8, u8)], expected: Option<SchemaError>| {
            let mut bytes = vec![2, counts.len() as u8];
            for &(rule, identity, amount) in counts {
                bytes.push(rule);
                bytes.extend([identity; 16]);
                bytes.push(amount);
                bytes.push(0);
            }
            assert_eq!(decode_limit(&bytes).err(), expected, "{counts:?}");
        };
        check(&[(0, 1, 1), (0, 2, 1), (1, 1, 1)], None);
        check(&[(0, 1, 1), (0, 1, 1)], Some(SchemaError::Invalid));
        check(&[(1, 1, 1), (0, 1, 1)], Some(SchemaError::Invalid));
        check(&[(0, 1, 0)], Some(SchemaError::Invalid));
    }
}
