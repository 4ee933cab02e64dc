//! Products, their calendars and rules, and the pools they share.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Invalid, List, Mirrored, Whole};
use crate::domain::catalogue::{
    AreaDef, Calendar, Fee, FeeTier, LimitRule, LimitScope, LimitWindow, Pool, Product, RebateAt,
    RefundRule, Rules, TimespanDef,
};
use crate::domain::inventory::Capacity;
use crate::domain::seats::SeatMap;
use crate::types::{
    AreaNo, Fen, PoolNo, ProductNo, Quantity, RuleNo, ServiceDate, SupplierNo, Timespan,
};

/// Twin of [`Capacity`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum CapacityV2 {
    /// 0
    Unlimited,
    /// 1
    Limited(u32),
}

impl Mirrored for Capacity {
    type Mirror<'a> = CapacityV2;

    fn mirror(&self) -> CapacityV2 {
        match self {
            Self::Unlimited => CapacityV2::Unlimited,
            Self::Limited(places) => CapacityV2::Limited(places.get()),
        }
    }

    fn restore(mirror: CapacityV2) -> Result<Self, Invalid> {
        Ok(match mirror {
            CapacityV2::Unlimited => Self::Unlimited,
            CapacityV2::Limited(places) => Self::Limited(Quantity::new(places)),
        })
    }
}

/// Twin of [`Pool`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct PoolV2<'a> {
    no: u32,
    id: &'a str,
    supplier: u16,
    capacity: CapacityV2,
    allowance: u32,
}

impl Mirrored for Pool {
    type Mirror<'a> = PoolV2<'a>;

    fn mirror(&self) -> PoolV2<'_> {
        let Self { no, id, supplier, capacity, allowance } = self;
        PoolV2 {
            no: no.get(),
            id,
            supplier: supplier.get(),
            capacity: capacity.mirror(),
            allowance: allowance.get(),
        }
    }

    fn restore(mirror: PoolV2<'_>) -> Result<Self, Invalid> {
        let PoolV2 { no, id, supplier, capacity, allowance } = mirror;
        Ok(Self {
            no: PoolNo::new(no),
            id: id.into(),
            supplier: SupplierNo::new(supplier),
            capacity: Mirrored::restore(capacity)?,
            allowance: Quantity::new(allowance),
        })
    }
}

/// Twin of [`TimespanDef`]; minutes after midnight at the venue.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct TimespanDefV2 {
    no: u8,
    start_minute: u16,
    end_minute: u16,
}

impl Mirrored for TimespanDef {
    type Mirror<'a> = TimespanDefV2;

    fn mirror(&self) -> TimespanDefV2 {
        let Self { no, start_minute, end_minute } = *self;
        TimespanDefV2 { no: no.get(), start_minute, end_minute }
    }

    fn restore(mirror: TimespanDefV2) -> Result<Self, Invalid> {
        let TimespanDefV2 { no, start_minute, end_minute } = mirror;
        Ok(Self { no: Timespan::new(no), start_minute, end_minute })
    }
}

/// Twin of [`AreaDef`]; prices in fen.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct AreaDefV2<'a> {
    no: u8,
    id: &'a str,
    capacity: u32,
    #[serde(borrow)]
    seats: Option<Whole<'a, SeatMap, Arc<SeatMap>>>,
    price: i64,
    list_price: i64,
}

impl Mirrored for AreaDef {
    type Mirror<'a> = AreaDefV2<'a>;

    fn mirror(&self) -> AreaDefV2<'_> {
        let Self { no, id, capacity, seats, price, list_price } = self;
        AreaDefV2 {
            no: no.get(),
            id,
            capacity: capacity.get(),
            seats: seats.as_deref().map(Whole::Borrowed),
            price: price.get(),
            list_price: list_price.get(),
        }
    }

    fn restore(mirror: AreaDefV2<'_>) -> Result<Self, Invalid> {
        let AreaDefV2 { no, id, capacity, seats, price, list_price } = mirror;
        Ok(Self {
            no: AreaNo::new(no),
            id: id.into(),
            capacity: Quantity::new(capacity),
            seats: seats.map(Whole::into_owned),
            price: Fen::new(price),
            list_price: Fen::new(list_price),
        })
    }
}

