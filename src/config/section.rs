//! The sections that belong to no module below: where data lies, how to log, what to refuse.

use std::path::PathBuf;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;

/// Value of `data.import` that stands for the demo catalogue inside the program.
pub const BUILT_IN_DEMO: &str = "demo";

/// Where the data is and what an empty store begins with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Directory of journal, snapshots and keys; created when missing.
    pub dir: PathBuf,
    /// What an empty store imports: [`BUILT_IN_DEMO`], the path of a catalogue file or of a folder of
    /// them, or nothing.
    pub import: String,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { dir: "var".into(), import: BUILT_IN_DEMO.to_owned() }
    }
}

/// The data directory has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("data.dir must not be empty")]
pub struct DataConfigError;

impl DataConfig {
    /// Checks the whole section.
    ///
    /// # Errors
    /// [`DataConfigError`].
    pub fn validate(&self) -> Result<(), DataConfigError> {
        if self.dir.as_os_str().is_empty() { Err(DataConfigError) } else { Ok(()) }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Log lines; they go to standard error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoggingConfig {
    /// How they look.
    pub format: LogFormat,
    /// Which are written: `error`, `warn`, `info`, `debug`, `trace`, or directives by module such as
    /// `info,piaoku::journal=debug`.
    pub filter: String,
}

impl Default for LoggingConfig {
    fn default() -> Self {
        // sled and the HTTP server report their housekeeping at the level of information.
        let filter =
            "info,sled=warn,actix_server=warn,actix_http=off,ureq=off,ureq_proto=off".to_owned();
        Self { format: LogFormat::default(), filter }
    }
}

/// The filter is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("logging.filter {filter:?} cannot be read: {reason}")]
pub struct LoggingConfigError {
    filter: String,
    reason: String,
}

impl LoggingConfig {
    /// Checks the whole section.
    ///
    /// # Errors
    /// [`LoggingConfigError`].
    pub fn validate(&self) -> Result<(), LoggingConfigError> {
        self.filter().map(drop)
    }

    /// The filter to log with.
    ///
    /// # Errors
    /// [`LoggingConfigError`].
    pub fn filter(&self) -> Result<EnvFilter, LoggingConfigError> {
        EnvFilter::try_new(&self.filter).map_err(|error| LoggingConfigError {
            filter: self.filter.clone(),
            reason: error.to_string(),
        })
    }
}

/// Guards against unsafe set-ups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecurityConfig {
    /// Serve a catalogue whose secrets are public on an address that others can reach.
    pub allow_demo_secrets_off_loopback: bool,
}
