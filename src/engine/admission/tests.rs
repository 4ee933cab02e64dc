//! Every rejection of admission, the pairs whose precedence matters, and what is let through.

use super::*;
use crate::domain::catalogue::{
    Booking, BookingProblem, CalendarException, CatalogueCommand, Channels, ConditionError,
    ConditionSet, LimitRule, LimitScope, LimitWindow, Rules, SetProduct, TimespanDef, Weekdays,
};
use crate::domain::identity::{
    DocumentError, DocumentType, MobileError, NameError, PersonalText, sample,
};
use crate::engine::fixture::{
    AGENT, admitted, catalogue, clock, draft, identity, line, person, policy, product_no, today,
};
use crate::types::{AreaNo, Channel, RuleNo};

/// Admits at nine in the morning and compares the rejection; `None` means admitted.
#[track_caller]
fn check(given: &Draft, expected: impl Into<Option<Rejection>>) {
    check_at(given, clock(9, 0), expected);
}

#[track_caller]
fn check_at(given: &Draft, now: UnixMillis, expected: impl Into<Option<Rejection>>) {
    let hasher = crate::engine::fixture::PlainHasher;
    let answer = admit(given, &catalogue(), &policy(), &hasher, now);
    assert_eq!(answer.err(), expected.into(), "{given:?}");
}

fn with(change: impl FnOnce(&mut Draft)) -> Draft {
    let mut draft = draft(vec![person("P-ADULT", 1)]);
    change(&mut draft);
    draft
}

fn with_line(change: impl FnOnce(&mut DraftLine)) -> Draft {
    with(|draft| change(&mut draft.lines[0]))
}

fn unknown(id: &str) -> Rejection {
    Rejection::UnknownProduct { id: id.to_owned() }
}

fn on(date: ServiceDate, problem: DateProblem) -> Rejection {
    Rejection::Date { date: Some(date), problem }
}

fn undated(problem: DateProblem) -> Rejection {
    Rejection::Date { date: None, problem }
}

fn quantity_of(asked: u64, min: u32, max: u32) -> Rejection {
    Rejection::OrderQuantity { asked, min: Quantity::new(min), max: Quantity::new(max) }
}

fn show(scene_id: &str, area_id: &str) -> Draft {
    let mut draft = draft(vec![line("P-SHOW", 2)]);
    draft.date = DraftDate::Missing;
    draft.timespan = DraftTimespan::Unset;
    draft.scene = DraftScene {
        scene_id: scene_id.to_owned(),
        area_id: area_id.to_owned(),
        ..DraftScene::default()
    };
    draft
}

#[test]
fn lines_and_products() {
    check(&with(|_| {}), None);
    check(&draft(vec![]), Rejection::NoLines);
    let five = draft(vec![line("P-NONE", 1); 5]);
    check(&five, Rejection::TooManyLines { lines: 5, max: 4 });
    check(&draft(vec![line("P-NONE", 1)]), unknown("P-NONE"));
    check(&draft(vec![line(&"x".repeat(99), 1)]), unknown(&"x".repeat(36)));
    check(&draft(vec![line("p-child", 1)]), None);
    check(&draft(vec![line("P-OFF", 1)]), Rejection::OffSale { id: "P-OFF".into() });
    let two_suppliers = draft(vec![line("P-CHILD", 1), line("P-SHOW", 1)]);
    check(&two_suppliers, Rejection::MixedSuppliers);

    // An unknown product comes before everything that only a known one can be asked about.
    check(&draft(vec![line("P-NONE", 0)]), unknown("P-NONE"));
    check(
        &draft(vec![line("P-SHOW", 1), line("P-OFF", 1)]),
        Rejection::OffSale { id: "P-OFF".into() },
    );
    check(&draft(vec![line("P-CHILD", 0), line("P-SHOW", 1)]), Rejection::MixedSuppliers);
}

#[test]
fn quantities() {
    for amount in [0, -1, i64::MIN, i64::from(u32::MAX) + 1, i64::MAX] {
        check(&draft(vec![line("P-CHILD", amount)]), Rejection::BadQuantity { amount });
    }
    check(&draft(vec![line("P-CHILD", 5)]), None);
    check(&draft(vec![line("P-CHILD", 6)]), quantity_of(6, 1, 5));
    check(&draft(vec![line("P-PAIR", 1)]), quantity_of(1, 2, 5));
    // The bounds are the product's: its lines count together, other products do not.
    check(&draft(vec![line("P-CHILD", 3), line("P-CHILD", 3)]), quantity_of(6, 1, 5));
    check(&draft(vec![line("P-PAIR", 1), line("P-PAIR", 1)]), None);
    check(&draft(vec![line("P-CHILD", 5), line("P-DAY", 1)]), None);

    // A number that is none comes before bounds, and both before the date.
    let given = draft(vec![line("P-CHILD", 6), line("P-CHILD", 0)]);
    check(&given, Rejection::BadQuantity { amount: 0 });
    let mut given = draft(vec![line("P-CHILD", 6)]);
    given.date = DraftDate::Missing;
    check(&given, quantity_of(6, 1, 5));
}

