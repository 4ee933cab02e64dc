//! Hash of logical state, whatever its representation: the sum of one hash an entity, so that it does
//! not depend on order, partitioning or on which entities are in memory. An entity that no event
//! touched adds nothing.

use std::fmt;

use crate::domain::account::{Account, AccountKey, Balance, Booked, BookingKind, Holder, Standing};
use crate::domain::catalogue::RebateAt;
use crate::domain::inventory::{Pool, PoolKey, Slot, Stock};
use crate::domain::limits::{Counters, LimitKey, LimitShard, WindowInstance};
use crate::domain::order::{CloseReason, CounterHome, Order, OrderState};
use crate::domain::seats::Seating;
use crate::domain::voucher::Voucher;
use crate::types::{AreaNo, Channel, ServiceDate, SlotKey};

/// Digest of a state or of a part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(u128);

impl Digest {
    /// Adds the digest of another, disjoint part.
    pub fn add(&mut self, part: Self) {
        self.0 = self.0.wrapping_add(part.0);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Digest of one slot.
#[must_use]
pub fn slot(key: SlotKey, slot: &Slot) -> Digest {
    let touched = slot.areas().iter().filter(|(_, stock)| !stock.is_untouched());
    let mut areas: Vec<_> = touched.map(|(area, stock)| (area.get(), *stock)).collect();
    areas.sort_unstable_by_key(|(area, _)| *area);
    let counts = slot.counters().counts();
    // Whoever has a seat has a place, so seats are never all there is.
    if areas.is_empty() && counts.is_empty() && slot.is_open() {
        return Digest::default();
    }
    let mut hash = Canon::new(1);
    hash.slot_key(key);
    hash.number(areas.len() as u64);
    for (area, stock) in areas {
        hash.number(u64::from(area));
        hash.stock(&stock);
        match slot.seating(AreaNo::new(area)) {
            Some(seating) => hash.seats(seating),
            None => hash.seats(&Seating::default()),
        }
    }
    hash.counters(slot.counters());
    hash.number(u64::from(slot.is_open()));
    hash.finish()
}

/// Digest of one pool.
#[must_use]
pub fn pool(key: PoolKey, pool: &Pool) -> Digest {
    if pool.stock().is_untouched() {
        return Digest::default();
    }
    let mut hash = Canon::new(2);
    hash.number(u64::from(key.pool.get()));
    hash.date(key.date);
    hash.number(u64::from(key.timespan.get()));
    hash.stock(pool.stock());
    hash.finish()
}

/// Digest of one shard of limit counters.
#[must_use]
pub fn limit(key: LimitKey, shard: &LimitShard) -> Digest {
    if shard.counters().counts().is_empty() {
        return Digest::default();
    }
    let mut hash = Canon::new(3);
    hash.limit_key(key);
    hash.counters(shard.counters());
    hash.finish()
}

/// Digest of one account.
#[must_use]
pub fn account(key: AccountKey, account: &Account) -> Digest {
    if account.is_untouched() {
        return Digest::default();
    }
    let mut hash = Canon::new(4);
    hash.number(u64::from(key.supplier.get()));
    match key.holder {
        Holder::House => hash.number(0),
        Holder::Agent(agent) => {
            hash.number(1);
            hash.number(u64::from(agent.get()));
        }
    }
    hash.number(account.standings().len() as u64);
    for Standing { balance, recharged, consumed } in account.standings() {
        hash.balance(*balance);
        hash.signed(recharged.get());
        hash.signed(consumed.get());
    }
    hash.signed(account.credit().get());
    for Booked { reference, kind, balance, amount } in account.booked() {
        hash.text(reference.as_str());
        hash.number(match kind {
            BookingKind::TopUp => 1,
            BookingKind::Adjustment => 2,
        });
        hash.balance(*balance);
        hash.signed(amount.get());
    }
    hash.finish()
}

/// Digest of one order.
#[must_use]
pub fn order(order: &Order) -> Digest {
    let mut hash = Canon::new(5);
    hash.number(order.id.get());
    hash.number(u64::from(order.supplier.get()));
    hash.number(u64::from(order.agent.get()));
    hash.number(match order.channel {
        Channel::Ota => 1,
        Channel::Douyin => 2,
        Channel::LocalLife => 3,
        Channel::Console => 4,
    });
    hash.text(order.request_key.as_ref().map_or("", |key| key.as_str()));
    hash.signed(order.placed_at.get());
    hash.number(order.lines.len() as u64);
    for line in &order.lines {
        hash.number(line.id.get());
        hash.text(&line.product_name);
        hash.slot_key(line.slot);
        hash.number(u64::from(line.area.get()));
        hash.number(line.pool.map_or(u64::MAX, |pool| u64::from(pool.get())));
        hash.number(u64::from(line.quantity.get()));
        for amount in [line.unit_price, line.list_price, line.unit_rebate] {
            hash.signed(amount.get());
        }
        hash.number(match line.rebate_at {
            RebateAt::Payment => 1,
            RebateAt::Redemption => 2,
        });
        hash.number(u64::from(line.uses));
        hash.number(line.seats.len() as u64);
        line.seats.iter().for_each(|seat| hash.number(u64::from(seat.get())));
        hash.signed(line.valid_from.get());
        hash.signed(line.valid_until.get());
    }
    hash.number(order.counts.len() as u64);
    for taken in &order.counts {
        hash.number(u64::from(taken.line));
        match taken.home {
            CounterHome::Slot(slot) => hash.slot_key(slot),
            CounterHome::Shard(limit) => hash.limit_key(limit),
        }
        hash.number(u64::from(taken.count.rule.get()));
        hash.wide(taken.count.identity.get());
        hash.number(u64::from(taken.count.amount.get()));
        hash.date(taken.count.day);
    }
    hash.number(u64::from(order.private.key_id));
    hash.bytes(&order.private.bytes);
    hash.signed(order.total.get());
    match &order.state {
        OrderState::Held { expires_at } => {
            hash.number(1);
            hash.signed(expires_at.get());
        }
        OrderState::Paid { from, at } => {
            hash.number(2);
            hash.balance(*from);
            hash.signed(at.get());
        }
        OrderState::Closed { reason, at } => {
            hash.number(match reason {
                CloseReason::Cancelled => 3,
                CloseReason::Expired => 4,
                CloseReason::Refunded => 5,
            });
            hash.signed(at.get());
        }
    }
    for ticket in &order.tickets {
        hash.number(ticket.id.get());
        hash.number(u64::from(ticket.line));
        hash.number(ticket.code.to_number());
        hash.number(u64::from(ticket.used));
        hash.number(u64::from(ticket.refunded));
        hash.signed(ticket.rebate_year.map_or(i64::MIN, i64::from));
    }
    after_sale(&mut hash, order);
    hash.finish()
}

/// Redemptions, refunds and notices.
fn after_sale(hash: &mut Canon, order: &Order) {
    hash.number(order.redemptions.len() as u64);
    for redemption in &order.redemptions {
        hash.number(redemption.no);
        hash.text(&redemption.by);
        hash.text(redemption.request.as_str());
        for used in &redemption.uses {
            hash.number(u64::from(used.ticket));
            hash.number(u64::from(used.uses));
        }
        hash.signed(redemption.at.get());
        if let Some(reversal) = &redemption.reversed {
            hash.text(&reversal.by);
            hash.text(reversal.request.as_str());
            hash.signed(reversal.at.get());
        }
    }
    hash.number(order.refunds.len() as u64);
    for refund in &order.refunds {
        hash.number(refund.batch);
        hash.text(refund.request.as_ref().map_or("", |request| request.as_str()));
        hash.signed(refund.at.get());
        for refunded in &refund.tickets {
            hash.number(u64::from(refunded.ticket));
            hash.signed(refunded.fee.get());
        }
        for amount in [refund.amount, refund.fee, refund.rebate, refund.withheld] {
            hash.signed(amount.get());
        }
    }
    hash.number(u64::from(order.notices_queued));
    for notice in &order.notices {
        hash.number(u64::from(notice.no));
        hash.number(notice.about);
    }
}

/// Digest of one voucher.
#[must_use]
pub fn voucher(voucher: &Voucher) -> Digest {
    let mut hash = Canon::new(6);
    hash.number(voucher.code.to_number());
    hash.number(voucher.number);
    hash.number(voucher.ticket.get());
    hash.number(voucher.order.get());
    hash.number(u64::from(voucher.product.get()));
    hash.number(u64::from(voucher.uses));
    hash.signed(voucher.valid_from.get());
    hash.signed(voucher.valid_until.get());
    hash.finish()
}

/// Canonical bytes of one entity: fixed-width numbers, length-prefixed texts.
struct Canon(blake3::Hasher);

impl Canon {
    fn new(kind: u64) -> Self {
        let mut canon = Self(blake3::Hasher::new());
        canon.number(kind);
        canon
    }

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn signed(&mut self, number: i64) {
        self.0.update(&number.to_le_bytes());
    }

    fn wide(&mut self, number: u128) {
        self.0.update(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn date(&mut self, date: Option<ServiceDate>) {
        // No service date has this number of days, so "none" cannot be mistaken for a day.
        self.signed(date.map_or(i64::MIN, |date| i64::from(date.days())));
    }

    fn slot_key(&mut self, key: SlotKey) {
        self.number(u64::from(key.product.get()));
        self.date(key.date);
        self.number(u64::from(key.timespan.get()));
    }

    fn limit_key(&mut self, key: LimitKey) {
        self.number(u64::from(key.product.get()));
        match key.window {
            WindowInstance::VisitDate(date) => {
                self.number(1);
                self.date(Some(date));
            }
            WindowInstance::OrderDate(date) => {
                self.number(2);
                self.date(Some(date));
            }
            WindowInstance::Lifetime => self.number(3),
            WindowInstance::Week(monday) => {
                self.number(4);
                self.date(Some(monday));
            }
            WindowInstance::Month(first) => {
                self.number(5);
                self.date(Some(first));
            }
            WindowInstance::Rolling => self.number(6),
        }
        self.number(u64::from(key.shard));
    }

    fn balance(&mut self, balance: Balance) {
        match balance {
            Balance::Prepaid => self.number(1),
            Balance::Rebate { year } => {
                self.number(2);
                self.signed(i64::from(year));
            }
            Balance::Receivable => self.number(3),
            Balance::Sales => self.number(4),
            Balance::RebateGranted => self.number(5),
            Balance::Funding => self.number(6),
            Balance::Fees => self.number(7),
        }
    }

    fn stock(&mut self, stock: &Stock) {
        self.number(u64::from(stock.held().get()));
        self.number(u64::from(stock.sold().get()));
        self.number(u64::from(stock.added().get()));
        self.number(u64::from(stock.withdrawn().get()));
    }

    fn seats(&mut self, seating: &Seating) {
        self.number(seating.held().count() as u64);
        seating.held().for_each(|seat| self.number(u64::from(seat.get())));
        self.number(seating.sold().count() as u64);
        seating.sold().for_each(|seat| self.number(u64::from(seat.get())));
    }

    fn counters(&mut self, counters: &Counters) {
        for count in counters.counts() {
            self.number(u64::from(count.rule.get()));
            self.wide(count.identity.get());
            self.number(u64::from(count.amount.get()));
            self.date(count.day);
        }
    }

    fn finish(&self) -> Digest {
        let hash = self.0.finalize();
        let mut first = [0; 16];
        first.copy_from_slice(&hash.as_bytes()[..16]);
        Digest(u128::from_le_bytes(first))
    }
}
