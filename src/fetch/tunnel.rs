//! Upgrades (WebSocket): once both sides have switched, bytes go to and fro until one side ends.

use super::servers::UnderWay;
use http::{Request, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, copy, split};
use tokio::time::timeout;

/// For both sides to switch, once the 101 is on its way.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(10);

/// For one side to end, once the other has: whoever has gone is not waited for by a silent server for ever, and holds no place.
const TAIL_TIMEOUT: Duration = Duration::from_secs(30);

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
            carry(TokioIo::new(client), TokioIo::new(origin)).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "an upgrade was not completed"),
        Err(_) => tracing::debug!("an upgrade was not completed in time"),
    }
}

/// To and fro until both have ended, or one has and the other takes too long. How a tunnel ends is the two sides' own affair.
async fn carry<A: AsyncRead + AsyncWrite, B: AsyncRead + AsyncWrite>(client: A, origin: B) {
    let ((from_client, to_client), (from_origin, to_origin)) = (split(client), split(origin));
    let (mut there, mut back) = (pin!(one_way(from_client, to_origin)), pin!(one_way(from_origin, to_client)));
    let ended = tokio::select! {
        () = &mut there => timeout(TAIL_TIMEOUT, back).await,
        () = &mut back => timeout(TAIL_TIMEOUT, there).await,
    };
    if ended.is_err() {
        tracing::debug!("a tunnel was ended on the side that was left");
    }
}

async fn one_way<A: AsyncRead, B: AsyncWrite>(mut from: ReadHalf<A>, mut to: WriteHalf<B>) {
    // A side that breaks has ended as well.
    let _ = copy(&mut from, &mut to).await;
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, duplex};

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_keeps_nobodys_tunnel_who_has_gone() {
        let ((mut visitor, client), (mut server, origin)) = (duplex(64), duplex(64));
        let tunnel = tokio::spawn(carry(client, origin));
        visitor.write_all(b"hello").await.unwrap();
        let mut heard = [0; 5];
        server.read_exact(&mut heard).await.unwrap();
        drop(visitor);
        assert_eq!(server.read(&mut heard).await.unwrap(), 0, "it is told");
        tunnel.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_said_all_still_hears_the_rest() {
        let ((mut visitor, client), (mut server, origin)) = (duplex(64), duplex(64));
        let tunnel = tokio::spawn(carry(client, origin));
        visitor.shutdown().await.unwrap();
        tokio::time::sleep(TAIL_TIMEOUT / 2).await;
        server.write_all(b"the rest").await.unwrap();
        drop(server);
        let mut heard = String::new();
        visitor.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "the rest");
        tunnel.await.unwrap();
    }
}
