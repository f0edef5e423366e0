//! The `vitrine` command: which of its commands is meant, and its exit code.

use std::process::ExitCode;
use vitrine::cli::{self, Command};
use vitrine::{app, config};

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = cli::parse();
    match arguments.command {
        Command::Serve => app::serve(&arguments.config),
        Command::Check(check) => config::check(&arguments.config, check.against.as_deref(), arguments.json),
        _ => cli::run(&arguments),
    }
}
