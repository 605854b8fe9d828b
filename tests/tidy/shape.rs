//! Lengths and headers.

use syn::visit::{self, Visit};

use crate::finding::Finding;

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

pub fn file_length(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let source = [".rs", ".ts", ".tsx"].iter().any(|end| path.ends_with(end));
    (source && lines > FILE_LINES_MAX).then(|| {
        Finding::at(
            path,
            FILE_LINES_MAX + 1,
            "a file has at most 400 lines",
            format!("It has {lines}: split it by noun."),
        )
    })
}

pub fn header(path: &str, text: &str) -> Option<Finding> {
    let purpose = text.lines().next().and_then(|line| line.strip_prefix("//!")).is_some_and(|p| p.trim().len() >= 10);
    (!purpose).then(|| {
        Finding::at(path, 1, "a file opens with a `//!` line that tells its purpose", "Write one sentence on line 1.")
    })
}

struct Functions<'p> {
    path: &'p str,
    findings: Vec<Finding>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.fn_token.span.start().line;
        let lines = block.brace_token.span.close().end().line + 1 - first;
        if lines > FUNCTION_LINES_MAX {
            let remedy = format!("`{}` has {lines}: branch in the parent, work in functions beneath.", signature.ident);
            self.findings.push(Finding::at(self.path, first, "a function has at most 70 lines", remedy));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

pub fn function_length(path: &str, syntax: &syn::File) -> Vec<Finding> {
    let mut functions = Functions { path, findings: Vec::new() };
    functions.visit_file(syntax);
    functions.findings
}

#[test]
fn a_file_of_401_lines_is_found_and_one_of_400_is_not() {
    assert!(file_length("a.rs", &"x\n".repeat(400)).is_none());
    assert_eq!(file_length("a.tsx", &"x\n".repeat(401)).unwrap().place, "a.tsx:401");
    assert!(file_length("a.md", &"x\n".repeat(401)).is_none());
}

#[test]
fn a_function_of_71_lines_is_found_wherever_it_stands() {
    let body = |lines: usize| format!("fn long() {{\n{}}}", "    let _x = 1;\n".repeat(lines - 2));
    let check = |text: &str| function_length("a.rs", &syn::parse_file(text).unwrap());
    assert!(check(&body(70)).is_empty());
    assert_eq!(check(&format!("\n{}", body(71)))[0].place, "a.rs:2");
    assert_eq!(check(&format!("impl A {{\n{}\n}}", body(71))).len(), 1);
    assert_eq!(check(&format!("trait A {{\n{}\n}}", body(71))).len(), 1);
    assert_eq!(check(&format!("mod a {{\nfn b() {{\n{}\n}}\n}}", body(71))).len(), 2);
}

#[test]
fn a_file_without_a_purpose_is_found() {
    assert!(header("a.rs", "//! What a rule found.\n").is_none());
    assert!(header("a.rs", "use std::fmt;\n").is_some());
    assert!(header("a.rs", "//!\n//! late\n").is_some());
    assert!(header("a.rs", "").is_some());
}
