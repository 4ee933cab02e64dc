//! One order from request to record, as a machine: answers come in, steps go out. It sends nothing
//! itself; the order actor and the simulation both drive it.
//!
//! ```text
//! Asking ──all granted──▶ Granted ──record durable──▶ done
//!   │ some refused: release what was granted
//!   ├──▶ Asking again, in the next timespan (only for "earliest with room")
//!   └──▶ Refused
//! ```

use smallvec::SmallVec;

use crate::domain::account::{AccountChange, AccountKey, Balance, Holder, ReserveMoney};
use crate::domain::catalogue::Catalogue;
use crate::domain::order::{Order, OrderLine, OrderState, PayDecision, Refund};
use crate::engine::admission::Admitted;
use crate::engine::ids::IdSource;
use crate::engine::occasion::is_over;
use crate::engine::operator::StockCommand;
use crate::engine::plan::{Ask, Grant, ParticipantKey, Plan, Refusal, rejection};
use crate::engine::refund::{rebate_year, withhold};
use crate::engine::transaction::{Granted, Payment, Transaction};
use crate::engine::{DateProblem, Rejection};
use crate::types::{Fen, RequestKey, Sealed, SupplierNo, Timespan, UnixMillis};

/// A new order, admitted and sealed.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// What the catalogue allows.
    pub admitted: Admitted,
    /// The caller's number.
    pub request_key: Option<RequestKey>,
    /// Everything personal.
    pub private: Sealed,
}

/// What a checkout is to achieve.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// Place an order and pay it, all in one record.
    Sell {
        /// The order.
        order: Box<NewOrder>,
        /// How.
        payment: Payment,
    },
    /// Place an order to be paid later.
    Place {
        /// The order.
        order: Box<NewOrder>,
    },
    /// Only say whether an order would be granted. Nothing is held and there is no record.
    Verify {
        /// What the catalogue allows.
        admitted: Box<Admitted>,
        /// The calendar year at the venue.
        year: i16,
    },
    /// Change stock for an operator.
    Adjust {
        /// With which supplier.
        supplier: SupplierNo,
        /// What.
        command: StockCommand,
    },
    /// Pay an order that was placed before.
    Pay {
        /// The order.
        order: Box<Order>,
        /// How.
        payment: Payment,
        /// Whether its places must be taken again.
        places: PayDecision,
    },
    /// Give tickets back.
    Refund {
        /// The order.
        order: Box<Order>,
        /// How.
        refund: Box<Refund>,
    },
    /// Do to an account what an operator asks.
    ChangeAccount {
        /// The account.
        account: AccountKey,
        /// What.
        change: AccountChange,
    },
}

/// What to do after an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing; answers are missing.
    Wait,
    /// Release these, then ask the participants of [`Checkout::plan`], which is a new one.
    AskAgain {
        /// Participants that had granted.
        release: SmallVec<[ParticipantKey; 4]>,
    },
    /// Release these; this is the answer.
    Refuse {
        /// Participants that had granted.
        release: SmallVec<[ParticipantKey; 4]>,
        /// Why.
        rejection: Rejection,
    },
    /// Everything is held: make the record and append it.
    Commit,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct Checkout {
    purpose: Purpose,
    /// Index of the timespan being tried.
    candidate: usize,
    plan: Plan,
    /// One entry a participant of the plan.
    answers: SmallVec<[Option<Result<Grant, Refusal>>; 4]>,
}

impl Checkout {
    /// Begins: ask the participants of [`Self::plan`].
    #[must_use]
    pub fn begin(purpose: Purpose, catalogue: &Catalogue) -> Self {
        let plan = plan_of(&purpose, 0, catalogue);
        let answers = SmallVec::from_elem(None, plan.parts().len());
        Self { purpose, candidate: 0, plan, answers }
    }

    /// Who is asked for what at present.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What the checkout is to achieve.
    #[must_use]
    pub const fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// Whether nothing is ever held or recorded for it.
    #[must_use]
    pub const fn is_verify(&self) -> bool {
        matches!(self.purpose, Purpose::Verify { .. })
    }

