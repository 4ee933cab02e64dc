//! Seats of a performance. [`SeatArea`] is the agents' own; the plan of every seat is ours, in JSON alone,
//! since the family has none. Source: docs/protocols/ota.md, "Seats".

use serde::Serialize;

use crate::types::Fen;
use crate::wire::codec::{Text, wire_record};
use crate::wire::ota::RESULT_NAMESPACE;

wire_record! {
    /// An area of a performance (座位区域).
    pub struct SeatArea<'a> in RESULT_NAMESPACE {
        /// The area: `seatareaid` of a theatre order.
        seatareaid: Text<'a>,
        /// Its name.
        seatareaname: Text<'a>,
        /// Price of its cheapest seat, in yuan.
        lowestprice: Fen,
        /// Price of its dearest seat (spelled so), in yuan.
        hightestprice: Fen,
        /// The colour to show it in: 24 bits of red, green and blue.
        recommendcolor: i32,
        /// Address of a picture; always null.
        thumbnail: Text<'a>,
        /// Seats left.
        freeseatcount: i32,
        /// Seats for sale in all.
        seatcount: i32,
    }
}

/// Every seat of a performance at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeatPlan {
    /// The performance: `sceneid` of a theatre order.
    pub senceid: String,
    /// The product it is sold as.
    pub product_id: String,
    /// It begins, `yyyyMMddHHmm` at the venue.
    pub start_time: String,
    /// Its areas.
    pub areas: Vec<PlanArea>,
}

/// An area of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanArea {
    /// The area: `seatareaid` of a theatre order.
    pub seatareaid: String,
    /// Price of a seat, yuan with two decimals.
    pub price: String,
    /// List price of a seat, yuan with two decimals.
    pub list_price: String,
    /// Seats for sale in all.
    pub seats_total: u32,
    /// Seats left.
    pub seats_free: u32,
    /// Rows, front row first; none where places have no numbers.
    pub rows: Vec<PlanRow>,
}

/// A row of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanRow {
    /// What it is called.
    pub row: String,
    /// Its seats from the left.
    pub seats: Vec<PlanSeat>,
}

/// A seat of a plan. Two seats of a row are neighbours when their positions follow each other and the
/// left one has no aisle after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanSeat {
    /// The seat: `seatid` of a theatre order.
    pub seatid: String,
    /// Its number in the row.
    pub number: u16,
    /// How far from the left of the area it stands, in seats; lines up from row to row.
    pub position: u8,
    /// Whether there is an aisle to its right; left out where there is none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub aisle_after: bool,
    /// Where it stands.
    pub state: PlanState,
}

/// Where a seat stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// It can be bought.
    Sellable,
    /// An unpaid order has it, or an order under way.
    Held,
    /// It is sold.
    Sold,
    /// The house does not sell it.
    Blocked,
}

impl SeatPlan {
    /// The plan as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and lists are always JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_written_as_documented() {
        let seat = |number: u16, aisle_after, state| PlanSeat {
            seatid: format!("A-1-{number}"),
            number,
            position: 3,
            aisle_after,
            state,
        };
        let seats = vec![seat(1, true, PlanState::Sellable), seat(2, false, PlanState::Blocked)];
        let area = PlanArea {
            seatareaid: "A".to_owned(),
            price: "380.00".to_owned(),
            list_price: "480.00".to_owned(),
            seats_total: 1,
            seats_free: 1,
            rows: vec![PlanRow { row: "1".to_owned(), seats }],
        };
        let plan = SeatPlan {
            senceid: "SC-20261123-1930".to_owned(),
            product_id: "P-SHOW".to_owned(),
            start_time: "202611231930".to_owned(),
            areas: vec![area],
        };
        let expected = r#"{"senceid":"SC-20261123-1930","product_id":"P-SHOW","start_time":"202611231930","areas":[{"seatareaid":"A","price":"380.00","list_price":"480.00","seats_total":1,"seats_free":1,"rows":[{"row":"1","seats":[{"seatid":"A-1-1","number":1,"position":3,"aisle_after":true,"state":"sellable"},{"seatid":"A-1-2","number":2,"position":3,"state":"blocked"}]}]}]}"#;
        assert_eq!(plan.to_json(), expected);
    }
}
