//! What operators may ask about callbacks, and the search for notices nobody remembers.

use std::sync::Arc;

use crate::actors::EngineError;
use crate::actors::callback::Delivery;
use crate::actors::handle::{EngineHandle, OrderCommand, Owner};
use crate::domain::order::Order;
use crate::engine::Rejection;
use crate::types::{AgentNo, OrderId};

impl EngineHandle {
    /// The last attempts to call an agent back since the start, newest first. How notices of earlier
    /// times ended is in the journal.
    #[must_use]
    pub fn deliveries(&self, agent: AgentNo) -> Vec<Delivery> {
        self.0.callbacks.deliveries(agent)
    }

    /// Tells an agent again: a notice that waits is tried at once, when its turn within the order has
    /// come; one that has ended, and is among [`Self::deliveries`], is queued anew under a number of its
    /// own. [`Self::tell_again`] does that for any event.
    ///
    /// # Errors
    /// [`Rejection::UnknownOrder`] for a notice that is not known, or why there is no answer.
    pub async fn replay_notice(&self, order: OrderId, no: u16) -> Result<Arc<Order>, EngineError> {
        let found = self.with_order_of(Owner::Anyone, order, OrderCommand::Query).await?;
        if found.notices.iter().any(|notice| notice.no == no) {
            self.0.callbacks.hurry(found.agent, order);
            return Ok(found);
        }
        let attempts = self.deliveries(found.agent);
        let told = attempts.iter().find(|it| it.order == order && it.notice.no == no);
        let told = told.ok_or(Rejection::UnknownOrder)?;
        self.tell_again(order, told.notice.kind, told.notice.about).await
    }

    /// Looks for orders with notices to an agent in the snapshots, and has them delivered.
    pub(in crate::actors) fn find_notices(&self, agent: AgentNo) {
        let this = self.clone();
        let search = move || match this.0.cold.open_orders() {
            Ok(open) => {
                let of_agent = open.iter().filter(|(_, open)| open.notices == Some(agent));
                of_agent.for_each(|(order, _)| this.0.callbacks.queued(agent, *order));
            }
            Err(error) => {
                tracing::error!(%error, "notices cannot be looked up; a start finds them")
            }
        };
        let thread = std::thread::Builder::new().name("find-notices".to_owned());
        if let Err(error) = thread.spawn(search) {
            tracing::error!(%error, "notices cannot be looked up; a start finds them");
        }
    }
}
