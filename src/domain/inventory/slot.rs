//! One product on one date in one timespan.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::domain::holds::Holds;
use crate::domain::inventory::{
    AdjustError, Adjustment, Capacity, SlotError, SlotEvent, Stock, StockEvent,
};
use crate::domain::limits::{Claim, CounterEvent, Counters};
use crate::domain::seats::{SeatMap, SeatMove, Seating, Seats};
use crate::types::{AreaNo, HoldId, Quantity};

/// Places wanted in one area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// The area, [`AreaNo::NONE`] where the product has none.
    pub area: AreaNo,
    /// How many places.
    pub quantity: Quantity,
    /// Which seats, if the caller chose; otherwise the best are given where seats have numbers.
    pub seats: Seats,
}

impl Take {
    /// Any places.
    #[must_use]
    pub fn any(area: AreaNo, quantity: Quantity) -> Self {
        Self { area, quantity, seats: Seats::new() }
    }
}

/// Asks a slot to keep places, and counts of the limits whose window it is, for one checkout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceHold {
    /// Places, at most one entry an area.
    pub takes: SmallVec<[Take; 1]>,
    /// Limit counts, at most one entry a rule and identity.
    pub claims: SmallVec<[Claim; 2]>,
}

/// Stock by area, seats where they have numbers, the limit counters of this slot, and the checkouts in
/// flight.
#[derive(Clone, Debug)]
pub struct Slot {
    areas: SmallVec<[(AreaNo, Stock); 1]>,
    /// Areas whose seats have numbers, or had when some were taken.
    seatings: Vec<(AreaNo, Seating)>,
    counters: Counters,
    is_open: bool,
    holds: Holds<PlaceHold>,
    /// The adjustment in flight; volatile.
    adjusting: Option<(HoldId, AreaNo, Adjustment)>,
}

impl Slot {
    /// An open slot with this stock, these counters and nothing in flight.
    #[must_use]
    pub fn new(areas: SmallVec<[(AreaNo, Stock); 1]>, counters: Counters) -> Self {
        let (seatings, holds) = (Vec::new(), Holds::default());
        Self { areas, seatings, counters, is_open: true, holds, adjusting: None }
    }

    /// The same slot, open or closed, as a snapshot tells it.
    #[must_use]
    pub fn with_open(self, is_open: bool) -> Self {
        Self { is_open, ..self }
    }

    /// Whether it sells. A closed slot keeps what is held and sold, and takes nothing new.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// The same slot with these seats taken, as a snapshot tells it.
    #[must_use]
    pub fn with_seatings(self, seatings: Vec<(AreaNo, Seating)>) -> Self {
        Self { seatings, ..self }
    }

    /// Stock by area.
    #[must_use]
    pub fn areas(&self) -> &[(AreaNo, Stock)] {
        &self.areas
    }

    /// Stock by area, to give it the capacity the catalogue has now.
    pub fn areas_mut(&mut self) -> &mut [(AreaNo, Stock)] {
        &mut self.areas
    }

    /// Gives an area the capacity the catalogue has now. An area the slot does not have yet begins
    /// untouched: replay only knows those in which something happened.
    pub fn set_capacity(&mut self, area: AreaNo, capacity: Capacity, allowance: Quantity) {
        self.stock_or_insert(area).set_capacity(capacity, allowance);
    }

    /// Gives an area the seat map the catalogue has now; `None` where seats have no numbers.
    pub fn set_seat_map(&mut self, area: AreaNo, map: Option<&Arc<SeatMap>>) {
        if map.is_some() || self.seating(area).is_some() {
            seating_or_insert(&mut self.seatings, area).set_map(map.cloned());
        }
    }

    /// Seats by area, of the areas whose seats have numbers or had when some were taken.
    #[must_use]
    pub fn seatings(&self) -> &[(AreaNo, Seating)] {
        &self.seatings
    }

    /// Seats of an area, if they have numbers or had when some were taken.
    #[must_use]
    pub fn seating(&self, area: AreaNo) -> Option<&Seating> {
        self.seatings.iter().find(|(no, _)| *no == area).map(|(_, seating)| seating)
    }

