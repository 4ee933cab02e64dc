//! An agent's side of callbacks: a server on this machine that checks every signature, writes every
//! call down, and answers as a test wants it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use piaoku::wire::ota::{HawkCredential, UpperMd5, callback_sign};

use super::partner::{Agent, LOGIN_PASSWORD};

/// How long a test waits for calls before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// One call as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// The payload.
    pub(crate) parm: String,
    /// Whether `sign` is the agent's signature of `parm`.
    pub(crate) is_signed: bool,
}

/// What a call is answered with.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: &'static str,
    pub(crate) delay: Duration,
}

impl Reply {
    pub(crate) const SUCCESS: Self = Self { status: 200, body: "success", delay: Duration::ZERO };
    pub(crate) const BROKEN: Self = Self { status: 500, body: "broken", delay: Duration::ZERO };
}

impl Call {
    /// A member or element of the payload, empty when it is null or not there.
    pub(crate) fn field(&self, name: &str) -> String {
        let (begin, ends) = if self.parm.starts_with('<') {
            (format!("<{name}>"), '<')
        } else {
            (format!("\"{name}\":"), ',')
        };
        let Some((_, rest)) = self.parm.split_once(&begin) else { return String::new() };
        let value = match rest.strip_prefix('"') {
            Some(text) => text.split('"').next(),
            None => rest.split([ends, '}']).next(),
        };
        value.filter(|value| *value != "null").unwrap_or_default().to_owned()
    }
}

type Answers = dyn Fn(&Call, usize) -> Reply + Send + Sync;

struct Shared {
    credential: HawkCredential,
    calls: Mutex<Vec<Call>>,
    arrived: Condvar,
    /// Given the call and how many came before it.
    answers: Mutex<Arc<Answers>>,
    stopping: AtomicBool,
}

/// A running receiver. Dropping it stops it.
pub(crate) struct Receiver {
    addr: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Starts one for the callbacks of `agent`; it answers with success.
    pub(crate) fn start(agent: &Agent) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("its address");
        let login = UpperMd5::of(LOGIN_PASSWORD);
        let shared = Arc::new(Shared {
            credential: HawkCredential::new(agent.session_key, &login),
            calls: Mutex::default(),
            arrived: Condvar::new(),
            answers: Mutex::new(Arc::new(|_, _| Reply::SUCCESS)),
            stopping: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopping.load(Ordering::Acquire) {
                    break;
                }
                let shared = Arc::clone(&accepting);
                // A slow answer to one call must not hold another up.
                std::thread::spawn(move || stream.map(|stream| shared.serve(stream)));
            }
        });
        Self { addr, shared, thread: Some(thread) }
    }

    /// The address to be called at.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/callback", self.addr)
    }

    /// Answers calls from now on as `answers` says, given the call and how many came before it.
    pub(crate) fn answer(&self, answers: impl Fn(&Call, usize) -> Reply + Send + Sync + 'static) {
        *self.shared.answers.lock().expect("nobody panics here") = Arc::new(answers);
    }

    /// Every call so far, in the order of arrival.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().expect("nobody panics here").clone()
    }

    /// Waits until there are `count` calls, and returns all there are.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Call> {
        let calls = self.shared.calls.lock().expect("nobody panics here");
        let waiting = |calls: &mut Vec<Call>| calls.len() < count;
        let waited = self.shared.arrived.wait_timeout_while(calls, PATIENCE, waiting);
        let (calls, timeout) = waited.expect("nobody panics here");
        assert!(!timeout.timed_out(), "{} of {count} calls: {calls:#?}", calls.len());
        calls.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Reads one request, answers it and closes the connection.
    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let header = header.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut form = vec![0; length];
        reader.read_exact(&mut form).ok()?;
        let query = path.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
        let fields = if method == "GET" { query.into_bytes() } else { form };
        let pair = |wanted: &str| {
            let mut pairs = form_urlencoded::parse(&fields);
            pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        let (parm, sign) = (pair("parm").unwrap_or_default(), pair("sign").unwrap_or_default());
        let is_signed = callback_sign(&self.credential, &parm) == sign;
        let call = Call { method, parm, is_signed };
        let answers = Arc::clone(&self.answers.lock().expect("nobody panics here"));
        let before = {
            let mut calls = self.calls.lock().expect("nobody panics here");
            calls.push(call.clone());
            self.arrived.notify_all();
            calls.len() - 1
        };
        let Reply { status, body, delay } = answers(&call, before);
        std::thread::sleep(delay);
        let head = format!("HTTP/1.1 {status} .\r\nContent-Length: {}\r\n", body.len());
        let mut stream = stream;
        stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).ok()
    }
}
