//! A world: carriers, name server and journal, started from a plan and gone when dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use clock::Clock;
use mail_model::{CarrierName, UnixMs};
use scenario::Counts;
use tokio::net::TcpListener;

use crate::carrier::{Carrier, listener_on};
use crate::carrier_state::{CarrierState, Surroundings};
use crate::dns::FakeDns;
use crate::error::KitError;
use crate::hidden::Beginning;
use crate::journal::{Journal, Snapshot};
use crate::plan::WorldPlan;
use crate::shelf::{KeptMail, Shelf};
use crate::zone::Zone;

/// How many free ports of the first address are tried on all others.
const PORT_TRIES: u32 = 50;

/// A running world. Dropping it stops the listeners, resets open sessions and silences the name server.
pub struct World {
    carriers: Vec<Carrier>,
    dns: FakeDns,
    journal: Arc<Journal>,
    shelf: Arc<Shelf>,
    port: u16,
    clock: Clock,
    beginning: Beginning,
}

impl World {
    /// Starts everything on the current tokio runtime, on the machine's clock.
    ///
    /// # Errors
    /// When the plan is wrong, no port is free on all addresses, or the journal file cannot be made.
    pub async fn start(plan: WorldPlan) -> Result<Self, KitError> {
        Self::start_at(plan, Clock::system()).await
    }

    /// The same on another clock: bans, rates and greylists pass as it is moved. Latencies stay real.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_at(plan: WorldPlan, clock: Clock) -> Result<Self, KitError> {
        let names = plan.carriers.iter().map(|carrier| carrier.name.clone()).collect();
        let journal = Journal::new(names, plan.journal_file.as_deref())
            .map_err(|source| KitError::File { path: plan.journal_file.clone().unwrap_or_default(), source })?;
        let journal = Arc::new(journal);
        let shelf = Arc::new(Shelf::new(plan.keep_mails));
        let beginning = Beginning::default();
        let around = Surroundings {
            journal: Arc::clone(&journal),
            shelf: Arc::clone(&shelf),
            clock: clock.clone(),
            beginning: beginning.clone(),
        };

        let addresses = plan.addresses();
        let (port, listeners) = listen_on_all(&addresses, plan.port)?;
        let mut zone = Zone::new(&plan.dns);
        let mut states = Vec::with_capacity(plan.carriers.len());
        for (index, (carrier, address)) in (0..).zip(plan.carriers.iter().zip(&addresses)) {
            zone.add_carrier(&carrier.domains, &carrier.mx_host, *address);
            states.push(Arc::new(CarrierState::new(index, carrier, around.clone())?));
        }
        let place = plan.dns.listen;
        let fault = |source| KitError::Listen { address: place.unwrap_or((Ipv4Addr::LOCALHOST, 0).into()), source };
        let dns = FakeDns::start(zone, place).await.map_err(fault)?;
        // Nothing may fail from here on: a started carrier stops only with its world.
        let parts = states.into_iter().zip(listeners).zip(addresses);
        let carriers = parts
            .map(|((state, listener), address)| Carrier::start(state, listener, SocketAddr::from((address, port))))
            .collect();
        Ok(Self { carriers, dns, journal, shelf, port, clock, beginning })
    }

    /// Begins the time of a scenario, from which its carriers count. Without this call the first connection begins it;
    /// a second call changes nothing.
    pub fn begin_scenario(&self) {
        self.beginning.begin(&self.clock);
    }

    /// What all carriers of its scenario counted together: crossings of hidden limits, bans, answers.
    pub fn hidden_total(&self) -> Counts {
        let reports = self.carriers.iter().filter_map(Carrier::hidden_report);
        reports.fold(Counts::default(), |sum, report| sum.plus(&report.total))
    }

    /// What its clock says.
    pub fn unix(&self) -> UnixMs {
        self.clock.unix()
    }

    /// The one SMTP port of all carriers.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All carriers, in the plan's order.
    pub fn carriers(&self) -> &[Carrier] {
        &self.carriers
    }

    /// One carrier by its name.
    ///
    /// # Panics
    /// When the plan has no such carrier: a slip of the test.
    pub fn carrier(&self, name: &str) -> &Carrier {
        let found = self.carriers.iter().find(|carrier| carrier.name().as_str() == name);
        found.unwrap_or_else(|| panic!("the plan has no carrier {name:?}"))
    }

    /// The name server.
    pub fn dns(&self) -> &FakeDns {
        &self.dns
    }

    /// The journal of all carriers.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What the journal holds now.
    pub fn snapshot(&self) -> Snapshot {
        self.journal.snapshot()
    }

    /// The mails kept whole, oldest first; none unless the plan's `keep_mails` says so.
    pub fn mails(&self) -> Vec<KeptMail> {
        self.shelf.all()
    }

    /// Names of the carriers, as the journal numbers them.
    pub fn names(&self) -> Vec<CarrierName> {
        self.carriers.iter().map(|carrier| carrier.name().clone()).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for carrier in &self.carriers {
            carrier.stop();
        }
    }
}

/// One listener per address, all on one port.
fn listen_on_all(addresses: &[Ipv4Addr], fixed: Option<u16>) -> Result<(u16, Vec<TcpListener>), KitError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match try_port(addresses, fixed.unwrap_or(0)) {
            Err(_) if fixed.is_none() && tries < PORT_TRIES => {}
            other => return other,
        }
    }
}

fn try_port(addresses: &[Ipv4Addr], wanted: u16) -> Result<(u16, Vec<TcpListener>), KitError> {
    let mut port = wanted;
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let address = SocketAddr::from((*address, port));
        let listener = listener_on(address)?;
        let bound = listener.local_addr().map_err(|source| KitError::Listen { address, source })?;
        port = bound.port();
        listeners.push(listener);
    }
    Ok((port, listeners))
}
