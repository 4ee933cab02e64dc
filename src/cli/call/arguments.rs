//! What can be asked of a partner, with the demo's identifiers as defaults.

use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

use crate::types::ServiceDate;
use crate::wire::top::sign::SignMethod;

/// The demo's public identifiers; a test compares them with data/demo.
pub(in crate::cli) mod demo {
    pub(in crate::cli) const AGENT: &str = "demo-agent";
    pub(in crate::cli) const SESSION_KEY: &str = "00000000-1111-2222-3333-444444444444";
    pub(in crate::cli) const LOGIN_PASSWORD: &str = "Login#2024";
    pub(in crate::cli) const PAY_PASSWORD: &str = "Pay#2024";
    pub(in crate::cli) const SHOW: &str = "P-SHOW";
    pub(in crate::cli) const SHOW_TIME: &str = "1930";
    pub(in crate::cli) const AREA: &str = "A";
    pub(in crate::cli) const TIMED: &str = "P-ADULT";
    pub(in crate::cli) const SKU: &str = "7000000000000000001";
    pub(in crate::cli) const CLIENT_KEY: &str = "awdemo0000000001";
    pub(in crate::cli) const CLIENT_SECRET: &str = "0123456789abcdef0123456789abcdef";
    pub(in crate::cli) const APP_KEY: &str = "12345678";
    pub(in crate::cli) const APP_SECRET: &str = "helloworld";
    pub(in crate::cli) const SHOP: &str = "2017112100077000000046517463";
    pub(in crate::cli) use crate::http::DEMO_GATE_TOKEN as GATE_TOKEN;
}

/// Flags of `call`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct CallArguments {
    #[command(subcommand)]
    pub(super) asked: Asked,
}

impl CallArguments {
    pub(super) fn connection(&self) -> &Connection {
        match &self.asked {
            Asked::Order(arguments) => &arguments.connection,
            Asked::Verify(arguments) => &arguments.connection,
            Asked::Ask(arguments) => &arguments.connection,
            Asked::Codes(arguments) => &arguments.connection,
            Asked::Consult(arguments) => &arguments.connection,
            Asked::Redeem(arguments) => &arguments.connection,
            Asked::Reverse(arguments) => &arguments.connection,
        }
    }
}

/// What to ask.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Asked {
    /// As an agent: order and pay (OrderAndPay2, or OrderAndPay with --timespan)
    Order(OrderArguments),
    /// As an agent: whether an order would be accepted
    Verify(VerifyArguments),
    /// As an agent: a question by its path, e.g. /api/Products or '/api/Products/Inventory?productid=P-FLASH'
    Ask(AskArguments),
    /// As Douyin: issue voucher codes (TicketCode/Get)
    Codes(CodesArguments),
    /// As Alibaba local life: preview a voucher code (alibaba.alsc.daodian.ticket.consult)
    Consult(ConsultArguments),
    /// As a gate: redeem a voucher code; with --shop as Alibaba local life
    /// (alibaba.alsc.merchant.ext.ticketcode.use)
    Redeem(RedeemArguments),
    /// As a gate: take a redemption back
    Reverse(ReverseArguments),
}

/// Format of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum BodyFormat {
    #[default]
    Json,
    Xml,
}

impl BodyFormat {
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        }
    }
}

/// Where to send, and whether to send at all.
#[derive(Clone, Debug, Args)]
pub(super) struct Connection {
    /// The server
    #[arg(long, value_name = "URL", default_value = super::DEFAULT_URL)]
    pub(super) url: String,
    /// Format of the request and of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: BodyFormat,
    /// Send nothing; print a curl line that does (good for as long as its signature is)
    #[arg(long)]
    pub(super) print_only: bool,
    /// Seconds to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(super) timeout_seconds: u64,
}

impl Connection {
    pub(super) fn to(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            format: BodyFormat::default(),
            print_only: false,
            timeout_seconds: 30,
        }
    }
}

/// Who calls the agents' interface.
#[derive(Clone, Debug, Args)]
pub(super) struct AgentArguments {
    /// User name
    #[arg(long, value_name = "NAME", default_value = demo::AGENT)]
    pub(super) agent: String,
    /// Session key
    #[arg(long, value_name = "KEY", default_value = demo::SESSION_KEY)]
    pub(super) session_key: String,
    /// Login password
    #[arg(long, value_name = "TEXT", default_value = demo::LOGIN_PASSWORD)]
    pub(super) login_password: String,
    /// Pay password
    #[arg(long, value_name = "TEXT", default_value = demo::PAY_PASSWORD)]
    pub(super) pay_password: String,
    /// Add the payload's hash to the signature, which most agents leave out
    #[arg(long)]
    pub(super) payload_hash: bool,
}

