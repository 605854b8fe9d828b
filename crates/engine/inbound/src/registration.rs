//! One mail to a registration address, from the guards to the answer.

use std::sync::Arc;
use std::time::Duration;

use bounce::{AddressHistory, ReportKind};
use mail_model::{EmailAddress, UnixMs};
use queue::{AuditEntry, InboxId, ReceivedMail, Write};

use crate::answer::{self, Answer};
use crate::answer_mail;
use crate::authenticity::{self, Authentication};
use crate::automatic;
use crate::desk::{Desk, Hash, RegistrationDesk, hash, memory_key};
use crate::ending::Ending;
use crate::limits::{Answers, DAY};
use crate::registrar::{RegistrationAnswer, RegistrationEvent};

/// How long a registration waits for DNS, for a place among the answers, for room in the queue.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// When a mail that must wait is looked at again.
const PAUSE: Duration = Duration::from_secs(30);
/// How long a mail is known again.
const KNOWN_FOR: Duration = Duration::from_secs(7 * 86_400);

/// Which school's address was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) school: u32,
    pub(crate) generation: u8,
}

/// How a registration ended.
enum Registered {
    /// As this, for `todoke_registrations_total`.
    Ended(&'static str),
    /// To be looked at again after this time.
    Wait(Duration),
}

/// A mail with registrations in it, and what its other recipients led to.
pub(crate) struct Job {
    pub(crate) id: InboxId,
    pub(crate) mail: ReceivedMail,
    pub(crate) content: ReportKind,
    pub(crate) asked: Vec<Asked>,
    pub(crate) ending: Ending,
}

/// Takes the registrations of one mail and writes its end; `Err`: when to come again.
pub(crate) async fn register(desk: &Arc<Desk>, job: Job) -> Result<(), Duration> {
    let Job { id, mail, content, asked, mut ending } = job;
    // One at a time for an address, until all is written: two mails at once would both find that it was not answered
    // lately.
    let turn = match (&desk.registration, &mail.sender) {
        (Some(shared), Some(sender)) => Some(Turn::take(shared, address_hash(sender)).ok_or(Duration::from_secs(1))?),
        _ => None,
    };
    for asked in asked {
        match one(desk, &mail, content, asked, &mut ending).await {
            Registered::Ended(result) => ending.registered(result),
            Registered::Wait(pause) => return Err(pause),
        }
    }
    let desk_there = desk.clone();
    let finish = move || ending.finish(&desk_there.queue, &desk_there.scheduler, id);
    let written = tokio::task::spawn_blocking(finish).await;
    drop(turn);
    // A panic on the way leaves the mail where it was.
    if matches!(written, Ok(Ok(()))) { Ok(()) } else { Err(PAUSE) }
}

/// Takes one registration. What it leaves in `ending` is written with the mail's end.
async fn one(
    desk: &Arc<Desk>,
    mail: &ReceivedMail,
    content: ReportKind,
    asked: Asked,
    ending: &mut Ending,
) -> Registered {
    let Some(shared) = &desk.registration else { return Registered::Ended("closed") };
    let own = |address: &EmailAddress| desk.addresses.is_ours(address) || shared.is_own_sender(address);
    if let Some(reason) = automatic::reason(mail.sender.as_ref(), &mail.content, content, own) {
        return Registered::Ended(reason);
    }
    let Some(sender) = &mail.sender else { return Registered::Ended("null_sender") };

    let digest = mail_digest(mail, sender, asked);
    let known = memory_key("registered", &digest);
    if desk.queue.remembered(&known).is_some() {
        return Registered::Ended("repeated");
    }
    let waited = Duration::from_millis(desk.clock.unix().since_ms(mail.received_at));
    let authentication = match authenticity::judge(&desk.authenticator, mail, sender, &desk.host_name).await {
        Authentication::Fail => return Registered::Ended("not_authentic"),
        Authentication::Unknown if waited < PATIENCE => return Registered::Wait(PAUSE),
        Authentication::Unknown => Authentication::None,
        judged => judged,
    };
    let answered = memory_key("answered", &address_hash(sender));
    let mut answers = Answers::decode(desk.queue.remembered(&answered).as_deref());
    let interval = Duration::from_secs(shared.config.reply_interval_s);
    if !answers.may(desk.clock.unix(), interval, shared.config.replies_per_day_max) {
        return Registered::Ended("limited");
    }
    if let Err(wait) = shared.take_token(desk) {
        return if waited < PATIENCE { Registered::Wait(wait) } else { Registered::Ended("flooded") };
    }

    let received_at = mail.received_at;
    let (school, generation) = (asked.school, asked.generation);
    let event = RegistrationEvent { school, generation, sender: sender.clone(), authentication, received_at, digest };
    let now = desk.clock.unix();
    let Some(answer) = ask(shared, event).await else { return Registered::Wait(PAUSE) };
    if let RegistrationAnswer::Reply { subject, text } = answer {
        if authentication == Authentication::Pass {
            forgive(desk, sender, now);
        }
        let answer =
            Answer { to: sender, school, subject: &subject, text: &text, mail: &mail.content, digest: &digest };
        if answer::send(desk, &shared.config.reply_from, &answer).await.is_err() {
            return if waited < PATIENCE { Registered::Wait(PAUSE) } else { Registered::Ended("no_room") };
        }
        answers.note(now);
        ending.amend(|write| write.remember(&answered, &answers.encode(), now + DAY));
    }
    ending.amend(|write| write.remember(&known, &[], now + KNOWN_FOR));
    Registered::Ended(authentication.as_str())
}

/// What the registrar says; `None` when it panicked.
async fn ask(shared: &RegistrationDesk, event: RegistrationEvent) -> Option<RegistrationAnswer> {
    let registrar = shared.registrar.clone();
    tokio::task::spawn_blocking(move || registrar.register(&event)).await.ok()
}

/// Who registers wants mail: whatever kept it from the address is over. Written before the answer, which would else be
/// withheld.
fn forgive(desk: &Desk, sender: &EmailAddress, now: UnixMs) {
    let Some(stored) = desk.queue.suppression(sender) else { return };
    let Some(reason) = AddressHistory::decode(Some(&stored)).reason() else { return };
    let entry = AuditEntry {
        at: now,
        actor: "recipient".to_owned(),
        action: "suppression.lift".to_owned(),
        subject: sender.as_str().to_owned(),
        reason: format!("registered by an authentic mail; was suppressed: {reason}"),
    };
    desk.queue.write(Write::new().lift_suppression(sender).audit(entry));
}

/// Stands for an address in limits: lower case, without what follows `+`, so that `taro+1`, `taro+2` are one.
fn address_hash(address: &EmailAddress) -> Hash {
    let local = address.local().split('+').next().unwrap_or_default().to_ascii_lowercase();
    hash(&[local.as_bytes(), address.domain().as_bytes()])
}

/// Stands for a mail. The same Message-ID from the same sender is the same mail, however its way added to it.
fn mail_digest(mail: &ReceivedMail, sender: &EmailAddress, asked: Asked) -> Hash {
    let (school, generation) = (asked.school.to_be_bytes(), [asked.generation]);
    let by_id = answer_mail::message_id(&mail.content);
    let what = by_id.as_ref().map_or(&mail.content[..], |id| id.as_bytes());
    hash(&[sender.as_str().as_bytes(), &school, &generation, what])
}

impl RegistrationDesk {
    fn take_token(&self, desk: &Desk) -> Result<(), Duration> {
        self.bucket.lock().take(desk.clock.mono())
    }

