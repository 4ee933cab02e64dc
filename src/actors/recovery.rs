//! From disk to a state that can be sold from: the snapshots, and on top of them what the journal has
//! beyond. What the journal's tail touches is brought up to date in the snapshots themselves, so that
//! actors afterwards find everything where they always look.

mod spill;
mod tail;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use crate::actors::machine::Machine;
use crate::actors::request_keys::RequestKeys;
use crate::actors::runs::{self, Loaded};
use crate::actors::stored::{Open, catalogue_put, decode_request_key};
use crate::domain::account::{Account, AccountKey};
use crate::domain::catalogue::Catalogue;
use crate::domain::inventory::{Pool, PoolKey, Slot};
use crate::domain::limits::{LimitKey, LimitShard};
use crate::domain::order::Order;
use crate::engine::ids::supplier_of;
use crate::engine::state::{EntitySource, Tracked};
use crate::engine::transaction::Transaction;
use crate::journal::{self, LogError, StoreId};
use crate::schema::{self, SchemaError};
use crate::snapshot::{Batch, EntityKind, SnapshotError, SnapshotStore, Stamp, Unsaved};
use crate::types::{Lsn, OrderId, PartitionNo, SlotKey, SupplierNo};

use tail::Tail;

/// Watermark of the catalogue, beyond every supplier's.
const CATALOGUE_WATERMARK: PartitionNo = PartitionNo::new(u16::MAX);

