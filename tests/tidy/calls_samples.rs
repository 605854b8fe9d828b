//! Small bad samples for the rules of `calls`, and good ones that must pass.

use super::*;

fn lines(rule: fn(&str, &syn::File) -> Vec<Finding>, path: &str, text: &str) -> Vec<String> {
    let syntax = syn::parse_file(text).unwrap();
    rule(path, &syntax).into_iter().map(|finding| finding.place).collect()
}

#[test]
fn an_unwrap_is_found_wherever_it_hides_and_tests_are_free() {
    let table = [
        ("fn f() { a().unwrap(); }", 1),
        ("fn f() { a().expect(\"x\"); }", 1),
        ("fn f() { a().expect(&message); }", 1),
        ("fn f() { format!(\"{}\", a().unwrap()); }", 1),
        ("fn f() { select! { x = y => { b.unwrap() } } }", 1),
        ("fn f() { a().expect(\"a checked name has no space\"); }", 0),
        ("fn f() { a().unwrap_or(1); }", 0),
        ("#[cfg(test)] mod tests { fn f() { a().unwrap(); } }", 0),
        ("#[test] fn f() { a().unwrap(); }", 0),
        ("#[tokio::test] async fn f() { a().unwrap(); }", 0),
        ("#[cfg(not(test))] fn f() { a().unwrap(); }", 1),
    ];
    for (text, findings) in table {
        assert_eq!(lines(panics, "crates/x/src/a.rs", text).len(), findings, "{text}");
    }
    let good = "fn f() { a().expect(\"a checked name has no space\"); }";
    assert_eq!(lines(panics, "crates/engine/queue/src/a.rs", good), ["crates/engine/queue/src/a.rs:1"]);
}

#[test]
fn an_ignored_store_result_is_found() {
    let table = [
        ("fn f() { let _ = self.db.write(batch); }", 1),
        ("fn f() { self.db.flush_wal(true).ok(); }", 1),
        ("fn f() { let x = db.get_cf(a, b).unwrap_or_default(); }", 1),
        ("fn f() { if std::fs::rename(a, b).is_err() {} }", 1),
        ("fn f() { let _ = sender.send(reply); }", 0),
        ("fn f() { text.parse().ok() }", 0),
        ("#[cfg(test)] mod tests { fn f() { let _ = db.write(b); } }", 0),
    ];
    for (text, findings) in table {
        assert_eq!(lines(ignored_store_results, "a.rs", text).len(), findings, "{text}");
    }
}

#[test]
fn a_clock_or_a_die_is_found_in_code_in_macros_and_in_tests() {
    let table = [
        ("fn f() { let t = Instant::now(); }", 1),
        ("fn f() { let t = std::time::SystemTime::now(); }", 1),
        ("fn f() { let t = tokio::time::Instant::now(); }", 1),
        ("fn f() { assert!(Instant::now() > x); }", 1),
        ("#[test] fn f() { Zoned::now(); }", 1),
        ("use rand::Rng;", 1),
        ("fn f() { aws_lc_rs::rand::fill(&mut key); }", 0),
        ("fn f() { fastrand::u8(..); }", 1),
        ("use std::hash::{BuildHasher, RandomState};", 1),
        ("fn f() { Uuid::now_v7(); }", 1),
        ("fn f() { clock.mono(); let rand = 1; }", 0),
        ("fn f() { start.elapsed(); now(); }", 0),
    ];
    for (text, findings) in table {
        assert_eq!(lines(time_and_chance, "a.rs", text).len(), findings, "{text}");
    }
}
