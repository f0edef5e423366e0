//! The `vitrine` command: what can be typed, and the commands that speak to a running proxy.
//!
//! `serve` and `check` are for the binary to dispatch; everything else is a client of the admin API (and `warm`, of the
//! public address) and needs no part of the proxy. Nothing is asked of the network but those two addresses.

mod address;
mod args;
mod client;
mod deliveries;
mod explain;
mod failure;
mod ledger;
mod manual;
mod purge;
mod show;
mod status;
mod warm;

pub use args::{Arguments, Clear, Command, Completions, Explain, Ledger, Man, Purge, Warm};

use address::Addresses;
use clap::Parser;
use client::Client;
use failure::Failure;
use std::process::ExitCode;

/// Reads the arguments; help, the version and mistakes end the process here, mistakes with exit code 2.
pub fn parse() -> Arguments {
    Arguments::parse()
}

/// Does what a client command asks for: everything but `serve` and `check`.
pub fn run(arguments: &Arguments) -> ExitCode {
    let done = match &arguments.command {
        Command::Completions(completions) => manual::completions(completions.shell),
        Command::Man(man) => manual::pages(man.out.as_deref()),
        _ => ask(arguments),
    };
    done.map_or_else(|failure| failure.tell(), |()| ExitCode::SUCCESS)
}

fn ask(arguments: &Arguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the runtime could not be started: {error}")))?;
    runtime.block_on(async {
        // `warm --base` needs no configuration.
        if let Command::Warm(warm) = &arguments.command {
            return warm::run(warm, &arguments.config, arguments.json).await;
        }
        let addresses = Addresses::read(&arguments.config)?;
        let client = Client::new(&addresses);
        let json = arguments.json;
        match &arguments.command {
            Command::Status => status::run(&client, json).await,
            Command::Clear(clear) => purge::clear(&client, clear, json).await,
            Command::Purge(purge) => purge::run(&client, purge, json).await,
            Command::Explain(explain) => explain::run(&client, &addresses.host, explain, json).await,
            Command::Ledger(ledger) => ledger::run(&client, ledger, json).await,
            _ => Err(Failure::Usage("this command is not one of the clients".into())),
        }
    })
}
