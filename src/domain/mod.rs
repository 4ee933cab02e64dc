//! The rules, as pure state machines that do not know each other; `engine` composes them.
//!
//! Every machine decides first and applies afterwards: `decide…` reads and says what would happen
//! or why not, `apply…` makes a decided event true and cannot fail. Applying is the same code live
//! and on replay. Nothing here does I/O, reads a clock, draws a random number or logs.
#![deny(clippy::float_arithmetic, clippy::iter_over_hash_type)]

pub mod account;
pub mod catalogue;
mod holds;
pub mod identity;
pub mod invariants;
pub mod inventory;
pub mod limits;
pub mod order;
pub mod seats;
pub mod voucher;
