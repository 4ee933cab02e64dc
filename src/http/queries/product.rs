//! What is on sale, when, and how much of it is left. Source: docs/protocols/ota.md, "Products and
//! stock".

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::actors::{Quota, less, more};
use crate::domain::catalogue::{LimitWindow, Product, Supplier};
use crate::domain::inventory::Available;
use crate::engine::occasion::{Occasion, days, is_closed, is_on_sale};
use crate::engine::plan::slot_key;
use crate::http::queries::text::{clock_time, count, quantity};
use crate::http::queries::{CHANNEL, Problem, Question};
use crate::http::{Answer, webapi};
use crate::types::{AreaNo, ProductNo, Quantity, ServiceDate, SlotKey, SupplierNo, Timespan};
use crate::wire::ota::query;

/// What one ticket is called.
const UNIT: &str = "张";
const UNKNOWN_PRODUCT: &str = "产品不存在";

/// A timespan of a line on a day: products of one line may have different ones under one number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Segment {
    supplier: SupplierNo,
    date: ServiceDate,
    index: u8,
    start_minute: u16,
    end_minute: u16,
}

impl Question<'_> {
    /// The timespans of each line that can be booked.
    pub(super) async fn time_segments(&self) -> Result<Answer, Problem> {
        let dates = self.parameters.dates()?;
        let (mut segments, mut slots) = (Vec::new(), Vec::new());
        for (product, supplier) in self.line_products() {
            if product.is_performance() {
                continue;
            }
            let range = dates.of_timespans(self.today(supplier));
            for occasion in self.bookable(product, supplier, range) {
                if let Some(segment) = Segment::new(supplier, &occasion) {
                    self.add_slot(&mut slots, occasion.slot)?;
                    segments.push(segment);
                }
            }
        }
        let stock = self.look(&slots).await?;
        // Products share a gate, so their stocks cannot be added up: what counts is how many of the
        // product that has most are left.
        let mut most: BTreeMap<Segment, Available> = BTreeMap::new();
        for (segment, stock) in segments.into_iter().zip(&stock) {
            let available = self.left(stock);
            let known = most.entry(segment).or_insert(available);
            *known = larger(*known, available);
        }
        let answers: Vec<_> =
            most.into_iter().filter_map(|(segment, left)| self.segment(segment, left)).collect();
        Ok(webapi::list(self.request, &answers))
    }

    /// What is left of each product on each day.
    pub(super) async fn inventory(&self) -> Result<Answer, Problem> {
        let dates = self.parameters.dates()?;
        let wanted = self.wanted_product()?;
        let (mut kept, mut slots) = (Vec::new(), Vec::new());
        for (product, supplier) in self.line_products() {
            if wanted.is_some_and(|wanted| wanted != product.no) {
                continue;
            }
            let range = dates.of_inventory(self.today(supplier));
            for date in days(product, supplier, CHANNEL, range, self.now) {
                let begins = slots.len();
                for occasion in self.bookable(product, supplier, (date, date)) {
                    self.add_slot(&mut slots, occasion.slot)?;
                }
                kept.push((product, date, begins..slots.len()));
            }
        }
        let stock = self.look(&slots).await?;
        let answers = kept.into_iter().map(|(product, date, slots)| {
            // A day whose timespans are all over or closed has nothing left.
            let slots = &stock[slots];
            let left = slots.iter().map(|stock| self.left(stock));
            let left = left.fold(Available::Left(Quantity::ZERO), more);
            // A quota that is not for each timespan is for all of them together.
            let quotas = slots.iter().flat_map(|stock| &stock.quotas);
            let common = quotas.filter(|quota| quota.window != LimitWindow::Timespan);
            let left = common.map(Quota::bound).fold(left, less);
            query::ProductInventory {
                productId: Some(product.id.as_ref().into()),
                productName: Some(product.name.as_ref().into()),
                date: Some(date.to_compact().into()),
                quantity: quantity(left),
            }
        });
        let answers: Vec<_> = answers.collect();
        Ok(webapi::list(self.request, &answers))
    }

    /// The products on sale.
    pub(super) fn products(&self) -> Result<Answer, Problem> {
        let dates = self.parameters.dates()?;
        let on_sale = self.line_products().filter_map(|(product, supplier)| {
            let slot = if product.calendar.dates.is_none() {
                let slot = slot_key(product, None, Timespan::NONE);
                is_on_sale(product, CHANNEL, self.now).then_some(slot)
            } else {
                let range = dates.of_products(self.today(supplier));
                self.bookable(product, supplier, range).next().map(|occasion| occasion.slot)
            };
            Some(described(product, slot?))
        });
        let answers: Vec<_> = on_sale.collect();
        Ok(webapi::list(self.request, &answers))
    }

    /// Today at a supplier's venue.
    pub(super) fn today(&self, supplier: &Supplier) -> ServiceDate {
        ServiceDate::at(self.now, supplier.utc_offset_seconds)
    }

    /// The products of the line that `servicecode` names, or of all.
    fn line_products(&self) -> impl Iterator<Item = (&Product, &Supplier)> {
        let line = self.parameters.text("servicecode");
        let products = self.catalogue.products().iter();
        products.filter_map(move |product| {
            let supplier = self.catalogue.supplier(product.supplier)?;
            let is_wanted = line.is_empty() || supplier.id.eq_ignore_ascii_case(line);
            is_wanted.then_some((&**product, &**supplier))
        })
    }

    fn wanted_product(&self) -> Result<Option<ProductNo>, Problem> {
        let id = self.parameters.text("productid");
        if id.is_empty() {
            return Ok(None);
        }
        let product = self.catalogue.product_by_id(id).map(Arc::as_ref);
        Ok(Some(product.ok_or(Problem::Unknown(UNKNOWN_PRODUCT))?.no))
    }

    fn segment(&self, segment: Segment, left: Available) -> Option<query::TimeSegment<'_>> {
        let supplier = self.catalogue.supplier(segment.supplier)?;
        Some(query::TimeSegment {
            servicecode: Some(supplier.id.as_ref().into()),
            servicename: Some(supplier.name.as_ref().into()),
            date: Some(segment.date.to_compact().into()),
            timespanindex: i32::from(segment.index),
            starttime: Some(clock_time(segment.start_minute).into()),
            endtime: Some(clock_time(segment.end_minute).into()),
            quantity: quantity(left),
        })
    }
}

