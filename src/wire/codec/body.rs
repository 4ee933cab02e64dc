//! A request body: from its bytes and its `Content-Type` to a validated model.

use std::borrow::Cow;

use super::media_type::{self, Charset, Formatter};
use super::model_state::{ModelState, Path};
use super::schema::Record;
use super::validate::Check;
use super::{HttpError, Limits, form, json, xml};

/// A body whose format is known and whose characters are decoded. Models read from it borrow
/// their texts.
#[derive(Clone, PartialEq, Eq)]
pub struct Body<'b> {
    formatter: Formatter,
    charset: Charset,
    bytes: &'b [u8],
    /// The characters; `None` when the bytes are not text in the charset.
    text: Option<Cow<'b, str>>,
}

/// What a body was read into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<T> {
    /// The model; `None` for an empty or null body and for one that could not be read.
    pub model: Option<T>,
    /// What was wrong, validation included.
    pub state: ModelState,
}

impl<'b> Body<'b> {
    /// Finds the format of a body. A charset that is not supported counts as UTF-8, as in the
    /// framework; a byte order mark overrides it.
    ///
    /// # Errors
    /// The 415 answer when no formatter reads the media type and the body is not empty.
    pub fn new(content_type: Option<&str>, bytes: &'b [u8]) -> Result<Self, HttpError> {
        let media_type = content_type.and_then(media_type::content_type);
        let formatter = match media_type {
            Some(media_type) => Formatter::for_media_type(media_type.value),
            None => None,
        };
        let formatter = match (formatter, media_type) {
            (Some(formatter), _) => formatter,
            // Without a body there is nothing to read, whatever it claims to be.
            (None, _) if bytes.is_empty() => Formatter::Json,
            (None, Some(media_type)) => {
                return Err(HttpError::unsupported_media_type(media_type.value));
            }
            (None, None) => return Err(HttpError::no_media_type()),
        };
        let charset = media_type.and_then(|it| it.charset).and_then(Charset::from_name);
        let (charset, text) = decode(bytes, charset.unwrap_or_default());
        Ok(Self { formatter, charset, bytes, text })
    }

    /// The format the body is in.
    #[must_use]
    pub fn formatter(&self) -> Formatter {
        self.formatter
    }

    /// Reads and validates the body as the action parameter `parameter`.
    #[must_use]
    pub fn read<'de, T: Record<'de>>(&'de self, parameter: &str, limits: &Limits) -> Decoded<T> {
        let mut state = ModelState::new(parameter, limits.errors_max);
        let model = self.model(&mut state, limits);
        if let Some(model) = &model {
            Check::run(model, &mut state);
        }
        Decoded { model, state }
    }

    fn model<'de, T: Record<'de>>(&'de self, state: &mut ModelState, limits: &Limits) -> Option<T> {
        if self.bytes.is_empty() {
            return None;
        }
        if self.formatter == Formatter::Form {
            return form::read(self.bytes, state, limits);
        }
        let Some(text) = &self.text else {
            let message = "Unable to translate bytes at index 0 to Unicode.".to_owned();
            state.add_exception(&Path::default(), message);
            return None;
        };
        match self.formatter {
            Formatter::Xml => xml::read(text, self.charset, state, limits),
            Formatter::Json | Formatter::Form => json::read(text, state, limits),
        }
    }
}

/// Bodies carry personal data, so only their size is shown.
impl std::fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({:?}, {:?}, {} bytes)", self.formatter, self.charset, self.bytes.len())
    }
}

fn decode(bytes: &[u8], charset: Charset) -> (Charset, Option<Cow<'_, str>>) {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return (Charset::Utf8, std::str::from_utf8(rest).ok().map(Cow::Borrowed));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return (Charset::Utf16, utf16(rest, u16::from_le_bytes));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return (Charset::Utf16, utf16(rest, u16::from_be_bytes));
    }
    match charset {
        Charset::Utf8 => (charset, std::str::from_utf8(bytes).ok().map(Cow::Borrowed)),
        Charset::Utf16 => (charset, utf16(bytes, u16::from_le_bytes)),
    }
}

fn utf16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Option<Cow<'static, str>> {
    let (units, rest) = bytes.as_chunks::<2>();
    let text: Result<String, _> = char::decode_utf16(units.iter().map(|&it| unit(it))).collect();
    text.ok().filter(|_| rest.is_empty()).map(Cow::Owned)
}
