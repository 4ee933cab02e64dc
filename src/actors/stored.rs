//! Entities as the snapshots keep them: keys and payloads, nothing about when they are written.

use std::collections::BTreeSet;

use crate::actors::request_keys::KeyFingerprint;
use crate::domain::catalogue::Catalogue;
use crate::domain::order::{Order, OrderState};
use crate::domain::voucher::Voucher;
use crate::engine::ids::supplier_of;
use crate::schema;
use crate::snapshot::{EntityKind, Key, Put, Removal};
use crate::types::{AgentNo, Lsn, OrderId, PartitionNo, SupplierNo, TicketId, UnixMillis};
use crate::vault::PARTITIONS_MAX;

/// Bytes that an order of few lines takes.
const ORDER_ROOM: usize = 512;
/// Bytes that anything else takes, if it is small.
const ROOM: usize = 64;

/// An entity with the payload that `encode` writes.
pub(super) fn put(kind: EntityKind, key: Key, lsn: Lsn, encode: impl FnOnce(&mut Vec<u8>)) -> Put {
    let mut payload = Vec::with_capacity(match kind {
        EntityKind::Order => ORDER_ROOM,
        _ => ROOM,
    });
    encode(&mut payload);
    Put { kind, key, schema: SCHEMA, lsn, payload }
}

/// Version noted beside every entity; payloads carry it as well.
pub(super) const SCHEMA: u8 = 1;

/// Bits of a voucher's number within its lane.
const NUMBER_BITS: u32 = 48;

/// Key of a voucher: its lane and number, so that vouchers issued one after the other are neighbours.
pub(super) fn voucher_key(lane: PartitionNo, number: u64) -> Key {
    ((u64::from(lane.get()) << NUMBER_BITS) | number).to_be_bytes().into()
}

/// A voucher.
pub(super) fn voucher_put(voucher: &Voucher, lsn: Lsn) -> Put {
    let lane = lane_of(supplier_of(voucher.ticket.get()));
    let key = voucher_key(lane, voucher.number);
    put(EntityKind::Voucher, key, lsn, |out| schema::encode_voucher(voucher, out))
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

/// An order, its request key unless that is known, which of its tickets were used, and the note that
/// something is still to come of it (it is unpaid, or its agent is to be told something), or no longer
/// is if it may have been noted as such before. Returns the request key unless it was known.
pub(super) fn order_puts(
    order: &Order,
    lsn: Lsn,
    known: Known,
    puts: &mut Vec<Put>,
    removals: &mut BTreeSet<Removal>,
) -> Option<KeyFingerprint> {
    let key = schema::order_key(order.id).into();
    puts.push(put(EntityKind::Order, key, lsn, |out| schema::encode_order(order, out)));
    let request_key = order.request_key.as_ref().filter(|_| !known.keyed);
    let request_key = request_key.map(|key| KeyFingerprint::new(order.agent, key));
    if let Some(fingerprint) = request_key {
        let key = schema::order_key(order.id).into();
        let fingerprint = fingerprint.to_bytes();
        puts.push(put(EntityKind::RequestKey, key, lsn, |out| out.extend_from_slice(&fingerprint)));
    }
    let uses = order.redemptions.iter().flat_map(|redemption| &redemption.uses);
    let used: BTreeSet<u16> = uses.map(|used| used.ticket).collect();
    for ticket in used.into_iter().filter_map(|at| order.tickets.get(usize::from(at))) {
        let id = order.id.get().to_be_bytes();
        let key = ticket_key(ticket.id);
        puts.push(put(EntityKind::Ticket, key, lsn, |out| out.extend_from_slice(&id)));
    }
    let key: Key = schema::order_key(order.id).into();
    if let Some(open) = Open::of(order) {
        let payload = open.encode();
        // A batch removes after it has written: a note that an earlier slice of it takes away must not
        // take this one with it.
        removals.remove(&Removal { kind: EntityKind::Open, key: key.clone() });
        puts.push(put(EntityKind::Open, key, lsn, |out| out.extend_from_slice(&payload)));
    } else if known.noted {
        removals.insert(Removal { kind: EntityKind::Open, key });
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

/// Reads what [`order_puts`] wrote about a request key.
pub(super) fn decode_request_key(key: &[u8], payload: &[u8]) -> Option<(KeyFingerprint, OrderId)> {
    let order = schema::decode_order_key(key).ok()?;
    Some((KeyFingerprint::from_bytes(payload.try_into().ok()?), order))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::order::{Notice, NoticeKind};
    use crate::engine::fixture::{Ledger, draft, line};

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
        let (mut puts, mut removals) = (Vec::new(), BTreeSet::new());
        let known = |noted| Known { noted, keyed: true };
        order_puts(&settled, Lsn::new(2), known(true), &mut puts, &mut removals);
        assert_eq!(removals.len(), 1);
        order_puts(&told, Lsn::new(3), known(false), &mut puts, &mut removals);
        assert!(removals.is_empty() && puts.iter().any(|put| put.kind == EntityKind::Open));
        order_puts(&settled, Lsn::new(4), known(true), &mut puts, &mut removals);
        assert_eq!(removals.len(), 1, "and one taken away after it was written goes");
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
