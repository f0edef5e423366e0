//! The `vitrine` command: which of its commands is meant, and its exit code.

use std::process::ExitCode;
use vitrine::cli::{self, Command};
use vitrine::{app, config};

fn main() -> ExitCode {
    let arguments = cli::parse();
    match arguments.command {
        Command::Serve => app::serve(&arguments.config),
        Command::Check => config::check(&arguments.config, arguments.json),
        _ => cli::run(&arguments),
    }
}
