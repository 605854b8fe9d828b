//! A running carrier: its listener, and the handle that tests and the demonstration hold.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mail_model::CarrierName;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::sleep;

use crate::carrier_state::CarrierState;
use crate::error::KitError;
use crate::fault::{Fault, Outage};
use crate::hidden::HiddenReport;
use crate::limits::SourceRecord;
use crate::session::serve;

/// Connections that may wait for the accept loop.
const BACKLOG: u32 = 4096;
/// Between two tries to listen again after an outage, or to accept when descriptors ran out.
const BREATH: Duration = Duration::from_millis(20);

/// A handle on a running carrier. Clones speak of the same carrier.
#[derive(Clone)]
pub struct Carrier {
    state: Arc<CarrierState>,
    address: SocketAddr,
}

impl Carrier {
    pub(crate) fn start(state: Arc<CarrierState>, listener: TcpListener, address: SocketAddr) -> Self {
        tokio::spawn(listen(Arc::clone(&state), listener, address));
        Self { state, address }
    }

    pub(crate) fn stop(&self) {
        self.state.orders.send_modify(|order| order.is_stopped = true);
    }

    /// Its name.
    pub fn name(&self) -> &CarrierName {
        &self.state.name
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The name of its MX host.
    pub fn mx_host(&self) -> &str {
        &self.state.host
    }

    /// The domains it serves, as in the plan.
    pub fn domains(&self) -> &[String] {
        &self.state.domains
    }

    /// Replaces all faults by this one.
    pub fn set_fault(&self, fault: Fault) {
        self.state.faults.clear();
        self.state.faults.add(fault);
    }

    /// Adds a fault; of several that are due at once the oldest strikes.
    pub fn add_fault(&self, fault: Fault) {
        self.state.faults.add(fault);
    }

    /// Behaves from now on.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// How often a fault struck since the start.
    pub fn faults_struck(&self) -> u64 {
        self.state.faults.struck()
    }

    /// Puts the carrier out of order, or back. Returns once new connections meet the change.
    pub async fn set_outage(&self, outage: Outage) {
        self.state.orders.send_modify(|order| order.outage = outage);
        let mut listening = self.state.listening.subscribe();
        let expected = outage != Outage::Refuse;
        // A stopped carrier never listens again; waiting for it would be for ever.
        let is_stopped = || self.state.orders.borrow().is_stopped;
        let _ = listening.wait_for(|listens| *listens == expected || is_stopped()).await;
    }

    /// The outage it is in.
    pub fn outage(&self) -> Outage {
        self.state.orders.borrow().outage
    }

    /// What it remembers of each source.
    pub fn sources(&self) -> Vec<(Ipv4Addr, SourceRecord)> {
        self.state.gate.records()
    }

    /// Bans since the start, over all sources.
    pub fn bans(&self) -> u64 {
        self.sources().iter().map(|(_, record)| record.bans).sum()
    }

    /// Lifts every ban, but for those of a hidden carrier.
    pub fn pardon(&self) {
        self.state.gate.pardon();
    }

    /// What a carrier of a scenario counted: crossings of its hidden limits, bans, per source and in all. `None` for
    /// any other carrier.
    pub fn hidden_report(&self) -> Option<HiddenReport> {
        self.state.gate.hidden_report()
    }

    /// Recipients for whom a mail was taken over.
    pub fn taken(&self) -> u64 {
        self.state.taken.load(Ordering::Relaxed)
    }
}

/// A listener on `address`. `SO_REUSEADDR` lets an outage end while old connections are still in TIME_WAIT.
pub(crate) fn listener_on(address: SocketAddr) -> Result<TcpListener, KitError> {
    let bind = || {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bind().map_err(|source| KitError::Listen { address, source })
}

async fn listen(state: Arc<CarrierState>, first: TcpListener, address: SocketAddr) {
    let mut orders = state.orders.subscribe();
    let mut listener = Some(first);
    loop {
        let order = *orders.borrow_and_update();
        if order.is_stopped {
            state.listening.send_replace(false);
            return;
        }
        if order.outage == Outage::Refuse {
            listener = None;
        } else if listener.is_none() {
            listener = listener_on(address).ok();
        }
        state.listening.send_replace(listener.is_some());
        match &listener {
            None if order.outage == Outage::Refuse => {
                if orders.changed().await.is_err() {
                    return;
                }
            }
            None => sleep(BREATH).await,
            Some(listener) => tokio::select! {
                changed = orders.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = accept(listener, &state) => {}
            },
        }
    }
}

async fn accept(listener: &TcpListener, state: &Arc<CarrierState>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let IpAddr::V4(source) = peer.ip() else { continue };
                // Without it Nagle holds a reply back until the client's delayed ACK; a socket that refuses is closing.
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(stream, source, Arc::clone(state)));
            }
            // Descriptors ran out or the client left; spinning would starve the sessions that could free some.
            Err(_) => sleep(BREATH).await,
        }
    }
}
