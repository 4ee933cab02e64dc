//! Entities as the snapshots keep them: keys and payloads, nothing about when they are written.

use std::collections::BTreeSet;

use crate::domain::catalogue::Catalogue;
use crate::domain::order::{Order, OrderState};
use crate::domain::voucher::Voucher;
use crate::schema;
use crate::snapshot::{EntityKind, Key, Put, Removal};
use crate::types::{AgentNo, Lsn, OrderId, RequestKey, SupplierNo, TicketId, UnixMillis};

/// Prefix of the notes about orders of which something is still to come.
pub(super) const OPEN_PREFIX: &[u8] = b"open/";

/// An entity with the payload that `encode` writes.
pub(super) fn put(kind: EntityKind, key: Key, lsn: Lsn, encode: impl FnOnce(&mut Vec<u8>)) -> Put {
    let mut payload = Vec::new();
    encode(&mut payload);
    Put { kind, key, schema: SCHEMA, lsn, payload }
}

/// Version noted beside every entity; payloads carry it as well.
pub(super) const SCHEMA: u8 = 1;

/// A voucher.
pub(super) fn voucher_put(voucher: &Voucher, lsn: Lsn) -> Put {
    let key = schema::voucher_key(voucher.code).into();
    put(EntityKind::Voucher, key, lsn, |out| schema::encode_voucher(voucher, out))
}

/// An order, its request key, which of its tickets were used, and the note that something is still to
/// come of it (it is unpaid, or its agent is to be told something), or no longer is if it may have been
/// `noted` as such before.
pub(super) fn order_puts(
    order: &Order,
    lsn: Lsn,
    noted: bool,
    puts: &mut Vec<Put>,
    removals: &mut BTreeSet<Removal>,
) {
    let key = schema::order_key(order.id).into();
    puts.push(put(EntityKind::Order, key, lsn, |out| schema::encode_order(order, out)));
    if let Some(key) = &order.request_key {
        let key = request_key_key(order.agent, key);
        let id = order.id.get().to_be_bytes();
        puts.push(put(EntityKind::RequestKey, key, lsn, |out| out.extend_from_slice(&id)));
    }
    for used in order.redemptions.iter().flat_map(|redemption| &redemption.uses) {
        if let Some(ticket) = order.tickets.get(usize::from(used.ticket)) {
            let id = order.id.get().to_be_bytes();
            let key = ticket_key(ticket.id);
            puts.push(put(EntityKind::Ticket, key, lsn, |out| out.extend_from_slice(&id)));
        }
    }
    let key = open_key(order.id);
    if let Some(open) = Open::of(order) {
        let payload = open.encode();
        // A batch removes after it has written: a note that an earlier slice of it takes away must not
        // take this one with it.
        removals.remove(&Removal { kind: EntityKind::Meta, key: key.clone() });
        puts.push(put(EntityKind::Meta, key, lsn, |out| out.extend_from_slice(&payload)));
    } else if noted {
        removals.insert(Removal { kind: EntityKind::Meta, key });
    }
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
        let order = <[u8; 8]>::try_from(key.strip_prefix(OPEN_PREFIX)?).ok()?;
        let (at, notices) = payload.split_first_chunk::<8>()?;
        let at = i64::from_be_bytes(*at);
        let expires_at = (at != i64::MAX).then(|| UnixMillis::new(at));
        let notices = <[u8; 4]>::try_from(notices).ok();
        let notices = notices.map(|agent| AgentNo::new(u32::from_be_bytes(agent)));
        Some((OrderId::new(u64::from_be_bytes(order)), Self { expires_at, notices }))
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

/// Key under which an agent's request key is found.
fn request_key_key(agent: AgentNo, key: &RequestKey) -> Key {
    let mut bytes = agent.get().to_be_bytes().to_vec();
    bytes.extend_from_slice(key.as_str().as_bytes());
    bytes.into()
}

/// Reads what [`order_puts`] wrote about a request key.
pub(super) fn decode_request_key(
    key: &[u8],
    payload: &[u8],
) -> Option<(AgentNo, RequestKey, OrderId)> {
    let (agent, key) = key.split_first_chunk::<4>()?;
    let key = RequestKey::new(std::str::from_utf8(key).ok()?).ok()?;
    let order = OrderId::new(u64::from_be_bytes(payload.try_into().ok()?));
    Some((AgentNo::new(u32::from_be_bytes(*agent)), key, order))
}

/// Key of the note that something is still to come of an order.
fn open_key(order: OrderId) -> Key {
    let mut key = OPEN_PREFIX.to_vec();
    key.extend_from_slice(&order.get().to_be_bytes());
    key.into()
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
        order_puts(&settled, Lsn::new(2), true, &mut puts, &mut removals);
        assert_eq!(removals.len(), 1);
        order_puts(&told, Lsn::new(3), false, &mut puts, &mut removals);
        assert!(removals.is_empty() && puts.iter().any(|put| put.key == open_key(id)));
        order_puts(&settled, Lsn::new(4), true, &mut puts, &mut removals);
        assert_eq!(removals.len(), 1, "and one taken away after it was written goes");
    }

    #[test]
    fn a_note_says_what_is_still_to_come() {
        let order = OrderId::new(7);
        for expires_at in [None, Some(UnixMillis::new(-1)), Some(UnixMillis::new(1))] {
            for notices in [None, Some(AgentNo::new(0)), Some(AgentNo::new(u32::MAX))] {
                let open = Open { expires_at, notices };
                let decoded = Open::decode(&open_key(order), &open.encode());
                assert_eq!(decoded, Some((order, open)));
            }
        }
        assert_eq!(Open::decode(b"other/1234567", &[0; 8]), None);
        assert_eq!(Open::decode(&open_key(order), &[0; 7]), None);
    }
}
