//! Accounts from outside: how they stand, and what operators do to them.

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::actors::EngineError;
use crate::actors::handle::{EngineHandle, not_sent};
use crate::actors::order::{Asker, Command, Reply};
use crate::actors::participant::AccountActor;
use crate::domain::account::{
    AccountChange, AccountKey, Balance, BookMoney, BookingError, BookingKind, Holder, SetCredit,
    Standing,
};
use crate::engine::Rejection;
use crate::types::{AgentNo, Fen};

/// Most that one booking may move and that a credit line may be, in fen: a hundred billion yuan. Sums
/// stay far inside 64 bits.
pub const BOOKING_MAX: Fen = Fen::new(10_000_000_000_000);

/// Counted as the partner of every operator's command.
const OPERATORS: AgentNo = AgentNo::new(u32::MAX - 1);

/// How an account stands at a moment. Amounts in fen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// What every balance has come to, sorted by balance; untouched ones are left out.
    pub standings: Vec<Standing>,
    /// How far the prepaid balance may go below zero.
    pub credit: Fen,
    /// What may still be spent from the prepaid balance: its credit line included, what sales in
    /// flight keep left out.
    pub prepaid_available: Fen,
}

/// Asks how an account stands.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ReadAccount {
    pub(crate) account: AccountKey,
    pub(crate) reply: oneshot::Sender<Result<AccountView, EngineError>>,
}

impl AccountView {
    /// What `balance` has come to.
    #[must_use]
    pub fn standing(&self, balance: Balance) -> Standing {
        let known = self.standings.iter().find(|known| known.balance == balance);
        known.copied().unwrap_or(Standing::untouched(balance))
    }
}

impl EngineHandle {
    /// How an account stands, asked for by `agent`.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn account(
        &self,
        agent: AgentNo,
        account: AccountKey,
    ) -> Result<AccountView, EngineError> {
        let _in_flight = self.enter(agent)?;
        let (reply, receiver) = oneshot::channel();
        let orders = self.route(account.supplier)?;
        orders.try_send(ReadAccount { account, reply }).map_err(|error| not_sent(&error))?;
        receiver.await.map_err(|_| EngineError::Unavailable)?
    }

    /// Credits money that an agent brought in. Without a reference a repeat credits again; see
    /// [`Self::book`].
    ///
    /// # Errors
    /// Why it was not credited, or why nobody knows.
    pub async fn top_up(
        &self,
        account: AccountKey,
        balance: Balance,
        amount: Fen,
    ) -> Result<(), EngineError> {
        let kind = BookingKind::TopUp;
        self.book(account, BookMoney { kind, balance, amount, reference: None }).await
    }

    /// Books a top-up or an adjustment to an agent's account, up to [`BOOKING_MAX`] at a time. A
    /// booking with a reference is made once: sent again it changes nothing and succeeds, as long as
    /// the account remembers it (see [`crate::domain::account::BOOKINGS_KEPT`]).
    ///
    /// # Errors
    /// [`Rejection::Booking`], [`Rejection::TotalOutOfRange`], or why nobody knows.
    pub async fn book(&self, account: AccountKey, booking: BookMoney) -> Result<(), EngineError> {
        let amount = booking.amount;
        self.change_account(account, AccountChange::Book(booking), amount).await
    }

    /// Lets an agent's prepaid balance go `credit` fen below zero. Setting it again changes nothing.
    ///
    /// # Errors
    /// [`Rejection::Booking`] when more than that is drawn, or is being drawn; otherwise as
    /// [`Self::book`].
    pub async fn set_credit(&self, account: AccountKey, credit: Fen) -> Result<(), EngineError> {
        let change = AccountChange::Credit(SetCredit { credit });
        self.change_account(account, change, credit).await
    }

    async fn change_account(
        &self,
        account: AccountKey,
        change: AccountChange,
        amount: Fen,
    ) -> Result<(), EngineError> {
        if account.holder == Holder::House {
            return Err(Rejection::Booking(BookingError::OutOfRange).into());
        }
        if amount.max(amount.negated()) > BOOKING_MAX {
            return Err(Rejection::TotalOutOfRange.into());
        }
        let in_flight = self.enter(OPERATORS)?;
        let command = Command::ChangeAccount { account, change };
        let changed = self.submit(account.supplier, command, Asker::House, None, in_flight).await;
        match changed {
            Ok(Reply::Done)
            | Err(EngineError::Rejected(Rejection::Booking(BookingError::AlreadyBooked))) => Ok(()),
            // The other one may still fail; the same command again will tell.
            Err(EngineError::Rejected(Rejection::Booking(BookingError::UnderWay))) => {
                Err(EngineError::Overloaded)
            }
            Ok(Reply::Order(_) | Reply::Unchanged(_) | Reply::NotHere) => {
                Err(EngineError::OutcomeUnknown)
            }
            Err(error) => Err(error),
        }
    }
}

impl Handler<ReadAccount> for AccountActor {
    type Result = ();

    fn handle(&mut self, message: ReadAccount, _: &mut Self::Context) {
        let view = self.read(|account| AccountView {
            standings: account.standings().to_vec(),
            credit: account.credit(),
            prepaid_available: account.available(Balance::Prepaid),
        });
        // A broken account is being rebuilt, and then it knows.
        let _ = message.reply.send(view.map_err(|_| EngineError::Overloaded));
    }
}
