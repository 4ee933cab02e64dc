//! Changing the catalogue while it sells.

use std::sync::Arc;

use crate::actors::EngineError;
use crate::actors::handle::{CatalogueSaved, EngineHandle};
use crate::actors::order::CatalogueChanged;
use crate::actors::record::{Origin, Record};
use crate::actors::recovery::{catalogue_batch, new_supplier_batch};
use crate::domain::catalogue::{CallbackSettings, Catalogue, CatalogueCommand, CatalogueError};
use crate::engine::Rejection;
use crate::engine::transaction::Transaction;
use crate::types::{AgentNo, Lsn, PartitionNo};
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

/// Why the catalogue was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueChangeError {
    /// A command makes no sense.
    #[error(transparent)]
    Refused(#[from] CatalogueError),
    /// The engine does not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl EngineHandle {
    /// Changes the catalogue, all commands or none. A change that has begun goes on when the caller
    /// goes away.
    ///
    /// # Errors
    /// [`CatalogueChangeError`].
    pub async fn change_catalogue(
        &self,
        commands: Vec<CatalogueCommand>,
    ) -> Result<(), CatalogueChangeError> {
        self.check_status()?;
        let this = self.clone();
        // A task of its own: were it dropped halfway, the next change would be decided on a catalogue
        // without this one, and nobody would hear of it.
        let change = tokio::spawn(async move { this.carry_out(commands).await });
        change.await.unwrap_or_else(|_| Err(EngineError::OutcomeUnknown.into()))
    }

    /// Sets where an agent is called back, or with `None` that it is not. What is so already costs no
    /// record.
    ///
    /// # Errors
    /// [`CatalogueChangeError`].
    pub async fn set_callback(
        &self,
        agent: AgentNo,
        callback: Option<CallbackSettings>,
    ) -> Result<(), CatalogueChangeError> {
        let in_flight = self.enter(agent)?;
        let catalogue = self.catalogue();
        let known = catalogue.agent(agent).ok_or(EngineError::Unavailable)?;
        if known.callback == callback {
            return Ok(());
        }
        let command = CatalogueCommand::SetCallback { agent: known.id.to_string(), callback };
        let this = self.clone();
        // Its room is taken until the change has ended, also when the caller goes away.
        let change = tokio::spawn(async move {
            let _in_flight = in_flight;
            this.change_catalogue(vec![command]).await
        });
        change.await.unwrap_or_else(|_| Err(EngineError::OutcomeUnknown.into()))
    }

    async fn carry_out(&self, commands: Vec<CatalogueCommand>) -> Result<(), CatalogueChangeError> {
        let mut saved = self.0.catalogue_saved.lock().await;
        let mut catalogue = Catalogue::clone(&self.catalogue());
        let mut events = Vec::with_capacity(commands.len());
        for command in commands {
            let event = catalogue.decide(command)?;
            catalogue.apply(&event);
            events.push(event);
        }
        let permit = self.0.journal.permit().map_err(|_| EngineError::Unavailable)?;
        let (sender, receiver) = oneshot::channel();
        let transaction = Transaction::catalogue(self.now(), events).done_for(self.1.as_deref());
        let origin = Origin::Catalogue(sender);
        permit.append(PartitionNo::default(), Record { transaction, origin });
        let lsn = receiver
            .await
            .map_err(|_| EngineError::OutcomeUnknown)?
            .map_err(|_| EngineError::Rejected(Rejection::TooLarge))?;
        // The journal thread has swapped the catalogue in; what depends on it follows.
        let changed = self.catalogue();
        for supplier in changed.suppliers() {
            if self.route(supplier.no).is_err() {
                // Before the catalogue that names it: without a position of its own it would have a
                // start read the journal from its very beginning.
                let _ = self.0.cold.snapshots().submit(new_supplier_batch(supplier.no, lsn));
            }
            (self.0.start_supplier)(supplier.no);
        }
        for orders in self.0.routes.load().values() {
            orders.do_send(CatalogueChanged);
        }
        self.give_to_snapshots(&mut saved, changed, lsn);
        Ok(())
    }

    /// Lets the snapshots know up to where the catalogue has not changed, so that a start need not look
    /// for changes before that. Never waits: a change under way saves it itself.
    pub(in crate::actors) fn save_catalogue(&self) {
        let Ok(mut saved) = self.0.catalogue_saved.try_lock() else { return };
        // In this order: the catalogue has every change up to what was delivered before it is read.
        let delivered = self.0.journal.stats().delivered_lsn.load(Ordering::Acquire);
        let catalogue = self.catalogue();
        self.give_to_snapshots(&mut saved, catalogue, Lsn::new(delivered));
    }

    fn give_to_snapshots(&self, saved: &mut CatalogueSaved, present: Arc<Catalogue>, up_to: Lsn) {
        let known = saved.catalogue.as_ref().is_some_and(|saved| Arc::ptr_eq(saved, &present));
        if known && up_to <= saved.up_to {
            return;
        }
        let batch = catalogue_batch((!known).then_some(&*present), up_to);
        match self.0.cold.snapshots().submit(batch) {
            Ok(()) => *saved = CatalogueSaved { catalogue: Some(present), up_to },
            // A start reads the change from the journal, unless a later attempt succeeds.
            Err(refused) => tracing::warn!(why = %refused.why, "the catalogue was not saved"),
        }
    }
}
