//! What mails say that came back: one JSON line a recipient.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use bounce::{RecipientReport, Report, ReportAction, ReportKind};
use serde::Serialize;

/// How deep folders are followed.
const FOLDER_DEPTH_MAX: usize = 16;

/// One line of the output. Its fields are a contract with those who read it.
#[derive(Debug, Serialize)]
struct Line<'r> {
    file: &'r str,
    recipient: Option<&'r str>,
    is_bounce: bool,
    kind: &'static str,
    cause: Option<&'static str>,
    status: Option<String>,
    reply_code: Option<u16>,
    action: Option<&'static str>,
    rule: &'r str,
    evidence: &'r str,
}

/// Reads every mail. What cannot be read is told on standard error, and the exit code is 1 when all else is done.
pub(crate) fn run(paths: &[PathBuf]) -> Result<ExitCode> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut code = ExitCode::SUCCESS;
    for path in paths {
        let printed = if path.as_os_str() == "-" { read_input(&mut out) } else { read_path(path, 0, &mut out) };
        match printed {
            Ok(true) => {}
            Ok(false) => code = ExitCode::FAILURE,
            // Whoever reads our output has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(code),
            Err(error) => return Err(error.into()),
        }
    }
    out.flush().or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })?;
    Ok(code)
}

fn read_input(out: &mut impl Write) -> io::Result<bool> {
    let mut bytes = Vec::new();
    match io::stdin().lock().read_to_end(&mut bytes) {
        Ok(_) => print_file("-", &bytes, out).map(|()| true),
        Err(error) => Ok(tell("standard input", &error)),
    }
}

/// A file, or every file in a folder in the order of their names. `false` when one could not be read.
fn read_path(path: &Path, depth: usize, out: &mut impl Write) -> io::Result<bool> {
    let name = path.display().to_string();
    if !path.is_dir() {
        return match fs::read(path) {
            Ok(bytes) => print_file(&name, &bytes, out).map(|()| true),
            Err(error) => Ok(tell(&name, &error)),
        };
    }
    if depth >= FOLDER_DEPTH_MAX {
        return Ok(tell(&name, &io::Error::other("folders are nested too deep")));
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return Ok(tell(&name, &error)),
    };
    let mut inside: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    inside.sort();
    let mut is_complete = true;
    for path in inside {
        is_complete &= read_path(&path, depth + 1, out)?;
    }
    Ok(is_complete)
}

fn tell(name: &str, error: &io::Error) -> bool {
    eprintln!("todoke: {name}: {error}");
    false
}

