//! Naive twins of [`Slot`] and [`Pool`], for the property tests.
//!
//! A twin keeps no running sum: it lists checkouts and orders and adds everything up again for each
//! question, in numbers wide enough never to wrap. It does not model what the machines leave to
//! `engine`, such as an order that spans several slots.

use proptest::collection::vec;
use proptest::prelude::*;
use smallvec::{SmallVec, smallvec};

use super::{
    AdjustError, Adjustment, AreaEvent, Available, Capacity, PlaceHold, Pool, Slot, SlotError,
    SlotEvent, SoldOut, Stock, StockEvent, Take,
};
use crate::domain::invariants::{NOT_OVERSOLD, RETURNED_ONCE};
use crate::domain::limits::{Claim, Count, CounterEvent, Counters, LimitExceeded};
use crate::types::{AreaNo, HoldId, IdentityHash, Quantity, RuleNo};

/// Where an order of the twin stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Unpaid,
    Paid,
    Cancelled,
}

#[derive(Clone, Debug)]
struct NaiveOrder {
    what: PlaceHold,
    standing: Standing,
}

#[derive(Clone, Debug)]
struct NaiveSlot {
    areas: Vec<(AreaNo, Capacity, u32)>,
    checkouts: Vec<(HoldId, PlaceHold)>,
    orders: Vec<NaiveOrder>,
    /// What operators did, and what they are about to do.
    adjustments: Vec<(AreaNo, Adjustment)>,
    adjusting: Option<(HoldId, AreaNo, Adjustment)>,
    closed: bool,
}

/// What `commands` ask for in `area`, added up.
fn places<'a>(commands: impl Iterator<Item = &'a PlaceHold>, area: AreaNo) -> u64 {
    let takes = commands.flat_map(|command| command.takes.iter());
    takes.filter(|take| take.area == area).map(|take| u64::from(take.quantity.get())).sum()
}

impl NaiveSlot {
    fn in_flight(&self) -> impl Iterator<Item = &PlaceHold> {
        self.checkouts.iter().map(|(_, command)| command)
    }

    fn ordered(&self, standing: Standing) -> impl Iterator<Item = &PlaceHold> {
        let wanted = move |order: &&NaiveOrder| order.standing == standing;
        self.orders.iter().filter(wanted).map(|order| &order.what)
    }

    fn live(&self) -> impl Iterator<Item = &PlaceHold> {
        self.ordered(Standing::Unpaid).chain(self.ordered(Standing::Paid))
    }

    fn taken(&self, area: AreaNo) -> u64 {
        let withdrawing = match self.adjusting {
            Some((_, of, Adjustment::Withdraw(quantity))) if of == area => quantity.get(),
            _ => 0,
        };
        places(self.in_flight(), area) + places(self.live(), area) + u64::from(withdrawing)
    }

    /// The catalogue's places, with what operators have added.
    fn placed(&self, area: AreaNo) -> Option<u64> {
        let (_, capacity, allowance) = self.areas.iter().find(|(no, ..)| *no == area)?;
        match capacity {
            Capacity::Unlimited => Some(u64::MAX),
            Capacity::Limited(places) => {
                let placed = u64::from(places.get()) + u64::from(*allowance);
                Some(placed + self.sum(area, |it| matches!(it, Adjustment::Add(_))))
            }
        }
    }

    fn offered(&self, area: AreaNo) -> Option<u64> {
        match self.placed(area)? {
            u64::MAX => Some(u64::MAX),
            placed => Some(placed.saturating_sub(self.withdrawn(area))),
        }
    }

    fn withdrawn(&self, area: AreaNo) -> u64 {
        self.sum(area, |it| matches!(it, Adjustment::Withdraw(_)))
            - self.sum(area, |it| matches!(it, Adjustment::Restore(_)))
    }

    fn sum(&self, area: AreaNo, is_meant: fn(&Adjustment) -> bool) -> u64 {
        let made = self.adjustments.iter().filter(|(of, it)| *of == area && is_meant(it));
        made.map(|(_, it)| u64::from(it.quantity().get())).sum()
    }

