//! One report in its three forms.

use super::super::request::{BodyFormat, Goods, Partner};
use super::super::tally::{Times, Window};
use super::super::{Class, ErrorKind};
use super::*;
use crate::types::ServiceDate;

fn settings(scenario: Scenario) -> Settings {
    Settings {
        target: ([127, 0, 0, 1], 8080).into(),
        host: "127.0.0.1:8080".to_owned(),
        partner: Partner {
            agent: "agent".to_owned(),
            session_key: "session".to_owned(),
            login_password: "login".to_owned(),
            pay_password: "pay".to_owned(),
            client_key: "client".to_owned(),
            client_secret: "secret".to_owned(),
            app_key: "app".to_owned(),
            app_secret: "secret".to_owned(),
            shop: "shop".to_owned(),
        },
        goods: Goods {
            product: "<P&Q>".to_owned(),
            first_day: ServiceDate::from_days(20_000),
            slots: 1,
            sku: "1".to_owned(),
        },
        codes: Vec::new(),
        format: BodyFormat::Json,
        scenario,
        pace: Pace::Open { rate: 250.0, pattern: Pattern::Poisson },
        connections: 8,
        threads: 1,
        warmup: std::time::Duration::ZERO,
        duration: std::time::Duration::from_secs(2),
        timeout: std::time::Duration::from_secs(1),
        late: std::time::Duration::from_secs(1),
        seed: 7,
    }
}

/// 300 successes of 1 to 300 ms, 100 refusals, an error, a request that was dropped.
fn report(scenario: Scenario) -> Report {
    let window = Window { start_ns: 0, end_ns: 2_000_000_000, step_ns: 500_000_000 };
    let mut tally = Tally::new(window, false);
    for index in 0..300 {
        let due_ns = index * 5_000_000;
        tally.sent(Kind::Order, due_ns, due_ns, Some(2000));
        let done_ns = due_ns + (index + 1) * 1_000_000;
        tally.done(Kind::Order, Class::Success, Times { due_ns, done_ns });
    }
    for due_ns in 0..100 {
        tally.sent(Kind::Order, due_ns, due_ns, Some(1000));
        tally.done(Kind::Order, Class::Refusal(1), Times { due_ns, done_ns: due_ns + 1000 });
    }
    tally.sent(Kind::Verify, 5, 5, None);
    tally.done(Kind::Verify, Class::Error(ErrorKind::Status(503)), Times { due_ns: 5, done_ns: 9 });
    tally.dropped(Kind::Verify, 6, 7);
    tally.cpu_ns = 500_000_000;
    tally.cpu_max_ns = 500_000_000;
    Report::new(&settings(scenario), &tally, UnixMillis::new(1_795_280_712_345), Some(0.5))
}

#[test]
fn json_has_the_names_that_docs_list() {
    let json = report(Scenario::Mixed).to_json();
    let docs = include_str!("../../../docs/load.md");
    for name in json.as_object().unwrap().keys() {
        assert!(docs.contains(&format!("`{name}`")), "docs/load.md does not explain {name}");
    }
    let check = |pointer: &str, expected: serde_json::Value| {
        assert_eq!(json.pointer(pointer), Some(&expected), "{pointer}");
    };
    check("/scenario", "mixed".into());
    check("/mode", "open-poisson".into());
    check("/rate_target", 250.0.into());
    check("/started_at", "2026-11-21T17:05:12.345Z".into());
    check("/duration_s", 2.0.into());
    for (name, count) in
        [("sent", 401), ("success", 300), ("refusal", 100), ("error", 1), ("dropped", 1)]
    {
        check(&format!("/{name}"), count.into());
        check(&format!("/whole_run/{name}"), count.into());
    }
    check("/success_per_s", 150.0.into());
    check("/answered_per_s", 200.0.into());
    // Of 400 answers 100 took a microsecond; the histogram keeps three digits.
    let p50 = json.pointer("/latency_us/p50").unwrap().as_f64().unwrap();
    assert!((p50 / 100_000.0 - 1.0).abs() < 0.002, "{p50}");
    check("/cpu_share", 0.25.into());
    check("/generator_saturated", false.into());
    check("/machine_busy", 0.5.into());
    check("/orders_acknowledged", 300.into());
    check("/refusals", serde_json::json!([{ "kind": "order", "code": 1, "count": 100 }]));
    check("/errors", serde_json::json!([{ "reason": "HTTP 503", "count": 1 }]));
    check("/kinds/verify/dropped", 1.into());
    check("/flash", serde_json::Value::Null);
    assert_eq!(json["course"].as_array().unwrap().len(), 4);
    let at = |index: usize| json["percentiles"][index][0].as_f64().unwrap();
    let last = json["percentiles"].as_array().unwrap().len() - 1;
    assert_eq!((at(0), at(last)), (0.0, 100.0));
}

