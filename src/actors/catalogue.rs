//! The catalogue everyone reads: an immutable value, replaced as a whole when a change is durable.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::domain::catalogue::Catalogue;
use crate::engine::transaction::{Event, Transaction};

/// The present catalogue. Cheap to clone and to read.
#[derive(Clone, Debug)]
pub(crate) struct CatalogueSlot(Arc<ArcSwap<Catalogue>>);

impl CatalogueSlot {
    pub(crate) fn new(catalogue: Catalogue) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(catalogue)))
    }

    pub(crate) fn load(&self) -> Arc<Catalogue> {
        self.0.load_full()
    }

    /// The catalogue for a moment, without a count of users that every thread would change.
    pub(crate) fn read(&self) -> Guard<Arc<Catalogue>> {
        self.0.load()
    }

    /// Makes a durable change true. Called by the journal thread only, so changes never race.
    pub(crate) fn apply(&self, transaction: &Transaction) {
        let mut catalogue = Catalogue::clone(&self.0.load());
        for event in &transaction.events {
            if let Event::Catalogue(event) = event {
                catalogue.apply(event);
            }
        }
        self.0.store(Arc::new(catalogue));
    }
}
