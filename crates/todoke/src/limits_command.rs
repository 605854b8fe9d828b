//! `limits`: what was learned about the carriers' limits, and forgetting it, against a running engine.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use clock::Clock;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::client::Client;
use crate::engine_args::EngineArgs;

const LIMITS: &str = "/engine/api/limits/v1";

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct LimitsArgs {
    #[command(subcommand)]
    command: Option<LimitsCommand>,
    /// Only this carrier.
    #[arg(long)]
    carrier: Option<String>,
    /// Only this source.
    #[arg(long)]
    source: Option<String>,
    /// Print the engine's answer as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Subcommand, Debug)]
enum LimitsCommand {
    /// Forget what was learned of a carrier: sending begins anew with the start values, and who rests there is woken.
    Forget {
        /// Which carrier.
        #[arg(long)]
        carrier: String,
        /// Only of this source.
        #[arg(long)]
        source: Option<String>,
        /// Why; stays on record.
        #[arg(long)]
        reason: String,
    },
}

pub(crate) async fn run(args: LimitsArgs) -> Result<ExitCode> {
    let client = Client::new(&args.engine)?;
    if let Some(LimitsCommand::Forget { carrier, source, reason }) = args.command {
        let mut body = Map::from_iter([("carrier".into(), carrier.into()), ("reason".into(), reason.into())]);
        source.map(|source| body.insert("source".into(), source.into()));
        client.delete(LIMITS, &Value::Object(body)).await?;
        println!("forgotten; sending there begins with the start values");
        return Ok(ExitCode::SUCCESS);
    }
    let asked = [("carrier", &args.carrier), ("source", &args.source)];
    let asked = asked.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_deref()?)));
    let limits = client.get(&format!("{LIMITS}?{}", asked.collect::<Vec<_>>().join("&"))).await?;
    if args.json {
        println!("{limits}");
    } else {
        let now = i64::try_from(Clock::system().unix().0).unwrap_or(i64::MAX);
        print!("{}", table(&limits, &TimeZone::system(), Timestamp::from_millisecond(now)?));
    }
    Ok(ExitCode::SUCCESS)
}

fn rows<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn rate(value: &Value) -> String {
    match value.as_f64() {
        None => "?".to_owned(),
        Some(rate) if rate < 10.0 => format!("{rate:.1}"),
        Some(rate) => format!("{rate:.0}"),
    }
}

