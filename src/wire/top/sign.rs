//! The signature over a call's parameters, for servers (verify) and clients (sign).
//!
//! Source: docs/protocols/top.md, "Signing".

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The parameter that carries the signature, and the only text parameter not signed.
pub const SIGN: &str = "sign";

/// How parameters are signed (`sign_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SignMethod {
    /// MD5 over secret, parameters, secret.
    #[serde(rename = "md5")]
    Md5,
    /// HMAC-MD5 keyed with the secret.
    #[serde(rename = "hmac")]
    Hmac,
    /// HMAC-SHA256 keyed with the secret.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
}

impl SignMethod {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::Md5, Self::Hmac, Self::HmacSha256];

    /// The name in `sign_method`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Hmac => "hmac",
            Self::HmacSha256 => "hmac-sha256",
        }
    }

    /// The method of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// Whether pairs with an empty name or value are signed: caller libraries differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EmptyPairs {
    Signed,
    Skipped,
}

/// Longest signature in bytes, that of HMAC-SHA256.
const SIGNATURE_LEN_MAX: usize = 32;

/// Signs parameters given in any order: upper-case hex. A pair named `sign` is left out, and pairs
/// with an empty value are signed.
#[must_use]
pub fn sign(method: SignMethod, secret: &[u8], pairs: &[(&str, &str)]) -> String {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    let signature = signature(method, secret, sorted.into_iter(), EmptyPairs::Signed);
    hex::encode_upper(signature.as_slice())
}

/// Whether `sign` signs the parameters, which come in byte order of their names. Hex of either case
/// is accepted, and so is either treatment of empty values; the comparison takes the same time
/// wherever the first difference lies.
#[must_use]
pub fn verify<'p>(
    method: SignMethod,
    secret: &[u8],
    sorted: impl Iterator<Item = (&'p str, &'p str)> + Clone,
    sign: &str,
) -> bool {
    let mut claimed = [0; SIGNATURE_LEN_MAX];
    let Some(claimed) = claimed.get_mut(..sign.len() / 2) else { return false };
    if hex::decode_to_slice(sign, claimed).is_err() {
        return false;
    }
    let matches = |empty: EmptyPairs| {
        let computed = signature(method, secret, sorted.clone(), empty);
        bool::from(computed.as_slice().ct_eq(claimed))
    };
    let any_empty = || sorted.clone().any(|(key, value)| key.is_empty() || value.is_empty());
    matches(EmptyPairs::Signed) || (any_empty() && matches(EmptyPairs::Skipped))
}

/// A computed signature, of either length.
enum Signature {
    Short([u8; 16]),
    Long([u8; SIGNATURE_LEN_MAX]),
}

impl Signature {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Short(bytes) => bytes,
            Self::Long(bytes) => bytes,
        }
    }
}

fn signature<'p>(
    method: SignMethod,
    secret: &[u8],
    sorted: impl Iterator<Item = (&'p str, &'p str)>,
    empty: EmptyPairs,
) -> Signature {
    match method {
        SignMethod::Md5 => {
            let mut hash = Md5::new();
            hash.update(secret);
            feed(sorted, empty, |bytes| hash.update(bytes));
            hash.update(secret);
            Signature::Short(hash.finalize().into())
        }
        SignMethod::Hmac => {
            let mut mac = Hmac::<Md5>::new_from_slice(secret).expect(ANY_KEY);
            feed(sorted, empty, |bytes| mac.update(bytes));
            Signature::Short(mac.finalize().into_bytes().into())
        }
        SignMethod::HmacSha256 => {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect(ANY_KEY);
            feed(sorted, empty, |bytes| mac.update(bytes));
            Signature::Long(mac.finalize().into_bytes().into())
        }
    }
}

const ANY_KEY: &str = "HMAC takes a key of any length";

