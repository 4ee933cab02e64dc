//! The Taobao Open Platform gateway (TOP) as we serve it, for the one API
//! `alibaba.alsc.daodian.ticket.consult` (券码预览).
//!
//! Translation only: request bytes in, an authenticated call out; an outcome in, answer text out.
//! It knows no engine type, reads no clock and looks up no secret itself. Calls that Alibaba makes
//! to a provider are signed differently and are not served here.
//! Source: docs/protocols/top.md.

pub mod client;
pub mod consult;
pub mod encode;
pub mod error;
pub mod gateway;
mod multipart;
pub mod request;
pub mod sign;
pub mod timestamp;

#[cfg(test)]
mod golden;
