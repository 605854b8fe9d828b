//! The accept loop: header time-out, connection caps, back-off when file descriptors run out, graceful stop.
//!
//! `axum::serve` is not used: it has no header time-out and no cap, so a few thousand idle connections stop it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::http::keys::Peer;
use crate::http::seats::Seats;
use crate::http::stall::Stall;

/// Limits of a listener.
#[derive(Clone, Copy, Debug)]
pub struct AcceptLimits {
    /// Connections at a time, in all.
    pub connections_max: usize,
    /// Connections at a time from one address (IPv6: one /64).
    pub connections_per_address_max: usize,
    /// From the first byte (or the end of the last answer) to the end of the headers.
    pub header_wait_max: Duration,
    /// How long a write may stand still before the caller is given up.
    pub write_stall_max: Duration,
    /// How long running requests may take to end once a stop is asked for.
    pub drain_max: Duration,
}

impl Default for AcceptLimits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            connections_per_address_max: 64,
            header_wait_max: Duration::from_secs(10),
            write_stall_max: Duration::from_secs(30),
            drain_max: Duration::from_secs(10),
        }
    }
}

const HEADER_BYTES_MAX: usize = 64 * 1_024;
const BACK_OFF_MIN: Duration = Duration::from_millis(10);
const BACK_OFF_MAX: Duration = Duration::from_secs(1);

/// Serves `router` until `shutdown` completes, then lets running requests end within `drain_max`.
/// Errors of `accept` never end the loop.
pub async fn run(listener: TcpListener, router: Router, limits: AcceptLimits, shutdown: impl Future<Output = ()>) {
    let seats = Seats::new(limits.connections_max, limits.connections_per_address_max);
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let mut back_off = BACK_OFF_MIN;
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                back_off = BACK_OFF_MIN;
                let Some(seat) = seats.take(peer.ip()) else {
                    // Closed unanswered: an answer would cost what the cap protects.
                    telemetry::ConnectionDenied { limit: "http.connections_max" }.emit();
                    continue;
                };
                let served = connection(stream, peer, router.clone(), limits, stopping.clone());
                connections.spawn(async move {
                    served.await;
                    drop(seat);
                });
            }
            Err(error) if is_the_callers(&error) => {}
            Err(error) => {
                tracing::warn!(error = %error.kind(), "cannot accept connections; trying again");
                // The stop must be seen while file descriptors are short, too.
                tokio::select! {
                    () = &mut shutdown => break,
                    () = tokio::time::sleep(back_off) => {}
                }
                back_off = (back_off * 2).min(BACK_OFF_MAX);
            }
        }
    }
    drop(listener);
    drop(stop);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain_max, drained).await.is_err() {
        connections.shutdown().await;
    }
}

/// A caller who left before he was accepted; every other error is ours (EMFILE, ENFILE, ENOBUFS, ENOMEM).
fn is_the_callers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: AcceptLimits,
    mut stopping: watch::Receiver<()>,
) {
    // Answers are small and awaited; without this a streamed one waits 40 ms for the caller's delayed ACK.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Stall::new(stream, limits.write_stall_max));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        router.clone().oneshot(request.map(Body::new))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_wait_max)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(io, service);
    let mut served = pin!(served);
    // What a caller does to his connection is no event of ours: both results are dropped.
    tokio::select! {
        _ = served.as_mut() => {}
        _ = stopping.changed() => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

/// A shared stop signal for streams that would otherwise never end.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Asks every stream to end.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    /// Completes once asked.
    pub async fn asked(&self) {
        // The sender lives in `self`, so the only way out is the signal.
        let _ = self.0.subscribe().wait_for(|stop| *stop).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_descriptors_is_ours_and_a_caller_who_left_is_not() {
        // EMFILE, ENFILE, ENOBUFS, ENOMEM; ECONNABORTED, ECONNRESET, EINTR on Linux.
        for (number, callers) in
            [(24, false), (23, false), (105, false), (12, false), (103, true), (104, true), (4, true)]
        {
            assert_eq!(is_the_callers(&io::Error::from_raw_os_error(number)), callers, "{number}");
        }
    }
}
