//! Number literals and texts converted to integers the way Json.NET converts them.

/// Reads a literal or a text into a 32-bit integer: no fraction, no exponent.
pub(super) fn int32_from_literal(literal: &str) -> Option<i32> {
    match radix(literal) {
        // .NET reads the digits as the bits of the number, so 0xFFFFFFFF is -1.
        Some((digits, radix)) => {
            u32::from_str_radix(digits, radix).ok().map(|bits| bits.cast_signed())
        }
        None => decimal(literal)?.parse().ok(),
    }
}

/// Reads a literal into a 64-bit integer; a fraction is rounded half to even, as .NET converts.
pub(super) fn int64_from_literal(literal: &str) -> Option<i64> {
    match radix(literal) {
        Some((digits, radix)) => {
            u64::from_str_radix(digits, radix).ok().map(|bits| bits.cast_signed())
        }
        None => {
            let text = decimal(literal)?;
            text.parse().ok().or_else(|| rounded(text))
        }
    }
}

/// A text as `int.Parse` takes it: white space around, one sign.
pub(super) fn integer_from_text<N: std::str::FromStr>(text: &str) -> Option<N> {
    decimal(text.trim())?.parse().ok()
}

/// Whether the characters of a literal make a number at all.
pub(super) fn is_number(literal: &str) -> bool {
    match radix(literal) {
        Some((digits, radix)) => u64::from_str_radix(digits, radix).is_ok(),
        None => decimal(literal).is_some_and(|text| text.parse::<f64>().is_ok()),
    }
}

/// A leading zero makes a literal hexadecimal (`0x1F`) or octal (`017`).
fn radix(literal: &str) -> Option<(&str, u32)> {
    let rest = literal.strip_prefix('0')?;
    match rest.as_bytes().first()? {
        b'x' | b'X' => Some((&rest[1..], 16)),
        b'.' | b'e' | b'E' => None,
        _ => Some((rest, 8)),
    }
}

/// The text itself unless it is empty or has two signs, which Rust's own parsers judge likewise.
fn decimal(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn rounded(text: &str) -> Option<i64> {
    let value = text.parse::<f64>().ok()?.round_ties_even();
    // Both bounds are exact in binary; outside them the conversion overflows in .NET, too.
    const RANGE: std::ops::Range<f64> = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
    RANGE.contains(&value).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_32_bit_member_takes_whole_numbers_only() {
        let check = |literal: &str, expected: Option<i32>| {
            assert_eq!(int32_from_literal(literal), expected, "{literal}");
        };
        check("2", Some(2));
        check("-1", Some(-1));
        check("2147483647", Some(i32::MAX));
        check("2147483648", None);
        check("1.0", None);
        check("2.5", None);
        check("1e3", None);
        check("0x1F", Some(31));
        check("017", Some(15));
        check("0", Some(0));
        check("-", None);
        check("--1", None);
    }

    #[test]
    fn a_64_bit_member_rounds_half_to_even() {
        let check = |literal: &str, expected: Option<i64>| {
            assert_eq!(int64_from_literal(literal), expected, "{literal}");
        };
        check("1750000000", Some(1_750_000_000));
        check("2.5", Some(2));
        check("3.5", Some(4));
        check("1.75e9", Some(1_750_000_000));
        check("9223372036854775807", Some(i64::MAX));
        check("9223372036854775808", None);
        check("1e300", None);
    }

    #[test]
    fn a_text_may_have_white_space_and_a_sign() {
        assert_eq!(integer_from_text::<i32>(" +2\t"), Some(2));
        assert_eq!(integer_from_text::<i32>("-2"), Some(-2));
        assert_eq!(integer_from_text::<i32>("2.0"), None);
        assert_eq!(integer_from_text::<i32>(""), None);
        assert_eq!(integer_from_text::<i32>("017"), Some(17));
    }
}
