//! What choosing seats costs. Sales of a performance go through one actor, so the time one choice takes
//! bounds how many parties a second a house can seat.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use piaoku::domain::seats::{Numbering, SeatMap, SeatMove, SeatRow, SeatState, Seating};

/// 20 rows of 30 seats with two aisles.
fn map() -> Arc<SeatMap> {
    let row = |no: u8| SeatRow {
        label: no.to_string().into(),
        first: 0,
        len: 30,
        aisles: 1 << 7 | 1 << 21,
        blocked: 0,
    };
    let map = SeatMap::new((1..=20).map(row).collect(), Numbering::LeftToRight, None);
    Arc::new(map.expect("the area is written down above"))
}

/// The area with `per_cent` of its seats sold one by one in a fixed random order: more broken up than
/// any house that the search itself has filled.
fn house(per_cent: usize) -> Seating {
    let map = map();
    let mut seats: Vec<_> = map.seats().collect();
    let mut random: u64 = 2026;
    for last in (1..seats.len()).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        seats.swap(last, (random >> 33) as usize % (last + 1));
    }
    let sold = seats.len() * per_cent / 100;
    let mut house = Seating::new(Some(map));
    house.apply(SeatMove::Sell, &seats[..sold]);
    house
}

/// How long does it take to choose the best seats for a party of 1, 2, 4 or 6 in an area of 600 seats
/// that is 10, 50 or 95 per cent full? In the last a party can hardly sit together and must be split,
/// which is the slow way: does it stay within microseconds?
fn best(c: &mut Criterion) {
    let mut group = c.benchmark_group("seats/best/600");
    group.throughput(Throughput::Elements(1));
    for per_cent in [10, 50, 95] {
        let house = house(per_cent);
        for party in [1, 2, 4, 6] {
            let chosen = house.best(party);
            let free = |seat: &_| house.state(*seat) == Some(SeatState::Free);
            assert!(chosen.len() == party as usize && chosen.iter().all(free));
            let id = BenchmarkId::new(format!("{per_cent}_per_cent_full"), party);
            group.bench_function(id, |b| {
                b.iter(|| black_box(house.best(black_box(party))).len());
            });
            assert_eq!(house.best(party), chosen, "choosing takes nothing");
        }
    }
    group.finish();
}

/// How long does it take to fill the house, two seats an order: choice, hold and sale together?
fn fill(c: &mut Criterion) {
    let mut group = c.benchmark_group("seats/fill/600");
    group.throughput(Throughput::Elements(300));
    group.bench_function("pairs", |b| {
        b.iter(|| {
            let mut house = Seating::new(Some(map()));
            while house.decide_best(2).is_ok() {
                let seats = house.best(2);
                house.pend(&seats);
                house.unpend(&seats);
                house.apply(SeatMove::Sell, &seats);
            }
            assert_eq!((house.free_count(), house.sold().count()), (0, 600));
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = best, fill
}
criterion_main!(benches);