#[test]
fn dates() {
    let day = |date| with(|draft| draft.date = DraftDate::Day(date));
    check(&with(|draft| draft.date = DraftDate::Missing), undated(DateProblem::Missing));
    check(&with(|draft| draft.date = DraftDate::Malformed), undated(DateProblem::Malformed));
    let (yesterday, last) = (today().plus_days(-1), today().plus_days(59));
    check(&day(yesterday), on(yesterday, DateProblem::Past));
    check(&day(last), None);
    let (gap, far) = (today().plus_days(60), today().plus_days(61));
    check(&day(gap), on(gap, DateProblem::NotOffered));
    check(&day(far), on(far, DateProblem::TooFarAhead));

    // One day has one validity: a day ticket and an open ticket do not go together.
    let mixed = draft(vec![line("P-CHILD", 1), line("P-COUPON", 1)]);
    check(&mixed, undated(DateProblem::NotOffered));
    // A wrong date comes before a wrong timespan and before persons.
    let given = with(|draft| {
        draft.date = DraftDate::Day(yesterday);
        draft.timespan = DraftTimespan::Malformed;
        draft.lines[0].document.clear();
    });
    check(&given, on(yesterday, DateProblem::Past));
}

#[test]
fn the_day_is_the_one_at_the_venue() {
    let almost_midnight = today().start(crate::engine::fixture::OFFSET).plus_millis(-1);
    let mut given = draft(vec![line("P-DAY", 1)]);
    check_at(&given, almost_midnight, None);
    given.date = DraftDate::Day(today().plus_days(-1));
    check_at(&given, almost_midnight, None);
    check_at(&given, clock(0, 0), on(today().plus_days(-1), DateProblem::Past));
}

#[test]
fn validity_of_products_without_a_date() {
    let open = |validity: Option<(i64, i64)>| {
        let mut draft = draft(vec![line("P-COUPON", 1)]);
        draft.date = DraftDate::Missing;
        let minute = |minute| clock(9, 0).plus_millis(minute * 60_000);
        draft.validity = validity.map(|(from, until)| (minute(from), minute(until)));
        draft
    };
    check(&open(Some((-5, 5))), None);
    check(&open(None), Rejection::BadValidity);
    check(&open(Some((5, 5))), Rejection::BadValidity);
    check(&open(Some((6, 5))), Rejection::BadValidity);
    check(&open(Some((-5, 0))), Rejection::BadValidity);
    check(&open(Some((-5, -1))), Rejection::BadValidity);
}

#[test]
fn timespans() {
    let at = |timespan| with(|draft| draft.timespan = timespan);
    check(&at(DraftTimespan::Unset), Rejection::UnknownTimespan);
    check(&at(DraftTimespan::Malformed), Rejection::UnknownTimespan);
    check(&at(DraftTimespan::Exactly(Timespan::new(4))), Rejection::UnknownTimespan);
    check(&at(DraftTimespan::Exactly(Timespan::NONE)), Rejection::UnknownTimespan);
    let mut untimed = draft(vec![line("P-DAY", 1)]);
    for timespan in [DraftTimespan::Unset, DraftTimespan::Earliest] {
        untimed.timespan = timespan;
        check(&untimed, None);
    }

    // A timespan is sold until it ends; an untimed day until midnight.
    let first = with(|_| {});
    check_at(&first, clock(10, 59), None);
    check_at(&first, clock(11, 0), on(today(), DateProblem::Over));
    check_at(&at(DraftTimespan::Earliest), clock(17, 0), on(today(), DateProblem::Over));
    check_at(&untimed, clock(23, 59), None);
    // That it is over comes before who it is for.
    let nobody = with_line(|line| line.document.clear());
    check_at(&nobody, clock(11, 0), on(today(), DateProblem::Over));
}

