//! `piaoku import`, and the import that an empty store begins with.
//!
//! Everything goes through the engine's own journalled commands. A file replaces the entries it has;
//! opening balances are given to accounts that never had a posting, so importing again, or after a
//! crash halfway, credits nothing twice.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};

use super::arguments::ImportArguments;
use super::audit::replay::replay;
use super::demo::{DEMO_CATALOGUE, PublicSecrets};
use crate::actors::recovery::{RecoveryError, decode_record, journal_dir};
use crate::actors::{Callbacks, Engine, EngineHandle, EngineParts, StartError};
use crate::clock::{Clock as _, SystemClock};
use crate::config::catalogue_file::{self, CatalogueEntry, CatalogueFile, Funding};
use crate::config::{self, BUILT_IN_DEMO, Config};
use crate::domain::account::{AccountKey, Balance, Holder};
use crate::domain::catalogue::{Catalogue, CatalogueCommand};
use crate::engine::books;
use crate::engine::state::State;
use crate::engine::transaction::{Event, calendar_year};
use crate::journal::{LogError, SegmentReader};
use crate::metrics::Metrics;
use crate::snapshot::SnapshotError;
use crate::types::{Fen, Lsn, Sealed, ServiceDate, UnixMillis};
use crate::vault::{KeyRing, KeySource, MissingKeyFile, Purpose};

/// Environment variable that holds the data keys, instead of a key file.
pub(super) const KEY_VARIABLE: &str = "PIAOKU_DATA_KEY";
/// Commands in one record of the journal: far below the longest record, whatever they are.
const COMMANDS_A_RECORD: usize = 64;
/// Oversold places that a refusal names.
const OVERSOLD_SHOWN: usize = 20;
/// Seconds east of Greenwich of the clock that says which day the day of import is. A file may have
/// venues in several zones, so it is not any one venue's.
const IMPORT_OFFSET_SECONDS: i32 = 8 * 3600;

