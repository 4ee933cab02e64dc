//! Starting and stopping the whole: journal, snapshots, recovery, arbiters, actors.

use std::collections::BTreeMap;
use std::mem::take;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::prelude::*;
use arc_swap::ArcSwap;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::actors::archivist::Archivist;
use crate::actors::callback::{CallbackConfig, Courier, Hub, HubParts};
use crate::actors::catalogue::CatalogueSlot;
use crate::actors::cold::ColdStore;
use crate::actors::config::EngineConfig;
use crate::actors::gate::Gate;
use crate::actors::handle::{
    CatalogueSaved, EngineHandle, Inner, Lane, STATUS_READY, STATUS_STOPPING, SoldOut, lane_entry,
};
use crate::actors::order::{Drain, OrderActor, OrderContext};
use crate::actors::record::{Record, Routes, Sink};
use crate::actors::recovery::{
    self, JournalReader, KEY_STAMP, Rebuilder, Recovered, RecoveryError, journal_dir, snapshot_dir,
    snapshot_stamp,
};
use crate::actors::stored::{Open, lane_of};
use crate::clock::{SharedClock, monotonic_nanos};
use crate::journal::{
    self, CommitSink, Journal, JournalConfig, Log, LogError, SegmentLog, SegmentReader, SpawnError,
    Tail,
};
use crate::metrics::Metrics;
use crate::snapshot::{Opened, Outcome, SnapshotConfig, SnapshotError, SnapshotStore, Snapshotter};
use crate::types::{Lsn, OrderId, PartitionNo, SupplierNo};
use crate::vault::KeyRing;

/// Everything the engine is started with.
pub struct EngineParts {
    /// Where the journal and the snapshots are.
    pub data_dir: PathBuf,
    /// Bounds and intervals.
    pub config: EngineConfig,
    /// The journal's settings.
    pub journal: JournalConfig,
    /// The snapshots' settings.
    pub snapshot: SnapshotConfig,
    /// Keys for codes and for telling whether the store belongs to them.
    pub keys: KeyRing,
    /// The clock.
    pub clock: SharedClock,
    /// Where measurements go.
    pub metrics: Metrics,
    /// How agents are called back; `None` leaves what they are to be told in the journal.
    pub callbacks: Option<Callbacks>,
}

/// How agents are called back.
pub struct Callbacks {
    /// Bounds and pauses.
    pub config: CallbackConfig,
    /// Who carries the notices.
    pub courier: Arc<dyn Courier>,
}

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal cannot be opened.
    #[error("journal: {0}")]
    Journal(#[from] LogError),
    /// The journal's thread cannot be started.
    #[error("journal: {0}")]
    Spawn(#[from] SpawnError),
    /// The snapshots cannot be opened.
    #[error("snapshots: {0}")]
    Snapshot(#[from] SnapshotError),
    /// The stored state cannot be recovered.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The store was written under other keys.
    #[error(
        "the data directory was written under other keys (data key {stored}, this one is {given}): \
         restore the key file or the environment's key"
    )]
    OtherKeys {
        /// Fingerprint in the store.
        stored: String,
        /// Fingerprint of the keys given.
        given: String,
    },
    /// The snapshots know of records that the journal no longer has: acknowledged orders are lost.
    #[error(
        "the snapshots include record {known}, the journal ends at {last}: the journal has lost \
         records. Restore it; or delete the snapshots to start from what it still has"
    )]
    JournalBehind {
        /// The last record the snapshots include.
        known: Lsn,
        /// The last record of the journal.
        last: Lsn,
    },
    /// A file beside the journal cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// A running engine. [`Engine::stop`] it: dropping it leaves what is not saved to the next start.
pub struct Engine {
    handle: EngineHandle,
    journal: Journal<Record>,
    snapshotter: Snapshotter,
    archivist: Archivist,
    arbiters: Vec<Arbiter>,
    /// The callbacks' thread.
    caller: Option<Arbiter>,
    /// What the start found.
    pub report: StartReport,
}

/// What the start found.
#[derive(Clone, Debug)]
pub struct StartReport {
    /// Whether nothing was stored yet.
    pub is_new: bool,
    /// Records read from the journal, beyond what the snapshots had.
    pub records: u64,
    /// The position after the last record.
    pub next_lsn: Lsn,
    /// Whether a torn tail was cut off the journal.
    pub tail_cut: bool,
    /// Why the snapshots were rebuilt, if they were set aside.
    pub snapshots_rebuilt: Option<String>,
}

