//! What a rule found.

/// One breach of one rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// `path:line`, or the path alone.
    pub place: String,
    /// The rule, as a statement.
    pub rule: &'static str,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    pub fn at(path: &str, line: usize, rule: &'static str, remedy: impl Into<String>) -> Self {
        Self { place: format!("{path}:{line}"), rule, remedy: remedy.into() }
    }

    pub fn of(path: &str, rule: &'static str, remedy: impl Into<String>) -> Self {
        Self { place: path.to_owned(), rule, remedy: remedy.into() }
    }
}

/// Fails with every finding, one a line.
#[track_caller]
pub fn report(findings: Vec<Finding>) {
    if findings.is_empty() {
        return;
    }
    let lines: Vec<String> = findings.iter().map(|f| format!("{}: {}. {}", f.place, f.rule, f.remedy)).collect();
    panic!("{} findings\n{}\n", lines.len(), lines.join("\n"));
}

#[test]
#[should_panic(expected = "a.rs:3: files are short. split it")]
fn a_finding_names_place_rule_and_remedy() {
    report(vec![Finding::at("a.rs", 3, "files are short", "split it")]);
}
