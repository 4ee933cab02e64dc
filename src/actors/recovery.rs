//! From disk to a state that can be sold from: the snapshots, and on top of them what the journal has
//! beyond. What the journal's tail touches is brought up to date in the snapshots themselves, so that
//! actors afterwards find everything where they always look.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use crate::actors::stored::{
    OPEN_PREFIX, Open, catalogue_put, decode_request_key, decode_sequence, order_puts, put,
    sequence_put, voucher_put,
};
use crate::domain::account::{Account, AccountKey};
use crate::domain::catalogue::Catalogue;
use crate::domain::inventory::{Pool, PoolKey, Slot};
use crate::domain::limits::{LimitKey, LimitShard};
use crate::domain::order::{Order, OrderEvent};
use crate::domain::voucher::{Voucher, VoucherEvent};
use crate::engine::ids::{Numbers, supplier_of};
use crate::engine::state::{EntitySource, State, Tracked};
use crate::engine::transaction::{Event, Transaction};
use crate::journal::{self, LogError, StoreId};
use crate::schema::{self, SchemaError};
use crate::snapshot::{
    Batch, EntityKind, Entry, Put, Removal, SnapshotError, SnapshotStore, Stamp,
};
use crate::types::{
    AgentNo, Lsn, OrderId, PartitionNo, RequestKey, SlotKey, SupplierNo, VoucherCode,
};
use crate::vault::{CodeMint, PARTITIONS_MAX};

/// Watermark of the catalogue, beyond every supplier's.
const CATALOGUE_WATERMARK: PartitionNo = PartitionNo::new(u16::MAX);
/// Entities in memory at most before they are written to the snapshots.
const SPILL_ENTITIES: usize = 400_000;
/// Entities in one write to the snapshots.
const SPILL_PUTS: usize = 4096;

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
    pub request_keys: Vec<(AgentNo, RequestKey, OrderId)>,
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
}

/// Brings the snapshots up to the journal's end and says what the engine needs in memory.
///
/// # Errors
/// [`RecoveryError`].
pub fn recover(
    log: &dyn JournalReader,
    store: &SnapshotStore,
    mint: &CodeMint,
) -> Result<Recovered, RecoveryError> {
    let mut tail = Tail::new(store, mint, None);
    tail.load_catalogue()?;
    let from = tail.first_missing();
    let first = log.first_lsn()?;
    if from < first {
        return Err(RecoveryError::Gap { missing: from, first });
    }
    let next_lsn = log.read_from(from, &mut |entry| tail.take(entry))?;
    tail.spill()?;
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
    mint: &CodeMint,
    supplier: SupplierNo,
) -> Result<Vec<(OrderId, Open)>, RecoveryError> {
    let mut tail = Tail::new(store, mint, Some(supplier));
    let watermark = store.watermarks().get(&PartitionNo::new(supplier.get())).copied();
    log.read_from(watermark.unwrap_or(Lsn::ZERO).next(), &mut |entry| tail.take(entry))?;
    tail.spill()?;
    let open = open_orders(store)?.into_iter();
    Ok(open.filter(|(order, _)| supplier_of(order.get()) == supplier).collect())
}

/// Rebuilds one supplier after a fault, on a thread of its own.
#[derive(Clone)]
pub(crate) struct Rebuilder {
    pub(crate) store: SnapshotStore,
    pub(crate) mint: Arc<CodeMint>,
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
                recover_supplier(log.as_ref(), &this.store, &this.mint, supplier)
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
        watermark: lsn,
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
        watermark: lsn,
        // Should it fail, so does every batch after it.
        done: Box::new(drop),
    }
}

/// Lane of a supplier's voucher codes. Suppliers far apart share one; a lane only keeps codes apart.
#[must_use]
pub(crate) fn lane_of(supplier: SupplierNo) -> PartitionNo {
    PartitionNo::new(supplier.get() % PARTITIONS_MAX)
}

/// The journal's tail being applied.
struct Tail<'a> {
    store: &'a SnapshotStore,
    mint: &'a CodeMint,
    only: Option<SupplierNo>,
    state: State,
    numbers: BTreeMap<SupplierNo, Numbers>,
    codes: BTreeMap<u16, u64>,
    records: u64,
    last: Lsn,
}

impl<'a> Tail<'a> {
    fn new(store: &'a SnapshotStore, mint: &'a CodeMint, only: Option<SupplierNo>) -> Self {
        Self {
            store,
            mint,
            only,
            state: State::default(),
            numbers: BTreeMap::new(),
            codes: BTreeMap::new(),
            records: 0,
            last: Lsn::ZERO,
        }
    }

    fn load_catalogue(&mut self) -> Result<(), RecoveryError> {
        if let Some(entry) = self.store.get(EntityKind::Catalogue, &[])? {
            self.state.catalogue = decoded("catalogue", schema::decode_catalogue(&entry.payload))?;
            self.state.catalogue_lsn = entry.lsn;
        }
        Ok(())
    }

