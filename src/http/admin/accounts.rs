//! Agents' money.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::account::{AccountKey, Balance, BookMoney, BookingKind, Holder};
use crate::engine::explain::{BalanceFacts, Facts};
use crate::engine::plan::ParticipantKey;
use crate::engine::transaction::calendar_year;
use crate::http::admin::Reply;
use crate::http::admin::call::Call;
use crate::http::admin::failure::Failure;
use crate::http::{AppState, within};
use crate::types::{AgentNo, Fen, RequestKey};

/// Money that an agent has paid.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopUpBody {
    supplier: String,
    balance: BalanceName,
    /// Yuan.
    amount: String,
    /// The calendar year of a rebate; the present one when it is left out.
    year: Option<i16>,
    /// The caller's own number: with the same one it is credited once.
    reference: Option<String>,
}

/// How far below nothing the prepaid balance may go.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreditBody {
    supplier: String,
    /// Yuan.
    amount: String,
}

/// Which balance.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BalanceName {
    Prepaid,
    Rebate,
}

/// What an agent has with each supplier.
pub(super) async fn show(id: &str, state: &AppState) -> Reply {
    let agent = agent(id, state)?;
    let catalogue = state.engine.catalogue();
    let mut accounts = Vec::with_capacity(catalogue.suppliers().len());
    for supplier in catalogue.suppliers() {
        let key = AccountKey { supplier: supplier.no, holder: Holder::Agent(agent) };
        let key = ParticipantKey::Account(key);
        let finding = within(state, state.engine.inspect(supplier.no, key)).await?;
        let Facts::Account(balances) = finding.facts else { continue };
        let balances: Vec<Value> = balances.iter().map(balance_json).collect();
        accounts.push(json!({ "supplier": supplier.id, "balances": balances }));
    }
    Ok(json!({ "agent": id, "accounts": accounts }))
}

/// Credits money that an agent has paid.
pub(super) async fn top_up(id: &str, call: &Call, state: &AppState) -> Reply {
    let TopUpBody { supplier, balance, amount, year, reference } = call.read()?;
    let engine = call.acting(&state.engine)?;
    let agent = agent(id, state)?;
    let catalogue = engine.catalogue();
    let known = catalogue.supplier_by_id(&supplier);
    let supplier = known.ok_or_else(|| Failure::not_found("supplier", &supplier))?;
    let amount = Fen::parse_yuan(&amount)
        .map_err(|error| Failure::bad_request(format!("amount {amount:?}: {error}")))?;
    if amount <= Fen::ZERO {
        return Err(Failure::bad_request("amount must be more than nothing"));
    }
    let balance = match balance {
        BalanceName::Prepaid => Balance::Prepaid,
        BalanceName::Rebate => {
            let present = calendar_year(engine.now(), supplier.utc_offset_seconds);
            Balance::Rebate { year: year.unwrap_or(present) }
        }
    };
    let account = AccountKey { supplier: supplier.no, holder: Holder::Agent(agent) };
    let reference = reference.map(|text| RequestKey::new(&text)).transpose();
    let reference = reference.map_err(Failure::bad_request)?;
    let booking = BookMoney { kind: BookingKind::TopUp, balance, amount, reference };
    within(state, engine.book(account, booking)).await?;
    show(id, state).await
}

/// Sets how far below nothing an agent's prepaid balance may go.
pub(super) async fn set_credit(id: &str, call: &Call, state: &AppState) -> Reply {
    let CreditBody { supplier, amount } = call.read()?;
    let engine = call.acting(&state.engine)?;
    let agent = agent(id, state)?;
    let catalogue = engine.catalogue();
    let known = catalogue.supplier_by_id(&supplier);
    let supplier = known.ok_or_else(|| Failure::not_found("supplier", &supplier))?;
    let credit = Fen::parse_yuan(&amount)
        .map_err(|error| Failure::bad_request(format!("amount {amount:?}: {error}")))?;
    if credit < Fen::ZERO {
        return Err(Failure::bad_request("amount must not be less than nothing"));
    }
    let account = AccountKey { supplier: supplier.no, holder: Holder::Agent(agent) };
    within(state, engine.set_credit(account, credit)).await?;
    show(id, state).await
}

pub(super) fn agent(id: &str, state: &AppState) -> Result<AgentNo, Failure> {
    let catalogue = state.engine.catalogue();
    let agent = catalogue.agent_by_id(id).ok_or_else(|| Failure::not_found("agent", id))?;
    Ok(agent.no)
}

/// A balance with its name, in yuan.
pub(super) fn balance_json(facts: &BalanceFacts) -> Value {
    let BalanceFacts { balance, amount, available } = facts;
    let mut shown = json!({
        "balance": balance_name(*balance),
        "amount": amount.to_yuan(),
        "available": available.to_yuan(),
    });
    if let (Balance::Rebate { year }, Some(members)) = (balance, shown.as_object_mut()) {
        members.insert("year".to_owned(), json!(year));
    }
    shown
}

pub(super) const fn balance_name(balance: Balance) -> &'static str {
    match balance {
        Balance::Prepaid => "prepaid",
        Balance::Rebate { .. } => "rebate",
        Balance::Receivable => "receivable",
        _ => "house",
    }
}
