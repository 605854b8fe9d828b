//! STARTTLS: what it forgets, what may not stand behind it, and how little it may cost (IN-17).

mod kit;

use std::sync::Arc;
use std::time::Duration;

use kit::{Client, HOST, Server};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use smtp_server::Tls;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A certificate nobody signed, and a client that trusts this one only.
struct Identity {
    chain_pem: String,
    key_pem: String,
    connector: TlsConnector,
}

fn identity() -> Identity {
    let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(made.cert.der().to_vec())).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Identity {
        chain_pem: made.cert.pem(),
        key_pem: made.signing_key.serialize_pem(),
        connector: TlsConnector::from(Arc::new(config)),
    }
}

fn tls(identity: &Identity) -> Tls {
    Tls::new(identity.chain_pem.as_bytes(), identity.key_pem.as_bytes()).unwrap()
}

/// The clear connection of a client who was told to begin the handshake.
async fn ready(server: &Server) -> TcpStream {
    let tcp = std::net::TcpStream::connect(server.address).unwrap();
    tcp.set_nonblocking(true).unwrap();
    // The client that speaks in clear has a descriptor of its own and is dropped before the handshake.
    let mut client = Client::over(TcpStream::from_std(tcp.try_clone().unwrap()).unwrap());
    client.expect("220").await;
    assert!(client.ask("EHLO peer.example\r\n", "250").await.contains("250-STARTTLS"));
    client.ask("STARTTLS\r\n", "220 2.0.0").await;
    drop(client);
    TcpStream::from_std(tcp).unwrap()
}

async fn encrypted(server: &Server, connector: &TlsConnector) -> Option<Client> {
    let stream = connector.connect(HOST.try_into().unwrap(), ready(server).await).await.ok()?;
    Some(Client::around(Box::new(stream)))
}

#[tokio::test]
async fn a_mail_comes_encrypted_and_nothing_said_before_counts() {
    let identity = identity();
    let server = Server::start_with(Some(tls(&identity)), |_| {});
    let mut client = encrypted(&server, &identity.connector).await.unwrap();
    client.ask("MAIL FROM:<>\r\n", "503").await;
    let announced = client.ask("EHLO peer.example\r\n", "250").await;
    assert!(!announced.contains("STARTTLS"), "{announced}");
    client.ask("STARTTLS\r\n", "502").await;
    client.deliver().await;
    client.begin_mail().await;
    client.say_by(b"Subject: a\r\n\r\nbyte by byte\r\n.\r\n", 1).await;
    client.expect("250 2.6.0").await;
    client.ask("QUIT\r\n", "221").await;
    client.expect_end().await;
    assert!(server.mails().iter().all(|mail| mail.tls));
    assert_eq!(server.mails().len(), 2);
}

#[tokio::test]
async fn clear_bytes_behind_starttls_are_never_read_as_encrypted_ones() {
    let server = Server::start_with(Some(tls(&identity())), |_| {});
    for behind in ["MAIL FROM:<>\r\n", "RSET\r\n", "E", "\0"] {
        let mut client = server.client().await;
        client.say(format!("STARTTLS\r\n{behind}")).await;
        assert_eq!(client.rest().await, ["554 5.5.0 Wait for the reply"], "{behind:?}");
    }
}

#[tokio::test]
async fn what_is_no_handshake_ends_its_session_only() {
    let identity = identity();
    let server = Server::start_with(Some(tls(&identity)), |_| {});
    let mut other = server.client().await;
    let mut hello = vec![0x16, 0x03, 0x01, 0x40, 0x00];
    hello.extend([0xff; 4_096]);
    for junk in [&b"MAIL FROM:<>\r\n"[..], &hello, &[0; 64]] {
        let mut client = Client::over(ready(&server).await);
        client.say(junk).await;
        client.shut().await;
        // An alert may come, no reply does.
        let mut rest = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut client.stream, &mut rest).await;
        assert!(!rest.windows(3).any(|window| window == b"250"), "{junk:?}");
    }
    other.deliver().await;
    encrypted(&server, &identity.connector).await.unwrap().ask("NOOP\r\n", "250").await;
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_given_up() {
    let server = Server::start_with(Some(tls(&identity())), |settings| {
        settings.handshake_wait_max = Duration::from_millis(50);
    });
    let mut client = Client::over(ready(&server).await);
    client.say([0x16, 0x03]).await;
    assert_eq!(client.rest().await, Vec::<String>::new());
}

#[tokio::test]
async fn handshakes_at_once_are_bounded_and_the_next_peer_may_go_on_in_clear() {
    let server = Server::start_with(Some(tls(&identity())), |settings| settings.handshakes_max = 1);
    let _standing = ready(&server).await;
    let mut client = server.client().await;
    client.ask("STARTTLS\r\n", "454 4.7.0").await;
    client.deliver().await;
    assert!(!server.mails()[0].tls);
}

#[tokio::test]
async fn a_new_certificate_is_shown_from_the_next_handshake_on() {
    let (old, new) = (identity(), identity());
    let shown = tls(&old);
    let server = Server::start_with(Some(shown.clone()), |_| {});
    let mut before = encrypted(&server, &old.connector).await.unwrap();
    shown.replace(new.chain_pem.as_bytes(), new.key_pem.as_bytes()).unwrap();
    assert!(encrypted(&server, &old.connector).await.is_none());
    encrypted(&server, &new.connector).await.unwrap().ask("NOOP\r\n", "250").await;
    before.ask("NOOP\r\n", "250").await;
}

#[tokio::test]
async fn without_a_certificate_nothing_is_promised() {
    let server = Server::start(|_| {});
    let mut client = server.greeted().await;
    let announced = client.ask("EHLO peer.example\r\n", "250").await;
    assert!(!announced.contains("STARTTLS"), "{announced}");
    client.ask("STARTTLS\r\n", "502").await;
    client.deliver().await;
}
