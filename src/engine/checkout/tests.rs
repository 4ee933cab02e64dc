//! Steps of the checkout: what it commits, releases and tries next.

use super::*;
use crate::domain::account::{Balance, BalanceShort};
use crate::domain::catalogue::{LimitScope, LimitWindow};
use crate::domain::inventory::{Available, PoolKey, SlotError, SoldOut};
use crate::domain::limits::LimitExceeded;
use crate::domain::order::{OrderEvent, PayDecision};
use crate::engine::admission::{Draft, DraftTimespan, SceneNaming};
use crate::engine::fixture::{
    CountingIds, Ledger, PREPAID, admitted, catalogue, draft, line, morning, person, slot, today,
};
use crate::engine::transaction::Event;
use crate::types::{AreaNo, Quantity, RuleNo, SlotKey};

const SOLD_OUT: SoldOut =
    SoldOut { asked: Quantity::ONE, available: Available::Left(Quantity::ZERO) };

fn new_order(draft: &Draft) -> Box<NewOrder> {
    let admitted = admitted(draft).unwrap();
    Box::new(NewOrder { admitted, request_key: None, private: Sealed::default() })
}

fn begin(purpose: Purpose) -> Checkout {
    Checkout::begin(purpose, &catalogue())
}

fn sell(draft: &Draft) -> Checkout {
    begin(Purpose::Sell { order: new_order(draft), payment: PREPAID })
}

/// One adult and one child: two slots, a pool, a limit and the account.
fn family() -> Draft {
    draft(vec![person("P-ADULT", 1), line("P-CHILD", 1)])
}

fn earliest(mut draft: Draft) -> Draft {
    draft.timespan = DraftTimespan::Earliest;
    draft
}

fn refusal(key: ParticipantKey) -> Refusal {
    match key {
        ParticipantKey::Slot(_) => {
            Refusal::Slot(SlotError::SoldOut { area: AreaNo::NONE, sold_out: SOLD_OUT })
        }
        ParticipantKey::Pool(_) => Refusal::Pool(SOLD_OUT),
        ParticipantKey::Limit(_) => Refusal::Limit(exceeded(0)),
        ParticipantKey::Account(_) => {
            Refusal::Account(BalanceShort { needed: Fen::new(1), available: Fen::ZERO })
        }
    }
}

fn exceeded(rule: u8) -> LimitExceeded {
    let one = Quantity::ONE;
    LimitExceeded { rule: RuleNo::new(rule), used: one, asked: one, max: one }
}

fn keys(checkout: &Checkout) -> Vec<ParticipantKey> {
    checkout.plan().parts().iter().map(|(key, _)| *key).collect()
}

/// Answers everybody from the last to the first, refusing where `refuses` says so.
fn answer(checkout: &mut Checkout, refuses: impl Fn(ParticipantKey) -> bool) -> Step {
    let mut step = Step::Wait;
    for (index, key) in keys(checkout).into_iter().enumerate().rev() {
        assert_eq!(step, Step::Wait, "only the last answer decides");
        let answer = if refuses(key) { Err(refusal(key)) } else { Ok(Grant::default()) };
        step = checkout.answered(index, answer, &catalogue());
    }
    step
}

fn released(keys: Vec<ParticipantKey>) -> SmallVec<[ParticipantKey; 4]> {
    SmallVec::from_vec(keys)
}

#[test]
fn it_commits_when_everybody_has_granted_and_not_before() {
    let mut checkout = sell(&family());
    assert_eq!(checkout.plan().parts().len(), 5);
    let catalogue = catalogue();
    for index in 0..4 {
        assert_eq!(checkout.answered(index, Ok(Grant::default()), &catalogue), Step::Wait);
    }
    // Repeated, contradicting and unasked answers change nothing.
    let key = keys(&checkout)[0];
    assert_eq!(checkout.answered(0, Err(refusal(key)), &catalogue), Step::Wait);
    assert_eq!(checkout.answered(99, Ok(Grant::default()), &catalogue), Step::Wait);
    assert_eq!(checkout.answered(4, Ok(Grant::default()), &catalogue), Step::Commit);
    assert_eq!(checkout.answered(4, Ok(Grant::default()), &catalogue), Step::Wait);
}

#[test]
fn whoever_refuses_exactly_the_others_are_released() {
    let all = keys(&sell(&family()));
    // Every subset of the participants but the empty one refuses once.
    for refusing in 1_u32..1 << all.len() {
        let refuses = |key| {
            let index = all.iter().position(|known| *known == key).unwrap();
            refusing & (1 << index) != 0
        };
        let first = *all.iter().find(|key| refuses(**key)).unwrap();
        let granted = all.iter().copied().filter(|key| !refuses(*key)).collect();
        let expected = Step::Refuse {
            release: released(granted),
            rejection: rejection(first, refusal(first), &catalogue()),
        };
        assert_eq!(answer(&mut sell(&family()), refuses), expected, "{refusing:05b}");
    }
}

