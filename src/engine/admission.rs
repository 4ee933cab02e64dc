//! What can be said about a request from the catalogue and the clock alone: products, dates,
//! quantities, persons, prices. Verify and every way of ordering go through [`admit`], so they
//! cannot differ. What depends on stock, counters and money is asked later, by the plan.

mod admitted;
mod day;
mod draft;
mod persons;
mod place;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::domain::catalogue::{Catalogue, Product};
use crate::domain::identity::IdentityRules;
use crate::engine::occasion::{check_sale, is_closed};
use crate::engine::plan::slot_key;
use crate::engine::{DateProblem, Rejection};
use crate::types::{Fen, IdentityHash, ProductNo, Quantity, ServiceDate, Timespan, UnixMillis};

pub use admitted::{Admitted, AdmittedLine, LineClaim};
pub use draft::{
    Draft, DraftBuyer, DraftDate, DraftLine, DraftScene, DraftTimespan, SceneNaming, SeatChoice,
};
pub use persons::{Identity, IdentityHasher, quotas};

use admitted::Tariff;
use day::{Occasion, occasion};
use persons::{Counted, Persons};
use place::area;

/// Bounds and checks that do not come from the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionPolicy {
    /// How this channel's personal fields are checked.
    pub identity: IdentityRules,
    /// Most lines in one order.
    pub lines_max: usize,
}

/// Most tickets of one order, whatever its products allow: paying and giving back are one record each,
/// which names every ticket and must fit the journal.
pub const TICKETS_MAX: Quantity = Quantity::new(3000);
/// Highest price of one order, in fen: ten billion yuan. Millions of such orders fit a balance.
const TOTAL_MAX: Fen = Fen::new(1_000_000_000_000);
/// Most characters of a partner's text that an error repeats.
const ECHO_CHARS_MAX: usize = 36;

/// Decides whether the catalogue allows `draft` at `now`.
///
/// # Errors
/// The first [`Rejection`] that is found: products first, then quantities, date, timespan or
/// performance, persons, price.
pub fn admit(
    draft: &Draft,
    catalogue: &Catalogue,
    policy: &AdmissionPolicy,
    hasher: &dyn IdentityHasher,
    now: UnixMillis,
) -> Result<Admitted, Rejection> {
    let products = products(draft, catalogue, policy, now)?;
    let first = products.first().ok_or(Rejection::NoLines)?;
    let supplier = catalogue.supplier(first.supplier).ok_or(Rejection::NoLines)?;
    if products.iter().any(|product| product.supplier != first.supplier) {
        return Err(Rejection::MixedSuppliers);
    }
    let quantities = quantities(draft, &products)?;
    let today = ServiceDate::at(now, supplier.utc_offset_seconds);
    let occasion = occasion(draft, &products, supplier, today, now)?;
    let agent = catalogue.agent(draft.agent).map_or("", |agent| &*agent.id);
    let visit = occasion.date.unwrap_or(today);
    let persons = Persons { draft, policy, hasher, agent, today, visit };
    let first_candidate = occasion.candidates.first().copied().unwrap_or(Timespan::NONE);

    let mut lines = Vec::with_capacity(draft.lines.len());
    let mut documents = SmallVec::<[(ProductNo, IdentityHash); 4]>::new();
    let (mut total, mut rebate) = (Fen::ZERO, Fen::ZERO);
    let times = occasion.performances.iter().copied();
    let lines_of_draft = draft.lines.iter().zip(products).zip(quantities);
    for (((line, product), quantity), performance) in lines_of_draft.zip(times) {
        let slot = slot_key(&product, occasion.date, performance.unwrap_or(first_candidate));
        let (area, seats) = area(draft, line, &product, quantity, slot)?;
        if is_closed(&product, slot, product.area(area)) {
            return Err(Rejection::Date { date: slot.date, problem: DateProblem::Closed });
        }
        let Counted { document, claims } = persons.counted(line, &product, quantity)?;
        if let Some(document) = document.filter(|_| product.rules.unique_documents) {
            let named = (product.no, document);
            if documents.contains(&named) {
                return Err(Rejection::DocumentTwice);
            }
            documents.push(named);
        }
        let (unit_price, list_price) = product.prices(slot.date, slot.timespan, area);
        total = add(total, unit_price, quantity)?;
        rebate = add(rebate, product.rebate, quantity)?;
        lines.push(AdmittedLine {
            product,
            performance,
            area,
            quantity,
            seats,
            unit_price,
            list_price,
            claims,
        });
    }
    persons.check_order()?;
    if total > TOTAL_MAX || rebate > TOTAL_MAX {
        return Err(Rejection::TotalOutOfRange);
    }
    let tickets = lines.iter().map(|line| u64::from(line.quantity.get())).sum::<u64>();
    if tickets > u64::from(TICKETS_MAX.get()) {
        let (min, max) = (Quantity::ONE, TICKETS_MAX);
        return Err(Rejection::OrderQuantity { asked: tickets, min, max });
    }
    let tariffs = tariffs(&lines, &occasion)?;
    Ok(Admitted {
        channel: draft.channel,
        agent: draft.agent,
        supplier: Arc::clone(supplier),
        date: occasion.date,
        today,
        candidates: occasion.candidates,
        validity: draft.validity,
        lines,
        total,
        rebate,
        tariffs,
    })
}

