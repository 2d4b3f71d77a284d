//! A stream that remembers how the conversation began: what TLS libraries swallow is still evidence.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are remembered.
const KEPT: usize = 64;

/// The first bytes that came in.
#[derive(Debug, Clone, Default)]
pub(crate) struct First(Arc<Mutex<Vec<u8>>>);

impl First {
    /// What came in first.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().map(|bytes| bytes.clone()).unwrap_or_default()
    }
}

/// Passes everything through, and remembers the first bytes that come in.
pub(crate) struct Recorder<S> {
    inner: S,
    first: First,
    full: bool,
}

impl<S> Recorder<S> {
    pub(crate) fn new(inner: S) -> (Self, First) {
        let first = First::default();
        (Self { inner, first: first.clone(), full: false }, first)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorder<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        if !self.full
            && let Poll::Ready(Ok(())) = result
        {
            let mut full = false;
            if let Ok(mut kept) = self.first.0.lock() {
                let room = KEPT - kept.len();
                kept.extend(buf.filled()[before..].iter().take(room));
                full = kept.len() == KEPT;
            }
            self.full = full;
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorder<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
