//! One supplier's order actor: serialises what happens under a request key or to an order, drives the
//! checkout machine, appends its records and applies them when they are durable.
//!
//! It owns the directory of the supplier's participants and its orders; it decides nothing itself.

mod after_sale;
mod cache;
mod checkpoint;
mod commit;
mod drive;
mod expiry;
mod rebuild;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use actix::prelude::*;
use hashbrown::HashMap;
use tokio::sync::oneshot;

use crate::actors::EngineError;
use crate::actors::account::ReadAccount;
use crate::actors::callback::Hub;
use crate::actors::catalogue::CatalogueSlot;
use crate::actors::cold::ColdStore;
use crate::actors::config::EngineConfig;
use crate::actors::directory::{Directory, Surroundings};
use crate::actors::gate::InFlight;
use crate::actors::look::Look;
use crate::actors::participant::Answer;
use crate::actors::record::Record;
use crate::actors::recovery::Rebuilder;
use crate::actors::request_keys::{KeyClaim, KeyFingerprint, RequestKeys};
use crate::actors::stored::Open;
use crate::actors::voucher::VoucherActor;
use crate::clock::SharedClock;
use crate::domain::account::{AccountChange, AccountKey};
use crate::domain::order::{
    CloseReason, NoticeKind, NoticeOutcome, Order, OrderError, PayDecision, RefundSelection,
    ReverseSelection, UseSelection,
};
use crate::engine::Rejection;
use crate::engine::admission::Admitted;
use crate::engine::checkout::{NewOrder, Purpose, check_time_to_pay};
use crate::engine::ids::Numbers;
use crate::engine::operator::{Operator, StockCommand};
use crate::engine::transaction::{Payment, Transaction};
use crate::journal::JournalHandle;
use crate::metrics::Metrics;
use crate::types::{
    AgentNo, HoldId, Lsn, OrderId, PartitionNo, RequestKey, SupplierNo, UnixMillis,
};
use crate::vault::CodeMint;

pub(crate) use cache::{Describe, WhoseTicket};
pub(crate) use checkpoint::{Drain, VouchersEvicted, VouchersSaved};
pub(crate) use commit::{Committed, JournalFailed, TooLarge};

use cache::OrderCache;
use checkpoint::Checkpoint;
use drive::Running;
use expiry::{Expiries, Expiring};

/// What a caller wants.
#[derive(Debug)]
pub(crate) enum Command {
    /// Whether an order would be granted.
    Verify { admitted: Box<Admitted>, year: i16 },
    /// Place an order and pay it.
    Sell { order: Box<NewOrder>, payment: Payment },
    /// Place an order to be paid later.
    Place { order: Box<NewOrder> },
    /// The outcome of whatever is under way under the request's key.
    Await,
    /// What an order known by its request key has come to; pay it if it is unpaid and a payment is
    /// given.
    Resume { order: OrderId, payment: Option<Payment> },
    /// Pay a held order.
    Pay { order: OrderId, payment: Payment },
    /// Give a held order up.
    Cancel { order: OrderId },
    /// How an order stands.
    Query { order: OrderId },
    /// Do to an account what an operator asks.
    ChangeAccount { account: AccountKey, change: AccountChange },
    /// Keep a held order's places for longer.
    Extend { order: OrderId, until: UnixMillis },
    /// Give tickets back.
    Refund { order: OrderId, selection: RefundSelection, request: Option<RequestKey> },
    /// Use tickets.
    Redeem { order: OrderId, by: Box<str>, request: RequestKey, selection: UseSelection },
    /// Take a use back.
    Reverse { order: OrderId, by: Box<str>, request: RequestKey, selection: ReverseSelection },
    /// A notice has ended.
    Settle { order: OrderId, no: u16, outcome: NoticeOutcome },
    /// Tell the agent again.
    TellAgain { order: OrderId, kind: NoticeKind, about: u64 },
    /// Change stock for an operator.
    Adjust(StockCommand),
}

