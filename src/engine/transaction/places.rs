//! Places and counts of an order that move again after it was placed: one event a slot, pool and shard.

use smallvec::SmallVec;

use crate::domain::inventory::{AreaEvent, PoolKey, SlotEvent, StockEvent};
use crate::domain::limits::{Count, CounterEvent, LimitKey};
use crate::domain::order::{CounterHome, Order, OrderLine, TakenCount};
use crate::domain::seats::Seats;
use crate::engine::transaction::Event;
use crate::types::{AreaNo, Quantity, SlotKey};

/// Places of a line that move together.
pub(super) struct Places<'a> {
    pub(super) line: &'a OrderLine,
    pub(super) quantity: Quantity,
    /// Their seats, where places have numbers.
    pub(super) seats: Seats,
}

/// Every line of an order with all its places.
pub(super) fn whole(order: &Order) -> Vec<Places<'_>> {
    let lines = order.lines.iter();
    let places = lines.map(|line| {
        let seats = line.seats.iter().copied().collect();
        Places { line, quantity: line.quantity, seats }
    });
    places.collect()
}

/// Moves places of lines, one event a slot and a pool.
pub(super) fn move_places(
    events: &mut Vec<Event>,
    places: &[Places<'_>],
    moved: fn(Quantity) -> StockEvent,
) {
    let mut areas: Vec<(SlotKey, AreaNo, Quantity, Seats)> = Vec::new();
    let mut pools: Vec<(PoolKey, Quantity)> = Vec::new();
    let plus = |sum: Quantity, more: Quantity| sum.checked_add(more).unwrap_or(sum);
    for Places { line, quantity: more, seats: more_seats } in places {
        let here =
            |(slot, area, ..): &&mut (SlotKey, _, _, _)| *slot == line.slot && *area == line.area;
        match areas.iter_mut().find(here) {
            Some((_, _, quantity, seats)) => {
                *quantity = plus(*quantity, *more);
                seats.extend_from_slice(more_seats);
            }
            None => areas.push((line.slot, line.area, *more, more_seats.clone())),
        }
        let Some(pool) = line.pool else { continue };
        let key = PoolKey { pool, date: line.slot.date, timespan: line.slot.timespan };
        match pools.iter_mut().find(|(known, _)| *known == key) {
            Some((_, quantity)) => *quantity = plus(*quantity, *more),
            None => pools.push((key, *more)),
        }
    }
    for (slot, area, quantity, seats) in areas {
        slot_event(events, slot).areas.push(AreaEvent { area, stock: moved(quantity), seats });
    }
    events.extend(pools.into_iter().map(|(pool, quantity)| Event::Pool(pool, moved(quantity))));
}

/// How a count moves: up or down.
type Counting = fn(SmallVec<[Count; 2]>) -> CounterEvent;

/// Moves one count of an order. All counts of a record move the same way.
pub(super) fn count(events: &mut Vec<Event>, taken: &TakenCount, how: Counting) {
    let counters = match taken.home {
        CounterHome::Slot(slot) => &mut slot_event(events, slot).counters,
        CounterHome::Shard(limit) => limit_event(events, limit),
    };
    let mut counts = match std::mem::take(counters) {
        CounterEvent::Counted(counts) | CounterEvent::Returned(counts) => counts,
    };
    let same = |known: &&mut Count| Count { amount: taken.count.amount, ..**known } == taken.count;
    match counts.iter_mut().find(same) {
        Some(known) => {
            known.amount = known.amount.checked_add(taken.count.amount).unwrap_or(known.amount);
        }
        None => counts.push(taken.count),
    }
    *counters = how(counts);
}

/// The event of a limit shard in this record, made if there is none.
fn limit_event(events: &mut Vec<Event>, limit: LimitKey) -> &mut CounterEvent {
    let known = |event: &Event| matches!(event, Event::Limit(key, _) if *key == limit);
    let index = events.iter().position(known).unwrap_or_else(|| {
        events.push(Event::Limit(limit, CounterEvent::default()));
        events.len() - 1
    });
    match &mut events[index] {
        Event::Limit(_, counters) => counters,
        _ => unreachable!("the position was found by this very pattern"),
    }
}

/// The event of `slot` in this record, made if there is none.
fn slot_event(events: &mut Vec<Event>, slot: SlotKey) -> &mut SlotEvent {
    let known = |event: &Event| matches!(event, Event::Slot(key, _) if *key == slot);
    let index = events.iter().position(known).unwrap_or_else(|| {
        events.push(Event::Slot(slot, SlotEvent::default()));
        events.len() - 1
    });
    match &mut events[index] {
        Event::Slot(_, event) => event,
        _ => unreachable!("the position was found by this very pattern"),
    }
}