    /// The counters of the limits whose window is this slot.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The same counters, to save them.
    pub const fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// The same slot without counters and with nothing in flight.
    #[must_use]
    pub fn without_counters(&self) -> Self {
        let slot = Self::new(self.areas.clone(), Counters::default());
        slot.with_seatings(self.seatings.clone()).with_open(self.is_open)
    }

    /// Takes over a later slot's places, seats and whether it sells, as a snapshot tells them.
    pub fn advance(&mut self, later: Self) {
        let Self { areas, seatings, counters: _, is_open, holds: _, adjusting: _ } = later;
        (self.areas, self.seatings, self.is_open) = (areas, seatings, is_open);
    }

    /// Decides whether everything `command` asks for can be held together.
    ///
    /// # Errors
    /// The first that fits, in the order [`SlotError`] lists them.
    pub fn decide(&self, command: &PlaceHold) -> Result<(), SlotError> {
        if !self.is_open {
            return Err(SlotError::Closed);
        }
        let takes = &command.takes[..];
        // Two passes: an area that does not exist comes before one that is sold out, wherever it stands.
        if takes.len() > 1 {
            for take in takes {
                self.stock(take.area).ok_or(SlotError::UnknownArea(take.area))?;
            }
        }
        for take in takes {
            let area = take.area;
            let stock = self.stock(area).ok_or(SlotError::UnknownArea(area))?;
            let decided = stock.decide_take(take.quantity);
            decided.map_err(|sold_out| SlotError::SoldOut { area, sold_out })?;
        }
        for Take { area, quantity, seats } in takes {
            let decided = match self.seating(*area) {
                Some(seating) if seats.is_empty() => seating.decide_best(quantity.get()),
                Some(seating) => seating.decide_these(seats),
                None if seats.is_empty() => Ok(()),
                None => Seating::default().decide_these(seats),
            };
            decided.map_err(|error| SlotError::Seats { area: *area, error })?;
        }
        self.counters.decide(&command.claims)?;
        Ok(())
    }

    /// Keeps what was decided for a checkout and says what it keeps, with the seats chosen for it.
    /// Repeating it changes nothing.
    pub fn hold(&mut self, hold: HoldId, mut command: PlaceHold) -> &PlaceHold {
        let Self { areas, seatings, counters, holds, .. } = self;
        holds.keep(hold, || {
            for take in &mut command.takes {
                if let Some((_, stock)) = areas.iter_mut().find(|(no, _)| *no == take.area) {
                    stock.pend(take.quantity);
                }
                if let Some((_, seating)) = seatings.iter_mut().find(|(no, _)| *no == take.area) {
                    if take.seats.is_empty() {
                        take.seats = seating.best(take.quantity.get());
                    }
                    seating.pend(&take.seats);
                }
            }
            counters.pend(&command.claims);
            command
        })
    }

    /// Lets a checkout's places and counts go. Repeating it changes nothing.
    pub fn release(&mut self, hold: HoldId) {
        self.end(hold, &CounterEvent::default());
    }

    /// Ends a hold or an adjustment, if there is one, and makes what has happened to the counters true.
    fn end(&mut self, hold: HoldId, event: &CounterEvent) {
        if let Some((_, area, adjustment)) = self.adjusting.take_if(|(id, ..)| *id == hold)
            && let Adjustment::Withdraw(quantity) = adjustment
            && let Some(stock) = self.stock_mut(area)
        {
            stock.unpend(quantity);
        }
        let Self { areas, seatings, counters, holds, .. } = self;
        let ended = holds.remove(hold, |command| {
            for take in &command.takes {
                if let Some((_, stock)) = areas.iter_mut().find(|(no, _)| *no == take.area) {
                    stock.unpend(take.quantity);
                }
                if !take.seats.is_empty() {
                    seating_or_insert(seatings, take.area).unpend(&take.seats);
                }
            }
            counters.settle(&command.claims, event);
        });
        if ended.is_none() {
            counters.apply(event);
        }
    }

    /// Decides whether an operator's adjustment of an area can be made, open or closed.
    ///
    /// # Errors
    /// The first that fits, in the order [`AdjustError`] lists them.
    pub fn decide_adjust(&self, area: AreaNo, adjustment: Adjustment) -> Result<(), AdjustError> {
        let stock = self.stock(area).ok_or(AdjustError::UnknownArea(area))?;
        if self.adjusting.is_some() {
            return Err(AdjustError::UnderWay);
        }
        stock.decide_adjust(adjustment)
    }

