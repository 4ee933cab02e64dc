//! Naive twin of [`Account`], for the property tests.
//!
//! The twin is a ledger: every posting and every reservation is a line, and a balance is the sum of
//! its lines in 128 bits. It does not model the house's own side; that is `engine`'s to balance.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Account, Balance, BalanceShort, Posting, ReserveMoney};
use crate::domain::invariants::{BOOKS_BALANCE, NOT_OVERDRAWN};
use crate::types::{Fen, HoldId};

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
}

impl Ledger {
    fn balance(&self, balance: Balance) -> i128 {
        let lines = self.postings.iter().filter(|posting| posting.balance == balance);
        lines.map(|posting| i128::from(posting.amount.get())).sum()
    }

    fn available(&self, balance: Balance) -> i128 {
        let lines = self.reservations.iter().filter(|(_, money)| money.balance == balance);
        self.balance(balance) - lines.map(|(_, money)| i128::from(money.amount.get())).sum::<i128>()
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

    fn reservation(&self, hold: HoldId) -> Option<ReserveMoney> {
        self.reservations.iter().find(|(id, _)| *id == hold).map(|(_, money)| *money)
    }

    fn end_reservation(&mut self, hold: HoldId) {
        self.reservations.retain(|(id, _)| *id != hold);
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Decides only.
    Check(ReserveMoney),
    /// Decides and reserves; under a known id it must change nothing.
    Reserve(HoldId, ReserveMoney),
    /// Ends a reservation, known or not.
    Release(HoldId),
    /// A purchase's record arrives, paid from what was reserved or replayed without a reservation;
    /// it may credit a rebate in the same breath.
    Capture { hold: Option<HoldId>, replayed: ReserveMoney, rebate: Fen },
    /// Money comes in.
    Fund(Posting),
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

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => money().prop_map(Step::Check),
        6 => (hold_id(), money()).prop_map(|(hold, money)| Step::Reserve(hold, money)),
        2 => hold_id().prop_map(Step::Release),
        4 => (proptest::option::weighted(0.8, hold_id()), money(), 0..3_i64).prop_map(
            |(hold, replayed, rebate)| Step::Capture { hold, replayed, rebate: Fen::new(rebate) }
        ),
        3 => money().prop_map(|ReserveMoney { balance, amount }| {
            Step::Fund(Posting { balance, amount })
        }),
        1 => Just(Step::Restart),
    ]
}

fn run(real: &mut Account, model: &mut Ledger, step: Step) -> Result<(), TestCaseError> {
    match step {
        Step::Check(command) => prop_assert_eq!(real.decide(&command), model.decide(&command)),
        Step::Reserve(hold, command) => {
            let decided = real.decide(&command);
            prop_assert_eq!(decided, model.decide(&command));
            let known = model.reservation(hold).is_some();
            if known || decided.is_ok() {
                real.hold(hold, command);
            }
            if !known && decided.is_ok() {
                model.reservations.push((hold, command));
            }
        }
        Step::Release(hold) => {
            real.release(hold);
            model.end_reservation(hold);
        }
        Step::Capture { hold, replayed, rebate } => {
            let paid = match hold.and_then(|hold| model.reservation(hold)) {
                Some(reserved) => reserved,
                None if model.decide(&replayed).is_ok() => replayed,
                // A record that the rules refuse was never written.
                None => return Ok(()),
            };
            let earned = Balance::Rebate { year: 2026 };
            let postings = [
                Posting { balance: paid.balance, amount: paid.amount.negated() },
                Posting { balance: earned, amount: rebate },
            ];
            real.apply(hold, &postings);
            if let Some(hold) = hold {
                model.end_reservation(hold);
            }
            model.postings.extend(postings);
        }
        Step::Fund(posting) => {
            real.apply(None, &[posting]);
            model.postings.push(posting);
        }
        Step::Restart => {
            *real = Account::restored(real.balances().iter().copied());
            model.reservations.clear();
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn an_account_does_what_its_ledger_says(steps in vec(step(), 1..60)) {
        let (mut real, mut model) = (Account::default(), Ledger::default());
        for step in steps {
            run(&mut real, &mut model, step)?;
            for balance in BALANCES {
                let sum = model.balance(balance);
                let said = i128::from(real.balance(balance).get());
                prop_assert_eq!(said, sum, "{}", BOOKS_BALANCE.says);
                let available = i128::from(real.available(balance).get());
                prop_assert_eq!(available, model.available(balance));
                if !balance.may_be_negative() {
                    prop_assert!(sum >= 0 && available >= 0, "{}", NOT_OVERDRAWN.says);
                }
            }
            let listed: Vec<_> = BALANCES
                .iter()
                .map(|&balance| (balance, Fen::new(model.balance(balance) as i64)))
                .filter(|(_, amount)| *amount != Fen::ZERO)
                .collect();
            prop_assert_eq!(real.balances(), &listed[..]);
            prop_assert_eq!(real.is_idle(), model.reservations.is_empty());
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
    let balances = given.iter().map(|&(balance, amount)| (balance, Fen::new(amount)));
    let mut account = Account::restored(balances);
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
