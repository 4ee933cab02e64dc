//! What holds for every encoded value.

use std::fmt::Debug;

use proptest::prelude::*;

use super::*;
use crate::domain::account::{AccountKey, Balance, BookingKind, Holder, PostingKind};
use crate::domain::catalogue::{Fee, FeeTier, LimitRule, LimitScope, LimitWindow, RebateAt};
use crate::domain::identity::DocumentType;
use crate::domain::inventory::{Capacity, StockEvent};
use crate::domain::limits::{CounterEvent, LimitKey, WindowInstance};
use crate::domain::order::{CloseReason, OrderState};
use crate::engine::digest;
use crate::types::{
    AgentNo, Channel, Fen, Lsn, ProductNo, Quantity, ServiceDate, SupplierNo, UnixMillis,
};

fn encoded<T>(value: &T, encode: fn(&T, &mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(value, &mut bytes);
    bytes
}

/// The value read back equals the one written, as far as `facts` tell them apart; encoding appends;
/// and no shorter and no longer bytes are taken for it.
fn check<T: Debug, F: PartialEq + Debug>(
    value: &T,
    encode: fn(&T, &mut Vec<u8>),
    decode: fn(&[u8]) -> Result<T, SchemaError>,
    facts: impl Fn(&T) -> F,
) -> Result<(), TestCaseError> {
    let bytes = encoded(value, encode);
    let read = decode(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(facts(&read), facts(value));
    prop_assert_eq!(&encoded(&read, encode), &bytes);

    let mut appended = vec![7; 3];
    encode(value, &mut appended);
    prop_assert_eq!(&appended[..3], &[7; 3]);
    prop_assert_eq!(&appended[3..], &bytes);

    let longer = [&bytes[..], &[0, 0]].concat();
    prop_assert_eq!(decode(&longer).err(), Some(SchemaError::Trailing { bytes: 2 }));
    // Every length would take too long for the largest.
    for len in (0..bytes.len()).step_by(1 + bytes.len() / 50) {
        prop_assert_eq!(decode(&bytes[..len]).err(), Some(SchemaError::Truncated));
    }
    Ok(())
}

/// Hostile bytes are refused, or are a value that is written and read like any other.
fn check_hostile<T>(
    bytes: &[u8],
    encode: fn(&T, &mut Vec<u8>),
    decode: fn(&[u8]) -> Result<T, SchemaError>,
) -> Result<(), TestCaseError> {
    if let Ok(value) = decode(bytes) {
        let again = encoded(&value, encode);
        let read = decode(&again).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(encoded(&read, encode), again);
    }
    Ok(())
}

fn check_hostile_to_all(bytes: &[u8]) -> Result<(), TestCaseError> {
    check_hostile(bytes, encode_transaction, decode_transaction)?;
    check_hostile(bytes, encode_slot, decode_slot)?;
    check_hostile(bytes, encode_pool, decode_pool)?;
    check_hostile(bytes, encode_limit, decode_limit)?;
    check_hostile(bytes, encode_slot_run, decode_slot_run)?;
    check_hostile(bytes, encode_limit_run, decode_limit_run)?;
    check_hostile(bytes, encode_account, decode_account)?;
    check_hostile(bytes, encode_order, decode_order)?;
    check_hostile(bytes, encode_voucher, decode_voucher)?;
    check_hostile(bytes, encode_catalogue, decode_catalogue)
}

/// One of a valid encoding's bytes changed, which reaches deeper than bytes drawn at random.
fn damaged(mut bytes: Vec<u8>, at: prop::sample::Index, byte: u8) -> Vec<u8> {
    let at = 1 + at.index(bytes.len() - 1);
    bytes[at] = byte;
    bytes
}

proptest! {
    #[test]
    fn records_are_read_back(transaction in sample::transaction()) {
        check(&transaction, encode_transaction, decode_transaction, Clone::clone)?;
    }

    #[test]
    fn entities_are_read_back(
        slot in sample::slot(),
        slot_key in sample::slot_key(),
        pool in sample::pool(),
        limit in sample::limit_shard(),
        after in any::<u64>().prop_map(Lsn::new),
        account in sample::account(),
        order in sample::order(),
        voucher in sample::voucher(),
    ) {
        check(&slot, encode_slot, decode_slot, |slot| {
            (slot.areas().to_vec(), slot.counters().counts(), digest::slot(slot_key, slot))
        })?;
        check(&pool, encode_pool, decode_pool, |pool| *pool.stock())?;
        check(&limit, encode_limit, decode_limit, |limit| limit.counters().counts())?;
        let counts = limit.counters().counts();
        let run = Run { after, state: limit, counts: counts.clone() };
        check(&run, encode_limit_run, decode_limit_run, |it| (it.after, it.counts.clone()))?;
        let run = Run { after, state: slot.without_counters(), counts };
        check(&run, encode_slot_run, decode_slot_run, |it| {
            (it.after, digest::slot(slot_key, &it.state), it.counts.clone())
        })?;
        check(&account, encode_account, decode_account, |it| {
            (it.standings().to_vec(), it.credit(), it.booked().to_vec())
        })?;
        check(&order, encode_order, decode_order, Clone::clone)?;
        check(&voucher, encode_voucher, decode_voucher, |voucher| *voucher)?;
    }

    #[test]
    fn a_catalogue_is_read_back(catalogue in sample::catalogue()) {
        check(&catalogue, encode_catalogue, decode_catalogue, Catalogue::events)?;
    }

    #[test]
    fn any_bytes_are_read_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_hostile_to_all(&bytes)?;
        bytes.insert(0, 1);
        check_hostile_to_all(&bytes)?;
        // Small numbers are kinds and lengths that exist.
        bytes.iter_mut().for_each(|byte| *byte %= 8);
        bytes[0] = 1;
        check_hostile_to_all(&bytes)?;
    }

    #[test]
    fn damaged_values_are_read_without_panic(
        transaction in sample::transaction(),
        order in sample::order(),
        catalogue in sample::catalogue(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        check_hostile_to_all(&damaged(encoded(&transaction, encode_transaction), at, byte))?;
        check_hostile_to_all(&damaged(encoded(&order, encode_order), at, byte))?;
        check_hostile_to_all(&damaged(encoded(&catalogue, encode_catalogue), at, byte))?;
    }
}

#[test]
fn other_versions_are_told_from_damage() {
    let check = |bytes: &[u8], expected: SchemaError| {
        assert_eq!(decode_transaction(bytes), Err(expected), "{bytes:?}");
        assert_eq!(decode_order(bytes), Err(expected), "{bytes:?}");
    };
    check(&[], SchemaError::Truncated);
    check(&[0], SchemaError::Version { found: 0 });
    check(&[1], SchemaError::Version { found: 1 });
    check(&[0x80, 0x02, 9, 9], SchemaError::Version { found: 256 });
    check(&[0xff, 0xff, 0xff], SchemaError::Invalid);
}

#[test]
fn a_forged_length_ends_with_the_bytes() {
    let length = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let check = |head: &[u8]| {
        let bytes = [head, &length].concat();
        assert_eq!(decode_transaction(&bytes), Err(SchemaError::Truncated), "{head:?}");
    };
    check(&[2, 0, 0]);
    // Postings of an account; the tickets of a payment; the name of a supplier.
    check(&[2, 0, 0, 1, 4, 0, 0]);
    check(&[2, 0, 0, 1, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    check(&[2, 0, 0, 1, 0, 0, 0]);
}

#[test]
fn a_request_key_has_a_bounded_length() {
    let check = |len: usize, expected: Option<SchemaError>| {
        let head = [2, 0, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let length: Vec<u8> = match u8::try_from(len).unwrap() {
            short @ ..128 => vec![short],
            long => vec![long, 1],
        };
        let key = vec![b'k'; len];
        // Two instants, no line, no count, key and bytes of nothing sealed, the total.
        let bytes = [&head[..], &length, &key, &[0; 7]].concat();
        assert_eq!(decode_transaction(&bytes).err(), expected, "{len}");
    };
    check(1, None);
    check(crate::types::RequestKey::LEN_MAX, None);
    check(0, Some(SchemaError::Invalid));
    check(crate::types::RequestKey::LEN_MAX + 1, Some(SchemaError::Invalid));
}

/// The number a kind has on disk. These are the format: a line here never changes.
#[test]
fn kinds_keep_their_numbers() {
    fn check<T: v2::Mirrored + Debug>(values: &[T], at: usize) {
        for (number, value) in values.iter().enumerate() {
            let mut bytes = Vec::new();
            v2::write(&value.mirror(), &mut bytes);
            assert_eq!(usize::from(bytes[at]), number, "{value:?}");
        }
    }
    let one = Quantity::ONE;
    check(&[Channel::Ota, Channel::Douyin, Channel::LocalLife, Channel::Console], 0);
    check(&[CloseReason::Cancelled, CloseReason::Expired], 0);
    check(&[Capacity::Unlimited, Capacity::Limited(one)], 0);
    check(
        &[
            StockEvent::Held(one),
            StockEvent::Sold(one),
            StockEvent::Confirmed(one),
            StockEvent::Released(one),
            StockEvent::Returned(one),
            StockEvent::Added(one),
            StockEvent::Withdrawn(one),
            StockEvent::Restored(one),
        ],
        0,
    );
    check(
        &[CounterEvent::Counted(Default::default()), CounterEvent::Returned(Default::default())],
        0,
    );
    check(
        &[
            Balance::Prepaid,
            Balance::Rebate { year: 2026 },
            Balance::Receivable,
            Balance::Sales,
            Balance::RebateGranted,
            Balance::Funding,
            Balance::Fees,
        ],
        0,
    );
    check(&PostingKind::ALL, 0);
    check(&[BookingKind::TopUp, BookingKind::Adjustment], 0);
    let at = UnixMillis::new(0);
    check(
        &[
            OrderState::Held { expires_at: at },
            OrderState::Paid { from: Balance::Prepaid, at },
            OrderState::Closed { reason: CloseReason::Cancelled, at },
        ],
        0,
    );
    let account = |holder| AccountKey { supplier: SupplierNo::new(1), holder };
    let agent = Holder::Agent(AgentNo::new(1));
    check(&[account(Holder::House), account(agent)], 1);
    let date = ServiceDate::from_days(1);
    let windows = [
        WindowInstance::VisitDate(date),
        WindowInstance::OrderDate(date),
        WindowInstance::Lifetime,
        WindowInstance::Week(date),
        WindowInstance::Month(date),
        WindowInstance::Rolling,
    ];
    check(&windows.map(|window| LimitKey { product: ProductNo::new(1), window, shard: 1 }), 1);
    let rule = |scope, window| LimitRule::new(scope, window, one);
    check(&LimitScope::ALL.map(|scope| rule(scope, LimitWindow::Timespan)), 1);
    let windows = [
        LimitWindow::Timespan,
        LimitWindow::VisitDate,
        LimitWindow::OrderDate,
        LimitWindow::Lifetime,
        LimitWindow::Week,
        LimitWindow::Month,
        LimitWindow::Rolling { days: 1 },
    ];
    check(&windows.map(|window| rule(LimitScope::Mobile, window)), 2);
    check(
        &[
            DocumentType::ResidentId,
            DocumentType::HkMacauPermit,
            DocumentType::TaiwanPermit,
            DocumentType::HomeReturnPermit,
            DocumentType::TaiwanCompatriotPermit,
            DocumentType::Passport,
            DocumentType::ForeignPassport,
            DocumentType::PermanentResidenceCard,
            DocumentType::TravelDocument,
            DocumentType::OfficerCard,
            DocumentType::StudentCard,
            DocumentType::SeniorCard,
            DocumentType::DisabilityCard,
            DocumentType::Other,
        ],
        0,
    );
    check(&[RebateAt::Payment, RebateAt::Redemption], 0);
    let tier = |fee| FeeTier { hours_before: 0, fee };
    check(&[Fee::Fixed(Fen::ZERO), Fee::Percent(0)].map(tier), 1);
}