impl Engine {
    /// Opens what is stored, brings it up to date and starts the actors. Blocks until it is ready;
    /// call it inside an actix system.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(parts: EngineParts) -> Result<Self, StartError> {
        let EngineParts { data_dir, config, journal, snapshot, keys, clock, metrics, callbacks } =
            parts;
        check_keys(&data_dir, &keys)?;
        let (log, found) = SegmentLog::open(&journal_dir(&data_dir), &journal)?;
        let mint = Arc::new(keys.code_mint());
        let (store, mut recovered, snapshots_rebuilt) =
            open_snapshots(&log, &snapshot_dir(&data_dir), &keys, &snapshot)?;
        let report = StartReport {
            is_new: recovered.next_lsn == Lsn::ZERO.next(),
            records: recovered.records,
            next_lsn: recovered.next_lsn,
            tail_cut: matches!(found.tail, Tail::Torn(_)),
            snapshots_rebuilt,
        };

        let catalogue = CatalogueSlot::new(recovered.catalogue.clone());
        let routes: Routes = Arc::new(ArcSwap::from_pointee(HashMap::new()));
        let sinks = (0..config.partitions).map(|_| {
            let sink = Sink { routes: Arc::clone(&routes), catalogue: catalogue.clone() };
            Box::new(sink) as Box<dyn CommitSink<Record>>
        });
        let truncator = log.truncator();
        let journal = Journal::spawn(log, &journal, sinks.collect(), monotonic_nanos)?;
        let snapshotter = Snapshotter::resume(&store, &snapshot, take(&mut recovered.unsaved))
            .map_err(|error| StartError::Io { path: snapshot_dir(&data_dir), error })?;
        let arbiters: Vec<Arbiter> = (0..config.partitions).map(|_| Arbiter::new()).collect();

        let caller = callbacks.is_some().then(Arbiter::new);
        let request_keys = take(&mut recovered.request_keys);
        let directory = journal_dir(&data_dir);
        let rebuilder = Rebuilder {
            store,
            log: Arc::new(move || {
                let reader = SegmentReader::open(&directory)?;
                Ok(Box::new(Journalled(reader)) as Box<dyn JournalReader>)
            }),
        };
        let (store, archive_interval_ms) = (rebuilder.store.clone(), config.archive_interval_ms);
        let checkpoint_interval = Duration::from_millis(config.checkpoint_interval_ms);
        let gate = Gate::new(config.in_flight_max, config.in_flight_per_partner_max);
        let cold = ColdStore::new(snapshotter.handle(), rebuilder.store.clone(), Arc::clone(&mint));
        let handle = EngineHandle::new(Arc::new_cyclic(|inner| {
            let callbacks = callbacks.zip(caller.as_ref()).map(|(callbacks, caller)| {
                let parts = HubParts {
                    config: Arc::new(callbacks.config),
                    courier: callbacks.courier,
                    engine: inner.clone(),
                    catalogue: catalogue.clone(),
                    metrics: metrics.clone(),
                    tick_ms: config.tick_ms,
                };
                Hub::new(parts, caller.handle())
            });
            let suppliers = Suppliers {
                inner: inner.clone(),
                arbiters: arbiters.iter().map(Arbiter::handle).collect(),
                numbers: recovered.numbers,
                codes: recovered.codes,
                open: recovered.open,
                config,
                metrics,
                rebuilder,
                started: Mutex::new(()),
            };
            Inner {
                clock,
                catalogue,
                routes,
                lanes: ArcSwap::from_pointee(HashMap::new()),
                request_keys,
                sold_out: SoldOut::default(),
                gate,
                journal: journal.handle(),
                cold,
                mint,
                status: AtomicU8::new(STATUS_READY),
                catalogue_saved: tokio::sync::Mutex::new(CatalogueSaved::default()),
                callbacks: callbacks.unwrap_or_default(),
                start_supplier: Box::new(move |supplier| suppliers.start(supplier)),
            }
        }));
        if let Some(arbiter) = arbiters.first() {
            arbiter.spawn(keep_position(Arc::downgrade(&handle.0), checkpoint_interval));
        }
        let archivist = Archivist::start(truncator, store, archive_interval_ms)
            .map_err(|error| StartError::Io { path: journal_dir(&data_dir), error })?;
        for supplier in recovered.catalogue.suppliers() {
            (handle.0.start_supplier)(supplier.no);
        }
        Ok(Self { handle, journal, snapshotter, archivist, arbiters, caller, report })
    }

    /// A handle to share.
    #[must_use]
    pub fn handle(&self) -> EngineHandle {
        self.handle.clone()
    }

    /// Stops taking requests, lets those in flight end, saves everything and stops.
    pub async fn stop(self) {
        self.handle.0.status.store(STATUS_STOPPING, Ordering::Release);
        while self.handle.in_flight() > 0 && self.handle.0.journal.stopped().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let routes = self.handle.0.routes.load_full();
        let drains = routes.values().map(|orders| {
            let (sender, receiver) = oneshot::channel();
            orders.do_send(Drain(sender));
            receiver
        });
        for drained in drains.collect::<Vec<_>>() {
            // An actor that is gone has nothing to save that the journal does not have.
            let _ = drained.await;
        }
        for arbiter in self.arbiters.iter().chain(&self.caller) {
            arbiter.stop();
        }
        let Self { handle, journal, snapshotter, archivist, arbiters, caller, .. } = self;
        let stopping = tokio::task::spawn_blocking(move || {
            if let Err(error) = journal.shutdown() {
                tracing::error!(%error, "the journal had stopped before the engine did");
            }
            handle.save_catalogue();
            snapshotter.shutdown();
            archivist.stop();
            for arbiter in arbiters.into_iter().chain(caller) {
                let _ = arbiter.join();
            }
        });
        let _ = stopping.await;
    }
}

