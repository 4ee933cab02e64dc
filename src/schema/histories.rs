//! Random histories of every command on one state, the way the order actor carries them out but one
//! after another. After each step the audit must find nothing, and a bookkeeper who knows only what
//! was answered must come to the same places and money. In the end replay has to come to the same
//! digest, through the very bytes that the disk would have.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::domain::account::{
    AccountChange, AccountKey, Balance, BookMoney, BookingError, BookingKind, Holder, SetCredit,
};
use crate::domain::catalogue::RebateAt;
use crate::domain::inventory::{Adjustment, Pool, PoolKey, Slot, Stock};
use crate::domain::limits::{Counters, LimitShard};
use crate::domain::order::{
    CloseReason, Order, OrderState, PayDecision, RedeemDecision, Redemption, RefundDecision,
    RefundSelection, Reversal, ReverseDecision, ReverseSelection, UseSelection,
};
use crate::engine::Rejection;
use crate::engine::admission::Draft;
use crate::engine::books::audit;
use crate::engine::checkout::{Checkout, NewOrder, Purpose, Step};
use crate::engine::fixture::{
    Ledger, SPOT, admitted, catalogue, clock, draft, gate, line, open_draft, person, purse, slot,
    stage_draft, today,
};
use crate::engine::ledger::Reconciliation;
use crate::engine::operator::StockCommand;
use crate::engine::plan::{Ask, Grant, ParticipantKey, Refusal};
use crate::engine::refund::quote;
use crate::engine::state::{Nowhere, State, pool_capacity, set_capacity};
use crate::engine::transaction::{Payment, Transaction};
use crate::schema::{decode_transaction, encode_transaction};
use crate::types::{
    AreaNo, Fen, HoldId, Lsn, OrderId, Quantity, RequestKey, Sealed, SlotKey, UnixMillis,
};

/// What is bought: each choice meets another bound.
#[derive(Clone, Copy, Debug)]
enum Basket {
    /// A pool of ten places, one a document.
    Adults(u8),
    /// Three places in all, one a document for ever.
    Flash,
    /// Five places, not bound to a date.
    Coupons(u8),
    /// Two a mobile and day.
    Days(u8),
    /// Three uses each; the rebate comes with the first.
    Cards(u8),
    /// The best of six seats.
    Seats(u8),
    /// A seat that is named.
    Seat(u8),
}

#[derive(Clone, Debug)]
enum Command {
    Sell(Basket, u64, bool),
    Place(Basket, u64),
    Pay(Index, bool),
    Expire(Index),
    Cancel(Index),
    Extend(Index, i64),
    Refund(Index, Option<Index>, u8),
    Redeem(Index, Index, u16, u8),
    Reverse(Index, Index, u8),
    Adjust(StockCommand),
    /// Fen into the prepaid or the rebate balance, with a reference or, at 0, without.
    Book(BookingKind, i64, bool, u8),
    Credit(i64),
}

fn command() -> impl Strategy<Value = Command> {
    let basket = prop_oneof![
        (1..4_u8).prop_map(Basket::Adults),
        Just(Basket::Flash),
        (1..4_u8).prop_map(Basket::Coupons),
        (1..3_u8).prop_map(Basket::Days),
        (1..3_u8).prop_map(Basket::Cards),
        (1..5_u8).prop_map(Basket::Seats),
        (0..6_u8).prop_map(Basket::Seat),
    ];
    let person = 0..6_u64;
    let index = any::<Index>;
    let kind = prop_oneof![Just(BookingKind::TopUp), Just(BookingKind::Adjustment)];
    // Few amounts, so that a reference also comes again with its own; some take everything away.
    let fen = prop_oneof![Just(-100_000), Just(-30_000), Just(0), Just(5_000)];
    prop_oneof![
        4 => (basket.clone(), person.clone(), any::<bool>())
            .prop_map(|(basket, person, rebate)| Command::Sell(basket, person, rebate)),
        3 => (basket, person).prop_map(|(basket, person)| Command::Place(basket, person)),
        3 => (index(), any::<bool>()).prop_map(|(order, rebate)| Command::Pay(order, rebate)),
        1 => index().prop_map(Command::Expire),
        1 => index().prop_map(Command::Cancel),
        1 => (index(), 0..7200_i64).prop_map(|(order, by)| Command::Extend(order, by)),
        4 => (index(), proptest::option::of(index()), 0..4_u8)
            .prop_map(|(order, ticket, request)| Command::Refund(order, ticket, request)),
        4 => (index(), index(), 0..3_u16, 0..5_u8).prop_map(|(order, ticket, uses, request)| {
            Command::Redeem(order, ticket, uses, request)
        }),
        2 => (index(), index(), 0..5_u8)
            .prop_map(|(order, ticket, request)| Command::Reverse(order, ticket, request)),
        2 => (kind, fen, any::<bool>(), 0..4_u8)
            .prop_map(|(kind, fen, rebate, no)| Command::Book(kind, fen, rebate, no)),
        1 => prop_oneof![Just(-1), Just(0), Just(20_000)].prop_map(Command::Credit),
        3 => stock_command().prop_map(Command::Adjust),
    ]
}

