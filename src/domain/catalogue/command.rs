//! What an operator may ask of the catalogue, by public ids, and why not.

use std::sync::Arc;

use crate::domain::catalogue::{
    Agent, AreaDef, Calendar, CallbackSettings, Catalogue, CatalogueEvent, DouyinClient, DouyinSku,
    Fee, FeeTier, LimitRule, Pool, Product, RebateAt, Rules, Supplier, TimespanDef, TopApp,
};
use crate::domain::inventory::Capacity;
use crate::types::{
    AgentNo, AreaNo, Fen, PoolNo, ProductNo, Quantity, Sealed, SupplierNo, Timespan,
};

/// Creates or replaces one entry, named by its public id.
#[derive(Clone, Debug)]
pub enum CatalogueCommand {
    /// A supplier.
    SetSupplier {
        /// Public id, 1 to 16 characters.
        id: String,
        /// Name.
        name: String,
        /// Seconds east of Greenwich.
        utc_offset_seconds: i32,
    },
    /// A pool.
    SetPool {
        /// Public id, 1 to 36 characters.
        id: String,
        /// Its supplier's public id.
        supplier: String,
        /// Places per date and timespan.
        capacity: Capacity,
        /// How many more may be sold on purpose.
        allowance: Quantity,
    },
    /// A product.
    SetProduct(Box<SetProduct>),
    /// An agent. Where it is called back stays as it is.
    SetAgent {
        /// User name, 1 to 50 characters.
        id: String,
        /// Display name.
        name: String,
        /// Whether it may call.
        enabled: bool,
        /// Sealed credentials.
        secrets: Sealed,
    },
    /// Where an agent is called back, and how.
    SetCallback {
        /// The agent's user name.
        agent: String,
        /// `None` switches callbacks off.
        callback: Option<CallbackSettings>,
    },
    /// A Douyin client.
    SetDouyinClient {
        /// `client_key`.
        client_key: String,
        /// Sealed `client_secret`.
        secret: Sealed,
        /// The agent its sales are booked to.
        agent: String,
    },
    /// A Douyin SKU mapping.
    SetDouyinSku {
        /// Douyin's `sku_id`.
        sku_id: String,
        /// Our product's public id.
        product: String,
        /// A fixed timespan, or `None` for the earliest with room.
        timespan: Option<Timespan>,
    },
    /// A TOP application.
    SetTopApp {
        /// `app_key`.
        app_key: String,
        /// Sealed secret.
        secret: Sealed,
        /// Shops it may ask for; empty means any.
        shops: Vec<String>,
    },
}

/// A product as an operator describes it. Numbers are assigned by [`Catalogue::decide`].
#[derive(Clone, Debug)]
pub struct SetProduct {
    /// Public id, 1 to 36 characters.
    pub id: String,
    /// Its supplier's public id.
    pub supplier: String,
    /// Name.
    pub name: String,
    /// Whether it is on sale.
    pub on_sale: bool,
    /// Sale price of one.
    pub price: Fen,
    /// List price of one.
    pub list_price: Fen,
    /// Rebate one earns.
    pub rebate: Fen,
    /// When the agent is credited it.
    pub rebate_at: RebateAt,
    /// How often each voucher can be redeemed.
    pub uses: u16,
    /// Its pool's public id.
    pub pool: Option<String>,
    /// When it is offered.
    pub calendar: Calendar,
    /// Timespans.
    pub timespans: Vec<TimespanDef>,
    /// Areas. One that the product has already keeps its number, a new one gets the next.
    pub areas: Vec<AreaDef>,
    /// First part of a performance's public id.
    pub scene_prefix: String,
    /// What an order must satisfy. Limit rules are numbered by scope and window.
    pub rules: Rules,
}