fn print_file(name: &str, bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    // A bounce may quote the mail it returns with its separator line; a file that says it is one mail is one.
    let mails = if name.ends_with(".eml") { vec![bytes] } else { split_mbox(bytes) };
    for (at, mail) in mails.iter().enumerate() {
        let numbered = format!("{name}#{}", at + 1);
        let file = if mails.len() == 1 { name } else { &numbered };
        let report = bounce::read_report(mail);
        for line in lines(file, &report) {
            serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

fn lines<'r>(file: &'r str, report: &'r Report) -> Vec<Line<'r>> {
    if report.recipients.is_empty() {
        let evidence = report.evidence.as_str();
        return vec![Line {
            file,
            recipient: None,
            is_bounce: is_undelivered(report.kind),
            kind: report.kind.as_str(),
            cause: None,
            status: None,
            reply_code: None,
            action: None,
            rule: &report.rule,
            evidence,
        }];
    }
    report.recipients.iter().map(|recipient| line(file, report, recipient)).collect()
}

fn line<'r>(file: &'r str, report: &Report, recipient: &'r RecipientReport) -> Line<'r> {
    let is_about_delivery = is_undelivered(report.kind) || report.kind == ReportKind::Delivered;
    let kind = recipient.action.filter(|_| is_about_delivery).map_or(report.kind, ReportAction::kind);
    let has_cause = matches!(recipient.action, Some(ReportAction::Failed | ReportAction::Delayed));
    Line {
        file,
        recipient: recipient.recipient.as_ref().map(bounce::ReportedAddress::as_str),
        is_bounce: is_undelivered(kind),
        kind: kind.as_str(),
        cause: has_cause.then(|| recipient.cause.id()),
        status: recipient.status.map(|status| status.to_string()),
        reply_code: recipient.reply_code,
        action: recipient.action.map(ReportAction::as_str),
        rule: &recipient.rule,
        evidence: &recipient.evidence,
    }
}

/// Not delivered for good, or not yet; `kind` tells which.
fn is_undelivered(kind: ReportKind) -> bool {
    matches!(kind, ReportKind::Bounce | ReportKind::Delayed)
}

/// The mails of an mbox; anything that does not begin with its separator is one mail.
fn split_mbox(bytes: &[u8]) -> Vec<&[u8]> {
    if !is_separator(bytes) {
        return vec![bytes];
    }
    let mut starts = vec![0];
    for at in 1..bytes.len() {
        let before = &bytes[..at];
        let follows_blank_line = [&b"\n\n"[..], b"\r\n\r\n", b"\r\r"].iter().any(|end| before.ends_with(end));
        if bytes[at] == b'F' && follows_blank_line && is_separator(&bytes[at..]) {
            starts.push(at);
        }
    }
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts.iter().zip(ends).map(|(start, end)| &bytes[*start..end]).collect()
}

/// `From sender Mon Apr 13 08:15:00 2026`, RFC 4155: a weekday must stand in it, for texts begin with "From" too.
fn is_separator(bytes: &[u8]) -> bool {
    let line = bytes.split(|b| matches!(b, b'\n' | b'\r')).next().unwrap_or_default();
    let has_weekday = || {
        let words = line.split(|b| *b == b' ').skip(1).filter(|word| !word.is_empty());
        words.take(4).any(|word| [&b"Mon"[..], b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"].contains(&word))
    };
    line.starts_with(b"From ") && has_weekday()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNCE: &str = "From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n<a@b.example>:\n550 5.1.1 no such user\n\
                          <c@d.example>:\n552 5.2.2 mailbox full\n";

    fn printed(name: &str, mail: &str) -> Vec<serde_json::Value> {
        let mut out = Vec::new();
        print_file(name, mail.as_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_recipient_of_a_bounce_is_one_line() {
        let lines = printed("x.eml", BOUNCE);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["file"], "x.eml");
        assert_eq!(lines[0]["recipient"], "a@b.example");
        assert_eq!(lines[0]["is_bounce"], true);
        assert_eq!((&lines[0]["kind"], &lines[0]["cause"]), (&"bounce".into(), &"address_unknown".into()));
        assert_eq!((&lines[0]["status"], &lines[0]["reply_code"]), (&"5.1.1".into(), &550.into()));
        assert_eq!((&lines[1]["cause"], &lines[1]["action"]), (&"mailbox_full".into(), &"failed".into()));
        assert!(lines[0]["evidence"].as_str().unwrap().contains("no such user"));
    }

    #[test]
    fn a_mail_that_names_nobody_is_one_line_with_nulls() {
        let lines = printed("-", "From: a@b.example\nSubject: Thank you\n\nok\n");
        assert_eq!(lines.len(), 1);
        assert_eq!((&lines[0]["is_bounce"], &lines[0]["kind"]), (&false.into(), &"other".into()));
        for field in ["recipient", "cause", "status", "reply_code", "action"] {
            assert!(lines[0][field].is_null(), "{field}");
        }
    }

    #[test]
    fn an_mbox_is_read_mail_by_mail_and_its_mails_are_numbered() {
        let separator = "From MAILER-DAEMON Mon Apr 13 08:15:00 2026\n";
        let mbox = format!("{separator}{BOUNCE}\nFrom here on all is well.\n\n{separator}From: a@b.example\n\nok\n");
        let lines = printed("box", &mbox);
        let files: Vec<_> = lines.iter().map(|line| line["file"].as_str().unwrap()).collect();
        assert_eq!(files, ["box#1", "box#1", "box#2"]);
        assert_eq!(printed("one", &format!("{separator}{BOUNCE}"))[0]["file"], "one");
        assert!(printed("one.eml", &mbox).iter().all(|line| line["file"] == "one.eml"));
        assert_eq!(split_mbox(mbox.replace('\n', "\r\n").as_bytes()).len(), 2);
        assert_eq!(split_mbox(b"From me to you\n\nFrom a Mon Apr 13").len(), 1);
    }

    #[test]
    fn folders_are_read_in_order_and_a_missing_file_is_told_after_the_others_were_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("new")).unwrap();
        for name in ["new/2.eml", "1.eml"] {
            fs::write(folder.path().join(name), BOUNCE).unwrap();
        }
        let mut out = Vec::new();
        assert!(read_path(folder.path(), 0, &mut out).unwrap());
        assert!(!read_path(&folder.path().join("absent"), 0, &mut out).unwrap());
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 4);
        assert!(text.find("1.eml").unwrap() < text.find("2.eml").unwrap());
    }
}
