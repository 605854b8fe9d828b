//! A listener that runs out of file descriptors serves those who are in, and the others when there are some again.
//!
//! Alone in its file: the limit holds for the whole process.

mod kit;

use kit::{Client, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn highest_descriptor() -> u64 {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u64>().ok());
    numbers.max().unwrap()
}

#[tokio::test]
async fn who_finds_no_descriptor_is_served_when_one_is_free() {
    let server = Server::start(|_| {});
    let mut inside = server.client().await;
    let before = getrlimit(Resource::Nofile);
    // The kernel completes these connections; the test has not yielded, so nobody has accepted one of them.
    let waiting: Vec<std::net::TcpStream> =
        (0..8).map(|_| std::net::TcpStream::connect(server.address).unwrap()).collect();
    let few = highest_descriptor() + 3;
    setrlimit(Resource::Nofile, Rlimit { current: Some(few), maximum: before.maximum }).unwrap();
    for _ in 0..20 {
        inside.deliver().await;
    }
    for stream in waiting {
        stream.set_nonblocking(true).unwrap();
        // Each of them gives a descriptor back at its end, for one of those behind it.
        let mut client = Client::over(tokio::net::TcpStream::from_std(stream).unwrap());
        client.expect("220").await;
        client.ask("EHLO peer.example\r\n", "250").await;
        client.deliver().await;
        client.ask("QUIT\r\n", "221").await;
    }
    setrlimit(Resource::Nofile, before).unwrap();
    inside.deliver().await;
    assert_eq!(server.mails().len(), 29);
}