/// Who the tickets are for. What is not given is made up, and valid.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct PersonArguments {
    /// Document number; with several tickets every line gets it
    #[arg(long, value_name = "NUMBER")]
    pub(super) document: Option<String>,
    /// Kind of document: 1 ID card, 2 passport, 3 officer, 4 student, 5 senior, 6 disability, 9 other
    #[arg(long, value_name = "CHARACTER", default_value = "1")]
    pub(super) document_type: String,
    /// Traveller's name
    #[arg(long, value_name = "TEXT")]
    pub(super) name: Option<String>,
    /// Mobile
    #[arg(long, value_name = "NUMBER")]
    pub(super) mobile: Option<String>,
}

/// Which balance pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum PayFrom {
    #[default]
    Rebate,
    Prepayment,
}

/// Flags of `call order`.
#[derive(Clone, Debug, Args)]
pub(super) struct OrderArguments {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(flatten)]
    pub(super) agent: AgentArguments,
    #[command(flatten)]
    pub(super) person: PersonArguments,
    /// Product
    #[arg(long, value_name = "ID", default_value = demo::SHOW)]
    pub(super) product: String,
    /// Visit date, yyyyMMdd, yyyy-MM-dd or today [default: tomorrow]
    #[arg(long, value_name = "DATE")]
    pub(super) date: Option<DateArgument>,
    /// Tickets; each is a line with a traveller of its own
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(super) amount: u16,
    /// Timespan from 1, or -1 for the earliest with room: asks the scenic spots' OrderAndPay
    #[arg(long, value_name = "INDEX", allow_negative_numbers = true)]
    pub(super) timespan: Option<i32>,
    /// Performance [default for P-SHOW: SC-yyyyMMdd-1930]
    #[arg(long, value_name = "ID", conflicts_with = "timespan")]
    pub(super) scene: Option<String>,
    /// Area of the performance
    #[arg(long, value_name = "ID", default_value = demo::AREA)]
    pub(super) area: String,
    /// The caller's own order number; sent again it gets the first answer [default: a fresh one]
    #[arg(long, value_name = "TEXT")]
    pub(super) senderid: Option<String>,
    /// Balance that pays
    #[arg(long, value_enum, default_value_t)]
    pub(super) pay_from: PayFrom,
    /// Use the older address /Source/OrderAndPayWithFK2.aspx
    #[arg(long, conflicts_with_all = ["timespan", "pay_from"])]
    pub(super) old_address: bool,
}

/// Flags of `call verify`.
#[derive(Clone, Debug, Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(flatten)]
    pub(super) agent: AgentArguments,
    #[command(flatten)]
    pub(super) person: PersonArguments,
    /// Product
    #[arg(long, value_name = "ID", default_value = demo::TIMED)]
    pub(super) product: String,
    /// Visit date, yyyyMMdd, yyyy-MM-dd or today [default: tomorrow]
    #[arg(long, value_name = "DATE")]
    pub(super) date: Option<DateArgument>,
    /// Tickets; each is a line with a traveller of its own
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(super) amount: u16,
    /// Timespan from 1, 0 for a product without any, -1 for the earliest with room
    #[arg(long, value_name = "INDEX", default_value_t = -1, allow_negative_numbers = true)]
    pub(super) timespan: i32,
}

/// Flags of `call ask`.
#[derive(Clone, Debug, Args)]
pub(super) struct AskArguments {
    /// Path and query, as docs/protocols/ota.md, "Queries" lists them
    #[arg(value_name = "PATH", value_parser = path)]
    pub(super) path: String,
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(flatten)]
    pub(super) agent: AgentArguments,
}

/// Flags of `call codes`.
#[derive(Clone, Debug, Args)]
pub(super) struct CodesArguments {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(flatten)]
    pub(super) person: PersonArguments,
    /// Douyin's product id
    #[arg(long, value_name = "ID", default_value = demo::SKU)]
    pub(super) sku: String,
    /// Codes
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(super) count: u16,
    /// First day of validity, and the visit date of a dated product [default: tomorrow]
    #[arg(long, value_name = "DATE")]
    pub(super) date: Option<DateArgument>,
    /// Days of validity
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    pub(super) days: u16,
    /// Douyin's order number; sent again it gets the same codes [default: a fresh one]
    #[arg(long, value_name = "TEXT")]
    pub(super) order_id: Option<String>,
    /// client_key
    #[arg(long, value_name = "KEY", default_value = demo::CLIENT_KEY)]
    pub(super) client_key: String,
    /// The client's secret
    #[arg(long, value_name = "TEXT", default_value = demo::CLIENT_SECRET)]
    pub(super) secret: String,
    /// Sign with the older form, the query parameter `sign`
    #[arg(long)]
    pub(super) old_sign: bool,
}

