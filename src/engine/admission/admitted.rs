//! A request that the catalogue allows: what the plan asks the participants for. Why one is not allowed
//! is said elsewhere.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::domain::catalogue::{LimitWindow, Product, Supplier};
use crate::domain::seats::Seats;
use crate::engine::plan::slot_key;
use crate::types::{
    AgentNo, AreaNo, Channel, Fen, IdentityHash, Quantity, RuleNo, ServiceDate, SlotKey,
    SupplierNo, Timespan, UnixMillis,
};

/// A count a line asks for under one of its product's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineClaim {
    /// The rule.
    pub rule: RuleNo,
    /// Its window.
    pub window: LimitWindow,
    /// Whose count.
    pub identity: IdentityHash,
    /// How many.
    pub amount: Quantity,
    /// How many the rule allows.
    pub max: Quantity,
}

/// A line that the catalogue allows.
#[derive(Clone, Debug)]
pub struct AdmittedLine {
    /// The product.
    pub product: Arc<Product>,
    /// The time of its performance, whichever candidate the other lines get; `None` for what is no
    /// performance.
    pub performance: Option<Timespan>,
    /// The area.
    pub area: AreaNo,
    /// How many.
    pub quantity: Quantity,
    /// Seats the buyer chose; none where we choose or places have no numbers.
    pub seats: Seats,
    /// Sale price of one.
    pub unit_price: Fen,
    /// List price of one.
    pub list_price: Fen,
    /// Limit counts it asks for.
    pub claims: SmallVec<[LineClaim; 2]>,
}

impl AdmittedLine {
    /// The slot it sells from on `date`, where the order's candidate is `timespan`.
    #[must_use]
    pub fn slot(&self, date: Option<ServiceDate>, timespan: Timespan) -> SlotKey {
        slot_key(&self.product, date, self.performance.unwrap_or(timespan))
    }
}

/// A request that the catalogue allows.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The way it came in.
    pub channel: Channel,
    /// Who buys.
    pub agent: AgentNo,
    /// Who sells.
    pub supplier: Arc<Supplier>,
    /// For which day; `None` for products not bound to one.
    pub date: Option<ServiceDate>,
    /// The day of ordering at the venue.
    pub today: ServiceDate,
    /// Timespans to try, earliest first; at least one. Untimed lines and performances ignore it.
    pub candidates: SmallVec<[Timespan; 4]>,
    /// Validity of products not bound to a date.
    pub validity: Option<(UnixMillis, UnixMillis)>,
    /// The lines.
    pub lines: Vec<AdmittedLine>,
    /// Price of everything.
    pub total: Fen,
    /// Rebate everything earns.
    pub rebate: Fen,
    /// Prices by candidate, where they are not the same in all of them.
    pub(super) tariffs: Vec<Tariff>,
}

/// What a request costs in one of its candidate timespans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tariff {
    /// Sale and list price of one, by line.
    pub(super) prices: SmallVec<[(Fen, Fen); 2]>,
    pub(super) total: Fen,
}

impl Admitted {
    /// Takes over the prices of the candidate at `index`. A request begins with those of its first.
    pub fn choose(&mut self, index: usize) {
        let Some(tariff) = self.tariffs.get(index) else { return };
        for (line, prices) in self.lines.iter_mut().zip(&tariff.prices) {
            (line.unit_price, line.list_price) = *prices;
        }
        self.total = tariff.total;
    }

    /// Number of the supplier.
    #[must_use]
    pub fn supplier_no(&self) -> SupplierNo {
        self.supplier.no
    }

    /// Places in all.
    #[must_use]
    pub fn quantity(&self) -> Quantity {
        let sum: u64 = self.lines.iter().map(|line| u64::from(line.quantity.get())).sum();
        Quantity::new(u32::try_from(sum).unwrap_or(u32::MAX))
    }
}
