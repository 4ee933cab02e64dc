//! Finds each agent's callback actor, and starts it on first use.

use std::sync::{Arc, Weak};

use actix::prelude::*;
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::actors::callback::log::DeliveryLog;
use crate::actors::callback::{
    CallbackActor, CallbackConfig, CallbackContext, Courier, Delivery, Queued,
};
use crate::actors::catalogue::CatalogueSlot;
use crate::actors::handle::Inner;
use crate::metrics::Metrics;
use crate::types::{AgentNo, OrderId};

/// Where callback actors are found. Cheap to clone. Without a courier nothing is delivered, and notices
/// wait in their orders.
#[derive(Clone, Default)]
pub(crate) struct Hub(Option<Arc<Running>>);

struct Running {
    context: CallbackContext,
    /// A thread of their own: an agent's trouble must not delay any sale.
    arbiter: ArbiterHandle,
    actors: Mutex<HashMap<AgentNo, Addr<CallbackActor>>>,
}

/// What a hub is made from.
pub(crate) struct HubParts {
    pub(crate) config: Arc<CallbackConfig>,
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) engine: Weak<Inner>,
    pub(crate) catalogue: CatalogueSlot,
    pub(crate) metrics: Metrics,
    pub(crate) tick_ms: u64,
}

impl Hub {
    pub(crate) fn new(parts: HubParts, arbiter: ArbiterHandle) -> Self {
        let HubParts { config, courier, engine, catalogue, metrics, tick_ms } = parts;
        let log = DeliveryLog::new(config.log_len_max, catalogue, metrics);
        let context = CallbackContext { config, courier, engine, log, tick_ms };
        Self(Some(Arc::new(Running { context, arbiter, actors: Mutex::default() })))
    }

    /// An order of an agent has a notice to deliver.
    pub(crate) fn queued(&self, agent: AgentNo, order: OrderId) {
        self.send(agent, Queued { order, at_once: false });
    }

    /// The same, and it is tried now, whatever it waits for.
    pub(crate) fn hurry(&self, agent: AgentNo, order: OrderId) {
        self.send(agent, Queued { order, at_once: true });
    }

    /// The last attempts of an agent, newest first.
    pub(crate) fn deliveries(&self, agent: AgentNo) -> Vec<Delivery> {
        self.0.as_ref().map_or_else(Vec::new, |running| running.context.log.of(agent))
    }

    fn send(&self, agent: AgentNo, message: Queued) {
        let Some(running) = &self.0 else { return };
        let mut actors = running.actors.lock();
        let known = actors.get(&agent).filter(|actor| actor.connected());
        if let Some(actor) = known {
            actor.do_send(message);
            return;
        }
        let was_there = actors.contains_key(&agent);
        let context = running.context.clone();
        let actor = CallbackActor::start_in_arbiter(&running.arbiter, move |_| {
            CallbackActor::new(agent, context)
        });
        actor.do_send(message);
        actors.insert(agent, actor);
        drop(actors);
        if was_there && let Some(engine) = running.context.engine.upgrade() {
            // Its predecessor fell to a bug, and what it knew with it.
            crate::actors::EngineHandle::new(engine).find_notices(agent);
        }
    }
}
