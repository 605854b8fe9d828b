//! A listener on loopback with a store in memory, and a client that says what a test tells it to.
#![allow(dead_code)] // each test file uses its part

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use clock::Clock;
use mail_model::EmailAddress;
use parking_lot::Mutex;
use smtp_server::{Accepted, Answer, Doorkeeper, Settings, Store, Stored, Tls, listen, serve};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub const HOST: &str = "mx.example.jp";
/// A test that waits longer than this for a reply hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Admits `b+<digits>@bounce.example.jp` and the postmaster.
#[derive(Default)]
pub struct Doors {
    /// This address may not connect.
    pub banned: Mutex<Option<IpAddr>>,
}

impl Doorkeeper for Doors {
    fn may_connect(&self, peer: IpAddr) -> Answer {
        if *self.banned.lock() == Some(peer) { Answer::refuse("554 5.7.1 Not from there") } else { Answer::Admit }
    }

    fn recipient(&self, address: &EmailAddress, _: Option<&EmailAddress>) -> Answer {
        let number = address.local().strip_prefix("b+").unwrap_or_default();
        let is_ours = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        match (address.local(), address.domain()) {
            ("postmaster", HOST) => Answer::Admit,
            (_, "bounce.example.jp") if is_ours => Answer::Admit,
            ("later", "bounce.example.jp") => Answer::try_later("451 4.2.1 Later"),
            (_, HOST | "bounce.example.jp") => Answer::refuse("550 5.1.1 Nobody here"),
            _ => Answer::refuse("550 5.7.1 We pass no mail on"),
        }
    }
}

/// Keeps mails in memory, or does what a test wants a store to do.
pub struct Shelf {
    pub mails: Mutex<Vec<Accepted>>,
    pub answer: Mutex<Stored>,
    /// One permit for each mail that may be kept.
    pub gate: Semaphore,
    /// One permit for each mail that has arrived at the store.
    pub arrived: Semaphore,
    pub panics: Mutex<bool>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            mails: Mutex::default(),
            answer: Mutex::new(Stored::Done),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            arrived: Semaphore::new(0),
            panics: Mutex::default(),
        }
    }
}

impl Store for Shelf {
    async fn store(&self, mail: Accepted) -> Stored {
        self.arrived.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        assert!(!*self.panics.lock(), "a store that panics");
        let answer = *self.answer.lock();
        if answer == Stored::Done {
            self.mails.lock().push(mail);
        }
        answer
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub shelf: Arc<Shelf>,
    pub doors: Arc<Doors>,
    pub stop: CancellationToken,
    pub task: JoinHandle<()>,
}

impl Server {
    pub fn start(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_with(None, change)
    }

    pub fn start_with(tls: Option<Tls>, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new(HOST).unwrap();
        settings.greeting_delay = Duration::ZERO;
        settings.sessions_per_network_per_min = 1_000_000;
        settings.sessions_per_min = 1_000_000;
        change(&mut settings);
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (shelf, doors, stop) = (Arc::new(Shelf::default()), Arc::new(Doors::default()), CancellationToken::new());
        let stopped = stop.clone().cancelled_owned();
        let (keeper, store) = (Arc::clone(&doors), Arc::clone(&shelf));
        let task =
            tokio::spawn(serve(vec![listener], Arc::new(settings), keeper, store, tls, Clock::system(), stopped));
        Self { address, shelf, doors, stop, task }
    }

    /// A client that has heard the greeting.
    pub async fn greeted(&self) -> Client {
        let mut client = Client::connect(self.address).await;
        client.expect("220 mx.example.jp ESMTP").await;
        client
    }

    /// A client that has said EHLO.
    pub async fn client(&self) -> Client {
        let mut client = self.greeted().await;
        client.ask("EHLO peer.example\r\n", "250").await;
        client
    }

    /// A client whose mail has begun.
    pub async fn in_data(&self) -> Client {
        let mut client = self.client().await;
        client.begin_mail().await;
        client
    }

    pub fn mails(&self) -> Vec<Accepted> {
        self.shelf.mails.lock().clone()
    }
}

pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub struct Client {
    pub stream: Box<dyn Duplex>,
    heard: BytesMut,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// From another address of this machine.
    pub async fn connect_from(source: [u8; 4], address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        Self::over(socket.connect(address).await.unwrap())
    }

    pub fn over(tcp: TcpStream) -> Self {
        tcp.set_nodelay(true).unwrap();
        Self::around(Box::new(tcp))
    }

    pub fn around(stream: Box<dyn Duplex>) -> Self {
        Self { stream, heard: BytesMut::new() }
    }

    /// Says it at once. A server that has closed is noticed when its words are awaited.
    pub async fn say(&mut self, words: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(words.as_ref()).await;
        let _ = self.stream.flush().await;
    }

    /// Says it in pieces, each in a segment of its own.
    pub async fn say_by(&mut self, words: &[u8], size: usize) {
        for piece in words.chunks(size) {
            self.say(piece).await;
            tokio::task::yield_now().await;
        }
    }

    /// One line without its end; `None` when the server has closed.
    pub async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.heard.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8(self.heard[..end].to_vec()).unwrap();
                self.heard.advance(end + 2);
                return Some(line);
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.heard)).await.expect("a reply comes in time");
            // A reset is as good an end as any.
            if read.unwrap_or(0) == 0 {
                assert!(self.heard.is_empty(), "closed within a line");
                return None;
            }
        }
    }

    /// The lines of one reply, joined by LF; empty when the server has closed.
    pub async fn reply(&mut self) -> String {
        let mut reply = String::new();
        while let Some(line) = self.line().await {
            reply.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
            reply.push('\n');
        }
        reply
    }

    /// The next reply must begin like this.
    pub async fn expect(&mut self, beginning: &str) -> String {
        let reply = self.reply().await;
        assert!(reply.starts_with(beginning), "{reply:?} instead of {beginning:?}");
        reply
    }

    pub async fn ask(&mut self, words: impl AsRef<[u8]>, beginning: &str) -> String {
        self.say(words).await;
        self.expect(beginning).await
    }

    /// The server must have closed.
    pub async fn expect_end(&mut self) {
        assert_eq!(self.line().await, None);
    }

    /// Everything until the server closes.
    pub async fn rest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line().await {
            lines.push(line);
        }
        lines
    }

    pub async fn begin_mail(&mut self) {
        self.say("MAIL FROM:<>\r\nRCPT TO:<b+1@bounce.example.jp>\r\nDATA\r\n").await;
        for code in ["250", "250", "354"] {
            self.expect(code).await;
        }
    }

    /// One mail, taken.
    pub async fn deliver(&mut self) {
        self.begin_mail().await;
        self.ask("Subject: a\r\n\r\nbody\r\n.\r\n", "250 2.6.0").await;
    }

    /// Ends the client's side only.
    pub async fn shut(&mut self) {
        self.stream.shutdown().await.unwrap();
    }
}
