//! What is made of a received mail, as a fuzz target reaches it.

use bounce::read_report;
use mail_model::{EmailAddress, UnixMs};

use crate::addresses::Addresses;
use crate::automatic;
use crate::header::Header;
use crate::quoted;
use crate::recognise::recognise;

/// What a mail to `recipient` is, why it must not be answered, and which notification it quotes, in words.
pub fn judged(
    mail: &[u8],
    sender: Option<&EmailAddress>,
    recipient: &EmailAddress,
    addresses: &Addresses,
    at: UnixMs,
) -> String {
    let content = read_report(mail).kind;
    let matter = addresses.whose(recipient, at).map(|whose| recognise(whose, content).as_str());
    let silence = automatic::reason(sender, mail, content, |address| addresses.is_ours(address));
    let quoted = quoted::notification(mail, addresses, at);
    let subject = Header::read(mail).value("subject").map(|value| value.len());
    format!("{matter:?} {silence:?} {quoted:?} {subject:?}")
}
