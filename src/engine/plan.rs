//! What must be held for an admitted request in one timespan: which participants, and how much of
//! each. Verify checks a plan, ordering holds it; there is no second way.

use smallvec::SmallVec;

use crate::domain::account::{
    AccountChange, AccountKey, BalanceShort, BookingError, Holder, ReserveMoney,
};
use crate::domain::catalogue::{Catalogue, LimitRule, LimitWindow, Product};
use crate::domain::inventory::{
    AdjustError, Adjustment, Available, PlaceHold, PoolKey, SlotError, SoldOut, Take,
};
use crate::domain::limits::{Claim, LimitExceeded, LimitKey, RollingDays, WindowInstance};
use crate::domain::order::{CounterHome, Order};
use crate::domain::seats::SeatError;
use crate::engine::Rejection;
use crate::engine::admission::{Admitted, AdmittedLine, LineClaim};
use crate::engine::operator::StockCommand;
use crate::types::{
    AreaNo, Fen, IdentityHash, PoolNo, Quantity, SeatNo, ServiceDate, SlotKey, Timespan,
};

/// Shards of a window that lives as long as its product: it may count millions of people.
const LIFETIME_SHARDS: u8 = 64;
/// Shards of a window of a day, a week or a month of ordering.
const ORDER_DATE_SHARDS: u8 = 16;

/// Participants of most orders, at most: a slot, a pool, a shard and an account.
const PARTS_USUAL: usize = 4;

/// Something that grants or refuses a part of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParticipantKey {
    /// A slot.
    Slot(SlotKey),
    /// A pool.
    Pool(PoolKey),
    /// A shard of limit counters.
    Limit(LimitKey),
    /// An account.
    Account(AccountKey),
}

/// What a participant is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Places and counts of a slot.
    Slot(PlaceHold),
    /// Places of a pool.
    Pool(Quantity),
    /// Counts of a shard.
    Limit(SmallVec<[Claim; 2]>),
    /// Money of an account.
    Account(ReserveMoney),
    /// An operator's adjustment: of a slot's area, or of a pool, which has none.
    Adjust(AreaNo, Adjustment),
    /// That a slot begins or ceases to sell, which is always granted.
    SetOpen,
    /// Whether an account could pay from its prepaid or its rebate balance. Only ever checked.
    AnyFunds {
        /// The calendar year of the rebate balance.
        year: i16,
        /// How much.
        amount: Fen,
    },
    /// What an operator wants of an account.
    Change(AccountChange),
}

/// What a participant adds to its yes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Seats a slot has chosen or was asked for, in the order of the takes; empty where places have no
    /// numbers.
    pub seats: SmallVec<[(AreaNo, SeatNo); 4]>,
}

impl Grant {
    /// What a slot adds that keeps `held`.
    #[must_use]
    pub fn of_slot(held: &PlaceHold) -> Self {
        let mut seats = SmallVec::new();
        for take in &held.takes {
            seats.extend(take.seats.iter().map(|seat| (take.area, *seat)));
        }
        Self { seats }
    }
}

/// Why a participant refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A slot.
    Slot(SlotError),
    /// A pool.
    Pool(SoldOut),
    /// A shard of limit counters.
    Limit(LimitExceeded),
    /// An account, to a checkout.
    Account(BalanceShort),
    /// An account, to an operator.
    Booking(BookingError),
    /// A slot or a pool, to an operator.
    Adjust(AdjustError),
}

/// Participants and what each is asked for: slots, then pools, limits and the account. When several
/// refuse, the first of these is the answer.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// On the heap: a checkout is moved about with its plan.
    parts: Vec<(ParticipantKey, Ask)>,
}

impl Plan {
    /// The plan of an admitted request in `timespan`, with the money to reserve, if any.
    #[must_use]
    pub fn new(admitted: &Admitted, timespan: Timespan, money: Option<Ask>) -> Self {
        let mut plan = Self { parts: Vec::with_capacity(PARTS_USUAL) };
        for line in &admitted.lines {
            plan.add_line(admitted, line, timespan);
        }
        if let Some(money) = money {
            plan.add_money(admitted, money);
        }
        plan.parts.sort_by_key(|(key, _)| *key);
        plan
    }

