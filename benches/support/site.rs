//! A whole server on a free port of this process, what partners send it, and keep-alive connections.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use piaoku::actors::{EngineConfig, EngineHandle};
use piaoku::clock::{Clock as _, SystemClock};
use piaoku::config::catalogue_file::{self, CatalogueDocuments, CatalogueEntry};
use piaoku::domain::account::{AccountKey, Balance, Holder};
use piaoku::domain::identity::sample;
use piaoku::http::{AdminConfig, HttpConfig, HttpParts};
use piaoku::metrics::Metrics;
use piaoku::types::ServiceDate;
use piaoku::vault::{KeyRing, MissingKeyFile, Purpose};
use piaoku::wire::codec::{to_json, to_xml};
use piaoku::wire::ota::hawk::{HawkRequest, authorization};
use piaoku::wire::ota::{
    HawkCredential, OrderAddItemParm, OrderAddParm, OrderAndPayWithPasswordParm,
    PayOrderUsePayPasswordParm, PayPassword, UpperMd5,
};

use super::store;

/// A product with every kind of rule and plenty of places, and one that is sold out at once.
const PRODUCTS: &str = r#"
[[product]]
id = "B-RULES"
supplier = "01"
name = "全规则票"
price = "1.00"
capacity = 1000000000
first_day = 0
days = 60
timespans = ["00:00-12:00", "12:00-24:00"]
order_min = 1
order_max = 5
document_per_ticket = true
unique_documents = true
channels = ["ota", "douyin"]
weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
limits = [
    { scope = "document", window = "visit_date", max = 1 },
    { scope = "document", window = "rolling", days = 30, max = 2 },
    { scope = "mobile", window = "timespan", max = 100 },
    { scope = "agent", window = "visit_date", max = 4000000000 },
    { scope = "everyone", window = "lifetime", max = 4000000000 },
]
[[product.condition]]
types = ["resident_id"]
age_from = 1
age_to = 199
must_not_match = "^0"
text = "证件不可购票"

[[product]]
id = "B-NONE"
supplier = "01"
name = "售罄票"
price = "1.00"
capacity = 0
first_day = 0
days = 60
order_min = 1
order_max = 5
"#;

const DEMO: &str = include_str!("../../data/demo/catalogue.toml");
const AGENT: &str = "demo-agent";
const SESSION_KEY: &str = "00000000-1111-2222-3333-444444444444";
const LOGIN_PASSWORD: &str = "Login#2024";
const PAY_PASSWORD: &str = "Pay#2024";

/// "May I sell this?"
pub(crate) const VERIFY: &str = "/api/SpecialOta/DouYin/CalendarTicket/Order/Verify";
/// Order at a scenic spot and pay from the rebate.
pub(crate) const ORDER: &str = "/api/OrderAndPay/WithRebate";

/// Offset of the venues from UTC, in seconds.
const OFFSET: i32 = 8 * 3600;

/// A running server. Dropping it stops it in order.
pub(crate) struct Site {
    pub(crate) addr: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// Starts one on an empty directory.
    pub(crate) fn start(dir: &Path) -> Self {
        let dir = dir.to_owned();
        let (started, begun) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(serve(dir, started, stopped));
        });
        let addr = begun.recv().expect("the server starts");
        Self { addr, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it stops in order");
        }
    }
}

async fn serve(
    dir: PathBuf,
    started: mpsc::Sender<SocketAddr>,
    stopped: tokio::sync::oneshot::Receiver<()>,
) {
    let engine = store::start(&dir, EngineConfig::default());
    let (keys, _) = KeyRing::load(None, &dir, MissingKeyFile::Refuse).expect("the same keys");
    import(&engine.handle(), &keys).await;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("its address");
    let parts = HttpParts {
        engine: engine.handle(),
        keys,
        config: HttpConfig::default(),
        metrics: Metrics::default(),
        admin: AdminConfig::default(),
        documents: Arc::new(CatalogueDocuments),
    };
    let server = piaoku::http::start(parts, listener).expect("the server listens");
    let http = server.handle();
    let serving = actix_rt::spawn(server);
    started.send(addr).expect("somebody waits");
    let _ = stopped.await;
    http.stop(true).await;
    let _ = serving.await;
    engine.stop().await;
}

async fn import(engine: &EngineHandle, keys: &KeyRing) {
    let today = ServiceDate::at(SystemClock.now(), OFFSET);
    let seal = |purpose: &'static str, bytes: &[u8]| {
        keys.seal(Purpose::new(purpose), bytes).map_err(Into::into)
    };
    let text = format!("{DEMO}{PRODUCTS}");
    let file = catalogue_file::parse(&text, today, &seal).expect("a catalogue");
    let (mut commands, mut fundings) = (Vec::new(), Vec::new());
    for entry in file.entries {
        match entry {
            CatalogueEntry::Command(command) => commands.push(command),
            CatalogueEntry::Funding(funding) => fundings.push(funding),
        }
    }
    engine.change_catalogue(commands).await.expect("the catalogue is imported");
    let catalogue = engine.catalogue();
    let year = today.to_civil().expect("a year").year();
    for funding in fundings {
        let agent = catalogue.agent_by_id(&funding.agent).expect("the agent").no;
        let supplier = catalogue.supplier_by_id(&funding.supplier).expect("the supplier").no;
        let account = AccountKey { supplier, holder: Holder::Agent(agent) };
        let rebate = Balance::Rebate { year };
        engine.top_up(account, rebate, funding.rebate).await.expect("money is credited");
    }
}

