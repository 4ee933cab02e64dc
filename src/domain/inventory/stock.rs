//! The arithmetic of one capacity.

use std::fmt;

use crate::domain::inventory::{SoldOut, StockEvent};
use crate::types::Quantity;

/// How many places there are. "Unlimited" is not a number and never reads as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// No bound.
    Unlimited,
    /// That many places.
    Limited(Quantity),
}

/// How many places are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Available {
    /// No bound.
    Unlimited,
    /// That many places.
    Left(Quantity),
}

impl Available {
    /// Whether `quantity` places can be had.
    #[must_use]
    pub fn covers(self, quantity: Quantity) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Left(left) => left >= quantity,
        }
    }
}

impl fmt::Display for Available {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("no bound"),
            Self::Left(left) => left.fmt(f),
        }
    }
}

/// Places of one slot area or pool.
///
/// `capacity` and `allowance` come from the catalogue whenever the stock is loaded; `held` and
/// `sold` are what the journal says; `pending` counts checkouts in flight and is volatile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stock {
    capacity: Capacity,
    allowance: Quantity,
    pending: Quantity,
    held: Quantity,
    sold: Quantity,
}

impl Stock {
    /// Untouched stock of `capacity` places that may be oversold on purpose by `allowance`.
    #[must_use]
    pub const fn new(capacity: Capacity, allowance: Quantity) -> Self {
        let none = Quantity::ZERO;
        Self { capacity, allowance, pending: none, held: none, sold: none }
    }

    /// Stock as a snapshot tells it, with no checkout in flight.
    #[must_use]
    pub const fn restored(
        capacity: Capacity,
        allowance: Quantity,
        held: Quantity,
        sold: Quantity,
    ) -> Self {
        Self { capacity, allowance, pending: Quantity::ZERO, held, sold }
    }

    /// Places held by unpaid orders.
    #[must_use]
    pub const fn held(&self) -> Quantity {
        self.held
    }

    /// Places sold.
    #[must_use]
    pub const fn sold(&self) -> Quantity {
        self.sold
    }

    /// Places kept for checkouts in flight.
    #[must_use]
    pub const fn pending(&self) -> Quantity {
        self.pending
    }

    /// Whether no event ever touched this stock.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.held == Quantity::ZERO && self.sold == Quantity::ZERO
    }

    /// Gives the stock the capacity the catalogue has now.
    pub fn set_capacity(&mut self, capacity: Capacity, allowance: Quantity) {
        self.capacity = capacity;
        self.allowance = allowance;
    }

    /// INV-1: whether what is held and sold fits capacity and allowance.
    #[must_use]
    pub fn is_within_capacity(&self) -> bool {
        let taken = u64::from(self.held.get()) + u64::from(self.sold.get());
        match self.capacity {
            Capacity::Unlimited => true,
            Capacity::Limited(capacity) => {
                taken <= u64::from(capacity.get()) + u64::from(self.allowance.get())
            }
        }
    }

    /// Places nobody has.
    #[must_use]
    pub fn available(&self) -> Available {
        let Capacity::Limited(capacity) = self.capacity else { return Available::Unlimited };
        let offered = u64::from(capacity.get()) + u64::from(self.allowance.get());
        let left = offered.saturating_sub(self.taken());
        Available::Left(Quantity::new(u32::try_from(left).unwrap_or(u32::MAX)))
    }

    /// Decides whether `quantity` places can be taken.
    ///
    /// # Errors
    /// [`SoldOut`] when fewer are left, or when the counters could not hold the number.
    pub fn decide_take(&self, quantity: Quantity) -> Result<(), SoldOut> {
        // Unlimited stock is still counted, and a count that would wrap is no stock.
        let countable = self.taken() + u64::from(quantity.get()) <= u64::from(u32::MAX);
        if countable && (self.available().covers(quantity) || cfg!(feature = "unguarded-stock")) {
            return Ok(());
        }
        Err(SoldOut { asked: quantity, available: self.available() })
    }

    /// Keeps places for a checkout in flight, as decided by [`Self::decide_take`].
    pub fn pend(&mut self, quantity: Quantity) {
        self.pending = add(self.pending, quantity);
    }

    /// Ends what [`Self::pend`] began.
    pub fn unpend(&mut self, quantity: Quantity) {
        self.pending = take(self.pending, quantity);
    }

    /// Makes a journalled move true.
    pub fn apply(&mut self, event: StockEvent) {
        match event {
            StockEvent::Held(quantity) => self.held = add(self.held, quantity),
            StockEvent::Sold(quantity) => self.sold = add(self.sold, quantity),
            StockEvent::Confirmed(quantity) => {
                self.held = take(self.held, quantity);
                self.sold = add(self.sold, quantity);
            }
            StockEvent::Released(quantity) => self.held = take(self.held, quantity),
            StockEvent::Returned(quantity) => self.sold = take(self.sold, quantity),
        }
    }

    fn taken(&self) -> u64 {
        u64::from(self.pending.get()) + u64::from(self.held.get()) + u64::from(self.sold.get())
    }
}

fn add(sum: Quantity, quantity: Quantity) -> Quantity {
    sum.checked_add(quantity).expect("INV-1: decide_take refuses a count that would wrap")
}

fn take(sum: Quantity, quantity: Quantity) -> Quantity {
    sum.checked_sub(quantity).expect("INV-5: only what was taken comes back, and once")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(capacity: u32, allowance: u32) -> Stock {
        Stock::new(Capacity::Limited(Quantity::new(capacity)), Quantity::new(allowance))
    }

    #[cfg(not(feature = "unguarded-stock"))]
    #[test]
    fn the_last_place_is_sold_once() {
        let mut stock = limited(1, 0);
        assert_eq!(stock.decide_take(Quantity::ONE), Ok(()));
        stock.pend(Quantity::ONE);
        let refusal = SoldOut { asked: Quantity::ONE, available: Available::Left(Quantity::ZERO) };
        assert_eq!(stock.decide_take(Quantity::ONE), Err(refusal));
        stock.unpend(Quantity::ONE);
        stock.apply(StockEvent::Sold(Quantity::ONE));
        assert_eq!(stock.decide_take(Quantity::ONE), Err(refusal));
    }

    #[test]
    fn an_allowance_is_sold_on_top_of_capacity() {
        let mut stock = limited(1, 1);
        stock.apply(StockEvent::Sold(Quantity::ONE));
        assert_eq!(stock.available(), Available::Left(Quantity::ONE));
        assert!(stock.is_within_capacity());
    }

    #[test]
    fn unlimited_is_not_zero_and_still_counts() {
        let mut stock = Stock::new(Capacity::Unlimited, Quantity::ZERO);
        assert!(stock.decide_take(Quantity::new(u32::MAX)).is_ok());
        stock.apply(StockEvent::Sold(Quantity::new(u32::MAX)));
        assert!(stock.decide_take(Quantity::ONE).is_err());
        assert_eq!(stock.available(), Available::Unlimited);
    }

    #[test]
    fn a_capacity_cut_below_sales_leaves_nothing_rather_than_wrapping() {
        let mut stock = limited(10, 0);
        stock.apply(StockEvent::Sold(Quantity::new(8)));
        stock.set_capacity(Capacity::Limited(Quantity::new(5)), Quantity::ZERO);
        assert_eq!(stock.available(), Available::Left(Quantity::ZERO));
        assert!(!stock.is_within_capacity());
    }
}
