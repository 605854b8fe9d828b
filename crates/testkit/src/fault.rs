//! Misbehaviour on order: what a carrier does at which moment, switched on and off while it runs.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// What is done instead of the reply that was due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Another reply, code first; the session goes by its code. A 421 closes.
    Say(String),
    /// FIN without a reply.
    Close,
    /// RST without a reply.
    Reset,
    /// Silence; the connection stays until the client leaves.
    Hang,
    /// The first `bytes` of the reply, then FIN.
    Partial {
        /// How many bytes are sent; at least one is kept back.
        bytes: usize,
    },
    /// `250-` lines without a last one, then FIN.
    Unended,
    /// The reply, one byte at a time.
    Tarpit {
        /// Between two bytes.
        ms_per_byte: u64,
    },
    /// The reply, late.
    Delay {
        /// How late.
        ms: u64,
    },
    /// This text and CRLF instead of a reply; the session goes on.
    Garbage(String),
    /// The reply blown up to this many bytes by lines before its last one.
    Long {
        /// About how many bytes.
        bytes: usize,
    },
    /// `250-` lines until the client leaves.
    Endless,
    /// The reply followed by this plain text in the same packet (STARTTLS injection).
    Inject(String),
}

impl Action {
    /// Whether the client reads a complete reply in the end.
    pub fn completes_reply(&self) -> bool {
        match self {
            Self::Say(_) | Self::Tarpit { .. } | Self::Delay { .. } | Self::Long { .. } | Self::Inject(_) => true,
            Self::Close
            | Self::Reset
            | Self::Hang
            | Self::Partial { .. }
            | Self::Unended
            | Self::Garbage(_)
            | Self::Endless => false,
        }
    }
}

/// One misbehaviour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When.
    pub at: Moment,
    /// What.
    pub action: Action,
    /// Occasions that pass unharmed first.
    #[serde(default)]
    pub skip: u64,
    /// How often at most; `None` for ever.
    #[serde(default)]
    pub times: Option<u64>,
    /// Only for this source address; `None` for all.
    #[serde(default)]
    pub source: Option<Ipv4Addr>,
}

impl Fault {
    /// Always, for everybody.
    pub fn new(at: Moment, action: Action) -> Self {
        Self { at, action, skip: 0, times: None, source: None }
    }

    /// At most `times` times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// After `skip` unharmed occasions.
    #[must_use]
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// Only for clients from `source`.
    #[must_use]
    pub fn from_source(mut self, source: Ipv4Addr) -> Self {
        self.source = Some(source);
        self
    }
}

/// A whole carrier out of order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// In order.
    #[default]
    None,
    /// Nobody listens: connections are refused, open ones are reset.
    Refuse,
    /// New connections are reset after the handshake, open ones at once.
    Reset,
    /// Connections are taken and nothing is ever said; open ones fall silent with their next command.
    Silent,
    /// Every connection is greeted with the words for an outage (421) and closed, open ones with their next command.
    Reply,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    seen: u64,
    done: u64,
}

/// The faults of one carrier. Asking costs one atomic load while none is set.
#[derive(Debug, Default)]
pub(crate) struct FaultSwitch {
    any: AtomicBool,
    armed: Mutex<Vec<Armed>>,
    struck: AtomicU64,
}

impl FaultSwitch {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        let switch = Self::default();
        for fault in faults {
            switch.add(fault.clone());
        }
        switch
    }

    pub(crate) fn add(&self, fault: Fault) {
        self.armed.lock().push(Armed { fault, seen: 0, done: 0 });
        self.any.store(true, Ordering::Release);
    }

    pub(crate) fn clear(&self) {
        self.armed.lock().clear();
        self.any.store(false, Ordering::Release);
    }

    /// How often a fault struck since the start.
    pub(crate) fn struck(&self) -> u64 {
        self.struck.load(Ordering::Relaxed)
    }

    /// The misbehaviour due now, if any; counts the occasion.
    pub(crate) fn due(&self, at: Moment, source: Ipv4Addr) -> Option<Action> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut armed = self.armed.lock();
        let fits = |fault: &Fault| fault.at == at && fault.source.is_none_or(|wanted| wanted == source);
        let hit = armed.iter_mut().filter(|a| fits(&a.fault)).find_map(|a| {
            a.seen += 1;
            let due = a.seen > a.fault.skip && a.fault.times.is_none_or(|times| a.done < times);
            due.then(|| {
                a.done += 1;
                a.fault.action.clone()
            })
        });
        if hit.is_some() {
            self.struck.fetch_add(1, Ordering::Relaxed);
        }
        hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S1: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
    const S2: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 2);

    #[test]
    fn a_fault_strikes_at_its_moment_its_source_and_as_often_as_asked() {
        let switch = FaultSwitch::default();
        assert_eq!(switch.due(Moment::Mail, S1), None);
        switch.add(Fault::new(Moment::Mail, Action::Close).skip(1).times(2).from_source(S1));
        let table = [
            (Moment::Rcpt, S1, false),
            (Moment::Mail, S2, false),
            (Moment::Mail, S1, false),
            (Moment::Mail, S1, true),
            (Moment::Mail, S1, true),
            (Moment::Mail, S1, false),
        ];
        for (n, (moment, source, strikes)) in table.into_iter().enumerate() {
            assert_eq!(switch.due(moment, source).is_some(), strikes, "occasion {n}");
        }
        assert_eq!(switch.struck(), 2);
        switch.add(Fault::new(Moment::Mail, Action::Reset));
        assert_eq!(switch.due(Moment::Mail, S1), Some(Action::Reset), "a spent fault gives way to the next");
        switch.clear();
        assert_eq!(switch.due(Moment::Mail, S1), None);
    }
}
