//! The on-disk forms of records and entities, shared by the journal and the snapshots.
//!
//! Every encoded value begins with its version, so that a released one stays readable once a newer
//! one is written. The types on disk are their own (`v2`) and are converted explicitly, so the
//! domain and the disk change apart. Numbers are varints, texts and lists carry their length; the
//! byte order of keys is the order of what they stand for.
//!
//! Nothing here frames, checksums, compresses or encrypts: the journal and the store do that, and
//! personal data arrives sealed. Decoding is total: any bytes give a value or a [`SchemaError`].

#[cfg(test)]
mod golden;
#[cfg(test)]
mod histories;
mod key;
mod run;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
mod v2;

pub use key::{
    ACCOUNT_KEY_LEN, LIMIT_KEY_LEN, ORDER_KEY_LEN, POOL_KEY_LEN, SLOT_KEY_LEN, VOUCHER_KEY_LEN,
    account_key, decode_account_key, decode_limit_key, decode_order_key, decode_pool_key,
    decode_slot_key, decode_voucher_key, limit_key, order_key, pool_key, slot_key, voucher_key,
};
pub use run::{Counting, Run};

use crate::domain::account::Account;
use crate::domain::catalogue::Catalogue;
use crate::domain::inventory::{Pool, Slot};
use crate::domain::limits::LimitShard;
use crate::domain::order::Order;
use crate::domain::voucher::Voucher;
use crate::engine::transaction::Transaction;

/// The version that is written, and the only one that is read: version 1 was never released.
pub const VERSION: u16 = 2;

/// Why bytes are not a value of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Written by a later release, or not by us at all.
    #[error("schema version {found}, this release reads {VERSION}")]
    Version {
        /// The version found.
        found: u16,
    },
    /// The bytes end before the value does.
    #[error("the value is cut short")]
    Truncated,
    /// A number, text or kind that the type does not allow.
    #[error("a value is out of its range")]
    Invalid,
    /// The value ends before the bytes do.
    #[error("{bytes} bytes follow the value")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

macro_rules! coded {
    ($($(#[$encode_doc:meta])* $encode:ident, $(#[$decode_doc:meta])* $decode:ident: $value:ty;)*) => {
        $(
            $(#[$encode_doc])*
            pub fn $encode(value: &$value, out: &mut Vec<u8>) {
                encode(value, out);
            }

            $(#[$decode_doc])*
            ///
            /// # Errors
            /// [`SchemaError`] unless `bytes` are exactly one such value of a version we know.
            pub fn $decode(bytes: &[u8]) -> Result<$value, SchemaError> {
                decode(bytes)
            }
        )*
    };
}

coded! {
    /// Appends a record to `out`.
    encode_transaction,
    /// Reads a record.
    decode_transaction: Transaction;

    /// Appends what the journal says of a slot to `out`: places by area, and counts. Capacity comes
    /// from the catalogue and checkouts in flight are volatile, so neither is written.
    encode_slot,
    /// Reads a slot. Its areas have no bound until `engine::state::set_capacity` gives them theirs.
    decode_slot: Slot;

    /// Appends what the journal says of a pool to `out`: its places, without their capacity.
    encode_pool,
    /// Reads a pool. It has no bound until it is given the capacity the catalogue has now.
    decode_pool: Pool;

    /// Appends a shard of limit counters to `out`.
    encode_limit,
    /// Reads a shard of limit counters.
    decode_limit: LimitShard;

    /// Appends what a slot has become since it was saved last to `out`.
    encode_slot_run,
    /// Reads what a slot has become.
    decode_slot_run: Run<Slot>;

    /// Appends what a shard of limit counters has become since it was saved last to `out`.
    encode_limit_run,
    /// Reads what a shard of limit counters has become.
    decode_limit_run: Run<LimitShard>;

    /// Appends what the journal says of an account to `out`: what its balances have come to, its credit
    /// line and its last bookings.
    encode_account,
    /// Reads an account.
    decode_account: Account;

    /// Appends an order to `out`.
    encode_order,
    /// Reads an order.
    decode_order: Order;

    /// Appends a voucher to `out`.
    encode_voucher,
    /// Reads a voucher.
    decode_voucher: Voucher;

    /// Appends a catalogue to `out`, as the events that build it.
    encode_catalogue,
    /// Reads a catalogue.
    decode_catalogue: Catalogue;
}

fn encode<T: v2::Mirrored>(value: &T, out: &mut Vec<u8>) {
    v2::write(&VERSION, out);
    v2::write(&value.mirror(), out);
}

fn decode<T: v2::Mirrored>(bytes: &[u8]) -> Result<T, SchemaError> {
    let (version, body) = v2::read::<u16>(bytes)?;
    match version {
        VERSION => {
            let (mirror, rest) = v2::read(body)?;
            if !rest.is_empty() {
                return Err(SchemaError::Trailing { bytes: rest.len() });
            }
            T::restore(mirror).map_err(|v2::Invalid| SchemaError::Invalid)
        }
        found => Err(SchemaError::Version { found }),
    }
}