#[test]
fn the_table_says_the_same_to_people() {
    let table = report(Scenario::Mixed).to_table();
    for line in [
        "mixed      open-poisson 250/s, 8 connections, json, product <P&Q> on 1 day, 2.0 s after 0.0 s",
        "           sent 401   success 300   refusal 100   error 1   dropped 1",
        "           success 150/s   answered 200/s",
        "refused    100 × order with code 1",
        "error      1 × HTTP 503",
        "generator  0.25 cores on 1 thread; machine 50 % busy",
        "run        seed 7, started 2026-11-21T17:05:12.345Z",
    ] {
        assert!(table.lines().any(|it| it == line), "{line}\nis not in\n{table}");
    }
    assert!(!table.contains("WARNING") && !table.contains("BROKEN"), "{table}");
}

#[test]
fn the_page_needs_nothing_else() {
    let page = report(Scenario::Mixed).to_html();
    assert_eq!(page.matches("<svg").count(), 3);
    assert_eq!(page.matches("<polyline").count(), 8);
    for outside in ["http:", "https:", "<script", "<link", "<img", "@import", "url(", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("&lt;P&amp;Q&gt;") && !page.contains("<P&Q>"));
    assert!(page.contains("prefers-color-scheme:dark"));
    assert!(!page.contains("NaN") && !page.contains("inf,") && !page.contains(",inf"), "{page}");
}

#[test]
fn a_product_that_is_not_sold_there_is_hinted_at() {
    let mut report = report(Scenario::Order);
    report.refusals = vec![(Kind::Order, 2, 100)];
    assert!(!report.to_table().contains("HINT"));
    report.counts.success = 0;
    assert!(report.to_table().contains("HINT       nothing of this product is on sale there"));
}

#[test]
fn what_is_wrong_is_said_everywhere() {
    let mut report = report(Scenario::Flash { buyers: 400, stock: 299 });
    report.cpu_share_of_busiest_thread = 0.97;
    let oversold = "oversold: 300 bought of a stock of 299";
    assert_eq!(report.broken_promises(), [oversold]);
    assert!(report.to_table().contains(&format!("BROKEN     {oversold}")));
    assert!(report.to_table().contains("WARNING    a thread of the generator used 0.97 of a core"));
    assert!(report.to_html().contains(oversold));
    assert_eq!(report.to_json()["broken_promises"][0], oversold);
    assert_eq!(report.to_json()["generator_saturated"], true);
    report.flash = None;
    report.storm = Some(StormCounts { keys: 5, answers: 20, keys_with_several_answers: 2 });
    assert_eq!(report.broken_promises(), ["2 request keys have more than one answer"]);
}

#[test]
fn the_books_must_have_what_was_acknowledged_and_nothing_else() {
    let audit = |orders_in_books, orders_unknown, stock| AuditReport {
        orders_in_books,
        orders_before: 1,
        orders_acknowledged: 10,
        orders_unknown,
        stock,
        records: 20,
        digest: "ab".to_owned(),
        violations: Vec::new(),
    };
    let check = |it: AuditReport, expected: Option<&str>| {
        assert_eq!(it.broken(), expected.into_iter().collect::<Vec<_>>(), "{it:?}");
        assert_eq!(it.line().contains("every invariant holds"), expected.is_none());
    };
    check(audit(11, 0, None), None);
    check(audit(10, 5, None), Some("11 orders acknowledged and only 10 in the books"));
    check(audit(12, 0, None), Some("12 orders in the books and only 11 acknowledged"));
    check(audit(12, 1, None), None);
    check(audit(11, 0, Some(11)), None);
    check(audit(11, 0, Some(10)), Some("11 orders in the books of a stock of 10"));
    let broken =
        AuditReport { violations: vec!["INV-1 is broken: x".to_owned()], ..audit(11, 0, None) };
    check(broken.clone(), Some("INV-1 is broken: x"));
    assert_eq!(
        audit(12, 1, None).line(),
        "audit: 12 orders in the books, 10 acknowledged and 1 before the run, 1 with unknown \
         outcome; every invariant holds; digest ab"
    );
    let mut report = report(Scenario::Order);
    report.audit = Some(broken);
    assert_eq!(report.broken_promises(), ["INV-1 is broken: x"]);
    assert_eq!(report.to_json()["audit"]["passed"], false);
}

#[test]
fn a_run_without_answers_is_reported() {
    let window = Window { start_ns: 0, end_ns: 1_000_000_000, step_ns: 500_000_000 };
    let tally = Tally::new(window, true);
    let report = Report::new(&settings(Scenario::Verify), &tally, UnixMillis::new(0), None);
    assert_eq!(report.latency, Latency::default());
    assert_eq!(report.to_json()["machine_busy"], serde_json::Value::Null);
    assert!(!report.to_html().contains("NaN"));
    assert!(report.to_table().contains("success 0/s"));
}
