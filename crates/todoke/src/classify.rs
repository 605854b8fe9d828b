//! What a carrier's reply or a mail that came back means, as JSON.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use mail_model::{CarrierName, Reply, Stage};
use serde_json::json;

use crate::cli::ClassifyArgs;

mod mails;

pub(crate) fn run(args: &ClassifyArgs) -> Result<ExitCode> {
    let Some(reply) = &args.reply else { return mails::run(&args.mails) };
    println!("{}", verdict(reply, args)?);
    Ok(ExitCode::SUCCESS)
}

fn verdict(reply: &str, args: &ClassifyArgs) -> Result<serde_json::Value> {
    let reply = read(reply)?;
    let Some(stage) = Stage::parse(&args.command) else {
        bail!(
            "--command {:?} is none of connect, greeting, EHLO, STARTTLS, MAIL, RCPT, DATA, 'end of DATA'",
            args.command
        );
    };
    let carrier = CarrierName::new(&args.carrier).context("--carrier")?;
    let verdict = bounce::classify_reply(&reply, stage, &carrier);
    let cause = verdict.cause;
    Ok(json!({
        "cause": cause.id(),
        "label": cause.label_ja(),
        "label_en": cause.label_en(),
        "advice": cause.advice_ja(),
        "action": cause.actions(),
        "hard": cause.is_hard(),
        "retry": bounce::disposition(cause, Some(&reply), 1) == bounce::Disposition::Retry,
        "rule": verdict.rule,
        "code": reply.code,
        "status": reply.enhanced.map(|s| s.to_string()),
        "command": stage.as_str(),
        "carrier": carrier,
    }))
}

/// Reads a reply as people paste it: one or more lines, `550-` or `550 ` in front of each.
fn read(text: &str) -> Result<Reply> {
    let mut code = None;
    let mut words = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let digits = line.get(..3).and_then(|d| d.parse::<u16>().ok()).filter(|c| (200..600).contains(c));
        match (digits, code) {
            (Some(found), _) => {
                code = code.or(Some(found));
                words.push(line[3..].trim_start_matches(['-', ' ']).to_owned());
            }
            (None, Some(_)) => words.push(line.to_owned()),
            (None, None) => bail!("--reply must begin with a code, as '550 5.1.1 Unknown user'"),
        }
    }
    let code = code.context("--reply is empty; give it as '550 5.1.1 Unknown user'")?;
    let status = words.first().and_then(|w| mail_model::EnhancedStatus::read(w)).map(|(s, _)| s.to_string());
    // Every line of a multi-line reply repeats the enhanced status (RFC 2034 4); once is enough to read it.
    let again = |w: &String| match &status {
        Some(s) => w.strip_prefix(s.as_str()).unwrap_or(w).trim().to_owned(),
        None => w.clone(),
    };
    let rest: Vec<_> = words.iter().skip(1).map(again).collect();
    let first = words.first().cloned().unwrap_or_default();
    Ok(Reply::new(code, [vec![first], rest].concat().join(" ").trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_as_people_paste_it() {
        let table = [
            ("550 5.1.1 Unknown user", 550, Some("5.1.1"), "Unknown user"),
            ("550-5.1.1 first\n550 5.1.1 second", 550, Some("5.1.1"), "first second"),
            ("421", 421, None, ""),
            ("421-busy\r\n421 later", 421, None, "busy later"),
        ];
        for (text, code, status, words) in table {
            let reply = read(text).unwrap();
            assert_eq!(reply.code, code, "{text:?}");
            assert_eq!(reply.enhanced.map(|s| s.to_string()).as_deref(), status, "{text:?}");
            assert_eq!(reply.text, words);
        }
        assert!(read("").is_err());
        assert!(read("unknown user").is_err());
    }

    #[test]
    fn docomos_words_mean_two_things_by_the_command() {
        let ask = |command: &str| {
            let args =
                ClassifyArgs { mails: Vec::new(), reply: None, command: command.into(), carrier: "docomo".into() };
            verdict("550 Unknown user <a@docomo.ne.jp>", &args).unwrap()["cause"].clone()
        };
        assert_eq!(ask("RCPT"), "address_unknown");
        assert_eq!(ask("end of DATA"), "recipient_filtered");
    }
}
