//! HAWK authentication of one request: header parsing, verification, and signing for callers.
//!
//! Whether the user exists and whether a nonce was seen before is the server's matter.
//! Source: docs/protocols/ota.md, "HAWK".

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use smallvec::SmallVec;
use subtle::ConstantTimeEq;

use super::credential::HawkCredential;
use crate::types::UnixMillis;

/// Value of `WWW-Authenticate` in the 401 answer.
pub const CHALLENGE: &str = "Hawk";

/// Clock difference allowed each way unless configured otherwise.
pub const DEFAULT_WINDOW: Duration = Duration::from_secs(60);

/// Characters of a MAC's Base64.
const MAC_LEN: usize = 44;

/// Longest `Authorization` header read.
const HEADER_LEN_MAX: usize = 4096;

/// Why a request is not authenticated. The caller of the API hears the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HawkError {
    /// The header is not a HAWK header, lacks an attribute, or has one too many.
    #[error("malformed hawk header: {0}")]
    Malformed(&'static str),
    /// The MAC is not the one of this request and key.
    #[error("wrong mac")]
    WrongMac,
    /// The timestamp is outside the window.
    #[error("stale timestamp")]
    Stale,
    /// The hash sent is not the payload's.
    #[error("wrong payload hash")]
    WrongHash,
}

/// The attributes of an `Authorization: Hawk …` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HawkHeader<'h> {
    /// The agent's user name.
    pub id: &'h str,
    /// Unix seconds, as sent.
    pub ts: &'h str,
    /// A text used once, up to 32 characters with today's callers.
    pub nonce: &'h str,
    /// Base64 of the MAC.
    pub mac: &'h str,
    /// Base64 of the payload's hash, if sent.
    pub hash: Option<&'h str>,
    /// Application data, if sent.
    pub ext: Option<&'h str>,
}

/// The parts of a request that the MAC covers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HawkRequest<'r> {
    /// HTTP method; compared in capitals.
    pub method: &'r str,
    /// Path and query exactly as in the request line.
    pub path_and_query: &'r str,
    /// The `Host` header; a port in it is not part of the MAC.
    pub host: &'r str,
    /// Port of the request address.
    pub port: u16,
    /// `Content-Type`, used only with a payload hash.
    pub content_type: &'r str,
    /// The raw body, used only with a payload hash.
    pub body: &'r [u8],
}

impl std::fmt::Debug for HawkRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HawkRequest({} {}, {} bytes)", self.method, self.path_and_query, self.body.len())
    }
}

