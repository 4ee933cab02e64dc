//! `piaoku check-config`: the configuration as it would be used, and where each value comes from.

use std::fmt::Write as _;
use std::process::ExitCode;

use toml::Value;

use super::arguments::ServeArguments;
use crate::config::{self, Loaded};

pub(super) fn run(arguments: &ServeArguments) -> anyhow::Result<ExitCode> {
    print!("{}", shown(&config::load(&arguments.sources())?));
    Ok(ExitCode::SUCCESS)
}

/// The configuration as TOML, each line with its origin.
fn shown(loaded: &Loaded) -> String {
    let lines = loaded.settings.iter().filter_map(|(key, setting)| {
        let (section, name) = key.rsplit_once('.')?;
        let value = hide_tokens(setting.value.clone());
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

/// A value with a row of stars for every token in it: what is shown ends up in tickets and chats.
fn hide_tokens(value: Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(values.into_iter().map(hide_tokens).collect()),
        Value::Table(members) => {
            let hidden = members.into_iter().map(|(name, value)| match name.as_str() {
                "token" => (name, Value::String("*".repeat(24))),
                _ => (name, hide_tokens(value)),
            });
            Value::Table(hidden.collect())
        }
        other => other,
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
    }
}