    /// The first record that some part of the snapshots lacks. A supplier without a watermark may lack
    /// any.
    fn first_missing(&self) -> Lsn {
        let watermarks = self.store.watermarks();
        let of = |no: PartitionNo| watermarks.get(&no).copied().unwrap_or(Lsn::ZERO);
        let suppliers = self.state.catalogue.suppliers().iter();
        let suppliers = suppliers.map(|supplier| of(PartitionNo::new(supplier.no.get())));
        suppliers.fold(of(CATALOGUE_WATERMARK), Lsn::min).next()
    }

    fn take(&mut self, entry: journal::Entry<'_>) -> Result<(), RecoveryError> {
        let transaction = decode_record(entry)?;
        if self.only.is_some() && self.only != transaction.supplier {
            return Ok(());
        }
        self.records += 1;
        self.last = entry.lsn;
        self.observe(&transaction);
        self.state.apply(entry.lsn, &transaction, &mut Stored(self.store))?;
        if self.entities() > SPILL_ENTITIES {
            self.spill()?;
        }
        Ok(())
    }

    /// Numbers and codes given out are never given out again.
    fn observe(&mut self, transaction: &Transaction) {
        for event in &transaction.events {
            match event {
                Event::Order(OrderEvent::Placed(placed)) => {
                    let numbers = self.numbers(placed.supplier);
                    numbers.observe(placed.id.get());
                    placed.lines.iter().for_each(|line| numbers.observe(line.id.get()));
                }
                Event::Order(OrderEvent::Redeemed { order, redemption, .. }) => {
                    self.numbers(supplier_of(order.get())).observe(redemption.no);
                }
                Event::Voucher(VoucherEvent::Issued(voucher)) => {
                    let supplier = supplier_of(voucher.ticket.get());
                    self.numbers(supplier).observe(voucher.ticket.get());
                    if let Some((lane, n)) = self.mint.locate(voucher.code) {
                        let last = self.codes.entry(lane.get()).or_default();
                        *last = n.max(*last);
                    }
                }
                _ => {}
            }
        }
    }

    fn numbers(&mut self, supplier: SupplierNo) -> &mut Numbers {
        self.numbers.entry(supplier).or_insert_with(|| Numbers::new(supplier))
    }

    fn entities(&self) -> usize {
        self.state.orders.len() + self.state.vouchers.len() + self.state.slots.len()
    }

    /// Writes everything the tail touched to the snapshots and lets go of it.
    fn spill(&mut self) -> Result<(), RecoveryError> {
        let mut state = std::mem::take(&mut self.state);
        let mut batch = Spill { store: self.store, puts: Vec::new(), removals: BTreeSet::new() };
        for (key, slot) in state.slots.drain() {
            let (key, lsn) = (schema::slot_key(key).into(), slot.lsn);
            batch.put(put(EntityKind::Slot, key, lsn, |o| schema::encode_slot(&slot.value, o)))?;
        }
        for (key, pool) in state.pools.drain() {
            let (key, lsn) = (schema::pool_key(key).into(), pool.lsn);
            batch.put(put(EntityKind::Pool, key, lsn, |o| schema::encode_pool(&pool.value, o)))?;
        }
        for (key, limit) in state.limits.drain() {
            let (key, lsn) = (schema::limit_key(key).into(), limit.lsn);
            batch
                .put(put(EntityKind::Limit, key, lsn, |o| schema::encode_limit(&limit.value, o)))?;
        }
        for (key, account) in state.accounts.drain() {
            let (key, lsn) = (schema::account_key(key).into(), account.lsn);
            let encode = |out: &mut Vec<u8>| schema::encode_account(&account.value, out);
            batch.put(put(EntityKind::Account, key, lsn, encode))?;
        }
        for (_, order) in state.orders.drain() {
            // Whether it was ever noted as unpaid, nobody here knows.
            order_puts(&order.value, order.lsn, true, &mut batch.puts, &mut batch.removals);
            batch.write_if_full()?;
        }
        for (_, voucher) in state.vouchers.drain() {
            batch.put(voucher_put(&voucher.value, voucher.lsn))?;
        }
        batch.write()?;
        // The catalogue stays: later records are applied on top of it.
        self.state.catalogue = std::mem::take(&mut state.catalogue);
        self.state.catalogue_lsn = state.catalogue_lsn;
        let removals: Vec<_> = std::mem::take(&mut batch.removals).into_iter().collect();
        self.store.checkpoint(&[], &removals)?;
        Ok(())
    }