/// Twin of [`Calendar`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct CalendarV2 {
    /// First and last day, in days since 1970-01-01.
    dates: Option<(i32, i32)>,
    capacity: CapacityV2,
    allowance: u32,
}

impl Mirrored for Calendar {
    type Mirror<'a> = CalendarV2;

    fn mirror(&self) -> CalendarV2 {
        let Self { dates, capacity, allowance } = self;
        CalendarV2 {
            dates: dates.map(|(first, last)| (first.days(), last.days())),
            capacity: capacity.mirror(),
            allowance: allowance.get(),
        }
    }

    fn restore(mirror: CalendarV2) -> Result<Self, Invalid> {
        let CalendarV2 { dates, capacity, allowance } = mirror;
        let date = ServiceDate::from_days;
        Ok(Self {
            dates: dates.map(|(first, last)| (date(first), date(last))),
            capacity: Mirrored::restore(capacity)?,
            allowance: Quantity::new(allowance),
        })
    }
}

/// Twin of [`LimitScope`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum LimitScopeV2 {
    /// 0
    Document,
    /// 1
    Mobile,
}

/// Twin of [`LimitWindow`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum LimitWindowV2 {
    /// 0
    Timespan,
    /// 1
    VisitDate,
    /// 2
    OrderDate,
    /// 3
    Lifetime,
}

/// Twin of [`LimitRule`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct LimitRuleV2 {
    no: u8,
    scope: LimitScopeV2,
    window: LimitWindowV2,
    max: u32,
}

impl Mirrored for LimitRule {
    type Mirror<'a> = LimitRuleV2;

    fn mirror(&self) -> LimitRuleV2 {
        let Self { no, scope, window, max } = self;
        let scope = match scope {
            LimitScope::Document => LimitScopeV2::Document,
            LimitScope::Mobile => LimitScopeV2::Mobile,
        };
        let window = match window {
            LimitWindow::Timespan => LimitWindowV2::Timespan,
            LimitWindow::VisitDate => LimitWindowV2::VisitDate,
            LimitWindow::OrderDate => LimitWindowV2::OrderDate,
            LimitWindow::Lifetime => LimitWindowV2::Lifetime,
        };
        LimitRuleV2 { no: no.get(), scope, window, max: max.get() }
    }

    fn restore(mirror: LimitRuleV2) -> Result<Self, Invalid> {
        let LimitRuleV2 { no, scope, window, max } = mirror;
        let scope = match scope {
            LimitScopeV2::Document => LimitScope::Document,
            LimitScopeV2::Mobile => LimitScope::Mobile,
        };
        let window = match window {
            LimitWindowV2::Timespan => LimitWindow::Timespan,
            LimitWindowV2::VisitDate => LimitWindow::VisitDate,
            LimitWindowV2::OrderDate => LimitWindow::OrderDate,
            LimitWindowV2::Lifetime => LimitWindow::Lifetime,
        };
        Ok(Self { no: RuleNo::new(no), scope, window, max: Quantity::new(max) })
    }
}

/// Twin of [`FeeTier`]; money in fen, shares in hundredths of a per cent.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct FeeTierV2 {
    hours_before: i32,
    fee: FeeV2,
}

/// Twin of [`Fee`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum FeeV2 {
    /// 0
    Fixed(i64),
    /// 1
    Percent(u16),
}

impl Mirrored for FeeTier {
    type Mirror<'a> = FeeTierV2;

    fn mirror(&self) -> FeeTierV2 {
        let Self { hours_before, fee } = *self;
        let fee = match fee {
            Fee::Fixed(fee) => FeeV2::Fixed(fee.get()),
            Fee::Percent(share) => FeeV2::Percent(share),
        };
        FeeTierV2 { hours_before, fee }
    }

    fn restore(mirror: FeeTierV2) -> Result<Self, Invalid> {
        let FeeTierV2 { hours_before, fee } = mirror;
        let fee = match fee {
            FeeV2::Fixed(fee) => Fee::Fixed(Fen::new(fee)),
            FeeV2::Percent(share) => Fee::Percent(share),
        };
        Ok(Self { hours_before, fee })
    }
}

/// Twin of [`RebateAt`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum RebateAtV2 {
    /// 0
    Payment,
    /// 1
    Redemption,
}

impl Mirrored for RebateAt {
    type Mirror<'a> = RebateAtV2;

