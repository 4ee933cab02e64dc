//! The caller's side: a signed call, ready to be sent. For the command line and for tests.
//!
//! Source: docs/protocols/top.md, "Signing" and "Value encoding".

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::gateway::{Api, Format};
use super::sign::{SIGN, SignMethod, sign};
use super::timestamp;
use crate::types::UnixMillis;

/// All but letters, digits and `-._~` is escaped, a space as `%20`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Who calls, when, and how the answer is to look.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// The app.
    pub app_key: &'a str,
    /// The app's secret.
    pub secret: &'a str,
    /// How to sign.
    pub sign_method: SignMethod,
    /// How to answer.
    pub format: Format,
    /// The time of the call.
    pub now: UnixMillis,
}

impl Caller<'_> {
    /// All pairs of a call, `sign` last. `None` when `now` is no time a calendar has.
    #[must_use]
    pub fn signed_pairs(
        &self,
        api: Api,
        application: &[(&'static str, &str)],
    ) -> Option<Vec<(&'static str, String)>> {
        let format = if self.format == Format::Xml { "xml" } else { "json" };
        let mut pairs: Vec<(&'static str, String)> = vec![
            ("timestamp", timestamp::format(self.now)?),
            ("format", format.to_owned()),
            ("app_key", self.app_key.to_owned()),
            ("v", "2.0".to_owned()),
            ("sign_method", self.sign_method.name().to_owned()),
        ];
        if self.format == Format::SimplifiedJson {
            pairs.push(("simplify", "true".to_owned()));
        }
        pairs.extend(application.iter().map(|(key, value)| (*key, (*value).to_owned())));
        pairs.push(("method", api.name().to_owned()));
        let borrowed: Vec<_> = pairs.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let sign = sign(self.sign_method, self.secret.as_bytes(), &borrowed);
        pairs.push((SIGN, sign));
        Some(pairs)
    }
}

/// Pairs as a query string or form body, in the order given.
#[must_use]
pub fn encode_form<K: AsRef<str>, V: AsRef<str>>(pairs: &[(K, V)]) -> String {
    let mut form = String::new();
    for (key, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        form.extend(utf8_percent_encode(key.as_ref(), ESCAPED));
        form.push('=');
        form.extend(utf8_percent_encode(value.as_ref(), ESCAPED));
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::top::consult::{CONSULT_REQUEST, ConsultRequest};
    use crate::wire::top::gateway::{Gateway, GatewayConfig};
    use crate::wire::top::request::HttpCall;

    #[test]
    fn values_are_encoded_as_callers_do() {
        let encoded = encode_form(&[("a", "张 A+B&C=1%2B~*"), ("b", "")]);
        assert_eq!(encoded, "a=%E5%BC%A0%20A%2BB%26C%3D1%252B~%2A&b=");
    }

    #[test]
    fn the_gateway_admits_what_the_client_signs() {
        let now = UnixMillis::new(1_795_280_712_345);
        let gateway = Gateway::new(GatewayConfig::default()).unwrap();
        let request = ConsultRequest {
            request_id: "张三 A+B&C=1%2B 票~*😀".to_owned(),
            shop_id: "S".to_owned(),
            ticket_code: "1".to_owned(),
        };
        let text = serde_json::to_string(&request).unwrap();
        for sign_method in SignMethod::ALL {
            for format in [Format::Xml, Format::Json, Format::SimplifiedJson] {
                let caller = Caller { app_key: "1", secret: "s", sign_method, format, now };
                let pairs =
                    caller.signed_pairs(Api::TicketConsult, &[(CONSULT_REQUEST, &text)]).unwrap();
                let body = encode_form(&pairs);
                let call = HttpCall {
                    http_method: "POST",
                    query: "",
                    content_type: Some("application/x-www-form-urlencoded"),
                    body: body.as_bytes(),
                };
                let call = gateway.admit(&call, now, |_| Some("s")).unwrap();
                assert_eq!((call.api, call.format), (Api::TicketConsult, format));
                assert_eq!(ConsultRequest::parse(&call.params), Ok(request.clone()));
            }
        }
        let caller = Caller {
            app_key: "1",
            secret: "s",
            sign_method: SignMethod::Md5,
            format: Format::Xml,
            now: UnixMillis::new(i64::MAX),
        };
        assert_eq!(caller.signed_pairs(Api::TicketConsult, &[]), None);
    }
}
