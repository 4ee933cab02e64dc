//! What a plan merges, where limits are counted, and what a refusal becomes.

use super::*;
use crate::domain::account::Balance;
use crate::domain::catalogue::LimitScope;
use crate::domain::identity::sample;
use crate::domain::inventory::Available;
use crate::engine::admission::Draft;
use crate::engine::fixture::{
    admitted, catalogue, draft, gate, identity, line, person, product_no, purse, slot, today,
};
use crate::types::{AreaNo, ProductNo, RuleNo};

fn plan(draft: &Draft) -> Plan {
    Plan::new(&admitted(draft).unwrap(), Timespan::new(1), None)
}

fn keys(plan: &Plan) -> Vec<ParticipantKey> {
    plan.parts().iter().map(|(key, _)| *key).collect()
}

fn takes(plan: &Plan, key: SlotKey) -> Vec<(u8, u32)> {
    let found = plan.parts().iter().find(|(known, _)| *known == ParticipantKey::Slot(key));
    let Some((_, Ask::Slot(hold))) = found else { panic!("{key:?} is not in {plan:?}") };
    hold.takes.iter().map(|take| (take.area.get(), take.quantity.get())).collect()
}

#[test]
fn lines_of_one_slot_are_one_hold_and_pools_sum_over_products() {
    let plan = plan(&draft(vec![
        person("P-ADULT", 1),
        line("P-CHILD", 2),
        person("P-ADULT", 2),
        line("P-DAY", 1),
    ]));
    let (adult, child) = (slot("P-ADULT", Some(today()), 1), slot("P-CHILD", Some(today()), 1));
    assert_eq!(takes(&plan, adult), [(0, 2)]);
    assert_eq!(takes(&plan, child), [(0, 2)]);
    // An untimed product has one slot a day whatever the order's timespan.
    let day = slot("P-DAY", Some(today()), 0);
    assert_eq!(takes(&plan, day), [(0, 1)]);
    let pool = (ParticipantKey::Pool(gate(today(), 1)), Ask::Pool(Quantity::new(4)));
    assert!(plan.parts().contains(&pool));
    let one_each = keys(&plan);
    assert!(one_each.is_sorted() && one_each.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn one_person_named_twice_is_one_claim() {
    let plan = plan(&draft(vec![person("P-ADULT", 1), person("P-ADULT", 1), person("P-ADULT", 2)]));
    let limits: Vec<&Claim> = plan
        .parts()
        .iter()
        .filter_map(|(_, ask)| match ask {
            Ask::Limit(claims) => Some(claims),
            _ => None,
        })
        .flatten()
        .collect();
    let claim = |rule, text: &str, amount, max| Claim {
        rule: RuleNo::new(rule),
        identity: identity(text),
        amount: Quantity::new(amount),
        max: Quantity::new(max),
    };
    let expected = [
        claim(1, &sample::resident_id(1), 2, 1),
        claim(17, &sample::mobile(1), 3, 5),
        claim(1, &sample::resident_id(2), 1, 1),
    ];
    assert_eq!(limits, expected.iter().collect::<Vec<_>>());
}

#[test]
fn refusals_are_answered_in_the_order_slot_pool_limit_money() {
    let given = draft(vec![line("P-CHILD", 1), person("P-ADULT", 1)]);
    let money = Ask::Account(ReserveMoney { balance: Balance::Prepaid, amount: Fen::new(18_000) });
    let plan = Plan::new(&admitted(&given).unwrap(), Timespan::new(1), Some(money.clone()));
    let visit = WindowInstance::VisitDate(today());
    let limit = LimitKey { product: product_no("P-ADULT"), window: visit, shard: 0 };
    assert_eq!(
        keys(&plan),
        [
            ParticipantKey::Slot(slot("P-ADULT", Some(today()), 1)),
            ParticipantKey::Slot(slot("P-CHILD", Some(today()), 1)),
            ParticipantKey::Pool(gate(today(), 1)),
            ParticipantKey::Limit(limit),
            ParticipantKey::Account(purse()),
        ]
    );
    assert_eq!(plan.parts().last().unwrap().1, money);
}

#[test]
fn sums_that_cannot_be_expressed_saturate() {
    let claim = Claim {
        rule: RuleNo::new(0),
        identity: identity("x"),
        amount: Quantity::new(u32::MAX),
        max: Quantity::ONE,
    };
    let mut claims = SmallVec::new();
    merge(&mut claims, claim);
    merge(&mut claims, claim);
    assert_eq!(claims.iter().map(|claim| claim.amount.get()).collect::<Vec<_>>(), [u32::MAX]);
}

#[test]
fn each_window_is_counted_in_its_home() {
    let who = identity("somebody");
    let check = |product: &str, date, timespan, window, expected: CounterHome| {
        let catalogue = catalogue();
        let product = catalogue.product_by_id(product).unwrap();
        let one = Quantity::ONE;
        let claim =
            LineClaim { rule: RuleNo::new(0), window, identity: who, amount: one, max: one };
        let key = slot_key(product, date, Timespan::new(timespan));
        assert_eq!(counter_home(key, product, &claim, today()), expected, "{window:?}");
    };
    let shard = |product: &str, window, shards: u128| {
        let shard = u8::try_from(who.get() % shards).unwrap();
        CounterHome::Shard(LimitKey { product: product_no(product), window, shard })
    };
    use LimitWindow::{Lifetime, OrderDate, Timespan as Span, VisitDate};
    let tomorrow = today().plus_days(1);
    let visit = WindowInstance::VisitDate(tomorrow);
    let ordered = WindowInstance::OrderDate(today());
    let life = WindowInstance::Lifetime;

    let timed = slot("P-ADULT", Some(tomorrow), 2);
    check("P-ADULT", Some(tomorrow), 2, Span, CounterHome::Slot(timed));
    check("P-ADULT", Some(tomorrow), 2, VisitDate, shard("P-ADULT", visit, 1));
    check("P-ADULT", Some(tomorrow), 2, OrderDate, shard("P-ADULT", ordered, 16));
    check("P-ADULT", Some(tomorrow), 2, Lifetime, shard("P-ADULT", life, 64));

    let untimed = slot("P-DAY", Some(tomorrow), 0);
    check("P-DAY", Some(tomorrow), 2, Span, CounterHome::Slot(untimed));
    check("P-DAY", Some(tomorrow), 2, VisitDate, CounterHome::Slot(untimed));
    check("P-DAY", Some(tomorrow), 2, OrderDate, shard("P-DAY", ordered, 16));

    let open = slot("P-COUPON", None, 0);
    check("P-COUPON", None, 0, Span, CounterHome::Slot(open));
    check("P-COUPON", None, 0, VisitDate, CounterHome::Slot(open));
    check("P-COUPON", None, 0, Lifetime, shard("P-COUPON", life, 64));
}

#[test]
fn a_refusal_becomes_an_answer_with_its_facts() {
    let catalogue = catalogue();
    let check = |key, refusal, expected: Rejection| {
        assert_eq!(rejection(key, refusal, &catalogue), expected);
    };
    let available = Available::Left(Quantity::ONE);
    let sold_out = SoldOut { asked: Quantity::new(2), available };
    let expected = |product: Option<ProductNo>, date, timespan: u8| Rejection::SoldOut {
        product,
        date,
        timespan: Timespan::new(timespan),
        asked: Quantity::new(2),
        available,
    };
    let child = slot("P-CHILD", Some(today()), 2);
    let in_slot = ParticipantKey::Slot(child);
    let slot_error = SlotError::SoldOut { area: AreaNo::NONE, sold_out };
    check(in_slot, Refusal::Slot(slot_error), expected(Some(child.product), Some(today()), 2));
    let pool = ParticipantKey::Pool(gate(today(), 3));
    check(pool, Refusal::Pool(sold_out), expected(None, Some(today()), 3));
    let unknown = SlotError::UnknownArea(AreaNo::new(9));
    check(in_slot, Refusal::Slot(unknown), Rejection::UnknownArea);

    let one = Quantity::ONE;
    let exceeded =
        |rule| LimitExceeded { rule: RuleNo::new(rule), used: one, asked: one, max: one };
    let limit = |about| Rejection::LimitExceeded { about, used: one, asked: one, max: one };
    let window = WindowInstance::VisitDate(today());
    let shard = LimitKey { product: product_no("P-ADULT"), window, shard: 0 };
    let shard = ParticipantKey::Limit(shard);
    let by_document = Some((LimitScope::Document, LimitWindow::VisitDate));
    let by_mobile = Some((LimitScope::Mobile, LimitWindow::VisitDate));
    check(shard, Refusal::Limit(exceeded(1)), limit(by_document));
    check(shard, Refusal::Limit(exceeded(17)), limit(by_mobile));
    check(shard, Refusal::Limit(exceeded(2)), limit(None));
    let day = ParticipantKey::Slot(slot("P-DAY", Some(today()), 0));
    check(day, Refusal::Slot(SlotError::Limit(exceeded(17))), limit(by_mobile));
    let short = BalanceShort { needed: Fen::new(2), available: Fen::new(1) };
    let account = ParticipantKey::Account(purse());
    check(account, Refusal::Account(short), Rejection::BalanceShort(short));
}
