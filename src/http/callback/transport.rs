//! One call of an agent: send the request, read a bounded answer, judge it.

use std::io::Read as _;
use std::time::Duration;

use ureq::http;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;

use crate::actors::{CallbackConfig, CallbackFailure};
use crate::http::callback::guard::{GuardedResolver, OutOfReach, Reach};
use crate::wire::ota::{CallbackRequest, is_success};

/// Makes calls. Cheap to clone; each call blocks its thread.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    agent: ureq::Agent,
    answer_bytes_max: u64,
}

impl Transport {
    pub(super) fn new(config: &CallbackConfig, reach: Reach) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // An address that sends us on could send us anywhere; the agent sets the right one.
            .max_redirects(0)
            // A proxy would look hosts up itself, past the guard.
            .proxy(None)
            .timeout_global(Some(Duration::from_millis(config.timeout_ms)))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::WebPki).build())
            .user_agent(concat!("piaoku/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = GuardedResolver::new(reach);
        let agent = ureq::Agent::with_parts(agent, DefaultConnector::default(), resolver);
        Self { agent, answer_bytes_max: config.answer_bytes_max }
    }

    /// Makes one call.
    ///
    /// # Errors
    /// Why it does not count as taken.
    pub(super) fn send(&self, request: &CallbackRequest) -> Result<(), CallbackFailure> {
        let builder = http::Request::builder().uri(&request.url).header("Accept", "*/*");
        let sent = match &request.form {
            Some(form) => {
                let kind = "application/x-www-form-urlencoded; charset=utf-8";
                let post = builder.method("POST").header("Content-Type", kind).body(form.as_str());
                self.agent.run(post.map_err(|_| CallbackFailure::BadAddress)?)
            }
            None => {
                let get = builder.method("GET").body(());
                self.agent.run(get.map_err(|_| CallbackFailure::BadAddress)?)
            }
        };
        let answer = sent.map_err(|error| failure(&error))?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        // An answer that breaks off is judged by what has come, which a code or a word must be in.
        let reader = answer.into_body().into_reader();
        let read = reader.take(self.answer_bytes_max).read_to_end(&mut body);
        if is_success(status, &body) {
            return Ok(());
        }
        match read {
            _ if !(200..300).contains(&status) => Err(CallbackFailure::Status(status)),
            Ok(_) => Err(CallbackFailure::Answer),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                Err(CallbackFailure::Timeout)
            }
            Err(_) => Err(CallbackFailure::Connection),
        }
    }
}

/// What went wrong, without the address: it holds voucher codes.
fn failure(error: &ureq::Error) -> CallbackFailure {
    match error {
        ureq::Error::Timeout(_) => CallbackFailure::Timeout,
        ureq::Error::HostNotFound => CallbackFailure::UnknownHost,
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => CallbackFailure::BadAddress,
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => CallbackFailure::Tls,
        ureq::Error::Other(other) if other.is::<OutOfReach>() => CallbackFailure::OutOfReach,
        ureq::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::TimedOut => CallbackFailure::Timeout,
            // What the TLS library cannot accept comes wrapped.
            std::io::ErrorKind::InvalidData => CallbackFailure::Tls,
            _ => CallbackFailure::Connection,
        },
        _ => CallbackFailure::Connection,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    const HERE: Reach = Reach { private: false, loopback: true };

    fn transport(reach: Reach) -> Transport {
        let config = CallbackConfig { timeout_ms: 300, ..CallbackConfig::default() };
        Transport::new(&config, reach)
    }

    /// What comes of a call that is answered with these bytes, and what was sent.
    fn answered(
        answer: &'static [u8],
        form: Option<&str>,
    ) -> (Result<(), CallbackFailure>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/callback?a=1", listener.local_addr().unwrap());
        let agent = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut sent = [0; 4096];
            let read = stream.read(&mut sent).unwrap();
            stream.write_all(answer).unwrap();
            // An answer that is not whole stays open: only time can end it.
            if answer.is_empty() {
                std::thread::sleep(Duration::from_millis(600));
            }
            String::from_utf8_lossy(&sent[..read]).into_owned()
        });
        let request = CallbackRequest { url, form: form.map(ToOwned::to_owned) };
        let result = transport(HERE).send(&request);
        (result, agent.join().unwrap())
    }

    #[test]
    fn a_call_is_sent_as_it_was_written() {
        let success = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nsuccess";
        let (result, sent) = answered(success, None);
        assert_eq!(result, Ok(()));
        assert!(sent.starts_with("GET /callback?a=1 HTTP/1.1\r\n"), "{sent}");
        let (result, sent) = answered(success, Some("parm=p&sign=s"));
        assert_eq!(result, Ok(()));
        assert!(sent.starts_with("POST /callback?a=1 HTTP/1.1\r\n"), "{sent}");
        let sent = sent.to_ascii_lowercase();
        assert!(sent.contains("content-type: application/x-www-form-urlencoded"), "{sent}");
    }

    #[test]
    fn whatever_is_not_success_has_a_name() {
        use CallbackFailure::{Answer, Connection, Status, Timeout};
        let check = |answer: &'static [u8], expected| {
            let (result, _) = answered(answer, None);
            assert_eq!(result, Err(expected), "{}", String::from_utf8_lossy(answer));
        };
        check(b"HTTP/1.1 500 .\r\nContent-Length: 7\r\n\r\nsuccess", Status(500));
        check(b"HTTP/1.1 302 .\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", Status(302));
        check(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", Answer);
        check(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsucc", Connection);
        check(b"no HTTP\r\n\r\n", Connection);
        check(b"", Timeout);
    }

    #[test]
    fn no_more_of_an_answer_is_read_than_is_configured() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let agent = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            // Never ends by itself, until nobody reads any more.
            while stream.write_all(&[b' '; 4096]).is_ok() {}
        });
        let result = transport(HERE).send(&CallbackRequest { url, form: None });
        assert_eq!(result, Err(CallbackFailure::Answer));
        agent.join().unwrap();
    }

    #[test]
    fn nobody_is_called_who_may_not_be() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let outside = Reach { private: false, loopback: false };
        for host in ["127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]"] {
            let request = CallbackRequest { url: format!("http://{host}:{port}/"), form: None };
            let result = transport(outside).send(&request);
            assert!(result.is_err(), "{host}");
        }
        let request = CallbackRequest { url: format!("http://127.0.0.1:{port}/"), form: None };
        assert_eq!(transport(outside).send(&request), Err(CallbackFailure::OutOfReach));
        assert!(listener.accept().is_err(), "nobody connected");
        drop(listener);
        assert_eq!(transport(HERE).send(&request), Err(CallbackFailure::Connection));
        let nonsense = CallbackRequest { url: "http://[".to_owned(), form: None };
        assert_eq!(transport(HERE).send(&nonsense), Err(CallbackFailure::BadAddress));
    }

    #[test]
    fn a_certificate_must_be_one_that_is_trusted() {
        // It speaks no TLS at all, which is no certificate.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let agent = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess");
        });
        let result = transport(HERE).send(&CallbackRequest { url, form: None });
        assert_eq!(result, Err(CallbackFailure::Tls));
        agent.join().unwrap();
    }
}
