//! One request and its answer as they travel: sent, printed, or made into a curl line.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ureq::http;

/// Scheme, host and port of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Address {
    /// Host and, unless it is 80, port: the `Host` header.
    pub(in crate::cli) host: String,
    pub(in crate::cli) port: u16,
}

/// A signed request.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Request {
    pub(in crate::cli) address: Address,
    pub(in crate::cli) method: &'static str,
    pub(in crate::cli) path_and_query: String,
    pub(in crate::cli) headers: Vec<(&'static str, String)>,
    pub(in crate::cli) body: String,
}

/// What came back.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Response {
    pub(in crate::cli) status: u16,
    pub(in crate::cli) reason: String,
    pub(in crate::cli) headers: Vec<(String, String)>,
    pub(in crate::cli) body: Vec<u8>,
}

/// Longest answer read, in bytes.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

impl Address {
    /// Reads `http://host[:port]`.
    pub(in crate::cli) fn parse(url: &str) -> anyhow::Result<Self> {
        let uri: http::Uri = url.parse().with_context(|| format!("--url {url}"))?;
        if uri.scheme_str() != Some("http") {
            bail!("--url {url}: only http:// is spoken here; put a proxy before anything else");
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            bail!("--url {url}: only a host and a port, the path is the partner's");
        }
        let authority = uri.authority().with_context(|| format!("--url {url}: no host"))?;
        Ok(Self { host: authority.as_str().to_owned(), port: authority.port_u16().unwrap_or(80) })
    }
}

impl Request {
    fn url(&self) -> String {
        format!("http://{}{}", self.address.host, self.path_and_query)
    }

    /// Sends the request and reads the whole answer.
    pub(in crate::cli) fn send(&self, timeout_seconds: u64) -> anyhow::Result<Response> {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(timeout_seconds)))
            .user_agent(concat!("piaoku/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let mut request = http::Request::builder().method(self.method).uri(self.url());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let sent = if self.body.is_empty() {
            agent.run(request.body(())?)
        } else {
            agent.run(request.body(self.body.as_str())?)
        };
        let mut received = sent.with_context(|| self.url())?;
        let body = received.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Ok(Response {
            status: received.status().as_u16(),
            reason: received.status().canonical_reason().unwrap_or_default().to_owned(),
            headers: received.headers().iter().map(header).collect(),
            body: body.with_context(|| self.url())?,
        })
    }

    /// The request as a line for a shell.
    pub(in crate::cli) fn curl(&self) -> String {
        let mut line = format!("curl -sS -i -X {} {}", self.method, quoted(&self.url()));
        for (name, value) in &self.headers {
            line.push_str(" -H ");
            line.push_str(&quoted(&format!("{name}: {value}")));
        }
        if !self.body.is_empty() {
            line.push_str(" --data-binary ");
            line.push_str(&quoted(&self.body));
        }
        line
    }
}

/// A word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "> {} {} HTTP/1.1", self.method, self.path_and_query)?;
        writeln!(f, "> Host: {}", self.address.host)?;
        for (name, value) in &self.headers {
            writeln!(f, "> {name}: {value}")?;
        }
        if self.body.is_empty() { Ok(()) } else { writeln!(f, ">\n{}", self.body) }
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "< HTTP/1.1 {} {}", self.status, self.reason)?;
        for (name, value) in &self.headers {
            writeln!(f, "< {name}: {value}")?;
        }
        writeln!(f, "<\n{}", String::from_utf8_lossy(&self.body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let check = |url: &str, expected: Option<(&str, u16)>| {
            let found = Address::parse(url).ok();
            assert_eq!(found.as_ref().map(|it| (it.host.as_str(), it.port)), expected, "{url}");
        };
        check("http://127.0.0.1:8080", Some(("127.0.0.1:8080", 8080)));
        check("http://example.test/", Some(("example.test", 80)));
        check("http://[::1]:9", Some(("[::1]:9", 9)));
        check("https://example.test", None);
        check("http://example.test/x", None);
        check("http://example.test?x=1", None);
        check("example.test", None);
        check("", None);
    }

    #[test]
    fn a_shell_reads_a_quoted_word_as_it_was() {
        assert_eq!(quoted("a'b \"$c\""), r#"'a'\''b "$c"'"#);
    }
}
