//! The catalogue: its events, suppliers, agents and the partners' applications.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::order::SealedV2;
use super::{Invalid, List, Mirrored, Whole};
use crate::domain::catalogue::{
    Agent, CallbackFormat, CallbackMethod, CallbackSettings, Catalogue, CatalogueEvent,
    DouyinClient, DouyinSku, Pool, Product, Supplier, TopApp,
};
use crate::types::{AgentNo, ProductNo, SupplierNo, Timespan};

/// Twin of [`Supplier`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SupplierV2<'a> {
    no: u16,
    id: &'a str,
    name: &'a str,
    utc_offset_seconds: i32,
}

impl Mirrored for Supplier {
    type Mirror<'a> = SupplierV2<'a>;

    fn mirror(&self) -> SupplierV2<'_> {
        let Self { no, id, name, utc_offset_seconds } = self;
        SupplierV2 { no: no.get(), id, name, utc_offset_seconds: *utc_offset_seconds }
    }

    fn restore(mirror: SupplierV2<'_>) -> Result<Self, Invalid> {
        let SupplierV2 { no, id, name, utc_offset_seconds } = mirror;
        Ok(Self { no: SupplierNo::new(no), id: id.into(), name: name.into(), utc_offset_seconds })
    }
}

/// Twin of [`Agent`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct AgentV2<'a> {
    no: u32,
    id: &'a str,
    name: &'a str,
    enabled: bool,
    #[serde(borrow)]
    secrets: SealedV2<'a>,
    #[serde(borrow)]
    callback: Option<CallbackV2<'a>>,
}

impl Mirrored for Agent {
    type Mirror<'a> = AgentV2<'a>;

    fn mirror(&self) -> AgentV2<'_> {
        let Self { no, id, name, enabled, secrets, callback } = self;
        AgentV2 {
            no: no.get(),
            id,
            name,
            enabled: *enabled,
            secrets: secrets.mirror(),
            callback: callback.as_ref().map(CallbackSettings::mirror),
        }
    }

    fn restore(mirror: AgentV2<'_>) -> Result<Self, Invalid> {
        let AgentV2 { no, id, name, enabled, secrets, callback } = mirror;
        Ok(Self {
            no: AgentNo::new(no),
            id: id.into(),
            name: name.into(),
            enabled,
            secrets: Mirrored::restore(secrets)?,
            callback: callback.map(Mirrored::restore).transpose()?,
        })
    }
}

/// Twin of [`CallbackSettings`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct CallbackV2<'a> {
    url: &'a str,
    official_sms: bool,
    format: CallbackFormatV2,
    method: CallbackMethodV2,
}

/// Twin of [`CallbackFormat`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum CallbackFormatV2 {
    /// 0
    Xml,
    /// 1
    Json,
}

/// Twin of [`CallbackMethod`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum CallbackMethodV2 {
    /// 0
    Post,
    /// 1
    Get,
}

impl Mirrored for CallbackSettings {
    type Mirror<'a> = CallbackV2<'a>;

    fn mirror(&self) -> CallbackV2<'_> {
        let Self { url, official_sms, format, method } = self;
        CallbackV2 {
            url,
            official_sms: *official_sms,
            format: match format {
                CallbackFormat::Xml => CallbackFormatV2::Xml,
                CallbackFormat::Json => CallbackFormatV2::Json,
            },
            method: match method {
                CallbackMethod::Post => CallbackMethodV2::Post,
                CallbackMethod::Get => CallbackMethodV2::Get,
            },
        }
    }

    fn restore(mirror: CallbackV2<'_>) -> Result<Self, Invalid> {
        let CallbackV2 { url, official_sms, format, method } = mirror;
        Ok(Self {
            url: url.into(),
            official_sms,
            format: match format {
                CallbackFormatV2::Xml => CallbackFormat::Xml,
                CallbackFormatV2::Json => CallbackFormat::Json,
            },
            method: match method {
                CallbackMethodV2::Post => CallbackMethod::Post,
                CallbackMethodV2::Get => CallbackMethod::Get,
            },
        })
    }
}

/// Twin of [`DouyinClient`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct DouyinClientV2<'a> {
    client_key: &'a str,
    #[serde(borrow)]
    secret: SealedV2<'a>,
    agent: u32,
}

impl Mirrored for DouyinClient {
    type Mirror<'a> = DouyinClientV2<'a>;

    fn mirror(&self) -> DouyinClientV2<'_> {
        let Self { client_key, secret, agent } = self;
        DouyinClientV2 { client_key, secret: secret.mirror(), agent: agent.get() }
    }

    fn restore(mirror: DouyinClientV2<'_>) -> Result<Self, Invalid> {
        let DouyinClientV2 { client_key, secret, agent } = mirror;
        Ok(Self {
            client_key: client_key.into(),
            secret: Mirrored::restore(secret)?,
            agent: AgentNo::new(agent),
        })
    }
}