/// Why the stored state cannot be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The journal cannot be read.
    #[error("journal: {0}")]
    Log(#[from] LogError),
    /// The snapshots cannot be read or written. They can be deleted: the journal has everything.
    #[error("snapshots: {0}")]
    Snapshot(#[from] SnapshotError),
    /// A record cannot be decoded.
    #[error("record {lsn}: {error}")]
    Record {
        /// The record.
        lsn: Lsn,
        /// Why.
        error: SchemaError,
    },
    /// An entity of the snapshots cannot be decoded.
    #[error("{kind} in the snapshots: {error}")]
    Entity {
        /// What kind.
        kind: &'static str,
        /// Why.
        error: SchemaError,
    },
    /// The journal no longer has the records that the snapshots lack.
    #[error("the snapshots lack record {missing}, the journal begins at {first}")]
    Gap {
        /// The first record the snapshots lack.
        missing: Lsn,
        /// The first record of the journal.
        first: Lsn,
    },
    /// A record is of another version than this program writes or reads.
    #[error("record {lsn} has schema {schema}, this program reads {known}")]
    UnknownSchema {
        /// The record.
        lsn: Lsn,
        /// Its schema.
        schema: u16,
        /// The newest schema known.
        known: u16,
    },
}

/// Reads the journal from a position on. The engine reads its open log, a rebuild and the audit a
/// read-only view of it.
pub trait JournalReader {
    /// The oldest record that can still be read.
    ///
    /// # Errors
    /// When the journal cannot be read.
    fn first_lsn(&self) -> Result<Lsn, RecoveryError>;

    /// Visits every record from `from` on and returns the position after the last.
    ///
    /// # Errors
    /// When the journal cannot be read, or the first error of `visit`.
    fn read_from(
        &self,
        from: Lsn,
        visit: &mut dyn FnMut(journal::Entry<'_>) -> Result<(), RecoveryError>,
    ) -> Result<Lsn, RecoveryError>;
}

/// What the engine starts from.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Who sells what.
    pub catalogue: Catalogue,
    /// The last record the catalogue includes.
    pub catalogue_lsn: Lsn,
    /// Request keys and their orders.
    pub(crate) request_keys: RequestKeys,
    /// Position of each supplier's numbers.
    pub numbers: BTreeMap<SupplierNo, u64>,
    /// Last voucher number used, by lane.
    pub codes: BTreeMap<u16, u64>,
    /// Orders of which something is still to come.
    pub open: Vec<(OrderId, Open)>,
    /// Records read from the journal.
    pub records: u64,
    /// The position after the last record.
    pub next_lsn: Lsn,
    /// What the snapshots have been given but need not have on the disk yet.
    pub unsaved: Unsaved,
}

/// Brings the snapshots up to the journal's end and says what the engine needs in memory.
///
/// # Errors
/// [`RecoveryError`].
pub fn recover(log: &dyn JournalReader, store: &SnapshotStore) -> Result<Recovered, RecoveryError> {
    let mut tail = Tail::new(store, None)?;
    tail.load_catalogue()?;
    let from = tail.first_missing();
    let first = log.first_lsn()?;
    if from < first {
        return Err(RecoveryError::Gap { missing: from, first });
    }
    let next_lsn = tail.read(log, from)?;
    tail.finish(next_lsn)
}

/// One supplier's part of [`recover`], while the others sell on. Returns its orders of which something
/// is still to come.
///
/// # Errors
/// [`RecoveryError`].
pub fn recover_supplier(
    log: &dyn JournalReader,
    store: &SnapshotStore,
    supplier: SupplierNo,
) -> Result<Vec<(OrderId, Open)>, RecoveryError> {
    let mut tail = Tail::new(store, Some(supplier))?;
    let watermark = store.watermarks().get(&PartitionNo::new(supplier.get())).copied();
    tail.read(log, watermark.unwrap_or(Lsn::ZERO).next())?;
    let open = tail.finish_supplier()?.into_iter();
    Ok(open.filter(|(order, _)| supplier_of(order.get()) == supplier).collect())
}

/// Rebuilds one supplier after a fault, on a thread of its own.
#[derive(Clone)]
pub(crate) struct Rebuilder {
    pub(crate) store: SnapshotStore,
    pub(crate) log: Arc<dyn Fn() -> Result<Box<dyn JournalReader>, RecoveryError> + Send + Sync>,
}

impl Rebuilder {
    pub(crate) fn rebuild(
        &self,
        supplier: SupplierNo,
        done: impl FnOnce(Result<Vec<(OrderId, Open)>, String>) + Send + 'static,
    ) {
        let this = self.clone();
        std::thread::spawn(move || {
            let rebuild = || {
                #[cfg(test)]
                crate::actors::tests::fault::wait_while_held_back(&this.store);
                let log = (this.log)()?;
                recover_supplier(log.as_ref(), &this.store, supplier)
            };
            done(match catch_unwind(AssertUnwindSafe(rebuild)) {
                Ok(rebuilt) => rebuilt.map_err(|error| error.to_string()),
                Err(_) => Err("replaying the journal panicked".to_owned()),
            });
        });
    }
}

/// The catalogue as of record `lsn` on its way to the snapshots; `None` when they have it already.
pub(crate) fn catalogue_batch(catalogue: Option<&Catalogue>, lsn: Lsn) -> Batch {
    Batch {
        partition: CATALOGUE_WATERMARK,
        puts: catalogue.map(|catalogue| catalogue_put(catalogue, lsn)).into_iter().collect(),
        removals: Vec::new(),
        encode: None,
        watermark: lsn,
        written: None,
        done: Box::new(|result| {
            if let Err(error) = result {
                tracing::error!(%error, "the catalogue is not in the snapshots");
            }
        }),
    }
}

/// The position of a supplier that record `lsn` has added: it did nothing before.
pub(crate) fn new_supplier_batch(supplier: SupplierNo, lsn: Lsn) -> Batch {
    Batch {
        partition: PartitionNo::new(supplier.get()),
        puts: Vec::new(),
        removals: Vec::new(),
        encode: None,
        watermark: lsn,
        written: None,
        // Should it fail, so does every batch after it.
        done: Box::new(drop),
    }
}

/// Decodes one record of the journal.
///
/// # Errors
/// [`RecoveryError::Record`] or [`RecoveryError::UnknownSchema`].
pub fn decode_record(entry: journal::Entry<'_>) -> Result<Transaction, RecoveryError> {
    let (lsn, schema) = (entry.lsn, entry.schema);
    if schema != schema::VERSION {
        return Err(RecoveryError::UnknownSchema { lsn, schema, known: schema::VERSION });
    }
    schema::decode_transaction(entry.bytes).map_err(|error| RecoveryError::Record { lsn, error })
}

/// Adds the request keys that the snapshots have.
fn request_keys(store: &SnapshotStore, keys: &RequestKeys) -> Result<(), RecoveryError> {
    let mut damaged = false;
    store.scan(EntityKind::RequestKey, &[], |key, entry| {
        match decode_request_key(key, &entry.payload) {
            Some((key, order)) => keys.set_order(key, order),
            None => damaged = true,
        }
        ControlFlow::Continue(())
    })?;
    if damaged {
        let error = SchemaError::Invalid;
        return Err(RecoveryError::Entity { kind: "request key", error });
    }
    Ok(())
}

/// Orders of which something is still to come.
pub(super) fn open_orders(store: &SnapshotStore) -> Result<Vec<(OrderId, Open)>, RecoveryError> {
    let mut open = Vec::new();
    store.scan(EntityKind::Open, &[], |key, entry| {
        open.extend(Open::decode(key, &entry.payload));
        ControlFlow::Continue(())
    })?;
    Ok(open)
}

fn decoded<T>(kind: &'static str, result: Result<T, SchemaError>) -> Result<T, RecoveryError> {
    result.map_err(|error| RecoveryError::Entity { kind, error })
}

/// The snapshots as the source of machines.
pub struct Stored<'a>(pub &'a SnapshotStore);