#[test]
fn the_earliest_timespan_leaves_out_those_that_are_over() {
    let candidates = |hour, timespan| {
        let mut given = draft(vec![line("P-DAY", 1), line("P-CHILD", 1)]);
        given.timespan = timespan;
        let hasher = crate::engine::fixture::PlainHasher;
        let admitted = admit(&given, &catalogue(), &policy(), &hasher, clock(hour, 0)).unwrap();
        admitted.candidates.iter().map(|timespan| timespan.get()).collect::<Vec<_>>()
    };
    assert_eq!(candidates(9, DraftTimespan::Earliest), [1, 2, 3]);
    assert_eq!(candidates(11, DraftTimespan::Earliest), [2, 3]);
    assert_eq!(candidates(16, DraftTimespan::Earliest), [3]);
    assert_eq!(candidates(9, DraftTimespan::Exactly(Timespan::new(2))), [2]);
}

#[test]
fn performances() {
    let tonight = format!("SC-{}-1930", today().to_compact());
    check(&show(&tonight, "A"), None);
    check(&show(&tonight, "a"), None);
    check(&show("", "A"), Rejection::UnknownPerformance);
    check(&show(&tonight.replace("1930", "2030"), "A"), Rejection::UnknownPerformance);
    check(&show(&tonight.replace("SC", "XX"), "A"), Rejection::UnknownPerformance);
    check(&show("SC-20261331-1930", "A"), Rejection::UnknownPerformance);
    check(&show(&tonight, ""), Rejection::UnknownArea);
    check(&show(&tonight, "C"), Rejection::UnknownArea);
    let dated = |date| Draft { date, ..show(&tonight, "A") };
    check(&dated(DraftDate::Day(today())), None);
    let other = dated(DraftDate::Day(today().plus_days(1)));
    check(&other, Rejection::PerformanceOnAnotherDay);
    check(&dated(DraftDate::Malformed), undated(DateProblem::Malformed));

    // It is sold until it begins.
    check_at(&show(&tonight, "A"), clock(19, 29), None);
    check_at(&show(&tonight, "A"), clock(19, 30), on(today(), DateProblem::Over));
    // The performance comes before its date, and its date before the area.
    let yesterday = format!("SC-{}-1930", today().plus_days(-1).to_compact());
    let gone = show(&yesterday, "C");
    check(&gone, on(today().plus_days(-1), DateProblem::Past));
    let named = |area| {
        let mut seats = show(&tonight, area);
        seats.scene.choice = SeatChoice::Buyers;
        seats.lines[0].seats = vec!["A-1-1".to_owned()];
        seats.lines[0].document_type_unknown = true;
        seats
    };
    check(&named("C"), Rejection::UnknownArea);
    check(&named("A"), Rejection::SeatChoiceUnsupported);
}

#[test]
fn documents_and_names() {
    // A spot has no seats to choose; its callers may name some all the same.
    check(&with_line(|line| line.seats = vec!["A-1-1".to_owned()]), None);
    check(&with_line(|line| line.document.clear()), Rejection::DocumentMissing);
    check(&with_line(|line| line.document = "  ".to_owned()), Rejection::DocumentMissing);
    check(&with_line(|line| line.document_type_unknown = true), Rejection::UnknownDocumentType);
    let kind = DocumentType::ResidentId;
    let malformed = Rejection::Document(DocumentError::Malformed { kind });
    check(&with_line(|line| line.document = "12".to_owned()), malformed.clone());
    check(&with_line(|line| line.name.clear()), Rejection::NameMissing);
    check(&with_line(|line| line.name = " ".to_owned()), Rejection::Name(NameError::Empty));
    let long = with_line(|line| line.name = "王".repeat(21));
    check(&long, Rejection::Name(NameError::TooLong { length: 21, max: 20 }));
    let two = Rejection::TravellersMismatch { travellers: 1, tickets: 2 };
    check(&with_line(|line| line.amount = 2), two.clone());

    // The order's document stands in for a line's, of either a needed or a counted one.
    let stand_in = |product: &str| {
        let mut draft = draft(vec![line(product, 1)]);
        draft.lines[0].name = "王小明".to_owned();
        draft.document = sample::resident_id(7);
        draft
    };
    check(&stand_in("P-ADULT"), None);
    check(&stand_in("P-FLASH"), None);
    check(&draft(vec![line("P-FLASH", 1)]), Rejection::DocumentMissing);

    // Precedence: kind, document, name missing, number of travellers, name wrong.
    type Fault = (fn(&mut DraftLine), Rejection);
    let faults: [Fault; 5] = [
        (|line| line.document_type_unknown = true, Rejection::UnknownDocumentType),
        (|line| line.document = "12".to_owned(), malformed),
        (|line| line.name.clear(), Rejection::NameMissing),
        (|line| line.amount = 2, two),
        (|line| line.name = " ".to_owned(), Rejection::Name(NameError::Empty)),
    ];
    for (index, (_, expected)) in faults.iter().enumerate() {
        let given = with_line(|line| {
            // Applied from the back, so that an earlier fault of the same field stands.
            faults[index..].iter().rev().for_each(|(fault, _)| fault(line));
        });
        check(&given, expected.clone());
    }
}

