//! Modules of one crate depend on each other in one direction only.
//!
//! A module depends on another when it names a path into it (`crate::…`, `super::…`, a child's name). A name that a
//! module only re-exports (`pub use`) counts for the module that defines it, and the re-export itself counts for nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::calls::is_test;
use crate::finding::Finding;
use crate::tree::{File, Tree};

type ModulePath = Vec<String>;

/// One module in its file.
pub struct Module<'t> {
    pub path: ModulePath,
    pub file: &'t File,
}

/// A root module with all that it declares outside tests.
pub struct Crate<'t> {
    pub modules: Vec<Module<'t>>,
}

/// Follows `mod name;` from a root file.
pub fn modules<'t>(tree: &'t Tree, source: &str, root: &str) -> Option<Crate<'t>> {
    let find = |path: &str| tree.files.iter().find(|file| file.path == path);
    let mut waiting = VecDeque::from([(ModulePath::new(), find(&format!("{source}/{root}"))?, source.to_owned())]);
    let mut modules = Vec::new();
    while let Some((path, file, folder)) = waiting.pop_front() {
        for (name, place) in declared(file.syntax.as_ref()?) {
            let child = match place {
                Some(place) => find(&format!("{folder}/{place}")),
                None => find(&format!("{folder}/{name}.rs")).or_else(|| find(&format!("{folder}/{name}/mod.rs"))),
            };
            let mut child_path = path.clone();
            child_path.push(name.clone());
            waiting.extend(child.map(|child| (child_path, child, format!("{folder}/{name}"))));
        }
        modules.push(Module { path, file });
    }
    Some(Crate { modules })
}

fn declared(syntax: &syn::File) -> Vec<(String, Option<String>)> {
    let modules = syntax.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) if module.content.is_none() && !is_test(&module.attrs) => Some(module),
        _ => None,
    });
    modules.map(|module| (module.ident.to_string(), path_attribute(&module.attrs))).collect()
}

fn path_attribute(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// The paths that one module names.
#[derive(Default)]
struct Paths {
    used: Vec<(Vec<String>, usize)>,
    reexported: BTreeMap<String, Vec<String>>,
}

impl Paths {
    fn of(syntax: &syn::File) -> Self {
        let mut paths = Self::default();
        paths.visit_file(syntax);
        paths
    }

    fn tree(&mut self, tree: &syn::UseTree, before: &[String], line: usize, reexport: bool) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident), line, reexport),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, before, line, reexport)),
            syn::UseTree::Name(name) => self.end(with(&name.ident), name.ident.to_string(), line, reexport),
            syn::UseTree::Rename(rename) => self.end(with(&rename.ident), rename.rename.to_string(), line, reexport),
            syn::UseTree::Glob(_) => self.end(before.to_vec(), String::new(), line, reexport),
        }
    }

    fn end(&mut self, path: Vec<String>, name: String, line: usize, reexport: bool) {
        if reexport {
            self.reexported.insert(name, path);
        } else {
            self.used.push((path, line));
        }
    }

    fn tokens(&mut self, stream: TokenStream) {
        let mut names: Vec<String> = Vec::new();
        let mut line = 0;
        let end = [TokenTree::Punct(proc_macro2::Punct::new(';', proc_macro2::Spacing::Alone))];
        for token in stream.into_iter().chain(end) {
            match token {
                TokenTree::Ident(ident) => {
                    line = ident.span().start().line;
                    names.push(ident.to_string());
                    continue;
                }
                TokenTree::Punct(colon) if colon.as_char() == ':' => continue,
                TokenTree::Group(group) => self.tokens(group.stream()),
                _ => {}
            }
            if names.len() > 1 {
                self.used.push((names.clone(), line));
            }
            names.clear();
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.tree(
                &item.tree,
                &[],
                item.use_token.span.start().line,
                !matches!(item.vis, syn::Visibility::Inherited),
            );
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.used.push((names, path.segments[0].ident.span().start().line));
        }
        visit::visit_path(self, path);
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        // What `macro_rules!` names is named by those who call it.
        if item.ident.is_none() {
            visit::visit_item_macro(self, item);
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }
}

/// From a path as written to the module that defines what it names; `None` for a path that leaves the crate.
fn resolve(
    all: &BTreeMap<ModulePath, Paths>,
    from: &ModulePath,
    written: &[String],
    hops: usize,
) -> Option<ModulePath> {
    let mut at = from.clone();
    let mut rest = written;
    match written.first()?.as_str() {
        "crate" => {
            at.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {
            while rest.first().is_some_and(|name| name == "super") {
                at.pop()?;
                rest = &rest[1..];
            }
        }
        child => {
            all.contains_key(&[at.as_slice(), &[child.to_owned()]].concat()).then_some(())?;
        }
    }
    while let Some(name) = rest.first() {
        let child = [at.as_slice(), std::slice::from_ref(name)].concat();
        if all.contains_key(&child) {
            at = child;
            rest = &rest[1..];
            continue;
        }
        return match all.get(&at).and_then(|paths| paths.reexported.get(name)) {
            Some(target) if hops > 0 => resolve(all, &at, target, hops - 1),
            _ => Some(at),
        };
    }
    Some(at)
}

pub fn check(crate_: &Crate<'_>) -> Vec<Finding> {
    let parsed = crate_.modules.iter().filter_map(|m| Some((m.path.clone(), Paths::of(m.file.syntax.as_ref()?))));
    let all: BTreeMap<ModulePath, Paths> = parsed.collect();
    let mut arrows: BTreeMap<&ModulePath, BTreeMap<ModulePath, usize>> = BTreeMap::new();
    for (from, paths) in &all {
        for (path, line) in &paths.used {
            if let Some(to) = resolve(&all, from, path, 5).filter(|to| to != from) {
                arrows.entry(from).or_default().entry(to).or_insert(*line);
            }
        }
    }
    let mut findings = Vec::new();
    let mut told: BTreeSet<ModulePath> = BTreeSet::new();
    for start in all.keys() {
        if told.contains(start) {
            continue;
        }
        if let Some(circle) = shortest_circle(&arrows, start) {
            told.extend(circle.iter().cloned());
            findings.push(finding(crate_, &arrows, &circle));
        }
    }
    findings
}

fn shortest_circle(
    arrows: &BTreeMap<&ModulePath, BTreeMap<ModulePath, usize>>,
    start: &ModulePath,
) -> Option<Vec<ModulePath>> {
    let mut waiting = VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = waiting.pop_front() {
        for next in arrows.get(way.last()?).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                waiting.push_back([way.as_slice(), std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}

fn finding(
    crate_: &Crate<'_>,
    arrows: &BTreeMap<&ModulePath, BTreeMap<ModulePath, usize>>,
    circle: &[ModulePath],
) -> Finding {
    let name = |path: &ModulePath| if path.is_empty() { "the crate's root".to_owned() } else { path.join("::") };
    let way: Vec<String> = circle.iter().chain(circle.first()).map(name).collect();
    let next = circle.get(1).or(circle.first());
    let line = arrows.get(&circle[0]).and_then(|to| to.get(next?)).copied().unwrap_or(1);
    let file = crate_.modules.iter().find(|m| m.path == circle[0]).map_or("?", |m| m.file.path.as_str());
    let remedy = format!("{}: move what both need into a module of its own.", way.join(" → "));
    Finding::at(file, line, "modules of a crate form no circle", remedy)
}

#[cfg(test)]
#[path = "circles_samples.rs"]
mod samples;
