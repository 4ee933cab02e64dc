//! A product's rules and calendar exceptions as a catalogue file writes them.

use serde_json::{Value, json};

use super::{date, places};
use crate::domain::catalogue::{
    Booking, CalendarException, Channels, ConditionSet, Fee, FeeTier, Forbidden, LimitRule,
    LimitScope, LimitWindow, RefundRule, Rules, Season, Weekdays,
};
use crate::domain::identity::{DocumentType, Sex};
use crate::types::{Channel, Quantity, ServiceDate, Timespan, UnixMillis};

/// Sets the keys of a product's rules; instants are written at the venue, `offset` seconds east of
/// Greenwich.
pub(super) fn set_rules(rules: &Rules, offset: i32, mut set: impl FnMut(&str, Value)) {
    let Rules {
        order_min,
        order_max,
        document_per_ticket,
        unique_documents,
        channels,
        booking,
        horizon_days,
        hold_seconds,
        limits,
        conditions,
        refund: RefundRule { tiers },
    } = rules;
    set("order_min", json!(order_min.get()));
    set("order_max", json!(order_max.get()));
    set("document_per_ticket", json!(document_per_ticket));
    set("unique_documents", json!(unique_documents));
    if *channels != Channels::ALL {
        let all = [Channel::Ota, Channel::Douyin, Channel::LocalLife, Channel::Console];
        let open = all.into_iter().filter(|channel| channels.contains(*channel));
        set("channels", open.map(channel).collect());
    }
    set("horizon_days", json!(horizon_days));
    set("hold_minutes", json!(hold_seconds / 60));
    set("limits", limits.iter().map(limit).collect());
    set("refund", tiers.iter().map(tier).collect());
    set("condition", conditions.iter().map(condition).collect());
    set_booking(booking, offset, set);
}

fn set_booking(booking: &Booking, offset: i32, mut set: impl FnMut(&str, Value)) {
    let Booking {
        sale_start,
        sale_end,
        lead_days,
        lead_hours,
        cut_off_minute,
        same_day,
        season,
        weekdays,
        blackouts,
    } = booking;
    for (key, instant) in [("sale_start", sale_start), ("sale_end", sale_end)] {
        if let Some(instant) = instant {
            set(key, moment(*instant, offset));
        }
    }
    set("lead_days", json!(lead_days));
    set("lead_hours", json!(lead_hours));
    if let Some(minute) = cut_off_minute {
        set("cut_off", json!(clock(*minute)));
    }
    set("same_day", json!(same_day));
    if let Some(Season { first, last, inverted }) = season {
        let day = |day: &u16| format!("{day:04}");
        set("season", json!({ "from": day(first), "to": day(last), "inverted": inverted }));
    }
    if *weekdays != Weekdays::ALL {
        set("weekdays", weekday_names(*weekdays));
    }
    set("blackouts", blackouts.iter().map(|days| span(*days)).collect());
}

/// One calendar exception.
pub(super) fn exception(exception: &CalendarException) -> Value {
    let CalendarException {
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
    } = exception;
    let mut document = json!({ "from": date(*first), "to": date(*last) });
    if *weekdays != Weekdays::ALL {
        document["weekdays"] = weekday_names(*weekdays);
    }
    if !timespans.is_empty() {
        document["timespans"] = timespans.iter().map(|no| json!(Timespan::get(*no))).collect();
    }
    let own = [
        ("area", area.as_ref().map(|area| json!(area))),
        ("closed", closed.map(|closed| json!(closed))),
        ("capacity", capacity.map(places)),
        ("allowance", allowance.map(|allowance| json!(Quantity::get(allowance)))),
        ("price", price.map(|price| json!(price.to_yuan()))),
        ("list_price", list_price.map(|price| json!(price.to_yuan()))),
    ];
    for (key, value) in own {
        if let Some(value) = value {
            document[key] = value;
        }
    }
    document
}

fn limit(rule: &LimitRule) -> Value {
    let LimitRule { no: _, scope, window, max, channel: only_channel, agent } = rule;
    let mut document = json!({
        "scope": scope_name(*scope),
        "window": window_name(*window),
        "max": max.get(),
    });
    if let LimitWindow::Rolling { days } = window {
        document["days"] = json!(days);
    }
    if let Some(only) = only_channel {
        document["channel"] = channel(*only);
    }
    if let Some(agent) = agent {
        document["agent"] = json!(agent);
    }
    document
}