impl Stored<'_> {
    fn get<T>(
        &self,
        kind: EntityKind,
        key: &[u8],
        decode: impl FnOnce(&[u8]) -> Result<T, SchemaError>,
    ) -> Result<Option<Tracked<T>>, RecoveryError> {
        let Some(entry) = self.0.get(kind, key)? else { return Ok(None) };
        let value = decoded(kind.name(), decode(&entry.payload))?;
        Ok(Some(Tracked { value, lsn: entry.lsn }))
    }

    fn machine<M: Machine>(&self, key: &[u8]) -> Result<Option<Tracked<M>>, RecoveryError> {
        let loaded = runs::load::<M>(self.0, key)?;
        Ok(loaded.map(|Loaded { machine: value, lsn, .. }| Tracked { value, lsn }))
    }
}

impl EntitySource for Stored<'_> {
    type Error = RecoveryError;

    fn slot(&mut self, key: SlotKey) -> Result<Option<Tracked<Slot>>, RecoveryError> {
        self.machine(&schema::slot_key(key))
    }

    fn pool(&mut self, key: PoolKey) -> Result<Option<Tracked<Pool>>, RecoveryError> {
        self.get(EntityKind::Pool, &schema::pool_key(key), schema::decode_pool)
    }

    fn limit(&mut self, key: LimitKey) -> Result<Option<Tracked<LimitShard>>, RecoveryError> {
        self.machine(&schema::limit_key(key))
    }

    fn account(&mut self, key: AccountKey) -> Result<Option<Tracked<Account>>, RecoveryError> {
        self.get(EntityKind::Account, &schema::account_key(key), schema::decode_account)
    }

    fn order(&mut self, id: OrderId) -> Result<Option<Tracked<Order>>, RecoveryError> {
        self.get(EntityKind::Order, &schema::order_key(id), schema::decode_order)
    }
}

/// Every slot in the snapshots.
///
/// # Errors
/// [`RecoveryError`].
pub fn stored_slots(store: &SnapshotStore) -> Result<Vec<(SlotKey, Tracked<Slot>)>, RecoveryError> {
    runs::load_all(store, schema::decode_slot_key)
}

/// Every shard of limit counters in the snapshots.
///
/// # Errors
/// [`RecoveryError`].
pub fn stored_limits(
    store: &SnapshotStore,
) -> Result<Vec<(LimitKey, Tracked<LimitShard>)>, RecoveryError> {
    runs::load_all(store, schema::decode_limit_key)
}

/// What shapes the snapshots: another value means they are another store's or another program's.
/// `keys` is the fingerprint of the key ring.
#[must_use]
pub fn snapshot_stamp(store: StoreId, keys: &str) -> Stamp {
    Stamp::new()
        .with("store", store)
        .with("schema", schema::VERSION)
        .with("layout", LAYOUT)
        .with("keys", keys)
}

/// Version of how entities lie in the snapshots: their keys, and which of them share a value.
const LAYOUT: u32 = 3;

/// Name of the file in a data directory that ties it to its keys: their fingerprint.
pub const KEY_STAMP: &str = "keys.fingerprint";

/// Path of the journal inside a data directory.
#[must_use]
pub fn journal_dir(data_dir: &std::path::Path) -> PathBuf {
    data_dir.join("journal")
}

/// Path of the snapshots inside a data directory.
#[must_use]
pub fn snapshot_dir(data_dir: &std::path::Path) -> PathBuf {
    data_dir.join("snapshots")
}
