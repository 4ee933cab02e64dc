//! `piaoku admin` and `piaoku import` as the shell runs them: what they do, and their exit codes.

use serde_json::Value;

use crate::support::partner::{self, ADD_SCENIC, DEMO, PAY, SCENIC};
use crate::support::process::{self, Process};
use crate::support::{Target, http};

/// A date as operators write it.
fn day(server: &Process, days: i32) -> String {
    let compact = server.day(days);
    format!("{}-{}-{}", &compact[..4], &compact[4..6], &compact[6..])
}

#[test]
fn operators_commands_do_what_they_say_and_exit_codes_tell() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path());
    let url = format!("http://{}", server.addr());
    let run = |line: &str, more: &[&str]| {
        let mut arguments: Vec<&str> = vec!["admin"];
        arguments.extend(line.split(' '));
        arguments.extend(["--url", &url]);
        arguments.extend(more);
        process::run(dir.path(), &arguments)
    };
    let done = |line: &str| -> Value {
        let (code, said) = run(line, &["--output", "json", "--reason", "a test"]);
        assert_eq!(code, 0, "{line}: {said}");
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{line}: {said}"))
    };
    let refused = |line: &str, why: &str| {
        let (code, said) = run(line, &["--reason", "a test"]);
        assert!(code == 2 && said.contains(why), "{line}: {code} {said}");
    };
    let when = format!("P-FLASH --date {}", day(&server, 1));

    // Products.
    assert_eq!(done("product show P-FLASH")["price"], "9.90");
    assert_eq!(done("product set P-FLASH price=8.80 on_sale=true")["price"], "8.80");
    refused("product show P-NONE", "not_found");
    refused("product set P-FLASH capacity=9", "narrowed");
    let (code, table) = run("product show P-FLASH", &[]);
    assert!(code == 0 && table.contains("8.80"), "{table}");

    // Slots.
    let places = |slot: &Value| slot["places"][0]["free"].as_i64();
    assert_eq!(places(&done(&format!("slot show {when}"))), Some(10_000));
    assert_eq!(places(&done(&format!("slot adjust {when} --withdraw 9990"))), Some(10));
    assert_eq!(places(&done(&format!("slot adjust {when} --add 1"))), Some(11));
    refused(&format!("slot adjust {when} --withdraw 12"), "not_adjusted");
    assert_eq!(done(&format!("slot close {when}"))["open"], false);
    let visitor = "--document 110101199003078515 --name 张三";
    let wanted = format!("explain --agent demo-agent --product {when} {visitor}");
    refused(&wanted, "slot_closed");
    assert_eq!(done(&format!("slot open {when}"))["open"], true);
    assert_eq!(done(&wanted)["granted"], true);

    // Money.
    let top_up = "agent top-up demo-agent --supplier 01 --amount 1.23 --reference B-1";
    let (once, twice) = (done(top_up), done(top_up));
    assert_eq!(once, twice, "a reference is credited once");
    let credit = done("agent credit demo-agent --supplier 01 --amount 5000.00");
    assert_ne!(credit, once);
    assert_eq!(done("agent accounts demo-agent"), credit);
    assert_eq!(done("agent deliveries demo-agent")["deliveries"], serde_json::json!([]));

    // Orders.
    let info = |key: &str| partner::plain_info(&server, key, "P-BULK", 2);
    let unpaid = DEMO.json(&server, ADD_SCENIC, &info("held"));
    let held = unpaid["orderid"].as_str().unwrap();
    let shown = done(&format!("order show {held}"));
    let longer = done(&format!("order extend {held} --minutes 600"));
    assert!(shown["expires_at"].as_str() < longer["expires_at"].as_str(), "{longer:#}");
    assert_eq!(DEMO.json(&server, PAY, &DEMO.pay_info(held))["resultcode"], 0);
    let back = done(&format!("order refund {held} --request R-1"));
    assert_eq!((&back["state"], &back["repeated"]), (&"refunded".into(), &false.into()));
    assert_eq!(done(&format!("order refund {held} --request R-1"))["repeated"], true);
    refused(&format!("order replay {held} --notice 9"), "not_found");
    refused("order show 123", "unknown_order");

    // Nothing is done without a reason or with a wrong token, and a server that is not there is told.
    let (code, said) = run(&format!("slot close {when}"), &[]);
    assert!(code == 2 && said.contains("reason_missing"), "{code} {said}");
    let (code, said) = run("agent accounts demo-agent", &["--token", "wrong-token-of-nobody"]);
    assert!(code == 2 && said.contains("unauthenticated"), "{code} {said}");
    server.kill();
    let (code, said) = run("agent accounts demo-agent", &[]);
    assert_eq!(code, 1, "{said}");
    process::audit(dir.path());
}

#[test]
fn an_import_that_would_oversell_is_refused_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path());
    let order = DEMO.and_pay(&partner::plain_info(&server, "sold", "P-BULK", 5));
    assert_eq!(DEMO.json(&server, SCENIC, &order)["resultcode"], 0);
    server.kill();
    drop(server);
    let shown = dir.path().display().to_string();
    let import = |name: &str, more: &str| {
        let path = dir.path().join(name);
        let text = format!(
            "[[supplier]]\nid = \"01\"\nname = \"云山景区\"\nutc_offset = \"+08:00\"\n\n\
             [[product]]\nid = \"P-BULK\"\nsupplier = \"01\"\nname = \"{name}\"\n\
             price = \"1.00\"\norder_min = 1\norder_max = 100\n{more}\n"
        );
        std::fs::write(&path, text).unwrap();
        process::run(dir.path(), &["import", &path.display().to_string(), "--data-dir", &shown])
    };
    for less in ["capacity = 4\nfirst_day = 0\ndays = 60", "capacity = 9\nfirst_day = 9\ndays = 9"]
    {
        let (code, said) = import("less.toml", less);
        assert!(code != 0 && said.contains("P-BULK on ") && said.contains("5 sold"), "{said}");
        process::audit(dir.path());
    }
    let (code, said) = import("enough.toml", "capacity = 5\nfirst_day = 0\ndays = 60");
    assert_eq!(code, 0, "{said}");
    process::audit(dir.path());
    let server = Process::start(dir.path());
    let health = http::Request::new("GET", "/health/ready").send(&server);
    assert_eq!(health.status, 200);
}
