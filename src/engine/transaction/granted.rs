//! What a granted request puts into its record: the order as it was placed, and what its participants gave.

use crate::domain::inventory::{AreaEvent, SlotEvent, StockEvent, Take};
use crate::domain::limits::CounterEvent;
use crate::domain::order::{OrderLine, OrderPlaced, TakenCount};
use crate::engine::ids::IdSource;
use crate::engine::plan::{Ask, ParticipantKey, counter_home};
use crate::engine::transaction::{Event, Granted};
use crate::types::{AreaNo, LineId, OrderId, Quantity, SeatNo, SlotKey, UnixMillis};

impl Granted<'_> {
    pub(super) fn placed(&self, now: UnixMillis, ids: &mut dyn IdSource) -> OrderPlaced {
        let admitted = self.admitted;
        let id = OrderId::new(ids.next_number(now));
        let mut counts = Vec::new();
        let mut lines = Vec::with_capacity(admitted.lines.len());
        let mut hold_seconds = u32::MAX;
        let mut seats = self.seats();
        for (index, line) in admitted.lines.iter().enumerate() {
            let product = &line.product;
            let slot = line.slot(admitted.date, self.timespan);
            for claim in &line.claims {
                let home = counter_home(slot, product, claim, admitted.today);
                let count = claim.claim(admitted.today).count();
                // Orders have far fewer lines than that: the configuration bounds them.
                let line = u16::try_from(index).unwrap_or(u16::MAX);
                counts.push(TakenCount { line, home, count });
            }
            hold_seconds = hold_seconds.min(product.rules.hold_seconds);
            let (valid_from, valid_until) = self.validity(slot);
            lines.push(OrderLine {
                id: LineId::new(ids.next_number(now)),
                product: product.no,
                product_name: product.name.clone(),
                slot,
                area: line.area,
                pool: product.pool,
                quantity: line.quantity,
                unit_price: line.unit_price,
                list_price: line.list_price,
                unit_rebate: product.rebate,
                rebate_at: product.rebate_at,
                uses: product.uses,
                seats: take_seats(&mut seats, slot, line.area, line.quantity),
                valid_from,
                valid_until,
            });
        }
        OrderPlaced {
            id,
            supplier: admitted.supplier_no(),
            agent: admitted.agent,
            channel: admitted.channel,
            request_key: self.request_key.cloned(),
            placed_at: now,
            expires_at: now.plus_millis(i64::from(hold_seconds) * 1000),
            lines,
            counts,
            private: self.private.clone(),
            total: admitted.total,
        }
    }

    /// The seats granted, by slot and area.
    fn seats(&self) -> Vec<(SlotKey, AreaNo, SeatNo)> {
        let granted = self.plan.parts().iter().zip(self.grants);
        let slots = granted.filter_map(|((key, _), grant)| match key {
            ParticipantKey::Slot(slot) => Some((*slot, grant)),
            _ => None,
        });
        let seats = slots.flat_map(|(slot, grant)| {
            grant.seats.iter().map(move |(area, seat)| (slot, *area, *seat))
        });
        seats.collect()
    }

    /// A dated ticket is valid all day at the venue, an open one for the validity asked for.
    fn validity(&self, slot: SlotKey) -> (UnixMillis, UnixMillis) {
        let offset = self.admitted.supplier.utc_offset_seconds;
        match (slot.date, self.admitted.validity) {
            (Some(date), _) => (date.start(offset), date.plus_days(1).start(offset)),
            (None, Some(validity)) => validity,
            (None, None) => (UnixMillis::new(i64::MIN), UnixMillis::new(i64::MAX)),
        }
    }

    /// Turns what the plan held into what the record says was taken.
    pub(super) fn take(&self, events: &mut Vec<Event>, taken: fn(Quantity) -> StockEvent) {
        for (index, (key, ask)) in self.plan.parts().iter().enumerate() {
            match (key, ask) {
                (ParticipantKey::Slot(slot), Ask::Slot(hold)) => {
                    let area = |take: &Take| {
                        let granted = self.grants.get(index).map_or(&[][..], |it| &it.seats);
                        let here = granted.iter().filter(|(area, _)| *area == take.area);
                        let seats = here.map(|(_, seat)| *seat).collect();
                        AreaEvent { area: take.area, stock: taken(take.quantity), seats }
                    };
                    let areas = hold.takes.iter().map(area).collect();
                    let counts = hold.claims.iter().map(|claim| claim.count()).collect();
                    let counters = CounterEvent::Counted(counts);
                    events.push(Event::Slot(*slot, SlotEvent { areas, counters, open: None }));
                }
                (ParticipantKey::Pool(pool), Ask::Pool(quantity)) => {
                    events.push(Event::Pool(*pool, taken(*quantity)));
                }
                (ParticipantKey::Limit(limit), Ask::Limit(claims)) => {
                    let counts = claims.iter().map(|claim| claim.count()).collect();
                    events.push(Event::Limit(*limit, CounterEvent::Counted(counts)));
                }
                // Money moves by postings, not by what was reserved. Keys and asks are built
                // together, so no other pair exists.
                _ => {}
            }
        }
    }
}

/// The first `quantity` seats of an area that no line has yet; none where places have no numbers.
fn take_seats(
    seats: &mut Vec<(SlotKey, AreaNo, SeatNo)>,
    slot: SlotKey,
    area: AreaNo,
    quantity: Quantity,
) -> Vec<SeatNo> {
    let mut taken = Vec::new();
    seats.retain(|(of, within, seat)| {
        let mine = (*of, *within) == (slot, area) && taken.len() < quantity.get() as usize;
        if mine {
            taken.push(*seat);
        }
        !mine
    });
    taken
}