#[test]
fn mobiles() {
    let wrong = Rejection::Mobile(MobileError::NotMainland);
    check(&with(|draft| draft.mobile = "12345".to_owned()), wrong.clone());
    check(&with_line(|line| line.mobile = "12345".to_owned()), wrong.clone());
    check(&with(|draft| draft.mobile.clear()), Rejection::MobileMissing);
    let lines_own = with(|draft| {
        draft.mobile.clear();
        draft.lines[0].mobile = sample::mobile(2);
    });
    check(&lines_own, None);
    check(&with_line(|line| line.mobile_needed = true), Rejection::MobileMissing);
    // A product that does not count mobiles asks for none, but reads one it is given.
    let mut child = draft(vec![line("P-CHILD", 1)]);
    child.mobile.clear();
    check(&child, None);
    child.mobile = "1".to_owned();
    check(&child, wrong);
}

#[test]
fn totals_out_of_range() {
    // Ten billion yuan are the most; a product sums up, and so do several.
    let dear = |id: &str, amount: i64| draft(vec![line(id, amount)]);
    check(&dear("P-DEAR-1", 1000), None);
    check(&dear("P-DEAR-1", 1001), Rejection::TotalOutOfRange);
    check(&dear("P-DEAR-1", i64::from(u32::MAX)), Rejection::TotalOutOfRange);
    let two = draft(vec![line("P-DEAR-1", 600), line("P-DEAR-2", 600)]);
    check(&two, Rejection::TotalOutOfRange);
}

#[test]
fn what_is_admitted() {
    let mut given = draft(vec![person("P-ADULT", 1), line("P-CHILD", 2)]);
    given.lines[0].document = sample::resident_id(1).to_lowercase();
    let admitted = admitted(&given).unwrap();
    assert_eq!((admitted.agent, admitted.date, admitted.today), (AGENT, Some(today()), today()));
    assert_eq!((admitted.total, admitted.rebate), (Fen::new(24_000), Fen::new(600)));
    assert_eq!(admitted.quantity(), Quantity::new(3));
    assert_eq!(admitted.lines[0].product.no, product_no("P-ADULT"));
    let claim = |rule, identity, max| LineClaim {
        rule: RuleNo::new(rule),
        window: LimitWindow::VisitDate,
        identity,
        amount: Quantity::ONE,
        max: Quantity::new(max),
    };
    // Case and the sender's spelling do not make another person.
    let document = identity(&sample::resident_id(1));
    let mobile = identity(&sample::mobile(1));
    assert_eq!(admitted.lines[0].claims[..], [claim(1, document, 1), claim(17, mobile, 5)]);
    assert!(admitted.lines[1].claims.is_empty());

    let tonight = format!("SC-{}-1930", today().to_compact());
    let admitted = crate::engine::fixture::admitted(&show(&tonight, "B")).unwrap();
    assert_eq!((admitted.total, admitted.lines[0].area), (Fen::new(76_000), AreaNo::new(2)));
}

#[test]
fn purchases_count_by_the_mobile_of_the_order() {
    let mut given = draft(vec![line("P-DAY", 1)]);
    given.lines[0].mobile = sample::mobile(2);
    let counted = |given: &Draft| admitted(given).unwrap().lines[0].claims[0].identity;
    assert_eq!(counted(&given), identity(&sample::mobile(1)));
    given.mobile = format!("+86 {}", sample::mobile(1));
    assert_eq!(counted(&given), identity(&sample::mobile(1)));
    given.mobile.clear();
    assert_eq!(counted(&given), identity(&sample::mobile(2)));
}

/// [`catalogue`] with `P-CHILD` changed.
fn changed(change: impl FnOnce(&mut SetProduct)) -> Catalogue {
    let mut catalogue = catalogue();
    let commands = crate::engine::fixture::commands().into_iter();
    let child = commands.filter_map(|command| match command {
        CatalogueCommand::SetProduct(product) if product.id == "P-CHILD" => Some(product),
        _ => None,
    });
    let mut child = child.last().unwrap();
    change(&mut child);
    let event = catalogue.decide(CatalogueCommand::SetProduct(child)).unwrap();
    catalogue.apply(&event);
    catalogue
}

fn ruled(change: impl FnOnce(&mut Rules)) -> Catalogue {
    changed(|product| change(&mut product.rules))
}

fn admit_in(catalogue: &Catalogue, draft: &Draft, now: UnixMillis) -> Result<Admitted, Rejection> {
    admit(draft, catalogue, &policy(), &crate::engine::fixture::PlainHasher, now)
}

