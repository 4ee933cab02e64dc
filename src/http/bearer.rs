//! Bearer tokens: whoever shows one is its holder.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use subtle::ConstantTimeEq as _;

use crate::http::webapi;

/// A known token, ready to be compared. Hashes are of one length whatever the tokens are, so comparing
/// tells nothing of it.
#[derive(Clone)]
pub(super) struct KnownToken(blake3::Hash);

impl KnownToken {
    pub(super) fn new(token: &[u8]) -> Self {
        Self(blake3::hash(token))
    }

    /// Whether a shown token is this one, in constant time.
    pub(super) fn is(&self, shown: &Self) -> bool {
        self.0.as_bytes().ct_eq(shown.0.as_bytes()).into()
    }
}

/// The token that a request shows. The scheme's case does not count, as RFC 9110 has it.
pub(super) fn shown(request: &HttpRequest) -> Option<KnownToken> {
    token(webapi::header(request, AUTHORIZATION)?).map(|token| KnownToken::new(token.as_bytes()))
}

fn token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim_start();
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_follows_the_scheme() {
        let check = |header: &str, expected: Option<&str>| assert_eq!(token(header), expected);
        check("Bearer abc", Some("abc"));
        check(" bearer  abc ", Some("abc"));
        check("Bearer", None);
        check("Bearer ", None);
        check("Basic abc", None);
        check("abc", None);
        check("", None);
    }

    #[test]
    fn only_the_same_token_is_the_token() {
        let known = KnownToken::new(b"0123456789abcdef");
        assert!(known.is(&KnownToken::new(b"0123456789abcdef")));
        assert!(!known.is(&KnownToken::new(b"0123456789abcdeF")));
        assert!(!known.is(&KnownToken::new(b"")));
    }
}
