//! XML as the DataContractSerializer reads and writes it inside ASP.NET Web API.
//!
//! Names, namespaces and the alphabetical order of members are part of the contract: a member out
//! of its order is skipped, a wrong root fails the body. Document types and entities of one's own
//! are refused. Source: docs/protocols/ota.md, "XML".

mod reader;
mod writer;

pub(super) use reader::read;
pub(super) use writer::{NIL_END, write_text};
pub use writer::{to_xml, to_xml_list};

/// Namespace of `nil`.
const INSTANCE_NAMESPACE: &str = "http://www.w3.org/2001/XMLSchema-instance";