#[test]
fn the_next_timespan_is_tried_while_stock_is_what_refuses() {
    let mut checkout = sell(&earliest(family()));
    let timespan = |checkout: &Checkout| match keys(checkout)[0] {
        ParticipantKey::Slot(SlotKey { timespan, .. }) => timespan.get(),
        other => panic!("{other:?} comes before the slots"),
    };
    let is_pool = |key| matches!(key, ParticipantKey::Pool(PoolKey { .. }));
    let is_slot = |key| matches!(key, ParticipantKey::Slot(_));
    let refusals: [fn(ParticipantKey) -> bool; 2] = [is_pool, is_slot];
    for (refuses, next) in refusals.into_iter().zip([2, 3]) {
        let granted = keys(&checkout).into_iter().filter(|key| !refuses(*key)).collect();
        let step = answer(&mut checkout, refuses);
        assert_eq!(step, Step::AskAgain { release: released(granted) });
        assert_eq!(timespan(&checkout), next);
    }
    let granted = keys(&checkout).into_iter().filter(|key| !is_pool(*key)).collect();
    let rejection = Rejection::NoTimespanLeft { asked: Quantity::ONE };
    let step = answer(&mut checkout, is_pool);
    assert_eq!(step, Step::Refuse { release: released(granted), rejection });
}

#[test]
fn limits_and_money_are_the_same_in_every_timespan() {
    for refuses in
        [(|key| matches!(key, ParticipantKey::Limit(_))) as fn(ParticipantKey) -> bool, |key| {
            matches!(key, ParticipantKey::Account(_))
        }]
    {
        let step = answer(&mut sell(&earliest(family())), refuses);
        assert!(matches!(step, Step::Refuse { .. }), "{step:?}");
    }
    // In the second timespan it is the answer as it is, not "no timespan left".
    let mut checkout = sell(&earliest(family()));
    answer(&mut checkout, |key| matches!(key, ParticipantKey::Pool(_)));
    let step = answer(&mut checkout, |key| matches!(key, ParticipantKey::Account(_)));
    let Step::Refuse { rejection, .. } = step else { panic!("{step:?}") };
    assert!(matches!(rejection, Rejection::BalanceShort(_)), "{rejection:?}");
}

#[test]
fn a_limit_whose_window_is_the_timespan_depends_on_it() {
    let mut checkout = sell(&earliest(draft(vec![line("P-WINDOWS", 1)])));
    let catalogue = catalogue();
    let refuse_slot = |checkout: &mut Checkout| {
        let limit = Refusal::Slot(SlotError::Limit(exceeded(16)));
        (0..keys(checkout).len())
            .map(|index| {
                let answer = if index == 0 { Err(limit) } else { Ok(Grant::default()) };
                checkout.answered(index, answer, &catalogue)
            })
            .last()
            .unwrap()
    };
    assert!(matches!(refuse_slot(&mut checkout), Step::AskAgain { .. }));
    assert!(matches!(refuse_slot(&mut checkout), Step::AskAgain { .. }));
    let step = refuse_slot(&mut checkout);
    let Step::Refuse { rejection: Rejection::LimitExceeded { about, .. }, .. } = step else {
        panic!("{step:?}")
    };
    assert_eq!(about, Some((LimitScope::Mobile, LimitWindow::Timespan)));
}

#[test]
fn an_untimed_product_that_is_sold_out_is_so_in_every_timespan() {
    let mixed = earliest(draft(vec![line("P-CHILD", 1), line("P-DAY", 1)]));
    let untimed = ParticipantKey::Slot(slot("P-DAY", Some(today()), 0));
    let sold_out = rejection(untimed, refusal(untimed), &catalogue());
    let mut checkout = sell(&mixed);
    let step = answer(&mut checkout, |key| key == untimed);
    let Step::Refuse { rejection, .. } = step else { panic!("{step:?}") };
    assert_eq!(rejection, sold_out);

    // Nor does it become "no timespan left" after another timespan was tried.
    let mut checkout = sell(&mixed);
    let step = answer(&mut checkout, |key| matches!(key, ParticipantKey::Pool(_)));
    assert!(matches!(step, Step::AskAgain { .. }), "{step:?}");
    let step = answer(&mut checkout, |key| key == untimed);
    let Step::Refuse { rejection, .. } = step else { panic!("{step:?}") };
    assert_eq!(rejection, sold_out);
}

