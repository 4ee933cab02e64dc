//! What is sold in every store: the names and numbers of data/load/catalogue.toml, by date.

use piaoku::clock::{Clock as _, SystemClock};
use piaoku::types::ServiceDate;

/// The product with places for everybody.
pub(crate) const HOT: &str = "P-LOAD";
/// The product without a place.
pub(crate) const SOLD_OUT: &str = "P-LOAD-OUT";
/// Places of each slot of [`HOT`].
pub(crate) const PLACES: i64 = 1_000_000_000;
/// Slots that the spread orders go to.
pub(crate) const SLOTS: u32 = 1000;
/// Days from today that are sold.
const DAYS: i32 = 1100;
/// Seconds that the venue is ahead of UTC.
const OFFSET_SECONDS: i32 = 8 * 3600;

/// The date in so many days, `yyyyMMdd`.
pub(crate) fn day(days: i32) -> String {
    ServiceDate::at(SystemClock.now(), OFFSET_SECONDS).plus_days(days).to_compact()
}

/// Every date that is sold.
pub(crate) fn days() -> impl Iterator<Item = String> {
    (0..DAYS).map(day)
}