impl Segment {
    fn new(supplier: &Supplier, occasion: &Occasion) -> Option<Self> {
        let timespan = occasion.timespan?;
        Some(Self {
            supplier: supplier.no,
            date: occasion.date,
            index: timespan.no.get(),
            start_minute: timespan.start_minute,
            end_minute: timespan.end_minute,
        })
    }
}

/// A product, at what it costs in `slot`: in the cheapest area that is open, where it has areas.
fn described(product: &Product, slot: SlotKey) -> query::Products<'_> {
    let price = |area: AreaNo| product.prices(slot.date, slot.timespan, area).0;
    let open = product.areas.iter().filter(|area| !is_closed(product, slot, Some(area)));
    let cheapest = open.map(|area| price(area.no)).min();
    let season = product.calendar.dates;
    let day = |date: Option<ServiceDate>| date.map(|date| date.to_compact().into());
    query::Products {
        productid: Some(product.id.as_ref().into()),
        productname: Some(product.name.as_ref().into()),
        unit: Some(UNIT.into()),
        price: cheapest.unwrap_or_else(|| price(AreaNo::NONE)),
        initdate: day(season.map(|(first, _)| first)),
        enddate: day(season.map(|(_, last)| last)),
        conditionsofsale: None,
        minimum: count(product.rules.order_min.get().into()),
        // What is beyond the wire's integers is no bound.
        maximum: i32::try_from(product.rules.order_max.get()).unwrap_or(0),
    }
}

fn larger(one: Available, other: Available) -> Available {
    match (one, other) {
        (Available::Left(one), Available::Left(other)) => Available::Left(one.max(other)),
        _ => Available::Unlimited,
    }
}
