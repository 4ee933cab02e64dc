//! Imports follow the layers and the pure layers stay pure. This reads the sources as text, so it
//! sees every item, whichever feature or `cfg(test)` hides it from the compiler; it does not follow
//! macros or re-exports.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as loudly as the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// The layers from the bottom up, each with what it may import. `config` and `cli` assemble
/// everything. Siblings do not import each other; `actors` also keep away from `wire`, which only
/// `http` brings together with them.
const LAYERS: [(&str, &[&str]); 17] = [
    ("types", &[]),
    ("scheduling", &[]),
    ("domain", &["types"]),
    ("engine", &["types", "domain"]),
    ("schema", &["types", "domain", "engine"]),
    ("journal", &["types", "scheduling", "domain", "engine"]),
    ("snapshot", &["types", "scheduling", "domain", "engine"]),
    ("vault", &["types", "domain", "engine"]),
    ("wire", &["types", "domain", "engine"]),
    ("clock", &["types", "domain", "engine", "journal", "snapshot", "vault", "wire"]),
    ("metrics", &["types", "domain", "engine", "journal", "snapshot", "vault", "wire"]),
    (
        "actors",
        &[
            "types",
            "scheduling",
            "domain",
            "engine",
            "schema",
            "journal",
            "snapshot",
            "vault",
            "clock",
            "metrics",
        ],
    ),
    (
        "http",
        &[
            "types", "domain", "engine", "journal", "snapshot", "vault", "wire", "clock",
            "metrics", "actors",
        ],
    ),
    // The load generator stands where a partner stands: it knows the wire and no server.
    ("load", &["types", "domain", "wire", "clock"]),
    ("config", EVERYTHING),
    ("cli", EVERYTHING),
    ("main", EVERYTHING),
];

const EVERYTHING: &[&str] = &[
    "types",
    "scheduling",
    "domain",
    "engine",
    "schema",
    "journal",
    "snapshot",
    "vault",
    "wire",
    "clock",
    "metrics",
    "actors",
    "http",
    "load",
    "config",
    "cli",
];

/// Layers without I/O, threads, clocks, randomness, serialisation or logging.
const PURE: [&str; 3] = ["types", "domain", "engine"];

/// What the pure layers do not mention, as paths or single words.
const IMPURE: [&[&str]; 16] = [
    &["std", "fs"],
    &["std", "net"],
    &["std", "thread"],
    &["std", "io"],
    &["std", "env"],
    &["tokio"],
    &["actix"],
    &["actix_rt"],
    &["actix_web"],
    &["serde"],
    &["serde_json"],
    &["rand"],
    &["getrandom"],
    &["tracing"],
    &["SystemTime"],
    &["Instant"],
];

