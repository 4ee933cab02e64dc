//! Slots and pools: how they stand, and changing them while they sell.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::catalogue::{Catalogue, Product};
use crate::domain::inventory::{Adjustment, Available, Capacity, PoolKey, Stock};
use crate::engine::explain::{Facts, Finding};
use crate::engine::operator::StockCommand;
use crate::engine::plan::ParticipantKey;
use crate::http::admin::Reply;
use crate::http::admin::call::{Call, date, date_text, instant_text};
use crate::http::admin::failure::Failure;
use crate::http::{AppState, within};
use crate::types::{AreaNo, Quantity, ServiceDate, SlotKey, SupplierNo, Timespan};

/// Which slot.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SlotBody {
    product: String,
    date: Option<String>,
    timespan: Option<u8>,
}

/// An adjustment of a slot: exactly one of the three numbers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdjustSlotBody {
    product: String,
    date: Option<String>,
    timespan: Option<u8>,
    area: Option<String>,
    add: Option<u32>,
    withdraw: Option<u32>,
    restore: Option<u32>,
}

/// An adjustment of a pool: exactly one of the three numbers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdjustPoolBody {
    pool: String,
    date: Option<String>,
    timespan: Option<u8>,
    add: Option<u32>,
    withdraw: Option<u32>,
    restore: Option<u32>,
}

/// A slot with the catalogue's words for it.
struct NamedSlot {
    supplier: SupplierNo,
    key: SlotKey,
}

/// How a slot stands.
pub(super) async fn slot(call: &Call, state: &AppState) -> Reply {
    let product = call.parameter("product").ok_or_else(|| Failure::bad_request("product?"))?;
    let timespan = timespan(call.parameter("timespan"))?;
    let named = find(&state.engine.catalogue(), product, call.parameter("date"), timespan)?;
    shown(&named, state).await
}

/// How a pool stands.
pub(super) async fn pool(id: &str, call: &Call, state: &AppState) -> Reply {
    let timespan = timespan(call.parameter("timespan"))?;
    let (supplier, key) = find_pool(state, id, call.parameter("date"), timespan)?;
    shown_pool(supplier, key, state).await
}

/// Adds, withdraws or restores places of a slot.
pub(super) async fn adjust_slot(call: &Call, state: &AppState) -> Reply {
    let body: AdjustSlotBody = call.read()?;
    let adjustment = adjustment([body.add, body.withdraw, body.restore])?;
    let engine = call.acting(&state.engine)?;
    let catalogue = engine.catalogue();
    let named = find(&catalogue, &body.product, body.date.as_deref(), body.timespan)?;
    let product = product(&catalogue, &body.product)?;
    let area = match &body.area {
        None => AreaNo::NONE,
        Some(id) => product.area_by_id(id).ok_or_else(|| Failure::not_found("area", id))?.no,
    };
    let command = StockCommand::Slot { slot: named.key, area, adjustment };
    within(state, engine.adjust(command)).await?;
    shown(&named, state).await
}

/// Adds, withdraws or restores places of a pool.
pub(super) async fn adjust_pool(call: &Call, state: &AppState) -> Reply {
    let body: AdjustPoolBody = call.read()?;
    let adjustment = adjustment([body.add, body.withdraw, body.restore])?;
    let engine = call.acting(&state.engine)?;
    let (supplier, pool) = find_pool(state, &body.pool, body.date.as_deref(), body.timespan)?;
    within(state, engine.adjust(StockCommand::Pool { pool, adjustment })).await?;
    shown_pool(supplier, pool, state).await
}

/// Opens or closes a slot.
pub(super) async fn set_open(call: &Call, open: bool, state: &AppState) -> Reply {
    let SlotBody { product, date, timespan } = call.read()?;
    let engine = call.acting(&state.engine)?;
    let named = find(&engine.catalogue(), &product, date.as_deref(), timespan)?;
    within(state, engine.adjust(StockCommand::SetOpen { slot: named.key, open })).await?;
    shown(&named, state).await
}

fn adjustment([add, withdraw, restore]: [Option<u32>; 3]) -> Result<Adjustment, Failure> {
    let wanted = [
        add.map(|places| Adjustment::Add(Quantity::new(places))),
        withdraw.map(|places| Adjustment::Withdraw(Quantity::new(places))),
        restore.map(|places| Adjustment::Restore(Quantity::new(places))),
    ];
    let mut wanted = wanted.into_iter().flatten();
    match (wanted.next(), wanted.next()) {
        (Some(adjustment), None) => Ok(adjustment),
        _ => Err(Failure::bad_request("say exactly one of add, withdraw and restore")),
    }
}

