//! A JSON body as a [`Source`].

use std::borrow::Cow;

use smallvec::SmallVec;

use super::lexer::{LexError, Lexer};
use super::number;
use crate::wire::codec::Limits;
use crate::wire::codec::model_state::{ModelState, Path, Segment};
use crate::wire::codec::schema::{Fatal, Item, Member, Record, Source, Text};

/// Reads a body. `None` for an empty or `null` body, and for one that could not be read, which
/// `state` then says. What follows the first value is not looked at, as Json.NET does not.
pub(crate) fn read<'de, T: Record<'de>>(
    body: &'de str,
    state: &mut ModelState,
    limits: &Limits,
) -> Option<T> {
    let mut reader = Reader { lexer: Lexer::new(body), path: Path::default(), state, limits };
    reader.root().ok().flatten()
}

struct Reader<'de, 'c> {
    lexer: Lexer<'de>,
    path: Path<'de>,
    state: &'c mut ModelState,
    limits: &'c Limits,
}

impl<'de> Reader<'de, '_> {
    fn root<T: Record<'de>>(&mut self) -> Result<Option<T>, Fatal> {
        self.space()?;
        if self.lexer.peek().is_none() {
            return Ok(None);
        }
        self.record()
    }

    #[inline]
    fn space(&mut self) -> Result<(), Fatal> {
        if self.lexer.is_at_token() {
            return Ok(());
        }
        let spaced = self.lexer.space();
        self.checked(spaced)
    }

    #[inline]
    fn checked<T>(&mut self, result: Result<T, LexError>) -> Result<T, Fatal> {
        result.map_err(|message| self.fatal(&message))
    }

    #[cold]
    fn fatal(&mut self, message: &str) -> Fatal {
        self.error(message);
        Fatal
    }

    /// Records an error that costs only the member it is in.
    #[cold]
    fn error(&mut self, message: &str) {
        if self.state.is_full() {
            return; // Finding line and position takes a walk over the body.
        }
        let (line, position) = self.lexer.position();
        let path = self.path.to_text();
        self.state.add_exception(
            &self.path,
            format!("{message} Path '{path}', line {line}, position {position}."),
        );
    }

    fn unexpected(&mut self) -> Fatal {
        let message = self.lexer.unexpected("Unexpected character encountered while parsing value");
        self.fatal(&message)
    }

    #[inline]
    fn string(&mut self, quote: u8) -> Result<Cow<'de, str>, Fatal> {
        let string = self.lexer.string(quote);
        self.checked(string)
    }

    /// Steps over `null` and what Json.NET takes for it.
    fn null(&mut self) -> bool {
        self.lexer.word("null") || self.lexer.word("undefined")
    }

    #[inline]
    fn bounded(&mut self, text: Cow<'de, str>) -> Text<'de> {
        if text.len() > self.limits.text_len_max {
            self.too_long("text", self.limits.text_len_max);
            return None;
        }
        Some(text)
    }

    #[cold]
    fn too_long(&mut self, what: &str, max: usize) {
        self.state.add_message(&self.path, format!("The {what} is longer than {max}."));
    }

    fn integer<N: Default + std::str::FromStr>(
        &mut self,
        from_literal: impl Fn(&str) -> Option<N>,
    ) -> Result<N, Fatal> {
        self.space()?;
        match self.lexer.peek() {
            Some(b'0'..=b'9' | b'-' | b'.') => {
                let literal = self.lexer.number();
                Ok(from_literal(literal).unwrap_or_else(|| {
                    self.error(&format!("Input string '{literal}' is not a valid integer."));
                    N::default()
                }))
            }
            Some(quote @ (b'"' | b'\'')) => {
                let text = self.string(quote)?;
                if text.is_empty() {
                    return Ok(N::default());
                }
                Ok(number::integer_from_text(&text).unwrap_or_else(|| {
                    self.error("Could not convert string to integer.");
                    N::default()
                }))
            }
            Some(b'n' | b'u') if self.null() => Ok(N::default()),
            _ => {
                self.misfit()?;
                Ok(N::default())
            }
        }
    }

    /// Records that the next value has the wrong kind, and steps over it.
    fn misfit(&mut self) -> Result<(), Fatal> {
        let message = match self.lexer.peek() {
            Some(b'{') => "Cannot deserialize the current JSON object into the member's type.",
            Some(b'[') => "Cannot deserialize the current JSON array into the member's type.",
            _ => "Error converting value to the member's type.",
        };
        // First the value: when it is no value at all, that is the error to tell.
        let at = self.lexer;
        self.skip()?;
        let after = std::mem::replace(&mut self.lexer, at);
        self.error(message);
        self.lexer = after;
        Ok(())
    }

    /// Steps over one value of any kind. Nesting costs a byte a level, not stack.
    fn skip(&mut self) -> Result<(), Fatal> {
        let mut open = SmallVec::<[u8; 64]>::new();
        loop {
            self.space()?;
            match self.lexer.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    if self.path.len() + open.len() >= self.limits.depth_max {
                        let max = self.limits.depth_max;
                        let message = format!("The reader's MaxDepth of {max} has been exceeded.");
                        return Err(self.fatal(&message));
                    }
                    self.lexer.bump();
                    // In ASCII each closing bracket is two after its opening one.
                    open.push(bracket + 2);
                    self.space()?;
                    if self.lexer.peek() != Some(bracket + 2) {
                        if bracket == b'{' {
                            let name = self.lexer.name();
                            self.checked(name)?;
                        }
                        continue;
                    }
                }
                _ => self.skip_scalar()?,
            }
            while let Some(&close) = open.last() {
                self.space()?;
                if self.lexer.take(close) {
                    open.pop();
                } else if self.next_element(close)? {
                    if close == b'}' {
                        let name = self.lexer.name();
                        self.checked(name)?;
                    }
                    break;
                }
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes the comma after a value; whether another value follows, for a comma may also trail.
    #[inline]
    fn next_element(&mut self, close: u8) -> Result<bool, Fatal> {
        if !self.lexer.take(b',') {
            let what = "After parsing a value an unexpected character was encountered";
            let message = self.lexer.unexpected(what);
            return Err(self.fatal(&message));
        }
        self.space()?;
        Ok(self.lexer.peek() != Some(close))
    }

    fn skip_scalar(&mut self) -> Result<(), Fatal> {
        match self.lexer.peek() {
            Some(quote @ (b'"' | b'\'')) => self.string(quote).map(drop),
            Some(b'0'..=b'9' | b'-' | b'.') => {
                if self.lexer.word("-Infinity") {
                    return Ok(());
                }
                let literal = self.lexer.number();
                if number::is_number(literal) {
                    return Ok(());
                }
                let message = format!("Input string '{literal}' is not a valid number.");
                Err(self.fatal(&message))
            }
            _ => {
                let words = ["true", "false", "null", "undefined", "NaN", "Infinity"];
                if words.iter().any(|word| self.lexer.word(word)) {
                    return Ok(());
                }
                Err(self.unexpected())
            }
        }
    }
}

impl<'de> Source<'de> for Reader<'de, '_> {
    fn text(&mut self) -> Result<Text<'de>, Fatal> {
        self.space()?;
        match self.lexer.peek() {
            Some(quote @ (b'"' | b'\'')) => {
                let text = self.string(quote)?;
                Ok(self.bounded(text))
            }
            Some(b'n' | b'u') if self.null() => Ok(None),
            Some(b'0'..=b'9' | b'-' | b'.') => {
                if self.lexer.word("-Infinity") {
                    return Ok(Some(Cow::Borrowed("-Infinity")));
                }
                let literal = self.lexer.number();
                if number::is_number(literal) {
                    return Ok(self.bounded(Cow::Borrowed(literal)));
                }
                self.error(&format!("Input string '{literal}' is not a valid number."));
                Ok(None)
            }
            Some(b't' | b'f' | b'N' | b'I') => {
                let words = ["true", "false", "NaN", "Infinity"];
                let word = words.into_iter().find(|word| self.lexer.word(word));
                word.map(|word| Some(Cow::Borrowed(word))).ok_or_else(|| self.unexpected())
            }
            _ => {
                self.misfit()?;
                Ok(None)
            }
        }
    }

    fn int32(&mut self) -> Result<i32, Fatal> {
        self.integer(number::int32_from_literal)
    }

    fn int64(&mut self) -> Result<i64, Fatal> {
        self.integer(number::int64_from_literal)
    }

    fn record<T: Record<'de>>(&mut self) -> Result<Option<T>, Fatal> {
        self.space()?;
        match self.lexer.peek() {
            Some(b'{') => self.lexer.bump(),
            // Json.NET takes an empty string for null wherever null may stand.
            Some(quote @ (b'"' | b'\'')) if self.empty_string(quote) => return Ok(None),
            Some(b'n' | b'u') if self.null() => return Ok(None),
            _ => {
                self.misfit()?;
                return Ok(None);
            }
        }
        let mut record = T::default();
        let mut expected = 0;
        self.space()?;
        let mut more = self.lexer.peek() != Some(b'}');
        while more {
            let (name, member) = self.member(T::MEMBERS, expected)?;
            self.path.push(Segment::Name(name));
            match member {
                Some(member) => {
                    record.read_member(member, self)?;
                    expected = member + 1;
                }
                None => self.skip()?,
            }
            self.path.pop();
            self.space()?;
            if self.lexer.peek() == Some(b'}') {
                break;
            }
            more = self.next_element(b'}')?;
        }
        self.lexer.bump();
        Ok(Some(record))
    }

    fn list<T: Item<'de>>(&mut self) -> Result<Option<Vec<T>>, Fatal> {
        self.space()?;
        match self.lexer.peek() {
            Some(b'[') => self.lexer.bump(),
            Some(quote @ (b'"' | b'\'')) if self.empty_string(quote) => return Ok(None),
            Some(b'n' | b'u') if self.null() => return Ok(None),
            _ => {
                self.misfit()?;
                return Ok(None);
            }
        }
        let mut items = Vec::new();
        let mut index = 0;
        self.path.push(Segment::Index(0));
        self.space()?;
        let mut more = self.lexer.peek() != Some(b']');
        while more {
            self.path.set_index(index);
            if index == self.limits.list_len_max {
                self.too_long("list", self.limits.list_len_max);
            }
            if index >= self.limits.list_len_max {
                self.skip()?;
            } else if self.null() {
                self.error("An element of the list is null.");
            } else if let Some(item) = T::read_item(self)? {
                items.push(item);
            }
            index += 1;
            self.space()?;
            if self.lexer.peek() == Some(b']') {
                break;
            }
            more = self.next_element(b']')?;
            self.space()?;
        }
        self.lexer.bump();
        self.path.pop();
        Ok(Some(items))
    }
}

impl<'de> Reader<'de, '_> {
    /// Steps over a member's name: how it is spelled, and which of `members` it names. Programs write
    /// members in their order, so the one at `expected` is tried first.
    #[inline]
    fn member(
        &mut self,
        members: &[Member],
        expected: usize,
    ) -> Result<(Cow<'de, str>, Option<usize>), Fatal> {
        if let Some(member) = members.get(expected)
            && self.lexer.take_name(member.name)
        {
            return Ok((Cow::Borrowed(member.name), Some(expected)));
        }
        let name = self.lexer.name();
        let name = self.checked(name)?;
        let member = find(members, &name);
        Ok((name, member))
    }

    fn empty_string(&mut self, quote: u8) -> bool {
        let mut ahead = self.lexer;
        ahead.bump();
        let empty = ahead.take(quote);
        if empty {
            self.lexer = ahead;
        }
        empty
    }
}

/// Position of the member named `name`: spelled exactly, or else ignoring case.
fn find(members: &[Member], name: &str) -> Option<usize> {
    let exact = members.iter().position(|member| member.name == name);
    exact.or_else(|| members.iter().position(|member| member.name.eq_ignore_ascii_case(name)))
}
