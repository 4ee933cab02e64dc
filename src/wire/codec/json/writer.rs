//! JSON as Json.NET writes it: declaration order, nulls written, no white space.

use std::fmt::Write as _;

use crate::wire::codec::schema::{Item, Record, Sink, decimal};

/// Writes `record` as a JSON object.
#[must_use]
pub fn to_json<'de, T: Record<'de>>(record: &T) -> String {
    let mut writer = Writer { out: String::with_capacity(256) };
    writer.record(record);
    writer.out
}

/// Writes `items` as a JSON array.
#[must_use]
pub fn to_json_list<'de, T: Item<'de>>(items: &[T]) -> String {
    let mut writer = Writer { out: String::with_capacity(256) };
    writer.list(items);
    writer.out
}

struct Writer {
    out: String,
}

impl Sink for Writer {
    fn null(&mut self) {
        self.out.push_str("null");
    }

    fn text(&mut self, text: &str) {
        write_text(&mut self.out, text);
    }

    fn integer(&mut self, number: i64) {
        match u8::try_from(number) {
            // Result codes and counts.
            Ok(digit @ 0..=9) => self.out.push(char::from(b'0' + digit)),
            // Writing to a String cannot fail.
            _ => drop(write!(self.out, "{number}")),
        }
    }

    /// Json.NET never writes a decimal that reads as an integer.
    fn decimal(&mut self, hundredths: i64) {
        self.out.push_str(&decimal(hundredths));
        if hundredths % 100 == 0 {
            self.out.push_str(".0");
        }
    }

    fn record<'de, T: Record<'de>>(&mut self, record: &T) {
        self.out.push('{');
        for (at, member) in T::MEMBERS.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            // Member names are plain identifiers.
            self.out.push('"');
            self.out.push_str(member.name);
            self.out.push_str("\":");
            record.write_member(at, self);
        }
        self.out.push('}');
    }

    fn list<'de, T: Item<'de>>(&mut self, items: &[T]) {
        self.out.push('[');
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            item.write_item(self);
        }
        self.out.push(']');
    }
}

/// Appends `text` as a JSON string. Json.NET escapes the quote, the backslash, control characters
/// below U+0020 and the three line breaks JavaScript knows; anything else stays literal.
pub(crate) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    // The first bytes of everything escaped, in UTF-8; a few other characters begin so, too.
    let suspect = |byte| matches!(byte, b'\0'..=b'\x1f' | b'"' | b'\\' | 0xc2 | 0xe2);
    let mut plain = text.bytes().position(suspect).unwrap_or(text.len());
    out.push_str(&text[..plain]);
    let unseen = plain;
    for (at, sign) in text[unseen..].char_indices() {
        let at = unseen + at;
        let escape = match sign {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{8}' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\u{c}' => "\\f",
            '\r' => "\\r",
            '\0'..='\u{1f}' | '\u{85}' | '\u{2028}' | '\u{2029}' => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        if escape.is_empty() {
            let _ = write!(out, "\\u{:04x}", u32::from(sign));
        } else {
            out.push_str(escape);
        }
        plain = at + sign.len_utf8();
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_json_net_escapes_is_escaped() {
        let check = |text: &str, expected: &str| {
            let mut out = String::new();
            write_text(&mut out, text);
            assert_eq!(out, expected);
        };
        check("库存不足 <b>&'/\u{7f}", "\"库存不足 <b>&'/\u{7f}\"");
        check("\"\\\n\r\t\u{8}\u{c}", r#""\"\\\n\r\t\b\f""#);
        check("\u{0}\u{1f}\u{85}\u{2028}\u{2029}", r#""\u0000\u001f\u0085\u2028\u2029""#);
        check("", "\"\"");
        check("a\u{1}b", r#""a\u0001b""#);
    }
}