/// Places added, withdrawn and restored, and slots opened and closed, where baskets come from.
fn stock_command() -> impl Strategy<Value = StockCommand> {
    let adjustment = prop_oneof![
        (0..3_u32).prop_map(|n| Adjustment::Add(Quantity::new(n))),
        (1..4_u32).prop_map(|n| Adjustment::Withdraw(Quantity::new(n))),
        (1..3_u32).prop_map(|n| Adjustment::Restore(Quantity::new(n))),
    ];
    let slots = prop_oneof![
        Just(slot("P-FLASH", Some(today()), 0)),
        Just(slot("P-COUPON", None, 0)),
        Just(slot("P-DAY", Some(today()), 0)),
    ];
    let area = AreaNo::NONE;
    prop_oneof![
        (slots.clone(), adjustment.clone())
            .prop_map(move |(slot, adjustment)| StockCommand::Slot { slot, area, adjustment }),
        adjustment.prop_map(|adjustment| StockCommand::Pool { pool: gate(today(), 1), adjustment }),
        (slots, any::<bool>()).prop_map(|(slot, open)| StockCommand::SetOpen { slot, open }),
    ]
}

/// Keeps the money by what was answered: what the agent has in each balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Purse {
    prepaid: i64,
    rebate: i64,
}

struct Shop {
    ledger: Ledger,
    orders: Vec<OrderId>,
    purse: Purse,
    /// How far the prepaid balance may go below zero.
    credit: i64,
    /// Bookings made under a reference.
    booked: BTreeMap<u8, BookMoney>,
    now: UnixMillis,
}

const YEAR: i16 = 2026;

impl Shop {
    fn new() -> Self {
        let ledger = Ledger::new();
        let purse = Purse { prepaid: 100_000, rebate: 100_000 };
        // Before the first timespan begins, so that tickets can be given back.
        let (credit, booked) = (0, BTreeMap::new());
        Self { ledger, orders: Vec::new(), purse, credit, booked, now: clock(7, 0) }
    }

    fn order(&self, index: &Index) -> Option<Order> {
        let id = (!self.orders.is_empty()).then(|| self.orders[index.index(self.orders.len())])?;
        Some(self.ledger.state.orders[&id].value.clone())
    }

    fn run(&mut self, command: &Command) {
        match command {
            Command::Sell(basket, person, rebate) => {
                let purpose = |order| Purpose::Sell { order, payment: payment(*rebate) };
                self.buy(&basket.draft(*person), purpose);
            }
            Command::Place(basket, person) => {
                self.buy(&basket.draft(*person), |order| Purpose::Place { order });
            }
            Command::Pay(index, rebate) => {
                let Some(order) = self.order(index) else { return };
                let Ok(places) = order.decide_pay() else { return };
                let (order, payment) = (Box::new(order), payment(*rebate));
                self.checkout(Purpose::Pay { order, payment, places });
            }
            Command::Expire(index) => self.close(index, CloseReason::Expired),
            Command::Cancel(index) => self.close(index, CloseReason::Cancelled),
            Command::Extend(index, by) => {
                let Some(order) = self.order(index) else { return };
                if let Ok(until) = order.decide_extend(self.now.plus_millis(by * 1000)) {
                    self.append(Transaction::extend(&order, until, self.now));
                }
            }
            Command::Refund(index, ticket, request) => {
                let Some(order) = self.order(index) else { return };
                let selection = match ticket {
                    Some(ticket) if !order.tickets.is_empty() => {
                        let ticket = &order.tickets[ticket.index(order.tickets.len())];
                        RefundSelection::Tickets(vec![ticket.id])
                    }
                    _ => RefundSelection::All,
                };
                self.refund(order, &selection, *request);
            }
            Command::Redeem(index, ticket, uses, request) => {
                self.redeem(index, ticket, *uses, *request);
            }
            Command::Reverse(index, ticket, request) => self.reverse(index, ticket, *request),
            Command::Adjust(command) => {
                self.checkout(Purpose::Adjust { supplier: SPOT, command: *command });
            }
            Command::Book(kind, fen, rebate, no) => self.book(*kind, *fen, *rebate, *no),
            Command::Credit(fen) => self.grant(*fen),
        }
    }

