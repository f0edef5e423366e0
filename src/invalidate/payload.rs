//! A webhook's body, read within bounds of size, time and memory: whoever sends it is not known yet.

use crate::body::Body;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// Bytes that every body may have. What goes beyond comes out of the room for all.
const FREE_BYTES: usize = 64 * 1024;
/// Bytes beyond, of all bodies together: strangers may hold as much.
const ROOM_BYTES: usize = 32 * 1024 * 1024;

/// The room for large bodies.
#[derive(Debug)]
pub(super) struct Room(Semaphore);

/// A body, and the room that it takes as long as it is held.
#[derive(Debug)]
pub(super) struct Payload<'a> {
    pub(super) bytes: Bytes,
    _room: Option<SemaphorePermit<'a>>,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    #[error("the payload has more than {} KiB", .0 / 1024)]
    Large(usize),
    #[error("the payload broke off")]
    Broken,
    #[error("the payload did not come in time")]
    Slow,
    #[error("too many large payloads come at once; send it again")]
    NoRoom,
}

impl Unread {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Unread::Large(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Unread::Broken => StatusCode::BAD_REQUEST,
            Unread::Slow => StatusCode::REQUEST_TIMEOUT,
            Unread::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Room {
    pub(super) fn new() -> Room {
        Room(Semaphore::new(ROOM_BYTES))
    }

    /// Reads a body of at most `max` bytes. Dropped before its end, it gives its room back.
    pub(super) async fn read(&self, body: Body, max: usize, until: Instant) -> Result<Payload<'_>, Unread> {
        timeout_at(until, self.gather(body, max)).await.unwrap_or(Err(Unread::Slow))
    }

    async fn gather(&self, mut body: Body, max: usize) -> Result<Payload<'_>, Unread> {
        let mut bytes = BytesMut::new();
        let mut room: Option<SemaphorePermit<'_>> = None;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
            let length = bytes.len() + data.len();
            if length > max {
                return Err(Unread::Large(max));
            }
            let held = room.as_ref().map_or(0, SemaphorePermit::num_permits);
            let more = length.saturating_sub(FREE_BYTES).saturating_sub(held);
            if more > 0 {
                let more = u32::try_from(more).map_err(|_| Unread::NoRoom)?;
                let more = self.0.try_acquire_many(more).map_err(|_| Unread::NoRoom)?;
                match &mut room {
                    Some(room) => room.merge(more),
                    None => room = Some(more),
                }
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Payload { bytes: bytes.freeze(), _room: room })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::BodyError;
    use http_body::Frame;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    const MAX: usize = 1024 * 1024;

    fn large() -> Body {
        Body::pieces(vec![Bytes::from(vec![b'x'; MAX / 4]); 4])
    }

    /// A body of these pieces, after which nothing comes.
    struct Script<I>(I);

    impl<I: Iterator<Item = Result<Bytes, BodyError>> + Unpin> http_body::Body for Script<I> {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            self.0.next().map_or(Poll::Pending, |piece| Poll::Ready(Some(piece.map(Frame::data))))
        }
    }

    async fn read(room: &Room, body: Body) -> Result<Payload<'_>, Unread> {
        room.read(body, MAX, Instant::now() + Duration::from_secs(9)).await
    }

    #[tokio::test]
    async fn large_bodies_share_a_room_and_small_ones_always_fit() {
        let room = Room::new();
        let mut held = Vec::new();
        let refused = loop {
            match read(&room, large()).await {
                Ok(payload) => held.push(payload),
                Err(refused) => break refused,
            }
        };
        assert_eq!((refused, held.len()), (Unread::NoRoom, 34));
        assert_eq!(read(&room, Body::whole(vec![b'x'; FREE_BYTES])).await.unwrap().bytes.len(), FREE_BYTES);
        held.pop();
        assert_eq!(read(&room, large()).await.unwrap().bytes.len(), MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_large_breaks_off_or_does_not_come_is_told_apart() {
        let room = Room::new();
        let begun = Instant::now();
        assert_eq!(read(&room, Body::streamed(Script([].into_iter()))).await.err(), Some(Unread::Slow));
        assert_eq!(begun.elapsed(), Duration::from_secs(9));
        assert_eq!(read(&room, Body::whole(vec![0; MAX + 1])).await.err(), Some(Unread::Large(MAX)));
        let broken = [Ok(Bytes::from(vec![0; MAX / 2])), Err(BodyError::Client("reset".into()))];
        assert_eq!(read(&room, Body::streamed(Script(broken.into_iter()))).await.err(), Some(Unread::Broken));
        assert_eq!(room.0.available_permits(), ROOM_BYTES);
    }
}
