//! Records: balanced, one event a participant, and exactly undone when an order closes.

use std::collections::BTreeMap;

use super::*;
use crate::domain::inventory::Stock;
use crate::domain::order::{OrderState, PayDecision};
use crate::engine::admission::Draft;
use crate::engine::books::audit;
use crate::engine::fixture::{
    AGENT, CountingIds, Ledger, PREPAID, SPOT, draft, gate, line, morning, person, purse, slot,
    today, with_grant,
};
use crate::engine::state::{Nowhere, State};
use crate::types::Lsn;

/// Adults with limits, a child in the same pool, and an untimed product with a limit in its slot.
fn mixed() -> Draft {
    draft(vec![person("P-ADULT", 1), person("P-ADULT", 2), line("P-CHILD", 2), line("P-DAY", 1)])
}

fn house() -> AccountKey {
    AccountKey { supplier: SPOT, holder: Holder::House }
}

/// Events by the machine they are for; orders and vouchers by number.
fn by_participant(record: &Transaction) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for event in &record.events {
        let participant = match event {
            Event::Slot(key, _) => format!("{key:?}"),
            Event::Pool(key, _) => format!("{key:?}"),
            Event::Limit(key, _) => format!("{key:?}"),
            Event::Account(key, _) => format!("{key:?}"),
            _ => continue,
        };
        *seen.entry(participant).or_default() += 1;
    }
    seen
}

#[track_caller]
fn check_record(record: &Transaction, participants: usize) {
    assert!(record.is_balanced(), "INV-4: {record:?}");
    let seen = by_participant(record);
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
    assert_eq!(seen.len(), participants, "{seen:?}");
}

fn stocks(state: &State) -> Vec<(Quantity, Quantity)> {
    let stock = |stock: &Stock| (stock.held(), stock.sold());
    let places = |name: &str, timespan| {
        let slot = &state.slots[&slot(name, Some(today()), timespan)].value;
        stock(&slot.areas()[0].1)
    };
    let pool = stock(state.pools[&gate(today(), 1)].value.stock());
    vec![places("P-ADULT", 1), places("P-CHILD", 1), places("P-DAY", 0), pool]
}

fn pairs(numbers: [(u32, u32); 4]) -> Vec<(Quantity, Quantity)> {
    numbers.map(|(held, sold)| (Quantity::new(held), Quantity::new(sold))).to_vec()
}

#[test]
fn a_sale_is_balanced_and_touches_each_participant_once() {
    let mut ledger = Ledger::new();
    let order = ledger.sell("a", &mixed());
    // Three slots, a pool, a shard of limits, the agent and the house.
    check_record(ledger.records.last().unwrap(), 7);
    assert_eq!(stocks(&ledger.state), pairs([(0, 2), (0, 2), (0, 1), (0, 4)]));
    let order = &ledger.state.orders[&order].value;
    assert_eq!((order.total, order.tickets.len()), (Fen::new(37_000), 5));
    assert_eq!(ledger.state.vouchers.len(), 5);
    let lines: Vec<u16> = order.tickets.iter().map(|ticket| ticket.line).collect();
    assert_eq!(lines, [0, 1, 2, 2, 3]);
    let account = |key| ledger.state.accounts[&key].value.balances().collect::<Vec<_>>();
    let rebate = Balance::Rebate { year: 2026 };
    let fen = Fen::new;
    assert_eq!(account(purse()), [(Balance::Prepaid, fen(63_000)), (rebate, fen(101_200))]);
    assert_eq!(
        account(house()),
        [
            (Balance::Sales, fen(37_000)),
            (Balance::RebateGranted, fen(-1200)),
            (Balance::Funding, fen(-200_000)),
        ]
    );
    assert_eq!(audit(&ledger.state).violations, []);
}

#[test]
fn paying_later_comes_to_the_same_as_paying_at_once() {
    let (mut at_once, mut later) = (Ledger::new(), Ledger::new());
    at_once.sell("a", &mixed());
    let order = later.place("a", &mixed());
    check_record(later.records.last().unwrap(), 5);
    assert_eq!(stocks(&later.state), pairs([(2, 0), (2, 0), (1, 0), (4, 0)]));
    assert_eq!(later.state.vouchers.len(), 0);
    let order = later.state.orders[&order].value.clone();
    let record =
        Transaction::pay(&order, PREPAID, PayDecision::Confirm, false, morning(), &mut later.ids)
            .unwrap();
    check_record(&record, 6);
    later.apply(record);
    assert_eq!(stocks(&later.state), stocks(&at_once.state));
    for key in [purse(), house()] {
        let standings = |ledger: &Ledger| ledger.state.accounts[&key].value.standings().to_vec();
        assert_eq!(standings(&later), standings(&at_once));
    }
    assert_eq!(later.state.vouchers.len(), 5);
    assert_eq!(audit(&later.state).violations, []);
}