    /// Takes the answer of the plan's participant `index`. A repeated answer changes nothing.
    pub fn answered(
        &mut self,
        index: usize,
        answer: Result<Grant, Refusal>,
        catalogue: &Catalogue,
    ) -> Step {
        match self.answers.get_mut(index) {
            Some(open @ None) => *open = Some(answer),
            _ => return Step::Wait,
        }
        if self.answers.iter().any(Option::is_none) {
            return Step::Wait;
        }
        if let Purpose::Refund { refund, .. } = &mut self.purpose {
            // Its only question is whether the rebate is still there, and a no changes only the sum.
            if self.answers.iter().flatten().any(Result::is_err) {
                **refund = withhold(Refund::clone(refund));
            }
            return Step::Commit;
        }
        let parts = self.plan.parts().iter().zip(&self.answers);
        let refused = parts.clone().find_map(|((key, _), answer)| match answer {
            Some(Err(refusal)) => Some((*key, *refusal)),
            _ => None,
        });
        let Some((key, refusal)) = refused else { return Step::Commit };
        let granted = parts.filter(|(_, answer)| matches!(answer, Some(Ok(_))));
        let release = granted.map(|((key, _), _)| *key).collect();
        let rejection = rejection(key, refusal, catalogue);
        let movable = rejection.depends_on_timespan() && self.moves(key);
        if movable && self.next_candidate(catalogue) {
            return Step::AskAgain { release };
        }
        let rejection = if movable { self.final_rejection(rejection) } else { rejection };
        Step::Refuse { release, rejection }
    }

    /// The record of a granted checkout; `None` when the purpose was only to verify. `notify` says
    /// whether the agent is to be told.
    ///
    /// # Errors
    /// [`Rejection::CodesExhausted`] when there is no code for a ticket; release everything then.
    pub fn record(
        &self,
        now: UnixMillis,
        notify: bool,
        ids: &mut dyn IdSource,
    ) -> Result<Option<Transaction>, Rejection> {
        let grants: SmallVec<[Grant; 4]> = self.grants().collect();
        match &self.purpose {
            Purpose::Sell { order, payment } => {
                let granted = self.granted(order, &grants, notify);
                Transaction::sell(granted, *payment, now, ids).map(Some)
            }
            Purpose::Place { order } => {
                Ok(Some(Transaction::place(self.granted(order, &grants, notify), now, ids)))
            }
            Purpose::Pay { order, payment, places } => {
                Transaction::pay(order, *payment, *places, notify, now, ids).map(Some)
            }
            Purpose::Refund { order, refund } => {
                let year = rebate_year(order, refund).unwrap_or(0);
                Ok(Some(Transaction::refund(order, Refund::clone(refund), year, notify)))
            }
            Purpose::Adjust { supplier, command } => Ok(Some(command.record(*supplier, now))),
            Purpose::ChangeAccount { account, change } => {
                Ok(Some(Transaction::change_account(now, *account, change)))
            }
            Purpose::Verify { .. } => Ok(None),
        }
    }

    /// What each participant has added to its yes.
    fn grants(&self) -> impl Iterator<Item = Grant> {
        self.answers.iter().map(|answer| match answer {
            Some(Ok(grant)) => grant.clone(),
            _ => Grant::default(),
        })
    }

    fn granted<'a>(
        &'a self,
        order: &'a NewOrder,
        grants: &'a [Grant],
        notify: bool,
    ) -> Granted<'a> {
        Granted {
            admitted: &order.admitted,
            plan: &self.plan,
            grants,
            timespan: candidate(&order.admitted, self.candidate),
            request_key: order.request_key.as_ref(),
            private: &order.private,
            notify: notify && order.request_key.is_some(),
        }
    }

    /// Whether another candidate would ask `key` for less: performances stay when they are.
    fn moves(&self, key: ParticipantKey) -> bool {
        let admitted = match &self.purpose {
            Purpose::Sell { order, .. } | Purpose::Place { order } => &order.admitted,
            Purpose::Verify { admitted, .. } => admitted,
            Purpose::Pay { .. }
            | Purpose::Refund { .. }
            | Purpose::Adjust { .. }
            | Purpose::ChangeAccount { .. } => {
                return false;
            }
        };
        let mut moving = admitted.lines.iter().filter(|line| line.performance.is_none());
        moving.any(|line| match key {
            ParticipantKey::Slot(slot) => slot.product == line.product.no,
            ParticipantKey::Pool(pool) => line.product.pool == Some(pool.pool),
            ParticipantKey::Limit(limit) => limit.product == line.product.no,
            ParticipantKey::Account(_) => false,
        })
    }

    fn next_candidate(&mut self, catalogue: &Catalogue) -> bool {
        let admitted = match &mut self.purpose {
            Purpose::Sell { order, .. } | Purpose::Place { order } => &mut order.admitted,
            Purpose::Verify { admitted, .. } => admitted,
            Purpose::Pay { .. }
            | Purpose::Refund { .. }
            | Purpose::Adjust { .. }
            | Purpose::ChangeAccount { .. } => {
                return false;
            }
        };
        if self.candidate + 1 >= admitted.candidates.len() {
            return false;
        }
        self.candidate += 1;
        admitted.choose(self.candidate);
        self.plan = plan_of(&self.purpose, self.candidate, catalogue);
        self.answers = SmallVec::from_elem(None, self.plan.parts().len());
        true
    }

    /// After several timespans were tried, "this one is full" would mislead.
    fn final_rejection(&self, rejection: Rejection) -> Rejection {
        match rejection {
            Rejection::SoldOut { asked, timespan, .. }
                if self.candidate > 0 && timespan != Timespan::NONE =>
            {
                Rejection::NoTimespanLeft { asked }
            }
            other => other,
        }
    }
}