    fn decide_adjust(&self, area: AreaNo, adjustment: Adjustment) -> Result<(), AdjustError> {
        let offered = self.offered(area).ok_or(AdjustError::UnknownArea(area))?;
        if self.adjusting.is_some() {
            return Err(AdjustError::UnderWay);
        }
        let asked = adjustment.quantity();
        if asked == Quantity::ZERO {
            return Err(AdjustError::Nothing);
        }
        let is_restore = matches!(adjustment, Adjustment::Restore(_));
        if offered == u64::MAX && !is_restore {
            return Err(AdjustError::Unlimited);
        }
        let wanted = u64::from(asked.get());
        match adjustment {
            Adjustment::Add(_) => {
                let sum = wanted + self.sum(area, |it| matches!(it, Adjustment::Add(_)));
                if sum > 1 << 30 { Err(AdjustError::TooMany) } else { Ok(()) }
            }
            Adjustment::Withdraw(_) => {
                let available = self.available(area);
                if !available.covers(asked) {
                    return Err(AdjustError::NotFree { asked, available });
                }
                let most = wanted + self.withdrawn(area).max(self.taken(area));
                if most > u64::from(u32::MAX) { Err(AdjustError::TooMany) } else { Ok(()) }
            }
            Adjustment::Restore(_) => {
                let withdrawn = Quantity::new(self.withdrawn(area) as u32);
                let refused = AdjustError::NotWithdrawn { asked, withdrawn };
                if withdrawn < asked { Err(refused) } else { Ok(()) }
            }
        }
    }

    fn available(&self, area: AreaNo) -> Available {
        match self.offered(area) {
            Some(u64::MAX) => Available::Unlimited,
            offered => {
                let left = offered.unwrap_or(0).saturating_sub(self.taken(area));
                Available::Left(Quantity::new(left.min(u64::from(u32::MAX)) as u32))
            }
        }
    }

    fn used(&self, rule: RuleNo, identity: IdentityHash) -> u64 {
        let claims = self.in_flight().chain(self.live()).flat_map(|command| command.claims.iter());
        let same = claims.filter(|claim| (claim.rule, claim.identity) == (rule, identity));
        same.map(|claim| u64::from(claim.amount.get())).sum()
    }

    fn decide(&self, command: &PlaceHold) -> Result<(), SlotError> {
        if self.closed {
            return Err(SlotError::Closed);
        }
        if let Some(take) = command.takes.iter().find(|take| self.offered(take.area).is_none()) {
            return Err(SlotError::UnknownArea(take.area));
        }
        for &Take { area, quantity, .. } in &command.takes {
            let then = self.taken(area) + u64::from(quantity.get());
            if then > u64::from(u32::MAX) || self.offered(area).is_some_and(|all| then > all) {
                // A capacity cut below its sales offers nothing, and nothing is what may be asked.
                let nothing = quantity == Quantity::ZERO && then <= u64::from(u32::MAX);
                if !nothing {
                    let sold_out = SoldOut { asked: quantity, available: self.available(area) };
                    return Err(SlotError::SoldOut { area, sold_out });
                }
            }
        }
        for &Claim { rule, identity, amount, max, .. } in &command.claims {
            let used = self.used(rule, identity);
            if used + u64::from(amount.get()) > u64::from(max.get()) {
                let used = Quantity::new(used as u32);
                return Err(LimitExceeded { rule, used, asked: amount, max }.into());
            }
        }
        Ok(())
    }

    fn counts(&self) -> Vec<Count> {
        let mut counts = Vec::new();
        for rule in 0..RULES {
            for person in 0..PERSONS {
                let (rule, identity) = (RuleNo::new(rule), IdentityHash::new(person));
                let claims = self.live().flat_map(|command| command.claims.iter());
                let same = claims.filter(|claim| (claim.rule, claim.identity) == (rule, identity));
                let sum: u32 = same.map(|claim| claim.amount.get()).sum();
                if sum > 0 {
                    counts.push(Count { rule, identity, amount: Quantity::new(sum), day: None });
                }
            }
        }
        counts
    }

    fn checkout(&self, hold: HoldId) -> Option<&PlaceHold> {
        self.checkouts.iter().find(|(id, _)| *id == hold).map(|(_, command)| command)
    }

    fn end_checkout(&mut self, hold: HoldId) {
        self.checkouts.retain(|(id, _)| *id != hold);
    }
}

