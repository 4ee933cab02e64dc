//! Which order a caller's own number stands for, over all suppliers: a number is unique per agent,
//! not per supplier, and the supplier's order actor serialises what happens under it.
//!
//! The map is sharded and its locks are held for a look-up only; nothing waits while holding one.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::types::{AgentNo, OrderId, RequestKey, SupplierNo};

/// Shards of the map: enough that two workers hardly ever meet.
const SHARDS: usize = 64;

/// 128-bit hash of an agent and its number. Collisions are not to be expected in any lifetime. The
/// snapshots keep it, so how it is made is never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyFingerprint(u128);

impl KeyFingerprint {
    pub(crate) fn new(agent: AgentNo, key: &RequestKey) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&agent.get().to_le_bytes());
        hasher.update(key.as_str().as_bytes());
        let hash = hasher.finalize();
        let mut first = [0; 16];
        first.copy_from_slice(&hash.as_bytes()[..16]);
        Self(u128::from_le_bytes(first))
    }

    /// As the snapshots keep it.
    pub(crate) const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// From the snapshots.
    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    fn shard(self) -> usize {
        self.0 as usize % SHARDS
    }
}

#[derive(Clone, Copy, Debug)]
enum Entry {
    /// Requests with this key are on their way to this supplier. `orderers` of the `claims` are its
    /// own and may order there; the others wait there for what comes of it.
    Busy { supplier: SupplierNo, claims: u32, orderers: u32 },
    /// The key's order.
    Order(OrderId),
}

/// The map. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestKeys(Arc<Shards>);

#[derive(Debug)]
struct Shards([Mutex<HashMap<KeyFingerprint, Entry>>; SHARDS]);

impl Default for Shards {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

/// Where a request with a key has to go.
#[derive(Debug)]
pub(crate) enum Entered {
    /// To the order the key stands for.
    Order(OrderId),
    /// To this supplier, which may not be the one the request names: others are on their way there.
    Supplier(SupplierNo, KeyClaim),
    /// The key is unknown and the request names no supplier.
    Unknown,
}

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// This order.
    Order(OrderId),
    /// Nothing yet: requests with it are on their way.
    Busy,
    /// Nothing.
    Nothing,
}

/// Keeps a key with its supplier while a request under it is on its way. It travels with the request.
#[derive(Debug)]
pub(crate) struct KeyClaim {
    keys: RequestKeys,
    fingerprint: KeyFingerprint,
    /// Whether the request may order where the key is.
    orders: bool,
}

impl RequestKeys {
    /// Looks a key up and claims it for `supplier` if nobody may be ordering elsewhere under it. Those
    /// who only wait keep it nowhere: two of them would send each other there for ever.
    pub(crate) fn enter(&self, key: KeyFingerprint, supplier: Option<SupplierNo>) -> Entered {
        let mut shard = self.0.0[key.shard()].lock();
        match (shard.get_mut(&key), supplier) {
            (Some(Entry::Order(order)), _) => Entered::Order(*order),
            (Some(Entry::Busy { supplier: at, claims, orderers }), wanted) => {
                if let Some(wanted) = wanted
                    && *orderers == 0
                {
                    *at = wanted;
                }
                let orders = wanted == Some(*at);
                *claims += 1;
                *orderers += u32::from(orders);
                Entered::Supplier(*at, self.claim(key, orders))
            }
            (None, Some(supplier)) => {
                shard.insert(key, Entry::Busy { supplier, claims: 1, orderers: 1 });
                Entered::Supplier(supplier, self.claim(key, true))
            }
            (None, None) => Entered::Unknown,
        }
    }

    /// What a key stands for.
    pub(crate) fn find(&self, key: KeyFingerprint) -> Found {
        match self.0.0[key.shard()].lock().get(&key) {
            Some(Entry::Order(order)) => Found::Order(*order),
            Some(Entry::Busy { .. }) => Found::Busy,
            None => Found::Nothing,
        }
    }

    /// The order a key stands for.
    pub(crate) fn order(&self, key: KeyFingerprint) -> Option<OrderId> {
        match self.find(key) {
            Found::Order(order) => Some(order),
            Found::Busy | Found::Nothing => None,
        }
    }

