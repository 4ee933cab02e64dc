//! What the pure rules cost, with no actor, journal or network around them. The engine can never be
//! faster than these numbers; whatever it is slower is the price of the rest. Compared with the least
//! that could be called selling: a counter, and a hash map with how many each person has.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hashbrown::HashMap;
use piaoku::domain::account::{Account, Balance, Posting, PostingKind, ReserveMoney, Standing};
use piaoku::domain::inventory::{
    AreaEvent, Capacity, PlaceHold, Slot, SlotEvent, Stock, StockEvent, Take,
};
use piaoku::domain::limits::{Claim, Count, CounterEvent, Counters, LimitShard};
use piaoku::domain::seats::Seats;
use piaoku::types::{AreaNo, Fen, HoldId, IdentityHash, Quantity, RuleNo};
use smallvec::smallvec;

const SLOTS: u64 = 1000;
const IDENTITIES: u64 = 10_000;

/// A hash-like identity, spread over the whole range as keyed hashes are.
fn identity(person: u64) -> IdentityHash {
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    IdentityHash::new(u128::from(person + 1).wrapping_mul(ODD))
}

fn claims(person: u64, rules: u8, max: u32) -> impl Iterator<Item = Claim> {
    (0..rules).map(move |rule| Claim {
        rule: RuleNo::new(rule),
        identity: identity(person),
        amount: Quantity::ONE,
        max: Quantity::new(max),
        days: None,
    })
}

fn slot() -> Slot {
    let places = Capacity::Limited(Quantity::new(u32::MAX));
    Slot::new(smallvec![(AreaNo::NONE, Stock::new(places, Quantity::ZERO))], Counters::default())
}

fn place_hold(person: u64, rules: u8) -> PlaceHold {
    PlaceHold {
        takes: smallvec![Take::any(AreaNo::NONE, Quantity::ONE)],
        claims: claims(person, rules, u32::MAX).collect(),
    }
}

fn sold(command: &PlaceHold) -> SlotEvent {
    SlotEvent {
        areas: smallvec![AreaEvent {
            area: AreaNo::NONE,
            stock: StockEvent::Sold(Quantity::ONE),
            seats: Seats::new(),
        }],
        counters: CounterEvent::Counted(command.claims.iter().map(Claim::count).collect()),
        open: None,
    }
}

/// One ticket through one slot: decide, hold, then the record that sells it.
fn sell(slot: &mut Slot, order: u64, rules: u8) {
    let hold = HoldId::new(order);
    let command = place_hold(order % IDENTITIES, rules);
    slot.decide(&command).expect("there is a place for every order");
    let event = sold(&command);
    slot.hold(hold, command);
    slot.apply(Some(hold), &event);
}

/// Everything sold is counted once: a faster wrong answer fails.
fn assert_sold<'a>(slots: impl Iterator<Item = &'a Slot>, orders: u64, rules: u8) {
    let (mut places, mut counted) = (0, 0);
    for slot in slots {
        let stock = &slot.areas()[0].1;
        assert_eq!((stock.pending(), slot.is_idle()), (Quantity::ZERO, true));
        places += u64::from(stock.sold().get());
        let counts = slot.counters().counts();
        counted += counts.iter().map(|count| u64::from(count.amount.get())).sum::<u64>();
    }
    assert_eq!((places, counted), (orders, orders * u64::from(rules)));
}

/// How many orders can one slot that everybody wants decide, hold and sell, and what does each
/// purchase limit add? Against that, a thousand slots in turn: what does a cold cache cost? And `plain`:
/// what is left without holds, events, areas and seats?
fn place_hold_and_sell(c: &mut Criterion) {
    let mut group = c.benchmark_group("inventory/place_hold");
    group.throughput(Throughput::Elements(1));
    for rules in [0_u8, 1, 2] {
        group.bench_function(BenchmarkId::new("hot_slot", format!("{rules}_limits")), |b| {
            let (mut slot, mut orders) = (slot(), 0);
            b.iter(|| {
                sell(black_box(&mut slot), black_box(orders), rules);
                orders += 1;
            });
            assert_sold([&slot].into_iter(), orders, rules);
        });
        group.bench_function(BenchmarkId::new("1000_slots", format!("{rules}_limits")), |b| {
            let mut slots: Vec<Slot> = (0..SLOTS).map(|_| slot()).collect();
            let mut orders = 0;
            b.iter(|| {
                // The multiplier visits every slot and keeps the prefetcher from guessing the next.
                let index = (orders * 617 % SLOTS) as usize;
                sell(black_box(&mut slots[index]), black_box(orders), rules);
                orders += 1;
            });
            assert_sold(slots.iter(), orders, rules);
        });
        group.bench_function(BenchmarkId::new("plain", format!("{rules}_limits")), |b| {
            let (mut plain, mut orders) = (Plain::default(), 0);
            b.iter(|| {
                assert!(plain.sell(black_box(orders), rules));
                orders += 1;
            });
            let counted: u64 = plain.counts.values().map(|count| u64::from(*count)).sum();
            assert_eq!((plain.sold, counted), (orders, orders * u64::from(rules)));
        });
    }
    group.finish();
}

