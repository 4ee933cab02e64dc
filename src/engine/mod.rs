//! Composes the domain's machines into what a caller asks for: is this order admissible, what must
//! be held for it, what one record says happened, and whether the books are right.
//!
//! Still pure: no I/O, no clock, no randomness. Fresh ids and `now` come in as arguments, which is
//! what makes replay, models and the simulation possible.
#![deny(clippy::float_arithmetic, clippy::iter_over_hash_type)]

pub mod admission;
pub mod books;
pub mod checkout;
pub mod digest;
pub mod explain;
#[cfg(test)]
pub(crate) mod fixture;
pub mod ids;
pub mod ledger;
pub mod occasion;
pub mod operator;
pub mod plan;
pub mod refund;
mod rejection;
pub mod state;
pub mod transaction;

pub use rejection::{DateProblem, Rejection};
