//! The catalogue.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::order::SealedV1;
use super::{Invalid, List, Mirrored};
use crate::domain::catalogue::{
    Agent, AreaDef, Calendar, Catalogue, CatalogueEvent, DouyinClient, DouyinSku, LimitRule,
    LimitScope, LimitWindow, Pool, Product, Rules, Supplier, TimespanDef, TopApp,
};
use crate::domain::inventory::Capacity;
use crate::types::{
    AgentNo, AreaNo, Fen, PoolNo, ProductNo, Quantity, RuleNo, ServiceDate, SupplierNo, Timespan,
};

/// Twin of [`Capacity`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum CapacityV1 {
    /// 0
    Unlimited,
    /// 1
    Limited(u32),
}

impl Mirrored for Capacity {
    type Mirror<'a> = CapacityV1;

    fn mirror(&self) -> CapacityV1 {
        match self {
            Self::Unlimited => CapacityV1::Unlimited,
            Self::Limited(places) => CapacityV1::Limited(places.get()),
        }
    }

    fn restore(mirror: CapacityV1) -> Result<Self, Invalid> {
        Ok(match mirror {
            CapacityV1::Unlimited => Self::Unlimited,
            CapacityV1::Limited(places) => Self::Limited(Quantity::new(places)),
        })
    }
}

/// Twin of [`Supplier`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SupplierV1<'a> {
    no: u16,
    id: &'a str,
    name: &'a str,
    utc_offset_seconds: i32,
}

impl Mirrored for Supplier {
    type Mirror<'a> = SupplierV1<'a>;

    fn mirror(&self) -> SupplierV1<'_> {
        let Self { no, id, name, utc_offset_seconds } = self;
        SupplierV1 { no: no.get(), id, name, utc_offset_seconds: *utc_offset_seconds }
    }

    fn restore(mirror: SupplierV1<'_>) -> Result<Self, Invalid> {
        let SupplierV1 { no, id, name, utc_offset_seconds } = mirror;
        Ok(Self { no: SupplierNo::new(no), id: id.into(), name: name.into(), utc_offset_seconds })
    }
}

/// Twin of [`Pool`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct PoolV1<'a> {
    no: u32,
    id: &'a str,
    supplier: u16,
    capacity: CapacityV1,
    allowance: u32,
}

impl Mirrored for Pool {
    type Mirror<'a> = PoolV1<'a>;

    fn mirror(&self) -> PoolV1<'_> {
        let Self { no, id, supplier, capacity, allowance } = self;
        PoolV1 {
            no: no.get(),
            id,
            supplier: supplier.get(),
            capacity: capacity.mirror(),
            allowance: allowance.get(),
        }
    }

    fn restore(mirror: PoolV1<'_>) -> Result<Self, Invalid> {
        let PoolV1 { no, id, supplier, capacity, allowance } = mirror;
        Ok(Self {
            no: PoolNo::new(no),
            id: id.into(),
            supplier: SupplierNo::new(supplier),
            capacity: Mirrored::restore(capacity)?,
            allowance: Quantity::new(allowance),
        })
    }
}

/// Twin of [`TimespanDef`]; minutes after midnight at the venue.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct TimespanDefV1 {
    no: u8,
    start_minute: u16,
    end_minute: u16,
}

impl Mirrored for TimespanDef {
    type Mirror<'a> = TimespanDefV1;

    fn mirror(&self) -> TimespanDefV1 {
        let Self { no, start_minute, end_minute } = *self;
        TimespanDefV1 { no: no.get(), start_minute, end_minute }
    }

    fn restore(mirror: TimespanDefV1) -> Result<Self, Invalid> {
        let TimespanDefV1 { no, start_minute, end_minute } = mirror;
        Ok(Self { no: Timespan::new(no), start_minute, end_minute })
    }
}

/// Twin of [`AreaDef`]; prices in fen.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct AreaDefV1<'a> {
    no: u8,
    id: &'a str,
    capacity: u32,
    price: i64,
    list_price: i64,
}

impl Mirrored for AreaDef {
    type Mirror<'a> = AreaDefV1<'a>;

