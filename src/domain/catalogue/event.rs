//! What has happened to the catalogue, as the journal tells it.

use std::sync::Arc;

use crate::domain::catalogue::{Agent, DouyinClient, DouyinSku, Pool, Product, Supplier, TopApp};

/// An entry was created or replaced as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogueEvent {
    /// A supplier.
    SupplierSet(Arc<Supplier>),
    /// A pool.
    PoolSet(Arc<Pool>),
    /// A product.
    ProductSet(Arc<Product>),
    /// An agent.
    AgentSet(Arc<Agent>),
    /// A Douyin client.
    DouyinClientSet(Arc<DouyinClient>),
    /// A Douyin SKU mapping.
    DouyinSkuSet(Arc<DouyinSku>),
    /// A TOP application.
    TopAppSet(Arc<TopApp>),
}