fn add(sum: Fen, unit: Fen, quantity: Quantity) -> Result<Fen, Rejection> {
    let product = unit.checked_mul(quantity);
    product.and_then(|product| sum.checked_add(product)).ok_or(Rejection::TotalOutOfRange)
}

/// Prices by candidate; none when they are the same in all of them, as they nearly always are.
fn tariffs(lines: &[AdmittedLine], occasion: &Occasion) -> Result<Vec<Tariff>, Rejection> {
    let priced = |line: &AdmittedLine| {
        line.product.calendar.exceptions.iter().any(|it| it.price.or(it.list_price).is_some())
    };
    if occasion.candidates.len() < 2 || !lines.iter().any(priced) {
        return Ok(Vec::new());
    }
    let tariff = |timespan: &Timespan| {
        let mut tariff = Tariff { prices: SmallVec::new(), total: Fen::ZERO };
        for line in lines {
            let slot = line.slot(occasion.date, *timespan);
            let prices = line.product.prices(slot.date, slot.timespan, line.area);
            tariff.prices.push(prices);
            tariff.total = add(tariff.total, prices.0, line.quantity)?;
        }
        if tariff.total > TOTAL_MAX { Err(Rejection::TotalOutOfRange) } else { Ok(tariff) }
    };
    let tariffs: Vec<Tariff> = occasion.candidates.iter().map(tariff).collect::<Result<_, _>>()?;
    let same = tariffs.iter().all(|tariff| Some(tariff) == tariffs.first());
    Ok(if same { Vec::new() } else { tariffs })
}

fn products(
    draft: &Draft,
    catalogue: &Catalogue,
    policy: &AdmissionPolicy,
    now: UnixMillis,
) -> Result<Vec<Arc<Product>>, Rejection> {
    let lines = draft.lines.len();
    if lines > policy.lines_max {
        return Err(Rejection::TooManyLines { lines, max: policy.lines_max });
    }
    let mut products = Vec::with_capacity(lines);
    for line in &draft.lines {
        let Some(product) = catalogue.product_by_id(&line.product_id) else {
            let id = line.product_id.chars().take(ECHO_CHARS_MAX).collect();
            return Err(Rejection::UnknownProduct { id });
        };
        check_sale(product, draft.channel, now)?;
        products.push(Arc::clone(product));
    }
    Ok(products)
}

/// Each line's quantity; the bounds of a product count all its lines together.
fn quantities(draft: &Draft, products: &[Arc<Product>]) -> Result<Vec<Quantity>, Rejection> {
    let mut quantities = Vec::with_capacity(products.len());
    for line in &draft.lines {
        let amount = u32::try_from(line.amount).ok().filter(|amount| *amount > 0);
        let amount = amount.ok_or(Rejection::BadQuantity { amount: line.amount })?;
        quantities.push(Quantity::new(amount));
    }
    for product in products {
        let same = products.iter().zip(&quantities).filter(|(other, _)| other.no == product.no);
        let asked: u64 = same.map(|(_, quantity)| u64::from(quantity.get())).sum();
        let (min, max) = (product.rules.order_min, product.rules.order_max);
        if asked < u64::from(min.get()) || asked > u64::from(max.get()) {
            return Err(Rejection::OrderQuantity { asked, min, max });
        }
    }
    Ok(quantities)
}

#[cfg(test)]
mod tests;
