//! Products, their calendars and rules, and the pools they share.

use std::sync::Arc;

use crate::domain::catalogue::{
    Booking, Calendar, CalendarException, Channels, ConditionSet, LimitRule, RefundRule,
};
use crate::domain::inventory::Capacity;
use crate::domain::seats::SeatMap;
use crate::types::{
    AreaNo, Fen, PoolNo, ProductNo, Quantity, SeatNo, ServiceDate, SupplierNo, Timespan,
};

/// A capacity shared by several products, on every date and in every timespan they offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Our number.
    pub no: PoolNo,
    /// Its public id, e.g. `POOL-GATE`.
    pub id: Box<str>,
    /// The supplier it belongs to.
    pub supplier: SupplierNo,
    /// Places per date and timespan.
    pub capacity: Capacity,
    /// How many more may be sold on purpose.
    pub allowance: Quantity,
}

/// A timespan (时段) of the day, in minutes after midnight at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimespanDef {
    /// Its number, from 1.
    pub no: Timespan,
    /// Doors open.
    pub start_minute: u16,
    /// Doors close.
    pub end_minute: u16,
}

/// An area (座位区域) of a performance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaDef {
    /// Its number, from 1.
    pub no: AreaNo,
    /// Its public id, e.g. `A`.
    pub id: Box<str>,
    /// Places in it. An area with a seat map has as many as the map has seats for sale.
    pub capacity: Quantity,
    /// Its seats, where they are numbered.
    pub seats: Option<Arc<SeatMap>>,
    /// Sale price of one.
    pub price: Fen,
    /// List price of one.
    pub list_price: Fen,
}

/// What an order of this product must satisfy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Fewest in one order.
    pub order_min: Quantity,
    /// Most in one order.
    pub order_max: Quantity,
    /// Whether each ticket needs a document of its own (实名).
    pub document_per_ticket: bool,
    /// Whether one order may name a document only once for this product (一证一票).
    pub unique_documents: bool,
    /// The channels it is sold through.
    pub channels: Channels,
    /// When it may be booked and for which days.
    pub booking: Booking,
    /// How many days ahead it can be booked.
    pub horizon_days: u16,
    /// How long an unpaid order keeps its places, in seconds.
    pub hold_seconds: u32,
    /// Purchase limits.
    pub limits: Vec<LimitRule>,
    /// The documents it is sold on; none for any. One set that is met is enough, and a product that
    /// has one needs a document in each line.
    pub conditions: Vec<ConditionSet>,
    /// What giving a ticket back costs.
    pub refund: RefundRule,
}

/// No rule at all: any number of tickets, a year ahead, half an hour to pay, free refunds until the
/// visit begins.
impl Default for Rules {
    fn default() -> Self {
        Self {
            order_min: Quantity::ONE,
            order_max: Quantity::new(u32::MAX),
            document_per_ticket: false,
            unique_documents: false,
            channels: Channels::ALL,
            booking: Booking::default(),
            horizon_days: 365,
            hold_seconds: 30 * 60,
            limits: Vec::new(),
            conditions: Vec::new(),
            refund: RefundRule::default(),
        }
    }
}

/// When an agent is credited the rebate that a ticket earns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RebateAt {
    /// With the payment.
    #[default]
    Payment,
    /// When the ticket is redeemed, once.
    Redemption,
}

/// A product (票种).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Our number.
    pub no: ProductNo,
    /// Its public id, at most 36 characters; ASCII case does not count.
    pub id: Box<str>,
    /// The supplier that sells it.
    pub supplier: SupplierNo,
    /// Its name.
    pub name: Box<str>,
    /// Whether it is on sale.
    pub on_sale: bool,
    /// Sale price of one. Products with areas take their price from these.
    pub price: Fen,
    /// List price of one.
    pub list_price: Fen,
    /// Rebate one earns for an agent.
    pub rebate: Fen,
    /// When the agent is credited it.
    pub rebate_at: RebateAt,
    /// How often each voucher can be redeemed (次卡), at least once.
    pub uses: u16,
    /// The pool it draws on as well.
    pub pool: Option<PoolNo>,
    /// When it is offered.
    pub calendar: Calendar,
    /// Timespans of a day; empty for an untimed product.
    pub timespans: Vec<TimespanDef>,
    /// Areas; a product that has any sells performances (场次).
    pub areas: Vec<AreaDef>,
    /// First part of a performance's public id, e.g. `SC`; empty when it sells none.
    pub scene_prefix: Box<str>,
    /// What an order of it must satisfy.
    pub rules: Rules,
}

impl Product {
    /// Whether the calendar has this date and timespan and sells them: in season, on a weekday it is
    /// offered on, not blacked out and not closed.
    #[must_use]
    pub fn offers(&self, date: Option<ServiceDate>, timespan: Timespan) -> bool {
        let no_day = |date: ServiceDate| self.rules.booking.day_problem(date).is_some();
        self.has_slot(date, timespan)
            && !date.is_some_and(no_day)
            && !self.is_closed(date, timespan)
    }

    /// Whether the calendar has this date and timespan at all. What is closed or blacked out keeps its
    /// places: some of them may be sold already.
    #[must_use]
    pub fn has_slot(&self, date: Option<ServiceDate>, timespan: Timespan) -> bool {
        let on_date = match (self.calendar.dates, date) {
            (Some((first, last)), Some(date)) => first <= date && date <= last,
            (None, None) => true,
            _ => false,
        };
        on_date && self.has_timespan(timespan)
    }

