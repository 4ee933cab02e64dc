//! Statements and reconciliations of a small history: they continue each other from day to day, and
//! lead to what the accounts have.

use super::*;
use crate::domain::account::{AccountChange, Balance, BookMoney, BookingKind, Holder, Posting};
use crate::domain::order::{Refund, RefundedTicket};
use crate::engine::fixture::{Ledger, OFFSET, draft, line, morning, person, purse, today};
use crate::engine::state::{Nowhere, State};
use crate::types::{Fen, ServiceDate};

/// Top-ups today; a sale of 370 yuan that earns 12 tomorrow; a refund with a fee and a booked
/// adjustment the day after, in the last millisecond of it and the first of the next.
fn history() -> (Ledger, OrderId) {
    let mut ledger = Ledger::new();
    let mixed = [person("P-ADULT", 1), person("P-ADULT", 2), line("P-CHILD", 2), line("P-DAY", 1)];
    let order = ledger.sell("a", &draft(mixed.to_vec()));
    redate(&mut ledger, today().plus_days(1).start(OFFSET));
    let sold = ledger.state.orders[&order].value.clone();
    let tickets = [0, 1].map(|ticket| RefundedTicket { ticket, fee: Fen::new(50) });
    let refund = Refund {
        batch: 20_261_123_235_959_999,
        request: None,
        at: today().plus_days(3).start(OFFSET).plus_millis(-1),
        tickets: tickets.into_iter().collect(),
        amount: Fen::new(24_000),
        fee: Fen::new(100),
        rebate: Fen::new(1_200),
        withheld: Fen::ZERO,
    };
    ledger.apply(Transaction::refund(&sold, refund, 2026, false));
    let change = AccountChange::Book(BookMoney {
        kind: BookingKind::Adjustment,
        balance: Balance::Prepaid,
        amount: Fen::new(-7),
        reference: Some(RequestKey::new("B-7").unwrap()),
    });
    let at = today().plus_days(3).start(OFFSET);
    ledger.apply(Transaction::change_account(at, purse(), &change));
    (ledger, order)
}

/// Moves the last record to another instant.
fn redate(ledger: &mut Ledger, at: UnixMillis) {
    ledger.records.last_mut().unwrap().at = at;
}

fn records(ledger: &Ledger) -> impl Iterator<Item = (Lsn, &Transaction)> {
    (1..).map(Lsn::new).zip(&ledger.records)
}

fn statement(ledger: &Ledger, agent: &str, days: (i32, i32), lines_max: usize) -> Statement {
    let (from, to) = (today().plus_days(days.0), today().plus_days(days.1));
    let query = StatementQuery { agent: agent.into(), supplier: None, from, to, lines_max };
    let mut statement = Statement::new(query);
    statement.extend(records(ledger));
    statement
}

fn agent_id(ledger: &Ledger) -> String {
    ledger.state.catalogue.agents()[0].id.to_string()
}

/// A balance's opening, lines as kind, amount and running balance, and closing, in fen.
type Shape = (i64, Vec<(PostingKind, i64, i64)>, i64);

fn shape(statement: &Statement, balance: Balance) -> Option<Shape> {
    let section = statement.sections().get(&(purse().supplier, balance))?;
    let line = |line: &StatementLine| (line.kind, line.amount.get(), line.balance.get());
    let lines = section.lines.iter().map(line).collect();
    Some((section.opening.get(), lines, section.closing.get()))
}

#[test]
fn a_statement_tells_every_posting_of_its_days() {
    use PostingKind::{Adjustment, Fee, Rebate, RebateTakenBack, Refund, Sale, TopUp};
    let (ledger, order) = history();
    let agent = agent_id(&ledger);
    let check = |days, balance, expected: Shape| {
        let statement = statement(&ledger, &agent, days, usize::MAX);
        assert_eq!(shape(&statement, balance), Some(expected), "{days:?} {balance:?}");
    };
    let (prepaid, rebate) = (Balance::Prepaid, Balance::Rebate { year: 2026 });
    check((0, 0), prepaid, (0, vec![(TopUp, 100_000, 100_000)], 100_000));
    check((1, 1), prepaid, (100_000, vec![(Sale, -37_000, 63_000)], 63_000));
    check((1, 1), rebate, (100_000, vec![(Rebate, 1_200, 101_200)], 101_200));
    check((2, 2), prepaid, (63_000, vec![(Refund, 24_000, 87_000), (Fee, -100, 86_900)], 86_900));
    check((2, 2), rebate, (101_200, vec![(RebateTakenBack, -1_200, 100_000)], 100_000));
    check((3, 3), prepaid, (86_900, vec![(Adjustment, -7, 86_893)], 86_893));
    check((3, 9), rebate, (100_000, vec![], 100_000));
    let before = statement(&ledger, &agent, (-5, -1), usize::MAX);
    assert_eq!(shape(&before, prepaid), None, "nothing was posted before");

    let whole = statement(&ledger, &agent, (0, 9), usize::MAX);
    let section = &whole.sections()[&(purse().supplier, prepaid)];
    let orders: Vec<_> = section.lines.iter().map(|line| line.order).collect();
    assert_eq!(orders, [None, Some(order), Some(order), Some(order), None]);
    let references: Vec<_> = section.lines.iter().map(|line| line.reference.is_some()).collect();
    assert_eq!(references, [false, false, false, false, true]);
}