/// The whole answer for people.
fn table(limits: &Value, zone: &TimeZone, now: Timestamp) -> String {
    let mut lines = Vec::new();
    for carrier in rows(limits, "carriers") {
        let domain = text(&carrier["domain"]);
        let name = if domain.is_empty() { text(&carrier["carrier"]) } else { domain };
        lines.push(format!(
            "{name}: {} wait, up to {} a minute now",
            carrier["waiting"],
            rate(&carrier["rate_per_min"])
        ));
        lines.push(format!(
            "  {:<12} {:>8} {:>8} {:<10} {:>8} {:>9} {:>9}  {}",
            "source", "now/min", "limit", "learned", "sessions", "a session", "last hour", "state"
        ));
        lines.extend(rows(carrier, "sources").iter().map(|source| source_line(source, zone, now)));
        lines.extend(rows(carrier, "netblocks").iter().filter_map(|block| netblock_line(block, zone, now)));
        lines.push(String::new());
    }
    if lines.is_empty() {
        lines.push("nothing was sent to any carrier yet".to_owned());
    }
    for young in rows(limits, "warm_up") {
        let goes_on = at(&young["below_cap_at"], zone).map(|at| format!("; goes on at {at}")).unwrap_or_default();
        lines.push(format!(
            "warm-up of {}, day {}: {} of {} in the last hour{goes_on}",
            text(&young["source"]),
            young["day"],
            young["sent"],
            young["cap"]
        ));
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn source_line(source: &Value, zone: &TimeZone, now: Timestamp) -> String {
    let sure = source["sure"].as_bool() == Some(true) || source["limit_per_min"].is_null();
    let limit = format!("{}{}", rate(&source["limit_per_min"]), if sure { "" } else { "?" });
    let most = source["sessions_limit"].as_u64().map_or(String::new(), |most| format!(" (of {most})"));
    let a_session = source["session_mails_limit"].as_u64().map_or("-".to_owned(), |mails| mails.to_string());
    let sessions = format!("{}/{}{most}", source["sessions"], source["sessions_allowed"]);
    format!(
        "  {:<12} {:>8} {limit:>8} {:<10} {sessions:>8} {a_session:>9} {:>9}  {}",
        text(&source["source"]),
        rate(&source["rate_per_min"]),
        age(&source["learned_at"], now),
        source["sent_this_hour"].to_string(),
        state(source, zone)
    )
}

fn state(source: &Value, zone: &TimeZone) -> String {
    let until = at(&source["until"], zone).map(|at| format!(" until {at}")).unwrap_or_default();
    let why = match text(&source["why"]) {
        "" => String::new(),
        why => format!(" ({})", why.replace('_', " ")),
    };
    format!("{}{until}{why}", text(&source["state"]))
}

fn netblock_line(block: &Value, zone: &TimeZone, now: Timestamp) -> Option<String> {
    let mut told = Vec::new();
    if !block["limit_per_min"].is_null() {
        told.push(format!("together {} a minute, {}", rate(&block["limit_per_min"]), age(&block["learned_at"], now)));
    }
    if block["recipients"].as_u64() > Some(0) {
        told.push(format!("{} of {} recipients unknown", block["unknown"], block["recipients"]));
    }
    if let Some(at) = at(&block["paused_until"], zone) {
        told.push(format!("left alone until {at}: too many unknown users"));
    }
    (!told.is_empty()).then(|| format!("  {}: {}", text(&block["netblock"]), told.join("; ")))
}

/// A time of day on the operator's wall.
fn at(time: &Value, zone: &TimeZone) -> Option<String> {
    let time: Timestamp = time.as_str()?.parse().ok()?;
    Some(time.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string())
}

fn age(time: &Value, now: Timestamp) -> String {
    let Some(time) = time.as_str().and_then(|text| text.parse::<Timestamp>().ok()) else { return "-".to_owned() };
    let seconds = now.duration_since(time).as_secs().max(0);
    match seconds {
        0..90 => format!("{seconds} s ago"),
        90..5_400 => format!("{} min ago", seconds / 60),
        5_400..129_600 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_says_who_sends_how_much_and_who_rests_why() {
        let source = |name: &str, state: &str| {
            json!({
                "source": name, "netblock": "192.0.2.0/24", "state": state, "why": null, "until": null,
                "rate_per_min": 118.4, "limit_per_min": 125.0, "sure": true, "proven_per_min": 118.0,
                "learned_at": "2026-09-01T03:10:00Z", "sessions": 2, "sessions_allowed": 2, "sessions_limit": null,
                "session_mails_limit": 20, "sent_this_hour": 1204
            })
        };
        let mut resting = source("s2", "resting");
        resting["why"] = "connect_reset".into();
        resting["until"] = "2026-09-01T03:30:00Z".into();
        resting["sure"] = false.into();
        let limits = json!({
            "carriers": [{
                "carrier": "docomo", "domain": "", "waiting": 1200, "rate_per_min": 118.4,
                "netblocks": [{"netblock": "192.0.2.0/24", "limit_per_min": 900.0, "learned_at": "2026-08-30T03:00:00Z",
                    "unknown": 3, "recipients": 500, "paused_until": null}],
                "sources": [source("s1", "sending"), resting],
            }],
            "warm_up": [{"source": "s9", "day": 3, "cap": 39, "sent": 39, "below_cap_at": "2026-09-01T03:40:00Z"}],
        });
        let shown = table(&limits, &TimeZone::UTC, "2026-09-01T03:13:00Z".parse().unwrap());
        let lines = [
            "docomo: 1200 wait, up to 118 a minute now",
            "  s1                118      125 3 min ago       2/2        20      1204  sending",
            "  s2                118     125? 3 min ago       2/2        20      1204  resting until 03:30:00 (connect reset)",
            "  192.0.2.0/24: together 900 a minute, 2 d ago; 3 of 500 recipients unknown",
            "warm-up of s9, day 3: 39 of 39 in the last hour; goes on at 03:40:00",
        ];
        for line in lines {
            assert!(shown.lines().any(|shown| shown == line), "{line}\n---\n{shown}");
        }
        let none = table(&json!({"carriers": [], "warm_up": []}), &TimeZone::UTC, Timestamp::UNIX_EPOCH);
        assert_eq!(none, "nothing was sent to any carrier yet\n");
    }
}
