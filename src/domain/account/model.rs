//! Naive twin of [`Account`], for the property tests.
//!
//! The twin is a ledger: every posting and every reservation is a line, and a balance is the sum of
//! its lines in 128 bits; references are never forgotten. It does not model the house's own side; that
//! is `engine`'s to balance.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{
    Account, AccountNote, BOOKINGS_KEPT, Balance, BalanceShort, BookMoney, Booked, BookingError,
    BookingKind, Posting, PostingKind, ReserveMoney, SetCredit, Standing,
};
use crate::domain::invariants::{BOOKS_BALANCE, NOT_OVERDRAWN};
use crate::types::{Fen, HoldId, RequestKey};

const BALANCES: [Balance; 4] = [
    Balance::Prepaid,
    Balance::Rebate { year: 2025 },
    Balance::Rebate { year: 2026 },
    Balance::Receivable,
];

#[derive(Clone, Debug, Default)]
struct Ledger {
    postings: Vec<Posting>,
    reservations: Vec<(HoldId, ReserveMoney)>,
    credit: i64,
    /// Bookings in flight.
    booking: Vec<(HoldId, BookMoney)>,
    /// A change of the credit line in flight.
    setting: Option<(HoldId, i64)>,
    booked: Vec<Booked>,
}

impl Ledger {
    fn sum(&self, balance: Balance, of: impl Fn(PostingKind) -> bool) -> i128 {
        let lines = self.postings.iter().filter(|it| it.balance == balance && of(it.kind));
        lines.map(|posting| i128::from(posting.amount.get())).sum()
    }

    fn balance(&self, balance: Balance) -> i128 {
        self.sum(balance, |_| true)
    }

    fn room(&self, balance: Balance) -> i128 {
        let line = if balance == Balance::Prepaid { i128::from(self.credit) } else { 0 };
        self.balance(balance) + line
    }

    fn available(&self, balance: Balance) -> i128 {
        let lines = self.reservations.iter().filter(|(_, money)| money.balance == balance);
        self.room(balance) - lines.map(|(_, money)| i128::from(money.amount.get())).sum::<i128>()
    }

    fn decide(&self, command: &ReserveMoney) -> Result<(), BalanceShort> {
        let available = self.available(command.balance);
        let credit = command.balance == Balance::Receivable;
        if credit || available >= i128::from(command.amount.get()) {
            return Ok(());
        }
        let available = Fen::new(i64::try_from(available).unwrap());
        Err(BalanceShort { needed: command.amount, available })
    }

    fn decide_booking(&self, command: &BookMoney) -> Result<(), BookingError> {
        let known = self.booked.iter().find(|it| Some(&it.reference) == command.reference.as_ref());
        if let Some(known) = known {
            let same = known.kind == command.kind
                && known.balance == command.balance
                && known.amount == command.amount;
            let error =
                if same { BookingError::AlreadyBooked } else { BookingError::ReferenceTaken };
            return Err(error);
        }
        let mut in_flight = self.booking.iter();
        if command.reference.is_some() && in_flight.any(|(_, it)| it.reference == command.reference)
        {
            return Err(BookingError::UnderWay);
        }
        let fen = command.amount.get();
        if command.balance == Balance::Receivable
            || fen == 0
            || (fen < 0 && command.kind == BookingKind::TopUp)
        {
            return Err(BookingError::OutOfRange);
        }
        if fen < 0 {
            let taken = ReserveMoney { balance: command.balance, amount: Fen::new(-fen) };
            return self.decide(&taken).map_err(BookingError::Short);
        }
        Ok(())
    }

    fn decide_credit(&self, credit: i64) -> Result<(), BookingError> {
        match (self.setting, self.credit - credit) {
            (Some(_), _) => Err(BookingError::UnderWay),
            _ if credit < 0 => Err(BookingError::OutOfRange),
            (None, lowered @ 1..) => {
                let taken = ReserveMoney { balance: Balance::Prepaid, amount: Fen::new(lowered) };
                self.decide(&taken).map_err(BookingError::Short)
            }
            _ => Ok(()),
        }
    }

