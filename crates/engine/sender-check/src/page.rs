//! A report as people read it.

use crate::finding::{Check, Finding, Language, Level, Words};
use crate::objection::Effect;
use crate::report::Report;

/// How a page looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// In which language.
    pub language: Language,
    /// Whether the terminal shows more than ASCII; marks are `OK`, `!`, `NG` otherwise.
    pub symbols: bool,
}

fn pick(style: Style, ja: &'static str, en: &'static str) -> &'static str {
    match style.language {
        Language::Ja => ja,
        Language::En => en,
    }
}

fn mark(style: Style, level: Level) -> &'static str {
    match (style.symbols, level) {
        (true, Level::Ok) => "○",
        (true, Level::Note) => "・",
        (true, Level::Warning) => "△",
        (true, Level::Unknown) => "？",
        (true, Level::Error) => "×",
        (false, Level::Ok) => "OK",
        (false, Level::Note) => "--",
        (false, Level::Warning) => "! ",
        (false, Level::Unknown) => "? ",
        (false, Level::Error) => "NG",
    }
}

fn title(style: Style, check: Check) -> &'static str {
    match check {
        Check::FromDomain => pick(style, "差出人のドメイン", "From domain"),
        Check::Spf => pick(style, "SPF（送ってよいアドレス）", "SPF (who may send)"),
        Check::Dkim => pick(style, "DKIM（署名の鍵）", "DKIM (signing keys)"),
        Check::Dmarc => pick(style, "DMARC（差出人との結び付き）", "DMARC (what binds both to the From domain)"),
        Check::Sources => pick(style, "送信元アドレスと名前", "Source addresses and names"),
        Check::Returns => pick(style, "エラーメールの戻り先", "Where bounces come back to"),
        Check::Registration => pick(style, "登録メールの宛先", "Where registration mails arrive"),
        Check::Tls => pick(style, "暗号化", "Encryption of what comes back"),
    }
}

fn effect(style: Style, effect: Effect) -> &'static str {
    match effect {
        Effect::MayDrop => pick(style, "届けないことがある", "may drop it"),
        Effect::Warns => pick(style, "警告を表示し、届けないこともある", "shows a warning and may drop it"),
        Effect::Refuses => pick(style, "受け取らない", "refuses it"),
    }
}

/// The whole page.
pub fn page(report: &Report, style: Style) -> String {
    let domain = &report.domain;
    let mut page = match style.language {
        Language::Ja => format!("{domain} を差出人とするメールの点検\n"),
        Language::En => format!("Mail with From @{domain}\n"),
    };
    let mut before = None;
    for finding in &report.findings {
        if before != Some(finding.check) {
            page.push_str(&format!("\n{}\n", title(style, finding.check)));
            before = Some(finding.check);
        }
        entry(&mut page, finding, style);
    }
    page.push('\n');
    page.push_str(&summary(report, style));
    page.push('\n');
    page
}

fn entry(page: &mut String, finding: &Finding, style: Style) {
    let Words { ja, en } = &finding.found;
    let found = if style.language == Language::Ja { ja } else { en };
    page.push_str(&format!("  {} {}\n     {found}\n", mark(style, finding.level), finding.subject));
    if finding.level < Level::Warning {
        if let Some(remedy) = finding.remedy.as_ref().filter(|_| finding.level == Level::Note) {
            page.push_str(&format!("     {}\n", remedy.in_language(style.language)));
            records(page, finding);
        }
        return;
    }
    if !finding.who.is_empty() {
        let separator = pick(style, "、", ", ");
        let who = finding.who.iter().map(|objection| match style.language {
            Language::Ja => format!("{}（{}）", objection.who, effect(style, objection.effect)),
            Language::En => format!("{} {}", objection.who, effect(style, objection.effect)),
        });
        let who = who.collect::<Vec<_>>().join(separator);
        page.push_str(&format!("     {}{who}\n", pick(style, "影響: ", "Who objects: ")));
    }
    if let Some(remedy) = &finding.remedy {
        page.push_str(&format!(
            "     {}{}\n",
            pick(style, "直し方: ", "What to do: "),
            remedy.in_language(style.language)
        ));
    }
    records(page, finding);
    page.push_str(&format!("     {}{}\n", pick(style, "根拠: ", "Source: "), finding.source));
}

fn records(page: &mut String, finding: &Finding) {
    for record in &finding.records {
        page.push_str(&format!("       {}\n", record.line()));
    }
}

/// Names in one clause: `docomo and au`, `docomo、au`.
fn clause(report: &Report, style: Style, wanted: Option<Effect>) -> Option<String> {
    let names: Vec<&str> = report.carriers.iter().filter(|one| one.effect == wanted).map(|one| one.who).collect();
    let (last, others) = names.split_last()?;
    Some(match (style.language, others) {
        (_, []) => (*last).to_owned(),
        (Language::Ja, _) => names.join("、"),
        (Language::En, others) => format!("{} and {last}", others.join(", ")),
    })
}

/// One sentence: what the carriers would do.
pub fn summary(report: &Report, style: Style) -> String {
    let refuse = clause(report, style, Some(Effect::Refuses));
    let warn = clause(report, style, Some(Effect::Warns));
    let drop = clause(report, style, Some(Effect::MayDrop));
    let errors = report.findings.iter().filter(|finding| finding.level == Level::Error).count();
    let unknown = report.findings.iter().any(|finding| finding.level == Level::Unknown);
    // What nobody has seen speaks for nobody.
    let fine = clause(report, style, None).filter(|_| !unknown);
    let mut sentences = Vec::new();
    match style.language {
        Language::Ja => {
            let parts = [
                refuse.map(|names| format!("{names} は受け取りません")),
                warn.map(|names| format!("{names} は警告を表示し、届けないこともあります")),
                drop.map(|names| format!("{names} は届けないことがあります")),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            if !parts.is_empty() {
                sentences.push(format!("このまま送ると、{}。", parts.join("。")));
            }
            if let Some(names) = fine {
                sentences.push(format!("{names} が断る理由は、DNS には見当たりません。"));
            }
            if errors > 0 {
                sentences.push(format!("直すべきことが {errors} 件あります。"));
            }
            if unknown {
                sentences.push("DNS が答えなかったものがあり、分からないことが残っています。".to_owned());
            }
            sentences.join("")
        }
        Language::En => {
            let parts = [
                refuse.map(|names| format!("{names} would refuse this mail")),
                warn.map(|names| format!("{names} would show a warning and might drop it")),
                drop.map(|names| format!("{names} might drop it")),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            if !parts.is_empty() {
                sentences.push(format!("As it is, {}.", parts.join("; ")));
            }
            if let Some(names) = fine {
                sentences.push(format!("{names} would find nothing in DNS to object to."));
            }
            match errors {
                0 => {}
                1 => sentences.push("One thing has to be mended.".to_owned()),
                _ => sentences.push(format!("{errors} things have to be mended.")),
            }
            if unknown {
                sentences.push("DNS left questions unanswered: something stays unknown.".to_owned());
            }
            sentences.join(" ")
        }
    }
}
