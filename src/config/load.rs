//! Puts the sources together and finds everything that is wrong with them at once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::source::{Documented, Origin, Setting, Settings, leaves, table};
use super::{Config, DEFAULTS};

/// Environment variables that set a key begin so: `PIAOKU__JOURNAL__SEGMENT_BYTES`.
const PREFIX: &str = "PIAOKU__";
/// Read when no file is named and it is there.
const DEFAULT_FILE: &str = "config.toml";

/// What a configuration is made from; each overrides the one before.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file named by `--config`. Without one `config.toml` in the present directory is read, if
    /// it is there.
    pub file: Option<PathBuf>,
    /// Environment variables; others than ours are passed over.
    pub environment: Vec<(String, String)>,
    /// Flags: name, key, value.
    pub flags: Vec<(&'static str, &'static str, String)>,
}

impl Sources {
    /// A file and this process's environment.
    #[must_use]
    pub fn from_process(file: Option<PathBuf>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { file, environment, flags: Vec::new() }
    }

    /// Adds a flag, if it was given.
    #[must_use]
    pub fn with_flag(
        mut self,
        name: &'static str,
        key: &'static str,
        value: Option<String>,
    ) -> Self {
        self.flags.extend(value.map(|value| (name, key, value)));
        self
    }
}

/// A configuration that holds, and where each setting came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Every setting by key, those that are absent by default only where they were given.
    pub settings: BTreeMap<String, Setting>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The source at fault; `None` when it is the values together.
    pub origin: Option<Origin>,
    /// What is wrong, naming the key.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Everything that is wrong, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// Puts the sources together.
///
/// # Errors
/// Every [`Problem`]: files that cannot be read, unknown keys, values of the wrong type or out of
/// bounds.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let mut loader = Loader::new();
    match &sources.file {
        Some(path) => loader.file(path),
        None if Path::new(DEFAULT_FILE).exists() => loader.file(Path::new(DEFAULT_FILE)),
        None => {}
    }
    for (name, value) in &sources.environment {
        if let Some(path) = name.strip_prefix(PREFIX) {
            let key = path.split("__").map(str::to_ascii_lowercase).collect::<Vec<_>>().join(".");
            loader.text(key, value, Origin::Environment(name.clone()));
        }
    }
    for (name, key, value) in &sources.flags {
        loader.text((*key).to_owned(), value, Origin::Flag(name));
    }
    loader.finish()
}

struct Loader {
    documented: Documented,
    settings: Settings,
    problems: Vec<Problem>,
}

impl Loader {
    fn new() -> Self {
        let documented = Documented::parse(DEFAULTS).expect("a unit test reads the embedded file");
        let defaults = documented.defaults.iter().map(|(key, value)| {
            (key.clone(), Setting { value: value.clone(), origin: Origin::Default })
        });
        Self { settings: defaults.collect(), documented, problems: Vec::new() }
    }

    fn file(&mut self, path: &Path) {
        let origin = Origin::File(path.to_owned());
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.problem(&origin, format!("cannot be read: {error}")),
        };
        match text.parse::<Table>() {
            Ok(table) => {
                for (key, value) in leaves(&table) {
                    self.set(key, value, origin.clone());
                }
            }
            Err(error) => self.problem(&origin, error.to_string()),
        }
    }

    /// A setting given as text: of whatever type its key has.
    fn text(&mut self, key: String, text: &str, origin: Origin) {
        let value = match self.documented.example(&key) {
            Some(Value::String(_)) | None => Ok(Value::String(text.to_owned())),
            Some(_) => format!("value = {text}").parse::<Table>().map(|mut table| {
                table.remove("value").unwrap_or_else(|| Value::String(text.to_owned()))
            }),
        };
        // What is no TOML value is text, and of the wrong type.
        let value = value.unwrap_or_else(|_| Value::String(text.to_owned()));
        self.set(key, value, origin);
    }

    fn set(&mut self, key: String, value: Value, origin: Origin) {
        let Some(example) = self.documented.example(&key) else {
            let what = self.unknown(&key);
            return self.problem(&origin, what);
        };
        if example.same_type(&value) {
            self.settings.insert(key, Setting { value, origin });
        } else {
            let (found, wanted) = (described(&value), described(example));
            self.problem(&origin, format!("{key} is {found}, it must be {wanted}"));
        }
    }

    fn unknown(&self, key: &str) -> String {
        let section = key.rsplit_once('.').map_or("", |(section, _)| section);
        let sections = self.documented.sections();
        if !sections.contains(section) {
            let known: Vec<&str> = sections.into_iter().collect();
            return format!("unknown key {key}; the sections are {}", known.join(", "));
        }
        let keys = self.documented.defaults.keys().chain(self.documented.absent.keys());
        let known: Vec<&str> = keys
            .filter_map(|known| known.rsplit_once('.'))
            .filter_map(|(of, name)| (of == section).then_some(name))
            .collect();
        format!("unknown key {key}; section {section} has {}", known.join(", "))
    }

    fn problem(&mut self, origin: &Origin, what: String) {
        self.problems.push(Problem { origin: Some(origin.clone()), what });
    }

    fn finish(mut self) -> Result<Loaded, Problems> {
        let values = self.settings.iter().map(|(key, setting)| (key, &setting.value));
        let mut root = table(values);
        let config = Config {
            data: self.section(&mut root, "data"),
            http: self.section(&mut root, "http"),
            engine: self.section(&mut root, "engine"),
            callback: self.section(&mut root, "callback"),
            journal: self.section(&mut root, "journal"),
            snapshot: self.section(&mut root, "snapshot"),
            logging: self.section(&mut root, "logging"),
            admin: self.section(&mut root, "admin"),
            security: self.section(&mut root, "security"),
        };
        let together = config.problems().into_iter().map(|what| {
            let named = self
                .settings
                .iter()
                .find(|(key, setting)| setting.origin != Origin::Default && mentions(&what, key));
            Problem { origin: named.map(|(_, setting)| setting.origin.clone()), what }
        });
        self.problems.extend(together);
        if self.problems.is_empty() {
            Ok(Loaded { config, settings: self.settings })
        } else {
            Err(Problems(self.problems))
        }
    }

    /// One section. Where it cannot be read its defaults stand in, so that the others are checked too.
    fn section<T: Default + DeserializeOwned>(&mut self, root: &mut Table, name: &str) -> T {
        let section = root.remove(name).unwrap_or_else(|| Value::Table(Table::new()));
        section.try_into().unwrap_or_else(|error: toml::de::Error| {
            // The reader names the key on a line of its own.
            let text = error.to_string().trim().replace('\n', " ");
            self.problems.push(Problem { origin: None, what: format!("[{name}]: {text}") });
            T::default()
        })
    }
}

/// Whether a problem speaks of a key: as a whole word, for one key may begin another.
fn mentions(what: &str, key: &str) -> bool {
    what.match_indices(key).any(|(at, _)| {
        let after = what[at + key.len()..].chars().next();
        !after.is_some_and(|next| next.is_alphanumeric() || next == '_')
    })
}

fn described(value: &Value) -> String {
    let kind = match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    };
    kind.to_owned()
}