/// A counter of what is sold, and how many each person has by each rule.
#[derive(Default)]
struct Plain {
    sold: u64,
    counts: HashMap<(u8, IdentityHash), u32>,
}

impl Plain {
    fn sell(&mut self, order: u64, rules: u8) -> bool {
        let person = identity(order % IDENTITIES);
        let full = |rule| self.counts.get(&(rule, person)).is_some_and(|count| *count == u32::MAX);
        if self.sold >= u64::from(u32::MAX) || (0..rules).any(full) {
            return false;
        }
        self.sold += 1;
        (0..rules).for_each(|rule| *self.counts.entry((rule, person)).or_default() += 1);
        true
    }
}

/// What does a refusal cost? On a sold-out slot nearly every request is one.
fn refuse_sold_out(c: &mut Criterion) {
    let mut group = c.benchmark_group("inventory/decide");
    group.throughput(Throughput::Elements(1));
    group.bench_function("sold_out", |b| {
        let stock = Stock::new(Capacity::Limited(Quantity::ZERO), Quantity::ZERO);
        let slot = Slot::new(smallvec![(AreaNo::NONE, stock)], Counters::default());
        let command = place_hold(0, 2);
        b.iter(|| slot.decide(black_box(&command)).is_err());
        assert!(slot.decide(&command).is_err() && slot.areas()[0].1.is_untouched());
    });
    group.finish();
}

/// What does a limit that spans slots cost when ten thousand people are counted in its shard: to
/// ask, and to take and grant?
fn limits(c: &mut Criterion) {
    let full = || {
        let amount = Quantity::ONE;
        let count =
            |person| Count { rule: RuleNo::new(0), identity: identity(person), amount, day: None };
        Counters::restored((0..IDENTITIES).map(count))
    };
    let mut group = c.benchmark_group("limits");
    group.throughput(Throughput::Elements(1));
    group.bench_function("decide/10k_identities", |b| {
        let (shard, mut person) = (LimitShard::new(full()), 0);
        b.iter(|| {
            person = (person + 7919) % IDENTITIES;
            let [claim] = [claims(person, 1, 2).next().expect("one rule, one claim")];
            shard.decide(black_box(&[claim])).is_ok()
        });
        assert_eq!(shard.counters().counts().len() as u64, IDENTITIES);
        assert!(shard.decide(&claims(0, 1, 1).collect::<Vec<_>>()).is_err());
    });
    group.bench_function("hold_and_grant/10k_identities", |b| {
        let (mut shard, mut orders) = (LimitShard::new(full()), 0);
        b.iter(|| {
            let hold = HoldId::new(orders);
            let claim = claims(orders * 7919 % IDENTITIES, 1, u32::MAX).next();
            let claim = claim.expect("one rule, one claim");
            shard.decide(black_box(&[claim])).expect("the maximum is out of reach");
            shard.hold(hold, smallvec![claim]);
            shard.apply(Some(hold), &CounterEvent::Counted(smallvec![claim.count()]));
            orders += 1;
        });
        let counts = shard.counters().counts();
        let counted = counts.iter().map(|count| u64::from(count.amount.get())).sum::<u64>();
        assert_eq!((counted, shard.is_idle()), (IDENTITIES + orders, true));
    });
    group.finish();
}

/// What does an agent's money cost an order: reserve, then the record's posting? Against that, with
/// a thousand other checkouts of the same agent in flight.
fn account(c: &mut Criterion) {
    let mut group = c.benchmark_group("account/reserve_and_capture");
    group.throughput(Throughput::Elements(1));
    for in_flight in [0_u64, 1000] {
        group.bench_function(BenchmarkId::from_parameter(format!("{in_flight}_in_flight")), |b| {
            let balance = Balance::Rebate { year: 2026 };
            let start = 1_000_000_000_000_000;
            let funded =
                |balance| Standing { recharged: Fen::new(start), ..Standing::untouched(balance) };
            let funded = [funded(Balance::Prepaid), funded(balance)];
            let mut account = Account::restored(funded, Fen::ZERO, []);
            let money = ReserveMoney { balance, amount: Fen::new(100) };
            let other = |n: u64| HoldId::new(u64::MAX - n);
            (0..in_flight).for_each(|n| account.hold(other(n), money));
            let mut orders = 0_i64;
            b.iter(|| {
                let hold = HoldId::new(orders.unsigned_abs());
                account.decide(black_box(&money)).expect("there is money for every order");
                account.hold(hold, money);
                let amount = money.amount.negated();
                let posting = Posting { balance, kind: PostingKind::Sale, amount };
                account.apply(Some(hold), black_box(&[posting]));
                orders += 1;
            });
            (0..in_flight).for_each(|n| account.release(other(n)));
            let left = Fen::new(start - 100 * orders);
            assert_eq!((account.balance(balance), account.available(balance)), (left, left));
            assert!(account.is_idle());
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = place_hold_and_sell, refuse_sold_out, limits, account
}
criterion_main!(benches);
