//! A mail that arrived: whose it is, what it is, whether it may be answered.

use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;
use std::time::Duration;

use engine_config::EngineConfig;
use inbound::Addresses;
use mail_model::{EmailAddress, MessageId, NotificationId, UnixMs};

use crate::cuts::seed_of;

/// When the mails arrive.
const NOW: UnixMs = UnixMs(1_795_392_000_000);

const CONFIGURATION: &str = r#"
[engine]
node_name = "in.todoke.example"
[returns]
domain = "b.todoke.example"
key_file = "key"
[inbound]
listen = ["127.0.0.1:25"]
[unsubscribe]
url = "https://renraku.example.jp/u/"
[registration]
domain = "t.todoke.example"
reply_from = "school@example.jp"
[[registration_schools]]
number = 7
name = "さくら"
generation = 3
accept_previous = true
"#;

static ADDRESSES: OnceLock<Addresses> = OnceLock::new();

/// Made once: a key must lie in a file that only its owner reads.
fn addresses() -> &'static Addresses {
    ADDRESSES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let key = folder.path().join("key");
        std::fs::write(&key, [7; 32]).expect("the key can be written");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o400)).expect("the key can be protected");
        let origin = folder.path().join("todoke.toml").display().to_string();
        let config = EngineConfig::from_toml(CONFIGURATION, &origin).expect("the configuration has no fault");
        Addresses::new(&config.edges).expect("the key is long enough")
    })
}

/// The first line is the recipient, the second the sender, the rest the mail. `PATH`, `STOP` and `SCHOOL` stand for
/// addresses that are genuine.
pub fn run(data: &[u8]) {
    let addresses = addresses();
    let id = NotificationId { message: MessageId((NOW.0 - 3_600_000) << 20 | (seed_of(data) & 0xfff)), index: 3 };
    let path = addresses.return_paths().expect("there are return paths").mint(id);
    let stop = addresses.unsubscribe_links().expect("there are links").mailbox(id);
    let school = addresses.registration_addresses().expect("there are schools").mint(7, 3);
    let text = String::from_utf8_lossy(data);
    let text = text.replace("PATH", path.as_str()).replace("STOP", stop.as_str()).replace("SCHOOL", school.as_str());
    let mut lines = text.splitn(3, '\n');
    let (to, from, mail) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default(), lines.next());
    let Ok(to) = to.trim().parse::<EmailAddress>() else { return };
    let from = from.trim().parse::<EmailAddress>().ok();
    let mail = mail.unwrap_or_default().as_bytes();
    let judged = inbound::fuzzing::judged(mail, from.as_ref(), &to, addresses, NOW);
    assert_eq!(judged, inbound::fuzzing::judged(mail, from.as_ref(), &to, addresses, NOW));
    // What is not ours is no matter, and after its window a return path is not ours.
    let later = NOW + Duration::from_secs(400 * 86_400);
    if to == path {
        assert!(judged.starts_with("Some"), "{judged}");
        assert!(addresses.whose(&to, later).is_none(), "an old return path is taken");
    }
    if !["b.todoke.example", "t.todoke.example", "in.todoke.example"].contains(&to.domain()) {
        assert!(judged.starts_with("None"), "mail for others is taken: {judged}");
    }
    assert!(from.is_some() || judged.contains("null_sender"), "a report would be answered: {judged}");
}
