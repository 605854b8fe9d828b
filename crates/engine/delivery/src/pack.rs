//! From a queued notification to bytes that may leave: rendered, signed, and within what the carrier takes.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use compose::{Fill, Rendered, StoredRecipient, Unsubscribe};
use engine_config::CarrierProfile;
use mail_model::{Cause, EmailAddress, Verdict};
use queue::Queued;
use telemetry::MailUnsigned;

use crate::content::{Compiled, charset};
use crate::context::Context;

/// A mail that may leave.
pub(crate) struct Packed {
    /// Dot-stuffed, final dot included.
    pub(crate) body: Bytes,
    /// Its own return path; `None`: the sender of its message.
    pub(crate) return_path: Option<EmailAddress>,
}

/// Which content of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The notice.
    Notice,
    /// What is sent in its place after its deadline. It is another mail: with another Message-ID, without which a mailbox
    /// that did get the notice would throw it away as a copy, and with the deadline as its date.
    Replacement,
}

/// Packs one mail, or says why this carrier cannot get it: nothing of such a mail is sent.
pub(crate) fn pack(
    context: &Context,
    profile: &CarrierProfile,
    queued: &Queued,
    compiled: &Compiled,
    which: Which,
) -> Result<Packed, Verdict> {
    let rendered = render(context, profile, queued, compiled, which)
        .map_err(|reason| Verdict { cause: Cause::ContentRejected, rule: format!("compose/{reason}").into() })?;
    let is_within = |bytes: usize, max: u64| u64::try_from(bytes).is_ok_and(|bytes| bytes <= max);
    let too_large = |rule: &'static str| Err(Verdict { cause: Cause::MessageTooLarge, rule: rule.into() });
    if !is_within(rendered.bytes.len(), profile.message_bytes_max) {
        return too_large("profile/message-bytes-max");
    }
    if !is_within(rendered.header_bytes, profile.header_bytes_max) {
        return too_large("profile/header-bytes-max");
    }
    if rendered.signatures == 0 && context.stamps.signs() {
        let is_first = !compiled.told_unsigned.swap(true, Ordering::Relaxed);
        MailUnsigned { carrier: &profile.name, message: queued.id.message, is_first }.emit();
    }
    let return_path = context.stamps.return_path(&compiled.message, queued.id);
    Ok(Packed { body: smtp_wire::stuff(&rendered.bytes), return_path })
}

fn render(
    context: &Context,
    profile: &CarrierProfile,
    queued: &Queued,
    compiled: &Compiled,
    which: Which,
) -> Result<Rendered, String> {
    let recipient = StoredRecipient::decode(&queued.payload).map_err(|e| e.to_string())?;
    let message = &compiled.message;
    let leaving = profile.list_unsubscribe.then(|| context.stamps.leaving(message, queued.id)).flatten();
    let unsubscribe = leaving.as_ref().map(|way| Unsubscribe { link: way.link.as_deref(), mailbox: &way.mailbox });
    let (content, date, host) = match (which, &compiled.replacement) {
        (Which::Replacement, Some(replacement)) => {
            let date = message.not_after.unwrap_or(message.accepted_at);
            (replacement, date, Cow::Owned(format!("late.{}", context.contents.host())))
        }
        _ => (&compiled.content, message.accepted_at, Cow::Borrowed(context.contents.host())),
    };
    let fill = Fill {
        id: queued.id,
        to: &queued.address,
        name: recipient.name.as_deref(),
        substitutions: &recipient.substitutions,
        message_substitutions: &compiled.substitutions,
        date,
        host: &host,
        charset: charset(profile),
        unsubscribe,
    };
    content.seal(&fill, &context.stamps.signing(message)).map_err(|e| e.to_string())
}
