//! A real list through a running engine, with progress and the bounce report.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use carriers::Directory;
use clock::Clock;
use engine_config::EngineConfig;
use futures_util::stream;
use mail_model::EmailAddress;
use serde_json::{Value, json};

use crate::cli::SendArgs;
use crate::client::Client;
use crate::deadline_args as deadline;
use crate::estimate;
use crate::list::{self, BadRow, List, Row};
use crate::progress::{self, Totals};

pub(crate) async fn run(args: SendArgs) -> Result<ExitCode> {
    let list = list::read(&args.to)?;
    let body = std::fs::read(&args.body).with_context(|| format!("cannot read the text {}", args.body.display()))?;
    let (body, _) = list::decode(&body).with_context(|| format!("in the text {}", args.body.display()))?;
    eprintln!("{}: {} good rows, {} bad rows ({})", args.to.display(), list.rows.len(), list.bad.len(), list.encoding);
    if !report_bad_rows(&list, args.skip_bad) {
        return Ok(ExitCode::FAILURE);
    }
    if list.rows.is_empty() {
        bail!("the list holds no usable address; nothing was sent");
    }
    let clock = Clock::system();
    let campaign = args.campaign.clone().map_or_else(|| default_campaign(&clock), Ok)?;
    let head = head(&args, &campaign, &body, &clock)?;
    if args.dry_run {
        eprintln!("dry run: nothing was sent");
        return Ok(ExitCode::SUCCESS);
    }
    let client = Client::new(&args.engine)?;
    let totals = totals(&list.rows)?;
    // An engine that cannot say when still sends.
    let expected = estimate::ask(&client, &head, list.rows.iter().map(|row| &row.email)).await;
    if let Some(line) = expected.ok().as_ref().and_then(estimate::line) {
        eprintln!("expected: {line}");
    }
    let answer = client.post_stream("/engine/api/inject/v1", inject_body(&head, list.rows)).await?;
    eprintln!("the engine has all {} addresses safely, as campaign {campaign}", answer["success_count"]);
    if args.no_wait {
        eprintln!("watch it: {}/engine/api/campaigns/v1/{campaign}", client.base());
        return Ok(ExitCode::SUCCESS);
    }
    let result = progress::watch(&client, &campaign, &totals, |_| ()).await?;
    client.download(&format!("/engine/api/campaigns/v1/{campaign}/bounces.csv"), &args.bounces).await?;
    progress::print_causes(&result);
    println!("bounce report: {}", args.bounces.display());
    Ok(ExitCode::SUCCESS)
}

/// Names every bad row; false when the list must not be sent.
fn report_bad_rows(list: &List, skip_bad: bool) -> bool {
    const SHOWN_MAX: usize = 50;
    for bad in list.bad.iter().take(SHOWN_MAX) {
        eprintln!("  {bad}");
    }
    if list.bad.len() > SHOWN_MAX {
        eprintln!("  … and {} more", list.bad.len() - SHOWN_MAX);
    }
    let stop = !list.bad.is_empty() && !skip_bad;
    if stop {
        let lines: Vec<_> = list.bad.iter().take(3).map(|BadRow { line, .. }| line.to_string()).collect();
        eprintln!("nothing was sent. Mend the rows (lines {} …), or leave them out with --skip-bad", lines.join(", "));
    }
    !stop
}

/// Everything of the request but the recipients.
fn head(args: &SendArgs, campaign: &str, body: &str, clock: &Clock) -> Result<Value> {
    let (name, address) = mailbox(&args.from).context("--from")?;
    let sender = match &args.envelope_sender {
        Some(text) => text.parse::<EmailAddress>().context("--envelope-sender")?,
        None => address.clone(),
    };
    let mut head = json!({
        "envelope_sender": sender,
        "campaign": campaign,
        "tenant": args.tenant,
        "class": estimate::class(args.class),
        "content": { "from": { "email": address, "name": name }, "subject": args.subject, "text_body": body },
    });
    if let Some(minutes) = args.give_up_after {
        let end = now(clock)? + jiff::SignedDuration::from_mins(i64::try_from(minutes)?);
        head["not_after"] = end.to_string().into();
    }
    deadline::put(args, &mut head, now(clock)?)?;
    Ok(head)
}