/// Saves from time to time up to where the catalogue has not changed: a start after a crash would read
/// the journal from there however much of it the suppliers have saved. Ends with the arbiter.
async fn keep_position(engine: Weak<Inner>, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(inner) = engine.upgrade() else { return };
        EngineHandle::new(inner).save_catalogue();
    }
}

/// Starts the actors of suppliers.
struct Suppliers {
    inner: Weak<Inner>,
    arbiters: Vec<ArbiterHandle>,
    numbers: BTreeMap<SupplierNo, u64>,
    codes: BTreeMap<u16, u64>,
    open: Vec<(OrderId, Open)>,
    config: EngineConfig,
    metrics: Metrics,
    rebuilder: Rebuilder,
    started: Mutex<()>,
}

impl Suppliers {
    /// Starts a supplier's actors on its partition's arbiter, unless they run already.
    fn start(&self, supplier: SupplierNo) {
        let Some(inner) = self.inner.upgrade() else { return };
        let _one_at_a_time = self.started.lock();
        if inner.routes.load().contains_key(&supplier) {
            return;
        }
        let partition = usize::from(supplier.get()) % self.arbiters.len();
        let lane_no = lane_entry(supplier);
        let mut lanes = HashMap::clone(&inner.lanes.load());
        let lane = lanes.entry(lane_no).or_insert_with(|| Lane {
            last_code: Arc::new(AtomicU64::new(self.codes.get(&lane_no).copied().unwrap_or(0))),
            vouchers: Vec::new(),
        });
        let is_own = |(order, _): &&(OrderId, Open)| {
            crate::engine::ids::supplier_of(order.get()) == supplier
        };
        let context = OrderContext {
            supplier,
            supplier_id: inner
                .catalogue
                .load()
                .supplier(supplier)
                .map_or_else(|| supplier.to_string().into(), |supplier| supplier.id.clone()),
            partition: PartitionNo::new(u16::try_from(partition).unwrap_or(0)),
            lane: (lane_of(supplier), Arc::clone(&lane.last_code)),
            config: self.config.clone(),
            clock: Arc::clone(&inner.clock),
            catalogue: inner.catalogue.clone(),
            journal: inner.journal.clone(),
            cold: inner.cold.clone(),
            request_keys: inner.request_keys.clone(),
            mint: Arc::clone(&inner.mint),
            metrics: self.metrics.clone(),
            callbacks: inner.callbacks.clone(),
            rebuilder: self.rebuilder.clone(),
            numbers: self.numbers.get(&supplier).copied().unwrap_or(0),
            open: self.open.iter().filter(is_own).copied().collect(),
        };
        let arbiter = &self.arbiters[partition];
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let orders = OrderActor::start_in_arbiter(arbiter, move |ctx| {
            let actor = OrderActor::new(context, ctx);
            let _ = sender.send(actor.vouchers());
            actor
        });
        // The arbiter has nothing else to do for a supplier nobody can reach yet.
        let Ok(vouchers) = receiver.recv() else { return };
        lane.vouchers.push(vouchers);
        inner.lanes.store(Arc::new(lanes));
        let mut routes = HashMap::clone(&inner.routes.load());
        routes.insert(supplier, orders);
        inner.routes.store(Arc::new(routes));
        // Only now can their orders be found.
        for (order, open) in self.open.iter().filter(is_own) {
            if let Some(agent) = open.notices {
                inner.callbacks.queued(agent, *order);
            }
        }
    }
}

