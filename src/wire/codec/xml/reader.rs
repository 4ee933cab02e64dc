//! An XML body as a [`Source`].

use std::borrow::Cow;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

use super::INSTANCE_NAMESPACE;
use crate::wire::codec::Limits;
use crate::wire::codec::media_type::Charset;
use crate::wire::codec::model_state::{ModelState, Path, Segment};
use crate::wire::codec::schema::{Fatal, Item, Record, Source, Text};

/// Reads a body that arrived in `charset`. `None` for a nil root and for a body that could not be
/// read, which `state` then says in one entry for the whole of it. What follows the root element
/// is not looked at.
pub(crate) fn read<'de, T: Record<'de>>(
    body: &'de str,
    charset: Charset,
    state: &mut ModelState,
    limits: &Limits,
) -> Option<T> {
    let mut reader = NsReader::from_str(body);
    reader.config_mut().expand_empty_elements = true;
    let mut reader = Reader {
        reader,
        charset,
        depth: 0,
        nil: false,
        failure: Cow::Borrowed(""),
        path: Path::default(),
        state,
        limits,
    };
    let read = reader.root();
    let failure = std::mem::take(&mut reader.failure);
    match read {
        Ok(model) => model,
        Err(Fatal) => {
            // The serialiser throws, and the formatter records that for the body as a whole.
            state.add_exception(&Path::default(), failure.into_owned());
            None
        }
    }
}

struct Reader<'de, 'c> {
    reader: NsReader<&'de [u8]>,
    charset: Charset,
    /// Open elements.
    depth: usize,
    /// Whether the element just opened says that it is null.
    nil: bool,
    failure: Cow<'static, str>,
    path: Path<'de>,
    state: &'c mut ModelState,
    limits: &'c Limits,
}

/// What content of an element consists of.
enum Piece<'de> {
    /// A start tag, and whether it is in the namespace asked for.
    Open(BytesStart<'de>, bool),
    Close,
    Characters(Cow<'de, str>),
}

impl<'de> Reader<'de, '_> {
    fn root<T: Record<'de>>(&mut self) -> Result<Option<T>, Fatal> {
        loop {
            match self.piece(T::NAMESPACE)? {
                Piece::Open(start, true) if start.local_name().into_inner() == T::NAME => {
                    return self.record();
                }
                Piece::Open(start, _) => {
                    let found = start.local_name().into_inner().to_owned();
                    return Err(self.fail(format!(
                        "Expecting element '{}' from namespace '{}'. Encountered 'Element' with \
                         name '{found}'.",
                        T::NAME,
                        T::NAMESPACE
                    )));
                }
                Piece::Characters(text) if blank(&text) => {}
                Piece::Characters(_) | Piece::Close => {
                    return Err(self.fail("Data at the root level is invalid."));
                }
            }
        }
    }

    #[cold]
    fn fail(&mut self, message: impl Into<Cow<'static, str>>) -> Fatal {
        self.failure = message.into();
        Fatal
    }

    /// The next piece of content. Opening an element notes whether it is nil.
    #[inline]
    fn piece(&mut self, namespace: &str) -> Result<Piece<'de>, Fatal> {
        loop {
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(self.fail(error.to_string())),
            };
            match event {
                Event::Start(start) | Event::Empty(start) => return self.open(start, namespace),
                Event::End(_) => {
                    self.depth -= 1;
                    return Ok(Piece::Close);
                }
                Event::Text(text) => return Ok(Piece::Characters(text.xml10_content())),
                Event::CData(text) => return Ok(Piece::Characters(text.xml10_content())),
                Event::GeneralRef(reference) => {
                    let resolved = if reference.is_char_ref() {
                        reference.resolve_char_ref().ok().flatten().filter(|&sign| is_legal(sign))
                    } else {
                        predefined(&reference)
                    };
                    let Some(sign) = resolved else {
                        return Err(self.fail("Reference to an undeclared entity."));
                    };
                    return Ok(Piece::Characters(Cow::Owned(sign.to_string())));
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::Decl(declaration) => {
                    let declared = declaration.encoding();
                    let known = match &declared {
                        None => true,
                        Some(Ok(name)) => Charset::from_name(name) == Some(self.charset),
                        Some(Err(_)) => false,
                    };
                    if !known {
                        return Err(self.fail("The encoding declared is not the body's encoding."));
                    }
                }
                Event::DocType(_) => {
                    return Err(self.fail("For security reasons DTD is prohibited."));
                }
                Event::Eof => return Err(self.fail("Unexpected end of file.")),
            }
        }
    }

    #[inline]
    fn open(&mut self, start: BytesStart<'de>, namespace: &str) -> Result<Piece<'de>, Fatal> {
        self.depth += 1;
        if self.depth > self.limits.depth_max {
            return Err(self.fail("The maximum depth of the reader has been exceeded."));
        }
        let same = match self.reader.resolver().resolve_element(start.name()).0 {
            ResolveResult::Bound(Namespace(bound)) => bound == namespace,
            ResolveResult::Unbound => namespace.is_empty(),
            ResolveResult::Unknown(_) => {
                return Err(self.fail("A prefix of an element is not declared."));
            }
        };
        self.nil = false;
        if !start.attributes_raw().is_empty() {
            self.nil = self.is_nil(&start)?;
        }
        Ok(Piece::Open(start, same))
    }

    fn is_nil(&mut self, start: &BytesStart<'de>) -> Result<bool, Fatal> {
        let mut nil = false;
        for attribute in start.attributes().with_checks(false) {
            let Ok(attribute) = attribute else {
                return Err(self.fail("An attribute is malformed."));
            };
            let resolver = self.reader.resolver();
            if let (ResolveResult::Bound(Namespace(INSTANCE_NAMESPACE)), name) =
                resolver.resolve_attribute(attribute.key)
                && name.into_inner() == "nil"
            {
                nil = matches!(attribute.value.trim(), "true" | "1");
            }
        }
        Ok(nil)
    }

    /// Steps to the end of the element just opened.
    fn skip(&mut self) -> Result<(), Fatal> {
        let outside = self.depth - 1;
        while self.depth > outside {
            self.piece("")?;
        }
        Ok(())
    }

    /// The characters of the element just opened; `None` when it is nil.
    #[inline]
    fn characters(&mut self) -> Result<Text<'de>, Fatal> {
        if self.nil {
            self.skip()?;
            return Ok(None);
        }
        let mut text = Cow::Borrowed("");
        loop {
            match self.piece("")? {
                Piece::Close => return Ok(Some(text)),
                Piece::Characters(more) if text.is_empty() => text = more,
                Piece::Characters(more) => text.to_mut().push_str(&more),
                Piece::Open(..) => {
                    return Err(self.fail("An element of simple type has an element in it."));
                }
            }
        }
    }

    fn integer<N: Default + std::str::FromStr>(&mut self) -> Result<N, Fatal> {
        match self.characters()? {
            None => Ok(N::default()),
            Some(text) => {
                let number = text.trim_matches([' ', '\t', '\n', '\r']).parse();
                number.map_err(|_| self.fail("A value cannot be parsed as the type 'Int'."))
            }
        }
    }

    #[cold]
    fn too_long(&mut self, what: &str, max: usize) {
        self.state.add_message(&self.path, format!("The {what} is longer than {max}."));
    }

    /// Characters between elements must be white space.
    fn between(&mut self, text: &str) -> Result<(), Fatal> {
        if blank(text) {
            return Ok(());
        }
        Err(self.fail("'Element' expected. Encountered 'Text'."))
    }
}