    fn buy(&mut self, draft: &Draft, purpose: impl FnOnce(Box<NewOrder>) -> Purpose) {
        let Ok(admitted) = admitted(draft) else { return };
        let private = Sealed::default();
        self.checkout(purpose(Box::new(NewOrder { admitted, request_key: None, private })));
    }

    fn close(&mut self, index: &Index, reason: CloseReason) {
        let Some(order) = self.order(index) else { return };
        if order.decide_close().is_ok() {
            self.append(Transaction::close(&order, reason, self.now));
        }
    }

    fn refund(&mut self, order: Order, selection: &RefundSelection, request: u8) {
        let key = (request > 0).then(|| key(request));
        let Ok(RefundDecision::Tickets(tickets)) = order.decide_refund(selection, key.as_ref())
        else {
            return;
        };
        let Ok(refund) = quote(&order, &tickets, key.clone(), &catalogue(), self.now) else {
            return;
        };
        let (id, refund) = (order.id, Box::new(refund));
        self.checkout(Purpose::Refund { order: Box::new(order), refund });
        // Repeating it changes nothing.
        let again = self.ledger.state.orders[&id].value.decide_refund(selection, key.as_ref());
        assert!(matches!(again, Ok(RefundDecision::Done(_))), "{again:?}");
    }

    fn redeem(&mut self, index: &Index, ticket: &Index, uses: u16, request: u8) {
        let Some(order) = self.order(index) else { return };
        if order.tickets.is_empty() {
            return;
        }
        let ticket = order.tickets[ticket.index(order.tickets.len())].id;
        let selection = UseSelection::Tickets([(ticket, uses)].into_iter().collect());
        let (by, request) = ("gate/a", key(request));
        let Ok(RedeemDecision::Use(uses)) = order.decide_redeem(by, &request, &selection, self.now)
        else {
            return;
        };
        let no = self.ledger.next_number(self.now);
        let (by, at) = (by.into(), self.now);
        let redemption = Redemption { no, by, request, uses, at, reversed: None };
        let record = Transaction::redeem(&order, redemption, YEAR, true);
        self.append(record);
        let id = order.id;
        self.earn(&order, &self.ledger.state.orders[&id].value.clone());
    }

    fn reverse(&mut self, index: &Index, ticket: &Index, request: u8) {
        let Some(order) = self.order(index) else { return };
        if order.tickets.is_empty() {
            return;
        }
        let ticket = order.tickets[ticket.index(order.tickets.len())].id;
        let (by, request) = ("gate/a", key(request));
        let selection = ReverseSelection::LastOf(ticket);
        if let Ok(ReverseDecision::Reverse(no)) = order.decide_reverse(by, &request, selection) {
            let reversal = Reversal { by: by.into(), request, at: self.now };
            self.append(Transaction::reverse(&order, no, reversal));
        }
    }

    /// An operator books money: as the bookkeeper knows, once a reference, and never what is not there.
    fn book(&mut self, kind: BookingKind, fen: i64, rebate: bool, no: u8) {
        let balance = payment(rebate).from;
        let reference = (no > 0).then(|| key(no));
        let booking = BookMoney { kind, balance, amount: Fen::new(fen), reference };
        let brings = if kind == BookingKind::TopUp { fen > 0 } else { fen != 0 };
        let floor = if balance == Balance::Prepaid { -self.credit } else { 0 };
        let has = *self.balance(balance);
        let expected = match self.booked.get(&no) {
            Some(known) if *known == booking => Err(Some(BookingError::AlreadyBooked)),
            Some(_) => Err(Some(BookingError::ReferenceTaken)),
            None if !brings => Err(Some(BookingError::OutOfRange)),
            // How much is missing is the account's own model's business.
            None if fen < 0 && has + fen < floor => Err(None),
            None => Ok(()),
        };
        let answer = self.change(AccountChange::Book(booking.clone()));
        match (expected, answer) {
            (Ok(()), Ok(())) => {
                *self.balance(balance) += fen;
                if no > 0 {
                    self.booked.insert(no, booking);
                }
            }
            (Err(None), Err(Rejection::Booking(BookingError::Short(_)))) => {}
            (Err(Some(expected)), Err(Rejection::Booking(error))) => assert_eq!(error, expected),
            other => panic!("{booking:?}: {other:?}"),
        }
    }