/// How a body is written.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    Json,
    Xml,
}

/// An agent's calls, each for a person and with a number of its own.
pub(crate) struct Partner {
    credential: HawkCredential,
    password: String,
    addr: SocketAddr,
    day: String,
    number: u64,
}

impl Partner {
    /// The demo's agent at a server.
    pub(crate) fn of(addr: SocketAddr) -> Self {
        let login = UpperMd5::of(LOGIN_PASSWORD);
        let password = PayPassword::new(SESSION_KEY, &login, &UpperMd5::of(PAY_PASSWORD));
        Self {
            credential: HawkCredential::new(SESSION_KEY, &login),
            password: password.field().to_owned(),
            addr,
            day: ServiceDate::at(SystemClock.now(), OFFSET).plus_days(7).to_compact(),
            number: 0,
        }
    }

    /// The question whether a ticket could be sold, as the bytes of a request.
    pub(crate) fn verify(&mut self, product: &str, format: Format) -> Vec<u8> {
        let order = self.order_of(product);
        match format {
            Format::Json => self.post(VERIFY, "application/json", &to_json(&order)),
            Format::Xml => self.post(VERIFY, "application/xml", &to_xml(&order)),
        }
    }

    /// An order of one ticket paid from the rebate, as the bytes of a request.
    pub(crate) fn order(&mut self, product: &str, format: Format) -> Vec<u8> {
        let order = self.order_of(product);
        let paypassword = Some(self.password.clone().into());
        let pay = PayOrderUsePayPasswordParm { orderid: order.senderid.clone(), paypassword };
        let order = OrderAndPayWithPasswordParm { orderinfo: Some(order), payinfo: Some(pay) };
        match format {
            Format::Json => self.post(ORDER, "application/json", &to_json(&order)),
            Format::Xml => self.post(ORDER, "application/xml", &to_xml(&order)),
        }
    }

    /// One ticket for somebody who has none.
    fn order_of(&mut self, product: &str) -> OrderAddParm<'static> {
        self.number += 1;
        let text = |text: &str| Some(text.to_owned().into());
        let timespanindex = i32::from(product == "B-RULES");
        OrderAddParm {
            orderdetails: Some(vec![OrderAddItemParm {
                productid: text(product),
                amount: 1,
                identificationnumber: text(&sample::resident_id(self.number)),
                fullname: text("王小明"),
                identificationtype: text("1"),
                mobile: text(&sample::mobile(self.number)),
                gateinmode: text("I"),
                seatitems: None,
            }]),
            mobile: text(&sample::mobile(self.number)),
            effectdate: text(&self.day),
            senderid: text(&format!("BENCH-{:012}", self.number)),
            servicecode: text("01"),
            timespanindex,
            ..OrderAddParm::default()
        }
    }

    fn post(&self, path: &str, content_type: &str, body: &str) -> Vec<u8> {
        let (host, port) = (self.addr.ip().to_string(), self.addr.port());
        let signed = HawkRequest {
            method: "POST",
            path_and_query: path,
            host: &host,
            port,
            content_type,
            body: body.as_bytes(),
        };
        let nonce = format!("n{}", self.number);
        let now = SystemClock.now().as_secs();
        let authorization = authorization(&self.credential, AGENT, now, &nonce, &signed, false);
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: {content_type}\r\n\
             Authorization: {authorization}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// Keep-alive connections of one client.
pub(crate) struct Connections(Vec<Connection>);

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connections {
    pub(crate) fn open(addr: SocketAddr, many: usize) -> Self {
        let open = || {
            let stream = TcpStream::connect(addr).expect("it listens");
            stream.set_nodelay(true).expect("a TCP connection");
            Connection { stream, buffer: Vec::with_capacity(4096) }
        };
        Self((0..many).map(|_| open()).collect())
    }

    /// Sends a request on each connection, then reads every answer and shows its body to `look`.
    pub(crate) fn exchange(&mut self, requests: &[Vec<u8>], mut look: impl FnMut(&str)) {
        for (connection, request) in self.0.iter_mut().zip(requests) {
            connection.stream.write_all(request).expect("it takes requests");
        }
        for (connection, _) in self.0.iter_mut().zip(requests) {
            connection.answer(&mut look);
        }
    }
}

impl Connection {
    fn answer(&mut self, look: &mut impl FnMut(&str)) {
        self.buffer.clear();
        loop {
            let mut part = [0; 4096];
            let read = self.stream.read(&mut part).expect("an answer");
            assert!(read > 0, "the connection is kept");
            self.buffer.extend_from_slice(&part[..read]);
            let text = std::str::from_utf8(&self.buffer).unwrap_or_default();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
            });
            if body.len() == length.expect("a length") {
                assert!(head.starts_with("HTTP/1.1 200"), "{text}");
                return look(body);
            }
        }
    }
}
