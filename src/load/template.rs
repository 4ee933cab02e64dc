//! A request made once, with gaps that are filled for each copy: every gap has a fixed length, so a
//! copy costs one copy of memory and some small ones.

/// Bytes with gaps.
#[derive(Clone, Debug)]
pub(super) struct Template {
    bytes: Vec<u8>,
    /// Where each marker stood.
    gaps: Vec<Vec<usize>>,
}

impl Template {
    /// Text in which each of `markers` stands for a gap of its own length, wherever it occurs.
    pub(super) fn new(text: &str, markers: &[&str]) -> Self {
        let gaps = markers
            .iter()
            .map(|marker| text.match_indices(marker).map(|(at, _)| at).collect())
            .collect();
        Self { bytes: text.as_bytes().to_vec(), gaps }
    }

    /// Begins a copy in `out`, whatever was in there.
    pub(super) fn copy_into(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.bytes);
    }

    /// Fills the gaps of the marker at `index` in a copy. `value` is as long as the marker.
    pub(super) fn fill(&self, out: &mut [u8], index: usize, value: &[u8]) {
        for at in &self.gaps[index] {
            out[*at..*at + value.len()].copy_from_slice(value);
        }
    }

    /// How often each marker occurs.
    #[cfg(test)]
    pub(super) fn occurrences(&self) -> Vec<usize> {
        self.gaps.iter().map(Vec::len).collect()
    }
}

/// Writes `number` with leading zeros over all of `digits`; what does not fit is cut off in front.
pub(super) fn write_decimal(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Writes the low bits of `number` in hexadecimal over all of `digits`.
pub(super) fn write_hex(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gap_of_a_copy_is_filled() {
        let template = Template::new("a=<1>&b=<2>&c=<1>", &["<1>", "<2>", "<3>"]);
        assert_eq!(template.occurrences(), [2, 1, 0]);
        let mut out = b"left from before".to_vec();
        template.copy_into(&mut out);
        template.fill(&mut out, 0, b"xyz");
        template.fill(&mut out, 1, b"uvw");
        template.fill(&mut out, 2, b"rst");
        assert_eq!(out, b"a=xyz&b=uvw&c=xyz");
    }

    #[test]
    fn numbers_fill_their_gap() {
        let mut digits = [0; 5];
        write_decimal(123, &mut digits);
        assert_eq!(&digits, b"00123");
        write_decimal(9_123_456, &mut digits);
        assert_eq!(&digits, b"23456");
        write_hex(0xABCDEF, &mut digits);
        assert_eq!(&digits, b"bcdef");
    }
}
