//! The operator's files speak of metrics that exist, and each alert has its runbook.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use telemetry::{METRICS, MetricKind};

fn ops() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(ops().join(path)).unwrap()
}

/// Names in a PromQL expression that are no functions, keywords, labels or strings.
fn metrics_in(expr: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // Strings, then what stands in braces, then lists of labels, cannot hold a metric.
    let unquoted: String = expr.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let mut rest = String::new();
    let mut depth = 0;
    for c in unquoted.chars() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            c if depth == 0 => rest.push(c),
            _ => {}
        }
    }
    for keyword in ["by (", "on (", "ignoring (", "without ("] {
        while let Some((before, after)) = rest.split_once(keyword) {
            rest = format!("{before} {}", after.split_once(')').unwrap().1);
        }
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut at = 0;
    while at < rest.len() {
        let tail = &rest[at..];
        let len = tail.find(|c| !word(c)).unwrap_or(tail.len());
        let name = &tail[..len];
        let is_call = tail[len..].trim_start().starts_with('(');
        let keyword = ["and", "or", "unless", "offset", "bool"].contains(&name);
        // Numbers and durations begin with a digit.
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_call && !keyword {
            names.insert(name.to_owned());
        }
        at += len.max(1);
        while at < rest.len() && !rest.is_char_boundary(at) {
            at += 1;
        }
    }
    names
}

fn known(name: &str) -> bool {
    // Prometheus itself tells whether a target is up.
    if name == "up" {
        return true;
    }
    METRICS.iter().any(|metric| match metric.kind {
        MetricKind::Seconds(_) => {
            ["_bucket", "_sum", "_count"].iter().any(|end| name.strip_suffix(end) == Some(metric.name))
        }
        _ => metric.name == name,
    })
}

struct Alert {
    name: String,
    expr: String,
    lines: Vec<String>,
}

/// The file is ours and plain: `- alert:` begins a rule, keys stand one a line, a folded text is indented deeper.
fn alerts() -> Vec<Alert> {
    let mut alerts: Vec<Alert> = Vec::new();
    let mut in_expr = false;
    for line in read("prometheus/alerts.yml").lines() {
        let text = line.trim();
        if let Some(name) = text.strip_prefix("- alert: ") {
            alerts.push(Alert { name: name.to_owned(), expr: String::new(), lines: Vec::new() });
            in_expr = false;
        }
        let Some(alert) = alerts.last_mut() else { continue };
        alert.lines.push(text.to_owned());
        let deeper = line.starts_with("          ");
        if let Some(expr) = text.strip_prefix("expr: ") {
            alert.expr.push_str(expr.trim_start_matches(">-"));
            in_expr = true;
        } else if in_expr && deeper {
            alert.expr.push(' ');
            alert.expr.push_str(text);
        } else {
            in_expr = false;
        }
    }
    alerts
}

#[test]
fn names_are_found_in_expressions() {
    let table = [
        (r#"up{job="todoke"} == 0 or absent(up{job="todoke"})"#, vec!["up"]),
        ("sum by (instance, le) (rate(a_bucket[5m])) > 0.25", vec!["a_bucket"]),
        ("a > 0 and on (instance) b unless c offset 10m", vec!["a", "b", "c"]),
        (r#"label_replace(sum(x), "carrier", "$1", "provider", "(.*)")"#, vec!["x"]),
        ("histogram_quantile(0.5, sum(d)) * 1000", vec!["d"]),
    ];
    for (expr, expected) in table {
        assert_eq!(metrics_in(expr).into_iter().collect::<Vec<_>>(), expected, "{expr}");
    }
}

#[test]
fn every_alert_names_metrics_that_exist_and_has_summaries_and_a_runbook() {
    let alerts = alerts();
    assert!(alerts.len() >= 12);
    for alert in &alerts {
        let metrics = metrics_in(&alert.expr);
        assert!(!metrics.is_empty(), "{} looks at nothing", alert.name);
        for metric in metrics {
            assert!(known(&metric), "{} names {metric}, which telemetry does not have", alert.name);
        }
        let has = |start: &str| alert.lines.iter().any(|line| line.starts_with(start));
        assert!(has("severity: page") || has("severity: ticket"), "{}", alert.name);
        assert!(has("summary: \"") && has("summary_en: \""), "{}", alert.name);
        assert!(has(&format!("runbook: ops/runbooks/{}.md", alert.name)), "{}", alert.name);
        let runbook = read(&format!("runbooks/{}.md", alert.name));
        assert!(runbook.starts_with(&format!("# {}: ", alert.name)), "{}", alert.name);
        for part in ["**For families:**", "**First look**", "**What to do**", "**Call**"] {
            assert!(runbook.contains(part), "{}.md lacks {part}", alert.name);
        }
    }
}

#[test]
fn every_runbook_belongs_to_an_alert_and_its_links_and_calls_exist() {
    let names: BTreeSet<String> = alerts().into_iter().map(|alert| alert.name).collect();
    for entry in std::fs::read_dir(ops().join("runbooks")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(names.contains(&name), "{name}.md belongs to no alert");
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(ops().join("runbooks").join(link).is_file(), "{name}.md links to {link}");
        }
        for call in text.split("/engine/api/").skip(1) {
            let path: String = call.chars().take_while(|c| c.is_ascii_alphanumeric() || "-/_".contains(*c)).collect();
            let path = path.replace("/NAME", "/{id}");
            let known = control_api::ROUTES.iter().any(|route| route.path.trim_start_matches("/engine/api/") == path);
            assert!(known, "{name}.md calls {path}");
        }
    }
}

#[test]
fn the_dashboard_shows_metrics_that_exist_and_misses_none() {
    let text = read("grafana/todoke.json");
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut shown = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels with one id");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let metrics = metrics_in(target["expr"].as_str().unwrap());
            for metric in &metrics {
                assert!(known(metric), "panel {} shows {metric}, which telemetry does not have", panel["title"]);
            }
            shown.extend(metrics);
        }
    }
    let missing: Vec<_> =
        METRICS.iter().map(|m| m.name).filter(|name| !shown.iter().any(|s| s.starts_with(name))).collect();
    assert!(missing.is_empty(), "not on the dashboard: {missing:?}");
}

#[test]
fn runbooks_point_at_panels_that_exist() {
    let dashboard: Value = serde_json::from_str(&read("grafana/todoke.json")).unwrap();
    let titles: Vec<&str> =
        dashboard["panels"].as_array().unwrap().iter().filter_map(|p| p["title"].as_str()).collect();
    for entry in std::fs::read_dir(ops().join("runbooks")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap().replace("**", "");
        let text: String = text.split('`').step_by(2).collect();
        for name in text.split('*').skip(1).step_by(2) {
            let exists = titles.iter().any(|title| title.split(" / ").any(|part| part.starts_with(name)));
            assert!(exists, "{path:?} points at a panel named {name:?}");
        }
    }
}