/// The event of an order's step, from what the order asked for.
fn slot_event(
    what: &PlaceHold,
    stock: fn(Quantity) -> StockEvent,
    counts: fn(SmallVec<[Count; 2]>) -> CounterEvent,
    counted: bool,
) -> SlotEvent {
    let area = |take: &Take| AreaEvent {
        area: take.area,
        stock: stock(take.quantity),
        seats: take.seats.clone(),
    };
    let counted = what.claims.iter().filter(|_| counted).map(Claim::count).collect();
    let areas = what.takes.iter().map(area).collect();
    SlotEvent { areas, counters: counts(counted), open: None }
}

const HOLDS: u64 = 5;
const ADJUSTING: HoldId = HoldId::new(100);
const RULES: u8 = 2;
const PERSONS: u128 = 2;

#[derive(Clone, Debug)]
enum Step {
    /// Decides only.
    Check(PlaceHold),
    /// Decides and holds; under a known id it must change nothing.
    Hold(HoldId, PlaceHold),
    /// Ends a checkout, known or not.
    Release(HoldId),
    /// A checkout's record arrives; without a checkout of that id it is a replayed record.
    Book { hold: Option<HoldId>, replayed: PlaceHold, paid: bool },
    /// The n-th order, if it is unpaid, is paid.
    Pay(usize),
    /// The n-th order, if it is unpaid, is cancelled.
    Cancel(usize),
    /// The catalogue changes.
    SetCapacity(usize, Capacity, u32),
    /// An operator begins to adjust an area.
    Adjust(AreaNo, Adjustment),
    /// The record of the adjustment in flight arrives, or it is given up.
    EndAdjust(bool),
    /// An operator opens or closes the slot.
    SetOpen(bool),
}

fn quantity() -> impl Strategy<Value = Quantity> {
    prop_oneof![
        12 => 0..4_u32,
        1 => Just(u32::MAX),
        1 => Just(u32::MAX - 3),
    ]
    .prop_map(Quantity::new)
}

fn capacity() -> impl Strategy<Value = Capacity> {
    let limited = |places| Capacity::Limited(Quantity::new(places));
    prop_oneof![
        8 => (0..7_u32).prop_map(limited),
        1 => Just(Capacity::Unlimited),
        1 => Just(limited(u32::MAX)),
    ]
}

fn adjustment() -> impl Strategy<Value = Adjustment> {
    let kinds = [Adjustment::Add, Adjustment::Withdraw, Adjustment::Restore];
    (0..kinds.len(), quantity()).prop_map(move |(kind, quantity)| kinds[kind](quantity))
}

fn hold_id() -> impl Strategy<Value = HoldId> {
    (0..HOLDS).prop_map(HoldId::new)
}

prop_compose! {
    /// At most one take an area and one claim a rule and identity, as [`PlaceHold`] demands.
    fn place_hold()(
        // The third area does not exist.
        areas in proptest::sample::subsequence(vec![1_u8, 2, 1, 2, 3], 0..=2),
        quantities in vec(quantity(), 2),
        who in proptest::sample::subsequence(vec![(0_u8, 0_u128), (0, 1), (1, 0), (1, 1)], 0..=2),
        amounts in vec((0..3_u32, 1..4_u32), 2),
    ) -> PlaceHold {
        let mut takes: SmallVec<[Take; 1]> = smallvec![];
        for (&area, &quantity) in areas.iter().zip(&quantities) {
            let area = AreaNo::new(area);
            if takes.iter().all(|take| take.area != area) {
                takes.push(Take::any(area, quantity));
            }
        }
        let claim = |(&(rule, person), &(amount, max)): (&(u8, u128), &(u32, u32))| Claim {
            rule: RuleNo::new(rule),
            identity: IdentityHash::new(person),
            amount: Quantity::new(amount),
            max: Quantity::new(max),
            // Days are the counters' business, and their own twin's.
            days: None,
        };
        PlaceHold { takes, claims: who.iter().zip(&amounts).map(claim).collect() }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => place_hold().prop_map(Step::Check),
        6 => (hold_id(), place_hold()).prop_map(|(hold, command)| Step::Hold(hold, command)),
        2 => hold_id().prop_map(Step::Release),
        4 => (proptest::option::weighted(0.8, hold_id()), place_hold(), any::<bool>())
            .prop_map(|(hold, replayed, paid)| Step::Book { hold, replayed, paid }),
        2 => (0..8_usize).prop_map(Step::Pay),
        2 => (0..8_usize).prop_map(Step::Cancel),
        1 => (0..2_usize, capacity(), 0..3_u32)
            .prop_map(|(area, capacity, allowance)| Step::SetCapacity(area, capacity, allowance)),
        3 => (1..4_u8, adjustment())
            .prop_map(|(area, adjustment)| Step::Adjust(AreaNo::new(area), adjustment)),
        3 => any::<bool>().prop_map(Step::EndAdjust),
        1 => proptest::bool::weighted(0.7).prop_map(Step::SetOpen),
    ]
}

