//! The addresses mail leaves from: their names, whether those lead back, and what the sources call themselves.

use std::net::IpAddr;

use futures_util::future::join_all;

use crate::finding::{Check, DnsRecord, Finding, Level, words};
use crate::names::{Answer, Names};
use crate::objection::{GMAIL, Matter, objections};
use crate::sender::{Sender, Source, is_seen_outside};

pub(crate) async fn check(names: &impl Names, sender: &Sender) -> Vec<Finding> {
    if sender.sources.is_empty() {
        let found = words!(
            "送信元アドレスが分からないため、逆引きを確かめていません。",
            "No source address is known, so no reverse name was looked at.",
        );
        let finding =
            Finding::new("source/not-asked", (Check::Sources, &sender.domain), Level::Note, "RFC 5321", found);
        return vec![
            finding.remedy(words!("--source アドレス を付けて実行してください。", "Run this with --source ADDRESS.",)),
        ];
    }
    join_all(sender.sources.iter().map(|source| of_source(names, source))).await.concat()
}

async fn of_source(names: &impl Names, source: &Source) -> Vec<Finding> {
    let Some(address) = source.address else {
        let subject = source.ehlo_name.clone().unwrap_or_default();
        let found = words!(
            "この送信元はアドレスが決まっておらず（システム任せ）、確かめられません。",
            "The system chooses the address of this source; it cannot be checked.",
        );
        let finding = Finding::new("source/unknown", (Check::Sources, &subject), Level::Warning, "RFC 5321", found);
        return vec![finding.remedy(words!(
            "[[sources]] に address を書くか、外から見えるアドレスを --source で指定してください。",
            "Give it an address in [[sources]], or name the one that carriers see with --source.",
        ))];
    };
    let subject = address.to_string();
    if !is_seen_outside(address) {
        let found = words!(
            "{address} は内部のアドレスです。携帯会社には別のアドレスに見えます。",
            "{address} is an inside address. Carriers see another one.",
        );
        let finding = Finding::new("source/private", (Check::Sources, &subject), Level::Warning, "RFC 6890", found);
        return vec![finding.remedy(words!(
            "外から見えるアドレスを --source で指定して、もう一度実行してください。",
            "Run this again and name the address that carriers see with --source.",
        ))];
    }
    let (mut findings, reverse) = reverse(names, source, address).await;
    let Some(ehlo) = &source.ehlo_name else { return findings };
    findings.extend(of_ehlo(names, ehlo, address).await);
    if reverse.as_ref().is_some_and(|names| !names.contains(ehlo)) {
        let list = reverse.unwrap_or_default().join(", ");
        let found = words!(
            "逆引きの名前（{list}）と、名乗る名前（{ehlo}）が違います。",
            "The reverse name ({list}) is not what the source calls itself ({ehlo}).",
        );
        let finding =
            Finding::new("source/ehlo-differs", (Check::Sources, &subject), Level::Warning, "RFC 5321 4.1.4", found);
        let remedy = words!(
            "逆引きを次のものにするか、ehlo_name を逆引きに合わせてください。",
            "Publish this reverse name, or set ehlo_name to the one there is.",
        );
        findings.push(finding.remedy(remedy).publish(pointer(address, ehlo)));
    }
    findings
}

/// The reverse names, and the findings about them. None when there are no good ones to compare with.
async fn reverse(names: &impl Names, source: &Source, address: IpAddr) -> (Vec<Finding>, Option<Vec<String>>) {
    let subject = address.to_string();
    let place = (Check::Sources, subject.as_str());
    let wanted = source.ehlo_name.clone().unwrap_or_else(|| "mail.example.jp".to_owned());
    let pointers = match names.ptr(address).await {
        Answer::Failed => {
            return (vec![Finding::unanswered("source/ptr-unanswered", place, &reverse_name(address), "PTR")], None);
        }
        answer => answer.records(),
    };
    if pointers.is_empty() {
        let found = words!(
            "{address} に逆引き（PTR）がありません。Gmail と iCloud は断ります。",
            "{address} has no reverse name (PTR). Gmail and iCloud refuse such mail.",
        );
        let finding = Finding::new("source/no-ptr", place, Level::Error, GMAIL, found)
            .objected(objections(&[Matter::Ptr]))
            .remedy(words!(
                "回線やサーバーの提供者に、次の逆引きの設定を頼んでください。",
                "Ask the provider of the address for this reverse name.",
            ))
            .publish(pointer(address, &wanted));
        return (vec![finding], None);
    }
    let mut confirmed = Vec::new();
    let mut unanswered = false;
    for name in &pointers {
        match names.addresses(name).await {
            Answer::Found(addresses) if addresses.contains(&address) => confirmed.push(name.clone()),
            Answer::Failed => unanswered = true,
            _ => {}
        }
    }
    let list = pointers.join(", ");
    if confirmed.is_empty() && unanswered {
        return (vec![Finding::unanswered("source/ptr-unanswered", place, &list, "A/AAAA")], None);
    }
    if confirmed.is_empty() {
        let found = words!(
            "逆引きの名前 {list} を引いても {address} に戻りません。なりすましの逆引きと見なされます。",
            "The reverse name {list} does not lead back to {address}: receivers take it for forged.",
        );
        let finding = Finding::new("source/ptr-not-confirmed", place, Level::Error, GMAIL, found)
            .objected(objections(&[Matter::Ptr]))
            .remedy(words!("その名前に次のレコードを公開してください。", "Publish this record for that name."));
        let name = pointers.first().map_or(wanted.as_str(), String::as_str);
        return (vec![finding.publish(forward(name, address))], None);
    }
    let finding = match confirmed.iter().find(|name| is_generic(name, address)) {
        Some(name) => {
            let found = words!(
                "逆引きの名前 {name} はアドレスの数字でできています。家庭用回線のように見え、信用されません。",
                "The reverse name {name} is made of the address's numbers: it looks like a home line.",
            );
            let remedy = words!("次の逆引きを頼んでください。", "Ask for this reverse name.");
            let finding = Finding::new("source/ptr-generic", place, Level::Warning, "RFC 8501", found);
            finding.remedy(remedy).publish(pointer(address, &wanted))
        }
        None => {
            let found = words!(
                "逆引きの名前 {list} は {address} に戻ります。",
                "The reverse name {list} leads back to {address}."
            );
            Finding::new("source/ptr", place, Level::Ok, GMAIL, found)
        }
    };
    (vec![finding], Some(confirmed))
}

