//! What a restart would serve: the snapshots, recovered as a start does it, but on a copy.

use std::fs::{self, File, TryLockError};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Snapshots;
use super::replay::caught;
use crate::actors::recovery::{self, JournalReader, RecoveryError, journal_dir, snapshot_dir};
use crate::domain::invariants;
use crate::domain::voucher::Voucher;
use crate::engine::books::Violation;
use crate::engine::state::{State, Tracked};
use crate::journal::{Entry, SegmentReader};
use crate::schema::{self, SchemaError};
use crate::snapshot::{EntityKind, Outcome, SnapshotConfig, SnapshotStore};
use crate::types::Lsn;

/// Whether there is something to compare with.
pub(super) enum Copied {
    Yes(Copy),
    /// No, and why.
    No(String),
}

/// A copy of the snapshots. Removed when dropped; until then the original is kept from being opened.
pub(super) struct Copy {
    dir: PathBuf,
    _original: File,
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            eprintln!("piaoku: the copy in {} was left behind: {error}", self.dir.display());
        }
    }
}

/// Copies the snapshots, unless somebody has them open: then the files are of no single moment.
pub(super) fn copy(data_dir: &Path, scratch: &Path) -> anyhow::Result<Copied> {
    let from = snapshot_dir(data_dir);
    if !from.is_dir() {
        return Ok(Copied::No("there are no snapshots; the next start builds them".to_owned()));
    }
    let failed = || from.display().to_string();
    // The store locks its directory for as long as it is open.
    let original = File::open(&from).with_context(failed)?;
    match original.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let why = "a running server has the snapshots open; stop it to check INV-6 as well";
            return Ok(Copied::No(why.to_owned()));
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(failed),
    }
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(|error| anyhow::anyhow!("random numbers: {error}"))?;
    let dir = scratch.join(format!("piaoku-audit-{}", hex::encode(suffix)));
    let copy = Copy { dir: dir.clone(), _original: original };
    copy_tree(&from, &dir)
        .with_context(|| format!("copying {} to {}", from.display(), dir.display()))?;
    Ok(Copied::Yes(copy))
}

fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    // For its owner only: what is sealed is sealed in the copy as well, but the rest is not.
    fs::DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Recovers the copy and compares it with the state that the journal alone tells.
pub(super) fn compare(
    copy: &Copy,
    data_dir: &Path,
    replayed: &State,
    violations: &mut Vec<Violation>,
) -> anyhow::Result<Snapshots> {
    let reader = SegmentReader::open(&journal_dir(data_dir))?;
    let fingerprint = data_dir.join(recovery::KEY_STAMP);
    let keys =
        fs::read_to_string(&fingerprint).with_context(|| fingerprint.display().to_string())?;
    let stamp = recovery::snapshot_stamp(reader.store_id()?, keys.trim());
    let opened = SnapshotStore::open(&copy.dir, &stamp, &SnapshotConfig::default())?;
    if let Outcome::SetAside { why, moved_to } = opened.outcome {
        fs::remove_dir_all(&moved_to).with_context(|| moved_to.display().to_string())?;
        let why = format!("the snapshots cannot be used ({why}); the next start rebuilds them");
        return Ok(Snapshots::Skipped(why));
    }
    let mut broken = |detail: String| {
        violations.push(Violation { invariant: invariants::REPLAY_EQUALS_LIVE, detail });
    };
    let restored = caught(|| {
        // Codes are located by keys that an audit does without; what depends on them is not compared.
        let recovered = recovery::recover(&Reader(reader), &opened.store, None)?;
        Ok::<_, RecoveryError>((load(&opened.store)?, recovered))
    });
    let restored = restored.and_then(|restored| restored.map_err(|error| error.to_string()));
    let (restored, recovered) = match restored {
        Ok(restored) => restored,
        Err(error) => {
            broken(format!("a start could not recover from the snapshots: {error}"));
            return Ok(Snapshots::Skipped("they cannot be recovered from".to_owned()));
        }
    };
    let (stored, told) = (restored.digest(), replayed.digest());
    if stored != told {
        broken(format!("the journal alone gives the digest {told}, the snapshots give {stored}"));
    }
    let encoded = |catalogue| {
        let mut bytes = Vec::new();
        schema::encode_catalogue(catalogue, &mut bytes);
        bytes
    };
    if encoded(&recovered.catalogue) != encoded(&replayed.catalogue) {
        broken("the journal alone gives another catalogue than the snapshots".to_owned());
    }
    Ok(Snapshots::Compared(stored))
}

/// The journal as recovery reads it.
struct Reader(SegmentReader);

impl JournalReader for Reader {
    fn first_lsn(&self) -> Result<Lsn, RecoveryError> {
        Ok(self.0.first_lsn()?)
    }

    fn read_from(
        &self,
        from: Lsn,
        visit: &mut dyn FnMut(Entry<'_>) -> Result<(), RecoveryError>,
    ) -> Result<Lsn, RecoveryError> {
        Ok(self.0.read_from(from, visit)?.next)
    }
}

/// Every entity in a store.
fn load(store: &SnapshotStore) -> Result<State, RecoveryError> {
    use schema::{
        decode_account, decode_account_key, decode_order, decode_order_key, decode_pool,
        decode_pool_key, decode_voucher,
    };
    let slots = recovery::stored_slots(store)?;
    let pools = all(store, EntityKind::Pool, decode_pool_key, decode_pool)?;
    let limits = recovery::stored_limits(store)?;
    let accounts = all(store, EntityKind::Account, decode_account_key, decode_account)?;
    let orders = all(store, EntityKind::Order, decode_order_key, decode_order)?;
    // Where a voucher lies depends on keys that an audit does without; what it is does not.
    let vouchers = all(store, EntityKind::Voucher, |_| Ok(()), decode_voucher)?;
    let by_code = |((), voucher): ((), Tracked<Voucher>)| (voucher.value.code, voucher);
    Ok(State {
        slots: slots.into_iter().collect(),
        pools: pools.into_iter().collect(),
        limits: limits.into_iter().collect(),
        accounts: accounts.into_iter().collect(),
        orders: orders.into_iter().collect(),
        vouchers: vouchers.into_iter().map(by_code).collect(),
        ..State::default()
    })
}

/// Every entity of a kind.
fn all<K, T>(
    store: &SnapshotStore,
    kind: EntityKind,
    decode_key: fn(&[u8]) -> Result<K, SchemaError>,
    decode: fn(&[u8]) -> Result<T, SchemaError>,
) -> Result<Vec<(K, Tracked<T>)>, RecoveryError> {
    let mut found = Vec::new();
    let mut damaged = None;
    store.scan(kind, &[], |key, entry| {
        let decoded = decode_key(key).and_then(|key| Ok((key, decode(&entry.payload)?)));
        match decoded {
            Ok((key, value)) => {
                found.push((key, Tracked { value, lsn: entry.lsn }));
                ControlFlow::Continue(())
            }
            Err(error) => {
                damaged = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    damaged.map_or(Ok(found), |error| Err(RecoveryError::Entity { kind: kind.name(), error }))
}
