//! What is listed, and that it is what ordering accepts.

use proptest::prelude::*;

use super::*;
use crate::domain::catalogue::{
    Booking, CalendarException, CatalogueCommand, Channels, Season, SetProduct, Weekdays,
};
use crate::engine::admission::{Draft, DraftDate, DraftScene, DraftTimespan, SceneNaming, admit};
use crate::engine::fixture::{PlainHasher, catalogue, clock, commands, draft, line, policy, today};
use crate::types::{Fen, Timespan};

#[test]
fn only_what_can_be_ordered_is_listed() {
    let catalogue = catalogue();
    let check = |product: &str, days: (i32, i32), now: UnixMillis, expected: &[(i32, u8)]| {
        let product = catalogue.product_by_id(product).unwrap();
        let supplier = catalogue.supplier(product.supplier).unwrap();
        let range = (today().plus_days(days.0), today().plus_days(days.1));
        let found: Vec<(i32, u8)> = bookable(product, supplier, Channel::Ota, range, now)
            .map(|it| (it.date.days() - today().days(), it.slot.timespan.get()))
            .collect();
        assert_eq!(found, expected, "{} {days:?}", product.id);
    };
    let morning = clock(9, 0);
    check("P-DAY", (-3, 1), morning, &[(0, 0), (1, 0)]);
    check("P-DAY", (1, 0), morning, &[]);
    check("P-ADULT", (0, 0), morning, &[(0, 1), (0, 2), (0, 3)]);
    // A timespan is sold until it ends, a performance until it begins.
    check("P-ADULT", (0, 0), clock(11, 0), &[(0, 2), (0, 3)]);
    check("P-SHOW", (0, 0), clock(19, 29), &[(0, 1)]);
    check("P-SHOW", (0, 0), clock(19, 30), &[]);
    check("P-COUPON", (0, 9), morning, &[]);
}

#[test]
fn any_range_ends_where_the_product_does() {
    let catalogue = catalogue();
    let product = catalogue.product_by_id("P-DAY").unwrap();
    let supplier = catalogue.supplier(product.supplier).unwrap();
    let all = (ServiceDate::from_days(i32::MIN), ServiceDate::from_days(i32::MAX));
    let last = bookable(product, supplier, Channel::Ota, all, clock(9, 0));
    let last = last.last().unwrap().date;
    let horizon = Catalogue::horizon(product, today());
    assert_eq!(last, product.calendar.dates.unwrap().1.min(horizon));

    let mut off_sale = Product::clone(product);
    off_sale.on_sale = false;
    assert_eq!(bookable(&off_sale, supplier, Channel::Ota, all, clock(9, 0)).count(), 0);
}

/// Days around today that rules are made for and asked about.
const DAYS: i32 = 9;

fn day(days: i32) -> ServiceDate {
    today().plus_days(days)
}

fn booking() -> impl Strategy<Value = Booking> {
    // Minutes of today: sales begin and end while it is asked.
    let minute = || prop::option::weighted(0.2, 0_i64..24 * 60);
    let sale = (minute(), minute()).prop_map(|(start, end)| {
        let at = |minute: i64| clock(0, minute);
        match (start, end) {
            (Some(start), Some(end)) if start >= end => (Some(at(end)), Some(at(start + 1))),
            _ => (start.map(at), end.map(at)),
        }
    });
    let cut_off = prop::option::weighted(0.3, 0_u16..24 * 60);
    let lead = (0_u16..3, prop_oneof![Just(0_u16), 0_u16..40], cut_off, prop::bool::weighted(0.7));
    let season = (-5..DAYS, -5..DAYS, any::<bool>()).prop_map(|(first, last, inverted)| Season {
        first: day(first).month_day(),
        last: day(last).month_day(),
        inverted,
    });
    let weekdays = prop_oneof![Just(0x7f_u8), 1_u8..0x80];
    let black = (0..DAYS, 0..3).prop_map(|(first, more)| (day(first), day(first + more)));
    let days = (
        prop::option::weighted(0.3, season),
        weekdays.prop_map(|bits| Weekdays::from_bits(bits).unwrap()),
        prop::collection::vec(black, 0..2),
    );
    (sale, lead, days).prop_map(|(sale, lead, (season, weekdays, blackouts))| Booking {
        sale_start: sale.0,
        sale_end: sale.1,
        lead_days: lead.0,
        lead_hours: lead.1,
        cut_off_minute: lead.2,
        same_day: lead.3,
        season,
        weekdays,
        blackouts,
    })
}

fn exception(areas: &'static [&'static str]) -> impl Strategy<Value = CalendarException> {
    let span = (0..DAYS, 0..4, prop_oneof![Just(0x7f_u8), 1_u8..0x80]);
    let timespans = prop_oneof![Just(vec![]), (1_u8..3).prop_map(|no| vec![Timespan::new(no)])];
    let area = prop::option::of(0..areas.len().max(1));
    let closed = prop::option::weighted(0.8, any::<bool>());
    (span, timespans, area, closed).prop_map(
        |((first, more, weekdays), timespans, area, closed)| CalendarException {
            weekdays: Weekdays::from_bits(weekdays).unwrap(),
            timespans,
            area: area.and_then(|area| areas.get(area)).map(|area| (*area).into()),
            closed,
            price: Some(Fen::new(700)),
            ..CalendarException::on(day(first), day(first + more))
        },
    )
}

