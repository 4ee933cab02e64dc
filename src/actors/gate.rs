//! Bounds on requests in flight, in total and per partner, so that one partner's flood is refused
//! before it costs the others anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::types::AgentNo;

/// Counters for agents. Two agents whose numbers are this far apart share one; sharing only ever
/// refuses earlier.
const LANES: usize = 4096;

/// The bounds. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    total_max: u32,
    agent_max: u32,
    total: AtomicU32,
    agents: Box<[AtomicU32]>,
}

/// One request in flight; dropping it makes room.
#[derive(Debug)]
pub(crate) struct InFlight {
    gate: Gate,
    lane: usize,
}

impl Gate {
    /// A gate that lets `total_max` requests in, of which `agent_max` of one agent.
    pub(crate) fn new(total_max: u32, agent_max: u32) -> Self {
        let agents = (0..LANES).map(|_| AtomicU32::new(0)).collect();
        Self(Arc::new(Counts { total_max, agent_max, total: AtomicU32::new(0), agents }))
    }

    /// Lets a request in, or `None` when there are too many.
    pub(crate) fn enter(&self, agent: AgentNo) -> Option<InFlight> {
        let lane = agent.get() as usize % LANES;
        if !take(&self.0.total, self.0.total_max) {
            return None;
        }
        if !take(&self.0.agents[lane], self.0.agent_max) {
            self.0.total.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(InFlight { gate: self.clone(), lane })
    }

    /// Requests in flight.
    pub(crate) fn in_flight(&self) -> u32 {
        self.0.total.load(Ordering::Acquire)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.gate.0.agents[self.lane].fetch_sub(1, Ordering::AcqRel);
        self.gate.0.total.fetch_sub(1, Ordering::AcqRel);
    }
}

fn take(count: &AtomicU32, max: u32) -> bool {
    if count.fetch_add(1, Ordering::AcqRel) < max {
        return true;
    }
    count.fetch_sub(1, Ordering::AcqRel);
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_agent_cannot_take_all_the_room() {
        let gate = Gate::new(3, 2);
        let (one, two) = (AgentNo::new(1), AgentNo::new(2));
        let first = gate.enter(one);
        let second = gate.enter(one);
        assert!(first.is_some() && second.is_some());
        assert!(gate.enter(one).is_none(), "the agent's share is used up");
        let other = gate.enter(two);
        assert!(other.is_some());
        assert!(gate.enter(two).is_none(), "the room is used up");
        drop(first);
        assert!(gate.enter(two).is_some());
        assert_eq!(gate.in_flight(), 2);
    }
}