    /// Keeps a decided adjustment until its record is applied or it is released: places about to be
    /// withdrawn are sold to nobody meanwhile.
    pub fn hold_adjust(&mut self, hold: HoldId, area: AreaNo, adjustment: Adjustment) {
        if self.adjusting.is_some() {
            return;
        }
        if let Adjustment::Withdraw(quantity) = adjustment
            && let Some(stock) = self.stock_mut(area)
        {
            stock.pend(quantity);
        }
        self.adjusting = Some((hold, area, adjustment));
    }

    /// Whether no checkout and no adjustment is in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.holds.is_empty() && self.adjusting.is_none()
    }

    /// Makes a journalled change true and ends the hold that led to it, if this process made it.
    pub fn apply(&mut self, hold: Option<HoldId>, event: &SlotEvent) {
        match hold {
            Some(hold) => self.end(hold, &event.counters),
            None => self.counters.apply(&event.counters),
        }
        for change in &event.areas {
            self.stock_or_insert(change.area).apply(change.stock);
            if !change.seats.is_empty()
                && let Some(step) = seat_move(change.stock)
            {
                seating_or_insert(&mut self.seatings, change.area).apply(step, &change.seats);
            }
        }
        self.is_open = event.open.unwrap_or(self.is_open);
    }

    fn stock(&self, area: AreaNo) -> Option<&Stock> {
        self.areas.iter().find(|(no, _)| *no == area).map(|(_, stock)| stock)
    }

    fn stock_mut(&mut self, area: AreaNo) -> Option<&mut Stock> {
        self.areas.iter_mut().find(|(no, _)| *no == area).map(|(_, stock)| stock)
    }

    /// The journal may know an area the catalogue has dropped since; its sales still count.
    fn stock_or_insert(&mut self, area: AreaNo) -> &mut Stock {
        let index = self.areas.iter().position(|(no, _)| *no == area).unwrap_or_else(|| {
            let gone = Capacity::Limited(Quantity::ZERO);
            self.areas.push((area, Stock::new(gone, Quantity::ZERO)));
            self.areas.len() - 1
        });
        &mut self.areas[index].1
    }
}

/// The journal may know seats of an area that has no map any more; who has them still counts.
fn seating_or_insert(seatings: &mut Vec<(AreaNo, Seating)>, area: AreaNo) -> &mut Seating {
    let index = seatings.iter().position(|(no, _)| *no == area).unwrap_or_else(|| {
        seatings.push((area, Seating::default()));
        seatings.len() - 1
    });
    &mut seatings[index].1
}

