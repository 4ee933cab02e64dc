//! Writes what the tail has made to the snapshots, on a thread of its own, while the tail goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossbeam_channel::Receiver;
use hashbrown::HashMap;

use crate::actors::request_keys::RequestKeys;
use crate::actors::runs;
use crate::actors::stored::{Known, Open, order_puts, put, voucher_put};
use crate::domain::order::Order;
use crate::domain::voucher::Voucher;
use crate::engine::state::{State, Tracked};
use crate::schema;
use crate::snapshot::{EntityKind, Put, Removal, SnapshotError, SnapshotStore};
use crate::types::{Lsn, OrderId};

/// Entities in one write to the snapshots.
const PUTS: usize = 4096;

/// A part of the state on its way to the snapshots. Until it is there the tail still finds its orders
/// here.
#[derive(Debug, Default)]
pub(super) struct Spill {
    pub(super) orders: HashMap<OrderId, Tracked<Order>>,
    pub(super) vouchers: Vec<(Voucher, Lsn)>,
    /// Slots, pools, limits and accounts.
    pub(super) shared: Vec<Put>,
}

impl Spill {
    /// Takes orders out of `state`, and with `everything` the rest but the catalogue.
    pub(super) fn take(state: &mut State, vouchers: Vec<(Voucher, Lsn)>, everything: bool) -> Self {
        let mut spill =
            Self { orders: std::mem::take(&mut state.orders), vouchers, shared: Vec::new() };
        if everything {
            spill.shared.extend(state.slots.drain().map(|(key, slot)| {
                let encode = |out: &mut Vec<u8>| schema::encode_slot(&slot.value, out);
                put(EntityKind::Slot, schema::slot_key(key).into(), slot.lsn, encode)
            }));
            spill.shared.extend(state.pools.drain().map(|(key, pool)| {
                let encode = |out: &mut Vec<u8>| schema::encode_pool(&pool.value, out);
                put(EntityKind::Pool, schema::pool_key(key).into(), pool.lsn, encode)
            }));
            spill.shared.extend(state.limits.drain().map(|(key, limit)| {
                let encode = |out: &mut Vec<u8>| schema::encode_limit(&limit.value, out);
                put(EntityKind::Limit, schema::limit_key(key).into(), limit.lsn, encode)
            }));
            spill.shared.extend(state.accounts.drain().map(|(key, account)| {
                let encode = |out: &mut Vec<u8>| schema::encode_account(&account.value, out);
                put(EntityKind::Account, schema::account_key(key).into(), account.lsn, encode)
            }));
        }
        spill
    }
}

/// What is known of everything that was written.
#[derive(Debug, Default)]
pub(super) struct Spilled {
    /// Orders of which something is still to come.
    pub(super) open: BTreeMap<OrderId, Open>,
    /// Request keys and their orders.
    pub(super) request_keys: RequestKeys,
    /// Entities to be removed.
    pub(super) removals: BTreeSet<Removal>,
}

/// The thread's work.
pub(super) struct Spiller<'a> {
    store: &'a SnapshotStore,
    spilled: Spilled,
}

impl<'a> Spiller<'a> {
    pub(super) fn new(store: &'a SnapshotStore, spilled: Spilled) -> Self {
        Self { store, spilled }
    }

    /// Writes until there is no more.
    pub(super) fn run(mut self, spills: &Receiver<Arc<Spill>>) -> Result<Spilled, SnapshotError> {
        let mut puts = Vec::with_capacity(PUTS + 8);
        for spill in spills {
            self.write(&spill, &mut puts)?;
        }
        Ok(self.spilled)
    }

    fn write(&mut self, spill: &Spill, puts: &mut Vec<Put>) -> Result<(), SnapshotError> {
        let Spilled { open, request_keys, removals } = &mut self.spilled;
        // Neighbours are written together.
        let mut orders: Vec<_> = spill.orders.iter().collect();
        orders.sort_unstable_by_key(|(id, _)| **id);
        for (_, Tracked { value: order, lsn }) in orders {
            let noted = match Open::of(order) {
                Some(note) => open.insert(order.id, note).is_some(),
                None => open.remove(&order.id).is_some(),
            };
            // Whether its request key is known, nobody here knows.
            let known = Known { noted, keyed: false };
            if let Some(key) = order_puts(order, *lsn, known, puts, removals) {
                request_keys.set_order(key, order.id);
            }
            write_if_full(self.store, puts)?;
        }
        for (voucher, lsn) in &spill.vouchers {
            puts.push(voucher_put(voucher, *lsn));
            write_if_full(self.store, puts)?;
        }
        self.store.write(puts)?;
        puts.clear();
        self.store.write(&spill.shared)?;
        for Put { kind, key, .. } in &spill.shared {
            if matches!(kind, EntityKind::Slot | EntityKind::Limit) {
                removals.extend(runs::superseded(self.store, *kind, key)?);
            }
        }
        Ok(())
    }
}

fn write_if_full(store: &SnapshotStore, puts: &mut Vec<Put>) -> Result<(), SnapshotError> {
    if puts.len() >= PUTS {
        store.write(puts)?;
        puts.clear();
    }
    Ok(())
}
