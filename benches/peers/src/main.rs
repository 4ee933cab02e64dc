//! Piaoku beside what people would use instead; README.md says what is compared and how.

mod bare;
mod front;
mod postgres_front;
mod redis_front;
mod run;
mod sale;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Piaoku's own allocator, so that it is no advantage of Piaoku's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Piaoku beside what people would use instead.
#[derive(Debug, Parser)]
#[command(name = "peers", version, about)]
struct Arguments {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure all of them and print a table
    Run(run::RunArguments),
    /// Serve the bare HTTP server: decode, answer a constant
    Bare(front::FrontArguments),
    /// Serve the sale from Redis
    RedisFront(redis_front::RedisFrontArguments),
    /// Serve the sale from PostgreSQL
    PostgresFront(postgres_front::PostgresFrontArguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Bare(arguments) => bare::serve(&arguments),
        Command::RedisFront(arguments) => redis_front::serve(&arguments),
        Command::PostgresFront(arguments) => postgres_front::serve(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        super::Arguments::command().debug_assert();
    }
}
