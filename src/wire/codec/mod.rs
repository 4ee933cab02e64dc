//! Bounded readers and exact writers for bodies in the ASP.NET Web API style: JSON, XML, form.
//!
//! A type is declared once with `wire_record!` (members in JSON order, with the rules a
//! partner annotates them with); from that one declaration come three readers, two writers, the
//! validation and a `Debug` that shows no personal data. What a reader cannot use becomes an entry
//! of the [`ModelState`], as the framework records it, and never a panic.
//!
//! This module knows no partner type, no business rule and no HTTP: it maps bytes and header texts
//! to values and back. Source: docs/protocols/ota.md, "Wire format".

mod body;
mod form;
mod http_error;
mod json;
mod media_type;
mod model_state;
mod negotiate;
mod schema;
mod validate;
mod xml;

pub use body::{Body, Decoded};
pub use http_error::HttpError;
pub use json::{to_json, to_json_list};
pub use media_type::{Charset, Formatter};
pub use model_state::{ModelError, ModelState};
pub use negotiate::{Negotiation, ResponseFormat};
pub(crate) use schema::wire_record;
pub use schema::{Fatal, Item, Member, Record, Rules, Sink, Source, Text, Value, alphabetical};
pub use validate::Check;
pub use xml::{to_xml, to_xml_list};

/// Bounds of one body. A value beyond one of them is an entry of the model state, not an
/// allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nesting of objects and arrays, or of elements. The framework's own bound is 256.
    pub depth_max: usize,
    /// Elements of one list.
    pub list_len_max: usize,
    /// Bytes of one text, in UTF-8.
    pub text_len_max: usize,
    /// Pairs of one form. The framework's own bound is 1000.
    pub form_pairs_max: usize,
    /// Entries of one model state; later ones are dropped.
    pub errors_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: 256,
            list_len_max: 1000,
            text_len_max: 64 * 1024,
            form_pairs_max: 1000,
            errors_max: 200,
        }
    }
}