#[track_caller]
fn check_in(catalogue: &Catalogue, draft: &Draft, expected: impl Into<Option<Rejection>>) {
    assert_eq!(admit_in(catalogue, draft, clock(9, 0)).err(), expected.into(), "{draft:?}");
}

fn child() -> Draft {
    draft(vec![line("P-CHILD", 1)])
}

#[test]
fn the_sale_and_its_channels() {
    let id = || "P-CHILD".into();
    let channel = Channel::Ota;
    let closed = ruled(|rules| {
        rules.channels = Channels::of([Channel::Douyin]);
        rules.booking.sale_start = Some(clock(10, 0));
    });
    check_in(&closed, &child(), Rejection::ChannelClosed { id: id(), channel });
    let from = clock(9, 1);
    let future = ruled(|rules| {
        rules.booking.sale_start = Some(from);
        rules.booking.sale_end = Some(clock(9, 2));
    });
    check_in(&future, &child(), Rejection::NotYetOnSale { id: id(), from });
    let at = |minute| admit_in(&future, &child(), clock(9, minute)).err();
    assert_eq!(at(1), None);
    assert_eq!(at(2), Some(Rejection::SaleEnded { id: id(), until: clock(9, 2) }));
    // Off sale comes before the channel, and both before what is ordered of it.
    let off = changed(|product| {
        product.on_sale = false;
        product.rules.channels = Channels::of([]);
    });
    check_in(&off, &child(), Rejection::OffSale { id: id() });
    let none = draft(vec![line("P-CHILD", 0)]);
    check_in(&closed, &none, Rejection::ChannelClosed { id: id(), channel });
}

#[test]
fn days_that_the_booking_rules_refuse() {
    let problem = |problem| Some(on(today(), DateProblem::Booking(problem)));
    let ruled = |booking: Booking| ruled(|rules| rules.booking = booking);
    // Today is a Saturday.
    let sunday = Weekdays::from_bits(1 << 6).unwrap();
    let weekday = ruled(Booking { weekdays: sunday, same_day: false, ..Booking::default() });
    check_in(&weekday, &child(), problem(BookingProblem::Weekday));
    let mut far = child();
    far.date = DraftDate::Day(today().plus_days(61));
    // The horizon and the calendar come before the booking rules …
    check_in(&weekday, &far, on(today().plus_days(61), DateProblem::TooFarAhead));
    let same_day = ruled(Booking { same_day: false, ..Booking::default() });
    check_in(&same_day, &child(), problem(BookingProblem::SameDay));
    // … and these before the timespan.
    let mut nowhere = child();
    nowhere.timespan = DraftTimespan::Malformed;
    check_in(&same_day, &nowhere, problem(BookingProblem::SameDay));

    // Two hours before the timespan: at nine the first has begun and the second is open.
    let hours = ruled(Booking { lead_hours: 2, ..Booking::default() });
    check_in(&hours, &child(), problem(BookingProblem::BookingEnded));
    let mut earliest = child();
    earliest.timespan = DraftTimespan::Earliest;
    let admitted = admit_in(&hours, &earliest, clock(8, 59)).unwrap();
    assert_eq!(admitted.candidates[..], [Timespan::new(2), Timespan::new(3)]);
    let admitted = admit_in(&hours, &earliest, clock(9, 0)).unwrap();
    assert_eq!(admitted.candidates[..], [Timespan::new(3)]);
    let late = admit_in(&hours, &earliest, clock(12, 0)).err();
    assert_eq!(late, problem(BookingProblem::BookingEnded));
    // Over comes before too late.
    let over = admit_in(&hours, &child(), clock(11, 0)).err();
    assert_eq!(over, Some(on(today(), DateProblem::Over)));
}

#[test]
fn exceptions_close_timespans_and_change_prices() {
    let span = |no: u8, closed, price: Option<i64>| CalendarException {
        timespans: vec![Timespan::new(no)],
        closed: Some(closed),
        price: price.map(Fen::new),
        ..CalendarException::on(today(), today())
    };
    let exceptions = vec![span(1, true, None), span(3, false, Some(7_000))];
    let calendar = changed(|product| product.calendar.exceptions = exceptions);
    check_in(&calendar, &child(), on(today(), DateProblem::Closed));
    let mut earliest = draft(vec![line("P-CHILD", 2), line("P-DAY", 1)]);
    earliest.timespan = DraftTimespan::Earliest;
    let mut admitted = admit_in(&calendar, &earliest, clock(9, 0)).unwrap();
    assert_eq!(admitted.candidates[..], [Timespan::new(2), Timespan::new(3)]);
    let told = |admitted: &Admitted| {
        (admitted.lines[0].unit_price.get(), admitted.lines[1].unit_price.get(), admitted.total)
    };
    assert_eq!(told(&admitted), (6_000, 1_000, Fen::new(13_000)));
    admitted.choose(1);
    assert_eq!(told(&admitted), (7_000, 1_000, Fen::new(15_000)));
    admitted.choose(0);
    assert_eq!(told(&admitted), (6_000, 1_000, Fen::new(13_000)));
    // Every candidate's price must be one that can be paid.
    let dear = vec![span(3, false, Some(1_000_000_000))];
    let dear = changed(|product| {
        product.calendar.exceptions = dear;
        product.rules.order_max = Quantity::new(9_999);
    });
    earliest.lines[0].amount = 1_001;
    check_in(&dear, &earliest, Rejection::TotalOutOfRange);
}

