//! The promises, numbered. Assertions, models, the simulation and the audit cite these numbers.

/// One promise: its number and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Invariant {
    /// `INV-n`.
    pub id: &'static str,
    /// The promise in one sentence.
    pub says: &'static str,
}

/// Never oversold.
pub const NOT_OVERSOLD: Invariant = Invariant {
    id: "INV-1",
    says: "for every slot area and pool: held + sold <= capacity + what operators \
           added + overbooking allowance",
};
/// All or nothing.
pub const ALL_OR_NOTHING: Invariant = Invariant {
    id: "INV-2",
    says: "stock, limit counters, money and vouchers are exactly what the orders say they are",
};
/// An answer once given is given again.
pub const ONE_ORDER_PER_KEY: Invariant = Invariant {
    id: "INV-3",
    says: "one request key names one order, and no order is acknowledged without its record",
};
/// Books balance.
pub const BOOKS_BALANCE: Invariant = Invariant {
    id: "INV-4",
    says: "the postings of every record sum to zero, and balances equal the sum of their postings",
};
/// What was taken comes back exactly once.
pub const RETURNED_ONCE: Invariant = Invariant {
    id: "INV-5",
    says: "a closed order holds no stock and no limit count, nothing comes back twice, and always \
           capacity + added = free + held + sold + withdrawn",
};
/// Replay equals live.
pub const REPLAY_EQUALS_LIVE: Invariant = Invariant {
    id: "INV-6",
    says: "the state rebuilt from the journal has the digest of the state in the snapshots",
};
/// Codes are unique.
pub const CODES_UNIQUE: Invariant = Invariant {
    id: "INV-7",
    says: "no voucher code, ticket number or order number is given out twice",
};
/// No agent is overdrawn.
pub const NOT_OVERDRAWN: Invariant = Invariant {
    id: "INV-8",
    says: "no prepaid balance is below its credit line and no rebate balance is below zero",
};

/// A seat has one holder.
pub const SEATED_ONCE: Invariant = Invariant {
    id: "INV-9",
    says: "no seat is held or sold twice, and the seats taken in slots are exactly those of the orders",
};
/// Used no more often than bought.
pub const USED_ONCE: Invariant = Invariant {
    id: "INV-10",
    says: "a ticket is used as often as its standing redemptions say, never more than it allows, and \
           never both used and refunded",
};

/// All of them, in order.
pub const ALL: [Invariant; 10] = [
    NOT_OVERSOLD,
    ALL_OR_NOTHING,
    ONE_ORDER_PER_KEY,
    BOOKS_BALANCE,
    RETURNED_ONCE,
    REPLAY_EQUALS_LIVE,
    CODES_UNIQUE,
    NOT_OVERDRAWN,
    SEATED_ONCE,
    USED_ONCE,
];
