//! What the engine hands over to be delivered, and what it hears of it. Whoever carries it knows the
//! partner's format and the network; the actors know neither.

use std::fmt;
use std::sync::Arc;

use crate::domain::catalogue::{Agent, CallbackSettings, Catalogue};
use crate::domain::order::{Notice, Order};

/// One notice to be delivered.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The agent.
    pub agent: Arc<Agent>,
    /// Where and how it wants to hear of it.
    pub settings: CallbackSettings,
    /// The order as it stands now.
    pub order: Arc<Order>,
    /// What has happened.
    pub notice: Notice,
    /// The catalogue as it is now.
    pub catalogue: Arc<Catalogue>,
}

/// Carries notices to agents.
pub trait Courier: Send + Sync {
    /// Takes a notice to be delivered and returns at once; the receipt is answered later.
    ///
    /// # Errors
    /// [`CourierBusy`] when it takes no more at the moment; nothing was tried.
    fn deliver(&self, parcel: Parcel, receipt: Receipt) -> Result<(), CourierBusy>;
}

/// The courier takes no more at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many callbacks wait to be sent")]
pub struct CourierBusy;

/// Why an attempt does not count as taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackFailure {
    /// The agent has no session key to sign with.
    #[error("the agent has no session key to sign with")]
    NoKey,
    /// The address is none.
    #[error("the address cannot be called")]
    BadAddress,
    /// The host has no address.
    #[error("the host is unknown")]
    UnknownHost,
    /// The host is inside a network that must not be called.
    #[error("the host is in a network that may not be called")]
    OutOfReach,
    /// No connection, or one that broke.
    #[error("no connection, or one that broke")]
    Connection,
    /// The other side's certificate or its TLS is not acceptable.
    #[error("TLS failed")]
    Tls,
    /// No whole answer in time.
    #[error("no answer in time")]
    Timeout,
    /// An HTTP status that is no success.
    #[error("HTTP status {0}")]
    Status(u16),
    /// An answer that does not say success.
    #[error("the answer does not say success")]
    Answer,
    /// The attempt ended without a word, by a fault of ours.
    #[error("the attempt was lost")]
    Lost,
}

/// What an attempt came to.
type Hear = Box<dyn FnOnce(Result<(), CallbackFailure>) + Send>;

/// Tells the engine what an attempt came to. Dropped without an answer it tells
/// [`CallbackFailure::Lost`], so that nothing waits for ever.
pub struct Receipt(Option<Hear>);

impl Receipt {
    /// A receipt that calls `hear`.
    pub fn new(hear: impl FnOnce(Result<(), CallbackFailure>) + Send + 'static) -> Self {
        Self(Some(Box::new(hear)))
    }

    /// What the attempt came to.
    pub fn answer(mut self, result: Result<(), CallbackFailure>) {
        if let Some(hear) = self.0.take() {
            hear(result);
        }
    }

    /// Nothing was tried: nobody is told.
    fn cancel(mut self) {
        self.0 = None;
    }

    /// A courier that is busy returns the receipt's duty.
    #[must_use]
    pub fn refuse(self) -> CourierBusy {
        self.cancel();
        CourierBusy
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(hear) = self.0.take() {
            hear(Err(CallbackFailure::Lost));
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt(…)")
    }
}
