use std::collections::BTreeSet;

use toml::{Table, Value};

use super::source::Documented;
use super::*;

/// Loads a file with this text, and variables and flags.
fn loaded(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &'static str, &str)],
) -> Result<Loaded, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(&path, file).unwrap();
    let environment = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    let flags = flags.iter().map(|(name, key, value)| (*name, *key, (*value).to_owned()));
    let sources = Sources {
        file: Some(path.clone()),
        environment: environment.collect(),
        flags: flags.collect(),
    };
    load(&sources).map_err(|problems| {
        let shown = problems.0.iter().map(ToString::to_string);
        shown.map(|text| text.replace(&path.display().to_string(), "FILE")).collect()
    })
}

fn problems(file: &str, environment: &[(&str, &str)]) -> Vec<String> {
    loaded(file, environment, &[]).expect_err("it has a problem")
}

#[test]
fn the_documented_values_are_the_defaults() {
    let documented: Config = toml::from_str(DEFAULTS).unwrap();
    assert_eq!(format!("{documented:#?}"), format!("{:#?}", Config::default()));
    assert_eq!(Config::default().problems(), [""; 0]);
    assert!(loaded("", &[], &[]).is_ok());
}

#[test]
fn every_key_is_documented_and_every_documented_key_exists() {
    let documented = Documented::parse(DEFAULTS).unwrap();
    let mut all = DEFAULTS.parse::<Table>().unwrap();
    let mut sections: Vec<String> = documented.sections().into_iter().map(Into::into).collect();
    // Sections that hold nothing but sections are sections, too.
    sections.push(String::new());
    for section in sections {
        let probe = "no_such_key";
        let table = section
            .split('.')
            .filter(|name| !name.is_empty())
            .fold(&mut all, |table, name| table[name].as_table_mut().unwrap());
        table.insert(probe.to_owned(), Value::Boolean(true));
        // The refusal of an unknown key lists the known ones.
        let refusal = Config::deserialize(all.clone()).unwrap_err().to_string();
        let table = section
            .split('.')
            .filter(|name| !name.is_empty())
            .fold(&mut all, |table, name| table[name].as_table_mut().unwrap());
        table.remove(probe);
        let quoted: BTreeSet<&str> = refusal.split('`').skip(1).step_by(2).collect();
        let fields: BTreeSet<&str> =
            quoted.into_iter().filter(|name| *name != probe && *name != section).collect();
        let prefix = if section.is_empty() { String::new() } else { format!("{section}.") };
        let keys = documented.defaults.keys().chain(documented.absent.keys());
        let names: BTreeSet<&str> = keys
            .filter_map(|key| key.strip_prefix(&prefix))
            .map(|rest| rest.split('.').next().unwrap_or(rest))
            .collect();
        assert_eq!(fields, names, "[{section}]: {refusal}");
    }
}

#[test]
fn every_key_says_why() {
    // A comment stands before each setting; several settings may share one.
    let mut commented = false;
    for line in DEFAULTS.lines() {
        let is_setting = line.contains(" = ") && !line.starts_with("# ");
        if is_setting {
            assert!(commented, "{line}");
        }
        commented = line.starts_with('#');
    }
}

#[test]
fn later_sources_override_earlier_ones() {
    let file = "[http]\nlisten = \"127.0.0.1:1\"\n[engine]\ntick_ms = 7\n[data]\ndir = \"file\"";
    let environment = [("PIAOKU__HTTP__LISTEN", "127.0.0.1:2"), ("PIAOKU__DATA__DIR", "env")];
    let flags = [("--listen", "http.listen", "127.0.0.1:3")];
    let loaded = loaded(file, &environment, &flags).unwrap();
    assert_eq!(loaded.config.http.listen, "127.0.0.1:3");
    assert_eq!(loaded.config.data.dir.to_str(), Some("env"));
    assert_eq!(loaded.config.engine.tick_ms, 7);
    let origin = |key: &str| loaded.settings[key].origin.clone();
    assert_eq!(origin("http.listen"), Origin::Flag("--listen"));
    assert_eq!(origin("data.dir"), Origin::Environment("PIAOKU__DATA__DIR".to_owned()));
    assert!(matches!(origin("engine.tick_ms"), Origin::File(_)));
    assert_eq!(origin("engine.partitions"), Origin::Default);
}

#[test]
fn the_environment_gives_every_type_and_keys_absent_by_default() {
    let environment = [
        ("PIAOKU__JOURNAL__ARCHIVE_SEGMENTS_MAX", "3"),
        ("PIAOKU__SNAPSHOT__VERIFY_AT_OPEN", "false"),
        ("PIAOKU__SNAPSHOT__MODE", "low_space"),
        ("PIAOKU_DATA_KEY", "not one of ours"),
        ("HOME", "/"),
    ];
    let config = loaded("", &environment, &[]).unwrap().config;
    assert_eq!(config.journal.archive_segments_max, Some(3));
    assert!(!config.snapshot.verify_at_open);
    assert_eq!(config.snapshot.mode, crate::snapshot::SnapshotMode::LowSpace);
}

#[test]
fn unknown_keys_are_refused_by_name_and_source() {
    let check = |file: &str, environment: &[(&str, &str)], expected: &str| {
        assert_eq!(problems(file, environment), [expected]);
    };
    check("[data]\npath = \"x\"", &[], "FILE: unknown key data.path; section data has dir, import");
    check(
        "",
        &[("PIAOKU__DATA__DIRECTORY", "x")],
        "environment PIAOKU__DATA__DIRECTORY: unknown key data.directory; section data has dir, import",
    );
    let found = problems("[dota]\ndir = \"x\"\n", &[]);
    assert!(found[0].starts_with("FILE: unknown key dota.dir; the sections are "), "{found:?}");
    assert!(found[0].contains("callback, data, engine"), "{found:?}");
}

#[test]
fn everything_wrong_is_told_at_once() {
    let file = "[engine]\npartitions = \"two\"\ntick_ms = 0\n[journal]\nsync = \"never\"\n\
                [logging]\nfilter = \"piaoku=loud\"";
    let found = problems(file, &[("PIAOKU__ENGINE__IN_FLIGHT_MAX", "many")]);
    assert_eq!(found.len(), 5, "{found:#?}");
    assert_eq!(found[0], "FILE: engine.partitions is a text, it must be an integer");
    assert_eq!(
        found[1],
        "environment PIAOKU__ENGINE__IN_FLIGHT_MAX: engine.in_flight_max is a text, it must be an integer"
    );
    assert!(found[2].starts_with("[journal]: unknown variant `never`"), "{found:#?}");
    assert_eq!(found[3], "FILE: engine.tick_ms must be 1 to 60000");
    assert!(found[4].starts_with("FILE: logging.filter \"piaoku=loud\" cannot be read"));
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_a_problem() {
    assert!(problems("[data", &[])[0].starts_with("FILE: TOML parse error"));
    let sources = Sources { file: Some("/no/such/file".into()), ..Sources::default() };
    let found = load(&sources).unwrap_err().to_string();
    assert!(found.contains("/no/such/file: cannot be read"), "{found}");
}

#[test]
fn a_key_is_not_taken_for_one_that_begins_with_it() {
    let found = problems("[snapshot]\nqueue_len_max = 5\nload_queue_len_max = 0", &[]);
    assert_eq!(found, ["FILE: snapshot.load_queue_len_max must be 1 to 1000000"]);
}
