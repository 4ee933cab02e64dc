//! A capacity shared by the slots of several products.

use crate::domain::holds::Holds;
use crate::domain::inventory::{
    AdjustError, Adjustment, Available, Capacity, SoldOut, Stock, StockEvent,
};
use crate::types::{HoldId, PoolNo, Quantity, ServiceDate, Timespan};

/// One pool on one date in one timespan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolKey {
    /// The pool.
    pub pool: PoolNo,
    /// The date, or `None` for products not bound to one.
    pub date: Option<ServiceDate>,
    /// The timespan.
    pub timespan: Timespan,
}

/// Shared places, and the checkouts in flight that keep some of them.
#[derive(Clone, Debug)]
pub struct Pool {
    stock: Stock,
    holds: Holds<Quantity>,
    /// The adjustment in flight; volatile.
    adjusting: Option<(HoldId, Adjustment)>,
}

impl Pool {
    /// A pool with this stock and nothing in flight.
    #[must_use]
    pub fn new(stock: Stock) -> Self {
        Self { stock, holds: Holds::default(), adjusting: None }
    }

    /// The stock behind the pool.
    #[must_use]
    pub const fn stock(&self) -> &Stock {
        &self.stock
    }

    /// Gives the pool the capacity the catalogue has now.
    pub fn set_capacity(&mut self, capacity: Capacity, allowance: Quantity) {
        self.stock.set_capacity(capacity, allowance);
    }

    /// Places nobody has.
    #[must_use]
    pub fn available(&self) -> Available {
        self.stock.available()
    }

    /// Decides whether `quantity` places can be held.
    ///
    /// # Errors
    /// [`SoldOut`] when fewer are left.
    pub fn decide(&self, quantity: Quantity) -> Result<(), SoldOut> {
        self.stock.decide_take(quantity)
    }

    /// Keeps decided places for a checkout. Repeating it changes nothing.
    pub fn hold(&mut self, hold: HoldId, quantity: Quantity) {
        self.holds.keep(hold, || {
            self.stock.pend(quantity);
            quantity
        });
    }

    /// Lets a checkout's places go. Repeating it changes nothing.
    pub fn release(&mut self, hold: HoldId) {
        if let Some((_, Adjustment::Withdraw(quantity))) =
            self.adjusting.take_if(|(id, _)| *id == hold)
        {
            self.stock.unpend(quantity);
        }
        if let Some(quantity) = self.holds.remove(hold, |quantity| *quantity) {
            self.stock.unpend(quantity);
        }
    }

    /// Decides whether an operator's adjustment can be made.
    ///
    /// # Errors
    /// The first that fits, in the order [`AdjustError`] lists them.
    pub fn decide_adjust(&self, adjustment: Adjustment) -> Result<(), AdjustError> {
        if self.adjusting.is_some() {
            return Err(AdjustError::UnderWay);
        }
        self.stock.decide_adjust(adjustment)
    }

    /// Keeps a decided adjustment until its record is applied or it is released.
    pub fn hold_adjust(&mut self, hold: HoldId, adjustment: Adjustment) {
        if self.adjusting.is_some() {
            return;
        }
        if let Adjustment::Withdraw(quantity) = adjustment {
            self.stock.pend(quantity);
        }
        self.adjusting = Some((hold, adjustment));
    }

    /// Whether no checkout and no adjustment is in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.holds.is_empty() && self.adjusting.is_none()
    }

    /// Makes a journalled move true and ends the hold that led to it, if this process made it.
    pub fn apply(&mut self, hold: Option<HoldId>, event: StockEvent) {
        if let Some(hold) = hold {
            self.release(hold);
        }
        self.stock.apply(event);
    }
}