/// Twin of [`DouyinSku`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct DouyinSkuV2<'a> {
    sku_id: &'a str,
    product: u32,
    timespan: Option<u8>,
}

impl Mirrored for DouyinSku {
    type Mirror<'a> = DouyinSkuV2<'a>;

    fn mirror(&self) -> DouyinSkuV2<'_> {
        let Self { sku_id, product, timespan } = self;
        DouyinSkuV2 { sku_id, product: product.get(), timespan: timespan.map(Timespan::get) }
    }

    fn restore(mirror: DouyinSkuV2<'_>) -> Result<Self, Invalid> {
        let DouyinSkuV2 { sku_id, product, timespan } = mirror;
        Ok(Self {
            sku_id: sku_id.into(),
            product: ProductNo::new(product),
            timespan: timespan.map(Timespan::new),
        })
    }
}

/// Twin of [`TopApp`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct TopAppV2<'a> {
    app_key: &'a str,
    #[serde(borrow)]
    secret: SealedV2<'a>,
    #[serde(borrow)]
    shops: List<'a, Box<str>>,
}

impl Mirrored for TopApp {
    type Mirror<'a> = TopAppV2<'a>;

    fn mirror(&self) -> TopAppV2<'_> {
        let Self { app_key, secret, shops } = self;
        TopAppV2 { app_key, secret: secret.mirror(), shops: List::Borrowed(shops) }
    }

    fn restore(mirror: TopAppV2<'_>) -> Result<Self, Invalid> {
        let TopAppV2 { app_key, secret, shops } = mirror;
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
pub(in crate::schema) enum CatalogueEventV2<'a> {
    /// 0
    #[serde(borrow)]
    Supplier(Shared<'a, Supplier>),
    /// 1
    #[serde(borrow)]
    Pool(Shared<'a, Pool>),
    /// 2
    #[serde(borrow)]
    Product(Shared<'a, Product>),
    /// 3
    #[serde(borrow)]
    Agent(Shared<'a, Agent>),
    /// 4
    #[serde(borrow)]
    DouyinClient(Shared<'a, DouyinClient>),
    /// 5
    #[serde(borrow)]
    DouyinSku(Shared<'a, DouyinSku>),
    /// 6
    #[serde(borrow)]
    TopApp(Shared<'a, TopApp>),
}

/// An entry, which the catalogue shares.
type Shared<'a, T> = Whole<'a, T, Arc<T>>;

impl Mirrored for CatalogueEvent {
    type Mirror<'a> = CatalogueEventV2<'a>;

    fn mirror(&self) -> CatalogueEventV2<'_> {
        match self {
            Self::SupplierSet(supplier) => CatalogueEventV2::Supplier(Whole::Borrowed(supplier)),
            Self::PoolSet(pool) => CatalogueEventV2::Pool(Whole::Borrowed(pool)),
            Self::ProductSet(product) => CatalogueEventV2::Product(Whole::Borrowed(product)),
            Self::AgentSet(agent) => CatalogueEventV2::Agent(Whole::Borrowed(agent)),
            Self::DouyinClientSet(client) => {
                CatalogueEventV2::DouyinClient(Whole::Borrowed(client))
            }
            Self::DouyinSkuSet(sku) => CatalogueEventV2::DouyinSku(Whole::Borrowed(sku)),
            Self::TopAppSet(app) => CatalogueEventV2::TopApp(Whole::Borrowed(app)),
        }
    }

    fn restore(mirror: CatalogueEventV2<'_>) -> Result<Self, Invalid> {
        Ok(match mirror {
            CatalogueEventV2::Supplier(supplier) => Self::SupplierSet(supplier.into_owned()),
            CatalogueEventV2::Pool(pool) => Self::PoolSet(pool.into_owned()),
            CatalogueEventV2::Product(product) => Self::ProductSet(product.into_owned()),
            CatalogueEventV2::Agent(agent) => Self::AgentSet(agent.into_owned()),
            CatalogueEventV2::DouyinClient(client) => Self::DouyinClientSet(client.into_owned()),
            CatalogueEventV2::DouyinSku(sku) => Self::DouyinSkuSet(sku.into_owned()),
            CatalogueEventV2::TopApp(app) => Self::TopAppSet(app.into_owned()),
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
            callback: None,
        }));
        let check = |events: Vec<CatalogueEvent>, expected: Option<SchemaError>| {
            let mut bytes = vec![2];
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