#[test]
fn imports_follow_the_layers() {
    let mut faults = Vec::new();
    let mut read = 0;
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        let file = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
        faults.extend(faults_in(&file.replace('\\', "/"), &text));
        read += 1;
    }
    assert!(read > 30, "only {read} source files were found");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_check_can_fail() {
    let check = |file: &str, text: &str, expected: &[&str]| {
        assert_eq!(faults_in(file, text), expected, "{text}");
    };
    // Every arrow backwards, in each form a path can take.
    check(
        "src/domain/limits/shard.rs",
        "use crate::engine::Checkout;",
        &["src/domain/limits/shard.rs:1: domain must not import engine"],
    );
    check(
        "src/engine/checkout.rs",
        "\nfn f() { crate::actors::go(); }",
        &["src/engine/checkout.rs:2: engine must not import actors"],
    );
    check(
        "src/journal/mod.rs",
        "use crate::{\n  types::{Lsn, vault},\n  vault::KeyRing, self as me,\n  wire,\n};",
        &[
            "src/journal/mod.rs:3: journal must not import vault",
            "src/journal/mod.rs:4: journal must not import wire",
        ],
    );
    check(
        "src/types/id.rs",
        "#[cfg(test)]\nmod tests { use super::super::super::domain::order::Order; }",
        &["src/types/id.rs:2: types must not import domain"],
    );
    check(
        "src/clock.rs",
        "use crate :: metrics::Registry;",
        &["src/clock.rs:1: clock must not import metrics"],
    );
    check(
        "src/actors/mod.rs",
        "use crate::{clock, metrics::M};\nuse crate::wire::x;\npub use crate::http::Server;",
        &[
            "src/actors/mod.rs:2: actors must not import wire",
            "src/actors/mod.rs:3: actors must not import http",
        ],
    );
    check(
        "src/load/a.rs",
        "use crate::{http::X, actors::Y};",
        &[
            "src/load/a.rs:1: load must not import http",
            "src/load/a.rs:1: load must not import actors",
        ],
    );
    check("src/http/a.rs", "use crate::load::X;", &["src/http/a.rs:1: http must not import load"]);
    check(
        "src/wire/a.rs",
        "use crate::Item;",
        &["src/wire/a.rs:1: Item is not one of the modules this test knows"],
    );
    check(
        "src/wire/a.rs",
        "use crate::*;",
        &["src/wire/a.rs:1: * is not one of the modules this test knows"],
    );
    check(
        "src/extra/mod.rs",
        "",
        &["src/extra/mod.rs: extra is not one of the layers this test knows"],
    );
    // Impurity, in each form.
    for (text, what) in [
        ("use std::fs;", "std::fs"),
        ("use std::{fmt, fs::File};", "std::fs"),
        ("let t = std::time::SystemTime::now();", "SystemTime"),
        ("use std::time::{Duration, Instant};", "Instant"),
        ("#[derive(serde::Serialize)]", "serde"),
        ("async fn f() { tokio::spawn(x) }", "tokio"),
        ("fn f() { std::thread::spawn(x); }", "std::thread"),
        ("fn f() { rand::random() }", "rand"),
    ] {
        let fault = format!("src/engine/a.rs:1: engine must not mention {what}");
        check("src/engine/a.rs", text, &[&fault]);
        check("src/journal/a.rs", text, &[]);
    }
}

#[test]
fn the_check_does_not_cry_wolf() {
    let allowed = r##"
        //! Not `crate::http::Server`, at any Instant, says serde.
        use crate::types::{Fen, Lsn};
        use crate::{domain::order::{self, wire}, types};
        pub(crate) fn f<'a>(x: &'a str) -> char { '"' }
        /* use crate::cli; /* nested */ use crate::http; */
        const TEXT: &str = "crate::http \" and std::fs";
        const RAW: &str = r#"crate::cli "std::net""#;
        const TICK: char = '\''; const BYTES: &[u8] = b"tokio";
        #[cfg(test)] mod tests { use super::*; use super::super::checkout; }
        let instant = std::fmt::format; let my_rand = operand;
    "##;
    assert_eq!(faults_in("src/engine/books.rs", allowed), [""; 0]);
    let assembly = "use crate::http::Server; use crate::cli::Args; use std::fs;";
    assert_eq!(faults_in("src/config/mod.rs", assembly), [""; 0]);
    assert_eq!(faults_in("src/cli/serve.rs", assembly), [""; 0]);
    assert_eq!(faults_in("src/lib.rs", "pub mod types;"), [""; 0]);
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Everything wrong with one source file, `file` as in `src/domain/order/mod.rs`.
fn faults_in(file: &str, text: &str) -> Vec<String> {
    let inside = file.strip_prefix("src/").unwrap().trim_end_matches(".rs");
    let layer = inside.split('/').next().unwrap();
    // The root declares the modules, and the binary calls `cli`.
    let layer = if layer == "lib" { "main" } else { layer };
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
        return vec![format!("{file}: {layer} is not one of the layers this test knows")];
    };
    let module_depth = inside.trim_end_matches("/mod").split('/').count();
    let tokens = tokens(text);
    let mut faults = Vec::new();
    for (imported, line) in imports(&tokens, module_depth) {
        if !EVERYTHING.contains(&imported) {
            let unknown = "is not one of the modules this test knows";
            faults.push(format!("{file}:{line}: {imported} {unknown}"));
        } else if imported != layer && !allowed.contains(&imported) {
            faults.push(format!("{file}:{line}: {layer} must not import {imported}"));
        }
    }
    if PURE.contains(&layer) {
        let impure = mentions(&tokens).into_iter();
        faults.extend(
            impure.map(|(what, line)| format!("{file}:{line}: {layer} must not mention {what}")),
        );
    }
    faults
}