impl Command {
    /// The order that a command is about, for those that are about one that was placed before.
    const fn order(&self) -> Option<OrderId> {
        match self {
            Self::Resume { order, .. }
            | Self::Pay { order, .. }
            | Self::Cancel { order }
            | Self::Query { order }
            | Self::Extend { order, .. }
            | Self::Refund { order, .. }
            | Self::Redeem { order, .. }
            | Self::Reverse { order, .. }
            | Self::Settle { order, .. }
            | Self::TellAgain { order, .. } => Some(*order),
            Self::Verify { .. }
            | Self::Sell { .. }
            | Self::Place { .. }
            | Self::Await
            | Self::Adjust(_)
            | Self::ChangeAccount { .. } => None,
        }
    }
}

/// What a caller gets.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// The order, whether made now or before.
    Order(Arc<Order>),
    /// The order as it stands: what was asked for had been done before.
    Unchanged(Arc<Order>),
    /// The order would be granted, or the account was changed.
    Done,
    /// Nothing is known here under the key; ask where the request itself belongs.
    NotHere,
}

/// A caller's command.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Submit {
    pub(crate) command: Command,
    pub(crate) asker: Asker,
    /// The operator it is done for, whom its record names.
    pub(crate) operator: Option<Arc<Operator>>,
    /// The request key's claim, for commands that have one.
    pub(crate) claim: Option<KeyClaim>,
    /// Room taken in the gate, given back when the command ends.
    pub(crate) _in_flight: InFlight,
    pub(crate) reply: oneshot::Sender<Result<Reply, EngineError>>,
}

/// Who asks, and so about whose orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// An agent: its own.
    Agent(AgentNo),
    /// The house: an operator, a gate or the channel a code was sold through. Any.
    House,
}

impl Asker {
    /// Whether it may know of an order of `agent`.
    fn may_see(self, agent: AgentNo) -> bool {
        match self {
            Self::Agent(asker) => asker == agent,
            Self::House => true,
        }
    }
}

/// The catalogue has changed.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct CatalogueChanged;

/// Everything an order actor is given at its start.
#[derive(Clone)]
pub(crate) struct OrderContext {
    pub(crate) supplier: SupplierNo,
    /// The supplier's public id, for measurements.
    pub(crate) supplier_id: Box<str>,
    pub(crate) partition: PartitionNo,
    /// Lane of the supplier's voucher codes and the last number used in it.
    pub(crate) lane: (PartitionNo, Arc<AtomicU64>),
    pub(crate) config: EngineConfig,
    pub(crate) clock: SharedClock,
    pub(crate) catalogue: CatalogueSlot,
    pub(crate) journal: JournalHandle<Record>,
    pub(crate) cold: ColdStore,
    pub(crate) request_keys: RequestKeys,
    pub(crate) mint: Arc<CodeMint>,
    pub(crate) metrics: Metrics,
    pub(crate) callbacks: Hub,
    pub(crate) rebuilder: Rebuilder,
    /// Position of the supplier's numbers as recovered.
    pub(crate) numbers: u64,
    /// Orders of which something is still to come, as recovered.
    pub(crate) open: Vec<(OrderId, Open)>,
}

/// The actor.
pub(crate) struct OrderActor {
    context: OrderContext,
    directory: Directory,
    vouchers: Addr<VoucherActor>,
    orders: OrderCache,
    expiries: Expiries,
    expiring: Expiring,
    checkpoint: Checkpoint,
    numbers: Numbers,
    next_hold: u64,
    /// Commands under way. Boxed, as they are large and the map moves what it holds.
    running: HashMap<HoldId, Box<Running>>,
    /// Participants' answers that were there at once, to be taken before the message at hand ends.
    answers: VecDeque<Answer>,
    /// Requests that wait for the one under way with their key.
    keys: HashMap<KeyFingerprint, Vec<Submit>>,
    /// Requests that wait for the one under way with their order.
    locks: HashMap<OrderId, Vec<Submit>>,
    /// Records appended and not delivered yet.
    appended: usize,
    /// The last record applied.
    applied: Lsn,
    /// Whether the snapshots had every voucher when the voucher actor last said.
    vouchers_are_clean: bool,
    /// Set by a fault until the supplier's state has been read anew.
    rebuilding: bool,
    /// Whether a rebuild has come to reading the journal.
    reading_anew: bool,
}

