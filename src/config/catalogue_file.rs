//! Reads a catalogue file (TOML, see `data/README.md`) into the commands an operator would give.
//!
//! A file is read as a whole or not at all: its commands are tried on an empty catalogue first, so
//! what that would refuse is refused here, with the section and key that are to blame.
//! Nothing is imported, stored or sealed here; sealing is the caller's function.

mod document;
mod rules;
mod seats;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

pub use document::CatalogueDocuments;

use crate::config::catalogue_file::shape::{
    AgentSection, ClientSection, FileShape, PoolSection, ProductSection, SkuSection,
    SupplierSection, TopAppSection,
};
use crate::domain::catalogue::{
    AgentSecrets, AreaDef, Calendar, Catalogue, CatalogueCommand, CatalogueError, SetProduct,
    TimespanDef,
};
use crate::domain::inventory::Capacity;
use crate::types::{AreaNo, Fen, Quantity, Sealed, ServiceDate, Timespan};
use crate::vault::agent_secrets::{
    AGENT_SECRETS_PURPOSE, DOUYIN_SECRET_PURPOSE, TOP_SECRET_PURPOSE, encode_agent_secrets,
    password_md5,
};

/// Seals a secret for a purpose (the first argument, a constant of `vault::agent_secrets`).
pub type Seal<'a> =
    dyn Fn(&'static str, &[u8]) -> Result<Sealed, Box<dyn std::error::Error + Send + Sync>> + 'a;

/// What a catalogue file asks for.
#[derive(Clone, Debug)]
pub struct CatalogueFile {
    /// Whether its secrets are public: a server that offers them beyond loopback is open to anyone.
    pub uses_demo_secrets: bool,
    /// Its entries in an order in which each names only what came before.
    pub entries: Vec<CatalogueEntry>,
}

/// One thing a catalogue file asks for.
#[derive(Clone, Debug)]
pub enum CatalogueEntry {
    /// Create or replace an entry of the catalogue.
    Command(CatalogueCommand),
    /// Give an agent its opening balances.
    Funding(Funding),
}

/// Opening balances of an agent with a supplier. Neither amount is negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funding {
    /// The agent's user name.
    pub agent: String,
    /// The supplier's public id.
    pub supplier: String,
    /// Into the prepaid balance.
    pub prepaid: Fen,
    /// Into the rebate balance of the year of import.
    pub rebate: Fen,
}

/// What is wrong with a catalogue file, and where. Never shows a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CatalogueFileError {
    /// The section as the file writes it and the entry's id or, before that is known, its line:
    /// `[[product]] "P-ADULT"`, `[[product]] (line 12)`.
    pub section: String,
    /// The key, or empty when the entry as a whole is wrong.
    pub key: String,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for CatalogueFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, key, problem } = self;
        if key.is_empty() {
            return write!(f, "{section}: {problem}");
        }
        write!(f, "{section}, {key}: {problem}")
    }
}

/// Highest opening balance: ten trillion yuan. Keeps every sum of balances far inside 64 bits.
const FUNDING_MAX: i64 = 1_000_000_000_000_000;
const TEXT_SECRETS: [&str; 4] = ["session_key", "login_password", "pay_password", "secret"];

/// Reads a catalogue file. Dates relative to the day of import count from `today`.
///
/// # Errors
/// [`CatalogueFileError`] for the first thing that is wrong.
pub fn parse(
    text: &str,
    today: ServiceDate,
    seal: &Seal<'_>,
) -> Result<CatalogueFile, CatalogueFileError> {
    let file: FileShape = toml::from_str(text).map_err(|error| not_the_shape(text, &error))?;
    check_unique(&file)?;
    let mut reader = Reader { today, seal, catalogue: Catalogue::default(), entries: Vec::new() };
    file.supplier.iter().try_for_each(|section| reader.supplier(section))?;
    file.pool.iter().try_for_each(|section| reader.pool(section))?;
    // Before products, whose limits may name them.
    file.agent.iter().try_for_each(|section| reader.agent(section))?;
    file.product.iter().try_for_each(|section| reader.product(section))?;
    file.douyin_client.iter().try_for_each(|section| reader.douyin_client(section))?;
    file.douyin_sku.iter().try_for_each(|section| reader.douyin_sku(section))?;
    file.top_app.iter().try_for_each(|section| reader.top_app(section))?;
    Ok(CatalogueFile { uses_demo_secrets: file.is_demo, entries: reader.entries })
}

