//! Data-annotation validation of a read model, depth first as the framework walks it.
//!
//! It knows `[Required]` and `[MaxLength]` and nothing of any business rule.
//! Source: docs/protocols/ota.md, "Validation".

use super::model_state::{ModelState, Path, Segment};
use super::schema::{Item, Record, Rules};

/// A validation walk: where it is, and the model state it writes to.
#[derive(Debug)]
pub struct Check<'c> {
    path: Path<'static>,
    state: &'c mut ModelState,
}

impl<'c> Check<'c> {
    /// Validates `record` and everything below it; errors go to `state` under its parameter name.
    pub(super) fn run<'de, T: Record<'de>>(record: &T, state: &'c mut ModelState) {
        Check { path: Path::default(), state }.record(record);
    }

    /// A string member.
    pub fn text(&mut self, text: Option<&str>, rules: Rules) {
        match text {
            Some(text) => {
                if rules.required && text.chars().all(char::is_whitespace) {
                    self.required();
                }
                if let Some(max) = rules.max_len
                    && longer_than(text, max)
                {
                    let name = self.path.last_name();
                    self.error(format!(
                        "The field {name} must be a string or array type with a maximum length of \
                         '{max}'."
                    ));
                }
            }
            None => self.null(rules),
        }
    }

    /// A member of any type that is null.
    pub fn null(&mut self, rules: Rules) {
        if rules.required {
            self.required();
        }
    }

    /// The members of an object.
    pub fn record<'de, T: Record<'de>>(&mut self, record: &T) {
        for (at, member) in T::MEMBERS.iter().enumerate() {
            self.path.push(Segment::member(member.name));
            record.check_member(at, self);
            self.path.pop();
        }
    }

    /// The elements of a list.
    pub fn items<'de, T: Item<'de>>(&mut self, items: &[T]) {
        for (at, item) in items.iter().enumerate() {
            self.path.push(Segment::Index(at));
            item.check_item(self);
            self.path.pop();
        }
    }

    fn required(&mut self) {
        let name = self.path.last_name();
        self.error(format!("The {name} field is required."));
    }

    fn error(&mut self, message: String) {
        self.state.add_message(&self.path, message);
    }
}

/// Whether `text` has more than `max` UTF-16 code units. No UTF-8 text has more units than bytes,
/// so most texts are settled by their length.
fn longer_than(text: &str, max: u32) -> bool {
    let max = max as usize;
    text.len() > max && text.encode_utf16().count() > max
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_utf_16_units() {
        let check = |text: &str, max: u32, longer: bool| {
            assert_eq!(longer_than(text, max), longer, "{text}");
        };
        check("张三", 2, false);
        check("张三李", 2, true);
        // Outside the basic plane a character is two units.
        check("𠮷", 1, true);
        check("𠮷", 2, false);
        check("", 0, false);
    }
}
