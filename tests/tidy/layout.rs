//! The top level, and the README of every crate.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::tree::{Manifest, Tree};

const TOP_LEVEL: [&str; 12] = [
    "Cargo.toml",
    "Cargo.lock",
    "Makefile",
    "README.md",
    "LICENSE",
    "crates",
    "engine-config",
    "ip-pools",
    "control-api",
    "bench",
    "tests",
    "ops",
];
/// Made by builds and runs, and ignored by git.
const MADE: [&str; 2] = ["target", "data"];
const TOP: &str = "the visible top level is fixed";
const DOCUMENTED: &str = "a crate's README.md is its documentation";

pub fn top_level(names: &BTreeSet<String>) -> Vec<Finding> {
    let visible = |name: &&String| !name.starts_with('.') && !MADE.contains(&name.as_str());
    let extra = names.iter().filter(visible).filter(|name| !TOP_LEVEL.contains(&name.as_str()));
    let extra = extra.map(|name| Finding::of(name, TOP, "Move it into one of the folders, or make it a dot-file."));
    let missing = TOP_LEVEL.iter().filter(|name| !names.contains(**name));
    extra.chain(missing.map(|name| Finding::of(name, TOP, "It is missing: add it."))).collect()
}

pub fn crate_readme(tree: &Tree, manifest: &Manifest) -> Vec<Finding> {
    let readme = format!("{}/README.md", manifest.folder);
    let roots = ["lib.rs", "main.rs"].map(|root| format!("{}/src/{root}", manifest.folder));
    let root = roots.iter().find_map(|root| Some((root.as_str(), tree.text(root)?)));
    readme_findings(&readme, tree.text(&readme).as_deref(), root.as_ref().map(|(path, text)| (*path, text.as_str())))
}

fn readme_findings(path: &str, readme: Option<&str>, root: Option<(&str, &str)>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match readme {
        None => findings.push(Finding::of(path, DOCUMENTED, "It is missing: purpose, module table, invariants.")),
        Some(text) if text.lines().count() < 8 => {
            findings.push(Finding::of(path, DOCUMENTED, "It says too little: purpose, module table, invariants."));
        }
        Some(_) => {}
    }
    if let Some((root, text)) = root {
        if !text.contains("#![doc = include_str!(\"../README.md\")]") {
            let remedy = "Add #![doc = include_str!(\"../README.md\")] below the first line.";
            findings.push(Finding::at(root, 2, DOCUMENTED, remedy));
        }
    }
    findings
}

#[test]
fn a_strange_or_missing_name_at_the_top_is_found() {
    let mut names: BTreeSet<String> = TOP_LEVEL.iter().map(|name| (*name).to_owned()).collect();
    names.extend([".github".to_owned(), "target".to_owned()]);
    assert!(top_level(&names).is_empty());
    names.insert("docs".to_owned());
    names.remove("LICENSE");
    let places: Vec<_> = top_level(&names).into_iter().map(|f| f.place).collect();
    assert_eq!(places, ["docs", "LICENSE"]);
}

#[test]
fn a_crate_without_a_readme_or_one_that_is_not_named_is_found() {
    let long = "line\n".repeat(8);
    let named = "//! One line.\n#![doc = include_str!(\"../README.md\")]\n";
    assert!(readme_findings("README.md", Some(&long), Some(("src/lib.rs", named))).is_empty());
    assert_eq!(readme_findings("README.md", None, Some(("src/lib.rs", named)))[0].place, "README.md");
    assert_eq!(readme_findings("README.md", Some("# x"), Some(("src/lib.rs", named))).len(), 1);
    let unnamed = readme_findings("README.md", Some(&long), Some(("src/lib.rs", "//! One line.\n")));
    assert_eq!(unnamed[0].place, "src/lib.rs:2");
}