fn plan_of(purpose: &Purpose, index: usize, catalogue: &Catalogue) -> Plan {
    match purpose {
        Purpose::Sell { order, payment } => {
            let admitted = &order.admitted;
            let ask = Ask::Account(ReserveMoney { balance: payment.from, amount: admitted.total });
            let ask = (admitted.total > Fen::ZERO).then_some(ask);
            Plan::new(admitted, candidate(admitted, index), ask)
        }
        Purpose::Place { order } => {
            Plan::new(&order.admitted, candidate(&order.admitted, index), None)
        }
        Purpose::Verify { admitted, year } => {
            let any = Ask::AnyFunds { year: *year, amount: admitted.total };
            Plan::new(admitted, candidate(admitted, index), Some(any))
        }
        Purpose::Adjust { command, .. } => Plan::of_stock(command),
        Purpose::ChangeAccount { account, change } => Plan::of_change(*account, change.clone()),
        Purpose::Pay { order, payment, places } => {
            // A free order still asks, so that every checkout waits for at least one answer.
            let money = ReserveMoney { balance: payment.from, amount: order.total };
            match places {
                PayDecision::Confirm => Plan::of_money(account(order), money),
                PayDecision::Retake => Plan::of_retake(order, catalogue, money),
            }
        }
        Purpose::Refund { order, refund } => {
            let year = rebate_year(order, refund);
            let paid_from = match order.state {
                OrderState::Paid { from, .. } => from,
                _ => Balance::Prepaid,
            };
            let balance = year.map_or(paid_from, |year| Balance::Rebate { year });
            Plan::of_money(account(order), ReserveMoney { balance, amount: refund.rebate })
        }
    }
}

fn account(order: &Order) -> AccountKey {
    AccountKey { supplier: order.supplier, holder: Holder::Agent(order.agent) }
}

/// Refuses money for tickets that nobody could use any more: whoever pays then would pay for nothing.
/// Places that are held are paid for as long as their tickets are valid, places that must be taken
/// again only for as long as anybody could buy them.
///
/// # Errors
/// [`Rejection::Date`] with [`DateProblem::Over`].
pub fn check_not_over(
    order: &Order,
    places: PayDecision,
    catalogue: &Catalogue,
    now: UnixMillis,
) -> Result<(), Rejection> {
    let supplier = catalogue.supplier(order.supplier);
    let over = |line: &&OrderLine| {
        let sold_no_more = || {
            let (product, supplier) = catalogue.product(line.product).zip(supplier)?;
            Some(is_over(product, line.slot.date?, line.slot.timespan, supplier, now))
        };
        line.valid_until <= now
            || (places == PayDecision::Retake && sold_no_more().unwrap_or(false))
    };
    match order.lines.iter().find(over) {
        Some(line) => Err(Rejection::Date { date: line.slot.date, problem: DateProblem::Over }),
        None => Ok(()),
    }
}

fn candidate(admitted: &Admitted, index: usize) -> Timespan {
    admitted.candidates.get(index).copied().unwrap_or(Timespan::NONE)
}

#[cfg(test)]
mod tests;