pub(super) fn run(arguments: &ImportArguments) -> anyhow::Result<ExitCode> {
    let loaded = config::load(&arguments.store.sources())?;
    super::serve::start_logging(&loaded.config.logging)?;
    let texts = read(&arguments.path)?;
    // Before a store comes into being: an empty one would be given the demo at the next start.
    check(&texts, SystemClock.now())?;
    actix_rt::System::new().block_on(async {
        let (engine, keys) = start_engine(&loaded.config, &Metrics::default())?;
        let imported = import_all(&engine.handle(), &keys, &loaded.config.data.dir, &texts).await;
        engine.stop().await;
        for line in imported? {
            println!("{line}");
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// A catalogue file: its name, for messages, and its text.
pub(super) type NamedText = (String, String);

/// What `data.import` stands for; nothing when it is empty.
pub(super) fn configured(import: &str) -> anyhow::Result<Vec<NamedText>> {
    match import {
        "" => Ok(Vec::new()),
        BUILT_IN_DEMO => Ok(vec![("the demo catalogue".to_owned(), DEMO_CATALOGUE.to_owned())]),
        path => read(Path::new(path)).context("data.import"),
    }
}

/// Reads a catalogue file, or every `*.toml` of a folder in the order of their names.
fn read(path: &Path) -> anyhow::Result<Vec<NamedText>> {
    let shown = |path: &Path| path.display().to_string();
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = std::fs::read_dir(path).with_context(|| shown(path))?;
        let entries: Result<Vec<_>, _> = entries.collect();
        let paths = entries.with_context(|| shown(path))?.into_iter().map(|entry| entry.path());
        files = paths.filter(|path| path.extension().is_some_and(|it| it == "toml")).collect();
        files.sort();
        if files.is_empty() {
            bail!("{} has no *.toml file", path.display());
        }
    }
    let text = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).with_context(|| shown(path))?;
        Ok((shown(path), text))
    };
    files.iter().map(text).collect()
}

/// Reads the files without importing or sealing anything.
///
/// # Errors
/// The first thing wrong with a file.
pub(super) fn check(texts: &[NamedText], now: UnixMillis) -> anyhow::Result<()> {
    let today = ServiceDate::at(now, IMPORT_OFFSET_SECONDS);
    for (name, text) in texts {
        catalogue_file::parse(text, today, &|_, _| Ok(Sealed::default()))
            .with_context(|| name.clone())?;
    }
    Ok(())
}

/// Starts the engine on the configured data directory, with its keys, and calls nobody back.
pub(super) fn start_engine(
    config: &Config,
    metrics: &Metrics,
) -> anyhow::Result<(Engine, KeyRing)> {
    start_calling_engine(config, metrics, |_| Ok(None))
}

/// The same; `callbacks` says how agents are called back.
pub(super) fn start_calling_engine(
    config: &Config,
    metrics: &Metrics,
    callbacks: impl FnOnce(&KeyRing) -> anyhow::Result<Option<Callbacks>>,
) -> anyhow::Result<(Engine, KeyRing)> {
    let dir = &config.data.dir;
    create_private(dir)?;
    let keys = load_keys(dir)?;
    let callbacks = callbacks(&keys)?;
    let parts = EngineParts {
        data_dir: dir.clone(),
        config: config.engine.clone(),
        journal: config.journal.clone(),
        snapshot: config.snapshot.clone(),
        keys: keys.clone(),
        clock: Arc::new(SystemClock),
        metrics: metrics.clone(),
        callbacks,
    };
    match Engine::start(parts) {
        Ok(engine) => Ok((engine, keys)),
        Err(
            StartError::Journal(LogError::Locked { .. })
            | StartError::Snapshot(SnapshotError::InUse { .. }),
        ) => {
            let dir = dir.display();
            Err(anyhow!(
                "{dir} is in use by a running piaoku (a server, an import or an audit); stop it \
                 first, or name another --data-dir"
            ))
        }
        Err(error) => Err(error.into()),
    }
}

/// Keys from the environment or the key file. A store that exists never gets new ones: they could not
/// read it.
fn load_keys(dir: &Path) -> anyhow::Result<KeyRing> {
    let missing =
        if journal_dir(dir).exists() { MissingKeyFile::Refuse } else { MissingKeyFile::Create };
    let environment = std::env::var(KEY_VARIABLE).ok();
    let (keys, source) = KeyRing::load(environment.as_deref(), dir, missing)?;
    if let KeySource::CreatedFile(path) = source {
        tracing::info!(path = %path.display(), "new data keys: back this file up apart from the data");
    }
    Ok(keys)
}

/// Imports files one after the other, each as a whole, and says what was done.
///
/// # Errors
/// The first thing wrong with a file, before anything of it is imported; or what the engine says.
pub(super) async fn import_all(
    engine: &EngineHandle,
    keys: &KeyRing,
    data_dir: &Path,
    texts: &[NamedText],
) -> anyhow::Result<Vec<String>> {
    let now = engine.now();
    let today = ServiceDate::at(now, IMPORT_OFFSET_SECONDS);
    let seal = |purpose: &'static str, secret: &[u8]| {
        keys.seal(Purpose::new(purpose), secret).map_err(Into::into)
    };
    let mut done = Vec::new();
    for (name, text) in texts {
        let parsed = catalogue_file::parse(text, today, &seal);
        let file = parsed.with_context(|| name.clone())?;
        if file.uses_demo_secrets {
            PublicSecrets::remember(data_dir, text)?;
        }
        done.push(import_file(engine, data_dir, name, file, now).await?);
    }
    Ok(done)
}

async fn import_file(
    engine: &EngineHandle,
    data_dir: &Path,
    name: &str,
    file: CatalogueFile,
    now: UnixMillis,
) -> anyhow::Result<String> {
    let (mut commands, mut fundings) = (Vec::new(), Vec::new());
    for entry in file.entries {
        match entry {
            CatalogueEntry::Command(command) => commands.push(command),
            CatalogueEntry::Funding(funding) => fundings.push(funding),
        }
    }
    let entries = commands.len();
    refuse_oversold(engine, data_dir, &commands).with_context(|| name.to_owned())?;
    while !commands.is_empty() {
        let rest = commands.split_off(commands.len().min(COMMANDS_A_RECORD));
        let changed = engine.change_catalogue(commands).await;
        changed.with_context(|| format!("{name}: nothing, or only a part, was imported"))?;
        commands = rest;
    }
    let funded = funded_accounts(data_dir)?;
    let (mut given, mut kept) = (0, 0);
    for funding in &fundings {
        for (account, balance, amount) in opening_balances(engine, funding, now)? {
            if funded.contains(&(account, is_rebate(balance))) {
                kept += 1;
                continue;
            }
            let topped_up = engine.top_up(account, balance, amount).await;
            topped_up.with_context(|| format!("{name}: opening balance of {}", funding.agent))?;
            given += 1;
        }
    }
    let kept = match kept {
        0 => String::new(),
        kept => format!(" ({kept} were given before and are left alone)"),
    };
    Ok(format!("{name}: {entries} entries and {given} opening balances imported{kept}"))
}

