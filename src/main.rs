//! The `vitrine` command.

use std::process::ExitCode;
use vitrine::cli::{self, Command};

fn main() -> ExitCode {
    let arguments = cli::parse();
    match arguments.command {
        Command::Serve | Command::Check => {
            eprintln!("vitrine: this build has no proxy in it");
            ExitCode::FAILURE
        }
        _ => cli::run(&arguments),
    }
}
