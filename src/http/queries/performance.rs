//! Performances (场次). Source: docs/protocols/ota.md, "Performances".

use crate::domain::catalogue::{AreaDef, Product, Supplier, TimespanDef};
use crate::domain::inventory::{Available, Capacity};
use crate::engine::occasion::is_closed;
use crate::engine::plan::slot_key;
use crate::http::queries::text::{count, day_time};
use crate::http::queries::{Problem, Question};
use crate::http::{Answer, Outcome, webapi};
use crate::types::{Fen, ServiceDate, SlotKey};
use crate::wire::ota::query::Sence;

pub(super) const UNKNOWN_PERFORMANCE: &str = "场次不存在";
/// Last minute of a day, up to which tickets of that day let in.
const LAST_MINUTE: u16 = 24 * 60 - 1;

/// A performance before it is known what is left of it.
pub(super) struct Performance<'c> {
    pub(super) product: &'c Product,
    supplier: &'c Supplier,
    pub(super) date: ServiceDate,
    pub(super) timespan: TimespanDef,
}

impl Question<'_> {
    /// The performances that can be booked.
    pub(super) async fn performances(&self) -> Result<Answer, Problem> {
        let dates = self.parameters.dates()?;
        let (theatre, show) =
            (self.parameters.choice("theatreid"), self.parameters.choice("theatricalid"));
        let is = |wanted: Option<&str>, id: &str| {
            wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(id))
        };
        let (mut performances, mut slots) = (Vec::new(), Vec::new());
        for product in self.catalogue.products().iter().filter(|product| product.is_performance()) {
            let Some(supplier) = self.catalogue.supplier(product.supplier) else { continue };
            if !is(theatre, &supplier.id) || !is(show, &product.id) {
                continue;
            }
            let range = dates.of_performances(self.today(supplier));
            for occasion in self.bookable(product, supplier, range) {
                if let Some(timespan) = occasion.timespan {
                    self.add_slot(&mut slots, occasion.slot)?;
                    performances.push(Performance {
                        product,
                        supplier,
                        date: occasion.date,
                        timespan,
                    });
                }
            }
        }
        let stock = self.look(&slots).await?;
        let answers: Vec<_> = performances
            .iter()
            .zip(&stock)
            .map(|(it, stock)| it.answer(self.left(stock)))
            .collect();
        Ok(webapi::list(self.request, &answers))
    }

    /// One performance, also one that is over.
    pub(super) async fn performance(&self, scene_id: &str) -> Result<Answer, Problem> {
        let performance = self.find_performance(scene_id)?;
        let stock = self.look(&[performance.slot()]).await?;
        let stock = stock.first().ok_or(Problem::Unknown(UNKNOWN_PERFORMANCE))?;
        Ok(webapi::result(self.request, &performance.answer(self.left(stock)), Outcome::Ok))
    }

    /// The performance with this public id, also one that is over.
    pub(super) fn find_performance(&self, scene_id: &str) -> Result<Performance<'_>, Problem> {
        let found = self.catalogue.products().iter().find_map(|product| {
            let (date, no) = product.scene(scene_id)?;
            let timespan = *product.timespan(no)?;
            let supplier = self.catalogue.supplier(product.supplier)?;
            let offered = product.has_slot(Some(date), no);
            offered.then_some(Performance { product, supplier, date, timespan })
        });
        found.ok_or(Problem::Unknown(UNKNOWN_PERFORMANCE))
    }
}

impl<'c> Performance<'c> {
    /// Its slot.
    pub(super) fn slot(&self) -> SlotKey {
        slot_key(self.product, Some(self.date), self.timespan.no)
    }

    /// Sale price and list price of one in an area.
    pub(super) fn prices(&self, area: &AreaDef) -> (Fen, Fen) {
        self.product.prices(Some(self.date), self.timespan.no, area.no)
    }

    /// Whether the calendar closes an area of it.
    pub(super) fn is_closed(&self, area: &AreaDef) -> bool {
        is_closed(self.product, self.slot(), Some(area))
    }

    /// Places for sale of an area; no more than its seats, where they have numbers.
    pub(super) fn seat_count(&self, area: &AreaDef) -> u32 {
        let own = area.capacity.get();
        match self.product.places(Some(self.date), self.timespan.no, Some(area)).0 {
            Capacity::Limited(places) if area.seats.is_some() => places.get().min(own),
            Capacity::Limited(places) => places.get(),
            Capacity::Unlimited => own,
        }
    }

    fn answer(&self, left: Available) -> Sence<'c> {
        let Self { product, supplier, date, timespan } = self;
        let seats: u64 = product.areas.iter().map(|area| u64::from(self.seat_count(area))).sum();
        let free = match left {
            Available::Left(left) => left.get().into(),
            Available::Unlimited => seats,
        };
        let time = |minute: u16| Some(day_time(*date, minute).into());
        Sence {
            theatreid: Some(supplier.id.as_ref().into()),
            theatrename: Some(supplier.name.as_ref().into()),
            senceid: Some(product.scene_id(*date, timespan).into()),
            sencename: Some(product.name.as_ref().into()),
            theatricalid: Some(product.id.as_ref().into()),
            theatricalname: Some(product.name.as_ref().into()),
            date: Some(date.to_compact().into()),
            starttime: time(timespan.start_minute),
            endtime: time(timespan.end_minute),
            // A performance is sold until it begins, and its tickets let in all day.
            sellendtime: time(timespan.start_minute),
            startchecktime: time(0),
            endchecktime: time(LAST_MINUTE),
            freecount: count(free),
            totalseat: count(seats),
        }
    }
}
