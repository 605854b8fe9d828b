//! Our signed addresses inside a returned mail: only who got that mail can quote them. Pure.

use mail_model::{NotificationId, UnixMs};

use crate::addresses::Addresses;

/// Places of a mail that are looked at, so that a mail full of our domain costs no more than a few hundred MACs.
const PLACES_MAX: usize = 200;
/// Longest local part.
const LOCAL_BYTES_MAX: usize = 64;
/// Bytes of a mail that are searched: a report returns header sections, and they come early.
const SEARCHED_BYTES_MAX: usize = 1 << 20;

/// The notification that a mail quotes by a return path (within its window), an unsubscribe address or an unsubscribe
/// link of ours; the first that is genuine.
pub(crate) fn notification(mail: &[u8], addresses: &Addresses, at: UnixMs) -> Option<NotificationId> {
    let mail = mail.get(..SEARCHED_BYTES_MAX).unwrap_or(mail);
    let by_address = addresses.return_paths().and_then(|paths| {
        let links = addresses.unsubscribe_links()?;
        let ends = places(mail, format!("@{}", paths.domain()).as_bytes());
        ends.filter_map(|end| local_before(mail, end))
            .find_map(|local| paths.verify(local, at).or_else(|_| links.verify_local(local)).ok())
    });
    by_address.or_else(|| {
        let (links, base) = (addresses.unsubscribe_links()?, addresses.link_base()?);
        let begins = places(mail, base.as_bytes()).map(|at| at + base.len());
        begins.filter_map(|begin| token_at(mail, begin)).find_map(|token| links.verify(token).ok())
    })
}

/// Where `needle` stands, whatever the case of its letters.
fn places<'m>(mail: &'m [u8], needle: &[u8]) -> impl Iterator<Item = usize> + 'm {
    let needle = needle.to_ascii_lowercase();
    let windows = mail.windows(needle.len().max(1)).enumerate();
    windows.filter(move |(_, window)| window.eq_ignore_ascii_case(&needle)).map(|(at, _)| at).take(PLACES_MAX)
}

fn local_before(mail: &[u8], end: usize) -> Option<&str> {
    let head = mail.get(end.saturating_sub(LOCAL_BYTES_MAX)..end)?;
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'+';
    let begin = head.iter().rposition(|byte| !is_local(byte)).map_or(0, |at| at + 1);
    head.get(begin..).and_then(|local| std::str::from_utf8(local).ok()).filter(|local| !local.is_empty())
}

fn token_at(mail: &[u8], begin: usize) -> Option<&str> {
    let tail = mail.get(begin..mail.len().min(begin + LOCAL_BYTES_MAX))?;
    let end = tail.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(tail.len());
    tail.get(..end).and_then(|token| std::str::from_utf8(token).ok()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use mail_model::MessageId;

    fn id() -> NotificationId {
        NotificationId { message: MessageId(sample::NOW.0 << 20), index: 3 }
    }

    #[test]
    fn a_complaint_names_its_mail_by_whatever_of_ours_it_quotes() {
        let addresses = sample::addresses();
        let path = addresses.return_paths().unwrap().mint(id()).to_string();
        let links = addresses.unsubscribe_links().unwrap();
        let (mailbox, token) = (links.mailbox(id()).to_string(), links.token(id()));
        let link = format!("{}{token}", addresses.link_base().unwrap());
        let table = [
            format!("Return-Path: <{path}>"),
            format!("Original-Mail-From: {}", path.to_ascii_uppercase()),
            format!("List-Unsubscribe: <mailto:{mailbox}?subject=unsubscribe>"),
            format!("List-Unsubscribe: <{link}>"),
            format!("noise b+{}@{}\r\n <{path}>", "a".repeat(37), path.rsplit('@').next().unwrap()),
        ];
        for quoted in table {
            let mail = format!("Feedback-Type: abuse\r\n\r\n{quoted}\r\n");
            assert_eq!(notification(mail.as_bytes(), &addresses, sample::NOW), Some(id()), "{quoted}");
        }
    }

    #[test]
    fn what_anybody_could_have_written_names_nothing() {
        let addresses = sample::addresses();
        let foreign = sample::foreign_addresses();
        let path = foreign.return_paths().unwrap().mint(id()).to_string();
        let token = foreign.unsubscribe_links().unwrap().token(id());
        let table = [
            format!("Message-ID: <{}@mail.example.jp>", id()),
            format!("Return-Path: <{path}>"),
            format!("<{}{token}>", addresses.link_base().unwrap()),
            String::new(),
            "@bounce.example.jp".repeat(10_000),
        ];
        for quoted in table {
            assert_eq!(notification(quoted.as_bytes(), &addresses, sample::NOW), None, "{quoted:.80}");
        }
    }
}
