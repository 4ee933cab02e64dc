//! One supplier's vouchers by code, as a thin shell: what is issued comes from the order actor's
//! records, what is asked comes from callers.

use std::collections::VecDeque;

use actix::prelude::*;
use hashbrown::HashMap;
use tokio::sync::oneshot;

use crate::actors::EngineError;
use crate::actors::cold::{ColdStore, LoadError};
use crate::actors::config::EngineConfig;
use crate::actors::handle::FoundVoucher;
use crate::actors::order::{Describe, OrderActor, VouchersEvicted, VouchersSaved};
use crate::domain::voucher::Voucher;
use crate::schema;
use crate::snapshot::Entry;
use crate::types::{Lsn, VoucherCode};

/// The actor.
pub(crate) struct VoucherActor {
    orders: Addr<OrderActor>,
    cold: ColdStore,
    vouchers: HashMap<VoucherCode, Tracked>,
    /// Vouchers the snapshots lack, in log order.
    dirty: VecDeque<(Lsn, VoucherCode)>,
    /// The same for those on their way to the snapshots.
    saving: Vec<(Lsn, VoucherCode)>,
    /// Vouchers the snapshots have, oldest first.
    saved: VecDeque<VoucherCode>,
    /// Set while the snapshots are brought up to date: what they lack until then is not unknown.
    reading_anew: bool,
    cached_max: usize,
}

struct Tracked {
    voucher: Voucher,
    lsn: Lsn,
}

type FindReply = oneshot::Sender<Result<Option<FoundVoucher>, EngineError>>;

/// Durable records have issued these, in log order.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Issue(pub(crate) Vec<(Lsn, Voucher)>);

/// What a code stands for, and how its order is.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Find {
    pub(crate) code: VoucherCode,
    pub(crate) reply: FindReply,
}

/// Asks for up to `count` changed vouchers, oldest change first.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct SaveVouchers {
    pub(crate) count: usize,
}

/// What was last asked for has reached the snapshots, or has not.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct VouchersKept {
    pub(crate) saved: bool,
}

/// Asks to drop up to `count` vouchers that need not be kept.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct EvictVouchers {
    pub(crate) count: usize,
}

/// Drops everything: the state is to be read anew.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Forget;

/// The snapshots have everything that [`Forget`] dropped.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Resume;

impl VoucherActor {
    pub(crate) fn new(
        orders: Addr<OrderActor>,
        cold: ColdStore,
        config: &EngineConfig,
        ctx: &mut Context<Self>,
    ) -> Self {
        ctx.set_mailbox_capacity(config.mailbox_len_max);
        Self {
            orders,
            cold,
            vouchers: HashMap::new(),
            dirty: VecDeque::new(),
            saving: Vec::new(),
            saved: VecDeque::new(),
            reading_anew: false,
            cached_max: config.vouchers_cached_max,
        }
    }

    /// Sends the question on to the code's order, or fetches the code first.
    fn find(&mut self, find: Find, ctx: &mut Context<Self>) {
        match self.vouchers.get(&find.code) {
            Some(tracked) => {
                let (voucher, reply) = (tracked.voucher, find.reply);
                self.orders.do_send(Describe { voucher, reply });
            }
            None => self.fetch(find, ctx),
        }
    }

    fn fetch(&self, find: Find, ctx: &mut Context<Self>) {
        let load = self.cold.load_voucher(find.code);
        let this = ctx.address();
        // Spawned beside the actor: futures inside its context are polled with every message.
        actix_rt::spawn(async move {
            let entry = load.await;
            this.do_send(Fetched { entry, find });
        });
    }

    /// Drops up to `count` vouchers the snapshots have, oldest first, beyond what is to be kept. Says whether
    /// there are more of these.
    fn evict(&mut self, count: usize) -> bool {
        for _ in 0..count {
            if self.vouchers.len() <= self.cached_max {
                return false;
            }
            let Some(code) = self.saved.pop_front() else { return false };
            self.vouchers.remove(&code);
        }
        self.vouchers.len() > self.cached_max && !self.saved.is_empty()
    }
}

