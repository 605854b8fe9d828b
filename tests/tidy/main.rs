//! The shape of the tree, as tests: crate order, no circles, lengths, headers, forbidden calls and words.
//!
//! Each rule is a pure function from sources to findings, and shows beside itself that it fails on a bad sample.
//! A finding says where, which rule, and what to do.

mod calls;
mod circles;
mod finding;
mod layout;
mod order;
mod shape;
mod tree;
mod words;

use finding::report;
use tree::Tree;

#[test]
fn crates_depend_only_on_crates_above_them() {
    report(order::dependencies(&Tree::load().manifests));
}

#[test]
fn the_readme_lists_every_crate_in_order() {
    let tree = Tree::load();
    let readme = tree.text("README.md");
    report(order::readme_table(readme.as_deref().unwrap_or_default(), &tree.manifests));
}

#[test]
fn modules_of_a_crate_form_no_circle() {
    let tree = Tree::load();
    report(tree.crates().iter().flat_map(|roots| circles::check(roots)).collect());
}

#[test]
fn no_file_is_longer_than_400_lines() {
    report(Tree::load().files.iter().flat_map(|file| shape::file_length(&file.path, &file.text)).collect());
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let tree = Tree::load();
    report(tree.rust().flat_map(|(file, syntax)| shape::function_length(&file.path, syntax)).collect());
}

#[test]
fn every_rust_file_opens_with_its_purpose() {
    report(Tree::load().rust().flat_map(|(file, _)| shape::header(&file.path, &file.text)).collect());
}

#[test]
fn nothing_outside_tests_panics_on_what_a_remote_or_the_store_says() {
    let tree = Tree::load();
    let files = tree.product();
    report(files.into_iter().flat_map(|(file, syntax)| calls::panics(&file.path, syntax)).collect());
}

#[test]
fn the_queue_ignores_no_result_of_its_store() {
    let tree = Tree::load();
    let files = tree.rust().filter(|(file, _)| file.path.starts_with("crates/engine/queue/src/"));
    report(files.flat_map(|(file, syntax)| calls::ignored_store_results(&file.path, syntax)).collect());
}

#[test]
fn time_and_chance_come_from_clock_only() {
    let tree = Tree::load();
    let files = tree.rust().filter(|(file, _)| !file.path.starts_with("crates/base/clock/"));
    report(files.flat_map(|(file, syntax)| calls::time_and_chance(&file.path, syntax)).collect());
}

#[test]
fn the_top_level_is_what_the_readme_promises() {
    report(layout::top_level(&Tree::load().top_level));
}

#[test]
fn every_crate_has_a_readme_that_is_its_documentation() {
    let tree = Tree::load();
    report(tree.manifests.iter().flat_map(|crate_| layout::crate_readme(&tree, crate_)).collect());
}

#[test]
fn no_unfinished_work_and_no_machine_path_stands_in_the_tree() {
    report(Tree::load().files.iter().flat_map(|file| words::check(&file.path, &file.text)).collect());
}