    /// Whether an exception of the calendar closes this date and timespan. One that is for an area
    /// only closes no more than that: see [`Self::is_area_closed`].
    #[must_use]
    pub fn is_closed(&self, date: Option<ServiceDate>, timespan: Timespan) -> bool {
        self.calendar.exception(date, timespan, None, |exception| exception.closed) == Some(true)
    }

    /// Whether an exception of the calendar closes this area on this date in this timespan.
    #[must_use]
    pub fn is_area_closed(
        &self,
        date: Option<ServiceDate>,
        timespan: Timespan,
        area: &AreaDef,
    ) -> bool {
        let closed = |exception: &CalendarException| exception.closed;
        self.calendar.exception(date, timespan, Some(&area.id), closed) == Some(true)
    }

    /// Sale price and list price of one on this date, in this timespan and area.
    #[must_use]
    pub fn prices(
        &self,
        date: Option<ServiceDate>,
        timespan: Timespan,
        area: AreaNo,
    ) -> (Fen, Fen) {
        let area = self.area(area);
        let (price, list_price) =
            area.map_or((self.price, self.list_price), |area| (area.price, area.list_price));
        if self.calendar.exceptions.is_empty() {
            return (price, list_price);
        }
        let area = area.map(|area| &*area.id);
        let own = self.calendar.exception(date, timespan, area, |exception| exception.price);
        let list = self.calendar.exception(date, timespan, area, |exception| exception.list_price);
        (own.unwrap_or(price), list.unwrap_or(list_price))
    }

    /// Places and overbooking allowance on this date, in this timespan and area.
    #[must_use]
    pub fn places(
        &self,
        date: Option<ServiceDate>,
        timespan: Timespan,
        area: Option<&AreaDef>,
    ) -> (Capacity, Quantity) {
        self.calendar.places(date, timespan, area)
    }

    /// Whether the product has this timespan; an untimed one has exactly [`Timespan::NONE`].
    #[must_use]
    pub fn has_timespan(&self, timespan: Timespan) -> bool {
        if self.timespans.is_empty() {
            return timespan == Timespan::NONE;
        }
        self.timespan(timespan).is_some()
    }

    /// A timespan by number.
    #[must_use]
    pub fn timespan(&self, no: Timespan) -> Option<&TimespanDef> {
        self.timespans.iter().find(|timespan| timespan.no == no)
    }

    /// An area by number.
    #[must_use]
    pub fn area(&self, no: AreaNo) -> Option<&AreaDef> {
        self.areas.iter().find(|area| area.no == no)
    }

    /// An area by public id.
    #[must_use]
    pub fn area_by_id(&self, id: &str) -> Option<&AreaDef> {
        self.areas.iter().find(|area| area.id.eq_ignore_ascii_case(id))
    }

    /// The public id of a seat, `<area>-<row>-<number>`, unique within a performance; empty for a seat
    /// that the product does not have.
    #[must_use]
    pub fn seat_id(&self, area: AreaNo, seat: SeatNo) -> String {
        let area = self.area(area);
        let map = area.and_then(|area| Some((&area.id, area.seats.as_ref()?)));
        let label = map.and_then(|(id, map)| Some((id, map.label(seat)?)));
        label.map_or(String::new(), |(id, (row, number))| format!("{id}-{row}-{number}"))
    }

    /// The area and the seat that a public id names, if it is one of ours. Areas may have hyphens in
    /// their ids, rows never do.
    #[must_use]
    pub fn seat_by_id(&self, id: &str) -> Option<(&AreaDef, SeatNo)> {
        let (rest, number) = id.rsplit_once('-')?;
        let (area, row) = rest.rsplit_once('-')?;
        // "+5" and "05" are no numbers of seats: each seat has one id.
        let plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        let number = number.parse().ok().filter(|_| plain)?;
        let area = self.area_by_id(area)?;
        let seat = area.seats.as_ref()?.find(row, number)?;
        Some((area, seat))
    }

    /// Whether it sells performances.
    #[must_use]
    pub fn is_performance(&self) -> bool {
        !self.areas.is_empty()
    }

    /// The public id of a performance, `<prefix>-yyyyMMdd-HHmm`.
    #[must_use]
    pub fn scene_id(&self, date: ServiceDate, timespan: &TimespanDef) -> String {
        let (hour, minute) = (timespan.start_minute / 60, timespan.start_minute % 60);
        format!("{}-{}-{hour:02}{minute:02}", self.scene_prefix, date.to_compact())
    }

    /// The date and timespan a performance's public id names, if it is one of ours.
    #[must_use]
    pub fn scene(&self, scene_id: &str) -> Option<(ServiceDate, Timespan)> {
        if !self.is_performance() {
            return None;
        }
        let rest = scene_id.strip_prefix(&*self.scene_prefix)?.strip_prefix('-')?;
        let (date, _) = rest.split_once('-')?;
        let date = ServiceDate::parse_compact(date).ok()?;
        let named = |timespan: &&TimespanDef| self.scene_id(date, timespan) == scene_id;
        let timespan = self.timespans.iter().find(named)?;
        Some((date, timespan.no))
    }
}