#[test]
fn closing_gives_back_exactly_what_was_taken() {
    for reason in [CloseReason::Cancelled, CloseReason::Expired] {
        let mut ledger = Ledger::new();
        // Somebody else's order in the same places, and the same mobile's, stay as they are.
        ledger.place("other", &draft(vec![person("P-ADULT", 3), line("P-DAY", 1)]));
        let id = ledger.place("a", &mixed());
        assert_eq!(stocks(&ledger.state), pairs([(3, 0), (2, 0), (2, 0), (5, 0)]));
        let order = ledger.state.orders[&id].value.clone();
        let record = Transaction::close(&order, reason, morning());
        check_record(&record, 5);
        ledger.apply(record);
        assert_eq!(stocks(&ledger.state), pairs([(1, 0), (0, 0), (1, 0), (1, 0)]));
        let counts: Vec<u32> = ledger
            .state
            .limits
            .values()
            .flat_map(|limit| limit.value.counters().counts())
            .map(|count| count.amount.get())
            .collect();
        assert_eq!(counts, [1, 1], "one document and one mobile of the other order");
        let closed = OrderState::Closed { reason, at: morning() };
        assert_eq!(ledger.state.orders[&id].value.state, closed);
        assert_eq!(audit(&ledger.state).violations, []);
    }
}

#[test]
fn an_agent_that_settles_later_owes_the_price_and_earns_no_rebate() {
    let mut ledger = Ledger::new();
    let payment = Payment { from: Balance::Receivable, year: 2026 };
    let record = with_grant(&mixed(), None, |granted| {
        Transaction::sell(granted, payment, morning(), &mut ledger.ids).unwrap()
    });
    check_record(&record, 7);
    ledger.apply(record);
    let account = &ledger.state.accounts[&purse()].value;
    assert_eq!(account.balance(Balance::Receivable), Fen::new(-37_000));
    assert_eq!(account.balance(Balance::Rebate { year: 2026 }), Fen::new(100_000));
    assert_eq!(audit(&ledger.state).violations, []);
}

#[test]
fn a_record_that_posts_one_side_only_is_not_balanced() {
    let mut record = Transaction::top_up(morning(), purse(), Balance::Prepaid, Fen::new(5));
    assert!(record.is_balanced());
    record.events.pop();
    assert!(!record.is_balanced());
}

#[test]
fn a_record_names_its_order() {
    let mut ids = CountingIds::with_codes(9);
    let record = with_grant(&mixed(), None, |granted| {
        Transaction::sell(granted, PREPAID, morning(), &mut ids).unwrap()
    });
    assert!(record.order().is_some());
    assert_eq!(record.supplier, Some(SPOT));
    let top_up = Transaction::top_up(morning(), purse(), Balance::Prepaid, Fen::new(5));
    assert_eq!(top_up.order(), None);
    assert_eq!(Transaction::catalogue(morning(), vec![]).supplier, None);
}

#[test]
fn tickets_are_valid_on_their_day_or_as_asked() {
    let mut open = draft(vec![line("P-COUPON", 1)]);
    let validity = (morning(), morning().plus_millis(1));
    open.validity = Some(validity);
    let mut ids = CountingIds::with_codes(9);
    let mut valid = |draft: &Draft| {
        let record =
            with_grant(draft, None, |granted| Transaction::place(granted, morning(), &mut ids));
        match &record.events[0] {
            Event::Order(OrderEvent::Placed(placed)) => {
                assert_eq!(placed.agent, AGENT);
                assert_eq!(placed.expires_at, morning().plus_millis(900_000));
                (placed.lines[0].valid_from, placed.lines[0].valid_until)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(valid(&open), validity);
    let midnight = today().start(crate::engine::fixture::OFFSET);
    assert_eq!(valid(&mixed()), (midnight, midnight.plus_millis(86_400_000)));
}

#[test]
fn applying_records_again_changes_nothing() {
    let mut ledger = Ledger::new();
    ledger.sell("a", &mixed());
    let placed = ledger.place("b", &draft(vec![person("P-ADULT", 3), line("P-DAY", 1)]));
    let order = ledger.state.orders[&placed].value.clone();
    ledger.apply(Transaction::close(&order, CloseReason::Cancelled, morning()));
    let digest = ledger.state.digest();
    for first in 0..ledger.records.len() {
        for (index, record) in ledger.records.iter().enumerate().skip(first) {
            let lsn = Lsn::new(index as u64 + 1);
            let applied = ledger.state.apply(lsn, record.clone(), &mut Nowhere);
            applied.unwrap_or_else(|never| match never {});
        }
        assert_eq!(ledger.state.digest(), digest, "INV-6: from record {}", first + 1);
    }
}
