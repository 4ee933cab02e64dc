//! The SPI signature in both its forms, for verifying Douyin's calls and for making one's own.
//!
//! Source: docs/protocols/douyin.md, "SPI signature". Web-hooks are signed in another way and are
//! not this module's matter.

use std::borrow::Cow;
use std::fmt;

use md5::{Digest, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Header that carries the new signature.
pub const SIGNATURE_HEADER: &str = "x-life-sign";

/// A client's secret at Douyin.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// Wraps the secret's text.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(****)")
    }
}

/// Why a call is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Neither form of the signature was sent.
    #[error("no signature")]
    Missing,
    /// The signature sent is not the one of this call.
    #[error("wrong signature")]
    Wrong,
}

/// Verifies a call by its raw query and raw body. The header's signature is the one that counts
/// when both are there. Hexadecimal digits in capitals are taken, too.
///
/// # Errors
/// [`SignatureError::Missing`] without any signature, [`SignatureError::Wrong`] otherwise.
pub fn verify(
    secret: &ClientSecret,
    raw_query: &str,
    body: &[u8],
    header: Option<&str>,
) -> Result<(), SignatureError> {
    let pairs = Pairs::parse(raw_query);
    let right = match (header.map(str::trim).filter(|sign| !sign.is_empty()), &pairs.sign) {
        (Some(sign), _) => {
            let digest: [u8; 32] = pairs.digest::<Sha256>(secret, body).into();
            same(&digest, sign)
        }
        (None, Some(sign)) => {
            let digest: [u8; 16] = pairs.digest::<Md5>(secret, body).into();
            same(&digest, sign)
        }
        (None, None) => return Err(SignatureError::Missing),
    };
    if right { Ok(()) } else { Err(SignatureError::Wrong) }
}

/// The new signature of a call, for the header `x-life-sign`.
#[must_use]
pub fn sha256_sign(secret: &ClientSecret, raw_query: &str, body: &[u8]) -> String {
    hex::encode(Pairs::parse(raw_query).digest::<Sha256>(secret, body))
}

/// The old signature of a call, for the query parameter `sign`.
#[must_use]
pub fn md5_sign(secret: &ClientSecret, raw_query: &str, body: &[u8]) -> String {
    hex::encode(Pairs::parse(raw_query).digest::<Md5>(secret, body))
}

/// What of a query is signed: every decoded pair except `sign`, sorted by key, then by value.
struct Pairs<'q> {
    sorted: Vec<(Cow<'q, str>, Cow<'q, str>)>,
    sign: Option<Cow<'q, str>>,
}

impl<'q> Pairs<'q> {
    fn parse(raw_query: &'q str) -> Self {
        let mut pairs = Self { sorted: Vec::new(), sign: None };
        for (key, value) in form_urlencoded::parse(raw_query.as_bytes()) {
            if key.eq_ignore_ascii_case("sign") {
                pairs.sign.get_or_insert(value);
            } else {
                pairs.sorted.push((key, value));
            }
        }
        pairs.sign = pairs.sign.take().filter(|sign| !sign.is_empty());
        pairs.sorted.sort_unstable();
        pairs
    }

    fn digest<D: Digest>(&self, secret: &ClientSecret, body: &[u8]) -> sha2::digest::Output<D> {
        let mut digest = D::new();
        digest.update(secret.0.as_bytes());
        for (key, value) in &self.sorted {
            digest.update(b"&");
            digest.update(key.as_bytes());
            digest.update(b"=");
            digest.update(value.as_bytes());
        }
        if !body.is_empty() {
            digest.update(b"&http_body=");
            digest.update(body);
        }
        digest.finalize()
    }
}