    fn finish(mut self, next_lsn: Lsn) -> Result<Recovered, RecoveryError> {
        let last = Lsn::new(next_lsn.get().saturating_sub(1));
        let catalogue = std::mem::take(&mut self.state.catalogue);
        let catalogue_lsn = self.state.catalogue_lsn;
        self.store.scan(EntityKind::Sequence, &[], |key, entry| {
            self.resume(key, &entry);
            ControlFlow::Continue(())
        })?;
        let mut puts = vec![catalogue_put(&catalogue, catalogue_lsn)];
        let mut watermarks = vec![(CATALOGUE_WATERMARK, last)];
        for supplier in catalogue.suppliers() {
            let numbers = self.numbers.get(&supplier.no).map_or(0, Numbers::position);
            let code = self.codes.get(&lane_of(supplier.no).get()).copied().unwrap_or(0);
            puts.push(sequence_put(supplier.no, numbers, code, last));
            watermarks.push((PartitionNo::new(supplier.no.get()), last));
        }
        self.store.write(&puts)?;
        self.store.checkpoint(&watermarks, &[])?;
        let positions = self.numbers.iter().map(|(supplier, n)| (*supplier, n.position()));
        Ok(Recovered {
            numbers: positions.collect(),
            codes: self.codes,
            request_keys: request_keys(self.store)?,
            open: open_orders(self.store)?,
            records: self.records,
            catalogue,
            catalogue_lsn,
            next_lsn,
        })
    }

    fn resume(&mut self, key: &[u8], entry: &Entry) {
        if let Some((supplier, numbers, code)) = decode_sequence(key, &entry.payload) {
            self.numbers(supplier).resume(numbers);
            let last = self.codes.entry(lane_of(supplier).get()).or_default();
            *last = code.max(*last);
        }
    }
}

/// Writes entities to the snapshots, a bounded number at once.
struct Spill<'a> {
    store: &'a SnapshotStore,
    puts: Vec<Put>,
    removals: BTreeSet<Removal>,
}

impl Spill<'_> {
    fn put(&mut self, put: Put) -> Result<(), SnapshotError> {
        self.puts.push(put);
        self.write_if_full()
    }

    fn write_if_full(&mut self) -> Result<(), SnapshotError> {
        if self.puts.len() >= SPILL_PUTS { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), SnapshotError> {
        self.store.write(&self.puts)?;
        self.puts.clear();
        Ok(())
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

fn request_keys(
    store: &SnapshotStore,
) -> Result<Vec<(AgentNo, RequestKey, OrderId)>, RecoveryError> {
    let mut keys = Vec::new();
    let mut damaged = false;
    store.scan(EntityKind::RequestKey, &[], |key, entry| {
        match decode_request_key(key, &entry.payload) {
            Some(known) => keys.push(known),
            None => damaged = true,
        }
        ControlFlow::Continue(())
    })?;
    if damaged {
        let error = SchemaError::Invalid;
        return Err(RecoveryError::Entity { kind: "request key", error });
    }
    Ok(keys)
}

/// Orders of which something is still to come.
pub(super) fn open_orders(store: &SnapshotStore) -> Result<Vec<(OrderId, Open)>, RecoveryError> {
    let mut open = Vec::new();
    store.scan(EntityKind::Meta, OPEN_PREFIX, |key, entry| {
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
}

impl EntitySource for Stored<'_> {
    type Error = RecoveryError;

    fn slot(&mut self, key: SlotKey) -> Result<Option<Tracked<Slot>>, RecoveryError> {
        self.get(EntityKind::Slot, &schema::slot_key(key), schema::decode_slot)
    }

    fn pool(&mut self, key: PoolKey) -> Result<Option<Tracked<Pool>>, RecoveryError> {
        self.get(EntityKind::Pool, &schema::pool_key(key), schema::decode_pool)
    }

    fn limit(&mut self, key: LimitKey) -> Result<Option<Tracked<LimitShard>>, RecoveryError> {
        self.get(EntityKind::Limit, &schema::limit_key(key), schema::decode_limit)
    }

    fn account(&mut self, key: AccountKey) -> Result<Option<Tracked<Account>>, RecoveryError> {
        self.get(EntityKind::Account, &schema::account_key(key), schema::decode_account)
    }

    fn order(&mut self, id: OrderId) -> Result<Option<Tracked<Order>>, RecoveryError> {
        self.get(EntityKind::Order, &schema::order_key(id), schema::decode_order)
    }

    fn voucher(&mut self, code: VoucherCode) -> Result<Option<Tracked<Voucher>>, RecoveryError> {
        self.get(EntityKind::Voucher, &schema::voucher_key(code), schema::decode_voucher)
    }
}

/// What shapes the snapshots: another value means they are another store's or another program's.
/// `keys` is the fingerprint of the key ring.
#[must_use]
pub fn snapshot_stamp(store: StoreId, keys: &str) -> Stamp {
    Stamp::new().with("store", store).with("schema", schema::VERSION).with("keys", keys)
}

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
