//! A peer's connection, in clear or encrypted. It holds no buffer while it waits.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Most bytes of one read. They pass through the stack, so that ten thousand waiting peers cost no buffers.
const READ_BYTES: usize = 8 * 1_024;
/// Most bytes that are read from a peer who is not listened to any more.
const LINGER_BYTES: usize = 256 * 1_024;
/// How long that may take.
const LINGER: Duration = Duration::from_secs(1);

pub(crate) struct Line(Stream);

enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// A handshake failed, or is going on.
    Gone,
}

impl Line {
    pub fn new(tcp: TcpStream) -> Self {
        Self(Stream::Clear(tcp))
    }

    /// Adds what has come to `into`; 0 when the peer has ended its side.
    pub async fn read(&mut self, into: &mut BytesMut) -> io::Result<usize> {
        poll_fn(|cx| {
            let mut space = [MaybeUninit::<u8>::uninit(); READ_BYTES];
            let mut buffer = ReadBuf::uninit(&mut space);
            ready!(self.0.poll_read(cx, &mut buffer))?;
            into.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
        .await
    }

    /// Writes all of it, through to the network.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.0 {
            Stream::Clear(tcp) => tcp.write_all(bytes).await,
            Stream::Tls(tls) => {
                tls.write_all(bytes).await?;
                tls.flush().await
            }
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Shakes hands. After an error the connection is closed.
    pub async fn upgrade(&mut self, acceptor: TlsAcceptor) -> io::Result<()> {
        let Stream::Clear(tcp) = std::mem::replace(&mut self.0, Stream::Gone) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        self.0 = Stream::Tls(Box::new(acceptor.accept(tcp).await?));
        Ok(())
    }

    /// Ends our side. With `lingers`, what the peer still sends is read for a moment: closing a connection with unread
    /// bytes resets it, and a reset can overtake our last words.
    pub async fn close(&mut self, lingers: bool) {
        let farewell = async {
            match &mut self.0 {
                Stream::Clear(tcp) => tcp.shutdown().await?,
                Stream::Tls(tls) => tls.shutdown().await?,
                Stream::Gone => return Ok(()),
            }
            let mut aside = BytesMut::new();
            let mut read = 0;
            while lingers && read < LINGER_BYTES {
                aside.clear();
                match self.read(&mut aside).await? {
                    0 => break,
                    length => read += length,
                }
            }
            io::Result::Ok(())
        };
        // The peer may be gone or in no hurry; both are its own affair.
        let _ = timeout(LINGER, farewell).await;
    }
}

impl Stream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Clear(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}