    fn mirror(&self) -> AreaDefV1<'_> {
        let Self { no, id, capacity, price, list_price } = self;
        AreaDefV1 {
            no: no.get(),
            id,
            capacity: capacity.get(),
            price: price.get(),
            list_price: list_price.get(),
        }
    }

    fn restore(mirror: AreaDefV1<'_>) -> Result<Self, Invalid> {
        let AreaDefV1 { no, id, capacity, price, list_price } = mirror;
        Ok(Self {
            no: AreaNo::new(no),
            id: id.into(),
            capacity: Quantity::new(capacity),
            price: Fen::new(price),
            list_price: Fen::new(list_price),
        })
    }
}

/// Twin of [`Calendar`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct CalendarV1 {
    /// First and last day, in days since 1970-01-01.
    dates: Option<(i32, i32)>,
    capacity: CapacityV1,
    allowance: u32,
}

impl Mirrored for Calendar {
    type Mirror<'a> = CalendarV1;

    fn mirror(&self) -> CalendarV1 {
        let Self { dates, capacity, allowance } = self;
        CalendarV1 {
            dates: dates.map(|(first, last)| (first.days(), last.days())),
            capacity: capacity.mirror(),
            allowance: allowance.get(),
        }
    }

    fn restore(mirror: CalendarV1) -> Result<Self, Invalid> {
        let CalendarV1 { dates, capacity, allowance } = mirror;
        let date = ServiceDate::from_days;
        Ok(Self {
            dates: dates.map(|(first, last)| (date(first), date(last))),
            capacity: Mirrored::restore(capacity)?,
            allowance: Quantity::new(allowance),
        })
    }
}

/// Twin of [`LimitScope`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum LimitScopeV1 {
    /// 0
    Document,
    /// 1
    Mobile,
}

/// Twin of [`LimitWindow`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum LimitWindowV1 {
    /// 0
    Timespan,
    /// 1
    VisitDate,
    /// 2
    OrderDate,
    /// 3
    Lifetime,
}

/// Twin of [`LimitRule`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct LimitRuleV1 {
    no: u8,
    scope: LimitScopeV1,
    window: LimitWindowV1,
    max: u32,
}

impl Mirrored for LimitRule {
    type Mirror<'a> = LimitRuleV1;

    fn mirror(&self) -> LimitRuleV1 {
        let Self { no, scope, window, max } = self;
        let scope = match scope {
            LimitScope::Document => LimitScopeV1::Document,
            LimitScope::Mobile => LimitScopeV1::Mobile,
        };
        let window = match window {
            LimitWindow::Timespan => LimitWindowV1::Timespan,
            LimitWindow::VisitDate => LimitWindowV1::VisitDate,
            LimitWindow::OrderDate => LimitWindowV1::OrderDate,
            LimitWindow::Lifetime => LimitWindowV1::Lifetime,
        };
        LimitRuleV1 { no: no.get(), scope, window, max: max.get() }
    }

    fn restore(mirror: LimitRuleV1) -> Result<Self, Invalid> {
        let LimitRuleV1 { no, scope, window, max } = mirror;
        let scope = match scope {
            LimitScopeV1::Document => LimitScope::Document,
            LimitScopeV1::Mobile => LimitScope::Mobile,
        };
        let window = match window {
            LimitWindowV1::Timespan => LimitWindow::Timespan,
            LimitWindowV1::VisitDate => LimitWindow::VisitDate,
            LimitWindowV1::OrderDate => LimitWindow::OrderDate,
            LimitWindowV1::Lifetime => LimitWindow::Lifetime,
        };
        Ok(Self { no: RuleNo::new(no), scope, window, max: Quantity::new(max) })
    }
}

/// Twin of [`Rules`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct RulesV1<'a> {
    order_min: u32,
    order_max: u32,
    document_per_ticket: bool,
    horizon_days: u16,
    hold_seconds: u32,
    #[serde(borrow)]
    limits: List<'a, LimitRule>,
}

impl Mirrored for Rules {
    type Mirror<'a> = RulesV1<'a>;

