//! How everything outside the actor system reaches it: cheap to clone, usable from any thread.

mod catalogue;
mod order;
mod request;
mod sold_out;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use actix::Addr;
use actix::prelude::SendError;
use hashbrown::HashMap;
use tokio::sync::{Mutex, oneshot};

use crate::actors::EngineError;
use crate::actors::callback::Hub;
use crate::actors::catalogue::CatalogueSlot;
use crate::actors::cold::ColdStore;
use crate::actors::gate::{Gate, InFlight};
use crate::actors::order::{Asker, Command, OrderActor, Reply, Submit};
use crate::actors::record::{Record, Routes};
use crate::actors::request_keys::{KeyClaim, RequestKeys};
use crate::actors::stored::lane_of;
use crate::actors::voucher::VoucherActor;
use crate::clock::SharedClock;
use crate::domain::catalogue::Catalogue;
use crate::engine::Rejection;
use crate::engine::operator::Operator;
use crate::journal::{JournalHandle, JournalStats};
use crate::types::{AgentNo, Lsn, PartitionNo, SupplierNo, UnixMillis};
use crate::vault::CodeMint;

pub use catalogue::CatalogueChangeError;
pub use request::{
    FoundVoucher, OrderCommand, OrderRequest, Owner, PayFrom, RedeemRequest, Redeemed,
    RefundRequest, Refunded, ReverseRequest, Seal,
};
pub(super) use sold_out::SoldOut;

/// Whether the engine takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineStatus {
    /// It does.
    Ready,
    /// It is stopping.
    Stopping,
    /// Its journal has failed: a restart reads the disk again.
    JournalFailed,
    /// Its snapshots were found damaged: a restart rebuilds them from the journal.
    SnapshotsDamaged,
}

/// Handle to a running engine.
#[derive(Clone)]
pub struct EngineHandle(
    pub(super) Arc<Inner>,
    /// Whom every record names that is made through this handle.
    Option<Arc<Operator>>,
);

pub(super) struct Inner {
    pub(super) clock: SharedClock,
    pub(super) catalogue: CatalogueSlot,
    pub(super) routes: Routes,
    /// Voucher actors by lane of codes, with the last number used in each.
    pub(super) lanes: arc_swap::ArcSwap<HashMap<u16, Lane>>,
    pub(super) request_keys: RequestKeys,
    /// What to look at before it is sealed.
    pub(super) sold_out: SoldOut,
    pub(super) gate: Gate,
    pub(super) journal: JournalHandle<Record>,
    pub(super) cold: ColdStore,
    pub(super) mint: Arc<CodeMint>,
    pub(super) status: AtomicU8,
    /// What the snapshots were given of the catalogue. Its lock serialises changes: each is decided on
    /// what the last one made, and given to the snapshots before the next.
    pub(super) catalogue_saved: Mutex<CatalogueSaved>,
    /// Where notices are delivered from.
    pub(super) callbacks: Hub,
    /// Starts the actors of a supplier that the catalogue has gained.
    pub(super) start_supplier: Box<dyn Fn(SupplierNo) + Send + Sync>,
}

/// The catalogue that the snapshots were given last, and up to which record it is the present one.
#[derive(Default)]
pub(super) struct CatalogueSaved {
    catalogue: Option<Arc<Catalogue>>,
    up_to: Lsn,
}

/// One lane of voucher codes.
#[derive(Clone)]
pub(super) struct Lane {
    pub(super) last_code: Arc<AtomicU64>,
    pub(super) vouchers: Vec<Addr<VoucherActor>>,
}

/// Counted as the partner of whatever no agent asks for: previews, gates, operators.
pub(super) const HOUSE: AgentNo = AgentNo::new(u32::MAX);

pub(super) const STATUS_READY: u8 = 1;
pub(super) const STATUS_STOPPING: u8 = 2;

impl EngineHandle {
    pub(super) const fn new(inner: Arc<Inner>) -> Self {
        Self(inner, None)
    }

