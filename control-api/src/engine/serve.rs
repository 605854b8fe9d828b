//! Listening: the engine's face on a socket.

use std::future::Future;

use tokio::net::TcpListener;

use crate::engine::routes::router;
use crate::engine::state::EngineState;
use crate::http::accept::{AcceptLimits, run};

/// Serves until `shutdown` completes, ends event streams, and lets running calls finish within
/// [`AcceptLimits::drain_max`].
pub async fn serve(
    listener: TcpListener,
    state: EngineState,
    limits: AcceptLimits,
    shutdown: impl Future<Output = ()>,
) {
    let stop = state.stop.clone();
    let stopping = async move {
        shutdown.await;
        stop.ask();
    };
    run(listener, router(state), limits, stopping).await;
}
