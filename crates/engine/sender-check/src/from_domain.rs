//! The domain that recipients see: does it exist, and can mail be answered?

use crate::finding::{Check, DnsRecord, Finding, Level, words};
use crate::names::{Answer, Names};
use crate::objection::{DOCOMO, Matter, objections};
use crate::sender::Sender;

pub(crate) async fn check(names: &impl Names, sender: &Sender) -> Vec<Finding> {
    let domain = sender.domain.as_str();
    let place = (Check::FromDomain, domain);
    let is_suffix = psl::suffix_str(domain) == Some(domain);
    if is_suffix {
        let found = words!(
            "{domain} は誰もが下に名前を取れる公共の末尾で、差出人のドメインになりません。",
            "{domain} is a public suffix below which anybody may have a name. It cannot be a sender's domain.",
        );
        let finding = Finding::new("from/public-suffix", place, Level::Error, "publicsuffix.org", found);
        return vec![finding.remedy(words!("自分のドメインを使ってください。", "Use a domain of your own."))];
    }
    vec![of_domain(names, domain).await]
}

async fn of_domain(names: &impl Names, domain: &str) -> Finding {
    let place = (Check::FromDomain, domain);
    match names.mx(domain).await {
        Answer::Failed => Finding::unanswered("from/unanswered", place, domain, "MX"),
        Answer::Found(hosts) if hosts.iter().all(|host| host.host.is_empty()) => {
            let found = words!(
                "{domain} は「メールを受け取らない」と宣言しています（空の MX）。返信できない差出人を断る受信側があります。",
                "{domain} declares that it takes no mail (null MX). Receivers may refuse a sender who cannot be answered.",
            );
            Finding::new("from/null-mx", place, Level::Error, "RFC 7505 4.3", found)
                .remedy(words!(
                    "メールを受け取るサーバーを MX に書いてください（mx.{domain} をその名前に替えて）。",
                    "Name the host that takes mail in MX (in place of mx.{domain}).",
                ))
                .publish(DnsRecord::of("MX", domain, format!("10 mx.{domain}.")))
        }
        Answer::Found(hosts) => {
            let mut addressed = false;
            for host in hosts.iter().filter(|host| !host.host.is_empty()) {
                addressed |= matches!(names.addresses(&host.host).await, Answer::Found(_) | Answer::Failed);
            }
            let list = hosts.iter().map(|host| host.host.as_str()).collect::<Vec<_>>().join(", ");
            if addressed {
                let found =
                    words!("{domain} は返信を受け取れます（MX: {list}）。", "{domain} takes answers (MX: {list}).");
                return Finding::new("from/mx", place, Level::Ok, DOCOMO, found);
            }
            let found = words!(
                "{domain} の MX が指す {list} にアドレスがなく、返信が届きません。",
                "{list}, to which MX of {domain} points, has no address: answers go nowhere.",
            );
            Finding::new("from/mx-without-address", place, Level::Error, "RFC 5321 5.1", found)
                .objected(objections(&[Matter::FromDomain]))
                .remedy(words!("その名前に A レコードを公開してください。", "Publish an A record for that name."))
        }
        Answer::Nothing | Answer::NoName => without_mx(names, domain).await,
    }
}

async fn without_mx(names: &impl Names, domain: &str) -> Finding {
    let place = (Check::FromDomain, domain);
    let mx = DnsRecord::of("MX", domain, format!("10 mx.{domain}."));
    let answer = names.addresses(domain).await;
    let exists = match answer {
        Answer::Failed => return Finding::unanswered("from/unanswered", place, domain, "A"),
        Answer::Found(_) => {
            let found = words!(
                "{domain} に MX はなく、アドレスがあります。受け取られますが、MX を書く方が確かです。",
                "{domain} has no MX but an address. That is taken; an MX is safer.",
            );
            let finding = Finding::new("from/address-only", place, Level::Note, DOCOMO, found);
            return finding.remedy(words!("MX を公開してください。", "Publish an MX.")).publish(mx);
        }
        Answer::Nothing => true,
        Answer::NoName => false,
    };
    let found = if exists {
        words!(
            "{domain} に MX も A もありません。docomo はこの差出人のメールを届けないことがあります。",
            "{domain} has neither MX nor A. docomo may not deliver mail of such a sender.",
        )
    } else {
        words!("{domain} というドメインは DNS にありません。", "There is no domain {domain} in DNS.")
    };
    let id = if exists { "from/no-mail-host" } else { "from/no-domain" };
    Finding::new(id, place, Level::Error, DOCOMO, found)
        .objected(objections(&[Matter::FromDomain, Matter::EnvelopeDomain]))
        .remedy(words!(
            "綴りを確かめ、返信を受け取るサーバーを MX に書いてください（mx.{domain} をその名前に替えて）。",
            "Check the spelling, and name the host that takes answers in MX (in place of mx.{domain}).",
        ))
        .publish(mx)
}