impl OrderActor {
    /// Makes the actor inside its context. Its voucher actor is started beside it.
    pub(crate) fn new(context: OrderContext, ctx: &mut Context<Self>) -> Self {
        ctx.set_mailbox_capacity(context.config.mailbox_len_max);
        let orders = ctx.address();
        let directory = Directory::new(Surroundings {
            orders: orders.clone(),
            cold: context.cold.clone(),
            catalogue: context.catalogue.load(),
        });
        let (cold, config) = (context.cold.clone(), context.config.clone());
        let vouchers = VoucherActor::create(|ctx| VoucherActor::new(orders, cold, &config, ctx));
        let mut numbers = Numbers::new(context.supplier);
        numbers.resume(context.numbers);
        Self {
            directory,
            vouchers,
            orders: OrderCache::new(context.config.orders_cached_max),
            expiries: Expiries::new(unpaid(&context.open)),
            expiring: Expiring::default(),
            checkpoint: Checkpoint::default(),
            numbers,
            next_hold: 0,
            running: HashMap::new(),
            answers: VecDeque::new(),
            keys: HashMap::new(),
            locks: HashMap::new(),
            appended: 0,
            applied: Lsn::ZERO,
            vouchers_are_clean: true,
            rebuilding: false,
            reading_anew: false,
            context,
        }
    }

    /// The supplier's voucher actor.
    pub(crate) fn vouchers(&self) -> Addr<VoucherActor> {
        self.vouchers.clone()
    }

    /// Takes a command as far as it goes without waiting.
    fn dispatch(&mut self, submit: Submit, ctx: &mut Context<Self>) {
        if self.rebuilding {
            submit.answer(Err(EngineError::Overloaded));
            return;
        }
        if let Some(claim) = &submit.claim {
            let key = claim.fingerprint();
            if let Some(waiting) = self.keys.get_mut(&key) {
                waiting.push(submit);
                return;
            }
            if let Some(order) = self.context.request_keys.order(key) {
                self.resume_known(order, submit, ctx);
                return;
            }
        }
        match &submit.command {
            Command::Verify { .. }
            | Command::Sell { .. }
            | Command::Place { .. }
            | Command::Adjust(_)
            | Command::ChangeAccount { .. } => self.begin_new(submit),
            Command::Await => submit.answer(Ok(Reply::NotHere)),
            other => {
                if let Some(order) = other.order() {
                    self.with_order(order, submit, ctx);
                }
            }
        }
    }

    /// The key has an order by now: whatever the request says, it is about that one.
    fn resume_known(&mut self, order: OrderId, mut submit: Submit, ctx: &mut Context<Self>) {
        let payment = match &submit.command {
            Command::Sell { payment, .. } => Some(*payment),
            Command::Resume { payment, .. } => *payment,
            _ => None,
        };
        submit.command = Command::Resume { order, payment };
        submit.claim = None;
        self.with_order(order, submit, ctx);
    }

    /// Begins a checkout for a request that is not about an order there is.
    fn begin_new(&mut self, mut submit: Submit) {
        let command = std::mem::replace(&mut submit.command, Command::Await);
        let purpose = match command {
            Command::Verify { admitted, year } => Purpose::Verify { admitted, year },
            Command::Sell { order, payment } => Purpose::Sell { order, payment },
            Command::Place { order } => Purpose::Place { order },
            Command::Adjust(command) => {
                Purpose::Adjust { supplier: self.context.supplier, command }
            }
            Command::ChangeAccount { account, change } => {
                Purpose::ChangeAccount { account, change }
            }
            _ => return submit.answer(Ok(Reply::NotHere)),
        };
        let supplier = match &purpose {
            Purpose::Verify { admitted, .. } => admitted.supplier_no(),
            Purpose::Sell { order, .. } | Purpose::Place { order } => order.admitted.supplier_no(),
            Purpose::Pay { order, .. } | Purpose::Refund { order, .. } => order.supplier,
            Purpose::Adjust { supplier, .. } => *supplier,
            Purpose::ChangeAccount { account, .. } => account.supplier,
        };
        if supplier != self.context.supplier {
            // The key brought it here and has come to nothing meanwhile.
            return submit.answer(Ok(Reply::NotHere));
        }
        self.begin(purpose, submit, None);
    }

