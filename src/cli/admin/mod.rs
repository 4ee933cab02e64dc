//! `piaoku admin`: gives operators' commands to a running server and prints what it answers.
//! Exit codes as `piaoku call`: 0 done, 2 refused, 1 not sent or not answered.

mod arguments;
mod print;

use std::process::ExitCode;

use anyhow::Context as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

pub(super) use arguments::AdminArguments;

use super::call::exchange::{Address, Request};
use arguments::{
    AgentAsked, Asked, ChangeArguments, ExplainArguments, OrderAsked, Output, PoolArguments,
    PoolAsked, ProductAsked, SlotArguments, SlotAsked,
};

/// The server said no.
const REFUSED: u8 = 2;

/// Sends the command and prints the answer.
pub(super) fn run(arguments: &AdminArguments) -> anyhow::Result<ExitCode> {
    let request = request(arguments)?;
    let response = request.send(arguments.timeout_seconds)?;
    let answer: Value = serde_json::from_slice(&response.body)
        .with_context(|| format!("HTTP status {} and no JSON", response.status))?;
    let refused = response.status != 200 || answer["granted"] == false;
    match arguments.output {
        Output::Json => println!("{answer:#}"),
        Output::Table => print!("{}", print::table(&answer)),
    }
    Ok(if refused { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
}

fn request(arguments: &AdminArguments) -> anyhow::Result<Request> {
    let (method, path, body) = asked(&arguments.asked)?;
    let mut headers = vec![
        ("Authorization", format!("Bearer {}", arguments.token)),
        ("Accept", "application/json".to_owned()),
    ];
    let body = match (method, body) {
        ("GET", _) => String::new(),
        (_, mut body) => {
            if let Some(reason) = &arguments.reason {
                body.insert("reason".to_owned(), json!(reason));
            }
            headers.push(("Content-Type", "application/json".to_owned()));
            Value::Object(body).to_string()
        }
    };
    if let Some(actor) = &arguments.actor {
        headers.push(("X-Actor", actor.clone()));
    }
    let address = Address::parse(&arguments.url)?;
    Ok(Request { address, method, path_and_query: format!("/admin/v1/{path}"), headers, body })
}

/// Method, path and body of what is asked.
fn asked(asked: &Asked) -> anyhow::Result<(&'static str, String, Map<String, Value>)> {
    let nothing = Map::new;
    Ok(match asked {
        Asked::Product(ProductAsked::Show { id }) => {
            ("GET", format!("products/{}", part(id)), nothing())
        }
        Asked::Product(ProductAsked::Set { id, changes }) => {
            ("PATCH", format!("products/{}", part(id)), changed(changes)?)
        }
        Asked::Slot(SlotAsked::Show(slot)) => {
            let SlotArguments { product, date, timespan } = slot;
            let query = when(date.as_deref(), *timespan);
            ("GET", format!("slots?product={}{query}", part(product)), nothing())
        }
        Asked::Slot(SlotAsked::Adjust { slot, area, change }) => {
            let mut body = slot_body(slot);
            insert(&mut body, "area", area.as_deref());
            add_change(&mut body, change);
            ("POST", "slots/adjust".to_owned(), body)
        }
        Asked::Slot(SlotAsked::Open(slot)) => ("POST", "slots/open".to_owned(), slot_body(slot)),
        Asked::Slot(SlotAsked::Close(slot)) => ("POST", "slots/close".to_owned(), slot_body(slot)),
        Asked::Pool(PoolAsked::Show(PoolArguments { pool, date, timespan })) => {
            let query = when(date.as_deref(), *timespan).replacen('&', "?", 1);
            ("GET", format!("pools/{}/stock{query}", part(pool)), nothing())
        }
        Asked::Pool(PoolAsked::Adjust { pool, change }) => {
            let mut body = Map::new();
            body.insert("pool".to_owned(), json!(pool.pool));
            insert(&mut body, "date", pool.date.as_deref());
            insert(&mut body, "timespan", pool.timespan);
            add_change(&mut body, change);
            ("POST", "pools/adjust".to_owned(), body)
        }
        Asked::Agent(AgentAsked::Accounts { id }) => {
            ("GET", format!("agents/{}/accounts", part(id)), nothing())
        }
        Asked::Agent(AgentAsked::TopUp { id, supplier, balance, amount }) => {
            let mut body = Map::new();
            insert(&mut body, "supplier", Some(supplier));
            insert(&mut body, "balance", Some(balance));
            insert(&mut body, "amount", Some(amount));
            ("POST", format!("agents/{}/top-up", part(id)), body)
        }
        Asked::Order(OrderAsked::Show { id }) => ("GET", format!("orders/{}", part(id)), nothing()),
        Asked::Order(OrderAsked::Cancel { id }) => {
            ("POST", format!("orders/{}/cancel", part(id)), nothing())
        }
        Asked::Order(OrderAsked::Refund { id, tickets, request }) => {
            let mut body = Map::new();
            insert(&mut body, "tickets", Some(tickets));
            insert(&mut body, "request", request.as_deref());
            ("POST", format!("orders/{}/refund", part(id)), body)
        }
        Asked::Order(OrderAsked::Extend { id, minutes }) => {
            let mut body = Map::new();
            insert(&mut body, "minutes", Some(minutes));
            ("POST", format!("orders/{}/extend", part(id)), body)
        }
        Asked::Explain(arguments) => ("POST", "explain".to_owned(), explain_body(arguments)),
    })
}

fn explain_body(arguments: &ExplainArguments) -> Map<String, Value> {
    let mut body = Map::new();
    insert(&mut body, "agent", Some(&arguments.agent));
    insert(&mut body, "date", arguments.date.as_deref());
    insert(&mut body, "timespan", arguments.timespan);
    insert(&mut body, "area", arguments.area.as_deref());
    insert(&mut body, "mobile", Some(&arguments.mobile));
    let line = json!({
        "product": arguments.product,
        "quantity": arguments.quantity,
        "document_type": arguments.document_type,
        "document": arguments.document,
        "name": arguments.name,
        "mobile": arguments.mobile,
    });
    insert(&mut body, "lines", Some([line]));
    body
}

fn slot_body(slot: &SlotArguments) -> Map<String, Value> {
    let mut body = Map::new();
    insert(&mut body, "product", Some(&slot.product));
    insert(&mut body, "date", slot.date.as_deref());
    insert(&mut body, "timespan", slot.timespan);
    body
}

fn add_change(body: &mut Map<String, Value>, change: &ChangeArguments) {
    insert(body, "add", change.add);
    insert(body, "withdraw", change.withdraw);
    insert(body, "restore", change.restore);
}

fn insert<T: serde::Serialize>(body: &mut Map<String, Value>, key: &str, value: Option<T>) {
    if let Some(value) = value {
        body.insert(key.to_owned(), json!(value));
    }
}

/// Keys and values: what is JSON is taken as such, anything else as text. Yuan and ids are texts, so a
/// number of them is as well.
fn changed(changes: &[String]) -> anyhow::Result<Map<String, Value>> {
    const TEXTS: [&str; 6] = ["price", "list_price", "rebate", "name", "pool", "supplier"];
    let pairs = changes.iter().map(|change| {
        let (key, text) = change
            .split_once('=')
            .with_context(|| format!("{change:?} is no KEY=VALUE, such as price=88.00"))?;
        let value = match serde_json::from_str(text) {
            Ok(Value::Number(_)) if TEXTS.contains(&key) => json!(text),
            Ok(value) => value,
            Err(_) => json!(text),
        };
        Ok((key.to_owned(), value))
    });
    pairs.collect()
}

/// A date and a timespan as further parameters of a query.
fn when(date: Option<&str>, timespan: Option<u8>) -> String {
    let date = date.map(|date| format!("&date={}", part(date))).unwrap_or_default();
    let timespan = timespan.map(|no| format!("&timespan={no}")).unwrap_or_default();
    format!("{date}{timespan}")
}

fn part(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::arguments::{Arguments, Command};

    fn built(line: &str) -> Request {
        let parsed = Arguments::try_parse_from(line.split(' '));
        let parsed = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
        let Some(Command::Admin(arguments)) = parsed.command else { panic!("{line}") };
        request(&arguments).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[test]
    fn a_command_line_is_a_request() {
        let check = |line: &str, expected: &str, body: Value| {
            let request = built(&format!("piaoku admin {line}"));
            let found = format!("{} {}", request.method, request.path_and_query);
            assert_eq!(found, expected, "{line}");
            let sent: Value = serde_json::from_str(&request.body).unwrap_or(Value::Null);
            assert_eq!(sent, body, "{line}");
        };
        check("product show P-A", "GET /admin/v1/products/P%2DA", Value::Null);
        check(
            "product set P price=88 on_sale=false name=x capacity=9 --reason why",
            "PATCH /admin/v1/products/P",
            json!({ "price": "88", "on_sale": false, "name": "x", "capacity": 9, "reason": "why" }),
        );
        check(
            "slot show P --date 2026-12-31 --timespan 2",
            "GET /admin/v1/slots?product=P&date=2026%2D12%2D31&timespan=2",
            Value::Null,
        );
        check(
            "slot adjust P --date 20261231 --area A --withdraw 5 --reason roof",
            "POST /admin/v1/slots/adjust",
            json!({
                "product": "P", "date": "20261231", "area": "A", "withdraw": 5, "reason": "roof",
            }),
        );
        check("pool show G --timespan 1", "GET /admin/v1/pools/G/stock?timespan=1", Value::Null);
        check(
            "pool adjust G --add 3 --reason r",
            "POST /admin/v1/pools/adjust",
            json!({ "pool": "G", "add": 3, "reason": "r" }),
        );
        check(
            "order refund 7 --ticket 8 --ticket 9 --reason rain",
            "POST /admin/v1/orders/7/refund",
            json!({ "tickets": ["8", "9"], "reason": "rain" }),
        );
        check(
            "agent top-up a --supplier 01 --amount 10.00 --reason bank",
            "POST /admin/v1/agents/a/top-up",
            json!({ "supplier": "01", "balance": "prepaid", "amount": "10.00", "reason": "bank" }),
        );
        let explain = built("piaoku admin explain --agent a --product P --timespan -1");
        let body: Value = serde_json::from_str(&explain.body).unwrap();
        assert_eq!((&body["timespan"], &body["lines"][0]["product"]), (&json!(-1), &json!("P")));
        assert_eq!(explain.headers[0].1, format!("Bearer {}", crate::http::DEMO_TOKEN));
        let refuse = |line: &str| {
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        };
        refuse("piaoku admin slot adjust P");
        refuse("piaoku admin slot adjust P --add 1 --withdraw 1");
        refuse("piaoku admin product set P");
    }
}