#[test]
fn a_statement_is_one_agents_and_one_suppliers_if_asked() {
    let (ledger, _) = history();
    assert_eq!(statement(&ledger, "nobody", (0, 9), 9).sections().len(), 0);
    let query = |supplier: &str| StatementQuery {
        agent: agent_id(&ledger).into(),
        supplier: Some(supplier.into()),
        from: today(),
        to: today().plus_days(9),
        lines_max: 9,
    };
    for (supplier, sections) in [("01", 2), ("02", 0)] {
        let mut statement = Statement::new(query(supplier));
        statement.extend(records(&ledger));
        assert_eq!(statement.sections().len(), sections, "{supplier}");
    }
}

#[test]
fn lines_beyond_the_bound_are_counted_and_the_balances_right_all_the_same() {
    let (ledger, _) = history();
    let agent = agent_id(&ledger);
    let (whole, cut) =
        (statement(&ledger, &agent, (0, 9), 99), statement(&ledger, &agent, (0, 9), 3));
    let kept = |of: &Statement| of.sections().values().map(|it| it.lines.len()).sum::<usize>();
    assert_eq!((kept(&whole), whole.left_out), (8, 0));
    assert_eq!((kept(&cut), cut.left_out), (3, 5));
    let closing = |of: &Statement| of.sections().values().map(|it| it.closing).collect::<Vec<_>>();
    assert_eq!(closing(&cut), closing(&whole));
}

fn reconciled(ledger: &Ledger, date: ServiceDate) -> Reconciliation {
    let mut reconciliation = Reconciliation::new(date);
    reconciliation.extend(records(ledger));
    reconciliation
}

fn accounts(state: &State) -> Vec<(AccountKey, &crate::domain::account::Account)> {
    let mut accounts: Vec<_> = state.accounts.iter().map(|(k, it)| (*k, &it.value)).collect();
    accounts.sort_unstable_by_key(|(key, _)| *key);
    accounts
}

#[test]
fn days_lead_to_what_the_accounts_have() {
    let (ledger, _) = history();
    for days in -2..6 {
        let day = reconciled(&ledger, today().plus_days(days));
        assert_eq!(day.differences(accounts(&ledger.state)), []);
        let moved: i128 = day.movements().values().map(|movement| movement.amount).sum();
        assert_eq!(moved, 0, "INV-4: each day's postings sum to zero");
        let next = reconciled(&ledger, today().plus_days(days + 1));
        for (key, total) in day.totals() {
            let (after, then) = (total.closing(), next.totals()[key].opening);
            assert_eq!(after, then, "{key:?} on day {days}");
            let movements = day.movements().iter();
            let of_key =
                movements.filter(|((account, balance, _), _)| (*account, *balance) == *key);
            let amount: i128 = of_key.map(|(_, movement)| movement.amount).sum();
            assert_eq!(amount, total.moved, "{key:?} on day {days}");
        }
    }
}

#[test]
fn movements_count_orders_and_tickets() {
    let (ledger, order) = history();
    let house = AccountKey { holder: Holder::House, ..purse() };
    let check = |days, key: (AccountKey, Balance, PostingKind), expected: (u64, u64, i128)| {
        let day = reconciled(&ledger, today().plus_days(days));
        let movement = day.movements().get(&key).cloned().unwrap_or_default();
        let (postings, tickets, amount) = expected;
        assert_eq!((movement.postings, movement.tickets, movement.amount), expected, "{key:?}");
        let orders = movement.orders.into_iter().collect::<Vec<_>>();
        let of_order = postings > 0 && tickets + u64::from(amount != 0) > 0;
        assert_eq!(orders, if of_order { vec![order] } else { vec![] }, "{key:?}");
    };
    check(1, (purse(), Balance::Prepaid, PostingKind::Sale), (1, 5, -37_000));
    check(1, (house, Balance::Sales, PostingKind::Sale), (1, 5, 37_000));
    check(2, (purse(), Balance::Prepaid, PostingKind::Refund), (1, 2, 24_000));
    check(2, (house, Balance::Fees, PostingKind::Fee), (1, 0, 100));
    check(2, (house, Balance::RebateGranted, PostingKind::RebateTakenBack), (1, 0, 1_200));
    check(3, (purse(), Balance::Prepaid, PostingKind::Sale), (0, 0, 0));
}

#[test]
fn an_account_that_disagrees_is_named() {
    let (ledger, _) = history();
    let day = reconciled(&ledger, today());
    let mut state = State::default();
    for (lsn, record) in records(&ledger) {
        let Ok(()) = state.apply(lsn, record.clone(), &mut Nowhere);
    }
    let account = &mut state.accounts.get_mut(&purse()).unwrap().value;
    let (balance, kind) = (Balance::Prepaid, PostingKind::Adjustment);
    account.apply(None, &[Posting { balance, kind, amount: Fen::new(1) }]);
    let has = account.balance(balance);
    assert_eq!(day.differences(accounts(&state)), [(purse(), balance, has)]);
    state.accounts.remove(&purse());
    let rebate = Balance::Rebate { year: 2026 };
    let gone = [(purse(), balance, Fen::ZERO), (purse(), rebate, Fen::ZERO)];
    assert_eq!(day.differences(accounts(&state)), gone);
    assert_eq!(morning().get(), ledger.records[1].at.get(), "the history begins this morning");
}