impl<'h> HawkHeader<'h> {
    /// Reads an `Authorization` header.
    ///
    /// # Errors
    /// [`HawkError::Malformed`] for another scheme, a missing or repeated attribute, an attribute
    /// HAWK does not have, or a value that is not quoted.
    pub fn parse(header: &'h str) -> Result<Self, HawkError> {
        use HawkError::Malformed;
        if header.len() > HEADER_LEN_MAX {
            return Err(Malformed("too long"));
        }
        let (scheme, mut rest) = header.trim().split_once(' ').ok_or(Malformed("no attributes"))?;
        if !scheme.eq_ignore_ascii_case("hawk") {
            return Err(Malformed("another scheme"));
        }
        const NAMES: [&str; 6] = ["id", "ts", "nonce", "mac", "hash", "ext"];
        let mut values = [None; NAMES.len()];
        loop {
            let (name, after) = split_at_byte(rest, b'=').ok_or(Malformed("no value"))?;
            let quoted = after.trim_start().strip_prefix('"').ok_or(Malformed("no quotes"))?;
            let (value, after) = split_at_byte(quoted, b'"').ok_or(Malformed("no quotes"))?;
            let name = name.trim();
            let at = NAMES.iter().position(|known| *known == name);
            if value.bytes().any(|byte| byte == b'\\' || byte < b' ' || byte >= 0x7f)
                && value.contains(|sign: char| sign == '\\' || sign.is_control())
            {
                return Err(Malformed("bad character"));
            }
            let slot = &mut values[at.ok_or(Malformed("unknown attribute"))?];
            if slot.replace(value).is_some() {
                return Err(Malformed("repeated attribute"));
            }
            rest = after.trim_start();
            if rest.is_empty() {
                break;
            }
            rest = rest.strip_prefix(',').ok_or(Malformed("no comma"))?;
        }
        let required = |value: Option<&'h str>, name| {
            value.filter(|value| !value.is_empty()).ok_or(Malformed(name))
        };
        let [id, ts, nonce, mac, hash, ext] = values;
        Ok(Self {
            id: required(id, "no id")?,
            ts: required(ts, "no ts")?,
            nonce: required(nonce, "no nonce")?,
            mac: required(mac, "no mac")?,
            hash: hash.filter(|hash| !hash.is_empty()),
            ext: ext.filter(|ext| !ext.is_empty()),
        })
    }

    /// Verifies the header for a request at `now`. Comparisons take constant time.
    ///
    /// # Errors
    /// The first of [`HawkError::WrongMac`], [`HawkError::Stale`] and [`HawkError::WrongHash`]
    /// that fits; [`HawkError::Malformed`] for a timestamp that is no number.
    pub fn verify(
        &self,
        credential: &HawkCredential,
        request: &HawkRequest<'_>,
        now: UnixMillis,
        window: Duration,
    ) -> Result<(), HawkError> {
        let mut expected = [0; MAC_LEN];
        let written = STANDARD.encode_slice(self.mac_for(credential, request), &mut expected);
        if written != Ok(MAC_LEN) || !same(&expected, self.mac.as_bytes()) {
            return Err(HawkError::WrongMac);
        }
        let digits = self.ts.bytes().all(|byte| byte.is_ascii_digit());
        let ts = self.ts.parse::<i64>().ok().filter(|_| digits);
        let ts = ts.ok_or(HawkError::Malformed("ts is no number"))?;
        let apart = ts.abs_diff(now.as_secs());
        if apart > window.as_secs() {
            return Err(HawkError::Stale);
        }
        match self.hash {
            Some(hash) if !same(payload_hash(request).as_bytes(), hash.as_bytes()) => {
                Err(HawkError::WrongHash)
            }
            _ => Ok(()),
        }
    }

    /// The MAC of a request with this header's timestamp, nonce, hash and application data.
    pub(crate) fn mac_for(
        &self,
        credential: &HawkCredential,
        request: &HawkRequest<'_>,
    ) -> [u8; 32] {
        let method = if request.method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            Cow::Owned(request.method.to_ascii_uppercase())
        } else {
            Cow::Borrowed(request.method)
        };
        let mut digits = [0; 5];
        let lines: [&[u8]; 9] = [
            b"hawk.1.header",
            self.ts.as_bytes(),
            self.nonce.as_bytes(),
            method.as_bytes(),
            request.path_and_query.as_bytes(),
            without_port(request.host).as_bytes(),
            decimal(request.port, &mut digits),
            self.hash.unwrap_or_default().as_bytes(),
            self.ext.unwrap_or_default().as_bytes(),
        ];
        let mut text = SmallVec::<[u8; 256]>::new();
        for line in lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        credential.mac(&text)
    }
}

/// Signs a request as a caller does, and gives the `Authorization` header. `hash` adds the hash
/// of the payload, which today's agents leave out.
#[must_use]
pub fn authorization(
    credential: &HawkCredential,
    id: &str,
    ts_seconds: i64,
    nonce: &str,
    request: &HawkRequest<'_>,
    hash: bool,
) -> String {
    let ts = ts_seconds.to_string();
    let hash = hash.then(|| payload_hash(request));
    let header = HawkHeader { id, ts: &ts, nonce, mac: "", hash: hash.as_deref(), ext: None };
    let mac = STANDARD.encode(header.mac_for(credential, request));
    let hash = hash.map(|hash| format!(", hash=\"{hash}\"")).unwrap_or_default();
    format!("Hawk id=\"{id}\", ts=\"{ts}\", nonce=\"{nonce}\"{hash}, mac=\"{mac}\"")
}

