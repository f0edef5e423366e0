//! A socket whose writes must make progress: a client that does not read is dropped (row R10).

use crate::body::MemoryFile;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// Wraps a stream; a write that stays pending for `timeout` fails.
#[derive(Debug)]
pub(super) struct WriteDeadline<S> {
    stream: S,
    timeout: Duration,
    /// Set while a write is waiting.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteDeadline<S> {
    pub(super) fn new(stream: S, timeout: Duration) -> WriteDeadline<S> {
        WriteDeadline { stream, timeout, deadline: None }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.deadline = None;
            return polled;
        }
        let timeout = self.timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(timeout)));
        match deadline.as_mut().poll(cx) {
            Poll::Ready(()) => {
                deadline.as_mut().reset(Instant::now() + timeout);
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl WriteDeadline<TcpStream> {
    /// Sends of a file what stands behind its first `from` bytes, as much as the socket takes.
    pub(super) fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        file: &MemoryFile,
        from: usize,
    ) -> Poll<io::Result<usize>> {
        let polled = loop {
            let sent = match self.stream.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => self.stream.try_io(Interest::WRITABLE, || file.send(&self.stream, from)),
                Poll::Ready(Err(error)) => Err(error),
                Poll::Pending => break Poll::Pending,
            };
            match sent {
                // It has been noted: at the next look the socket is not ready, and tells when it is.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => break Poll::Ready(sent),
            }
        };
        self.watch(cx, polled)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteDeadline<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteDeadline<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test(start_paused = true)]
    async fn r10_a_client_that_does_not_read_is_dropped_and_a_slow_one_is_not() {
        let (near, mut far) = tokio::io::duplex(4);
        let mut stream = WriteDeadline::new(near, Duration::from_secs(5));
        let slow = tokio::spawn(async move {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_secs(4)).await;
                tokio::io::AsyncReadExt::read_exact(&mut far, &mut [0; 4]).await.unwrap();
            }
            far
        });
        stream.write_all(&[0; 16]).await.unwrap();
        let _unread = slow.await.unwrap();
        let error = stream.write_all(&[0; 16]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    /// A client's side that takes nothing, and the other one, wrapped.
    #[cfg(target_os = "linux")]
    async fn unread() -> (WriteDeadline<TcpStream>, TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (WriteDeadline::new(listener.accept().await.unwrap().0, Duration::from_secs(5)), far)
    }

    #[cfg(target_os = "linux")]
    #[tokio::test(start_paused = true)]
    async fn r10_a_client_that_does_not_read_a_file_is_dropped_and_who_reads_on_gets_it() {
        use std::future::poll_fn;
        const BYTES: usize = 32 * 1024 * 1024;

        let content: Vec<u8> = (0..=250).cycle().take(BYTES).collect();
        let file = MemoryFile::of(&content).unwrap();
        let (mut stream, mut far) = unread().await;
        let mut sent = 0;
        let error = loop {
            match poll_fn(|cx| stream.poll_send_file(cx, &file, sent)).await {
                Ok(bytes) => sent += bytes,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(sent > 0 && sent < BYTES, "{sent}");
        let reader = tokio::spawn(async move {
            let mut got = Vec::new();
            tokio::io::AsyncReadExt::read_to_end(&mut far, &mut got).await.unwrap();
            got
        });
        while sent < BYTES {
            match poll_fn(|cx| stream.poll_send_file(cx, &file, sent)).await {
                Ok(bytes) => sent += bytes,
                // The held clock runs on while the system is at work.
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::TimedOut),
            }
        }
        drop(stream);
        assert!(reader.await.unwrap() == content);
    }
}
