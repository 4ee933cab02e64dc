//! Money and quantities, with checked arithmetic only.

use std::fmt;

/// Money in fen (1 yuan = 100 fen). Negative only where a field says so, e.g. a posting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fen(i64);

/// Why a text or a computation is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not `[-]digits[.digits]`.
    #[error("not an amount in yuan")]
    Malformed,
    /// A third decimal would be a fraction of a fen.
    #[error("more than two decimals")]
    SubFen,
    /// Does not fit 64 bits of fen.
    #[error("amount out of range")]
    Overflow,
}

impl Fen {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount given in fen.
    #[must_use]
    pub const fn new(fen: i64) -> Self {
        Self(fen)
    }

    /// The amount in fen.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Sum, or `None` on overflow.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Difference, or `None` on overflow.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Product with a quantity, or `None` on overflow.
    #[must_use]
    pub fn checked_mul(self, quantity: Quantity) -> Option<Self> {
        self.0.checked_mul(i64::from(quantity.get())).map(Self)
    }

    /// The opposite amount; `i64::MIN` fen, which no input can produce, saturates.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// Reads yuan, digit by digit: `128`, `128.5`, `-128.50`. Never through a float.
    ///
    /// # Errors
    /// [`MoneyError`] when the text is malformed, has a third decimal, or does not fit.
    pub fn parse_yuan(text: &str) -> Result<Self, MoneyError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return Err(MoneyError::Malformed);
        }
        if fraction.len() > 2 {
            return Err(MoneyError::SubFen);
        }
        let yuan: i64 = whole.parse().map_err(|_| MoneyError::Overflow)?;
        let cents: i64 = fraction.parse().map_err(|_| MoneyError::Malformed)?;
        let cents = if fraction.len() == 1 { cents * 10 } else { cents };
        let fen = yuan.checked_mul(100).and_then(|fen| fen.checked_add(cents));
        let fen = fen.ok_or(MoneyError::Overflow)?;
        Ok(Self(if negative { -fen } else { fen }))
    }

    /// Renders yuan with two decimals, e.g. `128.50`.
    #[must_use]
    pub fn to_yuan(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100)
    }
}

/// A number of tickets, seats or places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u32);

impl Quantity {
    /// None.
    pub const ZERO: Self = Self(0);
    /// A single one.
    pub const ONE: Self = Self(1);

    /// A quantity of `count`.
    #[must_use]
    pub const fn new(count: u32) -> Self {
        Self(count)
    }

    /// The count.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Sum, or `None` on overflow.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Difference, or `None` below zero.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Difference, zero at the least.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_is_read_digit_by_digit() {
        let check = |text: &str, expected: Result<i64, MoneyError>| {
            assert_eq!(Fen::parse_yuan(text).map(Fen::get), expected, "{text:?}");
        };
        check("128.50", Ok(12850));
        check("128.5", Ok(12850));
        check("0.05", Ok(5));
        check("-1", Ok(-100));
        check("128.505", Err(MoneyError::SubFen));
        check("1e3", Err(MoneyError::Malformed));
        check("", Err(MoneyError::Malformed));
        check(".5", Err(MoneyError::Malformed));
        check("1.", Err(MoneyError::Malformed));
        check("92233720368547759", Err(MoneyError::Overflow));
    }

    #[test]
    fn yuan_is_written_with_two_decimals() {
        assert_eq!(Fen::new(-5).to_yuan(), "-0.05");
        assert_eq!(Fen::new(12850).to_yuan(), "128.50");
    }
}