fn new_pair(capacities: &[(Capacity, u32)]) -> (Slot, NaiveSlot) {
    let numbered = || (1..).map(AreaNo::new).zip(capacities);
    let stock = |capacity, allowance| Stock::new(capacity, Quantity::new(allowance));
    let areas = numbered().map(|(no, &(capacity, more))| (no, stock(capacity, more))).collect();
    let real = Slot::new(areas, Counters::default());
    let areas = numbered().map(|(no, &(capacity, more))| (no, capacity, more)).collect();
    let (checkouts, orders, adjustments) = (Vec::new(), Vec::new(), Vec::new());
    let model = NaiveSlot { areas, checkouts, orders, adjustments, adjusting: None, closed: false };
    (real, model)
}

fn run(real: &mut Slot, model: &mut NaiveSlot, step: Step) -> Result<(), TestCaseError> {
    match step {
        Step::Check(command) => prop_assert_eq!(real.decide(&command), model.decide(&command)),
        Step::Hold(hold, command) => {
            let decided = real.decide(&command);
            prop_assert_eq!(decided, model.decide(&command));
            let known = model.checkout(hold).is_some();
            if known || decided.is_ok() {
                real.hold(hold, command.clone());
            }
            if !known && decided.is_ok() {
                model.checkouts.push((hold, command));
            }
        }
        Step::Release(hold) => {
            real.release(hold);
            model.end_checkout(hold);
        }
        Step::Book { hold, replayed, paid } => {
            let what = match hold.and_then(|hold| model.checkout(hold)) {
                Some(held) => held.clone(),
                None if model.decide(&replayed).is_ok() => replayed,
                // A record that the rules refuse was never written.
                None => return Ok(()),
            };
            let stock = if paid { StockEvent::Sold } else { StockEvent::Held };
            real.apply(hold, &slot_event(&what, stock, CounterEvent::Counted, true));
            if let Some(hold) = hold {
                model.end_checkout(hold);
            }
            let standing = if paid { Standing::Paid } else { Standing::Unpaid };
            model.orders.push(NaiveOrder { what, standing });
        }
        Step::Pay(index) => {
            let Some(order) = model.orders.get_mut(index) else { return Ok(()) };
            if order.standing == Standing::Unpaid {
                order.standing = Standing::Paid;
                let confirmed = StockEvent::Confirmed;
                real.apply(None, &slot_event(&order.what, confirmed, CounterEvent::Counted, false));
            }
        }
        Step::Cancel(index) => {
            let Some(order) = model.orders.get_mut(index) else { return Ok(()) };
            if order.standing == Standing::Unpaid {
                order.standing = Standing::Cancelled;
                let released = StockEvent::Released;
                real.apply(None, &slot_event(&order.what, released, CounterEvent::Returned, true));
            }
        }
        Step::SetCapacity(index, capacity, allowance) => {
            real.areas_mut()[index].1.set_capacity(capacity, Quantity::new(allowance));
            let area = &mut model.areas[index];
            (area.1, area.2) = (capacity, allowance);
        }
        Step::Adjust(area, adjustment) => {
            let decided = real.decide_adjust(area, adjustment);
            prop_assert_eq!(decided, model.decide_adjust(area, adjustment));
            if decided.is_ok() {
                real.hold_adjust(ADJUSTING, area, adjustment);
                model.adjusting = Some((ADJUSTING, area, adjustment));
            }
        }
        Step::EndAdjust(made) => {
            let Some((hold, area, adjustment)) = model.adjusting.take() else { return Ok(()) };
            if made {
                let areas = smallvec![AreaEvent {
                    area,
                    stock: adjustment.event(),
                    seats: Default::default()
                }];
                real.apply(Some(hold), &SlotEvent { areas, ..SlotEvent::default() });
                model.adjustments.push((area, adjustment));
            } else {
                real.release(hold);
            }
        }
        Step::SetOpen(open) => {
            real.apply(None, &SlotEvent { open: Some(open), ..SlotEvent::default() });
            model.closed = !open;
        }
    }
    Ok(())
}