    /// An operator sets the credit line, unless more than that is drawn.
    fn grant(&mut self, fen: i64) {
        let granted = fen >= 0 && (fen >= self.credit || self.purse.prepaid >= -fen);
        let answer = self.change(AccountChange::Credit(SetCredit { credit: Fen::new(fen) }));
        assert_eq!(answer.is_ok(), granted, "{fen} after {}: {answer:?}", self.credit);
        if granted {
            self.credit = fen;
        }
    }

    fn change(&mut self, change: AccountChange) -> Result<(), Rejection> {
        let account = purse();
        let purpose = Purpose::ChangeAccount { account, change };
        let mut checkout = Checkout::begin(purpose, &catalogue());
        match self.ask(&mut checkout) {
            Step::Commit => {}
            Step::Refuse { rejection, .. } => return Err(rejection),
            step => panic!("one account was asked: {step:?}"),
        }
        let record = checkout.record(self.now, true, &mut self.ledger.ids)?;
        self.append(record.expect("a change is recorded"));
        Ok(())
    }

    /// Drives a checkout to its end and keeps the purse by what it came to.
    fn checkout(&mut self, purpose: Purpose) {
        let catalogue = catalogue();
        let mut checkout = Checkout::begin(purpose, &catalogue);
        let mut step = self.ask(&mut checkout);
        while matches!(step, Step::AskAgain { .. }) {
            step = self.ask(&mut checkout);
        }
        if !matches!(step, Step::Commit) {
            return;
        }
        let record = match checkout.record(self.now, true, &mut self.ledger.ids) {
            Ok(Some(record)) => record,
            Ok(None) | Err(Rejection::CodesExhausted) => return,
            Err(rejection) => panic!("a granted checkout has no record: {rejection}"),
        };
        let Some(id) = record.order() else { return self.append(record) };
        let before = self.ledger.state.orders.get(&id).map(|order| order.value.clone());
        self.append(record);
        let after = self.ledger.state.orders[&id].value.clone();
        if before.is_none() {
            self.orders.push(id);
        }
        self.keep_books(before.as_ref(), &after);
    }

    fn ask(&mut self, checkout: &mut Checkout) -> Step {
        let parts = checkout.plan().parts().to_vec();
        let mut step = Step::Wait;
        for (index, (key, ask)) in parts.into_iter().enumerate() {
            let answer = self.decide(key, ask);
            step = checkout.answered(index, answer, &catalogue());
        }
        step
    }

    fn decide(&self, key: ParticipantKey, ask: Ask) -> Result<Grant, Refusal> {
        let state = &self.ledger.state;
        let decided = match (key, ask) {
            (ParticipantKey::Slot(key), Ask::Slot(ask)) => {
                let mut slot = self.slot(key);
                slot.decide(&ask).map_err(Refusal::Slot)?;
                return Ok(Grant::of_slot(slot.hold(HoldId::new(0), ask)));
            }
            (ParticipantKey::Slot(key), Ask::Adjust(area, adjustment)) => {
                self.slot(key).decide_adjust(area, adjustment).map_err(Refusal::Adjust)
            }
            (ParticipantKey::Slot(_), Ask::SetOpen) => Ok(()),
            (ParticipantKey::Pool(key), Ask::Pool(ask)) => {
                self.pool(key).decide(ask).map_err(Refusal::Pool)
            }
            (ParticipantKey::Pool(key), Ask::Adjust(_, adjustment)) => {
                self.pool(key).decide_adjust(adjustment).map_err(Refusal::Adjust)
            }
            (ParticipantKey::Limit(key), Ask::Limit(ask)) => {
                let known = state.limits.get(&key).map(|limit| limit.value.clone());
                known.unwrap_or_else(LimitShard::default).decide(&ask).map_err(Refusal::Limit)
            }
            (ParticipantKey::Account(key), Ask::Account(ask)) => {
                let known = state.accounts.get(&key).map(|account| account.value.clone());
                known.unwrap_or_default().decide(&ask).map_err(Refusal::Account)
            }
            (ParticipantKey::Account(key), Ask::Change(change)) => {
                let known = state.accounts.get(&key).map(|account| account.value.clone());
                known.unwrap_or_default().decide_change(&change).map_err(Refusal::Booking)
            }
            (key, ask) => panic!("{key:?} is asked for {ask:?}"),
        };
        decided.map(|()| Grant::default())
    }

