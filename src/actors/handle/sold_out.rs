//! What was found sold out a moment ago, so that the next request for it is looked at before anything of it
//! is sealed: once a sale is over, those who come too late far outnumber those who bought.
//!
//! A guess and no more. The slot decides as ever, between two sales; a wrong guess costs a look or a seal. A look
//! keeps the request's key, so that nobody orders under it meanwhile, and answers for nobody else unless
//! nothing is left.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::DefaultHashBuilder;

use crate::engine::admission::Admitted;

/// Wishes remembered. Two that share a place forget each other.
const PLACES: usize = 1024;

/// What a request asks for: goods, day, timespans and quantities. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish(u64);

/// Wishes that were refused because nothing was left, and none granted since.
#[derive(Debug)]
pub(crate) struct SoldOut {
    hasher: DefaultHashBuilder,
    places: Box<[AtomicU64]>,
}

impl Default for SoldOut {
    fn default() -> Self {
        let places = (0..PLACES).map(|_| AtomicU64::new(0)).collect();
        Self { hasher: DefaultHashBuilder::default(), places }
    }
}

impl SoldOut {
    /// What an admitted request asks for.
    pub(super) fn wish(&self, admitted: &Admitted) -> Wish {
        let mut hasher = self.hasher.build_hasher();
        admitted.date.hash(&mut hasher);
        admitted.candidates.hash(&mut hasher);
        for line in &admitted.lines {
            (line.product.no, line.performance, line.area, line.quantity).hash(&mut hasher);
        }
        Wish(hasher.finish().max(1))
    }

    /// Whether it will probably be refused again.
    pub(super) fn is_likely(&self, wish: Wish) -> bool {
        self.place(wish).load(Ordering::Relaxed) == wish.0
    }

    /// Notes how a request ended.
    pub(super) fn note(&self, wish: Wish, nothing_left: bool) {
        let place = self.place(wish);
        // Nearly always it says so already, and workers need not take the line from each other.
        if nothing_left != (place.load(Ordering::Relaxed) == wish.0) {
            place.store(if nothing_left { wish.0 } else { 0 }, Ordering::Relaxed);
        }
    }

    fn place(&self, wish: Wish) -> &AtomicU64 {
        &self.places[wish.0 as usize % self.places.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_remembered_until_it_is_granted() {
        let sold_out = SoldOut::default();
        let (one, other) = (Wish(1), Wish(2));
        assert!(!sold_out.is_likely(one));
        sold_out.note(one, true);
        sold_out.note(other, false);
        assert!(sold_out.is_likely(one) && !sold_out.is_likely(other));
        sold_out.note(one, false);
        assert!(!sold_out.is_likely(one));
    }

    #[test]
    fn wishes_that_share_a_place_are_not_mistaken_for_each_other() {
        let sold_out = SoldOut::default();
        let (one, other) = (Wish(1), Wish(1 + PLACES as u64));
        sold_out.note(one, true);
        assert!(!sold_out.is_likely(other));
        sold_out.note(other, false);
        assert!(sold_out.is_likely(one), "what is granted forgets only itself");
        sold_out.note(other, true);
        assert!(!sold_out.is_likely(one) && sold_out.is_likely(other));
    }
}
