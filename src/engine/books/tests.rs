//! The audit passes right books and names the promise that tampered ones break.

use super::*;
use crate::domain::account::{AccountNote, Posting, PostingKind};
use crate::domain::inventory::{AreaEvent, Available, Capacity, SlotEvent, StockEvent};
use crate::domain::limits::CounterEvent;
use crate::domain::order::{CloseReason, Order, PayDecision, Ticket};
use crate::domain::seats::Seats;
use crate::engine::fixture::{
    Ledger, PREPAID, clock, draft, gate, line, morning, person, purse, slot, today,
};
use crate::engine::refund::quote;
use crate::engine::transaction::Transaction;
use crate::types::{AgentNo, Fen, LineId, OrderId, Quantity, SeatNo, TicketId};

/// A paid, a held and a closed order, all in different slots but in the same pool, and an order
/// placed first and paid afterwards.
struct Books {
    state: State,
    sold: OrderId,
    held: OrderId,
    closed: OrderId,
}

fn books() -> Books {
    let mut ledger = Ledger::new();
    let sold = ledger.sell("sold", &draft(vec![person("P-ADULT", 1), line("P-DAY", 1)]));
    let held = ledger.place("held", &draft(vec![line("P-CHILD", 2)]));
    let closed = ledger.place("closed", &draft(vec![line("P-WINDOWS", 1)]));
    let order = ledger.state.orders[&closed].value.clone();
    ledger.apply(Transaction::close(&order, CloseReason::Cancelled, morning()));
    let paid = ledger.place("paid", &draft(vec![line("P-PAIR", 2)]));
    let order = ledger.state.orders[&paid].value.clone();
    let record = pay(&order, &mut ledger);
    ledger.apply(record);
    Books { state: ledger.state, sold, held, closed }
}

fn pay(order: &Order, ledger: &mut Ledger) -> Transaction {
    let places = PayDecision::Confirm;
    Transaction::pay(order, PREPAID, places, false, morning(), &mut ledger.ids).unwrap()
}

/// Tampers with right books and compares the promises that the audit finds broken.
#[track_caller]
fn check(expected: &[Invariant], tamper: impl FnOnce(&mut Books)) {
    let mut books = books();
    let before = books.state.digest();
    tamper(&mut books);
    let audit = audit(&books.state);
    let mut broken: Vec<Invariant> = audit.violations.iter().map(|v| v.invariant).collect();
    broken.sort_unstable();
    broken.dedup();
    assert_eq!(broken, expected, "{:#?}", audit.violations);
    // INV-6: whatever was changed that the journal does not tell shows in the digest, unless it is
    // not of the journal at all, as capacities are.
    let capacity_only = expected == [invariants::NOT_OVERSOLD];
    assert_eq!(audit.digest == before, expected.is_empty() || capacity_only);
}

fn move_places(books: &mut Books, product: &str, timespan: u8, stock: StockEvent) {
    let key = slot(product, Some(today()), timespan);
    let mut event = SlotEvent::default();
    event.areas.push(AreaEvent { area: AreaNo::NONE, stock, seats: Seats::new() });
    books.state.slots.get_mut(&key).unwrap().value.apply(None, &event);
}

fn post(books: &mut Books, balance: Balance, amount: i64) {
    let amount = Fen::new(amount);
    let account = &mut books.state.accounts.get_mut(&purse()).unwrap().value;
    let kind = PostingKind::Adjustment;
    account.apply(None, &[Posting { balance, kind, amount }]);
}

/// Returns the counts of an order once more, where `up` is false, or counts them again.
fn count_again(books: &mut Books, order: OrderId, up: bool) {
    let taken = books.state.orders[&order].value.counts.clone();
    for taken in taken {
        let counts = smallvec::SmallVec::from_slice(&[taken.count]);
        let event = if up { CounterEvent::Counted(counts) } else { CounterEvent::Returned(counts) };
        match taken.home {
            CounterHome::Slot(slot) => {
                let event = SlotEvent { counters: event, ..SlotEvent::default() };
                books.state.slots.get_mut(&slot).unwrap().value.apply(None, &event);
            }
            CounterHome::Shard(limit) => {
                books.state.limits.get_mut(&limit).unwrap().value.apply(None, &event);
            }
        }
    }
}

