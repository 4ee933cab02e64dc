//! The command line: serves, imports, audits, accounts for money, explains the configuration, acts as a
//! partner, and gives operators' commands to a running server.
//!
//! Assembly only: what a command does is done by the modules below. `anyhow` stays in here.

mod admin;
mod arguments;
mod audit;
mod call;
mod check_config;
mod demo;
mod import;
mod ledger;
mod load;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// Exit code of a command that found something wrong, or failed.
const FAILED: u8 = 1;

/// Runs the program with the arguments and the environment of this process.
#[must_use]
pub fn main() -> ExitCode {
    let Arguments { command, serve } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refused) => {
            // Nobody is left to tell when even this cannot be printed.
            let _ = refused.print();
            return ExitCode::from(exit_code(&refused));
        }
    };
    let result = match command.unwrap_or(Command::Serve(serve)) {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::CheckConfig(arguments) => check_config::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Statement(arguments) => ledger::statement(&arguments),
        Command::Reconcile(arguments) => ledger::reconcile(&arguments),
        Command::Call(arguments) => call::run(&arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Admin(arguments) => admin::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("piaoku: {}", told(&error));
        ExitCode::from(FAILED)
    })
}

/// Exit code for a command line that is not run: 2 would be a partner's refusal, see `piaoku call`.
fn exit_code(refused: &clap::Error) -> u8 {
    if refused.use_stderr() { FAILED } else { 0 }
}

/// An error with its causes, leaving out those that the text before already ends with: many errors
/// quote their cause in their own words.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests;
