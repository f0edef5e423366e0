//! The `origin-demo` program: reads its arguments, opens the shop, closes it at SIGTERM or Ctrl-C.

use std::process::ExitCode;

use origin_demo::{Command, Settings, Shop, USAGE};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let secret = std::env::var("VITRINE_WEBHOOK_SECRET").ok();
    match Command::parse(std::env::args().skip(1), secret.as_deref()) {
        Ok(Command::Help) => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Command::Open(settings)) => ended(open(settings).await),
        Err(complaint) => {
            eprintln!("origin-demo: {complaint}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

async fn open(settings: Settings) -> Result<(), String> {
    let told = |error: std::io::Error| error.to_string();
    // Asked for before the shop opens, so that no signal in between ends it roughly.
    let mut terminate = signal(SignalKind::terminate()).map_err(told)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(told)?;
    let shop = Shop::start(settings).await.map_err(|e| e.to_string())?;
    println!("origin-demo: listening on http://{}", shop.address());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    shop.stop().await;
    Ok(())
}

fn ended(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("origin-demo: {error}");
            ExitCode::FAILURE
        }
    }
}
