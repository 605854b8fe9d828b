//! What a guardian's mail server puts into the mailbox is what the school wrote: dots, long lines, files, Japanese in
//! UTF-8 and ISO-2022-JP. Both DKIM signatures still hold, and the return path is one of ours.

use anyhow::{Context, Result};
use dns::mail_authenticator;
use engine_config::EngineConfig;
use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator};
use mail_parser::{MessageParser, MimeHeaders};
use serde_json::{Value, json};
use testkit::base64::base64;
use testkit::{DkimKey, EngineSettings, InboundSettings};
use todoke_tests::scene::PATIENCE;
use todoke_tests::{Kind, Peer, Scene, notice_for};

use crate::town::{OWN_DOMAIN, carriers, engine, may_run, relay};

const FROM_DOMAIN: &str = "school.todoke.test";
/// Its carrier's profile asks for ISO-2022-JP.
const OLD_DOMAIN: &str = "docomo.ne.jp";
const SUBJECT: &str =
    "【重要】台風第七号の接近に伴う臨時休校と、給食および放課後児童クラブの取り扱いについて（お知らせ）";
const FILE_NAME: &str = "お知らせ 表.pdf";
const RATES: &str = "rate_start_per_min = 6000\nrate_max_per_min = 6000\n";

fn text() -> String {
    let dots = ".\n..\n...\n.隠れた行\n. \nFrom here on\n>From there\n\n.";
    // Longer than a line of SMTP may be, as one word and as Japanese without a space.
    let (word, line) = ("x".repeat(2_500), "明日は臨時休校とします。".repeat(120));
    format!("{{{{ name }}}} 様\n\n{dots}\n{word}\n{line}\n\n終わり\n")
}

/// Every byte there is, in an order in which CR, LF and dots meet.
fn file() -> Vec<u8> {
    (0..=255u8).chain((0..=255).rev()).chain(*b"\r\n.\r\n..\n.\r").collect()
}

fn notice(campaign: &str, address: &str, is_with_file: bool) -> Result<Value> {
    let mut call = notice_for(campaign, [address])?;
    call["content"]["subject"] = SUBJECT.into();
    call["content"]["text_body"] = text().into();
    if is_with_file {
        let data = base64(&file());
        let (kind, is_base64) = ("application/pdf", true);
        call["content"]["attachments"] =
            json!([{ "data": data, "content_type": kind, "file_name": FILE_NAME, "base64": is_base64 }]);
    }
    Ok(call)
}

async fn open(kind: Kind, users: &[String]) -> Result<(Scene, Peer, InboundSettings)> {
    let world = carriers([]).await?;
    let mut plan = relay(&world).mailboxes(users);
    plan.routes.clear();
    let peer = Peer::start(kind, &plan).await?;
    let keys = [DkimKey::rsa(FROM_DOMAIN, "r1")?, DkimKey::ed25519(FROM_DOMAIN, "e1")?];
    for key in &keys {
        world.dns().add(key.record());
    }
    let inbound = InboundSettings::new()?;
    let adjust = |settings: &mut EngineSettings| {
        settings.dkim_keys = keys.to_vec();
        settings.overrides_profiles = false;
        settings.extra += &format!("[defaults]\n{RATES}[carriers.docomo]\ncharset = \"iso-2022-jp\"\n{RATES}");
    };
    let scene = engine(world, &inbound, peer.address(), adjust).await?;
    Ok((scene, peer, inbound))
}

/// A mail as it was sent: mailboxes keep lines with LF alone, and the header fields that the receiver put on top.
fn as_sent(kept: &[u8]) -> Vec<u8> {
    let mut mail = Vec::with_capacity(kept.len());
    for line in kept.split_inclusive(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        mail.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        mail.extend_from_slice(b"\r\n");
    }
    mail
}

/// Exim writes it with a small p.
fn is_return_path((name, _): &(&str, &str)) -> bool {
    name.eq_ignore_ascii_case("return-path")
}

async fn both_signatures_hold(scene: &Scene, mail: &[u8]) -> Result<()> {
    let config = EngineConfig::load(&scene.engine.config_path()).map_err(|faults| anyhow::anyhow!("{faults}"))?;
    let (servers, options) = mail_authenticator(&config.dns)?;
    let authenticator = MessageAuthenticator::new(servers, options)?;
    let message = AuthenticatedMessage::parse(mail).context("a mail")?;
    let verdicts = authenticator.verify_dkim(&message).await;
    let results: Vec<&DkimResult> = verdicts.iter().map(|verdict| verdict.result()).collect();
    assert_eq!(results, [&DkimResult::Pass, &DkimResult::Pass], "{}", String::from_utf8_lossy(mail));
    Ok(())
}

async fn mail_survives_the_trip(kind: Kind) -> Result<()> {
    if !may_run() {
        return Ok(());
    }
    let users = [format!("hana@{OWN_DOMAIN}"), format!("taro@{OWN_DOMAIN}"), format!("yuki@{OLD_DOMAIN}")];
    let (mut scene, peer, inbound) = open(kind, &users).await?;
    for (campaign, user, is_with_file) in [("plain", 0, false), ("file", 1, true), ("old", 2, true)] {
        scene.send(&notice(campaign, &users[user], is_with_file)?).await?;
        let progress = scene.finished(campaign).await?;
        assert_eq!(progress["accepted"], 1, "{kind:?}: {progress}\n{}", peer.log());
    }
    peer.until_mails(users.len(), PATIENCE).await?;
    let wanted = text().replace("{{ name }}", "山田 花子");
    for (place, user) in users.iter().enumerate() {
        let mails = peer.mails(user)?;
        assert_eq!(mails.len(), 1, "{kind:?}: {user}");
        let mail = as_sent(&mails[0]);
        let head = String::from_utf8_lossy(&mail).into_owned();
        let read = MessageParser::new().parse(&mail).context("a mail")?;
        assert_eq!(read.subject(), Some(SUBJECT), "{kind:?}: {head}");
        let body = read.body_text(0).context("a text")?.replace("\r\n", "\n");
        assert_eq!(body.trim_end(), wanted.trim_end(), "{kind:?}: {user}");
        let is_old = user.ends_with(OLD_DOMAIN);
        assert_eq!(head.to_ascii_lowercase().contains("charset=iso-2022-jp"), is_old, "{kind:?}: {head}");
        if place > 0 {
            let file_part = read.attachment(0).context("a file")?;
            assert_eq!(file_part.contents(), file(), "{kind:?}: {user}");
            assert_eq!(file_part.attachment_name(), Some(FILE_NAME));
        }
        let return_path =
            head.lines().find_map(|line| line.split_once(": ").filter(is_return_path)).unwrap_or_default().1;
        let is_ours = return_path.starts_with("<b+") && return_path.ends_with(&format!("@{}>", inbound.returns_domain));
        assert!(is_ours, "{kind:?}: {return_path}");
        both_signatures_hold(&scene, &mail).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_survives_the_trip_to_postfix() -> Result<()> {
    mail_survives_the_trip(Kind::Postfix).await
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_survives_the_trip_to_opensmtpd() -> Result<()> {
    mail_survives_the_trip(Kind::OpenSmtpd).await
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_survives_the_trip_to_exim() -> Result<()> {
    mail_survives_the_trip(Kind::Exim).await
}