    fn mirror(&self) -> RulesV1<'_> {
        let Self { order_min, order_max, document_per_ticket, horizon_days, hold_seconds, limits } =
            self;
        RulesV1 {
            order_min: order_min.get(),
            order_max: order_max.get(),
            document_per_ticket: *document_per_ticket,
            horizon_days: *horizon_days,
            hold_seconds: *hold_seconds,
            limits: List::Borrowed(limits),
        }
    }

    fn restore(mirror: RulesV1<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            order_min: Quantity::new(mirror.order_min),
            order_max: Quantity::new(mirror.order_max),
            document_per_ticket: mirror.document_per_ticket,
            horizon_days: mirror.horizon_days,
            hold_seconds: mirror.hold_seconds,
            limits: mirror.limits.into_owned(),
        })
    }
}

/// Twin of [`Product`]; money in fen.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct ProductV1<'a> {
    no: u32,
    id: &'a str,
    supplier: u16,
    name: &'a str,
    on_sale: bool,
    price: i64,
    list_price: i64,
    rebate: i64,
    pool: Option<u32>,
    calendar: CalendarV1,
    #[serde(borrow)]
    timespans: List<'a, TimespanDef>,
    #[serde(borrow)]
    areas: List<'a, AreaDef>,
    scene_prefix: &'a str,
    #[serde(borrow)]
    rules: RulesV1<'a>,
}

impl Mirrored for Product {
    type Mirror<'a> = ProductV1<'a>;

    fn mirror(&self) -> ProductV1<'_> {
        let Self {
            no,
            id,
            supplier,
            name,
            on_sale,
            price,
            list_price,
            rebate,
            pool,
            calendar,
            timespans,
            areas,
            scene_prefix,
            rules,
        } = self;
        ProductV1 {
            no: no.get(),
            id,
            supplier: supplier.get(),
            name,
            on_sale: *on_sale,
            price: price.get(),
            list_price: list_price.get(),
            rebate: rebate.get(),
            pool: pool.map(PoolNo::get),
            calendar: calendar.mirror(),
            timespans: List::Borrowed(timespans),
            areas: List::Borrowed(areas),
            scene_prefix,
            rules: rules.mirror(),
        }
    }

    fn restore(mirror: ProductV1<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            no: ProductNo::new(mirror.no),
            id: mirror.id.into(),
            supplier: SupplierNo::new(mirror.supplier),
            name: mirror.name.into(),
            on_sale: mirror.on_sale,
            price: Fen::new(mirror.price),
            list_price: Fen::new(mirror.list_price),
            rebate: Fen::new(mirror.rebate),
            pool: mirror.pool.map(PoolNo::new),
            calendar: Mirrored::restore(mirror.calendar)?,
            timespans: mirror.timespans.into_owned(),
            areas: mirror.areas.into_owned(),
            scene_prefix: mirror.scene_prefix.into(),
            rules: Mirrored::restore(mirror.rules)?,
        })
    }
}

/// Twin of [`Agent`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct AgentV1<'a> {
    no: u32,
    id: &'a str,
    name: &'a str,
    enabled: bool,
    #[serde(borrow)]
    secrets: SealedV1<'a>,
}

impl Mirrored for Agent {
    type Mirror<'a> = AgentV1<'a>;

    fn mirror(&self) -> AgentV1<'_> {
        let Self { no, id, name, enabled, secrets } = self;
        AgentV1 { no: no.get(), id, name, enabled: *enabled, secrets: secrets.mirror() }
    }

    fn restore(mirror: AgentV1<'_>) -> Result<Self, Invalid> {
        let AgentV1 { no, id, name, enabled, secrets } = mirror;
        Ok(Self {
            no: AgentNo::new(no),
            id: id.into(),
            name: name.into(),
            enabled,
            secrets: Mirrored::restore(secrets)?,
        })
    }
}

/// Twin of [`DouyinClient`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct DouyinClientV1<'a> {
    client_key: &'a str,
    #[serde(borrow)]
    secret: SealedV1<'a>,
    agent: u32,
}

