//! `piaoku statement`: what an agent has, and how it came about.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Value, json};

use super::csv::push_row;
use super::venue_time;
use crate::cli::arguments::{StatementArguments, StatementFormat};
use crate::cli::audit::replay::read_all;
use crate::config;
use crate::domain::account::Balance;
use crate::domain::catalogue::Supplier;
use crate::engine::ledger::{
    Section, Statement, StatementLine, StatementQuery, balance_name, kind_name,
};

const CSV_HEAD: [&str; 9] =
    ["supplier", "agent", "balance", "time", "order", "kind", "amount", "running", "reference"];

pub(in crate::cli) fn run(arguments: &StatementArguments) -> anyhow::Result<ExitCode> {
    let config = config::load(&arguments.store.sources())?.config;
    print!("{}", made(arguments, &config.data.dir)?);
    Ok(ExitCode::SUCCESS)
}

/// The statement as text of the format asked for.
pub(super) fn made(
    arguments: &StatementArguments,
    data_dir: &std::path::Path,
) -> anyhow::Result<String> {
    let StatementArguments { agent, supplier, from, to, .. } = arguments;
    if to < from {
        bail!("--to is before --from");
    }
    let mut statement = Statement::new(StatementQuery {
        agent: agent.as_str().into(),
        supplier: supplier.as_deref().map(Into::into),
        from: *from,
        to: *to,
        lines_max: usize::MAX,
    });
    read_all(data_dir, |lsn, transaction| statement.take(lsn, transaction))?;
    if statement.catalogue().agent_by_id(agent).is_none() {
        bail!("agent {agent} is not in the catalogue");
    }
    if let Some(id) =
        supplier.as_deref().filter(|id| statement.catalogue().supplier_by_id(id).is_none())
    {
        bail!("supplier {id} is not in the catalogue");
    }
    Ok(match arguments.format {
        StatementFormat::Table => table(&statement),
        StatementFormat::Csv => csv(&statement),
        StatementFormat::Json => format!("{}\n", to_json(&statement)),
    })
}

/// Sections with the supplier they are with.
fn sections(statement: &Statement) -> impl Iterator<Item = (&Supplier, Balance, &Section)> {
    statement.sections().iter().filter_map(|((supplier, balance), section)| {
        Some((statement.catalogue().supplier(*supplier)?.as_ref(), *balance, section))
    })
}

fn order(line: &StatementLine) -> String {
    line.order.map(|order| order.to_string()).unwrap_or_default()
}

fn reference(line: &StatementLine) -> &str {
    line.reference.as_ref().map_or("", |reference| reference.as_str())
}

/// For people.
fn table(statement: &Statement) -> String {
    let query = statement.query();
    let name = statement.catalogue().agent_by_id(&query.agent).map_or("", |agent| &agent.name);
    let mut text = format!("agent   {} ({name})\n", query.agent);
    let _ = writeln!(text, "days    {} to {}, amounts in yuan", query.from, query.to);
    for (supplier, balance, section) in sections(statement) {
        let _ = writeln!(
            text,
            "\nsupplier {} ({}), {}\n{:19}  {:19}  {:17} {:>15} {:>15}  reference",
            supplier.id,
            supplier.name,
            balance_name(balance),
            "time",
            "order",
            "kind",
            "amount",
            "balance",
        );
        let mut row =
            |time: &str, order: &str, kind: &str, amount: &str, left: &str, more: &str| {
                let row =
                    format!("{time:19}  {order:19}  {kind:17} {amount:>15} {left:>15}  {more}");
                let _ = writeln!(text, "{}", row.trim_end());
            };
        row("", "", "opening", "", &section.opening.to_yuan(), "");
        for line in &section.lines {
            let time = venue_time(line.at, supplier.utc_offset_seconds);
            let (amount, left) = (line.amount.to_yuan(), line.balance.to_yuan());
            row(&time, &order(line), kind_name(line.kind), &amount, &left, reference(line));
        }
        row("", "", "closing", "", &section.closing.to_yuan(), "");
    }
    text
}

/// For spreadsheets: each balance begins with a row `opening` and ends with a row `closing`.
fn csv(statement: &Statement) -> String {
    let mut out = String::new();
    push_row(&mut out, &CSV_HEAD);
    let agent = &*statement.query().agent;
    for (supplier, balance, section) in sections(statement) {
        let balance = balance_name(balance);
        let ends = [("opening", section.opening), ("closing", section.closing)];
        let [opening, closing] = ends.map(|(kind, fen)| (kind, fen.to_yuan()));
        let end = |out: &mut String, (kind, amount): &(&str, String)| {
            push_row(out, &[&supplier.id, agent, &balance, "", "", kind, "", amount, ""]);
        };
        end(&mut out, &opening);
        for line in &section.lines {
            let cells = [
                &*supplier.id,
                agent,
                &balance,
                &venue_time(line.at, supplier.utc_offset_seconds),
                &order(line),
                kind_name(line.kind),
                &line.amount.to_yuan(),
                &line.balance.to_yuan(),
                reference(line),
            ];
            push_row(&mut out, &cells);
        }
        end(&mut out, &closing);
    }
    out
}

/// For programs: one object.
fn to_json(statement: &Statement) -> Value {
    let query = statement.query();
    let balances = sections(statement).map(|(supplier, balance, section)| {
        let lines = section.lines.iter().map(|line| {
            json!({
                "time": venue_time(line.at, supplier.utc_offset_seconds),
                "at": line.at.get(),
                "order": line.order.map(|order| order.to_string()),
                "kind": kind_name(line.kind),
                "amount": line.amount.to_yuan(),
                "balance": line.balance.to_yuan(),
                "reference": line.reference.as_ref().map(|reference| reference.as_str()),
            })
        });
        json!({
            "supplier": &*supplier.id,
            "balance": balance_name(balance),
            "opening": section.opening.to_yuan(),
            "lines": lines.collect::<Vec<_>>(),
            "closing": section.closing.to_yuan(),
        })
    });
    json!({
        "agent": &*query.agent,
        "from": query.from.to_string(),
        "to": query.to.to_string(),
        "balances": balances.collect::<Vec<_>>(),
    })
}
