//! The command line: serves, imports, audits, explains the configuration, and acts as a partner.
//!
//! Assembly only: what a command does is done by the modules below. `anyhow` stays in here.

mod arguments;
mod audit;
mod call;
mod check_config;
mod demo;
mod import;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// Exit code of a command that found something wrong, or failed.
const FAILED: u8 = 1;

/// Runs the program with the arguments and the environment of this process.
#[must_use]
pub fn main() -> ExitCode {
    let Arguments { command, serve } = Arguments::parse();
    let result = match command.unwrap_or(Command::Serve(serve)) {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::CheckConfig(arguments) => check_config::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Call(arguments) => call::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("piaoku: {error:#}");
        ExitCode::from(FAILED)
    })
}

#[cfg(test)]
mod tests;
