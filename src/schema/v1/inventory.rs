//! Slots and pools.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::limits::CounterEventV1;
use super::{Invalid, List, Mirrored, is_ascending};
use crate::domain::inventory::{
    AreaEvent, Capacity, Pool, PoolKey, Slot, SlotEvent, Stock, StockEvent,
};
use crate::domain::limits::Count;
use crate::types::{AreaNo, PoolNo, ProductNo, Quantity, ServiceDate, SlotKey, Timespan};

/// Twin of [`SlotKey`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SlotKeyV1 {
    product: u32,
    /// Days since 1970-01-01.
    date: Option<i32>,
    timespan: u8,
}

impl Mirrored for SlotKey {
    type Mirror<'a> = SlotKeyV1;

    fn mirror(&self) -> SlotKeyV1 {
        let Self { product, date, timespan } = *self;
        SlotKeyV1 {
            product: product.get(),
            date: date.map(ServiceDate::days),
            timespan: timespan.get(),
        }
    }

    fn restore(mirror: SlotKeyV1) -> Result<Self, Invalid> {
        let SlotKeyV1 { product, date, timespan } = mirror;
        Ok(Self {
            product: ProductNo::new(product),
            date: date.map(ServiceDate::from_days),
            timespan: Timespan::new(timespan),
        })
    }
}

/// Twin of [`PoolKey`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct PoolKeyV1 {
    pool: u32,
    /// Days since 1970-01-01.
    date: Option<i32>,
    timespan: u8,
}

impl Mirrored for PoolKey {
    type Mirror<'a> = PoolKeyV1;

    fn mirror(&self) -> PoolKeyV1 {
        let Self { pool, date, timespan } = *self;
        PoolKeyV1 { pool: pool.get(), date: date.map(ServiceDate::days), timespan: timespan.get() }
    }

    fn restore(mirror: PoolKeyV1) -> Result<Self, Invalid> {
        let PoolKeyV1 { pool, date, timespan } = mirror;
        Ok(Self {
            pool: PoolNo::new(pool),
            date: date.map(ServiceDate::from_days),
            timespan: Timespan::new(timespan),
        })
    }
}

/// Twin of [`StockEvent`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum StockEventV1 {
    /// 0
    Held(u32),
    /// 1
    Sold(u32),
    /// 2
    Confirmed(u32),
    /// 3
    Released(u32),
}

impl Mirrored for StockEvent {
    type Mirror<'a> = StockEventV1;

    fn mirror(&self) -> StockEventV1 {
        match self {
            Self::Held(quantity) => StockEventV1::Held(quantity.get()),
            Self::Sold(quantity) => StockEventV1::Sold(quantity.get()),
            Self::Confirmed(quantity) => StockEventV1::Confirmed(quantity.get()),
            Self::Released(quantity) => StockEventV1::Released(quantity.get()),
        }
    }

    fn restore(mirror: StockEventV1) -> Result<Self, Invalid> {
        Ok(match mirror {
            StockEventV1::Held(quantity) => Self::Held(Quantity::new(quantity)),
            StockEventV1::Sold(quantity) => Self::Sold(Quantity::new(quantity)),
            StockEventV1::Confirmed(quantity) => Self::Confirmed(Quantity::new(quantity)),
            StockEventV1::Released(quantity) => Self::Released(Quantity::new(quantity)),
        })
    }
}

/// Twin of [`AreaEvent`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct AreaEventV1 {
    area: u8,
    stock: StockEventV1,
}

impl Mirrored for AreaEvent {
    type Mirror<'a> = AreaEventV1;

    fn mirror(&self) -> AreaEventV1 {
        let Self { area, stock } = self;
        AreaEventV1 { area: area.get(), stock: stock.mirror() }
    }

    fn restore(mirror: AreaEventV1) -> Result<Self, Invalid> {
        let AreaEventV1 { area, stock } = mirror;
        Ok(Self { area: AreaNo::new(area), stock: StockEvent::restore(stock)? })
    }
}

/// Twin of [`SlotEvent`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SlotEventV1<'a> {
    #[serde(borrow)]
    areas: List<'a, AreaEvent, SmallVec<[AreaEvent; 1]>>,
    #[serde(borrow)]
    counters: CounterEventV1<'a>,
}

impl Mirrored for SlotEvent {
    type Mirror<'a> = SlotEventV1<'a>;

