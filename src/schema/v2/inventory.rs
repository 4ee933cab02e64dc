//! Slots and pools.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::limits::CounterEventV2;
use super::{Invalid, List, Mirrored, is_ascending};
use crate::domain::inventory::{
    AreaEvent, Capacity, Pool, PoolKey, Slot, SlotEvent, Stock, StockEvent,
};
use crate::domain::limits::Count;
use crate::domain::seats::{Seating, Seats};
use crate::types::{AreaNo, PoolNo, ProductNo, Quantity, SeatNo, ServiceDate, SlotKey, Timespan};

/// Twin of [`SlotKey`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SlotKeyV2 {
    product: u32,
    /// Days since 1970-01-01.
    date: Option<i32>,
    timespan: u8,
}

impl Mirrored for SlotKey {
    type Mirror<'a> = SlotKeyV2;

    fn mirror(&self) -> SlotKeyV2 {
        let Self { product, date, timespan } = *self;
        SlotKeyV2 {
            product: product.get(),
            date: date.map(ServiceDate::days),
            timespan: timespan.get(),
        }
    }

    fn restore(mirror: SlotKeyV2) -> Result<Self, Invalid> {
        let SlotKeyV2 { product, date, timespan } = mirror;
        Ok(Self {
            product: ProductNo::new(product),
            date: date.map(ServiceDate::from_days),
            timespan: Timespan::new(timespan),
        })
    }
}

/// Twin of [`PoolKey`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct PoolKeyV2 {
    pool: u32,
    /// Days since 1970-01-01.
    date: Option<i32>,
    timespan: u8,
}

impl Mirrored for PoolKey {
    type Mirror<'a> = PoolKeyV2;

    fn mirror(&self) -> PoolKeyV2 {
        let Self { pool, date, timespan } = *self;
        PoolKeyV2 { pool: pool.get(), date: date.map(ServiceDate::days), timespan: timespan.get() }
    }

    fn restore(mirror: PoolKeyV2) -> Result<Self, Invalid> {
        let PoolKeyV2 { pool, date, timespan } = mirror;
        Ok(Self {
            pool: PoolNo::new(pool),
            date: date.map(ServiceDate::from_days),
            timespan: Timespan::new(timespan),
        })
    }
}

/// Twin of [`StockEvent`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum StockEventV2 {
    /// 0
    Held(u32),
    /// 1
    Sold(u32),
    /// 2
    Confirmed(u32),
    /// 3
    Released(u32),
    /// 4
    Returned(u32),
    /// 5
    Added(u32),
    /// 6
    Withdrawn(u32),
    /// 7
    Restored(u32),
}

impl Mirrored for StockEvent {
    type Mirror<'a> = StockEventV2;

    fn mirror(&self) -> StockEventV2 {
        match self {
            Self::Held(quantity) => StockEventV2::Held(quantity.get()),
            Self::Sold(quantity) => StockEventV2::Sold(quantity.get()),
            Self::Confirmed(quantity) => StockEventV2::Confirmed(quantity.get()),
            Self::Released(quantity) => StockEventV2::Released(quantity.get()),
            Self::Returned(quantity) => StockEventV2::Returned(quantity.get()),
            Self::Added(quantity) => StockEventV2::Added(quantity.get()),
            Self::Withdrawn(quantity) => StockEventV2::Withdrawn(quantity.get()),
            Self::Restored(quantity) => StockEventV2::Restored(quantity.get()),
        }
    }

    fn restore(mirror: StockEventV2) -> Result<Self, Invalid> {
        Ok(match mirror {
            StockEventV2::Held(quantity) => Self::Held(Quantity::new(quantity)),
            StockEventV2::Sold(quantity) => Self::Sold(Quantity::new(quantity)),
            StockEventV2::Confirmed(quantity) => Self::Confirmed(Quantity::new(quantity)),
            StockEventV2::Released(quantity) => Self::Released(Quantity::new(quantity)),
            StockEventV2::Returned(quantity) => Self::Returned(Quantity::new(quantity)),
            StockEventV2::Added(quantity) => Self::Added(Quantity::new(quantity)),
            StockEventV2::Withdrawn(quantity) => Self::Withdrawn(Quantity::new(quantity)),
            StockEventV2::Restored(quantity) => Self::Restored(Quantity::new(quantity)),
        })
    }
}

/// Twin of [`AreaEvent`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct AreaEventV2<'a> {
    area: u8,
    stock: StockEventV2,
    #[serde(borrow)]
    seats: List<'a, SeatNo, Seats>,
}

impl Mirrored for AreaEvent {
    type Mirror<'a> = AreaEventV2<'a>;

    fn mirror(&self) -> AreaEventV2<'_> {
        let Self { area, stock, seats } = self;
        AreaEventV2 { area: area.get(), stock: stock.mirror(), seats: List::Borrowed(seats) }
    }

    fn restore(mirror: AreaEventV2<'_>) -> Result<Self, Invalid> {
        let AreaEventV2 { area, stock, seats } = mirror;
        let (area, stock) = (AreaNo::new(area), StockEvent::restore(stock)?);
        Ok(Self { area, stock, seats: seats.into_owned() })
    }
}

/// Twin of [`SlotEvent`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SlotEventV2<'a> {
    #[serde(borrow)]
    areas: List<'a, AreaEvent, SmallVec<[AreaEvent; 1]>>,
    #[serde(borrow)]
    counters: CounterEventV2<'a>,
    open: Option<bool>,
}

impl Mirrored for SlotEvent {
    type Mirror<'a> = SlotEventV2<'a>;

