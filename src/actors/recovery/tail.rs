//! The journal's tail being applied, as a line of threads: one reads and checks, one decodes and applies, one
//! writes to the snapshots. Records keep their order all along.
//!
//! What a record is decoded into is applied where it was made: passed on to another core it would be fetched
//! from there piece by piece, and freed far from where it was allocated.

use std::collections::BTreeMap;
use std::mem::{replace, take};
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::{Arc, Weak};
use std::thread::{self, Scope, ScopedJoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::spill::{Spill, Spilled, Spiller};
use super::{
    CATALOGUE_WATERMARK, JournalReader, Recovered, RecoveryError, Stored, decode_record, decoded,
    open_orders, request_keys,
};
use crate::actors::request_keys::RequestKeys;
use crate::actors::stored::{Open, catalogue_put, decode_sequence, lane_of, sequence_put};
use crate::domain::account::{Account, AccountKey};
use crate::domain::inventory::{Pool, PoolKey, Slot};
use crate::domain::limits::{LimitKey, LimitShard};
use crate::domain::order::{Order, OrderEvent};
use crate::domain::voucher::{Voucher, VoucherEvent};
use crate::engine::ids::{Numbers, supplier_of};
use crate::engine::state::{EntitySource, State, Tracked};
use crate::engine::transaction::{Event, Transaction};
use crate::journal;
use crate::schema;
use crate::snapshot::{EntityKind, Entry, Removals, SnapshotStore, Unsaved};
use crate::types::{Lsn, OrderId, PartitionNo, SlotKey, SupplierNo};

/// Orders and vouchers in memory before they are written to the snapshots.
const SPILL_ORDERS: usize = 60_000;
/// Slots, pools, limits and accounts in memory before they are written too: they are touched again and
/// again, so they stay longer.
const SPILL_SHARED: usize = 200_000;
/// Bytes that are handed from thread to thread at once.
const PARCEL_BYTES: usize = 256 * 1024;
/// Parcels between two threads.
const PARCELS: usize = 4;

/// Records as they were read.
struct Parcel {
    bytes: Vec<u8>,
    /// Position, schema and end of each.
    records: Vec<(Lsn, u16, usize)>,
}

impl Parcel {
    fn new() -> Self {
        // The last record may go beyond.
        Self { bytes: Vec::with_capacity(PARCEL_BYTES + PARCEL_BYTES / 8), records: Vec::new() }
    }

    fn entries(&self) -> impl Iterator<Item = journal::Entry<'_>> {
        let mut begin = 0;
        self.records.iter().map(move |(lsn, schema, end)| {
            let bytes = &self.bytes[replace(&mut begin, *end)..*end];
            journal::Entry { lsn: *lsn, schema: *schema, bytes }
        })
    }
}

/// What the tail comes to.
pub(super) struct Tail<'a> {
    store: &'a SnapshotStore,
    only: Option<SupplierNo>,
    state: State,
    /// Vouchers issued since the last spill. No record is ever about one that exists.
    issued: Vec<(Voucher, Lsn)>,
    numbers: BTreeMap<SupplierNo, Numbers>,
    codes: BTreeMap<u16, u64>,
    records: u64,
    /// What the thread that writes has found out.
    spilled: Spilled,
}

impl<'a> Tail<'a> {
    /// Begins with what the snapshots have.
    pub(super) fn new(
        store: &'a SnapshotStore,
        only: Option<SupplierNo>,
    ) -> Result<Self, RecoveryError> {
        let spilled = Spilled {
            open: open_orders(store)?.into_iter().collect(),
            request_keys: RequestKeys::default(),
            removals: Removals::default(),
        };
        Ok(Self {
            store,
            only,
            state: State::default(),
            issued: Vec::new(),
            numbers: BTreeMap::new(),
            codes: BTreeMap::new(),
            records: 0,
            spilled,
        })
    }

    pub(super) fn load_catalogue(&mut self) -> Result<(), RecoveryError> {
        if let Some(entry) = self.store.get(EntityKind::Catalogue, &[])? {
            self.state.catalogue = decoded("catalogue", schema::decode_catalogue(&entry.payload))?;
            self.state.catalogue_lsn = entry.lsn;
        }
        Ok(())
    }

