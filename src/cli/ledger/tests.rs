//! Statements and reconciliations of a store that a server has written.

use std::path::Path;

use clap::Parser as _;

use super::*;
use crate::cli::arguments::{Arguments, Command};
use crate::cli::audit::tests::forge;
use crate::cli::tests::Server;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::account::{AccountKey, Balance, Holder, Posting, PostingKind};
use crate::engine::transaction::Event;
use crate::types::{AgentNo, SupplierNo};

fn today() -> ServiceDate {
    ServiceDate::at(SystemClock.now(), 8 * 3600)
}

fn statement(dir: &Path, flags: &str) -> Result<String, String> {
    let (from, to) = (today().plus_days(-1), today().plus_days(1));
    let line = format!("piaoku statement --agent demo-agent --from {from} --to {to}{flags}");
    let parsed = Arguments::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
    let Some(Command::Statement(arguments)) = parsed.command else { panic!("{line}") };
    statement::made(&arguments, dir).map_err(|error| error.to_string())
}

fn store() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for line in ["order", "order --product P-BULK --amount 3 --pay-from prepayment"] {
        assert!(matches!(server.call(line), crate::cli::call::Verdict::Success(_)), "{line}");
    }
    dir
}

#[test]
fn days_are_read_in_two_ways() {
    let day = ServiceDate::parse_compact("20261121").unwrap();
    assert_eq!(parse_day("2026-11-21"), Ok(day));
    assert_eq!(parse_day("20261121"), Ok(day));
    for wrong in ["2026-11-31", "2026-1-1", "21.11.2026", "", "2026-11-21-1", "202-6112-1"] {
        assert!(parse_day(wrong).is_err(), "{wrong}");
    }
    assert_eq!(venue_time(day.start(28_800).plus_millis(65_999), 28_800), "2026-11-21 00:01:05");
}

#[test]
fn a_statement_comes_in_three_forms_that_say_the_same() {
    let dir = store();
    let table = statement(dir.path(), "").unwrap();
    let csv = statement(dir.path(), " --format csv").unwrap();
    let json = statement(dir.path(), " --format json").unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(table.starts_with("agent   demo-agent (演示代理商)\n"), "{table}");
    let balances = json["balances"].as_array().unwrap();
    let mut rows = csv.lines();
    assert_eq!(
        rows.next(),
        Some("supplier,agent,balance,time,order,kind,amount,running,reference")
    );
    for balance in balances {
        let head =
            format!("{},demo-agent,{}", text(&balance["supplier"]), text(&balance["balance"]));
        let end = |kind: &str| format!("{head},,,{kind},,{},", text(&balance[kind]));
        assert_eq!(rows.next(), Some(&*end("opening")));
        for line in balance["lines"].as_array().unwrap() {
            let row = rows.next().unwrap();
            let (kind, amount) = (text(&line["kind"]), text(&line["amount"]));
            assert!(row.starts_with(&head), "{row}");
            assert!(
                row.contains(&format!(",{kind},{amount},{},", text(&line["balance"]))),
                "{row}"
            );
            assert!(table.contains(text(&line["time"])), "{table}");
            assert!(table.contains(amount), "{table}");
        }
        assert_eq!(rows.next(), Some(&*end("closing")));
    }
    assert_eq!(rows.next(), None);
    // Prepaid at the spot: the opening balance was brought, three tickets were bought.
    let prepaid = balances.iter().find(|it| it["balance"] == "prepaid" && it["supplier"] == "01");
    let kinds: Vec<_> =
        prepaid.unwrap()["lines"].as_array().unwrap().iter().map(|it| &it["kind"]).collect();
    assert_eq!(kinds, ["top-up", "sale"]);
    let one = statement(dir.path(), " --supplier 02 --format json").unwrap();
    assert!(!one.contains("\"supplier\":\"01\""), "{one}");
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn what_cannot_be_meant_is_said() {
    let dir = store();
    let check = |flags: &str, why: &str| {
        let error = statement(dir.path(), flags).unwrap_err();
        assert!(error.contains(why), "{error}");
    };
    check(" --supplier 99", "supplier 99 is not in the catalogue");
    check(" --format pdf", "invalid value 'pdf'");
    let line = "piaoku statement --agent nobody --from 2026-11-22 --to 2026-11-21";
    let made = |line: &str| match Arguments::parse_from(line.split(' ')).command {
        Some(Command::Statement(arguments)) => {
            statement::made(&arguments, dir.path()).unwrap_err().to_string()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(made(line), "--to is before --from");
    assert_eq!(made(&line.replace("-21", "-22")), "agent nobody is not in the catalogue");
}

#[test]
fn a_reconciliation_agrees_with_the_audit_whatever_the_day() {
    let dir = store();
    for days in -1..=1 {
        let report = reconcile::reconcile(dir.path(), today().plus_days(days)).unwrap();
        assert_eq!(report.problems, [""; 0]);
        let rows: Vec<Vec<&str>> = report.csv.lines().map(|row| row.split(',').collect()).collect();
        assert!(rows.iter().all(|row| row.len() == 14), "{}", report.csv);
        let yuan = |cell: &str| Fen::parse_yuan(cell).unwrap().get();
        let mut sums = [0; 5];
        for row in rows.iter().filter(|row| row[0] == "total") {
            let cells: Vec<i64> = row[9..].iter().map(|cell| yuan(cell)).collect();
            let [opening, amount, closing, later, audited] = cells[..] else { panic!("{row:?}") };
            assert_eq!((opening + amount, closing + later), (closing, audited), "{row:?}");
            sums.iter_mut().zip(&cells).for_each(|(sum, cell)| *sum += cell);
            let same = |it: &&Vec<&str>| it[0] == "movement" && it[1..4] == row[1..4];
            let moved: i64 = rows.iter().filter(same).map(|it| yuan(it[10])).sum();
            assert_eq!(moved, amount, "{row:?}");
        }
        let last = rows.last().unwrap();
        assert_eq!(last[0], "sum");
        assert_eq!(last[9..].iter().map(|cell| yuan(cell)).collect::<Vec<_>>(), sums);
        assert_eq!(sums, [0; 5]);
    }
}

#[test]
fn money_from_nowhere_does_not_agree() {
    let dir = store();
    let account =
        AccountKey { supplier: SupplierNo::new(0), holder: Holder::Agent(AgentNo::new(0)) };
    let posting =
        Posting { balance: Balance::Prepaid, kind: PostingKind::TopUp, amount: Fen::new(1) };
    forge(dir.path(), Event::Account(account, [posting].into_iter().collect()));
    let report = reconcile::reconcile(dir.path(), today()).unwrap();
    assert!(
        report.problems.iter().any(|it| it == "all balances sum to 0.01"),
        "{:?}",
        report.problems
    );
}