#[test]
fn right_books_pass() {
    check(&[], |_| {});
    let audit = audit(&books().state);
    assert_eq!((audit.orders, audit.paid, audit.vouchers), (4, 2, 4));
    assert_eq!(audit.digest, books().state.digest());
}

#[test]
fn inv_5_places_withdrawn_that_somebody_has() {
    let withdraw = |books: &mut Books, places: u32| {
        let pool = &mut books.state.pools.get_mut(&gate(today(), 1)).unwrap().value;
        pool.apply(None, StockEvent::Withdrawn(Quantity::new(places)));
    };
    let free = |books: &Books| {
        let pool = &books.state.pools[&gate(today(), 1)].value;
        let Available::Left(left) = pool.available() else { panic!("a pool has a bound") };
        left.get()
    };
    let all = free(&books());
    let audit_after = |places: u32| {
        let mut books = self::books();
        withdraw(&mut books, places);
        audit(&books.state).violations
    };
    assert_eq!(audit_after(all), []);
    let broken: Vec<_> = audit_after(all + 1).iter().map(|it| it.invariant).collect();
    assert_eq!(broken, [invariants::RETURNED_ONCE]);
}

#[test]
fn inv_1_more_held_and_sold_than_there_is() {
    let broken = [invariants::NOT_OVERSOLD];
    let one = || (Capacity::Limited(Quantity::ONE), Quantity::ZERO);
    check(&broken, |books| {
        let (capacity, allowance) = one();
        let pool = &mut books.state.pools.get_mut(&gate(today(), 1)).unwrap().value;
        pool.set_capacity(capacity, allowance);
    });
    check(&broken, |books| {
        let (capacity, allowance) = one();
        let key = slot("P-CHILD", Some(today()), 1);
        let slot = &mut books.state.slots.get_mut(&key).unwrap().value;
        slot.areas_mut()[0].1.set_capacity(capacity, allowance);
    });
    // The allowance is there to be sold.
    check(&[], |books| {
        let pool = &mut books.state.pools.get_mut(&gate(today(), 1)).unwrap().value;
        pool.set_capacity(Capacity::Limited(Quantity::ONE), Quantity::new(2));
    });
}

#[test]
fn inv_2_books_that_no_order_explains() {
    let broken = [invariants::ALL_OR_NOTHING];
    let one = Quantity::ONE;
    check(&broken, |books| move_places(books, "P-DAY", 0, StockEvent::Sold(one)));
    check(&broken, |books| move_places(books, "P-CHILD", 1, StockEvent::Confirmed(one)));
    check(&broken, |books| {
        let pool = &mut books.state.pools.get_mut(&gate(today(), 1)).unwrap().value;
        pool.apply(None, StockEvent::Held(one));
    });
    check(&broken, |books| count_again(books, books.sold, true));
    check(&broken, |books| count_again(books, books.sold, false));
    // A ticket too few comes with a voucher too many.
    check(&[invariants::ALL_OR_NOTHING, invariants::CODES_UNIQUE], |books| {
        books.state.orders.get_mut(&books.sold).unwrap().value.tickets.pop();
    });
    // Sales that no order explains, balanced against money from nowhere.
    check(&broken, |books| {
        let key = AccountKey { holder: Holder::House, ..purse() };
        let kind = PostingKind::Sale;
        let posting = |balance, amount| Posting { balance, kind, amount: Fen::new(amount) };
        let postings = [posting(Balance::Sales, 7), posting(Balance::Funding, -7)];
        books.state.accounts.get_mut(&key).unwrap().value.apply(None, &postings);
    });
}