    fn slot(&self, key: SlotKey) -> Slot {
        let state = &self.ledger.state;
        let untouched = || Slot::new(smallvec::SmallVec::new(), Counters::default());
        let known = state.slots.get(&key).map(|slot| slot.value.clone());
        let mut slot = known.unwrap_or_else(untouched);
        set_capacity(&mut slot, key, &state.catalogue);
        slot
    }

    fn pool(&self, key: PoolKey) -> Pool {
        let state = &self.ledger.state;
        let (capacity, allowance) = pool_capacity(key, &state.catalogue);
        let known = state.pools.get(&key).map(|pool| pool.value.clone());
        known.unwrap_or_else(|| Pool::new(Stock::new(capacity, allowance)))
    }

    fn append(&mut self, record: Transaction) {
        assert!(record.is_balanced(), "INV-4");
        self.ledger.apply(record);
    }

    /// What an order that came from `before` to `after` did to the purse.
    fn keep_books(&mut self, before: Option<&Order>, after: &Order) {
        let paid = |order: &Order| !order.tickets.is_empty();
        if paid(after) && !before.is_some_and(paid) {
            let OrderState::Paid { from, .. } = after.state else { panic!("{:?}", after.state) };
            *self.balance(from) -= after.total.get();
            for line in after.lines.iter().filter(|line| line.rebate_at == RebateAt::Payment) {
                self.purse.rebate += line.unit_rebate.get() * i64::from(line.quantity.get());
            }
        }
        let known = before.map_or(0, |order| order.refunds.len());
        for refund in &after.refunds[known..] {
            let from = match before.map(|order| &order.state) {
                Some(OrderState::Paid { from, .. }) => *from,
                other => panic!("a refund of an order that is {other:?}"),
            };
            // Nothing is gained by giving back, and no more is kept than was paid.
            let kept = refund.fee.get() + refund.withheld.get();
            assert!(kept <= refund.amount.get() && refund.withheld <= refund.rebate);
            *self.balance(from) += refund.amount.get() - kept;
            self.purse.rebate -= refund.rebate.get() - refund.withheld.get();
        }
    }

    /// First uses of tickets that earn by it.
    fn earn(&mut self, before: &Order, after: &Order) {
        for (old, new) in before.tickets.iter().zip(&after.tickets) {
            let line = &after.lines[usize::from(new.line)];
            if line.rebate_at == RebateAt::Redemption && old.used == 0 && new.used > 0 {
                // Only the first time ever, also after a reversal.
                if old.rebate_year.is_none() {
                    self.purse.rebate += line.unit_rebate.get();
                }
            }
        }
    }