fn compare(real: &Slot, model: &NaiveSlot, capacity_changed: bool) -> Result<(), TestCaseError> {
    for (no, stock) in real.areas() {
        let sum = |standing| places(model.ordered(standing), *no);
        let (held, sold) = (sum(Standing::Unpaid), sum(Standing::Paid));
        prop_assert_eq!(u64::from(stock.held().get()), held);
        prop_assert_eq!(u64::from(stock.sold().get()), sold);
        let kept = model.taken(*no) - places(model.live(), *no);
        prop_assert_eq!(u64::from(stock.pending().get()), kept);
        prop_assert_eq!(stock.available(), model.available(*no));
        let (added, withdrawn) =
            (model.sum(*no, |it| matches!(it, Adjustment::Add(_))), model.withdrawn(*no));
        prop_assert_eq!(u64::from(stock.added().get()), added);
        prop_assert_eq!(u64::from(stock.withdrawn().get()), withdrawn);
        prop_assert_eq!(stock.is_untouched(), held + sold + added + withdrawn == 0);
        let within = model.placed(*no).is_some_and(|placed| held + sold <= placed);
        prop_assert_eq!(stock.is_within_capacity(), within);
        let balanced = model.placed(*no).is_some_and(|placed| held + sold + withdrawn <= placed);
        prop_assert_eq!(stock.is_balanced(), balanced);
        // Only a cut of the capacity itself may leave more sold than there is.
        prop_assert!(capacity_changed || within, "{}", NOT_OVERSOLD.says);
        prop_assert!(capacity_changed || balanced, "{}", RETURNED_ONCE.says);
    }
    prop_assert_eq!(real.is_open(), !model.closed);
    prop_assert_eq!(real.is_idle(), model.checkouts.is_empty() && model.adjusting.is_none());
    prop_assert_eq!(real.counters().counts(), model.counts());
    let mut claims = model.in_flight().chain(model.live()).flat_map(|command| &command.claims);
    let counted = claims.any(|claim| claim.amount > Quantity::ZERO);
    prop_assert_eq!(real.counters().is_empty(), !counted, "{}", RETURNED_ONCE.says);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_slot_does_what_its_naive_twin_does(
        capacities in vec((capacity(), 0..3_u32), 2),
        steps in vec(step(), 1..60),
    ) {
        let (mut real, mut model) = new_pair(&capacities);
        let mut capacity_changed = false;
        for step in steps {
            capacity_changed |= matches!(step, Step::SetCapacity(..));
            run(&mut real, &mut model, step)?;
            compare(&real, &model, capacity_changed)?;
        }
    }

    #[test]
    fn a_slot_is_as_it_was_once_everything_has_come_back(
        capacities in vec((capacity(), 0..3_u32), 2),
        steps in vec(step(), 1..40),
    ) {
        let (mut real, mut model) = new_pair(&capacities);
        for step in steps.into_iter().filter(|step| !matches!(step, Step::Pay(_))) {
            // Nothing is ever paid here, so that everything can come back.
            let step = match step {
                Step::Book { hold, replayed, .. } => Step::Book { hold, replayed, paid: false },
                Step::EndAdjust(_) => Step::EndAdjust(false),
                other => other,
            };
            run(&mut real, &mut model, step)?;
        }
        for hold in 0..HOLDS {
            run(&mut real, &mut model, Step::Release(HoldId::new(hold)))?;
        }
        run(&mut real, &mut model, Step::EndAdjust(false))?;
        for index in 0..model.orders.len() {
            run(&mut real, &mut model, Step::Cancel(index))?;
        }
        prop_assert!(real.is_idle());
        prop_assert!(real.counters().is_empty(), "{}", RETURNED_ONCE.says);
        for (_, stock) in real.areas() {
            prop_assert!(stock.is_untouched(), "{}", RETURNED_ONCE.says);
            prop_assert_eq!(stock.pending(), Quantity::ZERO);
        }
    }

    /// A pool is a slot of one area without counters, so the slot's twin is its twin too.
    #[test]
    fn a_pool_does_what_its_naive_twin_does(
        capacity in (capacity(), 0..3_u32),
        steps in vec(step(), 1..60),
    ) {
        let only = AreaNo::new(1);
        let (slot, mut model) = new_pair(&[capacity]);
        let mut real = Pool::new(slot.areas()[0].1);
        for step in steps {
            run_pool(&mut real, &mut model, step)?;
            let stock = real.stock();
            let sum = |standing| places(model.ordered(standing), only);
            prop_assert_eq!(u64::from(stock.held().get()), sum(Standing::Unpaid));
            prop_assert_eq!(u64::from(stock.sold().get()), sum(Standing::Paid));
            let kept = model.taken(only) - places(model.live(), only);
            prop_assert_eq!(u64::from(stock.pending().get()), kept);
            prop_assert_eq!(u64::from(stock.withdrawn().get()), model.withdrawn(only));
            prop_assert_eq!(real.available(), model.available(only));
            let idle = model.checkouts.is_empty() && model.adjusting.is_none();
            prop_assert_eq!(real.is_idle(), idle);
        }
    }
}