#[test]
fn inv_3_one_key_for_two_orders() {
    check(&[invariants::ONE_ORDER_PER_KEY], |books| {
        let key = books.state.orders[&books.sold].value.request_key.clone();
        books.state.orders.get_mut(&books.held).unwrap().value.request_key = key;
    });
    // Orders without a key share none. Keys are an agent's own, so another agent's may be the same.
    let mut books = books();
    for id in [books.sold, books.held] {
        books.state.orders.get_mut(&id).unwrap().value.request_key = None;
    }
    assert_eq!(audit(&books.state).violations, []);
    let key = books.state.orders[&books.closed].value.request_key.clone();
    let order = &mut books.state.orders.get_mut(&books.held).unwrap().value;
    (order.agent, order.request_key) = (AgentNo::new(9), key);
    assert_eq!(audit(&books.state).violations, []);
}

#[test]
fn inv_4_money_from_nowhere() {
    check(&[invariants::BOOKS_BALANCE], |books| post(books, Balance::Prepaid, 1));
    check(&[invariants::BOOKS_BALANCE], |books| post(books, Balance::Receivable, -1));
}

#[test]
fn inv_5_a_closed_order_that_keeps_what_it_took_or_gave_it_back_twice() {
    let broken = [invariants::RETURNED_ONCE];
    let one = Quantity::ONE;
    check(&broken, |books| move_places(books, "P-WINDOWS", 1, StockEvent::Held(one)));
    check(&broken, |books| count_again(books, books.closed, true));
    // A second order in the place of the closed one, so that giving back twice is possible.
    let mut ledger = Ledger::new();
    for key in ["a", "b"] {
        ledger.place(key, &draft(vec![line("P-WINDOWS", 1)]));
    }
    let order = *ledger.state.orders.keys().min().unwrap();
    let order = ledger.state.orders[&order].value.clone();
    for _ in 0..2 {
        ledger.apply(Transaction::close(&order, CloseReason::Expired, morning()));
    }
    let audit = audit(&ledger.state);
    assert!(!audit.violations.is_empty());
    for violation in audit.violations {
        assert_eq!(violation.invariant, invariants::RETURNED_ONCE, "{violation:?}");
    }
}

#[test]
fn inv_5_a_line_given_back_while_its_order_goes_on() {
    // The only order there is: once its first line is back, nobody has anything there.
    let mut ledger = Ledger::new();
    let id = ledger.sell("half", &draft(vec![person("P-ADULT", 1), line("P-DAY", 1)]));
    let order = ledger.state.orders[&id].value.clone();
    let refund = quote(&order, &[0], None, &ledger.state.catalogue, clock(7, 0)).unwrap();
    ledger.apply(Transaction::refund(&order, refund, 2026, false));
    assert_eq!(audit(&ledger.state).violations, []);
    // The place and the counts of that line a second time.
    let one = Quantity::ONE;
    let mut books = Books { state: ledger.state, sold: id, held: id, closed: id };
    move_places(&mut books, "P-ADULT", 1, StockEvent::Sold(one));
    let broken = audit(&books.state).violations;
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert_eq!(broken[0].invariant, invariants::RETURNED_ONCE);
}

#[test]
fn inv_6_a_change_that_no_record_made_changes_the_digest() {
    // What the other audits cannot see at all, because orders do not tell it.
    let mut tampered = books();
    let voucher = tampered.state.vouchers.values_mut().next().unwrap();
    voucher.value.uses = 7;
    let audit = audit(&tampered.state);
    assert_eq!(audit.violations, []);
    assert_ne!(audit.digest, books().state.digest());
}

