//! Canaries join a campaign: at its injection, and again while it is being sent.

use std::time::Duration;

use compose::{Charset, Content, Fill, StoredContent, StoredRecipient};
use engine_config::CanaryMailbox;
use mail_model::{
    CampaignName, CarrierName, Class, EmailAddress, Lane, MessageId, NotificationId, PoolName, TenantName, UnixMs,
};
use queue::{AtDeadline, Begun, Idempotency, Intake, NewMessage, Refusal, StoredMessage};
use serde_json::{Map, Value};
use telemetry::CanariesJoined;
use thiserror::Error;

use crate::canaries::Canaries;
use crate::choose::{self, Campaign};
use crate::fate::Handed;
use crate::flight::{Flight, Roster, carried};
use crate::mask;

/// Flights of one campaign, those that follow included. With the usual ten minutes between them, five hours of sending.
const FLIGHTS_PER_CAMPAIGN: usize = 32;

/// Why a campaign goes without canaries. It goes all the same.
#[derive(Debug, Error)]
enum Trouble {
    #[error("the queue refuses: {0}")]
    Queue(#[from] Refusal),
    #[error("its template cannot be filled with harmless values: {0}")]
    Template(String),
}

/// Ids for the canaries of a campaign that is about to begin. Lanes stand in the order of ids: canaries that are to go
/// before the campaign's mails, and into the midst of those that still wait, need ids from before it.
#[derive(Debug, Default)]
pub struct Reserved(Vec<MessageId>);

/// A campaign that is handed in.
#[derive(Debug)]
pub struct Joining<'a> {
    /// Its message, not yet committed.
    pub main: &'a Intake,
    /// What it is counted under.
    pub campaign: &'a CampaignName,
    /// Whose it is.
    pub tenant: &'a TenantName,
    /// How urgent.
    pub class: Class,
    /// Which sources; may be `auto`.
    pub pool: &'a PoolName,
    /// Not to be sent earlier.
    pub not_before: Option<UnixMs>,
    /// Not to be sent later.
    pub not_after: Option<UnixMs>,
    /// The envelope sender.
    pub sender: Option<&'a EmailAddress>,
    /// Its content, compiled.
    pub content: &'a Content,
    /// Its content as stored.
    pub stored: &'a StoredContent,
    /// One of its recipients, whose values say what the template needs; none of them is used.
    pub sample: &'a Sample,
    /// The call's key, if it may be repeated.
    pub idempotency: Option<Idempotency>,
}

/// What a campaign's template is filled with for a canary.
#[derive(Clone, Debug, Default)]
pub struct Sample(StoredRecipient);

impl Sample {
    /// From one recipient's values, of which only names and lengths are kept.
    pub fn of(name: Option<&str>, substitutions: &Map<String, Value>) -> Self {
        Self(mask::harmless(name, substitutions))
    }
}

/// Canaries that are ready to be committed, before the campaign itself.
#[derive(Debug)]
pub struct Joined {
    intake: Intake,
    count: u32,
    campaign: CampaignName,
}

impl Joined {
    /// Accepts them. What this returns is known when the canaries are durable; nothing about the campaign hangs on it.
    pub async fn commit(self) {
        let Self { intake, count, campaign } = self;
        let trouble = match intake.commit().await {
            Ok(_) => String::new(),
            Err(refusal) => Trouble::from(refusal).to_string(),
        };
        CanariesJoined { campaign: &campaign, count, trouble: &trouble }.emit();
    }
}

/// What the canaries' message takes over from the campaign's.
struct Frame {
    tenant: TenantName,
    class: Class,
    pool: PoolName,
    not_before: Option<UnixMs>,
    not_after: Option<UnixMs>,
    sender: Option<EmailAddress>,
    content: Vec<u8>,
    idempotency: Option<Idempotency>,
}

