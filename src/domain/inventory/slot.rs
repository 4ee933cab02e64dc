//! One product on one date in one timespan.

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::domain::inventory::{Capacity, SlotError, SlotEvent, Stock};
use crate::domain::limits::{Claim, Counters};
use crate::types::{AreaNo, HoldId, Quantity};

/// Places wanted in one area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Take {
    /// The area, [`AreaNo::NONE`] where the product has none.
    pub area: AreaNo,
    /// How many places.
    pub quantity: Quantity,
}

/// Asks a slot to keep places, and counts of the limits whose window it is, for one checkout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceHold {
    /// Places, at most one entry an area.
    pub takes: SmallVec<[Take; 1]>,
    /// Limit counts, at most one entry a rule and identity.
    pub claims: SmallVec<[Claim; 2]>,
}

/// Stock by area, the limit counters of this slot, and the checkouts in flight.
#[derive(Clone, Debug)]
pub struct Slot {
    areas: SmallVec<[(AreaNo, Stock); 1]>,
    counters: Counters,
    holds: HashMap<HoldId, PlaceHold>,
}

impl Slot {
    /// A slot with this stock, these counters and nothing in flight.
    #[must_use]
    pub fn new(areas: SmallVec<[(AreaNo, Stock); 1]>, counters: Counters) -> Self {
        Self { areas, counters, holds: HashMap::new() }
    }

    /// Stock by area.
    #[must_use]
    pub fn areas(&self) -> &[(AreaNo, Stock)] {
        &self.areas
    }

    /// Stock by area, to give it the capacity the catalogue has now.
    pub fn areas_mut(&mut self) -> &mut [(AreaNo, Stock)] {
        &mut self.areas
    }

    /// Gives an area the capacity the catalogue has now. An area the slot does not have yet begins
    /// untouched: replay only knows those in which something happened.
    pub fn set_capacity(&mut self, area: AreaNo, capacity: Capacity, allowance: Quantity) {
        self.stock_or_insert(area).set_capacity(capacity, allowance);
    }

    /// The counters of the limits whose window is this slot.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Decides whether everything `command` asks for can be held together.
    ///
    /// # Errors
    /// The first that fits, in the order [`SlotError`] lists them.
    pub fn decide(&self, command: &PlaceHold) -> Result<(), SlotError> {
        for take in &command.takes {
            let stock = self.stock(take.area).ok_or(SlotError::UnknownArea(take.area))?;
            stock
                .decide_take(take.quantity)
                .map_err(|sold_out| SlotError::SoldOut { area: take.area, sold_out })?;
        }
        self.counters.decide(&command.claims)?;
        Ok(())
    }

    /// Keeps what was decided for a checkout. Repeating it changes nothing.
    pub fn hold(&mut self, hold: HoldId, command: PlaceHold) {
        if self.holds.contains_key(&hold) {
            return;
        }
        for take in &command.takes {
            if let Some(stock) = self.stock_mut(take.area) {
                stock.pend(take.quantity);
            }
        }
        self.counters.pend(&command.claims);
        self.holds.insert(hold, command);
    }

    /// Lets a checkout's places and counts go. Repeating it changes nothing.
    pub fn release(&mut self, hold: HoldId) {
        let Some(command) = self.holds.remove(&hold) else { return };
        for take in &command.takes {
            if let Some(stock) = self.stock_mut(take.area) {
                stock.unpend(take.quantity);
            }
        }
        self.counters.unpend(&command.claims);
    }

    /// Whether no checkout is in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.holds.is_empty()
    }

    /// Makes a journalled change true and ends the hold that led to it, if this process made it.
    pub fn apply(&mut self, hold: Option<HoldId>, event: &SlotEvent) {
        if let Some(hold) = hold {
            self.release(hold);
        }
        for change in &event.areas {
            self.stock_or_insert(change.area).apply(change.stock);
        }
        self.counters.apply(&event.counters);
    }

    fn stock(&self, area: AreaNo) -> Option<&Stock> {
        self.areas.iter().find(|(no, _)| *no == area).map(|(_, stock)| stock)
    }

    fn stock_mut(&mut self, area: AreaNo) -> Option<&mut Stock> {
        self.areas.iter_mut().find(|(no, _)| *no == area).map(|(_, stock)| stock)
    }

    /// The journal may know an area the catalogue has dropped since; its sales still count.
    fn stock_or_insert(&mut self, area: AreaNo) -> &mut Stock {
        let index = self.areas.iter().position(|(no, _)| *no == area).unwrap_or_else(|| {
            let gone = Capacity::Limited(Quantity::ZERO);
            self.areas.push((area, Stock::new(gone, Quantity::ZERO)));
            self.areas.len() - 1
        });
        &mut self.areas[index].1
    }
}
