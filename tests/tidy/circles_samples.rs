//! Small crates with and without a circle.

use super::*;

fn places(files: &[(&str, &str)]) -> Vec<String> {
    let file = |(name, text): &(&str, &str)| File {
        path: format!("c/src/{name}.rs"),
        text: (*text).to_owned(),
        syntax: Some(syn::parse_file(text).unwrap()),
    };
    let files = files.iter().map(file).collect();
    let tree = Tree { files, manifests: Vec::new(), top_level: BTreeSet::new() };
    let root = modules(&tree, "c/src", "lib.rs").unwrap();
    check(&root).into_iter().map(|finding| finding.place).collect()
}

#[test]
fn a_circle_is_found_however_its_paths_are_written() {
    let lib = ("lib", "mod a; mod b; pub use a::A; pub use b::B;");
    let table = [
        ("use crate::b::B;", "use crate::a::A;", 1),
        ("use crate::B;", "use crate::A;", 1),
        ("use super::b::B;", "fn f(x: super::a::A) {}", 1),
        ("use super::B;", "fn f() { matches!(x, crate::a::A) }", 1),
        ("use crate::{b::{B, C}};", "fn f() { crate::a::g() }", 1),
        ("use crate::b::B;", "pub struct B;", 0),
        ("use crate::b::B;", "#[cfg(test)] mod tests { use crate::a::A; }", 0),
        ("use crate::b::B;", "use std::a::A;", 0),
        ("use crate::b::B;", "macro_rules! m { () => { crate::a::A } }", 0),
    ];
    for (a, b, circles) in table {
        assert_eq!(places(&[lib, ("a", a), ("b", b)]).len(), circles, "{a} / {b}");
    }
    let found = places(&[lib, ("a", "\nuse crate::b::B;"), ("b", "use crate::a::A;")]);
    assert_eq!(found, ["c/src/a.rs:2"]);
}

#[test]
fn a_parent_and_its_child_may_not_use_each_other() {
    let child = ("a", "use super::Root;");
    assert_eq!(places(&[("lib", "mod a; pub struct Root; fn f() { a::g() }"), child]).len(), 1);
    assert!(places(&[("lib", "mod a; pub struct Root; pub use a::A;"), child]).is_empty());
}

#[test]
fn a_circle_of_three_is_found_once() {
    let files = [
        ("lib", "mod a; mod b; mod c;"),
        ("a", "use crate::b::X;"),
        ("b", "use crate::c::X;"),
        ("c", "use crate::a::X;"),
    ];
    assert_eq!(places(&files).len(), 1);
}
