//! A carrier of a scenario behind a socket: the pure model, asked with the world's clock, and its guests.

use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};

use clock::Clock;
use mail_model::{MonoUs, Reply, Stage};
use parking_lot::Mutex;
use scenario::{Answer, Begun, Counts, HiddenCarrier, Recipient, Said, Scenario, SessionId};

use crate::limits::SourceRecord;

/// Stands for the recipient in words that are made before the recipient is known.
const ADDRESS: &str = "{address}";

/// Which carrier of which scenario a socket plays. Made by `WorldPlan::from_scenario`.
#[derive(Clone, Debug)]
pub struct HiddenPlan {
    /// The scenario; its sources are named by their addresses, so that replies name those.
    pub(crate) scenario: Arc<Scenario>,
    /// The addresses, in the order of the sources.
    pub(crate) sources: Arc<[Ipv4Addr]>,
    /// The carrier's place in the scenario.
    pub(crate) carrier: usize,
    /// For jitter and whatever a carrier does by chance.
    pub(crate) seed: u64,
}

impl PartialEq for HiddenPlan {
    /// Scenarios are compared by identity: a plan and its clone play the same one.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.scenario, &other.scenario) && (self.carrier, self.seed) == (other.carrier, other.seed)
    }
}

/// What a hidden carrier counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HiddenReport {
    /// Each source's, in the order of the scenario's sources.
    pub sources: Vec<(Ipv4Addr, Counts)>,
    /// All together; `open_max` is the sum of the sources' own.
    pub total: Counts,
}

/// What a client is told or done to, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub said: Said,
    /// The command that it answers.
    pub stage: Stage,
    /// Since the connection or MAIL came in.
    pub after_ms: u64,
    pub closes: bool,
}

impl Told {
    fn of(answer: Answer) -> Self {
        let Answer { stage, said, after_ms, closed, .. } = answer;
        Self { said, stage, after_ms, closes: closed }
    }

    fn is_success(&self) -> bool {
        matches!(&self.said, Said::Reply(reply) if reply.is_positive())
    }

    /// The same words with the recipient in them.
    fn about(mut self, address: &str) -> Self {
        if let Said::Reply(reply) = &mut self.said {
            reply.text = reply.text.replace(ADDRESS, address);
        }
        self
    }
}

/// When the scenario of a world began, on the world's clock: when it was told to, else with the first connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beginning(Arc<OnceLock<MonoUs>>);

impl Beginning {
    /// Begins now, unless it has begun.
    pub(crate) fn begin(&self, clock: &Clock) -> MonoUs {
        *self.0.get_or_init(|| clock.mono())
    }

    fn since(&self, clock: &Clock) -> MonoUs {
        MonoUs(clock.mono().0.saturating_sub(self.begin(clock).0))
    }
}

#[derive(Debug)]
struct Model {
    carrier: HiddenCarrier,
    /// Sessions ask at once from many threads, and the model's time must not go back.
    last: MonoUs,
}

/// A running hidden carrier. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct HiddenBook {
    model: Arc<Mutex<Model>>,
    sources: Arc<[Ipv4Addr]>,
    clock: Clock,
    beginning: Beginning,
}

impl HiddenBook {
    pub(crate) fn new(plan: &HiddenPlan, clock: Clock, beginning: Beginning) -> Self {
        let carrier = HiddenCarrier::new(&plan.scenario, plan.carrier, plan.seed);
        let model = Arc::new(Mutex::new(Model { carrier, last: MonoUs(0) }));
        Self { model, sources: Arc::clone(&plan.sources), clock, beginning }
    }

    fn ask<T>(&self, question: impl FnOnce(&mut HiddenCarrier, MonoUs) -> T) -> T {
        let mut model = self.model.lock();
        let now = self.beginning.since(&self.clock).max(model.last);
        model.last = now;
        question(&mut model.carrier, now)
    }