struct Reader<'a> {
    today: ServiceDate,
    seal: &'a Seal<'a>,
    /// What the file has built so far: the catalogue's own rules judge each entry.
    catalogue: Catalogue,
    entries: Vec<CatalogueEntry>,
}

/// Where in the file something stands.
#[derive(Clone, Copy)]
struct At<'a> {
    section: &'static str,
    id: &'a str,
}

impl At<'_> {
    fn error(&self, key: &str, problem: impl fmt::Display) -> CatalogueFileError {
        let section = format!("[[{}]] {:?}", self.section, self.id);
        CatalogueFileError { section, key: key.to_owned(), problem: problem.to_string() }
    }

    fn yuan(&self, key: &str, text: &str) -> Result<Fen, CatalogueFileError> {
        let amount = Fen::parse_yuan(text);
        amount.map_err(|error| self.error(key, format!("{text:?} is {}", unarticled(error))))
    }

    /// Hundredths of a per cent of `20` or `12.5`; written like yuan, so never through a float.
    fn percent(&self, key: &str, text: &str) -> Result<u16, CatalogueFileError> {
        let share = Fen::parse_yuan(text).ok().and_then(|share| u16::try_from(share.get()).ok());
        share.filter(|share| *share <= 10_000).ok_or_else(|| {
            let problem = "is not a percentage from 0 to 100 with at most two decimals";
            self.error(key, format!("{text:?} {problem}"))
        })
    }
}

/// "not an amount in yuan", "more than two decimals", … as the end of a sentence about a value.
fn unarticled(error: crate::types::MoneyError) -> String {
    use crate::types::MoneyError::{Malformed, Overflow, SubFen};
    match error {
        Malformed => error.to_string(),
        SubFen => "finer than a fen: at most two decimals".to_owned(),
        Overflow => "too much".to_owned(),
    }
}

