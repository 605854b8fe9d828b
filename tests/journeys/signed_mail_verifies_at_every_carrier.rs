//! Keys made by the program sign what it sends: RSA and Ed25519 verify, each mail has a return path that leads back to
//! it, and a mail that is sent again has the same bytes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mail_model::{NotificationId, Outcome, UnixMs};
use return_links::{Keys, ReturnPaths, UnsubscribeLinks};
use tempfile::TempDir;
use testkit::{Action, CarrierPlan, Fault, KeptMail, Moment, WorldPlan};
use todoke_tests::dkim::Records;
use todoke_tests::mail::Mail;
use todoke_tests::program::run;
use todoke_tests::{Scene, notice_for};

const FROM: &str = "school.todoke.test";
const RETURNS: &str = "b.school.todoke.test";

/// What an operator makes before the first signed mail.
struct Office {
    folder: TempDir,
    records: Records,
    /// Lines of the configuration.
    settings: String,
}

impl Office {
    async fn open() -> Result<Self> {
        let mut office = Self { folder: tempfile::tempdir()?, records: Records::default(), settings: String::new() };
        for (algorithm, selector) in [("rsa", "t2026a"), ("ed25519", "t2026e")] {
            let file = office.file(&format!("{selector}.pem"));
            let words = ["dkim", "new", "--domain", FROM, "--algorithm", algorithm, "--selector", selector, "--out"];
            let made = run(words.map(Path::new).into_iter().chain([file.as_path()])).await?;
            ensure!(made.code == Some(0), "{made:?}");
            ensure!(fs::metadata(&file)?.permissions().mode() & 0o777 == 0o400, "others can read the key");
            let line = made.out.lines().find(|line| line.contains(" IN TXT ")).context("a line for the zone")?;
            office.records.publish(line)?;
            let lines = made.out.split_once("\n[[dkim_keys]]").context("lines for the configuration")?.1;
            office.settings.push_str(&format!("[[dkim_keys]]{lines}\n"));

            let key = fs::read(&file)?;
            let again = run(words.map(Path::new).into_iter().chain([file.as_path()])).await?;
            ensure!(again.code == Some(1) && again.err.contains("never written over"), "{again:?}");
            ensure!(fs::read(&file)? == key, "a key was written over");
            let words = ["dkim", "record", "--domain", FROM, "--selector", selector, "--key"];
            let shown = run(words.map(Path::new).into_iter().chain([file.as_path()])).await?;
            ensure!(shown.out.contains(line), "{shown:?}");
        }
        let key = office.file("returns.key");
        let made = run([Path::new("keys"), Path::new("new"), &key]).await?;
        ensure!(made.code == Some(0), "{made:?}");
        office.settings.push_str(&format!("[returns]\ndomain = \"{RETURNS}\"\nkey_file = {key:?}\n"));
        office.settings.push_str("[unsubscribe]\nurl = \"https://renraku.school.example/u/\"\n");
        Ok(office)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn keys(&self) -> Result<Keys> {
        let key = fs::read(self.file("returns.key"))?;
        ensure!(key.len() == 65 && key[..64].iter().all(u8::is_ascii_hexdigit), "64 hex digits and a line end");
        Ok(Keys::new(&key, [])?)
    }

    /// A mail is signed by both keys, and its envelope leads back to the notification that its Message-ID names.
    async fn examine(&self, kept: &KeptMail) -> Result<Mail> {
        let verdicts = self.records.verdicts(&kept.content).await?;
        let expected = [("t2026a".to_owned(), true), ("t2026e".to_owned(), true)];
        ensure!(verdicts == expected, "{verdicts:?}\n{}", String::from_utf8_lossy(&kept.content));
        let mail = Mail::read(&kept.content)?;
        let sender = kept.sender.as_ref().context("a return path")?;
        ensure!(sender.domain() == RETURNS && mail.raw("return-path").is_none());
        let paths = ReturnPaths::new(self.keys()?, RETURNS, Duration::from_secs(86_400))?;
        let id = paths.verify(sender.local(), UnixMs(0))?;
        ensure!(id == id_of(&mail)?, "the return path is another mail's");
        Ok(mail)
    }
}

fn id_of(mail: &Mail) -> Result<NotificationId> {
    let text = mail.raw("message-id").context("a Message-ID")?;
    let id = text.trim_start_matches('<').split('@').next().unwrap_or_default();
    Ok(id.parse()?)
}

async fn open(office: &Office) -> Result<Scene> {
    let carriers = [("docomo", "docomo.ne.jp"), ("google", "gmail.com")];
    let mut plan = WorldPlan::of(carriers.map(|(name, domain)| CarrierPlan::for_tests(name, domain)));
    plan.keep_mails = 100;
    Scene::open(plan, |engine| engine.extra = office.settings.clone()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_mail_verifies_at_every_carrier() -> Result<()> {
    let office = Office::open().await?;
    let mut scene = open(&office).await?;
    // The first mail arrives and its 250 does not: it is sent a second time.
    scene.world.carrier("docomo").set_fault(Fault::new(Moment::DataEnd, Action::Reset).times(1));
    let everybody = ["a..b@docomo.ne.jp", "taro@docomo.ne.jp", "hana@gmail.com", "jiro@gmail.com"];
    scene.send(&notice_for("notice", everybody)?).await?;
    scene.finished("notice").await?;

    let mails = scene.world.mails();
    assert_eq!(mails.len(), everybody.len() + 1, "one came twice");
    for kept in &mails {
        let mail = office.examine(kept).await?;
        let ways = mail.raw("list-unsubscribe").unwrap_or_default();
        if kept.carrier.as_str() == "docomo" {
            assert_eq!(ways, "", "a link may be filtered there");
            continue;
        }
        let links = UnsubscribeLinks::new(office.keys()?, RETURNS)?;
        let (link, mailbox) = ways.split_once(">, <mailto:").context("two ways to leave")?;
        let token = link.strip_prefix("<https://renraku.school.example/u/").context("the link")?;
        assert_eq!(links.verify(token)?, id_of(&mail)?);
        let (local, _) = mailbox.split_once('@').context("a mailbox")?;
        assert_eq!(links.verify_local(local)?, id_of(&mail)?);
        assert_eq!(mail.raw("list-unsubscribe-post"), Some("List-Unsubscribe=One-Click"));
    }
    let twice: Vec<&KeptMail> = mails
        .iter()
        .filter(|one| mails.iter().filter(|other| other.recipients == one.recipients).count() == 2)
        .collect();
    assert_eq!(twice.len(), 2);
    assert_eq!((&twice[0].content, &twice[0].sender), (&twice[1].content, &twice[1].sender), "a retry has other bytes");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_is_signed_once_for_all() -> Result<()> {
    let office = Office::open().await?;
    let mut scene = open(&office).await?;
    let mut call = notice_for("alarm", (0..20).map(|n| format!("p{n}@docomo.ne.jp")))?;
    call["class"] = "emergency".into();
    call["content"]["text_body"] = "全員ただちに帰宅してください。\n".into();
    scene.send(&call).await?;
    scene.finished("alarm").await?;
    let mut signatures = std::collections::BTreeSet::new();
    for kept in scene.world.mails() {
        let mail = office.examine(&kept).await?;
        let signature = mail.raw("dkim-signature").context("a signature")?;
        assert!(!signature.contains(":To:") && !signature.contains("Message-ID"), "{signature}");
        signatures.insert(signature.to_owned());
    }
    assert_eq!(signatures.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_a_carrier_cannot_get_is_not_begun() -> Result<()> {
    let office = Office::open().await?;
    let mut scene = open(&office).await?;
    let mut call = notice_for("headers", ["taro@docomo.ne.jp", "太郎@docomo.ne.jp", "hana@gmail.com"])?;
    for n in 0..3 {
        call["content"]["headers"][format!("X-Long-{n}")] = "x ".repeat(3_000).into();
    }
    call["content"]["from"]["email"] = "notice@elsewhere.todoke.test".into();
    scene.send(&call).await?;
    scene.finished("headers").await?;
    assert_eq!(scene.counted("todoke_mails_unsigned_total", "").await?, 0, "what is not sent is not missed");

    // A From without a key: sent, unsigned, counted. The address needs an extension that the carrier does not announce.
    let mut call = notice_for("other", ["taro@docomo.ne.jp", "太郎@docomo.ne.jp", "hana@gmail.com"])?;
    call["content"]["from"]["email"] = "notice@elsewhere.todoke.test".into();
    scene.send(&call).await?;
    scene.finished("other").await?;
    assert_eq!(scene.counted("todoke_mails_unsigned_total", "docomo").await?, 2);
    for kept in scene.world.mails() {
        assert_eq!(office.records.verdicts(&kept.content).await?, []);
    }

    let books = scene.close().await?;
    let outcome_and_rule = |address: &str| -> Vec<(Outcome, String)> {
        books.attempts(address).map(|record| (record.outcome, record.rule.clone())).collect()
    };
    let too_large = (Outcome::Failed(mail_model::Cause::MessageTooLarge), "profile/header-bytes-max".to_owned());
    let accepted = (Outcome::Accepted, "accepted".to_owned());
    assert_eq!(outcome_and_rule("taro@docomo.ne.jp"), [too_large.clone(), accepted.clone()]);
    assert_eq!(outcome_and_rule("hana@gmail.com"), [too_large.clone(), accepted]);
    let not_announced = (Outcome::Failed(mail_model::Cause::AddressUnknown), "smtputf8/not-announced".to_owned());
    assert_eq!(outcome_and_rule("太郎@docomo.ne.jp"), [too_large, not_announced]);
    Ok(())
}
