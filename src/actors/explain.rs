//! Looking into participants for operators: nothing is held, nothing is recorded.

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::actors::order::OrderActor;
use crate::actors::{EngineError, EngineHandle};
use crate::engine::admission::Admitted;
use crate::engine::checkout::{Checkout, Purpose, Step};
use crate::engine::explain::{Attempt, Explanation, Facts, Finding};
use crate::engine::plan::{Ask, Grant, ParticipantKey, Refusal};
use crate::engine::transaction::calendar_year;
use crate::types::{SupplierNo, Timespan, UnixMillis};

/// Asks participants of one supplier what they would say, and by which facts.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Inspection {
    pub(crate) parts: Vec<(ParticipantKey, Option<Ask>)>,
    pub(crate) reply: oneshot::Sender<Vec<Inspected>>,
}

/// One participant's answer on its way, and what the order actor knows itself.
pub(crate) struct Inspected {
    pub(crate) answer: oneshot::Receiver<(Result<(), Refusal>, Facts)>,
    pub(crate) next_expiry: Option<UnixMillis>,
}

impl Handler<Inspection> for OrderActor {
    type Result = ();

    fn handle(&mut self, message: Inspection, ctx: &mut Self::Context) {
        let Inspection { parts, reply } = message;
        self.guarded(ctx, |actor, _| {
            let inspected = actor.inspect(parts);
            // Whoever asked may have gone.
            let _ = reply.send(inspected);
        });
    }
}

impl EngineHandle {
    /// Why an admitted order would be refused at this moment, or that it would be granted: the very
    /// evaluation of Verify and of ordering, with the facts.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn explain(&self, admitted: Admitted) -> Result<Explanation, EngineError> {
        let _in_flight = self.enter(super::handle::HOUSE)?;
        let (supplier, catalogue) = (admitted.supplier_no(), self.catalogue());
        let year = calendar_year(self.now(), admitted.supplier.utc_offset_seconds);
        let mut tried = admitted.candidates.clone().into_iter();
        let purpose = Purpose::Verify { admitted: Box::new(admitted), year };
        let (mut checkout, mut attempts) = (Checkout::begin(purpose, &catalogue), Vec::new());
        // At most as often as there are timespans: each step but the last moves on to the next one.
        loop {
            let timespan = tried.next().unwrap_or(Timespan::NONE);
            let parts = checkout.plan().parts().iter();
            let parts = parts.map(|(key, ask)| (*key, Some(ask.clone()))).collect();
            let findings = self.findings(supplier, parts).await?;
            let mut step = Step::Wait;
            for (index, finding) in findings.iter().enumerate() {
                step = checkout.answered(
                    index,
                    finding.decision.map(|()| Grant::default()),
                    &catalogue,
                );
            }
            attempts.push(Attempt { timespan, findings });
            let outcome = match step {
                Step::AskAgain { .. } => continue,
                Step::Refuse { rejection, .. } => Err(rejection),
                Step::Commit => Ok(timespan),
                // Every participant has answered.
                Step::Wait => return Err(EngineError::Unavailable),
            };
            return Ok(Explanation { attempts, outcome });
        }
    }

    /// What a participant of `supplier` has at this moment.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn inspect(
        &self,
        supplier: SupplierNo,
        key: ParticipantKey,
    ) -> Result<Finding, EngineError> {
        let _in_flight = self.enter(super::handle::HOUSE)?;
        let findings = self.findings(supplier, vec![(key, None)]).await?;
        findings.into_iter().next().ok_or(EngineError::Unavailable)
    }

    async fn findings(
        &self,
        supplier: SupplierNo,
        parts: Vec<(ParticipantKey, Option<Ask>)>,
    ) -> Result<Vec<Finding>, EngineError> {
        let (reply, receiver) = oneshot::channel();
        let inspection = Inspection { parts: parts.clone(), reply };
        let orders = self.route(supplier)?;
        orders.try_send(inspection).map_err(|error| super::handle::not_sent(&error))?;
        let inspected = receiver.await.map_err(|_| EngineError::Unavailable)?;
        if inspected.len() != parts.len() {
            // The supplier is being rebuilt.
            return Err(EngineError::Overloaded);
        }
        let mut findings = Vec::with_capacity(parts.len());
        for ((key, ask), Inspected { answer, next_expiry }) in parts.into_iter().zip(inspected) {
            // A participant that is being rebuilt says nothing.
            let (decision, facts) = answer.await.map_err(|_| EngineError::Overloaded)?;
            findings.push(Finding { key, ask, decision, facts, next_expiry });
        }
        Ok(findings)
    }
}
