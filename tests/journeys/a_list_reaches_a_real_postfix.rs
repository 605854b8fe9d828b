//! The main job on a user's own files: a Shift_JIS list and text, `todoke serve`, `todoke send`, and Debian's Postfix.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use mail_model::Cause;
use testkit::EngineClient;
use todoke_tests::mail::Mail;
use todoke_tests::program::{Ran, run, todoke};
use todoke_tests::returns::NO_NAME_SERVER;
use todoke_tests::{Kind, Peer, PeerPlan, bounces, enclosure, scene::PATIENCE};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

const LOOK: Duration = Duration::from_millis(20);
const DOMAINS: [&str; 2] = ["sakura.example.jp", "docomo.ne.jp"];
const RECIPIENTS: usize = 60;
/// Every twelfth is not known to the receiver.
const UNKNOWN_ONE_IN: usize = 12;
/// The line of the row without a usable address; the header is line 1.
const BAD_LINE: usize = 31;
const TEXT: &str = "{{ 氏名 }} 様\n\n{{ クラス }}は明日休校です。\n.\n問い合わせは学校まで。\n";

/// One recipient of the list.
struct Parent {
    email: String,
    name: String,
    class: String,
    is_known: bool,
}

/// Two of them have addresses that RFC 5321 forbids and docomo gave out.
fn parents() -> Vec<Parent> {
    let parent = |n: usize| Parent {
        email: match n {
            0 => "a..b@sakura.example.jp".to_owned(),
            1 => "a..b@docomo.ne.jp".to_owned(),
            _ => format!("parent{n}@{}", DOMAINS[n % 2]),
        },
        name: format!("佐藤 {n}子"),
        class: format!("{}年{}組", 1 + n % 6, 1 + n % 4),
        is_known: n % UNKNOWN_ONE_IN != UNKNOWN_ONE_IN - 1,
    };
    (0..RECIPIENTS).map(parent).collect()
}

fn shift_jis(text: &str) -> Vec<u8> {
    encoding_rs::SHIFT_JIS.encode(text).0.into_owned()
}

/// The user's folder: list, text, configuration.
struct Desk {
    folder: tempfile::TempDir,
    engine: String,
}

impl Desk {
    fn set(parents: &[Parent], receiver: std::net::SocketAddr) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut lines: Vec<String> = vec!["メールアドレス,氏名,クラス".to_owned()];
        lines.extend(parents.iter().map(|p| format!("{},{},{}", p.email, p.name, p.class)));
        lines.insert(BAD_LINE - 1, "parent(at)sakura.example.jp,鈴木 太郎,1年1組".to_owned());
        std::fs::write(folder.path().join("list.csv"), shift_jis(&(lines.join("\r\n") + "\r\n")))?;
        std::fs::write(folder.path().join("notice.txt"), shift_jis(TEXT))?;
        let http = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = format!(
            "[engine]\nnode_name = \"mail.school.example\"\ndata_dir = \"data\"\n[http]\nlisten = \"{http}\"\n\
             [[routes]]\ndomain = \"*\"\nto = \"{receiver}\"\n\
             [defaults]\nrate_start_per_min = 6000\nrate_max_per_min = 6000\n\
             [carriers.docomo]\nrate_start_per_min = 6000\nrate_max_per_min = 6000\n"
        );
        std::fs::write(folder.path().join("todoke.toml"), config)?;
        Ok(Self { folder, engine: format!("http://{http}") })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn serve(&self) -> Result<Child> {
        let log = std::fs::File::create(self.at("engine.log"))?;
        let mut child = Command::new(todoke()?)
            .args([Path::new("serve"), Path::new("--config"), &self.at("todoke.toml")])
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let client = EngineClient::new(&self.engine);
        let look = async {
            while !client.is_live().await && child.try_wait()?.is_none() {
                sleep(LOOK).await;
            }
            anyhow::Ok(child.try_wait()?.is_none())
        };
        let lives = matches!(timeout(PATIENCE, look).await, Ok(Ok(true)));
        ensure!(lives, "no engine:\n{}", std::fs::read_to_string(self.at("engine.log"))?);
        Ok(child)
    }

