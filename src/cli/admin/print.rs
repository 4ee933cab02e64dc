//! An answer for people: a line a value, and a table for every list of objects.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The answer as text.
pub(super) fn table(answer: &Value) -> String {
    let mut text = String::new();
    match answer {
        Value::Object(members) => object(&mut text, "", members),
        other => drop(writeln!(text, "{}", cell(other))),
    }
    text
}

/// Plain values first, then what has parts of its own, each under its path.
fn object(text: &mut String, path: &str, members: &Map<String, Value>) {
    let has_parts = |value: &&Value| match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(values) => values.iter().any(Value::is_object),
        _ => false,
    };
    let plain = || members.iter().filter(|(_, value)| !has_parts(value));
    let width = plain().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    for (key, value) in plain() {
        let _ = writeln!(text, "{key:width$}  {}", cell(value));
    }
    for (key, value) in members.iter().filter(|(_, value)| has_parts(value)) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            Value::Object(members) => {
                let _ = writeln!(text, "\n{path}");
                object(text, &path, members);
            }
            Value::Array(values) => list(text, &path, values),
            _ => {}
        }
    }
}

/// A table where every entry has plain values only, and one entry after the other where not.
fn list(text: &mut String, path: &str, values: &[Value]) {
    let rows: Vec<&Map<String, Value>> = values.iter().filter_map(Value::as_object).collect();
    let is_plain = |value: &Value| match value {
        Value::Object(_) => false,
        Value::Array(values) => values.is_empty() || !values.iter().any(Value::is_object),
        _ => true,
    };
    if !rows.iter().all(|row| row.values().all(is_plain)) {
        for (index, row) in rows.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let _ = writeln!(text, "\n{path}");
            object(text, &path, row);
        }
        return;
    }
    let mut columns: Vec<&str> = Vec::new();
    for key in rows.iter().flat_map(|row| row.keys()) {
        if !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    let _ = writeln!(text, "\n{path}");
    let cells = |row: &Map<String, Value>| -> Vec<String> {
        columns.iter().map(|key| row.get(*key).map(cell).unwrap_or_default()).collect()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| cells(row)).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([columns[column].chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let headings: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    for row in std::iter::once(&headings).chain(&rows) {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let _ = writeln!(text, "  {}", padded.collect::<Vec<_>>().join("  ").trim_end());
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_become_tables_and_the_rest_lines() {
        let answer = json!({
            "product": "P-TINY",
            "date": null,
            "places": [{ "area": "A", "free": 12 }, { "area": "BB", "free": 3 }],
            "refused": { "code": "sold_out" },
            "spans": ["08:00-11:00", "11:00-14:00"],
        });
        let expected = "product  P-TINY\n\
                        date     -\n\
                        spans    08:00-11:00, 11:00-14:00\n\
                        \n\
                        places\n  area  free\n  A     12\n  BB    3\n\
                        \n\
                        refused\n\
                        code  sold_out\n";
        assert_eq!(table(&answer), expected);
    }

    #[test]
    fn what_has_lists_inside_is_told_one_after_the_other() {
        let answer = json!({ "checks": [{ "kind": "slot", "places": [{ "free": 1 }] }] });
        let expected = "\nchecks[0]\nkind  slot\n\nchecks[0].places\n  free\n  1\n";
        assert_eq!(table(&answer), expected);
    }
}
