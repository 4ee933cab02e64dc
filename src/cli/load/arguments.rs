//! Flags of `piaoku load`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::call::{DEFAULT_URL, demo};
use crate::load::{
    BodyFormat, CONNECTIONS_MAX, DURATION_MAX, Partner, Pattern, RATE_MAX, Repeats, Scenario,
    THREADS_MAX,
};
use crate::types::ServiceDate;

/// Products of data/load, unless others are named.
pub(super) const PRODUCT: &str = "P-LOAD";
/// Nothing is left of it.
pub(super) const SOLD_OUT: &str = "P-LOAD-OUT";
/// A fixed stock on each day.
pub(super) const FLASH: &str = "P-LOAD-FLASH";
/// Its stock.
pub(super) const FLASH_STOCK: u64 = 1000;
/// Douyin's SKU of a product with plenty.
pub(super) const SKU: &str = "7000000000000000101";

/// Flags of `load`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct LoadArguments {
    /// What to ask
    #[arg(value_enum, value_name = "SCENARIO")]
    name: ScenarioName,
    /// The server
    #[arg(long, value_name = "URL", default_value = DEFAULT_URL)]
    pub(super) url: String,
    /// Open loop: requests a second, due by a schedule whatever the server does; latency counts from
    /// the instant a request was due
    #[arg(long, value_name = "NUMBER", value_parser = rate, conflicts_with = "closed")]
    pub(super) rate: Option<f64>,
    /// Closed loop: the next request as soon as the one before is answered (the default)
    #[arg(long)]
    pub(super) closed: bool,
    /// How the requests of an open loop follow each other
    #[arg(long, value_enum, default_value_t)]
    pub(super) arrivals: ArrivalsName,
    /// Connections, and so requests in flight at most
    #[arg(long, value_name = "NUMBER", default_value_t = 64, value_parser = connections)]
    pub(super) connections: usize,
    /// Threads of the generator
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = threads)]
    pub(super) threads: usize,
    /// How long to measure
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = span)]
    pub(super) duration: Duration,
    /// How long to run before
    #[arg(long, value_name = "SPAN", default_value = "2s", value_parser = span)]
    pub(super) warmup: Duration,
    /// How long to wait for an answer
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = span)]
    pub(super) timeout: Duration,
    /// How long a request that is due may wait for a connection before it is dropped
    #[arg(long, value_name = "SPAN", default_value = "2s", value_parser = span)]
    pub(super) late: Duration,
    /// Format of the bodies
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: FormatName,
    /// Product [default: P-LOAD, P-LOAD-OUT for soldout, P-LOAD-FLASH for flash; see data/load]
    #[arg(long, value_name = "ID")]
    product: Option<String>,
    /// Days of the product in turn: 1 is one hot slot
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = slots)]
    pub(super) slots: u32,
    /// The first of them, yyyyMMdd or yyyy-MM-dd [default: tomorrow]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub(super) date: Option<ServiceDate>,
    /// Douyin's product id, for codes and for what previews look at
    #[arg(long, value_name = "ID", default_value = SKU)]
    pub(super) sku: String,
    /// Buyers of a flash sale, all within its first second
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    buyers: u64,
    /// What the flash sale's product has on that day
    #[arg(long, value_name = "NUMBER", default_value_t = FLASH_STOCK)]
    stock: u64,
    /// Copies that a retry storm sends of each order at once
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    copies: u32,
    /// After what time a retry storm sends one more copy
    #[arg(long, value_name = "SPAN", default_value = "200ms", value_parser = span)]
    pause: Duration,
    /// The same seed makes the same arrivals, buyers and order numbers; the same store would answer
    /// the same orders again [default: a fresh one]
    #[arg(long, value_name = "NUMBER")]
    pub(super) seed: Option<u64>,
    /// Write the result as JSON, - for standard output instead of the table
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ScenarioName {
    /// Whether an order would be accepted
    Verify,
    /// Order and pay (OrderAndPay2/WithRebate)
    Order,
    /// The same of a product that is sold out
    Soldout,
    /// Voucher codes as Douyin (TicketCode/Get)
    Codes,
    /// Previews of codes as Alibaba local life
    Consult,
    /// 80 verify : 15 order : 5 consult
    Mixed,
    /// --buyers for a fixed --stock, all within the first second
    Flash,
    /// Orders, each sent --copies times at once and once more after --pause
    RetryStorm,
    /// Whether the server lives (GET /health/live): what HTTP alone costs
    Live,
}

