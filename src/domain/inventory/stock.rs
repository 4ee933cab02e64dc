//! The arithmetic of one capacity.

use std::fmt;

use crate::domain::inventory::{AdjustError, Adjustment, SoldOut, StockEvent};
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
/// `capacity` and `allowance` come from the catalogue whenever the stock is loaded; `held`, `sold`,
/// `added` and `withdrawn` are what the journal says; `pending` counts checkouts in flight and is
/// volatile. Always `capacity + added = free + held + sold + withdrawn` (INV-5), where what was sold
/// on purpose beyond capacity makes `free` negative, by the allowance at most (INV-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stock {
    capacity: Capacity,
    allowance: Quantity,
    pending: Quantity,
    held: Quantity,
    sold: Quantity,
    added: Quantity,
    withdrawn: Quantity,
}

/// Most places that operators may add to one stock: sums stay far from where they would wrap.
const ADDED_MAX: Quantity = Quantity::new(1 << 30);

impl Stock {
    /// Untouched stock of `capacity` places that may be oversold on purpose by `allowance`.
    #[must_use]
    pub const fn new(capacity: Capacity, allowance: Quantity) -> Self {
        let none = Quantity::ZERO;
        let (pending, held, sold) = (none, none, none);
        Self { capacity, allowance, pending, held, sold, added: none, withdrawn: none }
    }

    /// Stock as a snapshot tells it, with no checkout in flight.
    #[must_use]
    pub const fn restored(
        capacity: Capacity,
        allowance: Quantity,
        held: Quantity,
        sold: Quantity,
    ) -> Self {
        let none = Quantity::ZERO;
        Self { capacity, allowance, pending: none, held, sold, added: none, withdrawn: none }
    }

    /// The same stock with what operators have added and withdrawn in all, as a snapshot tells it.
    #[must_use]
    pub const fn adjusted(self, added: Quantity, withdrawn: Quantity) -> Self {
        Self { added, withdrawn, ..self }
    }

    /// Places the catalogue gives.
    #[must_use]
    pub const fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// How many more may be sold on purpose.
    #[must_use]
    pub const fn allowance(&self) -> Quantity {
        self.allowance
    }

    /// Places that operators have added.
    #[must_use]
    pub const fn added(&self) -> Quantity {
        self.added
    }

    /// Places that operators have taken off sale.
    #[must_use]
    pub const fn withdrawn(&self) -> Quantity {
        self.withdrawn
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
        [self.held, self.sold, self.added, self.withdrawn].iter().all(|sum| *sum == Quantity::ZERO)
    }

    /// Gives the stock the capacity the catalogue has now.
    pub fn set_capacity(&mut self, capacity: Capacity, allowance: Quantity) {
        self.capacity = capacity;
        self.allowance = allowance;
    }

    /// INV-1: whether what is held and sold fits capacity, what was added, and allowance.
    #[must_use]
    pub fn is_within_capacity(&self) -> bool {
        self.placed().is_none_or(|(placed, taken)| taken <= placed)
    }