/// Flags of `call consult`.
#[derive(Clone, Debug, Args)]
pub(super) struct ConsultArguments {
    #[command(flatten)]
    pub(super) connection: Connection,
    /// The voucher code, e.g. one that `call codes` printed
    #[arg(long, value_name = "CODE")]
    pub(super) code: String,
    /// The shop that asks
    #[arg(long, value_name = "ID", default_value = demo::SHOP)]
    pub(super) shop: String,
    /// app_key
    #[arg(long, value_name = "KEY", default_value = demo::APP_KEY)]
    pub(super) app_key: String,
    /// The application's secret
    #[arg(long, value_name = "TEXT", default_value = demo::APP_SECRET)]
    pub(super) secret: String,
    /// How to sign: md5, hmac or hmac-sha256
    #[arg(long, value_name = "METHOD", default_value = "md5", value_parser = sign_method)]
    pub(super) sign_method: SignMethod,
    /// Ask for the simplified JSON answer
    #[arg(long)]
    pub(super) simplify: bool,
    /// GET with everything in the query instead of POST
    #[arg(long)]
    pub(super) get: bool,
}

/// Flags of `call redeem`.
#[derive(Clone, Debug, Args)]
pub(super) struct RedeemArguments {
    #[command(flatten)]
    pub(super) connection: Connection,
    /// The voucher code, e.g. one that `call codes` printed
    #[arg(long, value_name = "CODE")]
    pub(super) code: String,
    /// Uses
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(super) quantity: u16,
    /// The gate's number of the request; sent again it gets the same answer [default: a fresh one]
    #[arg(long, value_name = "TEXT")]
    pub(super) request_no: Option<String>,
    /// The gate's token
    #[arg(long, value_name = "TEXT", default_value = demo::GATE_TOKEN)]
    pub(super) token: String,
    /// Redeem through the TOP gateway at this shop instead, e.g. 2017112100077000000046517463
    #[arg(long, value_name = "ID", conflicts_with = "token")]
    pub(super) shop: Option<String>,
    /// app_key, with --shop
    #[arg(long, value_name = "KEY", default_value = demo::APP_KEY)]
    pub(super) app_key: String,
    /// The application's secret, with --shop
    #[arg(long, value_name = "TEXT", default_value = demo::APP_SECRET)]
    pub(super) secret: String,
}

/// Flags of `call reverse`.
#[derive(Clone, Debug, Args)]
pub(super) struct ReverseArguments {
    #[command(flatten)]
    pub(super) connection: Connection,
    /// The voucher code
    #[arg(long, value_name = "CODE")]
    pub(super) code: String,
    /// The redemption [default: the code's last one that still counts]
    #[arg(long, value_name = "NUMBER")]
    pub(super) redemption: Option<String>,
    /// The gate's number of the request; sent again it gets the same answer [default: a fresh one]
    #[arg(long, value_name = "TEXT")]
    pub(super) request_no: Option<String>,
    /// The gate's token
    #[arg(long, value_name = "TEXT", default_value = demo::GATE_TOKEN)]
    pub(super) token: String,
}

impl Default for VerifyArguments {
    fn default() -> Self {
        Self {
            connection: Connection::to(super::DEFAULT_URL),
            agent: AgentArguments {
                agent: demo::AGENT.to_owned(),
                session_key: demo::SESSION_KEY.to_owned(),
                login_password: demo::LOGIN_PASSWORD.to_owned(),
                pay_password: demo::PAY_PASSWORD.to_owned(),
                payload_hash: false,
            },
            person: PersonArguments { document_type: "1".to_owned(), ..PersonArguments::default() },
            product: demo::TIMED.to_owned(),
            date: None,
            amount: 1,
            timespan: -1,
        }
    }
}

impl CodesArguments {
    /// What the demo's client asks for, at another address.
    pub(super) fn to(url: &str) -> Self {
        Self {
            connection: Connection::to(url),
            person: PersonArguments { document_type: "1".to_owned(), ..PersonArguments::default() },
            sku: demo::SKU.to_owned(),
            count: 1,
            date: None,
            days: 30,
            order_id: None,
            client_key: demo::CLIENT_KEY.to_owned(),
            secret: demo::CLIENT_SECRET.to_owned(),
            old_sign: false,
        }
    }
}

fn path(text: &str) -> Result<String, String> {
    let sent_as_it_is = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if text.starts_with('/') && sent_as_it_is {
        return Ok(text.to_owned());
    }
    Err("a path that begins with /, percent-encoded where it is not ASCII".to_owned())
}

fn sign_method(name: &str) -> Result<SignMethod, String> {
    SignMethod::from_name(name).ok_or_else(|| "md5, hmac or hmac-sha256".to_owned())
}

/// A date as it is typed.
#[derive(Clone, Copy, Debug)]
pub(super) enum DateArgument {
    /// The venue's day at the time of the call.
    Today,
    /// A day of the calendar.
    Day(ServiceDate),
}

impl FromStr for DateArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "today" {
            return Ok(Self::Today);
        }
        let date = ServiceDate::parse_compact(&text.replace('-', ""));
        date.map(Self::Day).map_err(|error| format!("{error}: yyyyMMdd, yyyy-MM-dd or today"))
    }
}