    async fn send(&self, more: &[&str]) -> Result<Ran> {
        let (list, body, bounces) = (self.at("list.csv"), self.at("notice.txt"), self.at("bounces.csv"));
        let mut arguments: Vec<&std::ffi::OsStr> = vec!["send".as_ref(), "--to".as_ref(), list.as_ref()];
        arguments.extend(["--from", "さくら小学校 <notice@school.example>"].map(std::ffi::OsStr::new));
        arguments
            .extend(["--subject", "{{ クラス }} 休校のお知らせ", "--campaign", "closed"].map(std::ffi::OsStr::new));
        arguments.extend(["--body".as_ref(), body.as_os_str(), "--bounces".as_ref(), bounces.as_os_str()]);
        arguments.extend(["--engine", &self.engine].map(std::ffi::OsStr::new));
        arguments.extend(more.iter().map(std::ffi::OsStr::new));
        run(arguments).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_reaches_a_real_postfix() -> Result<()> {
    if let Some(why) = enclosure::obstacle() {
        eprintln!("{why}");
        return Ok(());
    }
    let parents = parents();
    let known: Vec<&str> = parents.iter().filter(|p| p.is_known).map(|p| p.email.as_str()).collect();
    let plan = PeerPlan::new("mx.receiver.example", NO_NAME_SERVER).mailboxes(&known);
    let postfix = Peer::start(Kind::Postfix, &plan).await?;
    let desk = Desk::set(&parents, postfix.address())?;
    let _engine = desk.serve().await?;

    let refused = desk.send(&[]).await?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains(&format!("line {BAD_LINE}:")), "{}", refused.err);
    assert!(refused.err.contains("nothing was sent") && refused.err.contains("--skip-bad"), "{}", refused.err);
    assert!(!refused.err.contains("(at)"), "the bad text itself is not repeated: {}", refused.err);
    assert!(EngineClient::new(&desk.engine).campaign("closed").await.is_err(), "the engine knows of no such campaign");
    assert!(postfix.mailboxes()?.is_empty());

    let sent = desk.send(&["--skip-bad"]).await?;
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert!(sent.err.contains(&format!("{RECIPIENTS} good rows, 1 bad rows (Shift_JIS)")), "{}", sent.err);
    let accepted = format!("accepted by the carriers {:>8} of {RECIPIENTS}", known.len());
    assert!(sent.out.contains(&accepted), "{}", sent.out);

    // Postfix puts a mail into its mailbox after its 250.
    postfix.until_mails(known.len(), PATIENCE).await?;
    every_mailbox_has_its_own_mail_once(&postfix, &parents)?;
    every_unknown_parent_is_named(&desk.at("bounces.csv"), &parents)
}

fn every_mailbox_has_its_own_mail_once(postfix: &Peer, parents: &[Parent]) -> Result<()> {
    for parent in parents.iter().filter(|p| p.is_known) {
        let mails = postfix.mails(&parent.email)?;
        assert_eq!(mails.len(), 1, "mails for {}", parent.email);
        let mail = Mail::read(&mails[0])?;
        let to = mail.field("to")?;
        let bare = to.replace('"', "");
        assert!(bare.contains(&parent.name) && bare.contains(&format!("<{}>", parent.email)), "{to}");
        assert!(mail.field("from")?.contains("さくら小学校"), "{:?}", mail.raw("from"));
        assert_eq!(mail.field("subject")?, format!("{} 休校のお知らせ", parent.class));
        let text = TEXT.replace("{{ 氏名 }}", &parent.name).replace("{{ クラス }}", &parent.class);
        assert_eq!(mail.text.trim_end(), text.trim_end());
        assert_eq!(mail.field("return-path")?.trim(), "<notice@school.example>");
    }
    Ok(())
}

fn every_unknown_parent_is_named(report: &Path, parents: &[Parent]) -> Result<()> {
    let bounces = bounces::read(&std::fs::read_to_string(report)?)?;
    let mut named: Vec<&str> = bounces.iter().map(bounces::Bounce::address).collect();
    let mut unknown: Vec<&str> = parents.iter().filter(|p| !p.is_known).map(|p| p.email.as_str()).collect();
    named.sort_unstable();
    unknown.sort_unstable();
    assert_eq!(named, unknown);
    for bounce in &bounces {
        assert_eq!(bounce.cause(), "address_unknown");
        assert_eq!(bounce.cell("原因"), Cause::AddressUnknown.label_ja());
        assert_eq!(bounce.cell("対処"), Cause::AddressUnknown.advice_ja());
        assert_eq!((bounce.cell("応答コード"), bounce.cell("コマンド"), bounce.cell("試行回数")), ("550", "RCPT", "1"));
        let words = bounce.cell("相手の応答");
        assert!(words.contains("5.1.1") && words.contains("User unknown in virtual mailbox table"), "{words}");
    }
    Ok(())
}
