//! The accept loop on a real socket: header time-out, caps, stop.

use std::time::Duration;

use control_api::{AcceptLimits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::desk::Desk;

async fn start(limits: AcceptLimits) -> (Desk, std::net::SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let desk = Desk::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let state = desk.state.clone();
    let serving = tokio::spawn(serve(listener, state, limits, async move {
        let _ = stopped.await;
    }));
    (desk, address, stop, serving)
}

async fn ask(stream: &mut TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_caller_is_served_over_a_socket_and_known_by_his_address() {
    let (_desk, address, stop, serving) = start(AcceptLimits::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let answer = ask(&mut stream, "/engine/api/admin/suspend/v1").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    stop.send(()).unwrap();
    serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn headers_that_never_end_are_cut_off() {
    let limits = AcceptLimits { header_wait_max: Duration::from_millis(30), ..AcceptLimits::default() };
    let (_desk, address, stop, serving) = start(limits).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost:").await.unwrap();
    let mut left = Vec::new();
    // Ends because the service closes; a service without the limit would let this wait for ever.
    let _ = slow.read_to_end(&mut left).await;
    assert!(!String::from_utf8_lossy(&left).contains("200 OK"));
    stop.send(()).unwrap();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_connection_beyond_the_cap_is_closed_and_the_next_one_is_served_once_there_is_room() {
    let limits = AcceptLimits { connections_max: 1, ..AcceptLimits::default() };
    let (_desk, address, stop, serving) = start(limits).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut head = [0; 12];
    first.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    let mut second = TcpStream::connect(address).await.unwrap();
    let mut left = Vec::new();
    let _ = second.read_to_end(&mut left).await;
    assert!(left.is_empty());
    drop(first);
    loop {
        let mut third = TcpStream::connect(address).await.unwrap();
        let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let mut answer = Vec::new();
        if third.write_all(request).await.is_ok()
            && third.read_to_end(&mut answer).await.is_ok()
            && answer.starts_with(b"HTTP/1.1 200")
        {
            break;
        }
    }
    stop.send(()).unwrap();
    serving.await.unwrap();
}

#[tokio::test]
async fn requests_that_could_be_read_in_two_ways_are_refused() {
    let (_desk, address, stop, serving) = start(AcceptLimits::default()).await;
    let table = [
        "POST /engine/api/inject/v1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "POST /engine/api/inject/v1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n{}",
        "GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "GET /healthz HTTP/9.9\r\n\r\n",
    ];
    for request in table {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{request:?}: {answer}");
    }
    stop.send(()).unwrap();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_stop_ends_event_streams() {
    let (desk, address, stop, serving) = start(AcceptLimits::default()).await;
    let message = desk.inject(&desk.order(1).to_string()).await.json()["message_id"].as_str().unwrap().to_owned();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /engine/api/campaigns/v1/{message}/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    stop.send(()).unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("event: progress"), "{rest}");
    serving.await.unwrap();
}
