//! `piaoku statement` and `piaoku reconcile`: what the journal says of money, for people, for
//! programs and for accountants. Read-only, beside a running server or without; no key is needed.

mod csv;
mod reconcile;
mod statement;

use crate::types::{Fen, ServiceDate, UnixMillis};

pub(super) use reconcile::run as reconcile;
pub(super) use statement::run as statement;

/// Reads a day, `2026-11-21` or `20261121`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse_day(text: &str) -> Result<ServiceDate, String> {
    let compact: String = match text.split('-').collect::<Vec<_>>()[..] {
        [year, month, day] if (year.len(), month.len(), day.len()) == (4, 2, 2) => {
            [year, month, day].concat()
        }
        _ => text.to_owned(),
    };
    ServiceDate::parse_compact(&compact).map_err(|_| "not a day: write it as 2026-11-21".to_owned())
}

/// An instant at a venue: `2026-11-21 09:05:00`.
fn venue_time(at: UnixMillis, utc_offset_seconds: i32) -> String {
    let date = ServiceDate::at(at, utc_offset_seconds);
    let second = at.as_secs().saturating_sub(date.start(utc_offset_seconds).as_secs());
    let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
    format!("{date} {hours:02}:{minutes:02}:{seconds:02}")
}

/// Fen of a sum as yuan. Sums of sums stay far inside 64 bits; one that did not would be shown as the
/// largest there is, and differ from what the accounts have.
fn yuan(fen: i128) -> String {
    let fen = i64::try_from(fen).unwrap_or(if fen < 0 { i64::MIN + 1 } else { i64::MAX });
    Fen::new(fen).to_yuan()
}

#[cfg(test)]
mod tests;