    /// A plan that only reserves money: for an order whose places are held already.
    #[must_use]
    pub fn of_money(key: AccountKey, money: ReserveMoney) -> Self {
        let mut plan = Self::default();
        plan.parts.push((ParticipantKey::Account(key), Ask::Account(money)));
        plan
    }

    /// The plan of an operator's command.
    #[must_use]
    pub fn of_stock(command: &StockCommand) -> Self {
        let part = match *command {
            StockCommand::Slot { slot, area, adjustment } => {
                (ParticipantKey::Slot(slot), Ask::Adjust(area, adjustment))
            }
            StockCommand::Pool { pool, adjustment } => {
                (ParticipantKey::Pool(pool), Ask::Adjust(AreaNo::NONE, adjustment))
            }
            StockCommand::SetOpen { slot, .. } => (ParticipantKey::Slot(slot), Ask::SetOpen),
        };
        Self { parts: vec![part] }
    }

    /// A plan for what an operator does to an account.
    #[must_use]
    pub fn of_change(key: AccountKey, change: AccountChange) -> Self {
        let mut plan = Self::default();
        plan.parts.push((ParticipantKey::Account(key), Ask::Change(change)));
        plan
    }

    /// The plan that takes again what an order had before its time was up, and the money.
    #[must_use]
    pub fn of_retake(order: &Order, catalogue: &Catalogue, money: ReserveMoney) -> Self {
        let mut plan = Self::default();
        let agent = catalogue.agent(order.agent).map_or("", |agent| &*agent.id);
        for line in &order.lines {
            plan.add_places(line.slot, line.area, line.pool, line.quantity, &line.seats);
        }
        for taken in &order.counts {
            let product = match taken.home {
                CounterHome::Slot(slot) => slot.product,
                CounterHome::Shard(limit) => limit.product,
            };
            let rules = catalogue.product(product).map_or(&[][..], |p| &p.rules.limits);
            let mut rules = LimitRule::applicable(rules, order.channel, agent);
            let rule = rules.find(|rule| rule.no == taken.count.rule);
            // A rule that is gone refuses nobody, and what was counted is counted again.
            let max = rule.map_or(Quantity::new(u32::MAX), |rule| rule.max);
            let window = rule.map_or(LimitWindow::Rolling { days: 1 }, |rule| rule.window);
            if let Some(claims) = plan.claims(taken.home) {
                // On the day it was counted for, to which it would be given back as well.
                let days = taken.count.day.and_then(|day| rolling_days(window, day));
                merge(claims, Claim { days, ..Claim::of(taken.count, max) });
            }
        }
        let account = AccountKey { supplier: order.supplier, holder: Holder::Agent(order.agent) };
        plan.parts.push((ParticipantKey::Account(account), Ask::Account(money)));
        plan.parts.sort_by_key(|(key, _)| *key);
        plan
    }

    /// Participants in order of precedence.
    #[must_use]
    pub fn parts(&self) -> &[(ParticipantKey, Ask)] {
        &self.parts
    }

    fn add_line(&mut self, admitted: &Admitted, line: &AdmittedLine, timespan: Timespan) {
        let slot = line.slot(admitted.date, timespan);
        self.add_places(slot, line.area, line.product.pool, line.quantity, &line.seats);
        for claim in &line.claims {
            let home = counter_home(slot, &line.product, claim, admitted.today);
            if let Some(claims) = self.claims(home) {
                merge(claims, claim.claim(admitted.today));
            }
        }
    }

