//! The catalogue: who sells what to whom, when, for how much and under which rules.
//!
//! It is data. It changes only by [`CatalogueEvent`]s from the journal and keeps no stock: slots are
//! computed from a product's calendar, so ten thousand products for a year cost nothing until sold.

mod agent;
mod booking;
mod calendar;
mod command;
mod condition;
mod event;
mod flaw;
mod limit;
mod narrow;
mod product;
mod refund;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use hashbrown::HashMap;

pub use agent::{
    Agent, AgentSecrets, CallbackFormat, CallbackMethod, CallbackSettings, DouyinClient, DouyinSku,
    TopApp,
};
pub use booking::{Booking, BookingProblem, Channels, Season, Weekdays};
pub use calendar::{Calendar, CalendarException};
pub use command::{CatalogueCommand, CatalogueError, SetProduct};
pub use condition::{
    ConditionError, ConditionSet, Forbidden, Pattern, PatternError, check_conditions,
};
pub use event::CatalogueEvent;
pub use limit::{LimitRule, LimitScope, LimitWindow};
pub use product::{AreaDef, Pool, Product, RebateAt, Rules, TimespanDef};
pub use refund::{Fee, FeeTier, RefundClosed, RefundRule};

use crate::domain::inventory::Capacity;
use crate::types::{
    AgentNo, AreaNo, PoolNo, ProductNo, Quantity, ServiceDate, SlotKey, SupplierNo,
};

/// A supplier (供应商).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supplier {
    /// Our number.
    pub no: SupplierNo,
    /// Its public id, e.g. `01`.
    pub id: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Venue time, seconds east of Greenwich.
    pub utc_offset_seconds: i32,
}

/// Everything on sale, indexed by number and by public id.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    suppliers: Vec<Arc<Supplier>>,
    pools: Vec<Arc<Pool>>,
    products: Vec<Arc<Product>>,
    agents: Vec<Arc<Agent>>,
    douyin_clients: Vec<Arc<DouyinClient>>,
    douyin_skus: Vec<Arc<DouyinSku>>,
    top_apps: Vec<Arc<TopApp>>,
    supplier_by_id: HashMap<Box<str>, usize>,
    pool_by_id: HashMap<Box<str>, usize>,
    product_by_id: HashMap<Box<str>, usize>,
    agent_by_id: HashMap<Box<str>, usize>,
    client_by_key: HashMap<Box<str>, usize>,
    sku_by_id: HashMap<Box<str>, usize>,
    app_by_key: HashMap<Box<str>, usize>,
}

impl Catalogue {
    /// Every supplier, by number.
    #[must_use]
    pub fn suppliers(&self) -> &[Arc<Supplier>] {
        &self.suppliers
    }

    /// Every pool, by number.
    #[must_use]
    pub fn pools(&self) -> &[Arc<Pool>] {
        &self.pools
    }

    /// Every product, by number.
    #[must_use]
    pub fn products(&self) -> &[Arc<Product>] {
        &self.products
    }

    /// Every agent, by number.
    #[must_use]
    pub fn agents(&self) -> &[Arc<Agent>] {
        &self.agents
    }

    /// Every Douyin client.
    #[must_use]
    pub fn douyin_clients(&self) -> &[Arc<DouyinClient>] {
        &self.douyin_clients
    }

    /// Every Douyin SKU mapping.
    #[must_use]
    pub fn douyin_skus(&self) -> &[Arc<DouyinSku>] {
        &self.douyin_skus
    }

    /// Every TOP application.
    #[must_use]
    pub fn top_apps(&self) -> &[Arc<TopApp>] {
        &self.top_apps
    }

