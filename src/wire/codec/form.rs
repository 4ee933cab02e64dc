//! `application/x-www-form-urlencoded` bodies as the framework's model binder reads them.
//!
//! `a[b][0][c]=v` and `a.b[0].c=v` mean the same; names are compared ignoring case; blank values
//! are null. A form is never written. Source: docs/protocols/ota.md, "Form bodies".

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Limits;
use super::model_state::{ModelState, Path, Segment};
use super::schema::{Fatal, Item, Record, Source, Text};

/// Reads a body. `None` for one without any pair and for one that could not be read, which
/// `state` then says.
pub(super) fn read<'de, T: Record<'de>>(
    body: &'de [u8],
    state: &mut ModelState,
    limits: &Limits,
) -> Option<T> {
    let pairs = match pairs(body, limits) {
        Ok(pairs) => pairs,
        Err(message) => {
            state.add_exception(&Path::default(), message);
            return None;
        }
    };
    let mut reader = Reader { pairs, prefix: String::new(), path: Path::default(), state, limits };
    reader.record().ok().flatten()
}

/// The pairs with their names normalised and in small letters, sorted by name; pairs of one name
/// keep their order.
fn pairs<'de>(body: &'de [u8], limits: &Limits) -> Result<Vec<(String, Cow<'de, str>)>, String> {
    let mut pairs = Vec::new();
    for (name, value) in form_urlencoded::parse(body) {
        if pairs.len() >= limits.form_pairs_max {
            let max = limits.form_pairs_max;
            return Err(format!("The maximum number of form keys is {max} and was exceeded."));
        }
        pairs.push((normalised(&name)?, value));
    }
    pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(pairs)
}

/// `x[]` becomes `x`, `x[field]` becomes `x.field`, and `x[0]` stays.
fn normalised(name: &str) -> Result<String, String> {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, bracketed)) = rest.split_once('[') {
        let Some((inside, after)) = bracketed.split_once(']') else {
            return Err(
                "The key is invalid JQuery syntax because it is missing a closing bracket."
                    .to_owned(),
            );
        };
        out.push_str(before);
        if inside.starts_with(|sign: char| sign.is_ascii_digit()) {
            out.push('[');
            out.push_str(inside);
            out.push(']');
        } else if !inside.is_empty() {
            out.push('.');
            out.push_str(inside);
        }
        rest = after;
    }
    out.push_str(rest);
    out.make_ascii_lowercase();
    Ok(out)
}

struct Reader<'de, 'c> {
    pairs: Vec<(String, Cow<'de, str>)>,
    /// Name of the value being read, normalised.
    prefix: String,
    path: Path<'de>,
    state: &'c mut ModelState,
    limits: &'c Limits,
}

impl<'de> Reader<'de, '_> {
    /// Values sent under exactly the prefix.
    fn values(&self) -> &[(String, Cow<'de, str>)] {
        let start = self.pairs.partition_point(|(name, _)| *name < self.prefix);
        let count = self.pairs[start..].iter().take_while(|(name, _)| *name == self.prefix).count();
        &self.pairs[start..start + count]
    }

    /// Whether anything was sent for the prefix: it itself, or something below it.
    fn present(&self) -> bool {
        let start = self.pairs.partition_point(|(name, _)| *name < self.prefix);
        // Names that merely begin alike may lie between, such as `a-b` between `a` and `a.b`.
        self.pairs[start..]
            .iter()
            .map_while(|(name, _)| name.strip_prefix(&self.prefix))
            .any(|below| below.is_empty() || below.starts_with(['.', '[']))
    }

    /// The first value under the prefix; blank is null.
    fn value(&self) -> Option<&Cow<'de, str>> {
        let (_, value) = self.values().first()?;
        (!value.trim().is_empty()).then_some(value)
    }

    fn integer<N: Default + std::str::FromStr>(&mut self) -> N {
        let Some(value) = self.value() else { return N::default() };
        if let Ok(number) = value.trim().parse() {
            return number;
        }
        let message = format!("The value '{value}' is not valid for {}.", self.path.last_name());
        self.state.add_message(&self.path, message);
        N::default()
    }

    fn too_long(&mut self, what: &str, max: usize) {
        self.state.add_message(&self.path, format!("The {what} is longer than {max}."));
    }
}

impl<'de> Source<'de> for Reader<'de, '_> {
    fn text(&mut self) -> Result<Text<'de>, Fatal> {
        let text = self.value().cloned();
        if text.as_ref().is_some_and(|text| text.len() > self.limits.text_len_max) {
            self.too_long("text", self.limits.text_len_max);
            return Ok(None);
        }
        Ok(text)
    }

    fn int32(&mut self) -> Result<i32, Fatal> {
        Ok(self.integer())
    }

    fn int64(&mut self) -> Result<i64, Fatal> {
        Ok(self.integer())
    }

    fn record<T: Record<'de>>(&mut self) -> Result<Option<T>, Fatal> {
        let root = self.prefix.is_empty();
        if if root { self.pairs.is_empty() } else { !self.present() } {
            return Ok(None);
        }
        let mut record = T::default();
        let outer = self.prefix.len();
        for (at, member) in T::MEMBERS.iter().enumerate() {
            if !root {
                self.prefix.push('.');
            }
            self.prefix.push_str(member.name);
            self.path.push(Segment::member(member.name));
            record.read_member(at, self)?;
            self.path.pop();
            self.prefix.truncate(outer);
        }
        Ok(Some(record))
    }

    fn list<T: Item<'de>>(&mut self) -> Result<Option<Vec<T>>, Fatal> {
        if !self.present() {
            return Ok(None);
        }
        let outer = self.prefix.len();
        let mut items = Vec::new();
        self.path.push(Segment::Index(0));
        for index in 0.. {
            let _ = write!(self.prefix, "[{index}]");
            self.path.set_index(index);
            if !self.present() {
                break;
            }
            if index == self.limits.list_len_max {
                self.too_long("list", self.limits.list_len_max);
                break;
            }
            if let Some(item) = T::read_item(self)? {
                items.push(item);
            }
            self.prefix.truncate(outer);
        }
        self.prefix.truncate(outer);
        self.path.pop();
        Ok(Some(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bracketed_and_dotted_names_are_one() {
        let check = |name: &str, expected: &str| {
            assert_eq!(normalised(name).unwrap(), expected);
        };
        check("a[b][0][C]", "a.b[0].c");
        check("a.b[0].c", "a.b[0].c");
        check("a[]", "a");
        check("[a]", ".a");
        check("plain", "plain");
        assert!(normalised("a[b").is_err());
    }
}