fn run_pool(real: &mut Pool, model: &mut NaiveSlot, step: Step) -> Result<(), TestCaseError> {
    let only = AreaNo::new(1);
    let wanted =
        |command: &PlaceHold| command.takes.first().map_or(Quantity::ONE, |take| take.quantity);
    let as_command = |quantity| PlaceHold {
        takes: smallvec![Take::any(only, quantity)],
        ..PlaceHold::default()
    };
    let decide = |model: &NaiveSlot, quantity| match model.decide(&as_command(quantity)) {
        Err(SlotError::SoldOut { sold_out, .. }) => Err(sold_out),
        _ => Ok(()),
    };
    match step {
        Step::Check(command) => {
            let quantity = wanted(&command);
            prop_assert_eq!(real.decide(quantity), decide(model, quantity));
        }
        Step::Hold(hold, command) => {
            let quantity = wanted(&command);
            let decided = real.decide(quantity);
            prop_assert_eq!(decided, decide(model, quantity));
            let known = model.checkout(hold).is_some();
            if known || decided.is_ok() {
                real.hold(hold, quantity);
            }
            if !known && decided.is_ok() {
                model.checkouts.push((hold, as_command(quantity)));
            }
        }
        Step::Release(hold) => {
            real.release(hold);
            model.end_checkout(hold);
        }
        Step::Book { hold, replayed, paid } => {
            let held = hold.and_then(|hold| model.checkout(hold)).map(wanted);
            let quantity = held.unwrap_or(wanted(&replayed));
            if held.is_none() && decide(model, quantity).is_err() {
                return Ok(());
            }
            let event = if paid { StockEvent::Sold(quantity) } else { StockEvent::Held(quantity) };
            real.apply(hold, event);
            if let Some(hold) = hold {
                model.end_checkout(hold);
            }
            let standing = if paid { Standing::Paid } else { Standing::Unpaid };
            model.orders.push(NaiveOrder { what: as_command(quantity), standing });
        }
        Step::Pay(index) | Step::Cancel(index) => {
            let Some(order) = model.orders.get_mut(index) else { return Ok(()) };
            if order.standing == Standing::Unpaid {
                let quantity = wanted(&order.what);
                let (standing, event) = match step {
                    Step::Pay(_) => (Standing::Paid, StockEvent::Confirmed(quantity)),
                    _ => (Standing::Cancelled, StockEvent::Released(quantity)),
                };
                order.standing = standing;
                real.apply(None, event);
            }
        }
        Step::SetCapacity(_, capacity, allowance) => {
            real.set_capacity(capacity, Quantity::new(allowance));
            (model.areas[0].1, model.areas[0].2) = (capacity, allowance);
        }
        Step::Adjust(_, adjustment) => {
            let decided = real.decide_adjust(adjustment);
            prop_assert_eq!(decided, model.decide_adjust(only, adjustment));
            if decided.is_ok() {
                real.hold_adjust(ADJUSTING, adjustment);
                model.adjusting = Some((ADJUSTING, only, adjustment));
            }
        }
        Step::EndAdjust(made) => {
            let Some((hold, area, adjustment)) = model.adjusting.take() else { return Ok(()) };
            if made {
                real.apply(Some(hold), adjustment.event());
                model.adjustments.push((area, adjustment));
            } else {
                real.release(hold);
            }
        }
        // A pool is never closed.
        Step::SetOpen(_) => {}
    }
    Ok(())
}
