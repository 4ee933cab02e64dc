//! Golden transcripts: what was sent and what came back, byte for byte, with names for what differs
//! from run to run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::http::{Answer, Request};

/// Headers that are part of the contract.
const HEADERS: [&str; 3] = ["content-type", "allow", "www-authenticate"];

/// A conversation being written down. Order numbers and codes become `${number1}`, `${code1}` …,
/// the same value always the same name: a repeated answer shows the name of the first.
#[derive(Default)]
pub(crate) struct Transcript {
    text: String,
    numbers: BTreeMap<String, String>,
    fixed: Vec<(String, String)>,
}

impl Transcript {
    /// Gives a value that differs from run to run a name.
    pub(crate) fn name(&mut self, value: &str, name: &str) {
        self.fixed.push((value.to_owned(), format!("${{{name}}}")));
    }

    /// Writes a step down: why, what was sent, what came back.
    pub(crate) fn step(&mut self, title: &str, request: &Request, answer: &Answer) {
        let _ = writeln!(self.text, "## {title}\n\n{} {}", request.method, request.path);
        for (name, value) in &request.headers {
            if matches!(name.to_ascii_lowercase().as_str(), "content-type" | "accept") {
                let _ = writeln!(self.text, "{name}: {value}");
            }
        }
        let sent = String::from_utf8_lossy(&request.body);
        if !sent.is_empty() {
            let _ = writeln!(self.text, "\n{sent}");
        }
        let _ = writeln!(self.text, "\nHTTP {}", answer.status);
        for name in HEADERS {
            let value = answer.header(name);
            if !value.is_empty() {
                let _ = writeln!(self.text, "{name}: {value}");
            }
        }
        let _ = writeln!(self.text, "\n{}\n", answer.text());
    }

    /// Writes down something that was not an answer.
    pub(crate) fn note(&mut self, title: &str, text: &str) {
        let _ = writeln!(self.text, "## {title}\n\n{text}\n");
    }

    /// Compares with the golden file of that name, or writes it when `UPDATE_GOLDEN` is set.
    pub(crate) fn check(mut self, file: &str) {
        let mut text = std::mem::take(&mut self.text);
        for (value, name) in &self.fixed {
            text = text.replace(value, name);
        }
        let text = self.name_numbers(&text);
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/http").join(file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).expect("the golden file is written");
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        let different = text.lines().zip(golden.lines()).find(|(now, then)| now != then);
        assert!(text == golden, "{file}: {different:?} (now, golden)\n{text}");
    }

    /// Names runs of exactly 19 and 12 digits.
    fn name_numbers(&mut self, text: &str) -> String {
        let mut named = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            named.push_str(&rest[..start]);
            rest = &rest[start..];
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let run = &rest[..end];
            named.push_str(&match run.len() {
                // The demo's SKUs are as long as our numbers.
                19 if !run.starts_with("70000000000") => self.number(run, "number"),
                // Times of day of the server's week are as long as codes.
                12 if !run.starts_with("2026112") => self.number(run, "code"),
                _ => run.to_owned(),
            });
            rest = &rest[end..];
        }
        named + rest
    }

    fn number(&mut self, run: &str, kind: &str) -> String {
        if let Some(name) = self.numbers.get(run) {
            return name.clone();
        }
        let known = self.numbers.values().filter(|name| name[2..].starts_with(kind)).count();
        let name = format!("${{{kind}{}}}", known + 1);
        self.numbers.insert(run.to_owned(), name.clone());
        name
    }
}
