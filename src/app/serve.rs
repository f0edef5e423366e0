//! `vitrine serve`: the runtime, the signals, and what the service manager is told.

use super::{App, Environment, Lanes};
use crate::clock::Clock;
use crate::config;
use crate::observe::Logs;
use sd_notify::NotifyState;
use std::io::{self, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Serves until SIGTERM or SIGINT. The exit code is 0 after a clean stop and 1 where it could not start.
pub fn serve(path: &Path) -> ExitCode {
    let environment: Environment = Arc::new(|name| std::env::var(name).ok());
    let config = match config::load(path, &*environment) {
        Ok(loaded) => loaded.config,
        Err(mistakes) => return failed(&config::report(&mistakes)),
    };
    let _logs = match Logs::start(config.log.format, |name| environment(name)) {
        Ok(logs) => logs,
        Err(error) => return failed(&error.to_string()),
    };
    for note in &config.notes {
        tracing::warn!("{note}");
    }
    let (lanes, runtime) = match runtimes(config.threads) {
        Ok(runtimes) => runtimes,
        Err(error) => return failed(&format!("the runtime cannot start: {error}")),
    };
    match runtime.block_on(run(path, environment, &lanes)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(message: &str) -> ExitCode {
    eprintln!("vitrine: {}", message.trim_end());
    ExitCode::FAILURE
}

/// What serves visitors, and this thread's own for everything else.
fn runtimes(threads: Option<NonZero<usize>>) -> io::Result<(Lanes, Runtime)> {
    Ok((Lanes::start(threads)?, Builder::new_current_thread().enable_all().build()?))
}

async fn run(path: &Path, environment: Environment, lanes: &Lanes) -> Result<(), Box<dyn std::error::Error>> {
    // Before anything is open: a signal that comes early must not be the default's abrupt end.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let app = App::start_on(lanes.runtimes().cloned(), path, environment, Clock::system())?;
    tell_addresses(&app);
    notify(&[NotifyState::Ready]);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => {
                // What is wrong with the file has been logged; the old one stays in force.
                let _ = app.reload();
                app.reopen_logs();
            }
        }
    }
    notify(&[NotifyState::Stopping]);
    app.stop().await;
    Ok(())
}

/// On standard output, for people and for tests that asked for any free port.
fn tell_addresses(app: &App) {
    let public = app.public_addresses().iter().map(|address| (*address, "public"));
    let invalidation = app.invalidation_address().map(|address| (address, "PURGE and webhooks"));
    let all = public.chain(invalidation).chain([(app.admin_address(), "admin")]);
    let lines: Vec<String> =
        all.map(|(address, what)| format!("vitrine: listening on http://{address} ({what})\n")).collect();
    // Nobody may be reading.
    let _ = io::stdout().write_all(lines.concat().as_bytes());
}

/// Tells the service manager, where there is one.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
