//! The check digit of voucher codes by H. Michael Damm's algorithm (2004): a totally anti-symmetric
//! quasigroup of order 10. It catches every single wrong digit and every swap of two neighbours, which
//! Luhn (misses 09 ↔ 90) and ISO 7064 MOD 11,10 (misses some swaps) do not.

const QUASIGROUP: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// The digit to append to `number`, read with leading zeros (which do not change it).
pub(super) fn check_digit(number: u64) -> u8 {
    let (mut digits, mut length, mut rest) = ([0_u8; 20], 0, number);
    while rest > 0 {
        digits[length] = (rest % 10) as u8;
        rest /= 10;
        length += 1;
    }
    digits[..length]
        .iter()
        .rev()
        .fold(0, |interim, digit| QUASIGROUP[usize::from(interim)][usize::from(*digit)])
}

/// Whether the last digit of `number` is the check digit of the others.
pub(super) fn is_valid(number: u64) -> bool {
    u64::from(check_digit(number / 10)) == number % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_example_holds() {
        assert_eq!(check_digit(572), 4);
        assert!(is_valid(5724) && is_valid(0));
        assert!(!is_valid(5725) && !is_valid(5274));
    }

    /// The property of the table that everything rests on, checked completely.
    #[test]
    fn the_quasigroup_is_totally_anti_symmetric() {
        let step = |c: u8, d: u8| QUASIGROUP[usize::from(c)][usize::from(d)];
        for c in 0..10 {
            assert_eq!(step(c, c), 0, "the check digit leads to 0");
            for x in 0..10 {
                for y in (0..10).filter(|y| *y != x) {
                    assert_ne!(step(c, x), step(c, y), "a wrong digit shows");
                    assert_ne!(step(x, c), step(y, c), "and stays visible");
                    assert_ne!(step(step(c, x), y), step(step(c, y), x), "a swap shows");
                }
            }
        }
    }
}
