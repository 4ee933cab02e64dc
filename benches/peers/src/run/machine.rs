//! Where and of what a result is: machine, file system, commit, date.

use std::path::Path;
use std::time::Duration;

use piaoku::clock::{Clock as _, SystemClock};
use piaoku::types::ServiceDate;
use serde_json::{Value, json};

use super::process;

/// What a result has to name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    facts: Vec<(&'static str, String)>,
}

impl Machine {
    /// Asks the system; what it does not tell is "unknown".
    pub(crate) async fn look(dir: &Path, versions: Vec<(&'static str, String)>) -> Self {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let memory = field("/proc/meminfo", "MemTotal");
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split_whitespace().next().unwrap_or_default().to_owned();
        let dir_shown = dir.to_string_lossy();
        let disk = said("findmnt", &["-n", "-o", "FSTYPE,SOURCE", "-T", &dir_shown]).await;
        let commit = said("git", &["rev-parse", "--short", "HEAD"]).await;
        let changes = said("git", &["status", "--porcelain", "--untracked-files=no"]).await;
        let commit = if changes.is_empty() { commit } else { format!("{commit} and changes") };
        let mut facts = vec![
            ("date", ServiceDate::at(SystemClock.now(), 0).to_string()),
            ("commit", commit),
            ("compiler", said("rustc", &["--version"]).await),
            ("cores", cores.to_string()),
            ("processor", field("/proc/cpuinfo", "model name")),
            ("memory", memory),
            ("kernel", kernel.trim().to_owned()),
            ("disk", disk.split_whitespace().collect::<Vec<_>>().join(" ")),
            ("load average before", load),
        ];
        facts.extend(versions);
        for (_, fact) in &mut facts {
            if fact.is_empty() {
                "unknown".clone_into(fact);
            }
        }
        Self { facts }
    }

    /// Whether the file system keeps nothing through a power cut, so that a sync is free.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.facts.iter().any(|(name, fact)| *name == "disk" && fact.starts_with("tmpfs"))
    }

    /// A list.
    pub(crate) fn to_markdown(&self) -> String {
        self.facts.iter().map(|(name, fact)| format!("- {name}: {fact}\n")).collect()
    }

    /// One object.
    pub(crate) fn to_json(&self) -> Value {
        self.facts.iter().map(|(name, fact)| ((*name).to_owned(), json!(fact))).collect()
    }
}

fn field(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim()).to_owned()
}

async fn said(program: &str, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(program);
    command.args(arguments);
    let said = process::run(command, Duration::from_secs(5)).await.unwrap_or_default();
    said.trim().to_owned()
}
