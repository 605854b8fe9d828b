//! Calls that may not stand where they stand: panics, ignored store results, time and chance.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::finding::Finding;

const PANICS: &str = "nothing outside tests panics on what a remote or the store says";
const STORE: &str = "no result of the store is ignored";
const TIME: &str = "time and chance are arguments";

/// Crates that read remote bytes or the store: there `expect` has no place at all.
const NO_EXPECT: [&str; 3] = ["crates/engine/smtp-wire/", "crates/engine/smtp-client/", "crates/engine/queue/"];
/// Methods that read or write the store, or make it durable.
const STORE_CALLS: [&str; 24] = [
    "write",
    "write_opt",
    "write_without_wal",
    "put",
    "put_cf",
    "merge",
    "merge_cf",
    "delete",
    "delete_cf",
    "delete_range_cf",
    "get_cf",
    "get_pinned_cf",
    "multi_get_cf",
    "flush",
    "flush_cf",
    "flush_opt",
    "flush_wal",
    "create_checkpoint",
    "sync_all",
    "sync_data",
    "rename",
    "write_all",
    "remove_file",
    "create_cf",
];
/// `X::now` of these reads the machine's clock.
const CLOCKS: [&str; 7] = ["Instant", "SystemTime", "Timestamp", "Zoned", "Utc", "Local", "OffsetDateTime"];
const CHANCE: [&str; 4] = ["rand", "fastrand", "getrandom", "RandomState"];

/// Whether an item is compiled for tests only.
pub fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let tokens = list.tokens.to_string();
            tokens == "test" || (tokens.starts_with("all") && tokens.contains("test"))
        }
        meta => meta.path().segments.last().is_some_and(|last| last.ident == "test"),
    })
}

macro_rules! skips_tests {
    () => {
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

        fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
            if !is_test(&item.attrs) {
                visit::visit_item_impl(self, item);
            }
        }
    };
}

struct Panics<'p> {
    path: &'p str,
    findings: Vec<Finding>,
}

impl Panics<'_> {
    fn call(&mut self, name: &str, line: usize, message: Option<&str>) {
        let remedy = match name {
            "unwrap" => "Handle the other case, or give `expect` an invariant where one holds.",
            "expect" if NO_EXPECT.iter().any(|folder| self.path.starts_with(folder)) => {
                "This crate reads remote bytes or the store: return the case as a value."
            }
            "expect" if !message.is_some_and(is_invariant) => {
                "Its message must be a literal that states why it cannot happen, in a sentence."
            }
            _ => return,
        };
        self.findings.push(Finding::at(self.path, line, PANICS, remedy));
    }

    /// Macro arguments are tokens, not syntax: look for `.unwrap()` and `.expect(…)` there.
    fn tokens(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (i, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(ident) => {
                    let method = i > 0 && matches!(&tokens[i - 1], TokenTree::Punct(dot) if dot.as_char() == '.');
                    let Some(TokenTree::Group(arguments)) = tokens.get(i + 1).filter(|_| method) else { continue };
                    let literal = syn::parse2::<syn::LitStr>(arguments.stream()).ok().map(|literal| literal.value());
                    self.call(&ident.to_string(), ident.span().start().line, literal.as_deref());
                }
                _ => {}
            }
        }
    }
}

fn is_invariant(message: &str) -> bool {
    message.len() >= 15 && message.split(' ').count() >= 3
}

impl<'ast> Visit<'ast> for Panics<'_> {
    skips_tests!();

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let message = match call.args.first() {
            Some(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. })) => Some(text.value()),
            _ => None,
        };
        self.call(&call.method.to_string(), call.method.span().start().line, message.as_deref());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }
}

pub fn panics(path: &str, syntax: &syn::File) -> Vec<Finding> {
    let mut panics = Panics { path, findings: Vec::new() };
    panics.visit_file(syntax);
    panics.findings
}

struct Ignored<'p> {
    path: &'p str,
    findings: Vec<Finding>,
}

