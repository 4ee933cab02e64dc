//! What is wrong with a product's rules in themselves. What is wrong with the product beside them, or
//! beside the rest of the catalogue, is `command`'s business.

use crate::domain::catalogue::command::PRICE_MAX;
use crate::domain::catalogue::{
    AreaDef, Booking, CalendarException, ConditionSet, Fee, FeeTier, LimitRule, LimitWindow,
    SetProduct, Weekdays,
};
use crate::domain::inventory::Capacity;
use crate::types::{Quantity, Timespan};

/// Most limit rules of a product.
const LIMITS_MAX: usize = 64;
/// Longest rolling window: a year, whatever the year.
const ROLLING_DAYS_MAX: u16 = 366;
/// Most exceptions of a calendar, each with at most as many timespans as there can be.
const EXCEPTIONS_MAX: usize = 1000;
/// Most blackout spans.
const BLACKOUTS_MAX: usize = 400;
/// Most condition sets of a product.
const CONDITIONS_MAX: usize = 16;
/// Most kinds, prefixes or regions of a condition set.
const CONDITION_LIST_MAX: usize = 100;
/// Longest prefix of a document number, in characters.
const PREFIX_LEN_MAX: usize = 20;
/// Longest text that a caller is told, in characters.
const TEXT_LEN_MAX: usize = 100;
/// Highest age a condition may name.
const AGE_MAX: u16 = 200;
/// Most tiers of a refund rule.
const FEE_TIERS_MAX: usize = 16;

/// What is wrong with a product's rules, if anything.
pub(super) fn rules_flaw(product: &SetProduct) -> Option<&'static str> {
    let rules = &product.rules;
    if product.uses == 0 {
        return Some("a voucher can be redeemed at least once");
    }
    limits_flaw(&rules.limits)
        .or_else(|| booking_flaw(&rules.booking, product.calendar.dates.is_some()))
        .or_else(|| calendar_flaw(product))
        .or_else(|| conditions_flaw(&rules.conditions))
        .or_else(|| refund_flaw(&rules.refund.tiers))
}

fn limits_flaw(limits: &[LimitRule]) -> Option<&'static str> {
    if limits.len() > LIMITS_MAX {
        return Some("a product has at most 64 limits");
    }
    // Not by the window itself: rolling windows of two lengths would share their counts.
    let kind = |rule: &LimitRule| {
        (LimitRule::number(rule.scope, rule.window), rule.channel, rule.agent.clone())
    };
    if (1..limits.len()).any(|n| limits[..n].iter().any(|rule| kind(rule) == kind(&limits[n]))) {
        return Some("a product has at most one limit for each scope, window, channel and agent");
    }
    let too_long = |rule: &LimitRule| match rule.window {
        LimitWindow::Rolling { days } => !(1..=ROLLING_DAYS_MAX).contains(&days),
        _ => false,
    };
    limits.iter().any(too_long).then_some("a rolling window has 1 to 366 days")
}

fn booking_flaw(booking: &Booking, dated: bool) -> Option<&'static str> {
    if let (Some(start), Some(end)) = (booking.sale_start, booking.sale_end)
        && start >= end
    {
        return Some("the sale ends before it begins");
    }
    let timeless = Booking {
        sale_start: booking.sale_start,
        sale_end: booking.sale_end,
        ..Booking::default()
    };
    if !dated && *booking != timeless {
        return Some("a product not bound to a date has no lead, season, weekdays or blackouts");
    }
    if booking.cut_off_minute.is_some_and(|minute| minute > 24 * 60) {
        return Some("the cut-off is a time of day");
    }
    if booking.season.is_some_and(|season| !season.is_real()) {
        return Some("a season begins and ends on days that exist (MMDD)");
    }
    if booking.weekdays.bits() == 0 {
        return Some("a product is offered on at least one weekday");
    }
    if booking.blackouts.len() > BLACKOUTS_MAX {
        return Some("a product has at most 400 blackouts");
    }
    let backwards = booking.blackouts.iter().any(|(first, last)| first > last);
    backwards.then_some("a blackout ends before it begins")
}

fn calendar_flaw(product: &SetProduct) -> Option<&'static str> {
    let exceptions = &product.calendar.exceptions;
    if exceptions.len() > EXCEPTIONS_MAX {
        return Some("a calendar has at most 1000 exceptions");
    }
    if product.calendar.dates.is_none() && !exceptions.is_empty() {
        return Some("a product not bound to a date has no exceptions");
    }
    exceptions.iter().find_map(|exception| exception_flaw(exception, product))
}