    /// Whether nothing was ever imported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // Everything else names one of these.
        self.suppliers.is_empty() && self.agents.is_empty() && self.top_apps.is_empty()
    }

    /// A supplier by number.
    #[must_use]
    pub fn supplier(&self, no: SupplierNo) -> Option<&Arc<Supplier>> {
        self.suppliers.get(usize::from(no.get()))
    }

    /// A supplier by public id.
    #[must_use]
    pub fn supplier_by_id(&self, id: &str) -> Option<&Arc<Supplier>> {
        self.supplier_by_id.get(id).map(|&index| &self.suppliers[index])
    }

    /// A pool by number.
    #[must_use]
    pub fn pool(&self, no: PoolNo) -> Option<&Arc<Pool>> {
        self.pools.get(no.get() as usize)
    }

    /// A pool by public id.
    #[must_use]
    pub fn pool_by_id(&self, id: &str) -> Option<&Arc<Pool>> {
        self.pool_by_id.get(id).map(|&index| &self.pools[index])
    }

    /// A product by number.
    #[must_use]
    pub fn product(&self, no: ProductNo) -> Option<&Arc<Product>> {
        self.products.get(no.get() as usize)
    }

    /// A product by public id. Partners write GUIDs in either case, so ASCII case does not count.
    #[must_use]
    pub fn product_by_id(&self, id: &str) -> Option<&Arc<Product>> {
        let found = self.product_by_id.get(id).copied();
        let found = found.or_else(|| self.product_by_id.get(fold(id).as_ref()).copied());
        found.map(|index| &self.products[index])
    }

    /// An agent by number.
    #[must_use]
    pub fn agent(&self, no: AgentNo) -> Option<&Arc<Agent>> {
        self.agents.get(no.get() as usize)
    }

    /// Whether an agent is to be told what becomes of its orders.
    #[must_use]
    pub fn wants_notices(&self, no: AgentNo) -> bool {
        self.agent(no).is_some_and(|agent| agent.enabled && agent.callback.is_some())
    }

    /// An agent by user name.
    #[must_use]
    pub fn agent_by_id(&self, id: &str) -> Option<&Arc<Agent>> {
        self.agent_by_id.get(id).map(|&index| &self.agents[index])
    }

    /// A Douyin client by its `client_key`.
    #[must_use]
    pub fn douyin_client(&self, client_key: &str) -> Option<&Arc<DouyinClient>> {
        self.client_by_key.get(client_key).map(|&index| &self.douyin_clients[index])
    }

    /// A Douyin SKU mapping by Douyin's id.
    #[must_use]
    pub fn douyin_sku(&self, sku_id: &str) -> Option<&Arc<DouyinSku>> {
        self.sku_by_id.get(sku_id).map(|&index| &self.douyin_skus[index])
    }

    /// A TOP application by its `app_key`.
    #[must_use]
    pub fn top_app(&self, app_key: &str) -> Option<&Arc<TopApp>> {
        self.app_by_key.get(app_key).map(|&index| &self.top_apps[index])
    }

    /// Capacity and overbooking allowance of each area of a slot, as the catalogue has it now.
    /// Empty when the product does not exist or its calendar does not have the slot. Days that are
    /// closed, blacked out or out of season keep their places: some may be sold already.
    #[must_use]
    pub fn slot_capacity(&self, slot: SlotKey) -> Vec<(AreaNo, Capacity, Quantity)> {
        let Some(product) = self.product(slot.product) else { return Vec::new() };
        if !product.has_slot(slot.date, slot.timespan) {
            return Vec::new();
        }
        let places = |no: AreaNo, area: Option<&AreaDef>| {
            let (capacity, allowance) = product.places(slot.date, slot.timespan, area);
            (no, capacity, allowance)
        };
        if product.areas.is_empty() {
            return vec![places(AreaNo::NONE, None)];
        }
        product.areas.iter().map(|area| places(area.no, Some(area))).collect()
    }

    /// Last service date that can be booked on `today`, if the product has a horizon.
    #[must_use]
    pub fn horizon(product: &Product, today: ServiceDate) -> ServiceDate {
        today.plus_days(i32::from(product.rules.horizon_days))
    }

    /// Makes a decided event true. Numbers are dense, so an event either appends or replaces.
    pub fn apply(&mut self, event: &CatalogueEvent) {
        match event {
            CatalogueEvent::SupplierSet(supplier) => {
                let index = put(&mut self.suppliers, usize::from(supplier.no.get()), supplier);
                self.supplier_by_id.insert(supplier.id.clone(), index);
            }
            CatalogueEvent::PoolSet(pool) => {
                let index = put(&mut self.pools, pool.no.get() as usize, pool);
                self.pool_by_id.insert(pool.id.clone(), index);
            }
            CatalogueEvent::ProductSet(product) => {
                let index = put(&mut self.products, product.no.get() as usize, product);
                self.product_by_id.insert(fold(&product.id).into(), index);
            }
            CatalogueEvent::AgentSet(agent) => {
                let index = put(&mut self.agents, agent.no.get() as usize, agent);
                self.agent_by_id.insert(agent.id.clone(), index);
            }
            CatalogueEvent::DouyinClientSet(client) => {
                let known = self.client_by_key.get(&client.client_key).copied();
                let at = known.unwrap_or(self.douyin_clients.len());
                let index = put(&mut self.douyin_clients, at, client);
                self.client_by_key.insert(client.client_key.clone(), index);
            }
            CatalogueEvent::DouyinSkuSet(sku) => {
                let known = self.sku_by_id.get(&sku.sku_id).copied();
                let at = known.unwrap_or(self.douyin_skus.len());
                let index = put(&mut self.douyin_skus, at, sku);
                self.sku_by_id.insert(sku.sku_id.clone(), index);
            }
            CatalogueEvent::TopAppSet(app) => {
                let known = self.app_by_key.get(&app.app_key).copied();
                let at = known.unwrap_or(self.top_apps.len());
                let index = put(&mut self.top_apps, at, app);
                self.app_by_key.insert(app.app_key.clone(), index);
            }
        }
    }

    /// Every event that builds this catalogue from nothing, in an order that can be applied.
    #[must_use]
    pub fn events(&self) -> Vec<CatalogueEvent> {
        let mut events = Vec::new();
        events.extend(self.suppliers.iter().cloned().map(CatalogueEvent::SupplierSet));
        events.extend(self.pools.iter().cloned().map(CatalogueEvent::PoolSet));
        events.extend(self.products.iter().cloned().map(CatalogueEvent::ProductSet));
        events.extend(self.agents.iter().cloned().map(CatalogueEvent::AgentSet));
        events.extend(self.douyin_clients.iter().cloned().map(CatalogueEvent::DouyinClientSet));
        events.extend(self.douyin_skus.iter().cloned().map(CatalogueEvent::DouyinSkuSet));
        events.extend(self.top_apps.iter().cloned().map(CatalogueEvent::TopAppSet));
        events
    }
}

/// Writes `value` at `index`, which is at most one past the end, and says where it went.
fn put<T>(list: &mut Vec<Arc<T>>, index: usize, value: &Arc<T>) -> usize {
    if index < list.len() {
        list[index] = Arc::clone(value);
        return index;
    }
    list.push(Arc::clone(value));
    list.len() - 1
}

fn fold(id: &str) -> std::borrow::Cow<'_, str> {
    if id.bytes().any(|b| b.is_ascii_lowercase()) {
        return id.to_ascii_uppercase().into();
    }
    id.into()
}