    /// A handle whose records name an operator and the operator's reason: whatever is changed through
    /// it, stock, orders, money or the catalogue, the journal says for whom and why.
    #[must_use]
    pub fn acting(&self, operator: Operator) -> Self {
        Self(Arc::clone(&self.0), Some(Arc::new(operator)))
    }

    /// The catalogue as it is now.
    #[must_use]
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.0.catalogue.load()
    }

    /// The catalogue as it is now, to be let go of soon: cheaper than [`catalogue`](Self::catalogue),
    /// which may be kept.
    #[must_use]
    pub fn read_catalogue(&self) -> arc_swap::Guard<Arc<Catalogue>> {
        self.0.catalogue.read()
    }

    /// The engine's clock.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.0.clock.now()
    }

    /// Whether requests are taken.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        if self.0.journal.stopped().is_some() {
            return EngineStatus::JournalFailed;
        }
        if self.0.cold.is_damaged() {
            return EngineStatus::SnapshotsDamaged;
        }
        match self.0.status.load(Ordering::Acquire) {
            STATUS_READY => EngineStatus::Ready,
            _ => EngineStatus::Stopping,
        }
    }

    /// What the journal has done, for metrics.
    #[must_use]
    pub fn journal_stats(&self) -> &JournalStats {
        self.0.journal.stats()
    }

    /// Changed orders that are not durable in the snapshots yet, as of the last tick: what
    /// `snapshot.backlog_max` is compared with.
    #[must_use]
    pub fn snapshot_backlog(&self) -> usize {
        self.0.cold.snapshots().backlog_len()
    }

    /// Up to where the snapshots have what every supplier did: a start replays what is above it. Waits
    /// while a checkpoint is being written, so it is not for threads that sell.
    #[must_use]
    pub fn saved_lsn(&self) -> Lsn {
        let watermarks = self.0.cold.watermarks();
        let catalogue = self.catalogue();
        let of = |supplier: SupplierNo| watermarks.get(&PartitionNo::new(supplier.get())).copied();
        let saved = catalogue.suppliers().iter().map(|it| of(it.no).unwrap_or(Lsn::ZERO));
        saved.min().unwrap_or(Lsn::ZERO)
    }

    /// Requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.0.gate.in_flight()
    }

    pub(super) async fn submit(
        &self,
        supplier: SupplierNo,
        command: Command,
        asker: Asker,
        claim: Option<KeyClaim>,
        in_flight: InFlight,
    ) -> Result<Reply, EngineError> {
        let (reply, receiver) = oneshot::channel();
        let orders = match self.route(supplier) {
            Ok(orders) => orders,
            // A number that carries no supplier of ours is no order of ours.
            Err(_) => return Err(Rejection::UnknownOrder.into()),
        };
        let operator = self.1.clone();
        let submit = Submit { command, asker, operator, claim, _in_flight: in_flight, reply };
        orders.try_send(submit).map_err(|error| not_sent(&error))?;
        receiver.await.map_err(|_| EngineError::OutcomeUnknown)?
    }

    pub(super) fn route(&self, supplier: SupplierNo) -> Result<Addr<OrderActor>, EngineError> {
        self.0.routes.load().get(&supplier).cloned().ok_or(EngineError::Unavailable)
    }

    pub(super) fn enter(&self, agent: AgentNo) -> Result<InFlight, EngineError> {
        self.check_status()?;
        self.0.gate.enter(agent).ok_or(EngineError::Overloaded)
    }

    fn check_status(&self) -> Result<(), EngineError> {
        match self.status() {
            EngineStatus::Ready => Ok(()),
            _ => Err(EngineError::Unavailable),
        }
    }
}

/// Lanes by number: which voucher actors may know a code.
pub(super) fn lane_entry(supplier: SupplierNo) -> u16 {
    lane_of(supplier).get()
}

pub(super) fn not_sent<T>(error: &SendError<T>) -> EngineError {
    match error {
        SendError::Full(_) => EngineError::Overloaded,
        SendError::Closed(_) => EngineError::Unavailable,
    }
}
