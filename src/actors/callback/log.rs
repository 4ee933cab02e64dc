//! What operators see of the attempts: the last of each agent, and counts. The journal has how each
//! notice ended; this is forgotten with the process.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::actors::callback::CallbackFailure;
use crate::actors::catalogue::CatalogueSlot;
use crate::domain::order::{Notice, NoticeOutcome};
use crate::metrics::Metrics;
use crate::types::{AgentNo, OrderId, UnixMillis};

/// One attempt to deliver a notice, or its end without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The order.
    pub order: OrderId,
    /// What was to be told.
    pub notice: Notice,
    /// When it was tried.
    pub at: UnixMillis,
    /// Which attempt it was, from 1; for an end without one, how many there were.
    pub attempt: u32,
    /// What came of it.
    pub result: DeliveryResult,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryResult {
    /// The agent has it.
    Delivered,
    /// It will be tried again.
    Failed(CallbackFailure),
    /// Its time was over; nothing was tried any more.
    GaveUp,
    /// The agent wants no callbacks now; nothing was tried.
    Skipped,
}

impl From<NoticeOutcome> for DeliveryResult {
    fn from(outcome: NoticeOutcome) -> Self {
        match outcome {
            NoticeOutcome::Delivered => Self::Delivered,
            NoticeOutcome::GaveUp => Self::GaveUp,
            NoticeOutcome::Skipped => Self::Skipped,
        }
    }
}

impl DeliveryResult {
    /// Its name in metrics and for operators.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed(_) => "failed",
            Self::GaveUp => "gave_up",
            Self::Skipped => "skipped",
        }
    }
}

/// The attempts of every agent. Cheap to clone.
#[derive(Clone)]
pub(super) struct DeliveryLog {
    attempts: Arc<Mutex<HashMap<AgentNo, VecDeque<Delivery>>>>,
    len_max: usize,
    catalogue: CatalogueSlot,
    metrics: Metrics,
}

impl DeliveryLog {
    pub(super) fn new(len_max: usize, catalogue: CatalogueSlot, metrics: Metrics) -> Self {
        Self { attempts: Arc::default(), len_max, catalogue, metrics }
    }

    pub(super) fn add(&self, agent: AgentNo, delivery: Delivery) {
        let Delivery { order, notice, attempt, result, .. } = delivery;
        self.metrics.callback(&self.name(agent), result.name());
        match result {
            DeliveryResult::Delivered | DeliveryResult::Skipped => {}
            DeliveryResult::Failed(failure) => {
                tracing::debug!(%order, no = notice.no, attempt, %failure, "a callback failed");
            }
            DeliveryResult::GaveUp => {
                tracing::warn!(%order, no = notice.no, attempt, "a callback was given up");
            }
        }
        let mut attempts = self.attempts.lock();
        let of_agent = attempts.entry(agent).or_default();
        of_agent.push_front(delivery);
        of_agent.truncate(self.len_max);
    }

    /// The last attempts of an agent, newest first.
    pub(super) fn of(&self, agent: AgentNo) -> Vec<Delivery> {
        let attempts = self.attempts.lock();
        attempts.get(&agent).map_or_else(Vec::new, |log| log.iter().copied().collect())
    }

    /// Notes how many orders of an agent have notices to deliver.
    pub(super) fn pending(&self, agent: AgentNo, orders: usize) {
        self.metrics.callbacks_pending(&self.name(agent), orders);
    }

    fn name(&self, agent: AgentNo) -> String {
        let catalogue = self.catalogue.load();
        catalogue.agent(agent).map_or_else(|| agent.to_string(), |agent| agent.id.to_string())
    }
}
