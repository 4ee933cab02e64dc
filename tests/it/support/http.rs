//! HTTP/1.1 by hand: a test says every byte that is sent, also where a library would know better.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::Target;

/// How long an answer may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request as it is sent. `Host` and `Content-Length` are added; nothing else is.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// An answer as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self { method, path, headers: Vec::new(), body: Vec::new() }
    }

    /// Sets a header, in place of one of the same name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn send(&self, target: &impl Target) -> Answer {
        self.try_send(target).expect("the server answers")
    }

    /// Sends it on a connection of its own. An error says that no whole answer came.
    pub(crate) fn try_send(&self, target: &impl Target) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(target.addr())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut bytes = self.head(&target.addr().to_string()).into_bytes();
        bytes.extend_from_slice(&self.body);
        // A server that refuses a body need not read all of it.
        let written = stream.write_all(&bytes);
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        match Answer::parse(&answer) {
            Some(answer) => Ok(answer),
            None => {
                written?;
                read?;
                Err(ErrorKind::UnexpectedEof.into())
            }
        }
    }

    fn head(&self, host: &str) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || self.method == "POST" {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("Connection: close\r\n\r\n");
        head
    }
}

impl Answer {
    /// Reads a whole answer; `None` when part of it is missing.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).expect("a head of text");
        let body = &bytes[end + 4..];
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        let answer = Self { status, headers: headers.collect(), body: body.to_vec() };
        assert_eq!(answer.header("transfer-encoding"), "", "answers are sent whole");
        let length = answer.header("content-length").parse().unwrap_or(0);
        (answer.body.len() == length).then_some(answer)
    }

    /// A header's value, empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("an answer in UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        let text = self.text();
        serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {} {text}", self.status))
    }

    /// A member or element by its name, as text, wherever in the answer it stands first; `None` when
    /// it is null or not there.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let text = self.text();
        if text.starts_with('<') {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            return rest.split_once('<').map(|(value, _)| value.to_owned());
        }
        match find(&self.json(), name)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    /// A member that is a number.
    pub(crate) fn code(&self, name: &str) -> i64 {
        let value = self.field(name).unwrap_or_else(|| panic!("no {name}: {}", self.text()));
        value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}"))
    }
}

fn find<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => {
            members.get(name).or_else(|| members.values().find_map(|value| find(value, name)))
        }
        Value::Array(values) => values.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}