/// Names and values one after the other, without separators.
fn feed<'p>(
    sorted: impl Iterator<Item = (&'p str, &'p str)>,
    empty: EmptyPairs,
    mut update: impl FnMut(&[u8]),
) {
    for (key, value) in sorted {
        let skipped = empty == EmptyPairs::Skipped && (key.is_empty() || value.is_empty());
        if key != SIGN && !skipped {
            update(key.as_bytes());
            update(value.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const P1: [(&str, &str); 8] = [
        ("app_key", "12345678"),
        ("fields", "num_iid,title,nick,price,num"),
        ("format", "json"),
        ("method", "taobao.item.seller.get"),
        ("num_iid", "11223344"),
        ("session", "test"),
        ("timestamp", "2016-01-01 12:00:00"),
        ("v", "2.0"),
    ];
    const P4: [(&str, &str); 7] = [
        ("app_key", "test"),
        ("fields", "nick"),
        ("format", "xml"),
        ("method", "taobao.user.seller.get"),
        ("session", "test"),
        ("timestamp", "2013-05-06 13:52:03"),
        ("v", "2.0"),
    ];
    const P5: [(&str, &str); 6] = [
        ("app_key", "12345678"),
        (
            "consult_request",
            r#"{"request_id":"f82d968ccc884077b180cff21d7fef17","shop_id":"2017112100077000000046517463","ticket_code":"523162942005"}"#,
        ),
        ("format", "json"),
        ("method", "alibaba.alsc.daodian.ticket.consult"),
        ("timestamp", "2026-11-22 01:05:12"),
        ("v", "2.0"),
    ];

    fn sorted<'p>(pairs: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
        let mut sorted = pairs.to_vec();
        sorted.sort_unstable();
        sorted
    }

    #[test]
    fn vectors() {
        let check = |pairs: &[(&str, &str)], secret: &str, method: SignMethod, expected: &str| {
            let mut pairs = pairs.to_vec();
            pairs.push(("sign_method", method.name()));
            let signed = sign(method, secret.as_bytes(), &pairs);
            assert_eq!(signed, expected);
            pairs.push((SIGN, &signed));
            let pairs = sorted(&pairs);
            let verify =
                |sign: &str| verify(method, secret.as_bytes(), pairs.iter().copied(), sign);
            assert!(verify(expected));
            assert!(verify(&expected.to_lowercase()));
            let other_end = if expected.ends_with('0') { '1' } else { '0' };
            assert!(!verify(&format!("{}{other_end}", &expected[..expected.len() - 1])));
        };
        use SignMethod::{Hmac, HmacSha256, Md5};
        // T1 is the platform's own example, T4 its older one.
        check(&P1, "helloworld", Md5, "66987CB115214E59E6EC978214934FB8");
        check(&P1, "helloworld", Hmac, "D56D7858309C31B6251083A874D48273");
        check(
            &P1,
            "helloworld",
            HmacSha256,
            "04DB15AD0774D5CFCE2C837DE43E3FCEA9011ED74F3038FB6AB5F3C4CEA119E8",
        );
        check(&P4, "test", Md5, "72CB4D809B375A54502C09360D879C64");
        check(&P5, "helloworld", Md5, "37FB4D628575849FA610D77401790ADF");
        check(&P5, "helloworld", Hmac, "AFDF729E3E5DC1D29A926F545CFDE1F7");
        check(
            &P5,
            "helloworld",
            HmacSha256,
            "7CE6D5DEF1F70C9D3CAC9DA1FEB0CE21E5DF38E804792FA328FC83D11D8D7651",
        );
    }

    /// The message of both cases is "Hi There", the text of one parameter `Hi` = ` There`.
    #[test]
    fn rfc_2202_and_rfc_4231_case_1() {
        let pairs = [("Hi", " There")];
        assert_eq!(sign(SignMethod::Hmac, &[0x0b; 16], &pairs), "9294727A3638BB1C13F48EF8158BFC9D");
        assert_eq!(
            sign(SignMethod::HmacSha256, &[0x0b; 20], &pairs),
            "B0344C61D8DB38535CA8AFCEAF0BF12B881DC200C9833DA726E9376C2E32CFF7"
        );
    }

    #[test]
    fn either_treatment_of_empty_values_is_accepted() {
        for method in SignMethod::ALL {
            let all = [("a", "1"), ("b", ""), ("c", "3")];
            let filled = [("a", "1"), ("c", "3")];
            let accepts = |sign: &str| verify(method, b"s", all.iter().copied(), sign);
            let (kept, skipped) = (sign(method, b"s", &all), sign(method, b"s", &filled));
            assert_ne!(kept, skipped);
            assert!(accepts(&kept) && accepts(&skipped));
            assert!(!verify(method, b"s", filled.iter().copied(), &kept));
        }
    }

    #[test]
    fn nothing_else_is_accepted() {
        let right = sign(SignMethod::Md5, b"s", &P4);
        let check = |sign: &str| {
            assert!(!verify(SignMethod::Md5, b"s", P4.iter().copied(), sign), "{sign:?}");
        };
        check("");
        check("0");
        check(&right[..30]);
        check(&format!("{right}00"));
        check(&format!("{right} "));
        check(&right.replace(char::is_numeric, "g"));
        check(&"0".repeat(64));
        check(&"0".repeat(1000));
        check("签");
        check(&sign(SignMethod::Md5, b"t", &P4));
        check(&sign(SignMethod::Hmac, b"s", &P4));
    }

    proptest! {
        #[test]
        fn order_does_not_matter(
            pairs in prop::collection::hash_map("[a-z_]{1,12}", ".*", 0..12)
                .prop_map(|pairs| pairs.into_iter().collect::<Vec<_>>()),
            order in any::<prop::sample::Index>(),
        ) {
            let pairs: Vec<(&str, &str)> =
                pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            let mut rotated = pairs.clone();
            if !rotated.is_empty() {
                let by = order.index(rotated.len());
                rotated.rotate_left(by);
                rotated.reverse();
            }
            for method in SignMethod::ALL {
                let signed = sign(method, b"secret", &pairs);
                prop_assert_eq!(&signed, &sign(method, b"secret", &rotated));
                prop_assert!(verify(method, b"secret", sorted(&pairs).into_iter(), &signed));
            }
        }

        #[test]
        fn no_signature_panics(sign: String) {
            prop_assert!(!verify(SignMethod::HmacSha256, b"s", P1.iter().copied(), &sign));
        }
    }
}
