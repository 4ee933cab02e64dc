//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::admin::AdminArguments;
use super::call::CallArguments;
use super::ledger::parse_day;
use super::load::LoadArguments;
use crate::config::Sources;
use crate::types::ServiceDate;

/// Piaoku (票库): a ticket-inventory engine. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "piaoku", version, about, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// Flags of `serve`, which is done without a command.
    #[command(flatten)]
    pub(super) serve: ServeArguments,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve the partners' interfaces until SIGINT or SIGTERM (also done without a command)
    Serve(ServeArguments),
    /// Print the effective configuration and where each value comes from
    CheckConfig(ServeArguments),
    /// Import a catalogue file, or a folder of them, into a stopped store
    Import(ImportArguments),
    /// Check every invariant over what is stored; changes nothing, works beside a running server
    Audit(AuditArguments),
    /// Print what an agent has with suppliers and how it came about; works beside a running server
    Statement(StatementArguments),
    /// Write a day's movements of every balance as CSV and check them against the audit's balances
    Reconcile(ReconcileArguments),
    /// Act as a partner: build, sign and send one real request, and print both sides
    Call(Box<CallArguments>),
    /// Measure a server with requests as partners send them
    Load(Box<LoadArguments>),
    /// As an operator: look into a running server and change what it sells
    Admin(Box<AdminArguments>),
}

/// Flags of `serve` and `check-config`.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ServeArguments {
    #[command(flatten)]
    pub(super) store: StoreArguments,
    /// Address to listen on [configuration: http.listen]
    #[arg(long, value_name = "ADDR")]
    pub(super) listen: Option<String>,
}

/// Which configuration and which data.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct StoreArguments {
    /// Configuration file [default: config.toml in this directory, where there is one]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Directory of the journal, the snapshots and the keys [configuration: data.dir]
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<String>,
}

/// Flags of `import`.
#[derive(Clone, Debug, Args)]
pub(super) struct ImportArguments {
    /// A catalogue file (TOML), or a folder whose *.toml files are imported by name
    #[arg(value_name = "PATH")]
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) store: StoreArguments,
}

/// Flags of `audit`.
#[derive(Clone, Debug, Args)]
pub(super) struct AuditArguments {
    #[command(flatten)]
    pub(super) store: StoreArguments,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(super) json: bool,
    /// Where a copy of the snapshots is made and removed again [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    pub(super) scratch: Option<PathBuf>,
}

/// Flags of `statement`.
#[derive(Clone, Debug, Args)]
pub(super) struct StatementArguments {
    /// The agent's id
    #[arg(long, value_name = "ID")]
    pub(super) agent: String,
    /// One supplier's id [default: all of them]
    #[arg(long, value_name = "ID")]
    pub(super) supplier: Option<String>,
    /// First day at the venue, 2026-11-21
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    pub(super) from: ServiceDate,
    /// Last day
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    pub(super) to: ServiceDate,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: StatementFormat,
    #[command(flatten)]
    pub(super) store: StoreArguments,
}

/// How a statement is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum StatementFormat {
    /// For people.
    #[default]
    Table,
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
}

/// Flags of `reconcile`.
#[derive(Clone, Debug, Args)]
pub(super) struct ReconcileArguments {
    /// The day at each venue, 2026-11-21
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    pub(super) date: ServiceDate,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) store: StoreArguments,
}

impl StoreArguments {
    /// The sources of the configuration.
    pub(super) fn sources(&self) -> Sources {
        let sources = Sources::from_process(self.config.clone());
        sources.with_flag("--data-dir", "data.dir", self.data_dir.clone())
    }
}

impl ServeArguments {
    /// The sources of the configuration.
    pub(super) fn sources(&self) -> Sources {
        self.store.sources().with_flag("--listen", "http.listen", self.listen.clone())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parsed(line: &str) -> Arguments {
        Arguments::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn serving_needs_no_command() {
        assert!(parsed("piaoku").command.is_none());
        let bare = parsed("piaoku --listen 127.0.0.1:1 --data-dir d --config c.toml");
        assert!(bare.command.is_none());
        assert_eq!(bare.serve.listen.as_deref(), Some("127.0.0.1:1"));
        let Some(Command::Serve(named)) = parsed("piaoku serve --listen 127.0.0.1:1").command
        else {
            panic!("serve");
        };
        let flags = named.sources().flags;
        assert_eq!(flags, [("--listen", "http.listen", "127.0.0.1:1".to_owned())]);
    }

    #[test]
    fn commands_have_their_flags() {
        let Some(Command::Audit(audit)) = parsed("piaoku audit --data-dir d --json").command else {
            panic!("audit");
        };
        assert!(audit.json);
        assert_eq!(audit.store.data_dir.as_deref(), Some("d"));
        let Some(Command::Import(import)) = parsed("piaoku import p --data-dir d").command else {
            panic!("import");
        };
        assert_eq!(import.path.to_str(), Some("p"));
        let Some(Command::CheckConfig(_)) = parsed("piaoku check-config --listen x").command else {
            panic!("check-config");
        };
    }

    #[test]
    fn nonsense_is_refused() {
        let check = |line: &str| {
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        };
        check("piaoku sell");
        check("piaoku --json");
        check("piaoku import");
        check("piaoku --listen x audit");
        check("piaoku call");
        check("piaoku admin");
        check("piaoku admin slot");
        check("piaoku call consult");
        check("piaoku call order --format csv");
    }
}
