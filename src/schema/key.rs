//! Keys of the snapshot store: fixed width, and ordered as bytes like the keys they stand for, so
//! that the slots of a product are neighbours by date. Numbers are big-endian.

use crate::domain::account::{AccountKey, Holder};
use crate::domain::inventory::PoolKey;
use crate::domain::limits::{LimitKey, WindowInstance};
use crate::schema::SchemaError;
use crate::types::{
    AgentNo, OrderId, PoolNo, ProductNo, ServiceDate, SlotKey, SupplierNo, Timespan, VoucherCode,
};

/// Bytes of a slot's key: product 4, date 5, timespan 1.
pub const SLOT_KEY_LEN: usize = 10;
/// Bytes of a pool's key: pool 4, date 5, timespan 1.
pub const POOL_KEY_LEN: usize = 10;
/// Bytes of a limit shard's key: product 4, kind of window 1, date 4, shard 1.
pub const LIMIT_KEY_LEN: usize = 10;
/// Bytes of an account's key: supplier 2, kind of holder 1, agent 4.
pub const ACCOUNT_KEY_LEN: usize = 7;
/// Bytes of an order's key.
pub const ORDER_KEY_LEN: usize = 8;
/// Bytes of a voucher's key.
pub const VOUCHER_KEY_LEN: usize = 8;

// What stands before a value that may be missing, and the kinds of window and holder. On disk, so
// never changed; in the order of what they stand for.
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;
const VISIT_DATE: u8 = 0;
const ORDER_DATE: u8 = 1;
const LIFETIME: u8 = 2;
const WEEK: u8 = 3;
const MONTH: u8 = 4;
const ROLLING: u8 = 5;
const HOUSE: u8 = 0;
const AGENT: u8 = 1;

/// Key of a slot: by product, date (none first), timespan.
#[must_use]
pub fn slot_key(key: SlotKey) -> [u8; SLOT_KEY_LEN] {
    dated_key(key.product.get(), key.date, key.timespan)
}

/// Reads a slot's key.
///
/// # Errors
/// [`SchemaError`] when [`slot_key`] makes no such bytes.
pub fn decode_slot_key(bytes: &[u8]) -> Result<SlotKey, SchemaError> {
    let (product, date, timespan) = decode_dated_key(bytes)?;
    Ok(SlotKey { product: ProductNo::new(product), date, timespan })
}

/// Key of a pool: by pool, date (none first), timespan.
#[must_use]
pub fn pool_key(key: PoolKey) -> [u8; POOL_KEY_LEN] {
    dated_key(key.pool.get(), key.date, key.timespan)
}

/// Reads a pool's key.
///
/// # Errors
/// [`SchemaError`] when [`pool_key`] makes no such bytes.
pub fn decode_pool_key(bytes: &[u8]) -> Result<PoolKey, SchemaError> {
    let (pool, date, timespan) = decode_dated_key(bytes)?;
    Ok(PoolKey { pool: PoolNo::new(pool), date, timespan })
}

/// Key of a limit shard: by product, window, shard.
#[must_use]
pub fn limit_key(key: LimitKey) -> [u8; LIMIT_KEY_LEN] {
    let (kind, date) = match key.window {
        WindowInstance::VisitDate(date) => (VISIT_DATE, sortable(date)),
        WindowInstance::OrderDate(date) => (ORDER_DATE, sortable(date)),
        WindowInstance::Lifetime => (LIFETIME, [0; 4]),
        WindowInstance::Week(monday) => (WEEK, sortable(monday)),
        WindowInstance::Month(first) => (MONTH, sortable(first)),
        WindowInstance::Rolling => (ROLLING, [0; 4]),
    };
    let mut bytes = [0; LIMIT_KEY_LEN];
    bytes[..4].copy_from_slice(&key.product.get().to_be_bytes());
    bytes[4] = kind;
    bytes[5..9].copy_from_slice(&date);
    bytes[9] = key.shard;
    bytes
}