#[test]
fn conditions_on_documents() {
    let old = ConditionSet { age_from: Some(200), ..ConditionSet::default() };
    let conditions = ruled(|rules| rules.conditions = vec![old]);
    check_in(&conditions, &child(), Rejection::DocumentMissing);
    let person = person("P-CHILD", 1);
    let young = Rejection::Condition(ConditionError::Age { from: Some(200), to: None });
    check_in(&conditions, &draft(vec![person.clone()]), young.clone());
    // The order's own document stands in for the line's here as well.
    let mut stand_in = child();
    stand_in.document = person.document.clone();
    check_in(&conditions, &stand_in, young.clone());
    // A malformed number comes before what it would tell, and that before a missing name.
    let malformed = DraftLine { document: "12".to_owned(), ..person.clone() };
    let kind = DocumentType::ResidentId;
    let expected = Rejection::Document(DocumentError::Malformed { kind });
    check_in(&conditions, &draft(vec![malformed]), expected);
    let named = ruled(|rules| {
        rules.document_per_ticket = true;
        rules.conditions = vec![ConditionSet { age_from: Some(200), ..ConditionSet::default() }];
    });
    let nameless = DraftLine { name: String::new(), ..person.clone() };
    check_in(&named, &draft(vec![nameless]), young);
    // Nobody here can read ciphertext.
    let sealed = DraftLine { document: "Enc.x".to_owned(), ..person };
    check_in(&conditions, &draft(vec![sealed]), None);
}

#[test]
fn a_document_once_in_an_order() {
    let unique = ruled(|rules| rules.unique_documents = true);
    let twice = draft(vec![person("P-CHILD", 1), person("P-CHILD", 1)]);
    check_in(&unique, &twice, Rejection::DocumentTwice);
    check_in(&catalogue(), &twice, None);
    let mut spelled = twice.clone();
    spelled.lines[1].document = format!(" {} ", spelled.lines[1].document.to_lowercase());
    check_in(&unique, &spelled, Rejection::DocumentTwice);
    let mut other_kind = twice.clone();
    other_kind.lines[1].document_type = Some(DocumentType::Other);
    // The fixture's hash knows no kinds; the engine's does.
    check_in(&unique, &other_kind, Rejection::DocumentTwice);
    check_in(&unique, &draft(vec![person("P-CHILD", 1), person("P-CHILD", 2)]), None);
    check_in(&unique, &draft(vec![person("P-CHILD", 1), person("P-DAY", 1)]), None);
    // Lines without a document are nobody twice, and the order's own stands in for both.
    let mut nobody = draft(vec![line("P-CHILD", 1), line("P-CHILD", 1)]);
    check_in(&unique, &nobody, None);
    nobody.document = sample::resident_id(1);
    check_in(&unique, &nobody, Rejection::DocumentTwice);
    let sealed = |text: &str| DraftLine { document: text.to_owned(), ..line("P-CHILD", 1) };
    check_in(&unique, &draft(vec![sealed("Enc.a"), sealed("Enc.a")]), Rejection::DocumentTwice);
    check_in(&unique, &draft(vec![sealed("Enc.a"), sealed("Enc.A")]), None);
}

