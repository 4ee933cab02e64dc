//! What a machine keeps for the checkouts in flight, by the checkout's number.
//!
//! An order actor numbers its checkouts upwards and their records come back in the order they were appended,
//! so a queue that is sorted anyway takes nearly everything at its ends: nothing is hashed, and what is in
//! flight lies side by side. Any other order is right as well, only slower. It knows no rule.

use std::collections::VecDeque;

use crate::types::HoldId;

/// Gaps that a queue may have beside twice what is live before it is closed up.
const GAPS_MAX: usize = 32;

/// What is kept, sorted by checkout.
#[derive(Clone, Debug)]
pub(super) struct Holds<T> {
    /// `None` where the checkout has ended and others around it have not.
    entries: VecDeque<(HoldId, Option<T>)>,
    live: usize,
}

impl<T> Default for Holds<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), live: 0 }
    }
}

impl<T> Holds<T> {
    /// Whether nothing is kept for anybody.
    pub(super) const fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// What is kept for a checkout, which `make` says if nothing is yet.
    #[inline]
    pub(super) fn keep(&mut self, hold: HoldId, make: impl FnOnce() -> T) -> &T {
        let Self { entries, live } = self;
        let index = if entries.back().is_none_or(|(last, _)| *last < hold) {
            // Made where it is to lie, not moved there.
            entries.push_back((hold, Some(make())));
            *live += 1;
            entries.len() - 1
        } else {
            let index = find(entries, hold).unwrap_or_else(|index| {
                entries.insert(index, (hold, None));
                index
            });
            let entry = &mut entries[index].1;
            if entry.is_none() {
                *entry = Some(make());
                *live += 1;
            }
            index
        };
        entries[index].1.as_ref().expect("it is kept from here on")
    }

    /// Ends what is kept for a checkout, and shows it once more to `end`, if there is anything.
    #[inline]
    pub(super) fn remove<R>(&mut self, hold: HoldId, end: impl FnOnce(&T) -> R) -> Option<R> {
        let Self { entries, live } = self;
        // It is looked at where it lies: what is kept for an order of two limits is 160 bytes.
        match entries.front() {
            Some((first, Some(value))) if *first == hold => {
                let ended = end(value);
                *live -= 1;
                entries.pop_front();
                while entries.front().is_some_and(|(_, value)| value.is_none()) {
                    entries.pop_front();
                }
                Some(ended)
            }
            _ => {
                let index = find(entries, hold).ok()?;
                let ended = end(entries[index].1.as_ref()?);
                entries[index].1 = None;
                *live -= 1;
                if entries.len() > 2 * *live + GAPS_MAX {
                    entries.retain(|(_, value)| value.is_some());
                }
                Some(ended)
            }
        }
    }
}

/// Where a checkout's entry is, or where it would have to be.
fn find<T>(entries: &VecDeque<(HoldId, Option<T>)>, hold: HoldId) -> Result<usize, usize> {
    entries.binary_search_by_key(&hold, |(known, _)| *known)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against an ordinary map, with checkouts that begin and end in any order.
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((any::<bool>(), 0..80_u64), 0..400)) {
            let (mut holds, mut map) = (Holds::default(), BTreeMap::new());
            for (value, (begins, id)) in steps.into_iter().enumerate() {
                let hold = HoldId::new(id);
                if begins {
                    let kept = *map.entry(hold).or_insert(value);
                    prop_assert_eq!(*holds.keep(hold, || value), kept);
                } else {
                    prop_assert_eq!(holds.remove(hold, |value| *value), map.remove(&hold));
                }
                prop_assert_eq!(holds.is_empty(), map.is_empty());
                prop_assert!(holds.entries.len() <= 2 * map.len() + GAPS_MAX);
            }
        }
    }

    #[test]
    fn one_that_stays_does_not_keep_the_room_of_those_that_went() {
        let mut holds = Holds::default();
        for id in 0..10_000 {
            holds.keep(HoldId::new(id), || ());
            if id > 0 {
                holds.remove(HoldId::new(id), |()| ());
            }
        }
        assert!(!holds.is_empty());
        assert!(holds.entries.len() <= GAPS_MAX + 2, "{}", holds.entries.len());
    }
}