/// The journal as recovery reads it.
pub(crate) struct Journalled<T>(pub(crate) T);

impl JournalReader for Journalled<&SegmentLog> {
    fn first_lsn(&self) -> Result<Lsn, RecoveryError> {
        Ok(self.0.first_lsn()?)
    }

    fn read_from(
        &self,
        from: Lsn,
        visit: &mut dyn FnMut(journal::Entry<'_>) -> Result<(), RecoveryError>,
    ) -> Result<Lsn, RecoveryError> {
        self.0.read_from(from, visit)
    }
}

impl JournalReader for Journalled<SegmentReader> {
    fn first_lsn(&self) -> Result<Lsn, RecoveryError> {
        Ok(self.0.first_lsn()?)
    }

    fn read_from(
        &self,
        from: Lsn,
        visit: &mut dyn FnMut(journal::Entry<'_>) -> Result<(), RecoveryError>,
    ) -> Result<Lsn, RecoveryError> {
        Ok(self.0.read_from(from, visit)?.next)
    }
}

/// Opens the snapshots and brings them up to the journal's end. Snapshots that are damaged or do not
/// fit the journal are set aside and rebuilt from it; a journal that has lost records is refused.
fn open_snapshots(
    log: &SegmentLog,
    dir: &Path,
    keys: &KeyRing,
    config: &SnapshotConfig,
) -> Result<(SnapshotStore, Recovered, Option<String>), StartError> {
    let stamp = snapshot_stamp(log.store_id(), &keys.fingerprint());
    let Opened { store, outcome } = SnapshotStore::open(dir, &stamp, config)?;
    let set_aside = match outcome {
        Outcome::SetAside { why, .. } => Some(why.to_string()),
        Outcome::Fresh | Outcome::Existing => None,
    };
    let last = log.next_lsn().get() - 1;
    let known = store.watermarks().into_values().max().unwrap_or(Lsn::ZERO);
    if known.get() > last {
        return Err(StartError::JournalBehind { known, last: Lsn::new(last) });
    }
    let unfit = match recovery::recover(&Journalled(log), &store) {
        Ok(recovered) => return Ok((store, recovered, set_aside)),
        // Records are what they are; entities can be made anew from them.
        Err(error @ RecoveryError::Record { .. }) => return Err(error.into()),
        Err(error) => error.to_string(),
    };
    tracing::warn!(why = %unfit, "rebuilding the snapshots from the journal");
    store.condemn(&unfit)?;
    drop(store);
    let Opened { store, .. } = SnapshotStore::open(dir, &stamp, config)?;
    let recovered = recovery::recover(&Journalled(log), &store)?;
    Ok((store, recovered, Some(unfit)))
}

/// Refuses a data directory that was written under other keys: its codes would not be found and its
/// people would be counted anew.
fn check_keys(data_dir: &Path, keys: &KeyRing) -> Result<(), StartError> {
    let path = data_dir.join(KEY_STAMP);
    let io = |error| StartError::Io { path: path.clone(), error };
    let given = keys.fingerprint();
    match std::fs::read_to_string(&path) {
        Ok(stored) if stored.trim() == given => Ok(()),
        Ok(stored) => Err(StartError::OtherKeys { stored: stored.trim().to_owned(), given }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(data_dir).map_err(io)?;
            std::fs::write(&path, format!("{given}\n")).map_err(io)
        }
        Err(error) => Err(io(error)),
    }
}
