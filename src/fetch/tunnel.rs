//! Upgrades (WebSocket): once both sides have switched, bytes go to and fro until one side ends.

use http::{Request, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::time::timeout;

/// For both sides to switch, once the 101 is on its way.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(10);

/// One side of a connection that is about to switch protocols.
#[derive(Debug)]
pub struct Tunnel(OnUpgrade);

impl Tunnel {
    /// The client's side.
    pub fn of_request<B>(request: &mut Request<B>) -> Tunnel {
        Tunnel(hyper::upgrade::on(request))
    }

    pub(super) fn of_response<B>(response: &mut Response<B>) -> Tunnel {
        Tunnel(hyper::upgrade::on(response))
    }
}

/// Carries bytes between two sides until either ends. Dropping the future closes both.
pub async fn join_upgrades(client: Tunnel, origin: Tunnel) {
    let both = async { tokio::try_join!(client.0, origin.0) };
    match timeout(SWITCH_TIMEOUT, both).await {
        Ok(Ok((client, origin))) => {
            // How a tunnel ends is the two sides' own affair.
            let _ = copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(origin)).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "an upgrade was not completed"),
        Err(_) => tracing::debug!("an upgrade was not completed in time"),
    }
}