#[test]
fn whom_a_limit_counts() {
    let limit = |scope| LimitRule::new(scope, LimitWindow::OrderDate, Quantity::new(9));
    let counted = |catalogue: &Catalogue, draft: &Draft| {
        let admitted = admit_in(catalogue, draft, clock(9, 0))?;
        Ok(admitted.lines[0].claims.iter().map(|claim| claim.identity).collect::<Vec<_>>())
    };
    let by = |scope| ruled(|rules| rules.limits = vec![limit(scope)]);
    let missing = |scope| Err(Rejection::BuyerMissing { scope });
    let user = by(LimitScope::AgentUser);
    assert_eq!(counted(&user, &child()), missing(LimitScope::AgentUser));
    let mut named = child();
    named.buyer.agent_user = Some(-1);
    assert_eq!(counted(&user, &named), Ok(vec![identity("0/-1")]));
    let open = by(LimitScope::OpenId);
    // An agent's protocol has no open id, and Douyin's no user of an agent.
    assert_eq!(counted(&open, &child()), Ok(vec![]));
    let mut douyin = Draft { channel: Channel::Douyin, ..child() };
    assert_eq!(counted(&open, &douyin), missing(LimitScope::OpenId));
    douyin.buyer.open_id = "u".to_owned();
    assert_eq!(counted(&open, &douyin), Ok(vec![identity("u")]));
    assert_eq!(counted(&user, &douyin), Ok(vec![]));

    let plain = |bits| Ok(vec![IdentityHash::new(bits)]);
    assert_eq!(counted(&by(LimitScope::Agent), &child()), plain(0));
    assert_eq!(counted(&by(LimitScope::Everyone), &child()), plain(0));
    assert_eq!(counted(&by(LimitScope::Channel), &child()), plain(1));
    assert_eq!(counted(&by(LimitScope::Channel), &douyin), plain(2));
    // A rule for another channel or agent asks for nobody.
    let elsewhere = ruled(|rules| {
        let channel = Some(Channel::Douyin);
        rules.limits = vec![LimitRule { channel, ..limit(LimitScope::Document) }];
    });
    assert_eq!(counted(&elsewhere, &child()), Ok(vec![]));
    assert_eq!(counted(&elsewhere, &douyin), Err(Rejection::DocumentMissing));
    // The document comes before the buyer, and the buyer before the same document twice.
    let both = ruled(|rules| {
        rules.unique_documents = true;
        rules.limits = vec![limit(LimitScope::AgentUser), limit(LimitScope::Document)];
    });
    assert_eq!(counted(&both, &child()), Err(Rejection::DocumentMissing));
    let twice = draft(vec![person("P-CHILD", 1), person("P-CHILD", 1)]);
    assert_eq!(counted(&both, &twice), missing(LimitScope::AgentUser));
}

#[test]
fn ciphertext_without_a_mark_is_counted_as_it_is() {
    let mut policy = policy();
    policy.identity.sent_as = PersonalText::Ciphertext;
    let given = with(|draft| {
        draft.lines[0].document = " aB ".to_owned();
        draft.mobile = "+86 x".to_owned();
    });
    let hasher = crate::engine::fixture::PlainHasher;
    let admitted = admit(&given, &catalogue(), &policy, &hasher, clock(9, 0)).unwrap();
    let identities: Vec<_> = admitted.lines[0].claims.iter().map(|claim| claim.identity).collect();
    assert_eq!(identities, [identity(" aB "), identity("+86 x")]);
}

/// Two children and so many seats of the stage, named by the day.
fn mixed(stage: Vec<DraftLine>) -> Draft {
    let mut lines = vec![line("P-CHILD", 2)];
    lines.extend(stage);
    let mut draft = draft(lines);
    draft.scene.naming = SceneNaming::ByDay;
    draft
}

fn seats_of(amount: i64, seats: &[&str]) -> DraftLine {
    DraftLine {
        seats: seats.iter().map(|seat| (*seat).to_owned()).collect(),
        ..line("P-STAGE", amount)
    }
}

#[test]
fn performances_named_by_their_day_have_a_time_of_their_own() {
    let mut given = mixed(vec![seats_of(2, &[])]);
    let times = |given: &Draft| {
        let admitted = admitted(given).unwrap();
        let lines = admitted.lines.iter();
        let first = admitted.candidates[0];
        let slots: Vec<_> =
            lines.map(|line| line.slot(admitted.date, first).timespan.get()).collect();
        (admitted.candidates.iter().map(|no| no.get()).collect::<Vec<_>>(), slots)
    };
    given.timespan = DraftTimespan::Exactly(Timespan::new(3));
    assert_eq!(times(&given), (vec![3], vec![3, 1]));
    given.timespan = DraftTimespan::Earliest;
    assert_eq!(times(&given), (vec![1, 2, 3], vec![1, 1]));
    given.timespan = DraftTimespan::Unset;
    check(&given, Rejection::UnknownTimespan);
    // Alone it needs no timespan.
    given.lines.remove(0);
    assert_eq!(times(&given), (vec![0], vec![1]));
    // The area is the first; or that of the seats, which all of the product's lines name or none.
    assert_eq!(admitted(&given).unwrap().lines[0].area, AreaNo::new(1));
    check(&mixed(vec![seats_of(2, &["S-1-1", "S-2-1"])]), None);
    let unknown = Rejection::UnknownSeat { id: "S-9-1".to_owned() };
    check(&mixed(vec![seats_of(1, &["S-9-1"])]), unknown);
    let some = mixed(vec![seats_of(1, &["S-1-1"]), seats_of(1, &[])]);
    check(&some, Rejection::SeatCount { named: 0, tickets: 1 });

    let day = |date| Draft { date, ..mixed(vec![seats_of(1, &[])]) };
    check(&day(DraftDate::Missing), undated(DateProblem::Missing));
    // It begins at half past seven, when the timespans of the spot are over anyway.
    let mut late = mixed(vec![seats_of(1, &[])]);
    late.lines[0] = line("P-DAY", 1);
    check_at(&late, clock(19, 29), None);
    check_at(&late, clock(19, 30), on(today(), DateProblem::Over));
    // Without ids only this way of ordering knows what performance is meant.
    late.scene.naming = SceneNaming::ById;
    check(&late, Rejection::UnknownPerformance);
    let foreign = mixed(vec![line("P-SHOW", 1)]);
    check(&foreign, Rejection::MixedSuppliers);
}

