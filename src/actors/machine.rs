//! What a participant's shell needs of the machine inside it, and the four machines that have it.

use smallvec::SmallVec;

use crate::actors::runs::RunCodec;
use crate::domain::account::{
    Account, AccountChange, AccountKey, AccountNote, Balance, BalanceShort, Postings, ReserveMoney,
};
use crate::domain::catalogue::Catalogue;
use crate::domain::inventory::{
    Adjustment, PlaceHold, Pool, PoolKey, Slot, SlotEvent, Stock, StockEvent,
};
use crate::domain::limits::{Claim, CounterEvent, Counters, LimitKey, LimitShard};
use crate::engine::explain::Facts;
use crate::engine::plan::{Grant, Refusal};
use crate::engine::state::{pool_capacity, set_capacity, set_seat_maps};
use crate::schema::{self, Counting, SchemaError};
use crate::snapshot::EntityKind;
use crate::types::{AreaNo, Fen, HoldId, Quantity, SlotKey};

/// A pure state machine that can grant a part of an order.
pub(crate) trait Machine: Send + Sized + Unpin + 'static {
    /// Names one machine of this kind.
    type Key: Copy + Eq + std::hash::Hash + std::fmt::Debug + Send + Unpin + 'static;
    /// What may be asked of it.
    type Ask: Send + 'static;
    /// What may happen to it.
    type Event: Send + 'static;

    /// How the snapshots call it.
    const KIND: EntityKind;

    /// How it is saved as a chain, if it has many counters.
    const RUNS: Option<RunCodec<Self>> = None;

    /// The machine before any event.
    fn untouched(key: Self::Key, catalogue: &Catalogue) -> Self;
    /// What it decides `ask` by.
    fn facts(&self, ask: Option<&Self::Ask>) -> Facts;
    /// Whether `ask` could be granted.
    fn decide(&self, ask: &Self::Ask) -> Result<(), Refusal>;
    /// Keeps what was decided, and says what it adds to its yes.
    fn hold(&mut self, hold: HoldId, ask: Self::Ask) -> Grant;
    /// Lets it go.
    fn release(&mut self, hold: HoldId);
    /// Makes a journalled event true.
    fn apply(&mut self, hold: Option<HoldId>, event: &Self::Event);
    /// Whether no checkout is in flight.
    fn is_idle(&self) -> bool;
    /// Takes over what the catalogue says now.
    fn refresh(&mut self, key: Self::Key, catalogue: &Catalogue);
    /// Its key in the snapshots.
    fn store_key(key: Self::Key) -> Box<[u8]>;
    /// Its state for the snapshots.
    fn encode(&self, out: &mut Vec<u8>);
    /// Its state from the snapshots.
    fn decode(payload: &[u8]) -> Result<Self, SchemaError>;
}

/// What a slot may be asked.
#[derive(Clone, Debug)]
pub(crate) enum SlotAsk {
    /// Places and counts for an order.
    Hold(PlaceHold),
    /// An operator's adjustment of an area.
    Adjust(AreaNo, Adjustment),
    /// To begin or to cease to sell, which needs nothing.
    SetOpen,
}

/// What a pool may be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PoolAsk {
    /// Places for an order.
    Hold(Quantity),
    /// An operator's adjustment.
    Adjust(Adjustment),
}

impl Machine for Slot {
    type Key = SlotKey;
    type Ask = SlotAsk;
    type Event = SlotEvent;

    const KIND: EntityKind = EntityKind::Slot;
    const RUNS: Option<RunCodec<Self>> = Some(RunCodec {
        counters: Self::counters_mut,
        rest: Self::without_counters,
        encode: schema::encode_slot_run,
        decode: schema::decode_slot_run,
        advance: <Self as Counting>::advance,
    });

    fn untouched(key: SlotKey, catalogue: &Catalogue) -> Self {
        let offered = catalogue.slot_capacity(key).into_iter();
        let areas =
            offered.map(|(area, capacity, allowance)| (area, Stock::new(capacity, allowance)));
        let mut slot = Self::new(areas.collect(), Counters::default());
        set_seat_maps(&mut slot, key, catalogue);
        slot
    }

