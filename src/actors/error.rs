//! What the engine answers when it does not answer with an order.

use crate::engine::Rejection;

/// Why a request was not carried out, or why nobody knows whether it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The rules said no. Nothing changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Too much is in flight, or the supplier is being rebuilt. Nothing was decided; repeat it.
    #[error("busy, repeat the request")]
    Overloaded,
    /// The process is starting or stopping, or its journal has failed. Nothing was decided; repeat it.
    #[error("not taking requests, repeat the request")]
    Unavailable,
    /// It may have happened. Only the same request key can tell.
    #[error("outcome unknown, repeat with the same request key")]
    OutcomeUnknown,
}

impl EngineError {
    /// Whether nothing is left of what was asked for.
    pub(crate) const fn is_sold_out(&self) -> bool {
        matches!(self, Self::Rejected(Rejection::SoldOut { .. } | Rejection::NoTimespanLeft { .. }))
    }
}
