//! Partner bytes ⇄ plain request and response values, and nothing else: no state, no clock, no rules.

pub mod codec;
pub mod douyin;
pub mod gate;
pub mod message;
pub mod ota;
pub mod top;