    fn facts(&self, ask: Option<&SlotAsk>) -> Facts {
        let asked = match ask {
            Some(SlotAsk::Hold(command)) => Some(command),
            _ => None,
        };
        Facts::of_slot(self, asked)
    }

    fn decide(&self, ask: &SlotAsk) -> Result<(), Refusal> {
        match ask {
            SlotAsk::Hold(command) => Self::decide(self, command).map_err(Refusal::Slot),
            SlotAsk::Adjust(area, adjustment) => {
                self.decide_adjust(*area, *adjustment).map_err(Refusal::Adjust)
            }
            SlotAsk::SetOpen => Ok(()),
        }
    }

    fn hold(&mut self, hold: HoldId, ask: SlotAsk) -> Grant {
        match ask {
            SlotAsk::Hold(command) => {
                return Grant::of_slot(Self::hold(self, hold, command));
            }
            SlotAsk::Adjust(area, adjustment) => self.hold_adjust(hold, area, adjustment),
            SlotAsk::SetOpen => {}
        }
        Grant::default()
    }

    fn release(&mut self, hold: HoldId) {
        Self::release(self, hold);
    }

    fn apply(&mut self, hold: Option<HoldId>, event: &SlotEvent) {
        Self::apply(self, hold, event);
    }

    fn is_idle(&self) -> bool {
        Self::is_idle(self)
    }

    fn refresh(&mut self, key: SlotKey, catalogue: &Catalogue) {
        set_capacity(self, key, catalogue);
    }

    fn store_key(key: SlotKey) -> Box<[u8]> {
        schema::slot_key(key).into()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        schema::encode_slot(self, out);
    }

    fn decode(payload: &[u8]) -> Result<Self, SchemaError> {
        schema::decode_slot(payload)
    }
}

impl Machine for Pool {
    type Key = PoolKey;
    type Ask = PoolAsk;
    type Event = StockEvent;

    const KIND: EntityKind = EntityKind::Pool;

    fn untouched(key: PoolKey, catalogue: &Catalogue) -> Self {
        let (capacity, allowance) = pool_capacity(key, catalogue);
        Self::new(Stock::new(capacity, allowance))
    }

    fn facts(&self, _: Option<&PoolAsk>) -> Facts {
        Facts::Pool(*self.stock())
    }

    fn decide(&self, ask: &PoolAsk) -> Result<(), Refusal> {
        match *ask {
            PoolAsk::Hold(quantity) => Self::decide(self, quantity).map_err(Refusal::Pool),
            PoolAsk::Adjust(adjustment) => self.decide_adjust(adjustment).map_err(Refusal::Adjust),
        }
    }

    fn hold(&mut self, hold: HoldId, ask: PoolAsk) -> Grant {
        match ask {
            PoolAsk::Hold(quantity) => Self::hold(self, hold, quantity),
            PoolAsk::Adjust(adjustment) => self.hold_adjust(hold, adjustment),
        }
        Grant::default()
    }

    fn release(&mut self, hold: HoldId) {
        Self::release(self, hold);
    }

    fn apply(&mut self, hold: Option<HoldId>, event: &StockEvent) {
        Self::apply(self, hold, *event);
    }

    fn is_idle(&self) -> bool {
        Self::is_idle(self)
    }

    fn refresh(&mut self, key: PoolKey, catalogue: &Catalogue) {
        let (capacity, allowance) = pool_capacity(key, catalogue);
        self.set_capacity(capacity, allowance);
    }

    fn store_key(key: PoolKey) -> Box<[u8]> {
        schema::pool_key(key).into()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        schema::encode_pool(self, out);
    }

    fn decode(payload: &[u8]) -> Result<Self, SchemaError> {
        schema::decode_pool(payload)
    }
}

impl Machine for LimitShard {
    type Key = LimitKey;
    type Ask = SmallVec<[Claim; 2]>;
    type Event = CounterEvent;

    const KIND: EntityKind = EntityKind::Limit;
    const RUNS: Option<RunCodec<Self>> = Some(RunCodec {
        counters: Self::counters_mut,
        rest: |_| Self::default(),
        encode: schema::encode_limit_run,
        decode: schema::decode_limit_run,
        advance: <Self as Counting>::advance,
    });