/// `Name <address>` or a bare address.
fn mailbox(text: &str) -> Result<(Option<String>, EmailAddress)> {
    match text.split_once('<') {
        Some((name, rest)) => {
            let address = rest.trim_end().strip_suffix('>').context("a '>' is missing at the end")?;
            let name = name.trim().trim_matches('"');
            Ok(((!name.is_empty()).then(|| name.to_owned()), address.trim().parse()?))
        }
        None => Ok((None, text.trim().parse()?)),
    }
}

/// The request, made while it is sent: a million recipients need no gigabyte here either.
pub(crate) fn inject_body(head: &Value, rows: Vec<Row>) -> reqwest::Body {
    const ROWS_PER_CHUNK: usize = 500;
    let mut opening = head.to_string();
    opening.pop();
    opening.push_str(",\"recipients\":[");
    let rows: Arc<[Row]> = rows.into();
    let chunks = stream::unfold((Some(opening), 0, rows), move |(opening, at, rows)| async move {
        if let Some(opening) = opening {
            return Some((Ok::<_, std::io::Error>(opening), (None, at, rows)));
        }
        if at > rows.len() {
            return None;
        }
        let end = (at + ROWS_PER_CHUNK).min(rows.len());
        let items: Vec<String> = rows[at..end].iter().map(|row| recipient(row).to_string()).collect();
        let comma = if at == 0 || items.is_empty() { "" } else { "," };
        let mut text = format!("{comma}{}", items.join(","));
        let mut next = end;
        if end == rows.len() {
            text.push_str("]}");
            next = rows.len() + 1;
        }
        Some((Ok(text), (None, next, rows)))
    });
    reqwest::Body::wrap_stream(chunks)
}

fn recipient(row: &Row) -> Value {
    let mut item = json!({ "email": row.email });
    if let Some(name) = &row.name {
        item["name"] = name.as_str().into();
    }
    if !row.columns.is_empty() {
        item["substitutions"] = Value::Object(row.columns.clone());
    }
    item
}

/// Recipients by carrier, as the built-in profiles know the domains.
fn totals(rows: &[Row]) -> Result<Totals> {
    let built_in = EngineConfig::from_toml(EngineConfig::example(), "the built-in profiles");
    let directory = Directory::new(built_in.map_err(|faults| anyhow::anyhow!("{faults}"))?.carriers);
    let mut totals = Totals::new();
    for row in rows {
        let (carrier, _) = directory.lane_site(row.email.domain());
        *totals.entry(carrier.as_str().to_owned()).or_default() += 1;
    }
    Ok(totals)
}

fn now(clock: &Clock) -> Result<jiff::Timestamp> {
    Ok(jiff::Timestamp::from_millisecond(i64::try_from(clock.unix().0)?)?)
}

/// Named by the time of the machine's own zone, which is the one on the sender's wall.
fn default_campaign(clock: &Clock) -> Result<String> {
    Ok(now(clock)?.to_zoned(jiff::tz::TimeZone::system()).strftime("notice-%Y%m%d-%H%M%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn row(n: usize) -> Row {
        Row { email: format!("a{n}@docomo.ne.jp").parse().unwrap(), name: None, columns: serde_json::Map::new() }
    }

    #[tokio::test]
    async fn the_streamed_request_is_one_json_object_for_any_number_of_rows() {
        for count in [0, 1, 499, 500, 501, 1_000, 1_203] {
            let rows = (0..count).map(row).collect();
            let body = inject_body(&json!({ "campaign": "c" }), rows);
            let bytes = BodyExt::collect(body).await.unwrap().to_bytes();
            let whole: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(whole["campaign"], "c");
            assert_eq!(whole["recipients"].as_array().unwrap().len(), count);
        }
    }

    #[test]
    fn a_sender_is_read_with_and_without_a_name() {
        let (name, address) = mailbox("さくら小学校 <notice@school.example>").unwrap();
        assert_eq!((name.as_deref(), address.as_str()), (Some("さくら小学校"), "notice@school.example"));
        assert_eq!(mailbox("notice@school.example").unwrap().0, None);
        assert!(mailbox("X <notice@school.example").is_err());
        assert!(mailbox("X <a\r\nb@school.example>").is_err());
    }
}
