//! Which orders of one agent have notices to deliver, and when each is next looked at.
//!
//! It keeps numbers and instants only: what a notice says is read from its order when its turn comes,
//! so an agent that is out of reach for a day costs little memory.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use crate::types::{OrderId, UnixMillis};

/// Milliseconds after an order was turned away from a full queue until such orders are looked up: by
/// then the snapshots have them.
const LOOK_UP_AFTER_MS: i64 = 60_000;

/// Orders with notices, by the instant of their next turn.
#[derive(Debug)]
pub(super) struct Queue {
    orders: HashMap<OrderId, Turn>,
    due: BTreeSet<(UnixMillis, OrderId)>,
    len_max: usize,
    /// When an order was last turned away because the queue was full.
    turned_away: Option<UnixMillis>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing happens before this instant.
    Waits { until: UnixMillis, failures: u32 },
    /// It is being looked at or called about.
    Runs { failures: u32, again: bool },
}

impl Queue {
    pub(super) fn new(len_max: usize) -> Self {
        Self { orders: HashMap::new(), due: BTreeSet::new(), len_max, turned_away: None }
    }

    /// An order has a notice to deliver: its turn is now, unless it waits for one already. A full queue
    /// turns it away and remembers that there was one.
    pub(super) fn add(&mut self, order: OrderId, now: UnixMillis) {
        let is_full = self.orders.len() >= self.len_max;
        match self.orders.get_mut(&order) {
            Some(Turn::Waits { .. }) => {}
            Some(Turn::Runs { again, .. }) => *again = true,
            None if is_full => self.turned_away = Some(now),
            None => self.wait(order, now, 0),
        }
    }

    /// Its turn is now, whatever it waits for; its failures are forgotten.
    pub(super) fn hurry(&mut self, order: OrderId, now: UnixMillis) {
        if let Some(Turn::Waits { until, .. }) = self.orders.get(&order) {
            self.due.remove(&(*until, order));
            self.wait(order, now, 0);
        } else {
            self.add(order, now);
        }
    }

    /// Takes the order whose turn has come at `now`. It stays in the queue until [`Self::wait_again`] or
    /// [`Self::done`].
    pub(super) fn next(&mut self, now: UnixMillis) -> Option<OrderId> {
        let &(until, order) = self.due.first().filter(|(until, _)| *until <= now)?;
        self.due.remove(&(until, order));
        let failures = self.failures(order);
        self.orders.insert(order, Turn::Runs { failures, again: false });
        Some(order)
    }

    /// Failures in a row of the order's present notice.
    pub(super) fn failures(&self, order: OrderId) -> u32 {
        match self.orders.get(&order) {
            Some(Turn::Waits { failures, .. } | Turn::Runs { failures, .. }) => *failures,
            None => 0,
        }
    }

    /// An order that was taken has its next turn at `until`.
    pub(super) fn wait_again(&mut self, order: OrderId, until: UnixMillis, failures: u32) {
        if matches!(self.orders.get(&order), Some(Turn::Runs { .. })) {
            self.wait(order, until, failures);
        }
    }

    /// An order that was taken had no notice left when it was looked at; if one has come since, its turn
    /// is now.
    pub(super) fn done(&mut self, order: OrderId, now: UnixMillis) {
        match self.orders.remove(&order) {
            Some(Turn::Runs { again: true, .. }) => self.wait(order, now, 0),
            Some(Turn::Waits { until, .. }) => drop(self.due.remove(&(until, order))),
            _ => {}
        }
    }

    /// Orders in the queue.
    pub(super) fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether orders that were turned away are to be looked up at `now`; asked once.
    pub(super) fn looks_up(&mut self, now: UnixMillis) -> bool {
        let is_time = |at: UnixMillis| at.plus_millis(LOOK_UP_AFTER_MS) <= now;
        let looks_up =
            self.turned_away.is_some_and(is_time) && self.orders.len() * 2 < self.len_max;
        if looks_up {
            self.turned_away = None;
        }
        looks_up
    }

    fn wait(&mut self, order: OrderId, until: UnixMillis, failures: u32) {
        self.orders.insert(order, Turn::Waits { until, failures });
        self.due.insert((until, order));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> UnixMillis {
        UnixMillis::new(millis)
    }

    const A: OrderId = OrderId::new(1);
    const B: OrderId = OrderId::new(2);

    #[test]
    fn one_order_waits_while_others_have_their_turn() {
        let mut queue = Queue::new(10);
        queue.add(A, at(0));
        assert_eq!(queue.next(at(0)), Some(A));
        assert_eq!(queue.next(at(0)), None, "one turn at a time");
        queue.wait_again(A, at(100), 1);
        queue.add(B, at(10));
        queue.add(A, at(10));
        assert_eq!(
            queue.next(at(99)),
            Some(B),
            "A has failed and waits, also for what comes after"
        );
        assert_eq!(queue.next(at(99)), None);
        assert_eq!((queue.next(at(100)), queue.failures(A)), (Some(A), 1));
        queue.done(A, at(100));
        queue.done(B, at(100));
        assert_eq!((queue.len(), queue.failures(A)), (0, 0));
        assert_eq!(queue.next(at(1000)), None);
    }

    #[test]
    fn what_comes_during_a_turn_is_not_lost() {
        let mut queue = Queue::new(10);
        queue.add(A, at(0));
        queue.next(at(0));
        queue.add(A, at(1));
        queue.done(A, at(2));
        assert_eq!(queue.next(at(2)), Some(A));
        queue.done(A, at(3));
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn an_operator_can_hurry_what_waits() {
        let mut queue = Queue::new(10);
        queue.add(A, at(0));
        queue.next(at(0));
        queue.wait_again(A, at(100), 3);
        queue.hurry(A, at(5));
        assert_eq!((queue.next(at(5)), queue.failures(A)), (Some(A), 0));
        queue.hurry(A, at(6));
        assert_eq!(queue.next(at(6)), None, "it has its turn already");
        queue.done(A, at(7));
        queue.hurry(B, at(8));
        assert_eq!((queue.next(at(8)), queue.next(at(8))), (Some(A), Some(B)));
    }

    #[test]
    fn what_a_full_queue_turned_away_is_looked_up_later() {
        let mut queue = Queue::new(2);
        let c = OrderId::new(3);
        for order in [A, B, c] {
            queue.add(order, at(0));
        }
        assert_eq!(queue.len(), 2);
        assert!(!queue.looks_up(at(100_000)), "it is still full");
        for _ in 0..2 {
            let order = queue.next(at(1)).unwrap();
            queue.done(order, at(1));
        }
        assert!(!queue.looks_up(at(59_999)), "the snapshots may not have it yet");
        assert!(queue.looks_up(at(60_000)));
        assert!(!queue.looks_up(at(60_001)));
    }
}