fn exception_flaw(exception: &CalendarException, product: &SetProduct) -> Option<&'static str> {
    if exception.first > exception.last {
        return Some("an exception ends before it begins");
    }
    if exception.weekdays == Weekdays::from_bits(0).unwrap_or_default() {
        return Some("an exception is for at least one weekday");
    }
    let known = |no: &Timespan| product.timespans.iter().any(|timespan| timespan.no == *no);
    let timespans = &exception.timespans;
    if timespans.len() > usize::from(u8::MAX) || !timespans.iter().all(known) {
        return Some("an exception names a timespan the product does not have");
    }
    let named = |area: &&AreaDef| {
        exception.area.as_ref().is_none_or(|only| only.eq_ignore_ascii_case(&area.id))
    };
    if exception.area.is_some() && !product.areas.iter().any(|area| named(&area)) {
        return Some("an exception names an area the product does not have");
    }
    // Seats are not made by writing a number: an exception can only keep some of them back.
    let more_than = |capacity: Capacity, places: Quantity| match capacity {
        Capacity::Unlimited => true,
        Capacity::Limited(capacity) => capacity > places,
    };
    let adds_seats = |capacity: Capacity| {
        product.areas.iter().filter(named).any(|area| more_than(capacity, area.capacity))
    };
    if exception.capacity.is_some_and(adds_seats) {
        return Some("an exception cannot give an area more places than it has");
    }
    let prices = [exception.price, exception.list_price];
    let priced = prices.into_iter().flatten().all(|fen| (0..=PRICE_MAX).contains(&fen.get()));
    (!priced).then_some("prices and rebates go from 0 to 10000000.00 yuan")
}

fn conditions_flaw(sets: &[ConditionSet]) -> Option<&'static str> {
    if sets.len() > CONDITIONS_MAX {
        return Some("a product has at most 16 condition sets");
    }
    sets.iter().find_map(|set| {
        let lists = [set.kinds.len(), set.prefixes.len(), set.regions.len()];
        if lists.into_iter().any(|len| len > CONDITION_LIST_MAX) {
            return Some("a condition set has at most 100 kinds, prefixes or regions");
        }
        let prefix = |text: &str| (1..=PREFIX_LEN_MAX).contains(&text.chars().count());
        if !set.prefixes.iter().all(|text| prefix(text)) {
            return Some("a prefix of a document number has 1 to 20 characters");
        }
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let region = |text: &str| (2..=6).contains(&text.len()) && digits(text);
        if !set.regions.iter().all(|text| region(text)) {
            return Some("a region is the first 2 to 6 digits of an area code");
        }
        let (from, to) = (set.age_from.unwrap_or(0), set.age_to.unwrap_or(AGE_MAX));
        if from > to || to > AGE_MAX {
            return Some("ages go up, from 0 to 200");
        }
        let told = |text: &str| {
            let length = text.chars().count();
            (1..=TEXT_LEN_MAX).contains(&length) && !text.chars().any(char::is_control)
        };
        let mute = set.must_not_match.as_ref().is_some_and(|forbidden| !told(&forbidden.text));
        mute.then_some("a forbidden pattern comes with a text of 1 to 100 characters")
    })
}

/// What is wrong with the tiers of a refund rule, if anything.
fn refund_flaw(tiers: &[FeeTier]) -> Option<&'static str> {
    if tiers.len() > FEE_TIERS_MAX {
        return Some("a refund rule has at most 16 tiers");
    }
    let hours = |tier: &FeeTier| tier.hours_before;
    let twice = |n: usize| tiers[..n].iter().any(|tier| hours(tier) == hours(&tiers[n]));
    if (1..tiers.len()).any(twice) {
        return Some("two tiers of a refund rule are for the same hour");
    }
    let real = |tier: &FeeTier| match tier.fee {
        Fee::Fixed(fee) => (0..=PRICE_MAX).contains(&fee.get()),
        Fee::Percent(share) => share <= 10_000,
    };
    if !tiers.iter().all(real) {
        return Some("a refund fee goes from 0 to 10000000.00 yuan or to 100 per cent");
    }
    None
}