/// Refuses entries that offer less than was sold already. Nobody sells meanwhile: an import has the store
/// to itself.
///
/// # Errors
/// The places that would be oversold, or what the catalogue or the journal says.
fn refuse_oversold(
    engine: &EngineHandle,
    data_dir: &Path,
    commands: &[CatalogueCommand],
) -> anyhow::Result<()> {
    let mut tried = Catalogue::clone(&engine.catalogue());
    let mut narrowed = false;
    for command in commands {
        let event = tried.decide(command.clone())?;
        narrowed |= tried.narrowed_by(&event).is_some();
        tried.apply(&event);
    }
    if !narrowed {
        return Ok(());
    }
    // Only now is the journal worth reading: most imports take nothing away.
    if SegmentReader::open(&journal_dir(data_dir))?.first_lsn()? > Lsn::ZERO.next() {
        tracing::warn!(
            "old sales are not in the journal any more; nobody can say whether they fit"
        );
        return Ok(());
    }
    let replayed = replay(data_dir, |_, _| {})?;
    if !replayed.is_whole {
        bail!("the journal cannot be replayed: run `piaoku audit`");
    }
    let mut state = replayed.state;
    let oversold = |state: &mut State, catalogue: Catalogue| {
        state.catalogue = catalogue;
        state.refresh_capacities();
        books::oversold(state)
    };
    let before: BTreeSet<String> =
        oversold(&mut state, Catalogue::clone(&engine.catalogue())).into_iter().collect();
    let mut more = oversold(&mut state, tried);
    // What was so before is for the audit to tell.
    more.retain(|place| !before.contains(place));
    if more.is_empty() {
        return Ok(());
    }
    let shown = more.iter().take(OVERSOLD_SHOWN).map(|place| format!("\n  {place}"));
    bail!(
        "nothing was imported: {} slots or pools would have fewer places than are held or sold; \
         keep their days and places, and withdraw free ones with `piaoku admin slot adjust`:{}",
        more.len(),
        shown.collect::<String>()
    );
}

/// The balances, other than zero, that an agent is to begin with.
fn opening_balances(
    engine: &EngineHandle,
    funding: &Funding,
    now: UnixMillis,
) -> anyhow::Result<Vec<(AccountKey, Balance, Fen)>> {
    let catalogue = engine.catalogue();
    let unknown = |what: &str, id: &str| anyhow!("{what} {id} is not in the catalogue");
    let supplier = catalogue.supplier_by_id(&funding.supplier);
    let supplier = supplier.ok_or_else(|| unknown("supplier", &funding.supplier))?;
    let agent = catalogue.agent_by_id(&funding.agent);
    let agent = agent.ok_or_else(|| unknown("agent", &funding.agent))?;
    let account = AccountKey { supplier: supplier.no, holder: Holder::Agent(agent.no) };
    let year = calendar_year(now, supplier.utc_offset_seconds);
    let balances = [
        (account, Balance::Prepaid, funding.prepaid),
        (account, Balance::Rebate { year }, funding.rebate),
    ];
    Ok(balances.into_iter().filter(|(_, _, amount)| *amount > Fen::ZERO).collect())
}

/// Accounts whose prepaid (`false`) or rebate (`true`) balance was ever posted to.
fn funded_accounts(data_dir: &Path) -> anyhow::Result<BTreeSet<(AccountKey, bool)>> {
    let mut funded = BTreeSet::new();
    let reader = SegmentReader::open(&journal_dir(data_dir))?;
    let first = reader.first_lsn()?;
    reader.read_from::<RecoveryError>(first.max(Lsn::ZERO.next()), |entry| {
        for event in decode_record(entry)?.events {
            if let Event::Account(account, postings) = event {
                funded.extend(postings.iter().map(|it| (account, is_rebate(it.balance))));
            }
        }
        Ok(())
    })?;
    Ok(funded)
}

fn is_rebate(balance: Balance) -> bool {
    matches!(balance, Balance::Rebate { .. })
}

/// Creates the data directory where it is missing, for its owner only: it holds keys and sales.
fn create_private(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let created = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    created.with_context(|| format!("the data directory {}", dir.display()))
}