/// The top modules that paths from the crate's root name, with their lines.
fn imports<'a>(tokens: &[Token<'a>], module_depth: usize) -> Vec<(&'a str, usize)> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let after = &tokens[at + 1..];
        if token.text == "crate" && is_path(after) {
            // A `self` or `*` of the root names no layer by itself.
            found.extend(heads(&after[1..]).into_iter().filter(|(name, _)| *name != "self"));
        }
        // A chain of `super` that climbs out of the file's own modules ends in the root; an inline
        // module makes it one longer, so only the name of a layer at its end tells.
        let climbs = at == 0 || tokens[at - 1].text != "::";
        if token.text == "super" && climbs {
            let chain = tokens[at..].chunks(2).take_while(|pair| {
                pair[0].text == "super" && pair.get(1).is_some_and(|next| next.text == "::")
            });
            let length = chain.count();
            if length >= module_depth {
                let named = heads(&tokens[at + 2 * length..]).into_iter();
                found.extend(named.filter(|(name, _)| EVERYTHING.contains(name)));
            }
        }
    }
    found
}

/// Impure things mentioned, with their lines.
fn mentions(tokens: &[Token<'_>]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        for path in IMPURE {
            if token.text != path[0] {
                continue;
            }
            let after = &tokens[at + 1..];
            match path.get(1) {
                None => found.push((path[0].to_owned(), token.line)),
                Some(second) if is_path(after) => {
                    let named = heads(&after[1..]).into_iter().filter(|(name, _)| name == second);
                    found.extend(named.map(|(_, line)| (path.join("::"), line)));
                }
                Some(_) => {}
            }
        }
    }
    found
}

fn is_path(after: &[Token<'_>]) -> bool {
    after.first().is_some_and(|next| next.text == "::")
}

/// The first names after a `::`: one name, or one for each branch of a group.
fn heads<'a>(tokens: &[Token<'a>]) -> Vec<(&'a str, usize)> {
    // A glob of the root would hide what is used of it.
    let is_name = |token: &Token<'_>| {
        token.text.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '*')
    };
    let Some(first) = tokens.first() else { return Vec::new() };
    if first.text != "{" {
        return if is_name(first) { vec![(first.text, first.line)] } else { Vec::new() };
    }
    let (mut depth, mut found) = (0_usize, Vec::new());
    for pair in tokens.windows(2) {
        match pair[0].text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(pair[0].text, "{" | ",") && is_name(&pair[1]) {
            found.push((pair[1].text, pair[1].line));
        }
    }
    found
}

#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// Words, `::` and single other characters; comments, strings and character literals left out.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut tokens, mut line, mut rest) = (Vec::new(), 1, text);
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest);
        let taken = if length > 0 {
            length
        } else if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(taken);
        if length == 0 && !first.is_whitespace() {
            tokens.push(Token { text: token, line });
        }
        line += token.matches('\n').count();
        rest = after;
    }
    tokens
}

/// Length of the comment, string or character literal that `rest` begins with; 0 if none.
fn skipped(rest: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        let (mut depth, mut at) = (0_usize, 0);
        while at < rest.len() {
            let here = &rest[at..];
            let step = match here {
                _ if here.starts_with("/*") => {
                    depth += 1;
                    2
                }
                _ if here.starts_with("*/") => {
                    depth -= 1;
                    2
                }
                _ => here.chars().next().map_or(1, char::len_utf8),
            };
            at += step;
            if depth == 0 {
                return at;
            }
        }
        return rest.len();
    }
    let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r')).unwrap_or("");
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    if raw[hashes..].starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        let body = &raw[hashes + 1..];
        let body_end = body.find(&end).map_or(body.len(), |at| at + end.len());
        return rest.len() - body.len() + body_end;
    }
    let prefix = usize::from(rest.starts_with("b\"") || rest.starts_with("b'"));
    match rest[prefix..].chars().next() {
        Some('"') => quoted(rest, prefix, '"'),
        // `'a'` and `'\n'` are characters; `'a` alone is a lifetime.
        Some('\'') => {
            let mut inside = rest[prefix + 1..].chars();
            let escaped = inside.next() == Some('\\');
            if escaped || inside.next() == Some('\'') { quoted(rest, prefix, '\'') } else { 0 }
        }
        _ => 0,
    }
}

fn quoted(rest: &str, prefix: usize, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest[prefix + 1..].char_indices() {
        if !escaped && c == quote {
            return prefix + 1 + at + quote.len_utf8();
        }
        escaped = !escaped && c == '\\';
    }
    rest.len()
}
