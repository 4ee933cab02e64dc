//! The OTA and Douyin wire formats against the partners' own samples, and the rules of reading
//! that the samples do not show.

mod body;
mod errors;
mod form;
mod json;
mod negotiation;
mod properties;
mod samples;
mod xml;

use std::path::Path;

use piaoku::wire::codec::{Body, Decoded, Limits, ModelState, Record};
use piaoku::wire::ota::PARM_NAMESPACE;

const JSON: &str = "application/json";
const XML: &str = "application/xml";
const FORM: &str = "application/x-www-form-urlencoded";
const OCCURRED: &str = "An error has occurred.";

fn golden(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The sample as it travels: without the help page's indentation.
fn compact_json(sample: &str) -> String {
    serde_json::from_str::<serde_json::Value>(sample).expect("samples are JSON").to_string()
}

fn compact_xml(sample: &str) -> String {
    sample.split('>').map(str::trim_start).collect::<Vec<_>>().join(">").trim_end().to_owned()
}

/// Reads a body. It is leaked, so that the model may borrow from it: tests are short.
fn read_with<T: Record<'static>>(media_type: &str, body: &[u8], limits: &Limits) -> Decoded<T> {
    let body = Body::new(Some(media_type), body.to_vec().leak()).expect("a known media type");
    Box::leak(Box::new(body)).read("parm", limits)
}

fn read<T: Record<'static>>(media_type: &str, body: impl AsRef<[u8]>) -> Decoded<T> {
    read_with(media_type, body.as_ref(), &Limits::default())
}

fn model<T: Record<'static>>(media_type: &str, body: impl AsRef<[u8]>) -> T {
    read(media_type, body).model.expect("a model")
}

/// The entries as the caller is told them.
fn told(state: &ModelState) -> Vec<(&str, Vec<&str>)> {
    let entries = state.entries().iter();
    entries
        .map(|(key, errors)| (key.as_str(), errors.iter().map(|it| it.text(false)).collect()))
        .collect()
}

fn parm_xml(content: &str) -> String {
    let instance = "http://www.w3.org/2001/XMLSchema-instance";
    format!(
        "<OrderAddParm xmlns:i=\"{instance}\" xmlns=\"{PARM_NAMESPACE}\">{content}</OrderAddParm>"
    )
}
