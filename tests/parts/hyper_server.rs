//! A real server of hyper's over bytes in memory, with the limits that `accept` gives its own: what ours is held against.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use vitrine::accept::Limits;

/// Has hyper serve what comes until it waits for more, or is done; what it wrote, and whether it is done.
pub(crate) fn served<R, B>(bytes: &[u8], limits: &Limits, serve: impl Fn(Request<Incoming>) -> R) -> (Vec<u8>, bool)
where
    R: Future<Output = Response<B>>,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut builder = Builder::new();
    builder.max_headers(limits.fields_max).max_header_size(limits.head_bytes_max);
    let mut written = Vec::new();
    let socket = Socket { comes: bytes, written: &mut written };
    let serve = service_fn(|request| {
        let answering = serve(request);
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let has_ended = {
        let mut connection = pin!(builder.serve_connection(socket, serve));
        let rounds = Arc::new(Rounds::default());
        let waker = Waker::from(rounds.clone());
        loop {
            match connection.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(_) => break true,
                // It gives way now and then, and says so; else it waits for more to come.
                Poll::Pending if rounds.has_one_more() => {}
                Poll::Pending => break false,
            }
        }
    };
    (written, has_ended)
}

/// Whether to poll once more.
#[derive(Default)]
struct Rounds(AtomicBool);

impl Rounds {
    fn has_one_more(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Rounds {
    fn wake(self: Arc<Rounds>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Socket<'a> {
    comes: &'a [u8],
    written: &'a mut Vec<u8>,
}

impl Read for Socket<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, mut room: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.comes.is_empty() {
            return Poll::Pending;
        }
        let (now, later) = self.comes.split_at(self.comes.len().min(room.remaining()));
        room.put_slice(now);
        self.comes = later;
        Poll::Ready(Ok(()))
    }
}

impl Write for Socket<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
