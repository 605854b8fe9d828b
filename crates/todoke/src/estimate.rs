//! When a list will have been handed over: asked of the engine before sending, shown as a table or in a line.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Result, bail};
use mail_model::EmailAddress;
use serde_json::{Value, json};

use crate::cli::{ClassArg, EstimateArgs};
use crate::client::Client;
use crate::list;

/// The class in requests.
pub(crate) fn class(class: ClassArg) -> &'static str {
    match class {
        ClassArg::Emergency => "emergency",
        ClassArg::Normal => "normal",
    }
}

pub(crate) async fn run(args: EstimateArgs) -> Result<ExitCode> {
    let list = list::read(&args.to)?;
    eprintln!("{}: {} good rows, {} bad rows ({})", args.to.display(), list.rows.len(), list.bad.len(), list.encoding);
    if list.rows.is_empty() {
        bail!("the list holds no usable address");
    }
    let mut head = json!({ "class": class(args.class) });
    if let Some(end) = &args.not_after {
        head["not_after"] = end.as_str().into();
    }
    let client = Client::new(&args.engine)?;
    let estimate = ask(&client, &head, list.rows.iter().map(|row| &row.email)).await?;
    if args.json {
        println!("{estimate}");
    } else {
        print!("{}", table(&estimate));
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks the engine. Of the addresses only counts by domain leave this process; of the head only class, pool and deadline.
pub(crate) async fn ask<'a>(
    client: &Client,
    head: &Value,
    addresses: impl Iterator<Item = &'a EmailAddress>,
) -> Result<Value> {
    let mut domains: BTreeMap<&str, u64> = BTreeMap::new();
    for address in addresses {
        *domains.entry(address.domain()).or_default() += 1;
    }
    let mut asked = json!({ "domains": domains });
    for field in ["class", "pool", "not_after"] {
        if let Some(value) = head.get(field) {
            asked[field] = value.clone();
        }
    }
    client.post("/engine/api/estimate/v1", &asked).await
}

/// One line, for those who are about to send.
pub(crate) fn line(estimate: &Value) -> Option<String> {
    let words = estimate["words_en"].as_str()?;
    let sure = match estimate["sureness"].as_str()? {
        "learned" => "",
        "growing" => " (the carriers' limits are not found yet)",
        _ => " (nothing is known yet of the slowest carrier)",
    };
    Some(format!("{words}{sure}"))
}

/// Seconds as people read them.
fn shown(seconds: Option<f64>) -> String {
    match seconds {
        None => "never".to_owned(),
        Some(s) if s < 90.0 => format!("{s:.0} s"),
        Some(s) if s < 5_400.0 => format!("{:.0} min", s / 60.0),
        Some(s) => format!("{:.1} h", s / 3_600.0),
    }
}

/// A carrier a line, slowest first, then all.
pub(crate) fn table(estimate: &Value) -> String {
    let mut text =
        format!("{:>12} {:>8} {:>8} {:>8} {:>8} {:>17}  why\n", "", "mails", "half", "95 %", "99 %", "95 % between");
    let mut row = |name: &str, part: &Value| {
        let time = |range: &str, key: &str| shown(part[range][key].as_f64());
        let between = match part["sureness"].as_str() {
            Some("learned") => String::new(),
            _ => format!("{} – {}", time("earliest_s", "p95"), time("latest_s", "p95")),
        };
        let late = part["late"].as_u64().filter(|late| *late > 0).map_or(String::new(), |n| format!("; {n} too late"));
        text.push_str(&format!(
            "{name:>12} {:>8} {:>8} {:>8} {:>8} {between:>17}  {}{late}\n",
            part["mails"].as_u64().unwrap_or_default(),
            time("likely_s", "p50"),
            time("likely_s", "p95"),
            time("likely_s", "p99"),
            part["text_en"].as_str().unwrap_or_default(),
        ));
    };
    for part in estimate["carriers"].as_array().into_iter().flatten() {
        row(part["carrier"].as_str().unwrap_or_default(), part);
    }
    row("all", estimate);
    if let Some(line) = line(estimate) {
        text.push_str(&format!("{line}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_names_each_carrier_its_times_and_its_reason() {
        let part = |carrier: &str, p95: f64, sureness: &str| {
            json!({
                "carrier": carrier, "mails": 800, "late": 0, "sureness": sureness, "text_en": "8 addresses × 10",
                "likely_s": { "p50": p95 / 2.0, "p95": p95, "p99": p95 },
                "earliest_s": { "p95": 60.0 }, "latest_s": { "p95": null },
            })
        };
        let mut estimate = part("", 570.0, "learned");
        estimate["carriers"] = json!([part("softbank", 570.0, "learned"), part("au", 45.0, "unknown")]);
        estimate["words_en"] = "all by 07:42, SoftBank slowest".into();
        let text = table(&estimate);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        assert!(lines[1].contains("softbank") && lines[1].contains("10 min") && lines[1].contains("8 addresses"));
        assert!(lines[2].contains("45 s") && lines[2].contains("60 s – never"), "{}", lines[2]);
        assert_eq!(lines[4], "all by 07:42, SoftBank slowest");
    }
}