/// A voucher has been fetched from the snapshots, or not.
#[derive(Message)]
#[rtype(result = "()")]
struct Fetched {
    entry: Result<Option<Entry>, LoadError>,
    find: Find,
}

impl Actor for VoucherActor {
    type Context = Context<Self>;
}

impl Handler<Issue> for VoucherActor {
    type Result = ();

    fn handle(&mut self, message: Issue, _: &mut Self::Context) {
        for (lsn, voucher) in message.0 {
            self.dirty.push_back((lsn, voucher.code));
            self.vouchers.insert(voucher.code, Tracked { voucher, lsn });
        }
    }
}

impl Handler<Find> for VoucherActor {
    type Result = ();

    fn handle(&mut self, find: Find, ctx: &mut Self::Context) {
        if self.reading_anew {
            let _ = find.reply.send(Err(EngineError::Overloaded));
            return;
        }
        self.find(find, ctx);
    }
}

impl Handler<Fetched> for VoucherActor {
    type Result = ();

    fn handle(&mut self, Fetched { entry, find }: Fetched, ctx: &mut Self::Context) {
        let known = self.vouchers.contains_key(&find.code);
        let answer = match entry {
            _ if known => None,
            Ok(None) => Some(Ok(None)),
            Ok(Some(entry)) => match schema::decode_voucher(&entry.payload) {
                Ok(voucher) => {
                    self.vouchers.insert(find.code, Tracked { voucher, lsn: entry.lsn });
                    self.saved.push_back(find.code);
                    None
                }
                Err(error) => {
                    tracing::error!(%error, "a stored voucher cannot be read");
                    self.cold.report_damage(&error.to_string());
                    Some(Err(EngineError::Unavailable))
                }
            },
            Err(error) => {
                tracing::error!(%error, "a voucher cannot be fetched");
                Some(Err(EngineError::Unavailable))
            }
        };
        match answer {
            None => self.find(find, ctx),
            Some(answer) => {
                let _ = find.reply.send(answer);
            }
        }
    }
}

impl Handler<SaveVouchers> for VoucherActor {
    type Result = ();

    fn handle(&mut self, message: SaveVouchers, _: &mut Self::Context) {
        let mut vouchers = Vec::with_capacity(message.count.min(self.dirty.len()));
        while vouchers.len() < message.count
            && let Some((first, code)) = self.dirty.pop_front()
        {
            if let Some(Tracked { voucher, lsn }) = self.vouchers.get(&code) {
                vouchers.push((*voucher, *lsn));
                self.saving.push((first, code));
            }
        }
        let first_dirty = self.dirty.front().map(|(lsn, _)| *lsn);
        self.orders.do_send(VouchersSaved { vouchers, first_dirty });
    }
}

impl Handler<VouchersKept> for VoucherActor {
    type Result = ();

    fn handle(&mut self, message: VouchersKept, _: &mut Self::Context) {
        if message.saved {
            self.saved.extend(self.saving.drain(..).map(|(_, code)| code));
            return;
        }
        for unsaved in self.saving.drain(..).rev() {
            self.dirty.push_front(unsaved);
        }
    }
}

impl Handler<EvictVouchers> for VoucherActor {
    type Result = ();

    fn handle(&mut self, message: EvictVouchers, _: &mut Self::Context) {
        let more = self.evict(message.count);
        self.orders.do_send(VouchersEvicted { more });
    }
}

impl Handler<Forget> for VoucherActor {
    type Result = ();

    fn handle(&mut self, _: Forget, _: &mut Self::Context) {
        self.reading_anew = true;
        self.vouchers.clear();
        self.dirty.clear();
        self.saving.clear();
        self.saved.clear();
    }
}

impl Handler<Resume> for VoucherActor {
    type Result = ();

    fn handle(&mut self, _: Resume, _: &mut Self::Context) {
        self.reading_anew = false;
    }
}
