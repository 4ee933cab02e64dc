//! One agent's callbacks: which order's next notice is tried when, what becomes of it, and what is
//! remembered of the attempts. It writes nothing itself: an end is told to the order, whose record it
//! is. How a notice looks and travels is the [`Courier`]'s matter. Source: docs/protocols/ota.md,
//! "Callbacks".
//!
//! Within an order notices go one after another; orders and agents wait for nobody. Whatever is
//! forgotten here is found again: open notices are in their orders, and the snapshots note which.

mod access;
mod config;
mod courier;
mod hub;
mod log;
mod queue;

use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::prelude::*;
use hashbrown::HashMap;

use crate::actors::EngineError;
use crate::actors::handle::{EngineHandle, EngineStatus, Inner, OrderCommand, Owner};
use crate::domain::order::{Notice, NoticeOutcome, Order};
use crate::types::{AgentNo, OrderId, UnixMillis};

pub use config::{CallbackConfig, CallbackConfigError};
pub use courier::{CallbackFailure, Courier, CourierBusy, Parcel, Receipt};
pub(crate) use hub::{Hub, HubParts};
pub use log::{Delivery, DeliveryResult};

use log::DeliveryLog;
use queue::Queue;

/// Milliseconds until the engine or the courier is asked again after it was too busy.
const BUSY_PAUSE_MS: i64 = 500;

/// An order has a notice to deliver.
#[derive(Message)]
#[rtype(result = "()")]
struct Queued {
    order: OrderId,
    /// Whether it is tried now, whatever it waits for.
    at_once: bool,
}

/// An order was looked at, or could not be.
#[derive(Message)]
#[rtype(result = "()")]
struct Looked {
    order: OrderId,
    found: Result<Arc<Order>, EngineError>,
}

/// An attempt has ended.
#[derive(Message)]
#[rtype(result = "()")]
struct Attempted {
    order: OrderId,
    notice: Notice,
    result: Result<(), CallbackFailure>,
}

/// The end of a notice has been recorded, or could not be.
#[derive(Message)]
#[rtype(result = "()")]
struct Settled {
    order: OrderId,
    recorded: Result<Arc<Order>, EngineError>,
}

/// What the callback actors of all agents share.
#[derive(Clone)]
pub(crate) struct CallbackContext {
    config: Arc<CallbackConfig>,
    courier: Arc<dyn Courier>,
    engine: Weak<Inner>,
    log: DeliveryLog,
    /// Milliseconds between looks at whose turn it is.
    tick_ms: u64,
}

/// The actor.
struct CallbackActor {
    agent: AgentNo,
    context: CallbackContext,
    queue: Queue,
    /// Orders being looked at, called about or recorded.
    running: usize,
    /// Attempts in a row that failed, of whichever orders.
    failures: u32,
    /// Notices that have ended without their record yet.
    unrecorded: HashMap<OrderId, (Notice, NoticeOutcome)>,
}

impl CallbackActor {
    fn new(agent: AgentNo, context: CallbackContext) -> Self {
        let queue = Queue::new(context.config.queue_len_max);
        Self { agent, context, queue, running: 0, failures: 0, unrecorded: HashMap::new() }
    }

    /// Orders that may be under way at once. An agent that nothing reaches is tried one call at a time:
    /// it must not keep the courier from others.
    fn running_max(&self) -> usize {
        let max = self.context.config.in_flight_per_agent_max;
        if self.failures as usize >= max { 1 } else { max }
    }

    /// The engine, while it runs and takes commands.
    fn engine(&self) -> Option<EngineHandle> {
        let engine = EngineHandle::new(self.context.engine.upgrade()?);
        (engine.status() == EngineStatus::Ready).then_some(engine)
    }

    /// Begins with as many orders whose turn has come as may be under way.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        let Some(engine) = self.engine() else { return };
        let now = engine.now();
        while self.running < self.running_max()
            && let Some(order) = self.queue.next(now)
        {
            self.running += 1;
            if let Some((notice, outcome)) = self.unrecorded.get(&order).copied() {
                self.settle(&engine, order, notice, outcome, ctx);
                continue;
            }
            let (this, engine) = (ctx.address(), engine.clone());
            actix_rt::spawn(async move {
                let found = engine.with_order_of(Owner::Anyone, order, OrderCommand::Query).await;
                this.do_send(Looked { order, found });
            });
        }
        if self.queue.looks_up(now) {
            engine.find_notices(self.agent);
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        self.advance(ctx);
        self.context.log.pending(self.agent, self.queue.len());
    }

    /// Decides what becomes of an order's next notice.
    fn looked(&mut self, id: OrderId, order: &Arc<Order>, ctx: &mut Context<Self>) {
        let Some(engine) = self.engine() else { return self.later(id) };
        let Some(notice) = order.next_notice().copied() else { return self.done(id) };
        let catalogue = engine.catalogue();
        let agent = catalogue.agent(self.agent).filter(|agent| agent.enabled).cloned();
        let settings = agent.as_ref().and_then(|agent| agent.callback.clone());
        // Without a number of its own the agent could not tell which order it hears of.
        let settings = settings.filter(|_| order.request_key.is_some());
        let (Some(agent), Some(settings)) = (agent, settings) else {
            return self.settle(&engine, id, notice, NoticeOutcome::Skipped, ctx);
        };
        if self.deadline(&notice) <= engine.now() {
            return self.settle(&engine, id, notice, NoticeOutcome::GaveUp, ctx);
        }
        let this = ctx.address();
        let receipt =
            Receipt::new(move |result| this.do_send(Attempted { order: id, notice, result }));
        let parcel = Parcel { agent, settings, order: Arc::clone(order), notice, catalogue };
        if self.context.courier.deliver(parcel, receipt).is_err() {
            self.later(id);
        }
    }