    fn mirror(&self) -> RebateAtV2 {
        match self {
            Self::Payment => RebateAtV2::Payment,
            Self::Redemption => RebateAtV2::Redemption,
        }
    }

    fn restore(mirror: RebateAtV2) -> Result<Self, Invalid> {
        Ok(match mirror {
            RebateAtV2::Payment => Self::Payment,
            RebateAtV2::Redemption => Self::Redemption,
        })
    }
}

/// Twin of [`Rules`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct RulesV2<'a> {
    order_min: u32,
    order_max: u32,
    document_per_ticket: bool,
    horizon_days: u16,
    hold_seconds: u32,
    #[serde(borrow)]
    limits: List<'a, LimitRule>,
    #[serde(borrow)]
    refund: List<'a, FeeTier>,
}

impl Mirrored for Rules {
    type Mirror<'a> = RulesV2<'a>;

    fn mirror(&self) -> RulesV2<'_> {
        let Self {
            order_min,
            order_max,
            document_per_ticket,
            horizon_days,
            hold_seconds,
            limits,
            refund,
        } = self;
        RulesV2 {
            order_min: order_min.get(),
            order_max: order_max.get(),
            document_per_ticket: *document_per_ticket,
            horizon_days: *horizon_days,
            hold_seconds: *hold_seconds,
            limits: List::Borrowed(limits),
            refund: List::Borrowed(&refund.tiers),
        }
    }

    fn restore(mirror: RulesV2<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            order_min: Quantity::new(mirror.order_min),
            order_max: Quantity::new(mirror.order_max),
            document_per_ticket: mirror.document_per_ticket,
            horizon_days: mirror.horizon_days,
            hold_seconds: mirror.hold_seconds,
            limits: mirror.limits.into_owned(),
            refund: RefundRule { tiers: mirror.refund.into_owned() },
        })
    }
}

/// Twin of [`Product`]; money in fen.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct ProductV2<'a> {
    no: u32,
    id: &'a str,
    supplier: u16,
    name: &'a str,
    on_sale: bool,
    price: i64,
    list_price: i64,
    rebate: i64,
    rebate_at: RebateAtV2,
    uses: u16,
    pool: Option<u32>,
    calendar: CalendarV2,
    #[serde(borrow)]
    timespans: List<'a, TimespanDef>,
    #[serde(borrow)]
    areas: List<'a, AreaDef>,
    scene_prefix: &'a str,
    #[serde(borrow)]
    rules: RulesV2<'a>,
}

impl Mirrored for Product {
    type Mirror<'a> = ProductV2<'a>;

    fn mirror(&self) -> ProductV2<'_> {
        let Self {
            no,
            id,
            supplier,
            name,
            on_sale,
            price,
            list_price,
            rebate,
            rebate_at,
            uses,
            pool,
            calendar,
            timespans,
            areas,
            scene_prefix,
            rules,
        } = self;
        ProductV2 {
            no: no.get(),
            id,
            supplier: supplier.get(),
            name,
            on_sale: *on_sale,
            price: price.get(),
            list_price: list_price.get(),
            rebate: rebate.get(),
            rebate_at: rebate_at.mirror(),
            uses: *uses,
            pool: pool.map(PoolNo::get),
            calendar: calendar.mirror(),
            timespans: List::Borrowed(timespans),
            areas: List::Borrowed(areas),
            scene_prefix,
            rules: rules.mirror(),
        }
    }

    fn restore(mirror: ProductV2<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            no: ProductNo::new(mirror.no),
            id: mirror.id.into(),
            supplier: SupplierNo::new(mirror.supplier),
            name: mirror.name.into(),
            on_sale: mirror.on_sale,
            price: Fen::new(mirror.price),
            list_price: Fen::new(mirror.list_price),
            rebate: Fen::new(mirror.rebate),
            rebate_at: Mirrored::restore(mirror.rebate_at)?,
            uses: mirror.uses,
            pool: mirror.pool.map(PoolNo::new),
            calendar: Mirrored::restore(mirror.calendar)?,
            timespans: mirror.timespans.into_owned(),
            areas: mirror.areas.into_owned(),
            scene_prefix: mirror.scene_prefix.into(),
            rules: Mirrored::restore(mirror.rules)?,
        })
    }
}