/// Rules of every kind for a product: `P-DAY`, `P-CHILD`, or the show twice a day in two areas.
fn ruled() -> impl Strategy<Value = SetProduct> {
    let product = |id: &str| {
        commands().into_iter().find_map(|command| match command {
            CatalogueCommand::SetProduct(product) if product.id == id => Some(*product),
            _ => None,
        })
    };
    let (untimed, timed) = (product("P-DAY").unwrap(), product("P-CHILD").unwrap());
    let mut show = product("P-SHOW").unwrap();
    show.timespans.push(TimespanDef {
        no: Timespan::new(2),
        start_minute: 22 * 60,
        end_minute: 23 * 60,
    });
    let with = |product: SetProduct, exceptions: BoxedStrategy<CalendarException>| {
        let exceptions = prop::collection::vec(exceptions, 0..4);
        (Just(product), exceptions).prop_map(|(mut product, mut exceptions)| {
            if product.timespans.is_empty() {
                exceptions.iter_mut().for_each(|exception| exception.timespans.clear());
            }
            product.calendar.exceptions = exceptions;
            product
        })
    };
    let product = prop_oneof![
        with(untimed, exception(&[]).boxed()),
        with(timed, exception(&[]).boxed()),
        with(show, exception(&["A", "B"]).boxed()),
    ];
    let channels = prop_oneof![Just(Channels::ALL), any::<u8>().prop_map(Channels::from_bits)];
    (product, booking(), channels, prop::bool::weighted(0.9), 1_u16..12).prop_map(
        |(mut product, booking, channels, on_sale, horizon)| {
            product.on_sale = on_sale;
            product.rules.booking = booking;
            product.rules.channels = channels;
            product.rules.horizon_days = horizon;
            product.rules.limits.clear();
            product
        },
    )
}

/// An order of one, of a performance in `area`.
fn order(product: &Product, date: ServiceDate, no: Timespan, area: &str) -> Draft {
    let mut order = draft(vec![line(&product.id, 1)]);
    order.date = DraftDate::Day(date);
    order.timespan = DraftTimespan::Exactly(no);
    if let (true, Some(span)) = (product.is_performance(), product.timespan(no)) {
        let scene_id = product.scene_id(date, span);
        order.scene = DraftScene { scene_id, area_id: area.to_owned(), ..DraftScene::default() };
    }
    order
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn exactly_what_is_listed_can_be_ordered(given in ruled(), minute in 0_i64..24 * 60) {
        let mut catalogue = catalogue();
        let id = given.id.clone();
        let event = catalogue.decide(CatalogueCommand::SetProduct(Box::new(given))).unwrap();
        catalogue.apply(&event);
        let product = catalogue.product_by_id(&id).unwrap();
        let supplier = catalogue.supplier(product.supplier).unwrap();
        let now = clock(0, minute);
        let range = (day(-2), day(DAYS + 3));
        let spans: Vec<_> = product.timespans.iter().map(|span| span.no).collect();
        let spans = if spans.is_empty() { vec![Timespan::NONE] } else { spans };
        let areas: Vec<_> = product.areas.iter().map(Some).collect();
        let areas = if areas.is_empty() { vec![None] } else { areas };
        for channel in [Channel::Ota, Channel::Douyin, Channel::Console] {
            let listed: Vec<_> = bookable(product, supplier, channel, range, now).collect();
            for (days, no) in (-2..=DAYS + 3).flat_map(|days| spans.iter().map(move |no| (days, *no))) {
                let slot = slot_key(product, Some(day(days)), no);
                let is_listed = listed.iter().any(|occasion| occasion.slot == slot);
                let admitted = |order: &Draft| {
                    let order = Draft { channel, ..order.clone() };
                    admit(&order, &catalogue, &policy(), &PlainHasher, now)
                };
                let mut any_area = false;
                for area in &areas {
                    let is_open = is_listed && !is_closed(product, slot, *area);
                    any_area |= is_open;
                    let area = area.map_or("", |area| &area.id);
                    let answer = admitted(&order(product, day(days), no, area));
                    prop_assert_eq!(is_open, answer.is_ok(), "{:?} {:?}", slot, answer.err());
                }
                prop_assert_eq!(is_listed, any_area);
                // A performance named by its day is in an open area, if there is any.
                let mut by_day = order(product, day(days), no, "");
                by_day.scene = DraftScene { naming: SceneNaming::ByDay, ..DraftScene::default() };
                if product.is_performance() {
                    let answer = admitted(&by_day);
                    prop_assert_eq!(is_listed, answer.is_ok(), "{:?} {:?}", slot, answer.err());
                }
            }
        }
    }
}