impl<'de> Source<'de> for Reader<'de, '_> {
    fn text(&mut self) -> Result<Text<'de>, Fatal> {
        let text = self.characters()?;
        if text.as_ref().is_some_and(|text| text.len() > self.limits.text_len_max) {
            self.too_long("text", self.limits.text_len_max);
            return Ok(None);
        }
        Ok(text)
    }

    fn int32(&mut self) -> Result<i32, Fatal> {
        self.integer()
    }

    fn int64(&mut self) -> Result<i64, Fatal> {
        self.integer()
    }

    fn record<T: Record<'de>>(&mut self) -> Result<Option<T>, Fatal> {
        if self.nil {
            self.skip()?;
            return Ok(None);
        }
        let mut record = T::default();
        // Members before this position of the order have had their turn.
        let mut turn = 0;
        loop {
            match self.piece(T::NAMESPACE)? {
                Piece::Close => return Ok(Some(record)),
                Piece::Characters(text) => self.between(&text)?,
                Piece::Open(start, same) => {
                    let name = start.local_name().into_inner();
                    let rest = &T::XML_ORDER[turn..];
                    let ahead = rest.iter().position(|&at| same && T::MEMBERS[at].name == name);
                    match ahead {
                        Some(ahead) => {
                            let member = rest[ahead];
                            turn += ahead + 1;
                            self.path.push(Segment::member(T::MEMBERS[member].name));
                            record.read_member(member, self)?;
                            self.path.pop();
                        }
                        None => self.skip()?,
                    }
                }
            }
        }
    }

    fn list<T: Item<'de>>(&mut self) -> Result<Option<Vec<T>>, Fatal> {
        if self.nil {
            self.skip()?;
            return Ok(None);
        }
        let (element, namespace) = T::ELEMENT;
        let mut items = Vec::new();
        let mut index = 0;
        self.path.push(Segment::Index(0));
        loop {
            match self.piece(namespace)? {
                Piece::Close => break,
                Piece::Characters(text) => self.between(&text)?,
                Piece::Open(start, true) if start.local_name().into_inner() == element => {
                    self.path.set_index(index);
                    if index == self.limits.list_len_max {
                        self.too_long("list", self.limits.list_len_max);
                    }
                    if index >= self.limits.list_len_max {
                        self.skip()?;
                    } else if self.nil {
                        self.skip()?;
                        let message = "An element of the list is null.".to_owned();
                        self.state.add_exception(&self.path, message);
                    } else if let Some(item) = T::read_item(self)? {
                        items.push(item);
                    }
                    index += 1;
                }
                Piece::Open(..) => self.skip()?,
            }
        }
        self.path.pop();
        Ok(Some(items))
    }
}

fn blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// Whether XML 1.0 allows the character in a document at all.
fn is_legal(sign: char) -> bool {
    !matches!(sign, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}