    fn attempted(&mut self, message: Attempted, ctx: &mut Context<Self>) {
        let Attempted { order, notice, result } = message;
        let Some(engine) = self.engine() else { return self.later(order) };
        let (now, attempt) = (engine.now(), self.queue.failures(order).saturating_add(1));
        match result {
            Ok(()) => {
                self.failures = 0;
                self.settle(&engine, order, notice, NoticeOutcome::Delivered, ctx);
            }
            Err(failure) => {
                self.failures = self.failures.saturating_add(1);
                let result = DeliveryResult::Failed(failure);
                self.context
                    .log
                    .add(self.agent, Delivery { order, notice, at: now, attempt, result });
                let next = now.plus_millis(self.context.config.pause_ms(attempt));
                // When its time is up it is given up, not tried once more.
                self.end_turn(order, next.min(self.deadline(&notice)), attempt);
            }
        }
        self.advance(ctx);
    }

    /// Has the end of a notice recorded.
    fn settle(
        &mut self,
        engine: &EngineHandle,
        order: OrderId,
        notice: Notice,
        outcome: NoticeOutcome,
        ctx: &mut Context<Self>,
    ) {
        if self.unrecorded.insert(order, (notice, outcome)).is_none() {
            let delivered = u32::from(outcome == NoticeOutcome::Delivered);
            let (at, before) = (engine.now(), self.queue.failures(order));
            let attempt = before.saturating_add(delivered);
            let result = DeliveryResult::from(outcome);
            self.context.log.add(self.agent, Delivery { order, notice, at, attempt, result });
        }
        let (this, engine) = (ctx.address(), engine.clone());
        actix_rt::spawn(async move {
            let recorded = engine.settle_notice(order, notice.no, outcome).await;
            this.do_send(Settled { order, recorded });
        });
    }

    fn settled(&mut self, id: OrderId, recorded: Result<Arc<Order>, EngineError>) {
        match recorded {
            Ok(order) => {
                self.unrecorded.remove(&id);
                match (order.next_notice(), self.engine()) {
                    (Some(_), Some(engine)) => self.end_turn(id, engine.now(), 0),
                    _ => self.done(id),
                }
            }
            Err(EngineError::Rejected(rejection)) => self.lost(id, &rejection.to_string()),
            // Whether or not it is on the disk, recording it again says what is.
            Err(_) => self.later(id),
        }
    }

    /// An order that cannot be found has nothing to tell.
    fn lost(&mut self, order: OrderId, why: &str) {
        tracing::error!(%order, why, "a notice of an order that cannot be found is dropped");
        self.unrecorded.remove(&order);
        self.done(order);
    }

    /// Nothing was tried: the order's turn comes again soon.
    fn later(&mut self, order: OrderId) {
        let now = self.context.engine.upgrade().map(|engine| engine.clock.now());
        let until = now.unwrap_or_default().plus_millis(BUSY_PAUSE_MS);
        self.end_turn(order, until, self.queue.failures(order));
    }

    fn end_turn(&mut self, order: OrderId, until: UnixMillis, failures: u32) {
        self.running = self.running.saturating_sub(1);
        self.queue.wait_again(order, until, failures);
    }

    fn done(&mut self, order: OrderId) {
        self.running = self.running.saturating_sub(1);
        let now = self.context.engine.upgrade().map(|engine| engine.clock.now());
        self.queue.done(order, now.unwrap_or_default());
    }

    /// When a notice is given up.
    fn deadline(&self, notice: &Notice) -> UnixMillis {
        notice.at.plus_millis(self.context.config.give_up_after_ms())
    }
}

impl Actor for CallbackActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let tick = Duration::from_millis(self.context.tick_ms);
        ctx.run_interval(tick, Self::tick);
    }
}

impl Handler<Queued> for CallbackActor {
    type Result = ();

    fn handle(&mut self, Queued { order, at_once }: Queued, ctx: &mut Self::Context) {
        let Some(engine) = self.context.engine.upgrade() else { return };
        if at_once {
            self.queue.hurry(order, engine.clock.now());
        } else {
            self.queue.add(order, engine.clock.now());
        }
        self.advance(ctx);
    }
}

impl Handler<Looked> for CallbackActor {
    type Result = ();

    fn handle(&mut self, Looked { order, found }: Looked, ctx: &mut Self::Context) {
        match found {
            Ok(found) => self.looked(order, &found, ctx),
            Err(EngineError::Rejected(rejection)) => self.lost(order, &rejection.to_string()),
            Err(_) => self.later(order),
        }
        self.advance(ctx);
    }
}

impl Handler<Attempted> for CallbackActor {
    type Result = ();

    fn handle(&mut self, message: Attempted, ctx: &mut Self::Context) {
        self.attempted(message, ctx);
    }
}

impl Handler<Settled> for CallbackActor {
    type Result = ();

    fn handle(&mut self, Settled { order, recorded }: Settled, ctx: &mut Self::Context) {
        self.settled(order, recorded);
        self.advance(ctx);
    }
}
