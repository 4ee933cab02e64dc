//! Links of the chains in which slots and limit shards are saved.

use serde::{Deserialize, Serialize};

use super::inventory::SlotV2;
use super::{Invalid, List, Mirrored, is_ascending};
use crate::domain::inventory::Slot;
use crate::domain::limits::{Count, LimitShard};
use crate::schema::Run;
use crate::types::Lsn;

/// Twin of [`Run`] of a slot.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SlotRunV2<'a> {
    after: u64,
    /// Without counts.
    #[serde(borrow)]
    state: SlotV2<'a>,
    #[serde(borrow)]
    counts: List<'a, Count>,
}

/// Twin of [`Run`] of a limit shard.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct LimitRunV2<'a> {
    after: u64,
    #[serde(borrow)]
    counts: List<'a, Count>,
}

impl Mirrored for Run<Slot> {
    type Mirror<'a> = SlotRunV2<'a>;

    fn mirror(&self) -> SlotRunV2<'_> {
        let Self { after, state, counts } = self;
        SlotRunV2 { after: after.get(), state: state.mirror(), counts: List::Borrowed(counts) }
    }

    fn restore(mirror: SlotRunV2<'_>) -> Result<Self, Invalid> {
        let SlotRunV2 { after, state, counts } = mirror;
        let state = Slot::restore(state)?;
        if !state.counters().is_empty() {
            return Err(Invalid);
        }
        Ok(Self { after: Lsn::new(after), state, counts: changed(counts)? })
    }
}

impl Mirrored for Run<LimitShard> {
    type Mirror<'a> = LimitRunV2<'a>;

    fn mirror(&self) -> LimitRunV2<'_> {
        let Self { after, state: _, counts } = self;
        LimitRunV2 { after: after.get(), counts: List::Borrowed(counts) }
    }

    fn restore(mirror: LimitRunV2<'_>) -> Result<Self, Invalid> {
        let LimitRunV2 { after, counts } = mirror;
        let (after, counts) = (Lsn::new(after), changed(counts)?);
        Ok(Self { after, state: LimitShard::default(), counts })
    }
}

fn changed(counts: List<'_, Count>) -> Result<Vec<Count>, Invalid> {
    let counts = counts.into_owned();
    let keys = counts.iter().map(|count| (count.rule, count.identity, count.day));
    if is_ascending(keys) { Ok(counts) } else { Err(Invalid) }
}
