//! Memory that direct writes take: it begins where a page does.

use super::frame::PAGE;

/// Bytes that begin at a page's boundary, kept for their memory.
#[derive(Debug, Default)]
pub(super) struct Pages {
    bytes: Vec<u8>,
    /// Bytes before the first page.
    begin: usize,
}

impl Pages {
    /// Has `write` append up to `len` bytes, in place of what was there. More would begin anywhere.
    pub(super) fn fill<T>(&mut self, len: usize, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.bytes.clear();
        // With room for all of it nothing moves any more.
        self.bytes.reserve(len + PAGE);
        self.begin = self.bytes.as_ptr().align_offset(PAGE).min(PAGE);
        self.bytes.resize(self.begin, 0);
        let written = write(&mut self.bytes);
        debug_assert!(self.bytes.len() <= self.begin + len, "more than there was to be room for");
        written
    }

    /// What was written.
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.begin..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_begins_where_a_page_does() {
        let mut pages = Pages::default();
        assert!(pages.as_slice().is_empty());
        for len in [1, PAGE, 10 * PAGE, PAGE, 300 * PAGE, 7] {
            let written = pages.fill(len, |out| {
                out.resize(out.len() + len, 7);
                len
            });
            assert_eq!((written, pages.as_slice()), (len, &*vec![7; len]));
            assert_eq!(pages.as_slice().as_ptr().align_offset(PAGE), 0);
        }
    }
}
