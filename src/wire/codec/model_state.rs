//! What was wrong with a body, keyed by the path of the member, as the framework records it.

use std::borrow::Cow;
use std::fmt::Write as _;

use smallvec::SmallVec;

/// Text of an entry that carries an exception, unless error detail is on.
pub(super) const ERROR_OCCURRED: &str = "An error has occurred.";

/// One error of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// A message for the caller, as validation gives it.
    Message(String),
    /// The text of an exception; shown to the caller only with error detail.
    Exception(String),
}

impl ModelError {
    /// What the caller is told.
    #[must_use]
    pub fn text(&self, detail: bool) -> &str {
        match self {
            Self::Message(text) => text,
            Self::Exception(text) if detail => text,
            Self::Exception(_) => ERROR_OCCURRED,
        }
    }
}

/// Errors of one body by key, in the order of their first appearance. Keys begin with the name of
/// the action's parameter: `parm.orderinfo.mobile`. They are compared ignoring ASCII case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelState {
    parameter: String,
    entries: Vec<(String, Vec<ModelError>)>,
    errors_left: usize,
}

impl ModelState {
    /// An empty state for the body bound to the action parameter `parameter`, holding at most
    /// `errors_max` errors. The first is always kept, for it makes the state invalid.
    #[must_use]
    pub fn new(parameter: &str, errors_max: usize) -> Self {
        let errors_left = errors_max.max(1);
        Self { parameter: parameter.to_owned(), entries: Vec::new(), errors_left }
    }

    /// Whether nothing was wrong.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries in the order of their first appearance.
    #[must_use]
    pub fn entries(&self) -> &[(String, Vec<ModelError>)] {
        &self.entries
    }

    /// Adds a message of the caller of the codec under `path` below the parameter, for instance
    /// `orderinfo.mobile`; an empty path means the body as a whole.
    pub fn add_error(&mut self, path: &str, message: impl Into<String>) {
        let key = self.key(path);
        self.add(key, ModelError::Message(message.into()));
    }

    /// Whether further errors are dropped, so that describing them is wasted work.
    pub(super) fn is_full(&self) -> bool {
        self.errors_left == 0
    }

    pub(super) fn add_message(&mut self, path: &Path<'_>, message: String) {
        let key = self.key(&path.to_text());
        self.add(key, ModelError::Message(message));
    }

    pub(super) fn add_exception(&mut self, path: &Path<'_>, message: String) {
        let key = self.key(&path.to_text());
        self.add(key, ModelError::Exception(message));
    }

    fn key(&self, path: &str) -> String {
        if path.is_empty() {
            return self.parameter.clone();
        }
        let dot = if path.starts_with('[') || self.parameter.is_empty() { "" } else { "." };
        format!("{}{dot}{path}", self.parameter)
    }

    fn add(&mut self, key: String, error: ModelError) {
        if self.is_full() {
            return;
        }
        self.errors_left -= 1;
        match self.entries.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&key)) {
            Some((_, errors)) => errors.push(error),
            None => self.entries.push((key, vec![error])),
        }
    }
}

/// Where in a body a reader or a check is.
#[derive(Clone, Debug, Default)]
pub(super) struct Path<'de>(SmallVec<[Segment<'de>; 8]>);

#[derive(Clone, Debug)]
pub(super) enum Segment<'de> {
    /// A member, spelled as the body spells it.
    Name(Cow<'de, str>),
    /// An element of a list.
    Index(usize),
}

impl Segment<'_> {
    pub(super) fn member(name: &'static str) -> Self {
        Self::Name(Cow::Borrowed(name))
    }
}

impl<'de> Path<'de> {
    pub(super) fn push(&mut self, segment: Segment<'de>) {
        self.0.push(segment);
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn set_index(&mut self, index: usize) {
        if let Some(last) = self.0.last_mut() {
            *last = Segment::Index(index);
        }
    }

    /// Name of the innermost member, empty at the root.
    pub(super) fn last_name(&self) -> &str {
        let names = self.0.iter().rev();
        names
            .filter_map(|segment| match segment {
                Segment::Name(name) => Some(name.as_ref()),
                Segment::Index(_) => None,
            })
            .next()
            .unwrap_or_default()
    }

    /// `a.b[0].c`; a name with signs of its own is written `['a b']`.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Index(index) => {
                    let _ = write!(text, "[{index}]");
                }
                Segment::Name(name) if name.contains(needs_quoting) => {
                    let _ = write!(text, "['{name}']");
                }
                Segment::Name(name) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(name);
                }
            }
        }
        text
    }
}

fn needs_quoting(sign: char) -> bool {
    sign.is_control() || ". '/\"[]()\\\u{85}\u{2028}\u{2029}".contains(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_parameter_and_path() {
        let mut state = ModelState::new("parm", 10);
        let mut path = Path::default();
        path.push(Segment::member("orderinfo"));
        path.push(Segment::member("orderdetails"));
        path.push(Segment::Index(0));
        path.push(Segment::member("amount"));
        state.add_exception(&path, "x".to_owned());
        state.add_error("", "whole");
        state.add_error("[1].A", "element");
        state.add_error("OrderInfo.orderdetails[0].amount", "same key in another case");
        let keys: Vec<_> = state.entries().iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["parm.orderinfo.orderdetails[0].amount", "parm", "parm[1].A"]);
        assert_eq!(state.entries()[0].1.len(), 2);
        assert_eq!(path.last_name(), "amount");
    }

    #[test]
    fn an_exception_is_hidden_without_detail_and_entries_are_bounded() {
        let mut state = ModelState::new("parm", 2);
        for _ in 0..5 {
            state.add_exception(&Path::default(), "secret cause".to_owned());
        }
        let errors = &state.entries()[0].1;
        assert_eq!(errors.len(), 2);
        assert_eq!(errors[0].text(false), "An error has occurred.");
        assert_eq!(errors[0].text(true), "secret cause");
        let mut none_kept = ModelState::new("parm", 0);
        none_kept.add_error("", "wrong");
        assert!(!none_kept.is_valid());
    }
}
