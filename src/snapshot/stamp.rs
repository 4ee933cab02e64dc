//! The stamp: the values that shape what is stored, written into a store and compared on open.

use std::collections::BTreeMap;

/// Names and values that shape stored data: schema version, partitions, shard counts, the key ring's
/// fingerprint, the id of the installation. A store with any other value is set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp(BTreeMap<String, String>);

/// A name whose stored and expected values differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StampDifference {
    /// The name.
    pub name: String,
    /// What the store has, `None` when it lacks the name.
    pub stored: Option<String>,
    /// What was expected, `None` when the name is no longer used.
    pub expected: Option<String>,
}

impl Stamp {
    /// An empty stamp.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.insert(name.to_owned(), value.to_string());
        self
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Where `stored` differs from this one, by name.
    #[must_use]
    pub fn differences(&self, stored: &Self) -> Vec<StampDifference> {
        let mut names: Vec<&String> = self.0.keys().chain(stored.0.keys()).collect();
        names.sort();
        names.dedup();
        let value = |stamp: &Self, name: &String| stamp.0.get(name).cloned();
        names
            .into_iter()
            .map(|name| StampDifference {
                name: name.clone(),
                stored: value(stored, name),
                expected: value(self, name),
            })
            .filter(|difference| difference.stored != difference.expected)
            .collect()
    }

    /// `name=value` lines, each with its length, so that no value can imitate another.
    pub(super) fn encode(&self) -> Vec<u8> {
        let pairs = self.0.iter().flat_map(|(name, value)| [name, value]);
        let mut bytes = Vec::new();
        for text in pairs {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    /// Reads [`Stamp::encode`]'s bytes; `None` when they are something else.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut texts = Vec::new();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_first_chunk::<8>()?;
            let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
            let (text, rest) = rest.split_at_checked(length)?;
            texts.push(std::str::from_utf8(text).ok()?.to_owned());
            bytes = rest;
        }
        let (pairs, []) = texts.as_chunks::<2>() else { return None };
        Some(Self(pairs.iter().cloned().map(|[name, value]| (name, value)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_comes_back_and_nonsense_does_not() {
        let stamp = Stamp::new().with("schema", 3).with("store", "a=b\n").with("empty", "");
        assert_eq!(Stamp::decode(&stamp.encode()), Some(stamp.clone()));
        assert_eq!(stamp.get("schema"), Some("3"));
        for bytes in [&[1][..], &[255; 8], &[1, 0, 0, 0, 0, 0, 0, 0, b'x']] {
            assert_eq!(Stamp::decode(bytes), None);
        }
    }

    #[test]
    fn differences_name_what_changed_came_and_went() {
        let stored = Stamp::new().with("same", 1).with("changed", 1).with("gone", 1);
        let expected = Stamp::new().with("same", 1).with("changed", 2).with("new", 1);
        let found: Vec<_> = expected
            .differences(&stored)
            .into_iter()
            .map(|d| (d.name, d.stored.unwrap_or_default(), d.expected.unwrap_or_default()))
            .collect();
        let expected = [("changed", "1", "2"), ("gone", "1", ""), ("new", "", "1")];
        let text = |t: &str| t.to_owned();
        assert_eq!(found, expected.map(|(name, was, is)| (text(name), text(was), text(is))));
    }
}
