//! The whole configuration: assembled from four sources, checked as a whole, explained key by key.
//!
//! Each module owns its own section's type and bounds; this one only puts them together. It reads no
//! environment itself: whoever loads hands the variables over. Catalogue files are read here as well,
//! see [`catalogue_file`].

pub mod catalogue_file;
mod load;
mod section;
mod source;

pub use load::{Loaded, Problem, Problems, Sources, load};
pub use section::{
    BUILT_IN_DEMO, DataConfig, DataConfigError, LogFormat, LoggingConfig, LoggingConfigError,
    SecurityConfig,
};
pub use source::{Origin, Setting};

use serde::Deserialize;

use crate::actors::{CallbackConfig, EngineConfig};
use crate::http::{AdminConfig, HttpConfig};
use crate::journal::JournalConfig;
use crate::snapshot::SnapshotConfig;

/// Everything that can be configured. `config.toml` has every key with its default, unit and reason.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the data is and what an empty store begins with.
    pub data: DataConfig,
    /// The HTTP server and the partners' protocols.
    pub http: HttpConfig,
    /// The actor system.
    pub engine: EngineConfig,
    /// Calling agents back.
    pub callback: CallbackConfig,
    /// The journal.
    pub journal: JournalConfig,
    /// The snapshot store.
    pub snapshot: SnapshotConfig,
    /// Log lines.
    pub logging: LoggingConfig,
    /// The operators' interface.
    pub admin: AdminConfig,
    /// Guards against unsafe set-ups.
    pub security: SecurityConfig,
}

impl Config {
    /// Checks every section, and returns what is wrong with each that is not right.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let results = [
            self.data.validate().map_err(|error| error.to_string()),
            self.http.validate().map_err(|error| error.to_string()),
            self.engine.validate().map_err(|error| error.to_string()),
            self.callback.validate().map_err(|error| error.to_string()),
            self.journal.validate().map_err(|error| error.to_string()),
            self.snapshot.validate().map_err(|error| error.to_string()),
            self.logging.validate().map_err(|error| error.to_string()),
            self.admin.validate().map_err(|error| error.to_string()),
        ];
        results.into_iter().filter_map(Result::err).collect()
    }
}

/// The file that documents every key; its values are the defaults.
pub const DEFAULTS: &str = include_str!("../../config.toml");

#[cfg(test)]
mod tests;