    /// Lets a connection in, or says how it is turned away.
    pub(crate) fn connect(&self, address: Ipv4Addr) -> Result<HiddenGuest, Told> {
        let Some(source) = self.sources.iter().position(|known| *known == address) else {
            let reply = Reply::new(554, &format!("5.7.1 {address} is none of the sources of this scenario"));
            return Err(Told { said: Said::Reply(reply), stage: Stage::Greeting, after_ms: 0, closes: true });
        };
        let greeting = self.ask(|carrier, now| carrier.connect(now, source));
        let closes = greeting.session.is_none();
        let told = Told { said: greeting.said, stage: Stage::Greeting, after_ms: greeting.after_ms, closes };
        match greeting.session {
            Some(session) => Ok(HiddenGuest { book: self.clone(), session, greeting: told, begun: None, held: None }),
            None => Err(told),
        }
    }

    pub(crate) fn report(&self) -> HiddenReport {
        self.ask(|carrier, _| HiddenReport {
            sources: (0..).zip(self.sources.iter()).map(|(n, address)| (*address, carrier.counts(n).clone())).collect(),
            total: carrier.total(),
        })
    }

    /// The counts of every source that came, as other carriers give them. An excess is a request beyond a limit, a
    /// recipient a mail begun.
    pub(crate) fn records(&self) -> Vec<(Ipv4Addr, SourceRecord)> {
        self.ask(|carrier, _| {
            let sources = (0..).zip(self.sources.iter()).map(|(n, address)| (n, *address, carrier.counts(n)));
            let record = |(n, address, counts): (usize, Ipv4Addr, &Counts)| {
                let record = SourceRecord {
                    open: u32::try_from(carrier.open_sessions(n)).unwrap_or(u32::MAX),
                    open_max: u32::try_from(counts.open_max).unwrap_or(u32::MAX),
                    connections: counts.connections_asked - counts.connections_turned_away,
                    excesses: counts.crossings,
                    bans: counts.bans,
                    recipients: counts.mails_asked,
                    unknown: counts.unknown,
                };
                (address, record)
            };
            let mut all: Vec<_> = sources.filter(|(_, _, counts)| counts.connections_asked > 0).map(record).collect();
            all.sort_by_key(|(address, _)| *address);
            all
        })
    }
}

/// A session that was let in. It ends for the model when it is dropped.
#[derive(Debug)]
pub(crate) struct HiddenGuest {
    book: HiddenBook,
    session: SessionId,
    greeting: Told,
    begun: Option<Begun>,
    /// An answer that waits for the command it is the answer to.
    held: Option<Told>,
}

impl HiddenGuest {
    pub(crate) fn greeting(&self) -> Told {
        self.greeting.clone()
    }

    /// MAIL: what is said against it now, if anything.
    pub(crate) fn mail(&mut self) -> Option<Told> {
        self.forget();
        match self.book.ask(|carrier, now| carrier.begin(now, self.session, ADDRESS)) {
            Ok(begun) => self.begun = Some(begun),
            Err(answer) if matches!(answer.stage, Stage::Rcpt | Stage::DataEnd) => self.held = Some(Told::of(answer)),
            Err(answer) => return Some(Told::of(answer)),
        }
        None
    }

    /// RCPT: what is said against this recipient now, if anything.
    pub(crate) fn recipient(&mut self, number: u64, address: &str, unknown: bool) -> Option<Told> {
        if let Some(begun) = self.begun {
            let recipient = Recipient { number, unknown, address };
            let told = Told::of(self.book.ask(|carrier, now| carrier.recipient(now, self.session, begun, recipient)));
            if told.stage != Stage::DataEnd {
                return Some(told);
            }
            // Of several recipients the first that is refused at the dot decides for all, as at docomo.
            if self.held.as_ref().is_none_or(Told::is_success) {
                self.held = Some(told);
            }
            return None;
        }
        if self.held.as_ref().is_some_and(|held| held.stage == Stage::Rcpt) {
            return self.held.clone().map(|held| held.about(address));
        }
        None
    }

    /// The final dot: what is said.
    pub(crate) fn dot(&mut self, address: &str) -> Option<Told> {
        self.begun = None;
        self.held.take().map(|held| held.about(address))
    }

    /// The transaction is over.
    pub(crate) fn forget(&mut self) {
        self.begun = None;
        self.held = None;
    }
}

impl Drop for HiddenGuest {
    fn drop(&mut self) {
        self.book.ask(|carrier, now| carrier.close(now, self.session));
    }
}