#[test]
fn the_record_is_of_the_timespan_that_had_room() {
    let mut checkout = sell(&earliest(family()));
    answer(&mut checkout, |key| matches!(key, ParticipantKey::Pool(_)));
    assert_eq!(answer(&mut checkout, |_| false), Step::Commit);
    let record =
        checkout.record(morning(), false, &mut CountingIds::with_codes(2)).unwrap().unwrap();
    let slots: Vec<u8> = record
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Slot(key, _) => Some(key.timespan.get()),
            Event::Pool(key, _) => Some(key.timespan.get()),
            _ => None,
        })
        .collect();
    assert_eq!(slots, [2, 2, 2]);
    let Event::Order(OrderEvent::Placed(placed)) = &record.events[0] else { panic!("{record:?}") };
    let lines: Vec<u8> = placed.lines.iter().map(|line| line.slot.timespan.get()).collect();
    assert_eq!(lines, [2, 2]);
}

#[test]
fn without_codes_there_is_no_record() {
    let mut checkout = sell(&family());
    assert_eq!(answer(&mut checkout, |_| false), Step::Commit);
    let ids = &mut CountingIds::with_codes(1);
    assert_eq!(checkout.record(morning(), false, ids), Err(Rejection::CodesExhausted));
}

#[test]
fn each_purpose_asks_for_what_it_needs() {
    let account = |checkout: &Checkout| match checkout.plan().parts().last() {
        Some((ParticipantKey::Account(_), ask)) => Some(ask.clone()),
        _ => None,
    };
    let reserve = |amount| {
        Some(Ask::Account(ReserveMoney { balance: Balance::Prepaid, amount: Fen::new(amount) }))
    };
    assert_eq!(account(&sell(&family())), reserve(18_000));
    assert_eq!(account(&sell(&draft(vec![line("P-FREE", 1)]))), None);
    let place = begin(Purpose::Place { order: new_order(&family()) });
    assert_eq!((account(&place), place.plan().parts().len()), (None, 4));

    let admitted = Box::new(admitted(&family()).unwrap());
    let mut verify = begin(Purpose::Verify { admitted, year: 2026 });
    let any = Ask::AnyFunds { year: 2026, amount: Fen::new(18_000) };
    assert_eq!(account(&verify), Some(any));
    assert_eq!(answer(&mut verify, |_| false), Step::Commit);
    assert_eq!(verify.record(morning(), false, &mut CountingIds::with_codes(0)), Ok(None));

    // A free order asks the account for nothing, and so still gets its one answer.
    for (product, amount) in [("P-DAY", 1000), ("P-FREE", 0)] {
        let mut ledger = Ledger::new();
        let id = ledger.place("order", &draft(vec![line(product, 1)]));
        let order = Box::new(ledger.state.orders[&id].value.clone());
        let mut pay = begin(Purpose::Pay { order, payment: PREPAID, places: PayDecision::Confirm });
        assert_eq!((account(&pay), pay.plan().parts().len()), (reserve(amount), 1));
        assert_eq!(answer(&mut pay, |_| false), Step::Commit);
        let record = pay.record(morning(), false, &mut ledger.ids).unwrap().unwrap();
        assert_eq!(record.order(), Some(id));
    }
}

#[test]
fn a_full_performance_is_not_tried_again_with_other_timespans_of_the_spot() {
    let mut given = draft(vec![line("P-CHILD", 1), line("P-STAGE", 1)]);
    given.scene.naming = SceneNaming::ByDay;
    let (stage, timespan) =
        (slot("P-STAGE", Some(today()), 1), |no| slot("P-CHILD", Some(today()), no));
    let mut checkout = sell(&earliest(given.clone()));
    let Step::Refuse { rejection, .. } =
        answer(&mut checkout, |key| key == ParticipantKey::Slot(stage))
    else {
        panic!("refused at once");
    };
    assert!(
        matches!(&rejection, Rejection::SoldOut { product: Some(no), .. } if *no == stage.product)
    );

    // The spot's own timespan is tried again, and the performance is asked for the same as before.
    let mut checkout = sell(&earliest(given));
    let step = answer(&mut checkout, |key| key == ParticipantKey::Slot(timespan(1)));
    assert!(matches!(step, Step::AskAgain { .. }), "{step:?}");
    let asked = keys(&checkout);
    for slot in [stage, timespan(2)] {
        assert!(asked.contains(&ParticipantKey::Slot(slot)), "{asked:?}");
    }
    let step = answer(&mut checkout, |key| key == ParticipantKey::Slot(stage));
    let Step::Refuse { rejection, .. } = step else { panic!("refused: {step:?}") };
    assert!(matches!(rejection, Rejection::SoldOut { .. }), "{rejection:?}");
}