    /// The first record that some part of the snapshots lacks. A supplier without a watermark may lack
    /// any.
    pub(super) fn first_missing(&self) -> Lsn {
        let watermarks = self.store.watermarks();
        let of = |no: PartitionNo| watermarks.get(&no).copied().unwrap_or(Lsn::ZERO);
        let suppliers = self.state.catalogue.suppliers().iter();
        let suppliers = suppliers.map(|supplier| of(PartitionNo::new(supplier.no.get())));
        suppliers.fold(of(CATALOGUE_WATERMARK), Lsn::min).next()
    }

    /// Applies every record from `from` on and has the snapshots take what they come to; beside that, reads
    /// the request keys that the snapshots have. Returns the position after the last.
    pub(super) fn read(
        &mut self,
        log: &dyn JournalReader,
        from: Lsn,
    ) -> Result<Lsn, RecoveryError> {
        let (store, only) = (self.store, self.only);
        let spiller = Spiller::new(store, take(&mut self.spilled));
        // A key never comes to stand for another order, so it does not matter who is first.
        let keys = spiller.request_keys();
        let tail = &mut *self;
        let (read, applied, spilled, keys) = thread::scope(|scope| {
            let (parcels, to_apply) = bounded(PARCELS);
            let (spills, to_spill) = bounded(1);
            // Those of one supplier are known to whoever has it rebuilt.
            let keys = move || only.map_or_else(|| request_keys(store, &keys), |_| Ok(()));
            let keys = spawn(scope, "replay-keys", keys);
            let applier = spawn(scope, "replay-apply", move || tail.apply(&to_apply, &spills));
            let spiller = spawn(scope, "replay-spill", move || spiller.run(&to_spill));
            let read = read(log, from, &parcels);
            drop(parcels);
            (read, join(applier), join(spiller), join(keys))
        });
        // Whoever comes later in the line stops those before it.
        self.spilled = spilled?;
        applied?;
        keys?;
        read
    }

    fn apply(
        &mut self,
        parcels: &Receiver<Parcel>,
        spills: &Sender<Arc<Spill>>,
    ) -> Result<(), RecoveryError> {
        let mut source = Source { store: self.store, spilling: Vec::new() };
        for parcel in parcels {
            for entry in parcel.entries() {
                let mut transaction = decode_record(entry)?;
                if self.only.is_some() && self.only != transaction.supplier {
                    continue;
                }
                self.records += 1;
                self.observe(entry.lsn, &mut transaction);
                self.state.apply(entry.lsn, transaction, &mut source)?;
            }
            let State { orders, slots, pools, limits, accounts, .. } = &self.state;
            let shared = slots.len() + pools.len() + limits.len() + accounts.len();
            if shared > SPILL_SHARED || orders.len() + self.issued.len() > SPILL_ORDERS {
                let everything = shared > SPILL_SHARED;
                let spill = Arc::new(self.spill(everything));
                source.forget_arrived();
                source.spilling.push(Arc::downgrade(&spill));
                if spills.send(spill).is_err() {
                    // It has failed, and says why.
                    return Ok(());
                }
                if everything {
                    source.wait();
                }
            }
        }
        // If nobody takes it any more, the other side says why.
        let _ = spills.send(Arc::new(self.spill(true)));
        Ok(())
    }

    /// What has come together, to be written; with `everything` slots and the like as well.
    fn spill(&mut self, everything: bool) -> Spill {
        let (orders, issued) = (self.state.orders.len(), take(&mut self.issued));
        self.issued.reserve(issued.len());
        let spill = Spill::take(&mut self.state, issued, everything);
        self.state.orders.reserve(orders);
        spill
    }