impl Mirrored for DouyinClient {
    type Mirror<'a> = DouyinClientV1<'a>;

    fn mirror(&self) -> DouyinClientV1<'_> {
        let Self { client_key, secret, agent } = self;
        DouyinClientV1 { client_key, secret: secret.mirror(), agent: agent.get() }
    }

    fn restore(mirror: DouyinClientV1<'_>) -> Result<Self, Invalid> {
        let DouyinClientV1 { client_key, secret, agent } = mirror;
        Ok(Self {
            client_key: client_key.into(),
            secret: Mirrored::restore(secret)?,
            agent: AgentNo::new(agent),
        })
    }
}

/// Twin of [`DouyinSku`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct DouyinSkuV1<'a> {
    sku_id: &'a str,
    product: u32,
    timespan: Option<u8>,
}

impl Mirrored for DouyinSku {
    type Mirror<'a> = DouyinSkuV1<'a>;

    fn mirror(&self) -> DouyinSkuV1<'_> {
        let Self { sku_id, product, timespan } = self;
        DouyinSkuV1 { sku_id, product: product.get(), timespan: timespan.map(Timespan::get) }
    }

    fn restore(mirror: DouyinSkuV1<'_>) -> Result<Self, Invalid> {
        let DouyinSkuV1 { sku_id, product, timespan } = mirror;
        Ok(Self {
            sku_id: sku_id.into(),
            product: ProductNo::new(product),
            timespan: timespan.map(Timespan::new),
        })
    }
}

/// Twin of [`TopApp`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct TopAppV1<'a> {
    app_key: &'a str,
    #[serde(borrow)]
    secret: SealedV1<'a>,
    #[serde(borrow)]
    shops: List<'a, Box<str>>,
}

impl Mirrored for TopApp {
    type Mirror<'a> = TopAppV1<'a>;

    fn mirror(&self) -> TopAppV1<'_> {
        let Self { app_key, secret, shops } = self;
        TopAppV1 { app_key, secret: secret.mirror(), shops: List::Borrowed(shops) }
    }

    fn restore(mirror: TopAppV1<'_>) -> Result<Self, Invalid> {
        let TopAppV1 { app_key, secret, shops } = mirror;
        Ok(Self {
            app_key: app_key.into(),
            secret: Mirrored::restore(secret)?,
            shops: shops.into_owned(),
        })
    }
}

impl Mirrored for Box<str> {
    type Mirror<'a> = &'a str;

    fn mirror(&self) -> &str {
        self
    }

    fn restore(mirror: &str) -> Result<Self, Invalid> {
        Ok(mirror.into())
    }
}

