//! Entities as the snapshots keep them: keys and payloads, nothing about when they are written.

use std::collections::BTreeSet;

use crate::actors::request_keys::KeyFingerprint;
use crate::domain::catalogue::Catalogue;
use crate::domain::order::{Order, OrderState};
use crate::domain::voucher::Voucher;
use crate::engine::ids::supplier_of;
use crate::schema;
use crate::snapshot::{EntityKind, Key, Put, Removal, Sink};
use crate::types::{AgentNo, Lsn, OrderId, PartitionNo, SupplierNo, TicketId, UnixMillis};
use crate::vault::PARTITIONS_MAX;

/// An entity with the payload that `encode` writes.
pub(super) fn put(kind: EntityKind, key: Key, lsn: Lsn, encode: impl FnOnce(&mut Vec<u8>)) -> Put {
    let mut payload = Vec::new();
    encode(&mut payload);
    Put { kind, key, schema: SCHEMA, lsn, payload }
}

/// Version noted beside every entity; payloads carry it as well.
pub(super) const SCHEMA: u8 = 1;

/// Bits of a voucher's number within its lane.
const NUMBER_BITS: u32 = 48;

/// Key of a voucher: its lane and number, so that vouchers issued one after the other are neighbours.
pub(super) fn voucher_key(lane: PartitionNo, number: u64) -> [u8; 8] {
    ((u64::from(lane.get()) << NUMBER_BITS) | number).to_be_bytes()
}

/// Saves a voucher.
pub(super) fn save_voucher(voucher: &Voucher, lsn: Lsn, sink: &mut Sink<'_>) {
    let lane = lane_of(supplier_of(voucher.ticket.get()));
    let key = voucher_key(lane, voucher.number);
    let encode = |out: &mut Vec<u8>| schema::encode_voucher(voucher, out);
    sink.put(EntityKind::Voucher, &key, (SCHEMA, lsn), encode);
}

/// Lane of a supplier's voucher codes. Suppliers far apart share one; a lane only keeps codes apart.
#[must_use]
pub(crate) fn lane_of(supplier: SupplierNo) -> PartitionNo {
    PartitionNo::new(supplier.get() % PARTITIONS_MAX)
}

/// What the snapshots may have of an order already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Whether they may have a note that something is still to come of it.
    pub(super) noted: bool,
    /// Whether they have its request key, which never changes.
    pub(super) keyed: bool,
}

/// Saves an order, its request key unless that is known, which of its tickets were used, and the note that
/// something is still to come of it (it is unpaid, or its agent is to be told something); takes the note
/// away if there no longer is and it may have been noted before. Returns the request key unless it was
/// known.
pub(super) fn save_order(
    order: &Order,
    lsn: Lsn,
    known: Known,
    sink: &mut Sink<'_>,
) -> Option<KeyFingerprint> {
    let (key, version) = (schema::order_key(order.id), (SCHEMA, lsn));
    sink.put(EntityKind::Order, &key, version, |out| schema::encode_order(order, out));
    let request_key = order.request_key.as_ref().filter(|_| !known.keyed);
    let request_key = request_key.map(|key| KeyFingerprint::new(order.agent, key));
    if let Some(fingerprint) = request_key {
        let fingerprint = fingerprint.to_bytes();
        sink.put(EntityKind::RequestKey, &key, version, |out| out.extend_from_slice(&fingerprint));
    }
    if !order.redemptions.is_empty() {
        let uses = order.redemptions.iter().flat_map(|redemption| &redemption.uses);
        let used: BTreeSet<u16> = uses.map(|used| used.ticket).collect();
        for ticket in used.into_iter().filter_map(|at| order.tickets.get(usize::from(at))) {
            let id = order.id.get().to_be_bytes();
            let encode = |out: &mut Vec<u8>| out.extend_from_slice(&id);
            sink.put(EntityKind::Ticket, &ticket_key(ticket.id), version, encode);
        }
    }
    if let Some(open) = Open::of(order) {
        sink.put(EntityKind::Open, &key, version, |out| out.extend_from_slice(&open.encode()));
    } else if known.noted {
        sink.remove(Removal { kind: EntityKind::Open, key: key.into() });
    }
    request_key
}

/// What is still to come of an order, as a start must know without reading the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// When its places go back, if it is unpaid.
    pub expires_at: Option<UnixMillis>,
    /// The agent that is to be told something, if it is.
    pub notices: Option<AgentNo>,
}

impl Open {
    /// `None` for an order of which nothing is to come by itself.
    pub(super) fn of(order: &Order) -> Option<Self> {
        let expires_at = match order.state {
            OrderState::Held { expires_at } => Some(expires_at),
            _ => None,
        };
        let notices = (!order.notices.is_empty()).then_some(order.agent);
        let is_open = expires_at.is_some() || notices.is_some();
        is_open.then_some(Self { expires_at, notices })
    }

