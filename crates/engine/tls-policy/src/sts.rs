//! MTA-STS: which policy a domain has now, looked up by one at a time and kept as long as it says (RFC 8461 5.1).

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use dns::{Dns, Halves, Records};
use mail_model::MonoUs;
use parking_lot::Mutex;
use telemetry::{StsFileUnusable, StsPoliciesHeld, StsPolicyFetched};
use tokio::sync::{Semaphore, watch};

use crate::error::TlsPolicyError;
use crate::fetch::Fetcher;
use crate::policies_file::PoliciesFile;
use crate::result::FailureType;
use crate::settings::Settings;
use crate::shelf::{Held, Shelf};
use crate::sts_policy::StsPolicy;
use crate::sts_record::policy_id;

/// How long a TXT record, or its absence, is believed. RFC 8461 wants a new id noticed, not at once.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(3_600);
/// How long a failed look-up or fetch is not repeated, the least that RFC 8461 3.3 recommends.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(300);
/// TXT questions at once: a message to ten thousand strange domains must not flood the DNS server.
const QUESTIONS_AT_ONCE_MAX: usize = 64;
/// Policies fetched at once. Each takes a socket for a minute at most; domains with dead web servers must not use up
/// the places of all others.
const FETCHES_AT_ONCE_MAX: usize = 128;

/// What is known of a domain.
pub(crate) struct Current {
    /// Its policy in force.
    pub(crate) held: Option<Arc<Held>>,
    /// Why there is none although its TXT record announces one.
    pub(crate) fault: Option<FailureType>,
}

/// The policies of all domains. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sts(Arc<Inner>);

struct Inner {
    dns: Dns,
    fetcher: Fetcher,
    clock: Clock,
    patience: Duration,
    state: Mutex<State>,
    questions: Semaphore,
    fetches: Semaphore,
    file: Option<PoliciesFile>,
    /// Held while the file is written; counts the policies that were put on the shelf before the last writing began.
    writing: tokio::sync::Mutex<u64>,
}

struct State {
    looks: Halves<Look>,
    shelf: Shelf,
    /// Policies put on the shelf so far.
    puts: u64,
}

/// One domain's last look, or the one under way.
struct Look {
    again_at: MonoUs,
    fault: Option<FailureType>,
    under_way: Option<watch::Receiver<Stage>>,
}

/// How far a look is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Wait for it.
    Running,
    /// It takes so long that nobody should wait for it any more.
    Late,
    Done,
}

impl Look {
    /// The look under way. One whose task is gone, by a panic or with its runtime, is over.
    fn under_way(&self) -> Option<&watch::Receiver<Stage>> {
        self.under_way.as_ref().filter(|stage| stage.has_changed().is_ok())
    }
}

impl Sts {
    pub(crate) fn new(settings: &Settings, dns: Dns, clock: Clock) -> Result<Self, TlsPolicyError> {
        let roots = Arc::clone(&settings.roots);
        let fetcher = Fetcher::new(dns.clone(), roots, settings.policy_port, settings.allow_private_addresses)?;
        let file = settings.policies_file.clone().map(PoliciesFile::new);
        let mut shelf = Shelf::default();
        match file.as_ref().map_or(Ok(Vec::new()), PoliciesFile::read) {
            Ok(policies) => policies.into_iter().for_each(|(domain, held)| shelf.put(&domain, held, clock.unix())),
            Err(error) => StsFileUnusable { what: "read", why: &error.to_string() }.emit(),
        }
        StsPoliciesHeld { count: shelf.all(clock.unix()).len() }.emit();
        Ok(Self(Arc::new(Inner {
            dns,
            fetcher,
            clock,
            patience: settings.patience,
            state: Mutex::new(State { looks: Halves::new(settings.domains_max), shelf, puts: 0 }),
            questions: Semaphore::new(QUESTIONS_AT_ONCE_MAX),
            fetches: Semaphore::new(FETCHES_AT_ONCE_MAX),
            file,
            writing: tokio::sync::Mutex::new(0),
        })))
    }

    /// The policy of a domain. With one in force the answer is there at once, and a look that is due runs beside it;
    /// without one the caller waits for the look, `Settings::patience` at most.
    pub(crate) async fn current(&self, domain: &str) -> Current {
        let (known, under_way) = self.known(domain);
        let Some(mut under_way) = under_way.filter(|_| known.held.is_none()) else { return known };
        // An error is a look that ended without a word: what is known is known.
        let _ = under_way.wait_for(|stage| *stage != Stage::Running).await;
        self.0.known(domain)
    }

    /// What is known at once, without a look.
    pub(crate) fn at_hand(&self, domain: &str) -> Current {
        self.0.known(domain)
    }

    /// Lets the domain be looked up again in five minutes: mail that fails a policy must not go on failing by one that
    /// has been replaced (RFC 8461 5.1).
    pub(crate) fn doubt(&self, domain: &str) {
        let soon = self.0.clock.mono() + TRY_AGAIN_AFTER;
        if let Some(look) = self.0.state.lock().looks.get(domain) {
            look.again_at = look.again_at.min(soon);
        }
    }

