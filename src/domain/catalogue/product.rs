//! Products, their calendars and rules, and the pools they share.

use crate::domain::catalogue::RefundRule;
use std::sync::Arc;

use crate::domain::inventory::Capacity;
use crate::domain::seats::SeatMap;
use crate::types::{
    AreaNo, Fen, PoolNo, ProductNo, Quantity, RuleNo, SeatNo, ServiceDate, SupplierNo, Timespan,
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

/// When a product is offered and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// First and last service date, or `None` for a product not bound to a date.
    pub dates: Option<(ServiceDate, ServiceDate)>,
    /// Places per date and timespan; in all for a product not bound to a date. Products with areas
    /// take their capacity from these instead.
    pub capacity: Capacity,
    /// How many more may be sold on purpose.
    pub allowance: Quantity,
}

/// Whose purchases a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitScope {
    /// By document (type and number).
    Document,
    /// By mobile.
    Mobile,
}

/// Over which span a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitWindow {
    /// One timespan of one visit date.
    Timespan,
    /// One visit date.
    VisitDate,
    /// One day of ordering.
    OrderDate,
    /// The life of the product.
    Lifetime,
}

/// At most `max` in `window` for each person of `scope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRule {
    /// Its number within the product, [`LimitRule::number`] of its scope and window. Counters carry
    /// it, so it must never come to mean another rule, whatever is edited, dropped or put back.
    pub no: RuleNo,
    /// Whose purchases.
    pub scope: LimitScope,
    /// Over which span.
    pub window: LimitWindow,
    /// How many.
    pub max: Quantity,
}

impl LimitRule {
    /// The number of the rule of this scope and window, of which a product has at most one.
    #[must_use]
    pub const fn number(scope: LimitScope, window: LimitWindow) -> RuleNo {
        let scope = match scope {
            LimitScope::Document => 0,
            LimitScope::Mobile => 1,
        };
        let window = match window {
            LimitWindow::Timespan => 0,
            LimitWindow::VisitDate => 1,
            LimitWindow::OrderDate => 2,
            LimitWindow::Lifetime => 3,
        };
        // Sixteen numbers a scope leave room for windows to come.
        RuleNo::new(scope * 16 + window)
    }
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
    /// How many days ahead it can be booked.
    pub horizon_days: u16,
    /// How long an unpaid order keeps its places, in seconds.
    pub hold_seconds: u32,
    /// Purchase limits.
    pub limits: Vec<LimitRule>,
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
            horizon_days: 365,
            hold_seconds: 30 * 60,
            limits: Vec::new(),
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
    /// Whether the calendar offers this date and timespan at all.
    #[must_use]
    pub fn offers(&self, date: Option<ServiceDate>, timespan: Timespan) -> bool {
        let on_date = match (self.calendar.dates, date) {
            (Some((first, last)), Some(date)) => first <= date && date <= last,
            (None, None) => true,
            _ => false,
        };
        on_date && self.has_timespan(timespan)
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