    /// INV-5: whether what is held, sold and withdrawn together fits; only free places are withdrawn.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let withdrawn = u64::from(self.withdrawn.get());
        self.placed().is_none_or(|(placed, taken)| taken + withdrawn <= placed)
    }

    /// Places there are in all, and those held and sold; `None` where there is no bound.
    fn placed(&self) -> Option<(u64, u64)> {
        let Capacity::Limited(capacity) = self.capacity else { return None };
        let placed = [capacity, self.allowance, self.added].map(|sum| u64::from(sum.get()));
        Some((placed.iter().sum(), u64::from(self.held.get()) + u64::from(self.sold.get())))
    }

    /// Places nobody has.
    #[must_use]
    pub fn available(&self) -> Available {
        let Some((placed, _)) = self.placed() else { return Available::Unlimited };
        let left = placed.saturating_sub(self.taken() + u64::from(self.withdrawn.get()));
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

    /// Decides whether an operator's adjustment can be made. One stock has at most one adjustment in
    /// flight, which its owner sees to.
    ///
    /// # Errors
    /// The first that fits, in the order [`AdjustError`] lists them.
    pub fn decide_adjust(&self, adjustment: Adjustment) -> Result<(), AdjustError> {
        let asked = adjustment.quantity();
        if asked == Quantity::ZERO {
            return Err(AdjustError::Nothing);
        }
        match adjustment {
            Adjustment::Add(_) | Adjustment::Withdraw(_)
                if self.capacity == Capacity::Unlimited =>
            {
                Err(AdjustError::Unlimited)
            }
            Adjustment::Add(_) => match self.added.checked_add(asked) {
                Some(sum) if sum <= ADDED_MAX => Ok(()),
                _ => Err(AdjustError::TooMany),
            },
            Adjustment::Withdraw(_) => {
                let available = self.available();
                if !available.covers(asked) {
                    return Err(AdjustError::NotFree { asked, available });
                }
                // While its record is under way a withdrawal counts as pending.
                let countable = self.taken() + u64::from(asked.get()) <= u64::from(u32::MAX);
                match self.withdrawn.checked_add(asked) {
                    Some(_) if countable => Ok(()),
                    _ => Err(AdjustError::TooMany),
                }
            }
            Adjustment::Restore(_) if self.withdrawn < asked => {
                Err(AdjustError::NotWithdrawn { asked, withdrawn: self.withdrawn })
            }
            Adjustment::Restore(_) => Ok(()),
        }
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
            StockEvent::Added(quantity) => self.added = add(self.added, quantity),
            StockEvent::Withdrawn(quantity) => self.withdrawn = add(self.withdrawn, quantity),
            StockEvent::Restored(quantity) => self.withdrawn = take(self.withdrawn, quantity),
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
    fn only_what_is_free_is_withdrawn_and_only_what_is_withdrawn_is_restored() {
        let n = Quantity::new;
        let mut stock = limited(5, 1);
        stock.apply(StockEvent::Sold(n(3)));
        let left = |left| Available::Left(n(left));
        let check = |stock: &Stock, adjustment, expected| {
            assert_eq!(stock.decide_adjust(adjustment), expected, "{adjustment:?}");
        };
        let not_free = |asked, available| {
            Err(AdjustError::NotFree { asked: n(asked), available: left(available) })
        };
        check(&stock, Adjustment::Withdraw(n(4)), not_free(4, 3));
        check(&stock, Adjustment::Withdraw(n(3)), Ok(()));
        stock.pend(n(3));
        check(&stock, Adjustment::Withdraw(n(1)), not_free(1, 0));
        stock.unpend(n(3));
        stock.apply(StockEvent::Withdrawn(n(3)));
        assert_eq!(stock.available(), left(0));
        assert!(stock.is_within_capacity() && stock.is_balanced());
        let none = AdjustError::NotWithdrawn { asked: n(4), withdrawn: n(3) };
        check(&stock, Adjustment::Restore(n(4)), Err(none));
        stock.apply(StockEvent::Restored(n(2)));
        stock.apply(StockEvent::Added(n(10)));
        assert_eq!(stock.available(), left(12));
        check(&stock, Adjustment::Add(n(1 << 30)), Err(AdjustError::TooMany));
        for adjustment in [Adjustment::Add, Adjustment::Withdraw, Adjustment::Restore] {
            check(&stock, adjustment(n(0)), Err(AdjustError::Nothing));
        }
        let endless = Stock::new(Capacity::Unlimited, n(0));
        check(&endless, Adjustment::Add(n(1)), Err(AdjustError::Unlimited));
        check(&endless, Adjustment::Withdraw(n(1)), Err(AdjustError::Unlimited));
    }

    #[test]
    fn withdrawn_places_that_somebody_has_do_not_balance() {
        let mut stock = limited(2, 0);
        stock.apply(StockEvent::Sold(Quantity::ONE));
        stock.apply(StockEvent::Withdrawn(Quantity::new(2)));
        assert!(stock.is_within_capacity());
        assert!(!stock.is_balanced());
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
