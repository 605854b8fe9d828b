//! All findings of a sender, and what follows from them carrier by carrier.

use futures_util::future::join;
use mail_model::UnixMs;
use serde::Serialize;

use crate::finding::{Finding, Level};
use crate::names::Names;
use crate::objection::{CARRIERS, Effect};
use crate::sender::Sender;
use crate::{dkim, dmarc, from_domain, returns, sources, spf, tls};

/// What a carrier would do with mail sent as things are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// Which carrier.
    pub who: &'static str,
    /// The gravest effect of an error; none when it has nothing to object to.
    pub effect: Option<Effect>,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The From domain that was checked.
    pub domain: String,
    /// The gravest level.
    pub level: Level,
    /// What each carrier would do.
    pub carriers: Vec<Outlook>,
    /// In the order of the page: by check, then as found.
    pub findings: Vec<Finding>,
}

/// Asks DNS everything and compares. Questions of different checks run side by side, so that a dead name server costs
/// a few time-outs and not their sum.
pub async fn check(names: &impl Names, sender: &Sender, now: UnixMs) -> Report {
    let first = join(from_domain::check(names, sender), spf::check::check(names, sender));
    let second = join(dkim::check(names, sender), dmarc::check(names, sender));
    let third = join(sources::check(names, sender), returns::check(names, sender));
    let ((a, b), ((c, d), ((e, f), g))) = join(first, join(second, join(third, tls::check(names, sender, now)))).await;
    let mut findings = [a, b, c, d, e, f, g].concat();
    findings.sort_by_key(|finding| finding.check);
    let level = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    let outlook = |who: &'static str| {
        let errors = findings.iter().filter(|finding| finding.level == Level::Error);
        let objections = errors.flat_map(|finding| &finding.who).filter(|objection| objection.who == who);
        Outlook { who, effect: objections.map(|objection| objection.effect).max() }
    };
    let carriers = CARRIERS.into_iter().map(outlook).collect();
    Report { domain: sender.domain.clone(), level, carriers, findings }
}
