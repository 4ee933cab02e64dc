//! Slots and limit shards in the snapshots. In a sale they have a counter for everybody who bought, and
//! writing all of those once a second would soon take longer than a second; so one with many counters is
//! written as a chain: its state, and after it runs of what it has become since. Any prefix of a chain
//! that reaches the disk is a state that was, which replay continues from like from any other.
//!
//! When a chain has become long the snapshots' own thread makes one state of it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::actors::machine::Machine;
use crate::actors::recovery::RecoveryError;
use crate::actors::stored::SCHEMA;
use crate::domain::limits::{Count, Counters};
use crate::engine::state::Tracked;
use crate::schema::{Run, SchemaError};
use crate::snapshot::{EntityKind, Key, Removal, Sink, SnapshotError, SnapshotStore};
use crate::types::Lsn;

/// Counters up to which a machine is always written whole: that costs little, and less to read.
/// Tests keep to a few, so that whatever they sell is saved in chains.
pub(crate) const WHOLE_COUNTERS_MAX: usize = if cfg!(test) { 1 } else { 512 };
/// Runs up to which a chain grows before it is made one state.
const RUNS_MAX: u32 = if cfg!(test) { 3 } else { 64 };

/// How a machine with counters is written as a chain.
pub(crate) struct RunCodec<M> {
    /// Its counters.
    pub(crate) counters: fn(&mut M) -> &mut Counters,
    /// The rest of it, which is small.
    pub(crate) rest: fn(&M) -> M,
    pub(crate) encode: fn(&Run<M>, &mut Vec<u8>),
    pub(crate) decode: fn(&[u8]) -> Result<Run<M>, SchemaError>,
    /// Makes it what it was when a run was saved.
    pub(crate) advance: fn(&mut M, Run<M>),
}

/// A machine as the snapshots have it.
pub(crate) struct Loaded<M> {
    pub(crate) machine: M,
    /// The last record it includes.
    pub(crate) lsn: Lsn,
    /// Runs in its chain.
    pub(crate) runs: u32,
}