impl Ignored<'_> {
    fn check(&mut self, expression: &syn::Expr, line: usize) {
        if let Some(call) = store_call(expression) {
            let remedy =
                format!("`{call}` may have failed: stop the process as the queue does for every store failure.");
            self.findings.push(Finding::at(self.path, line, STORE, remedy));
        }
    }
}

/// The store method in a chain such as `self.db.write(batch).map(…)`.
fn store_call(expression: &syn::Expr) -> Option<String> {
    match expression {
        syn::Expr::MethodCall(call) => {
            let name = call.method.to_string();
            if STORE_CALLS.contains(&name.as_str()) { Some(name) } else { store_call(&call.receiver) }
        }
        syn::Expr::Call(call) => match &*call.func {
            syn::Expr::Path(path) => {
                let name = path.path.segments.last()?.ident.to_string();
                STORE_CALLS.contains(&name.as_str()).then_some(name)
            }
            _ => None,
        },
        syn::Expr::Await(inner) => store_call(&inner.base),
        syn::Expr::Paren(inner) => store_call(&inner.expr),
        _ => None,
    }
}

impl<'ast> Visit<'ast> for Ignored<'_> {
    skips_tests!();

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if let (syn::Pat::Wild(_), Some(init)) = (&local.pat, &local.init) {
            self.check(&init.expr, local.let_token.span.start().line);
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let swallows = ["ok", "unwrap_or_default", "unwrap_or", "unwrap_or_else", "is_ok", "is_err"];
        if swallows.iter().any(|name| call.method == name) {
            self.check(&call.receiver, call.method.span().start().line);
        }
        visit::visit_expr_method_call(self, call);
    }
}

pub fn ignored_store_results(path: &str, syntax: &syn::File) -> Vec<Finding> {
    let mut ignored = Ignored { path, findings: Vec::new() };
    ignored.visit_file(syntax);
    ignored.findings
}

fn line_of(path: &syn::Path) -> usize {
    path.segments.first().map_or(1, |segment| segment.ident.span().start().line)
}

struct Time<'p> {
    path: &'p str,
    findings: Vec<Finding>,
}

impl Time<'_> {
    fn names(&mut self, names: &[String], line: usize) {
        let clock = names.windows(2).any(|pair| pair[1] == "now" && CLOCKS.contains(&pair[0].as_str()));
        // Keys and nonces must not be replayed by any seed: they come from the cryptographic library.
        let secret = names.windows(2).any(|pair| pair[0] == "aws_lc_rs" && pair[1] == "rand");
        let chance = !secret && names.iter().any(|name| CHANCE.contains(&name.as_str()));
        let uuid = names
            .windows(2)
            .any(|pair| pair[0] == "Uuid" && ["new_v4", "now_v7", "new_v7"].contains(&pair[1].as_str()));
        if clock || chance || uuid {
            let remedy = "Take clock::Clock, clock::Chance or `now` as an argument, so that a seed replays a day.";
            self.findings.push(Finding::at(self.path, line, TIME, remedy));
        }
    }

    fn tokens(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut names: Vec<String> = Vec::new();
        let mut line = 0;
        for token in tokens {
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
            // A lone word such as a field named `rand` is no path.
            if names.len() > 1 {
                self.names(&names, line);
            }
            names.clear();
        }
    }
}

impl<'ast> Visit<'ast> for Time<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 || names.first().is_some_and(|name| name == "RandomState") {
            self.names(&names, line_of(path));
        }
        visit::visit_path(self, path);
    }

    fn visit_use_path(&mut self, path: &'ast syn::UsePath) {
        self.names(&[path.ident.to_string()], path.ident.span().start().line);
        visit::visit_use_path(self, path);
    }

    fn visit_use_name(&mut self, name: &'ast syn::UseName) {
        self.names(&[name.ident.to_string()], name.ident.span().start().line);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }
}

pub fn time_and_chance(path: &str, syntax: &syn::File) -> Vec<Finding> {
    let mut time = Time { path, findings: Vec::new() };
    time.visit_file(syntax);
    time.findings
}

#[cfg(test)]
#[path = "calls_samples.rs"]
mod samples;
