//! Loading what is not in memory, without ever blocking an arbiter.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::actors::machine::Machine;
use crate::actors::recovery::{RecoveryError, open_orders};
use crate::actors::runs::{self, Loaded};
use crate::actors::stored::{Open, voucher_key};
use crate::schema::SchemaError;
use crate::snapshot::{EntityKind, Entry, Read, Refusal, Refused, SnapshotHandle, SnapshotStore};
use crate::types::{Lsn, OrderId, PartitionNo, VoucherCode};
use crate::vault::CodeMint;

/// How long a load waits before it tries a full queue again.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(1);

/// The snapshots, as actors read them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ColdStore {
    snapshots: SnapshotHandle,
    store: SnapshotStore,
    mint: Arc<CodeMint>,
    damaged: Arc<AtomicBool>,
}

/// Why something could not be loaded.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The store cannot be read; a restart rebuilds it.
    #[error("{0}")]
    Damaged(String),
    /// The process is stopping.
    #[error("the snapshots are closed")]
    Closed,
}

impl ColdStore {
    pub(crate) fn new(
        snapshots: SnapshotHandle,
        store: SnapshotStore,
        mint: Arc<CodeMint>,
    ) -> Self {
        Self { snapshots, store, mint, damaged: Arc::new(AtomicBool::new(false)) }
    }

    /// Loads one entity.
    pub(crate) fn load(
        &self,
        kind: EntityKind,
        key: Box<[u8]>,
    ) -> impl Future<Output = Result<Option<Entry>, LoadError>> + use<> {
        self.read(move |store| Ok(store.get(kind, &key)?))
    }

    /// Loads a machine.
    pub(crate) fn load_machine<M: Machine>(
        &self,
        key: Box<[u8]>,
    ) -> impl Future<Output = Result<Option<Loaded<M>>, LoadError>> + use<M> {
        self.read(move |store| runs::load(store, &key))
    }

    /// Loads a voucher.
    pub(crate) fn load_voucher(
        &self,
        code: VoucherCode,
    ) -> impl Future<Output = Result<Option<Entry>, LoadError>> + use<> {
        let located = self.mint.locate(code);
        let load =
            located.map(|(lane, n)| self.load(EntityKind::Voucher, voucher_key(lane, n).into()));
        async move {
            match load {
                Some(load) => load.await,
                // No mint of ours has made it.
                None => Ok(None),
            }
        }
    }

    /// Reads from the snapshots on one of their threads. A full queue is waited for; the requests that
    /// could fill it are bounded.
    pub(crate) fn read<T, F>(
        &self,
        read: F,
    ) -> impl Future<Output = Result<T, LoadError>> + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&SnapshotStore) -> Result<T, RecoveryError> + Send + 'static,
    {
        let this = self.clone();
        let (sender, receiver) = oneshot::channel();
        let mut read: Read = Box::new(move |store| {
            let outcome = catch_unwind(AssertUnwindSafe(|| read(store)));
            let outcome = outcome.unwrap_or_else(|_| {
                Err(RecoveryError::Entity { kind: "an entity", error: SchemaError::Invalid })
            });
            // Whoever asked may have gone; then nobody wants the answer.
            let _ = sender.send(outcome);
        });
        async move {
            loop {
                match this.snapshots.read(read) {
                    Ok(()) => break,
                    Err(Refused { why: Refusal::Full, item }) => read = item,
                    Err(Refused { why: Refusal::Stopped, .. }) => return Err(LoadError::Closed),
                }
                tokio::time::sleep(QUEUE_FULL_PAUSE).await;
            }
            receiver.await.map_err(|_| LoadError::Closed)?.map_err(|error| {
                let error = error.to_string();
                this.report_damage(&error);
                LoadError::Damaged(error)
            })
        }
    }

    /// Orders of which something is still to come, as far as the snapshots have them. Blocks.
    pub(crate) fn open_orders(&self) -> Result<Vec<(OrderId, Open)>, RecoveryError> {
        open_orders(&self.store)
    }

    /// Notes that the snapshots cannot be trusted: the engine stops being ready, and the next start
    /// rebuilds them.
    pub(crate) fn report_damage(&self, why: &str) {
        self.damaged.store(true, Ordering::Release);
        if let Err(error) = self.store.condemn(why) {
            tracing::error!(%error, "damaged snapshots cannot be marked; delete them before a start");
        }
    }

    /// Whether the snapshots were found damaged since the start.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// Up to where the snapshots have everything.
    #[cfg(test)]
    pub(crate) fn saved_up_to(&self) -> Lsn {
        self.watermarks().into_values().min().unwrap_or(Lsn::ZERO)
    }

    /// Up to where the snapshots have what a supplier did.
    #[cfg(test)]
    pub(crate) fn watermark(
        &self,
        supplier: crate::types::SupplierNo,
    ) -> Option<crate::types::Lsn> {
        self.watermarks().get(&PartitionNo::new(supplier.get())).copied()
    }

    /// Up to where the snapshots have what each supplier did, by supplier. Waits while a checkpoint is
    /// being written.
    pub(crate) fn watermarks(&self) -> BTreeMap<PartitionNo, Lsn> {
        self.store.watermarks()
    }

    /// The store itself, whose every method may block.
    pub(crate) const fn store(&self) -> &SnapshotStore {
        &self.store
    }

    /// The queue to the snapshot thread.
    pub(crate) fn snapshots(&self) -> &SnapshotHandle {
        &self.snapshots
    }
}
