//! Vouchers (券): what a code stands for. A voucher never changes: how often its ticket was used, and
//! whether it was given back, is kept with the order, so that all of it is decided in one place.

use crate::types::{OrderId, ProductNo, TicketId, UnixMillis, VoucherCode};

/// A voucher as it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// Its code.
    pub code: VoucherCode,
    /// The number its code was minted from: one for each voucher of all suppliers whose codes are counted
    /// together. With it a voucher is found again without undoing the code.
    pub number: u64,
    /// Its ticket.
    pub ticket: TicketId,
    /// Its order.
    pub order: OrderId,
    /// What it admits to.
    pub product: ProductNo,
    /// How often it may be used in all.
    pub uses: u16,
    /// First instant at which it is valid.
    pub valid_from: UnixMillis,
    /// First instant at which it is no longer valid.
    pub valid_until: UnixMillis,
}

/// One step in a voucher's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoucherEvent {
    /// It was issued.
    Issued(Voucher),
}

impl VoucherEvent {
    /// The code it happened to.
    #[must_use]
    pub const fn code(&self) -> VoucherCode {
        match self {
            Self::Issued(voucher) => voucher.code,
        }
    }
}