/// The slot that a product, a date and a timespan name, if the calendar offers it.
fn find(
    catalogue: &Catalogue,
    id: &str,
    day: Option<&str>,
    timespan: Option<u8>,
) -> Result<NamedSlot, Failure> {
    let product = product(catalogue, id)?;
    let day = day.map(date).transpose()?;
    let timespan = timespan.map_or(Timespan::NONE, Timespan::new);
    let key = SlotKey { product: product.no, date: day, timespan };
    if catalogue.slot_capacity(key).is_empty() {
        let message = "the product's calendar has no such date and timespan";
        return Err(Failure::refused("not_offered", message));
    }
    Ok(NamedSlot { supplier: product.supplier, key })
}

fn product<'c>(catalogue: &'c Catalogue, id: &str) -> Result<&'c Product, Failure> {
    let product = catalogue.product_by_id(id).ok_or_else(|| Failure::not_found("product", id))?;
    Ok(product)
}

fn find_pool(
    state: &AppState,
    id: &str,
    day: Option<&str>,
    timespan: Option<u8>,
) -> Result<(SupplierNo, PoolKey), Failure> {
    let catalogue = state.engine.catalogue();
    let pool = catalogue.pool_by_id(id).ok_or_else(|| Failure::not_found("pool", id))?;
    let (no, date) = (pool.no, day.map(date).transpose()?);
    let timespan = timespan.map_or(Timespan::NONE, Timespan::new);
    // Nobody sells from a pool on a day that none of its products has.
    let offered = |product: &&std::sync::Arc<Product>| {
        product.pool == Some(no) && product.offers(date, timespan)
    };
    if catalogue.products().iter().find(offered).is_none() {
        let message = "no product of the pool has such a date and timespan";
        return Err(Failure::refused("not_offered", message));
    }
    Ok((pool.supplier, PoolKey { pool: no, date, timespan }))
}

fn timespan(text: Option<&str>) -> Result<Option<u8>, Failure> {
    let number = text.map(str::parse).transpose();
    number.map_err(|_| Failure::bad_request("timespan is a number from 1 to 255"))
}

async fn shown(named: &NamedSlot, state: &AppState) -> Reply {
    let key = ParticipantKey::Slot(named.key);
    let finding = within(state, state.engine.inspect(named.supplier, key)).await?;
    Ok(finding_json(&finding, &state.engine.catalogue()))
}

async fn shown_pool(supplier: SupplierNo, pool: PoolKey, state: &AppState) -> Reply {
    let key = ParticipantKey::Pool(pool);
    let finding = within(state, state.engine.inspect(supplier, key)).await?;
    Ok(finding_json(&finding, &state.engine.catalogue()))
}

/// A slot or a pool with its places.
pub(super) fn finding_json(finding: &Finding, catalogue: &Catalogue) -> Value {
    let next_expiry = finding.next_expiry.map_or(Value::Null, instant_text);
    match (&finding.key, &finding.facts) {
        (ParticipantKey::Slot(key), Facts::Slot { is_open, areas, .. }) => {
            let product = catalogue.product(key.product);
            let area_id = |no: AreaNo| product.and_then(|product| product.area(no));
            let areas = areas.iter().map(|(no, stock)| {
                let mut places = stock_json(stock);
                if let (Some(area), Some(members)) = (area_id(*no), places.as_object_mut()) {
                    members.insert("area".to_owned(), json!(area.id));
                }
                places
            });
            json!({
                "product": product.map(|product| &product.id),
                "date": day(key.date),
                "timespan": timespan_json(key.timespan),
                "open": is_open,
                "places": areas.collect::<Vec<_>>(),
                "next_expiry": next_expiry,
            })
        }
        (ParticipantKey::Pool(key), Facts::Pool(stock)) => json!({
            "pool": catalogue.pool(key.pool).map(|pool| &pool.id),
            "date": day(key.date),
            "timespan": timespan_json(key.timespan),
            "places": [stock_json(stock)],
            "next_expiry": next_expiry,
        }),
        _ => Value::Null,
    }
}

fn stock_json(stock: &Stock) -> Value {
    let capacity = match stock.capacity() {
        Capacity::Unlimited => json!("unlimited"),
        Capacity::Limited(places) => json!(places.get()),
    };
    let free = match stock.available() {
        Available::Unlimited => json!("unlimited"),
        Available::Left(places) => json!(places.get()),
    };
    json!({
        "capacity": capacity,
        "allowance": stock.allowance().get(),
        "added": stock.added().get(),
        "withdrawn": stock.withdrawn().get(),
        "held": stock.held().get(),
        "sold": stock.sold().get(),
        "pending": stock.pending().get(),
        "free": free,
    })
}

pub(super) fn day(date: Option<ServiceDate>) -> Value {
    date.map_or(Value::Null, |date| json!(date_text(date)))
}

pub(super) fn timespan_json(timespan: Timespan) -> Value {
    if timespan == Timespan::NONE { Value::Null } else { json!(timespan.get()) }
}
