//! Hands the recipients of one call to the queue, one by one, and checks each on the way.

use canary::Sample;
use compose::{Charset, Content, Fill, StoredRecipient};
use mail_model::{NotificationId, UnixMs};
use queue::Intake;

use crate::engine::inject::head::Head;
use crate::engine::inject::receive::no_room;
use crate::engine::inject::recipient::{self, Recipient};
use crate::engine::inject::refusal;
use crate::engine::inject::spool::{Spool, SpoolReader};
use crate::engine::state::EngineState;
use crate::http::fault::{Fault, Faults};

/// What is needed for a recipient to be queued. When any part is wrong the recipients are checked all the same, so
/// that the caller learns every fault from one call.
pub struct Target {
    /// The fields.
    pub head: Head,
    /// The content, compiled.
    pub content: Content,
    /// What is sent in its place after its deadline, compiled.
    pub replacement: Option<Content>,
    /// Its size as stored.
    pub content_bytes: usize,
    /// Where recipients go; dropping it undoes everything.
    pub intake: Intake,
}

/// A call of which nothing is wrong and everything is in the intake.
pub struct Filled {
    /// The fields.
    pub head: Head,
    /// The content, compiled.
    pub content: Content,
    /// Size of the content as stored.
    pub content_bytes: usize,
    /// What a canary's mail is filled with.
    pub sample: Sample,
    /// Every recipient; to be committed.
    pub intake: Intake,
}

/// Reads the spool and fills the intake. Blocks on the disk when the list is large.
/// Ends well only when every recipient is in it and nothing was wrong.
pub fn fill(
    state: &EngineState,
    mut target: Option<Target>,
    spool: Spool,
    mut faults: Faults,
    now: UnixMs,
) -> Result<Filled, Fault> {
    let mut reader = spool.into_reader().map_err(|e| no_room(&e))?;
    let (mut index, mut sample) = (0, Sample::default());
    while let Some(recipient) = next(&mut reader, index, &mut faults)? {
        if let (Some(target), Some(recipient)) = (&mut target, recipient) {
            check(state, target, &recipient, index, now, &mut faults);
            if index == 0 {
                sample = Sample::of(recipient.name.as_deref(), &recipient.substitutions);
            }
            // After a fault nothing will be kept; only the checking goes on.
            if faults.is_empty() {
                add(state, target, recipient)?;
            }
        }
        index += 1;
    }
    faults.into_result()?;
    // Without a target there is a fault, and the line above has returned it.
    let Target { head, content, content_bytes, intake, .. } = target.ok_or_else(Fault::internal)?;
    Ok(Filled { head, content, content_bytes, sample, intake })
}

/// The outer `None` is the end of the list, the inner one a recipient with a fault.
fn next(reader: &mut SpoolReader, index: u64, faults: &mut Faults) -> Result<Option<Option<Recipient>>, Fault> {
    match reader.read() {
        Ok(Some((at, text))) => recipient::read(index, at, text, faults).map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(no_room(&error)),
    }
}

fn add(state: &EngineState, target: &mut Target, recipient: Recipient) -> Result<(), Fault> {
    let Recipient { email, name, substitutions } = recipient;
    let lane = state.lane(&email, &target.head.pool, target.head.class);
    let payload = StoredRecipient { name, substitutions }.encode();
    target.intake.add(&lane, email, payload).map_err(|refusal| refusal::fault(&refusal))?;
    Ok(())
}

/// Renders the first recipient's mail whole; of the others only what differs, which costs nothing without marks.
fn check(state: &EngineState, target: &Target, recipient: &Recipient, index: u64, now: UnixMs, faults: &mut Faults) {
    let fill = Fill {
        id: NotificationId { message: target.intake.message(), index: target.intake.count() },
        to: &recipient.email,
        name: recipient.name.as_deref(),
        substitutions: &recipient.substitutions,
        message_substitutions: &target.head.stored.substitutions,
        date: now,
        host: &state.parts.host,
        charset: Charset::Utf8,
        unsubscribe: None,
    };
    let checked = if index == 0 { target.content.render(&fill).map(|_| ()) } else { target.content.check(&fill) };
    let instead = target.replacement.as_ref().map_or(Ok(()), |content| match index {
        0 => content.render(&fill).map(|_| ()),
        _ => content.check(&fill),
    });
    if let Err(error) = checked.and(instead) {
        faults.add(format!("recipients[{index}]"), error.to_string());
    }
}