    /// What is known, and the look to wait for; begins one when it is due.
    fn known(&self, domain: &str) -> (Current, Option<watch::Receiver<Stage>>) {
        let known = self.0.known(domain);
        let now = self.0.clock.mono();
        let mut state = self.0.state.lock();
        let look = state.looks.get(domain);
        if let Some(under_way) = look.as_ref().and_then(|look| look.under_way()) {
            return (known, Some(under_way.clone()));
        }
        if look.as_ref().is_some_and(|look| look.again_at > now) {
            return (known, None);
        }
        let (stage, under_way) = watch::channel(Stage::Running);
        let fault = look.and_then(|look| look.fault);
        state.looks.put(domain, Look { again_at: now, fault, under_way: Some(under_way.clone()) });
        // A task of its own: the caller may go away, the others who wait must not be left.
        tokio::spawn(Arc::clone(&self.0).look(domain.to_owned(), stage));
        (known, Some(under_way))
    }
}

impl Inner {
    fn known(&self, domain: &str) -> Current {
        let now = self.clock.unix();
        let mut state = self.state.lock();
        let held = state.shelf.live(domain, now);
        let fault = state.looks.get(domain).and_then(|look| look.fault).filter(|_| held.is_none());
        Current { held, fault }
    }

    async fn look(self: Arc<Self>, domain: String, stage: watch::Sender<Stage>) {
        let outcome = self.outcome(&domain);
        tokio::pin!(outcome);
        let (again_after, fault) = match tokio::time::timeout(self.patience, &mut outcome).await {
            Ok(found) => found,
            Err(_) => {
                stage.send_replace(Stage::Late);
                outcome.await
            }
        };
        let again_at = self.clock.mono() + again_after;
        self.state.lock().looks.put(&domain, Look { again_at, fault, under_way: None });
        stage.send_replace(Stage::Done);
        self.keep().await;
    }

    /// Looks the TXT record up and fetches what it announces; gives when to look again and what is wrong.
    async fn outcome(&self, domain: &str) -> (Duration, Option<FailureType>) {
        let record = {
            let _place = self.questions.acquire().await;
            self.dns.txt(&format!("_mta-sts.{domain}")).await
        };
        let texts = match record {
            Records::Found { records, .. } => records,
            // A policy in force holds to its end: withholding the record is what an attacker would do.
            Records::NoData { .. } | Records::NoName { .. } => return (LOOK_AGAIN_AFTER, None),
            Records::Failed => return (TRY_AGAIN_AFTER, None),
        };
        let Some(id) = policy_id(&texts) else { return (LOOK_AGAIN_AFTER, None) };
        let now = self.clock.unix();
        let held = self.state.lock().shelf.live(domain, now);
        if held.is_some_and(|held| held.id == id && !held.is_stale(now)) {
            return (LOOK_AGAIN_AFTER, None);
        }
        match self.fetch(domain).await {
            Ok(policy) => {
                let now = self.clock.unix();
                let again_after = LOOK_AGAIN_AFTER.min(Duration::from_secs(policy.max_age_s));
                let mut state = self.state.lock();
                state.shelf.put(domain, Held { id: id.to_owned(), policy, fetched_at: now }, now);
                state.puts += 1;
                (again_after, None)
            }
            Err(fault) => (TRY_AGAIN_AFTER, Some(fault)),
        }
    }

    async fn fetch(&self, domain: &str) -> Result<StsPolicy, FailureType> {
        let fetched = {
            let _place = self.fetches.acquire().await;
            self.fetcher.fetch(domain).await
        };
        let policy = fetched.map_err(|fault| (fault.failure_type(), fault.to_string())).and_then(|bytes| {
            StsPolicy::parse(&bytes).map_err(|fault| (FailureType::StsPolicyInvalid, fault.to_string()))
        });
        let (result, why) = policy.as_ref().err().map_or(("success", ""), |(kind, why)| (kind.as_str(), why.as_str()));
        StsPolicyFetched { domain, result, why }.emit();
        policy.map_err(|(kind, _)| kind)
    }

    /// Writes the file when there is something new. Whoever comes while it is written finds his policy in the next
    /// writing, or in that of somebody before him.
    async fn keep(&self) {
        let Some(file) = self.file.clone() else { return };
        let mut written = self.writing.lock().await;
        let (puts, policies) = {
            let state = self.state.lock();
            (state.puts, state.shelf.all(self.clock.unix()))
        };
        if *written == puts {
            return;
        }
        StsPoliciesHeld { count: policies.len() }.emit();
        match tokio::task::spawn_blocking(move || file.write(&policies)).await {
            Ok(Ok(())) => *written = puts,
            Ok(Err(error)) => StsFileUnusable { what: "written", why: &error.to_string() }.emit(),
            Err(_) => {}
        }
    }
}
