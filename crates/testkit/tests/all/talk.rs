//! A client that says what a test tells it and hands back what it hears.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use testkit::{CarrierPlan, World, WorldPlan};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

pub const S1: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
pub const S2: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 2);
pub const ID: &str = "01935a2b00000001-0000a40f";

/// A test that waits longer than this for one reply has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection. Replies come without their last CRLF; "closed" and "reset" stand for a connection that ended.
pub struct Talk {
    stream: BufReader<TcpStream>,
}

impl Talk {
    /// Connects from `source` and says nothing.
    pub async fn connect(source: Ipv4Addr, to: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        Ok(Self { stream: BufReader::new(socket.connect(to).await?) })
    }

    /// Connects and gives the greeting as well.
    pub async fn greeted(source: Ipv4Addr, to: SocketAddr) -> (Self, String) {
        let mut talk = Self::connect(source, to).await.unwrap();
        let greeting = talk.reply().await;
        (talk, greeting)
    }

    /// Connects, hears the greeting, says EHLO.
    pub async fn ready(source: Ipv4Addr, to: SocketAddr) -> Self {
        let (mut talk, greeting) = Self::greeted(source, to).await;
        assert!(greeting.starts_with("220"), "{greeting}");
        let hello = talk.say("EHLO client.todoke.test").await;
        assert!(hello.starts_with("250"), "{hello}");
        talk
    }

    pub async fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    /// All lines of the next reply, joined by line feeds.
    pub async fn reply(&mut self) -> String {
        timeout(PATIENCE, self.lines()).await.expect("a reply in time")
    }

    async fn lines(&mut self) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line).await {
                Ok(0) => return format!("{all}closed"),
                Err(_) => return format!("{all}reset"),
                Ok(_) if !line.ends_with('\n') => return format!("{all}{line}closed"),
                Ok(_) => {}
            }
            let text = line.trim_end_matches(['\r', '\n']);
            all.push_str(text);
            if text.as_bytes().get(3) != Some(&b'-') {
                return all;
            }
            all.push('\n');
        }
    }

    /// Sends one command and gives its reply.
    pub async fn say(&mut self, command: &str) -> String {
        self.send(&format!("{command}\r\n")).await;
        self.reply().await
    }

    /// MAIL and RCPT; gives the reply to RCPT.
    pub async fn envelope(&mut self, to: &str) -> String {
        let mail = self.say("MAIL FROM:<bounce@school.test>").await;
        if !mail.starts_with("250") {
            return mail;
        }
        self.say(&format!("RCPT TO:<{to}>")).await
    }

    /// A whole mail; gives the first reply that is no success, else the reply to the final dot.
    pub async fn mail(&mut self, id: &str, to: &str) -> String {
        let rcpt = self.envelope(to).await;
        if !rcpt.starts_with("250") {
            return rcpt;
        }
        let data = self.say("DATA").await;
        if !data.starts_with("354") {
            return data;
        }
        self.say(&format!("{}\r\n.", content(id))).await
    }

    pub fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }
}

/// A small mail of the notification `id`, without its final dot.
pub fn content(id: &str) -> String {
    format!("From: notice@school.test\r\nMessage-ID: <{id}@node.test>\r\nSubject: x\r\n\r\nbody")
}

/// A world of one carrier for `a.test`, changed by `change` before it starts.
pub async fn one_carrier(change: impl FnOnce(&mut CarrierPlan)) -> (World, SocketAddr) {
    let mut plan = CarrierPlan::for_tests("a", "a.test");
    change(&mut plan);
    let world = World::start(WorldPlan { keep_mails: 10, ..WorldPlan::of([plan]) }).await.unwrap();
    let address = world.carrier("a").address();
    (world, address)
}
