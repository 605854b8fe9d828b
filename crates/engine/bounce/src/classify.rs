//! What a live SMTP reply means.

use std::borrow::Cow;

use mail_model::{CarrierName, Cause, Reply, Stage, Verdict};

use crate::facts::Facts;
use crate::{carriers, code, rules, status};

/// What `reply` to the command of `stage` means at `carrier`.
///
/// Never fails: what nobody can tell is [`Cause::Other`]. Replies of class 2xx and 3xx are not refusals and come back
/// as `Other` by the rule `code/…`.
pub fn classify_reply(reply: &Reply, stage: Stage, carrier: &CarrierName) -> Verdict {
    classify(reply, Some(stage), carrier)
}

/// The same for a reply that a report or log quotes without its command.
///
/// Words that mean different things after different commands are then taken as after RCPT, except where the wording
/// itself tells (au's `: User unknown`).
pub fn classify_quoted_reply(reply: &Reply, stage: Option<Stage>, carrier: &CarrierName) -> Verdict {
    classify(reply, stage, carrier)
}

/// The order of decision. A carrier's own meaning goes before everybody's, clear words before the status (5.7.1, 5.5.0
/// and x.y.0 are used for anything, and 5.1.1 beside "over quota" is common), a telling status before vague words.
fn classify(reply: &Reply, stage: Option<Stage>, carrier: &CarrierName) -> Verdict {
    let facts = Facts::of(reply, stage);
    if !facts.is_transient() && !facts.is_permanent() {
        return verdict((Cause::Other, Cow::Owned(format!("code/{}", facts.code))));
    }
    let fixed = |(cause, rule): (Cause, &'static str)| (cause, Cow::Borrowed(rule));
    verdict(
        (carriers::particular(carrier, &facts).map(fixed))
            .or_else(|| carriers::signature(&facts).map(fixed))
            .or_else(|| rules::decisive(&facts).map(fixed))
            .or_else(|| status::telling(&facts))
            .or_else(|| rules::likely(&facts).map(fixed))
            .or_else(|| carriers::usual(carrier, &facts).map(fixed))
            .or_else(|| status::vague(&facts))
            .unwrap_or_else(|| code::class(&facts)),
    )
}

fn verdict((cause, rule): (Cause, Cow<'static, str>)) -> Verdict {
    Verdict { cause, rule }
}
