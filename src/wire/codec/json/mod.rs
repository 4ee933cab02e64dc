//! JSON as Json.NET reads and writes it inside ASP.NET Web API.
//!
//! Reading is lenient where Json.NET is: member names in any case, single quotes, comments,
//! trailing commas, scalars converted between kinds. It borrows texts from the body.
//! Source: docs/protocols/ota.md, "JSON".

mod lexer;
mod number;
mod reader;
mod writer;

pub(super) use reader::read;
pub(super) use writer::write_text;
pub use writer::{to_json, to_json_list};