/// What becomes of the seats that move with places; operators move places and no seats.
const fn seat_move(stock: StockEvent) -> Option<SeatMove> {
    match stock {
        StockEvent::Held(_) => Some(SeatMove::Hold),
        StockEvent::Sold(_) => Some(SeatMove::Sell),
        StockEvent::Confirmed(_) => Some(SeatMove::Confirm),
        StockEvent::Released(_) => Some(SeatMove::Release),
        StockEvent::Returned(_) => Some(SeatMove::Return),
        StockEvent::Added(_) | StockEvent::Withdrawn(_) | StockEvent::Restored(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::domain::inventory::AreaEvent;
    use crate::domain::limits::{CounterEvent, LimitExceeded};
    use crate::domain::seats::{Numbering, SeatError, SeatRow};
    use crate::types::{IdentityHash, RuleNo, SeatNo};

    const A: AreaNo = AreaNo::new(1);
    const B: AreaNo = AreaNo::new(2);
    const NOWHERE: AreaNo = AreaNo::new(9);

    fn n(count: u32) -> Quantity {
        Quantity::new(count)
    }

    /// Area A with two places and area B with one, nothing taken.
    fn slot() -> Slot {
        let stock = |places| Stock::new(Capacity::Limited(n(places)), n(0));
        Slot::new(smallvec![(A, stock(2)), (B, stock(1))], Counters::default())
    }

    fn ask(takes: &[(AreaNo, u32)], claims: &[(u8, u32, u32)]) -> PlaceHold {
        let take = |&(area, count): &(AreaNo, u32)| Take::any(area, n(count));
        let claim = |&(rule, amount, max): &(u8, u32, u32)| Claim {
            rule: RuleNo::new(rule),
            identity: IdentityHash::new(7),
            amount: n(amount),
            max: n(max),
            days: None,
        };
        PlaceHold {
            takes: takes.iter().map(take).collect(),
            claims: claims.iter().map(claim).collect(),
        }
    }

    #[cfg(not(feature = "unguarded-stock"))]
    fn sold_out(area: AreaNo, asked: u32, left: u32) -> SlotError {
        use crate::domain::inventory::{Available, SoldOut};
        let available = Available::Left(n(left));
        SlotError::SoldOut { area, sold_out: SoldOut { asked: n(asked), available } }
    }

    fn limited(rule: u8, used: u32, asked: u32, max: u32) -> SlotError {
        let (used, asked, max) = (n(used), n(asked), n(max));
        LimitExceeded { rule: RuleNo::new(rule), used, asked, max }.into()
    }

    fn check(given: &Slot, command: &PlaceHold, expected: Result<(), SlotError>) {
        assert_eq!(given.decide(command), expected, "{command:?}");
    }

    #[test]
    fn an_unknown_area_and_a_used_up_limit_are_refused() {
        check(&slot(), &ask(&[(A, 2), (B, 1)], &[(0, 1, 1)]), Ok(()));
        check(&slot(), &ask(&[(NOWHERE, 1)], &[]), Err(SlotError::UnknownArea(NOWHERE)));
        check(&slot(), &ask(&[(A, 1)], &[(0, 2, 1)]), Err(limited(0, 0, 2, 1)));
        check(&slot(), &ask(&[(A, 1)], &[(0, 1, 1), (1, 2, 1)]), Err(limited(1, 0, 2, 1)));
    }

    #[cfg(not(feature = "unguarded-stock"))]
    #[test]
    fn an_area_short_of_places_is_refused_by_name() {
        check(&slot(), &ask(&[(A, 3)], &[]), Err(sold_out(A, 3, 2)));
        check(&slot(), &ask(&[(A, 2), (B, 2)], &[]), Err(sold_out(B, 2, 1)));
    }

    #[cfg(not(feature = "unguarded-stock"))]
    #[test]
    fn errors_come_in_the_order_they_are_listed() {
        let unknown = Err(SlotError::UnknownArea(NOWHERE));
        // Whatever its place in the command: before this was checked, the order of areas decided.
        check(&slot(), &ask(&[(A, 3), (NOWHERE, 1)], &[]), unknown);
        check(&slot(), &ask(&[(NOWHERE, 1), (A, 3)], &[]), unknown);
        check(&slot(), &ask(&[(NOWHERE, 1)], &[(0, 2, 1)]), unknown);
        check(&slot(), &ask(&[(A, 3)], &[(0, 2, 1)]), Err(sold_out(A, 3, 2)));
        check(&slot(), &ask(&[(A, 3), (B, 2)], &[]), Err(sold_out(A, 3, 2)));
    }

    #[test]
    fn a_record_ends_the_hold_that_led_to_it_and_a_replayed_one_needs_none() {
        let command = ask(&[(A, 2)], &[(0, 1, 1)]);
        let sold = SlotEvent {
            areas: smallvec![AreaEvent {
                area: A,
                stock: StockEvent::Sold(n(2)),
                seats: Seats::new()
            }],
            counters: CounterEvent::Counted(command.claims.iter().map(Claim::count).collect()),
            open: None,
        };
        let (mut live, mut replayed) = (slot(), slot());
        let hold = HoldId::new(1);
        live.hold(hold, command.clone());
        live.hold(hold, command);
        assert!(!live.is_idle());
        live.apply(Some(hold), &sold);
        live.release(hold);
        replayed.apply(None, &sold);
        assert!(live.is_idle());
        assert_eq!(live.areas(), replayed.areas());
        assert_eq!(live.counters().counts(), replayed.counters().counts());
        check(&live, &ask(&[(B, 1)], &[(0, 1, 1)]), Err(limited(0, 1, 1, 1)));
    }

    #[test]
    fn a_closed_slot_takes_nothing_new_and_keeps_what_it_has() {
        let mut slot = slot();
        let held = |stock| SlotEvent {
            areas: smallvec![AreaEvent { area: A, stock, seats: Seats::new() }],
            ..SlotEvent::default()
        };
        slot.apply(None, &held(StockEvent::Held(n(1))));
        slot.apply(None, &SlotEvent { open: Some(false), ..SlotEvent::default() });
        // Before everything else, whatever else is wrong.
        check(&slot, &ask(&[(NOWHERE, 1)], &[]), Err(SlotError::Closed));
        slot.apply(None, &held(StockEvent::Confirmed(n(1))));
        assert_eq!(slot.areas()[0].1.sold(), n(1));
        assert_eq!(slot.decide_adjust(A, Adjustment::Withdraw(n(1))), Ok(()));
        slot.apply(None, &SlotEvent { open: Some(true), ..SlotEvent::default() });
        check(&slot, &ask(&[(A, 1)], &[]), Ok(()));
    }

    #[test]
    fn an_adjustment_in_flight_keeps_its_places_and_keeps_others_out() {
        let (hold, withdraw) = (HoldId::new(7), Adjustment::Withdraw(n(2)));
        let mut slot = slot();
        let unknown = AdjustError::UnknownArea(NOWHERE);
        assert_eq!(slot.decide_adjust(NOWHERE, withdraw), Err(unknown));
        slot.hold_adjust(hold, A, withdraw);
        assert!(!slot.is_idle());
        assert_eq!(slot.areas()[0].1.pending(), n(2));
        assert_eq!(slot.decide_adjust(B, withdraw), Err(AdjustError::UnderWay));
        slot.release(hold);
        slot.release(hold);
        assert!(slot.is_idle());
        assert_eq!(slot.areas()[0].1.pending(), n(0));
        slot.hold_adjust(hold, A, withdraw);
        let areas = smallvec![AreaEvent { area: A, stock: withdraw.event(), seats: Seats::new() }];
        slot.apply(Some(hold), &SlotEvent { areas, ..SlotEvent::default() });
        assert!(slot.is_idle());
        let stock = slot.areas()[0].1;
        assert_eq!((stock.pending(), stock.withdrawn()), (n(0), n(2)));
    }

    #[test]
    fn sales_in_an_area_the_catalogue_has_dropped_still_count() {
        let mut slot = slot();
        let event = AreaEvent { area: NOWHERE, stock: StockEvent::Sold(n(1)), seats: Seats::new() };
        slot.apply(None, &SlotEvent { areas: smallvec![event], ..SlotEvent::default() });
        let (area, stock) = slot.areas()[2];
        assert_eq!((area, stock.sold()), (NOWHERE, n(1)));
        assert!(!stock.is_within_capacity());
    }

    /// Area A has two rows of two seats, area B one place without a number.
    fn house() -> Slot {
        let row =
            |label: &str| SeatRow { label: label.into(), first: 0, len: 2, aisles: 0, blocked: 0 };
        let rows = vec![row("1"), row("2")];
        let map = Arc::new(SeatMap::new(rows, Numbering::LeftToRight, None).unwrap());
        let stock = |places| Stock::new(Capacity::Limited(n(places)), n(0));
        let areas = smallvec![(A, stock(map.capacity().get())), (B, stock(1))];
        let mut slot = Slot::new(areas, Counters::default());
        slot.set_seat_map(A, Some(&map));
        slot.set_seat_map(B, None);
        slot
    }

    fn seat(row: u16, position: u8) -> SeatNo {
        SeatNo::at(row, position).unwrap()
    }

    fn named(area: AreaNo, seats: &[SeatNo]) -> PlaceHold {
        let quantity = n(seats.len() as u32);
        let take = Take { area, quantity, seats: seats.into() };
        PlaceHold { takes: smallvec![take], claims: smallvec![] }
    }

    fn refused(area: AreaNo, error: SeatError) -> Result<(), SlotError> {
        Err(SlotError::Seats { area, error })
    }

    #[test]
    fn checkouts_in_flight_get_different_seats_and_give_them_back() {
        let mut house = house();
        let front = [seat(0, 0), seat(0, 1)];
        let pair = ask(&[(A, 2), (B, 1)], &[]);
        let held = house.hold(HoldId::new(1), pair.clone()).clone();
        assert_eq!(held.takes[0].seats.as_slice(), front);
        assert!(held.takes[1].seats.is_empty());
        assert_eq!(house.hold(HoldId::new(1), named(A, &[seat(1, 0)])), &held, "a repeat");
        check(&house, &named(A, &[front[1]]), refused(A, SeatError::Taken(front[1])));
        let behind = house.hold(HoldId::new(2), ask(&[(A, 2)], &[])).takes[0].seats.to_vec();
        assert_eq!(behind, [seat(1, 0), seat(1, 1)]);

        house.release(HoldId::new(1));
        house.release(HoldId::new(1));
        check(&house, &named(A, &front), Ok(()));
        check(&house, &named(A, &behind), refused(A, SeatError::Taken(behind[0])));
    }

    #[test]
    fn seats_that_are_not_there_or_named_twice_are_refused() {
        let nowhere = seat(2, 0);
        check(&house(), &named(A, &[nowhere]), refused(A, SeatError::Unknown(nowhere)));
        check(&house(), &named(B, &[seat(0, 0)]), refused(B, SeatError::Unknown(seat(0, 0))));
        let twice = [seat(0, 0), seat(0, 0)];
        check(&house(), &named(A, &twice), refused(A, SeatError::Repeated(seat(0, 0))));
        // A limit is asked about last.
        let mut limited_too = named(A, &[nowhere]);
        limited_too.claims = ask(&[], &[(0, 2, 1)]).claims;
        check(&house(), &limited_too, refused(A, SeatError::Unknown(nowhere)));
    }

    #[cfg(not(feature = "unguarded-stock"))]
    #[test]
    fn a_full_area_is_sold_out_before_its_seats_are_looked_at() {
        let mut house = house();
        house.hold(HoldId::new(1), ask(&[(A, 3)], &[]));
        check(&house, &named(A, &[seat(0, 0), seat(0, 1)]), Err(sold_out(A, 2, 1)));
    }

    #[test]
    fn more_places_than_seats_never_make_a_seat() {
        let mut house = house();
        house.set_capacity(A, Capacity::Limited(n(9)), n(0));
        check(&house, &ask(&[(A, 5)], &[]), refused(A, SeatError::TooFew { asked: 5, free: 4 }));
    }

    #[test]
    fn seats_follow_their_places_through_the_records() {
        let (mut live, mut replayed) = (house(), Slot::new(smallvec![], Counters::default()));
        let seats: Seats = smallvec![seat(0, 1), seat(1, 0)];
        let event = |stock| {
            let area = AreaEvent { area: A, stock, seats: seats.clone() };
            SlotEvent { areas: smallvec![area], ..SlotEvent::default() }
        };
        live.hold(HoldId::new(1), named(A, &seats));
        let mut hold = Some(HoldId::new(1));
        let taken = |slot: &Slot| -> (Vec<SeatNo>, Vec<SeatNo>) {
            let seating = slot.seating(A).unwrap();
            (seating.held().collect(), seating.sold().collect())
        };
        let (seats, none) = (seats.to_vec(), vec![]);
        let steps = [
            (StockEvent::Held(n(2)), (seats.clone(), none.clone())),
            (StockEvent::Confirmed(n(2)), (none.clone(), seats.clone())),
            (StockEvent::Returned(n(2)), (none.clone(), none.clone())),
            (StockEvent::Sold(n(2)), (none.clone(), seats.clone())),
            (StockEvent::Returned(n(2)), (none.clone(), none.clone())),
            (StockEvent::Held(n(2)), (seats.clone(), none.clone())),
            (StockEvent::Released(n(2)), (none.clone(), none.clone())),
        ];
        for (stock, expected) in steps {
            live.apply(hold.take(), &event(stock));
            replayed.apply(None, &event(stock));
            assert_eq!((taken(&live), taken(&replayed)), (expected.clone(), expected), "{stock:?}");
        }
        assert!(live.is_idle() && live.seating(A).unwrap().pending().next().is_none());
    }
}
