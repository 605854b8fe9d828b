//! Encryption of what comes back: the listener's certificate, and what its domains publish about TLS.

use mail_model::UnixMs;

use crate::certificate::Certificate;
use crate::finding::{Check, DnsRecord, Finding, Level, words};
use crate::names::{Answer, Names};
use crate::sender::{Listener, Sender};
use crate::tags::claims_version;

/// Renewal is automatic in most places and happens a month ahead; two weeks before the end it has failed.
const DAYS_LEFT_MIN: u64 = 14;

pub(crate) async fn check(names: &impl Names, sender: &Sender, now: UnixMs) -> Vec<Finding> {
    let Some(setup) = &sender.setup else { return Vec::new() };
    let Some(listener) = &setup.listener else { return Vec::new() };
    let mut findings = vec![certificate(listener, now)];
    let mut domains: Vec<&String> = setup.returns.iter().chain(&setup.registration).collect();
    domains.dedup();
    for domain in domains {
        findings.extend(published(names, domain, &listener.host).await);
    }
    findings
}

fn certificate(listener: &Listener, now: UnixMs) -> Finding {
    let host = listener.host.as_str();
    let place = (Check::Tls, host);
    let Some(pem) = &listener.certificate else {
        let found = words!(
            "{host} に証明書がなく、戻ってくるメールが暗号化されません。",
            "{host} has no certificate: what comes back is not encrypted.",
        );
        let finding = Finding::new("tls/none", place, Level::Warning, "RFC 3207", found);
        return finding.remedy(words!(
            "{host} の証明書を取り、[inbound] certificate_file に書いてください。",
            "Get a certificate for {host} and name it in [inbound] certificate_file.",
        ));
    };
    let Some(certificate) = Certificate::of_pem(pem) else {
        let found = words!("{host} の証明書ファイルが読めません。", "The certificate file of {host} cannot be read.");
        let finding = Finding::new("tls/unreadable", place, Level::Error, "RFC 7468", found);
        return finding.remedy(words!(
            "PEM 形式の証明書（サーバーのものを先頭に）を置いてください。",
            "Put a PEM file there, the host's own certificate first.",
        ));
    };
    let renew = || words!("証明書を取り直してください。", "Renew the certificate.");
    let now_s = now.0 / 1_000;
    if now_s >= certificate.until_s || now_s < certificate.from_s {
        let found = words!("{host} の証明書は期限の外です。", "The certificate of {host} is not in force.");
        return Finding::new("tls/expired", place, Level::Error, "RFC 5280 4.1.2.5", found).remedy(renew());
    }
    if !certificate.is_for(host) {
        let list = certificate.names.join(", ");
        let found = words!(
            "証明書の名前（{list}）が {host} と合いません。",
            "The certificate is for {list} and not for {host}.",
        );
        return Finding::new("tls/other-name", place, Level::Warning, "RFC 6125 6.4", found).remedy(renew());
    }
    let days = (certificate.until_s - now_s) / 86_400;
    if days < DAYS_LEFT_MIN {
        let found =
            words!("{host} の証明書はあと {days} 日で切れます。", "The certificate of {host} ends in {days} days.");
        return Finding::new("tls/ends-soon", place, Level::Warning, "RFC 5280 4.1.2.5", found).remedy(renew());
    }
    let found = words!(
        "{host} の証明書は有効です（あと {days} 日）。",
        "The certificate of {host} is good ({days} days left)."
    );
    Finding::new("tls/good", place, Level::Ok, "RFC 3207", found)
}

/// MTA-STS and TLS-RPT of a domain that mail comes back to. Neither has to be there.
async fn published(names: &impl Names, domain: &str, host: &str) -> Vec<Finding> {
    let place = (Check::Tls, domain);
    let mut findings = Vec::new();
    let sts = names.txt(&format!("_mta-sts.{domain}")).await;
    let has_policy = sts.clone().records().iter().any(|text| claims_version(text, "STSv1"));
    if sts != Answer::Failed && !has_policy {
        let found = words!(
            "{domain} に MTA-STS がありません（なくても届きます）。あると、相手は暗号化と証明書を確かめて送ります。",
            "{domain} has no MTA-STS, and mail arrives without. With it senders insist on TLS and check the certificate.",
        );
        let finding = Finding::new("tls/no-mta-sts", place, Level::Note, "RFC 8461", found);
        findings.push(
            finding
                .remedy(words!(
                    "https://mta-sts.{domain}/.well-known/mta-sts.txt に方針（mx: {host}）を置いてから、次のレコードを公開してください。",
                    "Put a policy (mx: {host}) at https://mta-sts.{domain}/.well-known/mta-sts.txt, then publish this record.",
                ))
                .publish(DnsRecord::txt(format!("_mta-sts.{domain}"), "v=STSv1; id=1")),
        );
    }
    let reports = names.txt(&format!("_smtp._tls.{domain}")).await;
    let has_reports = reports.clone().records().iter().any(|text| claims_version(text, "TLSRPTv1"));
    if has_policy && reports != Answer::Failed && !has_reports {
        let found = words!(
            "{domain} に TLS の報告先（TLS-RPT）がなく、MTA-STS で届かなかったことに気付けません。",
            "{domain} asks for no TLS reports (TLS-RPT): mail stopped by MTA-STS stays unseen.",
        );
        let finding = Finding::new("tls/no-reports", place, Level::Note, "RFC 8460", found);
        findings.push(finding.remedy(words!("次のレコードを公開してください。", "Publish this record.")).publish(
            DnsRecord::txt(format!("_smtp._tls.{domain}"), format!("v=TLSRPTv1; rua=mailto:postmaster@{domain}")),
        ));
    }
    if has_policy {
        let found = words!("{domain} に MTA-STS があります。", "{domain} has MTA-STS.");
        findings.push(Finding::new("tls/mta-sts", place, Level::Ok, "RFC 8461", found));
    }
    findings
}
