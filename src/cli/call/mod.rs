//! `piaoku call`: acts as a partner. Builds, signs and sends one real request and prints both sides.
//!
//! What is signed is what the partners sign, by the same code that the server verifies with; the
//! defaults are the demo's public identifiers.

mod answer;
mod arguments;
mod douyin;
pub(in crate::cli) mod exchange;
mod gate;
mod ota;
mod person;
mod top;

use std::process::ExitCode;

use anyhow::Context as _;

pub(super) use arguments::{CallArguments, demo};

use crate::clock::{Clock as _, SystemClock};
use crate::types::{ServiceDate, UnixMillis};
pub(super) use answer::Verdict;
use arguments::{Asked, BodyFormat, CodesArguments, Connection, DateArgument, VerifyArguments};
use exchange::{Address, Request};
use person::Draw;

/// Where a server listens unless it is told otherwise.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// Seconds east of Greenwich of the demo's venues, whose day `tomorrow` is.
const VENUE_OFFSET_SECONDS: i32 = 8 * 3600;

/// The partner said no.
const REFUSED: u8 = 2;

/// Exit code: 0 when the partner-level answer is a success, 2 when it is a refusal; failures to send
/// or to receive are errors.
pub(super) fn run(arguments: &CallArguments) -> anyhow::Result<ExitCode> {
    if arguments.connection().print_only {
        println!("{}", request(arguments)?.curl());
        return Ok(ExitCode::SUCCESS);
    }
    let verdict = exchange(arguments)?;
    eprintln!("\n{verdict}");
    Ok(match verdict {
        Verdict::Success(_) => ExitCode::SUCCESS,
        Verdict::Refused(_) => ExitCode::from(REFUSED),
    })
}

/// Sends the request, prints both sides and says what the answer means.
pub(super) fn exchange(arguments: &CallArguments) -> anyhow::Result<Verdict> {
    let request = request(arguments)?;
    print!("{request}");
    let response = request.send(arguments.connection().timeout_seconds)?;
    print!("\n{response}");
    Ok(answer::judge(&arguments.asked, &response))
}

fn request(arguments: &CallArguments) -> anyhow::Result<Request> {
    let address = Address::parse(&arguments.connection().url)?;
    build(&arguments.asked, &address, &Draw::from_system()?, SystemClock.now())
}

/// The request a partner would send.
fn build(
    asked: &Asked,
    address: &Address,
    draw: &Draw,
    now: UnixMillis,
) -> anyhow::Result<Request> {
    match asked {
        Asked::Order(arguments) => Ok(ota::order(arguments, address, draw, now)),
        Asked::Verify(arguments) => Ok(ota::verify(arguments, address, draw, now)),
        Asked::Ask(arguments) => Ok(ota::ask(arguments, address, draw, now)),
        Asked::Codes(arguments) => Ok(douyin::codes(arguments, address, draw, now)),
        Asked::Consult(arguments) => top::consult(arguments, address, draw, now),
        Asked::Redeem(arguments) => match &arguments.shop {
            Some(shop) => top::redeem(arguments, shop, address, draw, now),
            None => gate::redeem(arguments, address, draw),
        },
        Asked::Reverse(arguments) => gate::reverse(arguments, address, draw),
    }
}

/// The day a request is for.
fn day(date: Option<DateArgument>, now: UnixMillis) -> ServiceDate {
    let today = ServiceDate::at(now, VENUE_OFFSET_SECONDS);
    match date {
        None => today.plus_days(1),
        Some(DateArgument::Today) => today,
        Some(DateArgument::Day(date)) => date,
    }
}

/// A Verify of the demo, as a line to paste. It is signed, so it is good for a minute.
pub(super) fn demo_verify_curl(url: &str, now: UnixMillis) -> anyhow::Result<String> {
    let arguments =
        VerifyArguments { connection: Connection::to(url), ..VerifyArguments::default() };
    let address = Address::parse(url)?;
    Ok(ota::verify(&arguments, &address, &Draw::from_system()?, now).curl())
}

/// Voucher codes for the product that Douyin knows as `sku`, asked for by a client's key and secret.
pub(super) fn issued_codes(
    url: &str,
    (client_key, secret): (&str, &str),
    sku: &str,
    count: u16,
) -> anyhow::Result<Vec<String>> {
    let arguments = CodesArguments {
        sku: sku.to_owned(),
        count,
        client_key: client_key.to_owned(),
        secret: secret.to_owned(),
        ..CodesArguments::to(url)
    };
    let address = Address::parse(url)?;
    let request = douyin::codes(&arguments, &address, &Draw::from_system()?, SystemClock.now());
    let response = request.send(arguments.connection.timeout_seconds)?;
    answer::codes_in(&response).with_context(|| format!("the server's answer is: {response}"))
}

/// The demo's credentials, one holder a line.
pub(super) fn demo_credentials() -> String {
    use arguments::demo::{
        AGENT, APP_KEY, APP_SECRET, CLIENT_KEY, CLIENT_SECRET, GATE_TOKEN, LOGIN_PASSWORD,
        PAY_PASSWORD, SESSION_KEY, SHOP,
    };
    format!(
        "  agent   {AGENT}  session key {SESSION_KEY}\n\
         \x20         login password {LOGIN_PASSWORD}  pay password {PAY_PASSWORD}\n\
         \x20 Douyin  client_key {CLIENT_KEY}  secret {CLIENT_SECRET}\n\
         \x20 TOP     app_key {APP_KEY}  secret {APP_SECRET}  shop {SHOP}\n\
         \x20 gate    demo-gate  token {GATE_TOKEN}\n"
    )
}

#[cfg(test)]
mod tests;
