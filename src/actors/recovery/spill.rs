//! Writes what the tail has made to the snapshots, on a thread of its own, while the tail goes on.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crossbeam_channel::Receiver;
use hashbrown::HashMap;

use crate::actors::runs;
use crate::actors::stored::{Known, Open, order_puts, put, voucher_put};
use crate::domain::order::Order;
use crate::domain::voucher::Voucher;
use crate::engine::state::{State, Tracked};
use crate::schema;
use crate::snapshot::{EntityKind, Put, SnapshotError, SnapshotStore};
use crate::types::{OrderId, VoucherCode};
use crate::vault::CodeMint;

/// Entities in one write to the snapshots.
const PUTS: usize = 4096;

/// A part of the state on its way to the snapshots. Until it is there the tail still finds its orders
/// here.
#[derive(Debug, Default)]
pub(super) struct Spill {
    pub(super) orders: HashMap<OrderId, Tracked<Order>>,
    pub(super) vouchers: HashMap<VoucherCode, Tracked<Voucher>>,
    /// Slots, pools, limits and accounts.
    pub(super) shared: Vec<Put>,
}

impl Spill {
    /// Takes orders and vouchers out of `state`, and with `everything` the rest but the catalogue.
    pub(super) fn take(state: &mut State, everything: bool) -> Self {
        let mut spill = Self {
            orders: std::mem::take(&mut state.orders),
            vouchers: std::mem::take(&mut state.vouchers),
            shared: Vec::new(),
        };
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

/// The thread's work.
pub(super) struct Spiller<'a> {
    store: &'a SnapshotStore,
    mint: Option<&'a CodeMint>,
    /// Orders that the snapshots may have a note of: something was still to come of them.
    noted: HashSet<OrderId>,
    /// Last voucher number written, by lane.
    codes: BTreeMap<u16, u64>,
}

impl<'a> Spiller<'a> {
    pub(super) fn new(
        store: &'a SnapshotStore,
        mint: Option<&'a CodeMint>,
        noted: HashSet<OrderId>,
    ) -> Self {
        Self { store, mint, noted, codes: BTreeMap::new() }
    }

    /// Writes until there is no more; says what voucher numbers it has met last, by lane.
    pub(super) fn run(
        mut self,
        spills: &Receiver<Arc<Spill>>,
    ) -> Result<BTreeMap<u16, u64>, SnapshotError> {
        for spill in spills {
            self.write(&spill)?;
        }
        Ok(self.codes)
    }

    fn write(&mut self, spill: &Spill) -> Result<(), SnapshotError> {
        let (mut puts, mut removals) =
            (Vec::with_capacity(PUTS + 8), std::collections::BTreeSet::new());
        // Neighbours are written together.
        let mut orders: Vec<_> = spill.orders.values().collect();
        orders.sort_unstable_by_key(|order| order.value.id);
        for Tracked { value: order, lsn } in orders {
            let noted = self.noted.remove(&order.id);
            if Open::of(order).is_some() {
                self.noted.insert(order.id);
            }
            // Whether its request key is known, nobody here knows.
            let known = Known { noted, keyed: false };
            order_puts(order, *lsn, known, &mut puts, &mut removals);
            self.write_if_full(&mut puts)?;
        }
        let mut vouchers: Vec<_> = spill.vouchers.values().collect();
        vouchers.sort_unstable_by_key(|voucher| voucher.value.ticket);
        for Tracked { value: voucher, lsn } in vouchers {
            if let Some((lane, n)) = self.mint.and_then(|mint| mint.locate(voucher.code)) {
                let last = self.codes.entry(lane.get()).or_default();
                *last = n.max(*last);
                puts.push(voucher_put(voucher, *lsn, Some((lane, n))));
            } else {
                puts.push(voucher_put(voucher, *lsn, None));
            }
            self.write_if_full(&mut puts)?;
        }
        self.store.write(&puts)?;
        self.store.write(&spill.shared)?;
        for Put { kind, key, .. } in &spill.shared {
            if matches!(kind, EntityKind::Slot | EntityKind::Limit) {
                removals.extend(runs::superseded(self.store, *kind, key)?);
            }
        }
        if !removals.is_empty() {
            let removals: Vec<_> = removals.into_iter().collect();
            self.store.checkpoint(&[], &removals)?;
        }
        Ok(())
    }

    fn write_if_full(&self, puts: &mut Vec<Put>) -> Result<(), SnapshotError> {
        if puts.len() >= PUTS {
            self.store.write(puts)?;
            puts.clear();
        }
        Ok(())
    }
}
