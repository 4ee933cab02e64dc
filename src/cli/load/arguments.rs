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
    #[command(flatten, next_help_heading = "Who calls")]
    pub(super) caller: PartnerArguments,
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
    /// Start a server of this program in a temporary store, stop it afterwards and audit its books
    #[arg(long, conflicts_with = "url")]
    pub(super) spawn: bool,
    /// Where that store is made, e.g. on the disk that counts [default: the system's temporary folder]
    #[arg(long, value_name = "DIR", requires = "spawn")]
    pub(super) spawn_in: Option<PathBuf>,
    /// Configuration of that server; variables PIAOKU__… count as well
    #[arg(long, value_name = "FILE", requires = "spawn")]
    pub(super) server_config: Option<PathBuf>,
    /// Write the result as JSON, - for standard output instead of the table
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Write the result as a page with plots, complete in itself
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
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
}

/// Who calls. The defaults are the demo's public identifiers, which data/load has as well.
#[derive(Clone, Debug, Args)]
pub(super) struct PartnerArguments {
    /// User name
    #[arg(long, value_name = "NAME", default_value = demo::AGENT)]
    agent: String,
    /// Session key
    #[arg(long, value_name = "KEY", default_value = demo::SESSION_KEY)]
    session_key: String,
    /// Login password
    #[arg(long, value_name = "TEXT", default_value = demo::LOGIN_PASSWORD)]
    login_password: String,
    /// Pay password
    #[arg(long, value_name = "TEXT", default_value = demo::PAY_PASSWORD)]
    pay_password: String,
    /// Douyin's client_key
    #[arg(long, value_name = "KEY", default_value = demo::CLIENT_KEY)]
    client_key: String,
    /// The Douyin client's secret
    #[arg(long, value_name = "TEXT", default_value = demo::CLIENT_SECRET)]
    client_secret: String,
    /// TOP's app_key
    #[arg(long, value_name = "KEY", default_value = demo::APP_KEY)]
    app_key: String,
    /// The TOP application's secret
    #[arg(long, value_name = "TEXT", default_value = demo::APP_SECRET)]
    app_secret: String,
    /// The shop that previews codes
    #[arg(long, value_name = "ID", default_value = demo::SHOP)]
    shop: String,
}

impl PartnerArguments {
    /// Douyin's client_key, and its secret.
    pub(super) fn client(&self) -> (&str, &str) {
        (&self.client_key, &self.client_secret)
    }

    /// The same for the generator.
    pub(super) fn partner(&self) -> Partner {
        let Self {
            agent,
            session_key,
            login_password,
            pay_password,
            client_key,
            client_secret,
            app_key,
            app_secret,
            shop,
        } = self.clone();
        Partner {
            agent,
            session_key,
            login_password,
            pay_password,
            client_key,
            client_secret,
            app_key,
            app_secret,
            shop,
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::arguments::{Arguments, Command};

    fn parsed(line: &str) -> Box<LoadArguments> {
        let arguments = Arguments::try_parse_from(line.split(' '));
        let Some(Command::Load(load)) = arguments.unwrap_or_else(|it| panic!("{it}")).command
        else {
            panic!("load");
        };
        load
    }

    #[test]
    fn scenarios_have_their_products() {
        let check = |line: &str, scenario: Scenario, product: &str| {
            let load = parsed(line);
            assert_eq!((load.scenario(), load.product()), (scenario, product), "{line}");
        };
        check("piaoku load verify", Scenario::Verify, "P-LOAD");
        check("piaoku load order --product P-BULK", Scenario::Order, "P-BULK");
        check("piaoku load soldout", Scenario::SoldOut, "P-LOAD-OUT");
        let flash = Scenario::Flash { buyers: 10_000, stock: 1000 };
        check("piaoku load flash", flash, "P-LOAD-FLASH");
        let repeats = Repeats { copies: 5, pause_ns: 1_500_000_000 };
        let storm = "piaoku load retry-storm --copies 5 --pause 1500ms";
        check(storm, Scenario::RetryStorm(repeats), "P-LOAD");
    }

    #[test]
    fn spans_have_units() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(span(text).ok(), expected.map(Duration::from_millis), "{text}");
        };
        check("500ms", Some(500));
        check("10s", Some(10_000));
        check("2m", Some(120_000));
        check("0s", Some(0));
        check("24h", None);
        check("10", None);
        check("s", None);
        check("1441m", None);
        check("-1s", None);
        check("99999999999999999999s", None);
    }

    #[test]
    fn the_catalogue_sells_what_is_bought_to_those_who_buy() {
        let catalogue = include_str!("../../../data/load/catalogue.toml");
        let caller = parsed("piaoku load order").caller.partner();
        let Partner { agent, session_key, login_password, pay_password, .. } = &caller;
        let Partner { client_key, client_secret, app_key, app_secret, shop, .. } = &caller;
        for name in [PRODUCT, SOLD_OUT, FLASH, SKU] {
            assert!(catalogue.contains(&format!("{name:?}")), "{name}");
        }
        for secret in [agent, session_key, login_password, pay_password, client_key, client_secret]
        {
            assert!(catalogue.contains(&format!("{secret:?}")), "{secret}");
        }
        for secret in [app_key, app_secret, shop] {
            assert!(catalogue.contains(&format!("{secret:?}")), "{secret}");
        }
        assert!(catalogue.contains(&format!("capacity = {FLASH_STOCK}\n")));
    }
}