impl Canaries {
    /// What canaries are counted under. One name for all: so no sum, no report and no deadline of a campaign knows them,
    /// and nothing that sends, counts or retries mail has to tell them from other mail.
    pub fn campaign() -> CampaignName {
        CampaignName::new("todoke:canaries").expect("the name is short and has no odd character")
    }

    /// Ids for a campaign of so many recipients; to be asked for before its message begins.
    pub fn reserve(&self, recipients: u64) -> Reserved {
        let takes_part = self.are_there() && recipients >= u64::from(self.0.config.recipients_min);
        if takes_part { Reserved(self.0.queue.reserve_ids(FLIGHTS_PER_CAMPAIGN)) } else { Reserved::default() }
    }

    /// The canaries of a campaign whose recipients are all there. `None`: none takes part, or none can.
    pub fn join(&self, reserved: Reserved, joining: &Joining<'_>) -> Option<Joined> {
        let joined = self.try_join(reserved, joining);
        joined.unwrap_or_else(|trouble| {
            CanariesJoined { campaign: joining.campaign, count: 0, trouble: &trouble.to_string() }.emit();
            None
        })
    }

    fn try_join(&self, Reserved(ids): Reserved, joining: &Joining<'_>) -> Result<Option<Joined>, Trouble> {
        let (Some((id, rest)), now) = (ids.split_first(), self.0.clock.unix()) else { return Ok(None) };
        let (lanes, recipients) = (joining.main.lanes(), joining.main.count());
        let from = joining.not_before.map_or(now, |start| start.max(now));
        let campaign = Campaign { lanes: &lanes, recipients, class: joining.class, from };
        let chosen: Vec<CanaryMailbox> = {
            let watch = self.0.watch.lock();
            let nearest = |mailbox: &CanaryMailbox| watch.nearest(mailbox.name.as_str(), from);
            choose::mailboxes(&self.0.config, &campaign, nearest).into_iter().cloned().collect()
        };
        let recipient = joining.sample.0.clone();
        let Some(first) = chosen.first() else { return Ok(None) };
        check(joining, &recipient, &first.address, now)?;
        let mut roster = Roster::first(joining.campaign.clone(), joining.main.message(), recipient);
        (roster.id, roster.reserved) = (*id, rest.to_vec());
        roster.from = from;
        roster.mailboxes = chosen.iter().map(|m| (m.name.as_str().to_owned(), m.carrier.clone())).collect();
        let frame = Frame {
            tenant: joining.tenant.clone(),
            class: joining.class,
            pool: joining.pool.clone(),
            not_before: joining.not_before,
            not_after: joining.not_after,
            sender: joining.sender.cloned(),
            content: joining.stored.encode(),
            idempotency: joining.idempotency.clone().map(of_canaries),
        };
        self.board(Flight::new(roster), frame, &chosen)
    }

    /// Hands the canaries in, to be committed, and writes down who they are.
    fn board(&self, flight: Flight, frame: Frame, mailboxes: &[CanaryMailbox]) -> Result<Option<Joined>, Trouble> {
        let Frame { tenant, class, pool, not_before, not_after, sender, content, idempotency } = frame;
        let message = NewMessage {
            campaign: Self::campaign(),
            tenant,
            class,
            pool: pool.clone(),
            not_before,
            not_after,
            at_deadline: AtDeadline::default(),
            sender,
            content,
            idempotency,
        };
        let Begun::New(mut intake) = self.0.queue.begin_as(flight.roster.id, message)? else {
            // A call that is repeated after a crash: they went along the first time.
            return Ok(None);
        };
        let payload = flight.roster.recipient.encode();
        for mailbox in mailboxes {
            intake.add(&self.lane(mailbox, &pool, class), mailbox.address.clone(), payload.clone())?;
        }
        let (count, campaign) = (intake.count(), flight.roster.campaign.clone());
        self.keep(flight);
        Ok(Some(Joined { intake, count, campaign }))
    }

