//! Vouchers (券): what a code is worth. A voucher knows the order it belongs to by number only.

use crate::types::{OrderId, ProductNo, TicketId, UnixMillis, VoucherCode};

/// A voucher as it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// Its code.
    pub code: VoucherCode,
    /// Its ticket.
    pub ticket: TicketId,
    /// Its order.
    pub order: OrderId,
    /// What it admits to.
    pub product: ProductNo,
    /// How often it may be used in all.
    pub uses_total: u16,
    /// How often it may still be used.
    pub uses_left: u16,
    /// First instant at which it is valid.
    pub valid_from: UnixMillis,
    /// First instant at which it is no longer valid.
    pub valid_until: UnixMillis,
}

/// Why a voucher cannot be used, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoucherError {
    /// No use is left.
    #[error("the voucher is used up")]
    UsedUp,
    /// Its time is over.
    #[error("the voucher has expired")]
    Expired,
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

impl Voucher {
    /// Decides whether the voucher can be shown as usable at `now`. A voucher whose time has not
    /// come yet can: it is good for later.
    ///
    /// # Errors
    /// [`VoucherError`] when it cannot be used any more.
    pub fn decide_preview(&self, now: UnixMillis) -> Result<(), VoucherError> {
        if self.uses_left == 0 {
            return Err(VoucherError::UsedUp);
        }
        if self.valid_until <= now {
            return Err(VoucherError::Expired);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voucher_is_good_until_it_is_used_up_or_its_time_is_over() {
        let voucher = |uses_left: u16| Voucher {
            code: VoucherCode::from_number(1).unwrap(),
            ticket: TicketId::new(1),
            order: OrderId::new(1),
            product: ProductNo::new(1),
            uses_total: 1,
            uses_left,
            valid_from: UnixMillis::new(10),
            valid_until: UnixMillis::new(20),
        };
        let check = |uses_left: u16, now: i64, expected: Result<(), VoucherError>| {
            assert_eq!(voucher(uses_left).decide_preview(UnixMillis::new(now)), expected);
        };
        check(1, 5, Ok(()));
        check(1, 19, Ok(()));
        check(1, 20, Err(VoucherError::Expired));
        check(0, 5, Err(VoucherError::UsedUp));
        // Used up comes before expired: it is the more useful answer at the gate.
        check(0, 20, Err(VoucherError::UsedUp));
    }
}
