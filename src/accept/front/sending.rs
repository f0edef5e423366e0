//! An answer on its way: what of it could not be sent at once, and what is told of it at its end.

use super::wire::Wire;
use super::{Head, Sent, Service, Socket};
use crate::headers::Fields;
use bytes::{Buf, Bytes};
use http::header;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// An answer that is being sent to a client that takes its time.
pub(super) struct Sending<R> {
    pub(super) head: Bytes,
    pub(super) body: Bytes,
    /// Bytes of the content at the beginning.
    pub(super) bytes: usize,
    pub(super) receipt: R,
    /// The request's head, for what is told of it.
    pub(super) request: Bytes,
    pub(super) places: Places,
    pub(super) closes: bool,
}

/// Where in a request's head its target and its host stand.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) target: Range<usize>,
    pub(super) host: Range<usize>,
}

impl<R> Sending<R> {
    pub(super) fn is_done(&self) -> bool {
        self.head.is_empty() && self.body.is_empty()
    }

    pub(super) fn advance(&mut self, sent: usize) {
        let of_head = sent.min(self.head.len());
        self.head.advance(of_head);
        self.body.advance(sent - of_head);
    }
}

impl Places {
    pub(super) fn of(head: &Head<'_>, input: &[u8]) -> Places {
        let place = |part: &[u8]| {
            let start = part.as_ptr() as usize - input.as_ptr() as usize;
            start..start + part.len()
        };
        let host = head.lines(&header::HOST).next();
        Places { target: place(head.target.as_bytes()), host: host.map(place).unwrap_or_default() }
    }

    pub(super) fn tell<S: Service>(
        &self,
        service: &S,
        request: &[u8],
        receipt: S::Receipt,
        bytes: usize,
        complete: bool,
    ) {
        let part = |place: &Range<usize>| &request[place.clone()];
        let sent = Sent { target: part(&self.target), host: part(&self.host), bytes: bytes as u64, complete };
        service.sent(receipt, &sent);
    }
}

/// Writes a head and a content, or what is left of them, with one call.
pub(super) fn send(cx: &mut Context<'_>, wire: &mut Wire<Socket>, head: &[u8], body: &[u8]) -> Poll<io::Result<usize>> {
    let sent = if body.is_empty() {
        ready!(Pin::new(&mut wire.socket).poll_write(cx, head))?
    } else {
        ready!(Pin::new(&mut wire.socket).poll_write_vectored(cx, &[IoSlice::new(head), IoSlice::new(body)]))?
    };
    Poll::Ready(if sent == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(sent) })
}