impl Reader<'_> {
    fn command(&mut self, at: At<'_>, command: CatalogueCommand) -> Result<(), CatalogueFileError> {
        let decided = self.catalogue.decide(command.clone());
        let event = decided.map_err(|error| at.error(key_of(at, &error), error))?;
        self.catalogue.apply(&event);
        self.entries.push(CatalogueEntry::Command(command));
        Ok(())
    }

    fn sealed(
        &self,
        at: At<'_>,
        key: &str,
        purpose: &'static str,
        secret: &[u8],
    ) -> Result<Sealed, CatalogueFileError> {
        if secret.is_empty() {
            return Err(at.error(key, "must not be empty"));
        }
        let sealed = (self.seal)(purpose, secret);
        sealed.map_err(|error| at.error(key, format!("could not be sealed: {error}")))
    }

    fn supplier(&mut self, section: &SupplierSection) -> Result<(), CatalogueFileError> {
        let at = At { section: "supplier", id: &section.id };
        let offset = section.utc_offset.as_deref().unwrap_or("+08:00");
        let utc_offset_seconds = shape::utc_offset(offset).ok_or_else(|| {
            at.error("utc_offset", format!("{offset:?} is not an offset such as \"+08:00\""))
        })?;
        let (id, name) = (section.id.clone(), section.name.clone());
        self.command(at, CatalogueCommand::SetSupplier { id, name, utc_offset_seconds })
    }

    fn pool(&mut self, section: &PoolSection) -> Result<(), CatalogueFileError> {
        let at = At { section: "pool", id: &section.id };
        let command = CatalogueCommand::SetPool {
            id: section.id.clone(),
            supplier: section.supplier.clone(),
            capacity: section.capacity.0,
            allowance: Quantity::new(section.allowance),
        };
        self.command(at, command)
    }

    fn product(&mut self, section: &ProductSection) -> Result<(), CatalogueFileError> {
        let at = At { section: "product", id: &section.id };
        let areas = areas(at, section)?;
        let (price, list_price, capacity) = price_and_capacity(at, section, &areas)?;
        let dates = self.dates(at, section)?;
        let supplier = self.catalogue.supplier_by_id(&section.supplier);
        let offset = supplier.map_or(0, |supplier| supplier.utc_offset_seconds);
        let command = SetProduct {
            id: section.id.clone(),
            supplier: section.supplier.clone(),
            name: section.name.clone(),
            on_sale: section.on_sale,
            price,
            list_price,
            rebate: section
                .rebate
                .as_deref()
                .map_or(Ok(Fen::ZERO), |text| at.yuan("rebate", text))?,
            rebate_at: section.rebate_at.into(),
            uses: section.uses,
            pool: section.pool.clone(),
            calendar: Calendar {
                dates,
                capacity,
                allowance: Quantity::new(section.allowance),
                exceptions: rules::exceptions(at, section, dates)?,
            },
            timespans: timespans(at, section)?,
            areas,
            scene_prefix: section.scene_prefix.clone(),
            rules: rules::rules(at, section, offset)?,
        };
        self.command(at, CatalogueCommand::SetProduct(Box::new(command)))
    }

    /// First and last service date, or `None` for a product not bound to a date.
    fn dates(
        &self,
        at: At<'_>,
        section: &ProductSection,
    ) -> Result<Option<(ServiceDate, ServiceDate)>, CatalogueFileError> {
        let ProductSection { first_day, days, first_date, last_date, .. } = section;
        match (first_day, days, first_date, last_date) {
            (None, None, None, None) => Ok(None),
            (Some(first), Some(days), None, None) => {
                let first = self.today.plus_days(*first);
                let more = days.checked_sub(1);
                let more = more.ok_or_else(|| at.error("days", "must be at least 1"))?;
                Ok(Some((first, first.plus_days(i32::from(more)))))
            }
            (None, None, Some(first), Some(last)) => {
                let date = |key: &str, text: &str| {
                    let problem = || format!("{text:?} is not a date that exists (yyyy-MM-dd)");
                    shape::date(text).ok_or_else(|| at.error(key, problem()))
                };
                let dates = (date("first_date", first)?, date("last_date", last)?);
                if dates.0 > dates.1 {
                    let problem = format!("{last} is before first_date, {first}");
                    return Err(at.error("last_date", problem));
                }
                Ok(Some(dates))
            }
            (Some(_), None, None, None) => Err(at.error("days", "missing beside first_day")),
            (None, Some(_), None, None) => Err(at.error("first_day", "missing beside days")),
            (None, None, Some(_), None) => Err(at.error("last_date", "missing beside first_date")),
            (None, None, None, Some(_)) => Err(at.error("first_date", "missing beside last_date")),
            _ => {
                let problem =
                    "dates are given by first_day and days, or by first_date and last_date";
                Err(at.error("first_date", problem))
            }
        }
    }

    fn agent(&mut self, section: &AgentSection) -> Result<(), CatalogueFileError> {
        let at = At { section: "agent", id: &section.id };
        let secrets = self.agent_secrets(at, section)?;
        let (id, name, enabled) = (section.id.clone(), section.name.clone(), section.enabled);
        self.command(at, CatalogueCommand::SetAgent { id, name, enabled, secrets })?;
        if let Some(callback) = &section.callback {
            let (agent, callback) = (section.id.clone(), callback.settings());
            self.command(at, CatalogueCommand::SetCallback { agent, callback })?;
        }
        let mut funded = HashSet::new();
        for funding in &section.funding {
            let at = At { section: "agent.funding", ..at };
            let supplier = funding.supplier.clone();
            if self.catalogue.supplier_by_id(&supplier).is_none() {
                return Err(at.error("supplier", format!("supplier {supplier:?} does not exist")));
            }
            if !funded.insert(&funding.supplier) {
                return Err(at.error("supplier", format!("{supplier:?} appears twice")));
            }
            let amount = |key: &str, text: &Option<String>| {
                let Some(text) = text else { return Ok(Fen::ZERO) };
                let amount = at.yuan(key, text)?;
                if !(0..=FUNDING_MAX).contains(&amount.get()) {
                    let most = Fen::new(FUNDING_MAX).to_yuan();
                    return Err(at.error(key, format!("{text:?} is not between 0 and {most}")));
                }
                Ok(amount)
            };
            let prepaid = amount("prepaid", &funding.prepaid)?;
            let rebate = amount("rebate", &funding.rebate)?;
            let agent = section.id.clone();
            self.entries.push(CatalogueEntry::Funding(Funding {
                agent,
                supplier,
                prepaid,
                rebate,
            }));
        }
        Ok(())
    }

    fn agent_secrets(
        &self,
        at: At<'_>,
        section: &AgentSection,
    ) -> Result<Sealed, CatalogueFileError> {
        let keys = ["session_key", "login_password", "pay_password"];
        let values = [&section.session_key, &section.login_password, &section.pay_password];
        let [Some(session_key), Some(login_password), Some(pay_password)] = values else {
            let mut missing = keys.iter().zip(values).filter(|(_, value)| value.is_none());
            return match missing.next() {
                Some((key, _)) if values.iter().any(|value| value.is_some()) => {
                    Err(at.error(key, "missing: an agent has all three secrets or none"))
                }
                _ => Ok(Sealed::default()),
            };
        };
        for (key, value) in keys.iter().zip([session_key, login_password, pay_password]) {
            if value.is_empty() {
                return Err(at.error(key, "must not be empty"));
            }
        }
        let secrets = AgentSecrets {
            session_key: session_key.clone(),
            login_password_md5: password_md5(login_password),
            pay_password_md5: password_md5(pay_password),
        };
        let bytes = encode_agent_secrets(&secrets);
        self.sealed(at, "session_key", AGENT_SECRETS_PURPOSE, &bytes)
    }

    fn douyin_client(&mut self, section: &ClientSection) -> Result<(), CatalogueFileError> {
        let at = At { section: "douyin_client", id: &section.client_key };
        let bytes = section.secret.as_bytes();
        let secret = self.sealed(at, "secret", DOUYIN_SECRET_PURPOSE, bytes)?;
        let (client_key, agent) = (section.client_key.clone(), section.agent.clone());
        self.command(at, CatalogueCommand::SetDouyinClient { client_key, secret, agent })
    }

    fn douyin_sku(&mut self, section: &SkuSection) -> Result<(), CatalogueFileError> {
        let at = At { section: "douyin_sku", id: &section.sku_id };
        let (sku_id, product) = (section.sku_id.clone(), section.product.clone());
        let timespan = section.timespan.map(Timespan::new);
        self.command(at, CatalogueCommand::SetDouyinSku { sku_id, product, timespan })
    }

    fn top_app(&mut self, section: &TopAppSection) -> Result<(), CatalogueFileError> {
        let at = At { section: "top_app", id: &section.app_key };
        let secret = self.sealed(at, "secret", TOP_SECRET_PURPOSE, section.secret.as_bytes())?;
        let (app_key, shops) = (section.app_key.clone(), section.shops.clone());
        self.command(at, CatalogueCommand::SetTopApp { app_key, secret, shops })
    }
}

