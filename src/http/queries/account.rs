//! What an agent has with all suppliers together. Source: docs/protocols/ota.md, "Balances".

use std::collections::BTreeSet;

use crate::actors::AccountView;
use crate::domain::account::{AccountKey, Balance, Holder, Standing};
use crate::http::queries::{Problem, Question};
use crate::http::{Answer, Outcome, webapi, within};
use crate::types::Fen;
use crate::wire::ota::query;

/// What kind of customer every agent is: a contract unit (协议单位).
const CUSTOMER_TYPE: &str = "3";

impl Question<'_> {
    /// The prepaid deposit.
    pub(super) async fn prepayment(&self) -> Result<Answer, Problem> {
        let sum = total(&self.accounts().await?, Balance::Prepaid);
        let agent = self.caller.agent();
        let result = query::AgentPrepayment {
            customertypeid: Some(CUSTOMER_TYPE.into()),
            customerid: Some(agent.id.as_ref().into()),
            customername: Some(agent.name.as_ref().into()),
            previousbalance: Fen::ZERO,
            totalrecharge: sum.recharged,
            totalconsumption: sum.consumed,
            currentbalance: sum.amount(),
        };
        Ok(webapi::result(self.request, &result, Outcome::Ok))
    }

    /// The rebate, by the year it was earned in: of one year, or of every year that has seen any.
    pub(super) async fn rebate(&self) -> Result<Answer, Problem> {
        let text = self.parameters.required("year")?;
        let invalid = || {
            let text = text.chars().take(20).collect::<String>();
            Problem::Invalid("year", format!("The value '{text}' is not valid for year."))
        };
        let wanted: Option<i16> = match text {
            "" => None,
            text => Some(
                text.parse().ok().filter(|year| (1..=9999).contains(year)).ok_or_else(invalid)?,
            ),
        };
        let accounts = self.accounts().await?;
        let standings = accounts.iter().flat_map(|account| &account.standings);
        let years = standings.filter_map(|standing| match standing.balance {
            Balance::Rebate { year } => Some(year),
            _ => None,
        });
        let years: BTreeSet<i16> = match wanted {
            Some(year) => BTreeSet::from([year]),
            None => years.collect(),
        };
        let agent = self.caller.agent();
        let results: Vec<_> = years
            .into_iter()
            .map(|year| {
                let sum = total(&accounts, Balance::Rebate { year });
                query::AgentRebate {
                    customertypeid: Some(CUSTOMER_TYPE.into()),
                    customerid: Some(agent.id.as_ref().into()),
                    customername: Some(agent.name.as_ref().into()),
                    previousbalance: Fen::ZERO,
                    totalrecharge: sum.recharged,
                    totalconsumption: sum.consumed,
                    currentbalance: sum.amount(),
                    year: i32::from(year),
                }
            })
            .collect();
        Ok(webapi::list(self.request, &results))
    }

    /// The agent's account with every supplier.
    async fn accounts(&self) -> Result<Vec<AccountView>, Problem> {
        let agent = self.caller.agent().no;
        let mut accounts = Vec::new();
        for supplier in self.catalogue.suppliers() {
            let key = AccountKey { supplier: supplier.no, holder: Holder::Agent(agent) };
            accounts.push(within(self.state, self.state.engine.account(agent, key)).await?);
        }
        Ok(accounts)
    }
}

/// What one balance has come to over all suppliers.
fn total(accounts: &[AccountView], balance: Balance) -> Standing {
    let mut total = Standing::untouched(balance);
    // Sums of all suppliers stay far inside 64 bits, as those of each do.
    let sum = |one: Fen, other: Fen| one.checked_add(other).unwrap_or(one);
    for standing in accounts.iter().map(|account| account.standing(balance)) {
        total.recharged = sum(total.recharged, standing.recharged);
        total.consumed = sum(total.consumed, standing.consumed);
    }
    total
}
