//! From a queued notification to bytes that may leave: rendered, signed, and within what the carrier takes.

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

/// Packs one mail, or says why this carrier cannot get it: nothing of such a mail is sent.
pub(crate) fn pack(
    context: &Context,
    profile: &CarrierProfile,
    queued: &Queued,
    compiled: &Compiled,
) -> Result<Packed, Verdict> {
    let rendered = render(context, profile, queued, compiled)
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
) -> Result<Rendered, String> {
    let recipient = StoredRecipient::decode(&queued.payload).map_err(|e| e.to_string())?;
    let message = &compiled.message;
    let leaving = profile.list_unsubscribe.then(|| context.stamps.leaving(message, queued.id)).flatten();
    let unsubscribe = leaving.as_ref().map(|way| Unsubscribe { link: way.link.as_deref(), mailbox: &way.mailbox });
    let fill = Fill {
        id: queued.id,
        to: &queued.address,
        name: recipient.name.as_deref(),
        substitutions: &recipient.substitutions,
        message_substitutions: &compiled.substitutions,
        date: message.accepted_at,
        host: context.contents.host(),
        charset: charset(profile),
        unsubscribe,
    };
    compiled.content.seal(&fill, &context.stamps.signing(message)).map_err(|e| e.to_string())
}