fn areas(at: At<'_>, section: &ProductSection) -> Result<Vec<AreaDef>, CatalogueFileError> {
    let area = |area: &shape::AreaSection| {
        let (capacity, seats) = seats::places(at, area)?;
        let price = at.yuan("area.price", &area.price)?;
        let list_price = area.list_price.as_deref();
        let list_price = list_price.map_or(Ok(price), |text| at.yuan("area.list_price", text))?;
        let (id, seats) = (area.id.as_str().into(), seats.map(Arc::new));
        // The catalogue assigns the number.
        Ok(AreaDef { no: AreaNo::NONE, id, capacity, seats, price, list_price })
    };
    section.area.iter().map(area).collect()
}

/// Price, list price and capacity of a product. One with areas has its own there; what it shows
/// for itself is its cheapest area and the sum of the places.
fn price_and_capacity(
    at: At<'_>,
    section: &ProductSection,
    areas: &[AreaDef],
) -> Result<(Fen, Fen, Capacity), CatalogueFileError> {
    let Some(cheapest) = areas.iter().min_by_key(|area| area.price) else {
        let missing = |key| at.error(key, "missing");
        let price = section.price.as_deref().ok_or_else(|| missing("price"))?;
        let price = at.yuan("price", price)?;
        let list_price = section.list_price.as_deref();
        let list_price = list_price.map_or(Ok(price), |text| at.yuan("list_price", text))?;
        let capacity = section.capacity.ok_or_else(|| missing("capacity"))?;
        return Ok((price, list_price, capacity.0));
    };
    let given = [
        ("price", section.price.is_some()),
        ("list_price", section.list_price.is_some()),
        ("capacity", section.capacity.is_some()),
    ];
    if let Some((key, _)) = given.iter().find(|(_, given)| *given) {
        return Err(at.error(key, "a product with areas has it in each [[product.area]]"));
    }
    let places = areas.iter().try_fold(Quantity::ZERO, |sum, area| sum.checked_add(area.capacity));
    let places = places.ok_or_else(|| at.error("area.rows", "too many seats in all"))?;
    Ok((cheapest.price, cheapest.list_price, Capacity::Limited(places)))
}

