//! Tokens of Json.NET's dialect over a text held in memory.

use std::borrow::Cow;

/// A place in the text, and what can be taken from there. Errors are messages without a position;
/// the reader adds path, line and column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'de> {
    text: &'de str,
    at: usize,
}

/// Why the text cannot be read on.
pub(super) type LexError = Cow<'static, str>;

impl<'de> Lexer<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte; `None` at the end.
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over one byte that [`peek`](Self::peek) showed to be ASCII.
    #[inline]
    pub(super) fn bump(&mut self) {
        self.at += 1;
    }

    /// Steps over `byte` if it is next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Line and column of the place, both from 1 and 0 as Json.NET counts them.
    pub(super) fn position(&self) -> (usize, usize) {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count();
        (line, column)
    }

    /// Whether what is next can only be a token: what programs write mostly has no space anywhere.
    #[inline]
    pub(super) fn is_at_token(&self) -> bool {
        matches!(self.peek(), None | Some(b'!'..=b'.' | b'0'..=0x7f))
    }

    /// Steps over white space and comments.
    pub(super) fn space(&mut self) -> Result<(), LexError> {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'/' => self.comment()?,
                0x0b | 0x0c | 0x80.. => match self.rest().chars().next() {
                    Some(sign) if sign.is_whitespace() => self.at += sign.len_utf8(),
                    _ => break,
                },
                _ => break,
            }
        }
        Ok(())
    }

    fn comment(&mut self) -> Result<(), LexError> {
        let rest = self.rest();
        let length = if rest.starts_with("//") {
            rest.find(['\n', '\r']).unwrap_or(rest.len())
        } else if let Some(inside) = rest.strip_prefix("/*") {
            match inside.find("*/") {
                Some(inner) => inner + 4,
                None => return Err("Unexpected end while parsing comment.".into()),
            }
        } else {
            return Err("Error parsing comment.".into());
        };
        self.at += length;
        Ok(())
    }

    /// Steps over a member name and its colon if the name is `name`, plainly spelled, and nothing stands
    /// between the two.
    #[inline]
    pub(super) fn take_name(&mut self, name: &str) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let found = rest.strip_prefix(b"\"").and_then(|rest| rest.strip_prefix(name.as_bytes()));
        let found = found.is_some_and(|after| after.starts_with(b"\":"));
        self.at += (name.len() + 3) * usize::from(found);
        found
    }

    /// A member name and its colon, from the name's first byte on.
    pub(super) fn name(&mut self) -> Result<Cow<'de, str>, LexError> {
        let name = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.string(quote)?,
            _ => Cow::Borrowed(self.bare_name()?),
        };
        if !self.is_at_token() {
            self.space()?;
        }
        if self.take(b':') {
            return Ok(name);
        }
        Err(self.unexpected("Invalid character after parsing property name. Expected ':' but got"))
    }

    fn bare_name(&mut self) -> Result<&'de str, LexError> {
        let rest = self.rest();
        let end = rest
            .find(|sign: char| !(sign.is_alphanumeric() || sign == '_' || sign == '$'))
            .unwrap_or(rest.len());
        if end == 0 {
            return Err(self.unexpected("Invalid property identifier character"));
        }
        self.at += end;
        Ok(&rest[..end])
    }

    /// A string, from its opening quote on.
    #[inline]
    pub(super) fn string(&mut self, quote: u8) -> Result<Cow<'de, str>, LexError> {
        self.at += 1;
        let start = self.at;
        self.at += plain_len(&self.text.as_bytes()[start.min(self.text.len())..], quote);
        match self.peek() {
            Some(b'\\') => self.escaped_string(quote, start).map(Cow::Owned),
            Some(_) => {
                let text = &self.text[start..self.at];
                self.at += 1;
                Ok(Cow::Borrowed(text))
            }
            None => Err(unterminated(quote)),
        }
    }

    /// The rest of a string whose first escape is next; `start` is where its content began.
    fn escaped_string(&mut self, quote: u8, start: usize) -> Result<String, LexError> {
        let mut text = self.text[start..self.at].to_owned();
        loop {
            let run = self.at;
            self.at += plain_len(self.rest().as_bytes(), quote);
            text.push_str(&self.text[run..self.at]);
            match self.peek() {
                None => return Err(unterminated(quote)),
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => {
                    self.at += 1;
                    return Ok(text);
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, LexError> {
        self.at += 1;
        let Some(sign) = self.rest().chars().next() else {
            return Err(unterminated(b'"'));
        };
        self.at += sign.len_utf8();
        Ok(match sign {
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'f' => '\u{c}',
            'r' => '\r',
            '\\' | '"' | '\'' | '/' => sign,
            'u' => return self.unicode(),
            _ => return Err(format!("Bad JSON escape sequence: \\{sign}.").into()),
        })
    }

    /// The character after `\u`. A surrogate without its other half becomes U+FFFD.
    fn unicode(&mut self) -> Result<char, LexError> {
        let first = self.unit()?;
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
            let mut ahead = *self;
            ahead.at += 2;
            let second = ahead.unit()?;
            if (0xdc00..0xe000).contains(&second) {
                *self = ahead;
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn unit(&mut self) -> Result<u32, LexError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let unit = digits.and_then(|digits| {
            digits.iter().try_fold(0, |unit, &digit| {
                char::from(digit).to_digit(16).map(|value| unit << 4 | value)
            })
        });
        self.at += 4 * usize::from(unit.is_some());
        unit.ok_or_else(|| "Invalid Unicode escape sequence.".into())
    }

    /// The characters of a number, which need not make one.
    pub(super) fn number(&mut self) -> &'de str {
        let rest = self.rest();
        let end = rest
            .bytes()
            .position(|byte| {
                !matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b'x' | b'X' | b'+' | b'-' | b'.')
            })
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Steps over `word` if it is next and ends there.
    #[inline]
    pub(super) fn word(&mut self, word: &str) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let Some(after) = rest.strip_prefix(word.as_bytes()) else { return false };
        let ends = match after.first() {
            Some(byte) if byte.is_ascii() => !(byte.is_ascii_alphanumeric() || *byte == b'_'),
            Some(_) => !self.rest()[word.len()..].starts_with(char::is_alphanumeric),
            None => true,
        };
        self.at += word.len() * usize::from(ends);
        ends
    }

    /// The error for what is next not being what may come.
    pub(super) fn unexpected(&self, what: &str) -> LexError {
        match self.rest().chars().next() {
            Some(sign) => format!("{what}: {sign}.").into(),
            None => "Unexpected end when reading JSON.".into(),
        }
    }

    fn rest(&self) -> &'de str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

/// How many bytes come before the first `quote` or backslash. Looks at eight bytes at once.
#[inline]
fn plain_len(bytes: &[u8], quote: u8) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    // The top bit of each byte that is zero. Above the lowest such byte others may show, too: a borrow.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found =
            zeros(word ^ (ONES * u64::from(quote))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let in_rest = rest.iter().position(|&byte| byte == quote || byte == b'\\');
    words.len() * 8 + in_rest.unwrap_or(rest.len())
}

fn unterminated(quote: u8) -> LexError {
    format!("Unterminated string. Expected delimiter: {}.", char::from(quote)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_borrowed_unless_they_have_an_escape() {
        let check = |text: &str, expected: Option<&str>| {
            let mut lexer = Lexer::new(text);
            let quote = lexer.peek().unwrap();
            let found = lexer.string(quote);
            assert_eq!(found.as_deref().ok(), expected, "{text}");
            if let Ok(found) = found {
                assert_eq!(matches!(found, Cow::Borrowed(_)), !text.contains('\\'), "{text}");
            }
        };
        check(r#""abc""#, Some("abc"));
        check(r#"'it"s'"#, Some("it\"s"));
        check(r#""张\u4e09""#, Some("张三"));
        check(r#""\ud83d\ude00!""#, Some("😀!"));
        check(r#""\ud83dx""#, Some("\u{fffd}x"));
        check(r#""\ud83d\u0041""#, Some("\u{fffd}A"));
        check(r#""\ude00""#, Some("\u{fffd}"));
        check(r#""\b\t\n\f\r\\\"\'\/""#, Some("\u{8}\t\n\u{c}\r\\\"'/"));
        check("\"raw\nline\"", Some("raw\nline"));
        check(r#""\x""#, None);
        check(r#""\u12"#, None);
        check(r#""\u12g4""#, None);
        check("\"\\u张张张\"", None);
        check(r#""open"#, None);
        check(r#""open\"#, None);
    }

    #[test]
    fn the_end_of_a_string_is_found_wherever_it_is() {
        for length in 0..40 {
            for (end, filler) in
                [('"', 'x'), ('\\', '!'), ('"', '#'), ('\\', '\u{5c5c}'), ('"', '票')]
            {
                let plain: String = std::iter::repeat_n(filler, length).collect();
                let text = format!("{plain}{end}{plain}\"\\");
                assert_eq!(plain_len(text.as_bytes(), b'"'), plain.len(), "{text}");
                assert_eq!(plain_len(plain.as_bytes(), b'"'), plain.len(), "{plain}");
            }
        }
    }

    #[test]
    fn an_expected_name_is_taken_only_as_it_is_spelled() {
        let check = |text: &str, expected: bool| {
            let mut lexer = Lexer::new(text);
            assert_eq!(lexer.take_name("mobile"), expected, "{text}");
            assert_eq!(lexer.at, if expected { 9 } else { 0 }, "{text}");
        };
        check(r#""mobile":1"#, true);
        check(r#""mobile" :1"#, false);
        check(r#""Mobile":1"#, false);
        check(r#""mobiles":1"#, false);
        check(r#"'mobile':1"#, false);
        check(r#""mobile"#, false);
        check("", false);
    }

    #[test]
    fn a_word_ends_where_no_letter_follows() {
        let check = |text: &str, expected: bool| {
            assert_eq!(Lexer::new(text).word("null"), expected, "{text}");
        };
        check("null", true);
        check("null,", true);
        check("null\u{3000}", true);
        check("nulls", false);
        check("null_", false);
        check("null0", false);
        check("null\u{7968}", false);
        check("nul", false);
    }

    #[test]
    fn comments_and_exotic_spaces_are_space() {
        let mut lexer = Lexer::new(" /* a * b */ // line\n\u{3000}\u{a0}x");
        lexer.space().unwrap();
        assert_eq!(lexer.peek(), Some(b'x'));
        assert_eq!(lexer.position().0, 2);
        assert!(Lexer::new("/* open").space().is_err());
        assert!(Lexer::new("/x").space().is_err());
    }
}
