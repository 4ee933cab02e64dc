//! Values every layer shares: identifiers, money, quantities, dates, codes, sealed bytes.
//!
//! They carry their own well-formedness and arithmetic and nothing else: no business rule, no I/O,
//! no clock.

mod code;
mod id;
mod money;
mod sealed;
mod seat;
mod time;

pub use code::{CodeError, VoucherCode};
pub use id::{
    AgentNo, AreaNo, Channel, HoldId, LineId, Lsn, OrderId, PartitionNo, PoolNo, ProductNo,
    RequestKey, RequestKeyError, RuleNo, SlotKey, SupplierNo, TicketId, Timespan,
};
pub use money::{Fen, MoneyError, Quantity};
pub use sealed::{IdentityHash, Sealed};
pub use seat::SeatNo;
pub use time::{DateError, ServiceDate, UnixMillis};
