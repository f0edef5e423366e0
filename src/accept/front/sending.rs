//! An answer on its way: what of it could not be sent at once, and what is told of it at its end.

use super::wire::Wire;
use super::{Head, Sent, Service, Socket};
use crate::body::MemoryFile;
use crate::headers::Fields;
use bytes::{Buf, Bytes};
use http::header;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// The content of an answer that is ready.
#[derive(Debug)]
pub enum Content {
    /// In memory of ours: it goes out with the head, in one call.
    Bytes(Bytes),
    /// In memory of the system's, which sends it without copying.
    File(Arc<MemoryFile>),
}

/// Contents of so many bytes are put behind their head and go out with it in one piece: a call with two pieces costs more than
/// copying one so short.
const JOINED_BYTES_MAX: usize = 4 * 1024;

/// A content, and how much of it has been sent.
pub(super) struct Rest {
    content: Content,
    /// Bytes of it that stand behind the head, if it does.
    joined: usize,
    sent: usize,
}

/// An answer that is being sent to a client that takes its time.
pub(super) struct Sending<R> {
    pub(super) head: Bytes,
    pub(super) rest: Rest,
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

impl Content {
    fn len(&self) -> usize {
        match self {
            Content::Bytes(bytes) => bytes.len(),
            Content::File(file) => file.len(),
        }
    }
}

impl Rest {
    /// A content that is to be sent behind this head, which is whole.
    pub(super) fn behind(head: &mut Vec<u8>, content: Content) -> Rest {
        match content {
            Content::Bytes(bytes) if bytes.len() <= JOINED_BYTES_MAX => {
                head.extend_from_slice(&bytes);
                Rest { joined: bytes.len(), content: Content::Bytes(Bytes::new()), sent: 0 }
            }
            content => Rest { content, joined: 0, sent: 0 },
        }
    }

    /// Bytes of the content that were handed to the system.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    /// Bytes that do not stand behind the head.
    fn left(&self) -> usize {
        if self.joined > 0 { 0 } else { self.content.len() - self.sent }
    }

    /// So many bytes of the head and of what stands behind it have been sent.
    fn advance(&mut self, head: &mut impl Buf, sent: usize) {
        let of_head = sent.min(head.remaining());
        head.advance(of_head);
        self.sent =
            if self.joined > 0 { self.joined.saturating_sub(head.remaining()) } else { self.sent + sent - of_head };
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

/// Sends a head and the content behind it, or what is left of them. Where the client takes its time, what it has taken is gone
/// from both.
pub(super) fn poll_send(
    cx: &mut Context<'_>,
    wire: &mut Wire<Socket>,
    head: &mut impl Buf,
    rest: &mut Rest,
) -> Poll<io::Result<()>> {
    while head.has_remaining() || rest.left() > 0 {
        let sent = ready!(poll_some(cx, &mut wire.socket, head.chunk(), rest))?;
        if sent == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        rest.advance(head, sent);
    }
    Poll::Ready(Ok(()))
}

/// One call of the system.
fn poll_some(cx: &mut Context<'_>, socket: &mut Socket, head: &[u8], rest: &Rest) -> Poll<io::Result<usize>> {
    match &rest.content {
        Content::Bytes(bytes) if rest.left() > 0 => {
            Pin::new(socket).poll_write_vectored(cx, &[IoSlice::new(head), IoSlice::new(&bytes[rest.sent..])])
        }
        // Held back until the file goes with it (`MSG_MORE`), a head costs more than the packet that it is spared.
        Content::File(file) if head.is_empty() => socket.poll_send_file(cx, file, rest.sent),
        Content::Bytes(_) | Content::File(_) => Pin::new(socket).poll_write(cx, head),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_the_content_are_told_wherever_it_stands_and_the_head_never() {
        for (bytes, steps) in [0, 1, JOINED_BYTES_MAX, JOINED_BYTES_MAX + 1].into_iter().flat_map(in_steps) {
            let mut whole = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
            assert_eq!(whole.len(), HEAD_BYTES);
            let mut rest = Rest::behind(&mut whole, Content::Bytes(vec![b'x'; bytes].into()));
            let is_joined = whole.len() > HEAD_BYTES;
            assert_eq!(is_joined, (1..=JOINED_BYTES_MAX).contains(&bytes));
            let (mut head, mut sent) = (&whole[..], 0);
            for step in steps {
                rest.advance(&mut head, step);
                sent += step;
                assert_eq!(rest.sent(), sent.saturating_sub(HEAD_BYTES), "{bytes} {sent}");
                assert_eq!(head.len() + rest.left(), HEAD_BYTES + bytes - sent, "{bytes} {sent}");
            }
        }
    }

    const HEAD_BYTES: usize = 19;

    /// So many bytes behind their head as the system may take them: at once, with a border between both or over it.
    fn in_steps(bytes: usize) -> [(usize, Vec<usize>); 3] {
        let third = bytes / 3;
        [
            vec![HEAD_BYTES + bytes],
            vec![1, HEAD_BYTES - 1, third, bytes - third],
            vec![HEAD_BYTES - 2, 2 + third, bytes - third],
        ]
        .map(|steps| (bytes, steps))
    }
}