/// Base64 of the payload's hash: media type without parameters, in small letters, and the body.
fn payload_hash(request: &HawkRequest<'_>) -> String {
    let media_type = request.content_type.split(';').next().unwrap_or_default().trim();
    let mut hash = Sha256::new();
    hash.update(b"hawk.1.payload\n");
    hash.update(media_type.to_ascii_lowercase().as_bytes());
    hash.update(b"\n");
    hash.update(request.body);
    hash.update(b"\n");
    STANDARD.encode(hash.finalize())
}

/// What stands before the first `byte`, an ASCII one, and what after it.
fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|found| found == byte)?;
    Some((&text[..at], &text[at + 1..]))
}

/// Host without port; an IPv6 address keeps its brackets.
fn without_port(host: &str) -> &str {
    let name_end = host.bytes().rposition(|byte| byte == b']').map_or(0, |bracket| bracket + 1);
    match host.bytes().skip(name_end).position(|byte| byte == b':') {
        Some(colon) => &host[..name_end + colon],
        None => host,
    }
}

/// The decimal digits of a port.
fn decimal(mut port: u16, digits: &mut [u8; 5]) -> &[u8] {
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (port % 10) as u8;
        port /= 10;
        if port == 0 {
            return &digits[first..];
        }
    }
}

fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ota::UpperMd5;

    const SESSION_KEY: &str = "00000000-1111-2222-3333-444444444444";
    const TS: i64 = 1_700_000_000;
    const NONCE: &str = "abcdef0123456789abcdef0123456789";

    fn credential() -> HawkCredential {
        HawkCredential::new(SESSION_KEY, &UpperMd5::of("Login#2024"))
    }

    fn request() -> HawkRequest<'static> {
        HawkRequest {
            method: "POST",
            path_and_query: "/api/OrderAndPay2/WithRebate",
            host: "example.test",
            port: 80,
            content_type: "application/json; charset=utf-8",
            body: b"{}",
        }
    }

    fn signed(hash: bool) -> String {
        authorization(&credential(), "demo-agent", TS, NONCE, &request(), hash)
    }

    fn now(seconds_later: i64) -> UnixMillis {
        UnixMillis::from_secs(TS + seconds_later)
    }

    #[test]
    fn the_vector_of_the_protocol_page_is_reproduced() {
        assert_eq!(
            signed(false),
            "Hawk id=\"demo-agent\", ts=\"1700000000\", \
             nonce=\"abcdef0123456789abcdef0123456789\", \
             mac=\"k3ivHgRxCG+RqFYbLmg8NUipY3q0fIRv42PCWL1E08E=\""
        );
    }

    #[test]
    fn verification_covers_every_part_of_the_request() {
        let header = signed(false);
        let header = HawkHeader::parse(&header).unwrap();
        let check = |request: HawkRequest<'_>, at, expected| {
            assert_eq!(header.verify(&credential(), &request, at, DEFAULT_WINDOW), expected);
        };
        let good = request();
        check(good, now(0), Ok(()));
        check(good, now(60), Ok(()));
        check(good, now(-60), Ok(()));
        check(good, now(61), Err(HawkError::Stale));
        check(good, now(-61), Err(HawkError::Stale));
        check(HawkRequest { method: "post", ..good }, now(0), Ok(()));
        check(HawkRequest { host: "example.test:8080", ..good }, now(0), Ok(()));
        // Without a hash in the header the body is not covered.
        check(HawkRequest { body: b"other", ..good }, now(0), Ok(()));
        let wrong = Err(HawkError::WrongMac);
        check(HawkRequest { method: "GET", ..good }, now(0), wrong);
        check(
            HawkRequest { path_and_query: "/api/orderandpay2/withrebate", ..good },
            now(0),
            wrong,
        );
        check(HawkRequest { host: "example.text", ..good }, now(0), wrong);
        check(HawkRequest { port: 8080, ..good }, now(0), wrong);
        let other = HawkCredential::new(SESSION_KEY, &UpperMd5::of("login#2024"));
        assert_eq!(header.verify(&other, &good, now(0), DEFAULT_WINDOW), wrong);
    }

    #[test]
    fn a_hash_that_is_sent_must_fit_the_body() {
        let header = signed(true);
        let header = HawkHeader::parse(&header).unwrap();
        assert!(header.hash.is_some());
        let check = |request: HawkRequest<'_>, expected| {
            assert_eq!(header.verify(&credential(), &request, now(0), DEFAULT_WINDOW), expected);
        };
        check(request(), Ok(()));
        check(HawkRequest { content_type: "APPLICATION/JSON", ..request() }, Ok(()));
        check(HawkRequest { body: b"{ }", ..request() }, Err(HawkError::WrongHash));
        let moved = HawkHeader { hash: Some("AAAA"), ..header.clone() };
        assert_eq!(
            moved.verify(&credential(), &request(), now(0), DEFAULT_WINDOW),
            Err(HawkError::WrongMac)
        );
    }

    #[test]
    fn attributes_are_taken_strictly() {
        let check = |header: &str, expected: Result<(), HawkError>| {
            assert_eq!(HawkHeader::parse(header).map(drop), expected, "{header}");
        };
        let malformed = |why| Err(HawkError::Malformed(why));
        check(r#"Hawk id="a", ts="1", nonce="n", mac="m""#, Ok(()));
        check(r#"hawk mac="m",nonce="n",ts="1",id="a",ext="e",hash="h""#, Ok(()));
        check(r#"Hawk id="代理", ts="1", nonce="n", mac="m=""#, Ok(()));
        check(r#"Basic id="a""#, malformed("another scheme"));
        check("Hawk", malformed("no attributes"));
        check("Hawk nonsense", malformed("no value"));
        check(r#"Hawk id="a", ts="1", nonce="n""#, malformed("no mac"));
        check(r#"Hawk id="", ts="1", nonce="n", mac="m""#, malformed("no id"));
        check(
            r#"Hawk id="a", id="b", ts="1", nonce="n", mac="m""#,
            malformed("repeated attribute"),
        );
        check(
            r#"Hawk id="a", app="x", ts="1", nonce="n", mac="m""#,
            malformed("unknown attribute"),
        );
        check(r#"Hawk id=a, ts="1", nonce="n", mac="m""#, malformed("no quotes"));
        check(r#"Hawk id="a" ts="1", nonce="n", mac="m""#, malformed("no comma"));
        check(r#"Hawk id="a\", ts="1", nonce="n", mac="m""#, malformed("bad character"));
        check(&format!("Hawk id=\"{}\"", "a".repeat(5000)), malformed("too long"));
    }

    #[test]
    fn a_timestamp_must_be_a_number() {
        let mut header = HawkHeader::parse(r#"Hawk id="a", ts="+1", nonce="n", mac="m""#).unwrap();
        let mac = STANDARD.encode(header.mac_for(&credential(), &request()));
        header.mac = &mac;
        assert!(matches!(
            header.verify(&credential(), &request(), now(0), DEFAULT_WINDOW),
            Err(HawkError::Malformed(_))
        ));
    }

    #[test]
    fn only_the_port_is_cut_from_a_host() {
        let check = |host: &str, expected: &str| assert_eq!(without_port(host), expected);
        check("example.test:8080", "example.test");
        check("example.test", "example.test");
        check("[::1]:8080", "[::1]");
        check("[::1]", "[::1]");
        check("", "");
    }
}