    fn balance(&mut self, balance: Balance) -> &mut i64 {
        match balance {
            Balance::Prepaid => &mut self.purse.prepaid,
            _ => &mut self.purse.rebate,
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let found = audit(&self.ledger.state);
        prop_assert_eq!(&found.violations, &vec![]);
        let account = &self.ledger.state.accounts[&purse()].value;
        let has = |balance| account.balance(balance).get();
        let held =
            Purse { prepaid: has(Balance::Prepaid), rebate: has(Balance::Rebate { year: YEAR }) };
        prop_assert_eq!(held, self.purse);
        prop_assert_eq!(account.credit().get(), self.credit);
        // The house has what the agent has not.
        let house = AccountKey { supplier: SPOT, holder: Holder::House };
        let house = &self.ledger.state.accounts[&house].value;
        let all: i64 = house.balances().map(|(_, amount)| amount.get()).sum();
        prop_assert_eq!(all, -(held.prepaid + held.rebate));
        Ok(())
    }

    fn check_replay(&self) -> Result<(), TestCaseError> {
        let mut ledger = Reconciliation::new(today());
        let records = || (1..).map(Lsn::new).zip(&self.ledger.records);
        ledger.extend(records());
        let accounts = self.ledger.state.accounts.iter().map(|(key, it)| (*key, &it.value));
        prop_assert_eq!(ledger.differences(accounts), vec![]);
        let mut replayed = State::default();
        for (lsn, record) in records() {
            let mut bytes = Vec::new();
            encode_transaction(record, &mut bytes);
            let read = decode_transaction(&bytes).expect("it was just written");
            prop_assert_eq!(&read, record);
            replayed.apply(lsn, read, &mut Nowhere).unwrap_or_else(|never| match never {});
        }
        replayed.refresh_capacities();
        prop_assert_eq!(replayed.digest(), self.ledger.state.digest(), "INV-6");
        Ok(())
    }
}

impl Basket {
    fn draft(self, who: u64) -> Draft {
        let lines = |product: &str, n: u8| vec![line(product, i64::from(n))];
        match self {
            Self::Adults(n) => {
                let people = (0..u64::from(n)).map(|at| person("P-ADULT", who + at));
                draft(people.collect())
            }
            Self::Flash => draft(vec![person("P-FLASH", who)]),
            Self::Coupons(n) => open_draft(lines("P-COUPON", n)),
            Self::Days(n) => draft(lines("P-DAY", n)),
            Self::Cards(n) => open_draft(lines("P-CARD", n)),
            Self::Seats(n) => stage_draft(i64::from(n), &[]),
            Self::Seat(at) => stage_draft(1, &[&format!("S-{}-{}", 1 + at / 3, 1 + at % 3)]),
        }
    }
}

fn payment(rebate: bool) -> Payment {
    let from = if rebate { Balance::Rebate { year: YEAR } } else { Balance::Prepaid };
    Payment { from, year: YEAR }
}

fn key(no: u8) -> RequestKey {
    RequestKey::new(&format!("R-{no}")).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_books_are_right_and_replay_agrees(commands in vec(command(), 1..60)) {
        let mut shop = Shop::new();
        for command in &commands {
            shop.now = shop.now.plus_millis(1000);
            shop.run(command);
            shop.check()?;
        }
        shop.check_replay()?;
    }
}

#[test]
fn late_money_takes_the_places_again_or_is_refused() {
    let mut shop = Shop::new();
    let order = |shop: &mut Shop| {
        shop.buy(&Basket::Coupons(3).draft(0), |order| Purpose::Place { order });
        *shop.orders.last().unwrap()
    };
    let first = order(&mut shop);
    let expire = |shop: &mut Shop, id: OrderId| {
        let held = shop.ledger.state.orders[&id].value.clone();
        shop.append(Transaction::close(&held, CloseReason::Expired, shop.now));
    };
    let pay = |shop: &mut Shop, id: OrderId| {
        let order = Box::new(shop.ledger.state.orders[&id].value.clone());
        let (payment, places) = (payment(false), order.decide_pay().unwrap());
        assert_eq!(places, PayDecision::Retake);
        shop.checkout(Purpose::Pay { order, payment, places });
        matches!(shop.ledger.state.orders[&id].value.state, OrderState::Paid { .. })
    };
    expire(&mut shop, first);
    assert!(pay(&mut shop, first), "the places are there");
    let second = order(&mut shop);
    assert_eq!(second, first, "only two of five are left, so nothing was placed");
    shop.buy(&Basket::Coupons(2).draft(0), |order| Purpose::Place { order });
    let second = *shop.orders.last().unwrap();
    expire(&mut shop, second);
    shop.buy(&Basket::Coupons(1).draft(0), |order| Purpose::Sell {
        order,
        payment: payment(false),
    });
    assert!(!pay(&mut shop, second), "one of its two places has gone");
    shop.check().unwrap();
    shop.check_replay().unwrap();
}

#[test]
fn rebate_that_was_spent_is_kept_from_the_refund() {
    let mut shop = Shop::new();
    shop.buy(&Basket::Adults(1).draft(0), |order| Purpose::Sell { order, payment: payment(false) });
    let id = shop.orders[0];
    // Everything in the rebate balance is spent on something else.
    let rest = Fen::new(shop.purse.rebate);
    let away =
        Transaction::top_up(shop.now, purse(), Balance::Rebate { year: YEAR }, rest.negated());
    shop.append(away);
    shop.purse.rebate = 0;
    let order = shop.ledger.state.orders[&id].value.clone();
    shop.refund(order, &RefundSelection::All, 0);
    let refund = &shop.ledger.state.orders[&id].value.refunds[0];
    assert_eq!((refund.rebate, refund.withheld), (Fen::new(600), Fen::new(600)));
    assert_eq!(refund.paid_back(), Fen::new(12_000 - 600));
    shop.check().unwrap();
}