    fn add_places(
        &mut self,
        slot: SlotKey,
        area: AreaNo,
        pool: Option<PoolNo>,
        places: Quantity,
        seats: &[SeatNo],
    ) {
        let key = ParticipantKey::Slot(slot);
        let Ask::Slot(hold) = self.part(key, || Ask::Slot(PlaceHold::default())) else { return };
        match hold.takes.iter_mut().find(|take| take.area == area) {
            Some(take) => {
                take.quantity = sum(take.quantity, places);
                take.seats.extend_from_slice(seats);
            }
            None => hold.takes.push(Take { area, quantity: places, seats: seats.into() }),
        }
        let Some(pool) = pool else { return };
        let key = PoolKey { pool, date: slot.date, timespan: slot.timespan };
        if let Ask::Pool(quantity) =
            self.part(ParticipantKey::Pool(key), || Ask::Pool(Quantity::ZERO))
        {
            *quantity = sum(*quantity, places);
        }
    }

    /// What is claimed of the counters at `home`.
    fn claims(&mut self, home: CounterHome) -> Option<&mut SmallVec<[Claim; 2]>> {
        match home {
            CounterHome::Slot(slot) => {
                let key = ParticipantKey::Slot(slot);
                match self.part(key, || Ask::Slot(PlaceHold::default())) {
                    Ask::Slot(hold) => Some(&mut hold.claims),
                    _ => None,
                }
            }
            CounterHome::Shard(key) => {
                let key = ParticipantKey::Limit(key);
                match self.part(key, || Ask::Limit(SmallVec::new())) {
                    Ask::Limit(claims) => Some(claims),
                    _ => None,
                }
            }
        }
    }

    fn add_money(&mut self, admitted: &Admitted, money: Ask) {
        let holder = Holder::Agent(admitted.agent);
        let key = AccountKey { supplier: admitted.supplier_no(), holder };
        self.parts.push((ParticipantKey::Account(key), money));
    }

    fn part(&mut self, key: ParticipantKey, empty: impl FnOnce() -> Ask) -> &mut Ask {
        let index = self.parts.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            self.parts.push((key, empty()));
            self.parts.len() - 1
        });
        &mut self.parts[index].1
    }
}

/// The slot of a product: an untimed product has one slot a day whatever the order's timespan.
#[must_use]
pub fn slot_key(product: &Product, date: Option<ServiceDate>, timespan: Timespan) -> SlotKey {
    let timespan = if product.timespans.is_empty() { Timespan::NONE } else { timespan };
    SlotKey { product: product.no, date, timespan }
}

/// Where a claim of a line in `slot` is counted.
#[must_use]
pub fn counter_home(
    slot: SlotKey,
    product: &Product,
    claim: &LineClaim,
    today: ServiceDate,
) -> CounterHome {
    let shard = |window, shards: u8| {
        let shard = shard_of(claim.identity, shards);
        CounterHome::Shard(LimitKey { product: slot.product, window, shard })
    };
    match (claim.window, slot.date) {
        (LimitWindow::Timespan, _) | (LimitWindow::VisitDate, None) => CounterHome::Slot(slot),
        // The day of an untimed product is its slot.
        (LimitWindow::VisitDate, Some(_)) if product.timespans.is_empty() => {
            CounterHome::Slot(slot)
        }
        (LimitWindow::VisitDate, Some(date)) => shard(WindowInstance::VisitDate(date), 1),
        (LimitWindow::OrderDate, _) => shard(WindowInstance::OrderDate(today), ORDER_DATE_SHARDS),
        (LimitWindow::Week, _) => shard(WindowInstance::Week(today.week()), ORDER_DATE_SHARDS),
        (LimitWindow::Month, _) => shard(WindowInstance::Month(today.month()), ORDER_DATE_SHARDS),
        (LimitWindow::Lifetime, _) => shard(WindowInstance::Lifetime, LIFETIME_SHARDS),
        (LimitWindow::Rolling { .. }, _) => shard(WindowInstance::Rolling, LIFETIME_SHARDS),
    }
}

impl LineClaim {
    /// The claim as its counter is asked it on `today`.
    #[must_use]
    pub fn claim(&self, today: ServiceDate) -> Claim {
        let Self { rule, window, identity, amount, max } = *self;
        Claim { rule, identity, amount, max, days: rolling_days(window, today) }
    }
}