/// Twin of [`CatalogueEvent`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum CatalogueEventV1<'a> {
    /// 0
    #[serde(borrow)]
    SupplierSet(SupplierV1<'a>),
    /// 1
    #[serde(borrow)]
    PoolSet(PoolV1<'a>),
    /// 2
    #[serde(borrow)]
    ProductSet(ProductV1<'a>),
    /// 3
    #[serde(borrow)]
    AgentSet(AgentV1<'a>),
    /// 4
    #[serde(borrow)]
    DouyinClientSet(DouyinClientV1<'a>),
    /// 5
    #[serde(borrow)]
    DouyinSkuSet(DouyinSkuV1<'a>),
    /// 6
    #[serde(borrow)]
    TopAppSet(TopAppV1<'a>),
}

impl Mirrored for CatalogueEvent {
    type Mirror<'a> = CatalogueEventV1<'a>;

    fn mirror(&self) -> CatalogueEventV1<'_> {
        match self {
            Self::SupplierSet(supplier) => CatalogueEventV1::SupplierSet(supplier.mirror()),
            Self::PoolSet(pool) => CatalogueEventV1::PoolSet(pool.mirror()),
            Self::ProductSet(product) => CatalogueEventV1::ProductSet(product.mirror()),
            Self::AgentSet(agent) => CatalogueEventV1::AgentSet(agent.mirror()),
            Self::DouyinClientSet(client) => CatalogueEventV1::DouyinClientSet(client.mirror()),
            Self::DouyinSkuSet(sku) => CatalogueEventV1::DouyinSkuSet(sku.mirror()),
            Self::TopAppSet(app) => CatalogueEventV1::TopAppSet(app.mirror()),
        }
    }

    fn restore(mirror: CatalogueEventV1<'_>) -> Result<Self, Invalid> {
        Ok(match mirror {
            CatalogueEventV1::SupplierSet(supplier) => {
                Self::SupplierSet(Arc::new(Mirrored::restore(supplier)?))
            }
            CatalogueEventV1::PoolSet(pool) => Self::PoolSet(Arc::new(Mirrored::restore(pool)?)),
            CatalogueEventV1::ProductSet(product) => {
                Self::ProductSet(Arc::new(Mirrored::restore(product)?))
            }
            CatalogueEventV1::AgentSet(agent) => {
                Self::AgentSet(Arc::new(Mirrored::restore(agent)?))
            }
            CatalogueEventV1::DouyinClientSet(client) => {
                Self::DouyinClientSet(Arc::new(Mirrored::restore(client)?))
            }
            CatalogueEventV1::DouyinSkuSet(sku) => {
                Self::DouyinSkuSet(Arc::new(Mirrored::restore(sku)?))
            }
            CatalogueEventV1::TopAppSet(app) => Self::TopAppSet(Arc::new(Mirrored::restore(app)?)),
        })
    }
}

/// A [`Catalogue`] is kept as the events that build it from nothing.
impl Mirrored for Catalogue {
    type Mirror<'a> = List<'a, CatalogueEvent>;

    fn mirror(&self) -> List<'_, CatalogueEvent> {
        List::Owned(self.events())
    }

    fn restore(mirror: List<'_, CatalogueEvent>) -> Result<Self, Invalid> {
        let events = mirror.into_owned();
        let mut catalogue = Self::default();
        events.iter().for_each(|event| catalogue.apply(event));
        // Anything set twice or out of order would leave other entries than were written, and a gap
        // in the numbers entries that cannot be found.
        let found = events.iter().all(|event| match event {
            CatalogueEvent::SupplierSet(entry) => catalogue.supplier(entry.no) == Some(entry),
            CatalogueEvent::PoolSet(entry) => catalogue.pool(entry.no) == Some(entry),
            CatalogueEvent::ProductSet(entry) => catalogue.product(entry.no) == Some(entry),
            CatalogueEvent::AgentSet(entry) => catalogue.agent(entry.no) == Some(entry),
            CatalogueEvent::DouyinClientSet(_)
            | CatalogueEvent::DouyinSkuSet(_)
            | CatalogueEvent::TopAppSet(_) => true,
        });
        if found && catalogue.events() == events { Ok(catalogue) } else { Err(Invalid) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{self, SchemaError};

    #[test]
    fn a_catalogue_has_no_gaps_and_nothing_twice() {
        let supplier = |no: u16| {
            let (id, name) = ("01".into(), "云山景区".into());
            let no = SupplierNo::new(no);
            let supplier = Supplier { no, id, name, utc_offset_seconds: 28_800 };
            CatalogueEvent::SupplierSet(Arc::new(supplier))
        };
        let agent = CatalogueEvent::AgentSet(Arc::new(Agent {
            no: AgentNo::new(0),
            id: "demo".into(),
            name: "Demo".into(),
            enabled: true,
            secrets: crate::types::Sealed::default(),
        }));
        let check = |events: Vec<CatalogueEvent>, expected: Option<SchemaError>| {
            let mut bytes = vec![1];
            super::super::write(&List::<_>::Borrowed(&events), &mut bytes);
            assert_eq!(schema::decode_catalogue(&bytes).err(), expected, "{events:?}");
        };
        check(vec![], None);
        check(vec![supplier(0), supplier(1), agent.clone()], None);
        check(vec![supplier(1)], Some(SchemaError::Invalid));
        check(vec![supplier(0), supplier(0)], Some(SchemaError::Invalid));
        check(vec![agent, supplier(0)], Some(SchemaError::Invalid));
    }
}
