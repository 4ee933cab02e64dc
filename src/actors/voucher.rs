//! One supplier's vouchers by code, as a thin shell: what is issued comes from the order actor's
//! records, what is asked comes from callers.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::prelude::*;
use hashbrown::HashMap;
use tokio::sync::oneshot;

use crate::actors::EngineError;
use crate::actors::cold::{ColdStore, LoadError};
use crate::actors::config::EngineConfig;
use crate::actors::handle::VoucherView;
use crate::actors::order::{Describe, OrderActor, VouchersSaved};
use crate::actors::stored::voucher_put;
use crate::domain::order::Order;
use crate::domain::voucher::Voucher;
use crate::schema;
use crate::snapshot::{EntityKind, Entry};
use crate::types::{Lsn, UnixMillis, VoucherCode};

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

type PreviewReply = oneshot::Sender<Result<Option<VoucherView>, EngineError>>;

/// A durable record has issued these.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Issue {
    pub(crate) lsn: Lsn,
    pub(crate) vouchers: Vec<Voucher>,
}

/// What a code is worth.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Preview {
    pub(crate) code: VoucherCode,
    pub(crate) now: UnixMillis,
    pub(crate) reply: PreviewReply,
}

/// The second half of a preview: the order is known, its other vouchers are asked for.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Siblings {
    pub(crate) voucher: Voucher,
    pub(crate) order: Arc<Order>,
    pub(crate) now: UnixMillis,
    pub(crate) reply: PreviewReply,
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

    /// Answers a preview, or fetches the code first.
    fn preview(&mut self, preview: Preview, ctx: &mut Context<Self>) {
        match self.vouchers.get(&preview.code) {
            Some(tracked) => {
                let Preview { now, reply, .. } = preview;
                let voucher = tracked.voucher;
                if voucher.decide_preview(now).is_ok() {
                    self.orders.do_send(Describe { voucher, now, reply });
                } else {
                    let _ = reply.send(Ok(None));
                }
            }
            None => self.fetch(vec![preview.code], Then::Preview(preview), ctx),
        }
    }

    /// Answers a preview whose order is known, or fetches the order's other vouchers first.
    fn siblings(&mut self, siblings: Siblings, ctx: &mut Context<Self>) {
        let Siblings { voucher, order, now, .. } = &siblings;
        let product = |line: u16| order.lines.get(usize::from(line)).map(|line| line.product);
        let same = order.tickets.iter().filter(|t| product(t.line) == Some(voucher.product));
        let (mut usable, mut missing, mut asked_line) = (Vec::new(), Vec::new(), 0);
        for ticket in same {
            match self.vouchers.get(&ticket.code) {
                Some(known) if known.voucher.decide_preview(*now).is_ok() => {
                    usable.push(known.voucher);
                }
                Some(_) => {}
                None => missing.push(ticket.code),
            }
            if ticket.code == voucher.code {
                asked_line = usize::from(ticket.line);
            }
        }
        if !missing.is_empty() {
            self.fetch(missing, Then::Siblings(siblings), ctx);
            return;
        }
        let view =
            VoucherView { order: Arc::clone(order), asked: *voucher, line: asked_line, usable };
        let _ = siblings.reply.send(Ok(Some(view)));
    }

    fn fetch(&self, codes: Vec<VoucherCode>, then: Then, ctx: &mut Context<Self>) {
        let (cold, this) = (self.cold.clone(), ctx.address());
        // Spawned beside the actor: futures inside its context are polled with every message.
        actix_rt::spawn(async move {
            let mut entries = Vec::with_capacity(codes.len());
            for code in codes {
                match cold.load(EntityKind::Voucher, schema::voucher_key(code).into()).await {
                    Ok(entry) => entries.push((code, entry)),
                    Err(error) => return then.fail(&error),
                }
            }
            this.do_send(Fetched { entries, then });
        });
    }

    /// Drops vouchers the snapshots have, oldest first, beyond what is to be kept.
    fn evict(&mut self) {
        while self.vouchers.len() > self.cached_max
            && let Some(code) = self.saved.pop_front()
        {
            self.vouchers.remove(&code);
        }
    }
}