/// The days that a window sums up on `today`, if it rolls.
fn rolling_days(window: LimitWindow, today: ServiceDate) -> Option<RollingDays> {
    match window {
        LimitWindow::Rolling { days } => {
            Some(RollingDays { first: today.plus_days(1 - i32::from(days)), today })
        }
        _ => None,
    }
}

/// Turns a participant's refusal into the answer, with the facts the catalogue adds.
#[must_use]
pub fn rejection(key: ParticipantKey, refusal: Refusal, catalogue: &Catalogue) -> Rejection {
    let (product, date, timespan) = match key {
        ParticipantKey::Slot(slot) => (Some(slot.product), slot.date, slot.timespan),
        ParticipantKey::Pool(pool) => (None, pool.date, pool.timespan),
        ParticipantKey::Limit(key) => (Some(key.product), None, Timespan::NONE),
        ParticipantKey::Account(_) => (None, None, Timespan::NONE),
    };
    match refusal {
        Refusal::Slot(SlotError::Closed) => Rejection::SlotClosed { product, date, timespan },
        Refusal::Slot(SlotError::UnknownArea(_)) => Rejection::UnknownArea,
        Refusal::Slot(SlotError::SoldOut { sold_out, .. }) | Refusal::Pool(sold_out) => {
            let SoldOut { asked, available } = sold_out;
            Rejection::SoldOut { product, date, timespan, asked, available }
        }
        Refusal::Slot(SlotError::Seats { area, error }) => {
            let product = product.and_then(|no| catalogue.product(no));
            let id = |seat| product.map_or(String::new(), |product| product.seat_id(area, seat));
            match error {
                SeatError::Unknown(seat) => Rejection::UnknownSeat { id: id(seat) },
                SeatError::Repeated(seat) => Rejection::SeatRepeated { id: id(seat) },
                SeatError::Blocked(seat) => Rejection::SeatNotForSale { id: id(seat) },
                SeatError::Taken(seat) => Rejection::SeatTaken { id: id(seat) },
                SeatError::TooFew { asked, free } => Rejection::SoldOut {
                    product: product.map(|product| product.no),
                    date,
                    timespan,
                    asked: Quantity::new(asked),
                    available: Available::Left(Quantity::new(free)),
                },
            }
        }
        Refusal::Slot(SlotError::Limit(exceeded)) | Refusal::Limit(exceeded) => {
            let LimitExceeded { rule, used, asked, max } = exceeded;
            let product = product.and_then(|no| catalogue.product(no));
            let rules = product.map_or(&[][..], |product| &product.rules.limits);
            // Rules for different channels and agents share a number; what they allow tells them apart.
            let same = rules.iter().filter(|known| known.no == rule);
            let known = same.max_by_key(|known| known.max == max);
            let about = known.map(|known| (known.scope, known.window));
            Rejection::LimitExceeded { about, used, asked, max }
        }
        Refusal::Account(short) => Rejection::BalanceShort(short),
        Refusal::Booking(error) => Rejection::Booking(error),
        Refusal::Adjust(error) => Rejection::NotAdjusted(error),
    }
}

/// Claims of one person under one rule are one claim: naming a person twice does not get around it.
fn merge(claims: &mut SmallVec<[Claim; 2]>, claim: Claim) {
    let same = |known: &&mut Claim| known.rule == claim.rule && known.identity == claim.identity;
    match claims.iter_mut().find(same) {
        Some(known) => known.amount = sum(known.amount, claim.amount),
        None => claims.push(claim),
    }
}

/// A sum that cannot be expressed saturates and is then refused as more than anyone has.
fn sum(a: Quantity, b: Quantity) -> Quantity {
    a.checked_add(b).unwrap_or(Quantity::new(u32::MAX))
}

fn shard_of(identity: IdentityHash, shards: u8) -> u8 {
    (identity.get() % u128::from(shards)) as u8
}

#[cfg(test)]
mod tests;
