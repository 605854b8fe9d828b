//! Addresses, ids, names, stages: what is read and written again is the same.

use mail_model::{CampaignName, EmailAddress, EnhancedStatus, MessageId, NotificationId, Stage};

/// One text, read as everything that a text can be.
pub fn addresses(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(address) = text.parse::<EmailAddress>() {
        safe(&address);
        let again: EmailAddress = address.to_string().parse().expect("an address that was written can be read");
        assert_eq!(again, address);
        let json = serde_json::to_string(&address).expect("an address can be written as JSON");
        assert_eq!(serde_json::from_str::<EmailAddress>(&json).ok(), Some(address.clone()));
        // Two quotes may make it too long, and quoted strings beyond ASCII are not taken (nobody has one).
        if address.local().is_ascii() && address.local().len() <= 62 {
            let quoted: EmailAddress = address.wire(true).parse().expect("a quoted address is an address");
            assert_eq!(quoted.domain(), address.domain());
        }
        assert_eq!(format!("{address:?}"), format!("EmailAddress(…@{})", address.domain()), "Debug shows the mailbox");
    }
    if let Ok(id) = text.parse::<NotificationId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(id) = text.parse::<MessageId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(name) = CampaignName::new(&text) {
        assert_eq!(name.as_str(), text);
        assert!(name.as_str().is_ascii());
    }
    if let Some(stage) = Stage::parse(&text) {
        assert_eq!(Stage::parse(stage.as_str()), Some(stage));
    }
    if let Some((status, rest)) = EnhancedStatus::read(&text) {
        assert!(text.ends_with(rest));
        let written = status.to_string();
        assert_eq!(EnhancedStatus::read(&written), Some((status, "")));
    }
}

/// What an SMTP command relies on.
fn safe(address: &EmailAddress) {
    let text = address.as_str();
    let dangerous = |letter: char| letter.is_control() || letter.is_whitespace() || "<>".contains(letter);
    assert!(!text.contains(dangerous), "{}", text.escape_default());
    assert!(address.local().len() <= 64 && address.domain().len() <= 255 && !address.local().is_empty());
    assert_eq!(text.len(), address.local().len() + 1 + address.domain().len());
    assert_eq!(address.domain(), address.domain().to_ascii_lowercase());
}
