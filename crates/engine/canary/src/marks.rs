//! Which notification a text from a mail names: its Message-ID, its return path, its unsubscribe token.

use std::time::Duration;

use engine_config::{EdgesConfig, Secret};
use mail_model::{NotificationId, UnixMs};
use return_links::{Keys, KeysError, ReturnPaths, UnsubscribeLinks};

/// Reads what every mail of ours carries of itself.
#[derive(Debug)]
pub(crate) struct Marks(Option<(ReturnPaths, UnsubscribeLinks)>);

impl Marks {
    /// Those of a configuration; without `[returns]` mails carry nothing but their Message-ID.
    pub(crate) fn new(edges: &EdgesConfig) -> Result<Self, KeysError> {
        let Some(returns) = &edges.returns else { return Ok(Self(None)) };
        let keys = Keys::new(returns.key.bytes(), returns.old_keys.iter().map(Secret::bytes))?;
        let window = Duration::from_secs(u64::from(returns.window_days) * 86_400);
        let domain = returns.domain.as_str();
        Ok(Self(Some((ReturnPaths::new(keys.clone(), domain, window)?, UnsubscribeLinks::new(keys, domain)?))))
    }

    /// The notification that `text` names: `<id@host>` or the id alone; a return path or unsubscribe address of ours or
    /// its local part; an unsubscribe token.
    pub(crate) fn notification(&self, text: &str, now: UnixMs) -> Option<NotificationId> {
        let text = text.trim().trim_start_matches('<').trim_end_matches('>');
        let local = text.split('@').next().unwrap_or_default();
        if let Ok(id) = local.parse() {
            return Some(id);
        }
        let (paths, links) = self.0.as_ref()?;
        let signed = paths.verify(local, now).or_else(|_| links.verify_local(local)).or_else(|_| links.verify(local));
        signed.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::MessageId;

    const NOW: UnixMs = UnixMs(1_788_220_800_000);

    #[test]
    fn a_mail_is_named_by_whatever_of_ours_it_carries() {
        let keys = Keys::new(&[7; 32], []).unwrap();
        let paths = ReturnPaths::new(keys.clone(), "bounce.example.jp", Duration::from_secs(86_400)).unwrap();
        let links = UnsubscribeLinks::new(keys, "bounce.example.jp").unwrap();
        let id = NotificationId { message: MessageId(NOW.0 << 20), index: 3 };
        let (path, mailbox, token) = (paths.mint(id).to_string(), links.mailbox(id).to_string(), links.token(id));
        let marks = Marks(Some((paths, links)));
        let good = [
            format!("<{id}@mail.example.jp>"),
            format!(" {id} "),
            path.to_ascii_uppercase(),
            path.split('@').next().unwrap().to_owned(),
            mailbox,
            token.clone(),
        ];
        for text in &good {
            assert_eq!(marks.notification(text, NOW), Some(id), "{text}");
        }
        for text in ["", "<>", "b+abc@bounce.example.jp", "<CA+123@mail.gmail.com>", &token[1..]] {
            assert_eq!(marks.notification(text, NOW), None, "{text}");
        }
        assert_eq!(Marks(None).notification(&token, NOW), None);
        assert_eq!(Marks(None).notification(&id.to_string(), NOW), Some(id));
    }
}
