//! The Taobao Open Platform gateway (TOP) as we serve it, for four APIs of Alibaba local life: preview
//! (券码预览), redemption by code and by order (核销), and reversal (冲正).
//!
//! Translation only: request bytes in, an authenticated call out; an outcome in, answer text out.
//! It knows no engine type, reads no clock and looks up no secret itself. Calls that Alibaba makes
//! to a provider are signed differently and are not served here.
//! Source: docs/protocols/top.md.

mod argument;
pub mod client;
pub mod consult;
pub mod encode;
pub mod error;
pub mod gateway;
mod multipart;
pub mod order_use;
pub mod request;
pub mod reserve;
pub mod sign;
pub mod ticket_use;
pub mod timestamp;

#[cfg(test)]
mod golden;
