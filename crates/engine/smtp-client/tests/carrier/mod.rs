//! A server on loopback that follows a script written in the test.
#![allow(dead_code)] // each test file uses its part

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use mail_model::EmailAddress;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use smtp_client::{ConnectPlan, Demand, Envelope, Session, Timeouts, Tls, TlsPolicy, connect};
use smtp_wire::EndOfData;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub const MX: &str = "mx.example.jp";
pub const PIPELINING: &str = "250-mx.example.jp\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 1000000\r\n";
pub const STARTTLS: &str = "250-mx.example.jp\r\n250-STARTTLS\r\n250 PIPELINING\r\n";
pub const PLAIN: &str = "250 mx.example.jp\r\n";

/// Runs `script` on a port of its own. Await the handle at the end of the test: its assertions count.
pub async fn serve<F, T>(script: impl FnOnce(Carrier) -> F) -> (SocketAddr, JoinHandle<T>)
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, tokio::spawn(script(Carrier(listener))))
}

pub struct Carrier(TcpListener);

impl Carrier {
    /// A server on a port that the caller has chosen.
    pub fn on(listener: TcpListener) -> Self {
        Self(listener)
    }

    pub async fn accept(&self) -> Peer {
        let (tcp, from) = self.0.accept().await.unwrap();
        tcp.set_nodelay(true).unwrap();
        Peer { stream: Box::new(tcp), heard: BytesMut::new(), from }
    }

    /// Accepts, greets, and answers EHLO with `ehlo`.
    pub async fn greet(&self, ehlo: &str) -> Peer {
        let mut peer = self.accept().await;
        peer.say("220 mx.example.jp ESMTP\r\n").await;
        peer.hear("EHLO ").await;
        peer.say(ehlo).await;
        peer
    }
}

pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The server's end of one connection.
pub struct Peer {
    stream: Box<dyn Duplex>,
    heard: BytesMut,
    pub from: SocketAddr,
}

impl Peer {
    pub async fn say(&mut self, words: &str) {
        self.say_bytes(words.as_bytes()).await;
    }

    pub async fn say_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Says it one byte at a time, each in a segment of its own.
    pub async fn drip(&mut self, words: &str, pause: Duration) {
        for byte in words.bytes() {
            if self.stream.write_all(&[byte]).await.is_err() {
                return;
            }
            let _ = self.stream.flush().await;
            if pause.is_zero() { tokio::task::yield_now().await } else { tokio::time::sleep(pause).await }
        }
    }

    /// One command line, without its CRLF, that must begin with `expected`.
    pub async fn hear(&mut self, expected: &str) -> String {
        loop {
            if let Some(end) = self.heard.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8(self.heard[..end].to_vec()).unwrap();
                self.heard.advance(end + 2);
                assert!(line.starts_with(expected), "{line:?} instead of {expected:?}");
                return line;
            }
            assert_ne!(self.stream.read_buf(&mut self.heard).await.unwrap(), 0, "closed instead of {expected:?}");
        }
    }

    pub async fn hear_all(&mut self, expected: &[&str]) {
        for line in expected {
            self.hear(line).await;
        }
    }

    /// Content up to and without its end of data, unstuffed.
    pub async fn content(&mut self) -> Vec<u8> {
        let mut automaton = EndOfData::new();
        let mut content = BytesMut::new();
        loop {
            let progress = automaton.feed(&self.heard, &mut content);
            self.heard.advance(progress.consumed);
            if progress.ended {
                assert!(!automaton.has_bare_cr() && !automaton.has_bare_lf());
                return content.to_vec();
            }
            assert_ne!(self.stream.read_buf(&mut self.heard).await.unwrap(), 0, "closed inside the content");
        }
    }

    /// What a single read brings: all that was written at once, on loopback.
    pub async fn chunk(&mut self) -> String {
        String::from_utf8(self.chunk_bytes().await).unwrap()
    }

    pub async fn chunk_bytes(&mut self) -> Vec<u8> {
        assert!(self.heard.is_empty());
        let mut bytes = vec![0; 65_536];
        let length = self.stream.read(&mut bytes).await.unwrap();
        bytes.truncate(length);
        bytes
    }

    /// Everything until the client is gone.
    pub async fn rest(&mut self) -> String {
        // A reset is as good an end as any.
        while matches!(self.stream.read_buf(&mut self.heard).await, Ok(n) if n > 0) {}
        String::from_utf8_lossy(&self.heard).into_owned()
    }

    /// One mail, accepted with `reply`, with every command answered as a good server does.
    pub async fn accept_mail(&mut self, reply: &str) -> Vec<u8> {
        self.grant().await;
        let content = self.content().await;
        self.say(reply).await;
        content
    }

    /// MAIL, RCPT and DATA, granted.
    pub async fn grant(&mut self) {
        for (command, reply) in [("MAIL", "250 2.1.0 ok\r\n"), ("RCPT", "250 2.1.5 ok\r\n"), ("DATA", "354 go\r\n")] {
            self.hear(command).await;
            self.say(reply).await;
        }
    }

    pub async fn upgrade(self, acceptor: &TlsAcceptor) -> Option<Self> {
        assert!(self.heard.is_empty());
        let stream = acceptor.accept(self.stream).await.ok()?;
        Some(Self { stream: Box::new(stream), heard: BytesMut::new(), from: self.from })
    }
}

/// Greets, is asked for TLS, shakes hands and greets once more inside.
pub async fn greet_in_tls(carrier: &Carrier, acceptor: &TlsAcceptor) -> Option<Peer> {
    let mut peer = carrier.greet(STARTTLS).await;
    peer.hear("STARTTLS").await;
    peer.say("220 go\r\n").await;
    let mut peer = peer.upgrade(acceptor).await?;
    peer.hear("EHLO ").await;
    peer.say(PIPELINING).await;
    Some(peer)
}

/// A certificate for `name` that nobody signed, and the roots that trust it.
pub fn self_signed(name: &str) -> (TlsAcceptor, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let certificate: CertificateDer<'static> = made.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()))
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), roots)
}

pub fn plan(remote: SocketAddr) -> ConnectPlan {
    ConnectPlan {
        source_ip: None,
        ehlo_name: "out1.example.jp".to_owned(),
        remote,
        mx_host: MX.to_owned(),
        tls: TlsPolicy::Opportunistic,
        demand: Demand::Nothing,
        timeouts: Timeouts::default(),
    }
}

/// A plan whose every step has 100 ms.
pub fn hasty_plan(remote: SocketAddr) -> ConnectPlan {
    let step = Duration::from_millis(100);
    let timeouts = Timeouts {
        connect: step,
        greeting: step,
        ehlo: step,
        starttls: step,
        mail: step,
        rcpt: step,
        data: step,
        data_block: step,
        data_end: step,
        quit: step,
    };
    ConnectPlan { timeouts, ..plan(remote) }
}

pub async fn open(remote: SocketAddr) -> Session {
    connect(&plan(remote), &Tls::new()).await.unwrap()
}

pub fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

pub fn to(recipient: &EmailAddress) -> Envelope<'_> {
    Envelope { sender: None, recipient, quote_irregular: false, size: 100, eight_bit: false }
}

/// A connection that nobody answers any more.
pub async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Lets the runtime look at its sockets.
pub async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[allow(unused)]
fn futures_can_move_between_threads(session: &mut Session, plan: &ConnectPlan, tls: &Tls) {
    fn check(_: impl Send) {}
    check(session.exchange(None, None));
    check(connect(plan, tls));
    check(TcpStream::connect("127.0.0.1:1"));
}
