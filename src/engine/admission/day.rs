//! When an order is for: the day of all its lines, the timespans to try, the times of performances.
//! Whether there is room then is asked later.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Draft, DraftDate, DraftTimespan, SceneNaming};
use crate::domain::catalogue::{Product, Supplier};
use crate::engine::occasion::{day_problem, is_closed, timespan_problem};
use crate::engine::plan::slot_key;
use crate::engine::{DateProblem, Rejection};
use crate::types::{ServiceDate, Timespan, UnixMillis};

/// When an order is for.
pub(super) struct Occasion {
    /// The day of all lines; `None` for products not bound to one.
    pub(super) date: Option<ServiceDate>,
    /// Timespans to try, earliest first; at least one.
    pub(super) candidates: SmallVec<[Timespan; 4]>,
    /// The time of each line that is for a performance.
    pub(super) performances: Performances,
}

type Performances = SmallVec<[Option<Timespan>; 4]>;

/// The day of all lines, the timespans to try, and the times of performances.
pub(super) fn occasion(
    draft: &Draft,
    products: &[Arc<Product>],
    supplier: &Supplier,
    today: ServiceDate,
    now: UnixMillis,
) -> Result<Occasion, Rejection> {
    let dated = products.iter().any(|product| product.calendar.dates.is_some());
    if dated != products.iter().all(|product| product.calendar.dates.is_some()) {
        // One validity cannot serve a day ticket and an open ticket at once.
        return Err(Rejection::Date { date: None, problem: DateProblem::NotOffered });
    }
    if !dated {
        return undated_occasion(draft, products, now);
    }
    let scene = match draft.scene.naming {
        SceneNaming::ById => scene(draft, products)?,
        SceneNaming::ByDay => None,
    };
    let date = scene.map_or_else(|| day(draft.date), |(date, _)| Ok(date))?;
    let reject = |problem| Err(Rejection::Date { date: Some(date), problem });
    for product in products {
        if let Some(problem) = day_problem(product, supplier, date, today, now) {
            return reject(problem);
        }
    }
    let performances = performances(draft, products, date)?;
    let mut candidates = candidates(draft, products, scene.map(|(_, timespan)| timespan))?;
    let problem = |timespan: Timespan| {
        products.iter().zip(&performances).find_map(|(product, performance)| {
            timespan_problem(product, supplier, date, performance.unwrap_or(timespan), now)
        })
    };
    // When none is left, the last of the day says why.
    let mut found = DateProblem::Over;
    candidates.retain(|timespan| match problem(*timespan) {
        Some(problem) => {
            found = problem;
            false
        }
        None => true,
    });
    if candidates.is_empty() {
        return reject(found);
    }
    Ok(Occasion { date: Some(date), candidates, performances })
}

fn undated_occasion(
    draft: &Draft,
    products: &[Arc<Product>],
    now: UnixMillis,
) -> Result<Occasion, Rejection> {
    // Without a validity of its own the ticket would never end: the caller has to say.
    let (from, until) = draft.validity.ok_or(Rejection::BadValidity)?;
    if from >= until || until <= now {
        return Err(Rejection::BadValidity);
    }
    let candidates = SmallVec::from_slice(&[Timespan::NONE]);
    Ok(Occasion { date: None, candidates, performances: SmallVec::from_elem(None, products.len()) })
}

fn day(date: DraftDate) -> Result<ServiceDate, Rejection> {
    match date {
        DraftDate::Day(date) => Ok(date),
        DraftDate::Missing => Err(Rejection::Date { date: None, problem: DateProblem::Missing }),
        DraftDate::Malformed => {
            Err(Rejection::Date { date: None, problem: DateProblem::Malformed })
        }
    }
}

/// The performance all lines are for, if any of them is for one.
fn scene(
    draft: &Draft,
    products: &[Arc<Product>],
) -> Result<Option<(ServiceDate, Timespan)>, Rejection> {
    let mut found = None;
    for product in products.iter().filter(|product| product.is_performance()) {
        let scene = product.scene(&draft.scene.scene_id).ok_or(Rejection::UnknownPerformance)?;
        found = Some(scene);
    }
    if let (Some((date, _)), DraftDate::Day(day)) = (found, draft.date)
        && date != day
    {
        return Err(Rejection::PerformanceOnAnotherDay);
    }
    if found.is_some() && draft.date == DraftDate::Malformed {
        return Err(Rejection::Date { date: None, problem: DateProblem::Malformed });
    }
    Ok(found)
}

/// The time of each line that is for a performance on `date`.
fn performances(
    draft: &Draft,
    products: &[Arc<Product>],
    date: ServiceDate,
) -> Result<Performances, Rejection> {
    let performance = |product: &Arc<Product>| {
        if !product.is_performance() {
            return Ok(None);
        }
        match draft.scene.naming {
            SceneNaming::ById => match product.scene(&draft.scene.scene_id) {
                Some((_, timespan)) => Ok(Some(timespan)),
                None => Err(Rejection::UnknownPerformance),
            },
            SceneNaming::ByDay => performance_of_day(draft, product, date).map(Some),
        }
    };
    products.iter().map(performance).collect()
}

/// The time of a product's performance on `date`: the only one it has, the one the request names, or the
/// only one of the day that is not closed.
fn performance_of_day(
    draft: &Draft,
    product: &Product,
    date: ServiceDate,
) -> Result<Timespan, Rejection> {
    if let [only] = &product.timespans[..] {
        return Ok(only.no);
    }
    if let DraftTimespan::Exactly(named) = draft.timespan
        && product.has_timespan(named)
    {
        return Ok(named);
    }
    let is_open = |no: &Timespan| !is_closed(product, slot_key(product, Some(date), *no), None);
    let mut open = product.timespans.iter().map(|span| span.no).filter(is_open);
    match (open.next(), open.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(Rejection::UnknownTimespan),
    }
}

/// The timespans to try for lines that are for no performance. Lines at a spot that come with a
/// performance named by its id are for its time.
fn candidates(
    draft: &Draft,
    products: &[Arc<Product>],
    scene: Option<Timespan>,
) -> Result<SmallVec<[Timespan; 4]>, Rejection> {
    let is_timed =
        |product: &&Arc<Product>| !product.timespans.is_empty() && !product.is_performance();
    let Some(first) = products.iter().find(is_timed) else {
        return Ok(SmallVec::from_slice(&[scene.unwrap_or(Timespan::NONE)]));
    };
    let wanted: SmallVec<[Timespan; 4]> = match (scene, draft.timespan) {
        (Some(timespan), _) => SmallVec::from_slice(&[timespan]),
        (None, DraftTimespan::Exactly(timespan)) => SmallVec::from_slice(&[timespan]),
        (None, DraftTimespan::Earliest) => first.timespans.iter().map(|span| span.no).collect(),
        (None, DraftTimespan::Unset | DraftTimespan::Malformed) => SmallVec::new(),
    };
    let common = |timespan: &Timespan| {
        products.iter().filter(is_timed).all(|product| product.has_timespan(*timespan))
    };
    let wanted: SmallVec<[Timespan; 4]> = wanted.into_iter().filter(common).collect();
    if wanted.is_empty() { Err(Rejection::UnknownTimespan) } else { Ok(wanted) }
}
