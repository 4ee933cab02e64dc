//! A product's rules: booking, calendar exceptions, document conditions.

use serde::{Deserialize, Serialize};

use super::product::CapacityV2;
use super::{Invalid, List, Mirrored};
use crate::domain::catalogue::{
    Booking, CalendarException, ConditionSet, Forbidden, Pattern, Season, Weekdays,
};
use crate::domain::identity::{DocumentType, Sex};
use crate::types::{Fen, Quantity, ServiceDate, Timespan, UnixMillis};

/// Twin of [`Booking`]; instants in milliseconds, days since 1970-01-01.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct BookingV2<'a> {
    sale_start: Option<i64>,
    sale_end: Option<i64>,
    lead_days: u16,
    lead_hours: u16,
    cut_off_minute: Option<u16>,
    same_day: bool,
    season: Option<SeasonV2>,
    /// Bit `n` for weekday `n`, Monday being 0.
    weekdays: u8,
    #[serde(borrow)]
    blackouts: List<'a, (ServiceDate, ServiceDate)>,
}

/// Twin of [`Season`]; month and day as one number.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SeasonV2 {
    first: u16,
    last: u16,
    inverted: bool,
}

impl Mirrored for (ServiceDate, ServiceDate) {
    type Mirror<'a> = (i32, i32);

    fn mirror(&self) -> (i32, i32) {
        (self.0.days(), self.1.days())
    }

    fn restore((first, last): (i32, i32)) -> Result<Self, Invalid> {
        Ok((ServiceDate::from_days(first), ServiceDate::from_days(last)))
    }
}

impl Mirrored for Booking {
    type Mirror<'a> = BookingV2<'a>;

    fn mirror(&self) -> BookingV2<'_> {
        let Self {
            sale_start,
            sale_end,
            lead_days,
            lead_hours,
            cut_off_minute,
            same_day,
            season,
            weekdays,
            blackouts,
        } = self;
        BookingV2 {
            sale_start: sale_start.map(UnixMillis::get),
            sale_end: sale_end.map(UnixMillis::get),
            lead_days: *lead_days,
            lead_hours: *lead_hours,
            cut_off_minute: *cut_off_minute,
            same_day: *same_day,
            season: season.map(|Season { first, last, inverted }| SeasonV2 {
                first,
                last,
                inverted,
            }),
            weekdays: weekdays.bits(),
            blackouts: List::Borrowed(blackouts),
        }
    }

    fn restore(mirror: BookingV2<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            sale_start: mirror.sale_start.map(UnixMillis::new),
            sale_end: mirror.sale_end.map(UnixMillis::new),
            lead_days: mirror.lead_days,
            lead_hours: mirror.lead_hours,
            cut_off_minute: mirror.cut_off_minute,
            same_day: mirror.same_day,
            season: mirror.season.map(|SeasonV2 { first, last, inverted }| Season {
                first,
                last,
                inverted,
            }),
            weekdays: Weekdays::from_bits(mirror.weekdays).ok_or(Invalid)?,
            blackouts: mirror.blackouts.into_owned(),
        })
    }
}

/// Twin of [`CalendarException`]; dates in days since 1970-01-01, prices in fen.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct CalendarExceptionV2<'a> {
    first: i32,
    last: i32,
    weekdays: u8,
    #[serde(borrow)]
    timespans: List<'a, Timespan>,
    area: Option<&'a str>,
    closed: Option<bool>,
    capacity: Option<CapacityV2>,
    allowance: Option<u32>,
    price: Option<i64>,
    list_price: Option<i64>,
}

impl Mirrored for Timespan {
    type Mirror<'a> = u8;

    fn mirror(&self) -> u8 {
        self.get()
    }

    fn restore(mirror: u8) -> Result<Self, Invalid> {
        Ok(Self::new(mirror))
    }
}

impl Mirrored for CalendarException {
    type Mirror<'a> = CalendarExceptionV2<'a>;

    fn mirror(&self) -> CalendarExceptionV2<'_> {
        let Self {
            first,
            last,
            weekdays,
            timespans,
            area,
            closed,
            capacity,
            allowance,
            price,
            list_price,
        } = self;
        CalendarExceptionV2 {
            first: first.days(),
            last: last.days(),
            weekdays: weekdays.bits(),
            timespans: List::Borrowed(timespans),
            area: area.as_deref(),
            closed: *closed,
            capacity: capacity.as_ref().map(Mirrored::mirror),
            allowance: allowance.map(Quantity::get),
            price: price.map(Fen::get),
            list_price: list_price.map(Fen::get),
        }
    }

    fn restore(mirror: CalendarExceptionV2<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            first: ServiceDate::from_days(mirror.first),
            last: ServiceDate::from_days(mirror.last),
            weekdays: Weekdays::from_bits(mirror.weekdays).ok_or(Invalid)?,
            timespans: mirror.timespans.into_owned(),
            area: mirror.area.map(Into::into),
            closed: mirror.closed,
            capacity: mirror.capacity.map(Mirrored::restore).transpose()?,
            allowance: mirror.allowance.map(Quantity::new),
            price: mirror.price.map(Fen::new),
            list_price: mirror.list_price.map(Fen::new),
        })
    }
}

