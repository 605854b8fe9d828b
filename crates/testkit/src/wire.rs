//! The byte stream of a session: plain or encrypted, and the rude ways to end it.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a closed connection is still listened to, so that the kernel sends FIN and not RST.
const LINGER: Duration = Duration::from_secs(1);

/// A connection.
#[derive(Debug)]
pub(crate) enum Wire {
    /// As it came.
    Plain(TcpStream),
    /// After STARTTLS.
    Tls(Box<TlsStream<TcpStream>>),
    /// A failed handshake took the connection along.
    Gone,
}

impl Wire {
    /// Appends what comes in; 0 at the end of the stream.
    pub(crate) async fn read(&mut self, into: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read_buf(into).await,
            Self::Tls(stream) => stream.read_buf(into).await,
            Self::Gone => Ok(0),
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Upgrades to TLS; the connection is gone when that fails.
    pub(crate) async fn encrypt(&mut self, acceptor: &TlsAcceptor) -> io::Result<()> {
        let Self::Plain(stream) = std::mem::replace(self, Self::Gone) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        *self = Self::Tls(Box::new(acceptor.accept(stream).await?));
        Ok(())
    }

    /// FIN, and a short while for the client to do the same.
    pub(crate) async fn close(&mut self) {
        let finished = match self {
            Self::Plain(stream) => stream.shutdown().await,
            Self::Tls(stream) => stream.shutdown().await,
            Self::Gone => return,
        };
        if finished.is_ok() {
            let _ = tokio::time::timeout(LINGER, self.drain()).await;
        }
    }

    /// RST instead of FIN once the wire is dropped.
    pub(crate) fn reset(&self) {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
            Self::Gone => return,
        };
        // Fails only for a socket that is gone already.
        let _ = stream.set_zero_linger();
    }

    /// Reads and forgets until the client leaves.
    pub(crate) async fn drain(&mut self) {
        let mut forgotten = BytesMut::with_capacity(4096);
        while matches!(self.read(&mut forgotten).await, Ok(1..)) {
            forgotten.clear();
        }
    }
}
