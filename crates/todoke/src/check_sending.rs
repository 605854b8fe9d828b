//! What carriers would object to in mail from a domain, told before the first mail leaves.

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use clock::Clock;
use dns::Dns;
use engine_config::{DnsConfig, EngineConfig};
use sender_check::{Language, Level, Sender, Source, Style};

const AFTER_HELP: &str = "\
Looks at SPF, DKIM, DMARC, reverse names, EHLO names, MX and the certificate as docomo, au, SoftBank, Gmail, Outlook, \
iCloud and Yahoo! JAPAN do, and prints the records to publish, ready to be copied. It asks DNS and nobody else: no mail \
leaves, and blocklists are not asked.

Examples:
  todoke check-sending school.example.jp --config todoke.toml
  todoke check-sending school.example.jp --source 192.0.2.25=mail.example.jp --selector t2026a
  todoke check-sending school.example.jp --config todoke.toml --lang ja
  todoke check-sending school.example.jp --config todoke.toml --json | jq '.findings[] | select(.level == \"error\")'

Marks: ○ good, ・ worth knowing, △ speaks against you, × carriers refuse or hide mail, ？ DNS did not answer.
Exit status: 0 nothing has to be mended, 1 something has to be (or DNS did not answer), 2 the command is wrong.";

/// A language of the page.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Lang {
    /// Japanese.
    Ja,
    /// English.
    En,
}

#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CheckSendingArgs {
    /// The domain of the From line, as it stands behind the @; Japanese letters are fine.
    domain: String,
    /// The engine's configuration: its sources, keys, return paths and listener are compared with DNS.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// An address that mail leaves from, as carriers see it, and what it calls itself. Repeat it for several. Behind NAT
    /// this replaces what the configuration says.
    #[arg(long, value_name = "IP[=NAME]", value_parser = source)]
    source: Vec<Source>,
    /// A DKIM selector to look at, beside those of the configuration. Repeat it for several.
    #[arg(long, value_name = "NAME")]
    selector: Vec<String>,
    /// Japanese or English; taken from LANG when not given.
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Option<Lang>,
    /// Print one JSON object with both languages instead of a page.
    #[arg(long)]
    json: bool,
    /// Ask this DNS server instead of the configuration's or the machine's. Repeat it for several.
    #[arg(long, value_name = "ADDRESS:PORT")]
    dns: Vec<SocketAddr>,
}

fn source(text: &str) -> Result<Source, String> {
    let (address, name) = text.split_once('=').map_or((text, None), |(address, name)| (address, Some(name)));
    let address: IpAddr = address.parse().map_err(|_| format!("{address:?} is no IP address"))?;
    let ehlo_name = name.filter(|name| !name.is_empty()).map(|name| name.trim_end_matches('.').to_ascii_lowercase());
    Ok(Source { address: Some(address), ehlo_name })
}

/// Exit status of a command that cannot be carried out as it was given.
const WRONG_USE: u8 = 2;

pub(crate) async fn run(args: CheckSendingArgs) -> Result<ExitCode> {
    let clock = Clock::system();
    let config = match args.config.as_deref().map(EngineConfig::load).transpose() {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{faults}");
            return Ok(ExitCode::from(WRONG_USE));
        }
    };
    let sender = match &config {
        Some(config) => Sender::of_config(&args.domain, config, clock.unix()),
        None => Sender::of_domain(&args.domain),
    };
    let mut sender = match sender {
        Ok(sender) => sender,
        Err(error) => {
            eprintln!("todoke: {error}");
            return Ok(ExitCode::from(WRONG_USE));
        }
    };
    if !args.source.is_empty() {
        sender.replace_sources(args.source);
    }
    for selector in &args.selector {
        sender.add_selector(selector);
    }
    let mut settings = match config {
        Some(config) => config.dns,
        None => dns_defaults()?,
    };
    if !args.dns.is_empty() {
        settings.servers = args.dns;
    }
    let dns = Dns::new(&settings)?;
    let environment = |name: &str| std::env::var(name).ok();
    let style = style(args.lang, environment);
    if std::io::stderr().is_terminal() {
        eprintln!("{}", if style.language == Language::Ja { "DNS に聞いています…" } else { "asking DNS ..." });
    }
    let report = sender_check::check(&dns, &sender, clock.unix()).await;
    let text = if args.json {
        serde_json::to_string_pretty(&report).context("the report as JSON")? + "\n"
    } else {
        sender_check::page(&report, style)
    };
    std::io::stdout().write_all(text.as_bytes()).context("standard output")?;
    Ok(if report.level >= Level::Unknown { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The DNS section of a configuration in which nothing is said of DNS.
fn dns_defaults() -> Result<DnsConfig> {
    let example = EngineConfig::from_toml(EngineConfig::example(), "the built-in example");
    Ok(example.map_err(|faults| anyhow::anyhow!("{faults}"))?.dns)
}

/// Language and marks as the environment has them (POSIX: LC_ALL before the category before LANG).
fn style(lang: Option<Lang>, environment: impl Fn(&str) -> Option<String>) -> Style {
    let locale = |category: &str| {
        let names = ["LC_ALL", category, "LANG"].into_iter();
        names.filter_map(&environment).find(|value| !value.is_empty()).unwrap_or_default().to_ascii_lowercase()
    };
    let language = match lang {
        Some(Lang::Ja) => Language::Ja,
        Some(Lang::En) => Language::En,
        None if locale("LC_MESSAGES").starts_with("ja") => Language::Ja,
        None => Language::En,
    };
    let charset = locale("LC_CTYPE");
    let symbols = language == Language::Ja || charset.contains("utf-8") || charset.contains("utf8");
    Style { language, symbols }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_and_marks_follow_the_environment() {
        let style_in = |lang, pairs: &[(&str, &str)]| {
            let pairs: Vec<(String, String)> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            style(lang, move |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
        };
        let is = |language, symbols| Style { language, symbols };
        assert_eq!(style_in(None, &[("LANG", "ja_JP.UTF-8")]), is(Language::Ja, true));
        assert_eq!(style_in(None, &[("LANG", "en_US.UTF-8")]), is(Language::En, true));
        assert_eq!(style_in(None, &[("LANG", "ja_JP.UTF-8"), ("LC_ALL", "C")]), is(Language::En, false));
        assert_eq!(style_in(Some(Lang::Ja), &[("LANG", "C")]), is(Language::Ja, true));
        assert_eq!(style_in(Some(Lang::En), &[]), is(Language::En, false));
    }

    #[test]
    fn the_built_in_example_says_nothing_of_dns() {
        assert!(dns_defaults().unwrap().servers.is_empty());
    }

    #[test]
    fn a_source_is_an_address_with_or_without_a_name() {
        let of = |text: &str| source(text).map(|source| (source.address.unwrap().to_string(), source.ehlo_name));
        assert_eq!(of("192.0.2.25"), Ok(("192.0.2.25".to_owned(), None)));
        assert_eq!(of("2001:db8::1=MX.a.jp."), Ok(("2001:db8::1".to_owned(), Some("mx.a.jp".to_owned()))));
        assert!(of("mx.a.jp").is_err());
    }
}