/// Why a catalogue command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// An id or a name is empty, too long or has control characters.
    #[error("{what} {id:?} must have 1 to {max} printable characters")]
    BadId {
        /// What kind of id or name.
        what: &'static str,
        /// The id or name.
        id: String,
        /// Most characters.
        max: usize,
    },
    /// Something names an entry that does not exist.
    #[error("{what} {id:?} does not exist")]
    Unknown {
        /// What kind of entry.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A pool, product or performance belongs to another supplier.
    #[error("{what} {id:?} belongs to another supplier")]
    OtherSupplier {
        /// What kind of entry.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A number makes no sense.
    #[error("product {id:?}: {reason}")]
    BadProduct {
        /// The product.
        id: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A supplier's venue time is no time on Earth.
    #[error("supplier {id:?}: venue time must lie within 14 hours of UTC")]
    BadOffset {
        /// The supplier.
        id: String,
    },
    /// A callback's address cannot be called.
    #[error("callback of agent {id:?}: {reason}")]
    BadCallback {
        /// The agent.
        id: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// No number is left for another entry.
    #[error("too many entries of kind {0}")]
    TooMany(&'static str),
}

/// Farthest venue time from UTC, in seconds.
const UTC_OFFSET_MAX: u32 = 14 * 3600;
/// Suppliers at most: order numbers carry four digits of them.
const SUPPLIERS_MAX: u16 = 10_000;
/// Highest price of one ticket, in fen: ten million yuan. Keeps every sum far inside 64 bits.
const PRICE_MAX: i64 = 1_000_000_000;
/// Most tiers of a refund rule.
const FEE_TIERS_MAX: usize = 16;
/// Longest name of a supplier, product or agent, in characters.
const NAME_LEN_MAX: usize = 100;
/// Longest first part of a performance's id: with `-yyyyMMdd-HHmm` it stays within 36 characters.
const SCENE_PREFIX_LEN_MAX: usize = 22;

impl Catalogue {
    /// Decides what `command` would change.
    ///
    /// # Errors
    /// [`CatalogueError`] when it names what does not exist or makes no sense.
    pub fn decide(&self, command: CatalogueCommand) -> Result<CatalogueEvent, CatalogueError> {
        match command {
            CatalogueCommand::SetSupplier { id, name, utc_offset_seconds } => {
                check_id("supplier", &id, 16)?;
                check_id("supplier name", &name, NAME_LEN_MAX)?;
                if utc_offset_seconds.unsigned_abs() > UTC_OFFSET_MAX {
                    return Err(CatalogueError::BadOffset { id });
                }
                let known = self.supplier_by_id(&id).map(|supplier| supplier.no);
                let no = number(known.map(SupplierNo::get), self.suppliers().len(), "supplier")?;
                if no >= SUPPLIERS_MAX {
                    return Err(CatalogueError::TooMany("supplier"));
                }
                let (id, name) = (id.into(), name.into());
                let supplier = Supplier { no: SupplierNo::new(no), id, name, utc_offset_seconds };
                Ok(CatalogueEvent::SupplierSet(Arc::new(supplier)))
            }
            CatalogueCommand::SetPool { id, supplier, capacity, allowance } => {
                check_id("pool", &id, 36)?;
                let supplier = self.known_supplier(&supplier)?;
                let known = self.pool_by_id(&id);
                if known.is_some_and(|pool| pool.supplier != supplier) {
                    return Err(CatalogueError::OtherSupplier { what: "pool", id });
                }
                let no = number(known.map(|pool| pool.no.get()), self.pools().len(), "pool")?;
                let no = PoolNo::new(no);
                let pool = Pool { no, id: id.into(), supplier, capacity, allowance };
                Ok(CatalogueEvent::PoolSet(Arc::new(pool)))
            }
            CatalogueCommand::SetProduct(product) => self.decide_product(*product),
            CatalogueCommand::SetAgent { id, name, enabled, secrets } => {
                check_id("agent", &id, 50)?;
                check_id("agent name", &name, NAME_LEN_MAX)?;
                let known = self.agent_by_id(&id);
                let callback = known.and_then(|agent| agent.callback.clone());
                let known = known.map(|agent| agent.no.get());
                let no = AgentNo::new(number(known, self.agents().len(), "agent")?);
                let (id, name) = (id.into(), name.into());
                let agent = Agent { no, id, name, enabled, secrets, callback };
                Ok(CatalogueEvent::AgentSet(Arc::new(agent)))
            }
            CatalogueCommand::SetCallback { agent: id, callback } => {
                let Some(known) = self.agent_by_id(&id) else {
                    return Err(CatalogueError::Unknown { what: "agent", id });
                };
                if let Some(reason) = callback.as_ref().and_then(CallbackSettings::flaw) {
                    return Err(CatalogueError::BadCallback { id, reason });
                }
                let agent = Agent { callback, ..Agent::clone(known) };
                Ok(CatalogueEvent::AgentSet(Arc::new(agent)))
            }
            CatalogueCommand::SetDouyinClient { client_key, secret, agent } => {
                check_id("client_key", &client_key, 64)?;
                let unknown = || CatalogueError::Unknown { what: "agent", id: agent.clone() };
                let agent = self.agent_by_id(&agent).ok_or_else(unknown)?.no;
                let client = DouyinClient { client_key: client_key.into(), secret, agent };
                Ok(CatalogueEvent::DouyinClientSet(Arc::new(client)))
            }
            CatalogueCommand::SetDouyinSku { sku_id, product, timespan } => {
                check_id("sku_id", &sku_id, 64)?;
                let unknown = || CatalogueError::Unknown { what: "product", id: product.clone() };
                let product = self.product_by_id(&product).ok_or_else(unknown)?;
                if timespan.is_some_and(|timespan| !product.has_timespan(timespan)) {
                    let id = product.id.to_string();
                    let reason = "a Douyin SKU fixes a timespan the product does not have";
                    return Err(CatalogueError::BadProduct { id, reason });
                }
                let sku = DouyinSku { sku_id: sku_id.into(), product: product.no, timespan };
                Ok(CatalogueEvent::DouyinSkuSet(Arc::new(sku)))
            }
            CatalogueCommand::SetTopApp { app_key, secret, shops } => {
                check_id("app_key", &app_key, 64)?;
                let shops = shops.into_iter().map(Into::into).collect();
                let app = TopApp { app_key: app_key.into(), secret, shops };
                Ok(CatalogueEvent::TopAppSet(Arc::new(app)))
            }
        }
    }

    fn decide_product(&self, mut product: SetProduct) -> Result<CatalogueEvent, CatalogueError> {
        check_id("product", &product.id, 36)?;
        check_id("product name", &product.name, NAME_LEN_MAX)?;
        if !product.scene_prefix.is_empty() {
            check_id("scene prefix", &product.scene_prefix, SCENE_PREFIX_LEN_MAX)?;
        }
        for area in &product.areas {
            check_id("area", &area.id, 36)?;
        }
        let supplier = self.known_supplier(&product.supplier)?;
        let pool = product.pool.take().map(|id| self.known_pool(id, supplier)).transpose()?;
        let known = self.product_by_id(&product.id);
        if known.is_some_and(|known| known.supplier != supplier) {
            return Err(CatalogueError::OtherSupplier { what: "product", id: product.id });
        }
        let old_areas = known.map_or(&[][..], |known| &known.areas);
        if let Some(reason) = flaw(&product).or_else(|| area_flaw(&product.areas, old_areas)) {
            return Err(CatalogueError::BadProduct { id: product.id, reason });
        }
        let no = number(known.map(|known| known.no.get()), self.products().len(), "product")?;
        number_areas(&mut product.areas, old_areas);
        for area in &mut product.areas {
            area.capacity = area.seats.as_ref().map_or(area.capacity, |map| map.capacity());
        }
        for rule in &mut product.rules.limits {
            rule.no = LimitRule::number(rule.scope, rule.window);
        }
        Ok(CatalogueEvent::ProductSet(Arc::new(Product {
            no: ProductNo::new(no),
            id: product.id.into(),
            supplier,
            name: product.name.into(),
            on_sale: product.on_sale,
            price: product.price,
            list_price: product.list_price,
            rebate: product.rebate,
            rebate_at: product.rebate_at,
            uses: product.uses,
            pool,
            calendar: product.calendar,
            timespans: product.timespans,
            areas: product.areas,
            scene_prefix: product.scene_prefix.into(),
            rules: product.rules,
        })))
    }

    fn known_supplier(&self, id: &str) -> Result<SupplierNo, CatalogueError> {
        let unknown = || CatalogueError::Unknown { what: "supplier", id: id.to_owned() };
        self.supplier_by_id(id).map(|supplier| supplier.no).ok_or_else(unknown)
    }

    fn known_pool(&self, id: String, supplier: SupplierNo) -> Result<PoolNo, CatalogueError> {
        match self.pool_by_id(&id) {
            None => Err(CatalogueError::Unknown { what: "pool", id }),
            Some(pool) if pool.supplier != supplier => {
                Err(CatalogueError::OtherSupplier { what: "pool", id })
            }
            Some(pool) => Ok(pool.no),
        }
    }
}

/// What is wrong with a product in itself, if anything.
fn flaw(product: &SetProduct) -> Option<&'static str> {
    let priced = |fen: Fen| (0..=PRICE_MAX).contains(&fen.get());
    let prices = [product.price, product.list_price, product.rebate];
    let area_prices = product.areas.iter().flat_map(|area| [area.price, area.list_price]);
    if !prices.into_iter().chain(area_prices).all(priced) {
        return Some("prices and rebates go from 0 to 10000000.00 yuan");
    }
    let rules = &product.rules;
    if rules.order_min == Quantity::ZERO || rules.order_min > rules.order_max {
        return Some("an order needs a minimum of at least 1 and not above its maximum");
    }
    if rules.hold_seconds == 0 {
        return Some("an unpaid order must keep its places for at least a second");
    }
    if product.calendar.dates.is_some_and(|(first, last)| first > last) {
        return Some("the calendar ends before it begins");
    }
    if product.calendar.dates.is_none() && !product.timespans.is_empty() {
        return Some("a product not bound to a date has no timespans");
    }
    let ascending = |pair: &[TimespanDef]| pair[0].no < pair[1].no;
    let real = |timespan: &TimespanDef| {
        timespan.no > Timespan::NONE
            && timespan.start_minute < timespan.end_minute
            && timespan.end_minute <= 24 * 60
    };
    if !product.timespans.iter().all(real) || !product.timespans.windows(2).all(ascending) {
        return Some("timespans count up from 1 and begin before they end, within a day");
    }
    if !product.areas.is_empty()
        && (product.timespans.is_empty() || product.scene_prefix.is_empty())
    {
        return Some("a performance needs a time of day and a scene prefix");
    }
    let seated = product.areas.iter().any(|area| area.seats.is_some());
    if seated && product.calendar.allowance != Quantity::ZERO {
        return Some("numbered seats cannot be sold beyond their number: the allowance must be 0");
    }
    if product.areas.len() > usize::from(u8::MAX) {
        return Some("a product has at most 255 areas");
    }
    let counted = |rule: &LimitRule| (rule.scope, rule.window);
    let repeats = |(index, rule): (usize, &LimitRule)| {
        rules.limits[..index].iter().any(|before| counted(before) == counted(rule))
    };
    if rules.limits.iter().enumerate().any(repeats) {
        return Some("a product has at most one limit for each scope and window");
    }
    if product.uses == 0 {
        return Some("a voucher can be redeemed at least once");
    }
    refund_flaw(&rules.refund.tiers)
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

/// What is wrong with a product's areas beside those it has already, if anything.
fn area_flaw(areas: &[AreaDef], old: &[AreaDef]) -> Option<&'static str> {
    let same = |one: &AreaDef, other: &AreaDef| one.id.eq_ignore_ascii_case(&other.id);
    if (1..areas.len()).any(|n| areas[..n].iter().any(|area| same(area, &areas[n]))) {
        return Some("two areas have the same id");
    }
    // Stock is kept by area number. Were an area dropped, a later one could get its number and with
    // it the places sold.
    if !old.iter().all(|old| areas.iter().any(|area| same(area, old))) {
        return Some("an area cannot be dropped; give it a capacity of 0");
    }
    // Orders keep seats by number. Were one dropped or given another label, a ticket would name a
    // chair that is not its holder's.
    let keeps_seats = |old: &AreaDef| {
        let new = areas.iter().find(|area| same(area, old)).and_then(|area| area.seats.as_ref());
        let Some(before) = &old.seats else { return true };
        new.is_some_and(|new| new.keeps_seats_of(before))
    };
    if !old.iter().all(keeps_seats) {
        return Some("a seat cannot be dropped, moved or given another label; block it instead");
    }
    None
}

/// Gives an area the number it had, so that what is sold in it goes on counting, or the next one.
fn number_areas(areas: &mut [AreaDef], old: &[AreaDef]) {
    let mut last = old.iter().map(|area| area.no.get()).max().unwrap_or(0);
    for area in areas {
        let same = |old: &&AreaDef| old.id.eq_ignore_ascii_case(&area.id);
        area.no = old.iter().find(same).map_or_else(
            || {
                // At most 255 areas, none of them ever dropped: the numbers stay dense.
                last = last.saturating_add(1);
                AreaNo::new(last)
            },
            |old| old.no,
        );
    }
}

fn check_id(what: &'static str, id: &str, max: usize) -> Result<(), CatalogueError> {
    let length = id.chars().count();
    if length == 0 || length > max || id.chars().any(char::is_control) {
        return Err(CatalogueError::BadId { what, id: id.to_owned(), max });
    }
    Ok(())
}

/// The number an entry has already, or the next one.
fn number<N: TryFrom<usize>>(
    known: Option<N>,
    count: usize,
    what: &'static str,
) -> Result<N, CatalogueError> {
    match known {
        Some(no) => Ok(no),
        None => N::try_from(count).map_err(|_| CatalogueError::TooMany(what)),
    }
}