#[test]
fn inv_7_numbers_and_codes_given_out_twice() {
    let broken = [invariants::CODES_UNIQUE];
    check(&broken, |books| {
        let code = books.state.orders[&books.sold].value.tickets[0].code;
        books.state.vouchers.remove(&code);
    });
    check(&broken, |books| {
        let order = &mut books.state.orders.get_mut(&books.sold).unwrap().value;
        // The other line earns no rebate, so only the number is wrong.
        order.tickets[1] = Ticket { rebate_year: None, ..order.tickets[0] };
    });
    check(&broken, |books| {
        let order = &mut books.state.orders.get_mut(&books.sold).unwrap().value;
        order.tickets[0].id = TicketId::new(order.lines[0].id.get());
    });
    check(&broken, |books| {
        let order = &mut books.state.orders.get_mut(&books.held).unwrap().value;
        let number = books.closed.get();
        order.lines[0].id = LineId::new(number);
    });
}

#[test]
fn inv_8_an_agent_overdrawn() {
    let balances = [Balance::Prepaid, Balance::Rebate { year: 2026 }];
    for balance in balances {
        check(&[invariants::NOT_OVERDRAWN], |books| {
            // Taken by a later settlement, so that the books still balance.
            post(books, balance, -200_000);
            post(books, Balance::Receivable, 200_000);
        });
    }
    // A credit line moves the bound of the prepaid balance to the fen, and of no other.
    let drawn = |balance, credit| {
        move |books: &mut Books| {
            let account = &mut books.state.accounts.get_mut(&purse()).unwrap().value;
            let balance_before = account.balance(balance).get();
            account.note(None, &AccountNote::CreditSet(Fen::new(credit)));
            post(books, balance, -balance_before - 100);
            post(books, Balance::Receivable, balance_before + 100);
        }
    };
    let mut lawful = books();
    drawn(Balance::Prepaid, 100)(&mut lawful);
    assert_eq!(audit(&lawful.state).violations, []);
    check(&[invariants::NOT_OVERDRAWN], drawn(Balance::Prepaid, 99));
    check(&[invariants::NOT_OVERDRAWN], drawn(Balance::Rebate { year: 2026 }, 100));
}

/// Moves a seat and nothing else.
fn move_seat(books: &mut Books, product: &str, stock: fn(Quantity) -> StockEvent, seat: u16) {
    let key = slot(product, Some(today()), 1);
    let seats = smallvec::smallvec![SeatNo::new(seat)];
    let mut event = SlotEvent::default();
    event.areas.push(AreaEvent { area: AreaNo::NONE, stock: stock(Quantity::ZERO), seats });
    books.state.slots.get_mut(&key).unwrap().value.apply(None, &event);
}

#[test]
fn seats_are_those_of_the_orders_and_each_has_one_holder() {
    let seated = |books: &mut Books, seats: &[u16]| {
        let held = books.held;
        let order = &mut books.state.orders.get_mut(&held).unwrap().value;
        order.lines[0].seats = seats.iter().map(|seat| SeatNo::new(*seat)).collect();
    };
    let broken = [invariants::SEATED_ONCE];
    // A seat that no order has.
    check(&broken, |books| move_seat(books, "P-CHILD", StockEvent::Sold, 3));
    // Seats that only the order has.
    check(&broken, |books| seated(books, &[3, 4]));
    // Held by the order, sold in the slot.
    check(&broken, |books| {
        seated(books, &[3, 4]);
        move_seat(books, "P-CHILD", StockEvent::Held, 3);
        move_seat(books, "P-CHILD", StockEvent::Sold, 4);
    });
    // One seat for two tickets, and fewer seats than tickets.
    for seats in [&[3, 3][..], &[3]] {
        check(&broken, |books| {
            seated(books, seats);
            move_seat(books, "P-CHILD", StockEvent::Held, 3);
        });
    }
    let mut right = books();
    seated(&mut right, &[3, 4]);
    move_seat(&mut right, "P-CHILD", StockEvent::Held, 3);
    move_seat(&mut right, "P-CHILD", StockEvent::Held, 4);
    assert_eq!(audit(&right.state).violations, []);
}
