//! The framework's own error answers, in JSON and XML.
//!
//! Source: docs/protocols/ota.md, "Errors of the framework".

use std::fmt::Write as _;

use super::json;
use super::model_state::{ERROR_OCCURRED, ModelState};
use super::xml;

/// An answer the framework gives in place of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError {
    status: u16,
    message: String,
    /// Texts added with error detail on, by name.
    details: Vec<(&'static str, String)>,
    /// Texts by key, for a model that was not valid.
    model_state: Vec<(String, Vec<String>)>,
}

impl HttpError {
    /// An answer with a status and a message.
    #[must_use]
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), details: Vec::new(), model_state: Vec::new() }
    }

    /// 400 for a model that is not valid. With `detail` the texts of exceptions are shown.
    #[must_use]
    pub fn invalid(state: &ModelState, detail: bool) -> Self {
        let texts = state.entries().iter().map(|(key, errors)| {
            (key.clone(), errors.iter().map(|error| error.text(detail).to_owned()).collect())
        });
        Self { model_state: texts.collect(), ..Self::new(400, "The request is invalid.") }
    }

    /// 401; the header `WWW-Authenticate` goes with it.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Authorization has been denied for this request.")
    }

    /// 404 for an address no action matches: the whole request address is repeated.
    #[must_use]
    pub fn not_found(uri: &str) -> Self {
        let message = format!("No HTTP resource was found that matches the request URI '{uri}'.");
        Self::new(404, message)
    }

    /// 405; the header `Allow` goes with it.
    #[must_use]
    pub fn method_not_allowed(method: &str) -> Self {
        let message = format!("The requested resource does not support http method '{method}'.");
        Self::new(405, message)
    }

    /// 413 for a body over the size limit.
    #[must_use]
    pub fn too_large() -> Self {
        Self::new(413, "Maximum request length exceeded.")
    }

    /// 415 for a media type without a formatter.
    #[must_use]
    pub fn unsupported_media_type(media_type: &str) -> Self {
        let message = format!(
            "The request entity's media type '{media_type}' is not supported for this resource."
        );
        Self::new(415, message)
    }

    /// 415 for a body without a media type, or with one that is none.
    #[must_use]
    pub fn no_media_type() -> Self {
        Self::new(
            415,
            "The request contains an entity body but no Content-Type header. The inferred media \
             type 'application/octet-stream' is not supported for this resource.",
        )
    }

    /// 500 for anything unhandled.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(500, ERROR_OCCURRED)
    }

    /// Adds a text shown with error detail, such as `MessageDetail`.
    #[must_use]
    pub fn with_detail(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.details.push((name, text.into()));
        self
    }

    /// HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// `{"Message":"…"}`, with details and `ModelState` after it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::from("{\"Message\":");
        json::write_text(&mut out, &self.message);
        for (name, text) in &self.details {
            let _ = write!(out, ",\"{name}\":");
            json::write_text(&mut out, text);
        }
        for (at, (key, texts)) in self.model_state.iter().enumerate() {
            out.push_str(if at == 0 { ",\"ModelState\":{" } else { "," });
            json::write_text(&mut out, key);
            for (at, text) in texts.iter().enumerate() {
                out.push_str(if at == 0 { ":[" } else { "," });
                json::write_text(&mut out, text);
            }
            out.push(']');
        }
        out.push_str(if self.model_state.is_empty() { "}" } else { "}}" });
        out
    }

    /// `<Error><Message>…</Message></Error>`: no namespace, an element for each key.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut out = String::from("<Error>");
        element(&mut out, "Message", &self.message);
        for (name, text) in &self.details {
            element(&mut out, name, text);
        }
        for (at, (key, texts)) in self.model_state.iter().enumerate() {
            if at == 0 {
                out.push_str("<ModelState>");
            }
            element(&mut out, &element_name(key), &texts.join(" "));
        }
        if !self.model_state.is_empty() {
            out.push_str("</ModelState>");
        }
        out.push_str("</Error>");
        out
    }
}

fn element(out: &mut String, name: &str, text: &str) {
    if text.is_empty() {
        let _ = write!(out, "<{name}{}", xml::NIL_END);
        return;
    }
    let _ = write!(out, "<{name}>");
    xml::write_text(out, text);
    let _ = write!(out, "</{name}>");
}

/// A key as an element name: what a name cannot hold is written `_xHHHH_`, as .NET encodes it.
fn element_name(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 16);
    for (at, sign) in key.char_indices() {
        let plain = match sign {
            '_' => !key[at + 1..].starts_with('x'),
            '-' | '.' | '0'..='9' => at > 0,
            _ => sign.is_alphabetic(),
        };
        if plain {
            name.push(sign);
            continue;
        }
        for unit in sign.encode_utf16(&mut [0; 2]) {
            let _ = write!(name, "_x{unit:04X}_");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_element_names() {
        let check = |key: &str, expected: &str| assert_eq!(element_name(key), expected);
        check("parm.orderinfo.mobile", "parm.orderinfo.mobile");
        check("parm.orderdetails[0].amount", "parm.orderdetails_x005B_0_x005D_.amount");
        check("1a", "_x0031_a");
        check("a_b", "a_b");
        check("_x0041_", "_x005F_x0041_");
        check("a b<", "a_x0020_b_x003C_");
    }
}