    fn mirror(&self) -> SlotEventV1<'_> {
        let Self { areas, counters } = self;
        SlotEventV1 { areas: List::Borrowed(areas), counters: counters.mirror() }
    }

    fn restore(mirror: SlotEventV1<'_>) -> Result<Self, Invalid> {
        let SlotEventV1 { areas, counters } = mirror;
        Ok(Self { areas: areas.into_owned(), counters: Mirrored::restore(counters)? })
    }
}

/// What the journal says of one [`Stock`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct StockV1 {
    held: u32,
    sold: u32,
}

impl Mirrored for Stock {
    type Mirror<'a> = StockV1;

    fn mirror(&self) -> StockV1 {
        StockV1 { held: self.held().get(), sold: self.sold().get() }
    }

    fn restore(mirror: StockV1) -> Result<Self, Invalid> {
        let (held, sold) = (Quantity::new(mirror.held), Quantity::new(mirror.sold));
        // A sum that wraps was never taken (INV-1), and would stop the machine later.
        held.checked_add(sold).ok_or(Invalid)?;
        Ok(Self::restored(Capacity::Unlimited, Quantity::ZERO, held, sold))
    }
}

/// One area of a slot.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct AreaStockV1 {
    area: u8,
    stock: StockV1,
}

impl Mirrored for (AreaNo, Stock) {
    type Mirror<'a> = AreaStockV1;

    fn mirror(&self) -> AreaStockV1 {
        AreaStockV1 { area: self.0.get(), stock: self.1.mirror() }
    }

    fn restore(mirror: AreaStockV1) -> Result<Self, Invalid> {
        Ok((AreaNo::new(mirror.area), Stock::restore(mirror.stock)?))
    }
}

/// Stock by area, as a slot keeps it.
type AreaStocksV1<'a> = List<'a, (AreaNo, Stock), SmallVec<[(AreaNo, Stock); 1]>>;

/// What the journal says of a [`Slot`]: areas in the slot's own order, counts sorted.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SlotV1<'a> {
    #[serde(borrow)]
    areas: AreaStocksV1<'a>,
    #[serde(borrow)]
    counts: List<'a, Count>,
}

impl Mirrored for Slot {
    type Mirror<'a> = SlotV1<'a>;

    fn mirror(&self) -> SlotV1<'_> {
        SlotV1 {
            areas: List::Borrowed(self.areas()),
            counts: List::Owned(self.counters().counts()),
        }
    }

    fn restore(mirror: SlotV1<'_>) -> Result<Self, Invalid> {
        let areas = mirror.areas.into_owned();
        let mut numbers: Vec<AreaNo> = areas.iter().map(|(area, _)| *area).collect();
        numbers.sort_unstable();
        if !is_ascending(numbers.iter()) {
            return Err(Invalid);
        }
        Ok(Self::new(areas, super::limits::counters(mirror.counts)?))
    }
}

impl Mirrored for Pool {
    type Mirror<'a> = StockV1;

    fn mirror(&self) -> StockV1 {
        self.stock().mirror()
    }

    fn restore(mirror: StockV1) -> Result<Self, Invalid> {
        Stock::restore(mirror).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limits::Counters;
    use crate::schema::{self, SchemaError};

    #[test]
    fn a_slot_that_cannot_be_is_refused() {
        let check = |areas: &[(u8, u32, u32)], expected: Option<SchemaError>| {
            let mut bytes = vec![1, areas.len() as u8];
            for &(area, held, sold) in areas {
                super::super::write(&(area, held, sold), &mut bytes);
            }
            bytes.push(0);
            assert_eq!(schema::decode_slot(&bytes).err(), expected, "{areas:?}");
        };
        check(&[(2, 1, 1), (1, 1, 1)], None);
        check(&[(1, 1, 1), (2, 0, 0), (1, 1, 1)], Some(SchemaError::Invalid));
        check(&[(0, u32::MAX, 0)], None);
        check(&[(0, u32::MAX, 1)], Some(SchemaError::Invalid));
    }

    #[test]
    fn capacity_is_not_stored() {
        let stock = Stock::restored(
            Capacity::Limited(Quantity::new(10)),
            Quantity::new(3),
            Quantity::ONE,
            Quantity::new(4),
        );
        let slot = Slot::new(SmallVec::from_slice(&[(AreaNo::new(2), stock)]), Counters::default());
        let mut bytes = Vec::new();
        schema::encode_slot(&slot, &mut bytes);
        let expected =
            Stock::restored(Capacity::Unlimited, Quantity::ZERO, Quantity::ONE, Quantity::new(4));
        assert_eq!(schema::decode_slot(&bytes).unwrap().areas(), &[(AreaNo::new(2), expected)]);
    }
}
