//! What slow peers cost: opens thousands of sessions that stand in half a command or half a mail, one byte at a time,
//! prints the listener's resident memory per peer as JSON, and how an honest client fared meanwhile.
//!
//! `cargo run --release -p smtp-server --example slow_peers -- [PEERS] [tls]`. The peers live in a process of their own.
#![allow(clippy::print_stdout)]

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use clock::Clock;
use mail_model::EmailAddress;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use smtp_server::{Accepted, Answer, Doorkeeper, Settings, Store, Stored, Tls, listen, serve};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

const HOST: &str = "mx.example.jp";
const MAIL: &str = "MAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nDATA\r\n";
/// Bytes that each peer sends, one at a time.
const ROUNDS: usize = 40;
const AT_ONCE: usize = 200;

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

struct Open;

impl Doorkeeper for Open {
    fn recipient(&self, _: &EmailAddress, _: Option<&EmailAddress>) -> Answer {
        Answer::Admit
    }
}

struct Nowhere;

impl Store for Nowhere {
    async fn store(&self, _: Accepted) -> Stored {
        Stored::Done
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

#[tokio::main]
async fn main() -> Fallible<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("peers") => peers(arguments[1].parse()?, arguments[2].parse()?).await,
        Some(count) => listener(count.parse()?, arguments.iter().any(|word| word == "tls")).await,
        None => listener(10_000, false).await,
    }
}

async fn listener(count: usize, encrypted: bool) -> Fallible<()> {
    let mut settings = Settings::new(HOST)?;
    settings.greeting_delay = Duration::ZERO;
    settings.sessions_max = count + 50;
    settings.sessions_per_min = u32::MAX;
    settings.handshakes_max = 4 * AT_ONCE;
    // Nobody may be sent away before the memory is read.
    (settings.idle_max, settings.data_rate_window) = (settings.session_max, settings.session_max);
    let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()])?;
    let tls = Tls::new(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes())?;
    let socket = listen("127.0.0.1:0".parse()?)?;
    let address = socket.local_addr()?;
    let clock = Clock::system();
    let (doors, store) = (Arc::new(Open), Arc::new(Nowhere));
    let serving =
        serve(vec![socket], Arc::new(settings), doors, store, Some(tls), clock.clone(), std::future::pending());
    tokio::spawn(serving);
    honest_mail(address).await?;
    let before = memory();
    let mut child = Command::new(std::env::current_exe()?)
        .args(["peers", &address.to_string(), &count.to_string()])
        .env("SLOW_PEERS_ROOT", if encrypted { made.cert.pem() } else { String::new() })
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut reports = BufReader::new(child.stdout.take().ok_or("the child has no output")?).lines();
    reports.next_line().await?.ok_or("the peers did not connect")?;
    let idle = memory();
    let mut took = Vec::new();
    let dripped = loop {
        let began = clock.mono();
        honest_mail(address).await?;
        took.push(clock.mono().since(began));
        tokio::select! {
            report = reports.next_line() => break report?.ok_or("the peers did not finish")?,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    };
    let slow = memory();
    took.sort();
    let per_peer = |bytes: u64| bytes.saturating_sub(before) / u64::try_from(count).unwrap_or(1);
    println!(
        "{{\"peers\":{count},\"tls\":{encrypted},\"still_connected\":{dripped},\"resident_before\":{before},\
         \"bytes_per_idle_peer\":{},\"bytes_per_slow_peer\":{},\"honest_mails\":{},\"honest_ms_p50\":{:.1},\
         \"honest_ms_max\":{:.1}}}",
        per_peer(idle),
        per_peer(slow),
        took.len(),
        took[took.len() / 2].as_secs_f64() * 1e3,
        took[took.len() - 1].as_secs_f64() * 1e3,
    );
    Ok(())
}

fn memory() -> u64 {
    telemetry::process_memory_bytes().unwrap_or_default()
}

async fn hear(stream: &mut (impl AsyncRead + Unpin), code: &str) -> Fallible<()> {
    let mut heard = BytesMut::new();
    loop {
        if stream.read_buf(&mut heard).await? == 0 {
            return Err(format!("closed instead of {code}").into());
        }
        let text = String::from_utf8_lossy(&heard);
        if text.ends_with("\r\n") && text.lines().any(|line| line.starts_with(&format!("{code} "))) {
            return Ok(());
        }
    }
}

async fn honest_mail(address: SocketAddr) -> Fallible<()> {
    let mut stream = TcpStream::connect(address).await?;
    hear(&mut stream, "220").await?;
    for (words, code) in [("EHLO honest.example\r\n", "250"), (MAIL, "354"), ("Subject: a\r\n\r\nb\r\n.\r\n", "250")] {
        stream.write_all(words.as_bytes()).await?;
        hear(&mut stream, code).await?;
    }
    stream.write_all(b"QUIT\r\n").await?;
    hear(&mut stream, "221").await
}

/// The other process: connects, says so, drips, says how many are still there, and waits for its end.
async fn peers(address: SocketAddr, count: usize) -> Fallible<()> {
    let root = std::env::var("SLOW_PEERS_ROOT").unwrap_or_default();
    let connector = if root.is_empty() { None } else { Some(connector(&root)?) };
    let mut streams = Vec::with_capacity(count);
    let mut joining = JoinSet::new();
    for number in 0..count {
        if joining.len() >= AT_ONCE {
            streams.push(joining.join_next().await.ok_or("nobody is joining")???);
        }
        joining.spawn(peer(address, number, connector.clone()));
    }
    while let Some(joined) = joining.join_next().await {
        streams.push(joined??);
    }
    println!("{}", streams.len());
    for (number, stream) in streams.iter_mut().enumerate() {
        if number % 2 == 0 {
            stream.write_all(MAIL.as_bytes()).await?;
            stream.flush().await?;
        }
    }
    for (_, stream) in streams.iter_mut().enumerate().filter(|(number, _)| number % 2 == 0) {
        hear(stream, "354").await?;
    }
    let mut living = vec![true; streams.len()];
    for round in 0..ROUNDS {
        for (number, stream) in streams.iter_mut().enumerate() {
            let words: &[u8] = if number % 2 == 0 { b"Subject: slow\r\n" } else { b"MAIL FROM:<slow." };
            let byte = words[round % words.len()];
            let sent = stream.write_all(&[byte]).await.is_ok() && stream.flush().await.is_ok();
            living[number] &= sent;
        }
    }
    println!("{}", living.iter().filter(|alive| **alive).count());
    std::future::pending().await
}

/// Twenty-five from each address and 250 from each /24: the default limits have room for them.
async fn peer(address: SocketAddr, number: usize, connector: Option<TlsConnector>) -> Fallible<Box<dyn Duplex>> {
    let (network, host) = (u16::try_from(number / 250)?, u8::try_from(number % 250 / 25)?);
    let [high, low] = network.to_be_bytes();
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, high + 1, low, host + 1], 0)))?;
    let mut tcp = socket.connect(address).await?;
    tcp.set_nodelay(true)?;
    hear(&mut tcp, "220").await?;
    let Some(connector) = connector else {
        tcp.write_all(b"EHLO slow.example\r\n").await?;
        hear(&mut tcp, "250").await?;
        return Ok(Box::new(tcp));
    };
    tcp.write_all(b"STARTTLS\r\n").await?;
    hear(&mut tcp, "220").await?;
    let mut stream = connector.connect(HOST.try_into()?, tcp).await?;
    stream.write_all(b"EHLO slow.example\r\n").await?;
    hear(&mut stream, "250").await?;
    Ok(Box::new(stream))
}

fn connector(root: &str) -> Fallible<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes())?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
