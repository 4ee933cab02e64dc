//! The live participants, each behind a mailbox: what slot, pool, limit and account actors will be.
//! They are activated when first asked and passivated when idle.

use std::collections::BTreeMap;

use piaoku::domain::account::{Account, AccountKey, Balance, ReserveMoney};
use piaoku::domain::catalogue::{Catalogue, LimitWindow};
use piaoku::domain::inventory::{Pool, PoolKey, Slot, Stock};
use piaoku::domain::limits::{Claim, Count, Counters, LimitKey, LimitShard, RollingDays};
use piaoku::engine::digest::{self, Digest};
use piaoku::engine::plan::{Ask, Grant, ParticipantKey, Refusal};
use piaoku::engine::state::{State, Tracked, pool_capacity, set_capacity};
use piaoku::engine::transaction::Event;
use piaoku::types::{HoldId, Lsn, ProductNo, Quantity, ServiceDate, SlotKey};

use crate::random::Random;
use crate::shelf::{Shelf, settled_account, settled_limit, settled_pool, settled_slot};
use crate::world;

/// Whether to keep what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Check,
    Hold,
}

/// What is sent to a participant.
#[derive(Clone, Debug)]
pub enum Body {
    /// Asks for a part of a plan, by its index.
    Ask(usize, Mode, Ask),
    Release,
}

#[derive(Clone, Debug)]
pub struct Mail {
    pub hold: HoldId,
    pub to: ParticipantKey,
    pub body: Body,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub hold: HoldId,
    pub index: usize,
    pub result: Result<Grant, Refusal>,
}

#[derive(Debug, Default)]
pub struct Participants {
    slots: BTreeMap<SlotKey, Tracked<Slot>>,
    pools: BTreeMap<PoolKey, Tracked<Pool>>,
    limits: BTreeMap<LimitKey, Tracked<LimitShard>>,
    accounts: BTreeMap<AccountKey, Tracked<Account>>,
    /// Mail on its way. One checkout's mail to one participant keeps its order; all else does not.
    mail: Vec<Mail>,
    /// Answers on their way, in any order.
    answers: Vec<Answer>,
}

impl Participants {
    /// Participants as recovery leaves them.
    pub fn recovered(state: &State) -> Self {
        let mut participants = Self {
            slots: state.slots.iter().map(|(key, slot)| (*key, slot.clone())).collect(),
            pools: state.pools.iter().map(|(key, pool)| (*key, pool.clone())).collect(),
            limits: state.limits.iter().map(|(key, limit)| (*key, limit.clone())).collect(),
            accounts: state.accounts.iter().map(|(key, acc)| (*key, acc.clone())).collect(),
            ..Self::default()
        };
        for (key, slot) in &mut participants.slots {
            set_capacity(&mut slot.value, *key, &state.catalogue);
        }
        for (key, pool) in &mut participants.pools {
            let (capacity, allowance) = pool_capacity(*key, &state.catalogue);
            pool.value.set_capacity(capacity, allowance);
        }
        participants
    }

    pub fn send(&mut self, mail: Mail) {
        self.mail.push(mail);
    }

    pub fn has_mail(&self) -> bool {
        !self.mail.is_empty()
    }

    pub fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// An answer that happens to arrive now.
    pub fn next_answer(&mut self, random: &mut Random) -> Option<Answer> {
        random.take(&mut self.answers)
    }

    /// Some participant reads its next mail.
    pub fn deliver(&mut self, random: &mut Random, catalogue: &Catalogue, shelf: &Shelf) {
        let Some(chosen) = random.pick(&self.mail) else { return };
        let link = (chosen.hold, chosen.to);
        let first = self.mail.iter().position(|mail| (mail.hold, mail.to) == link);
        let Some(Mail { hold, to, body }) = first.map(|index| self.mail.remove(index)) else {
            return;
        };
        self.activate(to, catalogue, shelf);
        match body {
            Body::Release => self.release(hold, to),
            Body::Ask(index, mode, ask) => {
                let result = self.ask(hold, to, mode, ask);
                self.answers.push(Answer { hold, index, result });
            }
        }
    }

