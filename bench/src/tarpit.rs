//! A tarpit in a process of its own: it takes every connection and then wastes the client's time, in one of three ways.
//!
//! It reads commands, one a line, and answers each with one line of JSON. It ends with its standard input.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::sleep;

/// Where it listens; the port is free.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 99);
const BACKLOG: u32 = 4_096;
const BETWEEN_BYTES: Duration = Duration::from_secs(2);
const GREETING: &[u8] = b"220 tarpit.example ESMTP, and it has much to say before you may go on\r\n";

/// How it wastes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// Never says a word.
    Silent,
    /// Says its greeting byte by byte, and over again.
    Drip,
    /// Says yes to everything and nothing to the final dot: the client holds the mail all the while.
    Dot,
}

/// What it holds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Its port.
    pub port: u16,
    /// Connections now, in the state in which it holds them.
    pub held: u64,
}

/// Runs until the standard input ends.
///
/// # Errors
/// When it cannot listen, or a command is none.
pub async fn run(manner: Manner) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((ADDRESS, 0)))?;
    let listener = socket.listen(BACKLOG)?;
    let port = listener.local_addr()?.port();
    let held = Arc::new(AtomicU64::new(0));
    say(Held { port, held: 0 }).await?;
    tokio::spawn(accept(listener, manner, Arc::clone(&held)));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.trim() {
            "held" => say(Held { port, held: held.load(Ordering::Relaxed) }).await?,
            other => bail!("the tarpit knows held, not {other:?}"),
        }
    }
    Ok(())
}

async fn say(held: Held) -> Result<()> {
    let mut line = serde_json::to_vec(&held)?;
    line.push(b'\n');
    let mut out = tokio::io::stdout();
    out.write_all(&line).await?;
    Ok(out.flush().await?)
}

async fn accept(listener: TcpListener, manner: Manner, held: Arc<AtomicU64>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Descriptors ran out; spinning would not bring them back.
            sleep(BETWEEN_BYTES).await;
            continue;
        };
        let held = Arc::clone(&held);
        tokio::spawn(async move {
            // However it ends, the client is gone.
            let _ = waste(stream, manner, &held).await;
        });
    }
}

async fn waste(mut stream: TcpStream, manner: Manner, held: &AtomicU64) -> Result<()> {
    if manner == Manner::Dot {
        until_dot(&mut stream).await?;
    }
    held.fetch_add(1, Ordering::Relaxed);
    let ended = match manner {
        Manner::Drip => drip(&mut stream).await,
        Manner::Silent | Manner::Dot => until_gone(&mut stream).await,
    };
    held.fetch_sub(1, Ordering::Relaxed);
    ended
}

async fn drip(stream: &mut TcpStream) -> Result<()> {
    loop {
        // A hyphen behind the code promises another line, for ever.
        for byte in GREETING.iter().enumerate().map(|(place, byte)| if place == 3 { b'-' } else { *byte }) {
            stream.write_all(&[byte]).await?;
            sleep(BETWEEN_BYTES).await;
        }
    }
}

async fn until_gone(stream: &mut TcpStream) -> Result<()> {
    let mut forgotten = [0; 64];
    while stream.read(&mut forgotten).await? > 0 {}
    Ok(())
}

/// Speaks SMTP up to the final dot, which it swallows.
async fn until_dot(stream: &mut TcpStream) -> Result<()> {
    stream.write_all(GREETING).await?;
    let mut reader = BufReader::with_capacity(512, stream);
    let mut line = Vec::new();
    let mut in_content = false;
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).await? == 0 {
            bail!("the client left");
        }
        match (in_content, line.as_slice()) {
            (true, b".\r\n") => return Ok(()),
            (true, _) => {}
            (false, [b'D' | b'd', b'A' | b'a', ..]) => {
                in_content = true;
                reader.get_mut().write_all(b"354 go on\r\n").await?;
            }
            (false, _) => reader.get_mut().write_all(b"250 yes\r\n").await?,
        }
    }
}

/// A running tarpit as the benchmark sees it. Dropping it ends the process.
#[derive(Debug)]
pub struct Tarpit {
    _child: Child,
    ask: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Tarpit {
    /// Starts this program again as `… tarpit MANNER`.
    ///
    /// # Errors
    /// When it does not start or has no port.
    pub async fn start(manner: Manner) -> Result<Self> {
        let program = std::env::current_exe().context("the path of this program")?;
        let name = manner.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let mut child = Command::new(program)
            .args(["tarpit", &name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting the tarpit")?;
        let ask = child.stdin.take().context("the tarpit's input")?;
        let answers = BufReader::new(child.stdout.take().context("the tarpit's output")?).lines();
        let mut tarpit = Self { _child: child, ask, answers, port: 0 };
        tarpit.port = tarpit.answer().await?.port;
        Ok(tarpit)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((ADDRESS, self.port))
    }

    /// Connections that it holds now.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn held(&mut self) -> Result<u64> {
        self.ask.write_all(b"held\n").await?;
        Ok(self.answer().await?.held)
    }

    async fn answer(&mut self) -> Result<Held> {
        let line = self.answers.next_line().await?.context("the tarpit ended")?;
        serde_json::from_str(&line).with_context(|| format!("the tarpit said {line:?}"))
    }
}