    /// Carries out a command about an order that is in memory.
    fn on_order(&mut self, order: &Arc<Order>, mut submit: Submit) {
        if !submit.asker.may_see(order.agent) {
            return submit.answer(Err(Rejection::UnknownOrder.into()));
        }
        if let Some(waiting) = self.locks.get_mut(&order.id)
            && !matches!(submit.command, Command::Query { .. })
        {
            waiting.push(submit);
            return;
        }
        match std::mem::replace(&mut submit.command, Command::Await) {
            Command::Resume { payment: Some(payment), .. } | Command::Pay { payment, .. } => {
                match order.decide_pay() {
                    Ok(places) => self.begin_payment(order, payment, places, submit),
                    // What it has come to is the answer, and the caller's protocol judges it.
                    Err(OrderError::AlreadyPaid | OrderError::Closed(_)) => {
                        submit.answer(Ok(Reply::Unchanged(Arc::clone(order))));
                    }
                }
            }
            Command::Cancel { .. } => match order.decide_close() {
                Ok(()) => self.begin_close(order, CloseReason::Cancelled, Some(submit)),
                Err(OrderError::Closed(_)) => {
                    submit.answer(Ok(Reply::Unchanged(Arc::clone(order))));
                }
                Err(error) => submit.answer(Err(Rejection::from(error).into())),
            },
            Command::Extend { until, .. } => self.begin_extension(order, until, submit),
            Command::Refund { selection, request, .. } => {
                self.begin_refund(order, &selection, request, submit);
            }
            Command::Redeem { by, request, selection, .. } => {
                self.begin_redemption(order, by, request, &selection, submit);
            }
            Command::Reverse { by, request, selection, .. } => {
                self.begin_reversal(order, by, request, selection, submit);
            }
            Command::Settle { no, outcome, .. } => self.begin_settling(order, no, outcome, submit),
            Command::TellAgain { kind, about, .. } => {
                let now = self.context.clock.now();
                let told = Transaction::tell_again(order, kind, about, now);
                self.begin_record(order.id, told, Some(submit));
            }
            _ => submit.answer(Ok(Reply::Order(Arc::clone(order)))),
        }
    }

    fn begin_payment(
        &mut self,
        order: &Arc<Order>,
        payment: Payment,
        places: PayDecision,
        submit: Submit,
    ) {
        let (catalogue, now) = (self.context.catalogue.load(), self.context.clock.now());
        if let Err(rejection) = check_time_to_pay(order, places, &catalogue, now) {
            return submit.answer(Err(rejection.into()));
        }
        let id = order.id;
        let order = Box::new(Order::clone(order));
        self.begin(Purpose::Pay { order, payment, places }, submit, Some(id));
    }
}

/// Unpaid orders among those of which something is still to come, with when their time is up.
fn unpaid(open: &[(OrderId, Open)]) -> impl Iterator<Item = (UnixMillis, OrderId)> {
    open.iter().filter_map(|(order, open)| open.expires_at.map(|at| (at, *order)))
}

impl Submit {
    /// Answers the caller, who may have gone, and makes room.
    fn answer(self, reply: Result<Reply, EngineError>) {
        let Self { reply: sender, _in_flight: in_flight, .. } = self;
        // Room is made before the caller hears, who may call again at once.
        drop(in_flight);
        let _ = sender.send(reply);
    }
}

impl Actor for OrderActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let tick = Duration::from_millis(self.context.config.tick_ms);
        ctx.run_interval(tick, |actor, ctx| actor.guarded(ctx, Self::tick));
    }
}

impl Handler<Submit> for OrderActor {
    type Result = ();

    fn handle(&mut self, submit: Submit, ctx: &mut Self::Context) {
        self.guarded(ctx, |actor, ctx| actor.dispatch(submit, ctx));
    }
}

impl Handler<ReadAccount> for OrderActor {
    type Result = ();

    fn handle(&mut self, message: ReadAccount, _: &mut Self::Context) {
        if self.rebuilding {
            let _ = message.reply.send(Err(EngineError::Overloaded));
            return;
        }
        self.directory.read_account(message, self.context.clock.now());
    }
}

impl Handler<Look> for OrderActor {
    type Result = ();

    fn handle(&mut self, look: Look, _: &mut Self::Context) {
        // While the state is read anew nobody knows it; whoever looks hears of nothing.
        if !self.rebuilding {
            self.directory.look(look);
        }
    }
}

impl Handler<CatalogueChanged> for OrderActor {
    type Result = ();

    fn handle(&mut self, _: CatalogueChanged, _: &mut Self::Context) {
        self.directory.refresh(self.context.catalogue.load());
    }
}
