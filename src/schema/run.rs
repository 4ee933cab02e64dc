//! What an entity with many counters has become since it was saved last.

use crate::domain::inventory::Slot;
use crate::domain::limits::{Count, LimitShard};
use crate::types::Lsn;

/// One link of a chain that begins with an entity's state, or with nothing: all that is small is whole
/// in each link, and of the counters only those are there that changed since the link before.
#[derive(Clone, Debug)]
pub struct Run<T> {
    /// The last record that the link before includes; [`Lsn::ZERO`] when there is none.
    pub after: Lsn,
    /// The entity without counters.
    pub state: T,
    /// What has changed, sorted by rule, identity and day. A zero is a counter that is gone.
    pub counts: Vec<Count>,
}

/// An entity whose counters are saved apart.
pub trait Counting: Sized {
    /// Becomes what it was when `run` was saved.
    fn advance(&mut self, run: Run<Self>);
}

impl Counting for Slot {
    fn advance(&mut self, run: Run<Self>) {
        self.advance(run.state);
        self.counters_mut().set(run.counts);
    }
}

impl Counting for LimitShard {
    fn advance(&mut self, run: Run<Self>) {
        self.counters_mut().set(run.counts);
    }
}
