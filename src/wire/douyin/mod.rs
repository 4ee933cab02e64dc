//! The Douyin family as vendors serve it: issuing voucher codes for Douyin orders.
//!
//! Types of the code request and its answer, the SPI signature, and the local encryption of
//! personal fields. Who a client key belongs to and whether a code exists is not decided here.
//! Source: docs/protocols/douyin.md.

pub mod crypto;
mod query;
mod request;
mod response;
pub mod sign;

pub use query::{SpiQuery, parse_timestamp};
pub use request::{DOUYIN_NAMESPACE, GetTicketCodeDouyinParm, SkuParm, TouristsParm};
pub use response::{GetTicketCodeResult, TicketCodeCommonResult};