#[test]
fn of_several_performances_a_day_the_timespan_names_one() {
    let commands = crate::engine::fixture::commands().into_iter();
    let mut show = commands
        .filter_map(|command| match command {
            CatalogueCommand::SetProduct(product) if product.id == "P-SHOW" => Some(product),
            _ => None,
        })
        .last()
        .unwrap();
    let late = TimespanDef { no: Timespan::new(2), start_minute: 22 * 60, end_minute: 23 * 60 };
    show.timespans.push(late);
    let closed = |days: i32, timespans: Vec<Timespan>, area: Option<&str>| CalendarException {
        timespans,
        area: area.map(Into::into),
        closed: Some(true),
        ..CalendarException::on(today().plus_days(days), today().plus_days(days))
    };
    show.calendar.exceptions = vec![
        closed(1, vec![Timespan::new(1)], None),
        closed(2, vec![], Some("A")),
        closed(3, vec![], None),
    ];
    let mut catalogue = catalogue();
    let event = catalogue.decide(CatalogueCommand::SetProduct(show)).unwrap();
    catalogue.apply(&event);
    let check = |days: i32, index: Option<u8>, expected: Result<(u8, u8), Rejection>| {
        let mut given = draft(vec![line("P-SHOW", 1)]);
        given.scene.naming = SceneNaming::ByDay;
        given.date = DraftDate::Day(today().plus_days(days));
        let exactly = |no| DraftTimespan::Exactly(Timespan::new(no));
        given.timespan = index.map_or(DraftTimespan::Earliest, exactly);
        let answer = admit_in(&catalogue, &given, clock(9, 0));
        let told = answer.map(|admitted| {
            let line = &admitted.lines[0];
            (line.performance.unwrap().get(), line.area.get())
        });
        assert_eq!(told, expected, "{days} {index:?}");
    };
    check(0, Some(1), Ok((1, 1)));
    check(0, Some(2), Ok((2, 1)));
    check(0, Some(3), Err(Rejection::UnknownTimespan));
    check(0, None, Err(Rejection::UnknownTimespan));
    // One of the two is closed: the other is meant, unless the closed one is named.
    check(1, None, Ok((2, 1)));
    check(1, Some(9), Ok((2, 1)));
    check(1, Some(1), Err(on(today().plus_days(1), DateProblem::Closed)));
    check(2, Some(1), Ok((1, 2)));
    check(3, Some(1), Err(on(today().plus_days(3), DateProblem::Closed)));
}

#[test]
fn seats_of_a_closed_area_cannot_be_named_either() {
    let commands = crate::engine::fixture::commands().into_iter();
    let mut stage = commands
        .filter_map(|command| match command {
            CatalogueCommand::SetProduct(product) if product.id == "P-STAGE" => Some(product),
            _ => None,
        })
        .last()
        .unwrap();
    let mut second = stage.areas[0].clone();
    second.id = "T".into();
    stage.areas.push(second);
    stage.calendar.exceptions = vec![CalendarException {
        area: Some("T".into()),
        closed: Some(true),
        ..CalendarException::on(today(), today())
    }];
    let mut catalogue = catalogue();
    let event = catalogue.decide(CatalogueCommand::SetProduct(stage)).unwrap();
    catalogue.apply(&event);
    let mut given = crate::engine::fixture::stage_draft(1, &["S-1-1"]);
    given.scene.area_id.clear();
    check_in(&catalogue, &given, None);
    given.lines[0].seats = vec!["T-1-1".to_owned()];
    check_in(&catalogue, &given, on(today(), DateProblem::Closed));
}