/// Twin of [`ConditionSet`]; patterns as they were written.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct ConditionSetV2<'a> {
    #[serde(borrow)]
    kinds: List<'a, DocumentType>,
    #[serde(borrow)]
    prefixes: List<'a, Box<str>>,
    #[serde(borrow)]
    regions: List<'a, Box<str>>,
    age_from: Option<u16>,
    age_to: Option<u16>,
    sex: Option<SexV2>,
    must_match: Option<&'a str>,
    /// The pattern and what the caller is told.
    must_not_match: Option<(&'a str, &'a str)>,
}

/// Twin of [`Sex`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum SexV2 {
    /// 0
    Male,
    /// 1
    Female,
}

/// Twin of [`DocumentType`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum DocumentTypeV2 {
    /// 0
    ResidentId,
    /// 1
    HkMacauPermit,
    /// 2
    TaiwanPermit,
    /// 3
    HomeReturnPermit,
    /// 4
    TaiwanCompatriotPermit,
    /// 5
    Passport,
    /// 6
    ForeignPassport,
    /// 7
    PermanentResidenceCard,
    /// 8
    TravelDocument,
    /// 9
    OfficerCard,
    /// 10
    StudentCard,
    /// 11
    SeniorCard,
    /// 12
    DisabilityCard,
    /// 13
    Other,
}

impl Mirrored for DocumentType {
    type Mirror<'a> = DocumentTypeV2;

    fn mirror(&self) -> DocumentTypeV2 {
        match self {
            Self::ResidentId => DocumentTypeV2::ResidentId,
            Self::HkMacauPermit => DocumentTypeV2::HkMacauPermit,
            Self::TaiwanPermit => DocumentTypeV2::TaiwanPermit,
            Self::HomeReturnPermit => DocumentTypeV2::HomeReturnPermit,
            Self::TaiwanCompatriotPermit => DocumentTypeV2::TaiwanCompatriotPermit,
            Self::Passport => DocumentTypeV2::Passport,
            Self::ForeignPassport => DocumentTypeV2::ForeignPassport,
            Self::PermanentResidenceCard => DocumentTypeV2::PermanentResidenceCard,
            Self::TravelDocument => DocumentTypeV2::TravelDocument,
            Self::OfficerCard => DocumentTypeV2::OfficerCard,
            Self::StudentCard => DocumentTypeV2::StudentCard,
            Self::SeniorCard => DocumentTypeV2::SeniorCard,
            Self::DisabilityCard => DocumentTypeV2::DisabilityCard,
            Self::Other => DocumentTypeV2::Other,
        }
    }

    fn restore(mirror: DocumentTypeV2) -> Result<Self, Invalid> {
        Ok(match mirror {
            DocumentTypeV2::ResidentId => Self::ResidentId,
            DocumentTypeV2::HkMacauPermit => Self::HkMacauPermit,
            DocumentTypeV2::TaiwanPermit => Self::TaiwanPermit,
            DocumentTypeV2::HomeReturnPermit => Self::HomeReturnPermit,
            DocumentTypeV2::TaiwanCompatriotPermit => Self::TaiwanCompatriotPermit,
            DocumentTypeV2::Passport => Self::Passport,
            DocumentTypeV2::ForeignPassport => Self::ForeignPassport,
            DocumentTypeV2::PermanentResidenceCard => Self::PermanentResidenceCard,
            DocumentTypeV2::TravelDocument => Self::TravelDocument,
            DocumentTypeV2::OfficerCard => Self::OfficerCard,
            DocumentTypeV2::StudentCard => Self::StudentCard,
            DocumentTypeV2::SeniorCard => Self::SeniorCard,
            DocumentTypeV2::DisabilityCard => Self::DisabilityCard,
            DocumentTypeV2::Other => Self::Other,
        })
    }
}

impl Mirrored for ConditionSet {
    type Mirror<'a> = ConditionSetV2<'a>;

    fn mirror(&self) -> ConditionSetV2<'_> {
        let Self { kinds, prefixes, regions, age_from, age_to, sex, must_match, must_not_match } =
            self;
        let sex = sex.map(|sex| match sex {
            Sex::Male => SexV2::Male,
            Sex::Female => SexV2::Female,
        });
        let forbidden = must_not_match.as_ref();
        ConditionSetV2 {
            kinds: List::Borrowed(kinds),
            prefixes: List::Borrowed(prefixes),
            regions: List::Borrowed(regions),
            age_from: *age_from,
            age_to: *age_to,
            sex,
            must_match: must_match.as_ref().map(Pattern::as_str),
            must_not_match: forbidden.map(|it| (it.pattern.as_str(), &*it.text)),
        }
    }

    fn restore(mirror: ConditionSetV2<'_>) -> Result<Self, Invalid> {
        let pattern = |text: &str| Pattern::new(text).map_err(|_| Invalid);
        let forbidden = |(text, told): (&str, &str)| {
            Ok(Forbidden { pattern: pattern(text)?, text: told.into() })
        };
        Ok(Self {
            kinds: mirror.kinds.into_owned(),
            prefixes: mirror.prefixes.into_owned(),
            regions: mirror.regions.into_owned(),
            age_from: mirror.age_from,
            age_to: mirror.age_to,
            sex: mirror.sex.map(|sex| match sex {
                SexV2::Male => Sex::Male,
                SexV2::Female => Sex::Female,
            }),
            must_match: mirror.must_match.map(pattern).transpose()?,
            must_not_match: mirror.must_not_match.map(forbidden).transpose()?,
        })
    }
}
