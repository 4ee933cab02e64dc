//! The actor system: thin shells around the pure machines, and the engine that runs them.
//!
//! | actor | one per | shell around |
//! | --- | --- | --- |
//! | `SlotActor`, `PoolActor`, `LimitActor`, `AccountActor` | slot, pool, limit shard, account | [`crate::domain`] machines |
//! | `OrderActor` | supplier | [`crate::engine::checkout`], orders, expiry, checkpoints |
//! | `VoucherActor` | supplier | vouchers by code |
//! | `CallbackActor` | agent | what it is still to be told, and when that is tried |
//!
//! Actors of one supplier share one arbiter, so an order costs two thread hops and the journal's;
//! callbacks have one of their own.
//! Callers hold an [`EngineHandle`]; partner formats are unknown here.

mod account;
mod archivist;
mod callback;
mod catalogue;
mod cold;
mod config;
mod directory;
mod engine;
mod error;
mod explain;
mod gate;
mod handle;
mod look;
mod machine;
mod order;
mod participant;
mod record;
pub mod recovery;
mod request_keys;
mod runs;
mod stored;
#[cfg(test)]
mod tests;
mod voucher;

pub use account::{AccountView, BOOKING_MAX};
pub use callback::{
    CallbackConfig, CallbackConfigError, CallbackFailure, Courier, CourierBusy, Delivery,
    DeliveryResult, Parcel, Receipt,
};
pub use config::{EngineConfig, EngineConfigError};
pub use engine::{Callbacks, Engine, EngineParts, StartError, StartReport};
pub use error::EngineError;
pub use handle::{
    CatalogueChangeError, EngineHandle, EngineStatus, FoundVoucher, OrderCommand, OrderRequest,
    Owner, PayFrom, RedeemRequest, Redeemed, RefundRequest, Refunded, ReverseRequest, Seal,
};
pub use look::{Onlooker, Quota, SlotStock, less, more};