/// What to do once vouchers have been fetched.
enum Then {
    Preview(Preview),
    Siblings(Siblings),
}

impl Then {
    fn fail(self, error: &LoadError) {
        tracing::error!(%error, "vouchers cannot be fetched");
        let reply = match self {
            Self::Preview(preview) => preview.reply,
            Self::Siblings(siblings) => siblings.reply,
        };
        let _ = reply.send(Err(EngineError::Unavailable));
    }
}

/// Vouchers have been fetched from the snapshots.
#[derive(Message)]
#[rtype(result = "()")]
struct Fetched {
    entries: Vec<(VoucherCode, Option<Entry>)>,
    then: Then,
}

impl Actor for VoucherActor {
    type Context = Context<Self>;
}

impl Handler<Issue> for VoucherActor {
    type Result = ();

    fn handle(&mut self, message: Issue, _: &mut Self::Context) {
        for voucher in message.vouchers {
            self.dirty.push_back((message.lsn, voucher.code));
            self.vouchers.insert(voucher.code, Tracked { voucher, lsn: message.lsn });
        }
    }
}

impl Handler<Preview> for VoucherActor {
    type Result = ();

    fn handle(&mut self, preview: Preview, ctx: &mut Self::Context) {
        if self.reading_anew {
            let _ = preview.reply.send(Err(EngineError::Overloaded));
            return;
        }
        self.preview(preview, ctx);
    }
}

impl Handler<Siblings> for VoucherActor {
    type Result = ();

    fn handle(&mut self, siblings: Siblings, ctx: &mut Self::Context) {
        if self.reading_anew {
            let _ = siblings.reply.send(Err(EngineError::Overloaded));
            return;
        }
        self.siblings(siblings, ctx);
    }
}

impl Handler<Fetched> for VoucherActor {
    type Result = ();

    fn handle(&mut self, Fetched { entries, then }: Fetched, ctx: &mut Self::Context) {
        let mut all = true;
        for (code, entry) in entries {
            if self.vouchers.contains_key(&code) {
                continue;
            }
            let Some(entry) = entry else {
                all = false;
                continue;
            };
            match schema::decode_voucher(&entry.payload) {
                Ok(voucher) => {
                    self.vouchers.insert(code, Tracked { voucher, lsn: entry.lsn });
                    self.saved.push_back(code);
                }
                Err(error) => {
                    tracing::error!(%error, "a stored voucher cannot be read");
                    self.cold.report_damage(&error.to_string());
                    all = false;
                }
            }
        }
        match then {
            Then::Preview(preview) if all => self.preview(preview, ctx),
            // There is no such code.
            Then::Preview(preview) => {
                let _ = preview.reply.send(Ok(None));
            }
            Then::Siblings(siblings) if all => self.siblings(siblings, ctx),
            // An order's vouchers are all there or the store is damaged.
            Then::Siblings(siblings) => {
                let _ = siblings.reply.send(Err(EngineError::Unavailable));
            }
        }
    }
}

impl Handler<SaveVouchers> for VoucherActor {
    type Result = ();

    fn handle(&mut self, message: SaveVouchers, _: &mut Self::Context) {
        let mut puts = Vec::with_capacity(message.count.min(self.dirty.len()));
        while puts.len() < message.count
            && let Some((first, code)) = self.dirty.pop_front()
        {
            if let Some(Tracked { voucher, lsn }) = self.vouchers.get(&code) {
                puts.push(voucher_put(voucher, *lsn));
                self.saving.push((first, code));
            }
        }
        let first_dirty = self.dirty.front().map(|(lsn, _)| *lsn);
        self.orders.do_send(VouchersSaved { puts, first_dirty });
    }
}

impl Handler<VouchersKept> for VoucherActor {
    type Result = ();

    fn handle(&mut self, message: VouchersKept, _: &mut Self::Context) {
        if message.saved {
            self.saved.extend(self.saving.drain(..).map(|(_, code)| code));
            self.evict();
            return;
        }
        for unsaved in self.saving.drain(..).rev() {
            self.dirty.push_front(unsaved);
        }
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