/// What the source calls itself: a full name that leads to its address.
async fn of_ehlo(names: &impl Names, ehlo: &str, address: IpAddr) -> Option<Finding> {
    let subject = address.to_string();
    let place = (Check::Sources, subject.as_str());
    if !ehlo.contains('.') || psl::domain_str(ehlo).is_none() {
        let found = words!(
            "名乗る名前 {ehlo} は完全な名前（FQDN）ではありません。",
            "What the source calls itself, {ehlo}, is no full name.",
        );
        let finding = Finding::new("source/ehlo-not-full", place, Level::Error, "RFC 5321 2.3.5", found);
        let remedy = words!(
            "ehlo_name を mail.school.example.jp のような名前にしてください。",
            "Set ehlo_name to a name such as mail.school.example.jp."
        );
        return Some(finding.remedy(remedy));
    }
    match names.addresses(ehlo).await {
        Answer::Failed => Some(Finding::unanswered("source/ehlo-unanswered", place, ehlo, "A/AAAA")),
        Answer::Found(addresses) if addresses.contains(&address) => None,
        answer => {
            let found = if answer.records().is_empty() {
                words!(
                    "名乗る名前 {ehlo} が DNS にありません。",
                    "What the source calls itself, {ehlo}, is not in DNS."
                )
            } else {
                words!(
                    "名乗る名前 {ehlo} は {address} を指していません。",
                    "What the source calls itself, {ehlo}, does not lead to {address}."
                )
            };
            let finding = Finding::new("source/ehlo-elsewhere", place, Level::Error, "RFC 5321 4.1.4", found);
            let remedy = words!("次のレコードを公開してください。", "Publish this record.");
            Some(finding.remedy(remedy).publish(forward(ehlo, address)))
        }
    }
}

/// Whether a name is made of the address's numbers, in either order, parted by dots or dashes, or as hex digits.
fn is_generic(name: &str, address: IpAddr) -> bool {
    let v4 = match address {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(v6) => {
            // An IPv6 address written out in a name has at least its last two groups in it.
            let [.., low, last] = v6.segments();
            return ["", "-", "."].iter().any(|separator| name.contains(&format!("{low:04x}{separator}{last:04x}")));
        }
    };
    let [a, b, c, d] = v4.octets();
    let numbers = name.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
    let numbers: Vec<u32> = numbers.collect();
    let runs = [[a, b, c, d], [d, c, b, a]].map(|run| run.map(u32::from));
    let hex = format!("{a:02x}{b:02x}{c:02x}{d:02x}");
    let plain = format!("{a:03}{b:03}{c:03}{d:03}");
    numbers.windows(4).any(|window| runs.iter().any(|run| run == window))
        || name.contains(&hex)
        || name.contains(&plain)
}

fn pointer(address: IpAddr, name: &str) -> DnsRecord {
    DnsRecord::of("PTR", reverse_name(address), format!("{name}."))
}

fn forward(name: &str, address: IpAddr) -> DnsRecord {
    let kind = if address.is_ipv4() { "A" } else { "AAAA" };
    DnsRecord::of(kind, name, address.to_string())
}

fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let digits = v6.octets().into_iter().rev().map(|octet| format!("{:x}.{:x}.", octet & 15, octet >> 4));
            digits.collect::<String>() + "ip6.arpa"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_made_of_the_address_are_generic_and_others_are_not() {
        let table = [
            ("25-2-0-192.home.example.jp", "192.0.2.25", true),
            ("p192.0.2.25.example.jp", "192.0.2.25", true),
            ("host-c0000219.example.jp", "192.0.2.25", true),
            ("ip192000002025.example.jp", "192.0.2.25", true),
            ("tokyo-1.todoke.example.jp", "192.0.2.25", false),
            ("mx25.example.jp", "192.0.2.25", false),
            ("v6-0000-0025.example.jp", "2001:db8::25", true),
            ("mail.example.jp", "2001:db8::25", false),
        ];
        for (name, address, generic) in table {
            assert_eq!(is_generic(name, address.parse().unwrap()), generic, "{name}");
        }
    }

    #[test]
    fn reverse_names_are_those_of_the_rfcs() {
        assert_eq!(pointer("192.0.2.25".parse().unwrap(), "m.jp").line(), "25.2.0.192.in-addr.arpa. IN PTR m.jp.");
        let v6 = reverse_name("2001:db8::cb01".parse().unwrap());
        assert_eq!(v6, "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
    }
}