    /// Makes one event of a durable record true.
    pub fn apply(
        &mut self,
        lsn: Lsn,
        hold: Option<HoldId>,
        event: &Event,
        catalogue: &Catalogue,
        shelf: &Shelf,
    ) {
        let Some(key) = participant(event) else { return };
        self.activate(key, catalogue, shelf);
        match event {
            Event::Slot(key, event) => {
                let slot = self.slots.get_mut(key).expect("activated");
                slot.value.apply(hold, event);
                slot.lsn = lsn;
            }
            Event::Pool(key, event) => {
                let pool = self.pools.get_mut(key).expect("activated");
                pool.value.apply(hold, *event);
                pool.lsn = lsn;
            }
            Event::Limit(key, event) => {
                let limit = self.limits.get_mut(key).expect("activated");
                limit.value.apply(hold, event);
                limit.lsn = lsn;
            }
            Event::Account(key, postings) => {
                let account = self.accounts.get_mut(key).expect("activated");
                account.value.apply(hold, postings);
                account.lsn = lsn;
            }
            Event::AccountNote(key, note) => {
                let account = self.accounts.get_mut(key).expect("activated");
                account.value.note(hold, note);
                account.lsn = lsn;
            }
            Event::Catalogue(_) | Event::Order(_) | Event::Voucher(_) | Event::Operator(_) => {}
        }
    }

    /// Digest of what events made, wherever it is kept; checkouts in flight do not count.
    pub fn digest(&self, shelf: &Shelf) -> Digest {
        let mut sum = Digest::default();
        for_each(&self.slots, &shelf.slots, |key, slot| sum.add(digest::slot(key, slot)));
        for_each(&self.pools, &shelf.pools, |key, pool| sum.add(digest::pool(key, pool)));
        for_each(&self.limits, &shelf.limits, |key, limit| sum.add(digest::limit(key, limit)));
        for_each(&self.accounts, &shelf.accounts, |key, acc| sum.add(digest::account(key, acc)));
        sum
    }

    /// Whoever still keeps something for a checkout, or has mail.
    pub fn busy(&self, catalogue: &Catalogue) -> Vec<String> {
        let mut busy: Vec<String> = Vec::new();
        for (key, slot) in &self.slots {
            busy.extend(kept_counts(key.product, slot.value.counters(), catalogue));
        }
        for (key, limit) in &self.limits {
            busy.extend(kept_counts(key.product, limit.value.counters(), catalogue));
        }
        let kept = |stock: &Stock| stock.pending() != Quantity::ZERO;
        for (key, slot) in &self.slots {
            let pending = slot.value.areas().iter().any(|(_, stock)| kept(stock));
            if pending || !slot.value.is_idle() {
                busy.push(format!("{key:?}"));
            }
        }
        for (key, pool) in &self.pools {
            if kept(pool.value.stock()) || !pool.value.is_idle() {
                busy.push(format!("{key:?}"));
            }
        }
        let limits = self.limits.iter().filter(|(_, limit)| !limit.value.is_idle());
        busy.extend(limits.map(|(key, _)| format!("{key:?}")));
        let reserved = |account: &Account| {
            // What is above the floor, a credit line or nothing, is all there to be spent.
            account.balances().any(|(balance, sum)| {
                let above = |floor| sum.checked_sub(floor).expect("sums are small");
                account.floor(balance).is_some_and(|it| account.available(balance) != above(it))
            })
        };
        let accounts = self.accounts.iter();
        let accounts = accounts.filter(|(_, acc)| !acc.value.is_idle() || reserved(&acc.value));
        busy.extend(accounts.map(|(key, _)| format!("{key:?}")));
        busy.extend(self.mail.iter().map(|mail| format!("{mail:?}")));
        busy.extend(self.answers.iter().map(|answer| format!("{answer:?}")));
        busy
    }

    /// Writes each participant with a probability of `percent`.
    pub fn store(&self, shelf: &mut Shelf, random: &mut Random, percent: u64) {
        let mut chosen = || random.chance(percent);
        store(&self.slots, &mut shelf.slots, settled_slot, &mut chosen);
        store(&self.pools, &mut shelf.pools, settled_pool, &mut chosen);
        store(&self.limits, &mut shelf.limits, settled_limit, &mut chosen);
        store(&self.accounts, &mut shelf.accounts, settled_account, &mut chosen);
    }