    fn is_idle(&self) -> bool {
        self.reservations.is_empty() && self.booking.is_empty() && self.setting.is_none()
    }

    fn reservation(&self, hold: HoldId) -> Option<ReserveMoney> {
        self.reservations.iter().find(|(id, _)| *id == hold).map(|(_, money)| *money)
    }

    fn end(&mut self, hold: HoldId) {
        self.reservations.retain(|(id, _)| *id != hold);
        self.booking.retain(|(id, _)| *id != hold);
        self.setting = self.setting.filter(|(id, _)| *id != hold);
    }

    fn knows(&self, hold: HoldId) -> bool {
        self.reservation(hold).is_some()
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Decides only.
    Check(ReserveMoney),
    /// Decides and reserves; under a known id it must change nothing.
    Reserve(HoldId, ReserveMoney),
    /// Ends whatever is in flight under an id, known or not.
    Release(HoldId),
    /// A purchase's record arrives, paid from what was reserved or replayed without a reservation;
    /// it may credit a rebate in the same breath.
    Capture { hold: Option<HoldId>, replayed: ReserveMoney, rebate: Fen },
    /// A refund's record arrives: money back, less a fee.
    Refund { balance: Balance, amount: i64, fee: i64 },
    /// An operator books.
    Book(HoldId, BookMoney),
    /// An operator sets the credit line.
    Credit(HoldId, i64),
    /// The record of what an operator did arrives.
    Recorded(HoldId),
    /// The process ends, and what the snapshot says is loaded again.
    Restart,
}

fn hold_id() -> impl Strategy<Value = HoldId> {
    (0..5_u64).prop_map(HoldId::new)
}

fn money() -> impl Strategy<Value = ReserveMoney> {
    let amount = prop_oneof![12 => 0..40_i64, 1 => Just(1_000_000_000_000)].prop_map(Fen::new);
    (proptest::sample::select(&BALANCES[..]), amount)
        .prop_map(|(balance, amount)| ReserveMoney { balance, amount })
}

fn booking() -> impl Strategy<Value = BookMoney> {
    let kind = prop_oneof![Just(BookingKind::TopUp), Just(BookingKind::Adjustment)];
    let reference = proptest::option::weighted(0.7, 0..6_u8);
    let balance = proptest::sample::select(&BALANCES[..]);
    (kind, balance, -20..60_i64, reference).prop_map(|(kind, balance, fen, reference)| {
        let reference = reference.map(|n| RequestKey::new(&format!("B{n}")).unwrap());
        BookMoney { kind, balance, amount: Fen::new(fen), reference }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let balance = proptest::sample::select(&BALANCES[..]);
    prop_oneof![
        2 => money().prop_map(Step::Check),
        6 => (hold_id(), money()).prop_map(|(hold, money)| Step::Reserve(hold, money)),
        2 => hold_id().prop_map(Step::Release),
        4 => (proptest::option::weighted(0.8, hold_id()), money(), 0..3_i64).prop_map(
            |(hold, replayed, rebate)| Step::Capture { hold, replayed, rebate: Fen::new(rebate) }
        ),
        1 => (balance, 5..20_i64, 0..5_i64)
            .prop_map(|(balance, amount, fee)| Step::Refund { balance, amount, fee }),
        4 => (hold_id(), booking()).prop_map(|(hold, booking)| Step::Book(hold, booking)),
        2 => (hold_id(), -1..50_i64).prop_map(|(hold, credit)| Step::Credit(hold, credit)),
        5 => hold_id().prop_map(Step::Recorded),
        1 => Just(Step::Restart),
    ]
}

fn posting(balance: Balance, kind: PostingKind, fen: i64) -> Posting {
    Posting { balance, kind, amount: Fen::new(fen) }
}

fn run(real: &mut Account, model: &mut Ledger, step: Step) -> Result<(), TestCaseError> {
    match step {
        Step::Check(command) => prop_assert_eq!(real.decide(&command), model.decide(&command)),
        Step::Reserve(hold, command) => {
            let decided = real.decide(&command);
            prop_assert_eq!(decided, model.decide(&command));
            let known = model.knows(hold);
            if known || decided.is_ok() {
                real.hold(hold, command);
            }
            if !known && decided.is_ok() {
                model.reservations.push((hold, command));
            }
        }
        Step::Release(hold) => {
            real.release(hold);
            model.end(hold);
        }
        Step::Capture { hold, replayed, rebate } => {
            // Only a checkout's own record captures.
            let is_booking = |hold| {
                model.setting.is_some_and(|(id, _)| id == hold)
                    || model.booking.iter().any(|(id, _)| *id == hold)
            };
            if hold.is_some_and(is_booking) {
                return Ok(());
            }
            let paid = match hold.and_then(|hold| model.reservation(hold)) {
                Some(reserved) => reserved,
                None if model.decide(&replayed).is_ok() => replayed,
                // A record that the rules refuse was never written.
                None => return Ok(()),
            };
            let earned = Balance::Rebate { year: 2026 };
            let postings = [
                posting(paid.balance, PostingKind::Sale, -paid.amount.get()),
                posting(earned, PostingKind::Rebate, rebate.get()),
            ];
            real.apply(hold, &postings);
            if let Some(hold) = hold {
                model.end(hold);
            }
            model.postings.extend(postings);
        }
        Step::Refund { balance, amount, fee } => {
            let postings = [
                posting(balance, PostingKind::Refund, amount),
                posting(balance, PostingKind::Fee, -fee),
            ];
            real.apply(None, &postings);
            model.postings.extend(postings);
        }
        Step::Book(hold, command) => {
            let decided = real.decide_booking(&command);
            prop_assert_eq!(decided, model.decide_booking(&command));
            // An id belongs to one thing in flight at a time.
            if decided.is_ok() && !model.knows(hold) {
                real.hold_booking(hold, &command);
                real.hold_booking(hold, &command);
                let amount = Fen::new((-command.amount.get()).max(0));
                let taken = ReserveMoney { balance: command.balance, amount };
                model.reservations.push((hold, taken));
                model.booking.push((hold, command));
            }
        }
        Step::Credit(hold, fen) => {
            let command = SetCredit { credit: Fen::new(fen) };
            let decided = real.decide_credit(command);
            prop_assert_eq!(decided, model.decide_credit(fen));
            if decided.is_ok() && !model.knows(hold) {
                real.hold_credit(hold, command);
                real.hold_credit(hold, command);
                let amount = Fen::new((model.credit - fen).max(0));
                model.reservations.push((hold, ReserveMoney { balance: Balance::Prepaid, amount }));
                model.setting = Some((hold, fen));
            }
        }
        Step::Recorded(hold) => {
            let booking = model.booking.iter().find(|(id, _)| *id == hold).cloned();
            if let Some((_, BookMoney { kind, balance, amount, reference })) = booking {
                let moved = [posting(balance, kind.posting(), amount.get())];
                real.apply(Some(hold), &moved);
                model.postings.extend(moved);
                if let Some(reference) = reference {
                    let booked = Booked { reference, kind, balance, amount };
                    real.note(Some(hold), &AccountNote::Booked(booked.clone()));
                    model.booked.push(booked);
                }
                model.end(hold);
            } else if let Some((_, fen)) = model.setting.filter(|(id, _)| *id == hold) {
                real.note(Some(hold), &AccountNote::CreditSet(Fen::new(fen)));
                model.credit = fen;
                model.end(hold);
            }
        }
        Step::Restart => {
            let standings = real.standings().to_vec();
            *real = Account::restored(standings, real.credit(), real.booked().iter().cloned());
            model.reservations.clear();
            model.booking.clear();
            model.setting = None;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn an_account_does_what_its_ledger_says(steps in vec(step(), 1..80)) {
        let (mut real, mut model) = (Account::default(), Ledger::default());
        for step in steps {
            run(&mut real, &mut model, step)?;
            let mut listed = Vec::new();
            for balance in BALANCES {
                let sum = model.balance(balance);
                let said = i128::from(real.balance(balance).get());
                prop_assert_eq!(said, sum, "{}", BOOKS_BALANCE.says);
                let standing = real.standing(balance);
                let consumed = -model.sum(balance, PostingKind::is_consumption);
                prop_assert_eq!(i128::from(standing.consumed.get()), consumed);
                prop_assert_eq!(i128::from(standing.recharged.get()), sum + consumed);
                let available = i128::from(real.available(balance).get());
                prop_assert_eq!(available, model.available(balance));
                if !balance.may_be_negative() {
                    let within = model.room(balance) >= 0 && available >= 0;
                    prop_assert!(within, "{}", NOT_OVERDRAWN.says);
                }
                if sum != 0 {
                    listed.push((balance, Fen::new(i64::try_from(sum).unwrap())));
                }
            }
            prop_assert_eq!(real.balances().collect::<Vec<_>>(), listed);
            prop_assert_eq!(real.credit().get(), model.credit);
            prop_assert_eq!(real.booked(), &model.booked);
            prop_assert_eq!(real.is_idle(), model.is_idle());
        }
    }
}

/// Given balances and reservations, in fen.
fn check(
    given: &[(Balance, i64)],
    reserved: &[(Balance, i64)],
    command: (Balance, i64),
    expected: Result<(), (i64, i64)>,
) {
    let mut account = Account::default();
    for &(balance, fen) in given {
        account.apply(None, &[posting(balance, PostingKind::TopUp, fen)]);
    }
    let money = |(balance, amount)| ReserveMoney { balance, amount: Fen::new(amount) };
    for (hold, &reservation) in (1..).zip(reserved) {
        account.hold(HoldId::new(hold), money(reservation));
    }
    let expected = expected.map_err(|(needed, available)| BalanceShort {
        needed: Fen::new(needed),
        available: Fen::new(available),
    });
    assert_eq!(account.decide(&money(command)), expected, "{command:?} given {given:?}");
}

#[test]
fn a_balance_is_spent_once_to_the_last_fen() {
    let (prepaid, rebate) = (Balance::Prepaid, Balance::Rebate { year: 2026 });
    check(&[(prepaid, 100)], &[], (prepaid, 100), Ok(()));
    check(&[(prepaid, 100)], &[], (prepaid, 101), Err((101, 100)));
    check(&[(prepaid, 100)], &[(prepaid, 60), (prepaid, 30)], (prepaid, 11), Err((11, 10)));
    check(&[(prepaid, 100)], &[(prepaid, 60), (prepaid, 30)], (prepaid, 10), Ok(()));
    // Balances do not stand in for each other, nor does one year's rebate for another's.
    check(&[(prepaid, 100)], &[], (rebate, 1), Err((1, 0)));
    check(&[(rebate, 100)], &[], (Balance::Rebate { year: 2025 }, 1), Err((1, 0)));
    check(&[], &[], (prepaid, 0), Ok(()));
}

#[test]
fn a_channel_that_settles_later_is_never_short() {
    check(&[], &[], (Balance::Receivable, 1), Ok(()));
    check(
        &[(Balance::Receivable, -500)],
        &[(Balance::Receivable, 9)],
        (Balance::Receivable, 1),
        Ok(()),
    );
}

fn booked(account: &mut Account, command: &BookMoney) -> Result<(), BookingError> {
    account.decide_booking(command)?;
    let BookMoney { kind, balance, amount, reference } = command.clone();
    account.apply(None, &[Posting { balance, kind: kind.posting(), amount }]);
    if let Some(reference) = reference {
        let booked = Booked { reference, kind, balance, amount };
        account.note(None, &AccountNote::Booked(booked));
    }
    Ok(())
}

#[test]
fn a_reference_books_once_and_stands_for_one_booking() {
    let top_up = |n: usize, fen| BookMoney {
        kind: BookingKind::TopUp,
        balance: Balance::Prepaid,
        amount: Fen::new(fen),
        reference: Some(RequestKey::new(&format!("B{n}")).unwrap()),
    };
    let mut account = Account::default();
    assert_eq!(booked(&mut account, &top_up(0, 5)), Ok(()));
    assert_eq!(booked(&mut account, &top_up(0, 5)), Err(BookingError::AlreadyBooked));
    assert_eq!(booked(&mut account, &top_up(0, 6)), Err(BookingError::ReferenceTaken));
    let rebate = BookMoney { balance: Balance::Rebate { year: 2026 }, ..top_up(0, 5) };
    assert_eq!(booked(&mut account, &rebate), Err(BookingError::ReferenceTaken));
    let kind = BookMoney { kind: BookingKind::Adjustment, ..top_up(0, 5) };
    assert_eq!(booked(&mut account, &kind), Err(BookingError::ReferenceTaken));
    for n in 1..BOOKINGS_KEPT {
        assert_eq!(booked(&mut account, &top_up(n, 5)), Ok(()));
    }
    assert_eq!(booked(&mut account, &top_up(0, 5)), Err(BookingError::AlreadyBooked));
    // The oldest makes room for the newest.
    assert_eq!(booked(&mut account, &top_up(BOOKINGS_KEPT, 5)), Ok(()));
    assert_eq!(account.booked().len(), BOOKINGS_KEPT);
    assert_eq!(booked(&mut account, &top_up(1, 5)), Err(BookingError::AlreadyBooked));
    assert_eq!(booked(&mut account, &top_up(0, 5)), Ok(()));
}

#[test]
fn a_credit_line_is_drawn_to_the_last_fen_and_lowered_to_what_is_drawn() {
    let mut account = Account::default();
    let (prepaid, rebate) = (Balance::Prepaid, Balance::Rebate { year: 2026 });
    account.apply(None, &[posting(prepaid, PostingKind::TopUp, 30)]);
    account.note(None, &AccountNote::CreditSet(Fen::new(100)));
    assert_eq!((account.available(prepaid), account.available(rebate)), (Fen::new(130), Fen::ZERO));
    account.apply(None, &[posting(prepaid, PostingKind::Sale, -90)]);
    assert_eq!(
        (account.balance(prepaid), account.available(prepaid)),
        (Fen::new(-60), Fen::new(40))
    );
    let lowered =
        |account: &Account, fen| account.decide_credit(SetCredit { credit: Fen::new(fen) });
    assert_eq!(lowered(&account, 60), Ok(()));
    let short = BalanceShort { needed: Fen::new(41), available: Fen::new(40) };
    assert_eq!(lowered(&account, 59), Err(BookingError::Short(short)));
    // What a checkout has reserved counts as drawn.
    account.hold(HoldId::new(1), ReserveMoney { balance: prepaid, amount: Fen::new(40) });
    assert!(matches!(lowered(&account, 99), Err(BookingError::Short(_))));
    assert_eq!(lowered(&account, 100), Ok(()));
    // And while it is lowered nobody draws what it takes away.
    account.release(HoldId::new(1));
    account.hold_credit(HoldId::new(2), SetCredit { credit: Fen::new(60) });
    assert_eq!(account.available(prepaid), Fen::ZERO);
    assert_eq!(lowered(&account, 100), Err(BookingError::UnderWay));
}

#[test]
fn what_a_balance_has_come_to_is_kept_when_nothing_is_left_in_it() {
    let mut account = Account::default();
    let prepaid = Balance::Prepaid;
    account.apply(None, &[posting(prepaid, PostingKind::TopUp, 30)]);
    account.apply(None, &[posting(prepaid, PostingKind::Sale, -30)]);
    let (recharged, consumed) = (Fen::new(30), Fen::new(30));
    assert_eq!(account.standings(), [Standing { balance: prepaid, recharged, consumed }]);
    assert_eq!(account.balances().count(), 0);
    account.apply(None, &[posting(prepaid, PostingKind::Refund, 30)]);
    account.apply(None, &[posting(prepaid, PostingKind::Adjustment, -30)]);
    assert!(account.is_untouched());
}