    /// Numbers given out are never given out again. Takes the vouchers out of the record: nothing that is
    /// applied needs them.
    fn observe(&mut self, lsn: Lsn, transaction: &mut Transaction) {
        transaction.events.retain(|event| {
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
                    let last = self.codes.entry(lane_of(supplier).get()).or_default();
                    *last = voucher.number.max(*last);
                    self.issued.push((*voucher, lsn));
                    return false;
                }
                _ => {}
            }
            true
        });
    }

    fn numbers(&mut self, supplier: SupplierNo) -> &mut Numbers {
        self.numbers.entry(supplier).or_insert_with(|| Numbers::new(supplier))
    }

    pub(super) fn finish(mut self, next_lsn: Lsn) -> Result<Recovered, RecoveryError> {
        let last = Lsn::new(next_lsn.get().saturating_sub(1));
        let catalogue = take(&mut self.state.catalogue);
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
        let positions = self.numbers.iter().map(|(supplier, n)| (*supplier, n.position()));
        Ok(Recovered {
            numbers: positions.collect(),
            codes: self.codes,
            request_keys: self.spilled.request_keys,
            open: self.spilled.open.into_iter().collect(),
            records: self.records,
            catalogue,
            catalogue_lsn,
            next_lsn,
            unsaved: Unsaved { watermarks, removals: self.spilled.removals.into_list() },
        })
    }

    /// Makes what was read of one supplier durable and says what is still to come of which order.
    pub(super) fn finish_supplier(self) -> Result<BTreeMap<OrderId, Open>, RecoveryError> {
        self.store.checkpoint(&[], &self.spilled.removals.into_list())?;
        Ok(self.spilled.open)
    }

    fn resume(&mut self, key: &[u8], entry: &Entry) {
        if let Some((supplier, numbers, code)) = decode_sequence(key, &entry.payload) {
            self.numbers(supplier).resume(numbers);
            let last = self.codes.entry(lane_of(supplier).get()).or_default();
            *last = code.max(*last);
        }
    }
}

/// Starts a thread of that name.
fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn_scoped(scope, work).expect("the system gives a thread to a process that starts")
}

/// What it came to; its panic is ours.
fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Reads the journal on this thread.
fn read(
    log: &dyn JournalReader,
    from: Lsn,
    parcels: &Sender<Parcel>,
) -> Result<Lsn, RecoveryError> {
    let mut parcel = Parcel::new();
    let next = log.read_from(from, &mut |journal::Entry { lsn, schema, bytes }| {
        parcel.bytes.extend_from_slice(bytes);
        parcel.records.push((lsn, schema, parcel.bytes.len()));
        if parcel.bytes.len() >= PARCEL_BYTES {
            // If nobody takes it any more something has failed, which is told elsewhere.
            let _ = parcels.send(replace(&mut parcel, Parcel::new()));
        }
        Ok(())
    })?;
    let _ = parcels.send(parcel);
    Ok(next)
}

/// The snapshots, and what is on its way there.
struct Source<'a> {
    store: &'a SnapshotStore,
    /// Oldest first; some may have arrived. Whoever writes one owns it and frees it once it is there.
    spilling: Vec<Weak<Spill>>,
}

impl Source<'_> {
    /// Lets go of what has arrived.
    fn forget_arrived(&mut self) {
        self.spilling.retain(|spill| spill.strong_count() > 0);
    }

    /// Waits until everything has arrived.
    fn wait(&mut self) {
        while self.spilling.iter().any(|spill| spill.strong_count() > 0) {
            thread::sleep(std::time::Duration::from_millis(1));
        }
        self.spilling.clear();
    }
}

impl EntitySource for Source<'_> {
    type Error = RecoveryError;

    fn slot(&mut self, key: SlotKey) -> Result<Option<Tracked<Slot>>, RecoveryError> {
        Stored(self.store).slot(key)
    }

    fn pool(&mut self, key: PoolKey) -> Result<Option<Tracked<Pool>>, RecoveryError> {
        Stored(self.store).pool(key)
    }

    fn limit(&mut self, key: LimitKey) -> Result<Option<Tracked<LimitShard>>, RecoveryError> {
        Stored(self.store).limit(key)
    }

    fn account(&mut self, key: AccountKey) -> Result<Option<Tracked<Account>>, RecoveryError> {
        Stored(self.store).account(key)
    }

    fn order(&mut self, id: OrderId) -> Result<Option<Tracked<Order>>, RecoveryError> {
        let on_its_way = self.spilling.iter().rev().find_map(|spill| {
            // One that is gone has arrived.
            spill.upgrade()?.orders.get(&id).cloned()
        });
        on_its_way.map_or_else(|| Stored(self.store).order(id), |order| Ok(Some(order)))
    }
}