    /// Puts idle participants away, each with a probability of `percent`.
    pub fn passivate(&mut self, shelf: &mut Shelf, random: &mut Random, percent: u64) {
        let mut idle = |idle: bool| idle && random.chance(percent);
        self.slots.retain(|key, slot| {
            keep(&mut shelf.slots, *key, slot, settled_slot, idle(slot.value.is_idle()))
        });
        self.pools.retain(|key, pool| {
            keep(&mut shelf.pools, *key, pool, settled_pool, idle(pool.value.is_idle()))
        });
        self.limits.retain(|key, limit| {
            keep(&mut shelf.limits, *key, limit, settled_limit, idle(limit.value.is_idle()))
        });
        self.accounts.retain(|key, acc| {
            keep(&mut shelf.accounts, *key, acc, settled_account, idle(acc.value.is_idle()))
        });
    }

    fn ask(
        &mut self,
        hold: HoldId,
        to: ParticipantKey,
        mode: Mode,
        ask: Ask,
    ) -> Result<Grant, Refusal> {
        let holds = mode == Mode::Hold;
        match (to, ask) {
            (ParticipantKey::Slot(key), Ask::Slot(command)) => {
                let slot = &mut self.slots.get_mut(&key).expect("activated").value;
                slot.decide(&command).map_err(Refusal::Slot)?;
                if holds {
                    return Ok(Grant::of_slot(slot.hold(hold, command)));
                }
            }
            (ParticipantKey::Pool(key), Ask::Pool(quantity)) => {
                let pool = &mut self.pools.get_mut(&key).expect("activated").value;
                pool.decide(quantity).map_err(Refusal::Pool)?;
                if holds {
                    pool.hold(hold, quantity);
                }
            }
            (ParticipantKey::Limit(key), Ask::Limit(claims)) => {
                let limit = &mut self.limits.get_mut(&key).expect("activated").value;
                limit.decide(&claims).map_err(Refusal::Limit)?;
                if holds {
                    limit.hold(hold, claims);
                }
            }
            (ParticipantKey::Account(key), Ask::Account(command)) => {
                let account = &mut self.accounts.get_mut(&key).expect("activated").value;
                account.decide(&command).map_err(Refusal::Account)?;
                if holds {
                    account.hold(hold, command);
                }
            }
            (ParticipantKey::Account(key), Ask::AnyFunds { year, amount }) => {
                assert_eq!(mode, Mode::Check, "any funds are only ever checked");
                let account = &self.accounts[&key].value;
                let from = |balance| account.decide(&ReserveMoney { balance, amount });
                let rebate = Balance::Rebate { year };
                from(Balance::Prepaid).or_else(|_| from(rebate)).map_err(Refusal::Account)?;
            }
            (ParticipantKey::Account(key), Ask::Change(change)) => {
                let account = &mut self.accounts.get_mut(&key).expect("activated").value;
                account.decide_change(&change).map_err(Refusal::Booking)?;
                if holds {
                    account.hold_change(hold, &change);
                }
            }
            (to, ask) => panic!("{to:?} was asked for {ask:?}"),
        }
        Ok(Grant::default())
    }

    fn release(&mut self, hold: HoldId, to: ParticipantKey) {
        match to {
            ParticipantKey::Slot(key) => {
                self.slots.get_mut(&key).expect("activated").value.release(hold);
            }
            ParticipantKey::Pool(key) => {
                self.pools.get_mut(&key).expect("activated").value.release(hold);
            }
            ParticipantKey::Limit(key) => {
                self.limits.get_mut(&key).expect("activated").value.release(hold);
            }
            ParticipantKey::Account(key) => {
                self.accounts.get_mut(&key).expect("activated").value.release(hold);
            }
        }
    }