/// Reads a machine.
pub(crate) fn load<M: Machine>(
    store: &SnapshotStore,
    key: &[u8],
) -> Result<Option<Loaded<M>>, RecoveryError> {
    let unreadable = |error| RecoveryError::Entity { kind: M::KIND.name(), error };
    let mut loaded = match store.get(M::KIND, key)? {
        Some(entry) => {
            let machine = M::decode(&entry.payload).map_err(unreadable)?;
            Some(Loaded { machine, lsn: entry.lsn, runs: 0 })
        }
        None => None,
    };
    let Some(codec) = M::RUNS else { return Ok(loaded) };
    let mut failed = None;
    store.scan(EntityKind::Run, &prefix(M::KIND, key), |_, entry| {
        let reached = loaded.as_ref().map_or(Lsn::ZERO, |loaded| loaded.lsn);
        if entry.lsn <= reached {
            // A state that includes it has been written since.
            return ControlFlow::Continue(());
        }
        let run = match (codec.decode)(&entry.payload) {
            Ok(run) => run,
            Err(error) => {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        };
        if run.after != reached {
            // What lies between did not reach the disk.
            return ControlFlow::Break(());
        }
        let known = loaded.take();
        let runs = known.as_ref().map_or(0, |known| known.runs) + 1;
        let mut machine = known.map_or_else(|| (codec.rest)(&run.state), |known| known.machine);
        (codec.advance)(&mut machine, run);
        loaded = Some(Loaded { machine, lsn: entry.lsn, runs });
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(loaded), |error| Err(unreadable(error)))
}

/// The machines of a kind with their keys.
type All<M> = Vec<(<M as Machine>::Key, Tracked<M>)>;

/// Reads every machine of a kind.
pub(crate) fn load_all<M: Machine>(
    store: &SnapshotStore,
    decode_key: fn(&[u8]) -> Result<M::Key, SchemaError>,
) -> Result<All<M>, RecoveryError> {
    let mut keys: BTreeSet<Key> = BTreeSet::new();
    store.scan(M::KIND, &[], |key, _| {
        keys.insert(key.into());
        ControlFlow::Continue(())
    })?;
    store.scan(EntityKind::Run, &[M::KIND.code()], |row, _| {
        keys.extend(owner(row).map(Into::into));
        ControlFlow::Continue(())
    })?;
    let mut all = Vec::with_capacity(keys.len());
    for key in keys {
        let Some(Loaded { machine: value, lsn, .. }) = load::<M>(store, &key)? else { continue };
        let unreadable = |error| RecoveryError::Entity { kind: M::KIND.name(), error };
        all.push((decode_key(&key).map_err(unreadable)?, Tracked { value, lsn }));
    }
    Ok(all)
}

/// The runs of a machine that has been written whole.
pub(crate) fn superseded(
    store: &SnapshotStore,
    kind: EntityKind,
    key: &[u8],
) -> Result<Vec<Removal>, SnapshotError> {
    let mut gone = Vec::new();
    store.scan(EntityKind::Run, &prefix(kind, key), |row, _| {
        gone.push(Removal { kind: EntityKind::Run, key: row.into() });
        ControlFlow::Continue(())
    })?;
    Ok(gone)
}

/// What a machine has become since it was saved last, to be encoded where there is time for it.
pub(crate) struct Changes<M> {
    pub(crate) key: Key,
    pub(crate) lsn: Lsn,
    /// The last record that what was saved before includes.
    pub(crate) after: Lsn,
    /// The machine without counters.
    pub(crate) rest: M,
    /// What counters came to, in order.
    pub(crate) counts: Arc<Vec<Count>>,
    /// Runs that the chain has already.
    pub(crate) runs: u32,
}

impl<M: Machine> Changes<M> {
    /// Whether the chain becomes one state with these.
    pub(crate) const fn ends_chain(&self) -> bool {
        self.runs >= RUNS_MAX
    }

    /// Encodes them: as one more run, or the whole chain as one state.
    pub(crate) fn encode(self, store: &SnapshotStore, codec: &RunCodec<M>, sink: &mut Sink<'_>) {
        let ends_chain = self.ends_chain();
        let Self { key, lsn, after, rest, counts, .. } = self;
        let mut counts = Arc::unwrap_or_clone(counts);
        // The last of what a counter came to is what it is.
        counts.reverse();
        counts.sort_by_key(|count| (count.rule, count.identity, count.day));
        counts.dedup_by_key(|count| (count.rule, count.identity, count.day));
        let run = Run { after, state: rest, counts };
        if ends_chain {
            // What cannot be read now is told of when it is needed; meanwhile the chain goes on.
            let chain = load::<M>(store, &key).ok().flatten().filter(|chain| chain.lsn == after);
            let gone = superseded(store, M::KIND, &key);
            if let (Some(Loaded { mut machine, .. }), Ok(gone)) = (chain, gone) {
                (codec.advance)(&mut machine, run);
                sink.put(M::KIND, &key, (SCHEMA, lsn), |out| machine.encode(out));
                gone.into_iter().for_each(|removal| sink.remove(removal));
                return;
            }
        }
        let mut row = prefix(M::KIND, &key);
        row.extend_from_slice(&lsn.get().to_be_bytes());
        sink.put(EntityKind::Run, &row, (SCHEMA, lsn), |out| (codec.encode)(&run, out));
    }
}

/// What the rows of a machine's runs begin with; their positions follow, so they lie in order.
fn prefix(kind: EntityKind, key: &[u8]) -> Vec<u8> {
    [&[kind.code()], key].concat()
}

/// The key of the machine whose run lies in a row.
fn owner(row: &[u8]) -> Option<&[u8]> {
    let (owner, _) = row.split_last_chunk::<8>()?;
    owner.split_first().map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use smallvec::smallvec;

    use super::*;
    use crate::actors::participant::{State, Station};
    use crate::domain::catalogue::Catalogue;
    use crate::domain::limits::{CounterEvent, LimitKey, LimitShard, WindowInstance};
    use crate::schema;
    use crate::snapshot::{Opened, Removals, SnapshotConfig, Stamp};
    use crate::types::{IdentityHash, ProductNo, Quantity, RuleNo, ServiceDate};

    const KEY: LimitKey =
        LimitKey { product: ProductNo::new(1), window: WindowInstance::Lifetime, shard: 2 };

    #[derive(Clone, Debug)]
    enum Step {
        /// Somebody buys, or gives back what there is.
        Change {
            identity: u8,
            by_day: bool,
            amount: u32,
            back: bool,
        },
        Save,
        /// Saves, and learns that it did not reach the snapshots.
        Lose,
        /// What was not saved is gone, as after a crash; replay would bring it back.
        Crash,
    }

    fn step() -> impl Strategy<Value = Step> {
        let change = (0..5_u8, any::<bool>(), 1..4_u32, any::<bool>());
        let change = change.prop_map(|(identity, by_day, amount, back)| Step::Change {
            identity,
            by_day,
            amount,
            back,
        });
        prop_oneof![5 => change, 3 => Just(Step::Save), 1 => Just(Step::Lose), 1 => Just(Step::Crash)]
    }

    /// What is counted, as simple as can be.
    type Naive = BTreeMap<(u8, bool), u32>;

    fn count((identity, by_day): (u8, bool), amount: u32) -> Count {
        Count {
            rule: RuleNo::new(0),
            identity: IdentityHash::new(u128::from(identity)),
            amount: Quantity::new(amount),
            day: by_day.then_some(ServiceDate::from_days(20_000)),
        }
    }

    fn counts(naive: &Naive) -> Vec<Count> {
        let counts = naive.iter().filter(|(_, amount)| **amount > 0);
        counts.map(|(key, amount)| count(*key, *amount)).collect()
    }

    fn woken(store: &SnapshotStore) -> Station<LimitShard> {
        let station = Station::new(KEY, Arc::new(Catalogue::default()));
        station.loaded(load(store, &schema::limit_key(KEY)).unwrap());
        station
    }

    fn write(store: &SnapshotStore, state: State) -> Removals {
        let mut removals = Removals::default();
        let write = |sink: &mut Sink<'_>| match state {
            State::Whole(put) => sink.put_encoded(&put),
            State::Changes(encode) => encode(sink),
        };
        store.fill(&mut removals, write).unwrap();
        removals
    }

    #[test]
    fn what_follows_a_run_that_is_missing_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        let stamp = Stamp::new().with("store", 1);
        let Opened { store, .. } =
            SnapshotStore::open(root.path(), &stamp, &SnapshotConfig::default()).unwrap();
        let station = woken(&store);
        for n in 1..=4 {
            for identity in [0, 1] {
                let counts = smallvec![count((identity, false), 1)];
                station.apply(None, Lsn::new(n), &CounterEvent::Counted(counts)).unwrap();
            }
            let state = station.save(&store).unwrap();
            // The third of the chain does not arrive, the one after it does.
            if n != 3 {
                write(&store, state);
            }
            station.saved();
        }
        let found = load::<LimitShard>(&store, &schema::limit_key(KEY)).unwrap().unwrap();
        let expected = vec![count((0, false), 2), count((1, false), 2)];
        assert_eq!((found.lsn, found.machine.counters().counts()), (Lsn::new(2), expected));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_snapshots_have_what_was_saved_last(steps in prop::collection::vec(step(), 1..80)) {
            let root = tempfile::tempdir().unwrap();
            let stamp = Stamp::new().with("store", 1);
            let config = SnapshotConfig { cache_bytes: 1 << 20, ..SnapshotConfig::default() };
            let Opened { store, .. } = SnapshotStore::open(root.path(), &stamp, &config).unwrap();
            let (mut live, mut saved) = (Naive::new(), None);
            let (mut lsn, mut station) = (Lsn::ZERO, woken(&store));
            for step in steps {
                match step {
                    Step::Change { identity, by_day, amount, back } => {
                        let used = live.entry((identity, by_day)).or_default();
                        let amount = if back { amount.min(*used) } else { amount };
                        let counts = smallvec![count((identity, by_day), amount)];
                        let event = if back {
                            *used -= amount;
                            CounterEvent::Returned(counts)
                        } else {
                            *used += amount;
                            CounterEvent::Counted(counts)
                        };
                        lsn = lsn.next();
                        station.apply(None, lsn, &event).unwrap();
                    }
                    // Only what has changed is ever saved.
                    Step::Save | Step::Lose if saved.as_ref().is_some_and(|(at, _)| *at == lsn) => {}
                    Step::Save => {
                        let removals = write(&store, station.save(&store).unwrap());
                        store.checkpoint(&[], &removals.into_list()).unwrap();
                        station.saved();
                        saved = Some((lsn, live.clone()));
                    }
                    Step::Lose => {
                        drop(station.save(&store).unwrap());
                        station.not_saved();
                    }
                    Step::Crash => {
                        station = woken(&store);
                        (lsn, live) = saved.clone().unwrap_or_default();
                    }
                }
                let found = load::<LimitShard>(&store, &schema::limit_key(KEY)).unwrap();
                let found = found.map(|it| (it.lsn, it.machine.counters().counts()));
                let expected = saved.as_ref().map(|(lsn, naive)| (*lsn, counts(naive)));
                prop_assert_eq!(&found, &expected);
                let all = load_all::<LimitShard>(&store, schema::decode_limit_key).unwrap();
                let all = all.into_iter().map(|(key, it)| (key, it.lsn)).collect::<Vec<_>>();
                let named = found.map(|(lsn, _)| (KEY, lsn));
                prop_assert_eq!(all, named.into_iter().collect::<Vec<_>>());
            }
            // A chain that became one state leaves nothing behind.
            let mut runs = 0;
            store.scan(EntityKind::Run, &[], |_, _| {
                runs += 1;
                ControlFlow::Continue(())
            }).unwrap();
            prop_assert!(runs <= RUNS_MAX as usize, "{runs} runs");
        }
    }
}
