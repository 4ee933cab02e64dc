//! Every rejection of admission, the pairs whose precedence matters, and what is let through.

use super::*;
use crate::domain::identity::{DocumentError, MobileError, NameError, sample};
use crate::engine::fixture::{
    AGENT, admitted, catalogue, clock, draft, identity, line, person, policy, product_no, today,
};

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
        choice: SeatChoice::Ours,
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