    fn untouched(_: LimitKey, _: &Catalogue) -> Self {
        Self::default()
    }

    fn facts(&self, ask: Option<&Self::Ask>) -> Facts {
        Facts::of_counters(self.counters(), ask.map_or(&[], |claims| claims))
    }

    fn decide(&self, ask: &Self::Ask) -> Result<(), Refusal> {
        Self::decide(self, ask).map_err(Refusal::Limit)
    }

    fn hold(&mut self, hold: HoldId, ask: Self::Ask) -> Grant {
        Self::hold(self, hold, ask);
        Grant::default()
    }

    fn release(&mut self, hold: HoldId) {
        Self::release(self, hold);
    }

    fn apply(&mut self, hold: Option<HoldId>, event: &CounterEvent) {
        Self::apply(self, hold, event);
    }

    fn is_idle(&self) -> bool {
        Self::is_idle(self)
    }

    fn refresh(&mut self, _: LimitKey, _: &Catalogue) {}

    fn store_key(key: LimitKey) -> Box<[u8]> {
        schema::limit_key(key).into()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        schema::encode_limit(self, out);
    }

    fn decode(payload: &[u8]) -> Result<Self, SchemaError> {
        schema::decode_limit(payload)
    }
}

/// What an account may be asked.
#[derive(Clone, Debug)]
pub(crate) enum MoneyAsk {
    /// This much from this balance.
    Reserve(ReserveMoney),
    /// Whether this much could be had from the prepaid or the rebate balance. Only ever checked.
    Any { year: i16, amount: Fen },
    /// What an operator wants.
    Change(AccountChange),
}

/// What may happen to an account.
#[derive(Clone, Debug)]
pub(crate) enum AccountEvent {
    /// Money moves.
    Moved(Postings),
    /// It is told something else.
    Noted(AccountNote),
}

impl Machine for Account {
    type Key = AccountKey;
    type Ask = MoneyAsk;
    type Event = AccountEvent;

    const KIND: EntityKind = EntityKind::Account;

    fn untouched(_: AccountKey, _: &Catalogue) -> Self {
        Self::default()
    }

    fn facts(&self, _: Option<&MoneyAsk>) -> Facts {
        Facts::of_account(self)
    }

    fn decide(&self, ask: &MoneyAsk) -> Result<(), Refusal> {
        match ask {
            MoneyAsk::Reserve(reserve) => Self::decide(self, reserve).map_err(Refusal::Account),
            MoneyAsk::Any { year, amount } => {
                any_funds(self, *year, *amount).map_err(Refusal::Account)
            }
            MoneyAsk::Change(change) => self.decide_change(change).map_err(Refusal::Booking),
        }
    }

    fn hold(&mut self, hold: HoldId, ask: MoneyAsk) -> Grant {
        match ask {
            MoneyAsk::Reserve(reserve) => Self::hold(self, hold, reserve),
            MoneyAsk::Change(change) => self.hold_change(hold, &change),
            MoneyAsk::Any { .. } => {}
        }
        Grant::default()
    }

    fn release(&mut self, hold: HoldId) {
        Self::release(self, hold);
    }

    fn apply(&mut self, hold: Option<HoldId>, event: &AccountEvent) {
        match event {
            AccountEvent::Moved(postings) => Self::apply(self, hold, postings),
            AccountEvent::Noted(note) => self.note(hold, note),
        }
    }

    fn is_idle(&self) -> bool {
        Self::is_idle(self)
    }

    fn refresh(&mut self, _: AccountKey, _: &Catalogue) {}

    fn store_key(key: AccountKey) -> Box<[u8]> {
        schema::account_key(key).into()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        schema::encode_account(self, out);
    }

    fn decode(payload: &[u8]) -> Result<Self, SchemaError> {
        schema::decode_account(payload)
    }
}

/// Refuses only when neither balance would do, and then by the fuller one.
fn any_funds(account: &Account, year: i16, amount: Fen) -> Result<(), BalanceShort> {
    let prepaid = account.available(Balance::Prepaid);
    let rebate = account.available(Balance::Rebate { year });
    let available = prepaid.max(rebate);
    if available >= amount { Ok(()) } else { Err(BalanceShort { needed: amount, available }) }
}