/// Compares a digest with its hexadecimal text, in constant time for texts of the right form.
fn same<const N: usize>(digest: &[u8; N], sign: &str) -> bool {
    let mut sent = [0; N];
    hex::decode_to_slice(sign.trim(), &mut sent).is_ok() && digest.ct_eq(&sent).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const B2: &str = r#"{"order_id":"1000000000000000001","count":2,"start_time":1750000000,"expire_time":1752592000,"sku_id":"2001","third_sku_id":"T-2001","open_id":"o-1","tourists":[{"name":"张三","phone":"13800138000","id_card":"11010519491231002X"}]}"#;

    /// The vectors of the protocol page: secret, query, body, SHA-256 and MD5 signature.
    const VECTORS: [(&str, &str, &str, &str, &str); 5] = [
        (
            "yyyyyy",
            "client_key=xxxxxx&timestamp=1624293280123",
            "zzzzzz",
            "1cb07147475e76d0a8b9f6c7e201c7d8cde1617fb9f5d7e576bec5268fa887ae",
            "e1902a328e3fca6d4322fc4d8123bf2e",
        ),
        (
            "0123456789abcdef0123456789abcdef",
            "timestamp=1750000000123&client_key=awtestkey0000001&sign=ignored",
            B2,
            "c156c5524d4567ea60144d991f825cecf6e58ba7ebe317e6422e33f78f1e9da9",
            "b2581dbd6f5e8145163a62019ee1ab40",
        ),
        (
            "test_secret",
            "client_key=ck123&timestamp=1710000000000&other=b&other=a&sign=x",
            r#"{"order_id":"1"}"#,
            "e900d8e32832cb560164be3aea92de487bc242884421ecd1b49a6596714346a9",
            "d57da1f5b0147ea1068e07a731cdb90c",
        ),
        (
            "test_secret",
            "client_key=ck123&timestamp=1710000000000",
            "",
            "7edd73c018aef87e66d2aa853de6e4ce2b0ded01a48865e47273e13b36a661c9",
            "be499d49662caef26dc79e83d0f756ba",
        ),
        (
            "secret_demo",
            "client_key=ck_demo&timestamp=1700000000",
            r#"{"order_id":"1"}"#,
            "5f66c67879546184c7ce7b7f88af7c90893b0dafced020a0d0ccd0833dc68537",
            "d68628266e87cdc691d6f723b154a496",
        ),
    ];

    #[test]
    fn the_vectors_of_the_protocol_page_are_reproduced() {
        for (secret, query, body, sha256, md5) in VECTORS {
            let secret = ClientSecret::new(secret);
            assert_eq!(sha256_sign(&secret, query, body.as_bytes()), sha256);
            assert_eq!(md5_sign(&secret, query, body.as_bytes()), md5);
            let check = |query: &str, header: Option<&str>, expected| {
                assert_eq!(verify(&secret, query, body.as_bytes(), header), expected, "{query}");
            };
            check(query, Some(sha256), Ok(()));
            check(query, Some(&sha256.to_uppercase()), Ok(()));
            let unsigned = query.split("&sign=").next().unwrap();
            check(&format!("{unsigned}&sign={md5}"), None, Ok(()));
            check(&format!("{unsigned}&SIGN={}", md5.to_uppercase()), None, Ok(()));
            // The header decides when both are there.
            check(&format!("{unsigned}&sign={md5}"), Some(md5), Err(SignatureError::Wrong));
            check(&format!("{unsigned}&sign=wrong"), Some(sha256), Ok(()));
            check(unsigned, None, Err(SignatureError::Missing));
            check(&format!("{unsigned}&sign="), Some(" "), Err(SignatureError::Missing));
            check(&format!("{unsigned}&sign={sha256}"), None, Err(SignatureError::Wrong));
            check(&format!("{unsigned}&more=1"), Some(sha256), Err(SignatureError::Wrong));
        }
    }

    #[test]
    fn decoded_values_are_signed_and_every_byte_of_the_body_counts() {
        let secret = ClientSecret::new("s");
        let plain = sha256_sign(&secret, "a=x y&b=%E5%BC%A0", b"{}");
        assert_eq!(plain, sha256_sign(&secret, "b=张&a=x%20y", b"{}"));
        assert_ne!(plain, sha256_sign(&secret, "a=x y&b=%E5%BC%A0", b"{} "));
        assert_eq!(format!("{secret:?}"), "ClientSecret(****)");
    }
}
