//! A product's rules, as the catalogue file writes them. Whether they make sense together is for the
//! catalogue to say.

use super::shape::{self, ConditionSection, ExceptionSection, ProductSection};
use super::{At, CatalogueFileError};
use crate::domain::catalogue::{
    Booking, CalendarException, Channels, ConditionSet, Fee, FeeTier, Forbidden, LimitRule,
    LimitWindow, Pattern, RefundRule, Rules, Season, Weekdays,
};
use crate::domain::identity::Sex;
use crate::types::{Fen, Quantity, ServiceDate, Timespan, UnixMillis};

/// First and last service date.
type Dates = (ServiceDate, ServiceDate);

/// What an order of the product must satisfy; instants are the venue's, `offset` seconds east of
/// Greenwich.
pub(super) fn rules(
    at: At<'_>,
    section: &ProductSection,
    offset: i32,
) -> Result<Rules, CatalogueFileError> {
    let limits = section.limits.iter().map(|section| limit(at, section));
    let conditions = section.condition.iter().map(|section| condition(at, section));
    let channels = section
        .channels
        .as_ref()
        .map_or(Channels::ALL, |names| Channels::of(names.iter().map(|name| (*name).into())));
    Ok(Rules {
        order_min: Quantity::new(section.order_min),
        order_max: Quantity::new(section.order_max),
        document_per_ticket: section.document_per_ticket,
        unique_documents: section.unique_documents.unwrap_or(section.document_per_ticket),
        channels,
        booking: booking(at, section, offset)?,
        horizon_days: section.horizon_days,
        hold_seconds: u32::from(section.hold_minutes) * 60,
        limits: limits.collect::<Result<_, _>>()?,
        conditions: conditions.collect::<Result<_, _>>()?,
        refund: refund(at, section)?,
    })
}

/// What is different on some days; without `from` and `to` on all days of the calendar.
pub(super) fn exceptions(
    at: At<'_>,
    section: &ProductSection,
    dates: Option<Dates>,
) -> Result<Vec<CalendarException>, CatalogueFileError> {
    section.exception.iter().map(|section| exception(at, section, dates)).collect()
}

fn limit(at: At<'_>, section: &shape::LimitSection) -> Result<LimitRule, CatalogueFileError> {
    let window = match (section.window, section.days) {
        (shape::Window::Rolling, Some(days)) => LimitWindow::Rolling { days },
        (shape::Window::Rolling, None) => {
            return Err(at.error("limits", "a rolling window needs days"));
        }
        (_, Some(_)) => return Err(at.error("limits", "only a rolling window has days")),
        (shape::Window::Timespan, None) => LimitWindow::Timespan,
        (shape::Window::VisitDate, None) => LimitWindow::VisitDate,
        (shape::Window::OrderDate, None) => LimitWindow::OrderDate,
        (shape::Window::Week, None) => LimitWindow::Week,
        (shape::Window::Month, None) => LimitWindow::Month,
        (shape::Window::Lifetime, None) => LimitWindow::Lifetime,
    };
    Ok(LimitRule {
        channel: section.channel.map(Into::into),
        agent: section.agent.as_deref().map(Into::into),
        ..LimitRule::new(section.scope.into(), window, Quantity::new(section.max))
    })
}

fn booking(
    at: At<'_>,
    section: &ProductSection,
    offset: i32,
) -> Result<Booking, CatalogueFileError> {
    let instant = |key: &str, text: &Option<String>| -> Result<_, CatalogueFileError> {
        let Some(text) = text else { return Ok(None) };
        let problem = || format!("{text:?} is not an instant such as \"2026-11-11 20:00\"");
        let (day, minute) = shape::day_and_minute(text).ok_or_else(|| at.error(key, problem()))?;
        let instant = day.start(offset).plus_millis(i64::from(minute) * 60_000);
        Ok(Some::<UnixMillis>(instant))
    };
    let cut_off = section.cut_off.as_ref().map(|text| {
        let problem = || format!("{text:?} is not a time of day such as \"17:00\"");
        shape::time_of_day(text).ok_or_else(|| at.error("cut_off", problem()))
    });
    let season = section.season.as_ref().map(|season| {
        let day = |text: &str| {
            let problem = || format!("{text:?} is not a month and a day such as \"0401\"");
            shape::month_day(text).ok_or_else(|| at.error("season", problem()))
        };
        let (first, last) = (day(&season.from)?, day(&season.to)?);
        Ok(Season { first, last, inverted: season.inverted })
    });
    let blackout = |text: &String| {
        let problem = || format!("{text:?} is not a date, nor two joined by \"..\"");
        shape::days(text).ok_or_else(|| at.error("blackouts", problem()))
    };
    Ok(Booking {
        sale_start: instant("sale_start", &section.sale_start)?,
        sale_end: instant("sale_end", &section.sale_end)?,
        lead_days: section.lead_days,
        lead_hours: section.lead_hours,
        cut_off_minute: cut_off.transpose()?,
        same_day: section.same_day,
        season: season.transpose()?,
        weekdays: weekdays(at, "weekdays", section.weekdays.as_deref())?,
        blackouts: section.blackouts.iter().map(blackout).collect::<Result<_, _>>()?,
    })
}

