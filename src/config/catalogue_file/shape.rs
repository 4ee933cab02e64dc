//! The catalogue file as TOML has it, and the small texts in it. No rule of the catalogue is here.
//! Shape and units: `data/README.md`. These types hold secrets, so none of them has a `Debug`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::domain::catalogue::{
    CallbackFormat, CallbackMethod, CallbackSettings, LimitScope, RebateAt, Weekdays,
};
use crate::domain::identity::DocumentType;
use crate::domain::inventory::Capacity;
use crate::domain::seats::Numbering;
use crate::types::{Channel, Quantity, ServiceDate};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileShape {
    #[serde(default)]
    pub(super) is_demo: bool,
    #[serde(default)]
    pub(super) supplier: Vec<SupplierSection>,
    #[serde(default)]
    pub(super) pool: Vec<PoolSection>,
    #[serde(default)]
    pub(super) product: Vec<ProductSection>,
    #[serde(default)]
    pub(super) agent: Vec<AgentSection>,
    #[serde(default)]
    pub(super) douyin_client: Vec<ClientSection>,
    #[serde(default)]
    pub(super) douyin_sku: Vec<SkuSection>,
    #[serde(default)]
    pub(super) top_app: Vec<TopAppSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SupplierSection {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) utc_offset: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolSection {
    pub(super) id: String,
    pub(super) supplier: String,
    pub(super) capacity: Places,
    #[serde(default)]
    pub(super) allowance: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProductSection {
    pub(super) id: String,
    pub(super) supplier: String,
    pub(super) name: String,
    #[serde(default = "yes")]
    pub(super) on_sale: bool,
    pub(super) price: Option<String>,
    pub(super) list_price: Option<String>,
    pub(super) rebate: Option<String>,
    #[serde(default)]
    pub(super) rebate_at: RebateTime,
    #[serde(default = "once")]
    pub(super) uses: u16,
    pub(super) pool: Option<String>,
    pub(super) capacity: Option<Places>,
    #[serde(default)]
    pub(super) allowance: u32,
    pub(super) first_day: Option<i32>,
    pub(super) days: Option<u16>,
    pub(super) first_date: Option<String>,
    pub(super) last_date: Option<String>,
    #[serde(default = "a_year")]
    pub(super) horizon_days: u16,
    #[serde(default)]
    pub(super) timespans: Vec<String>,
    #[serde(default)]
    pub(super) scene_prefix: String,
    pub(super) order_min: u32,
    pub(super) order_max: u32,
    #[serde(default)]
    pub(super) document_per_ticket: bool,
    pub(super) unique_documents: Option<bool>,
    pub(super) channels: Option<Vec<ChannelName>>,
    pub(super) sale_start: Option<String>,
    pub(super) sale_end: Option<String>,
    #[serde(default)]
    pub(super) lead_days: u16,
    #[serde(default)]
    pub(super) lead_hours: u16,
    pub(super) cut_off: Option<String>,
    #[serde(default = "yes")]
    pub(super) same_day: bool,
    pub(super) season: Option<SeasonSection>,
    pub(super) weekdays: Option<Vec<WeekdayName>>,
    #[serde(default)]
    pub(super) blackouts: Vec<String>,
    #[serde(default = "half_an_hour")]
    pub(super) hold_minutes: u16,
    #[serde(default)]
    pub(super) limits: Vec<LimitSection>,
    pub(super) refund: Option<Vec<FeeSection>>,
    #[serde(default)]
    pub(super) area: Vec<AreaSection>,
    #[serde(default)]
    pub(super) exception: Vec<ExceptionSection>,
    #[serde(default)]
    pub(super) condition: Vec<ConditionSection>,
}

fn yes() -> bool {
    true
}

fn once() -> u16 {
    1
}

fn a_year() -> u16 {
    365
}

fn half_an_hour() -> u16 {
    30
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RebateTime {
    #[default]
    Payment,
    Redemption,
}

impl From<RebateTime> for RebateAt {
    fn from(time: RebateTime) -> Self {
        match time {
            RebateTime::Payment => Self::Payment,
            RebateTime::Redemption => Self::Redemption,
        }
    }
}

/// A tier of a refund rule, with one of the two fees.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeeSection {
    pub(super) hours_before: i32,
    pub(super) fee: Option<String>,
    pub(super) fee_percent: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AreaSection {
    pub(super) id: String,
    pub(super) rows: Option<u32>,
    pub(super) seats_per_row: Option<PerRow>,
    pub(super) capacity: Option<u32>,
    #[serde(default)]
    pub(super) aisles_after: Vec<u8>,
    #[serde(default)]
    pub(super) blocked: Vec<String>,
    #[serde(default)]
    pub(super) row_labels: Vec<String>,
    pub(super) numbering: Option<SeatNumbering>,
    pub(super) focal: Option<String>,
    pub(super) price: String,
    pub(super) list_price: Option<String>,
}

/// Seats of every row, or of each.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum PerRow {
    All(u32),
    Each(Vec<u32>),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SeatNumbering {
    LeftToRight,
    RightToLeft,
    OddEven,
}

impl From<SeatNumbering> for Numbering {
    fn from(numbering: SeatNumbering) -> Self {
        match numbering {
            SeatNumbering::LeftToRight => Self::LeftToRight,
            SeatNumbering::RightToLeft => Self::RightToLeft,
            SeatNumbering::OddEven => Self::OddEven,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitSection {
    pub(super) scope: Scope,
    pub(super) window: Window,
    /// Length of a rolling window.
    pub(super) days: Option<u16>,
    pub(super) max: u32,
    pub(super) channel: Option<ChannelName>,
    pub(super) agent: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scope {
    Document,
    Mobile,
    Agent,
    AgentUser,
    OpenId,
    Channel,
    Everyone,
}

impl From<Scope> for LimitScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Document => Self::Document,
            Scope::Mobile => Self::Mobile,
            Scope::Agent => Self::Agent,
            Scope::AgentUser => Self::AgentUser,
            Scope::OpenId => Self::OpenId,
            Scope::Channel => Self::Channel,
            Scope::Everyone => Self::Everyone,
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Window {
    Timespan,
    VisitDate,
    OrderDate,
    Week,
    Month,
    Lifetime,
    Rolling,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChannelName {
    Ota,
    Douyin,
    LocalLife,
    Console,
}

impl From<ChannelName> for Channel {
    fn from(name: ChannelName) -> Self {
        match name {
            ChannelName::Ota => Self::Ota,
            ChannelName::Douyin => Self::Douyin,
            ChannelName::LocalLife => Self::LocalLife,
            ChannelName::Console => Self::Console,
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WeekdayName {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A part of every year; days as `MMDD`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeasonSection {
    pub(super) from: String,
    pub(super) to: String,
    #[serde(default)]
    pub(super) inverted: bool,
}

/// Days on which something is different.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExceptionSection {
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) weekdays: Option<Vec<WeekdayName>>,
    #[serde(default)]
    pub(super) timespans: Vec<u8>,
    pub(super) area: Option<String>,
    pub(super) closed: Option<bool>,
    pub(super) capacity: Option<Places>,
    pub(super) allowance: Option<u32>,
    pub(super) price: Option<String>,
    pub(super) list_price: Option<String>,
}

/// Conditions a document has to meet together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConditionSection {
    #[serde(default)]
    pub(super) types: Vec<DocumentName>,
    #[serde(default)]
    pub(super) prefixes: Vec<String>,
    #[serde(default)]
    pub(super) regions: Vec<String>,
    pub(super) age_from: Option<u16>,
    pub(super) age_to: Option<u16>,
    pub(super) sex: Option<SexName>,
    pub(super) must_match: Option<String>,
    pub(super) must_not_match: Option<String>,
    pub(super) text: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SexName {
    Male,
    Female,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DocumentName {
    ResidentId,
    HkMacauPermit,
    TaiwanPermit,
    HomeReturnPermit,
    TaiwanCompatriotPermit,
    Passport,
    ForeignPassport,
    PermanentResidenceCard,
    TravelDocument,
    OfficerCard,
    StudentCard,
    SeniorCard,
    DisabilityCard,
    Other,
}

impl From<DocumentName> for DocumentType {
    fn from(name: DocumentName) -> Self {
        match name {
            DocumentName::ResidentId => Self::ResidentId,
            DocumentName::HkMacauPermit => Self::HkMacauPermit,
            DocumentName::TaiwanPermit => Self::TaiwanPermit,
            DocumentName::HomeReturnPermit => Self::HomeReturnPermit,
            DocumentName::TaiwanCompatriotPermit => Self::TaiwanCompatriotPermit,
            DocumentName::Passport => Self::Passport,
            DocumentName::ForeignPassport => Self::ForeignPassport,
            DocumentName::PermanentResidenceCard => Self::PermanentResidenceCard,
            DocumentName::TravelDocument => Self::TravelDocument,
            DocumentName::OfficerCard => Self::OfficerCard,
            DocumentName::StudentCard => Self::StudentCard,
            DocumentName::SeniorCard => Self::SeniorCard,
            DocumentName::DisabilityCard => Self::DisabilityCard,
            DocumentName::Other => Self::Other,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentSection {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    pub(super) session_key: Option<String>,
    pub(super) login_password: Option<String>,
    pub(super) pay_password: Option<String>,
    pub(super) callback: Option<CallbackSection>,
    #[serde(default)]
    pub(super) funding: Vec<FundingSection>,
}

/// Where an agent is called back; an empty address switches it off.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallbackSection {
    pub(super) url: String,
    #[serde(default = "yes")]
    pub(super) official_sms: bool,
    #[serde(default)]
    pub(super) format: Format,
    #[serde(default)]
    pub(super) method: Method,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    Xml,
    #[default]
    Json,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Method {
    #[default]
    Post,
    Get,
}

impl CallbackSection {
    pub(super) fn settings(&self) -> Option<CallbackSettings> {
        (!self.url.is_empty()).then(|| CallbackSettings {
            url: self.url.as_str().into(),
            official_sms: self.official_sms,
            format: match self.format {
                Format::Xml => CallbackFormat::Xml,
                Format::Json => CallbackFormat::Json,
            },
            method: match self.method {
                Method::Post => CallbackMethod::Post,
                Method::Get => CallbackMethod::Get,
            },
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FundingSection {
    pub(super) supplier: String,
    pub(super) prepaid: Option<String>,
    pub(super) rebate: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientSection {
    pub(super) client_key: String,
    pub(super) secret: String,
    pub(super) agent: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SkuSection {
    pub(super) sku_id: String,
    pub(super) product: String,
    pub(super) timespan: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TopAppSection {
    pub(super) app_key: String,
    pub(super) secret: String,
    #[serde(default)]
    pub(super) shops: Vec<String>,
}

/// A number of places, or `"unlimited"`.
#[derive(Clone, Copy)]
pub(super) struct Places(pub(super) Capacity);

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PlacesVisitor;

        impl Visitor<'_> for PlacesVisitor {
            type Value = Places;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of places from 0 to 4294967295 or \"unlimited\"")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Places, E> {
                let unexpected = serde::de::Unexpected::Signed(value);
                let places = u32::try_from(value);
                let places = places.map_err(|_| E::invalid_value(unexpected, &self))?;
                Ok(Places(Capacity::Limited(Quantity::new(places))))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Places, E> {
                let unexpected = serde::de::Unexpected::Unsigned(value);
                let places = u32::try_from(value);
                let places = places.map_err(|_| E::invalid_value(unexpected, &self))?;
                Ok(Places(Capacity::Limited(Quantity::new(places))))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Places, E> {
                if value == "unlimited" {
                    return Ok(Places(Capacity::Unlimited));
                }
                Err(E::invalid_value(serde::de::Unexpected::Str(value), &self))
            }
        }

        deserializer.deserialize_any(PlacesVisitor)
    }
}

/// Minutes after midnight of both ends of `HH:mm-HH:mm`; the end may be `24:00`.
pub(super) fn timespan(text: &str) -> Option<(u16, u16)> {
    let (start, end) = text.split_once('-')?;
    let (start, end) = (clock_time(start)?, clock_time(end)?);
    (start < end && end <= 24 * 60).then_some((start, end))
}

/// Seconds east of Greenwich of `+HH:MM` or `-HH:MM`, less than a day.
pub(super) fn utc_offset(text: &str) -> Option<i32> {
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let minutes = clock_time(&text[1..]).filter(|minutes| *minutes < 24 * 60)?;
    Some(sign * i32::from(minutes) * 60)
}

/// The day of `yyyy-MM-dd`.
pub(super) fn date(text: &str) -> Option<ServiceDate> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && (year.len(), month.len(), day.len()) == (4, 2, 2);
    let compact = format!("{year}{month}{day}");
    whole.then(|| ServiceDate::parse_compact(&compact).ok()).flatten()
}

/// The weekdays of a list of names.
pub(super) fn weekdays(names: &[WeekdayName]) -> Weekdays {
    let bits = names.iter().fold(0, |bits, name| bits | 1 << *name as u8);
    Weekdays::from_bits(bits).unwrap_or_default()
}

/// First and last day of `yyyy-MM-dd` or `yyyy-MM-dd..yyyy-MM-dd`.
pub(super) fn days(text: &str) -> Option<(ServiceDate, ServiceDate)> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    Some((date(first)?, date(last)?))
}

/// Day and minute of `yyyy-MM-dd HH:mm`.
pub(super) fn day_and_minute(text: &str) -> Option<(ServiceDate, u16)> {
    let (day, time) = text.split_once(' ')?;
    Some((date(day)?, time_of_day(time)?))
}

/// Minutes after midnight of `HH:mm`, at most `24:00`.
pub(super) fn time_of_day(text: &str) -> Option<u16> {
    clock_time(text).filter(|minute| *minute <= 24 * 60)
}

/// Month and day of `MMDD` as one number.
pub(super) fn month_day(text: &str) -> Option<u16> {
    let four_digits = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    four_digits.then(|| text.parse().ok()).flatten()
}

/// Minutes after midnight of `HH:mm`, up to 99:59.
fn clock_time(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |part: &str| {
        let two_digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        two_digits.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute).filter(|minute| *minute < 60)?);
    Some(hour * 60 + minute)
}
