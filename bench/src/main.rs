//! Measures vitrine: `vitrine-bench hit|memory|herd|purge|sessions|forms|coded|origin|all`, with other caches `peers`, and with Redis
//! `redis-serve|redis-purge|redis-trouble`; `growth` takes curves. What it prints are ratios first; see bench/README.md for the method and for what
//! the figures do not show.

mod coded;
mod figures;
mod forms;
mod growth;
mod load;
mod measure;
mod origin;
mod peers;
mod process;
mod redis_purge;
mod redis_serve;
mod redis_server;
mod redis_trouble;
mod relay;
mod servers;
mod sessions;
mod stop;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(ended) = peers::child(&arguments) {
        return ended;
    }
    let command = arguments.first().cloned().unwrap_or_default();
    if command == "bare" {
        // The peer of `hit`, run as a child of its own so that its CPU time is its own.
        return servers::bare();
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    match runtime.block_on(stop::unless_told_to_end(figures::run(&command))).flatten() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(message: &str) -> ExitCode {
    eprintln!("vitrine-bench: {message}");
    ExitCode::FAILURE
}
