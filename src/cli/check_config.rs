//! `piaoku check-config`: the configuration as it would be used, and where each value comes from.
//! Secrets are not shown.

use std::fmt::Write as _;
use std::process::ExitCode;

use toml::Value;

use super::arguments::ServeArguments;
use crate::config::{self, Loaded};

/// Keys whose values are secret, wherever they stand.
const SECRET_KEYS: [&str; 1] = ["token"];
/// Shown in place of a secret. Long enough to be one, so that what is shown can be read again.
const HIDDEN: &str = "****************";

pub(super) fn run(arguments: &ServeArguments) -> anyhow::Result<ExitCode> {
    print!("{}", shown(&config::load(&arguments.sources())?));
    Ok(ExitCode::SUCCESS)
}

/// The configuration as TOML, each line with its origin.
fn shown(loaded: &Loaded) -> String {
    let lines = loaded.settings.iter().filter_map(|(key, setting)| {
        let (section, name) = key.rsplit_once('.')?;
        let mut value = setting.value.clone();
        hide_secrets(name, &mut value);
        Some((section, format!("{name} = {value}"), setting.origin.to_string()))
    });
    let mut lines: Vec<_> = lines.collect();
    // Keys come in the order of their paths, in which a section's settings lie around its subsections.
    lines.sort_by_key(|(section, ..)| *section);
    // Long values keep their distance from the comment but do not push every other one away.
    let width = lines.iter().map(|(_, line, _)| line.chars().count()).filter(|w| *w <= 48).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    let mut present = "";
    for (section, line, origin) in &lines {
        if *section != present {
            let gap = if present.is_empty() { "" } else { "\n" };
            present = section;
            let _ = writeln!(text, "{gap}[{section}]");
        }
        let _ = writeln!(text, "{line:width$}  # {origin}");
    }
    text
}

/// Replaces every secret in a value of that name.
fn hide_secrets(name: &str, value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| hide_secrets(name, item)),
        Value::Table(table) => {
            table.iter_mut().for_each(|(name, value)| hide_secrets(name, value));
        }
        _ if SECRET_KEYS.contains(&name) => *value = Value::String(HIDDEN.to_owned()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};

    #[test]
    fn what_is_shown_is_a_configuration_with_the_same_meaning() {
        let loaded = config::load(&Sources::default().with_flag(
            "--data-dir",
            "data.dir",
            Some("somewhere".to_owned()),
        ));
        let loaded = loaded.unwrap();
        let text = shown(&loaded);
        let again: Config = toml::from_str(&text).unwrap();
        assert_eq!(format!("{again:?}"), format!("{:?}", loaded.config));
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line("dir = ").ends_with("  # --data-dir"), "{text}");
        assert!(line("tick_ms = ").contains("  # "), "{text}");
        assert!(line("token = ").contains("name = \"demo\""), "{text}");
        assert!(!text.contains(crate::http::DEMO_TOKEN), "{text}");
        let gates = line("gates = ");
        assert!(gates.contains("demo-gate") && !gates.contains(crate::http::DEMO_GATE_TOKEN));
    }
}