fn timespans(at: At<'_>, section: &ProductSection) -> Result<Vec<TimespanDef>, CatalogueFileError> {
    let numbered = section.timespans.iter().enumerate().map(|(index, text)| {
        let no = u8::try_from(index + 1).map_err(|_| at.error("timespans", "more than 255"))?;
        let problem = || format!("{text:?} is not a span of a day such as \"08:00-11:00\"");
        let span = shape::timespan(text).ok_or_else(|| at.error("timespans", problem()))?;
        let (start_minute, end_minute) = span;
        Ok(TimespanDef { no: Timespan::new(no), start_minute, end_minute })
    });
    numbered.collect()
}

/// The key that a refusal of the catalogue is about.
fn key_of(at: At<'_>, error: &CatalogueError) -> &'static str {
    match error {
        CatalogueError::BadId { what, .. } => match *what {
            "supplier name" | "agent name" | "product name" => "name",
            "scene prefix" => "scene_prefix",
            "area" => "area.id",
            "client_key" | "sku_id" | "app_key" => what,
            _ => "id",
        },
        CatalogueError::Unknown { what, .. } => what,
        CatalogueError::OtherSupplier { what, .. } if *what != at.section => what,
        CatalogueError::OtherSupplier { .. } => "supplier",
        CatalogueError::BadOffset { .. } => "utc_offset",
        CatalogueError::BadCallback { .. } => "callback.url",
        CatalogueError::BadProduct { .. } | CatalogueError::TooMany(_) => "",
    }
}

/// Within one file, an id that appears twice is a slip of the pen and not a replacement.
fn check_unique(file: &FileShape) -> Result<(), CatalogueFileError> {
    fn check<'a>(
        section: &'static str,
        key: &str,
        ids: impl Iterator<Item = &'a String>,
    ) -> Result<(), CatalogueFileError> {
        let mut seen = HashSet::new();
        for id in ids {
            // Only a product's id has no case, but nobody means two entries by one that differs in it.
            if !seen.insert(id.to_ascii_uppercase()) {
                return Err(At { section, id }.error(key, "appears twice"));
            }
        }
        Ok(())
    }
    check("supplier", "id", file.supplier.iter().map(|section| &section.id))?;
    check("pool", "id", file.pool.iter().map(|section| &section.id))?;
    check("product", "id", file.product.iter().map(|section| &section.id))?;
    check("agent", "id", file.agent.iter().map(|section| &section.id))?;
    let clients = file.douyin_client.iter().map(|section| &section.client_key);
    check("douyin_client", "client_key", clients)?;
    check("douyin_sku", "sku_id", file.douyin_sku.iter().map(|section| &section.sku_id))?;
    check("top_app", "app_key", file.top_app.iter().map(|section| &section.app_key))
}

/// Says where a file departs from its shape. Never quotes the line: it may hold a secret.
fn not_the_shape(text: &str, error: &toml::de::Error) -> CatalogueFileError {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.get(..start).unwrap_or("");
    let line_no = before.matches('\n').count();
    let line = text.lines().nth(line_no).unwrap_or("").trim();
    let header = text.lines().take(line_no + 1).map(str::trim).filter(|line| line.starts_with('['));
    let header = header.last().and_then(|line| line.split('#').next()).unwrap_or("top level");
    let section = format!("{} (line {})", header.trim(), line_no + 1);
    let named = error.message().split_once("field `").and_then(|(_, rest)| rest.split_once('`'));
    let on_line = || {
        let key = line.split_once('=').map_or("", |(key, _)| key);
        key.trim_matches(['{', ' '])
    };
    let key = named.map_or_else(on_line, |(field, _)| field).to_owned();
    // A wrong type is reported with the value.
    let secret = named.is_none() && TEXT_SECRETS.contains(&key.as_str());
    let problem = if secret { "must be text in quotes" } else { error.message() }.to_owned();
    CatalogueFileError { section, key, problem }
}