    /// The lane in which a campaign's mails to the mailbox's domain wait.
    fn lane(&self, mailbox: &CanaryMailbox, pool: &PoolName, class: Class) -> Lane {
        let (carrier, site) = self.0.directory.lane_site(mailbox.address.domain());
        let pool = if pool.is_auto() { self.0.directory.profile(&carrier).pool.clone() } else { pool.clone() };
        Lane { carrier, site, pool, class }
    }

    /// The canaries that follow those of before because their campaign is still being sent. Reads the queue.
    pub(crate) fn follow(&self) -> Vec<Joined> {
        let (now, after) = (self.0.clock.unix(), Duration::from_secs(self.0.config.again_after_s));
        if !self.are_there() {
            return Vec::new();
        }
        let due = self.0.watch.lock().to_be_followed(now, after);
        due.into_iter().filter_map(|id| self.follow_one(id, now)).collect()
    }

    fn follow_one(&self, last: MessageId, now: UnixMs) -> Option<Joined> {
        let main = self.0.watch.lock().flights.get(&last)?.roster.main;
        let tally = self.0.queue.tally_of(main).filter(|tally| tally.queued() > 0)?;
        let message = self.0.queue.message(main).filter(|m| m.not_after.is_none_or(|end| now < end))?;
        let carried = carried(&tally);
        let (chosen, roster) = {
            let watch = self.0.watch.lock();
            let flight = watch.flights.get(&last)?;
            let goes_on = |carrier: &CarrierName| carried.get(carrier) > flight.carried.get(carrier);
            // One that has not even been handed over would only be joined by another.
            let is_through = |name: &str| {
                let waits = |handed: Handed| matches!(handed, Handed::Waiting(_));
                !flight.canaries.iter().any(|canary| canary.mailbox == name && waits(canary.handed))
            };
            let mailboxes = self.0.config.mailboxes.iter();
            let took_part = |m: &&CanaryMailbox| flight.canaries.iter().any(|c| c.mailbox == m.name.as_str());
            let follows = |m: &&CanaryMailbox| took_part(m) && goes_on(&m.carrier) && is_through(m.name.as_str());
            let chosen: Vec<CanaryMailbox> = mailboxes.filter(follows).cloned().collect();
            let names = chosen.iter().map(|m| (m.name.as_str().to_owned(), m.carrier.clone())).collect();
            (chosen, flight.roster.following(now, names)?)
        };
        if chosen.is_empty() {
            return None;
        }
        let flight = Flight { carried, ..Flight::new(roster) };
        let campaign = flight.roster.campaign.clone();
        self.board(flight, frame(&message), &chosen).unwrap_or_else(|trouble| {
            CanariesJoined { campaign: &campaign, count: 0, trouble: &trouble.to_string() }.emit();
            None
        })
    }
}

fn frame(message: &StoredMessage) -> Frame {
    Frame {
        tenant: message.tenant.clone(),
        class: message.class,
        pool: message.pool.clone(),
        not_before: None,
        not_after: message.not_after,
        sender: message.sender.clone(),
        content: message.content.clone(),
        idempotency: None,
    }
}

/// The key of a campaign's canaries, made of the campaign's own: a call that is repeated takes none along twice.
fn of_canaries(call: Idempotency) -> Idempotency {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, call.key.as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Idempotency { key: format!("canaries/{hex}"), digest: call.digest }
}

/// Whether the template takes the harmless values.
fn check(
    joining: &Joining<'_>,
    recipient: &StoredRecipient,
    address: &EmailAddress,
    now: UnixMs,
) -> Result<(), Trouble> {
    let fill = Fill {
        id: NotificationId { message: joining.main.message(), index: 0 },
        to: address,
        name: recipient.name.as_deref(),
        substitutions: &recipient.substitutions,
        message_substitutions: &joining.stored.substitutions,
        date: now,
        host: "canary.invalid",
        charset: Charset::Utf8,
        unsubscribe: None,
    };
    joining.content.check(&fill).map_err(|error| Trouble::Template(error.to_string()))
}
