//! What an agent has. Source: docs/protocols/ota.md, "Balances".

use crate::types::Fen;
use crate::wire::codec::{Text, wire_record};
use crate::wire::ota::RESULT_NAMESPACE;

wire_record! {
    /// The prepaid deposit (预订金) of an agent.
    pub struct AgentPrepayment<'a> in RESULT_NAMESPACE {
        /// Kind of customer.
        customertypeid: Text<'a>,
        /// The agent's user name.
        customerid: Text<'a>,
        /// Its name.
        customername: Text<'a>,
        /// Carried over from before the account was opened: always nothing.
        previousbalance: Fen,
        /// All that came in: top-ups and adjustments.
        totalrecharge: Fen,
        /// Sales and fees, less refunds.
        totalconsumption: Fen,
        /// What there is: previous + recharge - consumption. Below zero while credit is drawn.
        currentbalance: Fen,
    }
}

wire_record! {
    /// The rebate (返款) of an agent that belongs to one year.
    pub struct AgentRebate<'a> in RESULT_NAMESPACE {
        /// Kind of customer.
        customertypeid: Text<'a>,
        /// The agent's user name.
        customerid: Text<'a>,
        /// Its name.
        customername: Text<'a>,
        /// Carried over from another year: always nothing.
        previousbalance: Fen,
        /// Rebate credited, less what refunds took back; top-ups and adjustments.
        totalrecharge: Fen,
        /// Sales and fees, less refunds.
        totalconsumption: Fen,
        /// What there is: previous + recharge - consumption.
        currentbalance: Fen,
        /// The calendar year.
        year: i32,
    }
}