    /// Whether this is the address that answers come from.
    fn is_own_sender(&self, sender: &EmailAddress) -> bool {
        let from = self.config.reply_from.to_ascii_lowercase();
        let sender = sender.as_str().to_ascii_lowercase();
        from == sender || from.contains(&format!("<{sender}>"))
    }
}

/// An address's turn; given back when it is dropped.
struct Turn<'d> {
    shared: &'d RegistrationDesk,
    whose: Hash,
}

impl<'d> Turn<'d> {
    fn take(shared: &'d RegistrationDesk, whose: Hash) -> Option<Self> {
        let is_free = shared.busy.lock().insert(whose);
        // Made only when the turn is ours: dropping one takes the lock and gives the address free.
        is_free.then(|| Self { shared, whose })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.shared.busy.lock().remove(&self.whose);
    }
}

#[cfg(test)]
mod tests {
    use engine_config::RegistrationConfig;

    use super::*;
    use crate::configured::ConfiguredText;

    #[test]
    fn an_address_has_one_turn_at_a_time_and_a_refused_one_frees_nothing() {
        let text = "[engine]\nnode_name = \"a.example.jp\"\n";
        let config = engine_config::EngineConfig::from_toml(text, "test").unwrap();
        assert!(config.edges.registration.is_none());
        let busy = parking_lot::Mutex::new(std::collections::HashSet::new());
        let section = RegistrationConfig {
            domain: config.engine.node_name,
            reply_from: "a <a@example.jp>".to_owned(),
            reply_subject: "a".to_owned(),
            reply_text: "a".to_owned(),
            reply_interval_s: 1,
            replies_per_day_max: 1,
            replies_per_min_max: 1,
            schools: Vec::new(),
        };
        let registrar = std::sync::Arc::new(ConfiguredText::new(&section).unwrap());
        let bucket = parking_lot::Mutex::new(crate::limits::Bucket::new(1, mail_model::MonoUs(0)));
        let shared = RegistrationDesk { config: section, registrar, bucket, busy };
        let first = Turn::take(&shared, [1; 32]);
        assert!(first.is_some());
        assert!(Turn::take(&shared, [1; 32]).is_none() && Turn::take(&shared, [1; 32]).is_none());
        assert!(Turn::take(&shared, [2; 32]).is_some(), "another address has its own turn");
        drop(first);
        assert!(Turn::take(&shared, [1; 32]).is_some());
    }
}
