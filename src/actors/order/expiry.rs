//! When unpaid orders' places go back.

use std::collections::BTreeSet;

use actix::prelude::*;
use hashbrown::HashMap;

use crate::actors::order::OrderActor;
use crate::actors::order::cache::Waiting;
use crate::types::{OrderId, UnixMillis};

/// Unpaid orders by the instant their time is up.
#[derive(Debug, Default)]
pub(super) struct Expiries {
    by_time: BTreeSet<(UnixMillis, OrderId)>,
    by_order: HashMap<OrderId, UnixMillis>,
}

impl Expiries {
    pub(super) fn new(held: impl Iterator<Item = (UnixMillis, OrderId)>) -> Self {
        let mut expiries = Self::default();
        held.for_each(|(at, order)| expiries.add(at, order));
        expiries
    }

    pub(super) fn add(&mut self, at: UnixMillis, order: OrderId) {
        self.remove(order);
        self.by_time.insert((at, order));
        self.by_order.insert(order, at);
    }

    pub(super) fn remove(&mut self, order: OrderId) {
        if let Some(at) = self.by_order.remove(&order) {
            self.by_time.remove(&(at, order));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_order.len()
    }

    /// Takes an order whose time is up at `now`.
    fn pop_due(&mut self, now: UnixMillis) -> Option<OrderId> {
        let &(at, order) = self.by_time.first().filter(|(at, _)| *at <= now)?;
        self.by_time.remove(&(at, order));
        self.by_order.remove(&order);
        Some(order)
    }
}

impl OrderActor {
    /// Closes orders whose time is up, a bounded number at once so that sales go on between.
    pub(super) fn expire_due(&mut self, ctx: &mut Context<Self>) {
        let now = self.context.clock.now();
        let mut due = Vec::new();
        while due.len() < self.context.config.expiry_step
            && let Some(order) = self.expiries.pop_due(now)
        {
            due.push(order);
        }
        for id in due {
            match self.orders.get(id) {
                Some(order) => self.expire(&order),
                None => self.fetch(id, Waiting::Expire, ctx),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_due_in_order_of_time_and_only_once() {
        let (early, late) = (OrderId::new(2), OrderId::new(1));
        let held = [(UnixMillis::new(20), late), (UnixMillis::new(10), early)];
        let mut expiries = Expiries::new(held.into_iter());
        assert_eq!(expiries.pop_due(UnixMillis::new(9)), None);
        assert_eq!(expiries.pop_due(UnixMillis::new(30)), Some(early));
        expiries.add(UnixMillis::new(40), late);
        assert_eq!(expiries.pop_due(UnixMillis::new(30)), None, "its time was extended");
        expiries.remove(late);
        assert_eq!(expiries.pop_due(UnixMillis::new(50)), None);
        assert_eq!(expiries.len(), 0);
    }
}