    /// Notes the order a key stands for from now on.
    pub(crate) fn set_order(&self, key: KeyFingerprint, order: OrderId) {
        self.0.0[key.shard()].lock().insert(key, Entry::Order(order));
    }

    fn claim(&self, fingerprint: KeyFingerprint, orders: bool) -> KeyClaim {
        KeyClaim { keys: self.clone(), fingerprint, orders }
    }
}

impl KeyClaim {
    pub(crate) const fn fingerprint(&self) -> KeyFingerprint {
        self.fingerprint
    }
}

impl Drop for KeyClaim {
    fn drop(&mut self) {
        let mut shard = self.keys.0.0[self.fingerprint.shard()].lock();
        if let Some(Entry::Busy { claims, orderers, .. }) = shard.get_mut(&self.fingerprint) {
            *claims -= 1;
            *orderers -= u32::from(self.orders);
            if *claims == 0 {
                shard.remove(&self.fingerprint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint() -> KeyFingerprint {
        KeyFingerprint::new(AgentNo::new(1), &RequestKey::new("A-1").unwrap())
    }

    #[test]
    fn requests_under_one_key_meet_at_one_supplier() {
        let keys = RequestKeys::default();
        let (one, two) = (SupplierNo::new(1), SupplierNo::new(2));
        let Entered::Supplier(first, first_claim) = keys.enter(fingerprint(), Some(one)) else {
            panic!("a new key goes to the supplier the request names");
        };
        let Entered::Supplier(second, second_claim) = keys.enter(fingerprint(), Some(two)) else {
            panic!("a busy key is not known yet");
        };
        assert_eq!((first, second), (one, one));
        drop(first_claim);
        assert!(matches!(keys.enter(fingerprint(), None), Entered::Supplier(s, _) if s == one));
        drop(second_claim);
        assert!(matches!(keys.enter(fingerprint(), None), Entered::Unknown));
    }

    #[test]
    fn those_who_only_wait_do_not_keep_a_key_at_a_supplier() {
        let keys = RequestKeys::default();
        let (one, two) = (SupplierNo::new(1), SupplierNo::new(2));
        let enter = |supplier| match keys.enter(fingerprint(), Some(supplier)) {
            Entered::Supplier(at, claim) => (at, claim),
            other => panic!("no order is known: {other:?}"),
        };
        let (_, first) = enter(one);
        let (at_second, second) = enter(two);
        let (at_third, third) = enter(two);
        assert_eq!((at_second, at_third), (one, one), "both meet the first");
        // The first comes to nothing and both are told so. Were the key still at supplier one, each
        // would find it kept there by the other, again and again.
        drop(first);
        drop(second);
        let (again, second) = enter(two);
        assert_eq!(again, two);
        drop(third);
        let (other, third) = enter(one);
        assert_eq!(other, two, "the second may be ordering there now");
        drop((second, third));
        assert!(matches!(keys.enter(fingerprint(), None), Entered::Unknown));
    }

    #[test]
    fn a_key_with_an_order_stays_with_it() {
        let keys = RequestKeys::default();
        let Entered::Supplier(_, claim) = keys.enter(fingerprint(), Some(SupplierNo::new(1)))
        else {
            panic!("a new key");
        };
        assert_eq!(keys.find(fingerprint()), Found::Busy);
        keys.set_order(fingerprint(), OrderId::new(7));
        drop(claim);
        assert_eq!(keys.find(fingerprint()), Found::Order(OrderId::new(7)));
        let entered = keys.enter(fingerprint(), Some(SupplierNo::new(2)));
        assert!(matches!(entered, Entered::Order(order) if order == OrderId::new(7)));
    }

    #[test]
    fn a_fingerprint_is_frozen() {
        let bytes = fingerprint().to_bytes();
        assert_eq!(hex::encode(bytes), "e14b4263c126176d44a9acfdf7ce0350");
        assert_eq!(KeyFingerprint::from_bytes(bytes), fingerprint());
    }

    #[test]
    fn agents_do_not_share_keys() {
        let key = RequestKey::new("A-1").unwrap();
        assert_eq!(RequestKeys::default().find(fingerprint()), Found::Nothing);
        let of = |agent| KeyFingerprint::new(AgentNo::new(agent), &key);
        assert_ne!(of(1), of(2));
    }
}
