//! When unpaid orders' places go back.

use std::collections::BTreeSet;

use actix::prelude::*;
use hashbrown::HashMap;
use tokio::sync::oneshot;

use crate::actors::explain::Inspected;
use crate::actors::order::OrderActor;
use crate::actors::order::cache::Waiting;
use crate::domain::inventory::PoolKey;
use crate::domain::order::OrderLine;
use crate::engine::plan::{Ask, ParticipantKey};
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

    /// Unpaid orders whose time is up next, soonest first.
    fn next(&self) -> impl Iterator<Item = (UnixMillis, OrderId)> {
        self.by_time.iter().copied()
    }

    /// Takes an order whose time is up at `now`.
    fn pop_due(&mut self, now: UnixMillis) -> Option<OrderId> {
        let &(at, order) = self.by_time.first().filter(|(at, _)| *at <= now)?;
        self.by_time.remove(&(at, order));
        self.by_order.remove(&order);
        Some(order)
    }
}

/// Orders being closed because their time is up.
#[derive(Debug, Default)]
pub(super) struct Expiring {
    /// How many are under way: being fetched, or their record not durable yet.
    under_way: usize,
    /// Whether the next look is asked for already.
    asked: bool,
}

/// Asks for the next look for orders whose time is up. It goes through the mailbox, so that whatever
/// came in meanwhile is served first.
#[derive(Message)]
#[rtype(result = "()")]
struct NextDue;

/// Unpaid orders looked at to tell when a slot gets places back: a wave of them must not hold up sales.
const LOOKED_AT_MAX: usize = 2000;

impl OrderActor {
    /// Asks participants what they would say, and adds when places come back to each.
    pub(in crate::actors) fn inspect(
        &mut self,
        parts: Vec<(ParticipantKey, Option<Ask>)>,
    ) -> Vec<Inspected> {
        if self.rebuilding {
            return Vec::new();
        }
        let now = self.context.clock.now();
        let inspected = parts.into_iter().map(|(key, ask)| {
            let next_expiry = self.next_expiry(key);
            let (reply, answer) = oneshot::channel();
            self.directory.inspect(key, ask, reply, now);
            Inspected { answer, next_expiry }
        });
        inspected.collect()
    }

    /// When the next unpaid order with places of `key` is due, as far as orders are in memory.
    fn next_expiry(&self, key: ParticipantKey) -> Option<UnixMillis> {
        let has_places = |line: &OrderLine| match key {
            ParticipantKey::Slot(slot) => line.slot == slot,
            ParticipantKey::Pool(PoolKey { pool, date, timespan }) => {
                line.pool == Some(pool) && (line.slot.date, line.slot.timespan) == (date, timespan)
            }
            ParticipantKey::Limit(_) | ParticipantKey::Account(_) => false,
        };
        let holds =
            |id| self.orders.get(id).is_some_and(|order| order.lines.iter().any(has_places));
        let mut due = self.expiries.next().take(LOOKED_AT_MAX);
        due.find(|(_, id)| holds(*id)).map(|(at, _)| at)
    }

    /// Closes orders whose time is up. Only so many are under way at once, and the next come when half of
    /// them are done: a wave of any size goes through at the journal's pace, and sales go on between.
    pub(super) fn expire_due(&mut self, ctx: &mut Context<Self>) {
        let now = self.context.clock.now();
        let room = self.context.config.expiry_step.saturating_sub(self.expiring.under_way);
        let mut due = Vec::new();
        while due.len() < room
            && let Some(order) = self.expiries.pop_due(now)
        {
            due.push(order);
        }
        self.expiring.under_way += due.len();
        for id in due {
            match self.orders.get(id) {
                Some(order) => self.expire(&order),
                None => self.fetch(id, Waiting::Expire, ctx),
            }
        }
    }

    /// One less is under way, without having been closed: the next tick tries it again if it must be.
    pub(super) fn not_expired(&mut self) {
        self.expiring.under_way = self.expiring.under_way.saturating_sub(1);
    }

    /// One less is under way, closed for good.
    pub(super) fn expired(&mut self, ctx: &mut Context<Self>) {
        self.not_expired();
        let half = self.context.config.expiry_step / 2;
        if self.expiring.under_way <= half && !self.expiring.asked {
            self.expiring.asked = true;
            ctx.notify(NextDue);
        }
    }
}

impl Handler<NextDue> for OrderActor {
    type Result = ();

    fn handle(&mut self, _: NextDue, ctx: &mut Self::Context) {
        self.expiring.asked = false;
        if !self.rebuilding {
            self.guarded(ctx, Self::expire_due);
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