/// How arrivals follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ArrivalsName {
    /// Evenly
    #[default]
    Constant,
    /// As independent callers do
    Poisson,
}

impl From<ArrivalsName> for Pattern {
    fn from(name: ArrivalsName) -> Self {
        match name {
            ArrivalsName::Constant => Self::Constant,
            ArrivalsName::Poisson => Self::Poisson,
        }
    }
}

/// Format of bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatName {
    #[default]
    Json,
    Xml,
}

impl From<FormatName> for BodyFormat {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Json => Self::Json,
            FormatName::Xml => Self::Xml,
        }
    }
}

impl LoadArguments {
    /// What the run asks.
    pub(super) fn scenario(&self) -> Scenario {
        match self.name {
            ScenarioName::Verify => Scenario::Verify,
            ScenarioName::Order => Scenario::Order,
            ScenarioName::Soldout => Scenario::SoldOut,
            ScenarioName::Codes => Scenario::Codes,
            ScenarioName::Consult => Scenario::Consult,
            ScenarioName::Mixed => Scenario::Mixed,
            ScenarioName::Flash => Scenario::Flash { buyers: self.buyers, stock: self.stock },
            ScenarioName::RetryStorm => Scenario::RetryStorm(Repeats {
                copies: self.copies,
                pause_ns: u64::try_from(self.pause.as_nanos()).unwrap_or(u64::MAX),
            }),
            ScenarioName::Live => Scenario::Live,
        }
    }

    /// The product that the scenario buys.
    pub(super) fn product(&self) -> &str {
        let usual = match self.name {
            ScenarioName::Soldout => SOLD_OUT,
            ScenarioName::Flash => FLASH,
            _ => PRODUCT,
        };
        self.product.as_deref().unwrap_or(usual)
    }

    /// Who calls: the demo's public identifiers, which data/load has as well.
    #[expect(clippy::unused_self, reason = "whoever calls is a matter of the arguments")]
    pub(super) fn partner(&self) -> Partner {
        Partner {
            agent: demo::AGENT.to_owned(),
            session_key: demo::SESSION_KEY.to_owned(),
            login_password: demo::LOGIN_PASSWORD.to_owned(),
            pay_password: demo::PAY_PASSWORD.to_owned(),
            client_key: demo::CLIENT_KEY.to_owned(),
            client_secret: demo::CLIENT_SECRET.to_owned(),
            app_key: demo::APP_KEY.to_owned(),
            app_secret: demo::APP_SECRET.to_owned(),
            shop: demo::SHOP.to_owned(),
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| *rate > 0.0 && *rate <= RATE_MAX);
    rate.ok_or_else(|| format!("a number above 0 and up to {RATE_MAX}"))
}

fn connections(text: &str) -> Result<usize, String> {
    bounded(text, CONNECTIONS_MAX)
}

fn threads(text: &str) -> Result<usize, String> {
    bounded(text, THREADS_MAX)
}

fn slots(text: &str) -> Result<u32, String> {
    bounded(text, 100_000).and_then(|slots| u32::try_from(slots).map_err(|_| "too many".to_owned()))
}

fn bounded(text: &str, max: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| format!("a number from 1 to {max}"))
}

fn span(text: &str) -> Result<Duration, String> {
    let bad = || format!("a number with a unit, e.g. 500ms, 10s or 2m, up to {DURATION_MAX:?}");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| bad())?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        _ => None,
    };
    let span = millis.map(Duration::from_millis).filter(|span| *span <= DURATION_MAX);
    span.ok_or_else(bad)
}

fn date(text: &str) -> Result<ServiceDate, String> {
    let date = ServiceDate::parse_compact(&text.replace('-', ""));
    date.map_err(|error| format!("{error}: yyyyMMdd or yyyy-MM-dd"))
}
