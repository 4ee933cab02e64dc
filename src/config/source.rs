//! Settings and where each came from. Keys are dotted paths: `journal.segment_bytes`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use toml::{Table, Value};

/// Where a setting came from. Later variants override earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The default.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable, by name.
    Environment(String),
    /// A flag of the command line, e.g. `--listen`.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One setting and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its value.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// Settings by key.
pub(super) type Settings = BTreeMap<String, Setting>;

/// Every setting of a table, by its path.
pub(super) fn leaves(table: &Table) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect(table, "", &mut found);
    found
}

fn collect(table: &Table, prefix: &str, found: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(table) => collect(table, &key, found),
            value => {
                found.insert(key, value.clone());
            }
        }
    }
}

/// The table that has these settings.
pub(super) fn table<'a>(settings: impl Iterator<Item = (&'a String, &'a Value)>) -> Table {
    let mut root = Table::new();
    for (key, value) in settings {
        let mut path = key.split('.').collect::<Vec<_>>();
        let name = path.pop().unwrap_or_default();
        let mut table = &mut root;
        for section in path {
            let below = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            // Keys are leaves of one documented tree, so no section is a setting as well.
            let Value::Table(below) = below else { return root };
            table = below;
        }
        table.insert(name.to_owned(), value.clone());
    }
    root
}

/// What a documented configuration file says: its defaults, and examples of the keys that have none.
#[derive(Clone, Debug)]
pub(super) struct Documented {
    /// Value of every key that has a default.
    pub(super) defaults: BTreeMap<String, Value>,
    /// An example for every key that is absent by default: a line that begins with `#key =`, the sign
    /// and the key without a space between them.
    pub(super) absent: BTreeMap<String, Value>,
}

impl Documented {
    /// Reads a documented configuration file.
    ///
    /// # Errors
    /// What the TOML reader says.
    pub(super) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let defaults = leaves(&text.parse::<Table>()?);
        let uncommented: Vec<&str> =
            text.lines().map(|line| optional(line).unwrap_or(line)).collect();
        let mut absent = leaves(&uncommented.join("\n").parse::<Table>()?);
        absent.retain(|key, _| !defaults.contains_key(key));
        Ok(Self { defaults, absent })
    }

    /// A value that shows the type of a key, or `None` when there is no such key.
    pub(super) fn example(&self, key: &str) -> Option<&Value> {
        self.defaults.get(key).or_else(|| self.absent.get(key))
    }

    /// Sections, by path.
    pub(super) fn sections(&self) -> BTreeSet<&str> {
        let keys = self.defaults.keys().chain(self.absent.keys());
        keys.filter_map(|key| key.rsplit_once('.').map(|(section, _)| section)).collect()
    }
}

/// The setting in a line that begins with `#key =`.
fn optional(line: &str) -> Option<&str> {
    let setting = line.strip_prefix('#')?;
    let (key, _) = setting.split_once(" = ")?;
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_key.then_some(setting)
}
