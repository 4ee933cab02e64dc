//! Requests that HTTP itself has something to say about, byte for byte: what comes back, and how soon.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use crate::support::partner::{ROUTER, THEATRE, VERIFY};
use crate::support::server::Server;

/// Sends pieces with a pause before each but the first, and returns what comes back.
fn exchange(server: &Server, pause: Duration, pieces: &[&str]) -> String {
    let mut stream = TcpStream::connect(server.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            sleep(pause);
        }
        stream.write_all(piece.as_bytes()).unwrap();
    }
    let mut answer = Vec::new();
    // A connection that is reset after the answer has still answered.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn at_once(server: &Server, request: &str) -> String {
    exchange(server, Duration::ZERO, &[request])
}

fn post(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: venue.test\r\nConnection: close\r\n{headers}\r\n")
}

#[test]
fn a_body_announced_too_large_is_refused_before_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    // Waiting for the body would end in 408.
    let headers = "Content-Type: application/json\r\nContent-Length: 262145\r\n";
    let refused = at_once(&server, &post(THEATRE, headers));
    assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");
    assert!(refused.ends_with(r#"{"Message":"Maximum request length exceeded."}"#), "{refused}");
    let refused = at_once(&server, &post(ROUTER, headers));
    assert!(refused.starts_with("HTTP/1.1 200 "), "{refused}");
    assert!(refused.contains("<code>43</code>"), "{refused}");
}

#[test]
fn a_body_that_is_framed_wrongly_is_a_bad_request() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let chunked = post(THEATRE, "Transfer-Encoding: chunked\r\n");
    let refused = at_once(&server, &format!("{chunked}zz\r\n"));
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
}

#[test]
fn a_whole_uri_in_the_request_line_is_told_as_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for (target, told) in
        [("/nope?a=1", "http://venue.test/nope?a=1"), ("http://x/no", "http://x/no")]
    {
        let missing = at_once(&server, &post(target, "Content-Length: 0\r\n"));
        assert!(missing.starts_with("HTTP/1.1 404 "), "{missing}");
        assert!(missing.contains(&format!("matches the request URI '{told}'.")), "{missing}");
    }
}

#[test]
fn a_slow_client_is_not_measured_as_a_slow_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let head = post(VERIFY, "Content-Type: application/json\r\nContent-Length: 2\r\n");
    let pause = Duration::from_secs(1);
    let refused = exchange(&server, pause, &[&head, "{}"]);
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    let metrics =
        at_once(&server, "GET /metrics HTTP/1.1\r\nHost: venue.test\r\nConnection: close\r\n\r\n");
    let sum = metrics
        .lines()
        .find_map(|line| line.strip_prefix(r#"piaoku_request_seconds_sum{operation="verify"} "#));
    let seconds: f64 = sum.expect("the sum").parse().unwrap();
    assert!(seconds < pause.as_secs_f64() / 2.0, "{seconds}");
}
