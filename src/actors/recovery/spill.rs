//! Writes what the tail has made to the snapshots, on a thread of its own, while the tail goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use hashbrown::HashMap;

use crate::actors::request_keys::RequestKeys;
use crate::actors::runs;
use crate::actors::stored::{Known, Open, put, save_order, save_voucher};
use crate::domain::order::Order;
use crate::domain::voucher::Voucher;
use crate::engine::state::{State, Tracked};
use crate::schema;
use crate::snapshot::{EntityKind, Put, Removals, SnapshotError, SnapshotStore};
use crate::types::{Lsn, OrderId};

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
    pub(super) removals: Removals,
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

    /// The request keys, to which others may add.
    pub(super) fn request_keys(&self) -> RequestKeys {
        self.spilled.request_keys.clone()
    }

    /// Writes until there is no more.
    pub(super) fn run(mut self, spills: &Receiver<Arc<Spill>>) -> Result<Spilled, SnapshotError> {
        for spill in spills {
            self.write(&spill)?;
        }
        Ok(self.spilled)
    }

    fn write(&mut self, spill: &Spill) -> Result<(), SnapshotError> {
        let Spilled { open, request_keys, removals } = &mut self.spilled;
        // Neighbours are written together.
        let mut orders: Vec<_> = spill.orders.iter().collect();
        orders.sort_unstable_by_key(|(id, _)| **id);
        self.store.fill(removals, |sink| {
            for (_, Tracked { value: order, lsn }) in orders {
                let noted = match Open::of(order) {
                    Some(note) => open.insert(order.id, note).is_some(),
                    None => open.remove(&order.id).is_some(),
                };
                // Whether its request key is known, nobody here knows.
                let known = Known { noted, keyed: false };
                if let Some(key) = save_order(order, *lsn, known, sink) {
                    request_keys.set_order(key, order.id);
                }
            }
            for (voucher, lsn) in &spill.vouchers {
                save_voucher(voucher, *lsn, sink);
            }
            spill.shared.iter().for_each(|put| sink.put_encoded(put));
        })?;
        for Put { kind, key, .. } in &spill.shared {
            if matches!(kind, EntityKind::Slot | EntityKind::Limit) {
                removals.extend(runs::superseded(self.store, *kind, key)?);
            }
        }
        Ok(())
    }
}
