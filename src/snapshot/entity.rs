//! What the store keeps: entities by kind and key.

use crate::types::Lsn;

/// Key of an entity within its kind. The callers choose encodings whose order and prefixes they need.
pub type Key = Box<[u8]>;

/// The kinds of entities. Codes and names are on disk: never reuse or rename one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EntityKind {
    /// Stock of a product on a date in a timespan.
    Slot = 1,
    /// Capacity behind several slots.
    Pool = 2,
    /// A shard of a product's purchase counters.
    Limit = 3,
    /// An agent's account with a supplier.
    Account = 4,
    /// An order.
    Order = 5,
    /// A shard of vouchers.
    Voucher = 6,
    /// Request key to order.
    RequestKey = 7,
    /// Suppliers, products, agents and what else is imported.
    Catalogue = 8,
    /// Counters from which numbers and codes are given out.
    Sequence = 9,
    /// Whatever else its owner must find again.
    Meta = 10,
    /// Ticket that has been used to its order.
    Ticket = 11,
    /// Orders of which something is still to come.
    Open = 12,
    /// What an entity has become since it was written whole.
    Run = 13,
}

impl EntityKind {
    /// Every kind, in code order.
    pub const ALL: [Self; 13] = [
        Self::Slot,
        Self::Pool,
        Self::Limit,
        Self::Account,
        Self::Order,
        Self::Voucher,
        Self::RequestKey,
        Self::Catalogue,
        Self::Sequence,
        Self::Meta,
        Self::Ticket,
        Self::Open,
        Self::Run,
    ];

    /// The code on disk.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The name on disk and in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slot => "slot",
            Self::Pool => "pool",
            Self::Limit => "limit",
            Self::Account => "account",
            Self::Order => "order",
            Self::Voucher => "voucher",
            Self::RequestKey => "request-key",
            Self::Catalogue => "catalogue",
            Self::Sequence => "sequence",
            Self::Meta => "meta",
            Self::Ticket => "ticket",
            Self::Open => "open",
            Self::Run => "run",
        }
    }

    /// Last bits in which the keys of one block's members differ; 0 for kinds whose entities stand alone.
    /// Part of the layout on disk. Only keys of eight bytes are numbers, the others stand alone too.
    ///
    /// Blocks should be of some kilobytes: sled keeps up to 16 values in a page, and pages of more than
    /// 128 KiB in files of their own.
    pub(super) const fn block_bits(self) -> u32 {
        match self {
            // A small order takes four numbers: its own, one a line, one a ticket.
            Self::Order | Self::Ticket => 5,
            Self::Voucher => 6,
            Self::RequestKey | Self::Open => 8,
            Self::Slot
            | Self::Pool
            | Self::Limit
            | Self::Account
            | Self::Catalogue
            | Self::Sequence
            | Self::Meta
            | Self::Run => 0,
        }
    }

    /// Position in [`EntityKind::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize - 1
    }
}

/// The state of one entity to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Its kind.
    pub kind: EntityKind,
    /// Its key.
    pub key: Key,
    /// Version of the payload's encoding.
    pub schema: u8,
    /// The last record the state includes.
    pub lsn: Lsn,
    /// The encoded state.
    pub payload: Vec<u8>,
}

/// An entity that no longer exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Removal {
    /// Its kind.
    pub kind: EntityKind,
    /// Its key.
    pub key: Key,
}

/// The stored state of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The last record the state includes.
    pub lsn: Lsn,
    /// Version of the payload's encoding.
    pub schema: u8,
    /// The encoded state.
    pub payload: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_dense_and_frozen() {
        let codes: Vec<u8> = EntityKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes, (1..=13).collect::<Vec<u8>>());
        for (index, kind) in EntityKind::ALL.iter().enumerate() {
            assert_eq!(kind.index(), index);
        }
        let names: Vec<&str> = EntityKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(
            names.join(" "),
            "slot pool limit account order voucher request-key catalogue sequence meta ticket open run"
        );
    }
}
