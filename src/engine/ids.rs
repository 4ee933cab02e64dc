//! Order, line and ticket numbers: 19 decimal digits, sortable by time, unique within a supplier and
//! carrying it. Layout: nine digits of seconds since 2020-01-01 UTC, four of supplier, six of serial.

use crate::types::{SupplierNo, UnixMillis, VoucherCode};

/// 2020-01-01 00:00 UTC in Unix seconds.
const EPOCH_SECONDS: i64 = 1_577_836_800;
/// Serials in one second.
const SERIALS: u64 = 1_000_000;
/// Suppliers that fit the number.
const SUPPLIERS: u64 = 10_000;
/// Largest second that leaves nineteen digits.
const SECOND_MAX: u64 = 999_999_999;
/// Smallest second that gives nineteen digits without a leading zero (March 2023).
const SECOND_MIN: u64 = 100_000_000;

/// Gives out a supplier's numbers. They only ever go up, also when the clock goes back.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    supplier: SupplierNo,
    /// Second and serial of the last number given out, as one counter.
    last: u64,
}

impl Numbers {
    /// Numbers of `supplier`, of which none was given out.
    #[must_use]
    pub const fn new(supplier: SupplierNo) -> Self {
        Self { supplier, last: 0 }
    }

    /// Learns of a number given out before, so that it is not given out again.
    pub fn observe(&mut self, number: u64) {
        let second = number / (SERIALS * SUPPLIERS);
        self.last = self.last.max(second * SERIALS + number % SERIALS);
    }

    /// The position to restore with [`Self::resume`].
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.last
    }

    /// Continues after a stored position.
    pub fn resume(&mut self, position: u64) {
        self.last = self.last.max(position);
    }

    /// The next number. More than a million in one second borrow from the next.
    pub fn next(&mut self, now: UnixMillis) -> u64 {
        let elapsed = now.as_secs().saturating_sub(EPOCH_SECONDS);
        let second = u64::try_from(elapsed).unwrap_or(0).clamp(SECOND_MIN, SECOND_MAX);
        self.last = (self.last + 1).max(second * SERIALS);
        let (second, serial) = (self.last / SERIALS, self.last % SERIALS);
        let supplier = u64::from(self.supplier.get()) % SUPPLIERS;
        (second * SUPPLIERS + supplier) * SERIALS + serial
    }
}

/// The supplier a number carries.
#[must_use]
pub fn supplier_of(number: u64) -> SupplierNo {
    let supplier = (number / SERIALS) % SUPPLIERS;
    SupplierNo::new(u16::try_from(supplier).unwrap_or(u16::MAX))
}

/// Where fresh ids come from while a record is made.
pub trait IdSource {
    /// The next order, line or ticket number.
    fn next_number(&mut self, now: UnixMillis) -> u64;
    /// The next voucher's number and the code minted from it, or `None` when they are used up.
    fn next_code(&mut self) -> Option<(u64, VoucherCode)>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> UnixMillis {
        UnixMillis::from_secs(1_795_000_000)
    }

    #[test]
    fn numbers_have_nineteen_digits_rise_and_carry_their_supplier() {
        let mut numbers = Numbers::new(SupplierNo::new(37));
        let first = numbers.next(noon());
        let second = numbers.next(noon());
        let earlier_clock = numbers.next(UnixMillis::from_secs(0));
        let later = numbers.next(noon().plus_millis(1000));
        assert!(first < second && second < earlier_clock && earlier_clock < later);
        for number in [first, second, earlier_clock, later] {
            assert_eq!(number.to_string().len(), 19);
            assert_eq!(supplier_of(number), SupplierNo::new(37));
        }
    }

    #[test]
    fn a_number_seen_before_is_not_given_out_again() {
        let mut before = Numbers::new(SupplierNo::new(1));
        let seen: Vec<u64> = (0..5).map(|_| before.next(noon())).collect();
        let mut after = Numbers::new(SupplierNo::new(1));
        seen.iter().for_each(|number| after.observe(*number));
        assert!(after.next(noon()) > seen[4]);
        let mut resumed = Numbers::new(SupplierNo::new(1));
        resumed.resume(before.position());
        assert!(resumed.next(noon()) > seen[4]);
    }

    #[test]
    fn a_second_with_too_many_orders_borrows_from_the_next() {
        let mut numbers = Numbers::new(SupplierNo::new(1));
        let first = numbers.next(noon());
        for _ in 0..SERIALS {
            numbers.next(noon());
        }
        let borrowed = numbers.next(noon());
        assert_eq!(borrowed / (SERIALS * SUPPLIERS), first / (SERIALS * SUPPLIERS) + 1);
    }
}
