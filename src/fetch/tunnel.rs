//! Upgrades (WebSocket): once both sides have switched, bytes go to and fro until one side ends.

use super::servers::UnderWay;
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
pub struct Tunnel {
    upgrade: OnUpgrade,
    /// An origin's server has it under way for as long as it lasts.
    _server: Option<UnderWay>,
}

impl Tunnel {
    /// The client's side.
    pub fn of_request<B>(request: &mut Request<B>) -> Tunnel {
        Tunnel { upgrade: hyper::upgrade::on(request), _server: None }
    }

    pub(super) fn of_response<B>(response: &mut Response<B>, server: UnderWay) -> Tunnel {
        Tunnel { upgrade: hyper::upgrade::on(response), _server: Some(server) }
    }
}

/// Carries bytes between two sides until either ends. Dropping the future closes both.
pub async fn join_upgrades(client: Tunnel, origin: Tunnel) {
    let Tunnel { upgrade, _server } = origin;
    let both = async { tokio::try_join!(client.upgrade, upgrade) };
    match timeout(SWITCH_TIMEOUT, both).await {
        Ok(Ok((client, origin))) => {
            // How a tunnel ends is the two sides' own affair.
            let _ = copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(origin)).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "an upgrade was not completed"),
        Err(_) => tracing::debug!("an upgrade was not completed in time"),
    }
}