/// A scope's name in files and answers.
pub(super) const fn scope_name(scope: LimitScope) -> &'static str {
    match scope {
        LimitScope::Document => "document",
        LimitScope::Mobile => "mobile",
        LimitScope::Agent => "agent",
        LimitScope::AgentUser => "agent_user",
        LimitScope::OpenId => "open_id",
        LimitScope::Channel => "channel",
        LimitScope::Everyone => "everyone",
    }
}

const fn window_name(window: LimitWindow) -> &'static str {
    match window {
        LimitWindow::Timespan => "timespan",
        LimitWindow::VisitDate => "visit_date",
        LimitWindow::OrderDate => "order_date",
        LimitWindow::Week => "week",
        LimitWindow::Month => "month",
        LimitWindow::Lifetime => "lifetime",
        LimitWindow::Rolling { .. } => "rolling",
    }
}

fn tier(tier: &FeeTier) -> Value {
    match tier.fee {
        Fee::Fixed(fee) => json!({ "hours_before": tier.hours_before, "fee": fee.to_yuan() }),
        Fee::Percent(share) => {
            let percent = format!("{}.{:02}", share / 100, share % 100);
            json!({ "hours_before": tier.hours_before, "fee_percent": percent })
        }
    }
}

fn condition(set: &ConditionSet) -> Value {
    let ConditionSet {
        kinds,
        prefixes,
        regions,
        age_from,
        age_to,
        sex,
        must_match,
        must_not_match,
    } = set;
    let mut document = json!({ "prefixes": prefixes, "regions": regions });
    document["types"] = kinds.iter().map(|kind| json!(kind_name(*kind))).collect();
    let sex = sex.map(|sex| match sex {
        Sex::Male => "male",
        Sex::Female => "female",
    });
    let (pattern, text) = must_not_match
        .as_ref()
        .map(|Forbidden { pattern, text }| (json!(pattern.as_str()), json!(text)))
        .unzip();
    let own = [
        ("age_from", age_from.map(|age| json!(age))),
        ("age_to", age_to.map(|age| json!(age))),
        ("sex", sex.map(|sex| json!(sex))),
        ("must_match", must_match.as_ref().map(|pattern| json!(pattern.as_str()))),
        ("must_not_match", pattern),
        ("text", text),
    ];
    for (key, value) in own {
        if let Some(value) = value {
            document[key] = value;
        }
    }
    document
}

const fn kind_name(kind: DocumentType) -> &'static str {
    match kind {
        DocumentType::ResidentId => "resident_id",
        DocumentType::HkMacauPermit => "hk_macau_permit",
        DocumentType::TaiwanPermit => "taiwan_permit",
        DocumentType::HomeReturnPermit => "home_return_permit",
        DocumentType::TaiwanCompatriotPermit => "taiwan_compatriot_permit",
        DocumentType::Passport => "passport",
        DocumentType::ForeignPassport => "foreign_passport",
        DocumentType::PermanentResidenceCard => "permanent_residence_card",
        DocumentType::TravelDocument => "travel_document",
        DocumentType::OfficerCard => "officer_card",
        DocumentType::StudentCard => "student_card",
        DocumentType::SeniorCard => "senior_card",
        DocumentType::DisabilityCard => "disability_card",
        DocumentType::Other => "other",
    }
}

fn channel(channel: Channel) -> Value {
    json!(match channel {
        Channel::Ota => "ota",
        Channel::Douyin => "douyin",
        Channel::LocalLife => "local_life",
        Channel::Console => "console",
    })
}

fn weekday_names(weekdays: Weekdays) -> Value {
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let named = names.into_iter().enumerate().filter(|(n, _)| weekdays.bits() >> n & 1 == 1);
    named.map(|(_, name)| json!(name)).collect()
}

/// `yyyy-MM-dd`, or two of them joined by `..`.
fn span((first, last): (ServiceDate, ServiceDate)) -> Value {
    if first == last {
        return date(first);
    }
    match (date(first), date(last)) {
        (Value::String(first), Value::String(last)) => json!(format!("{first}..{last}")),
        _ => Value::Null,
    }
}

/// `yyyy-MM-dd HH:mm` at the venue.
fn moment(instant: UnixMillis, offset: i32) -> Value {
    let day = ServiceDate::at(instant, offset);
    let minute = instant.get().saturating_sub(day.start(offset).get()) / 60_000;
    match date(day) {
        Value::String(day) => {
            json!(format!("{day} {}", clock(u16::try_from(minute).unwrap_or(0))))
        }
        _ => Value::Null,
    }
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}
