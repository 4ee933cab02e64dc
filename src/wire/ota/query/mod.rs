//! Answers to agents' questions: orders and tickets, what is on sale and what is left of it, money.
//!
//! Member names are the wire names, misspellings included. What a question may ask is the HTTP side's
//! matter: it stands in the address. Source: docs/protocols/ota.md, "Queries".

mod account;
mod order;
mod product;
mod seat;

pub use account::{AgentPrepayment, AgentRebate};
pub use order::{OrderDetail, OrderMain, Ticket, TicketResourceResult};
pub use product::{ProductInventory, Products, Sence, TimeSegment};
pub use seat::{PlanArea, PlanRow, PlanSeat, PlanState, SeatArea, SeatPlan};
