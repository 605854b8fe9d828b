//! A sender outside: a plain SMTP client that says what it is told, from an address of its choice, and keeps the replies.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::mailing::Mailing;

/// Patience with a reply. It only decides when a test that fails gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// A reply with more lines is a fault of the server.
const REPLY_LINES_MAX: usize = 100;

/// What was said and what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The command without its line end; empty for the greeting, `.` for the content.
    pub command: String,
    /// The reply's code.
    pub code: u16,
    /// The reply's lines without their codes, joined by line feeds.
    pub text: String,
}

impl Exchange {
    /// Whether it was answered 4xx or 5xx.
    pub fn is_refused(&self) -> bool {
        self.code >= 400
    }
}

/// One transaction with all its replies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posted {
    /// In the order of saying, the greeting first.
    pub exchanges: Vec<Exchange>,
}

impl Posted {
    /// Whether the mail was taken over.
    pub fn is_taken(&self) -> bool {
        self.exchanges.iter().any(|exchange| exchange.command == "." && exchange.code == 250)
    }

    /// The first refusal.
    pub fn refusal(&self) -> Option<&Exchange> {
        self.exchanges.iter().find(|exchange| exchange.is_refused())
    }
}

/// An open session.
#[derive(Debug)]
pub struct Sender {
    stream: BufReader<TcpStream>,
    /// The greeting.
    pub greeting: Exchange,
}

impl Sender {
    /// Connects from `from` (a loopback address, which becomes the peer that SPF looks at) and reads the greeting.
    ///
    /// # Errors
    /// When there is no connection or no greeting.
    pub async fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        let greeting = Exchange { command: String::new(), code: 0, text: String::new() };
        let mut sender = Self { stream: BufReader::new(stream), greeting };
        sender.greeting = sender.hear(String::new()).await?;
        Ok(sender)
    }

    /// Says one line and waits for its reply.
    ///
    /// # Errors
    /// When the session ends before the reply does, or what comes is no reply.
    pub async fn say(&mut self, line: &str) -> io::Result<Exchange> {
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.hear(line.to_owned()).await
    }

    /// Writes bytes without waiting for anything.
    ///
    /// # Errors
    /// When the session is gone.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Waits for one reply, to be noted as that to `command`.
    ///
    /// # Errors
    /// As [`Self::say`].
    pub async fn hear(&mut self, command: String) -> io::Result<Exchange> {
        let mut texts: Vec<String> = Vec::new();
        loop {
            let line = self.line().await?;
            let no_reply = || io::Error::new(io::ErrorKind::InvalidData, format!("no line of a reply: {line:?}"));
            let code: u16 = line.get(..3).and_then(|digits| digits.parse().ok()).ok_or_else(no_reply)?;
            texts.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Exchange { command, code, text: texts.join("\n") });
            }
            if texts.len() >= REPLY_LINES_MAX {
                return Err(no_reply());
            }
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let read = timeout(PATIENCE, self.stream.read_until(b'\n', &mut line)).await??;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Says EHLO, then the whole mail up to the first refusal that leaves nothing to send. The session stays open.
    ///
    /// # Errors
    /// As [`Self::say`].
    pub async fn send(&mut self, mailing: &Mailing) -> io::Result<Posted> {
        let mut posted = Posted { exchanges: vec![self.greeting.clone()] };
        let opening = [format!("EHLO {}", mailing.ehlo), format!("MAIL FROM:<{}>", mailing.sender)];
        for line in opening {
            posted.exchanges.push(self.say(&line).await?);
            if posted.refusal().is_some() {
                return Ok(posted);
            }
        }
        let mut admitted = 0;
        for recipient in &mailing.recipients {
            let exchange = self.say(&format!("RCPT TO:<{recipient}>")).await?;
            admitted += usize::from(!exchange.is_refused());
            posted.exchanges.push(exchange);
        }
        if admitted == 0 {
            return Ok(posted);
        }
        let data = self.say("DATA").await?;
        let may_go_on = data.code == 354;
        posted.exchanges.push(data);
        if may_go_on {
            self.write(&mailing.wire_content()).await?;
            posted.exchanges.push(self.hear(".".to_owned()).await?);
        }
        Ok(posted)
    }
}

/// One mail in one session, ended by QUIT.
///
/// # Errors
/// When the server is not there or does not speak SMTP. Refusals are part of the answer.
pub async fn post(mailing: &Mailing, from: Ipv4Addr, to: SocketAddr) -> io::Result<Posted> {
    let mut sender = Sender::connect(from, to).await?;
    if sender.greeting.is_refused() {
        return Ok(Posted { exchanges: vec![sender.greeting] });
    }
    let posted = sender.send(mailing).await?;
    // Whatever is said to QUIT, the mail's fate is known.
    let _ = sender.say("QUIT").await;
    Ok(posted)
}

/// The same for many mails at once, each from its address in a session of its own; the answers in their order.
///
/// # Errors
/// As [`post`], of the first that failed.
pub async fn post_all(mails: impl IntoIterator<Item = (Mailing, Ipv4Addr)>, to: SocketAddr) -> io::Result<Vec<Posted>> {
    let send = |(mail, from): (Mailing, Ipv4Addr)| tokio::spawn(async move { post(&mail, from, to).await });
    let sessions: Vec<_> = mails.into_iter().map(send).collect();
    let mut posted = Vec::with_capacity(sessions.len());
    for session in sessions {
        posted.push(session.await.map_err(io::Error::other)??);
    }
    Ok(posted)
}
