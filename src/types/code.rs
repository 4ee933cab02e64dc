//! Voucher codes.

use std::fmt;

/// A voucher code (券码): exactly 12 decimal digits, of which the first may be 0. Always text on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VoucherCode(u64);

/// Why a text is not a voucher code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a voucher code has 12 digits")]
pub struct CodeError;

impl VoucherCode {
    /// Digits in a code.
    pub const DIGITS: usize = 12;
    /// One more than the largest code read as a number.
    pub const SPACE: u64 = 1_000_000_000_000;

    /// A code from its digits read as a number.
    ///
    /// # Errors
    /// [`CodeError`] when the number has more than twelve digits.
    pub const fn from_number(number: u64) -> Result<Self, CodeError> {
        if number < Self::SPACE { Ok(Self(number)) } else { Err(CodeError) }
    }

    /// The digits read as a number.
    #[must_use]
    pub const fn to_number(self) -> u64 {
        self.0
    }

    /// Reads twelve digits.
    ///
    /// # Errors
    /// [`CodeError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        if text.len() != Self::DIGITS || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(CodeError);
        }
        text.parse().map(Self).map_err(|_| CodeError)
    }
}

impl fmt::Display for VoucherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

/// Whoever holds a code can enter, so `Debug` shows only its last four digits.
impl fmt::Debug for VoucherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "********{:04}", self.0 % 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_keeps_its_leading_zero() {
        let code = VoucherCode::parse("016569843362").unwrap();
        assert_eq!(code.to_string(), "016569843362");
        assert_eq!(format!("{code:?}"), "********3362");
        assert!(VoucherCode::parse("16569843362").is_err());
        assert!(VoucherCode::parse("+16569843362").is_err());
        assert!(VoucherCode::from_number(VoucherCode::SPACE).is_err());
    }
}
