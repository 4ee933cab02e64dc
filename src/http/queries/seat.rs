//! Seats of a performance: its areas as agents know them, and a plan of every seat for whoever lets a
//! buyer pick. Source: docs/protocols/ota.md, "Seats".

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;

use crate::actors::SlotStock;
use crate::domain::catalogue::AreaDef;
use crate::domain::inventory::Available;
use crate::domain::seats::{SeatState, Seating};
use crate::http::queries::performance::Performance;
use crate::http::queries::text::{count, day_time};
use crate::http::queries::{Problem, Question};
use crate::http::{Answer, Outcome, webapi, within};
use crate::wire::ota::query::{PlanArea, PlanRow, PlanSeat, PlanState, SeatArea, SeatPlan};

/// Colours that areas are shown in, as 24 bits of red, green and blue: told apart by most eyes.
const COLOURS: [i32; 6] = [0xe6_9f00, 0x56_b4e9, 0x00_9e73, 0xd5_5e00, 0x00_72b2, 0xcc_79a7];

impl Question<'_> {
    /// The seat areas of a performance, also of one that is over.
    pub(super) async fn seat_areas(&self) -> Result<Answer, Problem> {
        let performance = self.find_performance(self.parameters.required("pcid")?)?;
        let stock = self.look_at_seats(&performance).await?;
        let areas = performance.product.areas.iter().zip(COLOURS.iter().cycle());
        let areas = areas.map(|(area, colour)| {
            let (price, _) = performance.prices(area);
            SeatArea {
                seatareaid: Some(area.id.as_ref().into()),
                seatareaname: Some(area.id.as_ref().into()),
                lowestprice: price,
                hightestprice: price,
                recommendcolor: *colour,
                thumbnail: None,
                freeseatcount: count(free(&performance, area, &stock).into()),
                seatcount: count(performance.seat_count(area).into()),
            }
        });
        let areas: Vec<_> = areas.collect();
        Ok(webapi::list(self.request, &areas))
    }

    /// Every seat of a performance, also of one that is over.
    pub(super) async fn seat_plan(&self, scene_id: &str) -> Result<Answer, Problem> {
        let performance = self.find_performance(scene_id)?;
        let stock = self.look_at_seats(&performance).await?;
        let Performance { product, date, timespan, .. } = &performance;
        let plan = SeatPlan {
            senceid: product.scene_id(*date, timespan),
            product_id: product.id.to_string(),
            start_time: day_time(*date, timespan.start_minute),
            areas: product.areas.iter().map(|it| plan_area(&performance, it, &stock)).collect(),
        };
        let response = HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "application/json; charset=utf-8"))
            .body(plan.to_json());
        Ok(Answer { response, outcome: Outcome::Ok })
    }

    async fn look_at_seats(&self, performance: &Performance<'_>) -> Result<SlotStock, Problem> {
        let look = self.state.engine.look_at_seats(self.onlooker(), performance.slot());
        Ok(within(self.state, look).await?)
    }
}

fn seating<'s>(area: &AreaDef, stock: &'s SlotStock) -> Option<&'s Seating> {
    let found = stock.seats.iter().find(|(no, _)| *no == area.no);
    found.map(|(_, seating)| seating)
}

/// What can still be had of an area.
fn free(performance: &Performance<'_>, area: &AreaDef, stock: &SlotStock) -> u32 {
    if performance.is_closed(area) {
        return 0;
    }
    let left = stock.areas.iter().find(|(no, _)| *no == area.no);
    let left = match left.map(|(_, stock)| stock.available()) {
        Some(Available::Left(left)) => left.get(),
        Some(Available::Unlimited) => u32::MAX,
        None => 0,
    };
    let seats = seating(area, stock).filter(|seating| seating.map().is_some());
    seats.map_or(left, |seats| seats.free_count().min(left))
}

fn plan_area(performance: &Performance<'_>, area: &AreaDef, stock: &SlotStock) -> PlanArea {
    let mut rows = Vec::new();
    if let (Some(map), Some(seating)) = (&area.seats, seating(area, stock)) {
        rows.extend(
            map.rows().iter().map(|row| PlanRow { row: row.label.to_string(), seats: vec![] }),
        );
        for seat in map.seats() {
            let (Some((row, number)), Some(state)) = (map.label(seat), seating.state(seat)) else {
                continue;
            };
            let aisles = map.rows()[usize::from(seat.row())].aisles;
            rows[usize::from(seat.row())].seats.push(PlanSeat {
                seatid: format!("{}-{row}-{number}", area.id),
                number,
                position: seat.position(),
                aisle_after: aisles >> seat.position() & 1 == 1,
                state: match state {
                    SeatState::Free if performance.is_closed(area) => PlanState::Blocked,
                    SeatState::Free => PlanState::Sellable,
                    SeatState::Held => PlanState::Held,
                    SeatState::Sold => PlanState::Sold,
                    SeatState::Blocked => PlanState::Blocked,
                },
            });
        }
    }
    let (price, list_price) = performance.prices(area);
    PlanArea {
        seatareaid: area.id.to_string(),
        price: price.to_yuan(),
        list_price: list_price.to_yuan(),
        seats_total: performance.seat_count(area),
        seats_free: free(performance, area, stock),
        rows,
    }
}
