//! Where bounces and registration mails arrive: the domain's MX must be this engine, or nothing is ever heard.

use std::net::IpAddr;

use crate::finding::{Check, DnsRecord, Finding, Level, Words, words};
use crate::names::{Answer, MailHost, Names};
use crate::objection::{Matter, SOFTBANK_REPLIES, objections};
use crate::sender::{Sender, Setup};

pub(crate) async fn check(names: &impl Names, sender: &Sender) -> Vec<Finding> {
    let Some(setup) = &sender.setup else { return Vec::new() };
    let mut findings = Vec::new();
    match &setup.returns {
        None => findings.push(no_returns(&sender.domain)),
        Some(domain) => {
            findings.extend(of_domain(names, setup, Check::Returns, domain).await);
        }
    }
    if let Some(domain) = &setup.registration {
        findings.extend(of_domain(names, setup, Check::Registration, domain).await);
    }
    findings
}

fn no_returns(domain: &str) -> Finding {
    let found = words!(
        "[returns] がないため、後から届くエラーメールは聞けず、死んだ宛先に送り続けます。",
        "There is no [returns]: late bounces are not heard, and dead addresses keep getting mail.",
    );
    Finding::new("returns/none", (Check::Returns, domain), Level::Warning, "RFC 5321 3.6.3", found).remedy(words!(
        "[returns] domain に、{domain} の下の名前（例 b.{domain}）を書いてください。",
        "Set [returns] domain to a name below {domain}, such as b.{domain}.",
    ))
}

/// What is lost when mail for the domain goes elsewhere.
fn loss(check: Check) -> Words {
    match check {
        Check::Registration => words!("登録メールが届きません。", "Registration mails do not arrive."),
        _ => words!("エラーメールが聞けません。", "Bounces are never heard."),
    }
}

async fn of_domain(names: &impl Names, setup: &Setup, check: Check, domain: &str) -> Vec<Finding> {
    let place = (check, domain);
    let Some(listener) = &setup.listener else {
        let found = words!(
            "{domain} 宛てのメールを受け取る [inbound] listen がありません。",
            "No [inbound] listen takes mail for {domain}.",
        );
        let finding = Finding::new("returns/no-listener", place, Level::Warning, "RFC 5321", found);
        return vec![finding.remedy(words!(
            "[inbound] listen に 25 番ポートのアドレスを書いてください。",
            "Name an address with port 25 in [inbound] listen.",
        ))];
    };
    let host = listener.host.as_str();
    match names.mx(domain).await {
        Answer::Failed => vec![Finding::unanswered("returns/unanswered", place, domain, "MX")],
        Answer::Found(hosts) => with_mx(names, place, host, &hosts).await,
        answer => vec![without_mx(names, place, host, answer == Answer::NoName).await],
    }
}

fn wanted(domain: &str, host: &str) -> DnsRecord {
    DnsRecord::of("MX", domain, format!("10 {host}."))
}

async fn without_mx(names: &impl Names, place: (Check, &str), host: &str, no_name: bool) -> Finding {
    let (check, domain) = place;
    let loss = loss(check);
    let (ja, en) = (loss.ja, loss.en);
    let remedy = words!("次のレコードを公開してください。", "Publish this record.");
    let own = names.addresses(domain).await.records();
    let ours = names.addresses(host).await.records();
    if own.iter().any(|address| ours.contains(address)) {
        let found = words!(
            "{domain} に MX がありません。A レコードで届きますが、MX を書く方が確かです。",
            "{domain} has no MX. Mail arrives by its address; an MX is safer.",
        );
        let finding = Finding::new("returns/address-only", place, Level::Note, "RFC 5321 5.1", found);
        return finding.remedy(remedy).publish(wanted(domain, host));
    }
    let found = words!(
        "{domain} に MX がありません。{ja}SoftBank は戻り先のドメインが DNS にないメールを断ります（553）。",
        "{domain} has no MX. {en} SoftBank refuses mail whose return path's domain is not in DNS (553).",
    );
    let nobody = no_name || own.is_empty();
    let matters: &[Matter] = if nobody && check == Check::Returns { &[Matter::EnvelopeDomain] } else { &[] };
    Finding::new("returns/no-mx", place, Level::Error, SOFTBANK_REPLIES, found)
        .objected(objections(matters))
        .remedy(remedy)
        .publish(wanted(domain, host))
}

async fn with_mx(names: &impl Names, place: (Check, &str), host: &str, hosts: &[MailHost]) -> Vec<Finding> {
    let (check, domain) = place;
    let loss = loss(check);
    let (ja, en) = (loss.ja, loss.en);
    let wrong = |id: &'static str, found: Words| {
        Finding::new(id, place, Level::Error, "RFC 5321 5.1", found)
            .remedy(words!("次のレコードに替えてください。", "Replace it by this record."))
            .publish(wanted(domain, host))
    };
    if hosts.iter().all(|mx| mx.host.is_empty()) {
        let found = words!("{domain} の MX が空です（受け取らない宣言）。{ja}", "{domain} has the null MX. {en}");
        return vec![wrong("returns/null-mx", found)];
    }
    if let Some(number) = hosts.iter().find(|mx| mx.host.parse::<IpAddr>().is_ok()) {
        let number = &number.host;
        let found = words!(
            "{domain} の MX に、名前でなくアドレス {number} が書かれています。{ja}",
            "MX of {domain} names an address, {number}, and not a host. {en}",
        );
        return vec![wrong("returns/mx-is-address", found)];
    }
    let list = hosts.iter().map(|mx| mx.host.as_str()).collect::<Vec<_>>().join(", ");
    let ours = names.addresses(host).await;
    let mut leads_here = hosts.iter().any(|mx| mx.host == host);
    if !leads_here && let Answer::Found(own) = &ours {
        for mx in hosts {
            let theirs = names.addresses(&mx.host).await.records();
            leads_here |= theirs.iter().any(|address| own.contains(address));
        }
    }
    if !leads_here {
        let found = words!(
            "{domain} の MX は {list} で、このエンジン（{host}）ではありません。{ja}",
            "MX of {domain} is {list} and not this engine ({host}). {en}",
        );
        return vec![wrong("returns/mx-elsewhere", found)];
    }
    match ours {
        Answer::Failed => vec![Finding::unanswered("returns/unanswered", place, host, "A/AAAA")],
        Answer::Nothing | Answer::NoName => {
            let found = words!(
                "{domain} の MX が指す {host} にアドレスがありません。{ja}",
                "{host}, to which MX of {domain} points, has no address. {en}",
            );
            let finding = Finding::new("returns/mx-without-address", place, Level::Error, "RFC 5321 5.1", found);
            vec![finding.remedy(words!(
                "{host} に A レコードを公開してください。値は [inbound] listen の、外から見えるアドレスです。",
                "Publish an A record for {host}: the address of [inbound] listen as seen from outside.",
            ))]
        }
        Answer::Found(_) => {
            let found = words!(
                "{domain} 宛てのメールはこのエンジン（{host}）に届きます。",
                "Mail for {domain} comes to this engine ({host})."
            );
            vec![Finding::new("returns/mx", place, Level::Ok, "RFC 5321 5.1", found)]
        }
    }
}