    fn encode(self) -> Vec<u8> {
        let at = self.expires_at.map_or(i64::MAX, UnixMillis::get);
        let mut bytes = at.to_be_bytes().to_vec();
        bytes.extend(self.notices.into_iter().flat_map(|agent| agent.get().to_be_bytes()));
        bytes
    }

    /// Reads a note: the order and what is to come of it.
    pub(super) fn decode(key: &[u8], payload: &[u8]) -> Option<(OrderId, Self)> {
        let order = schema::decode_order_key(key).ok()?;
        let (at, notices) = payload.split_first_chunk::<8>()?;
        let at = i64::from_be_bytes(*at);
        let expires_at = (at != i64::MAX).then(|| UnixMillis::new(at));
        let notices = <[u8; 4]>::try_from(notices).ok();
        let notices = notices.map(|agent| AgentNo::new(u32::from_be_bytes(agent)));
        Some((order, Self { expires_at, notices }))
    }
}

/// Key under which a used ticket's order is found.
pub(super) fn ticket_key(ticket: TicketId) -> Key {
    ticket.get().to_be_bytes().into()
}

/// A supplier's positions in its numbers and in its lane of voucher codes.
pub(super) fn sequence_put(supplier: SupplierNo, numbers: u64, last_code: u64, lsn: Lsn) -> Put {
    put(EntityKind::Sequence, supplier.get().to_be_bytes().into(), lsn, |out| {
        out.extend_from_slice(&numbers.to_be_bytes());
        out.extend_from_slice(&last_code.to_be_bytes());
    })
}

/// Reads what [`sequence_put`] wrote: supplier, numbers, last code.
pub(super) fn decode_sequence(key: &[u8], payload: &[u8]) -> Option<(SupplierNo, u64, u64)> {
    let supplier = SupplierNo::new(u16::from_be_bytes(key.try_into().ok()?));
    let (numbers, code) = payload.split_first_chunk::<8>()?;
    let code = u64::from_be_bytes(code.try_into().ok()?);
    Some((supplier, u64::from_be_bytes(*numbers), code))
}

/// The catalogue.
pub(super) fn catalogue_put(catalogue: &Catalogue, lsn: Lsn) -> Put {
    put(EntityKind::Catalogue, Box::default(), lsn, |out| schema::encode_catalogue(catalogue, out))
}

/// Reads what [`save_order`] wrote about a request key.
pub(super) fn decode_request_key(key: &[u8], payload: &[u8]) -> Option<(KeyFingerprint, OrderId)> {
    let order = schema::decode_order_key(key).ok()?;
    Some((KeyFingerprint::from_bytes(payload.try_into().ok()?), order))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::order::{Notice, NoticeKind};
    use crate::engine::fixture::{Ledger, draft, line};
    use crate::snapshot::{Opened, Removals, SnapshotConfig, SnapshotStore, Stamp};

    /// An order may be taken twice into one batch. Before this was seen to, a notice that came after the
    /// last one was settled lost its note, and a start did not find it.
    #[test]
    fn a_note_written_after_it_was_taken_away_in_one_batch_stays() {
        let mut ledger = Ledger::new();
        let id = ledger.sell("key", &draft(vec![line("P-DAY", 1)]));
        let settled = ledger.state.orders[&id].value.clone();
        let mut told = settled.clone();
        let at = UnixMillis::new(1);
        told.notices.push(Notice { no: 3, kind: NoticeKind::Consumed, at, about: 7 });
        let root = tempfile::tempdir().unwrap();
        let stamp = Stamp::new().with("store", 1);
        let Opened { store, .. } =
            SnapshotStore::open(root.path(), &stamp, &SnapshotConfig::default()).unwrap();
        let mut removals = Removals::default();
        let known = |noted| Known { noted, keyed: true };
        let save = |sink: &mut Sink<'_>| {
            save_order(&settled, Lsn::new(2), known(true), sink);
            save_order(&told, Lsn::new(3), known(false), sink);
        };
        store.fill(&mut removals, save).unwrap();
        assert!(removals.is_empty());
        assert!(store.get(EntityKind::Open, &schema::order_key(id)).unwrap().is_some());
        let settle = |sink: &mut Sink<'_>| {
            save_order(&settled, Lsn::new(4), known(true), sink);
        };
        store.fill(&mut removals, settle).unwrap();
        assert_eq!(removals.into_list().len(), 1, "and one taken away after it was written goes");
    }

    #[test]
    fn a_note_says_what_is_still_to_come() {
        let order = OrderId::new(7);
        for expires_at in [None, Some(UnixMillis::new(-1)), Some(UnixMillis::new(1))] {
            for notices in [None, Some(AgentNo::new(0)), Some(AgentNo::new(u32::MAX))] {
                let open = Open { expires_at, notices };
                let decoded = Open::decode(&schema::order_key(order), &open.encode());
                assert_eq!(decoded, Some((order, open)));
            }
        }
        assert_eq!(Open::decode(b"other", &[0; 8]), None);
        assert_eq!(Open::decode(&schema::order_key(order), &[0; 7]), None);
    }
}
