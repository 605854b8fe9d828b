//! Words and paths that may not stand in the tree.

use crate::finding::Finding;

// Written in halves, so that this file passes its own rule.
const UNFINISHED: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("db", "g!")];
const MACHINE_PATHS: [&str; 3] = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/")];

pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, line) in text.lines().enumerate() {
        if let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word)) {
            let remedy = format!("Do what \"{word}\" stands for, or write the reason why not.");
            findings.push(Finding::at(path, i + 1, "no unfinished work stands in the tree", remedy));
        }
        if let Some(place) = MACHINE_PATHS.iter().find(|place| line.contains(**place)) {
            let remedy = format!("\"{place}\" exists on one machine only: take it from the environment.");
            findings.push(Finding::at(path, i + 1, "no path of one machine stands in the tree", remedy));
        }
    }
    findings
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let letter = |c: char| c.is_alphanumeric() || c == '_';
        let before = line[..at].chars().next_back().is_some_and(letter);
        let after = line[at + word.len()..].chars().next().is_some_and(letter);
        !before && (!after || word.ends_with('!'))
    })
}

#[test]
fn forbidden_words_and_paths_are_found_and_longer_words_are_not() {
    for word in UNFINISHED {
        let found = check("a.md", &format!("fine\n// {word} later"));
        assert_eq!(found.len(), 1, "{word}");
        assert_eq!(found[0].place, "a.md:2");
        assert!(check("a.md", &format!("a{word}")).is_empty());
    }
    for place in MACHINE_PATHS {
        assert_eq!(check("a.sh", &format!("cd {place}x")).len(), 1, "{place}");
    }
}