/// Reads a limit shard's key.
///
/// # Errors
/// [`SchemaError`] when [`limit_key`] makes no such bytes.
pub fn decode_limit_key(bytes: &[u8]) -> Result<LimitKey, SchemaError> {
    let (product, rest) = split(bytes)?;
    let ([kind], rest) = split(rest)?;
    let (date, rest) = split(rest)?;
    let window = match (kind, date) {
        (VISIT_DATE, date) => WindowInstance::VisitDate(unsortable(date)),
        (ORDER_DATE, date) => WindowInstance::OrderDate(unsortable(date)),
        (LIFETIME, [0, 0, 0, 0]) => WindowInstance::Lifetime,
        (WEEK, date) => WindowInstance::Week(unsortable(date)),
        (MONTH, date) => WindowInstance::Month(unsortable(date)),
        (ROLLING, [0, 0, 0, 0]) => WindowInstance::Rolling,
        _ => return Err(SchemaError::Invalid),
    };
    let [shard] = last(rest)?;
    Ok(LimitKey { product: ProductNo::new(u32::from_be_bytes(product)), window, shard })
}

/// Key of an account: by supplier, the house first, then agents.
#[must_use]
pub fn account_key(key: AccountKey) -> [u8; ACCOUNT_KEY_LEN] {
    let (kind, agent) = match key.holder {
        Holder::House => (HOUSE, [0; 4]),
        Holder::Agent(agent) => (AGENT, agent.get().to_be_bytes()),
    };
    let mut bytes = [0; ACCOUNT_KEY_LEN];
    bytes[..2].copy_from_slice(&key.supplier.get().to_be_bytes());
    bytes[2] = kind;
    bytes[3..].copy_from_slice(&agent);
    bytes
}

/// Reads an account's key.
///
/// # Errors
/// [`SchemaError`] when [`account_key`] makes no such bytes.
pub fn decode_account_key(bytes: &[u8]) -> Result<AccountKey, SchemaError> {
    let (supplier, rest) = split(bytes)?;
    let ([kind], rest) = split(rest)?;
    let holder = match (kind, last(rest)?) {
        (HOUSE, [0, 0, 0, 0]) => Holder::House,
        (AGENT, agent) => Holder::Agent(AgentNo::new(u32::from_be_bytes(agent))),
        _ => return Err(SchemaError::Invalid),
    };
    Ok(AccountKey { supplier: SupplierNo::new(u16::from_be_bytes(supplier)), holder })
}

/// Key of an order: its number, so orders lie in the order of time.
#[must_use]
pub fn order_key(id: OrderId) -> [u8; ORDER_KEY_LEN] {
    id.get().to_be_bytes()
}

/// Reads an order's key.
///
/// # Errors
/// [`SchemaError`] unless there are eight bytes.
pub fn decode_order_key(bytes: &[u8]) -> Result<OrderId, SchemaError> {
    last(bytes).map(u64::from_be_bytes).map(OrderId::new)
}

/// Key of a voucher: its code read as a number.
#[must_use]
pub fn voucher_key(code: VoucherCode) -> [u8; VOUCHER_KEY_LEN] {
    code.to_number().to_be_bytes()
}

/// Reads a voucher's key.
///
/// # Errors
/// [`SchemaError`] unless there are eight bytes and a code of twelve digits in them.
pub fn decode_voucher_key(bytes: &[u8]) -> Result<VoucherCode, SchemaError> {
    let number = last(bytes).map(u64::from_be_bytes)?;
    VoucherCode::from_number(number).map_err(|_| SchemaError::Invalid)
}

fn dated_key(no: u32, date: Option<ServiceDate>, timespan: Timespan) -> [u8; SLOT_KEY_LEN] {
    let mut bytes = [0; SLOT_KEY_LEN];
    bytes[..4].copy_from_slice(&no.to_be_bytes());
    if let Some(date) = date {
        bytes[4] = PRESENT;
        bytes[5..9].copy_from_slice(&sortable(date));
    }
    bytes[9] = timespan.get();
    bytes
}

fn decode_dated_key(bytes: &[u8]) -> Result<(u32, Option<ServiceDate>, Timespan), SchemaError> {
    let (no, rest) = split(bytes)?;
    let ([presence], rest) = split(rest)?;
    let (date, rest) = split(rest)?;
    let date = match (presence, date) {
        (ABSENT, [0, 0, 0, 0]) => None,
        (PRESENT, date) => Some(unsortable(date)),
        _ => return Err(SchemaError::Invalid),
    };
    let [timespan] = last(rest)?;
    Ok((u32::from_be_bytes(no), date, Timespan::new(timespan)))
}

/// Days with the sign bit turned over, so that days before 1970 come before those after.
fn sortable(date: ServiceDate) -> [u8; 4] {
    (date.days() ^ i32::MIN).to_be_bytes()
}

fn unsortable(bytes: [u8; 4]) -> ServiceDate {
    ServiceDate::from_days(i32::from_be_bytes(bytes) ^ i32::MIN)
}

fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), SchemaError> {
    bytes.split_first_chunk().map(|(first, rest)| (*first, rest)).ok_or(SchemaError::Truncated)
}

fn last<const N: usize>(bytes: &[u8]) -> Result<[u8; N], SchemaError> {
    let (value, rest) = split(bytes)?;
    if rest.is_empty() { Ok(value) } else { Err(SchemaError::Trailing { bytes: rest.len() }) }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use proptest::prelude::*;

    use super::*;
    use crate::schema::sample;

    #[test]
    fn a_products_slots_are_neighbours_by_date() {
        let key = |product: u32, days: Option<i32>, timespan: u8| {
            slot_key(SlotKey {
                product: ProductNo::new(product),
                date: days.map(ServiceDate::from_days),
                timespan: Timespan::new(timespan),
            })
        };
        let sorted = [
            key(1, None, 0),
            key(1, Some(-1), 9),
            key(1, Some(0), 1),
            key(1, Some(255), 1),
            key(1, Some(256), 0),
            key(1, Some(256), 3),
            key(2, None, 0),
            key(256, None, 0),
        ];
        assert!(sorted.is_sorted());
        assert_eq!(key(258, Some(20_000), 3), [0, 0, 1, 2, 1, 0x80, 0, 0x4e, 0x20, 3]);
    }

    #[test]
    fn a_voucher_key_is_a_code() {
        let bytes = VoucherCode::SPACE.to_be_bytes();
        assert_eq!(decode_voucher_key(&bytes), Err(SchemaError::Invalid));
    }

    /// Two keys and their bytes: read back, ordered alike, and told from shorter and longer ones.
    fn check<K: Copy + Debug + Ord, const N: usize>(
        (one, other): (K, K),
        encode: fn(K) -> [u8; N],
        decode: fn(&[u8]) -> Result<K, SchemaError>,
    ) -> Result<(), TestCaseError> {
        let bytes = encode(one);
        prop_assert_eq!(decode(&bytes), Ok(one));
        prop_assert_eq!(bytes.cmp(&encode(other)), one.cmp(&other));
        prop_assert_eq!(decode(&bytes[..N - 1]), Err(SchemaError::Truncated));
        let longer = [&bytes[..], &[0]].concat();
        prop_assert_eq!(decode(&longer), Err(SchemaError::Trailing { bytes: 1 }));
        Ok(())
    }

    /// Any bytes are refused or are the key of what they are read as.
    fn check_bytes<K, const N: usize>(
        bytes: &[u8],
        encode: fn(K) -> [u8; N],
        decode: fn(&[u8]) -> Result<K, SchemaError>,
    ) -> Result<(), TestCaseError> {
        if let Ok(key) = decode(bytes) {
            prop_assert_eq!(&encode(key)[..], bytes);
        }
        Ok(())
    }

    fn pair<T: Debug>(one: fn() -> BoxedStrategy<T>) -> (BoxedStrategy<T>, BoxedStrategy<T>) {
        (one(), one())
    }

    proptest! {
        #[test]
        fn keys_are_read_back_and_ordered_like_what_they_stand_for(
            slots in pair(sample::slot_key),
            pools in pair(sample::pool_key),
            limits in pair(sample::limit_key),
            accounts in pair(sample::account_key),
            orders in pair(sample::order_id),
            codes in pair(sample::code),
        ) {
            check(slots, slot_key, decode_slot_key)?;
            check(pools, pool_key, decode_pool_key)?;
            check(limits, limit_key, decode_limit_key)?;
            check(accounts, account_key, decode_account_key)?;
            check(orders, order_key, decode_order_key)?;
            check(codes, voucher_key, decode_voucher_key)?;
        }

        #[test]
        fn any_bytes_are_refused_or_a_key(
            mut bytes in prop::collection::vec(any::<u8>(), 0..=11),
            kind in 0_u8..7,
            at in prop_oneof![Just(2_usize), Just(4)],
        ) {
            // Kinds beyond the known ones would hide the rest from nearly every case.
            if let Some(byte) = bytes.get_mut(at) {
                *byte = kind;
            }
            check_bytes(&bytes, slot_key, decode_slot_key)?;
            check_bytes(&bytes, pool_key, decode_pool_key)?;
            check_bytes(&bytes, limit_key, decode_limit_key)?;
            check_bytes(&bytes, account_key, decode_account_key)?;
            check_bytes(&bytes, order_key, decode_order_key)?;
            check_bytes(&bytes, voucher_key, decode_voucher_key)?;
        }
    }
}
