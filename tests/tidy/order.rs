//! Crates stand in one order and depend upwards only; the README's table shows the same order.

use crate::finding::Finding;
use crate::tree::Manifest;

/// The order of the README's crate table, by package name.
const ORDER: [&str; 31] = [
    "mail-model",
    "clock",
    "scenario",
    "engine-config",
    "telemetry",
    "figures",
    "vault",
    "smtp-wire",
    "return-links",
    "bounce",
    "throttle",
    "ip-pools",
    "dns",
    "carriers",
    "compose",
    "queue",
    "tls-policy",
    "smtp-client",
    "smtp-server",
    "scheduler",
    "canary",
    "inbound",
    "sender-check",
    "delivery",
    "control-api",
    "testkit",
    "simulator",
    "todoke",
    "todoke-tests",
    "todoke-bench",
    "todoke-fuzz",
];

const UPWARDS: &str = "a crate depends only on crates above it in the README's table, in tests too";
const LISTED: &str = "every crate stands in the README's crate table and in tests/tidy/order.rs, in the same order";

fn place(name: &str) -> Option<usize> {
    ORDER.iter().position(|known| *known == name)
}

/// Dependencies of every kind, with the line of each.
fn dependencies_of(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_matches(['[', ']']);
            inside = section.ends_with("dependencies");
            if let Some((kind, name)) = section.rsplit_once('.') {
                if kind.ends_with("dependencies") {
                    found.push((i + 1, name.to_owned()));
                }
            }
        } else if let (true, Some((name, _))) = (inside, line.split_once(['=', '.'])) {
            found.push((i + 1, name.trim().trim_matches('"').to_owned()));
        }
    }
    found
}

pub fn dependencies(manifests: &[Manifest]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests {
        let path = format!("{}/Cargo.toml", manifest.folder);
        let Some(own) = place(&manifest.name) else {
            findings.push(Finding::of(&path, LISTED, format!("Add {} to both.", manifest.name)));
            continue;
        };
        for (line, name) in dependencies_of(&manifest.text) {
            if place(&name).is_some_and(|other| other >= own) {
                let remedy = format!("{} may not use {name}: move what both need upwards.", manifest.name);
                findings.push(Finding::at(&path, line, UPWARDS, remedy));
            }
        }
    }
    for name in ORDER.iter().filter(|name| !manifests.iter().any(|m| m.name == **name)) {
        findings.push(Finding::of("tests/tidy/order.rs", LISTED, format!("{name} does not exist: remove it.")));
    }
    findings
}

/// The names in backticks in the column headed "crate".
fn listed(readme: &str) -> Vec<(usize, String)> {
    let cells = |line: &str| line.trim().trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect::<Vec<_>>();
    let mut column = None;
    let mut names = Vec::new();
    for (i, line) in readme.lines().enumerate() {
        if !line.trim_start().starts_with('|') {
            column = None;
            continue;
        }
        let cells = cells(line);
        match column {
            None => column = Some(cells.iter().position(|cell| cell == "crate")),
            Some(Some(column)) => {
                let cell = cells.get(column).map(String::as_str).unwrap_or_default();
                names.extend(cell.split('`').skip(1).step_by(2).map(|name| (i + 1, name.to_owned())));
            }
            Some(None) => {}
        }
    }
    names
}

pub fn readme_table(readme: &str, manifests: &[Manifest]) -> Vec<Finding> {
    let listed = listed(readme);
    let mut findings = Vec::new();
    for manifest in manifests.iter().filter(|m| !listed.iter().any(|(_, name)| *name == m.name)) {
        findings.push(Finding::of("README.md", LISTED, format!("Add a row for `{}`.", manifest.name)));
    }
    let mut before = None;
    for (line, name) in &listed {
        let own = place(name);
        if own.is_none() || own <= before {
            let remedy = format!("`{name}` is unknown, doubled or out of order.");
            findings.push(Finding::at("README.md", *line, LISTED, remedy));
        }
        before = own.max(before);
    }
    findings
}

#[cfg(test)]
fn sample(name: &str, text: &str) -> Manifest {
    Manifest { folder: format!("crates/{name}"), name: name.into(), text: text.into() }
}

#[test]
fn a_dependency_downwards_is_found_in_every_kind_of_section() {
    for section in ["dependencies", "dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
        let text = format!("[package]\nname = \"bounce\"\n[{section}]\nserde = \"1\"\nqueue.workspace = true\n");
        let found = dependencies(&[sample("bounce", &text)]);
        assert_eq!((found[0].place.as_str(), found[0].rule), ("crates/bounce/Cargo.toml:5", UPWARDS), "{section}");
    }
    let table = dependencies(&[sample("bounce", "[dependencies.queue]\nworkspace = true\n")]);
    assert_eq!(table[0].place, "crates/bounce/Cargo.toml:1");
    assert_eq!(dependencies(&[sample("helper", "")])[0].rule, LISTED);
}

#[test]
fn a_crate_missing_from_the_table_or_out_of_order_is_found() {
    let table = |rows: &str| format!("| row | crate | one line |\n|---|---|---|\n{rows}");
    let manifests = [sample("clock", ""), sample("bounce", "")];
    assert!(readme_table(&table("| a | [`clock`](x) | y |\n| a | `bounce` | y |\n"), &manifests).is_empty());
    let missing = readme_table(&table("| a | `clock` | `bounce` |\n"), &manifests);
    assert!(missing[0].remedy.contains("`bounce`"));
    let swapped = readme_table(&table("| a | `bounce` | y |\n| a | `clock` | y |\n"), &manifests);
    assert_eq!(swapped[0].place, "README.md:4");
}
