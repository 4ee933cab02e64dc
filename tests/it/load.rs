//! `piaoku load` against a real server: every scenario in both formats, and what its runs promise.

use std::path::Path;

use serde_json::Value;

use crate::support::Target;
use crate::support::process::{self, Process};

const CATALOGUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/load/catalogue.toml");

/// Runs a load of some requests and gives its JSON. Nothing in it depends on how fast the machine is.
fn load(dir: &Path, server: &Process, scenario: &str, flags: &[&str]) -> Value {
    let url = format!("http://{}", server.addr());
    let mut arguments = vec!["load", scenario, "--url", &url, "--json", "-", "--warmup", "0ms"];
    arguments.extend(["--connections", "4", "--late", "60s", "--timeout", "60s"]);
    arguments.extend(flags);
    let (code, said) = process::run(dir, &arguments);
    assert_eq!(code, 0, "{scenario} {flags:?}: {said}");
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"))
}

fn count(report: &Value, name: &str) -> u64 {
    report["whole_run"][name].as_u64().unwrap_or_else(|| panic!("{name}: {report:#}"))
}

#[test]
fn every_scenario_is_accepted_in_both_formats_and_the_books_have_every_order() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start_with(dir.path(), &[("PIAOKU__DATA__IMPORT", CATALOGUE)]);
    let mut orders = 0;
    let scenarios =
        ["live", "verify", "order", "soldout", "codes", "consult", "mixed", "retry-storm"];
    for scenario in scenarios {
        for (format, rate) in [("json", "200"), ("xml", "")] {
            let mut flags = vec!["--duration", "500ms", "--format", format, "--slots", "3"];
            if !rate.is_empty() {
                flags.extend(["--rate", rate, "--arrivals", "poisson"]);
            }
            let report = load(dir.path(), &server, scenario, &flags);
            let what = format!("{scenario} {format}: {report:#}");
            let answered = if scenario == "soldout" { "refusal" } else { "success" };
            assert!(count(&report, "sent") > 0, "{what}");
            assert_eq!(count(&report, answered), count(&report, "sent"), "{what}");
            assert_eq!(report["format"], format);
            orders += report["orders_acknowledged"].as_u64().unwrap();
            if ["consult", "mixed"].contains(&scenario) {
                // The codes to preview are an order of their own.
                orders += 1;
            }
            if scenario == "retry-storm" {
                let storm = &report["retry_storm"];
                assert_eq!(storm["keys_with_several_answers"], 0, "{what}");
                assert!(storm["answers"].as_u64() > storm["keys"].as_u64(), "{what}");
                assert_eq!(report["orders_acknowledged"], storm["keys"], "{what}");
            }
        }
    }
    server.kill();
    assert_eq!(process::audit(dir.path())["orders_paid"].as_u64(), Some(orders));
}

#[test]
fn a_flash_sale_sells_its_stock_and_refuses_everybody_else() {
    let dir = tempfile::tempdir().unwrap();
    let small = std::fs::read_to_string(CATALOGUE).unwrap().replace("= 1000\n", "= 20\n");
    let catalogue = dir.path().join("small.toml");
    std::fs::write(&catalogue, small).unwrap();
    let catalogue = catalogue.to_str().unwrap();
    let server = Process::start_with(dir.path(), &[("PIAOKU__DATA__IMPORT", catalogue)]);
    let flags = ["--buyers", "60", "--stock", "20", "--duration", "60s"];
    let report = load(dir.path(), &server, "flash", &flags);
    assert_eq!(report["flash"], serde_json::json!({ "buyers": 60, "stock": 20, "bought": 20 }));
    assert_eq!((count(&report, "refusal"), count(&report, "dropped")), (40, 0));
    // Somebody who believes that there is less is told.
    let url = format!("http://{}", server.addr());
    let line = ["load", "flash", "--url", &url, "--buyers", "30", "--stock", "19"];
    let day = server.day(2);
    let (code, said) = process::run(dir.path(), &[&line[..], &["--date", &day]].concat());
    assert!(code == 1 && said.contains("oversold: 20 bought of a stock of 19"), "{code} {said}");
}

#[test]
fn a_server_of_its_own_is_audited_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let scratch = dir.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let (scratch_text, page) = (scratch.to_str().unwrap(), dir.path().join("page.html"));
    let line = ["load", "order", "--spawn", "--spawn-in", scratch_text, "--duration", "500ms"];
    let more = ["--closed", "--connections", "4", "--html", page.to_str().unwrap()];
    let (code, said) = process::run(dir.path(), &[&line[..], &more].concat());
    assert_eq!(code, 0, "{said}");
    let audit = said.lines().find(|line| line.starts_with("audit: ")).unwrap_or_default();
    let number = |after: &str| -> u64 {
        let number = audit.split(after).next().unwrap().rsplit(' ').next().unwrap();
        number.parse().unwrap_or_else(|_| panic!("{said}"))
    };
    let (booked, acknowledged) = (number(" orders in the books"), number(" acknowledged"));
    assert!(booked > 0 && booked == acknowledged, "{said}");
    assert!(audit.contains("every invariant holds"), "{said}");
    assert!(std::fs::read_to_string(&page).unwrap().contains("every invariant holds"));
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "the store is removed");
}

#[test]
fn an_interrupted_run_leaves_neither_its_server_nor_its_store() {
    let dir = tempfile::tempdir().unwrap();
    let scratch = dir.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let line = ["load", "order", "--spawn", "--spawn-in", scratch.to_str().unwrap(), "--closed"];
    let sells = |store: std::fs::DirEntry| store.path().join("store/journal").exists();
    let is_time = || std::fs::read_dir(&scratch).unwrap().any(|store| sells(store.unwrap()));
    let arguments = [&line[..], &["--duration", "600s"]].concat();
    let (code, said) = process::interrupt(dir.path(), &arguments, is_time);
    assert!(code == 1 && said.contains("interrupted"), "{code} {said}");
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "the store is removed");
}

#[test]
fn what_cannot_be_measured_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str], why: &str| {
        let (code, said) = process::run(dir.path(), arguments);
        assert!(code == 1 && said.contains(why), "{code} {said}");
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    check(&["load", "verify", "--url", &url], "cannot connect");
    check(&["load", "order", "--rate", "0"], "a number above 0");
    check(&["load", "order", "--rate", "1", "--closed"], "--closed");
    check(&["load", "order", "--duration", "25h"], "a number with a unit");
    check(&["load", "order", "--connections", "0"], "a number from 1 to");
    check(&["load", "order", "--spawn-in", "x"], "--spawn");
}