    fn mirror(&self) -> SlotEventV2<'_> {
        let Self { areas, counters, open } = self;
        SlotEventV2 { areas: List::Borrowed(areas), counters: counters.mirror(), open: *open }
    }

    fn restore(mirror: SlotEventV2<'_>) -> Result<Self, Invalid> {
        let SlotEventV2 { areas, counters, open } = mirror;
        Ok(Self { areas: areas.into_owned(), counters: Mirrored::restore(counters)?, open })
    }
}

/// What the journal says of one [`Stock`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct StockV2 {
    held: u32,
    sold: u32,
    added: u32,
    withdrawn: u32,
}

impl Mirrored for Stock {
    type Mirror<'a> = StockV2;

    fn mirror(&self) -> StockV2 {
        StockV2 {
            held: self.held().get(),
            sold: self.sold().get(),
            added: self.added().get(),
            withdrawn: self.withdrawn().get(),
        }
    }

    fn restore(mirror: StockV2) -> Result<Self, Invalid> {
        let (held, sold) = (Quantity::new(mirror.held), Quantity::new(mirror.sold));
        // A sum that wraps was never taken (INV-1), and would stop the machine later.
        held.checked_add(sold).ok_or(Invalid)?;
        let (added, withdrawn) = (Quantity::new(mirror.added), Quantity::new(mirror.withdrawn));
        let stock = Self::restored(Capacity::Unlimited, Quantity::ZERO, held, sold);
        Ok(stock.adjusted(added, withdrawn))
    }
}

/// One area of a slot.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct AreaStockV2 {
    area: u8,
    stock: StockV2,
}

impl Mirrored for (AreaNo, Stock) {
    type Mirror<'a> = AreaStockV2;

    fn mirror(&self) -> AreaStockV2 {
        AreaStockV2 { area: self.0.get(), stock: self.1.mirror() }
    }

    fn restore(mirror: AreaStockV2) -> Result<Self, Invalid> {
        Ok((AreaNo::new(mirror.area), Stock::restore(mirror.stock)?))
    }
}

/// Stock by area, as a slot keeps it.
type AreaStocksV2<'a> = List<'a, (AreaNo, Stock), SmallVec<[(AreaNo, Stock); 1]>>;

/// Seats of one area of a slot that are taken, in ascending order.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct AreaSeatsV2<'a> {
    area: u8,
    #[serde(borrow)]
    held: List<'a, SeatNo>,
    #[serde(borrow)]
    sold: List<'a, SeatNo>,
}

impl Mirrored for (AreaNo, Seating) {
    type Mirror<'a> = AreaSeatsV2<'a>;

    fn mirror(&self) -> AreaSeatsV2<'_> {
        AreaSeatsV2 {
            area: self.0.get(),
            held: List::Owned(self.1.held().collect()),
            sold: List::Owned(self.1.sold().collect()),
        }
    }

    fn restore(mirror: AreaSeatsV2<'_>) -> Result<Self, Invalid> {
        let (held, sold) = (mirror.held.into_owned(), mirror.sold.into_owned());
        if !is_ascending(held.iter()) || !is_ascending(sold.iter()) {
            return Err(Invalid);
        }
        let seating = Seating::restored(&held, &sold).ok_or(Invalid)?;
        Ok((AreaNo::new(mirror.area), seating))
    }
}

/// What the journal says of a [`Slot`]: areas in the slot's own order, counts sorted. Areas of which no
/// seat is taken are left out of the seats.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SlotV2<'a> {
    #[serde(borrow)]
    areas: AreaStocksV2<'a>,
    #[serde(borrow)]
    seats: List<'a, (AreaNo, Seating)>,
    #[serde(borrow)]
    counts: List<'a, Count>,
    is_open: bool,
}

impl Mirrored for Slot {
    type Mirror<'a> = SlotV2<'a>;

    fn mirror(&self) -> SlotV2<'_> {
        let taken = self.seatings().iter().filter(|(_, seating)| !seating.is_untouched());
        let mut seats: Vec<_> = taken.cloned().collect();
        seats.sort_unstable_by_key(|(area, _)| *area);
        SlotV2 {
            areas: List::Borrowed(self.areas()),
            seats: List::Owned(seats),
            counts: List::Owned(self.counters().counts()),
            is_open: self.is_open(),
        }
    }

    fn restore(mirror: SlotV2<'_>) -> Result<Self, Invalid> {
        let areas = mirror.areas.into_owned();
        let mut numbers: Vec<AreaNo> = areas.iter().map(|(area, _)| *area).collect();
        numbers.sort_unstable();
        if !is_ascending(numbers.iter()) {
            return Err(Invalid);
        }
        let seats = mirror.seats.into_owned();
        if !is_ascending(seats.iter().map(|(area, _)| *area)) {
            return Err(Invalid);
        }
        let slot = Self::new(areas, super::limits::counters(mirror.counts)?);
        Ok(slot.with_seatings(seats).with_open(mirror.is_open))
    }
}

impl Mirrored for Pool {
    type Mirror<'a> = StockV2;

    fn mirror(&self) -> StockV2 {
        self.stock().mirror()
    }

    fn restore(mirror: StockV2) -> Result<Self, Invalid> {
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
            let mut bytes = vec![2, areas.len() as u8];
            for &(area, held, sold) in areas {
                super::super::write(&(area, held, sold, 0_u32, 0_u32), &mut bytes);
            }
            // No seats and no counts; open.
            bytes.extend([0, 0, 1]);
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
