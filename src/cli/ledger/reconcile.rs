//! `piaoku reconcile`: a day's movements as a file, checked against the accounts as they are.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;

use super::csv::push_row;
use super::yuan;
use crate::cli::FAILED;
use crate::cli::arguments::ReconcileArguments;
use crate::cli::audit::replay::{Replay, replay};
use crate::config;
use crate::domain::account::{AccountKey, Balance, Holder};
use crate::engine::ledger::{Reconciliation, Total, balance_name, kind_name};
use crate::engine::state::State;
use crate::types::ServiceDate;

const HEAD: [&str; 14] = [
    "section", "supplier", "agent", "balance", "kind", "date", "postings", "orders", "tickets",
    "opening", "amount", "closing", "later", "audited",
];

/// A reconciliation file and what is wrong with it.
pub(super) struct Report {
    /// The file.
    pub(super) csv: String,
    /// What does not agree, in words; empty when everything does.
    pub(super) problems: Vec<String>,
    /// Balances compared.
    pub(super) balances: usize,
}

pub(in crate::cli) fn run(arguments: &ReconcileArguments) -> anyhow::Result<ExitCode> {
    let config = config::load(&arguments.store.sources())?.config;
    let report = reconcile(&config.data.dir, arguments.date)?;
    let out = &arguments.out;
    std::fs::write(out, &report.csv).with_context(|| out.display().to_string())?;
    println!("{}: {} balances of {}", out.display(), report.balances, arguments.date);
    for problem in &report.problems {
        println!("does not agree: {problem}");
    }
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

pub(super) fn reconcile(data_dir: &std::path::Path, date: ServiceDate) -> anyhow::Result<Report> {
    let mut ledger = Reconciliation::new(date);
    // The accounts are built by the audit's own replay, not by the ledger.
    let Replay { state, is_whole, violations, .. } =
        replay(data_dir, |lsn, transaction| ledger.take(lsn, transaction))?;
    let mut problems: Vec<String> = violations.iter().map(|it| it.detail.clone()).collect();
    if !is_whole {
        problems.push("the journal cannot be replayed to its end".to_owned());
    }
    problems.extend(differences(&ledger, &state));
    Ok(Report { csv: file(&ledger, &state), problems, balances: ledger.totals().len() })
}

/// Balances of which the ledger and the audited accounts disagree; and the sum of all, which is zero.
fn differences(ledger: &Reconciliation, state: &State) -> Vec<String> {
    let accounts: BTreeMap<_, _> = state.accounts.iter().map(|(k, it)| (*k, &it.value)).collect();
    let mut differences: Vec<String> = ledger
        .differences(accounts)
        .into_iter()
        .map(|(account, balance, audited)| {
            let total = ledger.totals().get(&(account, balance)).copied().unwrap_or_default();
            let (supplier, agent) = names(ledger, account);
            format!(
                "supplier {supplier}, agent {agent:?}, {}: {} in the ledger, {} in the account",
                balance_name(balance),
                yuan(total.present()),
                audited.to_yuan(),
            )
        })
        .collect();
    let sum: i128 = ledger.totals().values().map(Total::present).sum();
    if sum != 0 {
        differences.push(format!("all balances sum to {}", yuan(sum)));
    }
    differences
}

/// A supplier's id and an agent's; the house has none.
fn names(ledger: &Reconciliation, account: AccountKey) -> (String, String) {
    let supplier = ledger.catalogue().supplier(account.supplier);
    let supplier = supplier.map_or_else(|| account.supplier.to_string(), |it| it.id.to_string());
    let agent = match account.holder {
        Holder::House => String::new(),
        Holder::Agent(no) => {
            let agent = ledger.catalogue().agent(no);
            agent.map_or_else(|| no.to_string(), |it| it.id.to_string())
        }
    };
    (supplier, agent)
}

fn file(ledger: &Reconciliation, state: &State) -> String {
    let mut out = String::new();
    push_row(&mut out, &HEAD);
    let date = ledger.date().to_string();
    for (&(account, balance, kind), movement) in ledger.movements() {
        let (supplier, agent) = names(ledger, account);
        let cells = [
            "movement",
            &supplier,
            &agent,
            &balance_name(balance),
            kind_name(kind),
            &date,
            &movement.postings.to_string(),
            &movement.orders.len().to_string(),
            &movement.tickets.to_string(),
            "",
            &yuan(movement.amount),
            "",
            "",
            "",
        ];
        push_row(&mut out, &cells);
    }
    let (mut all, mut all_audited) = (Total::default(), 0);
    for (&(account, balance), total) in ledger.totals() {
        let (supplier, agent) = names(ledger, account);
        let audited = audited(state, account, balance);
        total_row(
            &mut out,
            ["total", &supplier, &agent, &balance_name(balance)],
            &date,
            total,
            audited,
        );
        all.opening += total.opening;
        all.moved += total.moved;
        all.later += total.later;
        all_audited += audited;
    }
    total_row(&mut out, ["sum", "", "", ""], &date, &all, all_audited);
    out
}

fn total_row(out: &mut String, names: [&str; 4], date: &str, total: &Total, audited: i128) {
    let [section, supplier, agent, balance] = names;
    let cells = [
        section,
        supplier,
        agent,
        balance,
        "",
        date,
        "",
        "",
        "",
        &yuan(total.opening),
        &yuan(total.moved),
        &yuan(total.closing()),
        &yuan(total.later),
        &yuan(audited),
    ];
    push_row(out, &cells);
}

/// What the audit's replay has in a balance, in fen.
fn audited(state: &State, account: AccountKey, balance: Balance) -> i128 {
    let known = state.accounts.get(&account);
    known.map_or(0, |it| i128::from(it.value.balance(balance).get()))
}