    fn activate(&mut self, key: ParticipantKey, catalogue: &Catalogue, shelf: &Shelf) {
        match key {
            ParticipantKey::Slot(key) => {
                self.slots.entry(key).or_insert_with(|| {
                    let empty = || fresh(Slot::new([].into_iter().collect(), Counters::default()));
                    let mut slot = shelf.slots.get(&key).cloned().unwrap_or_else(empty);
                    set_capacity(&mut slot.value, key, catalogue);
                    slot
                });
            }
            ParticipantKey::Pool(key) => {
                self.pools.entry(key).or_insert_with(|| {
                    let (capacity, allowance) = pool_capacity(key, catalogue);
                    let empty = || fresh(Pool::new(Stock::new(capacity, allowance)));
                    let mut pool = shelf.pools.get(&key).cloned().unwrap_or_else(empty);
                    pool.value.set_capacity(capacity, allowance);
                    pool
                });
            }
            ParticipantKey::Limit(key) => {
                let stored = || shelf.limits.get(&key).cloned();
                let empty = || fresh(LimitShard::default());
                self.limits.entry(key).or_insert_with(|| stored().unwrap_or_else(empty));
            }
            ParticipantKey::Account(key) => {
                let stored = || shelf.accounts.get(&key).cloned();
                let empty = || fresh(Account::default());
                self.accounts.entry(key).or_insert_with(|| stored().unwrap_or_else(empty));
            }
        }
    }
}

/// Counts that checkouts keep: whoever is known must get all that is left under each rule.
fn kept_counts(product: ProductNo, counters: &Counters, catalogue: &Catalogue) -> Option<String> {
    let counts = counters.counts();
    let rules = &catalogue.product(product)?.rules.limits;
    let people = world::people();
    rules.iter().flat_map(|rule| people.iter().map(move |person| (rule, *person))).find_map(
        |(rule, identity)| {
            let same = |count: &&Count| (count.rule, count.identity) == (rule.no, identity);
            // Counts of a rolling window are kept by day, and no history here is longer than it.
            let of_person = counts.iter().filter(same).map(|count| count.amount.get());
            let used = Quantity::new(of_person.sum());
            let amount = rule.max.saturating_sub(used);
            let ever = ServiceDate::from_days(0);
            let days = matches!(rule.window, LimitWindow::Rolling { .. })
                .then_some(RollingDays { first: ever, today: ever });
            let claim = Claim { rule: rule.no, identity, amount, max: rule.max, days };
            counters.decide(&[claim]).err().map(|kept| format!("{product}: {kept}"))
        },
    )
}

fn participant(event: &Event) -> Option<ParticipantKey> {
    match event {
        Event::Slot(key, _) => Some(ParticipantKey::Slot(*key)),
        Event::Pool(key, _) => Some(ParticipantKey::Pool(*key)),
        Event::Limit(key, _) => Some(ParticipantKey::Limit(*key)),
        Event::Account(key, _) | Event::AccountNote(key, _) => Some(ParticipantKey::Account(*key)),
        Event::Catalogue(_) | Event::Order(_) | Event::Voucher(_) | Event::Operator(_) => None,
    }
}

fn fresh<T>(value: T) -> Tracked<T> {
    Tracked { value, lsn: Lsn::ZERO }
}

/// Live machines, and those that were put away.
fn for_each<K: Ord + Copy, T>(
    live: &BTreeMap<K, Tracked<T>>,
    stored: &BTreeMap<K, Tracked<T>>,
    mut visit: impl FnMut(K, &T),
) {
    live.iter().for_each(|(key, machine)| visit(*key, &machine.value));
    let away = stored.iter().filter(|(key, _)| !live.contains_key(key));
    away.for_each(|(key, machine)| visit(*key, &machine.value));
}

fn store<K: Ord + Copy, T>(
    live: &BTreeMap<K, Tracked<T>>,
    stored: &mut BTreeMap<K, Tracked<T>>,
    settled: impl Fn(&T) -> T,
    chosen: &mut impl FnMut() -> bool,
) {
    for (key, machine) in live {
        if chosen() {
            stored.insert(*key, Tracked { value: settled(&machine.value), lsn: machine.lsn });
        }
    }
}

/// Writes a machine that is to be put away, and says whether it stays.
fn keep<K: Ord, T>(
    stored: &mut BTreeMap<K, Tracked<T>>,
    key: K,
    machine: &Tracked<T>,
    settled: impl Fn(&T) -> T,
    put_away: bool,
) -> bool {
    if put_away {
        stored.insert(key, Tracked { value: settled(&machine.value), lsn: machine.lsn });
    }
    !put_away
}
