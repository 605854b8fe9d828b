//! What all sessions of one carrier share: words, limits, faults, greylist, and where it writes.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clock::Clock;
use mail_model::{CarrierName, MonoUs};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::error::KitError;
use crate::fault::{FaultSwitch, Outage};
use crate::gate::Gate;
use crate::hidden::{Beginning, HiddenBook};
use crate::journal::Journal;
use crate::limits::SourceBook;
use crate::plan::{Capabilities, CarrierPlan, Script};
use crate::shelf::Shelf;
use crate::words::Phrases;

/// What listener and sessions obey at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    pub outage: Outage,
    pub is_stopped: bool,
}

/// What a world's carriers write to and read from.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub journal: Arc<Journal>,
    pub shelf: Arc<Shelf>,
    pub clock: Clock,
    pub beginning: Beginning,
}

/// Which recipients were told to come back.
#[derive(Debug, Default)]
struct Memory {
    first_try: HashMap<(Ipv4Addr, u64), MonoUs>,
    busy_tries: HashMap<u64, u32>,
}

/// One carrier while it runs.
pub(crate) struct CarrierState {
    pub index: u16,
    pub name: CarrierName,
    pub host: String,
    pub domains: Vec<String>,
    pub script: Script,
    pub phrases: Phrases,
    pub ehlo: String,
    pub ehlo_encrypted: String,
    pub gate: Gate,
    pub faults: FaultSwitch,
    pub tls: Option<TlsAcceptor>,
    pub around: Surroundings,
    pub orders: watch::Sender<Order>,
    pub listening: watch::Sender<bool>,
    pub taken: AtomicU64,
    serial: AtomicU64,
    memory: Mutex<Memory>,
}

impl CarrierState {
    pub(crate) fn new(index: u16, plan: &CarrierPlan, around: Surroundings) -> Result<Self, KitError> {
        let refused = |fault| KitError::Plan { carrier: plan.name.to_string(), fault };
        if let Some(fault) = plan.fault() {
            return Err(refused(fault));
        }
        let script = plan.script.clone();
        let announced = &script.capabilities;
        let tls = announced.starttls.then(|| crate::tls::acceptor(&plan.mx_host)).transpose()?;
        let gate = match &script.hidden {
            Some(hidden) => Gate::Hidden(HiddenBook::new(hidden, around.clock.clone(), around.beginning.clone())),
            None => Gate::Limits(SourceBook::new(script.limits.clone())),
        };
        Ok(Self {
            index,
            name: plan.name.clone(),
            host: plan.mx_host.clone(),
            domains: plan.domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
            phrases: Phrases::new(&script.words, announced.enhanced_status_codes).map_err(refused)?,
            ehlo: ehlo_reply(&plan.mx_host, announced, announced.starttls),
            ehlo_encrypted: ehlo_reply(&plan.mx_host, announced, false),
            gate,
            faults: FaultSwitch::new(&script.faults),
            tls,
            around,
            orders: watch::Sender::new(Order::default()),
            listening: watch::Sender::new(true),
            taken: AtomicU64::new(0),
            serial: AtomicU64::new(u64::from(index) << 24),
            memory: Mutex::default(),
            script,
        })
    }

    /// A number that no other mail of this carrier gets.
    pub(crate) fn next_serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether `domain` (lower case) is one of this carrier's.
    pub(crate) fn serves(&self, domain: &str) -> bool {
        self.domains.iter().any(|mine| match mine.strip_prefix('*') {
            Some(suffix) => domain.ends_with(suffix),
            None => mine == domain,
        })
    }

    /// Whether a greylisted recipient must still wait when `source` tries it now. The first try starts the wait.
    pub(crate) fn must_wait(&self, source: Ipv4Addr, recipient: u64, now: MonoUs) -> bool {
        let first = *self.memory.lock().first_try.entry((source, recipient)).or_insert(now);
        // A wait of zero still refuses the very first try.
        first == now || now.since(first) < Duration::from_millis(self.script.behaviour.grey_ms)
    }

    /// Whether a busy recipient refuses this try.
    pub(crate) fn is_busy(&self, recipient: u64) -> bool {
        let mut memory = self.memory.lock();
        let tries = memory.busy_tries.entry(recipient).or_default();
        *tries = tries.saturating_add(1);
        *tries <= self.script.behaviour.busy_tries
    }
}

/// The reply to EHLO, built once.
fn ehlo_reply(host: &str, announced: &Capabilities, starttls: bool) -> String {
    let mut lines = vec![host.to_owned()];
    let mut add = |announced: bool, keyword: &str| {
        if announced {
            lines.push(keyword.to_owned());
        }
    };
    add(announced.pipelining, "PIPELINING");
    if let Some(size) = announced.size_max {
        add(true, &format!("SIZE {size}"));
    }
    add(starttls, "STARTTLS");
    add(announced.eight_bit_mime, "8BITMIME");
    add(announced.smtputf8, "SMTPUTF8");
    add(announced.enhanced_status_codes, "ENHANCEDSTATUSCODES");
    let last = lines.len() - 1;
    let line = |(n, text): (usize, &String)| format!("250{}{text}\r\n", if n == last { ' ' } else { '-' });
    lines.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ehlo_names_the_host_first_and_ends_with_a_space_line() {
        let announced = Capabilities { starttls: true, size_max: Some(1_000), ..Capabilities::default() };
        let reply = ehlo_reply("mx.example.jp", &announced, true);
        assert!(
            reply.starts_with("250-mx.example.jp\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-STARTTLS\r\n"),
            "{reply}"
        );
        assert!(reply.ends_with("\r\n250 ENHANCEDSTATUSCODES\r\n"), "{reply}");
        assert!(!ehlo_reply("mx.example.jp", &announced, false).contains("STARTTLS"));
        let bare = Capabilities {
            pipelining: false,
            eight_bit_mime: false,
            enhanced_status_codes: false,
            size_max: None,
            ..Capabilities::default()
        };
        assert_eq!(ehlo_reply("mx.example.jp", &bare, false), "250 mx.example.jp\r\n");
    }
}