fn weekdays(
    at: At<'_>,
    key: &str,
    names: Option<&[shape::WeekdayName]>,
) -> Result<Weekdays, CatalogueFileError> {
    match names {
        None => Ok(Weekdays::ALL),
        Some([]) => Err(at.error(key, "names no weekday")),
        Some(names) => Ok(shape::weekdays(names)),
    }
}

fn exception(
    at: At<'_>,
    section: &ExceptionSection,
    dates: Option<Dates>,
) -> Result<CalendarException, CatalogueFileError> {
    let date = |key: &str, text: &Option<String>, otherwise: Option<ServiceDate>| {
        let problem = |text: &str| format!("{text:?} is not a date that exists (yyyy-MM-dd)");
        match text {
            Some(text) => shape::date(text).ok_or_else(|| at.error(key, problem(text))),
            None => otherwise
                .ok_or_else(|| at.error(key, "a product not bound to a date has no exceptions")),
        }
    };
    let price = |key: &str, text: &Option<String>| {
        text.as_deref().map(|text| at.yuan(key, text)).transpose()
    };
    let first = date("exception.from", &section.from, dates.map(|(first, _)| first))?;
    let last = date("exception.to", &section.to, dates.map(|(_, last)| last))?;
    let own: [Option<Fen>; 2] = [
        price("exception.price", &section.price)?,
        price("exception.list_price", &section.list_price)?,
    ];
    Ok(CalendarException {
        weekdays: weekdays(at, "exception.weekdays", section.weekdays.as_deref())?,
        timespans: section.timespans.iter().map(|no| Timespan::new(*no)).collect(),
        area: section.area.as_deref().map(Into::into),
        closed: section.closed,
        capacity: section.capacity.map(|places| places.0),
        allowance: section.allowance.map(Quantity::new),
        price: own[0],
        list_price: own[1],
        ..CalendarException::on(first, last)
    })
}

fn condition(at: At<'_>, section: &ConditionSection) -> Result<ConditionSet, CatalogueFileError> {
    let pattern = |key: &str, text: &str| {
        Pattern::new(text).map_err(|error| at.error(key, format!("{text:?}: {error}")))
    };
    let texts = |list: &[String]| list.iter().map(|text| text.as_str().into()).collect();
    let must_match = section.must_match.as_deref();
    let must_match = must_match.map(|text| pattern("condition.must_match", text)).transpose()?;
    let must_not_match = match (&section.must_not_match, &section.text) {
        (Some(forbidden), Some(text)) => {
            let pattern = pattern("condition.must_not_match", forbidden)?;
            Some(Forbidden { pattern, text: text.as_str().into() })
        }
        (Some(_), None) => {
            let problem = "missing beside must_not_match: what the caller is told";
            return Err(at.error("condition.text", problem));
        }
        (None, Some(_)) => {
            return Err(at.error("condition.text", "is told when must_not_match matches"));
        }
        (None, None) => None,
    };
    Ok(ConditionSet {
        kinds: section.types.iter().map(|name| (*name).into()).collect(),
        prefixes: texts(&section.prefixes),
        regions: texts(&section.regions),
        age_from: section.age_from,
        age_to: section.age_to,
        sex: section.sex.map(|sex| match sex {
            shape::SexName::Male => Sex::Male,
            shape::SexName::Female => Sex::Female,
        }),
        must_match,
        must_not_match,
    })
}

fn refund(at: At<'_>, section: &ProductSection) -> Result<RefundRule, CatalogueFileError> {
    let Some(tiers) = &section.refund else { return Ok(RefundRule::default()) };
    let tier = |tier: &shape::FeeSection| {
        let fee = match (&tier.fee, &tier.fee_percent) {
            (Some(fee), None) => Fee::Fixed(at.yuan("refund", fee)?),
            (None, Some(percent)) => Fee::Percent(at.percent("refund", percent)?),
            _ => return Err(at.error("refund", "each tier has either fee or fee_percent")),
        };
        Ok(FeeTier { hours_before: tier.hours_before, fee })
    };
    Ok(RefundRule { tiers: tiers.iter().map(tier).collect::<Result<_, _>>()? })
}
